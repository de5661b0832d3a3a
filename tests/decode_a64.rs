//! The decoder of AArch64 code: it takes all that the emitter makes, and nothing else.
//!
//! `CRESSET_ALL_WORDS=1` decodes every word of 32 bits, which takes minutes.
#![cfg(feature = "disasm")]

#[path = "common/cases.rs"]
mod cases;
#[path = "decode_a64/corpus.rs"]
mod corpus;
#[path = "decode_a64/disassembler.rs"]
mod disassembler;
#[path = "decode_a64/emitted.rs"]
mod emitted;
#[cfg(target_arch = "aarch64")]
#[path = "decode_a64/executed.rs"]
mod executed;
#[path = "common/generate.rs"]
mod generate;
#[path = "common/kernels.rs"]
mod kernels;
#[path = "decode_a64/refused.rs"]
mod refused;
