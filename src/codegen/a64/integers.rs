//! Operations on whole numbers and bools, comparisons, and conversions to and from floats.

use super::abi::{FTMP, TMP, TMP2};
use super::emit::{Cond, on_condition};
use super::immediates::{power_of_two, power_of_two_and_one};
use super::{A64, asm};
use crate::codegen::CodegenError;
use crate::codegen::target::{Cold, Context, Loc, Located};
use crate::ir::op::Op;
use crate::trap::TrapKind;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};

/// A bitwise instruction, its second operand in a register or in the instruction.
macro_rules! bitwise {
    ($a64:expr, $name:ident, $to:expr, $inst:expr) => {
        match $inst.arg(1) {
            Loc::Reg(b) => asm!($a64, $name X($to), X($inst.reg(0)), X(b)),
            Loc::Const(bits) => asm!($a64, $name XSP($to), X($inst.reg(0)), bits),
        }
    };
}

/// A shift, its count, modulo 64, in a register or in the instruction.
macro_rules! shift {
    ($a64:expr, $name:ident, $to:expr, $inst:expr) => {
        match $inst.arg(1) {
            Loc::Reg(count) => asm!($a64, $name X($to), X($inst.reg(0)), X(count)),
            Loc::Const(count) => asm!($a64, $name X($to), X($inst.reg(0)), count as u32 & 63),
        }
    };
}

