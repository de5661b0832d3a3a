//! A register allocator of one backward pass over each block, for straight-line code and for functions too large for regalloc2's full algorithm.
//!
//! Going up a block, a value that is met is given a register; whoever is in the way is reloaded below, and its definition then stores it, once. Between
//! blocks values lie in their slots. Time is linear in the instructions, whatever lives across them. The result has regalloc2's form, and its checker
//! judges it in the tests.
//!
//! INVARIANT: a register holds at most one value at the point that the pass has come to (`occupants`), and a value is in at most one (`homes`). None holds
//! any at the top of a block, so that the table of occupants is empty again when the pass ends.

mod moves;

use super::allocation::{Allocated, CLASSES, Mask, bit};
use super::flat::FlatKind;
use super::regalloc::Allocatable;
use crate::reuse::{Buf, Keep, kept};
use regalloc2::{
    Allocation, Edit, Function, Inst, MachineEnv, Operand, OperandConstraint, OperandKind, OperandPos, PReg, PRegSet,
    ProgPoint, RegAllocError, RegClass, SpillSlot, VReg,
};

const NONE: u32 = u32::MAX;
const NO_REG: u8 = u8::MAX;

/// As many indices as they have together.
const REGS: usize = 192;

/// At most so many arguments of a jump are wanted in registers.
const MAX_JUMP_REGS: u32 = 8;

/// What the pass looks up and notes on its way.
struct Tables {
    /// By value.
    homes: Vec<Home>,
    /// By register.
    occupants: [Occupant; REGS],
    free_slots: Vec<u32>,
    /// Those of the current instruction's results: free above it, not for what is reloaded behind it.
    freed_slots: Vec<u32>,
    /// Edits of the current instruction, in order: before it; after it, first stores, then moves, then reloads.
    before: Vec<Edit>,
    stores: Vec<Edit>,
    moves: Vec<(PReg, PReg)>,
    reloads: Vec<Edit>,
}

kept!(Tables: homes, free_slots, freed_slots, before, stores, moves, reloads);

impl Default for Tables {
    fn default() -> Tables {
        Tables {
            homes: Vec::new(),
            occupants: [NOBODY; REGS],
            free_slots: Vec::new(),
            freed_slots: Vec::new(),
            before: Vec::new(),
            stores: Vec::new(),
            moves: Vec::new(),
            reloads: Vec::new(),
        }
    }
}

/// What may be allocated, in the forms that either allocator wants.
#[derive(Clone, Debug)]
pub struct Registers {
    /// As regalloc2 wants it.
    pub env: MachineEnv,
    /// By class.
    allocatable: [Mask; CLASSES],
    /// Those that cost nothing to use.
    preferred: [Mask; CLASSES],
}

impl From<MachineEnv> for Registers {
    fn from(env: MachineEnv) -> Registers {
        let preferred = [0, 1, 2].map(|class| masks(env.preferred_regs_by_class[class])[class]);
        let others = [0, 1, 2].map(|class| masks(env.non_preferred_regs_by_class[class])[class]);
        Registers { env, allocatable: [0, 1, 2].map(|class| preferred[class] | others[class]), preferred }
    }
}

/// Allocates registers. Where the operands start is still to be said.
pub(super) fn allocate(function: &Allocatable<'_>, registers: &Registers) -> Result<Box<Allocated>, RegAllocError> {
    let mut tables = Tables::kept();
    let mut output = Allocated::kept();
    tables.homes.resize(function.num_vregs(), NOWHERE);
    output.allocs.resize(function.operand_count(), Allocation::none());
    let mut scan = Scan::new(function, registers, &mut tables, &mut output);
    scan.note_values();
    for block in (0..function.num_blocks()).rev() {
        scan.block(block)?;
    }
    (output.spill_words, output.used) = (scan.slots as usize * scan.slot_size, scan.used);
    output.edits.reverse();
    debug_assert!(tables.occupants.iter().all(|occupant| occupant.value == NONE));
    tables.keep();
    Ok(output)
}

/// Where a value is, below the point that the pass has come to, and where it will be.
#[derive(Clone, Copy)]
struct Home {
    /// Its slot, if it has one.
    slot: u32,
    /// Its register, if it is in one.
    place: u8,
    /// The register that it will be defined in.
    hint: u8,
    /// Whether it lives in more than one block.
    global: bool,
}

