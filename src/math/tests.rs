//! Accuracy against MPFR, special cases after C's Annex F, and arguments whose results are exact.

use super::*;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const NEG_NAN: f64 = -f64::NAN;
const TINY: f64 = 5e-324;

fn number(hex: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(hex, 16).unwrap())
}

/// The distance from `a` to `b` in encodings, which is in units in the last place within a binade.
fn steps_beyond(result: f64, nearest: f64) -> f64 {
    (result.to_bits() as i64).wrapping_sub(nearest.to_bits() as i64) as f64
}

/// Each line: the arguments, the nearest result, and how far beyond it the true value lies, or `exact`.
#[track_caller]
fn check_reference<const N: usize>(text: &str, limit: f64, f: fn([f64; N]) -> f64) {
    let mut count = 0;
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        assert_eq!(fields.len(), N + 2, "{line}");
        let args: [f64; N] = std::array::from_fn(|i| number(fields[i]));
        let nearest = number(fields[N]);
        let result = f(args);
        if result.to_bits() != nearest.to_bits() {
            assert_ne!(fields[N + 1], "exact", "{args:?} gives {result:e}, exactly {nearest:e}");
            assert!(nearest.is_finite() && nearest != 0.0, "{args:?} gives {result:e}, not {nearest:e}");
            let beyond: f64 = fields[N + 1].parse().unwrap();
            let error = (steps_beyond(result, nearest) - beyond).abs();
            assert!(error < limit, "{args:?} gives {result:e}, not {nearest:e}: {error} ULP");
        }
        count += 1;
    }
    assert!(count > 500, "{count} vectors");
}

// The number is the largest error that any vector may show, in units in the last place.
macro_rules! reference {
    ($($limit:literal: $($name:ident($($arg:ident),+))*;)*) => {$($(
        mod $name {
            #[test]
            fn agrees_with_mpfr() {
                let text = include_str!(concat!("../../tests/data/math/", stringify!($name), ".txt"));
                super::check_reference(text, $limit, |[$($arg),+]| super::super::$name($($arg),+));
            }
        }
    )*)*};
}
reference! {
    0.52: exp2(x) expm1(x) log2(x) log10(x) log1p(x) cbrt(x) sinh(x) cosh(x) tanh(x) asinh(x) acosh(x) atanh(x)
        hypot(x, y) pow(x, y) atan(x) atan2(y, x);
    0.64: exp(x) ln(x) sin(x) cos(x) tan(x) asin(x) acos(x);
    0.88: erf(x);
    1.1: erfc(x);
}

#[track_caller]
pub(super) fn same(what: &str, got: f64, want: f64) {
    assert_eq!(got.to_bits(), want.to_bits(), "{what}: {got:e}, not {want:e}");
}

#[track_caller]
pub(super) fn check(name: &str, f: fn(f64) -> f64, cases: &[(f64, f64)]) {
    for &(x, want) in cases {
        same(&format!("{name}({x:e})"), f(x), want);
    }
    for nan in [NAN, NEG_NAN, f64::from_bits(0x7FF0_0000_0000_0001), f64::from_bits(0xFFF8_0000_0000_1234)] {
        same(&format!("{name} of a NaN"), f(nan), NAN);
    }
}

#[test]
fn the_canonical_nan_is_the_positive_quiet_one() {
    assert_eq!(NAN.to_bits(), 0x7FF8_0000_0000_0000);
}

#[test]
fn special_cases_of_exponentials() {
    check("exp", exp, &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (TINY, 1.0), (-TINY, 1.0)]);
    check(
        "exp",
        exp,
        &[(709.782712893384, 1.7976931348622732e308), (709.7827128933841, INF), (1e300, INF), (-1e300, 0.0)],
    );
    check(
        "exp",
        exp,
        &[(-745.1332191019411, TINY), (-745.1332191019412, 0.0), (-708.3964185322641, 2.2250738585072626e-308)],
    );
    check("exp2", exp2, &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (1024.0, INF), (1023.0, 2f64.powi(1023))]);
    check(
        "exp2",
        exp2,
        &[(1023.9999999999999, 1.7976931348621742e308), (-1075.0, 0.0), (-1074.9999999999998, TINY), (-1074.0, TINY)],
    );
    check("exp2", exp2, &[(-1022.0, f64::MIN_POSITIVE), (1e300, INF), (-1e300, 0.0), (-1076.0, 0.0)]);
    check(
        "expm1",
        expm1,
        &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (TINY, TINY), (-TINY, -TINY), (-1e300, -1.0)],
    );
    check(
        "expm1",
        expm1,
        &[(709.7827128933841, INF), (709.782712893384, 1.7976931348622732e308), (-50.0, -1.0), (1e-300, 1e-300)],
    );
}

