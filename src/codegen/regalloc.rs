//! Register allocation: what an allocator sees of a function, which one runs (regalloc2's full algorithm, or one pass over each block: [`scan`]), and
//! the limits tested beforehand.
//!
//! A trap check is one ordinary instruction here; its jump and cold stub are invisible. Every operand is constrained to a register, so targets emit
//! register forms only. Constraints are: any register, a fixed one, or that of another operand.

use super::allocation::Allocated;
use super::flat::{Arg, Flat, FlatKind, Vector};
use super::target::{Abi, Operands, Target};
use super::{CodegenError, scan};
use crate::reuse::{Keep, kept};
use regalloc2::{Block, Inst, InstRange, Operand, PReg, PRegSet, RegAllocError, RegClass, RegallocOptions, VReg};
use std::ops::Range;

/// The most instructions and virtual registers of a function; far below regalloc2's own limits (2^24 spill slots).
const MAX_SIZE: usize = 1 << 21;

/// The most block boundaries that values live across, counted for each value, for the full algorithm: its time and memory grow with them.
const MAX_FULL_RANGES: usize = 1 << 14;

/// The most instructions that values live across, counted for each value: where many more are live than there are registers, its time is their square.
const MAX_FULL_LIFETIME: usize = 1 << 20;

/// The most instructions that the full algorithm is given.
const MAX_FULL_INSTS: usize = 1 << 15;

/// How far the values of a function live.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    /// Block boundaries that they live across.
    ranges: usize,
    /// Instructions that they live across.
    lifetime: usize,
}

/// A function as regalloc2 sees it.
pub(super) struct Allocatable<'a> {
    flat: &'a Flat,
    vregs: u32,
    lists: Box<Lists>,
}

#[derive(Default)]
struct Lists {
    operands: Vec<Operand>,
    /// The first operand of each instruction, and one past the last one's.
    starts: Vec<u32>,
    /// For each instruction, whether its operands may be in any registers, no two of them bound to each other.
    plain: Vec<bool>,
    /// Clobbers of the instructions that have any, in order.
    clobbers: Vec<(u32, PRegSet)>,
}

kept!(Lists: operands, starts, plain, clobbers);

/// Allocates registers.
pub fn allocate<T: Target>(flat: &Flat, target: &T, name: &str) -> Result<Box<Allocated>, CodegenError> {
    let mut function = Allocatable::new(flat, target);
    if flat.insts.len().max(function.vregs as usize).max(function.lists.operands.len() / 4) > MAX_SIZE {
        return Err(CodegenError::TooLarge(name.to_owned()));
    }
    let registers = target.registers(flat);
    let allocated = if function.wants_full_algorithm() {
        let options = RegallocOptions { validate_ssa: cfg!(test), ..RegallocOptions::default() };
        regalloc2::run(&function, &registers.env, &options).map(Allocated::of)
    } else {
        scan::allocate(&function, registers)
    };
    let mut allocated = allocated.map_err(|error| match error {
        RegAllocError::TooManyOperands => CodegenError::TooLarge(name.to_owned()),
        _ => CodegenError::Malformed(format!("no registers for `{name}`: {error}")),
    })?;
    #[cfg(test)]
    check(&function, &registers.env, &allocated);
    std::mem::swap(&mut allocated.starts, &mut function.lists.starts);
    function.lists.keep();
    Ok(allocated)
}

#[cfg(test)]
pub(super) fn check(function: &Allocatable<'_>, env: &regalloc2::MachineEnv, output: &Allocated) {
    // The checker's time is the square of some functions' size.
    if function.flat.insts.len() > 3_000 {
        return;
    }
    if let Err(error) = errors(function, env, output) {
        panic!("allocation is wrong: {error}");
    }
    let moved = output.edits.iter().map(|(_, regalloc2::Edit::Move { to, .. })| to);
    for reg in output.allocs.iter().chain(moved).filter_map(|alloc| alloc.as_reg()) {
        assert!(output.uses(reg) || env.scratch_by_class.contains(&Some(reg)), "{reg} is used");
    }
}

#[cfg(any(test, debug_assertions))]
fn errors(function: &Allocatable<'_>, env: &regalloc2::MachineEnv, output: &Allocated) -> Result<(), String> {
    let mut checker = regalloc2::checker::Checker::new(function, env);
    checker.prepare(&output.output(function.starts()));
    checker.run().map_err(|errors| format!("{errors:?}"))
}

/// Whether an allocation is right for a function: for bugs planted in one.
#[cfg(debug_assertions)]
pub(super) fn check_allocation<T: Target>(flat: &Flat, target: &T, output: &Allocated) -> Result<(), CodegenError> {
    let function = Allocatable::new(flat, target);
    let wrong = |error| CodegenError::Malformed(format!("regalloc checker: {error}"));
    errors(&function, &target.registers(flat).env, output).map_err(wrong)
}

