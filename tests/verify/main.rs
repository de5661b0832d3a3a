//! The verifier accepts all that either back-end makes.
#![cfg(feature = "disasm")]

#[path = "../common/cases.rs"]
mod cases;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../decode/corpus.rs"]
mod corpus;
#[path = "../common/generate.rs"]
mod generate;
mod own_code;
#[path = "../common/kernels.rs"]
mod random_kernels;
