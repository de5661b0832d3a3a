//! Cells of CSV as values.

use super::table::Kind;
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::DataType;
use std::sync::Arc;

/// Which texts stand for a missing value.
#[derive(Clone, Debug)]
pub struct Missing(Vec<Vec<u8>>);

impl Missing {
    /// The empty text, and these.
    pub fn new(texts: &[String]) -> Missing {
        Missing(texts.iter().map(|text| text.trim().as_bytes().to_vec()).collect())
    }

    fn is(&self, cell: &[u8]) -> bool {
        cell.is_empty() || self.0.iter().any(|text| text == cell)
    }
}

/// What a column's cells look like so far.
#[derive(Clone, Copy, Debug)]
pub struct Guess {
    any: bool,
    i64: bool,
    f64: bool,
    bool: bool,
}

impl Default for Guess {
    fn default() -> Guess {
        Guess { any: false, i64: true, f64: true, bool: true }
    }
}

impl Guess {
    /// Takes a cell into account.
    pub fn see(&mut self, cell: &[u8], missing: &Missing) {
        let cell = cell.trim_ascii();
        if missing.is(cell) {
            return;
        }
        self.any = true;
        let digits = cell.strip_prefix(b"-").or(cell.strip_prefix(b"+")).unwrap_or(cell);
        let whole = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        // `007` is a name that is made of digits; one too large for an `i64` would lose some as an `f64`.
        let a_name = whole && ((digits.len() > 1 && digits[0] == b'0') || parse_i64(cell).is_none());
        self.bool &= parse_bool(cell).is_some();
        self.i64 &= whole && !a_name;
        self.f64 &= !a_name && parse_f64(cell).is_some();
    }

    /// The type of such a column.
    pub fn kind(self) -> Kind {
        match self {
            Guess { any: false, .. } => Kind::Unknown,
            Guess { i64: true, .. } => Kind::Arrow(DataType::Int64),
            Guess { f64: true, .. } => Kind::Arrow(DataType::Float64),
            Guess { bool: true, .. } => Kind::Arrow(DataType::Boolean),
            _ => Kind::Arrow(DataType::Utf8),
        }
    }
}

fn parse_i64(cell: &[u8]) -> Option<i64> {
    str::from_utf8(cell).ok()?.parse().ok()
}

fn parse_f64(cell: &[u8]) -> Option<f64> {
    let value: f64 = str::from_utf8(cell).ok()?.parse().ok()?;
    // A NaN has one form here.
    Some(if value.is_nan() { f64::NAN } else { value })
}

fn parse_bool(cell: &[u8]) -> Option<bool> {
    match cell {
        b"true" | b"TRUE" | b"True" => Some(true),
        b"false" | b"FALSE" | b"False" => Some(false),
        _ => None,
    }
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Taken,
    /// It is none of what is wanted; nothing was taken.
    Bad(&'static str),
}

/// The cells of one column, on their way into an array.
#[derive(Debug)]
pub enum Store {
    F64(Vec<f64>, Bits),
    I64(Vec<i64>, Bits),
    Bool(Vec<bool>, Bits),
    Text(Texts, Bits),
    /// Bytes as they stand in the file.
    Raw(Texts),
}

/// Which cells are there.
#[derive(Debug, Default)]
pub struct Bits {
    there: Vec<bool>,
    any_missing: bool,
}

/// Texts one after the other.
#[derive(Debug)]
pub struct Texts {
    bytes: Vec<u8>,
    ends: Vec<i32>,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts { bytes: Vec::new(), ends: vec![0] }
    }
}

impl Texts {
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        // A piece is far smaller than this can count: it ends a row after its limit, and a row has one, too.
        self.ends.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
    }

    fn pop(&mut self) {
        if self.ends.len() > 1 {
            self.ends.pop();
            self.bytes.truncate(self.ends.last().copied().unwrap_or(0) as usize);
        }
    }

    fn take(&mut self) -> BinaryArray {
        let Texts { bytes, ends } = std::mem::take(self);
        BinaryArray::new(OffsetBuffer::new(ends.into()), Buffer::from_vec(bytes), None)
    }
}

impl Bits {
    fn push(&mut self, there: bool) {
        self.there.push(there);
        self.any_missing |= !there;
    }

    fn take(&mut self) -> Option<NullBuffer> {
        let Bits { there, any_missing } = std::mem::take(self);
        any_missing.then(|| {
            let mut bits = BooleanBufferBuilder::new(there.len());
            bits.append_slice(&there);
            NullBuffer::new(bits.finish())
        })
    }
}

impl Store {
    /// For values of a type; what is no number or `bool` is text.
    pub fn typed(data_type: &DataType) -> Store {
        match data_type {
            DataType::Float64 => Store::F64(Vec::new(), Bits::default()),
            DataType::Int64 => Store::I64(Vec::new(), Bits::default()),
            DataType::Boolean => Store::Bool(Vec::new(), Bits::default()),
            _ => Store::Text(Texts::default(), Bits::default()),
        }
    }

