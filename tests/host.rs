//! Host functions: what they take and give, and what becomes of their failures.

use cresset::host::{HostFn, HostParams};
use cresset::{Config, Engine, Error, Execution, HostError, Trap, TrapKind, Type, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Engines of both kinds with these host functions.
fn engines(configure: impl Fn(Config) -> Config) -> [Engine; 2] {
    [Execution::Jit, Execution::Interpreter]
        .map(|execution| configure(Config::new().execution(execution)).engine().expect("an engine"))
}

#[track_caller]
fn trap<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Trap {
    match outcome {
        Err(Error::Trap(trap)) => *trap,
        other => panic!("no trap: {other:?}"),
    }
}

#[test]
fn up_to_eight_parameters_of_any_scalar() {
    let configure = |config: Config| {
        config
            .host_fn("h0", || 42_i64)
            .host_fn("h1", |a: f64| a + 1.0)
            .host_fn("h2", |a: i64, b: bool| if b { a } else { -a })
            .host_fn("h3", |a: f64, b: i64, c: bool| a * b as f64 + f64::from(c))
            .host_fn("h4", |a: i64, b: i64, c: i64, d: i64| a + 10 * b + 100 * c + 1000 * d)
            .host_fn("h5", |a: f64, b: f64, c: f64, d: f64, e: f64| a - b * 2.0 - c * 3.0 - d * 4.0 - e * 5.0)
            .host_fn("h6", |a: bool, b: bool, c: bool, d: bool, e: bool, f: bool| a && !b && c && !d && e && !f)
            .host_fn("h7", |a: i64, b: f64, c: i64, d: f64, e: i64, f: f64, g: bool| {
                a as f64 + 10.0 * b + 100.0 * c as f64 + 1e3 * d + 1e4 * e as f64 + 1e5 * f + f64::from(g)
            })
            .host_fn("h8", |a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64| {
                [a, b, c, d, e, f, g, h].iter().rev().fold(0, |sum, digit| sum * 10 + digit)
            })
    };
    for engine in engines(configure) {
        for (text, value) in [
            ("h0()", Value::I64(42)),
            ("h1(1.5)", Value::F64(2.5)),
            ("h1(2)", Value::F64(3.0)),
            ("h2(7, false)", Value::I64(-7)),
            ("h3(0.5, 3, true)", Value::F64(2.5)),
            ("h4(1, 2, 3, 4)", Value::I64(4321)),
            ("h5(100, 1, 2, 3, 4)", Value::F64(60.0)),
            ("h6(true, false, true, false, true, false)", Value::Bool(true)),
            ("h7(1, 2, 3, 4, 5, 6, true)", Value::F64(654_322.0)),
            ("h8(1, 2, 3, 4, 5, 6, 7, 8)", Value::I64(87_654_321)),
            ("h1(h1(h1(0)))", Value::F64(3.0)),
            ("let k = 2.5; let n = h0(); h1(k) * n + k", Value::F64(149.5)),
        ] {
            assert_eq!(engine.compile(text).unwrap().run(&mut []).unwrap(), value, "{text}");
        }
    }
}

#[test]
fn values_live_across_a_call() {
    let configure = |config: Config| config.host_fn("next", |x: f64| x + 1.0).host_fn("count", |n: i64| n + 1);
    for engine in engines(configure) {
        // More values than there are registers, needed before and after.
        let names: Vec<String> = (0..40).map(|i| format!("x{i}")).collect();
        let lets: String =
            names.iter().enumerate().map(|(i, name)| format!("let {name} = sqrt({i}.0) + z; ")).collect();
        let text = format!("fn f(z) {{ {lets} let n = count(3); next({sum}) + ({sum}) * n }}", sum = names.join(" + "));
        let f = engine.compile(&text).unwrap().func::<fn(f64) -> f64>("f").unwrap();
        let sum = (0..40).fold(None, |sum: Option<f64>, i| {
            let x = f64::from(i).sqrt() + 0.25;
            Some(sum.map_or(x, |sum| sum + x))
        });
        let sum = sum.unwrap();
        assert_eq!(f.call(0.25).unwrap(), (sum + 1.0) + sum * 4.0);
    }
}

#[test]
fn any_scalars_can_be_taken() {
    let seen: Arc<std::sync::Mutex<Vec<Value>>> = Arc::default();
    let sink = seen.clone();
    let tell = HostFn::new("tell", HostParams::Scalars, Type::I64, move |args| {
        sink.lock().unwrap().extend_from_slice(args);
        Ok(Value::I64(args.len() as i64))
    });
    let configure = |mut config: Config| {
        config.add_host_fn(tell.clone());
        config
    };
    for engine in engines(configure) {
        assert_eq!(engine.eval::<i64>("tell() + tell(1, 2.5, true, -0.0)").unwrap(), 4);
        let expected = [Value::I64(1), Value::F64(2.5), Value::Bool(true), Value::F64(-0.0)];
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), expected);
        let many: Vec<String> = (0..100).map(|i| i.to_string()).collect();
        assert_eq!(engine.eval::<i64>(&format!("tell({})", many.join(", "))).unwrap(), 100);
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap())[99], Value::I64(99));
        assert_eq!(engine.compile("tell([1])").unwrap_err().diagnostics()[0].code, "E0123");
    }
}

