//! From SSA to machine code.

pub mod blob;
pub mod flat;
pub mod frame;
pub mod target;

use thiserror::Error;

/// A machine that code can be made for, on any host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arch {
    /// x86-64, at least `x86-64-v3`.
    X64,
    /// AArch64 with NEON.
    A64,
}

/// What the processor offers beyond what [`Arch`] asks for: a value, not a global, so that any level can be tested anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CpuFeatures {
    /// AVX2, FMA, BMI1, BMI2, LZCNT, POPCNT.
    V3,
    /// `V3` and AVX-512 (F, VL, DQ, BW).
    V4,
    /// AArch64's NEON.
    Neon,
}

/// Why no code could be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodegenError {
    /// A function is larger than the register allocator, a branch or an offset can take.
    #[error("the function `{0}` is too large to compile")]
    TooLarge(String),
    /// The function is not well-formed: a fault of the compiler.
    #[error("internal error: {0}")]
    Malformed(String),
}
