//! What a host binds to a kernel's free names: columns, scalars and whole arrays, and which rows of a column are missing.

use crate::memory::data::{AnyBits, Buffer, Data, DataMut, Plain};
use crate::signature::Element;
use crate::types::{Elem, Type};
use crate::value::{MappedColumn, Slice};

/// What a kernel's free name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputType {
    /// One element of it a row; the element is widened as a load does (`f32` to `f64`; `i32` and `u8` to `i64`).
    Column(Elem),
    /// The same in each row: a number, a truth value, or a whole array to look things up in.
    Scalar(Type),
}

impl InputType {
    /// The type that the name has in the text.
    pub fn ty(self) -> Type {
        match self {
            InputType::Column(elem) => elem.scalar(),
            InputType::Scalar(ty) => ty,
        }
    }
}

impl std::fmt::Display for InputType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InputType::Column(elem) => write!(f, "a column of {elem}"),
            InputType::Scalar(ty) => ty.fmt(f),
        }
    }
}

/// Which rows of a column have a value: one bit a row, the lowest bit of the first byte first, as in Arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity<'a> {
    bits: &'a [u8],
    offset: usize,
}

impl<'a> Validity<'a> {
    /// The bit at `offset` belongs to the first row.
    pub fn new(bits: &'a [u8], offset: usize) -> Validity<'a> {
        Validity { bits, offset }
    }

    /// How many rows it speaks of.
    pub fn len(&self) -> usize {
        self.bits.len().saturating_mul(8).saturating_sub(self.offset)
    }

    /// Whether it speaks of no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the row has a value; a row that it does not speak of has none.
    pub fn is_valid(&self, row: usize) -> bool {
        let at = self.offset.wrapping_add(row);
        self.bits.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 != 0)
    }
}

/// What one name is bound to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Binding<'a> {
    /// An element a row.
    Column(Slice<'a>, Option<Validity<'a>>),
    /// An element a row of a mapping that others may change.
    Mapped(MappedColumn<'a>, Option<Validity<'a>>),
    /// The same array in each row.
    Array(Slice<'a>),
    /// The same number in each row.
    F64(f64),
    /// The same whole number in each row; also passed where an `f64` was declared.
    I64(i64),
    /// The same truth value in each row.
    Bool(bool),
}

impl Binding<'_> {
    /// What a name that is bound to it stands for.
    pub fn input_type(&self) -> InputType {
        match self {
            Binding::Column(slice, _) => InputType::Column(slice.elem()),
            Binding::Mapped(column, _) => InputType::Column(column.elem()),
            Binding::Array(slice) => InputType::Scalar(Type::Array(slice.elem())),
            Binding::F64(_) => InputType::Scalar(Type::F64),
            Binding::I64(_) => InputType::Scalar(Type::I64),
            Binding::Bool(_) => InputType::Scalar(Type::Bool),
        }
    }
}

/// What a kernel runs over: names and what is bound to them. All columns have the same number of rows.
///
/// ```
/// # use cresset::{Columns, Engine, columns};
/// let (x, y) = ([1.0, 2.0], [0.5, 0.25]);
/// let rows = Columns::new().column("x", &x).column("y", &y).scalar("a", 10);
/// assert_eq!(Engine::new()?.kernel("a * x + y")?.map::<f64>(&rows)?, [10.5, 20.25]);
/// // The same shorter:
/// let rows = columns! { "x" => &x, "y" => &y, "a" => 10 };
/// # assert_eq!(rows.rows(), Some(2));
/// # Ok::<(), cresset::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Columns<'a> {
    entries: Vec<(String, Binding<'a>)>,
    rows: Option<usize>,
}

