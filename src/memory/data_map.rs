//! Regions of data: bytes of fresh memory or of a file, between guards, at any byte offset.
//!
//! A [`Region`] owns a reservation and puts one mapping over its inner pages; the bytes that it speaks of may start and
//! end inside a page. What a region may be used for follows from its [`Kind`]: who else can change its bytes, and
//! whether pages can vanish because a file became shorter. Files are mapped only if they are regular ones.

use super::copy::{Copied, copy_bytes};
use super::sys::Backing;
use super::{MemoryError, PageRange, Protection, Reservation, page_size, round_up};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

/// Why a region could not be had or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The system refused memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The system refused the file.
    #[error("{call} failed: {}", std::io::Error::from_raw_os_error(*errno))]
    File {
        /// What was asked for.
        call: &'static str,
        /// The error number that it left.
        errno: i32,
    },
    /// A directory, a pipe, a device: only regular files are mapped.
    #[error("not a regular file")]
    NotAFile,
    /// The elements would not be aligned.
    #[error("byte {offset} is no multiple of an element's {align} bytes")]
    Misaligned {
        /// Where the elements would start in the file.
        offset: u64,
        /// What that must be a multiple of.
        align: usize,
    },
    /// The bytes are no whole number of elements.
    #[error("{bytes} bytes are no whole number of elements of {size} bytes")]
    Ragged {
        /// How many bytes there are.
        bytes: u64,
        /// How many an element takes.
        size: usize,
    },
    /// The range is not inside the file or the region.
    #[error("{len} at {start} are not inside {available}")]
    OutOfRange {
        /// Where the range starts.
        start: u64,
        /// How long it is.
        len: u64,
        /// How long what it should lie in is.
        available: u64,
    },
    /// The file became shorter under the mapping: some of the bytes are gone.
    #[error("the mapped file became shorter")]
    PageLost,
}

/// What an operating system error becomes.
fn file_error(call: &'static str) -> impl Fn(std::io::Error) -> DataError {
    move |error| DataError::File { call, errno: error.raw_os_error().unwrap_or(0) }
}

/// Who else can change a region's bytes, and where they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Fresh memory, nobody else's.
    Private,
    /// Fresh memory that children made by `fork` share.
    Shared,
    /// A file, only to read.
    FileRead,
    /// A file, copied page by page as it is written; the file never changes.
    FilePrivate,
    /// A file, written back.
    FileShared,
}

/// How a region will be used, for the system to plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Nothing special.
    Normal,
    /// From the first byte to the last: read ahead, and forget what lies behind.
    Sequential,
    /// Here and there: do not read ahead.
    Random,
    /// Soon: start reading now.
    WillNeed,
    /// Not again soon: its memory may be given to others. A file's bytes are read again when they are needed.
    DoNotNeed,
    /// In large pages, where the system has them: fewer misses of the address cache.
    HugePages,
    /// In small pages: touching one byte does not take 2 MiB.
    SmallPages,
}

impl Advice {
    fn number(self) -> i32 {
        match self {
            Advice::Normal => libc::MADV_NORMAL,
            Advice::Sequential => libc::MADV_SEQUENTIAL,
            Advice::Random => libc::MADV_RANDOM,
            Advice::WillNeed => libc::MADV_WILLNEED,
            Advice::DoNotNeed => libc::MADV_DONTNEED,
            Advice::HugePages => libc::MADV_HUGEPAGE,
            Advice::SmallPages => libc::MADV_NOHUGEPAGE,
        }
    }
}

/// Bytes of a mapping of its own.
#[derive(Debug)]
pub(super) struct Region {
    reservation: Reservation,
    /// Whole pages that are mapped, from the reservation's first.
    mapped: PageRange,
    /// Where the bytes start in the first page.
    head: usize,
    len: usize,
    kind: Kind,
    writable: bool,
}

impl Region {
    /// `len` zero bytes of fresh memory, with room to grow up to `capacity`.
    pub(super) fn fresh(len: usize, capacity: usize, shared: bool) -> Result<Region, DataError> {
        let mut reservation = Reservation::new(capacity.max(len))?;
        let mapped = reservation.range(0, round_up(len, page_size())?)?;
        if shared {
            let backing = Backing { writable: true, shared: true, file: None };
            // SAFETY: the reservation is new: nothing uses it.
            unsafe { reservation.map_over(mapped, backing) }?;
        } else {
            reservation.commit(mapped)?;
        }
        let kind = if shared { Kind::Shared } else { Kind::Private };
        Ok(Region { reservation, mapped, head: 0, len, kind, writable: true })
    }

