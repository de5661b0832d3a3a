//! The book of the code arena: who has which pages, and what is opened and given back when.
//!
//! Asking the system is what publishing costs most, so both ends are done in batches of neighbouring pages: a *window*
//! of free pages is made writable at once, and pages whose owner is gone (*dead*) are replaced together. Dead pages
//! are never handed out before a fresh mapping took their place (M2).

use std::collections::TryReserveError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cluster::{CLUSTER, Cluster, HALF};
use super::code_ranges::CodeSpace;
use super::fork_gate::Gated;
use super::{ArenaStats, CodeArenaConfig, MemoryError, PageRange, Protection, Reservation, cache, page_size, round_up};

/// How many units of a cluster are made writable at once.
const WINDOW: u32 = 16;
/// How many units of slots may wait, dead, to be given back together.
const MAX_WAITING: u32 = 16;
/// How many boundaries between taken and free pages may arise before freed pages stay mapped until a neighbour is
/// freed too. Each costs at most two mappings, and Linux allows a process 65530 by default.
const MAX_EDGES: i64 = 8 << 10;

/// What the clones of an arena and the code in it share.
#[derive(Debug)]
pub(super) struct Shared {
    config: CodeArenaConfig,
    /// The bytes of one unit of a cluster.
    unit: usize,
    code_protection: Protection,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    regions: Vec<Option<Region>>,
    /// Bytes of code and constants, living or dead.
    used_bytes: usize,
    edges: i64,
    /// Where pages were opened last: for slots without constants, and for slots with.
    windows: [Option<(usize, usize)>; 2],
    /// Dead units that wait, by the first of each slot.
    waiting: [Option<(usize, usize, u32)>; MAX_WAITING as usize],
    waiting_units: u32,
}

#[derive(Debug)]
struct Region {
    reservation: Arc<CodeSpace>,
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

/// What a search for pages found.
struct Found {
    place: Place,
    reservation: Arc<CodeSpace>,
    /// Where the code starts in the reservation.
    offset: usize,
    /// Whether the pages can be written already.
    is_open: bool,
}

/// Pages of the arena that have one owner (M4).
#[derive(Debug)]
pub(super) struct Slot {
    shared: Arc<Shared>,
    reservation: Arc<CodeSpace>,
    place: Place,
    is_open: bool,
    /// Whether its units are released one by one, by [`Slot::release_unit`].
    by_unit: bool,
    pub(super) code: PageRange,
    pub(super) pool: PageRange,
    /// From the first page of code, or of constants, to the slot's end in that half. Pages past the content are made
    /// readable with it, so that neighbours have equal protection.
    pub(super) code_extent: PageRange,
    pub(super) pool_extent: PageRange,
    pub(super) code_len: usize,
    pub(super) pool_len: usize,
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

fn no_room(_: TryReserveError) -> MemoryError {
    MemoryError::System { call: "malloc", size: size_of::<Cluster>(), errno: libc::ENOMEM }
}

impl Shared {
    pub(super) fn new(config: CodeArenaConfig) -> Self {
        let checks_landings = config.landing_pads && cache::has_landing_pads();
        let code_protection =
            if checks_landings { Protection::ReadExecuteLandingPads } else { Protection::ReadExecute };
        Self { config, unit: unit_size(), code_protection, book: Mutex::default() }
    }

