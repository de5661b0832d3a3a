//! Values and arguments of calls whose types are known only at run time.

use crate::memory::data::{AnyBits, Buffer, Data, DataError, DataMut, Plain, ReadView, View};
use crate::signature::Element;
use crate::types::{Elem, Type};
use std::ops::Range;

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

        impl<'a> Slice<'a> {
            /// Some of the elements; none where there are not so many.
            pub(crate) fn range(self, range: Range<usize>) -> Slice<'a> {
                match self { $(Slice::$variant(s) => Slice::$variant(s.get(range).unwrap_or_default()),)* }
            }

            /// The elements at these places.
            pub(crate) fn pick(self, places: &[u32]) -> Array {
                match self {
                    $(Slice::$variant(s) => {
                        Array::$variant(places.iter().filter_map(|&at| s.get(at as usize).copied()).collect())
                    })*
                }
            }
        }

        impl SliceMut<'_> {
            /// Some of the elements; none where there are not so many.
            pub(crate) fn range(&mut self, range: Range<usize>) -> SliceMut<'_> {
                match self { $(SliceMut::$variant(s) => SliceMut::$variant(s.get_mut(range).unwrap_or_default()),)* }
            }

            /// The elements as two parts; the first has so many, or all.
            pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
                match self {
                    $(SliceMut::$variant(s) => {
                        let (a, b) = s.split_at_mut(at.min(s.len()));
                        (SliceMut::$variant(a), SliceMut::$variant(b))
                    })*
                }
            }

            /// Moves the elements at these ascending places to the first ones, in order.
            pub(crate) fn gather(&mut self, places: &[u32]) {
                match self {
                    $(SliceMut::$variant(s) => {
                        // Each comes from a place at or behind its own.
                        for (to, &from) in places.iter().enumerate() {
                            if (from as usize) < s.len() && to < s.len() {
                                s[to] = s[from as usize];
                            }
                        }
                    })*
                }
            }

            /// Moves the first elements to these ascending places, in order, and makes all others zero.
            pub(crate) fn spread(&mut self, places: &[u32]) {
                match self {
                    $(SliceMut::$variant(s) => {
                        // Each goes to a place at or behind its own, so from the last to the first none is overwritten before it moved.
                        let mut end = s.len();
                        for (from, &to) in places.iter().enumerate().rev() {
                            let to = to as usize;
                            if to < end && from <= to {
                                let value = s[from];
                                s[to + 1..end].fill(<$prim as Element>::ZERO);
                                s[to] = value;
                                end = to;
                            }
                        }
                        s[..end].fill(<$prim as Element>::ZERO);
                    })*
                }
            }
        }

        impl Array {
            /// How many elements.
            pub fn len(&self) -> usize {
                match self { $(Array::$variant(v) => v.len(),)* }
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// So many zeros, if there is memory for them.
            pub(crate) fn zeros(elem: Elem, len: usize) -> Option<Array> {
                match elem {
                    $(Elem::$variant => {
                        let mut values = Vec::new();
                        values.try_reserve_exact(len).ok()?;
                        values.resize(len, <$prim as Element>::ZERO);
                        Some(Array::$variant(values))
                    })*
                }
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
    /// A mapping that others may change: for a plain array parameter, a writable one also for a `mut` one.
    Mapped(Mapped<'a>),
}

/// A mapped array where it lies; made from a [`Data`] or [`DataMut`].
#[derive(Debug, PartialEq, Eq)]
pub struct Mapped<'a> {
    elem: Elem,
    view: View<'a>,
}

/// A mapping to read, where it lies; made from a [`Data`] or [`DataMut`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedColumn<'a> {
    elem: Elem,
    view: ReadView<'a>,
}

impl<'a> MappedColumn<'a> {
    /// What it holds.
    pub fn elem(&self) -> Elem {
        self.elem
    }

    /// How many elements.
    pub fn len(&self) -> usize {
        self.view.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.view.is_empty()
    }

    /// Some of the elements; none where there are not so many.
    pub(crate) fn range(self, range: Range<usize>) -> MappedColumn<'a> {
        MappedColumn { elem: self.elem, view: self.view.part(range) }
    }

    /// To pass it.
    pub(crate) fn mapped(self) -> Mapped<'a> {
        Mapped { elem: self.elem, view: self.view.view() }
    }
}

impl<'a, T: Element + AnyBits> From<&'a Data<T>> for MappedColumn<'a> {
    fn from(data: &'a Data<T>) -> MappedColumn<'a> {
        MappedColumn { elem: T::ELEM, view: data.read_view() }
    }
}

impl<'a, T: Element + AnyBits> From<&'a DataMut<T>> for MappedColumn<'a> {
    fn from(data: &'a DataMut<T>) -> MappedColumn<'a> {
        MappedColumn { elem: T::ELEM, view: data.read_view() }
    }
}

