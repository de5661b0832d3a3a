//! The reference interpreter: walks the typed tree as it is. It is the meaning of a program, the oracle of the tests, and what runs where no
//! machine code may.
//!
//! A program's frames, values and pending work lie in vectors on the heap ([`machine`]), so neither calls nor nesting recurse in Rust: any depth
//! limit works. Ids out of the tree index its pools directly: checking the program made sure that they are in range.

mod expr;
mod heap;
mod machine;
mod stmt;
#[cfg(test)]
mod tests;

use crate::host::HostFn;
use crate::ir::eval::canonical;
use crate::limits::{CancelHandle, Limits};
use crate::runtime::fpenv::FpEnv;
use crate::sema::hir::{FuncId, Hir};
use crate::trap::Trap;
use crate::types::Type;
use crate::value::{Arg, SliceMut, Value};
use heap::Buffer;
use machine::{Machine, Stop, Val};

/// What a run needs.
#[derive(Debug)]
pub struct Run<'a> {
    /// The program.
    pub hir: &'a Hir,
    /// The host's functions, in the order that the program was compiled with.
    pub hosts: &'a [HostFn],
    /// What it may use.
    pub limits: &'a Limits,
    /// Stops it.
    pub cancel: Option<&'a CancelHandle>,
    /// The floating-point environment, already the language's; host functions run in the host's.
    pub fp: &'a FpEnv,
}

/// Why a run gave no value.
#[derive(Debug, thiserror::Error)]
pub enum InterpError {
    /// The program trapped.
    #[error("{0}")]
    Trap(Box<Trap>),
    /// The arguments are not what the function takes.
    #[error("{0}")]
    BadCall(String),
    /// The machine has no memory for the program's frames or for its result.
    #[error("there is no memory left for the program's frames or its result")]
    NoMemory,
    /// The tree contradicts itself: a mistake of this crate.
    #[error("the program's tree contradicts itself; this is a bug in cresset")]
    Inconsistent,
}

impl Run<'_> {
    /// Runs a function: its value, and what is left of the fuel where it is limited.
    ///
    /// # Errors
    /// See [`InterpError`].
    pub fn run(&self, func: FuncId, args: &mut [Arg<'_>]) -> Result<(Value, Option<u64>), InterpError> {
        let Some(callee) = self.hir.funcs.get(func.0 as usize) else {
            return Err(InterpError::BadCall("there is no such function".to_owned()));
        };
        if callee.params.len() != args.len() {
            let (takes, given) = (callee.params.len(), args.len());
            return Err(InterpError::BadCall(format!("the function takes {takes} arguments, not {given}")));
        }
        let mut machine = Machine::new(self);
        for ((name, param), arg) in self.hir.params(callee).zip(args) {
            let given = arg.ty();
            let value = match (param.ty, arg) {
                (Type::F64, Arg::F64(x)) => Val::f64(canonical(*x)),
                (Type::F64, Arg::I64(n)) => Val::f64(*n as f64),
                (Type::I64, Arg::I64(n)) => Val::i64(*n),
                (Type::Bool, Arg::Bool(b)) => Val::bool(*b),
                (Type::Array(elem), Arg::Slice(slice)) if slice.elem() == elem && !param.mutable => {
                    machine.adopt(Buffer::Read(*slice))?
                }
                (Type::Array(elem), Arg::SliceMut(slice)) if slice.elem() == elem => {
                    machine.adopt(Buffer::Write(reborrow(slice)))?
                }
                (Type::Array(_), Arg::Slice(slice)) if param.mutable && param.ty == Type::Array(slice.elem()) => {
                    let message = format!("`{name}` is `mut`: it needs a mutable slice");
                    return Err(InterpError::BadCall(message));
                }
                _ => {
                    let message = format!("`{name}` is {}, not {given}", param.ty);
                    return Err(InterpError::BadCall(message));
                }
            };
            machine.push(value)?;
        }
        match machine.run(func) {
            Ok(value) => Ok((machine.result(value, callee.result)?, machine.fuel_left())),
            Err(stop) => Err(machine.error(stop)),
        }
    }
}

/// A host's array for the time of a run.
pub(crate) fn reborrow<'s>(slice: &'s mut SliceMut<'_>) -> SliceMut<'s> {
    match slice {
        SliceMut::F64(s) => SliceMut::F64(s),
        SliceMut::F32(s) => SliceMut::F32(s),
        SliceMut::I64(s) => SliceMut::I64(s),
        SliceMut::I32(s) => SliceMut::I32(s),
        SliceMut::U8(s) => SliceMut::U8(s),
        SliceMut::Bool(s) => SliceMut::Bool(s),
    }
}

impl From<Stop> for InterpError {
    fn from(stop: Stop) -> InterpError {
        match stop {
            Stop::NoMemory => InterpError::NoMemory,
            Stop::Inconsistent => InterpError::Inconsistent,
            Stop::Trap(kind, span) => InterpError::Trap(Box::new(Trap::new(kind, span))),
        }
    }
}
