//! What the AArch64 emitter makes of each instruction on two lanes, over registers of all parts of their fields, decoded back by an independent disassembler.
#![cfg(feature = "disasm")]

use cresset::Elem;
use cresset::Span;
use cresset::codegen::CpuFeatures;
use cresset::codegen::a64::A64;
use cresset::codegen::flat::{Arg, FlatKind, Vector};
use cresset::codegen::target::{Context, Located, Target};
use cresset::ir::op::{Op, Scalar};
use regalloc2::{Allocation, PReg, RegClass, VReg};
use yaxpeax_arch::{Decoder as _, U8Reader};

/// Registers for the letters d, a, b, c, t, u.
const CHOICES: [[u8; 6]; 4] =
    [[0, 1, 2, 3, 4, 5], [30, 29, 28, 27, 26, 25], [8, 16, 7, 15, 24, 1], [21, 10, 12, 19, 6, 14]];

/// An instruction, its operands (`d`, `a`, `b`, `c` vectors, `t`, `u` temporaries, `X` after the letter for a general register, `=letter` for a shared one, `#` for a
/// constant) and the expected code.
type Case = (Vector, &'static str, &'static str);

fn code(kind: Vector, operands: &str, numbers: &[u8; 6]) -> Vec<String> {
    let number = |letter: u8| numbers[b"dabctu".iter().position(|known| *known == letter).expect("a letter")];
    let (mut args, mut allocs, mut defs) = (Vec::new(), Vec::new(), 0);
    for operand in operands.split_whitespace() {
        let bytes = operand.as_bytes();
        if bytes[0] == b'#' {
            args.push(Arg::Const(operand[1..].parse::<i64>().expect("a number") as u64));
            continue;
        }
        let shared = operand.split_once('=').map_or(bytes[0], |(_, with)| with.as_bytes()[0]);
        let class = if operand.contains('X') { RegClass::Int } else { RegClass::Float };
        match bytes[0] {
            b'd' => defs += 1,
            b't' | b'u' => {}
            _ => args.push(Arg::Reg(VReg::new(0, class))),
        }
        allocs.push(Allocation::reg(PReg::new(number(shared).into(), class)));
    }
    let mut a64 = A64::new(CpuFeatures::Neon);
    for (index, arg) in args.iter().enumerate() {
        if let Arg::Const(bits) = arg {
            assert!(a64.folds(FlatKind::Vector(kind), index, *bits), "{kind:?} {bits}");
        }
    }
    let mut cx = Context::new(Vec::new().into(), false);
    let located = Located { kind: FlatKind::Vector(kind), span: Span::default(), defs, args: &args, allocs: &allocs };
    a64.inst(&located, &mut cx).expect("an instruction");
    let bytes = std::mem::replace(a64.asm(), dynasmrt::VecAssembler::new(0)).finalize().expect("code");
    let decoder = yaxpeax_arm::armv8::a64::InstDecoder::default();
    let words = bytes.chunks(4);
    words.map(|word| decoder.decode(&mut U8Reader::new(word)).expect("it decodes").to_string()).collect()
}

fn expected(text: &str, numbers: &[u8; 6]) -> Vec<String> {
    let name = |letter: char| numbers["dabctu".find(letter).expect("a letter")];
    let line = |line: &str| {
        let mut out = String::new();
        let mut rest = line.trim().chars();
        while let Some(letter) = rest.next() {
            match letter {
                // `%d` is the number of a register.
                '%' => out.push_str(&name(rest.next().expect("a letter")).to_string()),
                _ => out.push(letter),
            }
        }
        out
    };
    text.split(';').map(line).collect()
}

/// The same over both forms that take three vectors.
fn three(op: Op, name: &'static str) -> Case {
    (Vector::Op(op), "d a b", Box::leak(format!("{name} v%d.2d, v%a.2d, v%b.2d").into_boxed_str()))
}

fn bytes_of(op: Op, name: &'static str) -> Case {
    (Vector::Op(op), "d a b", Box::leak(format!("{name} v%d.16b, v%a.16b, v%b.16b").into_boxed_str()))
}

fn two(op: Op, name: &'static str) -> Case {
    (Vector::Op(op), "d a", Box::leak(format!("{name} v%d.2d, v%a.2d").into_boxed_str()))
}

