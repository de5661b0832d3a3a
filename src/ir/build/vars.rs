//! Variables while a function is built: what each is now, and which are assigned where.

use super::super::func::{Ty, Value};
use super::tys_of;
use crate::hash::Map;
use crate::reuse::{Keep, kept};
use crate::sema::hir::{self, ExprId, ExprKind, Hir, List, LocalId, StmtId, StmtKind};
use crate::types::Type;

/// One SSA value's worth of a variable: an array has two, one behind the other.
pub(super) type Slot = u32;

const UNDEFINED: Value = Value(u32::MAX);

/// What each variable is now. Assignments can be undone back to a mark, as is done at the end of each region.
#[derive(Default)]
pub(super) struct Vars {
    first_slot: Vec<Slot>,
    tys: Vec<Ty>,
    now: Vec<Value>,
    log: Vec<(Slot, Value)>,
    /// For each slot the last [`Vars::merge_set`] that saw it.
    seen: Vec<u32>,
    round: u32,
}

kept!(Vars: first_slot, tys, now, log, seen);

impl Vars {
    pub(super) fn new(source: &hir::Func) -> Box<Vars> {
        let mut vars = Vars::kept();
        let Vars { first_slot, tys, now, seen, round, .. } = &mut *vars;
        for local in &source.locals {
            first_slot.push(tys.len() as Slot);
            tys_of(local.ty).iter().for_each(|ty| tys.push(*ty));
        }
        first_slot.push(tys.len() as Slot);
        now.resize(tys.len(), UNDEFINED);
        seen.resize(tys.len(), 0);
        *round = 0;
        vars
    }

    /// The parameters' slots come first; there are so many.
    pub(super) fn slots_of_params(&self, source: &hir::Func) -> Slot {
        self.first_slot.get(source.params.len()).copied().unwrap_or(self.tys.len() as Slot)
    }

    /// The slots of a variable.
    pub(super) fn slots(&self, local: LocalId) -> std::ops::Range<Slot> {
        let i = local.0 as usize;
        self.first_slot[i]..self.first_slot[i + 1]
    }

    pub(super) fn ty(&self, slot: Slot) -> Ty {
        self.tys[slot as usize]
    }

    pub(super) fn get(&self, slot: Slot) -> Value {
        self.now[slot as usize]
    }

    pub(super) fn is_defined(&self, slot: Slot) -> bool {
        self.get(slot) != UNDEFINED
    }

    pub(super) fn set(&mut self, slot: Slot, value: Value) {
        let old = std::mem::replace(&mut self.now[slot as usize], value);
        self.log.push((slot, old));
    }

    pub(super) fn mark(&self) -> usize {
        self.log.len()
    }

    pub(super) fn undo_to(&mut self, mark: usize) {
        while self.log.len() > mark {
            if let Some((slot, old)) = self.log.pop() {
                self.now[slot as usize] = old;
            }
        }
    }

    /// The slots of these variables that exist here, each once.
    pub(super) fn merge_set(&mut self, assigned: &[LocalId]) -> Vec<Slot> {
        self.round += 1;
        let mut set = Vec::new();
        for &local in assigned {
            for slot in self.slots(local) {
                if self.is_defined(slot) && self.seen[slot as usize] != self.round {
                    self.seen[slot as usize] = self.round;
                    set.push(slot);
                }
            }
        }
        set
    }
}

/// What is known of a part of the tree.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    /// A run of [`Facts::assigned`].
    start: u32,
    end: u32,
    /// It can leave a new array behind.
    pub(super) allocates: bool,
    /// It has a `continue` of the loop whose body it is.
    pub(super) continues: bool,
}

/// What one walk over a function finds out, before it is built.
#[derive(Default)]
pub(super) struct Facts {
    assigned: Vec<LocalId>,
    /// Of expressions with control flow inside.
    exprs: Map<ExprId, Part>,
    /// Of loops: the part that is repeated.
    loops: Map<StmtId, Part>,
    /// The function can leave a new array behind.
    pub(super) allocates: bool,
    /// How many nodes the function has.
    pub(super) nodes: usize,
}

impl Facts {
    pub(super) fn of(hir: &Hir, source: &hir::Func) -> Facts {
        if hir.funcs.len() == 1 && hir.exprs.iter().all(is_of_scalars) {
            return Facts { nodes: hir.exprs.len() + hir.steps.len(), ..Facts::default() };
        }
        let mut walk = Walk { hir, facts: Facts::default(), allocations: 0, continues: 0 };
        walk.expr(source.body);
        walk.facts.allocates = walk.allocations > 0;
        walk.facts
    }

    pub(super) fn of_expr(&self, id: ExprId) -> Part {
        self.exprs.get(&id).copied().unwrap_or_default()
    }

    pub(super) fn of_loop(&self, id: StmtId) -> Part {
        self.loops.get(&id).copied().unwrap_or_default()
    }

    /// The variables assigned in a part, some more than once.
    pub(super) fn assigned(&self, part: Part) -> &[LocalId] {
        &self.assigned[part.start as usize..part.end as usize]
    }
}

/// Whether an expression has neither control flow of its own nor anything to do with arrays: there is nothing to find out about such ones alone.
fn is_of_scalars(expr: &hir::Expr) -> bool {
    match expr.kind {
        ExprKind::F64(_) | ExprKind::I64(_) | ExprKind::Bool(_) | ExprKind::Unit | ExprKind::Local(_) => true,
        ExprKind::Op(..) | ExprKind::Math(..) | ExprKind::Powi(..) | ExprKind::Chain(..) => true,
        ExprKind::Block(stmts, _) => stmts.len == 0,
        _ => false,
    }
}

