//! A machine that runs the steps that the verifier's decoders make of code, with what no rule follows chosen as badly as can be: each result that is *some value* is an index just past an array, an
//! address, a number that overflows. Code that the verifier accepted must stay inside whatever is chosen; what it does against the rules is told.
//!
//! It knows no proofs: it has numbers, and looks at each access where that goes.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use cresset::Type;
use cresset::codegen::blob::{FuncCode, PoolEntry, SiteKind, site_of};
use cresset::ir::op::ArrayOp;
use cresset::runtime::context::offset;
use cresset::runtime::helper::Helper;
use cresset::verify::machine::{A64, Machine, Place as Param, Places, X64};
use cresset::verify::step::{Base, Cond, Decode, LaneCond, Lanes, Place, Reg, Src, Step, Value};
use cresset::verify::{Contract, Loops};
use std::collections::BTreeMap;

/// Where the context is taken to lie.
const CONTEXT: i64 = 0x7E00_0000_0000;
/// Where the stack ends that a run begins with.
const STACK: i64 = 0x7D00_0000_0000;
/// Bytes of it that are kept.
const KEPT: i64 = 1 << 14;
/// Where arrays lie, each so far from the next.
const ARRAYS: i64 = 0x1000_0000_0000;
const APART: i64 = 1 << 36;
/// What a word of the pool that names a runtime function holds.
const HELPERS: i64 = 0x7C00_0000_0000;
/// What the word holds that tells how far the arena is used.
const MARKS: i64 = 0x7B00_0000_0000;
/// Return addresses.
const LINKS: i64 = 0x7A00_0000_0000;

/// Pseudo-random numbers.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a result.
    Returned,
    /// With a trap, or an instruction that stops.
    Stopped,
    /// After so many steps that this test waits no longer.
    Cut,
}

/// What accepted code did that it must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escape {
    /// The instruction.
    pub offset: u32,
    /// What it did.
    pub what: String,
}

#[derive(Clone, Copy, Debug)]
struct Array {
    base: i64,
    bytes: i64,
    writable: bool,
}

/// A call under way.
#[derive(Clone, Debug)]
struct Activation {
    func: usize,
    /// The stack pointer at its entry.
    entry: i64,
    /// Where to go on in the caller.
    back: u32,
    saved: Vec<(Reg, u64)>,
    link: i64,
    depth: i64,
    params: i64,
}

#[derive(Clone, Copy, Debug)]
enum Flags {
    Any,
    Compared(i64, i64),
    Tested(i64),
    /// Something is greater, as numbers with a sign.
    Greater,
}

/// Instructions, decoded once for many runs.
#[derive(PartialEq, Eq)]
pub struct Code {
    /// Where each instruction begins, and one past the last.
    pub offsets: Vec<u32>,
    steps: Vec<Vec<Step>>,
}

impl Code {
    /// Of code that the verifier accepted, so that it decodes.
    pub fn of(decoder: &dyn Decode, code: &[u8]) -> Option<Code> {
        let (mut offsets, mut steps, mut at) = (Vec::new(), Vec::new(), 0);
        while (at as usize) < code.len() {
            let decoded = decoder.decode(code, at).ok()?;
            offsets.push(at);
            steps.push(decoded.steps().collect());
            at += decoded.len;
        }
        offsets.push(at);
        Some(Code { offsets, steps })
    }

    /// How many instructions.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    fn at(&self, offset: u32) -> Option<usize> {
        self.offsets.binary_search(&offset).ok().filter(|at| *at < self.steps.len())
    }
}

/// A run.
pub struct StepMachine<'a> {
    contract: &'a Contract<'a>,
    machine: &'static Machine,
    code: &'a Code,
    random: Random,
    lanes: usize,
    /// Whether each way through code that has no end takes fuel.
    metered: bool,
    ints: [i64; 32],
    vectors: [[u64; 8]; 32],
    masks: [u64; 8],
    flags: Flags,
    /// Whether the flags tell that a result did not fit, or that it did.
    overflow: Option<bool>,
    /// Whether the last sum, difference or product fitted.
    fits: bool,
    sp: i64,
    stack: Vec<u8>,
    arrays: Vec<Array>,
    tables: BTreeMap<usize, i64>,
    calls: Vec<Activation>,
    at: usize,
    /// Fuel that there is; the register may say less.
    fuel: i64,
    /// In the context.
    fuel_slice: i64,
    /// All that polls may still give.
    reserve: i64,
    result: i64,
    marks: i64,
    links: i64,
    since_fuel: usize,
}

