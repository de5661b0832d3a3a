//! `cresset emit`: what becomes of a program at each stage, for any machine on any host.

use crate::args::{EmitArgs, Stage};
use crate::bindings::Bindings;
use crate::hosts::Output;
use crate::json::Text;
use crate::program::{Outcome, name_of, read, report};
use cresset::{Config, Cpu, Execution, listing};
use std::io::Write;
use std::process::ExitCode;

pub fn emit(args: &EmitArgs) -> Outcome {
    let bindings = Bindings::parse(&args.values)?;
    let text = read(&args.file)?;
    let mut config = Config::new().execution(Execution::Interpreter).metering(!args.no_metering);
    Output::kept().add_to(&mut config);
    let engine = config.engine()?;
    let (stage, name) = match args.stage {
        Stage::Ast => (listing::Stage::Ast, "ast"),
        Stage::Hir => (listing::Stage::Hir, "hir"),
        Stage::Ir => (listing::Stage::Ir, "ir"),
        Stage::Asm => (listing::Stage::Asm, "asm"),
        Stage::Bytes => (listing::Stage::Bytes, "bytes"),
    };
    let cpu = args.target.map_or(Cpu::Native, |target| target.cpu());
    match listing::list(&engine, &text, &bindings.inputs(), stage, cpu) {
        Ok(listing) => {
            let mut stdout = std::io::stdout().lock();
            if args.output.json {
                writeln!(stdout, "{{\"ok\":{{\"stage\":\"{name}\",\"text\":{}}}}}", Text(&listing))?;
            } else {
                stdout.write_all(listing.as_bytes())?;
            }
            stdout.flush()?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => report(&error, &name_of(&args.file), &text, &args.output),
    }
}
