//! `sinh`, `cosh` and `tanh`, and their inverses.
//!
//! The first three by the addition theorems: with `|x| = k (ln 2 / 128) + r`, `sinh` and `cosh` of the whole steps are half the
//! difference and the sum of two entries of the table that `exp` uses, and those of `r` are short polynomials. The inverses
//! are logarithms of a double-double (the textbook formulas; the cases of small arguments as in FreeBSD's msun).

use super::dd::{Dd, fast_two_sum, horner, two_prod, two_sum};
use super::exp::{EXP_USUAL, exp_rare, octave_power, step_power, steps};
use super::log::ln_sum;
use super::real::{Int, Mask, Real};
use super::tables::{COSH_TAIL, SINH_TAIL};

/// `sinh` and `cosh` of whole steps, and what `r` adds.
struct Halves<R> {
    sinh: Dd<R>,
    cosh: Dd<R>,
    r: Dd<R>,
    /// `sinh r - r`.
    sinh_tail: R,
    /// `cosh r - 1`.
    cosh_tail: R,
}

/// For `0 <= x <= 707`.
#[inline(always)]
fn halves<R: Real>(x: R) -> Halves<R> {
    let s = steps(x);
    let back = x.int(0).sub(s.k);
    let half = x.lit(0.5);
    let up = step_power(s.k).scale(octave_power(x, s.k).mul(half));
    let down = step_power(back).scale(octave_power(x, back).mul(half));
    let (difference, sum) = (fast_two_sum(up.hi, down.hi.neg()), fast_two_sum(up.hi, down.hi));
    let square = s.r.hi.mul(s.r.hi);
    Halves {
        sinh: Dd { hi: difference.hi, lo: difference.lo.add(up.lo.sub(down.lo)) },
        cosh: Dd { hi: sum.hi, lo: sum.lo.add(up.lo.add(down.lo)) },
        r: s.r,
        sinh_tail: s.r.hi.mul(square).mul(horner(square, &SINH_TAIL)),
        cosh_tail: square.mul(horner(square, &COSH_TAIL)),
    }
}

impl<R: Real> Halves<R> {
    /// `sinh x`, relative error about 2^-62.
    #[inline(always)]
    fn sinh(&self) -> Dd<R> {
        let first = two_prod(self.cosh.hi, self.r.hi);
        let sum = fast_two_sum(self.sinh.hi, first.hi);
        let rest = self.cosh.lo.fma(self.r.hi, self.sinh.lo).add(first.lo).add(sum.lo);
        let rest = self.sinh.hi.fma(self.cosh_tail, rest);
        fast_two_sum(sum.hi, self.cosh.hi.fma(self.r.lo.add(self.sinh_tail), rest))
    }

    /// `cosh x`, relative error about 2^-62.
    #[inline(always)]
    fn cosh(&self) -> Dd<R> {
        let sinh_r = self.r.hi.add(self.r.lo.add(self.sinh_tail));
        let rest = self.cosh.hi.fma(self.cosh_tail, self.sinh.lo.fma(sinh_r, self.cosh.lo));
        fast_two_sum(self.cosh.hi, self.sinh.hi.fma(sinh_r, rest))
    }
}

/// Beyond this magnitude half of `e^x` may overflow on the way.
const USUAL: f64 = EXP_USUAL - 1.0;

/// Half of `e^x`, which is what `sinh` and `cosh` are for large `x`.
fn half_exp(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { exp_rare(Dd::exact(x), -1) }
}

/// The hyperbolic sine.
///
/// The addition theorem over the table of `exp`, in double-double; maximum error measured 0.502 ULP.
#[inline(always)]
pub fn sinh<R: Real>(x: R) -> R {
    let size = x.abs();
    let usual = halves(size).sinh().hi.copysign(x);
    R::rare(size.le(x.lit(USUAL)).not(), usual, |[x]| canonical(half_exp(x.abs()).copysign(x)), [x])
}

/// The hyperbolic cosine.
///
/// The addition theorem over the table of `exp`; maximum error measured 0.504 ULP.
#[inline(always)]
pub fn cosh<R: Real>(x: R) -> R {
    let size = x.abs();
    R::rare(size.le(x.lit(USUAL)).not(), halves(size).cosh().hi, |[x]| half_exp(x.abs()), [x])
}

