//! Raw files as a table: one file a column, mapped, not read through a buffer.

use super::table::{Batch, ColumnInfo, Extent, Fault, Kind, ROWS, Source, Wanted};
use arrow_array::ArrayRef;
use cresset::arrow::{data_type_of, to_arrow};
use cresset::{AnyBits, Array, Data, Elem};
use std::path::Path;

/// Mapped files of one length.
pub struct RawSource {
    columns: Vec<ColumnInfo>,
    files: Vec<(Mapped, String)>,
    rows: usize,
    at: usize,
    wanted: Wanted,
}

/// A file's elements; `bool`s are bytes until they were looked at.
enum Mapped {
    F64(Data<f64>),
    F32(Data<f32>),
    I64(Data<i64>),
    I32(Data<i32>),
    U8(Data<u8>),
    Bool(Data<u8>),
}

impl Mapped {
    fn open(path: &Path, elem: Elem) -> Result<Mapped, Fault> {
        let size = std::fs::metadata(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        if size.is_file() && size.len() % elem.size() as u64 != 0 {
            let (bytes, size) = (size.len(), elem.size());
            return Err(format!(
                "{} has {bytes} bytes, which is no whole number of {elem} elements of {size} bytes each",
                path.display()
            )
            .into());
        }
        let wrong = |error| format!("cannot map {}: {error}", path.display());
        Ok(match elem {
            Elem::F64 => Mapped::F64(Data::open(path).map_err(wrong)?),
            Elem::F32 => Mapped::F32(Data::open(path).map_err(wrong)?),
            Elem::I64 => Mapped::I64(Data::open(path).map_err(wrong)?),
            Elem::I32 => Mapped::I32(Data::open(path).map_err(wrong)?),
            Elem::U8 => Mapped::U8(Data::open(path).map_err(wrong)?),
            Elem::Bool => Mapped::Bool(Data::open(path).map_err(wrong)?),
        })
    }

    fn len(&self) -> usize {
        match self {
            Mapped::F64(data) => data.len(),
            Mapped::F32(data) => data.len(),
            Mapped::I64(data) => data.len(),
            Mapped::I32(data) => data.len(),
            Mapped::U8(data) | Mapped::Bool(data) => data.len(),
        }
    }

    fn rows(&self, name: &str, at: usize, rows: usize) -> Result<ArrayRef, Fault> {
        // Others may write to the file meanwhile: what is worked on is a copy that nobody else sees.
        fn copied<T: AnyBits + Default>(data: &Data<T>, name: &str, at: usize, rows: usize) -> Result<Vec<T>, Fault> {
            let mut values = vec![T::default(); rows];
            data.read(at, &mut values).map_err(|error| format!("cannot read {name}: {error}"))?;
            Ok(values)
        }
        let values = match self {
            Mapped::F64(data) => Array::F64(copied(data, name, at, rows)?),
            Mapped::F32(data) => Array::F32(copied(data, name, at, rows)?),
            Mapped::I64(data) => Array::I64(copied(data, name, at, rows)?),
            Mapped::I32(data) => Array::I32(copied(data, name, at, rows)?),
            Mapped::U8(data) => Array::U8(copied(data, name, at, rows)?),
            Mapped::Bool(data) => {
                let bytes = copied(data, name, at, rows)?;
                if let Some(index) = bytes.iter().position(|byte| *byte > 1) {
                    let (row, byte) = (at + index, bytes[index]);
                    return Err(
                        format!("{name}: the byte {byte} in row {row} is no bool: 0 is false, 1 is true").into()
                    );
                }
                Array::Bool(bytes.into_iter().map(|byte| byte == 1).collect())
            }
        };
        Ok(to_arrow(values, None))
    }
}

impl RawSource {
    /// Maps the files; each has a name for formulas, its path and its elements.
    pub fn open(files: &[(String, &Path, Elem)]) -> Result<RawSource, Fault> {
        let mut columns: Vec<ColumnInfo> = Vec::new();
        let mut mapped: Vec<(Mapped, String)> = Vec::new();
        for (name, path, elem) in files {
            let file = Mapped::open(path, *elem)?;
            if columns.iter().any(|column| column.name == *name) {
                return Err(format!("two files are named `{name}`: write -i NAME=FILE for one of them").into());
            }
            if let Some((first, shown)) = mapped.first()
                && first.len() != file.len()
            {
                return Err(format!(
                    "{} has {} rows, but {shown} has {}: all columns must have one length",
                    path.display(),
                    file.len(),
                    first.len()
                )
                .into());
            }
            columns.push(ColumnInfo { name: name.clone(), kind: Kind::Arrow(data_type_of(*elem)) });
            mapped.push((file, path.display().to_string()));
        }
        let rows = mapped.first().map_or(0, |(file, _)| file.len());
        Ok(RawSource { columns, files: mapped, rows, at: 0, wanted: Wanted::default() })
    }
}

impl Source for RawSource {
    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn want(&mut self, wanted: &Wanted, _: Elem) -> Result<(), Fault> {
        self.wanted = wanted.clone();
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Batch>, Fault> {
        let rows = ROWS.min(self.rows - self.at);
        if rows == 0 {
            return Ok(None);
        }
        let column = |index: &usize| {
            let (file, name) = &self.files[*index];
            file.rows(name, self.at, rows)
        };
        let used: Vec<ArrayRef> = self.wanted.used.iter().map(column).collect::<Result<_, _>>()?;
        let known = |index: &usize| match self.wanted.used.iter().position(|used| used == index) {
            Some(at) => Ok(used[at].clone()),
            None => column(index),
        };
        let kept = self.wanted.kept.iter().map(known).collect::<Result<_, _>>()?;
        let first = self.at as u64;
        self.at += rows;
        Ok(Some(Batch { used, kept, rows, first, ..Batch::default() }))
    }

    fn extent(&self) -> Option<Extent> {
        Some(Extent::Rows(self.rows as u64))
    }

    fn done(&self) -> u64 {
        self.at as u64
    }
}
