//! Which blocks run before the frame is made, so that a function which returns early neither lowers the stack pointer nor saves registers.
//!
//! The prologue stands at the head of one block, [`Shrunk::prologue`]. The blocks before it (those from which the entry reaches it) hold only what
//! neither touches the stack or memory, nor calls, nor traps, nor writes a callee-saved register: no site and no fault lies in them. Where one of them
//! returns, its epilogue is the bare return.

use super::allocation::Allocated;
use super::flat::{Flat, FlatKind};
use super::layout::Layout;
use super::target::Abi;
use regalloc2::{Allocation, Edit, Inst, PRegSet, ProgPoint};

/// How often what lies before the frame is made smaller, until one block begins with the prologue.
const MAX_ROUNDS: usize = 8;

/// Where a function has no frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The block that begins with the prologue; none where no block needs a frame.
    pub prologue: Option<u32>,
    /// The blocks without a frame.
    pub frameless: Vec<bool>,
    /// Blocks that only return, and are come to from both sides: what has no frame returns by itself instead of going there.
    pub returns: Vec<bool>,
}

impl Default for Shrunk {
    /// The prologue at the entry.
    fn default() -> Shrunk {
        Shrunk { prologue: Some(0), frameless: Vec::new(), returns: Vec::new() }
    }
}

/// Finds the blocks without a frame; none where the function had better make it at its entry.
pub fn shrink(flat: &Flat, output: &Allocated, layout: &Layout, abi: &Abi) -> Option<Shrunk> {
    if flat.lanes > 1 || needs_frame(flat, output, abi.callee_saved, 0) {
        return None;
    }
    let count = flat.blocks.len();
    let mut preds: Vec<Vec<u32>> = vec![Vec::new(); count];
    for block in &layout.order {
        for succ in &flat.blocks[*block as usize].succs {
            preds[layout.target[succ.index()] as usize].push(*block);
        }
    }
    let mut needs: Vec<bool> = (0..count).map(|block| needs_frame(flat, output, abi.callee_saved, block)).collect();
    for _ in 0..MAX_ROUNDS {
        // A block's index is greater than that of each that comes before it, but for a loop's head.
        let mut frameless = vec![false; count];
        frameless[0] = preds[0].is_empty();
        for block in 1..count {
            let all = preds[block].iter().all(|pred| (*pred as usize) < block && frameless[*pred as usize]);
            frameless[block] = all && !preds[block].is_empty() && !needs[block];
        }
        let comes_from_before = |block: usize| preds[block].iter().any(|pred| frameless[*pred as usize]);
        let returns: Vec<bool> = (0..count)
            .map(|block| !frameless[block] && !needs[block] && only_returns(flat, block) && comes_from_before(block))
            .collect();
        let mut heads = (1..count).filter(|block| !frameless[*block] && !returns[*block] && comes_from_before(*block));
        let head = heads.next();
        let is_single = heads.next().is_none();
        let early = (0..count).any(|block| frameless[block] && is_return(flat, block)) || returns.contains(&true);
        if !frameless[0] || !early {
            return None;
        }
        if is_single && head.is_none_or(|head| preds[head].iter().all(|pred| frameless[*pred as usize])) {
            return Some(Shrunk { prologue: head.map(|head| head as u32), frameless, returns });
        }
        // The last block before the frame is made behind it from now on.
        let goes_on = |block: usize| {
            let succs = &flat.blocks[block].succs;
            succs.iter().map(|succ| layout.target[succ.index()] as usize).any(|succ| !frameless[succ] && !returns[succ])
        };
        let last = (0..count).rev().find(|block| frameless[*block] && goes_on(*block))?;
        needs[last] = true;
    }
    None
}

fn is_return(flat: &Flat, block: usize) -> bool {
    flat.insts_of(block).last().is_some_and(|inst| inst.kind == FlatKind::Return)
}

fn only_returns(flat: &Flat, block: usize) -> bool {
    matches!(flat.insts_of(block), [inst] if inst.kind == FlatKind::Return)
}

/// Whether a block does what only code with a frame may do.
fn needs_frame(flat: &Flat, output: &Allocated, callee_saved: PRegSet, block: usize) -> bool {
    let (start, end) = flat.blocks[block].insts;
    let touches = |alloc: Allocation| match alloc.as_reg() {
        Some(reg) => callee_saved.contains(reg),
        None => alloc.is_stack(),
    };
    let first = output.edits.partition_point(|(point, _)| *point < ProgPoint::before(Inst::new(start as usize)));
    let edits = output.edits[first..].iter().take_while(|(point, _)| point.inst().index() < end as usize);
    let mut moves = edits.map(|(_, Edit::Move { from, to })| (*from, *to)).filter(|(from, to)| from != to);
    moves.any(|(from, to)| touches(from) || touches(to) || only_returns(flat, block))
        || (start..end).any(|inst| {
            flat.insts[inst as usize].kind.needs_frame()
                || output.of_inst(Inst::new(inst as usize)).iter().any(|alloc| touches(*alloc))
        })
}
