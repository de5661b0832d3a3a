//! The order in which blocks are emitted, after allocation.
//!
//! Blocks that hold only a jump are left out and jumps go through them; a loop that is left at its head has its test at the bottom, or at the top
//! behind what ends each iteration where several ways lead there; blocks on the way out of a loop
//! stand behind it; returns from within loops, and what ends in a trap, stand last.

use super::allocation::Allocated;
use super::flat::{Flat, FlatKind};
use smallvec::{SmallVec, smallvec};

/// Some blocks of a function.
type Blocks = SmallVec<[u32; 4]>;

/// Blocks in the order of their code, and where a jump to each block goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Those that are emitted.
    pub order: Blocks,
    /// The block that a jump to a block ends at.
    pub target: Blocks,
}

/// Orders the blocks of a function.
pub fn order(flat: &Flat, output: &Allocated) -> Layout {
    if flat.blocks.len() == 1 {
        return Layout { order: smallvec![0], target: smallvec![0] };
    }
    let target = thread_jumps(flat, output);
    let blocks = &flat.blocks;
    let count = blocks.len();
    let is_left_out = |block: usize| target[block] != block as u32;
    // Blocks that stand directly before another one.
    let mut before: Vec<Vec<u32>> = vec![Vec::new(); count + 1];
    let mut moved = vec![false; count];
    let (mut returns, mut cold) = (Vec::new(), Vec::new());
    for (index, block) in blocks.iter().enumerate() {
        if index == 0 || is_left_out(index) || moved[index] {
            continue;
        }
        if block.cold {
            moved[index] = true;
            cold.push(index as u32);
        } else if block.loop_depth > 0 && ends_in(flat, index, |kind| kind == FlatKind::Return) {
            moved[index] = true;
            returns.push(index as u32);
        } else if let Some(out) = way_out(flat, &target, index) {
            moved[index] = true;
            before[out].push(index as u32);
        } else if let Some(end) = rotated(flat, &target, index) {
            if let Some(last) = shared_end(flat, index, end - 1) {
                if !is_left_out(last) {
                    moved[last] = true;
                    before[index].push(last as u32);
                }
                continue;
            }
            moved[index] = true;
            before[end].push(index as u32);
        }
    }
    let mut order = Blocks::new();
    for index in 0..=count {
        order.extend_from_slice(&before[index]);
        if index < count && !moved[index] && !is_left_out(index) {
            order.push(index as u32);
        }
    }
    order.extend_from_slice(&returns);
    order.extend_from_slice(&cold);
    Layout { order, target }
}

/// For each block the one that control comes to through blocks that hold only a jump.
fn thread_jumps(flat: &Flat, output: &Allocated) -> Blocks {
    let count = flat.blocks.len();
    let mut edited = vec![false; flat.insts.len()];
    for (point, regalloc2::Edit::Move { from, to }) in &output.edits {
        if from != to {
            edited[point.inst().index()] = true;
        }
    }
    let mut target: Blocks = (0..count as u32).collect();
    // Backwards, so that a chain is followed once; a jump back (an empty endless loop) is left alone.
    for index in (1..count).rev() {
        let block = &flat.blocks[index];
        if let ([inst], [succ]) = (flat.insts_of(index), &block.succs[..]) {
            let succ = succ.index();
            if inst.kind == FlatKind::Jump && !edited[block.insts.0 as usize] && succ > index {
                target[index] = target[succ];
            } else if inst.kind == FlatKind::Jump && !edited[block.insts.0 as usize] && succ < index {
                // The head of a loop is itself no such block unless the loop is empty.
                let head = &flat.blocks[succ];
                if head.insts.1 - head.insts.0 > 1 {
                    target[index] = succ as u32;
                }
            }
        }
    }
    target
}

fn ends_in(flat: &Flat, block: usize, is: fn(FlatKind) -> bool) -> bool {
    flat.insts_of(block).last().is_some_and(|inst| is(inst.kind))
}

/// The block behind a loop, for a block in the loop that jumps there.
fn way_out(flat: &Flat, target: &[u32], index: usize) -> Option<usize> {
    let block = &flat.blocks[index];
    match block.succs[..] {
        [succ] => {
            let to = target[succ.index()] as usize;
            (to > index && flat.blocks[to].loop_depth < block.loop_depth && !flat.blocks[to].cold).then_some(to)
        }
        _ => None,
    }
}

/// The last block of a loop whose head is its only test, if several ways through the loop come together there: it stands before the head then, at the
/// top. A way that ends early takes one jump to the next iteration, to there, where it would take two if both stood at the bottom; the longest way, which
/// would fall through to the test there and jump back once, jumps once, too.
fn shared_end(flat: &Flat, head: usize, last: usize) -> Option<usize> {
    let block = &flat.blocks[last];
    let is_only_way_back = flat.blocks[head].preds.iter().filter(|pred| pred.index() > head).count() == 1;
    let ways = block.preds.iter().filter(|pred| !flat.blocks[pred.index()].cold).count();
    let is_in_loop = last > head && block.loop_depth == flat.blocks[head].loop_depth && !block.cold;
    (is_only_way_back && ways > 1 && is_in_loop && block.succs.len() == 1).then_some(last)
}

/// One past the last block of the loop of which this block is the head and the only test.
fn rotated(flat: &Flat, target: &[u32], index: usize) -> Option<usize> {
    let head = &flat.blocks[index];
    let last = head.preds.iter().map(|pred| pred.index()).filter(|pred| *pred > index).max()?;
    let end = last + 1;
    let [yes, no] = head.succs[..] else { return None };
    let inside = |succ: regalloc2::Block| {
        // A block that leaves the loop is numbered among those of the loop.
        let to = target[succ.index()] as usize;
        let leaves = flat.blocks[to].cold
            || way_out(flat, target, to).is_some()
            || ends_in(flat, to, |kind| kind == FlatKind::Return);
        (index..end).contains(&to) && !leaves
    };
    (inside(yes) != inside(no)).then_some(end)
}
