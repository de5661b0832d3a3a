//! The middle form.

pub mod eval;
pub mod func;
pub mod op;
