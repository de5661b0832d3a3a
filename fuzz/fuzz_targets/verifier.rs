//! Changed machine code, and any bytes, before the verifier: what it accepts stays inside, whatever is chosen for what it does not follow.
#![no_main]

#[path = "../../tests/common/step_machine.rs"]
mod step_machine;
#[path = "../../tests/common/verifying.rs"]
mod verifying;

libfuzzer_sys::fuzz_target!(|data: &[u8]| verifying::check(data));
