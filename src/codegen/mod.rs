//! From SSA to machine code: regions to blocks ([`flatten`]), registers ([`regalloc`]), the order of blocks ([`layout`]), the place of the prologue ([`shrink`]), bytes ([`x64`], [`a64`], [`assemble`]).
//!
//! Either machine's code can be made on any host: the machine is a value, never `cfg`.

#[allow(clippy::useless_conversion, reason = "the assembler's macro converts register numbers")]
pub mod a64;
pub mod allocation;
mod assemble;
pub mod blob;
pub mod flat;
pub mod flatten;
mod flatten_vector;
pub mod frame;
pub mod layout;
#[cfg(feature = "disasm")]
pub mod listing;
#[cfg(debug_assertions)]
pub mod planted;
mod reciprocal;
pub mod regalloc;
mod scan;
mod shrink;
pub mod target;
#[cfg(all(test, feature = "disasm"))]
mod tests;
#[allow(clippy::useless_conversion, reason = "the assembler's macro converts register numbers")]
pub mod x64;

use crate::ir::func::Func;
use blob::CodeBlob;
use target::Target;
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
    /// `V3` and AVX-512 (F, VL, DQ, BW, CD).
    V4,
    /// AArch64's NEON.
    Neon,
}

impl CpuFeatures {
    /// How many lanes of 64 bits a vector has.
    pub const fn lanes(self) -> u8 {
        match self {
            CpuFeatures::V3 => 4,
            CpuFeatures::V4 => 8,
            CpuFeatures::Neon => 2,
        }
    }
}

/// What to make code for, and with what in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodegenOptions {
    /// The machine.
    pub arch: Arch,
    /// What it has.
    pub features: CpuFeatures,
    /// Whether calls take fuel and can be interrupted; loop heads do where the IR says so.
    pub metering: bool,
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

/// Compiles the functions of a program; a [`crate::sema::hir::FuncId`] is an index into `funcs`.
///
/// # Errors
/// A function that is too large, or not well-formed.
pub fn compile(funcs: &[Func], options: &CodegenOptions) -> Result<CodeBlob, CodegenError> {
    match options.arch {
        Arch::X64 => assemble::assemble::<x64::X64>(funcs, options),
        Arch::A64 => assemble::assemble::<a64::A64>(funcs, options),
    }
}

impl CodeBlob {
    /// Completes the instructions that address the pool, for code and pool at these addresses.
    ///
    /// # Errors
    /// The pool is out of the instructions' reach.
    pub fn link(&mut self, arch: Arch, code_address: u64, pool_address: u64) -> Result<(), CodegenError> {
        let patch = match arch {
            Arch::X64 => x64::X64::patch_pool_ref,
            Arch::A64 => a64::A64::patch_pool_ref,
        };
        for pool_ref in &self.pool_refs {
            patch(&mut self.code, pool_ref.at as usize, code_address, pool_address + u64::from(pool_ref.entry) * 8)?;
        }
        Ok(())
    }
}
