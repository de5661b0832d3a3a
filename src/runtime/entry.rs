//! Safe ways into machine code: the arguments are checked against the function's signature, arrays are copied out.

use super::call::{Call, HOST_STACK, Host, Hosts, RunError, Target, run};
use super::door::{Door, MOST, MOST_BARE, ResultIn};
use super::fpenv::{FpEnv, nearest_even};
use super::program::Program;
use super::raw::{FLOATS, INTS, Raw, RawArgs, Registers};
use super::signals::Scope;
use crate::budget::Budget;
use crate::limits::{CancelHandle, Limits};
use crate::memory::Arena;
use crate::sema::hir::FuncId;
use crate::signature::{Output, Signature};
use crate::span::Span;
use crate::trap::{Trap, TrapKind};
use crate::types::{Elem, Type};
use crate::value::{Arg, Array, Value};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::Arc;

/// A function of published code whose signature was found to be `S`, with all that a call needs to know beforehand. Clones are the same function.
pub struct Entry<S> {
    target: Target,
    hosts: Arc<Hosts>,
    /// What calls without a sandbox may use.
    limits: Limits,
    way: Way,
    /// Whether the floating-point environment makes no difference to it.
    any_environment: bool,
    /// Whether calls without a sandbox can go through a door with a context, and their first slice of fuel.
    is_quick_alone: bool,
    first_slice: i64,
    signature: PhantomData<fn() -> S>,
}

/// How code is entered.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// As a C function.
    Direct,
    /// Through a door for bare functions.
    Bare(Door),
    /// On the host's stack, where no deadline is set and no more nested calls are allowed than this; else as below.
    Quick { door: Door, depth: u32 },
    /// With a stack of its own, if it needs one.
    Slow,
}

impl Way {
    /// Whether a door with a context will do for these limits.
    #[inline]
    fn is_quick(self, limits: &Limits) -> bool {
        matches!(self, Way::Quick { depth, .. } if limits.depth <= depth) && limits.deadline.is_none()
    }
}

/// What a sandbox lends to a call.
struct Lent<'a> {
    cancel: &'a CancelHandle,
    arena: &'a mut Arena,
    fuel_left: &'a mut Option<u64>,
}

impl<S> Clone for Entry<S> {
    fn clone(&self) -> Entry<S> {
        Entry {
            target: self.target.clone(),
            hosts: self.hosts.clone(),
            limits: self.limits.clone(),
            signature: PhantomData,
            ..*self
        }
    }
}

type RawOutput<S> = <<S as Signature>::Output as Output>::Raw;

impl<S: Signature> Entry<S> {
    /// The function, if that is its signature; with the limits of calls without a sandbox.
    pub fn new(program: &Arc<Program>, hosts: &Arc<Hosts>, limits: &Limits, func: FuncId) -> Option<Entry<S>> {
        let signature = program.signature(func)?;
        if !signature.is(&S::params(), S::Output::TYPE) {
            return None;
        }
        let fits = |ints: usize| S::Raw::INTS <= ints && S::Raw::FLOATS <= FLOATS;
        let way = if program.is_pure(func, HOST_STACK) && fits(INTS) {
            Way::Direct
        } else if program.is_bare(func, HOST_STACK) && fits(MOST_BARE) && RawOutput::<S>::RESULT != ResultIn::Ints {
            Door::bare(S::Raw::INTS, RawOutput::<S>::RESULT).map_or(Way::Slow, Way::Bare)
        } else if fits(MOST) {
            let door = if program.is_light() { Door::light(S::Raw::INTS) } else { Door::wide(S::Raw::INTS) };
            let quick = door.zip(program.depth_within(HOST_STACK));
            quick.map_or(Way::Slow, |(door, depth)| Way::Quick { door, depth })
        } else {
            Way::Slow
        };
        Some(Entry {
            target: Target { code: program.address(func)?, program: program.clone() },
            hosts: hosts.clone(),
            limits: limits.clone(),
            way,
            any_environment: program.is_whole(func),
            is_quick_alone: way.is_quick(limits),
            first_slice: Budget::first_slice(limits),
            signature: PhantomData,
        })
    }

    /// Whether no other floating-point environment must be set first.
    #[inline]
    fn has_its_environment(&self) -> bool {
        self.any_environment || FpEnv::is_canonical()
    }

    /// Calls it within the limits that it was made with.
    ///
    /// # Errors
    /// A trap, or no memory.
    #[inline]
    pub fn call(&self, args: S::Args<'_>) -> Result<S::Output, RunError> {
        let raw = S::raw(args);
        match self.way {
            Way::Direct if FpEnv::is_canonical() => self.call_directly(raw),
            Way::Bare(door) if self.has_its_environment() => self.call_barely(door, raw, &self.limits),
            _ => self.call_under_a_context(raw),
        }
    }

