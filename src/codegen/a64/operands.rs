//! What each instruction wants of its operands on AArch64, and which constants it can hold.
//!
//! All forms have a result of their own, so no register is fixed and only a value that is checked and handed on shares its register.

use super::immediates::{is_add, is_add_or_sub, is_logical, power_of_two, power_of_two_and_one};
use crate::codegen::flat::{Arg, FlatInst, FlatKind};
use crate::codegen::target::Operands;
use crate::ir::op::Op;
use regalloc2::VReg;

/// Whether these are the bits of a zero: no comparison tells the two apart.
fn is_float_zero(bits: u64) -> bool {
    bits << 1 == 0
}

/// See [`crate::codegen::target::Target::folds`].
pub(super) fn folds(kind: FlatKind, arg: usize, bits: u64) -> bool {
    let number = bits as i64;
    match (kind, arg) {
        (FlatKind::Op(op), 1) => match op {
            Op::IAdd | Op::ISub | Op::IWrappingAdd | Op::IWrappingSub => is_add_or_sub(number),
            Op::IMul => power_of_two(number).is_some(),
            Op::IWrappingMul => power_of_two(number).or(power_of_two_and_one(number)).is_some(),
            Op::IDiv | Op::IFloorDiv | Op::IRem | Op::IFloorMod => super::division::folds(number),
            Op::IAnd | Op::IOr | Op::IXor | Op::BAnd | Op::BOr | Op::BNe => is_logical(bits),
            Op::IShl | Op::IShr | Op::ISar | Op::IRotl | Op::IRotr => true,
            _ => folds_in_comparison(op, arg, bits),
        },
        (FlatKind::Op(op), 0)
        | (FlatKind::BranchCmp(op) | FlatKind::SelectCmp(op) | FlatKind::RareCmp(_, op, _), 0 | 1) => {
            folds_in_comparison(op, arg, bits)
        }
        (FlatKind::BranchBits(_) | FlatKind::SelectBits(_), 1) => is_logical(bits),
        (FlatKind::BoundsCheck, _) | (FlatKind::SliceCheck, 0 | 1) => is_add(bits),
        (FlatKind::ElemAddr(elem), 1) => bits < 1 << 24 && is_add(bits * elem.size() as u64),
        (FlatKind::Load(_) | FlatKind::Store(_), 1) => bits < 1 << 12,
        (FlatKind::Store(_), 2) => bits == 0,
        (FlatKind::StoreArg(_), 0) => true,
        _ => false,
    }
}

fn folds_in_comparison(op: Op, arg: usize, bits: u64) -> bool {
    match op {
        Op::FLt | Op::FLe => is_float_zero(bits),
        Op::FEq | Op::FNe => arg == 1 && is_float_zero(bits),
        Op::ILt | Op::ILe => is_add_or_sub(bits as i64),
        Op::IEq | Op::INe | Op::BEq | Op::BNe => arg == 1 && is_add_or_sub(bits as i64),
        _ => false,
    }
}

/// See [`crate::codegen::target::Target::operands`].
pub(super) fn operands(inst: &FlatInst, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    let compared = args.iter().take(2).filter(|arg| matches!(arg, Arg::Reg(_))).count();
    for def in defs {
        match inst.kind {
            FlatKind::Rare(..) => out.reuse_def(*def, defs.len() + 1),
            // One of the two compared may be a constant.
            FlatKind::RareCmp(..) => out.reuse_def(*def, defs.len() + compared),
            FlatKind::Op(Op::FCanon | Op::INarrowI32 | Op::INarrowU8 | Op::BToI) => out.reuse_def(*def, defs.len()),
            _ => out.def(*def),
        }
    }
    for arg in args {
        out.arg(*arg);
    }
}
