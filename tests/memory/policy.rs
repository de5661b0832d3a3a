//! Policies of the system against new code, set for a child.

/// Forbids this child to make memory executable that it wrote (`PR_SET_MDWE`), if the kernel can.
pub fn forbid_new_code() -> bool {
    const PR_SET_MDWE: i32 = 65;
    // SAFETY: restricts this child alone.
    let forbidden = unsafe { libc::prctl(PR_SET_MDWE, 1 as libc::c_ulong, 0, 0, 0) } == 0;
    if !forbidden {
        let message = "not tested: this kernel cannot forbid new code (PR_SET_MDWE)\n";
        // SAFETY: writes the message; the test's own output would be lost in a child.
        unsafe { libc::write(2, message.as_ptr().cast(), message.len()) };
    }
    forbidden
}

/// A call of the system that is refused with an error number: any, or those whose third argument has one of these bits.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Refused {
    pub call: libc::c_long,
    pub third: i32,
    pub errno: i32,
}

/// What SELinux's `execmem` refuses.
#[cfg(target_arch = "x86_64")]
pub const PROTECTION: Refused = Refused { call: libc::SYS_mprotect, third: libc::PROT_EXEC, errno: libc::EACCES };
/// What a policy refuses that lets nothing become executable.
#[cfg(target_arch = "x86_64")]
pub const MAPPING: Refused = Refused { call: libc::SYS_mmap, third: libc::PROT_EXEC, errno: libc::EACCES };
/// A kernel without files in memory.
#[cfg(target_arch = "x86_64")]
pub const FILE: Refused = Refused { call: libc::SYS_memfd_create, third: 0, errno: libc::ENOSYS };

/// Has the kernel refuse these calls of this child.
#[cfg(target_arch = "x86_64")]
pub fn refuse(rules: &[Refused]) {
    const LOAD: u16 = 0x20;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_ANY_BIT: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const THIRD: u32 = 16 + 8 * 2;
    let op = |code: u16, k: u32, jt: u8, jf: u8| libc::sock_filter { code, jt, jf, k };
    let mut program = Vec::new();
    for rule in rules {
        program.push(op(LOAD, 0, 0, 0));
        let bits = u32::try_from(rule.third).unwrap();
        if bits == 0 {
            program.push(op(JUMP_EQUAL, rule.call as u32, 0, 1));
        } else {
            program.push(op(JUMP_EQUAL, rule.call as u32, 0, 3));
            program.push(op(LOAD, THIRD, 0, 0));
            program.push(op(JUMP_ANY_BIT, bits, 0, 1));
        }
        program.push(op(RETURN, libc::SECCOMP_RET_ERRNO | rule.errno as u32, 0, 0));
    }
    program.push(op(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: a filter for this child.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let outcome = libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &filter);
        assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
    }
}
