//! x86-64: instructions decoded by iced-x86, and the list of forms that may stand in generated code.
//!
//! [`forms`] lists the forms, a row each: whatever is not there is refused. [`encoding`] refuses what is listed but not encoded as our emitter does it: prefixes
//! that are not part of the form, longer encodings of the same instruction, bits that the processor ignores. [`translate`] says what each form does.
//!
//! ABI: Intel SDM volume 2.

mod encoding;
pub mod forms;
mod registers;
mod translate;
mod vectors;

use super::step::{Decode, Decoded, Refused};
use forms::Row;
use iced_x86::{Decoder, DecoderOptions, Instruction};
use std::ops::Range;

/// The longest instruction that there is.
const LONGEST: usize = 15;

/// Decodes instructions in code that lies, or will lie, at an address, with its pool of constants at others.
#[derive(Clone, Debug)]
pub struct X64Decoder {
    /// How far behind the code's first byte the pool begins.
    pool_at: i64,
    /// Bytes of it.
    pool_len: u64,
    /// Whether vectors are of 512 bits, with mask registers; else of 256 bits, and those instructions are not listed.
    is_wide: bool,
}

impl X64Decoder {
    /// For code at this address, whose pool takes these addresses. `is_wide`: the code may use AVX-512.
    pub fn new(code_address: u64, pool: Range<u64>, is_wide: bool) -> X64Decoder {
        X64Decoder {
            pool_at: pool.start.wrapping_sub(code_address) as i64,
            pool_len: pool.end.saturating_sub(pool.start),
            is_wide,
        }
    }

    /// The instruction at an offset, its row and its bytes.
    fn listed<'c>(&self, code: &'c [u8], offset: usize) -> Result<(Instruction, &'static Row, &'c [u8]), Refused> {
        let rest = code.get(offset..).filter(|rest| !rest.is_empty()).ok_or(Refused::Invalid)?;
        let bytes = rest.get(..LONGEST).unwrap_or(rest);
        let mut decoder =
            Decoder::try_with_ip(64, bytes, offset as u64, DecoderOptions::NONE).map_err(|_| Refused::Invalid)?;
        let mut inst = Instruction::default();
        decoder.decode_out(&mut inst);
        if inst.is_invalid() {
            return Err(Refused::Invalid);
        }
        let row = forms::row(inst.code()).filter(|row| self.is_wide || !row.is_wide()).ok_or(Refused::NotListed)?;
        let bytes = bytes.get(..inst.len()).ok_or(Refused::Invalid)?;
        if !encoding::is_ours(bytes, row) {
            return Err(Refused::Form);
        }
        Ok((inst, row, bytes))
    }
}

impl Decode for X64Decoder {
    fn decode(&self, code: &[u8], offset: u32) -> Result<Decoded, Refused> {
        let (inst, row, bytes) = self.listed(code, offset as usize)?;
        translate::translate(self, code, &inst, row, bytes)
    }
}
