//! The calls of the system that manage memory, each wrapped once.
//!
//! Only `reservation.rs` calls those that change mappings, with ranges that it has checked (M1). In builds with debug assertions each call
//! passes a fail point first and reports to an observer afterwards, so that tests can make the k-th call fail and look
//! at the process between any two of them.

#[cfg(target_os = "linux")]
use std::fs::File;
#[cfg(target_os = "linux")]
use std::io::Write;
#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd};
#[cfg(target_os = "linux")]
use std::os::unix::fs::FileExt;
use std::ptr;

use super::{MemoryError, Protection};

pub(super) const MMAP: &str = "mmap";
pub(super) const MPROTECT: &str = "mprotect";
pub(super) const MADVISE: &str = "madvise";
const MSYNC: &str = "msync";
const MLOCK: &str = "mlock";

const RESERVE_FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

/// `PROT_BTI` of AArch64: indirect branches may only go to landing pads.
const PROT_BTI: i32 = 0x10;

/// `MFD_EXEC`: the file may be executed, as where the administrator's default is that it may not.
#[cfg(target_os = "linux")]
const MFD_EXEC: libc::c_uint = 0x10;

fn last_error(call: &'static str, size: usize) -> MemoryError {
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    MemoryError::System { call, size, errno }
}

/// Maps `len` bytes of address space without access, wherever the system likes.
pub(super) fn reserve(len: usize) -> Result<*mut u8, MemoryError> {
    gate(MMAP, len)?;
    // SAFETY: without MAP_FIXED this only adds a mapping where there was none.
    let base = unsafe { libc::mmap(ptr::null_mut(), len, libc::PROT_NONE, RESERVE_FLAGS, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(last_error(MMAP, len));
    }
    report(MMAP, base.cast(), len, libc::PROT_NONE);
    #[cfg(debug_assertions)]
    failpoint::reserved(len, true);
    Ok(base.cast())
}

/// Replaces a range by a fresh mapping without access: its bytes are gone and its memory is given back.
///
/// # Safety
/// The range must be whole pages of one mapping that the caller owns, and nothing may use what it held.
pub(super) unsafe fn replace(base: *mut u8, len: usize) -> Result<(), MemoryError> {
    gate(MMAP, len)?;
    // SAFETY: MAP_FIXED is over the caller's own mapping (M1).
    let at = unsafe { libc::mmap(base.cast(), len, libc::PROT_NONE, RESERVE_FLAGS | libc::MAP_FIXED, -1, 0) };
    if at == libc::MAP_FAILED {
        return Err(last_error(MMAP, len));
    }
    report(MMAP, base, len, libc::PROT_NONE);
    Ok(())
}

fn bits(protection: Protection) -> i32 {
    match protection {
        Protection::None => libc::PROT_NONE,
        Protection::Read => libc::PROT_READ,
        Protection::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        Protection::ReadExecute => libc::PROT_READ | libc::PROT_EXEC,
        Protection::ReadExecuteLandingPads => libc::PROT_READ | libc::PROT_EXEC | PROT_BTI,
    }
}

/// Puts the first bytes of a file over a range, with an access that is not to write.
///
/// # Safety
/// The range must be whole pages of one mapping that the caller owns; what is used of them must be the same in the file, which nobody can change.
#[cfg(target_os = "linux")]
pub(super) unsafe fn map_sealed(
    base: *mut u8,
    len: usize,
    file: BorrowedFd<'_>,
    protection: Protection,
) -> Result<(), MemoryError> {
    let bits = bits(protection);
    gate(MMAP, len)?;
    // Shared, the kernel itself refuses to make the pages writable later. Kernels before 6.7 refuse a shared mapping of what is sealed.
    for sharing in [libc::MAP_SHARED, libc::MAP_PRIVATE] {
        // SAFETY: MAP_FIXED is over the caller's own mapping (M1).
        let at = unsafe { libc::mmap(base.cast(), len, bits, sharing | libc::MAP_FIXED, file.as_raw_fd(), 0) };
        if at != libc::MAP_FAILED {
            report(MMAP, base, len, bits);
            return Ok(());
        }
        if last_error(MMAP, len).errno() != Some(libc::EPERM) {
            break;
        }
    }
    Err(last_error(MMAP, len))
}

/// A file without a name that lives in memory, to be written, sealed, and mapped executable.
#[cfg(target_os = "linux")]
pub(super) fn memory_file(len: usize) -> Result<File, MemoryError> {
    const CALL: &str = "memfd_create";
    gate(CALL, len)?;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: reads the limit into a local.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) } == 0;
    // Writing past it would end the process by a signal.
    if !known || limit.rlim_cur < len as libc::rlim_t {
        return Err(MemoryError::System { call: CALL, size: len, errno: libc::EFBIG });
    }
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // Kernels before 6.3 do not know the flag, and do not need it.
    for flags in [flags | MFD_EXEC, flags] {
        // SAFETY: passes a name and takes a descriptor.
        let fd = unsafe { libc::memfd_create(c"cresset-code".as_ptr(), flags) };
        if fd >= 0 {
            // SAFETY: the kernel gave this descriptor to us alone.
            return Ok(unsafe { File::from_raw_fd(fd) });
        }
        if last_error(CALL, len).errno() != Some(libc::EINVAL) {
            break;
        }
    }
    Err(last_error(CALL, len))
}

