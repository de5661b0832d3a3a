//! The REPL: line editing with history, entries of several lines, errors that keep the session.

use crate::args::ReplArgs;
use crate::batch::{LONGEST, next_line};
use crate::format::Shown;
use crate::hosts::Output;
use crate::program::{Outcome, describe, to_stderr};
use crate::session::Session;
use crate::{WRONG, interrupt};
use cresset::Value;
use cresset::syntax::is_incomplete;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Completer, Editor, Helper, Highlighter, Hinter};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// So many elements of an array are shown.
const SHOWN: usize = 1_000;

const HELP: &str = "\
Type a formula, a statement or a definition: `let x = 2`, then `x^10`.
An entry with an open bracket goes on on the next line.
  :help    this text
  :list    what is defined
  :clear   forget everything
  :quit    leave (also Ctrl-D)
Ctrl-C stops a program that runs.";

pub fn repl(args: &ReplArgs) -> Outcome {
    let output = Output::default();
    let mut session = Session::new(args.engine.clone(), output.clone());
    if std::io::stdin().is_terminal() {
        interactive(&mut session, &output, args)
    } else {
        piped(&mut session, &output, args)
    }
}

fn interactive(session: &mut Session, output: &Output, args: &ReplArgs) -> Outcome {
    let mut editor: Editor<Entry, DefaultHistory> = Editor::new()?;
    editor.set_helper(Some(Entry {}));
    let history = history_file();
    if let Some(file) = &history {
        // No history yet is no error.
        let _ = editor.load_history(file);
    }
    interrupt::keep_alive();
    writeln!(std::io::stdout(), "Cresset {}. :help for help, Ctrl-D to leave.", env!("CARGO_PKG_VERSION"))?;
    loop {
        match editor.readline("> ") {
            Ok(line) => {
                let _ = editor.add_history_entry(line.as_str());
                if !answer(session, output, args, &line)?.go_on {
                    break;
                }
            }
            // Ctrl-C at the prompt throws the line away, as shells do.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(file) = &history {
        if let Some(folder) = file.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let _ = editor.save_history(file);
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads entries from a pipe or file: no prompt, no editing. The exit status tells whether any failed.
fn piped(session: &mut Session, output: &Output, args: &ReplArgs) -> Outcome {
    let mut input = std::io::stdin().lock();
    let (mut line, mut entry) = (Vec::new(), Vec::new());
    let mut failed = false;
    let mut go_on = true;
    while go_on {
        let more = next_line(&mut input, &mut line)?;
        entry.append(&mut line);
        let text = String::from_utf8_lossy(&entry);
        // What is longer than any program is not waited for.
        if more && entry.len() <= LONGEST && is_incomplete(&text) {
            entry.push(b'\n');
            continue;
        }
        let answer = answer(session, output, args, &text)?;
        failed |= answer.failed;
        go_on = more && answer.go_on;
        entry.clear();
    }
    Ok(if failed { ExitCode::from(WRONG) } else { ExitCode::SUCCESS })
}

struct Answer {
    go_on: bool,
    failed: bool,
}

fn answer(
    session: &mut Session,
    output: &Output,
    args: &ReplArgs,
    entry: &str,
) -> Result<Answer, Box<dyn std::error::Error>> {
    let mut answer = Answer { go_on: true, failed: false };
    let mut stdout = std::io::stdout();
    match entry.trim() {
        "" => {}
        ":quit" | ":q" | ":exit" | "exit" | "quit" => answer.go_on = false,
        ":help" | ":h" | ":?" | "help" | "?" => writeln!(stdout, "{HELP}")?,
        ":list" | ":l" => write!(stdout, "{}", session.describe())?,
        ":clear" => session.clear(),
        command if command.starts_with(':') => {
            answer.failed = true;
            let command = cresset::diagnostic::cut(command);
            to_stderr(&format!("there is no command {command}; :help tells which there are"));
        }
        _ => {
            interrupt::new_entry();
            let result = session.run(entry.trim_end());
            output.flush()?;
            match result {
                Ok(Value::Unit) => {}
                Ok(value) => writeln!(stdout, "{}", Shown::at_most(&value, SHOWN))?,
                Err(failure) => {
                    answer.failed = true;
                    to_stderr(&describe(&failure.error, "entry", failure.text.as_bytes(), args.color.wanted()));
                    if interrupt::seen() {
                        to_stderr("stopped by Ctrl-C");
                    }
                }
            }
        }
    }
    stdout.flush()?;
    Ok(answer)
}

/// `$XDG_STATE_HOME/cresset/history`, by default under `~/.local/state` (XDG Base Directory Specification).
fn history_file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
    Some(state.join("cresset/history"))
}

#[derive(Completer, Helper, Highlighter, Hinter)]
struct Entry {}

impl Validator for Entry {
    fn validate(&self, ctx: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_incomplete(ctx.input()) { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}
