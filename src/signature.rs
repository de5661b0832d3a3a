//! The types of typed handles: Rust function pointer types that name a signature of the language.

use crate::runtime::raw::{Raw, RawArgs, RawSlice};
use crate::types::{Elem, Type};
use crate::value::{Arg, Array, Slice, SliceMut, Value};

/// An element type of arrays, as Rust has it.
pub trait Element: Copy + Send + Sync + 'static + sealed::Sealed {
    /// Its name in the language.
    const ELEM: Elem;
    /// As an argument to read.
    fn slice(slice: &[Self]) -> Arg<'_>;
    /// As an argument to write.
    fn slice_mut(slice: &mut [Self]) -> Arg<'_>;
    /// As elements whose type is known only at run time.
    fn as_slice(slice: &[Self]) -> Slice<'_>;
    /// As elements to write whose type is known only at run time.
    fn as_slice_mut(slice: &mut [Self]) -> SliceMut<'_>;
    /// `0`, `0.0` or `false`.
    const ZERO: Self;
    /// From a returned array.
    fn from_array(array: Array) -> Option<Vec<Self>>;
}

macro_rules! elements {
    ($($ty:ty, $tag:ident, $zero:expr;)*) => {$(
        impl sealed::Sealed for $ty {}
        impl Element for $ty {
            const ELEM: Elem = Elem::$tag;
            const ZERO: $ty = $zero;
            fn as_slice(slice: &[$ty]) -> Slice<'_> {
                Slice::$tag(slice)
            }
            fn as_slice_mut(slice: &mut [$ty]) -> SliceMut<'_> {
                SliceMut::$tag(slice)
            }
            fn slice(slice: &[$ty]) -> Arg<'_> {
                Arg::from(slice)
            }
            fn slice_mut(slice: &mut [$ty]) -> Arg<'_> {
                Arg::from(slice)
            }
            fn from_array(array: Array) -> Option<Vec<$ty>> {
                match array {
                    Array::$tag(v) => Some(v),
                    _ => None,
                }
            }
        }
    )*};
}

elements!(f64, F64, 0.0; f32, F32, 0.0; i64, I64, 0; i32, I32, 0; u8, U8, 0; bool, Bool, false;);

/// A scalar parameter.
pub trait ScalarParam: Copy + 'static + sealed::Sealed {
    /// Its type in the language.
    const TYPE: Type;
    /// What machine code takes.
    type Raw: Raw;
    /// As an argument.
    fn arg(self) -> Arg<'static>;
    /// As machine code takes it.
    fn raw(self) -> Self::Raw;
}

impl ScalarParam for f64 {
    const TYPE: Type = Type::F64;
    type Raw = f64;
    fn arg(self) -> Arg<'static> {
        Arg::F64(self)
    }
    #[inline]
    fn raw(self) -> f64 {
        self
    }
}

impl ScalarParam for i64 {
    const TYPE: Type = Type::I64;
    type Raw = i64;
    fn arg(self) -> Arg<'static> {
        Arg::I64(self)
    }
    #[inline]
    fn raw(self) -> i64 {
        self
    }
}

impl ScalarParam for bool {
    const TYPE: Type = Type::Bool;
    type Raw = u64;
    fn arg(self) -> Arg<'static> {
        Arg::Bool(self)
    }
    #[inline]
    fn raw(self) -> u64 {
        u64::from(self)
    }
}

/// A result: `f64`, `i64`, `bool`, `()`, or `Vec` of an element type.
pub trait Output: Sized + sealed::Sealed {
    /// Its type in the language.
    const TYPE: Type;
    /// From a value of that type.
    fn from_value(value: Value) -> Option<Self>;
    /// What machine code returns.
    type Raw: Raw;
    /// From what machine code returns; `None` for arrays, which are copied out.
    fn from_raw(raw: Self::Raw) -> Option<Self>;
}

impl Output for f64 {
    const TYPE: Type = Type::F64;
    type Raw = f64;
    fn from_value(value: Value) -> Option<f64> {
        match value {
            Value::F64(x) => Some(x),
            _ => None,
        }
    }
    #[inline]
    fn from_raw(raw: f64) -> Option<f64> {
        Some(raw)
    }
}

