//! `cbrt` and `hypot`.

use super::dd::{Dd, fast_two_sum, horner, ldexp, two_prod};
use super::log::{Parts, parts};
use super::real::{Int, Mask, Real};
use super::table::TableId;
use super::tables::CBRT_TAIL;

/// The cube root; exact for cubes.
///
/// Tang's table method, as for the logarithm: `x = 2^(3q + t) m`, `m c = 1 + r`, so the root is
/// `2^q 2^(t/3) c^(-1/3) (1 + r)^(1/3)`. Maximum error measured 0.502 ULP.
#[inline(always)]
pub fn cbrt<R: Real>(x: R) -> R {
    let size = x.abs();
    let usual = R::select(x.eq(x.lit(0.0)), x, cbrt_usual(size, 0).copysign(x));
    let is_usual = x.lit(f64::MIN_POSITIVE).le(size).and(size.le(x.lit(f64::MAX))).or(x.eq(x.lit(0.0)));
    R::rare(is_usual.not(), usual, cbrt_rare, [x])
}

/// The cube root of `x` times `2^shift`, for a positive normal `x`.
#[inline(always)]
fn cbrt_usual<R: Real>(x: R, shift: i64) -> R {
    let Parts { e, j, r, .. } = parts(x);
    let e = e.to_real();
    let q = e.mul(x.lit(1.0 / 3.0)).round_even();
    let t = q.fma(x.lit(-3.0), e).to_int();
    let turn = Dd { hi: t.lookup(TableId::CbrtTurnHi), lo: t.lookup(TableId::CbrtTurnLo) };
    let root = turn.mul(Dd { hi: j.lookup(TableId::CbrtHi), lo: j.lookup(TableId::CbrtLo) });
    let sum = root.hi.add(root.hi.fma(r.mul(horner(r, &CBRT_TAIL)), root.lo));
    sum.bits().add(q.to_int().add(x.int(shift)).shl(52)).from_bits()
}

fn cbrt_rare([x]: [f64; 1]) -> f64 {
    if x.is_nan() {
        f64::NAN
    } else if x.is_infinite() {
        x
    } else {
        cbrt_usual(x.abs() * f64::from_bits(0x4350_0000_0000_0000), -18).copysign(x)
    }
}

/// `sqrt(x^2 + y^2)`, without overflow or underflow on the way.
///
/// The squares and their sum in double-double, the square root corrected by its own residual (as in Borges, "An improved
/// algorithm for hypot(a, b)", 2019); maximum error measured 0.501 ULP.
#[inline(always)]
pub fn hypot<R: Real>(x: R, y: R) -> R {
    let (x, y) = (x.abs(), y.abs());
    let swap = x.lt(y);
    let (a, b) = (R::select(swap, y, x), R::select(swap, x, y));
    let zero = a.eq(x.lit(0.0));
    let usual = R::select(zero, x.lit(0.0), hypot_sum(a, b).round());
    // Squares neither overflow nor, where they matter, lose bits below the smallest number.
    let (low, high) = (x.lit(f64::from_bits(0x20B0_0000_0000_0000)), x.lit(f64::from_bits(0x5F30_0000_0000_0000)));
    let is_usual = x.le(high).and(y.le(high)).and(low.le(a).or(zero));
    R::rare(is_usual.not(), usual, hypot_rare, [x, y])
}

/// `sqrt(a^2 + b^2)` for `a >= b`, `a` positive and far from both ends of the range.
#[inline(always)]
fn hypot_sum<R: Real>(a: R, b: R) -> Dd<R> {
    let (a2, b2) = (two_prod(a, a), two_prod(b, b));
    let sum = fast_two_sum(a2.hi, b2.hi);
    let sum = fast_two_sum(sum.hi, sum.lo.add(a2.lo.add(b2.lo)));
    sum.sqrt()
}

fn hypot_rare([x, y]: [f64; 2]) -> f64 {
    if x.is_infinite() || y.is_infinite() {
        return f64::INFINITY;
    }
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    let (a, b) = if x < y { (y, x) } else { (x, y) };
    // To the middle of the range. What underflows of `b` here is nothing beside `a`.
    let shift = if a > 1.0 { -600 } else { 600 };
    let scale = f64::from_bits(((1023 + shift) as u64) << 52);
    ldexp(hypot_sum(a * scale, b * scale), -shift)
}
