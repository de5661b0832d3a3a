//! Takes a table piece by piece through a formula: reads some, works on them with several threads, hands the results on in order.

use super::args::DataArgs;
use super::compute::Program;
use super::failure::Failure;
use super::progress::{Progress, Totals};
use super::table::{Batch, Source};
use cresset::{Engine, Sandbox, Trap, TrapKind};
use std::time::Instant;

/// Pieces that a thread takes at once: starting it must pay.
const EACH: usize = 4;

/// What a run needs besides its data.
pub struct Run<'a> {
    pub engine: &'a Engine,
    pub args: &'a DataArgs,
    pub program: &'a Program,
    pub progress: &'a Progress,
}

impl Run<'_> {
    /// Calls `work` on each piece, on any thread, and `take` on each result, in order. The first failure in the table's order ends it.
    pub fn each<T: Send>(
        &self,
        source: &mut dyn Source,
        work: impl Fn(&Batch, &mut Sandbox) -> Result<T, Failure> + Sync,
        mut take: impl FnMut(&Batch, T) -> Result<(), Failure>,
    ) -> Result<Totals, Failure> {
        let threads = self.args.threads();
        let mut sandboxes = Vec::with_capacity(threads);
        for _ in 0..threads {
            sandboxes.push(self.engine.sandbox(self.args.engine.limits())?);
        }
        let mut totals = Totals::default();
        let mut pieces = Vec::new();
        let mut ended = None;
        while ended.is_none() {
            while pieces.len() < threads * EACH && ended.is_none() {
                match source.next() {
                    Ok(Some(batch)) => pieces.push(batch),
                    Ok(None) => ended = Some(Ok(())),
                    // What came before may fail first.
                    Err(fault) => ended = Some(Err(fault)),
                }
                // Whoever waits for the results of a slow pipe gets those that there are.
                if threads == 1 {
                    break;
                }
            }
            let results = self.wave(&pieces, &mut sandboxes, &work);
            for (batch, result) in pieces.drain(..).zip(results) {
                totals.rows += batch.rows as u64 + batch.skipped;
                totals.skipped += batch.skipped;
                totals.nulled += batch.nulled;
                take(&batch, result?)?;
            }
            self.progress.at(source.done());
        }
        match ended {
            Some(Err(fault)) => Err(fault.into()),
            _ => Ok(totals),
        }
    }

    fn wave<T: Send>(
        &self,
        pieces: &[Batch],
        sandboxes: &mut [Sandbox],
        work: &(impl Fn(&Batch, &mut Sandbox) -> Result<T, Failure> + Sync),
    ) -> Vec<Result<T, Failure>> {
        let share = pieces.len().div_ceil(sandboxes.len().max(1)).max(1);
        let one = |pieces: &[Batch], sandbox: &mut Sandbox| -> Vec<Result<T, Failure>> {
            let mut results = Vec::with_capacity(pieces.len());
            for batch in pieces {
                let result = self.in_time(batch, sandbox).and_then(|()| work(batch, sandbox));
                let failed = result.is_err();
                results.push(result);
                if failed {
                    break;
                }
            }
            results
        };
        if pieces.len() <= share {
            return sandboxes.first_mut().map_or_else(Vec::new, |sandbox| one(pieces, sandbox));
        }
        let parts = std::thread::scope(|scope| {
            let begin = |(pieces, sandbox)| scope.spawn(move || one(pieces, sandbox));
            let threads: Vec<_> = pieces.chunks(share).zip(sandboxes.iter_mut()).map(begin).collect();
            threads
                .into_iter()
                .map(|thread| {
                    let failed = || Failure::Fault("internal error: please report this formula".into());
                    thread.join().unwrap_or_else(|_| vec![Err(failed())])
                })
                .collect::<Vec<_>>()
        });
        // After a failure a thread leaves the rest of its pieces, and nobody asks for what comes behind.
        let mut results = Vec::with_capacity(pieces.len());
        for part in parts {
            let failed = part.iter().any(Result::is_err);
            results.extend(part);
            if failed {
                break;
            }
        }
        results
    }

    /// What is left of the time is the next piece's.
    fn in_time(&self, batch: &Batch, sandbox: &mut Sandbox) -> Result<(), Failure> {
        let limits = self.args.engine.limits();
        let Some(time) = limits.deadline else { return Ok(()) };
        let left = time.saturating_sub(Instant::now().saturating_duration_since(self.progress.started()));
        if left.is_zero() {
            return Err(self.program.trap(Trap::new(TrapKind::Interrupted, self.program.span(0)), 0, batch, 0));
        }
        sandbox.set_limits(limits.deadline(left));
        Ok(())
    }
}
