//! `cresset eval --lines`: one program a line, one answer a line.

use crate::args::EvalArgs;
use crate::bindings::Bindings;
use crate::hosts::Output;
use crate::program::{Outcome, describe, engine, evaluate};
use crate::{format, json};
use cresset::Value;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

/// What is kept of a line: more than the language takes, so that a longer one is refused as too long.
const LONGEST: usize = (1 << 20) + 16;

pub fn lines(args: &EvalArgs) -> Outcome {
    let bindings = Bindings::parse(&args.values)?;
    let output = Output::kept();
    let limits = args.engine.limits();
    let engine = engine(&args.engine, &output)?;
    let mut sandbox = engine.sandbox(limits)?;
    let mut input = BufReader::with_capacity(1 << 16, std::io::stdin().lock());
    let mut stdout = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut line = Vec::new();
    while next_line(&mut input, &mut line)? {
        let outcome = evaluate(&engine, &mut sandbox, &line, &bindings);
        let printed = output.take();
        if args.output.json {
            serde_json::to_writer(&mut stdout, &json::outcome(&outcome, printed)).map_err(std::io::Error::from)?;
            stdout.write_all(b"\n")?;
        } else {
            stdout.write_all(printed.as_bytes())?;
            match &outcome {
                Ok(Value::Unit) => {}
                Ok(value) => writeln!(stdout, "{}", format::value(value))?,
                Err(error) => {
                    stdout.flush()?;
                    eprintln!("{}", describe(error, "standard input", &line, args.output.color()));
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

/// Reads the next line without its newline; false at the end. A line longer than any program is cut, the rest skipped.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
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
