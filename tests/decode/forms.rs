//! All that the emitter makes is listed, and nothing else.

use crate::agreement::agree;
use crate::{CODE, POOL, corpus, emitted};
use cresset::codegen::Arch;
use cresset::verify::step::Decode;
use cresset::verify::x64::X64Decoder;
use cresset::verify::x64::forms::ROWS;
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, OpKind, Register};
use std::collections::{BTreeMap, BTreeSet, HashSet};

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

/// Decodes all of it, instruction behind instruction, checks what is said of each, and notes the forms.
fn sweep(name: &str, decoder: &X64Decoder<'_>, code: &[u8], seen: &mut Seen) {
    let mut offset = 0;
    while (offset as usize) < code.len() {
        let bytes = &code[offset as usize..];
        let decoded = decoder.decode(code, offset);
        let insts = Decoder::with_ip(64, bytes, offset.into(), DecoderOptions::NONE);
        let Ok(decoded) = decoded else {
            let inst = insts.into_iter().next();
            panic!("{name}: {:?} {:02x?}: {decoded:?}", inst.map(|inst| inst.code()), &bytes[..bytes.len().min(15)]);
        };
        offset += decoded.len;
        // Mostly one; several where they are one unit.
        let insts: Vec<Instruction> = insts.into_iter().take_while(|inst| inst.ip() < offset.into()).collect();
        for inst in &insts {
            seen.forms.entry(inst.code()).or_default().extend(variants(inst).chars());
        }
        let bytes = &bytes[..decoded.len as usize];
        if !seen.instructions.contains(bytes) {
            seen.instructions.insert(bytes.to_vec());
            agree(&insts, &decoded)
                .unwrap_or_else(|why| panic!("{name}: {:?} {bytes:02x?} {decoded:?}: {why}", insts[0]));
        }
    }
    assert_eq!(offset as usize, code.len(), "{name}");
}

/// What was made.
#[derive(Default)]
struct Seen {
    forms: BTreeMap<Code, BTreeSet<char>>,
    instructions: HashSet<Vec<u8>>,
}

#[test]
fn all_that_is_made_is_listed() {
    let mut seen = Seen::default();
    corpus::each(|name, mut blob, is_wide| {
        blob.link(Arch::X64, CODE, POOL).expect("the pool is near");
        let decoder = X64Decoder::new(CODE, POOL..POOL + blob.pool.len() as u64 * 8, is_wide).over(&blob.code);
        sweep(name, &decoder, &blob.code, &mut seen);
    });
    emitted::each(|name, code, is_wide| {
        // Its words of the pool are not linked, and lie where the code does.
        let decoder = X64Decoder::new(CODE, CODE..CODE + code.len() as u64 + 64, is_wide);
        sweep(name, &decoder, &code, &mut seen);
    });
    let mut idle = Vec::new();
    for row in ROWS {
        let of = seen.forms.get(&row.code);
        let unseen: String = row.variants().filter(|letter| of.is_none_or(|of| !of.contains(letter))).collect();
        if of.is_none() || !unseen.is_empty() {
            idle.push(format!("{:?} {unseen}", row.code));
        }
    }
    assert!(idle.is_empty(), "never made:\n{}", idle.join("\n"));
}
