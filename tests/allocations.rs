//! Allocations whose size a text or data chooses fail one after the other: an error each time, and nothing is kept.
#![cfg(target_os = "linux")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cresset::{Arg, Config, DataMut, Engine, Error, Execution, Reduction, TrapKind, Value, columns};

#[path = "memory/process.rs"]
#[allow(dead_code, reason = "shared with the tests of memory")]
mod process;

use process::{End, end_of};

/// The system's allocator, which counts what this thread holds and refuses what a test wants refused.
struct Refusing;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    /// Bytes from which on an allocation is one whose size was chosen from outside; `usize::MAX` where none is refused.
    static LARGE: Cell<usize> = const { Cell::new(usize::MAX) };
    static SEEN: Cell<u64> = const { Cell::new(0) };
    static REFUSED: Cell<u64> = const { Cell::new(0) };
    /// Bytes that may be live, beyond which everything is refused.
    static MOST: Cell<isize> = const { Cell::new(isize::MAX) };
}

fn may_have(size: usize) -> bool {
    let live = LIVE.get() + size as isize;
    if live > MOST.get() {
        return false;
    }
    if size >= LARGE.get() {
        SEEN.set(SEEN.get() + 1);
        if SEEN.get() == REFUSED.get() {
            return false;
        }
    }
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
    true
}

// SAFETY: the system's allocator does the work; refusing is allowed at any time.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !may_have(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(address, layout) }
    }

    unsafe fn realloc(&self, address: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.set(LIVE.get() - layout.size() as isize);
        if !may_have(size) {
            LIVE.set(LIVE.get() + layout.size() as isize);
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise.
        unsafe { System.realloc(address, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

/// What sizes from outside are at least, in these tests.
const LARGE_SIZE: usize = 64 << 10;

#[track_caller]
fn is_for_want_of_memory(error: &Error) {
    let of_arrays = error.trap().is_some_and(|trap| trap.kind == TrapKind::OutOfMemory);
    assert!(of_arrays || matches!(error, Error::Machine(_)), "{error}");
}

/// Refuses each large allocation that `body` makes, one a time. It runs in children, as a refusal that nobody expects ends the process.
#[track_caller]
fn refuse_each(name: &str, body: impl Fn() -> Result<(), Error>) {
    body().unwrap();
    LARGE.set(LARGE_SIZE);
    SEEN.set(0);
    body().unwrap();
    let large = SEEN.get();
    LARGE.set(usize::MAX);
    assert!(large > 0, "{name}: nothing large");
    for refused in 1..=large {
        let end = end_of(|| {
            let before = LIVE.get();
            LARGE.set(LARGE_SIZE);
            SEEN.set(0);
            REFUSED.set(refused);
            let outcome = body();
            LARGE.set(usize::MAX);
            is_for_want_of_memory(&outcome.unwrap_err());
            // What caches keep is small.
            let kept = LIVE.get() - before;
            assert!(kept < LARGE_SIZE as isize, "{kept} bytes are kept");
            body().unwrap();
        });
        assert_eq!(end, End::Exit(0), "{name}: allocation {refused} of {large}");
    }
}

/// One test at a time: their children must not be made while another thread holds what the system's own libraries lock.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn engines() -> [Engine; 2] {
    [Execution::Jit, Execution::Interpreter].map(|execution| Config::new().execution(execution).engine().unwrap())
}

#[test]
fn results_that_are_arrays() {
    let _alone = alone();
    for engine in engines() {
        let module = engine.compile("fn f(n: i64) = [0.5; n]; fn g(xs: [f64]) = xs[1..];").unwrap();
        refuse_each("made", || {
            let made = module.call("f", &mut [Arg::I64(50_000)])?;
            assert!(matches!(made, Value::Array(array) if array.as_slice().len() == 50_000));
            Ok(())
        });
        let f = module.func::<fn(i64) -> Vec<f64>>("f").unwrap();
        refuse_each("typed", || f.call(50_000).map(|made| assert_eq!(made.len(), 50_000)));
        let xs = vec![1.0; 50_000];
        refuse_each("a part", || module.call("g", &mut [Arg::from(&xs)]).map(drop));
    }
}

#[test]
fn data_that_is_copied() {
    let _alone = alone();
    let [_, interpreter] = engines();
    let mut data = DataMut::<f64>::shared(50_000).unwrap();
    refuse_each("to_vec", || data.to_vec().map(drop).map_err(Error::from));
    let module = interpreter.compile("fn f(mut xs: [f64]) { xs[7] = 2.0; }").unwrap();
    let shared = std::cell::RefCell::new(&mut data);
    refuse_each("by the interpreter", || module.call("f", &mut [Arg::from(&mut **shared.borrow_mut())]).map(drop));
}

#[test]
fn columns_and_their_results() {
    let _alone = alone();
    let xs: Vec<f64> = (0..50_000).map(f64::from).collect();
    let ns: Vec<i64> = (0..50_000).collect();
    for engine in engines() {
        let rows = columns! { "x" => &xs, "n" => &ns };
        let double = engine.kernel("2 * x").unwrap();
        refuse_each("map", || double.map::<f64>(&rows).map(drop));
        refuse_each("map_all", || double.map_all(&rows).map(drop));
        // Reductions and selections take a little memory for each block of rows.
        let reduce = |kernel: &cresset::Kernel, reduction| {
            let value = kernel.reduce(reduction, &rows);
            assert!(value.is_ok(), "{value:?}");
        };
        reduce(&double, Reduction::Sum);
        reduce(&engine.kernel("n - n + 1").unwrap(), Reduction::Product);
    }
}

/// Large texts that need much for their size.
fn large_texts() -> Vec<(&'static str, String)> {
    let repeated = |part: &str| part.repeat((128 << 10) / part.len());
    let mut functions = String::new();
    for i in 0..1_500 {
        let _ = writeln!(functions, "fn f{i}(x, n: i64) {{ var s = x; for i in 0..n {{ s += sin(s) * i; }} s }}");
    }
    vec![
        ("a sum", format!("1{}", repeated("+1"))),
        ("calls", format!("fn f(x) = x;{}", repeated("f(1.5);"))),
        ("comparisons", format!("1{}", repeated("<2"))),
        ("names", repeated("a;")),
        ("functions", functions),
        ("parentheses", repeated("(")),
    ]
}

#[test]
fn a_large_text_is_refused_where_there_is_no_room_to_compile_it() {
    let _alone = alone();
    for engine in engines() {
        for (name, text) in large_texts() {
            let mut refused = 0;
            for room in [1_usize, 100, 300, 400] {
                let end = end_of(|| {
                    MOST.set(LIVE.get() + (room * text.len()) as isize);
                    let outcome = engine.compile_bytes(text.as_bytes(), &[]);
                    MOST.set(isize::MAX);
                    let code = match outcome {
                        Ok(_) => 0,
                        Err(Error::Source(_)) => 1,
                        Err(error) => {
                            is_for_want_of_memory(&error);
                            2
                        }
                    };
                    // SAFETY: ends the child.
                    unsafe { libc::_exit(code) };
                });
                assert!(matches!(end, End::Exit(0..=2)), "{name} with {room} bytes for each of its own: {end:?}");
                refused += u32::from(end == End::Exit(2));
                assert!(room < 400 || end != End::Exit(2), "{name}: refused though there is room");
            }
            assert!(refused >= 2, "{name}: {refused}");
        }
    }
}