impl Output for i64 {
    const TYPE: Type = Type::I64;
    type Raw = i64;
    fn from_value(value: Value) -> Option<i64> {
        match value {
            Value::I64(n) => Some(n),
            _ => None,
        }
    }
    #[inline]
    fn from_raw(raw: i64) -> Option<i64> {
        Some(raw)
    }
}

impl Output for bool {
    const TYPE: Type = Type::Bool;
    type Raw = u64;
    fn from_value(value: Value) -> Option<bool> {
        match value {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }
    #[inline]
    fn from_raw(raw: u64) -> Option<bool> {
        Some(raw != 0)
    }
}

impl sealed::Sealed for () {}

impl Output for () {
    const TYPE: Type = Type::Unit;
    type Raw = ();
    fn from_value(_: Value) -> Option<()> {
        Some(())
    }
    #[inline]
    fn from_raw((): ()) -> Option<()> {
        Some(())
    }
}

impl<T: Element> sealed::Sealed for Vec<T> {}

impl<T: Element> Output for Vec<T> {
    const TYPE: Type = Type::Array(T::ELEM);
    type Raw = RawSlice;
    fn from_value(value: Value) -> Option<Vec<T>> {
        match value {
            Value::Array(array) => T::from_array(array),
            _ => None,
        }
    }
    #[inline]
    fn from_raw(_: RawSlice) -> Option<Vec<T>> {
        None
    }
}

// Calls rely on `raw` for memory safety, so only the implementations below may exist.
mod sealed {
    pub trait Sealed {}
}

/// A signature: `fn(f64, i64, &[f64], &mut [f64]) -> f64` and the like, of up to 4 parameters of any kind or up to 8 scalars. A plain array parameter is
/// `&[T]`, a `mut` one `&mut [T]`, an array result `Vec<T>`.
pub trait Signature: sealed::Sealed {
    /// What [`crate::Func::call`] takes: nothing, the one argument, or a tuple of them.
    type Args<'a>;
    /// What it gives.
    type Output: Output;
    /// The parameters' types, and whether each is `mut`.
    fn params() -> Vec<(Type, bool)>;
    /// What machine code takes.
    type Raw: RawArgs;
    /// The arguments as machine code takes them.
    fn raw(args: Self::Args<'_>) -> Self::Raw;
    /// The arguments as values.
    fn args<'a>(args: Self::Args<'a>) -> Vec<Arg<'a>>;
}

// One parameter of each kind: what it is in the pointer type, in the arguments, and how it is passed.
macro_rules! kind {
    (pointer s $t:ident $l:lifetime) => { $t };
    (pointer r $t:ident $l:lifetime) => { &$l [$t] };
    (pointer m $t:ident $l:lifetime) => { &$l mut [$t] };
    (describe s $t:ident) => { ($t::TYPE, false) };
    (describe r $t:ident) => { (Type::Array($t::ELEM), false) };
    (describe m $t:ident) => { (Type::Array($t::ELEM), true) };
    (raw_type s $t:ident) => { $t::Raw };
    (raw_type r $t:ident) => { RawSlice };
    (raw_type m $t:ident) => { RawSlice };
    (raw s $v:ident) => { $v.raw() };
    (raw r $v:ident) => { RawSlice { address: $v.as_ptr().expose_provenance() as u64, len: $v.len() as u64 } };
    (raw m $v:ident) => { RawSlice { address: $v.as_mut_ptr().expose_provenance() as u64, len: $v.len() as u64 } };
    (arg s $v:ident) => { $v.arg() };
    (arg r $v:ident) => { Element::slice($v) };
    (arg m $v:ident) => { Element::slice_mut($v) };
}

macro_rules! signature {
    // No parameter.
    ([]) => {
        impl<R: Output> sealed::Sealed for fn() -> R {}
        impl<R: Output> Signature for fn() -> R {
            type Args<'a> = ();
            type Output = R;
            fn params() -> Vec<(Type, bool)> {
                Vec::new()
            }
            type Raw = ();
            #[inline]
            fn raw((): ()) {}
            fn args<'a>((): ()) -> Vec<Arg<'a>> {
                Vec::new()
            }
        }
    };
    ([$(($kind:ident $t:ident $v:ident $l:lifetime))+]) => {
        signature!(@bounds [$(($kind $t $v $l))+] [$(($kind $t $v $l))+] []);
    };
    (@bounds [] $all:tt [$($bounds:tt)*]) => { signature!(@emit $all [$($bounds)*]); };
    (@bounds [(s $t:ident $v:ident $l:lifetime) $($rest:tt)*] $all:tt [$($bounds:tt)*]) => {
        signature!(@bounds [$($rest)*] $all [$($bounds)* $t: ScalarParam,]);
    };
    (@bounds [($kind:ident $t:ident $v:ident $l:lifetime) $($rest:tt)*] $all:tt [$($bounds:tt)*]) => {
        signature!(@bounds [$($rest)*] $all [$($bounds)* $t: Element,]);
    };
    // One parameter is not wrapped into a tuple.
    (@emit [($kind:ident $t:ident $v:ident $l:lifetime)] [$($bounds:tt)*]) => {
        impl<Ret: Output, $($bounds)*> sealed::Sealed for for<$l> fn(kind!(pointer $kind $t $l)) -> Ret {}
        impl<Ret: Output, $($bounds)*> Signature for for<$l> fn(kind!(pointer $kind $t $l)) -> Ret {
            type Args<'a> = kind!(pointer $kind $t 'a);
            type Output = Ret;
            fn params() -> Vec<(Type, bool)> {
                vec![kind!(describe $kind $t)]
            }
            type Raw = (kind!(raw_type $kind $t),);
            #[inline]
            fn raw($v: Self::Args<'_>) -> Self::Raw {
                (kind!(raw $kind $v),)
            }
            fn args<'a>($v: Self::Args<'a>) -> Vec<Arg<'a>> {
                vec![kind!(arg $kind $v)]
            }
        }
    };
    (@emit [$(($kind:ident $t:ident $v:ident $l:lifetime))+] [$($bounds:tt)*]) => {
        impl<Ret: Output, $($bounds)*> sealed::Sealed for for<$($l),+> fn($(kind!(pointer $kind $t $l)),+) -> Ret {}
        impl<Ret: Output, $($bounds)*> Signature for for<$($l),+> fn($(kind!(pointer $kind $t $l)),+) -> Ret {
            type Args<'a> = ($(kind!(pointer $kind $t 'a),)+);
            type Output = Ret;
            fn params() -> Vec<(Type, bool)> {
                vec![$(kind!(describe $kind $t)),+]
            }
            type Raw = ($(kind!(raw_type $kind $t),)+);
            #[inline]
            fn raw(($($v,)+): Self::Args<'_>) -> Self::Raw {
                ($(kind!(raw $kind $v),)+)
            }
            fn args<'a>(($($v,)+): Self::Args<'a>) -> Vec<Arg<'a>> {
                vec![$(kind!(arg $kind $v)),+]
            }
        }
    };
}

