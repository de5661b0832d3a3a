//! Programs compiled, run, trapped, cancelled and dropped at once; forks amid that; what runs stays alive.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use cresset::memory::failpoint;
use cresset::walls::{Wall, put_up, take_down};
use cresset::{Arg, Config, Data, Engine, Execution, Limits, Module, TrapKind, Value, columns};

use crate::process::{End, end_of, footprint, in_child};
use crate::{TempFile, apart};

fn engine() -> Engine {
    Config::new().execution(Execution::Jit).catch_faults(true).engine().unwrap()
}

/// How long the long tests run; `scripts/stress.sh` makes it minutes.
fn duration() -> Duration {
    let seconds = std::env::var("CRESSET_STRESS_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(2.0))
}

/// A random number; the state is the caller's.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

const SHARED: &str = "fn f(n: i64) -> i64 { if n < 2 { n } else { f(n - 1) + f(n - 2) } }
    fn at(xs: [f64], i: i64) = xs[i];
    fn forever() -> i64 { var n = 0; while true { n = wrapping_add(n, 1); } n }
    fn arrays(n: i64) -> i64 { var s = 0; for i in 0..n { s += len([i; 50]); } s }";

#[track_caller]
fn kind(outcome: Result<Value, cresset::Error>) -> TrapKind {
    outcome.unwrap_err().trap().unwrap().kind
}

/// One thread's part, until time is up.
fn churn(engine: &Engine, shared: &Module, file: &TempFile, worker: u64, until: Instant) -> u64 {
    let mut state = worker;
    let mut live = Vec::new();
    let mut rounds = 0;
    while Instant::now() < until {
        rounds += 1;
        match next(&mut state) % 9 {
            0 => {
                let n = next(&mut state) % 1000;
                let module = engine.compile(&format!("fn g(x) = {n} + x * {n};")).unwrap();
                assert_eq!(module.call("g", &mut [Arg::F64(0.0)]).unwrap(), Value::F64(n as f64));
                live.push((module, n));
            }
            1 if !live.is_empty() => {
                let (module, n) = live.swap_remove(next(&mut state) as usize % live.len());
                assert_eq!(module.call("g", &mut [Arg::F64(1.0)]).unwrap(), Value::F64(2.0 * n as f64));
            }
            2 => assert_eq!(shared.call("f", &mut [Arg::I64(10)]).unwrap(), Value::I64(55)),
            3 => {
                let index = 5 + (next(&mut state) % 3) as i64;
                let outcome = shared.call("at", &mut [Arg::from(&[1.0; 5][..]), Arg::I64(index)]);
                assert_eq!(outcome.unwrap_err().trap().unwrap().bounds, Some((index, 5)));
            }
            4 => {
                let mut sandbox = engine.sandbox(Limits::default().no_fuel_limit()).unwrap();
                let handle = sandbox.cancel_handle();
                thread::scope(|scope| {
                    scope.spawn(move || handle.cancel());
                    assert_eq!(kind(shared.call_in(&mut sandbox, "forever", &mut [])), TrapKind::Interrupted);
                });
            }
            5 => assert_eq!(shared.call("arrays", &mut [Arg::I64(20)]).unwrap(), Value::I64(1000)),
            6 => {
                let mut sandbox = engine.sandbox(Limits::default().fuel(500)).unwrap();
                assert_eq!(kind(shared.call_in(&mut sandbox, "forever", &mut [])), TrapKind::OutOfFuel);
            }
            7 => {
                let n = next(&mut state) % 1000;
                let kernel = engine.kernel(&format!("x * {n}")).unwrap();
                assert_eq!(kernel.map::<f64>(&columns! { "x" => &[1.0, 2.0] }).unwrap(), [n as f64, 2.0 * n as f64]);
                assert_eq!(kernel.map::<i64>(&columns! { "x" => &[1_i64] }).unwrap(), [n as i64]);
            }
            _ => {
                // Longer than the file is by then.
                file.len(80_000);
                let data = Data::<f64>::open(&file.path).unwrap();
                file.len(8);
                assert_eq!(kind(shared.call("at", &mut [Arg::from(&data), Arg::I64(9000)])), TrapKind::BusError);
            }
        }
    }
    rounds
}

#[test]
fn everything_at_once_leaks_nothing() {
    if cfg!(not(target_arch = "x86_64")) {
        eprintln!("not tested: an emulator does not survive threads in a child of a process with threads");
        return;
    }
    in_child(|| {
        let round = |time: Duration| {
            let engine = engine();
            let shared = engine.compile(SHARED).unwrap();
            let until = Instant::now() + time;
            let rounds: u64 = thread::scope(|scope| {
                let workers: Vec<_> = (0..8_u64)
                    .map(|worker| {
                        let (engine, shared) = (&engine, &shared);
                        scope.spawn(move || {
                            let file = TempFile::floats(&format!("churn-{worker}"), &[1.0]);
                            churn(engine, shared, &file, worker, until)
                        })
                    })
                    .collect();
                workers.into_iter().map(|worker| worker.join().unwrap()).sum()
            });
            assert!(rounds >= 8, "{rounds}");
        };
        // The first time threads and their heaps come to be.
        round(duration() / 4);
        round(duration() / 4);
        let before = Kept::now();
        round(duration() / 2);
        let after = Kept::now();
        let text = format!("kept by {:?} of work: {}\n", duration() / 2, after.beyond(&before));
        // SAFETY: writes the text; what a child prints in the usual way is lost.
        unsafe { libc::write(1, text.as_ptr().cast(), text.len()) };
        assert!(after.mappings <= before.mappings + 24, "{before:?} became {after:?}");
        assert!(after.heap <= before.heap + (64 << 10), "{before:?} became {after:?}");
        assert_eq!((after.reservations, after.reserved_bytes), (before.reservations, before.reserved_bytes));
        assert_eq!((after.descriptors, after.threads, after.handlers), (before.descriptors, 1, before.handlers));
    });
}

/// What a process holds.
#[derive(Debug)]
struct Kept {
    /// Address space that the library reserved, exactly.
    reservations: usize,
    reserved_bytes: usize,
    /// Lines of the process's map, the allocator's own among them.
    mappings: usize,
    /// Bytes that the allocator gave out.
    heap: usize,
    descriptors: usize,
    threads: usize,
    handlers: [(usize, i32); 4],
}

impl Kept {
    fn now() -> Kept {
        let (reservations, reserved_bytes) = failpoint::live();
        let entries = |folder| std::fs::read_dir(folder).unwrap().count();
        #[cfg(target_env = "gnu")]
        // SAFETY: asks the allocator.
        let heap = unsafe { libc::mallinfo2().uordblks };
        #[cfg(not(target_env = "gnu"))]
        let heap = 0;
        // SAFETY: reads the actions.
        let handlers = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE].map(|signal| unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            assert_eq!(libc::sigaction(signal, std::ptr::null(), &mut now), 0);
            (now.sa_sigaction, now.sa_flags)
        });
        Kept {
            reservations,
            reserved_bytes,
            mappings: footprint().0,
            heap,
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            handlers,
        }
    }

    fn beyond(&self, before: &Kept) -> String {
        let more = |now: usize, then: usize| now as i64 - then as i64;
        let handlers = self.handlers.iter().zip(&before.handlers).filter(|(now, then)| now != then).count();
        format!(
            "{} reservations of {} bytes, {} lines of the map, {} bytes of heap, {} descriptors, {} threads, {handlers} handlers changed",
            more(self.reservations, before.reservations),
            more(self.reserved_bytes, before.reserved_bytes),
            more(self.mappings, before.mappings),
            more(self.heap, before.heap),
            more(self.descriptors, before.descriptors),
            more(self.threads, before.threads),
        )
    }
}

