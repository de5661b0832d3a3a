//! Functions of the host that programs call, as plain data and closures.

use crate::trap::{HostFailure, TrapKind};
use crate::types::Type;
use crate::value::Value;
use std::fmt;
use std::sync::Arc;

/// What a host function takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostParams {
    /// These scalars; an `i64` is promoted where an `f64` is due.
    Fixed(Vec<Type>),
    /// Any number of scalars of any types, as `print`.
    Scalars,
}

/// Why a host function did not give a value.
#[derive(Clone, Debug)]
pub enum HostError {
    /// The argument is none that it takes: the program traps `BadArgument`.
    BadArgument,
    /// It failed: the program traps `HostError` with this message.
    Failed(String),
    /// It panicked: the program traps `HostError`, and the payload is kept.
    Panicked(HostFailure),
}

impl HostError {
    /// The trap it becomes.
    pub fn kind(&self) -> TrapKind {
        match self {
            HostError::BadArgument => TrapKind::BadArgument,
            HostError::Failed(_) | HostError::Panicked(_) => TrapKind::HostError,
        }
    }
}

/// The closure behind a host function; arguments have the declared types.
pub type HostClosure = dyn Fn(&[Value]) -> Result<Value, HostError> + Send + Sync;

/// A function of the host that programs can call by name.
#[derive(Clone)]
pub struct HostFn {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub params: HostParams,
    /// What it gives: a scalar or `()`.
    pub result: Type,
    /// What it does.
    pub call: Arc<HostClosure>,
    words: Option<Arc<WordsClosure>>,
}

/// The closure behind a host function of fixed types, on words: of each argument its type and its bits; it leaves the result's bits in the second one.
/// What it gives back is one word, which comes in a register.
type WordsClosure = dyn Fn(&[u64], &mut u64) -> Result<(), Box<HostError>> + Send + Sync;

impl HostFn {
    /// A host function that takes and gives values whose types are known only at run time.
    pub fn new(
        name: &str,
        params: HostParams,
        result: Type,
        call: impl Fn(&[Value]) -> Result<Value, HostError> + Send + Sync + 'static,
    ) -> HostFn {
        HostFn { name: name.to_owned(), params, result, call: Arc::new(call), words: None }
    }

    /// Calls it as machine code does: with the type (0 `f64`, 1 `i64`, 2 `bool`) and the bits of each argument; it leaves its result's bits.
    #[inline]
    pub(crate) fn invoke_words(&self, words: &[u64], result: &mut u64) -> Result<(), Box<HostError>> {
        let Some(call) = &self.words else { return self.invoke_values(words, result) };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| call(words, result)));
        outcome.unwrap_or_else(|payload| Err(Box::new(panicked(payload))))
    }

    fn invoke_values(&self, words: &[u64], result: &mut u64) -> Result<(), Box<HostError>> {
        let value = |pair: &[u64]| match pair[0] {
            0 => Value::F64(f64::from_bits(pair[1])),
            1 => Value::I64(pair[1] as i64),
            _ => Value::Bool(pair[1] != 0),
        };
        let values: Vec<Value> = words.chunks_exact(2).map(value).collect();
        *result = match self.invoke(&values)? {
            Value::F64(x) => x.to_bits(),
            Value::I64(n) => n as u64,
            Value::Bool(b) => u64::from(b),
            Value::Unit | Value::Array(_) => 0,
        };
        Ok(())
    }

    /// Calls it; a panic inside becomes [`HostError::Panicked`], a result of another type [`HostError::Failed`].
    pub fn invoke(&self, args: &[Value]) -> Result<Value, HostError> {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.call)(args)));
        match outcome {
            Ok(Ok(value)) if value.ty() == self.result => Ok(value),
            Ok(Ok(value)) => Err(HostError::Failed(format!("{} gave {}, not {}", self.name, value.ty(), self.result))),
            Ok(Err(error)) => Err(error),
            Err(payload) => Err(panicked(payload)),
        }
    }
}

#[cold]
fn panicked(payload: Box<dyn std::any::Any + Send>) -> HostError {
    let message = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    let panic = Some(Arc::new(std::sync::Mutex::new(payload)));
    HostError::Panicked(HostFailure { message, panic })
}

impl fmt::Debug for HostFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostFn({} {:?} -> {})", self.name, self.params, self.result)
    }
}

impl From<String> for HostError {
    fn from(message: String) -> HostError {
        HostError::Failed(message)
    }
}

