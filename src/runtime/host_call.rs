//! Calls from generated code into the host's closures.

use super::call::{parts, word_of_kind};
use super::context::Context;
use crate::host::HostError;
use crate::trap::HostFailure;
use crate::value::Value;

/// The buffered helper `HostCall`, already on the host's stack.
pub(super) extern "C" fn host_call_on_host_stack(ctx: *mut Context, args: *const u64) -> u64 {
    // SAFETY: only generated code calls this, under `enter` (R1); the outgoing area holds the index, the count, and two words for each argument, as the
    // emitters of both machines store them. Defended by tests/host.rs.
    let ((context, activation), words) = unsafe {
        let count = args.add(1).read() as usize;
        (parts(ctx), std::slice::from_raw_parts(args, 2 + 2 * count))
    };
    let values: Vec<Value> = words[2..]
        .chunks_exact(2)
        .map(|pair| match pair[0] {
            0 => Value::F64(f64::from_bits(pair[1])),
            1 => Value::I64(pair[1] as i64),
            _ => Value::Bool(pair[1] != 0),
        })
        .collect();
    let outcome = match activation.hosts.functions.get(words[0] as usize) {
        Some(host) => activation.fp.in_host(|| host.invoke(&values)),
        None => Err(HostError::Failed("no such host function".to_owned())),
    };
    activation.budget().notice_cancel(&mut context.fuel_slice);
    match outcome {
        Ok(value) => {
            context.result = match value {
                Value::F64(x) => x.to_bits(),
                Value::I64(n) => n as u64,
                Value::Bool(b) => u64::from(b),
                Value::Unit | Value::Array(_) => 0,
            };
            0
        }
        Err(error) => {
            context.trap_kind = word_of_kind(error.kind());
            activation.set_host_failure(match error {
                HostError::BadArgument => None,
                HostError::Failed(message) => Some(HostFailure { message, panic: None }),
                HostError::Panicked(failure) => Some(failure),
            });
            1
        }
    }
}
