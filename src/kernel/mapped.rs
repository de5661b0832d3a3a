//! Results that go to mappings, which others may read and change meanwhile.

use super::CompiledKernel;
use super::bind::Rows;
use super::compile::elem_of;
use super::output::no_memory;
use super::run::{CHUNK, LARGE_CHUNK, Runner, promotion};
use crate::error::Error;
use crate::sandbox::Sandbox;
use crate::types::Type;
use crate::value::{Arg, Array, Mapped, SliceMut, Value};
use std::ops::Range;

/// Where the results of a chunk go.
pub(super) trait Place {
    /// Whether an input may be the same memory.
    const SHARED: bool;
    /// Some of the elements, to pass.
    fn arg(&mut self, range: Range<usize>) -> Arg<'_>;
    /// Keeps the elements at these ascending places, moved together.
    fn keep(&mut self, places: &[u32]);
    /// A result of the interpreter.
    fn put(&mut self, row: usize, value: &Value);
}

impl Place for SliceMut<'_> {
    const SHARED: bool = false;

    fn arg(&mut self, range: Range<usize>) -> Arg<'_> {
        Arg::SliceMut(self.range(range))
    }

    fn keep(&mut self, places: &[u32]) {
        self.gather(places);
    }

    fn put(&mut self, row: usize, value: &Value) {
        SliceMut::put(self, row, value);
    }
}

impl Place for Mapped<'_> {
    const SHARED: bool = true;

    fn arg(&mut self, range: Range<usize>) -> Arg<'_> {
        Arg::Mapped(self.range(range))
    }

    // Kernels that leave rows out write to no mapping.
    fn keep(&mut self, _: &[u32]) {}

    // It works on copies, which are written back as a whole.
    fn put(&mut self, _: usize, _: &Value) {}
}

/// Runs the only output into a mapping that others may read and change.
pub(super) fn map_mapped(
    kernel: &CompiledKernel,
    sandbox: &mut Sandbox,
    rows: &Rows<'_>,
    ty: Type,
    mut out: Mapped<'_>,
) -> Result<(), Error> {
    let runner = Runner::new(kernel, sandbox, rows);
    runner.refuse_missing()?;
    let in_place = kernel.is_jit() && elem_of(ty) == out.elem();
    let mut ints = promotion(ty, out.elem())?;
    for range in runner.chunks_of(if in_place { LARGE_CHUNK } else { CHUNK }) {
        let mut part = out.range(range.clone());
        if in_place {
            runner.chunk(sandbox, &range, &mut [part])?;
            continue;
        }
        let mut copy = Array::zeros(part.elem(), range.len()).ok_or_else(|| no_memory(range.len()))?;
        let done = runner.map_chunk(sandbox, &range, copy.as_slice_mut(), &mut ints).map(drop);
        // Rows before one that traps are written.
        part.replace(&copy)?;
        done?;
    }
    Ok(())
}