impl From<&str> for HostError {
    fn from(message: &str) -> HostError {
        HostError::Failed(message.to_owned())
    }
}

/// A scalar that crosses between host functions and programs.
pub trait HostScalar: Sized + Send + Sync + 'static {
    /// Its type in the language.
    const TYPE: Type;
    /// From a value of that type.
    fn from_value(value: &Value) -> Option<Self>;
    /// From the bits of a value of that type.
    fn from_bits(bits: u64) -> Self;
}

impl HostScalar for f64 {
    const TYPE: Type = Type::F64;
    fn from_value(value: &Value) -> Option<f64> {
        match value {
            Value::F64(x) => Some(*x),
            _ => None,
        }
    }
    fn from_bits(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
}

impl HostScalar for i64 {
    const TYPE: Type = Type::I64;
    fn from_value(value: &Value) -> Option<i64> {
        match value {
            Value::I64(n) => Some(*n),
            _ => None,
        }
    }
    fn from_bits(bits: u64) -> i64 {
        bits as i64
    }
}

impl HostScalar for bool {
    const TYPE: Type = Type::Bool;
    fn from_value(value: &Value) -> Option<bool> {
        match value {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }
    fn from_bits(bits: u64) -> bool {
        bits != 0
    }
}

/// What a host closure gives: `f64`, `i64`, `bool`, `()`, or a `Result` of one of them.
pub trait HostResult {
    /// Its type in the language.
    const TYPE: Type;
    /// As a value or a failure.
    fn into_value(self) -> Result<Value, HostError>;
    /// As the bits of a value or a failure.
    fn into_bits(self) -> Result<u64, HostError>;
}

macro_rules! host_results {
    ($($ty:ty, $tag:ident, |$value:ident| $bits:expr;)*) => {$(
        impl HostResult for $ty {
            const TYPE: Type = Type::$tag;
            fn into_value(self) -> Result<Value, HostError> {
                Ok(Value::from(self))
            }
            fn into_bits(self) -> Result<u64, HostError> {
                let $value = self;
                Ok($bits)
            }
        }
    )*};
}

host_results! {
    f64, F64, |x| x.to_bits();
    i64, I64, |n| n as u64;
    bool, Bool, |b| u64::from(b);
    (), Unit, |_unit| 0;
}

impl<T: HostResult, E: Into<HostError>> HostResult for Result<T, E> {
    const TYPE: Type = T::TYPE;
    fn into_value(self) -> Result<Value, HostError> {
        self.map_err(Into::into)?.into_value()
    }
    fn into_bits(self) -> Result<u64, HostError> {
        self.map_err(Into::into)?.into_bits()
    }
}

/// A closure that can be a host function: up to eight parameters of `f64`, `i64`, `bool`.
pub trait IntoHostFn<Args> {
    /// The host function of this name.
    fn into_host_fn(self, name: &str) -> HostFn;
}

macro_rules! host_closures {
    ($(($($arg:ident)*))*) => {$(
        impl<F, R, $($arg: HostScalar),*> IntoHostFn<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
            R: HostResult,
        {
            #[allow(non_snake_case, unused_mut, unused_variables, reason = "a macro over any number of parameters")]
            fn into_host_fn(self, name: &str) -> HostFn {
                let closure = Arc::new(self);
                let on_words = closure.clone();
                let words = move |words: &[u64], result: &mut u64| {
                    let mut bits = words.chunks_exact(2).map(|pair| pair[1]);
                    $(
                        let $arg = $arg::from_bits(
                            bits.next().ok_or_else(|| Box::new(HostError::Failed("too few arguments".to_owned())))?,
                        );
                    )*
                    *result = on_words($($arg),*).into_bits()?;
                    Ok(())
                };
                let call = move |args: &[Value]| {
                    let mut args = args.iter();
                    $(
                        let $arg = args
                            .next()
                            .and_then($arg::from_value)
                            .ok_or_else(|| HostError::Failed("an argument of another type".to_owned()))?;
                    )*
                    closure($($arg),*).into_value()
                };
                HostFn {
                    name: name.to_owned(),
                    params: HostParams::Fixed(vec![$($arg::TYPE),*]),
                    result: R::TYPE,
                    call: Arc::new(call),
                    words: Some(Arc::new(words)),
                }
            }
        }
    )*};
}

host_closures! {
    () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E G) (A B C D E G H) (A B C D E G H I)
}
