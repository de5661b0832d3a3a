//! AArch64: words decoded by a table of those that may stand in generated code ([`forms`]), and the few sequences that count as one instruction.
//!
//! Such a unit is a constant of several words, an address of the pool with the load from it, the loop that touches a large frame's pages, and what gives such a
//! frame back. Their later words are no instructions by themselves, so that nothing can branch between.

pub mod forms;
mod index;
mod translate;

use super::step::{Decode, Decoded, Refused, Reg, Step};
use forms::Form;
use translate::{At, Meaning, Word, put, translate};

/// `sub sp, sp, #1, lsl #12`, `ldr xzr, [sp]`, `subs x16, x16, #1`, `b.ne` back to the first.
const PROBE_LOOP: [u32; 4] = [0xD140_07FF, 0xF940_03FF, 0xF100_0610, 0x54FF_FFA1];
/// The counter of that loop, and what constants and addresses of calls go through.
const SCRATCH: u8 = 16;
/// What large offsets go through.
const OFFSET: u8 = 17;
/// The bytes of a page that the loop touches.
const PAGE: u64 = 4096;
/// Frames are smaller than this.
const LARGEST_FRAME: u64 = 1 << 32;

/// A decoder of code that lies at an address and reads a pool that lies at another.
#[derive(Clone, Copy, Debug)]
pub struct A64Decoder {
    code: u64,
    pool: u64,
    pool_len: u64,
}

impl A64Decoder {
    /// For code whose first byte lies at `code`, and a pool of so many bytes at `pool`.
    pub const fn new(code: u64, pool: u64, pool_len: u64) -> A64Decoder {
        A64Decoder { code, pool, pool_len }
    }

    /// A constant: a word that sets the whole register, and words that each set 16 bits more, upwards. Behind it what is part of it.
    fn constant(code: &[u8], offset: u32, meaning: Meaning, first: Word, out: &mut Decoded) -> Result<(), Refused> {
        let to = first.d();
        let (bits, mut last) = first.wide();
        let (mut value, filler) = match meaning {
            Meaning::Wide { ones: true } => (!(bits << last), 0xFFFF),
            Meaning::Wide { ones: false } => (bits << last, 0),
            _ => (first.bitmask()? as u64, 0),
        };
        let mut len = 4;
        while let (Some((Meaning::Keep, word)), true) = (next(code, offset, len), meaning != Meaning::Bitmask) {
            let (bits, shift) = word.wide();
            if word.d() != to || shift <= last || bits == filler {
                return Err(Refused::Form);
            }
            value = value & !(0xFFFF << shift) | bits << shift;
            (len, last) = (len + 4, shift);
        }
        let constant = Step::Const { to, value: value as i64 };
        match next(code, offset, len) {
            Some((Meaning::RaiseByConst, _)) if to == OFFSET && value < LARGEST_FRAME && value.is_multiple_of(16) => {
                out.len = len + 4;
                put(out, &[constant, Step::MoveStack { by: value as i64 }])
            }
            Some((Meaning::MoveStack { down: true }, page)) if to == SCRATCH && page.0 == PROBE_LOOP[0] => {
                let whole = (0..4).all(|i| word_at(code, offset, len + i * 4) == PROBE_LOOP.get(i as usize).copied());
                if !whole || value == 0 || value >= LARGEST_FRAME / PAGE {
                    return Err(Refused::Form);
                }
                out.len = len + 16;
                put(out, &[Step::Probe { bytes: value * PAGE, counter: to }, Step::AnyFlags])
            }
            _ => {
                out.len = len;
                put(out, &[constant])
            }
        }
    }

    /// The address of a page, and a load of a word there, which lies in the pool.
    fn pool(&self, code: &[u8], offset: u32, first: Word, out: &mut Decoded) -> Result<(), Refused> {
        let page = first.d();
        let Some((meaning, load)) = next(code, offset, 4) else { return Err(Refused::Form) };
        let here = self.code.wrapping_add(offset.into()) & !(PAGE - 1);
        let address = here.wrapping_add((first.pages() << 12) as u64).wrapping_add(u64::from(load.field(10, 12)) * 8);
        let offset = address.wrapping_sub(self.pool);
        if load.n() != page || !offset.is_multiple_of(8) || self.pool_len < 8 || offset > self.pool_len - 8 {
            return Err(Refused::Form);
        }
        out.len = 8;
        let read = |to: Reg| Step::LoadPool { to: Some(to), offset: offset as i64, bytes: 8 };
        match meaning {
            Meaning::LoadWord if load.d() == page => put(out, &[read(Reg::Int(page))]),
            Meaning::LoadVector { log: 3, .. } if page == SCRATCH => {
                put(out, &[Step::Any(Reg::Int(page)), read(Reg::Vector(load.d()))])
            }
            _ => Err(Refused::Form),
        }
    }
}

/// The word so far behind an instruction.
fn word_at(code: &[u8], offset: u32, behind: u32) -> Option<u32> {
    let at = (offset as usize).checked_add(behind as usize)?;
    code.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// That word and its meaning, if it is a listed one.
fn next(code: &[u8], offset: u32, behind: u32) -> Option<(Meaning, Word)> {
    let word = word_at(code, offset, behind)?;
    index::find(word).map(|form| (form.meaning, Word(word)))
}

/// The row of a word that stands at this offset in so many bytes of code, and what it does there; nothing where it is a word of a unit, which does it.
///
/// # Errors
/// No row fits, or a field is one that no emitter makes.
pub fn decode_word(word: u32, offset: u32, end: u32) -> Result<(&'static Form, Decoded), Refused> {
    let form = index::find(word).ok_or(Refused::NotListed)?;
    let mut decoded = Decoded::new(4);
    translate(form.meaning, Word(word), At { offset, end }, &mut decoded)?;
    Ok((form, decoded))
}

impl Decode for A64Decoder {
    fn decode_into(&self, code: &[u8], offset: u32, out: &mut Decoded) -> Result<(), Refused> {
        let word = word_at(code, offset, 0).filter(|_| offset.is_multiple_of(4)).ok_or(Refused::Invalid)?;
        let end = u32::try_from(code.len()).map_err(|_| Refused::Invalid)?;
        let form = index::find(word).ok_or(Refused::NotListed)?;
        let (meaning, word) = (form.meaning, Word(word));
        out.restart(4);
        translate(meaning, word, At { offset, end }, out)?;
        match meaning {
            Meaning::Wide { .. } | Meaning::Bitmask => A64Decoder::constant(code, offset, meaning, word, out),
            Meaning::PoolPage => self.pool(code, offset, word, out),
            Meaning::Keep | Meaning::RaiseByConst => Err(Refused::Form),
            _ => Ok(()),
        }
    }
}
