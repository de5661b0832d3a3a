//! Calls: of the program's own functions and of the runtime's, each by its protocol (`runtime/helper.rs`).

use super::Reason;
use super::check::{Checker, Mode, bit_of};
use super::machine::{Place, Places};
use super::state::{Flags, Fuel, Known, Outcome};
use super::step::Reg;
use super::values::{Def, Extent, Id, MAX_LENGTH, UNKNOWN, Value, Writable, ZERO};
use crate::codegen::blob::{PoolEntry, SiteKind, site_of};
use crate::ir::op::ArrayOp;
use crate::runtime::helper::Helper;
use crate::types::Type;

impl Checker<'_> {
    /// What the table says of the call under way.
    fn site(&self) -> Option<SiteKind> {
        site_of(self.contract.sites, self.graph.offset(self.inst + 1)).map(|site| site.kind)
    }

    /// The stack as the runtime finds it: aligned, and, where it may walk over the frames, as large as the table says.
    fn at_call(&self, is_walked: bool) -> Result<(), Reason> {
        self.fuel_is_settled()?;
        let sp = self.state.sp;
        if (sp - self.machine.entry_alignment).rem_euclid(16) != 0 || self.state.touched > sp + 4096 * 2 {
            return Err(Reason::CallStack);
        }
        if !is_walked {
            return Ok(());
        }
        // The walk finds the return address behind the frame.
        let has_return_address = self.machine.link.is_none_or(|link| {
            let id = self.state.slots.get(-8);
            self.values.def(id) == Def::Entry(Reg::Int(link))
        });
        let size = i64::from(self.func.code.frame_size);
        if sp == -size && has_return_address { Ok(()) } else { Err(Reason::CallStack) }
    }

    /// What any C function leaves undefined.
    fn clobber(&mut self) {
        for reg in self.machine.clobbered {
            self.state.set_reg(Reg::Int(*reg), UNKNOWN);
        }
        self.forget_vectors();
        self.state.masks = [UNKNOWN; 8];
        self.state.flags = Flags::Unknown;
        self.state.outcome = None;
    }

    /// Of vector registers, a callee gives back the low halves of some.
    fn forget_vectors(&mut self) {
        if self.machine.saved_floats.is_empty() {
            self.state.vectors = [UNKNOWN; 32];
            return;
        }
        for reg in 0..32_u8 {
            let id = self.state.reg(Reg::Vector(reg));
            let kept = self.machine.saved_floats.contains(&reg) && matches!(self.values.def(id), Def::Entry(_));
            if !kept {
                self.state.set_reg(Reg::Vector(reg), UNKNOWN);
            }
        }
    }

    /// A call of the program's own function.
    pub(super) fn call(&mut self, target: u32) -> Result<(), Reason> {
        if self.func.code.is_pure || self.func.code.is_bare {
            return Err(Reason::Pure);
        }
        let funcs = self.contract.funcs;
        // An empty function may begin where the next one does.
        let behind = funcs.partition_point(|func| func.start <= target);
        let callee = funcs.get(..behind).and_then(<[_]>::last);
        let callee = callee.filter(|func| func.start == target && func.end > target).ok_or(Reason::Target)?;
        if self.mode != Mode::Search && !self.contract.recursive {
            self.calls.push((self.number, behind as u32 - 1));
        }
        let signature = self.contract.signatures.get(callee.func.0 as usize).ok_or(Reason::Signature)?;
        if self.site() != Some(SiteKind::Call(callee.func)) {
            return Err(Reason::Site);
        }
        self.at_call(true)?;
        if !matches!(self.state.fuel, Fuel::Right | Fuel::Stored) {
            return Err(Reason::Fuel);
        }
        // A level was taken, and was there.
        let depth = self.int(self.machine.depth);
        let (root, taken) = self.values.root(depth);
        if root != self.depth || taken >= 0 || !(Known { values: self.values, state: &self.state }).le(ZERO, depth, 0) {
            return Err(Reason::Depth);
        }
        let mut places = Places::new(self.machine);
        for param in &signature.params {
            match param.ty {
                Type::F64 => {
                    places.float();
                }
                Type::Array(elem) => {
                    let (address, length) = (places.int(), places.int());
                    let (address, length) = (self.argument(address)?, self.argument(length)?);
                    let writable = self.array_at(address, length, elem.size().trailing_zeros() as u8);
                    self.array_argument(writable, param.mutable)?;
                }
                _ => {
                    places.int();
                }
            }
        }
        let words = Places::words_of(self.machine, signature.params.iter().map(|param| &param.ty));
        if self.state.sp + words * 8 > 0 {
            return Err(Reason::Argument);
        }
        self.clobber();
        self.state.fuel = Fuel::Right;
        self.state.set_reg(Reg::Int(self.machine.fuel), UNKNOWN);
        if let Type::Array(elem) = signature.result {
            let length = self.values.add(Value { counts: true, ..Value::between(0, MAX_LENGTH) });
            let extent = Extent::new(elem.size().trailing_zeros() as u8, length, Writable::If(bit_of(callee.func.0)));
            let address = self.values.add(Value { extent: Some(extent), ..Value::of(Def::Opaque) });
            let [first, second] = self.machine.int_results;
            self.state.set_reg(Reg::Int(first), address);
            self.state.set_reg(Reg::Int(second), length);
        }
        Ok(())
    }

    fn array_argument(&mut self, writable: Result<Writable, Reason>, mutable: bool) -> Result<(), Reason> {
        match writable {
            Ok(writable) if mutable => self.writes(writable),
            Ok(_) => Ok(()),
            Err(reason) => self.fail(reason),
        }
    }

    fn argument(&mut self, place: Place) -> Result<Id, Reason> {
        match place {
            Place::Reg(Reg::Int(reg)) => Ok(self.int(reg)),
            Place::Reg(_) => Err(Reason::Argument),
            Place::Word(word) => self.word(word),
        }
    }

    /// A word of the outgoing area.
    fn word(&mut self, word: i64) -> Result<Id, Reason> {
        let at = self.state.sp + word * 8;
        if at + 8 > 0 {
            return Err(Reason::Argument);
        }
        Ok(self.state.slots.get(at))
    }

    /// A call of a runtime function, by its word of the pool.
    pub(super) fn call_helper(&mut self, entry: u32) -> Result<(), Reason> {
        let Some(PoolEntry::Helper(helper)) = self.contract.pool.get(entry as usize) else {
            return Err(Reason::Callee);
        };
        let is_math = matches!(helper, Helper::Math(_) | Helper::MathLanes(..));
        if self.func.code.is_pure && !is_math && *helper != Helper::Rare {
            return Err(Reason::Pure);
        }
        let kind = self.site().ok_or(Reason::Site)?;
        match *helper {
            Helper::Math(_) => {
                self.expect(kind == SiteKind::Helper)?;
                self.at_call(false)?;
                self.clobber();
            }
            Helper::MathLanes(math, lanes) => {
                self.expect(kind == SiteKind::Helper)?;
                self.at_call(false)?;
                let words = i64::from(lanes) * (2 + math.arity() as i64);
                let words_at = self.state.reg(Reg::Int(self.machine.int_args[0]));
                let Def::Frame(at) = self.values.def(words_at) else { return Err(Reason::Argument) };
                if at < self.state.sp || at + words * 8 > 0 {
                    return Err(Reason::Argument);
                }
                self.state.slots.forget(at, words * 8);
                self.clobber();
            }
            Helper::Trap => {
                self.expect(matches!(kind, SiteKind::Trap(_) | SiteKind::HelperTrap))?;
                // It takes the fuel that is left from the register.
                if self.state.fuel == Fuel::Elsewhere {
                    return Err(Reason::Fuel);
                }
                self.at_call(true)?;
                self.ended = true;
            }
            Helper::Poll => {
                self.expect(matches!(kind, SiteKind::PollLoop | SiteKind::PollCall(_)) && !self.func.code.is_bare)?;
                if self.state.fuel == Fuel::Elsewhere {
                    return Err(Reason::Fuel);
                }
                self.at_call(true)?;
                for reg in self.machine.scratch {
                    self.state.set_reg(Reg::Int(*reg), UNKNOWN);
                }
                // It keeps the lower halves of vector registers, and no masks.
                self.forget_vectors();
                self.state.masks = [UNKNOWN; 8];
                self.state.set_reg(Reg::Int(self.machine.fuel), UNKNOWN);
                self.state.fuel = Fuel::Right;
                self.state.flags = Flags::Unknown;
            }
            Helper::Rare => {
                self.expect(kind == SiteKind::Helper)?;
                self.at_call(false)?;
                let named = self.values.def(self.state.reg(Reg::Int(self.machine.rare)));
                let is_math = matches!(named, Def::Helper(entry) if matches!(self.contract.pool.get(entry as usize), Some(PoolEntry::Helper(Helper::Math(_)))));
                if !is_math || self.state.sp + 16 > 0 {
                    return Err(Reason::Argument);
                }
                for reg in self.machine.scratch {
                    self.state.set_reg(Reg::Int(*reg), UNKNOWN);
                }
                self.forget_vectors();
                self.state.masks = [UNKNOWN; 8];
                self.state.slots.forget(self.state.sp, 16);
                self.state.flags = Flags::Unknown;
            }
            helper => self.call_buffered(helper, kind)?,
        }
        Ok(())
    }

    fn expect(&self, is_right: bool) -> Result<(), Reason> {
        if is_right { Ok(()) } else { Err(Reason::Site) }
    }

    /// A helper whose arguments are words at the bottom of the frame.
    fn call_buffered(&mut self, helper: Helper, kind: SiteKind) -> Result<(), Reason> {
        self.expect(kind == SiteKind::Helper)?;
        self.at_call(true)?;
        if self.func.code.is_light {
            return Err(Reason::Pure);
        }
        let [context, args] = [0, 1].map(|arg| self.machine.int_args[arg]);
        let at_args = self.values.def(self.state.reg(Reg::Int(args)));
        if self.values.def(self.state.reg(Reg::Int(context))) != Def::Context || at_args != Def::Frame(self.state.sp) {
            return Err(Reason::Argument);
        }
        let mut array = None;
        match helper {
            Helper::Alloc(elem) => {
                let length = self.word(0)?;
                array = Some((elem.size().trailing_zeros() as u8, length)).filter(|(_, length)| *length != UNKNOWN);
            }
            Helper::ArrayOp(op, elem) => {
                let shift = elem.size().trailing_zeros() as u8;
                let arrays = if matches!(op, ArrayOp::Dot | ArrayOp::Copy) { 2 } else { 1 };
                for number in 0..arrays {
                    let (address, length) = (self.word(number * 2)?, self.word(number * 2 + 1)?);
                    let writable = self.array_at(address, length, shift);
                    self.array_argument(writable, number == 0 && matches!(op, ArrayOp::Fill | ArrayOp::Copy))?;
                }
                if op == ArrayOp::Fill {
                    self.word(2)?;
                }
            }
            Helper::HostCall => {
                let count = self.word(1)?;
                let count = self
                    .values
                    .number(count)
                    .filter(|count| (0..=i64::from(u16::MAX)).contains(count))
                    .ok_or(Reason::Argument)?;
                if self.state.sp + 16 + count * 16 > 0 {
                    return Err(Reason::Argument);
                }
            }
            _ => {
                self.word(1)?;
            }
        }
        if helper.is_metered() {
            if self.state.fuel != Fuel::Stored {
                return Err(Reason::Fuel);
            }
            self.state.fuel = Fuel::Elsewhere;
        } else if self.state.fuel == Fuel::Elsewhere {
            return Err(Reason::Fuel);
        }
        self.clobber();
        let status = self.values.add(Value::of(Def::Opaque));
        self.state.set_reg(Reg::Int(self.machine.int_results[0]), status);
        self.state.outcome = Some(Outcome { status, array });
        Ok(())
    }
}
