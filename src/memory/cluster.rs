//! The pages of a cluster: which are taken, and where the next slot goes.
//!
//! A cluster is two halves of equal size. A slot is a run of pages at the same place in both: code in the first half,
//! constants in the second. So the distance from code to constants is one number, and neighbours have equal protection
//! in either half: the kernel merges them into one mapping, however many programs there are.
//!
//! One bit stands for one unit (a page of 4 KiB, or the machine's page where it is larger).

/// The bytes of one half of a cluster, and the distance from the code of a slot to its constants.
pub(super) const HALF: usize = 512 << 10;
/// The bytes of a cluster.
pub(super) const CLUSTER: usize = 2 * HALF;

/// The units of one cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Cluster {
    /// Units of a slot that lives, or that is dead and not yet given back.
    taken: u128,
    /// Free units that can be written already, in each half that is used, and have not been since they were fresh.
    ready: u128,
    /// Units of slots that nobody owns any more and that are still mapped as they were.
    dead: u128,
    /// Units that hold code.
    code: u128,
    /// Units that hold constants.
    pool: u128,
    /// Whether its slots have constants. Where none has, the second half is never opened.
    has_pools: bool,
}

/// `len` bits from `start` on.
fn mask(start: u32, len: u32) -> u128 {
    let ones = if len >= 128 { u128::MAX } else { (1 << len) - 1 };
    ones.checked_shl(start).unwrap_or(0)
}

/// The lowest run of `len` set bits.
fn find_run(bits: u128, len: u32) -> Option<u32> {
    // Each round leaves the starts of runs of `have` bits.
    let mut starts = bits;
    let mut have = 1;
    while have < len {
        let step = have.min(len - have);
        starts &= starts >> step;
        have += step;
    }
    (starts != 0).then(|| starts.trailing_zeros())
}

/// How often taken and free units meet: what the kernel needs mappings for.
fn edges(taken: u128) -> u32 {
    (taken ^ (taken << 1)).count_ones()
}

impl Cluster {
    /// Whether a slot with constants, or one without, may be taken here. An empty cluster takes either, and is of that kind from then on.
    pub(super) fn serves(&self, pools: bool) -> bool {
        self.has_pools == pools || self.taken | self.ready == 0
    }

    /// Whether its slots have constants.
    pub(super) fn has_pools(&self) -> bool {
        self.has_pools
    }

    /// Finds `len` free units in a row, of `units` that there are.
    pub(super) fn find_free(&self, units: u32, len: u32) -> Option<u32> {
        find_run(!self.taken & mask(0, units), len)
    }

    /// Finds `len` units in a row that can be written already.
    pub(super) fn find_ready(&self, len: u32) -> Option<u32> {
        find_run(self.ready, len)
    }

    /// Says that free units can be written.
    pub(super) fn open(&mut self, start: u32, len: u32, pools: bool) {
        self.ready |= mask(start, len);
        self.has_pools = pools;
    }

    /// Takes `len` free units, of which the first `code` will hold code and the first `pool` constants.
    pub(super) fn take(&mut self, start: u32, len: u32, code: u32, pool: u32) {
        self.taken |= mask(start, len);
        self.ready &= !mask(start, len);
        self.code |= mask(start, code);
        self.pool |= mask(start, pool);
        self.has_pools = pool > 0;
    }

    /// Says that nobody owns these units any more.
    pub(super) fn bury(&mut self, start: u32, len: u32) {
        self.dead |= mask(start, len);
    }

    /// Whether nobody owns this unit any more and it is still mapped as it was.
    pub(super) fn is_dead(&self, unit: u32) -> bool {
        self.dead & mask(unit, 1) != 0
    }

    /// How many units of code and of constants are dead.
    pub(super) fn dead_count(&self) -> u32 {
        (self.dead & self.code).count_ones() + (self.dead & self.pool).count_ones()
    }

    /// The run of dead units around `unit`, as its start and length.
    pub(super) fn dead_run(&self, unit: u32) -> (u32, u32) {
        let above = (!(self.dead >> unit)).trailing_zeros();
        // Aligned so that the bits below `unit` are the highest.
        let below = if unit == 0 { 0 } else { (self.dead << (128 - unit)).leading_ones() };
        (unit - below, above + below)
    }

    /// The lowest dead unit at or above `from`.
    pub(super) fn next_dead(&self, from: u32) -> Option<u32> {
        let rest = self.dead & !mask(0, from);
        (rest != 0).then(|| rest.trailing_zeros())
    }

