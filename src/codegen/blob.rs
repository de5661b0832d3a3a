//! Machine code that is not yet at its address, with all that the runtime must know of it.

use crate::ir::func::InlinedCall;
use crate::ir::op::TableId;
use crate::reuse::{Buf, reusable};
use crate::runtime::helper::Helper;
use crate::sema::hir::FuncId;
use crate::span::Span;
use crate::trap::TrapKind;
use smallvec::SmallVec;

/// The machine code of all functions of a program.
#[derive(Clone, Debug, Default)]
pub struct CodeBlob {
    /// Instructions; nothing else.
    pub code: Vec<u8>,
    /// 64-bit words for the read-only pool, which lies in pages of its own behind the code.
    pub pool: Vec<PoolEntry>,
    /// Instructions that address the pool, to be completed once the distance is known.
    pub pool_refs: Vec<PoolRef>,
    /// The functions, in the order of their code.
    pub funcs: SmallVec<[FuncCode; 1]>,
    /// Return addresses of calls and traps, in the order of their offsets.
    pub sites: Vec<Site>,
    /// Calls that were inlined; `within` counts in this list.
    pub inlined: Vec<InlinedCall>,
    /// From which place in the source the code from an offset on comes, in the order of offsets.
    pub source: Buf<(u32, Origin)>,
    /// Bytes of a vector.
    pub vector_bytes: u32,
}

reusable!((u32, Origin));

/// A word of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolEntry {
    /// A constant.
    Bits(u64),
    /// The address of a runtime function.
    Helper(Helper),
    /// The address of a table of constants.
    Table(TableId),
}

/// An instruction that addresses the pool. x86-64: a 32-bit displacement at `at`, relative to `at + 4`. AArch64: an `adrp` at `at` and a
/// 64-bit `ldr` with a scaled 12-bit offset at `at + 4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolRef {
    /// Offset into the code.
    pub at: u32,
    /// Index into the pool.
    pub entry: u32,
}

/// One function's machine code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuncCode {
    /// Which function.
    pub func: FuncId,
    /// Its first byte. It takes its parameters and gives its result as a C function does (arrays as address and length), under a context register that
    /// its entry set; its entry saves every callee-saved register, as a trap does not.
    pub start: u32,
    /// One past its last byte, cold stubs included.
    pub end: u32,
    /// Bytes between the stack pointer after the prologue and the caller's return address (x86-64: below the pushed return address; AArch64: the whole
    /// frame, whose highest word is the saved x30).
    pub frame_size: u32,
    /// It never touches the context: it neither traps, meters, nor calls more than elementary functions, and may be entered at `start` as a C function
    /// of the same parameters and result.
    pub is_pure: bool,
    /// Whether it writes no callee-saved register that it would have to save, and calls no runtime function that a trap may leave.
    pub is_light: bool,
    /// Whether it is light, and of what a run has it needs only where a trap leaves its report: it neither takes fuel nor counts levels, calls none of the
    /// program's functions and no runtime function but elementary ones. It leaves the registers of fuel and depth alone, also where it traps.
    pub is_bare: bool,
    /// Whether it has values that are floating-point numbers or vectors. Where it has none, the floating-point environment makes no difference to it.
    pub has_floats: bool,
}

/// What a return address in the code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Offset of the instruction behind the call.
    pub ret: u32,
    /// What was called.
    pub kind: SiteKind,
    /// Where it comes from.
    pub place: Origin,
}

/// Where code comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Where in the source.
    pub span: Span,
    /// The innermost of the inlined calls that it lies in, in [`CodeBlob::inlined`] counted from 1; 0: none.
    pub inlined: u32,
}

/// The kinds of sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// A call of the program's own function: a frame of the call stack.
    Call(FuncId),
    /// A cold stub's call of [`Helper::Trap`] for this kind; `OutOfBounds` left its numbers in the context.
    Trap(TrapKind),
    /// A cold stub's call of [`Helper::Trap`] after a buffered helper returned 1; the kind is in the context.
    HelperTrap,
    /// A cold stub's call of [`Helper::Poll`] at a loop's head.
    PollLoop,
    /// A cold stub's call of [`Helper::Poll`] before a call that needs so many levels of depth.
    PollCall(u32),
    /// A call of a runtime function from the hot path.
    Helper,
}

impl CodeBlob {
    /// The site whose call returns to this offset.
    pub fn site(&self, ret: u32) -> Option<&Site> {
        site_of(&self.sites, ret)
    }

    /// The function that this offset lies in.
    pub fn func_at(&self, offset: u32) -> Option<&FuncCode> {
        func_at(&self.funcs, offset)
    }
}

/// The site whose call returns to this offset.
pub fn site_of(sites: &[Site], ret: u32) -> Option<&Site> {
    sites.binary_search_by_key(&ret, |site| site.ret).ok().and_then(|at| sites.get(at))
}

/// The function that this offset lies in.
pub fn func_at(funcs: &[FuncCode], offset: u32) -> Option<&FuncCode> {
    let next = funcs.partition_point(|func| func.start <= offset);
    funcs.get(..next)?.last().filter(|func| offset <= func.end)
}

/// The inlined calls that a place lies in, innermost first.
pub fn inlined_around(inlined: &[InlinedCall], place: Origin) -> impl Iterator<Item = &InlinedCall> {
    let call = |origin: u32| inlined.get((origin as usize).checked_sub(1)?);
    // What encloses a call stands before it in the list, so that this ends.
    std::iter::successors(call(place.inlined), move |inner| call(inner.within))
}
