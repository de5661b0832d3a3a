//! The runtime functions that generated code may call, by name; their addresses are in `runtime::table`.

use crate::ir::op::{ArrayOp, Math};
use crate::types::Elem;

/// A runtime function that generated code calls through a slot of its constant pool.
///
/// Four protocols (on x86-64 System V, on AArch64 AAPCS64; the context register is callee-saved in both):
/// - *math*: `extern "C" fn(f64[, f64]) -> f64`; clobbers what the C ABI lets it.
/// - *buffered*: `extern "C" fn(ctx: *mut Context, args: *const u64) -> u64`: arguments as 64-bit words (f64 by bits, bool 0/1) at `args`,
///   which is the outgoing area at the bottom of the caller's frame; returns 0 and leaves its result in `Context::result`, or returns 1: the code
///   then jumps to its cold stub, which calls [`Helper::Trap`].
///   One that [`Helper::is_metered`] takes fuel from the context: the code stores its register there before the call, and loads it afterwards.
/// - *special*: [`Helper::Trap`] never returns; [`Helper::Poll`] preserves every register but that of the fuel and the flags (x16, x17, x30 on AArch64),
///   [`Helper::Rare`] every register but the flags and the scratch registers (x30 too on AArch64).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Helper {
    /// An elementary function.
    Math(Math),
    /// The same in lanes, so many: *lanes*, `extern "C" fn(words: *mut u64)` with, for each lane, words of the mask (nonzero where the function is wanted), of the
    /// usual values, and of the arguments; it puts the function's values in the place of the usual ones.
    MathLanes(Math, u8),
    /// Called from a cold stub; the return address tells the site.
    Trap,
    /// Called from a cold stub where the fuel slice fell below zero; comes back when the run may go on, else it traps. The return address tells the site.
    Poll,
    /// Called from a cold stub with a math function's address in the scratch register and its arguments in the first two words of the outgoing area, the first of
    /// which then is its value. Preserves every register as `Poll` does.
    Rare,
    /// (length) → address of a new array.
    Alloc(Elem),
    /// Arrays as address and length, then the scalar of `Fill` → scalar.
    ArrayOp(ArrayOp, Elem),
    /// (host function's index, number of arguments, then for each argument its type (0 `f64`, 1 `i64`, 2 `bool`) and its value) → result.
    HostCall,
    /// (a, b)
    IGcd,
    /// (a, n)
    IPow,
}

impl Helper {
    /// Whether it is called with its arguments in memory.
    pub const fn is_buffered(self) -> bool {
        !matches!(self, Helper::Math(_) | Helper::MathLanes(..) | Helper::Trap | Helper::Poll | Helper::Rare)
    }

    /// Whether it may take fuel, or end the slice.
    pub const fn is_metered(self) -> bool {
        matches!(self, Helper::ArrayOp(..) | Helper::HostCall)
    }

    /// As printed in listings.
    pub fn name(self) -> String {
        match self {
            Helper::Math(math) => math.name().to_owned(),
            Helper::MathLanes(math, lanes) => format!("{}.x{lanes}", math.name()),
            Helper::Trap => "trap".to_owned(),
            Helper::Poll => "poll".to_owned(),
            Helper::Rare => "rare".to_owned(),
            Helper::Alloc(elem) => format!("alloc.{elem}"),
            Helper::ArrayOp(op, elem) => format!("{}.{elem}", op.name()),
            Helper::HostCall => "host_call".to_owned(),
            Helper::IGcd => "gcd".to_owned(),
            Helper::IPow => "ipow".to_owned(),
        }
    }
}
