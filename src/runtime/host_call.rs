//! Calls from generated code into the host's closures.

use super::call::{Activation, parts, word_of_kind};
use super::context::Context;
use crate::host::HostError;
use crate::limits::CancelHandle;
use crate::trap::HostFailure;

/// The buffered helper `HostCall`, already on the host's stack.
pub(super) extern "C" fn host_call_on_host_stack(ctx: *mut Context, args: *const u64) -> u64 {
    // SAFETY: only generated code calls this, under `enter` (R1); the outgoing area holds the index, the count, and two words for each argument, as the
    // emitters of both machines store them. Defended by tests/host.rs.
    let ((context, activation), words) = unsafe {
        let count = args.add(1).read() as usize;
        (parts(ctx), std::slice::from_raw_parts(args, 2 + 2 * count))
    };
    let outcome = match activation.hosts.functions.get(words[0] as usize) {
        Some(host) => activation.fp().in_host(|| host.invoke_words(&words[2..], &mut context.result)),
        None => Err(Box::new(HostError::Failed("no such host function".to_owned()))),
    };
    if activation.cancel.is_some_and(CancelHandle::is_cancelled) {
        activation.budget().notice_cancel(&mut context.fuel_slice);
    }
    match outcome {
        Ok(()) => 0,
        Err(error) => fail(*error, context, activation),
    }
}

#[cold]
fn fail(error: HostError, context: &mut Context, activation: &mut Activation<'_>) -> u64 {
    context.trap_kind = word_of_kind(error.kind());
    activation.set_host_failure(match error {
        HostError::BadArgument => None,
        HostError::Failed(message) => Some(HostFailure { message, panic: None }),
        HostError::Panicked(failure) => Some(failure),
    });
    1
}
