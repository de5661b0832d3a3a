//! Special cases after C's Annex F and arguments that are hard to reduce, for the trigonometric and error functions.

use super::tests::{check, same};
use super::*;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, FRAC_PI_3, FRAC_PI_4, FRAC_PI_6, PI};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const TINY: f64 = 5e-324;

#[test]
fn special_cases_of_trigonometric_functions() {
    for (name, f) in [("sin", sin as fn(f64) -> f64), ("tan", tan)] {
        check(name, f, &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), (1e-300, 1e-300)]);
        check(name, f, &[(INF, NAN), (-INF, NAN), (2f64.powi(-27), 2f64.powi(-27))]);
    }
    check("cos", cos, &[(0.0, 1.0), (-0.0, 1.0), (TINY, 1.0), (-1e-300, 1.0), (1e-9, 1.0), (INF, NAN), (-INF, NAN)]);
}

/// From MPFR. The last argument is the one nearest to a multiple of pi/2 (Muller et al., "Handbook of floating-point arithmetic").
#[test]
fn angles_near_multiples_of_a_right_angle() {
    let nearest = f64::from_bits(0x7506AC5B262CA1FF);
    for (x, s, c, t) in [
        (PI, 1.2246467991473532e-16, -1.0, -1.2246467991473532e-16),
        (FRAC_PI_2, 1.0, 6.123233995736766e-17, 1.633123935319537e16),
        (3.0 * FRAC_PI_2, -1.0, -1.8369701987210297e-16, 5443746451065123.0),
        (FRAC_PI_4, 0.7071067811865475, FRAC_1_SQRT_2, 0.9999999999999999),
        (1e22, -0.8522008497671888, 0.523214785395139, -1.6287782256068988),
        (1_073_741_824.0, -0.6173264150460421, 0.7867071229411882, -0.7846966133192005),
        (f64::MAX, 0.004961954789184062, -0.9999876894265599, -0.004962015874444895),
        (nearest, 1.0, -4.687165924254628e-19, -2.133485385753704e18),
    ] {
        same("sin", sin(x), s);
        same("cos", cos(x), c);
        same("tan", tan(x), t);
        same("sin", sin(-x), -s);
        same("cos", cos(-x), c);
        same("tan", tan(-x), -t);
    }
}

#[test]
fn the_two_reductions_meet() {
    let limit = trig_reduce::LIMIT;
    for n in 0..20_000_u64 {
        let below = f64::from_bits(limit.to_bits() - n * 12_345);
        let (quadrant, r) = trig_reduce::payne_hanek(below);
        let turns = (below * std::f64::consts::FRAC_2_PI).round_ties_even();
        let direct = trig_reduce::reduce(below, turns, trig_reduce::MINUS_HALF_PI);
        assert_eq!(quadrant & 3, turns as i64 & 3, "{below:e}");
        assert_eq!(r.hi + r.lo, direct.hi + direct.lo, "{below:e}");
    }
}

#[test]
fn special_cases_of_inverse_functions() {
    for (name, f) in [("asin", asin as fn(f64) -> f64), ("atan", atan)] {
        check(name, f, &[(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), (1e-300, 1e-300)]);
    }
    check("asin", asin, &[(1.0, FRAC_PI_2), (-1.0, -FRAC_PI_2), (0.5, FRAC_PI_6), (INF, NAN), (-INF, NAN)]);
    check("asin", asin, &[(1.0000000000000002, NAN), (-1.0000000000000002, NAN), (-1e300, NAN)]);
    check("acos", acos, &[(1.0, 0.0), (-1.0, PI), (0.0, FRAC_PI_2), (-0.0, FRAC_PI_2), (TINY, FRAC_PI_2)]);
    check("acos", acos, &[(0.5, FRAC_PI_3), (-0.5, 2.0943951023931957), (0.9999999999999999, 1.4901161193847656e-8)]);
    check("acos", acos, &[(1.0000000000000002, NAN), (-1.0000000000000002, NAN), (INF, NAN), (-INF, NAN)]);
    check("atan", atan, &[(INF, FRAC_PI_2), (-INF, -FRAC_PI_2), (1.0, FRAC_PI_4), (-1.0, -FRAC_PI_4)]);
    check("atan", atan, &[(f64::MAX, FRAC_PI_2), (-1e300, -FRAC_PI_2), (1e16, FRAC_PI_2)]);
}

