//! Typed handles: every type a signature can name, and what is said where it is another.

use crate::engines;
use cresset::{Error, Func};

#[test]
fn scalars_go_in_and_come_out() {
    for engine in engines() {
        let module = engine
            .compile("fn f(x) = x + 1; fn i(n: i64) = n - 1; fn b(b: bool) = not b; fn u() { } fn none() = 3;")
            .unwrap();
        assert_eq!(module.func::<fn(f64) -> f64>("f").unwrap().call(0.5).unwrap(), 1.5);
        assert_eq!(module.func::<fn(i64) -> i64>("i").unwrap().call(i64::MIN + 1).unwrap(), i64::MIN);
        assert!(!module.func::<fn(bool) -> bool>("b").unwrap().call(true).unwrap());
        module.func::<fn()>("u").unwrap().call(()).unwrap();
        assert_eq!(module.func::<fn() -> i64>("none").unwrap().call(()).unwrap(), 3);
    }
}

#[test]
fn up_to_eight_scalars() {
    for engine in engines() {
        let text = "
            fn f2(a, b) = a - b;
            fn f3(a, b: i64, c: bool) = if c { a } else { f64(b) };
            fn f5(a: i64, b: i64, c: i64, d: i64, e: i64) = a + 10 * b + 100 * c + 1000 * d + 10000 * e;
            fn f6(a, b, c, d, e, f) = a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f;
            fn f7(a: i64, b, c: i64, d, e: i64, f, g: bool) = if g { a + b + c + d + e + f } else { 0 };
            fn f8(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64) =
                a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f + 1000000 * g + 10000000 * h;
            fn g8(a, b, c, d, e, f, g, h) = a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f + 1000000 * g + 10000000 * h;";
        let module = engine.compile(text).unwrap();
        assert_eq!(module.func::<fn(f64, f64) -> f64>("f2").unwrap().call((5.0, 3.0)).unwrap(), 2.0);
        let f3 = module.func::<fn(f64, i64, bool) -> f64>("f3").unwrap();
        assert_eq!((f3.call((0.5, 7, true)).unwrap(), f3.call((0.5, 7, false)).unwrap()), (0.5, 7.0));
        let f5 = module.func::<fn(i64, i64, i64, i64, i64) -> i64>("f5").unwrap();
        assert_eq!(f5.call((1, 2, 3, 4, 5)).unwrap(), 54_321);
        let f6 = module.func::<fn(f64, f64, f64, f64, f64, f64) -> f64>("f6").unwrap();
        assert_eq!(f6.call((1.0, 2.0, 3.0, 4.0, 5.0, 6.0)).unwrap(), 654_321.0);
        let f7 = module.func::<fn(i64, f64, i64, f64, i64, f64, bool) -> f64>("f7").unwrap();
        assert_eq!(f7.call((1, 2.0, 3, 4.0, 5, 6.0, true)).unwrap(), 21.0);
        let f8 = module.func::<fn(i64, i64, i64, i64, i64, i64, i64, i64) -> i64>("f8").unwrap();
        assert_eq!(f8.call((1, 2, 3, 4, 5, 6, 7, 8)).unwrap(), 87_654_321);
        let g8 = module.func::<fn(f64, f64, f64, f64, f64, f64, f64, f64) -> f64>("g8").unwrap();
        assert_eq!(g8.call((1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)).unwrap(), 87_654_321.0);
    }
}

/// Reads, writes and returns arrays of an element type.
macro_rules! arrays {
    ($($name:ident $elem:ident $scalar:ident $value:expr, $other:expr, $text:literal;)*) => {$(
        #[test]
        fn $name() {
            for engine in engines() {
                let text = concat!(
                    "fn at(xs: [", stringify!($elem), "], i: i64) = xs[i];",
                    "fn set(mut xs: [", stringify!($elem), "]) { xs[len(xs) - 1] = ", $text, "; }",
                    "fn made(n: i64) -> [", stringify!($elem), "] { var xs: [", stringify!($elem), "] = [", $text, "; n]; xs }",
                    "fn same(xs: [", stringify!($elem), "]) = xs;",
                    "fn put(mut to: [", stringify!($elem), "], from: [", stringify!($elem), "]) { copy(to, from); }",
                );
                let module = engine.compile(text).unwrap();
                let xs = [$value, $other, $value];
                let at = module.func::<fn(&[$elem], i64) -> $scalar>("at").unwrap();
                assert_eq!(at.call((&xs, 1)).unwrap(), $scalar::from($other));
                let set = module.func::<fn(&mut [$elem])>("set").unwrap();
                let mut written = [$value, $value];
                set.call(&mut written).unwrap();
                assert_eq!(written, [$value, $other]);
                let made = module.func::<fn(i64) -> Vec<$elem>>("made").unwrap();
                assert_eq!(made.call(3).unwrap(), [$other; 3]);
                assert!(made.call(0).unwrap().is_empty());
                let same = module.func::<fn(&[$elem]) -> Vec<$elem>>("same").unwrap();
                assert_eq!(same.call(&xs).unwrap(), xs);
                assert!(same.call(&[]).unwrap().is_empty());
                let put = module.func::<fn(&mut [$elem], &[$elem])>("put").unwrap();
                let mut to = [$other; 3];
                put.call((&mut to, &xs)).unwrap();
                assert_eq!(to, xs);
            }
        }
    )*};
}

