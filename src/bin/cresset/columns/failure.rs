//! What ends a command early, and how it is told.

use super::formula::Formula;
use super::table::Fault;
use crate::args::OutputArgs;
use crate::program::{Outcome, describe, report, status, to_stderr};
use cresset::Error;

/// Why a command gave no result.
#[derive(Debug)]
pub enum Failure {
    /// A formula is wrong, or trapped.
    Formula {
        error: Error,
        /// The formula's argument.
        shown: String,
        /// The line of the row that trapped, in formats with lines.
        line: Option<u64>,
    },
    /// Data or a file is wrong, or the machine refuses.
    Fault(Fault),
}

impl Failure {
    /// A formula that does not compile.
    pub fn formula(error: Error, formula: &Formula) -> Failure {
        Failure::Formula { error, shown: formula.shown.clone(), line: None }
    }

    /// Tells it in the form asked for.
    pub fn tell(self, options: &OutputArgs) -> Outcome {
        match self {
            Failure::Fault(fault) => Err(fault),
            Failure::Formula { mut error, shown, line } => {
                if let Error::Source(source) = &mut error {
                    source.source = shown.as_str().into();
                }
                let row = error.trap().and_then(|trap| trap.row);
                if options.json {
                    return report(&error, "formula", shown.as_bytes(), options);
                }
                let mut text = describe(&error, "formula", shown.as_bytes(), options.color.wanted());
                match (row, line) {
                    (Some(row), Some(line)) => text.push_str(&format!("\n  = row {row}, which starts on line {line}")),
                    (Some(row), None) => text.push_str(&format!("\n  = row {row}")),
                    _ => {}
                }
                to_stderr(&text);
                Ok(status(&Err(error)))
            }
        }
    }
}

impl<E: Into<Fault>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Fault(error.into())
    }
}
