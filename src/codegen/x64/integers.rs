//! Operations on whole numbers and bools, comparisons, and conversions to and from floats.

use super::abi::{RAX, RDX, TMP, XTMP};
use super::emit::Cond;
use super::{X64, asm};
use crate::codegen::CodegenError;
use crate::codegen::blob::PoolEntry;
use crate::codegen::target::{Cold, Context, Loc, Located};
use crate::ir::op::Op;
use crate::trap::TrapKind;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};

/// A legacy instruction of two operands, in its register form, its form with one byte, or with four.
macro_rules! alu {
    ($x64:expr, $name:ident, $to:expr, $from:expr) => {
        match $from {
            Loc::Reg(from) => asm!($x64, $name Rq($to), Rq(from)),
            Loc::Const(bits) => match i8::try_from(bits as i64) {
                Ok(value) => asm!($x64, $name Rq($to), BYTE value),
                Err(_) => asm!($x64, $name Rq($to), bits as i32),
            },
        }
    };
}

impl X64 {
    /// A row of the table of operations.
    ///
    /// INVARIANT: arguments are read before the result is written, unless `operands.rs` keeps them apart.
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

            Op::FBits => asm!(self, vmovq Rq(to), Rx(inst.reg(0))),
            Op::FFromBits => asm!(self, vmovq Rx(to), Rq(inst.reg(0))),
            Op::FIsFinite => {
                // The difference is zero, or NaN for an infinity or a NaN.
                let a = inst.reg(0);
                asm!(self, vsubsd Rx(XTMP), Rx(a), Rx(a); vucomisd Rx(XTMP), Rx(XTMP); setnp Rb(to); movzx Rd(to), Rb(to));
            }
            Op::FIsInfinite => {
                // Below or unordered, but for an infinity.
                asm!(self, vandpd Rx(XTMP), Rx(inst.reg(0)), OWORD [rip + 0]);
                self.pool_ref(PoolEntry::Bits(!(1 << 63)), cx);
                asm!(self, vucomisd Rx(XTMP), QWORD [rip + 0]);
                self.pool_ref(PoolEntry::Bits(f64::INFINITY.to_bits()), cx);
                self.set(to, Cond::AboveEq);
            }
            Op::FIsNan => {
                let a = inst.reg(0);
                asm!(self, vucomisd Rx(a), Rx(a); setp Rb(to); movzx Rd(to), Rb(to));
            }
            Op::FEq | Op::FNe => {
                self.compare_mask(op, inst, cx);
                asm!(self, vmovq Rq(to), Rx(XTMP); and Rd(to), BYTE 1);
            }
            Op::FLt | Op::FLe | Op::IEq | Op::INe | Op::ILt | Op::ILe => {
                let cond = self.compare(op, inst, cx);
                self.set(to, cond);
            }

