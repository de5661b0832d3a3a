//! What each step does to what is known.

use super::Reason;
use super::check::{Checker, PROBE};
use super::state::{Flags, Fuel, Known};
use super::step::{Reg, Src, Step};
use super::values::{Def, UNKNOWN, Value, ZERO};

impl Checker<'_> {
    /// What a step does.
    pub(super) fn step(&mut self, step: Step) -> Result<(), Reason> {
        // The flags that tell whether it was there must be looked at first.
        if self.state.fuel == Fuel::Taken && !matches!(step, Step::Overflow { .. }) {
            return Err(Reason::Fuel);
        }
        match step {
            Step::Any(reg) => self.write(reg, UNKNOWN),
            Step::Const { to, value } => {
                let id = self.values.constant(value);
                self.write_int(to, id)
            }
            Step::Copy { to, from } => {
                let id = match from {
                    Reg::Int(reg) => self.int(reg),
                    reg => self.state.reg(reg),
                };
                self.write(to, id)
            }
            Step::StackAddress { to, by } => {
                let id = self.values.add(Value::of(Def::Frame(self.state.sp.saturating_add(by))));
                self.write_int(to, id)
            }
            Step::ZeroExtend { to, from, bits } => self.zero_extend(to, from, bits),
            Step::Add { to, a, b, shift } => {
                let a = self.int(a);
                let id = match b {
                    Src::Const(number) => self.plus(a, number.checked_shl(shift.into()).unwrap_or(0)),
                    Src::Reg(b) => {
                        let b = self.int(b);
                        self.add(a, b, shift)
                    }
                };
                self.write_int(to, id)
            }
            Step::Sub { to, a, b } => self.sub(to, a, b),
            Step::And { to, a, b } => {
                let (a, b) = (self.int(a), self.src(b));
                for (a, b) in [(a, b), (b, a)] {
                    if let Some(id) = self.where_negative(a, b) {
                        return self.write_int(to, id);
                    }
                }
                let known = Known { values: self.values, state: &self.state };
                match (known.least(a) >= 0, known.least(b) >= 0) {
                    (true, true) => {
                        let hi = known.greatest(a).min(known.greatest(b));
                        let below =
                            if self.values.number(b).is_none() && self.values.number(a).is_some() { b } else { a };
                        self.write_between(to, 0, hi, Some(below))
                    }
                    (true, false) => {
                        let hi = known.greatest(a);
                        self.write_between(to, 0, hi, Some(a))
                    }
                    (false, true) => {
                        let hi = known.greatest(b);
                        self.write_between(to, 0, hi, Some(b))
                    }
                    _ => {
                        let id = self.bits_of_both(a, b);
                        self.write_int(to, id)
                    }
                }
            }
            Step::Or { to, a, b } => {
                let (a, b) = (self.int(a), self.src(b));
                let id = self.or(a, b);
                self.write_int(to, id)
            }
            Step::Xor { to, a, b } => {
                let (a, b) = (self.int(a), self.src(b));
                let id = self.xor(a, b);
                self.write_int(to, id)
            }
            Step::Multiply { to, a, b } => {
                let (a, b) = (self.int(a), self.src(b));
                let id = self.product(a, b);
                self.write_int(to, id)
            }
            Step::MultiplyHigh { to, a, b } => {
                let (a, b) = (self.int(a), self.int(b));
                let id = self.high_product(a, b);
                self.write_int(to, id)
            }
            Step::MultiplySubtract { to, a, b, from } => {
                let [a, b, from] = [a, b, from].map(|reg| self.int(reg));
                let id = self.product_less(a, b, from);
                self.write_int(to, id)
            }
            Step::Divide { to, a, b } => {
                let (a, b) = (self.int(a), self.int(b));
                let id = self.quotient(a, b);
                self.write_int(to, id)
            }
            Step::DivideDouble { quotient, remainder, low, high, b } => {
                let [low, high, b] = [low, high, b].map(|reg| self.int(reg));
                let (whole, rest) = self.divide_double(low, high, b)?;
                self.write_int(quotient, whole)?;
                self.write_int(remainder, rest)
            }
            Step::AddPart { to, a, b, by, signed } => {
                let (a, b) = (self.int(a), self.int(b));
                let part = self.part(b, by, signed);
                let id = self.add(a, part, 0);
                self.write_int(to, id)
            }
            Step::ShiftRightSome { to, a, signed } => {
                let id = self.int(a);
                let known = Known { values: self.values, state: &self.state };
                match (known.least(id), known.greatest(id)) {
                    (0.., hi) => self.write_between(to, 0, hi, Some(id)),
                    (lo, hi) if signed => self.write_between(to, lo, hi.max(0), None),
                    _ => self.write_int(to, UNKNOWN),
                }
            }
            Step::Between { to, lo, hi } => self.write_between(to, lo, hi, None),
            Step::ShiftRight { to, a, by } => {
                let id = self.int(a);
                let id = self.part(id, by, false);
                self.write_int(to, id)
            }
            Step::ShiftRightSigned { to, a, by } => {
                let id = self.int(a);
                let id = self.part(id, by, true);
                self.write_int(to, id)
            }
            Step::ShiftLeft { to, a, by } => {
                let id = self.int(a);
                let id = self.shift_left(id, by);
                self.write_int(to, id)
            }
            Step::Select { to, yes, no, cond } => self.select(to, yes, no, cond),
            Step::Load { to, from, signed } => self.load(to, &from, signed),
            Step::Store { to, value } => self.store(&to, value),
            Step::LoadPool { to, offset, bytes } => self.load_pool(to, offset, bytes),
            Step::Compare { a, b } => {
                let (a, b) = (self.src_root(a), self.src_root(b));
                self.state.flags = Flags::Compared(a, b);
                Ok(())
            }
            Step::Test { a, b } => {
                let (a, b) = (self.int(a), self.src(b));
                self.state.flags = self.values.number(b).map_or(Flags::Unknown, |bits| Flags::Tested(a, bits));
                Ok(())
            }
            Step::Overflow { of } => {
                self.overflow(of);
                Ok(())
            }
            Step::ComparePart { a, b, by } => {
                let (a, b) = (self.int(a), self.int(b));
                self.compare_part(a, b, by);
                Ok(())
            }
            Step::CompareZeroIf { a, cond } => {
                let a = self.int(a);
                self.compare_zero_if(a, cond);
                Ok(())
            }
            Step::AnyFlags => {
                self.state.flags = Flags::Unknown;
                Ok(())
            }
            Step::Call { target } => self.call(target),
            Step::CallPool { offset } => {
                let entry = u32::try_from(offset).ok().filter(|offset| offset % 8 == 0).ok_or(Reason::Callee)?;
                self.call_helper(entry / 8)
            }
            Step::CallReg { reg } => match self.values.def(self.state.reg(Reg::Int(reg))) {
                Def::Helper(entry) => self.call_helper(entry),
                _ => Err(Reason::Callee),
            },
            Step::Return => self.ret(),
            Step::MoveStack { by } => self.move_stack(by),
            Step::Probe { bytes, counter } => {
                let by = i64::try_from(bytes).ok().filter(|by| by % PROBE == 0).ok_or(Reason::Stack)?;
                self.near(self.state.sp)?;
                self.state.sp = self.state.sp.checked_sub(by).ok_or(Reason::Stack)?;
                self.in_frame(self.state.sp)?;
                self.state.touched = self.state.sp;
                self.write_int(counter, ZERO)
            }
            Step::Stop => {
                self.ended = true;
                Ok(())
            }
            Step::Nothing => Ok(()),
            Step::Branch { .. } | Step::BranchZero { .. } | Step::Jump { .. } => Err(Reason::Shape),
            step => self.lane_step(step),
        }
    }
}
