//! Every program of the tests and examples cut anywhere, and with any byte changed: an error or a program that runs as the reference does.

#[path = "../common/cases.rs"]
mod cases;

use crate::texts::{check, engines};
use cresset::Value;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What bytes are changed into: those that begin or end something.
const REPLACEMENTS: &[u8] = b"(){}[];,.=+-*/%^<>!&|_ \n09aeEx\"#$@~?\\:'\0\xC3\xFF";

/// One of so many mutated texts is run as well.
const RUN_ONE_OF: usize = 40;

fn mix(n: usize) -> usize {
    let z = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((z ^ (z >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32) as usize
}

/// Texts, and what their free names are bound to.
type Texts = Vec<(String, Vec<(String, Value)>)>;

fn input(value: &cases::Value) -> Option<Value> {
    Some(match value {
        cases::Value::Unit => return None,
        cases::Value::Bool(b) => Value::Bool(*b),
        cases::Value::I64(n) => Value::I64(*n),
        cases::Value::F64(x) => Value::F64(*x),
        cases::Value::F64s(v) => Value::from(v.clone()),
        cases::Value::F32s(v) => Value::from(v.clone()),
        cases::Value::I64s(v) => Value::from(v.clone()),
        cases::Value::I32s(v) => Value::from(v.clone()),
        cases::Value::U8s(v) => Value::from(v.clone()),
        cases::Value::Bools(v) => Value::from(v.clone()),
    })
}

fn case_texts() -> Texts {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let cases = cases::load(&directory).expect("the cases are well-formed");
    let inputs = |case: &cases::Case| {
        case.options.inputs.iter().filter_map(|(name, value)| Some((name.clone(), input(value)?))).collect()
    };
    cases.iter().filter(|case| case.source.len() < 2_000).map(|case| (case.source.clone(), inputs(case))).collect()
}

fn example_texts() -> Texts {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut texts = Texts::new();
    for entry in std::fs::read_dir(directory).expect("there are examples") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_some_and(|extension| extension == "cresset") {
            texts.push((std::fs::read_to_string(&path).expect("it can be read"), Vec::new()));
        }
    }
    assert!(texts.len() >= 10, "only {} examples", texts.len());
    texts
}

/// One mutation of a byte, of the kind that `choice` says.
fn mutated(text: &str, at: usize, choice: usize) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (before, after) = (&bytes[..at], &bytes[at + 1..]);
    let other = REPLACEMENTS[choice / 8 % REPLACEMENTS.len()];
    match choice % 8 {
        0 => [before, after].concat(),
        1 => [before, &[bytes[at]; 2], after].concat(),
        2 => [before, &[other, bytes[at]], after].concat(),
        3 => [before, &[bytes[at] ^ (1 << (choice / 8 % 8))], after].concat(),
        _ => [before, &[other], after].concat(),
    }
}

/// Every prefix of the texts, and so many changes of each byte.
fn check_all(texts: &Texts, changes: usize) {
    let next = AtomicUsize::new(0);
    let ran = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let engines = engines();
                while let Some((text, inputs)) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for at in 0..text.len() {
                        check(&engines, &text.as_bytes()[..at], inputs, mix(at).is_multiple_of(RUN_ONE_OF));
                        for change in 0..changes {
                            let choice = mix(at * 8 + change + text.len() * 1_000);
                            let run = (choice / 1_024).is_multiple_of(RUN_ONE_OF);
                            ran.fetch_add(usize::from(run), Ordering::Relaxed);
                            check(&engines, &mutated(text, at, choice), inputs, run);
                        }
                    }
                }
            });
        }
    });
    assert!(ran.into_inner() > 500);
}

#[test]
fn cut_and_changed_cases_are_errors_or_programs() {
    check_all(&case_texts(), 3);
}

#[test]
fn cut_and_changed_examples_are_errors_or_programs() {
    check_all(&example_texts(), 4);
}
