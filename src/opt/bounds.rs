//! Checks that cannot fail: additions that cannot overflow, indices that lie in their arrays.
//!
//! One walk along the nesting keeps, for each whole number, the least and the greatest that it can be, and for pairs of them how far one can exceed
//! the other. Both come from what computes a value, from the conditions around, from arms that left, and from checks that have passed; what
//! a region learns is forgotten at its end. A check whose outcome is known becomes the form without one: wrapping arithmetic, or
//! [`InstKind::AssumeInBounds`], which keeps the proof in sight.

use super::replace::Replace;
use crate::ir::func::{Func, InstId, InstKind, RegionId, Ty, Value};
use crate::ir::index::Index;
use crate::ir::op::{ArrayOp, Op, Scalar};
use crate::types::Elem;
use std::collections::HashMap;

/// The least and the greatest that a value can be.
type Range = (i64, i64);

const FULL: Range = (i64::MIN, i64::MAX);

/// What an array's length can be.
const LENGTH: Range = (0, i64::MAX);

/// At most so many parts of a condition are looked at.
const CONDITION_PARTS: usize = 16;

/// Removes the checks of a function that cannot fail.
pub(super) fn remove_checks(func: &mut Func) {
    let is_check = |kind| match kind {
        InstKind::BoundsCheck => true,
        InstKind::Op(op) => {
            matches!(op, Op::IAdd | Op::ISub | Op::IMul | Op::IAbs | Op::INarrowI32 | Op::INarrowU8)
        }
        _ => false,
    };
    // Lanes of vectors are the business of kernels.
    if func.values.iter().any(|ty| ty.lanes != 1) || !func.insts.iter().any(|inst| is_check(inst.kind)) {
        return;
    }
    let index = Index::new(func);
    let replace = Replace::new(func);
    let values = func.values.len();
    let mut bounds = Bounds {
        func,
        index,
        replace,
        range: vec![FULL; values],
        offset: (0..values as u32).map(|value| (Value(value), 0)).collect(),
        excess: HashMap::new(),
        joined: vec![None; values],
        log: Vec::new(),
    };
    bounds.walk();
    let Bounds { func, replace, .. } = bounds;
    replace.apply(func);
}

/// A region in the middle of the walk.
struct Frame {
    region: RegionId,
    insts: std::vec::IntoIter<InstId>,
    kept: Vec<InstId>,
    /// How long the log was at its start.
    log: usize,
}

enum Work {
    /// A region, and a condition that has this value in it.
    Enter(RegionId, Option<(Value, bool)>),
    /// The end of a structured instruction, and a condition that has this value behind it.
    Close(InstId, Option<(Value, bool)>),
    Resume(Frame),
}

/// What was known before, to be known again at a region's end.
enum Undo {
    Range(Value, Range),
    Excess((Value, Value), Option<i128>),
}

/// Where a loop's parameter goes from one iteration to the next.
#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Nowhere,
    Up,
    Down,
    Anywhere,
}

struct Bounds<'a> {
    func: &'a mut Func,
    index: Index,
    replace: Replace,
    range: Vec<Range>,
    /// A value is another one plus this, without wrapping around.
    offset: Vec<(Value, i64)>,
    /// For two values that are no offsets: the first exceeds the second by at most so much.
    excess: HashMap<(Value, Value), i128>,
    /// What the ways out of structured instructions carry, as far as they were seen.
    joined: Vec<Option<Range>>,
    log: Vec<Undo>,
}

