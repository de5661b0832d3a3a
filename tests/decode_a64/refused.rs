//! What must never stand in generated code is refused, however it is written, and so is what is no code at all.

use crate::corpus::{self, CODE};
use crate::disassembler::{disassembled, random};
use cresset::verify::a64::forms::{FORMS, Form};
use cresset::verify::a64::{A64Decoder, decode_word};
use cresset::verify::step::{Decode, Decoded, Refused, Reg, Step};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use yaxpeax_arm::armv8::a64::InstDecoder;

/// Words, and what a disassembler calls them: so that each is what it is meant to be.
const NEVER: &[(u32, &str)] = &[
    // The system.
    (0xD400_0001, "svc"),
    (0xD400_0002, "hvc"),
    (0xD400_0003, "smc"),
    (0xD440_0000, "hlt"),
    (0xD420_0020, "brk"),
    (0xD53B_D040, "mrs"),
    (0xD51B_D040, "msr"),
    (0xD53B_4400, "mrs"),
    (0xD51B_4400, "msr"),
    (0xD53B_4200, "mrs"),
    (0xD503_4FDF, "msr"),
    (0xD50B_7420, "sys #0x3, c7, c4, #0x1, x0"),
    (0xD50B_7E20, "sys #0x3, c7, c14, #0x1, x0"),
    (0xD50B_7520, "sys #0x3, c7, c5, #0x1, x0"),
    (0xD508_871F, ""),
    (0xD538_0000, "mrs"),
    (0xD53B_D060, "mrs"),
    (0xD53B_E040, "mrs"),
    (0xD50B_7A20, "sys #0x3, c7, c10, #0x1, x0"),
    (0xD50B_7B20, "sys #0x3, c7, c11, #0x1, x0"),
    (0xD503_477F, ""),
    (0xD523_3060, ""),
    (0xD503_1000, ""),
    (0xD6BF_03E0, "drps"),
    (0x0000_0001, ""),
    (0xD503_3FDF, "isb"),
    (0xD503_3F9F, "dsb"),
    (0xD503_3FBF, "dmb"),
    (0xD503_3F5F, "clrex"),
    (0xD69F_03E0, "eret"),
    // Hints other than the landing pad of calls.
    (0xD503_201F, "nop"),
    (0xD503_203F, "yield"),
    (0xD503_205F, "wfe"),
    (0xD503_207F, "wfi"),
    (0xD503_209F, "sev"),
    (0xD503_229F, "csdb"),
    (0xD503_233F, "paciasp"),
    (0xD503_23BF, "autiasp"),
    (0xD503_241F, "hint"),
    (0xD503_249F, "hint"),
    (0xD503_24DF, "hint"),
    (0xD503_2FFF, "hint"),
    // To where a register says.
    (0xD61F_0000, "br x0"),
    (0xD61F_0200, "br x16"),
    (0xD61F_03C0, "br x30"),
    (0xD63F_0000, "blr x0"),
    (0xD63F_0220, "blr x17"),
    (0xD63F_03C0, "blr x30"),
    (0xD65F_0000, "ret x0"),
    (0xD65F_0200, "ret x16"),
    (0xD61F_0220, "br x17"),
    (0xD63F_03E0, "blr xzr"),
    (0xD65F_03E0, "ret xzr"),
    (0xD61F_081F, ""),
    (0xD63F_081F, ""),
    (0xD69F_0BFF, ""),
    (0xD71F_0800, ""),
    (0xD73F_0800, ""),
    (0xD65F_0BFF, ""),
    // Branches that are never made.
    (0x3600_0020, "tbz"),
    (0x3700_0020, "tbnz"),
    (0x5400_002E, "b.al"),
    (0x5400_002F, "b.nv"),
    (0x5400_0030, ""),
    (0xB400_0032, "cbz x18"),
    (0xB400_003D, "cbz x29"),
    (0xB400_003F, "cbz xzr"),
    // Addresses and words of the code itself.
    (0x1000_0000, "adr"),
    (0x9000_0000, "adrp"),
    (0x9000_0012, "adrp"),
    (0x5800_0040, "ldr"),
    (0x1800_0040, "ldr"),
    (0x9800_0040, "ldrsw"),
    (0x5C00_0040, "ldr"),
    (0x9C00_0040, "ldr"),
    (0xD800_0040, "prfm"),
    // A base that is written.
    (0xF840_8420, "ldr x0, [x1], #0x8"),
    (0xF840_8C20, "ldr x0, [x1, #0x8]!"),
    (0xF800_8420, "str x0, [x1], #0x8"),
    (0xF800_8C20, "str x0, [x1, #0x8]!"),
    (0xF840_87E0, "ldr x0, [sp], #0x8"),
    (0xF81F_0FFE, "str x30, [sp, #-0x10]!"),
    (0x3840_1420, "ldrb w0, [x1], #0x1"),
    (0xFC40_8420, "ldr d0, [x1], #0x8"),
    (0xA981_0440, "stp x0, x1, [x2, #0x10]!"),
    (0xA8C1_0440, "ldp x0, x1, [x2], #0x10"),
    (0xA9BF_7BFD, "stp x29, x30, [sp, #-0x10]!"),
    // Pairs.
    (0xA940_0020, "ldp x0, x0, [x1]"),
    (0xA940_03E0, "ldp x0, x0, [sp]"),
    (0xA940_0440, "ldp x0, x1, [x2]"),
    (0xA900_0440, "stp x0, x1, [x2]"),
    (0xA8C1_7BFE, "ldp x30, x30, [sp], #0x10"),
    (0xA940_0032, "ldp x18, x0, [x1]"),
    (0xA940_77FC, "ldp x28, x29, [sp]"),
    (0xA8C1_0400, "ldp x0, x1, [x0], #0x10"),
    (0x6940_0440, "ldpsw"),
    (0x6D40_0440, "ldp d0, d1"),
    // Other ways to address.
    (0xF840_0020, "ldur"),
    (0xF800_0020, "stur"),
    (0xF862_4820, "ldr x0, [x1, w2, uxtw]"),
    (0xF862_C820, "ldr x0, [x1, w2, sxtw #0]"),
    (0xF862_E820, "ldr x0, [x1, x2, sxtx #0]"),
    (0xF862_6820, "ldr x0, [x1, x2]"),
    (0xF862_7BE0, "ldr x0, [sp, x2, lsl #3]"),
    (0xF87F_7820, "ldr x0, [x1, xzr, lsl #3]"),
    (0x3862_7820, "ldrb w0, [x1, x2"),
    (0xF862_6BE0, "ldr x0, [sp, x2]"),
    (0xF840_0820, "ldtr"),
    (0xF980_0020, "prfm"),
    (0xB940_0020, "ldr w0, [x1]"),
    (0x7940_0020, "ldrh"),
    (0x3980_0020, "ldrsb"),
    (0x39C0_0020, "ldrsb"),
    (0x7800_0420, "strh"),
    // What may not be read, written or stored.
    (0xF940_0032, "ldr x18, [x1]"),
    (0xF940_003C, "ldr x28, [x1]"),
    (0xF940_003D, "ldr x29, [x1]"),
    (0xF940_003E, "ldr x30, [x1]"),
    (0xF940_003F, "ldr xzr, [x1]"),
    (0xF900_003E, "str x30, [x1]"),
    (0xF900_03F2, "str x18, [sp]"),
    (0xF940_0240, "ldr x0, [x18]"),
    (0xF940_03A0, "ldr x0, [x29]"),
    (0xF940_03C0, "ldr x0, [x30]"),
    (0xF940_03F2, "ldr x18, [sp]"),
    (0xF940_03FD, "ldr x29, [sp]"),
    (0xF940_07FF, "ldr xzr, [sp, #0x8]"),
    (0x3940_03E0, "ldrb w0, [sp]"),
    (0xD280_0012, "mov x18"),
    (0xD280_001C, "mov x28"),
    (0xD280_001D, "mov x29"),
    (0xD280_001E, "mov x30"),
    (0xD280_001F, "mov xzr"),
    (0xAA00_03F2, "mov x18, x0"),
    (0xAA00_03FE, "mov x30, x0"),
    (0xAA1E_03E0, "mov x0, x30"),
    (0xAA1D_03E0, "mov x0, x29"),
    (0x8B02_0032, "add x18, x1, x2"),
    (0x9E66_0012, "fmov x18, d0"),
    (0x9E67_03C0, "fmov d0, x30"),
    // The stack pointer.
    (0x9100_001F, "mov sp, x0"),
    (0x9100_03FD, "mov x29, sp"),
    (0x9100_43E0, "add x0, sp, #0x10"),
    (0x9100_07FF, "add sp, sp, #0x1"),
    (0x9100_201F, "add sp, x0, #0x8"),
    (0xD100_07FF, "sub sp, sp, #0x1"),
    (0xD140_0BFF, "sub sp, sp, #0x2, lsl #12"),
    (0xCB20_63FF, "sub sp, sp, x0"),
    (0x8B20_63FF, "add sp, sp, x0"),
    (0x927C_EC1F, "and sp, x0"),
    (0xB200_03FF, "mov sp"),
    (0xF100_07E0, "subs x0, sp, #0x1"),
    // Exclusive and atomic accesses.
    (0xF820_8020, "swp"),
    (0xC8A0_7C20, "cas"),
    (0xF820_0020, "ldadd"),
    (0xF8E0_8041, "swp"),
    (0x3820_8041, "swp"),
    (0xC8E0_FC41, "cas"),
    (0x08A0_7C41, "cas"),
    (0xF8E0_0041, "ldadd"),
    (0xF820_003F, ""),
    (0xF8BF_C020, "ldapr"),
    (0xC85F_FC20, "ldaxr"),
    (0xC800_FC20, "stlxr"),
    (0xF83F_D020, ""),
    (0xF83F_9020, ""),
    (0xC85F_7C20, "ldxr"),
    (0xC800_7C20, "stxr"),
    (0xC8DF_FC20, "ldar"),
    (0xC89F_FC20, "stlr"),
    (0x0820_7C20, "casp"),
    // Several vectors at once, round the end of the registers too.
    (0x4C40_0C1E, "ld4"),
    (0x4CDF_0C3E, "ld4"),
    (0x4C00_0C1E, "st4"),
    (0x4C40_7820, "ld1"),
    (0x4C00_7820, "st1"),
    (0x4D40_C820, "ld1r"),
    (0x4D00_8420, "st1"),
    (0x4E02_0020, "tbl"),
    // Tags, signed pointers, copies by one instruction, vectors of any length.
    (0x9ADF_1020, ""),
    (0xD920_0800, ""),
    (0xDAC1_0020, ""),
    (0xDAC1_1020, ""),
    (0xDAC1_43E0, ""),
    (0x9AC2_3020, ""),
    (0xF820_0420, ""),
    (0x1901_0440, ""),
    (0x8580_4000, ""),
    (0x04BF_5000, ""),
    // Numbers written otherwise than they are.
    (0x9140_0020, "add x0, x1, #0x0, lsl #12"),
    (0xD2A0_0000, "mov"),
    (0xB100_003F, "cmn x1, #0x0"),
    (0x9240_FC20, ""),
    (0x9210_8020, ""),
    (0x9200_7C20, ""),
    (0x9200_FC20, ""),
    (0x9200_F820, ""),
    (0x9340_7C20, "sxtw"),
    (0x2A01_03E0, "mov w0, w1"),
    (0xD340_0C20, "ubfx"),
    (0x93C2_0420, "extr"),
    (0x8B02_1020, "add x0, x1, x2, lsl #4"),
    (0x8B42_0020, "add x0, x1, x2, lsr"),
    (0x8B22_4020, "add x0, x1, w2"),
    (0x0B02_0020, "add w0"),
    (0x1B02_7C20, "mul w0"),
    (0x9BC2_7C20, "umulh"),
    (0x9AC2_0820, "udiv"),
    (0x9B02_0C20, "madd"),
    (0x9A02_0020, "adc"),
    (0x9A9F_E7E0, "csinc"),
    (0x9A82_E020, "csel x0, x1, x2, al"),
    (0x4F40_5420, "shl"),
    (0x6F40_0420, "ushr"),
    (0x1E22_0020, "scvtf"),
    (0x1E20_2820, "fadd s0"),
    (0x0000_0000, "udf"),
    (0xFFFF_FFFF, ""),
];

