//! Operations on floats.

use super::abi::XTMP;
use super::{X64, asm};
use crate::codegen::blob::PoolEntry;
use crate::codegen::target::{Cold, Context, Loc, Located};
use crate::ir::op::Op;
use dynasmrt::{DynasmApi, DynasmLabelApi};

const SIGN: u64 = 1 << 63;

/// The immediate of `vroundsd`: toward zero, or one of these; inexact is not reported.
const NEAREST_EVEN: i8 = 8;
const DOWN: i8 = 9;
const UP: i8 = 10;
const TOWARD_ZERO: i8 = 11;

/// An instruction of three operands, the last in a register or in the pool.
macro_rules! arithmetic {
    ($x64:expr, $cx:expr, $name:ident, $to:expr, $a:expr, $b:expr) => {
        match $b {
            Loc::Reg(b) => asm!($x64, $name Rx($to), Rx($a), Rx(b)),
            Loc::Const(bits) => {
                asm!($x64, $name Rx($to), Rx($a), QWORD [rip + 0]);
                $x64.pool_ref(PoolEntry::Bits(bits), $cx);
            }
        }
    };
}

/// A fused one, its result in the register of the first factor; the second factor or the summand may be in the pool.
macro_rules! fused {
    ($x64:expr, $cx:expr, $summand:ident, $factor:ident, $inst:expr) => {
        match ($inst.arg(1), $inst.arg(2)) {
            (Loc::Reg(factor), Loc::Reg(summand)) => asm!($x64, $summand Rx($inst.def(0)), Rx(factor), Rx(summand)),
            (Loc::Reg(factor), Loc::Const(bits)) => {
                asm!($x64, $summand Rx($inst.def(0)), Rx(factor), QWORD [rip + 0]);
                $x64.pool_ref(PoolEntry::Bits(bits), $cx);
            }
            (Loc::Const(bits), _) => {
                asm!($x64, $factor Rx($inst.def(0)), Rx($inst.reg(2)), QWORD [rip + 0]);
                $x64.pool_ref(PoolEntry::Bits(bits), $cx);
            }
        }
    };
}

/// A bitwise one with a mask from the pool. It reads 16 bytes; the upper lane is whatever lies there.
macro_rules! masked {
    ($x64:expr, $cx:expr, $name:ident, $to:expr, $a:expr, $mask:expr) => {
        asm!($x64, $name Rx($to), Rx($a), OWORD [rip + 0]);
        $x64.pool_ref(PoolEntry::Bits($mask), $cx);
    };
}

impl X64 {
    pub(super) fn emit_float_op(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let to = inst.def(0);
        match op {
            Op::FAdd => arithmetic!(self, cx, vaddsd, to, inst.reg(0), inst.arg(1)),
            Op::FMul => arithmetic!(self, cx, vmulsd, to, inst.reg(0), inst.arg(1)),
            Op::FSub => {
                let a = self.float_reg(inst.arg(0), cx);
                arithmetic!(self, cx, vsubsd, to, a, inst.arg(1));
            }
            Op::FDiv => {
                let a = self.float_reg(inst.arg(0), cx);
                arithmetic!(self, cx, vdivsd, to, a, inst.arg(1));
            }
            Op::Fma => fused!(self, cx, vfmadd213sd, vfmadd132sd, inst),
            Op::Fms => fused!(self, cx, vfmsub213sd, vfmsub132sd, inst),
            Op::Fnma => fused!(self, cx, vfnmadd213sd, vfnmadd132sd, inst),
            Op::FNeg => {
                masked!(self, cx, vxorpd, to, inst.reg(0), SIGN);
            }
            Op::FAbs => {
                masked!(self, cx, vandpd, to, inst.reg(0), !SIGN);
            }
            Op::FSqrt => asm!(self, vsqrtsd Rx(to), Rx(inst.reg(0)), Rx(inst.reg(0))),
            Op::FMin => self.emit_min(inst, cx),
            Op::FMax => self.emit_max(inst, cx),
            Op::FFloor => self.round(to, inst.reg(0), DOWN),
            Op::FCeil => self.round(to, inst.reg(0), UP),
            Op::FTrunc => self.round(to, inst.reg(0), TOWARD_ZERO),
            Op::FRoundEven => self.round(to, inst.reg(0), NEAREST_EVEN),
            Op::FRound => {
                // Adding the greatest number below 0.5, with the sign of the operand, carries exactly the halves and what is above them.
                let a = inst.reg(0);
                masked!(self, cx, vandpd, XTMP, a, SIGN);
                masked!(self, cx, vorpd, XTMP, XTMP, 0.49999999999999994f64.to_bits());
                asm!(self, vaddsd Rx(XTMP), Rx(XTMP), Rx(a));
                self.round(to, XTMP, TOWARD_ZERO);
            }
            Op::FFract => {
                let a = inst.reg(0);
                self.round(XTMP, a, TOWARD_ZERO);
                asm!(self, vsubsd Rx(to), Rx(a), Rx(XTMP));
            }
            Op::FSign => {
                // One with the operand's sign, where the operand is neither zero nor NaN.
                let (a, one) = (inst.reg(0), inst.temp(0));
                masked!(self, cx, vandpd, one, a, SIGN);
                masked!(self, cx, vorpd, one, one, 1.0f64.to_bits());
                asm!(self, vxorpd Rx(XTMP), Rx(XTMP), Rx(XTMP); vcmpneq_oqsd Rx(XTMP), Rx(a), Rx(XTMP));
                asm!(self, vblendvpd Rx(to), Rx(a), Rx(one), Rx(XTMP));
            }
            Op::FCopysign => {
                let (magnitude, sign) = (inst.reg(0), inst.reg(1));
                masked!(self, cx, vandpd, XTMP, sign, SIGN);
                masked!(self, cx, vandpd, to, magnitude, !SIGN);
                asm!(self, vorpd Rx(to), Rx(to), Rx(XTMP));
            }
            Op::FCanon => {
                // A jump that is never taken costs nothing; a blend would wait for the comparison.
                let (nan, back) = (self.label(), self.label());
                asm!(self, vucomisd Rx(to), Rx(to); jp =>nan);
                self.bind(back);
                cx.stub(nan, Some(back), Cold::Canonical(to), inst.span);
            }
            Op::FDemote => {
                let a = inst.reg(0);
                asm!(self, vcvtsd2ss Rx(to), Rx(a), Rx(a); vcvtss2sd Rx(to), Rx(to), Rx(to));
            }
            _ => {} // `emit_op` sends only floats here.
        }
    }

