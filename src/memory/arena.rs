//! The bytes of a program's arrays.
//!
//! One reservation as large as the limit (64 GiB at most), made at the first allocation and opened as it fills:
//! arrays never move. The accounting is the language's: each array takes its bytes rounded up to 64, and the limit is exact.

use super::{MemoryError, Reservation, page_size, round_up, sys};

/// What an array's length in bytes is rounded up to, and what its first byte is aligned to.
const GRAIN: usize = 64;
/// What is opened at first, and at least.
const FIRST_STEP: usize = 64 << 10;
/// What is opened at once at most, beyond what is needed.
const LARGEST_STEP: usize = 4 << 20;
/// What is reserved at most, whatever the limit: arrays of one program cannot take more.
const LARGEST_RESERVATION: usize = 64 << 30;
/// What stays in memory between runs in any case.
const RESIDENT: usize = 1 << 20;

/// A height of the arena; what was allocated above it can be released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

/// Memory that a program allocates arrays from.
#[derive(Debug)]
pub struct Arena {
    limit: usize,
    reservation: Option<Reservation>,
    /// Bytes that can be read and written, whole pages.
    committed: usize,
    /// Bytes in use.
    used: usize,
    /// The most that was in use since the last reset.
    high: usize,
    /// The same in the run before.
    previous_high: usize,
    /// Bytes from here on have not been handed out since they were fresh, so they are zero.
    dirty: usize,
}

impl Arena {
    /// Makes an arena of at most `limit` bytes. Nothing is mapped before the first allocation.
    pub fn new(limit: usize) -> Self {
        Self { limit, reservation: None, committed: 0, used: 0, high: 0, previous_high: 0, dirty: 0 }
    }

    /// Gives `len` bytes, aligned to 64, of any content: the caller overwrites all of them.
    ///
    /// They stay at this address until they are released. No bytes cost nothing; their address must not be used.
    pub fn alloc(&mut self, len: usize) -> Result<*mut u8, MemoryError> {
        let (start, _) = self.bump(len)?;
        Ok(self.address(start))
    }

    /// Gives `len` bytes, aligned to 64, all zero.
    pub fn alloc_zeroed(&mut self, len: usize) -> Result<*mut u8, MemoryError> {
        let dirty = self.dirty;
        let (start, end) = self.bump(len)?;
        let address = self.address(start);
        let stale = end.min(dirty).saturating_sub(start);
        if stale > 0 {
            // SAFETY: `bump` opened these bytes (`start + stale <= end <= committed`), and they are not in use.
            unsafe { address.write_bytes(0, stale) };
        }
        Ok(address)
    }

    fn bump(&mut self, len: usize) -> Result<(usize, usize), MemoryError> {
        let (used, limit) = (self.used, self.limit);
        let requested = round_up(len, GRAIN)?;
        let fits = |limit: usize| used.checked_add(requested).filter(|&end| end <= limit);
        let end = fits(limit).ok_or(MemoryError::Limit { requested, used, limit })?;
        if end > self.committed {
            self.grow(end)?;
        }
        self.used = end;
        self.high = self.high.max(end);
        self.dirty = self.dirty.max(end);
        Ok((used, end))
    }

    /// Opens pages up to `end` at least.
    fn grow(&mut self, end: usize) -> Result<(), MemoryError> {
        let page = page_size();
        if self.reservation.is_none() {
            // A limit that the address space cannot hold is no reason to refuse a small array.
            self.reservation = Some(Reservation::new_up_to(round_up(self.limit, page)?.min(LARGEST_RESERVATION), end)?);
        }
        let Some(reservation) = &mut self.reservation else { return Ok(()) };
        let ahead = self.committed.clamp(FIRST_STEP, LARGEST_STEP);
        let wanted = round_up(end.max(self.committed.saturating_add(ahead)), page)?.min(reservation.len());
        if wanted < end {
            // Less than the limit was reserved, and it is used up.
            return Err(MemoryError::System { call: sys::MMAP, size: end, errno: libc::ENOMEM });
        }
        let range = reservation.range(self.committed, wanted - self.committed)?;
        reservation.commit(range)?;
        self.committed = wanted;
        Ok(())
    }

    fn address(&self, offset: usize) -> *mut u8 {
        match &self.reservation {
            Some(reservation) => reservation.base().wrapping_add(offset),
            None => std::ptr::without_provenance_mut(GRAIN),
        }
    }

    /// The height now.
    pub fn mark(&self) -> Mark {
        Mark(self.used)
    }

    /// Releases what was allocated since the mark. A mark above the height changes nothing.
    pub fn release(&mut self, mark: Mark) {
        self.used = self.used.min(mark.0);
    }

    /// Releases what lies above `used` bytes, as generated code does by setting its own copy of the height back. More than is used changes nothing.
    #[inline]
    pub fn release_to(&mut self, used: usize) {
        self.used = self.used.min(used);
    }

    /// Bytes in use, as the language counts them.
    #[inline]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Bytes that may be in use.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The most bytes that were in use since the last reset.
    pub fn high_water(&self) -> usize {
        self.high
    }

    /// The addresses of the guards before and behind, once something was allocated.
    pub fn guards(&self) -> Option<[std::ops::Range<usize>; 2]> {
        self.reservation.as_ref().map(Reservation::guards)
    }

