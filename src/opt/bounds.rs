//! Checks that cannot fail: additions that cannot overflow, indices that lie in their arrays. And what is cheaper once it is known in what range its
//! operands lie: comparisons whose outcome is known, divisions of what is not negative.
//!
//! One walk along the nesting keeps, for each whole number, the least and the greatest that it can be, and for pairs of them how far one can exceed
//! the other. Both come from what computes a value ([`super::growth`] for what loops carry), from the conditions around, from arms that left, and from
//! checks that have passed; what a region learns is forgotten at its end. A check whose outcome is known becomes the form without one: wrapping
//! arithmetic, or [`InstKind::AssumeInBounds`], which keeps the proof in sight.

use super::facts::Facts;
use super::growth::{Growth, holds_behind};
use super::ranges::{FULL, LENGTH, Range, both, exact_range, hull, passed, range_of};
use super::replace::Replace;
use super::speculate::Kept;
use crate::ir::func::{Func, Inst, InstId, InstKind, RegionId, Ty, Value};
use crate::ir::index::Index;
use crate::ir::op::{ArrayOp, Op, Scalar};
use crate::span::Span;
use crate::types::Elem;

/// At most so many parts of a condition are looked at.
const CONDITION_PARTS: usize = 16;

/// What became of a function's checks.
#[derive(Default)]
pub(super) struct Removed {
    /// Whether a condition became a constant.
    pub(super) decided: bool,
    /// The checked sums, differences and products that are left.
    pub(super) kept: Vec<Kept>,
}

/// Removes the checks of a function that cannot fail.
pub(super) fn remove_checks(func: &mut Func) -> Removed {
    let of_interest = |kind| match kind {
        InstKind::BoundsCheck => true,
        InstKind::Op(op) => matches!(
            op,
            Op::IAdd
                | Op::ISub
                | Op::IMul
                | Op::IWrappingMul
                | Op::IAbs
                | Op::INarrowI32
                | Op::INarrowU8
                | Op::IDiv
                | Op::IRem
                | Op::IFloorDiv
                | Op::IFloorMod
                | Op::ILt
                | Op::ILe
        ),
        _ => false,
    };
    // Lanes of vectors are the business of kernels.
    if !func.insts.iter().any(|inst| of_interest(inst.kind)) || func.values.iter().any(|ty| ty.lanes != 1) {
        return Removed::default();
    }
    let index = Index::new(func);
    let growth = Growth::new(func, &index);
    let replace = Replace::new(func);
    let values = func.values.len();
    let mut bounds = Bounds {
        func,
        index,
        growth,
        replace,
        facts: Facts::new(values),
        joined: vec![None; values],
        new: Vec::new(),
        removed: Removed::default(),
    };
    bounds.walk();
    let Bounds { func, replace, removed, .. } = bounds;
    replace.apply(func);
    removed
}

/// A region in the middle of the walk.
struct Frame {
    region: RegionId,
    insts: std::vec::IntoIter<InstId>,
    kept: Vec<InstId>,
    /// What was known at its start.
    mark: usize,
}