    /// `len` bytes of a file from a byte offset on, all that follow if not said.
    pub(super) fn of_file(file: &File, offset: u64, len: Option<u64>, kind: Kind) -> Result<Region, DataError> {
        let available = length_of(file)?;
        let rest = available.checked_sub(offset);
        let out = |len| DataError::OutOfRange { start: offset, len, available };
        let rest = rest.ok_or(out(len.unwrap_or(0)))?;
        let wanted = len.unwrap_or(rest);
        if wanted > rest {
            return Err(out(wanted));
        }
        let too_large = MemoryError::TooLarge { size: usize::MAX };
        let len = usize::try_from(wanted).map_err(|_| too_large.clone())?;
        let head = (offset % page_size() as u64) as usize;
        let start = i64::try_from(offset - head as u64).map_err(|_| too_large.clone())?;
        // An empty range maps nothing: the guards are there all the same.
        let pages = if len == 0 { 0 } else { round_up(head.checked_add(len).ok_or(too_large)?, page_size())? };
        let mut reservation = Reservation::new(pages)?;
        let mapped = reservation.range(0, pages)?;
        let backing = Backing {
            writable: kind != Kind::FileRead,
            shared: kind != Kind::FilePrivate,
            file: Some((file.as_raw_fd(), start)),
        };
        // SAFETY: the reservation is new: nothing uses it.
        unsafe { reservation.map_over(mapped, backing) }?;
        let head = if len == 0 { 0 } else { head };
        Ok(Region { reservation, mapped, head, len, kind, writable: kind != Kind::FileRead })
    }

    /// The first byte. With no bytes it is the end of a guard.
    pub(super) fn base(&self) -> *mut u8 {
        self.reservation.base().wrapping_add(self.head)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn capacity(&self) -> usize {
        self.reservation.len()
    }

    pub(super) fn guards(&self) -> [std::ops::Range<usize>; 2] {
        let end = self.reservation.base().addr() + self.mapped.len();
        let [before, behind] = self.reservation.guards();
        [before, end..behind.end]
    }

    /// Whether a file that becomes shorter takes pages away.
    pub(super) fn can_lose_pages(&self) -> bool {
        matches!(self.kind, Kind::FileRead | Kind::FilePrivate | Kind::FileShared) && self.len > 0
    }

    pub(super) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Changes the length of fresh private memory; new bytes are zero. The bytes do not move.
    pub(super) fn resize(&mut self, len: usize) -> Result<(), DataError> {
        let available = self.capacity();
        if len > available || self.kind != Kind::Private || !self.writable {
            return Err(DataError::OutOfRange { start: 0, len: len as u64, available: available as u64 });
        }
        let pages = round_up(len, page_size())?;
        let open = self.mapped.len();
        if pages > open {
            let more = self.reservation.range(open, pages - open)?;
            self.reservation.commit(more)?;
            self.mapped = self.reservation.range(0, pages)?;
        } else if pages < open {
            let fewer = self.reservation.range(pages, open - pages)?;
            // SAFETY: `&mut self` says that nobody uses these pages, and they are a part of no shorter region.
            unsafe { self.reservation.replace(fewer) }?;
            self.mapped = self.reservation.range(0, pages)?;
        }
        if len < self.len {
            let kept = self.len.min(pages);
            // What is left behind the end in the last page must be zero when the region grows again.
            // SAFETY: bytes of the region's own open pages, behind its new end.
            unsafe { self.base().add(len).write_bytes(0, kept.saturating_sub(len)) };
        }
        self.len = len;
        Ok(())
    }

    /// Takes the right to write away, for good.
    pub(super) fn make_read_only(&mut self) -> Result<(), DataError> {
        // SAFETY: `&mut self` says that nobody uses the bytes now, and later ones find `writable` false.
        unsafe { self.reservation.protect(self.mapped, Protection::Read) }?;
        self.writable = false;
        Ok(())
    }

    /// Passes on an advice about all pages that hold bytes of the region.
    pub(super) fn advise(&mut self, advice: Advice) -> Result<(), DataError> {
        // SAFETY: `&mut self`: nobody uses the bytes meanwhile. What fresh memory loses reads as zero.
        Ok(unsafe { self.reservation.advise(self.mapped, advice.number()) }?)
    }

    /// Brings all pages into memory now.
    pub(super) fn populate(&self) -> Result<(), DataError> {
        let advice = if self.writable && self.kind != Kind::FilePrivate {
            libc::MADV_POPULATE_WRITE
        } else {
            libc::MADV_POPULATE_READ
        };
        // SAFETY: no byte changes, and none is thrown away.
        match unsafe { self.reservation.advise(self.mapped, advice) } {
            Err(MemoryError::System { errno: libc::EFAULT, .. }) => Err(DataError::PageLost),
            other => Ok(other?),
        }
    }

    pub(super) fn lock(&self, keep: bool) -> Result<(), DataError> {
        Ok(self.reservation.lock(self.mapped, keep)?)
    }

    /// Writes changes back to the file, and waits for it. Nothing to do where there is no file.
    pub(super) fn flush(&self) -> Result<(), DataError> {
        match self.kind {
            Kind::FileShared => Ok(self.reservation.write_back(self.mapped)?),
            _ => Ok(()),
        }
    }

    /// Copies bytes out.
    ///
    /// # Safety
    /// `to` can take `len` bytes.
    pub(super) unsafe fn copy_out(&self, at: usize, to: *mut u8, len: usize) -> Result<(), DataError> {
        let from = self.inside(at, len)?;
        // SAFETY: both are ranges of `len` bytes, the caller's and ours (`inside`), and no two regions overlap.
        unsafe { self.copy(from, to, len) }
    }

    /// Copies bytes in.
    ///
    /// # Safety
    /// At `from` lie `len` bytes.
    pub(super) unsafe fn copy_in(&mut self, at: usize, from: *const u8, len: usize) -> Result<(), DataError> {
        let to = self.inside(at, len)?;
        debug_assert!(self.writable);
        // SAFETY: both are ranges of `len` bytes, the caller's and ours (`inside`), and no two regions overlap.
        unsafe { self.copy(from, to, len) }
    }

    fn inside(&self, at: usize, len: usize) -> Result<*mut u8, DataError> {
        let out = DataError::OutOfRange { start: at as u64, len: len as u64, available: self.len as u64 };
        at.checked_add(len).filter(|&end| end <= self.len).ok_or(out)?;
        Ok(self.base().wrapping_add(at))
    }

    /// # Safety
    /// Both are ranges of `len` bytes that do not overlap, the first to read, the second to write.
    unsafe fn copy(&self, from: *const u8, to: *mut u8, len: usize) -> Result<(), DataError> {
        if !self.can_lose_pages() {
            // SAFETY: the caller's promise; no page can vanish.
            unsafe { std::ptr::copy_nonoverlapping(from, to, len) };
            return Ok(());
        }
        // SAFETY: the caller's promise.
        match unsafe { copy_bytes(from, to, len) } {
            Copied::All => Ok(()),
            Copied::PageLost => Err(DataError::PageLost),
        }
    }
}

/// The length of a regular file.
pub(super) fn length_of(file: &File) -> Result<u64, DataError> {
    let metadata = file.metadata().map_err(file_error("fstat"))?;
    if metadata.is_file() { Ok(metadata.len()) } else { Err(DataError::NotAFile) }
}

/// Opens a file; one that is no regular file is refused without waiting for another end of it.
pub(super) fn open(path: &Path, writable: bool) -> Result<File, DataError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = File::options();
    options.read(true).write(writable).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY);
    let file = options.open(path).map_err(file_error("open"))?;
    length_of(&file)?;
    Ok(file)
}

