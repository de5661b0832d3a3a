//! The floating-point control register: results must not depend on what the host set there, and the host must find it unchanged.
//!
//! Only a compare on the usual path; the sticky exception flags may change.

use crate::walls::{Wall, stands};

/// The control bits that matter, as this machine wants them for the language.
#[cfg(target_arch = "x86_64")]
mod machine {
    /// Masked exceptions, round to nearest even, no flush to zero, no denormals-are-zero.
    pub const CANONICAL: u64 = 0x1F80;
    /// All but the sticky flags.
    pub const CONTROL: u64 = 0xFFC0;

    #[inline]
    pub fn read() -> u64 {
        let mut word = std::mem::MaybeUninit::<u32>::uninit();
        // SAFETY: `stmxcsr` stores 4 bytes to the address, a local of 4 bytes. Defended by `fpenv::tests`.
        let word = unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) word.as_mut_ptr(), options(nostack, preserves_flags));
            word.assume_init()
        };
        u64::from(word)
    }

    pub fn write(word: u64) {
        let word = word as u32;
        // SAFETY: the word was read from the register, or is `CANONICAL`: no reserved bit is set, so this cannot fault.
        unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &word, options(nostack, preserves_flags, readonly)) };
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    /// Round to nearest even, no flush to zero, no default NaN, no trapped exceptions.
    pub const CANONICAL: u64 = 0;
    /// AHP, DN, FZ, RMode, FZ16, the trap enables, FIZ, AH, NEP (Arm ARM, FPCR).
    pub const CONTROL: u64 = 0x07C8_9F07;

    #[inline]
    pub fn read() -> u64 {
        let word: u64;
        // SAFETY: reading FPCR has no side effect. Defended by `fpenv::tests`.
        unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) word, options(nomem, nostack, preserves_flags)) };
        word
    }

    pub fn write(word: u64) {
        // SAFETY: the word was read from the register, or is `CANONICAL`.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) word, options(nomem, nostack, preserves_flags)) };
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod machine {
    pub const CANONICAL: u64 = 0;
    pub const CONTROL: u64 = 0;
    pub fn read() -> u64 {
        0
    }
    pub fn write(_: u64) {}
}

/// The nearest `f64`, ties to even, whatever the environment is: every step is exact.
pub(crate) fn nearest_even(n: i64) -> f64 {
    let magnitude = n.unsigned_abs();
    let excess = 11_u32.saturating_sub(magnitude.leading_zeros());
    let rest = magnitude & ((1 << excess) - 1);
    let half = (1 << excess) >> 1;
    let mut kept = magnitude >> excess;
    if excess > 0 && (rest > half || (rest == half && kept & 1 == 1)) {
        kept += 1;
    }
    // At most 2^53, and a power of two.
    let scaled = kept as f64 * (1_u64 << excess) as f64;
    if n < 0 { -scaled } else { scaled }
}

/// The language's environment while this lives; the host's again when it is dropped.
#[derive(Debug)]
pub struct FpEnv {
    host: Option<u64>,
}

impl FpEnv {
    /// That of a run whose host set none of its own.
    pub const OF_THE_LANGUAGE: FpEnv = FpEnv { host: None };

    /// Whether the language's environment is set.
    #[inline]
    pub fn is_canonical() -> bool {
        machine::read() & machine::CONTROL == machine::CANONICAL & machine::CONTROL || !stands(Wall::FpEnvironment)
    }

    /// Sets the language's environment if another is set.
    #[inline]
    pub fn canonical() -> FpEnv {
        if FpEnv::is_canonical() {
            return FpEnv::OF_THE_LANGUAGE;
        }
        let word = machine::read();
        machine::write(machine::CANONICAL);
        FpEnv { host: Some(word) }
    }

    /// Runs `callback` in the host's environment, a part of the program's run.
    pub fn in_host<R>(&self, callback: impl FnOnce() -> R) -> R {
        if let Some(word) = self.host {
            machine::write(word);
        }
        let result = callback();
        // The callback may have changed it on its own account: that is the host's wish for its own code, not for the program.
        if !FpEnv::is_canonical() {
            machine::write(machine::CANONICAL);
        }
        result
    }
}

impl Drop for FpEnv {
    fn drop(&mut self) {
        if let Some(word) = self.host {
            machine::write(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_rounded_as_the_machine_does() {
        let mut n = 1_i64;
        for shift in 0..64 {
            for near in [-2_i64, -1, 0, 1, 2, 1 << (shift / 2)] {
                let n = (1_i64 << shift).wrapping_add(near);
                assert_eq!(nearest_even(n).to_bits(), (n as f64).to_bits(), "{n}");
            }
        }
        for _ in 0..10_000 {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            assert_eq!(nearest_even(n).to_bits(), (n as f64).to_bits(), "{n}");
        }
        assert_eq!([nearest_even(i64::MIN), nearest_even(i64::MAX)], [-(2_f64.powi(63)), 2_f64.powi(63)]);
    }

    #[test]
    fn a_host_with_other_rounding_finds_it_again() {
        let before = machine::read();
        #[cfg(target_arch = "x86_64")]
        let odd = (before & !0x6000) | 0x4000 | 0x8040; // up, flush to zero, denormals are zero
        #[cfg(target_arch = "aarch64")]
        let odd = before | (1 << 22) | (1 << 24); // up, flush to zero
        machine::write(odd);
        {
            let env = FpEnv::canonical();
            let third = std::hint::black_box(1.0) / std::hint::black_box(3.0);
            assert_eq!(f64::to_bits(third), 0x3FD5_5555_5555_5555);
            env.in_host(|| assert_eq!(machine::read() & machine::CONTROL, odd & machine::CONTROL));
            assert_eq!(machine::read() & machine::CONTROL, machine::CANONICAL);
        }
        assert_eq!(machine::read() & machine::CONTROL, odd & machine::CONTROL);
        machine::write(before);
    }
}
