//! `cresset run` and `cresset eval`.

use crate::args::{EngineArgs, EvalArgs, OutputArgs, RunArgs};
use crate::bindings::Bindings;
use crate::format::Shown;
use crate::hosts::Output;
use crate::{USAGE, WRONG, interrupt, json};
use cresset::{Config, Engine, Error, Sandbox, TrapKind, Value};
use std::error::Error as StdError;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::ExitCode;

/// What ends a command early: a wrong command line, or a machine that refuses.
pub type Outcome = Result<ExitCode, Box<dyn StdError>>;

/// An engine with the command line's host functions.
pub fn engine(args: &EngineArgs, output: &Output) -> Result<Engine, Error> {
    let mut config = Config::new().execution(args.execution()).cpu(args.cpu()).catch_faults(true).limits(args.limits());
    output.add_to(&mut config);
    config.engine()
}

/// The text of a file or of standard input; not more than the language allows by much, whatever the file holds.
pub fn read(file: &Path) -> Result<Vec<u8>, String> {
    const ENOUGH: u64 = (1 << 20) + 1;
    let mut text = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(ENOUGH).read_to_end(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(ENOUGH).read_to_end(&mut text))
    };
    read.map_err(|error| format!("cannot read {}: {error}", name_of(file)))?;
    Ok(text)
}

/// The name that messages show for a file.
pub fn name_of(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

pub fn run(args: &RunArgs) -> Outcome {
    let bindings = Bindings::parse(args.values.iter().chain(&args.more_values))?;
    let text = read(&args.file)?;
    one(&name_of(&args.file), &text, &bindings, &args.engine, &args.output)
}

pub fn eval(args: &EvalArgs) -> Outcome {
    let bindings = Bindings::parse(&args.values)?;
    match args.expr.as_deref() {
        Some("-") => one("standard input", &read(Path::new("-"))?, &bindings, &args.engine, &args.output),
        expr => one("expression", expr.unwrap_or_default().as_bytes(), &bindings, &args.engine, &args.output),
    }
}

/// Compiles and runs one text in a sandbox.
pub fn evaluate(engine: &Engine, sandbox: &mut Sandbox, text: &[u8], bindings: &Bindings) -> Result<Value, Error> {
    engine.compile_bytes(text, &bindings.inputs())?.run_in(sandbox, &mut bindings.args())
}

fn one(name: &str, text: &[u8], bindings: &Bindings, engine: &EngineArgs, options: &OutputArgs) -> Outcome {
    let output = if options.json { Output::kept() } else { Output::default() };
    let limits = engine.limits();
    let engine = self::engine(engine, &output)?;
    let mut sandbox = engine.sandbox(limits)?;
    let outcome = {
        let _guard = interrupt::cancels(sandbox.cancel_handle());
        evaluate(&engine, &mut sandbox, text, bindings)
    };
    output.flush()?;
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    match &outcome {
        outcome if options.json => writeln!(stdout, "{}", json::Outcome { outcome, output: &output.take() })?,
        Ok(Value::Unit) => {}
        Ok(value) => writeln!(stdout, "{}", Shown::whole(value))?,
        Err(error) => to_stderr(&describe(error, name, text, options.color.wanted())),
    }
    stdout.flush()?;
    Ok(status(&outcome))
}

/// Writes out an error that ended a command, in the form asked for.
pub fn report(error: &Error, name: &str, text: &[u8], options: &OutputArgs) -> Outcome {
    let outcome = Err(error.clone());
    if options.json {
        writeln!(std::io::stdout().lock(), "{}", json::Outcome { outcome: &outcome, output: "" })?;
    } else {
        to_stderr(&describe(error, name, text, options.color.wanted()));
    }
    Ok(status(&outcome))
}

/// The exit status that an outcome stands for.
pub fn status(outcome: &Result<Value, Error>) -> ExitCode {
    match outcome {
        Ok(_) => ExitCode::SUCCESS,
        Err(Error::Trap(trap)) if trap.kind == TrapKind::Interrupted && interrupt::seen() => {
            ExitCode::from(interrupt::STATUS)
        }
        Err(Error::Source(_) | Error::Trap(_)) => ExitCode::from(WRONG),
        Err(_) => ExitCode::from(USAGE),
    }
}

/// An error with its source lines.
pub fn describe(error: &Error, name: &str, text: &[u8], color: bool) -> String {
    let rendered = match error {
        Error::Source(source) => source.render(name, color),
        Error::Trap(trap) => cresset::diagnostic::render_trap(name, &String::from_utf8_lossy(text), trap, color),
        other => format!("cresset: {other}"),
    };
    rendered.trim_end().to_owned()
}

/// Writes a line to standard error. Where nobody reads that, nobody can be told.
pub fn to_stderr(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
