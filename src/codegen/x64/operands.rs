//! What each instruction wants of its operands on x86-64, and which constants it can hold.
//!
//! VEX and BMI2 forms have three operands, so fixed and shared registers are few: the legacy two-operand forms share their result with an argument, and
//! division has rax and rdx.

use super::abi::{RAX, RDX, int};
use crate::codegen::flat::{Arg, FlatInst, FlatKind};
use crate::codegen::target::Operands;
use crate::ir::op::Op;
use crate::types::Elem;
use regalloc2::{RegClass, VReg};

/// Whether the bits, as a 64-bit number, are a sign-extended 32-bit one.
pub(super) fn is_i32(bits: u64) -> bool {
    i32::try_from(bits as i64).is_ok()
}

/// See [`crate::codegen::target::Target::folds`].
pub(super) fn folds(kind: FlatKind, arg: usize, bits: u64) -> bool {
    let number = bits as i64;
    match (kind, arg) {
        (FlatKind::Op(op), 1) => match op {
            Op::FAdd | Op::FSub | Op::FMul | Op::FDiv | Op::FEq | Op::FNe | Op::FLt | Op::FLe => true,
            Op::Fma | Op::Fms | Op::Fnma => true,
            // One `minsd` or `maxsd` does only for constants that are neither NaN nor, for the lesser, -0.0.
            Op::FMin => !f64::from_bits(bits).is_nan() && bits != 1 << 63,
            Op::FMax => !f64::from_bits(bits).is_nan(),
            Op::IAdd
            | Op::ISub
            | Op::IMul
            | Op::IWrappingAdd
            | Op::IWrappingSub
            | Op::IWrappingMul
            | Op::IAnd
            | Op::IOr
            | Op::IXor
            | Op::IEq
            | Op::INe
            | Op::ILt
            | Op::ILe
            | Op::BAnd
            | Op::BOr
            | Op::BEq
            | Op::BNe => is_i32(bits),
            Op::IDiv | Op::IFloorDiv | Op::IRem | Op::IFloorMod => super::division::folds(number),
            Op::IShl | Op::IShr | Op::ISar | Op::IRotl | Op::IRotr => true,
            _ => false,
        },
        (FlatKind::Op(Op::Fma | Op::Fms | Op::Fnma), 2) => true,
        (FlatKind::Op(Op::FSub | Op::FDiv | Op::FLt | Op::FLe), 0) => true,
        (FlatKind::Op(Op::ILt | Op::ILe), 0) => is_i32(bits),
        (FlatKind::BranchCmp(op) | FlatKind::SelectCmp(op) | FlatKind::RareCmp(_, op, _), 0 | 1) => match op {
            Op::FEq | Op::FNe => arg == 1,
            Op::FLt | Op::FLe => true,
            Op::ILt | Op::ILe => is_i32(bits),
            _ => arg == 1 && is_i32(bits),
        },
        (FlatKind::BranchBits(_) | FlatKind::SelectBits(_), 1) => is_i32(bits),
        (FlatKind::BoundsCheck, _) => is_i32(bits),
        (FlatKind::SliceCheck, 0 | 1) => is_i32(bits),
        (FlatKind::ElemAddr(elem) | FlatKind::Load(elem) | FlatKind::Store(elem), 1) => {
            number >= 0 && number.checked_mul(elem.size() as i64).is_some_and(|offset| i32::try_from(offset).is_ok())
        }
        (FlatKind::Store(elem), 2) => match elem {
            Elem::F64 | Elem::I64 => is_i32(bits),
            Elem::F32 | Elem::I32 | Elem::U8 | Elem::Bool => true,
        },
        (FlatKind::StoreArg(_), 0) => is_i32(bits),
        _ => false,
    }
}

/// See [`crate::codegen::target::Target::operands`].
pub(super) fn operands(inst: &FlatInst, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    match inst.kind {
        FlatKind::Op(op) => op_operands(op, defs, args, out),
        FlatKind::Select => select(0, defs, args, out),
        FlatKind::Rare(..) => shared(1, defs, args, out),
        FlatKind::RareCmp(..) => shared(2, defs, args, out),
        // `cmov` takes the second value where the flags say so; "equal" of floats takes two, and starts from the other value.
        FlatKind::SelectCmp(op) => select(if op == Op::FEq { 2 } else { 3 }, defs, args, out),
        FlatKind::SelectBits(_) => shared(3, defs, args, out),
        FlatKind::TableLoad(_) => {
            plain(defs, args, out);
            out.temp(RegClass::Int);
        }
        _ => plain(defs, args, out),
    }
}

pub(super) fn plain(defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    for def in defs {
        out.def(*def);
    }
    for arg in args {
        out.arg(*arg);
    }
}

/// The result in the register of the argument `shared`, which is one.
pub(super) fn shared(shared: usize, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    let before = args[..shared].iter().filter(|arg| matches!(arg, Arg::Reg(_))).count();
    for def in defs {
        out.reuse_def(*def, defs.len() + before);
    }
    for arg in args {
        out.arg(*arg);
    }
}

fn select(of_compare: usize, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    match defs {
        [def] if def.class() == RegClass::Int => shared(if of_compare == 0 { 2 } else { of_compare }, defs, args, out),
        _ => plain(defs, args, out),
    }
}

fn op_operands(op: Op, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    let constant = match args {
        [_, Arg::Const(bits)] => Some(*bits as i64),
        _ => None,
    };
    match op {
        // `lea` needs no copy.
        Op::IWrappingSub if constant.is_some_and(|number| number != i64::from(i32::MIN)) => plain(defs, args, out),
        Op::Fma
        | Op::Fms
        | Op::Fnma
        | Op::FCanon
        | Op::IAdd
        | Op::ISub
        | Op::INeg
        | Op::IWrappingSub
        | Op::IAnd
        | Op::IOr
        | Op::IXor
        | Op::INot
        | Op::INarrowI32
        | Op::INarrowU8
        | Op::BToI
        | Op::BNot
        | Op::BAnd
        | Op::BOr
        | Op::BEq
        | Op::BNe => shared(0, defs, args, out),
        Op::IMul | Op::IWrappingMul if constant.is_none() => shared(0, defs, args, out),
        Op::IShl | Op::IShr | Op::ISar if constant.is_some() => shared(0, defs, args, out),
        Op::IMin | Op::IMax => shared(1, defs, args, out),
        Op::IDiv | Op::IFloorDiv | Op::IRem | Op::IFloorMod => division(op, constant, defs, args, out),
        Op::FSign => {
            plain(defs, args, out);
            out.temp(RegClass::Float);
        }
        _ => plain(defs, args, out),
    }
}

/// rdx is written before the divisor is read for the last time.
fn division(op: Op, constant: Option<i64>, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    if let Some(divisor) = constant {
        return super::division::operands(op, divisor, defs, args, out);
    }
    let quotient = matches!(op, Op::IDiv | Op::IFloorDiv);
    for def in defs {
        if quotient {
            out.fixed_def(*def, int(RAX));
        } else {
            out.early_fixed_def(*def, int(RDX));
        }
    }
    out.fixed_arg(args[0], int(RAX));
    out.arg(args[1]);
    if quotient {
        out.fixed_temp(int(RDX));
    } else {
        out.clobber(int(RAX));
    }
}
