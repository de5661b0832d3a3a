//! CSV as a table: types from the first rows, every cell that does not fit told with its line and column.

use super::args::OnError;
use super::csv_cells::{Cell, Guess, Missing, Store};
use super::table::{Batch, ColumnInfo, Extent, Fault, Kind, Place, ROWS, Source, Wanted};
use arrow_array::ArrayRef;
use arrow_schema::DataType;
use cresset::Elem;
use cresset::diagnostic::cut;
use csv::{ByteRecord, Reader, ReaderBuilder};
use std::cell::Cell as Shared;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

/// Rows that types are guessed from.
const SAMPLE: usize = 10_000;
/// Bytes of cells in a piece, about.
const PIECE: usize = 8 << 20;
/// The longest row: one whose quote is never closed would else be all that follows.
const LONGEST: u64 = 64 << 20;
/// The most columns.
const WIDEST: usize = 100_000;

/// What the command line says about a CSV.
pub struct CsvOptions {
    pub delimiter: u8,
    pub header: bool,
    pub missing: Vec<String>,
    pub on_error: OnError,
    /// Types by column, instead of guesses.
    pub types: Vec<String>,
}

/// Counts what is read, and ends a row that does not.
///
/// Behind the input's end comes a row of one cell, a mark. If it is part of a row before, that row has a quote that is not closed: the reader itself closes
/// it at the end without a word.
struct Counted {
    input: Box<dyn Read>,
    read: Rc<Shared<u64>>,
    limit: Rc<Shared<u64>>,
    mark: u8,
    ended: Rc<Shared<bool>>,
}

/// Bytes that the mark and the end of the line before it take.
const MARK: u64 = 2;

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.get() > self.limit.get() {
            return Err(io::Error::other(format!(
                "a row is longer than {} MiB: is a quote not closed?",
                LONGEST >> 20
            )));
        }
        let count = self.input.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        if let (0, false, [end, mark, ..]) = (count, self.ended.get(), buffer) {
            (*end, *mark) = (b'\n', self.mark);
            self.ended.set(true);
            return Ok(MARK as usize);
        }
        Ok(count)
    }
}

/// Rows of text.
pub struct CsvSource {
    name: String,
    reader: Reader<Counted>,
    read: Rc<Shared<u64>>,
    limit: Rc<Shared<u64>>,
    ended: Rc<Shared<bool>>,
    mark: u8,
    size: Option<u64>,
    columns: Vec<ColumnInfo>,
    /// Rows that were read for their types, and wait.
    sample: VecDeque<ByteRecord>,
    missing: Missing,
    on_error: OnError,
    /// What is made of each row: a column, and how its cells are kept.
    stores: Vec<(usize, Store)>,
    used: Vec<usize>,
    kept: Vec<usize>,
    row: u64,
    record: ByteRecord,
}

impl CsvSource {
    /// Reads the header and the first rows. `size` is that of the input, where it has one.
    pub fn open(name: &str, input: Box<dyn Read>, size: Option<u64>, options: &CsvOptions) -> Result<CsvSource, Fault> {
        let (read, limit) = (Rc::new(Shared::new(0)), Rc::new(Shared::new(LONGEST)));
        let ended = Rc::new(Shared::new(false));
        let mark = if options.delimiter == b'.' { b',' } else { b'.' };
        let counted = Counted { input, read: read.clone(), limit: limit.clone(), mark, ended: ended.clone() };
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(options.delimiter).buffer_capacity(1 << 17);
        let mut source = CsvSource {
            name: name.to_owned(),
            reader: builder.from_reader(counted),
            read,
            limit,
            ended,
            mark,
            size,
            columns: Vec::new(),
            sample: VecDeque::new(),
            missing: Missing::new(&options.missing),
            on_error: options.on_error,
            stores: Vec::new(),
            used: Vec::new(),
            kept: Vec::new(),
            row: 0,
            record: ByteRecord::new(),
        };
        let mut first = ByteRecord::new();
        if !source.read_record(&mut first)? {
            let rows = if options.header { "a header line with the columns' names" } else { "rows" };
            return Err(format!("{name} is empty: {rows} must stand there").into());
        }
        if first.as_slice().starts_with(&[0xff, 0xfe]) || first.as_slice().starts_with(&[0xfe, 0xff]) {
            return Err(format!("{name} is UTF-16: write it as UTF-8 first").into());
        }
        if first.len() > WIDEST {
            return Err(format!("{name} has {} columns, more than {WIDEST}", first.len()).into());
        }
        let header = |(i, cell): (usize, &[u8])| match options.header {
            true => String::from_utf8_lossy(cell).into_owned(),
            false => format!("c{}", i + 1),
        };
        let headers: Vec<String> = first.iter().enumerate().map(header).collect();
        if !options.header {
            source.sample.push_back(first);
        }
        let mut bytes = 0;
        while source.sample.len() < SAMPLE && bytes < PIECE {
            let mut record = ByteRecord::new();
            if !source.read_record(&mut record)? {
                break;
            }
            bytes += record.as_slice().len();
            source.sample.push_back(record);
        }
        source.guess(headers, &options.types)?;
        Ok(source)
    }