// All combinations of kinds for so many parameters.
macro_rules! combinations {
    ([] $done:tt) => { signature!($done); };
    ([($t:ident $v:ident $l:lifetime) $($rest:tt)*] [$($done:tt)*]) => {
        combinations!([$($rest)*] [$($done)* (s $t $v $l)]);
        combinations!([$($rest)*] [$($done)* (r $t $v $l)]);
        combinations!([$($rest)*] [$($done)* (m $t $v $l)]);
    };
}

combinations!([] []);
combinations!([(A a 'p)] []);
combinations!([(A a 'p) (B b 'q)] []);
combinations!([(A a 'p) (B b 'q) (C c 'r)] []);
combinations!([(A a 'p) (B b 'q) (C c 'r) (D d 's)] []);
signature!([(s A a 'p) (s B b 'q) (s C c 'r) (s D d 's) (s E e 't)]);
signature!([(s A a 'p) (s B b 'q) (s C c 'r) (s D d 's) (s E e 't) (s F f 'u)]);
signature!([(s A a 'p) (s B b 'q) (s C c 'r) (s D d 's) (s E e 't) (s F f 'u) (s G g 'v)]);
signature!([(s A a 'p) (s B b 'q) (s C c 'r) (s D d 's) (s E e 't) (s F f 'u) (s G g 'v) (s H h 'w)]);
