//! What a call may use, and what is left when it may use no more.

use crate::{engines, trap, traps};
use cresset::{Config, Error, Execution, Limits, TrapKind};
use std::time::{Duration, Instant};

const LOOP: &str = "fn spin(n: i64) -> i64 { var s = 0; for i in 0..n { s += i; } s }";

#[test]
fn fuel_is_exact() {
    for engine in engines() {
        let spin = engine.compile(LOOP).unwrap().func::<fn(i64) -> i64>("spin").unwrap();
        let mut sandbox = engine.sandbox(Limits::default().fuel(100)).unwrap();
        for n in [0, 1, 63, 64, 65, 99, 100] {
            assert_eq!(spin.call_in(&mut sandbox, n).unwrap(), n * (n - 1) / 2);
            assert_eq!(sandbox.fuel_left(), Some(100 - n as u64));
        }
        let trap = trap(spin.call_in(&mut sandbox, 101));
        assert_eq!((trap.kind, trap.fuel_left), (TrapKind::OutOfFuel, Some(0)));
        assert_eq!(&LOOP[trap.span.start as usize..trap.span.end as usize], "for i in 0..n");
        // The next call has all of it again.
        assert_eq!(spin.call_in(&mut sandbox, 100).unwrap(), 4950);
        let mut free = engine.sandbox(Limits::default().no_fuel_limit()).unwrap();
        assert_eq!(spin.call_in(&mut free, 100_000).unwrap(), 4_999_950_000);
        assert_eq!(free.fuel_left(), None);
    }
}

#[test]
fn calls_and_array_built_ins_cost_fuel() {
    for engine in engines() {
        let text = "fn f() = 1; fn calls() = f() + f(); fn piece(xs: [f64]) = sum(xs); fn new(n: i64) = len([0; n]);";
        let module = engine.compile(text).unwrap();
        let mut sandbox = engine.sandbox(Limits::default().fuel(10)).unwrap();
        module.func::<fn() -> i64>("calls").unwrap().call_in(&mut sandbox, ()).unwrap();
        assert_eq!(sandbox.fuel_left(), Some(8));
        let piece = module.func::<fn(&[f64]) -> f64>("piece").unwrap();
        for (len, cost) in [(0, 0), (1, 1), (64, 1), (65, 2), (640, 10)] {
            piece.call_in(&mut sandbox, &vec![1.0; len]).unwrap();
            assert_eq!(sandbox.fuel_left(), Some(10 - cost), "{len}");
        }
        traps(piece.call_in(&mut sandbox, &[1.0; 641]), TrapKind::OutOfFuel);
        module.func::<fn(i64) -> i64>("new").unwrap().call_in(&mut sandbox, 129).unwrap();
        assert_eq!(sandbox.fuel_left(), Some(7));
    }
}

#[test]
fn memory_is_counted_in_steps_of_64_bytes() {
    for engine in engines() {
        let module = engine.compile("fn two(n: i64, m: i64) { let a = [0; n]; let b = [true; m]; }").unwrap();
        let two = module.func::<fn(i64, i64)>("two").unwrap();
        let mut sandbox = engine.sandbox(Limits::default().memory(1024)).unwrap();
        for (n, m, fits) in
            [(128, 0, true), (129, 0, false), (120, 64, true), (120, 65, false), (121, 1, false), (0, 1024, true)]
        {
            let outcome = two.call_in(&mut sandbox, (n, m));
            assert_eq!(
                outcome.as_ref().err().and_then(|e| e.trap()).map(|t| t.kind),
                (!fits).then_some(TrapKind::OutOfMemory),
                "{n} {m}"
            );
        }
        traps(two.call_in(&mut sandbox, (i64::MAX, 0)), TrapKind::OutOfMemory);
        sandbox.set_limits(Limits::default().memory(1 << 20));
        two.call_in(&mut sandbox, (10_000, 0)).unwrap();
        // The host's own arrays count nothing.
        let read = engine.compile("fn f(xs: [f64]) = sum(xs);").unwrap().func::<fn(&[f64]) -> f64>("f").unwrap();
        let mut none = engine.sandbox(Limits::default().memory(0)).unwrap();
        assert_eq!(read.call_in(&mut none, &vec![1.0; 1000]).unwrap(), 1000.0);
    }
}

