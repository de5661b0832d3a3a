//! Every instruction form that the x86-64 emitter can produce, over all registers, decoded back by an independent disassembler.
//!
//! The assembler is known to mis-encode some forms, so that what is meant stands here a second time, as text.
#![cfg(feature = "disasm")]

use cresset::codegen::CpuFeatures;
use cresset::codegen::flat::{Arg, FlatKind};
use cresset::codegen::frame::Frame;
use cresset::codegen::target::{Context, Located, Target};
use cresset::codegen::x64::X64;
use cresset::ir::op::{Math, Op};
use cresset::runtime::helper::Helper;
use cresset::sema::hir::FuncId;
use cresset::{Elem, Span, TrapKind};
use dynasmrt::DynasmLabelApi;
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter, MemorySizeOptions};
use regalloc2::{Allocation, PReg, RegClass, SpillSlot, VReg};

const INT: [u8; 11] = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 12];
const FLOAT: [u8; 15] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
const RDX: u8 = 2;
const NAMES_64: [&str; 16] =
    ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
const NAMES_32: [&str; 16] = [
    "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d",
    "r15d",
];
const NAMES_8: [&str; 16] =
    ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b"];

/// An operand of a case: its name in the expected text, and where it may lie.
#[derive(Clone, Copy, Debug)]
enum Lies {
    /// In any register of a class.
    Any(RegClass),
    /// In the register of the operand of this name.
    With(char),
    /// In this register.
    Fixed(u8),
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
            b'%' => {
                let at = NAMES_64.iter().position(|name| *name == &lies[1..]);
                Lies::Fixed(at.expect("a register") as u8)
            }
            b'#' => Lies::Const(lies[1..].parse::<i64>().expect("a number") as u64),
            _ => Lies::Const(lies[1..].parse::<f64>().expect("a number").to_bits()),
        };
        (name, lies)
    };
    text.split_whitespace().map(parse).collect()
}

/// Emits one instruction and its cold stubs, decodes, and compares, for every choice of registers. `operands` are results (d), arguments (others), and
/// temporaries (t) as `name` then `r`, `x`, `@name`, `%register`, `#integer` or `!float`. In `expected`, `d` is 64 bits of an operand, `d32` and `d8` less.
#[track_caller]
fn check(kind: FlatKind, operands: &str, expected: &str) {
    let operands = parse_operands(operands);
    let free: Vec<(char, RegClass)> = operands
        .iter()
        .filter_map(|(name, lies)| if let Lies::Any(class) = lies { Some((*name, *class)) } else { None })
        .collect();
    let choices = |class: RegClass| if class == RegClass::Int { &INT[..] } else { &FLOAT[..] };
    // With more than three free operands, every register in every place and not every combination.
    let combinations: usize =
        if free.len() <= 3 { free.iter().map(|(_, class)| choices(*class).len()).product() } else { 15 * 13 };
    for combination in 0..combinations {
        let mut rest = combination;
        let mut registers: Vec<(char, u8, RegClass)> = Vec::new();
        for (place, (name, class)) in free.iter().enumerate() {
            let from = choices(*class);
            let index = if free.len() <= 3 { rest % from.len() } else { (combination + place * 4) % from.len() };
            rest /= from.len();
            registers.push((*name, from[index], *class));
        }
        for (name, lies) in &operands {
            match lies {
                Lies::Fixed(number) => registers.push((*name, *number, RegClass::Int)),
                Lies::With(other) => {
                    let (_, number, class) = registers.iter().find(|(name, ..)| name == other).copied().expect("it");
                    registers.push((*name, number, class));
                }
                Lies::Any(_) | Lies::Const(_) => {}
            }
        }
        // The allocator never gives a temporary or an early result the register of another operand.
        let of = |name: char| registers.iter().find(|(other, ..)| *other == name).copied();
        let clashes = |name: char, number: u8, class: RegClass| {
            registers.iter().any(|(other, of, with)| *other != name && (*of, *with) == (number, class))
        };
        let is_early = |name: char, number: u8| matches!(name, 't' | 'u') || (name == 'd' && number == RDX);
        let mut operands_of = registers.iter();
        if has_early(kind) && operands_of.any(|(name, of, class)| is_early(*name, *of) && clashes(*name, *of, *class)) {
            continue;
        }
        let arg = |(name, lies): &(char, Lies)| match lies {
            Lies::Const(bits) => Arg::Const(*bits),
            _ => Arg::Reg(VReg::new(0, of(*name).expect("a register").2)),
        };
        let is_arg = |name: char| !matches!(name, 'd' | 't' | 'u');
        let args: Vec<Arg> = operands.iter().filter(|(name, _)| is_arg(*name)).map(arg).collect();
        let allocs: Vec<Allocation> = operands
            .iter()
            .filter_map(|(name, _)| of(*name))
            .map(|(_, number, class)| Allocation::reg(PReg::new(number as usize, class)))
            .collect();
        let defs = operands.iter().filter(|(name, _)| *name == 'd').count();
        let located = Located { kind, span: Span::default(), defs, args: &args, allocs: &allocs };
        let got = disassemble(|x64, cx| emit(x64, cx, &located));
        let want: Vec<String> = expected
            .split(';')
            .map(|line| substitute(line.trim(), &registers))
            // A move to itself is left out.
            .filter(|line| !line.is_empty())
            .filter(|line| {
                let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
                !(name == "mov" && rest.split_once(", ").is_some_and(|(to, from)| to == from))
            })
            .collect();
        // The disassembler writes two operands where the first two of three are one.
        let want: Vec<String> = want
            .into_iter()
            .map(|line| match line.split(", ").collect::<Vec<_>>()[..] {
                [to, from, by] if to.strip_prefix("imul ") == Some(from) => format!("{to}, {by}"),
                _ => line,
            })
            .collect();
        assert_eq!(got, want, "{kind:?} {registers:?}");
    }
}

