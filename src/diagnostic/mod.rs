//! What is wrong with a source text: plain data, and the same rendered with source lines or as JSON.
//!
//! A [`Diagnostic`] knows only byte offsets; the text it is about is given again when it is rendered. Codes never change their
//! meaning and are listed once, in [`CODES`].

use crate::span::Span;
use std::fmt;

mod codes;
mod json;
mod name;
mod render;

pub use codes::{CODES, CodeInfo, explain};
pub(crate) use name::is_format;
pub use name::{cut, nearest};
pub use render::{render, render_trap};

/// How many errors are kept for one source text: those that come first in it.
pub const MAX_ERRORS: usize = 20;

/// One mistake in a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, `E0001` and on; [`CODES`] lists them all.
    pub code: &'static str,
    /// One sentence. Quoted names are cut to 80 characters.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to write instead, where that is known.
    pub help: Option<String>,
    /// Further places that matter, each with what it is.
    pub labels: Vec<(Span, String)>,
}

impl Diagnostic {
    /// An error with nothing but its sentence and its place.
    pub fn new(code: &'static str, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code, message: message.into(), span, help: None, labels: Vec::new() }
    }

    /// Adds what to write instead.
    pub fn with_help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Adds another place that matters.
    pub fn with_label(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push((span, text.into()));
        self
    }

    /// This error with its source lines, as a terminal shows it.
    pub fn render(&self, source_name: &str, source: &str, color: bool) -> String {
        render(source_name, source, std::slice::from_ref(self), color)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// The errors of one source text: sorted by place, one of a code at a place, the first [`MAX_ERRORS`] of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    left_out: usize,
}

impl Diagnostics {
    /// No errors yet.
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    /// Adds an error, unless the same is known or too many stand before it.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let key = |d: &Diagnostic| (d.span, d.code);
        match self.list.binary_search_by(|known| key(known).cmp(&key(&diagnostic))) {
            Ok(_) => {}
            Err(at) if at >= MAX_ERRORS => self.left_out += 1,
            Err(at) => {
                if self.list.len() == MAX_ERRORS {
                    self.list.pop();
                    self.left_out += 1;
                }
                self.list.insert(at, diagnostic);
            }
        }
    }

    /// Adds all of another stage's errors.
    pub fn extend(&mut self, other: Diagnostics) {
        self.left_out += other.left_out;
        for diagnostic in other.list {
            self.push(diagnostic);
        }
    }

    /// Whether the text has no error.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many errors are kept.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether as many errors as are ever kept are known; finding more is of little use.
    pub fn is_full(&self) -> bool {
        self.list.len() == MAX_ERRORS
    }

    /// How many errors were found but not kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The errors, in the order of their places.
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.list
    }

    /// The errors, in the order of their places.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// The errors, in the order of their places.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.list
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: u32, code: &'static str) -> Diagnostic {
        Diagnostic::new(code, Span::new(start, start + 1), "m")
    }

    #[test]
    fn errors_are_sorted_by_place_and_told_once() {
        let mut all = Diagnostics::new();
        for (start, code) in [(9, "E0002"), (3, "E0001"), (9, "E0001"), (3, "E0001")] {
            all.push(at(start, code));
        }
        let order: Vec<_> = all.iter().map(|d| (d.span.start, d.code)).collect();
        assert_eq!(order, [(3, "E0001"), (9, "E0001"), (9, "E0002")]);
        assert_eq!(all.left_out(), 0);
    }

    #[test]
    fn the_twenty_that_come_first_are_kept() {
        let mut all = Diagnostics::new();
        for start in (0..1000).rev() {
            all.push(at(start, "E0001"));
        }
        assert_eq!(all.len(), MAX_ERRORS);
        assert!(all.is_full());
        assert_eq!(all.left_out(), 980);
        assert_eq!(all.as_slice()[19].span.start, 19);
    }

    #[test]
    fn display_is_one_line_with_the_help() {
        assert_eq!(at(0, "E0001").with_help("do that").to_string(), "E0001: m (do that)");
        assert_eq!(at(0, "E0001").to_string(), "E0001: m");
    }
}
