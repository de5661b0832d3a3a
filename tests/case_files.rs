//! The conformance cases themselves: every file reads, none is empty, and none says a thing twice.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

#[path = "common/cases.rs"]
mod cases;

use cases::{Bounds, Case, Expect, Value};

#[track_caller]
fn one(text: &str) -> Case {
    let mut found = cases::parse("t.txt", text).expect("the case is well formed");
    assert_eq!(found.len(), 1);
    found.remove(0)
}

#[test]
fn every_file_reads_and_no_case_stands_twice() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let all = cases::load(&directory).expect("every file is well formed");
    assert!(all.len() >= 5000, "only {} cases", all.len());
    let mut files = BTreeMap::new();
    let mut seen = HashMap::new();
    for case in &all {
        *files.entry(case.file.clone()).or_insert(0) += 1;
        let key = (format!("{:?}", case.options), case.source.clone());
        if let Some(line) = seen.insert(key, (case.file.clone(), case.line)) {
            panic!("{}:{} repeats {line:?}", case.file, case.line);
        }
    }
    let texts = std::fs::read_dir(&directory).expect("the directory is there");
    let texts = texts.filter(|e| e.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "txt")));
    assert_eq!(files.len(), texts.count(), "a file without a case");
}

#[test]
fn a_case_has_its_lines_options_and_inputs() {
    let case =
        one("# a comment\n\n## fuel=10 x=1 y=1.0 b=true xs=[1.0,2.0] us=u8[1,255] n=NaN\n>>> x;\n...\n... y\ni64 3\n");
    assert_eq!((case.line, case.source.as_str()), (4, "x;\n\ny"));
    assert_eq!((case.options.fuel, case.options.depth), (Some(10), None));
    let inputs = [
        ("x", Value::I64(1)),
        ("y", Value::F64(1.0)),
        ("b", Value::Bool(true)),
        ("xs", Value::F64s(vec![1.0, 2.0])),
        ("us", Value::U8s(vec![1, 255])),
        ("n", Value::F64(f64::from_bits(0x7FF8_0000_0000_0000))),
    ];
    assert_eq!(case.options.inputs.len(), inputs.len());
    for ((name, value), (expected_name, expected)) in case.options.inputs.iter().zip(&inputs) {
        assert_eq!(name, expected_name);
        assert!(value.same_bits(expected), "{name} is {value:?}");
    }
}

#[test]
fn values_compare_by_their_bits() {
    for (line, expected) in [
        ("f64 -0.0", Value::F64(-0.0)),
        ("f64 1e-9", Value::F64(1e-9)),
        ("f64 -inf", Value::F64(f64::NEG_INFINITY)),
        ("f64 bits 0x7ff8000000000000", Value::F64(f64::from_bits(0x7FF8_0000_0000_0000))),
        ("i64 -9223372036854775808", Value::I64(i64::MIN)),
        ("bool false", Value::Bool(false)),
        ("()", Value::Unit),
        ("[f32] [0.1, NaN]", Value::F32s(vec![0.1, f32::from_bits(0x7FC0_0000)])),
        ("[i32] []", Value::I32s(vec![])),
        ("[bool] [true]", Value::Bools(vec![true])),
    ] {
        let Expect::Value { value, fuel_left: None } = one(&format!(">>> x\n{line}\n")).expect else {
            panic!("{line} is a value");
        };
        assert!(value.same_bits(&expected), "{line} reads as {value:?}");
    }
    assert!(!Value::F64(0.0).same_bits(&Value::F64(-0.0)));
    assert!(!Value::I64(1).same_bits(&Value::F64(1.0)));
}

#[test]
fn traps_and_errors_have_spans_in_bytes() {
    let case = one(">>> /* é */ [1][i] + [1][i]\ntrap OutOfBounds at `[1][i]`#2 index -1 len 1 fuel_left 7\n");
    let Expect::Trap { kind, span, bounds, fuel_left } = case.expect else { panic!("a trap") };
    assert_eq!((kind.as_str(), span, fuel_left), ("OutOfBounds", Some(18..24), Some(7)));
    assert_eq!(bounds, Some(Bounds { index: -1, len: 1 }));

    let case = one(">>> 1\n... % 0\ntrap DivideByZero at `1\\n% 0`\n");
    let Expect::Trap { span, bounds: None, fuel_left: None, .. } = case.expect else { panic!("a trap") };
    assert_eq!(span, Some(0..5));

    let case = one(">>> let x = 1; x = 2;\nerror at `x = 2` help `var`\n");
    let Expect::Error { span, help } = case.expect else { panic!("an error") };
    assert_eq!((span, help.as_deref()), (Some(11..16), Some("var")));
    assert!(matches!(one(">>> (\nerror\n").expect, Expect::Error { span: None, help: None }));
}

#[test]
fn a_malformed_file_is_refused_with_its_line() {
    for (text, line) in [
        (">>> 1\n", "t.txt:1:"),
        ("\n1 + 1\n", "t.txt:2:"),
        (">>> 1\nf64 one\n", "t.txt:1:"),
        (">>> 1\ntrap Nothing\n", "t.txt:1:"),
        (">>> 1\ntrap OutOfFuel at `2`\n", "t.txt:1:"),
        (">>> 1\ntrap OutOfFuel at `1`#2\n", "t.txt:1:"),
        (">>> 1\nerror helpful\n", "t.txt:1:"),
        ("## fuel\n>>> 1\ni64 1\n", "t.txt:1:"),
        (">>> 1\ni64 1\n## fuel=1\n", "t.txt:"),
    ] {
        let error = cases::parse("t.txt", text).expect_err(text);
        assert!(error.starts_with(line), "{error}");
    }
}
