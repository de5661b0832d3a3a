//! Every instruction form that the AArch64 emitter can produce, over all registers, decoded back by an independent disassembler.
//!
//! What is meant stands here a second time, as text.
#![cfg(feature = "disasm")]

mod arithmetic;
mod control;

use cresset::codegen::CpuFeatures;
use cresset::codegen::a64::A64;
use cresset::codegen::flat::{Arg, FlatKind};
use cresset::codegen::frame::Frame;
use cresset::codegen::target::{Context, Located, Target};
use cresset::ir::op::{Math, Op};
use cresset::runtime::helper::Helper;
use cresset::sema::hir::FuncId;
use cresset::verify::a64::decode_word;
use cresset::verify::step::{Decoded, Refused};
use cresset::{Elem, Span, TrapKind};
use dynasmrt::DynasmLabelApi;
use regalloc2::{Allocation, PReg, RegClass, SpillSlot, VReg};
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::InstDecoder;

/// Every register that an operand may lie in.
const INT: [u8; 23] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 23, 24, 25];
const FLOAT: [u8; 31] =
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30];
/// Those that are tried in every combination.
const FEW_INT: [u8; 4] = [0, 15, 19, 25];
const FEW_FLOAT: [u8; 4] = [0, 7, 15, 30];

/// An operand of a case: its name in the expected text, and where it may lie.
#[derive(Clone, Copy, Debug)]
enum Lies {
    /// In any register of a class.
    Any(RegClass),
    /// In the register of the operand of this name.
    With(char),
    /// Nowhere: a folded constant.
    Const(u64),
}

fn parse_operands(text: &str) -> Vec<(char, Lies)> {
    let parse = |token: &str| {
        let mut chars = token.chars();
        let name = chars.next().expect("a name");
        let lies = chars.as_str();
        let lies = match lies.as_bytes()[0] {
            b'r' => Lies::Any(RegClass::Int),
            b'x' => Lies::Any(RegClass::Float),
            b'@' => Lies::With(lies.chars().nth(1).expect("an operand")),
            b'#' => Lies::Const(lies[1..].parse::<i64>().expect("a number") as u64),
            _ => Lies::Const(lies[1..].parse::<f64>().expect("a number").to_bits()),
        };
        (name, lies)
    };
    text.split_whitespace().map(parse).collect()
}

/// Every combination of a few registers, then every register in every place.
fn choices(classes: &[RegClass]) -> Vec<Vec<u8>> {
    let few = |class: &RegClass| if *class == RegClass::Int { &FEW_INT[..] } else { &FEW_FLOAT[..] };
    let all = |class: &RegClass| if *class == RegClass::Int { &INT[..] } else { &FLOAT[..] };
    let mut found = vec![Vec::new()];
    for class in classes {
        found = found
            .iter()
            .flat_map(|of: &Vec<u8>| few(class).iter().map(move |number| [of.as_slice(), &[*number]].concat()))
            .collect();
    }
    for turn in 0..FLOAT.len() {
        let pick = |(place, class): (usize, &RegClass)| all(class)[(turn + place * 4) % all(class).len()];
        found.push(classes.iter().enumerate().map(pick).collect());
    }
    found
}

/// Emits one instruction and its cold stubs, decodes, and compares, for many choices of registers. `operands` are results (d) and arguments as `name` then
/// `r`, `x`, `@name`, `#integer` or `!float`. In `expected`, `d` is 64 bits of an operand, `d32` less, `dv` the vector.
#[track_caller]
fn check(kind: FlatKind, operands: &str, expected: &str) {
    let operands = parse_operands(operands);
    let free: Vec<(char, RegClass)> = operands
        .iter()
        .filter_map(|(name, lies)| if let Lies::Any(class) = lies { Some((*name, *class)) } else { None })
        .collect();
    let classes: Vec<RegClass> = free.iter().map(|(_, class)| *class).collect();
    for numbers in choices(&classes) {
        let mut registers: Vec<(char, u8, RegClass)> =
            free.iter().zip(&numbers).map(|((name, class), number)| (*name, *number, *class)).collect();
        for (name, lies) in &operands {
            if let Lies::With(other) = lies {
                let (_, number, class) = registers.iter().find(|(name, ..)| name == other).copied().expect("it");
                registers.push((*name, number, class));
            }
        }
        let of = |name: char| registers.iter().find(|(other, ..)| *other == name).copied();
        let arg = |(name, lies): &(char, Lies)| match lies {
            Lies::Const(bits) => Arg::Const(*bits),
            _ => Arg::Reg(VReg::new(0, of(*name).expect("a register").2)),
        };
        let args: Vec<Arg> = operands.iter().filter(|(name, _)| *name != 'd').map(arg).collect();
        let allocs: Vec<Allocation> = operands
            .iter()
            .filter_map(|(name, _)| of(*name))
            .map(|(_, number, class)| Allocation::reg(PReg::new(number as usize, class)))
            .collect();
        let defs = operands.iter().filter(|(name, _)| *name == 'd').count();
        let located = Located { kind, span: Span::default(), defs, args: &args, allocs: &allocs };
        for (index, arg) in args.iter().enumerate() {
            if let Arg::Const(bits) = arg {
                assert!(A64::new(CpuFeatures::Neon).folds(kind, index, *bits), "{kind:?} {index} {bits:#x}");
            }
        }
        let got = disassemble(|a64, cx| emit(a64, cx, &located));
        let want: Vec<String> = expected
            .split(';')
            .map(|line| match line.trim().split_once(' ') {
                Some((name, operands)) => format!("{name} {}", substitute(operands, &registers)),
                None => line.trim().to_owned(),
            })
            .filter(|line| !line.is_empty() && !is_move_to_itself(line))
            .collect();
        assert_eq!(got, want, "{kind:?} {registers:?}");
    }
}