/// Writes bytes to the start of a fresh file.
#[cfg(target_os = "linux")]
pub(super) fn fill_file(file: &mut File, bytes: &[u8]) -> Result<(), MemoryError> {
    const CALL: &str = "write";
    gate(CALL, bytes.len())?;
    file.write_all(bytes).map_err(|error| MemoryError::System {
        call: CALL,
        size: bytes.len(),
        errno: error.raw_os_error().unwrap_or(libc::EIO),
    })
}

/// Reads bytes of a file.
#[cfg(target_os = "linux")]
pub(super) fn read_file(file: &File, bytes: &mut [u8], offset: usize) -> Result<(), MemoryError> {
    const CALL: &str = "pread";
    let size = bytes.len();
    gate(CALL, size)?;
    let failed = |error: std::io::Error| MemoryError::System {
        call: CALL,
        size,
        errno: error.raw_os_error().unwrap_or(libc::EIO),
    };
    file.read_exact_at(bytes, offset as u64).map_err(failed)
}

/// Lets nobody change a file any more, whoever has it open.
#[cfg(target_os = "linux")]
pub(super) fn seal_file(file: &File, len: usize) -> Result<(), MemoryError> {
    const CALL: &str = "fcntl";
    gate(CALL, len)?;
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: passes numbers. A seal against writing is refused while a writable mapping exists.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } != 0 {
        return Err(last_error(CALL, len));
    }
    Ok(())
}

/// Changes the protection of a range.
///
/// # Safety
/// The range must be whole pages of one mapping that the caller owns, and no live reference may need the access that
/// it loses.
pub(super) unsafe fn protect(base: *mut u8, len: usize, protection: Protection) -> Result<(), MemoryError> {
    let bits = bits(protection);
    gate(MPROTECT, len)?;
    #[cfg(debug_assertions)]
    if bits & libc::PROT_EXEC != 0 && failpoint::denies_execution() {
        return Err(MemoryError::System { call: MPROTECT, size: len, errno: libc::EACCES });
    }
    // SAFETY: the range is the caller's own (M1).
    if unsafe { libc::mprotect(base.cast(), len, bits) } != 0 {
        return Err(last_error(MPROTECT, len));
    }
    report(MPROTECT, base, len, bits);
    Ok(())
}

/// Gives the memory of a range back; the bytes read as zero afterwards and the protection stays.
///
/// # Safety
/// The range must be whole pages of one private anonymous mapping that the caller owns, and nothing may use what it
/// held.
pub(super) unsafe fn discard(base: *mut u8, len: usize) -> Result<(), MemoryError> {
    gate(MADVISE, len)?;
    // SAFETY: the range is the caller's own (M1) and its content is not needed.
    if unsafe { libc::madvise(base.cast(), len, libc::MADV_DONTNEED) } != 0 {
        return Err(last_error(MADVISE, len));
    }
    Ok(())
}

