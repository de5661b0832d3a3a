//! What programs become, and what their users read: kept as text under `snapshots/`, and compared.
//!
//! Nothing here depends on the machine that it runs on: code is listed for both machines, without addresses. After a change that is meant to change code,
//! `INSTA_UPDATE=always cargo test --test snapshots` writes the new texts; what they changed is then read as a diff.
#![cfg(feature = "disasm")]

mod examples;
mod mistakes;
mod operations;
mod shapes;
mod traps;

use cresset::host::{HostFn, HostParams};
use cresset::listing::{Stage, list};
use cresset::{Config, Cpu, Engine, Execution, Type, Value};
use std::path::Path;

/// Compares a text with the one kept under this topic and name.
#[track_caller]
fn compare(topic: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(topic));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// An engine with the command line's host functions, which print nothing.
fn engine(execution: Execution) -> Engine {
    let mut config = Config::new()
        .execution(execution)
        .host_fn("put", |_: i64| ())
        .host_fn("put_number", |_: f64, _: i64, _: i64| ())
        .host_fn("host", |x: f64, n: i64, b: bool| if b { x } else { n as f64 })
        .host_fn("fails", |n: i64| -> Result<i64, String> { Err(format!("the host said no to {n}")) });
    config.add_host_fn(HostFn::new("print", HostParams::Scalars, Type::Unit, |_| Ok(Value::Unit)));
    config.engine().expect("an engine")
}

/// A program at a stage; machine code for that machine.
#[track_caller]
fn listed(text: &str, inputs: &[(&str, Type)], stage: Stage, cpu: Cpu) -> String {
    listed_by(&engine(Execution::Interpreter), text, inputs, stage, cpu)
}

#[track_caller]
fn listed_by(engine: &Engine, text: &str, inputs: &[(&str, Type)], stage: Stage, cpu: Cpu) -> String {
    list(engine, text.as_bytes(), inputs, stage, cpu).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// A program, its IR and its code for both machines in one text.
#[track_caller]
fn all_forms(text: &str, inputs: &[(&str, Type)]) -> String {
    forms_by(&engine(Execution::Interpreter), text, inputs)
}

#[track_caller]
fn forms_by(engine: &Engine, text: &str, inputs: &[(&str, Type)]) -> String {
    let ir = listed_by(engine, text, inputs, Stage::Ir, Cpu::X86_64V3);
    let x64 = listed_by(engine, text, inputs, Stage::Asm, Cpu::X86_64V3);
    let a64 = listed_by(engine, text, inputs, Stage::Asm, Cpu::AArch64);
    format!("{text}\n\n=== IR\n{ir}\n=== x86-64\n{x64}\n=== AArch64\n{a64}")
}
