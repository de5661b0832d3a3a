//! Registers and conventions on x86-64. The same inside as System V for the registers of arguments, so that elementary functions are called directly.
//!
//! | register | role |
//! | --- | --- |
//! | rdi rsi rdx rcx r8 r9 | integer arguments |
//! | xmm0-xmm7 | float arguments |
//! | rax, rdx; xmm0 | results |
//! | rbx rbp r12 | callee-saved |
//! | r13, r14 | units of fuel until the next poll, levels of calls left; never allocated |
//! | r15 | the context, never allocated |
//! | rsp | the stack; there is no frame pointer |
//! | r11, xmm15, k7 | scratch within one instruction, never allocated |
//! | xmm16-xmm31, k1-k6 | vectors and masks, with AVX-512 |

use super::vector_operands::{mask, masks};
use crate::codegen::scan::Registers;
use crate::codegen::target::Abi;
use regalloc2::{MachineEnv, PReg, PRegSet, RegClass};

pub(super) const RAX: u8 = 0;
pub(super) const RCX: u8 = 1;
pub(super) const RDX: u8 = 2;
pub(super) const RBX: u8 = 3;
pub(super) const RSP: u8 = 4;
pub(super) const RSI: u8 = 6;
pub(super) const RDI: u8 = 7;
/// The context.
pub(super) const CTX: u8 = 15;
/// Units of fuel until the next poll.
pub(super) const FUEL: u8 = 13;
/// Levels of calls left.
pub(super) const DEPTH: u8 = 14;
/// The integer scratch register.
pub(super) const TMP: u8 = 11;
/// The float scratch register.
pub(super) const XTMP: u8 = 15;

/// The scratch register of masks.
pub(super) const KTMP: u8 = 7;

/// Vector registers of AVX-512.
const FLOATS: u8 = 32;

const RBP: u8 = 5;
const CALLEE_SAVED: [u8; 3] = [RBX, RBP, 12];
const CALLER_SAVED: [u8; 8] = [RAX, RCX, RDX, RSI, RDI, 8, 9, 10];

/// An integer register.
pub(super) const fn int(number: u8) -> PReg {
    PReg::new(number as usize, RegClass::Int)
}

/// A float register.
pub(super) const fn float(number: u8) -> PReg {
    PReg::new(number as usize, RegClass::Float)
}

/// The conventions at a level of the processor.
pub(super) struct Conventions {
    pub abi: Abi,
    /// The registers of vectors, where there are more than the scalar instructions can name.
    pub wide_registers: Option<Registers>,
}

impl Conventions {
    /// Those of AVX-512, or of what is below it.
    pub fn new(is_wide: bool) -> Conventions {
        let abi = abi(is_wide);
        let wide_registers = is_wide.then(|| wide_env(&abi).into());
        Conventions { abi, wide_registers }
    }
}

/// What may be allocated where every instruction can name all 32 vector registers.
fn wide_env(abi: &Abi) -> MachineEnv {
    let mut env = abi.registers.env.clone();
    env.preferred_regs_by_class[RegClass::Float as usize] =
        (0..FLOATS).filter(|number| *number != XTMP).map(float).collect();
    env
}

/// The conventions, of AVX-512 where it is there.
fn abi(is_wide: bool) -> Abi {
    let set = |numbers: &[u8]| numbers.iter().map(|number| int(*number)).collect::<PRegSet>();
    let floats: PRegSet = (0..XTMP).map(float).collect();
    let clobbers = set(&CALLER_SAVED) | floats;
    let masks = if is_wide { masks() } else { PRegSet::empty() };
    let wide_floats: PRegSet = (XTMP + 1..FLOATS).map(float).collect();
    Abi {
        registers: MachineEnv {
            preferred_regs_by_class: [set(&CALLER_SAVED), floats, masks],
            non_preferred_regs_by_class: [set(&CALLEE_SAVED), PRegSet::empty(), PRegSet::empty()],
            scratch_by_class: [Some(int(TMP)), Some(float(XTMP)), is_wide.then_some(mask(KTMP))],
            fixed_stack_slots: Vec::new(),
        }
        .into(),
        int_args: [RDI, RSI, RDX, RCX, 8, 9].map(int).to_vec(),
        float_args: (0..8).map(float).collect(),
        int_results: [int(RAX), int(RDX)],
        float_result: float(0),
        call_clobbers: clobbers,
        c_clobbers: clobbers,
        vector_clobbers: if is_wide { wide_floats | masks } else { PRegSet::empty() },
        callee_saved: set(&CALLEE_SAVED),
        pushes_return_address: true,
        branch_reach: i32::MAX as usize,
    }
}
