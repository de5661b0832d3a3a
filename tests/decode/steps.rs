//! What is said of instructions, step by step: one or more of each sort.

use cresset::verify::step::{Base, Cond, Decode, LaneCond, Lanes, Place, Reg, Src, Step, Value};
use cresset::verify::x64::X64Decoder;
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter, MemorySizeOptions};

use Reg::{Int, Mask, Vector};

const RAX: u8 = 0;
const RCX: u8 = 1;
const RDX: u8 = 2;
const RDI: u8 = 7;
const R9: u8 = 9;
const R11: u8 = 11;

/// Where the pool lies, from the code on.
const POOL: u32 = 0x100;

fn at(base: u8, index: Option<(u8, u8)>, disp: i64, bytes: u32) -> Place {
    Place { base: Base::Reg(base), index, disp, bytes }
}

fn frame(disp: i64, bytes: u32) -> Place {
    Place { base: Base::Stack, index: None, disp, bytes }
}

/// Holds the steps of the code's first instruction against these; `text` is what a disassembler calls it. A `P` in the code stands for the distance
/// to the pool's ninth byte.
#[track_caller]
fn check(is_wide: bool, code: &str, text: &str, steps: &[Step]) {
    let mut bytes: Vec<u8> = Vec::new();
    let mut distance = None;
    for word in code.split(' ') {
        match word {
            "P" => {
                distance = Some(bytes.len());
                bytes.extend([0; 4]);
            }
            _ => bytes.push(u8::from_str_radix(word, 16).expect("a byte")),
        }
    }
    if let Some(place) = distance {
        let field = POOL + 8 - bytes.len() as u32;
        bytes[place..place + 4].copy_from_slice(&field.to_le_bytes());
    }
    let len = bytes.len();
    bytes.extend([0x90; 64]);
    let inst = Decoder::with_ip(64, &bytes, 0, DecoderOptions::NONE).decode();
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_space_after_operand_separator(true);
    formatter.options_mut().set_rip_relative_addresses(true);
    formatter.options_mut().set_memory_size_options(MemorySizeOptions::Never);
    let mut shown = String::new();
    formatter.format(&inst, &mut shown);
    assert!(shown.starts_with(text), "{shown} is not {text}");
    let decoder = X64Decoder::new(0x1000, 0x1000 + u64::from(POOL)..0x1000 + u64::from(POOL) + 0x100, is_wide);
    let decoded = decoder.decode(&bytes, 0).unwrap_or_else(|why| panic!("{shown}: {why:?}"));
    assert_eq!(decoded.steps().collect::<Vec<_>>(), steps, "{shown}");
    assert_eq!(decoded.len as usize, len, "{shown}");
}

#[track_caller]
fn scalar(code: &str, text: &str, steps: &[Step]) {
    check(false, code, text, steps);
    check(true, code, text, steps);
}

#[test]
fn moves() {
    scalar("48 89 C8", "mov rax, rcx", &[Step::Copy { to: Int(RAX), from: Int(RCX) }]);
    scalar("48 89 E7", "mov rdi, rsp", &[Step::StackAddress { to: RDI, by: 0 }]);
    scalar("40 89 C8", "mov eax, ecx", &[Step::ZeroExtend { to: RAX, from: RCX, bits: 32 }]);
    scalar("40 0F B6 C1", "movzx eax, cl", &[Step::ZeroExtend { to: RAX, from: RCX, bits: 8 }]);
    scalar("48 63 C1", "movsxd rax, ecx", &[Step::Between { to: RAX, lo: i32::MIN.into(), hi: i32::MAX.into() }]);
    scalar("48 C7 C0 FE FF FF FF", "mov rax", &[Step::Const { to: RAX, value: -2 }]);
    scalar("40 B8 FE FF FF FF", "mov eax", &[Step::Const { to: RAX, value: 0xFFFF_FFFE }]);
    scalar("49 B9 01 00 00 00 00 00 00 80", "mov r9", &[Step::Const { to: R9, value: i64::MIN + 1 }]);
    scalar("40 31 C0", "xor eax, eax", &[Step::Const { to: RAX, value: 0 }, Step::AnyFlags]);
    scalar("40 31 C8", "xor eax, ecx", &[Step::Any(Int(RAX)), Step::AnyFlags]);
}

