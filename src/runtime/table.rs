//! The addresses of the runtime functions that generated code calls.

use super::call::{parts, word_of_kind};
use super::context::Context;
use super::enter;
use super::helper::Helper;
use super::rare;
use crate::budget::Budget;
use crate::ir::arrays::{self, Meter};
use crate::ir::eval;
use crate::ir::op::{ArrayOp, Math, Op};
use crate::memory::MemoryError;
use crate::trap::TrapKind;
use crate::types::Elem;
use crate::value::{Slice, SliceMut};
use std::arch::naked_asm;
use std::mem::offset_of;
use std::sync::atomic::{Ordering, compiler_fence};

/// The address that a pool entry for this helper holds.
pub(super) fn address_of(helper: Helper) -> usize {
    match helper {
        Helper::Math(math) => math_address(math),
        Helper::MathLanes(math, 2) => lanes_address::<2>(math),
        Helper::MathLanes(math, 4) => lanes_address::<4>(math),
        Helper::MathLanes(math, _) => lanes_address::<8>(math),
        Helper::Trap => enter::trap_exit as *const () as usize,
        Helper::Poll => enter::poll as *const () as usize,
        Helper::Rare => rare::rare as *const () as usize,
        Helper::Alloc(elem) => alloc_address(elem),
        Helper::ArrayOp(op, elem) => array_address(op, elem),
        Helper::HostCall => enter::host_call as *const () as usize,
        Helper::IGcd => integer_op::<{ Op::IGcd as u8 }> as *const () as usize,
        Helper::IPow => integer_op::<{ Op::IPow as u8 }> as *const () as usize,
    }
}

/// Leaves a helper's outcome where generated code finds it.
fn finish(context: &mut Context, outcome: Result<u64, TrapKind>) -> u64 {
    match outcome {
        Ok(word) => {
            context.result = word;
            0
        }
        Err(kind) => {
            context.trap_kind = word_of_kind(kind);
            1
        }
    }
}

extern "C" fn integer_op<const OP: u8>(ctx: *mut Context, args: *const u64) -> u64 {
    let op = if OP == Op::IGcd as u8 { Op::IGcd } else { Op::IPow };
    // SAFETY: only generated code calls this, under `enter` (R1), with two arguments in its outgoing area. Defended by tests/engines.rs.
    let ((context, _), args) = unsafe { (parts(ctx), std::slice::from_raw_parts(args, 2)) };
    finish(context, eval::eval(op, args))
}

extern "C" fn alloc<const SIZE: usize>(ctx: *mut Context, args: *const u64) -> u64 {
    // SAFETY: as in `integer_op`, with one argument.
    let ((context, activation), len) = unsafe { (parts(ctx), args.read()) };
    let arena = activation.arena();
    // Generated code releases by setting the height back.
    arena.release_to(context.arena_top as usize);
    let bytes = usize::try_from(len).ok().and_then(|len| len.checked_mul(SIZE));
    let outcome = match bytes.map(|bytes| arena.alloc(bytes)) {
        Some(Ok(address)) => Ok(address.expose_provenance() as u64),
        Some(Err(MemoryError::Limit { .. } | MemoryError::TooLarge { .. } | MemoryError::System { .. })) | None => {
            Err(TrapKind::OutOfMemory)
        }
        Some(Err(_)) => Err(TrapKind::OutOfMemory),
    };
    context.arena_top = arena.used() as u64;
    finish(context, outcome)
}

fn alloc_address(elem: Elem) -> usize {
    match elem.size() {
        1 => alloc::<1> as *const () as usize,
        4 => alloc::<4> as *const () as usize,
        _ => alloc::<8> as *const () as usize,
    }
}

/// Pays from the run's budget.
struct FromBudget<'a, 'run> {
    budget: &'a mut Budget<'run>,
    slice: &'a mut i64,
}

impl Meter for FromBudget<'_, '_> {
    fn grant(&mut self, pieces: u64) -> Result<u64, TrapKind> {
        self.budget.grant(self.slice, pieces)
    }
}

