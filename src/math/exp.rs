//! `exp`, `exp2` and `expm1`.
//!
//! Tang's table method ("Table-driven implementation of the exponential function in IEEE floating-point arithmetic", 1989) with
//! 128 steps to an octave: `e^x = 2^(k/128) e^r` with `|r| <= ln 2 / 256`, reduced after Cody and Waite. The table is
//! double-double and `e^r - 1` is small, so that nearly all of the error is that of the last addition.

use super::dd::{Dd, fast_two_sum, horner, horner_pairs, ldexp, two_prod, two_sum};
use super::lane_tables::{EIGHTH_HI, EIGHTH_LO, EIGHTHS_PER_UNIT, POWER_POLY};
use super::real::{Int, Mask, Real};
use super::table::TableId;
use super::tables::{EXP_TAIL, EXP2_TAIL, EXPM1_TAIL, STEP_HI, STEP_LO, STEPS_PER_UNIT};
use super::trig_reduce::ROUND;

/// Beyond this magnitude `e^x` may overflow or be subnormal.
pub(super) const EXP_USUAL: f64 = 708.0;

/// `x = k * (ln 2 / 128) + r`.
pub(super) struct Steps<R: Real> {
    /// The nearest whole number of steps.
    pub(super) k: R::Int,
    /// What is left, at most half a step.
    pub(super) r: Dd<R>,
}

/// Reduces `|x| <= 750`.
#[inline(always)]
pub(super) fn steps<R: Real>(x: R) -> Steps<R> {
    let k = x.mul(x.lit(STEPS_PER_UNIT)).round_even();
    // Exact: `k * STEP_HI` has few enough bits, and the two are close.
    let near = k.fnma(x.lit(STEP_HI), x);
    let rest = k.neg().mul(x.lit(STEP_LO));
    Steps { k: k.to_int(), r: fast_two_sum(near, rest) }
}

/// `2^(k/128)` without the power of two `2^(k >> 7)`.
#[inline(always)]
pub(super) fn step_power<I: Int>(k: I) -> Dd<I::Real> {
    Dd { hi: k.lookup(TableId::Exp2Hi), lo: k.lookup(TableId::Exp2Lo) }
}

/// `2^(k >> 7)`, within the normal numbers.
#[inline(always)]
pub(super) fn octave_power<R: Real>(like: R, k: R::Int) -> R {
    k.sar(7).add(like.int(1023)).shl(52).from_bits()
}

/// `v * 2^(k >> 7)`, both normal.
#[inline(always)]
fn add_octaves<R: Real>(v: R, k: R::Int) -> R {
    v.bits().add(k.sar(7).shl(52)).from_bits()
}

/// `e^r - 1 - r` for a reduced `r`.
#[inline(always)]
fn exp_tail<R: Real>(r: R) -> R {
    r.mul(r).mul(horner(r, &EXP_TAIL))
}

/// `e^(v.hi + v.lo)`, for what lies within [`EXP_USUAL`], without its octaves; and the steps that they are in.
#[inline(always)]
pub(super) fn exp_sum<R: Real>(v: Dd<R>) -> (R::Int, Dd<R>) {
    let Steps { k, r } = steps(v.hi);
    let r = r.hi.add(r.lo.add(v.lo));
    let power = step_power(k);
    (k, fast_two_sum(power.hi, power.hi.fma(r.add(exp_tail(r)), power.lo)))
}

/// [`exp_sum`] with its octaves, rounded once more than need be only where that is exact.
#[inline(always)]
pub(super) fn exp_usual<R: Real>(v: Dd<R>) -> R {
    let Steps { k, r } = steps(v.hi);
    let r = r.hi.add(r.lo.add(v.lo));
    let power = step_power(k);
    let e = power.hi.add(power.hi.fma(r.add(exp_tail(r)), power.lo));
    add_octaves(e, k)
}

/// `e^(v.hi + v.lo)` times `2^shift`, whatever its magnitude.
pub(super) fn exp_rare(v: Dd<f64>, shift: i32) -> f64 {
    if v.hi > 1000.0 {
        return f64::INFINITY;
    }
    if v.hi < -1000.0 {
        return 0.0;
    }
    let (k, e) = exp_sum(v);
    ldexp(e, (k >> 7) as i32 + shift)
}

