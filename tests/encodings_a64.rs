//! Every instruction form that the AArch64 emitter can produce, over all registers, decoded back by an independent disassembler.
//!
//! What is meant stands here a second time, as text.
#![cfg(feature = "disasm")]

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

#[test]
fn float_arithmetic() {
    for (of, name) in [
        (Op::FAdd, "fadd"),
        (Op::FSub, "fsub"),
        (Op::FMul, "fmul"),
        (Op::FDiv, "fdiv"),
        (Op::FMin, "fmin"),
        (Op::FMax, "fmax"),
    ] {
        op(of, "dx ax bx", &format!("{name} d, a, b"));
    }
    op(Op::Fma, "dx ax bx cx", "fmadd d, a, b, c");
    op(Op::Fms, "dx ax bx cx", "fnmsub d, a, b, c");
    op(Op::Fnma, "dx ax bx cx", "fmsub d, a, b, c");
    for (of, name) in [
        (Op::FNeg, "fneg"),
        (Op::FAbs, "fabs"),
        (Op::FSqrt, "fsqrt"),
        (Op::FFloor, "frintm"),
        (Op::FCeil, "frintp"),
        (Op::FTrunc, "frintz"),
        (Op::FRound, "frinta"),
        (Op::FRoundEven, "frintn"),
    ] {
        op(of, "dx ax", &format!("{name} d, a"));
    }
    op(Op::FFract, "dx ax", "frintz d31, a; fsub d, a, d31");
    op(
        Op::FSign,
        "dx ax",
        "fmov x16, a; and x16, x16, #0x8000000000000000; orr x16, x16, #0x3ff0000000000000; fmov d31, x16; \
         fcmp a, #0.0; fcsel d31, a, d31, eq; fcsel d, a, d31, vs",
    );
    op(Op::FCopysign, "dx ax bx", "mov x16, #0x8000000000000000; fmov d31, x16; bsl v31.8b, bv.8b, av.8b; fmov d, d31");
    op(Op::FCanon, "d@a ax", "fcmp a, a; b.vs; mov x16, #0x7ff8000000000000; fmov a, x16; b");
    op(Op::FDemote, "dx ax", "fcvt s31, a; fcvt d, s31");
    op(Op::FBits, "dr ax", "fmov d, a");
    op(Op::FFromBits, "dx ar", "fmov d, a");
    op(Op::FIsFinite, "dr ax", "fsub d31, a, a; fcmp d31, d31; cset d32, vc");
    op(
        Op::FIsInfinite,
        "dr ax",
        "fmov x16, a; lsl x16, x16, #0x1; mov x17, #0xffe0000000000000; cmp x16, x17; cset d32, eq",
    );
    op(Op::FIsNan, "dr ax", "fcmp a, a; cset d32, vs");
}

/// Comparisons: operation, operands, the instruction that compares, the condition and its opposite.
const COMPARISONS: [(Op, &str, &str, &str, &str); 24] = [
    (Op::FEq, "ax bx", "fcmp a, b", "eq", "ne"),
    (Op::FNe, "ax bx", "fcmp a, b", "ne", "eq"),
    (Op::FLt, "ax bx", "fcmp a, b", "mi", "pl"),
    (Op::FLe, "ax bx", "fcmp a, b", "ls", "hi"),
    (Op::FEq, "ax b!0", "fcmp a, #0.0", "eq", "ne"),
    (Op::FNe, "ax b!-0", "fcmp a, #0.0", "ne", "eq"),
    (Op::FLt, "ax b!0", "fcmp a, #0.0", "mi", "pl"),
    (Op::FLe, "ax b!-0", "fcmp a, #0.0", "ls", "hi"),
    (Op::FLt, "a!0 bx", "fcmp b, #0.0", "gt", "le"),
    (Op::FLe, "a!0 bx", "fcmp b, #0.0", "ge", "lt"),
    (Op::IEq, "ar br", "cmp a, b", "eq", "ne"),
    (Op::INe, "ar br", "cmp a, b", "ne", "eq"),
    (Op::ILt, "ar br", "cmp a, b", "lt", "ge"),
    (Op::ILe, "ar br", "cmp a, b", "le", "gt"),
    (Op::BEq, "ar br", "cmp a, b", "eq", "ne"),
    (Op::IEq, "ar b#1", "cmp a, #0x1", "eq", "ne"),
    (Op::INe, "ar b#4095", "cmp a, #0xfff", "ne", "eq"),
    (Op::ILt, "ar b#4096", "cmp a, #0x1, lsl #12", "lt", "ge"),
    (Op::ILe, "ar b#16773120", "cmp a, #0xfff, lsl #12", "le", "gt"),
    (Op::ILt, "ar b#-1", "cmn a, #0x1", "lt", "ge"),
    (Op::ILe, "ar b#-8192", "cmn a, #0x2, lsl #12", "le", "gt"),
    (Op::ILt, "a#9 br", "cmp b, #0x9", "gt", "le"),
    (Op::ILe, "a#-9 br", "cmn b, #0x9", "ge", "lt"),
    (Op::ILt, "ar b#0", "cmp a, #0x0", "lt", "ge"),
];