    fn book(&self) -> Gated<MutexGuard<'_, Book>> {
        // Nothing under the lock panics half way, so the book is right even then.
        Gated::new(|| self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn stats(&self) -> ArenaStats {
        let book = self.book();
        let regions = || book.regions.iter().flatten();
        let reserved_bytes = regions().map(|region| region.reservation.len()).sum();
        let dead: u32 = regions().flat_map(|region| &region.clusters).map(Cluster::dead_count).sum();
        let dead_bytes = dead as usize * self.unit;
        ArenaStats { used_bytes: book.used_bytes - dead_bytes, dead_bytes, reserved_bytes }
    }

    /// Takes pages for code and constants.
    pub(super) fn take(self: Arc<Self>, code_len: usize, pool_len: usize) -> Result<Slot, MemoryError> {
        let code_pages = round_up(code_len.max(1), self.unit)?;
        let pool_pages = round_up(pool_len, self.unit)?;
        let distance = pool_distance(code_len, pool_len)?;
        let too_large = MemoryError::TooLarge { size: code_len.max(pool_len) };
        let bytes = code_pages.checked_add(pool_pages).ok_or(too_large.clone())?;
        let own_bytes = distance.checked_add(pool_pages).ok_or(too_large)?;

        let Found { place, reservation, offset, is_open } = {
            let mut book = self.book();
            self.check_limit(&mut book, bytes)?;
            let found = if fits_a_cluster(code_pages, pool_pages) {
                self.take_in_cluster(&mut book, code_pages, pool_pages)?
            } else {
                let reservation = Arc::new(CodeSpace::new(Reservation::new(own_bytes)?));
                Found { place: Place::Own { bytes }, reservation, offset: 0, is_open: false }
            };
            book.used_bytes += bytes;
            found
        };
        let (code_extent, pool_extent) = match place {
            Place::Shared { units, .. } if pool_pages > 0 => (units as usize * self.unit, units as usize * self.unit),
            Place::Shared { .. } | Place::Own { .. } => (code_pages, pool_pages),
        };
        // These lie inside the reservation by construction, so that no error here can lose the slot.
        let code = reservation.range(offset, code_pages)?;
        let pool = reservation.range(offset + distance, pool_pages)?;
        let code_extent = reservation.range(offset, code_extent)?;
        let pool_extent = reservation.range(offset + distance, pool_extent)?;
        let shared = self;
        let by_unit = false;
        Ok(Slot {
            shared,
            reservation,
            place,
            is_open,
            by_unit,
            code,
            pool,
            code_extent,
            pool_extent,
            code_len,
            pool_len,
        })
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

    fn take_in_cluster(&self, book: &mut Book, code_pages: usize, pool_pages: usize) -> Result<Found, MemoryError> {
        // At most 128 units are in a cluster, and the lengths fit one.
        let [units, code, pool] = [code_pages.max(pool_pages), code_pages, pool_pages].map(|n| (n / self.unit) as u32);
        if let Some(found) = self.take_in_window(book, units, code, pool) {
            return Ok(found);
        }
        if let Some(found) = self.take_anywhere(book, units, code, pool) {
            return Ok(found);
        }
        self.reclaim(book);
        if let Some(found) = self.take_anywhere(book, units, code, pool) {
            return Ok(found);
        }
        self.add_region(book)?;
        // A fresh cluster has room for every slot that fits one.
        let found = self.take_in_window(book, units, code, pool);
        let found = found.or_else(|| self.take_anywhere(book, units, code, pool));
        found.ok_or(MemoryError::TooLarge { size: code_pages })
    }

    /// Takes pages that are open, opening more where need be.
    fn take_in_window(&self, book: &mut Book, units: u32, code: u32, pool: u32) -> Option<Found> {
        if units > WINDOW {
            return None;
        }
        if let Some(found) = self.take_open(book, units, code, pool) {
            return Some(found);
        }
        if !self.open_window(book, pool > 0) {
            return None;
        }
        self.take_open(book, units, code, pool)
    }

    fn take_open(&self, book: &mut Book, units: u32, code: u32, pool: u32) -> Option<Found> {
        let (region, cluster) = book.windows[usize::from(pool > 0)]?;
        let found = book.regions.get(region)?.as_ref()?.clusters.get(cluster)?;
        // It may have been emptied since and opened for the other kind.
        let start = if found.has_pools() == (pool > 0) { found.find_ready(units)? } else { return None };
        self.take_at(book, (region, cluster, start), [units, code, pool], true)
    }

    fn take_anywhere(&self, book: &mut Book, units: u32, code: u32, pool: u32) -> Option<Found> {
        let (region, cluster, start) = self.find_free(book, units, pool > 0)?;
        self.take_at(book, (region, cluster, start), [units, code, pool], false)
    }

    fn find_free(&self, book: &Book, len: u32, pools: bool) -> Option<(usize, usize, u32)> {
        let units = (HALF / self.unit) as u32;
        let regions = book.regions.iter().enumerate();
        regions.filter_map(|(idx, region)| Some((idx, region.as_ref()?))).find_map(|(region_idx, region)| {
            let mut clusters = region.clusters.iter().enumerate().filter(|(_, cluster)| cluster.serves(pools));
            clusters.find_map(|(idx, cluster)| Some((region_idx, idx, cluster.find_free(units, len)?)))
        })
    }

    fn take_at(
        &self,
        book: &mut Book,
        (region_idx, cluster_idx, start): (usize, usize, u32),
        [units, code, pool]: [u32; 3],
        is_open: bool,
    ) -> Option<Found> {
        let region = book.regions.get_mut(region_idx)?.as_mut()?;
        let cluster = region.clusters.get_mut(cluster_idx)?;
        let edges = cluster.edges();
        cluster.take(start, units, code, pool);
        book.edges += i64::from(cluster.edges()) - i64::from(edges);
        region.taken_units += units as usize;
        let place = Place::Shared { region: region_idx, cluster: cluster_idx, start, units };
        let offset = cluster_idx * CLUSTER + start as usize * self.unit;
        Some(Found { place, reservation: region.reservation.clone(), offset, is_open })
    }

    /// Makes a window of free pages writable, in the second half of a cluster only where there are constants. What fails is left to be done page by page.
    fn open_window(&self, book: &mut Book, pools: bool) -> bool {
        let Some((region_idx, cluster_idx, start)) = self.find_free(book, WINDOW, pools) else { return false };
        let Some(Some(region)) = book.regions.get_mut(region_idx) else { return false };
        let offset = cluster_idx * CLUSTER + start as usize * self.unit;
        for half in halves(offset, pools) {
            let Ok(range) = region.reservation.range(half, WINDOW as usize * self.unit) else { return false };
            // SAFETY: the pages are free, and we hold the book: nobody else can reach them (M4). They have had no
            // access or been writable since they were fresh, so none of them ever held code (M2).
            if unsafe { region.reservation.protect(range, Protection::ReadWrite) }.is_err() {
                return false;
            }
            region.reservation.populate(range);
        }
        region.clusters[cluster_idx].open(start, WINDOW, pools);
        book.windows[usize::from(pools)] = Some((region_idx, cluster_idx));
        true
    }

    fn add_region(&self, book: &mut Book) -> Result<(), MemoryError> {
        let vacant = book.regions.iter().position(Option::is_none);
        if vacant.is_none() {
            book.regions.try_reserve(1).map_err(no_room)?;
        }
        let wanted = round_up(self.config.reservation, CLUSTER)?;
        let reservation = Arc::new(CodeSpace::new(Reservation::new_up_to(wanted, CLUSTER)?));
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
        let (region, cluster, start, units) = match place {
            Place::Own { bytes } => {
                book.used_bytes -= bytes;
                return;
            }
            Place::Shared { region, cluster, start, units } => (region, cluster, start, units),
        };
        if let Some(Some(region)) = book.regions.get_mut(region) {
            region.clusters[cluster].bury(start, units);
        }
        if let Some(free) = book.waiting.iter_mut().find(|entry| entry.is_none()) {
            *free = Some((region, cluster, start));
        }
        book.waiting_units += units;
        // Each slot has a unit at least, so the list cannot be full before.
        if book.waiting_units >= MAX_WAITING {
            self.give_back_waiting(&mut book);
        }
    }

    /// Gives back all pages that wait.
    pub(super) fn trim(&self) {
        let mut book = self.book();
        self.give_back_waiting(&mut book);
        self.reclaim(&mut book);
        drop_empty_regions(&mut book);
    }

    fn give_back_waiting(&self, book: &mut Book) {
        book.waiting_units = 0;
        for (region, cluster, unit) in std::mem::take(&mut book.waiting).into_iter().flatten() {
            self.give_back(book, region, cluster, unit, MAX_EDGES);
        }
        drop_empty_regions(book);
    }

    /// Puts a fresh mapping over the dead units around `unit` and frees them.
    ///
    /// Where the system refuses, or the hole would cost too many mappings, they stay dead: out of use, still counted,
    /// and tried again when a neighbour dies or when room is needed.
    fn give_back(&self, book: &mut Book, region_idx: usize, cluster_idx: usize, unit: u32, max_edges: i64) {
        let Some(Some(region)) = book.regions.get_mut(region_idx) else { return };
        let Some(cluster) = region.clusters.get_mut(cluster_idx) else { return };
        if !cluster.is_dead(unit) {
            // It went with a neighbour.
            return;
        }
        let (start, len) = cluster.dead_run(unit);
        let change = cluster.edges_if_freed(start, len);
        if change > 0 && book.edges + change > max_edges {
            return;
        }
        let offset = cluster_idx * CLUSTER + start as usize * self.unit;
        for half in halves(offset, cluster.has_pools()) {
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

/// Where units at this offset of a cluster begin: in its first half, and in its second where its slots have constants.
fn halves(offset: usize, pools: bool) -> impl Iterator<Item = usize> {
    [Some(offset), pools.then_some(offset + HALF)].into_iter().flatten()
}

/// Unmaps regions that hold nothing, but one, so that compiling and dropping in turn does not map and unmap.
fn drop_empty_regions(book: &mut Book) {
    let mut spare = false;
    for (idx, slot) in book.regions.iter_mut().enumerate() {
        if slot.as_ref().is_some_and(|region| region.taken_units == 0) {
            if spare {
                *slot = None;
                for window in &mut book.windows {
                    window.take_if(|window| window.0 == idx);
                }
            }
            spare = true;
        }
    }
}

impl Slot {
    /// Makes the pages writable, if they are not.
    pub(super) fn open(&self) -> Result<(), MemoryError> {
        if self.is_open {
            return Ok(());
        }
        for range in [self.code, self.pool] {
            self.protect(range, Protection::ReadWrite)?;
            self.reservation.populate(range);
        }
        Ok(())
    }

    pub(super) fn protect(&self, range: PageRange, protection: Protection) -> Result<(), MemoryError> {
        // SAFETY: the pages belong to this slot alone (M4). Its owner changes them only on the way that the types
        // allow (M2): a slice that needs the old access borrows the owner, which `seal` consumes.
        unsafe { self.reservation.protect(range, protection) }
    }

    /// Puts the first bytes of a sealed file in the place of the code's pages.
    ///
    /// # Safety
    /// They are the same bytes.
    #[cfg(target_os = "linux")]
    pub(super) unsafe fn map_sealed(&self, file: &std::fs::File, protection: Protection) -> Result<(), MemoryError> {
        use std::os::fd::AsFd;
        // SAFETY: the pages belong to this slot alone (M4), and whoever reads them meanwhile finds the same.
        unsafe { self.reservation.map_sealed(self.code, file.as_fd(), protection) }
    }

    pub(super) fn address(&self, range: PageRange) -> *mut u8 {
        self.reservation.base().wrapping_add(range.offset())
    }

    /// How this arena's code is protected once it may run.
    pub(super) fn code_protection(&self) -> Protection {
        self.shared.code_protection
    }

    /// The bytes of a unit, and how many the slot has, if they can be released one by one.
    pub(super) fn units(&self) -> Option<(usize, u32)> {
        match self.place {
            Place::Shared { units, .. } => Some((self.shared.unit, units)),
            Place::Own { .. } => None,
        }
    }

    /// Leaves it to [`Slot::release_unit`] to give each unit back; the slot's drop then gives back nothing.
    pub(super) fn release_by_unit(&mut self) {
        self.by_unit = true;
    }

    /// Gives back a unit that nobody uses any more.
    pub(super) fn release_unit(&self, unit: u32) {
        if let (true, Place::Shared { region, cluster, start, .. }) = (self.by_unit, self.place) {
            self.shared.release(Place::Shared { region, cluster, start: start + unit, units: 1 });
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.by_unit {
            self.shared.release(self.place);
        }
    }
}
