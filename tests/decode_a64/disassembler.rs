//! What the decoder takes a word for is what an independent disassembler reads there: name, registers, width, numbers.

use crate::corpus;
use cresset::verify::a64::decode_word;
use cresset::verify::a64::forms::FORMS;
use std::collections::{BTreeMap, BTreeSet};
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::InstDecoder;

const CONDITIONS: [&str; 14] = ["eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"];

fn field(word: u32, at: u32, bits: u32) -> u32 {
    word >> at & ((1 << bits) - 1)
}

/// The manual's `DecodeBitMasks`, bit by bit.
fn bitmask(word: u32) -> u64 {
    let (n, immr, imms) = (field(word, 22, 1), field(word, 16, 6), field(word, 10, 6));
    let len = (0..7).rev().find(|bit| (n << 6 | (!imms & 0x3F)) >> bit & 1 == 1).expect("an element's size");
    let size = 1u32 << len;
    let (ones, turn) = (imms % size + 1, immr % size);
    (0..64).filter(|bit| (bit % size + turn) % size < ones).fold(0, |mask, bit| mask | 1 << bit)
}

/// The number that `fmov` means by eight bits.
fn float(imm: u32) -> f64 {
    let sign = if imm & 0x80 == 0 { 1.0 } else { -1.0 };
    let exponent = (imm >> 4 & 7) as i32 ^ 4;
    sign * f64::from(16 + (imm & 15)) / 16.0 * 2f64.powi(exponent - 3)
}

fn computed(what: &str, word: u32) -> String {
    let wide = |imm: u64| format!("#{imm:#x}");
    let chunk = u64::from(field(word, 5, 16)) << (16 * field(word, 21, 2));
    match what {
        "c" => CONDITIONS[field(word, 0, 4) as usize].to_owned(),
        "c12" => CONDITIONS[field(word, 12, 4) as usize].to_owned(),
        "not" => CONDITIONS[field(word, 12, 4) as usize ^ 1].to_owned(),
        "imm12" => wide(field(word, 10, 12).into()) + if field(word, 22, 1) == 1 { ", lsl #12" } else { "" },
        "movz" => wide(chunk),
        "movn" => wide(!chunk),
        "movk" => format!("#{:#x}, lsl #{}", field(word, 5, 16), 16 * field(word, 21, 2)),
        "mask" => wide(bitmask(word)),
        "right" => wide(field(word, 16, 6).into()),
        "left" => wide((63 - field(word, 10, 6)).into()),
        "rotation" => wide(field(word, 10, 6).into()),
        "shift" => format!("#{}", field(word, 10, 6)),
        "at" => {
            let log = if field(word, 26, 1) == 1 && field(word, 23, 1) == 1 { 4 } else { field(word, 30, 2) };
            match field(word, 10, 12) << log {
                0 => String::new(),
                at => format!(", #{at:#x}"),
            }
        }
        "float13" => format!("#{:?}", float(field(word, 13, 8))),
        "float16" => format!("#{:?}", float(field(word, 16, 3) << 5 | field(word, 5, 5))),
        "lanes left" => wide(field(word, 16, 6).into()),
        "lanes right" => wide((64 - field(word, 16, 6)).into()),
        other => panic!("{other}"),
    }
}

