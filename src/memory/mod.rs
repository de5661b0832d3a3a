//! Memory with walls: reservations with guards, the code arena, stacks, the bytes of a program's arrays, and data of the host in mappings.
//!
//! # Why this is safe
//!
//! Everything here lies in mappings that this module makes, and nobody else is told where they
//! may be remapped. All are anonymous and private but those of `data`. The argument rests on five invariants.
//!
//! - **M1, owned ranges.** A [`Reservation`] is one mapping made without access. Only its inner range can be named by
//!   a [`PageRange`], and every change of protection takes one, so a guard never becomes accessible and no page that
//!   is not ours is ever touched. The mapping goes away when the reservation is dropped, as the last act.
//! - **M2, never writable and executable.** [`Protection`] has no such value. Code is made by
//!   [`CodeArena::writable`], which gives pages that may be written and not run, and by [`WritableCode::seal`], which
//!   consumes the writer. There is no way back: sealed pages change only to "no access", by a fresh mapping over them,
//!   so an address that ran code once carries other code only after all of its old bytes are gone. A few dropped
//!   slots may wait for that together; until then nobody else gets them.
//! - **M3, checked bytes are the bytes that run.** `seal` makes the pages read-only before it calls the verifier and
//!   executable only after the verifier agreed. In between nobody can write them. Where the system lets no written memory become executable, they
//!   are copied into a file, which is sealed, compared with them, and then mapped in their place (`sealed`).
//! - **M4, one owner.** A slot of the arena belongs to exactly one [`WritableCode`] and, published, to one [`ExecutableCode`] or to several that share
//!   its pages; the slot's bits are taken under the arena's lock and returned by the `Drop` of its owner, those of a shared page by that of the last
//!   owner in it. Each owner keeps the arena alive.
//! - **M5, everything fails as a value.** Sizes are checked arithmetic, each call of the system can fail, and what a
//!   failed step leaves behind is unmapped or kept out of use until it can be. Nothing is mapped before it is needed.
//!
//! Guards are the second wall. The first is that code checks every access before it makes it.

mod arena;
mod cache;
mod cluster;
mod code;
mod code_ranges;
mod copy;
pub mod data;
mod data_map;
mod fork_gate;
mod page;
mod reservation;
#[cfg(target_os = "linux")]
mod sealed;
mod slots;
mod stack;
mod sys;

pub use arena::{Arena, Mark};
pub use cache::has_landing_pads;
pub use code::{ArenaStats, CodeArena, CodeArenaConfig, CodePart, ExecutableCode, Publication, WritableCode};
pub(crate) use code_ranges::is_code;
pub use data::{Advice, AnyBits, Buffer, Data, DataError, DataMut, Plain, ReadView, View};
pub(crate) use fork_gate::Gated;
pub use page::{page_size, round_down, round_up};
pub use reservation::{GUARD_SIZE, PageRange, Protection, Reservation};
pub use slots::pool_distance;
pub use stack::{PooledStack, Stack, StackPool};
#[cfg(debug_assertions)]
#[doc(hidden)]
pub use sys::failpoint;

/// Copies `len` bytes where pages of either side may be gone; `false` if one is.
///
/// # Safety
/// Both are ranges of `len` bytes of mappings, to read and to write, that do not overlap.
pub(crate) unsafe fn copy_if_there(from: *const u8, to: *mut u8, len: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe { copy::copy_bytes(from, to, len) == copy::Copied::All }
}

/// Why memory could not be had or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The system refused a call.
    #[error("{call} of {size} bytes failed: {}", std::io::Error::from_raw_os_error(*errno))]
    System {
        /// The name of the call.
        call: &'static str,
        /// How many bytes it was asked for.
        size: usize,
        /// The error number that it left.
        errno: i32,
    },
    /// A size cannot be rounded or added up without leaving the address space.
    #[error("there is no room for {size} bytes")]
    TooLarge {
        /// The size that was asked for.
        size: usize,
    },
    /// A range is not aligned to pages, or is not inside the part that may be used.
    #[error("{len} bytes at offset {offset} are not in a range of {available} bytes")]
    OutOfRange {
        /// Where the range starts.
        offset: usize,
        /// How long it is.
        len: usize,
        /// How many bytes there are.
        available: usize,
    },
    /// A limit that the host set would be passed.
    #[error("{requested} bytes on top of {used} pass the limit of {limit}")]
    Limit {
        /// How many bytes were asked for, rounded as they are counted.
        requested: usize,
        /// How many are in use.
        used: usize,
        /// How many may be.
        limit: usize,
    },
    /// The verifier refused the code; it was never executable.
    #[error("the code was refused: {reason}")]
    Rejected {
        /// What the verifier said.
        reason: String,
    },
}

impl MemoryError {
    /// The error number that the system left.
    pub(super) fn errno(&self) -> Option<i32> {
        match self {
            Self::System { errno, .. } => Some(*errno),
            _ => None,
        }
    }

    /// Whether the verifier rejected the code.
    pub fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }

    /// Whether the system denies executable memory as such (a hardening policy), so that trying again is useless.
    pub fn is_execution_denied(&self) -> bool {
        matches!(self, Self::System { call: sys::MPROTECT, errno, .. } if [libc::EACCES, libc::EPERM].contains(errno))
    }
}
