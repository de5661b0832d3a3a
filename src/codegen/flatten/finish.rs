//! What is done when all blocks are filled: constants that nobody wants go, blocks are numbered, cold ones found.

use super::{Flattener, NO_BLOCK};
use crate::codegen::flat::{Arg, FlatKind, Vector};
use crate::codegen::target::Target;
use crate::reuse::Buf;
use regalloc2::Block;

impl<T: Target> Flattener<'_, T> {
    /// Drops constants that nobody wants in a register, and numbers the blocks in their order, without those that control never reaches.
    pub(super) fn finish(&mut self) {
        if self.flat.insts.iter().any(|inst| is_constant(inst.kind)) {
            self.drop_constants();
        }
        if self.flat.blocks.len() == 1 {
            return;
        }
        let mut number = Buf::filled(NO_BLOCK, self.flat.blocks.len());
        for (new, old) in self.tables.filled.iter().enumerate() {
            number[*old as usize] = new as u32;
        }
        let renumber = |block: &mut Block| *block = Block::new(number[block.index()] as usize);
        let mut blocks = Vec::with_capacity(self.tables.filled.len());
        for old in &self.tables.filled {
            let mut block = std::mem::take(&mut self.flat.blocks[*old as usize]);
            block.succs.iter_mut().chain(&mut block.preds).for_each(renumber);
            blocks.push(block);
        }
        self.flat.blocks = blocks;
        for index in (0..self.flat.blocks.len()).rev() {
            let block = &self.flat.blocks[index];
            let traps = self.flat.insts_of(index).last().is_some_and(|inst| matches!(inst.kind, FlatKind::Trap(_)));
            let leads_to_trap =
                !block.succs.is_empty() && block.succs.iter().all(|succ| self.flat.blocks[succ.index()].cold);
            self.flat.blocks[index].cold =
                index > 0 && (traps || leads_to_trap || super::detour::is_detour(&self.flat, index));
        }
    }

    /// Drops constants that nobody wants in a register.
    fn drop_constants(&mut self) {
        let flat = &mut self.flat;
        let mut wanted = Buf::filled(false, flat.vregs as usize);
        let args = flat.args.iter().filter_map(|arg| if let Arg::Reg(reg) = arg { Some(reg) } else { None });
        for reg in args.chain(flat.blocks.iter().flat_map(|block| &block.jump_args)) {
            wanted[reg.vreg()] = true;
        }
        // Blocks were filled one after the other.
        let (mut from, mut kept) = (0, 0);
        for block in &self.tables.filled {
            let start = kept;
            let end = flat.blocks[*block as usize].insts.1 as usize;
            for at in from..end {
                let inst = flat.insts[at];
                let mut defs = flat.defs[inst.defs.0 as usize..inst.defs.1 as usize].iter();
                if !is_constant(inst.kind) || defs.any(|reg| wanted[reg.vreg()]) {
                    flat.insts[kept] = inst;
                    kept += 1;
                }
            }
            from = end;
            flat.blocks[*block as usize].insts = (start as u32, kept as u32);
        }
        flat.insts.truncate(kept);
    }
}

pub(super) const fn is_constant(kind: FlatKind) -> bool {
    matches!(
        kind,
        FlatKind::ConstInt(_) | FlatKind::ConstFloat(_) | FlatKind::Vector(Vector::Const(_) | Vector::ConstMask(_))
    )
}
