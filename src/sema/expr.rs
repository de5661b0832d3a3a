//! Expressions: literals, names, `if`, blocks and arrays. Operators are in [`super::operator`], calls in [`super::call`].
//!
//! Each kind has its own function that is not inlined, so that a level of nesting takes little stack.

use super::builtins::{self, Constant};
use super::check::{Checker, Origin, Ty, Val, elem_of, join, ty_name};
use super::consts::ConstValue;
use super::errors::{brief, quote};
use super::hir::{ExprId, ExprKind, List, LocalId, StmtId, StmtKind};
use super::node::Stmts;
use crate::span::Span;
use crate::syntax::ast::{self, BlockId, Symbol, UnaryOp};
use crate::types::{Elem, Type};

impl Checker<'_> {
    /// Checks an expression that is written for a place whose array elements, if it is one for an array, are `place`.
    pub fn expr(&mut self, id: ast::ExprId, place: Option<Elem>) -> Val {
        let ast::Expr { ref kind, span, .. } = self.ast.exprs[id.0 as usize];
        match *kind {
            ast::ExprKind::Int(n) => self.val(ExprKind::I64(n), Type::I64, span, false),
            ast::ExprKind::Float(x) => self.val(ExprKind::F64(x), Type::F64, span, false),
            ast::ExprKind::Bool(b) => self.val(ExprKind::Bool(b), Type::Bool, span, false),
            ast::ExprKind::Name(symbol) => self.name(symbol, span),
            ast::ExprKind::Unary(op, operand) => self.unary_expr(op, operand, span),
            ast::ExprKind::Power(base, exponent) => self.power(base, exponent, span),
            ast::ExprKind::Chain(first, links) => self.chain(first, links, span),
            ast::ExprKind::Compare(first, links) => self.compare(first, links, span),
            ast::ExprKind::Logic(op, operands) => self.logic(op, operands, span),
            ast::ExprKind::Call(name, args) => self.call(name, args, span),
            ast::ExprKind::Postfix(base, postfixes) => self.postfix(base, postfixes, span),
            ast::ExprKind::Array(items) => self.array(items, place, span),
            ast::ExprKind::Fill(value, count) => self.fill(value, count, place, span),
            ast::ExprKind::If(arms, other) => self.if_value(arms, other, place, span),
            ast::ExprKind::Block(block) if self.in_const => {
                let _ = block;
                self.not_constant(span, "a block")
            }
            ast::ExprKind::Block(block) => self.block(block, place),
            ast::ExprKind::Error => self.error(span),
        }
    }

    /// Says that something may not stand in a constant.
    #[inline(never)]
    pub fn not_constant(&mut self, span: Span, what: &str) -> Val {
        let error = self.errors.add("E0140", span, format!("{what} cannot stand in a constant"));
        error.help = Some("a constant is made of literals, constants, scalar operators and built-in functions".into());
        self.error(span)
    }

    /// A constant's value as a literal.
    pub fn literal(&mut self, value: Constant, span: Span) -> Val {
        let (kind, ty) = match value {
            Constant::F64(x) => (ExprKind::F64(x), Type::F64),
            Constant::I64(n) => (ExprKind::I64(n), Type::I64),
            Constant::Bool(b) => (ExprKind::Bool(b), Type::Bool),
        };
        self.val(kind, ty, span, false)
    }

    #[inline(never)]
    fn name(&mut self, symbol: Symbol, span: Span) -> Val {
        if let Some(local) = self.scopes.get(symbol) {
            return self.local(LocalId(local), span);
        }
        if let Some(index) = self.const_named(symbol) {
            return match self.const_values[index as usize] {
                Some(ConstValue::Known(value)) => self.literal(value, span),
                Some(ConstValue::Traps { kind, span, ty }) => self.trapping(kind, span, ty),
                None => self.error(span),
            };
        }
        match builtins::constant(self.text(symbol)) {
            Some(value) => self.literal(value, span),
            None => self.unknown_name(symbol, span),
        }
    }

    /// A variable's value.
    pub fn local(&mut self, local: LocalId, span: Span) -> Val {
        let info = self.scopes.infos[local.0 as usize];
        match info.ty {
            Ty::Known(ty) if ty != Type::Unit => self.val(ExprKind::Local(local), ty, span, info.writable),
            _ => self.error(span),
        }
    }

    /// Says that a name means nothing, once in each function.
    #[inline(never)]
    pub fn unknown_name(&mut self, symbol: Symbol, span: Span) -> Val {
        let name = self.text(symbol);
        if !self.unknown.insert((self.body.index, symbol)) {
            return self.error(span);
        }
        let in_main = self.body.index == self.ast.fns.len();
        let in_program = self.is_main_name(symbol);
        let callable =
            self.fn_named(symbol).is_some() || self.host_of.contains_key(name) || builtins::builtin(name).is_some();
        let outside = !in_main && (in_program || self.env.inputs.iter().any(|i| i.name == name));
        let help;
        if outside || self.in_const && in_program {
            let message = match self.in_const {
                true => format!("{} is a variable of the program, which constants do not see", quote(name)),
                false => format!("{} is a variable of the program, which functions do not see", quote(name)),
            };
            help = match self.in_const {
                true => "make it a `const` too, or this a `let`".to_string(),
                false => format!("pass it as a parameter, or make it a constant: `const {} = …;`", brief(name)),
            };
            self.errors.add("E0106", span, message).help = Some(help);
            return self.error(span);
        }
        if callable {
            let message = format!("{} is a function, not a value", quote(name));
            help = format!("call it: `{}(…)`", brief(name));
            self.errors.add("E0107", span, message).help = Some(help);
            return self.error(span);
        }
        let message = match in_main {
            true => format!("there is no variable, input or constant named {}", quote(name)),
            false => format!("there is no parameter, variable or constant named {}", quote(name)),
        };
        let near = self.nearest_value(name);
        let help = near.map(|near| format!("did you mean `{near}`?")).or_else(|| match name {
            "infinity" | "Infinity" | "inf" => Some("write `INF`".into()),
            "nan" => Some("write `NAN`".into()),
            "True" | "TRUE" => Some("write `true`".into()),
            "False" | "FALSE" => Some("write `false`".into()),
            _ if in_main && in_program => Some(
                "it is declared in another block or after this; declare it before, in this block or one around it"
                    .into(),
            ),
            _ => None,
        });
        self.errors.add("E0100", span, message).help = help;
        self.error(span)
    }

    fn nearest_value(&mut self, name: &str) -> Option<String> {
        let ast = self.ast;
        let text = |symbol: Symbol| &ast.symbols[symbol.0 as usize];
        let consts = ast.consts.iter().map(|c| text(c.name.symbol));
        // Inputs that the program does not name are not in scope.
        let in_main = self.body.index == ast.fns.len();
        let inputs = self.env.inputs.iter().filter(|_| in_main).map(|input| input.name);
        let builtin = builtins::CONSTANTS.iter().map(|(name, ..)| *name);
        let candidates = self.scopes.visible().map(text).chain(inputs).chain(consts).chain(builtin);
        self.errors.nearest(name, candidates).map(str::to_string)
    }

    #[inline(never)]
    fn unary_expr(&mut self, op: UnaryOp, operand: ast::ExprId, span: Span) -> Val {
        let val = self.expr(operand, None);
        self.unary_op(op, val, span)
    }

    /// Checks a block in its own scope; its last expression is written for `place`.
    #[inline(never)]
    pub fn block(&mut self, id: BlockId, place: Option<Elem>) -> Val {
        let block = self.ast.blocks[id.0 as usize];
        self.scopes.enter();
        let mut out = Stmts::new();
        let leaves = self.stmts(block.stmts, &mut out);
        let val = block.value.map(|value| self.expr(value, place));
        self.scopes.leave();
        self.close_block(&out, val, leaves, block.span)
    }

    #[inline(never)]
    fn close_block(&mut self, stmts: &[StmtId], value: Option<Val>, leaves: bool, span: Span) -> Val {
        match value {
            Some(val) if stmts.is_empty() => val,
            Some(val) => {
                let stmts = self.stmt_list(stmts);
                let shown = self.hir.exprs[val.id.0 as usize].ty;
                Val { id: self.push(ExprKind::Block(stmts, Some(val.id)), shown, span), ..val }
            }
            None => {
                let stmts = self.stmt_list(stmts);
                let ty = if leaves { Ty::Never } else { Ty::Known(Type::Unit) };
                Val { id: self.push(ExprKind::Block(stmts, None), Type::Unit, span), ty, writable: leaves }
            }
        }
    }

    /// Checks a block whose value is not wanted: a statement, a loop's body, an arm of an `if` without `else`. Tells whether it leaves.
    #[inline(never)]
    pub fn unit_block(&mut self, id: BlockId, missing_else: bool) -> Val {
        let block = self.ast.blocks[id.0 as usize];
        self.scopes.enter();
        let mut out = Stmts::new();
        let mut leaves = self.stmts(block.stmts, &mut out);
        if let Some(value) = block.value {
            leaves |= self.discard(value, missing_else, &mut out);
        }
        self.scopes.leave();
        self.close_block(&out, None, leaves, block.span)
    }

    /// Checks an expression whose value is thrown away, as a statement. Tells whether it leaves.
    pub fn discard(&mut self, id: ast::ExprId, missing_else: bool, out: &mut Stmts) -> bool {
        let span = self.span(id);
        let val = match self.ast.exprs[id.0 as usize].kind {
            ast::ExprKind::If(arms, other) if !self.in_const => self.if_unit(arms, other, span),
            ast::ExprKind::Block(block) if !self.in_const => self.unit_block(block, missing_else),
            _ => self.discard_other(id, missing_else),
        };
        self.push_stmt(StmtKind::Expr(val.id), span, out);
        val.ty == Ty::Never
    }

    #[inline(never)]
    fn discard_other(&mut self, id: ast::ExprId, missing_else: bool) -> Val {
        let val = self.expr(id, None);
        let call = matches!(self.ast.exprs[id.0 as usize].kind, ast::ExprKind::Call(..));
        match val.ty {
            Ty::Known(ty) if ty != Type::Unit && !call => self.unused(id, missing_else),
            _ => {}
        }
        val
    }

    fn unused(&mut self, id: ast::ExprId, missing_else: bool) {
        let span = self.span(id);
        let help = match self.ast.exprs[id.0 as usize].kind {
            ast::ExprKind::Compare(first, links) if links.len == 1 => {
                let link = self.ast.compare_links[links.start as usize];
                let name = self.expr_text(first).unwrap_or("x");
                let value = self.expr_text(link.operand).unwrap_or("…");
                (link.op == ast::CompareOp::Eq).then(|| format!("to assign write `{name} = {value};`"))
            }
            _ if missing_else => Some("an `if` without `else` has no value: add `else { … }`".into()),
            _ => None,
        };
        let error = self.errors.add("E0120", span, "this value is not used");
        error.help = help.or_else(|| Some("leave it out, or keep it: `let name = …;`".into()));
    }

    /// Checks a condition.
    pub fn condition(&mut self, id: ast::ExprId) -> ExprId {
        let val = self.expr(id, None);
        if let Some(id) = self.fit(val, Type::Bool) {
            return id;
        }
        let help = match val.ty {
            Ty::Known(Type::I64 | Type::F64) => {
                Some(format!("compare it with something: `{} != 0`", self.expr_text(id).unwrap_or("x")))
            }
            _ => None,
        };
        let message = format!("a condition is a `bool`, but this is {}", ty_name(val.ty));
        self.errors.add("E0114", self.span(id), message).help = help;
        val.id
    }

    /// `if` as a value.
    #[inline(never)]
    fn if_value(&mut self, arms: List, other: Option<BlockId>, place: Option<Elem>, span: Span) -> Val {
        if self.in_const {
            return self.not_constant(span, "`if`");
        }
        let Some(other) = other else { return self.if_unit(arms, other, span) };
        let mut conds = Vec::with_capacity(arms.len as usize);
        let mut vals = Vec::with_capacity(arms.len as usize + 1);
        for i in arms.range() {
            let arm = self.ast.arms[i];
            conds.push(self.condition(arm.cond));
            vals.push(self.block(arm.body, place));
        }
        vals.push(self.block(other, place));
        let ty = self.join_arms(arms, other, &mut vals);
        self.close_if(&conds, &vals, true, ty, span)
    }

    /// `if` as a statement, or without `else`.
    #[inline(never)]
    fn if_unit(&mut self, arms: List, other: Option<BlockId>, span: Span) -> Val {
        let mut conds = Vec::with_capacity(arms.len as usize);
        let mut vals = Vec::with_capacity(arms.len as usize + 1);
        for i in arms.range() {
            let arm = self.ast.arms[i];
            conds.push(self.condition(arm.cond));
            vals.push(self.unit_block(arm.body, other.is_none()));
        }
        let mut leaves = other.is_some();
        if let Some(other) = other {
            vals.push(self.unit_block(other, false));
        }
        leaves &= vals.iter().all(|val| val.ty == Ty::Never);
        let ty = if leaves { Ty::Never } else { Ty::Known(Type::Unit) };
        self.close_if(&conds, &vals, other.is_some(), ty, span)
    }

    #[inline(never)]
    fn close_if(&mut self, conds: &[ExprId], vals: &[Val], other: bool, ty: Ty, span: Span) -> Val {
        let start = self.hir.arms.len() as u32;
        self.hir.arms.extend(conds.iter().zip(vals).map(|(&cond, val)| (cond, val.id)));
        let arms = List { start, len: conds.len() as u32 };
        let last = vals.last().filter(|_| other).map(|val| val.id);
        let shown = match ty {
            Ty::Known(ty) => ty,
            Ty::Never | Ty::Error => Type::Unit,
        };
        let writable = vals.iter().all(|val| val.writable || val.ty == Ty::Never);
        Val { id: self.push(ExprKind::If(arms, last), shown, span), ty, writable }
    }

    /// Brings the arms of an `if` to their common type.
    #[inline(never)]
    fn join_arms(&mut self, arms: List, other: BlockId, vals: &mut [Val]) -> Ty {
        let bodies = || arms.range().map(|i| self.ast.arms[i].body).chain([other]);
        let mut common = Ty::Never;
        let mut first = None;
        for (val, body) in vals.iter().zip(bodies()) {
            match join(common, val.ty) {
                Some(ty) => common = ty,
                None => {
                    let (a, b) = (ty_name(common), ty_name(val.ty));
                    let (at, first) = (self.tail_span(body), first.map(|body| self.tail_span(body)));
                    let message = format!("the arms of this `if` have different types: {a} and {b}");
                    let error = self.errors.add("E0113", at, message);
                    error.labels.extend(first.map(|span| (span, format!("{a} here"))));
                    return Ty::Error;
                }
            }
            if first.is_none() && val.ty != Ty::Never {
                first = Some(body);
            }
        }
        if common == Ty::Known(Type::F64) {
            for val in vals {
                if val.ty == Ty::Known(Type::I64) {
                    *val = Val { id: self.widen(val.id), ty: common, ..*val };
                }
            }
        }
        common
    }

    /// `[a, b, …]`
    #[inline(never)]
    fn array(&mut self, items: List, place: Option<Elem>, span: Span) -> Val {
        if self.in_const {
            return self.not_constant(span, "an array");
        }
        let mut vals = Vec::with_capacity(items.len as usize);
        for i in items.range() {
            vals.push(self.expr(self.ast.expr_lists[i], None));
        }
        let elem = match place {
            Some(elem) => elem,
            None if vals.is_empty() => {
                let error = self.errors.add("E0117", span, "nothing tells what this empty array holds");
                error.help = Some("say it where the array goes: `let xs: [f64] = [];`".into());
                return self.error(span);
            }
            None => match self.common_elem(items, &vals) {
                Some(elem) => elem,
                None => return self.error(span),
            },
        };
        let mut ids = Vec::with_capacity(vals.len());
        let mut wrong = false;
        for (val, i) in vals.iter().zip(items.range()) {
            match self.fit(*val, elem.scalar()) {
                Some(id) => ids.push(self.narrowed(id, elem, self.ast.expr_lists[i])),
                None if wrong => {}
                None => {
                    wrong = true;
                    let item = self.ast.expr_lists[i];
                    let what = format!("an element of a `[{elem}]`");
                    self.mismatch("E0116", val.ty, elem.scalar(), self.span(item), Some(item), &what);
                }
            }
        }
        if wrong {
            return self.error(span);
        }
        let list = self.expr_list(&ids);
        self.val(ExprKind::ArrayLit(elem, list), Type::Array(elem), span, true)
    }

    /// What an array of these holds; none, reported, where they have no common type.
    fn common_elem(&mut self, items: List, vals: &[Val]) -> Option<Elem> {
        let mut common = Ty::Never;
        for (val, i) in vals.iter().zip(items.range()) {
            let joined = match val.ty {
                Ty::Known(Type::Unit | Type::Array(_)) => None,
                ty => join(common, ty),
            };
            let Some(ty) = joined else {
                let span = self.span(self.ast.expr_lists[i]);
                let (message, help) = match val.ty {
                    Ty::Known(Type::Array(_)) => (
                        "an array cannot hold arrays".to_string(),
                        Some("keep a table in one array: `rows[i * width + j]`".to_string()),
                    ),
                    Ty::Known(Type::Unit) => ("an element needs a value, but this has none".to_string(), None),
                    ty => (format!("{} cannot stand in an array with {}", ty_name(ty), ty_name(common)), None),
                };
                self.errors.add("E0116", span, message).help = help;
                return None;
            };
            common = ty;
        }
        match common {
            Ty::Known(Type::I64) => Some(Elem::I64),
            Ty::Known(Type::Bool) => Some(Elem::Bool),
            Ty::Error => None,
            _ => Some(Elem::F64),
        }
    }

    /// `[value; count]`
    #[inline(never)]
    fn fill(&mut self, value: ast::ExprId, count: ast::ExprId, place: Option<Elem>, span: Span) -> Val {
        if self.in_const {
            return self.not_constant(span, "an array");
        }
        let val = self.expr(value, None);
        let len = self.expr(count, None);
        let len = self.expect_i64(len, count, "the length of an array");
        let elem = match (place, val.ty) {
            (Some(elem), _) => elem,
            (None, Ty::Known(Type::I64)) => Elem::I64,
            (None, Ty::Known(Type::Bool)) => Elem::Bool,
            (None, Ty::Known(Type::F64) | Ty::Never) => Elem::F64,
            (None, Ty::Error) => return self.error(span),
            (None, Ty::Known(Type::Unit | Type::Array(_))) => {
                let message = format!("an array holds numbers or `bool`s, but this is {}", ty_name(val.ty));
                self.errors.add("E0116", self.span(value), message);
                return self.error(span);
            }
        };
        let Some(value_id) = self.fit(val, elem.scalar()) else {
            let what = format!("an element of a `[{elem}]`");
            self.mismatch("E0116", val.ty, elem.scalar(), self.span(value), Some(value), &what);
            return self.error(span);
        };
        let value_id = self.narrowed(value_id, elem, value);
        self.val(ExprKind::ArrayFill(elem, value_id, len), Type::Array(elem), span, true)
    }

    /// A value that goes into an array of this type, with the place of what is written there: a `BadCast` is told at it, also where
    /// nothing is left of `i64(n)` but `n`.
    pub fn narrowed(&mut self, id: ExprId, elem: Elem, written: ast::ExprId) -> ExprId {
        let span = self.span(written);
        if matches!(elem, Elem::I32 | Elem::U8) && self.hir.exprs[id.0 as usize].span != span {
            return self.push(ExprKind::Block(List::default(), Some(id)), Type::I64, span);
        }
        id
    }

    /// `base[i]`, `base[a..b]`, any number of them.
    #[inline(never)]
    fn postfix(&mut self, base: ast::ExprId, postfixes: List, span: Span) -> Val {
        if self.in_const {
            return self.not_constant(span, "an array");
        }
        let base_val = self.expr(base, None);
        self.postfixes(base_val, postfixes, span)
    }

    /// Applies indices and slices to an array.
    pub fn postfixes(&mut self, base: Val, postfixes: List, span: Span) -> Val {
        // Slices of slices nest in the tree; many of them go through temporaries, so that it stays shallow.
        let flat = postfixes.len > 4;
        let mut stmts = Stmts::new();
        let mut val = base;
        for i in postfixes.range() {
            let postfix = self.ast.postfixes[i];
            val = self.one_postfix(val, postfix);
            if let (true, Ty::Known(ty @ Type::Array(_))) = (flat, val.ty) {
                let local = self.new_local("", val.ty, Origin::Let, val.writable, postfix.span);
                self.push_stmt(StmtKind::Set(local, val.id), postfix.span, &mut stmts);
                val.id = self.push(ExprKind::Local(local), ty, postfix.span);
            }
        }
        if stmts.is_empty() {
            return val;
        }
        self.close_block(&stmts, Some(val), false, span)
    }

    #[inline(never)]
    fn one_postfix(&mut self, val: Val, postfix: ast::Postfix) -> Val {
        let span = postfix.span;
        let array = match val.ty {
            Ty::Never => self.fit(val, Type::Array(Elem::F64)).map(|id| (id, Elem::F64)),
            Ty::Known(Type::Array(elem)) => Some((val.id, elem)),
            Ty::Error => None,
            Ty::Known(_) => {
                let at = self.hir.exprs[val.id.0 as usize].span;
                let message = format!("only arrays have elements, but this is {}", ty_name(val.ty));
                self.errors.add("E0151", at, message);
                None
            }
        };
        match postfix.kind {
            ast::PostfixKind::Index(index) => {
                let at = self.expr(index, None);
                let at = self.expect_i64(at, index, "an index");
                let Some((array, elem)) = array else { return self.error(span) };
                self.val(ExprKind::Index(array, at), elem.scalar(), span, false)
            }
            ast::PostfixKind::Slice(lo, hi) => {
                let lo = self.bound(lo);
                let hi = self.bound(hi);
                let Some((array, elem)) = array else { return self.error(span) };
                self.val(ExprKind::Slice(array, lo, hi), Type::Array(elem), span, val.writable)
            }
        }
    }

    fn bound(&mut self, bound: Option<ast::ExprId>) -> Option<ExprId> {
        let bound = bound?;
        let val = self.expr(bound, None);
        Some(self.expect_i64(val, bound, "the bound of a slice"))
    }

    /// A value that has to be an `i64`.
    pub fn expect_i64(&mut self, val: Val, id: ast::ExprId, what: &str) -> ExprId {
        if let Some(fitting) = self.fit(val, Type::I64) {
            return fitting;
        }
        self.mismatch("E0111", val.ty, Type::I64, self.span(id), Some(id), what);
        val.id
    }

    /// A scalar or array written for a place of this type; reports with the code where it does not fit.
    pub fn expect(&mut self, id: ast::ExprId, to: Type, code: &'static str, what: &str) -> Val {
        let val = self.expr(id, elem_of(to));
        match self.fit(val, to) {
            Some(fitting) => Val { id: fitting, ty: Ty::Known(to), writable: val.writable || val.ty == Ty::Never },
            None => {
                self.mismatch(code, val.ty, to, self.span(id), Some(id), what);
                self.error(self.span(id))
            }
        }
    }
}
