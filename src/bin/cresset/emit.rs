//! `cresset emit`: what becomes of a program at each stage, for any machine on any host.

use crate::args::{EmitArgs, Stage};
use crate::bindings::Bindings;
use crate::hosts::Output;
use crate::json;
use crate::program::{Outcome, describe, name_of, read, status};
use cresset::{Config, Cpu, Error, Execution, Value, listing};
use std::io::Write;

pub fn emit(args: &EmitArgs) -> Outcome {
    let bindings = Bindings::parse(&args.values)?;
    let text = read(&args.file)?;
    let mut config = Config::new().execution(Execution::Interpreter).metering(!args.no_metering);
    Output::kept().add_to(&mut config);
    let engine = config.engine()?;
    let stage = match args.stage {
        Stage::Ast => listing::Stage::Ast,
        Stage::Hir => listing::Stage::Hir,
        Stage::Ir => listing::Stage::Ir,
        Stage::Asm => listing::Stage::Asm,
        Stage::Bytes => listing::Stage::Bytes,
    };
    let cpu = args.target.map_or(Cpu::Native, |target| target.cpu());
    let listed = listing::list(&engine, &text, &bindings.inputs(), stage, cpu);
    let mut stdout = std::io::stdout().lock();
    match &listed {
        Ok(listing) => stdout.write_all(listing.as_bytes())?,
        Err(error) if args.output.json => {
            writeln!(stdout, "{}", json::outcome(&Err::<Value, Error>(error.clone()), String::new()))?;
        }
        Err(error) => eprintln!("{}", describe(error, &name_of(&args.file), &text, args.output.color())),
    }
    stdout.flush()?;
    Ok(status(&listed.map(|_| Value::Unit)))
}
