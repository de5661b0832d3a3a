//! Steps on whole numbers: what is known of a sum, a difference, a shift or a choice.

use super::Reason;
use super::check::Checker;
use super::exact::relate_total;
use super::state::{Flags, Fuel, Known};
use super::step::{Cond, Reg, Src};
use super::values::{Def, Id, UNKNOWN, Value, ZERO};

impl Checker<'_> {
    /// A value plus a number.
    pub(super) fn plus(&mut self, a: Id, number: i64) -> Id {
        if number == 0 {
            return a;
        }
        if let Some(base) = self.values.number(a) {
            return self.values.constant(base.wrapping_add(number));
        }
        let sum = Known { values: self.values, state: &self.state }.sum(a, number);
        match sum.def {
            Def::Sum(of, 0) => of,
            _ => self.values.add(sum),
        }
    }

    pub(super) fn add(&mut self, a: Id, b: Id, shift: u8) -> Id {
        if let Some(number) = self.values.number(b) {
            return self.plus(a, number.checked_shl(shift.into()).unwrap_or(0));
        }
        if self.values.is_address(a) {
            return self.values.add(Value::of(Def::Element { base: a, index: b, shift }));
        }
        if shift != 0 {
            let b = self.shift_left(b, shift);
            return self.add(a, b, 0);
        }
        if let Some(number) = self.values.number(a) {
            return self.plus(b, number);
        }
        if self.values.is_address(b) {
            return self.values.add(Value::of(Def::Element { base: b, index: a, shift: 0 }));
        }
        for (a, b) in [(a, b), (b, a)] {
            if let Some(id) = self.add_as(a, b) {
                return id;
            }
        }
        let known = Known { values: self.values, state: &self.state };
        let (a_lo, a_hi, b_lo, b_hi) = (known.least(a), known.greatest(a), known.least(b), known.greatest(b));
        let (Some(lo), Some(hi)) = (a_lo.checked_add(b_lo), a_hi.checked_add(b_hi)) else {
            return self.values.add(Value::of(Def::Total(a, b)));
        };
        let id = self.values.add(Value::between(lo, hi));
        relate_total(self.values, &mut self.state, id, a, b);
        id
    }

    /// The sum, where it is known as something else.
    fn add_as(&mut self, a: Id, b: Id) -> Option<Id> {
        match (self.values.def(a), self.values.def(b)) {
            (_, Def::WhereNegative(of, more)) if of == a => self.raised_where_negative(a, b, more),
            (Def::Remainder(_, by), _) if self.values.is_same(by, b) => self.raised_remainder(a, b),
            (Def::Scaled { of, .. }, _) if self.values.is_same(of, b) => self.add_to_scaled(a, b),
            (Def::Scaled { .. } | Def::Quotient(..), Def::Part { of, by: 63, signed }) => self.add_sign(a, of, signed),
            // Minus a product.
            (Def::Difference(ZERO, product), _) => match self.values.def(product) {
                Def::Product(x, y) => self.remainder_of(x, y, b),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn sub(&mut self, to: u8, a: Src, b: Src) -> Result<(), Reason> {
        if to == self.machine.fuel && !self.func.code.is_pure {
            // Some of it is taken: a branch must look at the flags of this whether it was there.
            let compared = Flags::Compared(self.src_root(a), self.src_root(b));
            let takes = matches!(b, Src::Const(1..)) && self.state.flags == compared;
            if self.func.code.is_bare
                || a != Src::Reg(to)
                || !takes
                || !matches!(self.state.fuel, Fuel::Right | Fuel::Stored)
            {
                return Err(Reason::Fuel);
            }
            self.state.fuel = Fuel::Taken;
            self.state.set_reg(Reg::Int(to), UNKNOWN);
            return Ok(());
        }
        let (a, b) = (self.src(a), self.src(b));
        if let Some(number) = self.values.number(b).and_then(i64::checked_neg) {
            let id = self.plus(a, number);
            return self.write_int(to, id);
        }
        let known = Known { values: self.values, state: &self.state };
        let lo = known.least(a).checked_sub(known.greatest(b));
        let hi = known.greatest(a).checked_sub(known.least(b));
        let (lo, hi, fits) = match (lo, hi) {
            (Some(lo), Some(hi)) => (lo, hi, true),
            _ => (i64::MIN, i64::MAX, false),
        };
        let lo = if fits && known.le(b, a, 0) { lo.max(0) } else { lo };
        let id = self.values.add(Value { def: Def::Difference(a, b), fits, ..Value::between(lo, hi) });
        self.write_int(to, id)
    }

    pub(super) fn zero_extend(&mut self, to: u8, from: u8, bits: u8) -> Result<(), Reason> {
        let id = self.int(from);
        let most = if bits >= 63 { i64::MAX } else { (1_i64 << bits) - 1 };
        let known = Known { values: self.values, state: &self.state };
        if bits >= 64 || known.least(id) >= 0 && known.greatest(id) <= most {
            return self.write_int(to, id);
        }
        if bits == 63 {
            return self.write_int(to, UNKNOWN);
        }
        self.write_between(to, 0, most, None)
    }

    /// `a << by`
    pub(super) fn shift_left(&mut self, a: Id, by: u8) -> Id {
        let known = Known { values: self.values, state: &self.state };
        let scale = |number: i64| i64::try_from(i128::from(number) << by.min(63)).ok();
        match (scale(known.least(a)), scale(known.greatest(a))) {
            (Some(lo), Some(hi)) => self.values.made(Def::Opaque, lo, hi),
            _ => self.values.add(Value::of(Def::Shifted(a, by))),
        }
    }

    /// `a >> by`
    pub(super) fn part(&mut self, a: Id, by: u8, signed: bool) -> Id {
        let known = Known { values: self.values, state: &self.state };
        let (lo, hi) = (known.least(a), known.greatest(a));
        let def = match (by, self.values.def(a)) {
            (0, _) => return a,
            (64.., _) => return self.values.add(Value::of(Def::Opaque)),
            (_, Def::Scaled { of, multiplier, plus, shift }) if signed && shift + by < 63 => {
                let def = Def::Scaled { of, multiplier, plus, shift: shift + by };
                return self.values.add(Value { lo: lo >> by, hi: hi >> by, ..Value::of(def) });
            }
            _ => Def::Part { of: a, by, signed },
        };
        let id = match signed || lo >= 0 {
            true => self.values.made(def, lo >> by, hi >> by),
            false => self.values.made(def, 0, (u64::MAX >> by) as i64),
        };
        if lo >= 0 {
            self.state.learn(self.values, self.values.root(id), self.values.root(a), 0);
        }
        id
    }

    /// One of two values: what holds of both, each under the condition that it is taken.
    pub(super) fn select(&mut self, to: u8, yes: Src, no: Src, cond: Cond) -> Result<(), Reason> {
        let (yes, no) = (self.src(yes), self.src(no));
        if yes == no {
            return self.write_int(to, yes);
        }
        let flags = self.state.flags;
        let mut candidates = [self.values.root(yes), self.values.root(no), (ZERO, 0), (ZERO, 0)];
        if let Some((a, b)) = flags.compared() {
            candidates[2] = a;
            candidates[3] = b;
        }
        // The same state with each outcome of the condition.
        let mut other = self.spare_state();
        other.clone_from(&self.state);
        other.assume(self.values, cond, false);
        let mut taken = self.spare_state();
        taken.clone_from(&self.state);
        taken.assume(self.values, cond, true);
        if taken.is_impossible || other.is_impossible {
            let id = if taken.is_impossible { no } else { yes };
            self.spare.extend([other, taken]);
            return self.write_int(to, id);
        }
        let (if_yes, if_no) =
            (Known { values: self.values, state: &taken }, Known { values: self.values, state: &other });
        let lo = if_yes.least(yes).min(if_no.least(no));
        let hi = if_yes.greatest(yes).max(if_no.greatest(no));
        let (yes_root, no_root) = (self.values.root(yes), self.values.root(no));
        let below = candidates.map(|c| if_yes.at_most(yes_root, c, 0) && if_no.at_most(no_root, c, 0));
        let above = candidates.map(|c| if_yes.at_most(c, yes_root, 0) && if_no.at_most(c, no_root, 0));
        let counts = self.values.get(yes).counts && self.values.get(no).counts;
        self.spare.extend([other, taken]);
        let def = match (flags, cond) {
            _ if no != ZERO => Def::Opaque,
            (Flags::Compared((of, 0), (ZERO, 0)), Cond::Lt) | (Flags::Sign((of, 0)), Cond::Negative) => {
                Def::WhereNegative(of, yes)
            }
            _ => Def::Opaque,
        };
        let id = self.values.add(Value { def, lo, hi, counts, ..Value::of(Def::Opaque) });
        for (at, candidate) in candidates.into_iter().enumerate() {
            if below[at] {
                self.state.learn(self.values, (id, 0), candidate, 0);
            }
            if above[at] {
                self.state.learn(self.values, candidate, (id, 0), 0);
            }
        }
        self.write_int(to, id)
    }
}
