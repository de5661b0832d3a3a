//! Cresset.
#![deny(unsafe_code)]

mod budget;
pub mod codegen;
pub mod diagnostic;
pub mod host;
pub mod ir;
pub mod limits;
pub mod math;
#[allow(unsafe_code, reason = "owns the mappings of the process that this crate makes")]
pub mod memory;
pub mod opt;
pub mod runtime;
pub mod sema;
mod span;
pub mod syntax;
pub mod trap;
pub mod types;
pub mod value;

pub use diagnostic::Diagnostic;
pub use span::Span;
pub use trap::{Trap, TrapKind};
pub use types::{Elem, Type};
