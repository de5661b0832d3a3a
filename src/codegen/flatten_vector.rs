//! Values of several lanes in the block graph.
//!
//! Their constants: those used most are made once, at the entry, and kept in registers; others go into the instructions that can read them from the pool, or are
//! made where they are used. Arithmetic on floats of one lane is that of lanes here ([`Vector`]).

use super::CodegenError;
use super::flat::{Arg, FlatKind, Vector, class_of};
use super::flatten::{Args, Flattener};
use super::target::Target;
use crate::hash::Map;
use crate::ir::func::{Func, Inst, InstId, InstKind, RegionId, Ty, Value};
use crate::ir::op::{Effect, Op, Scalar};
use crate::span::Span;
use regalloc2::{RegClass, VReg};

/// A constant in each lane, or a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Held {
    Word(u64),
    Mask(bool),
}

/// How many times more a use counts for each loop that it lies in, as a shift.
const LOOP_WEIGHT: u32 = 3;

/// Loops deeper than this count as this deep.
const MAX_DEPTH: u32 = 4;

/// How many lanes the function's values have, if the machine has vectors of so many.
///
/// Nothing in such a function polls: the cold path there keeps the lower halves of vector registers only.
pub(super) fn lanes_of(func: &Func, of_machine: u8) -> Result<u8, CodegenError> {
    let lanes = func.values.iter().map(|ty| ty.lanes).max().unwrap_or(1);
    if lanes == 1 {
        return Ok(lanes);
    }
    if lanes != of_machine || func.values.iter().any(|ty| ty.lanes != 1 && ty.lanes != lanes) {
        return Err(CodegenError::Malformed(format!("`{}` has vectors of {lanes} lanes", func.name)));
    }
    let polls = |kind| matches!(kind, InstKind::MeterLoop | InstKind::EnterCall(_) | InstKind::EnterInlined(_));
    if func.regions.iter().flat_map(|region| &region.insts).any(|id| polls(func.inst(*id).kind)) {
        return Err(CodegenError::Malformed(format!("`{}` polls among vectors", func.name)));
    }
    Ok(lanes)
}

