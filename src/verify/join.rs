//! Where ways meet: what holds whichever way control came, and what holds each time that it comes to a loop's head.

use super::Reason;
use super::attempt::Written;
use super::check::{Checker, Mode};
use super::graph::NEVER;
use super::loops::Count;
use super::state::{Flags, Fuel, Known, Root, State};
use super::step::Reg;
use super::values::{COUNTED, Def, Extent, Id, UNKNOWN, Value, Writable, ZERO};
use std::ops::Range;

/// So many values that differ between two ways are compared with others; the rest only keep their ranges.
const COMPARED: usize = 12;

/// So many of them are found again where another location holds the same two.
const REMEMBERED: usize = 64;

/// So many registers are compared at once.
const GROUP: usize = 4;

/// So many lengths are tried for an array whose address differs.
const CANDIDATES: usize = 32;

/// Two values that one location holds on two ways, and the value that stands for both.
type Merged = (Id, Id, Id);

/// Something that holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// A register.
    Reg(Reg),
    /// A word of the frame.
    Slot(i64),
}

/// A value at a loop's head, by where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// What a location holds.
    At(Location),
    /// The length of the array whose address a location holds.
    LengthAt(Location),
}

/// A location that holds another value each time.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Which.
    pub location: Location,
    /// No less than this.
    pub lo: i64,
    /// No more than this.
    pub hi: i64,
    /// It only counts.
    pub counts: bool,
    /// No more than the value there at first.
    pub falls: bool,
    /// It is the address of an array.
    pub extent: Option<ClaimedExtent>,
}

/// An array whose address a location holds each time.
#[derive(Clone, Copy, Debug)]
pub struct ClaimedExtent {
    /// The size of an element as a power of two.
    pub shift: u8,
    /// Whether it may be written.
    pub writable: Writable,
    /// Locations that hold lengths.
    pub lengths: [Option<Location>; 3],
    /// It has no fewer elements than the one there at first.
    pub as_first: bool,
}

/// What holds at a loop's head each time that control comes there: all that held the first time but for these locations, of which this is claimed. A claim is
/// checked on each way in.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Locations that do not keep their value.
    pub fresh: Vec<Fresh>,
    /// `a <= b + by`.
    pub limits: Vec<(Term, Term, i64)>,
    /// The state with which the head was entered first.
    pub first: State,
    /// The state in it.
    pub inside: State,
    /// Numbers of the values that locations hold in it which do not keep theirs.
    pub values: Range<Id>,
    /// Comparisons that were claimed and found not to hold.
    pub refuted: Vec<(Term, Term, i64)>,
    /// What counts on each way back seen so far, where something must.
    pub counted: Option<Vec<(Location, Count)>>,
    /// What its loop writes, until it is come to.
    pub(super) seed: Option<Written>,
    /// Whether its loop is within another one that must come to an end without fuel: what its loop counts, the other one may count as well.
    pub(super) is_counted: bool,
}

impl Head {
    /// Nothing is claimed any more.
    pub fn restart(&mut self) {
        *self = Head { is_counted: self.is_counted, ..Head::default() };
    }
}

impl State {
    /// What a location holds.
    pub fn at(&self, location: Location) -> Id {
        match location {
            Location::Reg(reg) => self.reg(reg),
            Location::Slot(at) => self.slots.get(at),
        }
    }

    /// A location holds this now.
    pub fn put(&mut self, location: Location, id: Id) {
        match location {
            Location::Reg(reg) => self.set_reg(reg, id),
            Location::Slot(at) => self.slots.set(at, id),
        }
    }
}

