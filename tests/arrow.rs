//! Arrow arrays in and out of kernels: types, bitmaps of validity, slices, and that nothing is copied.
#![cfg(feature = "arrow")]

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int32Array, Int64Array,
    NullArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use cresset::arrow::{ArrowColumn, ArrowError, BatchColumns, to_arrow};
use cresset::{Elem, Engine, Error, Execution, Reduction, Slice, TrapKind, Value};
use std::sync::Arc;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn floats(array: &ArrayRef) -> Vec<Option<f64>> {
    array.as_primitive::<Float64Type>().iter().collect()
}

#[test]
fn every_type_that_formulas_can_use() {
    let columns: Vec<(ArrayRef, Elem)> = vec![
        (Arc::new(Float64Array::from(vec![1.0, 2.0])), Elem::F64),
        (Arc::new(Float32Array::from(vec![1.0, 2.0])), Elem::F32),
        (Arc::new(Int64Array::from(vec![1, 2])), Elem::I64),
        (Arc::new(Int32Array::from(vec![1, 2])), Elem::I32),
        (Arc::new(Int8Array::from(vec![1, 2])), Elem::I32),
        (Arc::new(UInt8Array::from(vec![1, 2])), Elem::U8),
        (Arc::new(UInt16Array::from(vec![1, 2])), Elem::I32),
        (Arc::new(UInt32Array::from(vec![1, 2])), Elem::I64),
        (Arc::new(UInt64Array::from(vec![1, 2])), Elem::I64),
        (Arc::new(Date32Array::from(vec![1, 2])), Elem::I32),
        (Arc::new(TimestampMicrosecondArray::from(vec![1, 2])), Elem::I64),
    ];
    for (array, elem) in columns {
        assert_eq!(cresset::arrow::elem_of(array.data_type()), Some(elem));
        assert_eq!(ArrowColumn::new(&array).unwrap().slice().elem(), elem);
        let out = Engine::new().unwrap().kernel("x * 0.5").unwrap().map_batch(&batch(vec![("x", array)])).unwrap();
        assert_eq!(
            (out.schema().field(0).name().as_str(), floats(out.column(0))),
            ("value", vec![Some(0.5), Some(1.0)])
        );
    }
    let truths: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
    let out = Engine::new().unwrap().kernel("not t").unwrap().map_batch(&batch(vec![("t", truths)])).unwrap();
    assert_eq!(out.column(0).as_boolean().iter().collect::<Vec<_>>(), [Some(false), None, Some(true)]);
    let nothing: ArrayRef = Arc::new(NullArray::new(2));
    let out = Engine::new().unwrap().kernel("x + 1").unwrap().map_batch(&batch(vec![("x", nothing)])).unwrap();
    assert_eq!(floats(out.column(0)), [None, None]);
}

#[test]
fn other_types_are_refused_by_name() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    assert!(matches!(ArrowColumn::new(&text), Err(ArrowError::Type(_))));
    let kernel = Engine::new().unwrap().kernel("x + 1").unwrap();
    let error = kernel.map_batch(&batch(vec![("x", text)])).unwrap_err();
    assert!(matches!(&error, Error::Signature(message) if message.contains("Utf8")), "{error}");
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![Some(1), None, Some(u64::MAX)]));
    assert_eq!(ArrowColumn::new(&large).unwrap_err(), ArrowError::Range { row: 2, value: u64::MAX });
    let error = kernel.map_batch(&batch(vec![("y", Arc::new(Float64Array::from(vec![1.0])) as _)])).unwrap_err();
    assert!(error.to_string().contains("nothing is bound to `x`"), "{error}");
}

#[test]
fn nothing_is_copied_where_the_types_allow() {
    let array = Float64Array::from(vec![Some(1.0), None, Some(3.0), Some(4.0)]);
    let column = ArrowColumn::new(&array).unwrap();
    assert_eq!(column.slice().as_ptr(), array.values().as_ptr().cast());
    assert_eq!(column.nulls().unwrap().validity().as_ptr(), array.nulls().unwrap().validity().as_ptr());
    // A part of an array starts where it starts, its bitmap in the middle of a byte.
    let part = array.slice(1, 3);
    let column = ArrowColumn::new(&part).unwrap();
    assert_eq!(column.slice().as_ptr(), array.values()[1..].as_ptr().cast());
    assert_eq!(column.nulls().unwrap().offset(), 1);
    let values = vec![1.0, 2.0];
    let address = values.as_ptr();
    let array = to_arrow(cresset::Array::F64(values), None);
    assert_eq!(array.as_primitive::<Float64Type>().values().as_ptr(), address);
    let bytes = UInt8Array::from(vec![1, 2, 3]).slice(1, 2);
    assert_eq!(ArrowColumn::new(&bytes).unwrap().slice(), Slice::U8(&[2, 3]));
    assert_eq!(&*ArrowColumn::new(&bytes).unwrap().to_le_bytes(), [2, 3]);
}

