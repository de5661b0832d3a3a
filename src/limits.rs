//! What a run may use, and how to stop one from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What one call of a program may use. Everything is limited unless the host says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Units of work (loop iterations, calls, 64 elements of an array built-in); `None` for no limit.
    pub fuel: Option<u64>,
    /// Time from the start of the call; `None` for no limit.
    pub deadline: Option<Duration>,
    /// Bytes of arrays that the program makes.
    pub memory: usize,
    /// Nested calls of the program's own functions.
    pub depth: u32,
    /// Bytes of stack for machine code: a call whose `depth` might take more is refused before it starts.
    pub stack: usize,
}

impl Default for Limits {
    /// Fuel 10^9, no deadline, 64 MiB, depth 10,000 on a stack of at most 1 GiB (of which only what is used takes memory).
    fn default() -> Limits {
        Limits { fuel: Some(1_000_000_000), deadline: None, memory: 64 << 20, depth: 10_000, stack: 1 << 30 }
    }
}

impl Limits {
    /// At most so many units of fuel.
    pub fn fuel(self, units: u64) -> Limits {
        Limits { fuel: Some(units), ..self }
    }

    /// No limit on fuel.
    pub fn no_fuel_limit(self) -> Limits {
        Limits { fuel: None, ..self }
    }

    /// At most so long a run.
    pub fn deadline(self, time: Duration) -> Limits {
        Limits { deadline: Some(time), ..self }
    }

    /// At most so many bytes of arrays.
    pub fn memory(self, bytes: usize) -> Limits {
        Limits { memory: bytes, ..self }
    }

    /// At most so many bytes of stack.
    pub fn stack(self, bytes: usize) -> Limits {
        Limits { stack: bytes, ..self }
    }

    /// At most so many nested calls.
    pub fn depth(self, calls: u32) -> Limits {
        Limits { depth: calls, ..self }
    }
}

/// Stops a run from another thread. Clones stop the same run.
#[derive(Clone, Debug, Default)]
pub struct CancelHandle {
    flag: Arc<AtomicBool>,
}

impl CancelHandle {
    /// Ends the run that is under way, or the next one, with `Interrupted` at its next loop head, call or piece of an array built-in.
    /// It stays cancelled until [`CancelHandle::reset`].
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Lets the next run go on.
    pub fn reset(&self) {
        self.flag.store(false, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }
}
