//! Choices out of bytes.

/// Bytes to choose by: those that were given, then those of a seed, or zeros.
#[derive(Clone, Debug)]
pub struct Bytes {
    data: Vec<u8>,
    at: usize,
    seed: Option<u64>,
}

impl Bytes {
    /// Endless bytes of a seed.
    pub fn seeded(seed: u64) -> Bytes {
        Bytes { data: Vec::new(), at: 0, seed: Some(seed) }
    }

    /// These, then zeros.
    pub fn given(data: Vec<u8>) -> Bytes {
        Bytes { data, at: 0, seed: None }
    }

    /// Those that were taken.
    pub fn taken(&self) -> &[u8] {
        &self.data[..self.at.min(self.data.len())]
    }

    fn byte(&mut self) -> u8 {
        if self.at == self.data.len()
            && let Some(seed) = &mut self.seed
        {
            // SplitMix64.
            *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = *seed;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            self.data.extend((z ^ (z >> 31)).to_le_bytes());
        }
        let byte = self.data.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// A number below `n`; 0 is the simplest choice.
    pub fn below(&mut self, n: usize) -> usize {
        match n {
            0 | 1 => 0,
            2..=256 => usize::from(self.byte()) % n,
            _ => (self.word() % n as u64) as usize,
        }
    }

    /// Whether something happens that does in so many of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        usize::from(self.byte()) * 100 / 256 >= 100 - percent
    }

    /// Any of these, the first the simplest.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// 64 bits.
    pub fn word(&mut self) -> u64 {
        (0..8).fold(0, |word, _| word << 8 | u64::from(self.byte()))
    }
}
