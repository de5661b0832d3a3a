//! Expressions.

use super::super::func::{InstKind, Ty, Value};
use super::super::op::{ArrayOp, Math, Op, Scalar, elem_scalar};
use super::{Args, BuildError, Builder, Flow, Val, tys_of};
use crate::sema::hir::{ExprId, ExprKind, FuncId, HostId, List, LocalId, Step, StepKind};
use crate::span::Span;
use crate::trap::TrapKind;
use crate::types::{Elem, Type};
use smallvec::smallvec;

impl Builder<'_> {
    /// The tree contradicts itself; building goes on nowhere.
    pub(super) fn inconsistent<T>(&mut self) -> Flow<T> {
        debug_assert!(false, "an inconsistent tree of {:?}", self.source.name);
        self.fail(BuildError::Inconsistent);
        None
    }

    /// An expression with a scalar value.
    pub(super) fn scalar(&mut self, id: ExprId) -> Flow<Value> {
        match self.expr(id)? {
            Val::One(value) => Some(value),
            Val::Unit | Val::Array(..) => self.inconsistent(),
        }
    }

    /// An expression with an array as its value: address and length.
    pub(super) fn array(&mut self, id: ExprId) -> Flow<(Value, Value)> {
        match self.expr(id)? {
            Val::Array(address, len) => Some((address, len)),
            Val::Unit | Val::One(_) => self.inconsistent(),
        }
    }

    /// Any expression. `None` where control never comes out of it.
    ///
    /// This is on the stack once for each level of nesting, so each kind with something to remember has a function of its own that is
    /// not inlined here.
    pub(super) fn expr(&mut self, id: ExprId) -> Flow<Val> {
        let hir = self.hir;
        let expr = &hir.exprs[id.0 as usize];
        let span = expr.span;
        match expr.kind {
            ExprKind::F64(x) => Some(Val::One(self.const_f64(x, span))),
            ExprKind::I64(n) => Some(Val::One(self.const_i64(n, span))),
            ExprKind::Bool(b) => Some(Val::One(self.const_bool(b, span))),
            ExprKind::Unit => Some(Val::Unit),
            ExprKind::Local(local) => self.local(local),
            ExprKind::Op(op, list) => self.op_expr(op, list, span),
            ExprKind::Math(math, list) => self.math_expr(math, list, span),
            ExprKind::Powi(base, n) => self.powi_expr(base, n, span),
            ExprKind::Chain(first, steps) => self.chain_expr(first, steps),
            ExprKind::Compare(..) | ExprKind::And(_) | ExprKind::Or(_) => self.logic(id),
            ExprKind::If(arms, otherwise) => self.if_expr(id, arms, otherwise),
            ExprKind::Block(stmts, value) => self.block_expr(stmts, value),
            ExprKind::Call(func, list) => self.call(func, list, expr.ty, span),
            ExprKind::HostCall(host, list) => self.host_call(host, list, expr.ty, span),
            ExprKind::Index(array, index) => self.index(array, index, span),
            ExprKind::Slice(array, lo, hi) => self.slice(array, lo, hi, expr.ty, span),
            ExprKind::Len(array) => self.array(array).map(|(_, len)| Val::One(len)),
            ExprKind::ArrayLit(elem, list) => self.array_lit(elem, list, span),
            ExprKind::ArrayFill(elem, value, count) => self.array_fill(elem, value, count, span),
            ExprKind::ArrayOp(op, elem, list) => self.array_op(op, elem, list, expr.ty, span),
        }
    }

    #[inline(never)]
    fn op_expr(&mut self, op: Op, list: List, span: Span) -> Flow<Val> {
        let args = self.args(list)?;
        if args.len() != op.params().len() {
            return self.inconsistent();
        }
        Some(Val::One(self.op(op, &args, span)))
    }

    #[inline(never)]
    fn math_expr(&mut self, math: Math, list: List, span: Span) -> Flow<Val> {
        let args = self.args(list)?;
        Some(Val::One(self.one(InstKind::Math(math), &args, Scalar::F64, span)))
    }

    #[inline(never)]
    fn powi_expr(&mut self, base: ExprId, n: i32, span: Span) -> Flow<Val> {
        let base = self.scalar(base)?;
        Some(Val::One(self.powi(base, n, span)))
    }

    #[inline(never)]
    fn chain_expr(&mut self, first: ExprId, steps: List) -> Flow<Val> {
        let first = self.scalar(first)?;
        self.steps(first, steps).map(Val::One)
    }

    fn const_f64(&mut self, x: f64, span: Span) -> Value {
        let bits = super::super::eval::canonical(x).to_bits();
        self.one(InstKind::ConstF64(bits), &[], Scalar::F64, span)
    }

    fn local(&mut self, local: LocalId) -> Flow<Val> {
        let slots = self.vars.slots(local);
        if !slots.clone().all(|slot| self.vars.is_defined(slot)) {
            return self.inconsistent();
        }
        let value = self.vars.get(slots.start);
        Some(match slots.len() {
            1 => Val::One(value),
            _ => Val::Array(value, self.vars.get(slots.start + 1)),
        })
    }

    /// Scalars and arrays, left to right; an array is its address and its length.
    #[inline(never)]
    fn args(&mut self, list: List) -> Flow<Args> {
        let hir = self.hir;
        let mut values = Args::new();
        for &id in &hir.expr_lists[list.range()] {
            match self.expr(id)? {
                Val::One(value) => values.push(value),
                Val::Array(address, len) => values.extend([address, len]),
                Val::Unit => return self.inconsistent(),
            }
        }
        Some(values)
    }

    /// `base ^ n` by binary powering from the lowest bit, as [`super::super::eval::powi`].
    #[inline(never)]
    fn powi(&mut self, base: Value, n: i32, span: Span) -> Value {
        let mut bits = n.unsigned_abs();
        let mut factor = base;
        let mut result = None;
        while bits != 0 {
            if bits & 1 != 0 {
                result = Some(match result {
                    None => factor,
                    Some(before) => self.op(Op::FMul, &[before, factor], span),
                });
            }
            bits >>= 1;
            if bits != 0 {
                factor = self.op(Op::FMul, &[factor, factor], span);
            }
        }
        match result {
            None => self.const_f64(1.0, span),
            Some(power) if n < 0 => {
                let one = self.const_f64(1.0, span);
                self.op(Op::FDiv, &[one, power], span)
            }
            Some(power) => power,
        }
    }

    /// Applies a chain's steps.
    pub(super) fn steps(&mut self, first: Value, steps: List) -> Flow<Value> {
        let hir = self.hir;
        let mut value = first;
        for step in &hir.steps[steps.range()] {
            value = self.step(value, step)?;
        }
        Some(value)
    }

    #[inline(never)]
    fn step(&mut self, value: Value, step: &Step) -> Flow<Value> {
        let mut args: Args = smallvec![value];
        if let Some(arg) = step.arg {
            args.push(self.scalar(arg)?);
        }
        Some(match step.kind {
            StepKind::Op(op) if args.len() != op.params().len() => return self.inconsistent(),
            StepKind::Op(op) => self.op(op, &args, step.span),
            StepKind::Math(math) => self.one(InstKind::Math(math), &args, Scalar::F64, step.span),
            StepKind::Powi(n) => self.powi(value, n, step.span),
        })
    }

    #[inline(never)]
    fn block_expr(&mut self, stmts: List, value: Option<ExprId>) -> Flow<Val> {
        let hir = self.hir;
        for &stmt in &hir.stmt_lists[stmts.range()] {
            self.stmt(stmt)?;
        }
        value.map_or(Some(Val::Unit), |value| self.expr(value))
    }

    /// What an instruction with these results gave.
    fn results(&mut self, kind: InstKind, args: &[Value], tys: &[Ty], span: Span) -> Val {
        let id = self.inst(kind, args, tys, span);
        let first = self.func.inst(id).first_result;
        match tys.len() {
            0 => Val::Unit,
            1 => Val::One(first),
            _ => Val::Array(first, Value(first.0 + 1)),
        }
    }

    #[inline(never)]
    fn call(&mut self, func: FuncId, list: List, ty: Type, span: Span) -> Flow<Val> {
        let args = self.args(list)?;
        // A call that never comes back still has its function's result.
        let ty = self.hir.funcs.get(func.0 as usize).map_or(ty, |func| func.result);
        self.inst(InstKind::EnterCall(1), &[], &[], span);
        let value = self.results(InstKind::Call(func), &args, &tys_of(ty), span);
        self.inst(InstKind::LeaveCall(1), &[], &[], span);
        Some(value)
    }

    #[inline(never)]
    fn host_call(&mut self, host: HostId, list: List, ty: Type, span: Span) -> Flow<Val> {
        let mut args = self.args(list)?;
        for arg in &mut args {
            if self.func.ty(*arg).scalar == Scalar::F64 {
                *arg = self.op(Op::FCanon, &[*arg], span);
            }
        }
        Some(self.results(InstKind::HostCall(host), &args, &tys_of(ty), span))
    }

    #[inline(never)]
    fn index(&mut self, array: ExprId, index: ExprId, span: Span) -> Flow<Val> {
        let Type::Array(elem) = self.hir.exprs[array.0 as usize].ty else { return self.inconsistent() };
        let (address, len) = self.array(array)?;
        let index = self.scalar(index)?;
        let checked = self.check(index, len, span);
        Some(Val::One(self.load(elem, address, checked, span)))
    }

    /// The index, once it is known to be in bounds; accesses use this value, so that none can come before its check.
    pub(super) fn check(&mut self, index: Value, len: Value, span: Span) -> Value {
        self.one(InstKind::BoundsCheck, &[index, len], Scalar::I64, span)
    }

    pub(super) fn load(&mut self, elem: Elem, address: Value, checked: Value, span: Span) -> Value {
        self.one(InstKind::Load(elem), &[address, checked], elem_scalar(elem), span)
    }

    pub(super) fn store(&mut self, elem: Elem, address: Value, checked: Value, value: Value, span: Span) {
        self.inst(InstKind::Store(elem), &[address, checked, value], &[], span);
    }

    /// A value as an element can hold it: in range, and any NaN the canonical one.
    pub(super) fn narrow(&mut self, elem: Elem, value: Value, span: Span) -> Value {
        match elem {
            Elem::I32 => self.op(Op::INarrowI32, &[value], span),
            Elem::U8 => self.op(Op::INarrowU8, &[value], span),
            Elem::F64 | Elem::F32 => self.op(Op::FCanon, &[value], span),
            Elem::I64 | Elem::Bool => value,
        }
    }

    #[inline(never)]
    fn slice(&mut self, array: ExprId, lo: Option<ExprId>, hi: Option<ExprId>, ty: Type, span: Span) -> Flow<Val> {
        let Type::Array(elem) = ty else { return self.inconsistent() };
        let (address, len) = self.array(array)?;
        let lo = match lo {
            Some(lo) => self.scalar(lo)?,
            None => self.const_i64(0, span),
        };
        let hi = match hi {
            Some(hi) => self.scalar(hi)?,
            None => len,
        };
        let new_len = self.one(InstKind::SliceCheck, &[lo, hi, len], Scalar::I64, span);
        let start = self.one(InstKind::ElemAddr(elem), &[address, lo], Scalar::Ptr, span);
        Some(Val::Array(start, new_len))
    }

    #[inline(never)]
    fn array_lit(&mut self, elem: Elem, list: List, span: Span) -> Flow<Val> {
        let hir = self.hir;
        let len = self.const_i64(i64::from(list.len), span);
        let address = self.one(InstKind::Alloc(elem), &[len], Scalar::Ptr, span);
        for (i, &id) in hir.expr_lists[list.range()].iter().enumerate() {
            let value = self.scalar(id)?;
            let span = hir.exprs[id.0 as usize].span;
            let value = self.narrow(elem, value, span);
            // A constant below the constant length needs no check; the verifier knows.
            let index = self.const_i64(i as i64, span);
            self.store(elem, address, index, value, span);
        }
        Some(Val::Array(address, len))
    }

    #[inline(never)]
    fn array_fill(&mut self, elem: Elem, value: ExprId, count: ExprId, span: Span) -> Flow<Val> {
        let value_span = self.hir.exprs[value.0 as usize].span;
        let value = self.scalar(value)?;
        let value = self.narrow(elem, value, value_span);
        let len = self.scalar(count)?;
        let zero = self.const_i64(0, span);
        let negative = self.op(Op::ILt, &[len, zero], span);
        self.trap_if(negative, TrapKind::BadArgument, span);
        let address = self.one(InstKind::Alloc(elem), &[len], Scalar::Ptr, span);
        self.inst(InstKind::ArrayOp(ArrayOp::Fill, elem), &[address, len, value], &[], span);
        Some(Val::Array(address, len))
    }

    #[inline(never)]
    fn array_op(&mut self, op: ArrayOp, elem: Elem, list: List, ty: Type, span: Span) -> Flow<Val> {
        let hir = self.hir;
        let mut args = self.args(list)?;
        if let (ArrayOp::Fill, Some(value)) = (op, args.last_mut()) {
            let value_span = hir.expr_lists[list.range()].last().map_or(span, |id| hir.exprs[id.0 as usize].span);
            *value = self.narrow(elem, *value, value_span);
        }
        Some(self.results(InstKind::ArrayOp(op, elem), &args, &tys_of(ty), span))
    }
}
