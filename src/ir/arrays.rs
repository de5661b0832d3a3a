//! The exact meaning of the operations on whole arrays: one implementation behind the interpreter and machine code.
//!
//! Each works in pieces of [`PIECE`] elements and asks a [`Meter`] before it begins a piece.

use super::op::ArrayOp;
use crate::trap::TrapKind;
use crate::types::Elem;
use crate::value::{Slice, SliceMut};

/// Elements that one unit of fuel pays for.
pub const PIECE: usize = 64;

/// The canonical NaN of binary64.
pub const CANONICAL_NAN: u64 = 0x7FF8_0000_0000_0000;

/// Who pays for the pieces.
pub trait Meter {
    /// Pays for the next pieces: as many as asked for or fewer, at least one.
    fn grant(&mut self, pieces: u64) -> Result<u64, TrapKind>;
}

/// `x`, any NaN made canonical.
#[inline]
pub fn canonical(x: f64) -> f64 {
    f64::from_bits(canonical_bits(x))
}

/// The bits of `x`, any NaN made canonical. The choice is between whole numbers: the compiler may take one between a NaN and `x` for `x`.
#[inline]
pub fn canonical_bits(x: f64) -> u64 {
    let bits = x.to_bits();
    if bits << 1 > f64::INFINITY.to_bits() << 1 { CANONICAL_NAN } else { bits }
}

/// `x`, any NaN made canonical.
#[inline]
pub fn canonical_f32(x: f32) -> f32 {
    let bits = x.to_bits();
    f32::from_bits(if bits << 1 > 0x7F80_0000 << 1 { 0x7FC0_0000 } else { bits })
}

/// The lesser; NaN if either is, -0.0 below 0.0.
#[inline]
pub fn fmin(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::from_bits(CANONICAL_NAN)
    } else if a < b || (a == b && a.is_sign_negative()) {
        a
    } else {
        b
    }
}

/// The greater; NaN if either is, -0.0 below 0.0.
#[inline]
pub fn fmax(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::from_bits(CANONICAL_NAN)
    } else if a > b || (a == b && a.is_sign_positive()) {
        a
    } else {
        b
    }
}

/// Runs `each(index)` over `0..len` in pieces that the meter has paid for.
fn in_pieces(
    len: usize,
    meter: &mut dyn Meter,
    mut each: impl FnMut(std::ops::Range<usize>) -> Result<(), TrapKind>,
) -> Result<(), TrapKind> {
    let mut done = 0;
    while done < len {
        let pieces = meter.grant((len - done).div_ceil(PIECE) as u64)?;
        let end = len.min(done + pieces as usize * PIECE);
        each(done..end)?;
        done = end;
    }
    Ok(())
}

/// How many of `len` elements the meter pays for before it refuses, and why it refuses.
pub fn affordable(len: usize, meter: &mut dyn Meter) -> (usize, Result<(), TrapKind>) {
    let mut done = 0;
    let outcome = in_pieces(len, meter, |range| {
        done = range.end;
        Ok(())
    });
    (done, outcome)
}

/// Eight running totals, combined in the one order that the language fixes.
struct Totals {
    totals: [f64; 8],
    count: usize,
    op: fn(f64, f64) -> f64,
}

impl Totals {
    fn new(op: fn(f64, f64) -> f64) -> Totals {
        Totals { totals: [0.0; 8], count: 0, op }
    }

    #[inline]
    fn push(&mut self, x: f64) {
        let lane = self.count % 8;
        self.totals[lane] = if self.count < 8 { x } else { (self.op)(self.totals[lane], x) };
        self.count += 1;
    }

    /// `((t0+t4)+(t2+t6)) + ((t1+t5)+(t3+t7))`, absent totals left out.
    fn combine(&self, empty: f64) -> f64 {
        let t = |lane: usize| (lane < self.count).then(|| self.totals[lane]);
        let join = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some((self.op)(a, b)),
            (a, b) => a.or(b),
        };
        let even = join(join(t(0), t(4)), join(t(2), t(6)));
        let odd = join(join(t(1), t(5)), join(t(3), t(7)));
        canonical(join(even, odd).unwrap_or(empty))
    }
}

fn int_at(slice: &Slice<'_>, i: usize) -> i64 {
    match slice {
        Slice::I64(s) => s[i],
        Slice::I32(s) => i64::from(s[i]),
        Slice::U8(s) => i64::from(s[i]),
        Slice::F64(_) | Slice::F32(_) | Slice::Bool(_) => 0,
    }
}

fn float_at(slice: &Slice<'_>, i: usize) -> f64 {
    match slice {
        Slice::F64(s) => s[i],
        Slice::F32(s) => f64::from(s[i]),
        Slice::I64(_) | Slice::I32(_) | Slice::U8(_) | Slice::Bool(_) => 0.0,
    }
}

fn add(a: f64, b: f64) -> f64 {
    a + b
}

fn mul(a: f64, b: f64) -> f64 {
    a * b
}

