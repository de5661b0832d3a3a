//! The search for what holds at heads of loops. Nothing here is trusted: what it claims is checked on each way into a loop.
//!
//! At first, everything is taken to stay as it was when the loop was entered. A walk then shows what does not: such a location gets another value each time, of
//! which the range is claimed that it had at first, and comparisons that hold on the ways seen so far. What a later walk finds not to hold is taken back, until
//! nothing changes.

use super::check::Checker;
use super::join::{ClaimedExtent, Fresh, Head, Location, Term};
use super::state::{Known, State};
use super::step::Reg;
use super::values::{Id, UNKNOWN, ZERO};

/// At most so many walks; then what is claimed so far is all there is.
const ROUNDS: usize = 30;
/// From this one on nothing more is claimed.
const LAST_CLAIMS: usize = 6;
/// At most so many comparisons are claimed of a loop's head.
const CLAIMS: usize = 64;

impl Checker<'_> {
    /// Looks for what holds at heads of loops.
    pub(super) fn prove(&mut self) {
        self.proving = true;
        for round in 0..ROUNDS {
            self.changed = false;
            self.claims = round < LAST_CLAIMS;
            if self.walk().is_err() || !self.changed {
                return;
            }
        }
    }

    /// These locations do not stay as they were at a loop's head.
    pub(super) fn free(&mut self, head: &mut Head, moved: &[Location], state: &State) {
        for &location in moved {
            let is_int = matches!(location, Location::Reg(Reg::Int(_)) | Location::Slot(_));
            let id = head.first.at(location);
            let known = Known { values: &self.values, state: &head.first };
            let value = self.values.get(id);
            let (lo, hi) = if is_int { (known.least(id), known.greatest(id)) } else { (i64::MIN, i64::MAX) };
            head.fresh.push(Fresh { location, lo, hi, counts: value.counts && is_int, extent: None });
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

    /// What held of a location when the loop was entered is claimed of it each time.
    fn claim_of_first(&mut self, head: &mut Head, location: Location) {
        let id = head.first.at(location);
        let (root, off) = self.values.root(id);
        if root == ZERO || id == UNKNOWN || self.values.is_address(id) {
            return;
        }
        let first = std::mem::take(&mut head.first);
        for limit in &first.limits {
            // root + off <= than + by + off
            if limit.less == root {
                self.propose(head, &first, location, limit.than, limit.by.saturating_add(off), true);
            }
            if limit.than == root {
                self.propose(head, &first, location, limit.less, limit.by.saturating_sub(off), false);
            }
        }
        self.propose(head, &first, location, root, off, true);
        self.propose(head, &first, location, root, off.saturating_neg(), false);
        head.first = first;
    }

    /// The location's value `<= other + by`, or `other <= it + by`, as far as both have names at the head.
    fn propose(&mut self, head: &mut Head, first: &State, location: Location, other: Id, by: i64, is_less: bool) {
        if other == ZERO {
            // Ranges say it.
            return;
        }
        for (term, off) in self.names(first, other) {
            // other = term - off
            let by = if is_less { by.saturating_sub(off) } else { by.saturating_add(off) };
            let at = Term::At(location);
            if term != at && head.claim(if is_less { (at, term, by) } else { (term, at, by) }) {
                self.changed = true;
            }
        }
    }

    /// What names a value in a state: locations that hold it plus a number, arrays whose length it is.
    fn names(&self, state: &State, id: Id) -> impl Iterator<Item = (Term, i64)> + use<> {
        let mut names = [None; 4];
        let mut next = 0;
        let mut note = |term: Term, off: i64| {
            if let Some(place) = names.get_mut(next) {
                *place = Some((term, off));
                next += 1;
            }
        };
        if id == ZERO {
            note(Term::Zero, 0);
            return names.into_iter().flatten();
        }
        let regs = (0..32).map(|reg| Location::Reg(Reg::Int(reg)));
        for location in regs.chain(state.slots.iter().map(|slot| Location::Slot(slot.0))) {
            let held = state.at(location);
            if held == UNKNOWN {
                continue;
            }
            let (root, off) = self.values.root(held);
            if root == id {
                note(Term::At(location), off);
            }
            if let Some(extent) = self.values.get(held).extent {
                let (root, off) = self.values.root(extent.length);
                if root == id {
                    note(Term::LengthAt(location), off);
                }
            }
        }
        names.into_iter().flatten()
    }

    /// What the way back knows of locations that do not stay, and the way in, too.
    pub(super) fn claim(&mut self, head: &mut Head, state: &State) {
        if !self.claims {
            return;
        }
        for at in 0..head.fresh.len() {
            let location = head.fresh[at].location;
            let id = state.at(location);
            if id == UNKNOWN || matches!(location, Location::Reg(Reg::Vector(_) | Reg::Mask(_))) {
                continue;
            }
            self.claim_of_first(head, location);
            let (root, off) = self.values.root(id);
            for limit in &state.limits {
                if limit.less == root {
                    self.claim_one(head, state, location, limit.than, limit.by.saturating_add(off), true);
                }
                if limit.than == root {
                    self.claim_one(head, state, location, limit.less, limit.by.saturating_sub(off), false);
                }
            }
        }
    }

    fn claim_one(&mut self, head: &mut Head, state: &State, location: Location, other: Id, by: i64, is_less: bool) {
        if other == ZERO {
            // Ranges say it.
            return;
        }
        for (term, off) in self.names(state, other) {
            let by = if is_less { by.saturating_sub(off) } else { by.saturating_add(off) };
            let at = Term::At(location);
            let claim = if is_less { (at, term, by) } else { (term, at, by) };
            if term == at {
                continue;
            }
            let first = &head.first;
            let (Some(a), Some(b)) = (self.term(first, claim.0), self.term(first, claim.1)) else { continue };
            if (Known { values: &self.values, state: first }).at_most(a, b, claim.2) && head.claim(claim) {
                self.changed = true;
            }
        }
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
        let shift = self.shift_of(before)?;
        let regs = (0..32).map(|reg| Location::Reg(Reg::Int(reg)));
        let slots = first.slots.iter().map(|slot| Location::Slot(slot.0));
        let mut candidates: Vec<(Option<Location>, Id, Id)> =
            regs.chain(slots).map(|location| (Some(location), first.at(location), state.at(location))).collect();
        let own = self.first_length(first, location);
        candidates.push((None, own, own));
        candidates.retain(|(_, p, q)| *p != UNKNOWN && *q != UNKNOWN && !self.values.is_address(*p));
        candidates.sort_by_key(|(_, p, q)| {
            (*p == ZERO || *q == ZERO, !(self.is_whole(before, *p) && self.is_whole(now, *q)))
        });
        let mut claim: Option<ClaimedExtent> = None;
        let here = std::mem::take(&mut self.state);
        for (place, p, q) in candidates {
            self.state.clone_from(first);
            let one = self.array_at(before, p, shift);
            self.state.clone_from(state);
            let other = self.array_at(now, q, shift);
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
        self.state = here;
        claim
    }
}

impl Head {
    /// Claims a comparison; whether it is new.
    fn claim(&mut self, claim: (Term, Term, i64)) -> bool {
        let is_there = self.limits.iter().any(|limit| (limit.0, limit.1) == (claim.0, claim.1) && limit.2 <= claim.2);
        if is_there || self.limits.len() >= CLAIMS || self.refuted.contains(&claim) {
            return false;
        }
        self.limits.push(claim);
        true
    }
}
