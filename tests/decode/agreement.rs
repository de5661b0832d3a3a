//! Whether the steps of an instruction say all that another description of it says: iced-x86's own of registers, memory and flags.

use cresset::verify::step::{Base, Decoded, Lanes, Place, Reg, Src, Step, Value};
use iced_x86::{Instruction, InstructionInfoFactory, OpAccess, Register};
use std::collections::BTreeSet;

/// What an instruction touches.
#[derive(Debug, Default)]
struct Touched {
    written: BTreeSet<Reg>,
    read: BTreeSet<Reg>,
    flags: bool,
    /// Whether the stack pointer moves.
    stack: bool,
    /// Memory that is read or written: bytes, and whether it is written.
    memory: BTreeSet<(u32, bool)>,
}

fn register(register: Register) -> Option<Reg> {
    let (whole, number) = (register.full_register(), register.number() as u8);
    if whole.is_gpr() {
        Some(Reg::Int(number))
    } else if whole.is_zmm() {
        Some(Reg::Vector(number))
    } else {
        whole.is_k().then_some(Reg::Mask(number))
    }
}

/// The other description.
fn described(insts: &[Instruction]) -> Touched {
    let mut touched = Touched::default();
    let mut factory = InstructionInfoFactory::new();
    for inst in insts {
        let info = factory.info(inst);
        touched.flags |= inst.rflags_modified() != 0;
        let is_call = inst.is_call_near() || inst.is_call_near_indirect() || inst.code() == iced_x86::Code::Retnq;
        for used in info.used_registers() {
            let register = used.register().full_register();
            let Some(reg) = self::register(register) else {
                assert!(register == Register::RIP, "{register:?}");
                continue;
            };
            let access = used.access();
            let is_written =
                matches!(access, OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite);
            if reg == Reg::Int(4) {
                touched.stack |= is_written && !is_call;
            } else if is_written {
                touched.written.insert(reg);
            }
            // What is written under a condition stays otherwise.
            if access != OpAccess::Write {
                touched.read.insert(reg);
            }
        }
        for used in info.used_memory() {
            let is_written =
                !matches!(used.access(), OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess | OpAccess::None);
            if used.access() != OpAccess::NoMemAccess && !(is_call && used.segment() == Register::SS) {
                touched.memory.insert((used.memory_size().size() as u32, is_written));
            }
        }
    }
    touched
}

/// What the steps say.
fn said(decoded: &Decoded) -> Touched {
    let mut said = Touched::default();
    for step in decoded.steps() {
        step.written(&mut |reg| _ = said.written.insert(reg));
        match step {
            Step::Load { from, .. } => _ = said.memory.insert((from.bytes, false)),
            Step::LoadPool { bytes, .. } | Step::Gather { bytes, .. } => _ = said.memory.insert((bytes, false)),
            Step::Store { to, .. } => _ = said.memory.insert((to.bytes, true)),
            Step::SplatPool { .. } | Step::CallPool { .. } => _ = said.memory.insert((8, false)),
            Step::AndLanes { b, .. } | Step::XorLanes { b, .. } => said.memory.extend(lanes(b)),
            Step::CompareLanes { a, b, .. } => said.memory.extend(lanes(a).into_iter().chain(lanes(b))),
            Step::Compare { .. }
            | Step::Test { .. }
            | Step::AnyFlags
            | Step::Overflow { .. }
            | Step::TestLanes { .. } => said.flags = true,
            Step::MoveStack { .. } => said.stack = true,
            Step::Probe { .. } => {
                (said.flags, said.stack) = (true, true);
                said.memory.insert((8, false));
            }
            // Of these only AArch64's decoder makes any.
            Step::MultiplySubtract { .. }
            | Step::Divide { .. }
            | Step::AddPart { .. }
            | Step::ComparePart { .. }
            | Step::CompareZeroIf { .. }
            | Step::BranchZero { .. }
            | Step::CallReg { .. }
            | Step::Lane { .. }
            | Step::Stop => panic!("{step:?}"),
            _ => {}
        }
    }
    said
}

/// What is read of the pool; the length of a row is that of the vector, which the step does not say.
fn lanes(lanes: Lanes) -> Option<(u32, bool)> {
    match lanes {
        Lanes::Reg(_) => None,
        Lanes::Pool(_) => Some((8, false)),
        Lanes::PoolRow(_) => Some((0, false)),
    }
}

