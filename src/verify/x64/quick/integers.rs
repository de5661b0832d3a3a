//! Instructions from before vectors: moves, sums, comparisons and branches.

use super::super::super::step::{Base, Cond, Decoded, Place, Reg, Src, Step, Value};
use super::super::X64Decoder;
use super::super::registers::RSP;
use super::super::translate::NOPS;
use super::{Extension, Makers, memory, number};

const RAX: u8 = 0;
const RDX: u8 = 2;

/// The counter of the loop that touches the pages of a large frame: what sets it is for the general decoder.
const COUNTER: u8 = 11;

/// dynasm makes all of these.
const DYNAMIC: Makers = Makers { dynamic: true, shortest: false };

pub(super) fn decode(
    decoder: &X64Decoder<'_>,
    bytes: &[u8],
    offset: usize,
    len: usize,
    out: &mut Decoded,
) -> Option<()> {
    let step = match *bytes {
        [rex @ 0x48..=0x4F, byte, modrm, ..] => return Inst::new(bytes, rex, byte, modrm).wide(out),
        [rex @ 0x40..=0x47, byte, modrm, ..] => return Inst::new(bytes, rex, byte, modrm).narrow(out),
        [0x0F, byte @ 0x80..=0x8F, a, b, c, d, ..] => {
            let cond = match byte & 15 {
                0 => Cond::Overflow,
                1 => Cond::NoOverflow,
                2 => Cond::Below,
                3 => Cond::AboveEq,
                4 => Cond::Eq,
                5 => Cond::Ne,
                6 => Cond::BelowEq,
                7 => Cond::Above,
                9 => Cond::NotNegative,
                10 => Cond::Other,
                12 => Cond::Lt,
                13 => Cond::Ge,
                14 => Cond::Le,
                15 => Cond::Gt,
                _ => return None,
            };
            let target = target(offset + 6, [a, b, c, d], len)?;
            out.restart(6);
            Step::Branch { cond, target }
        }
        [0xE9, a, b, c, d, ..] => {
            let target = target(offset + 5, [a, b, c, d], len)?;
            out.restart(5);
            Step::Jump { target }
        }
        [0xE8, a, b, c, d, ..] => {
            let target = target(offset + 5, [a, b, c, d], len)?;
            out.restart(5);
            Step::Call { target }
        }
        [0xFF, 0x15, a, b, c, d, ..] => {
            let distance = i64::from(i32::from_le_bytes([a, b, c, d]));
            let offset = decoder.pool_at(offset + 6, distance, 8)?;
            out.restart(6);
            Step::CallPool { offset }
        }
        [0xC3, ..] => {
            out.restart(1);
            Step::Return
        }
        [0x90 | 0x66, ..] | [0x0F, 0x1F, ..] => {
            let nop = NOPS.iter().find(|nop| bytes.starts_with(nop))?;
            out.restart(nop.len() as u32);
            Step::Nothing
        }
        _ => return None,
    };
    out.push(step).then_some(())
}

/// Where a branch goes to: into the code.
fn target(behind: usize, distance: [u8; 4], len: usize) -> Option<u32> {
    let target = (behind as i64).checked_add(i32::from_le_bytes(distance).into())?;
    u32::try_from(target).ok().filter(|target| (*target as usize) < len)
}

/// An instruction with a REX prefix, and ModRM or something else behind its opcode.
struct Inst<'b> {
    bytes: &'b [u8],
    high: Extension,
    byte: u8,
    modrm: u8,
    /// Registers as ModRM names them.
    reg: u8,
    rm: u8,
}

