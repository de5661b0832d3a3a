//! From the function of one row to the chunk function that does `L` rows with each instruction.
//!
//! Values that differ between rows ([`shape`]) get `L` lanes, the others stay as they are. Where control differs between rows, both ways are taken one after the other
//! under masks, and a way that no row takes is skipped where that pays; a loop runs until no row is left in it ([`flow`]).
//!
//! A check becomes a mask of the rows that would fail it ([`checks`]), perhaps of some more. At the end of each region, and before loops, the function stops
//! where any row failed: it gives the first row of the block, nothing of which is stored yet. The caller runs the scalar function for those rows. The same where fuel
//! runs out: one counter, an upper bound for every row, goes through the whole call, so that calls stay short.
//! Instructions on values that do not differ stand as they are, traps included; where one traps, the caller runs the whole call's rows again.
//!
//! Rows that a mask leaves out, and rows that failed a check before the function stops, carry any values: only pure operations see them, and the masks of gathers
//! hold each index against its array again.

mod calls;
mod checks;
mod flow;
mod several;
mod shape;
mod simple;
#[cfg(test)]
mod tests;
mod widen;

use super::{dce, elementary};
use crate::ir::emit::Emitter;
use crate::ir::func::{Func, Inst, InstId, InstKind, Ty, Value, Values};
use crate::ir::index::Index;
use crate::ir::op::{Scalar, scalar_of};
use crate::types::{Elem, Type};
use std::collections::HashSet;

/// Elementary functions that are written out in one kernel.
const MOST_EXPANDED: usize = 256;

/// What a parameter of the row function is filled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The element of a column.
    Column(Elem),
    /// A scalar, or an array as two parameters: the same in each row.
    Same(Type),
}

/// A chunk function for several rows at once.
#[derive(Clone, Debug)]
pub struct Vectorized {
    /// Takes the sources (columns and arrays as address and length), the outputs likewise, fuel, start and end; gives the first row not done.
    pub func: Func,
    /// So deep are calls nested in a row.
    pub depth: u32,
    /// Rows that are done at once: one vector of them, or several.
    pub block: u8,
}

/// The chunk function for `lanes` rows at a time, or why there is none.
///
/// `row` takes what `sources` say and returns as many scalars as there are outputs; `funcs` are the functions that it calls.
///
/// # Errors
/// What keeps the function scalar, as the end of a sentence that begins with "because".
pub fn vectorize(
    row: &Func,
    funcs: &[Func],
    sources: &[Source],
    outputs: &[Elem],
    lanes: u8,
    passes: &super::Passes,
) -> Result<Vectorized, String> {
    let (mut inlined, depth) = calls::inline(row, funcs)?;
    super::optimize(&mut inlined, passes);
    let wrapped = wrap(inlined).ok_or("it never gives a value")?;
    let vectors = several::vectors_of(&wrapped);
    let block = lanes * vectors;
    let mut func = widen::widen(&wrapped, sources, outputs, lanes, block)?;
    expand(&mut func);
    dce::remove_dead(&mut func);
    several::multiply(&mut func, vectors, lanes);
    // Of a loop that no row leaves only the way out to the host is there.
    super::ends::mark(&mut func);
    super::check(&func, "vectorize");
    Ok(Vectorized { func, depth, block })
}

/// Writes out the elementary functions of several lanes; behind so many of them, calls them lane by lane.
fn expand(func: &mut Func) {
    let in_lanes = |id: &InstId| {
        let inst = func.inst(*id);
        matches!(inst.kind, InstKind::Math(_)) && func.ty(inst.first_result).lanes > 1
    };
    let all: Vec<InstId> = Index::new(func).order.into_iter().filter(in_lanes).collect();
    let (first, rest) = all.split_at(all.len().min(MOST_EXPANDED));
    if let Some(last) = rest.last() {
        let ty = func.ty(func.inst(*last).first_result);
        let mask = func.new_value(lanes_of(Scalar::Bool, ty.lanes));
        let constant = InstId(func.insts.len() as u32);
        let span = func.span;
        let kind = InstKind::ConstBool(true);
        func.insts.push(Inst { kind, args: Values::default(), first_result: mask, results: 1, span });
        func.regions[func.body as usize].insts.insert(0, constant);
        for &id in rest {
            let InstKind::Math(math) = func.inst(id).kind else { continue };
            let args = func.args(id);
            let with: Vec<Value> = [mask, args[0]].iter().chain(args).copied().collect();
            let with = func.new_values(&with);
            let call = &mut func.insts[id.index()];
            (call.kind, call.args) = (InstKind::MathLanes(math), with);
        }
    }
    let first: HashSet<InstId> = first.iter().copied().collect();
    elementary::expand(func, |_, id| first.contains(&id));
}

/// The same function with one return, at its end; `None` where it never gets there.
fn wrap(row: Func) -> Option<Func> {
    let is_return = |id: &&InstId| row.inst(**id).kind == InstKind::Return;
    let last = row.regions[row.body().index()].insts.last();
    if last.is_some_and(|id| is_return(&id)) && Index::new(&row).order.iter().filter(is_return).count() == 1 {
        return Some(row);
    }
    let mut emit = Emitter::new(&row.name, row.span);
    let params: Vec<Value> = row.params.iter().map(|&param| emit.param(row.ty(param).scalar)).collect();
    emit.func.results.clone_from(&row.results);
    let results = emit.embed(&row, &params, &|callee| callee)?;
    emit.effect(InstKind::Return, &results);
    Some(emit.func)
}

impl Source {
    /// The types that it has as parameters of the row function.
    fn row_params(self) -> Vec<Scalar> {
        match self {
            Source::Column(elem) => vec![crate::ir::op::elem_scalar(elem)],
            Source::Same(ty) => scalar_of(ty).map_or_else(|| vec![Scalar::Ptr, Scalar::I64], |scalar| vec![scalar]),
        }
    }

    fn varies(self) -> bool {
        matches!(self, Source::Column(_))
    }
}

/// A type of several lanes.
const fn lanes_of(scalar: Scalar, lanes: u8) -> Ty {
    Ty { scalar, lanes }
}
