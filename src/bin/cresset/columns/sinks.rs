//! Where tables go: CSV, Parquet, Arrow and raw files.

use super::cells_text::write_cell;
use super::format::Format;
use super::safe_file::{SafeFile, fault};
use super::table::{Fault, Sink};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use cresset::Elem;
use cresset::arrow::ArrowColumn;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A column to write: its name and type.
pub type OutColumn = (String, DataType);

/// Where to write to, as the command line said.
#[derive(Clone, Debug)]
pub enum Target {
    /// A table.
    Table(PathBuf, Format),
    /// A raw file for each column, in their order.
    Raw(Vec<(PathBuf, Elem)>),
}

impl Target {
    /// Whether cells are written as text.
    pub fn is_text(&self) -> bool {
        matches!(self, Target::Table(_, format) if format.is_text())
    }

    /// Begins to write.
    pub fn open(&self, columns: &[OutColumn], delimiter: u8) -> Result<Box<dyn Sink>, Fault> {
        match self {
            Target::Table(path, Format::Csv) => csv(path, columns, delimiter),
            Target::Table(path, Format::Tsv) => csv(path, columns, b'\t'),
            Target::Table(path, Format::Parquet) => {
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                let schema = schema(columns);
                let writer = ArrowWriter::try_new(SafeFile::create(path)?, schema.clone(), Some(properties))
                    .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
                Ok(Box::new(ParquetSink { writer, schema, name: path.display().to_string() }))
            }
            Target::Table(path, Format::Arrow) => {
                let wrong = |error| format!("cannot write {}: {error}", path.display());
                let schema = schema(columns);
                let is_stream = path == Path::new("-") || path.extension().is_some_and(|e| e == "arrows");
                let file = SafeFile::create(path)?;
                let writer = match is_stream {
                    true => ArrowOut::Stream(StreamWriter::try_new(file, &schema).map_err(wrong)?),
                    false => ArrowOut::File(FileWriter::try_new(file, &schema).map_err(wrong)?),
                };
                Ok(Box::new(ArrowSink { writer, schema, name: path.display().to_string() }))
            }
            Target::Table(path, Format::Raw(elem)) => raw(&[(path.clone(), *elem)]),
            Target::Raw(files) => raw(files),
        }
    }
}

/// Refuses columns that raw files do not hold as they are.
pub fn raw_types(target: &Target, columns: &[OutColumn]) -> Result<(), Fault> {
    let Target::Raw(files) = target else { return Ok(()) };
    for ((path, elem), (name, data_type)) in files.iter().zip(columns) {
        if cresset::arrow::data_type_of(*elem) != *data_type {
            let name = cresset::diagnostic::cut(name);
            return Err(format!("`{name}` is {data_type}, but {} holds {elem}", path.display()).into());
        }
    }
    Ok(())
}

fn schema(columns: &[OutColumn]) -> SchemaRef {
    let field = |(name, data_type): &OutColumn| Field::new(name, data_type.clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<Field>>()))
}

fn batch(schema: &SchemaRef, columns: &[ArrayRef], rows: usize, name: &str) -> Result<RecordBatch, Fault> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns.to_vec(), &options)
        .map_err(|error| format!("cannot write {name}: {error}").into())
}

struct CsvSink {
    writer: csv::Writer<SafeFile>,
    /// The header, until it is written: with the first rows, or in the end.
    titles: Vec<String>,
    name: String,
    cell: Vec<u8>,
}

fn csv(path: &Path, columns: &[OutColumn], delimiter: u8) -> Result<Box<dyn Sink>, Fault> {
    for (name, data_type) in columns {
        if !super::cells_text::is_writable(data_type) {
            let name = cresset::diagnostic::cut(name);
            return Err(format!(
                "column `{name}` has the type {data_type}, which CSV cannot hold: leave it out with --keep, or write .parquet"
            )
            .into());
        }
    }
    let file = SafeFile::create(path)?;
    let writer = csv::WriterBuilder::new().delimiter(delimiter).buffer_capacity(1 << 16).from_writer(file);
    let titles = columns.iter().map(|(name, _)| name.clone()).collect();
    Ok(Box::new(CsvSink { writer, titles, name: path.display().to_string(), cell: Vec::new() }))
}