#[test]
fn depth_is_exact() {
    for engine in engines() {
        let text = "fn f(n: i64) -> i64 { if n == 0 { 0 } else { f(n - 1) + 1 } }";
        let f = engine.compile(text).unwrap().func::<fn(i64) -> i64>("f").unwrap();
        let mut sandbox = engine.sandbox(Limits::default().depth(50)).unwrap();
        assert_eq!(f.call_in(&mut sandbox, 50).unwrap(), 50);
        let trap = trap(f.call_in(&mut sandbox, 51));
        assert_eq!(trap.kind, TrapKind::StackOverflow);
        assert_eq!((trap.stack.len(), trap.frames_left_out), (32, 18));
        assert!(trap.stack.iter().all(|frame| &*frame.function == "f" && frame.call == trap.span));
        // Deep, where a host's own stack would not do.
        let mut deep = engine.sandbox(Limits::default().depth(1_000_000)).unwrap();
        assert_eq!(f.call_in(&mut deep, 900_000).unwrap(), 900_000);
        let mut flat = engine.sandbox(Limits::default().depth(0)).unwrap();
        assert_eq!(f.call_in(&mut flat, 0).unwrap(), 0);
        traps(f.call_in(&mut flat, 1), TrapKind::StackOverflow);
    }
}

#[test]
fn deadlines_end_runs() {
    for engine in engines() {
        let forever = engine.compile("while true { }").unwrap().program::<fn()>().unwrap();
        let limits = Limits::default().no_fuel_limit().deadline(Duration::from_millis(30));
        let mut sandbox = engine.sandbox(limits).unwrap();
        for _ in 0..2 {
            let start = Instant::now();
            traps(forever.call_in(&mut sandbox, ()), TrapKind::Interrupted);
            assert!(
                (Duration::from_millis(30)..Duration::from_secs(60)).contains(&start.elapsed()),
                "{:?}",
                start.elapsed()
            );
        }
        let quick =
            engine.compile("var n = 0; for i in 0..100 { n += i; } n").unwrap().program::<fn() -> i64>().unwrap();
        let mut long = engine.sandbox(Limits::default().deadline(Duration::from_secs(3600))).unwrap();
        assert_eq!(quick.call_in(&mut long, ()).unwrap(), 4950);
        let mut longest = engine.sandbox(Limits::default().deadline(Duration::MAX)).unwrap();
        assert_eq!(quick.call_in(&mut longest, ()).unwrap(), 4950);
        let mut gone = engine.sandbox(Limits::default().deadline(Duration::ZERO)).unwrap();
        traps(quick.call_in(&mut gone, ()), TrapKind::Interrupted);
    }
}

#[test]
fn another_thread_can_cancel() {
    for execution in [Execution::Jit, Execution::Interpreter] {
        let (started, wait) = std::sync::mpsc::sync_channel(1);
        let config = Config::new().execution(execution).host_fn("started", move || {
            let _ = started.try_send(());
        });
        let engine = config.engine().unwrap();
        let forever = engine.compile("started(); while true { }").unwrap().program::<fn()>().unwrap();
        let mut sandbox = engine.sandbox(Limits::default().no_fuel_limit()).unwrap();
        let handle = sandbox.cancel_handle();
        std::thread::scope(|scope| {
            let handle = handle.clone();
            scope.spawn(move || {
                wait.recv().unwrap();
                handle.cancel();
            });
            let trap = trap(forever.call_in(&mut sandbox, ()));
            assert_eq!((trap.kind, trap.span.start), (TrapKind::Interrupted, 11));
        });
        // It stays cancelled until it is reset, and then runs again.
        assert!(handle.is_cancelled());
        traps(forever.call_in(&mut sandbox, ()), TrapKind::Interrupted);
        handle.reset();
        let one = engine.compile("for i in 0..3 { } 1").unwrap().program::<fn() -> i64>().unwrap();
        assert_eq!(one.call_in(&mut sandbox, ()).unwrap(), 1);
    }
}

