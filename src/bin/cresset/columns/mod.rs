//! `cresset map`, `filter` and `reduce`: formulas over the rows of files.
//!
//! A [`table::Source`] gives pieces of a table, [`pipeline`] runs a [`compute::Program`] over each with several threads, and a [`table::Sink`] takes the
//! results in order: a file larger than memory takes the memory of a few pieces. [`safe_file`] makes output appear whole or not at all.

mod accumulate;
pub mod args;
mod arrow_source;
mod cells_text;
mod compute;
mod csv_cells;
mod csv_source;
mod failure;
mod format;
mod formula;
mod groups;
mod inputs;
mod map;
mod names;
mod outputs;
mod pipeline;
mod progress;
mod raw_source;
mod reduce;
mod reduce_formula;
mod report;
mod safe_file;
mod sinks;
mod table;

use crate::program::Outcome;
use args::{DataArgs, FilterArgs, MapArgs, ReduceArgs};
use std::io::Write;
use std::process::ExitCode;

/// `cresset map`.
pub fn map(args: &MapArgs) -> Outcome {
    one_stream(&args.data)?;
    match map::map(args) {
        Ok(totals) => done(&args.data, &report::json(&totals), ""),
        Err(failure) => failure.tell(&args.data.output),
    }
}

/// `cresset filter`.
pub fn filter(args: &FilterArgs) -> Outcome {
    one_stream(&args.data)?;
    match map::filter(args) {
        Ok(totals) => done(&args.data, &report::json(&totals), ""),
        Err(failure) => failure.tell(&args.data.output),
    }
}

/// `cresset reduce`.
pub fn reduce(args: &ReduceArgs) -> Outcome {
    if !args.data.outputs.is_empty() {
        one_stream(&args.data)?;
    }
    match reduce::reduce(args) {
        Ok(reduced) => {
            let text = if reduced.written { String::new() } else { reduced.table.text() };
            done(&args.data, &report::reduced_json(&reduced), &text)
        }
        Err(failure) => failure.tell(&args.data.output),
    }
}

/// Rows and a JSON object cannot both go to standard output.
fn one_stream(args: &DataArgs) -> Result<(), String> {
    let rows = args.outputs.is_empty() || args.outputs.iter().any(|output| output == "-");
    match args.output.json && rows {
        true => Err("--json writes to standard output, where the rows would go: say -o FILE".to_owned()),
        false => Ok(()),
    }
}

fn done(args: &DataArgs, json: &str, text: &str) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(if args.output.json { json } else { text }.as_bytes())?;
    stdout.flush()?;
    Ok(ExitCode::SUCCESS)
}
