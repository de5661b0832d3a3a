//! All that the emitter makes is listed, and nothing else.

use crate::{CODE, POOL, corpus};
use cresset::codegen::Arch;
use cresset::codegen::blob::CodeBlob;
use cresset::verify::step::Decode;
use cresset::verify::x64::X64Decoder;
use cresset::verify::x64::forms::ROWS;
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, OpKind, Register};
use std::collections::{BTreeMap, BTreeSet};

/// Which variants of a form were seen: letters as in [`cresset::verify::x64::forms::Row::variants`].
fn variants(inst: &Instruction) -> String {
    let mut letters = String::new();
    let has = |kind| inst.op_kinds().any(|op| op == kind);
    letters.push(match (has(OpKind::Memory), inst.memory_base() == Register::RIP, inst.is_broadcast()) {
        (true, true, true) => 'b',
        (true, true, false) => 'p',
        (true, false, _) => 'm',
        _ => 'r',
    });
    letters.push(match (inst.op_mask(), inst.zeroing_masking()) {
        (Register::None, _) => 'u',
        (_, false) => 'k',
        _ => 'z',
    });
    letters
}

/// Decodes all of it, instruction behind instruction, and notes the forms.
fn sweep(name: &str, mut blob: CodeBlob, is_wide: bool, seen: &mut BTreeMap<Code, BTreeSet<char>>) {
    blob.link(Arch::X64, CODE, POOL).expect("the pool is near");
    let decoder = X64Decoder::new(CODE, POOL..POOL + blob.pool.len() as u64 * 8, is_wide);
    let mut offset = 0;
    while (offset as usize) < blob.code.len() {
        let bytes = &blob.code[offset as usize..];
        let inst = Decoder::new(64, bytes, DecoderOptions::NONE).decode();
        let decoded = decoder.decode(&blob.code, offset);
        let Ok(decoded) = decoded else {
            panic!("{name}: {:?} {:02x?}: {decoded:?}", inst.code(), &bytes[..inst.len()]);
        };
        assert!(decoded.len as usize >= inst.len(), "{name}: {:?}", inst.code());
        seen.entry(inst.code()).or_default().extend(variants(&inst).chars());
        offset += decoded.len;
    }
    assert_eq!(offset as usize, blob.code.len(), "{name}");
}

#[test]
fn all_that_is_made_is_listed() {
    let mut seen = BTreeMap::new();
    corpus::each(|name, blob, is_wide| sweep(name, blob, is_wide, &mut seen));
    let mut idle = Vec::new();
    for row in ROWS {
        let of = seen.get(&row.code);
        let unseen: String = row.variants().filter(|letter| of.is_none_or(|of| !of.contains(letter))).collect();
        if of.is_none() || !unseen.is_empty() {
            idle.push(format!("{:?} {unseen}", row.code));
        }
    }
    println!("{}", idle.join("\n"));
}
