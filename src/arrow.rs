//! Arrow arrays as columns of kernels, and results as Arrow arrays, without copying where the types allow (feature `arrow`).
//!
//! | Arrow | in a formula | |
//! | --- | --- | --- |
//! | `Float64` `Float32` `Int64` `Int32` `UInt8` | `f64`, `f64`, `i64`, `i64`, `i64` | in place |
//! | `Date32` `Time32` `Date64` `Time64` `Timestamp` `Duration` | `i64`: the count in its unit | in place |
//! | `Int8` `Int16` `UInt16` `UInt32` `UInt64` `Float16` | `i64`, `f64` | widened into a copy; a `UInt64` must fit `i64` |
//! | `Boolean` | `bool` | spread from bits to bytes |
//! | `Null` | `f64`, all missing | |
//!
//! Bitmaps of validity are used as they are, at whatever bit they start.
//!
//! ```
//! use arrow_array::{Array, Float64Array, Int32Array, RecordBatch, cast::AsArray, types::Float64Type};
//! use cresset::Engine;
//! use std::sync::Arc;
//!
//! let price = Float64Array::from(vec![Some(1.5), None, Some(4.0)]);
//! let batch = RecordBatch::try_from_iter([
//!     ("price", Arc::new(price) as _),
//!     ("quantity", Arc::new(Int32Array::from(vec![2, 3, 4])) as _),
//! ])?;
//! let totals = Engine::new()?.kernel("price * quantity")?.map_batch(&batch)?;
//! let totals = totals.column(0).as_primitive::<Float64Type>();
//! assert_eq!((totals.value(0), totals.is_null(1), totals.value(2)), (3.0, true, 16.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::error::Error;
use crate::kernel::{Binding, Columns, Kernel, OutputColumn, Reduction, Validity};
use crate::types::Elem;
use crate::value::{Array, Slice, Value};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array as _, ArrayRef, BooleanArray, PrimitiveArray, RecordBatch, RecordBatchOptions};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Schema};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// The types of the [Arrow C data interface](https://arrow.apache.org/docs/format/CDataInterface.html), in which arrays come from and go to
/// libraries of other languages in the same process: `from_ffi` makes a column of what another library exported, `to_ffi` exports a result. Nothing is copied.
pub use arrow_array::ffi;

/// An Arrow array as formulas see it: elements of one of the language's types, and which of them are there.
#[derive(Clone, Debug)]
pub struct ArrowColumn {
    values: Values,
    nulls: Option<NullBuffer>,
}

#[derive(Clone, Debug)]
enum Values {
    F64(ScalarBuffer<f64>),
    F32(ScalarBuffer<f32>),
    I64(ScalarBuffer<i64>),
    I32(ScalarBuffer<i32>),
    U8(ScalarBuffer<u8>),
    Bool(Arc<[bool]>),
}

/// Why an Arrow array cannot be a column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArrowError {
    /// Formulas have no such values.
    #[error("formulas cannot use values of the type {0}")]
    Type(DataType),
    /// A `UInt64` past the largest `i64`.
    #[error("{value} in row {row} does not fit i64")]
    Range {
        /// The first such row, from 0.
        row: usize,
        /// What it holds.
        value: u64,
    },
}

/// The element type that an array of this type has as a column; `None` where formulas cannot use it.
pub fn elem_of(data_type: &DataType) -> Option<Elem> {
    Some(match data_type {
        DataType::Float64 | DataType::Null => Elem::F64,
        DataType::Float32 | DataType::Float16 => Elem::F32,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Elem::I64,
        DataType::Date64 | DataType::Time64(_) | DataType::Timestamp(_, _) | DataType::Duration(_) => Elem::I64,
        DataType::Int32 | DataType::Int16 | DataType::Int8 | DataType::UInt16 => Elem::I32,
        DataType::Date32 | DataType::Time32(_) => Elem::I32,
        DataType::UInt8 => Elem::U8,
        DataType::Boolean => Elem::Bool,
        _ => return None,
    })
}

/// The Arrow type of a column of these elements.
pub fn data_type_of(elem: Elem) -> DataType {
    match elem {
        Elem::F64 => DataType::Float64,
        Elem::F32 => DataType::Float32,
        Elem::I64 => DataType::Int64,
        Elem::I32 => DataType::Int32,
        Elem::U8 => DataType::UInt8,
        Elem::Bool => DataType::Boolean,
    }
}

