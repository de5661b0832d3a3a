//! Puts the functions that a row calls in place of the calls, all of them, or says why not.

use crate::ir::emit::embed;
use crate::ir::func::{Func, InstId, InstKind, Value, Values};
use crate::ir::index::Index;
use crate::opt::ends;

/// So many instructions a row has at most.
const MOST_INSTS: usize = 20_000;
/// So deep calls nest at most.
const MOST_DEPTH: u32 = 64;

/// The row function without calls, and how deep they were nested.
pub(super) fn inline(row: &Func, funcs: &[Func]) -> Result<(Func, u32), String> {
    if row.insts.len() > MOST_INSTS {
        return Err("it is too large".to_owned());
    }
    let mut func = row.clone();
    for depth in 0..=MOST_DEPTH {
        let index = Index::new(&func);
        let is_call = |id: &&InstId| matches!(func.inst(**id).kind, InstKind::Call(_));
        let calls: Vec<InstId> = index.order.iter().filter(is_call).copied().collect();
        if calls.is_empty() {
            return Ok((func, depth));
        }
        for id in calls {
            let InstKind::Call(callee) = func.inst(id).kind else { continue };
            let Some(callee) = funcs.get(callee.0 as usize) else {
                return Err("it calls an unknown function".to_owned());
            };
            if func.insts.len() + callee.insts.len() > MOST_INSTS {
                return Err("its functions are too large, or call themselves".to_owned());
            }
            let args: Vec<Value> = func.args(id).to_vec();
            let (body, _) = embed(&mut func, callee, &args, id, &|callee| callee);
            let inst = &mut func.insts[id.index()];
            inst.kind = InstKind::Block(body);
            inst.args = Values::default();
        }
        // A function that never returns ends the one that calls it, and so on outwards.
        ends::mark(&mut func);
    }
    Err("its functions call each other too deep, or themselves".to_owned())
}
