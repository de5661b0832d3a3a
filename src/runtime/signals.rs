//! Faults of memory in a running program become traps; everybody else's signals are passed on.
//!
//! Nothing here is needed for a program's own traps, which are explicit checks. A host asks for it
//! (`Config::catch_faults`) because a mapped file can become shorter under a program: the page is gone, and touching it is a `SIGBUS`.
//!
//! A signal is ours only if all of this holds; each by itself is too weak:
//! 1. this thread is in a call that has a [`Scope`];
//! 2. the kernel made the signal (`si_code > 0`), for a fault that the instruction met;
//! 3. the program counter is in the code of this very call, or in a runtime function that this code called on arrays;
//! 4. it is the signal and the code that a vanished page has: `SIGBUS`, `BUS_ADRERR`;
//! 5. the address lies in a mapped file that was passed to this very call;
//! 6. it is not a fault while another is being handled.
//!
//! Then the handler points the thread at the trap exit and returns: `sigreturn` puts mask, alternate stack and floating-point registers back.
//! A fault in our code for which the rest does not hold means that the code did what no program may do: the process is ended with a report,
//! never told as an error; so it is in calls that have no scope, those through typed handles, where the program counter alone tells. A program counter that is not ours belongs to the handler that was there before, called as the kernel would have.

use super::context::Context;
use super::enter::{trap_exit, trap_exit_from_helper};
use super::signals_machine as machine;
use crate::memory::{Gated, is_code};
use crate::walls::{Wall, stands};
use std::cell::Cell;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The signals that a fault of an instruction raises.
const SIGNALS: [i32; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// Which actions were there before ours.
static PREVIOUS: [OnceLock<libc::sigaction>; SIGNALS.len()] = [const { OnceLock::new() }; SIGNALS.len()];
/// Whether a previous handler that asked to be called once (`SA_RESETHAND`) was.
static SPENT: [AtomicBool; SIGNALS.len()] = [const { AtomicBool::new(false) }; SIGNALS.len()];

thread_local! {
    /// The innermost call of this thread whose faults are caught. Without a destructor, so that a handler may read it at any time.
    static CURRENT: Cell<*const Scope> = const { Cell::new(ptr::null()) };
}

/// Where a fault was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Fault {
    /// In generated code.
    InCode = 1,
    /// In a runtime function that generated code called; the return address is that of the call.
    InHelper = 2,
}

/// A call of a program whose faults are caught.
#[derive(Debug)]
pub(super) struct Scope {
    code: Range<usize>,
    /// The mapped files among its arguments.
    files: Vec<Range<usize>>,
    context: AtomicPtr<Context>,
    /// The fault that is on its way to the trap exit, or 0.
    fault: AtomicU8,
}

impl Scope {
    /// For a call of this code with these mapped files.
    pub(super) fn new(code: Range<usize>, files: Vec<Range<usize>>) -> Scope {
        Scope { code, files, context: AtomicPtr::default(), fault: AtomicU8::new(0) }
    }

    /// Whether there are mapped files among the arguments.
    pub(super) fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Makes it the innermost one of this thread.
    pub(super) fn enter(&self) -> Entered<'_> {
        // Where no page can vanish, the handler only raises the alarm, and a blocked signal ends the process as well.
        let mask = if self.files.is_empty() { None } else { unblock() };
        if !self.files.is_empty() {
            reinstall_if_reset();
        }
        Entered { _scope: self, outer: CURRENT.replace(self), mask }
    }
}

/// The time for which a [`Scope`] is the innermost one.
pub(super) struct Entered<'a> {
    _scope: &'a Scope,
    outer: *const Scope,
    mask: Option<libc::sigset_t>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
        if let Some(mask) = &self.mask {
            // SAFETY: puts back the mask that `unblock` read.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
        }
    }
}

/// Lets `SIGBUS` through on this thread: a fault whose signal is blocked kills the process whatever the handler. Gives the mask to put back, if it changed.
fn unblock() -> Option<libc::sigset_t> {
    // SAFETY: both sets are local and made by the calls that initialise them.
    unsafe {
        let (mut bus, mut before) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigemptyset(&mut bus);
        libc::sigaddset(&mut bus, libc::SIGBUS);
        let changed = libc::pthread_sigmask(libc::SIG_UNBLOCK, &bus, &mut before) == 0
            && libc::sigismember(&before, libc::SIGBUS) == 1;
        changed.then_some(before)
    }
}

