//! `cresset reduce`: one value from all rows, or from those of each group.

use super::accumulate::{Accumulator, accumulate};
use super::args::ReduceArgs;
use super::compute::{Needs, Program, Results, source_error, stored};
use super::failure::Failure;
use super::groups::Groups;
use super::map::{engine, names};
use super::pipeline::Run;
use super::progress::{Progress, Totals};
use super::reduce_formula::{Part, ReduceFormula};
use super::report::Table;
use super::table::Wanted;
use super::{inputs, outputs};
use cresset::arrow::data_type_of;
use cresset::{Arg, Diagnostic, Engine, Error, Reduction, Sandbox, Span, Trap, TrapKind, Type, Value};

/// What a reduction found.
pub struct Reduced {
    pub totals: Totals,
    /// The groups' names and results, a line each; one without names where there are no groups.
    pub table: Table,
    /// Whether it went to a file.
    pub written: bool,
}

/// One reduction of all formulas.
struct Job<'a> {
    part: &'a Part,
    /// Which formula it is of.
    formula: usize,
    /// Which result of the row formulas it takes, and of what type that is.
    column: Option<usize>,
    ty: Type,
}

/// `cresset reduce`.
pub fn reduce(args: &ReduceArgs) -> Result<Reduced, Failure> {
    let formulas: Vec<ReduceFormula> = args.formulas().map(|text| ReduceFormula::parse(text)).collect();
    for formula in &formulas {
        if formula.parts.is_empty() {
            let end = formula.whole.shown.len() as u32;
            let wrong = Diagnostic::new("E0101", Span::new(0, end), "there is no reduction in this formula")
                .with_help("write what is to be made of the rows' values, as mean(…), sum(…), min(…), max(…), count(…), product(…), any(…) or all(…)");
            return Err(source_error(vec![wrong], &formula.whole));
        }
        for part in &formula.parts {
            if part.inner.is_none() && part.reduction != Reduction::Count {
                let message = format!("`{}` needs something to reduce", part.reduction.name());
                return Err(source_error(vec![Diagnostic::new("E0122", span(part), message)], &formula.whole));
            }
        }
    }
    let mut source = inputs::open(&args.data)?;
    let names = names(&*source, &args.data.name)?;
    let engine = engine(&args.data)?;
    let inner: Vec<_> = formulas.iter().flat_map(|f| &f.parts).filter_map(|part| part.inner.clone()).collect();
    let needs = Needs::find(&engine, &inner, &names, &args.data)?;
    let by = args.by.iter().map(|name| names.column(name)).collect::<Result<Vec<usize>, String>>()?;
    let used = needs.used();
    let (program, unknown) = needs.compile(&engine, inner, source.columns(), args.data.on_error)?;
    let jobs = jobs(&formulas, &program)?;
    let outer = Outer::compile(&engine, &formulas, &jobs)?;
    let kinds: Vec<_> = by.iter().filter_map(|at| source.columns().get(*at).cloned()).collect();
    let mut groups = Groups::new(&kinds, args.data.engine.memory)?;
    // Where the output cannot be written, nobody wants to wait to be told.
    let mut columns: Vec<(String, _)> = kinds.iter().map(|info| (info.name.clone(), info.kind.data_type())).collect();
    for (formula, ty) in formulas.iter().zip(&outer.types) {
        let shown = || formula.whole.program.trim().to_owned();
        columns.push((formula.whole.name.clone().unwrap_or_else(shown), data_type_of(stored(*ty))));
    }
    let mut sink = None;
    if !args.data.outputs.is_empty() {
        let titles: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let (target, order) = outputs::target(&args.data, &titles)?;
        let chosen: Vec<_> = order.iter().map(|at| columns[*at].clone()).collect();
        super::sinks::raw_types(&target, &chosen)?;
        sink = Some((target.open(&chosen, inputs::delimiter(&args.data)?)?, order));
    }
    source.want(&Wanted { used, kept: by.clone(), as_text: false }, unknown)?;
    let progress = Progress::new(&args.data, &*source);
    let run = Run { engine: &engine, args: &args.data, program: &program, progress: &progress };
    let fresh: Vec<Accumulator> = jobs.iter().map(|job| Accumulator::new(job.part.reduction, job.ty)).collect();
    // One list a job: its accumulators by group.
    let mut all: Vec<Vec<Accumulator>> = fresh.iter().map(|_| Vec::new()).collect();
    let (mut skipped, mut nulled) = (0, 0);
    let work = |batch: &super::table::Batch, sandbox: &mut Sandbox| program.run(batch, sandbox);
    let outcome = run.each(&mut *source, work, |batch, results: Results| {
        let numbers = groups.of_rows(&batch.kept, batch.rows)?;
        for (list, fresh) in all.iter_mut().zip(&fresh) {
            list.resize(groups.count().max(1), fresh.clone());
        }
        let mut failed = vec![false; if results.failed.is_empty() { 0 } else { batch.rows }];
        results.failed.iter().for_each(|row| failed[*row] = true);
        match args.data.on_error {
            super::args::OnError::Null => {
                nulled += results.failed.len() as u64;
                failed.clear();
            }
            _ => skipped += results.failed.len() as u64,
        }
        for (job, list) in jobs.iter().zip(&mut all) {
            let taken = match job.column.and_then(|at| results.columns.get(at)) {
                Some(column) => accumulate(column, &numbers, list, &failed),
                None => {
                    let counted = (0..batch.rows).filter(|row| !failed.get(*row).is_some_and(|failed| *failed));
                    counted.for_each(|row| {
                        let group = numbers.get(row).map_or(0, |group| *group as usize);
                        if let Some(to) = list.get_mut(group) {
                            to.bool(true);
                        }
                    });
                    Ok(())
                }
            };
            if let Err((row, kind)) = taken {
                return Err(trap(kind, job, &formulas, Some((batch.row(row), batch.line(row)))));
            }
        }
        Ok(())
    });
    let mut totals = match outcome {
        Ok(totals) => totals,
        Err(failure) => {
            progress.clear();
            return Err(failure);
        }
    };
    totals.skipped += skipped;
    totals.nulled += nulled;
    progress.clear();

    let count = if by.is_empty() { 1 } else { groups.count() };
    let mut table = Table { titles: columns.iter().map(|(name, _)| name.clone()).collect(), ..Table::default() };
    table.keys = groups.finish()?;
    all.iter_mut().zip(&fresh).for_each(|(list, fresh)| list.resize(count, fresh.clone()));
    let mut lists: Vec<_> = all.into_iter().map(Vec::into_iter).collect();
    for _ in 0..count {
        let mut values: Vec<Option<Value>> = Vec::new();
        for (job, list) in jobs.iter().zip(&mut lists) {
            let Some(done) = list.next() else { continue };
            values.push(match done.finish() {
                Ok(value) => Some(value),
                // A group of which all values are missing has no least one.
                Err(TrapKind::BadArgument) if !by.is_empty() => None,
                Err(kind) => return Err(trap(kind, job, &formulas, None)),
            });
        }
        table.rows.push(outer.values(&formulas, values)?);
    }
    table.types = outer.types.clone();
    let written = sink.is_some();
    if let Some((mut sink, order)) = sink {
        let arrays = table.arrays();
        let chosen: Vec<_> = order.iter().filter_map(|at| arrays.get(*at).cloned()).collect();
        sink.write(&chosen, count)?;
        sink.finish()?;
    }
    progress.finish(&totals);
    Ok(Reduced { totals, table, written })
}

