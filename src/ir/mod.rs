//! The middle form.

pub mod arrays;
pub mod eval;
pub mod func;
pub mod op;
