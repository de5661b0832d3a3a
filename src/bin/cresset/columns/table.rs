//! Pieces of a table on their way from a source to a sink.

use arrow_array::ArrayRef;
use arrow_schema::DataType;
use cresset::Elem;
use std::error::Error as StdError;

/// Any error of reading or writing, with its whole story.
pub type Fault = Box<dyn StdError + Send + Sync>;

/// How many rows a piece has at most.
pub const ROWS: usize = 1 << 14;

/// A column of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnInfo {
    /// Its name in the file.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// An Arrow type.
    Arrow(DataType),
    /// Cells of a CSV whose first rows are all empty, or that has none: of any type.
    Unknown,
}

impl Kind {
    /// What formulas see; `None` where they cannot use it, or where it fits any.
    pub fn elem(&self) -> Option<Elem> {
        match self {
            Kind::Arrow(data_type) => cresset::arrow::elem_of(data_type),
            Kind::Unknown => None,
        }
    }

    /// Its name in messages.
    pub fn shown(&self) -> String {
        match self {
            Kind::Arrow(DataType::Binary | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
                "text".to_owned()
            }
            Kind::Arrow(other) => match cresset::arrow::elem_of(other) {
                Some(elem) => elem.to_string(),
                None => other.to_string(),
            },
            Kind::Unknown => "unknown: it has no values".to_owned(),
        }
    }

    /// Its type in a written file.
    pub fn data_type(&self) -> DataType {
        match self {
            Kind::Arrow(data_type) => data_type.clone(),
            Kind::Unknown => DataType::Utf8,
        }
    }
}

/// Some rows of a table.
#[derive(Debug, Default)]
pub struct Batch {
    /// The columns that formulas use, in the order they were asked for.
    pub used: Vec<ArrayRef>,
    /// The columns that are written, likewise.
    pub kept: Vec<ArrayRef>,
    pub rows: usize,
    /// The number of the first row.
    pub first: u64,
    /// Where each row comes from, in formats with lines.
    pub places: Option<Vec<Place>>,
    /// Rows that could not be read and are left out.
    pub skipped: u64,
    /// Cells that could not be read and are missing.
    pub nulled: u64,
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its number, from 0.
    pub row: u64,
    /// The line it starts on, from 1.
    pub line: u64,
}

impl Batch {
    /// The number of a row of this piece in the whole table.
    pub fn row(&self, index: usize) -> u64 {
        match self.places.as_ref().and_then(|places| places.get(index)) {
            Some(place) => place.row,
            None => self.first + index as u64,
        }
    }

    /// The line a row starts on, in formats with lines.
    pub fn line(&self, index: usize) -> Option<u64> {
        Some(self.places.as_ref()?.get(index)?.line)
    }
}

/// Which columns a command wants of a source, and for what.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// For formulas.
    pub used: Vec<usize>,
    /// To write.
    pub kept: Vec<usize>,
    /// Whether what is written is text, and may stay as it was.
    pub as_text: bool,
}

/// How far a source has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Rows(u64),
    Bytes(u64),
}

/// Gives a table piece by piece.
pub trait Source {
    /// The columns there are.
    fn columns(&self) -> &[ColumnInfo];
    /// Says which are wanted; called once, before the first piece. Columns of unknown type that formulas use get these.
    fn want(&mut self, wanted: &Wanted, unknown: Elem) -> Result<(), Fault>;
    /// The next rows; none at the end.
    fn next(&mut self) -> Result<Option<Batch>, Fault>;
    /// How much there is in all, if that is known.
    fn extent(&self) -> Option<Extent>;
    /// How much of that was read.
    fn done(&self) -> u64;
}

/// Takes a table piece by piece.
pub trait Sink {
    /// Some rows; as many in each column.
    fn write(&mut self, columns: &[ArrayRef], rows: usize) -> Result<(), Fault>;
    /// There are no more: what was written becomes visible.
    fn finish(self: Box<Self>) -> Result<(), Fault>;
}
