//! The page size, and rounding to it.
//!
//! The system is asked for the size; 4 KiB is never assumed. Rounding is checked, as sizes come from outside.

use super::MemoryError;

/// The size of a page in bytes, a power of two.
pub fn page_size() -> usize {
    region::page::size()
}

/// Rounds up to a multiple of `unit`, which must be a power of two.
pub fn round_up(size: usize, unit: usize) -> Result<usize, MemoryError> {
    debug_assert!(unit.is_power_of_two());
    let mask = unit - 1;
    size.checked_add(mask).map(|padded| padded & !mask).ok_or(MemoryError::TooLarge { size })
}

/// Rounds down to a multiple of `unit`, which must be a power of two.
pub fn round_down(size: usize, unit: usize) -> usize {
    debug_assert!(unit.is_power_of_two());
    size & !(unit - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_exact_and_checked() {
        let page = page_size();
        assert!(page.is_power_of_two() && page >= 4096);
        let cases = [(0, 0), (1, page), (page - 1, page), (page, page), (page + 1, 2 * page)];
        for (size, rounded) in cases {
            assert_eq!(round_up(size, page), Ok(rounded), "{size}");
        }
        assert_eq!(round_down(page + 1, page), page);
        assert_eq!(round_up(usize::MAX, page), Err(MemoryError::TooLarge { size: usize::MAX }));
        assert_eq!(round_up(usize::MAX - page + 1, page), Ok(usize::MAX - page + 1));
    }
}
