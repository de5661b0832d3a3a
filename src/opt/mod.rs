//! Passes over the IR. Each gives the same results, traps and fuel; each can be switched off.

mod bounds;
mod control;
mod dce;
pub mod elementary;
#[cfg(test)]
mod elementary_tests;
mod ends;
mod facts;
mod fold;
mod growth;
mod gvn;
mod inline;
mod licm;
mod ranges;
mod replace;
mod speculate;
pub mod vectorize;

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod inline_tests;
#[cfg(test)]
mod tests;

use crate::ir::func::{Func, InstKind};

/// Which passes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    /// Operations on constants, and identities that are exact.
    pub fold: bool,
    /// Conditions that are known, joins that are none, and small `if`s without jumps.
    pub control: bool,
    /// What is the same in every iteration, before its loop.
    pub licm: bool,
    /// One computation instead of several that are the same.
    pub gvn: bool,
    /// Checks that cannot fail.
    pub bounds: bool,
    /// Short elementary functions in line, in loops.
    pub elementary: bool,
    /// What nobody uses.
    pub dce: bool,
    /// Small functions in place of calls of them.
    pub inline: bool,
    /// Arms that may overflow without jumps, in loops.
    pub speculate: bool,
}

impl Passes {
    /// All.
    pub const ALL: Passes = Passes {
        fold: true,
        control: true,
        licm: true,
        gvn: true,
        bounds: true,
        elementary: true,
        dce: true,
        inline: true,
        speculate: true,
    };
    /// None.
    pub const NONE: Passes = Passes {
        fold: false,
        control: false,
        licm: false,
        gvn: false,
        bounds: false,
        elementary: false,
        dce: false,
        inline: false,
        speculate: false,
    };

    /// The same, with no check left out because it cannot fail.
    pub const fn with_all_checks(self) -> Passes {
        Passes { bounds: false, ..self }
    }

    /// All but one, for each, with a name that says which.
    pub const ALL_BUT_ONE: [(&str, Passes); 9] = [
        ("without fold", Passes { fold: false, ..Passes::ALL }),
        ("without control", Passes { control: false, ..Passes::ALL }),
        ("without licm", Passes { licm: false, ..Passes::ALL }),
        ("without gvn", Passes { gvn: false, ..Passes::ALL }),
        ("without bounds", Passes { bounds: false, ..Passes::ALL }),
        ("without elementary", Passes { elementary: false, ..Passes::ALL }),
        ("without dce", Passes { dce: false, ..Passes::ALL }),
        ("without inline", Passes { inline: false, ..Passes::ALL }),
        ("without speculate", Passes { speculate: false, ..Passes::ALL }),
    ];
}

impl Default for Passes {
    fn default() -> Passes {
        Passes::ALL
    }
}

/// Runs the passes on a program's functions, of which a [`crate::sema::hir::FuncId`] is the index.
pub fn optimize_program(funcs: &mut [Func], passes: &Passes) {
    let calls = |func: &Func| func.insts.iter().any(|inst| matches!(inst.kind, InstKind::Call(_)));
    if !passes.inline || !funcs.iter().any(calls) {
        for func in funcs {
            let kept = optimize(func, passes);
            speculate(func, &kept, passes);
        }
        return;
    }
    let mut kept = vec![Vec::new(); funcs.len()];
    let mut inliner = inline::Inliner::new(funcs);
    for at in inline::callees_first(funcs) {
        if inliner.expand(funcs, at) {
            check(&funcs[at], "inline");
        }
        kept[at] = optimize(&mut funcs[at], passes);
        inliner.finish(&funcs[at], at);
        if inliner.expand_self(funcs, at) {
            check(&funcs[at], "inline");
            kept[at] = optimize(&mut funcs[at], passes);
        }
    }
    // Only now is nothing copied any more into what is still to be optimized.
    for (func, kept) in funcs.iter_mut().zip(&kept) {
        speculate(func, kept, passes);
    }
}

fn speculate(func: &mut Func, kept: &[speculate::Kept], passes: &Passes) {
    if !passes.speculate || !speculate::speculate(func, kept) {
        return;
    }
    check(func, "speculate");
    // The constants of the checks.
    if passes.licm {
        licm::hoist(func);
        check(func, "licm");
    }
}

/// Runs the passes on one function. What is given back are the checks that are left, for what is done last.
pub fn optimize(func: &mut Func, passes: &Passes) -> Vec<speculate::Kept> {
    let run = |func: &mut Func, on: bool, name: &str, pass: &dyn Fn(&mut Func)| {
        if on {
            pass(func);
            check(func, name);
        }
    };
    // Most formulas are one line of operations, for which half of the passes have nothing to do.
    let has_control = !func.is_in_line();
    let has_loops = has_control && func.insts.iter().any(|inst| matches!(inst.kind, InstKind::Loop(_)));
    run(func, passes.fold, "fold", &fold::fold);
    run(func, passes.control && has_control, "control", &control::simplify);
    // Joins that are gone show more constants.
    run(func, passes.fold && passes.control && has_control, "fold", &fold::fold);
    // Of inlined calls often none is left.
    let has_control = has_control && !func.is_in_line();
    let has_loops = has_loops && has_control;
    run(func, passes.licm && has_loops, "licm", &licm::hoist);
    run(func, passes.gvn, "gvn", &|func| gvn::number(func, has_loops));
    let mut removed = bounds::Removed::default();
    if passes.bounds {
        removed = bounds::remove_checks(func);
        check(func, "bounds");
    }
    let bounds::Removed { decided, kept } = removed;
    // Arms that cannot be reached.
    run(func, passes.control && decided, "control", &control::simplify);
    run(func, passes.fold && passes.control && decided, "fold", &fold::fold);
    // What cannot trap any more can move.
    run(func, passes.licm && passes.bounds && has_loops, "licm", &licm::hoist);
    run(func, passes.dce, "dce", if has_control { &dce::remove_dead } else { &dce::remove_dead_in_line });
    kept
}

/// What is done last, when nobody asks any more which elementary functions a function of single numbers calls.
pub fn finish(func: &mut Func, passes: &Passes) {
    if !passes.elementary || !elementary::expand_short(func) {
        return;
    }
    if passes.gvn {
        gvn::number(func, func.insts.iter().any(|inst| matches!(inst.kind, InstKind::Loop(_))));
    }
    dce::remove_dead(func);
    check(func, "elementary");
}

/// A pass that breaks the rules of the IR is found where it is developed.
fn check(func: &Func, pass: &str) {
    if cfg!(debug_assertions)
        && let Err(message) = crate::ir::verify::verify(func)
    {
        debug_assert!(false, "after {pass}: {message}\n{}", crate::ir::print::print(func));
    }
}
