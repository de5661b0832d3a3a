//! The documentation says the truth: every example in it is run, every table compared with the one in the code.
//!
//! A block marked `cresset` holds programs; each ends with the line that has its expectation, `// => f64 1.5`, `// => trap OutOfFuel` or
//! `// => error E0101`. A line `// limits: fuel=3 depth=2` above sets limits. What an expectation leaves out at its end is not compared.

use cresset::diagnostic::CODES;
use cresset::sema::builtins::{BUILTINS, CONSTANTS};
use cresset::{Array, Config, Engine, Error, Execution, Value};
use std::path::Path;

#[track_caller]
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The blocks of a language in a Markdown text, each with the number of its first line.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<(usize, Vec<&'a str>)> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, usize, Vec<&str>)> = None;
    for (i, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(name), None) => open = Some((name == language, i + 2, Vec::new())),
            (Some(_), Some(_)) => {
                if let Some((true, start, lines)) = open.take() {
                    blocks.push((start, lines));
                }
            }
            (None, Some((_, _, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// A program of the documentation and what it says of it.
struct Example {
    line: usize,
    config: Config,
    text: String,
    expected: String,
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    for (start, lines) in blocks(text, "cresset") {
        let (mut config, mut program, mut first) = (Config::new(), String::new(), start);
        for (i, line) in lines.into_iter().enumerate() {
            if let Some(limits) = line.strip_prefix("// limits: ") {
                set_limits(&mut config, limits);
                continue;
            }
            let (code, expected) = match line.split_once("// => ") {
                Some((code, expected)) => (code, Some(expected)),
                None => (line, None),
            };
            program.push_str(code);
            program.push('\n');
            if let Some(expected) = expected {
                let (config, text) = (std::mem::take(&mut config), std::mem::take(&mut program));
                examples.push(Example { line: first, config, text, expected: expected.to_owned() });
                first = start + i + 1;
            }
        }
        assert!(program.trim().is_empty(), "the program at line {first} has no expectation");
    }
    examples
}

fn set_limits(config: &mut Config, limits: &str) {
    for limit in limits.split_whitespace() {
        let (name, number) = limit.split_once('=').expect("name=number");
        let number: usize = number.parse().expect("a number");
        match name {
            "fuel" => config.limits.fuel = Some(number as u64),
            "memory" => config.limits.memory = number,
            "depth" => config.limits.depth = number as u32,
            "text" => config.source.text = number,
            "nesting" => config.source.nesting = number as u32,
            "functions" => config.source.functions = number as u32,
            _ => panic!("no limit is named {name}"),
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Unit => "()".to_owned(),
        Value::F64(x) => format!("f64 {x:?}"),
        Value::I64(n) => format!("i64 {n}"),
        Value::Bool(b) => format!("bool {b}"),
        Value::Array(Array::F64(items)) => format!("[f64] {items:?}"),
        Value::Array(Array::F32(items)) => format!("[f32] {items:?}"),
        Value::Array(Array::I64(items)) => format!("[i64] {items:?}"),
        Value::Array(Array::I32(items)) => format!("[i32] {items:?}"),
        Value::Array(Array::U8(items)) => format!("[u8] {items:?}"),
        Value::Array(Array::Bool(items)) => format!("[bool] {items:?}"),
    }
}

/// What a program gives, as an expectation says it.
fn outcome(engine: &Engine, text: &str) -> String {
    match engine.compile(text).and_then(|module| module.run(&mut [])) {
        Ok(value) => shown(&value),
        Err(Error::Source(wrong)) => {
            let codes: Vec<&str> = wrong.diagnostics.iter().map(|d| d.code).collect();
            format!("error {}", codes.join(" "))
        }
        Err(Error::Trap(trap)) => {
            let span = text.get(trap.span.start as usize..trap.span.end as usize).unwrap_or("no span");
            let bounds = trap.bounds.map_or(String::new(), |(index, len)| format!(" index {index} len {len}"));
            format!("trap {} at `{span}`{bounds}", trap.kind)
        }
        Err(other) => panic!("{text}: {other}"),
    }
}

fn agrees(got: &str, expected: &str) -> bool {
    got == expected || got.strip_prefix(expected).is_some_and(|rest| rest.starts_with(' '))
}

/// Runs every example of a file both ways.
#[track_caller]
fn check(path: &str, at_least: usize) {
    let examples = examples(&read(path));
    assert!(examples.len() >= at_least, "only {} examples in {path}", examples.len());
    let mut faults = String::new();
    for example in &examples {
        for execution in [Execution::Auto, Execution::Interpreter] {
            let engine = example.config.clone().execution(execution).engine().expect("an engine of either kind");
            let got = outcome(&engine, &example.text);
            if !agrees(&got, &example.expected) {
                let Example { line, text, expected, .. } = example;
                faults += &format!("{path}:{line}: {execution:?} gives {got}, not {expected}\n{text}\n");
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn the_language_reference_holds() {
    check("docs/language.md", 200);
}

#[test]
fn the_language_reference_has_every_built_in() {
    let text = read("docs/language.md");
    let missing: Vec<String> = BUILTINS
        .iter()
        .map(|b| format!("| `{}` | {} | `{}` |", b.usage, b.doc, b.example))
        .chain(CONSTANTS.iter().map(|(name, _, doc)| format!("| `{name}` | {doc} |")))
        .filter(|row| !text.lines().any(|line| line == row))
        .collect();
    assert!(missing.is_empty(), "docs/language.md lacks these rows:\n{}", missing.join("\n"));
}

/// The codes whose sections have no program: no text in a document can be their example.
const WITHOUT_EXAMPLE: [&str; 3] = ["E0002", "E0900", "E0901"];

#[test]
fn every_error_has_its_section_and_its_example() {
    let text = read("docs/errors.md");
    let sections: Vec<&str> = text.split("\n## ").skip(1).collect();
    for (section, info) in sections.iter().zip(CODES) {
        let head = format!("{}: {}\n\n{}\n", info.code, info.title, info.explanation);
        assert!(section.starts_with(&head), "expected\n\n## {head}\n\nfound\n\n## {section}");
        let expectation = format!("// => error {}", info.code);
        let has = section.lines().any(|line| line.ends_with(&expectation));
        assert_eq!(has, !WITHOUT_EXAMPLE.contains(&info.code), "the example of {}", info.code);
    }
    let lacking: Vec<&str> = CODES.iter().skip(sections.len()).map(|info| info.code).collect();
    assert!(lacking.is_empty(), "docs/errors.md has no sections for {lacking:?}");
    assert_eq!(sections.len(), CODES.len());
    check("docs/errors.md", CODES.len() - WITHOUT_EXAMPLE.len());
}

#[test]
fn bytes_that_are_no_text_are_an_error_of_their_own() {
    let engine = Engine::new().expect("an engine");
    let error = engine.compile_bytes(b"1 + \xFF", &[]).expect_err("no UTF-8");
    assert_eq!(error.diagnostics().first().map(|d| d.code), Some("E0002"));
}

/// `// 3.5`, `// 3.5: why`, `// trap: OutOfFuel, why` behind a line of the README; other comments are none.
fn readme_expectation(comment: &str) -> Option<(bool, &str)> {
    let (trap, text) = match comment.strip_prefix("trap: ") {
        Some(kind) => (true, kind),
        None => (false, comment),
    };
    let end = text.find([':', ',', ' ']).unwrap_or(text.len());
    let word = &text[..end];
    (trap || word.parse::<f64>().is_ok()).then_some((trap, word))
}

#[test]
fn the_readme_holds() {
    let readme = read("README.md");
    let engine = Engine::new().expect("an engine");
    let mut count = 0;
    for (start, lines) in blocks(&readme, "cresset") {
        let mut program = String::new();
        for (i, line) in lines.into_iter().enumerate() {
            program.push_str(line);
            program.push('\n');
            let comment = line.rsplit_once("// ").and_then(|(_, comment)| readme_expectation(comment));
            if let Some((trap, expected)) = comment {
                let got = outcome(&engine, &program);
                let word = got.split(' ').nth(1).unwrap_or_default();
                let right = got.starts_with("trap ") == trap && word == expected;
                assert!(right, "README.md:{}: {got}, not {expected}\n{program}", start + i);
                program.clear();
                count += 1;
            }
        }
        assert!(program.trim().is_empty(), "README.md:{start}: a program without its value");
    }
    assert!(count >= 6, "only {count} programs");
    // An error that is shown is the one that its text gives.
    for (start, lines) in blocks(&readme, "text") {
        let shown = lines.join("\n");
        if shown.starts_with("error[E") {
            let source = shown.split("1 │ ").nth(1).and_then(|rest| rest.lines().next()).expect("a source line");
            let error = engine.compile(source).expect_err("an error");
            assert_eq!(error.to_string(), shown.trim_end(), "README.md:{start}");
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let (manifest, text) = (read("Cargo.toml"), read("CONTRIBUTING.md"));
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        if section.ends_with("dependencies]")
            && let Some((name, _)) = line.split_once(" = ")
        {
            let rows = text.lines().filter(|row| row.starts_with('|') && row.contains(&format!("`{name}`")));
            assert_eq!(rows.count(), 1, "CONTRIBUTING.md says once why {name} is needed");
        }
    }
}
