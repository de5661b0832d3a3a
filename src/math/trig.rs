//! Sine, cosine and tangent.

use super::dd::{Dd, horner, two_prod};
use super::lane_tables::{COSINE_POLY, SINE_POLY, STEP_1, STEP_2, STEP_3, STEPS_PER_RADIAN};
use super::real::{Int, Mask, Real};
use super::table::TableId;
use super::trig_reduce::{LIMIT, MINUS_HALF_PI, ROUND, payne_hanek, reduce};
use std::f64::consts::FRAC_2_PI;

/// -1/6 as a sum of two numbers.
const SIXTH: [f64; 2] = [-0.16666666666666666, -9.25185853854297e-18];

/// `(sin(r) - r + r^3/6) / r^5` in powers of r^2 up to pi/4: minimax, relative error of the sine 2^-68.
const SIN: [f64; 6] = [
    0.00833333333333333,
    -0.0001984126984126097,
    2.7557319216753366e-06,
    -2.50521054883658e-08,
    1.605843156617639e-10,
    -7.581591383132806e-13,
];

/// `(cos(r) - 1 + r^2/2) / r^4` in powers of r^2 up to pi/4: minimax, relative error of the cosine 2^-64.
const COS: [f64; 6] = [
    0.041666666666666595,
    -0.0013888888888873064,
    2.4801587288855522e-05,
    -2.7557314180198205e-07,
    2.0875700944526188e-09,
    -1.1358541054520278e-11,
];

/// The square of an angle in two parts, `lo` to some 50 bits.
#[inline(always)]
fn square<R: Real>(r: Dd<R>) -> Dd<R> {
    let z = two_prod(r.hi, r.hi);
    Dd { hi: z.hi, lo: r.hi.add(r.hi).fma(r.lo, z.lo) }
}

/// The sine of an angle in [-pi/4, pi/4] whose square is `z`, to some 60 bits, `hi` being nearly the whole.
#[inline(always)]
fn sin_near<R: Real>(r: Dd<R>, z: Dd<R>) -> Dd<R> {
    let lit = |v| r.hi.lit(v);
    let cube = two_prod(r.hi, z.hi);
    let s = cube.hi.fma(lit(SIXTH[0]), r.hi);
    let s_lo = cube.hi.fma(lit(SIXTH[0]), r.hi.sub(s));
    // What remains of the cube, and the part of the angle below its first number, times their derivatives.
    let cube_lo = r.hi.fma(z.lo, cube.lo);
    let tail = horner(z.hi, &SIN).fma(z.hi, lit(SIXTH[1]));
    let low = cube_lo.fma(lit(SIXTH[0]), s_lo).add(r.lo);
    let low = cube.hi.fma(tail, low);
    Dd { hi: s, lo: r.lo.mul(z.hi).fma(lit(SIXTH[0]), low) }
}

/// The cosine of an angle in [-pi/4, pi/4] whose square is `z`, to some 60 bits.
#[inline(always)]
fn cos_near<R: Real>(z: Dd<R>) -> Dd<R> {
    let lit = |v| z.hi.lit(v);
    let c = z.hi.fma(lit(-0.5), lit(1.0));
    let c_lo = z.hi.fma(lit(-0.5), lit(1.0).sub(c));
    let low = z.lo.fma(lit(-0.5), c_lo);
    Dd { hi: c, lo: z.hi.mul(z.hi).fma(horner(z.hi, &COS), low) }
}

/// What both [`sin`] and [`cos`] compute of a magnitude: its sixteenths of a half turn, rounded, and what is left, in two parts.
#[inline(always)]
fn sixteenths<R: Real>(a: R) -> (R::Int, Dd<R>) {
    let rounded = a.fma(a.lit(STEPS_PER_RADIAN), a.lit(ROUND));
    let n = rounded.sub(a.lit(ROUND));
    // Exact, as is the product.
    let first = n.fnma(a.lit(STEP_1), a);
    let second = n.mul(a.lit(STEP_2));
    // Exact although `second` may be the greater: `first` is a multiple of its last place.
    let hi = first.sub(second);
    let lo = first.sub(hi).sub(second);
    (rounded.bits(), Dd { hi, lo: n.fnma(a.lit(STEP_3), lo) })
}

/// The sine of `j` sixteenths of a half turn and `r`, but for its sign, which the fifth bit of `j` says.
#[inline(always)]
fn sine<R: Real>(j: R::Int, r: Dd<R>) -> R {
    let (s, c) = (j.lookup(TableId::Sine), j.lookup(TableId::Cosine));
    let z = r.hi.mul(r.hi);
    let sine = z.mul(r.hi).fma(horner(z, &SINE_POLY), r.lo);
    let cosine = z.mul(horner(z, &COSINE_POLY));
    // s + c r with what it lacks, then all that is small.
    let sum = c.fma(r.hi, s);
    let lacks = c.fma(r.hi, s.sub(sum));
    let small = s.fma(cosine, c.fma(sine, j.lookup(TableId::SineTail)));
    sum.add(lacks.add(small))
}

