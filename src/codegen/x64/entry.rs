//! Entering and leaving functions, and moves between registers and the frame.

use super::abi::{CTX, RSP, TMP, XTMP};
use super::vex::Rm;
use super::{X64, asm};
use crate::codegen::frame::{Frame, PROBE};
use crate::types::Elem;
use dynasmrt::{DynasmApi, DynasmLabelApi};
use regalloc2::{Allocation, PReg, RegClass};

/// Probes up to this many pages one after the other, more of them in a loop.
const UNROLLED_PROBES: u32 = 4;

impl X64 {
    /// Lowers the stack pointer, touching each page on the way: a guard page is met, not stepped over.
    fn grow_stack(&mut self, size: u32) {
        let pages = size / PROBE;
        #[cfg(debug_assertions)]
        if pages > 0 && crate::codegen::planted::is(crate::codegen::planted::Bug::MissingProbe) {
            asm!(self, sub rsp, size as i32);
            return;
        }
        if pages <= UNROLLED_PROBES {
            for _ in 0..pages {
                asm!(self, sub rsp, PROBE as i32; test [rsp], rsp);
            }
        } else {
            let again = self.label();
            asm!(self, mov Rd(TMP), pages as i32);
            self.bind(again);
            asm!(self, sub rsp, PROBE as i32; test [rsp], rsp; sub Rd(TMP), BYTE 1; jnz =>again);
        }
        match (size % PROBE) as i32 {
            0 => {}
            rest @ 1..128 => asm!(self, sub rsp, BYTE rest as i8),
            rest => asm!(self, sub rsp, rest),
        }
    }

    fn shrink_stack(&mut self, size: u32) {
        match size as i32 {
            0 => {}
            size @ 1..128 => asm!(self, add rsp, BYTE size as i8),
            size => asm!(self, add rsp, size),
        }
    }

    pub(super) fn emit_prologue(&mut self, frame: &Frame) {
        self.grow_stack(frame.size);
        for (reg, offset) in &frame.saved {
            self.store(reg.hw_enc() as u8, RSP, *offset as i32);
        }
    }

    pub(super) fn emit_epilogue(&mut self, frame: &Frame) {
        for (reg, offset) in &frame.saved {
            self.load(reg.hw_enc() as u8, RSP, *offset as i32);
        }
        self.shrink_stack(frame.size);
        asm!(self, ret);
    }

    pub(super) fn emit_copy(&mut self, from: Allocation, to: Allocation, class: RegClass, frame: &Frame) {
        let number = |reg: PReg| reg.hw_enc() as u8;
        let slot = |alloc: Allocation| alloc.as_stack().map(|slot| frame.slot(slot) as i32);
        if frame.lanes > 1 && class != RegClass::Int {
            return self.copy_lanes(from, to, class, frame);
        }
        let is_float = class == RegClass::Float;
        match (from.as_reg(), to.as_reg(), slot(from), slot(to)) {
            (Some(from), Some(to), ..) if is_float => self.copy_float(number(to), number(from)),
            (Some(from), Some(to), ..) => self.copy_int(number(to), number(from)),
            (Some(from), _, _, Some(to)) if is_float => self.store_float(number(from), RSP, to),
            (Some(from), _, _, Some(to)) => self.store(number(from), RSP, to),
            (_, Some(to), Some(from), _) if is_float => self.load_float(number(to), RSP, from),
            (_, Some(to), Some(from), _) => self.load(number(to), RSP, from),
            _ => {}
        }
    }

    pub(super) fn copy_int(&mut self, to: u8, from: u8) {
        if to != from {
            asm!(self, mov Rq(to), Rq(from));
        }
    }

    pub(super) fn copy_float(&mut self, to: u8, from: u8) {
        if to != from {
            asm!(self, vmovapd Rx(to), Rx(from));
        }
    }

    /// `to = [base + offset]`
    pub(super) fn load(&mut self, to: u8, base: u8, offset: i32) {
        match i8::try_from(offset) {
            Ok(offset) => asm!(self, mov Rq(to), [BYTE Rq(base) + offset]),
            Err(_) => asm!(self, mov Rq(to), [Rq(base) + offset]),
        }
    }

    /// `[base + offset] = from`
    pub(super) fn store(&mut self, from: u8, base: u8, offset: i32) {
        match i8::try_from(offset) {
            Ok(offset) => asm!(self, mov [BYTE Rq(base) + offset], Rq(from)),
            Err(_) => asm!(self, mov[Rq(base) + offset], Rq(from)),
        }
    }

    /// `[base + offset] = value`
    pub(super) fn store_const(&mut self, value: i32, base: u8, offset: i32) {
        match i8::try_from(offset) {
            Ok(offset) => asm!(self, mov QWORD [BYTE Rq(base) + offset], value),
            Err(_) => asm!(self, mov QWORD [Rq(base) + offset], value),
        }
    }

    /// `to = [base + offset]`
    pub(super) fn load_float(&mut self, to: u8, base: u8, offset: i32) {
        if to > XTMP {
            return self.load_any_float(Elem::F64, to, Rm::Mem { base, index: None, disp: offset });
        }
        match i8::try_from(offset) {
            Ok(offset) => asm!(self, vmovsd Rx(to), QWORD [BYTE Rq(base) + offset]),
            Err(_) => asm!(self, vmovsd Rx(to), QWORD [Rq(base) + offset]),
        }
    }

    /// `[base + offset] = from`
    pub(super) fn store_float(&mut self, from: u8, base: u8, offset: i32) {
        match i8::try_from(offset) {
            Ok(offset) => asm!(self, vmovsd QWORD [BYTE Rq(base) + offset], Rx(from)),
            Err(_) => asm!(self, vmovsd QWORD [Rq(base) + offset], Rx(from)),
        }
    }

    /// `to = value`, in the shortest form.
    pub(super) fn load_const(&mut self, to: u8, value: i64) {
        if value == 0 {
            // Flags are free between instructions.
            asm!(self, xor Rd(to), Rd(to));
        } else if let Ok(value) = u32::try_from(value) {
            asm!(self, mov Rd(to), value as i32);
        } else if let Ok(value) = i32::try_from(value) {
            asm!(self, mov Rq(to), DWORD value);
        } else {
            asm!(self, mov Rq(to), QWORD value);
        }
    }

    /// A word of the context.
    pub(super) fn load_context(&mut self, to: u8, offset: i32) {
        self.load(to, CTX, offset);
    }
}