/// Asks for small pages, so that touching one byte does not cost a huge page. A hint: refusal changes nothing.
pub(super) fn prefer_small_pages(base: *mut u8, len: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the advice changes neither content nor access.
    let _ = unsafe { libc::madvise(base.cast(), len, libc::MADV_NOHUGEPAGE) };
    #[cfg(not(target_os = "linux"))]
    let _ = (base, len);
}

/// Asks for the memory behind pages that will be written soon, at once instead of by a fault each. A hint.
///
/// # Safety
/// The range must be whole pages of one writable mapping that the caller owns.
pub(super) unsafe fn populate(base: *mut u8, len: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the advice writes no bytes: it only makes zero pages exist. Older kernels refuse it.
    let _ = unsafe { libc::madvise(base.cast(), len, libc::MADV_POPULATE_WRITE) };
    #[cfg(not(target_os = "linux"))]
    let _ = (base, len);
}

/// Unmaps a range.
///
/// # Safety
/// The range must be one whole mapping that the caller owns, and nothing may use it.
pub(super) unsafe fn unmap(base: *mut u8, len: usize) {
    // SAFETY: the range is the caller's own (M1) and unused.
    if unsafe { libc::munmap(base.cast(), len) } == 0 {
        #[cfg(debug_assertions)]
        failpoint::reserved(len, false);
        return;
    }
    // At the limit of mappings even unmapping may fail, where the kernel merged a neighbour into ours. The address
    // space is lost then; the memory behind it need not be.
    // SAFETY: as above.
    let _ = unsafe { libc::madvise(base.cast(), len, libc::MADV_DONTNEED) };
}

/// What a data region puts over reserved pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backing {
    /// Whether it may be written.
    pub(super) writable: bool,
    /// Whether writes are seen by the file and by other processes.
    pub(super) shared: bool,
    /// A file descriptor and the offset in its file, a multiple of the page size; or none for fresh memory.
    pub(super) file: Option<(i32, i64)>,
}

/// Puts a mapping of a file, or of memory, over reserved pages.
///
/// # Safety
/// The range must be whole pages of one mapping that the caller owns, and nothing may use what it held.
pub(super) unsafe fn map_over(base: *mut u8, len: usize, backing: Backing) -> Result<(), MemoryError> {
    let access = libc::PROT_READ | if backing.writable { libc::PROT_WRITE } else { 0 };
    let sharing = if backing.shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
    let (source, fd, offset) = match backing.file {
        Some((fd, offset)) => (0, fd, offset),
        None => (libc::MAP_ANONYMOUS, -1, 0),
    };
    let flags = sharing | source | libc::MAP_FIXED | libc::MAP_NORESERVE;
    gate(MMAP, len)?;
    // SAFETY: MAP_FIXED is over the caller's own mapping (M1).
    let at = unsafe { libc::mmap(base.cast(), len, access, flags, fd, offset) };
    if at == libc::MAP_FAILED {
        return Err(last_error(MMAP, len));
    }
    report(MMAP, base, len, access);
    Ok(())
}

/// Passes on an advice about a range, and says what became of it.
///
/// # Safety
/// The range must be whole pages of one mapping that the caller owns; where the advice throws content away, nothing may use it.
pub(super) unsafe fn advise(base: *mut u8, len: usize, advice: i32) -> Result<(), MemoryError> {
    gate(MADVISE, len)?;
    // SAFETY: the range is the caller's own (M1).
    if unsafe { libc::madvise(base.cast(), len, advice) } != 0 {
        return Err(last_error(MADVISE, len));
    }
    Ok(())
}

/// Writes what was changed in a shared mapping back to its file, and waits for it.
///
/// # Safety
/// The range must be whole pages of one mapping that the caller owns.
pub(super) unsafe fn write_back(base: *mut u8, len: usize) -> Result<(), MemoryError> {
    gate(MSYNC, len)?;
    // SAFETY: the range is the caller's own (M1); no byte of it changes.
    if unsafe { libc::msync(base.cast(), len, libc::MS_SYNC) } != 0 {
        return Err(last_error(MSYNC, len));
    }
    Ok(())
}

