//! What each instruction on lanes wants of its operands, and which constants it can hold.

use super::X64;
use super::abi::KTMP;
use super::operands::{is_i32, plain, shared};
use crate::codegen::flat::{Arg, Flat, FlatKind, Vector};
use crate::codegen::scan::Registers;
use crate::codegen::target::Operands;
use crate::ir::op::{Op, Scalar};
use crate::types::Elem;
use regalloc2::{PReg, PRegSet, RegClass, VReg};

/// Constants kept in registers, of 15 and of 31.
const HELD: usize = 7;
const HELD_WIDE: usize = 18;

impl X64 {
    /// Whether a constant with these bits can stand in the instruction: as a word of the pool, or an immediate.
    pub(super) fn vector_folds(&self, kind: Vector, arg: usize, bits: u64) -> bool {
        let wide = self.is_wide();
        match (kind, arg) {
            (Vector::Op(op), 1) => match op {
                Op::FAdd | Op::FSub | Op::FMul | Op::FDiv | Op::FEq | Op::FNe | Op::FLt | Op::FLe => true,
                Op::Fma | Op::Fms | Op::Fnma => true,
                // One instruction does only for constants that are neither NaN nor, for the lesser, -0.0.
                Op::FMin => !f64::from_bits(bits).is_nan() && bits != 1 << 63,
                Op::FMax => !f64::from_bits(bits).is_nan(),
                Op::IWrappingAdd | Op::IWrappingSub | Op::IAnd | Op::IOr | Op::IXor | Op::IEq | Op::INe => true,
                Op::IShl | Op::IShr | Op::ISar | Op::IRotl | Op::IRotr => true,
                Op::ILe => true,
                Op::IWrappingMul | Op::IMin | Op::IMax | Op::ILt => wide,
                _ => false,
            },
            (Vector::Op(Op::FLt | Op::FLe), 0) => true,
            (Vector::Op(Op::Fma | Op::Fms | Op::Fnma), 2) => true,
            (Vector::FmaInto(_), 1) => true,
            (Vector::Load(elem) | Vector::Store(elem), 1) => {
                let offset = (bits as i64).checked_mul(elem.size() as i64);
                bits as i64 >= 0 && offset.is_some_and(|offset| is_i32(offset as u64))
            }
            _ => false,
        }
    }

    pub(super) fn vector_operands(&self, kind: Vector, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
        let wide = self.is_wide();
        let constant = matches!(args, [_, Arg::Const(_)]);
        let temps = match kind {
            Vector::Op(Op::Fma | Op::Fms | Op::Fnma | Op::FCanon) => return shared(0, defs, args, out),
            Vector::FmaInto(_) => return shared(2, defs, args, out),
            Vector::Op(op) => match op {
                Op::FMax if wide && !constant => return apart(defs, args, out),
                Op::IPopcount | Op::ICtz => 1,
                _ if wide => 0,
                Op::FSign | Op::IToF | Op::IWrappingMul | Op::IClz | Op::ISign => 1,
                Op::IRotl | Op::IRotr if !constant => 1,
                Op::ISar if !constant => 2,
                _ => 0,
            },
            Vector::Truncate | Vector::TableLoad(_) if !wide => 1,
            Vector::TableLoad(table) if table.len() == 16 => return apart(defs, args, out),
            Vector::Gather(elem) => {
                apart(defs, args, out);
                let native = matches!(elem, Elem::F64 | Elem::I64) || (wide && matches!(elem, Elem::F32 | Elem::I32));
                if !native {
                    out.temp(RegClass::Int);
                }
                return;
            }
            // The two sides are read after the first of three instructions wrote.
            Vector::Select(Scalar::Bool) if wide => return apart(defs, args, out),
            _ => 0,
        };
        plain(defs, args, out);
        (0..temps).for_each(|_| out.temp(RegClass::Float));
    }

    /// All 32 registers, where every instruction that has a float can name them.
    pub(super) fn vector_registers(&self, flat: &Flat) -> &'static Registers {
        let can_name = |inst: &crate::codegen::flat::FlatInst| {
            let is_float = |reg: &VReg| reg.class() == RegClass::Float;
            let args = flat.args_of(inst).iter();
            let has_float = flat.defs_of(inst).iter().any(is_float)
                || args.filter_map(|arg| if let Arg::Reg(reg) = arg { Some(reg) } else { None }).any(is_float);
            !has_float
                || matches!(
                    inst.kind,
                    FlatKind::Vector(_)
                        | FlatKind::Params
                        | FlatKind::StackParam(_)
                        | FlatKind::ConstFloat(_)
                        | FlatKind::Load(Elem::F64 | Elem::F32)
                )
        };
        match &self.conventions.wide_registers {
            Some(registers) if flat.lanes > 1 && flat.insts.iter().all(can_name) => registers,
            _ => &self.conventions.abi.registers,
        }
    }

    pub(super) fn most_held(&self) -> usize {
        if self.is_wide() { HELD_WIDE } else { HELD }
    }
}

/// The result in no register of an argument.
fn apart(defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    for def in defs {
        out.early_def(*def);
    }
    for arg in args {
        out.arg(*arg);
    }
}

/// A mask register.
pub(super) const fn mask(number: u8) -> PReg {
    PReg::new(number as usize, RegClass::Vector)
}

/// The mask registers that may be allocated: the first means "all lanes" in instructions, the last is scratch.
pub(super) fn masks() -> PRegSet {
    (1..KTMP).map(mask).collect()
}
