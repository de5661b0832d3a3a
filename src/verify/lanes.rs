//! Steps on vectors and masks: what masks say of lanes, so that lane by lane a read is in bounds.

use super::Reason;
use super::check::Checker;
use super::state::{Flags, Known, State};
use super::step::{Cond, LaneCond, Lanes, Reg, Step};
use super::values::{Def, Id, LaneFact, LaneFacts, UNKNOWN, Value, Values, ZERO};
use crate::codegen::blob::PoolEntry;

impl Checker<'_> {
    /// The vector that is stored, if it is one that is followed.
    pub(super) fn stored_vector(&mut self, reg: Reg, bytes: u32) -> Id {
        let id = self.state.reg(reg);
        match self.values.def(id) {
            Def::Entry(_) if bytes == 8 => id,
            // Half of a vector is none.
            Def::Entry(_) => UNKNOWN,
            _ if bytes < 16 => UNKNOWN,
            _ => self.vector(reg),
        }
    }

    /// What a vector or mask register holds; if nothing is known of it, some value that is this one from now on.
    fn vector(&mut self, reg: Reg) -> Id {
        let id = self.state.reg(reg);
        if let Def::Entry(_) = self.values.def(id) {
            // What was there at the entry is followed by its low 64 bits only: as a whole it is another one each time.
            return self.values.add(Value::of(Def::Opaque));
        }
        if id != UNKNOWN {
            return id;
        }
        let id = self.values.add(Value::of(Def::Opaque));
        self.state.set_reg(reg, id);
        id
    }

    fn pool_word(&self, offset: i64) -> Option<i64> {
        match self.contract.pool.get(usize::try_from(offset).ok().filter(|at| at % 8 == 0)? / 8)? {
            PoolEntry::Bits(bits) => Some(*bits as i64),
            _ => None,
        }
    }

    /// The word that stands behind itself so many bytes long.
    pub(super) fn pool_row(&self, offset: i64, bytes: u32) -> Option<i64> {
        let first = self.pool_word(offset)?;
        let same = |at: i64| self.pool_word(offset + at * 8) == Some(first);
        (bytes.is_multiple_of(8) && (1..i64::from(bytes / 8)).all(same)).then_some(first)
    }

    /// A vector with this number in each lane.
    pub(super) fn splat_const(&mut self, number: i64) -> Id {
        let of = self.values.constant(number);
        self.values.add(Value::of(Def::Splat(of)))
    }

    fn lanes(&mut self, lanes: Lanes) -> Result<Id, Reason> {
        match lanes {
            Lanes::Reg(reg) => Ok(self.vector(Reg::Vector(reg))),
            Lanes::PoolRow(offset) => {
                let bytes = self.contract.vector_bytes;
                self.load_pool(None, offset, bytes)?;
                Ok(match self.pool_row(offset, bytes) {
                    Some(number) => self.splat_const(number),
                    None => self.values.add(Value::of(Def::Opaque)),
                })
            }
            Lanes::Pool(offset) => {
                self.load_pool(None, offset, 8)?;
                Ok(match self.pool_word(offset) {
                    Some(number) => self.splat_const(number),
                    None => self.values.add(Value::of(Def::Opaque)),
                })
            }
        }
    }

    /// What holds of the lanes that a mask does not have.
    fn invert(&mut self, to: Reg, mask: Id) {
        let (set, clear) = self.mask_facts(mask);
        let id = self.mask(clear, set);
        self.state.set_reg(to, id);
    }

    /// What each lane is, if each is the same value.
    fn splatted(&self, id: Id) -> Option<Id> {
        match self.values.def(id) {
            Def::Splat(of) => Some(of),
            _ => None,
        }
    }

    /// `a < b + by` in lanes, where it says something of one of the two by a value that all lanes share.
    fn lane_facts(&self, facts: &mut LaneFacts, a: Id, b: Id, by: i64) {
        match (self.splatted(a), self.splatted(b)) {
            (None, Some(than)) => facts.add(LaneFact { vector: a, at_least: None, at_most: Some((than, by)) }),
            (Some(than), None) => facts.add(LaneFact { vector: b, at_least: Some((than, -by)), at_most: None }),
            _ => {}
        }
    }

    fn mask_facts(&self, id: Id) -> (LaneFacts, LaneFacts) {
        self.values.lanes_of(id)
    }

    fn mask(&mut self, set: LaneFacts, clear: LaneFacts) -> Id {
        self.values.mask(set, clear)
    }

    /// Steps that [`Checker::step`] leaves.
    pub(super) fn lane_step(&mut self, step: Step) -> Result<(), Reason> {
        let vector = Reg::Vector;
        match step {
            Step::ZeroVector { to } => {
                let id = self.values.add(Value::of(Def::Splat(ZERO)));
                self.state.set_reg(vector(to), id);
            }
            Step::Splat { to, from } => {
                let of = self.int(from);
                let id = self.values.add(Value::of(Def::Splat(of)));
                self.state.set_reg(vector(to), id);
            }
            Step::SplatConst { to, value } => {
                let id = self.splat_const(value);
                self.state.set_reg(vector(to), id);
            }
            Step::SplatPool { to, offset } => {
                self.load_pool(None, offset, 8)?;
                let id = match self.pool_word(offset) {
                    Some(number) => self.splat_const(number),
                    None => UNKNOWN,
                };
                self.state.set_reg(vector(to), id);
            }
            Step::AndLanes { to, a, b } => {
                let (a, b) = (self.vector(vector(a)), self.lanes(b)?);
                let id = self.and_lanes(a, b);
                self.state.set_reg(vector(to), id);
            }
            Step::CompareLanes { to, a, b, cond, and } => {
                let (a, b) = (self.lanes(a)?, self.lanes(b)?);
                let (mut set, mut clear) = (LaneFacts::default(), LaneFacts::default());
                // Where set, a < b or a <= b; where clear, b <= a or b < a.
                let (by, otherwise) = match cond {
                    LaneCond::Lt => (-1, 0),
                    LaneCond::Le => (0, -1),
                };
                self.lane_facts(&mut set, a, b, by);
                self.lane_facts(&mut clear, b, a, otherwise);
                if let Some(mask) = and {
                    let (others, _) = self.mask_facts(self.state.reg(Reg::Mask(mask)));
                    set = set.and(&others);
                    clear = LaneFacts::default();
                }
                let id = self.mask(set, clear);
                self.state.set_reg(to, id);
            }
            Step::AndMasks { to, a, b } => {
                let [a, b] = [a, b].map(|reg| self.mask_facts(self.state.reg(Reg::Mask(reg))).0);
                let id = self.mask(a.and(&b), LaneFacts::default());
                self.state.set_reg(Reg::Mask(to), id);
            }
            Step::AndNotMasks { to, a, b } => {
                let (kept, _) = self.mask_facts(self.state.reg(a));
                let (_, clear) = self.mask_facts(self.state.reg(b));
                let id = self.mask(kept.and(&clear), LaneFacts::default());
                self.state.set_reg(to, id);
            }
            Step::Gather { base, index, shift, disp, bytes, mask } => {
                let index = self.vector(vector(index));
                let (facts, _) = self.mask_facts(self.state.reg(mask));
                let bounds = self.lane_bounds(index, &facts);
                self.gather(base, disp, shift, bytes, bounds)?;
            }
            Step::MaskBits { to, from } => {
                let mask = self.vector(from);
                let id = self
                    .values
                    .add(Value { counts: true, ..Value { lo: 0, hi: u32::MAX.into(), ..Value::of(Def::Bits(mask)) } });
                self.write_int(to, id)?;
            }
            Step::Lane { to, from, lane } => {
                let from = self.vector(vector(from));
                let (lo, hi) = match self.values.def(from) {
                    Def::Bounded(most) => (0, most),
                    _ => (i64::MIN, i64::MAX),
                };
                let id = self.values.add(Value { lo, hi, ..Value::of(Def::Lane(from, lane)) });
                self.learn_lane_value(id);
                self.write_int(to, id)?;
            }
            Step::XorLanes { to, a, b } => {
                let (a, b) = (self.vector(vector(a)), self.lanes(b)?);
                let all = |id: Id| self.splatted(id).and_then(|of| self.values.number(of)) == Some(-1);
                match (all(a), all(b)) {
                    (false, true) => self.invert(vector(to), a),
                    (true, false) => self.invert(vector(to), b),
                    _ => self.state.set_reg(vector(to), UNKNOWN),
                }
            }
            Step::NotMask { to, from } => {
                let from = self.state.reg(Reg::Mask(from));
                self.invert(Reg::Mask(to), from);
            }
            Step::TestLanes { .. } => self.state.flags = Flags::Unknown,
            Step::AnyVectors => self.state.vectors = [UNKNOWN; 32],
            _ => return Err(Reason::Shape),
        }
        Ok(())
    }

    fn and_lanes(&mut self, a: Id, b: Id) -> Id {
        let number = |id: Id| self.splatted(id).and_then(|of| self.values.number(of)).filter(|number| *number >= 0);
        if let Some(most) = number(a).or(number(b)) {
            return self.values.add(Value::of(Def::Bounded(most)));
        }
        let ((a, _), (b, _)) = (self.mask_facts(a), self.mask_facts(b));
        self.mask(a.and(&b), LaneFacts::default())
    }

    /// What is known of a vector's lanes in the lanes that a mask's facts are of: the least, and the greatest as a value plus a number.
    fn lane_bounds(&self, index: Id, facts: &LaneFacts) -> (Option<i64>, Option<(Id, i64)>) {
        let known = Known { values: self.values, state: &self.state };
        let (mut least, mut most) = (None, None);
        match self.values.def(index) {
            Def::Bounded(hi) => (least, most) = (Some(0), Some((ZERO, hi))),
            Def::Splat(of) => (least, most) = (Some(known.least(of)), Some((of, 0))),
            _ => {}
        }
        for fact in facts.list.iter().flatten().filter(|fact| fact.vector == index) {
            if let Some((than, by)) = fact.at_least {
                let bound = known.least(than).saturating_add(by);
                least = Some(least.map_or(bound, |least| least.max(bound)));
            }
            most = fact.at_most.or(most);
        }
        (least, most)
    }

    /// What is known of a lane of a vector where control is.
    pub(super) fn learn_lane_value(&mut self, id: Id) {
        let Def::Lane(vector, lane) = self.values.def(id) else { return };
        for (_, mask) in self.state.lanes.into_iter().flatten().filter(|(known, _)| *known == lane) {
            let (facts, _) = self.mask_facts(mask);
            for fact in facts.list.iter().flatten().filter(|fact| fact.vector == vector) {
                if let Some((than, by)) = fact.at_least {
                    // than + by <= lane
                    self.state.learn(self.values, self.values.root(than), (id, 0), -i128::from(by));
                }
                if let Some((than, by)) = fact.at_most {
                    self.state.learn(self.values, (id, 0), self.values.root(than), by.into());
                }
            }
        }
    }
}

/// A branch on a bit of a mask tells of that lane.
pub(super) fn learn_lane(values: &Values, state: &mut State, cond: Cond, holds: bool) {
    let Flags::Tested(bits, number) = state.flags else { return };
    let is_set = match cond {
        Cond::Ne => holds,
        Cond::Eq => !holds,
        _ => return,
    };
    let (Def::Bits(mask), 1, true) = (values.def(bits), number.count_ones(), is_set) else { return };
    learn_lane_set(state, mask, number.trailing_zeros() as u8);
}

/// A value is not zero: if it is a lane of a mask, that lane is set.
pub(super) fn learn_lane_of(values: &Values, state: &mut State, id: Id) {
    if let Def::Lane(mask, lane) = values.def(id) {
        learn_lane_set(state, mask, lane);
    }
}

fn learn_lane_set(state: &mut State, mask: Id, lane: u8) {
    let lane = Some((lane, mask));
    match state.lanes.iter_mut().find(|place| place.is_none()) {
        Some(free) => *free = lane,
        None => state.lanes = [lane, None],
    }
}
