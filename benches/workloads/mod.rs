//! What is measured: the same workloads as texts for Cresset, as Rust and as C, and the clock that compares them.
#![allow(dead_code, reason = "each benchmark uses its part")]

pub mod clock;
pub mod native;
pub mod reference;

use cresset::{Config, Engine, Limits, Type};

/// `x*x + y*y`.
pub const S1: &str = "x*x + y*y";
/// Horner's rule, degree 9.
pub const S2: &str = "((((((((0.1*x + 0.2)*x - 0.3)*x + 0.4)*x - 0.5)*x + 0.6)*x - 0.7)*x + 0.8)*x - 0.9)*x + 1.0";
/// The price of a call by Black and Scholes, the normal distribution by Abramowitz and Stegun 7.1.26.
pub const S3: &str = "
fn cdf(x) {
    let z = abs(x) / sqrt(2);
    let t = 1 / (1 + 0.3275911 * z);
    let erf = 1 - ((((1.061405429*t - 1.453152027)*t + 1.421413741)*t - 0.284496736)*t + 0.254829592) * t * exp(-z*z);
    if x < 0 { 0.5 * (1 - erf) } else { 0.5 * (1 + erf) }
}
let d1 = (ln(s / k) + (r + sigma*sigma/2)*t) / (sigma*sqrt(t));
let d2 = d1 - sigma*sqrt(t);
s*cdf(d1) - k*exp(-r*t)*cdf(d2)";
/// A condition and two formulas.
pub const S4: &str = "if (a > 0.5 and b < 10) or c == 3 { a*2 + b } else { c - a }";

/// Iterations of Mandelbrot's map over a grid of 256 by 256 points.
pub const L1: &str = "
fn total(n: i64) {
    var total = 0;
    for row in 0..n {
        for column in 0..n {
            let cx = -2.0 + 3.0 * column / n;
            let cy = -1.5 + 3.0 * row / n;
            var x = 0.0;
            var y = 0.0;
            var count = 0;
            while count < 256 and x*x + y*y <= 4.0 {
                let next = x*x - y*y + cx;
                y = 2.0*x*y + cy;
                x = next;
                count += 1;
            }
            total += count;
        }
    }
    total
}";
/// The sum of squares, by a loop.
pub const L2: &str = "
fn total(xs: [f64]) {
    var total = 0.0;
    for x in xs { total += x*x; }
    total
}";
/// Fibonacci's numbers by recursion.
pub const L3: &str = "fn fib(n: i64) -> i64 = if n < 2 { n } else { fib(n - 1) + fib(n - 2) };";
/// Primes by the sieve of Eratosthenes.
pub const L4: &str = "
fn primes(mut composite: [bool]) -> i64 {
    var count = 0;
    for n in 2..len(composite) {
        if not composite[n] {
            count += 1;
            var multiple = n * n;
            while multiple < len(composite) {
                composite[multiple] = true;
                multiple += n;
            }
        }
    }
    count
}";
/// The longest chain of Collatz.
pub const L5: &str = "
fn longest(below: i64) {
    var best = 0;
    var best_start = 0;
    for start in 1..below {
        var n = start;
        var steps = 0;
        while n != 1 {
            n = if n % 2 == 0 { div(n, 2) } else { 3*n + 1 };
            steps += 1;
        }
        if steps > best {
            best = steps;
            best_start = start;
        }
    }
    best_start
}";

/// Formulas over columns: multiplications and additions.
pub const C1: &str = "a*b + c";
/// A length.
pub const C2: &str = "sqrt(x*x + y*y + z*z)";
/// Elementary functions.
pub const C3: &str = "sin(x)*exp(-(y*y)) + ln(1 + z*z)";
/// A condition that rows decide.
pub const C4: &str = "if x > 0.5 { x*y } else { z - x }";
/// Horner's rule, degree 20.
pub const C5: &str = "
(((((((((((((((((((0.21*x + 0.2)*x - 0.19)*x + 0.18)*x - 0.17)*x + 0.16)*x - 0.15)*x + 0.14)*x - 0.13)*x + 0.12)*x
- 0.11)*x + 0.1)*x - 0.09)*x + 0.08)*x - 0.07)*x + 0.06)*x - 0.05)*x + 0.04)*x - 0.03)*x + 0.02)*x - 0.01";
/// The same with each product and sum rounded once, as gcc contracts `C5` where it may.
pub const C5_FUSED: &str = "
fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(fma(0.21
, x, 0.2), x, -0.19), x, 0.18), x, -0.17), x, 0.16), x, -0.15), x, 0.14), x, -0.13), x, 0.12), x, -0.11)
, x, 0.1), x, -0.09), x, 0.08), x, -0.07), x, 0.06), x, -0.05), x, 0.04), x, -0.03), x, 0.02), x, -0.01)";
/// How soon a point leaves the Mandelbrot set.
pub const C6: &str = "
var x = 0.0;
var y = 0.0;
var count = 0;
while count < 256 and x*x + y*y <= 4.0 {
    let next = x*x - y*y + cx;
    y = 2.0*x*y + cy;
    x = next;
    count += 1;
}
count";

/// The inputs of `S1`.
pub const XY: &[(&str, Type)] = &[("x", Type::F64), ("y", Type::F64)];
/// The inputs of `S2`.
pub const X: &[(&str, Type)] = &[("x", Type::F64)];
/// The inputs of `S3`.
pub const OPTION: &[(&str, Type)] =
    &[("s", Type::F64), ("k", Type::F64), ("r", Type::F64), ("sigma", Type::F64), ("t", Type::F64)];
/// The inputs of `S4`.
pub const ABC: &[(&str, Type)] = &[("a", Type::F64), ("b", Type::F64), ("c", Type::F64)];
/// The inputs of `terms`.
pub const XYDE: &[(&str, Type)] = &[("x", Type::F64), ("y", Type::F64), ("d", Type::F64), ("e", Type::F64)];

/// A sum of so many terms `(c*x + d*y) * (x - e)`, each with constants of its own for `c`: T100, T1000.
pub fn terms(count: usize) -> String {
    let term = |i: usize| format!("({}.5*x + d*y) * (x - e)", i + 1);
    (0..count).map(term).collect::<Vec<_>>().join(" + ")
}

/// Engines that differ in metering; `CRESSET_VERIFY=0` leaves the verifier of finished code out.
pub fn engine(metering: bool) -> Engine {
    let limits = Limits { fuel: Some(u64::MAX / 2), ..Limits::default() };
    let verify = std::env::var_os("CRESSET_VERIFY").is_none_or(|verify| verify != "0");
    Config::new()
        .metering(metering)
        .limits(limits)
        .verify(verify)
        .engine()
        .expect("a machine that code can be made for")
}

/// Numbers that vary, the same in each run.
pub fn numbers(count: usize, low: f64, high: f64, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        low + (high - low) * (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}
