//! Blocks on a way that is seldom taken, though it does not end in a trap.

use super::finish::is_constant;
use crate::codegen::flat::{Flat, FlatKind};

/// Whether a block only asks whether to trap, and goes to where control would be without it: the second half of a test whose first half seldom holds.
pub(super) fn is_detour(flat: &Flat, block: usize) -> bool {
    let ways = |block: usize| match flat.blocks[block].succs[..] {
        [first, second] => Some([first.index(), second.index()]),
        _ => None,
    };
    let is_jump = |block: usize| matches!(flat.insts_of(block), [inst] if inst.kind == FlatKind::Jump);
    // Through one block that is only there so that no edge is critical.
    let through = |block: usize| match flat.blocks[block].succs[..] {
        [to] if is_jump(block) => to.index(),
        _ => block,
    };
    let only_pred = |block: usize| match flat.blocks[block].preds[..] {
        [pred] => Some(pred.index()),
        _ => None,
    };
    let Some(on) = ways(block) else { return false };
    let Some((_, computes)) = flat.insts_of(block).split_last() else { return false };
    let Some(mut before) = only_pred(block).filter(|_| computes.iter().all(|inst| is_constant(inst.kind))) else {
        return false;
    };
    let mut entered = block;
    if is_jump(before) {
        let Some(pred) = only_pred(before) else { return false };
        (entered, before) = (before, pred);
    }
    let Some(around) = ways(before) else { return false };
    let Some(goes_on) = on.into_iter().find(|to| !flat.blocks[*to].cold) else { return false };
    on.into_iter().any(|to| flat.blocks[to].cold)
        && around.into_iter().any(|to| to != entered && through(to) == through(goes_on))
}