    fn guess(&mut self, headers: Vec<String>, types: &[String]) -> Result<(), Fault> {
        let mut guesses = vec![Guess::default(); headers.len()];
        for record in &self.sample {
            for (guess, cell) in guesses.iter_mut().zip(record) {
                guess.see(cell, &self.missing);
            }
        }
        let info = |(name, guess): (String, Guess)| ColumnInfo { name, kind: guess.kind() };
        self.columns = headers.into_iter().zip(guesses).map(info).collect();
        for word in types {
            let wrong = || format!("`{}`: write --type COLUMN=TYPE, the type f64, i64, bool or text", cut(word));
            let (name, ty) = word.rsplit_once('=').ok_or_else(wrong)?;
            let data_type = match ty {
                "f64" => DataType::Float64,
                "i64" => DataType::Int64,
                "bool" => DataType::Boolean,
                "text" => DataType::Utf8,
                _ => return Err(wrong().into()),
            };
            let number = name.strip_prefix('#').and_then(|number| number.parse::<usize>().ok());
            let mut any = false;
            for (i, column) in self.columns.iter_mut().enumerate() {
                if column.name == name || number == Some(i + 1) {
                    (column.kind, any) = (Kind::Arrow(data_type.clone()), true);
                }
            }
            if !any {
                return Err(format!("--type: {} has no column `{}`", self.name, cut(name)).into());
            }
        }
        Ok(())
    }

    fn read_record(&mut self, record: &mut ByteRecord) -> Result<bool, Fault> {
        self.limit.set(self.reader.position().byte() + LONGEST);
        match self.reader.read_byte_record(record) {
            Ok(true) if self.ended.get() && self.reader.position().byte() == self.read.get() + MARK => {
                if record.len() == 1 && record.as_slice() == [self.mark] {
                    return Ok(false);
                }
                let line = record.position().map_or(0, csv::Position::line);
                Err(format!("{}, line {line}: a quote in the row that starts there is not closed", self.name).into())
            }
            Ok(any) => Ok(any),
            Err(error) => {
                let line = self.reader.position().line();
                let error = match error.into_kind() {
                    csv::ErrorKind::Io(error) => error.to_string(),
                    other => format!("{other:?}"),
                };
                Err(format!("cannot read {}, line {line}: {error}", self.name).into())
            }
        }
    }

