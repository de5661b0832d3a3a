//! Formulas compiled for the columns of a table, and run over pieces of it.

use super::args::{DataArgs, OnError};
use super::failure::Failure;
use super::formula::Formula;
use super::names::Names;
use super::table::{Batch, ColumnInfo, Fault, Kind};
use crate::bindings::Bindings;
use arrow_array::ArrayRef;
use cresset::arrow::{ArrowColumn, ArrowError, to_arrow};
use cresset::diagnostic::{cut, nearest};
use cresset::kernel::Binding;
use cresset::{
    Arg, Columns, CompiledKernel, Diagnostic, Elem, Engine, Error, InputType, Kernel, Sandbox, Trap, TrapKind, Type,
    Validity,
};
use std::collections::BTreeMap;

/// Formulas that run over the same rows.
pub struct Program {
    formulas: Vec<Formula>,
    /// One a formula.
    kernels: Vec<CompiledKernel>,
    /// All formulas in one, which share their work.
    shared: Option<CompiledKernel>,
    types: Vec<Type>,
    /// The inputs that are columns: their names in formulas, and which of the used columns they are.
    inputs: Vec<(String, usize)>,
    scalars: Bindings,
    on_error: OnError,
}

/// What formulas need: found before types are known.
pub struct Needs {
    kernels: Vec<Kernel>,
    /// Names in formulas and the columns they mean.
    columns: Vec<(String, usize)>,
    scalars: Bindings,
}

/// Results of some rows.
pub struct Results {
    /// One a formula.
    pub columns: Vec<ArrayRef>,
    /// The rows that trapped, where that does not end the command.
    pub failed: Vec<usize>,
}

impl Needs {
    /// Looks up the free names of formulas.
    pub fn find(engine: &Engine, formulas: &[Formula], names: &Names, args: &DataArgs) -> Result<Needs, Failure> {
        let scalars = Bindings::parse(&args.values)?;
        let mut needs = Needs { kernels: Vec::new(), columns: Vec::new(), scalars };
        for formula in formulas {
            let kernel = engine.kernel(&formula.program).map_err(|error| Failure::formula(error, formula))?;
            let mut wrong = Vec::new();
            for (name, span) in kernel.inputs() {
                let is_scalar = needs.scalars.inputs().iter().any(|(bound, _)| bound == name);
                if is_scalar || needs.columns.iter().any(|(known, _)| known == name) {
                    continue;
                }
                match names.find(name) {
                    Ok(Some(column)) => needs.columns.push((name.clone(), column)),
                    Ok(None) => {
                        let unknown = format!("there is no column named `{}`", cut(name));
                        let near = nearest(name, names.headers().iter().map(String::as_str));
                        let help = match near {
                            Some(near) => format!("did you mean `{}`?", cut(near)),
                            None => format!("{}; another value is given with -v {}=1.5", names.listed(), cut(name)),
                        };
                        wrong.push(Diagnostic::new("E0100", *span, unknown).with_help(help));
                    }
                    Err(message) => wrong.push(Diagnostic::new("E0100", *span, message)),
                }
            }
            if !wrong.is_empty() {
                return Err(source_error(wrong, formula));
            }
            needs.kernels.push(kernel);
        }
        Ok(needs)
    }

