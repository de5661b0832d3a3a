//! x86-64, level 3 at least: AVX2, FMA, BMI1, BMI2, LZCNT, POPCNT.

mod abi;
mod division;
mod emit;
mod entry;
mod floats;
mod integers;
mod operands;

use super::flat::{Arg, FlatInst, FlatKind};
use super::frame::Frame;
use super::target::{Abi, Context, Located, Operands, Stub, Target};
use super::{Arch, CodegenError, CpuFeatures};
use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler};
use regalloc2::{Allocation, RegClass, VReg};

/// Emits x86-64 machine code.
pub struct X64 {
    asm: VecAssembler<X64Relocation>,
    abi: Abi,
}

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

    fn new(_features: CpuFeatures) -> X64 {
        X64 { asm: VecAssembler::new(0), abi: abi::abi() }
    }

    fn abi(&self) -> &Abi {
        &self.abi
    }

    fn folds(&self, kind: FlatKind, arg: usize, bits: u64) -> bool {
        operands::folds(kind, arg, bits)
    }

    fn operands(&self, inst: &FlatInst, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
        operands::operands(inst, defs, args, out);
    }

    fn asm(&mut self) -> &mut VecAssembler<X64Relocation> {
        &mut self.asm
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
        let end = code_address.wrapping_add(at as u64 + 4);
        let distance = i32::try_from(pool_address.wrapping_sub(end) as i64).map_err(|_| out_of_reach())?;
        code.get_mut(at..at + 4).ok_or_else(out_of_reach)?.copy_from_slice(&distance.to_le_bytes());
        Ok(())
    }
}
