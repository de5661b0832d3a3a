//! What is known where control is: which value each location holds, how values compare, where the stack pointer is.

use super::slots::Slots;
use super::step::{Cond, Reg};
use super::values::{COUNTED, Def, Id, UNKNOWN, Value, Values, ZERO};

/// How many comparisons are kept at most.
const LIMITS: usize = 48;

/// Where that many are needed still, so many of the oldest are forgotten at once.
const FORGOTTEN: usize = 8;

/// How many steps a proof that one value is no greater than another one may have in one direction.
const DEPTH: u32 = 3;

/// How many comparisons such a proof may look at.
const VISITS: u32 = 96;

/// One value is no greater than another one plus a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// This one.
    pub less: Id,
    /// The other one.
    pub than: Id,
    /// The number.
    pub by: i64,
}

/// A value as another one plus a number; see [`Values::root`].
pub type Root = (Id, i64);

/// What the flags tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flags {
    /// Nothing.
    #[default]
    Unknown,
    /// How one value stands to another one.
    Compared(Root, Root),
    /// Whether a value has any of these bits.
    Tested(Id, i64),
    /// Whether a result is what the operation on numbers with a sign gives: not where the condition holds. And perhaps how one value stands to another one.
    Exact {
        /// The result.
        of: Id,
        /// Holds where it is not.
        unless: Cond,
        /// As [`Flags::Compared`], for all other conditions.
        compared: Option<(Root, Root)>,
    },
    /// Whether a value is negative, and nothing else.
    Sign(Root),
}

impl Flags {
    /// What is compared.
    pub fn compared(self) -> Option<(Root, Root)> {
        match self {
            Flags::Compared(a, b) => Some((a, b)),
            Flags::Exact { compared, .. } => compared,
            _ => None,
        }
    }
}

/// The register of fuel between its ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fuel {
    /// It holds what is left.
    #[default]
    Right,
    /// Some was taken, and not yet looked whether that was there: the next instruction does.
    Taken,
    /// Some was taken that was not there: only the poll gives more.
    Spent,
    /// It is in the context as well.
    Stored,
    /// It is in the context, where a helper took some.
    Elsewhere,
}

/// What a helper was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the call gave: zero where it did what was asked.
    pub status: Id,
    /// A new array of elements of this size and number.
    pub array: Option<(u8, Id)>,
}

/// What is known at one place.
#[derive(Debug, Default)]
pub struct State {
    /// How far the stack pointer is above where it was at the function's entry: never positive.
    pub sp: i64,
    /// The lowest place of the stack, likewise, that was touched.
    pub touched: i64,
    /// What general registers hold.
    pub ints: [Id; 32],
    /// What vector registers hold.
    pub vectors: [Id; 32],
    /// What mask registers hold.
    pub masks: [Id; 8],
    /// What words of the frame hold.
    pub slots: Slots,
    /// How values compare.
    pub limits: Vec<Limit>,
    /// Numbers that values are not: the last few that comparisons told. Of [`UNKNOWN`], nothing.
    pub nots: [(Id, i64); 4],
    /// What the flags tell.
    pub flags: Flags,
    /// The last helper's outcome.
    pub outcome: Option<Outcome>,
    /// The register of fuel.
    pub fuel: Fuel,
    /// No run comes here: what a check found cannot be.
    pub is_impossible: bool,
    /// Lanes of which a branch on a mask told: that they are set in this one.
    pub lanes: [Option<(u8, Id)>; 2],
}

impl Clone for State {
    fn clone(&self) -> State {
        State { slots: self.slots.clone(), limits: self.limits.clone(), ..*self }
    }

    fn clone_from(&mut self, from: &State) {
        // In place: most of what a check does is to copy these.
        self.sp = from.sp;
        self.touched = from.touched;
        self.ints = from.ints;
        self.vectors = from.vectors;
        self.masks = from.masks;
        self.slots.clone_from(&from.slots);
        self.limits.clone_from(&from.limits);
        self.nots = from.nots;
        self.flags = from.flags;
        self.outcome = from.outcome;
        self.fuel = from.fuel;
        self.is_impossible = from.is_impossible;
        self.lanes = from.lanes;
    }
}

