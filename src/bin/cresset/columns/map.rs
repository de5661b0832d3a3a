//! `cresset map` and `cresset filter`.

use super::args::{FilterArgs, MapArgs, OnError};
use super::compute::{Needs, Program, Results, stored};
use super::failure::Failure;
use super::formula::Formula;
use super::names::Names;
use super::pipeline::Run;
use super::progress::{Progress, Totals};
use super::sinks::{OutColumn, Target};
use super::table::{Batch, Kind, Sink, Source, Wanted};
use super::{inputs, outputs, safe_file};
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use cresset::diagnostic::cut;
use cresset::{Config, Diagnostic, Elem, Engine, Sandbox, Trap, TrapKind, Type};

/// `cresset map`: formulas over columns, each a column of the output.
pub fn map(args: &MapArgs) -> Result<Totals, Failure> {
    let formulas: Vec<Formula> = args.formulas().map(|text| Formula::parse(text)).collect();
    let mut source = inputs::open(&args.data)?;
    let names = names(&*source, &args.data.name)?;
    let engine = engine(&args.data)?;
    let needs = Needs::find(&engine, &formulas, &names, &args.data)?;

    let results = result_names(&formulas)?;
    let kept = kept(&args.keep, &names)?;
    // A result takes the place of the column of its name.
    let kept: Vec<usize> = kept.into_iter().filter(|at| !results.contains(&names.headers()[*at])).collect();
    let all: Vec<String> = kept.iter().map(|at| names.headers()[*at].clone()).chain(results).collect();
    let (target, order) = outputs::target(&args.data, &all)?;
    let used = needs.used();
    let (program, unknown) = needs.compile(&engine, formulas, source.columns(), args.data.on_error)?;

    let shape = Shape::new(&*source, &kept, program.types(), &all, target, order)?;
    shape.check(&program, kept.len())?;
    source.want(&Wanted { used, kept: kept.clone(), as_text: shape.target.is_text() }, unknown)?;
    let mut sink = shape.open(&args.data)?;
    let progress = Progress::new(&args.data, &*source);
    let run = Run { engine: &engine, args: &args.data, program: &program, progress: &progress };
    let (mut skipped, mut nulled) = (0, 0);
    let outcome = run.each(
        &mut *source,
        |batch, sandbox| rows_of(&program, &shape, batch, sandbox, args.data.on_error),
        |_, piece| {
            skipped += piece.skipped;
            nulled += piece.nulled;
            Ok(sink.write(&piece.columns, piece.rows)?)
        },
    );
    finish(outcome, sink, progress, |totals| {
        totals.skipped += skipped;
        totals.nulled += nulled;
    })
}

/// `cresset filter`: the rows of which a formula is true.
pub fn filter(args: &FilterArgs) -> Result<Totals, Failure> {
    let formulas = vec![Formula { name: None, shown: args.formula.clone(), program: args.formula.clone() }];
    let mut source = inputs::open(&args.data)?;
    let names = names(&*source, &args.data.name)?;
    let engine = engine(&args.data)?;
    let needs = Needs::find(&engine, &formulas, &names, &args.data)?;
    let all_columns = ["*".to_owned()];
    let kept = kept(if args.keep.is_empty() { &all_columns } else { &args.keep }, &names)?;
    let all: Vec<String> = kept.iter().map(|at| names.headers()[*at].clone()).collect();
    let (target, order) = outputs::target(&args.data, &all)?;
    let used = needs.used();
    let (program, unknown) = needs.compile(&engine, formulas, source.columns(), args.data.on_error)?;
    if let Some(ty) = program.types().first().filter(|ty| **ty != Type::Bool) {
        let message = format!("a filter is a `bool`, such as a comparison; this is {ty}");
        let wrong = Diagnostic::new("E0114", program.span(0), message);
        return Err(super::compute::source_error(vec![wrong], &program.formulas()[0]));
    }
    let shape = Shape::new(&*source, &kept, &[], &all, target, order)?;
    shape.check(&program, kept.len())?;
    source.want(&Wanted { used, kept, as_text: shape.target.is_text() }, unknown)?;
    let mut sink = shape.open(&args.data)?;
    let progress = Progress::new(&args.data, &*source);
    let run = Run { engine: &engine, args: &args.data, program: &program, progress: &progress };
    let (mut skipped, mut through) = (0, 0);
    let outcome = run.each(
        &mut *source,
        |batch, sandbox| selected(&program, &shape, batch, sandbox, args.data.on_error),
        |_, piece| {
            skipped += piece.skipped;
            through += piece.rows as u64;
            Ok(sink.write(&piece.columns, piece.rows)?)
        },
    );
    finish(outcome, sink, progress, |totals| {
        totals.skipped += skipped;
        totals.kept = Some(through);
    })
}

