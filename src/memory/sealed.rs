//! Publishing through a sealed file, where memory that was written may not become executable.
//!
//! A process can be forbidden to add the right to execute to its pages (`PR_SET_MDWE`, SELinux's `execmem`, a filter), and yet map files executable.
//! So the verified bytes are copied into a file without a name that lives in memory, the file is sealed against every change, what it holds is compared
//! with the verified pages, and then it takes their place: bytes that nobody can write any more, by no descriptor and no mapping.
//! Each publication takes a mapping of its own, as the kernel merges no two files; a batch takes one.

use super::slots::Slot;
use super::{MemoryError, sys};

/// Makes the read-only pages of a slot's code executable by a sealed copy of them.
pub(super) fn publish(slot: &Slot, pages: &[u8]) -> Result<(), MemoryError> {
    let mut file = sys::memory_file(pages.len())?;
    sys::fill_file(&mut file, pages)?;
    sys::seal_file(&file, pages.len())?;
    let mut copy = [0; 4096];
    for (idx, page) in pages.chunks(copy.len()).enumerate() {
        let copy = &mut copy[..page.len()];
        sys::read_file(&file, copy, idx * 4096)?;
        if copy != page {
            return Err(MemoryError::Rejected { reason: "the sealed copy is not what was verified".into() });
        }
    }
    // SAFETY: the sealed file holds the bytes of the pages, as was just seen, and nobody can change them any more.
    unsafe { slot.map_sealed(&file, slot.code_protection()) }
}