/// Tells the scope of this thread that code at `base` is about to run with this context, or runs with it again. Gives the one before: a host
/// function may have called the same program.
#[inline]
pub(super) fn running(context: *mut Context, base: usize) -> *mut Context {
    let scope = CURRENT.get();
    // SAFETY: a scope that is the current one lives: `Entered` borrows it and takes it away.
    if let Some(scope) = unsafe { scope.as_ref() }
        && scope.code.start == base
    {
        return scope.context.swap(context, Ordering::Relaxed);
    }
    ptr::null_mut()
}

/// The fault that brought this thread to the trap exit, if one did.
pub(super) fn take_fault() -> Option<Fault> {
    // SAFETY: as in `running`.
    let scope = unsafe { CURRENT.get().as_ref() }?;
    match scope.fault.swap(0, Ordering::Relaxed) {
        0 => None,
        1 => Some(Fault::InCode),
        _ => Some(Fault::InHelper),
    }
}

/// Installs the handlers, once for the process.
///
/// # Errors
/// The error number where the system refuses.
pub fn install() -> Result<(), i32> {
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = Gated::new(|| DONE.lock().unwrap_or_else(PoisonError::into_inner));
    if *done {
        return Ok(());
    }
    for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
        // SAFETY: reads the action into a local.
        let before = unsafe {
            let mut before: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, ptr::null(), &mut before) != 0 {
                return Err(last_errno());
            }
            before
        };
        // The handler may run as soon as it is installed, and looks here.
        let _ = previous.set(before);
        install_one(signal)?;
    }
    *done = true;
    Ok(())
}

/// Whether the handlers were installed.
pub fn is_installed() -> bool {
    PREVIOUS.iter().all(|previous| previous.get().is_some())
}

fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn install_one(signal: i32) -> Result<(), i32> {
    // SAFETY: the handler keeps to what a handler may do: it touches atomics, its thread's scope and the interrupted registers.
    let outcome = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        // On the thread's alternate stack if it has one, as a handler behind us may need it for an overflow of the stack. Not `SA_NODEFER`: a fault
        // in the handler then ends the process at once.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        libc::sigaction(signal, &action, ptr::null_mut())
    };
    if outcome == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Rust's own handler resets the action to the default on a signal that somebody sent; the next fault of ours would end the process then.
fn reinstall_if_reset() {
    // SAFETY: reads the action into a local.
    let reset = unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGBUS, ptr::null(), &mut now) == 0 && now.sa_sigaction == libc::SIG_DFL
    };
    if reset && is_installed() {
        let _ = install_one(libc::SIGBUS);
    }
}

/// How many times the handler is to fault itself, for a test.
#[cfg(debug_assertions)]
static OWN_FAULTS: AtomicU8 = AtomicU8::new(0);

/// Makes the handler fault that many times as soon as it is called. For tests.
#[cfg(debug_assertions)]
#[doc(hidden)]
pub fn fault_in_handler(times: u8) {
    OWN_FAULTS.store(times, Ordering::Relaxed);
}

extern "C" fn on_signal(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    #[cfg(debug_assertions)]
    if OWN_FAULTS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |times| times.checked_sub(1)).is_ok() {
        // SAFETY: none: this is the fault that the test is about.
        unsafe { ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
    }
    // SAFETY: the kernel, or a handler that chains to us, passes what it was given.
    if !unsafe { claim(signal, info, context) } {
        // SAFETY: likewise.
        unsafe { pass_on(signal, info, context) };
    }
}