impl Checker<'_> {
    /// Blocks that control comes back to, and how many.
    pub(super) fn find_heads(&mut self) -> u32 {
        self.heads.clear();
        self.last_back = 0;
        let mut count = 0;
        for at in 0..self.graph.blocks.len() {
            let block = self.graph.blocks[at];
            let rank = self.graph.rank[at];
            if rank == NEVER {
                continue;
            }
            let next = block.falls_through.then_some(at as u32 + 1);
            for to in block.target.into_iter().chain(next) {
                if self.graph.rank.get(to as usize).is_none_or(|to| *to > rank) {
                    continue;
                }
                if self.heads.is_empty() {
                    self.heads.resize_with(self.graph.blocks.len(), || None);
                }
                self.last_back = self.last_back.max(rank);
                let head = &mut self.heads[to as usize];
                if head.is_none() {
                    count += 1;
                    *head = Some(Box::default());
                }
            }
        }
        count
    }

    /// Control goes from one block to another one.
    pub(super) fn edge(&mut self, from: u32, to: u32, state: Box<State>) -> Result<(), Reason> {
        if state.is_impossible {
            self.spare.push(state);
            return Ok(());
        }
        let rank = |block: u32| self.graph.rank.get(block as usize).copied().unwrap_or(NEVER);
        if rank(to) == NEVER {
            return Err(Reason::Target);
        }
        if rank(to) <= rank(from) {
            let result = self.back(from, to, &state);
            self.spare.push(state);
            return result;
        }
        match self.waiting.get_mut(to as usize).and_then(Option::take) {
            None => self.waiting[to as usize] = Some(state),
            Some(mut other) => {
                let joined = self.join(&mut other, &state);
                self.spare.push(state);
                self.waiting[to as usize] = Some(other);
                joined?;
            }
        }
        Ok(())
    }

    /// What holds in both states, in the first.
    fn join(&mut self, a: &mut State, b: &State) -> Result<(), Reason> {
        if a.sp != b.sp {
            return Err(Reason::Join);
        }
        a.fuel = match (a.fuel, b.fuel) {
            (x, y) if x == y => x,
            (Fuel::Right | Fuel::Stored, Fuel::Right | Fuel::Stored) => Fuel::Right,
            _ => return Err(Reason::Join),
        };
        a.touched = a.touched.max(b.touched);
        if a.nots != b.nots {
            a.nots = a.nots.map(|not| if b.nots.contains(&not) { not } else { (UNKNOWN, 0) });
        }
        a.flags = if a.flags == b.flags { a.flags } else { Flags::Unknown };
        a.outcome = if a.outcome == b.outcome { a.outcome } else { None };
        a.lanes = if a.lanes == b.lanes { a.lanes } else { [None; 2] };
        let mut merged: Vec<Merged> = Vec::new();
        for first in (0..a.ints.len()).step_by(GROUP) {
            // Compared in groups, as few differ.
            let group = first..first + GROUP;
            if a.ints[group.clone()] == b.ints[group.clone()] {
                continue;
            }
            for reg in group {
                let (x, y) = (a.ints[reg], b.ints[reg]);
                if x != y {
                    a.ints[reg] = self.merge((a, x), (b, y), &mut merged);
                }
            }
        }
        // What is known of vectors is known of one.
        let both = |x: Id, y: Id| if x == y { x } else { UNKNOWN };
        if a.vectors != b.vectors {
            a.vectors.iter_mut().zip(b.vectors).for_each(|(x, y)| *x = both(*x, y));
        }
        if a.masks != b.masks {
            a.masks.iter_mut().zip(b.masks).for_each(|(x, y)| *x = both(*x, y));
        }
        if !a.slots.are_shared(&b.slots) {
            let differing: Vec<(i64, Id, Id)> = a.slots.differing(&b.slots).collect();
            for (at, x, y) in differing {
                let id = self.merge((a, x), (b, y), &mut merged);
                a.slots.set(at, id);
            }
        }
        if merged.is_empty() {
            self.join_limits(a, b);
            return Ok(());
        }
        // What follows asks the first state only how values compare.
        let mut before = self.spare_state();
        before.limits.clone_from(&a.limits);
        before.nots = a.nots;
        self.join_limits(a, b);
        let compared = merged.get(..COMPARED).unwrap_or(&merged);
        for &(x, y, id) in compared {
            self.relate(a, (&before, x), (b, y), id, compared);
            self.relate(a, (b, y), (&before, x), id, compared);
            self.join_extents(a, (&before, x), (b, y), id, &merged);
        }
        self.spare.push(before);
        Ok(())
    }

    /// Of the first state's comparisons, those that hold in the other one, too.
    fn join_limits(&self, a: &mut State, b: &State) {
        if a.limits == b.limits {
            return;
        }
        let known = Known { values: self.values, state: b };
        let mut at = 0;
        a.limits.retain(|limit| {
            // Most ways have been one until a while ago.
            let is_there = b.limits.get(at) == Some(limit);
            at += 1;
            is_there || b.limits.contains(limit) || known.at_most((limit.less, 0), (limit.than, 0), limit.by)
        });
    }

    fn merge(&mut self, (a, x): (&State, Id), (b, y): (&State, Id), merged: &mut Vec<Merged>) -> Id {
        if x == UNKNOWN || y == UNKNOWN {
            return UNKNOWN;
        }
        if let Some(known) = merged.iter().take(REMEMBERED).find(|merged| (merged.0, merged.1) == (x, y)) {
            return known.2;
        }
        let (in_a, in_b) = (Known { values: self.values, state: a }, Known { values: self.values, state: b });
        let (first, second) = (self.values.get(x), self.values.get(y));
        let counts = first.counts && second.counts;
        let (lo, hi) = (in_a.least(x).min(in_b.least(y)), in_a.greatest(x).max(in_b.greatest(y)));
        let def = match (first.def, second.def) {
            (Def::Mark, Def::Mark) => Def::Mark,
            (Def::Context, Def::Context) => Def::Context,
            (Def::Frame(x), Def::Frame(y)) if x == y => Def::Frame(x),
            (Def::Helper(x), Def::Helper(y)) if x == y => Def::Helper(x),
            (Def::Const(x), Def::Const(y)) if x == y => Def::Const(x),
            (Def::Sum(x, m), Def::Sum(y, n)) if (x, m, first.fits) == (y, n, second.fits) => Def::Sum(x, m),
            _ => Def::Opaque,
        };
        let fits = first.fits && second.fits && matches!(def, Def::Sum(..) | Def::Const(_));
        let id = self.values.add(Value { def, counts, fits, ..Value::between(lo, hi) });
        merged.push((x, y, id));
        id
    }

    /// What one way knows of a value that differs, where the other way knows it of its own.
    fn relate(&self, to: &mut State, (a, x): (&State, Id), (b, y): (&State, Id), id: Id, merged: &[Merged]) {
        let in_b = Known { values: self.values, state: b };
        let (root, off) = self.values.root(x);
        let there = self.values.root(y);
        for limit in &a.limits {
            // The other value: the same on both ways, or another one that differs.
            let others = |other: Id| {
                let same = Some((other, (other, 0), (other, 0)));
                let differs = merged.iter().copied().filter_map(move |(p, q, id)| {
                    let ways = [p, q].map(|way| self.values.root(way));
                    let (mine, theirs) = if ways[0].0 == other { (ways[0], ways[1]) } else { (ways[1], ways[0]) };
                    // Seen from the way that knows: its root plus an offset is the value.
                    (mine.0 == other && other != ZERO).then_some((id, theirs, (other, mine.1)))
                });
                same.into_iter().chain(differs)
            };
            if limit.less == root {
                // x = root + off <= other + by + off
                for (other, theirs, (_, mine_off)) in others(limit.than) {
                    let Some(by) = limit.by.checked_add(off).and_then(|by| by.checked_sub(mine_off)) else { continue };
                    if in_b.at_most(there, theirs, by) {
                        to.learn(self.values, (id, 0), (other, 0), by.into());
                    }
                }
            }
            if limit.than == root {
                // other <= root + by = x - off + by
                for (other, theirs, (_, mine_off)) in others(limit.less) {
                    let Some(by) = limit.by.checked_sub(off).and_then(|by| by.checked_add(mine_off)) else { continue };
                    if in_b.at_most(theirs, there, by) {
                        to.learn(self.values, (other, 0), (id, 0), by.into());
                    }
                }
            }
        }
        // It may be the other value itself.
        if root != ZERO && in_b.at_most(there, (root, off), 0) {
            to.learn(self.values, (id, 0), (root, off), 0);
        }
        if root != ZERO && in_b.at_most((root, off), there, 0) {
            to.learn(self.values, (root, off), (id, 0), 0);
        }
    }

    /// An address that differs is that of an array on both ways: the same length, or one that differs likewise.
    fn join_extents(&mut self, to: &mut State, (a, x): (&State, Id), (b, y): (&State, Id), id: Id, merged: &[Merged]) {
        if !self.values.is_address(x) || !self.values.is_address(y) {
            return;
        }
        let Some(shift) = self.values.shift_of(x) else { return };
        let same = [x, y].map(|id| self.values.get(id).extent.map(|extent| extent.length));
        let same = same.into_iter().flatten().map(|length| (length, length, length));
        let mut candidates: Vec<Merged> = merged.iter().copied().chain(same).collect();
        self.values.spend(candidates.len());
        candidates.retain(|(p, q, _)| *p != UNKNOWN && *q != UNKNOWN && !self.values.is_address(*p));
        // Those that are the whole length on both ways first.
        candidates.sort_by_key(|(p, q, _)| {
            (*p == ZERO || *q == ZERO, !(self.values.is_whole(x, *p) && self.values.is_whole(y, *q)))
        });
        let mut found: Option<Extent> = None;
        let mut count = 0;
        for (p, q, length) in candidates.into_iter().take(CANDIDATES) {
            let first = Known { values: self.values, state: a }.array_at(x, p, shift);
            let second = Known { values: self.values, state: b }.array_at(y, q, shift);
            let (Ok(first), Ok(second)) = (first, second) else { continue };
            let extent = found.get_or_insert(Extent::new(shift, length, first.either(second)));
            extent.writable = extent.writable.either(first.either(second));
            if count > 0
                && let Some(place) = extent.others.get_mut(count - 1)
            {
                *place = length;
            }
            count += 1;
            if count > found.map_or(0, |extent| extent.others.len()) {
                break;
            }
        }
        if let (Some(extent), Some(value)) = (found, self.values.get_mut(id)) {
            value.extent = Some(extent);
            for length in extent.lengths() {
                let root = self.values.root(length);
                to.learn(self.values, (ZERO, 0), root, 0);
            }
        }
    }

    /// A loop's head is entered: what it claims must hold now, and is all that is known of what does not stay.
    pub(super) fn open_head(&mut self, block: u32) -> Result<(), Reason> {
        let Some(mut head) = self.heads.get_mut(block as usize).and_then(Option::take) else { return Ok(()) };
        let spare = self.spare_state();
        let mut first = std::mem::replace(&mut self.state, spare);
        first.flags = Flags::Unknown;
        first.outcome = None;
        first.lanes = [None; 2];
        if first.fuel == Fuel::Stored {
            first.fuel = Fuel::Right;
        }
        head.first.clone_from(&first);
        head.counted = None;
        self.plant(&mut head, &first);
        let changed = self.changed;
        let result = self.hold(&mut head, &first);
        // What is taken back here was not made use of yet.
        self.changed = if self.mode == Mode::Attempt { changed } else { self.changed };
        self.state.clone_from(&first);
        let first_value = self.values.next();
        for fresh in &head.fresh {
            let (lo, hi) = (fresh.lo, fresh.hi);
            let (lo, hi) = if fresh.counts { (lo.max(-COUNTED), hi.min(COUNTED)) } else { (lo, hi) };
            let is_int = matches!(fresh.location, Location::Reg(Reg::Int(_)) | Location::Slot(_));
            let id = if is_int {
                self.values.add(Value { counts: fresh.counts, ..Value::between(lo, hi) })
            } else {
                UNKNOWN
            };
            self.state.put(fresh.location, id);
        }
        head.values = first_value..self.values.next();
        for fresh in &head.fresh {
            let Some(claim) = fresh.extent else { continue };
            let id = self.state.at(fresh.location);
            let own = if claim.as_first { self.first_length(&first, fresh.location) } else { UNKNOWN };
            let held = claim.lengths.map(|length| length.map_or(UNKNOWN, |length| self.state.at(length)));
            let mut lengths = [own, held[0], held[1], held[2]].into_iter().filter(|length| *length != UNKNOWN);
            if let (Some(length), Some(value)) = (lengths.next(), self.values.get_mut(id)) {
                let mut extent = Extent::new(claim.shift, length, claim.writable);
                extent.others = [(); 3].map(|()| lengths.next().unwrap_or(UNKNOWN));
                value.extent = Some(extent);
            }
        }
        for fresh in head.fresh.iter().filter(|fresh| fresh.falls) {
            let [now, before] = [&self.state, &*first].map(|state| state.at(fresh.location));
            let before = self.values.root(before);
            self.state.learn(self.values, self.values.root(now), before, 0);
            self.values.pinned.push(before.0);
        }
        for &(a, b, by) in &head.limits {
            if let (Some(a), Some(b)) = (self.term(&self.state, a), self.term(&self.state, b)) {
                self.state.learn(self.values, a, b, by.into());
            }
        }
        head.inside.clone_from(&self.state);
        self.spare.push(first);
        self.heads[block as usize] = Some(head);
        result
    }

    /// What a term is in a state, as a root.
    pub(super) fn term(&self, state: &State, term: Term) -> Option<Root> {
        match term {
            Term::At(location) => Some(state.at(location)).filter(|id| *id != UNKNOWN).map(|id| self.values.root(id)),
            Term::LengthAt(location) => {
                let extent = self.values.get(state.at(location)).extent?;
                Some(self.values.root(extent.length))
            }
        }
    }

    /// What a term of a claim is in a state. The length of an array whose address does not stay is what is claimed to be its length, whatever array is there now:
    /// as which it is known in the loop.
    fn claimed_term(&self, fresh: &[Fresh], first: &State, state: &State, term: Term) -> Option<Root> {
        let Term::LengthAt(location) = term else { return self.term(state, term) };
        let Some(claim) = fresh.iter().find(|fresh| fresh.location == location) else { return self.term(state, term) };
        let claim = claim.extent?;
        let length = match claim.as_first {
            true => self.first_length(first, location),
            false => claim.lengths.into_iter().flatten().next().map_or(UNKNOWN, |length| state.at(length)),
        };
        Some(length).filter(|length| *length != UNKNOWN).map(|length| self.values.root(length))
    }

    /// Whether a head's claims hold in a state; while proofs are looked for, those that do not are taken back.
    fn hold(&mut self, head: &mut Head, state: &State) -> Result<(), Reason> {
        let mut is_right = true;
        self.values.spend(head.fresh.len());
        for at in 0..head.fresh.len() {
            let fresh = head.fresh[at];
            let id = state.at(fresh.location);
            let known = Known { values: self.values, state };
            let (lo, hi, counts) = match id {
                UNKNOWN => (i64::MIN, i64::MAX, false),
                id => (known.least(id), known.greatest(id), self.values.get(id).counts),
            };
            let claim = &mut head.fresh[at];
            if lo < claim.lo {
                is_right = false;
                // Lengths become less, but not less than nothing.
                claim.lo = if claim.lo > 0 && lo >= 0 { 0 } else { i64::MIN };
            }
            if hi > claim.hi {
                is_right = false;
                claim.hi = i64::MAX;
            }
            if claim.counts && !counts {
                is_right = false;
                claim.counts = false;
            }
            if claim.falls && (id == UNKNOWN || !known.le(id, head.first.at(fresh.location), 0)) {
                is_right = false;
                claim.falls = false;
            }
            if let Some(claim) = claim.extent
                && !self.extent_holds(head, at, claim, state)
            {
                is_right = false;
            }
        }
        let known = Known { values: self.values, state };
        let (fresh, first) = (&head.fresh, &head.first);
        let term = |term: Term| self.claimed_term(fresh, first, state, term);
        let holds = |&(a, b, by): &(Term, Term, i64)| match (term(a), term(b)) {
            (Some(a), Some(b)) => known.at_most(a, b, by),
            _ => false,
        };
        if self.mode != Mode::Check {
            let (limits, wrong) = std::mem::take(&mut head.limits).into_iter().partition(holds);
            let wrong: Vec<(Term, Term, i64)> = wrong;
            is_right &= wrong.is_empty();
            head.limits = if self.is_impatient && !is_right { Vec::new() } else { limits };
            head.refuted.extend(wrong);
        } else {
            is_right &= head.limits.iter().all(holds);
        }
        self.settle(is_right)
    }

    /// The length of the array whose address a location held when the loop was entered.
    pub(super) fn first_length(&self, first: &State, location: Location) -> Id {
        self.values.get(first.at(location)).extent.map_or(UNKNOWN, |extent| extent.length)
    }

    /// Whether a location holds the address of an array as claimed; what does not hold is taken back.
    fn extent_holds(&mut self, head: &mut Head, at: usize, mut claim: ClaimedExtent, state: &State) -> bool {
        let location = head.fresh[at].location;
        let address = state.at(location);
        let own = self.first_length(&head.first, location);
        let mut is_right = true;
        let mut holds = |checker: &Self, length: Id| {
            let known = Known { values: checker.values, state };
            let found =
                if length == UNKNOWN { Err(Reason::Loop) } else { known.array_at(address, length, claim.shift) };
            let holds = found.is_ok_and(|writable| writable.either(claim.writable) == claim.writable);
            is_right &= holds;
            holds
        };
        let as_first = claim.as_first && holds(self, own);
        let lengths = claim.lengths.map(|length| length.filter(|length| holds(self, state.at(*length))));
        if !is_right {
            claim.as_first = as_first;
            claim.lengths = lengths;
            let is_any = as_first || lengths.iter().any(Option::is_some);
            head.fresh[at].extent = is_any.then_some(claim);
        }
        is_right
    }

    fn settle(&mut self, is_right: bool) -> Result<(), Reason> {
        match self.mode {
            _ if is_right => Ok(()),
            Mode::Check => Err(Reason::Loop),
            Mode::Attempt | Mode::Search => {
                self.changed = true;
                Ok(())
            }
        }
    }

    /// Control comes back to a loop's head.
    fn back(&mut self, from: u32, block: u32, state: &State) -> Result<(), Reason> {
        let Some(mut head) = self.heads.get_mut(block as usize).and_then(Option::take) else {
            return Err(Reason::Join);
        };
        let result = self.back_to(&mut head, state).and_then(|()| self.comes_to_an_end(&mut head, from, block, state));
        self.heads[block as usize] = Some(head);
        result
    }

    fn back_to(&mut self, head: &mut Head, state: &State) -> Result<(), Reason> {
        let inside = &head.inside;
        let is_stored = inside.fuel == state.fuel || (inside.fuel == Fuel::Right && state.fuel == Fuel::Stored);
        if inside.sp != state.sp || !is_stored || state.touched > inside.touched {
            return Err(Reason::Join);
        }
        // What differs and is not said to: what is said to has a value of its own inside.
        let is_fresh = |id: Id| head.values.contains(&id);
        let differs = |(_, id, now): &(Reg, Id, Id)| *id != UNKNOWN && id != now;
        let ints = (0..).map(Reg::Int).zip(inside.ints.into_iter().zip(state.ints));
        let vectors = (0..).map(Reg::Vector).zip(inside.vectors.into_iter().zip(state.vectors));
        let masks = (0..).map(Reg::Mask).zip(inside.masks.into_iter().zip(state.masks));
        let regs = ints.chain(vectors).chain(masks).map(|(reg, (id, now))| (reg, id, now)).filter(differs);
        let regs = regs.map(|(reg, id, now)| (Location::Reg(reg), id, now));
        let slots = inside.slots.differing(&state.slots).map(|(at, id, now)| (Location::Slot(at), id, now));
        let moved = regs.chain(slots).filter(|(_, id, _)| !is_fresh(*id));
        let moved: Vec<Location> = moved.map(|(location, _, _)| location).collect();
        if self.mode == Mode::Check {
            if !moved.is_empty() {
                return Err(Reason::Loop);
            }
            return self.hold(head, state);
        }
        if !moved.is_empty() {
            self.changed = true;
            self.free(head, &moved, state);
        }
        self.hold(head, state)?;
        self.claim(head, state);
        Ok(())
    }
}
