//! What the emitter does not make is refused: other instructions, other encodings of its own, and bytes that are no instructions.

use crate::agreement::agree;
use crate::emitted;
use cresset::verify::step::{Decode, Decoded, Refused};
use cresset::verify::x64::X64Decoder;
use iced_x86::{Code, Decoder, DecoderOptions, Encoder, Instruction};
use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

/// A decoder to which any place near the code is in the pool.
fn decoder(is_wide: bool) -> X64Decoder<'static> {
    X64Decoder::new(1 << 32, 0..1 << 33, is_wide)
}

/// The same instruction in other bytes, the shortest that there is: the other encodings of dynasm's that are allowed, and no more.
fn shortened(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![bytes.to_vec()];
    let mut add = |found: Option<Vec<u8>>| all.extend(found);
    let is_without_index = |modrm: u8, sib: u8| modrm >> 6 != 3 && modrm & 7 == 4 && sib & 0xF8 == 0x20 && sib & 7 != 4;
    // An index byte that says that there is no index, for any base.
    let without_sib = |bytes: &[u8], modrm: usize| -> Option<Vec<u8>> {
        let (&m, &s) = (bytes.get(modrm)?, bytes.get(modrm + 1)?);
        is_without_index(m, s).then(|| {
            let mut short = bytes.to_vec();
            short[modrm] = m & 0xF8 | s & 7;
            short.remove(modrm + 1);
            short
        })
    };
    match *bytes {
        // VEX of three bytes where two do.
        [0xC4, high, fields, ..] => {
            add(without_sib(bytes, 4));
            if high & 0x7F == 0x61 && fields & 0x80 == 0 {
                let short: Vec<u8> =
                    [0xC5, high & 0x80 | fields].into_iter().chain(bytes[3..].iter().copied()).collect();
                add(without_sib(&short, 3));
                add(Some(short));
            }
        }
        [0xC5, ..] => {}
        [0x62, ..] => {}
        _ => {
            // A REX prefix of which nothing is set.
            let rex = usize::from(bytes[0] == 0xF3);
            if bytes.get(rex).is_some_and(|rex| rex & 0xF0 == 0x40) {
                let modrm = rex + if bytes.get(rex + 1) == Some(&0x0F) { 3 } else { 2 };
                let mut both = without_sib(bytes, modrm);
                add(both.clone());
                if bytes[rex] == 0x40 {
                    let mut short = bytes.to_vec();
                    short.remove(rex);
                    add(Some(short));
                    if let Some(both) = &mut both {
                        both.remove(rex);
                    }
                    add(both);
                }
            }
        }
    }
    all
}

/// Whether another encoder makes these bytes of what they decode to.
fn is_reproduced(inst: &Instruction, bytes: &[u8]) -> bool {
    let mut encoder = Encoder::new(64);
    let Ok(_) = encoder.encode(inst, inst.ip()) else { return false };
    let again = encoder.take_buffer();
    shortened(bytes).contains(&again)
}

