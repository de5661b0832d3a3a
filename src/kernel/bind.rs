//! Matches what is bound with what a kernel asks for, or says what does not fit.

use super::CompiledKernel;
use super::columns::{Binding, Columns, InputType, Validity};
use crate::diagnostic::{cut, nearest};
use crate::error::Error;
use crate::runtime::fpenv::nearest_even;
use crate::span::Span;
use crate::types::Type;
use crate::value::{MappedColumn, Slice, Value};

/// What one input is in a run.
#[derive(Clone, Debug)]
pub(super) enum Bound<'a> {
    /// As long as there are rows.
    Column(Slice<'a>),
    Mapped(MappedColumn<'a>),
    Array(Slice<'a>),
    /// Of the declared type.
    Scalar(Value),
}

/// All inputs in a run.
#[derive(Clone, Debug)]
pub(super) struct Rows<'a> {
    /// In the kernel's order.
    pub inputs: Vec<Bound<'a>>,
    /// Of the inputs that have one.
    pub validity: Vec<Validity<'a>>,
    pub count: usize,
}

/// The types of the inputs in their order.
pub(super) fn types(inputs: &[(String, Span)], types: &[(&str, InputType)]) -> Result<Vec<InputType>, Error> {
    let find = |(input, _): &(String, Span)| {
        let found = types.iter().find(|(name, _)| name == input).map(|(_, ty)| *ty);
        match found {
            Some(InputType::Scalar(Type::Unit)) => {
                Err(Error::Signature(format!("`{}` is bound to nothing", cut(input))))
            }
            Some(ty) => Ok(ty),
            None => Err(unbound(input, types.iter().map(|(name, _)| *name))),
        }
    };
    inputs.iter().map(find).collect()
}

fn unbound<'a>(name: &str, bound: impl Iterator<Item = &'a str>) -> Error {
    let hint = nearest(name, bound).map_or_else(String::new, |near| format!("; did you mean `{}`?", cut(near)));
    Error::Signature(format!("nothing is bound to `{}`{hint}", cut(name)))
}

/// How many rows there are.
pub(super) fn rows(columns: &Columns<'_>) -> Result<usize, Error> {
    columns.rows().ok_or_else(|| {
        Error::Signature("no column says how many rows there are: bind one, or use `with_rows`".to_owned())
    })
}

/// The inputs of a run over these columns. `rows` says how many rows there are where no column does.
pub(super) fn bind<'a>(
    kernel: &CompiledKernel,
    columns: &Columns<'a>,
    expected: Option<usize>,
) -> Result<Rows<'a>, Error> {
    let count = match expected {
        Some(count) => columns.rows().unwrap_or(count),
        None => rows(columns)?,
    };
    if let Some(expected) = expected.filter(|&expected| expected != count) {
        return Err(Error::Signature(format!("the output has {expected} elements for {count} rows")));
    }
    for (name, binding) in columns.entries() {
        let column = match binding {
            Binding::Column(slice, validity) => Some((slice.len(), validity)),
            Binding::Mapped(column, validity) => Some((column.len(), validity)),
            _ => None,
        };
        if let Some((len, validity)) = column {
            if len != count {
                let name = cut(name);
                return Err(Error::Signature(format!("the column `{name}` has {len} rows, not {count}")));
            }
            if let Some(validity) = validity.filter(|validity| validity.len() < count) {
                let (name, len) = (cut(name), validity.len());
                return Err(Error::Signature(format!("the validity of `{name}` speaks of {len} rows, not {count}")));
            }
        }
    }
    let mut bound = Rows { inputs: Vec::with_capacity(kernel.inner.types.len()), validity: Vec::new(), count };
    for (name, ty) in kernel.inputs() {
        let Some(binding) = columns.get(name) else {
            return Err(unbound(name, columns.entries().map(|(name, _)| name)));
        };
        let input = match (*binding, ty) {
            (Binding::Column(slice, validity), InputType::Column(elem)) if slice.elem() == elem => {
                bound.validity.extend(validity);
                Bound::Column(slice)
            }
            (Binding::Mapped(column, validity), InputType::Column(elem)) if column.elem() == elem => {
                lasts(kernel, column.mapped().view().can_lose_pages())?;
                bound.validity.extend(validity);
                Bound::Mapped(column)
            }
            (Binding::Array(slice), InputType::Scalar(Type::Array(elem))) if slice.elem() == elem => {
                Bound::Array(slice)
            }
            (Binding::F64(x), InputType::Scalar(Type::F64)) => Bound::Scalar(Value::F64(x)),
            (Binding::I64(n), InputType::Scalar(Type::F64)) => Bound::Scalar(Value::F64(nearest_even(n))),
            (Binding::I64(n), InputType::Scalar(Type::I64)) => Bound::Scalar(Value::I64(n)),
            (Binding::Bool(b), InputType::Scalar(Type::Bool)) => Bound::Scalar(Value::Bool(b)),
            (other, ty) => {
                return Err(Error::Signature(format!("`{}` is {ty}, not {}", cut(name), other.input_type())));
            }
        };
        bound.inputs.push(input);
    }
    Ok(bound)
}

/// Refuses what may lose pages under machine code, if nobody would catch that.
pub(super) fn lasts(kernel: &CompiledKernel, can_lose_pages: bool) -> Result<(), Error> {
    let catches = kernel.inner.source.engine.shared().config.catch_faults;
    if can_lose_pages && kernel.is_jit() && !catches {
        return Err(Error::Machine(
            "a mapped file may become shorter while a kernel reads it: turn `Config::catch_faults` on, or copy it"
                .to_owned(),
        ));
    }
    Ok(())
}
