//! What the emitter makes is decoded, all of it and no more.

use crate::corpus::{self, CODE, Linked};
use cresset::verify::a64::forms::FORMS;
use cresset::verify::a64::{A64Decoder, decode_word};
use cresset::verify::step::{Decode, Step};
use std::collections::BTreeMap;

/// The instructions of some code.
fn decode(linked: &Linked) -> Vec<(u32, Vec<Step>)> {
    let Linked { name, blob, pool } = linked;
    let decoder = A64Decoder::new(CODE, *pool, blob.pool.len() as u64 * 8);
    let (mut found, mut at) = (Vec::new(), 0);
    while (at as usize) < blob.code.len() {
        let inst = decoder.decode(&blob.code, at).unwrap_or_else(|why| {
            let words: Vec<String> = linked.words().skip(at as usize / 4).take(4).map(|w| format!("{w:08x}")).collect();
            panic!("{name}: {why:?} at {at:#x}: {}", words.join(" "))
        });
        assert!(inst.len > 0 && inst.len % 4 == 0 && at + inst.len <= blob.code.len() as u32);
        assert!(inst.steps().next().is_some());
        found.push((at, inst.steps().collect()));
        at += inst.len;
    }
    found
}

/// The name and the fixed bits of each row, which stand for it.
fn rows() -> BTreeMap<(u32, u32), (&'static str, u64)> {
    FORMS.iter().map(|form| ((form.mask, form.bits), (form.name, 0))).collect()
}

#[test]
fn all_that_is_emitted_is_listed_and_no_more() {
    let mut rows = rows();
    assert_eq!(rows.len(), FORMS.len(), "two rows of the same bits");
    let (mut words, mut calls) = (0u64, 0u64);
    corpus::all(600, &mut |linked| {
        for word in linked.words() {
            let (form, _) =
                decode_word(word, 1 << 27, 1 << 28).unwrap_or_else(|why| panic!("{}: {why:?} {word:08x}", linked.name));
            rows.get_mut(&(form.mask, form.bits)).expect("a row").1 += 1;
            words += 1;
        }
        // Branches go to where instructions begin, and what is called is a function or in the pool.
        let insts = decode(&linked);
        for (at, steps) in &insts {
            for step in steps {
                match step {
                    Step::Branch { target, .. } | Step::BranchZero { target, .. } | Step::Jump { target } => {
                        let begins = insts.binary_search_by_key(target, |(at, _)| *at).is_ok();
                        assert!(begins, "{} {at:#x} to {target:#x}", linked.name);
                    }
                    Step::Call { target } => {
                        assert!(linked.blob.funcs.iter().any(|func| func.start == *target));
                        calls += 1;
                    }
                    Step::CallReg { reg } => {
                        assert_eq!(*reg, 16);
                        assert!(linked.blob.site(at + 4).is_some());
                    }
                    _ => {}
                }
            }
        }
    });
    assert!(words > 1_000_000 && calls > 1_000, "{words} words, {calls} calls");
    // What fills the pages behind code.
    let fill = decode_word(0xD420_0000, 0, 4).expect("a trap").0;
    rows.get_mut(&(fill.mask, fill.bits)).expect("a row").1 += 1;
    let dead: Vec<&str> = rows.values().filter(|(_, count)| *count == 0).map(|(name, _)| *name).collect();
    assert!(dead.is_empty(), "never emitted: {dead:#?}");
}
