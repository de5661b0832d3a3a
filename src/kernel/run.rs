//! Runs a compiled kernel over its rows, chunk by chunk.
//!
//! Where some rows of a chunk are missing, the others are moved together first: code never sees a missing row.
//! A chunk is run with the fuel of one row. Where that does not suffice, or a row traps, the run is begun again at that row, with the fuel of its own: so what is
//! reported is exactly what that row does alone.

use super::CompiledKernel;
use super::bind::{Bound, Rows};
use super::compile::{Code, Formula, Typed, Vector, elem_of};
use super::mapped::Place;
use super::output::{OutputColumn, Selection, no_memory, zero_bits};
use super::reduce::{Fold, Partial};
use crate::error::Error;
use crate::interp;
use crate::limits::Limits;
use crate::runtime::entry::run_values;
use crate::runtime::fpenv::FpEnv;
use crate::runtime::program::Program;
use crate::runtime::{Host, RunError};
use crate::sandbox::Sandbox;
use crate::sema::hir::FuncId;
use crate::signature::Element;
use crate::span::Span;
use crate::trap::{Trap, TrapKind};
use crate::types::{Elem, Type};
use crate::value::{Arg, Array, SliceMut, Value};
use std::ops::Range;
use std::time::Instant;

/// Rows that are run at once; also the blocks of reductions.
pub(super) const CHUNK: usize = 4096;

/// Rows that are run at once where none can be missing and nothing is made of blocks.
pub(super) const LARGE_CHUNK: usize = 1 << 16;

/// Fuel of one call of vector code: so that it comes back for the clock and the cancel flag.
const CALL_FUEL: i64 = 1 << 20;

/// Which rows of a chunk are there.
pub(super) enum Present {
    All(usize),
    /// Ascending.
    Some(Vec<u32>),
}

impl Present {
    fn is_all(&self) -> bool {
        matches!(self, Present::All(_))
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Present::All(count) => *count,
            Present::Some(rows) => rows.len(),
        }
    }

    /// The row in the chunk of one that is there.
    pub(super) fn row(&self, at: usize) -> usize {
        match self {
            Present::All(_) => at,
            Present::Some(rows) => rows.get(at).map_or(at, |row| *row as usize),
        }
    }
}

/// A run over all rows.
pub(super) struct Runner<'r, 'a> {
    kernel: &'r CompiledKernel,
    rows: &'r Rows<'a>,
    deadline: Option<Instant>,
}

impl<'r, 'a> Runner<'r, 'a> {
    pub(super) fn new(kernel: &'r CompiledKernel, sandbox: &Sandbox, rows: &'r Rows<'a>) -> Runner<'r, 'a> {
        // A deadline beyond what the clock can tell is none.
        let deadline = sandbox.limits.deadline.and_then(|time| Instant::now().checked_add(time));
        Runner { kernel, rows, deadline }
    }