#[test]
fn special_cases_of_logarithms() {
    for (name, f) in [("ln", ln as fn(f64) -> f64), ("log2", log2), ("log10", log10)] {
        check(name, f, &[(0.0, -INF), (-0.0, -INF), (-1.0, NAN), (-INF, NAN), (-TINY, NAN), (INF, INF), (1.0, 0.0)]);
    }
    check("ln", ln, &[(TINY, -744.4400719213812), (f64::MAX, 709.782712893384)]);
    check("log1p", log1p, &[(0.0, 0.0), (-0.0, -0.0), (-1.0, -INF), (-1.5, NAN), (-INF, NAN), (INF, INF)]);
    check("log1p", log1p, &[(TINY, TINY), (-TINY, -TINY), (f64::MAX, 709.782712893384), (-1.0000000000000002, NAN)]);
}

#[test]
fn special_cases_of_hyperbolic_functions() {
    for (name, f) in [("sinh", sinh as fn(f64) -> f64), ("tanh", tanh), ("asinh", asinh), ("atanh", atanh)] {
        check(name, f, &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), (1e-300, 1e-300)]);
    }
    check(
        "sinh",
        sinh,
        &[
            (INF, INF),
            (-INF, -INF),
            (710.4758600739439, 1.7976931348621744e308),
            (710.475860073944, INF),
            (-711.0, -INF),
        ],
    );
    check(
        "cosh",
        cosh,
        &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF), (710.4758600739439, 1.7976931348621744e308), (-711.0, INF)],
    );
    check("tanh", tanh, &[(INF, 1.0), (-INF, -1.0), (22.0, 1.0), (-1e300, -1.0), (19.0, 0.9999999999999999)]);
    check("asinh", asinh, &[(INF, INF), (-INF, -INF), (f64::MAX, 710.475860073944), (-f64::MAX, -710.475860073944)]);
    check("acosh", acosh, &[(1.0, 0.0), (INF, INF), (-INF, NAN), (0.0, NAN), (0.9999999999999999, NAN), (-1.0, NAN)]);
    check("acosh", acosh, &[(f64::MAX, 710.475860073944)]);
    check("atanh", atanh, &[(1.0, INF), (-1.0, -INF), (1.0000000000000002, NAN), (-INF, NAN), (INF, NAN)]);
}

#[test]
fn special_cases_of_roots() {
    check("cbrt", cbrt, &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (8.0, 2.0), (-27.0, -3.0)]);
    check("cbrt", cbrt, &[(2f64.powi(-1074), 2f64.powi(-358)), (-(2f64.powi(-1074)), -(2f64.powi(-358)))]);
    for (x, y, want) in [
        (0.0, 0.0, 0.0),
        (-0.0, -0.0, 0.0),
        (INF, NAN, INF),
        (NEG_NAN, -INF, INF),
        (INF, 0.0, INF),
        (-INF, -INF, INF),
        (NAN, 1.0, NAN),
        (NEG_NAN, 0.0, NAN),
        (NEG_NAN, 1e300, NAN),
        (3.0, -4.0, 5.0),
        (-5.0, 0.0, 5.0),
        (0.0, TINY, TINY),
        (3.0 * TINY, 4.0 * TINY, 5.0 * TINY),
        (TINY, TINY, TINY),
        (3e300, 4e300, 5e300),
        (f64::MAX, 0.0, f64::MAX),
        (f64::MAX, 1e292, f64::MAX),
        (f64::MAX, f64::MAX, INF),
        (1e-300, 1.0, 1.0),
    ] {
        same(&format!("hypot({x:e}, {y:e})"), hypot(x, y), want);
        same(&format!("hypot({y:e}, {x:e})"), hypot(y, x), want);
    }
}