struct Walk<'a> {
    hir: &'a Hir,
    facts: Facts,
    allocations: u32,
    continues: u32,
}

impl Walk<'_> {
    fn list(&mut self, list: List) {
        let hir = self.hir;
        for &id in &hir.expr_lists[list.range()] {
            self.expr(id);
        }
    }

    fn steps(&mut self, steps: List) {
        let hir = self.hir;
        for step in &hir.steps[steps.range()] {
            self.facts.nodes += 1;
            if let Some(arg) = step.arg {
                self.expr(arg);
            }
        }
    }

    fn part(&mut self, walk: impl FnOnce(&mut Self)) -> Part {
        let start = self.facts.assigned.len() as u32;
        let allocations = self.allocations;
        let outer = std::mem::take(&mut self.continues);
        walk(self);
        let continues = std::mem::replace(&mut self.continues, outer) > 0;
        let end = self.facts.assigned.len() as u32;
        Part { start, end, allocates: self.allocations > allocations, continues }
    }

    fn expr(&mut self, id: ExprId) {
        self.facts.nodes += 1;
        let hir = self.hir;
        match hir.exprs[id.0 as usize].kind {
            ExprKind::F64(_) | ExprKind::I64(_) | ExprKind::Bool(_) | ExprKind::Unit | ExprKind::Local(_) => {}
            ExprKind::Op(_, list)
            | ExprKind::Math(_, list)
            | ExprKind::HostCall(_, list)
            | ExprKind::ArrayOp(_, _, list) => self.list(list),
            ExprKind::Powi(base, _) => self.expr(base),
            ExprKind::Chain(first, steps) => {
                self.expr(first);
                self.steps(steps);
            }
            ExprKind::Compare(first, links) => self.control(id, |w| {
                w.expr(first);
                for link in &hir.links[links.range()] {
                    w.expr(link.operand);
                }
            }),
            ExprKind::And(list) | ExprKind::Or(list) => self.control(id, |w| w.list(list)),
            ExprKind::If(arms, otherwise) => self.control(id, |w| {
                for &(cond, body) in &hir.arms[arms.range()] {
                    w.expr(cond);
                    w.expr(body);
                }
                if let Some(body) = otherwise {
                    w.expr(body);
                }
            }),
            ExprKind::Block(stmts, value) => {
                for &stmt in &hir.stmt_lists[stmts.range()] {
                    self.stmt(stmt);
                }
                if let Some(value) = value {
                    self.expr(value);
                }
            }
            ExprKind::Call(func, list) => {
                self.list(list);
                let returns_array =
                    hir.funcs.get(func.0 as usize).is_none_or(|func| matches!(func.result, Type::Array(_)));
                self.allocations += u32::from(returns_array);
            }
            ExprKind::Index(array, index) => {
                self.expr(array);
                self.expr(index);
            }
            ExprKind::Slice(array, lo, hi) => {
                self.expr(array);
                for bound in [lo, hi].into_iter().flatten() {
                    self.expr(bound);
                }
            }
            ExprKind::Len(array) => self.expr(array),
            ExprKind::ArrayLit(_, list) => {
                self.list(list);
                self.allocations += 1;
            }
            ExprKind::ArrayFill(_, value, count) => {
                self.expr(value);
                self.expr(count);
                self.allocations += 1;
            }
        }
    }

    /// Walks an expression with control flow inside. Its `continue`s are still those of the loop around.
    fn control(&mut self, id: ExprId, walk: impl FnOnce(&mut Self)) {
        let part = self.part(walk);
        self.continues += u32::from(part.continues);
        self.facts.exprs.insert(id, part);
    }

    fn stmt(&mut self, id: StmtId) {
        self.facts.nodes += 1;
        match self.hir.stmts[id.0 as usize].kind {
            StmtKind::Set(local, value) => {
                self.expr(value);
                self.facts.assigned.push(local);
            }
            StmtKind::Store { array, index, value, .. } => {
                self.expr(array);
                self.expr(index);
                self.expr(value);
            }
            StmtKind::Update { array, index, steps, .. } => {
                self.expr(array);
                self.expr(index);
                self.steps(steps);
            }
            StmtKind::Expr(value) => self.expr(value),
            StmtKind::While { cond, body, .. } => {
                let mut releases = false;
                let mut continues = false;
                let part = self.part(|w| {
                    w.expr(cond);
                    let body = w.part(|w| w.expr(body));
                    (releases, continues) = (body.allocates, body.continues);
                });
                // A `continue` in the condition belongs to the loop around.
                self.continues += u32::from(part.continues);
                self.facts.loops.insert(id, Part { allocates: releases, continues, ..part });
            }
            StmtKind::For { lo, hi, body, .. } => {
                self.expr(lo);
                self.expr(hi);
                let part = self.part(|w| w.expr(body));
                self.facts.loops.insert(id, part);
            }
            StmtKind::ForEach { array, body, .. } => {
                self.expr(array);
                let part = self.part(|w| w.expr(body));
                self.facts.loops.insert(id, part);
            }
            StmtKind::Break => {}
            StmtKind::Continue => self.continues += 1,
            StmtKind::Return(value) => {
                if let Some(value) = value {
                    self.expr(value);
                }
            }
        }
    }
}