#[test]
fn failures_are_traps_at_the_call() {
    let configure = |config: Config| {
        config
            .host_fn("fail", |n: i64| -> Result<f64, String> {
                if n > 1 { Err(format!("no {n}")) } else { Ok(0.5) }
            })
            .host_fn("nothing", |ok: bool| -> Result<(), &str> {
                if ok { Ok(()) } else { Err("said no") }
            })
            .host_fn("digit", |n: i64| if (0..10).contains(&n) { Ok(n) } else { Err(HostError::BadArgument) })
    };
    for engine in engines(configure) {
        let text = "fn f(n: i64) { nothing(true); fail(n) + 1 } 1 + f(k)";
        let module = engine.compile_with(text, &[("k", Type::I64)]).unwrap();
        assert_eq!(module.run(&mut [1.into()]).unwrap(), Value::F64(2.5));
        let failed = trap(module.run(&mut [2.into()]));
        assert_eq!(failed.kind, TrapKind::HostError);
        assert_eq!(&text[failed.span.start as usize..failed.span.end as usize], "fail(n)");
        let host = failed.host.as_ref().unwrap();
        assert_eq!((host.message.as_str(), host.panic.is_none()), ("no 2", true));
        assert_eq!((&*failed.stack[0].function, failed.stack.len()), ("f", 1));
        assert_eq!(failed.to_string(), "HostError at bytes 30..37: no 2");
        assert_eq!(trap(engine.eval::<()>("nothing(1 > 2)")).host.unwrap().message, "said no");
        let bad = trap(engine.eval::<i64>("digit(3) + digit(30)"));
        assert_eq!((bad.kind, bad.span.start, bad.host.is_none()), (TrapKind::BadArgument, 11, true));
        assert_eq!(module.run(&mut [1.into()]).unwrap(), Value::F64(2.5));
    }
}

#[test]
fn a_panic_is_a_trap_that_keeps_the_payload() {
    let configure = |config: Config| {
        config
            .host_fn("panics", |n: i64| -> i64 {
                match n {
                    0 => panic!("plain text"),
                    1 => panic!("text with {n}"),
                    2 => std::panic::panic_any(n * 21),
                    n => n,
                }
            })
            .host_fn("divides", |n: i64| 10 / n)
    };
    for engine in engines(configure) {
        let panics = engine.compile("fn f(n: i64) = panics(n) + 1;").unwrap().func::<fn(i64) -> i64>("f").unwrap();
        for (n, message) in [(0, "plain text"), (1, "text with 1"), (2, "a panic without a message")] {
            let trap = trap(panics.call(n));
            assert_eq!(trap.kind, TrapKind::HostError);
            let host = trap.host.unwrap();
            assert_eq!(host.message, message);
            let payload = host.panic.unwrap();
            let payload = payload.lock().unwrap();
            match n {
                0 => assert_eq!(payload.downcast_ref::<&str>(), Some(&"plain text")),
                1 => assert_eq!(payload.downcast_ref::<String>().map(String::as_str), Some("text with 1")),
                _ => assert_eq!(payload.downcast_ref::<i64>(), Some(&42)),
            }
        }
        assert_eq!(panics.call(3).unwrap(), 4);
        assert_eq!(trap(engine.eval::<i64>("divides(0)")).host.unwrap().message, "attempt to divide by zero");
        assert_eq!(engine.eval::<i64>("divides(5)").unwrap(), 2);
    }
}

#[test]
fn a_result_of_another_type_is_a_failure() {
    let wrong = HostFn::new("wrong", HostParams::Fixed(vec![Type::F64]), Type::F64, |args| {
        Ok(if args == [Value::F64(1.0)] { Value::F64(2.0) } else { Value::I64(3) })
    });
    let configure = |mut config: Config| {
        config.add_host_fn(wrong.clone());
        config
    };
    for engine in engines(configure) {
        assert_eq!(engine.eval::<f64>("wrong(1)").unwrap(), 2.0);
        assert_eq!(trap(engine.eval::<f64>("wrong(2)")).host.unwrap().message, "wrong gave i64, not f64");
    }
}

