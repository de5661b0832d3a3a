//! Simpler control flow: conditions that are known, blocks that are none, loops that never repeat, values that are joined with
//! themselves, and `if`s whose arms cost less than a jump.
//!
//! One walk over the nesting: on the way down arms that cannot be reached are dropped, on the way up blocks are dissolved.

use super::replace::Replace;
use crate::ir::func::{Func, Inst, InstId, InstKind, RegionId, Value, Values};
use crate::ir::index::Index;
use crate::ir::op::{Effect, Op, Scalar};

/// An `if` with at most so many operations in its arms is done without jumps.
const SPECULATED: usize = 4;

/// An `if` with at most so many results is done without jumps.
pub(super) const SELECTS: usize = 2;

/// Simplifies the whole function.
pub(super) fn simplify(func: &mut Func) {
    let index = Index::new(func);
    let replace = Replace::new(func);
    let dropped = vec![false; func.insts.len()];
    let body = func.body();
    let mut simplify = Simplify { func, index, replace, dropped };
    let insts = simplify.region(body);
    let Simplify { func, replace, .. } = simplify;
    func.regions[body.index()].insts = insts.into();
    replace.apply(func);
}

struct Simplify<'a> {
    func: &'a mut Func,
    index: Index,
    replace: Replace,
    /// Instructions that stood in an arm that is gone.
    dropped: Vec<bool>,
}

