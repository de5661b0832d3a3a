//! Two facts about whole numbers that hold wherever a value is used, found before the walk along the nesting: which are never negative, and which only
//! count.
//!
//! Both are taken to hold of everything at first, and taken back where an instruction does not keep them, until nothing changes: so they survive loops,
//! in which the next value depends on the one before.
//!
//! What counts is within 2^57 at first and changes by at most [`STEP`] with each addition, each of which waits for the one before: to get beyond
//! [`COUNTED`], a processor of 5 GHz adds for years. Such an addition needs no check.

use super::ranges::{self, Range};
use crate::ir::func::{Func, InstId, InstKind, RegionId, Ty, Value};
use crate::ir::index::Index;
use crate::ir::op::{ArrayOp, Op, Scalar};
use crate::types::Elem;

/// No value that only counts is further from zero.
pub(super) const COUNTED: i64 = 1 << 61;
/// By so much an addition may change what counts.
const STEP: i64 = 4;
/// After so many rounds nothing is taken to hold across iterations.
const ROUNDS: usize = 8;

const NOT_NEGATIVE: u8 = 1;
const COUNTS: u8 = 2;
const BOTH: u8 = NOT_NEGATIVE | COUNTS;

/// What is known of each value.
pub(super) struct Growth {
    facts: Vec<u8>,
    /// Additions of 1 behind a comparison that found the number less than another one, in the same iteration.
    guarded: Vec<bool>,
    changed: bool,
}

impl Growth {
    pub(super) fn new(func: &Func, index: &Index) -> Growth {
        let mut growth = Growth { facts: Vec::new(), guarded: guarded_increments(func, index), changed: true };
        growth.start(func);
        for _ in 0..ROUNDS {
            if !growth.changed {
                return growth;
            }
            growth.round(func, index);
        }
        if growth.changed {
            // With nothing known of what loops carry, one round is enough.
            growth.start(func);
            for &id in &index.order {
                if let InstKind::Loop(region) = func.inst(id).kind {
                    for &param in &func.regions[region.index()].params {
                        growth.facts[param.index()] = 0;
                    }
                }
            }
            growth.round(func, index);
        }
        growth
    }

    /// What the value can be at the most.
    pub(super) fn range(&self, value: Value) -> Range {
        let facts = self.facts.get(value.index()).copied().unwrap_or(0);
        let (min, max) = if facts & COUNTS != 0 { (-COUNTED, COUNTED) } else { ranges::FULL };
        (if facts & NOT_NEGATIVE != 0 { 0 } else { min }, max)
    }

    pub(super) fn counts(&self, value: Value) -> bool {
        self.has(value, COUNTS)
    }

    /// Whether an instruction adds 1 to what was found to have a successor.
    pub(super) fn is_guarded(&self, id: InstId) -> bool {
        self.guarded.get(id.index()).copied().unwrap_or(false)
    }

    fn start(&mut self, func: &Func) {
        let whole = |ty: &Ty| if *ty == Ty::one(Scalar::I64) { BOTH } else { 0 };
        self.facts = func.values.iter().map(whole).collect();
        for (i, &param) in func.params.iter().enumerate() {
            // An array's length stands behind its address.
            let is_length = i.checked_sub(1).is_some_and(|i| func.ty(func.params[i]).scalar == Scalar::Ptr);
            if !is_length {
                self.facts[param.index()] = 0;
            }
        }
    }

    fn has(&self, value: Value, fact: u8) -> bool {
        self.facts.get(value.index()).is_some_and(|facts| facts & fact != 0)
    }

    fn keep(&mut self, value: Value, facts: u8) {
        let now = &mut self.facts[value.index()];
        if *now & !facts != 0 {
            *now &= facts;
            self.changed = true;
        }
    }

