//! The translation itself: a walk over the regions, with the mask of the rows that are under way.
//!
//! What a row carries out of a divergent instruction is kept in *variables* ([`Var`]) until that instruction ends; an emitted `If` or `Loop` gives those that change
//! in it as results. A region is translated in one of two ways: as a region of its own, whose terminator is emitted (in what is not divergent), or in line,
//! where a terminator moves the rows under way into variables.

use super::shape::Shape;
use super::{Source, lanes_of};
use crate::ir::emit::Emitter;
use crate::ir::func::{Func, InstId, InstKind as K, RegionId, Ty, Value};
use crate::ir::op::{Effect, Op, Scalar};
use crate::types::Elem;
use std::collections::{HashMap, HashSet};

/// Something that changes along the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Var {
    /// What is left of the fuel.
    Fuel,
    /// The rows that have left a divergent instruction, and what they carry.
    Left(InstId),
    LeftWith(InstId, u32),
    /// The rows that go round a divergent loop again, and what they carry.
    Again(InstId),
    AgainWith(InstId, u32),
    /// The rows at the end of one arm of an `If` that only the ends of its arms exit, and what they carry.
    Arm(InstId, bool),
    ArmWith(InstId, bool, u32),
    /// A result of an instruction that stands in an arm of its own.
    Result(InstId, u32),
}

/// The rows under way.
#[derive(Clone, Copy, Debug)]
struct Rows {
    /// `None`: all.
    mask: Option<Value>,
    /// Whether it is known that there are some.
    some: bool,
}

const ALL: Rows = Rows { mask: None, some: true };

pub(super) struct Widener<'a> {
    row: &'a Func,
    shape: Shape,
    pub(super) emit: Emitter,
    pub(super) lanes: u8,
    /// For each value of the row function the one here, of several lanes where it varies.
    values: Vec<Option<Value>>,
    /// The same in several lanes where it does not vary.
    splats: Vec<Option<Value>>,
    /// For the result of a check of an index that varies: the rows that pass.
    in_bounds: HashMap<Value, Value>,
    /// Before the first block; and whether a value here can be used there.
    entry: RegionId,
    at_entry: Vec<bool>,
    constants: HashMap<(Scalar, u64, u8), Value>,
    vars: HashMap<Var, Value>,
    /// What stands here for a structured instruction that is not divergent.
    emitted: HashMap<InstId, InstId>,
    rows: Rows,
    /// Rows that failed a check in the region under construction.
    failed: Option<Value>,
    /// The first row of the block.
    first: Value,
    refusal: Option<String>,
}