/// Whether the signal was ours; then the thread goes on at the trap exit.
///
/// # Safety
/// The arguments are those of a handler.
unsafe fn claim(signal: i32, info: *mut libc::siginfo_t, registers: *mut libc::c_void) -> bool {
    // SAFETY: `info` and `registers` are what the kernel gave.
    let (code, address, pc) = unsafe { ((*info).si_code, (*info).si_addr().addr(), machine::pc(registers)) };
    // SAFETY: as in `running`.
    let scope = CURRENT.try_with(Cell::get).ok().and_then(|scope| unsafe { scope.as_ref() });
    let Some(scope) = scope.filter(|scope| scope.code.contains(&pc) || !is_code(pc)) else {
        // Code of a call that has no scope, as those of typed handles: nothing can be recovered, and nothing may go on.
        if code > 0 && is_code(pc) && stands(Wall::Classifier) {
            raise_alarm(signal, code, pc, address);
        }
        return false;
    };
    let context = scope.context.load(Ordering::Relaxed);
    let call_of_helper = match context.is_null() {
        true => (0, 0),
        // SAFETY: the context of the call that this thread is in lives until the scope ends, and is only read.
        false => unsafe { ((*context).helper_sp, (*context).helper_ret) },
    };
    let in_code = scope.code.contains(&pc);
    let from_elsewhere = code <= 0 || (signal == libc::SIGBUS && code != libc::BUS_ADRERR && code != libc::BUS_ADRALN);
    if from_elsewhere || (!in_code && call_of_helper.0 == 0) {
        return false;
    }
    let is_lost_page = signal == libc::SIGBUS && code == libc::BUS_ADRERR;
    let in_file = scope.files.iter().any(|file| file.contains(&address));
    if is_lost_page && in_file && !context.is_null() && scope.fault.load(Ordering::Relaxed) == 0 {
        let (fault, call) = if in_code { (Fault::InCode, None) } else { (Fault::InHelper, Some(call_of_helper)) };
        scope.fault.store(fault as u8, Ordering::Relaxed);
        // SAFETY: `trap_exit` asks for the context in its register and the call's return address where the call would have left it. What was interrupted is
        // abandoned: generated code holds nothing, and the runtime's functions on arrays hold nothing that must be dropped.
        unsafe {
            // What is left of the fuel is in its register, or a runtime function has it in the context.
            let exit = if in_code { trap_exit as *const () } else { trap_exit_from_helper as *const () };
            machine::resume_at_trap_exit(registers, exit as usize, context, call);
        }
        return true;
    }
    if in_code && stands(Wall::Classifier) {
        raise_alarm(signal, code, pc, address);
    }
    false
}

/// Generated code did what no program may do. Nothing can be trusted now.
fn raise_alarm(signal: i32, code: i32, pc: usize, address: usize) -> ! {
    let mut text = [0_u8; 160];
    let mut len = 0;
    let mut put = |bytes: &[u8]| {
        for byte in bytes {
            if let Some(slot) = text.get_mut(len) {
                *slot = *byte;
                len += 1;
            }
        }
    };
    put(b"cresset: generated code faulted where it must not: signal ");
    let hex = |number: usize| -> [u8; 18] {
        let mut digits = *b"0x0000000000000000";
        for (i, digit) in digits[2..].iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(number >> (60 - 4 * i)) & 15];
        }
        digits
    };
    put(&hex(signal as usize)[16..]);
    put(b" code ");
    put(&hex(code as usize)[16..]);
    put(b" at ");
    put(&hex(pc));
    put(b" address ");
    put(&hex(address));
    put(b"; aborting\n");
    // SAFETY: writes the text, and ends the process.
    unsafe {
        libc::write(2, text.as_ptr().cast(), len);
        libc::abort()
    }
}

/// Does what would have happened without us.
///
/// # Safety
/// The arguments are those of a handler.
unsafe fn pass_on(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(idx) = SIGNALS.iter().position(|known| *known == signal) else { return };
    let Some(previous) = PREVIOUS[idx].get() else { return };
    // SAFETY: `info` is what the kernel gave.
    let was_sent = unsafe { (*info).si_code } <= 0;
    let spent = previous.sa_flags & libc::SA_RESETHAND != 0 && SPENT[idx].swap(true, Ordering::Relaxed);
    match previous.sa_sigaction {
        // The kernel does not ignore a fault either.
        libc::SIG_IGN if was_sent => {}
        libc::SIG_IGN | libc::SIG_DFL => die(signal, was_sent),
        _ if spent => die(signal, was_sent),
        handler => {
            // SAFETY: the mask that the handler asked for, as the kernel would have set it; `sigreturn` puts the interrupted one back. The action was
            // valid when it was installed, and a handler that goes away is a mistake without us too.
            unsafe {
                libc::pthread_sigmask(libc::SIG_BLOCK, &previous.sa_mask, ptr::null_mut());
                if previous.sa_flags & libc::SA_NODEFER != 0 {
                    let mut this = std::mem::zeroed();
                    libc::sigemptyset(&mut this);
                    libc::sigaddset(&mut this, signal);
                    libc::pthread_sigmask(libc::SIG_UNBLOCK, &this, ptr::null_mut());
                }
                if previous.sa_flags & libc::SA_SIGINFO != 0 {
                    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) =
                        std::mem::transmute(handler);
                    handler(signal, info, context);
                } else {
                    let handler: extern "C" fn(i32) = std::mem::transmute(handler);
                    handler(signal);
                }
            }
        }
    }
}

/// Lets the signal do what it does by default: the instruction faults again when the handler returns, or the signal that was sent is sent again.
fn die(signal: i32, was_sent: bool) {
    // SAFETY: sets the default action, which takes nothing from us but this signal, of which the process dies.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(signal, &action, ptr::null_mut());
        if was_sent {
            libc::raise(signal);
        }
    }
}
