//! Any bytes as the choices of a random program, run in every way.
#![no_main]

#[path = "../../tests/common/engines.rs"]
mod engines;
#[path = "../../tests/common/generate.rs"]
mod generate;
#[path = "../../tests/common/harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::check_given(data));
