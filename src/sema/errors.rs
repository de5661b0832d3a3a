//! Collects what is wrong with a program.

use crate::diagnostic::{self, Diagnostic, Diagnostics, cut};
use crate::span::Span;

/// Errors that are kept before they are sorted and cut to what is shown.
const KEPT: usize = 1000;
/// Misspelt names that are compared with all others, so that a text full of them stays cheap.
const SEARCHES: usize = 20;

/// The errors so far.
#[derive(Default)]
pub(super) struct Errors {
    list: Vec<Diagnostic>,
    searches: usize,
}

impl Errors {
    /// Adds an error; help and labels are attached to what is returned.
    pub fn add(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        // Past the limit the last one is replaced: it would not be shown.
        self.list.truncate(KEPT - 1);
        self.list.push(Diagnostic { code, message: message.into(), span, help: None, labels: Vec::new() });
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The last error, if any was added since there were so many.
    pub fn added_since(&mut self, count: usize) -> Option<&mut Diagnostic> {
        if self.list.len() > count { self.list.last_mut() } else { None }
    }

    /// Takes back an error at this place, which a better one explains.
    pub fn take_back(&mut self, code: &str, span: Span) {
        if let Some(at) = self.list.iter().rposition(|error| error.code == code && error.span == span) {
            self.list.remove(at);
        }
    }

    /// Whether nothing was wrong so far.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The errors in the order of the text.
    pub fn into_diagnostics(self) -> Diagnostics {
        let mut out = Diagnostics::new();
        self.list.into_iter().for_each(|error| out.push(error));
        out
    }

    /// The candidate that `name` most likely means.
    pub fn nearest<'n>(&mut self, name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        self.searches += 1;
        if self.searches > SEARCHES {
            return None;
        }
        diagnostic::nearest(name, candidates)
    }
}

/// A name in backquotes, cut to what a message holds.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", cut(text))
}

/// A name as help may write it out.
pub(super) fn brief(name: &str) -> &str {
    if name.len() <= 60 { name } else { "…" }
}
