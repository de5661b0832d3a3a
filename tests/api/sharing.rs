//! Threads, lifetimes and re-entry.

use crate::{engines, traps};
use cresset::{CancelHandle, Config, Engine, Error, Execution, Func, Limits, Module, Sandbox, Trap, TrapKind, Value};
use std::sync::{Arc, OnceLock};

#[test]
fn what_a_host_holds_can_go_to_other_threads() {
    fn both<T: Send + Sync>() {}
    both::<Engine>();
    both::<Module>();
    both::<Func<fn(&[f64], &mut [f32], i64) -> Vec<f64>>>();
    both::<Sandbox>();
    both::<CancelHandle>();
    both::<Config>();
    both::<Limits>();
    both::<Error>();
    both::<Trap>();
    both::<Value>();
}

#[test]
fn threads_share_a_function() {
    for engine in engines() {
        let text = "fn f(n: i64) -> i64 { if n < 2 { n } else { f(n - 1) + f(n - 2) } }";
        let f = engine.compile(text).unwrap().func::<fn(i64) -> i64>("f").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let (f, engine) = (&f, &engine);
                scope.spawn(move || {
                    let mut sandbox = engine.sandbox(Limits::default().depth(100)).unwrap();
                    for n in 0..12 + thread % 3 {
                        let expected = (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0;
                        assert_eq!(f.call(n).unwrap(), expected);
                        assert_eq!(f.call_in(&mut sandbox, n).unwrap(), expected);
                    }
                    sandbox.set_limits(Limits::default().depth(3));
                    traps(f.call_in(&mut sandbox, 10), TrapKind::StackOverflow);
                });
            }
        });
    }
}

#[test]
fn threads_compile_at_once() {
    for engine in engines() {
        std::thread::scope(|scope| {
            for thread in 0..8_i64 {
                let engine = &engine;
                scope.spawn(move || {
                    for i in 0..50 {
                        let value = engine.eval::<i64>(&format!("{thread} * 1000 + {i}")).unwrap();
                        assert_eq!(value, thread * 1000 + i);
                    }
                });
            }
        });
    }
}

#[test]
fn a_handle_keeps_alive_what_it_needs() {
    for engine in engines() {
        let module = engine.compile("fn f(x) = sqrt(x) + made(3)[2]; fn made(n: i64) = [0.5; n];").unwrap();
        let f = module.func::<fn(f64) -> f64>("f").unwrap();
        let again = f.clone();
        let mut sandbox = engine.sandbox(Limits::default()).unwrap();
        drop(engine);
        drop(module);
        drop(f);
        assert_eq!(again.call(4.0).unwrap(), 2.5);
        assert_eq!(again.call_in(&mut sandbox, 9.0).unwrap(), 3.5);
    }
}

#[test]
fn a_sandbox_serves_other_engines() {
    let [jit, interpreter] = engines();
    let mut sandbox = jit.sandbox(Limits::default().fuel(10)).unwrap();
    for engine in [&jit, &interpreter, &jit] {
        let f = engine.compile("for i in 0..4 { } len([1, 2])").unwrap().program::<fn() -> i64>().unwrap();
        assert_eq!(f.call_in(&mut sandbox, ()).unwrap(), 2);
        assert_eq!(sandbox.fuel_left(), Some(6));
    }
}

#[test]
fn a_host_function_may_call_back() {
    for execution in [Execution::Jit, Execution::Interpreter] {
        let slot: Arc<OnceLock<Func<fn(i64) -> i64>>> = Arc::default();
        let inner = slot.clone();
        let again = move |n: i64| -> Result<i64, String> {
            let f = inner.get().ok_or("not yet")?;
            f.call(n).map_err(|error| error.to_string())
        };
        let engine = Config::new().execution(execution).host_fn("again", again).engine().unwrap();
        let text =
            "fn f(n: i64) -> i64 { let xs = [n; 10]; if n <= 0 { div(1, n + 1) } else { again(n - 1) + xs[9] } }";
        let f = engine.compile(text).unwrap().func::<fn(i64) -> i64>("f").unwrap();
        slot.set(f.clone()).unwrap();
        assert_eq!(f.call(40).unwrap(), 821);
        // A trap inside is an error of the host function outside; the run goes on to be usable.
        let error = f.call(-1).unwrap_err();
        assert_eq!(error.trap().unwrap().kind, TrapKind::DivideByZero);
        let engine_too = engine.compile("fn g(n: i64) = again(n);").unwrap().func::<fn(i64) -> i64>("g").unwrap();
        let error = engine_too.call(-1).unwrap_err();
        let trap = error.trap().unwrap();
        assert_eq!(trap.kind, TrapKind::HostError);
        assert!(trap.host.as_ref().unwrap().message.contains("DivideByZero"), "{trap}");
        assert_eq!(f.call(3).unwrap(), 7);
    }
}

#[test]
fn a_host_function_may_compile() {
    for execution in [Execution::Jit, Execution::Interpreter] {
        let slot: Arc<OnceLock<Engine>> = Arc::default();
        let inner = slot.clone();
        let power = move |x: f64, n: i64| -> Result<f64, String> {
            let engine = inner.get().ok_or("not yet")?;
            engine.eval::<f64>(&format!("{x:?} ^ {n}")).map_err(|error| error.to_string())
        };
        let engine = Config::new().execution(execution).host_fn("power", power).engine().unwrap();
        slot.set(engine.clone()).unwrap();
        assert_eq!(engine.eval::<f64>("power(2.0, 10) + power(3, 2)").unwrap(), 1033.0);
    }
}

#[test]
fn a_host_function_may_cancel_its_own_run() {
    for execution in [Execution::Jit, Execution::Interpreter] {
        let slot: Arc<OnceLock<CancelHandle>> = Arc::default();
        let inner = slot.clone();
        let stop = move || {
            if let Some(handle) = inner.get() {
                handle.cancel();
            }
        };
        let engine = Config::new().execution(execution).host_fn("stop", stop).engine().unwrap();
        let mut sandbox = engine.sandbox(Limits::default()).unwrap();
        slot.set(sandbox.cancel_handle()).unwrap();
        let text = "var n = 0; while true { n += 1; if n == 3 { stop(); } }";
        let program = engine.compile(text).unwrap().program::<fn()>().unwrap();
        traps(program.call_in(&mut sandbox, ()), TrapKind::Interrupted);
        // Three iterations were paid for; the fourth was not begun.
        assert_eq!(sandbox.fuel_left(), Limits::default().fuel.map(|fuel| fuel - 3));
    }
}
