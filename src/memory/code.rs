//! The code arena: where machine code is written, checked, published and freed.
//!
//! Code takes one way (M2, M3): [`CodeArena::writable`] gives pages that can be written; [`WritableCode::seal`] makes
//! them read-only, has them verified in place, and makes the code executable. When an [`ExecutableCode`] is dropped, a
//! fresh mapping without access takes the place of its pages before any other code may have them.
//!
//! Where the system lets no page that was written become executable, a sealed copy of the verified pages takes their place (`sealed`).

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

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

/// How finished code becomes executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Publication {
    /// Its pages are made read-only, verified, and made executable.
    Protection,
    /// The system lets no page that was written become executable: a sealed copy of the verified pages takes their place.
    SealedFile,
    /// Not at all: it is refused either way, or there is no memory for it.
    None,
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

    /// How code becomes executable in this process, found by publishing a page of traps.
    pub fn publication(&self) -> Publication {
        let published = self.writable(1, 0).and_then(|code| publish(code.slot, std::iter::once(0..1), |_, _| Ok(())));
        published.map_or(Publication::None, |(_, publication)| publication)
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
        let (code, pool) = (0..self.slot.code_len, 0..self.slot.pool_len);
        let mut verify = Some(verify);
        let once = |code: &[u8], address: usize| verify.take().map_or(Ok(()), |verify| verify(code, address));
        let (slot, _) = publish(self.slot, std::iter::once(code.clone()), once)?;
        let pages = Arc::new(Pages { slot, users: Box::default() });
        Ok(ExecutableCode::new(pages, code, pool))
    }

    /// Publishes the code of several programs that share these pages: each part by itself passes `verify`, and what lies between them is traps.
    ///
    /// The parts of code follow each other without overlap and none is empty. A page is given back when all parts in it were dropped.
    pub fn seal_parts(
        self,
        parts: &[CodePart],
        verify: impl FnMut(&[u8], usize) -> Result<(), String>,
    ) -> Result<Vec<ExecutableCode>, MemoryError> {
        let (code_len, pool_len) = (self.slot.code_len, self.slot.pool_len);
        let mut end = 0;
        for CodePart { code, pool } in parts {
            let is_right = end <= code.start && code.start < code.end && code.end <= code_len;
            if !is_right || pool.start > pool.end || pool.end > pool_len {
                return Err(MemoryError::OutOfRange { offset: code.start, len: code.len(), available: code_len });
            }
            end = code.end;
        }
        let mut sealed = Vec::new();
        sealed.try_reserve_exact(parts.len()).map_err(|_| MemoryError::TooLarge { size: parts.len() })?;
        let (mut slot, _) = publish(self.slot, parts.iter().map(|part| part.code.clone()), verify)?;
        let users = match slot.units() {
            Some((unit, count)) => count_users(parts, unit, count),
            None => Box::default(),
        };
        // A unit that no part is in would never be given back.
        if !users.is_empty() && users.iter().all(|users| users.load(Ordering::Relaxed) > 0) {
            slot.release_by_unit();
        }
        let pages = Arc::new(Pages { slot, users });
        sealed
            .extend(parts.iter().map(|part| ExecutableCode::new(pages.clone(), part.code.clone(), part.pool.clone())));
        Ok(sealed)
    }
}

/// One program's share of pages that several have in common: ranges of bytes in the code and in the constants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodePart {
    /// Its code.
    pub code: Range<usize>,
    /// Its constants.
    pub pool: Range<usize>,
}

/// In how many parts each unit lies.
fn count_users(parts: &[CodePart], unit: usize, count: u32) -> Box<[AtomicU32]> {
    let mut users = vec![0_u32; count as usize];
    for unit in parts.iter().flat_map(|part| units_of(&part.code, unit).chain(units_of(&part.pool, unit))) {
        if let Some(users) = users.get_mut(unit) {
            *users += 1;
        }
    }
    users.into_iter().map(AtomicU32::new).collect()
}

/// The units that bytes lie in.
fn units_of(bytes: &Range<usize>, unit: usize) -> Range<usize> {
    if bytes.is_empty() { 0..0 } else { bytes.start / unit..(bytes.end - 1) / unit + 1 }
}

