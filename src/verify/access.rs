//! Which memory an instruction may touch: the frame, a few words of the context, the pool, elements of arrays inside their bounds.

use super::Reason;
use super::arrays::Element;
use super::check::{Checker, Mode};
use super::state::{Fuel, Known, Outcome};
use super::step::{Base, Place, Reg, Value as Stored};
use super::values::{Def, Extent, Id, UNKNOWN, Value, Writable, ZERO};
use crate::codegen::blob::PoolEntry;
use crate::runtime::context::offset;

/// What lies at a place.
enum Where {
    /// The frame, so far above the stack pointer at the entry.
    Frame(i64),
    /// The context, so far from its start.
    Context(i64),
    /// Something at this address and a number of bytes behind it; an index, shifted, may be added.
    Memory(Id, i128, Option<(Id, u8)>),
}

impl Checker<'_> {
    fn resolve(&mut self, place: &Place) -> Result<Where, Reason> {
        let mut disp = i128::from(place.disp);
        let mut index = None;
        if let Some((reg, shift)) = place.index {
            let id = self.int(reg);
            match self.values.number(id) {
                Some(number) => disp += i128::from(number) << shift,
                None => index = Some((id, shift)),
            }
        }
        let small = i64::try_from(disp).ok();
        let base = match place.base {
            Base::Stack => {
                let at = small.and_then(|disp| self.state.sp.checked_add(disp)).filter(|_| index.is_none());
                return at.map(Where::Frame).ok_or(Reason::Frame);
            }
            Base::Reg(reg) => self.int(reg),
        };
        match self.values.def(base) {
            Def::Context => small.filter(|_| index.is_none()).map(Where::Context).ok_or(Reason::Context),
            Def::Frame(at) => {
                let at = small.and_then(|disp| at.checked_add(disp)).filter(|_| index.is_none());
                at.map(Where::Frame).ok_or(Reason::Frame)
            }
            _ => Ok(match index {
                // The same address either way.
                Some((other, 0)) if !self.values.is_address(base) && self.values.is_address(other) => {
                    Where::Memory(other, disp, Some((base, 0)))
                }
                index => Where::Memory(base, disp, index),
            }),
        }
    }

    /// Something is wrong, unless proofs are only looked for.
    pub(super) fn fail(&self, reason: Reason) -> Result<(), Reason> {
        if self.mode == Mode::Search { Ok(()) } else { Err(reason) }
    }

    fn forget(&mut self, reg: Reg) -> Result<(), Reason> {
        match reg {
            Reg::Int(reg) => self.write_int(reg, UNKNOWN),
            reg => {
                self.state.set_reg(reg, UNKNOWN);
                Ok(())
            }
        }
    }

    fn element_or_fail(&self, address: Id, disp: i128, index: Option<(Id, u8)>) -> Result<Option<Element>, Reason> {
        match self.values.element(address, disp, index) {
            Ok(element) => Ok(Some(element)),
            Err(reason) => self.fail(reason).map(|()| None),
        }
    }

    /// Whether an array of so many elements begins at an address.
    pub(super) fn array_at(&self, address: Id, length: Id, shift: u8) -> Result<Writable, Reason> {
        (Known { values: self.values, state: &self.state }).array_at(address, length, shift)
    }

    /// The frame at a place: for writes what is below the stack pointer at the entry, for reads also the parameters above.
    fn check_frame(&self, at: i64, bytes: u32, write: bool) -> Result<(), Reason> {
        let end = at.checked_add(i64::from(bytes)).ok_or(Reason::Frame)?;
        let own = at >= self.state.sp && end <= 0;
        let params = self.machine.pushed..self.machine.pushed + self.param_words * 8;
        let from_caller = !write && at >= params.start && end <= params.end;
        if own || from_caller { Ok(()) } else { Err(Reason::Frame) }
    }

    fn touch(&mut self, at: i64) {
        self.state.touched = self.state.touched.min(at);
    }

    /// A read.
    pub(super) fn load(&mut self, to: Option<Reg>, from: &Place, signed: bool) -> Result<(), Reason> {
        let id = match self.resolve(from)? {
            Where::Frame(at) => {
                // A read that only touches the caller's lowest word is part of growing the stack.
                let only_touches = to.is_none() && at == self.state.sp && from.bytes == 8;
                if !only_touches {
                    self.check_frame(at, from.bytes, false)?;
                }
                self.touch(at);
                self.load_frame(to, at, from.bytes)
            }
            Where::Context(at) => return self.load_context(to, at, from.bytes),
            Where::Memory(base, disp, index) => {
                let Some(element) = self.element_or_fail(base, disp, index)? else {
                    return to.map_or(Ok(()), |to| self.forget(to));
                };
                if !(Known { values: self.values, state: &self.state }).is_inside(&element, i128::from(from.bytes)) {
                    self.fail(Reason::Bounds)?;
                }
                UNKNOWN
            }
        };
        match to {
            Some(Reg::Int(reg)) => {
                let id = if id == UNKNOWN { self.loaded(from.bytes, signed) } else { id };
                self.write_int(reg, id)
            }
            Some(reg) => {
                self.state.set_reg(reg, id);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// A word of so many bytes, of which nothing else is known.
    fn loaded(&mut self, bytes: u32, signed: bool) -> Id {
        match (bytes, signed) {
            (1, false) => self.values.add(Value { counts: true, ..Value::between(0, 255) }),
            (2, false) => self.values.add(Value { counts: true, ..Value::between(0, 65535) }),
            (4, false) => self.values.add(Value { counts: true, ..Value::between(0, u32::MAX.into()) }),
            // What is shorter may be extended to 32 bits.
            (4, true) => self.values.add(Value { counts: true, ..Value::between(i32::MIN.into(), i32::MAX.into()) }),
            _ => UNKNOWN,
        }
    }

    fn load_frame(&mut self, to: Option<Reg>, at: i64, bytes: u32) -> Id {
        let id = self.state.slots.get(at);
        match to {
            Some(Reg::Int(_)) if bytes == 8 => {
                if id != UNKNOWN {
                    self.learn_lane_value(id);
                    return id;
                }
                let id = self.values.add(Value::of(Def::Opaque));
                if at < 0 && at % 8 == 0 {
                    self.state.slots.set(at, id);
                }
                id
            }
            Some(Reg::Vector(_)) => self.stored_at(at, bytes),
            _ => UNKNOWN,
        }
    }

    /// The vector that words of the frame are: all of it, lane by lane, or the half of one that a function gives back.
    fn stored_at(&self, at: i64, bytes: u32) -> Id {
        let lane_at = |lane: u32| self.values.def(self.state.slots.get(at + i64::from(lane) * 8));
        let first = self.state.slots.get(at);
        match self.values.def(first) {
            Def::Entry(Reg::Vector(_)) if bytes == 8 => first,
            Def::Lane(vector, 0)
                if bytes == self.contract.vector_bytes
                    && (1..bytes / 8).all(|lane| lane_at(lane) == Def::Lane(vector, lane as u8)) =>
            {
                vector
            }
            _ => UNKNOWN,
        }
    }

    /// A vector is stored: each word of it is a lane.
    fn store_vector(&mut self, at: i64, bytes: u32, reg: Reg) {
        let vector = self.stored_vector(reg, bytes);
        if vector == UNKNOWN || at % 8 != 0 {
            return;
        }
        if matches!(self.values.def(vector), Def::Entry(_)) {
            self.state.slots.set(at, vector);
            return;
        }
        if bytes != self.contract.vector_bytes {
            return;
        }
        let first = self.values.lanes(vector, bytes / 8);
        for lane in 0..bytes / 8 {
            self.state.slots.set(at + i64::from(lane) * 8, first + lane);
        }
    }

    fn load_context(&mut self, to: Option<Reg>, at: i64, bytes: u32) -> Result<(), Reason> {
        let field = i32::try_from(at).ok().filter(|_| bytes == 8).ok_or(Reason::Context)?;
        match (field, to) {
            (offset::FUEL_SLICE, Some(Reg::Int(reg))) if reg == self.machine.fuel => {
                if !matches!(self.state.fuel, Fuel::Elsewhere | Fuel::Stored) {
                    return Err(Reason::Fuel);
                }
                self.state.fuel = Fuel::Right;
                self.state.set_reg(Reg::Int(reg), UNKNOWN);
                Ok(())
            }
            (offset::ARENA_TOP, Some(Reg::Int(reg))) => {
                let id = self.values.add(Value::of(Def::Mark));
                self.write_int(reg, id)
            }
            (offset::RESULT, Some(Reg::Int(reg))) => {
                let id = self.result();
                self.write_int(reg, id)
            }
            (offset::RESULT, Some(reg)) => {
                self.state.set_reg(reg, UNKNOWN);
                Ok(())
            }
            (offset::RESULT, None) => Ok(()),
            _ => Err(Reason::Context),
        }
    }

    /// What the last helper left: the address of a new array, if it was asked for one and had one.
    fn result(&mut self) -> Id {
        let known = Known { values: self.values, state: &self.state };
        let extent = match self.state.outcome {
            Some(Outcome { status, array: Some((shift, length)) })
                if known.le(status, ZERO, 0) && known.le(ZERO, status, 0) =>
            {
                // It refuses a length that is negative, or that memory does not hold.
                let (root, limits) = (self.values.root(length), (ZERO, super::values::MAX_LENGTH));
                self.state.learn(self.values, (ZERO, 0), root, 0);
                self.state.learn(self.values, root, limits, 0);
                Some(Extent::new(shift, length, Writable::YES))
            }
            _ => None,
        };
        self.values.add(Value { extent, ..Value::of(Def::Opaque) })
    }

    /// A write.
    pub(super) fn store(&mut self, to: &Place, value: Option<Stored>) -> Result<(), Reason> {
        match self.resolve(to)? {
            Where::Frame(at) => {
                self.check_frame(at, to.bytes, true)?;
                self.touch(at);
                self.state.slots.forget(at, to.bytes.into());
                let id = match value {
                    Some(Stored::Reg(Reg::Int(reg))) if to.bytes == 8 => self.int(reg),
                    Some(Stored::Const(number)) if to.bytes == 8 => self.values.constant(number),
                    Some(Stored::Reg(reg @ Reg::Vector(_))) => {
                        self.store_vector(at, to.bytes, reg);
                        UNKNOWN
                    }
                    _ => UNKNOWN,
                };
                if at % 8 == 0 && id != UNKNOWN {
                    self.state.slots.set(at, id);
                }
                Ok(())
            }
            Where::Context(at) => self.store_context(at, to.bytes, value),
            Where::Memory(base, disp, index) => {
                let Some(element) = self.element_or_fail(base, disp, index)? else { return Ok(()) };
                if !(Known { values: self.values, state: &self.state }).is_inside(&element, i128::from(to.bytes)) {
                    self.fail(Reason::Bounds)?;
                }
                self.writes(element.extent.writable)
            }
        }
    }

    /// An array is written.
    pub(super) fn writes(&mut self, writable: Writable) -> Result<(), Reason> {
        match writable {
            Writable::No => Err(Reason::ReadOnly),
            Writable::If(funcs) => {
                self.written_results |= funcs;
                Ok(())
            }
        }
    }

    fn store_context(&mut self, at: i64, bytes: u32, value: Option<Stored>) -> Result<(), Reason> {
        let field = i32::try_from(at).ok().filter(|_| bytes == 8).ok_or(Reason::Context)?;
        match (field, value) {
            (offset::FUEL_SLICE, Some(Stored::Reg(Reg::Int(reg)))) if reg == self.machine.fuel => {
                if !matches!(self.state.fuel, Fuel::Right | Fuel::Stored) {
                    return Err(Reason::Fuel);
                }
                self.state.fuel = Fuel::Stored;
                Ok(())
            }
            (offset::ARENA_TOP, Some(Stored::Reg(Reg::Int(reg))))
                if self.values.def(self.state.reg(Reg::Int(reg))) == Def::Mark =>
            {
                Ok(())
            }
            (offset::TRAP_INDEX | offset::TRAP_LEN, _) => Ok(()),
            _ => Err(Reason::Context),
        }
    }

    /// A read of the pool.
    pub(super) fn load_pool(&mut self, to: Option<Reg>, at: i64, bytes: u32) -> Result<(), Reason> {
        let end = at.checked_add(i64::from(bytes)).ok_or(Reason::Pool)?;
        if at < 0 || end > self.contract.pool.len() as i64 * 8 {
            return Err(Reason::Pool);
        }
        let Some(reg) = to else { return Ok(()) };
        let Reg::Int(number) = reg else {
            let row = if bytes == self.contract.vector_bytes { self.pool_row(at, bytes) } else { None };
            let id = row.map_or(UNKNOWN, |number| self.splat_const(number));
            self.state.set_reg(reg, id);
            return Ok(());
        };
        let id = match self.contract.pool.get(at as usize / 8) {
            Some(PoolEntry::Bits(bits)) if at % 8 == 0 && bytes == 8 => self.values.constant(*bits as i64),
            Some(PoolEntry::Helper(_)) if at % 8 == 0 && bytes == 8 => {
                self.values.add(Value::of(Def::Helper(at as u32 / 8)))
            }
            Some(PoolEntry::Table(table)) if at % 8 == 0 && bytes == 8 => {
                let length = self.values.constant(table.len() as i64);
                let extent = Some(Extent::new(3, length, Writable::No));
                self.values.add(Value { extent, ..Value::of(Def::Opaque) })
            }
            _ => UNKNOWN,
        };
        self.write_int(number, id)
    }

    /// Reads of lanes by indices that a mask says to be in bounds.
    pub(super) fn gather(
        &mut self,
        base: u8,
        disp: i64,
        shift: u8,
        bytes: u32,
        bounds: (Option<i64>, Option<(Id, i64)>),
    ) -> Result<(), Reason> {
        let base = self.int(base);
        let element = self.values.element(base, i128::from(disp), None)?;
        let unit = 1_u32 << element.extent.shift;
        if element.extent.shift != shift || bytes > unit || element.bytes < 0 || element.bytes % i128::from(unit) != 0 {
            return Err(Reason::Address);
        }
        // Of an array from its start on only, or of a slice whose length bounds the indices.
        let (Some(least), Some((than, by))) = bounds else { return Err(Reason::Bounds) };
        let Ok(first) = i64::try_from(element.bytes / i128::from(unit)) else { return Err(Reason::Bounds) };
        let known = Known { values: self.values, state: &self.state };
        let inside = element.extent.lengths().any(|length| match element.indices {
            // index <= than + by, so index + first + 1 <= length where than <= length - by - first - 1.
            [None, None] => {
                let off = by.checked_add(first).and_then(|by| by.checked_add(1)).and_then(i64::checked_neg);
                least.checked_add(first).is_some_and(|least| least >= 0)
                    && off.is_some_and(|off| known.le(than, length, off))
            }
            [Some(start), None] | [None, Some(start)] => {
                let (root, off) = self.values.root(than);
                let difference = match self.values.def(root) {
                    Def::Difference(bound, from) if self.values.get(root).fits => Some((bound, from)),
                    _ => None,
                };
                let by = by
                    .checked_add(off)
                    .and_then(|by| by.checked_add(first))
                    .and_then(|by| by.checked_add(1))
                    .and_then(i64::checked_neg);
                least >= 0
                    && first == 0
                    && known.le(ZERO, start, 0)
                    && difference.is_some_and(|(bound, from)| {
                        known.le(start, from, 0) && by.is_some_and(|by| known.le(bound, length, by))
                    })
            }
            _ => false,
        });
        if inside { Ok(()) } else { Err(Reason::Bounds) }
    }
}
