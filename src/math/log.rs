//! `ln`, `log2`, `log10` and `log1p`, and the logarithm of a double-double for `pow` and the inverse hyperbolic functions.
//!
//! Tang's table method ("Table-driven implementation of the logarithm function in IEEE floating-point arithmetic", 1990):
//! `x = 2^e m` with `m` in [0.6875, 1.375), and `m c = 1 + r` with a tabulated `c` near `1/m` of so few bits that `r` is
//! exact, `|r| <= 2^-8`. Then `ln x = e ln 2 - ln c + ln(1 + r)`, the table in double-double, its leading parts with
//! trailing zeros, so that `e ln 2 - ln c` is exact but for a small rest. Around 1, `c` is 1 and both vanish: small
//! results keep their relative accuracy.

use super::dd::{Dd, fast_two_sum, horner, horner_pairs, two_prod, two_sum};
use super::lane_tables::{LN_POLY, LOWEST};
use super::real::{Int, Mask, Real};
use super::table::TableId;
use super::tables::{
    LN_TAIL, LN_TAIL3, LN2_HI, LN2_LO, LOG2_E_HI, LOG2_E_LO, LOG2_TAIL, LOG10_E_HI, LOG10_E_LO, LOG10_OF_2_HI,
    LOG10_OF_2_LO, LOG10_TAIL,
};

/// The bits of 0.6875.
const LOWEST_OF_256: i64 = 0x3FE6_0000_0000_0000;

/// `x = 2^e m`, `m * c - 1 = r`, for interval `j`.
pub(super) struct Parts<R: Real> {
    pub(super) e: R::Int,
    pub(super) j: R::Int,
    pub(super) c: R,
    pub(super) r: R,
}

/// Takes a positive normal number apart.
#[inline(always)]
pub(super) fn parts<R: Real>(x: R) -> Parts<R> {
    let bits = x.bits();
    let above = bits.sub(x.int(LOWEST_OF_256));
    let e = above.sar(52);
    let m: R = bits.sub(e.shl(52)).from_bits();
    let j = above.shr(44);
    let c = j.lookup(TableId::LogInverse);
    Parts { e, j, c, r: m.fma(c, x.lit(-1.0)) }
}

/// Whether `x` is positive, normal and finite.
#[inline(always)]
fn is_usual<R: Real>(x: R) -> R::Mask {
    x.lit(f64::MIN_POSITIVE).le(x).and(x.le(x.lit(f64::MAX)))
}

/// `log` of a number that is not [`is_usual`], by way of `of_scaled(x * 2^54, -54)` for a subnormal one.
fn log_rare(x: f64, of_scaled: fn(f64, f64) -> f64) -> f64 {
    if x == 0.0 {
        f64::NEG_INFINITY
    } else if x.is_nan() || x < 0.0 {
        f64::NAN
    } else if x == f64::INFINITY {
        x
    } else {
        of_scaled(x * f64::from_bits(0x4350_0000_0000_0000), -54.0)
    }
}

/// `ln x + shift ln 2` for a positive normal `x`.
#[inline(always)]
fn ln_usual<R: Real>(x: R, shift: i64) -> R {
    let bits = x.bits();
    let above = bits.sub(x.int(LOWEST));
    let e = above.sar(52);
    let e = if shift == 0 { e } else { e.add(x.int(shift)) }.to_real();
    let m: R = bits.sub(above.and(x.int(-1 << 52))).from_bits();
    let j = above.shr(48);
    let r = m.fms(j.lookup(TableId::Inverse), x.lit(1.0));
    let square = r.mul(r);
    // Exact; 0 or far greater than `r`.
    let base = e.fma(x.lit(LN2_HI), j.lookup(TableId::InverseLn));
    let sum = fast_two_sum(base, r);
    let rest = e.fma(x.lit(LN2_LO), j.lookup(TableId::InverseLnTail)).add(sum.lo);
    sum.hi.add(horner_pairs(r, square, &LN_POLY).fma(square, rest))
}

/// The natural logarithm.
///
/// Tang's table method with sixteen intervals and a longer polynomial; beside 1, where the result is small, `r` is exact. Maximum error
/// measured 0.62 ULP.
#[inline(always)]
pub fn ln<R: Real>(x: R) -> R {
    // Positive, normal and finite: the encodings in a range, moved to where the least number is.
    let (least, beyond) = (f64::MIN_POSITIVE.to_bits() as i64, f64::INFINITY.to_bits() as i64);
    let moved = x.bits().sub(x.int(least.wrapping_sub(i64::MIN)));
    let is_unusual = x.int((beyond - least - 1).wrapping_add(i64::MIN)).lt(moved);
    R::rare(is_unusual, ln_usual(x, 0), |[x]| log_rare(x, |x, shift| ln_usual(x, shift as i64)), [x])
}

