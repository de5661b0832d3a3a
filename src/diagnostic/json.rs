//! The JSON form of an error, written without a JSON library so that an embedder needs none.

use super::Diagnostic;
use std::fmt::Write;

impl Diagnostic {
    /// `{"code":…,"message":…,"span":[start,end],"help":…}` on one line; `help` is left out where there is none.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(80 + self.message.len());
        out.push_str("{\"code\":");
        push_string(&mut out, self.code);
        out.push_str(",\"message\":");
        push_string(&mut out, &self.message);
        let _ = write!(out, ",\"span\":[{},{}]", self.span.start, self.span.end);
        if let Some(help) = &self.help {
            out.push_str(",\"help\":");
            push_string(&mut out, help);
        }
        out.push('}');
        out
    }
}

fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // The control characters must be escaped; the two separators too, for readers that take JSON for JavaScript.
            c if c < ' ' || c == '\u{7f}' || c == '\u{2028}' || c == '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Span;

    #[test]
    fn json_has_exactly_these_fields() {
        let plain = Diagnostic::new("E0007", Span::new(3, 5), "a \"b\" \\ \n\u{1}é");
        assert_eq!(plain.to_json(), "{\"code\":\"E0007\",\"message\":\"a \\\"b\\\" \\\\ \\n\\u0001é\",\"span\":[3,5]}");
        assert_eq!(
            plain.with_help("h").to_json(),
            "{\"code\":\"E0007\",\"message\":\"a \\\"b\\\" \\\\ \\n\\u0001é\",\"span\":[3,5],\"help\":\"h\"}"
        );
    }
}