#[test]
fn memory() {
    let load = |to, from, signed| Step::Load { to, from, signed };
    scalar("48 8B 44 21 F8", "mov rax, [rcx-8]", &[load(Some(Int(RAX)), at(RCX, None, -8, 8), false)]);
    scalar("4A 8B 44 C9 00", "mov rax, [rcx+r9*8]", &[load(Some(Int(RAX)), at(RCX, Some((R9, 3)), 0, 8), false)]);
    scalar("48 8B 84 24 00 01 00 00", "mov rax, [rsp+100h]", &[load(Some(Int(RAX)), frame(256, 8), false)]);
    scalar("48 8B 05 P", "mov rax, [rip", &[Step::LoadPool { to: Some(Int(RAX)), offset: 8, bytes: 8 }]);
    scalar("48 63 44 91 00", "movsxd rax, [rcx+rdx*4]", &[load(Some(Int(RAX)), at(RCX, Some((RDX, 2)), 0, 4), true)]);
    scalar("40 0F B6 44 11 00", "movzx eax, [rcx+rdx]", &[load(Some(Int(RAX)), at(RCX, Some((RDX, 0)), 0, 1), false)]);
    let store = |to, value| Step::Store { to, value };
    let rdx = Some(Value::Reg(Int(RDX)));
    scalar("48 89 54 24 10", "mov [rsp+10h], rdx", &[store(frame(16, 8), rdx)]);
    scalar("40 89 54 21 04", "mov [rcx+4], edx", &[store(at(RCX, None, 4, 4), rdx)]);
    scalar("40 88 54 01 00", "mov [rcx+rax], dl", &[store(at(RCX, Some((RAX, 0)), 0, 1), rdx)]);
    scalar("48 C7 44 24 08 FF FF FF FF", "mov [rsp+8]", &[store(frame(8, 8), Some(Value::Const(-1)))]);
    scalar("40 C6 44 01 00 07", "mov [rcx+rax], 7", &[store(at(RCX, Some((RAX, 0)), 0, 1), Some(Value::Const(7)))]);
    scalar(
        "C4 E1 7B 10 44 C1 00",
        "vmovsd xmm0, [rcx+rax*8]",
        &[load(None, at(RCX, Some((RAX, 3)), 0, 8), false), Step::Any(Vector(0))],
    );
    scalar("C4 E1 7A 11 44 21 08", "vmovss [rcx+8], xmm0", &[store(at(RCX, None, 8, 4), None)]);
    scalar(
        "C5 FB 10 05 P",
        "vmovsd xmm0, [rip",
        &[Step::LoadPool { to: None, offset: 8, bytes: 8 }, Step::Any(Vector(0))],
    );
    scalar(
        "C5 F1 54 05 P",
        "vandpd xmm0, xmm1, [rip",
        &[Step::LoadPool { to: None, offset: 8, bytes: 16 }, Step::Any(Vector(0))],
    );
}

