//! Calls whose types are known only at run time, and what becomes of arrays.

use crate::{engines, traps};
use cresset::{Arg, Array, Elem, Error, Slice, SliceMut, TrapKind, Type, Value};

#[track_caller]
fn refused(outcome: Result<Value, Error>, text: &str) {
    match outcome {
        Err(Error::Signature(message)) => assert_eq!(message, text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_are_checked_and_promoted() {
    for engine in engines() {
        let module = engine.compile("fn f(x, n: i64, b: bool) = if b { x } else { f64(n) };").unwrap();
        let call = |args: &mut [Arg<'_>]| module.call("f", args);
        assert_eq!(call(&mut [1.5.into(), 2.into(), true.into()]).unwrap(), Value::F64(1.5));
        // 2^53 + 1 goes to the even neighbour, as in the language.
        let big = call(&mut [((1_i64 << 53) + 1).into(), 2.into(), true.into()]).unwrap();
        assert_eq!(big, Value::F64(9007199254740992.0));
        refused(call(&mut [1.5.into(), 2.5.into(), true.into()]), "`n` of `f` is i64, not f64");
        refused(call(&mut [true.into(), 2.into(), true.into()]), "`x` of `f` is f64, not bool");
        refused(call(&mut [1.5.into(), 2.into()]), "`f` takes 3 arguments, not 2");
        refused(call(&mut [(&[1.5][..]).into(), 2.into(), true.into()]), "`x` of `f` is f64, not [f64]");
        refused(module.call("g", &mut []), "there is no function `g`");
        // Functions alone are a program too, which does nothing.
        assert_eq!(module.run(&mut []).unwrap(), Value::Unit);
    }
}

#[test]
fn arrays_go_where_they_may_be_written() {
    for engine in engines() {
        let text = "fn read(xs: [f32]) = sum(xs); fn write(mut xs: [f32]) { xs[0] = 9; }";
        let module = engine.compile(text).unwrap();
        let mut xs = [1.0_f32, 2.0];
        assert_eq!(module.call("read", &mut [Arg::Slice(Slice::F32(&xs))]).unwrap(), Value::F64(3.0));
        assert_eq!(module.call("read", &mut [Arg::SliceMut(SliceMut::F32(&mut xs))]).unwrap(), Value::F64(3.0));
        assert_eq!(module.call("write", &mut [(&mut xs[..]).into()]).unwrap(), Value::Unit);
        assert_eq!(xs, [9.0, 2.0]);
        refused(module.call("write", &mut [(&xs[..]).into()]), "`xs` of `write` is `mut`: it needs a mutable slice");
        refused(module.call("read", &mut [(&[1.0_f64][..]).into()]), "`xs` of `read` is [f32], not [f64]");
        assert_eq!(xs, [9.0, 2.0]);
    }
}

#[test]
fn plain_parameters_cannot_be_written() {
    for engine in engines() {
        for text in [
            "fn f(xs: [f64]) { xs[0] = 1; }",
            "fn f(xs: [f64]) { var ys = xs; ys[0] = 1; }",
            "fn f(xs: [f64]) { fill(xs[1..], 1); }",
            "fn f(xs: [f64]) { g(xs); } fn g(mut xs: [f64]) { xs[0] = 1; }",
            "fn id(xs: [f64]) = xs; fn f(xs: [f64]) { var ys = id(xs); ys[0] = 1; }",
            "fn f(xs: [f64], mut ys: [f64], c: bool) { var zs = if c { xs } else { ys }; zs[0] = 1; }",
        ] {
            let error = engine.compile(text).unwrap_err();
            let codes: Vec<&str> = error.diagnostics().iter().map(|diagnostic| diagnostic.code).collect();
            assert_eq!(codes, ["E0133"], "{text}");
        }
        let inputs = [("xs", Type::Array(Elem::F64))];
        assert_eq!(engine.compile_with("xs[0] = 1;", &inputs).unwrap_err().diagnostics()[0].code, "E0133");
    }
}

#[test]
fn one_array_may_be_passed_twice() {
    for engine in engines() {
        let text = "fn f(xs: [i64], ys: [i64]) = dot(xs, ys);
            fn g(mut xs: [i64]) = h(xs[1..], xs);
            fn h(mut to: [i64], from: [i64]) -> i64 { for i in 0..len(to) { to[i] = from[i]; } to[len(to) - 1] }";
        let module = engine.compile(text).unwrap();
        let mut xs = [1, 2, 3];
        assert_eq!(module.func::<fn(&[i64], &[i64]) -> i64>("f").unwrap().call((&xs, &xs)).unwrap(), 14);
        assert_eq!(module.func::<fn(&[i64], &[i64]) -> i64>("f").unwrap().call((&xs[1..], &xs[..2])).unwrap(), 8);
        // Each store is seen by the next load.
        assert_eq!(module.func::<fn(&mut [i64]) -> i64>("g").unwrap().call(&mut xs).unwrap(), 1);
        assert_eq!(xs, [1, 1, 1]);
    }
}

#[test]
fn what_was_stored_before_a_trap_stays() {
    for engine in engines() {
        let module = engine.compile("fn f(mut xs: [i64]) { for i in 0..=len(xs) { xs[i] = i; } }").unwrap();
        let f = module.func::<fn(&mut [i64])>("f").unwrap();
        let mut xs = [7; 5];
        traps(f.call(&mut xs), TrapKind::OutOfBounds);
        assert_eq!(xs, [0, 1, 2, 3, 4]);
    }
}

#[test]
fn results_are_the_hosts_own() {
    for engine in engines() {
        let module = engine.compile("fn tail(xs: [f64]) = xs[1..]; fn both(n: i64) = [n, n + 1];").unwrap();
        let tail = module.func::<fn(&[f64]) -> Vec<f64>>("tail").unwrap();
        let mut xs = vec![1.0, 2.0, 3.0];
        let mut result = tail.call(&xs).unwrap();
        xs[1] = 9.0;
        result[1] = 8.0;
        assert_eq!((xs, result), (vec![1.0, 9.0, 3.0], vec![2.0, 8.0]));
        let first = module.call("both", &mut [1.into()]).unwrap();
        let second = module.call("both", &mut [5.into()]).unwrap();
        assert_eq!((first, second), (Value::Array(Array::I64(vec![1, 2])), Value::Array(Array::I64(vec![5, 6]))));
    }
}

#[test]
fn arrays_may_be_empty_or_large() {
    let many = if cfg!(target_arch = "x86_64") { 10_000_000 } else { 1_000_000 };
    for engine in engines() {
        let module = engine.compile("fn f(xs: [f64]) = sum(xs); fn g(xs: [u8]) = xs[len(xs) - 1];").unwrap();
        let f = module.func::<fn(&[f64]) -> f64>("f").unwrap();
        assert_eq!(f.call(&[]).unwrap(), 0.0);
        assert_eq!(f.call(&vec![0.5; many]).unwrap(), many as f64 / 2.0);
        let g = module.func::<fn(&[u8]) -> i64>("g").unwrap();
        let mut bytes = vec![0; many];
        bytes[many - 1] = 200;
        assert_eq!(g.call(&bytes).unwrap(), 200);
        traps(g.call(&[]), TrapKind::OutOfBounds);
        // Any address will do for small elements.
        for start in 0..9 {
            assert_eq!(g.call(&bytes[start + many - 10..]).unwrap(), 200);
        }
    }
}
