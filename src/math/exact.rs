//! Functions whose results are exact, or rounded once.

use super::real::{Mask, Real};

/// `x`, or the one NaN.
fn canonical(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { x }
}

/// The remainder of the truncated division `x / y`, exactly, with the sign of `x`: C's `fmod`.
///
/// Where the quotient is below 2^52, its whole part is known to one, and the rest and its correction are exact by a fused operation. Else long division.
#[inline(always)]
pub fn fmod<R: Real>(x: R, y: R) -> R {
    let (a, b) = (x.abs(), y.abs());
    let quotient = a.div(b);
    // Rounded to a whole number either way; one too many leaves a negative rest.
    let rest = quotient.round_even().fnma(b, a);
    let usual = R::select(rest.lt(x.lit(0.0)), rest.add(b), rest).copysign(x);
    // An infinite or NaN argument, or a zero divisor, fails here too; so do quotients whose own rounding counts.
    let is_usual = quotient.lt(x.lit(4503599627370496.0)).and(b.le(x.lit(f64::MAX)));
    R::rare(is_usual.not(), usual, fmod_rare, [x, y])
}

/// Long division on the significands, eleven bits at a time: at most 191 integer remainders.
fn fmod_rare([x, y]: [f64; 2]) -> f64 {
    if x.is_nan() || y.is_nan() || x.is_infinite() || y == 0.0 {
        return f64::NAN;
    }
    if x.abs() < y.abs() {
        return x;
    }
    let (mut rest, x_exponent) = significand(x);
    let (divisor, y_exponent) = significand(y);
    let mut distance = x_exponent - y_exponent;
    rest %= divisor;
    while distance > 0 && rest != 0 {
        let step = distance.min(11);
        rest = (rest << step) % divisor;
        distance -= step;
    }
    // `rest * 2^(y_exponent - 1075)`: below `y`, so it fits, and a multiple of the smallest number.
    let size = if rest == 0 {
        0.0
    } else {
        let up = (rest.leading_zeros() as i32 - 11).min(y_exponent - 1);
        let (rest, exponent) = (rest << up, y_exponent - up);
        // Without its leading bit it is subnormal, whose field is one less.
        f64::from_bits(rest.wrapping_add(((exponent - 1) as u64) << 52))
    };
    size.copysign(x)
}

/// `|v| = s * 2^(e - 1075)` with a 53-bit `s`, or a shorter one and `e = 1`, as `(s, e)`.
fn significand(v: f64) -> (u64, i32) {
    let bits = v.to_bits() & (u64::MAX >> 1);
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52) as i32);
    if exponent == 0 { (fraction, 1) } else { (fraction | 1 << 52, exponent) }
}

/// `a * b + c`, rounded once.
pub fn fma(a: f64, b: f64, c: f64) -> f64 {
    canonical(a.mul_add(b, c))
}

/// The nearest whole number, halves away from zero.
pub fn round_half_away(x: f64) -> f64 {
    canonical(x.round())
}

/// `a ^ n` by binary powering from the lowest bit, in the order that the language states.
pub fn pow_int(a: f64, n: i32) -> f64 {
    let mut left = n.unsigned_abs();
    if left == 0 {
        return 1.0;
    }
    let mut base = a;
    let mut result: Option<f64> = None;
    while left != 0 {
        if left & 1 != 0 {
            result = Some(result.map_or(base, |r| r * base));
        }
        left >>= 1;
        if left != 0 {
            base *= base;
        }
    }
    let power = result.unwrap_or(1.0);
    canonical(if n < 0 { 1.0 / power } else { power })
}