    fn round(&mut self, func: &Func, index: &Index) {
        self.changed = false;
        for &id in &index.order {
            let inst = func.inst(id);
            match inst.kind {
                InstKind::Exit(target) => self.carry(func, id, func.results(target)),
                InstKind::Repeat(target) => {
                    if let InstKind::Loop(region) = func.inst(target).kind {
                        self.carry_to_params(func, id, region);
                    }
                }
                InstKind::Loop(region) => self.carry_to_params(func, id, region),
                InstKind::If(..) | InstKind::Block(_) => {}
                InstKind::Call(_) => {
                    let results: Vec<Value> = func.results(id).collect();
                    // Two results are an array's address and length.
                    if let [result] = results[..] {
                        self.keep(result, 0);
                    }
                }
                _ if inst.results == 1 && func.ty(inst.first_result) == Ty::one(Scalar::I64) => {
                    let facts = self.of_inst(func, index, id);
                    self.keep(inst.first_result, facts);
                }
                _ => {}
            }
        }
    }

    fn carry(&mut self, func: &Func, from: InstId, to: impl Iterator<Item = Value>) {
        for (&arg, to) in func.args(from).iter().zip(to) {
            let facts = self.facts[arg.index()];
            self.keep(to, facts);
        }
    }

    fn carry_to_params(&mut self, func: &Func, from: InstId, region: RegionId) {
        self.carry(func, from, func.regions[region.index()].params.iter().copied());
    }

    fn of_inst(&self, func: &Func, index: &Index, id: InstId) -> u8 {
        let args = func.args(id);
        let of = |i: usize| args.get(i).map_or(0, |arg| self.facts[arg.index()]);
        match func.inst(id).kind {
            InstKind::ConstI64(n) => {
                let counts = if n.unsigned_abs() <= ranges::LENGTH.1 as u64 { COUNTS } else { 0 };
                counts | if n >= 0 { NOT_NEGATIVE } else { 0 }
            }
            InstKind::Select => of(1) & of(2),
            // They passed, and no array is longer than memory.
            InstKind::BoundsCheck | InstKind::AssumeInBounds | InstKind::SliceCheck => BOTH,
            InstKind::Load(Elem::U8) | InstKind::ArrayOp(ArrayOp::Count, _) => BOTH,
            InstKind::Load(Elem::I32) => COUNTS,
            InstKind::Op(op) => {
                let tiny = |i: usize| args.get(i).is_some_and(|&arg| is_tiny(func, index, arg));
                self.of_op(id, op, (of(0), of(1)), (tiny(0), tiny(1)), shift_count(func, index, args.get(1)))
            }
            _ => 0,
        }
    }

    fn of_op(&self, id: InstId, op: Op, (a, b): (u8, u8), tiny: (bool, bool), shift: Option<u32>) -> u8 {
        let when = |holds: bool, fact: u8| if holds { fact } else { 0 };
        match op {
            Op::IAdd | Op::IWrappingAdd => {
                let counts = when(tiny.1, a & COUNTS) | when(tiny.0, b & COUNTS);
                let fits = op == Op::IAdd || counts != 0;
                counts | when(fits, a & b & NOT_NEGATIVE) | when(self.is_guarded(id), a & NOT_NEGATIVE)
            }
            Op::ISub | Op::IWrappingSub => when(tiny.1, a & COUNTS),
            Op::IMul | Op::IOr | Op::IXor => a & b & NOT_NEGATIVE,
            Op::IPow => a & NOT_NEGATIVE,
            Op::INeg => a & COUNTS,
            Op::IAbs => NOT_NEGATIVE | a & COUNTS,
            Op::IDiv | Op::IFloorDiv => a & b & NOT_NEGATIVE | a & COUNTS,
            Op::IRem => a & NOT_NEGATIVE | (a | b) & COUNTS,
            Op::IFloorMod => b,
            Op::IAnd => {
                let bounded = |x: u8| x == BOTH;
                (a | b) & NOT_NEGATIVE | when(bounded(a) || bounded(b), COUNTS)
            }
            Op::IShr => match shift {
                Some(0) => a,
                Some(1..7) => NOT_NEGATIVE | when(a == BOTH, COUNTS),
                Some(_) => BOTH,
                None => when(a == BOTH, BOTH) | a & NOT_NEGATIVE,
            },
            Op::ISar => a | when(shift.is_some_and(|n| n >= 7), COUNTS),
            Op::IMin => a & b,
            Op::IMax => (a | b) & NOT_NEGATIVE | a & b & COUNTS,
            Op::ISign => a & NOT_NEGATIVE | COUNTS,
            Op::IGcd => NOT_NEGATIVE,
            Op::IPopcount | Op::IClz | Op::ICtz | Op::BToI | Op::INarrowU8 => BOTH,
            Op::INarrowI32 => a & NOT_NEGATIVE | COUNTS,
            _ => 0,
        }
    }
}

