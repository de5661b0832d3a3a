//! Names to small numbers: one hash for each occurrence. All distinct names stand in one string.

use super::ast::Symbol;
use crate::lazy::Lazy;
use crate::reuse::{Empty, Keep, kept};
use std::hash::{BuildHasher, Hasher, RandomState};

/// The names of a text, by [`Symbol`].
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    text: String,
    /// Where each ends; it starts where the one before ends.
    ends: Vec<u32>,
}

impl Symbols {
    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Adds one, even if it is there.
    pub fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len() as u32);
    }

    /// The name with this number.
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.text.get(start..end)
    }

    /// All, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| &self[index])
    }
}

impl Empty for Symbols {
    fn empty(&mut self) {
        self.text.empty();
        self.ends.empty();
    }
}

impl std::ops::Index<usize> for Symbols {
    type Output = str;
    fn index(&self, index: usize) -> &str {
        self.get(index).unwrap_or_default()
    }
}

/// The table of names of one text.
#[derive(Default)]
pub(super) struct Interner {
    symbols: Symbols,
    hashes: Vec<u32>,
    /// Open addressing, a power of two long and at most half full; holds symbol + 1, or 0.
    slots: Vec<u32>,
    keys: [u64; 2],
}

kept!(Interner: symbols, hashes, slots);

/// Of this process: nobody can write names that all collide.
static KEYS: Lazy<[u64; 2]> = Lazy::new(|| {
    let seed = RandomState::new().build_hasher().finish();
    [seed, seed.rotate_left(32).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1]
});

impl Interner {
    pub(super) fn new() -> Box<Interner> {
        let mut names = Interner::kept();
        names.slots.resize(32, 0);
        names.keys = *KEYS;
        names
    }

    /// The name's number: always the same for the same name.
    pub(super) fn intern(&mut self, name: &str) -> Symbol {
        let hash = self.hash(name.as_bytes());
        let mut slot = hash as usize & (self.slots.len() - 1);
        loop {
            match self.slots[slot] {
                0 => break,
                taken => {
                    let at = taken as usize - 1;
                    if self.hashes[at] == hash && &self.symbols[at] == name {
                        return Symbol(taken - 1);
                    }
                }
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        let symbol = self.symbols.len() as u32;
        self.symbols.push(name);
        self.hashes.push(hash);
        self.slots[slot] = symbol + 1;
        if self.symbols.len() * 2 > self.slots.len() {
            self.grow();
        }
        Symbol(symbol)
    }

    /// The names, in exchange for memory for the next ones.
    pub(super) fn finish(mut self: Box<Interner>, symbols: &mut Symbols) {
        std::mem::swap(&mut self.symbols, symbols);
        self.keep();
    }

    fn grow(&mut self) {
        let len = self.slots.len() * 4;
        let mut slots = vec![0; len];
        for (symbol, &hash) in self.hashes.iter().enumerate() {
            let mut slot = hash as usize & (len - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (len - 1);
            }
            slots[slot] = symbol as u32 + 1;
        }
        self.slots = slots;
    }

    /// Eight bytes at a time, each mixed in by a multiplication whose halves are folded.
    fn hash(&self, bytes: &[u8]) -> u32 {
        let fold = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            product as u64 ^ (product >> 64) as u64
        };
        let mut hash = self.keys[0] ^ bytes.len() as u64;
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let word = chunk.iter().rev().fold(0, |word, &b| word << 8 | u64::from(b));
            hash = fold(hash ^ word, self.keys[1]);
        }
        let tail = chunks.remainder().iter().rev().fold(0, |word, &b| word << 8 | u64::from(b));
        hash = fold(hash ^ tail, self.keys[1]);
        (hash ^ hash >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut names = Interner::new();
        let all: Vec<String> = (0..10_000).map(|i| format!("name_{i}")).collect();
        let first: Vec<Symbol> = all.iter().map(|name| names.intern(name)).collect();
        let again: Vec<Symbol> = all.iter().map(|name| names.intern(name)).collect();
        assert_eq!(first, again);
        assert_eq!(first, (0..10_000).map(Symbol).collect::<Vec<_>>());
        let mut symbols = Symbols::default();
        names.finish(&mut symbols);
        assert!(symbols.iter().zip(&all).all(|(a, b)| a == b.as_str()));
    }
}
