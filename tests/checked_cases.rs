//! The conformance cases before anything runs them: what must be an error is one, at its place and with its help; all else has the
//! type of the value that it must give.

use cresset::sema::{Env, HostParams, HostSignature, Input, analyze};
use cresset::syntax::{SourceLimits, parse};
use cresset::{Diagnostic, Elem, Type};
use std::path::Path;

#[path = "common/cases.rs"]
mod cases;

#[path = "common/typed_tree.rs"]
mod typed_tree;

use cases::{Case, Expect, Value};

fn type_of(value: &Value) -> Type {
    match value {
        Value::Unit => Type::Unit,
        Value::Bool(_) => Type::Bool,
        Value::I64(_) => Type::I64,
        Value::F64(_) => Type::F64,
        Value::F64s(_) => Type::Array(Elem::F64),
        Value::F32s(_) => Type::Array(Elem::F32),
        Value::I64s(_) => Type::Array(Elem::I64),
        Value::I32s(_) => Type::Array(Elem::I32),
        Value::U8s(_) => Type::Array(Elem::U8),
        Value::Bools(_) => Type::Array(Elem::Bool),
    }
}

fn check(case: &Case) -> Result<Type, Vec<Diagnostic>> {
    let inputs = case.options.inputs.iter();
    let inputs = inputs.map(|(name, value)| Input { name, ty: type_of(value), mutable: false });
    let hosts = [
        ("print", HostParams::Scalars),
        ("put", HostParams::Fixed(vec![Type::I64])),
        ("put_number", HostParams::Fixed(vec![Type::F64, Type::I64, Type::I64])),
    ];
    let hosts = hosts.iter().map(|(name, params)| HostSignature { name, params, result: Type::Unit });
    let env = Env { inputs: inputs.collect(), hosts: hosts.collect() };
    let mut limits = SourceLimits::default();
    limits.nesting = case.options.nesting.map_or(limits.nesting, |n| n as u32);
    limits.text = case.options.text.map_or(limits.text, |n| n as usize);
    limits.functions = case.options.functions.map_or(limits.functions, |n| n as u32);
    let (ast, mut errors) = parse(&case.source, &limits);
    let hir = match analyze(&case.source, &ast, &env) {
        Ok(hir) if errors.is_empty() => hir,
        Ok(_) => return Err(errors.into_vec()),
        Err(more) => {
            errors.extend(more);
            return Err(errors.into_vec());
        }
    };
    typed_tree::verify(&hir, &env);
    Ok(hir.main.map_or(Type::Unit, |main| hir.funcs[main.0 as usize].result))
}

/// What is wrong with the outcome, if anything.
fn verdict(case: &Case) -> Option<String> {
    let outcome = check(case);
    match (&case.expect, &outcome) {
        (Expect::Value { value, .. }, Ok(ty)) => (type_of(value) != *ty).then(|| format!("the type is {ty}")),
        (Expect::Trap { .. }, Ok(_)) => None,
        (Expect::Error { .. }, Ok(ty)) => Some(format!("accepted as {ty}")),
        (Expect::Error { span, help }, Err(errors)) => {
            let placed = |error: &&Diagnostic| {
                span.as_ref().is_none_or(|span| (error.span.start as usize..error.span.end as usize) == *span)
            };
            let helps = |error: &&Diagnostic| {
                help.as_ref().is_none_or(|help| error.help.as_ref().is_some_and(|text| text.contains(help.as_str())))
            };
            let right = errors.iter().filter(placed).any(|error| helps(&error));
            (!right).then(|| format!("{errors:#?}"))
        }
        (_, Err(errors)) => Some(format!("{errors:#?}")),
    }
}

#[test]
fn cases_are_accepted_or_refused_as_they_must_be() {
    let all =
        cases::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")).expect("every file is well formed");
    let wrong: Vec<String> = all
        .iter()
        .filter_map(|case| verdict(case).map(|why| format!("{}:{}: {}\n  {why}", case.file, case.line, case.source)))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

/// xorshift64*: the same texts every time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize) % n.max(1)
    }
}

/// Words and signs of a text.
fn words(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let len = match word(first) {
            true => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        out.push(&rest[..len]);
        rest = &rest[len..];
    }
    out
}

#[test]
fn mutated_cases_give_errors_or_well_typed_trees() {
    let all =
        cases::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")).expect("every file is well formed");
    let small: Vec<&Case> = all.iter().filter(|case| (1..2000).contains(&case.source.len())).collect();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..30_000 {
        let mut case = small[random.below(small.len())].clone();
        let other = &small[random.below(small.len())].source;
        let mut text = words(&case.source);
        let spare = words(other);
        for _ in 0..1 + random.below(3) {
            let (at, from) = (random.below(text.len()), random.below(text.len()));
            match random.below(5) {
                0 if !text.is_empty() => drop(text.remove(at)),
                1 if !text.is_empty() => text[at] = spare[random.below(spare.len())],
                2 if !text.is_empty() => text.insert(at, text[from]),
                3 if !text.is_empty() => text.swap(at, from),
                _ => text.insert(at, spare[random.below(spare.len())]),
            }
        }
        case.source = text.concat();
        match check(&case) {
            Ok(_) => accepted += 1,
            Err(errors) => {
                refused += 1;
                assert!(!errors.is_empty() && errors.len() <= 20, "{}", case.source);
                let within = |error: &Diagnostic| {
                    let span = error.span.start as usize..error.span.end as usize;
                    span.start <= span.end && span.end <= case.source.len() && case.source.get(span).is_some()
                };
                assert!(errors.iter().all(within), "{}: {errors:?}", case.source);
            }
        }
    }
    assert!(accepted > 1000 && refused > 1000, "{accepted} accepted, {refused} refused");
}
