//! Double-double arithmetic: a number as the unevaluated sum `hi + lo`, some 106 bits, from operations rounded to 53.
//!
//! The building blocks are the error-free transformations of Dekker (1971) and Knuth (TAOCP 2, 4.2.2), the product with
//! a fused multiply-add; the compound operations are those analysed by Joldes, Muller and Popescu, "Tight and rigorous error
//! bounds for basic building blocks of double-word arithmetic" (2017). All are exact only while nothing overflows and no
//! error term underflows.

use super::real::Real;

/// The unevaluated sum `hi + lo`, with `|lo| <= ulp(hi) / 2` where normalized.
#[derive(Clone, Copy, Debug)]
pub struct Dd<R> {
    /// The leading part; `hi + lo` rounded, where normalized.
    pub hi: R,
    /// What `hi` lacks.
    pub lo: R,
}

/// `a + b` exactly, whatever their magnitudes.
#[inline(always)]
pub fn two_sum<R: Real>(a: R, b: R) -> Dd<R> {
    let hi = a.add(b);
    let b_in = hi.sub(a);
    let a_in = hi.sub(b_in);
    Dd { hi, lo: a.sub(a_in).add(b.sub(b_in)) }
}

/// `a + b` exactly, where `a` is zero or the exponent of `a` is at least that of `b`.
#[inline(always)]
pub fn fast_two_sum<R: Real>(a: R, b: R) -> Dd<R> {
    let hi = a.add(b);
    Dd { hi, lo: b.sub(hi.sub(a)) }
}

/// `a * b` exactly.
#[inline(always)]
pub fn two_prod<R: Real>(a: R, b: R) -> Dd<R> {
    let hi = a.mul(b);
    Dd { hi, lo: a.fms(b, hi) }
}

/// The constant `hi + lo` in the representation of `like`.
#[inline(always)]
pub fn constant<R: Real>(like: R, hi: f64, lo: f64) -> Dd<R> {
    Dd { hi: like.lit(hi), lo: like.lit(lo) }
}

/// `c[0] + c[1] x + c[2] x^2 + …` by Horner's rule, one fused operation a step.
#[inline(always)]
pub fn horner<R: Real, const N: usize>(x: R, c: &[f64; N]) -> R {
    let mut sum = x.lit(c[N - 1]);
    for &next in c.iter().rev().skip(1) {
        sum = sum.fma(x, x.lit(next));
    }
    sum
}

/// [`horner`]'s sum where `x2` is the square of `x`: as many operations, half of them in parallel.
#[inline(always)]
pub fn horner_pairs<R: Real, const N: usize>(x: R, x2: R, c: &[f64; N]) -> R {
    let pair = |i: usize| if i + 1 < N { x.lit(c[i + 1]).fma(x, x.lit(c[i])) } else { x.lit(c[i]) };
    let mut i = (N - 1) & !1;
    let mut sum = pair(i);
    while i > 0 {
        i -= 2;
        sum = sum.fma(x2, pair(i));
    }
    sum
}

#[allow(clippy::should_implement_trait, reason = "named as in `Real`, whose operations are no operators either")]
impl<R: Real> Dd<R> {
    /// `x` itself.
    #[inline(always)]
    pub fn exact(x: R) -> Dd<R> {
        Dd { hi: x, lo: x.lit(0.0) }
    }

    /// The sum rounded to one number.
    #[inline(always)]
    pub fn round(self) -> R {
        self.hi.add(self.lo)
    }

    /// Normalized, where `|lo| <= |hi|`.
    #[inline(always)]
    pub fn normalize(self) -> Dd<R> {
        fast_two_sum(self.hi, self.lo)
    }

    /// The opposite.
    #[inline(always)]
    pub fn neg(self) -> Dd<R> {
        Dd { hi: self.hi.neg(), lo: self.lo.neg() }
    }

    /// `self + o`, relative error below 3 * 2^-106 (also where the two cancel).
    #[inline(always)]
    pub fn add(self, o: Dd<R>) -> Dd<R> {
        let high = two_sum(self.hi, o.hi);
        let low = two_sum(self.lo, o.lo);
        let sum = fast_two_sum(high.hi, high.lo.add(low.hi));
        fast_two_sum(sum.hi, sum.lo.add(low.lo))
    }