impl ArrowColumn {
    /// An array as a column.
    ///
    /// # Errors
    /// Where its type is none that formulas can use, or a value does not fit.
    pub fn new(array: &dyn arrow_array::Array) -> Result<ArrowColumn, ArrowError> {
        let values = match array.data_type() {
            DataType::Float64 => Values::F64(in_place(array)),
            DataType::Float32 => Values::F32(in_place(array)),
            DataType::Int64 | DataType::Date64 | DataType::Time64(_) | DataType::Timestamp(_, _) => {
                Values::I64(in_place(array))
            }
            DataType::Duration(_) => Values::I64(in_place(array)),
            DataType::Int32 | DataType::Date32 | DataType::Time32(_) => Values::I32(in_place(array)),
            DataType::UInt8 => Values::U8(in_place(array)),
            DataType::Int8 => Values::I32(widened::<Int8Type, _>(array, i32::from)),
            DataType::Int16 => Values::I32(widened::<Int16Type, _>(array, i32::from)),
            DataType::UInt16 => Values::I32(widened::<UInt16Type, _>(array, i32::from)),
            DataType::UInt32 => Values::I64(widened::<UInt32Type, _>(array, i64::from)),
            DataType::UInt64 => Values::I64(narrowed(array)?),
            DataType::Float16 => Values::F32(widened::<Float16Type, _>(array, f32::from)),
            DataType::Boolean => Values::Bool(array.as_boolean().values().iter().collect()),
            DataType::Null => Values::F64(vec![0.0; array.len()].into()),
            other => return Err(ArrowError::Type(other.clone())),
        };
        // An array of nothing has no bitmap of its own; `logical_nulls` makes one.
        Ok(ArrowColumn { values, nulls: array.logical_nulls().filter(|nulls| nulls.null_count() > 0) })
    }

    /// Its elements; those that are missing have any value.
    pub fn slice(&self) -> Slice<'_> {
        match &self.values {
            Values::F64(values) => Slice::F64(values),
            Values::F32(values) => Slice::F32(values),
            Values::I64(values) => Slice::I64(values),
            Values::I32(values) => Slice::I32(values),
            Values::U8(values) => Slice::U8(values),
            Values::Bool(values) => Slice::Bool(values),
        }
    }

    /// The elements as a file holds them: one after the other, each with its least significant byte first.
    pub fn to_le_bytes(&self) -> Cow<'_, [u8]> {
        let buffer = match &self.values {
            Values::F64(values) => values.inner(),
            Values::F32(values) => values.inner(),
            Values::I64(values) => values.inner(),
            Values::I32(values) => values.inner(),
            Values::U8(values) => values.inner(),
            Values::Bool(values) => return Cow::Owned(values.iter().map(|value| u8::from(*value)).collect()),
        };
        // Arrow is little-endian in memory, as are all machines that this crate runs on.
        Cow::Borrowed(buffer.as_slice())
    }

    /// To bind to a name of a kernel.
    pub fn binding(&self) -> Binding<'_> {
        let validity = self.nulls.as_ref().map(|nulls| Validity::new(nulls.validity(), nulls.offset()));
        Binding::Column(self.slice(), validity)
    }

    /// Which elements are there; `None` where all are.
    pub fn nulls(&self) -> Option<&NullBuffer> {
        self.nulls.as_ref()
    }
}

/// The elements where they lie.
fn in_place<T: ArrowNativeType>(array: &dyn arrow_array::Array) -> ScalarBuffer<T> {
    let data = array.to_data();
    match data.buffers().first() {
        Some(buffer) => ScalarBuffer::new(buffer.clone(), data.offset(), data.len()),
        None => Vec::new().into(),
    }
}

fn widened<T: ArrowPrimitiveType, U: ArrowNativeType>(
    array: &dyn arrow_array::Array,
    widen: impl Fn(T::Native) -> U,
) -> ScalarBuffer<U> {
    array.as_primitive::<T>().values().iter().map(|value| widen(*value)).collect::<Vec<U>>().into()
}

fn narrowed(array: &dyn arrow_array::Array) -> Result<ScalarBuffer<i64>, ArrowError> {
    let array = array.as_primitive::<UInt64Type>();
    let mut values = Vec::with_capacity(array.len());
    for (row, value) in array.values().iter().enumerate() {
        match i64::try_from(*value) {
            Ok(value) => values.push(value),
            Err(_) if array.is_null(row) => values.push(0),
            Err(_) => return Err(ArrowError::Range { row, value: *value }),
        }
    }
    Ok(values.into())
}