#[test]
fn a_child_runs_and_compiles_whatever_the_parents_threads_were_doing() {
    if cfg!(not(target_arch = "x86_64")) {
        eprintln!("not tested: an emulator does not survive a fork amid its threads");
        return;
    }
    let engine = engine();
    let existing = engine.compile(SHARED).unwrap();
    let kernel = engine.kernel("x * 2").unwrap();
    let done = AtomicBool::new(false);
    let forks = if cfg!(target_arch = "x86_64") { 60 } else { 10 };
    thread::scope(|scope| {
        for worker in 0..4_u64 {
            let (engine, existing, kernel, done) = (&engine, &existing, &kernel, &done);
            scope.spawn(move || {
                let mut n = worker;
                while !done.load(Ordering::Relaxed) {
                    n += 4;
                    // Publishing, freeing, and stacks that are taken and given back.
                    drop(engine.compile(&format!("fn g(x) = x + {n};")).unwrap());
                    assert_eq!(existing.call("f", &mut [Arg::I64(5)]).unwrap(), Value::I64(5));
                    let xs = [1.0, n as f64];
                    assert_eq!(kernel.map::<f64>(&cresset::columns! { "x" => &xs }).unwrap()[0], 2.0);
                }
            });
        }
        for fork in 0..forks {
            let end = end_of(|| {
                // SAFETY: ends a child that hangs.
                unsafe { libc::alarm(20) };
                assert_eq!(existing.call("f", &mut [Arg::I64(12)]).unwrap(), Value::I64(144));
                let new = engine.compile(&format!("fn h(x) = x * {fork};")).unwrap();
                assert!(new.is_jit());
                assert_eq!(new.call("h", &mut [Arg::F64(2.0)]).unwrap(), Value::F64(2.0 * f64::from(fork)));
                let xs = [3.0];
                assert_eq!(kernel.map::<f64>(&cresset::columns! { "x" => &xs }).unwrap(), [6.0]);
                let trap = existing.call("at", &mut [Arg::from(&xs[..]), Arg::I64(1)]);
                assert_eq!(kind(trap), TrapKind::OutOfBounds);
                drop(new);
                // The child's threads work as the parent's.
                let result = thread::scope(|scope| {
                    scope.spawn(|| engine.compile("fn k() = 7;").and_then(|module| module.call("k", &mut []))).join()
                });
                assert_eq!(result.unwrap().unwrap(), Value::I64(7));
            });
            assert_eq!(end, End::Exit(0), "fork {fork}");
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// Forks while another thread stands in the middle of publishing, under the lock of its engine; the child compiles with that engine.
fn fork_amid_publishing() -> End {
    let engine = engine();
    let (inside, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    thread::scope(|scope| {
        let (entered, left) = (inside.clone(), over.clone());
        let engine = &engine;
        scope.spawn(move || {
            // The first call of the system in publishing is made under the lock. It takes long here: until the fork is over, or for a while.
            failpoint::observe(Some(Box::new(move |_| {
                if !entered.swap(true, Ordering::AcqRel) {
                    let until = Instant::now() + Duration::from_millis(300);
                    while Instant::now() < until && !left.load(Ordering::Acquire) {
                        thread::yield_now();
                    }
                }
            })));
            drop(engine.compile("fn g(x) = x;").unwrap());
            failpoint::observe(None);
        });
        while !inside.load(Ordering::Acquire) {
            thread::yield_now();
        }
        let end = end_of(|| {
            failpoint::observe(None);
            // SAFETY: ends a child that hangs.
            unsafe { libc::alarm(2) };
            let module = engine.compile("fn h(x) = x * 2;").unwrap();
            assert_eq!(module.call("h", &mut [Arg::F64(2.0)]).unwrap(), Value::F64(4.0));
        });
        over.store(true, Ordering::Release);
        end
    })
}

#[test]
fn without_the_gate_a_fork_amid_publishing_hangs_and_with_it_it_does_not() {
    if !apart("threads::without_the_gate_a_fork_amid_publishing_hangs_and_with_it_it_does_not") {
        return;
    }
    assert_eq!(fork_amid_publishing(), End::Exit(0));
    take_down(Wall::ForkGate);
    assert_eq!(fork_amid_publishing(), End::Signal(libc::SIGALRM));
    put_up();
    assert_eq!(fork_amid_publishing(), End::Exit(0));
}

#[test]
fn what_runs_stays_alive_though_all_handles_are_dropped() {
    static TURNS: AtomicU64 = AtomicU64::new(0);
    let engine =
        Config::new().execution(Execution::Jit).host_fn("turn", || _ = TURNS.fetch_add(1, Ordering::Relaxed)).engine();
    let engine = engine.unwrap();
    let module = engine.compile("fn f() -> i64 { var n = 0; while true { turn(); n += 1; } n }").unwrap();
    let mut sandbox = engine.sandbox(Limits::default().no_fuel_limit()).unwrap();
    let handle = sandbox.cancel_handle();
    let forever = module.func::<fn() -> i64>("f").unwrap();
    let runner = thread::spawn(move || forever.call_in(&mut sandbox, ()).unwrap_err().trap().unwrap().kind);
    while TURNS.load(Ordering::Relaxed) < 1000 {
        thread::yield_now();
    }
    drop((module, engine));
    // Other code takes what would be free.
    let other = self::engine();
    let all: Vec<Module> = (0..200).map(|i| other.compile(&format!("fn g() = {i};")).unwrap()).collect();
    let seen = TURNS.load(Ordering::Relaxed);
    while TURNS.load(Ordering::Relaxed) < seen + 1000 {
        thread::yield_now();
    }
    handle.cancel();
    assert_eq!(runner.join().unwrap(), TrapKind::Interrupted);
    assert_eq!(all[7].call("g", &mut []).unwrap(), Value::I64(7));
}

#[test]
fn host_functions_enter_the_program_again() {
    thread_local! {
        static DEPTH: Cell<i64> = const { Cell::new(0) };
    }
    static AGAIN: OnceLock<Module> = OnceLock::new();
    let enter = |n: i64| -> i64 {
        DEPTH.set(DEPTH.get() + 1);
        // A trap inside is the inner call's alone.
        let module = AGAIN.get().unwrap();
        let trapped = module.call("at", &mut [Arg::from(&[1.0][..]), Arg::I64(n)]);
        let inside = module.call("f", &mut [Arg::I64(n - 1)]).unwrap();
        DEPTH.set(DEPTH.get() - 1);
        match (trapped, inside) {
            (Err(_), Value::I64(m)) => m + 1,
            _ => -1,
        }
    };
    let engine = Config::new().execution(Execution::Jit).catch_faults(true).host_fn("enter", enter).engine().unwrap();
    let text = "fn f(n: i64) -> i64 { let xs = [n; 10]; if n < 1 { 0 } else { enter(n) + xs[9] - n } }
        fn at(xs: [f64], i: i64) = xs[i];";
    let module = AGAIN.get_or_init(|| engine.compile(text).unwrap());
    assert_eq!(module.call("f", &mut [Arg::I64(40)]).unwrap(), Value::I64(40));
    assert_eq!(DEPTH.get(), 0);
}

#[test]
fn a_program_crosses_threads_at_once() {
    let rounds = if cfg!(target_arch = "x86_64") { 3000 } else { 300 };
    let (sender, receiver) = std::sync::mpsc::sync_channel::<(Arc<Module>, i64)>(4);
    let runner = thread::spawn(move || {
        for (module, n) in receiver {
            assert_eq!(module.call("g", &mut []).unwrap(), Value::I64(n));
        }
    });
    let engine = engine();
    for n in 0..rounds {
        let module = engine.compile(&format!("fn g() = {n};")).unwrap();
        sender.send((Arc::new(module), n)).unwrap();
    }
    drop(sender);
    runner.join().unwrap();
}
