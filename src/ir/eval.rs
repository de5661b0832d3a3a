//! The exact meaning of each operation on constants: what the interpreter runs, what folding computes, what machine code must equal.
//!
//! Values are raw 64-bit words: an `f64` by its bits, a `bool` as 0 or 1. Every `f64` result has the one canonical NaN.

use super::op::{Math, Op, TableId};
use crate::math;
use crate::math::real::Real;
use crate::trap::TrapKind;

use super::arrays::canonical_bits;
pub use super::arrays::{CANONICAL_NAN, canonical, fmax, fmin};

/// What `op` gives for these operands, which are as many as [`Op::params`] says.
pub fn eval(op: Op, args: &[u64]) -> Result<u64, TrapKind> {
    debug_assert_eq!(args.len(), op.params().len(), "{}", op.name());
    let word = |i: usize| args.get(i).copied().unwrap_or(0);
    let f = |i: usize| f64::from_bits(word(i));
    let n = |i: usize| word(i) as i64;
    let b = |i: usize| word(i) != 0;
    let float = |x: f64| Ok(canonical_bits(x));
    let int = |x: i64| Ok(x as u64);
    let truth = |x: bool| Ok(u64::from(x));
    let checked = |x: Option<i64>| x.map(|x| x as u64).ok_or(TrapKind::IntegerOverflow);
    match op {
        Op::FAdd => float(f(0) + f(1)),
        Op::FSub => float(f(0) - f(1)),
        Op::FMul => float(f(0) * f(1)),
        Op::FDiv => float(f(0) / f(1)),
        Op::Fma => float(f(0).mul_add(f(1), f(2))),
        Op::Fms => float(f(0).mul_add(f(1), -f(2))),
        Op::Fnma => float((-f(0)).mul_add(f(1), f(2))),
        Op::FNeg => float(-f(0)),
        Op::FAbs => float(f(0).abs()),
        Op::FSqrt => float(f(0).sqrt()),
        Op::FMin => float(fmin(f(0), f(1))),
        Op::FMax => float(fmax(f(0), f(1))),
        Op::FFloor => float(f(0).floor()),
        Op::FCeil => float(f(0).ceil()),
        Op::FTrunc => float(f(0).trunc()),
        Op::FRound => float(f(0).round()),
        Op::FRoundEven => float(f(0).round_ties_even()),
        Op::FFract => float(f(0) - f(0).trunc()),
        Op::FSign => float(fsign(f(0))),
        Op::FCopysign => float(f(0).copysign(canonical(f(1)))),
        Op::FCanon => float(f(0)),
        Op::FDemote => float(f64::from(f(0) as f32)),
        Op::FBits => Ok(canonical(f(0)).to_bits()),
        Op::FFromBits => float(f(0)),
        Op::FIsFinite => truth(f(0).is_finite()),
        Op::FIsInfinite => truth(f(0).is_infinite()),
        Op::FIsNan => truth(f(0).is_nan()),
        Op::FEq => truth(f(0) == f(1)),
        Op::FNe => truth(f(0) != f(1)),
        Op::FLt => truth(f(0) < f(1)),
        Op::FLe => truth(f(0) <= f(1)),

        Op::IAdd => checked(n(0).checked_add(n(1))),
        Op::ISub => checked(n(0).checked_sub(n(1))),
        Op::IMul => checked(n(0).checked_mul(n(1))),
        Op::INeg => checked(n(0).checked_neg()),
        Op::IAbs => checked(n(0).checked_abs()),
        Op::IWrappingAdd => int(n(0).wrapping_add(n(1))),
        Op::IWrappingSub => int(n(0).wrapping_sub(n(1))),
        Op::IWrappingMul => int(n(0).wrapping_mul(n(1))),
        Op::IDiv => nonzero(n(1)).and_then(|d| checked(n(0).checked_div(d))),
        Op::IFloorDiv => nonzero(n(1)).and_then(|d| checked(floor_div(n(0), d))),
        Op::IRem => nonzero(n(1)).and_then(|d| int(n(0).wrapping_rem(d))),
        Op::IFloorMod => nonzero(n(1)).and_then(|d| int(floor_mod(n(0), d))),
        Op::IGcd => igcd(n(0), n(1)).map(|x| x as u64),
        Op::IPow => ipow(n(0), n(1)).map(|x| x as u64),
        Op::IAnd => int(n(0) & n(1)),
        Op::IOr => int(n(0) | n(1)),
        Op::IXor => int(n(0) ^ n(1)),
        Op::INot => int(!n(0)),
        Op::IShl => int(n(0).wrapping_shl(n(1) as u32)),
        Op::IShr => Ok(word(0).wrapping_shr(n(1) as u32)),
        Op::ISar => int(n(0).wrapping_shr(n(1) as u32)),
        Op::IRotl => Ok(word(0).rotate_left(n(1) as u32 & 63)),
        Op::IRotr => Ok(word(0).rotate_right(n(1) as u32 & 63)),
        Op::IPopcount => Ok(u64::from(word(0).count_ones())),
        Op::IClz => Ok(u64::from(word(0).leading_zeros())),
        Op::ICtz => Ok(u64::from(word(0).trailing_zeros())),
        Op::IMin => int(n(0).min(n(1))),
        Op::IMax => int(n(0).max(n(1))),
        Op::ISign => int(n(0).signum()),
        Op::IEq => truth(n(0) == n(1)),
        Op::INe => truth(n(0) != n(1)),
        Op::ILt => truth(n(0) < n(1)),
        Op::ILe => truth(n(0) <= n(1)),
        Op::INarrowI32 => i32::try_from(n(0)).map(|x| i64::from(x) as u64).map_err(|_| TrapKind::BadCast),
        Op::INarrowU8 => u8::try_from(n(0)).map(u64::from).map_err(|_| TrapKind::BadCast),
        Op::IToF => float(n(0) as f64),
        Op::FToI => ftoi(f(0)).map(|x| x as u64),

        Op::BToI => Ok(u64::from(b(0))),
        Op::BToF => float(if b(0) { 1.0 } else { 0.0 }),
        Op::BNot => truth(!b(0)),
        Op::BAnd => truth(b(0) & b(1)),
        Op::BOr => truth(b(0) | b(1)),
        Op::BEq => truth(b(0) == b(1)),
        Op::BNe => truth(b(0) != b(1)),
    }
}

