//! Elementary functions as operations in line: each body of [`crate::math`] run once over values of the IR, in any number of lanes.
//!
//! The numbers that a body computes with are instructions here, so that what they give has the bits that the body gives over plain numbers.
//! Its fall-back for rare arguments is the function itself, out of line, in an arm that is seldom taken.

use super::replace::Replace;
use crate::hash::Map;
use crate::ir::eval::math_of;
use crate::ir::func::{Func, Inst, InstId, InstKind, Region, RegionId, Ty, Value, Values};
use crate::ir::index::Index;
use crate::ir::op::{Math, Op, Scalar};

use crate::math::real::{Int, Mask, Real};
use crate::math::table::TableId;
use crate::span::Span;
use std::cell::RefCell;

/// Puts the operations of the elementary functions that `wanted` names in the place of their instructions.
pub fn expand(func: &mut Func, wanted: impl Fn(&Func, InstId) -> bool) {
    let is_wanted = |func: &Func, id: InstId| matches!(func.inst(id).kind, InstKind::Math(_)) && wanted(func, id);
    let mut replace = Replace::new(func);
    let mut any = false;
    for region in 0..func.regions.len() {
        if !func.regions[region].insts.iter().any(|&id| is_wanted(func, id)) {
            continue;
        }
        any = true;
        let insts = std::mem::take(&mut func.regions[region].insts);
        let mut builder = Builder::new(std::mem::take(func));
        for id in insts {
            if is_wanted(&builder.func, id) {
                let old = builder.func.inst(id).first_result;
                let (with, new) = builder.math(id);
                builder = with;
                replace.set(old, new);
            } else {
                builder.insts.push(id);
            }
        }
        let Builder { func: with, insts, .. } = builder;
        *func = with;
        func.regions[region].insts = insts.into();
    }
    if any {
        replace.apply(func);
    }
}

/// All of them: those of vectors where there are any, else those of single numbers.
pub fn expand_all(func: &mut Func) {
    let has_vectors = has_vectors(func);
    expand(func, |func, id| (func.ty(func.inst(id).first_result).lanes > 1) == has_vectors);
}

fn has_vectors(func: &Func) -> bool {
    func.values.iter().any(|ty| ty.lanes > 1)
}

/// Those that are short and in a loop: in line they wait for nothing but their arguments, and what is kept in registers stays there. Elsewhere a call is
/// hardly slower, and compiled in half the time. Whether there are any.
pub(super) fn expand_short(func: &mut Func) -> bool {
    let is_short = |func: &Func, id: InstId| {
        matches!(func.inst(id).kind, InstKind::Math(Math::Exp | Math::Ln | Math::Sin | Math::Cos))
    };
    let has = |is: fn(InstKind) -> bool| func.insts.iter().any(|inst| is(inst.kind));
    // The cold stub for a single number keeps single numbers only.
    if !has(|kind| matches!(kind, InstKind::Math(_)))
        || !has(|kind| matches!(kind, InstKind::Loop(_)))
        || has_vectors(func)
    {
        return false;
    }
    let index = Index::new(func);
    let in_loop = |id: InstId| {
        let mut owner = index.owner[index.region[id.index()].index()];
        while let Some(outer) = owner {
            if matches!(func.inst(outer).kind, InstKind::Loop(_)) {
                return true;
            }
            owner = index.owner[index.region[outer.index()].index()];
        }
        false
    };
    let mut wanted = vec![false; func.insts.len()];
    for &id in index.order.iter().filter(|&&id| is_short(func, id) && in_loop(id)) {
        wanted[id.index()] = true;
    }
    if !wanted.contains(&true) {
        return false;
    }
    // What is made meanwhile is no call.
    expand(func, |_, id| wanted.get(id.index()).is_some_and(|&wanted| wanted));
    true
}

/// A region in the making.
struct Builder {
    func: Func,
    insts: Vec<InstId>,
    /// Those made in this region.
    constants: Map<(Scalar, u64, u8), Value>,
    lanes: u8,
    span: Span,
    /// What is being expanded, with its arguments.
    math: (Math, Values),
}

impl Builder {
    fn new(func: Func) -> Builder {
        let math = (Math::Exp, Values::default());
        Builder { func, insts: Vec::new(), constants: Map::default(), lanes: 1, span: Span::default(), math }
    }

    fn push(&mut self, kind: InstKind, args: &[Value], result: Option<Ty>) -> InstId {
        let args = self.func.new_values(args);
        let id = InstId(self.func.insts.len() as u32);
        let first_result = Value(self.func.values.len() as u32);
        self.func.values.extend(result);
        let results = u32::from(result.is_some());
        self.func.insts.push(Inst { kind, args, first_result, results, span: self.span });
        id
    }

    /// An instruction in this region; its result.
    fn inst(&mut self, kind: InstKind, args: &[Value], scalar: Scalar) -> Value {
        let id = self.push(kind, args, Some(Ty { scalar, lanes: self.lanes }));
        self.insts.push(id);
        self.func.inst(id).first_result
    }

