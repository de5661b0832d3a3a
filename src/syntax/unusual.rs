//! Characters that the language does not use, and what somebody who wrote one most likely meant.

use super::token::Kind;

/// What stands for an unusual character.
pub(super) enum Meant {
    /// Operators and brackets, each a token.
    Token(Kind),
    /// `^2`, `^3`.
    Power(u64),
    /// A constant's or function's name.
    Name(&'static str),
    /// A number.
    Number(f64),
    /// The opening or closing mark of a quotation.
    Quote,
}

/// The token that was meant and how it is written.
pub(super) fn meant(c: char) -> Option<(Meant, &'static str)> {
    use Kind::*;
    use Meant::{Name, Number, Power, Quote, Token};
    Some(match c {
        '×' | '·' | '⋅' | '∙' | '•' | '∗' | '✕' | '＊' => (Token(Star), "*"),
        '÷' | '∕' | '⁄' | '／' => (Token(Slash), "/"),
        '−' | '–' | '—' | '‐' | '‑' | '‒' | '－' => (Token(Minus), "-"),
        '＋' => (Token(Plus), "+"),
        '≤' | '⩽' | '≦' => (Token(Le), "<="),
        '≥' | '⩾' | '≧' => (Token(Ge), ">="),
        '≠' => (Token(Ne), "!="),
        '＝' => (Token(Assign), "="),
        '∧' => (Token(And), "and"),
        '∨' => (Token(Or), "or"),
        '¬' => (Token(Not), "not"),
        '→' => (Token(Arrow), "->"),
        '∈' => (Token(In), "in"),
        '…' => (Token(DotDot), ".."),
        '（' => (Token(LParen), "("),
        '）' => (Token(RParen), ")"),
        '，' => (Token(Comma), ","),
        '；' | '\u{37e}' => (Token(Semicolon), ";"),
        '²' => (Power(2), "^2"),
        '³' => (Power(3), "^3"),
        'π' => (Name("PI"), "PI"),
        'τ' => (Name("TAU"), "TAU"),
        '∞' => (Name("INF"), "INF"),
        '√' => (Name("sqrt"), "sqrt(…)"),
        '∛' => (Name("cbrt"), "cbrt(…)"),
        '½' => (Number(0.5), "0.5"),
        '¼' => (Number(0.25), "0.25"),
        '¾' => (Number(0.75), "0.75"),
        '“' | '”' | '„' | '‘' | '’' | '‚' | '«' | '»' => (Quote, ""),
        _ => return None,
    })
}

/// Whether a character continues a name written with letters that the language does not allow.
pub(super) fn is_name_part(c: char) -> bool {
    // Accents that follow their letter belong to it.
    (c.is_alphanumeric() || c == '_' || ('\u{300}'..='\u{36f}').contains(&c)) && !stands_alone(c)
}

/// Superscripts and fractions are alphanumeric to Unicode, but operators and numbers to a reader.
fn stands_alone(c: char) -> bool {
    matches!(c, '²' | '³' | '½' | '¼' | '¾')
}