/// Makes a file of `bytes` zero bytes whose room on the disk is there, so that no write finds the disk full.
pub(super) fn create(path: &Path, bytes: u64) -> Result<File, DataError> {
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false).open(path).map_err(file_error("open"))?;
    length_of(&file)?;
    file.set_len(0).and_then(|()| file.set_len(bytes)).map_err(file_error("ftruncate"))?;
    let len = i64::try_from(bytes).map_err(|_| MemoryError::TooLarge { size: usize::MAX })?;
    // SAFETY: takes a descriptor and numbers.
    if len > 0 && unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, len) } != 0 {
        let error = std::io::Error::last_os_error();
        // A file system that cannot promise room stores holes as others do.
        if error.raw_os_error() != Some(libc::EOPNOTSUPP) && error.raw_os_error() != Some(libc::ENOSYS) {
            return Err(file_error("fallocate")(error));
        }
    }
    Ok(file)
}

/// Reads bytes of a file to an address.
///
/// # Safety
/// `to` can take `len` bytes.
pub(super) unsafe fn read_at(file: &File, offset: u64, to: *mut u8, len: usize) -> Result<(), DataError> {
    use std::os::unix::fs::FileExt;
    if len == 0 {
        return Ok(());
    }
    // SAFETY: the caller's promise; the bytes are initialised: fresh memory is zero.
    let bytes = unsafe { std::slice::from_raw_parts_mut(to, len) };
    file.read_exact_at(bytes, offset).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => DataError::PageLost,
        _ => file_error("pread")(error),
    })
}
