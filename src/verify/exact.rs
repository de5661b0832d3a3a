//! Products, bits, and results that a branch on the flags shows not to have wrapped around.

use super::check::Checker;
use super::state::{Flags, Known, State, negated};
use super::step::{Cond, Reg};
use super::values::{Def, Id, Value, Values, ZERO};

impl Checker<'_> {
    /// `a * b`
    pub(super) fn product(&mut self, a: Id, b: Id) -> Id {
        let (lo, hi) = product_range(self.values, &self.state, a, b);
        match (i64::try_from(lo), i64::try_from(hi)) {
            (Ok(lo), Ok(hi)) => self.values.made(Def::Product(a, b), lo, hi),
            _ => self.values.add(Value::of(Def::Product(a, b))),
        }
    }

    /// The upper half of `a * b`.
    pub(super) fn high_product(&mut self, a: Id, b: Id) -> Id {
        let def = match (self.values.number(a), self.values.number(b)) {
            (Some(a), Some(b)) => return self.values.constant(((i128::from(a) * i128::from(b)) >> 64) as i64),
            (_, Some(multiplier)) => Def::Scaled { of: a, multiplier, plus: 0, shift: 0 },
            (Some(multiplier), _) => Def::Scaled { of: b, multiplier, plus: 0, shift: 0 },
            _ => Def::HighProduct(a, b),
        };
        self.values.add(Value::of(def))
    }

    /// A scaled value plus the value itself: scaled by one more. A factor below zero becomes one between zero and 2^64, with which the result still fits.
    pub(super) fn add_to_scaled(&mut self, a: Id, b: Id) -> Option<Id> {
        match self.values.def(a) {
            Def::Scaled { of, multiplier: multiplier @ ..0, plus: 0, shift: 0 } if self.values.is_same(of, b) => {
                Some(self.values.add(Value::of(Def::Scaled { of, multiplier, plus: 1, shift: 0 })))
            }
            _ => None,
        }
    }

    /// `a | b`
    pub(super) fn or(&mut self, a: Id, b: Id) -> Id {
        match self.bits_of_either(a, b) {
            Some(most) => self.values.made(Def::Opaque, 0, most),
            None => self.bits_of_both(a, b),
        }
    }

    /// `a ^ b`
    pub(super) fn xor(&mut self, a: Id, b: Id) -> Id {
        if let Some(most) = self.bits_of_either(a, b) {
            return self.values.made(Def::Opaque, 0, most);
        }
        let known = Known { values: self.values, state: &self.state };
        let (a_lo, b_lo) = (known.least(a), known.least(b));
        let (lo, hi) = self.range_of_bits(a, b);
        let def = match (a_lo, b_lo) {
            (_, 0..) => Def::SignOf(a),
            (0.., _) => Def::SignOf(b),
            _ => Def::Opaque,
        };
        self.values.made(def, lo, hi)
    }

    /// Whatever combines two values bit by bit.
    pub(super) fn bits_of_both(&mut self, a: Id, b: Id) -> Id {
        let (lo, hi) = self.range_of_bits(a, b);
        self.values.made(Def::Opaque, lo, hi)
    }

    /// The range of all that has as many equal bits at its upper end as two values both have.
    fn range_of_bits(&self, a: Id, b: Id) -> (i64, i64) {
        let known = Known { values: self.values, state: &self.state };
        let ends = [known.least(a), known.greatest(a), known.least(b), known.greatest(b)];
        let ones = ends.into_iter().fold(0_i64, |ones, end| ones | (end ^ (end >> 63)));
        let most = i64::MAX.checked_shr(ones.leading_zeros() - 1).unwrap_or(0);
        (-most - 1, most)
    }

    /// Ones as far up as in the greatest of two values that are not negative.
    fn bits_of_either(&self, a: Id, b: Id) -> Option<i64> {
        let known = Known { values: self.values, state: &self.state };
        let most = known.greatest(a).max(0) | known.greatest(b).max(0);
        let is_positive = known.least(a) >= 0 && known.least(b) >= 0;
        is_positive.then(|| i64::MAX.checked_shr(most.leading_zeros() - 1).unwrap_or(0))
    }

    /// The flags tell whether the result that a register has just got fits.
    pub(super) fn overflow(&mut self, of: u8) {
        let of = self.state.reg(Reg::Int(of));
        // Where nothing was added, the register holds what it was copied from, of which the flags do not tell.
        if of >= self.first_new {
            let compared = self.state.flags.compared();
            self.state.flags = Flags::Exact { of, unless: Cond::Overflow, compared };
        }
    }

    /// A comparison with the upper bits of a value: whether a product fits.
    pub(super) fn compare_part(&mut self, a: Id, b: Id, by: u8) {
        let fits = match (self.values.def(a), self.values.def(b)) {
            // The upper half is the sign of the lower one.
            (Def::HighProduct(x, y), Def::Product(p, q)) => {
                by == 63
                    && (self.values.is_same(x, p) && self.values.is_same(y, q)
                        || self.values.is_same(x, q) && self.values.is_same(y, p))
            }
            (Def::Scaled { of, multiplier, plus: 0, shift: 0 }, Def::Product(p, q)) => {
                let is = |of_product: Id, factor: Id| {
                    self.values.is_same(of, of_product) && self.values.number(factor) == Some(multiplier)
                };
                by == 63 && (is(p, q) || is(q, p))
            }
            // Shifted back it is what it was.
            (_, Def::Shifted(x, shift)) => shift == by && self.values.is_same(a, x),
            _ => false,
        };
        self.state.flags = if fits { Flags::Exact { of: b, unless: Cond::Ne, compared: None } } else { Flags::Unknown };
    }

    /// A comparison with zero where a condition holds; else "greater".
    pub(super) fn compare_zero_if(&mut self, a: Id, cond: Cond) {
        let of = match self.values.def(a) {
            Def::SignOf(of) => of,
            _ => a,
        };
        let known = Known { values: self.values, state: &self.state };
        let of = self.values.root(of);
        self.state.flags = match (self.state.flags, cond) {
            _ if known.least(a) >= 0 => Flags::Sign((ZERO, 0)),
            // What is negative is not zero.
            (Flags::Compared(what, (ZERO, 0)), Cond::Ne) if what == of => Flags::Sign(of),
            _ => Flags::Unknown,
        };
    }
}

