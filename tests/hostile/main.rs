//! Texts made to break a compiler, through the whole way on a small stack: each gives what it should, in time that grows with its length.

mod bombs;
#[path = "../common/engines.rs"]
mod engines;
mod mutations;
mod noise;
#[path = "../common/texts.rs"]
mod texts;

use bombs::{BOMBS, NESTED, SQUARE};
use cresset::syntax::SourceLimits;
use cresset::{Config, Engine, Error, Execution, Limits, Value};
use std::time::Duration;

/// What a bomb gives.
#[derive(Clone, Debug, PartialEq)]
enum Gives {
    Value(Value),
    Trap(&'static str),
    /// The code of its first error.
    Error(&'static str),
}

/// A text of a size, and what it gives.
struct Bomb {
    name: &'static str,
    size: usize,
    make: fn(usize) -> String,
    gives: fn(usize) -> Gives,
    /// Whether it is small enough to be compiled, not only interpreted.
    compiled: bool,
}

fn engine(execution: Execution) -> Engine {
    let mut config = Config::new().execution(execution);
    config.source = SourceLimits { text: 4 << 20, nesting: 1_000, functions: 20_000 };
    config.limits = Limits::default().fuel(10_000_000).memory(64 << 20).depth(10_000);
    config.engine().expect("this machine has it")
}

/// The time that this thread was running; noise of other threads is not in it.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// Runs on a stack of its own.
fn on_stack<T: Send + 'static>(stack: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(stack).spawn(work).unwrap().join().expect("no panic")
}

/// For the nesting that is allowed unless the host says otherwise.
const SMALL_STACK: usize = 512 << 10;
/// For the most that a host can allow: what Rust gives a thread.
const USUAL_STACK: usize = 2 << 20;

struct Run {
    gives: Gives,
    time: Duration,
    jit: bool,
}

/// Compiles, runs and drops.
fn run(engine: &Engine, stack: usize, source: String) -> Run {
    let engine = engine.clone();
    on_stack(stack, move || {
        let start = cpu_time();
        let mut jit = false;
        let result = engine.compile(&source).and_then(|module| {
            jit = module.is_jit();
            module.run(&mut [])
        });
        let gives = match result {
            Ok(value) => Gives::Value(value),
            Err(Error::Trap(trap)) => Gives::Trap(trap.kind.name()),
            Err(error) => {
                let first = error.diagnostics().first();
                Gives::Error(first.map_or_else(|| panic!("no error of the text: {error}"), |d| d.code))
            }
        };
        drop(engine);
        Run { gives, time: cpu_time() - start, jit }
    })
}

/// What a machine as slow as any needs for the largest of them, compiled without optimization and with every check on.
const LONGEST: Duration = Duration::from_secs(30 * SLOWER);

/// How much longer everything may take: AArch64 is tested under an emulator, which was seen to take ten to twenty times as long.
const SLOWER: u64 = if cfg!(target_arch = "aarch64") { 20 } else { 1 };

/// How much smaller the bombs are there; how time grows says nothing of the compiler where code is translated first, so it is judged on x86-64 only.
const SMALLER: usize = if cfg!(target_arch = "aarch64") { 16 } else { 1 };

/// Runs each at half and at its full size, both ways of running, and tells what is wrong.
fn check_all(bombs: &[Bomb], stack: usize) {
    let (jit, interpreter) = (engine(Execution::Auto), engine(Execution::Interpreter));
    let only = std::env::var("CRESSET_BOMB").ok();
    let mut faults = Vec::new();
    for bomb in bombs {
        if only.as_ref().is_some_and(|only| !bomb.name.contains(only.as_str())) {
            continue;
        }
        for engine in [&interpreter, &jit] {
            let what = if engine.is_jit() { "compiled" } else { "interpreted" };
            let size = if bomb.size >= 5_000 { bomb.size / SMALLER } else { bomb.size };
            let pair = || {
                let half = run(engine, stack, (bomb.make)(size / 2));
                let full = run(engine, stack, (bomb.make)(size));
                let ratio = full.time.as_secs_f64() / half.time.as_secs_f64().max(0.01);
                (half, full, ratio)
            };
            let (half, full, mut ratio) = pair();
            if SMALLER > 1 {
                ratio = 1.0;
            }
            for _ in 0..3 {
                // The time of a run is coarse, and the first may have met cold caches.
                if ratio > 3.0 {
                    ratio = ratio.min(pair().2);
                }
            }
            eprintln!("{:60} {what:12} {:>9.1?} {ratio:.1}", bomb.name, full.time);
            for (run, size) in [(&half, size / 2), (&full, size)] {
                if run.gives != (bomb.gives)(size) {
                    faults.push(format!("{} {what}: {:?}, not {:?}", bomb.name, run.gives, (bomb.gives)(size)));
                }
            }
            if full.time > LONGEST || ratio > 3.0 {
                faults.push(format!("{} {what}: {:?}, {ratio:.1} times as long as half of it", bomb.name, full.time));
            }
            if engine.is_jit() && bomb.compiled && !full.jit {
                faults.push(format!("{}: not compiled", bomb.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn bombs_give_what_they_should_in_linear_time() {
    check_all(BOMBS, SMALL_STACK);
}

#[test]
fn what_grows_with_the_square_has_a_limit() {
    let (jit, interpreter) = (engine(Execution::Auto), engine(Execution::Interpreter));
    for bomb in SQUARE {
        for factor in [1, 2, 4, 8] {
            let size = (bomb.size / SMALLER.min(4) * factor).min(if bomb.name.starts_with("nested") {
                980
            } else {
                usize::MAX
            });
            let source = (bomb.make)(size);
            let expected = (bomb.gives)(size);
            assert_eq!(run(&interpreter, USUAL_STACK, source.clone()).gives, expected, "{} {size}", bomb.name);
            let compiled = run(&jit, USUAL_STACK, source);
            eprintln!("{:60} {size:>5} {:>9.1?} {}", bomb.name, compiled.time, compiled.jit);
            assert_eq!(compiled.gives, expected, "{} {size}", bomb.name);
            assert!(compiled.time < Duration::from_secs(10 * SLOWER), "{} {size}: {:?}", bomb.name, compiled.time);
            assert!(compiled.jit || factor > 1, "{}: not compiled", bomb.name);
        }
    }
}

#[test]
fn nesting_to_the_greatest_limit_fits_a_usual_stack_in_linear_time() {
    check_all(NESTED, USUAL_STACK);
}

#[test]
fn nesting_to_the_usual_limit_fits_a_small_stack() {
    for bomb in NESTED {
        for execution in [Execution::Auto, Execution::Interpreter] {
            let size = bomb.size / 5 - 4;
            assert_eq!(
                run(&engine(execution), SMALL_STACK, (bomb.make)(size)).gives,
                (bomb.gives)(size),
                "{}",
                bomb.name
            );
        }
    }
}
