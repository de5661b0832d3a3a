//! Address space with a guard at both ends.
//!
//! A reservation is one mapping without access. Its inner range can be opened page by page; the guards cannot, since
//! no [`PageRange`] can name them (M1).

use super::sys;
use super::{MemoryError, page_size, round_up};
use crate::walls::{Wall, stands};

/// The least size of each guard in bytes. It covers the largest fixed displacement of an access and its width.
pub const GUARD_SIZE: usize = 64 << 10;

/// What may be done with a page. There is no value for writable and executable (M2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Read and write.
    ReadWrite,
    /// Read and execute.
    ReadExecute,
    /// Read and execute, where an indirect branch must meet a landing pad (AArch64).
    ReadExecuteLandingPads,
}

/// Whole pages inside a reservation; made by [`Reservation::range`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRange {
    offset: usize,
    len: usize,
}

impl PageRange {
    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the range has no pages.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the range starts, in bytes from the inner base.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// One mapping: guard, inner range, guard.
#[derive(Debug)]
pub struct Reservation {
    mapping: *mut u8,
    guard: usize,
    inner: usize,
}

// SAFETY: the pointer is the address of a mapping that this value alone owns; no method hands out references to it.
unsafe impl Send for Reservation {}
// SAFETY: through `&self` only addresses can be had; what changes pages is unsafe or takes `&mut self`.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves `inner` bytes, rounded up to pages, between two guards.
    pub fn new(inner: usize) -> Result<Self, MemoryError> {
        let page = page_size();
        let guard = round_up(GUARD_SIZE, page)?;
        let rounded = round_up(inner, page)?;
        let total = guard.checked_mul(2).and_then(|guards| guards.checked_add(rounded));
        let total = total.filter(|&total| total <= isize::MAX as usize).ok_or(MemoryError::TooLarge { size: inner })?;
        let mapping = sys::reserve(total)?;
        let reservation = Self { mapping, guard, inner: rounded };
        if !stands(Wall::Guards) {
            for guard in reservation.guards() {
                // SAFETY: the guards are in the mapping just made, which nobody uses yet.
                let end = unsafe { sys::protect(mapping.with_addr(guard.start), guard.len(), Protection::ReadWrite) };
                end?;
            }
        }
        Ok(reservation)
    }

    /// Reserves `preferred` bytes, or the largest halving of it that can be had and is at least `least`.
    ///
    /// Address space may be limited (`RLIMIT_AS`), and an address that is only reserved is not worth a failure.
    pub fn new_up_to(preferred: usize, least: usize) -> Result<Self, MemoryError> {
        let mut size = preferred.max(least);
        loop {
            match Self::new(size) {
                Err(_) if size / 2 >= least.max(page_size()) => size /= 2,
                result => return result,
            }
        }
    }

    /// The first byte of the inner range.
    pub fn base(&self) -> *mut u8 {
        self.mapping.wrapping_add(self.guard)
    }

    /// The length of the inner range in bytes.
    pub fn len(&self) -> usize {
        self.inner
    }

    /// Whether the inner range has no bytes. The guards are there even then.
    pub fn is_empty(&self) -> bool {
        self.inner == 0
    }

    /// The addresses of the guards before and behind the inner range.
    pub fn guards(&self) -> [std::ops::Range<usize>; 2] {
        let start = self.mapping.addr();
        let end = self.base().addr() + self.inner;
        [start..self.base().addr(), end..end + self.guard]
    }

    /// How many bytes of address space this takes, guards and all.
    pub fn total_len(&self) -> usize {
        self.inner + 2 * self.guard
    }

    /// Names whole pages of the inner range.
    pub fn range(&self, offset: usize, len: usize) -> Result<PageRange, MemoryError> {
        let mask = page_size() - 1;
        let inside = offset.checked_add(len).is_some_and(|end| end <= self.inner);
        if !inside || (offset | len) & mask != 0 {
            return Err(MemoryError::OutOfRange { offset, len, available: self.inner });
        }
        Ok(PageRange { offset, len })
    }

    fn at(&self, range: PageRange) -> Result<*mut u8, MemoryError> {
        // The range may come from another reservation; it must hold for this one.
        let range = self.range(range.offset, range.len)?;
        Ok(self.base().wrapping_add(range.offset))
    }

    /// Makes pages readable and writable.
    pub fn commit(&mut self, range: PageRange) -> Result<(), MemoryError> {
        // SAFETY: no access is lost that a reference could need: `&mut self` says that none is used now.
        unsafe { self.protect(range, Protection::ReadWrite) }
    }

    /// Changes the protection of pages.
    ///
    /// # Safety
    /// The caller must own these pages of the reservation, and no live reference or running code may need the access
    /// that they lose.
    pub(super) unsafe fn protect(&self, range: PageRange, protection: Protection) -> Result<(), MemoryError> {
        let base = self.at(range)?;
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: `at` checked that the range is inside our mapping (M1); the rest is the caller's promise.
        unsafe { sys::protect(base, range.len, protection) }
    }