/// What sets `log2` and `log10` apart.
struct Base {
    /// The logarithm of 2.
    two: (f64, f64),
    /// The logarithm of e.
    e: (f64, f64),
    table: (TableId, TableId),
    tail: [f64; 6],
}

const BASE_2: Base =
    Base { two: (1.0, 0.0), e: (LOG2_E_HI, LOG2_E_LO), table: (TableId::Log2Hi, TableId::Log2Lo), tail: LOG2_TAIL };
const BASE_10: Base = Base {
    two: (LOG10_OF_2_HI, LOG10_OF_2_LO),
    e: (LOG10_E_HI, LOG10_E_LO),
    table: (TableId::Log10Hi, TableId::Log10Lo),
    tail: LOG10_TAIL,
};

/// The logarithm of `x 2^shift` to a base, for a positive normal `x`.
#[inline(always)]
fn log_usual<R: Real>(x: R, shift: f64, base: &Base) -> R {
    let Parts { e, j, r, .. } = parts(x);
    let e = e.to_real().add(x.lit(shift));
    let first = two_prod(r, x.lit(base.e.0));
    let sum = two_sum(e.fma(x.lit(base.two.0), j.lookup(base.table.0)), first.hi);
    let rest = e.fma(x.lit(base.two.1), j.lookup(base.table.1));
    let rest = r.fma(x.lit(base.e.1), rest).add(first.lo).add(sum.lo);
    sum.hi.add(r.mul(r).fma(horner(r, &base.tail), rest))
}

/// The logarithm to base 2; exact for powers of two.
///
/// Tang's table method; maximum error measured 0.503 ULP.
#[inline(always)]
pub fn log2<R: Real>(x: R) -> R {
    let usual = log_usual(x, 0.0, &BASE_2);
    R::rare(is_usual(x).not(), usual, |[x]| log_rare(x, |x, shift| log_usual(x, shift, &BASE_2)), [x])
}

/// The logarithm to base 10; exact for powers of ten.
///
/// Tang's table method; maximum error measured 0.502 ULP.
#[inline(always)]
pub fn log10<R: Real>(x: R) -> R {
    let usual = log_usual(x, 0.0, &BASE_10);
    R::rare(is_usual(x).not(), usual, |[x]| log_rare(x, |x, shift| log_usual(x, shift, &BASE_10)), [x])
}

/// `ln(x.hi + x.lo) + shift ln 2`, `x` near enough to normalized and `x.hi` positive, normal and below 2^1022.
///
/// Where `x` is `1 + w` it is as accurate relative to `w` as `x` is.
#[inline(always)]
pub(super) fn ln_sum<R: Real>(x: Dd<R>, shift: R) -> R {
    let Parts { e, j, c, r } = parts(x.hi);
    let scale: R = shift.int(1023).sub(e).shl(52).from_bits();
    let r = two_sum(r, x.lo.mul(scale).mul(c));
    let e = e.to_real().add(shift);
    let sum = two_sum(e.fma(shift.lit(LN2_HI), j.lookup(TableId::LnHi)), r.hi);
    let rest = e.fma(shift.lit(LN2_LO), j.lookup(TableId::LnLo)).add(sum.lo);
    let rest = rest.add(r.hi.fnma(r.lo, r.lo));
    sum.hi.add(r.hi.mul(r.hi).fma(horner(r.hi, &LN_TAIL), rest))
}

/// `ln x + shift ln 2` to some 68 bits, for a positive normal `x`.
#[inline(always)]
pub(super) fn ln_double<R: Real>(x: R, shift: f64) -> Dd<R> {
    let Parts { e, j, r, .. } = parts(x);
    let e = e.to_real().add(x.lit(shift));
    let square = two_prod(r, r);
    let sum = two_sum(e.fma(x.lit(LN2_HI), j.lookup(TableId::LnHi)), r);
    let second = two_sum(sum.hi, square.hi.mul(x.lit(-0.5)));
    let rest = e.fma(x.lit(LN2_LO), j.lookup(TableId::LnLo)).add(square.lo.fma(x.lit(-0.5), sum.lo)).add(second.lo);
    fast_two_sum(second.hi, square.hi.mul(r).fma(horner(r, &LN_TAIL3), rest))
}

/// `ln(1 + x)`, accurate for small `x` too.
///
/// Tang's table method on the exact sum `1 + x`; maximum error measured 0.502 ULP.
#[inline(always)]
pub fn log1p<R: Real>(x: R) -> R {
    let usual = ln_sum(two_sum(x.lit(1.0), x), x.lit(0.0)).copysign(x);
    let is_usual = x.lit(-1.0).lt(x).and(x.le(x.lit(f64::from_bits(0x43B0_0000_0000_0000))));
    R::rare(
        is_usual.not(),
        usual,
        |[x]| {
            if x == -1.0 {
                f64::NEG_INFINITY
            } else if x.is_nan() || x < -1.0 {
                f64::NAN
            } else {
                // 1 is nothing beside 2^60.
                ln(x)
            }
        },
        [x],
    )
}
