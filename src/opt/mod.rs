//! Passes over the IR. Each gives the same results, traps and fuel; each can be switched off.

mod bounds;
mod control;
mod dce;
pub mod elementary;
#[cfg(test)]
mod elementary_tests;
mod fold;
mod gvn;
mod licm;
mod replace;
pub mod vectorize;

#[cfg(test)]
mod tests;

use crate::ir::func::Func;

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
    /// What nobody uses.
    pub dce: bool,
}

impl Passes {
    /// All.
    pub const ALL: Passes = Passes { fold: true, control: true, licm: true, gvn: true, bounds: true, dce: true };
    /// None.
    pub const NONE: Passes = Passes { fold: false, control: false, licm: false, gvn: false, bounds: false, dce: false };
}

impl Default for Passes {
    fn default() -> Passes {
        Passes::ALL
    }
}

/// Runs the passes.
pub fn optimize(func: &mut Func, passes: &Passes) {
    let run = |func: &mut Func, on: bool, name: &str, pass: fn(&mut Func)| {
        if on {
            pass(func);
            check(func, name);
        }
    };
    run(func, passes.fold, "fold", fold::fold);
    run(func, passes.control, "control", control::simplify);
    // Joins that are gone show more constants.
    run(func, passes.fold && passes.control, "fold", fold::fold);
    run(func, passes.licm, "licm", licm::hoist);
    run(func, passes.gvn, "gvn", gvn::number);
    run(func, passes.bounds, "bounds", bounds::remove_checks);
    // What cannot trap any more can move.
    run(func, passes.licm && passes.bounds, "licm", licm::hoist);
    run(func, passes.dce, "dce", dce::remove_dead);
}

/// A pass that breaks the rules of the IR is found where it is developed.
fn check(func: &Func, pass: &str) {
    if cfg!(debug_assertions)
        && let Err(message) = crate::ir::verify::verify(func)
    {
        debug_assert!(false, "after {pass}: {message}\n{}", crate::ir::print::print(func));
    }
}