            Op::IAdd => {
                alu!(self, add, to, inst.arg(1));
                self.trap_on_overflow(inst, cx);
            }
            Op::ISub => {
                alu!(self, sub, to, inst.arg(1));
                self.trap_on_overflow(inst, cx);
            }
            Op::IMul => {
                self.multiply(to, inst);
                self.trap_on_overflow(inst, cx);
            }
            Op::INeg => {
                asm!(self, neg Rq(to));
                self.trap_on_overflow(inst, cx);
            }
            Op::IAbs => {
                let a = inst.reg(0);
                self.copy_int(TMP, a);
                asm!(self, neg Rq(TMP));
                self.trap_on_overflow(inst, cx);
                asm!(self, cmovs Rq(TMP), Rq(a));
                self.copy_int(to, TMP);
            }
            Op::IWrappingAdd => match inst.arg(1) {
                Loc::Reg(b) => asm!(self, lea Rq(to), [Rq(inst.reg(0)) + Rq(b)]),
                Loc::Const(bits) => self.add_const(to, inst.reg(0), bits as i32),
            },
            Op::IWrappingSub => match inst.arg(1) {
                Loc::Const(bits) if bits as i32 != i32::MIN => self.add_const(to, inst.reg(0), -(bits as i32)),
                from => alu!(self, sub, to, from),
            },
            Op::IWrappingMul => match inst.arg(1) {
                // One cycle, where a multiplication takes three.
                Loc::Const(3) => asm!(self, lea Rq(to), [Rq(inst.reg(0)) + Rq(inst.reg(0)) * 2]),
                Loc::Const(5) => asm!(self, lea Rq(to), [Rq(inst.reg(0)) + Rq(inst.reg(0)) * 4]),
                Loc::Const(9) => asm!(self, lea Rq(to), [Rq(inst.reg(0)) + Rq(inst.reg(0)) * 8]),
                _ => self.multiply(to, inst),
            },
            Op::IDiv | Op::IFloorDiv | Op::IRem | Op::IFloorMod => self.emit_division(op, inst, cx),
            Op::IGcd | Op::IPow => {
                return Err(CodegenError::Malformed(format!("{} is a helper", op.name())));
            }
            Op::IAnd | Op::BAnd => alu!(self, and, to, inst.arg(1)),
            Op::IOr | Op::BOr => alu!(self, or, to, inst.arg(1)),
            Op::IXor | Op::BNe => alu!(self, xor, to, inst.arg(1)),
            Op::INot => asm!(self, not Rq(to)),
            Op::IShl => match inst.arg(1) {
                Loc::Reg(count) => asm!(self, shlx Rq(to), Rq(inst.reg(0)), Rq(count)),
                Loc::Const(count) => asm!(self, shl Rq(to), BYTE (count & 63) as i8),
            },
            Op::IShr => match inst.arg(1) {
                Loc::Reg(count) => asm!(self, shrx Rq(to), Rq(inst.reg(0)), Rq(count)),
                Loc::Const(count) => asm!(self, shr Rq(to), BYTE (count & 63) as i8),
            },
            Op::ISar => match inst.arg(1) {
                Loc::Reg(count) => asm!(self, sarx Rq(to), Rq(inst.reg(0)), Rq(count)),
                Loc::Const(count) => asm!(self, sar Rq(to), BYTE (count & 63) as i8),
            },
            Op::IRotl => match inst.arg(1) {
                Loc::Reg(count) => {
                    let a = inst.reg(0);
                    self.copy_int(TMP, count);
                    asm!(self, neg Rq(TMP); shrx Rq(TMP), Rq(a), Rq(TMP); shlx Rq(to), Rq(a), Rq(count));
                    asm!(self, or Rq(to), Rq(TMP));
                }
                Loc::Const(count) => self.rotate_right(to, inst.reg(0), count.wrapping_neg()),
            },
            Op::IRotr => match inst.arg(1) {
                Loc::Reg(count) => {
                    let a = inst.reg(0);
                    self.copy_int(TMP, count);
                    asm!(self, neg Rq(TMP); shlx Rq(TMP), Rq(a), Rq(TMP); shrx Rq(to), Rq(a), Rq(count));
                    asm!(self, or Rq(to), Rq(TMP));
                }
                Loc::Const(count) => self.rotate_right(to, inst.reg(0), count),
            },
            Op::IPopcount => asm!(self, popcnt Rq(to), Rq(inst.reg(0))),
            Op::IClz => asm!(self, lzcnt Rq(to), Rq(inst.reg(0))),
            Op::ICtz => asm!(self, tzcnt Rq(to), Rq(inst.reg(0))),
            // `to` is the register of the second argument.
            Op::IMin => asm!(self, cmp Rq(inst.reg(0)), Rq(to); cmovl Rq(to), Rq(inst.reg(0))),
            Op::IMax => asm!(self, cmp Rq(inst.reg(0)), Rq(to); cmovg Rq(to), Rq(inst.reg(0))),
            Op::ISign => {
                let a = inst.reg(0);
                self.copy_int(TMP, a);
                asm!(self, neg Rq(TMP); shr Rq(TMP), BYTE 63);
                self.copy_int(to, a);
                asm!(self, sar Rq(to), BYTE 63; or Rq(to), Rq(TMP));
            }
            Op::INarrowI32 => {
                asm!(self, movsxd Rq(TMP), Rd(to); cmp Rq(TMP), Rq(to));
                let out = self.trap_stub(TrapKind::BadCast, inst, cx);
                asm!(self, jne =>out);
            }
            Op::INarrowU8 => {
                asm!(self, cmp Rq(to), 255);
                let out = self.trap_stub(TrapKind::BadCast, inst, cx);
                asm!(self, ja =>out);
            }
            Op::IToF | Op::BToF => {
                // The instruction keeps the upper half of its first source: without the zero it would wait for it.
                asm!(self, vxorps Rx(to), Rx(to), Rx(to); vcvtsi2sd Rx(to), Rx(to), Rq(inst.reg(0)));
            }
            Op::FToI => {
                // 2^63 as an integer is the answer to all that does not fit, and to -2^63.
                let (done, a) = (self.label(), inst.reg(0));
                asm!(self, vcvttsd2si Rq(to), Rx(a); cmp Rq(to), 1; jno =>done; vucomisd Rx(a), QWORD [rip + 0]);
                self.pool_ref(PoolEntry::Bits((-9223372036854775808.0f64).to_bits()), cx);
                let out = self.trap_stub(TrapKind::BadCast, inst, cx);
                asm!(self, jne =>out; jp =>out);
                self.bind(done);
            }
            Op::BToI => {}
            Op::BNot => asm!(self, xor Rd(to), BYTE 1),
            Op::BEq => {
                alu!(self, xor, to, inst.arg(1));
                asm!(self, xor Rd(to), BYTE 1);
            }
        }
        Ok(())
    }

    /// `to = from + number`, wrapping.
    fn add_const(&mut self, to: u8, from: u8, number: i32) {
        match i8::try_from(number) {
            Ok(number) => asm!(self, lea Rq(to), [BYTE Rq(from) + number]),
            Err(_) => asm!(self, lea Rq(to), [Rq(from) + number]),
        }
    }

    fn multiply(&mut self, to: u8, inst: &Located<'_>) {
        match inst.arg(1) {
            Loc::Reg(b) => asm!(self, imul Rq(to), Rq(b)),
            Loc::Const(bits) => asm!(self, imul Rq(to), Rq(inst.reg(0)), DWORD bits as i32),
        }
    }

    fn rotate_right(&mut self, to: u8, from: u8, count: u64) {
        asm!(self, rorx Rq(to), Rq(from), BYTE (count & 63) as i8);
    }

    fn trap_stub(&mut self, kind: TrapKind, inst: &Located<'_>, cx: &mut Context) -> DynamicLabel {
        let out = self.label();
        cx.stub(out, None, Cold::Trap(kind), inst.span);
        out
    }

    fn trap_on_overflow(&mut self, inst: &Located<'_>, cx: &mut Context) {
        let out = self.trap_stub(TrapKind::IntegerOverflow, inst, cx);
        asm!(self, jo =>out);
    }

    /// Division by a value: the dividend is in rax, the divisor neither there (unless it is the same value) nor in rdx.
    fn emit_division(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let by = match inst.arg(1) {
            Loc::Reg(by) => by,
            Loc::Const(by) => return self.emit_division_by_const(op, by as i64, inst),
        };
        #[cfg(debug_assertions)]
        if op == Op::IDiv && crate::codegen::planted::is(crate::codegen::planted::Bug::UncheckedDivisor) {
            asm!(self, cqo; idiv Rq(by));
            return;
        }
        let zero = self.trap_stub(TrapKind::DivideByZero, inst, cx);
        let (divide, done) = (self.label(), self.label());
        asm!(self, test Rq(by), Rq(by); jz =>zero; cmp Rq(by), -1; jne =>divide);
        // By -1, where `idiv` would fault for the least number.
        match op {
            Op::IDiv | Op::IFloorDiv => {
                asm!(self, neg Rq(RAX));
                self.trap_on_overflow(inst, cx);
            }
            _ => asm!(self, xor Rd(RDX), Rd(RDX)),
        }
        asm!(self, jmp =>done);
        self.bind(divide);
        match op {
            Op::IFloorDiv => {
                self.copy_int(TMP, by);
                asm!(self, cqo; idiv Rq(TMP); test Rq(RDX), Rq(RDX); jz =>done);
                asm!(self, xor Rq(RDX), Rq(TMP); sar Rq(RDX), BYTE 63; add Rq(RAX), Rq(RDX));
            }
            Op::IFloorMod => {
                self.copy_int(TMP, by);
                asm!(self, cqo; idiv Rq(TMP); test Rq(RDX), Rq(RDX); jz =>done);
                asm!(self, mov Rq(RAX), Rq(RDX); xor Rq(RAX), Rq(TMP); jns =>done; add Rq(RDX), Rq(TMP));
            }
            _ => asm!(self, cqo; idiv Rq(by)),
        }
        self.bind(done);
    }

    /// `cmp`
    pub(super) fn compare_const(&mut self, reg: u8, value: i32) {
        if value == 0 {
            asm!(self, test Rq(reg), Rq(reg));
        } else {
            asm!(self, cmp Rq(reg), value);
        }
    }

    /// Compares the first two arguments; the flags then say what the comparison is.
    pub(super) fn compare(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) -> Cond {
        let (a, b) = (inst.arg(0), inst.arg(1));
        match op {
            Op::FEq | Op::FNe => {
                self.compare_floats(a, b, cx);
                if op == Op::FEq { Cond::FEq } else { Cond::FNe }
            }
            // The other way round: "above" is false where the operands are unordered, "below" is not.
            Op::FLt => {
                self.compare_floats(b, a, cx);
                Cond::Above
            }
            Op::FLe => {
                self.compare_floats(b, a, cx);
                Cond::AboveEq
            }
            _ => {
                let (when, swapped) = match op {
                    Op::ILt => (Cond::Lt, Cond::Gt),
                    Op::ILe => (Cond::Le, Cond::Ge),
                    Op::INe | Op::BNe => (Cond::Ne, Cond::Ne),
                    _ => (Cond::Eq, Cond::Eq),
                };
                match (a, b) {
                    (Loc::Reg(a), Loc::Reg(b)) => asm!(self, cmp Rq(a), Rq(b)),
                    (Loc::Reg(a), Loc::Const(b)) => self.compare_const(a, b as i32),
                    (Loc::Const(a), Loc::Reg(b)) => {
                        self.compare_const(b, a as i32);
                        return swapped;
                    }
                    (Loc::Const(_), Loc::Const(_)) => {} // Only one argument is ever folded.
                }
                when
            }
        }
    }

    fn compare_floats(&mut self, a: Loc, b: Loc, cx: &mut Context) {
        let a = self.float_reg(a, cx);
        match b {
            Loc::Reg(b) => asm!(self, vucomisd Rx(a), Rx(b)),
            Loc::Const(bits) => {
                asm!(self, vucomisd Rx(a), QWORD [rip + 0]);
                self.pool_ref(PoolEntry::Bits(bits), cx);
            }
        }
    }

    /// The comparison of two floats as a mask in the scratch register.
    pub(super) fn compare_mask(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let (a, b) = (inst.arg(0), inst.arg(1));
        // At most one is a constant, so the scratch register is free for it.
        let (a, b) = (self.float_reg(a, cx), self.float_reg(b, cx));
        match op {
            Op::FEq => asm!(self, vcmpeqsd Rx(XTMP), Rx(a), Rx(b)),
            Op::FNe => asm!(self, vcmpneqsd Rx(XTMP), Rx(a), Rx(b)),
            Op::FLt => asm!(self, vcmpltsd Rx(XTMP), Rx(a), Rx(b)),
            _ => asm!(self, vcmplesd Rx(XTMP), Rx(a), Rx(b)),
        }
    }

    /// 0 or 1.
    pub(super) fn set(&mut self, to: u8, cond: Cond) {
        match cond {
            Cond::Eq => asm!(self, sete Rb(to)),
            Cond::Ne => asm!(self, setne Rb(to)),
            Cond::Lt => asm!(self, setl Rb(to)),
            Cond::Le => asm!(self, setle Rb(to)),
            Cond::Gt => asm!(self, setg Rb(to)),
            Cond::Ge => asm!(self, setge Rb(to)),
            Cond::Above => asm!(self, seta Rb(to)),
            Cond::AboveEq => asm!(self, setae Rb(to)),
            Cond::NotAbove => asm!(self, setbe Rb(to)),
            Cond::NotAboveEq => asm!(self, setb Rb(to)),
            // Two flags; a mask serves instead (`compare_mask`).
            Cond::FEq | Cond::FNe => {}
        }
        asm!(self, movzx Rd(to), Rb(to));
    }
}
