//! What the system allows this process and what it could do, asked without changing anything.

/// Whether this process may not make memory executable that it wrote.
pub fn denies_new_code() -> bool {
    #[cfg(target_os = "linux")]
    {
        const PR_GET_MDWE: libc::c_int = 66;
        const REFUSE_EXEC_GAIN: libc::c_int = 1;
        // SAFETY: asks for a number.
        let answer = unsafe { libc::prctl(PR_GET_MDWE, 0, 0, 0, 0) };
        answer > 0 && answer & REFUSE_EXEC_GAIN != 0
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Whether the kernel can seal mappings.
pub fn can_seal() -> bool {
    #[cfg(target_os = "linux")]
    {
        // The number is the same on every machine.
        const MSEAL: libc::c_long = 462;
        // SAFETY: a range of no bytes: nothing is sealed; a kernel without the call says so.
        let answer = unsafe { libc::syscall(MSEAL, 0, 0, 0) };
        answer == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ENOSYS)
    }
    #[cfg(not(target_os = "linux"))]
    false
}