fn span(part: &Part) -> Span {
    Span::new(part.span.start as u32, part.span.end as u32)
}

fn trap(kind: TrapKind, job: &Job, formulas: &[ReduceFormula], place: Option<(u64, Option<u64>)>) -> Failure {
    let mut trap = Trap::new(kind, span(job.part));
    trap.row = place.map(|(row, _)| row);
    let shown = formulas.get(job.formula).map_or_else(String::new, |formula| formula.whole.shown.clone());
    Failure::Formula { error: Error::Trap(Box::new(trap)), shown, line: place.and_then(|(_, line)| line) }
}

/// The reductions of all formulas, each with the type of what it takes.
fn jobs<'a>(formulas: &'a [ReduceFormula], program: &Program) -> Result<Vec<Job<'a>>, Failure> {
    let mut jobs = Vec::new();
    let mut next = 0;
    for (number, formula) in formulas.iter().enumerate() {
        for part in &formula.parts {
            let column = part.inner.as_ref().map(|_| {
                next += 1;
                next - 1
            });
            // `count()` counts every row.
            let ty = column.and_then(|at| program.types().get(at).copied()).unwrap_or(Type::Bool);
            if part.reduction.result(ty).is_none() {
                let message = format!("`{}` does not take values of type {ty}", part.reduction.name());
                let help = if ty == Type::Bool {
                    "`count`, `any` and `all` take `bool`s"
                } else {
                    "`any` and `all` take `bool`s, such as a comparison"
                };
                let wrong = Diagnostic::new("E0123", span(part), message).with_help(help);
                return Err(source_error(vec![wrong], &formula.whole));
            }
            jobs.push(Job { part, formula: number, column, ty });
        }
    }
    Ok(jobs)
}

