//! One walk over each function, block after block: what each step does to what is known, and what it must keep to.

use super::attempt::{Bodies, Expected};
use super::exact::learn_exact;
use super::graph::{Block, Graph, NEVER};
use super::join::Head;
use super::lanes::{learn_lane, learn_lane_of};
use super::machine::{A64, Machine, X64, set};
use super::room::Room;
use super::state::{Flags, Fuel, State};
use super::step::{Cond, Decode, Reg, Src, Step};
use super::values::{Def, Id, UNKNOWN, Value, Values, Writable, ZERO};
use super::{Contract, Reason, Rejection, Verified};
use crate::codegen::Arch;
use crate::codegen::blob::FuncCode;
use crate::reuse::Keep;
use crate::runtime::program::FuncSignature;
use crate::types::Type;

/// The stack pointer goes down by at most so much from the lowest place that was touched, and one page more: the guard below a stack is larger.
pub(super) const PROBE: i64 = 4096;

/// What may be looked at for each step of a function, in proofs and where ways meet: far more than code of ours takes.
const EFFORT: u64 = 512;

/// A function's contract.
#[derive(Clone, Copy, Debug)]
pub struct Function<'a> {
    /// Where it lies.
    pub code: &'a FuncCode,
    /// What it takes and gives.
    pub signature: &'a FuncSignature,
}

/// What a walk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// What holds at heads of loops is settled; all must be right.
    Check,
    /// It is not settled: what does not hold there is taken back, and the walk was in vain. All else must be right.
    Attempt,
    /// It is being looked for, and nothing else is looked at.
    Search,
}

/// A check under way.
pub struct Checker<'a> {
    pub(super) contract: &'a Contract<'a>,
    pub(super) machine: &'static Machine,
    pub(super) func: Function<'a>,
    pub(super) graph: &'a mut Graph,
    pub(super) values: &'a mut Values,
    pub(super) state: Box<State>,
    /// Words of the caller's outgoing area that are parameters.
    pub(super) param_words: i64,
    /// What depth was at the entry.
    pub(super) depth: Id,
    /// General registers that are not simply written, bit by bit.
    special: u32,
    /// What registers must hold at the end.
    pub(super) saved: &'a mut Vec<(Reg, Id)>,
    /// States that blocks are entered in.
    pub(super) waiting: &'a mut Vec<Option<Box<State>>>,
    /// What holds at heads of loops.
    pub(super) heads: Vec<Option<Box<Head>>>,
    /// Blocks behind the one with this place come to no loop's head any more.
    pub(super) last_back: u32,
    /// States that are not needed any more, for their memory.
    #[expect(clippy::vec_box, reason = "they are handed on")]
    pub(super) spare: &'a mut Vec<Box<State>>,
    /// What may still be looked at before the function is given up, so that time is linear in its bytes whatever they are.
    effort: u64,
    /// What the walk is for.
    pub(super) mode: Mode,
    /// What the blocks of loops write.
    pub(super) bodies: &'a mut Bodies,
    /// What an attempt takes to hold of what loops write.
    pub(super) expected: Expected,
    /// Whether more may be claimed.
    pub(super) claims: bool,
    /// Whether everything claimed of a head is taken back where something is wrong.
    pub(super) is_impatient: bool,
    /// Whether something about a head was found not to hold.
    pub(super) changed: bool,
    /// The instruction.
    pub(super) inst: u32,
    /// Values from this number on were made by it.
    pub(super) first_new: Id,
    /// Control does not come behind the last step.
    pub(super) ended: bool,
    /// Functions whose results were written to, and those that give what may only be read.
    pub(super) written_results: u64,
    pub(super) read_only_results: u64,
    /// On whose results a function's result depends.
    pub(super) passed_results: Vec<(u64, u64)>,
    /// Calls, by the places of functions in the contract.
    pub(super) calls: Vec<(u32, u32)>,
    /// The function's place in the contract.
    pub(super) number: u32,
    /// Groups of blocks that control can go round in without taking fuel.
    pub(super) rounds: Vec<u32>,
    pub(super) verified: Verified,
}

