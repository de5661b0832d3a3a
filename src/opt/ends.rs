//! Marks what control never reaches.
//!
//! An instruction with regions that none of its exits leaves any more (the function put there never returns, say) ends the region that it stands in.

use crate::ir::func::{Func, Inst, InstId, InstKind, RegionId, Value, Values};

/// Ends each region behind the first instruction that control does not get past.
pub(super) fn mark(func: &mut Func) {
    // What leaves an instruction stands inside it, so all of that was seen before the walk comes back to what follows; what was cut off is never seen.
    let mut left = vec![false; func.insts.len()];
    let mut stack = vec![(func.body(), 0_usize)];
    while let Some((region, next)) = stack.last_mut() {
        let (region, at) = (*region, *next);
        *next += 1;
        let insts = &func.regions[region.index()].insts;
        if let Some(&before) = at.checked_sub(1).and_then(|before| insts.get(before))
            && func.inst(before).kind.is_structured()
            && !left[before.index()]
        {
            end(func, region, at);
            stack.pop();
            continue;
        }
        let Some(&id) = insts.get(at) else {
            stack.pop();
            continue;
        };
        let kind = func.inst(id).kind;
        if let InstKind::Exit(target) = kind {
            left[target.index()] = true;
        }
        stack.extend(kind.regions().rev().map(|inner| (inner, 0)));
    }
}

/// Puts `Unreachable` at this place of a region, in place of all that follows.
fn end(func: &mut Func, of: RegionId, at: usize) {
    let rest = &func.regions[of.index()].insts[at..];
    if rest.len() == 1 && func.inst(rest[0]).kind == InstKind::Unreachable {
        return;
    }
    let span = func.inst(func.regions[of.index()].insts[at - 1]).span;
    let (id, first_result) = (InstId(func.insts.len() as u32), Value(func.values.len() as u32));
    func.insts.push(Inst { kind: InstKind::Unreachable, args: Values::default(), first_result, results: 0, span });
    let insts = &mut func.regions[of.index()].insts;
    insts.truncate(at);
    insts.push(id);
}