impl<'a> Allocatable<'a> {
    pub(super) fn new<T: Target>(flat: &'a Flat, target: &T) -> Allocatable<'a> {
        let (mut vregs, mut lists) = (flat.vregs, Lists::kept());
        let Lists { operands, starts, plain, clobbers: all_clobbers } = &mut *lists;
        let abi = target.abi();
        let mut out = Operands { list: operands, vregs: &mut vregs, clobbers: PRegSet::empty(), plain: true };
        for (index, inst) in flat.insts.iter().enumerate() {
            starts.push(out.list.len() as u32);
            out.plain = true;
            let (defs, args) = (flat.defs_of(inst), flat.args_of(inst));
            if matches!(inst.kind, FlatKind::Op(_)) || !conventional(abi, flat, inst.kind, defs, args, &mut out) {
                target.operands(inst, defs, args, &mut out);
            }
            plain.push(out.plain && defs.len() <= 1);
            // What is plain leaves nothing undefined.
            if !out.plain && out.clobbers != PRegSet::empty() {
                all_clobbers.push((index as u32, out.clobbers));
                out.clobbers = PRegSet::empty();
            }
        }
        starts.push(out.list.len() as u32);
        Allocatable { flat, vregs, lists }
    }

    /// The pass over single blocks keeps nothing in registers from one block to the next, so it is for straight-line code and for what is too large.
    fn wants_full_algorithm(&self) -> bool {
        if self.flat.blocks.len() == 1 || self.flat.insts.len() > MAX_FULL_INSTS {
            return false;
        }
        let extent = self.extent();
        extent.ranges <= MAX_FULL_RANGES && extent.lifetime <= MAX_FULL_LIFETIME
    }

    /// The blocks and instructions.
    pub(super) fn flat(&self) -> &Flat {
        self.flat
    }

    /// How many operands there are.
    pub(super) fn operand_count(&self) -> usize {
        self.lists.operands.len()
    }

    /// The operands of all instructions.
    pub(super) fn operands(&self) -> &[Operand] {
        &self.lists.operands
    }

    /// The indices of an instruction's operands.
    pub(super) fn operand_range(&self, inst: usize) -> Range<usize> {
        self.lists.starts[inst] as usize..self.lists.starts[inst + 1] as usize
    }

    /// Whether an instruction only reads registers before it writes at most one, any of them.
    pub(super) fn is_plain(&self, inst: usize) -> bool {
        self.lists.plain[inst]
    }

    /// The first operand of each instruction.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn starts(&self) -> &[u32] {
        &self.lists.starts[..self.flat.insts.len()]
    }

    /// The operands of instructions.
    pub(super) fn operands_of(&self, insts: Range<usize>) -> &[Operand] {
        &self.lists.operands[self.lists.starts[insts.start] as usize..self.lists.starts[insts.end] as usize]
    }

    /// What an instruction leaves undefined.
    pub(super) fn clobbers(&self, inst: usize) -> Option<PRegSet> {
        let clobbers = &self.lists.clobbers;
        if clobbers.is_empty() {
            return None;
        }
        let found = clobbers.binary_search_by_key(&(inst as u32), |(at, _)| *at);
        found.ok().map(|index| clobbers[index].1)
    }

    /// About how far the values live, a value used in a loop living to the loop's end.
    fn extent(&self) -> Extent {
        let blocks = &self.flat.blocks;
        // The last block of the outermost loop that a block lies in, or the block itself.
        let mut loop_end = vec![0u32; blocks.len()];
        let mut end = 0;
        for index in (0..blocks.len()).rev() {
            let last_of_loop = blocks.get(index + 1).is_none_or(|next| next.loop_depth == 0);
            if blocks[index].loop_depth == 0 || last_of_loop {
                end = index as u32;
            }
            loop_end[index] = end;
        }
        // Block and instruction.
        let mut born = vec![(u32::MAX, 0u32); self.vregs as usize];
        let mut extent = Extent::default();
        let mut last = vec![(0u32, 0u32); self.vregs as usize];
        for (index, block) in blocks.iter().enumerate() {
            let here = index as u32;
            let mut note = |reg: VReg, inst: u32| {
                let first = &mut born[reg.vreg()];
                if first.0 == u32::MAX {
                    *first = (here, inst);
                }
                let until = loop_end[index];
                let point = if until == loop_end[first.0 as usize] {
                    (here, inst)
                } else {
                    (until, blocks[until as usize].insts.1)
                };
                last[reg.vreg()] = last[reg.vreg()].max(point);
            };
            for reg in &block.params {
                note(*reg, block.insts.0);
            }
            for inst in block.insts.0..block.insts.1 {
                for operand in self.operands_of(inst as usize..inst as usize + 1) {
                    note(operand.vreg(), inst);
                }
            }
            for reg in &block.jump_args {
                note(*reg, block.insts.1);
            }
        }
        for (born, last) in born.iter().zip(&last).filter(|(born, _)| born.0 != u32::MAX) {
            extent.ranges += (last.0 - born.0) as usize;
            extent.lifetime += (last.1 - born.1) as usize;
        }
        extent
    }
}

