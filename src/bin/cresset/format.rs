//! Values as text, written piece by piece: an array may be as large as the memory that a program was given.

use cresset::{Slice, Value};
use std::fmt::{self, Display, Formatter};

/// A value as a person reads it: floats by the shortest decimal that reads back, `NaN`, `inf` or `-inf`; `()` is empty.
pub struct Shown<'a> {
    value: &'a Value,
    most: usize,
}

impl Shown<'_> {
    /// All of it.
    pub fn whole(value: &Value) -> Shown<'_> {
        Shown { value, most: usize::MAX }
    }

    /// At most so many elements of an array, and how many more there are.
    pub fn at_most(value: &Value, most: usize) -> Shown<'_> {
        Shown { value, most }
    }
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.value {
            Value::Unit => Ok(()),
            Value::F64(x) => write!(f, "{x:?}"),
            Value::I64(n) => write!(f, "{n}"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Array(array) => {
                let slice = array.as_slice();
                f.write_str("[")?;
                for index in 0..slice.len().min(self.most) {
                    f.write_str(if index > 0 { ", " } else { "" })?;
                    element(f, slice, index)?;
                }
                match slice.len().checked_sub(self.most) {
                    None | Some(0) => f.write_str("]"),
                    Some(more) => write!(f, ", … {more} more]"),
                }
            }
        }
    }
}

/// An element as text, an `f32` by the shortest decimal that reads back as that `f32`.
pub fn element(f: &mut Formatter<'_>, slice: Slice<'_>, index: usize) -> fmt::Result {
    match slice {
        Slice::F64(s) => write!(f, "{:?}", s[index]),
        Slice::F32(s) => write!(f, "{:?}", s[index]),
        Slice::I64(s) => write!(f, "{}", s[index]),
        Slice::I32(s) => write!(f, "{}", s[index]),
        Slice::U8(s) => write!(f, "{}", s[index]),
        Slice::Bool(s) => write!(f, "{}", s[index]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_the_shortest_that_read_back() {
        for (x, text) in [(0.1, "0.1"), (-0.0, "-0.0"), (1e300, "1e300"), (5e-324, "5e-324"), (3.0, "3.0")] {
            assert_eq!(Shown::whole(&Value::F64(x)).to_string(), text);
        }
        for (x, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
            assert_eq!(Shown::whole(&Value::F64(x)).to_string(), text);
        }
        assert_eq!(Shown::whole(&Value::from(vec![0.1_f32, 2.0])).to_string(), "[0.1, 2.0]");
    }

    #[test]
    fn long_arrays_can_be_cut() {
        let value = Value::from(vec![1_u8, 2, 3]);
        assert_eq!(Shown::at_most(&value, 3).to_string(), "[1, 2, 3]");
        assert_eq!(Shown::at_most(&value, 2).to_string(), "[1, 2, … 1 more]");
        assert_eq!(Shown::at_most(&Value::from(Vec::<bool>::new()), 2).to_string(), "[]");
    }
}