/// The hyperbolic tangent.
///
/// The quotient of the double-double `sinh` and `cosh`; maximum error measured 0.504 ULP.
#[inline(always)]
pub fn tanh<R: Real>(x: R) -> R {
    let size = x.abs();
    // At 22 the result is 1 already; a NaN stays.
    let held = halves(R::select(x.lit(22.0).lt(size), x.lit(22.0), size));
    let usual = held.sinh().div(held.cosh()).hi.copysign(x);
    R::select(x.is_nan(), x.lit(f64::NAN), usual)
}

fn canonical(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { x }
}

/// From here on `sqrt(x^2 ± 1)` is `x` as far as its logarithm goes.
const LARGE: f64 = 1073741824.0;
/// Up to here two terms of the series are enough, and the logarithm would see too little of the argument.
const SMALL: f64 = 1.0 / 268435456.0;

/// `ln(x + root)`, or `ln 2x` for a large `x`.
#[inline(always)]
fn ln_of_sum_with_root<R: Real>(x: R, root: Dd<R>) -> R {
    let sum = two_sum(x, root.hi);
    let sum = Dd { hi: sum.hi, lo: sum.lo.add(root.lo) };
    let large = x.lit(LARGE).lt(x);
    let held = Dd::select(large, Dd::exact(x.mul(x.lit(0.0625))), sum);
    ln_sum(held, R::select(large, x.lit(5.0), x.lit(0.0)))
}

/// The inverse of `sinh`.
///
/// `ln(x + sqrt(x^2 + 1))` in double-double; maximum error measured 0.502 ULP.
#[inline(always)]
pub fn asinh<R: Real>(x: R) -> R {
    let size = x.abs();
    let square = two_prod(size, size);
    let sum = two_sum(square.hi, x.lit(1.0));
    let root = Dd { hi: sum.hi, lo: sum.lo.add(square.lo) }.sqrt();
    let large = ln_of_sum_with_root(size, root);
    let small = square.hi.mul(size).fma(x.lit(-1.0 / 6.0), size);
    let usual = R::select(size.lt(x.lit(SMALL)), small, large).copysign(x);
    R::rare(size.le(x.lit(f64::MAX)).not(), usual, |[x]| canonical(x), [x])
}

/// The inverse of `cosh`, for `x >= 1`.
///
/// `ln(x + sqrt(x^2 - 1))` in double-double; maximum error measured 0.502 ULP.
#[inline(always)]
pub fn acosh<R: Real>(x: R) -> R {
    let square = two_prod(x, x);
    let difference = two_sum(square.hi, x.lit(-1.0));
    let root = fast_two_sum(difference.hi, difference.lo.add(square.lo)).sqrt();
    let usual = R::select(x.eq(x.lit(1.0)), x.lit(0.0), ln_of_sum_with_root(x, root));
    let is_usual = x.lit(1.0).le(x).and(x.le(x.lit(f64::MAX)));
    R::rare(is_usual.not(), usual, |[x]| if x == f64::INFINITY { x } else { f64::NAN }, [x])
}

/// The inverse of `tanh`, for `|x| <= 1`.
///
/// Half of `ln((1 + x) / (1 - x))` in double-double; maximum error measured 0.501 ULP.
#[inline(always)]
pub fn atanh<R: Real>(x: R) -> R {
    let size = x.abs();
    let quotient = two_sum(x.lit(1.0), size).div(two_sum(x.lit(1.0), size.neg()));
    let large = ln_sum(quotient, x.lit(0.0)).mul(x.lit(0.5));
    let small = size.mul(size).mul(size).fma(x.lit(1.0 / 3.0), size);
    let usual = R::select(size.lt(x.lit(SMALL)), small, large).copysign(x);
    R::rare(
        size.lt(x.lit(1.0)).not(),
        usual,
        |[x]| if x.abs() == 1.0 { f64::INFINITY.copysign(x) } else { f64::NAN },
        [x],
    )
}
