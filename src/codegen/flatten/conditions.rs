//! Which conditions, and which masks in them, are computed by the branch or selection that uses them.

use super::{Flattener, Use};
use crate::codegen::flat::FlatKind;
use crate::codegen::target::Target;
use crate::ir::func::{InstKind, Value};
use crate::ir::op::Op;
use regalloc2::RegClass;

/// How many `not`s, `and`s and `or`s are looked through for the comparison below.
const MAX_JOINED: usize = 16;

impl<T: Target> Flattener<'_, T> {
    fn is_connective(&self, value: Value) -> bool {
        self.tables.known[value.index()]
            .def
            .is_some_and(|id| matches!(self.func.inst(id).kind, InstKind::Op(Op::BAnd | Op::BOr)))
    }

    /// Whether a condition is computed where it is used: its only use is a branch or a selection, or a `not` of which that holds, or an `and` or `or`
    /// of which it holds for a branch.
    pub(in crate::codegen) fn is_fused(&self, mut value: Value) -> bool {
        let fits = |op| is_comparison(op) || matches!(op, Op::BNot | Op::BAnd | Op::BOr);
        let Some(kind) = self.tables.known[value.index()].def.map(|id| self.func.inst(id).kind) else { return false };
        let any_lane = kind == InstKind::AnyLane;
        let is_condition = any_lane || matches!(kind, InstKind::Op(op) if fits(op));
        if !is_condition || self.func.ty(value).lanes > 1 {
            return false;
        }
        let mut joined = self.is_connective(value);
        for _ in 0..MAX_JOINED {
            let Use { count: 1, user: Some(user) } = self.tables.known[value.index()].uses else { return false };
            let inst = self.func.inst(user);
            match inst.kind {
                InstKind::If(..) => return true,
                InstKind::Select => return !joined && !any_lane && self.func.args(user)[0] == value,
                InstKind::MathLanes(_) if !self.is_vector(inst.first_result) => {
                    return !joined && self.func.args(user)[0] == value;
                }
                InstKind::Op(Op::BNot) => value = inst.first_result,
                InstKind::Op(Op::BAnd | Op::BOr) => {
                    joined = true;
                    value = inst.first_result;
                }
                _ => return false,
            }
        }
        false
    }

    /// The condition below the `not`s that are fused with its use, and whether their number is odd.
    pub(super) fn look_through(&self, mut value: Value) -> (Value, bool) {
        let mut negated = false;
        while self.is_fused(value) {
            match self.tables.known[value.index()].def {
                Some(id) if self.func.inst(id).kind == InstKind::Op(Op::BNot) => {
                    value = self.func.args(id)[0];
                    negated = !negated;
                }
                _ => break,
            }
        }
        (value, negated)
    }

    pub(super) fn fused_comparison(&self, value: Value) -> Option<(Op, Value, Value)> {
        self.fused(value).filter(|(op, ..)| is_comparison(*op))
    }

    /// The value and the mask, for a comparison with zero of some bits of a value, or of its remainder by a power of two, that is made for this alone.
    pub(super) fn tested_bits(&self, op: Op, left: Value, right: Value) -> Option<(Value, u64)> {
        if !matches!(op, Op::IEq | Op::INe)
            || self.constant(right) != Some(0)
            || self.tables.known[left.index()].uses.count != 1
        {
            return None;
        }
        let id = self.tables.known[left.index()].def?;
        let [value, with] = *self.func.args(id) else { return None };
        let mask = match (self.func.inst(id).kind, self.constant(with)?) {
            (InstKind::Op(Op::IAnd), mask) => mask,
            // The low bits are all zero or not, whatever the signs.
            (InstKind::Op(Op::IRem | Op::IFloorMod), by) if (by as i64).unsigned_abs().is_power_of_two() => {
                (by as i64).unsigned_abs() - 1
            }
            _ => return None,
        };
        (mask != 0 && self.target.folds(FlatKind::BranchBits(op), 1, mask)).then_some((value, mask))
    }

    /// Whether a value is computed by the branch that uses it: see [`Self::tested_bits`].
    pub(super) fn is_masked_by_its_branch(&self, value: Value) -> bool {
        let Use { count: 1, user: Some(user) } = self.tables.known[value.index()].uses else { return false };
        if self.func.inst(user).results != 1 {
            return false;
        }
        let mut result = self.func.inst(user).first_result;
        let Some((op, left, right)) = self.fused_comparison(result) else { return false };
        if left != value || self.tested_bits(op, left, right).is_none() {
            return false;
        }
        // Not where the comparison is part of a selection of floats.
        for _ in 0..MAX_JOINED {
            let Use { user: Some(user), .. } = self.tables.known[result.index()].uses else { return false };
            match self.func.inst(user).kind {
                InstKind::If(..) => return true,
                InstKind::Select => {
                    return self.class(self.func.ty(self.func.inst(user).first_result)) == RegClass::Int;
                }
                InstKind::MathLanes(_) => return false,
                _ => result = self.func.inst(user).first_result,
            }
        }
        false
    }

    pub(super) fn fused_connective(&self, value: Value) -> Option<(Op, Value, Value)> {
        self.fused(value).filter(|(op, ..)| matches!(op, Op::BAnd | Op::BOr))
    }

    fn fused(&self, value: Value) -> Option<(Op, Value, Value)> {
        if !self.is_fused(value) {
            return None;
        }
        let id = self.tables.known[value.index()].def?;
        match (self.func.inst(id).kind, self.func.args(id)) {
            (InstKind::Op(op), [left, right]) => Some((op, *left, *right)),
            _ => None,
        }
    }
}

const fn is_comparison(op: Op) -> bool {
    matches!(op, Op::FEq | Op::FNe | Op::FLt | Op::FLe | Op::IEq | Op::INe | Op::ILt | Op::ILe | Op::BEq | Op::BNe)
}
