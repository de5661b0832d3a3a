//! Cells of Arrow arrays as text.

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::{as_date, as_datetime};
use arrow_array::types::{
    Date32Type, Date64Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use std::io::Write;

/// Whether a column of this type can be written as text.
pub fn is_writable(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_writable(values) && !matches!(**values, DataType::Dictionary(..)),
        DataType::Null | DataType::Boolean | DataType::Float16 | DataType::Float32 | DataType::Float64 => true,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => true,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => true,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Binary => true,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) | DataType::Decimal128(_, _) => true,
        _ => false,
    }
}

/// Appends a cell; a missing one is nothing. Numbers read back as the same, floats by their shortest decimal.
pub fn write_cell(to: &mut Vec<u8>, column: &ArrayRef, row: usize) {
    if column.is_null(row) {
        return;
    }
    // Writing to memory does not fail.
    macro_rules! put {
        ($type:ty, $form:literal) => {{
            let _ = write!(to, $form, column.as_primitive::<$type>().value(row));
        }};
    }
    macro_rules! stamp {
        ($type:ty) => {{
            if let Some(time) = as_datetime::<$type>(column.as_primitive::<$type>().value(row)) {
                let _ = write!(to, "{}", time.format("%Y-%m-%dT%H:%M:%S%.f"));
            }
        }};
    }
    macro_rules! date {
        ($type:ty) => {{
            if let Some(date) = as_date::<$type>(i64::from(column.as_primitive::<$type>().value(row))) {
                let _ = write!(to, "{date}");
            }
        }};
    }
    match column.data_type() {
        DataType::Float64 => put!(Float64Type, "{:?}"),
        DataType::Float32 => put!(Float32Type, "{:?}"),
        DataType::Float16 => put!(Float16Type, "{:?}"),
        DataType::Int64 => put!(Int64Type, "{}"),
        DataType::Int32 => put!(Int32Type, "{}"),
        DataType::Int16 => put!(Int16Type, "{}"),
        DataType::Int8 => put!(Int8Type, "{}"),
        DataType::UInt64 => put!(UInt64Type, "{}"),
        DataType::UInt32 => put!(UInt32Type, "{}"),
        DataType::UInt16 => put!(UInt16Type, "{}"),
        DataType::UInt8 => put!(UInt8Type, "{}"),
        DataType::Boolean => {
            let _ = write!(to, "{}", column.as_boolean().value(row));
        }
        DataType::Utf8 => to.extend_from_slice(column.as_string::<i32>().value(row).as_bytes()),
        DataType::LargeUtf8 => to.extend_from_slice(column.as_string::<i64>().value(row).as_bytes()),
        DataType::Utf8View => to.extend_from_slice(column.as_string_view().value(row).as_bytes()),
        DataType::Binary => to.extend_from_slice(column.as_binary::<i32>().value(row)),
        DataType::Date32 => date!(Date32Type),
        DataType::Date64 => date!(Date64Type),
        DataType::Timestamp(TimeUnit::Second, _) => stamp!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => stamp!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => stamp!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => stamp!(TimestampNanosecondType),
        DataType::Decimal128(_, _) => {
            to.extend_from_slice(column.as_primitive::<Decimal128Type>().value_as_string(row).as_bytes());
        }
        DataType::Dictionary(_, _) => {
            let dictionary = column.as_any_dictionary();
            let key = key(dictionary.keys(), row);
            if let Some(key) = key.filter(|key| *key < dictionary.values().len()) {
                write_cell(to, dictionary.values(), key);
            }
        }
        _ => {}
    }
}

/// A key of a dictionary; they are of any integer type.
fn key(keys: &dyn Array, row: usize) -> Option<usize> {
    match keys.data_type() {
        DataType::Int8 => usize::try_from(keys.as_primitive::<Int8Type>().value(row)).ok(),
        DataType::Int16 => usize::try_from(keys.as_primitive::<Int16Type>().value(row)).ok(),
        DataType::Int32 => usize::try_from(keys.as_primitive::<Int32Type>().value(row)).ok(),
        DataType::Int64 => usize::try_from(keys.as_primitive::<Int64Type>().value(row)).ok(),
        DataType::UInt8 => Some(keys.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Some(keys.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => usize::try_from(keys.as_primitive::<UInt32Type>().value(row)).ok(),
        DataType::UInt64 => usize::try_from(keys.as_primitive::<UInt64Type>().value(row)).ok(),
        _ => None,
    }
}