#[test]
fn arithmetic() {
    let rcx = Src::Reg(RCX);
    let add = |to, b| [Step::AnyFlags, Step::Add { to, a: to, b, shift: 0 }, Step::Overflow { of: to }];
    scalar("48 01 C8", "add rax, rcx", &add(RAX, rcx));
    scalar("48 83 C0 F8", "add rax", &add(RAX, Src::Const(-8)));
    let subtract = |to, a, b| [Step::Compare { a, b }, Step::Sub { to, a, b }, Step::Overflow { of: to }];
    scalar("48 29 C8", "sub rax, rcx", &subtract(RAX, Src::Reg(RAX), rcx));
    scalar("49 83 ED 01", "sub r13, 1", &subtract(13, Src::Reg(13), Src::Const(1)));
    scalar("48 F7 D9", "neg rcx", &subtract(RCX, Src::Const(0), rcx));
    scalar("48 F7 D1", "not rcx", &[Step::Sub { to: RCX, a: Src::Const(-1), b: rcx }]);
    let product = |a, b| [Step::AnyFlags, Step::Multiply { to: RAX, a, b }, Step::Overflow { of: RAX }];
    scalar("48 0F AF C1", "imul rax, rcx", &product(RAX, rcx));
    scalar("48 69 C1 0A 00 00 00", "imul rax, rcx, 0Ah", &product(RCX, Src::Const(10)));
    scalar("48 8D 44 D1 00", "lea rax, [rcx+rdx*8]", &[Step::Add { to: RAX, a: RCX, b: Src::Reg(RDX), shift: 3 }]);
    scalar(
        "48 8D 84 21 00 10 00 00",
        "lea rax, [rcx+1000h]",
        &[Step::Add { to: RAX, a: RCX, b: Src::Const(4096), shift: 0 }],
    );
    scalar(
        "48 8D 44 51 08",
        "lea rax, [rcx+rdx*2+8]",
        &[
            Step::Add { to: RAX, a: RCX, b: Src::Reg(RDX), shift: 1 },
            Step::Add { to: RAX, a: RAX, b: Src::Const(8), shift: 0 },
        ],
    );
    let flags = Step::Compare { a: Src::Reg(RAX), b: Src::Const(0) };
    scalar("48 21 C8", "and rax, rcx", &[Step::And { to: RAX, a: RAX, b: rcx }, flags]);
    scalar("48 83 E0 FE", "and rax", &[Step::And { to: RAX, a: RAX, b: Src::Const(-2) }, flags]);
    scalar("48 09 C8", "or rax, rcx", &[Step::Or { to: RAX, a: RAX, b: rcx }, flags]);
    scalar("48 31 C8", "xor rax, rcx", &[Step::Xor { to: RAX, a: RAX, b: rcx }, flags]);
    scalar("40 83 E0 FE", "and eax", &[Step::And { to: RAX, a: RAX, b: Src::Const(0xFFFF_FFFE) }, Step::AnyFlags]);
    scalar("48 C1 E0 03", "shl rax, 3", &[Step::ShiftLeft { to: RAX, a: RAX, by: 3 }, Step::AnyFlags]);
    scalar("48 C1 E8 3F", "shr rax", &[Step::ShiftRight { to: RAX, a: RAX, by: 63 }, Step::AnyFlags]);
    scalar("48 C1 F8 3F", "sar rax", &[Step::ShiftRightSigned { to: RAX, a: RAX, by: 63 }, Step::AnyFlags]);
    let divide = Step::DivideDouble { quotient: RAX, remainder: RDX, low: RAX, high: RDX, b: RCX };
    scalar("48 F7 F9", "idiv rcx", &[divide, Step::AnyFlags]);
    let high = Step::MultiplyHigh { to: RDX, a: RAX, b: RCX };
    scalar("48 F7 E9", "imul rcx", &[high, Step::Any(Int(RAX)), Step::AnyFlags]);
    scalar("48 99", "cqo", &[Step::ShiftRightSigned { to: RDX, a: RAX, by: 63 }]);
    scalar("F3 48 0F B8 C1", "popcnt rax, rcx", &[Step::Between { to: RAX, lo: 0, hi: 64 }, Step::AnyFlags]);
    scalar("C4 E2 F3 F7 C2", "shrx rax, rdx, rcx", &[Step::ShiftRightSome { to: RAX, a: RDX, signed: false }]);
    scalar("C4 E2 F2 F7 C2", "sarx rax, rdx, rcx", &[Step::ShiftRightSome { to: RAX, a: RDX, signed: true }]);
    scalar("C4 E2 F1 F7 C2", "shlx rax, rdx, rcx", &[Step::Any(Int(RAX))]);
    scalar("40 0F 94 C0", "sete al", &[Step::Any(Int(RAX))]);
}

