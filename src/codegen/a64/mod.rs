//! AArch64 with NEON.

mod abi;
mod division;
mod emit;
mod entry;
mod floats;
mod immediates;
mod integers;
mod operands;
mod vector;

use super::flat::{Arg, FlatInst, FlatKind};
use super::frame::Frame;
use super::target::{Abi, Context, Located, Operands, Stub, Target};
use super::{Arch, CodegenError, CpuFeatures};
use crate::lazy::Lazy;
use dynasmrt::aarch64::Aarch64Relocation;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler};
use regalloc2::{Allocation, RegClass, VReg};
use std::cell::Cell;

/// Emits AArch64 machine code.
pub struct A64 {
    asm: Box<VecAssembler<Aarch64Relocation>>,
}

static ABI: Lazy<Abi> = Lazy::new(abi::abi);

thread_local! {
    /// The last assembler, for its memory.
    static ASM: Cell<Option<Box<VecAssembler<Aarch64Relocation>>>> = const { Cell::new(None) };
}

/// One or more instructions in dynasm's notation; `X(n)`, `W(n)`, `D(n)`, `S(n)` are registers by number, `XSP(n)` one that may be the stack pointer.
macro_rules! asm {
    ($a64:expr, $($code:tt)*) => { dynasmrt::dynasm!($a64.asm ; .arch aarch64 ; $($code)*) };
}
use asm;

impl A64 {
    fn label(&mut self) -> DynamicLabel {
        self.asm.new_dynamic_label()
    }

    fn bind(&mut self, label: DynamicLabel) {
        asm!(self, =>label);
    }

    fn offset(&self) -> usize {
        self.asm.offset().0
    }
}

impl Target for A64 {
    const ARCH: Arch = Arch::A64;
    type Reloc = Aarch64Relocation;

    fn new(_features: CpuFeatures) -> A64 {
        A64 { asm: ASM.try_with(Cell::take).ok().flatten().unwrap_or_else(|| Box::new(VecAssembler::new(0))) }
    }

    fn keep(self) {
        // A thread that is ending keeps nothing.
        let _ = ASM.try_with(|kept| kept.set(Some(self.asm)));
    }

    fn abi(&self) -> &Abi {
        &ABI
    }

    fn folds(&self, kind: FlatKind, arg: usize, bits: u64) -> bool {
        match kind {
            FlatKind::Vector(kind) => vector::folds(kind, arg, bits),
            _ => operands::folds(kind, arg, bits),
        }
    }

    fn lanes(&self) -> u8 {
        CpuFeatures::Neon.lanes()
    }

    fn held_constants(&self) -> usize {
        vector::HELD
    }

    fn operands(&self, inst: &FlatInst, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
        match inst.kind {
            FlatKind::Vector(kind) => vector::operands(kind, defs, args, out),
            _ => operands::operands(inst, defs, args, out),
        }
    }

    fn asm(&mut self) -> &mut VecAssembler<Aarch64Relocation> {
        &mut self.asm
    }

    fn entry(&mut self) {
        self.landing_pad();
    }

    fn prologue(&mut self, frame: &Frame) {
        self.emit_prologue(frame);
    }

    fn epilogue(&mut self, frame: &Frame) {
        self.emit_epilogue(frame);
    }

    fn copy(&mut self, from: Allocation, to: Allocation, class: RegClass, frame: &Frame) {
        self.emit_copy(from, to, class, frame);
    }

    fn inst(&mut self, inst: &Located<'_>, cx: &mut Context) -> Result<(), CodegenError> {
        self.emit_inst(inst, cx)
    }

    fn jump(&mut self, to: DynamicLabel) {
        asm!(self, b =>to);
    }

    fn branch(&mut self, inst: &Located<'_>, when: bool, to: DynamicLabel, cx: &mut Context) {
        self.emit_branch(inst, when, to, cx);
    }

    fn stub(&mut self, stub: &Stub, cx: &mut Context) {
        self.emit_stub(stub, cx);
    }

    fn patch_pool_ref(code: &mut [u8], at: usize, code_address: u64, pool_address: u64) -> Result<(), CodegenError> {
        let malformed = |what: &str| CodegenError::Malformed(what.to_owned());
        let page = code_address.wrapping_add(at as u64) >> 12;
        let pages = (pool_address >> 12).wrapping_sub(page) as i64;
        if !(-(1 << 20)..1 << 20).contains(&pages) {
            return Err(malformed("the pool is out of reach"));
        }
        if !pool_address.is_multiple_of(8) {
            return Err(malformed("the pool is not aligned"));
        }
        let pages = pages as u32;
        let mut patch = |at: usize, mask: u32, field: u32| -> Result<(), CodegenError> {
            let word = code.get_mut(at..at + 4).ok_or_else(|| malformed("a reference to the pool outside the code"))?;
            let inst = word.iter().rev().fold(0, |inst, byte| inst << 8 | u32::from(*byte));
            word.copy_from_slice(&(inst & !mask | field).to_le_bytes());
            Ok(())
        };
        patch(at, 0x60FF_FFE0, (pages & 3) << 29 | (pages >> 2 & 0x7_FFFF) << 5)?;
        patch(at + 4, 0x003F_FC00, ((pool_address & 0xFFF) as u32 / 8) << 10)
    }
}
