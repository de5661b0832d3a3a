//! Programs from their text: where they trap, what they cost, what they hold, and how deep they go.

#![allow(clippy::result_large_err, reason = "a trap is what these tests are about; nothing here is called often")]

use super::{InterpError, Run};
use crate::host::{HostError, HostFn, HostParams};
use crate::limits::{CancelHandle, Limits};
use crate::runtime::fpenv::FpEnv;
use crate::sema::hir::{FuncId, Hir};
use crate::sema::{Env, HostSignature, Input, analyze};
use crate::syntax::{SourceLimits, parse};
use crate::trap::{Trap, TrapKind};
use crate::types::{Elem, Type};
use crate::value::{Arg, Array, Slice, SliceMut, Value};
use std::sync::Arc;
use std::time::Duration;

/// A program, what it may use, and the host's functions.
struct Setup<'h> {
    source: &'h str,
    limits: Limits,
    cancel: CancelHandle,
    hosts: Vec<HostFn>,
}

impl<'h> Setup<'h> {
    fn new(source: &'h str) -> Setup<'h> {
        Setup { source, limits: Limits::default(), cancel: CancelHandle::default(), hosts: Vec::new() }
    }

    fn limits(self, limits: Limits) -> Setup<'h> {
        Setup { limits, ..self }
    }