/// C23, F.10.4.5, item by item.
#[test]
fn special_cases_of_pow() {
    let mut cases = vec![];
    for y in [-1.0, -3.0, -4503599627370497.0] {
        cases.extend([(0.0, y, INF), (-0.0, y, -INF)]);
    }
    for y in [-2.0, -0.5, -1e300, -TINY, -INF] {
        cases.extend([(0.0, y, INF), (-0.0, y, INF)]);
    }
    for y in [1.0, 3.0, 9007199254740991.0] {
        cases.extend([(0.0, y, 0.0), (-0.0, y, -0.0)]);
    }
    for y in [2.0, 0.5, 1e300, TINY, INF, 9007199254740992.0] {
        cases.extend([(0.0, y, 0.0), (-0.0, y, 0.0)]);
    }
    cases.extend([(-1.0, INF, 1.0), (-1.0, -INF, 1.0)]);
    for v in [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, INF, -INF, NAN, NEG_NAN, TINY, f64::MAX] {
        cases.extend([(1.0, v, 1.0), (v, 0.0, 1.0), (v, -0.0, 1.0)]);
    }
    for x in [-0.5, -1.0, -TINY, -f64::MAX] {
        cases.extend([(x, 0.5, NAN), (x, -1.5, NAN), (x, TINY, NAN)]);
    }
    for x in [0.5, -0.5, TINY, -0.9999999999999999] {
        cases.extend([(x, -INF, INF), (x, INF, 0.0)]);
    }
    for x in [1.0000000000000002, -2.0, f64::MAX, INF, -INF] {
        cases.extend([(x, -INF, 0.0), (x, INF, INF)]);
    }
    cases.extend([
        (-INF, -3.0, -0.0),
        (-INF, -2.0, 0.0),
        (-INF, -2.5, 0.0),
        (-INF, 3.0, -INF),
        (-INF, 2.0, INF),
        (-INF, 0.5, INF),
    ]);
    cases.extend([(INF, -0.1, 0.0), (INF, 0.1, INF), (INF, -3.0, 0.0)]);
    for v in [0.5, -2.0, 0.0, INF] {
        cases.extend([(NEG_NAN, if v == 0.0 { 1.0 } else { v }, NAN), (v, NEG_NAN, NAN)]);
    }
    cases.extend([
        (2.0, 1024.0, INF),
        (-2.0, 1025.0, -INF),
        (2.0, -1075.0, 0.0),
        (-2.0, -1075.0, -0.0),
        (2.0, -1074.0, TINY),
    ]);
    cases.extend([
        (4.0, -537.5, 0.0),
        (0.5, 1075.0, 0.0),
        (TINY, 1.0, TINY),
        (-TINY, 1.0, -TINY),
        (-2.0, -1074.0, TINY),
    ]);
    cases.extend([(f64::MAX, f64::MAX, INF), (f64::MAX, -f64::MAX, 0.0), (TINY, f64::MAX, 0.0), (-TINY, -3.0, -INF)]);
    cases.extend([(-1.0, 1e300, 1.0), (-1.0, 9007199254740991.0, -1.0), (2.0, TINY, 1.0), (f64::MAX, 1.0, f64::MAX)]);
    for (x, y, want) in cases {
        same(&format!("pow({x:e}, {y:e})"), pow(x, y), want);
    }
}

#[test]
fn whole_and_rational_results_are_exact() {
    for n in -1074..1024 {
        let power = f64::from(n);
        let two = if n < -1022 { f64::from_bits(1 << (n + 1074)) } else { f64::from_bits(((n + 1023) as u64) << 52) };
        same("exp2(n)", exp2(power), two);
        same("log2(2^n)", log2(two), power);
        same("pow(2, n)", pow(2.0, power), two);
        same("pow(-2, n)", pow(-2.0, power), if n % 2 == 0 { two } else { -two });
        same("pow(x, 1)", pow(two * 1.5, 1.0), two * 1.5);
    }
    let mut ten = 1.0;
    for n in 0..=22 {
        same("log10(10^n)", log10(ten), f64::from(n));
        same("pow(10, n)", pow(10.0, f64::from(n)), ten);
        ten *= 10.0;
    }
    for n in (-200_000..=200_000).step_by(7) {
        let n = f64::from(n);
        same("cbrt(n^3)", cbrt(n * n * n), n);
        same("pow(n, 3)", pow(n, 3.0), n * n * n);
        same("pow(n, 1)", pow(n, 1.0), n);
        same("pow(n^2, 1/2)", pow(n * n, 0.5), n.abs());
        same("hypot(n, 0)", hypot(n, 0.0), n.abs());
        same("hypot(5 n, 12 n)", hypot(5.0 * n, 12.0 * n), 13.0 * n.abs());
    }
    same("pow(3, 2)", pow(3.0, 2.0), 9.0);
    same("pow(4, 0.5)", pow(4.0, 0.5), 2.0);
    same("pow(0.1, 1)", pow(0.1, 1.0), 0.1);
    same("pow(1/16, -3/4)", pow(0.0625, -0.75), 8.0);
}

