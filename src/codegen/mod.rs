//! From SSA to machine code.

pub mod blob;
