//! Operations on lanes of words. Where AVX2 has no instruction for 64-bit integers, a sequence with the same bits.

use super::X64;
use super::abi::{KTMP, XTMP};
use super::vector::SIGN;
use super::vex::{Len, Rm, V, VexInst};
use crate::codegen::CodegenError;
use crate::codegen::target::{Context, Loc, Located};
use crate::ir::arrays::CANONICAL_NAN;
use crate::ir::op::Op;

/// Rounding: to nearest even, or one of these; inexact is not reported.
const NEAREST_EVEN: u8 = 8;
const DOWN: u8 = 9;
const UP: u8 = 10;
const TOWARD_ZERO: u8 = 11;

/// Predicates of float comparisons.
const EQ: u8 = 0;
const UNORD: u8 = 3;
const NEQ: u8 = 4;
const ORD: u8 = 7;
const NEQ_ORDERED: u8 = 12;
const LT: u8 = 17;
const LE: u8 = 18;
const GE: u8 = 29;
const GT: u8 = 30;

/// `vrangepd`: the greater, its sign as it is.
const RANGE_MAX: u8 = 5;

/// Classes of `vfpclasspd`.
const CLASS_NAN: u8 = 0x81;
const CLASS_ZERO: u8 = 0x06;
const CLASS_INFINITE: u8 = 0x18;

/// 2^52, in whose lowest bits a number below 2^32 counts ones.
const LOW_MAGIC: u64 = 0x4330_0000_0000_0000;
/// 2^84 + 2^63, in whose lowest bits a number counts times 2^32, its sign flipped.
const HIGH_MAGIC: u64 = 0x4530_0000_8000_0000;
/// 2^84 + 2^63 + 2^52
const BOTH_MAGIC: u64 = 0x4530_0000_8010_0000;