impl<'a> Columns<'a> {
    /// Nothing bound yet.
    pub fn new() -> Columns<'a> {
        Columns::default()
    }

    /// Binds a name; one bound before is replaced.
    pub fn bind(mut self, name: &str, binding: impl Into<Binding<'a>>) -> Columns<'a> {
        let binding = binding.into();
        match self.entries.iter_mut().find(|(bound, _)| bound == name) {
            Some((_, old)) => *old = binding,
            None => self.entries.push((name.to_owned(), binding)),
        }
        self
    }

    /// Binds a name to a column: in each row it is the element there.
    pub fn column<T: Element>(self, name: &str, values: &'a [T]) -> Columns<'a> {
        self.bind(name, Binding::Column(T::as_slice(values), None))
    }

    /// Binds a name to a column of which some rows are missing.
    pub fn column_with_validity<T: Element>(self, name: &str, values: &'a [T], validity: Validity<'a>) -> Columns<'a> {
        self.bind(name, Binding::Column(T::as_slice(values), Some(validity)))
    }

    /// Binds a name to a number or truth value that is the same in each row.
    pub fn scalar(self, name: &str, value: impl Into<Binding<'a>>) -> Columns<'a> {
        self.bind(name, value)
    }

    /// Binds a name to a whole array that is the same in each row, to look things up in.
    pub fn array<T: Element>(self, name: &str, values: &'a [T]) -> Columns<'a> {
        self.bind(name, Binding::Array(T::as_slice(values)))
    }

    /// Says how many rows there are, for a kernel that may use no column.
    pub fn with_rows(self, rows: usize) -> Columns<'a> {
        Columns { rows: Some(rows), ..self }
    }

    /// How many rows there are, if anything tells.
    pub fn rows(&self) -> Option<usize> {
        self.rows.or_else(|| {
            self.entries.iter().find_map(|(_, binding)| match binding {
                Binding::Column(slice, _) => Some(slice.len()),
                Binding::Mapped(column, _) => Some(column.len()),
                _ => None,
            })
        })
    }

    /// What is bound, in the order in which it was.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Binding<'a>)> {
        self.entries.iter().map(|(name, binding)| (name.as_str(), binding))
    }

    /// What a name is bound to.
    pub fn get(&self, name: &str) -> Option<&Binding<'a>> {
        self.entries.iter().find(|(bound, _)| bound == name).map(|(_, binding)| binding)
    }
}

macro_rules! columns_of {
    ($($prim:ty),*) => {$(
        impl<'a> From<&'a [$prim]> for Binding<'a> {
            fn from(values: &'a [$prim]) -> Binding<'a> {
                Binding::Column(Element::as_slice(values), None)
            }
        }
        impl<'a> From<&'a Vec<$prim>> for Binding<'a> {
            fn from(values: &'a Vec<$prim>) -> Binding<'a> {
                Binding::Column(Element::as_slice(values), None)
            }
        }
        impl<'a, const N: usize> From<&'a [$prim; N]> for Binding<'a> {
            fn from(values: &'a [$prim; N]) -> Binding<'a> {
                Binding::Column(Element::as_slice(values), None)
            }
        }
    )*};
}

columns_of!(f64, f32, i64, i32, u8, bool);

impl<'a, T: Element + AnyBits> From<&'a Data<T>> for Binding<'a> {
    fn from(data: &'a Data<T>) -> Binding<'a> {
        Binding::Mapped(data.into(), None)
    }
}

impl<'a, T: Element + AnyBits> From<&'a DataMut<T>> for Binding<'a> {
    fn from(data: &'a DataMut<T>) -> Binding<'a> {
        Binding::Mapped(data.into(), None)
    }
}

impl<'a, T: Element + Plain> From<&'a Buffer<T>> for Binding<'a> {
    fn from(buffer: &'a Buffer<T>) -> Binding<'a> {
        Binding::Column(T::as_slice(buffer), None)
    }
}

impl<'a> From<Slice<'a>> for Binding<'a> {
    fn from(values: Slice<'a>) -> Binding<'a> {
        Binding::Column(values, None)
    }
}

impl From<f64> for Binding<'_> {
    fn from(x: f64) -> Self {
        Binding::F64(x)
    }
}

impl From<i64> for Binding<'_> {
    fn from(n: i64) -> Self {
        Binding::I64(n)
    }
}

// A literal without a suffix is an `i32` where nothing else decides.
impl From<i32> for Binding<'_> {
    fn from(n: i32) -> Self {
        Binding::I64(n.into())
    }
}

impl From<bool> for Binding<'_> {
    fn from(b: bool) -> Self {
        Binding::Bool(b)
    }
}

/// Names and what is bound to them: `columns! { "x" => &xs, "scale" => 2.5 }`. A slice, array, vector or mapping is a column, a number or a truth value the
/// same in each row.
#[macro_export]
macro_rules! columns {
    ($($name:expr => $value:expr),* $(,)?) => { $crate::Columns::new()$(.bind($name, $value))* };
}