const NOWHERE: Home = Home { slot: NONE, place: NO_REG, hint: NO_REG, global: false };

/// What is in a register.
#[derive(Clone, Copy)]
struct Occupant {
    value: u32,
    /// The next instruction that wants it.
    next_use: u32,
}

const NOBODY: Occupant = Occupant { value: NONE, next_use: 0 };

struct Scan<'a, 'f> {
    function: &'a Allocatable<'f>,
    /// What may be allocated, by class.
    allocatable: [Mask; CLASSES],
    /// Those that cost nothing to use.
    preferred: [Mask; CLASSES],
    scratch: [Option<PReg>; CLASSES],
    /// Registers that the parameters come in: the last choice for others.
    avoided: [Mask; CLASSES],
    tables: &'a mut Tables,
    occupied: [Mask; CLASSES],
    /// Those that were used at all.
    used: [Mask; CLASSES],
    slots: u32,
    /// Words of each, enough for any value.
    slot_size: usize,
    output: &'a mut Allocated,
}

/// What the current instruction keeps others out of.
#[derive(Clone, Copy, Default)]
struct Pinned {
    early: [Mask; CLASSES],
    late: [Mask; CLASSES],
}

fn class_index(class: RegClass) -> usize {
    class as usize
}

fn register(class: usize, number: u32) -> PReg {
    PReg::new(number as usize, [RegClass::Int, RegClass::Float, RegClass::Vector][class])
}

fn masks(set: PRegSet) -> [Mask; CLASSES] {
    let mut masks = [0; CLASSES];
    for reg in set {
        masks[class_index(reg.class())] |= bit(reg);
    }
    masks
}

impl<'a, 'f> Scan<'a, 'f> {
    fn new(
        function: &'a Allocatable<'f>,
        registers: &Registers,
        tables: &'a mut Tables,
        output: &'a mut Allocated,
    ) -> Scan<'a, 'f> {
        Scan {
            function,
            allocatable: registers.allocatable,
            preferred: registers.preferred,
            scratch: registers.env.scratch_by_class,
            avoided: [0; CLASSES],
            tables,
            occupied: [0; CLASSES],
            used: [0; CLASSES],
            slots: 0,
            slot_size: function.flat().lanes.into(),
            output,
        }
    }

    /// Where values are defined, and which of them live across blocks.
    fn note_values(&mut self) {
        let function = self.function;
        let blocks = &function.flat().blocks;
        self.note_params();
        if let [only] = &blocks[..] {
            // What is told of values is the registers that instructions want them in, and plain ones want none.
            for inst in (only.insts.0..only.insts.1).filter(|inst| !function.is_plain(*inst as usize)) {
                for operand in function.operands_of(inst as usize..inst as usize + 1) {
                    self.note_hint(*operand);
                }
            }
            return;
        }
        let mut home = Buf::filled(0u32, self.tables.homes.len());
        for (index, block) in blocks.iter().enumerate() {
            for reg in &block.params {
                self.tables.homes[reg.vreg()].global = true;
            }
            let (start, end) = block.insts;
            for operand in function.operands_of(start as usize..end as usize) {
                let value = operand.vreg().vreg();
                self.note_hint(*operand);
                match operand.kind() {
                    OperandKind::Def => home[value] = index as u32,
                    OperandKind::Use => self.tables.homes[value].global |= home[value] != index as u32,
                }
            }
            for reg in &block.jump_args {
                self.tables.homes[reg.vreg()].global |= home[reg.vreg()] != index as u32;
            }
        }
    }

    fn note_hint(&mut self, operand: Operand) {
        if let (OperandKind::Def, OperandConstraint::FixedReg(reg)) = (operand.kind(), operand.constraint()) {
            self.tables.homes[operand.vreg().vreg()].hint = reg.index() as u8;
        }
    }

    /// The registers that the parameters come in.
    fn note_params(&mut self) {
        let function = self.function;
        if function.num_insts() > 0 {
            for operand in function.operands_of(0..1) {
                if let OperandConstraint::FixedReg(reg) = operand.constraint() {
                    self.avoided[class_index(reg.class())] |= bit(reg);
                }
            }
        }
    }