#[test]
fn flags_and_control() {
    scalar("48 3B C1", "cmp rax, rcx", &[Step::Compare { a: Src::Reg(RAX), b: Src::Reg(RCX) }]);
    scalar("48 81 F8 FF FF FF FF", "cmp rax", &[Step::Compare { a: Src::Reg(RAX), b: Src::Const(-1) }]);
    scalar("48 85 C0", "test rax, rax", &[Step::Compare { a: Src::Reg(RAX), b: Src::Const(0) }]);
    scalar("48 85 C8", "test rax, rcx", &[Step::Test { a: RAX, b: Src::Reg(RCX) }]);
    scalar("40 85 C0", "test eax, eax", &[Step::Test { a: RAX, b: Src::Const(0xFFFF_FFFF) }]);
    scalar("40 F6 C0 84", "test al", &[Step::Test { a: RAX, b: Src::Const(0x84) }]);
    scalar("40 F7 C0 00 00 00 80", "test eax", &[Step::Test { a: RAX, b: Src::Const(0x8000_0000) }]);
    scalar(
        "48 0F 4C C1",
        "cmovl rax, rcx",
        &[Step::Select { to: RAX, yes: Src::Reg(RCX), no: Src::Reg(RAX), cond: Cond::Lt }],
    );
    for (code, name, cond) in [
        ("80", "jo", Cond::Overflow),
        ("82", "jb", Cond::Below),
        ("83", "jae", Cond::AboveEq),
        ("84", "je", Cond::Eq),
        ("85", "jne", Cond::Ne),
        ("86", "jbe", Cond::BelowEq),
        ("87", "ja", Cond::Above),
        ("89", "jns", Cond::NotNegative),
        ("8A", "jp", Cond::Other),
        ("8C", "jl", Cond::Lt),
        ("8D", "jge", Cond::Ge),
        ("8E", "jle", Cond::Le),
        ("8F", "jg", Cond::Gt),
    ] {
        scalar(&format!("0F {code} 0A 00 00 00"), name, &[Step::Branch { cond, target: 16 }]);
    }
    scalar("E9 0B 00 00 00", "jmp", &[Step::Jump { target: 16 }]);
    scalar("E8 FB FF FF FF", "call", &[Step::Call { target: 0 }]);
    scalar("FF 15 P", "call [rip", &[Step::CallPool { offset: 8 }]);
    scalar("C3", "ret", &[Step::Return]);
    scalar("90", "nop", &[Step::Nothing]);
    scalar("66 0F 1F 84 00 00 00 00 00", "nop", &[Step::Nothing]);
    scalar("C5 F9 2E 05 P", "vucomisd xmm0, [rip", &[Step::LoadPool { to: None, offset: 8, bytes: 8 }, Step::AnyFlags]);
}

#[test]
fn the_stack() {
    scalar("48 83 EC 18", "sub rsp", &[Step::MoveStack { by: -24 }, Step::AnyFlags]);
    scalar("48 81 C4 00 10 00 00", "add rsp", &[Step::MoveStack { by: 4096 }, Step::AnyFlags]);
    let touch = Step::Load { to: None, from: frame(0, 8), signed: false };
    scalar("48 85 24 24", "test [rsp], rsp", &[touch, Step::AnyFlags]);
    let probes = "48 81 EC 00 10 00 00 48 85 24 24 41 83 EB 01 0F 85 EB FF FF FF";
    scalar(
        &format!("41 BB 64 00 00 00 {probes}"),
        "mov r11d",
        &[Step::Probe { bytes: 100 * 4096, counter: R11 }, Step::AnyFlags],
    );
    scalar(
        &format!("41 BB FF FF FF FF {probes}"),
        "mov r11d",
        &[Step::Probe { bytes: 0xFFFF_FFFF * 4096, counter: R11 }, Step::AnyFlags],
    );
}

