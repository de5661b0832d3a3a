//! Division of whole numbers by a constant, as a multiplication.
//!
//! Granlund and Montgomery, "Division by invariant integers using multiplication" (1994); Warren, "Hacker's Delight", 10-1.

/// Whether this divisor is taken as a constant: neither a trap (0), nor an overflow (-1), nor one without a reciprocal (1, the least number).
pub(super) fn has_reciprocal(divisor: i64) -> bool {
    divisor.unsigned_abs() >= 2 && divisor != i64::MIN
}

/// A multiplier and a shift: the quotient is the upper half of the product, plus or minus the dividend where the multiplier does not fit, shifted, plus its sign bit.
pub(super) fn reciprocal(divisor: i64) -> (i64, u32) {
    // Warren's `magic`, with 64 bits.
    const TWO63: u64 = 1 << 63;
    let ad = divisor.unsigned_abs();
    let t = TWO63 + ((divisor as u64) >> 63);
    let anc = t - 1 - t % ad;
    let mut p = 63;
    let (mut q1, mut r1) = (TWO63 / anc, TWO63 % anc);
    let (mut q2, mut r2) = (TWO63 / ad, TWO63 % ad);
    loop {
        p += 1;
        (q1, r1) = double(q1, r1, anc);
        (q2, r2) = double(q2, r2, ad);
        let delta = ad - r2;
        if q1 > delta || (q1 == delta && r1 != 0) {
            break;
        }
    }
    let multiplier = q2.wrapping_add(1) as i64;
    (if divisor < 0 { multiplier.wrapping_neg() } else { multiplier }, p - 64)
}

/// Quotient and remainder of twice the dividend.
fn double(q: u64, r: u64, by: u64) -> (u64, u64) {
    let (q, r) = (q.wrapping_mul(2), r.wrapping_mul(2));
    if r >= by { (q.wrapping_add(1), r - by) } else { (q, r) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the emitted instructions compute.
    fn divide(a: i64, divisor: i64) -> i64 {
        let (multiplier, shift) = reciprocal(divisor);
        let mut q = ((i128::from(a) * i128::from(multiplier)) >> 64) as i64;
        if divisor > 0 && multiplier < 0 {
            q = q.wrapping_add(a);
        } else if divisor < 0 && multiplier > 0 {
            q = q.wrapping_sub(a);
        }
        q >>= shift;
        q.wrapping_add(((q as u64) >> 63) as i64)
    }

    #[test]
    fn reciprocals_divide() {
        let mut numbers = vec![0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 25, 60, 100, 125, 641, 1000, 3600, 65537, 86400];
        for bit in 2..63 {
            numbers.extend([(1i64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        }
        numbers.extend([i64::MAX, i64::MAX - 1, i64::MAX / 3, 6700417, 1_000_000_007, 0x5555_5555_5555_5555]);
        let negated: Vec<i64> = numbers.iter().map(|n| -n).collect();
        numbers.extend(negated);
        for divisor in numbers.iter().copied().filter(|d| has_reciprocal(*d) && !d.unsigned_abs().is_power_of_two()) {
            for a in numbers.iter().copied().chain([i64::MIN, i64::MIN + 1]) {
                assert_eq!(divide(a, divisor), a / divisor, "{a} / {divisor}");
                for near in [a.wrapping_mul(divisor), a.wrapping_mul(divisor).wrapping_sub(1)] {
                    assert_eq!(divide(near, divisor), near / divisor, "{near} / {divisor}");
                }
            }
        }
    }
}
