//! Forking while another thread publishes: no lock of ours is held in a child by a thread that the child does not have.
//!
//! Each lock is taken through the gate. `fork` closes the gate, waits until nobody is inside (the stays are short and call no code of the host), makes
//! the child, and opens the gate in both processes. So the child finds every lock free and what it guards whole.
//! A process made by other means than `fork` (`vfork`, a bare `clone`) must not use the library before it replaces its image.

use crate::walls::{Wall, stands};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many are inside, and whether a thread is forking.
static STATE: AtomicU32 = AtomicU32::new(0);
const FORKING: u32 = 1 << 31;

thread_local! {
    /// How often this thread is inside: the gate that closes meanwhile waits for it, so it must not wait for the gate.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
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

fn register() {
    static ONCE: Once = Once::new();
    if !ONCE.is_completed() {
        // SAFETY: the three functions touch an atomic only. Where there is no memory to register them, a fork amid publishing can hang the child.
        ONCE.call_once(|| _ = unsafe { libc::pthread_atfork(Some(close), Some(open), Some(open)) });
    }
}

extern "C" fn close() {
    if !stands(Wall::ForkGate) {
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
    STATE.fetch_and(!FORKING, Ordering::Release);
}
