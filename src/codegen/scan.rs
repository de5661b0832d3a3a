//! A register allocator of one backward pass over each block, for straight-line code and for functions too large for regalloc2's full algorithm.
//!
//! Going up a block, a value that is met is given a register; whoever is in the way is reloaded below, and its definition then stores it, once. Between
//! blocks values lie in their slots. Time is linear in the instructions, whatever lives across them. The result has regalloc2's form, and its checker
//! judges it in the tests.
//!
//! INVARIANT: a register holds at most one value at the point that the pass has come to (`occupants`), and a value is in at most one (`homes`).

mod moves;

use super::flat::FlatKind;
use super::regalloc::Allocatable;
use crate::reuse::{Buf, Keep, kept};
use regalloc2::{
    Allocation, Edit, Function, Inst, MachineEnv, Operand, OperandConstraint, OperandKind, OperandPos, Output, PReg,
    PRegSet, ProgPoint, RegAllocError, RegClass, SpillSlot, VReg,
};
use smallvec::SmallVec;

const NONE: u32 = u32::MAX;
const NO_REG: u8 = u8::MAX;

/// Classes of registers.
const CLASSES: usize = 3;

/// As many indices as they have together.
const REGS: usize = 192;

/// At most so many arguments of a jump are wanted in registers.
const MAX_JUMP_REGS: u32 = 8;

/// The lists of a result, and one that is needed on the way.
#[derive(Default)]
struct Lists {
    allocs: Vec<Allocation>,
    offsets: Vec<u32>,
    edits: Vec<(ProgPoint, Edit)>,
    homes: Vec<Home>,
}

kept!(Lists: allocs, offsets, edits, homes);