    /// Out of line, so that what is left is small where it is called.
    #[inline(never)]
    fn call_under_a_context(&self, raw: S::Raw) -> Result<S::Output, RunError> {
        if let Way::Quick { door, .. } = self.way
            && self.is_quick_alone
            && self.has_its_environment()
        {
            return self.call_quickly(door, raw.one_by_one(), &self.limits, self.first_slice, None);
        }
        let mut arena = Arena::new(self.limits.memory);
        self.call_slowly(raw, &self.limits, None, &mut arena, &mut None)
    }

    /// Calls it within these limits, its arrays in this arena, which is as it was afterwards.
    ///
    /// # Errors
    /// A trap, or no memory.
    #[inline]
    pub fn call_in(
        &self,
        limits: &Limits,
        cancel: &CancelHandle,
        arena: &mut Arena,
        fuel_left: &mut Option<u64>,
        args: S::Args<'_>,
    ) -> Result<S::Output, RunError> {
        let raw = S::raw(args);
        match self.way {
            Way::Direct if FpEnv::is_canonical() => {
                *fuel_left = Budget::whole(limits);
                self.call_directly(raw)
            }
            Way::Bare(door) if self.has_its_environment() => {
                *fuel_left = Budget::whole(limits);
                self.call_barely(door, raw, limits)
            }
            _ => self.call_in_under_a_context(limits, cancel, arena, fuel_left, raw),
        }
    }

    #[inline(never)]
    fn call_in_under_a_context(
        &self,
        limits: &Limits,
        cancel: &CancelHandle,
        arena: &mut Arena,
        fuel_left: &mut Option<u64>,
        raw: S::Raw,
    ) -> Result<S::Output, RunError> {
        if let Way::Quick { door, .. } = self.way
            && self.way.is_quick(limits)
            && self.has_its_environment()
            && !cancel.is_cancelled()
        {
            let slice = Budget::first_slice(limits);
            return self.call_quickly(door, raw.one_by_one(), limits, slice, Some(Lent { cancel, arena, fuel_left }));
        }
        self.call_slowly(raw, limits, Some(cancel), arena, fuel_left)
    }

    #[inline]
    fn call_directly(&self, raw: S::Raw) -> Result<S::Output, RunError> {
        // SAFETY: (R3) `new` compared the signature, found that the code is pure and that its arguments fit registers; `S::raw` gives what the signature
        // asks for, as `Signature` is sealed; the borrows in the arguments live until the end of this call. Defended by tests/api.rs.
        let result = unsafe { raw.call::<RawOutput<S>>(self.target.code) };
        // SAFETY: (R4) the result is one of that type, and refers to the arguments at most.
        unsafe { output::<S>(result) }
    }

    #[inline]
    fn call_barely(&self, door: Door, raw: S::Raw, limits: &Limits) -> Result<S::Output, RunError> {
        // SAFETY: (R3) as above, but that the code is bare; `new` chose the door for its arguments and result.
        let outcome = unsafe { raw.enter_barely::<RawOutput<S>>(door, &self.target) };
        if outcome.trap.is_null() {
            // SAFETY: (R4) as above.
            unsafe { output::<S>(outcome.result) }
        } else {
            // SAFETY: (R4) a trap that is not null is given to the caller of the door.
            Err(RunError::Trap(unsafe { trap_of_bare(outcome.trap, limits) }))
        }
    }

    #[inline(always)]
    fn call_quickly(
        &self,
        door: Door,
        raw: S::Raw,
        limits: &Limits,
        slice: i64,
        lent: Option<Lent<'_>>,
    ) -> Result<S::Output, RunError> {
        let (cancel, arena, fuel_left) = match lent {
            Some(Lent { cancel, arena, fuel_left }) => (Some(cancel), Some(arena), Some(fuel_left)),
            None => (None, None, None),
        };
        let call = Call::new(&self.target.program, &self.hosts, limits, cancel, slice, arena);
        let mut call = ManuallyDrop::new(call);
        // SAFETY: (R1, R3) as in `run` and above; the host's stack suffices for so many nested calls, and the arguments fit registers, as `new` found, and
        // the door was chosen for the program.
        let result = unsafe { raw.enter::<RawOutput<S>>(door, (&raw mut *call).cast(), self.target.code) };
        if let Some(fuel_left) = fuel_left {
            call.release();
            *fuel_left = call.fuel_left();
        }
        if !call.is_plain() {
            let mut call = ManuallyDrop::into_inner(call);
            if call.has_trapped() {
                return Err(RunError::Trap(call.take_trap()));
            }
            // SAFETY: (R4) as below, and its own arena lives until the end of this block.
            return unsafe { output::<S>(result) };
        }
        // SAFETY: (R4) the result is one of that type, and the arena was not reset since.
        unsafe { output::<S>(result) }
    }