impl State {
    /// As it is at a function's entry; `top` is the place of the highest word of the frame that will be followed.
    pub fn clear(&mut self, top: i64) {
        self.sp = 0;
        self.touched = 0;
        self.ints = [UNKNOWN; 32];
        self.vectors = [UNKNOWN; 32];
        self.masks = [UNKNOWN; 8];
        self.slots.clear(top);
        self.limits.clear();
        self.nots = [(UNKNOWN, 0); 4];
        self.flags = Flags::Unknown;
        self.outcome = None;
        self.fuel = Fuel::Right;
        self.is_impossible = false;
        self.lanes = [None; 2];
    }

    /// What a register holds.
    pub fn reg(&self, reg: Reg) -> Id {
        let id = match reg {
            Reg::Int(n) => self.ints.get(usize::from(n)),
            Reg::Vector(n) => self.vectors.get(usize::from(n)),
            Reg::Mask(n) => self.masks.get(usize::from(n)),
        };
        id.copied().unwrap_or(UNKNOWN)
    }

    /// A register holds this now.
    pub fn set_reg(&mut self, reg: Reg, id: Id) {
        let place = match reg {
            Reg::Int(n) => self.ints.get_mut(usize::from(n)),
            Reg::Vector(n) => self.vectors.get_mut(usize::from(n)),
            Reg::Mask(n) => self.masks.get_mut(usize::from(n)),
        };
        if let Some(place) = place {
            *place = id;
        }
    }

    /// Every location that holds a value that is followed.
    pub fn held(&self) -> impl Iterator<Item = Id> + '_ {
        let regs = self.ints.iter().chain(&self.vectors).chain(&self.masks).copied();
        regs.filter(|id| *id != UNKNOWN).chain(self.slots.iter().map(|slot| slot.1))
    }
}

/// A number that may be beyond 64 bits, for sums of differences.
fn clamp(number: i128) -> i64 {
    number.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// `by - number`, or less: none where that is below all numbers.
fn without(by: i64, number: i64) -> Option<i64> {
    match by.checked_sub(number) {
        None if number < 0 => Some(i64::MAX),
        less => less,
    }
}

/// `by + number`, likewise.
fn with(by: i64, number: i64) -> Option<i64> {
    match by.checked_add(number) {
        None if number > 0 => Some(i64::MAX),
        more => more,
    }
}

/// A state with the values that it names.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The values.
    pub values: &'a Values,
    /// The state.
    pub state: &'a State,
}

