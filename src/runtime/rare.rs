//! The call of an elementary function from a cold stub, for arguments that code in line does not handle.

use std::arch::naked_asm;

/// Calls the elementary function at the address in r11 with the two words above the return address for its arguments, the first of which it
/// replaces by the value; preserves every register but r11, xmm15 and the flags.
///
/// # Safety
/// Called only from generated code.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
pub unsafe extern "sysv64" fn rare() {
    naked_asm!(
        "push rax",
        "push rcx",
        "push rdx",
        "push rsi",
        "push rdi",
        "push r8",
        "push r9",
        "push r10",
        // Scalar code holds nothing above the low 128 bits. 8 bytes of return address, 64 of pushes and 248: rsp is a multiple of 16 again.
        "sub rsp, 248",
        "vmovups [rsp], xmm0",
        "vmovups [rsp + 16], xmm1",
        "vmovups [rsp + 32], xmm2",
        "vmovups [rsp + 48], xmm3",
        "vmovups [rsp + 64], xmm4",
        "vmovups [rsp + 80], xmm5",
        "vmovups [rsp + 96], xmm6",
        "vmovups [rsp + 112], xmm7",
        "vmovups [rsp + 128], xmm8",
        "vmovups [rsp + 144], xmm9",
        "vmovups [rsp + 160], xmm10",
        "vmovups [rsp + 176], xmm11",
        "vmovups [rsp + 192], xmm12",
        "vmovups [rsp + 208], xmm13",
        "vmovups [rsp + 224], xmm14",
        "vmovsd xmm0, [rsp + 320]",
        "vmovsd xmm1, [rsp + 328]",
        "call r11",
        "vmovsd [rsp + 320], xmm0",
        "vmovups xmm0, [rsp]",
        "vmovups xmm1, [rsp + 16]",
        "vmovups xmm2, [rsp + 32]",
        "vmovups xmm3, [rsp + 48]",
        "vmovups xmm4, [rsp + 64]",
        "vmovups xmm5, [rsp + 80]",
        "vmovups xmm6, [rsp + 96]",
        "vmovups xmm7, [rsp + 112]",
        "vmovups xmm8, [rsp + 128]",
        "vmovups xmm9, [rsp + 144]",
        "vmovups xmm10, [rsp + 160]",
        "vmovups xmm11, [rsp + 176]",
        "vmovups xmm12, [rsp + 192]",
        "vmovups xmm13, [rsp + 208]",
        "vmovups xmm14, [rsp + 224]",
        "add rsp, 248",
        "pop r10",
        "pop r9",
        "pop r8",
        "pop rdi",
        "pop rsi",
        "pop rdx",
        "pop rcx",
        "pop rax",
        "ret",
    )
}

/// Calls the elementary function at the address in x17 with the two words at the stack pointer for its arguments, the first of which it replaces by
/// the value; preserves every register but the flags, x16, x17 and x30.
///
/// # Safety
/// Called only from generated code.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
pub unsafe extern "C" fn rare() {
    naked_asm!(
        "sub sp, sp, #672",
        "stp x0, x1, [sp]",
        "stp x2, x3, [sp, #16]",
        "stp x4, x5, [sp, #32]",
        "stp x6, x7, [sp, #48]",
        "stp x8, x9, [sp, #64]",
        "stp x10, x11, [sp, #80]",
        "stp x12, x13, [sp, #96]",
        "stp x14, x15, [sp, #112]",
        "stp x18, x30, [sp, #128]",
        "stp q0, q1, [sp, #144]",
        "stp q2, q3, [sp, #176]",
        "stp q4, q5, [sp, #208]",
        "stp q6, q7, [sp, #240]",
        "stp q8, q9, [sp, #272]",
        "stp q10, q11, [sp, #304]",
        "stp q12, q13, [sp, #336]",
        "stp q14, q15, [sp, #368]",
        "stp q16, q17, [sp, #400]",
        "stp q18, q19, [sp, #432]",
        "stp q20, q21, [sp, #464]",
        "stp q22, q23, [sp, #496]",
        "stp q24, q25, [sp, #528]",
        "stp q26, q27, [sp, #560]",
        "stp q28, q29, [sp, #592]",
        "stp q30, q31, [sp, #624]",
        "ldr d0, [sp, #672]",
        "ldr d1, [sp, #680]",
        "blr x17",
        "str d0, [sp, #672]",
        "ldp q0, q1, [sp, #144]",
        "ldp q2, q3, [sp, #176]",
        "ldp q4, q5, [sp, #208]",
        "ldp q6, q7, [sp, #240]",
        "ldp q8, q9, [sp, #272]",
        "ldp q10, q11, [sp, #304]",
        "ldp q12, q13, [sp, #336]",
        "ldp q14, q15, [sp, #368]",
        "ldp q16, q17, [sp, #400]",
        "ldp q18, q19, [sp, #432]",
        "ldp q20, q21, [sp, #464]",
        "ldp q22, q23, [sp, #496]",
        "ldp q24, q25, [sp, #528]",
        "ldp q26, q27, [sp, #560]",
        "ldp q28, q29, [sp, #592]",
        "ldp q30, q31, [sp, #624]",
        "ldp x0, x1, [sp]",
        "ldp x2, x3, [sp, #16]",
        "ldp x4, x5, [sp, #32]",
        "ldp x6, x7, [sp, #48]",
        "ldp x8, x9, [sp, #64]",
        "ldp x10, x11, [sp, #80]",
        "ldp x12, x13, [sp, #96]",
        "ldp x14, x15, [sp, #112]",
        "ldp x18, x30, [sp, #128]",
        "add sp, sp, #672",
        "ret",
    )
}