type Done = Result<Option<End>, String>;

impl<'a> StepMachine<'a> {
    /// Runs a function with arguments that may be anything.
    pub fn run(contract: &'a Contract<'a>, code: &'a Code, func: usize, random: Random) -> Result<End, Escape> {
        let machine = match contract.arch {
            cresset::codegen::Arch::X64 => &X64,
            cresset::codegen::Arch::A64 => &A64,
        };
        let mut run = StepMachine {
            contract,
            machine,
            code,
            random,
            lanes: contract.vector_bytes.max(16) as usize / 8,
            metered: match contract.loops {
                Loops::Metered => true,
                Loops::Rows(first) => contract.funcs[func].func < first,
                Loops::Free => false,
            },
            ints: [0; 32],
            vectors: [[0; 8]; 32],
            masks: [0; 8],
            flags: Flags::Any,
            overflow: None,
            fits: true,
            sp: STACK,
            stack: vec![0; KEPT as usize],
            arrays: Vec::new(),
            tables: BTreeMap::new(),
            calls: Vec::new(),
            at: 0,
            fuel: 0,
            fuel_slice: 0,
            reserve: 12,
            result: 0,
            marks: 0,
            links: 0,
            since_fuel: 0,
        };
        run.begin(func);
        run.go().map_err(|(at, what)| Escape { offset: code.offsets.get(at).copied().unwrap_or(u32::MAX), what })
    }