    /// For cells as they stand in the file.
    pub fn as_it_is() -> Store {
        Store::Raw(Texts::default())
    }

    /// Whether it makes the same of each cell.
    pub fn is_like(&self, other: &Store) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Takes a cell.
    pub fn push(&mut self, cell: &[u8], missing: &Missing) -> Cell {
        let trimmed = cell.trim_ascii();
        match self {
            Store::Raw(texts) => {
                texts.push(cell);
                return Cell::Taken;
            }
            _ if missing.is(trimmed) => self.push_missing(),
            Store::F64(values, bits) => {
                let Some(value) = parse_f64(trimmed) else { return Cell::Bad("f64") };
                values.push(value);
                bits.push(true);
            }
            Store::I64(values, bits) => {
                let Some(value) = parse_i64(trimmed) else { return Cell::Bad("i64") };
                values.push(value);
                bits.push(true);
            }
            Store::Bool(values, bits) => {
                let Some(value) = parse_bool(trimmed) else { return Cell::Bad("bool") };
                values.push(value);
                bits.push(true);
            }
            Store::Text(texts, bits) => {
                if str::from_utf8(cell).is_err() {
                    return Cell::Bad("UTF-8");
                }
                texts.push(cell);
                bits.push(true);
            }
        }
        Cell::Taken
    }

    /// Takes a missing value.
    pub fn push_missing(&mut self) {
        let bits = match self {
            Store::F64(values, bits) => {
                values.push(0.0);
                bits
            }
            Store::I64(values, bits) => {
                values.push(0);
                bits
            }
            Store::Bool(values, bits) => {
                values.push(false);
                bits
            }
            Store::Text(texts, bits) => {
                texts.push(b"");
                bits
            }
            Store::Raw(texts) => return texts.push(b""),
        };
        bits.push(false);
    }

    /// Forgets the last cell.
    pub fn pop(&mut self) {
        let bits = match self {
            Store::F64(values, bits) => {
                values.pop();
                bits
            }
            Store::I64(values, bits) => {
                values.pop();
                bits
            }
            Store::Bool(values, bits) => {
                values.pop();
                bits
            }
            Store::Text(texts, bits) => {
                texts.pop();
                bits
            }
            Store::Raw(texts) => return texts.pop(),
        };
        bits.there.pop();
    }

    /// The cells so far as an array; none afterwards.
    pub fn take(&mut self) -> ArrayRef {
        match self {
            Store::F64(values, bits) => Arc::new(Float64Array::new(std::mem::take(values).into(), bits.take())),
            Store::I64(values, bits) => Arc::new(Int64Array::new(std::mem::take(values).into(), bits.take())),
            Store::Bool(values, bits) => Arc::new(BooleanArray::new(std::mem::take(values).into(), bits.take())),
            Store::Raw(texts) => Arc::new(texts.take()),
            Store::Text(texts, bits) => {
                let (offsets, values, _) = texts.take().into_parts();
                // Each cell was looked at; should that be wrong, the array is empty text, not a fault.
                match StringArray::try_new(offsets.clone(), values, bits.take()) {
                    Ok(array) => Arc::new(array),
                    Err(_) => Arc::new(StringArray::new_null(offsets.len().saturating_sub(1))),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(cells: &[&str]) -> Kind {
        let mut guess = Guess::default();
        cells.iter().for_each(|cell| guess.see(cell.as_bytes(), &Missing::new(&["NA".to_owned()])));
        guess.kind()
    }

    #[test]
    fn types_are_guessed() {
        let [float, whole, bool, text] =
            [DataType::Float64, DataType::Int64, DataType::Boolean, DataType::Utf8].map(Kind::Arrow);
        assert_eq!(kind(&["1", "-2", " 3 ", "", "NA", "+4", "0"]), whole);
        assert_eq!(kind(&["1", "2.5"]), float);
        assert_eq!(kind(&["1e5", "nan", "-inf", ".5"]), float);
        assert_eq!(kind(&["true", "FALSE"]), bool);
        assert_eq!(kind(&["1", "true"]), text);
        assert_eq!(kind(&["007"]), text);
        assert_eq!(kind(&["99999999999999999999"]), text);
        assert_eq!(kind(&["1.5", "x"]), text);
        assert_eq!(kind(&["", "NA"]), Kind::Unknown);
    }

    #[test]
    fn a_bad_cell_leaves_a_store_as_it_was() {
        let mut store = Store::typed(&DataType::Int64);
        let missing = Missing::new(&[]);
        assert_eq!(store.push(b"1", &missing), Cell::Taken);
        assert_eq!(store.push(b"x", &missing), Cell::Bad("i64"));
        assert_eq!(store.push(b"", &missing), Cell::Taken);
        store.pop();
        assert_eq!(store.push(b"9223372036854775808", &missing), Cell::Bad("i64"));
        assert_eq!(store.take().len(), 1);
    }
}
