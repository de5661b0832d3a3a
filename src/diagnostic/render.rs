//! Errors and traps as a terminal shows them, with the source lines they are about.
//!
//! The renderer is never given the text itself but an excerpt of it: the lines that labels stand on, each cut to what a screen
//! holds around the labels. A span of several lines is shown on its first. So the size of the output and the time it takes to
//! lay out depend on the number of labels only, whatever the lines are like.

use super::name::{QUOTE_LEN, visible};
use super::{Diagnostic, cut};
use crate::span::Span;
use crate::trap::{Trap, TrapKind};
use codespan_reporting::diagnostic as report;
use codespan_reporting::files::{Error, Files, Location};
use codespan_reporting::term::{self, termcolor};
use std::fmt::Write;
use std::ops::Range;

/// Errors with their source lines, in the order given; with the escape sequences of a colour terminal if `color`.
pub fn render(source_name: &str, source: &str, diagnostics: &[Diagnostic], color: bool) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let mut labels = vec![(diagnostic.span, String::new())];
        labels.extend(diagnostic.labels.iter().map(|(span, text)| (*span, text.clone())));
        let notes = diagnostic.help.iter().map(|help| format!("help: {help}")).collect();
        out.push_str(&show(source_name, source, diagnostic.code, &diagnostic.message, &labels, notes, color));
    }
    out
}

/// A trap with the source line it happened on, what it was about, and the calls that were under way.
pub fn render_trap(source_name: &str, source: &str, trap: &Trap, color: bool) -> String {
    let mut notes = Vec::new();
    let split = trap.stack.len().min(crate::trap::KEPT_FRAMES);
    for (i, frame) in trap.stack.iter().enumerate() {
        if i == split && trap.frames_left_out > 0 {
            notes.push(format!("… {} more calls", trap.frames_left_out));
        }
        let place = Place::of(source, frame.call.start);
        notes.push(format!(
            "in `{}`, called at {}:{}:{}",
            cut(&frame.function),
            cut(source_name),
            place.number,
            place.column
        ));
    }
    if trap.stack.len() <= split && trap.frames_left_out > 0 {
        notes.push(format!("… {} more calls", trap.frames_left_out));
    }
    show(source_name, source, trap.kind.name(), &trap_message(trap), &[(trap.span, String::new())], notes, color)
}

/// One sentence on what happened.
fn trap_message(trap: &Trap) -> String {
    let fixed = match trap.kind {
        TrapKind::IntegerOverflow => "the result does not fit 64 bits",
        TrapKind::DivideByZero => "division by zero",
        TrapKind::BadCast => "the value does not fit the type it is converted to",
        TrapKind::BadArgument => "an argument that this operation does not take",
        TrapKind::OutOfBounds => "an index outside the array",
        TrapKind::StackOverflow => "more nested calls than the limit",
        TrapKind::OutOfFuel => "no fuel left",
        TrapKind::Interrupted => "interrupted",
        TrapKind::OutOfMemory => "the arrays would take more memory than the limit",
        TrapKind::BusError => "a mapped file lost a page that was in use",
        TrapKind::HostError => "a host function failed",
    };
    let mut message = match trap.bounds {
        Some((index, len)) => format!("{index} is outside an array of {len}"),
        None => fixed.to_owned(),
    };
    if let Some(host) = &trap.host {
        let _ = write!(message, ": {}", cut(&host.message));
    }
    message
}

fn show(
    source_name: &str,
    source: &str,
    code: &str,
    message: &str,
    labels: &[(Span, String)],
    notes: Vec<String>,
    color: bool,
) -> String {
    let excerpt = Excerpt::new(cut(source_name), source, labels.iter().map(|(span, _)| *span));
    let labels = labels.iter().enumerate().map(|(i, (span, text))| {
        let range = excerpt.place(*span);
        let label = if i == 0 { report::Label::primary((), range) } else { report::Label::secondary((), range) };
        label.with_message(text)
    });
    let report = report::Diagnostic::error()
        .with_code(code)
        .with_message(message)
        .with_labels(labels.collect())
        .with_notes(notes);
    let config = term::Config::default();
    let rendered = if color {
        let mut buffer = termcolor::Buffer::ansi();
        let styles = term::Styles::default();
        let mut writer = term::StylesWriter::new(&mut buffer, &styles);
        let done = term::emit_to_write_style(&mut writer, &config, &excerpt, &report);
        done.map(|()| String::from_utf8_lossy(buffer.as_slice()).into_owned())
    } else {
        term::emit_into_string(&config, &excerpt, &report)
    };
    // Every label lies on a line of the excerpt, so this does not fail; if it did, the sentence is what matters.
    rendered.unwrap_or_else(|_| format!("error[{code}]: {message}\n"))
}

/// Where a byte of the text stands for a reader.
struct Place {
    /// The bytes of its line, without the line's end.
    line: Range<usize>,
    /// The line's number, from 1.
    number: usize,
    /// The character in the line, from 1.
    column: usize,
}