enum Work {
    /// A region, and a condition that has this value in it.
    Enter(RegionId, Option<(Value, bool)>),
    /// The end of a structured instruction, and a condition that has this value behind it.
    Close(InstId, Option<(Value, bool)>),
    Resume(Frame),
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
    growth: Growth,
    replace: Replace,
    facts: Facts,
    /// What the ways out of structured instructions carry, as far as they were seen.
    joined: Vec<Option<Range>>,
    /// Instructions to be put before the current one.
    new: Vec<InstId>,
    removed: Removed,
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
                    let frame = Frame { region, insts: insts.into_iter(), kept, mark: self.facts.mark() };
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
                let is_kept = self.inst(id);
                frame.kept.append(&mut self.new);
                if is_kept {
                    frame.kept.push(id);
                }
                continue;
            }
            frame.kept.push(id);
            work.push(Work::Resume(frame));
            match kind {
                InstKind::If(yes, no) => {
                    let cond = self.func.args(id)[0];
                    let known = holds_behind(self.func, &self.index, id, no).map(|holds| (cond, holds));
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
        self.func.regions[frame.region.index()].insts = frame.kept.into();
        self.facts.forget(frame.mark);
    }

    fn close(&mut self, id: InstId, known: Option<(Value, bool)>) {
        for result in self.func.results(id) {
            self.set_range(result, self.joined[result.index()].unwrap_or(FULL));
        }
        self.assume_all(known);
    }

    /// What a loop's parameters can be in any iteration: no less than at the start if they only grow, and the other way round.
    fn loop_params(&mut self, id: InstId, region: RegionId) {
        for i in 0..self.func.regions[region.index()].params.len() {
            let param = self.func.regions[region.index()].params[i];
            if self.func.ty(param) != Ty::one(Scalar::I64) {
                continue;
            }
            let first = self.func.args(id)[i];
            let (mut up, mut down) = (false, false);
            for &repeat in &self.index.repeats[id.index()] {
                let direction = self.direction(param, self.func.args(repeat)[i]);
                up |= matches!(direction, Direction::Up | Direction::Anywhere);
                down |= matches!(direction, Direction::Down | Direction::Anywhere);
            }
            let (min, max) = self.facts.range(first);
            self.set_range(param, (if down { FULL.0 } else { min }, if up { FULL.1 } else { max }));
            if !down {
                self.facts.assume_excess(first, param, 0);
            }
            if !up {
                self.facts.assume_excess(param, first, 0);
            }
        }
    }

    /// How the next value of a parameter compares with the current one.
    fn direction(&self, param: Value, next: Value) -> Direction {
        if next == param {
            return Direction::Nowhere;
        }
        let Some(id) = self.index.inst(next) else { return Direction::Anywhere };
        let InstKind::Op(op) = self.func.inst(id).kind else { return Direction::Anywhere };
        let &[a, b] = self.func.args(id) else { return Direction::Anywhere };
        let step = if a == param {
            b
        } else if b == param && !matches!(op, Op::ISub | Op::IWrappingSub) {
            a
        } else {
            return Direction::Anywhere;
        };
        // What the loop itself defines was not walked yet, but for constants.
        let (min, max) = match self.index.inst(step).map(|id| self.func.inst(id).kind) {
            Some(InstKind::ConstI64(n)) => (n, n),
            _ => both(self.growth.range(step), self.facts.range(step)),
        };
        // Where the sum only counts, it does not wrap around.
        let fits = self.growth.counts(next);
        match op {
            Op::IAdd if min >= 0 => Direction::Up,
            Op::IAdd if max <= 0 => Direction::Down,
            Op::ISub if min >= 0 => Direction::Down,
            Op::ISub if max <= 0 => Direction::Up,
            Op::IWrappingAdd if fits && min >= 0 => Direction::Up,
            Op::IWrappingAdd if fits && max <= 0 => Direction::Down,
            Op::IWrappingSub if fits && min >= 0 => Direction::Down,
            Op::IWrappingAdd if self.growth.is_guarded(id) => Direction::Up,
            _ => Direction::Anywhere,
        }
    }

    /// Array lengths among these values: a whole number behind an address.
    fn lengths(&mut self, values: &[Value]) {
        for pair in values.windows(2) {
            if self.func.ty(pair[0]).scalar == Scalar::Ptr && self.func.ty(pair[1]).scalar == Scalar::I64 {
                self.facts.set_range(pair[1], LENGTH);
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
            InstKind::ConstI64(n) => self.facts.set_range(result, (n, n)),
            InstKind::Op(op) if op.result() == Scalar::I64 => return self.op(id, op, &args[..len.min(3)]),
            InstKind::Op(op) => self.compare(id, op, args[0], args[1]),
            InstKind::Select if self.func.ty(result).scalar == Scalar::I64 => {
                self.set_range(result, hull(self.facts.range(args[1]), self.facts.range(args[2])));
            }
            InstKind::BoundsCheck | InstKind::AssumeInBounds => {
                let [index, length, _] = args;
                if self.facts.range(index).0 >= 0 && self.facts.is_less(index, length) {
                    self.func.insts[id.index()].kind = InstKind::AssumeInBounds;
                }
                self.facts.refine(length, LENGTH);
                self.facts.refine(index, (0, FULL.1));
                self.facts.assume_excess(index, length, -1);
                self.facts.same(result, index);
            }
            InstKind::SliceCheck => {
                let [lo, hi, length] = args;
                self.facts.refine(length, LENGTH);
                self.facts.refine(lo, (0, FULL.1));
                self.facts.assume_excess(lo, hi, 0);
                self.facts.assume_excess(hi, length, 0);
                self.set_range(result, (0, self.facts.range(length).1.max(0)));
                self.facts.assume_excess(result, length, 0);
                if self.facts.range(lo) == (0, 0) {
                    self.facts.assume_excess(hi, result, 0);
                }
            }
            InstKind::Alloc(_) => self.facts.refine(args[0], LENGTH),
            InstKind::Load(Elem::U8) => self.facts.set_range(result, (0, 255)),
            InstKind::Load(Elem::I32) => {
                self.facts.set_range(result, (i64::from(i32::MIN), i64::from(i32::MAX)));
            }
            InstKind::ArrayOp(ArrayOp::Count, _) => self.facts.set_range(result, LENGTH),
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
            let range = self.facts.range(self.func.args(exit)[i]);
            let joined = &mut self.joined[result.index()];
            *joined = Some(joined.map_or(range, |joined| hull(joined, range)));
        }
    }

    /// `value` lies in this range.
    fn set_range(&mut self, value: Value, range: Range) {
        self.facts.set_range(value, both(self.growth.range(value), range));
    }

    /// An operation that gives a whole number; `false` where its operand is the result.
    fn op(&mut self, id: InstId, op: Op, args: &[Value]) -> bool {
        let result = self.func.inst(id).first_result;
        let a = args.first().map_or(FULL, |&arg| self.facts.range(arg));
        let b = args.get(1).map_or(FULL, |&arg| self.facts.range(arg));
        if let (Some((mut exact, wrapping)), &[x, y]) = (exact_range(op, a, b), args) {
            if wrapping == Op::IWrappingSub {
                // The two may be known to be close to each other.
                exact = (exact.0.max(-self.facts.excess(y, x)), exact.1.min(self.facts.excess(x, y)));
            }
            let fits = exact.0 >= i128::from(i64::MIN) && exact.1 <= i128::from(i64::MAX) || self.growth.counts(result);
            let is_wrapping = op == wrapping;
            if !fits && !is_wrapping {
                self.removed.kept.push((id, [a, b]));
            }
            if fits {
                self.func.insts[id.index()].kind = InstKind::Op(wrapping);
            }
            if fits || !is_wrapping {
                self.set_range(result, passed(op, exact, a, b));
                self.note_offset(result, op, args, a, b);
                self.relate_sum(wrapping, result, (x, a), (y, b));
            } else {
                self.set_range(result, FULL);
            }
            if (fits || is_wrapping) && wrapping == Op::IWrappingMul {
                self.multiply(id, (x, a), (y, b));
            }
            return true;
        }
        let is_same = match op {
            Op::IAbs => a.0 >= 0,
            Op::INarrowI32 => a.0 >= i64::from(i32::MIN) && a.1 <= i64::from(i32::MAX),
            Op::INarrowU8 => a.0 >= 0 && a.1 <= 255,
            Op::IRem | Op::IFloorMod => a.0 >= 0 && a.1 < b.0,
            _ => false,
        };
        if is_same {
            self.replace.set(result, args[0]);
            self.facts.same(result, args[0]);
            return false;
        }
        self.set_range(result, range_of(op, a, b));
        if let &[x, y] = args {
            self.relate(op, result, (x, a), (y, b));
            self.divide(id, op, (x, a), b);
        }
        true
    }

    /// How far a sum or a difference lies from its operands; those with constants are offsets.
    fn relate_sum(&mut self, op: Op, result: Value, (x, a): (Value, Range), (y, b): (Value, Range)) {
        if a.0 == a.1 || b.0 == b.1 {
            return;
        }
        match op {
            Op::IWrappingAdd => {
                if b.0 >= 0 {
                    self.facts.assume_excess(x, result, 0);
                }
                if a.0 >= 0 {
                    self.facts.assume_excess(y, result, 0);
                }
            }
            Op::IWrappingSub if b.0 >= 0 => self.facts.assume_excess(result, x, b.0.saturating_neg()),
            _ => {}
        }
    }

    /// How far the result of any other operation can exceed its operands.
    fn relate(&mut self, op: Op, result: Value, (x, a): (Value, Range), (y, b): (Value, Range)) {
        match op {
            Op::IMin => {
                self.facts.assume_excess(result, x, 0);
                self.facts.assume_excess(result, y, 0);
            }
            Op::IMax => {
                self.facts.assume_excess(x, result, 0);
                self.facts.assume_excess(y, result, 0);
            }
            Op::IAnd => {
                if a.0 >= 0 && a.0 != a.1 {
                    self.facts.assume_excess(result, x, 0);
                }
                if b.0 >= 0 && b.0 != b.1 {
                    self.facts.assume_excess(result, y, 0);
                }
            }
            // A divisor that is not negative is positive, or the operation did not pass.
            Op::IFloorMod if b.0 >= 0 => self.facts.assume_excess(result, y, -1),
            Op::IRem if b.0 >= 0 => {
                self.facts.assume_excess(result, y, -1);
                if a.0 >= 0 {
                    self.facts.assume_excess(result, x, 0);
                }
            }
            Op::IDiv | Op::IFloorDiv if a.0 >= 0 && b.0 >= 0 => self.facts.assume_excess(result, x, 0),
            Op::IShr if a.0 >= 0 => self.facts.assume_excess(result, x, 0),
            Op::ISar if a.0 >= 0 => self.facts.assume_excess(result, x, 0),
            _ => {}
        }
    }

    /// A product with a power of two is a shift.
    fn multiply(&mut self, id: InstId, (x, a): (Value, Range), (y, b): (Value, Range)) {
        let (of, factor) = if b.0 == b.1 { (x, b.0) } else { (y, if a.0 == a.1 { a.0 } else { 0 }) };
        if factor > 1 && factor.count_ones() == 1 {
            let count = self.constant(i64::from(factor.trailing_zeros()), self.func.inst(id).span);
            self.become_op(id, Op::IShl, [of, count]);
        }
    }

    /// A division by a power of two of what is not negative is a shift, its remainder a mask.
    fn divide(&mut self, id: InstId, op: Op, (x, a): (Value, Range), b: Range) {
        let divisor = b.0;
        if b.0 != b.1 || divisor < 2 || divisor.count_ones() != 1 {
            return;
        }
        let (op, with) = match op {
            Op::IFloorMod => (Op::IAnd, divisor - 1),
            Op::IRem if a.0 >= 0 => (Op::IAnd, divisor - 1),
            Op::IFloorDiv => (Op::ISar, i64::from(divisor.trailing_zeros())),
            Op::IDiv if a.0 >= 0 => (Op::ISar, i64::from(divisor.trailing_zeros())),
            _ => return,
        };
        let with = self.constant(with, self.func.inst(id).span);
        self.become_op(id, op, [x, with]);
    }

    fn become_op(&mut self, id: InstId, op: Op, args: [Value; 2]) {
        let args = self.func.new_values(&args);
        let inst = &mut self.func.insts[id.index()];
        (inst.kind, inst.args) = (InstKind::Op(op), args);
    }

    /// A new instruction before the current one.
    fn insert(&mut self, kind: InstKind, args: &[Value], range: Range, span: Span) -> Value {
        let first_result = self.func.new_value(Ty::one(Scalar::I64));
        self.facts.add(first_result, range);
        self.joined.push(None);
        let args = self.func.new_values(args);
        self.new.push(InstId(self.func.insts.len() as u32));
        self.func.insts.push(Inst { kind, args, first_result, results: 1, span });
        first_result
    }

    fn constant(&mut self, n: i64, span: Span) -> Value {
        self.insert(InstKind::ConstI64(n), &[], (n, n), span)
    }

    /// A comparison of whole numbers, whose outcome may be known.
    fn compare(&mut self, id: InstId, op: Op, x: Value, y: Value) {
        let known = match op {
            Op::ILt | Op::ILe => {
                let by = if op == Op::ILt { -1 } else { 0 };
                if self.facts.excess(x, y) <= by {
                    Some(true)
                } else if self.facts.excess(y, x) < -by {
                    Some(false)
                } else {
                    None
                }
            }
            Op::IEq | Op::INe => {
                let differ = self.facts.excess(x, y) < 0 || self.facts.excess(y, x) < 0;
                if !differ {
                    self.compare_remainder(id, x, y);
                }
                differ.then_some(op == Op::INe)
            }
            _ => None,
        };
        if let Some(known) = known {
            let inst = &mut self.func.insts[id.index()];
            inst.kind = InstKind::ConstBool(known);
            inst.args.len = 0;
            self.removed.decided = true;
        }
    }

    /// Whether a power of two divides a number is told by its low bits, whatever its sign.
    fn compare_remainder(&mut self, id: InstId, x: Value, y: Value) {
        if self.facts.range(y) != (0, 0) {
            return;
        }
        let Some((Op::IRem, [of, divisor])) = self.comparison(x) else { return };
        let (divisor, max) = self.facts.range(divisor);
        if divisor != max || !divisor.unsigned_abs().is_power_of_two() || divisor == i64::MIN {
            return;
        }
        let span = self.func.inst(id).span;
        let mask = divisor.abs() - 1;
        let with = self.constant(mask, span);
        let low = self.insert(InstKind::Op(Op::IAnd), &[of, with], (0, mask), span);
        if let InstKind::Op(op) = self.func.inst(id).kind {
            self.become_op(id, op, [low, y]);
        }
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
        if let Some(by) = by {
            self.facts.set_offset(result, base, by);
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
                (Op::ILt, true) => self.facts.assume_excess(a, b, -1),
                (Op::ILt, false) => self.facts.assume_excess(b, a, 0),
                (Op::ILe, true) => self.facts.assume_excess(a, b, 0),
                (Op::ILe, false) => self.facts.assume_excess(b, a, -1),
                (Op::IEq, true) | (Op::INe, false) => {
                    self.facts.assume_excess(a, b, 0);
                    self.facts.assume_excess(b, a, 0);
                }
                _ => {}
            }
        }
    }
}