impl X64 {
    /// INVARIANT: arguments are read before the result is written, unless `vector_operands.rs` keeps them apart.
    pub(super) fn emit_vector_op(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) -> Result<(), CodegenError> {
        let to = inst.def(0);
        match op {
            Op::FAdd => self.rrl(V::Vaddpd, to, inst.reg(0), inst.arg(1), cx),
            Op::FSub => self.rrl(V::Vsubpd, to, inst.reg(0), inst.arg(1), cx),
            Op::FMul => self.rrl(V::Vmulpd, to, inst.reg(0), inst.arg(1), cx),
            Op::FDiv => self.rrl(V::Vdivpd, to, inst.reg(0), inst.arg(1), cx),
            Op::Fma => self.fused(inst, V::Vfmadd132pd, V::Vfmadd213pd, cx),
            Op::Fms => self.fused(inst, V::Vfmsub132pd, V::Vfmsub213pd, cx),
            Op::Fnma => self.fused(inst, V::Vfnmadd132pd, V::Vfnmadd213pd, cx),
            Op::FNeg => self.rrc(V::Vxorpd, to, inst.reg(0), SIGN, cx),
            Op::FAbs => self.rrc(V::Vandpd, to, inst.reg(0), !SIGN, cx),
            Op::FSqrt => self.rr(V::Vsqrtpd, to, inst.reg(0)),
            Op::FMin => self.min_lanes(inst, cx),
            Op::FMax => self.max_lanes(inst, cx),
            Op::FFloor => self.round_lanes(to, inst.reg(0), DOWN),
            Op::FCeil => self.round_lanes(to, inst.reg(0), UP),
            Op::FTrunc => self.round_lanes(to, inst.reg(0), TOWARD_ZERO),
            Op::FRoundEven => self.round_lanes(to, inst.reg(0), NEAREST_EVEN),
            Op::FRound => {
                // Adding the greatest number below 0.5, with the sign of the operand, carries exactly the halves and what is above them.
                let a = inst.reg(0);
                self.rrc(V::Vandpd, XTMP, a, SIGN, cx);
                self.rrc(V::Vorpd, XTMP, XTMP, 0.49999999999999994f64.to_bits(), cx);
                self.rrr(V::Vaddpd, XTMP, XTMP, a);
                self.round_lanes(to, XTMP, TOWARD_ZERO);
            }
            Op::FFract => {
                let a = inst.reg(0);
                self.round_lanes(XTMP, a, TOWARD_ZERO);
                self.rrr(V::Vsubpd, to, a, XTMP);
            }
            Op::FSign => self.sign_lanes(inst, cx),
            Op::FCopysign => {
                let (magnitude, sign) = (inst.reg(0), inst.reg(1));
                self.rrc(V::Vandpd, XTMP, sign, SIGN, cx);
                self.rrc(V::Vandpd, to, magnitude, !SIGN, cx);
                self.rrr(V::Vorpd, to, to, XTMP);
            }
            Op::FCanon => {
                // `to` is the register of the operand.
                if self.is_wide() {
                    self.rrri(V::VcmppdK, KTMP, to, to, UNORD);
                    let canonical = VexInst::new(V::Vbroadcastsd, Len::L512, to, 0, Rm::Pool);
                    self.put_pool(VexInst { mask: KTMP, ..canonical }, CANONICAL_NAN, cx);
                } else {
                    self.rrri(V::Vcmppd, XTMP, to, to, UNORD);
                    self.rrli(V::Vblendvpd, to, to, Loc::Const(CANONICAL_NAN), XTMP, cx);
                }
            }
            Op::FDemote => {
                self.rr(V::Vcvtpd2ps, XTMP, inst.reg(0));
                self.rr(V::Vcvtps2pd, to, XTMP);
            }
            Op::FBits | Op::FFromBits => self.copy_vector(to, inst.reg(0)),
            Op::FIsFinite | Op::FIsInfinite | Op::FIsNan => self.classify(op, inst, cx),
            Op::FEq => self.compare_lanes(EQ, EQ, inst, cx),
            Op::FNe => self.compare_lanes(NEQ, NEQ, inst, cx),
            Op::FLt => self.compare_lanes(LT, GT, inst, cx),
            Op::FLe => self.compare_lanes(LE, GE, inst, cx),
            Op::BToI | Op::BToF | Op::BNot | Op::BAnd | Op::BOr | Op::BEq | Op::BNe => {
                self.emit_mask_op(op, inst, cx);
            }
            Op::IToF if self.is_wide() => self.rr(V::Vcvtqq2pd, to, inst.reg(0)),
            Op::IToF => {
                // Both halves as floats, exactly; one addition rounds.
                let (a, high) = (inst.reg(0), inst.temp(0));
                self.shift(V::VpsrlqI, high, a, 32);
                self.rrc(V::Vpxor, high, high, HIGH_MAGIC, cx);
                self.rrc(V::Vsubpd, high, high, BOTH_MAGIC, cx);
                self.rrli(V::Vpblendd, XTMP, a, Loc::Const(LOW_MAGIC), 0xAA, cx);
                self.rrr(V::Vaddpd, to, high, XTMP);
            }
            _ if op.traps().is_empty() => self.integer_lanes(op, inst, cx),
            _ => return Err(CodegenError::Malformed(format!("{} of several lanes", op.name()))),
        }
        Ok(())
    }

    /// `to` is the register of the first factor.
    fn fused(&mut self, inst: &Located<'_>, by_third: V, plus_third: V, cx: &mut Context) {
        let to = inst.def(0);
        match (inst.arg(1), inst.arg(2)) {
            (Loc::Const(bits), _) => self.rrc(by_third, to, inst.reg(2), bits, cx),
            (_, addend) => self.rrl(plus_third, to, inst.reg(1), addend, cx),
        }
    }

    pub(super) fn round_lanes(&mut self, to: u8, from: u8, mode: u8) {
        let op = if self.is_wide() { V::Vrndscalepd } else { V::Vroundpd };
        self.rrri(op, to, 0, from, mode);
    }

    /// As for one lane: taken both ways round, the bits of either sign and of a NaN come through `or`.
    fn min_lanes(&mut self, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        match inst.arg(1) {
            Loc::Reg(b) => {
                self.rrr(V::Vminpd, XTMP, a, b);
                self.rrr(V::Vminpd, to, b, a);
                self.rrr(V::Vorpd, to, to, XTMP);
            }
            Loc::Const(bits) => {
                self.load_lanes_const(XTMP, bits, cx);
                self.rrr(V::Vminpd, to, XTMP, a);
            }
        }
    }

