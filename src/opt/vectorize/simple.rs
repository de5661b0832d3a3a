//! Instructions without regions: as they stand where they do not differ between rows, else in lanes.

use super::widen::{Var, Widener};
use crate::ir::func::{InstId, InstKind as K, Ty, Value};
use crate::ir::op::{Effect, Op, Scalar};

impl Widener<'_> {
    /// Whether to test if any row takes an arm: where it costs more than the test.
    pub(super) fn is_worth_a_branch(&self, insts: &[InstId]) -> bool {
        let cost = |id: &InstId| match self.row.inst(*id).kind {
            K::Loop(_) | K::Math(_) => 100,
            K::Op(Op::FDiv | Op::FSqrt | Op::IDiv | Op::IRem | Op::IFloorDiv | Op::IFloorMod) => 8,
            // It would trap for nothing.
            K::BoundsCheck | K::AssumeInBounds | K::SliceCheck if !self.varies(*id) => 100,
            K::Op(op) if op.effect() == Effect::Trap && !self.varies(*id) => 100,
            K::Load(_) => 6,
            K::Exit(_) | K::Repeat(_) | K::ConstF64(_) | K::ConstI64(_) | K::ConstBool(_) => 0,
            K::Op(op) if op.effect() == Effect::Trap => 3,
            _ => 1,
        };
        insts.iter().map(cost).sum::<u32>() > 12
    }

    fn varies(&self, id: InstId) -> bool {
        self.row.results(id).any(|result| self.shape.varying[result.index()])
    }

    pub(super) fn simple(&mut self, id: InstId) {
        let inst = *self.row.inst(id);
        match inst.kind {
            K::EnterCall(_) | K::EnterInlined(_) | K::MeterLoop => self.take_fuel(),
            K::LeaveCall(_) => {}
            K::HostCall(_) => self.refuse("it calls host functions"),
            K::Call(_) => self.refuse("it calls functions"),
            K::Alloc(_) | K::Store(_) | K::ArenaMark | K::ArenaRelease => self.refuse("it makes or writes arrays"),
            K::ArrayOp(..) => self.refuse("it computes with whole arrays"),
            K::SliceCheck | K::ElemAddr(_) if self.varies(id) => self.refuse("it slices arrays"),
            _ if self.varies(id) => self.varying(id),
            kind => self.not_varying(id, kind),
        }
    }

    fn take_fuel(&mut self) {
        let one = self.constant(Ty::one(Scalar::I64), 1);
        let zero = self.constant(Ty::one(Scalar::I64), 0);
        let left = self.emit.one(K::Op(Op::IWrappingSub), &[self.vars[&Var::Fuel], one], Scalar::I64);
        self.vars.insert(Var::Fuel, left);
        let out = self.emit.one(K::Op(Op::ILt), &[left, zero], Scalar::Bool);
        self.stop_if(out);
    }

    /// The same in each row: it stands as it is.
    fn not_varying(&mut self, id: InstId, kind: K) {
        let args: Vec<Value> = self.row.args(id).to_vec();
        let args: Vec<Value> = args.into_iter().map(|arg| self.one(arg)).collect();
        let Some(result) = self.row.results(id).next() else { return self.refuse("it has effects") };
        let ty = Ty::one(self.row.ty(result).scalar);
        let value = match kind {
            K::ConstF64(bits) => self.constant(ty, bits),
            K::ConstI64(n) => self.constant(ty, n as u64),
            K::ConstBool(b) => self.constant(ty, b.into()),
            // The proof may rest on checks that rows failed, or on a condition that no row meets.
            K::AssumeInBounds => self.emit.value(K::BoundsCheck, &args, ty),
            kind if kind.effect() == Effect::Pure && !matches!(kind, K::ElemAddr(_)) => self.anywhere(kind, &args, ty),
            kind => self.emit.value(kind, &args, ty),
        };
        self.define(result, value);
    }

    fn varying(&mut self, id: InstId) {
        let inst = *self.row.inst(id);
        let old = self.row.args(id).to_vec();
        let result = inst.first_result;
        if inst.results != 1 {
            return self.refuse("it has effects");
        }
        let value = match inst.kind {
            K::Load(elem) => {
                if self.shape.varying[old[0].index()] {
                    return self.refuse("it chooses among arrays");
                }
                let (address, index) = (self.one(old[0]), self.in_lanes(old[1]));
                let Some(&in_bounds) = self.in_bounds.get(&old[1]) else {
                    return self.refuse("of an index that nothing checks");
                };
                let mask = self.both(self.rows.mask, in_bounds);
                let ty = self.ty(self.row.ty(result).scalar);
                self.emit.value(K::Gather(elem), &[address, index, mask], ty)
            }
            K::BoundsCheck | K::AssumeInBounds => {
                let (index, length) = (self.in_lanes(old[0]), self.in_lanes(old[1]));
                let zero = self.constant(self.ty(Scalar::I64), 0);
                let from = self.op(Op::ILe, &[zero, index]);
                let to = self.op(Op::ILt, &[index, length]);
                let inside = self.op(Op::BAnd, &[from, to]);
                self.in_bounds.insert(result, inside);
                let outside = self.op(Op::BNot, &[inside]);
                self.fail(outside);
                index
            }
            K::Select => {
                let args: Vec<Value> = old.iter().map(|arg| self.in_lanes(*arg)).collect();
                self.select(args[0], args[1], args[2])
            }
            K::Math(_) => {
                let args: Vec<Value> = old.iter().map(|arg| self.in_lanes(*arg)).collect();
                let ty = self.ty(Scalar::F64);
                self.emit.value(inst.kind, &args, ty)
            }
            K::Op(op) => {
                let constants: Vec<Option<i64>> = old.iter().map(|arg| self.int_constant(*arg)).collect();
                let args: Vec<Value> = old.iter().map(|arg| self.in_lanes(*arg)).collect();
                if op.effect() == Effect::Pure {
                    self.op(op, &args)
                } else {
                    match self.checked(op, &args, &constants) {
                        Some(value) => value,
                        None => return self.refuse(&format!("`{}` has no vector form", op.name())),
                    }
                }
            }
            _ => return self.refuse("it works on arrays that differ between rows"),
        };
        self.define(result, value);
    }

    /// The whole number that a value of the row function is known to be.
    fn int_constant(&self, old: Value) -> Option<i64> {
        match self.row.inst(self.shape.index.inst(old)?).kind {
            K::ConstI64(n) => Some(n),
            _ => None,
        }
    }
}
