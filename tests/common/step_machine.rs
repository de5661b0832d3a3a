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

#[path = "step_machine/calls.rs"]
mod calls;
#[path = "step_machine/steps.rs"]
mod steps;

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
}