/// Decodes the first instruction; what is accepted must be an instruction in its own encoding, and do what is said of it.
fn decode(decoder: &X64Decoder<'_>, code: &[u8]) -> Result<Decoded, Refused> {
    let decoded = decoder.decode(code, 0)?;
    assert!(decoded.len > 0 && decoded.len as usize <= code.len(), "{code:02x?}");
    let insts: Vec<Instruction> = Decoder::with_ip(64, code, 0, DecoderOptions::NONE)
        .into_iter()
        .take_while(|inst| inst.ip() < u64::from(decoded.len))
        .collect();
    assert_eq!(insts.last().map(Instruction::next_ip), Some(u64::from(decoded.len)), "{code:02x?}");
    agree(&insts, &decoded).unwrap_or_else(|why| panic!("{:?} {code:02x?}: {why}", insts[0]));
    for inst in &insts {
        let bytes = &code[inst.ip() as usize..inst.next_ip() as usize];
        // Padding has encodings of its own.
        let is_padding = matches!(inst.code(), Code::Nop_rm16 | Code::Nop_rm32 | Code::Nopw);
        assert!(is_padding || is_reproduced(inst, bytes), "{:?} {bytes:02x?}", inst.code());
    }
    Ok(decoded)
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

#[test]
fn hostile_instructions_are_refused() {
    let all: &[(&str, &[u8])] = &[
        ("syscall", &[0x0F, 0x05]),
        ("sysenter", &[0x0F, 0x34]),
        ("int 0x80", &[0xCD, 0x80]),
        ("int3", &[0xCC]),
        ("int1", &[0xF1]),
        ("ud2", &[0x0F, 0x0B]),
        ("hlt", &[0xF4]),
        ("iretq", &[0x48, 0xCF]),
        ("retf", &[0xCB]),
        ("ret 8", &[0xC2, 0x08, 0x00]),
        ("jmp rax", &[0xFF, 0xE0]),
        ("jmp [rax]", &[0xFF, 0x20]),
        ("jmp [rip]", &[0xFF, 0x25, 0, 0, 0, 0]),
        ("jmp far [rip]", &[0xFF, 0x2D, 0, 0, 0, 0]),
        ("call rax", &[0xFF, 0xD0]),
        ("call [rax]", &[0xFF, 0x10]),
        ("call [rsp + 8]", &[0xFF, 0x54, 0x24, 0x08]),
        ("call far [rip]", &[0xFF, 0x1D, 0, 0, 0, 0]),
        ("jmp short", &[0xEB, 0x00]),
        ("je short", &[0x74, 0x00]),
        ("jrcxz", &[0xE3, 0x00]),
        ("loop", &[0xE2, 0x00]),
        ("push rax", &[0x50]),
        ("pop rax", &[0x58]),
        ("popfq", &[0x9D]),
        ("pushfq", &[0x9C]),
        ("leave", &[0xC9]),
        ("enter", &[0xC8, 0x10, 0, 0]),
        ("mov rsp, rax", &[0x48, 0x89, 0xC4]),
        ("mov rsp, [rax]", &[0x48, 0x8B, 0x60, 0x00]),
        ("mov rsp, 1", &[0x48, 0xC7, 0xC4, 1, 0, 0, 0]),
        ("mov esp, eax", &[0x40, 0x89, 0xC4]),
        ("mov spl, 1", &[0x40, 0xB4, 0x01]),
        ("lea rsp, [rsp + 8]", &[0x48, 0x8D, 0x64, 0x24, 0x08]),
        ("lea rax, [rsp + 8]", &[0x48, 0x8D, 0x44, 0x24, 0x08]),
        ("lea rax, [rip]", &[0x48, 0x8D, 0x05, 0, 0, 0, 0]),
        ("and rsp, -16", &[0x48, 0x83, 0xE4, 0xF0]),
        ("or rsp, 1", &[0x48, 0x83, 0xCC, 0x01]),
        ("add rsp, rax", &[0x48, 0x01, 0xC4]),
        ("sub rsp, rax", &[0x48, 0x29, 0xC4]),
        ("add rsp, -8", &[0x48, 0x83, 0xC4, 0xF8]),
        ("sub rsp, -8", &[0x48, 0x83, 0xEC, 0xF8]),
        ("sub rsp, 0", &[0x48, 0x83, 0xEC, 0x00]),
        ("add rax, rsp", &[0x48, 0x01, 0xE0]),
        ("cmp rsp, rax", &[0x48, 0x3B, 0xE0]),
        ("cmovl rsp, rax", &[0x48, 0x0F, 0x4C, 0xE0]),
        ("xchg rsp, rax", &[0x48, 0x94]),
        ("xchg rax, rcx", &[0x48, 0x91]),
        ("xchg [rax], rcx", &[0x48, 0x87, 0x08]),
        ("xadd [rax], rcx", &[0x48, 0x0F, 0xC1, 0x08]),
        ("cmpxchg [rax], rcx", &[0x48, 0x0F, 0xB1, 0x08]),
        ("mulx rax, rcx, rdx", &[0xC4, 0xE2, 0xF3, 0xF6, 0xC2]),
        ("mul rcx", &[0x48, 0xF7, 0xE1]),
        ("div rcx", &[0x48, 0xF7, 0xF1]),
        ("mov rax, fs:[rcx]", &[0x64, 0x48, 0x8B, 0x44, 0x21, 0x00]),
        ("mov rax, gs:[rcx]", &[0x65, 0x48, 0x8B, 0x44, 0x21, 0x00]),
        ("mov rax, [0]", &[0x48, 0x8B, 0x04, 0x25, 0, 0, 0, 0]),
        ("mov rax, [rcx * 8]", &[0x48, 0x8B, 0x04, 0xCD, 0, 0, 0, 0]),
        ("mov rax, [rsp + rcx]", &[0x48, 0x8B, 0x44, 0x0C, 0x00]),
        ("mov rax, [ecx]", &[0x67, 0x48, 0x8B, 0x44, 0x21, 0x00]),
        ("mov rax, moffs", &[0x48, 0xA1, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("mov [rip], rax", &[0x48, 0x89, 0x05, 0, 0, 0, 0]),
        ("mov cr0, rax", &[0x0F, 0x22, 0xC0]),
        ("mov ds, eax", &[0x8E, 0xD8]),
        ("wrfsbase rax", &[0xF3, 0x48, 0x0F, 0xAE, 0xD0]),
        ("wrgsbase rax", &[0xF3, 0x48, 0x0F, 0xAE, 0xD8]),
        ("rdfsbase rax", &[0xF3, 0x48, 0x0F, 0xAE, 0xC0]),
        ("ldmxcsr [rsp]", &[0x0F, 0xAE, 0x14, 0x24]),
        ("stmxcsr [rsp]", &[0x0F, 0xAE, 0x1C, 0x24]),
        ("vldmxcsr [rsp]", &[0xC5, 0xF8, 0xAE, 0x14, 0x24]),
        ("fxrstor [rsp]", &[0x0F, 0xAE, 0x0C, 0x24]),
        ("xrstor [rsp]", &[0x0F, 0xAE, 0x2C, 0x24]),
        ("wrpkru", &[0x0F, 0x01, 0xEF]),
        ("xgetbv", &[0x0F, 0x01, 0xD0]),
        ("rdtsc", &[0x0F, 0x31]),
        ("rdpmc", &[0x0F, 0x33]),
        ("cpuid", &[0x0F, 0xA2]),
        ("sgdt [rax]", &[0x0F, 0x01, 0x00]),
        ("lgdt [rax]", &[0x0F, 0x01, 0x10]),
        ("rdmsr", &[0x0F, 0x32]),
        ("in al, dx", &[0xEC]),
        ("out dx, al", &[0xEE]),
        ("cli", &[0xFA]),
        ("std", &[0xFD]),
        ("cld", &[0xFC]),
        ("stc", &[0xF9]),
        ("rep movsb", &[0xF3, 0xA4]),
        ("rep stosq", &[0xF3, 0x48, 0xAB]),
        ("lodsb", &[0xAC]),
        ("xlatb", &[0xD7]),
        ("fld1", &[0xD9, 0xE8]),
        ("emms", &[0x0F, 0x77]),
        ("addsd xmm0, xmm1", &[0xF2, 0x0F, 0x58, 0xC1]),
        ("movapd xmm0, xmm1", &[0x66, 0x0F, 0x28, 0xC1]),
        ("prefetcht0 [rax]", &[0x0F, 0x18, 0x08]),
        ("clflush [rax]", &[0x0F, 0xAE, 0x38]),
        ("mfence", &[0x0F, 0xAE, 0xF0]),
        ("pause", &[0xF3, 0x90]),
        ("xbegin", &[0xC7, 0xF8, 0, 0, 0, 0]),
        ("endbr64", &[0xF3, 0x0F, 0x1E, 0xFA]),
        ("mov ah, al", &[0x88, 0xC4]),
        ("mov ax, cx", &[0x66, 0x89, 0xC8]),
        ("movbe rax, [rcx]", &[0x48, 0x0F, 0x38, 0xF0, 0x01]),
        ("add [rax + rcx], rdx", &[0x48, 0x01, 0x54, 0x08, 0x00]),
        ("bts [rax], rcx", &[0x48, 0x0F, 0xAB, 0x08]),
        ("test [rsp + 8], rsp", &[0x48, 0x85, 0x64, 0x24, 0x08]),
        ("test [rsp], rax", &[0x48, 0x85, 0x04, 0x24]),
        ("test [rax], rax", &[0x48, 0x85, 0x00]),
        ("shl rax, 64", &[0x48, 0xC1, 0xE0, 0x40]),
        ("shl rax, 1", &[0x48, 0xD1, 0xE0]),
        ("vmaskmovpd [rax], ymm1, ymm2", &[0xC4, 0xE2, 0x75, 0x2F, 0x10]),
        ("vmovntpd [rax], ymm0", &[0xC5, 0xFD, 0x2B, 0x00]),
        ("vmovapd ymm0, [rax]", &[0xC5, 0xFD, 0x28, 0x00]),
        ("vaddsd xmm0, xmm1, [rax]", &[0xC5, 0xF3, 0x58, 0x00]),
        ("vgatherdpd ymm0, [rax + xmm1], ymm2", &[0xC4, 0xE2, 0xED, 0x92, 0x04, 0x08]),
        ("vgatherqpd ymm0, [rsp + ymm1], ymm2", &[0xC4, 0xE2, 0xED, 0x93, 0x04, 0x0C]),
        ("vscatterqpd [rax + zmm1]{k1}, zmm0", &[0x62, 0xF2, 0xFD, 0x49, 0xA3, 0x04, 0x08]),
        ("vmovupd [rax]{k1}, zmm0", &[0x62, 0xF1, 0xFD, 0x49, 0x11, 0x00]),
        ("vmovupd zmm0{k1}, [rax]", &[0x62, 0xF1, 0xFD, 0x49, 0x10, 0x00]),
        ("vpcompressq [rax]{k1}, zmm0", &[0x62, 0xF2, 0xFD, 0x49, 0x8B, 0x00]),
        ("vaddpd zmm0, zmm1, zmm2, {rn-sae}", &[0x62, 0xF1, 0xF5, 0x18, 0x58, 0xC2]),
        ("vaddpd zmm0, zmm1, [rax]{1to8}", &[0x62, 0xF1, 0xF5, 0x58, 0x58, 0x00]),
        ("kmovq k1, rax", &[0xC4, 0xE1, 0xFB, 0x92, 0xC8]),
        ("vzeroall", &[0xC5, 0xFC, 0x77]),
    ];
    for (name, bytes) in all {
        let mut code = bytes.to_vec();
        code.extend([0x90; 16]);
        // Each is what it is called, as another decoder sees it.
        let inst = Decoder::new(64, &code, DecoderOptions::NONE).decode();
        assert_eq!(inst.len(), bytes.len(), "{name}: {:?}", inst.code());
        let mnemonic = format!("{:?}", inst.mnemonic()).to_lowercase();
        let first = name.split(' ').find(|word| *word != "rep").expect("a name");
        let known = ["ret", "jmp", "call", "je", "retf", "iretq", "mov", "emms", "sysenter", "leave"];
        assert!(mnemonic.starts_with(first) || known.contains(&first), "{name}: {mnemonic}");
        for is_wide in [false, true] {
            let refused = decode(&decoder(is_wide), &code);
            assert!(matches!(refused, Err(Refused::NotListed | Refused::Form)), "{name}: {refused:?}");
        }
    }
}

type Bytes = &'static [u8];

/// Each is preceded by the encoding that is ours.
#[test]
fn other_encodings_are_refused() {
    let ours: &[(&str, Bytes, &[Bytes])] = &[
        (
            "add rax, rcx",
            &[0x48, 0x01, 0xC8],
            &[
                &[0x48, 0x03, 0xC1],
                &[0x66, 0x48, 0x01, 0xC8],
                &[0xF2, 0x48, 0x01, 0xC8],
                &[0xF3, 0x48, 0x01, 0xC8],
                &[0x2E, 0x48, 0x01, 0xC8],
                &[0x3E, 0x48, 0x01, 0xC8],
                &[0x64, 0x48, 0x01, 0xC8],
                &[0x67, 0x48, 0x01, 0xC8],
                &[0xF0, 0x48, 0x01, 0xC8],
                &[0x48, 0x48, 0x01, 0xC8],
                &[0x40, 0x48, 0x01, 0xC8],
                &[0x4A, 0x01, 0xC8],
                &[0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x48, 0x01, 0xC8],
            ],
        ),
        (
            "xor eax, eax",
            &[0x40, 0x31, 0xC0],
            &[&[0x31, 0xC0], &[0x42, 0x31, 0xC0], &[0x40, 0x33, 0xC0], &[0x67, 0x40, 0x31, 0xC0]],
        ),
        ("add rax, 8", &[0x48, 0x83, 0xC0, 0x08], &[&[0x48, 0x05, 8, 0, 0, 0], &[0x4C, 0x83, 0xC0, 0x08]]),
        (
            "sete al",
            &[0x40, 0x0F, 0x94, 0xC0],
            &[&[0x0F, 0x94, 0xC0], &[0x40, 0x0F, 0x94, 0xC8], &[0x44, 0x0F, 0x94, 0xC0]],
        ),
        ("ret", &[0xC3], &[&[0xF3, 0xC3], &[0x48, 0xC3], &[0xF2, 0xC3], &[0x66, 0xC3]]),
        (
            "call [rip]",
            &[0xFF, 0x15, 0, 0, 0, 0],
            &[
                &[0x48, 0xFF, 0x15, 0, 0, 0, 0],
                &[0x3E, 0xFF, 0x15, 0, 0, 0, 0],
                &[0x67, 0xFF, 0x15, 0, 0, 0, 0],
                &[0x40, 0xFF, 0x15, 0, 0, 0, 0],
            ],
        ),
        (
            "jmp",
            &[0xE9, 1, 0, 0, 0],
            &[&[0x66, 0xE9, 1, 0, 0, 0], &[0x48, 0xE9, 1, 0, 0, 0], &[0xF2, 0xE9, 1, 0, 0, 0]],
        ),
        ("jo", &[0x0F, 0x80, 1, 0, 0, 0], &[&[0x2E, 0x0F, 0x80, 1, 0, 0, 0], &[0x40, 0x0F, 0x80, 1, 0, 0, 0]]),
        (
            "mov rax, [rcx + rdx * 8]",
            &[0x48, 0x8B, 0x44, 0xD1, 0x00],
            &[&[0x48, 0x8B, 0x04, 0xD1], &[0x36, 0x48, 0x8B, 0x44, 0xD1, 0x00]],
        ),
        (
            "mov rax, [rcx + 8]",
            &[0x48, 0x8B, 0x44, 0x21, 0x08],
            &[&[0x48, 0x8B, 0x41, 0x08], &[0x48, 0x8B, 0x44, 0x61, 0x08]],
        ),
        (
            "popcnt rax, rcx",
            &[0xF3, 0x48, 0x0F, 0xB8, 0xC1],
            &[&[0x66, 0xF3, 0x48, 0x0F, 0xB8, 0xC1], &[0xF3, 0xF3, 0x48, 0x0F, 0xB8, 0xC1]],
        ),
        (
            "nop",
            &[0x90],
            &[
                &[0x40, 0x90],
                &[0x48, 0x90],
                &[0x66, 0x66, 0x90],
                &[0x0F, 0x1F, 0xC0],
                &[0x0F, 0x1F, 0x01],
                &[0x66, 0x66, 0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0],
                &[0x66, 0x2E, 0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0],
                &[0x0F, 0x1F, 0x84, 0x00, 1, 0, 0, 0],
            ],
        ),
        (
            "vaddsd xmm0, xmm1, xmm2",
            &[0xC4, 0xE1, 0x73, 0x58, 0xC2],
            &[
                &[0xC5, 0xF3, 0x58, 0xC2],
                &[0xC4, 0xE1, 0xF3, 0x58, 0xC2],
                &[0xC4, 0xE1, 0x77, 0x58, 0xC2],
                &[0xC4, 0xA1, 0x73, 0x58, 0xC2],
                &[0x62, 0xF1, 0xF7, 0x08, 0x58, 0xC2],
                &[0x3E, 0xC4, 0xE1, 0x73, 0x58, 0xC2],
                &[0x66, 0xC4, 0xE1, 0x73, 0x58, 0xC2],
            ],
        ),
        (
            "vaddpd ymm0, ymm1, ymm2",
            &[0xC5, 0xF5, 0x58, 0xC2],
            &[
                &[0xC4, 0xE1, 0x75, 0x58, 0xC2],
                &[0xC4, 0xE1, 0xF5, 0x58, 0xC2],
                &[0x62, 0xF1, 0xF5, 0x28, 0x58, 0xC2],
                &[0x2E, 0xC5, 0xF5, 0x58, 0xC2],
            ],
        ),
        (
            "vmovupd ymm0, [rcx + 32]",
            &[0xC5, 0xFD, 0x10, 0x41, 0x20],
            &[
                &[0xC5, 0xFD, 0x10, 0x81, 0x20, 0, 0, 0],
                &[0xC5, 0xFD, 0x10, 0x44, 0x21, 0x20],
                &[0x62, 0xF1, 0xFD, 0x28, 0x10, 0x41, 0x01],
                &[0xC4, 0xE1, 0x7D, 0x10, 0x41, 0x20],
            ],
        ),
        (
            "vblendvpd ymm0, ymm1, ymm2, ymm3",
            &[0xC4, 0xE3, 0x75, 0x4B, 0xC2, 0x30],
            &[&[0xC4, 0xE3, 0x75, 0x4B, 0xC2, 0x31]],
        ),
    ];
    for (name, ours, others) in ours {
        let accepted = |bytes: &[u8]| {
            let code: Vec<u8> = bytes.iter().copied().chain([0x90; 16]).collect();
            decode(&decoder(true), &code)
        };
        assert_eq!(accepted(ours).map(|decoded| decoded.len as usize), Ok(ours.len()), "{name}");
        for other in *others {
            assert!(accepted(other).is_err(), "{name}: {other:02x?}");
        }
    }
}

/// Tries the bytes as code for both levels; counts which forms are accepted.
fn tried(code: &[u8], accepted: &mut BTreeMap<Code, u64>) {
    for is_wide in [false, true] {
        if decode(&decoder(is_wide), code).is_ok() {
            let inst = Decoder::new(64, code, DecoderOptions::NONE).decode();
            *accepted.entry(inst.code()).or_default() += 1;
        }
    }
}

#[test]
fn random_bytes_are_refused_or_in_our_encoding() {
    let count =
        std::env::var("CRESSET_RANDOM_INSTRUCTIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(300_000);
    let mut random = Random(1);
    let mut accepted = BTreeMap::new();
    for i in 0..count {
        let mut code: [u8; 16] = random.bytes();
        // What begins as our instructions do is worth more.
        let starts: [&[u8]; 8] =
            [&[], &[0x48], &[0x49], &[0x40, 0x0F], &[0xC5], &[0xC4, 0xE1], &[0xC4, 0xC2], &[0x62, 0xF1, 0xFD, 0x48]];
        let start = starts[i % starts.len()];
        code[..start.len()].copy_from_slice(start);
        tried(&code, &mut accepted);
    }
    assert!(accepted.len() > 60, "{accepted:?}");
}

#[test]
fn every_opcode_is_refused_or_in_our_encoding() {
    let mut random = Random(2);
    let mut accepted = BTreeMap::new();
    let prefixes: [&[u8]; 16] = [
        &[],
        &[0x66],
        &[0xF2],
        &[0xF3],
        &[0x40],
        &[0x41],
        &[0x44],
        &[0x48],
        &[0x4F],
        &[0x66, 0x48],
        &[0xF3, 0x48],
        &[0xF2, 0x48],
        &[0x67],
        &[0x64],
        &[0xF0, 0x48],
        &[0x48, 0x66],
    ];
    for prefix in prefixes {
        for escape in [&[][..], &[0x0F], &[0x0F, 0x38], &[0x0F, 0x3A]] {
            for opcode in 0..=255 {
                for modrm in (0..=255).step_by(if escape.len() < 2 { 3 } else { 17 }) {
                    let rest: [u8; 12] = random.bytes();
                    let code: Vec<u8> =
                        prefix.iter().chain(escape).copied().chain([opcode, modrm]).chain(rest).collect();
                    tried(&code, &mut accepted);
                }
            }
        }
    }
    let vex: [&[u8]; 14] = [
        &[0xC5, 0xF8],
        &[0xC5, 0xF5],
        &[0xC5, 0xED],
        &[0xC5, 0x7B],
        &[0xC4, 0xE1, 0x7D],
        &[0xC4, 0xE1, 0xFB],
        &[0xC4, 0x42, 0xED],
        &[0xC4, 0xE2, 0x7D],
        &[0xC4, 0xE3, 0x75],
        &[0xC4, 0xE3, 0xFD],
        &[0x62, 0xF1, 0xFD, 0x48],
        &[0x62, 0xF2, 0xFD, 0x48],
        &[0x62, 0xF2, 0x7E, 0x48],
        &[0x62, 0xF3, 0xF5, 0x48],
    ];
    for prefix in vex {
        for opcode in 0..=255 {
            for modrm in 0..=255 {
                let rest: [u8; 8] = random.bytes();
                let code: Vec<u8> = prefix.iter().copied().chain([opcode, modrm]).chain(rest).collect();
                tried(&code, &mut accepted);
            }
        }
    }
    assert!(accepted.len() > 150, "{}", accepted.len());
}

/// Instructions that the emitter makes, some of each form and length.
fn samples() -> Vec<(Vec<u8>, bool)> {
    let mut kept: BTreeMap<(Code, usize), usize> = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut samples = Vec::new();
    emitted::each(|_, code, is_wide| {
        for inst in Decoder::with_ip(64, &code, 0, DecoderOptions::NONE).iter() {
            let bytes = &code[inst.ip() as usize..inst.next_ip() as usize];
            let count = kept.entry((inst.code(), bytes.len())).or_default();
            if *count < 6 && seen.insert(bytes.to_vec()) {
                *count += 1;
                samples.push((bytes.to_vec(), is_wide));
            }
        }
    });
    assert!(samples.len() > 1_000, "{}", samples.len());
    samples
}

#[test]
fn instructions_with_a_bit_flipped_are_refused_or_in_our_encoding() {
    let mut accepted = BTreeMap::new();
    let (mut tries, mut random) = (0, Random(3));
    for (bytes, _) in samples() {
        for bit in 0..bytes.len() * 8 {
            let mut code = bytes.clone();
            code[bit / 8] ^= 1 << (bit % 8);
            code.extend(random.bytes::<8>());
            tried(&code, &mut accepted);
            tries += 1;
        }
    }
    assert!(tries > 50_000 && accepted.len() > 150, "{tries} {}", accepted.len());
}

#[test]
fn instructions_that_are_cut_off_are_refused() {
    for (bytes, is_wide) in samples() {
        for len in 0..bytes.len() {
            let refused = decoder(is_wide).decode(&bytes[..len], 0);
            // The beginning of one may be another.
            assert!(refused.is_err() || decode(&decoder(is_wide), &bytes[..len]).is_ok(), "{bytes:02x?} of {len}");
            if len == 0 {
                assert_eq!(refused, Err(Refused::Invalid));
            }
        }
        assert_eq!(decoder(is_wide).decode(&bytes, bytes.len() as u32), Err(Refused::Invalid));
        assert_eq!(decoder(is_wide).decode(&bytes, u32::MAX), Err(Refused::Invalid));
    }
}

/// Steps through all of it, past what is refused byte by byte.
fn run_through(code: &[u8]) -> u64 {
    let decoder = decoder(true);
    let (mut offset, mut accepted) = (0, 0);
    while (offset as usize) < code.len() {
        offset += match decoder.decode(code, offset) {
            Ok(decoded) => {
                accepted += 1;
                decoded.len
            }
            Err(_) => 1,
        };
    }
    accepted
}

#[test]
fn much_that_is_no_code_takes_time_in_proportion() {
    let mut random = Random(4);
    let len = if cfg!(debug_assertions) { 4 << 20 } else { 64 << 20 };
    let code: Vec<u8> = (0..len / 8).flat_map(|_| random.bytes::<8>()).collect();
    // The best of several, since other work may take the machine away in between.
    let best = |code: &[u8]| {
        let times = (0..3).map(|_| {
            let start = Instant::now();
            assert!(run_through(code) > code.len() as u64 / 10_000);
            start.elapsed()
        });
        times.min().expect("a time")
    };
    // Time with the square of the size would be 64 times as long.
    let (eighth, whole) = (best(&code[..code.len() / 8]), best(&code));
    assert!(whole < eighth * 24, "{eighth:?} {whole:?}");
}

#[test]
fn a_decoder_that_is_ready_says_the_same() {
    let mut random = Random(5);
    let code: Vec<u8> = (0..20_000).flat_map(|_| random.bytes::<8>()).collect();
    let (plain, ready) = (decoder(true), decoder(true).over(&code));
    let mut accepted = 0;
    // Not in order, and past the end.
    for offset in (0..code.len() as u32 + 20).rev() {
        let said = plain.decode(&code, offset);
        assert_eq!(said, ready.decode(&code, offset), "{offset}");
        accepted += u32::from(said.is_ok());
    }
    assert!(accepted > 1_000, "{accepted}");
    // Of other code it says what that code does.
    let other = [0xC3];
    assert_eq!(plain.decode(&other, 0), ready.decode(&other, 0));
    assert_eq!(ready.decode(&code[..1], 1), Err(Refused::Invalid));
}

#[test]
fn words_outside_of_the_pool_are_refused() {
    // `vmovsd xmm0, [rip + disp]`, eight bytes long, at the beginning of code whose pool of 16 bytes lies 4096 behind.
    let decoder = X64Decoder::new(0x1000, 0x2000..0x2010, false);
    let load = |disp: i32| {
        let mut code = vec![0xC5, 0xFB, 0x10, 0x05];
        code.extend(disp.to_le_bytes());
        decoder.decode(&code, 0).map(|decoded| decoded.steps().collect::<Vec<_>>())
    };
    let from = 0x1000 - 8;
    for (disp, offset) in [(from, 0), (from + 1, 1), (from + 8, 8)] {
        let steps = load(disp).expect("it is in the pool");
        let first = cresset::verify::step::Step::LoadPool { to: None, offset, bytes: 8 };
        assert_eq!(steps[0], first);
    }
    for disp in [from - 1, from - 8, from + 9, from + 16, 0, -8, i32::MAX, i32::MIN] {
        assert_eq!(load(disp), Err(Refused::Form), "{disp}");
    }
}

#[test]
fn branches_out_of_the_code_are_refused() {
    let at = |offset: u32, disp: i32, opcode: &[u8]| {
        let mut code = vec![0x90; 64];
        let end = offset as usize + opcode.len();
        code[offset as usize..end].copy_from_slice(opcode);
        code[end..end + 4].copy_from_slice(&disp.to_le_bytes());
        decoder(false).decode(&code, offset)
    };
    for opcode in [&[0xE9][..], &[0xE8], &[0x0F, 0x84]] {
        let end = 20 + opcode.len() as i32 + 4;
        for (disp, inside) in
            [(0, true), (-end, true), (-end - 1, false), (63 - end, true), (64 - end, false), (i32::MIN, false)]
        {
            assert_eq!(at(20, disp, opcode).is_ok(), inside, "{opcode:02x?} {disp}");
        }
    }
}

#[test]
fn wide_instructions_are_for_wide_code() {
    let wide: Vec<u8> = [0x62, 0xF1, 0xF5, 0x48, 0x58, 0xC2].into_iter().chain([0x90; 8]).collect();
    assert!(decoder(true).decode(&wide, 0).is_ok());
    assert_eq!(decoder(false).decode(&wide, 0), Err(Refused::NotListed));
    let mask: Vec<u8> = [0xC5, 0xED, 0x41, 0xCB].into_iter().chain([0x90; 8]).collect();
    assert!(decoder(true).decode(&mask, 0).is_ok());
    assert_eq!(decoder(false).decode(&mask, 0), Err(Refused::NotListed));
}