/// A reduction: the result as a 64-bit word (f64 by bits, bool 0 or 1). `second` is `dot`'s other operand, of the same element type.
pub fn reduce(op: ArrayOp, xs: Slice<'_>, second: Option<Slice<'_>>, meter: &mut dyn Meter) -> Result<u64, TrapKind> {
    let n = xs.len();
    match (op, xs.elem()) {
        (ArrayOp::Sum | ArrayOp::Mean, Elem::F64 | Elem::F32) => {
            let mut totals = Totals::new(add);
            in_pieces(n, meter, |range| {
                range.for_each(|i| totals.push(float_at(&xs, i)));
                Ok(())
            })?;
            let sum = totals.combine(0.0);
            let result = if op == ArrayOp::Mean { canonical(sum / n as f64) } else { sum };
            Ok(result.to_bits())
        }
        (ArrayOp::Sum | ArrayOp::Mean, Elem::I64 | Elem::I32 | Elem::U8) => {
            // 2^64 elements of 63 bits fit 128 bits.
            let mut total = 0_i128;
            in_pieces(n, meter, |range| {
                range.for_each(|i| total += i128::from(int_at(&xs, i)));
                Ok(())
            })?;
            if op == ArrayOp::Mean {
                Ok(canonical(total as f64 / n as f64).to_bits())
            } else {
                i64::try_from(total).map(|sum| sum as u64).map_err(|_| TrapKind::IntegerOverflow)
            }
        }
        (ArrayOp::Product, Elem::F64 | Elem::F32) => {
            let mut totals = Totals::new(mul);
            in_pieces(n, meter, |range| {
                range.for_each(|i| totals.push(float_at(&xs, i)));
                Ok(())
            })?;
            Ok(totals.combine(1.0).to_bits())
        }
        (ArrayOp::Product, Elem::I64 | Elem::I32 | Elem::U8) => {
            let mut product = 1_i64;
            in_pieces(n, meter, |mut range| {
                range.try_for_each(|i| {
                    product = product.checked_mul(int_at(&xs, i)).ok_or(TrapKind::IntegerOverflow)?;
                    Ok(())
                })
            })?;
            Ok(product as u64)
        }
        (ArrayOp::Min | ArrayOp::Max, Elem::F64 | Elem::F32) => {
            if n == 0 {
                return Err(TrapKind::BadArgument);
            }
            let pick = if op == ArrayOp::Min { fmin } else { fmax };
            let mut best = canonical(float_at(&xs, 0));
            in_pieces(n, meter, |range| {
                range.for_each(|i| best = pick(best, float_at(&xs, i)));
                Ok(())
            })?;
            Ok(best.to_bits())
        }
        (ArrayOp::Min | ArrayOp::Max, Elem::I64 | Elem::I32 | Elem::U8) => {
            if n == 0 {
                return Err(TrapKind::BadArgument);
            }
            let mut best = int_at(&xs, 0);
            in_pieces(n, meter, |range| {
                range.for_each(|i| {
                    let x = int_at(&xs, i);
                    best = if op == ArrayOp::Min { best.min(x) } else { best.max(x) };
                });
                Ok(())
            })?;
            Ok(best as u64)
        }
        (ArrayOp::Dot, Elem::F64 | Elem::F32) => {
            let ys = second.filter(|ys| ys.len() == n).ok_or(TrapKind::BadArgument)?;
            let mut totals = Totals::new(add);
            in_pieces(n, meter, |range| {
                range.for_each(|i| totals.push(float_at(&xs, i) * float_at(&ys, i)));
                Ok(())
            })?;
            Ok(totals.combine(0.0).to_bits())
        }
        (ArrayOp::Dot, Elem::I64 | Elem::I32 | Elem::U8) => {
            let ys = second.filter(|ys| ys.len() == n).ok_or(TrapKind::BadArgument)?;
            let mut total = 0_i128;
            in_pieces(n, meter, |mut range| {
                range.try_for_each(|i| {
                    let product = int_at(&xs, i).checked_mul(int_at(&ys, i)).ok_or(TrapKind::IntegerOverflow)?;
                    total += i128::from(product);
                    Ok(())
                })
            })?;
            i64::try_from(total).map(|sum| sum as u64).map_err(|_| TrapKind::IntegerOverflow)
        }
        (ArrayOp::Any | ArrayOp::All | ArrayOp::Count, Elem::Bool) => {
            let Slice::Bool(bools) = xs else { return Err(TrapKind::BadArgument) };
            let mut count = 0_u64;
            in_pieces(n, meter, |range| {
                count += bools[range].iter().filter(|b| **b).count() as u64;
                Ok(())
            })?;
            Ok(match op {
                ArrayOp::Any => u64::from(count > 0),
                ArrayOp::All => u64::from(count == n as u64),
                _ => count,
            })
        }
        // No program has these: the built-ins' table does not offer them.
        (ArrayOp::Fill | ArrayOp::Copy, _) | (ArrayOp::Any | ArrayOp::All | ArrayOp::Count, _) | (_, Elem::Bool) => {
            Err(TrapKind::BadArgument)
        }
    }
}