/// Whether adding it changes little.
fn is_tiny(func: &Func, index: &Index, value: Value) -> bool {
    match index.inst(value).map(|id| func.inst(id).kind) {
        Some(InstKind::ConstI64(n)) => n.unsigned_abs() <= STEP as u64,
        Some(InstKind::Op(Op::BToI | Op::ISign)) => true,
        _ => false,
    }
}

fn shift_count(func: &Func, index: &Index, value: Option<&Value>) -> Option<u32> {
    match index.inst(*value?).map(|id| func.inst(id).kind) {
        Some(InstKind::ConstI64(n)) => Some(n as u32 & 63),
        _ => None,
    }
}

/// Finds the additions of 1 to a loop's parameter that the loop does only where the parameter is less than something.
fn guarded_increments(func: &Func, index: &Index) -> Vec<bool> {
    let mut guarded = vec![false; func.insts.len()];
    let mut guards: Vec<(Value, u32)> = Vec::new();
    for &id in &index.order {
        let InstKind::Loop(region) = func.inst(id).kind else { continue };
        guards.clear();
        for &inst in &func.regions[region.index()].insts {
            let InstKind::If(_, no) = func.inst(inst).kind else { continue };
            let cond = index.inst(func.args(inst)[0]);
            if let Some(cond) = cond
                && func.inst(cond).kind == InstKind::Op(Op::ILt)
                && holds_behind(func, index, inst, no) == Some(true)
            {
                guards.push((func.args(cond)[0], index.position[inst.index()]));
                // A loop has few conditions for going on.
                if guards.len() == 8 {
                    break;
                }
            }
        }
        if guards.is_empty() {
            continue;
        }
        for (i, &param) in func.regions[region.index()].params.iter().enumerate() {
            let Some(&(_, guard)) = guards.iter().find(|(lesser, _)| *lesser == param) else { continue };
            for &repeat in &index.repeats[id.index()] {
                let Some(next) = index.inst(func.args(repeat)[i]) else { continue };
                let is_increment = match (func.inst(next).kind, func.args(next)) {
                    (InstKind::Op(Op::IWrappingAdd), &[a, b]) => {
                        let one = |value| index.inst(value).map(|id| func.inst(id).kind) == Some(InstKind::ConstI64(1));
                        a == param && one(b) || b == param && one(a)
                    }
                    _ => false,
                };
                let is_behind = index.region[next.index()] == region && index.position[next.index()] > guard;
                guarded[next.index()] |= is_increment && is_behind;
            }
        }
    }
    guarded
}

/// Which value an `If`'s condition has behind it, if only one arm goes there. `no` is its second region.
pub(super) fn holds_behind(func: &Func, index: &Index, id: InstId, no: RegionId) -> Option<bool> {
    let first_of_no = func.regions[no.index()].insts.first()?;
    let border = index.position[first_of_no.index()];
    let mut from_yes = index.exits[id.index()].iter().map(|exit| index.position[exit.index()] < border);
    let first = from_yes.next()?;
    from_yes.all(|yes| yes == first).then_some(first)
}
