//! The middle form.

pub mod func;
pub mod op;