    /// `self + o`, relative error below 2^-105.
    #[inline(always)]
    pub fn add_one(self, o: R) -> Dd<R> {
        let high = two_sum(self.hi, o);
        fast_two_sum(high.hi, high.lo.add(self.lo))
    }

    /// `self * o`, relative error below 4 * 2^-106.
    #[inline(always)]
    pub fn mul(self, o: Dd<R>) -> Dd<R> {
        let high = two_prod(self.hi, o.hi);
        let cross = self.hi.fma(o.lo, self.lo.mul(o.hi));
        fast_two_sum(high.hi, high.lo.add(cross))
    }

    /// `self * o`, relative error below 2 * 2^-106.
    #[inline(always)]
    pub fn mul_one(self, o: R) -> Dd<R> {
        let high = two_prod(self.hi, o);
        fast_two_sum(high.hi, self.lo.fma(o, high.lo))
    }

    /// `self` times a power of two.
    #[inline(always)]
    pub fn scale(self, power: R) -> Dd<R> {
        Dd { hi: self.hi.mul(power), lo: self.lo.mul(power) }
    }

    /// `self / o`, relative error below 10 * 2^-106.
    #[inline(always)]
    pub fn div(self, o: Dd<R>) -> Dd<R> {
        let q = self.hi.div(o.hi);
        let rest = q.fnma(o.hi, self.hi);
        let rest = q.fnma(o.lo, rest.add(self.lo));
        fast_two_sum(q, rest.div(o.hi))
    }

    /// The square root of a positive number, relative error below 4 * 2^-106.
    #[inline(always)]
    pub fn sqrt(self) -> Dd<R> {
        let s = self.hi.sqrt();
        let rest = s.fnma(s, self.hi).add(self.lo);
        fast_two_sum(s, rest.div(s.add(s)))
    }

    /// `if mask { a } else { b }` lane by lane.
    #[inline(always)]
    pub fn select(mask: R::Mask, a: Dd<R>, b: Dd<R>) -> Dd<R> {
        Dd { hi: R::select(mask, a.hi, b.hi), lo: R::select(mask, a.lo, b.lo) }
    }
}

/// `(hi + lo) * 2^e` rounded once, whether it is normal, subnormal or overflows. For the fall-backs of rare arguments.
///
/// `hi` is normal, `hi + lo` normalized.
pub fn ldexp(v: Dd<f64>, e: i32) -> f64 {
    if !v.hi.is_finite() || v.hi == 0.0 {
        return v.hi;
    }
    // To [1, 2) first, so that one power of two suffices afterwards.
    let exponent = ((v.hi.to_bits() >> 52) & 0x7FF) as i32 - 1023;
    let unit = |v: f64| v * power_of_two(-exponent / 2) * power_of_two(-exponent - -exponent / 2);
    let (hi, lo) = (unit(v.hi), unit(v.lo));
    let e = e.saturating_add(exponent);
    if e > 1023 {
        return f64::INFINITY.copysign(hi);
    }
    if e < -1077 {
        return 0.0_f64.copysign(hi);
    }
    if e >= -1022 {
        return (hi + lo) * power_of_two(e / 2) * power_of_two(e - e / 2);
    }
    // Below the normal numbers: the unit of the result is 2^-1074, so adding `anchor`, whose unit is that of the result before
    // the scaling, rounds at the right place. `hi + anchor` is not exact, but its error and `lo` decide together.
    let anchor = power_of_two(-1074 - e + 52).copysign(hi);
    let sum = two_sum(anchor, hi);
    let rest = two_sum(sum.lo, lo);
    // The unit of `sum.hi` is 1 here; `rest` is at most a little more than half of it. A tie broken by what `rest` itself
    // lost must go that way: round to odd.
    let rest = if rest.lo != 0.0 && rest.hi.to_bits() & 1 == 0 {
        let away = (rest.lo > 0.0) == (rest.hi > 0.0);
        f64::from_bits(if away { rest.hi.to_bits() + 1 } else { rest.hi.to_bits() - 1 })
    } else {
        rest.hi
    };
    let rounded = (sum.hi + rest) - anchor;
    // Exact: a whole number of units of the result, two steps because neither power may be subnormal.
    (rounded * power_of_two(e + 100) * power_of_two(-100)).copysign(hi)
}

/// `2^n`, for the normal numbers.
fn power_of_two(n: i32) -> f64 {
    debug_assert!((-1022..=1023).contains(&n));
    f64::from_bits(((n + 1023) as u64) << 52)
}
