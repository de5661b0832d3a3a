//! Division of whole numbers by a constant: a multiplication by its reciprocal, or shifts.

use super::abi::{RAX, RDX, TMP, int};
use super::{X64, asm};
use crate::codegen::flat::Arg;
use crate::codegen::reciprocal::reciprocal;
use crate::codegen::target::{Located, Operands};
use crate::ir::op::Op;
use dynasmrt::DynasmApi;
use regalloc2::VReg;

pub(super) use crate::codegen::reciprocal::has_reciprocal as folds;

/// The result is in rdx; rax is written while the dividend is still wanted.
pub(super) fn operands(_op: Op, _divisor: i64, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    for def in defs {
        out.early_fixed_def(*def, int(RDX));
    }
    out.arg(args[0]);
    out.fixed_temp(int(RAX));
}

impl X64 {
    pub(super) fn emit_division_by_const(&mut self, op: Op, divisor: i64, inst: &Located<'_>) {
        let from = inst.reg(0);
        let floor = matches!(op, Op::IFloorDiv | Op::IFloorMod);
        let remainder = matches!(op, Op::IRem | Op::IFloorMod);
        if floor && divisor > 0 && divisor.count_ones() == 1 {
            let shift = divisor.trailing_zeros() as i8;
            if remainder {
                self.load_const(RDX, divisor - 1);
                asm!(self, and Rq(RDX), Rq(from));
            } else {
                asm!(self, mov Rq(RDX), Rq(from); sar Rq(RDX), BYTE shift);
            }
            return;
        }
        if divisor.unsigned_abs().is_power_of_two() {
            let shift = divisor.unsigned_abs().trailing_zeros() as i8;
            // The dividend, plus the divisor less one where it is negative.
            asm!(self, mov Rq(RDX), Rq(from));
            if shift > 1 {
                asm!(self, sar Rq(RDX), BYTE 63);
            }
            asm!(self, shr Rq(RDX), BYTE 64 - shift; add Rq(RDX), Rq(from));
            if remainder && !floor {
                // Less that sum without its low bits.
                self.load_const(RAX, divisor.unsigned_abs().wrapping_neg() as i64);
                asm!(self, and Rq(RAX), Rq(RDX); mov Rq(RDX), Rq(from); sub Rq(RDX), Rq(RAX));
                return;
            }
            asm!(self, sar Rq(RDX), BYTE shift);
            if divisor < 0 {
                asm!(self, neg Rq(RDX));
            }
        } else {
            let (multiplier, shift) = reciprocal(divisor);
            self.load_const(RAX, multiplier);
            asm!(self, imul Rq(from));
            if divisor > 0 && multiplier < 0 {
                asm!(self, add Rq(RDX), Rq(from));
            } else if divisor < 0 && multiplier > 0 {
                asm!(self, sub Rq(RDX), Rq(from));
            }
            if shift > 0 {
                asm!(self, sar Rq(RDX), BYTE shift as i8);
            }
            asm!(self, mov Rq(RAX), Rq(RDX); shr Rq(RAX), BYTE 63; add Rq(RDX), Rq(RAX));
        }
        if !floor && !remainder {
            return;
        }
        // The remainder, from the quotient in rdx.
        match i32::try_from(divisor) {
            Ok(divisor) => asm!(self, imul Rq(TMP), Rq(RDX), DWORD divisor),
            Err(_) => {
                self.load_const(TMP, divisor);
                asm!(self, imul Rq(TMP), Rq(RDX));
            }
        }
        asm!(self, neg Rq(TMP); add Rq(TMP), Rq(from));
        if !floor {
            self.copy_int(RDX, TMP);
            return;
        }
        // All ones where the remainder's sign is not the divisor's, and it is not zero.
        asm!(self, mov Rq(RAX), Rq(TMP));
        if divisor < 0 {
            asm!(self, neg Rq(RAX));
        }
        asm!(self, sar Rq(RAX), BYTE 63);
        if remainder {
            self.load_const(RDX, divisor);
            asm!(self, and Rq(RDX), Rq(RAX); add Rq(RDX), Rq(TMP));
        } else {
            asm!(self, add Rq(RDX), Rq(RAX));
        }
    }
}
