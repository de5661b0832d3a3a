//! `cresset check`: mistakes, functions and inputs, without running anything.

use crate::args::CheckArgs;
use crate::bindings::Bindings;
use crate::hosts::Output;
use crate::json;
use crate::program::{Outcome, name_of, read, report, status};
use cresset::{Config, Engine, Error, Execution, Value};
use std::io::Write;

pub fn check(args: &CheckArgs) -> Outcome {
    let bindings = Bindings::parse(&args.values)?;
    let text = read(&args.file)?;
    let mut config = Config::new().execution(Execution::Interpreter);
    Output::kept().add_to(&mut config);
    let engine = config.engine()?;
    match inspect(&engine, &text, &bindings) {
        Ok(found) => {
            let mut stdout = std::io::stdout().lock();
            let text = if args.output.json { found.json() } else { found.text() };
            stdout.write_all(text.as_bytes())?;
            stdout.flush()?;
            Ok(status(&Ok(Value::Unit)))
        }
        Err(error) => report(&error, &name_of(&args.file), &text, &args.output),
    }
}

struct Found {
    functions: Vec<String>,
    inputs: Vec<String>,
    unbound: Vec<String>,
}

impl Found {
    fn json(&self) -> String {
        let [functions, inputs, unbound] = [&self.functions, &self.inputs, &self.unbound].map(|list| json::texts(list));
        format!("{{\"ok\":{{\"functions\":{functions},\"inputs\":{inputs},\"unbound\":{unbound}}}}}\n")
    }

    fn text(&self) -> String {
        let mut lines = self.functions.clone();
        lines.extend(self.inputs.iter().map(|input| format!("input {input}")));
        lines.extend(self.unbound.iter().map(|name| format!("input {name}")));
        lines.push(match self.unbound.first() {
            None => "no mistakes found".to_owned(),
            Some(name) => {
                format!("no mistakes found so far; to check types, give each input a value, like -v {name}=1.0")
            }
        });
        lines.join("\n") + "\n"
    }
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
