//! The search for what holds at heads of loops. Nothing here is trusted: what it claims is checked on each way into a loop.
//!
//! At first, everything is taken to stay as it was when the loop was entered. A walk then shows what does not: such a location gets another value each time, of
//! which the range is claimed that it had at first, and comparisons that hold on the ways seen so far. What a later walk finds not to hold is taken back, until
//! nothing changes.

use super::check::{Checker, Mode};
use super::join::{ClaimedExtent, Fresh, Head, Location, Term};
use super::state::{Known, State};
use super::step::Reg;
use super::values::{Id, UNKNOWN, Values, ZERO};

/// At most so many walks; then what is claimed so far is all there is.
const ROUNDS: usize = 30;
/// From this one on nothing more is claimed.
const LAST_CLAIMS: usize = 6;
/// From this one on, what is wrong about a loop's head makes all comparisons there be taken back, so that an end is come to.
const PATIENT: usize = 16;
/// So many lengths are tried for an address that does not stay.
const CANDIDATES: usize = 48;
/// So many names of a value are claimed of.
const NAMES: usize = 4;
/// At most so many comparisons are claimed of a loop's head.
const CLAIMS: usize = 64;

impl Checker<'_> {
    /// Looks for what holds at heads of loops.
    pub(super) fn prove(&mut self) {
        self.mode = Mode::Search;
        for round in 0..ROUNDS {
            self.changed = false;
            self.claims = round < LAST_CLAIMS;
            self.is_impatient = round >= PATIENT;
            if self.walk().is_err() || !self.changed || self.is_exhausted() {
                return;
            }
        }
    }

    /// These locations do not stay as they were at a loop's head.
    pub(super) fn free(&mut self, head: &mut Head, moved: &[Location], state: &State) {
        for &location in moved {
            let is_int = matches!(location, Location::Reg(Reg::Int(_)) | Location::Slot(_));
            let id = head.first.at(location);
            let known = Known { values: self.values, state: &head.first };
            let value = self.values.get(id);
            let (lo, hi) = if is_int { (known.least(id), known.greatest(id)) } else { (i64::MIN, i64::MAX) };
            let falls = is_int && self.may_fall(head, &head.first, id);
            head.fresh.push(Fresh { location, lo, hi, counts: value.counts && is_int, falls, extent: None });
        }
        for &location in moved {
            let id = head.first.at(location);
            if matches!(location, Location::Reg(Reg::Vector(_) | Reg::Mask(_))) {
                continue;
            }
            if self.values.is_address(id) && self.values.is_address(state.at(location)) {
                self.claim_extent(head, location, state);
            }
        }
    }

    /// What the way back knows of locations that do not stay, and the way in, too; and what held of them when the loop was entered.
    pub(super) fn claim(&mut self, head: &mut Head, state: &State) {
        if !self.claims || head.is_full() {
            return;
        }
        let first = std::mem::take(&mut head.first);
        let (names, first_names) = (Names::of(self.values, state), Names::of(self.values, &first));
        for at in 0..head.fresh.len() {
            if head.is_full() || self.is_exhausted() {
                break;
            }
            let location = head.fresh[at].location;
            let id = state.at(location);
            if id == UNKNOWN || matches!(location, Location::Reg(Reg::Vector(_) | Reg::Mask(_))) {
                continue;
            }
            let before = first.at(location);
            let (root, off) = self.values.root(before);
            if root != ZERO && before != UNKNOWN && !self.values.is_address(before) {
                let same = [(location, root, off, true), (location, root, off.saturating_neg(), false)];
                for (location, other, by, is_less) in limits_of(&first, location, root, off).chain(same) {
                    first_names
                        .claims(location, other, by, is_less)
                        .for_each(|claim| self.changed |= head.claim(claim));
                }
            }
            let (root, off) = self.values.root(id);
            self.values.spend(state.limits.len());
            for (location, other, by, is_less) in limits_of(state, location, root, off) {
                for claim in names.claims(location, other, by, is_less) {
                    let (Some(a), Some(b)) = (self.term(&first, claim.0), self.term(&first, claim.1)) else { continue };
                    if (Known { values: self.values, state: &first }).at_most(a, b, claim.2) {
                        self.changed |= head.claim(claim);
                    }
                }
            }
        }
        head.first = first;
    }

    /// An address that does not stay is that of an array each time, whose length is somewhere, too.
    fn claim_extent(&mut self, head: &mut Head, location: Location, state: &State) {
        let first = std::mem::take(&mut head.first);
        let claim = self.extent_claim(&first, location, state);
        head.first = first;
        if let Some(fresh) = head.fresh.iter_mut().find(|fresh| fresh.location == location) {
            fresh.extent = claim;
        }
    }

    fn extent_claim(&mut self, first: &State, location: Location, state: &State) -> Option<ClaimedExtent> {
        let (before, now) = (first.at(location), state.at(location));
        let shift = self.values.shift_of(before)?;
        let mut candidates: Vec<(Option<Location>, Id, Id)> =
            first.whole_numbers().map(|(location, id)| (Some(location), id, state.at(location))).collect();
        self.values.spend(candidates.len());
        let own = self.first_length(first, location);
        candidates.push((None, own, own));
        candidates.retain(|(_, p, q)| *p != UNKNOWN && *q != UNKNOWN && !self.values.is_address(*p));
        candidates.sort_by_key(|(_, p, q)| {
            (*p == ZERO || *q == ZERO, !(self.values.is_whole(before, *p) && self.values.is_whole(now, *q)))
        });
        let mut claim: Option<ClaimedExtent> = None;
        for (place, p, q) in candidates.into_iter().take(CANDIDATES) {
            let one = Known { values: self.values, state: first }.array_at(before, p, shift);
            let other = Known { values: self.values, state }.array_at(now, q, shift);
            let (Ok(one), Ok(other)) = (one, other) else { continue };
            let writable = one.either(other);
            let claim = claim.get_or_insert(ClaimedExtent { shift, writable, lengths: [None; 3], as_first: false });
            claim.writable = claim.writable.either(writable);
            match place {
                None => claim.as_first = true,
                Some(_) => match claim.lengths.iter_mut().find(|place| place.is_none()) {
                    Some(free) => *free = place,
                    None => break,
                },
            }
        }
        claim
    }
}