    /// The chunks of all rows, in order.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        self.chunks_of(CHUNK)
    }

    pub(super) fn chunks_of(&self, size: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let count = self.rows.count;
        (0..count).step_by(size).map(move |start| start..count.min(start + size))
    }

    /// The chunks of rows that go to columns of results.
    fn chunks_of_columns(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let all_there = self.rows.validity.is_empty() && !self.is_filtered();
        self.chunks_of(if all_there { LARGE_CHUNK } else { CHUNK })
    }

    fn is_filtered(&self) -> bool {
        self.kernel.inner.source.is_filtered
    }

    fn present(&self, range: &Range<usize>) -> Present {
        let validity = &self.rows.validity;
        let is_there = |row: &u32| validity.iter().all(|validity| validity.is_valid(range.start + *row as usize));
        if validity.is_empty() {
            return Present::All(range.len());
        }
        let rows: Vec<u32> = (0..range.len() as u32).filter(is_there).collect();
        if rows.len() == range.len() { Present::All(rows.len()) } else { Present::Some(rows) }
    }

    /// Runs one chunk. The outputs, each as long as the chunk, receive the results of the rows that are there, moved together; a row for which the condition
    /// does not hold is not.
    pub(super) fn chunk(
        &self,
        sandbox: &mut Sandbox,
        range: &Range<usize>,
        out: &mut [impl Place],
    ) -> Result<Present, Error> {
        let present = self.present(range);
        let picked = self.copies(range, &present)?;
        let inputs: Vec<Bound<'_>> = (self.rows.inputs.iter().enumerate())
            .map(|(i, input)| local(input, picked.get(i).and_then(Option::as_ref), range))
            .collect();
        let failed = |(row, error): (usize, Error)| self.located(range.start + present.row(row), error);
        if self.is_interrupted(sandbox) {
            return Err(failed((0, self.interrupted())));
        }
        let count = present.count();
        let mut holds = vec![false; if self.is_filtered() { count } else { 0 }];
        match &self.kernel.inner.code {
            Some(code) => self.machine(code, sandbox, &inputs, count, out, &mut holds),
            None => self.interpret(sandbox, &inputs, count, out, &mut holds),
        }
        .map_err(failed)?;
        if holds.iter().all(|holds| *holds) {
            return Ok(present);
        }
        let kept: Vec<u32> = (0..count as u32).filter(|at| holds[*at as usize]).collect();
        out.iter_mut().for_each(|out| out.keep(&kept));
        Ok(Present::Some(kept.into_iter().map(|at| present.row(at as usize) as u32).collect()))
    }

    /// Copies of the chunk's part of those inputs that code does not read in place; an empty list where it reads all so.
    fn copies(&self, range: &Range<usize>, present: &Present) -> Result<Vec<Option<Array>>, Error> {
        // The interpreter works on copies of what others may change.
        let copies_mapped = !present.is_all() || self.kernel.inner.code.is_none();
        if !copies_mapped {
            return Ok(Vec::new());
        }
        let copy = |input: &Bound<'a>| {
            Ok(match (present, input) {
                (Present::All(_), Bound::Mapped(column)) => Some(column.range(range.clone()).mapped().copied()?),
                (Present::Some(rows), Bound::Mapped(column)) => {
                    Some(column.range(range.clone()).mapped().copied()?.as_slice().pick(rows))
                }
                (Present::Some(rows), Bound::Column(slice)) => Some(slice.range(range.clone()).pick(rows)),
                _ => None,
            })
        };
        self.rows.inputs.iter().map(copy).collect()
    }

    fn is_interrupted(&self, sandbox: &Sandbox) -> bool {
        sandbox.cancel.is_cancelled() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Between two calls of code.
    fn interrupted(&self) -> Error {
        self.of_all(TrapKind::Interrupted)
    }

    /// The limits of a run that begins now.
    fn limits(&self, sandbox: &Sandbox) -> Limits {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        Limits { deadline: left, ..sandbox.limits.clone() }
    }

    /// Runs rows as machine code; the first that fails.
    ///
    /// Several at once as long as that goes; where it stops, some rows one by one, more each time that it stops again at once.
    fn machine<P: Place>(
        &self,
        code: &Code,
        sandbox: &mut Sandbox,
        inputs: &[Bound<'_>],
        count: usize,
        out: &mut [P],
        holds: &mut [bool],
    ) -> Result<(), (usize, Error)> {
        let mut vector = code.vector.as_ref().ok().filter(|vector| vector.depth <= sandbox.limits.depth);
        // At the end a whole block may be done of which some rows were done before: they give the same again, unless they were overwritten.
        let again = !P::SHARED || !inputs.iter().any(|input| matches!(input, Bound::Mapped(_)));
        let mut start = 0;
        let mut burst = 0;
        while start < count {
            let limits = self.limits(sandbox);
            let mut end = if code.calls_host { start + 1 } else { count };
            let from = |vector: &&Vector| count - start >= vector.block || (again && count >= vector.block);
            if let Some(found) = vector.filter(from) {
                let from = start.min(count - found.block);
                match self.in_lanes(code, found, sandbox, &limits, inputs, from..count, out, holds) {
                    Ok(done) if done > start => {
                        burst = 0;
                        start = done;
                        if self.is_interrupted(sandbox) {
                            return Err((start.min(count - 1), self.interrupted()));
                        }
                        continue;
                    }
                    Ok(_) => {
                        burst = (burst * 2).max(found.block);
                        end = count.min(start + burst);
                    }
                    // What does not differ between rows trapped, perhaps where no row gets to.
                    Err(RunError::Trap(_)) => vector = None,
                    Err(error) => return Err((start, error.into())),
                }
            }
            start = self.one_by_one(code, sandbox, &limits, inputs, start..end, count, out, holds)?;
        }
        Ok(())
    }

    /// Runs whole blocks of rows; the first row that was not done.
    #[allow(clippy::too_many_arguments, reason = "one run of a function, all of it different")]
    fn in_lanes(
        &self,
        code: &Code,
        vector: &Vector,
        sandbox: &mut Sandbox,
        limits: &Limits,
        inputs: &[Bound<'_>],
        rows: Range<usize>,
        out: &mut [impl Place],
        holds: &mut [bool],
    ) -> Result<usize, RunError> {
        let fuel = limits.fuel.map_or(CALL_FUEL, |fuel| i64::try_from(fuel).unwrap_or(CALL_FUEL).min(CALL_FUEL));
        let mut args = room_for_args(inputs, out.len());
        args.extend(inputs.iter().filter_map(as_arg));
        args.extend(out.iter_mut().map(|out| out.arg(0..rows.end)));
        args.extend(holds.get_mut(0..rows.end).map(Arg::from).filter(|_| self.is_filtered()));
        args.extend([fuel, rows.start as i64, rows.end as i64].map(Arg::I64));
        let outcome = self.call(&code.program, vector.func, sandbox, limits, &mut args)?;
        match outcome {
            Value::I64(done) => Ok(usize::try_from(done).unwrap_or(rows.start).clamp(rows.start, rows.end)),
            _ => Err(RunError::NoFunction),
        }
    }

    /// Runs rows one by one; the first that is still to be run.
    #[allow(clippy::too_many_arguments, reason = "one run of a function, all of it different")]
    fn one_by_one(
        &self,
        code: &Code,
        sandbox: &mut Sandbox,
        limits: &Limits,
        inputs: &[Bound<'_>],
        rows: Range<usize>,
        count: usize,
        out: &mut [impl Place],
        holds: &mut [bool],
    ) -> Result<usize, (usize, Error)> {
        let mut under_way = [rows.start as i64];
        let mut args = room_for_args(inputs, out.len());
        args.extend(inputs.iter().filter_map(as_arg));
        args.extend(out.iter_mut().map(|out| out.arg(0..count)));
        args.extend(holds.get_mut(0..count).map(Arg::from).filter(|_| self.is_filtered()));
        args.extend([Arg::from(&mut under_way[..]), Arg::I64(rows.start as i64), Arg::I64(rows.end as i64)]);
        let outcome = self.call(&code.program, code.scalar, sandbox, limits, &mut args);
        drop(args);
        let row = usize::try_from(under_way[0]).unwrap_or(rows.start);
        match outcome {
            Ok(_) => Ok(rows.end),
            // Other rows took of the fuel: again, from the start of this one.
            Err(RunError::Trap(trap)) if row > rows.start && trap.kind != TrapKind::Interrupted => Ok(row),
            Err(error) => Err((row, error.into())),
        }
    }

    fn call(
        &self,
        program: &Program,
        func: FuncId,
        sandbox: &mut Sandbox,
        limits: &Limits,
        args: &mut [Arg<'_>],
    ) -> Result<Value, RunError> {
        let shared = self.kernel.inner.source.engine.shared();
        let host = Host {
            limits,
            cancel: Some(&sandbox.cancel),
            arena: &mut sandbox.arena,
            fuel_left: &mut sandbox.fuel_left,
            hosts: &shared.hosts,
            catch_faults: shared.config.catch_faults,
        };
        let outcome = run_values(program, func, host, args);
        sandbox.arena.reset();
        outcome
    }

    /// Runs rows by the interpreter; the first that fails.
    fn interpret(
        &self,
        sandbox: &mut Sandbox,
        inputs: &[Bound<'_>],
        count: usize,
        out: &mut [impl Place],
        holds: &mut [bool],
    ) -> Result<(), (usize, Error)> {
        let source = &self.kernel.inner.source;
        let limits = self.limits(sandbox);
        let fp = FpEnv::canonical();
        let formulas: Vec<(&Formula, &Typed)> = source.formulas.iter().zip(&self.kernel.inner.typed).collect();
        let (outputs, condition) = formulas.split_at(formulas.len() - usize::from(source.is_filtered));
        for row in 0..count {
            let mut value = |(formula, typed): (&Formula, &Typed)| {
                let hosts = &source.engine.shared().hosts.functions;
                let run =
                    interp::Run { hir: &typed.hir, hosts, limits: &limits, cancel: Some(&sandbox.cancel), fp: &fp };
                let value = |i: &usize| match inputs.get(*i)? {
                    Bound::Column(slice) => slice.widened(row),
                    Bound::Scalar(value) => Some(value.clone()),
                    Bound::Array(_) | Bound::Mapped(_) => None,
                };
                let values: Vec<Option<Value>> = formula.uses.iter().map(value).collect();
                let arg = |(i, value): (&usize, &'_ Option<Value>)| match (inputs.get(*i), value) {
                    (Some(Bound::Array(slice)), _) => Some(Arg::Slice(*slice)),
                    (_, Some(Value::F64(x))) => Some(Arg::F64(*x)),
                    (_, Some(Value::I64(n))) => Some(Arg::I64(*n)),
                    (_, Some(Value::Bool(b))) => Some(Arg::Bool(*b)),
                    _ => None,
                };
                let mut args: Vec<Arg<'_>> = formula.uses.iter().zip(&values).filter_map(arg).collect();
                match run.run(typed.main, &mut args) {
                    Ok((value, _)) => Ok(value),
                    Err(interp::InterpError::Trap(mut trap)) => {
                        sandbox.fuel_left = trap.fuel_left;
                        trap.span = shifted(trap.span, typed.at, true);
                        trap.stack.iter_mut().for_each(|frame| frame.call = shifted(frame.call, typed.at, true));
                        Err((row, Error::Trap(trap)))
                    }
                    Err(error) => Err((row, Error::Machine(error.to_string()))),
                }
            };
            if let Some(condition) = condition.first() {
                let holds_here = value(*condition)? == Value::Bool(true);
                if let Some(holds) = holds.get_mut(row) {
                    *holds = holds_here;
                }
                if !holds_here {
                    continue;
                }
            }
            for (formula, out) in outputs.iter().zip(&mut *out) {
                out.put(row, &value(*formula)?);
            }
        }
        Ok(())
    }

    /// All texts, one behind the other.
    fn whole(&self) -> Span {
        let inner = &self.kernel.inner;
        let len = inner.source.formulas.first().map_or(0, |formula| formula.text.len());
        Span::new(0, len as u32)
    }

    /// A trap with its row, its spans those of the text that they are in.
    fn located(&self, row: usize, error: Error) -> Error {
        let Error::Trap(mut trap) = error else { return error };
        trap.row = Some(row as u64);
        let inner = &self.kernel.inner;
        let of = inner.typed.partition_point(|typed| typed.at <= trap.span.start).saturating_sub(1);
        let at = inner.typed.get(of).map_or(0, |typed| typed.at);
        trap.span = shifted(trap.span, at, false);
        trap.stack.iter_mut().for_each(|frame| frame.call = shifted(frame.call, at, false));
        if inner.outputs.len() > 1 || of >= inner.outputs.len() {
            trap.output = inner.source.formulas.get(of).map(|formula| formula.name.clone());
        }
        Error::Trap(trap)
    }

    /// A trap of no place in particular.
    pub(super) fn of_all(&self, kind: TrapKind) -> Error {
        Error::Trap(Box::new(Trap::new(kind, self.whole())))
    }
}

fn shifted(span: Span, by: u32, up: bool) -> Span {
    let shift = |at: u32| if up { at.saturating_add(by) } else { at.saturating_sub(by) };
    Span::new(shift(span.start), shift(span.end))
}

/// What an input is in a chunk: rows that were picked or copied, or the range of all.
fn local<'b>(input: &Bound<'b>, picked: Option<&'b Array>, range: &Range<usize>) -> Bound<'b> {
    match (picked, input) {
        (Some(array), _) => Bound::Column(array.as_slice()),
        (_, Bound::Column(slice)) => Bound::Column(slice.range(range.clone())),
        (_, Bound::Mapped(column)) => Bound::Mapped(column.range(range.clone())),
        (_, other) => other.clone(),
    }
}

/// An empty list that takes the arguments of a chunk function without growing.
fn room_for_args<'b>(inputs: &[Bound<'b>], outputs: usize) -> Vec<Arg<'b>> {
    Vec::with_capacity(inputs.len() + outputs + 4)
}

fn as_arg<'b>(input: &Bound<'b>) -> Option<Arg<'b>> {
    match input {
        Bound::Column(slice) | Bound::Array(slice) => Some(Arg::Slice(*slice)),
        Bound::Mapped(column) => Some(Arg::Mapped(column.mapped())),
        Bound::Scalar(Value::F64(x)) => Some(Arg::F64(*x)),
        Bound::Scalar(Value::I64(n)) => Some(Arg::I64(*n)),
        Bound::Scalar(Value::Bool(b)) => Some(Arg::Bool(*b)),
        Bound::Scalar(_) => None,
    }
}