/// The assembly that a row's name stands for, with this word's fields.
fn rendered(name: &str, word: u32) -> String {
    let (mut out, mut rest) = (String::new(), name);
    while let Some(first) = rest.chars().next() {
        let chars = rest.as_bytes();
        let of = |letter: u8| match letter {
            b'd' => Some(field(word, 0, 5)),
            b'n' => Some(field(word, 5, 5)),
            b'm' => Some(field(word, 16, 5)),
            b'a' => Some(field(word, 10, 5)),
            _ => None,
        };
        let number = chars.get(1).and_then(|letter| of(*letter)).filter(|_| first.is_ascii_uppercase());
        if let Some(number) = number {
            out.push_str(&match (first, number) {
                ('X', 31) => "xzr".to_owned(),
                ('W', 31) => "wzr".to_owned(),
                ('P', 31) => "sp".to_owned(),
                ('P', number) => format!("x{number}"),
                (class, number) => format!("{}{number}", class.to_ascii_lowercase()),
            });
            rest = &rest[2..];
        } else if first == '{' {
            let end = rest.find('}').expect("a closing brace");
            out.push_str(&computed(&rest[1..end], word));
            rest = &rest[end + 1..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}

/// What the disassembler says, targets of branches and pages apart.
pub fn disassembled(decoder: &InstDecoder, word: u32) -> String {
    let text = match decoder.decode(&mut U8Reader::new(&word.to_le_bytes())) {
        Ok(inst) => inst.to_string(),
        Err(error) => format!("{error}"),
    };
    text.split('$').next().expect("a piece").trim_end_matches([' ', ',']).to_owned()
}

struct Check {
    decoder: InstDecoder,
    accepted: BTreeMap<&'static str, u64>,
    wrong: BTreeMap<&'static str, String>,
}

impl Check {
    fn new() -> Check {
        Check { decoder: InstDecoder::default(), accepted: BTreeMap::new(), wrong: BTreeMap::new() }
    }

    fn word(&mut self, word: u32) {
        let Ok((form, _)) = decode_word(word, 1 << 27, 1 << 28) else { return };
        *self.accepted.entry(form.name).or_default() += 1;
        // Of one register twice, the disassembler has another name for it.
        let is_copy = form.name == "orr Vd.16b, Vn.16b, Vm.16b" && field(word, 5, 5) == field(word, 16, 5);
        let name = if is_copy { "mov Vd.16b, Vn.16b" } else { form.name };
        let (ours, theirs) = (rendered(name, word), disassembled(&self.decoder, word));
        if ours != theirs {
            self.wrong.entry(form.name).or_insert(format!("{word:08x}: {ours}, not {theirs}"));
        }
    }

    #[track_caller]
    fn finish(self) -> BTreeMap<&'static str, u64> {
        let wrong: Vec<String> = self.wrong.into_values().collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        self.accepted
    }
}

/// SplitMix64's upper half.
pub fn random(seed: &mut u64) -> u32 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 32) as u32
}

#[test]
fn rows_are_what_a_disassembler_reads() {
    let mut check = Check::new();
    let mut seed = 1;
    for form in FORMS {
        for i in 0..4_000 {
            // With fields of few bits set now and then: zeros and ends of ranges.
            let mut fields = random(&mut seed);
            if i % 4 == 0 {
                fields &= random(&mut seed) & random(&mut seed);
            }
            check.word(fields & !form.mask | form.bits);
        }
    }
    let accepted = check.finish();
    let names: BTreeSet<&str> = FORMS.iter().map(|form| form.name).collect();
    assert_eq!(accepted.len(), names.len(), "a row that takes no word");
}

#[test]
fn random_words_are_what_a_disassembler_reads() {
    let mut check = Check::new();
    let mut seed = 2;
    for _ in 0..2_000_000 {
        check.word(random(&mut seed));
    }
    let accepted: u64 = check.finish().values().sum();
    assert!((10_000..400_000).contains(&accepted), "{accepted}");
}

#[test]
fn words_a_bit_away_from_emitted_ones_are_what_a_disassembler_reads() {
    let mut words = BTreeSet::new();
    corpus::all(40, &mut |linked| words.extend(linked.words()));
    let mut check = Check::new();
    let near: BTreeSet<u32> = words
        .iter()
        .flat_map(|word| (0..32).map(move |bit| word ^ 1 << bit))
        .filter(|near| !words.contains(near))
        .collect();
    for word in &near {
        check.word(*word);
    }
    let accepted: u64 = check.finish().values().sum();
    assert!(near.len() > 500_000 && accepted > 100_000, "{} near, {accepted} of them taken", near.len());
}
