//! The middle form.

pub mod arrays;
pub mod build;
pub mod emit;
pub mod eval;
pub mod func;
pub mod index;
#[cfg(test)]
pub(crate) mod interp;
#[cfg(test)]
mod lanes_tests;
pub mod op;
pub mod print;
pub mod verify;