/// The least and the greatest that a product can be.
pub(super) fn product_range(values: &Values, state: &State, a: Id, b: Id) -> (i128, i128) {
    let known = Known { values, state };
    let ends = |id: Id| [known.least(id), known.greatest(id)].map(i128::from);
    let ([a, b], [c, d]) = (ends(a), ends(b));
    let products = [a * c, a * d, b * c, b * d];
    products.into_iter().fold((i128::MAX, i128::MIN), |(lo, hi), product| (lo.min(product), hi.max(product)))
}

/// How a sum that fits compares with its parts.
pub(super) fn relate_total(values: &Values, state: &mut State, id: Id, a: Id, b: Id) {
    let known = Known { values, state };
    let (a_lo, a_hi, b_lo, b_hi) = (known.least(a), known.greatest(a), known.least(b), known.greatest(b));
    let (id, a, b) = (values.root(id), values.root(a), values.root(b));
    for (part, lo, hi) in [(a, b_lo, b_hi), (b, a_lo, a_hi)] {
        state.learn(values, id, part, hi.into());
        state.learn(values, part, id, -i128::from(lo));
    }
}

/// Behind a branch on whether a result wrapped around, where it did not: it is another value then, of which more is known.
pub(super) fn learn_exact(values: &mut Values, state: &mut State, cond: Cond, holds: bool) {
    let Flags::Exact { of, unless, compared } = state.flags else { return };
    if (if holds { cond } else { negated(cond) }) != negated(unless) {
        return;
    }
    let value = *values.get(of);
    let known = Known { values, state };
    let (least, greatest) = (|id: Id| i128::from(known.least(id)), |id: Id| i128::from(known.greatest(id)));
    let (lo, hi) = match value.def {
        _ if value.fits => return,
        Def::Sum(a, number) => (least(a) + i128::from(number), greatest(a) + i128::from(number)),
        Def::Total(a, b) => (least(a) + least(b), greatest(a) + greatest(b)),
        Def::Difference(a, b) => {
            let lo = least(a) - greatest(b);
            (if known.le(b, a, 0) { lo.max(0) } else { lo }, greatest(a) - least(b))
        }
        Def::Product(a, b) => product_range(values, state, a, b),
        Def::Shifted(a, by) => (least(a) << by.min(63), greatest(a) << by.min(63)),
        _ => return,
    };
    let clamp = |number: i128| number.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
    let new = values.made(value.def, clamp(lo), clamp(hi));
    if let Some(value) = values.get_mut(new) {
        value.fits = true;
    }
    match value.def {
        Def::Total(a, b) => relate_total(values, state, new, a, b),
        // a - b <= MAX, so a - MAX <= b.
        Def::Difference(a, b) => {
            let (a, off) = values.root(a);
            if let (ZERO, Some(least)) = (a, off.checked_sub(i64::MAX)) {
                state.learn(values, (ZERO, least), values.root(b), 0);
            }
        }
        _ => {}
    }
    state.ints.iter_mut().filter(|id| **id == of).for_each(|id| *id = new);
    state.flags = compared.map_or(Flags::Unknown, |(a, b)| Flags::Compared(a, b));
}
