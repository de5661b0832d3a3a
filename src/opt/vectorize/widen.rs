//! The frame of the chunk function, and what its translation works with: values in one lane and in several, masks, and the rows that failed.
//!
//! What a row carries out of a divergent instruction is kept in *variables* ([`Var`]) until that instruction ends ([`super::flow`]).

use super::shape::Shape;
use super::{Source, lanes_of};
use crate::ir::emit::Emitter;
use crate::ir::func::{Func, InstId, InstKind as K, RegionId, Ty, Value};
use crate::ir::op::{Op, Scalar};
use crate::types::Elem;
use std::collections::HashMap;

/// Something that changes along the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Var {
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
pub(super) struct Rows {
    /// `None`: all.
    pub mask: Option<Value>,
    /// Whether it is known that there are some.
    pub some: bool,
}

const ALL: Rows = Rows { mask: None, some: true };

pub(super) struct Widener<'a> {
    pub(super) row: &'a Func,
    pub(super) shape: Shape,
    pub(super) emit: Emitter,
    pub(super) lanes: u8,
    /// For each value of the row function the one here, of several lanes where it varies.
    pub(super) values: Vec<Option<Value>>,
    /// The same in several lanes where it does not vary.
    pub(super) splats: Vec<Option<Value>>,
    /// For the result of a check of an index that varies: the rows that pass.
    pub(super) in_bounds: HashMap<Value, Value>,
    /// Before the first block; and whether a value here can be used there.
    pub(super) entry: RegionId,
    pub(super) at_entry: Vec<bool>,
    pub(super) constants: HashMap<(Scalar, u64, u8), Value>,
    pub(super) vars: HashMap<Var, Value>,
    /// What stands here for a structured instruction that is not divergent.
    pub(super) emitted: HashMap<InstId, InstId>,
    pub(super) rows: Rows,
    /// Rows that failed a check in the region under construction.
    pub(super) failed: Option<Value>,
    /// The first row of the block.
    pub(super) first: Value,
    pub(super) refusal: Option<String>,
}

/// The chunk function; see [`super::vectorize`].
pub(super) fn widen(row: &Func, sources: &[Source], outputs: &[Elem], lanes: u8, block: u8) -> Result<Func, String> {
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
    emit.func.results = vec![Scalar::I64].into();
    let entry = emit.region();
    // No element outside a column is touched, whatever the caller says.
    let columns = sources.iter().zip(&bound).filter(|(source, _)| source.varies()).map(|(_, params)| params[1]);
    for length in columns.chain(stores.iter().map(|(_, length)| *length)).collect::<Vec<Value>>() {
        emit.one(K::SliceCheck, &[start, end, length], Scalar::I64);
    }
    let step = emit.int(block.into());
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
    pub(super) fn refuse(&mut self, why: &str) {
        self.refusal.get_or_insert_with(|| why.to_owned());
    }

    pub(super) fn ty(&self, scalar: Scalar) -> Ty {
        lanes_of(scalar, self.lanes)
    }

    /// The type that a value of the row function has here.
    pub(super) fn ty_here(&self, old: Value) -> Ty {
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
    pub(super) fn define(&mut self, old: Value, new: Value) {
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
    pub(super) fn anywhere(&mut self, kind: K, args: &[Value], ty: Ty) -> Value {
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
    pub(super) fn one(&mut self, old: Value) -> Value {
        match self.values[old.index()] {
            Some(value) => value,
            None => {
                self.refuse("of an internal error: a value is used before it is made");
                self.first
            }
        }
    }

    /// The value in all lanes.
    pub(super) fn in_lanes(&mut self, old: Value) -> Value {
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
    pub(super) fn like(&mut self, old: Value, place: Value) -> Value {
        if self.shape.varying[place.index()] { self.in_lanes(old) } else { self.one(old) }
    }

    // Masks.

    pub(super) fn op(&mut self, op: Op, args: &[Value]) -> Value {
        let ty = self.ty(op.result());
        self.emit.value(K::Op(op), args, ty)
    }

    pub(super) fn both(&mut self, mask: Option<Value>, other: Value) -> Value {
        mask.map_or(other, |mask| self.op(Op::BAnd, &[mask, other]))
    }

    pub(super) fn either(&mut self, mask: Option<Value>, other: Value) -> Value {
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

    pub(super) fn any(&mut self, mask: Value) -> Value {
        self.emit.one(K::AnyLane, &[mask], Scalar::Bool)
    }

    /// The rows under way as a mask.
    pub(super) fn mask(&mut self) -> Value {
        match self.rows.mask {
            Some(mask) => mask,
            None => self.constant(self.ty(Scalar::Bool), 1),
        }
    }

    pub(super) fn no_rows(&mut self) -> Rows {
        Rows { mask: Some(self.constant(self.ty(Scalar::Bool), 0)), some: false }
    }

    /// These rows fail, if they are under way.
    pub(super) fn fail(&mut self, rows: Value) {
        let failing = self.both(self.rows.mask, rows);
        self.failed = Some(self.either(self.failed, failing));
    }

    /// The function ends here if any row failed so far.
    pub(super) fn stop_where_failed(&mut self) {
        let Some(failed) = self.failed.take() else { return };
        let any = self.any(failed);
        self.stop_if(any);
    }

    pub(super) fn stop_if(&mut self, condition: Value) {
        let (yes, no) = (self.emit.new_region(&[]), self.emit.new_region(&[]));
        let test = self.emit.inst(K::If(yes, no), &[condition], &[]);
        let here = self.emit.enter(yes);
        self.emit.effect(K::Return, &[self.first]);
        self.emit.enter(no);
        self.emit.effect(K::Exit(test), &[]);
        self.emit.enter(here);
    }
}
