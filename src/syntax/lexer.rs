//! Text to tokens: one pass over the bytes, no recursion, no allocation for a token.
//!
//! Takes any UTF-8 text and never fails: what is wrong goes to the errors, and a token that keeps the parser going takes its
//! place. After [`MAX_ERRORS`](crate::diagnostic::MAX_ERRORS) errors the rest of the text is not read.

use super::intern::Interner;
use super::token::{Kind, Token, Tokens};
use super::unusual::{self, Meant};
use crate::diagnostic::{Diagnostic, Diagnostics, cut, is_format};
use crate::reuse::Keep;
use crate::span::Span;

/// Cuts a text into tokens.
pub(super) fn lex(source: &str, errors: &mut Diagnostics) -> Box<Tokens> {
    let mut lexer = Lexer {
        source: source.as_bytes(),
        whole: source,
        at: 0,
        tokens: Tokens::kept(),
        names: Interner::new(),
        errors,
    };
    lexer.tokens.open_comment = false;
    lexer.run();
    let end = source.len() as u32;
    let Lexer { mut tokens, names, .. } = lexer;
    tokens.tokens.push(Token { kind: Kind::Eof, start: end, end, payload: 0 });
    names.finish(&mut tokens.symbols);
    tokens
}

pub(super) struct Lexer<'a> {
    pub(super) source: &'a [u8],
    whole: &'a str,
    /// The next byte to read.
    pub(super) at: usize,
    pub(super) tokens: Box<Tokens>,
    names: Box<Interner>,
    pub(super) errors: &'a mut Diagnostics,
}

/// Whether a name can go on with this byte.
pub(super) fn is_ident_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

impl<'a> Lexer<'a> {
    /// The byte so many behind the next one; 0 past the end (a NUL in the text is an error anyway).
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.source.get(self.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn text(&self, start: usize, end: usize) -> &'a str {
        self.whole.get(start..end).unwrap_or_default()
    }

    /// From `start` to the next byte to read.
    pub(super) fn span(&self, start: usize) -> Span {
        Span::new(start as u32, self.at as u32)
    }

    pub(super) fn push(&mut self, kind: Kind, start: usize) {
        self.push_with(kind, start, 0);
    }

    pub(super) fn push_with(&mut self, kind: Kind, start: usize, payload: u32) {
        self.tokens.tokens.push(Token { kind, start: start as u32, end: self.at as u32, payload });
    }

    fn run(&mut self) {
        if self.source.starts_with("\u{feff}".as_bytes()) {
            self.at = 3;
        }
        while let Some(&b) = self.source.get(self.at) {
            if self.errors.is_full() {
                return;
            }
            match b {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.ident(),
                b'0'..=b'9' => self.number(),
                b'.' if self.byte(1).is_ascii_digit() => self.number(),
                b'/' if self.byte(1) == b'/' => self.line_comment(),
                b'/' if self.byte(1) == b'*' => self.block_comment(),
                b'\'' | b'"' => self.quotation(),
                0x80.. => self.other_letter(),
                _ => self.punctuation(b),
            }
        }
    }

    fn ident(&mut self) {
        let start = self.at;
        while is_ident_byte(self.byte(0)) {
            self.at += 1;
        }
        if self.byte(0) >= 0x80 && self.next_char().is_some_and(unusual::is_name_part) {
            self.at = start;
            return self.foreign_name();
        }
        match Kind::keyword(&self.source[start..self.at]) {
            Some(keyword) => self.push(keyword, start),
            None => {
                let symbol = self.names.intern(self.text(start, self.at));
                self.push_with(Kind::Ident, start, symbol.0);
            }
        }
    }

    fn next_char(&self) -> Option<char> {
        self.text(self.at, self.source.len()).chars().next()
    }

    /// A name with letters that names do not have: told, then taken as the name it would be.
    fn foreign_name(&mut self) {
        let start = self.at;
        let mut first = None;
        while let Some(c) = self.next_char().filter(|&c| unusual::is_name_part(c)) {
            if !c.is_ascii() && first.is_none() {
                first = Some((c, self.at));
            }
            self.at += c.len_utf8();
        }
        let name = self.text(start, self.at);
        if let Some((c, at)) = first {
            let span = Span::new(at as u32, (at + c.len_utf8()) as u32);
            let error = Diagnostic::new("E0003", span, format!("the letter `{c}` cannot stand in a name"));
            let help = match unusual::meant(c) {
                Some((Meant::Name(_), instead)) if name.chars().count() == 1 => format!("write `{instead}`"),
                _ => "names are made of the letters A to Z and a to z, digits and `_`".to_owned(),
            };
            self.errors.push(error.with_help(help));
        }
        let meant = match (first.and_then(|(c, _)| unusual::meant(c)), name.chars().count()) {
            (Some((Meant::Name(name), _)), 1) => name,
            _ => name,
        };
        let symbol = self.names.intern(meant);
        self.push_with(Kind::Ident, start, symbol.0);
    }

    /// A character beyond ASCII outside a name.
    fn other_letter(&mut self) {
        let Some(c) = self.next_char() else {
            self.at = self.source.len();
            return;
        };
        if c.is_whitespace() {
            self.at += c.len_utf8();
            return;
        }
        if unusual::is_name_part(c) {
            return self.foreign_name();
        }
        let start = self.at;
        let Some((meant, instead)) = unusual::meant(c) else {
            return self.unexpected(c);
        };
        if let Meant::Quote = meant {
            return self.quotation();
        }
        self.at += c.len_utf8();
        let error = Diagnostic::new("E0004", self.span(start), format!("the character `{c}` means nothing here"));
        self.errors.push(error.with_help(format!("write `{instead}`")));
        match meant {
            Meant::Token(kind) => self.push(kind, start),
            Meant::Power(exponent) => {
                self.push(Kind::Caret, start);
                let payload = self.tokens.ints.len() as u32;
                self.tokens.ints.push(exponent);
                self.push_with(Kind::Int, start, payload);
            }
            Meant::Name("INF") => {
                let symbol = self.names.intern("INF");
                self.push_with(Kind::Ident, start, symbol.0);
            }
            Meant::Number(value) => {
                let payload = self.tokens.floats.len() as u32;
                self.tokens.floats.push(value);
                self.push_with(Kind::Float, start, payload);
            }
            Meant::Name(_) | Meant::Quote => self.push(Kind::Bad, start),
        }
    }

