//! What is the same in every iteration is computed once, before the loop.
//!
//! A value that a loop uses and does not define is in scope before it, so how many loops a value is defined in says how far out its users can go.
//! Only what has no effect and cannot trap moves; what costs much moves only where the loop's every iteration does it.

use crate::ir::func::{Func, InstId, InstKind, RegionId, Value};
use crate::ir::op::{Effect, Op, Scalar};

/// Moves what can move, in one walk.
pub(super) fn hoist(func: &mut Func) {
    if !func.insts.iter().any(|inst| matches!(inst.kind, InstKind::Loop(_))) {
        return;
    }
    let (depth, before) = (vec![0; func.values.len()], vec![Vec::new(); func.insts.len()]);
    let mut hoist = Hoist { func, depth, loops: Vec::new(), before };
    hoist.walk();
    let Hoist { func, before, .. } = hoist;
    for region in &mut func.regions {
        if region.insts.iter().any(|id| !before[id.index()].is_empty()) {
            region.insts = region.insts.iter().flat_map(|id| before[id.index()].iter().chain([id]).copied()).collect();
        }
    }
}

/// A region in the middle of the walk.
struct Frame {
    region: RegionId,
    insts: std::vec::IntoIter<InstId>,
    kept: Vec<InstId>,
    /// Whether a loop ends with it.
    is_loop: bool,
    /// Out of how many loops everything goes that runs whenever this region does.
    straight: usize,
}

enum Work {
    /// A region; the loop that it is the body of; how many loops around run it in every iteration.
    Enter(RegionId, Option<InstId>, usize),
    Resume(Frame),
}

struct Hoist<'a> {
    func: &'a mut Func,
    /// In how many loops a value is defined.
    depth: Vec<u32>,
    /// The loops around, outermost first.
    loops: Vec<InstId>,
    /// What goes before a loop.
    before: Vec<Vec<InstId>>,
}

impl Hoist<'_> {
    fn walk(&mut self) {
        let mut work = vec![Work::Enter(self.func.body(), None, 0)];
        while let Some(next) = work.pop() {
            let frame = match next {
                Work::Resume(frame) => frame,
                Work::Enter(region, of_loop, straight) => {
                    self.loops.extend(of_loop);
                    let params = self.func.regions[region.index()].params.clone();
                    self.define(params.into_vec());
                    let insts = std::mem::take(&mut self.func.regions[region.index()].insts);
                    let kept = Vec::with_capacity(insts.len());
                    Frame { region, insts: insts.into_iter(), kept, is_loop: of_loop.is_some(), straight }
                }
            };
            self.resume(frame, &mut work);
        }
    }

    fn resume(&mut self, mut frame: Frame, work: &mut Vec<Work>) {
        while let Some(id) = frame.insts.next() {
            let kind = self.func.inst(id).kind;
            if kind.is_structured() {
                frame.kept.push(id);
                // Its results are in the loops that it is in itself.
                let results: Vec<Value> = self.func.results(id).collect();
                self.define(results);
                let straight = frame.straight;
                work.push(Work::Resume(frame));
                work.extend(kind.regions().rev().map(|region| match kind {
                    InstKind::Loop(_) => Work::Enter(region, Some(id), straight + 1),
                    InstKind::Block(_) => Work::Enter(region, None, straight),
                    _ => Work::Enter(region, None, 0),
                }));
                return;
            }
            match self.target(id, frame.straight) {
                Some(depth) => {
                    let result = self.func.inst(id).first_result;
                    self.depth[result.index()] = depth as u32;
                    self.before[self.loops[depth].index()].push(id);
                }
                None => {
                    let results: Vec<Value> = self.func.results(id).collect();
                    self.define(results);
                    frame.kept.push(id);
                }
            }
        }
        self.func.regions[frame.region.index()].insts = frame.kept.into();
        if frame.is_loop {
            self.loops.pop();
        }
    }

    fn define(&mut self, values: Vec<Value>) {
        for value in values {
            self.depth[value.index()] = self.loops.len() as u32;
        }
    }

    /// In how many loops an instruction is to be, if in fewer than now.
    fn target(&self, id: InstId, straight: usize) -> Option<usize> {
        let here = self.loops.len();
        let furthest = match movable(self.func.inst(id).kind)? {
            Cost::Small => 0,
            Cost::Large => here.saturating_sub(straight),
        };
        let operands = self.func.args(id).iter().map(|arg| self.depth[arg.index()] as usize).max();
        let target = operands.unwrap_or(0).max(furthest);
        (target < here).then_some(target)
    }
}

enum Cost {
    Small,
    Large,
}

/// What it costs to compute it for nothing; `None` where it stays.
fn movable(kind: InstKind) -> Option<Cost> {
    match kind {
        InstKind::ConstF64(_) | InstKind::ConstI64(_) | InstKind::ConstBool(_) => Some(Cost::Small),
        // A condition is better computed where it is used, by the comparison that the jump needs anyhow.
        InstKind::Op(op) if op.effect() != Effect::Pure || op.result() == Scalar::Bool => None,
        InstKind::Op(Op::FDiv | Op::FSqrt) | InstKind::Math(_) => Some(Cost::Large),
        InstKind::Op(_) | InstKind::Select => Some(Cost::Small),
        _ => None,
    }
}
