//! The context record that generated code finds in its context register (r15 on x86-64, x28 on AArch64).
//!
//! Generated code reads and writes the first fields at fixed offsets ([`offset`]); the rest belongs to the runtime.

/// What generated code and the runtime share during one call.
#[derive(Debug)]
#[repr(C)]
pub struct Context {
    /// Units of work until the next poll: counted down at each loop head and call; below zero, the code calls [`super::helper::Helper::Poll`].
    /// Code keeps it in a register; it is here while a metered helper or the poll runs, and when code is left.
    pub fuel_slice: i64,
    /// Levels of calls left; below zero is `StackOverflow`. Code keeps it in a register too; it is here at the start and in a poll.
    pub depth_left: i64,
    /// How far the arena is used, as an address.
    pub arena_top: u64,
    /// The index or bound of an `OutOfBounds`.
    pub trap_index: i64,
    /// Its length.
    pub trap_len: i64,
    /// The kind of trap that a helper raised, plus 1 (0: none).
    pub trap_kind: u64,
    /// The result of a helper called through [`super::helper::Helper::is_buffered`].
    pub result: u64,
    /// Stack pointer to go back to when a trap ends the call, written by the entry trampoline; on x86-64 the address to go to is there.
    pub entry_sp: u64,
    /// Stack pointer to run generated code on, or 0 for the host's.
    pub stack_top: u64,
    /// Stack pointer at the entry of a runtime function on arrays that is under way, else 0: a fault there can leave as a trap.
    pub helper_sp: u64,
    /// Its return address, where the machine passes it in a register.
    pub helper_ret: u64,
}

/// Byte offsets of the fields of [`Context`] that generated code uses.
pub mod offset {
    use super::Context;
    use std::mem::offset_of;

    /// [`Context::fuel_slice`]
    pub const FUEL_SLICE: i32 = offset_of!(Context, fuel_slice) as i32;
    /// [`Context::arena_top`]
    pub const ARENA_TOP: i32 = offset_of!(Context, arena_top) as i32;
    /// [`Context::trap_index`]
    pub const TRAP_INDEX: i32 = offset_of!(Context, trap_index) as i32;
    /// [`Context::trap_len`]
    pub const TRAP_LEN: i32 = offset_of!(Context, trap_len) as i32;
    /// [`Context::result`]
    pub const RESULT: i32 = offset_of!(Context, result) as i32;
}
