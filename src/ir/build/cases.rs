//! The conformance cases on the IR, as built and optimised, without any machine code.

use super::super::interp::Machine;
use super::super::print::print;
use super::{BuildOptions, build};
use crate::ir::func::Func;
use crate::opt::{Passes, optimize_program};
use crate::sema::hir::{FuncId, Hir};
use crate::sema::{Env, Input, analyze};
use crate::syntax::{SourceLimits, parse};
use crate::types::{Elem, Type};
use case_files::{Bounds, Case, Expect, Value};

#[path = "../../../tests/common/cases.rs"]
mod case_files;

/// A value's type and its words: one for a scalar, one for each element.
fn words_of(value: &Value) -> (Type, Vec<u64>) {
    let floats = |xs: &mut dyn Iterator<Item = f64>| xs.map(f64::to_bits).collect();
    let ints = |xs: &mut dyn Iterator<Item = i64>| xs.map(|n| n as u64).collect();
    match value {
        Value::Unit => (Type::Unit, vec![]),
        Value::Bool(b) => (Type::Bool, vec![u64::from(*b)]),
        Value::I64(n) => (Type::I64, vec![*n as u64]),
        Value::F64(x) => (Type::F64, vec![x.to_bits()]),
        Value::F64s(xs) => (Type::Array(Elem::F64), floats(&mut xs.iter().copied())),
        Value::F32s(xs) => (Type::Array(Elem::F32), floats(&mut xs.iter().map(|&x| f64::from(x)))),
        Value::I64s(xs) => (Type::Array(Elem::I64), ints(&mut xs.iter().copied())),
        Value::I32s(xs) => (Type::Array(Elem::I32), ints(&mut xs.iter().map(|&n| i64::from(n)))),
        Value::U8s(xs) => (Type::Array(Elem::U8), ints(&mut xs.iter().map(|&n| i64::from(n)))),
        Value::Bools(xs) => (Type::Array(Elem::Bool), ints(&mut xs.iter().map(|&b| i64::from(b)))),
    }
}

/// What a case gave, in the words of its expectation; `None` where all is as expected.
fn mismatch(case: &Case, hir: &Hir, funcs: &[Func]) -> Option<String> {
    let mut machine = Machine::new(funcs);
    machine.fuel = case.options.fuel.unwrap_or(1 << 40);
    machine.depth = case.options.depth.unwrap_or(10_000);
    let mut args = Vec::new();
    for (_, value) in &case.options.inputs {
        match words_of(value) {
            (Type::Array(_), words) => args.extend([machine.array(&words), words.len() as u64]),
            (_, words) => args.extend(words),
        }
    }
    let result = hir.funcs.last()?.result;
    let got = machine.call(funcs.len() - 1, &args).map(|words| match (result, &words[..]) {
        (Type::Array(_), &[address, len]) => machine.memory[address as usize..(address + len) as usize].to_vec(),
        _ => words,
    });
    let (fuel, ok) = match (&case.expect, &got) {
        (Expect::Value { value, fuel_left }, Ok(words)) => (fuel_left, words_of(value) == (result, words.clone())),
        (Expect::Trap { kind, span, bounds, fuel_left }, Err((got, at, index))) => {
            let at = at.start as usize..at.end as usize;
            let index = index.map(|(index, len)| Bounds { index, len });
            let ok = kind == got.name()
                && span.as_ref().is_none_or(|span| *span == at)
                && bounds.is_none_or(|bounds| Some(bounds) == index);
            (fuel_left, ok)
        }
        _ => (&None, false),
    };
    if ok && fuel.is_none_or(|fuel| fuel == machine.fuel) {
        return None;
    }
    Some(format!("{got:x?}, fuel left {}", machine.fuel))
}

fn check(case: &Case, failures: &mut Vec<String>) -> bool {
    // What memory costs is the runtime's affair, and what is no program that of the stages before.
    let about_memory = matches!(&case.expect, Expect::Trap { kind, .. } if kind == "OutOfMemory");
    if about_memory || matches!(case.expect, Expect::Error { .. }) || case.options.memory.is_some() {
        return false;
    }
    let (ast, errors) = parse(&case.source, &SourceLimits::default());
    let inputs = case.options.inputs.iter();
    let inputs = inputs.map(|(name, value)| Input { name, ty: words_of(value).0, mutable: true });
    let env = Env { inputs: inputs.collect(), hosts: Vec::new() };
    let (true, Ok(hir)) = (errors.is_empty(), analyze(&case.source, &ast, &env)) else { return false };
    let of = |id| build(&hir, FuncId(id as u32), &BuildOptions { metering: true });
    let Ok(plain) = (0..hir.funcs.len()).map(of).collect::<Result<Vec<Func>, _>>() else {
        failures.push(format!("{}:{} is not built", case.file, case.line));
        return true;
    };
    for passes in [Passes::NONE, Passes::ALL].into_iter().chain(Passes::ALL_BUT_ONE.map(|(_, passes)| passes)) {
        let mut funcs = plain.clone();
        optimize_program(&mut funcs, &passes);
        if let Some(got) = mismatch(case, &hir, &funcs) {
            let text: String = funcs.iter().map(print).collect();
            let Case { file, line, source, expect, .. } = case;
            failures.push(format!("{file}:{line}: {passes:?}\n{source}\nwanted {expect:?}\ngot {got}\n{text}"));
        }
    }
    true
}

#[test]
fn programs_give_what_their_cases_say() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let all = case_files::load(&directory).expect("every file is well formed");
    // What is tested depends on the host by its floats alone; an emulated one runs all cases in `tests/engines`, and some here.
    let (every, least) = if cfg!(target_arch = "x86_64") { (1, 4000) } else { (8, 400) };
    let run = move || {
        let mut failures = Vec::new();
        let ran = all.iter().step_by(every).filter(|case| check(case, &mut failures)).count();
        assert!(
            failures.is_empty(),
            "{} of {ran}:\n{}",
            failures.len(),
            failures[..failures.len().min(50)].join("\n\n")
        );
        assert!(ran > least, "only {ran} cases of {} ran", all.len());
    };
    // Calls of the program are calls of the test here.
    std::thread::Builder::new().stack_size(1 << 30).spawn(run).expect("a thread").join().expect("no failure");
}