    fn host(
        mut self,
        name: &str,
        params: HostParams,
        result: Type,
        call: impl Fn(&[Value]) -> Result<Value, HostError> + Send + Sync + 'static,
    ) -> Setup<'h> {
        self.hosts.push(HostFn::new(name, params, result, call));
        self
    }

    #[track_caller]
    fn hir(&self, inputs: Vec<Input<'_>>) -> Hir {
        let (ast, errors) = parse(self.source, &SourceLimits { nesting: 1000, ..SourceLimits::default() });
        assert!(errors.is_empty(), "{errors:?}");
        let hosts =
            self.hosts.iter().map(|host| HostSignature { name: &host.name, params: &host.params, result: host.result });
        match analyze(self.source, &ast, &Env { inputs, hosts: hosts.collect() }) {
            Ok(hir) => *hir,
            Err(errors) => panic!("{errors:?}"),
        }
    }

    fn call(&self, hir: &Hir, func: FuncId, args: &mut [Arg<'_>]) -> Result<(Value, Option<u64>), InterpError> {
        let fp = FpEnv::canonical();
        let (limits, cancel) = (&self.limits, Some(&self.cancel));
        Run { hir, hosts: &self.hosts, limits, cancel, fp: &fp }.run(func, args)
    }

    /// Runs the program itself with these inputs.
    #[track_caller]
    fn with(&self, names: &[&str], args: &mut [Arg<'_>]) -> Result<(Value, Option<u64>), Trap> {
        let inputs = names.iter().zip(&*args);
        let inputs = inputs.map(|(name, arg)| Input { name, ty: arg.ty(), mutable: matches!(arg, Arg::SliceMut(_)) });
        let hir = self.hir(inputs.collect());
        match self.call(&hir, hir.main.unwrap(), args) {
            Ok(result) => Ok(result),
            Err(InterpError::Trap(trap)) => Err(*trap),
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    fn value(&self) -> Value {
        self.with(&[], &mut []).unwrap().0
    }

    #[track_caller]
    fn trap(&self) -> Trap {
        self.with(&[], &mut []).unwrap_err()
    }

    /// The kind of the trap and the text where it happened.
    #[track_caller]
    fn trap_at(&self) -> (TrapKind, &'h str) {
        let trap = self.trap();
        (trap.kind, &self.source[trap.span.start as usize..trap.span.end as usize])
    }
}

#[track_caller]
fn value(source: &str) -> Value {
    Setup::new(source).value()
}

#[track_caller]
fn trap_at(source: &str) -> (TrapKind, &str) {
    Setup::new(source).trap_at()
}

#[test]
fn control_leaves_expressions_half_done() {
    let source = "fn f(n: i64) -> i64 {
        var s = 0;
        for i in 0..10 {
            var j = 0;
            while true {
                s += 1 + (if j == 2 { break; } else { j });
                j += 1;
                if i == 3 { continue; }
                s += 10 * (if n == i { return s; } else { 1 });
            }
            s += [1, if i == 5 { continue; } else { 2 }, 3][1];
        }
        s
    } ";
    // Each round of the inner loop adds 1 + 0 + 10 and 1 + 1 + 10 (without the tens where i is 3), then 2 (nothing where i is 5).
    let at = |n: i64| Setup::new(&format!("{source} f({n})")).value();
    assert_eq!(at(99), Value::I64(10 * 23 - 20 + 9 * 2));
    assert_eq!(at(0), Value::I64(1));
    assert_eq!(at(4), Value::I64(3 * 25 + 3 + 2 + 1));
}

#[test]
fn inclusive_ranges_end_at_the_last_number() {
    assert_eq!(value("var n = 0; for i in MAX_I64 - 1..=MAX_I64 { n += 1; } n"), Value::I64(2));
    assert_eq!(value("var n = 0; for i in 3..=2 { n += 1; } n"), Value::I64(0));
    assert_eq!(value("var n = 0; for i in MAX_I64..=MAX_I64 { n += 1; continue; } n"), Value::I64(1));
    assert_eq!(value("var n = 0; for i in MIN_I64..MIN_I64 { n += 1; } n"), Value::I64(0));
}

#[test]
fn operands_are_evaluated_before_checks_and_stores() {
    assert_eq!(trap_at("var xs: [u8] = [0]; xs[5] = 300;"), (TrapKind::BadCast, "xs[5] = 300"));
    assert_eq!(trap_at("var xs: [u8] = [0]; xs[5] = 30;"), (TrapKind::OutOfBounds, "xs[5]"));
    assert_eq!(trap_at("var xs = [0]; xs[5] = 1 % 0;"), (TrapKind::DivideByZero, "1 % 0"));
    assert_eq!(trap_at("var xs = [0]; xs[0] = 1; xs[5] += 1 % 0;"), (TrapKind::OutOfBounds, "xs[5] += 1 % 0"));
    assert_eq!(trap_at("let xs: [i32] = [1, 2147483648, 1 % 0];"), (TrapKind::BadCast, "2147483648"));
    assert_eq!(trap_at("let xs = [1][1 % 0];"), (TrapKind::DivideByZero, "1 % 0"));
    assert_eq!(trap_at("let xs: [u8] = [256; -1];"), (TrapKind::BadCast, "256"));
    assert_eq!(trap_at("let xs = [1; -1];"), (TrapKind::BadArgument, "[1; -1]"));
    assert_eq!(trap_at("var xs: [u8] = [1]; fill(xs, -1);"), (TrapKind::BadCast, "-1"));
    assert_eq!(trap_at("var x = 1; x += { x = 5; 10 }; x % (x - 11)"), (TrapKind::DivideByZero, "x % (x - 11)"));
}

#[test]
fn bounds_tell_the_offending_number_and_the_length() {
    let bounds = |source| Setup::new(source).trap().bounds;
    assert_eq!(bounds("[1, 2][2]"), Some((2, 2)));
    assert_eq!(bounds("[1, 2][-1]"), Some((-1, 2)));
    assert_eq!(bounds("let s = [1, 2, 3][1..3]; s[2]"), Some((2, 2)));
    assert_eq!(bounds("len([1, 2][3..1])"), Some((3, 2)));
    assert_eq!(bounds("len([1, 2][-1..9])"), Some((-1, 2)));
    assert_eq!(bounds("len([1, 2][2..1])"), Some((1, 2)));
    assert_eq!(bounds("len([1, 2][1..MIN_I64])"), Some((i64::MIN, 2)));
    assert_eq!(bounds("len([1, 2][..3])"), Some((3, 2)));
    assert_eq!(bounds("1 % 0"), None);
}

#[test]
fn a_trap_tells_the_calls_under_way() {
    let source = "fn g(n: i64) -> i64 { div(1, n) } fn f(n: i64) -> i64 { 1 + g(n) } f(1) + f(0)";
    let setup = Setup::new(source);
    let trap = setup.trap();
    assert_eq!(setup.trap_at(), (TrapKind::DivideByZero, "div(1, n)"));
    let stack: Vec<(&str, &str)> =
        trap.stack.iter().map(|f| (&*f.function, &source[f.call.start as usize..f.call.end as usize])).collect();
    assert_eq!(stack, [("g", "g(n)"), ("f", "f(0)")]);
    assert_eq!(trap.frames_left_out, 0);
    assert_eq!(trap.fuel_left, Some(1_000_000_000 - 4));
}

#[test]
fn a_long_call_stack_keeps_both_ends() {
    let source = "fn down(n: i64) -> i64 { if n == 0 { div(1, n) } else { down(n - 1) } } fn top(n: i64) = down(n);";
    for (calls, left_out) in [(32_u64, 0_u64), (33, 1), (100, 68)] {
        let trap = Setup::new(&format!("{source} top({})", calls - 2)).trap();
        assert_eq!((trap.stack.len() as u64, trap.frames_left_out), (calls - left_out, left_out));
        assert_eq!(&*trap.stack[0].function, "down");
        assert_eq!(&*trap.stack.last().unwrap().function, "top");
    }
}

#[test]
fn depth_counts_the_programs_own_calls() {
    let source = "fn f(n: i64) -> i64 { if n == 0 { 0 } else { 1 + f(n - 1) } } f(9)";
    assert_eq!(Setup::new(source).limits(Limits::default().depth(10)).value(), Value::I64(9));
    let setup = Setup::new(source).limits(Limits::default().depth(9).fuel(10));
    assert_eq!(setup.trap_at(), (TrapKind::StackOverflow, "f(n - 1)"));
    // The call that was too deep was paid for.
    assert_eq!((setup.trap().fuel_left, setup.trap().stack.len()), (Some(0), 9));
    let setup = Setup::new(source).limits(Limits::default().depth(9).fuel(9));
    assert_eq!(setup.trap_at(), (TrapKind::OutOfFuel, "f(n - 1)"));
    assert_eq!(trap_at("fn f(n: i64) -> i64 { f(n) } f(0)").0, TrapKind::StackOverflow);
    let none = Limits::default().depth(0);
    assert_eq!(Setup::new("fn f() = 1; f()").limits(none.clone()).trap_at(), (TrapKind::StackOverflow, "f()"));
    // The host's own call is free.
    let setup = Setup::new("fn f() = 1;").limits(none.fuel(0));
    let hir = setup.hir(Vec::new());
    assert_eq!(setup.call(&hir, FuncId(0), &mut []).unwrap(), (Value::I64(1), Some(0)));
}

/// Runs something on a thread whose stack would not bear any recursion.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(128 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_million_calls_deep() {
    let source = "fn f(n: i64) -> i64 { if n == 0 { 0 } else { 1 + f(n - 1) } } f(999999)";
    let hir = Setup::new(source).hir(Vec::new());
    on_a_small_stack(move || {
        let setup = Setup::new(source).limits(Limits::default().depth(1_000_000));
        assert_eq!(setup.call(&hir, hir.main.unwrap(), &mut []).unwrap().0, Value::I64(999_999));
        let setup = Setup::new(source).limits(Limits::default().depth(999_999));
        let Err(InterpError::Trap(trap)) = setup.call(&hir, hir.main.unwrap(), &mut []) else { panic!("it traps") };
        assert_eq!((trap.kind, trap.stack.len(), trap.frames_left_out), (TrapKind::StackOverflow, 32, 999_967));
    });
}

#[test]
fn nesting_and_long_chains_take_no_stack() {
    let nested = format!("{}1{}", "-(1 - ".repeat(400), ")".repeat(400));
    let blocks = format!("{}1{}", "{ let x = 1; x + ".repeat(900), "}".repeat(900));
    let ifs = format!("{}1{}", "if true { 1 + ".repeat(900), " } else { 0 }".repeat(900));
    let chain = format!("1{}", " + 1".repeat(100_000));
    let compare = format!("1{}", " <= 1".repeat(100_000));
    let array = format!("sum([0{}])", ", 1".repeat(100_000));
    // -(1 - -(1 - …)): each level adds one to what is inside.
    let expected = [
        Value::I64(-399),
        Value::I64(901),
        Value::I64(901),
        Value::I64(100_001),
        Value::Bool(true),
        Value::I64(100_000),
    ];
    for (source, expected) in [nested, blocks, ifs, chain, compare, array].into_iter().zip(expected) {
        let hir = Setup::new(&source).hir(Vec::new());
        on_a_small_stack(move || {
            let result = Setup::new("").call(&hir, hir.main.unwrap(), &mut []);
            assert_eq!(result.unwrap().0, expected);
        });
    }
}

/// The fuel that a program uses.
#[track_caller]
fn used(source: &str) -> u64 {
    1_000_000_000 - Setup::new(source).with(&[], &mut []).unwrap().1.unwrap()
}

#[test]
fn every_iteration_call_and_piece_costs_one_unit() {
    assert_eq!(used("1 + 2 * 3"), 0);
    assert_eq!(used("for i in 0..7 { }"), 7);
    assert_eq!(used("for i in 0..=7 { if i == 3 { break; } }"), 4);
    assert_eq!(used("var i = 0; while i < 5 { i += 1; if i == 2 { continue; } }"), 5);
    assert_eq!(used("for x in [1, 2, 3] { }"), 3);
    assert_eq!(used("fn f(n) = n; f(1) + f(2)"), 2);
    assert_eq!(used("[0; 0]"), 0);
    assert_eq!(used("[0; 1]"), 1);
    assert_eq!(used("[0; 64]"), 1);
    assert_eq!(used("[0; 65]"), 2);
    assert_eq!(used("[1, 2, 3]"), 0);
    assert_eq!(used("let xs = [1; 130]; sum(xs)"), 6);
    assert_eq!(used("var xs = [1; 128]; copy(xs[..65], xs[1..66]); fill(xs[1..2], 1); dot(xs, xs)"), 2 + 2 + 1 + 2);
    assert_eq!(used("any([true, false])"), 1);
}

#[test]
fn n_units_allow_n_and_the_next_traps() {
    let source = "var s = 0; for i in 0..3000 { s += i; } s";
    for fuel in [0, 1, 1023, 1024, 1025, 2999] {
        let setup = Setup::new(source).limits(Limits::default().fuel(fuel));
        assert_eq!(setup.trap_at(), (TrapKind::OutOfFuel, "for i in 0..3000"), "{fuel}");
        assert_eq!(setup.trap().fuel_left, Some(0));
    }
    assert_eq!(Setup::new(source).limits(Limits::default().fuel(3000)).value(), Value::I64(4_498_500));
    let unlimited = Setup::new(source).limits(Limits::default().no_fuel_limit()).with(&[], &mut []).unwrap();
    assert_eq!(unlimited.1, None);
    // Arguments before the fuel of the call.
    let setup = Setup::new("fn f(n: i64) = n; f(1 % 0)").limits(Limits::default().fuel(0));
    assert_eq!(setup.trap_at(), (TrapKind::DivideByZero, "1 % 0"));
    let setup = Setup::new("while 1 % 0 == 0 { }").limits(Limits::default().fuel(0));
    assert_eq!(setup.trap_at(), (TrapKind::DivideByZero, "1 % 0"));
    let setup = Setup::new("var n = 0; while n < 9 { n += 1; }").limits(Limits::default().fuel(3));
    assert_eq!(setup.trap_at(), (TrapKind::OutOfFuel, "while n < 9"));
    assert_eq!(Setup::new("while false { } 7").limits(Limits::default().fuel(0)).value(), Value::I64(7));
}

#[test]
fn what_fuel_pays_for_is_stored_before_the_trap() {
    let mut xs = vec![0_i64; 300];
    let fuel = |n| Limits::default().fuel(n);
    let trap = Setup::new("fill(xs, 7);").limits(fuel(2)).with(&["xs"], &mut [Arg::from(&mut xs)]).unwrap_err();
    assert_eq!(trap.kind, TrapKind::OutOfFuel);
    assert_eq!(xs.iter().filter(|x| **x == 7).count(), 128);
    let mut ys: Vec<i64> = (0..300).collect();
    let copy = Setup::new("copy(ys[1..], ys[..299]);").limits(fuel(3));
    let trap = copy.with(&["ys"], &mut [Arg::from(&mut ys)]).unwrap_err();
    assert_eq!((trap.kind, trap.fuel_left), (TrapKind::OutOfFuel, Some(0)));
    let expected: Vec<i64> = (0..300).map(|i| if i == 0 || i > 192 { i } else { i - 1 }).collect();
    assert_eq!(ys, expected);
    let unequal = Setup::new("copy(ys[1..], ys);").limits(fuel(0));
    let trap = unequal.with(&["ys"], &mut [Arg::from(&mut ys)]).unwrap_err();
    assert_eq!(trap.kind, TrapKind::BadArgument);
}

#[test]
fn arrays_are_counted_by_their_rounded_bytes() {
    let with = |source, bytes| Setup::new(source).limits(Limits::default().memory(bytes));
    assert_eq!(with("len([0; 8])", 64).value(), Value::I64(8));
    assert_eq!(with("len([0; 9])", 127).trap_at(), (TrapKind::OutOfMemory, "[0; 9]"));
    assert_eq!(with("len([0; 9])", 128).value(), Value::I64(9));
    assert_eq!(
        with("let a: [u8] = [1]; let b: [u8] = [2]; a[0] + b[0]", 127).trap_at(),
        (TrapKind::OutOfMemory, "[2]")
    );
    assert_eq!(with("let a: [f64] = []; let b = [1; 0]; len(a) + len(b)", 0).value(), Value::I64(0));
    assert_eq!(with("len([0; MAX_I64])", usize::MAX).trap_at().0, TrapKind::OutOfMemory);
    assert_eq!(with("let a: [u8] = [0; MAX_I64]; 1", usize::MAX).trap_at().0, TrapKind::OutOfMemory);
    // Memory before the elements, and before the fuel of a fill.
    assert_eq!(with("[1 % 0]", 0).trap_at().0, TrapKind::OutOfMemory);
    let setup = Setup::new("[1; 64]").limits(Limits::default().memory(64).fuel(0));
    assert_eq!(setup.trap_at().0, TrapKind::OutOfMemory);
    // Slices cost nothing.
    assert_eq!(with("let xs = [0; 8]; len(xs[1..]) + len(xs[2..][1..])", 64).value(), Value::I64(12));
}

#[test]
fn arrays_are_released_with_the_iteration_and_the_function() {
    let with = |source: &str, bytes| Setup::new(source).limits(Limits::default().memory(bytes)).with(&[], &mut []);
    let fits = |source: &str, bytes| {
        assert!(with(source, bytes).is_ok(), "{source}");
        assert_eq!(with(source, bytes - 1).unwrap_err().kind, TrapKind::OutOfMemory, "{source}");
    };
    fits("for i in 0..100 { let xs = [i]; }", 64);
    fits("for i in 0..100 { let xs = [i]; if i % 2 == 0 { continue; } }", 64);
    fits("for v in [1, 2, 3] { let xs = [v]; }", 128);
    fits(
        "var i = 0; while i < 100 { i += 1; let xs = [i]; for j in 0..3 { let ys = [j]; if j == i { break; } } }",
        128,
    );
    fits("for i in 0..3 { for j in 0..3 { let xs = [j]; if j == 1 { break; } } } [1][0]", 64);
    fits("var keep = [0]; for i in 0..10 { keep = [i]; }", 64 * 11);
    fits("var keep = [0]; for i in 0..10 { keep[0] = [i][0]; }", 64 * 2);
    fits("for i in 0..10 { var inner = [0]; inner = [i]; }", 64 * 2);
    fits("var i = 0; while [i][0] < 10 { i += 1; }", 64 * 11);
    fits("fn f(n: i64) = [n][0]; f(1) + f(2) + f(3)", 64);
    fits("fn f(n: i64) = [n]; f(1)[0] + f(2)[0]", 128);
    fits("fn f(n: i64) = [n]; fn g(n: i64) = f(n)[0] + f(n)[0]; g(1) + g(2)", 128);
    fits("fn f(n: i64) = [n]; for i in 0..10 { f(i); }", 64);
    fits("fn f(n: i64) { for i in 0..10 { let xs = [i]; if i == n { return; } } } for k in 0..10 { f(k); }", 64);
    // A returned array outlives the loops that it is returned from, with all that they had made.
    fits("fn f() { for i in 0..10 { let xs = [i, 7]; if i == 2 { return xs; } } [0] } f()[1]", 64);
}

#[test]
fn returned_arrays_keep_what_they_hold() {
    let source = "fn f(n: i64) { for i in 0..9 { var xs = [i, 7]; if i == n { return xs[1..]; } } [0] } \
                  var a = f(2); let b = [1, 2, 3]; a[0] += b[2]; a";
    assert_eq!(value(source), Value::from(vec![10_i64]));
    assert_eq!(value("let xs = [1, 2, 3]; xs"), Value::from(vec![1_i64, 2, 3]));
    assert_eq!(value("let xs: [u8] = []; xs"), Value::from(Vec::<u8>::new()));
    assert_eq!(value("let xs: [f32] = [0.1, 0 / 0]; xs[..1]"), Value::from(vec![0.1_f32]));
    let xs = [1.5, f64::from_bits(!0)];
    let (given, _) = Setup::new("xs").with(&["xs"], &mut [Arg::from(&xs[..])]).unwrap();
    let Value::Array(Array::F64(given)) = given else { panic!("an array") };
    assert_eq!(given.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), [1.5_f64.to_bits(), !0]);
}

