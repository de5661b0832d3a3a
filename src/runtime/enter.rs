//! The way in, and the two ways out: the entry trampoline, the trap exit and the poll thunk.
//!
//! Generated code that may trap is entered through [`enter`], which saves every callee-saved register of the C ABI and notes the stack pointer in
//! `Context::entry_sp`, or through a [`super::door`], where registers suffice for the arguments. A function that returns comes back through them. A trap
//! calls [`trap_exit`], which records what happened while the stack is still there, then takes the stack pointer from the context and leaves as if the
//! entry had returned: no frame of generated code holds anything that must be cleaned up, so nothing has to be unwound. Where `entry_sp` is zero, a bare
//! function trapped: its door's frame is where its context is, and it is told what happened in the registers of its result.

use super::call::{poll_from_code, record_bare_trap, record_trap};
use super::context::Context;
use super::door::BARE_FRAME;
use super::host_call::host_call_on_host_stack;
use super::raw::Registers;
use std::arch::naked_asm;
use std::mem::offset_of;

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::*;

    /// Calls a function with these arguments, on the stack that the context names.
    ///
    /// # Safety
    /// `code` is a function of sealed code made for this machine; `ctx` a context set up for it; `args` what it takes; `results` three words, for the
    /// integer results and the float result.
    #[unsafe(naked)]
    pub unsafe extern "sysv64" fn enter(ctx: *mut Context, code: usize, args: *const Registers, results: *mut u64) {
        naked_asm!(
            "push rbp",
            "push rbx",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "sub rsp, 8",
            // The host's stack keeps where the results go: no register that generated code might leave changed.
            "push rcx",
            // Where a trap goes, by `Context::entry_sp`.
            "lea rax, [rip + 4f]",
            // ABI: rsp is a multiple of 16 at a call (System V AMD64, 3.2.2), so it is one now.
            "push rax",
            "mov r15, rdi",
            "mov r13, [rdi + {fuel}]",
            "mov r14, [rdi + {depth}]",
            "mov [r15 + {entry_sp}], rsp",
            "mov rax, [r15 + {stack_top}]",
            "test rax, rax",
            "cmovnz rsp, rax",
            "mov r11, rsi",
            "mov r10, rdx",
            "mov rcx, [r10 + {words}]",
            "mov rdx, [r10 + {stack}]",
            "lea rax, [rcx * 8 + 15]",
            "and rax, -16",
            "sub rsp, rax",
            // From the highest word down, so that a guard is met and not stepped over.
            "2:",
            "sub rcx, 1",
            "jb 3f",
            "mov rax, [rdx + rcx * 8]",
            "mov [rsp + rcx * 8], rax",
            "jmp 2b",
            "3:",
            "vmovsd xmm0, [r10 + {floats}]",
            "vmovsd xmm1, [r10 + {floats} + 8]",
            "vmovsd xmm2, [r10 + {floats} + 16]",
            "vmovsd xmm3, [r10 + {floats} + 24]",
            "vmovsd xmm4, [r10 + {floats} + 32]",
            "vmovsd xmm5, [r10 + {floats} + 40]",
            "vmovsd xmm6, [r10 + {floats} + 48]",
            "vmovsd xmm7, [r10 + {floats} + 56]",
            "mov rdi, [r10 + {ints}]",
            "mov rsi, [r10 + {ints} + 8]",
            "mov rdx, [r10 + {ints} + 16]",
            "mov rcx, [r10 + {ints} + 24]",
            "mov r8, [r10 + {ints} + 32]",
            "mov r9, [r10 + {ints} + 40]",
            "call r11",
            "mov [r15 + {fuel}], r13",
            "mov rsp, [r15 + {entry_sp}]",
            "mov rcx, [rsp + 8]",
            "mov [rcx], rax",
            "mov [rcx + 8], rdx",
            "vmovsd [rcx + 16], xmm0",
            "add rsp, 8",
            "4:",
            "add rsp, 16",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbx",
            "pop rbp",
            "ret",
            entry_sp = const offset_of!(Context, entry_sp),
            stack_top = const offset_of!(Context, stack_top),
            words = const offset_of!(Registers, words),
            stack = const offset_of!(Registers, stack),
            ints = const offset_of!(Registers, ints),
            floats = const offset_of!(Registers, floats),
            fuel = const offset_of!(Context, fuel_slice),
            depth = const offset_of!(Context, depth_left),
        )
    }

    /// Called by generated code; never returns to it.
    ///
    /// # Safety
    /// Called only from generated code that runs under [`enter`] or a door, with the context in r15.
    #[unsafe(naked)]
    pub unsafe extern "sysv64" fn trap_exit() {
        naked_asm!(
            "mov [r15 + {fuel}], r13",
            "jmp {leave}",
            fuel = const offset_of!(Context, fuel_slice),
            leave = sym trap_exit_from_helper,
        )
    }

    /// As [`trap_exit`], where the fuel left is in the context already: in the midst of a runtime function.
    ///
    /// # Safety
    /// As for [`trap_exit`].
    #[unsafe(naked)]
    pub unsafe extern "sysv64" fn trap_exit_from_helper() {
        naked_asm!(
            "mov rdi, r15",
            "mov rsi, [rsp]",
            "lea rdx, [rsp + 8]",
            "and rsp, -16",
            "cmp qword ptr [r15 + {entry_sp}], 0",
            "je 2f",
            "call {record}",
            "mov r13, [r15 + {fuel}]",
            "mov rsp, [r15 + {entry_sp}]",
            "ret",
            "2:",
            "call {record_bare}",
            // Where the door's caller looks for it, whatever the function's result is.
            "mov rdx, rax",
            "lea rsp, [r15 + {bare_frame}]",
            "pop r15",
            "ret",
            record = sym record_trap,
            record_bare = sym record_bare_trap,
            bare_frame = const BARE_FRAME,
            entry_sp = const offset_of!(Context, entry_sp),
            fuel = const offset_of!(Context, fuel_slice),
        )
    }

    /// Called by generated code; preserves every register but that of the fuel and the flags, or leaves as [`trap_exit`] does.
    ///
    /// # Safety
    /// As for [`trap_exit`].
    #[unsafe(naked)]
    pub unsafe extern "sysv64" fn poll() {
        naked_asm!(
            "push rax",
            "push rcx",
            "push rdx",
            "push rsi",
            "push rdi",
            "push r8",
            "push r9",
            "push r10",
            "push r11",
            // Scalar code holds nothing above the low 128 bits.
            "sub rsp, 256",
            "vmovups [rsp], xmm0",
            "vmovups [rsp + 16], xmm1",
            "vmovups [rsp + 32], xmm2",
            "vmovups [rsp + 48], xmm3",
            "vmovups [rsp + 64], xmm4",
            "vmovups [rsp + 80], xmm5",
            "vmovups [rsp + 96], xmm6",
            "vmovups [rsp + 112], xmm7",
            "vmovups [rsp + 128], xmm8",
            "vmovups [rsp + 144], xmm9",
            "vmovups [rsp + 160], xmm10",
            "vmovups [rsp + 176], xmm11",
            "vmovups [rsp + 192], xmm12",
            "vmovups [rsp + 208], xmm13",
            "vmovups [rsp + 224], xmm14",
            "vmovups [rsp + 240], xmm15",
            "mov [r15 + {fuel}], r13",
            "mov [r15 + {depth}], r14",
            "mov rdi, r15",
            "mov rsi, [rsp + 328]",
            "lea rdx, [rsp + 336]",
            // 8 bytes of return address, 72 of pushes and 256 of vectors: rsp is a multiple of 16 again.
            "call {poll}",
            "test rax, rax",
            "jnz 2f",
            "mov r13, [r15 + {fuel}]",
            "vmovups xmm0, [rsp]",
            "vmovups xmm1, [rsp + 16]",
            "vmovups xmm2, [rsp + 32]",
            "vmovups xmm3, [rsp + 48]",
            "vmovups xmm4, [rsp + 64]",
            "vmovups xmm5, [rsp + 80]",
            "vmovups xmm6, [rsp + 96]",
            "vmovups xmm7, [rsp + 112]",
            "vmovups xmm8, [rsp + 128]",
            "vmovups xmm9, [rsp + 144]",
            "vmovups xmm10, [rsp + 160]",
            "vmovups xmm11, [rsp + 176]",
            "vmovups xmm12, [rsp + 192]",
            "vmovups xmm13, [rsp + 208]",
            "vmovups xmm14, [rsp + 224]",
            "vmovups xmm15, [rsp + 240]",
            "add rsp, 256",
            "pop r11",
            "pop r10",
            "pop r9",
            "pop r8",
            "pop rdi",
            "pop rsi",
            "pop rdx",
            "pop rcx",
            "pop rax",
            "ret",
            "2:",
            "mov r13, [r15 + {fuel}]",
            "mov rsp, [r15 + {entry_sp}]",
            "ret",
            poll = sym poll_from_code,
            entry_sp = const offset_of!(Context, entry_sp),
            fuel = const offset_of!(Context, fuel_slice),
            depth = const offset_of!(Context, depth_left),
        )
    }

    /// Calls a host function, on the host's stack where generated code runs on its own.
    ///
    /// # Safety
    /// Called only from generated code, as a buffered helper.
    #[unsafe(naked)]
    pub unsafe extern "sysv64" fn host_call(ctx: *mut Context, args: *const u64) -> u64 {
        naked_asm!(
            "cmp qword ptr [rdi + {stack_top}], 0",
            "je 2f",
            "push rbx",
            "mov rbx, rsp",
            // Below `entry_sp` the host's stack is free: the code runs elsewhere.
            "mov rsp, [rdi + {entry_sp}]",
            "call {call}",
            "mov rsp, rbx",
            "pop rbx",
            "ret",
            "2:",
            "jmp {call}",
            call = sym host_call_on_host_stack,
            entry_sp = const offset_of!(Context, entry_sp),
            stack_top = const offset_of!(Context, stack_top),
        )
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use super::*;

    /// Calls a function with these arguments, on the stack that the context names.
    ///
    /// # Safety
    /// `code` is a function of sealed code made for this machine; `ctx` a context set up for it; `args` what it takes; `results` three words, for the
    /// integer results and the float result.
    #[unsafe(naked)]
    pub unsafe extern "C" fn enter(ctx: *mut Context, code: usize, args: *const Registers, results: *mut u64) {
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
            "mov x28, x0",
            "ldr x26, [x28, #{fuel}]",
            "ldr x27, [x28, #{depth}]",
            "mov x9, sp",
            "str x9, [x28, #{entry_sp}]",
            "ldr x9, [x28, #{stack_top}]",
            "cbz x9, 2f",
            "mov sp, x9",
            "2:",
            "mov x11, x1",
            "mov x10, x2",
            "mov x19, x3",
            "ldr x12, [x10, #{words}]",
            "ldr x13, [x10, #{stack}]",
            "add x9, x12, #1",
            "and x9, x9, #-2",
            "sub sp, sp, x9, lsl #3",
            // From the highest word down, so that a guard is met and not stepped over.
            "3:",
            "cbz x12, 4f",
            "sub x12, x12, #1",
            "ldr x9, [x13, x12, lsl #3]",
            "str x9, [sp, x12, lsl #3]",
            "b 3b",
            "4:",
            "ldp d0, d1, [x10, #{floats}]",
            "ldp d2, d3, [x10, #{floats} + 16]",
            "ldp d4, d5, [x10, #{floats} + 32]",
            "ldp d6, d7, [x10, #{floats} + 48]",
            "ldp x0, x1, [x10, #{ints}]",
            "ldp x2, x3, [x10, #{ints} + 16]",
            "ldp x4, x5, [x10, #{ints} + 32]",
            "ldp x6, x7, [x10, #{ints} + 48]",
            "blr x11",
            "stp x0, x1, [x19]",
            "str d0, [x19, #16]",
            "str x26, [x28, #{fuel}]",
            "ldr x9, [x28, #{entry_sp}]",
            "mov sp, x9",
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
            entry_sp = const offset_of!(Context, entry_sp),
            stack_top = const offset_of!(Context, stack_top),
            words = const offset_of!(Registers, words),
            stack = const offset_of!(Registers, stack),
            ints = const offset_of!(Registers, ints),
            floats = const offset_of!(Registers, floats),
            fuel = const offset_of!(Context, fuel_slice),
            depth = const offset_of!(Context, depth_left),
        )
    }

    /// Called by generated code; never returns to it.
    ///
    /// # Safety
    /// Called only from generated code that runs under [`enter`] or a door, with the context in x28.
    #[unsafe(naked)]
    pub unsafe extern "C" fn trap_exit() {
        naked_asm!(
            "str x26, [x28, #{fuel}]",
            "b {leave}",
            fuel = const offset_of!(Context, fuel_slice),
            leave = sym trap_exit_from_helper,
        )
    }

    /// As [`trap_exit`], where the fuel left is in the context already: in the midst of a runtime function.
    ///
    /// # Safety
    /// As for [`trap_exit`].
    #[unsafe(naked)]
    pub unsafe extern "C" fn trap_exit_from_helper() {
        naked_asm!(
            "mov x0, x28",
            "mov x1, x30",
            "mov x2, sp",
            "ldr x9, [x28, #{entry_sp}]",
            "cbz x9, 2f",
            "bl {record}",
            "ldr x9, [x28, #{entry_sp}]",
            "mov sp, x9",
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
            "2:",
            "bl {record_bare}",
            // Where the door's caller looks for it, whatever the function's result is.
            "mov x1, x0",
            "sub sp, x28, #32",
            "ldr x28, [sp, #16]",
            "ldp x29, x30, [sp], #({bare_frame} + 32)",
            "ret",
            record = sym record_trap,
            record_bare = sym record_bare_trap,
            bare_frame = const BARE_FRAME,
            entry_sp = const offset_of!(Context, entry_sp),
        )
    }

    /// Called by generated code; preserves every register but that of the fuel, the flags, x16, x17 and x30, or leaves as [`trap_exit`] does.
    ///
    /// # Safety
    /// As for [`trap_exit`].
    #[unsafe(naked)]
    pub unsafe extern "C" fn poll() {
        naked_asm!(
            "sub sp, sp, #672",
            "stp x0, x1, [sp]",
            "stp x2, x3, [sp, #16]",
            "stp x4, x5, [sp, #32]",
            "stp x6, x7, [sp, #48]",
            "stp x8, x9, [sp, #64]",
            "stp x10, x11, [sp, #80]",
            "stp x12, x13, [sp, #96]",
            "stp x14, x15, [sp, #112]",
            "stp x18, x30, [sp, #128]",
            "stp q0, q1, [sp, #144]",
            "stp q2, q3, [sp, #176]",
            "stp q4, q5, [sp, #208]",
            "stp q6, q7, [sp, #240]",
            "stp q8, q9, [sp, #272]",
            "stp q10, q11, [sp, #304]",
            "stp q12, q13, [sp, #336]",
            "stp q14, q15, [sp, #368]",
            "stp q16, q17, [sp, #400]",
            "stp q18, q19, [sp, #432]",
            "stp q20, q21, [sp, #464]",
            "stp q22, q23, [sp, #496]",
            "stp q24, q25, [sp, #528]",
            "stp q26, q27, [sp, #560]",
            "stp q28, q29, [sp, #592]",
            "stp q30, q31, [sp, #624]",
            "str x26, [x28, #{fuel}]",
            "str x27, [x28, #{depth}]",
            "mov x0, x28",
            "mov x1, x30",
            "add x2, sp, #672",
            "bl {poll}",
            "cbnz x0, 2f",
            "ldr x26, [x28, #{fuel}]",
            "ldp q0, q1, [sp, #144]",
            "ldp q2, q3, [sp, #176]",
            "ldp q4, q5, [sp, #208]",
            "ldp q6, q7, [sp, #240]",
            "ldp q8, q9, [sp, #272]",
            "ldp q10, q11, [sp, #304]",
            "ldp q12, q13, [sp, #336]",
            "ldp q14, q15, [sp, #368]",
            "ldp q16, q17, [sp, #400]",
            "ldp q18, q19, [sp, #432]",
            "ldp q20, q21, [sp, #464]",
            "ldp q22, q23, [sp, #496]",
            "ldp q24, q25, [sp, #528]",
            "ldp q26, q27, [sp, #560]",
            "ldp q28, q29, [sp, #592]",
            "ldp q30, q31, [sp, #624]",
            "ldp x0, x1, [sp]",
            "ldp x2, x3, [sp, #16]",
            "ldp x4, x5, [sp, #32]",
            "ldp x6, x7, [sp, #48]",
            "ldp x8, x9, [sp, #64]",
            "ldp x10, x11, [sp, #80]",
            "ldp x12, x13, [sp, #96]",
            "ldp x14, x15, [sp, #112]",
            "ldp x18, x30, [sp, #128]",
            "add sp, sp, #672",
            "ret",
            "2:",
            "ldr x9, [x28, #{entry_sp}]",
            "mov sp, x9",
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
            poll = sym poll_from_code,
            entry_sp = const offset_of!(Context, entry_sp),
            fuel = const offset_of!(Context, fuel_slice),
            depth = const offset_of!(Context, depth_left),
        )
    }

    /// Calls a host function, on the host's stack where generated code runs on its own.
    ///
    /// # Safety
    /// Called only from generated code, as a buffered helper.
    #[unsafe(naked)]
    pub unsafe extern "C" fn host_call(ctx: *mut Context, args: *const u64) -> u64 {
        naked_asm!(
            "ldr x9, [x0, #{stack_top}]",
            "cbz x9, 2f",
            "stp x19, x30, [sp, #-16]!",
            "mov x19, sp",
            // Below `entry_sp` the host's stack is free: the code runs elsewhere.
            "ldr x9, [x0, #{entry_sp}]",
            "mov sp, x9",
            "bl {call}",
            "mov sp, x19",
            "ldp x19, x30, [sp], #16",
            "ret",
            "2:",
            "b {call}",
            call = sym host_call_on_host_stack,
            entry_sp = const offset_of!(Context, entry_sp),
            stack_top = const offset_of!(Context, stack_top),
        )
    }
}

pub use machine::{enter, host_call, poll, trap_exit, trap_exit_from_helper};