/// `base ^ n` for a literal exponent: binary powering from the lowest bit, the first factor copied; a negative power is its inverse.
pub fn powi(base: f64, n: i32) -> f64 {
    let mut bits = n.unsigned_abs();
    let mut factor = base;
    let mut result = None;
    while bits != 0 {
        if bits & 1 != 0 {
            result = Some(result.map_or(factor, |r: f64| r * factor));
        }
        bits >>= 1;
        if bits != 0 {
            factor *= factor;
        }
    }
    let power = result.unwrap_or(1.0);
    canonical(if n < 0 { 1.0 / power } else { power })
}

/// `base ^ n`; `BadArgument` for a negative exponent, `IntegerOverflow` where a value that is used does not fit.
pub fn ipow(base: i64, n: i64) -> Result<i64, TrapKind> {
    if n < 0 {
        return Err(TrapKind::BadArgument);
    }
    let mut bits = n;
    let mut factor = base;
    let mut result = 1_i64;
    while bits != 0 {
        if bits & 1 != 0 {
            result = result.checked_mul(factor).ok_or(TrapKind::IntegerOverflow)?;
        }
        bits >>= 1;
        if bits != 0 {
            factor = factor.checked_mul(factor).ok_or(TrapKind::IntegerOverflow)?;
        }
    }
    Ok(result)
}

/// The greatest common divisor, never negative; `IntegerOverflow` where it is 2^63.
pub fn igcd(a: i64, b: i64) -> Result<i64, TrapKind> {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i64::try_from(a).map_err(|_| TrapKind::IntegerOverflow)
}

fn fsign(x: f64) -> f64 {
    if x.is_nan() || x == 0.0 { x } else { 1_f64.copysign(x) }
}

fn ftoi(x: f64) -> Result<i64, TrapKind> {
    // -2^63 and 2^63 are both doubles, and what lies between them truncates into range.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x) {
        Ok(x as i64)
    } else {
        Err(TrapKind::BadCast)
    }
}

