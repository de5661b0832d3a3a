//! Bugs planted in the code generator, so that tests see which wall catches each. In debug builds only; nothing is planted unless a test asks.
//!
//! A bug is planted in what the emitter is given (instructions, registers, the frame) or in what it made (tables, references to the pool), behind
//! the passes and the allocation, which would else adapt to it.

use super::allocation::Allocated;
use super::blob::{CodeBlob, SiteKind};
use super::flat::{Arg, Flat, FlatKind, Vector};
use super::frame::Frame;
use super::regalloc;
use super::target::Target;
use super::{Arch, CodegenError};
use crate::ir::func::{Func, InstKind};
use crate::ir::op::Op;
use crate::trap::TrapKind;
use crate::types::Elem;
use crate::walls::{Wall, stands};
use regalloc2::{Allocation, Edit, PReg, RegClass, SpillSlot};
use std::cell::Cell;

macro_rules! bugs {
    ($($(#[$doc:meta])+ $bug:ident,)*) => {
        /// A bug of the code generator.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug { $($(#[$doc])+ $bug,)* }

        impl Bug {
            /// All of them.
            pub const ALL: &'static [Bug] = &[$(Bug::$bug),*];
        }
    };
}

bugs! {
    /// A load takes an index that was not checked.
    UncheckedIndex,
    /// A value is used before its definition.
    UseBeforeDefinition,
    /// An operand is of another type.
    TypeConfusion,
    /// No index is checked.
    MissingBoundsCheck,
    /// No slice is checked.
    MissingSliceCheck,
    /// Indices are checked against a length that the array once had.
    StaleLength,
    /// The length is checked against the index.
    SwappedCheck,
    /// Sums are not checked for overflow.
    MissingOverflowCheck,
    /// A quotient is asked for whatever the divisor is.
    UncheckedDivisor,
    /// No unit of fuel is taken at a loop's head.
    MissingFuel,
    /// Each call takes two levels of depth.
    WrongDepth,
    /// Calls keep their level of depth.
    MissingLeave,
    /// What a loop's body allocates is kept.
    MissingRelease,
    /// A branch goes to the wrong one of its two successors.
    InvertedBranch,
    /// A loop runs once more: less is less or equal.
    WrongCondition,
    /// Four bytes of an element are loaded as eight.
    WideLoad,
    /// Four bytes of an element are stored as eight.
    WideStore,
    /// Lanes of four bytes are loaded as if each had eight.
    WideLanes,
    /// Of two vectors the wrong one is chosen, lane by lane.
    SwappedLanes,
    /// The address of a slice counts its bytes as words.
    WrongScale,
    /// An index is taken for the address.
    WrongBase,
    /// The operands of a subtraction are exchanged.
    SwappedRegisters,
    /// A result is written to the register of the context.
    ClobberedContext,
    /// A move between registers or from a slot is lost.
    LostMove,
    /// A value is read from the next slot.
    WrongSlot,
    /// Callee-saved registers are neither saved nor restored.
    MissingRestore,
    /// Registers are saved where spilled values lie.
    WrongFrameOffset,
    /// The end of a function releases less than its start took.
    UnevenFrame,
    /// A large frame is entered without touching its pages.
    MissingProbe,
    /// A function does not return.
    MissingReturn,
    /// A constant is one more.
    WrongConstant,
    /// A result keeps the bits of its NaN.
    MissingCanonical,
    /// A site tells another trap.
    WrongTrap,
    /// No site is known.
    MissingSites,
    /// A site tells a place one byte on.
    WrongPlace,
    /// A frame is told smaller than it is.
    UnderstatedFrame,
    /// A reference to the pool is to the word behind.
    WrongPoolWord,
    /// An instruction of the code has one other bit.
    FlippedBit,
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    static TIMES: Cell<u32> = const { Cell::new(0) };
    static CHANGE: Cell<Option<(u32, u8)>> = const { Cell::new(None) };
}

/// Flips these bits of the byte at an offset in all code that this thread makes from now on, or none any more.
pub fn change(byte: Option<(u32, u8)>) {
    CHANGE.set(byte);
}

/// Plants a bug in all code that this thread makes from now on, or takes it out.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
    TIMES.set(0);
}

/// In how many places code was made with the bug.
pub fn times() -> u32 {
    TIMES.get()
}

fn planted() -> Option<Bug> {
    PLANTED.get()
}

fn done() {
    TIMES.set(TIMES.get() + 1);
}

/// Whether this bug is planted; it counts.
pub(super) fn is(bug: Bug) -> bool {
    let is = planted() == Some(bug);
    if is {
        done();
    }
    is
}

/// The functions with a bug, where one is planted in the IR; the verifier of the IR sees them.
pub(super) fn spoil_ir(funcs: &[Func]) -> Result<(), CodegenError> {
    let Some(bug) = planted() else { return Ok(()) };
    for func in funcs {
        let mut func = func.clone();
        for idx in 0..func.insts.len() {
            let (kind, args) = (func.insts[idx].kind, func.insts[idx].args);
            let first = args.start as usize;
            match (bug, kind) {
                (Bug::UncheckedIndex, InstKind::Load(_)) => {
                    // The index of the check is what came into it.
                    let checked = func.value_lists[first + 1];
                    let check = func.insts.iter().find(|inst| inst.results == 1 && inst.first_result == checked);
                    if let Some(check) = check {
                        func.value_lists[first + 1] = func.value_lists[check.args.start as usize];
                        done();
                    }
                }
                (Bug::UseBeforeDefinition, InstKind::Op(_)) if func.insts[idx].results == 1 => {
                    let own = func.insts[idx].first_result;
                    if func.ty(func.value_lists[first]) == func.ty(own) {
                        func.value_lists[first] = own;
                        done();
                    }
                }
                (Bug::TypeConfusion, InstKind::Op(Op::FMul)) => {
                    func.insts[idx].kind = InstKind::Op(Op::IWrappingMul);
                    done();
                }
                _ => {}
            }
        }
        crate::ir::verify::verify(&func).map_err(|error| CodegenError::Malformed(format!("ir::verify: {error}")))?;
    }
    Ok(())
}

/// A function's instructions and allocation with the bug, and without the checks that were taken down.
pub(super) fn spoil<T: Target>(
    mut flat: Box<Flat>,
    mut output: Box<Allocated>,
    target: &T,
) -> Result<(Box<Flat>, Box<Allocated>), CodegenError> {
    let bug = planted();
    let right = flat.clone();
    if !stands(Wall::BoundsChecks) {
        for inst in &mut flat.insts {
            if matches!(inst.kind, FlatKind::BoundsCheck) {
                inst.kind = FlatKind::Params;
            }
        }
    }
    let Some(bug) = bug else { return Ok((flat, output)) };
    for idx in 0..flat.insts.len() {
        let (kind, args, defs) = (flat.insts[idx].kind, flat.insts[idx].args, flat.insts[idx].defs);
        let own = output.starts[idx] as usize;
        let defs = (defs.1 - defs.0) as usize;
        let arg = |n: u32| flat.args.get((args.0 + n) as usize).copied().filter(|_| args.0 + n < args.1);
        let is_reg = |n: u32| matches!(arg(n), Some(Arg::Reg(_)));
        let new = match (bug, kind) {
            (Bug::MissingBoundsCheck, FlatKind::BoundsCheck)
            | (Bug::MissingFuel, FlatKind::MeterLoop)
            | (Bug::MissingLeave, FlatKind::LeaveCall(_))
            | (Bug::MissingRelease, FlatKind::ArenaRelease)
            | (Bug::MissingCanonical, FlatKind::Op(Op::FCanon)) => FlatKind::Params,
            (Bug::MissingSliceCheck, FlatKind::SliceCheck) if is_reg(0) && is_reg(1) => {
                // Its result is a difference all the same; its operands are in any registers, so a wrapping one may write before it reads.
                output.allocs.swap(own + defs, own + defs + 1);
                FlatKind::Op(Op::IWrappingSub)
            }
            (Bug::StaleLength, FlatKind::BoundsCheck) if is_reg(0) => {
                if let Some(slot) = flat.args.get_mut(args.0 as usize + 1) {
                    *slot = Arg::Const(1 << 20);
                }
                kind
            }
            (Bug::SwappedCheck, FlatKind::BoundsCheck) if is_reg(0) && is_reg(1) => {
                output.allocs.swap(own + defs, own + defs + 1);
                kind
            }
            (Bug::SwappedRegisters, FlatKind::Op(Op::FSub | Op::ISub)) if is_reg(0) && is_reg(1) => {
                output.allocs.swap(own + defs, own + defs + 1);
                kind
            }
            (Bug::WrongBase, FlatKind::Load(_)) if is_reg(1) => {
                output.allocs[own + defs] = output.allocs[own + defs + 1];
                kind
            }
            (Bug::ClobberedContext, FlatKind::ConstInt(_)) => {
                let context = if T::ARCH == Arch::X64 { 15 } else { 28 };
                output.allocs[own] = Allocation::reg(PReg::new(context, RegClass::Int));
                kind
            }
            (Bug::MissingOverflowCheck, FlatKind::Op(Op::IAdd)) => FlatKind::Op(Op::IWrappingAdd),
            (Bug::WrongDepth, FlatKind::EnterCall(levels)) => FlatKind::EnterCall(levels + 1),
            (Bug::WrongCondition, FlatKind::BranchCmp(Op::ILt)) => FlatKind::BranchCmp(Op::ILe),
            (Bug::WrongCondition, FlatKind::BranchCmp(Op::ILe)) => FlatKind::BranchCmp(Op::ILt),
            (Bug::WideLoad, FlatKind::Load(Elem::F32)) => FlatKind::Load(Elem::F64),
            (Bug::WideLoad, FlatKind::Load(Elem::I32)) => FlatKind::Load(Elem::I64),
            (Bug::WideStore, FlatKind::Store(Elem::F32)) => FlatKind::Store(Elem::F64),
            (Bug::WideStore, FlatKind::Store(Elem::I32)) => FlatKind::Store(Elem::I64),
            (Bug::WideLanes, FlatKind::Vector(Vector::Load(Elem::F32))) => FlatKind::Vector(Vector::Load(Elem::F64)),
            (Bug::SwappedLanes, FlatKind::Vector(Vector::Select(_))) if is_reg(1) && is_reg(2) => {
                output.allocs.swap(own + defs + 1, own + defs + 2);
                kind
            }
            (Bug::WrongScale, FlatKind::ElemAddr(Elem::U8)) => FlatKind::ElemAddr(Elem::I64),
            (Bug::WrongConstant, FlatKind::ConstInt(n)) => FlatKind::ConstInt(n.wrapping_add(1)),
            (Bug::MissingReturn, FlatKind::Return) => FlatKind::Params,
            _ => continue,
        };
        flat.insts[idx].kind = new;
        done();
    }
    if bug == Bug::InvertedBranch {
        for block in flat.blocks.iter_mut().filter(|block| block.succs.len() == 2) {
            block.succs.swap(0, 1);
            done();
        }
    }
    spoil_moves(bug, &mut output);
    let is_of_allocation =
        matches!(bug, Bug::SwappedRegisters | Bug::ClobberedContext | Bug::LostMove | Bug::WrongSlot | Bug::WrongBase);
    if is_of_allocation && stands(Wall::AllocationChecker) {
        regalloc::check_allocation(&right, target, &output)?;
    }
    Ok((flat, output))
}

fn spoil_moves(bug: Bug, output: &mut Allocated) {
    match bug {
        Bug::LostMove => {
            let before = output.edits.len();
            let from_slot = |edit: &Edit| matches!(edit, Edit::Move { from, .. } if from.is_stack());
            let has_slots = output.edits.iter().any(|(_, edit)| from_slot(edit));
            output.edits.retain(|(_, edit)| has_slots && !from_slot(edit));
            (output.edits.len()..before).for_each(|_| done());
        }
        Bug::WrongSlot => {
            for (_, Edit::Move { from, .. }) in &mut output.edits {
                if let Some(slot) = from.as_stack() {
                    *from = Allocation::stack(SpillSlot::new((slot.index() + 1) % output.spill_words));
                    done();
                }
            }
        }
        _ => {}
    }
}

/// The frame that a function makes, with the bug.
pub(super) fn spoil_frame(frame: &mut Frame) {
    match planted() {
        Some(Bug::MissingRestore) if !frame.saved.is_empty() => {
            frame.saved.clear();
            done();
        }
        Some(Bug::WrongFrameOffset) if !frame.saved.is_empty() => {
            for (_, offset) in &mut frame.saved {
                *offset = offset.saturating_sub(16);
            }
            done();
        }
        _ => {}
    }
}

/// The frame that a function gives back, with the bug.
pub(super) fn frame_left(frame: &Frame) -> Frame {
    let mut frame = frame.clone();
    if frame.size >= 24 && is(Bug::UnevenFrame) {
        frame.size -= 16;
    }
    frame
}

/// The finished code with the bug.
pub(super) fn spoil_blob(mut blob: CodeBlob) -> CodeBlob {
    if let Some((at, bits)) = CHANGE.get()
        && let Some(byte) = blob.code.get_mut(at as usize)
    {
        *byte ^= bits;
    }
    match planted() {
        Some(Bug::WrongTrap) => {
            for site in &mut blob.sites {
                if let SiteKind::Trap(kind) = &mut site.kind {
                    *kind = if *kind == TrapKind::BadCast { TrapKind::DivideByZero } else { TrapKind::BadCast };
                    done();
                }
            }
        }
        Some(Bug::WrongPlace) => {
            for site in &mut blob.sites {
                site.place.span.start += 1;
                done();
            }
        }
        Some(Bug::MissingSites) => {
            blob.sites.iter().for_each(|_| done());
            blob.sites.clear();
        }
        Some(Bug::UnderstatedFrame) => {
            for func in &mut blob.funcs {
                func.frame_size /= 8;
                done();
            }
        }
        Some(Bug::WrongPoolWord) => {
            let words = blob.pool.len() as u32;
            for reference in &mut blob.pool_refs {
                reference.entry = (reference.entry + 1) % words;
                done();
            }
        }
        Some(Bug::FlippedBit) => {
            if let Some(byte) = blob.code.first_mut() {
                *byte ^= 0x40;
                done();
            }
        }
        _ => {}
    }
    blob
}
