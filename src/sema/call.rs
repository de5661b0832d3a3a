//! Calls: of the program's functions, of the host's, and of built-ins.

use super::builtins::{self, Builtin, Form, Gives, Lower};
use super::check::{Checker, Ty, Val, elem_of, ty_name};
use super::errors::{brief, quote};
use super::hir::{ExprId, ExprKind, FuncId, HostId, List, Step, StepKind};
use super::operator::Steps;
use super::{HostParams, HostSignature};
use crate::diagnostic::cut;
use crate::ir::op::Op;
use crate::span::Span;
use crate::syntax::ast::{self, Ident};
use crate::types::{Elem, Type};

impl Checker<'_> {
    /// `name(args)`
    #[inline(never)]
    pub fn call(&mut self, name: Ident, args: List, span: Span) -> Val {
        let text = self.text(name.symbol);
        let own = self.fn_named(name.symbol);
        let host = self.host_of.get(text).copied();
        if self.in_const && (own.is_some() || host.is_some()) {
            return self.not_constant(span, "a call of a function that is not built in");
        }
        if let Some(index) = own {
            return self.call_own(index as usize, args, span);
        }
        if let Some(index) = host {
            return self.call_host(index, args, span);
        }
        match builtins::builtin(text) {
            Some(builtin) => self.call_builtin(builtin, args, span),
            None => {
                self.unknown_function(name);
                self.check_args(args);
                self.error(span)
            }
        }
    }

    /// Checks arguments of a call that is wrong, for their own mistakes.
    fn check_args(&mut self, args: List) {
        for i in args.range() {
            self.expr(self.ast.expr_lists[i], None);
        }
    }

    #[inline(never)]
    fn unknown_function(&mut self, name: Ident) {
        let text = self.text(name.symbol);
        if !self.unknown.insert((usize::MAX, name.symbol)) {
            return;
        }
        let value = self.scopes.get(name.symbol).is_some() || self.const_named(name.symbol).is_some();
        if value || builtins::constant(text).is_some() {
            let message = format!("{} is a value, not a function", quote(text));
            let error = self.errors.add("E0107", name.span, message);
            let name = brief(text);
            error.help = Some(format!("to multiply write `{name} * (…)`; an element of an array is `{name}[i]`"));
            return;
        }
        let help = match builtins::known_elsewhere(text) {
            Some(help) => Some(help.to_string()),
            None => self.nearest_function(text).map(|near| format!("did you mean `{near}`?")),
        };
        let message = format!("there is no function named {}", quote(text));
        self.errors.add("E0101", name.span, message).help = help;
    }

    fn nearest_function(&mut self, name: &str) -> Option<String> {
        let ast = self.ast;
        let own = ast.fns.iter().map(|f| &ast.symbols[f.name.symbol.0 as usize]);
        let hosts = self.env.hosts.iter().map(|h| h.name);
        let candidates = own.chain(hosts).chain(builtins::BUILTINS.iter().map(|b| b.name));
        self.errors.nearest(name, candidates).map(str::to_string)
    }

    #[inline(never)]
    fn wrong_count(&mut self, name: &str, takes: &str, args: List, span: Span, signature: String) {
        let given = match args.len {
            0 => "none".to_string(),
            n => n.to_string(),
        };
        let message = format!("{} takes {takes}, but is given {given}", quote(name));
        self.errors.add("E0122", span, message).help = Some(format!("it is `{}`", cut(&signature)));
    }

    #[inline(never)]
    fn call_own(&mut self, index: usize, args: List, span: Span) -> Val {
        let decl = &self.ast.fns[index];
        let name = self.text(decl.name.symbol);
        if args.len as usize != self.signatures[index].params.len() {
            let takes = arguments(self.signatures[index].params.len());
            let signature = self.signature_text(index);
            self.wrong_count(name, &takes, args, span, signature);
            self.check_args(args);
            return self.call_result(self.signatures[index].result, span);
        }
        let mut ids = Vec::with_capacity(args.len as usize);
        for (n, i) in args.range().enumerate() {
            let param = &self.signatures[index].params[n];
            let (ty, mutable) = (param.ty, param.mutable);
            ids.push(self.own_argument(index, n, ty, mutable, self.ast.expr_lists[i]));
        }
        let list = self.expr_list(&ids);
        let signature = &self.signatures[index];
        let (result, writable) = (signature.result, signature.writable);
        match result {
            Ty::Known(ty) => self.val(ExprKind::Call(FuncId(index as u32), list), ty, span, writable),
            Ty::Never | Ty::Error => self.error(span),
        }
    }

    /// What stands for a wrong call of a function whose result is known.
    fn call_result(&mut self, result: Ty, span: Span) -> Val {
        Val { ty: result, ..self.error(span) }
    }

    fn own_argument(&mut self, index: usize, n: usize, ty: Type, mutable: bool, arg: ast::ExprId) -> ExprId {
        let val = self.expr(arg, elem_of(ty));
        self.own_argument_fits(index, n, ty, mutable, arg, val)
    }

    #[inline(never)]
    fn own_argument_fits(
        &mut self,
        index: usize,
        n: usize,
        ty: Type,
        mutable: bool,
        arg: ast::ExprId,
        val: Val,
    ) -> ExprId {
        let function = self.text(self.ast.fns[index].name.symbol);
        let Some(id) = self.fit(val, ty) else {
            let decl = &self.ast.fns[index];
            let param = self.ast.params[decl.params.range()][n].name;
            let what = format!("{} of {}", quote(self.text(param.symbol)), quote(function));
            let error = self.mismatch("E0123", val.ty, ty, self.span(arg), Some(arg), &what);
            error.labels.push((param.span, "the parameter is declared here".into()));
            return val.id;
        };
        if mutable && matches!(val.ty, Ty::Known(Type::Array(_))) && !val.writable {
            self.unwritable_argument(function, arg, ty);
        }
        id
    }

    /// `area(r: f64) -> f64`
    fn signature_text(&self, index: usize) -> String {
        let signature = &self.signatures[index];
        let written = &self.ast.params[self.ast.fns[index].params.range()];
        let params: Vec<String> = (signature.params.iter().zip(written))
            .map(|(p, param)| {
                format!("{}{}: {}", if p.mutable { "mut " } else { "" }, self.text(param.name.symbol), p.ty)
            })
            .collect();
        let result = match signature.result {
            Ty::Known(ty) if ty != Type::Unit => format!(" -> {ty}"),
            _ => String::new(),
        };
        format!("{}({}){result}", self.text(self.ast.fns[index].name.symbol), params.join(", "))
    }

    #[inline(never)]
    fn call_host(&mut self, index: u32, args: List, span: Span) -> Val {
        let HostSignature { name, params, result } = self.env.hosts[index as usize];
        let mut ids = Vec::with_capacity(args.len as usize);
        match params {
            HostParams::Fixed(params) => {
                if params.len() != args.len as usize {
                    let types: Vec<String> = params.iter().map(Type::to_string).collect();
                    let signature = format!("{name}({})", types.join(", "));
                    self.wrong_count(name, &arguments(params.len()), args, span, signature);
                    self.check_args(args);
                    return self.call_result(Ty::Known(result), span);
                }
                for (&ty, i) in params.iter().zip(args.range()) {
                    let arg = self.ast.expr_lists[i];
                    let what = format!("this argument of {}", quote(name));
                    ids.push(self.expect(arg, ty, "E0123", &what).id);
                }
            }
            HostParams::Scalars => {
                for i in args.range() {
                    let arg = self.ast.expr_lists[i];
                    let val = self.expr(arg, None);
                    match val.ty {
                        Ty::Known(Type::Unit | Type::Array(_)) => {
                            let message =
                                format!("{} takes numbers and `bool`s, but this is {}", quote(name), ty_name(val.ty));
                            self.errors.add("E0123", self.span(arg), message);
                        }
                        Ty::Never => ids.push(self.fit(val, Type::F64).unwrap_or(val.id)),
                        _ => ids.push(val.id),
                    }
                }
            }
        }
        let list = self.expr_list(&ids);
        self.val(ExprKind::HostCall(HostId(index), list), result, span, false)
    }

    #[inline(never)]
    fn call_builtin(&mut self, builtin: &'static Builtin, args: List, span: Span) -> Val {
        let mut vals = Vec::with_capacity(args.len as usize);
        self.builtin_args(builtin, args, &mut vals);
        self.close_builtin(builtin, args, &mut vals, span)
    }

    /// Checks the arguments. An array literal is written for the element type of the other array.
    #[inline(never)]
    fn builtin_args(&mut self, builtin: &Builtin, args: List, vals: &mut Vec<Val>) {
        let pair = args.len == 2 && builtin.forms.iter().any(|f| f.params.get(1) == Some(&builtins::Param::Same));
        let elem = |val: Val| match val.ty {
            Ty::Known(Type::Array(elem)) => Some(elem),
            _ => None,
        };
        let at = |n: usize| self.ast.expr_lists[args.start as usize + n];
        let literal = |id: ast::ExprId| {
            matches!(self.ast.exprs[id.0 as usize].kind, ast::ExprKind::Array(_) | ast::ExprKind::Fill(..))
        };
        if pair {
            let (a, b) = (at(0), at(1));
            if literal(a) && !literal(b) {
                let second = self.expr(b, None);
                vals.push(self.expr(a, elem(second)));
                vals.push(second);
            } else {
                let first = self.expr(a, None);
                vals.push(first);
                vals.push(self.expr(b, elem(first)));
            }
            return;
        }
        // `any`, `all` and `count` take one type of array alone, so `[]` is one of these. What a literal with elements is, they tell.
        let bools = builtin.forms.iter().all(|form| form.params.first() == Some(&builtins::Param::Bools));
        for i in args.range() {
            let arg = self.ast.expr_lists[i];
            let tells = match self.ast.exprs[arg.0 as usize].kind {
                ast::ExprKind::Array(items) => items.len > 0,
                ast::ExprKind::Fill(..) => true,
                _ => false,
            };
            vals.push(self.expr(arg, (bools && !tells).then_some(Elem::Bool)));
        }
    }

    #[inline(never)]
    fn close_builtin(&mut self, builtin: &'static Builtin, args: List, vals: &mut [Val], span: Span) -> Val {
        let name = builtin.name;
        if !builtin.forms.iter().any(|form| form.takes_count(vals.len())) {
            let takes = match builtin.forms[0].lower {
                Lower::Fold(_) => "two or more numbers or one array".to_string(),
                _ => arguments(builtin.forms[0].params.len()),
            };
            let signature = builtin.usage.to_string();
            self.wrong_count(name, &takes, args, span, signature);
            return self.error(span);
        }
        if vals.iter().any(|val| val.ty == Ty::Error) {
            return self.error(span);
        }
        let first = vals.first().and_then(|val| match val.ty {
            Ty::Known(ty) => elem_of(ty),
            _ => None,
        });
        let fits = |form: &&Form, exact: bool| {
            form.takes_count(vals.len())
                && vals.iter().enumerate().all(|(n, val)| match (form.param(n), val.ty) {
                    (Some(param), Ty::Known(ty)) => {
                        if exact {
                            param.is(ty, first)
                        } else {
                            param.takes(ty, first)
                        }
                    }
                    _ => true,
                })
        };
        let forms = || builtin.forms.iter();
        let Some(form) = forms().find(|form| fits(form, true)).or_else(|| forms().find(|form| fits(form, false)))
        else {
            self.wrong_builtin(builtin, args, vals, first);
            return self.error(span);
        };
        if form.params.first() == Some(&builtins::Param::Mut)
            && let Some(Val { writable: false, ty: Ty::Known(ty), .. }) = vals.first().copied()
        {
            self.unwritable_argument(name, self.ast.expr_lists[args.start as usize], ty);
        }
        let mut ids = Vec::with_capacity(vals.len());
        for (n, val) in vals.iter().enumerate() {
            let to = match form.param(n) {
                Some(builtins::Param::F64) => Type::F64,
                Some(builtins::Param::I64) => Type::I64,
                Some(builtins::Param::Bool | builtins::Param::Bools) if val.ty == Ty::Never => Type::Bool,
                Some(builtins::Param::Elem) => first.map_or(Type::F64, Elem::scalar),
                _ => match val.ty {
                    Ty::Known(ty) => ty,
                    Ty::Never | Ty::Error => Type::Array(first.unwrap_or(Elem::F64)),
                },
            };
            let id = self.fit(*val, to).unwrap_or(val.id);
            ids.push(match form.param(n) {
                Some(builtins::Param::Elem) => {
                    self.narrowed(id, first.unwrap_or(Elem::F64), self.ast.expr_lists[args.start as usize + n])
                }
                _ => id,
            });
        }
        self.lower(form, &ids, first.unwrap_or(Elem::F64), span)
    }

    /// What the call of a built-in becomes.
    #[inline(never)]
    fn lower(&mut self, form: &Form, ids: &[ExprId], elem: Elem, span: Span) -> Val {
        let ty = match form.result {
            Gives::F64 => Type::F64,
            Gives::I64 => Type::I64,
            Gives::Bool => Type::Bool,
            Gives::Unit => Type::Unit,
            Gives::Elem => elem.scalar(),
        };
        let Some((&first, rest)) = ids.split_first() else { return self.error(span) };
        let step = |op: Op, arg: ExprId| Step { kind: StepKind::Op(op), arg: Some(arg), span };
        let kind = match form.lower {
            Lower::Op(Op::IToF) => {
                let id = self.widen(first);
                return Val { id, ty: Ty::Known(ty), writable: false };
            }
            Lower::Same => return Val { id: first, ty: Ty::Known(ty), writable: false },
            Lower::Op(op) => ExprKind::Op(op, self.expr_list(ids)),
            Lower::Canon(op) => {
                let mut ids = ids.to_vec();
                if let Some(last) = ids.last_mut() {
                    *last = self.canonical(*last);
                }
                ExprKind::Op(op, self.expr_list(&ids))
            }
            Lower::Math(math) => ExprKind::Math(math, self.expr_list(ids)),
            Lower::Fold(op) => {
                let steps: Steps = rest.iter().map(|&arg| step(op, arg)).collect();
                ExprKind::Chain(first, self.step_list(&steps))
            }
            Lower::Two(a, b) => {
                let steps: Steps = rest.iter().zip([a, b]).map(|(&arg, op)| step(op, arg)).collect();
                ExprKind::Chain(first, self.step_list(&steps))
            }
            Lower::Times(factor) => {
                let factor = self.push(ExprKind::F64(factor), Type::F64, span);
                ExprKind::Op(Op::FMul, self.expr_list(&[first, factor]))
            }
            Lower::Len => ExprKind::Len(first),
            Lower::Array(op) => ExprKind::ArrayOp(op, elem, self.expr_list(ids)),
        };
        self.val(kind, ty, span, false)
    }

    /// Says which argument of a built-in does not fit.
    #[inline(never)]
    fn wrong_builtin(&mut self, builtin: &Builtin, args: List, vals: &[Val], first: Option<Elem>) {
        // The form that takes the most of them from the left; among equals the last, which is the wider.
        let taken = |form: &Form| {
            let fits = |(n, val): &(usize, &Val)| match (form.param(*n), val.ty) {
                (Some(param), Ty::Known(ty)) => param.takes(ty, first),
                _ => true,
            };
            vals.iter().enumerate().take_while(fits).count()
        };
        let forms = builtin.forms.iter().filter(|form| form.takes_count(vals.len()));
        let Some(form) = forms.max_by_key(|form| taken(form)) else { return };
        let wrong = taken(form);
        let (Some(val), Some(param)) = (vals.get(wrong), form.param(wrong)) else { return };
        let arg = self.ast.expr_lists[args.start as usize + wrong];
        let what = format!("this argument of {}", quote(builtin.name));
        use builtins::Param;
        let wanted = match param {
            Param::F64 => Type::F64,
            Param::I64 => Type::I64,
            Param::Bool => Type::Bool,
            Param::Bools => Type::Array(Elem::Bool),
            Param::Same => Type::Array(first.unwrap_or(Elem::F64)),
            Param::Elem => first.map_or(Type::F64, Elem::scalar),
            Param::Nums | Param::Array | Param::Mut => {
                let kind = if param == Param::Nums { "an array of numbers" } else { "an array" };
                let message = format!("{what} is {kind}, but this is {}", ty_name(val.ty));
                let help = match (builtin.name, val.ty) {
                    ("sum", Ty::Known(Type::Array(Elem::Bool))) => "`count(xs)` tells how many are true".to_string(),
                    _ => format!("it is `{}`", builtin.signatures()),
                };
                self.errors.add("E0123", self.span(arg), message).help = Some(help);
                return;
            }
        };
        let error = self.mismatch("E0123", val.ty, wanted, self.span(arg), Some(arg), &what);
        if error.help.is_none() {
            error.help = Some(format!("it is `{}`", builtin.signatures()));
        }
    }
}

/// "no arguments", "1 argument", "3 arguments".
fn arguments(count: usize) -> String {
    match count {
        0 => "no arguments".into(),
        1 => "1 argument".into(),
        n => format!("{n} arguments"),
    }
}
