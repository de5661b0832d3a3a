//! `pow`.
//!
//! `e^(y ln |x|)`, the logarithm by Tang's method in double-double (some 68 bits), the exponential by the same tables as
//! `exp`. What C's Annex F lists apart, and what may overflow or be subnormal, is left to a fall-back.

use super::dd::{Dd, ldexp, two_prod};
use super::exp::{EXP_USUAL, exp_rare, exp_usual};
use super::log::ln_double;
use super::real::{Mask, Real};

/// `x` to the power `y`; exact where the result is a number.
///
/// Tang's table methods, `ln x` to 68 bits; maximum error measured 0.506 ULP.
#[inline(always)]
pub fn pow<R: Real>(x: R, y: R) -> R {
    let size = x.abs();
    let v = times_ln(size, y, 0.0);
    let power = exp_usual(v);
    // A whole `y` is odd where half of it is not whole. Beyond 2^53 all are even, and halves are exact.
    let half = y.mul(x.lit(0.5));
    let odd = y.round_even().eq(y).and(half.round_even().eq(half).not());
    let signed = R::select(odd, power.copysign(x), power);
    let no_result = x.lt(x.lit(0.0)).and(y.round_even().eq(y).not());
    let usual = R::select(no_result, x.lit(f64::NAN), signed);
    let normal = x.lit(f64::MIN_POSITIVE).le(size).and(size.le(x.lit(f64::MAX)));
    // An infinite or NaN `y` fails here too: the product is infinite or NaN.
    let is_usual = normal.and(v.hi.abs().le(x.lit(EXP_USUAL)));
    R::rare(is_usual.not(), usual, pow_rare, [x, y])
}

/// `y (ln x + shift ln 2)`.
#[inline(always)]
fn times_ln<R: Real>(x: R, y: R, shift: f64) -> Dd<R> {
    let ln = ln_double(x, shift);
    let product = two_prod(y, ln.hi);
    Dd { hi: product.hi, lo: y.fma(ln.lo, product.lo) }
}

fn pow_rare([x, y]: [f64; 2]) -> f64 {
    if y == 0.0 || x == 1.0 {
        return 1.0;
    }
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    let size = x.abs();
    if y.is_infinite() {
        return if size == 1.0 {
            1.0
        } else if (size > 1.0) == (y > 0.0) {
            f64::INFINITY
        } else {
            0.0
        };
    }
    let whole = y.round_ties_even() == y;
    let odd = whole && (y * 0.5).round_ties_even() != y * 0.5;
    let sign = if odd { x } else { 1.0 };
    if size == 0.0 || size.is_infinite() {
        let grows = (size == 0.0) == (y < 0.0);
        return if grows { f64::INFINITY } else { 0.0_f64 }.copysign(sign);
    }
    if x < 0.0 && !whole {
        return f64::NAN;
    }
    positive_power(size, y).copysign(sign)
}

/// `x^y` for finite arguments, `x` positive.
fn positive_power(x: f64, y: f64) -> f64 {
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * f64::from_bits(0x4350_0000_0000_0000), -54) } else { (x, 0) };
    let exponent = (x.to_bits() >> 52) as i32 - 1023 + shift;
    let product = f64::from(exponent) * y;
    if x.to_bits() << 12 == 0 && product.abs() < 2000.0 && product.round_ties_even() == product {
        // A power of two to a power of two, if the product is exact: then the result must be, at the borders of 0 and of
        // infinity above all.
        if f64::from(exponent).mul_add(y, -product) == 0.0 {
            return ldexp(Dd::exact(1.0), product as i32);
        }
    }
    exp_rare(times_ln(x, y, f64::from(shift)), 0)
}
