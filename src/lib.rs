//! Cresset.
#![deny(unsafe_code)]

pub mod math;
mod span;

pub use span::Span;
