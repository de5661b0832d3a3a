//! Number literals.

use super::lexer::{Lexer, is_ident_byte};
use super::token::Kind;
use super::unusual;
use crate::diagnostic::{Diagnostic, cut};
use crate::span::Span;

/// What is wrong with a literal: a sentence and, where one is known, the way to write it.
type Fault = (String, Option<String>);

impl Lexer<'_> {
    /// A literal that starts here, with a digit or with a point and a digit.
    pub(super) fn number(&mut self) {
        let start = self.at;
        let mut fault = None;
        let radix = match (self.byte(0), self.byte(1)) {
            (b'0', b'x') => 16,
            (b'0', b'b') => 2,
            _ => 10,
        };
        let mut float = false;
        if radix != 10 {
            self.at += 2;
            if !self.digits(radix, &mut fault) {
                fault.get_or_insert_with(|| ("digits have to follow `0x` and `0b`".to_owned(), None));
            }
        } else {
            self.digits(10, &mut fault);
            if self.byte(0) == b'.' && self.byte(1) != b'.' {
                float = true;
                self.at += 1;
                if !self.digits(10, &mut fault) {
                    let whole = self.text(start, self.at - 1);
                    let fix = (!self.byte(0).is_ascii_alphabetic()).then(|| format!("write `{}.0`", cut(whole)));
                    fault.get_or_insert_with(|| ("a digit has to follow the point of a number".to_owned(), fix));
                }
            }
            if matches!(self.byte(0), b'e' | b'E') {
                let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
                if self.byte(1 + sign).is_ascii_digit() {
                    float = true;
                    self.at += 1 + sign;
                    self.digits(10, &mut fault);
                }
            }
        }
        let end = self.at;
        self.what_follows(start, end, radix, float, &mut fault);
        if let Some((message, help)) = fault {
            let mut error = Diagnostic::new("E0006", self.span(start), message);
            error.help = help;
            self.errors.push(error);
            self.push(Kind::BadOperand, start);
        } else if float {
            self.float(start);
        } else {
            self.int(start, radix);
        }
    }

    /// Digits with `_` between them; whether there is any.
    fn digits(&mut self, radix: u32, fault: &mut Option<Fault>) -> bool {
        let start = self.at;
        let is_digit = |b: u8| char::from(b).is_digit(radix);
        let mut any = false;
        while is_digit(self.byte(0)) || self.byte(0) == b'_' {
            if self.byte(0) == b'_' {
                let between = self.at > start && is_digit(self.source[self.at - 1]) && is_digit(self.byte(1));
                if !between {
                    fault.get_or_insert_with(|| ("`_` stands only between the digits of a number".to_owned(), None));
                }
            } else {
                any = true;
            }
            self.at += 1;
        }
        any
    }

    /// Takes what stands right behind a literal and cannot.
    fn what_follows(&mut self, start: usize, end: usize, radix: u32, float: bool, fault: &mut Option<Fault>) {
        // Everything that looks like a part of the literal goes with it, so that it is told once.
        loop {
            let next = self.byte(0);
            if is_ident_byte(next) {
                self.at += 1;
            } else if next >= 0x80 {
                match self.text(self.at, self.source.len()).chars().next() {
                    Some(c) if unusual::is_name_part(c) => self.at += c.len_utf8(),
                    _ => break,
                }
            } else if next == b'.' && self.byte(1) != b'.' && (float || radix != 10 || self.at > end) {
                self.at += 1;
            } else {
                break;
            }
        }
        if self.at == end || fault.is_some() {
            return;
        }
        let literal = self.text(start, end);
        let rest = self.text(end, self.at);
        let quoted = cut(rest);
        let found = if rest.starts_with('.') {
            ("a number has one point at most, and only a decimal one".to_owned(), None)
        } else if matches!(rest, "e" | "E") {
            ("digits have to follow the `e` of a number".to_owned(), Some(format!("write `{}e0`", cut(literal))))
        } else if literal == "0" && rest.starts_with(['X', 'B']) {
            (format!("`0{quoted}` is no number"), Some(format!("write `0{}`", cut(&rest.to_ascii_lowercase()))))
        } else if literal == "0" && rest.starts_with(['o', 'O']) {
            ("there are no octal numbers".to_owned(), Some("write it with `0x` or in decimal".to_owned()))
        } else if radix != 10 {
            let kind = if radix == 2 { "binary" } else { "hexadecimal" };
            (format!("`{quoted}` is not part of a {kind} number"), None)
        } else if matches!(rest, "f" | "F" | "f64" | "f32" | "d" | "L" | "l" | "u" | "i64" | "i32" | "u8") {
            let fix = if float || !rest.starts_with(['f', 'F', 'd']) { "" } else { ".0" };
            (format!("a number has no suffix such as `{rest}`"), Some(format!("write `{}{fix}`", cut(literal))))
        } else {
            let help = format!("to multiply, write `{} * {quoted}`", cut(literal));
            (format!("`{quoted}` stands right after a number"), Some(help))
        };
        *fault = Some(found);
    }

    fn int(&mut self, start: usize, radix: u32) {
        let digits = &self.source[if radix == 10 { start } else { start + 2 }..self.at];
        let mut value = Some(0u64);
        for digit in digits.iter().filter_map(|&b| char::from(b).to_digit(radix)) {
            value = value.and_then(|v| v.checked_mul(u64::from(radix))?.checked_add(u64::from(digit)));
        }
        match value.filter(|&v| v <= 1 << 63) {
            Some(value) => {
                let payload = self.tokens.ints.len() as u32;
                self.tokens.ints.push(value);
                self.push_with(Kind::Int, start, payload);
            }
            None => {
                let error = too_large(self.span(start), self.text(start, self.at), radix);
                self.errors.push(error);
                self.push(Kind::BadOperand, start);
            }
        }
    }

    fn float(&mut self, start: usize) {
        let text = self.text(start, self.at);
        let value = if text.contains('_') { text.replace('_', "").parse() } else { text.parse::<f64>() };
        match value {
            Ok(value) if value.is_finite() => {
                let payload = self.tokens.floats.len() as u32;
                self.tokens.floats.push(value);
                self.push_with(Kind::Float, start, payload);
            }
            _ => {
                let message = format!("the number `{}` is too large for an `f64`", cut(text));
                let error = Diagnostic::new("E0008", self.span(start), message)
                    .with_help("the largest is about 1.797e308; infinity is `INF`");
                self.errors.push(error);
                self.push(Kind::BadOperand, start);
            }
        }
    }
}

/// The error for an integer literal that does not fit.
pub(super) fn too_large(span: Span, text: &str, radix: u32) -> Diagnostic {
    let error = Diagnostic::new("E0007", span, format!("the whole number `{}` does not fit an `i64`", cut(text)));
    if text == "9223372036854775808" {
        return error.with_help("the smallest `i64` is `MIN_I64`, the largest `MAX_I64`");
    }
    match u64::from_str_radix(&text.get(2..).unwrap_or_default().replace('_', ""), radix) {
        // All 64 bits written out: what was meant is most likely the pattern.
        Ok(bits) if radix != 10 => error.with_help(format!("the same 64 bits are `{}`", bits as i64)),
        _ => error.with_help("write a float, such as `1e20`, or stay below 9223372036854775808"),
    }
}
