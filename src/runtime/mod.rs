//! Running machine code: the context, entry and exit, traps, host calls.

pub mod context;
pub mod helper;