impl<T: Target> Flattener<'_, T> {
    /// The class of the registers for values of a type.
    pub(super) fn class(&self, ty: Ty) -> RegClass {
        match (ty.lanes, ty.scalar) {
            (1, scalar) => class_of(scalar),
            (_, Scalar::Bool) => self.target.mask_class(),
            _ => RegClass::Float,
        }
    }

    pub(super) fn is_vector(&self, value: Value) -> bool {
        self.func.ty(value).lanes > 1
    }

    fn held_of(&self, value: Value) -> Option<Held> {
        let bits = self.constant(value)?;
        Some(if self.func.ty(value).scalar == Scalar::Bool { Held::Mask(bits != 0) } else { Held::Word(bits) })
    }

    /// Makes the constants that are used most, in the entry block.
    pub(super) fn hold_constants(&mut self) {
        if self.flat.lanes == 1 {
            return;
        }
        let mut weights: Map<Held, u64> = Map::default();
        let mut work: Vec<(RegionId, u32)> = vec![(self.func.body(), 0)];
        while let Some((region, depth)) = work.pop() {
            for id in &self.func.regions[region.index()].insts {
                let kind = self.func.inst(*id).kind;
                let inner = depth + u32::from(matches!(kind, InstKind::Loop(_)));
                work.extend(kind.regions().map(|region| (region, inner)));
                for arg in self.func.args(*id).iter().filter(|arg| self.is_vector(**arg)) {
                    if let Some(held) = self.held_of(*arg) {
                        *weights.entry(held).or_default() += 1 << (LOOP_WEIGHT * depth.min(MAX_DEPTH));
                    }
                }
            }
        }
        let mut order: Vec<(u64, Held)> = weights.into_iter().map(|(held, weight)| (weight, held)).collect();
        // By the constant itself where weights are equal, so that the code is the same every time.
        order.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        order.truncate(self.target.held_constants());
        for (_, held) in order {
            let reg = self.make(held, self.func.span);
            self.held.insert(held, reg);
        }
    }

    fn make(&mut self, held: Held, span: Span) -> VReg {
        let (kind, class) = match held {
            Held::Word(bits) => (Vector::Const(bits), RegClass::Float),
            Held::Mask(set) => (Vector::ConstMask(set), self.target.mask_class()),
        };
        let reg = self.new_reg(class);
        self.push(FlatKind::Vector(kind), &[], &[reg], span);
        reg
    }

    /// A constant of several lanes in a register.
    pub(super) fn vector_constant(&mut self, value: Value, span: Span) -> VReg {
        let held = self.held_of(value).unwrap_or(Held::Word(0));
        match self.held.get(&held) {
            Some(reg) => *reg,
            None => self.make(held, span),
        }
    }

    /// The mask that an `AnyLane` asks about.
    pub(super) fn mask_of(&mut self, condition: Value) -> Arg {
        let mask = self.tables.known[condition.index()].def.and_then(|id| self.func.args(id).first().copied());
        Arg::Reg(self.reg(mask.unwrap_or(condition)))
    }

    /// An instruction on lanes, or on what shares their registers; false for any other.
    pub(super) fn vector_inst(&mut self, id: InstId, inst: &Inst) -> bool {
        let args = self.func.args(id);
        let has_vectors = self.func.results(id).chain(args.iter().copied()).any(|value| self.is_vector(value));
        let kind = match inst.kind {
            InstKind::Op(op) if !has_vectors => {
                let floats = op.params().iter().chain([&op.result()]).all(|scalar| *scalar == Scalar::F64);
                if !floats || op.effect() != Effect::Pure {
                    return false;
                }
                Vector::Op(op)
            }
            _ if !has_vectors => return false,
            // Made where they are used.
            InstKind::ConstF64(_) | InstKind::ConstI64(_) | InstKind::ConstBool(_) => return true,
            // The same register.
            InstKind::Op(Op::FBits | Op::FFromBits) => return true,
            InstKind::Op(op) => Vector::Op(op),
            InstKind::Select => Vector::Select(self.func.ty(args[1]).scalar),
            InstKind::Splat => Vector::Splat(self.func.ty(args[0]).scalar),
            InstKind::LaneIndex => Vector::LaneIndex,
            InstKind::AnyLane if self.is_fused(inst.first_result) => return true,
            InstKind::AnyLane => Vector::AnyLane,
            InstKind::VectorLoad(elem) => Vector::Load(elem),
            InstKind::VectorStore(elem) => Vector::Store(elem),
            InstKind::Gather(elem) => {
                self.reserve(3);
                Vector::Gather(elem)
            }
            InstKind::TableLoad(table) => Vector::TableLoad(table),
            InstKind::MathLanes(math) => {
                self.reserve(2 + math.arity() as u32);
                Vector::MathLanes(math)
            }
            InstKind::Math(math) => {
                // All lanes.
                self.reserve(2 + math.arity() as u32);
                let all = match self.held.get(&Held::Mask(true)) {
                    Some(reg) => *reg,
                    None => self.make(Held::Mask(true), inst.span),
                };
                let args: Args = args.iter().map(|arg| Arg::Reg(self.reg(*arg))).collect();
                let args = [&[Arg::Reg(all), args[0]], &args[..]].concat();
                let defs = self.results(id);
                self.push(FlatKind::Vector(Vector::MathLanes(math)), &args, &defs, inst.span);
                return true;
            }
            InstKind::TruncateLanes => Vector::Truncate,
            _ => return false,
        };
        let (kind, values) = match kind {
            Vector::Op(op @ (Op::Fma | Op::Fms | Op::Fnma)) => self.fma(op, args),
            Vector::Op(op) => (kind, self.constant_last(op, args)),
            _ => (kind, args.to_vec()),
        };
        let args = self.vector_args(FlatKind::Vector(kind), &values, inst.span);
        let defs = self.results(id);
        self.push(FlatKind::Vector(kind), &args, &defs, inst.span);
        true
    }

    /// Words of the outgoing area for so many vectors.
    fn reserve(&mut self, vectors: u32) {
        // Whole vectors, so that the spill slots behind them are aligned.
        self.flat.outgoing = self.flat.outgoing.max(vectors * u32::from(self.flat.lanes)).next_multiple_of(2);
    }

    /// Whether the value's register is free once this use is made.
    fn dies(&self, value: Value) -> bool {
        self.tables.known[value.index()].uses.count == 1
            && self.resolve(value) == value
            && self.constant(value).is_none()
    }

    /// Whether it is a constant that has no register yet.
    fn is_loose(&self, value: Value) -> bool {
        self.held_of(value).is_some_and(|held| !self.held.contains_key(&held))
    }

    /// In which register the result of a multiplication and addition is best made, and in which order the factors are best given.
    fn fma(&self, op: Op, args: &[Value]) -> (Vector, Vec<Value>) {
        let &[mut a, mut b, c] = args else { return (Vector::Op(op), args.to_vec()) };
        let keeps = |value: Value| !self.dies(value);
        if self.is_loose(a) || (keeps(a) && !keeps(b) && !self.is_loose(b)) {
            std::mem::swap(&mut a, &mut b);
        }
        let into = keeps(a) && self.dies(c);
        (if into { Vector::FmaInto(op) } else { Vector::Op(op) }, vec![a, b, c])
    }

    fn constant_last(&self, op: Op, args: &[Value]) -> Vec<Value> {
        match *args {
            [a, b] if op.commutes() && self.is_loose(a) && !self.is_loose(b) => vec![b, a],
            _ => args.to_vec(),
        }
    }

    /// Arguments, the last constant that has no register and that the target can fold being folded.
    fn vector_args(&mut self, kind: FlatKind, values: &[Value], span: Span) -> Args {
        let folded = (0..values.len()).rev().find_map(|index| {
            let value = values[index];
            let bits = self.constant(value)?;
            if self.is_vector(value) && !self.is_loose(value) {
                return None;
            }
            self.target.folds(kind, index, bits).then_some((index, bits))
        });
        let mut args = Args::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            args.push(match folded {
                Some((at, bits)) if at == index => Arg::Const(bits),
                _ if self.is_vector(*value) => self.fresh_arg(*value, span),
                // A float of one lane that is a constant is one in each lane here.
                _ if self.func.ty(*value).scalar == Scalar::F64 && self.constant(*value).is_some() => {
                    Arg::Reg(self.vector_constant(*value, span))
                }
                _ => Arg::Reg(self.reg(*value)),
            });
        }
        args
    }
}