    fn block(&mut self, block: usize) -> Result<(), RegAllocError> {
        let function = self.function;
        let flat = &function.flat().blocks[block];
        for inst in (flat.insts.0..flat.insts.1).rev() {
            if matches!(function.flat().insts[inst as usize].kind, FlatKind::Jump) {
                self.jump(block, inst)?;
            } else {
                self.inst(inst)?;
            }
            if inst == flat.insts.0 {
                self.enter_block();
            }
            self.flush_edits(inst);
        }
        Ok(())
    }

    /// What is in a register at the top of a block came in its slot.
    fn enter_block(&mut self) {
        // All that is live at the top of the first block is defined there.
        if self.occupied == [0; CLASSES] {
            return;
        }
        let mut loads = Vec::new();
        for class in 0..CLASSES {
            let mut rest = self.occupied[class];
            while rest != 0 {
                let reg = register(class, rest.trailing_zeros());
                rest &= rest - 1;
                let value = self.vacate(reg);
                let from = self.slot_of(value);
                loads.push(Edit::Move { from, to: Allocation::reg(reg) });
            }
        }
        loads.append(&mut self.tables.before);
        self.tables.before.append(&mut loads);
    }

    fn flush_edits(&mut self, inst: u32) {
        let Tables { before, stores, moves, reloads, .. } = &mut *self.tables;
        if reloads.is_empty() && moves.is_empty() && stores.is_empty() && before.is_empty() {
            return;
        }
        let inst = Inst::new(inst as usize);
        let edits = &mut self.output.edits;
        let after = ProgPoint::after(inst);
        edits.extend(reloads.drain(..).rev().map(|edit| (after, edit)));
        let move_of = |(from, to)| (after, Edit::Move { from: Allocation::reg(from), to: Allocation::reg(to) });
        match moves[..] {
            [] => {}
            [only] => edits.push(move_of(only)),
            _ => edits.extend(moves::in_parallel(moves, self.scratch).into_iter().rev().map(move_of)),
        }
        moves.clear();
        edits.extend(stores.drain(..).rev().map(|edit| (after, edit)));
        edits.extend(before.drain(..).rev().map(|edit| (ProgPoint::before(inst), edit)));
    }

    fn inst(&mut self, inst: u32) -> Result<(), RegAllocError> {
        let function = self.function;
        let range = function.operand_range(inst as usize);
        let operands = &function.operands()[range.clone()];
        if function.is_plain(inst as usize) {
            return self.plain(operands, range.start, inst);
        }
        let mut pinned = Pinned::default();
        if let Some(clobbers) = function.clobbers(inst as usize) {
            self.clobber(masks(clobbers), operands, &mut pinned);
        }
        let is_bound = self.reserve_fixed(operands, &mut pinned);
        self.results(operands, range.start, &mut pinned)?;
        if is_bound {
            self.bound_uses(operands, range.start, inst, &mut pinned);
        }
        self.free_uses(operands, range.start, inst, &mut pinned)?;
        self.release_slots();
        Ok(())
    }

    /// The slots of the current instruction's results are free above it.
    fn release_slots(&mut self) {
        if !self.tables.freed_slots.is_empty() {
            self.tables.free_slots.append(&mut self.tables.freed_slots);
        }
    }

    /// An instruction that reads any registers, then writes at most one: what the others do, in fewer steps.
    fn plain(&mut self, operands: &[Operand], start: usize, inst: u32) -> Result<(), RegAllocError> {
        for (index, operand) in operands.iter().enumerate() {
            let vreg = operand.vreg();
            let (value, class) = (vreg.vreg(), class_index(vreg.class()));
            let Home { place, slot, global, .. } = self.tables.homes[value];
            if operand.kind() == OperandKind::Def {
                // It comes before the arguments.
                let reg = if place == NO_REG { self.pick(value, class, 0)? } else { PReg::from_index(place.into()) };
                let alloc = Allocation::reg(reg);
                self.output.allocs[start + index] = alloc;
                if global || slot != NONE {
                    self.store(value, alloc);
                }
                if place != NO_REG {
                    self.vacate(reg);
                }
                self.used[class] |= bit(reg);
                continue;
            }
            let reg = if place != NO_REG {
                PReg::from_index(place.into())
            } else if let Some(reg) = self.free(value, class, 0) {
                self.occupy(reg, value as u32);
                reg
            } else {
                self.crowded_uses(operands, start, inst)?;
                break;
            };
            self.output.allocs[start + index] = Allocation::reg(reg);
            self.tables.occupants[reg.index()].next_use = inst;
        }
        self.release_slots();
        Ok(())
    }

