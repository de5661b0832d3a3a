//! Rules that the sources keep: where `unsafe` may stand, who may know whom, and how large a file gets.

use std::fs;
use std::path::{Path, PathBuf};

/// Files that hold nothing but numbers, or one exhaustive list; they may be longer.
const LONG_TABLES: &[&str] = &["src/math/tables.rs", "src/math/erf_tables.rs"];
const LONGEST: usize = 700;

/// A source file: its path from the crate's root with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in folders {
        files(&root().join(folder), "rs", &mut paths);
    }
    paths.sort();
    let read = |path: &PathBuf| Source {
        path: path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/"),
        text: fs::read_to_string(path).unwrap(),
    };
    let sources: Vec<Source> = paths.iter().map(read).collect();
    assert!(sources.len() > 20, "no sources in {folders:?}");
    sources
}

impl Source {
    /// Its lines with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The code of its lines: comments left out, as are texts in quotes.
    fn code(&self) -> impl Iterator<Item = (usize, String)> {
        self.lines().map(|(number, line)| (number, code_of(line)))
    }

    fn has_tests_only(&self) -> bool {
        self.path.ends_with("tests.rs")
            || self.path.contains("/tests/")
            || self.path.ends_with("_tests.rs")
            || self.path.ends_with("/cases.rs")
    }
}

fn code_of(line: &str) -> String {
    let mut code = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['"', '/']) {
        code.push_str(&rest[..at]);
        if rest[at..].starts_with("//") {
            return code;
        }
        if rest[at..].starts_with('"') {
            let inside = &rest[at + 1..];
            let bytes = inside.as_bytes();
            let end = (0..bytes.len()).find(|&i| bytes[i] == b'"' && (i == 0 || bytes[i - 1] != b'\\'));
            rest = end.map_or("", |end| &inside[end + 1..]);
        } else {
            code.push('/');
            rest = &rest[at + 1..];
        }
    }
    code.push_str(rest);
    code
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| c != '_' && !c.is_ascii_alphanumeric())
}

/// Nothing was found.
#[track_caller]
fn none(found: Vec<String>) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn unsafe_code_stands_in_two_places() {
    let mut found = Vec::new();
    for source in sources(&["src"]) {
        if source.path.starts_with("src/memory/") || source.path.starts_with("src/runtime/") {
            continue;
        }
        for (number, code) in source.code() {
            let generated = code.contains("unsafe_code");
            if words(&code).any(|word| word == "unsafe") && !generated {
                found.push(format!("{}:{number}: `unsafe` outside src/memory and src/runtime", source.path));
            }
        }
    }
    none(found);
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert!(lib.contains("#![deny(unsafe_code)]"));
    assert_eq!(lib.matches("allow(unsafe_code").count(), 2);
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let mut found = Vec::new();
    for source in sources(&["src", "tests"]) {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, code) in source.code() {
            let block = code.contains("unsafe {") || code.contains("unsafe impl");
            // The note stands on the statement's own lines or on those right above it.
            let noted = || {
                let above = lines[..number].iter().rev().take(8);
                above.clone().any(|line| line.contains("// SAFETY:") || line.contains("/// # Safety"))
            };
            if block && !noted() {
                found.push(format!("{}:{number}: no `// SAFETY:` before it", source.path));
            }
        }
    }
    none(found);
}

#[test]
fn files_have_one_subject() {
    let mut found = Vec::new();
    for source in sources(&["src"]) {
        let count = source.text.lines().count();
        if count > LONGEST && !LONG_TABLES.contains(&source.path.as_str()) {
            found.push(format!("{}: {count} lines, more than {LONGEST}", source.path));
        }
        if !source.text.starts_with("//!") && !source.text.starts_with("// @generated") && !source.has_tests_only() {
            found.push(format!("{}: does not begin by saying what it is", source.path));
        }
    }
    for table in LONG_TABLES {
        assert!(root().join(table).exists(), "{table} is no more: take it off the list");
    }
    none(found);
}

