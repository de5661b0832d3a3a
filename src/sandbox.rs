//! A reusable place to run programs in, with limits of its own.

use crate::limits::{CancelHandle, Limits};
use crate::memory::Arena;

/// Limits, memory for arrays, and a way to cancel. Each call starts with the full limits.
///
/// ```
/// # use cresset::{Engine, Limits, TrapKind};
/// let engine = Engine::new()?;
/// let forever = engine.compile("while true { }")?.program::<fn()>()?;
/// let mut sandbox = engine.sandbox(Limits::default().fuel(1_000))?;
/// let error = forever.call_in(&mut sandbox, ()).unwrap_err();
/// assert_eq!(error.trap().map(|trap| trap.kind), Some(TrapKind::OutOfFuel));
/// # Ok::<(), cresset::Error>(())
/// ```
#[derive(Debug)]
pub struct Sandbox {
    pub(crate) limits: Limits,
    pub(crate) cancel: CancelHandle,
    pub(crate) arena: Arena,
    pub(crate) fuel_left: Option<u64>,
}

/// What a call uses of a sandbox.
pub(crate) struct SandboxParts<'a> {
    pub limits: &'a Limits,
    pub cancel: &'a CancelHandle,
    pub arena: &'a mut Arena,
    pub fuel_left: &'a mut Option<u64>,
}

impl Sandbox {
    #[inline]
    pub(crate) fn parts(&mut self) -> SandboxParts<'_> {
        SandboxParts {
            limits: &self.limits,
            cancel: &self.cancel,
            arena: &mut self.arena,
            fuel_left: &mut self.fuel_left,
        }
    }

    pub(crate) fn new(limits: Limits) -> Sandbox {
        let arena = Arena::new(limits.memory);
        Sandbox { fuel_left: limits.fuel, limits, cancel: CancelHandle::default(), arena }
    }

    /// Another one with the same limits, stopped along with this one.
    #[cfg(feature = "rayon")]
    pub(crate) fn worker(&self) -> Sandbox {
        Sandbox { cancel: self.cancel.clone(), ..Sandbox::new(self.limits.clone()) }
    }

    /// Stops the call that is under way in this sandbox, or the next one, from any thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// What calls may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Other limits for the calls to come.
    pub fn set_limits(&mut self, limits: Limits) {
        if limits.memory != self.limits.memory {
            self.arena = Arena::new(limits.memory);
        }
        self.limits = limits;
    }

    /// What the last call left of its fuel, where it is limited.
    pub fn fuel_left(&self) -> Option<u64> {
        self.fuel_left
    }
}
