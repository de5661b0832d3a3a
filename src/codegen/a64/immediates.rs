//! Which constants an instruction can hold. The assembler panics on one that does not fit, so each is tested here before.

use dynasmrt::aarch64::encode_logical_immediate_64bit;

/// Whether `add` and `sub` hold this number: 12 bits, or 12 bits above 12 zeros.
pub(super) const fn is_add(number: u64) -> bool {
    number < 1 << 12 || (number < 1 << 24 && number & 0xFFF == 0)
}

/// Whether `add` or `sub`, `cmp` or `cmn` hold this number, either it or its negation.
pub(super) const fn is_add_or_sub(number: i64) -> bool {
    is_add(number as u64) || is_add(number.wrapping_neg() as u64)
}

/// Whether `and`, `orr` and `eor` hold these bits: a rotated run of ones, repeated.
pub(super) fn is_logical(bits: u64) -> bool {
    encode_logical_immediate_64bit(bits).is_some()
}

/// Whether `fmov` holds the number with these bits: ±n/16 · 2^e, n from 16 to 31, e from -3 to 4.
pub(super) const fn is_float(bits: u64) -> bool {
    let exponent = bits >> 54 & 0x1FF;
    bits & 0xFFFF_FFFF_FFFF == 0 && (exponent == 0x100 || exponent == 0x0FF)
}

/// Whether a load or store of a word holds this offset.
pub(super) const fn is_word_offset(offset: u32) -> bool {
    offset.is_multiple_of(8) && offset / 8 < 1 << 12
}

/// The exponent of a power of two that a product with no overflow can have as a factor.
pub(super) const fn power_of_two(number: i64) -> Option<u32> {
    if number > 1 && number.count_ones() == 1 { Some(number.trailing_zeros()) } else { None }
}

/// The exponent of a power of two to which 1 is added, for the shifts that `add` is used with.
pub(super) const fn power_of_two_and_one(number: i64) -> Option<u32> {
    match number {
        3 => Some(1),
        5 => Some(2),
        9 => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn immediates_of_add() {
        for number in [0, 1, 4095, 4096, 8192, 0xFFF000] {
            assert!(is_add(number), "{number}");
        }
        for number in [4097, 0xFFF001, 0x1000000, u64::MAX] {
            assert!(!is_add(number), "{number}");
        }
        for number in [-1, -4095, -4096, 17] {
            assert!(is_add_or_sub(number), "{number}");
        }
        for number in [-4097, i64::MIN, i64::MAX] {
            assert!(!is_add_or_sub(number), "{number}");
        }
    }

    #[test]
    fn immediates_of_fmov() {
        let mut count = 0;
        for e in -8..8 {
            for n in 0..64 {
                let value = f64::from(n) / 16.0 * 2f64.powi(e);
                let fits = (16..32).any(|n| (-3..=4).any(|e| f64::from(n) / 16.0 * 2f64.powi(e) == value));
                assert_eq!(is_float(value.to_bits()), fits, "{value}");
                assert_eq!(is_float((-value).to_bits()), fits, "-{value}");
                count += usize::from(fits);
            }
        }
        assert!(count > 128);
        assert!(!is_float(f64::NAN.to_bits()) && !is_float(f64::INFINITY.to_bits()) && !is_float(0.1f64.to_bits()));
    }

    #[test]
    fn logical_immediates() {
        for bits in [1, 0xFF, 0x5555_5555_5555_5555, 1 << 63, !1, 0xFFFF_0000_FFFF_0000, 0x3FF0_0000_0000_0000] {
            assert!(is_logical(bits), "{bits:#x}");
        }
        for bits in [0, u64::MAX, 5, 0xFF00_FF01, 0x1234] {
            assert!(!is_logical(bits), "{bits:#x}");
        }
    }
}