/// Keeps the memory of a result that nobody wants any more.
pub(super) fn give_back(output: Output) {
    let mut lists = Lists::kept();
    (lists.allocs, lists.offsets, lists.edits) = (output.allocs, output.inst_alloc_offsets, output.edits);
    lists.keep();
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

/// Allocates registers.
pub(super) fn allocate(function: &Allocatable<'_>, registers: &Registers) -> Result<Output, RegAllocError> {
    let mut occupants = [NOBODY; REGS];
    let mut scan = Scan::new(function, registers, &mut occupants);
    scan.note_values();
    for block in (0..function.num_blocks()).rev() {
        scan.block(block)?;
    }
    scan.output.edits.reverse();
    scan.output.num_spillslots = scan.slots as usize * scan.slot_size;
    let Scan { output, mut lists, homes, .. } = scan;
    lists.homes = homes;
    lists.keep();
    Ok(output)
}

/// The registers of one class as bits.
type Mask = u64;

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

/// A few edits of one instruction.
type Edits = SmallVec<[Edit; 4]>;

struct Scan<'a, 'f> {
    function: &'a Allocatable<'f>,
    /// What may be allocated, by class.
    allocatable: [Mask; CLASSES],
    /// Those that cost nothing to use.
    preferred: [Mask; CLASSES],
    scratch: [Option<PReg>; CLASSES],
    /// Registers that the parameters come in: the last choice for others.
    avoided: [Mask; CLASSES],
    /// For what is given back.
    lists: Box<Lists>,
    /// By value.
    homes: Vec<Home>,
    /// By register.
    occupants: &'a mut [Occupant; REGS],
    occupied: [Mask; CLASSES],
    slots: u32,
    /// Words of each, enough for any value.
    slot_size: usize,
    free_slots: Vec<u32>,
    /// Those of the current instruction's results: free above it, not for what is reloaded behind it.
    freed_slots: SmallVec<[u32; 4]>,
    output: Output,
    /// Edits of the current instruction, in order: before it; after it, first stores, then moves, then reloads.
    before: Edits,
    stores: Edits,
    moves: SmallVec<[(PReg, PReg); 4]>,
    reloads: Edits,
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

fn bit(reg: PReg) -> Mask {
    1 << reg.hw_enc()
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
    #[inline(always)]
    fn new(function: &'a Allocatable<'f>, registers: &Registers, occupants: &'a mut [Occupant; REGS]) -> Scan<'a, 'f> {
        let mut lists = Lists::kept();
        let Lists { allocs, offsets, edits, homes } = std::mem::take(&mut *lists);
        let mut output = Output { allocs, inst_alloc_offsets: offsets, edits, ..Output::default() };
        output.allocs.resize(function.operand_count(), Allocation::none());
        output.inst_alloc_offsets.extend_from_slice(function.starts());
        let mut homes = homes;
        homes.resize(function.num_vregs(), NOWHERE);
        Scan {
            function,
            allocatable: registers.allocatable,
            preferred: registers.preferred,
            scratch: registers.env.scratch_by_class,
            avoided: [0; CLASSES],
            lists,
            homes,
            occupants,
            occupied: [0; CLASSES],
            slots: 0,
            slot_size: function.flat().lanes.into(),
            free_slots: Vec::new(),
            freed_slots: SmallVec::new(),
            output,
            before: Edits::new(),
            stores: Edits::new(),
            moves: SmallVec::new(),
            reloads: Edits::new(),
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
        let mut home = Buf::filled(0u32, self.homes.len());
        for (index, block) in blocks.iter().enumerate() {
            for reg in &block.params {
                self.homes[reg.vreg()].global = true;
            }
            let (start, end) = block.insts;
            for operand in function.operands_of(start as usize..end as usize) {
                let value = operand.vreg().vreg();
                self.note_hint(*operand);
                match operand.kind() {
                    OperandKind::Def => home[value] = index as u32,
                    OperandKind::Use => self.homes[value].global |= home[value] != index as u32,
                }
            }
            for reg in &block.jump_args {
                self.homes[reg.vreg()].global |= home[reg.vreg()] != index as u32;
            }
        }
    }

    fn note_hint(&mut self, operand: Operand) {
        if let (OperandKind::Def, OperandConstraint::FixedReg(reg)) = (operand.kind(), operand.constraint()) {
            self.homes[operand.vreg().vreg()].hint = reg.index() as u8;
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
            if function.flat().insts[inst as usize].kind == FlatKind::Jump {
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
        let mut loads = Edits::new();
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
        loads.append(&mut self.before);
        self.before = loads;
    }

    fn flush_edits(&mut self, inst: u32) {
        if self.reloads.is_empty() && self.moves.is_empty() && self.stores.is_empty() && self.before.is_empty() {
            return;
        }
        let inst = Inst::new(inst as usize);
        let edits = &mut self.output.edits;
        let after = ProgPoint::after(inst);
        edits.extend(self.reloads.drain(..).rev().map(|edit| (after, edit)));
        let move_of = |(from, to)| (after, Edit::Move { from: Allocation::reg(from), to: Allocation::reg(to) });
        match self.moves[..] {
            [] => {}
            [only] => edits.push(move_of(only)),
            _ => edits.extend(moves::in_parallel(&self.moves, self.scratch).into_iter().rev().map(move_of)),
        }
        self.moves.clear();
        edits.extend(self.stores.drain(..).rev().map(|edit| (after, edit)));
        edits.extend(self.before.drain(..).rev().map(|edit| (ProgPoint::before(inst), edit)));
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
        let is_bound = operands.iter().any(|operand| operand.constraint() != OperandConstraint::Reg);
        if is_bound {
            self.reserve_fixed(operands, &mut pinned);
        }
        self.results(operands, range.start, &mut pinned)?;
        if is_bound {
            self.bound_uses(operands, range.start, inst, &mut pinned);
        }
        self.free_uses(operands, range.start, inst, &mut pinned)?;
        self.free_slots.extend(self.freed_slots.drain(..));
        Ok(())
    }

    /// An instruction that reads any registers, then writes at most one: what the others do, in fewer steps.
    fn plain(&mut self, operands: &[Operand], start: usize, inst: u32) -> Result<(), RegAllocError> {
        let (mut early, mut some_need_one) = ([0; CLASSES], false);
        for (index, operand) in operands.iter().enumerate() {
            let vreg = operand.vreg();
            let value = vreg.vreg();
            let mut place = self.homes[value].place;
            if operand.kind() == OperandKind::Def {
                // It comes before the arguments.
                if place == NO_REG {
                    place = self.pick(value, class_index(vreg.class()), 0)?.index() as u8;
                }
                let alloc = Allocation::reg(PReg::from_index(place.into()));
                self.output.allocs[start + index] = alloc;
                self.finish_def(vreg, alloc);
            } else if place == NO_REG {
                some_need_one = true;
            } else {
                let reg = PReg::from_index(place.into());
                self.output.allocs[start + index] = Allocation::reg(reg);
                self.occupants[reg.index()].next_use = inst;
                early[class_index(vreg.class())] |= bit(reg);
            }
        }
        if some_need_one {
            for (index, operand) in operands.iter().enumerate() {
                if operand.kind() == OperandKind::Def || !self.output.allocs[start + index].is_none() {
                    continue;
                }
                let value = operand.vreg().vreg();
                let class = class_index(operand.class());
                if self.homes[value].place == NO_REG {
                    let reg = self.pick(value, class, early[class])?;
                    self.occupy(reg, value as u32);
                }
                let reg = PReg::from_index(self.homes[value].place.into());
                self.output.allocs[start + index] = Allocation::reg(reg);
                self.occupants[reg.index()].next_use = inst;
                early[class] |= bit(reg);
            }
        }
        if !self.freed_slots.is_empty() {
            self.free_slots.extend(self.freed_slots.drain(..));
        }
        Ok(())
    }

    /// What is in registers that the instruction leaves undefined is reloaded behind it.
    fn clobber(&mut self, clobbers: [Mask; CLASSES], operands: &[Operand], pinned: &mut Pinned) {
        for (class, clobbered) in clobbers.into_iter().enumerate() {
            let mut doomed = clobbered & self.occupied[class];
            while doomed != 0 {
                let reg = register(class, doomed.trailing_zeros());
                doomed &= doomed - 1;
                // A result that is expected there is moved there.
                if !operands.iter().any(|operand| is_def_of(*operand, self.occupants[reg.index()].value)) {
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

    /// Keeps others out of the fixed registers, and whoever is there, unless it is what belongs there.
    fn reserve_fixed(&mut self, operands: &[Operand], pinned: &mut Pinned) {
        for operand in operands {
            let OperandConstraint::FixedReg(reg) = operand.constraint() else { continue };
            let class = class_index(reg.class());
            let occupant = self.occupants[reg.index()].value;
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
            _ => match self.homes[value].place {
                index if index != NO_REG && taken & bit(PReg::from_index(index.into())) == 0 => {
                    PReg::from_index(index.into())
                }
                _ => self.pick(value, class, taken)?,
            },
        };
        pinned.late[class] |= bit(reg);
        if is_early {
            pinned.early[class] |= bit(reg);
        }
        Ok(reg)
    }

    /// Stores and moves a result to where it is expected.
    fn finish_def(&mut self, vreg: VReg, written: Allocation) {
        let value = vreg.vreg();
        if self.homes[value].global || self.homes[value].slot != NONE {
            let to = self.slot_of(value as u32);
            self.stores.push(Edit::Move { from: written, to });
            if !self.homes[value].global {
                self.freed_slots.push(self.homes[value].slot);
            }
        }
        if self.homes[value].place != NO_REG {
            let to = PReg::from_index(self.homes[value].place.into());
            self.vacate(to);
            if let Some(from) = written.as_reg().filter(|from| *from != to) {
                self.moves.push((from, to));
            }
        }
    }

    /// The arguments that are wanted in the register of a result, or in a fixed one.
    fn bound_uses(&mut self, operands: &[Operand], start: usize, inst: u32, pinned: &mut Pinned) {
        for (index, operand) in operands.iter().enumerate().filter(is_use) {
            let shares = |operand: &Operand| operand.constraint() == OperandConstraint::Reuse(index);
            let wanted = match (operands.iter().position(shares), operand.constraint()) {
                (Some(result), _) => self.output.allocs[start + result].as_reg(),
                (None, OperandConstraint::FixedReg(reg)) => Some(reg),
                (None, _) => None,
            };
            let Some(reg) = wanted else { continue };
            let value = operand.vreg().vreg();
            if self.homes[value].place == NO_REG && self.occupants[reg.index()].value == NONE {
                self.occupy(reg, value as u32);
            } else if self.homes[value].place as usize != reg.index() {
                let from = PReg::from_index(self.homes[value].place.into());
                pinned.early[class_index(from.class())] |= bit(from);
                self.before.push(Edit::Move { from: Allocation::reg(from), to: Allocation::reg(reg) });
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
                match self.homes[operand.vreg().vreg()].place {
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
            if self.homes[value].place == NO_REG {
                let mut taken = pinned.early[class];
                if operand.pos() == OperandPos::Late {
                    taken |= pinned.late[class];
                }
                let reg = self.pick(value, class, taken)?;
                self.occupy(reg, value as u32);
            }
            self.set_use(start + index, PReg::from_index(self.homes[value].place.into()), inst, pinned);
        }
        Ok(())
    }

    fn set_use(&mut self, at: usize, reg: PReg, inst: u32, pinned: &mut Pinned) {
        self.output.allocs[at] = Allocation::reg(reg);
        self.occupants[reg.index()].next_use = inst;
        pinned.early[class_index(reg.class())] |= bit(reg);
    }

    /// A register for a value, none of `taken`: free, or freed from the value that is wanted last.
    fn pick(&mut self, value: usize, class: usize, taken: Mask) -> Result<PReg, RegAllocError> {
        let free = self.allocatable[class] & !self.occupied[class] & !taken;
        let hint = self.homes[value].hint;
        if hint != NO_REG && free & bit(PReg::from_index(hint.into())) != 0 {
            return Ok(PReg::from_index(hint.into()));
        }
        let choices = [free & self.preferred[class] & !self.avoided[class], free & self.preferred[class], free];
        if let Some(choice) = choices.into_iter().find(|choice| *choice != 0) {
            return Ok(register(class, choice.trailing_zeros()));
        }
        let mut rest = self.occupied[class] & self.allocatable[class] & !taken;
        let mut last: Option<PReg> = None;
        while rest != 0 {
            let reg = register(class, rest.trailing_zeros());
            rest &= rest - 1;
            if last.is_none_or(|last| self.occupants[reg.index()].next_use > self.occupants[last.index()].next_use) {
                last = Some(reg);
            }
        }
        let reg = last.ok_or(RegAllocError::TooManyLiveRegs)?;
        self.evict(reg);
        Ok(reg)
    }

    fn occupy(&mut self, reg: PReg, value: u32) {
        self.homes[value as usize].place = reg.index() as u8;
        self.occupants[reg.index()].value = value;
        self.occupied[class_index(reg.class())] |= bit(reg);
    }

    fn vacate(&mut self, reg: PReg) -> u32 {
        let value = std::mem::replace(&mut self.occupants[reg.index()].value, NONE);
        self.occupied[class_index(reg.class())] &= !bit(reg);
        if value != NONE {
            self.homes[value as usize].place = NO_REG;
        }
        value
    }

    /// Above here the value is in its slot; behind the current instruction it is loaded.
    fn evict(&mut self, reg: PReg) {
        let value = self.vacate(reg);
        if value != NONE {
            let from = self.slot_of(value);
            self.reloads.push(Edit::Move { from, to: Allocation::reg(reg) });
        }
    }

    fn slot_of(&mut self, value: u32) -> Allocation {
        let home = &mut self.homes[value as usize];
        if home.slot == NONE {
            // A slot is free again above the definition of its value; those of values in several blocks never are.
            let reused = if home.global { None } else { self.free_slots.pop() };
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
            if self.homes[value].place == NO_REG
                && !self.homes[value].global
                && self.occupied[class].count_ones() < MAX_JUMP_REGS
            {
                let reg = self.pick(value, class, 0)?;
                self.occupy(reg, value as u32);
                self.occupants[reg.index()].next_use = inst;
            }
            if self.homes[value].place != NO_REG {
                let from = Allocation::reg(PReg::from_index(self.homes[value].place.into()));
                stores.push(Edit::Move { from, to });
            } else {
                let from = self.slot_of(value as u32);
                if from != to {
                    slots.push((from, to, arg.class()));
                }
            }
        }
        self.copy_slots(slots)?;
        self.before.extend(stores);
        Ok(())
    }
}

fn is_use(operand: &(usize, &Operand)) -> bool {
    operand.1.kind() == OperandKind::Use
}

fn is_def_of(operand: Operand, value: u32) -> bool {
    operand.kind() == OperandKind::Def && operand.vreg().vreg() as u32 == value
}