#[test]
fn views_share_their_elements() {
    let source = "fn shift(mut to: [i64], from: [i64]) { for i in 0..len(from) { to[i] = from[i]; } } \
                  var xs = [1, 2, 3, 4]; shift(xs[1..], xs[..3]); xs";
    assert_eq!(value(source), Value::from(vec![1_i64, 1, 1, 1]));
    assert_eq!(value("var xs = [1, 2, 3, 4]; copy(xs[1..], xs[..3]); xs"), Value::from(vec![1_i64, 1, 2, 3]));
    let mut xs = [1_u8, 2, 3];
    let run = Setup::new("let a = xs[1..]; xs[1] = 9; for i in 0..len(xs) { xs[i] += a[0]; } a[1]");
    let (result, _) = run.with(&["xs"], &mut [Arg::SliceMut(SliceMut::U8(&mut xs))]).unwrap();
    assert_eq!((result, xs), (Value::I64(21), [10, 18, 21]));
}

#[test]
fn every_nan_that_is_stored_or_seen_is_the_canonical_one() {
    const NAN: u64 = 0x7FF8_0000_0000_0000;
    let odd = f64::from_bits(0xFFF8_0000_0000_0001);
    let mut xs = [odd, 1.0, 2.0, odd];
    let mut ss = [f32::from_bits(0xFFC0_0001), 1.0];
    let args = &mut [Arg::from(&mut xs[..]), Arg::from(&mut ss[..]), Arg::F64(odd)];
    let source = "xs[1] = x; copy(xs[2..3], xs[..1]); ss[1] = ss[0]; \
                  bits(x) == bits(0 / 0) and bits(xs[0]) == bits(x) and bits(ss[0]) == bits(x) and copysign(1, xs[3]) == 1";
    let (result, _) = Setup::new(source).with(&["xs", "ss", "x"], args).unwrap();
    assert_eq!(result, Value::Bool(true));
    assert_eq!(xs.map(f64::to_bits), [odd.to_bits(), NAN, NAN, odd.to_bits()]);
    assert_eq!(ss.map(f32::to_bits), [0xFFC0_0001, 0x7FC0_0000]);
    let (result, _) = Setup::new("x").with(&["x"], &mut [Arg::F64(odd)]).unwrap();
    assert!(matches!(result, Value::F64(x) if x.to_bits() == NAN));
}

