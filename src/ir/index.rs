//! What a pass wants to look up: definitions, what encloses what, and who leaves or repeats whom. Computed in one walk.

use super::func::InstKind;
use super::func::{Func, InstId, RegionId, Value};
use crate::reuse::{Buf, reusable};
use std::ops::Index as At;

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

reusable!(Def, (RegionId, usize));

/// For each structured instruction those that name it. Code without any has no table.
#[derive(Clone, Debug, Default)]
pub struct Ways(Vec<Vec<InstId>>);

impl Ways {
    fn add(&mut self, target: InstId, way: InstId, insts: usize) {
        if self.0.is_empty() {
            self.0.resize_with(insts, Vec::new);
        }
        self.0[target.index()].push(way);
    }
}

impl At<usize> for Ways {
    type Output = Vec<InstId>;
    fn index(&self, inst: usize) -> &Vec<InstId> {
        const NONE: &Vec<InstId> = &Vec::new();
        self.0.get(inst).unwrap_or(NONE)
    }
}

/// The look-up tables of a function. They describe it as it was when they were made.
#[derive(Debug)]
pub struct Index {
    /// For each value.
    pub def: Buf<Def>,
    /// For each region, the structured instruction that it belongs to.
    pub owner: Buf<Option<InstId>>,
    /// For each instruction, the region that it stands in.
    pub region: Buf<RegionId>,
    /// For each structured instruction, the `Exit`s that name it.
    pub exits: Ways,
    /// For each loop, the `Repeat`s that name it.
    pub repeats: Ways,
    /// All instructions in the order of the text, a structured one before what it contains.
    pub order: Buf<InstId>,
    /// For each instruction, its place in `order`; `u32::MAX` for one that no region holds.
    pub position: Buf<u32>,
}

/// Where the values of a function without control ([`Func::is_in_line`]) come from, which is all that can be asked there.
pub fn defs_in_line(func: &Func) -> Buf<Def> {
    let mut defs = Buf::filled(Def::None, func.values.len());
    for &param in &func.params {
        defs[param.index()] = Def::Param;
    }
    for &id in &func.regions[func.body().index()].insts {
        for (i, value) in func.results(id).enumerate() {
            defs[value.index()] = Def::Result(id, i as u32);
        }
    }
    defs
}

/// The instruction that gives a value, if one does.
pub fn inst_of(defs: &[Def], value: Value) -> Option<InstId> {
    match defs.get(value.index()) {
        Some(&Def::Result(inst, _)) => Some(inst),
        _ => None,
    }
}

impl Index {
    /// Walks the function.
    pub fn new(func: &Func) -> Index {
        let insts = func.insts.len();
        let mut index = Index {
            def: Buf::filled(Def::None, func.values.len()),
            owner: Buf::filled(None, func.regions.len()),
            region: Buf::filled(RegionId(0), insts),
            exits: Ways::default(),
            repeats: Ways::default(),
            order: Buf::new(),
            position: Buf::filled(u32::MAX, insts),
        };
        for &param in &func.params {
            index.def[param.index()] = Def::Param;
        }
        let mut stack = Buf::new();
        stack.push((func.body(), 0));
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
            InstKind::Exit(target) => self.exits.add(target, id, self.position.len()),
            InstKind::Repeat(target) => self.repeats.add(target, id, self.position.len()),
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
        inst_of(&self.def, value)
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
