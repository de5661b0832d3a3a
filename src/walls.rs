//! Walls that a test takes down one at a time, to see that another holds. In release builds all of them stand, and nothing can take one down.

#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicU32, Ordering};

/// A wall that a test can take down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Wall {
    /// The checks of indices and slices in single numbers' code.
    BoundsChecks,
    /// Guards without access at both ends of mappings: those made from then on can be read and written.
    Guards,
    /// The end of the process with a report where generated code faulted as it must not: the signal goes where it went before.
    Classifier,
    /// The comparison of the floating-point control on the way in.
    FpEnvironment,
    /// The gate that `fork` closes before locks.
    ForkGate,
    /// The check of register allocations, where a bug was planted in one.
    AllocationChecker,
    /// The verifier of finished machine code.
    Verifier,
}

impl Wall {
    /// All of them.
    pub const ALL: [Wall; 7] = [
        Wall::BoundsChecks,
        Wall::Guards,
        Wall::Classifier,
        Wall::FpEnvironment,
        Wall::ForkGate,
        Wall::AllocationChecker,
        Wall::Verifier,
    ];
}

#[cfg(debug_assertions)]
static DOWN: AtomicU32 = AtomicU32::new(0);

/// Takes a wall down for the whole process: for children of tests.
#[cfg(debug_assertions)]
pub fn take_down(wall: Wall) {
    DOWN.fetch_or(1 << wall as u32, Ordering::Relaxed);
}

/// Puts all walls up again.
#[cfg(debug_assertions)]
pub fn put_up() {
    DOWN.store(0, Ordering::Relaxed);
}

/// Whether a wall stands.
#[cfg(debug_assertions)]
#[inline]
pub(crate) fn stands(wall: Wall) -> bool {
    DOWN.load(Ordering::Relaxed) & (1 << wall as u32) == 0
}

/// Whether a wall stands: always.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) const fn stands(_: Wall) -> bool {
    true
}
