//! Any bytes as a formula and columns: rows by machine code and by the interpreter give the same.
#![no_main]

#[path = "../../tests/common/rows.rs"]
mod rows;

libfuzzer_sys::fuzz_target!(|data: &[u8]| rows::check(data));