fn nonzero(divisor: i64) -> Result<i64, TrapKind> {
    if divisor == 0 { Err(TrapKind::DivideByZero) } else { Ok(divisor) }
}

fn floor_div(a: i64, b: i64) -> Option<i64> {
    let quotient = a.checked_div(b)?;
    Some(if a.wrapping_rem(b) != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

fn floor_mod(a: i64, b: i64) -> i64 {
    let rest = a.wrapping_rem(b);
    if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
}

/// The element of a constant table that an index means: its low bits.
pub fn table_element(id: TableId, index: i64) -> f64 {
    id.at(index)
}

/// What an elementary function gives; `args` are as many as [`Math::arity`] says.
pub fn eval_math(function: Math, args: &[f64]) -> f64 {
    debug_assert_eq!(args.len(), function.arity(), "{}", function.name());
    canonical(math_of(function, |i| args.get(i).copied().unwrap_or(f64::NAN)))
}

/// The body of a function over its arguments.
pub fn math_of<R: Real>(function: Math, arg: impl Fn(usize) -> R) -> R {
    let x = arg(0);
    match function {
        Math::Exp => math::exp(x),
        Math::Exp2 => math::exp2(x),
        Math::Expm1 => math::expm1(x),
        Math::Ln => math::ln(x),
        Math::Log2 => math::log2(x),
        Math::Log10 => math::log10(x),
        Math::Log1p => math::log1p(x),
        Math::Cbrt => math::cbrt(x),
        Math::Sin => math::sin(x),
        Math::Cos => math::cos(x),
        Math::Tan => math::tan(x),
        Math::Asin => math::asin(x),
        Math::Acos => math::acos(x),
        Math::Atan => math::atan(x),
        Math::Sinh => math::sinh(x),
        Math::Cosh => math::cosh(x),
        Math::Tanh => math::tanh(x),
        Math::Asinh => math::asinh(x),
        Math::Acosh => math::acosh(x),
        Math::Atanh => math::atanh(x),
        Math::Erf => math::erf(x),
        Math::Erfc => math::erfc(x),
        Math::Pow => math::pow(x, arg(1)),
        Math::Hypot => math::hypot(x, arg(1)),
        Math::Atan2 => math::atan2(x, arg(1)),
        Math::Fmod => math::fmod(x, arg(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TrapKind::{BadArgument, BadCast, DivideByZero, IntegerOverflow};

    const INF: f64 = f64::INFINITY;
    const MAX: i64 = i64::MAX;
    const MIN: i64 = i64::MIN;

    #[track_caller]
    fn ff(op: Op, args: &[f64], want: f64) {
        let words: Vec<u64> = args.iter().map(|x| x.to_bits()).collect();
        assert_eq!(eval(op, &words), Ok(canonical(want).to_bits()), "{} {args:?}", op.name());
    }

    #[track_caller]
    fn fb(op: Op, args: &[f64], want: bool) {
        let words: Vec<u64> = args.iter().map(|x| x.to_bits()).collect();
        assert_eq!(eval(op, &words), Ok(u64::from(want)), "{} {args:?}", op.name());
    }

    #[track_caller]
    fn ii(op: Op, args: &[i64], want: Result<i64, TrapKind>) {
        let words: Vec<u64> = args.iter().map(|&x| x as u64).collect();
        assert_eq!(eval(op, &words), want.map(|x| x as u64), "{} {args:?}", op.name());
    }

    #[test]
    fn every_float_result_has_the_canonical_nan() {
        let nans = [f64::from_bits(0xFFF8_0000_0000_0000), f64::from_bits(0x7FF0_0000_0000_0001), f64::from_bits(!0)];
        for &op in Op::ALL {
            if op.result() != super::super::op::Scalar::F64 || op.params().iter().any(|&p| p != op.result()) {
                continue;
            }
            for nan in nans {
                let args = vec![nan.to_bits(); op.params().len()];
                assert_eq!(eval(op, &args), Ok(CANONICAL_NAN), "{}", op.name());
            }
        }
        assert_eq!(eval(Op::FFromBits, &[!0]), Ok(CANONICAL_NAN));
        assert_eq!(eval(Op::FBits, &[!0]), Ok(CANONICAL_NAN));
        ff(Op::FCopysign, &[2.0, f64::from_bits(!0)], 2.0);
    }

    #[test]
    fn lesser_and_greater_order_the_zeros() {
        for (a, b) in [(-0.0, 0.0), (0.0, -0.0)] {
            ff(Op::FMin, &[a, b], -0.0);
            ff(Op::FMax, &[a, b], 0.0);
        }
        ff(Op::FMin, &[1.0, f64::NAN], f64::NAN);
        ff(Op::FMax, &[f64::NAN, 1.0], f64::NAN);
        ff(Op::FMin, &[-INF, 3.0], -INF);
        ff(Op::FMax, &[-INF, 3.0], 3.0);
    }

    #[test]
    fn rounding_keeps_signs_and_ties() {
        ff(Op::FRound, &[2.5], 3.0);
        ff(Op::FRound, &[-2.5], -3.0);
        ff(Op::FRound, &[0.49999999999999994], 0.0);
        ff(Op::FRoundEven, &[2.5], 2.0);
        ff(Op::FRoundEven, &[-0.5], -0.0);
        ff(Op::FFloor, &[-0.5], -1.0);
        ff(Op::FCeil, &[-0.5], -0.0);
        ff(Op::FTrunc, &[-1.75], -1.0);
        ff(Op::FFract, &[-1.75], -0.75);
        ff(Op::FFract, &[-3.0], 0.0);
        ff(Op::FFract, &[INF], f64::NAN);
    }

    #[test]
    fn signs() {
        ff(Op::FSign, &[-3.5], -1.0);
        ff(Op::FSign, &[-0.0], -0.0);
        ff(Op::FSign, &[INF], 1.0);
        ff(Op::FAbs, &[-0.0], 0.0);
        ff(Op::FNeg, &[0.0], -0.0);
        ii(Op::ISign, &[MIN], Ok(-1));
        ii(Op::ISign, &[0], Ok(0));
        ii(Op::ISign, &[9], Ok(1));
    }

    #[test]
    fn float_arithmetic_is_ieee() {
        ff(Op::FAdd, &[0.1, 0.2], 0.30000000000000004);
        ff(Op::FSub, &[INF, INF], f64::NAN);
        ff(Op::FMul, &[0.0, INF], f64::NAN);
        ff(Op::FDiv, &[-1.0, 0.0], -INF);
        ff(Op::FDiv, &[5e-324, 2.0], 0.0);
        ff(Op::FSqrt, &[-0.0], -0.0);
        ff(Op::FSqrt, &[-1.0], f64::NAN);
        ff(Op::Fma, &[1.0 + f64::EPSILON, 1.0 - f64::EPSILON, -1.0], -f64::EPSILON * f64::EPSILON);
        ff(Op::FDemote, &[0.1], f64::from(0.1_f32));
        ff(Op::FDemote, &[1e300], INF);
    }

    #[test]
    fn comparisons_with_nan_are_false_but_unequal() {
        for op in [Op::FEq, Op::FLt, Op::FLe] {
            fb(op, &[f64::NAN, f64::NAN], false);
        }
        fb(Op::FNe, &[f64::NAN, f64::NAN], true);
        fb(Op::FEq, &[-0.0, 0.0], true);
        fb(Op::FLe, &[2.0, 2.0], true);
        fb(Op::FLt, &[2.0, 2.0], false);
        fb(Op::FIsNan, &[f64::NAN], true);
        fb(Op::FIsFinite, &[f64::MAX], true);
        fb(Op::FIsFinite, &[INF], false);
        fb(Op::FIsInfinite, &[-INF], true);
        fb(Op::FIsInfinite, &[f64::NAN], false);
    }

    #[test]
    fn integers_trap_exactly_past_the_ends() {
        ii(Op::IAdd, &[MAX, 1], Err(IntegerOverflow));
        ii(Op::IAdd, &[MAX - 1, 1], Ok(MAX));
        ii(Op::ISub, &[MIN, 1], Err(IntegerOverflow));
        ii(Op::ISub, &[0, MIN], Err(IntegerOverflow));
        ii(Op::ISub, &[-1, MIN], Ok(MAX));
        ii(Op::IMul, &[MIN, -1], Err(IntegerOverflow));
        ii(Op::IMul, &[1 << 32, -(1 << 31)], Ok(MIN));
        ii(Op::INeg, &[MIN], Err(IntegerOverflow));
        ii(Op::INeg, &[MAX], Ok(-MAX));
        ii(Op::IAbs, &[MIN], Err(IntegerOverflow));
        ii(Op::IAbs, &[-MAX], Ok(MAX));
        ii(Op::IWrappingAdd, &[MAX, 1], Ok(MIN));
        ii(Op::IWrappingSub, &[MIN, 1], Ok(MAX));
        ii(Op::IWrappingMul, &[MIN, -1], Ok(MIN));
    }

    #[test]
    fn divisions() {
        for op in [Op::IDiv, Op::IFloorDiv, Op::IRem, Op::IFloorMod] {
            ii(op, &[1, 0], Err(DivideByZero));
            ii(op, &[MIN, 0], Err(DivideByZero));
        }
        ii(Op::IDiv, &[MIN, -1], Err(IntegerOverflow));
        ii(Op::IFloorDiv, &[MIN, -1], Err(IntegerOverflow));
        ii(Op::IRem, &[MIN, -1], Ok(0));
        ii(Op::IFloorMod, &[MIN, -1], Ok(0));
        for (a, b, div, floor, rem, modulo) in
            [(7, 2, 3, 3, 1, 1), (-7, 2, -3, -4, -1, 1), (7, -2, -3, -4, 1, -1), (-7, -2, 3, 3, -1, -1)]
        {
            ii(Op::IDiv, &[a, b], Ok(div));
            ii(Op::IFloorDiv, &[a, b], Ok(floor));
            ii(Op::IRem, &[a, b], Ok(rem));
            ii(Op::IFloorMod, &[a, b], Ok(modulo));
        }
        ii(Op::IFloorMod, &[MIN, MAX], Ok(MAX - 1));
        ii(Op::IFloorMod, &[MAX, MIN], Ok(-1));
        ii(Op::IFloorDiv, &[-6, 2], Ok(-3));
        ii(Op::IFloorDiv, &[MIN, 2], Ok(MIN / 2));
    }

    #[test]
    fn divisors_and_powers() {
        ii(Op::IGcd, &[0, 0], Ok(0));
        ii(Op::IGcd, &[-12, 18], Ok(6));
        ii(Op::IGcd, &[MIN, 0], Err(IntegerOverflow));
        ii(Op::IGcd, &[MIN, MIN], Err(IntegerOverflow));
        ii(Op::IGcd, &[MIN, 6], Ok(2));
        ii(Op::IPow, &[2, 62], Ok(1 << 62));
        ii(Op::IPow, &[2, 63], Err(IntegerOverflow));
        ii(Op::IPow, &[-2, 63], Ok(MIN));
        ii(Op::IPow, &[3, 39], Ok(4052555153018976267));
        ii(Op::IPow, &[3, 40], Err(IntegerOverflow));
        ii(Op::IPow, &[MIN, 1], Ok(MIN));
        ii(Op::IPow, &[MIN, 0], Ok(1));
        ii(Op::IPow, &[0, 0], Ok(1));
        ii(Op::IPow, &[-1, MAX], Ok(-1));
        ii(Op::IPow, &[2, -1], Err(BadArgument));
        ii(Op::IPow, &[MAX, MAX], Err(IntegerOverflow));
    }

    #[test]
    fn bits_and_shifts() {
        ii(Op::IShl, &[1, 64], Ok(1));
        ii(Op::IShl, &[1, 63], Ok(MIN));
        ii(Op::IShr, &[-1, 63], Ok(1));
        ii(Op::IShr, &[-1, -1], Ok(1));
        ii(Op::ISar, &[MIN, 63], Ok(-1));
        ii(Op::IRotl, &[MIN, 1], Ok(1));
        ii(Op::IRotr, &[1, 65], Ok(MIN));
        ii(Op::IRotr, &[1, -63], Ok(MIN));
        ii(Op::IPopcount, &[-1], Ok(64));
        ii(Op::IClz, &[0], Ok(64));
        ii(Op::ICtz, &[0], Ok(64));
        ii(Op::ICtz, &[MIN], Ok(63));
        ii(Op::INot, &[0], Ok(-1));
        ii(Op::IAnd, &[6, 3], Ok(2));
        ii(Op::IOr, &[6, 3], Ok(7));
        ii(Op::IXor, &[6, 3], Ok(5));
        ii(Op::IMin, &[MIN, MAX], Ok(MIN));
        ii(Op::IMax, &[MIN, MAX], Ok(MAX));
    }

    #[test]
    fn narrowing_and_conversions() {
        ii(Op::INarrowI32, &[1 << 31], Err(BadCast));
        ii(Op::INarrowI32, &[-(1 << 31)], Ok(-(1 << 31)));
        ii(Op::INarrowU8, &[255], Ok(255));
        ii(Op::INarrowU8, &[256], Err(BadCast));
        ii(Op::INarrowU8, &[-1], Err(BadCast));
        let ftoi = |x: f64| eval(Op::FToI, &[x.to_bits()]).map(|x| x as i64);
        assert_eq!(ftoi(-(2_f64.powi(63))), Ok(MIN));
        assert_eq!(ftoi(2_f64.powi(63)), Err(BadCast));
        assert_eq!(ftoi(2_f64.powi(63) - 1024.0), Ok(9223372036854774784));
        assert_eq!(ftoi(-(2_f64.powi(63)) - 2048.0), Err(BadCast));
        assert_eq!(ftoi(f64::NAN), Err(BadCast));
        assert_eq!(ftoi(INF), Err(BadCast));
        assert_eq!(ftoi(-0.9), Ok(0));
        assert_eq!(eval(Op::IToF, &[MAX as u64]), Ok(2_f64.powi(63).to_bits()));
        assert_eq!(eval(Op::IToF, &[(1 << 53) + 1]), Ok(9007199254740992_f64.to_bits()));
        assert_eq!(eval(Op::BToF, &[1]), Ok(1_f64.to_bits()));
        assert_eq!(eval(Op::BToI, &[1]), Ok(1));
        assert_eq!(eval(Op::BNot, &[1]), Ok(0));
        assert_eq!(eval(Op::BAnd, &[1, 0]), Ok(0));
        assert_eq!(eval(Op::BOr, &[1, 0]), Ok(1));
        assert_eq!(eval(Op::BEq, &[0, 0]), Ok(1));
        assert_eq!(eval(Op::BNe, &[0, 0]), Ok(0));
    }

    #[test]
    fn literal_powers_multiply_in_the_written_order() {
        let x = 1.1;
        assert_eq!(powi(x, 0), 1.0);
        assert_eq!(powi(f64::NAN, 0), 1.0);
        assert_eq!(powi(x, 1), x);
        assert_eq!(powi(x, 2), x * x);
        assert_eq!(powi(x, 3), x * (x * x));
        assert_eq!(powi(x, 5), x * ((x * x) * (x * x)));
        assert_eq!(powi(x, 6), (x * x) * ((x * x) * (x * x)));
        assert_eq!(powi(x, -2), 1.0 / (x * x));
        assert_eq!(powi(0.0, -1), INF);
        assert_eq!(powi(-0.0, 1).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(powi(f64::from_bits(!0), 3).to_bits(), CANONICAL_NAN);
        assert_eq!(powi(2.0, 64), 18446744073709551616.0);
    }

    #[test]
    fn remainders_of_floats_are_exact() {
        assert_eq!(eval_math(Math::Fmod, &[5.5, -2.0]), 1.5);
        assert_eq!(eval_math(Math::Fmod, &[-5.5, 2.0]), -1.5);
        assert_eq!(eval_math(Math::Fmod, &[-4.0, 2.0]).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(eval_math(Math::Fmod, &[1e308, 3e-308]), 1e308 % 3e-308);
        assert_eq!(eval_math(Math::Fmod, &[3.0, INF]), 3.0);
        assert_eq!(eval_math(Math::Fmod, &[INF, 3.0]).to_bits(), CANONICAL_NAN);
        assert_eq!(eval_math(Math::Fmod, &[1.0, 0.0]).to_bits(), CANONICAL_NAN);
    }
}