    /// A character that has no place in a program.
    fn unexpected(&mut self, c: char) {
        let start = self.at;
        self.at += c.len_utf8();
        let shown = if c.is_control() || is_format(c) || c.is_whitespace() {
            format!("U+{:04X}", c as u32)
        } else {
            format!("`{c}`")
        };
        let mut error = Diagnostic::new("E0004", self.span(start), format!("the character {shown} means nothing here"));
        if c == '#' {
            error = error.with_help("a comment starts with `//`");
        } else if is_format(c) {
            error = error.with_help("it is invisible; take it out");
        }
        self.errors.push(error);
        // An invisible character stands between tokens without being one.
        if !is_format(c) {
            if c == '#' {
                while !matches!(self.byte(0), b'\n') && self.at < self.source.len() {
                    self.at += 1;
                }
            } else {
                self.push(Kind::Bad, start);
            }
        }
    }

    fn line_comment(&mut self) {
        let rest = &self.source[self.at..];
        self.at += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mut depth = 0usize;
        while self.at < self.source.len() {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
        self.tokens.open_comment = true;
        let span = Span::new(start as u32, start as u32 + 2);
        let error = Diagnostic::new("E0005", span, "this comment is never closed");
        self.errors.push(error.with_help("close it with `*/`; every `/*` inside needs one too"));
    }

    /// Text in quotes, up to the closing mark or the end of the line.
    fn quotation(&mut self) {
        let start = self.at;
        let open = self.next_char().unwrap_or('"');
        self.at += open.len_utf8();
        let closes = |c: char| match open {
            '\'' | '"' => c == open,
            _ => matches!(unusual::meant(c), Some((Meant::Quote, _))),
        };
        while let Some(c) = self.next_char().filter(|&c| c != '\n') {
            self.at += c.len_utf8();
            if closes(c) {
                break;
            }
        }
        let message = format!("there are no strings, but `{}` is one", cut(self.text(start, self.at).trim_end()));
        self.errors.push(
            Diagnostic::new("E0009", self.span(start), message)
                .with_help("the values are numbers, booleans and arrays; a character is its number, such as 65"),
        );
        self.push(Kind::BadOperand, start);
    }

    fn punctuation(&mut self, b: u8) {
        use Kind::*;
        let start = self.at;
        let (next, third) = (self.byte(1), self.byte(2));
        let (kind, len) = match b {
            b'(' => (LParen, 1),
            b')' => (RParen, 1),
            b'[' => (LBracket, 1),
            b']' => (RBracket, 1),
            b'{' => (LBrace, 1),
            b'}' => (RBrace, 1),
            b',' => (Comma, 1),
            b';' => (Semicolon, 1),
            b':' => match next {
                b'=' => (ColonEq, 2),
                b':' => (ColonColon, 2),
                _ => (Colon, 1),
            },
            b'.' => match (next, third) {
                (b'.', b'=') => (DotDotEq, 3),
                (b'.', b'.') => (DotDotDot, 3),
                (b'.', _) => (DotDot, 2),
                _ => (Dot, 1),
            },
            b'+' => {
                if next == b'=' {
                    (PlusAssign, 2)
                } else {
                    (Plus, 1)
                }
            }
            b'-' => match next {
                b'=' => (MinusAssign, 2),
                b'>' => (Arrow, 2),
                _ => (Minus, 1),
            },
            b'*' => match next {
                b'=' => (StarAssign, 2),
                b'*' => (StarStar, 2),
                _ => (Star, 1),
            },
            b'/' => {
                if next == b'=' {
                    (SlashAssign, 2)
                } else {
                    (Slash, 1)
                }
            }
            b'%' => {
                if next == b'=' {
                    (PercentAssign, 2)
                } else {
                    (Percent, 1)
                }
            }
            b'^' => {
                if next == b'=' {
                    (CaretAssign, 2)
                } else {
                    (Caret, 1)
                }
            }
            b'<' => match next {
                b'=' => (Le, 2),
                b'>' => (LtGt, 2),
                b'<' => (Shl, 2),
                _ => (Lt, 1),
            },
            b'>' => match next {
                b'=' => (Ge, 2),
                b'>' => (Shr, 2),
                _ => (Gt, 1),
            },
            b'=' => match (next, third) {
                (b'=', b'=') => (EqEqEq, 3),
                (b'=', _) => (EqEq, 2),
                (b'>', _) => (FatArrow, 2),
                (b'<', _) => (EqLt, 2),
                _ => (Assign, 1),
            },
            b'!' => match (next, third) {
                (b'=', b'=') => (NeEq, 3),
                (b'=', _) => (Ne, 2),
                _ => (Not, 1),
            },
            b'&' => {
                if next == b'&' {
                    (And, 2)
                } else {
                    (Amp, 1)
                }
            }
            b'|' => {
                if next == b'|' {
                    (Or, 2)
                } else {
                    (Pipe, 1)
                }
            }
            b'~' => (Tilde, 1),
            b'?' => (Question, 1),
            _ => return self.unexpected(char::from(b)),
        };
        self.at += len;
        self.push(kind, start);
    }
}
