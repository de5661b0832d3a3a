//! Removes what nobody uses: operations without effects, reads, structured instructions that do nothing, and values carried for nobody.
//!
//! Everything is dead until something shows otherwise. What has an effect is needed; what is needed needs its operands and the structured
//! instructions around it; a structured instruction that is needed needs the ways out of it.

use crate::ir::func::{Func, InstId, InstKind, RegionId, Value, Values};
use crate::ir::index::{Def, Index};
use crate::ir::op::Effect;
use crate::reuse::Buf;

/// Removes what is dead from a function without control ([`Func::is_in_line`]).
pub(super) fn remove_dead_in_line(func: &mut Func) {
    let mut live = Buf::filled(false, func.values.len());
    let mut insts = std::mem::take(&mut func.regions[func.body as usize].insts);
    let mut kept = insts.len();
    for i in (0..insts.len()).rev() {
        let id = insts[i];
        let kind = func.inst(id).kind;
        let is_needed = !matches!(kind.effect(), Effect::Pure | Effect::Read)
            || func.results(id).any(|result| live[result.index()]);
        if is_needed {
            func.args(id).iter().for_each(|arg| live[arg.index()] = true);
            kept -= 1;
            insts[kept] = id;
        }
    }
    if kept > 0 {
        insts.drain(..kept);
    }
    func.regions[func.body as usize].insts = insts;
}

/// Removes what is dead.
pub(super) fn remove_dead(func: &mut Func) {
    let index = Index::new(func);
    let mut live = Live {
        func,
        needed: vec![false; func.insts.len()],
        live: vec![false; func.values.len()],
        insts: Vec::new(),
        values: Vec::new(),
        index: &index,
    };
    live.mark();
    let Live { needed, live, .. } = live;
    Sweep { func, index: &index, needed, live }.run();
}

struct Live<'a> {
    func: &'a Func,
    index: &'a Index,
    needed: Vec<bool>,
    live: Vec<bool>,
    insts: Vec<InstId>,
    values: Vec<Value>,
}

impl Live<'_> {
    fn mark(&mut self) {
        for &id in &self.index.order {
            let is_root = match self.func.inst(id).kind {
                InstKind::Return | InstKind::Trap(_) => true,
                // These matter only where what they leave or repeat does.
                kind if kind.is_terminator() => false,
                kind => !matches!(kind.effect(), Effect::Pure | Effect::Read),
            };
            if is_root {
                self.need(id);
            }
        }
        loop {
            if let Some(id) = self.insts.pop() {
                self.needed_inst(id);
            } else if let Some(value) = self.values.pop() {
                self.live_value(value);
            } else {
                break;
            }
        }
    }

    fn need(&mut self, id: InstId) {
        if !std::mem::replace(&mut self.needed[id.index()], true) {
            self.insts.push(id);
        }
    }

    fn use_value(&mut self, value: Value) {
        if !std::mem::replace(&mut self.live[value.index()], true) {
            self.values.push(value);
        }
    }

    fn needed_inst(&mut self, id: InstId) {
        let (func, index) = (self.func, self.index);
        if let Some(owner) = index.owner[index.region[id.index()].index()] {
            self.need(owner);
        }
        match func.inst(id).kind {
            // What they carry is used where its destination is.
            InstKind::Exit(_) | InstKind::Repeat(_) | InstKind::Loop(_) => {}
            _ => func.args(id).iter().for_each(|&arg| self.use_value(arg)),
        }
        for &way in index.exits[id.index()].iter().chain(&index.repeats[id.index()]) {
            self.need(way);
        }
    }

    fn live_value(&mut self, value: Value) {
        let (func, index) = (self.func, self.index);
        match index.def[value.index()] {
            Def::None | Def::Param => {}
            Def::Result(id, i) => {
                self.need(id);
                for &exit in &index.exits[id.index()] {
                    self.use_value(func.args(exit)[i as usize]);
                }
            }
            Def::LoopParam(id, i) => {
                self.use_value(func.args(id)[i as usize]);
                for &repeat in &index.repeats[id.index()] {
                    self.use_value(func.args(repeat)[i as usize]);
                }
            }
        }
    }
}

struct Sweep<'a> {
    func: &'a mut Func,
    index: &'a Index,
    needed: Vec<bool>,
    live: Vec<bool>,
}

impl Sweep<'_> {
    fn run(mut self) {
        // Carried values first, while results and parameters still say which are live.
        for &id in &self.index.order {
            if self.needed[id.index()] {
                self.carried(id);
            }
        }
        let mut renamed: Vec<Value> = (0..self.func.values.len() as u32).map(Value).collect();
        for &id in &self.index.order {
            let kind = self.func.inst(id).kind;
            if self.needed[id.index()] && kind.is_structured() {
                self.results(id, &mut renamed);
                if let InstKind::Loop(region) = kind {
                    let live = &self.live;
                    self.func.regions[region.index()].params.retain(|param| live[param.index()]);
                }
            }
        }
        for value in &mut self.func.value_lists {
            if let Some(&new) = renamed.get(value.index()) {
                *value = new;
            }
        }
        for i in 0..self.func.regions.len() {
            self.region(RegionId(i as u32));
        }
    }

    /// Drops what a terminator or a loop's head carries to dead values.
    fn carried(&mut self, id: InstId) {
        let targets: Vec<Value> = match self.func.inst(id).kind {
            InstKind::Exit(target) => self.func.results(target).collect(),
            InstKind::Repeat(target) => match self.func.inst(target).kind {
                InstKind::Loop(region) => self.func.regions[region.index()].params.to_vec(),
                _ => return,
            },
            InstKind::Loop(region) => self.func.regions[region.index()].params.to_vec(),
            _ => return,
        };
        if targets.iter().all(|target| self.live[target.index()]) {
            return;
        }
        let Values { start, .. } = self.func.inst(id).args;
        let mut len = 0;
        for (i, target) in targets.iter().enumerate() {
            if self.live[target.index()] {
                // The list only shrinks, so it stays where it is.
                self.func.value_lists[start as usize + len] = self.func.value_lists[start as usize + i];
                len += 1;
            }
        }
        self.func.insts[id.index()].args = Values { start, len: len as u32 };
    }

    /// Keeps a structured instruction's live results, which then have new names, since results are consecutive.
    fn results(&mut self, id: InstId, renamed: &mut [Value]) {
        let results: Vec<Value> = self.func.results(id).collect();
        let kept: Vec<Value> = results.iter().copied().filter(|result| self.live[result.index()]).collect();
        if kept.len() == results.len() {
            return;
        }
        let first = Value(self.func.values.len() as u32);
        for &old in &kept {
            renamed[old.index()] = self.func.new_value(self.func.ty(old));
        }
        let inst = &mut self.func.insts[id.index()];
        inst.first_result = first;
        inst.results = kept.len() as u32;
    }

    fn region(&mut self, region: RegionId) {
        let needed = &self.needed;
        let func = &mut *self.func;
        let insts = std::mem::take(&mut func.regions[region.index()].insts);
        func.regions[region.index()].insts = insts
            .into_iter()
            .filter(|id| needed[id.index()] || func.insts[id.index()].kind == InstKind::Unreachable)
            .collect();
    }
}