#[test]
fn nans_are_canonical_on_both_sides() {
    let configure = |config: Config| {
        config.host_fn("seen", |x: f64| x.to_bits() as i64).host_fn("strange", || f64::from_bits(0xFFF0_0000_0000_1234))
    };
    for engine in engines(configure) {
        let canonical = 0x7FF8_0000_0000_0000;
        assert_eq!(engine.eval::<i64>("seen(-NAN)").unwrap(), canonical);
        assert_eq!(engine.eval::<i64>("seen(0.0 / 0)").unwrap(), canonical);
        assert_eq!(engine.eval::<i64>("seen(strange())").unwrap(), canonical);
        assert_eq!(engine.eval::<i64>("bits(strange())").unwrap(), canonical);
        assert_eq!(engine.eval::<f64>("strange()").unwrap().to_bits(), canonical as u64);
    }
}

#[test]
fn calls_are_made_once_each_and_in_order() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let configure = move |config: Config| {
        let counter = counter.clone();
        config.host_fn("tick", move |_n: i64| counter.fetch_add(1, Ordering::Relaxed) as i64)
    };
    for engine in engines(configure) {
        calls.store(0, Ordering::Relaxed);
        // Neither dropped, nor moved out of the loop, nor joined, though nothing depends on all of them.
        assert_eq!(engine.eval::<i64>("var s = 0; for i in 0..10 { tick(0); s = tick(0) - tick(0); } s").unwrap(), -1);
        assert_eq!(calls.load(Ordering::Relaxed), 30);
        assert_eq!(engine.eval::<bool>("false and tick(0) == 0 or true or tick(0) == 0").ok(), Some(true));
        assert_eq!(calls.load(Ordering::Relaxed), 30);
        assert_eq!(engine.eval::<i64>("tick(0) * 10000 + tick(0) * 100 + tick(0)").unwrap(), 303_132);
        assert_eq!(
            engine.eval::<i64>("1 + tick(div(1, 0))").err().and_then(|e| e.trap().map(|t| t.kind)),
            Some(TrapKind::DivideByZero)
        );
        assert_eq!(calls.load(Ordering::Relaxed), 33);
    }
}

#[test]
fn names_are_looked_up_like_any_other() {
    let configure = |config: Config| {
        config
            .host_fn("twice", |x: f64| 2.0 * x)
            .host_fn("sqrt", |x: f64| x + 100.0)
            .host_fn("late", |x: f64| x)
            .host_fn("late", |n: i64| n * 1000)
            .host_fn("not a name", || 1_i64)
    };
    for engine in engines(configure) {
        // The last one of a name counts; it hides a built-in; a program's own hides it.
        assert_eq!(engine.eval::<i64>("late(2)").unwrap(), 2000);
        assert_eq!(engine.eval::<f64>("sqrt(4)").unwrap(), 104.0);
        assert_eq!(engine.eval::<i64>("fn twice(n: i64) = n; twice(5)").unwrap(), 5);
        let help = |text: &str| engine.compile(text).unwrap_err().diagnostics()[0].help.clone().unwrap_or_default();
        assert!(help("twise(2)").contains("twice"), "{}", help("twise(2)"));
        let code = |text: &str| engine.compile(text).unwrap_err().diagnostics()[0].code;
        assert_eq!(code("twice()"), "E0122");
        assert_eq!(code("twice(1, 2)"), "E0122");
        assert_eq!(code("twice(true)"), "E0123");
        assert_eq!(code("late(2.5)"), "E0123");
        assert_eq!(code("twice"), "E0107");
        assert_eq!(code("const K = twice(2);"), "E0140");
    }
}

#[test]
fn what_a_closure_holds_lives_as_long_as_the_code() {
    for execution in [Execution::Jit, Execution::Interpreter] {
        let held = Arc::new(());
        let weak = Arc::downgrade(&held);
        let engine = Config::new().execution(execution).host_fn("f", move || Arc::strong_count(&held) as i64).engine();
        let f = engine.unwrap().compile("f()").unwrap().program::<fn() -> i64>().unwrap();
        assert_eq!(f.call(()).unwrap(), 1);
        assert!(weak.upgrade().is_some());
        drop(f);
        assert!(weak.upgrade().is_none());
    }
}
