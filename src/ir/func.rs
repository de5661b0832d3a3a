//! Structured SSA: regions for `if`, `loop` and `block` with values carried in and out, not a goto graph.
//!
//! Dominance is nesting: a value may be used after its definition in the same region and in every region nested there. A region ends in a
//! terminator that names the structured instruction it leaves or repeats (as WebAssembly's `br` does) and carries values:
//!
//! - [`InstKind::Exit`]`(s)`: control goes on behind `s` (an enclosing `If`, `Loop` or `Block`), whose results are the arguments.
//! - [`InstKind::Repeat`]`(l)`: the next iteration of the enclosing loop `l`, whose region parameters become the arguments.
//! - [`InstKind::Return`], [`InstKind::Trap`].
//! - [`InstKind::Unreachable`], right behind a structured instruction that nothing exits.
//!
//! An array is two values: the address of its first element and its length.

use super::op::{ArrayOp, Effect, Math, Op, Scalar, TableId};
use crate::reuse::{Buf, Empty, kept, reusable};
use crate::sema::hir::{FuncId, HostId};
use crate::span::Span;
use crate::trap::TrapKind;
use crate::types::Elem;

macro_rules! index {
    ($(#[$doc:meta] $name:ident $prefix:literal),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
        impl $name {
            /// As an index.
            pub const fn index(self) -> usize { self.0 as usize }
        }
    )*};
}

index! {
    /// An SSA value.
    Value "v",
    /// An instruction.
    InstId "i",
    /// A region.
    RegionId "r",
}

/// The type of a value: a scalar, in so many lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ty {
    /// What each lane holds.
    pub scalar: Scalar,
    /// 1 outside kernels; else 2, 4 or 8, the same in all of a function. A `Bool` of several lanes is a mask.
    pub lanes: u8,
}

/// The most lanes that a value has.
pub const MAX_LANES: usize = 8;

impl Ty {
    /// One lane.
    pub const fn one(scalar: Scalar) -> Ty {
        Ty { scalar, lanes: 1 }
    }
}

reusable!(Value, InstId, RegionId, Ty, Inst, Region);

/// A program's functions, and the memory of earlier ones.
#[derive(Debug, Default)]
pub struct Funcs {
    /// By [`FuncId`].
    pub list: Vec<Func>,
    /// Empty ones.
    spare: Vec<Func>,
}

/// How many empty functions are kept.
const MAX_SPARE: usize = 4;

kept!(Funcs);

impl Empty for Funcs {
    fn empty(&mut self) {
        self.spare.append(&mut self.list);
        self.spare.truncate(MAX_SPARE);
        self.spare.iter_mut().for_each(Func::empty);
        self.list.empty();
    }
}

impl Funcs {
    /// One more function, empty.
    pub fn add(&mut self) -> &mut Func {
        let at = self.list.len();
        match self.spare.pop() {
            Some(func) => self.list.push(func),
            None => self.list.push(Func::new()),
        }
        &mut self.list[at]
    }
}

impl Empty for Func {
    fn empty(&mut self) {
        self.regions.truncate(1);
        let Func { name, params, results, values, insts, regions, body, value_lists, span, inlined, origins } = self;
        if let Some(region) = regions.first_mut() {
            region.params.empty();
            region.insts.empty();
        }
        (*body, *span) = (0, Span::default());
        name.empty();
        params.empty();
        results.empty();
        values.empty();
        insts.empty();
        value_lists.empty();
        inlined.empty();
        origins.empty();
    }
}

/// A run of [`Func::value_lists`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// First entry.
    pub start: u32,
    /// How many.
    pub len: u32,
}

/// A function in SSA form.
#[derive(Clone, Debug, Default)]
pub struct Func {
    /// Its name; empty for the program's own body.
    pub name: String,
    /// The parameters; an array's address and length follow each other. They are the parameters of the region `body`.
    pub params: Buf<Value>,
    /// What `Return` carries: nothing, one scalar, or an array's address and length.
    pub results: Buf<Scalar>,
    /// The type of each value.
    pub values: Buf<Ty>,
    /// All instructions.
    pub insts: Buf<Inst>,
    /// All regions.
    pub regions: Buf<Region>,
    /// The outermost region (index 0).
    pub body: u32,
    /// Pool of arguments.
    pub value_lists: Buf<Value>,
    /// Where the function stands in the source.
    pub span: Span,
    /// The calls that were inlined.
    pub inlined: Vec<InlinedCall>,
    /// For each instruction, which of `inlined` it comes from, counted from 1; 0, and what the list does not reach: it is the function's own.
    pub origins: Vec<u32>,
}

/// A call in whose place the callee's body stands: a frame of the call stack that the machine's stack does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InlinedCall {
    /// What was called.
    pub callee: FuncId,
    /// The call expression.
    pub call: Span,
    /// The inlined call that this one was in, counted from 1; 0: none.
    pub within: u32,
}

