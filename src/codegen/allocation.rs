//! What either register allocator gives.

use crate::reuse::{Keep, kept};
use regalloc2::{Allocation, Edit, Inst, Output, PReg, ProgPoint};

/// Classes of registers.
pub const CLASSES: usize = 3;

/// The registers of one class as bits.
pub type Mask = u64;

/// A register among those of its class.
pub(super) fn bit(reg: PReg) -> Mask {
    1 << reg.hw_enc()
}

/// The registers of all operands, and moves between instructions.
#[derive(Debug, Default)]
pub struct Allocated {
    /// The place of each operand.
    pub allocs: Vec<Allocation>,
    /// The first operand of each instruction, and one past the last one's.
    pub starts: Vec<u32>,
    /// In the order of their places.
    pub edits: Vec<(ProgPoint, Edit)>,
    /// Words of all spill slots.
    pub spill_words: usize,
    /// The registers that operands name and that moves write, but for the scratch registers of moves.
    pub used: [Mask; CLASSES],
}

kept!(Allocated: allocs, starts, edits);

impl Allocated {
    /// What regalloc2 gave; where its operands start is still to be said.
    pub(super) fn of(output: Output) -> Box<Allocated> {
        let mut allocated = Allocated::kept();
        (allocated.allocs, allocated.edits) = (output.allocs, output.edits);
        allocated.spill_words = output.num_spillslots;
        allocated.used = [0; CLASSES];
        let moved = allocated.edits.iter().map(|(_, Edit::Move { to, .. })| to);
        for reg in allocated.allocs.iter().chain(moved).filter_map(|alloc| alloc.as_reg()) {
            allocated.used[reg.class() as usize] |= bit(reg);
        }
        allocated
    }

    /// Whether an operand names a register, or a move writes it.
    pub fn uses(&self, reg: PReg) -> bool {
        self.used[reg.class() as usize] & bit(reg) != 0
    }

    /// The same as regalloc2 gives it, for its checker.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn output(&self, starts: &[u32]) -> Output {
        Output {
            num_spillslots: self.spill_words,
            edits: self.edits.clone(),
            allocs: self.allocs.clone(),
            inst_alloc_offsets: starts.to_vec(),
            ..Output::default()
        }
    }

    /// The places of an instruction's operands.
    #[inline]
    pub fn of_inst(&self, inst: Inst) -> &[Allocation] {
        &self.allocs[self.starts[inst.index()] as usize..self.starts[inst.index() + 1] as usize]
    }
}
