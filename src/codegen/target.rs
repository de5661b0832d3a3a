//! What the shared driver asks of a machine: its conventions as data, and the emission of instructions over registers already chosen.
//!
//! Nothing here is named after an operation, and no order of emission is decided by a target: blocks, cold stubs, the pool, the table of sites and the
//! frame's layout belong to the driver, so that two machines differ in instructions only.

use super::blob::{Origin, PoolEntry, PoolRef, Site, SiteKind};
use super::flat::{Arg, Flat, FlatInst, FlatKind};
use super::frame::Frame;
use super::scan::Registers;
use super::{Arch, CodegenError, CpuFeatures};
use crate::hash::Map;
use crate::ir::func::InlinedCall;
use crate::ir::op::{Math, Scalar, TableId};
use crate::reuse::Buf;
use crate::sema::hir::FuncId;
use crate::span::Span;
use crate::trap::TrapKind;
use dynasmrt::relocations::Relocation;
use dynasmrt::{DynamicLabel, VecAssembler};
use regalloc2::{Allocation, Operand, PReg, PRegSet, RegClass, VReg};
use smallvec::SmallVec;

/// A machine's calling convention and registers.
#[derive(Clone, Debug)]
pub struct Abi {
    /// What the allocator may use.
    pub registers: Registers,
    /// Integer, bool and address parameters.
    pub int_args: Vec<PReg>,
    /// Float parameters.
    pub float_args: Vec<PReg>,
    /// Integer results: the second is an array's length.
    pub int_results: [PReg; 2],
    /// A float result.
    pub float_result: PReg,
    /// What a call of the program's own function leaves undefined.
    pub call_clobbers: PRegSet,
    /// What a C function leaves undefined.
    pub c_clobbers: PRegSet,
    /// What any call leaves undefined besides in a function that has vectors: registers and halves of registers that nothing else uses.
    pub vector_clobbers: PRegSet,
    /// What a function gives back as it found it.
    pub callee_saved: PRegSet,
    /// Whether a call pushes the return address (else the frame's highest word keeps it).
    pub pushes_return_address: bool,
    /// How far a conditional branch reaches; a function near that size gets its cold stubs in between, and `far` branches.
    pub branch_reach: usize,
}

/// Where a parameter or a result lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a register.
    Reg(PReg),
    /// In this word of the caller's outgoing area.
    Stack(u32),
}

impl Abi {
    /// Where each parameter of such a function lies, and how many words of the outgoing area they take.
    pub fn params(&self, params: &[Scalar]) -> (SmallVec<[Place; 8]>, u32) {
        let (mut ints, mut floats) = (self.int_args.iter(), self.float_args.iter());
        let mut words = 0;
        let mut places = SmallVec::new();
        for scalar in params {
            let reg = if *scalar == Scalar::F64 { floats.next() } else { ints.next() };
            places.push(match reg {
                Some(reg) => Place::Reg(*reg),
                None => {
                    words += 1;
                    Place::Stack(words - 1)
                }
            });
        }
        (places, words)
    }

    /// The registers of the results of such a function.
    pub fn results(&self, results: &[Scalar]) -> impl Iterator<Item = PReg> {
        let mut ints = self.int_results.iter();
        results.iter().filter_map(
            move |scalar| if *scalar == Scalar::F64 { Some(self.float_result) } else { ints.next().copied() },
        )
    }
}

/// The operands of one instruction as they are told to the allocator: results, then those arguments that are registers, then temporaries.
#[derive(Debug)]
pub struct Operands<'a> {
    pub(super) list: &'a mut Vec<Operand>,
    pub(super) vregs: &'a mut u32,
    pub(super) clobbers: PRegSet,
    /// Whether all so far are results and arguments in any registers.
    pub(super) plain: bool,
}