    fn constant(&mut self, scalar: Scalar, bits: u64) -> Value {
        if let Some(&value) = self.constants.get(&(scalar, bits, self.lanes)) {
            return value;
        }
        let kind = if scalar == Scalar::F64 { InstKind::ConstF64(bits) } else { InstKind::ConstI64(bits as i64) };
        let value = self.inst(kind, &[], scalar);
        self.constants.insert((scalar, bits, self.lanes), value);
        value
    }

    /// Expands an elementary function; its value.
    fn math(mut self, id: InstId) -> (Builder, Value) {
        let Inst { kind, args, first_result, span, .. } = *self.func.inst(id);
        let InstKind::Math(math) = kind else { return (self, first_result) };
        self.lanes = self.func.ty(first_result).lanes;
        self.span = span;
        self.math = (math, args);
        let args = self.func.values_in(args).to_vec();
        let cell = RefCell::new(self);
        let arg = |i: usize| IrReal { builder: &cell, value: args[i] };
        let value = math_of(math, arg).value;
        (cell.into_inner(), value)
    }

    /// `usual`, but in the lanes of the mask what the function itself gives.
    fn rare(&mut self, mask: Value, usual: Value) -> Value {
        let (math, args) = self.math;
        let lanes = self.lanes;
        let all: Vec<Value> = [mask, usual].iter().chain(self.func.values_in(args)).copied().collect();
        if lanes == 1 {
            // The instruction tests by itself.
            return self.inst(InstKind::MathLanes(math), &all, Scalar::F64);
        }
        let condition = self.push(InstKind::AnyLane, &[mask], Some(Ty::one(Scalar::Bool)));
        self.insts.push(condition);
        let condition = self.func.inst(condition).first_result;
        let (cold, warm) = (self.region(), self.region());
        let number = Ty { scalar: Scalar::F64, lanes };
        let branch = self.push(InstKind::If(cold, warm), &[condition], Some(number));
        let called = self.push(InstKind::MathLanes(math), &all, Some(number));
        let value = self.func.inst(called).first_result;
        let leave =
            [self.push(InstKind::Exit(branch), &[value], None), self.push(InstKind::Exit(branch), &[usual], None)];
        self.func.regions[cold.index()].insts = vec![called, leave[0]].into();
        self.func.regions[warm.index()].insts = vec![leave[1]].into();
        self.insts.push(branch);
        self.func.inst(branch).first_result
    }

    fn region(&mut self) -> RegionId {
        self.func.regions.push(Region::default());
        RegionId(self.func.regions.len() as u32 - 1)
    }
}

/// A number: a value of the IR in some lanes.
#[derive(Clone, Copy)]
struct IrReal<'b> {
    builder: &'b RefCell<Builder>,
    value: Value,
}

/// A 64-bit pattern.
#[derive(Clone, Copy)]
struct IrInt<'b> {
    builder: &'b RefCell<Builder>,
    value: Value,
}

/// A truth value.
#[derive(Clone, Copy)]
struct IrMask<'b> {
    builder: &'b RefCell<Builder>,
    value: Value,
}

fn inst(builder: &RefCell<Builder>, kind: InstKind, args: &[Value], scalar: Scalar) -> Value {
    builder.borrow_mut().inst(kind, args, scalar)
}

fn op(builder: &RefCell<Builder>, op: Op, args: &[Value]) -> Value {
    inst(builder, InstKind::Op(op), args, op.result())
}

/// The bits of 1.5 * 2^52, to which a whole number is added to stand in the low bits of the sum.
const WHOLE: f64 = 6_755_399_441_055_744.0;

impl<'b> IrReal<'b> {
    fn real(self, with: Op, args: &[Value]) -> IrReal<'b> {
        IrReal { builder: self.builder, value: op(self.builder, with, args) }
    }

    fn mask(self, with: Op, args: &[Value]) -> IrMask<'b> {
        IrMask { builder: self.builder, value: op(self.builder, with, args) }
    }
}

impl<'b> Real for IrReal<'b> {
    type Int = IrInt<'b>;
    type Mask = IrMask<'b>;

