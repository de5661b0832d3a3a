//! What each step does, but for calls.

use super::*;

impl StepMachine<'_> {
    pub(super) fn step(&mut self, step: Step) -> Done {
        let lanes = self.lanes;
        let int = |this: &Self, reg: u8| this.ints[usize::from(reg)];
        match step {
            Step::Any(reg) => self.set_any(reg),
            Step::Const { to, value } => self.set(to, value)?,
            Step::Copy { to: Reg::Int(to), from: Reg::Int(from) } => self.set(to, int(self, from))?,
            Step::Copy { to: Reg::Vector(to), from: Reg::Vector(from) } => {
                self.vectors[usize::from(to)] = self.vectors[usize::from(from)];
            }
            Step::Copy { to: Reg::Mask(to), from: Reg::Mask(from) } => {
                self.masks[usize::from(to)] = self.masks[usize::from(from)] & 0xFF;
            }
            Step::Copy { .. } => return Err("a copy between classes".to_owned()),
            Step::StackAddress { to, by } => self.set(to, self.sp + by)?,
            Step::ZeroExtend { to, from, bits } => {
                let mask = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
                self.set(to, (int(self, from) as u64 & mask) as i64)?;
            }
            Step::Add { to, a, b, shift } => {
                let value = self.exact(i128::from(int(self, a)) + i128::from(self.src(b) << shift));
                self.set(to, value)?;
            }
            Step::Sub { to, a, b } => {
                let value = self.exact(i128::from(self.src(a)) - i128::from(self.src(b)));
                if to == self.machine.fuel && !self.func().is_pure {
                    self.fuel_is_honest()?;
                    let by = self.src(b);
                    let says = int(self, to);
                    if self.fuel < 0 {
                        return Err("fuel is taken that was not there, and nobody asked for more".to_owned());
                    }
                    if by >= 1 {
                        self.fuel = says.min(self.fuel).saturating_sub(by);
                        self.since_fuel = 0;
                    }
                }
                self.set(to, value)?;
            }
            Step::And { to, a, b } => self.set(to, int(self, a) & self.src(b))?,
            Step::Or { to, a, b } => self.set(to, int(self, a) | self.src(b))?,
            Step::Xor { to, a, b } => self.set(to, int(self, a) ^ self.src(b))?,
            Step::Multiply { to, a, b } => {
                let value = self.exact(i128::from(int(self, a)) * i128::from(self.src(b)));
                self.set(to, value)?;
            }
            Step::MultiplyHigh { to, a, b } => {
                let product = i128::from(int(self, a)) * i128::from(int(self, b));
                self.set(to, (product >> 64) as i64)?;
            }
            Step::MultiplySubtract { to, a, b, from } => {
                let product = int(self, a).wrapping_mul(int(self, b));
                self.set(to, int(self, from).wrapping_sub(product))?;
            }
            Step::Divide { to, a, b } => {
                let quotient = int(self, a).checked_div(int(self, b)).unwrap_or_else(|| self.any());
                self.set(to, quotient)?;
            }
            Step::DivideDouble { quotient, remainder, low, high, b } => {
                let dividend = i128::from(int(self, high)) << 64 | i128::from(int(self, low) as u64);
                let by = i128::from(int(self, b));
                let Some(whole) = dividend.checked_div(by).and_then(|whole| i64::try_from(whole).ok()) else {
                    return Err(format!("a division that faults: {dividend:#x} by {by}"));
                };
                self.set(quotient, whole)?;
                self.set(remainder, (dividend % by) as i64)?;
            }
            Step::AddPart { to, a, b, by, signed } => {
                let part = if signed { int(self, b) >> by } else { (int(self, b) as u64 >> by) as i64 };
                self.set(to, int(self, a).wrapping_add(part))?;
            }
            Step::ShiftRightSome { to, a, signed } => {
                let by = [0, 1, 32, 63, self.random.below(64)][self.random.below(5)];
                self.set(to, if signed { int(self, a) >> by } else { (int(self, a) as u64 >> by) as i64 })?;
            }
            Step::Between { to, lo, hi } => {
                let some = self.any();
                let value = [lo, hi, some.clamp(lo, hi)][self.random.below(3)];
                self.set(to, value)?;
            }
            Step::ShiftRight { to, a, by } => self.set(to, (int(self, a) as u64 >> by) as i64)?,
            Step::ShiftRightSigned { to, a, by } => self.set(to, int(self, a) >> by)?,
            Step::ShiftLeft { to, a, by } => self.set(to, int(self, a) << by)?,
            Step::Select { to, yes, no, cond } => {
                let value = if self.holds(cond) { self.src(yes) } else { self.src(no) };
                self.set(to, value)?;
            }
            Step::Load { to, from, signed } => self.load(to, &from, signed)?,
            Step::Store { to, value } => self.store(&to, value)?,
            Step::LoadPool { to, offset, bytes } => {
                let mut row = [0; 8];
                for (at, word) in row.iter_mut().enumerate().take(bytes.div_ceil(8) as usize) {
                    *word = self.pool(offset + at as i64 * 8, i64::from(bytes).min(8))?;
                }
                match to {
                    Some(Reg::Int(reg)) if bytes == 8 => self.set(reg, row[0] as i64)?,
                    Some(Reg::Vector(reg)) if bytes >= 8 => self.vectors[usize::from(reg)] = row,
                    Some(reg) => self.set_any(reg),
                    None => {}
                }
            }
            Step::Compare { a, b } => self.set_flags(Flags::Compared(self.src(a), self.src(b))),
            Step::Test { a, b } => self.set_flags(Flags::Tested(int(self, a) & self.src(b))),
            Step::Overflow { .. } => self.overflow = Some(!self.fits),
            Step::ComparePart { a, b, by } => self.set_flags(Flags::Compared(int(self, a), int(self, b) >> by)),
            Step::CompareZeroIf { a, cond } => {
                let flags = if self.holds(cond) { Flags::Compared(int(self, a), 0) } else { Flags::Greater };
                self.set_flags(flags);
            }
            Step::AnyFlags => self.set_flags(Flags::Any),
            Step::Branch { cond, target } => {
                if self.holds(cond) {
                    self.jump(target)?;
                }
            }
            Step::BranchZero { reg, when_zero, target } => {
                if (int(self, reg) == 0) == when_zero {
                    self.jump(target)?;
                }
            }
            Step::Jump { target } => self.jump(target)?,
            Step::Call { target } => return self.call(target),
            Step::CallPool { offset } => return self.call_helper((HELPERS + offset) as u64),
            Step::CallReg { reg } => return self.call_helper(int(self, reg) as u64),
            Step::Return => return self.ret(),
            Step::MoveStack { by } => self.move_stack(by)?,
            Step::Probe { bytes, counter } => {
                self.move_stack(-(bytes as i64))?;
                self.set(counter, 0)?;
            }
            Step::Stop => return Ok(Some(End::Stopped)),
            Step::Nothing => {}
            Step::ZeroVector { to } => self.vectors[usize::from(to)] = [0; 8],
            Step::Splat { to, from } => self.vectors[usize::from(to)] = [int(self, from) as u64; 8],
            Step::Lane { to, from, lane } => {
                self.set(to, self.vectors[usize::from(from)][usize::from(lane)] as i64)?;
            }
            Step::SplatConst { to, value } => self.vectors[usize::from(to)] = [value as u64; 8],
            Step::SplatPool { to, offset } => self.vectors[usize::from(to)] = [self.pool(offset, 8)?; 8],
            Step::AndLanes { to, a, b } | Step::XorLanes { to, a, b } => {
                let (a, b) = (self.vectors[usize::from(a)], self.lanes_of(b)?);
                let is_and = matches!(step, Step::AndLanes { .. });
                self.vectors[usize::from(to)] =
                    std::array::from_fn(|at| if is_and { a[at] & b[at] } else { a[at] ^ b[at] });
            }
            Step::CompareLanes { to, a, b, cond, and } => {
                let (a, b) = (self.lanes_of(a)?, self.lanes_of(b)?);
                let is = |at: usize| match cond {
                    LaneCond::Lt => (a[at] as i64) < b[at] as i64,
                    LaneCond::Le => a[at] as i64 <= b[at] as i64,
                };
                let and = and.map_or(u64::MAX, |mask| self.masks[usize::from(mask)]);
                let bits = (0..lanes).filter(|at| is(*at)).map(|at| 1_u64 << at).sum::<u64>() & and;
                match to {
                    Reg::Mask(to) => self.masks[usize::from(to)] = bits,
                    Reg::Vector(to) => {
                        self.vectors[usize::from(to)] =
                            std::array::from_fn(|at| if bits >> at & 1 == 1 { u64::MAX } else { 0 });
                    }
                    Reg::Int(_) => return Err("a mask in a general register".to_owned()),
                }
            }
            Step::AndMasks { to, a, b } => {
                self.masks[usize::from(to)] = self.masks[usize::from(a)] & self.masks[usize::from(b)] & 0xFF;
            }
            Step::AndNotMasks { to: Reg::Mask(to), a: Reg::Mask(a), b: Reg::Mask(b) } => {
                self.masks[usize::from(to)] = self.masks[usize::from(a)] & !self.masks[usize::from(b)] & 0xFF;
            }
            Step::AndNotMasks { to: Reg::Vector(to), a: Reg::Vector(a), b: Reg::Vector(b) } => {
                let (a, b) = (self.vectors[usize::from(a)], self.vectors[usize::from(b)]);
                self.vectors[usize::from(to)] = std::array::from_fn(|at| a[at] & !b[at]);
            }
            Step::AndNotMasks { .. } => return Err("masks of several classes".to_owned()),
            Step::Gather { base, index, shift, disp, bytes, mask } => {
                let (set, index) = (self.set_lanes(mask), self.vectors[usize::from(index)]);
                for at in (0..lanes).filter(|at| set >> at & 1 == 1) {
                    let address = int(self, base).wrapping_add((index[at] << shift) as i64).wrapping_add(disp);
                    self.access(address, bytes.into(), false).map_err(|what| format!("lane {at}: {what}"))?;
                }
            }
            Step::NotMask { to, from } => self.masks[usize::from(to)] = !self.masks[usize::from(from)] & 0xFF,
            Step::TestLanes { mask } => {
                let set = self.set_lanes(mask) as i64;
                self.set_flags(Flags::Tested(set));
            }
            Step::AnyVectors => {
                for at in 0..32 {
                    self.vectors[at] = self.any_vector();
                }
            }
            Step::MaskBits { to, from } => {
                let bits = self.set_lanes(from);
                self.set(to, bits as i64)?;
            }
        }
        Ok(None)
    }

    pub(super) fn jump(&mut self, target: u32) -> Result<(), String> {
        self.at = self.code.at(target).ok_or("a branch into an instruction")?;
        Ok(())
    }

    pub(super) fn load(&mut self, to: Option<Reg>, from: &Place, signed: bool) -> Result<(), String> {
        let at = self.address(from);
        if let Some(field) = self.is_context(from) {
            return self.load_context(to, field, from.bytes);
        }
        let touches = to.is_none() && at == self.sp && from.bytes == 8;
        if !touches {
            self.access(at, from.bytes.into(), false)?;
        }
        let on_stack = (STACK - KEPT..STACK).contains(&at);
        let bytes = if on_stack { self.bytes(at, from.bytes as usize) } else { Vec::new() };
        let mut lanes = self.any_vector();
        for (lane, chunk) in lanes.iter_mut().zip(bytes.chunks_exact(8)) {
            *lane = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        }
        match to {
            Some(Reg::Int(reg)) => {
                let value = match (from.bytes, signed) {
                    (8, _) => lanes[0] as i64,
                    (_, true) => i64::from(lanes[0] as i32),
                    (bytes, false) => (lanes[0] & ((1 << (bytes * 8)) - 1)) as i64,
                };
                self.set(reg, value)?;
            }
            Some(Reg::Vector(reg)) => self.vectors[usize::from(reg)] = lanes,
            Some(Reg::Mask(reg)) => {
                self.masks[usize::from(reg)] = bytes.first().map_or(lanes[0], |byte| u64::from(*byte)) & 0xFF;
            }
            None => {}
        }
        Ok(())
    }

    pub(super) fn load_context(&mut self, to: Option<Reg>, field: i64, bytes: u32) -> Result<(), String> {
        let value = match (field as i32, bytes) {
            (offset::FUEL_SLICE, 8) => self.fuel_slice,
            (offset::ARENA_TOP, 8) => {
                self.marks += 1;
                MARKS + self.marks
            }
            (offset::RESULT, 8) => self.result,
            _ => return Err(format!("a read of the context at {field}")),
        };
        match to {
            Some(Reg::Int(reg)) => self.set(reg, value),
            Some(reg) => {
                self.set_any(reg);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn store(&mut self, to: &Place, value: Option<Value>) -> Result<(), String> {
        let at = self.address(to);
        let mut lanes = match value {
            Some(Value::Reg(Reg::Int(reg))) => [self.ints[usize::from(reg)] as u64; 8],
            Some(Value::Reg(Reg::Vector(reg))) => self.vectors[usize::from(reg)],
            Some(Value::Reg(Reg::Mask(reg))) => [self.masks[usize::from(reg)]; 8],
            Some(Value::Const(number)) => [number as u64; 8],
            None => self.any_vector(),
        };
        if let Some(field) = self.is_context(to) {
            let value = lanes[0] as i64;
            return match (field as i32, to.bytes) {
                (offset::FUEL_SLICE, 8) if value <= self.fuel => {
                    self.fuel_slice = value;
                    Ok(())
                }
                (offset::ARENA_TOP, 8) if value > MARKS && value <= MARKS + self.marks => Ok(()),
                (offset::TRAP_INDEX | offset::TRAP_LEN, 8) => Ok(()),
                _ => Err(format!("a write of {value:#x} to the context at {field}")),
            };
        }
        self.access(at, to.bytes.into(), true)?;
        if (STACK - KEPT..STACK).contains(&at) {
            let bytes: Vec<u8> = lanes.iter_mut().flat_map(|lane| lane.to_le_bytes()).take(to.bytes as usize).collect();
            self.set_bytes(at, &bytes);
        }
        Ok(())
    }

    pub(super) fn move_stack(&mut self, by: i64) -> Result<(), String> {
        self.sp += by;
        let entry = self.calls.last().map_or(0, |call| call.entry);
        if self.sp > entry {
            return Err("the stack pointer is above the frame".to_owned());
        }
        if entry - self.sp > i64::from(self.func().frame_size) {
            return Err(format!("a frame of {} bytes, told to be {}", entry - self.sp, self.func().frame_size));
        }
        Ok(())
    }
}
