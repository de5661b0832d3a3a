//! The check of a function with loops, in the way that nearly all of them need: at a loop's head, registers that the loop writes hold some number that is no less than
//! the one there at first, and everything else is as it was. What turns out otherwise is taken back, and the walk done again; a walk that finds nothing to take back is the check.
//! Where that does not come to an end, it is tried once more with nothing said of those numbers. Where that does not prove enough, [`super::prove`] searches for more.

use super::check::{Checker, Mode};
use super::graph::NEVER;
use super::join::{Fresh, Head, Location};
use super::state::{Known, State};
use super::step::{Base, Place, Reg, Step};
use super::values::{Def, UNKNOWN};
use crate::codegen::blob::PoolEntry;
use crate::runtime::helper::Helper;

/// At most so many walks.
const WALKS: usize = 8;

/// So many words of the frame for each block there is are noted at heads of loops for what loops inside write: not all in nests that are deep.
const WORDS: usize = 64;

/// A set of registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Regs {
    ints: u32,
    vectors: u32,
    masks: u32,
}

impl Regs {
    fn add(&mut self, reg: Reg) {
        match reg {
            Reg::Int(n) => self.ints |= 1 << (n & 31),
            Reg::Vector(n) => self.vectors |= 1 << (n & 31),
            Reg::Mask(n) => self.masks |= 1 << (n & 31),
        }
    }

    fn join(&mut self, other: Regs) {
        self.ints |= other.ints;
        self.vectors |= other.vectors;
        self.masks |= other.masks;
    }
}

/// What a loop writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    regs: Regs,
    /// General registers that are read from the head on before they are written, bit by bit.
    live: u32,
    /// Whole words of the frame, above the stack pointer.
    words: Vec<i64>,
}

/// What is taken to hold of numbers that a loop writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// They are no less than at first.
    NoLess,
    /// Nothing.
    Any,
}

/// What came of walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// The function keeps to the rules.
    Right,
    /// Something could not be shown.
    Wrong,
    /// Something was taken back in each walk.
    Unsettled,
}

/// The blocks of loops, and what they write.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    /// Of each block: which registers it writes.
    written: Vec<Regs>,
    /// Of each block, where those that lead to it begin in the next list.
    starts: Vec<u32>,
    leading: Vec<u32>,
    /// Of each block: itself, or the head of a loop that it is in; so on from there, until the outermost one found so far.
    inside: Vec<u32>,
    work: Vec<u32>,
    /// Of each block: which general registers are read from it on.
    live: Vec<u32>,
    uses: Vec<(u32, u32)>,
}

impl Bodies {
    fn clear(&mut self) {
        self.written.clear();
        self.starts.clear();
        self.leading.clear();
        self.inside.clear();
        self.work.clear();
        self.live.clear();
    }
}

