//! What is decoded without the general decoder is what that one says, for all bytes around the instructions that it is for.

use cresset::verify::step::{Decode, Decoded};
use cresset::verify::x64::X64Decoder;

/// Where the pool lies from the code on, and its length.
const POOL: u64 = 0x40;

fn same(bytes: &[u8], is_wide: bool, accepted: &mut usize) {
    let pool = 0x1000 + POOL..0x1000 + POOL + 0x40;
    let general = X64Decoder::new(0x1000, pool.clone(), is_wide);
    let quick = X64Decoder::new(0x1000, pool, is_wide).over(bytes);
    let (mut one, mut other) = (Decoded::default(), Decoded::default());
    let results = (general.decode_into(bytes, 0, &mut one), quick.decode_into(bytes, 0, &mut other));
    assert_eq!(results.0, results.1, "{bytes:02X?}");
    if results.0.is_ok() {
        assert_eq!(one, other, "{bytes:02X?}");
        *accepted += 1;
    }
}

/// Ways to say what ModRM.rm is: registers, the pool (inside, at its end, past it), memory at registers.
fn operands() -> Vec<Vec<u8>> {
    let mut operands: Vec<Vec<u8>> = [0xC0, 0xC1, 0xC7, 0xFA, 0xDD].map(|modrm| vec![modrm]).to_vec();
    for distance in [0_i32, 0x38, 0x50, 0x7F, -8, i32::MAX, i32::MIN] {
        operands.extend([0x05, 0x3D].map(|modrm| [&[modrm][..], &distance.to_le_bytes()].concat()));
    }
    operands.extend([vec![0x00], vec![0x04, 0x24], vec![0x44, 0x20, 8], vec![0x85, 0, 0, 0, 0]]);
    operands
}

fn padded(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = parts.concat();
    bytes.resize(bytes.len() + 8, 0);
    bytes
}

#[test]
fn vex_is_decoded_as_by_the_general_decoder() {
    let mut accepted = 0;
    let opcodes = [
        0x28, 0x51, 0x56, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0x99, 0xA9, 0x9D, 0x98, 0xB8, 0xBC, 0xD4, 0xEB, 0xFB,
        0x57, 0x29, 0x54,
    ];
    for rest in operands() {
        for opcode in opcodes {
            for fields in 0..=255_u8 {
                same(&padded(&[&[0xC5, fields, opcode], &rest]), false, &mut accepted);
                // The prefix of three bytes: registers extended in turn, and maps that there are not.
                for high in [0xE1, 0xE2, 0x61, 0xC1, 0xA1, 0x02, 0xC2, 0x62, 0xE3, 0xE0, 0xF1] {
                    if fields & 0x38 != 0x08 {
                        same(&padded(&[&[0xC4, high, fields, opcode], &rest]), false, &mut accepted);
                    }
                }
            }
        }
    }
    assert!(accepted > 5000, "{accepted}");
}

#[test]
fn evex_is_decoded_as_by_the_general_decoder() {
    let mut accepted = 0;
    let opcodes = [0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0x98, 0xA8, 0xB8, 0x9A, 0xAC, 0xBC, 0xD4, 0xFB, 0x28, 0x57];
    for rest in operands() {
        for opcode in opcodes {
            for p0 in [0xF1, 0xF2, 0x61, 0xE1, 0xB1, 0xD1, 0x72, 0x02, 0xF9, 0xF0, 0xF3, 0xF6] {
                for p1 in [0xFD, 0xF5, 0x7D, 0xFC, 0xF9, 0xFF, 0x85, 0x05] {
                    for p2 in [0x48, 0x40, 0x58, 0x50, 0x49, 0xC9, 0x28, 0x08, 0x68, 0xC8, 0x59, 0x18, 0x78] {
                        let bytes = padded(&[&[0x62, p0, p1, p2, opcode], &rest]);
                        same(&bytes, true, &mut accepted);
                    }
                }
                same(&padded(&[&[0x62, p0, 0xFD, 0x48, opcode], &rest]), false, &mut accepted);
            }
        }
    }
    assert!(accepted > 1000, "{accepted}");
}

#[test]
fn moves_sums_and_branches_are_decoded_as_by_the_general_decoder() {
    let mut accepted = 0;
    let tails = [[0_u8; 8], [0xFF; 8], [0x24, 8, 0, 0, 0, 1, 1, 1], [0x65, 0xF8, 0xFF, 0xFF, 0xFF, 0, 0, 0]];
    let tails = tails.into_iter().chain([[0xE4, 0x7F, 1, 0, 0, 0x80, 0, 0], [0x1D, 0x80, 0xFF, 0xFF, 0x7F, 0, 0, 0]]);
    for tail in tails.chain([[0x2C, 4, 0, 0, 0, 0, 0, 0]]) {
        for modrm in 0..=255_u8 {
            for opcode in [0x01, 0x03, 0x29, 0x39, 0x3B, 0x81, 0x83, 0x85, 0x89, 0x8B, 0x8D, 0xC7] {
                for rex in 0x40..=0x4F_u8 {
                    same(&padded(&[&[rex, opcode, modrm], &tail]), false, &mut accepted);
                }
                same(&padded(&[&[opcode, modrm], &tail]), false, &mut accepted);
            }
            for high in [0xE1, 0x61, 0xA1, 0xC1, 0x01, 0xE2] {
                for (fields, opcode) in
                    [(0x7B, 0x10), (0x7B, 0x11), (0xFB, 0x10), (0x7A, 0x11), (0x73, 0x10), (0x7F, 0x10)]
                {
                    same(&padded(&[&[0xC4, high, fields, opcode, modrm], &tail]), false, &mut accepted);
                }
            }
        }
        for byte in 0..=255_u8 {
            for target in [0_i32, 2, 4, 9, -6, -7, -5, 100, i32::MAX, i32::MIN] {
                same(&padded(&[&[0x0F, byte], &target.to_le_bytes(), &tail]), false, &mut accepted);
                same(&padded(&[&[byte], &target.to_le_bytes(), &tail]), false, &mut accepted);
            }
        }
    }
    assert!(accepted > 10_000, "{accepted}");
}