/// Fills with a narrowed, canonical scalar, given as a 64-bit word.
pub fn fill(xs: SliceMut<'_>, word: u64, meter: &mut dyn Meter) -> Result<(), TrapKind> {
    fn each<T: Copy>(xs: &mut [T], value: T, meter: &mut dyn Meter) -> Result<(), TrapKind> {
        in_pieces(xs.len(), meter, |range| {
            xs[range].fill(value);
            Ok(())
        })
    }
    match xs {
        SliceMut::F64(xs) => each(xs, canonical(f64::from_bits(word)), meter),
        SliceMut::F32(xs) => each(xs, canonical_f32(f64::from_bits(word) as f32), meter),
        SliceMut::I64(xs) => each(xs, word as i64, meter),
        SliceMut::I32(xs) => each(xs, word as i32, meter),
        SliceMut::U8(xs) => each(xs, word as u8, meter),
        SliceMut::Bool(xs) => each(xs, word & 1 != 0, meter),
    }
}

/// Makes every NaN of an array that was just stored canonical.
pub fn canonicalise(xs: SliceMut<'_>) {
    match xs {
        SliceMut::F64(xs) => xs.iter_mut().for_each(|x| *x = canonical(*x)),
        SliceMut::F32(xs) => xs.iter_mut().for_each(|x| *x = canonical_f32(*x)),
        SliceMut::I64(_) | SliceMut::I32(_) | SliceMut::U8(_) | SliceMut::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Free;
    impl Meter for Free {
        fn grant(&mut self, pieces: u64) -> Result<u64, TrapKind> {
            Ok(pieces)
        }
    }

    struct Only(u64);
    impl Meter for Only {
        fn grant(&mut self, pieces: u64) -> Result<u64, TrapKind> {
            let granted = pieces.min(self.0).min(2);
            self.0 -= granted;
            if granted == 0 { Err(TrapKind::OutOfFuel) } else { Ok(granted) }
        }
    }

    fn sum(xs: &[f64]) -> f64 {
        f64::from_bits(reduce(ArrayOp::Sum, Slice::F64(xs), None, &mut Free).unwrap())
    }

    #[test]
    fn floats_sum_in_the_fixed_order() {
        assert_eq!(sum(&[]), 0.0);
        assert_eq!(sum(&[-0.0]).to_bits(), (-0.0_f64).to_bits());
        let xs: Vec<f64> = (0..19).map(|i| 1.0 / (1.0 + f64::from(i))).collect();
        let t: Vec<f64> = (0..8).map(|k| xs[k..].iter().step_by(8).copied().reduce(|a, b| a + b).unwrap()).collect();
        let expected = ((t[0] + t[4]) + (t[2] + t[6])) + ((t[1] + t[5]) + (t[3] + t[7]));
        assert_eq!(sum(&xs).to_bits(), expected.to_bits());
        assert_eq!(sum(&xs[..3]), (xs[0] + xs[2]) + xs[1]);
    }

    #[test]
    fn integers_sum_exactly() {
        let run = |op, xs: &[i64]| reduce(op, Slice::I64(xs), None, &mut Free);
        assert_eq!(run(ArrayOp::Sum, &[i64::MAX, 1, -1]), Ok(i64::MAX as u64));
        assert_eq!(run(ArrayOp::Sum, &[i64::MAX, 1]), Err(TrapKind::IntegerOverflow));
        assert_eq!(run(ArrayOp::Product, &[i64::MAX, 2, 0]), Err(TrapKind::IntegerOverflow));
        assert_eq!(run(ArrayOp::Mean, &[i64::MAX, i64::MAX]), Ok((i64::MAX as f64).to_bits()));
        assert_eq!(run(ArrayOp::Mean, &[]), Ok(CANONICAL_NAN));
        assert_eq!(run(ArrayOp::Min, &[]), Err(TrapKind::BadArgument));
    }

    #[test]
    fn a_fill_without_fuel_stops_at_a_piece() {
        let mut xs = vec![0_i64; 300];
        assert_eq!(fill(SliceMut::I64(&mut xs), 7, &mut Only(3)), Err(TrapKind::OutOfFuel));
        assert_eq!(xs.iter().filter(|x| **x == 7).count(), 3 * PIECE);
        assert_eq!(fill(SliceMut::I64(&mut xs), 8, &mut Only(5)), Ok(()));
    }

    #[test]
    fn signed_zeros_and_nans_have_an_order() {
        let run = |op, xs: &[f64]| reduce(op, Slice::F64(xs), None, &mut Free).unwrap();
        assert_eq!(run(ArrayOp::Min, &[0.0, -0.0]), (-0.0_f64).to_bits());
        assert_eq!(run(ArrayOp::Max, &[-0.0, 0.0, -0.0]), 0);
        assert_eq!(run(ArrayOp::Max, &[1.0, -f64::NAN, 2.0]), CANONICAL_NAN);
    }
}
