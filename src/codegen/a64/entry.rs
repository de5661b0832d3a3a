//! Entering and leaving functions, and moves between registers and the frame.

use super::abi::{CTX, FTMP, LINK, SP, TMP, TMP2, ZERO};
use super::immediates::{is_add, is_float, is_logical, is_word_offset};
use super::{A64, asm};
use crate::codegen::blob::PoolEntry;
use crate::codegen::frame::{Frame, PROBE};
use crate::codegen::target::Context;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use regalloc2::{Allocation, PReg, RegClass};

/// Probes up to this many pages one after the other, more of them in a loop.
const UNROLLED_PROBES: u32 = 4;

/// The frame that one instruction makes: the return address and one word.
const SMALLEST_FRAME: u32 = 16;

/// The `hint` that is `bti c`, which an indirect call may go to.
const BTI_C: u32 = 34;

impl A64 {
    /// Lowers the stack pointer, touching each page on the way: a guard page is met, not stepped over.
    fn grow_stack(&mut self, size: u32) {
        let pages = size / PROBE;
        #[cfg(debug_assertions)]
        if pages > 0 && crate::codegen::planted::is(crate::codegen::planted::Bug::MissingProbe) {
            self.load_const(TMP, i64::from(size));
            asm!(self, sub sp, sp, X(TMP), uxtx);
            return;
        }
        if pages > 0 {
            // Nobody may have touched the lowest page of the caller's frame.
            asm!(self, ldr xzr, [sp]);
        }
        if pages <= UNROLLED_PROBES {
            for _ in 0..pages {
                asm!(self, sub sp, sp, PROBE >> 12, lsl 12; ldr xzr, [sp]);
            }
        } else {
            let again = self.label();
            self.load_const(TMP, i64::from(pages));
            self.bind(again);
            asm!(self, sub sp, sp, PROBE >> 12, lsl 12; ldr xzr, [sp]; subs X(TMP), XSP(TMP), 1; b.ne =>again);
        }
        let rest = size % PROBE;
        if rest > 0 {
            asm!(self, sub sp, sp, rest);
        }
    }

    fn shrink_stack(&mut self, size: u32) {
        if size >= 1 << 24 {
            self.load_const(TMP2, i64::from(size));
            asm!(self, add sp, sp, X(TMP2), uxtx);
            return;
        }
        let (high, low) = (size >> 12, size & 0xFFF);
        if high > 0 {
            asm!(self, add sp, sp, high, lsl 12);
        }
        if low > 0 {
            asm!(self, add sp, sp, low);
        }
    }

    pub(super) fn emit_prologue(&mut self, frame: &Frame) {
        if frame.size == SMALLEST_FRAME {
            asm!(self, stp xzr, X(LINK), [sp, -16]!);
        } else {
            self.grow_stack(frame.size);
            self.store(LINK, SP, frame.size - 8);
        }
        for (reg, offset) in &frame.saved {
            match reg.class() {
                RegClass::Float => self.store_float(reg.hw_enc() as u8, SP, *offset),
                _ => self.store(reg.hw_enc() as u8, SP, *offset),
            }
        }
    }

    pub(super) fn emit_epilogue(&mut self, frame: &Frame) {
        for (reg, offset) in &frame.saved {
            match reg.class() {
                RegClass::Float => self.load_float(reg.hw_enc() as u8, SP, *offset),
                _ => self.load(reg.hw_enc() as u8, SP, *offset),
            }
        }
        if frame.size == 0 {
            asm!(self, ret);
        } else if frame.size == SMALLEST_FRAME {
            asm!(self, ldp xzr, X(LINK), [sp], 16; ret);
        } else {
            self.load(LINK, SP, frame.size - 8);
            self.shrink_stack(frame.size);
            asm!(self, ret);
        }
    }

    /// Code lies in pages where an indirect call must meet one of these.
    pub(super) fn landing_pad(&mut self) {
        asm!(self, hint BTI_C);
    }

    pub(super) fn emit_copy(&mut self, from: Allocation, to: Allocation, class: RegClass, frame: &Frame) {
        let number = |reg: PReg| reg.hw_enc() as u8;
        let slot = |alloc: Allocation| alloc.as_stack().map(|slot| frame.slot(slot));
        if frame.lanes > 1 && class == RegClass::Float {
            return self.copy_lanes(from, to, frame);
        }
        let is_float = class == RegClass::Float;
        match (from.as_reg(), to.as_reg(), slot(from), slot(to)) {
            (Some(from), Some(to), ..) if is_float => self.copy_float(number(to), number(from)),
            (Some(from), Some(to), ..) => self.copy_int(number(to), number(from)),
            (Some(from), _, _, Some(to)) if is_float => self.store_float(number(from), SP, to),
            (Some(from), _, _, Some(to)) => self.store(number(from), SP, to),
            (_, Some(to), Some(from), _) if is_float => self.load_float(number(to), SP, from),
            (_, Some(to), Some(from), _) => self.load(number(to), SP, from),
            _ => {}
        }
    }

    pub(super) fn copy_int(&mut self, to: u8, from: u8) {
        if to != from {
            asm!(self, mov X(to), X(from));
        }
    }