#[test]
fn the_engines_limits_hold_without_a_sandbox() {
    for execution in [Execution::Jit, Execution::Interpreter] {
        let limits = Limits { fuel: Some(10), deadline: None, memory: 128, depth: 3, ..Limits::default() };
        let engine = Config::new().execution(execution).limits(limits).engine().unwrap();
        traps(engine.eval::<()>("while true { }"), TrapKind::OutOfFuel);
        traps(engine.eval::<i64>("len([0; 17])"), TrapKind::OutOfMemory);
        traps(engine.eval::<i64>("fn f(n: i64) -> i64 { f(n) } f(1)"), TrapKind::StackOverflow);
        assert_eq!(engine.eval::<i64>("len([0; 16])").unwrap(), 16);
    }
}

#[test]
fn every_trap_leaves_all_as_it_was() {
    for engine in engines() {
        let text = "fn f(n: i64) -> i64 { if n == 0 { div(1, n) } else if n == 1 { MAX_I64 + n } else if n == 2 { i64(NAN) }
            else if n == 3 { [1][n] } else if n == 4 { len([0; 1 - n]) } else if n == 5 { f(n) } else if n == 6 { len([0; MAX_I64]) }
            else { n } }";
        let f = engine.compile(text).unwrap().func::<fn(i64) -> i64>("f").unwrap();
        let mut sandbox = engine.sandbox(Limits::default()).unwrap();
        let kinds = [
            TrapKind::DivideByZero,
            TrapKind::IntegerOverflow,
            TrapKind::BadCast,
            TrapKind::OutOfBounds,
            TrapKind::BadArgument,
            TrapKind::StackOverflow,
            TrapKind::OutOfMemory,
        ];
        for _ in 0..3 {
            for (n, kind) in kinds.iter().enumerate() {
                traps(f.call_in(&mut sandbox, n as i64), *kind);
                traps(f.call(n as i64), *kind);
                assert_eq!(f.call_in(&mut sandbox, 7).unwrap(), 7);
            }
        }
    }
}

#[test]
fn unmetered_code_counts_nothing() {
    for execution in [Execution::Jit, Execution::Interpreter] {
        let engine = Config::new().execution(execution).metering(false).engine().unwrap();
        assert_eq!(engine.eval::<i64>("var n = 0; for i in 0..1000 { n += i; } n").unwrap(), 499_500);
    }
}

#[test]
fn a_depth_that_no_stack_is_allowed_for_is_refused_before_the_start() {
    let engine = Config::new().execution(Execution::Jit).engine().unwrap();
    let module = engine.compile("fn f(n: i64) -> i64 { if n == 0 { 0 } else { 1 + f(n - 1) } }").unwrap();
    let f = module.func::<fn(i64) -> i64>("f").unwrap();
    let mut sandbox = engine.sandbox(Limits::default().depth(u32::MAX)).unwrap();
    let error = f.call_in(&mut sandbox, 3).unwrap_err();
    assert!(matches!(&error, Error::Machine(text) if text.contains("bytes of stack")), "{error}");
    // The same function within the limit, and one that does not recurse at any depth.
    let mut sandbox = engine.sandbox(Limits::default().depth(100_000)).unwrap();
    assert_eq!(f.call_in(&mut sandbox, 99_999).unwrap(), 99_999);
    let flat = engine.compile("fn g(n: i64) = n + 1; fn h(n: i64) = g(n) + 1;").unwrap();
    let mut sandbox = engine.sandbox(Limits::default().depth(u32::MAX)).unwrap();
    assert_eq!(flat.func::<fn(i64) -> i64>("h").unwrap().call_in(&mut sandbox, 1).unwrap(), 3);
}
