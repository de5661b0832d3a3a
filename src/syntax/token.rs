//! What the lexer hands to the parser.

use super::intern::Symbols;
use crate::reuse::kept;
use crate::span::Span;

/// The kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// The end of the text.
    Eof,
    /// A name; the payload is its symbol.
    Ident,
    /// An integer literal; the payload is its place in `Tokens::ints`.
    Int,
    /// A float literal; the payload is its place in `Tokens::floats`.
    Float,
    /// Something that is wrong and told, but stands where a value would (a string, a malformed number).
    BadOperand,
    /// Something that is wrong and told, and could be anything.
    Bad,
    Fn,
    Let,
    Var,
    Const,
    If,
    Else,
    While,
    For,
    In,
    Break,
    Continue,
    Return,
    True,
    False,
    And,
    Or,
    Not,
    Mut,
    LParen,
    RParen,
    LBracket,
    RBracket,
    LBrace,
    RBrace,
    Comma,
    Semicolon,
    Colon,
    Arrow,
    DotDot,
    DotDotEq,
    Assign,
    PlusAssign,
    MinusAssign,
    StarAssign,
    SlashAssign,
    PercentAssign,
    CaretAssign,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Caret,
    Lt,
    Le,
    Gt,
    Ge,
    EqEq,
    Ne,
    /// Operators of other languages: the parser says what to write instead.
    StarStar,
    FatArrow,
    EqLt,
    LtGt,
    EqEqEq,
    NeEq,
    Amp,
    Pipe,
    Shl,
    Shr,
    Tilde,
    Dot,
    DotDotDot,
    Question,
    ColonEq,
    ColonColon,
}

impl Kind {
    /// The keyword that a name spells.
    pub(super) fn keyword(text: &[u8]) -> Option<Kind> {
        Some(match text {
            b"fn" => Kind::Fn,
            b"let" => Kind::Let,
            b"var" => Kind::Var,
            b"const" => Kind::Const,
            b"if" => Kind::If,
            b"else" => Kind::Else,
            b"while" => Kind::While,
            b"for" => Kind::For,
            b"in" => Kind::In,
            b"break" => Kind::Break,
            b"continue" => Kind::Continue,
            b"return" => Kind::Return,
            b"true" => Kind::True,
            b"false" => Kind::False,
            b"and" => Kind::And,
            b"or" => Kind::Or,
            b"not" => Kind::Not,
            b"mut" => Kind::Mut,
            _ => return None,
        })
    }

    /// Whether it is one of the language's words.
    pub(super) fn is_keyword(self) -> bool {
        (Kind::Fn as u8..=Kind::Mut as u8).contains(&(self as u8))
    }

    /// Whether it is `=` or an operator with `=`.
    pub(super) fn is_assignment(self) -> bool {
        (Kind::Assign as u8..=Kind::CaretAssign as u8).contains(&(self as u8))
    }

    /// Whether a statement other than an expression starts with it.
    pub(super) fn starts_statement(self) -> bool {
        use Kind::*;
        matches!(self, Fn | Let | Var | Const | While | For | Break | Continue | Return)
    }

    /// Whether an expression can start with it.
    pub(super) fn starts_operand(self) -> bool {
        use Kind::*;
        matches!(self, Ident | Int | Float | BadOperand | If | True | False | Not | Minus | LParen | LBracket | LBrace)
    }
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
    /// What [`Kind`] says.
    pub(super) payload: u32,
}

impl Token {
    pub(super) fn span(self) -> Span {
        Span::new(self.start, self.end)
    }
}

/// A text cut into tokens.
#[derive(Default)]
pub(super) struct Tokens {
    /// The last one is [`Kind::Eof`], and no other.
    pub(super) tokens: Vec<Token>,
    /// At most 2^63 each; that one only fits behind a minus.
    pub(super) ints: Vec<u64>,
    pub(super) floats: Vec<f64>,
    pub(super) symbols: Symbols,
    /// The text ended inside a comment, which is told: what else is missing at the end is its consequence.
    pub(super) open_comment: bool,
}

kept!(Tokens: tokens, ints, floats, symbols);