    /// The columns that are used, each once.
    pub fn used(&self) -> Vec<usize> {
        let mut used: Vec<usize> = self.columns.iter().map(|(_, column)| *column).collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    /// Compiles the formulas for these columns; columns of unknown type are of the first one that fits the formulas, which is also given.
    pub fn compile(
        self,
        engine: &Engine,
        formulas: Vec<Formula>,
        columns: &[ColumnInfo],
        on_error: OnError,
    ) -> Result<(Program, Elem), Failure> {
        let any = self.columns.iter().any(|(_, column)| columns.get(*column).is_some_and(|c| c.kind == Kind::Unknown));
        let tries: &[Elem] = if any { &[Elem::F64, Elem::I64, Elem::Bool] } else { &[Elem::F64] };
        let mut first = None;
        for unknown in tries {
            match self.compile_with(engine, &formulas, columns, *unknown, on_error) {
                Ok((kernels, shared)) => {
                    let of = |kernel: &CompiledKernel| kernel.output_types().first().map(|(_, ty)| *ty);
                    let types = kernels.iter().filter_map(of).collect();
                    let used = self.used();
                    let place = |column: &usize| used.binary_search(column).unwrap_or_default();
                    let inputs = self.columns.iter().map(|(name, column)| (name.clone(), place(column))).collect();
                    let scalars = self.scalars;
                    return Ok((Program { formulas, kernels, shared, types, inputs, scalars, on_error }, *unknown));
                }
                Err(failure) => _ = first.get_or_insert(failure),
            }
        }
        Err(first.unwrap_or_else(|| Failure::Fault("internal error: nothing was compiled".into())))
    }

    fn compile_with(
        &self,
        engine: &Engine,
        formulas: &[Formula],
        columns: &[ColumnInfo],
        unknown: Elem,
        on_error: OnError,
    ) -> Result<(Vec<CompiledKernel>, Option<CompiledKernel>), Failure> {
        let mut types: Vec<(&str, InputType)> =
            self.scalars.inputs().into_iter().map(|(name, ty)| (name, InputType::Scalar(ty))).collect();
        let mut listed: BTreeMap<&str, String> = BTreeMap::new();
        for (name, column) in &self.columns {
            let Some(info) = columns.get(*column) else { continue };
            listed.insert(name, info.kind.shown());
            let elem = if info.kind == Kind::Unknown { Some(unknown) } else { info.kind.elem() };
            if let Some(elem) = elem {
                types.push((name, InputType::Column(elem)));
                continue;
            }
            for (formula, kernel) in formulas.iter().zip(&self.kernels) {
                if let Some((_, span)) = kernel.inputs().iter().find(|(input, _)| input == name) {
                    let kind = info.kind.shown();
                    let message = format!("the column `{}` is {kind}, which formulas cannot use", cut(&info.name));
                    let mut wrong = Diagnostic::new("E0110", *span, message);
                    if kind == "text" {
                        wrong = wrong.with_help("formulas take numbers and `bool`s; if its other cells are, --type says which, --on-error what becomes of those that are not");
                    }
                    return Err(source_error(vec![wrong], formula));
                }
            }
        }
        let mut kernels = Vec::new();
        for (formula, kernel) in formulas.iter().zip(&self.kernels) {
            kernels.push(kernel.for_types(&types).map_err(|error| with_types(error, formula, kernel, &listed))?);
        }
        let mut shared = None;
        if kernels.len() > 1 && on_error == OnError::Fail {
            let numbers: Vec<String> = (0..formulas.len()).map(|number| number.to_string()).collect();
            let texts: Vec<(&str, &str)> = numbers
                .iter()
                .zip(formulas)
                .map(|(number, formula)| (number.as_str(), formula.program.as_str()))
                .collect();
            // Too large together is no reason not to run them one by one.
            shared = engine.kernel_outputs(&texts).and_then(|kernel| kernel.for_types(&types)).ok();
        }
        Ok((kernels, shared))
    }
}

/// Mistakes in a formula.
pub fn source_error(diagnostics: Vec<Diagnostic>, formula: &Formula) -> Failure {
    let source = formula.shown.as_str().into();
    Failure::formula(Error::Source(cresset::SourceError { diagnostics, source }), formula)
}

/// The error, and of what types the columns are.
fn with_types(mut error: Error, formula: &Formula, kernel: &Kernel, listed: &BTreeMap<&str, String>) -> Failure {
    if let Error::Source(source) = &mut error {
        let uses = |name: &&str| kernel.inputs().iter().any(|(input, _)| input == name);
        let types: Vec<String> =
            listed.iter().filter(|(name, _)| uses(name)).map(|(name, ty)| format!("`{}` is {ty}", cut(name))).collect();
        for diagnostic in source.diagnostics.iter_mut().filter(|_| !types.is_empty()) {
            let types = format!("of the columns, {}", types.join(", "));
            diagnostic.help = Some(match diagnostic.help.take() {
                Some(help) => format!("{help}; {types}"),
                None => types,
            });
        }
    }
    // What gives no value, or an array, is a mistake in the formula all the same.
    match error {
        Error::Signature(message) => {
            let end = formula.shown.trim_end().len() as u32;
            let start = formula.program.len() - formula.program.trim_start().len();
            let span = cresset::Span::new((start as u32).min(end), end);
            source_error(vec![Diagnostic::new("E0118", span, message)], formula)
        }
        error => Failure::formula(error, formula),
    }
}

impl Program {
    /// The formulas' types.
    pub fn types(&self) -> &[Type] {
        &self.types
    }

