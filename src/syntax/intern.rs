//! Names to small numbers: one hash for each occurrence, one allocation for each distinct name.

use super::ast::Symbol;
use std::hash::{BuildHasher, Hasher, RandomState};

/// The table of names of one text.
pub(super) struct Interner {
    symbols: Vec<Box<str>>,
    hashes: Vec<u32>,
    /// Open addressing, a power of two long and at most half full; holds symbol + 1, or 0.
    slots: Vec<u32>,
    /// Keyed anew for each text: nobody can write names that all collide.
    keys: [u64; 2],
}

impl Interner {
    pub(super) fn new() -> Interner {
        let seed = RandomState::new().build_hasher().finish();
        let keys = [seed, seed.rotate_left(32).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1];
        Interner { symbols: Vec::new(), hashes: Vec::new(), slots: vec![0; 32], keys }
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
                    if self.hashes[at] == hash && &*self.symbols[at] == name {
                        return Symbol(taken - 1);
                    }
                }
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        let symbol = self.symbols.len() as u32;
        self.symbols.push(name.into());
        self.hashes.push(hash);
        self.slots[slot] = symbol + 1;
        if self.symbols.len() * 2 > self.slots.len() {
            self.grow();
        }
        Symbol(symbol)
    }

    pub(super) fn into_symbols(self) -> Vec<Box<str>> {
        self.symbols
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
        let symbols = names.into_symbols();
        assert!(symbols.iter().zip(&all).all(|(a, b)| **a == **b));
    }
}
