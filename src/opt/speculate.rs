//! `if`s in loops without jumps where an arm may trap.
//!
//! [`super::control`] does both of two short arms and selects, where nothing in them can trap. Here an arm may also hold sums, differences and products with
//! constants whose overflow is checked: they are done without their checks, behind a test that traps where the arm is the one wanted and the operand is
//! none for which the result fits. [`super::bounds`] tells what the operand can be, so that one comparison is left as a rule. It never holds in
//! practice, and is predicted so; which arm is wanted may be anybody's guess.
//!
//! This is done last: a product whose check stands beside it tells the other passes nothing about its range.

use super::control::{SELECTS, speculation_cost};
use super::ranges::Range;
use crate::hash::Map;
use crate::ir::func::{Func, Inst, InstId, InstKind, Region, RegionId, Ty, Value, Values};
use crate::ir::index::Index;
use crate::ir::op::{Op, Scalar};
use crate::span::Span;
use crate::trap::TrapKind;

/// What both arms may cost, comparisons for checks counted.
const MOST: usize = 5;

/// A checked operation, and what its operands can be.
pub(super) type Kept = (InstId, [Range; 2]);

/// What an operand must be for the result to fit, as far as that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    operand: Value,
    least: Option<i64>,
    greatest: Option<i64>,
}

/// Does what can be done so; whether anything was. `kept` are the checks that [`super::bounds`] could not remove.
pub(super) fn speculate(func: &mut Func, kept: &[Kept]) -> bool {
    if kept.is_empty() {
        return false;
    }
    let index = Index::new(func);
    let mut limits = Map::default();
    let mut ifs = Vec::new();
    for &(id, ranges) in kept.iter().filter(|(id, _)| index.position[id.index()] != u32::MAX) {
        let owner = index.owner[index.region[id.index()].index()];
        if let (Some(owner), Some(limit)) = (owner, limits_of(func, id, ranges))
            && matches!(func.inst(owner).kind, InstKind::If(..))
        {
            limits.insert(id, limit);
            if ifs.last() != Some(&owner) && is_in_loop(func, &index, owner) {
                ifs.push(owner);
            }
        }
    }
    let mut speculation = Speculation { func, index, limits, out: Vec::new(), instead: Map::default() };
    ifs.retain(|id| speculation.arms(*id));
    let Speculation { func, index, mut instead, .. } = speculation;
    // Each region once, however many of them it holds.
    for id in &ifs {
        if instead.contains_key(id) {
            let region = &mut func.regions[index.region[id.index()].index()];
            let insts = std::mem::take(&mut region.insts);
            region.insts = insts.into_iter().flat_map(|at| instead.remove(&at).unwrap_or_else(|| vec![at])).collect();
        }
    }
    !ifs.is_empty()
}

fn is_in_loop(func: &Func, index: &Index, id: InstId) -> bool {
    let around = |id: &InstId| index.owner[index.region[id.index()].index()];
    std::iter::successors(Some(id), around).any(|id| matches!(func.inst(id).kind, InstKind::Loop(_)))
}

/// Between which numbers an operand must lie for the result to fit, the other operand being this constant.
fn fitting(op: Op, constant: i64, is_first: bool) -> Option<(i128, i128)> {
    let (min, max, c) = (i128::from(i64::MIN), i128::from(i64::MAX), i128::from(constant));
    Some(match op {
        Op::IAdd => (min - c, max - c),
        Op::ISub if is_first => (c - max, c - min),
        Op::ISub => (min + c, max + c),
        // Towards zero, which is inwards.
        Op::IMul if c > 0 => (min / c, max / c),
        Op::IMul if c < 0 => (max / c, min / c),
        _ => return None,
    })
}

fn limits_of(func: &Func, id: InstId, [a, b]: [Range; 2]) -> Option<Limits> {
    let InstKind::Op(op) = func.inst(id).kind else { return None };
    let &[x, y] = func.args(id) else { return None };
    let is_first = a.0 == a.1;
    if is_first == (b.0 == b.1) {
        return None;
    }
    let (constant, operand, range) = if is_first { (a.0, y, b) } else { (b.0, x, a) };
    let (least, greatest) = fitting(op, constant, is_first)?;
    Some(Limits {
        operand,
        least: if i128::from(range.0) < least { Some(i64::try_from(least).ok()?) } else { None },
        greatest: if i128::from(range.1) > greatest { Some(i64::try_from(greatest).ok()?) } else { None },
    })
}