#[test]
fn comparisons() {
    for (of, operands, compare, when, opposite) in COMPARISONS {
        op(of, &format!("dr {operands}"), &format!("{compare}; cset d32, {when}"));
        check(FlatKind::SelectCmp(of), &format!("dr {operands} er fr"), &format!("{compare}; csel d, e, f, {when}"));
        check(FlatKind::SelectCmp(of), &format!("dx {operands} ex fx"), &format!("{compare}; fcsel d, e, f, {when}"));
        let branches = format!("{compare}; b.{when}; {compare}; b.{opposite}");
        check(FlatKind::BranchCmp(of), operands, &branches);
    }
    check(FlatKind::BranchCmp(Op::BNe), "ar br", "cmp a, b; b.ne; cmp a, b; b.eq");
    check(FlatKind::BranchCmp(Op::IEq), "ar b#0", "cbz a; cbnz a");
    check(FlatKind::BranchCmp(Op::INe), "ar b#0", "cbnz a; cbz a");
    check(FlatKind::Branch, "ar", "cbnz a32; cbz a32");
    check(FlatKind::BranchBits(Op::IEq), "ar b#1", "tst a, #0x1; b.eq; tst a, #0x1; b.ne");
    check(
        FlatKind::BranchBits(Op::INe),
        "ar b#-2",
        "tst a, #0xfffffffffffffffe; b.ne; tst a, #0xfffffffffffffffe; b.eq",
    );
    check(FlatKind::Select, "dr cr ar br", "cmp c32, #0x0; csel d, a, b, ne");
    check(FlatKind::Select, "dx cr ax bx", "cmp c32, #0x0; fcsel d, a, b, ne");
}

#[test]
fn far_branches() {
    let reg = |number, class| Allocation::reg(PReg::new(number, class));
    let branch = |kind, args: &[Arg], allocs: &[Allocation], when| {
        disassemble(|a64, cx| {
            cx.far = true;
            let located = Located { kind, span: Span::default(), defs: 0, args, allocs };
            let to = a64.asm().new_dynamic_label();
            a64.branch(&located, when, to, cx);
            a64.asm().dynamic_label(to);
        })
        .join("; ")
    };
    let (int, float) = (RegClass::Int, RegClass::Float);
    let ints = [Arg::Reg(VReg::new(0, int)), Arg::Reg(VReg::new(1, int))];
    let floats = [Arg::Reg(VReg::new(0, float)), Arg::Reg(VReg::new(1, float))];
    let in_ints = [reg(19, int), reg(25, int)];
    let in_floats = [reg(7, float), reg(30, float)];
    assert_eq!(branch(FlatKind::Branch, &ints[..1], &in_ints[..1], true), "cbz w19; b");
    assert_eq!(branch(FlatKind::Branch, &ints[..1], &in_ints[..1], false), "cbnz w19; b");
    assert_eq!(branch(FlatKind::BranchCmp(Op::ILt), &ints, &in_ints, true), "cmp x19, x25; b.ge; b");
    assert_eq!(branch(FlatKind::BranchCmp(Op::ILt), &ints, &in_ints, false), "cmp x19, x25; b.lt; b");
    // Unordered operands go where "not less" goes.
    assert_eq!(branch(FlatKind::BranchCmp(Op::FLt), &floats, &in_floats, true), "fcmp d7, d30; b.pl; b");
    assert_eq!(branch(FlatKind::BranchCmp(Op::FLt), &floats, &in_floats, false), "fcmp d7, d30; b.mi; b");
}

