//! Parquet and Arrow files as tables.

use super::table::{Batch, ColumnInfo, Extent, Fault, Kind, ROWS, Source, Wanted};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use cresset::Elem;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A table in an Arrow schema.
pub struct ArrowSource {
    name: String,
    columns: Vec<ColumnInfo>,
    reader: Reader,
    /// Where each wanted column stands in what the reader gives.
    used: Vec<usize>,
    kept: Vec<usize>,
    extent: Option<Extent>,
    rows: u64,
    /// What was read and is not yet given.
    waiting: Option<RecordBatch>,
}

enum Reader {
    /// Until it is known which columns are wanted.
    Parquet(Option<Box<ParquetRecordBatchReaderBuilder<File>>>),
    Rows(Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>),
}

/// The readers of these formats trust a file that passes their checks, and may panic on one that is damaged all the same.
fn guarded<T, E: Into<Fault>>(name: &str, read: impl FnOnce() -> Result<T, E>) -> Result<T, Fault> {
    match quietly(read) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(format!("cannot read {name}: {}", error.into()).into()),
        None => Err(format!("cannot read {name}: the file is damaged").into()),
    }
}

/// Catches a panic without a word on standard error.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(work)).ok();
    std::panic::set_hook(hook);
    outcome
}

impl ArrowSource {
    /// A Parquet file.
    pub fn parquet(name: &str, file: File) -> Result<ArrowSource, Fault> {
        let builder = guarded(name, || ParquetRecordBatchReaderBuilder::try_new(file))?;
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
        let schema = builder.schema().clone();
        let reader = Reader::Parquet(Some(Box::new(builder)));
        Ok(ArrowSource::new(name, &schema, reader, rows.map(Extent::Rows)))
    }

    /// An Arrow file, or a stream in a file.
    pub fn arrow(name: &str, mut file: File) -> Result<ArrowSource, Fault> {
        let mut magic = [0; 6];
        let is_file = file.read_exact(&mut magic).is_ok() && &magic == b"ARROW1";
        file.seek(SeekFrom::Start(0)).map_err(|error| format!("cannot read {name}: {error}"))?;
        if !is_file {
            return ArrowSource::arrow_stream(name, BufReader::new(file));
        }
        let reader = guarded(name, || FileReader::try_new_buffered(file, None))?;
        let schema = reader.schema();
        Ok(ArrowSource::new(name, &schema, Reader::Rows(Box::new(reader)), None))
    }

    /// An Arrow stream.
    pub fn arrow_stream(name: &str, input: impl Read + 'static) -> Result<ArrowSource, Fault> {
        let reader = guarded(name, || StreamReader::try_new(input, None))?;
        let schema = reader.schema();
        Ok(ArrowSource::new(name, &schema, Reader::Rows(Box::new(reader)), None))
    }

    fn new(name: &str, schema: &SchemaRef, reader: Reader, extent: Option<Extent>) -> ArrowSource {
        let info = |field: &std::sync::Arc<arrow_schema::Field>| ColumnInfo {
            name: field.name().clone(),
            kind: Kind::Arrow(field.data_type().clone()),
        };
        let columns = schema.fields().iter().map(info).collect();
        let (used, kept) = (Vec::new(), Vec::new());
        ArrowSource { name: name.to_owned(), columns, reader, used, kept, extent, rows: 0, waiting: None }
    }
}

impl Source for ArrowSource {
    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn want(&mut self, wanted: &Wanted, _: Elem) -> Result<(), Fault> {
        (self.used, self.kept) = (wanted.used.clone(), wanted.kept.clone());
        if let Reader::Parquet(builder) = &mut self.reader
            && let Some(builder) = builder.take()
        {
            let mut roots: Vec<usize> = wanted.used.iter().chain(&wanted.kept).copied().collect();
            roots.sort_unstable();
            roots.dedup();
            // Only these are read; they come in the file's order.
            let place = |index: &usize| roots.binary_search(index).unwrap_or_default();
            self.used = wanted.used.iter().map(place).collect();
            self.kept = wanted.kept.iter().map(place).collect();
            let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
            let build = || builder.with_projection(mask).with_batch_size(ROWS).build();
            let reader: ParquetRecordBatchReader = guarded(&self.name, build)?;
            debug_assert_eq!(reader.schema().fields().len(), roots.len());
            self.reader = Reader::Rows(Box::new(reader));
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Batch>, Fault> {
        let Reader::Rows(reader) = &mut self.reader else { return Ok(None) };
        let batch = match self.waiting.take() {
            Some(batch) => batch,
            None => loop {
                match guarded(&self.name, || reader.next().transpose())? {
                    None => return Ok(None),
                    Some(batch) if batch.num_rows() == 0 => {}
                    Some(batch) => break batch,
                }
            },
        };
        let rows = batch.num_rows().min(ROWS);
        if rows < batch.num_rows() {
            self.waiting = Some(batch.slice(rows, batch.num_rows() - rows));
        }
        let column = |index: &usize| -> Result<ArrayRef, Fault> {
            let column = batch.columns().get(*index);
            Ok(column.ok_or_else(|| format!("cannot read {}: a column is missing", self.name))?.slice(0, rows))
        };
        let used = self.used.iter().map(column).collect::<Result<_, _>>()?;
        let kept = self.kept.iter().map(column).collect::<Result<_, _>>()?;
        let first = self.rows;
        self.rows += rows as u64;
        Ok(Some(Batch { used, kept, rows, first, ..Batch::default() }))
    }

    fn extent(&self) -> Option<Extent> {
        self.extent
    }

    fn done(&self) -> u64 {
        self.rows
    }
}
