//! Every way of running a program that this machine has, and what came of a run in a form that can be compared.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use cresset::opt::Passes;
use cresset::{Arg, Array, Config, Cpu, Engine, Error, Execution, Limits, Type, Value};

/// A way of running programs.
pub struct Way {
    pub name: &'static str,
    pub execution: Execution,
    pub cpu: Cpu,
    pub passes: Passes,
}

/// All ways that this machine has, the reference first.
pub fn ways() -> Vec<Way> {
    let mut ways = vec![
        Way { name: "interpreter", execution: Execution::Interpreter, cpu: Cpu::Native, passes: Passes::ALL },
        Way { name: "jit", execution: Execution::Jit, cpu: Cpu::Native, passes: Passes::ALL },
        Way { name: "jit without passes", execution: Execution::Jit, cpu: Cpu::Native, passes: Passes::NONE },
    ];
    ways.extend(Passes::ALL_BUT_ONE.map(|(name, passes)| Way {
        name,
        execution: Execution::Jit,
        cpu: Cpu::Native,
        passes,
    }));
    if cfg!(target_arch = "x86_64") {
        for (name, cpu) in [("x86-64-v3", Cpu::X86_64V3), ("x86-64-v4", Cpu::X86_64V4)] {
            let way = Way { name, execution: Execution::Jit, cpu, passes: Passes::ALL };
            match way.config().engine() {
                Ok(_) => ways.push(way),
                Err(error) => eprintln!("NOT TESTED on this machine: {name}: {error}"),
            }
        }
    }
    ways
}

impl Way {
    pub fn config(&self) -> Config {
        let mut config = Config::new().execution(self.execution).cpu(self.cpu);
        config.passes = self.passes;
        config
    }
}

/// What came of a run, floats as bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Value { value: String, fuel_left: Option<u64> },
    Trap { kind: &'static str, span: (u32, u32), bounds: Option<(i64, i64)>, stack: String, fuel_left: Option<u64> },
    Errors(String),
}

/// A value, floats as bits.
pub fn bits(value: &Value) -> String {
    match value {
        Value::Unit => "()".to_owned(),
        Value::F64(x) => format!("f64 {x:?} {:016x}", x.to_bits()),
        Value::I64(n) => format!("i64 {n}"),
        Value::Bool(b) => format!("bool {b}"),
        Value::Array(array) => match array {
            Array::F64(v) => format!("[f64] {:x?}", v.iter().map(|x| x.to_bits()).collect::<Vec<_>>()),
            Array::F32(v) => format!("[f32] {:x?}", v.iter().map(|x| x.to_bits()).collect::<Vec<_>>()),
            other => format!("{other:?}"),
        },
    }
}

/// Compiles and runs a program.
pub fn run(engine: &Engine, limits: Limits, source: &str, inputs: &[(String, Value)]) -> Outcome {
    let types: Vec<(&str, Type)> = inputs.iter().map(|(name, value)| (name.as_str(), value.ty())).collect();
    let module = match engine.compile_with(source, &types) {
        Ok(module) => module,
        Err(error) => return failure(&error, None),
    };
    let mut args: Vec<Arg<'_>> = inputs.iter().filter_map(|(_, value)| value.as_arg()).collect();
    let mut sandbox = engine.sandbox(limits).expect("a sandbox needs nothing");
    match module.run_in(&mut sandbox, &mut args) {
        Ok(value) => Outcome::Value { value: bits(&value), fuel_left: sandbox.fuel_left() },
        Err(error) => failure(&error, sandbox.fuel_left()),
    }
}

/// What an error tells.
pub fn failure(error: &Error, fuel_left: Option<u64>) -> Outcome {
    match error {
        Error::Trap(trap) => Outcome::Trap {
            kind: trap.kind.name(),
            span: (trap.span.start, trap.span.end),
            bounds: trap.bounds,
            stack: trap
                .stack
                .iter()
                .map(|frame| format!("{}@{}..{} ", frame.function, frame.call.start, frame.call.end))
                .chain([format!("({} left out)", trap.frames_left_out)])
                .collect(),
            fuel_left,
        },
        other => Outcome::Errors(other.to_string()),
    }
}
