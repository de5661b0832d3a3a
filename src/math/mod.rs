//! The elementary functions, each written once over [`real::Real`].

pub mod dd;
pub mod inverse_trig;
pub mod real;
pub mod trig;
mod trig_reduce;

pub use inverse_trig::{acos, asin, atan, atan2};
pub use trig::{cos, sin, tan};
