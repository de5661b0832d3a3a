//! Texts that may be anything: errors that tell where they are, or programs that run as the reference does.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use crate::engines::run;
use cresset::host::{HostFn, HostParams};
use cresset::{Config, Engine, Execution, Limits, Type, Value};

fn engine(execution: Execution) -> Engine {
    let mut config = Config::new().execution(execution);
    for (name, params) in [
        ("print", HostParams::Scalars),
        ("put", HostParams::Fixed(vec![Type::I64])),
        ("put_number", HostParams::Fixed(vec![Type::F64, Type::I64, Type::I64])),
    ] {
        config.add_host_fn(HostFn::new(name, params, Type::Unit, |_| Ok(Value::Unit)));
    }
    config.engine().expect("this machine has it")
}

/// The reference and machine code.
pub fn engines() -> [Engine; 2] {
    [engine(Execution::Interpreter), engine(Execution::Auto)]
}

/// The same, made once a thread.
pub fn with_engines<T>(work: impl FnOnce(&[Engine; 2]) -> T) -> T {
    thread_local!(static ENGINES: [Engine; 2] = engines());
    ENGINES.with(work)
}

/// Compiles a text that may be anything; perhaps runs it, both ways.
pub fn check(engines: &[Engine; 2], text: &[u8], inputs: &[(String, Value)], runs: bool) {
    let types: Vec<(&str, Type)> = inputs.iter().map(|(name, value)| (name.as_str(), value.ty())).collect();
    let accepted = match engines[0].compile_bytes(text, &types) {
        Ok(_) => true,
        Err(error) => {
            assert!(!error.diagnostics().is_empty(), "{error}");
            for diagnostic in error.diagnostics() {
                let (start, end) = (diagnostic.span.start as usize, diagnostic.span.end as usize);
                assert!(start <= end && end <= text.len(), "{diagnostic:?}");
            }
            assert!(error.diagnostics().len() <= 20, "{error}");
            false
        }
    };
    if accepted && runs {
        let source = str::from_utf8(text).expect("it was accepted");
        let limits = Limits::default().fuel(2_000).memory(1 << 16).depth(50);
        let [expected, got] = engines.each_ref().map(|engine| run(engine, limits.clone(), source, inputs));
        assert_eq!(expected, got, "{source}");
    }
}