    /// By how much [`Cluster::edges`] would change if these units were free.
    pub(super) fn edges_if_freed(&self, start: u32, len: u32) -> i64 {
        i64::from(edges(self.taken & !mask(start, len))) - i64::from(edges(self.taken))
    }

    /// How often taken and free units meet.
    pub(super) fn edges(&self) -> u32 {
        edges(self.taken)
    }

    /// Frees units whose pages have been given back, and says how many of them held code or constants.
    pub(super) fn free(&mut self, start: u32, len: u32) -> u32 {
        let run = mask(start, len);
        let held = (self.code & run).count_ones() + (self.pool & run).count_ones();
        self.taken &= !run;
        self.dead &= !run;
        self.code &= !run;
        self.pool &= !run;
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_lowest_first() {
        assert_eq!(find_run(u128::MAX, 128), Some(0));
        assert_eq!(find_run(u128::MAX >> 1, 128), None);
        assert_eq!(find_run(0b0111_0110, 3), Some(4));
        assert_eq!(find_run(0b0111_0110, 2), Some(1));
        assert_eq!(find_run(0b0111_0110, 4), None);
        assert_eq!(find_run(0, 1), None);
        for len in 1..=128 {
            assert_eq!(find_run(mask(128 - len, len), len), Some(128 - len), "{len}");
            assert_eq!(find_run(mask(128 - len, len - 1), len), None, "{len}");
        }
    }

    fn take(cluster: &mut Cluster, units: u32, len: u32, pool: u32) -> Option<u32> {
        let start = cluster.find_free(units, len)?;
        cluster.take(start, len, len, pool);
        Some(start)
    }

    #[test]
    fn units_that_can_be_written_are_free_until_they_are_taken() {
        let mut cluster = Cluster::default();
        cluster.open(8, 16, true);
        assert_eq!(
            (cluster.find_ready(16), cluster.find_ready(17), cluster.find_free(128, 128)),
            (Some(8), None, Some(0))
        );
        cluster.take(8, 3, 3, 3);
        assert_eq!((cluster.find_ready(13), cluster.find_ready(14)), (Some(11), None));
        // Whoever takes the same units another way leaves them no longer ready.
        cluster.take(0, 8, 8, 0);
        cluster.take(11, 13, 13, 0);
        assert_eq!(cluster.find_ready(1), None);
    }

    #[test]
    fn slots_never_overlap_and_all_units_come_back() {
        let mut cluster = Cluster::default();
        let mut slots = Vec::new();
        for len in [3, 1, 60, 64] {
            slots.push((take(&mut cluster, 128, len, 1).unwrap(), len));
        }
        assert_eq!(slots, [(0, 3), (3, 1), (4, 60), (64, 64)]);
        assert_eq!(take(&mut cluster, 128, 1, 0), None);
        cluster.bury(3, 1);
        cluster.bury(64, 64);
        assert_eq!((cluster.is_dead(3), cluster.is_dead(4), cluster.dead_count()), (true, false, 1 + 1 + 64 + 1));
        assert_eq!(cluster.dead_run(3), (3, 1));
        assert_eq!(cluster.dead_run(100), (64, 64));
        assert_eq!(
            (cluster.next_dead(0), cluster.next_dead(4), cluster.next_dead(127)),
            (Some(3), Some(64), Some(127))
        );
        cluster.bury(4, 60);
        assert_eq!(cluster.dead_run(20), (3, 125));
        assert_eq!(cluster.free(3, 125), 1 + 60 + 64 + 3);
        assert_eq!(cluster.taken, 0b111);
        cluster.bury(0, 3);
        assert_eq!(cluster.dead_run(0), (0, 3));
        assert_eq!(cluster.free(0, 3), 4);
        assert_eq!(cluster.taken, 0);
    }

    #[test]
    fn edges_count_the_meetings_of_taken_and_free() {
        let mut cluster = Cluster::default();
        for _ in 0..8 {
            take(&mut cluster, 8, 1, 0).unwrap();
        }
        assert_eq!(cluster.edges(), 2);
        cluster.bury(3, 1);
        assert_eq!(cluster.edges_if_freed(3, 1), 2);
        cluster.free(3, 1);
        assert_eq!(cluster.edges(), 4);
        cluster.bury(2, 1);
        assert_eq!(cluster.edges_if_freed(2, 1), 0);
    }

    #[test]
    fn a_cluster_of_large_pages_has_fewer_units() {
        let mut cluster = Cluster::default();
        assert_eq!(take(&mut cluster, 8, 9, 0), None);
        assert_eq!(take(&mut cluster, 8, 8, 0), Some(0));
        assert_eq!(take(&mut cluster, 8, 1, 0), None);
    }
}