#[test]
fn a_cancelled_run_stops_at_its_next_head_or_call() {
    let cancelled = |source| {
        let setup = Setup::new(source).limits(Limits::default().fuel(10));
        setup.cancel.cancel();
        setup
    };
    assert_eq!(cancelled("for i in 0..3 { }").trap_at(), (TrapKind::Interrupted, "for i in 0..3"));
    assert_eq!(cancelled("fn f() = 1; f()").trap_at(), (TrapKind::Interrupted, "f()"));
    assert_eq!(cancelled("[0; 9]").trap_at(), (TrapKind::Interrupted, "[0; 9]"));
    assert_eq!(cancelled("1 + 1").value(), Value::I64(2));
    assert_eq!(cancelled("for i in 0..0 { } 5").value(), Value::I64(5));
    assert_eq!(cancelled("for i in 0..3 { }").trap().fuel_left, Some(10));
    // A call is paid for first.
    assert_eq!(cancelled("fn f() = 1; f()").trap().fuel_left, Some(9));
    let late = Setup::new("while true { }").limits(Limits::default().deadline(Duration::from_millis(5)));
    assert_eq!(late.trap_at(), (TrapKind::Interrupted, "while true"));
    let handle = CancelHandle::default();
    let (other, mut setup) = (handle.clone(), Setup::new("while true { }"));
    setup.limits = Limits::default().no_fuel_limit();
    setup.cancel = handle;
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(5));
        other.cancel();
    });
    assert_eq!(setup.trap_at().0, TrapKind::Interrupted);
    thread.join().unwrap();
}

