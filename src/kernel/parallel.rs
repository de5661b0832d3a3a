//! The same on several threads: chunk by chunk, on rayon's pool.
//!
//! Chunks are the same as on one thread and their results are put together in the same order, so the values have the same bits whatever the number of
//! threads, and the lowest failing row is the one that is reported.

use super::bind::Rows;
use super::output::{Selection, no_memory};
use super::reduce::Fold;
use super::run::{CHUNK, Present, Runner, promotion, scratch, select, spread};
use super::{Columns, CompiledKernel, Kernel, OutputColumn, Reduction, bind, output, reduce};
use crate::error::Error;
use crate::sandbox::Sandbox;
use crate::signature::Element;
use crate::types::Type;
use crate::value::{SliceMut, Value};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A chunk and something that belongs to it.
type Chunk<P> = (Range<usize>, P);

/// Runs chunks on all threads, each with state of its thread; gives the results in order, or the error of the first chunk that has one.
fn each<P: Send, S, R: Send>(
    chunks: Vec<Chunk<P>>,
    init: impl Fn() -> Result<S, Error> + Sync + Send,
    run: impl Fn(&mut S, &Range<usize>, P) -> Result<R, Error> + Sync + Send,
) -> Result<Vec<R>, Error> {
    let lowest = AtomicUsize::new(usize::MAX);
    let one = |state: &mut Result<S, Error>, (range, part): Chunk<P>| {
        // What comes behind a failure does not matter any more.
        if range.start > lowest.load(Ordering::Relaxed) {
            return None;
        }
        let result = match state {
            Ok(state) => run(state, &range, part),
            Err(error) => Err(error.clone()),
        };
        if result.is_err() {
            lowest.fetch_min(range.start, Ordering::Relaxed);
        }
        Some(result)
    };
    let results: Vec<Option<Result<R, Error>>> = chunks.into_par_iter().map_init(init, one).collect();
    results.into_iter().flatten().collect()
}

/// Cuts an output into the parts of the chunks.
fn cut<'o>(runner: &Runner<'_, '_>, mut out: SliceMut<'o>) -> Vec<SliceMut<'o>> {
    let mut parts = Vec::new();
    for range in runner.chunks() {
        let (part, rest) = out.split_at(range.len());
        parts.push(part);
        out = rest;
    }
    parts
}

fn map_one(
    kernel: &CompiledKernel,
    sandbox: &Sandbox,
    rows: &Rows<'_>,
    ty: Type,
    out: SliceMut<'_>,
) -> Result<(), Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    runner.refuse_missing()?;
    let ints = promotion(ty, out.elem())?;
    let chunks = runner.chunks().zip(cut(&runner, out)).collect();
    let init = || Ok((sandbox.worker(), ints.clone()));
    each(chunks, init, |(sandbox, ints), range, part| runner.map_chunk(sandbox, range, part, ints).map(drop)).map(drop)
}

fn map_selected<T: Element>(
    kernel: &CompiledKernel,
    sandbox: &Sandbox,
    rows: &Rows<'_>,
    ty: Type,
) -> Result<Vec<T>, Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    let ints = promotion(ty, T::ELEM)?;
    let parts: Vec<Vec<T>> = each(
        runner.chunks().map(|range| (range, ())).collect(),
        || Ok((sandbox.worker(), ints.clone())),
        |(sandbox, ints), range, ()| runner.selected(sandbox, range, ints),
    )?;
    let mut out = Vec::new();
    let count = parts.iter().map(Vec::len).sum();
    out.try_reserve_exact(count).map_err(|_| no_memory(count))?;
    parts.iter().for_each(|part| out.extend_from_slice(part));
    Ok(out)
}

fn map_all(kernel: &CompiledKernel, sandbox: &Sandbox, rows: &Rows<'_>) -> Result<Vec<(String, OutputColumn)>, Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    let mut columns = runner.new_columns()?;
    let mut chunks: Vec<Chunk<Vec<SliceMut<'_>>>> = runner.chunks().map(|range| (range, Vec::new())).collect();
    for column in &mut columns {
        for ((_, parts), part) in chunks.iter_mut().zip(cut(&runner, column.as_slice_mut())) {
            parts.push(part);
        }
    }
    let present = each(
        chunks,
        || Ok(sandbox.worker()),
        |sandbox, range, mut parts| {
            let present = runner.chunk(sandbox, range, &mut parts)?;
            spread(&mut parts, &present);
            Ok(present)
        },
    )?;
    runner.named(columns, &present)
}

fn filter(kernel: &CompiledKernel, sandbox: &Sandbox, rows: &Rows<'_>) -> Result<Selection, Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    let found: Vec<(Present, Vec<bool>)> = each(
        runner.chunks().map(|range| (range, ())).collect(),
        || Ok(sandbox.worker()),
        |sandbox, range, ()| {
            let mut truths = vec![false; range.len().min(CHUNK)];
            let present = runner.chunk(sandbox, range, &mut [SliceMut::Bool(&mut truths)])?;
            Ok((present, truths))
        },
    )?;
    let mut selection = Selection::new(rows.count).ok_or_else(|| no_memory(rows.count))?;
    for (range, (present, truths)) in runner.chunks().zip(&found) {
        select(&mut selection, range.start, present, truths);
    }
    Ok(selection)
}