    /// The arguments of such an instruction where no register is free: those that have one, then those that need one.
    #[cold]
    fn crowded_uses(&mut self, operands: &[Operand], start: usize, inst: u32) -> Result<(), RegAllocError> {
        let mut pinned = Pinned::default();
        for (index, operand) in operands.iter().enumerate().filter(is_use) {
            if let Some(reg) = self.output.allocs[start + index].as_reg() {
                pinned.early[class_index(operand.class())] |= bit(reg);
            }
        }
        self.free_uses(operands, start, inst, &mut pinned)
    }

    /// What is in registers that the instruction leaves undefined is reloaded behind it.
    fn clobber(&mut self, clobbers: [Mask; CLASSES], operands: &[Operand], pinned: &mut Pinned) {
        for (class, clobbered) in clobbers.into_iter().enumerate() {
            let mut doomed = clobbered & self.occupied[class];
            while doomed != 0 {
                let reg = register(class, doomed.trailing_zeros());
                doomed &= doomed - 1;
                // A result that is expected there is moved there.
                if !operands.iter().any(|operand| is_def_of(*operand, self.tables.occupants[reg.index()].value)) {
                    self.evict(reg);
                }
            }
            pinned.late[class] |= clobbered;
        }
    }

    /// Chooses the registers of the results, which are no longer live above.
    fn results(&mut self, operands: &[Operand], start: usize, pinned: &mut Pinned) -> Result<(), RegAllocError> {
        for (index, operand) in operands.iter().enumerate() {
            if operand.kind() == OperandKind::Def {
                let reg = self.def(*operand, pinned)?;
                self.output.allocs[start + index] = Allocation::reg(reg);
            }
        }
        for (index, operand) in operands.iter().enumerate() {
            if operand.kind() == OperandKind::Def {
                self.finish_def(operand.vreg(), self.output.allocs[start + index]);
            }
        }
        Ok(())
    }

    /// Keeps others out of the fixed registers, and whoever is there, unless it is what belongs there. Tells whether any operand may not be in any register.
    fn reserve_fixed(&mut self, operands: &[Operand], pinned: &mut Pinned) -> bool {
        let mut is_bound = false;
        for operand in operands {
            let constraint = operand.constraint();
            is_bound |= !matches!(constraint, OperandConstraint::Reg);
            let OperandConstraint::FixedReg(reg) = constraint else { continue };
            let class = class_index(reg.class());
            let occupant = self.tables.occupants[reg.index()].value;
            let is_def = operand.kind() == OperandKind::Def;
            let belongs = occupant == operand.vreg().vreg() as u32
                || (is_def && operands.iter().any(|other| is_def_of(*other, occupant)));
            if occupant != NONE && !belongs {
                // Another result of this instruction that is expected here will be moved here.
                if !operands.iter().any(|other| is_def_of(*other, occupant)) {
                    self.evict(reg);
                }
            }
            if is_def {
                pinned.late[class] |= bit(reg);
            }
            if !is_def || operand.pos() == OperandPos::Early {
                pinned.early[class] |= bit(reg);
            }
            if !is_def && operand.pos() == OperandPos::Late {
                pinned.late[class] |= bit(reg);
            }
        }
        is_bound
    }

    /// The register that a result is written to.
    fn def(&mut self, operand: Operand, pinned: &mut Pinned) -> Result<PReg, RegAllocError> {
        let class = class_index(operand.class());
        let value = operand.vreg().vreg();
        // A result that shares the register of an argument is there early too.
        let is_early =
            operand.pos() == OperandPos::Early || matches!(operand.constraint(), OperandConstraint::Reuse(_));
        let mut taken = pinned.late[class];
        if is_early {
            taken |= pinned.early[class];
        }
        let reg = match operand.constraint() {
            OperandConstraint::FixedReg(reg) => reg,
            _ => match self.tables.homes[value].place {
                index if index != NO_REG && taken & bit(PReg::from_index(index.into())) == 0 => {
                    PReg::from_index(index.into())
                }
                _ => self.pick(value, class, taken)?,
            },
        };
        pinned.late[class] |= bit(reg);
        self.used[class] |= bit(reg);
        if is_early {
            pinned.early[class] |= bit(reg);
        }
        Ok(reg)
    }

