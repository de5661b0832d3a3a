//! Control flow: what all rows do together stays, what differs between them goes under masks.
//!
//! A region is translated in one of two ways: as a region of its own, whose terminator is emitted (in what is not divergent), or in line, where a terminator moves the
//! rows under way into variables. An emitted `If` or `Loop` gives the variables that change in it as results.

use super::shape::is_metered;
use super::widen::{Rows, Var, Widener};
use crate::ir::func::{InstId, InstKind as K, RegionId, Ty, Value};
use crate::ir::op::{Op, Scalar};
use std::collections::HashSet;

impl Widener<'_> {
    /// Translates a region: with a terminator of its own, or in line.
    pub(super) fn region(&mut self, region: RegionId, own: bool) {
        let row = self.row;
        for &id in &row.regions[region.index()].insts {
            if self.refusal.is_some() {
                return;
            }
            self.emit.span = row.inst(id).span;
            match row.inst(id).kind {
                K::If(yes, no) if self.shape.divergent[id.index()] => self.divergent_if(id, yes, no),
                K::Block(body) if self.shape.divergent[id.index()] => self.divergent_block(id, body),
                K::Loop(body) => self.any_loop(id, body),
                K::If(yes, no) => self.scalar_if(id, yes, no),
                K::Block(body) => self.scalar_block(id, body),
                K::Exit(to) | K::Repeat(to) if self.shape.divergent[to.index()] => self.carry(id),
                K::Exit(to) | K::Repeat(to) => self.leave(id, to),
                K::Return => {}
                K::Trap(_) if own => self.emit.effect(K::Return, &[self.first]),
                K::Trap(_) => {
                    let all = self.constant(self.ty(Scalar::Bool), 1);
                    self.fail(all);
                    self.rows = self.no_rows();
                }
                K::Unreachable => self.unreachable(region, own),
                _ => self.simple(id),
            }
        }
    }

    fn unreachable(&mut self, region: RegionId, own: bool) {
        if !own {
            self.rows = self.no_rows();
            return;
        }
        let insts = &self.row.regions[region.index()].insts;
        let before = insts.len().checked_sub(2).map(|i| insts[i]);
        if before.is_some_and(|id| !self.shape.divergent[id.index()]) {
            self.emit.effect(K::Unreachable, &[]);
        } else {
            self.emit.effect(K::Return, &[self.first]);
        }
    }

    /// A terminator of a region of its own.
    fn leave(&mut self, id: InstId, to: InstId) {
        let row = self.row;
        let kind = row.inst(id).kind;
        let places: Vec<Value> = match (kind, row.inst(to).kind) {
            (K::Repeat(_), K::Loop(region)) => row.regions[region.index()].params.to_vec(),
            _ => row.results(to).collect(),
        };
        let mut args: Vec<Value> =
            row.args(id).to_vec().into_iter().zip(places).map(|(arg, place)| self.like(arg, place)).collect();
        self.stop_where_failed();
        if self.shape.metered[to.index()] {
            args.push(self.vars[&Var::Fuel]);
        }
        // What it names was emitted; its number there is that of its emission.
        let to = self.emitted(to);
        self.emit.effect(if matches!(kind, K::Exit(_)) { K::Exit(to) } else { K::Repeat(to) }, &args);
    }

    /// Moves the rows under way, with what they carry, to where a divergent instruction ends or goes round.
    fn carry(&mut self, id: InstId) {
        let row = self.row;
        let rows = self.mask();
        let all = self.rows.mask.is_none();
        let (mask, to, places): (Var, InstId, Vec<Value>) = match row.inst(id).kind {
            K::Repeat(to) => match row.inst(to).kind {
                K::Loop(region) => (Var::Again(to), to, row.regions[region.index()].params.to_vec()),
                _ => return,
            },
            K::Exit(to) => match self.arm_of(id, to) {
                Some(arm) => (Var::Arm(to, arm), to, row.results(to).collect()),
                None => (Var::Left(to), to, row.results(to).collect()),
            },
            _ => return,
        };
        for (i, (arg, place)) in row.args(id).to_vec().into_iter().zip(places).enumerate() {
            let new = self.like(arg, place);
            let var = match mask {
                Var::Again(_) => Var::AgainWith(to, i as u32),
                Var::Arm(_, arm) => Var::ArmWith(to, arm, i as u32),
                _ => Var::LeftWith(to, i as u32),
            };
            let new = match self.vars.get(&var) {
                Some(&old) if !all && self.shape.varying[place.index()] => self.select(rows, new, old),
                _ => new,
            };
            self.vars.insert(var, new);
        }
        let left = self.vars.get(&mask).copied();
        let left = self.either(left, rows);
        self.vars.insert(mask, left);
        self.rows = self.no_rows();
    }

    /// The arm whose end this exit is, if only the ends of its arms exit that `If`.
    fn arm_of(&self, exit: InstId, to: InstId) -> Option<bool> {
        let K::If(yes, no) = self.row.inst(to).kind else { return None };
        let region = |id: InstId| self.shape.index.region[id.index()];
        let plain = self.shape.index.exits[to.index()].iter().all(|&exit| region(exit) == yes || region(exit) == no);
        plain.then(|| region(exit) == yes)
    }

    /// The variables that change in these instructions of the row function and are looked at behind `inside`.
    fn changed(&self, insts: &[InstId], inside: Option<InstId>) -> Vec<Var> {
        let mut vars = Vec::new();
        let mut known = HashSet::new();
        let mut add = |var: Var| {
            if known.insert(var) {
                vars.push(var);
            }
        };
        let place = |id: InstId| self.shape.index.position[id.index()] as usize;
        let start = insts.first().map_or(0, |&id| place(id));
        for &id in insts {
            let (to, again) = match self.row.inst(id).kind {
                K::Exit(to) => (to, false),
                K::Repeat(to) => (to, true),
                kind => {
                    if is_metered(kind) {
                        add(Var::Fuel);
                    }
                    continue;
                }
            };
            // What ends within is nobody's concern outside.
            let within = (start..start + insts.len()).contains(&place(to));
            if !self.shape.divergent[to.index()] || within || (again && inside == Some(to)) {
                continue;
            }
            let arm = if again { None } else { self.arm_of(id, to) };
            add(match arm {
                _ if again => Var::Again(to),
                Some(arm) => Var::Arm(to, arm),
                None => Var::Left(to),
            });
            for i in 0..self.row.inst(id).args.len {
                add(match arm {
                    _ if again => Var::AgainWith(to, i),
                    Some(arm) => Var::ArmWith(to, arm, i),
                    None => Var::LeftWith(to, i),
                });
            }
        }
        vars
    }

    fn var_ty(&self, var: Var) -> Ty {
        let result = |id: InstId, i: u32| Value(self.row.inst(id).first_result.0 + i);
        match var {
            Var::Fuel => Ty::one(Scalar::I64),
            Var::Left(_) | Var::Again(_) | Var::Arm(..) => self.ty(Scalar::Bool),
            Var::LeftWith(id, i) | Var::ArmWith(id, _, i) | Var::Result(id, i) => self.ty_here(result(id, i)),
            Var::AgainWith(id, i) => match self.row.inst(id).kind {
                K::Loop(region) => self.ty_here(self.row.regions[region.index()].params[i as usize]),
                _ => self.ty(Scalar::Bool),
            },
        }
    }

    /// The variables' values; 0 for one that nobody set.
    fn vars_now(&mut self, vars: &[Var]) -> Vec<Value> {
        let value = |var: &Var| match self.vars.get(var) {
            Some(&value) => value,
            None => {
                let ty = self.var_ty(*var);
                self.constant(ty, 0)
            }
        };
        vars.iter().map(value).collect()
    }

    /// `body` where the condition holds; the variables that it changes go on behind it.
    fn only_if(&mut self, condition: Value, vars: &[Var], body: impl FnOnce(&mut Self)) {
        let before = self.vars_now(vars);
        let types: Vec<Ty> = vars.iter().map(|var| self.var_ty(*var)).collect();
        let (yes, no) = (self.emit.new_region(&[]), self.emit.new_region(&[]));
        let test = self.emit.inst(K::If(yes, no), &[condition], &types);
        let (rows, failed) = (self.rows, self.failed.take());
        let saved = self.vars.clone();
        let here = self.emit.enter(yes);
        body(self);
        self.stop_where_failed();
        let after = self.vars_now(vars);
        self.emit.effect(K::Exit(test), &after);
        self.emit.enter(no);
        self.emit.effect(K::Exit(test), &before);
        self.emit.enter(here);
        (self.rows, self.failed, self.vars) = (rows, failed, saved);
        for (var, value) in vars.iter().zip(self.emit.results(test)) {
            self.vars.insert(*var, value);
        }
    }

    // Divergent instructions.

    fn divergent_if(&mut self, id: InstId, yes: RegionId, no: RegionId) {
        let condition = self.in_lanes(self.row.args(id)[0]);
        let before = self.rows;
        for (region, arm) in [(yes, true), (no, false)] {
            let insts: Vec<InstId> = self.shape.inside(self.row, region).to_vec();
            // An arm that only exits this `If` needs its mask for nothing.
            let wanted = if arm { condition } else { self.op(Op::BNot, &[condition]) };
            let mask = self.both(before.mask, wanted);
            self.rows = Rows { mask: Some(mask), some: false };
            if self.is_worth_a_branch(&insts) {
                let any = self.any(mask);
                let vars = self.changed(&insts, None);
                self.only_if(any, &vars, |this| {
                    this.rows.some = true;
                    this.region(region, false);
                });
            } else {
                self.region(region, false);
            }
        }
        self.rows = before;
        if self.refusal.is_none() {
            self.join(id, condition);
        }
    }

    /// What comes out of an `If`, and which rows.
    fn join(&mut self, id: InstId, condition: Value) {
        let results: Vec<Value> = self.row.results(id).collect();
        let exits = self.shape.index.exits[id.index()].clone();
        let plain = exits.iter().all(|&exit| self.arm_of(exit, id).is_some());
        if !plain || exits.is_empty() {
            return self.arrive(id);
        }
        for (i, &result) in results.iter().enumerate() {
            let value = |arm| self.vars.get(&Var::ArmWith(id, arm, i as u32)).copied();
            let joined = match (value(true), value(false)) {
                (Some(yes), Some(no)) => self.select(condition, yes, no),
                (Some(value), None) | (None, Some(value)) => value,
                (None, None) => self.constant(self.ty(self.row.ty(result).scalar), 0),
            };
            self.define(result, joined);
        }
        for arm in [true, false] {
            (0..results.len() as u32).for_each(|i| self.forget(Var::ArmWith(id, arm, i)));
        }
        if self.shape.leaves[id.index()] {
            let rows = |arm| self.vars.get(&Var::Arm(id, arm)).copied();
            self.rows = match (rows(true), rows(false)) {
                (Some(yes), no) => Rows { mask: Some(self.either(no, yes)), some: false },
                (None, Some(no)) => Rows { mask: Some(no), some: false },
                (None, None) => self.no_rows(),
            };
        }
        self.forget(Var::Arm(id, true));
        self.forget(Var::Arm(id, false));
    }

    /// Nobody asks for it any more.
    fn forget(&mut self, var: Var) {
        self.vars.remove(&var);
    }

    /// Behind a divergent instruction: with the rows that left it, unless all that came in have.
    fn arrive(&mut self, id: InstId) {
        for (i, result) in self.row.results(id).enumerate() {
            let value = self.vars_now(&[Var::LeftWith(id, i as u32)])[0];
            self.define(result, value);
            self.forget(Var::LeftWith(id, i as u32));
        }
        if self.shape.leaves[id.index()] || self.shape.index.exits[id.index()].is_empty() {
            let left = self.vars_now(&[Var::Left(id)])[0];
            self.rows = Rows { mask: Some(left), some: false };
        }
        self.forget(Var::Left(id));
    }

    fn divergent_block(&mut self, id: InstId, body: RegionId) {
        let before = self.rows;
        self.region(body, false);
        self.rows = before;
        if self.refusal.is_none() {
            self.arrive(id);
        }
    }

    /// A loop, skipped where no row is under way: it need not end for none.
    fn any_loop(&mut self, id: InstId, body: RegionId) {
        self.stop_where_failed();
        let divergent = self.shape.divergent[id.index()];
        let insts: Vec<InstId> = self.shape.inside(self.row, body).to_vec();
        let mut vars = self.changed(&insts, Some(id));
        if let (Some(mask), false) = (self.rows.mask, self.rows.some) {
            if !divergent {
                vars.extend((0..self.row.inst(id).results).map(|i| Var::Result(id, i)));
            }
            let any = self.any(mask);
            let inner = vars.clone();
            self.only_if(any, &vars, |this| {
                this.rows.some = true;
                if divergent {
                    this.divergent_loop(id, body, &inner);
                } else {
                    for (i, result) in this.scalar_loop(id, body).into_iter().enumerate() {
                        this.vars.insert(Var::Result(id, i as u32), result);
                    }
                }
            });
            if !divergent {
                for (i, result) in self.row.results(id).enumerate() {
                    let value = self.vars_now(&[Var::Result(id, i as u32)])[0];
                    self.define(result, value);
                }
            }
        } else if divergent {
            self.divergent_loop(id, body, &vars);
        } else {
            let values = self.scalar_loop(id, body);
            self.row.results(id).zip(values).for_each(|(result, value)| self.define(result, value));
        }
        if divergent && self.refusal.is_none() {
            self.arrive(id);
        }
    }

    /// Runs until no row is left in it; the variables go round with the rows.
    fn divergent_loop(&mut self, id: InstId, body: RegionId, vars: &[Var]) {
        let row = self.row;
        let params = &row.regions[body.index()].params;
        let mut initial = vec![self.mask()];
        for (arg, param) in row.args(id).iter().zip(params) {
            initial.push(self.like(*arg, *param));
        }
        initial.extend(self.vars_now(vars));
        let types: Vec<Ty> = initial.iter().map(|value| self.emit.func.ty(*value)).collect();
        let var_types: Vec<Ty> = vars.iter().map(|var| self.var_ty(*var)).collect();
        let region = self.emit.new_region(&types);
        let emitted = self.emit.inst(K::Loop(region), &initial, &var_types);
        let (before, failed, saved) = (self.rows, self.failed.take(), self.vars.clone());
        let here = self.emit.enter(region);
        let carried = self.emit.params_of(region);
        self.rows = Rows { mask: Some(carried[0]), some: true };
        for (param, value) in params.iter().zip(&carried[1..]) {
            self.define(*param, *value);
        }
        for (var, value) in vars.iter().zip(&carried[1 + params.len()..]) {
            self.vars.insert(*var, *value);
        }
        self.forget(Var::Again(id));
        for i in 0..params.len() as u32 {
            self.forget(Var::AgainWith(id, i));
        }
        self.region(body, false);
        self.stop_where_failed();
        let after = self.vars_now(vars);
        match self.vars.get(&Var::Again(id)).copied() {
            None => self.emit.effect(K::Exit(emitted), &after),
            Some(again) => {
                let any = self.any(again);
                let (yes, no) = (self.emit.new_region(&[]), self.emit.new_region(&[]));
                let test = self.emit.inst(K::If(yes, no), &[any], &[]);
                self.emit.enter(no);
                self.emit.effect(K::Exit(emitted), &after);
                self.emit.enter(yes);
                self.emit.effect(K::Exit(test), &[]);
                self.emit.enter(region);
                let with: Vec<Var> = (0..params.len() as u32).map(|i| Var::AgainWith(id, i)).collect();
                let mut next = vec![again];
                next.extend(self.vars_now(&with));
                next.extend(after);
                self.emit.effect(K::Repeat(emitted), &next);
            }
        }
        self.emit.enter(here);
        (self.rows, self.failed, self.vars) = (before, failed, saved);
        for (var, value) in vars.iter().zip(self.emit.results(emitted)) {
            self.vars.insert(*var, value);
        }
    }

    // What all rows do together.

    /// The types of the results of something that is not divergent, and of the fuel behind it.
    fn result_types(&self, id: InstId) -> Vec<Ty> {
        let mut types: Vec<Ty> = self.row.results(id).map(|result| self.ty_here(result)).collect();
        types.extend(self.shape.metered[id.index()].then_some(Ty::one(Scalar::I64)));
        types
    }

    /// Behind something that is not divergent: its results, the fuel taken off them.
    fn results_of(&mut self, id: InstId, emitted: InstId) -> Vec<Value> {
        let mut results = self.emit.results(emitted);
        if self.shape.metered[id.index()]
            && let Some(fuel) = results.pop()
        {
            self.vars.insert(Var::Fuel, fuel);
        }
        results
    }

    /// A way out of it passes the end of the region under construction, where the rows that failed so far would be looked at.
    fn before_ways_out(&mut self, id: InstId) {
        if self.shape.leaves[id.index()] {
            self.stop_where_failed();
        }
    }

    /// A region of its own inside of what is not divergent.
    fn own_region(&mut self, region: RegionId, emitted: RegionId) {
        let (rows, failed, saved) = (self.rows, self.failed.take(), self.vars.clone());
        let here = self.emit.enter(emitted);
        self.region(region, true);
        self.emit.enter(here);
        (self.rows, self.failed, self.vars) = (rows, failed, saved);
    }

    fn scalar_if(&mut self, id: InstId, yes: RegionId, no: RegionId) {
        self.before_ways_out(id);
        let condition = self.one(self.row.args(id)[0]);
        let regions = [yes, no].map(|region| (region, self.emit.new_region(&[])));
        let types = self.result_types(id);
        let emitted = self.emit.inst(K::If(regions[0].1, regions[1].1), &[condition], &types);
        self.emitted.insert(id, emitted);
        for (region, emitted) in regions {
            self.own_region(region, emitted);
        }
        let results = self.results_of(id, emitted);
        self.row.results(id).zip(results).for_each(|(result, value)| self.define(result, value));
    }

    fn scalar_block(&mut self, id: InstId, body: RegionId) {
        self.before_ways_out(id);
        let region = self.emit.new_region(&[]);
        let types = self.result_types(id);
        let emitted = self.emit.inst(K::Block(region), &[], &types);
        self.emitted.insert(id, emitted);
        self.own_region(body, region);
        let results = self.results_of(id, emitted);
        self.row.results(id).zip(results).for_each(|(result, value)| self.define(result, value));
    }

    fn scalar_loop(&mut self, id: InstId, body: RegionId) -> Vec<Value> {
        let row = self.row;
        let params = &row.regions[body.index()].params;
        let metered = self.shape.metered[id.index()];
        let mut initial: Vec<Value> =
            row.args(id).iter().zip(params).map(|(arg, param)| self.like(*arg, *param)).collect();
        initial.extend(metered.then(|| self.vars[&Var::Fuel]));
        let types: Vec<Ty> = initial.iter().map(|value| self.emit.func.ty(*value)).collect();
        let region = self.emit.new_region(&types);
        let result_types = self.result_types(id);
        let emitted = self.emit.inst(K::Loop(region), &initial, &result_types);
        self.emitted.insert(id, emitted);
        let carried = self.emit.params_of(region);
        let fuel = self.vars[&Var::Fuel];
        let here = self.emit.enter(region);
        for (param, value) in params.iter().zip(&carried) {
            self.define(*param, *value);
        }
        if metered {
            self.vars.insert(Var::Fuel, carried[params.len()]);
        }
        self.emit.enter(here);
        self.own_region(body, region);
        self.vars.insert(Var::Fuel, fuel);
        self.results_of(id, emitted)
    }

    /// The instruction here that stands for one that is not divergent.
    fn emitted(&self, id: InstId) -> InstId {
        self.emitted.get(&id).copied().unwrap_or(id)
    }
}