arrays! {
    arrays_of_f64 f64 f64 1.5_f64, -0.25_f64, "-0.25";
    arrays_of_f32 f32 f64 1.5_f32, -0.25_f32, "-0.25";
    arrays_of_i64 i64 i64 7_i64, -9_i64, "-9";
    arrays_of_i32 i32 i64 7_i32, i32::MIN, "-2147483648";
    arrays_of_u8 u8 i64 7_u8, 255_u8, "255";
    arrays_of_bool bool bool false, true, "true";
}

#[test]
fn arrays_and_scalars_mix_in_any_order() {
    for engine in engines() {
        let text = "fn axpy(mut ys: [f64], a, xs: [f32], from: i64) -> i64 {
                for i in from..len(ys) { ys[i] += a * xs[i]; }
                len(ys) - from
            }";
        let axpy: Func<fn(&mut [f64], f64, &[f32], i64) -> i64> = engine.compile(text).unwrap().func("axpy").unwrap();
        let mut ys = vec![1.0; 4];
        assert_eq!(axpy.call((&mut ys, 2.0, &[1.0, 2.0, 3.0, 4.0], 1)).unwrap(), 3);
        assert_eq!(ys, [1.0, 5.0, 7.0, 9.0]);
    }
}

#[test]
fn programs_are_called_with_their_inputs() {
    for engine in engines() {
        let types = [("xs", cresset::Type::Array(cresset::Elem::F64)), ("k", cresset::Type::I64)];
        let module = engine.compile_with("sum(xs) * k", &types).unwrap();
        let formula = module.program::<fn(&[f64], i64) -> f64>().unwrap();
        assert_eq!(formula.call((&[1.0, 2.0], 10)).unwrap(), 30.0);
        assert_eq!(engine.eval::<Vec<i64>>("[1, 2]").unwrap(), [1, 2]);
        engine.eval::<()>("let x = 1;").unwrap();
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, text: &str) {
    match outcome {
        Err(Error::Signature(message)) => assert_eq!(message, text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn other_signatures_are_refused_with_both() {
    for engine in engines() {
        let text = "fn scale(mut xs: [f64], k) { for i in 0..len(xs) { xs[i] *= k; } } fn half(n: i64) = n / 2; fn made() = [1];";
        let module = engine.compile(text).unwrap();
        refused(module.func::<fn(f64) -> f64>("half"), "`half` is fn(i64) -> f64, not fn(f64) -> f64");
        refused(module.func::<fn(i64) -> i64>("half"), "`half` is fn(i64) -> f64, not fn(i64) -> i64");
        refused(module.func::<fn(i64)>("half"), "`half` is fn(i64) -> f64, not fn(i64)");
        refused(module.func::<fn() -> f64>("half"), "`half` is fn(i64) -> f64, not fn() -> f64");
        refused(module.func::<fn(&[f64], f64)>("scale"), "`scale` is fn(&mut [f64], f64), not fn(&[f64], f64)");
        refused(module.func::<fn(&mut [f32], f64)>("scale"), "`scale` is fn(&mut [f64], f64), not fn(&mut [f32], f64)");
        refused(module.func::<fn() -> Vec<f64>>("made"), "`made` is fn() -> Vec<i64>, not fn() -> Vec<f64>");
        refused(module.func::<fn()>("hafl"), "there is no function `hafl`; did you mean `half`?");
        refused(module.func::<fn()>(""), "there is no function ``");
        refused(module.func::<fn()>(&"x".repeat(200)), &format!("there is no function `{}…`", "x".repeat(79)));
        refused(module.program::<fn() -> f64>(), "the program is fn(), not fn() -> f64");
        refused(engine.eval::<i64>("1.5"), "the program is fn() -> f64, not fn() -> i64");
        // Nothing is converted in a typed call: a formula of whole numbers gives a whole number.
        refused(engine.eval::<f64>("1 + 1"), "the program is fn() -> i64, not fn() -> f64");
    }
}
