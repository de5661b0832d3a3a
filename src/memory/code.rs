//! The code arena: where machine code is written, checked, published and freed.
//!
//! Code takes one way (M2, M3): [`CodeArena::writable`] gives pages that can be written; [`WritableCode::seal`] makes
//! them read-only, has them verified in place, and makes the code executable. When an [`ExecutableCode`] is dropped, a
//! fresh mapping without access takes the place of its pages before any other code may have them.

use std::collections::TryReserveError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::slots::{CLUSTER, Cluster, HALF};
use super::{MemoryError, PageRange, Protection, Reservation, cache, page_size, round_up};

/// How many boundaries between taken and free pages may arise before freed pages stay mapped until a neighbour is
/// freed too. Each costs at most two mappings, and Linux allows a process 65530 by default.
const MAX_EDGES: i64 = 8 << 10;

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
    /// Bytes of code and constants, in whole pages.
    pub used_bytes: usize,
    /// Bytes of address space that are reserved for code of usual size, guards not counted.
    pub reserved_bytes: usize,
}

/// Address space for code, shared by its clones and by all code in it.
#[derive(Debug, Clone)]
pub struct CodeArena {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: CodeArenaConfig,
    /// The bytes of one unit of a cluster.
    unit: usize,
    code_protection: Protection,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    regions: Vec<Option<Region>>,
    used_bytes: usize,
    edges: i64,
}

#[derive(Debug)]
struct Region {
    reservation: Arc<Reservation>,
    clusters: Vec<Cluster>,
    taken_units: usize,
}

/// Where the pages of a slot are accounted.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In a cluster of a region.
    Shared { region: usize, cluster: usize, start: u32, units: u32 },
    /// In a reservation of its own, as it is too large for a cluster.
    Own { bytes: usize },
}

/// Pages of the arena that have one owner (M4).
#[derive(Debug)]
struct Slot {
    shared: Arc<Shared>,
    reservation: Arc<Reservation>,
    place: Place,
    code: PageRange,
    pool: PageRange,
    /// From the first page of constants to the end of the slot, so that neighbours have equal protection.
    pool_extent: PageRange,
    code_len: usize,
    pool_len: usize,
}

/// The bytes between the first byte of code and the first byte of its constants.
///
/// It depends on the lengths alone, so that code can be finished before it has an address.
pub fn pool_distance(code_len: usize, pool_len: usize) -> Result<usize, MemoryError> {
    // Large pages are rounded to even where pages are small, so that the same code comes out everywhere.
    const LARGE_PAGE: usize = 64 << 10;
    let unit = unit_size();
    if fits_a_cluster(round_up(code_len, unit)?, round_up(pool_len, unit)?) {
        Ok(HALF)
    } else {
        round_up(code_len.max(1), unit.max(LARGE_PAGE))
    }
}

fn fits_a_cluster(code_pages: usize, pool_pages: usize) -> bool {
    code_pages <= HALF && pool_pages <= HALF && unit_size() <= HALF
}

fn unit_size() -> usize {
    page_size().max(HALF / 128)
}

fn no_room(error: TryReserveError) -> MemoryError {
    let _ = error;
    MemoryError::System { call: "malloc", size: size_of::<Cluster>(), errno: libc::ENOMEM }
}

