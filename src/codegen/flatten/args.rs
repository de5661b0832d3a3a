//! The arguments of instructions: registers, and constants that the target folds.

use super::{Args, Flattener};
use crate::codegen::flat::{Arg, FlatKind};
use crate::codegen::target::Target;
use crate::ir::func::Value;
use crate::ir::op::Op;

impl<T: Target> Flattener<'_, T> {
    /// Whether the operands of an operation change places: a constant comes second where the order is free.
    pub(super) fn is_swapped(&self, op: Op, a: Value, b: Value) -> bool {
        self.constants && op.commutes() && self.constant(a).is_some() && self.constant(b).is_none()
    }

    /// Arguments of an operation.
    pub(in crate::codegen) fn op_args(&mut self, kind: FlatKind, op: Op, args: &[Value]) -> Args {
        match args {
            [a, b] if self.is_swapped(op, *a, *b) => self.args(kind, &[*b, *a]),
            _ => self.args(kind, args),
        }
    }

    /// Arguments, the last constant that the target can fold being folded.
    pub(super) fn args(&mut self, kind: FlatKind, values: &[Value]) -> Args {
        let folded = self.folded(kind, values);
        values.iter().enumerate().map(|(index, value)| self.arg(folded, index, *value)).collect()
    }

    /// The last argument that is a constant which the target can fold, and its bits.
    pub(super) fn folded(&self, kind: FlatKind, values: &[Value]) -> Option<(usize, u64)> {
        if !self.constants {
            return None;
        }
        values.iter().enumerate().rev().find_map(|(index, value)| {
            let bits = self.constant(*value)?;
            self.target.folds(kind, index, bits).then_some((index, bits))
        })
    }

    /// An argument, in its register unless it is the one that is folded.
    pub(super) fn arg(&mut self, folded: Option<(usize, u64)>, index: usize, value: Value) -> Arg {
        match folded {
            Some((at, bits)) if at == index => Arg::Const(bits),
            _ => Arg::Reg(self.reg(value)),
        }
    }
}
