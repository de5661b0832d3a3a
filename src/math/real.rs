//! The numbers that an elementary function is written over.
//!
//! Each function of `math` is one generic body, straight-line but for [`Real::rare`]. Instantiated with `f64` it is what the
//! interpreter runs and what scalar machine code calls; instantiated with IR values it becomes vector code. The same operations in
//! the same order give the same bits, so nothing here may be less than exactly specified: each operation is one IEEE 754
//! operation rounded to nearest even, or one operation on 64-bit patterns.

use super::table::TableId;

/// A binary64 number, or a vector of them.
pub trait Real: Copy {
    /// The 64-bit patterns of as many lanes.
    type Int: Int<Real = Self, Mask = Self::Mask>;
    /// A truth value for each lane.
    type Mask: Mask;

    /// The constant `v` in the same representation as `self` (whose value does not matter).
    fn lit(self, v: f64) -> Self;
    /// The whole-number constant `v`.
    fn int(self, v: i64) -> Self::Int;

    /// `self + o`.
    fn add(self, o: Self) -> Self;
    /// `self - o`.
    fn sub(self, o: Self) -> Self;
    /// `self * o`.
    fn mul(self, o: Self) -> Self;
    /// `self / o`.
    fn div(self, o: Self) -> Self;
    /// `self * a + b`, rounded once.
    fn fma(self, a: Self, b: Self) -> Self;
    /// `self * a - b`, rounded once.
    fn fms(self, a: Self, b: Self) -> Self;
    /// `b - self * a`, rounded once.
    fn fnma(self, a: Self, b: Self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// The sign bit flipped.
    fn neg(self) -> Self;
    /// The sign bit cleared.
    fn abs(self) -> Self;
    /// The magnitude of `self` with the sign bit of `sign`.
    fn copysign(self, sign: Self) -> Self;
    /// The nearest integral value, ties to even.
    fn round_even(self) -> Self;

    /// The 64 bits of the encoding.
    fn bits(self) -> Self::Int;
    /// `self`, integral and at most 2^51 in magnitude, as a whole number. Unspecified otherwise, but never a trap.
    fn to_int(self) -> Self::Int;

    /// `self < o`; false where either is NaN.
    fn lt(self, o: Self) -> Self::Mask;
    /// `self <= o`; false where either is NaN.
    fn le(self, o: Self) -> Self::Mask;
    /// `self == o`; false where either is NaN.
    fn eq(self, o: Self) -> Self::Mask;
    /// Whether `self` is a NaN.
    fn is_nan(self) -> Self::Mask;

    /// `if mask { a } else { b }` lane by lane; both are evaluated.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;

    /// `usual`, but for lanes in `mask` (seldom any) the value of `fallback(args)`, a plain function called lane by lane.
    fn rare<const N: usize>(mask: Self::Mask, usual: Self, fallback: fn([f64; N]) -> f64, args: [Self; N]) -> Self;
}

/// Two's complement 64-bit patterns, as many as the [`Real`] has lanes. Arithmetic wraps.
pub trait Int: Copy {
    /// The numbers that go with them.
    type Real: Real<Int = Self, Mask = Self::Mask>;
    /// A truth value for each lane.
    type Mask: Mask;

    /// Wrapping sum.
    fn add(self, o: Self) -> Self;
    /// Wrapping difference.
    fn sub(self, o: Self) -> Self;
    /// Bitwise and.
    fn and(self, o: Self) -> Self;
    /// Bitwise or.
    fn or(self, o: Self) -> Self;
    /// Bitwise exclusive or.
    fn xor(self, o: Self) -> Self;
    /// Shifted left by `n < 64`.
    fn shl(self, n: u32) -> Self;
    /// Shifted right by `n < 64`, zeros coming in.
    fn shr(self, n: u32) -> Self;
    /// Shifted right by `n < 64`, the sign coming in.
    fn sar(self, n: u32) -> Self;
    /// Signed `self < o`.
    fn lt(self, o: Self) -> Self::Mask;
    /// `self == o`.
    fn eq(self, o: Self) -> Self::Mask;
    /// The number with these bits.
    #[allow(clippy::wrong_self_convention, reason = "the standard library's name for it")]
    fn from_bits(self) -> Self::Real;
    /// `self`, at most 2^51 in magnitude, as a number, exactly. Unspecified otherwise.
    fn to_real(self) -> Self::Real;
    /// The entry of the table at `self` modulo its length.
    fn lookup(self, table: TableId) -> Self::Real;
    /// `if mask { a } else { b }` lane by lane; both are evaluated.
    fn select(mask: Self::Mask, a: Self, b: Self) -> Self;
}

/// A truth value for each lane.
pub trait Mask: Copy {
    /// Both.
    fn and(self, o: Self) -> Self;
    /// Either.
    fn or(self, o: Self) -> Self;
    /// The opposite.
    fn not(self) -> Self;
}

impl Mask for bool {
    #[inline(always)]
    fn and(self, o: bool) -> bool {
        self & o
    }
    #[inline(always)]
    fn or(self, o: bool) -> bool {
        self | o
    }
    #[inline(always)]
    fn not(self) -> bool {
        !self
    }
}

impl Real for f64 {
    type Int = i64;
    type Mask = bool;

