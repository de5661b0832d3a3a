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
}

impl HostFn {
    /// Calls it; a panic inside becomes [`HostError::Panicked`], a result of another type [`HostError::Failed`].
    pub fn invoke(&self, args: &[Value]) -> Result<Value, HostError> {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.call)(args)));
        match outcome {
            Ok(Ok(value)) if value.ty() == self.result => Ok(value),
            Ok(Ok(value)) => Err(HostError::Failed(format!("{} gave {}, not {}", self.name, value.ty(), self.result))),
            Ok(Err(error)) => Err(error),
            Err(payload) => {
                let message = payload
                    .downcast_ref::<&str>()
                    .map(|s| (*s).to_owned())
                    .or_else(|| payload.downcast_ref::<String>().cloned())
                    .unwrap_or_else(|| "a panic without a message".to_owned());
                let panic = Some(Arc::new(std::sync::Mutex::new(payload)));
                Err(HostError::Panicked(HostFailure { message, panic }))
            }
        }
    }
}

impl fmt::Debug for HostFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostFn({} {:?} -> {})", self.name, self.params, self.result)
    }
}
