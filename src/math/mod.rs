//! The elementary functions, each written once over [`real::Real`].

pub mod dd;
pub mod real;