    #[inline(always)]
    fn lit(self, v: f64) -> f64 {
        v
    }
    #[inline(always)]
    fn int(self, v: i64) -> i64 {
        v
    }
    #[inline(always)]
    fn add(self, o: f64) -> f64 {
        self + o
    }
    #[inline(always)]
    fn sub(self, o: f64) -> f64 {
        self - o
    }
    #[inline(always)]
    fn mul(self, o: f64) -> f64 {
        self * o
    }
    #[inline(always)]
    fn div(self, o: f64) -> f64 {
        self / o
    }
    #[inline(always)]
    fn fma(self, a: f64, b: f64) -> f64 {
        self.mul_add(a, b)
    }
    #[inline(always)]
    fn fms(self, a: f64, b: f64) -> f64 {
        self.mul_add(a, -b)
    }
    #[inline(always)]
    fn fnma(self, a: f64, b: f64) -> f64 {
        (-self).mul_add(a, b)
    }
    #[inline(always)]
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn neg(self) -> f64 {
        -self
    }
    #[inline(always)]
    fn abs(self) -> f64 {
        f64::abs(self)
    }
    #[inline(always)]
    fn copysign(self, sign: f64) -> f64 {
        f64::copysign(self, sign)
    }
    #[inline(always)]
    fn round_even(self) -> f64 {
        self.round_ties_even()
    }
    #[inline(always)]
    fn bits(self) -> i64 {
        self.to_bits() as i64
    }
    #[inline(always)]
    fn to_int(self) -> i64 {
        // The conversion of the vector form: add 1.5 * 2^52 and keep the low bits of the significand.
        ((self + 6755399441055744.0).to_bits() as i64).wrapping_sub(0x4338_0000_0000_0000)
    }
    #[inline(always)]
    fn lt(self, o: f64) -> bool {
        self < o
    }
    #[inline(always)]
    fn le(self, o: f64) -> bool {
        self <= o
    }
    #[inline(always)]
    fn eq(self, o: f64) -> bool {
        self == o
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        f64::is_nan(self)
    }
    #[inline(always)]
    fn select(mask: bool, a: f64, b: f64) -> f64 {
        if mask { a } else { b }
    }
    #[inline(always)]
    fn rare<const N: usize>(mask: bool, usual: f64, fallback: fn([f64; N]) -> f64, args: [f64; N]) -> f64 {
        if mask { fallback(args) } else { usual }
    }
}

impl Int for i64 {
    type Real = f64;
    type Mask = bool;

    #[inline(always)]
    fn add(self, o: i64) -> i64 {
        self.wrapping_add(o)
    }
    #[inline(always)]
    fn sub(self, o: i64) -> i64 {
        self.wrapping_sub(o)
    }
    #[inline(always)]
    fn and(self, o: i64) -> i64 {
        self & o
    }
    #[inline(always)]
    fn or(self, o: i64) -> i64 {
        self | o
    }
    #[inline(always)]
    fn xor(self, o: i64) -> i64 {
        self ^ o
    }
    #[inline(always)]
    fn shl(self, n: u32) -> i64 {
        self << n
    }
    #[inline(always)]
    fn shr(self, n: u32) -> i64 {
        ((self as u64) >> n) as i64
    }
    #[inline(always)]
    fn sar(self, n: u32) -> i64 {
        self >> n
    }
    #[inline(always)]
    fn lt(self, o: i64) -> bool {
        self < o
    }
    #[inline(always)]
    fn eq(self, o: i64) -> bool {
        self == o
    }
    #[inline(always)]
    fn from_bits(self) -> f64 {
        f64::from_bits(self as u64)
    }
    #[inline(always)]
    fn to_real(self) -> f64 {
        // As the vector form does: put the low bits into the significand of 1.5 * 2^52 and subtract it.
        f64::from_bits(self.wrapping_add(0x4338_0000_0000_0000) as u64) - 6755399441055744.0
    }
    #[inline(always)]
    fn lookup(self, table: TableId) -> f64 {
        table.at(self)
    }
    #[inline(always)]
    fn select(mask: bool, a: i64, b: i64) -> i64 {
        if mask { a } else { b }
    }
}
