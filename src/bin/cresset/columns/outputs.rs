//! Where `-o` leads, and how values get into the elements of raw files.

use super::args::DataArgs;
use super::format::{self, Format};
use super::inputs::split;
use super::sinks::Target;
use super::table::Fault;
use arrow_array::{Array as _, ArrayRef};
use cresset::arrow::{ArrowColumn, to_arrow};
use cresset::diagnostic::cut;
use cresset::{Array, Elem, Slice, Type};
use std::path::{Path, PathBuf};

/// Where these columns go, and which of them in which order: raw files may be for some of them only.
pub fn target(args: &DataArgs, columns: &[String]) -> Result<(Target, Vec<usize>), Fault> {
    let all = (0..columns.len()).collect();
    let mut files: Vec<(Option<&str>, PathBuf, Format)> = Vec::new();
    for text in &args.outputs {
        let (name, path) = split(text);
        let known = args.to.or_else(|| Format::of(path)).or((path == Path::new("-")).then_some(Format::Csv));
        files.push((name, path.to_owned(), known.ok_or_else(|| format::unknown(path, "to"))?));
    }
    if files.is_empty() {
        let target = match args.to.unwrap_or(Format::Csv) {
            Format::Raw(elem) => Target::Raw(vec![(PathBuf::from("-"), elem)]),
            format => Target::Table(PathBuf::from("-"), format),
        };
        return one_column(target, all);
    }
    if let [(None, path, format)] = &files[..] {
        let target = match format {
            Format::Raw(elem) => Target::Raw(vec![(path.clone(), *elem)]),
            format => Target::Table(path.clone(), *format),
        };
        return one_column(target, all);
    }
    let (mut raw, mut order) = (Vec::new(), Vec::new());
    for (name, path, format) in files {
        let (Some(name), Format::Raw(elem)) = (name, format) else {
            return Err(
                "more than one -o: each is a raw file with the name of a column, as -o z=z.f64 -o w=w.f64".into()
            );
        };
        let Some(at) = columns.iter().position(|column| column == name) else {
            return Err(format!("-o {name}={}: there is no output column `{}`", path.display(), cut(name)).into());
        };
        raw.push((path, elem));
        order.push(at);
    }
    Ok((Target::Raw(raw), order))
}

fn one_column(target: Target, all: Vec<usize>) -> Result<(Target, Vec<usize>), Fault> {
    if matches!(target, Target::Raw(_)) && all.len() != 1 {
        return Err(format!(
            "a raw file holds one column, not {}: say -o NAME=FILE for each one that is wanted",
            all.len()
        )
        .into());
    }
    Ok((target, all))
}

/// Whether values of this type may be stored into these elements: as in the language, only `i64` becomes `f64` unasked.
pub fn fits(ty: Type, elem: Elem) -> bool {
    match ty {
        Type::I64 => elem != Elem::Bool,
        ty => elem.scalar() == ty,
    }
}

/// The rows of an `i64` column whose values these elements do not hold.
pub fn misfits(column: &ArrayRef, elem: Elem) -> Vec<usize> {
    if !matches!(elem, Elem::I32 | Elem::U8) {
        return Vec::new();
    }
    let holds = |value: i64| if elem == Elem::U8 { u8::try_from(value).is_ok() } else { i32::try_from(value).is_ok() };
    let Ok(data) = ArrowColumn::new(column) else { return Vec::new() };
    let values: Box<dyn Iterator<Item = i64> + '_> = match data.slice() {
        Slice::I64(values) => Box::new(values.iter().copied()),
        Slice::I32(values) => Box::new(values.iter().map(|value| i64::from(*value))),
        _ => return Vec::new(),
    };
    values.enumerate().filter(|(row, value)| !holds(*value) && column.is_valid(*row)).map(|(row, _)| row).collect()
}

/// Values stored into elements, as the language stores: `f32` rounds; each `i64` was seen to fit.
pub fn store(column: &ArrayRef, elem: Elem) -> Result<ArrayRef, Fault> {
    let data = ArrowColumn::new(column)?;
    let values = match (data.slice(), elem) {
        (slice, elem) if slice.elem() == elem => return Ok(column.clone()),
        (Slice::I64(values), Elem::F64) => Array::F64(values.iter().map(|value| *value as f64).collect()),
        (Slice::I32(values), Elem::F64) => Array::F64(values.iter().map(|value| f64::from(*value)).collect()),
        (Slice::U8(values), Elem::F64) => Array::F64(values.iter().map(|value| f64::from(*value)).collect()),
        (Slice::F32(values), Elem::F64) => Array::F64(values.iter().map(|value| f64::from(*value)).collect()),
        (Slice::F64(values), Elem::F32) => Array::F32(values.iter().map(|value| narrowed(*value)).collect()),
        // By way of `f64`, as a store in the language: rounded twice.
        (Slice::I64(values), Elem::F32) => Array::F32(values.iter().map(|value| narrowed(*value as f64)).collect()),
        (Slice::I32(values), Elem::F32) => Array::F32(values.iter().map(|value| narrowed((*value).into())).collect()),
        (Slice::U8(values), Elem::F32) => Array::F32(values.iter().map(|value| f32::from(*value)).collect()),
        (Slice::I32(values), Elem::I64) => Array::I64(values.iter().map(|value| i64::from(*value)).collect()),
        (Slice::U8(values), Elem::I64) => Array::I64(values.iter().map(|value| i64::from(*value)).collect()),
        (Slice::U8(values), Elem::I32) => Array::I32(values.iter().map(|value| i32::from(*value)).collect()),
        // What does not fit is missing by now; any value stands for it.
        (Slice::I64(values), Elem::I32) => Array::I32(values.iter().map(|value| *value as i32).collect()),
        (Slice::I64(values), Elem::U8) => Array::U8(values.iter().map(|value| *value as u8).collect()),
        (Slice::I32(values), Elem::U8) => Array::U8(values.iter().map(|value| *value as u8).collect()),
        (slice, elem) => return Err(format!("internal error: {} stored as {elem}", slice.elem()).into()),
    };
    let stored = to_arrow(values, None).to_data().into_builder().nulls(column.logical_nulls()).build()?;
    Ok(arrow_array::make_array(stored))
}

/// A NaN that is stored has one form.
fn narrowed(value: f64) -> f32 {
    if value.is_nan() { f32::NAN } else { value as f32 }
}