#[test]
fn integer_arithmetic() {
    for (of, name, opposite) in [(Op::IAdd, "adds", "subs"), (Op::ISub, "subs", "adds")] {
        op(of, "dr ar br", &format!("{name} d, a, b; b.vs; {POOL}"));
        op(of, "dr ar b#1", &format!("{name} d, a, #0x1; b.vs; {POOL}"));
        op(of, "dr ar b#4095", &format!("{name} d, a, #0xfff; b.vs; {POOL}"));
        op(of, "dr ar b#8192", &format!("{name} d, a, #0x2, lsl #12; b.vs; {POOL}"));
        op(of, "dr ar b#-7", &format!("{opposite} d, a, #0x7; b.vs; {POOL}"));
        op(of, "dr ar b#-16773120", &format!("{opposite} d, a, #0xfff, lsl #12; b.vs; {POOL}"));
    }
    for (of, name, opposite) in [(Op::IWrappingAdd, "add", "sub"), (Op::IWrappingSub, "sub", "add")] {
        op(of, "dr ar br", &format!("{name} d, a, b"));
        op(of, "dr ar b#1", &format!("{name} d, a, #0x1"));
        op(of, "dr ar b#4096", &format!("{name} d, a, #0x1, lsl #12"));
        op(of, "dr ar b#-4095", &format!("{opposite} d, a, #0xfff"));
        op(of, "dr ar b#-4096", &format!("{opposite} d, a, #0x1, lsl #12"));
    }
    // An operand and the result may share a register, so the upper half comes first.
    op(Op::IMul, "dr ar br", &format!("smulh x16, a, b; mul d, a, b; cmp x16, d, asr #63; b.ne; {POOL}"));
    op(Op::IMul, "dr ar b#2", &format!("lsl x16, a, #0x1; cmp a, x16, asr #1; mov d, x16; b.ne; {POOL}"));
    op(
        Op::IMul,
        "dr ar b#4611686018427387904",
        &format!("lsl x16, a, #0x3e; cmp a, x16, asr #62; mov d, x16; b.ne; {POOL}"),
    );
    op(Op::IWrappingMul, "dr ar br", "mul d, a, b");
    op(Op::IWrappingMul, "dr ar b#8", "lsl d, a, #0x3");
    op(Op::INeg, "dr ar", &format!("negs d, a; b.vs; {POOL}"));
    op(Op::IAbs, "dr ar", &format!("negs x16, a; b.vs; csel d, x16, a, pl; {POOL}"));
    for (of, name) in
        [(Op::IAnd, "and"), (Op::IOr, "orr"), (Op::IXor, "eor"), (Op::BAnd, "and"), (Op::BOr, "orr"), (Op::BNe, "eor")]
    {
        op(of, "dr ar br", &format!("{name} d, a, b"));
        op(of, "dr ar b#1", &format!("{name} d, a, #0x1"));
        op(of, "dr ar b#-2", &format!("{name} d, a, #0xfffffffffffffffe"));
        op(of, "dr ar b#255", &format!("{name} d, a, #0xff"));
        op(of, "dr ar b#6148914691236517205", &format!("{name} d, a, #0x5555555555555555"));
        op(of, "dr ar b#-4294967296", &format!("{name} d, a, #0xffffffff00000000"));
    }
    op(Op::INot, "dr ar", "mvn d, a");
    op(Op::BNot, "dr ar", "eor d32, a32, #0x1");
    op(Op::BToI, "d@a ar", "");
    op(Op::IMin, "dr ar br", "cmp a, b; csel d, a, b, lt");
    op(Op::IMax, "dr ar br", "cmp a, b; csel d, a, b, gt");
    op(Op::ISign, "dr ar", "cmp a, #0x0; cset x16, gt; csinv d, x16, xzr, ge");
}

#[test]
fn shifts_and_bits() {
    for (of, name) in [(Op::IShl, "lsl"), (Op::IShr, "lsr"), (Op::ISar, "asr"), (Op::IRotr, "ror")] {
        op(of, "dr ar br", &format!("{name} d, a, b"));
        op(of, "dr ar b#7", &format!("{name} d, a, #0x7"));
        op(of, "dr ar b#63", &format!("{name} d, a, #0x3f"));
        op(of, "dr ar b#69", &format!("{name} d, a, #0x5"));
    }
    op(Op::IRotl, "dr ar br", "neg x16, b; ror d, a, x16");
    op(Op::IRotl, "dr ar b#5", "ror d, a, #0x3b");
    op(Op::IRotl, "dr ar b#-1", "ror d, a, #0x1");
    op(Op::IPopcount, "dr ar", "fmov d31, a; cnt v31.8b, v31.8b; addv b31, v31.8b; fmov d, d31");
    op(Op::IClz, "dr ar", "clz d, a");
    op(Op::ICtz, "dr ar", "rbit x16, a; clz d, x16");
}