#[test]
fn a_host_function_that_cancels_is_obeyed_at_once() {
    let handle = CancelHandle::default();
    let other = handle.clone();
    let mut setup = Setup::new("var n = 0; for i in 0..9 { n += 1; if i == 4 { stop(); } } n").host(
        "stop",
        HostParams::Fixed(Vec::new()),
        Type::Unit,
        move |_| {
            other.cancel();
            Ok(Value::Unit)
        },
    );
    setup.cancel = handle;
    let trap = setup.trap();
    assert_eq!((trap.kind, trap.fuel_left), (TrapKind::Interrupted, Some(1_000_000_000 - 5)));
}

#[test]
fn host_functions_get_and_give_scalars() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = seen.clone();
    let setup = Setup::new("note(1, 2.5, true, 0 / 0); twice(3) + twice(0.25)")
        .host("note", HostParams::Scalars, Type::Unit, move |args| {
            log.lock().unwrap().extend_from_slice(args);
            Ok(Value::Unit)
        })
        .host("twice", HostParams::Fixed(vec![Type::F64]), Type::F64, |args| match args {
            [Value::F64(x)] => Ok(Value::F64(2.0 * x)),
            _ => Err(HostError::BadArgument),
        });
    assert_eq!(setup.value(), Value::F64(6.5));
    let seen = seen.lock().unwrap();
    assert_eq!(seen[..3], [Value::I64(1), Value::F64(2.5), Value::Bool(true)]);
    assert!(matches!(seen[3], Value::F64(x) if x.to_bits() == 0x7FF8_0000_0000_0000));
}

