//! One word of a known row to steps, and which registers and immediates a row takes.
//!
//! Register 31 is the stack pointer or zero, by the row; 18 and 29 are the platform's and the host's; 30, the return address, goes only to the frame and back;
//! 28, the context, is only read.

use crate::verify::step::{Base, Cond, Decoded, LaneCond, Lanes, Place, Refused, Reg, Src, Step, Value};

/// Bits 9 to 5 are a general register that is read.
pub(super) const N: u8 = 1;
/// Bits 20 to 16 are.
pub(super) const M: u8 = 2;

/// The stack pointer, or zero.
const SPECIAL: u8 = 31;
const LINK: u8 = 30;
const HOSTS_FRAME: u8 = 29;
const CONTEXT: u8 = 28;
const PLATFORM: u8 = 18;
/// The register that calls go through.
const CALLS: u8 = 16;
/// The register that holds offsets in frames that no instruction can.
const OFFSET: u8 = 17;

/// What a row means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Some whole number of registers that are read.
    AnyInt(u8),
    /// Some vector or float, perhaps of general registers that are read.
    AnyVector(u8),
    /// Some flags, perhaps of general registers that are read.
    Flags(u8),
    Nothing,
    Stop,
    Return,
    CallReg,
    Jump,
    Call,
    Branch,
    BranchZero {
        when_zero: bool,
    },
    BranchLowHalf,
    MoveStack {
        down: bool,
    },
    StackToReg,
    AddConst,
    SubConst,
    AddsConst,
    SubsConst,
    CompareConst,
    CompareNegated,
    TestConst,
    AndConst,
    OrConst,
    XorConst,
    ShiftRight,
    /// Likewise, keeping the sign.
    ShiftRightSigned,
    ShiftLeft,
    Rotate,
    Add {
        shift: u8,
    },
    /// A sum with some bits of a register.
    AddPart {
        signed: bool,
    },
    Adds,
    Sub {
        flags: bool,
    },
    Compare,
    /// A comparison with some bits of a register.
    ComparePart,
    CompareWithLowHalf,
    And,
    /// All bits the other way: less than minus one by the number.
    Not,
    Or,
    Xor,
    Multiply,
    MultiplyHigh,
    MultiplySubtract,
    Divide,
    ShiftRightSome {
        signed: bool,
    },
    CountZeros,
    /// Where what was compared is not equal, a comparison with zero.
    CompareZeroIfNot,
    Copy,
    Select,
    /// One where the condition does not hold, else zero.
    SelectOne,
    SelectFloat,
    Touch,
    PushLink,
    PopLink,
    LoadWord,
    StoreWord,
    LoadInt {
        log: u8,
        signed: bool,
    },
    StoreInt {
        log: u8,
    },
    LoadVector {
        log: u8,
        frame: bool,
    },
    StoreVector {
        log: u8,
        frame: bool,
    },
    LoadWordFar,
    StoreWordFar,
    LoadVectorFar {
        log: u8,
    },
    StoreVectorFar {
        log: u8,
    },
    LoadElem {
        log: u8,
        signed: bool,
    },
    StoreElem {
        log: u8,
    },
    LoadVectorElem {
        log: u8,
    },
    StoreVectorElem {
        log: u8,
    },
    ZeroVector,
    SplatOnes,
    Splat,
    Lane {
        lane: u8,
    },
    CompareLanes {
        or_equal: bool,
    },
    AndLanes,
    OrOrCopy,
    ShiftLanes,
    /// The first word of a constant: 16 bits, over zeros or over ones.
    Wide {
        ones: bool,
    },
    /// The first and only word of a constant: a repeated pattern.
    Bitmask,
    /// A later word of a constant.
    Keep,
    /// The first word of an access to the pool.
    PoolPage,
    /// The last word after a constant that gives back a large frame.
    RaiseByConst,
}

/// A word's fields.
#[derive(Clone, Copy)]
pub(super) struct Word(pub(super) u32);

impl Word {
    pub(super) const fn field(self, at: u32, bits: u32) -> u32 {
        self.0 >> at & ((1 << bits) - 1)
    }

    /// A field that is a number with a sign.
    const fn signed(self, at: u32, bits: u32) -> i64 {
        let unused = 64 - bits;
        (self.field(at, bits) as i64) << unused >> unused
    }

    pub(super) const fn d(self) -> u8 {
        self.field(0, 5) as u8
    }

