//! Division of whole numbers by a constant: a multiplication by its reciprocal, or shifts.
//!
//! Granlund and Montgomery, "Division by invariant integers using multiplication" (1994); Warren, "Hacker's Delight", 10-1.

use super::abi::{RAX, RDX, TMP, int};
use super::{X64, asm};
use crate::codegen::flat::Arg;
use crate::codegen::target::{Located, Operands};
use crate::ir::op::Op;
use dynasmrt::DynasmApi;
use regalloc2::VReg;

/// Whether this divisor is taken as a constant: neither a trap (0), nor an overflow (-1), nor one without a reciprocal (1, the least number).
pub(super) fn folds(divisor: i64) -> bool {
    divisor.unsigned_abs() >= 2 && divisor != i64::MIN
}

/// The result is in rdx; rax is written while the dividend is still wanted.
pub(super) fn operands(_op: Op, _divisor: i64, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    for def in defs {
        out.early_fixed_def(*def, int(RDX));
    }
    out.arg(args[0]);
    out.fixed_temp(int(RAX));
}

/// A multiplier and a shift: the quotient is the upper half of the product, plus or minus the dividend where the multiplier does not fit, shifted, plus its sign bit.
fn reciprocal(divisor: i64) -> (i64, u32) {
    // Warren's `magic`, with 64 bits.
    const TWO63: u64 = 1 << 63;
    let ad = divisor.unsigned_abs();
    let t = TWO63 + ((divisor as u64) >> 63);
    let anc = t - 1 - t % ad;
    let mut p = 63;
    let (mut q1, mut r1) = (TWO63 / anc, TWO63 % anc);
    let (mut q2, mut r2) = (TWO63 / ad, TWO63 % ad);
    loop {
        p += 1;
        (q1, r1) = double(q1, r1, anc);
        (q2, r2) = double(q2, r2, ad);
        let delta = ad - r2;
        if q1 > delta || (q1 == delta && r1 != 0) {
            break;
        }
    }
    let multiplier = q2.wrapping_add(1) as i64;
    (if divisor < 0 { multiplier.wrapping_neg() } else { multiplier }, p - 64)
}

/// Quotient and remainder of twice the dividend.
fn double(q: u64, r: u64, by: u64) -> (u64, u64) {
    let (q, r) = (q.wrapping_mul(2), r.wrapping_mul(2));
    if r >= by { (q.wrapping_add(1), r - by) } else { (q, r) }
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
            asm!(self, mov Rq(RDX), Rq(from); sar Rq(RDX), BYTE 63; shr Rq(RDX), BYTE 64 - shift; add Rq(RDX), Rq(from));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the emitted instructions compute.
    fn divide(a: i64, divisor: i64) -> i64 {
        let (multiplier, shift) = reciprocal(divisor);
        let mut q = ((i128::from(a) * i128::from(multiplier)) >> 64) as i64;
        if divisor > 0 && multiplier < 0 {
            q = q.wrapping_add(a);
        } else if divisor < 0 && multiplier > 0 {
            q = q.wrapping_sub(a);
        }
        q >>= shift;
        q.wrapping_add(((q as u64) >> 63) as i64)
    }

    #[test]
    fn reciprocals_divide() {
        let mut numbers = vec![0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 25, 60, 100, 125, 641, 1000, 3600, 65537, 86400];
        for bit in 2..63 {
            numbers.extend([(1i64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        }
        numbers.extend([i64::MAX, i64::MAX - 1, i64::MAX / 3, 6700417, 1_000_000_007, 0x5555_5555_5555_5555]);
        let negated: Vec<i64> = numbers.iter().map(|n| -n).collect();
        numbers.extend(negated);
        for divisor in numbers.iter().copied().filter(|d| folds(*d) && !d.unsigned_abs().is_power_of_two()) {
            for a in numbers.iter().copied().chain([i64::MIN, i64::MIN + 1]) {
                assert_eq!(divide(a, divisor), a / divisor, "{a} / {divisor}");
                for near in [a.wrapping_mul(divisor), a.wrapping_mul(divisor).wrapping_sub(1)] {
                    assert_eq!(divide(near, divisor), near / divisor, "{near} / {divisor}");
                }
            }
        }
    }
}