    fn max_lanes(&mut self, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        match inst.arg(1) {
            Loc::Reg(b) if self.is_wide() => {
                // It orders the zeros, and gives the other operand for a NaN.
                self.rrri(V::VcmppdK, KTMP, a, b, UNORD);
                self.rrri(V::Vrangepd, to, a, b, RANGE_MAX);
                self.put(VexInst { mask: KTMP, ..VexInst::new(V::Vaddpd, Len::L512, to, a, Rm::Reg(b)) });
            }
            Loc::Reg(b) => {
                // Where the two differ (in the sign of zero, or by a NaN) the difference of the combined bits and of the sign is 0.0 or a NaN.
                self.rrr(V::Vmaxpd, XTMP, a, b);
                self.rrr(V::Vmaxpd, to, b, a);
                self.rrr(V::Vxorpd, to, to, XTMP);
                self.rrr(V::Vorpd, XTMP, XTMP, to);
                self.rrr(V::Vsubpd, to, XTMP, to);
            }
            Loc::Const(bits) => {
                self.load_lanes_const(XTMP, bits, cx);
                self.rrr(V::Vmaxpd, to, XTMP, a);
                if bits == 0 {
                    // Of two zeros it gave the operand's.
                    self.rrr(V::Vaddpd, to, to, XTMP);
                }
            }
        }
    }

    pub(super) fn load_lanes_const(&mut self, to: u8, bits: u64, cx: &mut Context) {
        self.put_pool(VexInst::new(V::Vbroadcastsd, self.vector_len(), to, 0, Rm::Pool), bits, cx);
    }

    /// One with the operand's sign, where the operand is neither zero nor NaN.
    fn sign_lanes(&mut self, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        let one = if self.is_wide() { XTMP } else { inst.temp(0) };
        self.rrc(V::Vandpd, one, a, SIGN, cx);
        self.rrc(V::Vorpd, one, one, 1.0f64.to_bits(), cx);
        if self.is_wide() {
            self.rrri(V::Vfpclasspd, KTMP, 0, a, CLASS_NAN | CLASS_ZERO);
            self.blend(to, KTMP, a, one);
        } else {
            self.zero_vector(XTMP);
            self.rrri(V::Vcmppd, XTMP, a, XTMP, NEQ_ORDERED);
            self.blend(to, XTMP, one, a);
        }
    }

    fn classify(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        match (op, self.is_wide()) {
            (Op::FIsInfinite, true) => self.rrri(V::Vfpclasspd, to, 0, a, CLASS_INFINITE),
            (Op::FIsNan, true) => self.rrri(V::VcmppdK, to, a, a, UNORD),
            (_, true) => {
                self.rrri(V::Vfpclasspd, KTMP, 0, a, CLASS_INFINITE | CLASS_NAN);
                self.put(VexInst::new(V::Knotb, Len::L128, to, 0, Rm::Reg(KTMP)));
            }
            (Op::FIsInfinite, false) => {
                self.rrc(V::Vandpd, XTMP, a, !SIGN, cx);
                self.rrc(V::Vpcmpeqq, to, XTMP, f64::INFINITY.to_bits(), cx);
            }
            (Op::FIsNan, false) => self.rrri(V::Vcmppd, to, a, a, UNORD),
            (_, false) => {
                // The difference is zero, or NaN for an infinity or a NaN.
                self.rrr(V::Vsubpd, XTMP, a, a);
                self.rrri(V::Vcmppd, to, XTMP, XTMP, ORD);
            }
        }
    }

    /// Compares floats; `swapped` is the predicate with the operands the other way round.
    fn compare_lanes(&mut self, predicate: u8, swapped: u8, inst: &Located<'_>, cx: &mut Context) {
        let op = if self.is_wide() { V::VcmppdK } else { V::Vcmppd };
        match (inst.arg(0), inst.arg(1)) {
            (Loc::Reg(a), b) => self.rrli(op, inst.def(0), a, b, predicate, cx),
            (a, _) => self.rrli(op, inst.def(0), inst.reg(1), a, swapped, cx),
        }
    }
}