    pub(super) fn copy_float(&mut self, to: u8, from: u8) {
        if to != from {
            asm!(self, fmov D(to), D(from));
        }
    }

    /// `to = [base + offset]`; the base may be the stack pointer.
    pub(super) fn load(&mut self, to: u8, base: u8, offset: u32) {
        if is_word_offset(offset) {
            asm!(self, ldr X(to), [XSP(base), offset]);
        } else {
            self.load_const(TMP2, i64::from(offset));
            asm!(self, ldr X(to), [XSP(base), X(TMP2)]);
        }
    }

    /// `[base + offset] = from`
    pub(super) fn store(&mut self, from: u8, base: u8, offset: u32) {
        if is_word_offset(offset) {
            asm!(self, str X(from), [XSP(base), offset]);
        } else {
            self.load_const(TMP2, i64::from(offset));
            asm!(self, str X(from), [XSP(base), X(TMP2)]);
        }
    }

    /// `[base + offset] = value`
    pub(super) fn store_const(&mut self, value: i64, base: u8, offset: u32) {
        if value == 0 {
            return self.store(ZERO, base, offset);
        }
        self.load_const(TMP, value);
        self.store(TMP, base, offset);
    }

    /// `to = [base + offset]`
    pub(super) fn load_float(&mut self, to: u8, base: u8, offset: u32) {
        if is_word_offset(offset) {
            asm!(self, ldr D(to), [XSP(base), offset]);
        } else {
            self.load_const(TMP2, i64::from(offset));
            asm!(self, ldr D(to), [XSP(base), X(TMP2)]);
        }
    }

    /// `[base + offset] = from`
    pub(super) fn store_float(&mut self, from: u8, base: u8, offset: u32) {
        if is_word_offset(offset) {
            asm!(self, str D(from), [XSP(base), offset]);
        } else {
            self.load_const(TMP2, i64::from(offset));
            asm!(self, str D(from), [XSP(base), X(TMP2)]);
        }
    }

    /// `to = value`, in the fewest instructions: 16 bits at a time over zeros or over ones, or a pattern.
    pub(super) fn load_const(&mut self, to: u8, value: i64) {
        let bits = value as u64;
        let chunks = [0u32, 16, 32, 48].map(|shift| (shift, (bits >> shift) as u32 & 0xFFFF));
        let zeros = chunks.iter().filter(|(_, chunk)| *chunk == 0).count();
        let ones = chunks.iter().filter(|(_, chunk)| *chunk == 0xFFFF).count();
        if zeros < 3 && ones < 3 && is_logical(bits) {
            asm!(self, orr XSP(to), xzr, bits);
            return;
        }
        let filler = if ones > zeros { 0xFFFF } else { 0 };
        let mut rest = chunks.into_iter().filter(|(_, chunk)| *chunk != filler);
        let (shift, chunk) = rest.next().unwrap_or((0, filler));
        if filler == 0 {
            asm!(self, movz X(to), chunk, lsl shift);
        } else {
            asm!(self, movn X(to), chunk ^ 0xFFFF, lsl shift);
        }
        for (shift, chunk) in rest {
            asm!(self, movk X(to), chunk, lsl shift);
        }
    }

    /// `to = bits`
    pub(super) fn load_float_const(&mut self, to: u8, bits: u64, cx: &mut Context) {
        if bits == 0 {
            asm!(self, movi D(to), 0);
        } else if is_float(bits) {
            asm!(self, fmov D(to), f64::from_bits(bits) as f32);
        } else if bits & 0xFFFF_FFFF_FFFF == 0 {
            self.load_const(TMP, bits as i64);
            asm!(self, fmov D(to), X(TMP));
        } else {
            cx.pool_ref(self.offset(), PoolEntry::Bits(bits));
            asm!(self, adrp X(TMP), 0; ldr D(to), [XSP(TMP)]);
        }
    }

    /// A word of the context.
    pub(super) fn load_context(&mut self, to: u8, offset: i32) {
        self.load(to, CTX, offset as u32);
    }

    /// A word of the context.
    pub(super) fn store_context(&mut self, from: u8, offset: i32) {
        self.store(from, CTX, offset as u32);
    }

    /// `to = from + number`, where the number or its negation [is one of `add`](is_add).
    pub(super) fn add_const(&mut self, to: u8, from: u8, number: i64) {
        let magnitude = number.unsigned_abs();
        let (high, low) = ((magnitude >> 12) as u32, magnitude as u32 & 0xFFF);
        match (number < 0, is_add(magnitude) && magnitude >= 1 << 12) {
            (false, false) => asm!(self, add XSP(to), XSP(from), low),
            (false, true) => asm!(self, add XSP(to), XSP(from), high, lsl 12),
            (true, false) => asm!(self, sub XSP(to), XSP(from), low),
            (true, true) => asm!(self, sub XSP(to), XSP(from), high, lsl 12),
        }
    }

    /// A register of its own for a float, which the next instruction uses.
    pub(super) fn scratch_float(&mut self, bits: u64, cx: &mut Context) -> u8 {
        self.load_float_const(FTMP, bits, cx);
        FTMP
    }
}