impl Known<'_> {
    /// Whether `a <= b + by` in signed numbers without wrapping around.
    pub fn at_most(&self, a: Root, b: Root, by: i64) -> bool {
        let by = i128::from(b.1) + i128::from(by) - i128::from(a.1);
        let mut visits = VISITS;
        // What is asked may always be more than what must be shown.
        let Ok(by) = i64::try_from(by.min(i64::MAX.into())) else { return false };
        self.reaches(a.0, b.0, by, DEPTH, &mut visits)
    }

    /// [`Known::at_most`] for values by their numbers.
    pub fn le(&self, a: Id, b: Id, by: i64) -> bool {
        self.at_most(self.values.root(a), self.values.root(b), by)
    }

    /// Whether a value is no less than a number.
    pub fn at_least(&self, a: Id, number: i64) -> bool {
        self.at_most((ZERO, number), self.values.root(a), 0)
    }

    fn reaches(&self, a: Id, b: Id, by: i64, depth: u32, visits: &mut u32) -> bool {
        if a == b {
            return by >= 0;
        }
        let (less, than) = (self.values.get(a), self.values.get(b));
        // Where that sum is beyond 64 bits, it is more than anything, or less.
        if than.lo.checked_add(by).map_or(by > 0, |most| less.hi <= most) {
            return true;
        }
        let limits = &self.state.limits;
        if limits.iter().any(|limit| limit.less == a && limit.than == b && limit.by <= by) {
            return true;
        }
        self.values.spend(limits.len() / 8 + 1);
        if depth == 0 || *visits == 0 {
            return false;
        }
        *visits -= 1;
        // A difference is no greater than what it was taken from, and so on.
        if let Def::Difference(x, y) = less.def
            && less.fits
        {
            let (x, off) = self.values.root(x);
            let least = self.values.get(y).lo;
            if let Some(by) = without(by, off).and_then(|by| with(by, least))
                && self.reaches(x, b, by, depth - 1, visits)
            {
                return true;
            }
        }
        if let Def::Difference(x, y) = than.def
            && than.fits
            && a == ZERO
        {
            let ((x, x_off), (y, y_off)) = (self.values.root(x), self.values.root(y));
            if let Some(by) = without(by, y_off).and_then(|by| with(by, x_off))
                && self.reaches(y, x, by, depth - 1, visits)
            {
                return true;
            }
        }
        // Zero has many comparisons with it: from there, it is better to go back from the other end.
        if a == ZERO {
            limits.iter().filter(|limit| limit.than == b && limit.less != ZERO).any(|limit| {
                let by = without(by, limit.by).filter(|_| *visits > 0);
                by.is_some_and(|by| self.reaches(ZERO, limit.less, by, depth - 1, visits))
            })
        } else {
            let from_number =
                less.hi < i64::MAX && without(by, less.hi).is_some_and(|by| self.reaches(ZERO, b, by, 0, visits));
            from_number
                || limits.iter().filter(|limit| limit.less == a).any(|limit| {
                    let by = without(by, limit.by).filter(|_| *visits > 0);
                    by.is_some_and(|by| self.reaches(limit.than, b, by, depth - 1, visits))
                })
        }
    }

    /// Whether a value cannot be a number.
    pub fn is_not(&self, id: Id, number: i64) -> bool {
        let (root, off) = self.values.root(id);
        let told = |number: i64| root != UNKNOWN && self.state.nots.contains(&(root, number));
        number.checked_sub(off).is_some_and(told) || self.least(id) > number || self.greatest(id) < number
    }

    /// The least that a value can be.
    pub fn least(&self, id: Id) -> i64 {
        let (root, off) = self.values.root(id);
        let mut least = self.values.get(root).lo;
        for limit in self.state.limits.iter().filter(|limit| limit.than == root) {
            let below = self.values.get(limit.less).lo;
            least = least.max(clamp(i128::from(below) - i128::from(limit.by)));
        }
        if least < 0
            && let Def::Difference(..) = self.values.def(root)
            && self.at_most((ZERO, 0), (root, 0), 0)
        {
            least = 0;
        }
        clamp(i128::from(least) + i128::from(off)).max(self.values.get(id).lo)
    }

    /// The greatest that a value can be.
    pub fn greatest(&self, id: Id) -> i64 {
        let (root, off) = self.values.root(id);
        let mut greatest = self.values.get(root).hi;
        for limit in self.state.limits.iter().filter(|limit| limit.less == root) {
            let mut above = self.values.get(limit.than).hi;
            if limit.than != ZERO {
                for further in self.state.limits.iter().filter(|further| further.less == limit.than) {
                    let hi = self.values.get(further.than).hi;
                    above = above.min(clamp(i128::from(hi) + i128::from(further.by)));
                }
            }
            greatest = greatest.min(clamp(i128::from(above) + i128::from(limit.by)));
        }
        clamp(i128::from(greatest) + i128::from(off)).min(self.values.get(id).hi)
    }

    /// A value plus a number.
    pub fn sum(&self, id: Id, number: i64) -> Value {
        let value = self.values.get(id);
        let (lo, hi) =
            (i128::from(self.least(id)) + i128::from(number), i128::from(self.greatest(id)) + i128::from(number));
        let range = i128::from(i64::MIN)..=i128::from(i64::MAX);
        let counts = value.counts && number.unsigned_abs() <= super::values::COUNT_STEP;
        let (lo, hi) = if counts { (lo.max(i128::from(-COUNTED)), hi.min(i128::from(COUNTED))) } else { (lo, hi) };
        let fits = counts || range.contains(&lo) && range.contains(&hi);
        let (lo, hi) = if fits { (clamp(lo), clamp(hi)) } else { (i64::MIN, i64::MAX) };
        let def = match self.values.def(id) {
            // Exact modulo 2^64 in any case; but what is known of the inner sum is kept where that did not fit, or where the numbers' sum does not.
            Def::Sum(inner, before) if value.fits || self.values.is_address(inner) => {
                match before.checked_add(number) {
                    Some(number) => Def::Sum(inner, number),
                    None => Def::Sum(id, number),
                }
            }
            _ => Def::Sum(id, number),
        };
        Value { def, lo, hi, counts, fits, extent: None }
    }
}