/// The elements at an address.
///
/// # Safety
/// An array of this element type and length lies there, and nothing writes it while the slice is used.
unsafe fn slice_at<'a>(elem: Elem, address: u64, len: u64) -> Slice<'a> {
    unsafe fn at<'a, T>(address: u64, len: u64) -> &'a [T] {
        if len == 0 {
            return &[];
        }
        // SAFETY: the caller vouches for it.
        unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(address as usize), len as usize) }
    }
    // SAFETY: the caller vouches for it.
    unsafe {
        match elem {
            Elem::F64 => Slice::F64(at(address, len)),
            Elem::F32 => Slice::F32(at(address, len)),
            Elem::I64 => Slice::I64(at(address, len)),
            Elem::I32 => Slice::I32(at(address, len)),
            Elem::U8 => Slice::U8(at(address, len)),
            Elem::Bool => Slice::Bool(at(address, len)),
        }
    }
}

/// The elements at an address, to write.
///
/// # Safety
/// A writable array of this element type and length lies there, initialised or about to be written as a whole, and nothing else uses it meanwhile.
unsafe fn slice_mut_at<'a>(elem: Elem, address: u64, len: u64) -> SliceMut<'a> {
    unsafe fn at<'a, T>(address: u64, len: u64) -> &'a mut [T] {
        if len == 0 {
            return &mut [];
        }
        // SAFETY: the caller vouches for it.
        unsafe { std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(address as usize), len as usize) }
    }
    // SAFETY: the caller vouches for it.
    unsafe {
        match elem {
            Elem::F64 => SliceMut::F64(at(address, len)),
            Elem::F32 => SliceMut::F32(at(address, len)),
            Elem::I64 => SliceMut::I64(at(address, len)),
            Elem::I32 => SliceMut::I32(at(address, len)),
            Elem::U8 => SliceMut::U8(at(address, len)),
            Elem::Bool => SliceMut::Bool(at(address, len)),
        }
    }
}

/// Notes where the call came from: if a mapped file lost a page, the fault leaves as a trap of this call.
#[unsafe(naked)]
extern "C" fn noted_array_op<const OP: usize, const ELEM: usize>(ctx: *mut Context, args: *const u64) -> u64 {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "mov [rdi + {sp}], rsp",
        "jmp {op}",
        sp = const offset_of!(Context, helper_sp),
        op = sym array_op::<OP, ELEM>,
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "mov x9, sp",
        "str x9, [x0, #{sp}]",
        "str x30, [x0, #{ret}]",
        "b {op}",
        sp = const offset_of!(Context, helper_sp),
        ret = const offset_of!(Context, helper_ret),
        op = sym array_op::<OP, ELEM>,
    );
}

extern "C" fn array_op<const OP: usize, const ELEM: usize>(ctx: *mut Context, args: *const u64) -> u64 {
    let (op, elem) = (ArrayOp::ALL[OP], Elem::ALL[ELEM]);
    // SAFETY: as in `integer_op`, with an address and a length, and for `dot`, `copy` and `fill` what follows them. The pair is an array that the program
    // holds: made by `alloc`, or passed by the host, or a checked slice of such. Defended by tests/engines.rs.
    unsafe {
        let (context, activation) = parts(ctx);
        let mut meter = FromBudget { budget: activation.budget(), slice: &mut context.fuel_slice };
        let arg = |i: usize| args.add(i).read();
        let outcome = match op {
            ArrayOp::Fill => arrays::fill(slice_mut_at(elem, arg(0), arg(1)), arg(2), &mut meter).map(|()| 0),
            ArrayOp::Copy => {
                if arg(1) == arg(3) {
                    let (affordable, outcome) = arrays::affordable(arg(1) as usize, &mut meter);
                    let to = std::ptr::with_exposed_provenance_mut::<u8>(arg(0) as usize);
                    let from = std::ptr::with_exposed_provenance::<u8>(arg(2) as usize);
                    // Both are that many elements; they may overlap.
                    std::ptr::copy(from, to, affordable * elem.size());
                    arrays::canonicalise(slice_mut_at(elem, arg(0), affordable as u64));
                    outcome.map(|()| 0)
                } else {
                    Err(TrapKind::BadArgument)
                }
            }
            ArrayOp::Dot => {
                let (xs, ys) = (slice_at(elem, arg(0), arg(1)), slice_at(elem, arg(2), arg(3)));
                arrays::reduce(op, xs, Some(ys), &mut meter)
            }
            _ => arrays::reduce(op, slice_at(elem, arg(0), arg(1)), None, &mut meter),
        };
        // Not before the last access: a handler of signals reads it.
        compiler_fence(Ordering::AcqRel);
        (&raw mut context.helper_sp).write_volatile(0);
        finish(context, outcome)
    }
}