/// What each module must not know. Tests may know all.
const LAYERS: &[(&str, &[&str])] = &[
    ("src/syntax/", &["sema", "ir", "opt", "codegen", "memory", "runtime", "interp", "engine", "module"]),
    ("src/diagnostic/", &["syntax", "sema", "ir", "opt", "codegen", "memory", "runtime", "interp", "engine", "module"]),
    ("src/sema/", &["opt", "codegen", "memory", "runtime", "interp", "engine", "module"]),
    ("src/math/", &["syntax", "sema", "opt", "codegen", "memory", "runtime", "interp", "engine", "module"]),
    ("src/ir/", &["syntax", "opt", "codegen", "memory", "runtime", "engine", "module"]),
    ("src/opt/", &["syntax", "codegen", "memory", "runtime", "interp", "engine", "module"]),
    ("src/interp/", &["syntax", "opt", "codegen", "memory", "engine", "module"]),
    ("src/codegen/", &["syntax", "opt", "memory", "interp", "engine", "module"]),
    ("src/memory/", &["syntax", "sema", "ir", "opt", "codegen", "runtime", "interp", "engine", "module", "value"]),
    ("src/runtime/", &["syntax", "opt", "interp", "engine", "module"]),
    (
        "src/verify/x64/",
        &["syntax", "sema", "ir", "opt", "codegen", "memory", "runtime", "interp", "engine", "module", "kernel"],
    ),
];

#[test]
fn nobody_knows_a_later_stage() {
    let mut found = Vec::new();
    for source in sources(&["src"]) {
        for (_, forbidden) in LAYERS.iter().filter(|(layer, _)| source.path.starts_with(layer)) {
            if source.has_tests_only() {
                continue;
            }
            for (number, code) in source.code() {
                if code.contains("cfg(test)") {
                    break;
                }
                for module in *forbidden {
                    let direct = format!("crate::{module}");
                    let known = code.match_indices(&direct).any(|(at, _)| {
                        !code[at + direct.len()..].starts_with(|c: char| c == '_' || c.is_ascii_alphanumeric())
                    });
                    if known {
                        found.push(format!("{}:{number}: knows {module}", source.path));
                    }
                }
            }
        }
    }
    none(found);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let words: Vec<String> =
        [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("unimple", "mented!"), ("to", "do!("), ("#[ign", "ore")]
            .iter()
            .map(|(a, b)| format!("{a}{b}"))
            .collect();
    let mut found = Vec::new();
    for source in sources(&["src", "tests"]) {
        for (number, line) in source.lines() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                found.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    none(found);
}

#[test]
fn cases_are_described_and_named_plainly() {
    let cases = root().join("tests/cases");
    let readme = fs::read_to_string(cases.join("README.md")).expect("tests/cases/README.md");
    assert!(readme.contains(">>> "));
    let mut found = Vec::new();
    for entry in fs::read_dir(&cases).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "README.md" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        if path.extension().is_none_or(|extension| extension != "txt") {
            found.push(format!("{name}: is no topic.txt"));
        }
        if !text.lines().any(|line| line.starts_with(">>> ")) {
            found.push(format!("{name}: has no case"));
        }
        if !text.ends_with('\n') || text.lines().any(|line| line.ends_with(' ') && !line.starts_with(">>>")) {
            found.push(format!("{name}: stray white space"));
        }
    }
    none(found);
}

#[test]
fn every_snapshot_belongs_to_a_test() {
    let mut snapshots = Vec::new();
    files(&root().join("snapshots"), "snap", &mut snapshots);
    let mut pending = Vec::new();
    files(&root().join("snapshots"), "new", &mut pending);
    assert!(!snapshots.is_empty() && pending.is_empty(), "{pending:?}");
    let total: u64 = snapshots.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(total < 3 << 20, "{total} bytes of snapshots");
    for path in snapshots {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("source: tests/snapshots"), "{}", path.display());
        assert!(!text.contains(root().to_str().unwrap()), "{}: a path of this machine", path.display());
    }
}
