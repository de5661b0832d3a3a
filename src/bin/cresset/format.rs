//! Values as text.

use cresset::{Slice, Value};

/// The shortest decimal that reads back, or `NaN`, `inf`, `-inf`.
pub fn float(x: f64) -> String {
    format!("{x:?}")
}

/// An `f32` by the shortest decimal that reads back as that `f32`.
pub fn float32(x: f32) -> String {
    format!("{x:?}")
}

/// A value as a person reads it; `()` is empty.
pub fn value(value: &Value) -> String {
    match value {
        Value::Unit => String::new(),
        Value::F64(x) => float(*x),
        Value::I64(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Array(array) => format!("[{}]", elements(array.as_slice()).join(", ")),
    }
}

/// Each element as text.
pub fn elements(slice: Slice<'_>) -> Vec<String> {
    match slice {
        Slice::F64(s) => s.iter().map(|x| float(*x)).collect(),
        Slice::F32(s) => s.iter().map(|x| float32(*x)).collect(),
        Slice::I64(s) => s.iter().map(i64::to_string).collect(),
        Slice::I32(s) => s.iter().map(i32::to_string).collect(),
        Slice::U8(s) => s.iter().map(u8::to_string).collect(),
        Slice::Bool(s) => s.iter().map(bool::to_string).collect(),
    }
}