impl A64 {
    /// A row of the table of operations.
    ///
    /// INVARIANT: arguments are read before the result is written.
    pub(super) fn emit_op(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) -> Result<(), CodegenError> {
        let to = inst.def(0);
        match op {
            Op::FAdd
            | Op::FSub
            | Op::FMul
            | Op::FDiv
            | Op::Fma
            | Op::Fms
            | Op::Fnma
            | Op::FNeg
            | Op::FAbs
            | Op::FSqrt
            | Op::FMin
            | Op::FMax
            | Op::FFloor
            | Op::FCeil
            | Op::FTrunc
            | Op::FRound
            | Op::FRoundEven
            | Op::FFract
            | Op::FSign
            | Op::FCopysign
            | Op::FCanon
            | Op::FDemote => self.emit_float_op(op, inst, cx),

            Op::FBits => asm!(self, fmov X(to), D(inst.reg(0))),
            Op::FFromBits => asm!(self, fmov D(to), X(inst.reg(0))),
            Op::FIsFinite => {
                // The difference is zero, or NaN for an infinity or a NaN.
                let a = inst.reg(0);
                asm!(self, fsub D(FTMP), D(a), D(a); fcmp D(FTMP), D(FTMP); cset W(to), vc);
            }
            Op::FIsInfinite => {
                // The bits without the sign.
                asm!(self, fmov X(TMP), D(inst.reg(0)); lsl X(TMP), X(TMP), 1);
                self.load_const(TMP2, (f64::INFINITY.to_bits() << 1) as i64);
                asm!(self, cmp X(TMP), X(TMP2); cset W(to), eq);
            }
            Op::FIsNan => asm!(self, fcmp D(inst.reg(0)), D(inst.reg(0)); cset W(to), vs),
            Op::FEq | Op::FNe | Op::FLt | Op::FLe | Op::IEq | Op::INe | Op::ILt | Op::ILe | Op::BEq => {
                let cond = self.compare(op, inst);
                on_condition!(self, cond, cset W(to));
            }

            Op::IAdd => {
                match inst.arg(1) {
                    Loc::Reg(b) => asm!(self, adds X(to), X(inst.reg(0)), X(b)),
                    Loc::Const(bits) => self.add_const_with_flags(to, inst.reg(0), bits as i64),
                }
                self.trap_on_overflow(inst, cx);
            }
            Op::ISub => {
                match inst.arg(1) {
                    Loc::Reg(b) => asm!(self, subs X(to), X(inst.reg(0)), X(b)),
                    Loc::Const(bits) => self.add_const_with_flags(to, inst.reg(0), (bits as i64).wrapping_neg()),
                }
                self.trap_on_overflow(inst, cx);
            }
            Op::IMul => {
                // Both halves of the product: the upper one is the sign of the lower one.
                let a = inst.reg(0);
                match inst.arg(1) {
                    Loc::Reg(b) => {
                        asm!(self, smulh X(TMP), X(a), X(b); mul X(to), X(a), X(b); cmp X(TMP), X(to), asr 63);
                    }
                    Loc::Const(bits) => {
                        let shift = power_of_two(bits as i64).unwrap_or(0);
                        asm!(self, lsl X(TMP), X(a), shift; cmp X(a), X(TMP), asr shift; mov X(to), X(TMP));
                    }
                }
                self.trap_where(Cond::Ne, TrapKind::IntegerOverflow, inst, cx);
            }
            Op::INeg => {
                asm!(self, negs X(to), X(inst.reg(0)));
                self.trap_on_overflow(inst, cx);
            }
            Op::IAbs => {
                asm!(self, negs X(TMP), X(inst.reg(0)));
                self.trap_on_overflow(inst, cx);
                asm!(self, csel X(to), X(TMP), X(inst.reg(0)), pl);
            }
            Op::IWrappingAdd => match inst.arg(1) {
                Loc::Reg(b) => asm!(self, add X(to), X(inst.reg(0)), X(b)),
                Loc::Const(bits) => self.add_const(to, inst.reg(0), bits as i64),
            },
            Op::IWrappingSub => match inst.arg(1) {
                Loc::Reg(b) => asm!(self, sub X(to), X(inst.reg(0)), X(b)),
                Loc::Const(bits) => self.add_const(to, inst.reg(0), (bits as i64).wrapping_neg()),
            },
            Op::IWrappingMul => match inst.arg(1) {
                Loc::Reg(b) => asm!(self, mul X(to), X(inst.reg(0)), X(b)),
                Loc::Const(bits) => match power_of_two_and_one(bits as i64) {
                    Some(shift) => asm!(self, add X(to), X(inst.reg(0)), X(inst.reg(0)), lsl shift),
                    None => asm!(self, lsl X(to), X(inst.reg(0)), power_of_two(bits as i64).unwrap_or(0)),
                },
            },
            Op::IDiv | Op::IFloorDiv | Op::IRem | Op::IFloorMod => self.emit_division(op, inst, cx),
            Op::IGcd | Op::IPow => {
                return Err(CodegenError::Malformed(format!("{} is a helper", op.name())));
            }
            Op::IAnd | Op::BAnd => bitwise!(self, and, to, inst),
            Op::IOr | Op::BOr => bitwise!(self, orr, to, inst),
            Op::IXor | Op::BNe => bitwise!(self, eor, to, inst),
            Op::INot => asm!(self, mvn X(to), X(inst.reg(0))),
            Op::IShl => shift!(self, lsl, to, inst),
            Op::IShr => shift!(self, lsr, to, inst),
            Op::ISar => shift!(self, asr, to, inst),
            Op::IRotl => match inst.arg(1) {
                Loc::Reg(count) => asm!(self, neg X(TMP), X(count); ror X(to), X(inst.reg(0)), X(TMP)),
                Loc::Const(count) => asm!(self, ror X(to), X(inst.reg(0)), count.wrapping_neg() as u32 & 63),
            },
            Op::IRotr => shift!(self, ror, to, inst),
            Op::IPopcount => {
                asm!(self, fmov D(FTMP), X(inst.reg(0)); cnt V(FTMP).B8, V(FTMP).B8);
                asm!(self, addv B(FTMP), V(FTMP).B8; fmov X(to), D(FTMP));
            }
            Op::IClz => asm!(self, clz X(to), X(inst.reg(0))),
            Op::ICtz => asm!(self, rbit X(TMP), X(inst.reg(0)); clz X(to), X(TMP)),
            Op::IMin => {
                let (a, b) = (inst.reg(0), inst.reg(1));
                asm!(self, cmp X(a), X(b); csel X(to), X(a), X(b), lt);
            }
            Op::IMax => {
                let (a, b) = (inst.reg(0), inst.reg(1));
                asm!(self, cmp X(a), X(b); csel X(to), X(a), X(b), gt);
            }
            Op::ISign => {
                asm!(self, cmp XSP(inst.reg(0)), 0; cset X(TMP), gt; csinv X(to), X(TMP), xzr, ge);
            }
            Op::INarrowI32 => {
                // `to` is the register of the argument.
                asm!(self, cmp XSP(to), W(to), sxtw);
                self.trap_where(Cond::Ne, TrapKind::BadCast, inst, cx);
            }
            Op::INarrowU8 => {
                asm!(self, cmp XSP(to), 255);
                self.trap_where(Cond::Hi, TrapKind::BadCast, inst, cx);
            }
            Op::IToF | Op::BToF => asm!(self, scvtf D(to), X(inst.reg(0))),
            Op::FToI => {
                // Below 2^63, and then not below -2^63; if not the former (or unordered), flags are set that say the latter fails.
                let a = inst.reg(0);
                let bound = self.scratch_float(9223372036854775808.0f64.to_bits(), cx);
                asm!(self, fcmp D(a), D(bound); fneg D(bound), D(bound); fccmp D(a), D(bound), 8, mi);
                self.trap_where(Cond::Lt, TrapKind::BadCast, inst, cx);
                asm!(self, fcvtzs X(to), D(a));
            }
            Op::BToI => {}
            Op::BNot => asm!(self, eor WSP(to), W(inst.reg(0)), 1),
        }
        Ok(())
    }

