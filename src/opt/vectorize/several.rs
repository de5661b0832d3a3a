//! More than one vector a block: each value that differs between rows becomes several, whose instructions stand side by side, so that one need not wait for the other.
//!
//! Control stays one: a loop runs until no row of any vector is left in it, an arm is skipped where no row of any takes it.

use crate::ir::func::{Func, Inst, InstId, InstKind as K, RegionId, Ty, Value};
use crate::ir::index::Index;
use crate::ir::op::{Op, Scalar};
use std::collections::HashMap;

/// Larger functions have work enough for one vector, and more values than registers for several.
const MOST_INSTS: usize = 96;

/// How many vectors a block of this row function is to have.
pub(super) fn vectors_of(row: &Func) -> u8 {
    let size: usize = row.regions.iter().flat_map(|region| &region.insts).map(|&id| weight(row.inst(id).kind)).sum();
    if size <= MOST_INSTS { 2 } else { 1 }
}

/// About so many instructions.
fn weight(kind: K) -> usize {
    match kind {
        K::Math(_) => 30,
        _ => 1,
    }
}

/// Makes so many vectors of each that differs between rows; the function's blocks have as many times its lanes.
pub(super) fn multiply(func: &mut Func, vectors: u8, lanes: u8) {
    if vectors <= 1 {
        return;
    }
    let index = Index::new(func);
    let differs = differing(func, &index);
    // What lists of arguments stand for, as it is before anything changes.
    let places: Vec<Vec<Value>> = func.insts.iter().map(|inst| places(func, inst.kind)).collect();
    let mut of: Vec<Vec<Value>> = (0..func.values.len() as u32).map(|i| vec![Value(i)]).collect();
    for (first, _) in differs.iter().enumerate().filter(|(_, differs)| **differs) {
        let ty = func.values[first];
        of[first].extend((1..vectors).map(|_| func.new_value(ty)));
    }
    let mut copies = Copies { of, differs, at: HashMap::new(), vectors: vectors.into(), lanes };
    for &id in &index.order {
        copies.results(func, id);
    }
    for region in (0..func.regions.len() as u32).map(RegionId) {
        copies.region(func, region, &places);
    }
}

/// The values that an instruction's arguments become in another place.
fn places(func: &Func, kind: K) -> Vec<Value> {
    match kind {
        K::Exit(to) => func.results(to).collect(),
        K::Loop(region) => func.regions[region.index()].params.to_vec(),
        K::Repeat(to) => places(func, func.inst(to).kind),
        _ => Vec::new(),
    }
}

/// Which values differ between the vectors of a block: what comes from columns, and all that is made of it.
fn differing(func: &Func, index: &Index) -> Vec<bool> {
    let mut differs = vec![false; func.values.len()];
    let mut changed = true;
    while changed {
        changed = false;
        let mut mark = |differs: &mut Vec<bool>, from: &[Value], to: Vec<Value>| {
            for (from, to) in from.iter().zip(to) {
                changed |= differs[from.index()] && !std::mem::replace(&mut differs[to.index()], true);
            }
        };
        for &id in &index.order {
            let args = func.args(id);
            let kind = func.inst(id).kind;
            match kind {
                K::Exit(to) => mark(&mut differs, args, func.results(to).collect()),
                K::Loop(region) => mark(&mut differs, args, func.regions[region.index()].params.to_vec()),
                K::Repeat(to) => {
                    if let K::Loop(region) = func.inst(to).kind {
                        mark(&mut differs, args, func.regions[region.index()].params.to_vec());
                    }
                }
                K::AnyLane => {}
                K::VectorLoad(_) => differs[func.inst(id).first_result.index()] = true,
                _ => {
                    for result in func.results(id).filter(|_| !kind.is_structured()) {
                        args.iter().for_each(|&arg| mark(&mut differs, &[arg], vec![result]));
                    }
                }
            }
        }
    }
    differs
}

struct Copies {
    /// For each value that there was the one of each vector, or the only one.
    of: Vec<Vec<Value>>,
    differs: Vec<bool>,
    /// The first row of each vector behind the first, by that of the first.
    at: HashMap<(RegionId, Value), Vec<Value>>,
    vectors: usize,
    lanes: u8,
}

impl Copies {
    /// The value of this vector.
    fn get(&self, value: Value, vector: usize) -> Value {
        let all = self.of.get(value.index()).map_or(&[][..], Vec::as_slice);
        all.get(vector).or(all.first()).copied().unwrap_or(value)
    }

