//! What a call costs: from the host into code and back, beside plain function pointers in the same run; and from code into a host function and back.
//!
//! `cargo bench --bench entry`. Each figure is the best of many rounds, as a ratio to an `extern "C"` pointer of the same signature.

use cresset::{Config, Func, Limits};
use std::hint::black_box;
use std::time::Instant;

const CALLS: u64 = 200_000;
const ROUNDS: usize = 60;

extern "C" fn c_function(x: f64, y: f64) -> f64 {
    x * x + y * y
}

fn rust_function(x: f64, y: f64) -> f64 {
    x * x + y * y
}

extern "C" fn c_integers(a: i64, b: i64) -> i64 {
    a.checked_mul(b).and_then(|p| p.checked_add(a)).unwrap_or(0)
}

/// Nanoseconds for one call, the best of all rounds.
fn time(mut round: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        round();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best * 1e9 / CALLS as f64
}

/// As a user would write it: a loop over varying arguments, results summed.
fn floats(mut call: impl FnMut(f64, f64) -> f64) -> f64 {
    time(|| {
        let mut total = 0.0;
        for i in 0..CALLS {
            total += call(i as f64, 0.5);
        }
        black_box(total);
    })
}

fn integers(mut call: impl FnMut(i64, i64) -> i64) -> f64 {
    time(|| {
        let mut total = 0_i64;
        for i in 0..CALLS as i64 {
            total = total.wrapping_add(call(i, 3));
        }
        black_box(total);
    })
}

fn main() {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let engine = Config::new()
        .host_fn("add", |x: f64, y: f64| x + y)
        .host_fn("count", |n: i64| n + 1)
        .engine()
        .expect("an engine");
    let text = "
        fn pure(x, y) = x * x + y * y;
        fn checked(a: i64, b: i64) -> i64 = a * b + a;
        fn calls_host(n: i64) -> f64 { var s = 0.0; for i in 0..n { s = add(s, 1.5); } s }
        fn calls_none(n: i64) -> f64 { var s = 0.0; for i in 0..n { s += 1.5; } s }
    ";
    let module = engine.compile(text).expect("a program");
    let pure: Func<fn(f64, f64) -> f64> = module.func("pure").expect("a function");
    let checked: Func<fn(i64, i64) -> i64> = module.func("checked").expect("a function");
    let calls_host: Func<fn(i64) -> f64> = module.func("calls_host").expect("a function");
    let calls_none: Func<fn(i64) -> f64> = module.func("calls_none").expect("a function");
    let mut sandbox = engine.sandbox(Limits::default()).expect("a sandbox");

    let c_pointer: extern "C" fn(f64, f64) -> f64 = black_box(c_function);
    let rust_pointer: fn(f64, f64) -> f64 = black_box(rust_function);
    let c_int_pointer: extern "C" fn(i64, i64) -> i64 = black_box(c_integers);
    let base = floats(|x, y| c_pointer(x, y));
    let row = |what: &str, ns: f64, base: f64| println!("{what:44} {ns:7.2} ns {:6.2}x", ns / base);
    row("extern \"C\" pointer", base, base);
    row("Rust pointer", floats(rust_pointer), base);
    row("cannot trap: call", floats(|x, y| pure.call((x, y)).unwrap_or(0.0)), base);
    row("cannot trap: call_in", floats(|x, y| pure.call_in(&mut sandbox, (x, y)).unwrap_or(0.0)), base);
    let base = integers(|a, b| c_int_pointer(a, b));
    row("extern \"C\" pointer, checked integers", base, base);
    row("can trap: call", integers(|a, b| checked.call((a, b)).unwrap_or(0)), base);
    row("can trap: call_in", integers(|a, b| checked.call_in(&mut sandbox, (a, b)).unwrap_or(0)), base);

    let with = time(|| {
        black_box(calls_host.call(black_box(CALLS as i64)).unwrap_or(0.0));
    });
    let without = time(|| {
        black_box(calls_none.call(black_box(CALLS as i64)).unwrap_or(0.0));
    });
    row("code to a host function and back", with - without, base);
}
