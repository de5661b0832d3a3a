//! The types of the language, as a host sees them.

use std::fmt;

/// What an array holds, as it lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Elem {
    /// IEEE 754 binary64.
    F64,
    /// IEEE 754 binary32; read as `f64`, rounded to nearest even when stored.
    F32,
    /// 64-bit two's complement.
    I64,
    /// 32-bit two's complement; read as `i64`, checked when stored.
    I32,
    /// An unsigned byte; read as `i64`, checked when stored.
    U8,
    /// One byte, 0 or 1.
    Bool,
}

impl Elem {
    /// All of them.
    pub const ALL: [Elem; 6] = [Elem::F64, Elem::F32, Elem::I64, Elem::I32, Elem::U8, Elem::Bool];

    /// Bytes an element takes.
    pub const fn size(self) -> usize {
        match self {
            Elem::F64 | Elem::I64 => 8,
            Elem::F32 | Elem::I32 => 4,
            Elem::U8 | Elem::Bool => 1,
        }
    }

    /// The type that an element has once it is read.
    pub const fn scalar(self) -> Type {
        match self {
            Elem::F64 | Elem::F32 => Type::F64,
            Elem::I64 | Elem::I32 | Elem::U8 => Type::I64,
            Elem::Bool => Type::Bool,
        }
    }

    /// Its name in the language.
    pub const fn name(self) -> &'static str {
        match self {
            Elem::F64 => "f64",
            Elem::F32 => "f32",
            Elem::I64 => "i64",
            Elem::I32 => "i32",
            Elem::U8 => "u8",
            Elem::Bool => "bool",
        }
    }
}

impl fmt::Display for Elem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A type of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `f64`
    F64,
    /// `i64`
    I64,
    /// `bool`
    Bool,
    /// `[T]`
    Array(Elem),
    /// `()`
    Unit,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::F64 => f.write_str("f64"),
            Type::I64 => f.write_str("i64"),
            Type::Bool => f.write_str("bool"),
            Type::Array(elem) => write!(f, "[{elem}]"),
            Type::Unit => f.write_str("()"),
        }
    }
}