    pub(super) const fn n(self) -> u8 {
        self.field(5, 5) as u8
    }

    const fn m(self) -> u8 {
        self.field(16, 5) as u8
    }

    const fn a(self) -> u8 {
        self.field(10, 5) as u8
    }

    /// The number of a sum or comparison: 12 bits, or 12 bits above 12 zeros.
    fn imm12(self) -> Result<i64, Refused> {
        let imm = i64::from(self.field(10, 12));
        match self.field(22, 1) {
            0 => Ok(imm),
            _ if imm == 0 => Err(Refused::Form),
            _ => Ok(imm << 12),
        }
    }

    /// The same where zero is no operand.
    fn imm12_not_zero(self) -> Result<i64, Refused> {
        self.imm12().and_then(|imm| if imm == 0 { Err(Refused::Form) } else { Ok(imm) })
    }

    /// An offset that is counted in so many bytes.
    const fn scaled(self, log: u8) -> i64 {
        (self.field(10, 12) as i64) << log
    }

    /// The number of `movz`, `movn` and `movk`: 16 bits and where they go.
    pub(super) const fn wide(self) -> (u64, u32) {
        (self.field(5, 16) as u64, self.field(21, 2) * 16)
    }

    /// The number of pages from this word's to the one that `adrp` gives.
    pub(super) const fn pages(self) -> i64 {
        self.signed(5, 19) << 2 | self.field(29, 2) as i64
    }

    /// A run of ones, turned and repeated. There are several ways to write some; only the plain one is taken.
    pub(super) fn bitmask(self) -> Result<i64, Refused> {
        let (n, turn, ones) = (self.field(22, 1), self.field(16, 6), self.field(10, 6));
        // Elements of 64 bits where N is set; else of twice as few as there are leading ones in the last field.
        let size = if n == 1 {
            64
        } else {
            match (!ones & 0x3F).checked_ilog2() {
                Some(bit @ 1..) => 1 << bit,
                _ => return Err(Refused::Form),
            }
        };
        let run = (ones & (size - 1)) + 1;
        if run == size || turn >= size {
            return Err(Refused::Form);
        }
        let element = (1u64 << run) - 1;
        let all = if size == 64 { u64::MAX } else { (1u64 << size) - 1 };
        let turned = if turn == 0 { element } else { element >> turn | element << (size - turn) & all };
        // Ones at the least bit of each element.
        Ok(turned.wrapping_mul(u64::MAX / all) as i64)
    }

    /// Where a branch goes, from the instruction on.
    fn target(self, at: At, bits: u32) -> Result<u32, Refused> {
        let from = if bits == 26 { 0 } else { 5 };
        let target = i64::from(at.offset) + self.signed(from, bits) * 4;
        match u32::try_from(target) {
            Ok(target) if target < at.end => Ok(target),
            _ => Err(Refused::Form),
        }
    }
}

/// Where a word stands.
#[derive(Clone, Copy)]
pub(super) struct At {
    /// Its offset.
    pub(super) offset: u32,
    /// The length of all code.
    pub(super) end: u32,
}

/// A general register that is read.
fn read(reg: u8) -> Result<u8, Refused> {
    if matches!(reg, PLATFORM | HOSTS_FRAME | LINK | SPECIAL) { Err(Refused::Form) } else { Ok(reg) }
}

/// A general register that is written.
pub(super) fn written(reg: u8) -> Result<u8, Refused> {
    if reg == CONTEXT { Err(Refused::Form) } else { read(reg) }
}

/// One that is read, or zero.
fn read_or_zero(reg: u8) -> Result<Src, Refused> {
    if reg == SPECIAL { Ok(Src::Const(0)) } else { read(reg).map(Src::Reg) }
}

fn check(word: Word, sources: u8) -> Result<(), Refused> {
    let fields = [(N, word.n()), (M, word.m())];
    fields.iter().filter(|(field, _)| sources & field != 0).try_for_each(|(_, reg)| read(*reg).map(|_| ()))
}

/// The condition of this number; the last two always hold, and are never made.
fn condition(number: u32) -> Result<Cond, Refused> {
    Ok(match number {
        0 => Cond::Eq,
        1 => Cond::Ne,
        2 => Cond::AboveEq,
        3 => Cond::Below,
        4 => Cond::Negative,
        5 => Cond::NotNegative,
        6 => Cond::Overflow,
        7 => Cond::NoOverflow,
        8 => Cond::Above,
        9 => Cond::BelowEq,
        10 => Cond::Ge,
        11 => Cond::Lt,
        12 => Cond::Gt,
        13 => Cond::Le,
        _ => return Err(Refused::Form),
    })
}