impl CodeArena {
    /// Makes an arena. Nothing is mapped before code is written.
    pub fn new(config: CodeArenaConfig) -> Self {
        let checks_landings = config.landing_pads && cache::has_landing_pads();
        let code_protection =
            if checks_landings { Protection::ReadExecuteLandingPads } else { Protection::ReadExecute };
        let shared = Shared { config, unit: unit_size(), code_protection, book: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Gives pages for `code_len` bytes of code and `pool_len` bytes of constants, to be written.
    ///
    /// The code is all trap instructions until something else is written; the constants are zero.
    pub fn writable(&self, code_len: usize, pool_len: usize) -> Result<WritableCode, MemoryError> {
        let slot = self.shared.clone().take(code_len, pool_len)?;
        // From here on the slot's drop undoes whatever a failed step leaves.
        slot.protect(slot.code, Protection::ReadWrite)?;
        slot.protect(slot.pool, Protection::ReadWrite)?;
        let mut code = WritableCode { slot };
        cache::fill_with_traps(code.code_pages_mut());
        Ok(code)
    }

    /// What the arena holds at the moment.
    pub fn stats(&self) -> ArenaStats {
        let book = self.shared.book();
        let reserved_bytes = book.regions.iter().flatten().map(|region| region.reservation.len()).sum();
        ArenaStats { used_bytes: book.used_bytes, reserved_bytes }
    }
}

impl Default for CodeArena {
    fn default() -> Self {
        Self::new(CodeArenaConfig::default())
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing under the lock panics half way, so the book is right even then.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: Arc<Self>, code_len: usize, pool_len: usize) -> Result<Slot, MemoryError> {
        let code_pages = round_up(code_len.max(1), self.unit)?;
        let pool_pages = round_up(pool_len, self.unit)?;
        let distance = pool_distance(code_len, pool_len)?;
        let too_large = MemoryError::TooLarge { size: code_len.max(pool_len) };
        let bytes = code_pages.checked_add(pool_pages).ok_or(too_large.clone())?;
        let own_bytes = distance.checked_add(pool_pages).ok_or(too_large)?;

        let (place, reservation, offset) = {
            let mut book = self.book();
            self.check_limit(&mut book, bytes)?;
            let taken = if fits_a_cluster(code_pages, pool_pages) {
                self.take_in_cluster(&mut book, code_pages, pool_pages)?
            } else {
                (Place::Own { bytes }, Arc::new(Reservation::new(own_bytes)?), 0)
            };
            book.used_bytes += bytes;
            taken
        };
        let pool_extent = match place {
            Place::Shared { units, .. } => units as usize * self.unit,
            Place::Own { .. } => pool_pages,
        };
        // These lie inside the reservation by construction, so that no error here can lose the slot.
        let code = reservation.range(offset, code_pages)?;
        let pool = reservation.range(offset + distance, pool_pages)?;
        let pool_extent = reservation.range(offset + distance, pool_extent)?;
        Ok(Slot { shared: self, reservation, place, code, pool, pool_extent, code_len, pool_len })
    }

    fn check_limit(&self, book: &mut Book, bytes: usize) -> Result<(), MemoryError> {
        let limit = self.config.max_bytes;
        let fits = |book: &Book| book.used_bytes.checked_add(bytes).is_some_and(|total| total <= limit);
        if !fits(book) {
            self.reclaim(book);
        }
        if fits(book) {
            return Ok(());
        }
        Err(MemoryError::Limit { requested: bytes, used: book.used_bytes, limit })
    }

    fn take_in_cluster(
        &self,
        book: &mut Book,
        code_pages: usize,
        pool_pages: usize,
    ) -> Result<(Place, Arc<Reservation>, usize), MemoryError> {
        // At most 128 units are in a cluster, and the lengths fit one.
        let [units, code, pool] = [code_pages.max(pool_pages), code_pages, pool_pages].map(|n| (n / self.unit) as u32);
        if let Some(taken) = self.find(book, units, code, pool) {
            return Ok(taken);
        }
        self.reclaim(book);
        if let Some(taken) = self.find(book, units, code, pool) {
            return Ok(taken);
        }
        self.add_region(book)?;
        // A fresh cluster has room for every slot that fits one.
        self.find(book, units, code, pool).ok_or(MemoryError::TooLarge { size: code_pages })
    }

    fn find(&self, book: &mut Book, units: u32, code: u32, pool: u32) -> Option<(Place, Arc<Reservation>, usize)> {
        for (region_idx, region) in book.regions.iter_mut().enumerate() {
            let Some(region) = region else { continue };
            for (cluster_idx, cluster) in region.clusters.iter_mut().enumerate() {
                let edges = cluster.edges();
                let Some(start) = cluster.take((HALF / self.unit) as u32, units, code, pool) else { continue };
                book.edges += i64::from(cluster.edges()) - i64::from(edges);
                region.taken_units += units as usize;
                let place = Place::Shared { region: region_idx, cluster: cluster_idx, start, units };
                let offset = cluster_idx * CLUSTER + start as usize * self.unit;
                return Some((place, region.reservation.clone(), offset));
            }
        }
        None
    }

    fn add_region(&self, book: &mut Book) -> Result<(), MemoryError> {
        let vacant = book.regions.iter().position(Option::is_none);
        if vacant.is_none() {
            book.regions.try_reserve(1).map_err(no_room)?;
        }
        let wanted = round_up(self.config.reservation, CLUSTER)?;
        let reservation = Arc::new(Reservation::new_up_to(wanted, CLUSTER)?);
        let mut clusters = Vec::new();
        let count = reservation.len() / CLUSTER;
        clusters.try_reserve_exact(count).map_err(no_room)?;
        clusters.resize_with(count, Cluster::default);
        let region = Region { reservation, clusters, taken_units: 0 };
        match vacant {
            Some(idx) => book.regions[idx] = Some(region),
            None => book.regions.push(Some(region)),
        }
        Ok(())
    }

    /// Takes back pages whose slot nobody owns any more.
    fn release(&self, place: Place) {
        let mut book = self.book();
        match place {
            Place::Own { bytes } => book.used_bytes -= bytes,
            Place::Shared { region, cluster, start, units } => {
                if let Some(region) = &mut book.regions[region] {
                    region.clusters[cluster].bury(start, units);
                }
                self.give_back(&mut book, region, cluster, start, MAX_EDGES);
                drop_empty_regions(&mut book);
            }
        }
    }

    /// Puts a fresh mapping over the dead units around `unit` and frees them.
    ///
    /// Where the system refuses, or the hole would cost too many mappings, they stay dead: out of use, still counted,
    /// and tried again when a neighbour dies or when room is needed.
    fn give_back(&self, book: &mut Book, region_idx: usize, cluster_idx: usize, unit: u32, max_edges: i64) {
        let Some(region) = &mut book.regions[region_idx] else { return };
        let cluster = &mut region.clusters[cluster_idx];
        let (start, len) = cluster.dead_run(unit);
        let change = cluster.edges_if_freed(start, len);
        if change > 0 && book.edges + change > max_edges {
            return;
        }
        let offset = cluster_idx * CLUSTER + start as usize * self.unit;
        for half in [offset, offset + HALF] {
            let Ok(range) = region.reservation.range(half, len as usize * self.unit) else { return };
            // SAFETY: the units are dead: their owners, who alone could reach them (M4), are gone.
            if unsafe { region.reservation.replace(range) }.is_err() {
                return;
            }
        }
        let held = cluster.free(start, len);
        region.taken_units -= len as usize;
        book.used_bytes -= held as usize * self.unit;
        book.edges += change;
    }

    /// Tries again to give back whatever is dead.
    fn reclaim(&self, book: &mut Book) {
        for region_idx in 0..book.regions.len() {
            let clusters = book.regions[region_idx].as_ref().map_or(0, |region| region.clusters.len());
            for cluster_idx in 0..clusters {
                let mut from = 0;
                while let Some(region) = &book.regions[region_idx]
                    && let Some(unit) = region.clusters[cluster_idx].next_dead(from)
                {
                    let (start, len) = region.clusters[cluster_idx].dead_run(unit);
                    self.give_back(book, region_idx, cluster_idx, unit, 2 * MAX_EDGES);
                    from = start + len;
                }
            }
        }
    }
}

/// Unmaps regions that hold nothing, but one, so that compiling and dropping in turn does not map and unmap.
fn drop_empty_regions(book: &mut Book) {
    let mut spare = false;
    for slot in &mut book.regions {
        if slot.as_ref().is_some_and(|region| region.taken_units == 0) {
            if spare {
                *slot = None;
            }
            spare = true;
        }
    }
}

impl Slot {
    fn protect(&self, range: PageRange, protection: Protection) -> Result<(), MemoryError> {
        // SAFETY: the pages belong to this slot alone (M4). Its owner changes them only on the way that the types
        // allow (M2): a slice that needs the old access borrows the owner, which `seal` consumes.
        unsafe { self.reservation.protect(range, protection) }
    }

    fn address(&self, range: PageRange) -> *mut u8 {
        self.reservation.base().wrapping_add(range.offset())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.release(self.place);
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
        slot.protect(slot.code, Protection::Read)?;
        slot.protect(slot.pool_extent, Protection::Read)?;

        let base = slot.address(slot.code);
        // SAFETY: the pages are readable, and since this function consumed the writer nobody can write them (M3).
        let pages = unsafe { std::slice::from_raw_parts(base, slot.code.len()) };
        let (code, tail) = pages.split_at(slot.code_len);
        if !cache::is_all_traps(tail, slot.code_len) {
            return Err(MemoryError::Rejected { reason: "bytes behind the code are not traps".into() });
        }
        verify(code, base.addr()).map_err(|reason| MemoryError::Rejected { reason })?;

        slot.protect(slot.code, slot.shared.code_protection)?;
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