/// The chunk function; see [`super::vectorize`].
pub(super) fn widen(row: &Func, sources: &[Source], outputs: &[Elem], lanes: u8) -> Result<Func, String> {
    let varying: Vec<bool> =
        sources.iter().flat_map(|source| vec![source.varies(); source.row_params().len()]).collect();
    let shape = Shape::new(row, &varying)?;
    let mut emit = Emitter::new("lanes", row.span);
    let one = Ty::one;
    let mut bound = Vec::new();
    for source in sources {
        let params = match source {
            Source::Column(_) => vec![Scalar::Ptr, Scalar::I64],
            Source::Same(_) => source.row_params(),
        };
        bound.push(params.into_iter().map(|scalar| emit.param(scalar)).collect::<Vec<Value>>());
    }
    let stores: Vec<(Value, Value)> =
        outputs.iter().map(|_| (emit.param(Scalar::Ptr), emit.param(Scalar::I64))).collect();
    let [fuel, start, end] = [(); 3].map(|()| emit.param(Scalar::I64));
    emit.func.results = vec![Scalar::I64];
    let entry = emit.region();
    // No element outside a column is touched, whatever the caller says.
    let columns = sources.iter().zip(&bound).filter(|(source, _)| source.varies()).map(|(_, params)| params[1]);
    for length in columns.chain(stores.iter().map(|(_, length)| *length)).collect::<Vec<Value>>() {
        emit.one(K::SliceCheck, &[start, end, length], Scalar::I64);
    }
    let step = emit.int(lanes.into());
    let last = emit.one(K::Op(Op::IWrappingSub), &[end, step], Scalar::I64);

    let blocks = emit.new_region(&[one(Scalar::I64), one(Scalar::I64)]);
    let (first, fuel_in) = (emit.params_of(blocks)[0], emit.params_of(blocks)[1]);
    let at_entry = vec![true; emit.func.values.len() - 2];
    let mut widener = Widener {
        row,
        shape,
        emit,
        lanes,
        values: vec![None; row.values.len()],
        splats: vec![None; row.values.len()],
        in_bounds: HashMap::new(),
        entry,
        at_entry,
        constants: HashMap::new(),
        vars: HashMap::from([(Var::Fuel, fuel_in)]),
        emitted: HashMap::new(),
        rows: ALL,
        failed: None,
        first,
        refusal: None,
    };
    widener.same(sources, &bound);
    widener.emit.enter(blocks);
    // The loop itself is put at the end of the entry once that is complete.
    let blocks_loop = widener.emit.inst(K::Loop(blocks), &[start, fuel], &[one(Scalar::I64)]);
    widener.emit.func.regions[blocks.index()].insts.clear();
    widener.whole_blocks(blocks_loop, last);
    widener.columns(sources, &bound);
    widener.region(row.body(), true);
    widener.store(outputs, &stores, blocks_loop, step);
    if let Some(refusal) = widener.refusal {
        return Err(refusal);
    }
    let mut emit = widener.emit;
    emit.enter(entry);
    emit.func.regions[entry.index()].insts.push(blocks_loop);
    let done = emit.results(blocks_loop);
    emit.effect(K::Return, &done);
    Ok(emit.func)
}

