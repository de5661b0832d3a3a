//! Making new code visible to instruction fetch.
//!
//! On x86-64 new code at an address that no running program knows needs nothing. On AArch64 the data cache is cleaned
//! and the instruction cache invalidated line by line, with line sizes that are read each time (cores may differ), and
//! then every core that runs this process synchronizes its instruction stream.

/// Whether executable pages can demand landing pads on this machine.
pub fn has_landing_pads() -> bool {
    #[cfg(all(target_arch = "aarch64", target_os = "linux"))]
    {
        const HWCAP2_BTI: libc::c_ulong = 1 << 17;
        // SAFETY: reads a word that the kernel gave the process at its start.
        (unsafe { libc::getauxval(libc::AT_HWCAP2) }) & HWCAP2_BTI != 0
    }
    #[cfg(not(all(target_arch = "aarch64", target_os = "linux")))]
    false
}

/// The bytes of this machine's trap instruction, repeated to four: `brk #0`.
#[cfg(target_arch = "aarch64")]
const TRAP: [u8; 4] = 0xD420_0000_u32.to_le_bytes();
/// The bytes of this machine's trap instruction, repeated to four: `int3`.
#[cfg(not(target_arch = "aarch64"))]
const TRAP: [u8; 4] = [0xCC; 4];

/// Fills `bytes`, which start on an instruction, with traps; whatever jumps there stops.
pub(super) fn fill_with_traps(bytes: &mut [u8]) {
    if TRAP == [TRAP[0]; 4] {
        return bytes.fill(TRAP[0]);
    }
    for word in bytes.chunks_exact_mut(TRAP.len()) {
        word.copy_from_slice(&TRAP);
    }
}

/// Whether `bytes`, which start `offset` bytes after an instruction, are nothing but traps.
pub(super) fn is_all_traps(bytes: &[u8], offset: usize) -> bool {
    let to_next = offset.wrapping_neg() % TRAP.len();
    let (head, words) = bytes.split_at(to_next.min(bytes.len()));
    let head_is = head.iter().enumerate().all(|(at, byte)| *byte == TRAP[(offset + at) % TRAP.len()]);
    // Whole words without an early way out: the compiler makes vectors of it.
    let different = words.chunks_exact(TRAP.len()).fold(0, |different, word| {
        let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        different | (word ^ u32::from_le_bytes(TRAP))
    });
    let rest_is = words.chunks_exact(TRAP.len()).remainder() == &TRAP[..words.len() % TRAP.len()];
    head_is && different == 0 && rest_is
}

/// Makes `code` safe to run on every core of this process.
pub(super) fn publish(code: &[u8]) {
    #[cfg(target_arch = "aarch64")]
    aarch64::publish(code);
    let _ = code;
}

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use core::arch::asm;

    pub(super) fn publish(code: &[u8]) {
        let ctr: u64;
        // SAFETY: reads the cache type register, which Linux lets user code read.
        unsafe { asm!("mrs {}, ctr_el0", out(reg) ctr, options(nomem, nostack, preserves_flags)) };
        let data_line = 4_usize << ((ctr >> 16) & 0xF);
        let instruction_line = 4_usize << (ctr & 0xF);
        let start = code.as_ptr().addr();
        let end = start + code.len();

        let mut line = start & !(data_line - 1);
        while line < end {
            // SAFETY: cleans a line that holds a byte of `code`; the content stays.
            unsafe { asm!("dc cvau, {}", in(reg) line, options(nostack, preserves_flags)) };
            line += data_line;
        }
        // SAFETY: a barrier.
        unsafe { asm!("dsb ish", options(nostack, preserves_flags)) };
        let mut line = start & !(instruction_line - 1);
        while line < end {
            // SAFETY: invalidates a line that holds a byte of `code`; it is fetched again.
            unsafe { asm!("ic ivau, {}", in(reg) line, options(nostack, preserves_flags)) };
            line += instruction_line;
        }
        // SAFETY: barriers.
        unsafe { asm!("dsb ish", "isb", options(nostack, preserves_flags)) };
        synchronize_cores();
    }

    /// Makes each core that runs a thread of this process synchronize its instruction stream.
    ///
    /// A kernel without the call (before 4.16, or an emulator) is tolerated: there, the change of the page tables that
    /// made the pages executable has been seen by every core, and the address has run nothing since it was mapped.
    fn synchronize_cores() {
        const PRIVATE_EXPEDITED_SYNC_CORE: i32 = 1 << 5;
        const REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: i32 = 1 << 6;
        // SAFETY: membarrier takes no pointers.
        let membarrier = |command: i32| unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
        if membarrier(PRIVATE_EXPEDITED_SYNC_CORE) == 0 {
            return;
        }
        // Refused until the process has registered; registering twice is harmless.
        if membarrier(REGISTER_PRIVATE_EXPEDITED_SYNC_CORE) == 0 {
            membarrier(PRIVATE_EXPEDITED_SYNC_CORE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_byte_anywhere_is_seen() {
        let mut page = vec![0; 256];
        fill_with_traps(&mut page);
        for start in 0..256 {
            assert!(is_all_traps(&page[start..], start));
            for wrong in (start..256).step_by(5) {
                page[wrong] ^= 0x10;
                assert!(!is_all_traps(&page[start..], start), "{start} {wrong}");
                page[wrong] ^= 0x10;
            }
        }
        assert!(is_all_traps(&page[3..6], 3));
    }
}
