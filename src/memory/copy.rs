//! Copying to and from mapped files whose pages may vanish, without a signal.
//!
//! A plain read of a page that a file no longer has is a SIGBUS. The system copies for us instead and says that it
//! could not: `process_vm_readv` on this process, or where that is not there, a pipe.

/// What became of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    /// All was copied.
    All,
    /// A page of either side is gone; some bytes before it may have been copied.
    PageLost,
}

/// Bytes that a pipe takes at once in any case.
const PIPE: usize = 4096;

/// Copies `len` bytes.
///
/// # Safety
/// Both are ranges of `len` bytes that the caller may read and write and that do not overlap; pages of either may be missing.
pub(super) unsafe fn copy_bytes(from: *const u8, to: *mut u8, len: usize) -> Copied {
    // SAFETY: the caller's promise.
    match unsafe { by_call(from, to, len) } {
        Some(copied) => copied,
        // SAFETY: the caller's promise.
        None => unsafe { by_pipe(from, to, len) },
    }
}

/// `None` where the system has no such call, or forbids it.
///
/// # Safety
/// As for [`copy_bytes`].
unsafe fn by_call(from: *const u8, to: *mut u8, len: usize) -> Option<Copied> {
    let mut done = 0;
    while done < len {
        let remote = libc::iovec { iov_base: from.wrapping_add(done).cast_mut().cast(), iov_len: len - done };
        let local = libc::iovec { iov_base: to.wrapping_add(done).cast(), iov_len: len - done };
        // SAFETY: both vectors describe the caller's ranges; the process is this one.
        let copied = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
        match copied {
            1.. => done += copied as usize,
            _ => {
                return match std::io::Error::last_os_error().raw_os_error() {
                    Some(libc::EINTR) => continue,
                    Some(libc::EFAULT) => Some(Copied::PageLost),
                    _ => None,
                };
            }
        }
    }
    Some(Copied::All)
}

/// # Safety
/// As for [`copy_bytes`].
unsafe fn by_pipe(from: *const u8, to: *mut u8, len: usize) -> Copied {
    let mut ends = [0; 2];
    // SAFETY: gives two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        // Without a descriptor nobody can tell whether the pages are there.
        return Copied::PageLost;
    }
    let [read_end, write_end] = ends;
    let mut done = 0;
    while done < len {
        let part = PIPE.min(len - done);
        // SAFETY: the system reads the caller's range and says EFAULT where a page is missing.
        let written = unsafe { libc::write(write_end, from.wrapping_add(done).cast(), part) };
        if written <= 0 {
            break;
        }
        // SAFETY: the system writes the caller's range, of which so many bytes are left.
        let read = unsafe { libc::read(read_end, to.wrapping_add(done).cast(), written as usize) };
        if read != written {
            break;
        }
        done += written as usize;
    }
    // SAFETY: both were opened above.
    unsafe {
        libc::close(read_end);
        libc::close(write_end);
    }
    if done == len { Copied::All } else { Copied::PageLost }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_copy_and_say_what_is_missing() {
        let from: Vec<u8> = (0..20_000_u32).map(|i| i as u8).collect();
        for copy in [by_pipe as unsafe fn(_, _, _) -> _, copy_bytes] {
            let mut to = vec![0_u8; from.len()];
            // SAFETY: two vectors of the same length.
            assert_eq!(unsafe { copy(from.as_ptr(), to.as_mut_ptr(), to.len()) }, Copied::All);
            assert_eq!(from, to);
            // SAFETY: no byte of the first page of the address space can be read: this is what the functions are for.
            let lost = unsafe { copy(std::ptr::without_provenance(64), to.as_mut_ptr(), 8) };
            assert_eq!(lost, Copied::PageLost);
        }
    }
}
