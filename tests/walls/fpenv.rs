//! A host with another floating-point environment: the same bits, and its registers as it left them, however a call ends.

use std::sync::atomic::{AtomicU64, Ordering};

use cresset::{
    Arg, Config, Engine, Error, Execution, HostError, Kernel, Limits, Module, Reduction, TrapKind, Value, columns,
};

use crate::process::in_child;

/// The control register's bits that a host can set.
#[cfg(target_arch = "x86_64")]
mod machine {
    /// All roundings, flushing to zero, denormals as zero, exceptions masked and not.
    pub fn environments() -> Vec<u64> {
        let mut all = Vec::new();
        for rounding in 0..4 {
            for flush in [0, 0x8000] {
                for denormals in [0, 0x40] {
                    for masks in [0x1F80, 0, 0x1F80 & !0x400] {
                        all.push(rounding << 13 | flush | denormals | masks);
                    }
                }
            }
        }
        all
    }

    pub fn get() -> u64 {
        let mut word = 0_u32;
        // SAFETY: stores the register into a local.
        unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut word) };
        u64::from(word & 0xFFC0)
    }

    pub fn set(word: u64) {
        // SAFETY: no reserved bit is set, and no flag.
        unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &(word as u32)) };
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    /// All roundings, flushing to zero, default NaNs, and exceptions trapped where the processor can.
    pub fn environments() -> Vec<u64> {
        let mut all = Vec::new();
        for rounding in 0..4 {
            for flush in [0, 1 << 24, 1 << 19] {
                for nans in [0, 1 << 25] {
                    for traps in [0, 0x9F00] {
                        all.push(rounding << 22 | flush | nans | traps);
                    }
                }
            }
        }
        // Bits that this processor does not have read as zero.
        for word in &mut all {
            set(*word);
            *word = get();
        }
        set(0);
        all
    }

    pub fn get() -> u64 {
        let word: u64;
        // SAFETY: reads the register.
        unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) word) };
        word
    }

    pub fn set(word: u64) {
        // SAFETY: sets control bits.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) word) };
    }
}

/// Runs `body` in an environment, and says whether it was still set afterwards. Nothing of the test's own computes meanwhile.
fn within<R>(environment: u64, body: impl FnOnce() -> R) -> R {
    let usual = machine::get();
    machine::set(environment);
    let result = body();
    let after = machine::get();
    machine::set(usual);
    assert_eq!(after, environment, "{environment:x}");
    result
}

const FORMULAS: &[&str] = &[
    "1.0 / 3.0 + x / 3.0",
    "x * 1e-308 * 1e-10 * 3",
    "sqrt(x + 0.1) * 1e300 * 1e300",
    "sin(x) + exp(x) + ln(x) + pow(x, 0.1) + cbrt(x)",
    "x / 0.0 - x / 0.0",
    "5e-324 + x * 0",
    "fma(x, x, 0.1) + x % 0.3",
    "sum([0.1, x, 1e-320]) + mean([x, 0.7])",
    "f64(9007199254740993) + x + round_even(2.5) + floor(-0.5)",
    "0.1 + 0.2",
];

