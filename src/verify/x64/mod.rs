//! x86-64: instructions decoded by iced-x86, and the list of forms that may stand in generated code.
//!
//! [`forms`] lists the forms, a row each: whatever is not there is refused. [`encoding`] refuses what is listed but not encoded as our emitter does it: prefixes
//! that are not part of the form, longer encodings of the same instruction, bits that the processor ignores. [`translate`] says what each form does.
//!
//! ABI: Intel SDM volume 2.

mod encoding;
pub mod forms;
mod quick;
mod registers;
mod translate;
mod vectors;

use super::step::{Decode, Decoded, Refused};
use crate::lazy::Lazy;
use forms::Row;
use iced_x86::{Decoder, DecoderOptions, Instruction};
use std::cell::{OnceCell, RefCell};
use std::ops::Range;

/// The tables of iced-x86's decoder, which it makes at its first use: behind the gate that `fork` closes.
static TABLES: Lazy<()> = Lazy::new(|| {
    if let Ok(mut decoder) = Decoder::try_with_ip(64, &[0x90], 0, DecoderOptions::NONE) {
        let _ = decoder.decode();
    }
});

/// Decodes instructions in code that lies, or will lie, at an address, with its pool of constants at others.
pub struct X64Decoder<'c> {
    /// How far behind the code's first byte the pool begins.
    pool_at: i64,
    /// Bytes of it.
    pool_len: u64,
    /// Whether vectors are of 512 bits, with mask registers; else of 256 bits, and those instructions are not listed.
    is_wide: bool,
    /// The code that it is for, and the general decoder for it, from its first use on: to make one costs more than to decode an instruction.
    own: Option<&'c [u8]>,
    general: OnceCell<RefCell<Decoder<'c>>>,
}

impl X64Decoder<'_> {
    /// For code at this address, whose pool takes these addresses. `is_wide`: the code may use AVX-512.
    pub fn new(code_address: u64, pool: Range<u64>, is_wide: bool) -> Self {
        X64Decoder {
            pool_at: pool.start.wrapping_sub(code_address) as i64,
            pool_len: pool.end.saturating_sub(pool.start),
            is_wide,
            own: None,
            general: OnceCell::new(),
        }
    }

    /// The same, but faster with this code.
    pub fn over<'c>(self, code: &'c [u8]) -> X64Decoder<'c> {
        let X64Decoder { pool_at, pool_len, is_wide, .. } = self;
        X64Decoder { pool_at, pool_len, is_wide, own: Some(code), general: OnceCell::new() }
    }

    /// The instruction at an offset, whatever it is.
    fn any(&self, code: &[u8], offset: usize, inst: &mut Instruction) -> Result<(), Refused> {
        let () = *TABLES;
        match self.own {
            Some(own) if std::ptr::eq(own, code) => {
                let decoder = match self.general.get() {
                    Some(decoder) => decoder,
                    None => {
                        let decoder = Decoder::try_with_ip(64, own, 0, DecoderOptions::NONE);
                        let decoder = decoder.map_err(|_| Refused::Invalid)?;
                        self.general.get_or_init(|| RefCell::new(decoder))
                    }
                };
                let mut decoder = decoder.try_borrow_mut().map_err(|_| Refused::Invalid)?;
                // One behind the other, there is nothing to set.
                if decoder.position() != offset {
                    decoder.set_position(offset).map_err(|_| Refused::Invalid)?;
                }
                decoder.set_ip(offset as u64);
                decoder.decode_out(inst);
            }
            _ => {
                let rest = code.get(offset..).ok_or(Refused::Invalid)?;
                Decoder::try_with_ip(64, rest, offset as u64, DecoderOptions::NONE)
                    .map_err(|_| Refused::Invalid)?
                    .decode_out(inst);
            }
        }
        if inst.is_invalid() { Err(Refused::Invalid) } else { Ok(()) }
    }

    /// The instruction at an offset, its row and its bytes.
    fn listed<'a>(
        &self,
        code: &'a [u8],
        offset: usize,
        inst: &mut Instruction,
    ) -> Result<(&'static Row, &'a [u8]), Refused> {
        self.any(code, offset, inst)?;
        let row = forms::row(inst.code()).filter(|row| self.is_wide || !row.is_wide()).ok_or(Refused::NotListed)?;
        let bytes = code.get(offset..).and_then(|rest| rest.get(..inst.len())).ok_or(Refused::Invalid)?;
        if !encoding::is_ours(bytes, row) {
            return Err(Refused::Form);
        }
        Ok((row, bytes))
    }
}

impl Decode for X64Decoder<'_> {
    fn decode_into(&self, code: &[u8], offset: u32, out: &mut Decoded) -> Result<(), Refused> {
        if self.own.is_some() && quick::decode(self, code, offset as usize, out).is_some() {
            return Ok(());
        }
        self.decode_generally(code, offset, out)
    }
}

impl X64Decoder<'_> {
    #[inline(never)]
    fn decode_generally(&self, code: &[u8], offset: u32, out: &mut Decoded) -> Result<(), Refused> {
        let mut inst = Instruction::default();
        let (row, bytes) = self.listed(code, offset as usize, &mut inst)?;
        out.restart(inst.len() as u32);
        translate::translate(self, code, &inst, row, bytes, out)
    }
}
