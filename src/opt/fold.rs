//! Operations on constants, and identities that hold bit for bit (but for which NaN it is, which no program can see).
//!
//! An operation that is known to trap stays where it is: it traps when it is reached.

use super::replace::Replace;
use crate::hash::Map;
use crate::ir::eval::{self, CANONICAL_NAN};
use crate::ir::func::{Func, Inst, InstId, InstKind, Ty, Value, Values};
use crate::ir::index::{Def, Index, defs_in_line, inst_of};
use crate::ir::op::{Op, Scalar};
use crate::reuse::Buf;
use crate::types::Elem;

/// How far back [`Fold::is_canonical`] looks.
const CANONICAL_DEPTH: u32 = 4;

/// Folds the whole function in one walk.
pub(super) fn fold(func: &mut Func) {
    let in_line = func.is_in_line();
    let (defs, order) = if in_line {
        (defs_in_line(func), Buf::empty())
    } else {
        let Index { def, order, .. } = Index::new(func);
        (def, order)
    };
    let replace = Replace::new(func);
    let is_constant = |kind| matches!(kind, InstKind::ConstF64(_) | InstKind::ConstI64(_) | InstKind::ConstBool(_));
    let constants = func.insts.iter().any(|inst| is_constant(inst.kind));
    let mut fold = Fold { func, defs, replace, constants, inserted: Map::default() };
    for &id in &order {
        fold.inst(id);
    }
    if in_line {
        let body = fold.func.body().index();
        for at in 0..fold.func.regions[body].insts.len() {
            fold.inst(fold.func.regions[body].insts[at]);
        }
    }
    let Fold { func, replace, inserted, .. } = fold;
    replace.apply(func);
    insert(func, &inserted);
}

/// Puts new instructions before those that they were made for.
fn insert(func: &mut Func, inserted: &Map<InstId, Vec<InstId>>) {
    if inserted.is_empty() {
        return;
    }
    for region in &mut func.regions {
        if region.insts.iter().any(|id| inserted.contains_key(id)) {
            let with = |&id: &InstId| inserted.get(&id).into_iter().flatten().copied().chain([id]).collect::<Vec<_>>();
            region.insts = region.insts.iter().flat_map(with).collect();
        }
    }
}

/// What an instruction turned out to be.
enum Folded {
    Same(Value),
    Const(InstKind),
    Op(Op, Vec<Value>),
}

struct Fold<'a> {
    func: &'a mut Func,
    /// Where each value comes from.
    defs: Buf<Def>,
    replace: Replace,
    /// Whether any instruction is a constant.
    constants: bool,
    inserted: Map<InstId, Vec<InstId>>,
}