impl Bounds<'_> {
    fn walk(&mut self) {
        let params = self.func.params.clone();
        self.lengths(&params);
        let mut work = vec![Work::Enter(self.func.body(), None)];
        while let Some(next) = work.pop() {
            match next {
                Work::Resume(frame) => self.resume(frame, &mut work),
                Work::Close(id, known) => self.close(id, known),
                Work::Enter(region, known) => {
                    let insts = std::mem::take(&mut self.func.regions[region.index()].insts);
                    let kept = Vec::with_capacity(insts.len());
                    let frame = Frame { region, insts: insts.into_iter(), kept, log: self.log.len() };
                    self.assume_all(known);
                    self.resume(frame, &mut work);
                }
            }
        }
    }

    fn resume(&mut self, mut frame: Frame, work: &mut Vec<Work>) {
        while let Some(id) = frame.insts.next() {
            let kind = self.func.inst(id).kind;
            if !kind.is_structured() {
                if self.inst(id) {
                    frame.kept.push(id);
                }
                continue;
            }
            frame.kept.push(id);
            work.push(Work::Resume(frame));
            match kind {
                InstKind::If(yes, no) => {
                    let cond = self.func.args(id)[0];
                    let known = self.holds_behind(id, no).map(|holds| (cond, holds));
                    work.push(Work::Close(id, known));
                    work.push(Work::Enter(no, Some((cond, false))));
                    work.push(Work::Enter(yes, Some((cond, true))));
                }
                InstKind::Loop(region) => {
                    self.loop_params(id, region);
                    work.push(Work::Close(id, None));
                    work.push(Work::Enter(region, None));
                }
                _ => {
                    work.push(Work::Close(id, None));
                    work.extend(kind.regions().map(|region| Work::Enter(region, None)));
                }
            }
            return;
        }
        self.func.regions[frame.region.index()].insts = frame.kept;
        for undo in self.log.drain(frame.log..).rev() {
            match undo {
                Undo::Range(value, range) => self.range[value.index()] = range,
                Undo::Excess(pair, Some(by)) => {
                    self.excess.insert(pair, by);
                }
                Undo::Excess(pair, None) => {
                    self.excess.remove(&pair);
                }
            }
        }
    }

    /// Which value an `If`'s condition has behind it, if only one arm goes there.
    fn holds_behind(&self, id: InstId, no: RegionId) -> Option<bool> {
        let first_of_no = self.func.regions[no.index()].insts.first()?;
        let border = self.index.position[first_of_no.index()];
        let mut from_yes = self.index.exits[id.index()].iter().map(|exit| self.index.position[exit.index()] < border);
        let first = from_yes.next()?;
        from_yes.all(|yes| yes == first).then_some(first)
    }

    fn close(&mut self, id: InstId, known: Option<(Value, bool)>) {
        for result in self.func.results(id) {
            self.range[result.index()] = self.joined[result.index()].unwrap_or(FULL);
        }
        self.assume_all(known);
    }

    /// What a loop's parameters can be in any iteration: no less than at the start if they only grow, and the other way round.
    fn loop_params(&mut self, id: InstId, region: RegionId) {
        let mut guards: HashMap<Value, u32> = HashMap::new();
        for &inst in &self.func.regions[region.index()].insts {
            if let InstKind::If(_, no) = self.func.inst(inst).kind
                && self.holds_behind(inst, no) == Some(true)
                && let Some((Op::ILt, [lesser, _])) = self.comparison(self.func.args(inst)[0])
            {
                guards.entry(lesser).or_insert(self.index.position[inst.index()]);
            }
        }
        for i in 0..self.func.regions[region.index()].params.len() {
            let param = self.func.regions[region.index()].params[i];
            if self.func.ty(param) != Ty::one(Scalar::I64) {
                continue;
            }
            let first = self.range[self.func.args(id)[i].index()];
            let (mut min, mut max) = first;
            for &repeat in &self.index.repeats[id.index()] {
                let next = self.func.args(repeat)[i];
                let direction = self.direction(param, next, region, guards.get(&param).copied());
                if matches!(direction, Direction::Down | Direction::Anywhere) {
                    min = FULL.0;
                }
                if matches!(direction, Direction::Up | Direction::Anywhere) {
                    max = FULL.1;
                }
            }
            self.range[param.index()] = (min, max);
        }
    }

    /// How the next value of a parameter compares with the current one. `guard`: behind this place in the loop's own region it is less than something.
    fn direction(&self, param: Value, next: Value, region: RegionId, guard: Option<u32>) -> Direction {
        if next == param {
            return Direction::Nowhere;
        }
        let Some(id) = self.index.inst(next) else { return Direction::Anywhere };
        let InstKind::Op(op) = self.func.inst(id).kind else { return Direction::Anywhere };
        let &[a, b] = self.func.args(id) else { return Direction::Anywhere };
        let step = if a == param {
            b
        } else if b == param && op != Op::ISub {
            a
        } else {
            return Direction::Anywhere;
        };
        // What the loop itself defines was not walked yet, but for constants.
        let (min, max) = match self.index.inst(step).map(|id| self.func.inst(id).kind) {
            Some(InstKind::ConstI64(n)) => (n, n),
            _ => self.range[step.index()],
        };
        let is_behind_guard = guard
            .is_some_and(|guard| self.index.region[id.index()] == region && self.index.position[id.index()] > guard);
        match op {
            Op::IAdd if min >= 0 => Direction::Up,
            Op::IAdd if max <= 0 => Direction::Down,
            Op::ISub if min >= 0 => Direction::Down,
            Op::ISub if max <= 0 => Direction::Up,
            // What is less than something has a successor.
            Op::IWrappingAdd if (min, max) == (1, 1) && is_behind_guard => Direction::Up,
            _ => Direction::Anywhere,
        }
    }

    /// Array lengths among these values: a whole number behind an address.
    fn lengths(&mut self, values: &[Value]) {
        for pair in values.windows(2) {
            if self.func.ty(pair[0]).scalar == Scalar::Ptr && self.func.ty(pair[1]).scalar == Scalar::I64 {
                self.range[pair[1].index()] = LENGTH;
            }
        }
    }

    /// An instruction that is not structured; `false` where it is not needed any more.
    fn inst(&mut self, id: InstId) -> bool {
        let inst = *self.func.inst(id);
        let (args, len) = {
            let list = self.func.args(id);
            let mut args = [Value(0); 3];
            for (to, from) in args.iter_mut().zip(list) {
                *to = *from;
            }
            (args, list.len())
        };
        let result = inst.first_result;
        match inst.kind {
            InstKind::Exit(target) => self.join(id, target),
            InstKind::ConstI64(n) => self.range[result.index()] = (n, n),
            InstKind::Op(op) if op.result() == Scalar::I64 => return self.op(id, op, &args[..len.min(3)]),
            InstKind::Select if self.func.ty(result).scalar == Scalar::I64 => {
                self.range[result.index()] = hull(self.range[args[1].index()], self.range[args[2].index()]);
            }
            InstKind::BoundsCheck | InstKind::AssumeInBounds => {
                let [index, length, _] = args;
                if self.range[index.index()].0 >= 0 && self.is_less(index, length) {
                    self.func.insts[id.index()].kind = InstKind::AssumeInBounds;
                }
                self.refine(index, (0, FULL.1));
                self.assume_excess(index, length, -1);
                self.same(result, index);
            }
            InstKind::SliceCheck => {
                let [lo, hi, length] = args;
                self.refine(lo, (0, FULL.1));
                self.assume_excess(lo, hi, 0);
                self.assume_excess(hi, length, 0);
                self.range[result.index()] = (0, self.range[length.index()].1.max(0));
            }
            InstKind::Alloc(_) => self.refine(args[0], LENGTH),
            InstKind::Load(Elem::U8) => self.range[result.index()] = (0, 255),
            InstKind::Load(Elem::I32) => self.range[result.index()] = (i64::from(i32::MIN), i64::from(i32::MAX)),
            InstKind::ArrayOp(ArrayOp::Count, _) => self.range[result.index()] = LENGTH,
            InstKind::Call(_) => {
                let results: Vec<Value> = self.func.results(id).collect();
                self.lengths(&results);
            }
            _ => {}
        }
        true
    }

    /// What a way out carries.
    fn join(&mut self, exit: InstId, target: InstId) {
        for (i, result) in self.func.results(target).enumerate() {
            let range = self.range[self.func.args(exit)[i].index()];
            let joined = &mut self.joined[result.index()];
            *joined = Some(joined.map_or(range, |joined| hull(joined, range)));
        }
    }

    /// `value` is `other`.
    fn same(&mut self, value: Value, other: Value) {
        self.range[value.index()] = self.range[other.index()];
        self.offset[value.index()] = self.offset[other.index()];
    }

    /// An operation that gives a whole number; `false` where its operand is the result.
    fn op(&mut self, id: InstId, op: Op, args: &[Value]) -> bool {
        let result = self.func.inst(id).first_result;
        let a = args.first().map_or(FULL, |arg| self.range[arg.index()]);
        let b = args.get(1).map_or(FULL, |arg| self.range[arg.index()]);
        if let Some((exact, wrapping)) = exact_range(op, a, b) {
            let fits = exact.0 >= i128::from(i64::MIN) && exact.1 <= i128::from(i64::MAX);
            let is_wrapping = op == wrapping;
            if fits {
                self.func.insts[id.index()].kind = InstKind::Op(wrapping);
            }
            if fits || !is_wrapping {
                self.range[result.index()] = (saturate(exact.0), saturate(exact.1));
                self.note_offset(result, op, args, a, b);
            }
            return true;
        }
        let is_same = match op {
            Op::IAbs => a.0 >= 0,
            Op::INarrowI32 => a.0 >= i64::from(i32::MIN) && a.1 <= i64::from(i32::MAX),
            Op::INarrowU8 => a.0 >= 0 && a.1 <= 255,
            _ => false,
        };
        if is_same {
            self.replace.set(result, args[0]);
            self.same(result, args[0]);
            return false;
        }
        self.range[result.index()] = range_of(op, a, b);
        true
    }

    /// A sum with a constant is an offset.
    fn note_offset(&mut self, result: Value, op: Op, args: &[Value], a: Range, b: Range) {
        let &[x, y] = args else { return };
        let (base, by) = match op {
            Op::IAdd | Op::IWrappingAdd if b.0 == b.1 => (x, Some(b.0)),
            Op::IAdd | Op::IWrappingAdd if a.0 == a.1 => (y, Some(a.0)),
            Op::ISub | Op::IWrappingSub if b.0 == b.1 => (x, b.0.checked_neg()),
            _ => return,
        };
        let (base, offset) = self.offset[base.index()];
        if let Some(offset) = by.and_then(|by| offset.checked_add(by)) {
            self.offset[result.index()] = (base, offset);
        }
    }

    /// Whether `a < b` is known.
    fn is_less(&self, a: Value, b: Value) -> bool {
        if self.range[a.index()].1 < self.range[b.index()].0 {
            return true;
        }
        let ((a, plus_a), (b, plus_b)) = (self.offset[a.index()], self.offset[b.index()]);
        let allowed = i128::from(plus_b) - i128::from(plus_a) - 1;
        if a == b { allowed >= 0 } else { self.excess.get(&(a, b)).is_some_and(|&excess| excess <= allowed) }
    }

    /// From here to the end of the region, `a - b <= by`.
    fn assume_excess(&mut self, a: Value, b: Value, by: i64) {
        let most = i128::from(self.range[b.index()].1) + i128::from(by);
        let least = i128::from(self.range[a.index()].0) - i128::from(by);
        self.refine(a, (FULL.0, saturate(most)));
        self.refine(b, (saturate(least), FULL.1));
        let ((a, plus_a), (b, plus_b)) = (self.offset[a.index()], self.offset[b.index()]);
        let by = i128::from(by) - i128::from(plus_a) + i128::from(plus_b);
        let before = self.excess.get(&(a, b)).copied();
        if a != b && before.is_none_or(|before| by < before) {
            self.excess.insert((a, b), by);
            self.log.push(Undo::Excess((a, b), before));
        }
    }

    /// From here to the end of the region, a value lies in this range, and what it is an offset of accordingly.
    fn refine(&mut self, value: Value, to: Range) {
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

    fn comparison(&self, value: Value) -> Option<(Op, [Value; 2])> {
        let id = self.index.inst(value)?;
        let InstKind::Op(op) = self.func.inst(id).kind else { return None };
        match *self.func.args(id) {
            [a, b] => Some((op, [a, b])),
            [a] => Some((op, [a, a])),
            _ => None,
        }
    }

    /// From here to the end of the region, a condition has this value.
    fn assume_all(&mut self, known: Option<(Value, bool)>) {
        let mut work: Vec<(Value, bool)> = known.into_iter().collect();
        for _ in 0..CONDITION_PARTS {
            let Some((cond, holds)) = work.pop() else { return };
            let Some((op, [a, b])) = self.comparison(cond) else { continue };
            match (op, holds) {
                (Op::BNot, _) => work.push((a, !holds)),
                (Op::BAnd, true) | (Op::BOr, false) => work.extend([(a, holds), (b, holds)]),
                (Op::ILt, true) => self.assume_excess(a, b, -1),
                (Op::ILt, false) => self.assume_excess(b, a, 0),
                (Op::ILe, true) => self.assume_excess(a, b, 0),
                (Op::ILe, false) => self.assume_excess(b, a, -1),
                (Op::IEq, true) | (Op::INe, false) => {
                    self.assume_excess(a, b, 0);
                    self.assume_excess(b, a, 0);
                }
                _ => {}
            }
        }
    }
}

