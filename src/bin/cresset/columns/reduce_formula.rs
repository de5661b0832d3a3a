//! Takes reductions out of a formula: `sum(x * w) / sum(w)` is two row formulas and what is made of their totals.

use super::formula::{Formula, blanks, words};
use cresset::Reduction;
use std::ops::Range;

/// More reductions than anybody writes in one formula.
const MOST: usize = 900;

/// A formula of reductions.
#[derive(Clone, Debug)]
pub struct ReduceFormula {
    /// The formula as it was written.
    pub whole: Formula,
    /// Its reductions in their order.
    pub parts: Vec<Part>,
    /// The formula with names in place of its reductions; none where it is one alone.
    pub outer: Option<String>,
}

/// One reduction.
#[derive(Clone, Debug)]
pub struct Part {
    pub reduction: Reduction,
    /// What is reduced, the rest of the argument blank; none for `count()`.
    pub inner: Option<Formula>,
    /// All of it, in the argument.
    pub span: Range<usize>,
    /// What stands for it in the outer formula.
    pub name: String,
}

impl ReduceFormula {
    /// Takes an argument apart.
    pub fn parse(argument: &str) -> ReduceFormula {
        let whole = Formula::parse(argument);
        let text = &whole.program;
        let mut parts = Vec::new();
        let taken = words(text);
        let mut fresh = (0..).map(|number: u32| format!("r{number}")).filter(|name| !taken.contains(&name.as_str()));
        let mut scan = Scan::new(text.as_bytes());
        while let Some((reduction, span, inside)) = scan.next_reduction() {
            let Some(name) = fresh.next().filter(|_| parts.len() < MOST) else { break };
            let inner = (!text[inside.clone()].trim().is_empty()).then(|| Formula {
                name: None,
                shown: whole.shown.clone(),
                program: blanks(&text[..inside.start]) + &text[inside.clone()],
            });
            parts.push(Part { reduction, inner, span, name });
        }
        let alone = parts.len() == 1
            && text[..parts[0].span.start].trim().is_empty()
            && text[parts[0].span.end..].trim().is_empty();
        let outer = (!alone).then(|| {
            let mut outer = text.clone();
            for part in &parts {
                // As long as what it stands for, so that places stay.
                let len = part.span.len();
                outer.replace_range(part.span.clone(), &format!("{:len$}", part.name));
            }
            outer
        });
        ReduceFormula { whole, parts, outer }
    }
}

/// Looks for calls of reductions with one argument.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    /// Where the parenthesis that opens at a place closes, if only one argument stands between: found for all of them in one go.
    closes: Vec<(usize, usize)>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a [u8]) -> Scan<'a> {
        let mut scan = Scan { text, at: 0, closes: Vec::new() };
        let mut open: Vec<(usize, bool)> = Vec::new();
        while scan.at < text.len() {
            if scan.skip_comment() {
                continue;
            }
            match text[scan.at] {
                b'(' | b'[' | b'{' => open.push((scan.at, false)),
                b')' | b']' | b'}' => {
                    if let Some((start, false)) = open.pop() {
                        scan.closes.push((start, scan.at));
                    }
                }
                b',' => {
                    if let Some((_, several)) = open.last_mut() {
                        *several = true;
                    }
                }
                _ => {}
            }
            scan.at += 1;
        }
        scan.closes.sort_unstable();
        scan.at = 0;
        scan
    }

    /// The next one: all of it, and its argument.
    fn next_reduction(&mut self) -> Option<(Reduction, Range<usize>, Range<usize>)> {
        while self.at < self.text.len() {
            if self.skip_comment() {
                continue;
            }
            let start = self.at;
            let word = self.word();
            if word.is_empty() {
                self.at += 1;
                continue;
            }
            let Some(reduction) = Reduction::ALL.into_iter().find(|reduction| reduction.name().as_bytes() == word)
            else {
                continue;
            };
            self.skip_space();
            // `min(a, b)` is of one row, or of reductions: what stands between its parentheses is looked at in turn.
            if self.text.get(self.at) == Some(&b'(')
                && let Ok(found) = self.closes.binary_search_by_key(&self.at, |(open, _)| *open)
            {
                let (open, close) = self.closes[found];
                self.at = close + 1;
                return Some((reduction, start..close + 1, open + 1..close));
            }
        }
        None
    }

    fn word(&mut self) -> &[u8] {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|byte| *byte == b'_' || byte.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn skip_space(&mut self) {
        while self.at < self.text.len() {
            if self.text[self.at].is_ascii_whitespace() {
                self.at += 1;
            } else if !self.skip_comment() {
                break;
            }
        }
    }

    fn skip_comment(&mut self) -> bool {
        let rest = &self.text[self.at..];
        if rest.starts_with(b"//") {
            self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            return true;
        }
        if !rest.starts_with(b"/*") {
            return false;
        }
        let (mut depth, mut at) = (0, self.at);
        while at < self.text.len() {
            match &self.text[at..] {
                [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
                [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
                _ => at += 1,
            }
            if depth == 0 {
                break;
            }
        }
        self.at = at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(argument: &str) -> (Vec<(&'static str, String)>, Option<String>) {
        let formula = ReduceFormula::parse(argument);
        let inner = |part: &Part| part.inner.as_ref().map_or(String::new(), |inner| inner.program.trim().to_owned());
        (formula.parts.iter().map(|part| (part.reduction.name(), inner(part))).collect(), formula.outer)
    }

    #[test]
    fn reductions_are_taken_out() {
        assert_eq!(parts("mean(price * qty)"), (vec![("mean", "price * qty".to_owned())], None));
        assert_eq!(parts(" n = count( )"), (vec![("count", String::new())], None));
        let (found, outer) = parts("sum(x * w) / sum(w)");
        assert_eq!(found, [("sum", "x * w".to_owned()), ("sum", "w".to_owned())]);
        assert_eq!(outer.as_deref(), Some("r0         / r1    "));
        assert_eq!(parts("min(sum(a), max(b, 1))").0, [("sum", "a".to_owned())]);
        assert_eq!(parts("max(min(a, b)) // sum(c)").0, [("max", "min(a, b)".to_owned())]);
        assert_eq!(parts("/* sum(a) /* x */ */ any (a > (1))").0, [("any", "a > (1)".to_owned())]);
        assert_eq!(parts("my_sum(a) + summa(b) + 1sum(c)").0, []);
        assert_eq!(parts("r0 + sum(r1)").1.as_deref(), Some("r0 + r2     "));
        assert_eq!(parts("sum(a").0, []);
        assert_eq!(parts("sum").0, []);
    }

    #[test]
    fn a_long_formula_takes_linear_time() {
        let depth = 100_000;
        assert_eq!(parts(&"min(".repeat(depth)).0, []);
        assert_eq!(parts(&("min(1, ".repeat(depth) + &")".repeat(depth))).0, []);
        assert_eq!(parts(&("sum(".repeat(depth) + &")".repeat(depth))).0.len(), 1);
    }
}
