//! Whether an instruction's bytes are those that the emitter makes for it, of the several encodings that a processor takes for the same.
//!
//! Two makers encode. dynasm, for registers that are known when it runs only: a REX prefix even if no bit of it is set, VEX of three bytes, an index byte, and a
//! displacement even of zero. And the table of vector instructions: the shortest of everything. Bits that the processor ignores are as if what they extend were the
//! lowest register.

use super::forms::{Row, Space, flag};

/// The fields that prefixes carry, as the processor adds them to ModRM: 1 where a bit extends a number.
#[derive(Clone, Copy, Default)]
struct Extension {
    reg: u8,
    index: u8,
    base: u8,
}

/// The bytes of one whole instruction, of which the decoder made the row's form.
pub(super) fn is_ours(bytes: &[u8], row: &Row) -> bool {
    let is_ours = match row.space {
        Space::Legacy => legacy(bytes, row),
        Space::Vex => vex(bytes, row),
        Space::Evex => evex(bytes, row),
        Space::Exact => Some(true),
    };
    is_ours.unwrap_or(false)
}

/// Any byte that could stand before an opcode.
fn is_prefix(byte: u8) -> bool {
    matches!(byte, 0x26 | 0x2E | 0x36 | 0x3E | 0x40..=0x4F | 0x64..=0x67 | 0xF0 | 0xF2 | 0xF3)
}

fn legacy(mut bytes: &[u8], row: &Row) -> Option<bool> {
    if row.has(flag::F3) {
        let (&prefix, rest) = bytes.split_first()?;
        if prefix != 0xF3 {
            return Some(false);
        }
        bytes = rest;
    }
    let mut high = Extension::default();
    if row.has(flag::W | flag::REX) {
        let (&rex, rest) = bytes.split_first()?;
        if rex & 0xF8 != 0x40 | u8::from(row.has(flag::W)) << 3 {
            return Some(false);
        }
        high = Extension { reg: rex >> 2 & 1, index: rex >> 1 & 1, base: rex & 1 };
        bytes = rest;
    }
    let (&opcode, mut rest) = bytes.split_first()?;
    if is_prefix(opcode) {
        return Some(false);
    }
    if opcode == 0x0F {
        let (&second, behind) = rest.split_first()?;
        rest = if matches!(second, 0x38 | 0x3A) { behind.get(1..)? } else { behind };
    }
    if row.has(flag::NO_MODRM) {
        return Some(high.reg == 0 && high.index == 0 && (high.base == 0 || row.has(flag::OPCODE_REG)));
    }
    operands(rest, row, high, 0, row.makers())
}

fn vex(bytes: &[u8], row: &Row) -> Option<bool> {
    let (high, fields, map, rest) = match bytes {
        // What is bit W of the longer prefix is R here.
        [0xC5, fields, _, rest @ ..] => {
            (Extension { reg: 1 - (fields >> 7), ..Extension::default() }, fields & 0x7F, None, rest)
        }
        [0xC4, high, fields, _, rest @ ..] => {
            let extension = Extension { reg: 1 - (high >> 7), index: 1 - (high >> 6 & 1), base: 1 - (high >> 5 & 1) };
            (extension, *fields, Some(high & 31), rest)
        }
        _ => return Some(false),
    };
    if fields >> 7 != u8::from(row.has(flag::W)) || fields >> 2 & 1 != row.length() {
        return Some(false);
    }
    let could_be_short = map == Some(1) && high.index == 0 && high.base == 0 && fields >> 7 == 0;
    if row.has(flag::NO_MODRM) {
        return Some(!could_be_short && high.reg == 0);
    }
    // dynasm takes the shorter prefix only where ModRM.rm is no register at all.
    let is_relative = is_relative(*rest.first()?);
    let makers = match map {
        None if is_relative => row.makers(),
        None => row.makers() & flag::SHORTEST,
        Some(_) if !could_be_short => row.makers(),
        Some(_) if is_relative => return Some(false),
        Some(_) => row.makers() & flag::DYNAMIC,
    };
    operands(rest, row, high, row.bytes, makers)
}