/// Whether the allocator is told of a temporary or an early result.
fn has_early(kind: FlatKind) -> bool {
    matches!(kind, FlatKind::Op(Op::FSign | Op::IDiv | Op::IFloorDiv | Op::IRem | Op::IFloorMod))
}

fn emit(x64: &mut X64, cx: &mut Context, located: &Located<'_>) {
    match located.kind {
        FlatKind::Branch | FlatKind::BranchCmp(_) | FlatKind::BranchBits(_) => {
            let to = x64.asm().new_dynamic_label();
            x64.branch(located, true, to, cx);
            x64.branch(located, false, to, cx);
            x64.asm().dynamic_label(to);
        }
        _ => x64.inst(located, cx).expect("an instruction"),
    }
}

fn disassemble(emit: impl FnOnce(&mut X64, &mut Context)) -> Vec<String> {
    let mut x64 = X64::new(CpuFeatures::V3);
    let entry = x64.asm().new_dynamic_label();
    let mut cx = Context::new(vec![entry].into(), true);
    cx.frame = Frame { size: 24, outgoing: 8, saved: Vec::new(), incoming: 32, ..Frame::default() };
    emit(&mut x64, &mut cx);
    for stub in cx.take_stubs() {
        x64.stub(&stub, &mut cx);
    }
    x64.asm().dynamic_label(entry);
    let code = x64.asm().take().expect("all labels are bound");
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_space_after_operand_separator(true);
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_small_hex_numbers_in_decimal(true);
    options.set_signed_immediate_operands(true);
    options.set_show_branch_size(false);
    options.set_memory_size_options(MemorySizeOptions::Minimal);
    options.set_rip_relative_addresses(true);
    let mut lines = Vec::new();
    for inst in Decoder::with_ip(64, &code, 0, DecoderOptions::NONE).iter() {
        assert!(!inst.is_invalid(), "{code:02x?}");
        let mut text = String::new();
        formatter.format(&inst, &mut text);
        if inst.op0_kind() == iced_x86::OpKind::NearBranch64 {
            text.truncate(text.find(' ').expect("a target"));
        }
        lines.push(text.replace("call qword ptr [rip]", "call [pool]").replace("[rip]", "[pool]"));
    }
    lines
}

