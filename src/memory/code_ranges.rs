//! Where generated code may lie, for a handler of signals: readable at any time without a lock.
//!
//! Each reservation for code is listed for as long as it is mapped. The list has an end; what does not fit is not listed, and a fault there is nobody's.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Reservation;

/// How many reservations are listed at most.
const LISTED: usize = 1024;
/// The low bits of an entry hold the length, the others the start, both in units of 4 KiB: one word, so that a reader never sees half of a change.
const LEN_BITS: u32 = 24;
const UNIT: u32 = 12;

static RANGES: [AtomicU64; LISTED] = [const { AtomicU64::new(0) }; LISTED];
/// Entries from here on were never used.
static END: AtomicUsize = AtomicUsize::new(0);

/// A range in the list; taken off when it is dropped.
#[derive(Debug)]
struct Listed(Option<&'static AtomicU64>);

impl Listed {
    fn new(start: usize, len: usize) -> Listed {
        let (start, len) = (start as u64 >> UNIT, len as u64 >> UNIT);
        if len >> LEN_BITS != 0 || start >> (u64::BITS - LEN_BITS) != 0 {
            return Listed(None);
        }
        let entry = start << LEN_BITS | len;
        for (idx, slot) in RANGES.iter().enumerate() {
            if slot.compare_exchange(0, entry, Ordering::Release, Ordering::Relaxed).is_ok() {
                END.fetch_max(idx + 1, Ordering::Release);
                return Listed(Some(slot));
            }
        }
        Listed(None)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        if let Some(slot) = self.0 {
            slot.store(0, Ordering::Release);
        }
    }
}

/// Whether an address lies in a reservation for code. A handler may ask.
pub(crate) fn is_code(address: usize) -> bool {
    let used = END.load(Ordering::Acquire).min(LISTED);
    RANGES[..used].iter().any(|slot| {
        let entry = slot.load(Ordering::Acquire);
        let (start, len) = (entry >> LEN_BITS << UNIT, (entry & ((1 << LEN_BITS) - 1)) << UNIT);
        (address as u64).wrapping_sub(start) < len
    })
}

/// A reservation for code, which is listed.
#[derive(Debug)]
pub(super) struct CodeSpace {
    /// Dropped before the mapping goes.
    _listed: Listed,
    reservation: Reservation,
}

impl CodeSpace {
    pub(super) fn new(reservation: Reservation) -> CodeSpace {
        CodeSpace { _listed: Listed::new(reservation.base().addr(), reservation.len()), reservation }
    }
}

impl std::ops::Deref for CodeSpace {
    type Target = Reservation;

    fn deref(&self) -> &Reservation {
        &self.reservation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_code_while_its_reservation_is_there() {
        let spaces: Vec<_> = (1..5).map(|n| CodeSpace::new(Reservation::new(n << 20).unwrap())).collect();
        let ends = |space: &CodeSpace| (space.base().addr(), space.base().addr() + space.len());
        for space in &spaces {
            let (start, end) = ends(space);
            assert!(is_code(start) && is_code(end - 1) && !is_code(start - 1) && !is_code(end));
        }
        let (start, _) = ends(&spaces[0]);
        drop(spaces);
        assert!(!is_code(start) && !is_code(0));
    }

    #[test]
    fn what_does_not_fit_is_not_listed() {
        assert!(Listed::new(usize::MAX & !4095, 4096).0.is_none());
        assert!(Listed::new(1 << 30, 1 << 40).0.is_none());
        let all: Vec<Listed> = (0..LISTED + 1).map(|idx| Listed::new((1 << 46) + (idx << 13), 4096)).collect();
        assert!(all.last().is_some_and(|last| last.0.is_none()));
        assert!(is_code(1 << 46) && !is_code((1 << 46) + 4096));
        drop(all);
        assert!(!is_code(1 << 46));
    }
}
