//! What instructions on vectors and masks do, in steps.
//!
//! Only of whole vectors is more said than that a register was written: shorter ones clear the rest.

use super::super::step::{LaneCond, Lanes, Refused, Reg, Step, Value};
use super::forms::{Kind, flag};
use super::registers::{address, any};
use super::translate::{Done, Memory, Translation};
use iced_x86::{Code, Instruction, Register};

impl Translation<'_, '_> {
    pub(super) fn vectors(&mut self) -> Done {
        match self.row.kind {
            Kind::MoveVector => self.move_vector(),
            Kind::StoreVector => self.store(None),
            Kind::FromGeneral => self.lowest_lane(),
            Kind::Splat => {
                let (to, from) = (self.vector(0)?, self.int(1)?);
                if self.is_whole(0) && self.is_plain() { self.step(Step::Splat { to, from }) } else { self.some() }
            }
            Kind::SplatPool => match self.is_memory(1) && self.is_whole(0) && self.is_plain() {
                true => {
                    let Memory::Pool(offset) = self.memory()? else { return Err(Refused::Form) };
                    let to = self.vector(0)?;
                    self.step(Step::SplatPool { to, offset })
                }
                false => self.some(),
            },
            Kind::Ones => {
                // `vpternlog` has its table in the immediate: all bits set, or something.
                let is_ones = match self.inst.op_count() {
                    4 => self.number(3)? & 0xFF == 0xFF,
                    _ => self.is_one_register(),
                };
                match is_ones && self.is_whole(0) && self.is_plain() {
                    true => self.step(Step::SplatConst { to: self.vector(0)?, value: -1 }),
                    false => self.some(),
                }
            }
            Kind::AndVectors | Kind::XorVectors if self.is_zero() => {
                self.step(Step::ZeroVector { to: self.vector(0)? })
            }
            Kind::AndVectors | Kind::XorVectors | Kind::Greater if !self.is_whole(0) || !self.is_plain() => self.some(),
            Kind::AndVectors => {
                let (to, a, b) = (self.vector(0)?, self.vector(1)?, self.lanes(2)?);
                self.step(Step::AndLanes { to, a, b })
            }
            Kind::XorVectors => {
                let (to, a, b) = (self.vector(0)?, self.vector(1)?, self.lanes(2)?);
                self.step(Step::XorLanes { to, a, b })
            }
            Kind::Greater => {
                let (to, a, b) = (self.vector(0)?, Lanes::Reg(self.vector(1)?), self.lanes(2)?);
                self.step(Step::CompareLanes { to: Reg::Vector(to), a: b, b: a, cond: LaneCond::Lt, and: None })
            }
            Kind::AndNotVectors if self.is_whole(0) && self.is_plain() && self.is_register(2) => {
                let [to, not, kept] = [self.vector(0)?, self.vector(1)?, self.vector(2)?].map(Reg::Vector);
                self.step(Step::AndNotMasks { to, a: kept, b: not })
            }
            Kind::AndNotVectors => self.some(),
            Kind::CompareMask => self.compare_mask(),
            Kind::TestLanes => {
                let mask = any(self.inst.op_register(0))?;
                let is_whole = matches!(mask, Reg::Mask(_)) || self.is_whole(0);
                if is_whole && self.inst.op_register(0) == self.inst.op_register(1) {
                    return self.step(Step::TestLanes { mask });
                }
                self.step(Step::AnyFlags)
            }
            Kind::Bits => {
                let (to, from) = (self.int(0)?, any(self.inst.op_register(1))?);
                let is_whole = matches!(from, Reg::Mask(_)) || self.is_whole(1);
                self.step(if is_whole { Step::MaskBits { to, from } } else { Step::Any(Reg::Int(to)) })
            }
            Kind::MoveMask => self.move_mask(),
            Kind::AndMasks => {
                let (to, a, b) = (self.mask(0)?, self.mask(1)?, self.mask(2)?);
                self.step(Step::AndMasks { to, a, b })
            }
            Kind::AndNotMasks => {
                let [to, not, kept] = [self.mask(0)?, self.mask(1)?, self.mask(2)?].map(Reg::Mask);
                self.step(Step::AndNotMasks { to, a: kept, b: not })
            }
            Kind::NotMask => {
                let (to, from) = (self.mask(0)?, self.mask(1)?);
                self.step(Step::NotMask { to, from })
            }
            Kind::Gather => self.gather(),
            Kind::ClearUpper => self.step(Step::AnyVectors),
            _ => Err(Refused::NotListed),
        }
    }