impl Fold<'_> {
    fn inst(&mut self, id: InstId) {
        let inst = *self.func.inst(id);
        if !matches!(inst.kind, InstKind::Op(_) | InstKind::Math(_) | InstKind::Select) {
            return;
        }
        // None of these has more than three.
        let mut args = [Value(0); 3];
        let count = self.func.args(id).len().min(args.len());
        for (arg, &now) in args.iter_mut().zip(self.func.args(id)) {
            *arg = self.replace.resolve(now);
        }
        // Lanes of vectors are the business of kernels.
        if self.func.ty(inst.first_result).lanes != 1 {
            return;
        }
        if let InstKind::Op(op) = inst.kind {
            self.skim(id, op, &mut args[..count]);
        }
        let args = &args[..count];
        let folded = match inst.kind {
            InstKind::Op(op) => self.constant_op(op, args).or_else(|| self.identity(id, op, args)),
            InstKind::Math(math) => args
                .iter()
                .map(|&arg| self.f64(arg))
                .collect::<Option<Vec<f64>>>()
                .map(|args| Folded::Const(InstKind::ConstF64(eval::eval_math(math, &args).to_bits()))),
            _ => self.select(args),
        };
        match folded {
            None => {}
            Some(Folded::Same(value)) => {
                self.replace.set(inst.first_result, value);
                // Nobody uses it now; what is left must not look as if it could trap.
                let inst = &mut self.func.insts[id.index()];
                inst.kind = match self.func.values[inst.first_result.index()].scalar {
                    Scalar::F64 => InstKind::ConstF64(0),
                    Scalar::I64 => InstKind::ConstI64(0),
                    Scalar::Bool => InstKind::ConstBool(false),
                    Scalar::Ptr => return,
                };
                inst.args = Values::default();
            }
            Some(Folded::Const(kind)) => {
                self.constants = true;
                let inst = &mut self.func.insts[id.index()];
                inst.kind = kind;
                inst.args = Values::default();
            }
            Some(Folded::Op(op, args)) => {
                let args = self.func.new_values(&args);
                let inst = &mut self.func.insts[id.index()];
                inst.kind = InstKind::Op(op);
                inst.args = args;
            }
        }
    }

    /// Which NaN an operand of arithmetic is cannot be seen: the result of a call that is none any more needs not be made canonical for it.
    fn skim(&mut self, id: InstId, op: Op, args: &mut [Value]) {
        if self.func.inlined.is_empty()
            || !matches!(op, Op::FAdd | Op::FSub | Op::FMul | Op::FDiv | Op::FSqrt | Op::Fma)
        {
            return;
        }
        let mut is_any = false;
        for arg in &mut *args {
            if let Some(inner) = self.operand_of(*arg, Op::FCanon) {
                *arg = inner;
                is_any = true;
            }
        }
        if is_any {
            self.func.insts[id.index()].args = self.func.new_values(args);
        }
    }

    fn kind(&self, value: Value) -> Option<InstKind> {
        inst_of(&self.defs, value).map(|id| self.func.inst(id).kind)
    }

    /// The operand of a value that is this operation of one.
    fn operand_of(&mut self, value: Value, op: Op) -> Option<Value> {
        let id = inst_of(&self.defs, value)?;
        if self.func.inst(id).kind != InstKind::Op(op) {
            return None;
        }
        let arg = *self.func.args(id).first()?;
        Some(self.replace.resolve(arg))
    }

    /// A constant's bits.
    fn word(&self, value: Value) -> Option<u64> {
        match self.kind(value)? {
            InstKind::ConstF64(bits) => Some(bits),
            InstKind::ConstI64(n) => Some(n as u64),
            InstKind::ConstBool(b) => Some(u64::from(b)),
            _ => None,
        }
    }

    fn f64(&self, value: Value) -> Option<f64> {
        match self.kind(value)? {
            InstKind::ConstF64(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    fn constant_op(&self, op: Op, args: &[Value]) -> Option<Folded> {
        // Most have an operand that is not constant, which is found without making a list.
        if !self.constants || args.iter().any(|&arg| self.word(arg).is_none()) {
            return None;
        }
        let words = args.iter().map(|&arg| self.word(arg)).collect::<Option<Vec<u64>>>()?;
        let word = eval::eval(op, &words).ok()?;
        Some(Folded::Const(match op.result() {
            Scalar::F64 => InstKind::ConstF64(word),
            Scalar::I64 => InstKind::ConstI64(word as i64),
            Scalar::Bool => InstKind::ConstBool(word != 0),
            Scalar::Ptr => return None,
        }))
    }

    fn select(&self, args: &[Value]) -> Option<Folded> {
        let &[cond, yes, no] = args else { return None };
        match self.kind(cond) {
            Some(InstKind::ConstBool(cond)) => Some(Folded::Same(if cond { yes } else { no })),
            _ if yes == no => Some(Folded::Same(yes)),
            _ => match (self.kind(yes), self.kind(no)) {
                (Some(InstKind::ConstBool(true)), Some(InstKind::ConstBool(false))) => Some(Folded::Same(cond)),
                (Some(InstKind::ConstBool(false)), Some(InstKind::ConstBool(true))) => {
                    Some(Folded::Op(Op::BNot, vec![cond]))
                }
                (Some(InstKind::ConstBool(true)), _) => Some(Folded::Op(Op::BOr, vec![cond, no])),
                (_, Some(InstKind::ConstBool(false))) => Some(Folded::Op(Op::BAnd, vec![cond, yes])),
                _ => None,
            },
        }
    }

    fn identity(&mut self, id: InstId, op: Op, args: &[Value]) -> Option<Folded> {
        match *args {
            [x] => self.identity_of_one(op, x),
            [x, y] if x == y => of_equals(op, x).or_else(|| self.right_constant(id, op, x, y)),
            [x, y] => self
                .right_constant(id, op, x, y)
                .or_else(|| if op.commutes() { self.right_constant(id, op, y, x) } else { None }),
            [a, b, c] if op == Op::Fma => self.negated_fma(a, b, c),
            _ => None,
        }
    }

    /// A negation that the instruction does by itself.
    fn negated_fma(&mut self, a: Value, b: Value, c: Value) -> Option<Folded> {
        if let Some(c) = self.operand_of(c, Op::FNeg) {
            return Some(Folded::Op(Op::Fms, vec![a, b, c]));
        }
        if let Some(a) = self.operand_of(a, Op::FNeg) {
            return Some(Folded::Op(Op::Fnma, vec![a, b, c]));
        }
        self.operand_of(b, Op::FNeg).map(|b| Folded::Op(Op::Fnma, vec![a, b, c]))
    }

    fn identity_of_one(&mut self, op: Op, x: Value) -> Option<Folded> {
        match op {
            Op::FNeg | Op::BNot | Op::INot => {
                if let Some(inner) = self.operand_of(x, op) {
                    return Some(Folded::Same(inner));
                }
                if op == Op::BNot { self.negated(x) } else { None }
            }
            Op::FAbs => {
                if self.operand_of(x, Op::FAbs).is_some() {
                    return Some(Folded::Same(x));
                }
                self.operand_of(x, Op::FNeg).map(|inner| Folded::Op(Op::FAbs, vec![inner]))
            }
            Op::FCanon if self.is_canonical(x, CANONICAL_DEPTH) => Some(Folded::Same(x)),
            Op::FDemote if self.kind(x) == Some(InstKind::Load(Elem::F32)) => Some(Folded::Same(x)),
            Op::FFloor | Op::FCeil | Op::FTrunc | Op::FRound | Op::FRoundEven
                if self.kind(x) == Some(InstKind::Op(Op::IToF)) =>
            {
                Some(Folded::Same(x))
            }
            Op::INarrowI32 if matches!(self.kind(x)?, InstKind::Load(Elem::I32 | Elem::U8)) => Some(Folded::Same(x)),
            Op::INarrowU8 if self.kind(x) == Some(InstKind::Load(Elem::U8)) => Some(Folded::Same(x)),
            _ => None,
        }
    }

    /// The comparison that holds just where this one does not; floats have none but for equality.
    fn negated(&mut self, x: Value) -> Option<Folded> {
        let id = inst_of(&self.defs, x)?;
        let InstKind::Op(op) = self.func.inst(id).kind else { return None };
        let &[a, b] = self.func.args(id) else { return None };
        let (a, b) = (self.replace.resolve(a), self.replace.resolve(b));
        Some(match op {
            Op::IEq => Folded::Op(Op::INe, vec![a, b]),
            Op::INe => Folded::Op(Op::IEq, vec![a, b]),
            Op::ILt => Folded::Op(Op::ILe, vec![b, a]),
            Op::ILe => Folded::Op(Op::ILt, vec![b, a]),
            Op::FEq => Folded::Op(Op::FNe, vec![a, b]),
            Op::FNe => Folded::Op(Op::FEq, vec![a, b]),
            Op::BEq => Folded::Op(Op::BNe, vec![a, b]),
            Op::BNe => Folded::Op(Op::BEq, vec![a, b]),
            _ => return None,
        })
    }

    /// Whether a value is not a NaN other than the canonical one, as far as can be told quickly.
    fn is_canonical(&mut self, value: Value, depth: u32) -> bool {
        let Some(id) = inst_of(&self.defs, value) else { return false };
        match self.func.inst(id).kind {
            InstKind::ConstF64(bits) => bits == CANONICAL_NAN || !f64::from_bits(bits).is_nan(),
            InstKind::Op(Op::IToF | Op::BToF | Op::FCanon) | InstKind::Math(_) => true,
            InstKind::Op(Op::FAbs) if depth > 0 => {
                let arg = self.func.args(id)[0];
                let arg = self.replace.resolve(arg);
                self.is_canonical(arg, depth - 1)
            }
            InstKind::Select if depth > 0 => {
                let (yes, no) = (self.func.args(id)[1], self.func.args(id)[2]);
                let (yes, no) = (self.replace.resolve(yes), self.replace.resolve(no));
                self.is_canonical(yes, depth - 1) && self.is_canonical(no, depth - 1)
            }
            _ => false,
        }
    }

    /// Identities of `x op constant`.
    fn right_constant(&mut self, id: InstId, op: Op, x: Value, y: Value) -> Option<Folded> {
        if !self.constants {
            return None;
        }
        match self.kind(y)? {
            InstKind::ConstF64(bits) => self.right_f64(id, op, x, f64::from_bits(bits)),
            InstKind::ConstI64(n) => right_i64(op, x, n),
            InstKind::ConstBool(b) => right_bool(op, x, b),
            _ => None,
        }
    }

    fn right_f64(&mut self, id: InstId, op: Op, x: Value, y: f64) -> Option<Folded> {
        let negative_zero = y == 0.0 && y.is_sign_negative();
        match op {
            Op::FMul | Op::FDiv if y == 1.0 => Some(Folded::Same(x)),
            Op::FMul | Op::FDiv if y == -1.0 => Some(Folded::Op(Op::FNeg, vec![x])),
            Op::FMul if y == 2.0 => Some(Folded::Op(Op::FAdd, vec![x, x])),
            Op::FAdd if negative_zero => Some(Folded::Same(x)),
            Op::FSub if y == 0.0 && !negative_zero => Some(Folded::Same(x)),
            Op::FDiv => {
                // The reciprocal of a power of two is exact, so both round the same number.
                let inverse = 1.0 / y;
                let is_power = y.is_normal() && inverse.is_normal() && y.to_bits().trailing_zeros() >= 52;
                if !is_power {
                    return None;
                }
                let inverse = self.new_f64(id, inverse);
                Some(Folded::Op(Op::FMul, vec![x, inverse]))
            }
            _ => None,
        }
    }

    /// A constant before this instruction.
    fn new_f64(&mut self, before: InstId, x: f64) -> Value {
        let first_result = self.func.new_value(Ty::one(Scalar::F64));
        let new = InstId(self.func.insts.len() as u32);
        let span = self.func.inst(before).span;
        let kind = InstKind::ConstF64(x.to_bits());
        self.func.insts.push(Inst { kind, args: Values::default(), first_result, results: 1, span });
        self.inserted.entry(before).or_default().push(new);
        first_result
    }
}

fn right_i64(op: Op, x: Value, y: i64) -> Option<Folded> {
    match (op, y) {
        (
            Op::IAdd
            | Op::ISub
            | Op::IWrappingAdd
            | Op::IWrappingSub
            | Op::IOr
            | Op::IXor
            | Op::IShl
            | Op::IShr
            | Op::ISar
            | Op::IRotl
            | Op::IRotr,
            0,
        )
        | (Op::IMul | Op::IWrappingMul | Op::IDiv | Op::IFloorDiv | Op::IPow, 1)
        | (Op::IAnd, -1) => Some(Folded::Same(x)),
        (Op::IMul | Op::IWrappingMul | Op::IAnd, 0) | (Op::IRem | Op::IFloorMod, 1 | -1) => {
            Some(Folded::Const(InstKind::ConstI64(0)))
        }
        (Op::IPow, 0) => Some(Folded::Const(InstKind::ConstI64(1))),
        _ => None,
    }
}

fn right_bool(op: Op, x: Value, y: bool) -> Option<Folded> {
    match (op, y) {
        (Op::BAnd | Op::BEq, true) | (Op::BOr | Op::BNe, false) => Some(Folded::Same(x)),
        (Op::BAnd, false) => Some(Folded::Const(InstKind::ConstBool(false))),
        (Op::BOr, true) => Some(Folded::Const(InstKind::ConstBool(true))),
        (Op::BEq, false) | (Op::BNe, true) => Some(Folded::Op(Op::BNot, vec![x])),
        _ => None,
    }
}

/// Identities of `x op x`.
fn of_equals(op: Op, x: Value) -> Option<Folded> {
    match op {
        Op::IMin | Op::IMax | Op::FMin | Op::FMax | Op::IAnd | Op::IOr | Op::BAnd | Op::BOr => Some(Folded::Same(x)),
        Op::ISub | Op::IWrappingSub | Op::IXor => Some(Folded::Const(InstKind::ConstI64(0))),
        Op::IEq | Op::ILe | Op::BEq => Some(Folded::Const(InstKind::ConstBool(true))),
        Op::INe | Op::ILt | Op::BNe => Some(Folded::Const(InstKind::ConstBool(false))),
        _ => None,
    }
}