impl Checker<'_> {
    /// Whether the function keeps to the rules, as far as that can be seen without a search. Where it cannot, nothing is said.
    pub(super) fn attempt(&mut self) -> bool {
        self.mode = Mode::Attempt;
        self.claims = false;
        self.is_impatient = false;
        match self.attempt_with(Expected::NoLess) {
            Attempt::Right => true,
            Attempt::Wrong => false,
            // In deep nests, where each walk takes back what was claimed of one loop more.
            Attempt::Unsettled => {
                self.heads.iter_mut().flatten().for_each(|head| head.restart());
                self.attempt_with(Expected::Any) == Attempt::Right
            }
        }
    }

    fn attempt_with(&mut self, expected: Expected) -> Attempt {
        self.expected = expected;
        self.seed();
        for _ in 0..WALKS {
            let notes = (self.written_results, self.read_only_results, self.passed_results.len());
            self.changed = false;
            let is_right = self.walk().is_ok();
            if is_right && !self.changed {
                return Attempt::Right;
            }
            (self.written_results, self.read_only_results) = (notes.0, notes.1);
            self.passed_results.truncate(notes.2);
            if !is_right || self.is_exhausted() {
                return Attempt::Wrong;
            }
        }
        Attempt::Unsettled
    }

    /// Notes for each head what its loop writes.
    fn seed(&mut self) {
        let mut bodies = std::mem::take(self.bodies);
        bodies.clear();
        self.find_bodies(&mut bodies);
        *self.bodies = bodies;
    }

    fn find_bodies(&mut self, bodies: &mut Bodies) {
        let count = self.graph.blocks.len();
        // What leads to each block, sorted by it: counted first.
        bodies.starts.resize(count + 2, 0);
        let ways = |graph: &super::graph::Graph, at: usize| {
            let block = graph.blocks[at];
            let is_reached = graph.rank[at] != NEVER;
            let next = block.falls_through.then_some(at as u32 + 1);
            block.target.into_iter().chain(next).filter(move |to| is_reached && (*to as usize) < count)
        };
        for at in 0..count {
            ways(self.graph, at).for_each(|to| bodies.starts[to as usize + 2] += 1);
        }
        for at in 1..bodies.starts.len() {
            bodies.starts[at] += bodies.starts[at - 1];
        }
        bodies.leading.resize(bodies.starts[count + 1] as usize, 0);
        for at in 0..count {
            for to in ways(self.graph, at) {
                let place = &mut bodies.starts[to as usize + 1];
                bodies.leading[*place as usize] = at as u32;
                *place += 1;
            }
        }
        // Behind the last way back there are no loops, nor in what leads nowhere.
        let may_loop = |at: usize| self.graph.rank[at] <= self.last_back && !self.graph.blocks[at].is_trap;
        let written = |at: usize| if may_loop(at) { self.written_by(at) } else { Regs::default() };
        bodies.written.extend((0..count).map(written));
        bodies.inside.extend(0..count as u32);
        self.find_live(&mut bodies.live, &mut bodies.uses);
        let mut words = WORDS * count;
        // Inner loops first: for those around them, they are one block.
        for at in (0..self.graph.order.len()).rev() {
            let block = self.graph.order[at];
            if self.heads.get(block as usize).is_some_and(Option::is_some) {
                let (regs, live) = (bodies.written[block as usize], bodies.live[block as usize]);
                let mut written = Written { regs, live, ..Written::default() };
                self.note_words(block, &mut written);
                self.gather_body(block, bodies, &mut written, &mut words);
                written.words.sort_unstable();
                written.words.dedup();
                words = words.saturating_sub(written.words.len());
                bodies.written[block as usize] = written.regs;
                if let Some(head) = self.heads.get_mut(block as usize).and_then(Option::as_mut) {
                    head.seed = Some(written);
                }
            }
        }
        if self.may_count() {
            let heads = (0..).zip(&bodies.inside).zip(&mut self.heads);
            for (_, head) in heads.filter(|((at, inside), _)| at != *inside) {
                head.iter_mut().for_each(|head| head.is_counted = true);
            }
        }
    }

    /// Blocks from which control comes back to a head without leaving the loop.
    fn gather_body(&self, head: u32, bodies: &mut Bodies, written: &mut Written, words: &mut usize) {
        let rank = |block: u32| self.graph.rank.get(block as usize).copied().unwrap_or(0);
        bodies.work.clear();
        let mut block = head;
        loop {
            let (from, to) = (bodies.starts[block as usize] as usize, bodies.starts[block as usize + 1] as usize);
            for at in from..to {
                let leading = bodies.leading[at];
                let leading = bodies.outermost(leading);
                if leading != head && rank(leading) > rank(head) {
                    bodies.inside[leading as usize] = head;
                    bodies.work.push(leading);
                }
            }
            let Some(next) = bodies.work.pop() else { return };
            block = next;
            written.regs.join(bodies.written[block as usize]);
            match self.heads.get(block as usize).and_then(Option::as_ref).and_then(|head| head.seed.as_ref()) {
                Some(inner) if inner.words.len() <= *words => {
                    *words -= inner.words.len();
                    written.words.extend_from_slice(&inner.words);
                }
                Some(_) => {}
                None => self.note_words(block, written),
            }
        }
    }

    /// Words of the frame that a block writes.
    fn note_words(&self, block: u32, written: &mut Written) {
        let block = self.graph.blocks[block as usize];
        let insts = &self.graph.insts;
        let (from, to) = (insts[block.first as usize].first as usize, insts[block.end as usize].first as usize);
        // What lies too far above the stack pointer is reached by a number in a register, put there just before.
        let mut far = None;
        for step in self.graph.steps.get(from..to).unwrap_or_default() {
            if let Step::Store { to: Place { base: Base::Stack, index, disp, bytes: 8 }, .. } = *step {
                match (index, far) {
                    (None, _) => written.words.push(disp),
                    (Some((reg, 0)), Some((to, by))) if reg == to => written.words.push(disp.saturating_add(by)),
                    _ => {}
                }
            }
            far = match *step {
                Step::Const { to, value } => Some((to, value)),
                _ => None,
            };
        }
    }

    /// Registers that a block writes.
    fn written_by(&self, at: usize) -> Regs {
        let mut regs = Regs::default();
        let block = self.graph.blocks[at];
        let insts = &self.graph.insts;
        let (from, to) = (insts[block.first as usize].first as usize, insts[block.end as usize].first as usize);
        let clobbers_at = |offset: i64| {
            let helper = usize::try_from(offset / 8).ok().and_then(|at| self.contract.pool.get(at));
            !matches!(helper, Some(PoolEntry::Helper(Helper::Poll | Helper::Trap | Helper::Rare)))
        };
        // The register that was loaded last from the pool, and from where.
        let mut named = None;
        for step in self.graph.steps.get(from..to).unwrap_or_default() {
            step.each_written(|reg| regs.add(reg));
            let clobbers = match *step {
                Step::Call { .. } => true,
                Step::CallReg { reg } => named.is_none_or(|(of, offset)| Reg::Int(reg) != of || clobbers_at(offset)),
                Step::CallPool { offset } => clobbers_at(offset),
                Step::LoadPool { to: Some(to), offset, .. } => {
                    named = Some((to, offset));
                    false
                }
                _ => false,
            };
            if let (Step::Call { .. } | Step::CallReg { .. } | Step::CallPool { .. }, Some(link)) =
                (step, self.machine.link)
            {
                regs.add(Reg::Int(link));
            }
            if clobbers {
                self.machine.clobbered.iter().for_each(|reg| regs.add(Reg::Int(*reg)));
                (regs.vectors, regs.masks) = (u32::MAX, u32::MAX);
            }
        }
        regs
    }

    /// A loop's head is come to for the first time: what its loop writes is not taken to stay. Addresses are, for now: most are only read again from where they are kept.
    pub(super) fn plant(&self, head: &mut Head, first: &State) {
        let Some(Written { regs, live, words }) = head.seed.take() else { return };
        let known = Known { values: self.values, state: first };
        let special = [self.machine.context, self.machine.fuel, self.machine.depth];
        let ints = (0..).zip(first.ints).filter(|(reg, _)| regs.ints >> reg & 1 != 0 && !special.contains(reg));
        let ints = ints.map(|(reg, id)| (Location::Reg(Reg::Int(reg)), id));
        // Where a loop moves the stack pointer, these are others, which then need not have been set free.
        let words = words.into_iter().map(|disp| first.sp.saturating_add(disp));
        let words = words.map(|at| (Location::Slot(at), first.slots.get(at)));
        // What is written again before it is read need not be anything.
        let nothing = |location: Location| Fresh {
            location,
            lo: i64::MIN,
            hi: i64::MAX,
            counts: false,
            falls: false,
            extent: None,
        };
        for (location, id) in ints.chain(words) {
            if id == UNKNOWN {
                continue;
            }
            if matches!(location, Location::Reg(Reg::Int(reg)) if live >> (reg & 31) & 1 == 0) {
                head.fresh.push(nothing(location));
                continue;
            }
            if self.values.is_address(id) {
                continue;
            }
            match self.values.def(id) {
                Def::Context | Def::Frame(_) | Def::Helper(_) | Def::Mark | Def::Lane(..) => continue,
                Def::Entry(_) if !first.slots.is_near_top(id) => continue,
                _ => {}
            }
            let (lo, counts) = match self.expected {
                Expected::NoLess => (known.least(id), self.values.get(id).counts),
                Expected::Any => (i64::MIN, false),
            };
            let falls = self.may_fall(head, first, id);
            head.fresh.push(Fresh { location, lo, hi: i64::MAX, counts, falls, extent: None });
        }
        let mut plant = |set: u32, held: &[u32], of: fn(u8) -> Reg| {
            for (reg, id) in (0..).zip(held) {
                // What a register held at the entry is kept by calls, and given back by what saves it in the loop.
                let is_kept = matches!(self.values.def(*id), Def::Entry(_)) && !first.slots.is_near_top(*id);
                if *id != UNKNOWN && set >> reg & 1 != 0 && !is_kept {
                    let location = Location::Reg(of(reg));
                    head.fresh.push(nothing(location));
                }
            }
        };
        plant(regs.vectors, &first.vectors, Reg::Vector);
        plant(regs.masks, &first.masks, Reg::Mask);
    }
}

impl Bodies {
    /// The head of the outermost loop found so far that a block is in, or the block.
    fn outermost(&mut self, block: u32) -> u32 {
        let mut block = block;
        while self.inside[block as usize] != block {
            let further = self.inside[self.inside[block as usize] as usize];
            self.inside[block as usize] = further;
            block = further;
        }
        block
    }
}
