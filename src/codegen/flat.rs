//! The block graph that register allocation and emission work on: what `flatten` makes of a function's regions.
//!
//! Instructions are few kinds more than the IR's: what a machine needs a register of its own convention for (parameters, outgoing arguments,
//! calls of helpers) is an instruction, and a comparison that only decides a branch or a selection is part of it. Blocks have parameters;
//! no edge is critical; only [`FlatKind::Jump`] carries arguments.

use crate::ir::op::{Math, Op, Scalar, TableId};
use crate::reuse::{kept, reusable};
use crate::runtime::helper::Helper;
use crate::sema::hir::FuncId;
use crate::span::Span;
use crate::trap::TrapKind;
use crate::types::Elem;
use regalloc2::{RegClass, VReg};
use smallvec::SmallVec;
use std::ops::Range;

/// An operand of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A virtual register.
    Reg(VReg),
    /// The bits of a constant that the target folds into the instruction (an integer, a bool as 0 or 1, or a float's bits).
    Const(u64),
}

/// What an instruction does: arguments → results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FlatKind {
    /// → the parameters that come in registers, in their order.
    Params,
    /// → the parameter in this word of the caller's outgoing area.
    StackParam(u32),
    /// → an integer or bool.
    ConstInt(i64),
    /// → a float, by its bits.
    ConstFloat(u64),
    /// A row of the table of operations; never `IGcd` or `IPow`, which are helpers.
    Op(Op),
    /// (bool, x, y) → x where it is 1, else y. Both integers or both floats.
    Select,
    /// (a, b, x, y) → x where the comparison of a and b holds, else y.
    SelectCmp(Op),
    /// (a, mask, x, y) → x where these bits of `a` are all zero (`IEq`), or not (`INe`), else y. Both integers.
    SelectBits(Op),
    /// An elementary function.
    Math(Math),
    /// (index) → an element of a constant table.
    TableLoad(TableId),
    /// On values of several lanes.
    Vector(Vector),
    /// (bool, usual, arguments …) → `usual`, or where the bool is what the last says, which is seldom, the elementary function's value. Its cold stub keeps
    /// every register.
    Rare(Math, bool),
    /// (a, b, usual, arguments …) → likewise where the comparison of a and b is what the last says.
    RareCmp(Math, Op, bool),
    /// (index, length) → nothing: the index's own register is the checked index.
    BoundsCheck,
    /// (lo, hi, length) → `hi - lo`.
    SliceCheck,
    /// (address, index) → address.
    ElemAddr(Elem),
    /// (address, index) → element.
    Load(Elem),
    /// (address, index, value) → nothing.
    Store(Elem),
    /// (value) → nothing: into this word of the outgoing area.
    StoreArg(u32),
    /// The call of a buffered helper, its arguments in the outgoing area → `Context::result` (or nothing). Traps where it returns 1.
    CallHelper(Helper),
    /// → `Context::arena_top`.
    ArenaMark,
    /// (mark) → nothing.
    ArenaRelease,
    /// One unit of fuel at a loop's head.
    MeterLoop,
    /// Fuel and so many levels of depth before a call.
    EnterCall(u32),
    /// Fuel, and whether so many levels of depth are left, where a function was inlined.
    EnterInlined(u32),
    /// The levels back.
    LeaveCall(u32),
    /// Register arguments → results; the others are in the outgoing area.
    Call(FuncId),
    /// Terminator. Its arguments are the target block's, not its own.
    Jump,
    /// Terminator: (bool) to the first successor where it is 1, else the second.
    Branch,
    /// Terminator: (a, b) to the first successor where the comparison holds, else the second.
    BranchCmp(Op),
    /// Terminator: (a, mask) to the first successor where these bits of `a` are all zero (`IEq`), or not (`INe`), else the second.
    BranchBits(Op),
    /// Terminator: (mask) to the first successor where any lane is set, else the second.
    BranchAny,
    /// Terminator: results in their registers.
    Return,
    /// Terminator.
    Trap(TrapKind),
}

/// What an instruction does with values of several lanes. A float of one lane is the lowest lane of a register whose other lanes hold anything, so that its
/// arithmetic is that of lanes too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Vector {
    /// → this word in each lane.
    Const(u64),
    /// → a mask, all set or none.
    ConstMask(bool),
    /// A row of the table of operations, lane by lane.
    Op(Op),
    /// (a, b, c) → [`Op::Fma`] or one like it in the register of `c`; as `Op` it is in that of `a`.
    FmaInto(Op),
    /// (mask, x, y) → x where it is set, else y. Of masks, or of words.
    Select(Scalar),
    /// (scalar) → it in each lane.
    Splat(Scalar),
    /// → 0, 1, …
    LaneIndex,
    /// (mask) → bool.
    AnyLane,
    /// (address, index) → so many elements.
    Load(Elem),
    /// (address, index, value) → nothing.
    Store(Elem),
    /// (address, indices, mask) → elements where the mask is set, else 0. It may use the outgoing area: three vectors.
    Gather(Elem),
    /// (indices) → elements of a constant table.
    TableLoad(TableId),
    /// (mask, usual, arguments) → the function's value where the mask is set. The vectors go through the outgoing area.
    MathLanes(Math),
    /// (floats) → integers, truncated.
    Truncate,
}

impl FlatKind {
    /// Whether it ends a block.
    pub const fn is_terminator(self) -> bool {
        self.is_branch() || matches!(self, FlatKind::Return | FlatKind::Trap(_))
    }