#[test]
fn all_vex_is_decoded_as_by_the_general_decoder() {
    let mut accepted = 0;
    let mut operands = operands();
    // Displacements in several lengths, base registers with and without an index byte.
    operands.extend([vec![0x43, 8], vec![0x43, 0], vec![0x45, 0], vec![0x83, 0x80, 0, 0, 0], vec![0x83, 1, 0, 0, 0]]);
    operands.extend([vec![0x44, 0x24, 0], vec![0x84, 0x24, 0, 1, 0, 0], vec![0x04, 0x8B], vec![0x44, 0xCB, 0x80]]);
    let opcodes = [
        0x09, 0x0B, 0x0F, 0x10, 0x11, 0x19, 0x29, 0x2A, 0x2C, 0x2E, 0x37, 0x45, 0x47, 0x4B, 0x50, 0x54, 0x55, 0x56,
        0x57, 0x59, 0x6E, 0x76, 0x77, 0x7E, 0x92, 0xC2, 0xD7, 0xDB, 0xEF, 0xF4, 0xF6,
    ];
    for rest in operands {
        for opcode in opcodes {
            for fields in (0..=255_u8).filter(|fields| matches!(fields >> 3 & 15, 0 | 1 | 14 | 15)) {
                // Behind it, a broadcast of its register, or an immediate.
                for behind in [[0; 5], [0xC4, 0xE2, 0x7D, 0x59, 0xC0], [0x10, 0, 0, 0, 0]] {
                    same(&padded(&[&[0xC5, fields, opcode], &rest, &behind]), false, &mut accepted);
                    for high in [0xE1, 0x61, 0xC1, 0xA1, 0xE2, 0x42, 0xE3, 0xC3] {
                        same(&padded(&[&[0xC4, high, fields, opcode], &rest, &behind]), false, &mut accepted);
                    }
                }
                same(&padded(&[&[0xC5, fields, opcode], &rest]), true, &mut accepted);
                same(&padded(&[&[0xC4, 0xC1, fields, opcode], &rest]), true, &mut accepted);
            }
        }
    }
    assert!(accepted > 5000, "{accepted}");
}

#[test]
fn all_integers_are_decoded_as_by_the_general_decoder() {
    let mut accepted = 0;
    let tails = [[0_u8; 8], [0xFF; 8], [0x24, 8, 0, 0, 0, 1, 1, 1], [4, 0x24, 0x48, 0x81, 0xEC, 0, 0x10, 0]];
    for tail in tails.into_iter().chain([[0x3F, 0, 0, 0, 0x80, 0x48, 0x81, 0xEC], [0x40, 1, 0, 0, 0, 0, 0, 0]]) {
        for modrm in 0..=255_u8 {
            let opcodes = [0x09, 0x21, 0x31, 0x63, 0x69, 0x6B, 0x81, 0x83, 0x84, 0x85, 0x88, 0x8A, 0xC1, 0xC6, 0xC7];
            for rex in 0x40..=0x4F_u8 {
                for opcode in opcodes.into_iter().chain([0x99, 0xB8, 0xB9, 0xBB, 0xBC, 0xBF, 0xD3, 0xF6, 0xF7, 0xFF]) {
                    same(&padded(&[&[rex, opcode, modrm], &tail]), false, &mut accepted);
                }
                for second in (0x40..0x50).chain(0x90..0xA0).chain([0xAF, 0xB6, 0xB7, 0xBE, 0x1F]) {
                    same(&padded(&[&[rex, 0x0F, second, modrm], &tail]), false, &mut accepted);
                }
            }
            same(&padded(&[&[0xFF, modrm], &tail]), false, &mut accepted);
            same(&padded(&[&[0x0F, 0x1F, modrm], &tail]), false, &mut accepted);
            same(&padded(&[&[0x66, 0x0F, 0x1F, modrm], &tail]), false, &mut accepted);
        }
    }
    for bytes in [&[0xC3][..], &[0x90], &[0x66, 0x90], &[0x48, 0x99], &[0xCC], &[0x41, 0xBB, 1, 0, 0, 0]] {
        same(bytes, false, &mut accepted);
        same(&padded(&[bytes]), false, &mut accepted);
    }
    // What sets the counter of the loop that touches pages is part of it.
    let probes = [0x48, 0x81, 0xEC, 0, 0x10, 0, 0, 0x48, 0x85, 0x24, 0x24, 0x41, 0x83, 0xEB, 1, 0x0F, 0x85];
    same(&padded(&[&[0x41, 0xBB, 3, 0, 0, 0], &probes, &[0xEB, 0xFF, 0xFF, 0xFF]]), false, &mut accepted);
    for distance in [0x3A_i32, 0x3B, 0x72, 0x73, 0x40, -6, i32::MAX, i32::MIN] {
        same(&padded(&[&[0xFF, 0x15], &distance.to_le_bytes()]), false, &mut accepted);
    }
    assert!(accepted > 10_000, "{accepted}");
}
