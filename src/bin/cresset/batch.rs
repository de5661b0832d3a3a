//! `cresset eval --lines`: one program a line, one answer a line.

use crate::args::EvalArgs;
use crate::bindings::Bindings;
use crate::format::Shown;
use crate::hosts::Output;
use crate::json;
use crate::program::{Outcome, describe, engine, evaluate, to_stderr};
use cresset::{Engine, Error, Sandbox, Value};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// What is kept of a line: more than the language takes, so that a longer one is refused as too long.
pub const LONGEST: usize = (1 << 20) + 16;

pub fn lines(args: &EvalArgs) -> Outcome {
    let bindings = Bindings::parse(&args.values)?;
    let output = Output::kept();
    let engine = engine(&args.engine, &output)?;
    let mut sandbox = engine.sandbox(args.engine.limits())?;
    if args.output.json {
        // What went wrong is in the line's answer, and nowhere else.
        std::panic::set_hook(Box::new(|_| {}));
    }
    let mut input = BufReader::with_capacity(1 << 16, std::io::stdin().lock());
    let mut stdout = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut line = Vec::new();
    let mut number = 0_u64;
    while next_line(&mut input, &mut line)? {
        number += 1;
        let outcome = match answer(&engine, &mut sandbox, &line, &bindings) {
            Some(outcome) => outcome,
            None => {
                sandbox = engine.sandbox(args.engine.limits())?;
                Err(Error::Machine("internal error: please report this program".to_owned()))
            }
        };
        let printed = output.take();
        if args.output.json {
            writeln!(stdout, "{}", json::Outcome { outcome: &outcome, output: &printed })?;
        } else {
            stdout.write_all(printed.as_bytes())?;
            match &outcome {
                Ok(Value::Unit) => {}
                Ok(value) => writeln!(stdout, "{}", Shown::whole(value))?,
                Err(error) => {
                    stdout.flush()?;
                    to_stderr(&describe(error, &format!("line {number}"), &line, args.output.color.wanted()));
                }
            }
        }
        // Whoever writes a line and waits for its answer gets it; whoever writes many is answered in large pieces.
        if input.buffer().is_empty() {
            stdout.flush()?;
        }
    }
    stdout.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The answer to one line, or nothing where this program itself failed: the lines to come have theirs all the same.
fn answer(engine: &Engine, sandbox: &mut Sandbox, line: &[u8], bindings: &Bindings) -> Option<Result<Value, Error>> {
    catch_unwind(AssertUnwindSafe(|| evaluate(engine, sandbox, line, bindings))).ok()
}

/// Reads the next line without its newline; false at the end. A line longer than any program is cut, the rest skipped.
pub fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let chunk = match input.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            chunk => chunk?,
        };
        if chunk.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let piece = &chunk[..end.unwrap_or(chunk.len())];
        let room = LONGEST.saturating_sub(line.len());
        line.extend_from_slice(&piece[..piece.len().min(room)]);
        let used = piece.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_a_newline_or_the_input() {
        let text = [b"a\n\nb".to_vec(), vec![b'x'; LONGEST + 5], b"\nlast\n".to_vec()].concat();
        let mut input = BufReader::with_capacity(7, text.as_slice());
        let mut line = Vec::new();
        let mut lengths = Vec::new();
        while next_line(&mut input, &mut line).unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [1, 0, LONGEST, 4]);
    }
}