    /// `to = from + number`, with the flags of that sum.
    fn add_const_with_flags(&mut self, to: u8, from: u8, number: i64) {
        let magnitude = number.unsigned_abs();
        let (high, low) = ((magnitude >> 12) as u32, magnitude as u32 & 0xFFF);
        match (number < 0, magnitude < 1 << 12) {
            (false, true) => asm!(self, adds X(to), XSP(from), low),
            (false, false) => asm!(self, adds X(to), XSP(from), high, lsl 12),
            (true, true) => asm!(self, subs X(to), XSP(from), low),
            (true, false) => asm!(self, subs X(to), XSP(from), high, lsl 12),
        }
    }

    fn trap_stub(&mut self, kind: TrapKind, inst: &Located<'_>, cx: &mut Context) -> DynamicLabel {
        let out = self.label();
        cx.stub(out, None, Cold::Trap(kind), inst.span);
        out
    }

    fn trap_where(&mut self, cond: Cond, kind: TrapKind, inst: &Located<'_>, cx: &mut Context) {
        let out = self.trap_stub(kind, inst, cx);
        self.branch_where(cond, out);
    }

    fn trap_on_overflow(&mut self, inst: &Located<'_>, cx: &mut Context) {
        self.trap_where(Cond::Vs, TrapKind::IntegerOverflow, inst, cx);
    }

    /// Division by a value. `sdiv` gives 0 for a divisor of zero, and the least number for that by -1.
    fn emit_division(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        let by = match inst.arg(1) {
            Loc::Reg(by) => by,
            Loc::Const(by) => return self.emit_division_by_const(op, by as i64, inst),
        };
        let zero = self.trap_stub(TrapKind::DivideByZero, inst, cx);
        asm!(self, cbz X(by), =>zero);
        if matches!(op, Op::IDiv | Op::IFloorDiv) {
            // Subtracting one overflows for the least number alone; it is asked only where the divisor is -1.
            asm!(self, cmn XSP(by), 1; ccmp X(a), 1, 0, eq);
            self.trap_on_overflow(inst, cx);
        }
        match op {
            Op::IDiv => asm!(self, sdiv X(to), X(a), X(by)),
            Op::IRem => asm!(self, sdiv X(TMP), X(a), X(by); msub X(to), X(TMP), X(by), X(a)),
            Op::IFloorDiv => {
                // Less one where there is a remainder whose sign is not the divisor's.
                asm!(self, sdiv X(TMP), X(a), X(by); msub X(TMP2), X(TMP), X(by), X(a); cmp XSP(TMP2), 0);
                asm!(self, eor X(TMP2), X(TMP2), X(by); ccmp X(TMP2), 0, 0, ne; cset X(TMP2), mi);
                asm!(self, sub X(to), X(TMP), X(TMP2));
            }
            _ => {
                asm!(self, sdiv X(TMP), X(a), X(by); msub X(TMP), X(TMP), X(by), X(a); cmp XSP(TMP), 0);
                asm!(self, eor X(TMP2), X(TMP), X(by); ccmp X(TMP2), 0, 0, ne; csel X(TMP2), X(by), xzr, mi);
                asm!(self, add X(to), X(TMP), X(TMP2));
            }
        }
    }

    /// `cmp`, with a number that [`super::operands::folds`] let through.
    pub(super) fn compare_const(&mut self, reg: u8, number: i64) {
        let magnitude = number.unsigned_abs();
        let (high, low) = ((magnitude >> 12) as u32, magnitude as u32 & 0xFFF);
        match (number < 0, magnitude < 1 << 12) {
            (false, true) => asm!(self, cmp XSP(reg), low),
            (false, false) => asm!(self, cmp XSP(reg), high, lsl 12),
            (true, true) => asm!(self, cmn XSP(reg), low),
            (true, false) => asm!(self, cmn XSP(reg), high, lsl 12),
        }
    }

    /// Compares the first two arguments; the flags then say what the comparison is.
    pub(super) fn compare(&mut self, op: Op, inst: &Located<'_>) -> Cond {
        let (when, swapped) = match op {
            Op::FEq | Op::FNe | Op::FLt | Op::FLe => return self.compare_floats(op, inst),
            Op::ILt => (Cond::Lt, Cond::Gt),
            Op::ILe => (Cond::Le, Cond::Ge),
            Op::INe | Op::BNe => (Cond::Ne, Cond::Ne),
            _ => (Cond::Eq, Cond::Eq),
        };
        match (inst.arg(0), inst.arg(1)) {
            (Loc::Reg(a), Loc::Reg(b)) => asm!(self, cmp X(a), X(b)),
            (Loc::Reg(a), Loc::Const(b)) => self.compare_const(a, b as i64),
            (Loc::Const(a), Loc::Reg(b)) => {
                self.compare_const(b, a as i64);
                return swapped;
            }
            (Loc::Const(_), Loc::Const(_)) => {} // Only one argument is ever folded.
        }
        when
    }
}