/// What every command needs first.
pub fn engine(args: &super::args::DataArgs) -> Result<Engine, Failure> {
    crate::interrupt::ends(safe_file::abandon);
    let args = &args.engine;
    // No host functions: rows are worked on in no order that printing could follow.
    Ok(Config::new().execution(args.execution()).cpu(args.cpu()).limits(args.limits()).engine()?)
}

/// The columns by the names that formulas have for them.
pub fn names(source: &dyn Source, given: &[String]) -> Result<Names, Failure> {
    Ok(Names::new(source.columns().iter().map(|column| column.name.clone()).collect(), given)?)
}

fn result_names(formulas: &[Formula]) -> Result<Vec<String>, Failure> {
    let mut results: Vec<String> = Vec::new();
    for formula in formulas {
        let name = formula.name.clone().unwrap_or_else(|| "value".to_owned());
        if results.contains(&name) {
            return Err(format!("two results are named `{}`: write 'NAME = FORMULA'", cut(&name)).into());
        }
        results.push(name);
    }
    Ok(results)
}

/// Which columns `--keep` names.
fn kept(keep: &[String], names: &Names) -> Result<Vec<usize>, Failure> {
    let mut kept = Vec::new();
    for name in keep {
        let found = if name == "*" { (0..names.headers().len()).collect() } else { vec![names.column(name)?] };
        for column in found {
            if !kept.contains(&column) {
                kept.push(column);
            }
        }
    }
    Ok(kept)
}

/// What is written: some of the kept columns and results, each perhaps into elements of a raw file.
pub struct Shape {
    pub target: Target,
    /// Of kept columns and then results, which are written, in order.
    order: Vec<usize>,
    columns: Vec<OutColumn>,
    /// What each has before it is stored; `None` where formulas could not use it.
    scalars: Vec<Option<Type>>,
    names: Vec<String>,
    /// The type of each written kept column, which a source may deliver as plain text.
    text: bool,
}

impl Shape {
    fn new(
        source: &dyn Source,
        kept: &[usize],
        results: &[Type],
        names: &[String],
        target: Target,
        order: Vec<usize>,
    ) -> Result<Shape, Failure> {
        let info = |at: &usize| source.columns().get(*at).map_or(Kind::Unknown, |column| column.kind.clone());
        let kinds: Vec<Kind> = kept
            .iter()
            .map(info)
            .chain(results.iter().map(|ty| Kind::Arrow(cresset::arrow::data_type_of(stored(*ty)))))
            .collect();
        let text = target.is_text();
        let of = |at: &usize| (names[*at].clone(), kinds[*at].data_type());
        let columns = order.iter().map(of).collect();
        let scalars = order.iter().map(|at| kinds[*at].elem().map(Elem::scalar)).collect();
        Ok(Shape { target, order, columns, scalars, names: names.to_vec(), text })
    }

