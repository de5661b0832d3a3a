//! Everything that can go wrong, as one value.

use crate::diagnostic::{self, Diagnostic};
use crate::memory::{DataError, MemoryError};
use crate::runtime::RunError;
use crate::trap::Trap;
use std::fmt;
use std::sync::Arc;

/// Why a text was not compiled, or a call gave no value.
#[derive(Clone)]
#[non_exhaustive]
pub enum Error {
    /// The text is wrong.
    Source(SourceError),
    /// The program trapped.
    Trap(Box<Trap>),
    /// There is no such function, or it has another signature, or an argument another type.
    Signature(String),
    /// The machine refused: no memory, no executable pages, a missing processor feature.
    Machine(String),
}

/// The mistakes of a text, with the text.
#[derive(Clone, Debug)]
pub struct SourceError {
    /// The mistakes in the order of their places, at most 20.
    pub diagnostics: Vec<Diagnostic>,
    /// The text they are in.
    pub source: Arc<str>,
}

impl SourceError {
    /// All mistakes with their source lines. `name` is shown as the text's file.
    pub fn render(&self, name: &str, color: bool) -> String {
        diagnostic::render(name, &self.source, &self.diagnostics, color)
    }
}

impl Error {
    /// The trap, if it is one.
    pub fn trap(&self) -> Option<&Trap> {
        match self {
            Error::Trap(trap) => Some(trap),
            _ => None,
        }
    }

    /// The mistakes in the text, if there are.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Error::Source(source) => &source.diagnostics,
            _ => &[],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Source(source) => f.write_str(source.render("formula", false).trim_end()),
            Error::Trap(trap) => trap.fmt(f),
            Error::Signature(message) | Error::Machine(message) => f.write_str(message),
        }
    }
}

// A `main` that returns an error prints it so; nobody wants to read the fields of a diagnostic there.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<MemoryError> for Error {
    fn from(error: MemoryError) -> Error {
        Error::Machine(error.to_string())
    }
}

impl From<DataError> for Error {
    fn from(error: DataError) -> Error {
        Error::Machine(error.to_string())
    }
}

impl From<RunError> for Error {
    fn from(error: RunError) -> Error {
        match error {
            RunError::Trap(trap) => Error::Trap(trap),
            RunError::Stack { need } => Error::Machine(format!(
                "calls nested as deep as the limit allows might take {need} bytes of stack, more than the limit: allow less depth"
            )),
            RunError::Memory(error) => error.into(),
            RunError::NoFunction => Error::Signature("the program has no such function".to_owned()),
        }
    }
}