/// And then these. An instruction is made in place, since it is large.
pub(super) fn put(out: &mut Decoded, steps: &[Step]) -> Result<(), Refused> {
    if steps.iter().all(|step| out.push(*step)) { Ok(()) } else { Err(Refused::Form) }
}

/// What this word does. Words that are part of a unit have no steps of their own here: the unit has them.
pub(super) fn translate(meaning: Meaning, word: Word, at: At, out: &mut Decoded) -> Result<(), Refused> {
    match meaning {
        Meaning::AnyInt(sources) => {
            check(word, sources)?;
            put(out, &[Step::Any(Reg::Int(written(word.d())?))])
        }
        Meaning::AnyVector(sources) => {
            check(word, sources)?;
            put(out, &[Step::Any(Reg::Vector(word.d()))])
        }
        Meaning::Flags(sources) => {
            check(word, sources)?;
            put(out, &[Step::AnyFlags])
        }
        Meaning::Nothing => put(out, &[Step::Nothing]),
        Meaning::Stop => put(out, &[Step::Stop]),
        Meaning::Return => put(out, &[Step::Return]),
        Meaning::CallReg => put(out, &[Step::CallReg { reg: CALLS }]),
        Meaning::Jump => put(out, &[Step::Jump { target: word.target(at, 26)? }]),
        Meaning::Call => put(out, &[Step::Call { target: word.target(at, 26)? }]),
        Meaning::Branch => {
            put(out, &[Step::Branch { cond: condition(word.field(0, 4))?, target: word.target(at, 19)? }])
        }
        Meaning::BranchZero { when_zero } => {
            put(out, &[Step::BranchZero { reg: read(word.d())?, when_zero, target: word.target(at, 19)? }])
        }
        Meaning::BranchLowHalf => {
            read(word.d())?;
            put(out, &[Step::Branch { cond: Cond::Other, target: word.target(at, 19)? }])
        }
        Meaning::MoveStack { .. }
        | Meaning::StackToReg
        | Meaning::Touch
        | Meaning::PushLink
        | Meaning::PopLink
        | Meaning::LoadWordFar
        | Meaning::StoreWordFar
        | Meaning::LoadVectorFar { .. }
        | Meaning::StoreVectorFar { .. } => frame(meaning, word, out),
        Meaning::LoadWord
        | Meaning::StoreWord
        | Meaning::LoadInt { .. }
        | Meaning::StoreInt { .. }
        | Meaning::LoadVector { .. }
        | Meaning::StoreVector { .. }
        | Meaning::LoadElem { .. }
        | Meaning::StoreElem { .. }
        | Meaning::LoadVectorElem { .. }
        | Meaning::StoreVectorElem { .. } => memory(meaning, word, out),
        Meaning::ZeroVector
        | Meaning::SplatOnes
        | Meaning::Splat
        | Meaning::Lane { .. }
        | Meaning::CompareLanes { .. }
        | Meaning::AndLanes
        | Meaning::OrOrCopy
        | Meaning::ShiftLanes => lanes(meaning, word, out),
        Meaning::Wide { .. } | Meaning::Bitmask | Meaning::Keep | Meaning::PoolPage | Meaning::RaiseByConst => {
            piece(meaning, word)
        }
        _ => integer(meaning, word, out),
    }
}