    fn lit(self, v: f64) -> Self {
        let value = self.builder.borrow_mut().constant(Scalar::F64, v.to_bits());
        IrReal { value, ..self }
    }
    fn int(self, v: i64) -> IrInt<'b> {
        let value = self.builder.borrow_mut().constant(Scalar::I64, v as u64);
        IrInt { builder: self.builder, value }
    }
    fn add(self, o: Self) -> Self {
        self.real(Op::FAdd, &[self.value, o.value])
    }
    fn sub(self, o: Self) -> Self {
        self.real(Op::FSub, &[self.value, o.value])
    }
    fn mul(self, o: Self) -> Self {
        self.real(Op::FMul, &[self.value, o.value])
    }
    fn div(self, o: Self) -> Self {
        self.real(Op::FDiv, &[self.value, o.value])
    }
    fn fma(self, a: Self, b: Self) -> Self {
        self.real(Op::Fma, &[self.value, a.value, b.value])
    }
    fn fms(self, a: Self, b: Self) -> Self {
        self.real(Op::Fms, &[self.value, a.value, b.value])
    }
    fn fnma(self, a: Self, b: Self) -> Self {
        self.real(Op::Fnma, &[self.value, a.value, b.value])
    }
    fn sqrt(self) -> Self {
        self.real(Op::FSqrt, &[self.value])
    }
    fn neg(self) -> Self {
        self.real(Op::FNeg, &[self.value])
    }
    fn abs(self) -> Self {
        self.real(Op::FAbs, &[self.value])
    }
    fn copysign(self, sign: Self) -> Self {
        self.real(Op::FCopysign, &[self.value, sign.value])
    }
    fn round_even(self) -> Self {
        self.real(Op::FRoundEven, &[self.value])
    }
    fn bits(self) -> IrInt<'b> {
        IrInt { builder: self.builder, value: op(self.builder, Op::FBits, &[self.value]) }
    }
    fn to_int(self) -> IrInt<'b> {
        self.add(self.lit(WHOLE)).bits().sub(self.int(WHOLE.to_bits() as i64))
    }
    fn lt(self, o: Self) -> IrMask<'b> {
        self.mask(Op::FLt, &[self.value, o.value])
    }
    fn le(self, o: Self) -> IrMask<'b> {
        self.mask(Op::FLe, &[self.value, o.value])
    }
    fn eq(self, o: Self) -> IrMask<'b> {
        self.mask(Op::FEq, &[self.value, o.value])
    }
    fn is_nan(self) -> IrMask<'b> {
        self.mask(Op::FIsNan, &[self.value])
    }
    fn select(mask: IrMask<'b>, a: Self, b: Self) -> Self {
        let value = inst(a.builder, InstKind::Select, &[mask.value, a.value, b.value], Scalar::F64);
        IrReal { value, ..a }
    }
    fn rare<const N: usize>(mask: IrMask<'b>, usual: Self, _: fn([f64; N]) -> f64, _: [Self; N]) -> Self {
        let value = usual.builder.borrow_mut().rare(mask.value, usual.value);
        IrReal { value, ..usual }
    }
}

impl<'b> IrInt<'b> {
    fn int(self, with: Op, args: &[Value]) -> IrInt<'b> {
        IrInt { builder: self.builder, value: op(self.builder, with, args) }
    }

    fn constant(self, v: i64) -> Value {
        self.builder.borrow_mut().constant(Scalar::I64, v as u64)
    }
}

impl<'b> Int for IrInt<'b> {
    type Real = IrReal<'b>;
    type Mask = IrMask<'b>;

    fn add(self, o: Self) -> Self {
        self.int(Op::IWrappingAdd, &[self.value, o.value])
    }
    fn sub(self, o: Self) -> Self {
        self.int(Op::IWrappingSub, &[self.value, o.value])
    }
    fn and(self, o: Self) -> Self {
        self.int(Op::IAnd, &[self.value, o.value])
    }
    fn or(self, o: Self) -> Self {
        self.int(Op::IOr, &[self.value, o.value])
    }
    fn xor(self, o: Self) -> Self {
        self.int(Op::IXor, &[self.value, o.value])
    }
    fn shl(self, n: u32) -> Self {
        self.int(Op::IShl, &[self.value, self.constant(n.into())])
    }
    fn shr(self, n: u32) -> Self {
        self.int(Op::IShr, &[self.value, self.constant(n.into())])
    }
    fn sar(self, n: u32) -> Self {
        self.int(Op::ISar, &[self.value, self.constant(n.into())])
    }
    fn lt(self, o: Self) -> IrMask<'b> {
        IrMask { builder: self.builder, value: op(self.builder, Op::ILt, &[self.value, o.value]) }
    }
    fn eq(self, o: Self) -> IrMask<'b> {
        IrMask { builder: self.builder, value: op(self.builder, Op::IEq, &[self.value, o.value]) }
    }
    fn from_bits(self) -> IrReal<'b> {
        IrReal { builder: self.builder, value: op(self.builder, Op::FFromBits, &[self.value]) }
    }
    fn to_real(self) -> IrReal<'b> {
        let whole = self.constant(WHOLE.to_bits() as i64);
        let sum = self.int(Op::IWrappingAdd, &[self.value, whole]).from_bits();
        sum.sub(sum.lit(WHOLE))
    }
    fn lookup(self, table: TableId) -> IrReal<'b> {
        let value = inst(self.builder, InstKind::TableLoad(table), &[self.value], Scalar::F64);
        IrReal { builder: self.builder, value }
    }
    fn select(mask: IrMask<'b>, a: Self, b: Self) -> Self {
        let value = inst(a.builder, InstKind::Select, &[mask.value, a.value, b.value], Scalar::I64);
        IrInt { value, ..a }
    }
}

impl Mask for IrMask<'_> {
    fn and(self, o: Self) -> Self {
        IrMask { value: op(self.builder, Op::BAnd, &[self.value, o.value]), ..self }
    }
    fn or(self, o: Self) -> Self {
        IrMask { value: op(self.builder, Op::BOr, &[self.value, o.value]), ..self }
    }
    fn not(self) -> Self {
        IrMask { value: op(self.builder, Op::BNot, &[self.value]), ..self }
    }
}
