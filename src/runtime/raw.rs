//! Arguments and results as machine code takes and gives them: in the registers of the C convention, which is that of generated code.

use super::call::Target;
use super::context::Context;
use super::door::{Door, ResultIn};
use crate::trap::Trap;

/// Integer registers that arguments come in.
#[cfg(not(target_arch = "aarch64"))]
pub const INTS: usize = 6;
/// Integer registers that arguments come in.
#[cfg(target_arch = "aarch64")]
pub const INTS: usize = 8;
/// Float registers that arguments come in.
pub const FLOATS: usize = 8;

/// Arguments laid out for [`super::enter::enter`], whatever the function takes.
#[derive(Debug)]
#[repr(C)]
pub struct Registers {
    /// For the integer registers, in their order.
    pub ints: [u64; 8],
    /// For the float registers.
    pub floats: [u64; FLOATS],
    /// How many words go on the stack.
    pub words: usize,
    /// Those.
    pub stack: *const u64,
    used_ints: usize,
    used_floats: usize,
    overflow: Vec<u64>,
}

impl Default for Registers {
    /// No argument yet.
    fn default() -> Registers {
        Registers {
            ints: [0; 8],
            floats: [0; FLOATS],
            words: 0,
            stack: std::ptr::null(),
            used_ints: 0,
            used_floats: 0,
            overflow: Vec::new(),
        }
    }
}

impl Registers {
    /// The next argument: an integer, a bool, an address or a length.
    pub fn push_int(&mut self, word: u64) {
        match self.ints[..INTS].get_mut(self.used_ints) {
            Some(slot) => {
                *slot = word;
                self.used_ints += 1;
            }
            None => self.push_stack(word),
        }
    }

    /// The next argument: a float.
    pub fn push_float(&mut self, x: f64) {
        match self.floats.get_mut(self.used_floats) {
            Some(slot) => {
                *slot = x.to_bits();
                self.used_floats += 1;
            }
            None => self.push_stack(x.to_bits()),
        }
    }

    fn push_stack(&mut self, word: u64) {
        self.overflow.push(word);
        (self.words, self.stack) = (self.overflow.len(), self.overflow.as_ptr());
    }
}

/// An array: two words, passed and returned in two registers as each would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct RawSlice {
    /// The address of its first element.
    pub address: u64,
    /// How many elements.
    pub len: u64,
}

mod sealed {
    pub trait Sealed {}
}

/// A parameter or a result.
pub trait Raw: Copy + sealed::Sealed {
    /// The integer registers it takes.
    const INTS: usize;
    /// The float registers it takes.
    const FLOATS: usize;
    /// Where it is as a result.
    const RESULT: ResultIn;
    /// As the next argument.
    fn push(self, registers: &mut Registers);
    /// From the two integer results and the float result.
    fn from_results(results: [u64; 3]) -> Self;
    /// As words, for arrays.
    fn words(self) -> [u64; 2];
}

macro_rules! raw {
    ($($ty:ty: $ints:literal, $floats:literal, $result:ident, |$raw:ident, $registers:ident| $push:expr, |$results:ident| $from:expr, $words:expr;)*) => {$(
        impl sealed::Sealed for $ty {}
        impl Raw for $ty {
            const INTS: usize = $ints;
            const FLOATS: usize = $floats;
            const RESULT: ResultIn = ResultIn::$result;
            #[inline]
            fn push(self, $registers: &mut Registers) {
                let $raw = self;
                $push
            }
            #[inline]
            fn from_results($results: [u64; 3]) -> $ty {
                $from
            }
            #[inline]
            fn words(self) -> [u64; 2] {
                let $raw = self;
                $words
            }
        }
    )*};
}

raw! {
    f64: 0, 1, Float, |raw, registers| registers.push_float(raw), |results| f64::from_bits(results[2]), [raw.to_bits(), 0];
    i64: 1, 0, Int, |raw, registers| registers.push_int(raw as u64), |results| results[0] as i64, [raw as u64, 0];
    u64: 1, 0, Int, |raw, registers| registers.push_int(raw), |results| results[0], [raw, 0];
    (): 0, 0, Nothing, |raw, _registers| raw, |_results| (), { let () = raw; [0, 0] };
    RawSlice: 2, 0, Ints, |raw, registers| { registers.push_int(raw.address); registers.push_int(raw.len) },
        |results| RawSlice { address: results[0], len: results[1] }, [raw.address, raw.len];
}

/// What comes of a bare function through its door: the trap is null, or owned; where there is one, the result means nothing.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Outcome<R> {
    /// What it gave.
    pub result: R,
    /// From [`Box::into_raw`].
    pub trap: *mut Trap,
}

