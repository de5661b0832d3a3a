//! What the decoder says of a word is what the machine does: each kind of word runs on registers of all sorts, and the steps foretell every register, the flags and
//! memory. Only on AArch64, or under an emulator of it.
//!
//! Left to others: words that branch, that move the stack pointer or read and write by it, and those that are part of a unit.

use crate::disassembler::random;
use cresset::verify::a64::decode_word;
use cresset::verify::a64::forms::FORMS;
use cresset::verify::step::{Base, Cond, LaneCond, Lanes, Place, Reg, Src, Step, Value};
use std::collections::BTreeSet;

/// All registers, flags, and the code to run; the entry below knows the offsets.
#[repr(C, align(16))]
#[derive(Clone, Debug)]
struct Machine {
    x: [u64; 32],
    v: [[u64; 2]; 32],
    flags: u64,
    code: u64,
}

std::arch::global_asm!(
    ".global cresset_run_word",
    "cresset_run_word:",
    "sub sp, sp, #176",
    "stp x29, x30, [sp]",
    "stp x19, x20, [sp, #16]",
    "stp x21, x22, [sp, #32]",
    "stp x23, x24, [sp, #48]",
    "stp x25, x26, [sp, #64]",
    "stp x27, x28, [sp, #80]",
    "stp d8, d9, [sp, #96]",
    "stp d10, d11, [sp, #112]",
    "stp d12, d13, [sp, #128]",
    "stp d14, d15, [sp, #144]",
    "mov x29, x0",
    "ldr x0, [x29, #768]",
    "msr nzcv, x0",
    "add x0, x29, #256",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "ldr q\\n, [x0, #(16 * \\n)]",
    ".endr",
    "ldr x30, [x29, #776]",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28",
    "ldr x\\n, [x29, #(8 * \\n)]",
    ".endr",
    "blr x30",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28",
    "str x\\n, [x29, #(8 * \\n)]",
    ".endr",
    "mrs x0, nzcv",
    "str x0, [x29, #768]",
    "add x0, x29, #256",
    ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31",
    "str q\\n, [x0, #(16 * \\n)]",
    ".endr",
    "ldp x19, x20, [sp, #16]",
    "ldp x21, x22, [sp, #32]",
    "ldp x23, x24, [sp, #48]",
    "ldp x25, x26, [sp, #64]",
    "ldp x27, x28, [sp, #80]",
    "ldp d8, d9, [sp, #96]",
    "ldp d10, d11, [sp, #112]",
    "ldp d12, d13, [sp, #128]",
    "ldp d14, d15, [sp, #144]",
    "ldp x29, x30, [sp]",
    "add sp, sp, #176",
    "ret",
);

unsafe extern "C" {
    fn cresset_run_word(machine: *mut Machine);
}

/// Words one by one, each with a landing pad before and a return behind it, in pages that can run.
struct Pages {
    base: *mut u8,
    len: usize,
}

