//! Each change of generated code is rejected, or does no harm: what is accepted runs on a machine that chooses what the rules do not follow as badly as it can
//! (`tests/common/step_machine.rs`), and must stay inside.
//!
//! A sample of all changes; all of them where `CRESSET_EXHAUSTIVE` is 1, one in so many where it is more (`scripts/stress.sh`).

use crate::step_machine::Random;
use crate::verifying::{NUMBERS, Subject, subjects};
use cresset::Cpu;
use std::collections::BTreeMap;

/// Changed code, and how.
struct Mutant {
    how: &'static str,
    code: Vec<u8>,
    at: usize,
}

fn with(code: &[u8], at: usize, bytes: &[u8], how: &'static str) -> Option<Mutant> {
    let mut changed = code.to_vec();
    changed.get_mut(at..at + bytes.len())?.copy_from_slice(bytes);
    (changed != code).then_some(Mutant { how, code: changed, at })
}

/// So many bytes that do nothing.
fn nothing(cpu: Cpu, len: usize) -> Vec<u8> {
    match cpu {
        Cpu::AArch64 => 0xD503_245F_u32.to_le_bytes().repeat(len / 4),
        _ => vec![0x90; len],
    }
}

/// All changes of one piece of code that `wanted` picks by their number.
fn mutants(subject: &Subject, mut wanted: impl FnMut() -> bool, mut see: impl FnMut(Mutant)) {
    let code = &subject.blob.code;
    let mut take = |mutant: &dyn Fn() -> Option<Mutant>| {
        if wanted()
            && let Some(mutant) = mutant()
        {
            see(mutant);
        }
    };
    for at in 0..code.len() {
        for bit in 0..8 {
            take(&|| with(code, at, &[code[at] ^ 1 << bit], "a flipped bit"));
        }
        for byte in 0..=255 {
            take(&|| with(code, at, &[byte], "another byte"));
        }
        for number in NUMBERS {
            take(&|| with(code, at, &number.to_le_bytes(), "another number"));
        }
    }
    let offsets = subject.decoded(code).expect("it decodes").offsets;
    for (i, pair) in offsets.windows(2).enumerate() {
        let (at, end) = (pair[0] as usize, pair[1] as usize);
        let inst = &code[at..end];
        take(&|| with(code, at, &nothing(subject.cpu, inst.len()), "an instruction left out"));
        if let Some(&after) = offsets.get(i + 2) {
            let next = &code[end..after as usize];
            take(&|| with(code, at, &[next, inst].concat(), "two instructions exchanged"));
            take(&|| (next.len() == inst.len()).then(|| with(code, end, inst, "an instruction twice"))?);
            take(&|| {
                (next.len() > inst.len()).then(|| {
                    with(
                        code,
                        end,
                        &[inst, &nothing(subject.cpu, next.len() - inst.len())].concat(),
                        "an instruction twice",
                    )
                })?
            });
        }
        for other in offsets.windows(2) {
            let other = &code[other[0] as usize..other[1] as usize];
            take(&|| (other.len() == inst.len()).then(|| with(code, at, other, "an instruction from elsewhere"))?);
        }
        if subject.cpu != Cpu::AArch64 {
            if let [0x0F, 0x80..=0x8F, ..] = inst {
                for condition in 0x80..=0x8F {
                    take(&|| with(code, at + 1, &[condition], "another condition"));
                }
            }
            continue;
        }
        for (word_at, word) in inst.chunks_exact(4).enumerate() {
            let word = u32::from_le_bytes(word.try_into().expect("four bytes"));
            let set = |field: u32, bits: u32, value: u32| word & !(((1 << bits) - 1) << field) | value << field;
            for register in 0..32 {
                for field in [0, 5, 10, 16] {
                    take(&|| with(code, at + word_at * 4, &set(field, 5, register).to_le_bytes(), "another register"));
                }
            }
            for condition in 0..16 {
                for field in [0, 12] {
                    take(&|| {
                        with(code, at + word_at * 4, &set(field, 4, condition).to_le_bytes(), "another condition")
                    });
                }
            }
        }
    }
}

#[derive(Default)]
struct Count {
    rejected: u64,
    accepted: u64,
    same: u64,
    ends: [u64; 3],
}

