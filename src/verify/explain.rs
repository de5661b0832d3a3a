//! What was known at an instruction that is rejected, in words.

use super::check::Checker;
use super::values::{Id, UNKNOWN};
use std::fmt::Write;

/// The instructions of the function, and what is known where the walk stopped.
pub(super) fn state(checker: &Checker<'_>) -> String {
    let mut text = String::new();
    for (number, block) in checker.graph.blocks.iter().enumerate() {
        let head = if checker.heads.get(number).is_some_and(Option::is_some) { " (head of a loop)" } else { "" };
        let _ = writeln!(text, "block {number}{head}:");
        for inst in block.first..block.end {
            let here = if inst == checker.inst { " <-- here" } else { "" };
            let _ = writeln!(text, "  {:#x} {:?}{here}", checker.graph.offset(inst), checker.graph.steps_of(inst));
        }
    }
    let state = &checker.state;
    let _ = writeln!(text, "sp {} touched {} fuel {:?} flags {:?}", state.sp, state.touched, state.fuel, state.flags);
    let mut shown: Vec<Id> = Vec::new();
    let mut show = |text: &mut String, name: String, id: Id| {
        if id != UNKNOWN {
            let _ = writeln!(text, "{name} = v{id}");
            shown.push(id);
        }
    };
    for (class, regs) in [("r", &state.ints[..]), ("v", &state.vectors[..]), ("k", &state.masks[..])] {
        regs.iter().enumerate().for_each(|(reg, id)| show(&mut text, format!("{class}{reg}"), *id));
    }
    state.slots.iter().for_each(|(at, id)| show(&mut text, format!("[{at}]"), id));
    for limit in &state.limits {
        let _ = writeln!(text, "v{} <= v{} + {}", limit.less, limit.than, limit.by);
        shown.extend([limit.less, limit.than]);
    }
    shown.sort_unstable();
    shown.dedup();
    for id in shown {
        let _ = writeln!(text, "v{id}: {:?}", checker.values.get(id));
    }
    for (number, head) in checker.heads.iter().enumerate() {
        let Some(head) = head else { continue };
        let _ = writeln!(text, "head {number}: {:?}\n  {:?}", head.fresh, head.limits);
    }
    text
}
