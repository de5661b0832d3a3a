//! Any bytes as what is done with data in mappings: the host and programs see what a plain vector holds.
#![no_main]

#[path = "../../tests/common/regions.rs"]
mod regions;

libfuzzer_sys::fuzz_target!(|data: &[u8]| regions::check(data));