/// One change in so many is tried; fewer where this runs under emulation, since what is tried is the same there.
fn one_in() -> usize {
    let few = if cfg!(target_arch = "x86_64") { 199 } else { 997 };
    std::env::var("CRESSET_EXHAUSTIVE").ok().and_then(|one_in| one_in.parse().ok()).unwrap_or(few)
}

#[test]
fn accepted_code_does_no_harm_as_it_is() {
    let mut untouched = [0; 3];
    let (mut all, mut rejected) = (0, 0);
    for subject in subjects() {
        all += 1;
        if let Err(rejection) = subject.verify(&subject.blob.code) {
            println!("not accepted: {:?} {}: {rejection}", subject.cpu, subject.name);
            rejected += 1;
            continue;
        }
        match subject.run(&subject.blob.code, 40, 1) {
            Ok(ends) => (0..3).for_each(|at| untouched[at] += ends[at]),
            Err(escape) => {
                panic!("{:?} {}: {} at {:#x}", subject.cpu, subject.name, escape.what, escape.offset)
            }
        }
    }
    println!("returned, stopped, cut: {untouched:?}");
    assert!(rejected * 10 <= all, "{rejected} of {all} are rejected");
    // The machine does run what it is given.
    assert!(untouched[0] > 500 && untouched[1] > 500, "{untouched:?}");
}

#[test]
fn what_is_accepted_of_changed_code_does_no_harm() {
    let one_in = one_in();
    let wanted_text = std::env::var("CRESSET_TEXT").unwrap_or_default();
    let mut counts: BTreeMap<(String, &str), Count> = BTreeMap::new();
    let mut escapes: BTreeMap<String, (u32, String)> = BTreeMap::new();
    for (number, subject) in subjects().into_iter().enumerate() {
        if !subject.name.contains(&wanted_text) || subject.verify(&subject.blob.code).is_err() {
            continue;
        }
        let mut random = Random(number as u64 * 77 + 5);
        let mut run = Random(number as u64);
        let before = subject.decoded(&subject.blob.code).expect("it decodes");
        mutants(
            &subject,
            || random.below(one_in) == 0,
            |mutant| {
                let count = counts.entry((format!("{:?}", subject.cpu), mutant.how)).or_default();
                if subject.verify(&mutant.code).is_err() {
                    count.rejected += 1;
                    return;
                }
                count.accepted += 1;
                // To the rules it is what it was: only what no rule follows differs.
                count.same += u64::from(subject.decoded(&mutant.code).is_some_and(|now| now == before));
                match subject.run(&mutant.code, 6, run.next()) {
                    Ok(ends) => (0..3).for_each(|at| count.ends[at] += u64::from(ends[at])),
                    Err(escape) => {
                        let key =
                            format!("{:?} {}", subject.cpu, escape.what.split([':', '(']).next().unwrap_or_default());
                        let entry = escapes.entry(key.clone()).or_insert((0, String::new()));
                        entry.0 += 1;
                        if entry.1.is_empty() {
                            if let Ok(folder) = std::env::var("CRESSET_MUTANTS") {
                                let _ = std::fs::write(format!("{folder}/{}", key.replace(' ', "_")), &mutant.code);
                            }
                            let (old, new) = (&subject.blob.code, &mutant.code);
                            let window = mutant.at.saturating_sub(4)..(mutant.at + 12).min(old.len());
                            entry.1 = format!(
                                "{}: {} at {:#x} ({:02x?} for {:02x?}): {} at {:#x}",
                                subject.name,
                                mutant.how,
                                mutant.at,
                                &new[window.clone()],
                                &old[window],
                                escape.what,
                                escape.offset
                            );
                        }
                    }
                }
            },
        );
    }
    println!("machine, change: rejected, accepted (of them the same to the rules); runs returned, stopped, cut");
    let (mut rejected, mut accepted) = (0, 0);
    for ((cpu, how), count) in &counts {
        println!("{cpu:9} {how:30} {:8} {:7} ({:6}) {:?}", count.rejected, count.accepted, count.same, count.ends);
        (rejected, accepted) = (rejected + count.rejected, accepted + count.accepted);
    }
    println!("{rejected} rejected, {accepted} accepted");
    assert!(rejected > 1000 && accepted > 500, "{rejected} {accepted}");
    let told: Vec<String> = escapes.iter().map(|(key, (count, first))| format!("{count} × {key}: {first}")).collect();
    assert!(escapes.is_empty(), "\n{}", told.join("\n"));
}
