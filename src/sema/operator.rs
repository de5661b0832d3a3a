//! Operators: which operation each becomes, and where an `i64` turns into an `f64`.

use super::check::{Checker, Ty, Val, ty_name};
use super::hir::{ExprId, ExprKind, Link, List, Step, StepKind};
use crate::diagnostic::Diagnostic;
use crate::ir::op::{Math, Op};
use crate::span::Span;
use crate::syntax::ast::{self, BinaryOp, CompareOp, LogicOp, UnaryOp};
use crate::types::Type;
use smallvec::SmallVec;

/// The greatest literal exponent that is powering; greater ones are `pow`.
const MAX_POWI: u64 = 64;

/// The steps of a chain: most have few.
pub(super) type Steps = SmallVec<[Step; 4]>;

/// A chain that is being built: what is there so far, and what is applied to it.
pub(super) struct Acc {
    /// The first operand; none where it is the element of an update.
    pub first: Option<ExprId>,
    /// The type so far.
    pub ty: Ty,
    /// What is applied.
    pub steps: Steps,
}

impl Checker<'_> {
    /// `-a`, `not a`
    #[inline(never)]
    pub fn unary_op(&mut self, op: UnaryOp, val: Val, span: Span) -> Val {
        match (op, val.ty) {
            (_, Ty::Error) => self.error(span),
            (UnaryOp::Neg, Ty::Known(Type::I64)) => {
                if let ExprKind::I64(n) = self.hir.exprs[val.id.0 as usize].kind
                    && let Some(n) = n.checked_neg()
                {
                    return self.val(ExprKind::I64(n), Type::I64, span, false);
                }
                Val { id: self.unary(Op::INeg, val.id, Type::I64, span), ..val }
            }
            (UnaryOp::Neg, Ty::Known(Type::F64) | Ty::Never) => {
                if let ExprKind::F64(x) = self.hir.exprs[val.id.0 as usize].kind
                    && !x.is_nan()
                {
                    return self.val(ExprKind::F64(-x), Type::F64, span, false);
                }
                let operand = self.fit(val, Type::F64).unwrap_or(val.id);
                Val { id: self.unary(Op::FNeg, operand, Type::F64, span), ty: Ty::Known(Type::F64), writable: false }
            }
            (UnaryOp::Not, Ty::Known(Type::Bool) | Ty::Never) => {
                let operand = self.fit(val, Type::Bool).unwrap_or(val.id);
                Val { id: self.unary(Op::BNot, operand, Type::Bool, span), ty: Ty::Known(Type::Bool), writable: false }
            }
            (UnaryOp::Neg, ty) => {
                let message = format!("`-` takes a number, but this is {}", ty_name(ty));
                let help = (ty == Ty::Known(Type::Bool)).then(|| "the opposite of a `bool` is `not a`".to_string());
                self.errors.add("E0112", span, message).help = help;
                self.error(span)
            }
            (UnaryOp::Not, ty) => {
                let message = format!("`not` takes a `bool`, but this is {}", ty_name(ty));
                let help = matches!(ty, Ty::Known(Type::I64 | Type::F64)).then(|| "compare it: `x == 0`".to_string());
                self.errors.add("E0112", span, message).help = help;
                self.error(span)
            }
        }
    }

    /// `first op a op b …`
    #[inline(never)]
    pub fn chain(&mut self, first: ast::ExprId, links: List, span: Span) -> Val {
        let val = self.expr(first, None);
        let mut acc = Acc { first: Some(val.id), ty: val.ty, steps: Steps::new() };
        for i in links.range() {
            let link = self.ast.chain_links[i];
            let operand = self.expr(link.operand, None);
            self.step(&mut acc, link.op, operand, link.operand, link.span, link.op_span);
        }
        self.close_chain(&acc, span)
    }

    /// Makes a chain an expression.
    pub fn close_chain(&mut self, acc: &Acc, span: Span) -> Val {
        let (Some(first), Ty::Known(ty)) = (acc.first, acc.ty) else { return self.error(span) };
        let steps = self.step_list(&acc.steps);
        self.val(ExprKind::Chain(first, steps), ty, span, false)
    }

    /// Moves the steps of a chain into their pool.
    pub fn step_list(&mut self, steps: &[Step]) -> List {
        let start = self.hir.steps.len() as u32;
        // Most have so few that a call to copy them takes longer.
        steps.iter().for_each(|step| self.hir.steps.push(*step));
        List { start, len: steps.len() as u32 }
    }

    /// Applies one operator to what is there.
    #[inline(never)]
    pub fn step(
        &mut self,
        acc: &mut Acc,
        op: BinaryOp,
        operand: Val,
        operand_id: ast::ExprId,
        span: Span,
        op_span: Span,
    ) {
        let Some((left, right)) = self.numbers(acc.ty, operand.ty, op, op_span) else {
            acc.ty = Ty::Error;
            return;
        };
        if let (Ty::Never, Some(first)) = (acc.ty, acc.first) {
            let val = Val { id: first, ty: Ty::Never, writable: false };
            acc.first = self.fit(val, left);
        }
        if op == BinaryOp::Pow
            && left == Type::F64
            && let Some(n) = self.literal_exponent(operand_id)
        {
            acc.steps.push(Step { kind: StepKind::Powi(n), arg: None, span });
            acc.ty = Ty::Known(Type::F64);
            return;
        }
        let whole = left == Type::I64 && right == Type::I64 && op != BinaryOp::Div;
        if whole {
            let kind = StepKind::Op(match op {
                BinaryOp::Add => Op::IAdd,
                BinaryOp::Sub => Op::ISub,
                BinaryOp::Mul | BinaryOp::Div => Op::IMul,
                BinaryOp::Rem => Op::IRem,
                BinaryOp::Pow => Op::IPow,
            });
            let arg = self.fit(operand, Type::I64);
            acc.steps.push(Step { kind, arg, span });
            acc.ty = Ty::Known(Type::I64);
            return;
        }
        if left == Type::I64 {
            match acc.first {
                Some(first) if acc.steps.is_empty() => acc.first = Some(self.widen(first)),
                _ => acc.steps.push(Step { kind: StepKind::Op(Op::IToF), arg: None, span }),
            }
        }
        let kind = match op {
            BinaryOp::Add => StepKind::Op(Op::FAdd),
            BinaryOp::Sub => StepKind::Op(Op::FSub),
            BinaryOp::Mul => StepKind::Op(Op::FMul),
            BinaryOp::Div => StepKind::Op(Op::FDiv),
            BinaryOp::Rem => StepKind::Math(Math::Fmod),
            BinaryOp::Pow => StepKind::Math(Math::Pow),
        };
        let arg = self.fit(operand, Type::F64);
        acc.steps.push(Step { kind, arg, span });
        acc.ty = Ty::Known(Type::F64);
    }

    /// The types of two operands that have to be numbers; none where either is not.
    fn numbers(&mut self, left: Ty, right: Ty, op: BinaryOp, op_span: Span) -> Option<(Type, Type)> {
        let number = |ty: Ty| match ty {
            Ty::Known(ty @ (Type::F64 | Type::I64)) => Some(ty),
            _ => None,
        };
        match (left, right) {
            (Ty::Error, _) | (_, Ty::Error) => None,
            (Ty::Never, Ty::Never) => Some((Type::F64, Type::F64)),
            (Ty::Never, ty) | (ty, Ty::Never) if number(ty).is_some() => number(ty).map(|ty| (ty, ty)),
            _ => match (number(left), number(right)) {
                (Some(left), Some(right)) => Some((left, right)),
                _ => {
                    self.no_numbers(left, right, op, op_span);
                    None
                }
            },
        }
    }

    #[inline(never)]
    fn no_numbers(&mut self, left: Ty, right: Ty, op: BinaryOp, op_span: Span) {
        let sign = op.name();
        let message = match (left, right) {
            (Ty::Never, ty) | (ty, Ty::Never) => format!("`{sign}` takes numbers, but there is {}", ty_name(ty)),
            _ => format!("`{sign}` takes numbers, but here are {} and {}", ty_name(left), ty_name(right)),
        };
        let has = |ty: Type| left == Ty::Known(ty) || right == Ty::Known(ty);
        let array = matches!(left, Ty::Known(Type::Array(_))) || matches!(right, Ty::Known(Type::Array(_)));
        let help = if array {
            Some("take its elements one by one in a loop: `xs[i]`")
        } else if has(Type::Bool) {
            Some("a `bool` as a number is written `i64(b)` or `f64(b)`")
        } else {
            None
        };
        self.errors.add("E0112", op_span, message).help = help.map(str::to_string);
    }

    /// `n` of `a ^ n` where it is an integer literal, perhaps negated or in parentheses, of at most 64.
    fn literal_exponent(&self, id: ast::ExprId) -> Option<i32> {
        let kind = |id: ast::ExprId| self.ast.exprs[id.0 as usize].kind;
        let n = match kind(id) {
            ast::ExprKind::Int(n) => n,
            ast::ExprKind::Unary(UnaryOp::Neg, operand) => match kind(operand) {
                ast::ExprKind::Int(n) => n.checked_neg()?,
                _ => return None,
            },
            _ => return None,
        };
        (n.unsigned_abs() <= MAX_POWI).then_some(n as i32)
    }

    /// `base ^ exponent`
    #[inline(never)]
    pub fn power(&mut self, base: ast::ExprId, exponent: ast::ExprId, span: Span) -> Val {
        let left = self.expr(base, None);
        let right = self.expr(exponent, None);
        self.power_of(left, right, exponent, span)
    }

    #[inline(never)]
    fn power_of(&mut self, left: Val, right: Val, exponent: ast::ExprId, span: Span) -> Val {
        let Some((a, b)) = self.numbers(left.ty, right.ty, BinaryOp::Pow, span) else { return self.error(span) };
        if a == Type::F64
            && let Some(n) = self.literal_exponent(exponent)
        {
            let base = self.fit(left, Type::F64).unwrap_or(left.id);
            return self.val(ExprKind::Powi(base, n), Type::F64, span, false);
        }
        let ty = if a == Type::I64 && b == Type::I64 { Type::I64 } else { Type::F64 };
        let (Some(base), Some(power)) = (self.fit(left, ty), self.fit(right, ty)) else { return self.error(span) };
        let list = self.expr_list(&[base, power]);
        let kind = if ty == Type::I64 { ExprKind::Op(Op::IPow, list) } else { ExprKind::Math(Math::Pow, list) };
        self.val(kind, ty, span, false)
    }

    /// `a and b and …`, `a or b or …`
    #[inline(never)]
    pub fn logic(&mut self, op: LogicOp, operands: List, span: Span) -> Val {
        let mut ids = Vec::with_capacity(operands.len as usize);
        for i in operands.range() {
            let operand = self.ast.expr_lists[i];
            let val = self.expr(operand, None);
            ids.push(self.logic_operand(op, val, operand));
        }
        let list = self.expr_list(&ids);
        let kind = match op {
            LogicOp::And => ExprKind::And(list),
            LogicOp::Or => ExprKind::Or(list),
        };
        self.val(kind, Type::Bool, span, false)
    }

    #[inline(never)]
    fn logic_operand(&mut self, op: LogicOp, val: Val, id: ast::ExprId) -> ExprId {
        if let Some(fitting) = self.fit(val, Type::Bool) {
            return fitting;
        }
        let (word, bits) = match op {
            LogicOp::And => ("and", "bit_and"),
            LogicOp::Or => ("or", "bit_or"),
        };
        let message = format!("`{word}` takes `bool`s, but this is {}", ty_name(val.ty));
        let help = match val.ty {
            Ty::Known(Type::I64) => Some(format!("compare it: `x != 0`; bits are combined by `{bits}(a, b)`")),
            Ty::Known(Type::F64) => Some("compare it: `x != 0`".into()),
            _ => None,
        };
        self.errors.add("E0112", self.span(id), message).help = help;
        val.id
    }

    /// `first < a <= b …`
    #[inline(never)]
    pub fn compare(&mut self, first: ast::ExprId, links: List, span: Span) -> Val {
        let mut left = self.expr(first, None);
        let mut first_id = left.id;
        let mut out = Vec::with_capacity(links.len as usize);
        for i in links.range() {
            let link = self.ast.compare_links[i];
            let right = self.expr(link.operand, None);
            let (shown, link) = self.compare_pair(left, right, link);
            if i == links.start as usize {
                first_id = shown;
            }
            // An operand that leaves got the type that the first of its pairs wanted.
            let ty =
                if right.ty == Ty::Never { Ty::Known(self.hir.exprs[link.operand.0 as usize].ty) } else { right.ty };
            left = Val { id: link.operand, ty, writable: false };
            out.push(link);
        }
        let start = self.hir.links.len() as u32;
        self.hir.links.extend_from_slice(&out);
        let list = List { start, len: out.len() as u32 };
        self.val(ExprKind::Compare(first_id, list), Type::Bool, span, false)
    }

    /// One comparison; also the left value made to fit.
    #[inline(never)]
    fn compare_pair(&mut self, left: Val, right: Val, link: ast::CompareLink) -> (ExprId, Link) {
        let equality = matches!(link.op, CompareOp::Eq | CompareOp::Ne);
        let or = |ty: Ty, other: Ty| match (ty, other) {
            (Ty::Never, Ty::Known(ty)) | (Ty::Known(ty), _) => Some(ty),
            (Ty::Never, _) => Some(Type::F64),
            (Ty::Error, _) => None,
        };
        let mut made = Link {
            op: Op::FEq,
            swapped: matches!(link.op, CompareOp::Gt | CompareOp::Ge),
            convert_left: false,
            convert_right: false,
            operand: right.id,
        };
        let (Some(a), Some(b)) = (or(left.ty, right.ty), or(right.ty, left.ty)) else { return (left.id, made) };
        let pick = |f: Op, i: Op| if a == Type::I64 && b == Type::I64 { i } else { f };
        let number = |ty: Type| matches!(ty, Type::F64 | Type::I64);
        made.op = match link.op {
            CompareOp::Eq if (a, b) == (Type::Bool, Type::Bool) => Op::BEq,
            CompareOp::Ne if (a, b) == (Type::Bool, Type::Bool) => Op::BNe,
            _ if !number(a) || !number(b) => {
                self.not_comparable(a, b, equality, link);
                return (left.id, made);
            }
            CompareOp::Eq => pick(Op::FEq, Op::IEq),
            CompareOp::Ne => pick(Op::FNe, Op::INe),
            CompareOp::Lt | CompareOp::Gt => pick(Op::FLt, Op::ILt),
            CompareOp::Le | CompareOp::Ge => pick(Op::FLe, Op::ILe),
        };
        made.convert_left = a == Type::I64 && b == Type::F64;
        made.convert_right = a == Type::F64 && b == Type::I64;
        made.operand = self.fit(right, b).unwrap_or(right.id);
        (self.fit(left, a).unwrap_or(left.id), made)
    }

    fn not_comparable(&mut self, a: Type, b: Type, equality: bool, link: ast::CompareLink) {
        let sign = link.op.name();
        let (x, y) = (ty_name(Ty::Known(a)), ty_name(Ty::Known(b)));
        let message = format!("`{sign}` cannot compare {x} with {y}");
        let help = match (a, b) {
            (Type::Array(_), _) | (_, Type::Array(_)) => Some("compare their elements one by one in a loop"),
            (Type::Bool, Type::Bool) => Some("`bool`s have no order; `==` and `!=` compare them"),
            (Type::Bool, _) | (_, Type::Bool) if equality => Some("convert the `bool`: `i64(b)`"),
            (Type::Bool, _) | (_, Type::Bool) => Some("join comparisons with `and`: `a < b and c < d`"),
            _ => None,
        };
        self.errors.add("E0115", link.op_span, message).help = help.map(str::to_string);
    }

    /// Says that a value has the wrong type, with what to write instead.
    #[inline(never)]
    pub fn mismatch(
        &mut self,
        code: &'static str,
        found: Ty,
        wanted: Type,
        span: Span,
        id: Option<ast::ExprId>,
        what: &str,
    ) -> &mut Diagnostic {
        let wanted_name = match wanted {
            Type::Unit => "no value".into(),
            _ => ty_name(Ty::Known(wanted)),
        };
        let message = match found {
            Ty::Known(Type::Unit) => format!("{what} is {wanted_name}, but this has no value"),
            _ => format!("{what} is {wanted_name}, but this is {}", ty_name(found)),
        };
        let help = match (found, wanted, id) {
            (Ty::Known(Type::F64), Type::I64, Some(id)) => Some(self.help_for_i64(id)),
            (Ty::Known(Type::Bool), Type::I64 | Type::F64, Some(id)) => {
                Some(format!("write `{wanted}({})`", self.expr_text(id).unwrap_or("…")))
            }
            (Ty::Known(Type::I64 | Type::F64), Type::Bool, Some(id)) => {
                Some(format!("compare it: `{} != 0`", self.expr_text(id).unwrap_or("x")))
            }
            (Ty::Known(Type::Array(_)), Type::Array(elem), _) => {
                let zero = zero(wanted).unwrap_or("0.0");
                Some(format!(
                    "arrays are not converted; fill a new one in a loop: `var ys: [{elem}] = [{zero}; len(xs)];`"
                ))
            }
            (Ty::Known(_), Type::Unit, _) => Some("end it with `;`".into()),
            _ => None,
        };
        let error = self.errors.add(code, span, message);
        error.help = help;
        error
    }

    /// What to write where an `i64` is needed and this `f64` stands.
    pub fn help_for_i64(&self, id: ast::ExprId) -> String {
        let kind = self.ast.exprs[id.0 as usize].kind;
        let text = self.expr_text(id).unwrap_or("…");
        match kind {
            ast::ExprKind::Chain(first, links) => {
                let link = self.ast.chain_links[links.start as usize];
                if links.len == 1 && link.op == BinaryOp::Div {
                    let a = self.expr_text(first).unwrap_or("a");
                    let b = self.expr_text(link.operand).unwrap_or("b");
                    return format!("`/` always gives an `f64`; for a whole number write `div({a}, {b})`");
                }
            }
            ast::ExprKind::Float(x) if x.fract() == 0.0 && x.abs() < 1e15 => return format!("write `{}`", x as i64),
            _ => {}
        }
        if self.divides(id) {
            return "`/` always gives an `f64`; for a whole number write `div(a, b)`".into();
        }
        match kind {
            ast::ExprKind::Call(..) => format!("write `i64({text})`"),
            _ => format!("write `i64({text})`, which drops the fraction"),
        }
    }

    /// Whether there is a `/` among the operators of this expression or of its operands.
    fn divides(&self, id: ast::ExprId) -> bool {
        let ast::ExprKind::Chain(first, links) = self.ast.exprs[id.0 as usize].kind else { return false };
        let links = &self.ast.chain_links[links.range()];
        let own = |id: ast::ExprId| match self.ast.exprs[id.0 as usize].kind {
            ast::ExprKind::Chain(_, links) => {
                self.ast.chain_links[links.range()].iter().any(|link| link.op == BinaryOp::Div)
            }
            _ => false,
        };
        own(id) || own(first) || links.iter().any(|link| own(link.operand))
    }
}

/// The zero of an array's elements.
pub(super) fn zero(array: Type) -> Option<&'static str> {
    match array {
        Type::Array(elem) => Some(match elem.scalar() {
            Type::F64 => "0.0",
            Type::Bool => "false",
            _ => "0",
        }),
        _ => None,
    }
}