    pub fn formulas(&self) -> &[Formula] {
        &self.formulas
    }

    /// The whole of a formula without its name: where an error is that has no other place.
    pub fn span(&self, formula: usize) -> cresset::Span {
        let Some(formula) = self.formulas.get(formula) else { return cresset::Span::new(0, 0) };
        let start = formula.program.len() - formula.program.trim_start().len();
        cresset::Span::new(start as u32, formula.program.trim_end().len().max(start) as u32)
    }

    /// A trap in a row of a piece.
    pub fn trap(&self, mut trap: Trap, formula: usize, batch: &Batch, row: usize) -> Failure {
        trap.row = Some(batch.row(row));
        trap.output = None;
        let shown = self.formulas.get(formula).map_or_else(String::new, |formula| formula.shown.clone());
        Failure::Formula { error: Error::Trap(Box::new(trap)), shown, line: batch.line(row) }
    }

    /// Runs all formulas over a piece.
    pub fn run(&self, batch: &Batch, sandbox: &mut Sandbox) -> Result<Results, Failure> {
        let operands = self.operands(batch)?;
        // A row that one formula has an input missing in may have all that another needs.
        let together = operands.iter().all(|operand| operand.nulls().is_none());
        if let Some(shared) = self.shared.as_ref().filter(|_| together) {
            return match self.run_rows(shared, &operands, 0..batch.rows, sandbox) {
                Ok(columns) => Ok(Results { columns, failed: Vec::new() }),
                Err(error) => Err(self.failure(error, 0, batch, 0)),
            };
        }
        let mut results = Results { columns: Vec::new(), failed: Vec::new() };
        // The first row that trapped, where that ends the command; what comes behind it does not matter any more.
        let mut first: Option<(usize, Failure)> = None;
        for (number, kernel) in self.kernels.iter().enumerate() {
            let rows = first.as_ref().map_or(batch.rows, |(row, _)| *row);
            match self.run_one(number, kernel, &operands, rows, batch, sandbox, &mut results.failed) {
                Ok(column) => results.columns.push(column),
                Err((row, failure)) => first = Some((row, failure)),
            }
        }
        if let Some((_, failure)) = first {
            return Err(failure);
        }
        results.failed.sort_unstable();
        results.failed.dedup();
        Ok(results)
    }