/// A result as an Arrow array; `validity` has one bit a row, the least significant first, set where there is a value.
///
/// Nothing is copied but `bool`s, which are packed into bits.
pub fn to_arrow(values: Array, validity: Option<Vec<u8>>) -> ArrayRef {
    fn primitive<T: ArrowPrimitiveType>(values: Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
    }
    let rows = values.as_slice().len();
    // A bitmap that is too short would be a fault of whoever made it; its rows count as missing then.
    let nulls = validity.map(|mut bits| {
        bits.resize(bits.len().max(rows.div_ceil(8)), 0);
        NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(bits), 0, rows))
    });
    match values {
        Array::F64(values) => primitive::<Float64Type>(values, nulls),
        Array::F32(values) => primitive::<Float32Type>(values, nulls),
        Array::I64(values) => primitive::<Int64Type>(values, nulls),
        Array::I32(values) => primitive::<Int32Type>(values, nulls),
        Array::U8(values) => primitive::<UInt8Type>(values, nulls),
        Array::Bool(values) => Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls)),
    }
}

/// The columns of a record batch that a kernel uses.
#[derive(Clone, Debug)]
pub struct BatchColumns {
    columns: Vec<(String, ArrowColumn)>,
    rows: usize,
}

impl BatchColumns {
    /// The columns with the names of the kernel's inputs; other inputs are the host's to bind.
    ///
    /// # Errors
    /// Where one is of a type that formulas cannot use, or has a value that does not fit.
    pub fn new(kernel: &Kernel, batch: &RecordBatch) -> Result<BatchColumns, ArrowError> {
        let mut columns = Vec::new();
        for (name, _) in kernel.inputs() {
            if let Some(array) = batch.column_by_name(name) {
                columns.push((name.clone(), ArrowColumn::new(array)?));
            }
        }
        Ok(BatchColumns { columns, rows: batch.num_rows() })
    }

    /// The columns, to run a kernel over; scalars can be added.
    pub fn columns(&self) -> Columns<'_> {
        let mut columns = Columns::new().with_rows(self.rows);
        for (name, column) in &self.columns {
            columns = columns.bind(name, column.binding());
        }
        columns
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Error {
        Error::Signature(error.to_string())
    }
}

impl OutputColumn {
    /// The column as an Arrow array; nothing is copied but `bool`s.
    pub fn into_arrow(self) -> ArrayRef {
        to_arrow(self.data, self.validity)
    }
}

impl Kernel {
    /// Runs all outputs over the rows of a batch whose columns have the names of the inputs: a batch with a column an output, `value` where it has no
    /// name.
    ///
    /// # Errors
    /// As [`Kernel::map_all`]; [`Error::Signature`] for a column of a type that formulas cannot use.
    pub fn map_batch(&self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let outputs = self.map_all(&BatchColumns::new(self, batch)?.columns())?;
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (name, column) in outputs {
            let array = column.into_arrow();
            let name = if name.is_empty() { "value".to_owned() } else { name };
            fields.push(Field::new(name, array.data_type().clone(), array.null_count() > 0));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|error| Error::Machine(error.to_string()))
    }

    /// The rows of a batch for which the only output is true, as a mask for Arrow's own functions.
    ///
    /// # Errors
    /// As [`Kernel::filter`] and [`Kernel::map_batch`].
    pub fn filter_batch(&self, batch: &RecordBatch) -> Result<BooleanArray, Error> {
        let selection = self.filter(&BatchColumns::new(self, batch)?.columns())?;
        let bits = Buffer::from_vec(selection.bits().to_vec());
        Ok(BooleanArray::new(BooleanBuffer::new(bits, 0, selection.len()), None))
    }

    /// One value from the only output of all rows of a batch.
    ///
    /// # Errors
    /// As [`Kernel::reduce`] and [`Kernel::map_batch`].
    pub fn reduce_batch(&self, reduction: Reduction, batch: &RecordBatch) -> Result<Value, Error> {
        self.reduce(reduction, &BatchColumns::new(self, batch)?.columns())
    }
}

/// A part of a slice.
///
/// # Panics
/// Where the part is not inside, as slices do.
pub fn part<'a>(slice: Slice<'a>, rows: Range<usize>) -> Slice<'a> {
    match slice {
        Slice::F64(s) => Slice::F64(&s[rows]),
        Slice::F32(s) => Slice::F32(&s[rows]),
        Slice::I64(s) => Slice::I64(&s[rows]),
        Slice::I32(s) => Slice::I32(&s[rows]),
        Slice::U8(s) => Slice::U8(&s[rows]),
        Slice::Bool(s) => Slice::Bool(&s[rows]),
    }
}