#[test]
fn scaling_rounds_once() {
    use super::dd::{Dd, ldexp};
    let at = |hi: f64, lo: f64, e: i32| ldexp(Dd { hi, lo }, e);
    // A tie of the leading part that the rest decides either way.
    same("tie, nothing more", at(1.5, 0.0, -1074), 2.0 * TINY);
    same("tie, a little less", at(1.5, -1e-30, -1074), TINY);
    same("tie, a little more", at(2.5, 1e-30, -1074), 3.0 * TINY);
    same("tie to even", at(2.5, 0.0, -1074), 2.0 * TINY);
    same("half of the smallest", at(1.0, 0.0, -1075), 0.0);
    same("a little more than half", at(1.0, 1e-30, -1075), TINY);
    same("a little less than half", at(-1.0, 1e-30, -1075), -0.0);
    same("long subnormal", at(1.0 + f64::EPSILON, 1e-30, -1023), f64::from_bits((1 << 51) + 1));
    same("long subnormal, tie", at(1.0 + f64::EPSILON, 0.0, -1023), f64::from_bits(1 << 51));
    same("rounds up to normal", at(2.0 - f64::EPSILON, 0.0, -1023), f64::MIN_POSITIVE);
    same("overflow", at(-1.0, 0.0, 1024), -INF);
    same("largest", at(2.0 - f64::EPSILON, 0.0, 1023), f64::MAX);
    same("far below", at(-1.0, 0.0, -5000), -0.0);
    same("from a large one", at(1e300, 1e283, -900), (1e300 + 1e283) * 2f64.powi(-900));
}

#[test]
fn remainders_are_exact() {
    for (x, y, want) in [
        (5.5, 2.0, 1.5),
        (-5.5, 2.0, -1.5),
        (5.5, -2.0, 1.5),
        (6.0, 2.0, 0.0),
        (-6.0, 2.0, -0.0),
        (0.0, 1.0, 0.0),
        (-0.0, 1.0, -0.0),
        (1.0, INF, 1.0),
        (-1.0, -INF, -1.0),
        (1.0, 0.0, NAN),
        (0.0, -0.0, NAN),
        (INF, 1.0, NAN),
        (NEG_NAN, 1.0, NAN),
        (1.0, NEG_NAN, NAN),
        (TINY, TINY, 0.0),
        (3.0 * TINY, 2.0 * TINY, TINY),
        (f64::MIN_POSITIVE, 3.0 * TINY, TINY),
    ] {
        same(&format!("fmod({x:e}, {y:e})"), fmod(x, y), want);
    }
    // The standard library's operator is C's function, in many more steps.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from_bits(state)
    };
    for _ in 0..20_000 {
        let (x, y) = (next(), next());
        if x.is_finite() && !y.is_nan() {
            same(&format!("fmod({x:e}, {y:e})"), fmod(x, y), x % y);
            let near = if y.abs() < 1e300 { y * 12345.678 } else { y };
            same(&format!("fmod({near:e}, {y:e})"), fmod(near, y), near % y);
        }
    }
    same("the longest way", fmod(f64::MAX, 3.0 * TINY), f64::MAX % (3.0 * TINY));
}

#[test]
fn fused_and_rounded_results() {
    same("fma", fma(1.0 + f64::EPSILON, 1.0 - f64::EPSILON, -1.0), -f64::EPSILON * f64::EPSILON);
    same("fma of a NaN", fma(NEG_NAN, 1.0, 1.0), NAN);
    same("fma, 0 inf", fma(0.0, INF, 1.0), NAN);
    for (x, want) in
        [(0.5, 1.0), (-0.5, -1.0), (0.49999999999999994, 0.0), (-0.4, -0.0), (2.5, 3.0), (1e300, 1e300), (-INF, -INF)]
    {
        same(&format!("round({x})"), round_half_away(x), want);
    }
    same("round of a NaN", round_half_away(NEG_NAN), NAN);
}

#[test]
fn whole_powers_multiply_in_the_stated_order() {
    for a in [0.1, -1.7, 3.0e10, 1e-300, NEG_NAN, INF, -0.0] {
        let squared = a * a;
        same("a^0", pow_int(a, 0), 1.0);
        same("a^1", pow_int(a, 1), if a.is_nan() { NAN } else { a });
        same("a^3", pow_int(a, 3), if a.is_nan() { NAN } else { a * squared });
        same("a^5", pow_int(a, 5), if a.is_nan() { NAN } else { a * (squared * squared) });
        same("a^6", pow_int(a, 6), if a.is_nan() { NAN } else { squared * (squared * squared) });
        same("a^-2", pow_int(a, -2), if a.is_nan() { NAN } else { 1.0 / squared });
    }
    same("2^-64", pow_int(2.0, -64), 2f64.powi(-64));
    same("2^64", pow_int(2.0, 64), 2f64.powi(64));
}
