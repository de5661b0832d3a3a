//! From a syntax tree to a typed one.

pub mod hir;