    #[inline(never)]
    fn call_slowly(
        &self,
        raw: S::Raw,
        limits: &Limits,
        cancel: Option<&CancelHandle>,
        arena: &mut Arena,
        fuel_left: &mut Option<u64>,
    ) -> Result<S::Output, RunError> {
        let mut registers = Registers::default();
        raw.push(&mut registers);
        let host = Host { limits, cancel, arena, fuel_left, hosts: &self.hosts, catch_faults: false };
        // SAFETY: (R3) as above.
        let results = unsafe { run(&self.target.program, self.target.code, host, &registers) }?;
        // SAFETY: (R4) as above.
        unsafe { output::<S>(RawOutput::<S>::from_results(results)) }
    }
}

/// What a bare function's trap is to its caller: it took no fuel.
///
/// # Safety
/// The trap is owned.
#[cold]
unsafe fn trap_of_bare(trap: *mut Trap, limits: &Limits) -> Box<Trap> {
    // SAFETY: the caller vouches for it.
    let mut trap = unsafe { Box::from_raw(trap) };
    trap.fuel_left = Budget::whole(limits);
    trap
}

/// A result as the host has it; arrays are copied.
///
/// # Safety
/// It is one of the signature's type, from a run whose arena and arguments still live.
#[inline]
unsafe fn output<S: Signature>(raw: RawOutput<S>) -> Result<S::Output, RunError> {
    match S::Output::from_raw(raw) {
        Some(output) => Ok(output),
        None => {
            // SAFETY: the caller vouches for it.
            let value = unsafe { value_of(S::Output::TYPE, raw.words(), false) }?;
            S::Output::from_value(value).ok_or(RunError::NoFunction)
        }
    }
}

/// Calls the function with arguments whose types are known only now. An `i64` is promoted to an `f64` parameter.
///
/// # Errors
/// A trap, no memory, or [`RunError::NoFunction`] where the function's signature is another.
pub fn run_values(program: &Program, func: FuncId, host: Host<'_>, args: &mut [Arg<'_>]) -> Result<Value, RunError> {
    let catch_faults = host.catch_faults;
    let signature = program.signature(func).ok_or(RunError::NoFunction)?;
    let code = program.address(func).ok_or(RunError::NoFunction)?;
    let mut files = Vec::new();
    if signature.params.len() != args.len() {
        return Err(RunError::NoFunction);
    }
    let mut registers = Registers::default();
    for (arg, param) in args.iter_mut().zip(&signature.params) {
        let mutable = param.mutable;
        match (arg, param.ty) {
            (Arg::F64(x), Type::F64) => registers.push_float(*x),
            (Arg::I64(n), Type::F64) => registers.push_float(nearest_even(*n)),
            (Arg::I64(n), Type::I64) => registers.push_int(*n as u64),
            (Arg::Bool(b), Type::Bool) => registers.push_int(u64::from(*b)),
            (Arg::Slice(slice), Type::Array(elem)) if slice.elem() == elem && !mutable => {
                registers.push_int(slice.as_ptr().expose_provenance() as u64);
                registers.push_int(slice.len() as u64);
            }
            (Arg::SliceMut(slice), Type::Array(elem)) if slice.elem() == elem => {
                registers.push_int(slice.as_mut_ptr().expose_provenance() as u64);
                registers.push_int(slice.len() as u64);
            }
            (Arg::Mapped(mapped), Type::Array(elem))
                if mapped.elem() == elem && (!mutable || mapped.view().is_writable()) =>
            {
                registers.push_int(mapped.view().address());
                registers.push_int(mapped.view().len() as u64);
                files.extend(mapped.view().fleeting_pages());
            }
            _ => return Err(RunError::NoFunction),
        }
    }
    let result = signature.result;
    let scope = (catch_faults || !files.is_empty()).then(|| Scope::new(program.code_range(), files));
    let entered = scope.as_ref().map(Scope::enter);
    // SAFETY: (R3) every argument was matched with its parameter; `args` is borrowed until the end of this function. Defended by tests/api.rs.
    let [first, second, float] = unsafe { run(program, code, host, &registers) }?;
    drop(entered);
    let from_file = scope.is_some_and(|scope| scope.has_files());
    let words = if result == Type::F64 { [float, 0] } else { [first, second] };
    // SAFETY: (R4) the words are the result that the signature names, and the arena was not reset since.
    unsafe { value_of(result, words, from_file) }
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