#[test]
fn what_only_looks_like_probes_is_none() {
    let loop_of = |first: [u8; 2], count: u8, page: u8, back: u8| {
        let mut code = vec![first[0], first[1], count, 0, 0, 0];
        code.extend([0x48, 0x81, 0xEC, 0x00, page, 0x00, 0x00, 0x48, 0x85, 0x24, 0x24, 0x41, 0x83, 0xEB, 0x01]);
        code.extend([0x0F, 0x85, back, 0xFF, 0xFF, 0xFF]);
        let decoder = X64Decoder::new(0, 0..0, false);
        let first = decoder.decode(&code, 0).expect("a move");
        // Its counting down stands in no other place.
        assert!(decoder.decode(&code, 17).is_err());
        (first.len, first.steps().next().expect("a step"))
    };
    let ours = [0x41, 0xBB];
    assert_eq!(loop_of(ours, 9, 0x10, 0xEB), (27, Step::Probe { bytes: 9 * 4096, counter: R11 }));
    // Never ending, of larger pages, to another place, of another counter.
    assert_eq!(loop_of(ours, 0, 0x10, 0xEB), (6, Step::Const { to: R11, value: 0 }));
    assert_eq!(loop_of(ours, 9, 0x20, 0xEB), (6, Step::Const { to: R11, value: 9 }));
    assert_eq!(loop_of(ours, 9, 0x10, 0xEC), (6, Step::Const { to: R11, value: 9 }));
    assert_eq!(loop_of([0x41, 0xBA], 9, 0x10, 0xEB), (6, Step::Const { to: 10, value: 9 }));
}

#[test]
fn vectors() {
    let narrow = |code: &str, text: &str, steps: &[Step]| check(false, code, text, steps);
    narrow("C5 FD 28 C1", "vmovapd ymm0, ymm1", &[Step::Copy { to: Vector(0), from: Vector(1) }]);
    narrow(
        "C5 FD 10 44 24 20",
        "vmovupd ymm0, [rsp+20h]",
        &[Step::Load { to: Some(Vector(0)), from: frame(32, 32), signed: false }],
    );
    narrow(
        "C5 FD 11 04 C1",
        "vmovupd [rcx+rax*8], ymm0",
        &[Step::Store { to: at(RCX, Some((RAX, 3)), 0, 32), value: Some(Value::Reg(Vector(0))) }],
    );
    narrow("C5 F9 57 C0", "vxorpd xmm0, xmm0, xmm0", &[Step::ZeroVector { to: 0 }]);
    narrow("C5 F5 57 C2", "vxorpd ymm0, ymm1, ymm2", &[Step::XorLanes { to: 0, a: 1, b: Lanes::Reg(2) }]);
    narrow("C5 F5 EF 05 P", "vpxor ymm0, ymm1, [rip", &[Step::XorLanes { to: 0, a: 1, b: Lanes::PoolRow(8) }]);
    narrow("C5 F5 54 C2", "vandpd ymm0, ymm1, ymm2", &[Step::AndLanes { to: 0, a: 1, b: Lanes::Reg(2) }]);
    narrow("C5 F5 DB 05 P", "vpand ymm0, ymm1, [rip", &[Step::AndLanes { to: 0, a: 1, b: Lanes::PoolRow(8) }]);
    narrow(
        "C5 F5 55 C2",
        "vandnpd ymm0, ymm1, ymm2",
        &[Step::AndNotMasks { to: Vector(0), a: Vector(2), b: Vector(1) }],
    );
    narrow("C5 F5 76 C1", "vpcmpeqd ymm0, ymm1, ymm1", &[Step::SplatConst { to: 0, value: -1 }]);
    narrow("C5 F5 76 C2", "vpcmpeqd ymm0, ymm1, ymm2", &[Step::Any(Vector(0))]);
    narrow(
        "C4 E2 75 37 C2",
        "vpcmpgtq ymm0, ymm1, ymm2",
        &[Step::CompareLanes { to: Vector(0), a: Lanes::Reg(2), b: Lanes::Reg(1), cond: LaneCond::Lt, and: None }],
    );
    narrow("C4 E2 7D 19 05 P", "vbroadcastsd ymm0, [rip", &[Step::SplatPool { to: 0, offset: 8 }]);
    narrow("C4 E2 7D 0F C0", "vtestpd ymm0, ymm0", &[Step::TestLanes { mask: Vector(0) }]);
    narrow("C4 E2 7D 0F C1", "vtestpd ymm0, ymm1", &[Step::AnyFlags]);
    narrow("C5 FD 50 C1", "vmovmskpd eax, ymm1", &[Step::MaskBits { to: RAX, from: Vector(1) }]);
    narrow(
        "C4 E2 ED 93 04 C8",
        "vgatherqpd ymm0, [rax+ymm1*8], ymm2",
        &[
            Step::Gather { base: RAX, index: 1, shift: 3, disp: 0, bytes: 8, mask: Vector(2) },
            Step::Any(Vector(0)),
            Step::Any(Vector(2)),
        ],
    );
    // A general register in all lanes: two instructions, one after the other.
    narrow("C4 E1 F9 6E C1 C4 E2 7D 59 C0", "vmovq xmm0, rcx", &[Step::Splat { to: 0, from: RCX }]);
    narrow("C4 E1 F9 6E C1", "vmovq xmm0, rcx", &[Step::Any(Vector(0))]);
    narrow("C5 F8 77", "vzeroupper", &[Step::AnyVectors]);
    narrow(
        "C4 E2 7D 25 04 91",
        "vpmovsxdq ymm0, [rcx+rdx*4]",
        &[Step::Load { to: None, from: at(RCX, Some((RDX, 2)), 0, 16), signed: false }, Step::Any(Vector(0))],
    );
}