/// Those are left out.
fn is_move_to_itself(line: &str) -> bool {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    matches!(name, "mov" | "fmov") && rest.split_once(", ").is_some_and(|(to, from)| to == from)
}

fn emit(a64: &mut A64, cx: &mut Context, located: &Located<'_>) {
    match located.kind {
        FlatKind::Branch | FlatKind::BranchCmp(_) | FlatKind::BranchBits(_) => {
            let to = a64.asm().new_dynamic_label();
            a64.branch(located, true, to, cx);
            a64.branch(located, false, to, cx);
            a64.asm().dynamic_label(to);
        }
        _ => a64.inst(located, cx).expect("an instruction"),
    }
}

fn assemble(emit: impl FnOnce(&mut A64, &mut Context)) -> Vec<u8> {
    let mut a64 = A64::new(CpuFeatures::Neon);
    let entry = a64.asm().new_dynamic_label();
    let mut cx = Context::new(vec![entry].into(), true);
    cx.frame = Frame { size: 32, outgoing: 8, saved: Vec::new(), incoming: 32, ..Frame::default() };
    emit(&mut a64, &mut cx);
    for stub in cx.take_stubs() {
        a64.stub(&stub, &mut cx);
    }
    a64.asm().dynamic_label(entry);
    a64.asm().take().expect("all labels are bound")
}

fn disassemble(emit: impl FnOnce(&mut A64, &mut Context)) -> Vec<String> {
    let code = assemble(emit);
    let decoder = InstDecoder::default();
    let mut lines: Vec<String> = Vec::new();
    for word in code.chunks(4) {
        let inst = decoder.decode(&mut U8Reader::new(word)).unwrap_or_else(|error| panic!("{error} {word:02x?}"));
        assert_eq!(listed(word).err(), None, "{inst}");
        let text = inst.to_string();
        // Targets of branches are labels.
        let text = text.split('$').next().expect("a piece").trim_end_matches([' ', ',']);
        lines.push(text.to_owned());
    }
    lines
}

/// What the verifier takes it for.
fn listed(word: &[u8]) -> Result<Decoded, Refused> {
    let word = u32::from_le_bytes(word.try_into().expect("a word"));
    // In the middle of code so long that all branches go to places in it.
    decode_word(word, 1 << 27, 1 << 28).map(|(_, decoded)| decoded)
}

fn substitute(line: &str, registers: &[(char, u8, RegClass)]) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        let name = word.chars().next();
        let width = word.get(1..).unwrap_or_default();
        let register = registers.iter().find(|(of, ..)| Some(*of) == name && matches!(width, "" | "32" | "v"));
        match register {
            Some((_, number, class)) => {
                let prefix = match (class, width) {
                    (RegClass::Float, "") => 'd',
                    (RegClass::Float, "32") => 's',
                    (RegClass::Float, _) => 'v',
                    (_, "32") => 'w',
                    _ => 'x',
                };
                out.push_str(&format!("{prefix}{number}"));
            }
            None => out.push_str(word),
        }
        word.clear();
    };
    for c in line.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
        } else {
            flush(&mut word, &mut out);
            out.push(c);
        }
    }
    flush(&mut word, &mut out);
    out
}

#[track_caller]
fn op(op: Op, operands: &str, expected: &str) {
    check(FlatKind::Op(op), operands, expected);
}

/// The call of a helper through the pool.
const POOL: &str = "adrp x16; ldr x16, [x16]; blr x16";
