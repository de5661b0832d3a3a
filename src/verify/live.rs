//! Which general registers are read, where control is, before they are written again: of others nothing needs to be said at a loop's head.
//!
//! Nothing here is trusted: where a register is taken not to be read that is, nothing is known of it there.

use super::check::Checker;
use super::graph::Block;
use super::machine::set;
use super::step::{Base, Place, Reg, Src, Step, Value};
use crate::codegen::blob::PoolEntry;
use crate::runtime::helper::Helper;
use crate::types::Type;

/// Registers, bit by bit.
type Ints = u32;

/// At most so many times over all blocks: one more than loops are nested, if it is to be exact.
const ROUNDS: usize = 4;

fn bit(reg: u8) -> Ints {
    1 << (reg & 31)
}

fn of_source(src: Src) -> Ints {
    match src {
        Src::Reg(reg) => bit(reg),
        Src::Const(_) => 0,
    }
}

fn of_reg(reg: Reg) -> Ints {
    match reg {
        Reg::Int(reg) => bit(reg),
        _ => 0,
    }
}

fn of_place(place: &Place) -> Ints {
    let base = match place.base {
        Base::Reg(reg) => bit(reg),
        Base::Stack => 0,
    };
    base | place.index.map_or(0, |(reg, _)| bit(reg))
}

impl Step {
    /// General registers that it reads, but for those that a call does.
    fn read(&self) -> Ints {
        match *self {
            Step::Copy { from, .. } => of_reg(from),
            Step::ZeroExtend { from, .. } | Step::Splat { from, .. } => bit(from),
            Step::Add { a, b, .. }
            | Step::And { a, b, .. }
            | Step::Or { a, b, .. }
            | Step::Xor { a, b, .. }
            | Step::Multiply { a, b, .. }
            | Step::Test { a, b } => bit(a) | of_source(b),
            Step::Sub { a, b, .. } | Step::Compare { a, b } => of_source(a) | of_source(b),
            Step::Select { yes, no, .. } => of_source(yes) | of_source(no),
            Step::MultiplyHigh { a, b, .. }
            | Step::Divide { a, b, .. }
            | Step::AddPart { a, b, .. }
            | Step::ComparePart { a, b, .. } => bit(a) | bit(b),
            Step::MultiplySubtract { a, b, from, .. } => bit(a) | bit(b) | bit(from),
            Step::DivideDouble { low, high, b, .. } => bit(low) | bit(high) | bit(b),
            Step::ShiftRightSome { a, .. }
            | Step::ShiftRight { a, .. }
            | Step::ShiftRightSigned { a, .. }
            | Step::ShiftLeft { a, .. }
            | Step::CompareZeroIf { a, .. } => bit(a),
            Step::Load { ref from, .. } => of_place(from),
            Step::Store { ref to, value } => match value {
                Some(Value::Reg(reg)) => of_place(to) | of_reg(reg),
                _ => of_place(to),
            },
            Step::BranchZero { reg, .. } | Step::CallReg { reg } => bit(reg),
            Step::Gather { base, .. } => bit(base),
            _ => 0,
        }
    }
}

impl Checker<'_> {
    /// By block, which registers are read from there on before they are written, into `live`; `work` is memory for it.
    pub(super) fn find_live(&self, live: &mut Vec<Ints>, work: &mut Vec<(Ints, Ints)>) {
        live.clear();
        live.resize(self.graph.blocks.len(), 0);
        work.clear();
        work.extend(self.graph.blocks.iter().map(|block| self.uses(block)));
        for _ in 0..ROUNDS {
            let mut is_changed = false;
            for at in self.graph.order.iter().rev() {
                let at = *at as usize;
                let Block { target, falls_through, .. } = self.graph.blocks[at];
                let of = |block: usize| live.get(block).copied().unwrap_or(0);
                let behind = target.map_or(0, |to| of(to as usize)) | if falls_through { of(at + 1) } else { 0 };
                let (read, written) = work[at];
                let now = read | behind & !written;
                is_changed |= now != live[at];
                live[at] = now;
            }
            if !is_changed {
                return;
            }
        }
    }

    /// What a block reads before it writes it, and what it writes.
    fn uses(&self, block: &Block) -> (Ints, Ints) {
        let (mut read, mut written) = (0, 0);
        if block.is_trap {
            return (read, written);
        }
        let is_array = matches!(self.func.signature.result, Type::Array(_));
        let results = if is_array { set(&self.machine.int_results) } else { 0 };
        let link = self.machine.link.map_or(0, bit);
        for step in self.graph.steps_in(block) {
            let (reads, clobbers) = match *step {
                Step::Return => (set(self.machine.saved) | link | results, false),
                Step::Call { .. } | Step::CallReg { .. } => (set(self.machine.int_args), true),
                Step::CallPool { offset } => {
                    let entry = usize::try_from(offset / 8).ok().and_then(|at| self.contract.pool.get(at));
                    match entry {
                        Some(PoolEntry::Helper(Helper::Poll | Helper::Trap)) => (0, false),
                        Some(PoolEntry::Helper(Helper::Rare)) => (bit(self.machine.rare), false),
                        Some(PoolEntry::Helper(Helper::Math(_))) => (0, true),
                        Some(PoolEntry::Helper(Helper::MathLanes(..))) => (bit(self.machine.int_args[0]), true),
                        _ => (bit(self.machine.int_args[0]) | bit(self.machine.int_args[1]), true),
                    }
                }
                _ => (step.read(), false),
            };
            read |= reads & !written;
            step.each_written(|reg| written |= of_reg(reg));
            if clobbers {
                written |= set(self.machine.clobbered);
            }
        }
        (read, written)
    }
}
