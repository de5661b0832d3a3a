//! The elementary functions, each written once over [`real::Real`].
//!
//! The maximum errors stated for exponentials, logarithms, powers, roots and hyperbolic functions are those that
//! `scripts/math_reference.py measure` saw against MPFR: random over all exponents, and close to the ends and turning points (`docs/accuracy.md`). Correctly rounded would be 0.5.

pub mod dd;
mod erf;
mod erf_tables;
pub mod exact;
mod exp;
mod hyperbolic;
mod inverse_trig;
mod lane_tables;
mod log;
mod pow;
pub mod real;
mod root;
pub mod table;
mod tables;
mod trig;
mod trig_reduce;

pub use erf::{erf, erfc};
pub use exact::{fma, fmod, pow_int, round_half_away};
pub use exp::{exp, exp2, expm1};
pub use hyperbolic::{acosh, asinh, atanh, cosh, sinh, tanh};
pub use inverse_trig::{acos, asin, atan, atan2};
pub use log::{ln, log1p, log2, log10};
pub use pow::pow;
pub use root::{cbrt, hypot};
pub use trig::{cos, sin, tan};

#[cfg(test)]
mod angle_tests;
#[cfg(test)]
mod tests;