fn reduce_all(kernel: &CompiledKernel, sandbox: &Sandbox, rows: &Rows<'_>, mut fold: Fold) -> Result<Value, Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    let (_, ty) = &kernel.output_types()[0];
    let blocks = each(
        runner.chunks().map(|range| (range, ())).collect(),
        || Ok((sandbox.worker(), scratch(*ty)?)),
        |(sandbox, values), range, ()| runner.block(sandbox, range, values, &fold),
    )?;
    blocks.into_iter().try_for_each(|block| fold.add(block)).map_err(|kind| runner.of_all(kind))?;
    fold.finish().map_err(|kind| runner.of_all(kind))
}

impl Kernel {
    /// As [`Kernel::map`], on the threads of rayon's pool: the same bits, the same traps.
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map_parallel<T: Element>(&self, columns: &Columns<'_>) -> Result<Vec<T>, Error> {
        let compiled = self.for_columns(columns)?;
        compiled.map_parallel_in(&mut compiled.sandbox(), columns)
    }

    /// As [`Kernel::map_all`], on the threads of rayon's pool.
    ///
    /// # Errors
    /// As [`Kernel::map_all`].
    pub fn map_all_parallel(&self, columns: &Columns<'_>) -> Result<Vec<(String, OutputColumn)>, Error> {
        let compiled = self.for_columns(columns)?;
        compiled.map_all_parallel_in(&mut compiled.sandbox(), columns)
    }

    /// As [`Kernel::filter`], on the threads of rayon's pool.
    ///
    /// # Errors
    /// As [`Kernel::filter`].
    pub fn filter_parallel(&self, columns: &Columns<'_>) -> Result<Selection, Error> {
        let compiled = self.for_columns(columns)?;
        compiled.filter_parallel_in(&mut compiled.sandbox(), columns)
    }

    /// As [`Kernel::reduce`], on the threads of rayon's pool: the same bits whatever their number.
    ///
    /// # Errors
    /// As [`Kernel::reduce`].
    pub fn reduce_parallel(&self, reduction: Reduction, columns: &Columns<'_>) -> Result<Value, Error> {
        let compiled = self.for_columns(columns)?;
        compiled.reduce_parallel_in(&mut compiled.sandbox(), reduction, columns)
    }
}

impl CompiledKernel {
    /// As [`Kernel::map_parallel`], in a sandbox: its limits hold for each row, its deadline for all.
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map_parallel_in<T: Element>(&self, sandbox: &mut Sandbox, columns: &Columns<'_>) -> Result<Vec<T>, Error> {
        if self.inner.source.is_filtered {
            let result = self.only_output()?;
            output::fits(result, T::ELEM)?;
            let bound = bind::bind(self, columns, None)?;
            return map_selected(self, sandbox, &bound, result);
        }
        let rows = bind::rows(columns)?;
        let mut out = Vec::new();
        out.try_reserve_exact(rows).map_err(|_| no_memory(rows))?;
        out.resize(rows, T::ZERO);
        self.map_slice_parallel_in(sandbox, columns, T::as_slice_mut(&mut out))?;
        Ok(out)
    }

    /// As [`CompiledKernel::map_slice_in`], on the threads of rayon's pool.
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map_slice_parallel_in(
        &self,
        sandbox: &mut Sandbox,
        columns: &Columns<'_>,
        out: SliceMut<'_>,
    ) -> Result<(), Error> {
        let result = self.only_output()?;
        output::fits(result, out.elem())?;
        self.gives_every_row()?;
        let bound = bind::bind(self, columns, Some(out.len()))?;
        map_one(self, sandbox, &bound, result, out)
    }

    /// As [`Kernel::map_all_parallel`], in a sandbox.
    ///
    /// # Errors
    /// As [`Kernel::map_all`].
    pub fn map_all_parallel_in(
        &self,
        sandbox: &mut Sandbox,
        columns: &Columns<'_>,
    ) -> Result<Vec<(String, OutputColumn)>, Error> {
        let bound = bind::bind(self, columns, None)?;
        map_all(self, sandbox, &bound)
    }

    /// As [`Kernel::filter_parallel`], in a sandbox.
    ///
    /// # Errors
    /// As [`Kernel::filter`].
    pub fn filter_parallel_in(&self, sandbox: &mut Sandbox, columns: &Columns<'_>) -> Result<Selection, Error> {
        self.is_filter()?;
        let bound = bind::bind(self, columns, None)?;
        filter(self, sandbox, &bound)
    }

    /// As [`Kernel::reduce_parallel`], in a sandbox.
    ///
    /// # Errors
    /// As [`Kernel::reduce`].
    pub fn reduce_parallel_in(
        &self,
        sandbox: &mut Sandbox,
        reduction: Reduction,
        columns: &Columns<'_>,
    ) -> Result<Value, Error> {
        let fold = reduce::Fold::new(reduction, self.only_output()?)?;
        let bound = bind::bind(self, columns, None)?;
        reduce_all(self, sandbox, &bound, fold)
    }
}