    /// Refuses results that do not go into the elements they are for.
    fn check(&self, program: &Program, kept: usize) -> Result<(), Failure> {
        let Target::Raw(files) = &self.target else { return Ok(()) };
        for (((path, elem), ty), at) in files.iter().zip(&self.scalars).zip(&self.order) {
            if ty.is_some_and(|ty| outputs::fits(ty, *elem)) {
                continue;
            }
            let shown = ty.map_or("text".to_owned(), |ty| ty.to_string());
            let Some(formula) = at.checked_sub(kept).filter(|at| *at < program.formulas().len()) else {
                let name = cut(&self.names[*at]);
                return Err(format!("column `{name}` is {shown}, {} holds {elem}", path.display()).into());
            };
            let message = format!("the result is {shown}, but {} holds {elem}", path.display());
            let mut wrong = Diagnostic::new("E0110", program.span(formula), message);
            wrong.help = match (ty, elem) {
                (Some(Type::F64), Elem::I64 | Elem::I32 | Elem::U8) => {
                    Some("only `i64` becomes `f64` unasked; write `i64(…)`, perhaps around `round(…)`".to_owned())
                }
                (Some(Type::Bool), Elem::I64 | Elem::I32 | Elem::U8) => Some("write `i64(…)`".to_owned()),
                (Some(Type::Bool), Elem::F64 | Elem::F32) => Some("write `f64(…)`".to_owned()),
                (Some(Type::F64 | Type::I64), Elem::Bool) => Some("write a comparison, as `… != 0`".to_owned()),
                _ => None,
            };
            return Err(super::compute::source_error(vec![wrong], &program.formulas()[formula]));
        }
        Ok(())
    }

    fn open(&self, args: &super::args::DataArgs) -> Result<Box<dyn Sink>, Failure> {
        let columns: Vec<OutColumn> = match &self.target {
            Target::Raw(files) => {
                let stored = |((name, _), (_, elem)): (&OutColumn, &(_, Elem))| {
                    (name.clone(), cresset::arrow::data_type_of(*elem))
                };
                self.columns.iter().zip(files).map(stored).collect()
            }
            Target::Table(..) => self.columns.clone(),
        };
        let delimiter = inputs::delimiter(args)?;
        Ok(self.target.open(&columns, delimiter)?)
    }

    /// The rows to write: those of the mask, each column stored into its elements; an `i64` that does not fit its own is a trap in its row.
    fn settle(
        &self,
        program: &Program,
        batch: &Batch,
        results: &[ArrayRef],
        mut mask: Vec<bool>,
        on_error: OnError,
    ) -> Result<Piece, Failure> {
        let kept = batch.kept.len();
        let column = |at: &usize| if *at < kept { &batch.kept[*at] } else { &results[*at - kept] };
        let mut columns: Vec<ArrayRef> = self.order.iter().map(|at| column(at).clone()).collect();
        let (mut first, mut skipped, mut nulled) = (None, 0, 0);
        if let Target::Raw(files) = &self.target {
            for ((column, (_, elem)), at) in columns.iter_mut().zip(files).zip(&self.order) {
                let misfits: Vec<usize> =
                    outputs::misfits(column, *elem).into_iter().filter(|row| mask[*row]).collect();
                let Some(lowest) = misfits.first() else { continue };
                match on_error {
                    OnError::Fail if first.is_none_or(|(row, _)| *lowest < row) => first = Some((*lowest, *at)),
                    OnError::Fail => {}
                    OnError::Null => {
                        nulled += misfits.len() as u64;
                        *column = without(column, &misfits);
                    }
                    OnError::Skip => {
                        skipped += misfits.len() as u64;
                        misfits.iter().for_each(|row| mask[*row] = false);
                    }
                }
            }
        }
        if let Some((row, at)) = first {
            let formula = at.saturating_sub(kept);
            return Err(program.trap(Trap::new(TrapKind::BadCast, program.span(formula)), formula, batch, row));
        }
        let mut rows = batch.rows;
        if mask.contains(&false) {
            let mask = BooleanArray::from(mask);
            rows = mask.true_count();
            for column in &mut columns {
                *column = arrow_select::filter::filter(column, &mask)?;
            }
        }
        for (place, column) in columns.iter_mut().enumerate() {
            *column = match &self.target {
                Target::Raw(files) => outputs::store(column, files[place].1)?,
                // Text as it stood in the file has no other type.
                Target::Table(..) if self.text => continue,
                Target::Table(..) => fitting(column, &self.columns[place].1),
            };
        }
        Ok(Piece { columns, rows, skipped, nulled })
    }
}

