//! The command line: `cresset run`, `eval`, `check`, `emit` and the REPL.

#![deny(unsafe_code)]

mod args;
mod batch;
mod bindings;
mod check;
#[cfg(feature = "columns")]
mod columns;
mod emit;
mod format;
mod hosts;
mod interrupt;
mod json;
mod pasted;
mod program;
mod repl;
mod session;

use args::{Cli, Command};
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// The program is wrong, or trapped.
const WRONG: u8 = 1;
/// The command line is wrong, or the machine refuses.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") => {
            // Whoever asked for JSON reads standard output, and expects one object there.
            let _ = writeln!(std::io::stdout().lock(), "{}", json::command_line_error(&one_line(&error.to_string())));
            return ExitCode::from(USAGE);
        }
        Err(error) => error.exit(),
    };
    let command = cli.command.unwrap_or_default();
    let json = command.wants_json();
    let outcome = match command {
        Command::Run(args) => program::run(&args),
        Command::Eval(args) if args.lines => batch::lines(&args),
        Command::Eval(args) => program::eval(&args),
        Command::Check(args) => check::check(&args),
        Command::Emit(args) => emit::emit(&args),
        Command::Repl(args) => repl::repl(&args),
        #[cfg(feature = "columns")]
        Command::Map(args) => columns::map(&args),
        #[cfg(feature = "columns")]
        Command::Filter(args) => columns::filter(&args),
        #[cfg(feature = "columns")]
        Command::Reduce(args) => columns::reduce(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(is_broken_pipe) => ExitCode::SUCCESS,
        Err(error) => {
            let message = error.to_string();
            if json {
                // Nobody can be told where nobody reads.
                let _ = writeln!(std::io::stdout().lock(), "{}", json::command_line_error(&message));
            } else {
                program::to_stderr(&format!("cresset: {message}"));
            }
            ExitCode::from(USAGE)
        }
    }
}

/// What is wrong with the arguments, without the usage that follows on a terminal.
fn one_line(told: &str) -> String {
    let told = ["\n\nUsage:", "\n\nFor more"].iter().fold(told, |told, end| told.split(end).next().unwrap_or(told));
    told.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whoever read our output has seen enough, as `head` does.
fn is_broken_pipe(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}
