//! `cresset check`: mistakes, functions and inputs, without running anything.

use crate::args::CheckArgs;
use crate::bindings::Bindings;
use crate::hosts::Output;
use crate::json;
use crate::program::{Outcome, describe, name_of, read, status};
use cresset::{Config, Engine, Error, Execution, Value};
use serde_json::json as object;
use std::io::Write;

pub fn check(args: &CheckArgs) -> Outcome {
    let bindings = Bindings::parse(&args.values)?;
    let text = read(&args.file)?;
    let mut config = Config::new().execution(Execution::Interpreter);
    Output::kept().add_to(&mut config);
    let engine = config.engine()?;
    let found = inspect(&engine, &text, &bindings);
    let mut stdout = std::io::stdout().lock();
    match &found {
        Ok(found) if args.output.json => {
            let ok = object!({ "functions": found.functions, "inputs": found.inputs, "unbound": found.unbound });
            writeln!(stdout, "{}", object!({ "ok": ok }))?;
        }
        Ok(found) => {
            for function in &found.functions {
                writeln!(stdout, "{function}")?;
            }
            for input in &found.inputs {
                writeln!(stdout, "input {input}")?;
            }
            for name in &found.unbound {
                writeln!(stdout, "input {name}: no value given")?;
            }
            writeln!(stdout, "no mistakes found")?;
        }
        Err(error) if args.output.json => {
            writeln!(stdout, "{}", json::outcome(&Err(error.clone()), String::new()))?;
        }
        Err(error) => eprintln!("{}", describe(error, &name_of(&args.file), &text, args.output.color())),
    }
    Ok(status(&found.map(|_| Value::Unit)))
}

struct Found {
    functions: Vec<String>,
    inputs: Vec<String>,
    unbound: Vec<String>,
}

fn inspect(engine: &Engine, text: &[u8], bindings: &Bindings) -> Result<Found, Error> {
    let inspection = engine.inspect_bytes(text)?;
    let inputs = bindings.inputs();
    let is_bound = |name: &str| inputs.iter().any(|(bound, _)| *bound == name);
    let unbound: Vec<String> =
        inspection.free_names.iter().map(|(name, _)| name.clone()).filter(|name| !is_bound(name)).collect();
    // The program's own statements have types only once all inputs have.
    if !unbound.is_empty() {
        let functions = inspection.functions.iter().map(|function| function.to_string()).collect();
        return Ok(Found { functions, inputs: Vec::new(), unbound });
    }
    let module = engine.compile_bytes(text, &inputs)?;
    Ok(Found {
        functions: module.functions().map(|function| function.to_string()).collect(),
        inputs: module.inputs().iter().map(|input| format!("{}: {}", input.name, input.ty)).collect(),
        unbound,
    })
}