    fn func(&self) -> &'a FuncCode {
        &self.contract.funcs[self.calls.last().map_or(0, |call| call.func)]
    }

    /// A number of which nothing is known.
    fn any(&mut self) -> i64 {
        let some = |this: &mut Self| match this.arrays.len() {
            0 => 7,
            count => {
                let at = this.random.below(count);
                this.arrays[at].bytes
            }
        };
        match self.random.below(20) {
            0 => 0,
            1 => 1,
            2 => -1,
            3 => self.random.below(8) as i64,
            4 => some(self),
            5 => some(self) / 8,
            6 => some(self) / 8 - 1,
            7 => some(self) / 8 + 1,
            8 => some(self) / 4,
            9 => i64::MIN,
            10 => i64::MAX,
            11 => 1 << 61,
            12 => 1 << 57,
            13 => self.sp,
            14 => CONTEXT,
            15 => self.arrays.first().map_or(3, |array| array.base),
            16 => self.ints[self.random.below(32)],
            17 => -(self.random.below(9) as i64),
            18 => i64::from(self.random.next() as u32),
            _ => self.random.next() as i64,
        }
    }

    fn array(&mut self, shift: u8, length: i64, writable: bool) -> i64 {
        let base = ARRAYS + APART * self.arrays.len() as i64;
        self.arrays.push(Array { base, bytes: length << shift, writable });
        base
    }

    fn begin(&mut self, func: usize) {
        for at in 0..32 {
            self.ints[at] = self.any();
            self.vectors[at] = self.any_vector();
        }
        self.masks = [(); 8].map(|()| self.random.next());
        for at in 0..self.stack.len() {
            self.stack[at] = (at * 37) as u8 ^ 0x5A;
        }
        let machine = self.machine;
        let Some(signature) = self.contract.signatures.get(self.contract.funcs[func].func.0 as usize) else { return };
        let words = Places::words_of(machine, signature.params.iter().map(|param| &param.ty));
        // Its parameters beyond the registers, then on x86-64 the return address.
        self.sp = (STACK - 1024 - words * 8) / 16 * 16 - machine.pushed;
        let above = self.sp + machine.pushed;
        let mut places = Places::new(machine);
        for param in &signature.params {
            match param.ty {
                Type::F64 => _ = places.float(),
                Type::Array(elem) => {
                    let length = [0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 31][self.random.below(11)];
                    let base = self.array(elem.size().trailing_zeros() as u8, length, param.mutable);
                    let (base_at, length_at) = (places.int(), places.int());
                    self.put(above, base_at, base);
                    self.put(above, length_at, length);
                }
                _ => {
                    let value = if self.random.below(2) == 0 { self.random.below(12) as i64 } else { self.any() };
                    let place = places.int();
                    self.put(above, place, value);
                }
            }
        }
        self.fuel = self.random.below(4) as i64;
        self.ints[usize::from(machine.fuel)] = self.fuel;
        self.ints[usize::from(machine.depth)] = self.random.below(4) as i64;
        self.ints[usize::from(machine.context)] = CONTEXT;
        if self.contract.funcs[func].is_pure {
            for reg in [machine.fuel, machine.depth, machine.context] {
                self.ints[usize::from(reg)] = self.any();
            }
        }
        self.enter(func, u32::MAX, words);
    }

    fn put(&mut self, above: i64, place: Param, value: i64) {
        match place {
            Param::Reg(Reg::Int(reg)) => self.ints[usize::from(reg)] = value,
            Param::Reg(_) => {}
            Param::Word(word) => self.set_bytes(above + word * 8, &value.to_le_bytes()),
        }
    }

    fn enter(&mut self, func: usize, back: u32, params: i64) {
        let machine = self.machine;
        self.links += 1;
        let link = LINKS + self.links * 4;
        if let Some(reg) = machine.link {
            self.ints[usize::from(reg)] = link;
        }
        let code = &self.contract.funcs[func];
        let special = [machine.context, machine.fuel, machine.depth];
        let kept = machine.saved.iter().chain(special.iter().filter(|_| code.is_pure));
        let ints = kept.map(|reg| (Reg::Int(*reg), self.ints[usize::from(*reg)] as u64));
        let floats = machine.saved_floats.clone().map(|reg| (Reg::Vector(reg), self.vectors[usize::from(reg)][0]));
        let saved = ints.chain(floats).collect();
        let depth = self.ints[usize::from(machine.depth)];
        self.calls.push(Activation { func, entry: self.sp, back, saved, link, depth, params });
        self.at = self.code.at(code.start).unwrap_or(usize::MAX);
    }

    fn bytes(&mut self, at: i64, count: usize) -> Vec<u8> {
        (0..count as i64)
            .map(|i| {
                let place = at + i - (STACK - KEPT);
                usize::try_from(place).ok().and_then(|place| self.stack.get(place).copied()).unwrap_or(0x77)
            })
            .collect()
    }

    fn set_bytes(&mut self, at: i64, bytes: &[u8]) {
        for (i, byte) in bytes.iter().enumerate() {
            let place = usize::try_from(at + i as i64 - (STACK - KEPT)).ok();
            if let Some(kept) = place.and_then(|place| self.stack.get_mut(place)) {
                *kept = *byte;
            }
        }
    }

    fn any_vector(&mut self) -> [u64; 8] {
        let one = self.any() as u64;
        if self.random.below(3) == 0 { [one; 8] } else { [(); 8].map(|()| self.any() as u64) }
    }

    fn src(&self, src: Src) -> i64 {
        match src {
            Src::Reg(reg) => self.ints[usize::from(reg)],
            Src::Const(number) => number,
        }
    }

    fn holds(&mut self, cond: Cond) -> bool {
        let any = self.random.next() & 1 == 0;
        match (self.flags, cond) {
            (_, Cond::Overflow) => self.overflow.unwrap_or(any),
            (_, Cond::NoOverflow) => self.overflow.map_or(any, |overflow| !overflow),
            (_, Cond::Other) | (Flags::Any, _) => any,
            (Flags::Greater, Cond::Ne | Cond::Gt | Cond::Ge | Cond::NotNegative) => true,
            (Flags::Greater, Cond::Eq | Cond::Lt | Cond::Le | Cond::Negative) => false,
            (Flags::Greater, _) => any,
            (Flags::Tested(bits), Cond::Eq) => bits == 0,
            (Flags::Tested(bits), Cond::Ne) => bits != 0,
            (Flags::Tested(_), _) => any,
            (Flags::Compared(a, b), cond) => match cond {
                Cond::Eq => a == b,
                Cond::Ne => a != b,
                Cond::Lt => a < b,
                Cond::Le => a <= b,
                Cond::Gt => a > b,
                Cond::Ge => a >= b,
                Cond::Below => (a as u64) < b as u64,
                Cond::BelowEq => a as u64 <= b as u64,
                Cond::Above => a as u64 > b as u64,
                Cond::AboveEq => a as u64 >= b as u64,
                Cond::Negative => a.wrapping_sub(b) < 0,
                Cond::NotNegative => a.wrapping_sub(b) >= 0,
                Cond::Overflow | Cond::NoOverflow | Cond::Other => any,
            },
        }
    }

    fn go(&mut self) -> Result<End, (usize, String)> {
        // Between two units of fuel no instruction comes twice, and rows are few.
        let limit = if self.metered { 2 * self.code.len() + 64 } else { 40 * self.code.len() + 2000 };
        for _ in 0..40_000 {
            let at = self.at;
            let Some(steps) = self.code.steps.get(at) else { return Err((at, "control leaves the code".to_owned())) };
            let func = self.func();
            let offset = self.code.offsets[at];
            if offset < func.start || offset >= func.end {
                return Err((at, "control leaves the function".to_owned()));
            }
            self.at += 1;
            for step in steps {
                match self.step(*step) {
                    Ok(None) => {}
                    Ok(Some(end)) => return Ok(end),
                    Err(what) => return Err((at, what)),
                }
            }
            self.since_fuel += 1;
            if self.metered && self.since_fuel > limit {
                return Err((at, "a loop takes no fuel".to_owned()));
            }
            if !self.metered && self.since_fuel > limit {
                return Ok(End::Cut);
            }
        }
        Ok(End::Cut)
    }

    /// Whether so many bytes are the program's own.
    fn access(&mut self, at: i64, bytes: i64, write: bool) -> Result<(), String> {
        let call = self.calls.last().ok_or("no function")?;
        let end = at.checked_add(bytes).ok_or("an address wraps around")?;
        if at >= self.sp && end <= call.entry {
            return Ok(());
        }
        let params = call.entry + self.machine.pushed;
        if !write && at >= params && end <= params + call.params * 8 {
            return Ok(());
        }
        let inside = |array: &&Array| at >= array.base && end <= array.base + array.bytes;
        match self.arrays.iter().find(inside) {
            Some(array) if write && !array.writable => {
                Err(format!("a write of {bytes} bytes to an array that is only read"))
            }
            Some(_) => Ok(()),
            None => {
                let near =
                    self.arrays.iter().find(|array| (array.base - (1 << 30)..array.base + (1 << 30)).contains(&at));
                let near = near.map(|array| (at - array.base, array.bytes));
                Err(format!(
                    "an access of {bytes} bytes at {at:#x} (write: {write}; in an array and its bytes: {near:?}; above the entry's stack pointer: {})",
                    at.wrapping_sub(call.entry)
                ))
            }
        }
    }

    fn address(&self, place: &Place) -> i64 {
        let base = match place.base {
            Base::Reg(reg) => self.ints[usize::from(reg)],
            Base::Stack => self.sp,
        };
        let index = place.index.map_or(0, |(reg, shift)| self.ints[usize::from(reg)] << shift);
        base.wrapping_add(index).wrapping_add(place.disp)
    }

    fn is_context(&self, place: &Place) -> Option<i64> {
        let at = self.address(place) - CONTEXT;
        (0..512).contains(&at).then_some(at)
    }

    /// The fuel that the register says is there.
    fn fuel_is_honest(&mut self) -> Result<(), String> {
        if self.func().is_pure {
            return Ok(());
        }
        let says = self.ints[usize::from(self.machine.fuel)];
        if says <= self.fuel { Ok(()) } else { Err(format!("fuel out of nothing: {says}, not {}", self.fuel)) }
    }

    fn set(&mut self, reg: u8, value: i64) -> Result<(), String> {
        self.ints[usize::from(reg)] = value;
        Ok(())
    }

    fn set_flags(&mut self, flags: Flags) {
        self.flags = flags;
        self.overflow = None;
    }

    /// A result, modulo 2^64.
    fn exact(&mut self, result: i128) -> i64 {
        self.fits = i64::try_from(result).is_ok();
        result as i64
    }

    fn set_any(&mut self, reg: Reg) {
        match reg {
            Reg::Int(reg) => self.ints[usize::from(reg)] = self.any(),
            Reg::Vector(reg) => self.vectors[usize::from(reg)] = self.any_vector(),
            Reg::Mask(reg) => self.masks[usize::from(reg)] = self.random.next() & 0xFF,
        }
    }

    fn lanes_of(&mut self, lanes: Lanes) -> Result<[u64; 8], String> {
        Ok(match lanes {
            Lanes::Reg(reg) => self.vectors[usize::from(reg)],
            Lanes::Pool(offset) => [self.pool(offset, 8)?; 8],
            Lanes::PoolRow(offset) => {
                let mut row = [0; 8];
                for (at, lane) in row.iter_mut().enumerate().take(self.lanes) {
                    *lane = self.pool(offset + at as i64 * 8, 8)?;
                }
                row
            }
        })
    }

    fn pool(&mut self, offset: i64, bytes: i64) -> Result<u64, String> {
        if offset < 0 || offset + bytes > self.contract.pool.len() as i64 * 8 {
            return Err("a read outside the pool".to_owned());
        }
        let at = offset as usize / 8;
        Ok(match self.contract.pool[at] {
            PoolEntry::Bits(bits) if offset % 8 == 0 => bits,
            PoolEntry::Helper(_) if offset % 8 == 0 => (HELPERS + offset) as u64,
            PoolEntry::Table(table) if offset % 8 == 0 => match self.tables.get(&at) {
                Some(base) => *base as u64,
                None => {
                    let base = self.array(3, table.len() as i64, false);
                    self.tables.insert(at, base);
                    base as u64
                }
            },
            _ => self.any() as u64,
        })
    }

    fn set_lanes(&mut self, mask: Reg) -> u64 {
        match mask {
            Reg::Mask(reg) => self.masks[usize::from(reg)] & ((1 << self.lanes) - 1),
            Reg::Vector(reg) => {
                let lanes = self.vectors[usize::from(reg)];
                (0..self.lanes).filter(|at| (lanes[*at] as i64) < 0).map(|at| 1 << at).sum()
            }
            Reg::Int(_) => 0,
        }
    }

    fn step(&mut self, step: Step) -> Done {
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

    fn jump(&mut self, target: u32) -> Result<(), String> {
        self.at = self.code.at(target).ok_or("a branch into an instruction")?;
        Ok(())
    }

    fn load(&mut self, to: Option<Reg>, from: &Place, signed: bool) -> Result<(), String> {
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

    fn load_context(&mut self, to: Option<Reg>, field: i64, bytes: u32) -> Result<(), String> {
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

    fn store(&mut self, to: &Place, value: Option<Value>) -> Result<(), String> {
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

    fn move_stack(&mut self, by: i64) -> Result<(), String> {
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

    fn site(&self) -> Option<SiteKind> {
        site_of(self.contract.sites, *self.code.offsets.get(self.at)?).map(|site| site.kind)
    }

    /// The stack as the runtime must find it.
    fn at_call(&self, walked: bool) -> Result<(), String> {
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
    fn clobber(&mut self) {
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
    fn is_array(&mut self, address: i64, length: i64, shift: u8, write: bool) -> Result<(), String> {
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

    fn call(&mut self, target: u32) -> Done {
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

    fn get(&mut self, place: Param) -> i64 {
        match place {
            Param::Reg(Reg::Int(reg)) => self.ints[usize::from(reg)],
            Param::Reg(_) => 0,
            Param::Word(word) => self.word(word),
        }
    }

    fn word(&mut self, word: i64) -> i64 {
        let bytes = self.bytes(self.sp + word * 8, 8);
        i64::from_le_bytes(bytes.try_into().expect("eight bytes"))
    }

    fn ret(&mut self) -> Done {
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

    fn call_helper(&mut self, address: u64) -> Done {
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
    fn left_lightly(&self) -> Result<(), String> {
        let Some(call) = self.calls.last().filter(|_| self.func().is_light) else { return Ok(()) };
        let kept = call.saved.iter().all(|(reg, before)| match reg {
            Reg::Int(reg) => self.ints[usize::from(*reg)] as u64 == *before,
            Reg::Vector(reg) => self.vectors[usize::from(*reg)][0] == *before,
            Reg::Mask(_) => true,
        });
        if kept { Ok(()) } else { Err("a light function is left with a register changed".to_owned()) }
    }

    fn own_frame(&self, at: i64, bytes: i64) -> Result<(), String> {
        let entry = self.calls.last().map_or(0, |call| call.entry);
        if at >= self.sp && at.checked_add(bytes).is_some_and(|end| end <= entry) {
            Ok(())
        } else {
            Err("words outside the frame".to_owned())
        }
    }

    fn havoc(&mut self, at: i64, bytes: i64) {
        for word in 0..bytes / 8 {
            let any = self.any();
            self.set_bytes(at + word * 8, &any.to_le_bytes());
        }
    }

    fn buffered(&mut self, helper: Helper) -> Done {
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