struct Speculation<'a> {
    func: &'a mut Func,
    index: Index,
    /// Of the checked operations.
    limits: Map<InstId, Limits>,
    /// What is to stand in place of the `If` that is being looked at.
    out: Vec<InstId>,
    /// What is to stand in place of each.
    instead: Map<InstId, Vec<InstId>>,
}

impl Speculation<'_> {
    /// Does both arms of an `If` and selects, if they are short enough.
    fn arms(&mut self, id: InstId) -> bool {
        let Inst { kind: InstKind::If(yes, no), span, .. } = *self.func.inst(id) else { return false };
        let cond = self.func.args(id)[0];
        let results: Vec<Value> = self.func.results(id).collect();
        if results.is_empty()
            || results.len() > SELECTS
            || results.iter().any(|&result| self.func.ty(result).scalar == Scalar::Ptr)
            || self.comparison(cond).is_none()
        {
            return false;
        }
        let (Some(first), Some(second)) = (self.cost(id, yes), self.cost(id, no)) else { return false };
        if first + second > MOST {
            return false;
        }
        let ends = [(yes, true), (no, false)].map(|(arm, is_yes)| self.arm(arm, cond, is_yes));
        for (i, &result) in results.iter().enumerate() {
            // With one use a comparison needs no register.
            let cond = if i == 0 { cond } else { self.again(cond) };
            let carried = ends.map(|end| end.map_or(result, |end| self.func.values_in(end)[i]));
            let args = self.func.new_values(&[cond, carried[0], carried[1]]);
            self.push(Inst { kind: InstKind::Select, args, first_result: result, results: 1, span }, 0);
        }
        self.instead.insert(id, std::mem::take(&mut self.out));
        true
    }

    /// What it costs to do an arm of an `If` in any case; `None` where it may not be done.
    fn cost(&self, id: InstId, arm: RegionId) -> Option<usize> {
        let (&end, insts) = self.func.regions[arm.index()].insts.split_last()?;
        if self.func.inst(end).kind != InstKind::Exit(id) {
            return None;
        }
        let cost = |id: &InstId| {
            speculation_cost(self.func.inst(*id).kind).or_else(|| {
                let limits = self.limits.get(id)?;
                Some(1 + usize::from(limits.least.is_some()) + usize::from(limits.greatest.is_some()))
            })
        };
        insts.iter().map(cost).sum()
    }

    /// Does an arm; what it carries to the end of its `If`.
    fn arm(&mut self, arm: RegionId, cond: Value, is_yes: bool) -> Option<Values> {
        let mut insts = std::mem::take(&mut self.func.regions[arm.index()].insts).into_vec();
        let end = insts.pop()?;
        for id in insts {
            if let Some(limits) = self.limits.get(&id).copied() {
                self.check(id, limits, cond, is_yes);
                let kind = &mut self.func.insts[id.index()].kind;
                *kind = match *kind {
                    InstKind::Op(Op::IAdd) => InstKind::Op(Op::IWrappingAdd),
                    InstKind::Op(Op::ISub) => InstKind::Op(Op::IWrappingSub),
                    InstKind::Op(Op::IMul) => InstKind::Op(Op::IWrappingMul),
                    kind => kind,
                };
            }
            self.out.push(id);
        }
        Some(self.func.inst(end).args)
    }

    /// Traps where the operand does not fit, and the arm is wanted.
    fn check(&mut self, id: InstId, limits: Limits, cond: Value, is_yes: bool) {
        let Inst { span, .. } = *self.func.inst(id);
        let origin = self.func.origin(id);
        let least = limits.least.map(|least| {
            let least = self.value(InstKind::ConstI64(least), Scalar::I64, &[], span);
            self.value(InstKind::Op(Op::ILt), Scalar::Bool, &[limits.operand, least], span)
        });
        let greatest = limits.greatest.map(|greatest| {
            let greatest = self.value(InstKind::ConstI64(greatest), Scalar::I64, &[], span);
            self.value(InstKind::Op(Op::ILt), Scalar::Bool, &[greatest, limits.operand], span)
        });
        let wild = match (least, greatest) {
            (Some(least), Some(greatest)) => self.value(InstKind::Op(Op::BOr), Scalar::Bool, &[least, greatest], span),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return,
        };
        let mut wanted = self.again(cond);
        if !is_yes {
            wanted = self.value(InstKind::Op(Op::BNot), Scalar::Bool, &[wanted], span);
        }
        let fails = self.value(InstKind::Op(Op::BAnd), Scalar::Bool, &[wild, wanted], span);
        let plain = |kind| Inst { kind, args: Values::default(), first_result: Value(0), results: 0, span };
        let trap = self.region(plain(InstKind::Trap(TrapKind::IntegerOverflow)), origin);
        let test = InstId(self.func.insts.len() as u32 + 1);
        let pass = self.region(plain(InstKind::Exit(test)), origin);
        let args = self.func.new_values(&[fails]);
        self.push(Inst { args, ..plain(InstKind::If(trap, pass)) }, origin);
    }

    /// A region of one instruction.
    fn region(&mut self, inst: Inst, origin: u32) -> RegionId {
        let insts = std::iter::once(self.add(inst, origin)).collect();
        self.func.regions.push(Region { insts, ..Region::default() });
        RegionId(self.func.regions.len() as u32 - 1)
    }

    fn comparison(&self, cond: Value) -> Option<Inst> {
        let inst = *self.func.inst(self.index.inst(cond)?);
        let InstKind::Op(op) = inst.kind else { return None };
        let is_comparison = op.result() == Scalar::Bool && matches!(op.params(), [Scalar::I64 | Scalar::F64, _]);
        is_comparison.then_some(inst)
    }

    /// A comparison of its own, with the mask that is tested by it alone, if there is one.
    fn again(&mut self, cond: Value) -> Value {
        let Some(inst) = self.comparison(cond) else { return cond };
        let mut args: Vec<Value> = self.func.values_in(inst.args).to_vec();
        let masked = self.index.inst(args[0]).map(|id| *self.func.inst(id));
        if let Some(masked) = masked
            && masked.kind == InstKind::Op(Op::IAnd)
        {
            let of: Vec<Value> = self.func.values_in(masked.args).to_vec();
            args[0] = self.value(masked.kind, Scalar::I64, &of, masked.span);
        }
        self.value(inst.kind, Scalar::Bool, &args, inst.span)
    }

    fn value(&mut self, kind: InstKind, scalar: Scalar, args: &[Value], span: Span) -> Value {
        let first_result = self.func.new_value(Ty::one(scalar));
        let args = self.func.new_values(args);
        self.push(Inst { kind, args, first_result, results: 1, span }, 0);
        first_result
    }

    fn push(&mut self, inst: Inst, origin: u32) {
        let id = self.add(inst, origin);
        self.out.push(id);
    }

    fn add(&mut self, inst: Inst, origin: u32) -> InstId {
        let id = InstId(self.func.insts.len() as u32);
        self.func.insts.push(inst);
        if origin != 0 {
            self.func.origins.resize(id.index(), 0);
            self.func.origins.push(origin);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::fitting;
    use crate::ir::eval::eval;
    use crate::ir::op::Op;

    const EDGES: [i64; 13] =
        [i64::MIN, i64::MIN + 1, -1 << 62, -7, -3, -1, 0, 1, 3, 8, 1 << 62, i64::MAX - 1, i64::MAX];

    #[test]
    fn what_fits_is_what_does_not_overflow() {
        for op in [Op::IAdd, Op::ISub, Op::IMul] {
            for constant in EDGES {
                for is_first in [false, true] {
                    let Some((least, greatest)) = fitting(op, constant, is_first) else {
                        assert_eq!((op, constant), (Op::IMul, 0), "only a product with zero always fits");
                        continue;
                    };
                    let borders = [least, greatest].map(|n| n.clamp(i64::MIN.into(), i64::MAX.into()) as i64);
                    let near = borders.into_iter().flat_map(|n| [n.saturating_sub(1), n, n.saturating_add(1)]);
                    for x in near.chain(EDGES) {
                        let args = if is_first { [constant, x] } else { [x, constant] };
                        let fits = eval(op, &args.map(|n| n as u64)).is_ok();
                        assert_eq!(fits, (least..=greatest).contains(&x.into()), "{} of {args:?}", op.name());
                    }
                }
            }
        }
    }
}
