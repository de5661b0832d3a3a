//! Assignments, and who may write to an array.

use super::builtins;
use super::check::{Checker, Origin, Ty, Val, elem_of, ty_name};
use super::errors::{brief, quote};
use super::hir::{ExprId, ExprKind, LocalId, StmtKind};
use super::node::Stmts;
use super::operator::{Acc, Steps, zero};
use crate::ir::op::Op;
use crate::span::Span;
use crate::syntax::ast::{self, BinaryOp, Ident, List, PostfixKind, Symbol};
use crate::types::{Elem, Type};

/// `array[index]` on the left of `=`.
struct Element {
    array: ExprId,
    index: ExprId,
    elem: Elem,
    place: Span,
}

impl Checker<'_> {
    /// `target = value;`, `target op= value;`
    #[inline(never)]
    pub fn assign(
        &mut self,
        target: ast::ExprId,
        op: Option<BinaryOp>,
        value: ast::ExprId,
        span: Span,
        out: &mut Stmts,
    ) {
        let ast::Expr { kind, span: place, .. } = self.ast.exprs[target.0 as usize];
        match kind {
            ast::ExprKind::Name(symbol) => self.assign_name(symbol, place, op, value, span, out),
            ast::ExprKind::Postfix(base, postfixes) => self.assign_element(base, postfixes, op, value, span, out),
            ast::ExprKind::Error => {
                self.expr(value, None);
            }
            _ => {
                let message = "only a variable or an element of an array can be assigned";
                let help = match kind {
                    ast::ExprKind::Call(..) => {
                        let text = self.expr_text(target).unwrap_or("f(x)");
                        Some(format!("a function is defined by `fn {text} = …;`"))
                    }
                    _ => None,
                };
                self.errors.add("E0131", place, message).help = help;
                self.expr(value, None);
            }
        }
    }

    #[inline(never)]
    fn assign_name(
        &mut self,
        symbol: Symbol,
        place: Span,
        op: Option<BinaryOp>,
        value: ast::ExprId,
        span: Span,
        out: &mut Stmts,
    ) {
        let Some(local) = self.assignable(symbol, place, op, span) else {
            self.expr(value, None);
            return;
        };
        let info = self.scopes.infos[local.0 as usize];
        let Ty::Known(ty) = info.ty else {
            self.expr(value, None);
            return;
        };
        let current = self.local(local, place);
        let val = self.expr(value, elem_of(ty));
        let result = match op {
            None => val,
            Some(op) => {
                let mut acc = Acc { first: Some(current.id), ty: current.ty, steps: Steps::new() };
                self.step(&mut acc, op, val, value, span, span);
                self.close_chain(&acc, span)
            }
        };
        let writable = result.writable || result.ty == Ty::Never;
        if let (Type::Array(_), Ty::Known(Type::Array(_)), false) = (ty, result.ty, writable) {
            let name = Ident { symbol, span: place };
            self.unwritable_var(name, value, ty);
        }
        if matches!(ty, Type::Array(_)) {
            self.note_assigned(local);
        }
        match self.fit(result, ty) {
            Some(id) => {
                self.push_stmt(StmtKind::Set(local, id), span, out);
            }
            None => self.wrong_assignment(local, symbol, ty, result, op, value),
        }
    }

    /// The variable of this name, if it can be assigned.
    #[inline(never)]
    fn assignable(&mut self, symbol: Symbol, place: Span, op: Option<BinaryOp>, span: Span) -> Option<LocalId> {
        let name = self.text(symbol);
        let Some(local) = self.scopes.get(symbol) else {
            if self.const_named(symbol).is_some() || builtins::constant(name).is_some() {
                let message = format!("{} is a constant; it cannot be assigned", quote(name));
                let error = self.errors.add("E0130", span, message);
                error.help = Some(format!("declare a variable: `var {} = …;`", brief(name)));
                return None;
            }
            let before = self.errors.len();
            self.unknown_name(symbol, place);
            if op.is_none()
                && let Some(error) = self.errors.added_since(before)
                && error.help.is_none()
            {
                error.help = Some(format!("declare it: `var {} = …;`", brief(name)));
            }
            return None;
        };
        let declared = self.body.locals[local as usize].span;
        let shown = brief(name);
        let (what, help) = match self.scopes.infos[local as usize].origin {
            Origin::Var(..) => {
                self.body.locals[local as usize].assigned = true;
                return Some(LocalId(local));
            }
            Origin::Let => ("a `let`", format!("declare it with `var {shown} = …;`")),
            Origin::Param => ("a parameter", format!("copy it into a variable: `var v = {shown};`")),
            Origin::Loop => ("the name of a loop", format!("copy it into a variable: `var v = {shown};`")),
            Origin::Input => ("an input", format!("declare a variable: `var v = {shown};`")),
        };
        let origin = self.scopes.infos[local as usize].origin;
        let message = format!("{} is {what}; it cannot be assigned", quote(name));
        let error = self.errors.add("E0130", span, message);
        error.help = Some(help);
        if origin != Origin::Input {
            error.labels.push((declared, "it is declared here".into()));
        }
        None
    }

    #[inline(never)]
    fn wrong_assignment(
        &mut self,
        local: LocalId,
        symbol: Symbol,
        ty: Type,
        result: Val,
        op: Option<BinaryOp>,
        value: ast::ExprId,
    ) {
        let name = self.text(symbol);
        let declared = self.body.locals[local.0 as usize].span;
        let at = self.span(value);
        if (ty, result.ty) != (Type::I64, Ty::Known(Type::F64)) {
            self.mismatch("E0132", result.ty, ty, at, Some(value), &quote(name))
                .labels
                .push((declared, "it is declared here".into()));
            return;
        }
        let help = self.help_for_i64_var(local, name, op, value);
        let message = format!("{} is an `i64`, but this makes it an `f64`", quote(name));
        let error = self.errors.add("E0132", at, message);
        error.labels.push((declared, "it is declared as an `i64` here".into()));
        error.help = Some(help);
    }

    /// What to write where an `f64` goes into a variable that is an `i64`.
    fn help_for_i64_var(&self, local: LocalId, name: &str, op: Option<BinaryOp>, value: ast::ExprId) -> String {
        let text = self.expr_text(value).unwrap_or("…");
        let Origin::Var(stated, init) = self.scopes.infos[local.0 as usize].origin else {
            return self.help_for_i64(value);
        };
        let name = brief(name);
        let whole = self.help_for_i64(value);
        if op == Some(BinaryOp::Div) {
            return format!("`/` always gives an `f64`; for a whole number write `{name} = div({name}, {text});`");
        }
        if whole.contains("div(") {
            return whole;
        }
        match (stated, self.ast.exprs[init.0 as usize].kind) {
            (None, ast::ExprKind::Int(n)) => format!("declare it as an `f64`: `var {name} = {n}.0;`"),
            (None, _) => format!("declare it as an `f64`: `var {name}: f64 = …;`"),
            (Some(_), _) => format!("declare it as `{name}: f64`, or convert: `i64({text})`"),
        }
    }

    #[inline(never)]
    fn assign_element(
        &mut self,
        base: ast::ExprId,
        postfixes: List,
        op: Option<BinaryOp>,
        value: ast::ExprId,
        span: Span,
        out: &mut Stmts,
    ) {
        let Some(element) = self.element(base, postfixes) else {
            self.expr(value, None);
            return;
        };
        let Element { array, index, elem, place } = element;
        let val = self.expr(value, None);
        let Some(op) = op else {
            match self.fit(val, elem.scalar()) {
                Some(value) => {
                    self.push_stmt(StmtKind::Store { array, index, value, elem, place }, span, out);
                }
                None => {
                    let what = format!("an element of this `[{elem}]`");
                    self.mismatch("E0132", val.ty, elem.scalar(), self.span(value), Some(value), &what);
                }
            }
            return;
        };
        let mut acc = Acc { first: None, ty: Ty::Known(elem.scalar()), steps: Steps::new() };
        self.step(&mut acc, op, val, value, span, span);
        match acc.ty {
            Ty::Known(ty) if ty == elem.scalar() => {
                let steps = self.step_list(&acc.steps);
                // Whatever traps in `op=` is reported at the statement.
                self.push_stmt(StmtKind::Update { array, index, steps, elem, place: span }, span, out);
            }
            Ty::Known(_) => {
                let target = self.snippet(place).unwrap_or("xs[i]");
                let text = self.expr_text(value).unwrap_or("…");
                let message = format!("an element of this `[{elem}]` is an `i64`, but this makes it an `f64`");
                let help = match op {
                    BinaryOp::Div => {
                        format!(
                            "`/` always gives an `f64`; for a whole number write `{target} = div({target}, {text});`"
                        )
                    }
                    _ => format!("convert: `{target} = i64({target} {} {text});`", op.name()),
                };
                self.errors.add("E0132", span, message).help = Some(help);
            }
            Ty::Never | Ty::Error => {}
        }
    }

    /// The element that is assigned to; none, reported, where it is none.
    #[inline(never)]
    fn element(&mut self, base: ast::ExprId, postfixes: List) -> Option<Element> {
        let last = self.ast.postfixes[postfixes.range()].last().copied()?;
        let before = List { start: postfixes.start, len: postfixes.len - 1 };
        let base_val = self.expr(base, None);
        let span = match before.range().next_back() {
            Some(i) => self.ast.postfixes[i].span,
            None => self.span(base),
        };
        let array = self.postfixes(base_val, before, span);
        let index = match last.kind {
            PostfixKind::Index(index) => {
                let val = self.expr(index, None);
                self.expect_i64(val, index, "an index")
            }
            PostfixKind::Slice(..) => {
                let error = self.errors.add("E0131", last.span, "a slice cannot be assigned as a whole");
                error.help = Some(
                    "store one value everywhere with `fill(xs[a..b], v)`, or an array with `copy(xs[a..b], ys)`".into(),
                );
                return None;
            }
        };
        match array.ty {
            Ty::Known(Type::Array(elem)) => {
                if !array.writable {
                    self.unwritable_store(base, last.span, elem);
                }
                Some(Element { array: array.id, index, elem, place: last.span })
            }
            Ty::Known(_) => {
                let message = format!("only arrays have elements, but this is {}", ty_name(array.ty));
                self.errors.add("E0151", span, message);
                None
            }
            Ty::Never => {
                let array = self.fit(array, Type::Array(Elem::F64))?;
                Some(Element { array, index, elem: Elem::F64, place: last.span })
            }
            Ty::Error => None,
        }
    }

    /// The variable that an expression for an array takes its elements from, if it is simply one.
    fn root(&self, mut id: ast::ExprId) -> Option<(LocalId, Origin, &str)> {
        loop {
            match self.ast.exprs[id.0 as usize].kind {
                ast::ExprKind::Postfix(base, _) => id = base,
                ast::ExprKind::Name(symbol) => {
                    let local = self.scopes.get(symbol)?;
                    return Some((LocalId(local), self.scopes.infos[local as usize].origin, self.text(symbol)));
                }
                _ => return None,
            }
        }
    }

    /// Why an array may not be written to, with the help for it and where it is declared.
    fn why_unwritable(&self, id: ast::ExprId) -> (String, Option<String>, Option<Span>) {
        let Some((local, origin, name)) = self.root(id) else {
            return ("it gives an array that is only for reading".into(), None, None);
        };
        let declared = Some(self.body.locals[local.0 as usize].span);
        let ty = self.body.locals[local.0 as usize].ty;
        let shown = brief(name);
        match origin {
            Origin::Let => {
                (format!("{} is a `let`", quote(name)), Some(format!("declare it with `var {shown} = …;`")), declared)
            }
            Origin::Param => (
                format!("{} is a plain parameter", quote(name)),
                Some(format!("declare it as `mut {shown}: {ty}`")),
                declared,
            ),
            Origin::Input => (format!("{} is an input that is only for reading", quote(name)), None, None),
            Origin::Var(..) | Origin::Loop => (format!("{} is only for reading", quote(name)), None, declared),
        }
    }

    #[inline(never)]
    fn unwritable_store(&mut self, base: ast::ExprId, place: Span, elem: Elem) {
        let (why, help, declared) = self.why_unwritable(base);
        let text = self.expr_text(base).unwrap_or("xs").to_string();
        let (stated, zero) = new_array(Type::Array(elem));
        let error = self.errors.add("E0133", place, format!("this array may not be written to: {why}"));
        error.help = help.or_else(|| {
            Some(format!("copy it into a new array: `var ys{stated} = [{zero}; len({text})]; copy(ys, {text});`"))
        });
        error.labels.extend(declared.map(|span| (span, "it is declared here".into())));
    }

    /// Says that an array which may not be written to would get a name that writes.
    #[inline(never)]
    pub fn unwritable_var(&mut self, name: Ident, value: ast::ExprId, ty: Type) {
        let (why, _, declared) = self.why_unwritable(value);
        let name_text = self.text(name.symbol);
        let text = self.expr_text(value).unwrap_or("xs").to_string();
        let (stated, zero) = new_array(ty);
        let message = format!("{} is a `var`, but this array may not be written to: {why}", quote(name_text));
        let error = self.errors.add("E0133", self.span(value), message);
        let name_text = brief(name_text);
        error.help = Some(format!(
            "write `let {name_text} = {text};`, or copy it: `var {name_text}{stated} = [{zero}; len({text})]; copy({name_text}, {text});`"
        ));
        error.labels.extend(declared.map(|span| (span, "it is declared here".into())));
    }

    /// Says that an array which may not be written to is passed to a function that writes.
    #[inline(never)]
    pub fn unwritable_argument(&mut self, function: &str, arg: ast::ExprId, ty: Type) {
        let (why, help, declared) = self.why_unwritable(arg);
        let text = self.expr_text(arg).unwrap_or("xs").to_string();
        let (stated, zero) = new_array(ty);
        let message = format!("{} writes to this array, which may not be written to: {why}", quote(function));
        let error = self.errors.add("E0133", self.span(arg), message);
        let copied = format!("pass a copy: `var ys{stated} = [{zero}; len({text})]; copy(ys, {text});`");
        error.help = Some(match help {
            Some(help) => format!("{help}, or {copied}"),
            None => copied,
        });
        error.labels.extend(declared.map(|span| (span, "it is declared here".into())));
    }

    /// An operand whose sign or bits are seen.
    pub fn canonical(&mut self, id: ExprId) -> ExprId {
        let expr = self.hir.exprs[id.0 as usize];
        match expr.kind {
            ExprKind::F64(x) if !x.is_nan() => id,
            _ => self.unary(Op::FCanon, id, Type::F64, expr.span),
        }
    }
}

/// How a `var` for a copy of an array states its type, where it has to, and the element that it is filled with.
fn new_array(ty: Type) -> (String, &'static str) {
    let stated = match ty {
        Type::Array(Elem::F32 | Elem::I32 | Elem::U8) => format!(": {ty}"),
        _ => String::new(),
    };
    (stated, zero(ty).unwrap_or("0.0"))
}