/// The arguments of one signature.
pub trait RawArgs: Copy + sealed::Sealed {
    /// The integer registers that they take.
    const INTS: usize;
    /// The float registers that they take.
    const FLOATS: usize;

    /// Calls a function as a C function.
    ///
    /// # Safety
    /// `code` is a function of these parameters and this result, which all fit registers, and needs no context; the arrays among the arguments are valid
    /// while it runs.
    unsafe fn call<R: Raw>(self, code: usize) -> R;

    /// Calls a function under a context, on the host's stack. The result means nothing where it trapped.
    ///
    /// # Safety
    /// As for [`RawArgs::call`], but for the context, which is set up for it; the door fits the program, and is one for so many integers.
    unsafe fn enter<R: Raw>(self, door: Door, ctx: *mut Context, code: usize) -> R;

    /// Calls a bare function on the host's stack.
    ///
    /// # Safety
    /// As for [`RawArgs::call`]; the target is that function, and the door one for bare functions of so many integers and this result.
    unsafe fn enter_barely<R: Raw>(self, door: Door, target: &Target) -> Outcome<R>;

    /// The same, each read by itself where they lie in memory: they were just written there so, and the processor waits for the writes where it reads two
    /// of them as one.
    fn one_by_one(self) -> Self;

    /// All of them, in their order.
    fn push(self, registers: &mut Registers);
}

macro_rules! raw_args {
    ($(($($name:ident)*))*) => {$(
        impl<$($name: Raw),*> sealed::Sealed for ($($name,)*) {}

        #[allow(non_snake_case, clippy::unused_unit, unused_variables, reason = "a macro over any number of parameters")]
        impl<$($name: Raw),*> RawArgs for ($($name,)*) {
            const INTS: usize = 0 $(+ $name::INTS)*;
            const FLOATS: usize = 0 $(+ $name::FLOATS)*;

            #[inline]
            unsafe fn call<R: Raw>(self, code: usize) -> R {
                let ($($name,)*) = self;
                let code = std::ptr::with_exposed_provenance::<()>(code);
                // SAFETY: the caller vouches for the function's type. Each parameter and result is of a kind that the C convention passes in the registers
                // that generated code takes it in.
                unsafe {
                    let code = std::mem::transmute::<*const (), extern "C" fn($($name),*) -> R>(code);
                    code($($name),*)
                }
            }

            #[inline]
            unsafe fn enter<R: Raw>(self, door: Door, ctx: *mut Context, code: usize) -> R {
                let ($($name,)*) = self;
                // SAFETY: as above; the door takes its two arguments behind the others, which it leaves where they are, and gives the results back.
                unsafe {
                    let enter =
                        std::mem::transmute::<*const (), extern "C" fn($($name,)* *mut Context, usize) -> R>(door.address());
                    enter($($name,)* ctx, code)
                }
            }

            #[inline]
            unsafe fn enter_barely<R: Raw>(self, door: Door, target: &Target) -> Outcome<R> {
                let ($($name,)*) = self;
                // SAFETY: as above; the door adds a word to the result, in a register of its own.
                unsafe {
                    let enter =
                        std::mem::transmute::<*const (), extern "C" fn($($name,)* *const Target) -> Outcome<R>>(door.address());
                    enter($($name,)* target)
                }
            }

            #[inline]
            fn one_by_one(self) -> Self {
                // Two words are passed in registers.
                if size_of::<Self>() <= 16 {
                    return self;
                }
                let ($($name,)*) = &self;
                // SAFETY: each is a reference.
                unsafe { ($(std::ptr::from_ref($name).read_volatile(),)*) }
            }

            fn push(self, registers: &mut Registers) {
                let ($($name,)*) = self;
                $($name.push(registers);)*
            }
        }
    )*};
}

raw_args! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}

impl RawArgs for () {
    const INTS: usize = 0;
    const FLOATS: usize = 0;

    #[inline]
    unsafe fn call<R: Raw>(self, code: usize) -> R {
        // SAFETY: the caller vouches for it.
        unsafe { std::mem::transmute::<*const (), extern "C" fn() -> R>(std::ptr::with_exposed_provenance(code))() }
    }

    #[inline]
    unsafe fn enter<R: Raw>(self, door: Door, ctx: *mut Context, code: usize) -> R {
        // SAFETY: the caller vouches for it.
        unsafe { std::mem::transmute::<*const (), extern "C" fn(*mut Context, usize) -> R>(door.address())(ctx, code) }
    }

    #[inline]
    unsafe fn enter_barely<R: Raw>(self, door: Door, target: &Target) -> Outcome<R> {
        // SAFETY: the caller vouches for it.
        unsafe { std::mem::transmute::<*const (), extern "C" fn(*const Target) -> Outcome<R>>(door.address())(target) }
    }

    fn one_by_one(self) {}

    fn push(self, _: &mut Registers) {}
}