    /// Runs one formula over the first rows of a piece; the error has the row at which it ends.
    #[allow(clippy::too_many_arguments, reason = "all that a run of one of several formulas is about")]
    fn run_one(
        &self,
        number: usize,
        kernel: &CompiledKernel,
        operands: &[ArrowColumn],
        rows: usize,
        batch: &Batch,
        sandbox: &mut Sandbox,
        failed: &mut Vec<usize>,
    ) -> Result<ArrayRef, (usize, Failure)> {
        let mut pieces: Vec<ArrayRef> = Vec::new();
        let mut at = 0;
        let internal = |error: Fault| (0, Failure::Fault(error));
        while at < rows || pieces.is_empty() {
            match self.run_rows(kernel, operands, at..rows, sandbox) {
                Ok(columns) => {
                    pieces.extend(columns);
                    break;
                }
                Err(Error::Trap(trap)) if self.on_error != OnError::Fail && trap.kind != TrapKind::Interrupted => {
                    let bad = at + trap.row.and_then(|row| usize::try_from(row).ok()).unwrap_or_default();
                    if bad > at {
                        let before = self.run_rows(kernel, operands, at..bad, sandbox);
                        pieces.extend(before.map_err(|error| (at, self.failure(error, number, batch, at)))?);
                    }
                    let ty = self.types.get(number).copied().unwrap_or(Type::F64);
                    pieces.push(arrow_array::new_null_array(&cresset::arrow::data_type_of(stored(ty)), 1));
                    failed.push(bad);
                    at = bad + 1;
                }
                Err(error) => {
                    let row = error.trap().and_then(|trap| trap.row).and_then(|row| usize::try_from(row).ok());
                    return Err((at + row.unwrap_or_default(), self.failure(error, number, batch, at)));
                }
            }
        }
        match &pieces[..] {
            [only] => Ok(only.clone()),
            pieces => {
                let parts: Vec<&dyn arrow_array::Array> = pieces.iter().map(AsRef::as_ref).collect();
                arrow_select::concat::concat(&parts).map_err(|error| internal(error.into()))
            }
        }
    }

    /// An error of a formula that ran from this row of a piece on.
    fn failure(&self, error: Error, formula: usize, batch: &Batch, at: usize) -> Failure {
        match error {
            Error::Trap(trap) => {
                let row = at + trap.row.and_then(|row| usize::try_from(row).ok()).unwrap_or_default();
                let formula = trap.output.as_ref().and_then(|number| number.parse().ok()).unwrap_or(formula);
                self.trap(*trap, formula, batch, row)
            }
            error => match self.formulas.get(formula) {
                Some(formula) => Failure::formula(error, formula),
                None => error.into(),
            },
        }
    }

    fn operands(&self, batch: &Batch) -> Result<Vec<ArrowColumn>, Fault> {
        let mut operands = Vec::with_capacity(batch.used.len());
        for column in &batch.used {
            operands.push(ArrowColumn::new(column).map_err(|error| match error {
                ArrowError::Range { row, value } => format!("{value} in row {} does not fit i64", batch.row(row)),
                error => error.to_string(),
            })?);
        }
        Ok(operands)
    }

    fn run_rows(
        &self,
        kernel: &CompiledKernel,
        operands: &[ArrowColumn],
        rows: std::ops::Range<usize>,
        sandbox: &mut Sandbox,
    ) -> Result<Vec<ArrayRef>, Error> {
        let mut columns = Columns::new().with_rows(rows.len());
        for (name, used) in &self.inputs {
            let Some(operand) = operands.get(*used) else { continue };
            let slice = cresset::arrow::part(operand.slice(), rows.clone());
            let validity = operand.nulls().map(|nulls| Validity::new(nulls.validity(), nulls.offset() + rows.start));
            columns = columns.bind(name, Binding::Column(slice, validity));
        }
        for ((name, _), arg) in self.scalars.inputs().into_iter().zip(self.scalars.args()) {
            columns = match arg {
                Arg::F64(x) => columns.scalar(name, x),
                Arg::I64(n) => columns.scalar(name, n),
                Arg::Bool(b) => columns.scalar(name, b),
                Arg::Slice(slice) => columns.bind(name, Binding::Array(slice)),
                _ => columns,
            };
        }
        let all = kernel.map_all_in(sandbox, &columns)?;
        Ok(all.into_iter().map(|(_, column)| to_arrow(column.data, column.validity)).collect())
    }
}

/// The elements that hold results of a type.
pub fn stored(ty: Type) -> Elem {
    match ty {
        Type::I64 => Elem::I64,
        Type::Bool => Elem::Bool,
        _ => Elem::F64,
    }
}