/// An empty column may be of another type than its cells were read as.
fn fitting(column: &ArrayRef, data_type: &DataType) -> ArrayRef {
    if column.data_type() == data_type { column.clone() } else { arrow_array::new_null_array(data_type, column.len()) }
}

/// Rows to write.
struct Piece {
    columns: Vec<ArrayRef>,
    rows: usize,
    skipped: u64,
    nulled: u64,
}

fn rows_of(
    program: &Program,
    shape: &Shape,
    batch: &Batch,
    sandbox: &mut Sandbox,
    on_error: OnError,
) -> Result<Piece, Failure> {
    let Results { columns, failed } = match program.run(batch, sandbox) {
        Ok(results) => results,
        Err(failure) => return Err(earlier(program, shape, batch, sandbox, failure)),
    };
    let mut mask = vec![true; batch.rows];
    if on_error == OnError::Skip {
        failed.iter().for_each(|row| mask[*row] = false);
    }
    let mut piece = shape.settle(program, batch, &columns, mask, on_error)?;
    match on_error {
        OnError::Skip => piece.skipped += failed.len() as u64,
        _ => piece.nulled += failed.len() as u64,
    }
    Ok(piece)
}

/// A row before the one that trapped may already not fit its elements.
fn earlier(program: &Program, shape: &Shape, batch: &Batch, sandbox: &mut Sandbox, failure: Failure) -> Failure {
    let Failure::Formula { error, .. } = &failure else { return failure };
    let Some(row) = error.trap().and_then(|trap| trap.row) else { return failure };
    let before = (0..batch.rows).position(|index| batch.row(index) == row).unwrap_or(0);
    if before == 0 || !matches!(shape.target, Target::Raw(_)) {
        return failure;
    }
    let part = |column: &ArrayRef| column.slice(0, before);
    let part = Batch {
        used: batch.used.iter().map(part).collect(),
        kept: batch.kept.iter().map(part).collect(),
        rows: before,
        first: batch.first,
        places: batch.places.clone(),
        ..Batch::default()
    };
    let Ok(results) = program.run(&part, sandbox) else { return failure };
    match shape.settle(program, &part, &results.columns, vec![true; before], OnError::Fail) {
        Err(first) => first,
        Ok(_) => failure,
    }
}

/// The column with these rows missing.
fn without(column: &ArrayRef, rows: &[usize]) -> ArrayRef {
    let mut there: Vec<bool> = (0..column.len()).map(|row| column.is_valid(row)).collect();
    rows.iter().for_each(|row| there[*row] = false);
    let nulls = NullBuffer::new(BooleanBuffer::from(there));
    let data = column.to_data().into_builder().nulls(Some(nulls)).build();
    data.map_or_else(|_| column.clone(), arrow_array::make_array)
}

fn selected(
    program: &Program,
    shape: &Shape,
    batch: &Batch,
    sandbox: &mut Sandbox,
    on_error: OnError,
) -> Result<Piece, Failure> {
    let Results { columns, failed } = program.run(batch, sandbox)?;
    let truth = columns.first().ok_or("internal error: a filter without a result")?;
    let truth = arrow_array::cast::as_boolean_array(truth);
    // Missing is not true.
    let mask = (0..batch.rows).map(|row| truth.is_valid(row) && truth.value(row)).collect();
    let mut piece = shape.settle(program, batch, &[], mask, on_error)?;
    piece.skipped += failed.len() as u64;
    Ok(piece)
}

/// Puts the output into its place, or leaves what was there.
fn finish(
    outcome: Result<Totals, Failure>,
    sink: Box<dyn Sink>,
    progress: Progress,
    add: impl FnOnce(&mut Totals),
) -> Result<Totals, Failure> {
    let written = outcome.and_then(|mut totals| {
        sink.finish()?;
        add(&mut totals);
        Ok(totals)
    });
    match written {
        Ok(totals) => {
            progress.finish(&totals);
            Ok(totals)
        }
        Err(failure) => {
            progress.clear();
            Err(failure)
        }
    }
}
