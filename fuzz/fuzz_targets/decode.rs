//! Changed machine code, or any bytes, before the decoders of the verifier.
#![no_main]

#[path = "../../tests/common/decoding.rs"]
mod decoding;

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoding::check(data));