    /// Whether both sources are one register.
    fn is_one_register(&self) -> bool {
        self.is_register(1) && self.is_register(2) && self.inst.op_register(1) == self.inst.op_register(2)
    }

    /// Whether it is the idiom for zero, which clears the rest of the register too.
    fn is_zero(&self) -> bool {
        self.row.kind == Kind::XorVectors && self.is_one_register() && self.is_plain()
    }

    fn move_vector(&mut self) -> Done {
        if self.is_memory(0) {
            let from = Value::Reg(Reg::Vector(self.vector(1)?));
            return self.store(self.is_whole(1).then_some(from));
        }
        if !self.is_whole(0) {
            return self.some();
        }
        let to = Reg::Vector(self.vector(0)?);
        if self.is_memory(1) {
            return self.load(to, false);
        }
        let from = Reg::Vector(self.vector(1)?);
        self.step(Step::Copy { to, from })
    }

    fn lowest_lane(&mut self) -> Done {
        let (to, from) = (self.vector(0)?, self.int(1)?);
        match self.broadcast_behind(self.inst.op_register(0)) {
            Some(len) => {
                self.out.len += len;
                self.step(Step::Splat { to, from })
            }
            None => self.step(Step::Any(Reg::Vector(to))),
        }
    }

    /// Bytes of the next instruction, if it broadcasts the lowest lane of this register to all of the same one.
    fn broadcast_behind(&self, low: Register) -> Option<u32> {
        if self.decoder.is_wide {
            return None;
        }
        let mut next = Instruction::default();
        self.decoder.listed(self.code, usize::try_from(self.inst.next_ip()).ok()?, &mut next).ok()?;
        let is_same = next.code() == Code::VEX_Vpbroadcastq_ymm_xmmm64
            && next.op_register(1) == low
            && any(next.op_register(0)) == any(low);
        is_same.then_some(next.len() as u32)
    }

    fn compare_mask(&mut self) -> Done {
        let to = Reg::Mask(self.mask(0)?);
        let cond = match self.number(3)? {
            1 => LaneCond::Lt,
            2 => LaneCond::Le,
            0 | 4 => {
                self.reads_any(1)?;
                return self.step(Step::Any(to));
            }
            _ => return Err(Refused::Form),
        };
        if !self.is_whole(1) || !self.is_plain() {
            self.reads_any(1)?;
            return self.step(Step::Any(to));
        }
        let (a, b) = (Lanes::Reg(self.vector(1)?), self.lanes(2)?);
        self.step(Step::CompareLanes { to, a, b, cond, and: None })
    }

    fn move_mask(&mut self) -> Done {
        if self.is_memory(0) {
            let from = Value::Reg(Reg::Mask(self.mask(1)?));
            return self.store(Some(from));
        }
        let to = Reg::Mask(self.mask(0)?);
        if self.is_memory(1) {
            return self.load(to, false);
        }
        let from = Reg::Mask(self.mask(1)?);
        self.step(Step::Copy { to, from })
    }

    fn gather(&mut self) -> Done {
        let inst = self.inst;
        let index = any(inst.memory_index())?;
        let (Reg::Vector(index), true) = (index, self.row.has(flag::GATHER)) else { return Err(Refused::Form) };
        let base = address(inst.memory_base())?;
        let to = Reg::Vector(self.vector(0)?);
        let mask = match inst.op_mask() {
            Register::None => Reg::Vector(self.vector(2)?),
            mask => any(mask)?,
        };
        let shift = inst.memory_index_scale().trailing_zeros() as u8;
        let (disp, bytes) = (inst.memory_displacement64() as i64, u32::from(self.row.bytes));
        self.step(Step::Gather { base, index, shift, disp, bytes, mask })?;
        self.step(Step::Any(to))?;
        self.step(Step::Any(mask))
    }
}