    /// Whether it ends a block that has successors.
    pub const fn is_branch(self) -> bool {
        matches!(
            self,
            FlatKind::Jump | FlatKind::Branch | FlatKind::BranchCmp(_) | FlatKind::BranchBits(_) | FlatKind::BranchAny
        )
    }

    /// Whether its code, its cold stub at least, reads the context or calls what does.
    pub fn needs_context(self) -> bool {
        match self {
            FlatKind::Math(_) | FlatKind::Rare(..) | FlatKind::RareCmp(..) | FlatKind::Vector(_) => false,
            FlatKind::ArenaMark | FlatKind::ArenaRelease | FlatKind::LeaveCall(_) => true,
            _ => self.may_call(),
        }
    }

    /// Whether its code takes fuel, counts levels, uses the arena, or calls what does.
    pub fn needs_run(self) -> bool {
        matches!(
            self,
            FlatKind::CallHelper(_)
                | FlatKind::ArenaMark
                | FlatKind::ArenaRelease
                | FlatKind::MeterLoop
                | FlatKind::EnterCall(_)
                | FlatKind::EnterInlined(_)
                | FlatKind::LeaveCall(_)
                | FlatKind::Call(_)
        )
    }

    /// Whether its code touches the stack or memory, calls, or traps, in its cold stub at least.
    pub fn needs_frame(self) -> bool {
        match self {
            FlatKind::Params
            | FlatKind::ConstInt(_)
            | FlatKind::ConstFloat(_)
            | FlatKind::Select
            | FlatKind::SelectCmp(_)
            | FlatKind::SelectBits(_)
            | FlatKind::TableLoad(_)
            | FlatKind::ElemAddr(_)
            | FlatKind::Jump
            | FlatKind::Branch
            | FlatKind::BranchCmp(_)
            | FlatKind::BranchBits(_)
            | FlatKind::Return => false,
            FlatKind::Op(_) => self.may_call(),
            _ => true,
        }
    }

    /// Whether its code contains a call, in its cold stub at least.
    pub fn may_call(self) -> bool {
        match self {
            FlatKind::Op(op) => !op.traps().is_empty(),
            FlatKind::Math(_)
            | FlatKind::Vector(Vector::MathLanes(_))
            | FlatKind::Rare(..)
            | FlatKind::RareCmp(..)
            | FlatKind::BoundsCheck
            | FlatKind::SliceCheck
            | FlatKind::CallHelper(_)
            | FlatKind::MeterLoop
            | FlatKind::EnterCall(_)
            | FlatKind::EnterInlined(_)
            | FlatKind::Call(_)
            | FlatKind::Trap(_) => true,
            _ => false,
        }
    }
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub struct FlatInst {
    /// What it does.
    pub kind: FlatKind,
    /// Its arguments, in [`Flat::args`].
    pub args: (u32, u32),
    /// Its results, in [`Flat::defs`].
    pub defs: (u32, u32),
    /// Where in the source.
    pub span: Span,
    /// The inlined call that it comes from ([`Func::origin`](crate::ir::func::Func::origin)).
    pub origin: u32,
}

/// Values at a block's ends.
pub type Regs = SmallVec<[VReg; 4]>;

/// A block: instructions, the last of them a terminator.
#[derive(Clone, Debug, Default)]
pub struct FlatBlock {
    /// First and one past the last instruction.
    pub insts: (u32, u32),
    /// What comes in.
    pub params: Regs,
    /// Where control goes.
    pub succs: SmallVec<[regalloc2::Block; 2]>,
    /// Where it comes from.
    pub preds: SmallVec<[regalloc2::Block; 2]>,
    /// What [`FlatKind::Jump`] carries.
    pub jump_args: Regs,
    /// How many loops it lies in.
    pub loop_depth: u32,
    /// Whether it is seldom come to, as it leads to a trap: it is emitted last.
    pub cold: bool,
}

/// A function as a block graph. Block 0 is the entry; a block's index is greater than that of the block that dominates it.
#[derive(Clone, Debug, Default)]
pub struct Flat {
    /// Blocks, those of a loop contiguous.
    pub blocks: Vec<FlatBlock>,
    /// Instructions, block after block.
    pub insts: Vec<FlatInst>,
    /// Pool of arguments.
    pub args: Vec<Arg>,
    /// Pool of results.
    pub defs: Vec<VReg>,
    /// How many virtual registers.
    pub vregs: u32,
    /// Words of the outgoing area.
    pub outgoing: u32,
    /// How many lanes its vectors have; 1 where there are none.
    pub lanes: u8,
    /// The function's parameters.
    pub params: Vec<Scalar>,
    /// Its results.
    pub results: Vec<Scalar>,
}

kept!(Flat: blocks, insts, args, defs, params, results);
reusable!(Scalar);

impl Flat {
    /// The arguments of an instruction.
    pub fn args_of(&self, inst: &FlatInst) -> &[Arg] {
        &self.args[range(inst.args)]
    }

    /// The results of an instruction.
    pub fn defs_of(&self, inst: &FlatInst) -> &[VReg] {
        &self.defs[range(inst.defs)]
    }

    /// The instructions of a block.
    pub fn insts_of(&self, block: usize) -> &[FlatInst] {
        &self.insts[range(self.blocks[block].insts)]
    }
}

/// The register class that holds a scalar.
pub const fn class_of(scalar: Scalar) -> RegClass {
    match scalar {
        Scalar::F64 => RegClass::Float,
        Scalar::I64 | Scalar::Bool | Scalar::Ptr => RegClass::Int,
    }
}

fn range((start, end): (u32, u32)) -> Range<usize> {
    start as usize..end as usize
}
