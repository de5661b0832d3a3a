//! One table of cases through every way of running a program, compared with what the language says and with each other, bit for bit.

#[path = "common/cases.rs"]
mod cases;
#[path = "common/engines.rs"]
mod engines;

use cases::{Case, Expect};
use cresset::syntax::SourceLimits;
use cresset::{Engine, Limits, Value};
use engines::{Outcome, Way, ways};
use std::collections::HashMap;
use std::path::Path;

/// More than any case needs. Every run reserves it, and an emulator keeps a table of all pages that ever were.
const ENOUGH_MEMORY: usize = 8 << 20;

/// The limits that a case is run with.
fn limits(case: &Case) -> Limits {
    let options = &case.options;
    Limits {
        fuel: Some(options.fuel.unwrap_or(1 << 40)),
        deadline: None,
        memory: options.memory.map_or(ENOUGH_MEMORY, |bytes| bytes as usize),
        depth: options.depth.map_or(10_000, |depth| depth as u32),
        ..Limits::default()
    }
}

/// The engines that cases ask for, each made once: an engine reserves address space for its code, and an emulator keeps a table of
/// all pages that ever were.
#[derive(Default)]
struct Engines(HashMap<(&'static str, [usize; 3]), Engine>);

impl Engines {
    fn get(&mut self, way: &Way, case: &Case) -> &Engine {
        let default = SourceLimits::default();
        let source = SourceLimits {
            text: case.options.text.map_or(default.text, |n| n as usize),
            nesting: case.options.nesting.map_or(default.nesting, |n| n as u32),
            functions: case.options.functions.map_or(default.functions, |n| n as u32),
        };
        let asked = [source.text, source.nesting as usize, source.functions as usize];
        self.0.entry((way.name, asked)).or_insert_with(|| {
            let mut config = way.config();
            config.source = source;
            config.verify = true;
            config.engine().expect("the way was tried before")
        })
    }
}

fn value(value: &cases::Value) -> Value {
    match value {
        cases::Value::Unit => Value::Unit,
        cases::Value::Bool(b) => Value::Bool(*b),
        cases::Value::I64(n) => Value::I64(*n),
        cases::Value::F64(x) => Value::F64(*x),
        cases::Value::F64s(v) => Value::from(v.clone()),
        cases::Value::F32s(v) => Value::from(v.clone()),
        cases::Value::I64s(v) => Value::from(v.clone()),
        cases::Value::I32s(v) => Value::from(v.clone()),
        cases::Value::U8s(v) => Value::from(v.clone()),
        cases::Value::Bools(v) => Value::from(v.clone()),
    }
}

/// What is wrong with an outcome, if anything is.
fn fault(case: &Case, outcome: &Outcome, diagnostics: &[cresset::Diagnostic]) -> Option<String> {
    let differs = |what: &str| Some(format!("{what}; got {outcome:?}"));
    match (&case.expect, outcome) {
        (Expect::Value { value: expected, fuel_left }, Outcome::Value { value: got, fuel_left: left }) => {
            let expected = engines::bits(&value(expected));
            if *got != expected {
                return differs(&format!("expected {expected}"));
            }
            (fuel_left.is_some() && fuel_left != left).then(|| format!("fuel_left {left:?}, expected {fuel_left:?}"))
        }
        (
            Expect::Trap { kind, span, bounds, fuel_left },
            Outcome::Trap { kind: got, span: at, bounds: numbers, fuel_left: left, .. },
        ) => {
            let text = |range: std::ops::Range<usize>| case.source.get(range).unwrap_or("?").to_owned();
            let at = at.0 as usize..at.1 as usize;
            if kind != got {
                return differs(&format!("expected {kind}"));
            }
            if let Some(span) = span
                && *span != at
            {
                return Some(format!("trap at `{}`, expected at `{}`", text(at), text(span.clone())));
            }
            if let Some(bounds) = bounds
                && Some((bounds.index, bounds.len)) != *numbers
            {
                return Some(format!("bounds {numbers:?}, expected {bounds:?}"));
            }
            (fuel_left.is_some() && fuel_left != left).then(|| format!("fuel_left {left:?}, expected {fuel_left:?}"))
        }
        (Expect::Error { span, help }, Outcome::Errors(_)) => {
            let text = |range: std::ops::Range<usize>| case.source.get(range).unwrap_or("?").to_owned();
            let spans: Vec<_> = diagnostics.iter().map(|d| d.span.start as usize..d.span.end as usize).collect();
            if let Some(span) = span
                && !spans.contains(span)
            {
                let got: Vec<String> = spans.into_iter().map(text).collect();
                return Some(format!("errors at {got:?}, expected at `{}`: {outcome:?}", text(span.clone())));
            }
            if let Some(help) = help
                && !diagnostics.iter().any(|d| d.help.as_ref().is_some_and(|text| text.contains(help.as_str())))
            {
                return Some(format!("no help tells `{help}`: {outcome:?}"));
            }
            None
        }
        (Expect::Value { .. }, _) => differs("expected a value"),
        (Expect::Trap { kind, .. }, _) => differs(&format!("expected {kind}")),
        (Expect::Error { .. }, _) => differs("expected an error"),
    }
}

#[test]
fn every_case_gives_what_the_language_says_on_every_engine() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let cases = cases::load(&directory).expect("the cases are well-formed");
    assert!(cases.len() >= 5_000, "only {} cases", cases.len());
    let ways = ways();
    let mut kept = Engines::default();
    let mut faults = Vec::new();
    let only = std::env::var("CRESSET_CASES").ok();
    for case in &cases {
        if only.as_ref().is_some_and(|only| !case.file.starts_with(only.as_str())) {
            continue;
        }
        let inputs: Vec<(String, Value)> =
            case.options.inputs.iter().map(|(name, input)| (name.clone(), value(input))).collect();
        let mut reference: Option<Outcome> = None;
        for way in &ways {
            let engine = kept.get(way, case);
            let outcome = engines::run(engine, limits(case), &case.source, &inputs);
            let types: Vec<_> = inputs.iter().map(|(name, value)| (name.as_str(), value.ty())).collect();
            let diagnostics = match &outcome {
                Outcome::Errors(_) => engine.compile_with(&case.source, &types).err(),
                _ => None,
            };
            let diagnostics = diagnostics.as_ref().map_or(&[][..], |error| error.diagnostics());
            let place =
                format!("{}:{} ({})\n    {}", case.file, case.line, way.name, case.source.replace('\n', "\n    "));
            if let Some(fault) = fault(case, &outcome, diagnostics) {
                faults.push(format!("{place}\n  {fault}"));
                break;
            }
            match &reference {
                Some(reference) if *reference != outcome => {
                    faults.push(format!("{place}\n  differs from the reference: {outcome:?}, not {reference:?}"));
                    break;
                }
                Some(_) => {}
                None => reference = Some(outcome),
            }
        }
    }
    let rejected = cresset::verify::rejections();
    eprintln!("the verifier rejected code {rejected} times");
    if cfg!(target_arch = "x86_64") {
        assert_eq!(rejected, 0, "code of cases that the verifier does not accept");
    }
    let shown: Vec<&str> = faults.iter().take(60).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} of {} cases fail\n{}", faults.len(), cases.len(), shown.join("\n"));
}