/// The registers that the steps take for known: they must be read.
fn sources(step: Step) -> Vec<Reg> {
    let of = |source: Src| if let Src::Reg(reg) = source { Some(Reg::Int(reg)) } else { None };
    let place = |place: Place| {
        let base = if let Base::Reg(base) = place.base { Some(Reg::Int(base)) } else { None };
        base.into_iter().chain(place.index.map(|(index, _)| Reg::Int(index))).collect()
    };
    match step {
        Step::Copy { from, .. } => vec![from],
        Step::ZeroExtend { from, .. } | Step::Splat { from, .. } => vec![Reg::Int(from)],
        Step::Add { a, b, .. }
        | Step::And { a, b, .. }
        | Step::Or { a, b, .. }
        | Step::Xor { a, b, .. }
        | Step::Multiply { a, b, .. } => std::iter::once(Reg::Int(a)).chain(of(b)).collect(),
        Step::MultiplyHigh { a, b, .. } => vec![Reg::Int(a), Reg::Int(b)],
        Step::DivideDouble { low, high, b, .. } => [low, high, b].map(Reg::Int).to_vec(),
        Step::Sub { a, b, .. } | Step::Compare { a, b } => of(a).into_iter().chain(of(b)).collect(),
        Step::ShiftLeft { a, .. }
        | Step::ShiftRight { a, .. }
        | Step::ShiftRightSome { a, .. }
        | Step::ShiftRightSigned { a, .. } => vec![Reg::Int(a)],
        Step::Select { yes, no, .. } => of(yes).into_iter().chain(of(no)).collect(),
        Step::Load { from, .. } => place(from),
        Step::Store { to, value } => {
            let mut regs = place(to);
            if let Some(Value::Reg(reg)) = value {
                regs.push(reg);
            }
            regs
        }
        Step::Test { a, b } => std::iter::once(Reg::Int(a)).chain(of(b)).collect(),
        Step::Gather { base, index, mask, .. } => vec![Reg::Int(base), Reg::Vector(index), mask],
        Step::MaskBits { from, .. } => vec![from],
        Step::TestLanes { mask } => vec![mask],
        Step::AndMasks { a, b, .. } => vec![Reg::Mask(a), Reg::Mask(b)],
        Step::AndNotMasks { a, b, .. } => vec![a, b],
        Step::NotMask { from, .. } => vec![Reg::Mask(from)],
        Step::AndLanes { a, b, .. } | Step::XorLanes { a, b, .. } => [Lanes::Reg(a), b]
            .into_iter()
            .filter_map(|lanes| if let Lanes::Reg(reg) = lanes { Some(Reg::Vector(reg)) } else { None })
            .collect(),
        Step::CompareLanes { a, b, .. } => [a, b]
            .into_iter()
            .filter_map(|lanes| if let Lanes::Reg(reg) = lanes { Some(Reg::Vector(reg)) } else { None })
            .collect(),
        _ => Vec::new(),
    }
}

/// Holds the steps against the other description.
pub fn agree(insts: &[Instruction], decoded: &Decoded) -> Result<(), String> {
    if decoded.steps().all(|step| step == Step::Nothing) && decoded.steps().next().is_some() {
        // Padding names memory that it does not touch.
        return Ok(());
    }
    let (described, said) = (described(insts), said(decoded));
    if !described.written.is_subset(&said.written) {
        return Err(format!("registers are written: {described:?}, {said:?}"));
    }
    if !said.written.is_subset(&described.written) && !decoded.steps().any(|step| step == Step::AnyVectors) {
        return Err(format!("registers are not written: {described:?}, {said:?}"));
    }
    // A shift by nothing leaves the flags.
    if (described.flags && !said.flags) || described.stack != said.stack {
        return Err(format!("flags or stack: {described:?}, {said:?}"));
    }
    // Of a row the vector's length is read.
    let whole = described.memory.iter().next().map_or(0, |(bytes, _)| *bytes);
    let memory: BTreeSet<(u32, bool)> =
        said.memory.iter().map(|(bytes, write)| (if *bytes == 0 { whole } else { *bytes }, *write)).collect();
    if memory != described.memory {
        return Err(format!("memory: {described:?}, {said:?}"));
    }
    // What a step before wrote may be read, too; and an operand that does not matter since it is there twice.
    let mut known = described.read;
    for inst in insts {
        let twice = [(0, 1), (1, 2)].into_iter().find(|(a, b)| inst.op_register(*a) == inst.op_register(*b));
        known.extend(twice.and_then(|(a, _)| register(inst.op_register(a))));
    }
    for step in decoded.steps() {
        if let Some(unread) = sources(step).into_iter().find(|reg| !known.contains(reg)) {
            return Err(format!("{unread:?} is not read"));
        }
        if let Step::Add { to, .. } = step {
            known.insert(Reg::Int(to));
        }
    }
    Ok(())
}
