//! Safe ways into machine code: the arguments are checked against the function's signature, arrays are copied out.

use super::call::{Host, Run, RunError};
use super::program::Program;
use super::signals::Scope;
use crate::sema::hir::FuncId;
use crate::signature::{Output, Signature};
use crate::span::Span;
use crate::trap::{Trap, TrapKind};
use crate::types::{Elem, Type};
use crate::value::{Arg, Array, Value};
use std::marker::PhantomData;
use std::sync::Arc;

/// A function of published code whose signature was found to be `S`. Clones are the same function.
pub struct Entry<S> {
    program: Arc<Program>,
    func: FuncId,
    signature: PhantomData<fn() -> S>,
}

impl<S> Clone for Entry<S> {
    fn clone(&self) -> Entry<S> {
        Entry { program: self.program.clone(), func: self.func, signature: PhantomData }
    }
}

impl<S: Signature> Entry<S> {
    /// The function, if that is its signature.
    pub fn new(program: &Arc<Program>, func: FuncId) -> Option<Entry<S>> {
        let signature = program.signature(func)?;
        let matches = signature.result == S::Output::TYPE && signature.params == S::params();
        matches.then(|| Entry { program: program.clone(), func, signature: PhantomData })
    }

    /// Calls it.
    ///
    /// # Errors
    /// A trap, or no memory.
    #[inline]
    pub fn call(&self, host: Host<'_>, mut args: S::Args<'_>) -> Result<S::Output, RunError> {
        let (words, count) = S::words(&mut args);
        let mut run = Run { program: &self.program, func: self.func, host };
        // SAFETY: (R3) `new` compared the signature; `words` holds what it asks for, as `Signature` is sealed; the borrows in `args` live until the end of
        // this function. Defended by tests/api.rs.
        let result = unsafe { run.execute(&words[..count]) }?;
        match S::Output::from_word(result[0]) {
            Some(output) => Ok(output),
            // SAFETY: (R4) the result's type is an array, so the words are its address and length.
            None => {
                S::Output::from_value(unsafe { value_of(S::Output::TYPE, result, false) }?).ok_or(RunError::NoFunction)
            }
        }
    }
}

/// Calls the function with arguments whose types are known only now. An `i64` is promoted to an `f64` parameter.
///
/// # Errors
/// A trap, no memory, or [`RunError::NoFunction`] where the function's signature is another.
pub fn run_values(program: &Program, func: FuncId, host: Host<'_>, args: &mut [Arg<'_>]) -> Result<Value, RunError> {
    let catch_faults = host.catch_faults;
    let mut run = Run { program, func, host };
    let signature = program.signature(func).ok_or(RunError::NoFunction)?;
    let mut files = Vec::new();
    if signature.params.len() != args.len() {
        return Err(RunError::NoFunction);
    }
    let result_type = signature.result;
    let mut words = Vec::with_capacity(2 * args.len());
    for (arg, &(ty, mutable)) in args.iter_mut().zip(&signature.params) {
        match (arg, ty) {
            (Arg::F64(x), Type::F64) => words.push(x.to_bits()),
            (Arg::I64(n), Type::F64) => words.push((*n as f64).to_bits()),
            (Arg::I64(n), Type::I64) => words.push(*n as u64),
            (Arg::Bool(b), Type::Bool) => words.push(u64::from(*b)),
            (Arg::Slice(slice), Type::Array(elem)) if slice.elem() == elem && !mutable => {
                words.extend([slice.as_ptr().expose_provenance() as u64, slice.len() as u64]);
            }
            (Arg::SliceMut(slice), Type::Array(elem)) if slice.elem() == elem => {
                words.extend([slice.as_mut_ptr().expose_provenance() as u64, slice.len() as u64]);
            }
            (Arg::Mapped(mapped), Type::Array(elem))
                if mapped.elem() == elem && (!mutable || mapped.view().is_writable()) =>
            {
                words.extend([mapped.view().address(), mapped.view().len() as u64]);
                files.extend(mapped.view().fleeting_pages());
            }
            _ => return Err(RunError::NoFunction),
        }
    }
    let scope = (catch_faults || !files.is_empty()).then(|| Scope::new(program.code_range(), files));
    let entered = scope.as_ref().map(Scope::enter);
    // SAFETY: (R3) every argument was matched with its parameter; `args` is borrowed until the end of this function. Defended by tests/api.rs.
    let result = unsafe { run.execute(&words) }?;
    drop(entered);
    let from_file = scope.is_some_and(|scope| scope.has_files());
    // SAFETY: (R4) the words are the result that the signature names, and the arena was not reset since.
    unsafe { value_of(result_type, result, from_file) }
}

/// A result as a value; arrays are copied, those that may lie in a mapped file so that a page which is gone is a trap.
///
/// # Safety
/// The words are a result of this type, from a run whose arena and arguments still live.
unsafe fn value_of(ty: Type, words: [u64; 2], from_file: bool) -> Result<Value, RunError> {
    Ok(match ty {
        Type::Unit => Value::Unit,
        Type::F64 => Value::F64(f64::from_bits(words[0])),
        Type::I64 => Value::I64(words[0] as i64),
        Type::Bool => Value::Bool(words[0] != 0),
        // SAFETY: the caller vouches for it.
        Type::Array(elem) => Value::Array(unsafe {
            match elem {
                Elem::F64 => Array::F64(copy_out(words, from_file)?),
                Elem::F32 => Array::F32(copy_out(words, from_file)?),
                Elem::I64 => Array::I64(copy_out(words, from_file)?),
                Elem::I32 => Array::I32(copy_out(words, from_file)?),
                Elem::U8 => Array::U8(copy_out(words, from_file)?),
                Elem::Bool => Array::Bool(copy_out(words, from_file)?),
            }
        }),
    })
}

/// # Safety
/// So many elements of this type lie at the address.
unsafe fn copy_out<T: Copy>([address, len]: [u64; 2], from_file: bool) -> Result<Vec<T>, RunError> {
    let len = len as usize;
    let mut copy: Vec<T> = Vec::new();
    let bytes = len.saturating_mul(size_of::<T>());
    copy.try_reserve_exact(len).map_err(|_| RunError::Memory(crate::memory::MemoryError::TooLarge { size: bytes }))?;
    if from_file {
        // SAFETY: the caller vouches for it; the vector has room for them.
        unsafe {
            let from = std::ptr::with_exposed_provenance(address as usize);
            if !crate::memory::copy_if_there(from, copy.as_mut_ptr().cast(), bytes) {
                return Err(RunError::Trap(Box::new(Trap::new(TrapKind::BusError, Span::default()))));
            }
            copy.set_len(len);
        }
    } else if len > 0 {
        // SAFETY: the caller vouches for it.
        let elements =
            unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance::<T>(address as usize), len) };
        copy.extend_from_slice(elements);
    }
    Ok(copy)
}