    /// Stores and moves a result to where it is expected.
    fn finish_def(&mut self, vreg: VReg, written: Allocation) {
        let value = vreg.vreg();
        if self.tables.homes[value].global || self.tables.homes[value].slot != NONE {
            self.store(value, written);
        }
        if self.tables.homes[value].place != NO_REG {
            let to = PReg::from_index(self.tables.homes[value].place.into());
            self.vacate(to);
            if let Some(from) = written.as_reg().filter(|from| *from != to) {
                self.tables.moves.push((from, to));
            }
        }
    }

    /// Stores a result in its slot.
    fn store(&mut self, value: usize, written: Allocation) {
        let to = self.slot_of(value as u32);
        self.tables.stores.push(Edit::Move { from: written, to });
        if !self.tables.homes[value].global {
            self.tables.freed_slots.push(self.tables.homes[value].slot);
        }
    }

    /// The arguments that are wanted in the register of a result, or in a fixed one.
    fn bound_uses(&mut self, operands: &[Operand], start: usize, inst: u32, pinned: &mut Pinned) {
        for (index, operand) in operands.iter().enumerate() {
            let (index, wanted) = match operand.constraint() {
                // Results come first.
                OperandConstraint::Reuse(shared) => (shared, self.output.allocs[start + index].as_reg()),
                OperandConstraint::FixedReg(reg)
                    if operand.kind() == OperandKind::Use && self.output.allocs[start + index].is_none() =>
                {
                    (index, Some(reg))
                }
                _ => continue,
            };
            let Some(reg) = wanted else { continue };
            let value = operands[index].vreg().vreg();
            if self.tables.homes[value].place == NO_REG && self.tables.occupants[reg.index()].value == NONE {
                self.occupy(reg, value as u32);
            } else if self.tables.homes[value].place as usize != reg.index() {
                let from = PReg::from_index(self.tables.homes[value].place.into());
                pinned.early[class_index(from.class())] |= bit(from);
                self.tables.before.push(Edit::Move { from: Allocation::reg(from), to: Allocation::reg(reg) });
            }
            self.set_use(start + index, reg, inst, pinned);
        }
    }

    /// The other arguments: those that have a register, then those that need one.
    fn free_uses(
        &mut self,
        operands: &[Operand],
        start: usize,
        inst: u32,
        pinned: &mut Pinned,
    ) -> Result<(), RegAllocError> {
        let mut some_need_one = false;
        for (index, operand) in operands.iter().enumerate().filter(is_use) {
            if self.output.allocs[start + index].is_none() {
                match self.tables.homes[operand.vreg().vreg()].place {
                    NO_REG => some_need_one = true,
                    place => self.set_use(start + index, PReg::from_index(place.into()), inst, pinned),
                }
            }
        }
        if !some_need_one {
            return Ok(());
        }
        for (index, operand) in operands.iter().enumerate().filter(is_use) {
            if !self.output.allocs[start + index].is_none() {
                continue;
            }
            let value = operand.vreg().vreg();
            let class = class_index(operand.class());
            if self.tables.homes[value].place == NO_REG {
                let mut taken = pinned.early[class];
                if operand.pos() == OperandPos::Late {
                    taken |= pinned.late[class];
                }
                let reg = self.pick(value, class, taken)?;
                self.occupy(reg, value as u32);
            }
            self.set_use(start + index, PReg::from_index(self.tables.homes[value].place.into()), inst, pinned);
        }
        Ok(())
    }

    fn set_use(&mut self, at: usize, reg: PReg, inst: u32, pinned: &mut Pinned) {
        self.output.allocs[at] = Allocation::reg(reg);
        self.tables.occupants[reg.index()].next_use = inst;
        let class = class_index(reg.class());
        pinned.early[class] |= bit(reg);
        self.used[class] |= bit(reg);
    }

    /// A free register for a value, none of `taken`.
    fn free(&self, value: usize, class: usize, taken: Mask) -> Option<PReg> {
        let free = self.allocatable[class] & !self.occupied[class] & !taken;
        let hint = self.tables.homes[value].hint;
        if hint != NO_REG && free & bit(PReg::from_index(hint.into())) != 0 {
            return Some(PReg::from_index(hint.into()));
        }
        let choices = [free & self.preferred[class] & !self.avoided[class], free & self.preferred[class], free];
        let choice = choices.into_iter().find(|choice| *choice != 0)?;
        Some(register(class, choice.trailing_zeros()))
    }

