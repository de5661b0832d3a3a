//! The code arena: where machine code is written, checked, published and freed.
//!
//! Code takes one way (M2, M3): [`CodeArena::writable`] gives pages that can be written; [`WritableCode::seal`] makes
//! them read-only, has them verified in place, and makes the code executable. When an [`ExecutableCode`] is dropped, a
//! fresh mapping without access takes the place of its pages before any other code may have them.

use std::sync::Arc;

use super::slots::{Shared, Slot};
use super::{MemoryError, Protection, cache};

/// How a code arena is laid out and what it may take.
#[derive(Debug, Clone)]
pub struct CodeArenaConfig {
    /// How many bytes of code and constants may live at once, in whole pages.
    pub max_bytes: usize,
    /// How many bytes of address space to reserve at a time.
    pub reservation: usize,
    /// Whether indirect branches into the code must meet a landing pad, where the machine can check that.
    pub landing_pads: bool,
}

impl Default for CodeArenaConfig {
    fn default() -> Self {
        Self { max_bytes: 1 << 30, reservation: 64 << 20, landing_pads: true }
    }
}

/// What a code arena holds at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArenaStats {
    /// Bytes of code and constants that somebody holds, in whole pages.
    pub used_bytes: usize,
    /// Bytes of code and constants that nobody holds any more and that wait to be given back.
    pub dead_bytes: usize,
    /// Bytes of address space that are reserved for code of usual size, guards not counted.
    pub reserved_bytes: usize,
}

/// Address space for code, shared by its clones and by all code in it.
#[derive(Debug, Clone)]
pub struct CodeArena {
    shared: Arc<Shared>,
}

impl CodeArena {
    /// Makes an arena. Nothing is mapped before code is written.
    pub fn new(config: CodeArenaConfig) -> Self {
        Self { shared: Arc::new(Shared::new(config)) }
    }

    /// Gives pages for `code_len` bytes of code and `pool_len` bytes of constants, to be written.
    ///
    /// The code is all trap instructions until something else is written; the constants are zero.
    pub fn writable(&self, code_len: usize, pool_len: usize) -> Result<WritableCode, MemoryError> {
        let slot = self.shared.clone().take(code_len, pool_len)?;
        // From here on the slot's drop undoes whatever a failed step leaves.
        slot.open()?;
        let mut code = WritableCode { slot };
        cache::fill_with_traps(code.code_pages_mut());
        Ok(code)
    }

    /// Gives back the pages of code that was dropped. A few may wait for this, so that freeing is done in batches.
    pub fn trim(&self) {
        self.shared.trim();
    }

    /// What the arena holds at the moment.
    pub fn stats(&self) -> ArenaStats {
        self.shared.stats()
    }
}

impl Default for CodeArena {
    fn default() -> Self {
        Self::new(CodeArenaConfig::default())
    }
}

/// Code that is being written: it can be changed and cannot run.
#[derive(Debug)]
pub struct WritableCode {
    slot: Slot,
}

impl WritableCode {
    /// The address that the first byte of code will have.
    pub fn base(&self) -> usize {
        self.slot.address(self.slot.code).addr()
    }

    /// The address of the first byte of constants, [`pool_distance`] after the base.
    pub fn pool_base(&self) -> usize {
        self.slot.address(self.slot.pool).addr()
    }

    /// Copies code to the start of the code pages.
    pub fn write_code(&mut self, code: &[u8]) -> Result<(), MemoryError> {
        self.write_code_at(0, code)
    }

    /// Copies code to `offset` bytes after the start of the code pages.
    pub fn write_code_at(&mut self, offset: usize, code: &[u8]) -> Result<(), MemoryError> {
        let available = self.slot.code_len;
        copy_into(&mut self.code_pages_mut()[..available], offset, code)
    }

    /// Copies constants to the start of the pool.
    pub fn write_pool(&mut self, pool: &[u8]) -> Result<(), MemoryError> {
        self.write_pool_at(0, pool)
    }

    /// Copies constants to `offset` bytes after the start of the pool.
    pub fn write_pool_at(&mut self, offset: usize, pool: &[u8]) -> Result<(), MemoryError> {
        let (base, len) = (self.slot.address(self.slot.pool), self.slot.pool_len);
        // SAFETY: these bytes were made readable and writable, and `&mut self` is the only way to them (M4). A pool
        // of no bytes gives a slice of no bytes.
        let pages = unsafe { std::slice::from_raw_parts_mut(base, len) };
        copy_into(pages, offset, pool)
    }

    fn code_pages_mut(&mut self) -> &mut [u8] {
        let (base, len) = (self.slot.address(self.slot.code), self.slot.code.len());
        // SAFETY: these pages were made readable and writable, and `&mut self` is the only way to them (M4).
        unsafe { std::slice::from_raw_parts_mut(base, len) }
    }

    /// Publishes the code if `verify` agrees to its bytes, which are immutable by then; it is given their address too.
    ///
    /// The bytes from the end of the code to the end of its last page are checked here: they are all traps.
    /// On any failure the pages are freed and have never been executable.
    pub fn seal(self, verify: impl FnOnce(&[u8], usize) -> Result<(), String>) -> Result<ExecutableCode, MemoryError> {
        let slot = self.slot;
        slot.protect(slot.code_extent, Protection::Read)?;
        slot.protect(slot.pool_extent, Protection::Read)?;

        let base = slot.address(slot.code);
        // SAFETY: the pages are readable, and since this function consumed the writer nobody can write them (M3).
        let pages = unsafe { std::slice::from_raw_parts(base, slot.code.len()) };
        let (code, tail) = pages.split_at(slot.code_len);
        if !cache::is_all_traps(tail, slot.code_len) {
            return Err(MemoryError::Rejected { reason: "bytes behind the code are not traps".into() });
        }
        verify(code, base.addr()).map_err(|reason| MemoryError::Rejected { reason })?;

        slot.protect(slot.code, slot.code_protection())?;
        cache::publish(pages);
        Ok(ExecutableCode { slot })
    }
}

fn copy_into(pages: &mut [u8], offset: usize, bytes: &[u8]) -> Result<(), MemoryError> {
    let available = pages.len();
    let error = MemoryError::OutOfRange { offset, len: bytes.len(), available };
    let target = offset.checked_add(bytes.len()).and_then(|end| pages.get_mut(offset..end)).ok_or(error)?;
    target.copy_from_slice(bytes);
    Ok(())
}

/// Code that was verified and can run. It can never be written again, and is freed when this is dropped.
///
/// Whoever jumps to it must keep this alive until the code has returned.
#[derive(Debug)]
pub struct ExecutableCode {
    slot: Slot,
}

impl ExecutableCode {
    /// The address of the first byte of code.
    pub fn base(&self) -> usize {
        self.slot.address(self.slot.code).addr()
    }

    /// The code.
    pub fn code(&self) -> &[u8] {
        // SAFETY: the pages are readable and immutable until the slot is dropped, which the borrow forbids.
        unsafe { std::slice::from_raw_parts(self.slot.address(self.slot.code), self.slot.code_len) }
    }

    /// The address of the first constant.
    pub fn pool_base(&self) -> usize {
        self.slot.address(self.slot.pool).addr()
    }

    /// The constants.
    pub fn pool(&self) -> &[u8] {
        // SAFETY: the pages are readable and immutable until the slot is dropped, which the borrow forbids.
        unsafe { std::slice::from_raw_parts(self.slot.address(self.slot.pool), self.slot.pool_len) }
    }

    /// Whether `address` is in the code.
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base()) < self.slot.code_len
    }
}