macro_rules! array_table {
    ($($op:literal)*) => {
        [$([
            noted_array_op::<$op, 0>, noted_array_op::<$op, 1>, noted_array_op::<$op, 2>,
            noted_array_op::<$op, 3>, noted_array_op::<$op, 4>, noted_array_op::<$op, 5>,
        ]),*]
    };
}

type Buffered = extern "C" fn(*mut Context, *const u64) -> u64;

static ARRAY_OPS: [[Buffered; 6]; 11] = array_table!(0 1 2 3 4 5 6 7 8 9 10);

fn array_address(op: ArrayOp, elem: Elem) -> usize {
    ARRAY_OPS[op as usize][Elem::ALL.iter().position(|e| *e == elem).unwrap_or(0)] as *const () as usize
}

/// Puts what the function gives in the place of the usual value, in each lane of the mask ([`Helper::MathLanes`]).
#[inline(always)]
fn in_lanes<const LANES: usize>(words: *mut u64, function: impl Fn(&dyn Fn(usize) -> f64) -> f64) {
    for lane in 0..LANES {
        // SAFETY: only generated code calls this, with as many words in its outgoing area as the lanes of mask, usual values and arguments are. Defended by
        // tests/lanes.rs.
        unsafe {
            if words.add(lane).read() != 0 {
                let arg = |index: usize| f64::from_bits(words.add((index + 2) * LANES + lane).read());
                words.add(LANES + lane).write(function(&arg).to_bits());
            }
        }
    }
}

macro_rules! math_table {
    ($($one:ident $variant:ident)*; $($two:ident $variant2:ident)*) => {
        // With FMA where the machine has it: the same bits, without a call for each.
        mod with_fma {
            $(
                #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma,bmi2"))]
                pub extern "C" fn $one(x: f64) -> f64 {
                    crate::math::$one(x)
                }
            )*
            $(
                #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma,bmi2"))]
                pub extern "C" fn $two(x: f64, y: f64) -> f64 {
                    crate::math::$two(x, y)
                }
            )*
        }

        // The same for those lanes of vectors that ask for it.
        mod in_lanes {
            $(
                #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma,bmi2"))]
                pub extern "C" fn $one<const LANES: usize>(words: *mut u64) {
                    super::in_lanes::<LANES>(words, |lane| crate::math::$one(lane(0)));
                }
            )*
            $(
                #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2,fma,bmi2"))]
                pub extern "C" fn $two<const LANES: usize>(words: *mut u64) {
                    super::in_lanes::<LANES>(words, |lane| crate::math::$two(lane(0), lane(1)));
                }
            )*
        }

        fn lanes_address<const LANES: usize>(math: Math) -> usize {
            match math {
                $(Math::$variant => in_lanes::$one::<LANES> as *const () as usize,)*
                $(Math::$variant2 => in_lanes::$two::<LANES> as *const () as usize,)*
            }
        }

        fn math_address(math: Math) -> usize {
            match math {
                $(Math::$variant => with_fma::$one as *const () as usize,)*
                $(Math::$variant2 => with_fma::$two as *const () as usize,)*
            }
        }
    };
}

math_table! {
    exp Exp exp2 Exp2 expm1 Expm1 ln Ln log2 Log2 log10 Log10 log1p Log1p cbrt Cbrt sin Sin cos Cos tan Tan asin Asin acos Acos
    atan Atan sinh Sinh cosh Cosh tanh Tanh asinh Asinh acosh Acosh atanh Atanh erf Erf erfc Erfc;
    pow Pow hypot Hypot atan2 Atan2 fmod Fmod
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_helper_has_an_address_of_its_own() {
        let mut helpers = vec![Helper::Trap, Helper::Poll, Helper::Rare, Helper::HostCall, Helper::IGcd, Helper::IPow];
        helpers.extend(Math::ALL.map(Helper::Math));
        for helper in helpers {
            assert_ne!(address_of(helper), 0, "{}", helper.name());
        }
        for (i, op) in ArrayOp::ALL.into_iter().enumerate() {
            assert_eq!(op as usize, i);
        }
    }
}