#[test]
fn what_must_never_stand_in_code_is_refused() {
    let disassembler = InstDecoder::default();
    let mut wrong = Vec::new();
    for (word, name) in NEVER {
        let text = disassembled(&disassembler, *word);
        if !text.starts_with(name) {
            wrong.push(format!("{word:08x} is {text}, not {name}"));
        }
        let mut code = word.to_le_bytes().to_vec();
        code.extend_from_slice(&0xD65F_03C0u32.to_le_bytes().repeat(16));
        let decoder = A64Decoder::new(CODE, CODE + 4096, 4096);
        if decoder.decode(&code, 0).is_ok() {
            wrong.push(format!("{text} is taken"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn assemble(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Decodes the first instruction of these words, which lie at [`CODE`] before a pool of 64 bytes in the next page.
fn first(words: &[u32]) -> Result<Decoded, Refused> {
    A64Decoder::new(CODE, CODE + 4096 + 64, 64).decode(&assemble(words), 0)
}

#[track_caller]
fn refused(words: &[u32]) {
    assert_eq!(first(words).err(), Some(Refused::Form), "{words:08x?}");
}

#[track_caller]
fn steps(words: &[u32], len: u32, expected: &[Step]) {
    let got = first(words).unwrap_or_else(|why| panic!("{why:?} {words:08x?}"));
    assert_eq!((got.len, got.steps().collect::<Vec<_>>()), (len, expected.to_vec()), "{words:08x?}");
}

const RET: u32 = 0xD65F_03C0;

#[test]
fn constants_are_one_unit() {
    let constant = |to, value| [Step::Const { to, value }];
    // movz x0, #5
    steps(&[0xD280_00A0, RET], 4, &constant(0, 5));
    // and movk x0, #1, lsl #16; movk x0, #0x8000, lsl #48
    steps(&[0xD280_00A0, 0xF2A0_0020, 0xF2F0_0000, RET], 12, &constant(0, 0x8000_0000_0001_0005u64 as i64));
    // movn x0, #4, and movk x0, #0, lsl #32
    steps(&[0x9280_0080, 0xF2C0_0000], 8, &constant(0, 0xFFFF_0000_FFFF_FFFBu64 as i64));
    // orr x0, xzr, #0x5555…
    steps(&[0xB200_F3E0, RET], 4, &constant(0, 0x5555_5555_5555_5555));
    // Downwards, twice to one place, to another register, over what is there already, alone.
    refused(&[0xD280_00A0, 0xF2C0_0020, 0xF2A0_0020]);
    refused(&[0xD280_00A0, 0xF2A0_0020, 0xF2A0_0040]);
    refused(&[0xD280_00A0, 0xF2A0_0021]);
    refused(&[0xD280_00A0, 0xF2A0_0000]);
    refused(&[0x9280_0080, 0xF2BF_FFE0]);
    refused(&[0xF2A0_0020]);
    // Behind a pattern it is alone, too.
    steps(&[0xB200_F3E0, 0xF2A0_0020], 4, &constant(0, 0x5555_5555_5555_5555));
}

#[test]
fn addresses_of_the_pool_are_one_unit() {
    // adrp x16, +4096; ldr x16, [x16, #64 + …]
    let adrp = 0xB000_0010;
    let ldr = |at: u32| 0xF940_0210 | (at / 8) << 10;
    let read = |to, offset| Step::LoadPool { to: Some(to), offset, bytes: 8 };
    steps(&[adrp, ldr(64), RET], 8, &[read(Reg::Int(16), 0)]);
    steps(&[adrp, ldr(120), RET], 8, &[read(Reg::Int(16), 56)]);
    // ldr d7, [x16, #72]
    steps(&[adrp, 0xFD40_2607, RET], 8, &[Step::Any(Reg::Int(16)), read(Reg::Vector(7), 8)]);
    // Before and behind the pool, and in other pages.
    refused(&[adrp, ldr(56)]);
    refused(&[adrp, ldr(128)]);
    refused(&[0x9000_0010, ldr(64)]);
    refused(&[0xF0FF_FFF0, ldr(64)]);
    // Nothing behind, something else behind, another base, another register, another width, an index.
    refused(&[adrp]);
    refused(&[adrp, RET]);
    refused(&[adrp, 0xF940_2230]);
    refused(&[adrp, 0xF940_2211]);
    refused(&[adrp, 0xF940_2200]);
    refused(&[adrp, 0xB940_4210]);
    refused(&[adrp, 0x3DC0_1207]);
    refused(&[adrp, 0xF900_2210]);
    refused(&[0xB000_0000, 0xF940_2000]);
    refused(&[0xB000_0011, 0xFD40_2227]);
    // No pool at all, and addresses at the ends of memory.
    for (code, pool, len) in [(0, 4096, 0), (0, 4096, 7), (u64::MAX - 7, 0, 64), (CODE, 0, 64), (0, u64::MAX - 63, 64)]
    {
        let decoder = A64Decoder::new(code, pool, len);
        assert_eq!(decoder.decode(&assemble(&[adrp, ldr(64)]), 0).err(), Some(Refused::Form));
    }
}

#[test]
fn probes_are_one_unit() {
    let [movz, sub, ldr, subs, bne] = [0xD280_0C90, 0xD140_07FF, 0xF940_03FF, 0xF100_0610, 0x54FF_FFA1];
    let whole = [movz, sub, ldr, subs, bne, RET];
    steps(&whole, 20, &[Step::Probe { bytes: 100 * 4096, counter: 16 }, Step::AnyFlags]);
    for end in 2..5 {
        refused(&whole[..end]);
    }
    // No pages, too many, another condition, another place, another step, no touch.
    refused(&[0xD280_0010, sub, ldr, subs, bne]);
    refused(&[0xD2C0_0030, sub, ldr, subs, bne]);
    refused(&[movz, sub, ldr, subs, 0x54FF_FFA0]);
    refused(&[movz, sub, ldr, subs, 0x54FF_FFC1]);
    refused(&[movz, sub, ldr, 0xF100_0A10, bne]);
    refused(&[movz, sub, RET, subs, bne]);
    // With another counter it is a page by itself, which the rules see.
    steps(&[0xD280_0C91, sub, ldr, subs, bne], 4, &[Step::Const { to: 17, value: 100 }]);
    // Large frames are given back by a constant.
    let raise = 0x8B31_63FF;
    steps(&[0xD2A0_2011, raise], 8, &[Step::Const { to: 17, value: 0x100_0000 }, Step::MoveStack { by: 0x100_0000 }]);
    refused(&[raise]);
    for constant in [0xD280_0111, 0x9280_0011, 0xD2A0_2010] {
        let decoder = A64Decoder::new(CODE, CODE, 0);
        let code = assemble(&[constant, raise]);
        let len = decoder.decode(&code, 0).expect("a constant").len;
        assert_eq!((len, decoder.decode(&code, len).err()), (4, Some(Refused::Form)));
    }
}

#[test]
fn branches_stay_in_the_code() {
    for (word, at) in [(0x1400_0000, 0), (0x9400_0000, 0), (0x5400_0000, 5), (0xB400_0000, 5), (0x3500_0000, 5)] {
        let bits = if at == 0 { 26 } else { 19 };
        let to = |words: i32| word | (words as u32 & ((1 << bits) - 1)) << at;
        let decoder = A64Decoder::new(CODE, CODE, 0);
        let decode = |words: i32| {
            let mut code = [RET; 8];
            code[3] = to(words);
            decoder.decode(&assemble(&code), 12).is_ok()
        };
        for words in -3..5 {
            assert!(decode(words), "{word:x} {words}");
        }
        for words in [-4, -5, 5, 6, 1 << (bits - 2), -(1 << (bits - 2)), (1 << (bits - 1)) - 1, -(1 << (bits - 1))] {
            assert!(!decode(words), "{word:x} {words}");
        }
    }
}

#[test]
fn pieces_of_code_are_refused_where_they_end() {
    let decoder = A64Decoder::new(CODE, CODE + 4096, 1 << 30);
    assert_eq!(decoder.decode(&[], 0).err(), Some(Refused::Invalid));
    for offset in [0, 1, 2, 3, 4, 5, 8, u32::MAX - 3, u32::MAX] {
        let expected = if offset == 0 { None } else { Some(Refused::Invalid) };
        assert_eq!(decoder.decode(&assemble(&[RET]), offset).err(), expected);
        assert_eq!(decoder.decode(&assemble(&[RET])[..3], offset).err(), Some(Refused::Invalid));
    }
    // Every code of the corpus, cut at each of its last bytes.
    corpus::frames(&mut |linked| {
        let decoder = A64Decoder::new(CODE, linked.pool, 8 * linked.blob.pool.len() as u64);
        for end in linked.blob.code.len().saturating_sub(40)..linked.blob.code.len() {
            let (code, mut at) = (&linked.blob.code[..end], 0);
            while let Ok(inst) = decoder.decode(code, at) {
                at += inst.len;
            }
            assert!(at as usize <= end);
            // What is left over is no instruction.
            assert!(at as usize > end - 20 || !end.is_multiple_of(4));
        }
    });
}

/// Noise of so many words is looked at word by word, and at the words that it is most likely to have in common with code.
fn noise(words: usize, seed: &mut u64) -> (u64, Duration) {
    let code: Vec<u8> = (0..words)
        .flat_map(|i| {
            let word = random(seed);
            let form = &FORMS[i % FORMS.len()];
            if i % 3 == 0 { word } else { word & !form.mask | form.bits }.to_le_bytes()
        })
        .collect();
    let decoder = A64Decoder::new(CODE, CODE, code.len() as u64);
    let start = Instant::now();
    let taken = (0..words as u32).filter(|at| decoder.decode(&code, at * 4).is_ok()).count() as u64;
    (taken, start.elapsed())
}

#[test]
fn noise_takes_time_in_proportion_to_its_size() {
    let mut seed = 3;
    let (taken, _) = noise(1 << 24, &mut seed);
    assert!((1 << 20..1 << 24).contains(&taken), "{taken}");
    // The least of a few, since others use the machine too. Time with the square of the size would be 64 times as long.
    let mut time = |words: usize| (0..5).map(|_| noise(words, &mut seed).1).min().expect("a few");
    let (once, eight) = (time(1 << 17), time(1 << 20));
    assert!(eight < once * 24, "{once:?} and {eight:?} for eight times as much");
    eprintln!("{:.1} ns a word", eight.as_secs_f64() * 1e9 / f64::from(1 << 20));
    // A constant that goes on and on is no unit that grows.
    let decoder = A64Decoder::new(CODE, CODE, 0);
    let code = assemble(&vec![0xF2A0_0020; 1 << 16]);
    assert!((0..1 << 16).all(|at| decoder.decode(&code, at * 4).is_err()));
}

/// How many words a row should take, from its name: 28 general registers may be read, 27 written.
fn expected(form: &Form) -> u64 {
    let (mnemonic, operands) = form.name.split_once(' ').unwrap_or((form.name, ""));
    let has = |what: &str| operands.contains(what);
    let (read, written, at) = (28, 27, 4096);
    match (mnemonic, operands) {
        ("b" | "bl", _) => return 1 << 26,
        ("b.{c}", _) => return 14 << 19,
        ("cbz" | "cbnz", _) => return read << 19,
        ("adrp", _) => return 2 << 21,
        // The return address goes to the frame and back, and zero is stored.
        ("ldr", "Xd, [Pn{at}]") => return ((read + 1) * written + 1) * at,
        ("str", "Xd, [Pn{at}]") => return (read * (read + 1) + read + 2) * at,
        ("ldr", "Xd, [sp, x17]") => return written + 1,
        ("str", "Xd, [sp, x17]") => return read + 2,
        _ => {}
    }
    let vectors = ["Dd", "Sd", "Hd", "Bd", "Qd", "Vd", "Dn", "Sn", "Vn", "Dm", "Vm", "Da"];
    let mut count = 32u64.pow(vectors.iter().filter(|vector| has(vector)).count() as u32);
    if has("Xd") || has("Wd") {
        count *= if mnemonic.starts_with("str") { read + 1 } else { written };
    }
    // Where one register stands twice it is chosen once.
    let both = matches!(form.name, "ror Xd, Xn, {rotation}" | "cmp Xn, Wm, sxtw");
    for source in ["Xn", "Wn", "Xm", "Wm", "Xa"] {
        count *= match source {
            _ if !has(source) || (both && source != "Xn") => 1,
            "Xm" if mnemonic == "csel" => read + 1,
            _ => read,
        };
    }
    let free = form.mask.count_zeros();
    count
        * match () {
            _ if has("Pn{at}") => (read + 1) * at,
            _ if has("{at}") => at,
            _ if has("{imm12}") => {
                // Some are zero for no operand, or shifted for nothing; the stack pointer moves by multiples of 16, or by a page.
                let high = form.bits >> 22 & 1;
                match (mnemonic, has("sp")) {
                    ("sub", true) if high == 1 => 1,
                    (_, true) => (1 << free) - 1,
                    ("cmn", _) => 4095,
                    _ => 4096 - u64::from(high),
                }
            }
            _ if has("{c12}") || has("{not}") => 14,
            _ if has("{movz}") || has("{movn}") => (4 << 16) - 3,
            _ if has("{movk}") => 3 << 16,
            _ if has("{mask}") => 5334,
            _ if has("{right}") || has("{rotation}") => 64,
            _ if has("{left}") || has("{shift}") || has("{lanes ") => 63,
            _ if has("{float") => 256,
            _ => 1,
        }
}

/// The same without the environment, for rows of few fields.
#[test]
fn small_rows_take_as_many_words_as_their_fields_say() {
    let mut small = 0;
    for form in FORMS.iter().filter(|form| form.mask.count_zeros() <= 17) {
        let free: Vec<u32> = (0..32).filter(|bit| form.mask >> bit & 1 == 0).collect();
        let word =
            |number: u32| free.iter().enumerate().fold(form.bits, |word, (i, bit)| word | (number >> i & 1) << bit);
        let is_taken = |word: &u32| {
            decode_word(*word, 1 << 27, 1 << 28).is_ok_and(|(of, _)| (of.mask, of.bits) == (form.mask, form.bits))
        };
        let taken = (0..1 << free.len()).map(word).filter(is_taken).count() as u64;
        assert_eq!(taken, expected(form), "{}", form.name);
        small += 1;
    }
    assert!(small > 120, "{small}");
}

/// How many words each row takes.
#[test]
fn the_rows_take_as_many_words_as_their_fields_say() {
    if std::env::var_os("CRESSET_ALL_WORDS").is_none() {
        eprintln!("NOT TESTED: all words, which takes minutes; CRESSET_ALL_WORDS=1 does");
        return;
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let count = |thread: u64| {
        let mut counts: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        let span = (1u64 << 32).div_ceil(threads);
        for word in (thread * span)..((thread + 1) * span).min(1 << 32) {
            if let Ok((form, _)) = decode_word(word as u32, 1 << 27, 1 << 28) {
                *counts.entry((form.mask, form.bits)).or_default() += 1;
            }
        }
        counts
    };
    let mut counts: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || count(thread))).collect();
        for thread in running {
            for (row, taken) in thread.join().expect("it counts") {
                *counts.entry(row).or_default() += taken;
            }
        }
    });
    let mut total = 0;
    for form in FORMS {
        let taken = counts.get(&(form.mask, form.bits)).copied().unwrap_or_default();
        println!("{taken:>10}  {:08x} {:08x}  {}", form.mask, form.bits, form.name);
        assert_eq!(taken, expected(form), "{}", form.name);
        total += taken;
    }
    println!("{total:>10}  in all");
    assert_eq!(total, counts.values().sum::<u64>());
}