/// Sums, comparisons and selections of general registers.
fn integer(meaning: Meaning, word: Word, out: &mut Decoded) -> Result<(), Refused> {
    let (to, n, m) = (|| written(word.d()), || read(word.n()), || read(word.m()));
    match meaning {
        Meaning::AddConst => put(out, &[Step::Add { to: to()?, a: n()?, b: Src::Const(word.imm12()?), shift: 0 }]),
        Meaning::SubConst => put(out, &[Step::Sub { to: to()?, a: Src::Reg(n()?), b: Src::Const(word.imm12()?) }]),
        Meaning::AddsConst => {
            let to = to()?;
            let sum = Step::Add { to, a: n()?, b: Src::Const(word.imm12()?), shift: 0 };
            put(out, &[Step::AnyFlags, sum, Step::Overflow { of: to }])
        }
        Meaning::SubsConst => {
            let (to, a, b) = (to()?, Src::Reg(n()?), Src::Const(word.imm12()?));
            put(out, &[Step::Compare { a, b }, Step::Sub { to, a, b }, Step::Overflow { of: to }])
        }
        Meaning::CompareConst => put(out, &[Step::Compare { a: Src::Reg(n()?), b: Src::Const(word.imm12()?) }]),
        // The carry of a sum with zero is not that of a difference to zero.
        Meaning::CompareNegated => {
            put(out, &[Step::Compare { a: Src::Reg(n()?), b: Src::Const(-word.imm12_not_zero()?) }])
        }
        Meaning::TestConst => put(out, &[Step::Test { a: n()?, b: Src::Const(word.bitmask()?) }]),
        Meaning::AndConst => put(out, &[Step::And { to: to()?, a: n()?, b: Src::Const(word.bitmask()?) }]),
        Meaning::OrConst => put(out, &[Step::Or { to: to()?, a: n()?, b: Src::Const(word.bitmask()?) }]),
        Meaning::XorConst => put(out, &[Step::Xor { to: to()?, a: n()?, b: Src::Const(word.bitmask()?) }]),
        Meaning::ShiftRight => put(out, &[Step::ShiftRight { to: to()?, a: n()?, by: word.field(16, 6) as u8 }]),
        Meaning::ShiftRightSigned => {
            put(out, &[Step::ShiftRightSigned { to: to()?, a: n()?, by: word.field(16, 6) as u8 }])
        }
        Meaning::ShiftLeft => {
            let (turn, last) = (word.field(16, 6), word.field(10, 6));
            // Others move bits from the middle.
            if turn != last + 1 {
                return Err(Refused::Form);
            }
            put(out, &[Step::ShiftLeft { to: to()?, a: n()?, by: (63 - last) as u8 }])
        }
        Meaning::Rotate => match n()? == m()? {
            true => put(out, &[Step::Any(Reg::Int(to()?))]),
            false => Err(Refused::Form),
        },
        Meaning::Add { shift } => put(out, &[Step::Add { to: to()?, a: n()?, b: Src::Reg(m()?), shift }]),
        Meaning::AddPart { .. } | Meaning::ComparePart => {
            let (a, b, by) = (n()?, m()?, word.field(10, 6) as u8);
            match meaning {
                _ if by == 0 => Err(Refused::Form),
                Meaning::AddPart { signed } => put(out, &[Step::AddPart { to: to()?, a, b, by, signed }]),
                _ => put(out, &[Step::ComparePart { a, b, by }]),
            }
        }
        Meaning::Adds => {
            let to = to()?;
            let sum = Step::Add { to, a: n()?, b: Src::Reg(m()?), shift: 0 };
            put(out, &[Step::AnyFlags, sum, Step::Overflow { of: to }])
        }
        Meaning::Sub { flags } => {
            let (to, a, b) = (to()?, read_or_zero(word.n())?, Src::Reg(m()?));
            match flags {
                true => put(out, &[Step::Compare { a, b }, Step::Sub { to, a, b }, Step::Overflow { of: to }]),
                false => put(out, &[Step::Sub { to, a, b }]),
            }
        }
        Meaning::Compare => put(out, &[Step::Compare { a: Src::Reg(n()?), b: Src::Reg(m()?) }]),
        Meaning::CompareWithLowHalf => match n()? == m()? {
            true => put(out, &[Step::AnyFlags]),
            false => Err(Refused::Form),
        },
        Meaning::And => put(out, &[Step::And { to: to()?, a: n()?, b: Src::Reg(m()?) }]),
        Meaning::Not => put(out, &[Step::Sub { to: to()?, a: Src::Const(-1), b: Src::Reg(m()?) }]),
        Meaning::Or => put(out, &[Step::Or { to: to()?, a: n()?, b: Src::Reg(m()?) }]),
        Meaning::Xor => put(out, &[Step::Xor { to: to()?, a: n()?, b: Src::Reg(m()?) }]),
        Meaning::Multiply => put(out, &[Step::Multiply { to: to()?, a: n()?, b: Src::Reg(m()?) }]),
        Meaning::MultiplyHigh => put(out, &[Step::MultiplyHigh { to: to()?, a: n()?, b: m()? }]),
        Meaning::MultiplySubtract => {
            put(out, &[Step::MultiplySubtract { to: to()?, a: n()?, b: m()?, from: read(word.a())? }])
        }
        Meaning::Divide => put(out, &[Step::Divide { to: to()?, a: n()?, b: m()? }]),
        Meaning::ShiftRightSome { signed } => {
            m()?;
            put(out, &[Step::ShiftRightSome { to: to()?, a: n()?, signed }])
        }
        Meaning::CountZeros => {
            n()?;
            put(out, &[Step::Between { to: to()?, lo: 0, hi: 64 }])
        }
        Meaning::CompareZeroIfNot => put(out, &[Step::CompareZeroIf { a: n()?, cond: Cond::Ne }]),
        Meaning::Copy => put(out, &[Step::Copy { to: Reg::Int(to()?), from: Reg::Int(m()?) }]),
        Meaning::Select => {
            let cond = condition(word.field(12, 4))?;
            put(out, &[Step::Select { to: to()?, yes: Src::Reg(n()?), no: read_or_zero(word.m())?, cond }])
        }
        Meaning::SelectOne => {
            let cond = condition(word.field(12, 4))?;
            put(out, &[Step::Select { to: to()?, yes: Src::Const(0), no: Src::Const(1), cond }])
        }
        Meaning::SelectFloat => {
            condition(word.field(12, 4))?;
            put(out, &[Step::Any(Reg::Vector(word.d()))])
        }
        _ => Err(Refused::Form),
    }
}

