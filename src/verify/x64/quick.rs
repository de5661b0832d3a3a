//! The forms that most code consists of, decoded from their bytes at a tenth of what a general decoder takes. What is accepted here is what [`X64Decoder::listed`] accepts, and means
//! the same, byte for byte (`tests/decode/quick.rs` holds both against each other); all else is left to it.

mod integers;
mod vectors;

use super::super::step::{Base, Decoded, Place};
use super::X64Decoder;
use super::registers::RSP;

/// Decodes the instruction, if it is one of these.
pub(super) fn decode(decoder: &X64Decoder<'_>, code: &[u8], offset: usize, out: &mut Decoded) -> Option<()> {
    let bytes = code.get(offset..)?;
    match *bytes.first()? {
        0xC4 | 0xC5 => vectors::vex(decoder, bytes, offset, out),
        0x62 if decoder.is_wide => vectors::evex(decoder, bytes, offset, out),
        _ => integers::decode(decoder, bytes, offset, code.len(), out),
    }
}

/// What prefixes add to ModRM's registers: 1 where a bit extends a number.
#[derive(Clone, Copy)]
struct Extension {
    reg: u8,
    index: u8,
    base: u8,
}

/// An address relative to the next instruction.
fn is_relative(modrm: u8) -> bool {
    modrm & 0xC7 == 5
}

/// Who may have encoded an instruction: dynasm (an index byte and a displacement always), or the table of vector instructions (the shortest of everything).
#[derive(Clone, Copy)]
struct Makers {
    dynamic: bool,
    shortest: bool,
}

/// A number of four bytes.
fn number(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from(i32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)))
}

/// Memory at registers, from ModRM on, and where it ends.
fn memory(bytes: &[u8], at: usize, high: Extension, size: u32, makers: Makers) -> Option<(Place, usize)> {
    let modrm = *bytes.get(at)?;
    let (mode, rm) = (modrm >> 6, modrm & 7);
    let (low, index, behind) = if rm == 4 {
        let sib = *bytes.get(at + 1)?;
        let index = sib >> 3 & 7 | high.index << 3;
        let is_without = index == RSP;
        if is_without && (sib >> 6 != 0 || !makers.dynamic && sib & 7 != 4) {
            return None;
        }
        (sib & 7, (!is_without).then_some((index, sib >> 6)), at + 2)
    } else {
        if high.index != 0 || !makers.shortest {
            return None;
        }
        (rm, None, at + 1)
    };
    // Without a displacement this would be no base at all.
    if mode == 0 && low == 5 {
        return None;
    }
    let (disp, end) = match mode {
        0 => (0, behind),
        1 => (i64::from(*bytes.get(behind)? as i8), behind + 1),
        _ => (number(bytes, behind)?, behind + 4),
    };
    let is_dynamic = makers.dynamic && rm == 4 && mode != 0;
    let is_shortest = makers.shortest
        && match mode {
            0 => true,
            1 => disp != 0 || low == 5,
            _ => i8::try_from(disp).is_err(),
        };
    if !is_dynamic && !is_shortest {
        return None;
    }
    let base = match (low | high.base << 3, index) {
        (RSP, None) => Base::Stack,
        (RSP, Some(_)) => return None,
        (base, _) => Base::Reg(base),
    };
    Some((Place { base, index, disp, bytes: size }, end))
}

impl X64Decoder<'_> {
    /// Where in the pool so many bytes lie: at a distance from the end of an instruction.
    fn pool_at(&self, end: usize, distance: i64, size: u32) -> Option<i64> {
        let from = (end as i64).checked_add(distance)?.wrapping_sub(self.pool_at);
        let behind = u64::try_from(from).ok()?.checked_add(u64::from(size))?;
        (behind <= self.pool_len).then_some(from)
    }
}
