//! The verifier: reads finished machine code, in the pages that it will run in, and accepts only what cannot leave its walls.
//!
//! It shares no code with what makes machine code. Decoders of each machine translate instructions to [`step::Step`]s; the rules are stated once, over those.

pub mod a64;
mod access;
mod arrays;
mod attempt;
mod calls;
mod check;
mod division;
mod exact;
mod execute;
mod explain;
pub mod graph;
mod join;
mod lanes;
mod live;
mod loops;
pub mod machine;
mod numbers;
mod plain;
mod prove;
mod room;
mod slots;
mod start;
pub mod state;
pub mod step;
pub mod values;
mod written;
pub mod x64;

#[cfg(test)]
mod tests;

use crate::codegen::Arch;
use crate::codegen::blob::{FuncCode, PoolEntry, Site};
use crate::runtime::program::FuncSignature;
use crate::sema::hir::FuncId;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use step::{Decode, Refused};

/// What the code must keep to.
#[derive(Clone, Copy, Debug)]
pub struct Contract<'a> {
    /// Which machine it is for.
    pub arch: Arch,
    /// Its functions: where each lies, how large its frame is at calls, whether it may be called as a C function.
    pub funcs: &'a [FuncCode],
    /// What they take and give, by their numbers.
    pub signatures: &'a [FuncSignature],
    /// What return addresses mean.
    pub sites: &'a [Site],
    /// The words of the pool.
    pub pool: &'a [PoolEntry],
    /// Bytes of a vector.
    pub vector_bytes: u32,
    /// Which loops take fuel.
    pub loops: Loops,
    /// Whether a function may come to call itself, through others too.
    pub recursive: bool,
}

/// Which loops must take fuel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loops {
    /// None: the host wants no metering.
    Free,
    /// All.
    Metered,
    /// All but those of functions from this one on, which go from row to row: they count towards a number that stays.
    Rows(FuncId),
}

/// Where code lies, and its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The code's first byte.
    pub code: u64,
    /// The pool's.
    pub pool: u64,
}

/// What was found of code that was accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Instructions.
    pub instructions: u32,
    /// Heads of loops.
    pub loops: u32,
}

/// Why code was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The instruction.
    pub offset: u32,
    /// What is wrong.
    pub reason: Reason,
}

static REJECTIONS: AtomicU64 = AtomicU64::new(0);

/// Notes that code was rejected before it could run.
pub(crate) fn note_rejection() {
    REJECTIONS.fetch_add(1, Ordering::Relaxed);
}

/// How often code was rejected in this process before it could run: it was made again with every check that the optimizer had left out, or not at all.
pub fn rejections() -> u64 {
    REJECTIONS.load(Ordering::Relaxed)
}

/// What is wrong with code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No instruction that may stand there.
    Refused(Refused),
    /// An instruction that goes beyond its function's end.
    Straddles,
    /// An instruction that does something behind a branch.
    Shape,
    /// A branch or call to what is no instruction of the same function, or no function.
    Target,
    /// Control goes on behind a function's last instruction.
    FallsOff,
    /// The functions do not cover the code.
    Cover,
    /// Instructions that control never comes to.
    Unreachable,
    /// A function has no signature.
    Signature,
    /// An access outside the frame.
    Frame,
    /// An access of the context where there is nothing for code, or a wrong value for it.
    Context,
    /// An access outside the pool.
    Pool,
    /// An access by an address that is no array's.
    Address,
    /// An access outside an array.
    Bounds,
    /// A division that the processor may fault for.
    Divisor,
    /// A write to an array that may only be read.
    ReadOnly,
    /// A register that is reserved was written.
    Reserved,
    /// Fuel is not kept as it must be.
    Fuel,
    /// A loop that takes no fuel, and need not end.
    Endless,
    /// Functions call each other round, where the program has no such functions.
    Recursion,
    /// Levels of calls are not kept as they must be.
    Depth,
    /// The stack pointer is moved too far, or back beyond its start.
    Stack,
    /// The stack pointer is not where it must be at a call.
    CallStack,
    /// A call of what is no function of the runtime.
    Callee,
    /// An argument of a call.
    Argument,
    /// A call that is not in the table of return addresses, or not as that.
    Site,
    /// A call or access that a function without a context may not do.
    Pure,
    /// A function returns without a register as it was.
    Saved,
    /// A function without floats has some.
    Floats,
    /// A function gives what is no array.
    Result,
    /// Ways that lead to the same place with the stack pointer, or fuel, in different places.
    Join,
    /// A way back to a loop's head that does not keep what holds there.
    Loop,
    /// More had to be looked at than a function of its size is worth.
    Effort,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:#x}", self.reason, self.offset)
    }
}

/// Whether the code keeps to its contract, as this decoder reads it.
///
/// # Errors
/// The first instruction that does not, and why.
pub fn check(contract: &Contract<'_>, decoder: &dyn Decode, code: &[u8]) -> Result<Verified, Rejection> {
    check::check(contract, decoder, code)
}

/// Why code is rejected, with what was known there: for whoever looks for a fault in the emitter, or for a rule that is missing.
pub fn explain(contract: &Contract<'_>, code: &[u8], at: Addresses) -> String {
    let mut text = String::new();
    let pool_len = contract.pool.len() as u64 * 8;
    let tell = &mut |checker: &check::Checker<'_>| text = explain::state(checker);
    let result = match contract.arch {
        Arch::X64 => {
            let pool = at.pool..at.pool.saturating_add(pool_len);
            let decoder = x64::X64Decoder::new(at.code, pool, contract.vector_bytes == 64);
            check::check_and_tell(contract, &decoder, code, tell)
        }
        Arch::A64 => check::check_and_tell(contract, &a64::A64Decoder::new(at.code, at.pool, pool_len), code, tell),
    };
    match result {
        Ok(_) => "accepted".to_owned(),
        Err(rejection) => format!("{rejection}\n{text}"),
    }
}

/// Whether the code keeps to its contract.
///
/// # Errors
/// The first instruction that does not, and why.
pub fn verify(contract: &Contract<'_>, code: &[u8], at: Addresses) -> Result<Verified, Rejection> {
    let pool_len = contract.pool.len() as u64 * 8;
    match contract.arch {
        Arch::X64 => {
            let pool = at.pool..at.pool.saturating_add(pool_len);
            check(contract, &x64::X64Decoder::new(at.code, pool, contract.vector_bytes == 64).over(code), code)
        }
        Arch::A64 => check(contract, &a64::A64Decoder::new(at.code, at.pool, pool_len), code),
    }
}