#[test]
fn division() {
    let overflow = "cmn b, #0x1; ccmp a, #0x1, #0x0, eq; b.vs";
    op(Op::IDiv, "dr ar br", &format!("cbz b; {overflow}; sdiv d, a, b; {POOL}; {POOL}"));
    op(Op::IRem, "dr ar br", &format!("cbz b; sdiv x16, a, b; msub d, x16, b, a; {POOL}"));
    op(
        Op::IFloorDiv,
        "dr ar br",
        &format!(
            "cbz b; {overflow}; sdiv x16, a, b; msub x17, x16, b, a; cmp x17, #0x0; eor x17, x17, b; \
             ccmp x17, #0x0, #0x0, ne; cset x17, mi; sub d, x16, x17; {POOL}; {POOL}"
        ),
    );
    op(
        Op::IFloorMod,
        "dr ar br",
        &format!(
            "cbz b; sdiv x16, a, b; msub x16, x16, b, a; cmp x16, #0x0; eor x17, x16, b; \
             ccmp x17, #0x0, #0x0, ne; csel x17, b, xzr, mi; add d, x16, x17; {POOL}"
        ),
    );
    op(Op::IFloorDiv, "dr ar b#8", "asr d, a, #0x3");
    op(Op::IFloorMod, "dr ar b#8", "and d, a, #0x7");
    let halves = "asr x16, a, #0x3f; add x16, a, x16, lsr #61";
    op(Op::IDiv, "dr ar b#2", "add x16, a, a, lsr #63; asr d, x16, #0x1");
    op(Op::IDiv, "dr ar b#8", &format!("{halves}; asr d, x16, #0x3"));
    op(Op::IDiv, "dr ar b#-8", &format!("{halves}; asr d, x16, #0x3; neg d, d"));
    op(Op::IRem, "dr ar b#-8", &format!("{halves}; and x16, x16, #0xfffffffffffffff8; sub d, a, x16"));
    op(
        Op::IFloorDiv,
        "dr ar b#-8",
        &format!(
            "{halves}; asr x16, x16, #0x3; neg x16, x16; mov x17, #0xfffffffffffffff8; msub x17, x16, x17, a; \
             neg x17, x17; add d, x16, x17, asr #63"
        ),
    );
    let by_7 = "mov x16, #0x4925; movk x16, #0x2492, lsl #16; movk x16, #0x9249, lsl #32; movk x16, #0x4924, lsl #48; \
                smulh x16, a, x16; asr x16, x16, #0x1";
    op(Op::IDiv, "dr ar b#7", &format!("{by_7}; add d, x16, x16, lsr #63"));
    let by_7 = format!("{by_7}; add x16, x16, x16, lsr #63");
    op(Op::IRem, "dr ar b#7", &format!("{by_7}; mov x17, #0x7; msub d, x16, x17, a"));
    let rest = format!("{by_7}; mov x17, #0x7; msub x17, x16, x17, a");
    op(Op::IFloorDiv, "dr ar b#7", &format!("{rest}; add d, x16, x17, asr #63"));
    op(
        Op::IFloorMod,
        "dr ar b#7",
        &format!("{rest}; mov x16, #0x7; cmp x17, #0x0; csel x16, x16, xzr, lt; add d, x16, x17"),
    );
    // The multiplier does not fit: the dividend is added, or subtracted.
    op(
        Op::IDiv,
        "dr ar b#15",
        "mov x16, #0x8889; movk x16, #0x8888, lsl #16; movk x16, #0x8888, lsl #32; movk x16, #0x8888, lsl #48; \
         smulh x16, a, x16; add x16, x16, a; asr x16, x16, #0x3; add d, x16, x16, lsr #63",
    );
    let by_minus_15 = "mov x16, #0x7777777777777777; smulh x16, a, x16; sub x16, x16, a; asr x16, x16, #0x3";
    op(Op::IDiv, "dr ar b#-15", &format!("{by_minus_15}; add d, x16, x16, lsr #63"));
    let by_minus_15 = format!("{by_minus_15}; add x16, x16, x16, lsr #63");
    let minus_15 = "#0xfffffffffffffff1";
    op(
        Op::IFloorMod,
        "dr ar b#-15",
        &format!(
            "{by_minus_15}; mov x17, {minus_15}; msub x17, x16, x17, a; mov x16, {minus_15}; cmp x17, #0x0; \
             csel x16, x16, xzr, gt; add d, x16, x17"
        ),
    );
}

#[test]
fn conversions() {
    op(Op::INarrowI32, "d@a ar", &format!("cmp a, a32, sxtw; b.ne; {POOL}"));
    op(Op::INarrowU8, "d@a ar", &format!("cmp a, #0xff; b.hi; {POOL}"));
    op(Op::IToF, "dx ar", "scvtf d, a");
    op(Op::BToF, "dx ar", "scvtf d, a");
    op(
        Op::FToI,
        "dr ax",
        &format!(
            "mov x16, #0x43e0000000000000; fmov d31, x16; fcmp a, d31; fneg d31, d31; fccmp a, d31, #0x8, mi; b.lt; \
             fcvtzs d, a; {POOL}"
        ),
    );
}