/// The operands that the calling convention decides; false for an instruction that it does not concern.
fn conventional(abi: &Abi, flat: &Flat, kind: FlatKind, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) -> bool {
    let of_vectors = if flat.lanes > 1 { abi.vector_clobbers } else { PRegSet::empty() };
    let results = |out: &mut Operands<'_>, clobbers: PRegSet| {
        out.clobber_all(clobbers | of_vectors);
        let mut ints = abi.int_results.iter();
        for def in defs {
            let place = if def.class() == RegClass::Float { Some(&abi.float_result) } else { ints.next() };
            if let Some(place) = place {
                out.clobbers.remove(*place);
                out.fixed_def(*def, *place);
            }
        }
    };
    match kind {
        FlatKind::Params => {
            for (def, place) in defs.iter().zip(in_order(abi, defs.iter().map(|def| def.class()))) {
                out.fixed_def(*def, place);
            }
        }
        FlatKind::Call(_) => {
            results(out, abi.call_clobbers);
            fixed_args(abi, args, out);
        }
        FlatKind::Math(_) => {
            results(out, abi.c_clobbers);
            fixed_args(abi, args, out);
        }
        FlatKind::Vector(Vector::MathLanes(_)) => {
            // The arguments are stored before the call.
            results(out, abi.c_clobbers);
            args.iter().for_each(|arg| out.arg(*arg));
        }
        FlatKind::CallHelper(_) => {
            // The result is loaded from the context behind the call.
            out.clobber_all(abi.c_clobbers | of_vectors);
            if let Some(def) = defs.first() {
                let place = if def.class() == RegClass::Float { abi.float_result } else { abi.int_results[0] };
                out.clobbers.remove(place);
                out.fixed_def(*def, place);
            }
        }
        FlatKind::Return => {
            for (arg, place) in args.iter().zip(abi.results(&flat.results)) {
                out.fixed_arg(*arg, place);
            }
        }
        FlatKind::Jump | FlatKind::Trap(_) => {}
        _ => return false,
    }
    true
}

fn fixed_args(abi: &Abi, args: &[Arg], out: &mut Operands<'_>) {
    let classes = args.iter().map(|arg| match arg {
        Arg::Reg(reg) => reg.class(),
        Arg::Const(_) => RegClass::Int,
    });
    for (arg, place) in args.iter().zip(in_order(abi, classes)) {
        out.fixed_arg(*arg, place);
    }
}

/// The argument registers for values of these classes, which are no more than there are.
fn in_order(abi: &Abi, classes: impl Iterator<Item = RegClass>) -> impl Iterator<Item = PReg> {
    let (mut ints, mut floats) = (abi.int_args.iter(), abi.float_args.iter());
    classes.filter_map(move |class| if class == RegClass::Float { floats.next() } else { ints.next() }.copied())
}

impl regalloc2::Function for Allocatable<'_> {
    fn num_insts(&self) -> usize {
        self.flat.insts.len()
    }

    fn num_blocks(&self) -> usize {
        self.flat.blocks.len()
    }

    fn entry_block(&self) -> Block {
        Block::new(0)
    }

    fn block_insns(&self, block: Block) -> InstRange {
        let (start, end) = self.flat.blocks[block.index()].insts;
        InstRange::new(Inst::new(start as usize), Inst::new(end as usize))
    }

    fn block_succs(&self, block: Block) -> &[Block] {
        &self.flat.blocks[block.index()].succs
    }

    fn block_preds(&self, block: Block) -> &[Block] {
        &self.flat.blocks[block.index()].preds
    }

    fn block_params(&self, block: Block) -> &[VReg] {
        &self.flat.blocks[block.index()].params
    }

    fn is_ret(&self, inst: Inst) -> bool {
        matches!(self.flat.insts[inst.index()].kind, FlatKind::Return | FlatKind::Trap(_))
    }

    fn is_branch(&self, inst: Inst) -> bool {
        self.flat.insts[inst.index()].kind.is_branch()
    }

    fn branch_blockparams(&self, block: Block, inst: Inst, _succ: usize) -> &[VReg] {
        match self.flat.insts[inst.index()].kind {
            FlatKind::Jump => &self.flat.blocks[block.index()].jump_args,
            _ => &[],
        }
    }

    fn inst_operands(&self, inst: Inst) -> &[Operand] {
        &self.lists.operands[self.lists.starts[inst.index()] as usize..self.lists.starts[inst.index() + 1] as usize]
    }

    fn inst_clobbers(&self, inst: Inst) -> PRegSet {
        self.clobbers(inst.index()).unwrap_or_default()
    }

    fn num_vregs(&self) -> usize {
        self.vregs as usize
    }

    fn spillslot_size(&self, class: RegClass) -> usize {
        if class == RegClass::Float { self.flat.lanes.into() } else { 1 }
    }
}