impl Operands<'_> {
    /// A result in any register, perhaps one of an argument.
    pub fn def(&mut self, reg: VReg) {
        self.list.push(Operand::reg_def(reg));
    }

    /// A result that is written before the last argument is read.
    pub fn early_def(&mut self, reg: VReg) {
        self.plain = false;
        self.list.push(Operand::reg_def_at_start(reg));
    }

    /// A result in this register.
    pub fn fixed_def(&mut self, reg: VReg, place: PReg) {
        self.plain = false;
        self.list.push(Operand::reg_fixed_def(reg, place));
    }

    /// A result in this register, which is written before the last argument is read.
    pub fn early_fixed_def(&mut self, reg: VReg, place: PReg) {
        self.plain = false;
        self.list.push(Operand::reg_fixed_def_at_start(reg, place));
    }

    /// A result in the register of the argument whose index among all operands of this instruction is given.
    pub fn reuse_def(&mut self, reg: VReg, operand: usize) {
        self.plain = false;
        self.list.push(Operand::reg_reuse_def(reg, operand));
    }

    /// An argument in any register.
    pub fn arg(&mut self, arg: Arg) {
        if let Arg::Reg(reg) = arg {
            self.list.push(Operand::reg_use(reg));
        }
    }

    /// An argument that is read after the first result is written.
    pub fn late_arg(&mut self, arg: Arg) {
        self.plain = false;
        if let Arg::Reg(reg) = arg {
            self.list.push(Operand::reg_use_at_end(reg));
        }
    }

    /// An argument in this register.
    pub fn fixed_arg(&mut self, arg: Arg, place: PReg) {
        self.plain = false;
        if let Arg::Reg(reg) = arg {
            self.list.push(Operand::reg_fixed_use(reg, place));
        }
    }

    /// A register for the duration of the instruction, of no argument and no result.
    pub fn temp(&mut self, class: RegClass) {
        self.plain = false;
        let reg = VReg::new(*self.vregs as usize, class);
        *self.vregs += 1;
        self.list.push(Operand::reg_temp(reg));
    }

    /// This register for the duration of the instruction, of no argument and no result.
    pub fn fixed_temp(&mut self, place: PReg) {
        self.plain = false;
        let reg = VReg::new(*self.vregs as usize, place.class());
        *self.vregs += 1;
        self.list.push(Operand::reg_fixed_def_at_start(reg, place));
    }

    /// Registers that the instruction leaves undefined, and no others.
    pub(super) fn clobber_all(&mut self, regs: PRegSet) {
        self.plain = false;
        self.clobbers = regs;
    }

    /// A register that the instruction leaves undefined.
    pub fn clobber(&mut self, reg: PReg) {
        self.plain = false;
        self.clobbers.add(reg);
    }
}

/// An argument after allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loc {
    /// The number of a register of the argument's class.
    Reg(u8),
    /// A folded constant.
    Const(u64),
}

/// An instruction with its registers.
#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    /// What it does.
    pub kind: FlatKind,
    /// Where in the source.
    pub span: Span,
    /// How many results.
    pub defs: usize,
    /// Its arguments.
    pub args: &'a [Arg],
    /// Results, arguments in registers, temporaries.
    pub allocs: &'a [Allocation],
}

impl Located<'_> {
    fn alloc(&self, index: usize) -> u8 {
        // INVARIANT: every operand is constrained to a register, and the allocator gives each one.
        self.allocs.get(index).and_then(|alloc| alloc.as_reg()).map_or(u8::MAX, |reg| reg.hw_enc() as u8)
    }

    fn regs_before(&self, index: usize) -> usize {
        self.args[..index].iter().filter(|arg| matches!(arg, Arg::Reg(_))).count()
    }

    /// The register of a result.
    pub fn def(&self, index: usize) -> u8 {
        self.alloc(index)
    }

    /// The class of a result.
    pub fn def_class(&self, index: usize) -> RegClass {
        self.allocs.get(index).and_then(|alloc| alloc.as_reg()).map_or(RegClass::Int, |reg| reg.class())
    }

    /// An argument.
    pub fn arg(&self, index: usize) -> Loc {
        match self.args[index] {
            Arg::Reg(_) => Loc::Reg(self.reg(index)),
            Arg::Const(bits) => Loc::Const(bits),
        }
    }

    /// The register of an argument that the target never folds there.
    pub fn reg(&self, index: usize) -> u8 {
        self.alloc(self.defs + self.regs_before(index))
    }

    /// The class of an argument.
    pub fn class(&self, index: usize) -> Option<RegClass> {
        match self.args[index] {
            Arg::Reg(reg) => Some(reg.class()),
            Arg::Const(_) => None,
        }
    }

    /// The register of a temporary.
    pub fn temp(&self, index: usize) -> u8 {
        self.alloc(self.defs + self.regs_before(self.args.len()) + index)
    }
}

