//! Reads the conformance cases of `tests/cases` (the format is in its `README.md`) into plain data.
//!
//! It knows nothing of the crate under test, so every way of running a program can use it.
//! A malformed file is an error that names the file and the line.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::ops::Range;
use std::path::Path;

/// A program, what is bound and limited for it, and what it must give.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file's name, without its directory.
    pub file: String,
    /// The line of its `>>>`, from 1.
    pub line: usize,
    pub options: Options,
    pub source: String,
    pub expect: Expect,
}

/// Limits and inputs; a limit that is not set has the default.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub fuel: Option<u64>,
    pub depth: Option<u64>,
    pub memory: Option<u64>,
    pub nesting: Option<u64>,
    pub text: Option<u64>,
    pub functions: Option<u64>,
    /// Names and values, in the order written.
    pub inputs: Vec<(String, Value)>,
}

/// What a program must give.
#[derive(Debug, Clone)]
pub enum Expect {
    Value { value: Value, fuel_left: Option<u64> },
    Trap { kind: String, span: Option<Range<usize>>, bounds: Option<Bounds>, fuel_left: Option<u64> },
    Error { span: Option<Range<usize>>, help: Option<String> },
}

/// The offending index and the length that an `OutOfBounds` reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub index: i64,
    pub len: i64,
}

/// A value; NaNs read from a file are the canonical ones.
#[derive(Debug, Clone)]
pub enum Value {
    Unit,
    Bool(bool),
    I64(i64),
    F64(f64),
    F64s(Vec<f64>),
    F32s(Vec<f32>),
    I64s(Vec<i64>),
    I32s(Vec<i32>),
    U8s(Vec<u8>),
    Bools(Vec<bool>),
}

impl Value {
    /// Whether both have one type and the same bits.
    pub fn same_bits(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Unit, Value::Unit) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::I64(a), Value::I64(b)) => a == b,
            (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
            (Value::F64s(a), Value::F64s(b)) => a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits())),
            (Value::F32s(a), Value::F32s(b)) => a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits())),
            (Value::I64s(a), Value::I64s(b)) => a == b,
            (Value::I32s(a), Value::I32s(b)) => a == b,
            (Value::U8s(a), Value::U8s(b)) => a == b,
            (Value::Bools(a), Value::Bools(b)) => a == b,
            _ => false,
        }
    }
}

/// Every case of every `.txt` file in a directory, by file name, then by line.
pub fn load(directory: &Path) -> Result<Vec<Case>, String> {
    let fail = |e: std::io::Error| format!("{}: {e}", directory.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|e| e == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{name}: {e}"))?;
        cases.extend(parse(&name, &text)?);
    }
    Ok(cases)
}

/// The cases of one file's text.
pub fn parse(file: &str, text: &str) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let mut options: Option<Options> = None;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        let at = |message: String| format!("{file}:{}: {message}", index + 1);
        if let Some(words) = line.strip_prefix("## ") {
            if options.is_some() {
                return Err(at("options follow options".into()));
            }
            options = Some(parse_options(words).map_err(at)?);
        } else if line.is_empty() || line.starts_with('#') {
            continue;
        } else if let Some(first) = prompt(line, ">>>") {
            let mut source = first.to_string();
            while let Some(more) = lines.peek().and_then(|(_, l)| prompt(l, "...")) {
                source.push('\n');
                source.push_str(more);
                lines.next();
            }
            let (_, result) = lines.next().ok_or_else(|| at("a case without an expectation".into()))?;
            let expect = parse_expect(result, &source).map_err(at)?;
            let options = options.take().unwrap_or_default();
            cases.push(Case { file: file.into(), line: index + 1, options, source, expect });
        } else {
            return Err(at(format!("neither a comment nor a case: {line}")));
        }
    }
    if options.is_some() {
        return Err(format!("{file}: options at the end, without a case"));
    }
    Ok(cases)
}

/// What follows a prompt; a prompt alone is an empty line of source.
fn prompt<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(mark)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

fn parse_options(words: &str) -> Result<Options, String> {
    let mut options = Options::default();
    for word in words.split_whitespace() {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("an option is name=value, not {word}"))?;
        let limit = match name {
            "fuel" => &mut options.fuel,
            "depth" => &mut options.depth,
            "memory" => &mut options.memory,
            "nesting" => &mut options.nesting,
            "text" => &mut options.text,
            "functions" => &mut options.functions,
            _ => {
                options.inputs.push((name.into(), parse_input(value)?));
                continue;
            }
        };
        *limit = Some(number(value)?);
    }
    Ok(options)
}

fn parse_input(text: &str) -> Result<Value, String> {
    if let Some((element, items)) = text.strip_suffix(']').and_then(|t| t.split_once('[')) {
        let first = items.split(',').next().unwrap_or_default();
        let element = match element {
            "" if first == "true" || first == "false" => "bool",
            "" if first.parse::<i64>().is_ok() => "i64",
            "" => "f64",
            named => named,
        };
        return parse_array(element, items);
    }
    if let Ok(b) = text.parse() {
        return Ok(Value::Bool(b));
    }
    match text.parse() {
        Ok(i) => Ok(Value::I64(i)),
        Err(_) => float(text).map(Value::F64),
    }
}