#[test]
fn instructions_on_lanes_are_encoded() {
    use Vector as V;
    let cases: Vec<Case> = vec![
        three(Op::FAdd, "fadd"),
        three(Op::FSub, "fsub"),
        three(Op::FMul, "fmul"),
        three(Op::FDiv, "fdiv"),
        three(Op::FMin, "fmin"),
        three(Op::FMax, "fmax"),
        three(Op::FEq, "fcmeq"),
        three(Op::IEq, "cmeq"),
        three(Op::IWrappingAdd, "add"),
        three(Op::IWrappingSub, "sub"),
        bytes_of(Op::IAnd, "and"),
        bytes_of(Op::IOr, "orr"),
        bytes_of(Op::IXor, "eor"),
        two(Op::FNeg, "fneg"),
        two(Op::FAbs, "fabs"),
        two(Op::FSqrt, "fsqrt"),
        two(Op::FFloor, "frintm"),
        two(Op::FCeil, "frintp"),
        two(Op::FTrunc, "frintz"),
        two(Op::FRound, "frinta"),
        two(Op::FRoundEven, "frintn"),
        two(Op::IToF, "scvtf"),
        (V::Truncate, "d a", "fcvtzs v%d.2d, v%a.2d"),
        (V::Op(Op::FLt), "d a b", "fcmgt v%d.2d, v%b.2d, v%a.2d"),
        (V::Op(Op::FLe), "d a b", "fcmge v%d.2d, v%b.2d, v%a.2d"),
        (V::Op(Op::ILt), "d a b", "cmgt v%d.2d, v%b.2d, v%a.2d"),
        (V::Op(Op::ILe), "d a b", "cmge v%d.2d, v%b.2d, v%a.2d"),
        (V::Op(Op::FNe), "d a b", "fcmeq v%d.2d, v%a.2d, v%b.2d; mvn v%d.16b, v%d.16b"),
        (V::Op(Op::INe), "d a b", "cmeq v%d.2d, v%a.2d, v%b.2d; mvn v%d.16b, v%d.16b"),
        (V::Op(Op::FIsNan), "d a", "fcmeq v%d.2d, v%a.2d, v%a.2d; mvn v%d.16b, v%d.16b"),
        (V::Op(Op::INot), "d a", "mvn v%d.16b, v%a.16b"),
        (V::Op(Op::BToI), "d a", "ushr v%d.2d, v%a.2d, #0x3f"),
        (V::Op(Op::Fma), "d=c a b c", "fmla v%c.2d, v%a.2d, v%b.2d"),
        (V::FmaInto(Op::Fnma), "d=c a b c", "fmls v%c.2d, v%a.2d, v%b.2d"),
        (V::Op(Op::Fms), "d=c a b c", "fneg v%c.2d, v%c.2d; fmla v%c.2d, v%a.2d, v%b.2d"),
        (V::Select(Scalar::F64), "d=a a b c", "bsl v%a.16b, v%b.16b, v%c.16b"),
        (V::Op(Op::FFract), "d a", "frintz v31.2d, v%a.2d; fsub v%d.2d, v%a.2d, v31.2d"),
        (V::Op(Op::FDemote), "d a", "fcvtn v31.2s, v%a.2d; fcvtl v%d.2d, v31.2s"),
        (V::Op(Op::IShl), "d a #5", "shl v%d.2d, v%a.2d, #0x5"),
        (V::Op(Op::IShr), "d a #63", "ushr v%d.2d, v%a.2d, #0x3f"),
        (V::Op(Op::ISar), "d a #1", "sshr v%d.2d, v%a.2d, #0x1"),
        (V::Load(Elem::F64), "d aX bX", "add x16, x%a, x%b, lsl #3; ldr q%d, [x16]"),
        (V::Load(Elem::F32), "d aX bX", "add x16, x%a, x%b, lsl #2; ldr d%d, [x16]; fcvtl v%d.2d, v%d.2s"),
        (V::Store(Elem::I64), "aX bX c", "add x16, x%a, x%b, lsl #3; str q%c, [x16]"),
        (V::Store(Elem::I32), "aX bX c", "add x16, x%a, x%b, lsl #2; xtn v31.2s, v%c.2d; str d31, [x16]"),
        // The disassembler's name for `dup`.
        (V::Splat(Scalar::F64), "d a", "mov v%d.2d, v%a.d[0]"),
        (V::Splat(Scalar::I64), "d aX", "dup v%d.2d, x%a"),
        (V::AnyLane, "dX a", "addp d31, v%a.2d; fmov x16, d31; cmp x16, #0x0; cset x%d, ne"),
    ];
    let mut wrong = Vec::new();
    for (kind, operands, text) in cases {
        for numbers in &CHOICES {
            let (got, want) = (code(kind, operands, numbers).join("; "), expected(text, numbers).join("; "));
            if got != want {
                wrong.push(format!("{kind:?}: {got}\n    for {want}"));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
