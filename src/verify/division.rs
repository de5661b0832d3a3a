//! Quotients and remainders: by the instruction that divides, or by a product with a number close to the reciprocal of a divisor.

use super::Reason;
use super::check::Checker;
use super::exact::product_range;
use super::state::Known;
use super::values::{Def, Id, UNKNOWN, Value};

impl Checker<'_> {
    /// `a / b`, rounded towards zero.
    pub(super) fn quotient(&mut self, a: Id, b: Id) -> Id {
        let known = Known { values: self.values, state: &self.state };
        let (lo, hi, least, most) = (known.least(a), known.greatest(a), known.least(b), known.greatest(b));
        let def = Def::Quotient(a, b);
        if least < 1 || least > most {
            return self.values.add(Value::of(def));
        }
        let id = self.values.made(def, (lo / least).min(lo / most), (hi / least).max(hi / most));
        if lo >= 0 {
            self.state.learn(self.values, self.values.root(id), self.values.root(a), 0);
        }
        id
    }

    /// What remains of `a` divided by `b`, which must be known to be positive.
    fn remainder(&mut self, a: Id, b: Id) -> Option<Id> {
        let known = Known { values: self.values, state: &self.state };
        let (lo, hi, least, most) = (known.least(a), known.greatest(a), known.least(b), known.greatest(b));
        if least < 1 {
            return None;
        }
        let most = most.saturating_sub(1).max(0);
        let id = self.values.made(Def::Remainder(a, b), lo.clamp(-most, 0), hi.clamp(0, most));
        self.state.learn(self.values, self.values.root(id), self.values.root(b), -1);
        if lo >= 0 {
            self.state.learn(self.values, self.values.root(id), self.values.root(a), 0);
        }
        Some(id)
    }

    /// Quotient and remainder of the number of 128 bits that two values are the halves of. The processor faults for a quotient that it cannot give.
    pub(super) fn divide_double(&mut self, low: Id, high: Id, b: Id) -> Result<(Id, Id), Reason> {
        let known = Known { values: self.values, state: &self.state };
        let is_sign = match self.values.def(high) {
            Def::Part { of, by: 63, signed: true } => self.values.is_same(of, low),
            Def::Const(0) => known.least(low) >= 0,
            Def::Const(-1) => known.greatest(low) < 0,
            _ => false,
        };
        let fits = known.is_not(b, -1) || known.is_not(low, i64::MIN);
        if !is_sign || !fits || !known.is_not(b, 0) {
            self.fail(Reason::Divisor)?;
            return Ok((UNKNOWN, UNKNOWN));
        }
        let quotient = self.quotient(low, b);
        Ok((quotient, self.remainder(low, b).unwrap_or(UNKNOWN)))
    }

    /// `from - a * b`, where `a` is how often `b` goes into it, or `b` how often `a` does.
    pub(super) fn remainder_of(&mut self, a: Id, b: Id, from: Id) -> Option<Id> {
        [(a, b), (b, a)].into_iter().find_map(|(a, b)| match self.values.def(a) {
            Def::Quotient(of, by) if self.values.is_same(of, from) && self.values.is_same(by, b) => {
                self.remainder(from, b)
            }
            _ => None,
        })
    }

    /// `from - a * b`
    pub(super) fn product_less(&mut self, a: Id, b: Id, from: Id) -> Id {
        if let Some(id) = self.remainder_of(a, b, from) {
            return id;
        }
        let known = Known { values: self.values, state: &self.state };
        let (lo, hi) = product_range(self.values, &self.state, a, b);
        let (lo, hi) = (i128::from(known.least(from)) - hi, i128::from(known.greatest(from)) - lo);
        match (i64::try_from(lo), i64::try_from(hi)) {
            (Ok(lo), Ok(hi)) => self.values.made(Def::Opaque, lo, hi),
            _ => UNKNOWN,
        }
    }

    /// A remainder that is not positive, plus the divisor: above zero, and as much below the divisor.
    pub(super) fn raised_remainder(&mut self, remainder: Id, by: Id) -> Option<Id> {
        let known = Known { values: self.values, state: &self.state };
        let (least, most) = (known.greatest(remainder), known.greatest(by));
        if least > 0 {
            return None;
        }
        let id = self.values.made(Def::Opaque, 1, most.checked_add(least)?.max(1));
        self.state.learn(self.values, self.values.root(id), self.values.root(by), least.into());
        Some(id)
    }

    /// A value, plus another one where it is negative.
    pub(super) fn raised_where_negative(&mut self, a: Id, raise: Id, more: Id) -> Option<Id> {
        if let Some(id) = self.floor_remainder(a, raise) {
            return Some(id);
        }
        let known = Known { values: self.values, state: &self.state };
        let (lo, hi) = (known.least(a), known.greatest(a));
        let (low, high) = (lo.checked_add(known.least(more))?, hi.min(-1).checked_add(known.greatest(more))?);
        // Where it is not negative, it stays.
        let (low, high) = if hi >= 0 { (low.min(lo.max(0)), high.max(hi)) } else { (low, high) };
        Some(self.values.made(Def::Opaque, low, high))
    }

    /// A remainder, plus the divisor where it is negative: never negative, and below the divisor.
    fn floor_remainder(&mut self, remainder: Id, more: Id) -> Option<Id> {
        let (Def::Remainder(of, by), Def::WhereNegative(negative, added)) =
            (self.values.def(remainder), self.values.def(more))
        else {
            return None;
        };
        if negative != remainder || !self.values.is_same(by, added) {
            return None;
        }
        let known = Known { values: self.values, state: &self.state };
        let (lo, most) = (known.least(of), known.greatest(by).saturating_sub(1).max(0));
        let id = self.values.made(Def::Opaque, 0, most);
        self.state.learn(self.values, self.values.root(id), self.values.root(by), -1);
        if lo >= 0 {
            self.state.learn(self.values, self.values.root(id), self.values.root(of), 0);
        }
        Some(id)
    }

    /// The divisor where a remainder, or what has its sign, is negative, else zero: `a & (b >> 63)`.
    pub(super) fn where_negative(&mut self, a: Id, b: Id) -> Option<Id> {
        let Def::Part { of, by: 63, signed: true } = self.values.def(b) else { return None };
        let known = Known { values: self.values, state: &self.state };
        let (lo, hi) = (known.least(a), known.greatest(a));
        let id = self.values.made(Def::WhereNegative(of, a), lo.min(0), hi.max(0));
        if lo >= 0 {
            self.state.learn(self.values, self.values.root(id), self.values.root(a), 0);
        }
        Some(id)
    }

    /// A value plus the sign of another one: one where that is negative, or minus one if `signed`.
    pub(super) fn add_sign(&mut self, a: Id, of: Id, signed: bool) -> Option<Id> {
        match (self.values.def(a), signed) {
            (Def::Scaled { .. }, false) if a == of => {
                let (of, divisor) = self.by_reciprocal(a)?;
                let divisor = self.values.constant(divisor);
                Some(self.quotient(of, divisor))
            }
            (Def::Quotient(x, y), true) => {
                let remainder = match self.values.def(of) {
                    Def::SignOf(remainder) => remainder,
                    _ => of,
                };
                match self.values.def(remainder) {
                    Def::Remainder(of, by) if self.values.is_same(x, of) && self.values.is_same(y, by) => {
                        Some(self.floor_quotient(x, y))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `a / b`, rounded down, where `b` is positive.
    fn floor_quotient(&mut self, a: Id, b: Id) -> Id {
        let known = Known { values: self.values, state: &self.state };
        let (lo, hi, least, most) = (known.least(a), known.greatest(a), known.least(b), known.greatest(b));
        if least < 1 || least > most {
            return self.values.add(Value::of(Def::Opaque));
        }
        let down = |n: i64, by: i64| n.div_euclid(by);
        let id =
            self.values.made(Def::Opaque, down(lo, least).min(down(lo, most)), down(hi, least).max(down(hi, most)));
        if lo >= 0 {
            self.state.learn(self.values, self.values.root(id), self.values.root(a), 0);
        }
        id
    }

    /// What a value, plus one where it is negative, is the quotient of, rounded towards zero, whatever is divided.
    fn by_reciprocal(&self, id: Id) -> Option<(Id, i64)> {
        let Def::Scaled { of, multiplier, plus, shift } = self.values.def(id) else { return None };
        let divisor = divisor_of(multiplier, plus, shift)?;
        Some((of, divisor))
    }
}

/// The divisor `d` such that `a / d`, rounded towards zero, is `a * m / 2^(64 + shift)`, rounded down, plus one where `a` is negative, for every `a` of 64 bits.
///
/// With `m * d = 2^n + e`, the product exceeds `a / d` by `a * e / (d * 2^n)`. As long as that is more than nothing and at most `1 / d`, which it is for
/// `0 < e <= 2^(n - 63)`, no whole number lies between the two, and for negative `a` the next one upwards is the quotient.
fn divisor_of(multiplier: i64, plus: u8, shift: u8) -> Option<i64> {
    let multiplier = u128::try_from(i128::from(multiplier) + (i128::from(plus) << 64)).ok().filter(|m| *m > 1)?;
    let n = 64 + u32::from(shift);
    let whole = 1_u128.checked_shl(n)?;
    let divisor = whole / multiplier + 1;
    let excess = multiplier.checked_mul(divisor)?.checked_sub(whole)?;
    let most = 1_u128 << (u32::from(shift) + 1);
    if excess == 0 || excess > most {
        return None;
    }
    i64::try_from(divisor).ok().filter(|divisor| *divisor >= 2)
}

#[cfg(test)]
mod tests {
    use super::divisor_of;

    /// A factor for a divisor: its low bits, 1 where they say one that is below zero, and the shift.
    fn reciprocal(divisor: i64) -> (i64, u8, u8) {
        let divisor = divisor as u128;
        let factors = (0..63_u8).map(|shift| (((1_u128 << (64 + shift)) / divisor) + 1, shift));
        let mut enough = factors.filter(|(m, shift)| m * divisor - (1_u128 << (64 + shift)) <= 2 << shift);
        let (factor, shift) = enough.next().expect("a factor");
        let low = u64::try_from(factor).expect("64 bits") as i64;
        (low, u8::from(low < 0), shift)
    }

    fn scaled(a: i64, multiplier: i64, plus: u8, shift: u8) -> i64 {
        // In two halves, since the product has up to 129 bits.
        let high = (i128::from(a) * i128::from(multiplier)) >> 64;
        let high = high + i128::from(a) * i128::from(plus);
        let down = high >> shift;
        (down + i128::from(down < 0)) as i64
    }

    #[test]
    fn reciprocals_are_known_by_their_divisor_and_no_others_are() {
        let divisors = (3_i64..2000).chain((20..63).flat_map(|bit| [(1 << bit) - 1, (1 << bit) + 1, 3 << (bit - 2)]));
        let mut wrong = 0;
        for divisor in divisors.filter(|divisor| divisor.count_ones() > 1) {
            let (multiplier, plus, shift) = reciprocal(divisor);
            assert_eq!(divisor_of(multiplier, plus, shift), Some(divisor));
            // Of any factor that is taken for one, all quotients are right.
            for off in -3..=3_i64 {
                let multiplier = multiplier.wrapping_add(off);
                let found = divisor_of(multiplier, plus, shift);
                wrong += usize::from(found.is_none());
                let Some(by) = found else { continue };
                let near = |n: i64| [n.wrapping_sub(1), n, n.wrapping_add(1)];
                let multiples = [1, 2, 7, i64::MAX / by, i64::MAX / by - 1].map(|n| n.wrapping_mul(by));
                for a in multiples.into_iter().chain([0, i64::MAX, i64::MIN]).flat_map(near) {
                    for a in [a, a.wrapping_neg()] {
                        assert_eq!(scaled(a, multiplier, plus, shift), a / by, "{a} / {by}");
                    }
                }
            }
        }
        assert!(wrong > 1000, "{wrong}");
    }
}