    /// Puts a fresh mapping without access over pages: their bytes are gone.
    ///
    /// # Safety
    /// The caller must own these pages of the reservation, and no live reference or running code may use them.
    pub(super) unsafe fn replace(&self, range: PageRange) -> Result<(), MemoryError> {
        let base = self.at(range)?;
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: `at` checked that the range is inside our mapping (M1); the rest is the caller's promise.
        unsafe { sys::replace(base, range.len) }
    }

    /// Gives the memory of pages back; they read as zero afterwards and keep their protection.
    pub fn discard(&mut self, range: PageRange) -> Result<(), MemoryError> {
        let base = self.at(range)?;
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: `at` checked that the range is inside our mapping (M1), and `&mut self` says that it is unused.
        unsafe { sys::discard(base, range.len) }
    }

    /// Puts a mapping of a file, or of memory, over pages.
    ///
    /// # Safety
    /// No live reference or running code may use these pages.
    pub(super) unsafe fn map_over(&mut self, range: PageRange, backing: sys::Backing) -> Result<(), MemoryError> {
        let base = self.at(range)?;
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: `at` checked that the range is inside our mapping (M1), and the caller says that it is unused.
        unsafe { sys::map_over(base, range.len, backing) }
    }

    /// Puts the first bytes of a sealed file over pages, with an access that is not to write.
    ///
    /// # Safety
    /// The caller must own these pages of the reservation, and what is used of them must be the same in the file.
    #[cfg(target_os = "linux")]
    pub(super) unsafe fn map_sealed(
        &self,
        range: PageRange,
        file: std::os::fd::BorrowedFd<'_>,
        protection: Protection,
    ) -> Result<(), MemoryError> {
        let base = self.at(range)?;
        // SAFETY: `at` checked that the range is inside our mapping (M1); the rest is the caller's promise.
        unsafe { sys::map_sealed(base, range.len, file, protection) }
    }

    /// Passes on an advice about pages.
    ///
    /// # Safety
    /// Where the advice throws content away, no live reference or running code may use these pages.
    pub(super) unsafe fn advise(&self, range: PageRange, advice: i32) -> Result<(), MemoryError> {
        let base = self.at(range)?;
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: `at` checked that the range is inside our mapping (M1); the rest is the caller's promise.
        unsafe { sys::advise(base, range.len, advice) }
    }

    /// Writes changed pages back to their file.
    pub(super) fn write_back(&self, range: PageRange) -> Result<(), MemoryError> {
        let base = self.at(range)?;
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: `at` checked that the range is inside our mapping (M1).
        unsafe { sys::write_back(base, range.len) }
    }

    /// Keeps pages in memory, or lets them go again.
    pub(super) fn lock(&self, range: PageRange, keep: bool) -> Result<(), MemoryError> {
        let base = self.at(range)?;
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: `at` checked that the range is inside our mapping (M1).
        unsafe { sys::lock(base, range.len, keep) }
    }

    /// Asks for the memory behind pages that can be written and soon will be.
    pub(super) fn populate(&self, range: PageRange) {
        if let Ok(base) = self.at(range)
            && !range.is_empty()
        {
            // SAFETY: `at` checked that the range is inside our mapping (M1).
            unsafe { sys::populate(base, range.len) };
        }
    }

    /// Asks the system to back the inner range with small pages.
    pub(super) fn prefer_small_pages(&self) {
        if self.inner != 0 {
            sys::prefer_small_pages(self.base(), self.inner);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours (M1), and whoever used it holds us alive or borrows us.
        unsafe { sys::unmap(self.mapping, self.total_len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pages_of_the_inner_range_can_be_named() {
        let page = page_size();
        let reservation = Reservation::new(2 * page + 1).unwrap();
        assert_eq!(reservation.len(), 3 * page);
        assert!(reservation.range(0, 3 * page).is_ok());
        assert!(reservation.range(3 * page, 0).is_ok());
        for (offset, len) in [(0, 4 * page), (3 * page, page), (1, page), (0, 1), (usize::MAX & !(page - 1), 2 * page)]
        {
            let error = MemoryError::OutOfRange { offset, len, available: 3 * page };
            assert_eq!(reservation.range(offset, len), Err(error));
        }
    }

    #[test]
    fn a_range_of_another_reservation_is_refused() {
        let page = page_size();
        let large = Reservation::new(8 * page).unwrap();
        let mut small = Reservation::new(page).unwrap();
        let range = large.range(4 * page, page).unwrap();
        assert!(matches!(small.commit(range), Err(MemoryError::OutOfRange { .. })));
    }

    #[test]
    fn sizes_past_the_address_space_are_errors() {
        for size in [usize::MAX, isize::MAX as usize, usize::MAX - GUARD_SIZE] {
            assert_eq!(Reservation::new(size).err(), Some(MemoryError::TooLarge { size }));
        }
        let refused = Reservation::new(1 << 62).err();
        assert!(matches!(refused, Some(MemoryError::System { call: "mmap", errno: libc::ENOMEM, .. })), "{refused:?}");
        assert!(Reservation::new_up_to(1 << 60, 1 << 60).is_err());
        // An emulator keeps a record of every page that is reserved.
        #[cfg(target_arch = "x86_64")]
        assert!(Reservation::new_up_to(1 << 62, 1 << 20).unwrap().len() >= 1 << 20);
    }
}