/// Keeps a range in memory, or lets it go again.
///
/// # Safety
/// The range must be whole pages of one mapping that the caller owns.
pub(super) unsafe fn lock(base: *mut u8, len: usize, keep: bool) -> Result<(), MemoryError> {
    gate(MLOCK, len)?;
    // SAFETY: the range is the caller's own (M1); no byte of it changes.
    let refused = unsafe { if keep { libc::mlock(base.cast(), len) } else { libc::munlock(base.cast(), len) } } != 0;
    if refused { Err(last_error(MLOCK, len)) } else { Ok(()) }
}

fn gate(call: &'static str, size: usize) -> Result<(), MemoryError> {
    #[cfg(debug_assertions)]
    if failpoint::fires() {
        return Err(MemoryError::System { call, size, errno: libc::ENOMEM });
    }
    let _ = (call, size);
    Ok(())
}

fn report(call: &'static str, base: *mut u8, len: usize, bits: i32) {
    #[cfg(debug_assertions)]
    failpoint::observed(failpoint::Event { call, addr: base.addr(), len, bits });
    let _ = (call, base, len, bits);
}

/// Makes calls of the system fail, and watches them. For tests; each thread has its own.
#[cfg(debug_assertions)]
#[doc(hidden)]
#[allow(missing_docs, reason = "not part of the interface")]
pub mod failpoint {
    use std::cell::{Cell, RefCell};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A call that succeeded: its name, its range and the protection bits that the range has now.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Event {
        pub call: &'static str,
        pub addr: usize,
        pub len: usize,
        pub bits: i32,
    }

    type Observer = Box<dyn FnMut(Event)>;

    static LIVE: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

    /// How many reservations the process has, and of how many bytes.
    pub fn live() -> (usize, usize) {
        (LIVE[0].load(Ordering::Relaxed), LIVE[1].load(Ordering::Relaxed))
    }

    pub(super) fn reserved(len: usize, more: bool) {
        for (count, amount) in LIVE.iter().zip([1, len]) {
            let _ = if more {
                count.fetch_add(amount, Ordering::Relaxed)
            } else {
                count.fetch_sub(amount, Ordering::Relaxed)
            };
        }
    }

    thread_local! {
        static CALLS: Cell<u64> = const { Cell::new(0) };
        static FAILING: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
        static OBSERVER: RefCell<Option<Observer>> = const { RefCell::new(None) };
        static DENIED: Cell<bool> = const { Cell::new(false) };
    }

    /// Lets this thread make no memory executable that it wrote, as a policy of the system would.
    pub fn deny_execution(denied: bool) {
        DENIED.set(denied);
    }

    pub(super) fn denies_execution() -> bool {
        DENIED.get()
    }

    /// Counts this thread's calls from zero and makes `count` of them fail, from the `first` (one is the first) on.
    pub fn fail(first: u64, count: u64) {
        CALLS.set(0);
        FAILING.set((first, first.saturating_add(count)));
    }

    /// Lets every call through again, and says how many there were since `fail`.
    pub fn disarm() -> u64 {
        FAILING.set((0, 0));
        CALLS.get()
    }

    /// Calls `observer` after each call of this thread that succeeded, until it is replaced by `None`.
    pub fn observe(observer: Option<Observer>) {
        OBSERVER.set(observer);
    }

    pub(super) fn fires() -> bool {
        let call = CALLS.get() + 1;
        CALLS.set(call);
        let (first, end) = FAILING.get();
        first <= call && call < end
    }

    pub(super) fn observed(event: Event) {
        // Taken out while it runs, so that an observer that maps memory itself is not entered again.
        // A thread that is ending may have lost its observer already.
        if let Ok(Some(mut observer)) = OBSERVER.try_with(RefCell::take) {
            observer(event);
            OBSERVER.set(Some(observer));
        }
    }
}