impl Inst<'_> {
    fn new(bytes: &[u8], rex: u8, byte: u8, modrm: u8) -> Inst<'_> {
        let high = Extension { reg: rex >> 2 & 1, index: rex >> 1 & 1, base: rex & 1 };
        Inst { bytes, high, byte, modrm, reg: modrm >> 3 & 7 | high.reg << 3, rm: modrm & 7 | high.base << 3 }
    }

    /// Memory of so many bytes, where ModRM is at a place.
    fn memory(&self, at: usize, size: u32) -> Option<(Place, usize)> {
        memory(self.bytes, at, self.high, size, DYNAMIC)
    }

    /// The register that is part of an opcode; nothing else is extended.
    fn in_opcode(&self) -> Option<u8> {
        let reg = self.byte & 7 | self.high.base << 3;
        (self.high.reg == 0 && self.high.index == 0 && reg != RSP).then_some(reg)
    }

    fn byte_at(&self, at: usize) -> Option<i64> {
        Some(i64::from(*self.bytes.get(at)? as i8))
    }

    /// Of 64 bits.
    fn wide(&self, out: &mut Decoded) -> Option<()> {
        let Inst { bytes, high, byte, modrm, reg, rm } = *self;
        match byte {
            0xB8..=0xBF => {
                let (to, value) = (self.in_opcode()?, i64::from_le_bytes(*bytes.get(2..)?.first_chunk()?));
                out.restart(10);
                return out.push(Step::Const { to, value }).then_some(());
            }
            0x99 if high.reg | high.index | high.base == 0 => {
                out.restart(2);
                return out.push(Step::ShiftRightSigned { to: RDX, a: RAX, by: 63 }).then_some(());
            }
            _ => {}
        }
        if byte != 0x0F && modrm < 0xC0 {
            return self.with_memory(out);
        }
        // No index is extended.
        if high.index != 0 {
            return None;
        }
        match byte {
            0x81 | 0x83 => {
                let (number, end) = if byte == 0x81 { (number(bytes, 3)?, 7) } else { (self.byte_at(3)?, 4) };
                self.with_number(number, end, out)
            }
            0x0F => self.two_bytes(out),
            _ if rm == RSP => None,
            0x89 | 0x01 | 0x29 | 0x21 | 0x09 | 0x31 | 0x3B | 0x85 => {
                if reg == RSP {
                    return None;
                }
                out.restart(3);
                let (to, a, b) = (rm, rm, Src::Reg(reg));
                match byte {
                    0x89 => out.push(Step::Copy { to: Reg::Int(rm), from: Reg::Int(reg) }),
                    0x01 => sum(out, rm, b),
                    0x29 => difference(out, rm, b),
                    0x21 => out.push(Step::And { to, a, b }) && flags_of(out, to),
                    0x09 => out.push(Step::Or { to, a, b }) && flags_of(out, to),
                    0x31 => out.push(Step::Xor { to, a, b }) && flags_of(out, to),
                    // The first operand of this one is that of ModRM.reg.
                    0x3B => out.push(Step::Compare { a: Src::Reg(reg), b: Src::Reg(rm) }),
                    _ if reg == rm => flags_of(out, rm),
                    _ => out.push(Step::Test { a, b }),
                }
                .then_some(())
            }
            0x63 => {
                out.restart(3);
                let (lo, hi) = (i32::MIN.into(), i32::MAX.into());
                (reg != RSP && out.push(Step::Between { to: reg, lo, hi })).then_some(())
            }
            0x69 => {
                let b = Src::Const(number(bytes, 3)?);
                out.restart(7);
                (reg != RSP && product(out, reg, rm, b)).then_some(())
            }
            // What is left has an opcode in ModRM.reg.
            _ if high.reg != 0 => None,
            0xC7 if modrm >> 3 & 7 == 0 => {
                let value = number(bytes, 3)?;
                out.restart(7);
                out.push(Step::Const { to: rm, value }).then_some(())
            }
            0xC1 => {
                let by = *bytes.get(3)?;
                let (to, a) = (rm, rm);
                let step = match modrm >> 3 & 7 {
                    _ if by > 63 => return None,
                    4 => Step::ShiftLeft { to, a, by },
                    5 => Step::ShiftRight { to, a, by },
                    7 => Step::ShiftRightSigned { to, a, by },
                    _ => return None,
                };
                out.restart(4);
                (out.push(step) && out.push(Step::AnyFlags)).then_some(())
            }
            0xF7 if modrm >> 3 & 7 == 3 => {
                out.restart(3);
                let (a, b) = (Src::Const(0), Src::Reg(rm));
                let is_said = out.push(Step::Compare { a, b })
                    && out.push(Step::Sub { to: rm, a, b })
                    && out.push(Step::Overflow { of: rm });
                is_said.then_some(())
            }
            _ => None,
        }
    }

    /// Of 64 bits, between a register and memory.
    fn with_memory(&self, out: &mut Decoded) -> Option<()> {
        let Inst { bytes, high, byte, modrm, reg, .. } = *self;
        match byte {
            0x8B | 0x89 | 0x63 if reg != RSP => {
                let (place, end) = self.memory(2, if byte == 0x63 { 4 } else { 8 })?;
                out.restart(end as u32);
                let value = Reg::Int(reg);
                out.push(match byte {
                    0x89 => Step::Store { to: place, value: Some(Value::Reg(value)) },
                    _ => Step::Load { to: Some(value), from: place, signed: byte == 0x63 },
                })
            }
            0x8D if reg != RSP => {
                let (Place { base: Base::Reg(base), index, disp, .. }, end) = self.memory(2, 0)? else { return None };
                out.restart(end as u32);
                match index {
                    None => out.push(Step::Add { to: reg, a: base, b: Src::Const(disp), shift: 0 }),
                    Some((index, shift)) => {
                        out.push(Step::Add { to: reg, a: base, b: Src::Reg(index), shift })
                            && (disp == 0 || out.push(Step::Add { to: reg, a: reg, b: Src::Const(disp), shift: 0 }))
                    }
                }
            }
            0xC7 if modrm >> 3 & 7 == 0 && high.reg == 0 => {
                let (to, end) = self.memory(2, 8)?;
                let value = Some(Value::Const(number(bytes, end)?));
                out.restart(end as u32 + 4);
                out.push(Step::Store { to, value })
            }
            _ => return None,
        }
        .then_some(())
    }

    /// Of 64 bits, with a number.
    fn with_number(&self, number: i64, end: u32, out: &mut Decoded) -> Option<()> {
        let (to, a, b) = (self.rm, self.rm, Src::Const(number));
        if self.high.reg != 0 {
            return None;
        }
        out.restart(end);
        match (self.modrm >> 3 & 7, to) {
            (which @ (0 | 5), RSP) if number > 0 => {
                out.push(Step::MoveStack { by: if which == 5 { -number } else { number } }) && out.push(Step::AnyFlags)
            }
            (_, RSP) => return None,
            (0, _) => sum(out, to, b),
            (5, _) => difference(out, to, b),
            (1, _) => out.push(Step::Or { to, a, b }) && flags_of(out, to),
            (4, _) => out.push(Step::And { to, a, b }) && flags_of(out, to),
            (6, _) => out.push(Step::Xor { to, a, b }) && flags_of(out, to),
            (7, _) if self.byte == 0x81 => out.push(Step::Compare { a: Src::Reg(to), b }),
            _ => return None,
        }
        .then_some(())
    }

    /// Of 64 bits, with an opcode of two bytes: products and choices.
    fn two_bytes(&self, out: &mut Decoded) -> Option<()> {
        let (byte, modrm) = (self.modrm, *self.bytes.get(3)?);
        let (reg, rm) = (modrm >> 3 & 7 | self.high.reg << 3, modrm & 7 | self.high.base << 3);
        if modrm < 0xC0 || reg == RSP || rm == RSP {
            return None;
        }
        let cond = match byte {
            0xAF => {
                out.restart(4);
                return product(out, reg, reg, Src::Reg(rm)).then_some(());
            }
            0x44 => Cond::Eq,
            0x45 => Cond::Ne,
            0x4C => Cond::Lt,
            0x4E => Cond::Le,
            0x4F => Cond::Gt,
            0x4D => Cond::Ge,
            0x47 => Cond::Above,
            0x43 => Cond::AboveEq,
            0x4A => Cond::Other,
            0x48 => Cond::Negative,
            _ => return None,
        };
        out.restart(4);
        out.push(Step::Select { to: reg, yes: Src::Reg(rm), no: Src::Reg(reg), cond }).then_some(())
    }

    /// Of 32 bits or fewer.
    fn narrow(&self, out: &mut Decoded) -> Option<()> {
        let Inst { bytes, high, byte, modrm, reg, rm } = *self;
        match byte {
            0xB8..=0xBF => {
                let (to, value) = (self.in_opcode()?, number(bytes, 2)? & 0xFFFF_FFFF);
                if to == COUNTER && bytes.get(6..8) == Some(&[0x48, 0x81]) {
                    return None;
                }
                out.restart(6);
                out.push(Step::Const { to, value })
            }
            0x89 if modrm >= 0xC0 => {
                out.restart(3);
                let is_plain = high.index == 0 && reg != RSP && rm != RSP;
                is_plain && out.push(Step::ZeroExtend { to: rm, from: reg, bits: 32 })
            }
            0x88 | 0x89 if modrm < 0xC0 && reg != RSP => {
                let (to, end) = self.memory(2, if byte == 0x88 { 1 } else { 4 })?;
                out.restart(end as u32);
                out.push(Step::Store { to, value: Some(Value::Reg(Reg::Int(reg))) })
            }
            0x31 if modrm >= 0xC0 && high.index == 0 && rm != RSP && reg == rm => {
                out.restart(3);
                out.push(Step::Const { to: rm, value: 0 }) && out.push(Step::AnyFlags)
            }
            0x0F => return self.bytes_of(out),
            // What is left has two registers, or a register and a number.
            _ if modrm < 0xC0 || high.index != 0 || rm == RSP => return None,
            0x85 if reg == rm => {
                out.restart(3);
                out.push(Step::Test { a: rm, b: Src::Const(u32::MAX.into()) })
            }
            0xF6 if reg == 0 => {
                let number = i64::from(*bytes.get(3)?);
                out.restart(4);
                out.push(Step::Test { a: rm, b: Src::Const(number) })
            }
            0x83 if reg == 4 => {
                let number = self.byte_at(3)? & 0xFFFF_FFFF;
                out.restart(4);
                out.push(Step::And { to: rm, a: rm, b: Src::Const(number) }) && out.push(Step::AnyFlags)
            }
            _ => return None,
        }
        .then_some(())
    }

    /// One byte, zero-extended; or a condition as one byte.
    fn bytes_of(&self, out: &mut Decoded) -> Option<()> {
        let (byte, modrm) = (self.modrm, *self.bytes.get(3)?);
        let (reg, rm) = (modrm >> 3 & 7 | self.high.reg << 3, modrm & 7 | self.high.base << 3);
        match byte {
            0xB6 if modrm < 0xC0 && reg != RSP => {
                let (from, end) = self.memory(3, 1)?;
                out.restart(end as u32);
                out.push(Step::Load { to: Some(Reg::Int(reg)), from, signed: false })
            }
            _ if self.high.index != 0 || rm == RSP || modrm < 0xC0 => return None,
            0xB6 => {
                out.restart(4);
                reg != RSP && out.push(Step::ZeroExtend { to: reg, from: rm, bits: 8 })
            }
            0x93..=0x95 | 0x97 | 0x9A..=0x9F if reg == 0 => {
                out.restart(4);
                out.push(Step::Any(Reg::Int(rm)))
            }
            _ => return None,
        }
        .then_some(())
    }
}

fn sum(out: &mut Decoded, to: u8, b: Src) -> bool {
    out.push(Step::AnyFlags) && out.push(Step::Add { to, a: to, b, shift: 0 }) && out.push(Step::Overflow { of: to })
}

fn difference(out: &mut Decoded, to: u8, b: Src) -> bool {
    let a = Src::Reg(to);
    out.push(Step::Compare { a, b }) && out.push(Step::Sub { to, a, b }) && out.push(Step::Overflow { of: to })
}

fn product(out: &mut Decoded, to: u8, a: u8, b: Src) -> bool {
    out.push(Step::AnyFlags) && out.push(Step::Multiply { to, a, b }) && out.push(Step::Overflow { of: to })
}

/// How a result stands to zero.
fn flags_of(out: &mut Decoded, of: u8) -> bool {
    out.push(Step::Compare { a: Src::Reg(of), b: Src::Const(0) })
}
