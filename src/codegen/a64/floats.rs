//! Operations on floats.

use super::abi::{FTMP, TMP};
use super::emit::Cond;
use super::{A64, asm};
use crate::codegen::target::{Cold, Context, Loc, Located};
use crate::ir::op::Op;
use dynasmrt::{DynasmApi, DynasmLabelApi};

const SIGN: u64 = 1 << 63;

impl A64 {
    /// INVARIANT: arguments are read before the result is written.
    pub(super) fn emit_float_op(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        match op {
            Op::FAdd => asm!(self, fadd D(to), D(a), D(inst.reg(1))),
            Op::FSub => asm!(self, fsub D(to), D(a), D(inst.reg(1))),
            Op::FMul => asm!(self, fmul D(to), D(a), D(inst.reg(1))),
            Op::FDiv => asm!(self, fdiv D(to), D(a), D(inst.reg(1))),
            Op::Fma => asm!(self, fmadd D(to), D(a), D(inst.reg(1)), D(inst.reg(2))),
            Op::Fms => asm!(self, fnmsub D(to), D(a), D(inst.reg(1)), D(inst.reg(2))),
            Op::Fnma => asm!(self, fmsub D(to), D(a), D(inst.reg(1)), D(inst.reg(2))),
            Op::FNeg => asm!(self, fneg D(to), D(a)),
            Op::FAbs => asm!(self, fabs D(to), D(a)),
            Op::FSqrt => asm!(self, fsqrt D(to), D(a)),
            // These give a NaN for a NaN, and know -0.0 from 0.0.
            Op::FMin => asm!(self, fmin D(to), D(a), D(inst.reg(1))),
            Op::FMax => asm!(self, fmax D(to), D(a), D(inst.reg(1))),
            Op::FFloor => asm!(self, frintm D(to), D(a)),
            Op::FCeil => asm!(self, frintp D(to), D(a)),
            Op::FTrunc => asm!(self, frintz D(to), D(a)),
            Op::FRound => asm!(self, frinta D(to), D(a)),
            Op::FRoundEven => asm!(self, frintn D(to), D(a)),
            Op::FFract => asm!(self, frintz D(FTMP), D(a); fsub D(to), D(a), D(FTMP)),
            Op::FSign => {
                // One with the operand's sign, where the operand is neither zero nor NaN.
                asm!(self, fmov X(TMP), D(a); and XSP(TMP), X(TMP), SIGN; orr XSP(TMP), X(TMP), 1.0f64.to_bits());
                asm!(self, fmov D(FTMP), X(TMP); fcmp D(a), 0.0);
                asm!(self, fcsel D(FTMP), D(a), D(FTMP), eq; fcsel D(to), D(a), D(FTMP), vs);
            }
            Op::FCopysign => {
                self.load_const(TMP, SIGN as i64);
                asm!(self, fmov D(FTMP), X(TMP); bsl V(FTMP).B8, V(inst.reg(1)).B8, V(a).B8);
                self.copy_float(to, FTMP);
            }
            Op::FCanon => {
                // `to` is the register of the operand. A branch that is never taken costs nothing; a selection would wait for the comparison.
                let (nan, back) = (self.label(), self.label());
                asm!(self, fcmp D(to), D(to); b.vs =>nan);
                self.bind(back);
                cx.stub(nan, Some(back), Cold::Canonical(to), inst.span);
            }
            Op::FDemote => asm!(self, fcvt S(FTMP), D(a); fcvt D(to), S(FTMP)),
            _ => {} // `emit_op` sends only floats here.
        }
    }

    /// Compares two floats, of which a constant one is zero; the flags then say what the comparison is. Unordered, none of the conditions given holds but `Ne`.
    pub(super) fn compare_floats(&mut self, op: Op, inst: &Located<'_>) -> Cond {
        let (when, swapped) = match op {
            Op::FEq => (Cond::Eq, Cond::Eq),
            Op::FNe => (Cond::Ne, Cond::Ne),
            Op::FLt => (Cond::Mi, Cond::Gt),
            _ => (Cond::Ls, Cond::Ge),
        };
        match (inst.arg(0), inst.arg(1)) {
            (Loc::Reg(a), Loc::Reg(b)) => asm!(self, fcmp D(a), D(b)),
            (Loc::Reg(a), Loc::Const(_)) => asm!(self, fcmp D(a), 0.0),
            (Loc::Const(_), Loc::Reg(b)) => {
                asm!(self, fcmp D(b), 0.0);
                return swapped;
            }
            (Loc::Const(_), Loc::Const(_)) => {} // Only one argument is ever folded.
        }
        when
    }
}