#[test]
fn a_broadcast_of_something_else_is_by_itself() {
    // `vmovq xmm0, rcx`, then a broadcast to another register, or of another one.
    for broadcast in [[0xC4, 0xE2, 0x7D, 0x59, 0xC8], [0xC4, 0xE2, 0x7D, 0x59, 0xC1]] {
        let code: Vec<u8> = [0xC4, 0xE1, 0xF9, 0x6E, 0xC1].into_iter().chain(broadcast).collect();
        let decoded = X64Decoder::new(0, 0..0, false).decode(&code, 0).expect("a move");
        assert_eq!((decoded.len, decoded.steps().next()), (5, Some(Step::Any(Vector(0)))));
    }
}

#[test]
fn wide_vectors_and_masks() {
    let wide = |code: &str, text: &str, steps: &[Step]| check(true, code, text, steps);
    wide("62 F1 FD 48 28 C1", "vmovapd zmm0, zmm1", &[Step::Copy { to: Vector(0), from: Vector(1) }]);
    wide(
        "62 E1 FD 48 10 44 24 01",
        "vmovupd zmm16, [rsp+40h]",
        &[Step::Load { to: Some(Vector(16)), from: frame(64, 64), signed: false }],
    );
    wide("62 F1 FD 48 10 05 P", "vmovupd zmm0, [rip", &[Step::LoadPool { to: Some(Vector(0)), offset: 8, bytes: 64 }]);
    wide("62 F2 FD 48 7C C1", "vpbroadcastq zmm0, rcx", &[Step::Splat { to: 0, from: RCX }]);
    wide("62 F2 FD 48 19 05 P", "vbroadcastsd zmm0, [rip", &[Step::SplatPool { to: 0, offset: 8 }]);
    // With a mask, lanes are more than that word.
    wide(
        "62 F2 FD 49 19 05 P",
        "vbroadcastsd zmm0{k1}, [rip",
        &[Step::LoadPool { to: None, offset: 8, bytes: 8 }, Step::Any(Vector(0))],
    );
    wide("62 F3 F5 48 25 C1 FF", "vpternlogq zmm0, zmm1, zmm1", &[Step::SplatConst { to: 0, value: -1 }]);
    wide("62 F3 F5 48 25 C1 55", "vpternlogq zmm0, zmm1, zmm1", &[Step::Any(Vector(0))]);
    wide("62 F1 F5 48 EF C1", "vpxorq zmm0, zmm1, zmm1", &[Step::ZeroVector { to: 0 }]);
    wide("62 F1 F5 48 DB C2", "vpandq zmm0, zmm1, zmm2", &[Step::AndLanes { to: 0, a: 1, b: Lanes::Reg(2) }]);
    wide("62 F1 F5 58 DB 05 P", "vpandq zmm0, zmm1, [rip", &[Step::AndLanes { to: 0, a: 1, b: Lanes::Pool(8) }]);
    let compare = |cond, b| Step::CompareLanes { to: Mask(1), a: Lanes::Reg(1), b, cond, and: None };
    wide("62 F3 F5 48 1F CA 01", "vpcmpltq k1, zmm1, zmm2", &[compare(LaneCond::Lt, Lanes::Reg(2))]);
    wide("62 F3 F5 48 1F CA 02", "vpcmpleq k1, zmm1, zmm2", &[compare(LaneCond::Le, Lanes::Reg(2))]);
    wide("62 F3 F5 58 1F 0D P 01", "vpcmpltq k1, zmm1, [rip", &[compare(LaneCond::Lt, Lanes::Pool(8))]);
    wide("62 F3 F5 48 1F CA 00", "vpcmpeqq k1, zmm1, zmm2", &[Step::Any(Mask(1))]);
    wide("C5 ED 41 CB", "kandb k1, k2, k3", &[Step::AndMasks { to: 1, a: 2, b: 3 }]);
    wide("C5 ED 42 CB", "kandnb k1, k2, k3", &[Step::AndNotMasks { to: Mask(1), a: Mask(3), b: Mask(2) }]);
    wide("C5 ED 45 CB", "korb k1, k2, k3", &[Step::Any(Mask(1))]);
    wide("C5 F9 44 CA", "knotb k1, k2", &[Step::NotMask { to: 1, from: 2 }]);
    wide("C5 F9 90 CA", "kmovb k1, k2", &[Step::Copy { to: Mask(1), from: Mask(2) }]);
    wide(
        "C5 F9 90 4C 24 08",
        "kmovb k1, [rsp+8]",
        &[Step::Load { to: Some(Mask(1)), from: frame(8, 1), signed: false }],
    );
    wide(
        "C5 F9 91 4C 24 08",
        "kmovb [rsp+8], k1",
        &[Step::Store { to: frame(8, 1), value: Some(Value::Reg(Mask(1))) }],
    );
    wide("C5 F9 93 C1", "kmovb eax, k1", &[Step::MaskBits { to: RAX, from: Mask(1) }]);
    wide("C5 F9 92 C8", "kmovb k1, eax", &[Step::Any(Mask(1))]);
    wide("C5 F9 98 C9", "kortestb k1, k1", &[Step::TestLanes { mask: Mask(1) }]);
    wide(
        "62 F2 FD 49 93 04 C8",
        "vgatherqpd zmm0, k1, [rax+zmm1*8]",
        &[
            Step::Gather { base: RAX, index: 1, shift: 3, disp: 0, bytes: 8, mask: Mask(1) },
            Step::Any(Vector(0)),
            Step::Any(Mask(1)),
        ],
    );
    wide(
        "62 F2 7E 48 32 04 01",
        "vpmovqb [rcx+rax], zmm0",
        &[Step::Store { to: at(RCX, Some((RAX, 0)), 0, 8), value: None }],
    );
    // Halves of vectors are not followed.
    wide(
        "C5 FD 11 04 81",
        "vmovupd [rcx+rax*4], ymm0",
        &[Step::Store { to: at(RCX, Some((RAX, 2)), 0, 32), value: None }],
    );
    wide("C5 F5 54 C2", "vandpd ymm0, ymm1, ymm2", &[Step::Any(Vector(0))]);
}
