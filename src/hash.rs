//! Tables for the compiler's own small keys: a hash of few instructions, keyed anew in each process, so that no text can be written whose keys collide.

use crate::lazy::Lazy;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};

/// A map whose keys are numbers, or few of them.
pub type Map<K, V> = HashMap<K, V, Keyed>;
/// A set of numbers, or of few of them.
pub type Set<K> = HashSet<K, Keyed>;

/// The key of this process.
static KEY: Lazy<[u64; 2]> = Lazy::new(|| [0, 1].map(|_: u64| RandomState::new().build_hasher().finish() | 1));

/// Makes hashers with the key of this process.
#[derive(Clone, Copy, Debug)]
pub struct Keyed {
    key: [u64; 2],
}

impl Default for Keyed {
    fn default() -> Keyed {
        Keyed { key: *KEY }
    }
}

impl BuildHasher for Keyed {
    type Hasher = Folding;
    #[inline]
    fn build_hasher(&self) -> Folding {
        Folding { hash: self.key[0], key: self.key[1] }
    }
}

/// Mixes each word in by a multiplication whose halves are folded.
#[derive(Clone, Copy, Debug)]
pub struct Folding {
    hash: u64,
    key: u64,
}

impl Folding {
    #[inline]
    fn add(&mut self, word: u64) {
        let product = u128::from(self.hash ^ word) * u128::from(self.key);
        // The sum keeps a factor of zero from making all that follows alike.
        self.hash = (product as u64 ^ (product >> 64) as u64).wrapping_add(self.key.rotate_left(17));
    }
}

impl Hasher for Folding {
    #[inline]
    fn finish(&self) -> u64 {
        let product = u128::from(self.hash) * u128::from(self.key);
        product as u64 ^ (product >> 64) as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            self.add(chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
        self.add(bytes.len() as u64);
    }

    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.add(u64::from(n));
    }

    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.add(u64::from(n));
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.add(u64::from(n));
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.add(n);
    }

    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_spread_over_high_and_low_bits() {
        let keyed = Keyed::default();
        for shift in [0, 57] {
            for step in [1_u64, 1 << 20, 1 << 52] {
                let mut counts = [0; 128];
                for i in 0..128_u64 * 64 {
                    counts[(keyed.hash_one(i.wrapping_mul(step)) >> shift) as usize & 127] += 1;
                }
                let most = counts.iter().max();
                assert!(most < Some(&160), "{shift} {step}: {most:?}");
            }
        }
        assert_ne!(keyed.hash_one([1_u32, 2, 3]), keyed.hash_one([1_u32, 3, 2]));
        assert_eq!(keyed.hash_one("name"), keyed.hash_one("name"));
    }
}
