//! Collects what is wrong with a program, and finds the nearest name to a misspelt one.

use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// Errors that are kept before they are sorted and cut to what is shown.
const KEPT: usize = 1000;
/// Misspelt names that are compared with all others, so that a text full of them stays cheap.
const SEARCHES: usize = 20;
/// Characters of a quoted name or text.
const QUOTED: usize = 80;

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

    /// Whether nothing was wrong so far.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The errors in the order of the text.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| (d.span.start, d.span.end));
        self.list
    }

    /// The candidate that `name` most likely means.
    pub fn nearest<'n>(&mut self, name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
        self.searches += 1;
        if self.searches > SEARCHES || name.len() > QUOTED {
            return None;
        }
        nearest(name, candidates)
    }
}

/// A name or text in backquotes, cut to 80 characters.
pub(super) fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

/// The candidate with the fewest edits from `name`: none but case, else at most a third of its letters.
fn nearest<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let limit = match name.len() {
        0 => return None,
        1..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.eq_ignore_ascii_case(name) {
            return Some(candidate);
        }
        if candidate.len().abs_diff(name.len()) > limit || limit == 0 {
            continue;
        }
        let distance = edits(name.as_bytes(), candidate.as_bytes());
        if distance <= limit && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Insertions, removals, replacements and swaps of neighbours that make `a` into `b`.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let mut cost = (last[j] + usize::from(a[i] != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_prefers_fewest_edits() {
        assert_eq!(nearest("sqr", ["sqrt", "sum", "sin"].into_iter()), Some("sqrt"));
        assert_eq!(nearest("pi", ["PI", "E"].into_iter()), Some("PI"));
        assert_eq!(nearest("flor", ["ceil", "floor"].into_iter()), Some("floor"));
        assert_eq!(nearest("velocty", ["velocity", "v"].into_iter()), Some("velocity"));
        assert_eq!(nearest("q", ["x", "y"].into_iter()), None);
        assert_eq!(nearest("zebra", ["x", "y", "radius"].into_iter()), None);
    }

    #[test]
    fn edits_count_swaps_once() {
        assert_eq!(edits(b"wdith", b"width"), 1);
        assert_eq!(edits(b"", b"ab"), 2);
        assert_eq!(edits(b"kitten", b"sitting"), 3);
    }

    #[test]
    fn quotes_are_cut() {
        assert_eq!(quote("x"), "`x`");
        assert_eq!(quote(&"a".repeat(81)), format!("`{}…`", "a".repeat(80)));
    }
}
