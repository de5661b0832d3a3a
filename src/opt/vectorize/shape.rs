//! What differs between rows: which values, and where control may.
//!
//! A structured instruction is *divergent* where rows that entered it together may take different ways in it: an `If` on a value that differs, and whatever a way
//! out of such an `If` leaves. All others stay control flow of one lane, even inside divergent ones.

use crate::ir::func::{Func, InstId, InstKind, RegionId, Value};
use crate::ir::index::Index;

/// So often the facts are gone through at most; each time at least one is added.
const MOST_ROUNDS: usize = 50;
/// So deep regions nest at most: the translation recurses with them.
const MOST_NESTING: usize = 100;

/// What differs between rows, and what is in what.
pub(super) struct Shape {
    pub index: Index,
    /// By value.
    pub varying: Vec<bool>,
    /// By instruction.
    pub divergent: Vec<bool>,
    /// Whether a terminator inside leaves it for something further out; by instruction.
    pub leaves: Vec<bool>,
    /// One past the place of its last instruction in the order of the text; by instruction.
    pub end: Vec<u32>,
    /// Whether fuel is counted inside; by instruction.
    pub metered: Vec<bool>,
    /// Whether there is a loop inside, or it is one; by instruction.
    pub loops: Vec<bool>,
    /// Whether a value is used where it must be in all lanes.
    pub in_lanes: Vec<bool>,
}

impl Shape {
    /// Finds what differs, if these parameters do.
    pub(super) fn new(func: &Func, varying_params: &[bool]) -> Result<Shape, String> {
        let index = Index::new(func);
        let insts = func.insts.len();
        let mut shape = Shape {
            index,
            varying: vec![false; func.values.len()],
            divergent: vec![false; insts],
            leaves: vec![false; insts],
            end: vec![0; insts],
            metered: vec![false; insts],
            loops: vec![false; insts],
            in_lanes: vec![false; func.values.len()],
        };
        for (param, &varying) in func.params.iter().zip(varying_params) {
            shape.varying[param.index()] = varying;
        }
        shape.nest(func)?;
        let mut rounds = 0;
        while shape.round(func) {
            rounds += 1;
            if rounds == MOST_ROUNDS {
                return Err("its control flow is too intricate".to_owned());
            }
        }
        shape.uses(func);
        Ok(shape)
    }

