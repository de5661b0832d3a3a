//! A program pasted together from what a session knows and from an entry, with errors told where its user sees them.

use crate::session::Failure;
use cresset::{Error, Span};
use std::sync::Arc;

/// A program whose parts remember where they come from.
#[derive(Clone)]
pub struct Pasted<'a> {
    /// The whole program.
    text: String,
    /// The definitions that came before, as they are shown where an error is in them.
    before: String,
    entry: &'a str,
    parts: Vec<Part>,
}

#[derive(Clone, Copy)]
struct Part {
    /// Where it is in the program.
    here: Span,
    /// Where it starts in what is shown: definitions, then the entry.
    shown: u32,
    /// Whether it is of the entry.
    of_entry: bool,
}

impl<'a> Pasted<'a> {
    /// A program with nothing in it yet.
    pub fn new(entry: &'a str) -> Pasted<'a> {
        Pasted { text: String::new(), before: String::new(), entry, parts: Vec::new() }
    }

    /// The program.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Definitions of the session; they come first.
    pub fn definitions<'d>(&mut self, definitions: impl Iterator<Item = &'d str>) {
        for definition in definitions {
            let shown = self.before.len() as u32;
            self.push(definition, shown, false);
            self.before.push_str(definition);
            self.before.push('\n');
            // Its own `;` may be outside its text; an empty statement does no harm.
            self.glue(";\n");
        }
    }

    /// A part of the entry.
    pub fn entry(&mut self, part: Span) {
        let entry = self.entry;
        self.push(&entry[part.start as usize..part.end as usize], part.start, true);
    }

    /// Text that the user did not write.
    pub fn glue(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn push(&mut self, text: &str, shown: u32, of_entry: bool) {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        self.parts.push(Part { here: Span::new(start, self.text.len() as u32), shown, of_entry });
    }

    fn find(&self, span: Span) -> Option<(Span, bool)> {
        let part = self.parts.iter().find(|part| part.here.start <= span.start && span.end <= part.here.end)?;
        let moved = |at: u32| at - part.here.start + part.shown;
        Some((Span::new(moved(span.start), moved(span.end)), part.of_entry))
    }

    /// The error with its places in the entry alone, or where it is also about earlier definitions in these and the entry.
    pub fn failure(&self, mut error: Error) -> Failure {
        // What the session says before an entry is not shown, so nothing points at it.
        if let Error::Source(source) = &mut error {
            for diagnostic in &mut source.diagnostics {
                diagnostic.labels.retain(|(span, _)| self.find(*span).is_some());
            }
        }
        let mut alone = true;
        each_span(&mut error, |span| alone &= self.find(*span).is_none_or(|(_, of_entry)| of_entry));
        let shift = if alone { 0 } else { self.before.len() as u32 };
        // What went wrong in between, such as fuel that ran out, is about the entry as a whole.
        let whole = Span::new(shift, shift + self.entry.len() as u32);
        each_span(&mut error, |span| {
            *span = match self.find(*span) {
                Some((Span { start, end }, true)) => Span::new(start + shift, end + shift),
                Some((span, false)) => span,
                None => whole,
            };
        });
        let text = if alone { self.entry.to_owned() } else { format!("{}{}", self.before, self.entry) };
        if let Error::Source(source) = &mut error {
            source.source = Arc::from(text.as_str());
        }
        Failure { error, text }
    }
}

fn each_span(error: &mut Error, mut each: impl FnMut(&mut Span)) {
    match error {
        Error::Source(source) => {
            for diagnostic in &mut source.diagnostics {
                each(&mut diagnostic.span);
                diagnostic.labels.iter_mut().for_each(|(span, _)| each(span));
            }
        }
        Error::Trap(trap) => {
            each(&mut trap.span);
            trap.stack.iter_mut().for_each(|frame| each(&mut frame.call));
        }
        _ => {}
    }
}
