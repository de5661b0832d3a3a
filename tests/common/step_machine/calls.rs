//! Calls, of functions and of the runtime, and returns.

use super::*;

impl StepMachine<'_> {
    pub(super) fn site(&self) -> Option<SiteKind> {
        site_of(self.contract.sites, *self.code.offsets.get(self.at)?).map(|site| site.kind)
    }

    /// The stack as the runtime must find it.
    pub(super) fn at_call(&self, walked: bool) -> Result<(), String> {
        if self.sp % 16 != 0 {
            return Err("the stack is not aligned at a call".to_owned());
        }
        let entry = self.calls.last().map_or(0, |call| call.entry);
        if walked && entry - self.sp != i64::from(self.func().frame_size) {
            return Err("the walk over the stack misses the return address".to_owned());
        }
        Ok(())
    }

    /// What a C function leaves.
    pub(super) fn clobber(&mut self) {
        for reg in self.machine.clobbered {
            self.ints[usize::from(*reg)] = self.any();
        }
        for at in 0..32_u8 {
            let low = self.vectors[usize::from(at)][0];
            self.vectors[usize::from(at)] = self.any_vector();
            if self.machine.saved_floats.contains(&at) {
                self.vectors[usize::from(at)][0] = low;
            }
        }
        self.masks = [(); 8].map(|()| self.random.next() & 0xFF);
        self.set_flags(Flags::Any);
    }

    /// Whether an array lies at an address.
    pub(super) fn is_array(&mut self, address: i64, length: i64, shift: u8, write: bool) -> Result<(), String> {
        if !(0..=1 << 57).contains(&length) {
            return Err(format!("an array of {length} elements"));
        }
        if length == 0 {
            return Ok(());
        }
        let is_on_stack = (STACK - KEPT..STACK).contains(&address);
        if is_on_stack {
            return Err("an array on the stack".to_owned());
        }
        self.access(address, length << shift, write)
    }

    pub(super) fn call(&mut self, target: u32) -> Done {
        let funcs = self.contract.funcs;
        let callee = funcs.iter().position(|func| func.start == target && func.end > target).ok_or("no function")?;
        if self.site() != Some(SiteKind::Call(funcs[callee].func)) {
            return Err("a call that is no site".to_owned());
        }
        self.at_call(true)?;
        self.fuel_is_honest()?;
        let depth = self.ints[usize::from(self.machine.depth)];
        let own = self.calls.last().map_or(0, |call| call.depth);
        if depth < 0 || depth >= own {
            return Err(format!("a call without a level: {depth} of {own}"));
        }
        let signature = &self.contract.signatures[funcs[callee].func.0 as usize];
        let words = Places::words_of(self.machine, signature.params.iter().map(|param| &param.ty));
        let mut places = Places::new(self.machine);
        for param in &signature.params {
            match param.ty {
                Type::F64 => _ = places.float(),
                Type::Array(elem) => {
                    let (address, length) = (places.int(), places.int());
                    let (address, length) = (self.get(address), self.get(length));
                    self.is_array(address, length, elem.size().trailing_zeros() as u8, param.mutable)
                        .map_err(|what| format!("an argument: {what}"))?;
                }
                _ => _ = places.int(),
            }
        }
        self.access(self.sp, words * 8, true)?;
        let back = *self.code.offsets.get(self.at).ok_or("a call at the end")?;
        self.sp -= self.machine.pushed;
        if self.calls.len() > 8 {
            return Ok(Some(End::Cut));
        }
        self.enter(callee, back, words);
        Ok(None)
    }

    pub(super) fn get(&mut self, place: Param) -> i64 {
        match place {
            Param::Reg(Reg::Int(reg)) => self.ints[usize::from(reg)],
            Param::Reg(_) => 0,
            Param::Word(word) => self.word(word),
        }
    }

    pub(super) fn word(&mut self, word: i64) -> i64 {
        let bytes = self.bytes(self.sp + word * 8, 8);
        i64::from_le_bytes(bytes.try_into().expect("eight bytes"))
    }

    pub(super) fn ret(&mut self) -> Done {
        let call = self.calls.pop().ok_or("no function")?;
        if self.sp != call.entry {
            return Err("a return with the stack pointer elsewhere".to_owned());
        }
        if self.machine.link.is_some_and(|link| self.ints[usize::from(link)] != call.link) {
            return Err("a return to elsewhere".to_owned());
        }
        let code = &self.contract.funcs[call.func];
        for (reg, before) in &call.saved {
            let now = match reg {
                Reg::Int(reg) => self.ints[usize::from(*reg)] as u64,
                Reg::Vector(reg) => self.vectors[usize::from(*reg)][0],
                Reg::Mask(_) => continue,
            };
            if now != *before {
                return Err(format!("{reg:?} is not as it was"));
            }
        }
        if !code.is_pure {
            if self.ints[usize::from(self.machine.context)] != CONTEXT {
                return Err("the context's register is not as it was".to_owned());
            }
            if self.ints[usize::from(self.machine.depth)] != call.depth {
                return Err("levels are not given back".to_owned());
            }
            let says = self.ints[usize::from(self.machine.fuel)];
            if says > self.fuel {
                return Err(format!("fuel out of nothing: {says}, not {}", self.fuel));
            }
        }
        let signature = &self.contract.signatures[code.func.0 as usize];
        if let Type::Array(elem) = signature.result {
            let [address, length] = self.machine.int_results.map(|reg| self.ints[usize::from(reg)]);
            self.calls.push(call.clone());
            self.is_array(address, length, elem.size().trailing_zeros() as u8, false)
                .map_err(|what| format!("a result: {what}"))?;
            self.calls.pop();
        }
        if self.calls.is_empty() {
            return Ok(Some(End::Returned));
        }
        self.sp += self.machine.pushed;
        // Whatever the callee may leave.
        let results = self.machine.int_results.map(|reg| self.ints[usize::from(reg)]);
        self.clobber();
        for (reg, result) in self.machine.int_results.into_iter().zip(results) {
            self.ints[usize::from(reg)] = result;
        }
        self.jump(call.back)?;
        Ok(None)
    }

    pub(super) fn call_helper(&mut self, address: u64) -> Done {
        let offset = (address as i64).wrapping_sub(HELPERS);
        let entry = usize::try_from(offset)
            .ok()
            .filter(|offset| offset % 8 == 0)
            .and_then(|offset| self.contract.pool.get(offset / 8));
        let Some(PoolEntry::Helper(helper)) = entry else {
            return Err("a call of what is no runtime function".to_owned());
        };
        let (helper, code) = (*helper, self.func());
        let is_math = matches!(helper, Helper::Math(_) | Helper::MathLanes(..) | Helper::Rare);
        if code.is_pure && !is_math {
            return Err(format!("{} in a function without a context", helper.name()));
        }
        let kind = self.site().ok_or("a call that is no site")?;
        let right = match helper {
            Helper::Trap => matches!(kind, SiteKind::Trap(_) | SiteKind::HelperTrap),
            Helper::Poll => matches!(kind, SiteKind::PollLoop | SiteKind::PollCall(_)),
            _ => kind == SiteKind::Helper,
        };
        if !right {
            return Err(format!("{} at a site of {kind:?}", helper.name()));
        }
        if !is_math && self.ints[usize::from(self.machine.context)] != CONTEXT {
            return Err("a runtime function without the context".to_owned());
        }
        self.at_call(!is_math)?;
        match helper {
            Helper::Math(_) => self.clobber(),
            Helper::MathLanes(math, lanes) => {
                let words = i64::from(lanes) * (2 + math.arity() as i64);
                let at = self.ints[usize::from(self.machine.int_args[0])];
                self.own_frame(at, words * 8)?;
                self.havoc(at, words * 8);
                self.clobber();
            }
            Helper::Rare => {
                let named = self.ints[usize::from(self.machine.rare)].wrapping_sub(HELPERS);
                let entry = usize::try_from(named).ok().and_then(|named| self.contract.pool.get(named / 8));
                if !matches!(entry, Some(PoolEntry::Helper(Helper::Math(_)))) {
                    return Err("a rare call of what is no elementary function".to_owned());
                }
                self.own_frame(self.sp, 16)?;
                self.havoc(self.sp, 16);
                for reg in self.machine.scratch {
                    self.ints[usize::from(*reg)] = self.any();
                }
                self.set_flags(Flags::Any);
            }
            Helper::Trap => {
                self.fuel_is_honest()?;
                self.left_lightly()?;
                return Ok(Some(End::Stopped));
            }
            Helper::Poll => {
                self.fuel_is_honest()?;
                self.left_lightly()?;
                self.since_fuel = 0;
                if self.reserve <= 0 {
                    return Ok(Some(End::Stopped));
                }
                self.reserve -= 1;
                self.fuel = self.random.below(4) as i64;
                self.ints[usize::from(self.machine.fuel)] = self.fuel;
                for reg in self.machine.scratch {
                    self.ints[usize::from(*reg)] = self.any();
                }
                // It keeps the low 128 bits of sixteen registers.
                for at in 0..32 {
                    let low = [self.vectors[at][0], self.vectors[at][1]];
                    self.vectors[at] = if self.random.below(2) == 0 { [0; 8] } else { self.any_vector() };
                    if at < 16 || self.machine.link.is_some() {
                        self.vectors[at][..2].copy_from_slice(&low);
                    }
                }
                self.masks = [(); 8].map(|()| self.random.next() & 0xFF);
                self.set_flags(Flags::Any);
            }
            helper => return self.buffered(helper),
        }
        Ok(None)
    }

    /// A trap leaves a light function without giving anything back.
    pub(super) fn left_lightly(&self) -> Result<(), String> {
        let Some(call) = self.calls.last().filter(|_| self.func().is_light) else { return Ok(()) };
        let kept = call.saved.iter().all(|(reg, before)| match reg {
            Reg::Int(reg) => self.ints[usize::from(*reg)] as u64 == *before,
            Reg::Vector(reg) => self.vectors[usize::from(*reg)][0] == *before,
            Reg::Mask(_) => true,
        });
        if kept { Ok(()) } else { Err("a light function is left with a register changed".to_owned()) }
    }

    pub(super) fn own_frame(&self, at: i64, bytes: i64) -> Result<(), String> {
        let entry = self.calls.last().map_or(0, |call| call.entry);
        if at >= self.sp && at.checked_add(bytes).is_some_and(|end| end <= entry) {
            Ok(())
        } else {
            Err("words outside the frame".to_owned())
        }
    }

    pub(super) fn havoc(&mut self, at: i64, bytes: i64) {
        for word in 0..bytes / 8 {
            let any = self.any();
            self.set_bytes(at + word * 8, &any.to_le_bytes());
        }
    }

    pub(super) fn buffered(&mut self, helper: Helper) -> Done {
        let [context, args] = [0, 1].map(|arg| self.ints[usize::from(self.machine.int_args[arg])]);
        if context != CONTEXT || args != self.sp {
            return Err("wrong arguments of a runtime function".to_owned());
        }
        if self.func().is_light {
            return Err("a light function calls what a trap may leave".to_owned());
        }
        let mut fails = self.random.below(4) == 0;
        self.result = self.any();
        match helper {
            Helper::Alloc(elem) => {
                self.own_frame(self.sp, 8)?;
                let length = self.word(0);
                if (0..=64).contains(&length) && !fails {
                    self.result = self.array(elem.size().trailing_zeros() as u8, length, true);
                } else {
                    fails = true;
                }
            }
            Helper::ArrayOp(op, elem) => {
                let shift = elem.size().trailing_zeros() as u8;
                let arrays = if matches!(op, ArrayOp::Dot | ArrayOp::Copy) { 2 } else { 1 };
                self.own_frame(self.sp, arrays * 16 + if op == ArrayOp::Fill { 8 } else { 0 })?;
                for number in 0..arrays {
                    let (address, length) = (self.word(number * 2), self.word(number * 2 + 1));
                    let write = number == 0 && matches!(op, ArrayOp::Fill | ArrayOp::Copy);
                    self.is_array(address, length, shift, write)
                        .map_err(|what| format!("{}: {what}", helper.name()))?;
                }
            }
            Helper::HostCall => {
                self.own_frame(self.sp, 16)?;
                let count = self.word(1);
                if !(0..=65535).contains(&count) {
                    return Err(format!("{count} arguments"));
                }
                self.own_frame(self.sp, 16 + count * 16)?;
            }
            _ => self.own_frame(self.sp, 16)?,
        }
        if helper.is_metered() {
            if self.fuel_slice > self.fuel {
                return Err("stale fuel in the context".to_owned());
            }
            // It takes some, or gets more of it: what the register says is worth nothing.
            self.fuel = self.random.below(4) as i64;
            self.fuel_slice = self.fuel;
        }
        self.clobber();
        let result = self.machine.int_results[0];
        self.ints[usize::from(result)] = i64::from(fails);
        Ok(None)
    }
}
