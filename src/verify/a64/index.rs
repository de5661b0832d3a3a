//! Finding the row of a word: by the eleven bits that tell kinds of instructions apart, and where many rows share them by six more. Made at compile time.

use super::forms::{FORMS, Form, TABLE};

/// Rows that are tried one after the other, at the most.
const FEW: usize = 3;
const BUCKETS: usize = 1 << 11;
const PARTS: usize = 1 << 6;
/// Buckets that are parted.
const PARTED: usize = parted();
/// Places in all lists.
const PLACES: usize = 1024;
/// The end of a list.
const END: u8 = u8::MAX;
/// In place of a list's beginning: the bucket is parted.
const IS_PARTED: u16 = 1 << 15;

struct Index {
    /// Of each bucket: where its list begins, or the number of its parts.
    buckets: [u16; BUCKETS],
    parts: [[u16; PARTS]; PARTED],
    /// Numbers of rows; the first list is the empty one.
    lists: [u8; PLACES],
}

/// Bits 31 to 21: what kind of instruction.
const fn bucket_of(word: u32) -> usize {
    (word >> 21) as usize
}

/// Bits 15 to 10: which one of that kind.
const fn part_of(word: u32) -> usize {
    (word >> 10) as usize % PARTS
}

/// How many rows each bucket has.
const fn counts() -> [u8; BUCKETS] {
    let mut counts = [0; BUCKETS];
    let mut row = 0;
    while row < TABLE.len() {
        let (fixed, free) = (bucket_of(TABLE[row].bits), !bucket_of(TABLE[row].mask) % BUCKETS);
        let mut bits = free;
        loop {
            counts[fixed | bits] += 1;
            if bits == 0 {
                break;
            }
            bits = (bits - 1) & free;
        }
        row += 1;
    }
    counts
}

const fn parted() -> usize {
    let counts = counts();
    let (mut parted, mut bucket) = (0, 0);
    while bucket < BUCKETS {
        parted += (counts[bucket] as usize > FEW) as usize;
        bucket += 1;
    }
    parted
}

const fn index() -> Index {
    assert!(TABLE.len() < END as usize);
    let counts = counts();
    let mut index = Index { buckets: [0; BUCKETS], parts: [[0; PARTS]; PARTED], lists: [END; PLACES] };
    // Lists of all buckets, each with its end.
    let (mut used, mut bucket) = (1, 0);
    while bucket < BUCKETS {
        if counts[bucket] > 0 {
            index.buckets[bucket] = used as u16;
            used += counts[bucket] as usize + 1;
        }
        bucket += 1;
    }
    let mut row = 0;
    while row < TABLE.len() {
        let (fixed, free) = (bucket_of(TABLE[row].bits), !bucket_of(TABLE[row].mask) % BUCKETS);
        let mut bits = free;
        loop {
            let mut at = index.buckets[fixed | bits] as usize;
            while index.lists[at] != END {
                at += 1;
            }
            index.lists[at] = row as u8;
            if bits == 0 {
                break;
            }
            bits = (bits - 1) & free;
        }
        row += 1;
    }
    // Lists of the parts of long ones.
    let mut parted = 0;
    bucket = 0;
    while bucket < BUCKETS {
        if counts[bucket] as usize > FEW {
            let mut part = 0;
            while part < PARTS {
                let (start, mut at) = (used, index.buckets[bucket] as usize);
                while index.lists[at] != END {
                    let form = &TABLE[index.lists[at] as usize];
                    if part & part_of(form.mask) == part_of(form.bits) {
                        index.lists[used] = index.lists[at];
                        used += 1;
                    }
                    at += 1;
                }
                if used > start {
                    index.parts[parted][part] = start as u16;
                    used += 1;
                }
                part += 1;
            }
            index.buckets[bucket] = IS_PARTED | parted as u16;
            parted += 1;
        }
        bucket += 1;
    }
    index
}

static INDEX: Index = index();

/// The first row that this word is of.
pub(super) fn find(word: u32) -> Option<&'static Form> {
    let mut list = *INDEX.buckets.get(bucket_of(word))?;
    if list & IS_PARTED != 0 {
        list = *INDEX.parts.get(usize::from(list & !IS_PARTED))?.get(part_of(word))?;
    }
    let rows = INDEX.lists.get(usize::from(list)..)?.iter().take_while(|row| **row != END);
    rows.filter_map(|row| FORMS.get(usize::from(*row))).find(|form| word & form.mask == form.bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_finds_what_a_search_finds() {
        let search = |word: u32| FORMS.iter().find(|form| word & form.mask == form.bits);
        let mut found = 0;
        for i in 0..2_000_000u32 {
            let random = i.wrapping_mul(0x9E37_79B9) ^ i.rotate_left(15);
            // Every other one a word of a row.
            let form = &FORMS[i as usize % FORMS.len()];
            let word = if i % 2 == 0 { random } else { random & !form.mask | form.bits };
            let (a, b) = (find(word).map(|form| form.bits), search(word).map(|form| form.bits));
            assert_eq!(a, b, "{word:#010x}");
            found += usize::from(a.is_some());
        }
        assert!(found > 1_000_000);
    }
}