fn substitute(line: &str, registers: &[(char, u8, RegClass)]) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        let name = word.chars().next();
        let width = word.get(1..).unwrap_or_default();
        let register = registers.iter().find(|(of, ..)| Some(*of) == name && matches!(width, "" | "32" | "8"));
        match register {
            Some((_, number, RegClass::Float)) if width.is_empty() => out.push_str(&format!("xmm{number}")),
            Some((_, number, _)) => out.push_str(match width {
                "" => NAMES_64[*number as usize],
                "32" => NAMES_32[*number as usize],
                _ => NAMES_8[*number as usize],
            }),
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

#[test]
fn float_arithmetic() {
    for (of, name) in [(Op::FAdd, "vaddsd"), (Op::FSub, "vsubsd"), (Op::FMul, "vmulsd"), (Op::FDiv, "vdivsd")] {
        op(of, "dx ax bx", &format!("{name} d, a, b"));
        op(of, "dx ax b!1.5", &format!("{name} d, a, [pool]"));
    }
    for (of, name) in [(Op::FSub, "vsubsd"), (Op::FDiv, "vdivsd")] {
        op(of, "dx a!1.5 bx", &format!("vmovsd xmm15, [pool]; {name} d, xmm15, b"));
        op(of, "dx a!0 bx", &format!("vxorpd xmm15, xmm15, xmm15; {name} d, xmm15, b"));
    }
    op(Op::Fma, "d@a ax bx cx", "vfmadd213sd a, b, c");
    op(Op::Fms, "d@a ax bx cx", "vfmsub213sd a, b, c");
    op(Op::Fnma, "d@a ax bx cx", "vfnmadd213sd a, b, c");
    for (of, name) in [(Op::Fma, "vfmadd"), (Op::Fms, "vfmsub"), (Op::Fnma, "vfnmadd")] {
        op(of, "d@a ax bx c!1.5", &format!("{name}213sd a, b, [pool]"));
        op(of, "d@a ax b!1.5 cx", &format!("{name}132sd a, c, [pool]"));
    }
    op(Op::FSqrt, "dx ax", "vsqrtsd d, a, a");
    op(Op::FNeg, "dx ax", "vxorpd d, a, [pool]");
    op(Op::FAbs, "dx ax", "vandpd d, a, [pool]");
    op(Op::FMin, "dx ax bx", "vminsd xmm15, a, b; vminsd d, b, a; vorpd d, d, xmm15");
    op(Op::FMin, "dx ax b!1.5", "vmovsd xmm15, [pool]; vminsd d, xmm15, a");
    op(
        Op::FMax,
        "dx ax bx",
        "vmaxsd xmm15, a, b; vmaxsd d, b, a; vxorpd d, d, xmm15; vorpd xmm15, xmm15, d; vsubsd d, xmm15, d",
    );
    op(Op::FMax, "dx ax b!1.5", "vmovsd xmm15, [pool]; vmaxsd d, xmm15, a");
    op(Op::FMax, "dx ax b!0", "vxorpd xmm15, xmm15, xmm15; vmaxsd d, xmm15, a; vaddsd d, d, xmm15");
}

#[test]
fn float_rounding_and_signs() {
    op(Op::FFloor, "dx ax", "vroundsd d, a, a, 9");
    op(Op::FCeil, "dx ax", "vroundsd d, a, a, 0xA");
    op(Op::FTrunc, "dx ax", "vroundsd d, a, a, 0xB");
    op(Op::FRoundEven, "dx ax", "vroundsd d, a, a, 8");
    op(
        Op::FRound,
        "dx ax",
        "vandpd xmm15, a, [pool]; vorpd xmm15, xmm15, [pool]; vaddsd xmm15, xmm15, a; vroundsd d, xmm15, xmm15, 0xB",
    );
    op(Op::FFract, "dx ax", "vroundsd xmm15, a, a, 0xB; vsubsd d, a, xmm15");
    op(
        Op::FSign,
        "dx ax tx",
        "vandpd t, a, [pool]; vorpd t, t, [pool]; vxorpd xmm15, xmm15, xmm15; vcmpneq_oqsd xmm15, a, xmm15; \
         vblendvpd d, a, t, xmm15",
    );
    op(Op::FCopysign, "dx ax bx", "vandpd xmm15, b, [pool]; vandpd d, a, [pool]; vorpd d, d, xmm15");
    op(Op::FCanon, "d@a ax", "vucomisd a, a; jp; mov r11d, 0x7FF8; shl r11, 0x30; vmovq a, r11; jmp");
    op(Op::FDemote, "dx ax", "vcvtsd2ss d, a, a; vcvtss2sd d, d, d");
    op(Op::FBits, "dr ax", "vmovq d, a");
    op(Op::FFromBits, "dx ar", "vmovq d, a");
    op(Op::FIsFinite, "dr ax", "vsubsd xmm15, a, a; vucomisd xmm15, xmm15; setnp d8; movzx d32, d8");
    op(Op::FIsInfinite, "dr ax", "vandpd xmm15, a, [pool]; vucomisd xmm15, [pool]; setae d8; movzx d32, d8");
    op(Op::FIsNan, "dr ax", "vucomisd a, a; setp d8; movzx d32, d8");
}

#[test]
fn comparisons_to_bools() {
    op(Op::FEq, "dr ax bx", "vcmpeqsd xmm15, a, b; vmovq d, xmm15; and d32, 1");
    op(Op::FNe, "dr ax b!1.5", "vmovsd xmm15, [pool]; vcmpneqsd xmm15, a, xmm15; vmovq d, xmm15; and d32, 1");
    op(Op::FLt, "dr ax bx", "vucomisd b, a; seta d8; movzx d32, d8");
    op(Op::FLt, "dr ax b!1.5", "vmovsd xmm15, [pool]; vucomisd xmm15, a; seta d8; movzx d32, d8");
    op(Op::FLe, "dr a!1.5 bx", "vucomisd b, [pool]; setae d8; movzx d32, d8");
    for (of, set, swapped) in
        [(Op::IEq, "sete", ""), (Op::INe, "setne", ""), (Op::ILt, "setl", "setg"), (Op::ILe, "setle", "setge")]
    {
        op(of, "dr ar br", &format!("cmp a, b; {set} d8; movzx d32, d8"));
        op(of, "dr ar b#0", &format!("test a, a; {set} d8; movzx d32, d8"));
        op(of, "dr ar b#-7", &format!("cmp a, -7; {set} d8; movzx d32, d8"));
        if !swapped.is_empty() {
            op(of, "dr a#100000 br", &format!("cmp b, 0x186A0; {swapped} d8; movzx d32, d8"));
        }
    }
}

#[test]
fn integer_arithmetic() {
    for (of, name, traps) in [
        (Op::IAdd, "add", true),
        (Op::ISub, "sub", true),
        (Op::IAnd, "and", false),
        (Op::IOr, "or", false),
        (Op::IXor, "xor", false),
        (Op::BAnd, "and", false),
        (Op::BOr, "or", false),
        (Op::BNe, "xor", false),
    ] {
        let (jump, stub) = if traps { ("; jo", "; call [pool]") } else { ("", "") };
        op(of, "d@a ar br", &format!("{name} a, b{jump}{stub}"));
        op(of, "d@a ar b#-7", &format!("{name} a, -7{jump}{stub}"));
        op(of, "d@a ar b#127", &format!("{name} a, 0x7F{jump}{stub}"));
        op(of, "d@a ar b#128", &format!("{name} a, 0x80{jump}{stub}"));
        op(of, "d@a ar b#-129", &format!("{name} a, -0x81{jump}{stub}"));
    }
    op(Op::IMul, "d@a ar br", "imul a, b; jo; call [pool]");
    op(Op::IMul, "dr ar b#1000", "imul d, a, 0x3E8; jo; call [pool]");
    op(Op::IWrappingMul, "d@a ar br", "imul a, b");
    op(Op::IWrappingMul, "dr ar b#-3", "imul d, a, -3");
    op(Op::INeg, "d@a ar", "neg a; jo; call [pool]");
    op(Op::IAbs, "dr ar", "mov r11, a; neg r11; jo; cmovs r11, a; mov d, r11; call [pool]");
    op(Op::IWrappingAdd, "dr ar br", "lea d, [a+b]");
    op(Op::IWrappingAdd, "dr ar b#1000", "lea d, [a+0x3E8]");
    op(Op::IWrappingAdd, "dr ar b#7", "lea d, [a+7]");
    op(Op::IWrappingSub, "d@a ar br", "sub a, b");
    op(Op::IWrappingSub, "dr ar b#7", "lea d, [a-7]");
    op(Op::IWrappingSub, "dr ar b#-128", "lea d, [a+0x80]");
    op(Op::IWrappingSub, "dr ar b#1000", "lea d, [a-0x3E8]");
    op(Op::IWrappingSub, "d@a ar b#-2147483648", "sub a, -0x80000000");
    op(Op::INot, "d@a ar", "not a");
    op(Op::BNot, "d@a ar", "xor a32, 1");
    op(Op::BEq, "d@a ar br", "xor a, b; xor a32, 1");
    op(Op::BToI, "d@a ar", "");
}

#[test]
fn shifts_and_bits() {
    for (of, by_register, by_constant) in
        [(Op::IShl, "shlx", "shl"), (Op::IShr, "shrx", "shr"), (Op::ISar, "sarx", "sar")]
    {
        op(of, "dr ar br", &format!("{by_register} d, a, b"));
        op(of, "d@a ar b#7", &format!("{by_constant} a, 7"));
        op(of, "d@a ar b#69", &format!("{by_constant} a, 5"));
    }
    op(Op::IRotl, "dr ar br", "mov r11, b; neg r11; shrx r11, a, r11; shlx d, a, b; or d, r11");
    op(Op::IRotr, "dr ar br", "mov r11, b; neg r11; shlx r11, a, r11; shrx d, a, b; or d, r11");
    op(Op::IRotl, "dr ar b#5", "rorx d, a, 0x3B");
    op(Op::IRotr, "dr ar b#5", "rorx d, a, 5");
    op(Op::IPopcount, "dr ar", "popcnt d, a");
    op(Op::IClz, "dr ar", "lzcnt d, a");
    op(Op::ICtz, "dr ar", "tzcnt d, a");
    op(Op::IMin, "d@b ar br", "cmp a, b; cmovl b, a");
    op(Op::IMax, "d@b ar br", "cmp a, b; cmovg b, a");
    op(Op::ISign, "dr ar", "mov r11, a; neg r11; shr r11, 0x3F; mov d, a; sar d, 0x3F; or d, r11");
}

#[test]
fn division() {
    let head = "test b, b; je; cmp b, -1; jne";
    let quotient = "neg rax; jo; jmp";
    op(Op::IDiv, "d%rax a%rax br u%rdx", &format!("{head}; {quotient}; cqo; idiv b; call [pool]; call [pool]"));
    op(
        Op::IFloorDiv,
        "d%rax a%rax br u%rdx",
        &format!(
            "{head}; {quotient}; mov r11, b; cqo; idiv r11; test rdx, rdx; je; xor rdx, r11; sar rdx, 0x3F; \
             add rax, rdx; call [pool]; call [pool]"
        ),
    );
    op(Op::IRem, "d%rdx a%rax br", &format!("{head}; xor edx, edx; jmp; cqo; idiv b; call [pool]"));
    op(
        Op::IFloorMod,
        "d%rdx a%rax br",
        &format!(
            "{head}; xor edx, edx; jmp; mov r11, b; cqo; idiv r11; test rdx, rdx; je; mov rax, rdx; xor rax, r11; \
             jns; add rdx, r11; call [pool]"
        ),
    );
    op(Op::IFloorDiv, "d%rdx ar b#8 u%rax", "mov rdx, a; sar rdx, 3");
    op(Op::IFloorMod, "d%rdx ar b#8 u%rax", "mov edx, 7; and rdx, a");
    op(Op::IDiv, "d%rdx ar b#2 u%rax", "mov rdx, a; shr rdx, 0x3F; add rdx, a; sar rdx, 1");
    op(Op::IDiv, "d%rdx ar b#8 u%rax", "mov rdx, a; sar rdx, 0x3F; shr rdx, 0x3D; add rdx, a; sar rdx, 3");
    op(Op::IDiv, "d%rdx ar b#-8 u%rax", "mov rdx, a; sar rdx, 0x3F; shr rdx, 0x3D; add rdx, a; sar rdx, 3; neg rdx");
    op(
        Op::IRem,
        "d%rdx ar b#-8 u%rax",
        "mov rdx, a; sar rdx, 0x3F; shr rdx, 0x3D; add rdx, a; mov rax, -8; and rax, rdx; mov rdx, a; sub rdx, rax",
    );
    let by_7 = "mov rax, 0x4924924924924925; imul a; sar rdx, 1; mov rax, rdx; shr rax, 0x3F; add rdx, rax";
    op(Op::IDiv, "d%rdx ar b#7 u%rax", by_7);
    let rest = "imul r11, rdx, 7; neg r11; add r11, a";
    op(Op::IRem, "d%rdx ar b#7 u%rax", &format!("{by_7}; {rest}; mov rdx, r11"));
    op(Op::IFloorDiv, "d%rdx ar b#7 u%rax", &format!("{by_7}; {rest}; mov rax, r11; sar rax, 0x3F; add rdx, rax"));
    op(
        Op::IFloorMod,
        "d%rdx ar b#7 u%rax",
        &format!("{by_7}; {rest}; mov rax, r11; sar rax, 0x3F; mov edx, 7; and rdx, rax; add rdx, r11"),
    );
    op(
        Op::IFloorDiv,
        "d%rdx ar b#-7 u%rax",
        "mov rax, -0x4924924924924925; imul a; sar rdx, 1; mov rax, rdx; shr rax, 0x3F; add rdx, rax; \
         imul r11, rdx, -7; neg r11; add r11, a; mov rax, r11; neg rax; sar rax, 0x3F; add rdx, rax",
    );
    op(
        Op::IRem,
        "d%rdx ar b#10000000001 u%rax",
        "mov rax, 0x6DF37F672FBDA8C7; imul a; sar rdx, 0x20; mov rax, rdx; shr rax, 0x3F; add rdx, rax; \
         mov r11, 0x2540BE401; imul r11, rdx; neg r11; add r11, a; mov rdx, r11",
    );
}

#[test]
fn conversions() {
    op(Op::INarrowI32, "d@a ar", "movsxd r11, a32; cmp r11, a; jne; call [pool]");
    op(Op::INarrowU8, "d@a ar", "cmp a, 0xFF; ja; call [pool]");
    op(Op::IToF, "dx ar", "vxorps d, d, d; vcvtsi2sd d, d, a");
    op(Op::BToF, "dx ar", "vxorps d, d, d; vcvtsi2sd d, d, a");
    op(Op::FToI, "dr ax", "vcvttsd2si d, a; cmp d, 1; jno; vucomisd a, [pool]; jne; jp; call [pool]");
}

#[test]
fn constants() {
    check(FlatKind::ConstInt(0), "dr", "xor d32, d32");
    check(FlatKind::ConstInt(7), "dr", "mov d32, 7");
    check(FlatKind::ConstInt(0xFFFF_FFFF), "dr", "mov d32, -1");
    check(FlatKind::ConstInt(-2), "dr", "mov d, -2");
    check(FlatKind::ConstInt(i64::MAX), "dr", "mov d, 0x7FFFFFFFFFFFFFFF");
    check(FlatKind::ConstFloat(0), "dx", "vxorpd d, d, d");
    check(FlatKind::ConstFloat(1.5f64.to_bits()), "dx", "vmovsd d, [pool]");
}

#[test]
fn selections_and_branches() {
    check(FlatKind::Select, "d@y cr xr yr", "test c32, c32; cmovne y, x");
    check(FlatKind::Select, "dx cr ax bx", "mov r11, c; shl r11, 0x3F; vmovq xmm15, r11; vblendvpd d, b, a, xmm15");
    let select = |op, operands: &str, expected: &str| check(FlatKind::SelectCmp(op), operands, expected);
    select(Op::FEq, "d@e ax bx er fr", "vucomisd a, b; cmovne e, f; cmovp e, f");
    select(Op::FNe, "d@f ax bx er fr", "vucomisd a, b; cmovne f, e; cmovp f, e");
    select(Op::FLt, "d@f ax bx er fr", "vucomisd b, a; cmova f, e");
    select(Op::FLe, "d@f a!1.5 bx er fr", "vucomisd b, [pool]; cmovae f, e");
    select(Op::IEq, "d@f ar br er fr", "cmp a, b; cmove f, e");
    select(Op::INe, "d@f ar b#0 er fr", "test a, a; cmovne f, e");
    select(Op::ILt, "d@f ar br er fr", "cmp a, b; cmovl f, e");
    select(Op::ILe, "d@f ar br er fr", "cmp a, b; cmovle f, e");
    select(Op::ILt, "d@f a#9 br er fr", "cmp b, 9; cmovg f, e");
    select(Op::ILe, "d@f a#9 br er fr", "cmp b, 9; cmovge f, e");
    select(Op::FEq, "dx ax bx ex fx", "vcmpeqsd xmm15, a, b; vblendvpd d, f, e, xmm15");
    select(Op::FNe, "dx ax bx ex fx", "vcmpneqsd xmm15, a, b; vblendvpd d, f, e, xmm15");
    select(Op::FLt, "dx ax bx ex fx", "vcmpltsd xmm15, a, b; vblendvpd d, f, e, xmm15");
    select(Op::FLe, "dx ax b!1.5 ex fx", "vmovsd xmm15, [pool]; vcmplesd xmm15, a, xmm15; vblendvpd d, f, e, xmm15");
    for (of, name) in [(Op::IEq, "e"), (Op::INe, "ne"), (Op::ILt, "l"), (Op::ILe, "le")] {
        select(
            of,
            "dx ar br ex fx",
            &format!(
                "cmp a, b; set{name} r11b; movzx r11d, r11b; shl r11, 0x3F; vmovq xmm15, r11; vblendvpd d, f, e, xmm15"
            ),
        );
    }
    check(FlatKind::Branch, "ar", "test a32, a32; jne; test a32, a32; je");
    check(FlatKind::BranchBits(Op::IEq), "ar b#1", "test a8, 1; je; test a8, 1; jne");
    check(FlatKind::BranchBits(Op::INe), "ar b#300", "test a32, 0x12C; jne; test a32, 0x12C; je");
    check(FlatKind::BranchBits(Op::INe), "ar b#-4", "test a, -4; jne; test a, -4; je");
    check(FlatKind::BranchBits(Op::IEq), "ar br", "test a, b; je; test a, b; jne");
    let branch = |op, operands: &str, expected: &str| check(FlatKind::BranchCmp(op), operands, expected);
    branch(Op::FEq, "ax bx", "vucomisd a, b; jp; je; vucomisd a, b; jne; jp");
    branch(Op::FNe, "ax b!1.5", "vucomisd a, [pool]; jne; jp; vucomisd a, [pool]; jp; je");
    branch(Op::FLt, "ax bx", "vucomisd b, a; ja; vucomisd b, a; jbe");
    branch(Op::FLe, "ax bx", "vucomisd b, a; jae; vucomisd b, a; jb");
    branch(Op::IEq, "ar br", "cmp a, b; je; cmp a, b; jne");
    branch(Op::BNe, "ar br", "cmp a, b; jne; cmp a, b; je");
    branch(Op::ILt, "ar br", "cmp a, b; jl; cmp a, b; jge");
    branch(Op::ILe, "ar br", "cmp a, b; jle; cmp a, b; jg");
    branch(Op::ILt, "a#9 br", "cmp b, 9; jg; cmp b, 9; jle");
    branch(Op::ILe, "a#9 br", "cmp b, 9; jge; cmp b, 9; jl");
}

#[test]
fn checks_of_bounds() {
    let stub = "mov [r15+0x18], a; mov [r15+0x20], b; call [pool]";
    check(FlatKind::BoundsCheck, "ar br", &format!("cmp a, b; jae; {stub}"));
    let stub = "mov qword ptr [r15+0x18], 9; mov [r15+0x20], b; call [pool]";
    check(FlatKind::BoundsCheck, "a#9 br", &format!("cmp b, 9; jbe; {stub}"));
    let stub = "mov [r15+0x18], a; mov qword ptr [r15+0x20], 9; call [pool]";
    check(FlatKind::BoundsCheck, "ar b#9", &format!("cmp a, 9; jae; {stub}"));
    let out = |bound: &str| format!("mov [r15+0x18], {bound}; mov [r15+0x20], c; call [pool]");
    let constant = "mov qword ptr [r15+0x18], 9; mov [r15+0x20], c; call [pool]";
    check(
        FlatKind::SliceCheck,
        "dr ar br cr",
        &format!("cmp a, c; ja; cmp b, c; ja; mov r11, b; sub r11, a; jb; mov d, r11; {}; {}", out("a"), out("b")),
    );
    check(FlatKind::SliceCheck, "dr a#0 br cr", &format!("cmp b, c; ja; mov r11, b; mov d, r11; {}", out("b")));
    check(
        FlatKind::SliceCheck,
        "dr a#9 br cr",
        &format!("cmp c, 9; jb; cmp b, c; ja; mov r11, b; sub r11, 9; jb; mov d, r11; {constant}; {}", out("b")),
    );
    check(
        FlatKind::SliceCheck,
        "dr ar b#9 cr",
        &format!("cmp a, c; ja; cmp c, 9; jb; mov r11, 9; sub r11, a; jb; mov d, r11; {}; {constant}", out("a")),
    );
}

#[test]
fn memory() {
    for (elem, name, to, size) in [
        (Elem::I64, "mov d,", "", 8),
        (Elem::I32, "movsxd d,", "dword ptr", 4),
        (Elem::U8, "movzx d32, byte ptr", "byte ptr", 1),
        (Elem::Bool, "movzx d32, byte ptr", "byte ptr", 1),
    ] {
        let index = if size == 1 { "b".to_owned() } else { format!("b*{size}") };
        let name = name.strip_suffix(',').map_or(name.to_owned(), |name| format!("{name},"));
        check(FlatKind::Load(elem), "dr ar br", &format!("{name} [a+{index}]"));
        check(FlatKind::Load(elem), "dr ar b#400", &format!("{name} [a+{:#X}]", 400 * size).replace("0X", "0x"));
        let value = match size {
            8 => "c",
            4 => "c32",
            _ => "c8",
        };
        check(FlatKind::Store(elem), "ar br cr", &format!("mov [a+{index}], {value}"));
        check(FlatKind::Store(elem), "ar b#400 cr", &format!("mov [a+{:#X}], {value}", 400 * size).replace("0X", "0x"));
        let to = if to.is_empty() { "qword ptr" } else { to };
        check(FlatKind::Store(elem), "ar br c#1", &format!("mov {to} [a+{index}], 1"));
    }
    check(FlatKind::Load(Elem::I64), "dr ar b#15", "mov d, [a+0x78]");
    check(FlatKind::Load(Elem::F64), "dx ar br", "vmovsd d, [a+b*8]");
    check(FlatKind::Load(Elem::F64), "dx ar b#0", "vmovsd d, [a]");
    check(FlatKind::Load(Elem::F64), "dx ar b#100", "vmovsd d, [a+0x320]");
    check(FlatKind::Load(Elem::F32), "dx ar br", "vmovss d, [a+b*4]; vcvtss2sd d, d, d");
    check(FlatKind::Load(Elem::F32), "dx ar b#1", "vmovss d, [a+4]; vcvtss2sd d, d, d");
    check(FlatKind::Store(Elem::F64), "ar br cx", "vmovsd [a+b*8], c");
    check(FlatKind::Store(Elem::F64), "ar b#1 cx", "vmovsd [a+8], c");
    check(FlatKind::Store(Elem::F64), "ar br c#0", "mov qword ptr [a+b*8], 0");
    check(FlatKind::Store(Elem::F32), "ar br cx", "vcvtsd2ss xmm15, c, c; vmovss [a+b*4], xmm15");
    check(FlatKind::Store(Elem::F32), "ar b#1 cx", "vcvtsd2ss xmm15, c, c; vmovss [a+4], xmm15");
    check(FlatKind::Store(Elem::F32), "ar br c!1.5", "mov dword ptr [a+b*4], 0x3FC00000");
    check(FlatKind::ElemAddr(Elem::F64), "dr ar br", "lea d, [a+b*8]");
    check(FlatKind::ElemAddr(Elem::F32), "dr ar br", "lea d, [a+b*4]");
    check(FlatKind::ElemAddr(Elem::U8), "dr ar br", "lea d, [a+b]");
    check(FlatKind::ElemAddr(Elem::I64), "dr ar b#3", "lea d, [a+0x18]");
}

#[test]
fn calls_and_the_context() {
    check(FlatKind::StackParam(0), "dr", "mov d, [rsp+0x20]");
    check(FlatKind::StackParam(20), "dx", "vmovsd d, [rsp+0xC0]");
    check(FlatKind::StoreArg(0), "ar", "mov [rsp], a");
    check(FlatKind::StoreArg(15), "ar", "mov [rsp+0x78], a");
    check(FlatKind::StoreArg(16), "ar", "mov [rsp+0x80], a");
    check(FlatKind::StoreArg(1), "ax", "vmovsd [rsp+8], a");
    check(FlatKind::StoreArg(99), "ax", "vmovsd [rsp+0x318], a");
    check(FlatKind::StoreArg(1), "a#-7", "mov qword ptr [rsp+8], -7");
    check(FlatKind::StoreArg(16), "a#5", "mov qword ptr [rsp+0x80], 5");
    check(FlatKind::Math(Math::Sin), "", "call [pool]");
    let call = "mov r11, [pool]; call [pool]; vmovsd d, [rsp]; jmp";
    let one = format!("vmovsd [rsp], c; {call}");
    check(FlatKind::Rare(Math::Exp, true), "d@b ar bx cx", &format!("test a32, a32; jne; {one}"));
    check(FlatKind::Rare(Math::Exp, false), "d@b ar bx cx", &format!("test a32, a32; je; {one}"));
    let two = format!("vmovsd [rsp], e; vmovsd [rsp+8], f; {call}");
    check(FlatKind::RareCmp(Math::Pow, Op::FLe, false), "d@c ax bx cx ex fx", &format!("vucomisd b, a; jb; {two}"));
    check(FlatKind::RareCmp(Math::Pow, Op::ILt, true), "d@c ar br cx ex fx", &format!("cmp a, b; jl; {two}"));
    let helper = "mov rdi, r15; mov rsi, rsp; call [pool]; test rax, rax; jne";
    check(FlatKind::CallHelper(Helper::IGcd), "dr", &format!("{helper}; mov d, [r15+0x30]; call [pool]"));
    let helper = "mov [r15], r13; mov rdi, r15; mov rsi, rsp; call [pool]; mov r13, [r15]; test rax, rax; jne";
    check(FlatKind::CallHelper(Helper::HostCall), "dx", &format!("{helper}; vmovsd d, [r15+0x30]; call [pool]"));
    check(FlatKind::CallHelper(Helper::HostCall), "", &format!("{helper}; call [pool]"));
    check(FlatKind::ArenaMark, "dr", "mov d, [r15+0x10]");
    check(FlatKind::ArenaRelease, "ar", "mov [r15+0x10], a");
    check(FlatKind::MeterLoop, "", "sub r13, 1; jb; call [pool]; jmp");
    let fuel = "sub r13, 1; jb";
    let stubs = "call [pool]; jmp; call [pool]";
    check(FlatKind::EnterCall(1), "", &format!("{fuel}; sub r14, 1; jb; {stubs}"));
    check(FlatKind::EnterCall(300), "", &format!("{fuel}; sub r14, 0x12C; jb; {stubs}"));
    check(FlatKind::EnterInlined(2), "", &format!("{fuel}; cmp r14, 2; jb; {stubs}"));
    check(FlatKind::EnterInlined(0), "", &format!("{fuel}; call [pool]; jmp"));
    check(FlatKind::LeaveCall(1), "", "add r14, 1");
    check(FlatKind::LeaveCall(300), "", "add r14, 0x12C");
    check(FlatKind::Call(FuncId(0)), "", "call");
    check(FlatKind::Trap(TrapKind::BadArgument), "", "call [pool]");
}

#[test]
fn frames() {
    let frame = |size, saved: &[(u8, u32)]| Frame {
        size,
        saved: saved.iter().map(|(reg, at)| (PReg::new(*reg as usize, RegClass::Int), *at)).collect(),
        ..Frame::default()
    };
    let entry = |frame: &Frame| disassemble(|x64, _| x64.prologue(frame)).join("; ");
    let exit = |frame: &Frame| disassemble(|x64, _| x64.epilogue(frame)).join("; ");
    let small = frame(24, &[(3, 8), (12, 16)]);
    assert_eq!(entry(&small), "sub rsp, 0x18; mov [rsp+8], rbx; mov [rsp+0x10], r12");
    assert_eq!(exit(&small), "mov rbx, [rsp+8]; mov r12, [rsp+0x10]; add rsp, 0x18; ret");
    assert_eq!(entry(&frame(0, &[])), "");
    assert_eq!(exit(&frame(0, &[])), "ret");
    assert_eq!(entry(&frame(1000, &[(5, 992)])), "sub rsp, 0x3E8; mov [rsp+0x3E0], rbp");
    assert_eq!(exit(&frame(1000, &[(5, 992)])), "mov rbp, [rsp+0x3E0]; add rsp, 0x3E8; ret");
    // Every page is touched on the way down.
    let page = "sub rsp, 0x1000; test [rsp], rsp";
    assert_eq!(entry(&frame(4104, &[])), format!("{page}; sub rsp, 8"));
    assert_eq!(entry(&frame(2 * 4096 + 1000, &[])), format!("{page}; {page}; sub rsp, 0x3E8"));
    assert_eq!(entry(&frame(100 * 4096 + 8, &[])), format!("mov r11d, 0x64; {page}; sub r11d, 1; jne; sub rsp, 8"));
}

#[test]
fn copies() {
    let frame = Frame { outgoing: 16, ..Frame::default() };
    let copy =
        |from: Allocation, to: Allocation, class| disassemble(|x64, _| x64.copy(from, to, class, &frame)).join("; ");
    for (a, b) in INT.iter().flat_map(|a| INT.iter().map(move |b| (*a as usize, *b as usize))) {
        let (from, to) = (PReg::new(a, RegClass::Int), PReg::new(b, RegClass::Int));
        let want = if a == b { String::new() } else { format!("mov {}, {}", NAMES_64[b], NAMES_64[a]) };
        assert_eq!(copy(Allocation::reg(from), Allocation::reg(to), RegClass::Int), want);
    }
    for (a, b) in FLOAT.iter().flat_map(|a| FLOAT.iter().map(move |b| (*a as usize, *b as usize))) {
        let (from, to) = (PReg::new(a, RegClass::Float), PReg::new(b, RegClass::Float));
        let want = if a == b { String::new() } else { format!("vmovapd xmm{b}, xmm{a}") };
        assert_eq!(copy(Allocation::reg(from), Allocation::reg(to), RegClass::Float), want);
    }
    for (slot, at) in [(0, "0x10"), (13, "0x78"), (14, "0x80"), (1000, "0x1F50")] {
        let slot = Allocation::stack(SpillSlot::new(slot));
        for number in INT.iter().map(|number| *number as usize) {
            let reg = Allocation::reg(PReg::new(number, RegClass::Int));
            assert_eq!(copy(reg, slot, RegClass::Int), format!("mov [rsp+{at}], {}", NAMES_64[number]));
            assert_eq!(copy(slot, reg, RegClass::Int), format!("mov {}, [rsp+{at}]", NAMES_64[number]));
        }
        for number in FLOAT.iter().map(|number| *number as usize) {
            let reg = Allocation::reg(PReg::new(number, RegClass::Float));
            assert_eq!(copy(reg, slot, RegClass::Float), format!("vmovsd [rsp+{at}], xmm{number}"));
            assert_eq!(copy(slot, reg, RegClass::Float), format!("vmovsd xmm{number}, [rsp+{at}]"));
        }
    }
}