impl Simplify<'_> {
    /// The instructions of a region, simplified. Recurses along the nesting.
    fn region(&mut self, region: RegionId) -> Vec<InstId> {
        let mut insts = std::mem::take(&mut self.func.regions[region.index()].insts).into_iter();
        let mut out = Vec::with_capacity(insts.len());
        for id in insts.by_ref() {
            if !self.func.inst(id).kind.is_structured() {
                out.push(id);
            } else if !self.structured(id, &mut out) {
                break;
            }
        }
        self.drop_insts(insts.collect());
        if let Some(&last) = out.last()
            && !self.func.inst(last).kind.is_terminator()
        {
            let Inst { span, .. } = *self.func.inst(last);
            out.push(InstId(self.func.insts.len() as u32));
            let (kind, args, first_result) = (InstKind::Unreachable, Values::default(), Value(0));
            self.func.insts.push(Inst { kind, args, first_result, results: 0, span });
        }
        out
    }

    /// Appends a structured instruction, or what is left of it; `false` where that already ends the region.
    fn structured(&mut self, id: InstId, out: &mut Vec<InstId>) -> bool {
        if let InstKind::If(yes, no) = self.func.inst(id).kind {
            let cond = self.arg(id, 0);
            if let Some(InstKind::ConstBool(cond)) = self.kind(cond) {
                let (taken, other) = if cond { (yes, no) } else { (no, yes) };
                self.drop_region(other);
                self.become_block(id, taken);
            }
        }
        if let InstKind::Loop(region) = self.func.inst(id).kind {
            self.invariant_params(id, region);
            if self.alive(&self.index.repeats[id.index()]).is_empty() {
                let params = std::mem::take(&mut self.func.regions[region.index()].params);
                for (i, param) in params.into_iter().enumerate() {
                    let value = self.arg(id, i);
                    self.replace.set(param, value);
                }
                self.become_block(id, region);
            }
        }
        for region in self.func.inst(id).kind.regions() {
            let insts = self.region(region);
            self.func.regions[region.index()].insts = insts.into();
        }
        let exits = self.alive(&self.index.exits[id.index()]);
        let kind = self.func.inst(id).kind;
        match kind {
            InstKind::Block(region) if self.dissolve(id, region, &exits, out) => return !exits.is_empty(),
            InstKind::If(yes, no) if self.speculate(id, [yes, no], out) => return true,
            _ => {}
        }
        self.trivial_results(id, &exits);
        out.push(id);
        !exits.is_empty()
    }

    fn arg(&mut self, id: InstId, i: usize) -> Value {
        let arg = self.func.args(id)[i];
        self.replace.resolve(arg)
    }

    fn kind(&self, value: Value) -> Option<InstKind> {
        self.index.inst(value).map(|id| self.func.inst(id).kind)
    }

    fn alive(&self, insts: &[InstId]) -> Vec<InstId> {
        insts.iter().copied().filter(|id| !self.dropped[id.index()]).collect()
    }

    fn become_block(&mut self, id: InstId, region: RegionId) {
        let inst = &mut self.func.insts[id.index()];
        inst.kind = InstKind::Block(region);
        inst.args.len = 0;
    }

    /// Forgets a region that control never comes to.
    fn drop_region(&mut self, region: RegionId) {
        let insts = std::mem::take(&mut self.func.regions[region.index()].insts);
        self.drop_insts(insts.into_vec());
    }

    fn drop_insts(&mut self, mut work: Vec<InstId>) {
        while let Some(id) = work.pop() {
            if let Some(dropped) = self.dropped.get_mut(id.index()) {
                *dropped = true;
            }
            for region in self.func.inst(id).kind.regions() {
                work.append(&mut self.func.regions[region.index()].insts);
            }
        }
    }

    /// Parameters that every iteration passes on as they are.
    fn invariant_params(&mut self, id: InstId, region: RegionId) {
        let repeats = self.alive(&self.index.repeats[id.index()]);
        for i in 0..self.func.regions[region.index()].params.len() {
            let param = self.func.regions[region.index()].params[i];
            let first = self.arg(id, i);
            let is_invariant = repeats.iter().all(|&repeat| {
                let next = self.arg(repeat, i);
                next == param || next == first
            });
            if is_invariant {
                self.replace.set(param, first);
            }
        }
    }

    /// Results that are the same value on every way out, one from before.
    fn trivial_results(&mut self, id: InstId, exits: &[InstId]) {
        let Some((&first, rest)) = exits.split_first() else { return };
        for (i, result) in self.func.results(id).enumerate().collect::<Vec<_>>() {
            let value = self.arg(first, i);
            if self.index.is_before(value, id) && rest.iter().all(|&exit| self.arg(exit, i) == value) {
                self.replace.set(result, value);
            }
        }
    }

    /// A block that is only left at its end, or never, is no block.
    fn dissolve(&mut self, id: InstId, region: RegionId, exits: &[InstId], out: &mut Vec<InstId>) -> bool {
        let last = self.func.regions[region.index()].insts.last().copied();
        match exits {
            [] => {}
            &[exit] if last == Some(exit) => {
                self.func.regions[region.index()].insts.pop();
                for (i, result) in self.func.results(id).enumerate().collect::<Vec<_>>() {
                    let value = self.arg(exit, i);
                    self.replace.set(result, value);
                }
                self.dropped[exit.index()] = true;
            }
            _ => return false,
        }
        out.append(&mut self.func.regions[region.index()].insts);
        true
    }

    /// A comparison of its own for another selection: with one use it needs no register.
    fn compare_again(&mut self, cond: Value, out: &mut Vec<InstId>) -> Value {
        let Some(inst) = self.index.inst(cond).map(|id| *self.func.inst(id)) else { return cond };
        let is_comparison =
            |op: Op| op.result() == Scalar::Bool && matches!(op.params(), [Scalar::I64 | Scalar::F64, _]);
        if !matches!(inst.kind, InstKind::Op(op) if is_comparison(op)) {
            return cond;
        }
        let first_result = self.func.new_value(self.func.ty(cond));
        out.push(InstId(self.func.insts.len() as u32));
        self.func.insts.push(Inst { first_result, ..inst });
        first_result
    }

    /// Does both arms and selects, where that is less than a jump.
    fn speculate(&mut self, id: InstId, arms: [RegionId; 2], out: &mut Vec<InstId>) -> bool {
        let mut ends = Vec::with_capacity(2);
        let mut size = 0;
        for arm in arms {
            let Some((&end, insts)) = self.func.regions[arm.index()].insts.split_last() else { return false };
            if self.func.inst(end).kind != InstKind::Exit(id) {
                return false;
            }
            for &inst in insts {
                let Some(cost) = speculation_cost(self.func.inst(inst).kind) else { return false };
                size += cost;
            }
            ends.push(end);
        }
        let results: Vec<Value> = self.func.results(id).collect();
        if size > SPECULATED || results.len() > SELECTS {
            return false;
        }
        // There is no select of addresses worth having.
        if results.iter().any(|&result| self.func.ty(result).scalar == Scalar::Ptr) {
            return false;
        }
        for arm in arms {
            let mut insts = std::mem::take(&mut self.func.regions[arm.index()].insts);
            insts.pop();
            out.append(&mut insts);
        }
        let mut cond = self.arg(id, 0);
        let span = self.func.inst(id).span;
        for (i, &result) in results.iter().enumerate() {
            let (yes, no) = (self.arg(ends[0], i), self.arg(ends[1], i));
            if yes == no {
                self.replace.set(result, yes);
                continue;
            }
            if i > 0 {
                cond = self.compare_again(cond, out);
            }
            let args = self.func.new_values(&[cond, yes, no]);
            let select = InstId(self.func.insts.len() as u32);
            self.func.insts.push(Inst { kind: InstKind::Select, args, first_result: result, results: 1, span });
            out.push(select);
        }
        for end in ends {
            self.dropped[end.index()] = true;
        }
        true
    }
}

/// What it costs to do this though it may not be wanted; `None` where it may not be done.
pub(super) fn speculation_cost(kind: InstKind) -> Option<usize> {
    match kind {
        InstKind::ConstF64(_) | InstKind::ConstI64(_) | InstKind::ConstBool(_) => Some(0),
        InstKind::Op(Op::FDiv | Op::FSqrt) => None,
        InstKind::Op(op) if op.effect() == Effect::Pure => Some(1),
        InstKind::Select => Some(1),
        _ => None,
    }
}
