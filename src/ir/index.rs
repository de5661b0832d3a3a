//! What a pass wants to look up: definitions, what encloses what, and who leaves or repeats whom. Computed in one walk.

use super::func::InstKind;
use super::func::{Func, InstId, RegionId, Value};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Def {
    /// Nowhere: it is no longer used.
    None,
    /// A parameter of the function.
    Param,
    /// So manyth parameter of a loop's region.
    LoopParam(InstId, u32),
    /// So manyth result of an instruction.
    Result(InstId, u32),
}

/// The look-up tables of a function. They describe it as it was when they were made.
#[derive(Debug)]
pub struct Index {
    /// For each value.
    pub def: Vec<Def>,
    /// For each region, the structured instruction that it belongs to.
    pub owner: Vec<Option<InstId>>,
    /// For each instruction, the region that it stands in.
    pub region: Vec<RegionId>,
    /// For each structured instruction, the `Exit`s that name it.
    pub exits: Vec<Vec<InstId>>,
    /// For each loop, the `Repeat`s that name it.
    pub repeats: Vec<Vec<InstId>>,
    /// All instructions in the order of the text, a structured one before what it contains.
    pub order: Vec<InstId>,
    /// For each instruction, its place in `order`; `u32::MAX` for one that no region holds.
    pub position: Vec<u32>,
}

impl Index {
    /// Walks the function.
    pub fn new(func: &Func) -> Index {
        let insts = func.insts.len();
        let mut index = Index {
            def: vec![Def::None; func.values.len()],
            owner: vec![None; func.regions.len()],
            region: vec![RegionId(0); insts],
            exits: vec![Vec::new(); insts],
            repeats: vec![Vec::new(); insts],
            order: Vec::with_capacity(insts),
            position: vec![u32::MAX; insts],
        };
        for &param in &func.params {
            index.def[param.index()] = Def::Param;
        }
        let mut stack = vec![(func.body(), 0)];
        while let Some((region, next)) = stack.last_mut() {
            let (region, at) = (*region, *next);
            *next += 1;
            let Some(&id) = func.regions[region.index()].insts.get(at) else {
                stack.pop();
                continue;
            };
            index.enter(func, id, region);
            stack.extend(func.inst(id).kind.regions().rev().map(|region| (region, 0)));
        }
        index
    }

    fn enter(&mut self, func: &Func, id: InstId, region: RegionId) {
        self.region[id.index()] = region;
        self.position[id.index()] = self.order.len() as u32;
        self.order.push(id);
        for (i, value) in func.results(id).enumerate() {
            self.def[value.index()] = Def::Result(id, i as u32);
        }
        let kind = func.inst(id).kind;
        for region in kind.regions() {
            self.owner[region.index()] = Some(id);
        }
        match kind {
            InstKind::Exit(target) => self.exits[target.index()].push(id),
            InstKind::Repeat(target) => self.repeats[target.index()].push(id),
            InstKind::Loop(region) => {
                for (i, &param) in func.regions[region.index()].params.iter().enumerate() {
                    self.def[param.index()] = Def::LoopParam(id, i as u32);
                }
            }
            _ => {}
        }
    }

    /// The instruction that gives the value, if one does.
    pub fn inst(&self, value: Value) -> Option<InstId> {
        match self.def.get(value.index()) {
            Some(&Def::Result(inst, _)) => Some(inst),
            _ => None,
        }
    }

    /// Whether the value was defined before this instruction began: in scope there if it is in scope anywhere inside it.
    pub fn is_before(&self, value: Value, inst: InstId) -> bool {
        match self.def.get(value.index()) {
            Some(Def::Param) => true,
            Some(&(Def::LoopParam(by, _) | Def::Result(by, _))) => {
                self.position[by.index()] < self.position[inst.index()]
            }
            Some(Def::None) | None => false,
        }
    }
}