/// What a cold stub does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cold {
    /// Calls [`crate::runtime::helper::Helper::Trap`].
    Trap(TrapKind),
    /// Leaves index (or bound) and length in the context, then traps `OutOfBounds`.
    Bounds(Loc, Loc),
    /// Traps with the kind that a helper left in the context.
    HelperTrap,
    /// Calls [`crate::runtime::helper::Helper::Poll`], then goes back.
    Poll(SiteKind),
    /// Computes an elementary function of the registers (the second as the first for one argument) into the last register, then goes back.
    Rare(Math, [u8; 2], u8),
    /// Puts the canonical NaN into this float register, then goes back.
    Canonical(u8),
}

/// A cold stub yet to be emitted.
#[derive(Clone, Copy, Debug)]
pub struct Stub {
    /// Where it begins.
    pub label: DynamicLabel,
    /// Where it goes back to, if it does.
    pub back: Option<DynamicLabel>,
    /// What it does.
    pub cold: Cold,
    /// Where in the source.
    pub span: Span,
    /// The inlined call that it comes from.
    pub origin: u32,
}

/// Labels: of the blocks of a function, or of the functions of a program.
pub type Labels = SmallVec<[DynamicLabel; 4]>;

/// What the driver keeps while it emits, and targets add to.
#[derive(Debug)]
pub struct Context {
    /// The frame of the current function.
    pub frame: Frame,
    /// The entry of each function.
    pub entries: Labels,
    /// Conditional branches of the current function must not rely on their reach.
    pub far: bool,
    /// Whether `EnterCall` takes fuel.
    pub metering: bool,
    /// The inlined call that the instruction being emitted comes from; the driver keeps it.
    pub origin: u32,
    /// Inlined calls of the functions before the current one.
    pub inlined: Vec<InlinedCall>,
    pub(super) stubs: SmallVec<[Stub; 4]>,
    pub(super) pool: Vec<PoolEntry>,
    pub(super) pool_index: Map<PoolEntry, u32>,
    /// Where a constant stands so many times in a row.
    pub(super) pool_rows: Map<(u64, u8), u32>,
    /// Where a small table of constants begins.
    pub(super) pool_tables: Map<TableId, u32>,
    pub(super) pool_refs: Vec<PoolRef>,
    pub(super) sites: Vec<Site>,
    pub(super) source: Buf<(u32, Origin)>,
}

impl Context {
    /// Nothing emitted yet; the functions' entries have these labels.
    pub fn new(entries: Labels, metering: bool) -> Context {
        Context {
            frame: Frame::default(),
            entries,
            far: false,
            metering,
            origin: 0,
            inlined: Vec::new(),
            stubs: SmallVec::new(),
            pool: Vec::new(),
            pool_index: Map::default(),
            pool_rows: Map::default(),
            pool_tables: Map::default(),
            pool_refs: Vec::new(),
            sites: Vec::new(),
            source: Buf::new(),
        }
    }

    /// The cold stubs asked for since the last time.
    pub fn take_stubs(&mut self) -> SmallVec<[Stub; 4]> {
        std::mem::take(&mut self.stubs)
    }

    /// Asks for a cold stub.
    pub fn stub(&mut self, label: DynamicLabel, back: Option<DynamicLabel>, cold: Cold, span: Span) {
        self.stubs.push(Stub { label, back, cold, span, origin: self.origin });
    }

    /// Notes that the instruction at this offset (see [`PoolRef::at`]) addresses a word of the pool.
    pub fn pool_ref(&mut self, at: usize, entry: PoolEntry) {
        let next = self.pool.len() as u32;
        let index = *self.pool_index.entry(entry).or_insert(next);
        if index == next {
            self.pool.push(entry);
        }
        self.pool_refs.push(PoolRef { at: at as u32, entry: index });
    }

