//! Intervals of whole numbers, and what operations make of them.

use crate::ir::op::Op;

/// The least and the greatest that a value can be.
pub(super) type Range = (i64, i64);

pub(super) const FULL: Range = (i64::MIN, i64::MAX);

/// What an array's length can be: no processor has more than 2^57 bytes of addresses.
pub(super) const LENGTH: Range = (0, 1 << 57);

pub(super) fn hull(a: Range, b: Range) -> Range {
    (a.0.min(b.0), a.1.max(b.1))
}

/// What lies in both; the first where nothing does, since control never comes there.
pub(super) fn both(a: Range, b: Range) -> Range {
    let range = (a.0.max(b.0), a.1.min(b.1));
    if range.0 <= range.1 { range } else { a }
}

pub(super) fn saturate(n: i128) -> i64 {
    n.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// What a sum, difference or product is before it is made to fit, and the operation that does not check whether it does.
pub(super) fn exact_range(op: Op, a: Range, b: Range) -> Option<((i128, i128), Op)> {
    let [a0, a1, b0, b1] = [a.0, a.1, b.0, b.1].map(i128::from);
    Some(match op {
        Op::IAdd | Op::IWrappingAdd => ((a0 + b0, a1 + b1), Op::IWrappingAdd),
        Op::ISub | Op::IWrappingSub => ((a0 - b1, a1 - b0), Op::IWrappingSub),
        Op::IMul | Op::IWrappingMul => {
            let [p, q, r, s] = [a0 * b0, a0 * b1, a1 * b0, a1 * b1];
            ((p.min(q).min(r).min(s), p.max(q).max(r).max(s)), Op::IWrappingMul)
        }
        _ => return None,
    })
}

/// What a checked sum, difference or product is once it passed. A product with a constant is a multiple of it.
pub(super) fn passed(op: Op, exact: (i128, i128), a: Range, b: Range) -> Range {
    let range = (saturate(exact.0), saturate(exact.1));
    let factor = if a.0 == a.1 { a.0 } else { b.0 };
    if op == Op::IMul && (a.0 == a.1 || b.0 == b.1) && factor.unsigned_abs() > 1 {
        let factor = i128::from(factor).abs();
        let down = |n: i128| n - n.rem_euclid(factor);
        return (saturate(-down(-i128::from(range.0))), saturate(down(i128::from(range.1))));
    }
    range
}

/// What any other operation can give.
pub(super) fn range_of(op: Op, a: Range, b: Range) -> Range {
    let constant = (b.0 == b.1).then_some(b.0);
    match (op, constant) {
        (Op::IAnd, _) if a.0 >= 0 && b.0 >= 0 => (0, a.1.min(b.1)),
        (Op::IAnd, _) if a.0 >= 0 => (0, a.1),
        (Op::IAnd, _) if b.0 >= 0 => (0, b.1),
        (Op::IOr | Op::IXor, _) if a.0 >= 0 && b.0 >= 0 => {
            // No bit above the highest of either.
            let bits = 64 - (a.1 | b.1).leading_zeros();
            (0, if bits >= 63 { i64::MAX } else { (1 << bits) - 1 })
        }
        (Op::IShr, Some(n)) if n & 63 != 0 => {
            if a.0 >= 0 {
                (a.0 >> (n & 63), a.1 >> (n & 63))
            } else {
                (0, (u64::MAX >> (n & 63)) as i64)
            }
        }
        (Op::IShr, None) if a.0 >= 0 => (0, a.1),
        (Op::ISar, Some(n)) => (a.0 >> (n & 63), a.1 >> (n & 63)),
        (Op::ISar, None) => (a.0.min(0), a.1.max(0)),
        (Op::IShl, Some(n)) => {
            let n = n & 63;
            let fits = |x: i64| x << n >> n == x;
            if fits(a.0) && fits(a.1) { (a.0 << n, a.1 << n) } else { FULL }
        }
        (Op::IDiv, Some(n)) if n > 0 => (a.0 / n, a.1 / n),
        (Op::IFloorDiv, Some(n)) if n > 0 => (a.0.div_euclid(n), a.1.div_euclid(n)),
        // A divisor of 1 at the least: 0 traps.
        (Op::IDiv | Op::IFloorDiv, _) if a.0 >= 0 && b.0 >= 0 => (0, a.1),
        (Op::IFloorMod, _) if b.0 >= 0 => (0, (b.1 - 1).max(0)),
        (Op::IRem, _) if b.0 >= 0 => {
            let most = (b.1 - 1).max(0);
            (if a.0 >= 0 { 0 } else { a.0.max(-most) }, if a.1 <= 0 { 0 } else { a.1.min(most) })
        }
        (Op::IMin, _) => (a.0.min(b.0), a.1.min(b.1)),
        (Op::IMax, _) => (a.0.max(b.0), a.1.max(b.1)),
        (Op::INeg, _) => (a.1.saturating_neg(), a.0.saturating_neg()),
        (Op::INot, _) => (!a.1, !a.0),
        (Op::IAbs, _) => {
            let (least, most) = (a.0.saturating_abs(), a.1.saturating_abs());
            (if a.0 <= 0 && a.1 >= 0 { 0 } else { least.min(most) }, least.max(most))
        }
        (Op::IGcd, _) => (0, i64::MAX),
        (Op::IPopcount | Op::IClz | Op::ICtz, _) => (0, 64),
        (Op::ISign, _) => (a.0.signum(), a.1.signum()),
        (Op::BToI, _) => (0, 1),
        (Op::INarrowI32, _) => clamp(a, (i64::from(i32::MIN), i64::from(i32::MAX))),
        (Op::INarrowU8, _) => clamp(a, (0, 255)),
        _ => FULL,
    }
}

fn clamp(a: Range, to: Range) -> Range {
    (a.0.clamp(to.0, to.1), a.1.clamp(to.0, to.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::eval::eval;
    use crate::ir::op::Scalar;

    /// Numbers at which something changes.
    const EDGES: [i64; 12] = [i64::MIN, -64, -8, -7, -1, 0, 1, 2, 7, (1 << 40) + 5, i64::MAX - 1, i64::MAX];

    #[test]
    fn every_result_lies_in_the_range_that_is_told() {
        let binary = Op::ALL.iter().filter(|op| op.result() == Scalar::I64 && op.params() == [Scalar::I64; 2]);
        for &op in binary {
            for (i, &a0) in EDGES.iter().enumerate() {
                for &a1 in &EDGES[i..] {
                    for (j, &b0) in EDGES.iter().enumerate() {
                        for &b1 in &EDGES[j..] {
                            check(op, (a0, a1), (b0, b1));
                        }
                    }
                }
            }
        }
        for &op in Op::ALL.iter().filter(|op| op.result() == Scalar::I64 && op.params() == [Scalar::I64]) {
            for (i, &a0) in EDGES.iter().enumerate() {
                for &a1 in &EDGES[i..] {
                    check(op, (a0, a1), (0, 0));
                }
            }
        }
    }

    fn check(op: Op, a: Range, b: Range) {
        let within = |range: Range| EDGES.into_iter().filter(move |n| (range.0..=range.1).contains(n));
        let told = match exact_range(op, a, b) {
            Some((exact, wrapping)) if wrapping != op => passed(op, exact, a, b),
            Some((exact, _)) if exact.0 < i128::from(i64::MIN) || exact.1 > i128::from(i64::MAX) => FULL,
            Some((exact, _)) => (saturate(exact.0), saturate(exact.1)),
            None => range_of(op, a, b),
        };
        for x in within(a) {
            for y in within(b) {
                let words = [x as u64, y as u64];
                if let Ok(word) = eval(op, &words[..op.params().len()]) {
                    let got = word as i64;
                    assert!((told.0..=told.1).contains(&got), "{} of {x}, {y} is {got}, not in {told:?}", op.name());
                }
            }
        }
    }

    #[test]
    fn a_checked_multiple_leaves_room() {
        let exact = (0, 3 * i128::from(i64::MAX));
        assert_eq!(passed(Op::IMul, exact, (3, 3), (0, i64::MAX)), (0, i64::MAX - 1));
    }
}