impl CsvSink {
    fn fault(&self, error: csv::Error) -> Fault {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => fault(&self.name, error),
            other => format!("cannot write {}: {other:?}", self.name).into(),
        }
    }

    fn header(&mut self) -> Result<(), Fault> {
        let titles = std::mem::take(&mut self.titles);
        if titles.is_empty() {
            return Ok(());
        }
        for title in titles {
            self.writer.write_field(title).map_err(|error| self.fault(error))?;
        }
        self.end_row()
    }

    fn end_row(&mut self) -> Result<(), Fault> {
        self.writer.write_record(None::<&[u8]>).map_err(|error| self.fault(error))
    }
}

impl Sink for CsvSink {
    fn write(&mut self, columns: &[ArrayRef], rows: usize) -> Result<(), Fault> {
        self.header()?;
        for row in 0..rows {
            for column in columns {
                self.cell.clear();
                write_cell(&mut self.cell, column, row);
                self.writer.write_field(&self.cell).map_err(|error| self.fault(error))?;
            }
            if !columns.is_empty() {
                self.end_row()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Fault> {
        self.header()?;
        let name = self.name;
        let file = self.writer.into_inner().map_err(|error| fault(&name, error.into_error()))?;
        file.finish()
    }
}

struct ParquetSink {
    writer: ArrowWriter<SafeFile>,
    schema: SchemaRef,
    name: String,
}

impl Sink for ParquetSink {
    fn write(&mut self, columns: &[ArrayRef], rows: usize) -> Result<(), Fault> {
        let batch = batch(&self.schema, columns, rows, &self.name)?;
        self.writer.write(&batch).map_err(|error| format!("cannot write {}: {error}", self.name))?;
        // What waits to be written takes memory: many columns make groups of fewer rows.
        if self.writer.in_progress_size() > 64 << 20 {
            self.writer.flush().map_err(|error| format!("cannot write {}: {error}", self.name))?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Fault> {
        let name = self.name;
        let file = self.writer.into_inner().map_err(|error| format!("cannot write {name}: {error}"))?;
        file.finish()
    }
}

enum ArrowOut {
    File(FileWriter<SafeFile>),
    Stream(StreamWriter<SafeFile>),
}

struct ArrowSink {
    writer: ArrowOut,
    schema: SchemaRef,
    name: String,
}

impl Sink for ArrowSink {
    fn write(&mut self, columns: &[ArrayRef], rows: usize) -> Result<(), Fault> {
        let batch = batch(&self.schema, columns, rows, &self.name)?;
        let written = match &mut self.writer {
            ArrowOut::File(writer) => writer.write(&batch),
            ArrowOut::Stream(writer) => writer.write(&batch),
        };
        written.map_err(|error| format!("cannot write {}: {error}", self.name).into())
    }

    fn finish(self: Box<Self>) -> Result<(), Fault> {
        let name = self.name;
        let file = match self.writer {
            ArrowOut::File(writer) => writer.into_inner(),
            ArrowOut::Stream(writer) => writer.into_inner(),
        };
        file.map_err(|error| format!("cannot write {name}: {error}"))?.finish()
    }
}

struct RawSink {
    files: Vec<(SafeFile, Elem, String)>,
    rows: u64,
}

fn raw(files: &[(PathBuf, Elem)]) -> Result<Box<dyn Sink>, Fault> {
    let open = |(path, elem): &(PathBuf, Elem)| -> Result<(SafeFile, Elem, String), Fault> {
        Ok((SafeFile::create(path)?, *elem, path.display().to_string()))
    };
    Ok(Box::new(RawSink { files: files.iter().map(open).collect::<Result<_, _>>()?, rows: 0 }))
}

impl Sink for RawSink {
    fn write(&mut self, columns: &[ArrayRef], rows: usize) -> Result<(), Fault> {
        for ((file, elem, name), column) in self.files.iter_mut().zip(columns) {
            if let Some(nulls) = column.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
                let row = self.rows + nulls.iter().position(|there| !there).unwrap_or_default() as u64;
                return Err(format!(
                    "cannot write {name}: row {row} of the output is missing, and raw files have no missing values (write .csv, .parquet or .arrow, or --on-error skip)"
                )
                .into());
            }
            let data = ArrowColumn::new(column).map_err(|error| format!("cannot write {name}: {error}"))?;
            debug_assert_eq!(data.slice().elem(), *elem);
            file.write_all(&data.to_le_bytes()).map_err(|error| fault(name, error))?;
        }
        self.rows += rows as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Fault> {
        self.files.into_iter().try_for_each(|(file, _, _)| file.finish())
    }
}