    /// Notes that the instruction at this offset addresses a constant that stands there so many times.
    pub fn pool_row_ref(&mut self, at: usize, bits: u64, count: u8) {
        let next = self.pool.len() as u32;
        let entry = *self.pool_rows.entry((bits, count)).or_insert(next);
        if entry == next {
            self.pool.extend((0..count).map(|_| PoolEntry::Bits(bits)));
        }
        self.pool_refs.push(PoolRef { at: at as u32, entry });
    }

    /// Notes that the instruction at this offset addresses an element of a table of constants, all of which stands in the pool.
    pub fn pool_table_ref(&mut self, at: usize, table: TableId, element: u32) {
        let next = self.pool.len() as u32;
        let start = *self.pool_tables.entry(table).or_insert(next);
        if start == next {
            self.pool.extend(table.values().iter().map(|value| PoolEntry::Bits(value.to_bits())));
        }
        self.pool_refs.push(PoolRef { at: at as u32, entry: start + element });
    }

    /// Notes the meaning of a return address. In the order of offsets.
    pub fn site(&mut self, ret: usize, kind: SiteKind, span: Span) {
        self.sites.push(Site { ret: ret as u32, kind, place: Origin { span, inlined: self.origin } });
    }

    /// The entry of a function.
    pub fn entry(&self, func: FuncId) -> Option<DynamicLabel> {
        self.entries.get(func.0 as usize).copied()
    }
}

/// A machine.
pub trait Target: Sized {
    /// Which.
    const ARCH: Arch;
    /// How its labels are encoded.
    type Reloc: Relocation;

    /// Ready to emit.
    fn new(features: CpuFeatures) -> Self;
    /// Keeps the memory of what was emitted and taken, for the next program of this thread.
    fn keep(self);
    /// Its conventions.
    fn abi(&self) -> &Abi;
    /// What the allocator may use in this function.
    fn registers(&self, _flat: &Flat) -> &Registers {
        &self.abi().registers
    }
    /// How many lanes vectors have.
    fn lanes(&self) -> u8;
    /// Where masks live.
    fn mask_class(&self) -> RegClass {
        RegClass::Float
    }
    /// How many constants of several lanes a function keeps in registers, at the most.
    fn held_constants(&self) -> usize;
    /// Whether a constant with these bits can stand in the instruction as this argument, all others being registers.
    fn folds(&self, kind: FlatKind, arg: usize, bits: u64) -> bool;
    /// What the allocator must know of the operands of an instruction: each result, each argument, temporaries, in that order. Not asked for what the
    /// calling convention decides (`Params`, `Call`, `Math`, `CallHelper`, `Return`).
    fn operands(&self, inst: &FlatInst, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>);
    /// The assembler: labels, offsets, bytes.
    fn asm(&mut self) -> &mut VecAssembler<Self::Reloc>;
    /// At a function's first byte.
    fn entry(&mut self) {}
    /// Makes the frame: probes, stack pointer, saved registers.
    fn prologue(&mut self, frame: &Frame);
    /// Restores saved registers and the stack pointer, returns.
    fn epilogue(&mut self, frame: &Frame);
    /// Moves between registers and spill slots, never between two slots.
    fn copy(&mut self, from: Allocation, to: Allocation, class: RegClass, frame: &Frame);
    /// Any instruction but a terminator with successors or `Return`; a [`FlatKind::Trap`] is the call itself (with its site), not a jump to a stub.
    fn inst(&mut self, inst: &Located<'_>, cx: &mut Context) -> Result<(), CodegenError>;
    /// Before the head of a loop on vectors: where the machine fetches better from such a place.
    fn align_loop(&mut self) {}
    /// Unconditional.
    fn jump(&mut self, to: DynamicLabel);
    /// Goes to `to` where the condition of a `Branch`, `BranchCmp` or `BranchBits` is `when`, else falls through.
    fn branch(&mut self, inst: &Located<'_>, when: bool, to: DynamicLabel, cx: &mut Context);
    /// A cold stub, its label included.
    fn stub(&mut self, stub: &Stub, cx: &mut Context);
    /// Completes the instruction at `at` in code that will lie at `code_address` so that it addresses the word at `pool_address`.
    fn patch_pool_ref(code: &mut [u8], at: usize, code_address: u64, pool_address: u64) -> Result<(), CodegenError>;
}