#[test]
fn a_failed_host_function_is_a_trap_with_what_it_said() {
    let failing = |fail: fn() -> Result<Value, HostError>| {
        Setup::new("fn f() = 1 + h(); f()").host("h", HostParams::Fixed(Vec::new()), Type::I64, move |_| fail())
    };
    let trap = failing(|| Err(HostError::Failed("no row".to_owned()))).trap();
    assert_eq!((trap.kind, trap.stack.len(), trap.fuel_left), (TrapKind::HostError, 1, Some(999_999_999)));
    assert_eq!(trap.host.unwrap().message, "no row");
    assert_eq!(failing(|| Err(HostError::BadArgument)).trap_at(), (TrapKind::BadArgument, "h()"));
    let trap = failing(|| panic!("at sea")).trap();
    let failure = trap.host.unwrap();
    assert_eq!((trap.kind, failure.message.as_str(), failure.panic.is_some()), (TrapKind::HostError, "at sea", true));
    let trap = failing(|| Ok(Value::F64(1.0))).trap();
    assert_eq!(trap.host.unwrap().message, "h gave f64, not i64");
    assert_eq!(failing(|| Ok(Value::I64(41))).value(), Value::I64(42));
}

#[test]
fn arguments_are_checked_and_promoted() {
    let setup =
        Setup::new("fn f(x, n: i64, b: bool, us: [u8], mut xs: [f64]) { xs[0] = x; if b { n } else { us[0] } }");
    let hir = setup.hir(Vec::new());
    let us = [7_u8];
    let mut xs = [0.0];
    let bytes = Arg::Slice(Slice::U8(&us));
    let args = &mut [Arg::I64(3), Arg::I64(4), Arg::Bool(false), bytes, Arg::from(&mut xs[..])];
    assert_eq!(setup.call(&hir, FuncId(0), args).unwrap().0, Value::I64(7));
    args[3] = Arg::Slice(Slice::Bool(&[true]));
    let refused = |func, args: &mut [Arg<'_>]| match setup.call(&hir, func, args) {
        Err(InterpError::BadCall(message)) => message,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(FuncId(0), args), "`us` is [u8], not [bool]");
    args[3] = Arg::Slice(Slice::U8(&us));
    args[1] = Arg::F64(1.0);
    assert_eq!(refused(FuncId(0), args), "`n` is i64, not f64");
    args[1] = Arg::I64(1);
    args[4] = Arg::Slice(Slice::F64(&[1.0]));
    assert_eq!(refused(FuncId(0), args), "`xs` is `mut`: it needs a mutable slice");
    assert_eq!(refused(FuncId(0), &mut []), "the function takes 5 arguments, not 0");
    assert_eq!(refused(FuncId(77), &mut []), "there is no such function");
    assert_eq!(xs, [3.0]);
    assert_eq!(hir.funcs[0].params[4].ty, Type::Array(Elem::F64));
}

#[test]
fn the_next_run_is_untouched_by_a_trap() {
    let setup = Setup::new("fn f(n: i64) -> i64 { if n == 0 { [1][n + 1] } else { f(n - 1) } } f(3)");
    let hir = setup.hir(Vec::new());
    for _ in 0..3 {
        let Err(InterpError::Trap(trap)) = setup.call(&hir, hir.main.unwrap(), &mut []) else { panic!("it traps") };
        assert_eq!((trap.bounds, trap.stack.len(), trap.fuel_left), (Some((1, 1)), 4, Some(999_999_996)));
    }
}
