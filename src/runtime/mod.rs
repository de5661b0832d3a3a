//! Running machine code: the context, entry and exit, traps, host calls.

mod call;
pub mod context;
pub mod cpu;
mod door;
mod enter;
pub mod entry;
pub mod fpenv;
pub mod helper;
mod host_call;
pub mod program;
mod rare;
pub mod raw;
pub mod signals;
mod signals_machine;
pub mod system;
mod table;

pub use call::{Host, Hosts, RunError};
