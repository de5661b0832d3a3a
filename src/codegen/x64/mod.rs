//! x86-64, level 3 at least: AVX2, FMA, BMI1, BMI2, LZCNT, POPCNT.

mod abi;
mod division;
mod emit;
mod entry;
mod floats;
mod integers;
mod operands;
mod vector;
mod vector_ints;
mod vector_memory;
mod vector_operands;
mod vector_ops;
pub mod vex;
mod vex_table;

use super::flat::{Arg, Flat, FlatInst, FlatKind};
use super::frame::Frame;
use super::scan::Registers;
use super::target::{Abi, Context, Located, Operands, Stub, Target};
use super::{Arch, CodegenError, CpuFeatures};
use crate::lazy::Lazy;
use abi::Conventions;
use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler};
use regalloc2::{Allocation, RegClass, VReg};
use std::cell::Cell;

/// Emits x86-64 machine code.
pub struct X64 {
    asm: Box<VecAssembler<X64Relocation>>,
    conventions: &'static Conventions,
}

/// What code without AVX-512 and code with it is made by.
static CONVENTIONS: Lazy<[Conventions; 2]> = Lazy::new(|| [false, true].map(Conventions::new));

thread_local! {
    /// The last assembler, for its memory.
    static ASM: Cell<Option<Box<VecAssembler<X64Relocation>>>> = const { Cell::new(None) };
}

/// What heads of loops on vectors are aligned to, as far as the code is.
const LOOP_ALIGN: usize = 32;

/// Instructions of one byte and more that do nothing (Intel SDM volume 2, NOP).
const NOPS: [&[u8]; 9] = [
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

/// One or more instructions in dynasm's notation; `Rq(n)`, `Rd(n)`, `Rx(n)` are registers by number.
macro_rules! asm {
    ($x64:expr, $($code:tt)*) => { dynasmrt::dynasm!($x64.asm ; .arch x64 ; $($code)*) };
}
use asm;

impl X64 {
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

impl Target for X64 {
    const ARCH: Arch = Arch::X64;
    type Reloc = X64Relocation;

    fn new(features: CpuFeatures) -> X64 {
        let asm = ASM.try_with(Cell::take).ok().flatten().unwrap_or_else(|| Box::new(VecAssembler::new(0)));
        X64 { asm, conventions: &CONVENTIONS[usize::from(features == CpuFeatures::V4)] }
    }

    fn keep(self) {
        // A thread that is ending keeps nothing.
        let _ = ASM.try_with(|kept| kept.set(Some(self.asm)));
    }

    fn abi(&self) -> &Abi {
        &self.conventions.abi
    }

    fn folds(&self, kind: FlatKind, arg: usize, bits: u64) -> bool {
        match kind {
            FlatKind::Vector(kind) => self.vector_folds(kind, arg, bits),
            _ => operands::folds(kind, arg, bits),
        }
    }

    fn registers(&self, flat: &Flat) -> &Registers {
        self.vector_registers(flat)
    }

    fn lanes(&self) -> u8 {
        (self.vector_len().bytes() / 8) as u8
    }

    fn mask_class(&self) -> RegClass {
        if self.is_wide() { RegClass::Vector } else { RegClass::Float }
    }

    fn held_constants(&self) -> usize {
        self.most_held()
    }

    fn operands(&self, inst: &FlatInst, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
        match inst.kind {
            FlatKind::Vector(kind) => self.vector_operands(kind, defs, args, out),
            _ => operands::operands(inst, defs, args, out),
        }
    }

    fn asm(&mut self) -> &mut VecAssembler<X64Relocation> {
        &mut self.asm
    }

    fn prologue(&mut self, frame: &Frame) {
        self.emit_prologue(frame);
    }

    fn epilogue(&mut self, frame: &Frame) {
        self.leave_vectors(frame);
        self.emit_epilogue(frame);
    }

    fn copy(&mut self, from: Allocation, to: Allocation, class: RegClass, frame: &Frame) {
        self.emit_copy(from, to, class, frame);
    }

    fn inst(&mut self, inst: &Located<'_>, cx: &mut Context) -> Result<(), CodegenError> {
        self.emit_inst(inst, cx)
    }

    fn align_loop(&mut self) {
        let missing = self.offset().wrapping_neg() % LOOP_ALIGN;
        let mut rest = missing;
        while let Some(nop) = NOPS.get(rest.min(NOPS.len()).wrapping_sub(1)) {
            self.asm.extend(*nop);
            rest -= nop.len();
        }
    }

    fn jump(&mut self, to: DynamicLabel) {
        asm!(self, jmp =>to);
    }

    fn branch(&mut self, inst: &Located<'_>, when: bool, to: DynamicLabel, cx: &mut Context) {
        self.emit_branch(inst, when, to, cx);
    }

    fn stub(&mut self, stub: &Stub, cx: &mut Context) {
        self.emit_stub(stub, cx);
    }

    fn patch_pool_ref(code: &mut [u8], at: usize, code_address: u64, pool_address: u64) -> Result<(), CodegenError> {
        let out_of_reach = || CodegenError::Malformed("the pool is out of reach".to_owned());
        let field = code.get_mut(at..at + 4).and_then(|field| <&mut [u8; 4]>::try_from(field).ok());
        let field = field.ok_or_else(out_of_reach)?;
        // Where an immediate follows, the distance from the end of the instruction is less.
        let end = code_address.wrapping_add(at as u64 + 4).wrapping_sub(i32::from_le_bytes(*field) as u64);
        let distance = i32::try_from(pool_address.wrapping_sub(end) as i64).map_err(|_| out_of_reach())?;
        *field = distance.to_le_bytes();
        Ok(())
    }
}
