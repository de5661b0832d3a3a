//! Cresset.
#![deny(unsafe_code)]

mod budget;
pub mod codegen;
pub mod diagnostic;
pub mod engine;
pub mod error;
pub mod host;
pub mod interp;
pub mod ir;
pub mod limits;
#[cfg(feature = "disasm")]
pub mod listing;
pub mod math;
#[allow(unsafe_code, reason = "owns the mappings of the process that this crate makes")]
pub mod memory;
pub mod module;
pub mod opt;
#[allow(unsafe_code, reason = "enters machine code, and is called by it")]
pub mod runtime;
pub mod sandbox;
pub mod sema;
pub mod signature;
mod span;
pub mod syntax;
pub mod trap;
pub mod types;
pub mod value;

pub use diagnostic::Diagnostic;
pub use engine::{Config, Cpu, Engine, Execution, Inspection};
pub use error::{Error, SourceError};
pub use host::{HostError, HostFn};
pub use limits::{CancelHandle, Limits};
pub use module::{Func, Function, Module};
pub use sandbox::Sandbox;
pub use span::Span;
pub use trap::{Trap, TrapKind};
pub use types::{Elem, Type};
pub use value::{Arg, Array, Slice, SliceMut, Value};