/// A chunk's scratch column.
pub(super) fn scratch(ty: Type) -> Result<Array, Error> {
    Array::zeros(elem_of(ty), CHUNK).ok_or_else(|| no_memory(CHUNK))
}

/// Where results go that are promoted then.
pub(super) fn promotion(ty: Type, elem: Elem) -> Result<Array, Error> {
    if elem_of(ty) == elem { Ok(Array::F64(Vec::new())) } else { scratch(ty) }
}

fn promote(from: &Array, to: &mut SliceMut<'_>, count: usize) {
    if let (Array::I64(from), SliceMut::F64(to)) = (from, to) {
        let _fp = FpEnv::canonical();
        from.iter().zip(to.iter_mut()).take(count).for_each(|(from, to)| *to = *from as f64);
    }
}

impl Runner<'_, '_> {
    /// Runs one chunk of the only output into elements that take it, by promotion perhaps; then `ints` is where it goes first.
    pub(super) fn map_chunk(
        &self,
        sandbox: &mut Sandbox,
        range: &Range<usize>,
        mut part: SliceMut<'_>,
        ints: &mut Array,
    ) -> Result<Present, Error> {
        let (_, ty) = &self.kernel.output_types()[0];
        if elem_of(*ty) == part.elem() {
            return self.chunk(sandbox, range, &mut [part]);
        }
        let done = self.chunk(sandbox, range, &mut [ints.as_slice_mut().range(0..range.len())]);
        // Rows before one that traps are written.
        let row = |error: &Error| error.trap().and_then(|trap| trap.row).and_then(|row| usize::try_from(row).ok());
        let count = match &done {
            Ok(present) => present.count(),
            Err(error) => row(error).map_or(0, |row| row.saturating_sub(range.start)),
        };
        promote(ints, &mut part, count);
        done
    }