#[test]
fn constants() {
    let int = |value: i64, expected: &str| check(FlatKind::ConstInt(value), "dr", expected);
    int(0, "mov d, #0x0");
    int(7, "mov d, #0x7");
    int(0xFFFF, "mov d, #0xffff");
    int(0x10000, "mov d, #0x10000");
    int(0x1234_0000_0000, "mov d, #0x123400000000");
    int(i64::MIN, "mov d, #0x8000000000000000");
    int(-1, "mov d, #0xffffffffffffffff");
    int(-2, "mov d, #0xfffffffffffffffe");
    int(-0x10000, "mov d, #0xffffffffffff0000");
    int(-0x12340001, "mov d, #0xffffffffedcbffff");
    int(0x00FF_00FF_00FF_00FF, "mov d, #0xff00ff00ff00ff");
    int(0x7FFF_FFFF, "mov d, #0x7fffffff");
    int(i64::MAX, "mov d, #0x7fffffffffffffff");
    int(100_000, "mov d, #0x86a0; movk d, #0x1, lsl #16");
    int(-100_000, "mov d, #0xffffffffffff7960; movk d, #0xfffe, lsl #16");
    int(
        0x1234_5678_9ABC_DEF0,
        "mov d, #0xdef0; movk d, #0x9abc, lsl #16; movk d, #0x5678, lsl #32; movk d, #0x1234, lsl #48",
    );
    int(0x1234_0000_9ABC_0000, "mov d, #0x9abc0000; movk d, #0x1234, lsl #48");
    let float = |value: f64, expected: &str| check(FlatKind::ConstFloat(value.to_bits()), "dx", expected);
    float(0.0, "movi d, #0x0");
    float(1.0, "fmov d, #1.0");
    float(-2.5, "fmov d, #-2.5");
    float(31.0, "fmov d, #31.0");
    float(0.125, "fmov d, #0.125");
    float(-0.0, "mov x16, #0x8000000000000000; fmov d, x16");
    float(100.0, "mov x16, #0x4059000000000000; fmov d, x16");
    float(f64::INFINITY, "mov x16, #0x7ff0000000000000; fmov d, x16");
    float(0.1, "adrp x16; ldr d, [x16]");
}

#[test]
fn checks_of_bounds() {
    let stub = |index: &str, len: &str| format!("{index}, [x28, #0x18]; {len}, [x28, #0x20]; {POOL}");
    check(FlatKind::BoundsCheck, "ar br", &format!("cmp a, b; b.hs; {}", stub("str a", "str b")));
    let nine = "mov x16, #0x9; str x16";
    check(FlatKind::BoundsCheck, "a#9 br", &format!("cmp b, #0x9; b.ls; {}", stub(nine, "str b")));
    check(FlatKind::BoundsCheck, "a#0 br", &format!("cmp b, #0x0; b.ls; {}", stub("str xzr", "str b")));
    check(FlatKind::BoundsCheck, "ar b#9", &format!("cmp a, #0x9; b.hs; {}", stub("str a", nine)));
    check(
        FlatKind::BoundsCheck,
        "ar b#4096",
        &format!("cmp a, #0x1, lsl #12; b.hs; {}", stub("str a", "mov x16, #0x1000; str x16")),
    );
    let (of_a, of_b, of_nine) = (stub("str a", "str c"), stub("str b", "str c"), stub(nine, "str c"));
    check(
        FlatKind::SliceCheck,
        "dr ar br cr",
        &format!("cmp a, c; b.hi; cmp b, c; b.hi; subs x16, b, a; b.lo; mov d, x16; {of_a}; {of_b}; {of_b}"),
    );
    check(FlatKind::SliceCheck, "dr a#0 br cr", &format!("cmp b, c; b.hi; mov d, b; {of_b}"));
    check(
        FlatKind::SliceCheck,
        "dr a#9 br cr",
        &format!("cmp c, #0x9; b.lo; cmp b, c; b.hi; subs x16, b, #0x9; b.lo; mov d, x16; {of_nine}; {of_b}; {of_b}"),
    );
    check(
        FlatKind::SliceCheck,
        "dr ar b#9 cr",
        &format!(
            "cmp a, c; b.hi; cmp c, #0x9; b.lo; mov x16, #0x9; subs x16, x16, a; b.lo; mov d, x16; \
             {of_a}; {of_nine}; {of_nine}"
        ),
    );
    check(
        FlatKind::SliceCheck,
        "dr a#8192 br cr",
        &format!(
            "cmp c, #0x2, lsl #12; b.lo; cmp b, c; b.hi; subs x16, b, #0x2, lsl #12; b.lo; mov d, x16; {}; {of_b}; {of_b}",
            stub("mov x16, #0x2000; str x16", "str c")
        ),
    );
}