/// Sine, by the theorem of addition: multiples of pi/16 from a table, what is left by short polynomials. As in Gal and Bachelis, "An accurate
/// elementary mathematical library for the IEEE floating point standard", 1991, though at even steps. Measured error at most 0.63 ULP.
#[inline(always)]
pub fn sin<R: Real>(x: R) -> R {
    let a = x.abs();
    let (j, r) = sixteenths(a);
    let sign = j.shl(59).xor(x.bits()).and(x.int(i64::MIN));
    let usual = sine(j, r).bits().xor(sign).from_bits();
    R::rare(a.le(a.lit(FEW_TURNS)).not(), usual, sin_huge, [x])
}

/// Cosine, as [`sin`]. Measured error at most 0.63 ULP.
#[inline(always)]
pub fn cos<R: Real>(x: R) -> R {
    let a = x.abs();
    let (j, r) = sixteenths(a);
    let j = j.add(x.int(8));
    let sign = j.shl(59).and(x.int(i64::MIN));
    let usual = sine(j, r).bits().xor(sign).from_bits();
    R::rare(a.le(a.lit(FEW_TURNS)).not(), usual, cos_huge, [x])
}

/// Up to here [`sixteenths`] are few enough that their product with [`STEP_2`] is exact.
const FEW_TURNS: f64 = 1048576.0;

/// The cosine of `quadrant * pi/2 + r`; only the two lowest bits of `quadrant` count.
#[inline(always)]
fn cos_reduced<R: Real>(quadrant: R::Int, r: Dd<R>) -> R {
    let z = square(r);
    let even = quadrant.and(r.hi.int(1)).eq(r.hi.int(0));
    let magnitude = Dd::select(even, cos_near(z), sin_near(r, z)).round();
    let sign = quadrant.add(r.hi.int(1)).and(r.hi.int(2)).shl(62);
    magnitude.bits().xor(sign).from_bits()
}

/// Tangent. Reduction by multiples of pi/2, then the quotient of sine and cosine, both to twice the digits.
/// Measured error at most 0.60 ULP.
#[inline(always)]
pub fn tan<R: Real>(x: R) -> R {
    let a = x.abs();
    let rounded = a.fma(a.lit(FRAC_2_PI), a.lit(ROUND));
    let r = reduce(a, rounded.sub(a.lit(ROUND)), MINUS_HALF_PI);
    let usual = tan_reduced(rounded.bits(), r).bits().xor(x.bits().xor(a.bits())).from_bits();
    R::rare(a.le(a.lit(LIMIT)).not(), usual, tan_huge, [x])
}

/// The tangent of `quadrant * pi/2 + r`; only the lowest bit of `quadrant` counts.
#[inline(always)]
fn tan_reduced<R: Real>(quadrant: R::Int, r: Dd<R>) -> R {
    let z = square(r);
    let (s, c) = (sin_near(r, z), cos_near(z));
    let odd = quadrant.shl(63);
    let even = odd.eq(r.hi.int(0));
    let (above, below) = (Dd::select(even, s, c), Dd::select(even, c, s).normalize());
    let inverse = r.hi.lit(1.0).div(below.hi);
    let q = above.hi.mul(inverse);
    let rest = q.fnma(below.lo, q.fnma(below.hi, above.hi).add(above.lo));
    rest.fma(inverse, q).bits().xor(odd).from_bits()
}

/// The quadrant of a finite magnitude and what is left, whatever its size.
fn quadrant(a: f64) -> (i64, Dd<f64>) {
    if a <= LIMIT {
        let rounded = a.mul_add(FRAC_2_PI, ROUND);
        (rounded.to_bits() as i64, reduce(a, rounded - ROUND, MINUS_HALF_PI))
    } else {
        payne_hanek(a)
    }
}

/// The sine of a number above [`FEW_TURNS`], infinite or NaN.
fn sin_huge([x]: [f64; 1]) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    // sin(x) = cos(x - pi/2): one quadrant less.
    let (quadrant, r) = quadrant(x.abs());
    let sine = cos_reduced(quadrant - 1, r);
    if x < 0.0 { -sine } else { sine }
}

/// The cosine of a number above [`FEW_TURNS`], infinite or NaN.
fn cos_huge([x]: [f64; 1]) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let (quadrant, r) = quadrant(x.abs());
    cos_reduced(quadrant, r)
}

/// The tangent of a number above [`LIMIT`], infinite or NaN.
fn tan_huge([x]: [f64; 1]) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let (quadrant, r) = payne_hanek(x.abs());
    let tangent = tan_reduced(quadrant, r);
    if x < 0.0 { -tangent } else { tangent }
}
