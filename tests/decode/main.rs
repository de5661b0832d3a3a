//! The verifier's decoder of x86-64: it takes all that the emitter makes, and nothing else.
// The same computations on every host, which take many minutes where that is an emulated one.
#![cfg(all(feature = "disasm", target_arch = "x86_64"))]

mod agreement;
#[path = "../common/cases.rs"]
mod cases;
mod corpus;
mod emitted;
mod foreign;
mod forms;
#[path = "../common/generate.rs"]
mod generate;
mod quick;
#[path = "../common/kernels.rs"]
mod random_kernels;
mod steps;

/// Where code and pool are taken to lie.
const CODE: u64 = 0x10_0000;
const POOL: u64 = 0x4000_0000;