#[test]
fn memory() {
    let int = RegClass::Int;
    for (elem, load, store, shift, size, class) in [
        (Elem::I64, "ldr d", "str c", ", lsl #3", 8, int),
        (Elem::I32, "ldrsw d", "str c32", ", lsl #2", 4, int),
        (Elem::U8, "ldrb d32", "strb c32", "", 1, int),
        (Elem::Bool, "ldrb d32", "strb c32", "", 1, int),
        (Elem::F64, "ldr d", "str c", ", lsl #3", 8, RegClass::Float),
        (Elem::F32, "ldr d32", "str s31", ", lsl #2", 4, RegClass::Float),
    ] {
        let letter = if class == int { 'r' } else { 'x' };
        let (widen, narrow) = if elem == Elem::F32 { ("; fcvt d, d32", "fcvt s31, c; ") } else { ("", "") };
        let zero = match elem {
            Elem::F64 | Elem::I64 => "str xzr",
            Elem::F32 | Elem::I32 => "str wzr",
            Elem::U8 | Elem::Bool => "strb wzr",
        };
        check(FlatKind::Load(elem), &format!("d{letter} ar br"), &format!("{load}, [a, b{shift}]{widen}"));
        check(FlatKind::Store(elem), &format!("ar br c{letter}"), &format!("{narrow}{store}, [a, b{shift}]"));
        check(FlatKind::Store(elem), "ar br c#0", &format!("{zero}, [a, b{shift}]"));
        for index in [0, 1, 400, 4095] {
            let at = match index * size {
                0 => String::new(),
                at => format!(", #{at:#x}"),
            };
            check(FlatKind::Load(elem), &format!("d{letter} ar b#{index}"), &format!("{load}, [a{at}]{widen}"));
            check(FlatKind::Store(elem), &format!("ar b#{index} c{letter}"), &format!("{narrow}{store}, [a{at}]"));
        }
        let shift = if size == 1 { "" } else { shift };
        check(FlatKind::ElemAddr(elem), "dr ar br", &format!("add d, a, b{shift}"));
        check(FlatKind::ElemAddr(elem), "dr ar b#3", &format!("add d, a, #{:#x}", 3 * size));
        check(FlatKind::ElemAddr(elem), "dr ar b#4096", &format!("add d, a, #{size:#x}, lsl #12"));
    }
}

#[test]
fn calls_and_the_context() {
    check(FlatKind::StackParam(0), "dr", "ldr d, [sp, #0x20]");
    check(FlatKind::StackParam(20), "dx", "ldr d, [sp, #0xc0]");
    check(FlatKind::StackParam(4091), "dx", "ldr d, [sp, #0x7ff8]");
    check(FlatKind::StackParam(4092), "dr", "mov x17, #0x8000; ldr d, [sp, x17]");
    check(FlatKind::StackParam(4092), "dx", "mov x17, #0x8000; ldr d, [sp, x17]");
    check(FlatKind::StoreArg(0), "ar", "str a, [sp]");
    check(FlatKind::StoreArg(15), "ar", "str a, [sp, #0x78]");
    check(FlatKind::StoreArg(99), "ax", "str a, [sp, #0x318]");
    check(FlatKind::StoreArg(10000), "ar", "mov x17, #0x3880; movk x17, #0x1, lsl #16; str a, [sp, x17]");
    check(FlatKind::StoreArg(10000), "ax", "mov x17, #0x3880; movk x17, #0x1, lsl #16; str a, [sp, x17]");
    check(FlatKind::StoreArg(1), "a#0", "str xzr, [sp, #0x8]");
    check(FlatKind::StoreArg(1), "a#-7", "mov x16, #0xfffffffffffffff9; str x16, [sp, #0x8]");
    check(FlatKind::StoreArg(4096), "a#5", "mov x16, #0x5; mov x17, #0x8000; str x16, [sp, x17]");
    check(FlatKind::Math(Math::Sin), "", POOL);
    let address = POOL.replace("x16", "x17").replace("; blr x17", "");
    let call = format!("{address}; {POOL}; ldr d, [sp]; b");
    let one = format!("str c, [sp]; {call}");
    check(FlatKind::Rare(Math::Exp, true), "d@b ar bx cx", &format!("cbnz a32; {one}"));
    check(FlatKind::Rare(Math::Exp, false), "d@b ar bx cx", &format!("cbz a32; {one}"));
    let two = format!("str e, [sp]; str f, [sp, #0x8]; {call}");
    check(FlatKind::RareCmp(Math::Pow, Op::FLe, false), "d@c ax bx cx ex fx", &format!("fcmp a, b; b.hi; {two}"));
    check(FlatKind::RareCmp(Math::Pow, Op::ILt, true), "d@c ar br cx ex fx", &format!("cmp a, b; b.lt; {two}"));
    let helper = format!("mov x0, x28; mov x1, sp; {POOL}; cbnz x0");
    check(FlatKind::CallHelper(Helper::IGcd), "dr", &format!("{helper}; ldr d, [x28, #0x30]; {POOL}"));
    let helper = format!("str x26, [x28]; mov x0, x28; mov x1, sp; {POOL}; ldr x26, [x28]; cbnz x0");
    check(FlatKind::CallHelper(Helper::HostCall), "dx", &format!("{helper}; ldr d, [x28, #0x30]; {POOL}"));
    check(FlatKind::CallHelper(Helper::HostCall), "", &format!("{helper}; {POOL}"));
    check(FlatKind::ArenaMark, "dr", "ldr d, [x28, #0x10]");
    check(FlatKind::ArenaRelease, "ar", "str a, [x28, #0x10]");
    let fuel = "subs x26, x26, #0x1; b.mi";
    let depth = "subs x27, x27, #0x1; b.mi";
    check(FlatKind::MeterLoop, "", &format!("{fuel}; {POOL}; b"));
    check(FlatKind::EnterCall(1), "", &format!("{fuel}; {depth}; {POOL}; b; {POOL}"));
    check(FlatKind::LeaveCall(1), "", "add x27, x27, #0x1");
    let depth = "subs x27, x27, #0x3; b.mi";
    check(FlatKind::EnterCall(3), "", &format!("{fuel}; {depth}; {POOL}; b; {POOL}"));
    check(FlatKind::EnterInlined(2), "", &format!("{fuel}; cmp x27, #0x2; b.lt; {POOL}; b; {POOL}"));
    check(FlatKind::EnterInlined(0), "", &format!("{fuel}; {POOL}; b"));
    check(FlatKind::LeaveCall(3), "", "add x27, x27, #0x3");
    check(FlatKind::Call(FuncId(0)), "", "bl");
    check(FlatKind::Trap(TrapKind::BadArgument), "", POOL);
}