    fn round(&mut self, to: u8, from: u8, mode: i8) {
        asm!(self, vroundsd Rx(to), Rx(from), Rx(from), BYTE mode);
    }

    /// `minsd` gives its second operand for two zeros and for a NaN: taken both ways round, the bits of either sign and of a NaN come through `or`.
    fn emit_min(&mut self, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        match inst.arg(1) {
            Loc::Reg(b) => {
                asm!(self, vminsd Rx(XTMP), Rx(a), Rx(b); vminsd Rx(to), Rx(b), Rx(a); vorpd Rx(to), Rx(to), Rx(XTMP));
            }
            Loc::Const(bits) => {
                self.load_float_const(XTMP, bits, cx);
                asm!(self, vminsd Rx(to), Rx(XTMP), Rx(a));
            }
        }
    }

    /// Taken both ways round; where they differ (in the sign of zero, or by a NaN) the difference of the combined bits and of the sign is 0.0 or a NaN.
    fn emit_max(&mut self, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        match inst.arg(1) {
            Loc::Reg(b) => {
                asm!(self, vmaxsd Rx(XTMP), Rx(a), Rx(b); vmaxsd Rx(to), Rx(b), Rx(a); vxorpd Rx(to), Rx(to), Rx(XTMP));
                asm!(self, vorpd Rx(XTMP), Rx(XTMP), Rx(to); vsubsd Rx(to), Rx(XTMP), Rx(to));
            }
            Loc::Const(bits) => {
                self.load_float_const(XTMP, bits, cx);
                asm!(self, vmaxsd Rx(to), Rx(XTMP), Rx(a));
                if bits == 0 {
                    // Of two zeros it gave the operand's.
                    asm!(self, vaddsd Rx(to), Rx(to), Rx(XTMP));
                }
            }
        }
    }

    /// `to = bits`
    pub(super) fn load_float_const(&mut self, to: u8, bits: u64, cx: &mut Context) {
        if to > XTMP {
            self.vector_const(to, bits, cx);
        } else if bits == 0 {
            asm!(self, vxorpd Rx(to), Rx(to), Rx(to));
        } else {
            asm!(self, vmovsd Rx(to), QWORD [rip + 0]);
            self.pool_ref(PoolEntry::Bits(bits), cx);
        }
    }

    /// An argument's register; a constant is loaded into the scratch register.
    pub(super) fn float_reg(&mut self, loc: Loc, cx: &mut Context) -> u8 {
        match loc {
            Loc::Reg(reg) => reg,
            Loc::Const(bits) => {
                self.load_float_const(XTMP, bits, cx);
                XTMP
            }
        }
    }
}