    /// Releases everything, and gives memory back that two runs in a row did not both need.
    #[inline]
    pub fn reset(&mut self) {
        // Most calls make no array.
        if self.reservation.is_some() {
            self.reset_what_is_there();
        }
    }

    #[inline(never)]
    fn reset_what_is_there(&mut self) {
        let keep = self.high.min(self.previous_high).max(RESIDENT);
        self.previous_high = self.high;
        self.used = 0;
        self.high = 0;
        self.trim(keep);
    }

    /// Gives the memory behind the first `keep` bytes back. They stay allocated; if in use they are kept.
    fn trim(&mut self, keep: usize) {
        let Ok(keep) = round_up(keep.max(self.used), page_size()) else { return };
        let Some(reservation) = &mut self.reservation else { return };
        let Ok(touched) = round_up(self.dirty, page_size()) else { return };
        let Ok(range) = reservation.range(keep, touched.saturating_sub(keep)) else { return };
        if !range.is_empty() && reservation.discard(range).is_ok() {
            // Only now do these bytes read as zero.
            self.dirty = keep;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_exact_in_grains_of_64() {
        let mut arena = Arena::new(1000);
        assert!(arena.alloc(900).is_ok());
        assert_eq!(arena.used(), 960);
        assert_eq!(arena.alloc(1), Err(MemoryError::Limit { requested: 64, used: 960, limit: 1000 }));
        assert!(arena.alloc(0).is_ok());
        assert_eq!((arena.used(), arena.high_water()), (960, 960));

        let mut arena = Arena::new(1024);
        for _ in 0..16 {
            assert!(is_aligned(arena.alloc(1).unwrap()));
        }
        assert_eq!(arena.used(), 1024);
        assert!(arena.alloc(1).is_err());
        assert_eq!(arena.alloc(usize::MAX), Err(MemoryError::TooLarge { size: usize::MAX }));
    }

    fn is_aligned(array: *mut u8) -> bool {
        array.addr().is_multiple_of(GRAIN)
    }

    #[test]
    fn nothing_is_mapped_for_no_bytes() {
        let mut arena = Arena::new(0);
        assert!(is_aligned(arena.alloc(0).unwrap()));
        assert_eq!(arena.guards(), None);
        assert!(arena.alloc(1).is_err());
        assert_eq!(arena.guards(), None);
    }

    #[test]
    fn arrays_do_not_move_and_stay_writable_as_the_arena_grows() {
        let mut arena = Arena::new(64 << 20);
        let mut arrays = Vec::new();
        for step in 0..200_usize {
            let len = (step * step * 37) % 200_000 + 1;
            let array = arena.alloc(len).unwrap();
            // SAFETY: the arena gave these bytes to this test.
            unsafe { array.write_bytes(step as u8, len) };
            arrays.push((array, len, step as u8));
        }
        for (array, len, value) in arrays {
            // SAFETY: written above, and nothing was released.
            let bytes = unsafe { std::slice::from_raw_parts(array, len) };
            assert!(bytes.iter().all(|&byte| byte == value));
        }
    }

    #[test]
    fn reused_bytes_are_zeroed_on_demand() {
        let mut arena = Arena::new(8 << 20);
        let mark = arena.mark();
        let array = arena.alloc(5000).unwrap();
        // SAFETY: the arena gave these bytes to this test.
        unsafe { array.write_bytes(0xAB, 5000) };
        arena.release(mark);
        assert_eq!(arena.used(), 0);
        let again = arena.alloc_zeroed(4 << 20).unwrap();
        assert_eq!(again, array);
        // SAFETY: the arena gave these bytes to this test.
        assert!(unsafe { std::slice::from_raw_parts(again, 4 << 20) }.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn a_reset_gives_back_what_only_one_run_needed() {
        let mut arena = Arena::new(64 << 20);
        let array = arena.alloc(32 << 20).unwrap();
        // SAFETY: the arena gave these bytes to this test.
        unsafe { array.write_bytes(1, 32 << 20) };
        arena.reset();
        assert_eq!((arena.used(), arena.high_water(), arena.dirty), (0, 0, RESIDENT));
        let array = arena.alloc_zeroed(32 << 20).unwrap();
        // SAFETY: the arena gave these bytes to this test.
        assert!(unsafe { std::slice::from_raw_parts(array, 32 << 20) }.iter().all(|&byte| byte == 0));
        arena.reset();
        assert_eq!(arena.dirty, 32 << 20, "two runs in a row needed it");
    }

    #[test]
    fn a_mark_above_the_height_releases_nothing() {
        let mut arena = Arena::new(4096);
        let _ = arena.alloc(128).unwrap();
        let high = arena.mark();
        arena.reset();
        let _ = arena.alloc(64).unwrap();
        arena.release(high);
        assert_eq!(arena.used(), 64);
    }

    #[test]
    fn a_limit_past_the_address_space_still_gives_small_arrays() {
        let mut arena = Arena::new(isize::MAX as usize);
        let array = arena.alloc_zeroed(1 << 20).unwrap();
        // SAFETY: the arena gave these bytes to this test.
        assert_eq!(unsafe { array.add((1 << 20) - 1).read() }, 0);
        assert!(arena.alloc(1 << 60).is_err());
        assert_eq!(arena.used(), 1 << 20);
    }
}