    /// Takes a row into the stores; false where it is left out.
    fn take(&mut self, record: &ByteRecord, place: Place, batch: &mut Batch) -> Result<bool, Fault> {
        let (cells, columns) = (record.len(), self.columns.len());
        if cells != columns {
            match self.on_error {
                OnError::Fail => {
                    return Err(format!(
                        "{}, line {}: {cells} {}, but there {}",
                        self.name,
                        place.line,
                        if cells == 1 { "cell" } else { "cells" },
                        if columns == 1 { "is 1 column".to_owned() } else { format!("are {columns} columns") }
                    )
                    .into());
                }
                OnError::Null => batch.nulled += 1,
                OnError::Skip => return Ok(false),
            }
        }
        for at in 0..self.stores.len() {
            let (column, store) = &mut self.stores[at];
            let cell = record.get(*column).unwrap_or_default();
            match store.push(cell, &self.missing) {
                Cell::Taken => {}
                Cell::Bad(wanted) => match self.on_error {
                    OnError::Fail => {
                        let (cell, header) = (String::from_utf8_lossy(cell), &self.columns[*column].name);
                        return Err(format!(
                            "{}, line {}, column `{}`: `{}` is no {wanted}{}",
                            self.name,
                            place.line,
                            cut(header),
                            cut(&cell),
                            hint(wanted, header, place.row)
                        )
                        .into());
                    }
                    OnError::Null => {
                        store.push_missing();
                        batch.nulled += 1;
                    }
                    OnError::Skip => {
                        self.stores[..at].iter_mut().for_each(|(_, store)| store.pop());
                        return Ok(false);
                    }
                },
            }
        }
        Ok(true)
    }
}

/// What to do about a cell that its column's first rows did not announce.
fn hint(wanted: &str, header: &str, row: u64) -> String {
    if wanted == "UTF-8" || row < SAMPLE as u64 {
        return String::new();
    }
    let other = if wanted == "i64" { "f64" } else { "text" };
    format!(
        " (the type is guessed from the first {SAMPLE} rows: say --type '{}={other}', or --on-error null)",
        cut(header)
    )
}

impl Source for CsvSource {
    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn want(&mut self, wanted: &Wanted, unknown: Elem) -> Result<(), Fault> {
        let unknown = cresset::arrow::data_type_of(unknown);
        self.stores.clear();
        let mut place = |column: usize, store: Store| {
            let same = |(other, known): &(usize, Store)| *other == column && known.is_like(&store);
            match self.stores.iter().position(same) {
                Some(at) => at,
                None => {
                    self.stores.push((column, store));
                    self.stores.len() - 1
                }
            }
        };
        let typed = |column: usize, unknown: &DataType| match &self.columns[column].kind {
            Kind::Arrow(data_type) => Store::typed(data_type),
            Kind::Unknown => Store::typed(unknown),
        };
        self.used = wanted.used.iter().map(|column| place(*column, typed(*column, &unknown))).collect();
        let kept = |column: usize| match wanted.as_text {
            true => Store::as_it_is(),
            false => typed(column, &DataType::Utf8),
        };
        self.kept = wanted.kept.iter().map(|column| place(*column, kept(*column))).collect();
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Batch>, Fault> {
        let mut batch = Batch { first: self.row, ..Batch::default() };
        let mut places = Vec::new();
        let mut bytes = 0;
        let mut record = std::mem::take(&mut self.record);
        let mut any = false;
        while places.len() < ROWS && bytes < PIECE {
            match self.sample.pop_front() {
                Some(waiting) => record = waiting,
                None if !self.read_record(&mut record)? => break,
                None => {}
            }
            any = true;
            let line = record.position().map_or(0, csv::Position::line);
            let place = Place { row: self.row, line };
            self.row += 1;
            bytes += record.as_slice().len() + 1;
            if self.take(&record, place, &mut batch)? {
                places.push(place);
            } else {
                batch.skipped += 1;
            }
        }
        self.record = record;
        if !any {
            return Ok(None);
        }
        batch.rows = places.len();
        batch.places = Some(places);
        let arrays: Vec<ArrayRef> = self.stores.iter_mut().map(|(_, store)| store.take()).collect();
        batch.used = self.used.iter().map(|at| arrays[*at].clone()).collect();
        batch.kept = self.kept.iter().map(|at| arrays[*at].clone()).collect();
        Ok(Some(batch))
    }

    fn extent(&self) -> Option<Extent> {
        self.size.map(Extent::Bytes)
    }

    fn done(&self) -> u64 {
        self.read.get()
    }
}