/// What is made of the reductions' values.
struct Outer {
    modules: Vec<Option<cresset::Module>>,
    types: Vec<Type>,
}

impl Outer {
    fn compile(engine: &Engine, formulas: &[ReduceFormula], jobs: &[Job]) -> Result<Outer, Failure> {
        let mut outer = Outer { modules: Vec::new(), types: Vec::new() };
        for (number, formula) in formulas.iter().enumerate() {
            let parts = jobs.iter().filter(|job| job.formula == number);
            let inputs: Vec<(&str, Type)> =
                parts.filter_map(|job| Some((job.part.name.as_str(), job.part.reduction.result(job.ty)?))).collect();
            let Some(text) = &formula.outer else {
                outer.modules.push(None);
                outer.types.push(inputs.first().map_or(Type::Unit, |(_, ty)| *ty));
                continue;
            };
            let module = engine.compile_with(text, &inputs).map_err(|mut error| {
                if let Error::Source(source) = &mut error {
                    for diagnostic in &mut source.diagnostics {
                        if diagnostic.code == "E0100" && diagnostic.help.is_none() {
                            let help = "a column stands inside a reduction, as mean(…)";
                            diagnostic.help = Some(help.to_owned());
                        }
                    }
                }
                Failure::formula(error, &formula.whole)
            })?;
            let ty = module.result();
            if !matches!(ty, Type::F64 | Type::I64 | Type::Bool) {
                let end = formula.whole.shown.len() as u32;
                let wrong = Diagnostic::new("E0118", Span::new(0, end), "the formula gives no number or `bool`");
                return Err(source_error(vec![wrong], &formula.whole));
            }
            outer.types.push(ty);
            outer.modules.push(Some(module));
        }
        Ok(outer)
    }

    /// The formulas' values; of a missing one nothing is made.
    fn values(&self, formulas: &[ReduceFormula], values: Vec<Option<Value>>) -> Result<Vec<Option<Value>>, Failure> {
        let mut values = values.into_iter();
        let mut results = Vec::with_capacity(formulas.len());
        for (formula, module) in formulas.iter().zip(&self.modules) {
            let parts: Vec<Option<Value>> = values.by_ref().take(formula.parts.len()).collect();
            let Some(module) = module else {
                results.push(parts.into_iter().next().flatten());
                continue;
            };
            let there: Option<Vec<&Value>> = parts.iter().map(Option::as_ref).collect();
            results.push(match there {
                None => None,
                Some(parts) => {
                    let mut args: Vec<Arg> = parts.iter().filter_map(|value| value.as_arg()).collect();
                    Some(module.run(&mut args).map_err(|error| Failure::formula(error, &formula.whole))?)
                }
            });
        }
        Ok(results)
    }
}