    /// The results of a chunk's rows for which the condition holds.
    pub(super) fn selected<T: Element>(
        &self,
        sandbox: &mut Sandbox,
        range: &Range<usize>,
        ints: &mut Array,
    ) -> Result<Vec<T>, Error> {
        let mut part = vec![T::ZERO; range.len()];
        let present = self.map_chunk(sandbox, range, T::as_slice_mut(&mut part), ints)?;
        part.truncate(present.count());
        Ok(part)
    }

    /// Refuses rows that are missing, where the output cannot say so.
    pub(super) fn refuse_missing(&self) -> Result<(), Error> {
        self.first_missing().map_or(Ok(()), |row| {
            Err(Error::Signature(format!("row {row} is missing: use `map_all`, which tells which rows are")))
        })
    }

    fn first_missing(&self) -> Option<usize> {
        let missing = |row: &usize| self.rows.validity.iter().any(|validity| !validity.is_valid(*row));
        if self.rows.validity.is_empty() { None } else { (0..self.rows.count).find(missing) }
    }

    /// New columns for all outputs.
    pub(super) fn new_columns(&self) -> Result<Vec<Array>, Error> {
        let count = self.rows.count;
        let column = |ty: Type| Array::zeros(elem_of(ty), count).ok_or_else(|| no_memory(count));
        self.kernel.output_types().iter().map(|(_, ty)| column(*ty)).collect()
    }

