//! The table of built-in functions says the truth: every example holds.

use cresset::sema::builtins::{BUILTINS, CONSTANTS};
use cresset::{Engine, Error};

#[test]
fn every_example_holds() -> Result<(), Error> {
    let engine = Engine::new()?;
    for builtin in BUILTINS {
        assert!(engine.eval::<bool>(builtin.example)?, "{}", builtin.example);
    }
    Ok(())
}

#[test]
fn every_constant_is_there() -> Result<(), Error> {
    let engine = Engine::new()?;
    for (name, ..) in CONSTANTS {
        let same = if *name == "NAN" { "is_nan(NAN)".to_string() } else { format!("{name} == {name}") };
        assert!(engine.eval::<bool>(&same)?, "{same}");
    }
    Ok(())
}
