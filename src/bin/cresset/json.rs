//! Outcomes as JSON objects, written piece by piece: arrays and what was printed may be large.

use crate::format;
use cresset::{Array, Diagnostic, Error, Slice, Span, Trap, Value};
use std::fmt::{self, Display, Formatter, Write};

/// The code of an error that is the machine's, not the text's.
const MACHINE: &str = "E0900";
/// The code of a file that cannot be read, or a value given on the command line that is none.
const COMMAND_LINE: &str = "E0901";

/// `{"ok":…}`, `{"trap":…}` or `{"errors":[…]}`, and what was printed beside it.
pub struct Outcome<'a> {
    /// How it went.
    pub outcome: &'a Result<Value, Error>,
    /// What was printed.
    pub output: &'a str,
}

impl Display for Outcome<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.outcome {
            Ok(value) => {
                f.write_str("{\"ok\":")?;
                write_value(f, value)?;
            }
            Err(Error::Trap(trap)) => {
                f.write_str("{\"trap\":")?;
                write_trap(f, trap)?;
            }
            Err(error) => {
                f.write_str("{\"errors\":")?;
                write_errors(f, error)?;
            }
        }
        if !self.output.is_empty() {
            write!(f, ",\"output\":{}", Text(self.output))?;
        }
        f.write_str("}")
    }
}

/// A wrong command line: `{"errors":[…]}`.
pub fn command_line_error(message: &str) -> String {
    format!("{{\"errors\":[{}]}}", Diagnostic::new(COMMAND_LINE, Span::new(0, 0), message).to_json())
}

/// `["a","b"]`.
pub fn texts(texts: &[String]) -> String {
    let items: Vec<String> = texts.iter().map(|text| Text(text).to_string()).collect();
    format!("[{}]", items.join(","))
}

/// A string as JSON writes it.
pub struct Text<'a>(pub &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut plain = 0;
        for (at, c) in self.0.char_indices() {
            // The control characters must be escaped; the two separators too, for readers that take JSON for JavaScript.
            if c != '"' && c != '\\' && !c.is_control() && c != '\u{2028}' && c != '\u{2029}' {
                continue;
            }
            f.write_str(&self.0[plain..at])?;
            plain = at + c.len_utf8();
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c => write!(f, "\\u{:04x}", u32::from(c))?,
            }
        }
        f.write_str(&self.0[plain..])?;
        f.write_char('"')
    }
}

/// A value as an object.
#[cfg(feature = "columns")]
pub struct One<'a>(pub &'a Value);

#[cfg(feature = "columns")]
impl Display for One<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_value(f, self.0)
    }
}

/// Floats and integers are strings: JSON's own numbers have no infinities, and readers round large ones.
fn write_value(f: &mut Formatter<'_>, value: &Value) -> fmt::Result {
    write!(f, "{{\"type\":\"{}\"", value.ty())?;
    match value {
        Value::Unit => {}
        Value::F64(x) => write!(f, ",\"value\":\"{x:?}\",\"bits\":\"0x{:016x}\"", x.to_bits())?,
        Value::I64(n) => write!(f, ",\"value\":\"{n}\"")?,
        Value::Bool(b) => write!(f, ",\"value\":{b}")?,
        Value::Array(array) => write_array(f, array)?,
    }
    f.write_str("}")
}

fn write_array(f: &mut Formatter<'_>, array: &Array) -> fmt::Result {
    let slice = array.as_slice();
    let quote = if matches!(slice, Slice::Bool(_)) { "" } else { "\"" };
    f.write_str(",\"value\":[")?;
    for index in 0..slice.len() {
        f.write_str(if index > 0 { "," } else { "" })?;
        f.write_str(quote)?;
        format::element(f, slice, index)?;
        f.write_str(quote)?;
    }
    f.write_str("]")?;
    let bits = |f: &mut Formatter<'_>, index: usize| match slice {
        Slice::F64(s) => write!(f, "\"0x{:016x}\"", s[index].to_bits()),
        Slice::F32(s) => write!(f, "\"0x{:08x}\"", s[index].to_bits()),
        _ => Ok(()),
    };
    if matches!(slice, Slice::F64(_) | Slice::F32(_)) {
        f.write_str(",\"bits\":[")?;
        for index in 0..slice.len() {
            f.write_str(if index > 0 { "," } else { "" })?;
            bits(f, index)?;
        }
        f.write_str("]")?;
    }
    Ok(())
}

fn write_trap(f: &mut Formatter<'_>, trap: &Trap) -> fmt::Result {
    write!(f, "{{\"kind\":\"{}\"", trap.kind)?;
    if let Some(row) = trap.row {
        write!(f, ",\"row\":{row}")?;
    }
    write!(f, ",\"span\":[{},{}]", trap.span.start, trap.span.end)?;
    if let Some((index, len)) = trap.bounds {
        write!(f, ",\"index\":{index},\"len\":{len}")?;
    }
    if !trap.stack.is_empty() {
        f.write_str(",\"stack\":[")?;
        for (i, frame) in trap.stack.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let Span { start, end } = frame.call;
            write!(f, "{comma}{{\"function\":{},\"call\":[{start},{end}]}}", Text(&frame.function))?;
        }
        write!(f, "],\"frames_left_out\":{}", trap.frames_left_out)?;
    }
    if let Some(host) = &trap.host {
        write!(f, ",\"message\":{}", Text(&host.message))?;
    }
    if let Some(fuel) = trap.fuel_left {
        write!(f, ",\"fuel_left\":{fuel}")?;
    }
    f.write_str("}")
}

fn write_errors(f: &mut Formatter<'_>, error: &Error) -> fmt::Result {
    let diagnostics = error.diagnostics();
    if diagnostics.is_empty() {
        return write!(f, "[{}]", Diagnostic::new(MACHINE, Span::new(0, 0), error.to_string()).to_json());
    }
    for (i, diagnostic) in diagnostics.iter().enumerate() {
        f.write_str(if i > 0 { "," } else { "[" })?;
        f.write_str(&diagnostic.to_json())?;
    }
    f.write_str("]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let odd = "a\"b\\c\nd\r\t\u{0}\u{1b}\u{7f}\u{2028}é😀";
        let written = Text(odd).to_string();
        assert_eq!(written, "\"a\\\"b\\\\c\\nd\\r\\t\\u0000\\u001b\\u007f\\u2028é😀\"");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), odd);
    }
}