fn parse_array(element: &str, items: &str) -> Result<Value, String> {
    fn all<T>(items: &str, item: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
        if items.trim().is_empty() { Ok(Vec::new()) } else { items.split(',').map(|i| item(i.trim())).collect() }
    }
    Ok(match element {
        "f64" => Value::F64s(all(items, float)?),
        "f32" => Value::F32s(all(items, single)?),
        "i64" => Value::I64s(all(items, number)?),
        "i32" => Value::I32s(all(items, number)?),
        "u8" => Value::U8s(all(items, number)?),
        "bool" => Value::Bools(all(items, number)?),
        _ => return Err(format!("no element type {element}")),
    })
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a value of its type: {text}"))
}

fn float(text: &str) -> Result<f64, String> {
    if let Some(bits) = text.strip_prefix("bits 0x") {
        return u64::from_str_radix(bits, 16).map(f64::from_bits).map_err(|e| format!("{text}: {e}"));
    }
    let value: f64 = number(text)?;
    Ok(if value.is_nan() { f64::from_bits(0x7FF8_0000_0000_0000) } else { value })
}

fn single(text: &str) -> Result<f32, String> {
    let value: f32 = number(text)?;
    Ok(if value.is_nan() { f32::from_bits(0x7FC0_0000) } else { value })
}

fn parse_expect(line: &str, source: &str) -> Result<Expect, String> {
    let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
    if head == "error" {
        let (span, rest) = parse_span(rest, source)?;
        let (help, rest) = quoted(rest, "help ")?;
        return end(rest, Expect::Error { span, help: help.map(String::from) });
    }
    let (rest, fuel_left) = match line.rsplit_once(" fuel_left ") {
        Some((_, n)) => (rest.strip_suffix(&format!("fuel_left {n}")).unwrap_or(rest).trim_end(), Some(number(n)?)),
        None => (rest, None),
    };
    if head == "trap" {
        let (kind, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if !KINDS.contains(&kind) {
            return Err(format!("no trap is named {kind}"));
        }
        let (span, rest) = parse_span(rest, source)?;
        let (bounds, rest) = parse_bounds(rest)?;
        return end(rest, Expect::Trap { kind: kind.into(), span, bounds, fuel_left });
    }
    let value = match head {
        "()" => return end(rest, Expect::Value { value: Value::Unit, fuel_left }),
        "f64" => Value::F64(float(rest)?),
        "i64" => Value::I64(number(rest)?),
        "bool" => Value::Bool(number(rest)?),
        _ => {
            let element = head.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
            let items = rest.strip_prefix('[').and_then(|r| r.strip_suffix(']'));
            let (Some(element), Some(items)) = (element, items) else {
                return Err(format!("not an expectation: {line}"));
            };
            parse_array(element, items)?
        }
    };
    Ok(Expect::Value { value, fuel_left })
}

const KINDS: [&str; 11] = [
    "IntegerOverflow",
    "DivideByZero",
    "BadCast",
    "BadArgument",
    "OutOfBounds",
    "StackOverflow",
    "OutOfFuel",
    "Interrupted",
    "OutOfMemory",
    "BusError",
    "HostError",
];

fn end(rest: &str, expect: Expect) -> Result<Expect, String> {
    if rest.trim().is_empty() { Ok(expect) } else { Err(format!("not understood: {rest}")) }
}

/// ``word `text` rest`` gives the text and the rest.
fn quoted<'a>(text: &'a str, word: &str) -> Result<(Option<&'a str>, &'a str), String> {
    let text = text.trim_start();
    let Some(after) = text.strip_prefix(word) else { return Ok((None, text)) };
    let open = after.strip_prefix('`').ok_or_else(|| format!("`…` expected after {word}"))?;
    let (inside, rest) = open.split_once('`').ok_or_else(|| format!("no closing ` after {word}"))?;
    Ok((Some(inside), rest))
}

/// ``at `text` `` or ``at `text`#2 `` as a range of bytes of the source.
fn parse_span<'a>(text: &'a str, source: &str) -> Result<(Option<Range<usize>>, &'a str), String> {
    let (Some(inside), mut rest) = quoted(text, "at ")? else { return Ok((None, text)) };
    let mut occurrence = 1;
    if let Some(after) = rest.strip_prefix('#') {
        let (n, tail) = after.split_once(' ').unwrap_or((after, ""));
        (occurrence, rest) = (number(n)?, tail);
    }
    let inside = inside.replace("\\n", "\n");
    let mut from = 0;
    for left in (0..occurrence).rev() {
        let found =
            source[from..].find(&inside).ok_or_else(|| format!("`{inside}` is not that often in the source"))?;
        let start = from + found;
        if left == 0 {
            return Ok((Some(start..start + inside.len()), rest));
        }
        from = start + source[start..].chars().next().map_or(1, char::len_utf8);
    }
    Err("occurrences count from 1".into())
}

fn parse_bounds(text: &str) -> Result<(Option<Bounds>, &str), String> {
    let Some(after) = text.trim_start().strip_prefix("index ") else { return Ok((None, text)) };
    let (index, len) = after.split_once(" len ").ok_or("`len` expected after `index`")?;
    let (len, rest) = len.split_once(' ').unwrap_or((len, ""));
    Ok((Some(Bounds { index: number(index)?, len: number(len)? }), rest))
}
