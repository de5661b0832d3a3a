//! The library as a host uses it, by machine code and by the interpreter.
#![allow(clippy::type_complexity, reason = "a signature says what is tested")]

mod batch;
mod boundary;
mod calls;
mod doors;
mod limits;
mod sharing;
mod signatures;
mod texts;

use cresset::{Config, Engine, Error, Execution, Trap, TrapKind};

/// An engine of either kind.
fn engines() -> [Engine; 2] {
    [Execution::Jit, Execution::Interpreter]
        .map(|execution| Config::new().execution(execution).engine().expect("an engine"))
}

/// The trap that a call ended in.
#[track_caller]
fn trap<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Trap {
    match outcome {
        Err(Error::Trap(trap)) => *trap,
        other => panic!("no trap: {other:?}"),
    }
}

#[track_caller]
fn traps<T: std::fmt::Debug>(outcome: Result<T, Error>, kind: TrapKind) {
    assert_eq!(trap(outcome).kind, kind);
}
