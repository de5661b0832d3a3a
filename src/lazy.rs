//! Tables that are made when they are first asked for.

use crate::memory::Gated;
use std::ops::Deref;
use std::sync::OnceLock;

/// A value made at its first use, behind the gate that `fork` closes: a child finds it made or not begun, never half made by a thread that it does not have.
pub(crate) struct Lazy<T> {
    cell: OnceLock<T>,
    make: fn() -> T,
}

impl<T> Lazy<T> {
    /// What `make` gives, which runs no code of the host and takes no time to speak of.
    pub(crate) const fn new(make: fn() -> T) -> Lazy<T> {
        Lazy { cell: OnceLock::new(), make }
    }
}

impl<T> Deref for Lazy<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self.cell.get() {
            Some(value) => value,
            None => {
                let _gate = Gated::new(|| ());
                self.cell.get_or_init(self.make)
            }
        }
    }
}
