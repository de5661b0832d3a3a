//! Every text of `tests/evil` meets the fate that is written down for it, in every engine, and what is told of it is bounded and plain.

use std::collections::BTreeMap;
use std::path::Path;

use cresset::{Config, Engine, Error, Execution, Limits, Value};

#[cfg(feature = "disasm")]
#[path = "common/decoding.rs"]
mod decoding;
#[path = "common/engines.rs"]
mod engines;
#[path = "common/generate.rs"]
mod generate;
#[path = "common/harness.rs"]
mod harness;
#[path = "common/regions.rs"]
mod regions;
#[path = "common/rows.rs"]
mod rows;
#[cfg(feature = "disasm")]
#[path = "common/step_machine.rs"]
mod step_machine;
#[path = "common/texts.rs"]
mod texts;
#[cfg(feature = "disasm")]
#[path = "common/verifying.rs"]
mod verifying;

/// What became of a text, as `EXPECTED.txt` says it.
fn fate(engine: &Engine, text: &[u8]) -> String {
    match engine.compile_bytes(text, &[]).and_then(|module| module.run(&mut [])) {
        Ok(Value::Unit) => "value ()".to_owned(),
        Ok(Value::I64(n)) => format!("value {n}"),
        Ok(Value::F64(x)) => format!("value {x:?}"),
        Ok(other) => format!("value {other:?}"),
        Err(Error::Source(error)) => {
            let shown = error.render("text", false);
            assert!(shown.len() < 100_000 && error.diagnostics.len() <= 20, "{} bytes are shown", shown.len());
            assert!(!shown.contains('\x1b') && !shown.contains('\0') && !shown.contains('\u{202e}'), "{shown:?}");
            format!("error {}", error.diagnostics[0].code)
        }
        Err(Error::Trap(trap)) => format!("trap {}", trap.kind),
        Err(other) => format!("other {other}"),
    }
}

#[test]
fn each_text_meets_its_fate() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evil");
    let table = std::fs::read_to_string(folder.join("EXPECTED.txt")).unwrap();
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let mut expected: BTreeMap<&str, &str> = lines.map(|line| line.split_once(' ').unwrap()).collect();
    let limits = Limits::default().fuel(100_000).memory(16 << 20);
    let engines = [Execution::Interpreter, Execution::Auto]
        .map(|execution| Config::new().execution(execution).limits(limits.clone()).engine().unwrap());
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "cresset") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read(&path).unwrap();
        let wanted = expected.remove(name).unwrap_or("nothing: it is not in the table").trim();
        for engine in &engines {
            let got = fate(engine, &text);
            if got != wanted {
                wrong.push(format!("{name}: {got}, not {wanted} (machine code: {})", engine.is_jit()));
            }
        }
    }
    assert!(wrong.is_empty() && expected.is_empty(), "{}\nwithout a file: {expected:?}", wrong.join("\n"));
}

/// The fuzzer's harness over columns, on a few that it should know.
#[test]
fn formulas_over_columns_of_any_bits() {
    let specials = [0.0, -0.0, 1.5, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE / 4.0, -1e300, 9.3e18];
    let whole = [0, -1, i64::MIN, i64::MAX, 3, 1 << 53, 255, -7];
    let bytes: Vec<u8> =
        specials.iter().flat_map(|x| x.to_le_bytes()).chain(whole.iter().flat_map(|n| n.to_le_bytes())).collect();
    let formulas = [
        "x",
        "n",
        "x * n + 1",
        "sqrt(x) + sin(x)",
        "if x > 1 { x / n } else { -x }",
        "i64(x)",
        "n + n",
        "div(n, n)",
        "$",
        "y",
    ];
    for formula in formulas {
        rows::check(&[formula.as_bytes(), &[0], &bytes].concat());
    }
    rows::check(b"x + 1");
    rows::check(&[0xFF, 0, 1]);
}

/// The fuzzer's harness over data in mappings, on random choices.
#[test]
fn data_in_mappings_is_as_a_vector() {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    let rounds = if cfg!(target_arch = "x86_64") { 3000 } else { 100 };
    for round in 0..rounds {
        let bytes: Vec<u8> = (0..round % 120).map(|_| next()).collect();
        regions::check(&bytes);
    }
}

/// What the fuzzers begin with, and what they found: each input does what it must, without a fuzzer.
#[test]
fn the_fuzzers_inputs_do_what_they_must() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut count = 0;
    for target in std::fs::read_dir(folder).unwrap() {
        let target = target.unwrap();
        let name = target.file_name().into_string().unwrap();
        for input in std::fs::read_dir(target.path()).unwrap() {
            let bytes = std::fs::read(input.unwrap().path()).unwrap();
            count += 1;
            match name.as_str() {
                "parse" => texts::with_engines(|engines| texts::check(engines, &bytes, &[], true)),
                "differential" => harness::check_given(&bytes),
                "kernel" => rows::check(&bytes),
                "regions" => regions::check(&bytes),
                #[cfg(feature = "disasm")]
                "decode" => decoding::check(&bytes),
                #[cfg(feature = "disasm")]
                "verifier" => verifying::check(&bytes),
                #[cfg(not(feature = "disasm"))]
                "decode" | "verifier" => {}
                other => panic!("there is no target {other}"),
            }
        }
    }
    assert!(count >= 20, "{count}");
}