fn bits(outcome: Result<Value, Error>) -> u64 {
    match outcome {
        Ok(Value::F64(x)) => x.to_bits(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_bits_in_every_environment() {
    in_child(|| {
        for execution in [Execution::Jit, Execution::Interpreter] {
            let engine = Config::new().execution(execution).engine().unwrap();
            let compile = |text: &str| engine.compile_with(text, &[("x", cresset::Type::F64)]).unwrap();
            for text in FORMULAS {
                let module = compile(text);
                let expected: Vec<u64> = [0.7, 1e-310].map(|x| bits(module.run(&mut [Arg::F64(x)]))).to_vec();
                let whole = bits(module.run(&mut [Arg::I64(9_007_199_254_740_993)]));
                for environment in machine::environments() {
                    let (got, of_whole) = within(environment, || {
                        // Compiled there too: constants are folded.
                        let module = compile(text);
                        let got = [0.7, 1e-310].map(|x| bits(module.run(&mut [Arg::F64(x)])));
                        (got.to_vec(), bits(module.run(&mut [Arg::I64(9_007_199_254_740_993)])))
                    });
                    assert_eq!((&got, of_whole), (&expected, whole), "{text} in {environment:x}");
                    let typed = within(environment, || {
                        module.program::<fn(f64) -> f64>().unwrap().call(0.7).unwrap().to_bits()
                    });
                    assert_eq!(typed, expected[0], "{text} in {environment:x}");
                }
            }
        }
    });
}

#[test]
fn kernels_and_their_totals_too() {
    in_child(|| {
        for execution in [Execution::Jit, Execution::Interpreter] {
            let engine = Config::new().execution(execution).engine().unwrap();
            let xs: Vec<f64> = (0..100).map(|i| 0.1 * f64::from(i)).collect();
            let kernel: Kernel = engine.kernel("x / 3 + a").unwrap();
            let rows = columns! { "x" => &xs, "a" => 9_007_199_254_740_993_i64 };
            let small = columns! { "x" => &xs, "a" => 1e-310 };
            let run = || {
                let map: Vec<u64> = kernel.map::<f64>(&small).unwrap().iter().map(|x| x.to_bits()).collect();
                (map, bits(kernel.reduce(Reduction::Sum, &rows)), bits(kernel.reduce(Reduction::Mean, &small)))
            };
            let expected = run();
            for environment in machine::environments() {
                assert_eq!(within(environment, run), expected, "{environment:x}");
            }
        }
    });
}

/// A program that ends in each possible way, and host functions that look at the environment.
fn endings(execution: Execution) -> (Engine, Module) {
    let engine = Config::new()
        .execution(execution)
        .limits(Limits::default().fuel(20_000))
        .host_fn("look", || -> i64 { machine::get() as i64 })
        .host_fn("panics", || -> f64 { std::panic::resume_unwind(Box::new("on purpose")) })
        .host_fn("fails", || -> Result<f64, HostError> { Err(HostError::from("on purpose")) })
        .host_fn("changes", |word: i64| machine::set(word as u64))
        .engine()
        .unwrap();
    let text = "fn value(x) = x / 3;
        fn divide(x) = f64(div(1, i64(x * 0)));
        fn index(x) { let xs = [x / 3]; xs[i64(x)] }
        fn fuel(x) -> f64 { var s = x; while true { s += 0.1; } s }
        fn deep(x) -> f64 { x / 3 + deep(x + 1) }
        fn panicking(x) { x / 3 + panics() }
        fn failing(x) { x / 3 + fails() }
        fn looking(x) { let seen = look(); seen + 0 * i64(x / 3) }
        fn changing(word: i64, x) { let before = x / 3; changes(word); if before == x / 3 { x / 7 } else { -1 } }";
    let module = engine.compile(text).unwrap();
    (engine, module)
}

#[test]
fn however_a_call_ends_the_host_finds_its_own() {
    let ends = [
        ("value", None),
        ("divide", Some(TrapKind::DivideByZero)),
        ("index", Some(TrapKind::OutOfBounds)),
        ("fuel", Some(TrapKind::OutOfFuel)),
        ("deep", Some(TrapKind::StackOverflow)),
        ("panicking", Some(TrapKind::HostError)),
        ("failing", Some(TrapKind::HostError)),
    ];
    in_child(|| {
        for execution in [Execution::Jit, Execution::Interpreter] {
            let (engine, module) = endings(execution);
            for environment in machine::environments() {
                for (name, expected) in ends {
                    let outcome = within(environment, || module.call(name, &mut [Arg::F64(5.0)]));
                    assert_eq!(outcome.err().and_then(|error| error.trap().map(|trap| trap.kind)), expected, "{name}");
                }
                // Cancelled from outside.
                let mut sandbox = engine.sandbox(Limits::default().no_fuel_limit()).unwrap();
                sandbox.cancel_handle().cancel();
                let outcome = within(environment, || module.call_in(&mut sandbox, "fuel", &mut [Arg::F64(5.0)]));
                assert_eq!(outcome.unwrap_err().trap().unwrap().kind, TrapKind::Interrupted);
                // A text that is wrong.
                assert!(within(environment, || engine.compile("1.5 +")).is_err());
                assert!(within(environment, || engine.inspect("2 ** 1.5")).is_err());
            }
        }
    });
}

#[test]
fn a_host_function_sees_the_hosts_environment_and_cannot_change_the_programs() {
    static SET: AtomicU64 = AtomicU64::new(0);
    in_child(|| {
        for execution in [Execution::Jit, Execution::Interpreter] {
            let (_engine, module) = endings(execution);
            for environment in machine::environments() {
                SET.store(environment, Ordering::Relaxed);
                let seen = within(environment, || module.call("looking", &mut [Arg::F64(1.0)])).unwrap();
                assert_eq!(seen, Value::I64(environment as i64));
                // What it sets is for itself, and forgotten when the call returns.
                for other in machine::environments().into_iter().step_by(7) {
                    let args = &mut [Arg::I64(other as i64), Arg::F64(1.0)];
                    assert_eq!(bits(within(environment, || module.call("changing", args))), (1.0_f64 / 7.0).to_bits());
                }
            }
        }
    });
}