fn hull(a: Range, b: Range) -> Range {
    (a.0.min(b.0), a.1.max(b.1))
}

fn saturate(n: i128) -> i64 {
    n.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// What a sum, difference or product is before it is made to fit, and the operation that does not check whether it does.
fn exact_range(op: Op, a: Range, b: Range) -> Option<((i128, i128), Op)> {
    let [a0, a1, b0, b1] = [a.0, a.1, b.0, b.1].map(i128::from);
    Some(match op {
        Op::IAdd | Op::IWrappingAdd => ((a0 + b0, a1 + b1), Op::IWrappingAdd),
        Op::ISub | Op::IWrappingSub => ((a0 - b1, a1 - b0), Op::IWrappingSub),
        Op::IMul | Op::IWrappingMul => {
            let [p, q, r, s] = [a0 * b0, a0 * b1, a1 * b0, a1 * b1];
            ((p.min(q).min(r).min(s), p.max(q).max(r).max(s)), Op::IWrappingMul)
        }
        _ => return None,
    })
}

/// What any other operation can give.
fn range_of(op: Op, a: Range, b: Range) -> Range {
    let constant = (b.0 == b.1).then_some(b.0);
    match (op, constant) {
        (Op::IAnd, _) if a.0 >= 0 && b.0 >= 0 => (0, a.1.min(b.1)),
        (Op::IAnd, _) if a.0 >= 0 => (0, a.1),
        (Op::IAnd, _) if b.0 >= 0 => (0, b.1),
        (Op::IShr, Some(n)) if n & 63 != 0 => {
            if a.0 >= 0 {
                (a.0 >> (n & 63), a.1 >> (n & 63))
            } else {
                (0, (u64::MAX >> (n & 63)) as i64)
            }
        }
        (Op::ISar, Some(n)) => (a.0 >> (n & 63), a.1 >> (n & 63)),
        (Op::IDiv, Some(n)) if n > 0 => (a.0 / n, a.1 / n),
        (Op::IFloorDiv, Some(n)) if n > 0 => (a.0.div_euclid(n), a.1.div_euclid(n)),
        (Op::IFloorMod, Some(n)) if n > 0 => (0, n - 1),
        (Op::IRem, Some(n)) if n > 0 => {
            (if a.0 >= 0 { 0 } else { a.0.max(1 - n) }, if a.1 <= 0 { 0 } else { a.1.min(n - 1) })
        }
        (Op::IMin, _) => (a.0.min(b.0), a.1.min(b.1)),
        (Op::IMax, _) => (a.0.max(b.0), a.1.max(b.1)),
        (Op::IAbs | Op::IGcd, _) => LENGTH,
        (Op::IPopcount | Op::IClz | Op::ICtz, _) => (0, 64),
        (Op::ISign, _) => (-1, 1),
        (Op::BToI, _) => (0, 1),
        (Op::INarrowI32, _) => clamp(a, (i64::from(i32::MIN), i64::from(i32::MAX))),
        (Op::INarrowU8, _) => clamp(a, (0, 255)),
        _ => FULL,
    }
}

fn clamp(a: Range, to: Range) -> Range {
    (a.0.clamp(to.0, to.1), a.1.clamp(to.0, to.1))
}