/// A sequence of instructions, the last a terminator.
#[derive(Clone, Debug, Default)]
pub struct Region {
    /// What comes in: a loop's carried values, the function's parameters; empty else.
    pub params: Buf<Value>,
    /// In order.
    pub insts: Buf<InstId>,
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub struct Inst {
    /// What it does.
    pub kind: InstKind,
    /// Its arguments, in [`Func::value_lists`].
    pub args: Values,
    /// Its results: so many consecutive values from `first_result`.
    pub first_result: Value,
    /// How many results.
    pub results: u32,
    /// Where in the source; a trap is reported there.
    pub span: Span,
}

/// What an instruction does: arguments → results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InstKind {
    /// → F64. The bits of a constant.
    ConstF64(u64),
    /// → I64.
    ConstI64(i64),
    /// → Bool.
    ConstBool(bool),
    /// A row of the table of operations.
    Op(Op),
    /// An elementary function.
    Math(Math),
    /// (Bool, T, T) → T, no evaluation skipped.
    Select,

    /// (index, length) → index, in bounds. Traps `OutOfBounds` with both.
    BoundsCheck,
    /// (index, length) → index. It was proved to be in bounds where this stands; nothing is done. Made in place of a `BoundsCheck` only.
    AssumeInBounds,
    /// (lo, hi, length) → `hi - lo`. Traps `OutOfBounds`: with `lo` where it is outside `0..=length`, else with `hi` where it is outside `lo..=length`.
    SliceCheck,
    /// (address, index) → the address of that element. The index is a checked one or the `lo` of a passed `SliceCheck`.
    ElemAddr(Elem),
    /// (address, checked index) → the element, widened.
    Load(Elem),
    /// (address, checked index, value) → nothing. The value was narrowed or canonicalised before; `F32` rounds.
    Store(Elem),
    /// (length) → address of a new array, its contents undefined. The length is not negative. Traps `OutOfMemory`.
    Alloc(Elem),
    /// Whole-array operation: arrays as (address, length), `Fill`'s value last → scalar or nothing. Charges fuel itself.
    ArrayOp(ArrayOp, Elem),
    /// → I64: how far the arena is used.
    ArenaMark,
    /// (mark) → nothing: everything made since is free.
    ArenaRelease,

    /// The head of a loop: `Interrupted`, then one unit of fuel.
    MeterLoop,
    /// Before a call: fuel, then so many levels of depth (its own, and those of the inlined calls around it), then `Interrupted`. The span is the
    /// call's.
    EnterCall(u32),
    /// After a call: the levels of depth back.
    LeaveCall(u32),
    /// In place of `EnterCall` where the function was inlined: fuel; whether so many levels of depth are left, none of which is taken; `Interrupted`.
    EnterInlined(u32),
    /// The program's own function → its results.
    Call(FuncId),
    /// A host function → its result. Bool and I64 and F64 only.
    HostCall(HostId),

    /// (T) → T×L: the same in each lane.
    Splat,
    /// → I64×L: 0, 1, … L-1.
    LaneIndex,
    /// (Bool×L) → Bool: whether any lane is set.
    AnyLane,
    /// (address, index) → T×L: the elements from the index on, widened. All of them lie in the array.
    VectorLoad(Elem),
    /// (address, index, T×L) → nothing: into the elements from the index on, all of which lie in the array. Values are canonical, as for `Store`.
    VectorStore(Elem),
    /// (address, I64×L, Bool×L) → T×L: the elements where the mask is set, 0 elsewhere. No memory is touched for lanes that are not set.
    Gather(Elem),
    /// (I64 or I64×L) → F64 likewise: the element that the index's low bits name.
    TableLoad(TableId),
    /// (Bool×L, usual F64×L, arguments F64×L …) → F64×L: the function's value in the lanes of the mask, seldom any, `usual` in the others. One lane too.
    MathLanes(Math),
    /// (F64×L) → I64×L: truncated; any value where that does not fit.
    TruncateLanes,

    /// (Bool) → the values that `Exit` carries. Regions without parameters.
    If(RegionId, RegionId),
    /// (initial values of the region's parameters) → the values that `Exit` carries. Never falls through.
    Loop(RegionId),
    /// () → the values that `Exit` carries.
    Block(RegionId),

    /// Terminator: behind an enclosing structured instruction, its results being the arguments.
    Exit(InstId),
    /// Terminator: the next iteration of an enclosing loop.
    Repeat(InstId),
    /// Terminator: from the function.
    Return,
    /// Terminator: traps.
    Trap(TrapKind),
    /// Terminator: control never gets here. It stands right behind a structured instruction that nothing exits, and nowhere else.
    Unreachable,
}