#[test]
fn frames() {
    // `bti c` is hint 34.
    let (int, float) = (RegClass::Int, RegClass::Float);
    let frame = |size, saved: &[(usize, RegClass, u32)]| Frame {
        size,
        saved: saved.iter().map(|(reg, class, at)| (PReg::new(*reg, *class), *at)).collect(),
        ..Frame::default()
    };
    let entry = |frame: &Frame| {
        let text = disassemble(|a64, _| {
            a64.entry();
            a64.prologue(frame);
        })
        .join("; ");
        text.strip_prefix("hint #0x22; ").expect("a landing pad").to_owned()
    };
    let exit = |frame: &Frame| disassemble(|a64, _| a64.epilogue(frame)).join("; ");
    assert_eq!(exit(&frame(0, &[])), "ret");
    assert_eq!(entry(&frame(16, &[])), "stp xzr, x30, [sp, #-0x10]!");
    assert_eq!(exit(&frame(16, &[])), "ldp xzr, x30, [sp], #0x10; ret");
    assert_eq!(entry(&frame(16, &[(19, int, 0)])), "stp xzr, x30, [sp, #-0x10]!; str x19, [sp]");
    assert_eq!(exit(&frame(16, &[(19, int, 0)])), "ldr x19, [sp]; ldp xzr, x30, [sp], #0x10; ret");
    let medium = frame(48, &[(19, int, 16), (27, int, 24), (8, float, 32)]);
    assert_eq!(
        entry(&medium),
        "sub sp, sp, #0x30; str x30, [sp, #0x28]; str x19, [sp, #0x10]; str x27, [sp, #0x18]; str d8, [sp, #0x20]"
    );
    assert_eq!(
        exit(&medium),
        "ldr x19, [sp, #0x10]; ldr x27, [sp, #0x18]; ldr d8, [sp, #0x20]; ldr x30, [sp, #0x28]; \
         add sp, sp, #0x30; ret"
    );
    // Every page is touched on the way down.
    let page = "sub sp, sp, #0x1, lsl #12; ldr xzr, [sp]";
    assert_eq!(entry(&frame(4112, &[])), format!("ldr xzr, [sp]; {page}; sub sp, sp, #0x10; str x30, [sp, #0x1008]"));
    assert_eq!(exit(&frame(4112, &[])), "ldr x30, [sp, #0x1008]; add sp, sp, #0x1, lsl #12; add sp, sp, #0x10; ret");
    assert_eq!(
        entry(&frame(2 * 4096 + 992, &[])),
        format!("ldr xzr, [sp]; {page}; {page}; sub sp, sp, #0x3e0; str x30, [sp, #0x23d8]")
    );
    let far = "movk x17, #0x6, lsl #16";
    assert_eq!(
        entry(&frame(100 * 4096 + 16, &[(20, int, 100 * 4096)])),
        format!(
            "ldr xzr, [sp]; mov x16, #0x64; {page}; subs x16, x16, #0x1; b.ne; sub sp, sp, #0x10; \
             mov x17, #0x4008; {far}; str x30, [sp, x17]; mov x17, #0x4000; {far}; str x20, [sp, x17]"
        )
    );
    assert_eq!(
        exit(&frame(0x1234_5670, &[])),
        "mov x17, #0x5668; movk x17, #0x1234, lsl #16; ldr x30, [sp, x17]; mov x17, #0x5670; \
         movk x17, #0x1234, lsl #16; add sp, sp, x17; ret"
    );
}