impl State {
    /// `a <= b + by` from here on.
    pub fn learn(&mut self, values: &Values, a: Root, b: Root, by: i128) {
        let by = i128::from(b.1) + by - i128::from(a.1);
        let (less, than) = (values.get(a.0), values.get(b.0));
        if a.0 == b.0 && by < 0 || i128::from(less.lo) > i128::from(than.hi) + by {
            self.is_impossible = true;
        }
        if a.0 == b.0 || by > i64::MAX.into() {
            return;
        }
        if i128::from(less.hi) <= i128::from(than.lo) + by {
            return;
        }
        if let (ZERO, Def::Difference(x, y), true) = (a.0, than.def, than.fits) {
            // 0 <= x - y + by
            self.learn(values, values.root(y), values.root(x), by);
        }
        match (than.def, less.def) {
            // Not negative, or negative: so is what it has the sign of.
            (Def::SignOf(of), _) if a.0 == ZERO && by <= 0 => self.learn(values, (ZERO, 0), values.root(of), 0),
            (_, Def::SignOf(of)) if b.0 == ZERO && by < 0 => self.learn(values, values.root(of), (ZERO, 0), -1),
            _ => {}
        }
        let by = clamp(by);
        if let Some(limit) = self.limits.iter_mut().find(|limit| limit.less == a.0 && limit.than == b.0) {
            limit.by = limit.by.min(by);
            return;
        }
        if self.limits.len() >= LIMITS {
            self.tidy(values);
        }
        self.limits.push(Limit { less: a.0, than: b.0, by });
    }

    /// Forgets comparisons of values that are nowhere any more; if there are few, the oldest, too. In large frames, where to look for values takes long, only the oldest.
    fn tidy(&mut self, values: &Values) {
        if self.slots.are_many() {
            self.limits.drain(..FORGOTTEN);
            return;
        }
        let mut named = [(ZERO, false); 2 * LIMITS];
        let named = named.get_mut(..2 * self.limits.len()).unwrap_or_default();
        for (pair, limit) in named.chunks_exact_mut(2).zip(&self.limits) {
            pair.copy_from_slice(&[(limit.less, limit.less == ZERO), (limit.than, limit.than == ZERO)]);
        }
        named.sort_unstable();
        let mut note = |id: Id| {
            let first = named.partition_point(|(named, _)| *named < id);
            named
                .iter_mut()
                .skip(first)
                .take_while(|(named, _)| *named == id)
                .for_each(|(_, is_alive)| *is_alive = true);
        };
        values.pinned.iter().for_each(|id| note(*id));
        for id in self.held() {
            let value = values.get(id);
            note(id);
            note(values.root(id).0);
            let mut lengths = |id: Id| {
                let lengths = values.get(id).extent.into_iter().flat_map(|extent| extent.lengths());
                lengths.for_each(|length| note(values.root(length).0));
            };
            lengths(id);
            match value.def {
                Def::Difference(a, b) => [a, b].into_iter().for_each(|id| note(values.root(id).0)),
                Def::Element { base, index, .. } => {
                    lengths(base);
                    note(values.root(index).0);
                }
                Def::Sum(base, _) => lengths(base),
                Def::Splat(of) => note(values.root(of).0),
                _ => {}
            }
        }
        let is_alive = |id: Id| {
            let at = named.partition_point(|(named, _)| *named < id);
            named.get(at).is_some_and(|named| named.1)
        };
        self.limits.retain(|limit| is_alive(limit.less) && is_alive(limit.than));
        if self.limits.len() > LIMITS - FORGOTTEN {
            self.limits.drain(..FORGOTTEN);
        }
    }

