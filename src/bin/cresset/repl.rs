//! The REPL: line editing with history, entries of several lines, errors that keep the session.

use crate::args::ReplArgs;
use crate::hosts::Output;
use crate::program::{Outcome, describe};
use crate::session::Session;
use crate::{WRONG, format, interrupt};
use cresset::Value;
use cresset::syntax::is_incomplete;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Completer, Editor, Helper, Highlighter, Hinter};
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
Type a formula, a statement or a definition; `let x = 2`, then `x^10`.
An entry with an open bracket goes on on the next line.
  :help    this text
  :list    what is defined
  :clear   forget everything
  :quit    leave (also Ctrl-D)
Ctrl-C stops a program that runs. All of the language: docs/language.md";

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
    println!("Cresset {}. :help for help, Ctrl-D to leave.", env!("CARGO_PKG_VERSION"));
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
    let mut entry = String::new();
    let mut failed = false;
    let mut lines = std::io::stdin().lock().lines();
    loop {
        let line = lines.next().transpose()?;
        let ended = line.is_none();
        if let Some(line) = line {
            entry.push_str(&line);
            entry.push('\n');
            if is_incomplete(&entry) {
                continue;
            }
        }
        let answer = answer(session, output, args, &entry)?;
        failed |= answer.failed;
        entry.clear();
        if ended || !answer.go_on {
            break;
        }
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
    let go_on = Answer { go_on: true, failed: false };
    match entry.trim() {
        "" => return Ok(go_on),
        ":quit" | ":q" | ":exit" | "exit" | "quit" => return Ok(Answer { go_on: false, failed: false }),
        ":help" | ":h" | ":?" | "help" | "?" => println!("{HELP}"),
        ":list" | ":l" => print!("{}", session.describe()),
        ":clear" => session.clear(),
        command if command.starts_with(':') => {
            println!("There is no command {command}; :help tells which there are.");
        }
        _ => {
            let result = session.run(entry.trim_end());
            output.flush()?;
            match result {
                Ok(Value::Unit) => {}
                Ok(value) => println!("{}", format::value(&value)),
                Err(failure) => {
                    let color = args.output.color();
                    eprintln!("{}", describe(&failure.error, "entry", failure.text.as_bytes(), color));
                    if interrupt::seen() {
                        eprintln!("stopped by Ctrl-C");
                    }
                    return Ok(Answer { go_on: true, failed: true });
                }
            }
        }
    }
    std::io::stdout().flush()?;
    Ok(go_on)
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
