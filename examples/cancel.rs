//! A program that would run for ever, stopped from another thread, then by a deadline. The next call works as if nothing had been.

use cresset::{Engine, Error, Func, Limits, Trap};
use std::time::{Duration, Instant};

/// Prints how the runs ended.
pub fn run(out: &mut dyn FnMut(String)) -> Result<(), Error> {
    let engine = Engine::new()?;
    let module = engine.compile("fn count(to) -> i64 { var n = 0; while n < to { n = wrapping_add(n, 1); } n }")?;
    let count: Func<fn(f64) -> i64> = module.func("count")?;

    // Only time may end these runs, not fuel.
    let mut sandbox = engine.sandbox(Limits::default().no_fuel_limit())?;
    let handle = sandbox.cancel_handle();
    let stopper = std::thread::spawn({
        let handle = handle.clone();
        move || {
            std::thread::sleep(Duration::from_millis(30));
            handle.cancel();
        }
    });
    let started = Instant::now();
    out(format!("cancelled: {}", ending(count.call_in(&mut sandbox, f64::INFINITY))));
    // A join fails only where the thread panicked, and this one does not.
    let _ = stopper.join();
    assert!(started.elapsed() < Duration::from_secs(10));

    // A cancelled sandbox stays so until the host says otherwise.
    out(format!("again: {}", ending(count.call_in(&mut sandbox, 1000.0))));
    handle.reset();
    out(format!("reset: {}", ending(count.call_in(&mut sandbox, 1000.0))));

    sandbox.set_limits(Limits::default().no_fuel_limit().deadline(Duration::from_millis(30)));
    out(format!("deadline: {}", ending(count.call_in(&mut sandbox, f64::INFINITY))));
    Ok(())
}

/// A run's value, or the kind of its trap.
fn ending(outcome: Result<i64, Error>) -> String {
    match outcome {
        Ok(n) => n.to_string(),
        Err(error) => error.trap().map(|trap: &Trap| trap.kind).map_or(error.to_string(), |kind| kind.to_string()),
    }
}

fn main() -> Result<(), Error> {
    run(&mut |line| println!("{line}"))
}
