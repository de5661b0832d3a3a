//! One workload, some rounds of it, for counting its instructions: `scripts/count_instructions` runs this under callgrind, which collects in `measured` alone.
//!
//! Without arguments it prints the workloads with their rounds.

mod workloads;

use cresset::{Config, Elem, Engine, Func, InputType, Limits, Type};
use std::hint::black_box;
use workloads::{C1, C3, L1, L2, L3, L4, L5, OPTION, S1, S2, S3, S4, X, XY, XYDE, numbers, terms};

/// Of S3.
type OptionPrice = fn(f64, f64, f64, f64, f64) -> f64;

const CHECKED: &str = "fn checked(a: i64, b: i64) -> i64 = a * b + a;";

/// A loop that calls the host, and the same one without.
const CALLS: &str = "
    fn host(n: i64) -> f64 { var s = 0.0; for i in 0..n { s = add(s, 1.5); } s }
    fn none(n: i64) -> f64 { var s = 0.0; for i in 0..n { s += 1.5; } s }";

const ROUNDS: [(&str, u32); 22] = [
    ("compile-S1", 20),
    ("compile-S3", 5),
    ("compile-T100", 3),
    ("compile-T1000", 1),
    ("compile-batch-S1", 1000),
    ("compile-C1", 10),
    ("compile-C3", 3),
    ("compile-C7", 3),
    ("call-S1", 1000),
    ("call-S2", 1000),
    ("call-S3", 1000),
    ("call-S4", 1000),
    ("run-L1", 1),
    ("run-L2", 1),
    ("run-L3", 1),
    ("run-L4", 1),
    ("run-L5", 1),
    ("call-L3", 1000),
    ("call-checked", 1000),
    ("call-checked-in", 1000),
    ("calls-host", 1000),
    ("calls-none", 1000),
];

#[unsafe(no_mangle)]
#[inline(never)]
fn measured(rounds: u32, run: &mut dyn FnMut()) {
    (0..rounds).for_each(|_| run());
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let Some((_, rounds)) = ROUNDS.iter().find(|(name, _)| *name == wanted) else {
        ROUNDS.iter().for_each(|(name, rounds)| println!("{name} {rounds}"));
        return;
    };
    let engine = workloads::engine(true);
    let mut run = workload(&engine, &wanted);
    // What happens once is not counted.
    for _ in 0..if wanted.starts_with("run") { 0 } else { 2 } {
        run();
    }
    // Some do all rounds at once.
    let at_once = ["compile-batch-S1", "calls-host", "calls-none"].contains(&&*wanted);
    measured(if at_once { 1 } else { *rounds }, &mut run);
}

fn workload<'a>(engine: &'a Engine, name: &str) -> Box<dyn FnMut() + 'a> {
    let compile = |text: String, inputs: &'static [(&'static str, Type)]| -> Box<dyn FnMut() + 'a> {
        Box::new(move || drop(black_box(engine.compile_with(&text, inputs).expect("a formula"))))
    };
    let kernel = |text: &'static str, inputs: &'static [&'static str]| -> Box<dyn FnMut() + 'a> {
        let types: Vec<(&str, InputType)> = inputs.iter().map(|name| (*name, InputType::Column(Elem::F64))).collect();
        // A kernel remembers what it was compiled for.
        Box::new(move || {
            drop(black_box(engine.kernel(text).and_then(|kernel| kernel.for_types(&types)).expect("a kernel")))
        })
    };
    let module = |text: &str, inputs: &[(&str, Type)]| engine.compile_with(text, inputs).expect("a program");
    match name {
        "compile-S1" => compile(S1.into(), XY),
        "compile-S3" => compile(S3.into(), OPTION),
        "compile-T100" => compile(terms(100), XYDE),
        "compile-T1000" => compile(terms(1000), XYDE),
        "compile-C1" => kernel(C1, &["a", "b", "c"]),
        "compile-C3" => kernel(C3, &["x", "y", "z"]),
        "compile-C7" => kernel(S3, &["s", "k", "r", "sigma", "t"]),
        "compile-batch-S1" => Box::new(move || drop(black_box(engine.compile_batch([(S1, XY); 1000])))),
        "call-S1" => {
            let f: Func<fn(f64, f64) -> f64> = module(S1, XY).program().expect(name);
            Box::new(move || _ = black_box(f.call(black_box((3.0, 4.0)))))
        }
        "call-S2" => {
            let f: Func<fn(f64) -> f64> = module(S2, X).program().expect(name);
            Box::new(move || _ = black_box(f.call(black_box(0.5))))
        }
        "call-S3" => {
            let f: Func<OptionPrice> = module(S3, OPTION).program().expect(name);
            Box::new(move || _ = black_box(f.call(black_box((100.0, 110.0, 0.05, 0.2, 1.0)))))
        }
        "call-S4" => {
            let f: Func<fn(f64, f64, f64) -> f64> = module(S4, workloads::ABC).program().expect(name);
            Box::new(move || _ = black_box(f.call(black_box((0.7, 4.0, 2.0)))))
        }
        // What a call costs that can trap.
        "call-checked" => {
            let f: Func<fn(i64, i64) -> i64> = module(CHECKED, &[]).func("checked").expect(name);
            Box::new(move || _ = black_box(f.call(black_box((3, 4)))))
        }
        "call-checked-in" => {
            let f: Func<fn(i64, i64) -> i64> = module(CHECKED, &[]).func("checked").expect(name);
            let mut sandbox = engine.sandbox(Limits::default()).expect("a sandbox");
            Box::new(move || _ = black_box(f.call_in(&mut sandbox, black_box((3, 4)))))
        }
        "calls-host" | "calls-none" => {
            let engine = Config::new().host_fn("add", |x: f64, y: f64| x + y).engine().expect("an engine");
            let f: Func<fn(i64) -> f64> = engine.compile(CALLS).expect(name).func(&name[6..]).expect(name);
            Box::new(move || _ = black_box(f.call(black_box(1000))))
        }
        "run-L2" => {
            let f: Func<fn(&[f64]) -> f64> = module(L2, &[]).func("total").expect(name);
            let xs = numbers(10_000, -1.0, 1.0, 1);
            Box::new(move || _ = black_box(f.call(&xs)))
        }
        "run-L4" => {
            let f: Func<fn(&mut [bool]) -> i64> = module(L4, &[]).func("primes").expect(name);
            let mut composite = vec![false; 20_000];
            Box::new(move || _ = black_box(f.call(&mut composite)))
        }
        _ => {
            let (text, function, n) = match name {
                "run-L1" => (L1, "total", 16),
                "run-L3" => (L3, "fib", 16),
                "call-L3" => (L3, "fib", 1),
                _ => (L5, "longest", 500),
            };
            let f: Func<fn(i64) -> i64> = module(text, &[]).func(function).expect(name);
            Box::new(move || _ = black_box(f.call(black_box(n))))
        }
    }
}
