//! The registers of an interrupted thread, as a handler of signals finds them.

use super::context::Context;

/// Where the thread was.
///
/// # Safety
/// `registers` is the third argument of a handler.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn pc(registers: *mut libc::c_void) -> usize {
    // SAFETY: the caller's promise.
    unsafe { (*registers.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RIP as usize] as usize }
}

/// Lets the thread go on at the trap exit, as if generated code had called it.
///
/// `call` is the stack pointer at the entry of a runtime function, where that was interrupted.
///
/// # Safety
/// `registers` is the third argument of a handler, `exit` the trap exit, `context` that of the call under way, and the interrupted code may be abandoned.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn resume_at_trap_exit(
    registers: *mut libc::c_void,
    exit: usize,
    context: *mut Context,
    call: Option<(u64, u64)>,
) {
    // SAFETY: the caller's promise. Generated code keeps nothing below its stack pointer, so that a return address fits there.
    unsafe {
        let registers = &mut (*registers.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let sp = match call {
            // The return address lies where the call pushed it.
            Some((sp, _)) => sp as i64,
            None => {
                let sp = registers[libc::REG_RSP as usize] - 8;
                let slot = std::ptr::with_exposed_provenance_mut::<i64>(sp as usize);
                slot.write(registers[libc::REG_RIP as usize]);
                sp
            }
        };
        registers[libc::REG_RSP as usize] = sp;
        registers[libc::REG_R15 as usize] = context.expose_provenance() as i64;
        registers[libc::REG_RIP as usize] = exit as i64;
    }
}

/// Where the thread was.
///
/// # Safety
/// `registers` is the third argument of a handler.
#[cfg(target_arch = "aarch64")]
pub(super) unsafe fn pc(registers: *mut libc::c_void) -> usize {
    // SAFETY: the caller's promise.
    unsafe { (*registers.cast::<libc::ucontext_t>()).uc_mcontext.pc as usize }
}

/// Lets the thread go on at the trap exit, as if generated code had called it.
///
/// `call` is the stack pointer and the return address at the entry of a runtime function, where that was interrupted.
///
/// # Safety
/// `registers` is the third argument of a handler, `exit` the trap exit, `context` that of the call under way, and the interrupted code may be abandoned.
#[cfg(target_arch = "aarch64")]
pub(super) unsafe fn resume_at_trap_exit(
    registers: *mut libc::c_void,
    exit: usize,
    context: *mut Context,
    call: Option<(u64, u64)>,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let registers = &mut (*registers.cast::<libc::ucontext_t>()).uc_mcontext;
        let (sp, link) = call.unwrap_or((registers.sp, registers.pc));
        registers.sp = sp;
        registers.regs[30] = link;
        registers.regs[28] = context.expose_provenance() as u64;
        registers.pc = exit as u64;
        // No landing pad is asked for where a handler returns to.
        registers.pstate &= !(0b11 << 10);
    }
}
