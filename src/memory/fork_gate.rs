//! Forking while another thread publishes: no lock of ours is held in a child by a thread that the child does not have.
//!
//! Each lock is taken through the gate. `fork` closes the gate, waits until nobody is inside (the stays are short and call no code of the host), makes
//! the child, and opens the gate in both processes. So the child finds every lock free and what it guards whole.
//! A process made by other means than `fork` (`vfork`, a bare `clone`) must not use the library before it replaces its image.

use crate::walls::{Wall, stands};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// How many are inside, and whether a thread is forking.
static STATE: AtomicU32 = AtomicU32::new(0);
const FORKING: u32 = 1 << 31;

thread_local! {
    /// How often this thread is inside: the gate that closes meanwhile waits for it, so it must not wait for the gate.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
    /// Whether this thread closed the gate.
    static CLOSED: Cell<bool> = const { Cell::new(false) };
}

/// The right to hold a lock.
#[derive(Debug)]
struct Held;

impl Held {
    fn new() -> Held {
        register();
        let inside = INSIDE.get();
        INSIDE.set(inside + 1);
        if inside == 0 {
            loop {
                let state = STATE.load(Ordering::Relaxed);
                let is_open = state & FORKING == 0;
                let enter = || STATE.compare_exchange_weak(state, state + 1, Ordering::Acquire, Ordering::Relaxed);
                if is_open && enter().is_ok() {
                    break;
                }
                if !is_open {
                    std::thread::yield_now();
                }
            }
        }
        Held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let inside = INSIDE.get() - 1;
        INSIDE.set(inside);
        if inside == 0 {
            STATE.fetch_sub(1, Ordering::Release);
        }
    }
}

/// A guard of a lock that was taken through the gate.
#[derive(Debug)]
pub(crate) struct Gated<G> {
    // Dropped before the gate is left.
    guard: G,
    _held: Held,
}

impl<G> Gated<G> {
    /// Takes a lock.
    pub(crate) fn new(lock: impl FnOnce() -> G) -> Gated<G> {
        let held = Held::new();
        Gated { guard: lock(), _held: held }
    }
}

impl<G: Deref> Deref for Gated<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Gated<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

/// Whether the handlers of `fork` are in place, and the process in which a thread began to put them there.
static REGISTERED: AtomicBool = AtomicBool::new(false);
static REGISTRAR: AtomicI32 = AtomicI32::new(0);

/// Puts the handlers in place, once. No `Once` may be waited for here: a child can be made while another thread runs it.
fn register() {
    if REGISTERED.load(Ordering::Acquire) {
        return;
    }
    // SAFETY: asks for a number.
    let process = unsafe { libc::getpid() };
    let mut registrar = REGISTRAR.load(Ordering::Relaxed);
    while registrar != process {
        // Nobody has begun, or a thread of the parent that this process does not have.
        match REGISTRAR.compare_exchange(registrar, process, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                // SAFETY: the three functions touch atomics only. Where there is no memory to register them, a fork amid publishing can hang the child.
                unsafe { libc::pthread_atfork(Some(close), Some(open), Some(open)) };
                return REGISTERED.store(true, Ordering::Release);
            }
            Err(now) => registrar = now,
        }
    }
    while !REGISTERED.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
}

extern "C" fn close() {
    if !stands(Wall::ForkGate) {
        return;
    }
    // Registered a second time by a child that could not know of the first.
    if CLOSED.replace(true) {
        return;
    }
    // One fork after the other.
    while STATE.fetch_or(FORKING, Ordering::Acquire) & FORKING != 0 {
        std::thread::yield_now();
    }
    // A thread that forks inside would wait for itself.
    let own = u32::from(INSIDE.get() > 0);
    while STATE.load(Ordering::Acquire) & !FORKING > own {
        std::thread::yield_now();
    }
}

extern "C" fn open() {
    REGISTERED.store(true, Ordering::Release);
    if !CLOSED.replace(false) {
        return;
    }
    STATE.fetch_and(!FORKING, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use crate::lazy::Lazy;
    use crate::walls::{Wall, stands};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    /// What is made slowly, so that a fork falls into its making.
    static SLOW: Lazy<u32> = Lazy::new(|| {
        BEGUN.store(true, Ordering::Release);
        std::thread::sleep(Duration::from_millis(200));
        7
    });
    static BEGUN: AtomicBool = AtomicBool::new(false);

    #[test]
    fn a_child_never_finds_a_table_half_made() {
        if cfg!(not(target_arch = "x86_64")) {
            eprintln!("not tested: an emulator does not survive a fork amid its threads");
            return;
        }
        assert!(stands(Wall::ForkGate));
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(*SLOW, 7));
            while !BEGUN.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            // SAFETY: the child ends without running anything of the parent's; the alarm ends one that hangs.
            let child = unsafe { libc::fork() };
            assert!(child >= 0);
            if child == 0 {
                // SAFETY: as above.
                unsafe {
                    libc::alarm(20);
                    libc::_exit(*SLOW as i32);
                }
            }
            let mut status = 0;
            // SAFETY: waits for the child just made.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "{status:#x}");
        });
    }
}