    /// A register for a value, none of `taken`: free, or freed from the value that is wanted last.
    fn pick(&mut self, value: usize, class: usize, taken: Mask) -> Result<PReg, RegAllocError> {
        if let Some(reg) = self.free(value, class, taken) {
            return Ok(reg);
        }
        let mut rest = self.occupied[class] & self.allocatable[class] & !taken;
        let mut last: Option<PReg> = None;
        while rest != 0 {
            let reg = register(class, rest.trailing_zeros());
            rest &= rest - 1;
            if last.is_none_or(|last| {
                self.tables.occupants[reg.index()].next_use > self.tables.occupants[last.index()].next_use
            }) {
                last = Some(reg);
            }
        }
        let reg = last.ok_or(RegAllocError::TooManyLiveRegs)?;
        self.evict(reg);
        Ok(reg)
    }

    fn occupy(&mut self, reg: PReg, value: u32) {
        self.tables.homes[value as usize].place = reg.index() as u8;
        self.tables.occupants[reg.index()].value = value;
        let class = class_index(reg.class());
        self.occupied[class] |= bit(reg);
        self.used[class] |= bit(reg);
    }

    fn vacate(&mut self, reg: PReg) -> u32 {
        let value = std::mem::replace(&mut self.tables.occupants[reg.index()].value, NONE);
        self.occupied[class_index(reg.class())] &= !bit(reg);
        if value != NONE {
            self.tables.homes[value as usize].place = NO_REG;
        }
        value
    }

    /// Above here the value is in its slot; behind the current instruction it is loaded.
    fn evict(&mut self, reg: PReg) {
        let value = self.vacate(reg);
        if value != NONE {
            let from = self.slot_of(value);
            self.tables.reloads.push(Edit::Move { from, to: Allocation::reg(reg) });
        }
    }

    fn slot_of(&mut self, value: u32) -> Allocation {
        let home = &mut self.tables.homes[value as usize];
        if home.slot == NONE {
            // A slot is free again above the definition of its value; those of values in several blocks never are.
            let reused = if home.global { None } else { self.tables.free_slots.pop() };
            home.slot = reused.unwrap_or_else(|| {
                self.slots += 1;
                self.slots - 1
            });
        }
        Allocation::stack(SpillSlot::new(home.slot as usize * self.slot_size))
    }

    /// Arguments go to the slots of the parameters.
    fn jump(&mut self, block: usize, inst: u32) -> Result<(), RegAllocError> {
        let function = self.function;
        let flat = &function.flat().blocks[block];
        let params = flat.succs.first().map_or(&[][..], |succ| &function.flat().blocks[succ.index()].params);
        let mut slots: Vec<(Allocation, Allocation, RegClass)> = Vec::new();
        let mut stores = Vec::new();
        for (arg, param) in flat.jump_args.iter().zip(params) {
            let value = arg.vreg();
            let class = class_index(arg.class());
            let to = self.slot_of(param.vreg() as u32);
            if self.tables.homes[value].place == NO_REG
                && !self.tables.homes[value].global
                && self.occupied[class].count_ones() < MAX_JUMP_REGS
            {
                let reg = self.pick(value, class, 0)?;
                self.occupy(reg, value as u32);
                self.tables.occupants[reg.index()].next_use = inst;
            }
            if self.tables.homes[value].place != NO_REG {
                let from = Allocation::reg(PReg::from_index(self.tables.homes[value].place.into()));
                stores.push(Edit::Move { from, to });
            } else {
                let from = self.slot_of(value as u32);
                if from != to {
                    slots.push((from, to, arg.class()));
                }
            }
        }
        self.copy_slots(slots)?;
        self.tables.before.extend(stores);
        Ok(())
    }
}

fn is_use(operand: &(usize, &Operand)) -> bool {
    operand.1.kind() == OperandKind::Use
}

fn is_def_of(operand: Operand, value: u32) -> bool {
    operand.kind() == OperandKind::Def && operand.vreg().vreg() as u32 == value
}