/// The stack pointer, and places in the frame that are written in one way only.
fn frame(meaning: Meaning, word: Word, out: &mut Decoded) -> Result<(), Refused> {
    let sp = |disp: i64, bytes: u32| Place { base: Base::Stack, index: None, disp, bytes };
    let far = |log: u8| Place { base: Base::Stack, index: Some((OFFSET, 0)), disp: 0, bytes: 1 << log };
    match meaning {
        Meaning::MoveStack { down } => {
            let by = word.imm12_not_zero()?;
            put(out, &[Step::MoveStack { by: if down { -by } else { by } }])
        }
        Meaning::StackToReg => put(out, &[Step::StackAddress { to: written(word.d())?, by: 0 }]),
        Meaning::Touch => put(out, &[Step::Load { to: None, from: sp(0, 8), signed: false }]),
        Meaning::PushLink => put(
            out,
            &[
                Step::MoveStack { by: -16 },
                Step::Store { to: sp(0, 8), value: Some(Value::Const(0)) },
                Step::Store { to: sp(8, 8), value: Some(Value::Reg(Reg::Int(LINK))) },
            ],
        ),
        Meaning::PopLink => put(
            out,
            &[
                Step::Load { to: None, from: sp(0, 8), signed: false },
                Step::Load { to: Some(Reg::Int(LINK)), from: sp(8, 8), signed: false },
                Step::MoveStack { by: 16 },
            ],
        ),
        Meaning::LoadWordFar => {
            let to = if word.d() == LINK { LINK } else { written(word.d())? };
            put(out, &[Step::Load { to: Some(Reg::Int(to)), from: far(3), signed: false }])
        }
        Meaning::StoreWordFar => put(out, &[Step::Store { to: far(3), value: Some(stored(word.d(), true)?) }]),
        Meaning::LoadVectorFar { log } => {
            put(out, &[Step::Load { to: Some(Reg::Vector(word.d())), from: far(log), signed: false }])
        }
        Meaning::StoreVectorFar { log } => {
            put(out, &[Step::Store { to: far(log), value: Some(Value::Reg(Reg::Vector(word.d()))) }])
        }
        _ => Err(Refused::Form),
    }
}

/// What a general store stores: zero for register 31; the return address goes to the frame alone.
fn stored(reg: u8, to_frame: bool) -> Result<Value, Refused> {
    match reg {
        LINK if to_frame => Ok(Value::Reg(Reg::Int(LINK))),
        SPECIAL => Ok(Value::Const(0)),
        reg => read(reg).map(|reg| Value::Reg(Reg::Int(reg))),
    }
}