/// C23, F.10.1.4, item by item; then results that are subnormal, or nothing beside a right angle.
#[test]
fn special_cases_of_atan2() {
    let three_quarters = 2.356194490192345;
    for (y, x, want) in [
        (0.0, -0.0, PI),
        (0.0, 0.0, 0.0),
        (0.0, -3.0, PI),
        (0.0, -TINY, PI),
        (0.0, -INF, PI),
        (0.0, 3.0, 0.0),
        (0.0, TINY, 0.0),
        (0.0, f64::MAX, 0.0),
        (0.0, INF, 0.0),
        (3.0, 0.0, FRAC_PI_2),
        (3.0, -0.0, FRAC_PI_2),
        (TINY, 0.0, FRAC_PI_2),
        (TINY, -0.0, FRAC_PI_2),
        (f64::MAX, -0.0, FRAC_PI_2),
        (3.0, -INF, PI),
        (3.0, INF, 0.0),
        (TINY, INF, 0.0),
        (INF, 3.0, FRAC_PI_2),
        (INF, -3.0, FRAC_PI_2),
        (INF, -0.0, FRAC_PI_2),
        (INF, -INF, three_quarters),
        (INF, INF, FRAC_PI_4),
        (1.0, 1.0, FRAC_PI_4),
        (TINY, TINY, FRAC_PI_4),
        (TINY, -TINY, three_quarters),
        (f64::MAX, f64::MAX, FRAC_PI_4),
        (f64::MAX, -f64::MAX, three_quarters),
        (TINY, 1.0, TINY),
        (TINY, 2.0, 0.0),
        (3.0 * TINY, 2.0, 2.0 * TINY),
        (TINY, f64::MAX, 0.0),
        (TINY, -1.0, PI),
        (f64::MAX, TINY, FRAC_PI_2),
        (f64::MAX, -TINY, FRAC_PI_2),
        (2f64.powi(-1000), 2f64.powi(-40), 2f64.powi(-960)),
        (2.0 * TINY, 4.0 * TINY, 0.4636476090008061),
    ] {
        same(&format!("atan2({y:e}, {x:e})"), atan2(y, x), want);
        same(&format!("atan2(-{y:e}, {x:e})"), atan2(-y, x), -want);
    }
    for v in [0.0, -0.0, 1.0, TINY, INF, -INF, f64::MAX, NAN] {
        for nan in [NAN, -NAN] {
            same("atan2 of a NaN", atan2(nan, v), NAN);
            same("atan2 of a NaN", atan2(v, nan), NAN);
        }
    }
}

#[test]
fn special_cases_of_error_functions() {
    check("erf", erf, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (TINY, TINY), (-TINY, -TINY)]);
    check("erf", erf, &[(6.0, 1.0), (5.9, 0.9999999999999999), (-1e300, -1.0), (1.0, 0.8427007929497149)]);
    check("erfc", erfc, &[(0.0, 1.0), (-0.0, 1.0), (TINY, 1.0), (-TINY, 1.0), (INF, 0.0), (-INF, 2.0), (1e300, 0.0)]);
    check("erfc", erfc, &[(-7.0, 2.0), (-1e300, 2.0), (28.0, 0.0), (27.3, 0.0), (1.0, 0.15729920705028513)]);
}

/// `erfc` passes half of the smallest number between two neighbours, and is subnormal for a while before.
#[test]
fn the_end_of_erfc() {
    let last = 27.226017111108362_f64;
    same("the last", erfc(last), TINY);
    same("the next", erfc(last.next_up()), 0.0);
    let mut before = f64::MIN_POSITIVE;
    for n in 0..1000 {
        let value = erfc(26.5434 + f64::from(n) * 6.8e-4);
        assert!(value <= before, "step {n}");
        before = value;
    }
}

#[test]
fn odd_functions_are_odd() {
    for (name, f) in [("sin", sin as fn(f64) -> f64), ("tan", tan), ("asin", asin), ("atan", atan), ("erf", erf)] {
        for n in -400..400 {
            let x = 1.07_f64.powi(n);
            if !f(x).is_nan() {
                same(name, f(-x), -f(x));
            }
        }
    }
}
