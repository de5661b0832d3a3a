//! Values and arguments of calls whose types are known only at run time.

use crate::types::{Elem, Type};

macro_rules! slices {
    ($($variant:ident $prim:ty),*) => {
        /// A host's array, to read.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(missing_docs, reason = "one variant an element type")]
        pub enum Slice<'a> { $($variant(&'a [$prim]),)* }

        /// A host's array, to read and write.
        #[derive(Debug, PartialEq)]
        #[allow(missing_docs, reason = "one variant an element type")]
        pub enum SliceMut<'a> { $($variant(&'a mut [$prim]),)* }

        /// An array that a program returned.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "one variant an element type")]
        pub enum Array { $($variant(Vec<$prim>),)* }

        impl Slice<'_> {
            /// What it holds.
            pub fn elem(&self) -> Elem {
                match self { $(Slice::$variant(_) => Elem::$variant,)* }
            }

            /// How many elements.
            pub fn len(&self) -> usize {
                match self { $(Slice::$variant(s) => s.len(),)* }
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// The address of the first element.
            pub fn as_ptr(&self) -> *const u8 {
                match self { $(Slice::$variant(s) => s.as_ptr().cast(),)* }
            }
        }

        impl SliceMut<'_> {
            /// What it holds.
            pub fn elem(&self) -> Elem {
                match self { $(SliceMut::$variant(_) => Elem::$variant,)* }
            }

            /// How many elements.
            pub fn len(&self) -> usize {
                match self { $(SliceMut::$variant(s) => s.len(),)* }
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// The same to read only.
            pub fn as_slice(&self) -> Slice<'_> {
                match self { $(SliceMut::$variant(s) => Slice::$variant(s),)* }
            }

            /// The address of the first element.
            pub fn as_mut_ptr(&mut self) -> *mut u8 {
                match self { $(SliceMut::$variant(s) => s.as_mut_ptr().cast(),)* }
            }
        }

        impl Array {
            /// What it holds.
            pub fn elem(&self) -> Elem {
                match self { $(Array::$variant(_) => Elem::$variant,)* }
            }

            /// To read.
            pub fn as_slice(&self) -> Slice<'_> {
                match self { $(Array::$variant(v) => Slice::$variant(v),)* }
            }

            /// To read and write.
            pub fn as_slice_mut(&mut self) -> SliceMut<'_> {
                match self { $(Array::$variant(v) => SliceMut::$variant(v),)* }
            }
        }

        $(
            impl<'a> From<&'a [$prim]> for Arg<'a> {
                fn from(s: &'a [$prim]) -> Arg<'a> { Arg::Slice(Slice::$variant(s)) }
            }
            impl<'a> From<&'a mut [$prim]> for Arg<'a> {
                fn from(s: &'a mut [$prim]) -> Arg<'a> { Arg::SliceMut(SliceMut::$variant(s)) }
            }
            impl<'a> From<&'a Vec<$prim>> for Arg<'a> {
                fn from(s: &'a Vec<$prim>) -> Arg<'a> { Arg::Slice(Slice::$variant(s)) }
            }
            impl<'a> From<&'a mut Vec<$prim>> for Arg<'a> {
                fn from(s: &'a mut Vec<$prim>) -> Arg<'a> { Arg::SliceMut(SliceMut::$variant(s)) }
            }
            impl From<Vec<$prim>> for Value {
                fn from(v: Vec<$prim>) -> Value { Value::Array(Array::$variant(v)) }
            }
        )*
    };
}

slices!(F64 f64, F32 f32, I64 i64, I32 i32, U8 u8, Bool bool);

/// What a program gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `()`
    Unit,
    /// `f64`
    F64(f64),
    /// `i64`
    I64(i64),
    /// `bool`
    Bool(bool),
    /// `[T]`, copied out.
    Array(Array),
}

/// What a host passes.
#[derive(Debug, PartialEq)]
pub enum Arg<'a> {
    /// `f64`
    F64(f64),
    /// `i64`; also passed where an `f64` is needed.
    I64(i64),
    /// `bool`
    Bool(bool),
    /// For a plain array parameter or input.
    Slice(Slice<'a>),
    /// For a `mut` array parameter; also passed for a plain one.
    SliceMut(SliceMut<'a>),
}

impl Value {
    /// Its type.
    pub fn ty(&self) -> Type {
        match self {
            Value::Unit => Type::Unit,
            Value::F64(_) => Type::F64,
            Value::I64(_) => Type::I64,
            Value::Bool(_) => Type::Bool,
            Value::Array(array) => Type::Array(array.elem()),
        }
    }

    /// To pass it as an argument; `None` for `()`.
    pub fn as_arg(&self) -> Option<Arg<'_>> {
        Some(match self {
            Value::Unit => return None,
            Value::F64(x) => Arg::F64(*x),
            Value::I64(n) => Arg::I64(*n),
            Value::Bool(b) => Arg::Bool(*b),
            Value::Array(array) => Arg::Slice(array.as_slice()),
        })
    }
}

impl Arg<'_> {
    /// Its type.
    pub fn ty(&self) -> Type {
        match self {
            Arg::F64(_) => Type::F64,
            Arg::I64(_) => Type::I64,
            Arg::Bool(_) => Type::Bool,
            Arg::Slice(s) => Type::Array(s.elem()),
            Arg::SliceMut(s) => Type::Array(s.elem()),
        }
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::F64(x)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Value {
        Value::I64(n)
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::Bool(b)
    }
}

impl From<()> for Value {
    fn from((): ()) -> Value {
        Value::Unit
    }
}

impl From<f64> for Arg<'_> {
    fn from(x: f64) -> Self {
        Arg::F64(x)
    }
}

impl From<i64> for Arg<'_> {
    fn from(n: i64) -> Self {
        Arg::I64(n)
    }
}

impl From<bool> for Arg<'_> {
    fn from(b: bool) -> Self {
        Arg::Bool(b)
    }
}