/// Loads and stores.
fn memory(meaning: Meaning, word: Word, out: &mut Decoded) -> Result<(), Refused> {
    // A base that may be the stack pointer, and a number.
    let place = |log: u8, frame: bool| {
        let base = match word.n() {
            SPECIAL if frame => Base::Stack,
            reg => Base::Reg(read(reg)?),
        };
        Ok(Place { base, index: None, disp: word.scaled(log), bytes: 1 << log })
    };
    let elem = |log: u8| {
        let (base, index) = (Base::Reg(read(word.n())?), Some((read(word.m())?, log)));
        Ok(Place { base, index, disp: 0, bytes: 1 << log })
    };
    let load = |from: Place, signed: bool| Ok(Step::Load { to: Some(Reg::Int(written(word.d())?)), from, signed });
    let store = |to: Place| Ok(Step::Store { to, value: Some(stored(word.d(), to.base == Base::Stack)?) });
    let load_vector = |from: Place| Ok(Step::Load { to: Some(Reg::Vector(word.d())), from, signed: false });
    let store_vector = |to: Place| Ok(Step::Store { to, value: Some(Value::Reg(Reg::Vector(word.d()))) });
    let step = match meaning {
        Meaning::LoadWord => match place(3, true)? {
            from if word.d() == LINK && from.base == Base::Stack => {
                Ok(Step::Load { to: Some(Reg::Int(LINK)), from, signed: false })
            }
            from => load(from, false),
        },
        Meaning::StoreWord => store(place(3, true)?),
        Meaning::LoadInt { log, signed } => load(place(log, false)?, signed),
        Meaning::StoreInt { log } => store(place(log, false)?),
        Meaning::LoadVector { log, frame } => load_vector(place(log, frame)?),
        Meaning::StoreVector { log, frame } => store_vector(place(log, frame)?),
        Meaning::LoadElem { log, signed } => load(elem(log)?, signed),
        Meaning::StoreElem { log } => store(elem(log)?),
        Meaning::LoadVectorElem { log } => load_vector(elem(log)?),
        Meaning::StoreVectorElem { log } => store_vector(elem(log)?),
        _ => Err(Refused::Form),
    };
    put(out, &[step?])
}

/// What gathers rest on: comparisons of lanes, masks, single lanes.
fn lanes(meaning: Meaning, word: Word, out: &mut Decoded) -> Result<(), Refused> {
    let (to, n, m) = (word.d(), word.n(), word.m());
    match meaning {
        Meaning::ZeroVector => put(out, &[Step::ZeroVector { to }]),
        Meaning::SplatOnes => put(out, &[Step::SplatConst { to, value: -1 }]),
        Meaning::Splat => put(out, &[Step::Splat { to, from: read(n)? }]),
        Meaning::Lane { lane } => put(out, &[Step::Lane { to: written(to)?, from: n, lane }]),
        // The machine asks whether the first is greater.
        Meaning::CompareLanes { or_equal } => {
            let cond = if or_equal { LaneCond::Le } else { LaneCond::Lt };
            put(out, &[Step::CompareLanes { to: Reg::Vector(to), a: Lanes::Reg(m), b: Lanes::Reg(n), cond, and: None }])
        }
        Meaning::AndLanes => put(out, &[Step::AndLanes { to, a: n, b: Lanes::Reg(m) }]),
        Meaning::OrOrCopy if n == m => put(out, &[Step::Copy { to: Reg::Vector(to), from: Reg::Vector(n) }]),
        Meaning::OrOrCopy => put(out, &[Step::Any(Reg::Vector(to))]),
        // By nothing, or by all bits: never made.
        Meaning::ShiftLanes if word.field(16, 6) == 0 => Err(Refused::Form),
        Meaning::ShiftLanes => put(out, &[Step::Any(Reg::Vector(to))]),
        _ => Err(Refused::Form),
    }
}

/// Words that stand in units: whether their fields are right.
fn piece(meaning: Meaning, word: Word) -> Result<(), Refused> {
    let fits = match meaning {
        Meaning::Wide { .. } => {
            written(word.d())?;
            // What is no number but its filler stands lowest.
            let (bits, shift) = word.wide();
            bits != 0 || shift == 0
        }
        Meaning::Bitmask => {
            written(word.d())?;
            word.bitmask()?;
            true
        }
        Meaning::Keep => written(word.d()).is_ok() && word.wide().1 > 0,
        Meaning::PoolPage => matches!(word.d(), CALLS | OFFSET),
        _ => true,
    };
    if fits { Ok(()) } else { Err(Refused::Form) }
}
