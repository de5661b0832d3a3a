//! The middle form.

pub mod op;
