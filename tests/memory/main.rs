//! The walls of memory, seen from outside: what the process's mappings show, and what a fault in a child proves.
#![cfg(all(debug_assertions, target_os = "linux"))]

mod failures;
mod guards;
mod policy;
mod process;
mod publish;
mod scale;
mod sealed;

use cresset::memory::{CodeArena, ExecutableCode, MemoryError};

/// Code that takes nothing and returns 42 as a 32-bit number.
#[cfg(target_arch = "x86_64")]
const RETURN_42: &[u8] = &[0xB8, 42, 0, 0, 0, 0xC3];
/// The same: `bti c; mov w0, #42; ret`.
#[cfg(target_arch = "aarch64")]
const RETURN_42: &[u8] = &[0x5F, 0x24, 0x03, 0xD5, 0x40, 0x05, 0x80, 0x52, 0xC0, 0x03, 0x5F, 0xD6];

/// What fills the end of a page of code.
#[cfg(target_arch = "x86_64")]
const TRAP: &[u8] = &[0xCC];
/// What fills the end of a page of code.
#[cfg(target_arch = "aarch64")]
const TRAP: &[u8] = &[0x00, 0x00, 0x20, 0xD4];

/// How often to repeat what is about counts. An emulator does a hundredth of it.
const MANY: usize = if cfg!(target_arch = "x86_64") { 100_000 } else { 1_000 };

fn accept(_: &[u8], _: usize) -> Result<(), String> {
    Ok(())
}

/// Publishes `RETURN_42` with constants.
fn publish(arena: &CodeArena, pool: &[u8]) -> Result<ExecutableCode, MemoryError> {
    let mut code = arena.writable(RETURN_42.len(), pool.len())?;
    code.write_code(RETURN_42)?;
    code.write_pool(pool)?;
    code.seal(accept)
}

fn call(code: &ExecutableCode) -> u32 {
    assert!(code.code().starts_with(RETURN_42));
    call_address(code.base())
}

fn call_address(address: usize) -> u32 {
    // SAFETY: the caller says that `RETURN_42` is there, or is a child that is expected to die of it.
    let function: extern "C" fn() -> u32 = unsafe { std::mem::transmute(address) };
    function()
}