/// e to the power `x`.
///
/// Tang's table method with a table of eight entries and a longer polynomial: `e^x = 2^(k/8) e^r`, `|r| <= ln 2 / 16`, the table's error put
/// beside the polynomial and the exponent into the encoding as ARM's optimized routines do; maximum error measured 0.62 ULP.
#[inline(always)]
pub fn exp<R: Real>(x: R) -> R {
    let rounded = x.fma(x.lit(EIGHTHS_PER_UNIT), x.lit(ROUND));
    let n = rounded.sub(x.lit(ROUND));
    // Exact, then rounded once.
    let r = n.fnma(x.lit(EIGHTH_LO), n.fnma(x.lit(EIGHTH_HI), x));
    let square = r.mul(r);
    let k = rounded.bits();
    // The low bits of `k` go where the entry lacks them, the others to the exponent.
    let power = k.lookup(TableId::Power).bits().add(k.shl(49)).from_bits();
    let less_one = horner_pairs(r, square, &POWER_POLY).fma(square, r).add(k.lookup(TableId::PowerTail));
    let usual = power.fma(less_one, power);
    R::rare(
        x.abs().le(x.lit(EXP_USUAL)).not(),
        usual,
        |[x]| if x.is_nan() { f64::NAN } else { exp_rare(Dd::exact(x), 0) },
        [x],
    )
}

/// 2 to the power `x`; exact for whole numbers.
///
/// Tang's table method, the reduction being exact; maximum error measured 0.506 ULP.
#[inline(always)]
pub fn exp2<R: Real>(x: R) -> R {
    let (k, power, rest) = exp2_parts(x);
    let usual = add_octaves(power.add(rest), k);
    R::rare(x.abs().le(x.lit(1021.0)).not(), usual, exp2_rare, [x])
}

/// `2^x` without its octaves, as a sum, and the steps that they are in; for `|x| <= 1100`.
#[inline(always)]
fn exp2_parts<R: Real>(x: R) -> (R::Int, R, R) {
    let k = x.mul(x.lit(128.0)).round_even();
    let r = k.fma(x.lit(-1.0 / 128.0), x);
    let k = k.to_int();
    let power = step_power(k);
    (k, power.hi, power.hi.fma(r.mul(horner(r, &EXP2_TAIL)), power.lo))
}

fn exp2_rare([x]: [f64; 1]) -> f64 {
    if x.is_nan() {
        return f64::NAN;
    }
    if x.abs() > 1100.0 {
        return if x > 0.0 { f64::INFINITY } else { 0.0 };
    }
    let (k, power, rest) = exp2_parts(x);
    ldexp(fast_two_sum(power, rest), (k >> 7) as i32)
}

/// `e^x - 1`, accurate for small `x` too.
///
/// Tang's table method, the subtraction and the leading terms in double-double; maximum error measured 0.503 ULP.
#[inline(always)]
pub fn expm1<R: Real>(x: R) -> R {
    // Below -40 the result is -1, as it is at -40; a NaN stays.
    let held = R::select(x.lt(x.lit(-40.0)), x.lit(-40.0), x);
    let Steps { k, r } = steps(held);
    let power = step_power(k).scale(octave_power(x, k));
    let base = two_sum(power.hi, x.lit(-1.0));
    let first = two_prod(power.hi, r.hi);
    let sum = two_sum(base.hi, first.hi);
    let tail = r.hi.mul(r.hi).fma(horner(r.hi, &EXPM1_TAIL), r.lo);
    let rest = power.lo.fma(r.hi, power.lo).add(base.lo).add(first.lo).add(sum.lo);
    let usual = sum.hi.add(power.hi.fma(tail, rest)).copysign(x);
    R::rare(
        x.le(x.lit(EXP_USUAL)).not(),
        usual,
        // 1 is nothing beside e^708.
        |[x]| if x.is_nan() { f64::NAN } else { exp_rare(Dd::exact(x), 0) },
        [x],
    )
}