impl InstKind {
    /// Whether it ends a region.
    pub const fn is_terminator(self) -> bool {
        matches!(
            self,
            InstKind::Exit(_) | InstKind::Repeat(_) | InstKind::Return | InstKind::Trap(_) | InstKind::Unreachable
        )
    }

    /// Whether it has regions.
    pub const fn is_structured(self) -> bool {
        matches!(self, InstKind::If(..) | InstKind::Loop(_) | InstKind::Block(_))
    }

    /// The regions it has, in the order of the text.
    pub fn regions(self) -> impl DoubleEndedIterator<Item = RegionId> {
        let (first, second) = match self {
            InstKind::If(yes, no) => (Some(yes), Some(no)),
            InstKind::Loop(region) | InstKind::Block(region) => (Some(region), None),
            _ => (None, None),
        };
        [first, second].into_iter().flatten()
    }

    /// What it does besides giving values; what its regions do is not counted.
    pub const fn effect(self) -> Effect {
        match self {
            InstKind::Op(op) => op.effect(),
            InstKind::ConstF64(_)
            | InstKind::ConstI64(_)
            | InstKind::ConstBool(_)
            | InstKind::Math(_)
            | InstKind::Select
            | InstKind::AssumeInBounds
            | InstKind::ElemAddr(_)
            | InstKind::Splat
            | InstKind::LaneIndex
            | InstKind::AnyLane
            | InstKind::TableLoad(_)
            | InstKind::MathLanes(_)
            | InstKind::TruncateLanes
            | InstKind::If(..)
            | InstKind::Block(_) => Effect::Pure,
            InstKind::BoundsCheck | InstKind::SliceCheck => Effect::Trap,
            InstKind::Load(_) | InstKind::VectorLoad(_) | InstKind::Gather(_) => Effect::Read,
            InstKind::Store(_) | InstKind::VectorStore(_) => Effect::Write,
            // A loop need not end.
            InstKind::Loop(_)
            | InstKind::Alloc(_)
            | InstKind::ArrayOp(..)
            | InstKind::ArenaMark
            | InstKind::ArenaRelease
            | InstKind::MeterLoop
            | InstKind::EnterCall(_)
            | InstKind::LeaveCall(_)
            | InstKind::EnterInlined(_)
            | InstKind::Call(_)
            | InstKind::HostCall(_)
            | InstKind::Exit(_)
            | InstKind::Repeat(_)
            | InstKind::Return
            | InstKind::Trap(_)
            | InstKind::Unreachable => Effect::Any,
        }
    }
}

impl Func {
    /// An empty one, its lists with memory of earlier ones.
    pub fn new() -> Func {
        Func {
            params: Buf::new(),
            results: Buf::new(),
            values: Buf::new(),
            insts: Buf::new(),
            regions: Buf::new(),
            value_lists: Buf::new(),
            ..Func::default()
        }
    }

    /// The outermost region.
    pub fn body(&self) -> RegionId {
        RegionId(self.body)
    }

    /// Whether it has no control: all that runs is in its body, whatever regions it had once.
    pub fn is_in_line(&self) -> bool {
        let body = &self.regions[self.body().index()].insts;
        self.regions.len() == 1 || !body.iter().any(|id| self.inst(*id).kind.is_structured())
    }

    /// The instruction.
    pub fn inst(&self, id: InstId) -> &Inst {
        &self.insts[id.index()]
    }

    /// The arguments of an instruction.
    pub fn args(&self, id: InstId) -> &[Value] {
        self.values_in(self.inst(id).args)
    }

    /// The values of a list.
    pub fn values_in(&self, list: Values) -> &[Value] {
        &self.value_lists[list.start as usize..(list.start + list.len) as usize]
    }

    /// The results of an instruction.
    pub fn results(&self, id: InstId) -> impl Iterator<Item = Value> + use<> {
        let inst = self.inst(id);
        (inst.first_result.0..inst.first_result.0 + inst.results).map(Value)
    }

    /// The inlined call that an instruction comes from, counted from 1; 0: none.
    pub fn origin(&self, id: InstId) -> u32 {
        self.origins.get(id.index()).copied().unwrap_or(0)
    }

    /// The type of a value.
    pub fn ty(&self, value: Value) -> Ty {
        self.values[value.index()]
    }

    /// A new value.
    pub fn new_value(&mut self, ty: Ty) -> Value {
        self.values.push(ty);
        Value(self.values.len() as u32 - 1)
    }

    /// A list of values.
    pub fn new_values(&mut self, values: &[Value]) -> Values {
        let start = self.value_lists.len() as u32;
        // Most are so short that a call to copy them takes longer.
        values.iter().for_each(|value| self.value_lists.push(*value));
        Values { start, len: values.len() as u32 }
    }
}