impl Pages {
    fn new(words: &[u32]) -> Pages {
        let code: Vec<u8> =
            words.iter().flat_map(|word| [0xD503_245F, *word, 0xD65F_03C0]).flat_map(u32::to_le_bytes).collect();
        // SAFETY: a new mapping of its own, written before it can run and never again; the caches are made to agree over the bytes written.
        unsafe {
            let (rw, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let base = libc::mmap(std::ptr::null_mut(), code.len(), rw, flags, -1, 0);
            assert_ne!(base, libc::MAP_FAILED);
            std::ptr::copy_nonoverlapping(code.as_ptr(), base.cast(), code.len());
            for at in (0..code.len()).step_by(16) {
                std::arch::asm!("dc cvau, {0}", "dsb ish", "ic ivau, {0}", in(reg) base.cast::<u8>().add(at));
            }
            std::arch::asm!("dsb ish", "isb");
            assert_eq!(libc::mprotect(base, code.len(), libc::PROT_READ | libc::PROT_EXEC), 0);
            Pages { base: base.cast(), len: code.len() }
        }
    }

    fn run(&self, word: usize, machine: &mut Machine) {
        machine.code = self.base.addr() as u64 + 12 * word as u64;
        // SAFETY: the word neither branches nor moves the stack pointer nor writes a register that the entry does not save; where it accesses memory, its
        // address registers hold places in a buffer of this test.
        unsafe { cresset_run_word(machine) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping made above, which nothing refers to any more.
        unsafe { libc::munmap(self.base.cast(), self.len) };
    }
}

/// What the flags say by the manual, of the condition of this number.
fn holds(number: u32, flags: u64) -> bool {
    let bit = |at: u32| flags >> at & 1 == 1;
    let (n, z, c, v) = (bit(31), bit(30), bit(29), bit(28));
    let base = match number >> 1 {
        0 => z,
        1 => c,
        2 => n,
        3 => v,
        4 => c && !z,
        5 => n == v,
        6 => n == v && !z,
        _ => true,
    };
    base != (number & 1 == 1)
}

/// What the rules take a condition for.
fn stands(cond: Cond, a: u64, b: u64) -> Option<bool> {
    let (i, j) = (a as i64, b as i64);
    Some(match cond {
        Cond::Eq => a == b,
        Cond::Ne => a != b,
        Cond::Lt => i < j,
        Cond::Le => i <= j,
        Cond::Gt => i > j,
        Cond::Ge => i >= j,
        Cond::Below => a < b,
        Cond::BelowEq => a <= b,
        Cond::Above => a > b,
        Cond::AboveEq => a >= b,
        Cond::Negative => (a.wrapping_sub(b) as i64) < 0,
        Cond::NotNegative => (a.wrapping_sub(b) as i64) >= 0,
        Cond::Overflow => i.checked_sub(j).is_none(),
        Cond::NoOverflow => i.checked_sub(j).is_some(),
        Cond::Other => return None,
    })
}

fn cond_of(number: u32) -> Cond {
    let (_, inst) = decode_word(0x5400_0040 | number, 0, 64).expect("a branch");
    match inst.steps().next() {
        Some(Step::Branch { cond, target: 8 }) => cond,
        other => panic!("{other:?}"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flags {
    Kept,
    Compared(u64, u64),
    Tested(u64),
    /// As numbers with a sign.
    Greater,
    /// Whether they say that something wrapped around.
    Overflow(bool),
    Any,
}

/// What is foretold: nothing where it may be anything.
struct Foretold {
    x: [Option<u64>; 32],
    v: [Option<[u64; 2]>; 32],
    /// So many low bytes of a vector at least.
    low: Option<(u8, Vec<u8>)>,
    flags: Flags,
    /// No less and no more in a register.
    between: Option<(u8, i64, i64)>,
    /// Where it is read or written.
    memory: Option<Vec<u8>>,
}

fn address(place: &Place, before: &Machine) -> u64 {
    let Base::Reg(base) = place.base else { panic!("{place:?}") };
    let index = place.index.map_or(0, |(index, shift)| before.x[usize::from(index)] << shift);
    before.x[usize::from(base)].wrapping_add(index).wrapping_add(place.disp as u64)
}

fn foretell(steps: &[Step], before: &Machine, buffer: &[u8]) -> Foretold {
    let mut told = Foretold {
        x: before.x.map(Some),
        v: before.v.map(Some),
        low: None,
        flags: Flags::Kept,
        between: None,
        memory: None,
    };
    let src = |src: Src| match src {
        Src::Reg(reg) => before.x[usize::from(reg)],
        Src::Const(value) => value as u64,
    };
    let x = |reg: u8| before.x[usize::from(reg)];
    let v = |reg: u8| before.v[usize::from(reg)];
    let lanes = |lanes: Lanes| if let Lanes::Reg(reg) = lanes { v(reg) } else { panic!("{lanes:?}") };
    let at = |place: &Place| {
        let at = (address(place, before) - buffer.as_ptr().addr() as u64) as usize;
        at..at + place.bytes as usize
    };
    for step in steps {
        if let Step::Load { .. } = step {
            told.memory = Some(buffer.to_vec());
        }
        match *step {
            Step::Any(Reg::Int(to)) => told.x[usize::from(to)] = None,
            Step::Any(Reg::Vector(to)) => told.v[usize::from(to)] = None,
            Step::Const { to, value } => told.x[usize::from(to)] = Some(value as u64),
            Step::Copy { to: Reg::Int(to), from: Reg::Int(from) } => told.x[usize::from(to)] = Some(x(from)),
            Step::Copy { to: Reg::Vector(to), from: Reg::Vector(from) } => told.v[usize::from(to)] = Some(v(from)),
            Step::Add { to, a, b, shift } => told.x[usize::from(to)] = Some(x(a).wrapping_add(src(b) << shift)),
            Step::Sub { to, a, b } => told.x[usize::from(to)] = Some(src(a).wrapping_sub(src(b))),
            Step::And { to, a, b } => told.x[usize::from(to)] = Some(x(a) & src(b)),
            Step::Or { to, a, b } => told.x[usize::from(to)] = Some(x(a) | src(b)),
            Step::Xor { to, a, b } => told.x[usize::from(to)] = Some(x(a) ^ src(b)),
            Step::Multiply { to, a, b } => told.x[usize::from(to)] = Some(x(a).wrapping_mul(src(b))),
            Step::MultiplyHigh { to, a, b } => {
                told.x[usize::from(to)] = Some((i128::from(x(a) as i64) * i128::from(x(b) as i64) >> 64) as u64);
            }
            Step::MultiplySubtract { to, a, b, from } => {
                told.x[usize::from(to)] = Some(x(from).wrapping_sub(x(a).wrapping_mul(x(b))));
            }
            Step::Divide { to, a, b } => {
                let quotient = if x(b) == 0 { None } else { Some((x(a) as i64).wrapping_div(x(b) as i64) as u64) };
                told.x[usize::from(to)] = quotient;
            }
            Step::AddPart { to, a, b, by, signed } => {
                let part = if signed { (x(b) as i64 >> by) as u64 } else { x(b) >> by };
                told.x[usize::from(to)] = Some(x(a).wrapping_add(part));
            }
            Step::ShiftRightSome { to, a, signed } => {
                // By any number.
                let number = x(a) as i64;
                told.x[usize::from(to)] = None;
                told.between = match number {
                    0.. => Some((to, 0, number)),
                    _ if signed => Some((to, number, -1)),
                    _ => None,
                };
            }
            Step::Between { to, lo, hi } => {
                told.x[usize::from(to)] = None;
                told.between = Some((to, lo, hi));
            }
            Step::ShiftRight { to, a, by } => told.x[usize::from(to)] = Some(x(a) >> by),
            Step::ShiftRightSigned { to, a, by } => told.x[usize::from(to)] = Some((x(a) as i64 >> by) as u64),
            Step::ShiftLeft { to, a, by } => told.x[usize::from(to)] = Some(x(a) << by),
            Step::Select { to, yes, no, cond } => {
                let number = (0..14).find(|number| cond_of(*number) == cond).expect("a condition");
                let value = if holds(number, before.flags) { yes } else { no };
                told.x[usize::from(to)] = Some(src(value));
            }
            Step::Load { to: Some(Reg::Int(to)), ref from, signed } => {
                let mut bytes = [0; 8];
                bytes[..from.bytes as usize].copy_from_slice(&buffer[at(from)]);
                told.x[usize::from(to)] = if signed { None } else { Some(u64::from_le_bytes(bytes)) };
            }
            Step::Load { to: Some(Reg::Vector(to)), ref from, .. } => {
                told.v[usize::from(to)] = None;
                told.low = Some((to, buffer[at(from)].to_vec()));
            }
            Step::Store { ref to, value: Some(value) } => {
                let bytes: Vec<u8> = match value {
                    Value::Const(value) => value.to_le_bytes().to_vec(),
                    Value::Reg(Reg::Int(reg)) => x(reg).to_le_bytes().to_vec(),
                    Value::Reg(Reg::Vector(reg)) => v(reg).iter().flat_map(|lane| lane.to_le_bytes()).collect(),
                    other => panic!("{other:?}"),
                };
                let mut memory = buffer.to_vec();
                memory[at(to)].copy_from_slice(&bytes[..to.bytes as usize]);
                told.memory = Some(memory);
            }
            Step::Compare { a, b } => told.flags = Flags::Compared(src(a), src(b)),
            Step::Test { a, b } => told.flags = Flags::Tested(x(a) & src(b)),
            Step::AnyFlags => told.flags = Flags::Any,
            // Of the step before, by its result: the exact one is of the same kind as that of its operands' halves.
            Step::Overflow { .. } => {
                let (a, b, is_sum) = match *steps {
                    [_, Step::Add { a, b, shift: 0, .. }, _] => (x(a) as i64, src(b) as i64, true),
                    [_, Step::Sub { a, b, .. }, _] => (src(a) as i64, src(b) as i64, false),
                    _ => panic!("{steps:?}"),
                };
                let exact = if is_sum { a.checked_add(b) } else { a.checked_sub(b) };
                if told.flags == Flags::Any {
                    told.flags = Flags::Overflow(exact.is_none());
                }
            }
            Step::ComparePart { a, b, by } => told.flags = Flags::Compared(x(a), (x(b) as i64 >> by) as u64),
            Step::CompareZeroIf { a, cond } => {
                let number = (0..14).find(|number| cond_of(*number) == cond).expect("a condition");
                told.flags = if holds(number, before.flags) { Flags::Compared(x(a), 0) } else { Flags::Greater };
            }
            Step::ZeroVector { to } => told.v[usize::from(to)] = Some([0; 2]),
            Step::Splat { to, from } => told.v[usize::from(to)] = Some([x(from); 2]),
            Step::SplatConst { to, value } => told.v[usize::from(to)] = Some([value as u64; 2]),
            Step::Lane { to, from, lane } => told.x[usize::from(to)] = Some(v(from)[usize::from(lane)]),
            Step::AndLanes { to, a, b } => {
                let (a, b) = (v(a), lanes(b));
                told.v[usize::from(to)] = Some([a[0] & b[0], a[1] & b[1]]);
            }
            Step::CompareLanes { to: Reg::Vector(to), a, b, cond, and: None } => {
                let (a, b) = (lanes(a), lanes(b));
                let less = |lane: usize| match cond {
                    LaneCond::Lt => (a[lane] as i64) < b[lane] as i64,
                    LaneCond::Le => a[lane] as i64 <= b[lane] as i64,
                };
                told.v[usize::from(to)] = Some([0, 1].map(|lane| if less(lane) { u64::MAX } else { 0 }));
            }
            other => panic!("{other:?}"),
        }
    }
    told
}

/// Whether a word can run here by itself.
fn runs(steps: &[Step]) -> bool {
    let in_buffer = |place: &Place| match (place.base, place.index) {
        (Base::Stack, _) => false,
        (Base::Reg(base), Some((index, _))) => base != index,
        _ => true,
    };
    !steps.is_empty()
        && steps.iter().all(|step| match step {
            Step::Load { from: place, .. } | Step::Store { to: place, .. } => in_buffer(place),
            Step::Nothing
            | Step::Stop
            | Step::Return
            | Step::CallReg { .. }
            | Step::Call { .. }
            | Step::Jump { .. }
            | Step::Branch { .. }
            | Step::BranchZero { .. }
            | Step::MoveStack { .. }
            | Step::StackAddress { .. } => false,
            _ => true,
        })
}

/// A number at which something may happen.
fn number(seed: &mut u64) -> u64 {
    const ODD: [u64; 12] =
        [0, 1, 2, 4095, 4096, 1 << 31, u32::MAX as u64, 1 << 32, i64::MAX as u64, 1 << 63, u64::MAX - 1, u64::MAX];
    match random(seed) % 3 {
        0 => ODD[random(seed) as usize % ODD.len()],
        1 => u64::from(random(seed) % 64),
        _ => u64::from(random(seed)) << 32 | u64::from(random(seed)),
    }
}

#[test]
fn the_machine_does_what_the_steps_say() {
    let mut seed = 4;
    let mut cases = Vec::new();
    for form in FORMS {
        for _ in 0..100 {
            let word = random(&mut seed) & !form.mask | form.bits;
            if let Ok((form, inst)) = decode_word(word, 0, 4) {
                let steps: Vec<Step> = inst.steps().collect();
                if runs(&steps) {
                    cases.push((form.name, word, steps));
                }
            }
        }
    }
    let names: BTreeSet<&str> = cases.iter().map(|(name, ..)| *name).collect();
    assert!(names.len() > 120, "{} kinds of words run", names.len());
    let pages = Pages::new(&cases.iter().map(|(_, word, _)| *word).collect::<Vec<_>>());
    // The largest offset and the largest index.
    let mut buffer: Vec<u8> = (0..16 * 4096 + 16 + 64 * 8).map(|_| random(&mut seed) as u8).collect();
    for (i, (name, word, steps)) in cases.iter().enumerate() {
        for _ in 0..4 {
            let mut before = Machine { x: [0; 32], v: [[0; 2]; 32], flags: 0, code: 0 };
            before.x.iter_mut().for_each(|reg| *reg = number(&mut seed));
            before.v.iter_mut().for_each(|reg| *reg = [number(&mut seed), number(&mut seed)]);
            before.flags = u64::from(random(&mut seed) & 0xF000_0000);
            for step in steps {
                if let Step::Load { from: place, .. } | Step::Store { to: place, .. } = step {
                    let Base::Reg(base) = place.base else { panic!("{step:?}") };
                    before.x[usize::from(base)] = buffer.as_mut_ptr().expose_provenance() as u64;
                    if let Some((index, _)) = place.index {
                        before.x[usize::from(index)] = u64::from(random(&mut seed) % 64);
                    }
                }
            }
            let told = foretell(steps, &before, &buffer);
            let mut after = before.clone();
            pages.run(i, &mut after);
            let shown = || format!("{word:08x} {name}: {steps:x?}\n{before:x?}\n{after:x?}");
            for reg in (0..29).filter(|reg| *reg != 18) {
                assert!(told.x[reg].is_none_or(|value| value == after.x[reg]), "x{reg}: {}", shown());
            }
            for reg in 0..32 {
                assert!(told.v[reg].is_none_or(|value| value == after.v[reg]), "v{reg}: {}", shown());
            }
            if let Some((reg, lo, hi)) = told.between {
                assert!((lo..=hi).contains(&(after.x[usize::from(reg)] as i64)), "x{reg}: {}", shown());
            }
            if let Some((reg, low)) = &told.low {
                let bytes: Vec<u8> = after.v[usize::from(*reg)].iter().flat_map(|lane| lane.to_le_bytes()).collect();
                assert_eq!(&bytes[..low.len()], low, "{}", shown());
                assert!(bytes[low.len()..].iter().all(|byte| *byte == 0), "{}", shown());
            }
            match told.flags {
                Flags::Kept => assert_eq!(after.flags, before.flags, "{}", shown()),
                Flags::Compared(a, b) => {
                    for number in 0..14 {
                        let stands = stands(cond_of(number), a, b);
                        assert!(stands.is_none_or(|stands| stands == holds(number, after.flags)), "{}", shown());
                    }
                }
                Flags::Greater => {
                    let told = [(0, false), (4, false), (10, true), (11, false), (12, true)];
                    assert!(told.iter().all(|told| holds(told.0, after.flags) == told.1), "{}", shown());
                }
                Flags::Overflow(wraps) => assert_eq!(holds(6, after.flags), wraps, "{}", shown()),
                Flags::Tested(bits) => assert_eq!(holds(0, after.flags), bits == 0, "{}", shown()),
                Flags::Any => {}
            }
            assert!(told.memory.is_none_or(|memory| memory == buffer), "memory: {}", shown());
        }
    }
}
