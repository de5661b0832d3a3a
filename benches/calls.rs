//! Small formulas, one call a row through the typed handle, beside the same functions of rustc and of gcc behind a pointer; and calls of the host.

mod workloads;

use cresset::{Config, Func};
use std::hint::black_box;
use workloads::clock::{Comparison, heading};
use workloads::native::Native;
use workloads::{ABC, OPTION, S1, S2, S3, S4, X, XY, engine, numbers, reference};

const ROWS: usize = 4096;

/// Sums a function's results over columns: a call a row, its arguments varying.
macro_rules! sum {
    ($columns:expr; $($arg:ident),+; $call:expr) => {{
        let [$($arg),+] = &$columns;
        let mut total = 0.0;
        for row in 0..ROWS {
            $(let $arg = $arg[row];)+
            total += $call;
        }
        black_box(total);
    }};
}

/// One workload: its rows, and for each candidate the call.
macro_rules! workload {
    ($title:literal, $native:expr, $text:expr, $inputs:expr, $signature:ty, $rust:expr, $c:ident, $columns:expr, ($($arg:ident),+)) => {{
        let columns = $columns;
        let program = |metering| -> Func<$signature> {
            engine(metering).compile_with($text, $inputs).and_then(|module| module.program()).expect($title)
        };
        let (metered, unmetered) = (program(true), program(false));
        let mut comparison = Comparison::new($title, ROWS);
        if let Some(native) = &$native {
            // SAFETY: `native.c` defines the function with these parameters.
            comparison = comparison.add("gcc -O3", || sum!(columns; $($arg),+; unsafe { (black_box(native.$c))($($arg),+) }));
        }
        comparison
            .add("rustc", || sum!(columns; $($arg),+; (black_box($rust as fn($(workload!(@ty $arg)),+) -> f64))($($arg),+)))
            .add("cresset, metering off", || sum!(columns; $($arg),+; unmetered.call(workload!(@args $($arg),+)).unwrap_or(f64::NAN)))
            .add("cresset", || sum!(columns; $($arg),+; metered.call(workload!(@args $($arg),+)).unwrap_or(f64::NAN)))
            .report(1.0);
    }};
    (@ty $arg:ident) => { f64 };
    (@args $arg:ident) => { $arg };
    (@args $($arg:ident),+) => { ($($arg),+) };
}

fn main() {
    let native = Native::load();
    let column = |low, high, seed| numbers(ROWS, low, high, seed);
    heading("ns a call");
    workload!(
        "S1 x*x + y*y",
        native,
        S1,
        XY,
        fn(f64, f64) -> f64,
        reference::s1,
        s1,
        [column(-1.0, 1.0, 1), column(-1.0, 1.0, 2)],
        (x, y)
    );
    workload!("S2 Horner, degree 9", native, S2, X, fn(f64) -> f64, reference::s2, s2, [column(-1.0, 1.0, 3)], (x));
    workload!(
        "S3 Black-Scholes",
        native,
        S3,
        OPTION,
        fn(f64, f64, f64, f64, f64) -> f64,
        reference::s3,
        s3,
        [
            column(80.0, 120.0, 4),
            column(80.0, 120.0, 5),
            column(0.01, 0.05, 6),
            column(0.1, 0.4, 7),
            column(0.2, 2.0, 8)
        ],
        (s, k, r, sigma, t)
    );
    workload!(
        "S4 condition",
        native,
        S4,
        ABC,
        fn(f64, f64, f64) -> f64,
        reference::s4,
        s4,
        [column(0.0, 1.0, 9), column(0.0, 20.0, 10), column(0.0, 5.0, 11)],
        (a, b, c)
    );
    host_calls();
}

/// A loop that calls the host, less the same loop without, beside a call of a closure behind a pointer.
fn host_calls() {
    const CALLS: i64 = 10_000;
    let engine = Config::new().host_fn("twice", |x: f64| 2.0 * x).engine().expect("an engine");
    let text = "fn with(n: i64) { var s = 0.0; for i in 0..n { s += twice(s) + 1; } s }
                fn without(n: i64) { var s = 0.0; for i in 0..n { s += 2*s + 1; } s }";
    let module = engine.compile(text).expect("the loops");
    let with: Func<fn(i64) -> f64> = module.func("with").expect("with");
    let without: Func<fn(i64) -> f64> = module.func("without").expect("without");
    let boxed: Box<dyn Fn(f64) -> f64> = black_box(Box::new(|x| 2.0 * x));
    Comparison::new("host function", CALLS as usize)
        .add("rustc, a boxed closure", || {
            let mut sum = 0.0;
            for _ in 0..CALLS {
                sum += boxed(sum) + 1.0;
            }
            black_box(sum);
        })
        .add("cresset, no call", || _ = black_box(without.call(CALLS)))
        .add("cresset", || _ = black_box(with.call(CALLS)))
        .report(1.0);
}