impl<'a> Mapped<'a> {
    /// A mapping that programs may write to.
    pub(crate) fn of_mut<T: Element + AnyBits>(data: &'a mut DataMut<T>) -> Mapped<'a> {
        Mapped { elem: T::ELEM, view: data.view_mut() }
    }

    /// Some of the elements; none where there are not so many.
    pub(crate) fn range(&mut self, range: Range<usize>) -> Mapped<'_> {
        Mapped { elem: self.elem, view: self.view.part_mut(range) }
    }
}

impl Mapped<'_> {
    /// What it holds.
    pub fn elem(&self) -> Elem {
        self.elem
    }

    /// Where it lies.
    pub fn view(&self) -> &View<'_> {
        &self.view
    }

    /// A copy, for who cannot read mappings in place.
    pub(crate) fn copied(&self) -> Result<Array, DataError> {
        Ok(match self.elem {
            Elem::F64 => Array::F64(self.view.to_vec()?),
            Elem::F32 => Array::F32(self.view.to_vec()?),
            Elem::I64 => Array::I64(self.view.to_vec()?),
            Elem::I32 => Array::I32(self.view.to_vec()?),
            Elem::U8 => Array::U8(self.view.to_vec()?),
            // Only elements of which all bytes are a value are mapped.
            Elem::Bool => Array::Bool(Vec::new()),
        })
    }

    /// Replaces the elements by those of a changed copy.
    pub(crate) fn replace(&mut self, copy: &Array) -> Result<(), DataError> {
        match copy {
            Array::F64(v) => self.view.write_all(v),
            Array::F32(v) => self.view.write_all(v),
            Array::I64(v) => self.view.write_all(v),
            Array::I32(v) => self.view.write_all(v),
            Array::U8(v) => self.view.write_all(v),
            Array::Bool(_) => Ok(()),
        }
    }
}

impl<'a, T: Element + AnyBits> From<&'a Data<T>> for Arg<'a> {
    fn from(data: &'a Data<T>) -> Arg<'a> {
        Arg::Mapped(Mapped { elem: T::ELEM, view: data.view() })
    }
}

impl<'a, T: Element + AnyBits> From<&'a DataMut<T>> for Arg<'a> {
    fn from(data: &'a DataMut<T>) -> Arg<'a> {
        Arg::Mapped(Mapped { elem: T::ELEM, view: data.view() })
    }
}

impl<'a, T: Element + AnyBits> From<&'a mut DataMut<T>> for Arg<'a> {
    fn from(data: &'a mut DataMut<T>) -> Arg<'a> {
        Arg::Mapped(Mapped::of_mut(data))
    }
}

impl<'a, T: Element + Plain> From<&'a Buffer<T>> for Arg<'a> {
    fn from(buffer: &'a Buffer<T>) -> Arg<'a> {
        T::slice(buffer)
    }
}

impl<'a, T: Element + Plain> From<&'a mut Buffer<T>> for Arg<'a> {
    fn from(buffer: &'a mut Buffer<T>) -> Arg<'a> {
        T::slice_mut(buffer)
    }
}

impl Slice<'_> {
    /// An element, widened as a load does.
    pub(crate) fn widened(&self, at: usize) -> Option<Value> {
        Some(match self {
            Slice::F64(s) => Value::F64(*s.get(at)?),
            Slice::F32(s) => Value::F64(f64::from(*s.get(at)?)),
            Slice::I64(s) => Value::I64(*s.get(at)?),
            Slice::I32(s) => Value::I64(i64::from(*s.get(at)?)),
            Slice::U8(s) => Value::I64(i64::from(*s.get(at)?)),
            Slice::Bool(s) => Value::Bool(*s.get(at)?),
        })
    }
}

impl SliceMut<'_> {
    /// Stores a value of the type that the elements are read as, or an `i64` as `f64`; nothing where it is another or the place is outside.
    pub(crate) fn put(&mut self, at: usize, value: &Value) {
        match (self, value) {
            (SliceMut::F64(s), Value::F64(x)) => s.get_mut(at).map_or((), |to| *to = *x),
            (SliceMut::F64(s), Value::I64(n)) => s.get_mut(at).map_or((), |to| *to = *n as f64),
            (SliceMut::I64(s), Value::I64(n)) => s.get_mut(at).map_or((), |to| *to = *n),
            (SliceMut::Bool(s), Value::Bool(b)) => s.get_mut(at).map_or((), |to| *to = *b),
            _ => {}
        }
    }
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
            Arg::Mapped(s) => Type::Array(s.elem()),
        }
    }

    /// Whether it may be passed to a `mut` parameter.
    pub fn is_writable(&self) -> bool {
        match self {
            Arg::F64(_) | Arg::I64(_) | Arg::Bool(_) => true,
            Arg::Slice(_) => false,
            Arg::SliceMut(_) => true,
            Arg::Mapped(mapped) => mapped.view.is_writable(),
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