fn evex(bytes: &[u8], row: &Row) -> Option<bool> {
    let [0x62, p0, p1, p2, _, rest @ ..] = bytes else { return Some(false) };
    let high = Extension { reg: 1 - (p0 >> 7), index: 1 - (p0 >> 6 & 1), base: 1 - (p0 >> 5 & 1) };
    let is_broadcast = p2 >> 4 & 1 == 1;
    let mask = p2 & 7;
    let reg_is_low = p0 >> 4 & 1 == 1;
    let ours = p0 & 8 == 0
        && p1 & 4 != 0
        && p1 >> 7 == u8::from(row.has(flag::W))
        && p2 >> 5 & 3 == row.length()
        && (reg_is_low || !row.has(flag::GROUP | flag::REG_IS_MASK))
        && (!is_broadcast || row.has(flag::BROADCAST))
        && match (mask, p2 >> 7) {
            (0, zero) => zero == 0 && row.has(flag::UNMASKED),
            (_, 0) => row.has(flag::MERGED),
            _ => row.has(flag::ZEROED),
        };
    if !ours {
        return Some(false);
    }
    let Some(&modrm) = rest.first() else { return Some(false) };
    // With a register that bit means rounding of its own.
    if (is_broadcast && !is_relative(modrm)) || (!is_broadcast && is_relative(modrm) && !row.has(flag::POOL)) {
        return Some(false);
    }
    operands(rest, row, high, if is_broadcast { 8 } else { row.bytes }, row.makers())
}

/// An address relative to the next instruction.
fn is_relative(modrm: u8) -> bool {
    modrm & 0xC7 == 5
}

/// From ModRM on. `unit`: what a displacement of one byte counts in, with EVEX; `makers`: who made what stands before.
fn operands(bytes: &[u8], row: &Row, high: Extension, unit: u8, makers: u32) -> Option<bool> {
    let by = |maker| makers & maker != 0;
    if !by(flag::DYNAMIC | flag::SHORTEST) && !is_relative(*bytes.first()?) {
        return Some(false);
    }
    let (&modrm, rest) = bytes.split_first()?;
    let (mode, rm) = (modrm >> 6, modrm & 7);
    if row.has(flag::GROUP | flag::REG_IS_MASK) && high.reg != 0 {
        return Some(false);
    }
    if row.has(flag::REG_ZERO) && modrm >> 3 & 7 != 0 {
        return Some(false);
    }
    if row.has(flag::IS4) && bytes.last()? & 15 != 0 {
        return Some(false);
    }
    if mode == 3 {
        // With EVEX the index's bit is the fifth of a vector register.
        let has_fifth = row.space == Space::Evex && !row.has(flag::RM_IS_MASK | flag::RM_IS_GENERAL);
        let is_high_mask = high.base != 0 && row.has(flag::RM_IS_MASK);
        return Some(row.has(flag::REGISTER) && !is_high_mask && (high.index == 0 || has_fifth));
    }
    if is_relative(modrm) {
        return Some(row.has(flag::POOL | flag::BROADCAST) && high.index == 0 && high.base == 0);
    }
    if !row.has(flag::MEMORY) {
        return Some(false);
    }
    let has_sib = rm == 4;
    let (base, rest) = if has_sib {
        let (&sib, rest) = rest.split_first()?;
        let is_without_index = sib >> 3 & 7 == 4 && high.index == 0 && !row.has(flag::GATHER);
        if is_without_index && (sib >> 6 != 0 || !(by(flag::DYNAMIC) || sib & 7 == 4)) {
            return Some(false);
        }
        (sib & 7, rest)
    } else {
        // dynasm does not know whether the base is one of those that need the index byte.
        if high.index != 0 || !by(flag::SHORTEST) {
            return Some(false);
        }
        (rm, rest)
    };
    // Without a displacement this would be no base at all.
    if mode == 0 && base == 5 {
        return Some(false);
    }
    if by(flag::DYNAMIC) && has_sib && mode != 0 {
        return Some(true);
    }
    if !by(flag::SHORTEST) {
        return Some(false);
    }
    Some(match mode {
        0 => true,
        1 => *rest.first()? != 0 || base == 5,
        _ => {
            let disp = i32::from_le_bytes(*rest.first_chunk()?);
            let unit = if row.space == Space::Evex { i32::from(unit.max(1)) } else { 1 };
            disp % unit != 0 || i8::try_from(disp / unit).is_err()
        }
    })
}