    /// What a list has for the value that becomes `place`.
    fn list(&self, args: &[Value], places: &[Value]) -> Vec<Value> {
        let count = |place: &Value| if self.differs[place.index()] { self.vectors } else { 1 };
        let all = |(&arg, place): (&Value, &Value)| (0..count(place)).map(move |vector| self.get(arg, vector));
        args.iter().zip(places).flat_map(all).collect()
    }

    /// The results of a structured instruction follow each other.
    fn results(&mut self, func: &mut Func, id: InstId) {
        let results: Vec<Value> = func.results(id).collect();
        if !func.inst(id).kind.is_structured() || !results.iter().any(|result| self.differs[result.index()]) {
            return;
        }
        let first_result = Value(func.values.len() as u32);
        for result in results {
            let ty = func.ty(result);
            self.of[result.index()].iter_mut().for_each(|value| *value = func.new_value(ty));
        }
        let inst = &mut func.insts[id.index()];
        (inst.first_result, inst.results) = (first_result, func.values.len() as u32 - first_result.0);
    }

    fn region(&mut self, func: &mut Func, region: RegionId, places: &[Vec<Value>]) {
        let params = std::mem::take(&mut func.regions[region.index()].params);
        func.regions[region.index()].params = self.list(&params, &params).into();
        for id in std::mem::take(&mut func.regions[region.index()].insts) {
            self.inst(func, region, id, &places[id.index()]);
        }
    }

    fn inst(&mut self, func: &mut Func, region: RegionId, id: InstId, places: &[Value]) {
        let inst = *func.inst(id);
        let args = func.args(id).to_vec();
        let carries = matches!(inst.kind, K::Loop(_) | K::Exit(_) | K::Repeat(_));
        let several = args.iter().any(|arg| self.differs.get(arg.index()).is_some_and(|&differs| differs))
            || matches!(inst.kind, K::VectorLoad(_) | K::VectorStore(_));
        let mut of_first = match carries {
            true => self.list(&args, places),
            false => args.iter().map(|&arg| self.get(arg, 0)).collect(),
        };
        if inst.kind == K::AnyLane && several {
            for vector in 1..self.vectors {
                let first_result = func.new_value(func.ty(args[0]));
                let either = Inst { kind: K::Op(Op::BOr), first_result, ..inst };
                append(func, region, either, &[of_first[0], self.get(args[0], vector)]);
                of_first[0] = first_result;
            }
        }
        func.insts[id.index()].args = func.new_values(&of_first);
        func.regions[region.index()].insts.push(id);
        if several && !carries && inst.kind != K::AnyLane && !inst.kind.is_structured() {
            for vector in 1..self.vectors {
                let mut args: Vec<Value> = args.iter().map(|&arg| self.get(arg, vector)).collect();
                if matches!(inst.kind, K::VectorLoad(_) | K::VectorStore(_)) {
                    args[1] = self.first_row(func, region, args[1], vector, inst);
                }
                let first_result = self.get(inst.first_result, vector);
                append(func, region, Inst { first_result, ..inst }, &args);
            }
        }
    }

    /// The first row of a vector behind the first of the block.
    fn first_row(&mut self, func: &mut Func, region: RegionId, first: Value, vector: usize, inst: Inst) -> Value {
        if let Some(rows) = self.at.get(&(region, first)) {
            return rows[vector - 1];
        }
        let word = |func: &mut Func, kind: K, args: &[Value]| {
            let first_result = func.new_value(Ty::one(Scalar::I64));
            append(func, region, Inst { kind, first_result, results: 1, ..inst }, args);
            first_result
        };
        let lanes = i64::from(self.lanes);
        let rows: Vec<Value> = (1..self.vectors as i64)
            .map(|vector| {
                let offset = word(func, K::ConstI64(vector * lanes), &[]);
                word(func, K::Op(Op::IWrappingAdd), &[first, offset])
            })
            .collect();
        let row = rows[vector - 1];
        self.at.insert((region, first), rows);
        row
    }
}

fn append(func: &mut Func, region: RegionId, inst: Inst, args: &[Value]) {
    let args = func.new_values(args);
    let id = InstId(func.insts.len() as u32);
    func.insts.push(Inst { args, ..inst });
    func.regions[region.index()].insts.push(id);
}