/// A function's place in a set of functions. The last place stands for all others.
pub(super) fn bit_of(func: u32) -> u64 {
    1 << func.min(63)
}

/// See [`super::check`].
pub(super) fn check(contract: &Contract<'_>, decoder: &dyn Decode, code: &[u8]) -> Result<Verified, Rejection> {
    check_and_tell(contract, decoder, code, &mut |_| {})
}

/// As [`check`]; where it fails, the checker as it stands is shown.
pub(super) fn check_and_tell(
    contract: &Contract<'_>,
    decoder: &dyn Decode,
    code: &[u8],
    tell: &mut dyn FnMut(&Checker<'_>),
) -> Result<Verified, Rejection> {
    let at = |offset: u32, reason: Reason| Rejection { offset, reason };
    let Some(first) = contract.funcs.first() else {
        return if code.is_empty() { Ok(Verified::default()) } else { Err(at(0, Reason::Cover)) };
    };
    let signature_of =
        |code: &FuncCode| contract.signatures.get(code.func.0 as usize).ok_or(at(code.start, Reason::Signature));
    let machine = match contract.arch {
        Arch::X64 => &X64,
        Arch::A64 => &A64,
    };
    let func = Function { code: first, signature: signature_of(first)? };
    let mut room = Room::kept();
    let Room { graph, values, saved, waiting, bodies, spare } = &mut *room;
    let state = spare.pop().unwrap_or_default();
    let mut checker = Checker {
        contract,
        machine,
        func,
        graph,
        values,
        state,
        param_words: 0,
        depth: UNKNOWN,
        special: 0,
        saved,
        waiting,
        heads: Vec::new(),
        last_back: 0,
        spare,
        effort: 0,
        mode: Mode::Check,
        bodies,
        expected: Expected::NoLess,
        claims: false,
        is_impatient: false,
        changed: false,
        inst: 0,
        first_new: UNKNOWN,
        ended: false,
        written_results: 0,
        read_only_results: 0,
        passed_results: Vec::new(),
        calls: Vec::new(),
        number: 0,
        rounds: Vec::new(),
        verified: Verified::default(),
    };
    let result = checker.functions(decoder, code, tell);
    let Checker { state, verified, spare, .. } = checker;
    spare.push(state);
    room.keep();
    result.map(|()| verified)
}

impl Checker<'_> {
    fn functions(
        &mut self,
        decoder: &dyn Decode,
        code: &[u8],
        tell: &mut dyn FnMut(&Checker<'_>),
    ) -> Result<(), Rejection> {
        let at = |offset: u32, reason: Reason| Rejection { offset, reason };
        let contract = self.contract;
        let mut end = 0;
        for (number, func) in (0..).zip(contract.funcs) {
            self.number = number;
            if func.start != end || func.end < func.start {
                return Err(at(func.start, Reason::Cover));
            }
            end = func.end;
            // What is asked of light code is asked of bare code too.
            if func.is_bare && !func.is_light {
                return Err(at(func.start, Reason::Saved));
            }
            let signature = contract.signatures.get(func.func.0 as usize).ok_or(at(func.start, Reason::Signature))?;
            if !func.has_floats
                && (signature.result == Type::F64 || signature.params.iter().any(|param| param.ty == Type::F64))
            {
                return Err(at(func.start, Reason::Floats));
            }
            self.func = Function { code: func, signature };
            self.graph
                .read(decoder, code, func.start, func.end, contract.pool)
                .map_err(|(offset, reason)| at(offset, reason))?;
            if let Err(reason) = self.function() {
                tell(self);
                return Err(at(self.graph.offset(self.inst), reason));
            }
        }
        if end as usize != code.len() {
            return Err(at(end, Reason::Cover));
        }
        self.results_are_writable().map_err(|reason| at(0, reason))?;
        if !contract.recursive && self.calls_go_round() {
            return Err(at(0, Reason::Recursion));
        }
        Ok(())
    }

    fn function(&mut self) -> Result<(), Reason> {
        self.verified.instructions += self.graph.insts.len() as u32 - 1;
        if self.graph.blocks.is_empty() {
            return Err(Reason::FallsOff);
        }
        self.values.effort.set(0);
        self.effort = EFFORT * (self.graph.steps.len() as u64 + 64);
        let loops = self.find_heads();
        // Of code without floats, more is asked.
        if loops == 0 && self.func.code.has_floats && self.is_plain() {
            let found = self.unreachable();
            if cfg!(debug_assertions) {
                (self.special, self.mode) = (self.special(), Mode::Check);
                assert_eq!(self.walk(), found, "a walk finds what is found without one");
            }
            return found;
        }
        self.special = self.special();
        self.find_meters();
        self.verified.loops += loops;
        if loops > 0 {
            if self.attempt() {
                return Ok(());
            }
            self.heads.iter_mut().flatten().for_each(|head| head.restart());
            // What a walk that only looks for proofs notes of results is not part of the check.
            let (written, read_only, passed) =
                (self.written_results, self.read_only_results, self.passed_results.len());
            self.prove();
            (self.written_results, self.read_only_results) = (written, read_only);
            self.passed_results.truncate(passed);
        }
        self.mode = Mode::Check;
        self.values.effort.set(0);
        self.walk()
    }

    /// General registers that a write of is looked at.
    fn special(&self) -> u32 {
        let Machine { never, saved, context, fuel, depth, .. } = self.machine;
        let code = self.func.code;
        let saved = if code.is_light { set(saved) } else { 0 };
        let reserved = if code.is_pure { 0 } else { set(&[*context, *fuel, *depth]) };
        set(never) | saved | reserved
    }

    /// Whether more was looked at than a function of this size is worth.
    pub(super) fn is_exhausted(&self) -> bool {
        self.values.effort.get() > self.effort
    }

    /// Whether another walk will follow, whatever this one finds behind all loops.
    pub(super) fn is_in_vain(&self) -> bool {
        match self.mode {
            Mode::Check => false,
            Mode::Attempt => self.changed,
            Mode::Search => true,
        }
    }

    /// One walk over all blocks.
    pub(super) fn walk(&mut self) -> Result<(), Reason> {
        self.values.clear();
        self.enter();
        // A walk that was given up leaves states there.
        self.spare.extend(self.waiting.drain(..).flatten());
        self.waiting.resize_with(self.graph.blocks.len(), || None);
        for at in 0..self.graph.order.len() {
            let block = self.graph.order[at];
            if self.is_in_vain() && at as u32 > self.last_back {
                return Ok(());
            }
            if at > 0 {
                let Some(state) = self.waiting.get_mut(block as usize).and_then(Option::take) else { continue };
                let before = std::mem::replace(&mut self.state, state);
                self.spare.push(before);
            }
            self.open_head(block)?;
            self.block(block)?;
            if self.is_exhausted() {
                return Err(Reason::Effort);
            }
        }
        self.unreachable()
    }

    /// Where control never comes, nothing but padding and traps may stand.
    fn unreachable(&mut self) -> Result<(), Reason> {
        if self.graph.order.len() == self.graph.blocks.len() {
            return Ok(());
        }
        for at in 0..self.graph.blocks.len() {
            let Block { first, end, .. } = self.graph.blocks[at];
            if self.graph.rank.get(at) != Some(&NEVER) {
                continue;
            }
            for inst in first..end {
                self.inst = inst;
                if !self.graph.steps_of(inst).iter().all(|step| matches!(step, Step::Nothing | Step::Stop)) {
                    return Err(Reason::Unreachable);
                }
            }
        }
        Ok(())
    }

    fn block(&mut self, at: u32) -> Result<(), Reason> {
        let Block { first, end, target, falls_through, .. } = self.graph.blocks[at as usize];
        self.ended = false;
        let mut branched = false;
        let keeps_floats = self.func.code.is_light && !self.machine.saved_floats.is_empty();
        for inst in first..end {
            self.inst = inst;
            self.first_new = self.values.next();
            let (from, to) = (self.graph.insts[inst as usize].first, self.graph.insts[inst as usize + 1].first);
            for step in from..to {
                let step = self.graph.steps[step as usize];
                match step {
                    Step::Branch { cond, .. } => {
                        let spent = self.leave_fuel(cond)?;
                        if let Some(trap) = target.and_then(|target| self.trap_at(target)) {
                            if !self.is_in_vain() {
                                self.trap(trap, spent == Some(true))?;
                                self.inst = inst;
                            }
                        } else if let Some(target) = target.filter(|target| self.matters(*target)) {
                            let mut taken = self.copy_of_state();
                            taken.assume(self.values, cond, true);
                            learn_exact(self.values, &mut taken, cond, true);
                            learn_lane(self.values, &mut taken, cond, true);
                            taken.fuel = if spent == Some(true) { Fuel::Spent } else { taken.fuel };
                            self.edge(at, target, taken)?;
                        }
                        self.state.fuel = if spent == Some(false) { Fuel::Spent } else { self.state.fuel };
                        self.state.assume(self.values, cond, false);
                        learn_exact(self.values, &mut self.state, cond, false);
                        learn_lane(self.values, &mut self.state, cond, false);
                        branched = true;
                    }
                    Step::BranchZero { reg, when_zero, .. } => {
                        self.fuel_is_settled()?;
                        let id = self.int(reg);
                        let flags =
                            std::mem::replace(&mut self.state.flags, Flags::Compared(self.values.root(id), (ZERO, 0)));
                        if let Some(target) = target.filter(|target| self.matters(*target)) {
                            let mut taken = self.copy_of_state();
                            taken.assume(self.values, Cond::Eq, when_zero);
                            taken.flags = flags;
                            if !when_zero {
                                learn_lane_of(self.values, &mut taken, id);
                            }
                            self.edge(at, target, taken)?;
                        }
                        self.state.assume(self.values, Cond::Eq, !when_zero);
                        self.state.flags = flags;
                        if when_zero {
                            learn_lane_of(self.values, &mut self.state, id);
                        }
                        branched = true;
                    }
                    Step::Jump { .. } => {
                        self.fuel_is_settled()?;
                        let state = self.take_state();
                        return match target {
                            Some(target) => self.edge(at, target, state),
                            None => Err(Reason::Target),
                        };
                    }
                    step => self.step(step)?,
                }
                if keeps_floats {
                    self.floats_are_kept()?;
                }
                if self.state.is_impossible {
                    return Ok(());
                }
            }
            if self.ended {
                return Ok(());
            }
        }
        if !falls_through && !branched {
            // The graph took it for a trap, which it was not.
            return Err(Reason::FallsOff);
        }
        let state = self.take_state();
        self.edge(at, at + 1, state)
    }

    /// The instruction of a block that is nothing but a trap.
    fn trap_at(&self, block: u32) -> Option<u32> {
        self.graph.blocks.get(block as usize).filter(|block| block.is_trap).map(|block| block.first)
    }

    /// A branch to a trap: of what is known here, nothing but the fuel matters there, and what does the branch does not change.
    fn trap(&mut self, inst: u32, is_spent: bool) -> Result<(), Reason> {
        let fuel = self.state.fuel;
        if is_spent {
            self.state.fuel = Fuel::Spent;
        }
        self.inst = inst;
        let [Step::CallPool { offset }] = *self.graph.steps_of(inst) else { return Err(Reason::Shape) };
        self.step(Step::CallPool { offset })?;
        if !self.ended {
            return Err(Reason::FallsOff);
        }
        self.ended = false;
        self.state.fuel = fuel;
        Ok(())
    }

    /// Whether it matters what holds where a block is entered: not to a search for what holds at heads of loops, if it does not come to one.
    fn matters(&self, block: u32) -> bool {
        if !self.is_in_vain() {
            return true;
        }
        let leads_on = self.graph.blocks.get(block as usize).is_some_and(|to| to.falls_through || to.target.is_some());
        leads_on && self.graph.rank.get(block as usize).is_some_and(|rank| *rank <= self.last_back)
    }

    fn copy_of_state(&mut self) -> Box<State> {
        let mut copy = self.spare_state();
        copy.clone_from(&self.state);
        copy
    }

    /// The state, whose place is left to whatever comes next.
    fn take_state(&mut self) -> Box<State> {
        let spare = self.spare_state();
        std::mem::replace(&mut self.state, spare)
    }

    /// A trap leaves a light function without giving anything back.
    fn floats_are_kept(&self) -> Result<(), Reason> {
        let mut saved = self.saved.iter().filter(|(reg, _)| matches!(reg, Reg::Vector(_)));
        if saved.all(|(reg, id)| self.state.reg(*reg) == *id) { Ok(()) } else { Err(Reason::Saved) }
    }

    /// A state whose memory may be used.
    pub(super) fn spare_state(&mut self) -> Box<State> {
        self.spare.pop().unwrap_or_default()
    }

    /// Behind a subtraction from the fuel, only a branch on whether it was there. Tells whether it was not where the condition holds, or where it does not.
    fn leave_fuel(&mut self, cond: Cond) -> Result<Option<bool>, Reason> {
        if self.state.fuel != Fuel::Taken {
            return Ok(None);
        }
        self.state.fuel = Fuel::Right;
        match cond {
            Cond::Below | Cond::Negative | Cond::Lt => Ok(Some(true)),
            Cond::AboveEq | Cond::NotNegative | Cond::Ge => Ok(Some(false)),
            _ => Err(Reason::Fuel),
        }
    }

    /// Fuel was taken and looked at, and is in its register.
    pub(super) fn fuel_is_settled(&self) -> Result<(), Reason> {
        match self.state.fuel {
            Fuel::Right | Fuel::Stored => Ok(()),
            // Behind a helper, the branch on its outcome may come before the fuel is loaded again.
            Fuel::Elsewhere => Ok(()),
            // What was not there leads nowhere but to the poll, or to a trap.
            Fuel::Spent => Ok(()),
            Fuel::Taken => Err(Reason::Fuel),
        }
    }

    /// What a general register holds; if nothing is known of it, some value that is this one from now on.
    pub(super) fn int(&mut self, reg: u8) -> Id {
        let id = self.state.reg(Reg::Int(reg));
        if id != UNKNOWN {
            return id;
        }
        let id = self.values.add(Value::of(Def::Opaque));
        self.state.set_reg(Reg::Int(reg), id);
        id
    }

    /// An operand.
    pub(super) fn src(&mut self, src: Src) -> Id {
        match src {
            Src::Reg(reg) => self.int(reg),
            Src::Const(number) => self.values.constant(number),
        }
    }

    pub(super) fn src_root(&mut self, src: Src) -> (Id, i64) {
        match src {
            Src::Reg(reg) => {
                let id = self.int(reg);
                self.values.root(id)
            }
            Src::Const(number) => (ZERO, number),
        }
    }

    /// Writes a general register, if that may be.
    pub(super) fn write_int(&mut self, reg: u8, id: Id) -> Result<(), Reason> {
        if self.special >> (reg & 31) & 1 != 0 {
            self.write_special(reg, id)?;
        }
        self.state.set_reg(Reg::Int(reg), id);
        Ok(())
    }

    fn write_special(&self, reg: u8, id: Id) -> Result<(), Reason> {
        if self.machine.never.contains(&reg) {
            return Err(Reason::Reserved);
        }
        // A trap leaves it without giving anything back.
        if self.func.code.is_light && self.machine.saved.contains(&reg) {
            return Err(Reason::Saved);
        }
        if self.func.code.is_bare && reg == self.machine.depth {
            return Err(Reason::Saved);
        }
        if !self.func.code.is_pure {
            if reg == self.machine.context {
                return Err(Reason::Reserved);
            }
            if reg == self.machine.fuel {
                return Err(Reason::Fuel);
            }
            if reg == self.machine.depth && self.values.root(id).0 != self.depth {
                return Err(Reason::Depth);
            }
        }
        Ok(())
    }

    pub(super) fn write(&mut self, reg: Reg, id: Id) -> Result<(), Reason> {
        match reg {
            Reg::Int(reg) => self.write_int(reg, id),
            _ if !self.func.code.has_floats => Err(Reason::Floats),
            _ => {
                self.state.set_reg(reg, id);
                Ok(())
            }
        }
    }

    /// A value that is between these, and no greater than `below` if there is one.
    pub(super) fn write_between(&mut self, to: u8, lo: i64, hi: i64, below: Option<Id>) -> Result<(), Reason> {
        let id = self.values.made(Def::Opaque, lo, hi);
        if let Some(below) = below {
            self.state.learn(self.values, self.values.root(id), self.values.root(below), 0);
        }
        self.write_int(to, id)
    }

    /// The stack pointer may go to a place if it is near one that was touched.
    pub(super) fn near(&self, sp: i64) -> Result<(), Reason> {
        if sp >= self.state.touched - 2 * PROBE { Ok(()) } else { Err(Reason::Stack) }
    }

    /// No frame is larger than the table says: stacks have room for so many of those.
    pub(super) fn in_frame(&self, sp: i64) -> Result<(), Reason> {
        if sp >= -i64::from(self.func.code.frame_size) { Ok(()) } else { Err(Reason::Stack) }
    }

    pub(super) fn move_stack(&mut self, by: i64) -> Result<(), Reason> {
        let sp = self.state.sp.checked_add(by).filter(|sp| *sp <= 0 && sp % 8 == 0).ok_or(Reason::Stack)?;
        if by < -PROBE {
            return Err(Reason::Stack);
        }
        self.near(sp)?;
        self.in_frame(sp)?;
        if by > 0 {
            // What is below the stack pointer is nobody's.
            self.state.slots.forget(self.state.sp, by);
            // A signal may come at any time; but what was touched was touched.
        }
        self.state.sp = sp;
        Ok(())
    }

    pub(super) fn ret(&mut self) -> Result<(), Reason> {
        if self.state.sp != 0 {
            return Err(Reason::Stack);
        }
        if self.state.fuel != Fuel::Right && self.state.fuel != Fuel::Stored {
            return Err(Reason::Fuel);
        }
        if self.saved.iter().any(|(reg, id)| self.state.reg(*reg) != *id) {
            return Err(Reason::Saved);
        }
        if let Type::Array(elem) = self.func.signature.result {
            let [address, length] = self.machine.int_results.map(|reg| self.int(reg));
            let found = self.array_at(address, length, elem.size().trailing_zeros() as u8);
            let Ok(writable) = found else {
                self.ended = true;
                return self.fail(Reason::Result);
            };
            let own = bit_of(self.func.code.func.0);
            match writable {
                Writable::No => self.read_only_results |= own,
                Writable::If(0) => {}
                Writable::If(others) => self.passed_results.push((own, others)),
            }
        }
        self.ended = true;
        Ok(())
    }

    /// No array that may only be read was written where it is another function's result.
    fn results_are_writable(&mut self) -> Result<(), Reason> {
        for _ in 0..=64 {
            let before = self.read_only_results;
            for (own, others) in &self.passed_results {
                if others & self.read_only_results != 0 {
                    self.read_only_results |= own;
                }
            }
            if before == self.read_only_results {
                break;
            }
        }
        if self.read_only_results & self.written_results == 0 { Ok(()) } else { Err(Reason::ReadOnly) }
    }
}
