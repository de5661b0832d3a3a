//! What is wrong with a source text: plain data, and the same rendered with source lines.

use crate::span::Span;

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
