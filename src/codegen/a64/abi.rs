//! Registers and conventions on AArch64. The same inside as AAPCS64 for the registers of arguments, so that elementary functions are called directly.
//!
//! | register | role |
//! | --- | --- |
//! | x0-x7 | integer arguments |
//! | v0-v7 | float arguments |
//! | x0, x1; v0 | results |
//! | x19-x25, the low halves of v8-v15 | callee-saved |
//! | x26, x27 | units of fuel until the next poll, levels of calls left; never allocated |
//! | x28 | the context, never allocated |
//! | sp | the stack; there is no frame pointer, x29 is the host's |
//! | x30 | the return address, never allocated |
//! | x16, x17, v31 | scratch within one instruction, never allocated |
//! | x18 | the platform's, never touched |

use crate::codegen::target::Abi;
use regalloc2::{MachineEnv, PReg, PRegSet, RegClass};

/// The first integer scratch register, and the one that calls go through.
pub(super) const TMP: u8 = 16;
/// The second integer scratch register; it holds offsets that no instruction can.
pub(super) const TMP2: u8 = 17;
/// Units of fuel until the next poll.
pub(super) const FUEL: u8 = 26;
/// Levels of calls left.
pub(super) const DEPTH: u8 = 27;
/// The context.
pub(super) const CTX: u8 = 28;
/// The return address.
pub(super) const LINK: u8 = 30;
/// The stack pointer as a base, an operand of `add` and `sub` with an immediate.
pub(super) const SP: u8 = 31;
/// Zero, wherever [`SP`] cannot stand.
pub(super) const ZERO: u8 = 31;
/// The float scratch register.
pub(super) const FTMP: u8 = 31;

const CALLER_SAVED: std::ops::Range<u8> = 0..16;
const CALLEE_SAVED: std::ops::Range<u8> = 19..26;

/// Only the low halves (AAPCS64, 6.1.2), which is all that code holds there.
const CALLEE_SAVED_FLOATS: std::ops::Range<u8> = 8..16;

/// How far `b.cond`, `cbz` and `cbnz` reach, either way.
const CONDITIONAL_REACH: usize = 1 << 20;

/// An integer register.
pub(super) const fn int(number: u8) -> PReg {
    PReg::new(number as usize, RegClass::Int)
}

/// A float register.
pub(super) const fn float(number: u8) -> PReg {
    PReg::new(number as usize, RegClass::Float)
}

/// The conventions.
pub(super) fn abi() -> Abi {
    let ints = |numbers: std::ops::Range<u8>| numbers.map(int).collect::<PRegSet>();
    let floats = |numbers: std::ops::Range<u8>| numbers.map(float).collect::<PRegSet>();
    let callers_floats = floats(0..CALLEE_SAVED_FLOATS.start) | floats(CALLEE_SAVED_FLOATS.end..FTMP);
    let clobbers = ints(CALLER_SAVED) | callers_floats;
    Abi {
        registers: MachineEnv {
            preferred_regs_by_class: [ints(CALLER_SAVED), callers_floats, PRegSet::empty()],
            non_preferred_regs_by_class: [ints(CALLEE_SAVED), floats(CALLEE_SAVED_FLOATS), PRegSet::empty()],
            scratch_by_class: [Some(int(TMP)), Some(float(FTMP)), None],
            fixed_stack_slots: Vec::new(),
        }
        .into(),
        int_args: (0..8).map(int).collect(),
        float_args: (0..8).map(float).collect(),
        int_results: [int(0), int(1)],
        float_result: float(0),
        call_clobbers: clobbers,
        c_clobbers: clobbers,
        // Callees give back their low halves alone.
        vector_clobbers: floats(CALLEE_SAVED_FLOATS),
        callee_saved: ints(CALLEE_SAVED) | floats(CALLEE_SAVED_FLOATS),
        pushes_return_address: false,
        branch_reach: CONDITIONAL_REACH,
    }
}
