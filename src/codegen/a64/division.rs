//! Division of whole numbers by a constant: a multiplication by its reciprocal, or shifts.

use super::abi::{TMP, TMP2};
use super::{A64, asm};
use crate::codegen::reciprocal::reciprocal;
use crate::codegen::target::Located;
use crate::ir::op::Op;
use dynasmrt::DynasmApi;

pub(super) use crate::codegen::reciprocal::has_reciprocal as folds;

impl A64 {
    pub(super) fn emit_division_by_const(&mut self, op: Op, divisor: i64, inst: &Located<'_>) {
        let (to, from) = (inst.def(0), inst.reg(0));
        let floor = matches!(op, Op::IFloorDiv | Op::IFloorMod);
        let remainder = matches!(op, Op::IRem | Op::IFloorMod);
        let shift = divisor.unsigned_abs().trailing_zeros();
        let is_power = divisor.unsigned_abs().is_power_of_two();
        if floor && is_power && divisor > 0 {
            if remainder {
                asm!(self, and XSP(to), X(from), divisor as u64 - 1);
            } else {
                asm!(self, asr X(to), X(from), shift);
            }
            return;
        }
        if is_power {
            // The dividend, plus the divisor less one where it is negative.
            if shift > 1 {
                asm!(self, asr X(TMP), X(from), 63; add X(TMP), X(from), X(TMP), lsr 64 - shift);
            } else {
                asm!(self, add X(TMP), X(from), X(from), lsr 63);
            }
            if remainder && !floor {
                // Less that sum without its low bits.
                asm!(self, and XSP(TMP), X(TMP), divisor.unsigned_abs().wrapping_neg(); sub X(to), X(from), X(TMP));
                return;
            }
            // The quotient is where it belongs, unless a remainder is made of it.
            let quotient = if floor || remainder { TMP } else { to };
            asm!(self, asr X(quotient), X(TMP), shift);
            if divisor < 0 {
                asm!(self, neg X(quotient), X(quotient));
            }
        } else {
            let (multiplier, shift) = reciprocal(divisor);
            self.load_const(TMP, multiplier);
            asm!(self, smulh X(TMP), X(from), X(TMP));
            if divisor > 0 && multiplier < 0 {
                asm!(self, add X(TMP), X(TMP), X(from));
            } else if divisor < 0 && multiplier > 0 {
                asm!(self, sub X(TMP), X(TMP), X(from));
            }
            if shift > 0 {
                asm!(self, asr X(TMP), X(TMP), shift);
            }
            let quotient = if floor || remainder { TMP } else { to };
            asm!(self, add X(quotient), X(TMP), X(TMP), lsr 63);
        }
        if !floor && !remainder {
            return;
        }
        // The remainder, from the quotient.
        self.load_const(TMP2, divisor);
        if !floor {
            asm!(self, msub X(to), X(TMP), X(TMP2), X(from));
            return;
        }
        asm!(self, msub X(TMP2), X(TMP), X(TMP2), X(from));
        if !remainder {
            // Less one where the remainder's sign is not the divisor's, and it is not zero.
            if divisor < 0 {
                asm!(self, neg X(TMP2), X(TMP2));
            }
            asm!(self, add X(to), X(TMP), X(TMP2), asr 63);
            return;
        }
        self.load_const(TMP, divisor);
        asm!(self, cmp XSP(TMP2), 0);
        if divisor > 0 {
            asm!(self, csel X(TMP), X(TMP), xzr, lt);
        } else {
            asm!(self, csel X(TMP), X(TMP), xzr, gt);
        }
        asm!(self, add X(to), X(TMP), X(TMP2));
    }
}
