//! Arguments and results as machine code takes and gives them: in the registers of the C convention, which is that of generated code.

use super::context::Context;
use super::enter::{enter_barely, enter_in_registers, enter_lightly};

/// Integer registers that arguments come in.
#[cfg(not(target_arch = "aarch64"))]
pub const INTS: usize = 6;
/// Integer registers that arguments come in.
#[cfg(target_arch = "aarch64")]
pub const INTS: usize = 8;
/// Float registers that arguments come in.
pub const FLOATS: usize = 8;
/// How code is entered under a context, on the host's stack.
#[derive(Clone, Copy, Debug)]
pub struct Door(usize);

impl Door {
    /// For any function.
    pub fn wide() -> Door {
        Door((enter_in_registers as *const ()).expose_provenance())
    }

    /// For one of a program that is light: see [`enter_lightly`].
    pub fn light() -> Door {
        Door((enter_lightly as *const ()).expose_provenance())
    }

    /// For one that is bare: see [`enter_barely`].
    pub fn bare() -> Door {
        Door((enter_barely as *const ()).expose_provenance())
    }
}

/// Those of the integer registers that [`enter_in_registers`] leaves to the function: two are its own.
pub const ENTER_INTS: usize = INTS - 2;

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
    /// As the next argument.
    fn push(self, registers: &mut Registers);
    /// From the two integer results and the float result.
    fn from_results(results: [u64; 3]) -> Self;
    /// As words, for arrays.
    fn words(self) -> [u64; 2];
}

macro_rules! raw {
    ($($ty:ty: $ints:literal, $floats:literal, |$raw:ident, $registers:ident| $push:expr, |$results:ident| $from:expr, $words:expr;)*) => {$(
        impl sealed::Sealed for $ty {}
        impl Raw for $ty {
            const INTS: usize = $ints;
            const FLOATS: usize = $floats;
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
    f64: 0, 1, |raw, registers| registers.push_float(raw), |results| f64::from_bits(results[2]), [raw.to_bits(), 0];
    i64: 1, 0, |raw, registers| registers.push_int(raw as u64), |results| results[0] as i64, [raw as u64, 0];
    u64: 1, 0, |raw, registers| registers.push_int(raw), |results| results[0], [raw, 0];
    (): 0, 0, |raw, _registers| raw, |_results| (), { let () = raw; [0, 0] };
    RawSlice: 2, 0, |raw, registers| { registers.push_int(raw.address); registers.push_int(raw.len) },
        |results| RawSlice { address: results[0], len: results[1] }, [raw.address, raw.len];
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
    /// As for [`RawArgs::call`], but for the context, which is set up for it; the integers are at most [`ENTER_INTS`]; the door fits the program.
    unsafe fn enter<R: Raw>(self, door: Door, ctx: *mut Context, code: usize) -> R;

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
                let enter = std::ptr::with_exposed_provenance::<()>(door.0);
                // SAFETY: as above; the entry takes these two arguments before the others and hands the others on, and the results back.
                unsafe {
                    let enter =
                        std::mem::transmute::<*const (), extern "C" fn(*mut Context, usize, $($name),*) -> R>(enter);
                    enter(ctx, code, $($name),*)
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
        let enter = std::ptr::with_exposed_provenance::<()>(door.0);
        // SAFETY: the caller vouches for it.
        unsafe { std::mem::transmute::<*const (), extern "C" fn(*mut Context, usize) -> R>(enter)(ctx, code) }
    }

    fn one_by_one(self) {}

    fn push(self, _: &mut Registers) {}
}