#[test]
fn missing_rows_stay_missing_at_any_offset() {
    let values: Vec<Option<f64>> = (0..300).map(|i| (i % 7 != 3).then_some(f64::from(i))).collect();
    let other: Vec<Option<i64>> = (0..300).map(|i| (i % 5 != 0).then_some(i64::from(i))).collect();
    let (x, n) = (Float64Array::from(values.clone()), Int64Array::from(other.clone()));
    for execution in [Execution::Auto, Execution::Interpreter] {
        let engine = cresset::Config::new().execution(execution).engine().unwrap();
        let kernel = engine.kernel("x + n").unwrap();
        for (start, len) in [(0, 300), (1, 299), (3, 17), (9, 64), (13, 0), (299, 1)] {
            let part =
                batch(vec![("x", Arc::new(x.slice(start, len)) as _), ("n", Arc::new(n.slice(start, len)) as _)]);
            let expected: Vec<Option<f64>> =
                (start..start + len).map(|i| Some(values[i]? + other[i]? as f64)).collect();
            assert_eq!(floats(kernel.map_batch(&part).unwrap().column(0)), expected, "{start}..{}", start + len);
            let total: f64 = expected.iter().flatten().sum();
            assert_eq!(kernel.reduce_batch(Reduction::Sum, &part).unwrap(), Value::F64(total));
        }
    }
    let kernel = Engine::new().unwrap().kernel("x > 150").unwrap();
    let mask = kernel.filter_batch(&batch(vec![("x", Arc::new(x) as _)])).unwrap();
    let expected: Vec<bool> = values.iter().map(|value| value.is_some_and(|value| value > 150.0)).collect();
    assert_eq!((mask.null_count(), mask.values().iter().collect::<Vec<_>>()), (0, expected));
}

#[test]
fn several_outputs_scalars_and_traps() {
    let n: ArrayRef = Arc::new(Int64Array::from(vec![Some(4), None, Some(0)]));
    let rows = batch(vec![("n", n), ("unused", Arc::new(StringArray::from(vec!["a", "b", "c"])) as _)]);
    let engine = Engine::new().unwrap();
    let kernel = engine.kernel_outputs(&[("twice", "2 * n"), ("half", "n / 2")]).unwrap();
    let out = kernel.map_batch(&rows).unwrap();
    assert_eq!(
        out.column_by_name("twice").unwrap().as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
        [Some(8), None, Some(0)]
    );
    assert_eq!(floats(out.column_by_name("half").unwrap()), [Some(2.0), None, Some(0.0)]);
    let error = engine.kernel("div(12, n)").unwrap().map_batch(&rows).unwrap_err();
    let trap = error.trap().unwrap();
    assert_eq!((trap.kind, trap.row), (TrapKind::DivideByZero, Some(2)));
    let kernel = engine.kernel("n * k").unwrap();
    let columns = BatchColumns::new(&kernel, &rows).unwrap();
    let out = kernel.map_all(&columns.columns().scalar("k", 10)).unwrap().remove(0).1.into_arrow();
    assert_eq!(out.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(40), None, Some(0)]);
    // No column is used: the batch still says how many rows there are.
    assert_eq!(floats(engine.kernel("0.5").unwrap().map_batch(&rows).unwrap().column(0)), [Some(0.5); 3]);
}

#[test]
fn columns_come_and_go_by_the_c_data_interface() {
    use cresset::arrow::ffi;
    // What a library in another language hands over: two structs of C.
    let exported = Float64Array::from(vec![Some(1.0), None, Some(-3.0)]);
    let address = exported.values().as_ptr();
    let (array, schema) = ffi::to_ffi(&exported.to_data()).expect("it can be exported");
    drop(exported);
    // SAFETY: both were made by `to_ffi` and are used once.
    let imported = unsafe { ffi::from_ffi(array, &schema) }.expect("it can be imported");
    let column: ArrayRef = arrow_array::make_array(imported);
    assert_eq!(column.as_primitive::<Float64Type>().values().as_ptr(), address, "nothing is copied");

    let result = Engine::new().unwrap().kernel("abs(x) + 1").unwrap().map_batch(&batch(vec![("x", column)])).unwrap();
    let (array, schema) = ffi::to_ffi(&result.column(0).to_data()).expect("it can be exported");
    // SAFETY: as above.
    let back = arrow_array::make_array(unsafe { ffi::from_ffi(array, &schema) }.expect("it can be imported"));
    assert_eq!(floats(&back), [Some(2.0), None, Some(4.0)]);
}