    /// The columns with their names, and with which of their rows are there, chunk by chunk.
    pub(super) fn named(&self, columns: Vec<Array>, present: &[Present]) -> Result<Vec<(String, OutputColumn)>, Error> {
        let mut validity = None;
        if present.iter().any(|present| matches!(present, Present::Some(_))) {
            let mut bits = zero_bits(self.rows.count).ok_or_else(|| no_memory(self.rows.count))?;
            for (range, present) in self.chunks().zip(present) {
                for row in (0..present.count()).map(|at| range.start + present.row(at)) {
                    bits[row / 8] |= 1 << (row % 8);
                }
            }
            validity = Some(bits);
        }
        let named = self.kernel.output_types().iter().zip(columns);
        Ok(named.map(|((name, _), data)| (name.clone(), OutputColumn { data, validity: validity.clone() })).collect())
    }
}

/// Puts the results of the rows that are there to their rows.
pub(super) fn spread(parts: &mut [SliceMut<'_>], present: &Present) {
    if let Present::Some(rows) = present {
        parts.iter_mut().for_each(|part| part.spread(rows));
    }
}

/// Notes the rows of a chunk that are true.
pub(super) fn select(selection: &mut Selection, start: usize, present: &Present, truths: &[bool]) {
    let selected = truths.iter().take(present.count()).enumerate().filter(|(_, truth)| **truth);
    selected.for_each(|(at, _)| selection.select(start + present.row(at)));
}

/// Runs the only output into elements that take it, by promotion perhaps.
pub(super) fn map_one(
    kernel: &CompiledKernel,
    sandbox: &mut Sandbox,
    rows: &Rows<'_>,
    ty: Type,
    mut out: SliceMut<'_>,
) -> Result<(), Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    runner.refuse_missing()?;
    let mut ints = promotion(ty, out.elem())?;
    let chunks = if ints.is_empty() { LARGE_CHUNK } else { CHUNK };
    runner
        .chunks_of(chunks)
        .try_for_each(|range| runner.map_chunk(sandbox, &range, out.range(range.clone()), &mut ints).map(drop))
}

