//! Reduction of an angle modulo a multiple of pi, to twice the digits.
//!
//! Up to [`LIMIT`] it subtracts the multiple in three parts (Cody and Waite, "Software manual for the elementary functions",
//! 1980, with fused operations). Above it the product with a window of the digits of 2/pi keeps what counts (Payne and Hanek,
//! "Radian reduction for trigonometric functions", 1983), in whole numbers, for the seldom called fall-backs.

use super::dd::{Dd, fast_two_sum, two_prod};
use super::real::Real;
use std::f64::consts::FRAC_PI_2;

/// The largest magnitude that [`reduce`] is for: 2^30.
pub const LIMIT: f64 = 1_073_741_824.0;

/// 1.5 * 2^52: a sum with it is rounded to a whole number, which then stands in the low bits of the encoding.
pub const ROUND: f64 = 6_755_399_441_055_744.0;

/// Minus pi/2 as a sum of three numbers, to 160 bits.
pub const MINUS_HALF_PI: [f64; 3] = [-FRAC_PI_2, -6.123233995736766e-17, 1.4973849048591698e-33];

/// `a - n * p`, where `minus_p` is -p in parts, `0 <= a <= LIMIT` and `n` the whole number nearest to `a / p`.
///
/// The distance of a number from a multiple of pi/2 is at least 2^-62, and the absolute error is below 2^-130, so the result has
/// at least 68 good bits, and more than 100 but for such arguments. It is not normalized: `lo` is below 2^-15 of `hi`.
#[inline(always)]
pub fn reduce<R: Real>(a: R, n: R, minus_p: [f64; 3]) -> Dd<R> {
    // Exact: where n is not 0 it is a multiple of 2^-53 and less than 2.
    let first = n.fma(a.lit(minus_p[0]), a);
    let second = two_prod(n, a.lit(minus_p[1]));
    // Exact although `second` may be the greater: `first` is a multiple of its last place.
    let sum = fast_two_sum(first, second.hi);
    Dd { hi: sum.hi, lo: n.fma(a.lit(minus_p[2]), sum.lo.add(second.lo)) }
}

/// A zero word, then the first 1344 binary digits of 2/pi after the point.
static TWO_OVER_PI: [u64; 22] = [
    0x0000000000000000,
    0xA2F9836E4E441529,
    0xFC2757D1F534DDC0,
    0xDB6295993C439041,
    0xFE5163ABDEBBC561,
    0xB7246E3A424DD2E0,
    0x06492EEA09D1921C,
    0xFE1DEB1CB129A73E,
    0xE88235F52EBB4484,
    0xE99C7026B45F7E41,
    0x3991D639835339F4,
    0x9C845F8BBDF9283B,
    0x1FF897FFDE05980F,
    0xEF2F118B5A0A6D1F,
    0x6D367ECF27CB09B7,
    0x4F463F669E5FEA2D,
    0x7527BAC7EBE5F17B,
    0x3D0739F78A5292EA,
    0x6BFB5FB11F8D5D08,
    0x56033046FC7B6BAB,
    0xF0CFBC209AF4361D,
    0xA9E391615EE61B08,
];

/// `a` modulo pi/2, into [-pi/4, pi/4], with the quadrant (the multiple modulo 4), for a finite `a > LIMIT`.
///
/// The fraction of `a * 2/pi` is known to 2^-201 and is at least 2^-62.
pub fn payne_hanek(a: f64) -> (i64, Dd<f64>) {
    let bits = a.to_bits();
    let significand = (bits & ((1 << 52) - 1)) | (1 << 52);
    // a = significand * 2^e, e the biased exponent less 1075. The first e - 2 digits of 2/pi, which 2^e lifts to 4 and above, do
    // not matter; the 256 after them do. They begin 64 later in the table.
    let from = (bits >> 52) as usize - (1075 + 2 - 64);
    let (word, shift) = (from / 64, from % 64);
    let window = |i: usize| {
        let pair = u128::from(TWO_OVER_PI[word + i]) << 64 | u128::from(TWO_OVER_PI[word + i + 1]);
        (pair << shift >> 64) as u64
    };
    // a * 2/pi / 4 modulo 1, most significant word first.
    let mut product = [0_u64; 4];
    let mut carry = 0_u128;
    for i in (0..4).rev() {
        carry += u128::from(window(i)) * u128::from(significand);
        product[i] = carry as u64;
        carry >>= 64;
    }
    let [a, b, c, d] = product;
    // Two bits of quadrant, then the fraction; from one half up it is the next quadrant, approached from below.
    let below = a >> 61 & 1 == 1;
    let quadrant = (a >> 62) as i64 + i64::from(below);
    let mut high = (u128::from(a) << 64 | u128::from(b)) << 2 | u128::from(c >> 62);
    let mut low = (u128::from(c) << 64 | u128::from(d)) << 2;
    if below {
        low = low.wrapping_neg();
        high = (!high).wrapping_add(u128::from(low == 0));
    }
    let zeros = high.leading_zeros();
    if zeros > 0 && zeros < 128 {
        high = high << zeros | low >> (128 - zeros);
    }
    let sign = if below { -1.0 } else { 1.0 };
    let unit = f64::from_bits(u64::from(1023 - 53 - zeros) << 52) * sign;
    let hi = (high >> 75) as f64 * unit;
    let lo = (high >> 22 & ((1 << 53) - 1)) as f64 * unit * f64::EPSILON * 0.5;
    (quadrant, Dd { hi, lo }.mul(Dd { hi: FRAC_PI_2, lo: -MINUS_HALF_PI[1] }))
}