    /// The condition holds of the flags.
    pub fn assume(&mut self, values: &Values, cond: Cond, holds: bool) {
        let cond = if holds { cond } else { negated(cond) };
        match (self.flags, cond) {
            (Flags::Sign(of), Cond::Negative) => self.learn(values, of, (ZERO, 0), -1),
            (Flags::Sign(of), Cond::NotNegative) => self.learn(values, (ZERO, 0), of, 0),
            _ => {}
        }
        let Some((a, b)) = self.flags.compared() else { return };
        match cond {
            Cond::Eq => {
                self.learn(values, a, b, 0);
                self.learn(values, b, a, 0);
            }
            Cond::Ne => {
                if let ((root, off), (ZERO, number)) = (a, b)
                    && let Some(number) = number.checked_sub(off)
                {
                    self.nots.rotate_right(1);
                    self.nots[0] = (root, number);
                }
                let known = Known { values, state: self };
                let (le, ge) = (known.at_most(a, b, 0), known.at_most(b, a, 0));
                if le {
                    self.learn(values, a, b, -1);
                } else if ge {
                    self.learn(values, b, a, -1);
                }
            }
            Cond::Lt => self.learn(values, a, b, -1),
            Cond::Le => self.learn(values, a, b, 0),
            Cond::Gt => self.learn(values, b, a, -1),
            Cond::Ge => self.learn(values, b, a, 0),
            Cond::Below => self.below(values, a, b, -1),
            Cond::BelowEq => self.below(values, a, b, 0),
            Cond::Above => self.below(values, b, a, -1),
            Cond::AboveEq => self.below(values, b, a, 0),
            Cond::Negative | Cond::NotNegative if self.difference_fits(values, a, b) => match cond {
                Cond::Negative => self.learn(values, a, b, -1),
                _ => self.learn(values, b, a, 0),
            },
            _ => {}
        }
    }

    /// As unsigned numbers, `a <= b + by`: where `b` is not negative as a signed one, neither is `a`.
    fn below(&mut self, values: &Values, a: Root, b: Root, by: i128) {
        if (Known { values, state: self }).at_most((ZERO, 0), b, 0) {
            self.learn(values, (ZERO, 0), a, 0);
            self.learn(values, a, b, by);
        }
    }

    fn difference_fits(&self, values: &Values, a: Root, b: Root) -> bool {
        let known = Known { values, state: self };
        let least = |root: Root| i128::from(known.least(root.0)) + i128::from(root.1);
        let greatest = |root: Root| i128::from(known.greatest(root.0)) + i128::from(root.1);
        let range = i128::from(i64::MIN)..=i128::from(i64::MAX);
        range.contains(&(least(a) - greatest(b))) && range.contains(&(greatest(a) - least(b)))
    }
}

/// The condition that holds where the other does not.
pub const fn negated(cond: Cond) -> Cond {
    match cond {
        Cond::Eq => Cond::Ne,
        Cond::Ne => Cond::Eq,
        Cond::Lt => Cond::Ge,
        Cond::Le => Cond::Gt,
        Cond::Gt => Cond::Le,
        Cond::Ge => Cond::Lt,
        Cond::Below => Cond::AboveEq,
        Cond::BelowEq => Cond::Above,
        Cond::Above => Cond::BelowEq,
        Cond::AboveEq => Cond::Below,
        Cond::Negative => Cond::NotNegative,
        Cond::NotNegative => Cond::Negative,
        Cond::Overflow => Cond::NoOverflow,
        Cond::NoOverflow => Cond::Overflow,
        Cond::Other => Cond::Other,
    }
}