/// How a location whose value is a root plus a number compares with others: which, by how much, and whether it is the lesser one.
fn limits_of(
    state: &State,
    location: Location,
    root: Id,
    off: i64,
) -> impl Iterator<Item = (Location, Id, i64, bool)> + '_ {
    state.limits.iter().flat_map(move |limit| {
        // root + off <= than + by + off
        let less = (limit.less == root).then(|| (location, limit.than, limit.by.saturating_add(off), true));
        let more = (limit.than == root).then(|| (location, limit.less, limit.by.saturating_sub(off), false));
        less.into_iter().chain(more)
    })
}

/// What names values in a state: locations that hold one plus a number, arrays whose length it is.
struct Names(Vec<(Id, Term, i64)>);

impl Names {
    fn of(values: &Values, state: &State) -> Names {
        let mut names = Vec::with_capacity(64);
        for (location, held) in state.whole_numbers() {
            let (root, off) = values.root(held);
            names.push((root, Term::At(location), off));
            if let Some(extent) = values.get(held).extent {
                let (root, off) = values.root(extent.length);
                names.push((root, Term::LengthAt(location), off));
            }
        }
        // Those that were first stay so.
        names.sort_by_key(|name| name.0);
        values.spend(names.len() * 4);
        Names(names)
    }

    /// The location's value `<= other + by`, or `other <= it + by`, by names of the other value.
    fn claims(
        &self,
        location: Location,
        other: Id,
        by: i64,
        is_less: bool,
    ) -> impl Iterator<Item = (Term, Term, i64)> + '_ {
        // Of zero, ranges say it.
        let first = if other == ZERO { self.0.len() } else { self.0.partition_point(|name| name.0 < other) };
        let names = self.0.iter().skip(first).take_while(move |name| name.0 == other).take(NAMES);
        let at = Term::At(location);
        names.filter(move |name| name.1 != at).map(move |&(_, term, off)| match is_less {
            // other = term - off
            true => (at, term, by.saturating_sub(off)),
            false => (term, at, by.saturating_add(off)),
        })
    }
}

impl State {
    /// What is known of locations of whole numbers and addresses.
    fn whole_numbers(&self) -> impl Iterator<Item = (Location, Id)> + '_ {
        let regs = (0..).zip(self.ints).map(|(reg, id)| (Location::Reg(Reg::Int(reg)), id));
        regs.filter(|(_, id)| *id != UNKNOWN).chain(self.slots.iter().map(|(at, id)| (Location::Slot(at), id)))
    }
}

impl Head {
    /// Whether as much is claimed as may be.
    fn is_full(&self) -> bool {
        self.limits.len() >= CLAIMS
    }

    /// Claims a comparison; whether it is new.
    fn claim(&mut self, claim: (Term, Term, i64)) -> bool {
        let is_there = self.limits.iter().any(|limit| (limit.0, limit.1) == (claim.0, claim.1) && limit.2 <= claim.2);
        if is_there || self.is_full() || self.refuted.contains(&claim) {
            return false;
        }
        self.limits.push(claim);
        true
    }
}