/// The results of the only output in the rows for which the condition holds.
pub(super) fn map_selected<T: Element>(
    kernel: &CompiledKernel,
    sandbox: &mut Sandbox,
    rows: &Rows<'_>,
    ty: Type,
) -> Result<Vec<T>, Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    let mut ints = promotion(ty, T::ELEM)?;
    let mut out = Vec::new();
    for range in runner.chunks() {
        let part = runner.selected::<T>(sandbox, &range, &mut ints)?;
        out.try_reserve(part.len()).map_err(|_| no_memory(rows.count))?;
        out.extend_from_slice(&part);
    }
    Ok(out)
}

/// Runs all outputs into new columns.
pub(super) fn map_all(
    kernel: &CompiledKernel,
    sandbox: &mut Sandbox,
    rows: &Rows<'_>,
) -> Result<Vec<(String, OutputColumn)>, Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    let mut columns = runner.new_columns()?;
    let mut present = Vec::new();
    for range in runner.chunks_of_columns() {
        let mut parts: Vec<SliceMut<'_>> = Vec::with_capacity(columns.len());
        for column in &mut columns {
            let (_, behind) = column.as_slice_mut().split_at(range.start);
            parts.push(behind.split_at(range.len()).0);
        }
        let there = runner.chunk(sandbox, &range, &mut parts)?;
        spread(&mut parts, &there);
        present.push(there);
    }
    runner.named(columns, &present)
}

/// The rows in which the only output is true.
pub(super) fn filter(kernel: &CompiledKernel, sandbox: &mut Sandbox, rows: &Rows<'_>) -> Result<Selection, Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    let mut selection = Selection::new(rows.count).ok_or_else(|| no_memory(rows.count))?;
    let mut truths = vec![false; CHUNK];
    for range in runner.chunks() {
        let present = runner.chunk(sandbox, &range, &mut [SliceMut::Bool(&mut truths[..range.len()])])?;
        select(&mut selection, range.start, &present, &truths);
    }
    Ok(selection)
}

/// One value from the only output of all rows.
pub(super) fn reduce(
    kernel: &CompiledKernel,
    sandbox: &mut Sandbox,
    rows: &Rows<'_>,
    mut fold: Fold,
) -> Result<Value, Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    let (_, ty) = &kernel.output_types()[0];
    let mut values = scratch(*ty)?;
    for range in runner.chunks() {
        let block = runner.block(sandbox, &range, &mut values, &fold)?;
        fold.add(block).map_err(|kind| runner.of_all(kind))?;
    }
    fold.finish().map_err(|kind| runner.of_all(kind))
}

impl Runner<'_, '_> {
    /// What one chunk gives to a reduction.
    pub(super) fn block(
        &self,
        sandbox: &mut Sandbox,
        range: &Range<usize>,
        values: &mut Array,
        fold: &Fold,
    ) -> Result<Partial, Error> {
        let present = self.chunk(sandbox, range, &mut [values.as_slice_mut().range(0..range.len())])?;
        fold.block(values.as_slice().range(0..present.count())).map_err(|kind| self.of_all(kind))
    }
}
