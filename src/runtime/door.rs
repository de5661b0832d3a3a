//! Ways in for functions whose arguments all come in registers: no argument is moved, as what a door itself takes comes behind them.
//!
//! There is a door for each number of integer arguments, because that says in which registers its own are, and for what must be saved: everything
//! (`wide`), what light programs write (`light`), or the context's register alone (`bare`).

use super::call::Target;
use super::context::Context;
use std::arch::naked_asm;
use std::mem::offset_of;

/// What a bare function has for a context: it lies on the stack of its door, and most of it is never written.
#[derive(Debug)]
#[repr(C)]
pub struct BareFrame {
    /// Of it only `entry_sp` is set, to zero, which tells a trap where it is; a trap leaves an index and a length.
    pub context: Context,
    /// What was entered.
    pub target: *const Target,
}

/// Bytes of the stack that it takes.
pub const BARE_FRAME: usize = size_of::<BareFrame>();

const _: () = assert!(BARE_FRAME.is_multiple_of(16), "the stack pointer must stay a multiple of 16");

/// Where a bare function's result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultIn {
    /// Nowhere.
    Nothing,
    /// In the first integer register.
    Int,
    /// In the first float register.
    Float,
    /// In two integer registers, which leaves none to say whether it trapped.
    Ints,
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::*;

    /// Integer arguments that a door with a context takes at most.
    pub const MOST: usize = 4;
    /// Integer arguments that a bare door takes at most.
    pub const MOST_BARE: usize = 5;

    macro_rules! wide {
        ($context:literal, $code:literal) => {{
            #[unsafe(naked)]
            unsafe extern "sysv64" fn door() {
                naked_asm!(
                    "push rbp",
                    "push rbx",
                    "push r12",
                    "push r13",
                    "push r14",
                    "push r15",
                    "sub rsp, 8",
                    concat!("mov r15, ", $context),
                    "mov r13, [r15 + {fuel}]",
                    "mov r14, [r15 + {depth}]",
                    // Where the call leaves its return address, which is where a trap goes.
                    "lea rax, [rsp - 8]",
                    "mov [r15 + {entry_sp}], rax",
                    concat!("call ", $code),
                    "mov [r15 + {fuel}], r13",
                    "add rsp, 8",
                    "pop r15",
                    "pop r14",
                    "pop r13",
                    "pop r12",
                    "pop rbx",
                    "pop rbp",
                    "ret",
                    entry_sp = const offset_of!(Context, entry_sp),
                    fuel = const offset_of!(Context, fuel_slice),
                    depth = const offset_of!(Context, depth_left),
                )
            }
            door as *const ()
        }};
    }

    macro_rules! light {
        ($context:literal, $code:literal) => {{
            #[unsafe(naked)]
            unsafe extern "sysv64" fn door() {
                naked_asm!(
                    // ABI: three words and the return address: rsp is a multiple of 16 at the call.
                    "push r13",
                    "push r14",
                    "push r15",
                    concat!("mov r15, ", $context),
                    "mov r13, [r15 + {fuel}]",
                    "mov r14, [r15 + {depth}]",
                    "lea rax, [rsp - 8]",
                    "mov [r15 + {entry_sp}], rax",
                    concat!("call ", $code),
                    "mov [r15 + {fuel}], r13",
                    "pop r15",
                    "pop r14",
                    "pop r13",
                    "ret",
                    entry_sp = const offset_of!(Context, entry_sp),
                    fuel = const offset_of!(Context, fuel_slice),
                    depth = const offset_of!(Context, depth_left),
                )
            }
            door as *const ()
        }};
    }

    macro_rules! bare {
        ($target:literal, $no_trap:literal) => {{
            #[unsafe(naked)]
            unsafe extern "sysv64" fn door() {
                naked_asm!(
                    // ABI: a word, the return address and the frame: rsp is a multiple of 16 at the call.
                    "push r15",
                    "sub rsp, {frame}",
                    "mov r15, rsp",
                    concat!("mov [r15 + {target}], ", $target),
                    "mov qword ptr [r15 + {entry_sp}], 0",
                    concat!("call [", $target, " + {code}]"),
                    "add rsp, {frame}",
                    "pop r15",
                    $no_trap,
                    "ret",
                    frame = const BARE_FRAME,
                    target = const offset_of!(BareFrame, target),
                    entry_sp = const offset_of!(Context, entry_sp),
                    code = const offset_of!(Target, code),
                )
            }
            door as *const ()
        }};
    }

    pub fn wide(ints: usize) -> Option<*const ()> {
        Some(match ints {
            0 => wide!("rdi", "rsi"),
            1 => wide!("rsi", "rdx"),
            2 => wide!("rdx", "rcx"),
            3 => wide!("rcx", "r8"),
            4 => wide!("r8", "r9"),
            _ => return None,
        })
    }

    pub fn light(ints: usize) -> Option<*const ()> {
        Some(match ints {
            0 => light!("rdi", "rsi"),
            1 => light!("rsi", "rdx"),
            2 => light!("rdx", "rcx"),
            3 => light!("rcx", "r8"),
            4 => light!("r8", "r9"),
            _ => return None,
        })
    }

    pub fn bare(ints: usize, result: ResultIn) -> Option<*const ()> {
        // Besides an integer the second integer register is free, besides all else the first one.
        macro_rules! by_result {
            ($target:literal) => {
                match result {
                    ResultIn::Int => bare!($target, "xor edx, edx"),
                    ResultIn::Float | ResultIn::Nothing => bare!($target, "xor eax, eax"),
                    ResultIn::Ints => return None,
                }
            };
        }
        Some(match ints {
            0 => by_result!("rdi"),
            1 => by_result!("rsi"),
            2 => by_result!("rdx"),
            3 => by_result!("rcx"),
            4 => by_result!("r8"),
            5 => by_result!("r9"),
            _ => return None,
        })
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use super::*;

    /// Integer arguments that a door with a context takes at most.
    pub const MOST: usize = 6;
    /// Integer arguments that a bare door takes at most.
    pub const MOST_BARE: usize = 7;

    macro_rules! wide {
        ($context:literal, $code:literal) => {{
            #[unsafe(naked)]
            unsafe extern "C" fn door() {
                naked_asm!(
                    "stp x29, x30, [sp, #-160]!",
                    "stp x19, x20, [sp, #16]",
                    "stp x21, x22, [sp, #32]",
                    "stp x23, x24, [sp, #48]",
                    "stp x25, x26, [sp, #64]",
                    "stp x27, x28, [sp, #80]",
                    // ABI: the low halves of v8 to v15 are callee-saved (AAPCS64, 6.1.2).
                    "stp d8, d9, [sp, #96]",
                    "stp d10, d11, [sp, #112]",
                    "stp d12, d13, [sp, #128]",
                    "stp d14, d15, [sp, #144]",
                    concat!("mov x28, ", $context),
                    "ldr x26, [x28, #{fuel}]",
                    "ldr x27, [x28, #{depth}]",
                    "mov x9, sp",
                    "str x9, [x28, #{entry_sp}]",
                    concat!("blr ", $code),
                    "str x26, [x28, #{fuel}]",
                    "ldp d14, d15, [sp, #144]",
                    "ldp d12, d13, [sp, #128]",
                    "ldp d10, d11, [sp, #112]",
                    "ldp d8, d9, [sp, #96]",
                    "ldp x27, x28, [sp, #80]",
                    "ldp x25, x26, [sp, #64]",
                    "ldp x23, x24, [sp, #48]",
                    "ldp x21, x22, [sp, #32]",
                    "ldp x19, x20, [sp, #16]",
                    "ldp x29, x30, [sp], #160",
                    "ret",
                    fuel = const offset_of!(Context, fuel_slice),
                    depth = const offset_of!(Context, depth_left),
                    entry_sp = const offset_of!(Context, entry_sp),
                )
            }
            door as *const ()
        }};
    }

    macro_rules! bare {
        ($target:literal, $($result:literal),*) => {{
            #[unsafe(naked)]
            unsafe extern "C" fn door() {
                naked_asm!(
                    "stp x29, x30, [sp, #-({frame} + 32)]!",
                    "str x28, [sp, #16]",
                    "add x28, sp, #32",
                    concat!("str ", $target, ", [x28, #{target}]"),
                    "str xzr, [x28, #{entry_sp}]",
                    concat!("ldr x9, [", $target, ", #{code}]"),
                    "blr x9",
                    $($result,)*
                    "ldr x28, [sp, #16]",
                    "ldp x29, x30, [sp], #({frame} + 32)",
                    "ret",
                    frame = const BARE_FRAME,
                    target = const offset_of!(BareFrame, target),
                    entry_sp = const offset_of!(Context, entry_sp),
                    code = const offset_of!(Target, code),
                )
            }
            door as *const ()
        }};
    }

    pub fn wide(ints: usize) -> Option<*const ()> {
        Some(match ints {
            0 => wide!("x0", "x1"),
            1 => wide!("x1", "x2"),
            2 => wide!("x2", "x3"),
            3 => wide!("x3", "x4"),
            4 => wide!("x4", "x5"),
            5 => wide!("x5", "x6"),
            6 => wide!("x6", "x7"),
            _ => return None,
        })
    }

    pub use wide as light;

    pub fn bare(ints: usize, result: ResultIn) -> Option<*const ()> {
        // ABI: a float and a word together come in integer registers (AAPCS64, 6.9).
        macro_rules! by_result {
            ($target:literal) => {
                match result {
                    ResultIn::Nothing => bare!($target, "mov x0, xzr"),
                    ResultIn::Int => bare!($target, "mov x1, xzr"),
                    ResultIn::Float => bare!($target, "fmov x0, d0", "mov x1, xzr"),
                    ResultIn::Ints => return None,
                }
            };
        }
        Some(match ints {
            0 => by_result!("x0"),
            1 => by_result!("x1"),
            2 => by_result!("x2"),
            3 => by_result!("x3"),
            4 => by_result!("x4"),
            5 => by_result!("x5"),
            6 => by_result!("x6"),
            7 => by_result!("x7"),
            _ => return None,
        })
    }
}

pub use machine::{MOST, MOST_BARE};

/// How code is entered.
#[derive(Clone, Copy, Debug)]
pub struct Door(usize);

impl Door {
    /// For any function of so many integer arguments, with a context, on the host's stack.
    pub fn wide(ints: usize) -> Option<Door> {
        machine::wide(ints).map(Door::at)
    }

    /// For one of a program none of whose functions writes another callee-saved register than those of context, fuel and depth, or calls a runtime
    /// function that a trap may leave.
    pub fn light(ints: usize) -> Option<Door> {
        machine::light(ints).map(Door::at)
    }

    /// For a bare function ([`crate::codegen::blob::FuncCode::is_bare`]) with such a result: it writes no callee-saved register at all, and of a context
    /// only where a trap leaves its report.
    pub fn bare(ints: usize, result: ResultIn) -> Option<Door> {
        machine::bare(ints, result).map(Door::at)
    }

    fn at(door: *const ()) -> Door {
        Door(door.expose_provenance())
    }

    /// Its first instruction.
    #[inline]
    pub fn address(self) -> *const () {
        std::ptr::with_exposed_provenance(self.0)
    }
}