/// Read-only, verified part by part, then executable. The only way.
fn publish(
    slot: Slot,
    parts: impl Iterator<Item = Range<usize>>,
    mut verify: impl FnMut(&[u8], usize) -> Result<(), String>,
) -> Result<(Slot, Publication), MemoryError> {
    slot.protect(slot.code_extent, Protection::Read)?;
    slot.protect(slot.pool_extent, Protection::Read)?;

    let base = slot.address(slot.code);
    // SAFETY: the pages are readable, and since the writer was consumed nobody can write them (M3).
    let pages = unsafe { std::slice::from_raw_parts(base, slot.code.len()) };
    let traps = |range: Range<usize>| {
        let start = range.start;
        let is_right = pages.get(range).is_some_and(|bytes| cache::is_all_traps(bytes, start));
        is_right
            .then_some(())
            .ok_or_else(|| MemoryError::Rejected { reason: "bytes behind the code are not traps".into() })
    };
    let mut end = 0;
    for part in parts {
        traps(end..part.start)?;
        let code = pages.get(part.clone()).unwrap_or_default();
        verify(code, base.addr() + part.start).map_err(|reason| MemoryError::Rejected { reason })?;
        end = part.end;
    }
    traps(end..pages.len())?;

    let publication = match slot.protect(slot.code, slot.code_protection()) {
        Ok(()) => Publication::Protection,
        Err(denial) if denial.is_execution_denied() => publish_sealed(&slot, pages, denial)?,
        Err(error) => return Err(error),
    };
    cache::publish(pages);
    Ok((slot, publication))
}

#[cfg(target_os = "linux")]
fn publish_sealed(slot: &Slot, pages: &[u8], denial: MemoryError) -> Result<Publication, MemoryError> {
    match super::sealed::publish(slot, pages) {
        Ok(()) => Ok(Publication::SealedFile),
        // Want of memory is an error like any other. Whatever else stands against files leaves the denial as it was.
        Err(error) if error.errno() == Some(libc::ENOMEM) => Err(error),
        Err(_) => Err(denial),
    }
}

#[cfg(not(target_os = "linux"))]
fn publish_sealed(_: &Slot, _: &[u8], denial: MemoryError) -> Result<Publication, MemoryError> {
    Err(denial)
}

fn copy_into(pages: &mut [u8], offset: usize, bytes: &[u8]) -> Result<(), MemoryError> {
    let available = pages.len();
    let error = MemoryError::OutOfRange { offset, len: bytes.len(), available };
    let target = offset.checked_add(bytes.len()).and_then(|end| pages.get_mut(offset..end)).ok_or(error)?;
    target.copy_from_slice(bytes);
    Ok(())
}

/// Published pages, shared by the parts in them.
#[derive(Debug)]
struct Pages {
    slot: Slot,
    /// How many parts are in each unit; none where one owner has them all.
    users: Box<[AtomicU32]>,
}

/// Code that was verified and can run. It can never be written again, and is freed when this is dropped: its pages, when all that is in them was.
///
/// Whoever jumps to it must keep this alive until the code has returned.
#[derive(Debug)]
pub struct ExecutableCode {
    pages: Arc<Pages>,
    /// The address of its first byte.
    base: usize,
    code: Range<usize>,
    pool: Range<usize>,
}

impl ExecutableCode {
    fn new(pages: Arc<Pages>, code: Range<usize>, pool: Range<usize>) -> ExecutableCode {
        let base = pages.slot.address(pages.slot.code).addr() + code.start;
        ExecutableCode { pages, base, code, pool }
    }

    /// The address of the first byte of code.
    pub fn base(&self) -> usize {
        self.base
    }

    /// The code.
    pub fn code(&self) -> &[u8] {
        let slot = &self.pages.slot;
        let start = slot.address(slot.code).wrapping_add(self.code.start);
        // SAFETY: the range was checked when the pages were published; they are readable and immutable until this part is dropped, which the borrow
        // forbids.
        unsafe { std::slice::from_raw_parts(start, self.code.len()) }
    }

    /// The address of the first constant.
    pub fn pool_base(&self) -> usize {
        let slot = &self.pages.slot;
        slot.address(slot.pool).addr() + self.pool.start
    }

    /// The constants.
    pub fn pool(&self) -> &[u8] {
        let slot = &self.pages.slot;
        let start = slot.address(slot.pool).wrapping_add(self.pool.start);
        // SAFETY: as for the code. A pool of no bytes gives a slice of no bytes.
        unsafe { std::slice::from_raw_parts(start, self.pool.len()) }
    }

    /// Whether `address` is in the code.
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base()) < self.code.len()
    }
}

impl Drop for ExecutableCode {
    fn drop(&mut self) {
        let Some((unit, _)) = self.pages.slot.units().filter(|_| !self.pages.users.is_empty()) else { return };
        for unit in units_of(&self.code, unit).chain(units_of(&self.pool, unit)) {
            let Some(users) = self.pages.users.get(unit) else { continue };
            // Whoever is last sees the others' uses finished.
            if users.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.pages.slot.release_unit(unit as u32);
            }
        }
    }
}
