//! Any bytes as a text: compiled, and run both ways where they are a program.
#![no_main]

#[path = "../../tests/common/engines.rs"]
mod engines;
#[path = "../../tests/common/texts.rs"]
mod texts;

libfuzzer_sys::fuzz_target!(|data: &[u8]| texts::with_engines(|engines| texts::check(engines, data, &[], true)));
