//! Code that is right whatever its registers hold, as that of most formulas is: no walk over it is needed.
//!
//! It touches no memory but the pool, moves no stack pointer, takes no fuel, calls nothing, and writes no register that must be given back or is reserved. So wherever
//! control is in it, the stack pointer, the fuel and those registers are as they were at the entry, which is all that the rules ask of its steps and at its end.

use super::check::Checker;
use super::step::{Reg, Step};
use crate::types::Type;

/// Registers that are as they were at the entry, bit by bit.
#[derive(Clone, Copy)]
struct Kept {
    ints: u32,
    vectors: u32,
}

impl Kept {
    fn has(self, reg: Reg) -> bool {
        match reg {
            Reg::Int(reg) => self.ints >> (reg & 31) & 1 != 0,
            Reg::Vector(reg) => self.vectors >> (reg & 31) & 1 != 0,
            Reg::Mask(_) => false,
        }
    }
}

impl Checker<'_> {
    /// Whether the function, which has no loops, is such code. Of what is not, nothing is said.
    pub(super) fn is_plain(&self) -> bool {
        // Of an array that is given back, more is asked.
        if matches!(self.func.signature.result, Type::Array(_)) {
            return false;
        }
        let machine = self.machine;
        let vectors = machine.saved_floats.clone().fold(0, |set, reg| set | 1 << (reg & 31));
        let kept = Kept { ints: machine.kept, vectors };
        self.graph.steps.iter().all(|step| self.is_plain_step(step, kept))
    }

    fn is_plain_step(&self, step: &Step, kept: Kept) -> bool {
        match *step {
            Step::Any(to) | Step::Copy { to, .. } => !kept.has(to),
            Step::Const { to, .. }
            | Step::ZeroExtend { to, .. }
            | Step::Add { to, .. }
            | Step::Sub { to, .. }
            | Step::And { to, .. }
            | Step::Or { to, .. }
            | Step::Xor { to, .. }
            | Step::Multiply { to, .. }
            | Step::Between { to, .. }
            | Step::ShiftRight { to, .. }
            | Step::ShiftRightSigned { to, .. }
            | Step::ShiftLeft { to, .. }
            | Step::Select { to, .. } => !kept.has(Reg::Int(to)),
            Step::ZeroVector { to } | Step::SplatConst { to, .. } => !kept.has(Reg::Vector(to)),
            Step::LoadPool { to, offset, bytes } => {
                let pool = self.contract.pool.len() as i64 * 8;
                let is_inside = offset >= 0 && offset.checked_add(bytes.into()).is_some_and(|end| end <= pool);
                is_inside && to.is_none_or(|to| !kept.has(to))
            }
            Step::Compare { .. }
            | Step::Test { .. }
            | Step::Overflow { .. }
            | Step::AnyFlags
            | Step::Branch { .. }
            | Step::BranchZero { .. }
            | Step::Jump { .. }
            | Step::Return
            | Step::Stop
            | Step::Nothing => true,
            _ => false,
        }
    }
}