#[test]
fn copies() {
    let frame = Frame { outgoing: 16, ..Frame::default() };
    let copy =
        |from: Allocation, to: Allocation, class| disassemble(|a64, _| a64.copy(from, to, class, &frame)).join("; ");
    let reg = |number: u8, class| Allocation::reg(PReg::new(number as usize, class));
    for (class, numbers, name, prefix) in
        [(RegClass::Int, &INT[..], "mov", 'x'), (RegClass::Float, &FLOAT[..], "fmov", 'd')]
    {
        // The allocator moves through the scratch registers too.
        let numbers: Vec<u8> = numbers.iter().copied().chain([if class == RegClass::Int { 16 } else { 31 }]).collect();
        for (a, b) in numbers.iter().flat_map(|a| numbers.iter().map(move |b| (*a, *b))) {
            let want = if a == b { String::new() } else { format!("{name} {prefix}{b}, {prefix}{a}") };
            assert_eq!(copy(reg(a, class), reg(b, class), class), want);
        }
        for (slot, before, at) in [
            (0, "", "#0x10"),
            (1000, "", "#0x1f50"),
            (4093, "", "#0x7ff8"),
            (4094, "mov x17, #0x8000; ", "x17"),
            (20000, "mov x17, #0x7110; movk x17, #0x2, lsl #16; ", "x17"),
        ] {
            let slot = Allocation::stack(SpillSlot::new(slot));
            for number in &numbers {
                let text = format!("{prefix}{number}, [sp, {at}]");
                assert_eq!(copy(reg(*number, class), slot, class), format!("{before}str {text}"));
                assert_eq!(copy(slot, reg(*number, class), class), format!("{before}ldr {text}"));
            }
        }
    }
}

/// The page and the offset within it, from the instructions as they lie in memory.
#[test]
fn references_to_the_pool() {
    let code = || {
        assemble(|a64, cx| {
            let alloc = [Allocation::reg(PReg::new(30, RegClass::Float))];
            let kind = FlatKind::ConstFloat(0.1f64.to_bits());
            let located = Located { kind, span: Span::default(), defs: 1, args: &[], allocs: &alloc };
            a64.inst(&located, cx).expect("an instruction");
        })
    };
    let text = |code: &[u8]| {
        let decoder = InstDecoder::default();
        let line = |word| decoder.decode(&mut U8Reader::new(word)).expect("an instruction").to_string();
        code.chunks(4).map(line).collect::<Vec<_>>()
    };
    for (code_at, pool_at, page, offset) in [
        (0x10000u64, 0x10000u64, "+0x0", ""),
        (0x10000, 0x11008, "+0x1000", ", #0x8"),
        (0x10ffc, 0x20ff8, "+0x10000", ", #0xff8"),
        (0x5000_0000, 0x5000_0000 + (1 << 32) - 4096, "+0xfffff000", ""),
        (0x2_0000_0000, 0x1_0000_0010, "-0x100000000", ", #0x10"),
    ] {
        let mut bytes = code();
        A64::patch_pool_ref(&mut bytes, 0, code_at, pool_at).expect("within reach");
        assert_eq!(text(&bytes), [format!("adrp x16, ${page}"), format!("ldr d30, [x16{offset}]")]);
        // A second time, to another place.
        A64::patch_pool_ref(&mut bytes, 0, 0x10000, 0x11008).expect("within reach");
        assert_eq!(text(&bytes), ["adrp x16, $+0x1000", "ldr d30, [x16, #0x8]"]);
    }
    for (code_at, pool_at) in [(0, 1 << 32), (1 << 32, 0xff8 - 1), (0x10000, 0x20004), (0x2_0000_1000, 0)] {
        assert!(A64::patch_pool_ref(&mut code(), 0, code_at, pool_at).is_err(), "{code_at:#x} {pool_at:#x}");
    }
    assert!(A64::patch_pool_ref(&mut code(), 8, 0x10000, 0x20000).is_err());
}