    /// The structured instructions around an instruction, innermost first.
    fn owners<'s>(&'s self, id: InstId) -> impl Iterator<Item = InstId> + 's {
        let owner = |id: InstId| self.index.owner[self.index.region[id.index()].index()];
        std::iter::successors(owner(id), move |&id| owner(id))
    }

    fn nest(&mut self, func: &Func) -> Result<(), String> {
        for place in 0..self.index.order.len() {
            let id = self.index.order[place];
            let kind = func.inst(id).kind;
            let owners: Vec<InstId> = self.owners(id).take(MOST_NESTING + 1).collect();
            if owners.len() > MOST_NESTING {
                return Err("it nests too deep".to_owned());
            }
            self.end[id.index()] = place as u32 + 1;
            for &owner in &owners {
                self.end[owner.index()] = place as u32 + 1;
                self.metered[owner.index()] |= is_metered(kind);
                self.loops[owner.index()] |= matches!(kind, InstKind::Loop(_));
            }
            self.loops[id.index()] |= matches!(kind, InstKind::Loop(_));
            if let Some(target) = target(kind) {
                owners.iter().take_while(|&&owner| owner != target).for_each(|owner| self.leaves[owner.index()] = true);
            }
        }
        Ok(())
    }

    /// Adds facts that follow from those known; whether there were any.
    fn round(&mut self, func: &Func) -> bool {
        let mut changed = false;
        for place in 0..self.index.order.len() {
            let id = self.index.order[place];
            let args = func.args(id);
            match func.inst(id).kind {
                InstKind::If(..) => {
                    if self.varying[args[0].index()] {
                        changed |= self.diverge(id);
                    }
                }
                InstKind::Block(_) => {}
                InstKind::Loop(region) => {
                    let params = func.regions[region.index()].params.clone();
                    changed |= self.flow(args, &params, false);
                }
                kind @ (InstKind::Exit(to) | InstKind::Repeat(to)) => {
                    let between: Vec<InstId> = self.owners(id).take_while(|&owner| owner != to).collect();
                    let diverges = self.divergent[to.index()] || between.iter().any(|id| self.divergent[id.index()]);
                    if diverges && !between.is_empty() {
                        for id in between.into_iter().chain([to]) {
                            changed |= self.diverge(id);
                        }
                    }
                    let diverges = self.divergent[to.index()];
                    if let (InstKind::Repeat(_), InstKind::Loop(region)) = (kind, func.inst(to).kind) {
                        // Rows that come round by different ways bring different values.
                        let several = diverges && self.index.repeats[to.index()].len() > 1;
                        let params = func.regions[region.index()].params.clone();
                        changed |= self.flow(args, &params, several);
                    } else {
                        let results: Vec<Value> = func.results(to).collect();
                        changed |= self.flow(args, &results, diverges);
                    }
                }
                _ => {
                    let varying = args.iter().any(|arg| self.varying[arg.index()]);
                    for result in func.results(id) {
                        changed |= varying && !std::mem::replace(&mut self.varying[result.index()], true);
                    }
                }
            }
        }
        changed
    }

    fn diverge(&mut self, id: InstId) -> bool {
        !std::mem::replace(&mut self.divergent[id.index()], true)
    }

    fn flow(&mut self, from: &[Value], to: &[Value], all: bool) -> bool {
        let mut changed = false;
        for (from, to) in from.iter().zip(to) {
            if all || self.varying[from.index()] {
                changed |= !std::mem::replace(&mut self.varying[to.index()], true);
            }
        }
        changed
    }

    /// Marks the values that are needed in all lanes.
    fn uses(&mut self, func: &Func) {
        for place in 0..self.index.order.len() {
            let id = self.index.order[place];
            let args = func.args(id);
            let to = match func.inst(id).kind {
                InstKind::If(..) if self.divergent[id.index()] => {
                    self.in_lanes[args[0].index()] = true;
                    continue;
                }
                InstKind::If(..) | InstKind::Block(_) => continue,
                InstKind::Loop(region) => func.regions[region.index()].params.clone(),
                InstKind::Repeat(to) => match func.inst(to).kind {
                    InstKind::Loop(region) => func.regions[region.index()].params.clone(),
                    _ => continue,
                },
                InstKind::Exit(to) => func.results(to).collect(),
                InstKind::Return => {
                    args.iter().for_each(|arg| self.in_lanes[arg.index()] = true);
                    continue;
                }
                _ => {
                    if func.results(id).any(|result| self.varying[result.index()]) {
                        args.iter().for_each(|arg| self.in_lanes[arg.index()] = true);
                    }
                    continue;
                }
            };
            for (arg, to) in args.iter().zip(to) {
                if self.varying[to.index()] {
                    self.in_lanes[arg.index()] = true;
                }
            }
        }
    }

    /// The instructions of a region and all that is in it.
    pub(super) fn inside<'s>(&'s self, func: &Func, region: RegionId) -> &'s [InstId] {
        let insts = &func.regions[region.index()].insts;
        let (Some(first), Some(last)) = (insts.first(), insts.last()) else { return &[] };
        let start = self.index.position[first.index()] as usize;
        &self.index.order[start..self.end[last.index()] as usize]
    }
}

/// Whether it takes fuel.
pub(super) fn is_metered(kind: InstKind) -> bool {
    matches!(kind, InstKind::MeterLoop | InstKind::EnterCall(_) | InstKind::EnterInlined(_))
}

/// What a terminator leaves or repeats.
fn target(kind: InstKind) -> Option<InstId> {
    match kind {
        InstKind::Exit(to) | InstKind::Repeat(to) => Some(to),
        _ => None,
    }
}
