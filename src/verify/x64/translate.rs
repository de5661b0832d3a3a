//! What a listed instruction does, in steps.

use super::super::step::{Base, Decoded, Lanes, Place, Refused, Reg, Src, Step, Value};
use super::X64Decoder;
use super::forms::{Kind, Row};
use super::registers::{Class, address, any, class};
use iced_x86::{Code, Instruction, OpKind, Register};

const RAX: u8 = 0;
const RDX: u8 = 2;

/// The counter of the loop that touches the pages of a large frame.
const COUNTER: u8 = 11;
/// Bytes of a page of the stack.
const PAGE: u64 = 4096;
/// `sub rsp, 4096; test [rsp], rsp; sub r11d, 1; jnz` to the first of these.
const PROBES: [u8; 21] = [
    0x48, 0x81, 0xEC, 0x00, 0x10, 0x00, 0x00, 0x48, 0x85, 0x24, 0x24, 0x41, 0x83, 0xEB, 0x01, 0x0F, 0x85, 0xEB, 0xFF,
    0xFF, 0xFF,
];

/// Instructions of one byte and more that do nothing (Intel SDM volume 2, NOP).
pub(super) const NOPS: [&[u8]; 9] = [
    &[0x90],
    &[0x66, 0x90],
    &[0x0F, 0x1F, 0x00],
    &[0x0F, 0x1F, 0x40, 0x00],
    &[0x0F, 0x1F, 0x44, 0x00, 0x00],
    &[0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00],
    &[0x0F, 0x1F, 0x80, 0x00, 0x00, 0x00, 0x00],
    &[0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    &[0x66, 0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];

/// Memory that an instruction names.
#[derive(Clone, Copy)]
pub(super) enum Memory {
    /// At a register.
    Place(Place),
    /// From the start of the pool.
    Pool(i64),
}

/// An instruction on its way to steps.
pub(super) struct Translation<'a, 'c> {
    pub decoder: &'a X64Decoder<'c>,
    pub code: &'a [u8],
    pub inst: &'a Instruction,
    pub row: &'static Row,
    pub out: &'a mut Decoded,
}

pub(super) type Done = Result<(), Refused>;

pub(super) fn translate(
    decoder: &X64Decoder<'_>,
    code: &[u8],
    inst: &Instruction,
    row: &'static Row,
    bytes: &[u8],
    out: &mut Decoded,
) -> Done {
    if row.kind == Kind::Nothing && !NOPS.contains(&bytes) {
        return Err(Refused::Form);
    }
    Translation { decoder, code, inst, row, out }.run()
}

impl Translation<'_, '_> {
    pub(super) fn step(&mut self, step: Step) -> Done {
        if self.out.push(step) { Ok(()) } else { Err(Refused::Form) }
    }

    /// A general register that is not the stack pointer.
    pub(super) fn int(&self, operand: u32) -> Result<u8, Refused> {
        match any(self.inst.op_register(operand))? {
            Reg::Int(number) => Ok(number),
            _ => Err(Refused::Form),
        }
    }

    pub(super) fn vector(&self, operand: u32) -> Result<u8, Refused> {
        match any(self.inst.op_register(operand))? {
            Reg::Vector(number) => Ok(number),
            _ => Err(Refused::Form),
        }
    }

    pub(super) fn mask(&self, operand: u32) -> Result<u8, Refused> {
        match any(self.inst.op_register(operand))? {
            Reg::Mask(number) => Ok(number),
            _ => Err(Refused::Form),
        }
    }

    pub(super) fn is_register(&self, operand: u32) -> bool {
        self.inst.op_kind(operand) == OpKind::Register
    }

    pub(super) fn is_memory(&self, operand: u32) -> bool {
        self.inst.op_kind(operand) == OpKind::Memory
    }

    fn is_stack_pointer(&self, operand: u32) -> bool {
        self.is_register(operand) && self.inst.op_register(operand) == Register::RSP
    }

    /// Whether the operand's register is as long as vectors are.
    pub(super) fn is_whole(&self, operand: u32) -> bool {
        let whole = if self.decoder.is_wide { Class::Vector512 } else { Class::Vector256 };
        class(self.inst.op_register(operand)).is_some_and(|(class, _)| class == whole)
    }

    /// All lanes, of all lengths.
    pub(super) fn is_plain(&self) -> bool {
        self.inst.op_mask() == Register::None
    }

    pub(super) fn number(&self, operand: u32) -> Result<i64, Refused> {
        match self.inst.op_kind(operand) {
            OpKind::Register | OpKind::Memory | OpKind::NearBranch64 => Err(Refused::Form),
            _ => Ok(self.inst.immediate(operand) as i64),
        }
    }

    /// A register or a number.
    fn source(&self, operand: u32) -> Result<Src, Refused> {
        if self.is_register(operand) { Ok(Src::Reg(self.int(operand)?)) } else { Ok(Src::Const(self.number(operand)?)) }
    }

    /// Bytes that the operand in memory has.
    fn bytes(&self) -> u32 {
        if self.inst.is_broadcast() { 8 } else { u32::from(self.row.bytes) }
    }

    pub(super) fn memory(&self) -> Result<Memory, Refused> {
        let inst = self.inst;
        let disp = inst.memory_displacement64() as i64;
        if inst.memory_base() == Register::RIP {
            let offset = disp.wrapping_sub(self.decoder.pool_at);
            let end = u64::try_from(offset).ok().and_then(|offset| offset.checked_add(u64::from(self.bytes())));
            let is_inside = end.is_some_and(|end| end <= self.decoder.pool_len);
            return if is_inside { Ok(Memory::Pool(offset)) } else { Err(Refused::Form) };
        }
        if inst.is_broadcast() {
            return Err(Refused::Form);
        }
        let index = match inst.memory_index() {
            Register::None => None,
            index => Some((address(index)?, inst.memory_index_scale().trailing_zeros() as u8)),
        };
        let base = match inst.memory_base() {
            Register::RSP if index.is_none() => Base::Stack,
            base => Base::Reg(address(base)?),
        };
        Ok(Memory::Place(Place { base, index, disp, bytes: self.bytes() }))
    }

    /// An operand of lanes; what is read of memory is stated where the step does not say it.
    pub(super) fn lanes(&mut self, operand: u32) -> Result<Lanes, Refused> {
        if self.is_register(operand) {
            return Ok(Lanes::Reg(self.vector(operand)?));
        }
        match self.memory()? {
            Memory::Pool(offset) if self.inst.is_broadcast() => Ok(Lanes::Pool(offset)),
            Memory::Pool(offset) => Ok(Lanes::PoolRow(offset)),
            Memory::Place(_) => Err(Refused::Form),
        }
    }

    /// Memory that is read and used up.
    fn reads(&mut self) -> Done {
        match self.memory()? {
            Memory::Place(from) => self.step(Step::Load { to: None, from, signed: false }),
            Memory::Pool(offset) => self.step(Step::LoadPool { to: None, offset, bytes: self.bytes() }),
        }
    }

    /// Memory, if an operand is.
    pub(super) fn reads_any(&mut self, from: u32) -> Done {
        let is_read = (from..self.inst.op_count()).any(|operand| self.is_memory(operand));
        if is_read { self.reads() } else { Ok(()) }
    }

    /// The first operand becomes some value, of what the others are.
    pub(super) fn some(&mut self) -> Done {
        self.reads_any(1)?;
        let to = any(self.inst.op_register(0))?;
        self.step(Step::Any(to))
    }

    pub(super) fn load(&mut self, to: Reg, signed: bool) -> Done {
        match self.memory()? {
            Memory::Place(from) => self.step(Step::Load { to: Some(to), from, signed }),
            Memory::Pool(offset) => self.step(Step::LoadPool { to: Some(to), offset, bytes: self.bytes() }),
        }
    }

    pub(super) fn store(&mut self, value: Option<Value>) -> Done {
        match self.memory()? {
            Memory::Place(to) => self.step(Step::Store { to, value }),
            Memory::Pool(_) => Err(Refused::Form),
        }
    }

    /// The target of a branch: in the code.
    fn target(&self) -> Result<u32, Refused> {
        let target = self.inst.near_branch_target();
        let is_inside = target < self.code.len() as u64;
        u32::try_from(target).ok().filter(|_| is_inside).ok_or(Refused::Form)
    }

    fn run(&mut self) -> Done {
        match self.row.kind {
            Kind::Move => self.copy(),
            Kind::Move32 if self.is_memory(0) => self.copy(),
            Kind::Move32 => {
                let (to, from) = (self.int(0)?, self.int(1)?);
                self.step(Step::ZeroExtend { to, from, bits: 32 })
            }
            Kind::Number32 => self.number_of_32_bits(),
            Kind::Byte => {
                let to = self.int(0)?;
                if self.is_memory(1) {
                    return self.load(Reg::Int(to), false);
                }
                self.step(Step::ZeroExtend { to, from: self.int(1)?, bits: 8 })
            }
            Kind::Signed32 if self.is_memory(1) => self.load(Reg::Int(self.int(0)?), true),
            Kind::Address => self.address(),
            Kind::Add | Kind::Sub => self.sum(),
            Kind::And | Kind::And32 => {
                let to = self.int(0)?;
                let b = match (self.row.kind, self.source(1)?) {
                    (Kind::And32, Src::Const(number)) => Src::Const(number & 0xFFFF_FFFF),
                    (Kind::And32, Src::Reg(_)) => return Err(Refused::Form),
                    (_, source) => source,
                };
                self.step(Step::And { to, a: to, b })?;
                match self.row.kind {
                    Kind::And32 => self.step(Step::AnyFlags),
                    _ => self.flags_of(to),
                }
            }
            Kind::Or | Kind::Xor => {
                let (to, b) = (self.int(0)?, self.source(1)?);
                self.step(match self.row.kind {
                    Kind::Or => Step::Or { to, a: to, b },
                    _ => Step::Xor { to, a: to, b },
                })?;
                self.flags_of(to)
            }
            Kind::Negate => {
                let to = self.int(0)?;
                let (a, b) = (Src::Const(0), Src::Reg(to));
                self.step(Step::Compare { a, b })?;
                self.step(Step::Sub { to, a, b })?;
                self.step(Step::Overflow { of: to })
            }
            Kind::Not => {
                let to = self.int(0)?;
                self.step(Step::Sub { to, a: Src::Const(-1), b: Src::Reg(to) })
            }
            Kind::Count => {
                self.int(1)?;
                self.step(Step::Between { to: self.int(0)?, lo: 0, hi: 64 })?;
                self.step(Step::AnyFlags)
            }
            Kind::ShiftRightSome | Kind::ShiftRightSomeSigned => {
                self.int(2)?;
                let (to, a, signed) = (self.int(0)?, self.int(1)?, self.row.kind == Kind::ShiftRightSomeSigned);
                self.step(Step::ShiftRightSome { to, a, signed })
            }
            Kind::Multiply => {
                let to = self.int(0)?;
                let (a, b) = if self.inst.op_count() == 3 { (1, 2) } else { (0, 1) };
                let (a, b) = (self.int(a)?, self.source(b)?);
                self.step(Step::AnyFlags)?;
                self.step(Step::Multiply { to, a, b })?;
                self.step(Step::Overflow { of: to })
            }
            Kind::Xor32 if self.is_register(1) && self.inst.op_register(0) == self.inst.op_register(1) => {
                self.step(Step::Const { to: self.int(0)?, value: 0 })?;
                self.step(Step::AnyFlags)
            }
            Kind::ShiftLeft | Kind::ShiftRight | Kind::ShiftRightSigned => {
                let to = self.int(0)?;
                let by = u8::try_from(self.number(1)?).ok().filter(|by| *by < 64).ok_or(Refused::Form)?;
                self.step(match self.row.kind {
                    Kind::ShiftLeft => Step::ShiftLeft { to, a: to, by },
                    Kind::ShiftRightSigned => Step::ShiftRightSigned { to, a: to, by },
                    _ => Step::ShiftRight { to, a: to, by },
                })?;
                self.step(Step::AnyFlags)
            }
            Kind::Signed32 => {
                self.int(1)?;
                self.step(Step::Between { to: self.int(0)?, lo: i32::MIN.into(), hi: i32::MAX.into() })
            }
            Kind::Any => self.some(),
            Kind::AnyWithFlags | Kind::Xor32 => {
                self.some()?;
                self.step(Step::AnyFlags)
            }
            Kind::Flags => {
                self.reads_any(0)?;
                self.step(Step::AnyFlags)
            }
            Kind::Product => {
                let b = self.int(0)?;
                self.step(Step::MultiplyHigh { to: RDX, a: RAX, b })?;
                // The lower half is not followed.
                self.step(Step::Any(Reg::Int(RAX)))?;
                self.step(Step::AnyFlags)
            }
            Kind::Divide => {
                let b = self.int(0)?;
                self.step(Step::DivideDouble { quotient: RAX, remainder: RDX, low: RAX, high: RDX, b })?;
                self.step(Step::AnyFlags)
            }
            Kind::Sign => self.step(Step::ShiftRightSigned { to: RDX, a: RAX, by: 63 }),
            Kind::Compare => {
                let (a, b) = (self.source(0)?, self.source(1)?);
                self.step(Step::Compare { a, b })
            }
            Kind::Test => self.test(),
            Kind::Branch(cond) => {
                let target = self.target()?;
                self.step(Step::Branch { cond, target })
            }
            Kind::Jump => {
                let target = self.target()?;
                self.step(Step::Jump { target })
            }
            Kind::Call => {
                let target = self.target()?;
                self.step(Step::Call { target })
            }
            Kind::CallPool => match self.memory()? {
                Memory::Pool(offset) => self.step(Step::CallPool { offset }),
                Memory::Place(_) => Err(Refused::Form),
            },
            Kind::Return => self.step(Step::Return),
            Kind::Select(cond) => {
                let (to, yes) = (self.int(0)?, self.int(1)?);
                self.step(Step::Select { to, yes: Src::Reg(yes), no: Src::Reg(to), cond })
            }
            Kind::Nothing => self.step(Step::Nothing),
            _ => self.vectors(),
        }
    }

    fn copy(&mut self) -> Done {
        if self.is_memory(0) {
            let value = match self.source(1)? {
                Src::Reg(number) => Value::Reg(Reg::Int(number)),
                Src::Const(number) => Value::Const(number),
            };
            return self.store(Some(value));
        }
        let to = self.int(0)?;
        if self.is_memory(1) {
            return self.load(Reg::Int(to), false);
        }
        if self.is_stack_pointer(1) {
            return self.step(Step::StackAddress { to, by: 0 });
        }
        match self.source(1)? {
            Src::Reg(from) => self.step(Step::Copy { to: Reg::Int(to), from: Reg::Int(from) }),
            Src::Const(value) => self.step(Step::Const { to, value }),
        }
    }

    fn number_of_32_bits(&mut self) -> Done {
        let (to, value) = (self.int(0)?, self.number(1)? & 0xFFFF_FFFF);
        let behind = self.code.get(self.inst.next_ip() as usize..).unwrap_or_default();
        if to == COUNTER && value > 0 && behind.starts_with(&PROBES) {
            self.out.len += PROBES.len() as u32;
            self.step(Step::Probe { bytes: value as u64 * PAGE, counter: COUNTER })?;
            return self.step(Step::AnyFlags);
        }
        self.step(Step::Const { to, value })
    }

    /// Base, index and displacement as sums.
    fn address(&mut self) -> Done {
        let to = self.int(0)?;
        let Memory::Place(Place { base: Base::Reg(base), index, disp, .. }) = self.memory()? else {
            return Err(Refused::Form);
        };
        match index {
            Some((index, shift)) => {
                self.step(Step::Add { to, a: base, b: Src::Reg(index), shift })?;
                if disp == 0 { Ok(()) } else { self.step(Step::Add { to, a: to, b: Src::Const(disp), shift: 0 }) }
            }
            None => self.step(Step::Add { to, a: base, b: Src::Const(disp), shift: 0 }),
        }
    }

    fn sum(&mut self) -> Done {
        let is_sub = self.row.kind == Kind::Sub;
        if self.is_stack_pointer(0) {
            let by = self.number(1)?;
            if by <= 0 {
                return Err(Refused::Form);
            }
            self.step(Step::MoveStack { by: if is_sub { -by } else { by } })?;
            return self.step(Step::AnyFlags);
        }
        let (to, b) = (self.int(0)?, self.source(1)?);
        if is_sub {
            self.step(Step::Compare { a: Src::Reg(to), b })?;
            self.step(Step::Sub { to, a: Src::Reg(to), b })?;
        } else {
            self.step(Step::AnyFlags)?;
            self.step(Step::Add { to, a: to, b, shift: 0 })?;
        }
        self.step(Step::Overflow { of: to })
    }

    /// Of a result of operations bit by bit: how it stands to zero, and neither carry nor overflow.
    fn flags_of(&mut self, to: u8) -> Done {
        self.step(Step::Compare { a: Src::Reg(to), b: Src::Const(0) })
    }

    fn test(&mut self) -> Done {
        if self.is_memory(0) {
            // The touch of a page, and nothing else.
            let Memory::Place(from @ Place { base: Base::Stack, disp: 0, .. }) = self.memory()? else {
                return Err(Refused::Form);
            };
            if !self.is_stack_pointer(1) {
                return Err(Refused::Form);
            }
            self.step(Step::Load { to: None, from, signed: false })?;
            return self.step(Step::AnyFlags);
        }
        let a = self.int(0)?;
        let width = match self.inst.code() {
            Code::Test_rm64_r64 | Code::Test_rm64_imm32 => u64::MAX,
            Code::Test_rm32_r32 | Code::Test_rm32_imm32 => u64::from(u32::MAX),
            _ => u64::from(u8::MAX),
        } as i64;
        match self.source(1)? {
            Src::Reg(b) if b == a && width == -1 => self.step(Step::Compare { a: Src::Reg(a), b: Src::Const(0) }),
            Src::Reg(b) if b == a => self.step(Step::Test { a, b: Src::Const(width) }),
            Src::Reg(b) if width == -1 => self.step(Step::Test { a, b: Src::Reg(b) }),
            Src::Reg(_) => self.step(Step::AnyFlags),
            Src::Const(number) => self.step(Step::Test { a, b: Src::Const(number & width) }),
        }
    }
}
