//! What is known of whole numbers at a place: the range of each, offsets, and by how much one exceeds another; and what to forget behind a region.

use super::ranges::{FULL, Range, saturate};
use crate::ir::func::Value;

/// So many of the latest facts about a value are looked at.
const RECENT: usize = 5;
/// Through so many values in between.
const STEPS: u32 = 2;

/// What was known before, to be known again at a region's end.
enum Undo {
    Range(Value, Range),
    /// The latest of the facts.
    Fact,
}

/// For two values that are no offsets: the first exceeds the second by at most so much.
#[derive(Clone, Copy)]
struct Fact {
    a: Value,
    b: Value,
    by: i128,
    /// The fact about `a` before this one.
    before: u32,
}

const NO_FACT: u32 = u32::MAX;

/// The facts that hold where the walk is.
pub(super) struct Facts {
    range: Vec<Range>,
    /// A value is another one plus this, without wrapping around.
    offset: Vec<(Value, i64)>,
    facts: Vec<Fact>,
    /// For each value the latest fact about it.
    latest: Vec<u32>,
    log: Vec<Undo>,
}

impl Facts {
    /// Nothing is known of so many values.
    pub(super) fn new(values: usize) -> Facts {
        Facts {
            range: vec![FULL; values],
            offset: (0..values as u32).map(|value| (Value(value), 0)).collect(),
            facts: Vec::new(),
            latest: vec![NO_FACT; values],
            log: Vec::new(),
        }
    }

    /// A value made since.
    pub(super) fn add(&mut self, value: Value, range: Range) {
        self.range.push(range);
        self.offset.push((value, 0));
        self.latest.push(NO_FACT);
    }

    pub(super) fn range(&self, value: Value) -> Range {
        self.range[value.index()]
    }

    /// What the value is wherever it is used.
    pub(super) fn set_range(&mut self, value: Value, range: Range) {
        self.range[value.index()] = range;
    }

    /// `value` is `other`.
    pub(super) fn same(&mut self, value: Value, other: Value) {
        self.range[value.index()] = self.range[other.index()];
        self.offset[value.index()] = self.offset[other.index()];
    }

    /// `value` is `base + by`, which does not wrap around.
    pub(super) fn set_offset(&mut self, value: Value, base: Value, by: i64) {
        let (base, offset) = self.offset[base.index()];
        if let Some(offset) = offset.checked_add(by) {
            self.offset[value.index()] = (base, offset);
        }
    }

    /// How much was learnt so far.
    pub(super) fn mark(&self) -> usize {
        self.log.len()
    }

    /// Forgets what was learnt since.
    pub(super) fn forget(&mut self, mark: usize) {
        for undo in self.log.drain(mark..).rev() {
            match undo {
                Undo::Range(value, range) => self.range[value.index()] = range,
                Undo::Fact => {
                    if let Some(fact) = self.facts.pop() {
                        self.latest[fact.a.index()] = fact.before;
                    }
                }
            }
        }
    }

    /// Whether `a < b` is known.
    pub(super) fn is_less(&self, a: Value, b: Value) -> bool {
        self.excess(a, b) < 0
    }

    /// By how much `a` exceeds `b` at the most.
    pub(super) fn excess(&self, a: Value, b: Value) -> i128 {
        let by_range = i128::from(self.range[a.index()].1) - i128::from(self.range[b.index()].0);
        let ((a, plus_a), (b, plus_b)) = (self.offset[a.index()], self.offset[b.index()]);
        let apart = i128::from(plus_a) - i128::from(plus_b);
        if a == b {
            return apart;
        }
        self.excess_of_bases(a, b, STEPS).map_or(by_range, |by| by_range.min(by + apart))
    }

    fn excess_of_bases(&self, a: Value, b: Value, steps: u32) -> Option<i128> {
        let mut least: Option<i128> = None;
        for fact in self.facts_about(a) {
            let by = if fact.b == b {
                Some(fact.by)
            } else if steps > 0 {
                self.excess_of_bases(fact.b, b, steps - 1).map(|by| by + fact.by)
            } else {
                None
            };
            least = least.into_iter().chain(by).min();
        }
        least
    }

    /// The latest facts about a value.
    fn facts_about(&self, a: Value) -> impl Iterator<Item = &Fact> {
        let fact = |at: u32| self.facts.get(at as usize);
        std::iter::successors(fact(self.latest[a.index()]), move |next| fact(next.before)).take(RECENT)
    }

    /// From here to the end of the region, `a - b <= by`.
    pub(super) fn assume_excess(&mut self, a: Value, b: Value, by: i64) {
        let most = i128::from(self.range[b.index()].1) + i128::from(by);
        let least = i128::from(self.range[a.index()].0) - i128::from(by);
        self.refine(a, (FULL.0, saturate(most)));
        self.refine(b, (saturate(least), FULL.1));
        let ((a, plus_a), (b, plus_b)) = (self.offset[a.index()], self.offset[b.index()]);
        let by = i128::from(by) - i128::from(plus_a) + i128::from(plus_b);
        if a != b && self.facts_about(a).all(|fact| fact.b != b || by < fact.by) {
            let before = self.latest[a.index()];
            self.latest[a.index()] = self.facts.len() as u32;
            self.facts.push(Fact { a, b, by, before });
            self.log.push(Undo::Fact);
        }
    }

    /// From here to the end of the region, a value lies in this range, and what it is an offset of accordingly.
    pub(super) fn refine(&mut self, value: Value, to: Range) {
        self.refine_one(value, to);
        let (base, offset) = self.offset[value.index()];
        if base != value {
            let shift = |n: i64| i128::from(n) - i128::from(offset);
            let (min, max) = self.range[value.index()];
            self.refine_one(base, (saturate(shift(min)), saturate(shift(max))));
        }
    }

    fn refine_one(&mut self, value: Value, (min, max): Range) {
        let before = self.range[value.index()];
        let after = (before.0.max(min), before.1.min(max));
        // Where nothing is left, control never comes.
        if after != before && after.0 <= after.1 {
            self.range[value.index()] = after;
            self.log.push(Undo::Range(value, before));
        }
    }
}
