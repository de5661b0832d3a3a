//! The verifier accepts all that either back-end makes.
// The same computations on every host, which take many minutes where that is an emulated one.
#![cfg(all(feature = "disasm", target_arch = "x86_64"))]

#[path = "../common/cases.rs"]
mod cases;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../decode/corpus.rs"]
mod corpus;
#[path = "../common/generate.rs"]
mod generate;
mod mutants;
mod own_code;
#[path = "../common/kernels.rs"]
mod random_kernels;
#[path = "../common/step_machine.rs"]
mod step_machine;
mod tables;
#[path = "../common/verifying.rs"]
mod verifying;
