//! Formulas over columns: the API, what is reported of rows that trap or are missing, reductions.

mod binding;
mod filtered;
mod lanes;
mod mapped;
#[cfg(feature = "rayon")]
mod parallel;
#[path = "../common/kernels.rs"]
mod random_kernels;
mod results;
mod rows;

use cresset::{Config, Engine, Execution, Trap};

/// The ways to run a kernel, by name.
fn engines() -> Vec<(&'static str, Engine)> {
    let interpreter = Config::new().execution(Execution::Interpreter).engine().expect("the interpreter");
    vec![("as configured", Engine::new().expect("an engine")), ("interpreter", interpreter)]
}

/// Runs the same under each engine.
fn each(test: impl Fn(&Engine)) {
    for (name, engine) in engines() {
        eprintln!("{name}");
        test(&engine);
    }
}

#[track_caller]
fn trap<T: std::fmt::Debug>(outcome: Result<T, cresset::Error>) -> Trap {
    let error = outcome.expect_err("no trap");
    error.trap().unwrap_or_else(|| panic!("no trap: {error}")).clone()
}