impl Widener<'_> {
    fn refuse(&mut self, why: &str) {
        self.refusal.get_or_insert_with(|| why.to_owned());
    }

    pub(super) fn ty(&self, scalar: Scalar) -> Ty {
        lanes_of(scalar, self.lanes)
    }

    /// The type that a value of the row function has here.
    fn ty_here(&self, old: Value) -> Ty {
        let scalar = self.row.ty(old).scalar;
        if self.shape.varying[old.index()] { self.ty(scalar) } else { Ty::one(scalar) }
    }

    // The frame of the function.

    /// What is the same in each row is a parameter as it is.
    fn same(&mut self, sources: &[Source], bound: &[Vec<Value>]) {
        let mut params = self.row.params.iter();
        for (source, bound) in sources.iter().zip(bound) {
            for (&param, i) in params.by_ref().take(source.row_params().len()).zip(0..) {
                if !source.varies() {
                    self.define(param, bound[i]);
                }
            }
        }
    }

    /// Leaves the loop where no whole block is left.
    fn whole_blocks(&mut self, blocks: InstId, last: Value) {
        let first = self.first;
        let more = self.emit.one(K::Op(Op::ILe), &[first, last], Scalar::Bool);
        let (yes, no) = (self.emit.new_region(&[]), self.emit.new_region(&[]));
        let test = self.emit.inst(K::If(yes, no), &[more], &[]);
        let body = self.emit.enter(no);
        self.emit.effect(K::Exit(blocks), &[first]);
        self.emit.enter(yes);
        self.emit.effect(K::Exit(test), &[]);
        self.emit.enter(body);
    }

    fn columns(&mut self, sources: &[Source], bound: &[Vec<Value>]) {
        let mut params = self.row.params.iter();
        for (source, bound) in sources.iter().zip(bound) {
            let mine: Vec<Value> = params.by_ref().take(source.row_params().len()).copied().collect();
            if let Source::Column(elem) = *source {
                let ty = self.ty(self.row.ty(mine[0]).scalar);
                let lanes = self.emit.value(K::VectorLoad(elem), &[bound[0], self.first], ty);
                self.define(mine[0], lanes);
            }
        }
    }

    /// The results into the outputs, and on to the next block.
    fn store(&mut self, outputs: &[Elem], stores: &[(Value, Value)], blocks: InstId, step: Value) {
        let body = &self.row.regions[self.row.body().index()].insts;
        let results: Vec<Value> = match body.last() {
            Some(&id) if self.row.inst(id).kind == K::Return => self.row.args(id).to_vec(),
            _ => return self.refuse("it never gives a value"),
        };
        if self.refusal.is_some() {
            return;
        }
        let results: Vec<Value> = results.into_iter().map(|result| self.in_lanes(result)).collect();
        self.stop_where_failed();
        for ((&elem, &(address, _)), result) in outputs.iter().zip(stores).zip(results) {
            self.emit.effect(K::VectorStore(elem), &[address, self.first, result]);
        }
        let next = self.emit.one(K::Op(Op::IWrappingAdd), &[self.first, step], Scalar::I64);
        let fuel = self.vars[&Var::Fuel];
        self.emit.effect(K::Repeat(blocks), &[next, fuel]);
    }

    // Values.

    /// From now on `old` is `new` here.
    fn define(&mut self, old: Value, new: Value) {
        self.values[old.index()] = Some(new);
        if !self.shape.varying[old.index()] && self.shape.in_lanes[old.index()] {
            let ty = self.ty(self.row.ty(old).scalar);
            let splat = match ty.scalar {
                // Addresses that differ between rows are refused where they are used.
                Scalar::Ptr => return,
                _ => self.anywhere(K::Splat, &[new], ty),
            };
            self.splats[old.index()] = Some(splat);
        }
    }

    /// A pure instruction, before the blocks if its operands are there.
    fn anywhere(&mut self, kind: K, args: &[Value], ty: Ty) -> Value {
        let hoist = args.iter().all(|arg| self.at_entry.get(arg.index()).is_some_and(|&is| is));
        if !hoist {
            return self.emit.value(kind, args, ty);
        }
        let here = self.emit.enter(self.entry);
        let value = self.emit.value(kind, args, ty);
        self.emit.enter(here);
        self.at_entry.resize(value.index(), false);
        self.at_entry.push(true);
        value
    }

    pub(super) fn constant(&mut self, ty: Ty, bits: u64) -> Value {
        if let Some(&value) = self.constants.get(&(ty.scalar, bits, ty.lanes)) {
            return value;
        }
        let kind = match ty.scalar {
            Scalar::F64 => K::ConstF64(bits),
            Scalar::Bool => K::ConstBool(bits != 0),
            Scalar::I64 | Scalar::Ptr => K::ConstI64(bits as i64),
        };
        let value = self.anywhere(kind, &[], ty);
        self.constants.insert((ty.scalar, bits, ty.lanes), value);
        value
    }

    /// The value of one lane; only of what does not vary.
    fn one(&mut self, old: Value) -> Value {
        match self.values[old.index()] {
            Some(value) => value,
            None => {
                self.refuse("of an internal error: a value is used before it is made");
                self.first
            }
        }
    }

    /// The value in all lanes.
    fn in_lanes(&mut self, old: Value) -> Value {
        if self.shape.varying[old.index()] {
            return self.one(old);
        }
        match self.splats[old.index()] {
            Some(splat) => splat,
            None => {
                self.refuse("it chooses among arrays");
                self.constant(lanes_of(Scalar::F64, self.lanes), 0)
            }
        }
    }

    /// The value as the other one's place takes it.
    fn like(&mut self, old: Value, place: Value) -> Value {
        if self.shape.varying[place.index()] { self.in_lanes(old) } else { self.one(old) }
    }

    // Masks.

    pub(super) fn op(&mut self, op: Op, args: &[Value]) -> Value {
        let ty = self.ty(op.result());
        self.emit.value(K::Op(op), args, ty)
    }

    fn both(&mut self, mask: Option<Value>, other: Value) -> Value {
        mask.map_or(other, |mask| self.op(Op::BAnd, &[mask, other]))
    }

    fn either(&mut self, mask: Option<Value>, other: Value) -> Value {
        mask.map_or(other, |mask| self.op(Op::BOr, &[mask, other]))
    }

    /// `mask ? yes : no`, of masks too.
    pub(super) fn select(&mut self, mask: Value, yes: Value, no: Value) -> Value {
        let ty = self.emit.func.ty(yes);
        if ty.scalar != Scalar::Bool {
            return self.emit.value(K::Select, &[mask, yes, no], ty);
        }
        let yes = self.op(Op::BAnd, &[mask, yes]);
        let others = self.op(Op::BNot, &[mask]);
        let no = self.op(Op::BAnd, &[others, no]);
        self.op(Op::BOr, &[yes, no])
    }

    fn any(&mut self, mask: Value) -> Value {
        self.emit.one(K::AnyLane, &[mask], Scalar::Bool)
    }

    /// The rows under way as a mask.
    fn mask(&mut self) -> Value {
        match self.rows.mask {
            Some(mask) => mask,
            None => self.constant(self.ty(Scalar::Bool), 1),
        }
    }

    fn no_rows(&mut self) -> Rows {
        Rows { mask: Some(self.constant(self.ty(Scalar::Bool), 0)), some: false }
    }

    /// These rows fail, if they are under way.
    pub(super) fn fail(&mut self, rows: Value) {
        let failing = self.both(self.rows.mask, rows);
        self.failed = Some(self.either(self.failed, failing));
    }

    /// The function ends here if any row failed so far.
    fn stop_where_failed(&mut self) {
        let Some(failed) = self.failed.take() else { return };
        let any = self.any(failed);
        self.stop_if(any);
    }

    fn stop_if(&mut self, condition: Value) {
        let (yes, no) = (self.emit.new_region(&[]), self.emit.new_region(&[]));
        let test = self.emit.inst(K::If(yes, no), &[condition], &[]);
        let here = self.emit.enter(yes);
        self.emit.effect(K::Return, &[self.first]);
        self.emit.enter(no);
        self.emit.effect(K::Exit(test), &[]);
        self.emit.enter(here);
    }

    // Regions.

    /// Translates a region: with a terminator of its own, or in line.
    fn region(&mut self, region: RegionId, own: bool) {
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
            (K::Repeat(_), K::Loop(region)) => row.regions[region.index()].params.clone(),
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
                K::Loop(region) => (Var::Again(to), to, row.regions[region.index()].params.clone()),
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
                    if super::shape::is_metered(kind) {
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
        // The closure borrows all of it.
        let mut value = value;
        vars.iter().map(|var| value(var)).collect()
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

    // Instructions without regions.

    /// Whether to test if any row takes an arm: where it costs more than the test.
    fn is_worth_a_branch(&self, insts: &[InstId]) -> bool {
        let cost = |id: &InstId| match self.row.inst(*id).kind {
            K::Loop(_) | K::Math(_) => 100,
            K::Op(Op::FDiv | Op::FSqrt | Op::IDiv | Op::IRem | Op::IFloorDiv | Op::IFloorMod) => 8,
            // It would trap for nothing.
            K::BoundsCheck | K::AssumeInBounds | K::SliceCheck if !self.varies(*id) => 100,
            K::Op(op) if op.effect() == Effect::Trap && !self.varies(*id) => 100,
            K::Load(_) => 6,
            K::Exit(_) | K::Repeat(_) | K::ConstF64(_) | K::ConstI64(_) | K::ConstBool(_) => 0,
            K::Op(op) if op.effect() == Effect::Trap => 3,
            _ => 1,
        };
        insts.iter().map(cost).sum::<u32>() > 12
    }

    fn varies(&self, id: InstId) -> bool {
        self.row.results(id).any(|result| self.shape.varying[result.index()])
    }

    fn simple(&mut self, id: InstId) {
        let inst = *self.row.inst(id);
        match inst.kind {
            K::EnterCall(_) | K::EnterInlined(_) | K::MeterLoop => self.take_fuel(),
            K::LeaveCall(_) => {}
            K::HostCall(_) => self.refuse("it calls host functions"),
            K::Call(_) => self.refuse("it calls functions"),
            K::Alloc(_) | K::Store(_) | K::ArenaMark | K::ArenaRelease => self.refuse("it makes or writes arrays"),
            K::ArrayOp(..) => self.refuse("it computes with whole arrays"),
            K::SliceCheck | K::ElemAddr(_) if self.varies(id) => self.refuse("it slices arrays"),
            _ if self.varies(id) => self.varying(id),
            kind => self.not_varying(id, kind),
        }
    }

    fn take_fuel(&mut self) {
        let one = self.constant(Ty::one(Scalar::I64), 1);
        let zero = self.constant(Ty::one(Scalar::I64), 0);
        let left = self.emit.one(K::Op(Op::IWrappingSub), &[self.vars[&Var::Fuel], one], Scalar::I64);
        self.vars.insert(Var::Fuel, left);
        let out = self.emit.one(K::Op(Op::ILt), &[left, zero], Scalar::Bool);
        self.stop_if(out);
    }

    /// The same in each row: it stands as it is.
    fn not_varying(&mut self, id: InstId, kind: K) {
        let args: Vec<Value> = self.row.args(id).to_vec();
        let args: Vec<Value> = args.into_iter().map(|arg| self.one(arg)).collect();
        let Some(result) = self.row.results(id).next() else { return self.refuse("it has effects") };
        let ty = Ty::one(self.row.ty(result).scalar);
        let value = match kind {
            K::ConstF64(bits) => self.constant(ty, bits),
            K::ConstI64(n) => self.constant(ty, n as u64),
            K::ConstBool(b) => self.constant(ty, b.into()),
            // The proof may rest on checks that rows failed, or on a condition that no row meets.
            K::AssumeInBounds => self.emit.value(K::BoundsCheck, &args, ty),
            kind if kind.effect() == Effect::Pure && !matches!(kind, K::ElemAddr(_)) => self.anywhere(kind, &args, ty),
            kind => self.emit.value(kind, &args, ty),
        };
        self.define(result, value);
    }

    fn varying(&mut self, id: InstId) {
        let inst = *self.row.inst(id);
        let old = self.row.args(id).to_vec();
        let result = inst.first_result;
        if inst.results != 1 {
            return self.refuse("it has effects");
        }
        let value = match inst.kind {
            K::Load(elem) => {
                if self.shape.varying[old[0].index()] {
                    return self.refuse("it chooses among arrays");
                }
                let (address, index) = (self.one(old[0]), self.in_lanes(old[1]));
                let Some(&in_bounds) = self.in_bounds.get(&old[1]) else {
                    return self.refuse("of an index that nothing checks");
                };
                let mask = self.both(self.rows.mask, in_bounds);
                let ty = self.ty(self.row.ty(result).scalar);
                self.emit.value(K::Gather(elem), &[address, index, mask], ty)
            }
            K::BoundsCheck | K::AssumeInBounds => {
                let (index, length) = (self.in_lanes(old[0]), self.in_lanes(old[1]));
                let zero = self.constant(self.ty(Scalar::I64), 0);
                let from = self.op(Op::ILe, &[zero, index]);
                let to = self.op(Op::ILt, &[index, length]);
                let inside = self.op(Op::BAnd, &[from, to]);
                self.in_bounds.insert(result, inside);
                let outside = self.op(Op::BNot, &[inside]);
                self.fail(outside);
                index
            }
            K::Select => {
                let args: Vec<Value> = old.iter().map(|arg| self.in_lanes(*arg)).collect();
                self.select(args[0], args[1], args[2])
            }
            K::Math(_) => {
                let args: Vec<Value> = old.iter().map(|arg| self.in_lanes(*arg)).collect();
                let ty = self.ty(Scalar::F64);
                self.emit.value(inst.kind, &args, ty)
            }
            K::Op(op) => {
                let constants: Vec<Option<i64>> = old.iter().map(|arg| self.int_constant(*arg)).collect();
                let args: Vec<Value> = old.iter().map(|arg| self.in_lanes(*arg)).collect();
                if op.effect() == Effect::Pure {
                    self.op(op, &args)
                } else {
                    match self.checked(op, &args, &constants) {
                        Some(value) => value,
                        None => return self.refuse(&format!("`{}` has no vector form", op.name())),
                    }
                }
            }
            _ => return self.refuse("it works on arrays that differ between rows"),
        };
        self.define(result, value);
    }

    /// The whole number that a value of the row function is known to be.
    fn int_constant(&self, old: Value) -> Option<i64> {
        match self.row.inst(self.shape.index.inst(old)?).kind {
            K::ConstI64(n) => Some(n),
            _ => None,
        }
    }
}