impl Place {
    fn of(source: &str, byte: u32) -> Place {
        let byte = floor_char(source, byte as usize);
        let (before, after) = source.split_at(byte);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let end = after.find('\n').map_or(source.len(), |at| byte + at);
        let number = before.bytes().filter(|&b| b == b'\n').count() + 1;
        Place { line: start..end, number, column: source[start..byte].chars().count() + 1 }
    }
}

/// The boundary of a character at or before this byte.
fn floor_char(source: &str, byte: usize) -> usize {
    let mut byte = byte.min(source.len());
    while !source.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// The lines that labels stand on, cut to size.
struct Excerpt {
    name: String,
    text: String,
    lines: Vec<Line>,
}

struct Line {
    /// In the source.
    number: usize,
    /// The number that the renderer knows it by: neighbours differ by one, others by more than two (it fills in gaps of one).
    index: usize,
    /// In [`Excerpt::text`].
    range: Range<usize>,
    /// Its first byte in the source.
    start: usize,
    /// The bytes of the source that are shown.
    shown: Range<usize>,
    /// Characters of the line that are not shown before the first that is.
    skipped: usize,
    /// For each byte shown, where it went in `text`; and one more for the end.
    map: Vec<usize>,
}

impl Excerpt {
    fn new(name: String, source: &str, spans: impl Iterator<Item = Span>) -> Excerpt {
        let mut places: Vec<(Place, usize)> = Vec::new();
        for span in spans {
            let place = Place::of(source, span.start);
            // The first span of a line decides which part of it is shown.
            if !places.iter().any(|(known, _)| known.number == place.number) {
                places.push((place, floor_char(source, span.start as usize)));
            }
        }
        places.sort_by_key(|(place, _)| place.number);
        let mut excerpt = Excerpt { name, text: String::new(), lines: Vec::new() };
        for (place, focus) in places {
            excerpt.add(source, place, focus);
        }
        excerpt
    }

    fn add(&mut self, source: &str, place: Place, focus: usize) {
        let index = match self.lines.last() {
            Some(last) if last.number + 1 == place.number => last.index + 1,
            Some(last) => last.index + 3,
            None => 0,
        };
        let line = &source[place.line.clone()];
        // Of a long line, a quarter of what is shown stands before the label.
        let long = line.chars().nth(QUOTE_LEN).is_some();
        let back = if long { QUOTE_LEN / 4 } else { usize::MAX };
        let start = source[place.line.start..focus].char_indices().rev().take(back).last();
        let start = start.map_or(focus, |(at, _)| place.line.start + at);
        let end = source[start..place.line.end].char_indices().nth(QUOTE_LEN);
        let end = end.map_or(place.line.end, |(at, _)| start + at);

        let from = self.text.len();
        if start > place.line.start {
            self.text.push('…');
        }
        let mut map = Vec::with_capacity(end - start + 1);
        for c in source[start..end].chars() {
            map.extend(std::iter::repeat_n(self.text.len(), c.len_utf8()));
            if c != '\r' {
                self.text.push(visible(c));
            }
        }
        map.push(self.text.len());
        if end < place.line.end {
            self.text.push('…');
        }
        self.text.push('\n');
        let skipped = source[place.line.start..start].chars().count();
        let range = from..self.text.len();
        self.lines.push(Line {
            number: place.number,
            index,
            range,
            start: place.line.start,
            shown: start..end,
            skipped,
            map,
        });
    }

    /// Where a span went: its first line's part, as far as it is shown.
    fn place(&self, span: Span) -> Range<usize> {
        let (start, end) = (span.start as usize, span.end as usize);
        let Some(line) = self.lines.iter().rev().find(|line| line.start <= start).or(self.lines.first()) else {
            return 0..0;
        };
        let at = |byte: usize| line.map[byte.clamp(line.shown.start, line.shown.end) - line.shown.start];
        let start = at(start);
        start..at(end).max(start)
    }

    fn line(&self, index: usize) -> Result<&Line, Error> {
        let found = self.lines.binary_search_by_key(&index, |line| line.index);
        found.map(|i| &self.lines[i]).map_err(|_| Error::LineTooLarge { given: index, max: self.lines.len() })
    }
}

impl<'a> Files<'a> for Excerpt {
    type FileId = ();
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, (): ()) -> Result<&'a str, Error> {
        Ok(&self.name)
    }

    fn source(&'a self, (): ()) -> Result<&'a str, Error> {
        Ok(&self.text)
    }

    fn line_index(&'a self, (): (), byte: usize) -> Result<usize, Error> {
        let line = self.lines.iter().rev().find(|line| line.range.start <= byte);
        line.map(|line| line.index).ok_or(Error::IndexTooLarge { given: byte, max: 0 })
    }

    fn line_number(&'a self, (): (), index: usize) -> Result<usize, Error> {
        self.line(index).map(|line| line.number)
    }

    fn line_range(&'a self, (): (), index: usize) -> Result<Range<usize>, Error> {
        self.line(index).map(|line| line.range.clone())
    }

    fn location(&'a self, (): (), byte: usize) -> Result<Location, Error> {
        let line = self.line(self.line_index((), byte)?)?;
        let byte = byte.min(line.range.end);
        let mark = usize::from(line.skipped > 0);
        let shown = self.text.get(line.range.start..byte).map_or(0, |text| text.chars().count());
        Ok(Location { line_number: line.number, column_number: shown.saturating_sub(mark) + line.skipped + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trap::Frame;

    fn error(start: u32, end: u32) -> Diagnostic {
        Diagnostic::new("E0012", Span::new(start, end), "expected an expression")
    }

    #[test]
    fn an_error_shows_its_line_and_its_help() {
        let source = "let a = 1;\nlet b = (2;\nb";
        let shown = error(21, 22)
            .with_help("close it")
            .with_label(Span::new(19, 20), "opened here")
            .render("demo", source, false);
        assert_eq!(
            shown,
            "error[E0012]: expected an expression\n  ┌─ demo:2:11\n  │\n2 │ let b = (2;\n  │         - ^\n  │         │  \n  │         opened here\n  │\n  = help: close it\n\n"
        );
    }

    #[test]
    fn labels_on_other_lines_come_with_theirs() {
        let source = "a (\nb\nc\nd\ne $";
        let shown = error(12, 13).with_label(Span::new(2, 3), "opened here").render("demo", source, false);
        assert_eq!(
            shown,
            "error[E0012]: expected an expression\n  ┌─ demo:5:3\n  │\n1 │ a (\n  │   - opened here\n  ·\n5 │ e $\n  │   ^\n\n"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_error() {
        let source = format!("{}é$é{}", "a".repeat(500_000), "b".repeat(500_000));
        let at = 500_000 + "é".len() as u32;
        let shown = error(at, at + 1).render("demo", &source, false);
        assert!(shown.contains("demo:1:500002"), "{shown}");
        assert!(shown.contains("aé$éb") && shown.contains("…aaa") && shown.contains("bbb…"), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= 90), "{shown}");
        let marks = shown.lines().find(|line| line.contains('^')).unwrap();
        let line = shown.lines().find(|line| line.contains('$')).unwrap();
        let column = |line: &str, c| line.chars().position(|x| x == c);
        assert_eq!(column(marks, '^'), column(line, '$'));
        // The start, the end, and a span of everything.
        for (start, end) in [(0, 1), (source.len() as u32, source.len() as u32), (0, source.len() as u32)] {
            let shown = error(start, end).render("demo", &source, false);
            assert!(shown.lines().all(|line| line.chars().count() <= 110), "{shown}");
        }
    }

    #[test]
    fn any_span_in_any_text_is_shown() {
        for source in ["", "\n", "\r\n\r\n", "é", "a\u{1b}[31m\tb\0", "x\n\n\ny", "\u{feff}a"] {
            for start in 0..=source.len() as u32 + 2 {
                for end in start..=source.len() as u32 + 2 {
                    let shown =
                        error(start, end).with_label(Span::new(end, end), "there").render("demo", source, false);
                    assert!(shown.starts_with("error[E0012]: expected an expression\n  ┌─ demo:"), "{shown}");
                    assert!(!shown.contains('\u{1b}') && !shown.contains('\0'));
                }
            }
        }
    }

    #[test]
    fn a_span_of_several_lines_is_shown_on_its_first() {
        let shown = error(2, 9).render("demo", "a {\nb\n}\nc", false);
        assert!(shown.contains("1 │ a {\n  │   ^") && !shown.contains("2 │"), "{shown}");
    }

    #[test]
    fn colours_only_where_asked() {
        assert!(error(0, 1).render("demo", "a", true).contains("\u{1b}["));
        assert!(!error(0, 1).render("demo", "a", false).contains('\u{1b}'));
    }

    #[test]
    fn a_trap_shows_what_it_was_about_and_the_calls() {
        let source = "fn f(i: i64) = xs[i];\nf(5)";
        let mut trap = Trap::new(TrapKind::OutOfBounds, Span::new(15, 20));
        trap.bounds = Some((5, 3));
        trap.stack = vec![Frame { function: "f".into(), call: Span::new(22, 26) }];
        assert_eq!(
            render_trap("demo", source, &trap, false),
            "error[OutOfBounds]: 5 is outside an array of 3\n  ┌─ demo:1:16\n  │\n1 │ fn f(i: i64) = xs[i];\n  │                ^^^^^\n  │\n  = in `f`, called at demo:2:1\n\n"
        );
    }

    #[test]
    fn calls_that_were_left_out_are_counted() {
        let mut trap = Trap::new(TrapKind::StackOverflow, Span::new(0, 1));
        trap.stack = vec![Frame { function: "f".into(), call: Span::new(0, 1) }; 32];
        trap.frames_left_out = 9_968;
        let shown = render_trap("demo", "f()", &trap, false);
        let notes: Vec<_> = shown.lines().filter(|line| line.starts_with("  = ")).collect();
        assert_eq!(notes.len(), 33);
        assert_eq!(notes[16], "  = … 9968 more calls");
    }
}
