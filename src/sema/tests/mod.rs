//! Programs, and what the checker makes of them.

use super::{Env, HostParams, HostSignature, Input, analyze, free_names, hir};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::syntax::{SourceLimits, parse};
use crate::types::{Elem, Type};
use std::sync::LazyLock;

mod arrays;
mod errors;
mod limits;
mod names;
mod typing;

/// What the host function `put` takes.
static PUT: LazyLock<HostParams> = LazyLock::new(|| HostParams::Fixed(vec![Type::I64]));

/// Inputs `x: f64`, `n: i64`, `ok: bool`, `ins: [f64]` and `mut outs: [f64]`, and two host functions.
fn env() -> Env<'static> {
    let input = |name, ty, mutable| Input { name, ty, mutable };
    let host = |name, params| HostSignature { name, params, result: Type::Unit };
    Env {
        inputs: vec![
            input("x", Type::F64, false),
            input("n", Type::I64, false),
            input("ok", Type::Bool, false),
            input("ins", Type::Array(Elem::F64), false),
            input("outs", Type::Array(Elem::F64), true),
        ],
        hosts: vec![host("print", &HostParams::Scalars), host("put", &PUT)],
    }
}

fn run(source: &str) -> Result<hir::Hir, Diagnostics> {
    let (ast, errors) = parse(source, &SourceLimits::default());
    assert!(errors.is_empty(), "{source}: {errors:?}");
    analyze(source, &ast, &env()).map(|hir| *hir)
}

/// The typed program.
#[track_caller]
fn checked(source: &str) -> hir::Hir {
    run(source).unwrap_or_else(|errors| panic!("{source}: {errors:?}"))
}

/// The program as text on one line, without the head of its own body.
#[track_caller]
fn text(source: &str) -> String {
    let printed = hir::print(&checked(source));
    let words: Vec<&str> = printed.split_whitespace().collect();
    let head = "program(x.0: f64, n.1: i64, ok.2: bool, ins.3: [f64], mut outs.4: [f64]) -> ";
    words.join(" ").replace(head, "")
}

/// The type of the program's value.
#[track_caller]
fn result(source: &str) -> Type {
    let hir = checked(source);
    hir.funcs[hir.main.unwrap().0 as usize].result
}

/// A function of the program.
#[track_caller]
fn func<'h>(hir: &'h hir::Hir, name: &str) -> &'h hir::Func {
    hir.funcs.iter().find(|f| f.name == name).unwrap()
}

/// All errors of a program.
#[track_caller]
fn wrong(source: &str) -> Vec<Diagnostic> {
    match run(source) {
        Ok(hir) => panic!("{source} is accepted:\n{}", hir::print(&hir)),
        Err(errors) => errors.into_vec(),
    }
}

/// The only error of a program has this code, this place, and these words in its message or help.
#[track_caller]
fn error(source: &str, code: &str, place: &str, words: &[&str]) {
    let errors = wrong(source);
    assert_eq!(errors.len(), 1, "{source}: {errors:#?}");
    let error = &errors[0];
    let text = &source[error.span.start as usize..error.span.end as usize];
    assert_eq!((error.code, text), (code, place), "{source}: {error}");
    let told = format!("{} {}", error.message, error.help.as_deref().unwrap_or_default());
    for word in words {
        assert!(told.contains(word), "{source}: {told:?} lacks {word:?}");
    }
}
