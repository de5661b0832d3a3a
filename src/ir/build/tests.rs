//! Programs from their text to IR that is run: what they give, where they trap, what they cost, and what shape they have.

use super::super::interp::{Machine, Stop};
use super::super::print::{print, print_with_source};
use super::super::verify::verify;
use super::{BuildError, BuildOptions, build};
use crate::ir::func::{Func, InstKind};
use crate::opt::{Passes, finish, optimize, optimize_program};
use crate::sema::hir::{FuncId, Hir};
use crate::sema::{Env, HostParams, HostSignature, Input, analyze};
use crate::syntax::{SourceLimits, parse};
use crate::trap::TrapKind;
use crate::types::{Elem, Type};

pub(crate) fn env() -> Env<'static> {
    let input = |name, ty| Input { name, ty, mutable: true };
    let inputs = vec![
        input("x", Type::F64),
        input("n", Type::I64),
        input("b", Type::Bool),
        input("fs", Type::Array(Elem::F64)),
        input("ks", Type::Array(Elem::I64)),
        input("us", Type::Array(Elem::U8)),
    ];
    let hosts = vec![HostSignature { name: "host", params: &HostParams::Scalars, result: Type::F64 }];
    Env { inputs, hosts }
}

#[track_caller]
pub(crate) fn hir(source: &str) -> Hir {
    let (ast, errors) = parse(source, &SourceLimits::default());
    assert!(errors.is_empty(), "{errors:?}");
    match analyze(source, &ast, &env()) {
        Ok(hir) => *hir,
        Err(errors) => panic!("{errors:?}"),
    }
}

#[track_caller]
pub(crate) fn funcs(source: &str, metering: bool) -> Vec<Func> {
    let hir = hir(source);
    let build = |i| build(&hir, FuncId(i as u32), &BuildOptions { metering });
    let funcs: Vec<Func> = (0..hir.funcs.len()).map(|i| build(i).unwrap()).collect();
    for func in &funcs {
        verify(func).unwrap();
    }
    funcs
}

/// What a run left behind.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Vec<u64>, Stop>,
    fuel_used: u64,
    host_calls: Vec<(u32, Vec<u64>)>,
    inputs: Vec<u64>,
}

pub(crate) const X: f64 = 2.5;
pub(crate) const N: i64 = 5;
const FUEL: u64 = 1_000_000;

/// Runs the program's own body with `x = 2.5`, `n = 5`, `b = true`, `fs = [1.5, -2, NaN]`, `ks = [10, 20, 30, 40]`, `us = [1, 255]`.
#[track_caller]
pub(crate) fn run_funcs(funcs: &[Func]) -> Outcome {
    let mut machine = Machine::new(funcs);
    machine.fuel = FUEL;
    let fs = machine.array(&[1.5_f64.to_bits(), (-2_f64).to_bits(), !0]);
    let ks = machine.array(&[10, 20, 30, 40]);
    let us = machine.array(&[1, 255]);
    let end = machine.memory.len();
    let args = [X.to_bits(), N as u64, 1, fs, 3, ks, 4, us, 2];
    let result = machine.call(funcs.len() - 1, &args);
    let fuel_used = FUEL - machine.fuel;
    Outcome { result, fuel_used, host_calls: machine.host_calls, inputs: machine.memory[..end].to_vec() }
}

/// Runs a program as built, and after every set of passes, which must not be seen.
#[track_caller]
fn run(source: &str) -> Outcome {
    let plain = funcs(source, true);
    let outcome = run_funcs(&plain);
    for bits in 1..512 {
        let on = |pass: u32| bits >> pass & 1 != 0;
        let (fold, control, licm, gvn) = (on(0), on(1), on(2), on(3));
        let passes = Passes {
            fold,
            control,
            licm,
            gvn,
            bounds: on(4),
            dce: on(5),
            inline: on(6),
            elementary: on(7),
            speculate: on(8),
        };
        let mut funcs = plain.clone();
        optimize_program(&mut funcs, &passes);
        funcs.iter_mut().for_each(|func| finish(func, &passes));
        funcs.iter().for_each(|func| verify(func).unwrap());
        let text = || funcs.iter().map(print).collect::<String>();
        assert_eq!(run_funcs(&funcs), outcome, "{source}\n{passes:?}\n{}", text());
    }
    outcome
}

#[track_caller]
fn f(source: &str, want: f64) {
    assert_eq!(run(source).result, Ok(vec![want.to_bits()]), "{source}: wanted {want}");
}

#[track_caller]
fn i(source: &str, want: i64) {
    assert_eq!(run(source).result, Ok(vec![want as u64]), "{source}: wanted {want}");
}

#[track_caller]
fn traps(source: &str, kind: TrapKind, at: &str) {
    let Err((got, span, _)) = run(source).result else { panic!("{source} did not trap") };
    assert_eq!((got, &source[span.start as usize..span.end as usize]), (kind, at), "{source}");
}

#[test]
fn formulas() {
    f("x^2 + 1", X * X + 1.0);
    f("x^-3", 1.0 / (X * (X * X)));
    f("x^0", 1.0);
    f("sqrt(x) * 2 - n / 2", X.sqrt() * 2.0 - 2.5);
    f("7 % x", 7.0 % X);
    f("-x^2", -(X * X));
    f("if x > 2 { x } else { 0 }", X);
    f("if x > 3 { x } else if x > 2 { 7 } else { 9 }", 7.0);
    i("n * n - 3", 22);
    i("2^10 + n", 1029);
    i("if b and not (n == 5) { 1 } else { 2 }", 2);
    i("min(n, 3) + max(n, 9) + abs(-n)", 17);
    f("sin(x) + atan2(x, 1)", crate::math::sin(X) + crate::math::atan2(X, 1.0));
    i("bits(-sqrt(-x))", 0x7FF8_0000_0000_0000);
    f("sign(-sqrt(-x))", f64::from_bits(0x7FF8_0000_0000_0000));
    f("copysign(x, -sqrt(-x))", X);
}

#[test]
fn results_are_canonical() {
    f("from_bits(-1)", f64::from_bits(0x7FF8_0000_0000_0000));
    f("fs[2]", f64::from_bits(0x7FF8_0000_0000_0000));
    assert_eq!(run("host(fs[2]);").host_calls, [(0, vec![0x7FF8_0000_0000_0000])]);
}

#[test]
fn short_circuit() {
    i("if n > 9 and ks[n] > 0 { 1 } else { 2 }", 2);
    i("if n < 9 or ks[n] > 0 { 1 } else { 2 }", 1);
    i("if not (n < 9 or ks[n] > 0) { 1 } else { 2 }", 2);
    i("i64(1 < n < ks[0] < ks[1] <= 20)", 1);
    i("i64(n < 1 < ks[9])", 0);
    traps("n > 1 and ks[n] > 0", TrapKind::OutOfBounds, "ks[n]");
    i("var t = 0; if { t += 1; b } and { t += 2; t > 5 } and { t += 4; b } { t } else { t * 10 }", 30);
    i("var t = 0; let c = { t += 1; b } or { t += 2; b }; t", 1);
    i("var t = 0; let c = ({ t = 1; n } < { t = 2; 3 } < { t = 3; 9 }); t", 2);
    i("i64(b and b and b and b and b and b and n > 4 and n > 5)", 0);
    i("i64((n > 9 or ks[0] > 9) and (n > 9 or not (ks[1] > 25 or ks[2] > 35)))", 1);
    // A comparison's operands keep their own type, and each pair is compared as its own types say.
    i("i64(9007199254740993 == 9007199254740992.0 == 9007199254740992)", 1);
}

#[test]
fn variables_are_joined() {
    i("var a = 1; if b { a = 2; } a", 2);
    i("var a = 1; var c = 5; if n > 5 { a = 2; } else if n > 4 { c = 6; } else { a = 9; } a * 10 + c", 16);
    i("var a = 1; { let a = 5; } a", 1);
    i("var s = 0; for k in 0..n { if k == 3 { continue; } s += k; } s", 7);
    i("var s = 0; for k in 0..=n { if k == 4 { break; } s += k; } s", 6);
    i("var s = 0; var k = 0; while k < n { k += 1; if k == 2 { continue; } s += k; } s", 13);
    i("var s = 0; for k in ks { if k == 20 { continue; } s += k; } s", 80);
    i("var s = 0; for a in 0..3 { for c in 0..3 { if c > a { break; } s += 10 * a + c; } } s", 84);
    i("var s = 0; while true { s += 1; if s == 7 { break; } } s", 7);
    i("fn f(n: i64) -> i64 { for k in 0..100 { if k * k > n { return k; } } 0 } f(50)", 8);
    i("var xs = [1, 2]; var ys = [3]; if b { xs = ys; } len(xs) * 10 + xs[0]", 13);
    i("fn f(n: i64) -> i64 { if n > 3 { return 1; } else { return 2; } } f(n)", 1);
    i("fn f(n: i64) -> i64 { while true { if n > 3 { return 1; } } } f(n)", 1);
    i("var t = 3; let r = t + { t = 4; t } + t; r", 11);
}

#[test]
fn ranges_end_where_they_end() {
    i("var c = 0; for k in MAX_I64 - 1..=MAX_I64 { c += 1; } c", 2);
    i("let m = MAX_I64; var c = 0; for k in m..=m { c += 1; } c", 1);
    i("var c = 0; for k in MIN_I64..=MIN_I64 + 1 { c += 1; } c", 2);
    i("var c = 0; for k in n..=n - 1 { c += 1; } c", 0);
    i("var c = 0; for k in n..0 { c += 1; } c", 0);
    i("var s = 0; var hi = 3; for k in 0..hi { hi = 100; s += k; } s", 3);
    i("var s = 0; for k in MAX_I64 - 2..=MAX_I64 { if k == MAX_I64 - 1 { continue; } s += 1; } s", 2);
}

#[test]
fn arrays() {
    i("ks[1..3][1]", 30);
    i("len(ks[2..])", 2);
    i("len(ks[..0])", 0);
    i("ks[0] = 7; ks[0] + ks[1]", 27);
    i("ks[1] += 5; ks[1]", 25);
    i("let a = [1, 2, 3]; a[0] + a[1] + a[2]", 6);
    f("let a = [0.5; n]; sum(a)", 2.5);
    i("us[0] = 200; us[0] + us[1]", 455);
    i("len([2; 0])", 0);
    f("let a: [f32] = [0.1]; a[0]", f64::from(0.1_f32));
    i("sum(ks) + max(ks)", 140);
    f("mean(ks) + dot(fs[0..2], fs[0..2])", 25.0 + 6.25);
    f("fill(fs, x); fs[2]", X);
    i("copy(ks[1..], ks[..3]); ks[1] * 100 + ks[3]", 1030);
}

#[test]
fn traps_come_in_the_order_of_evaluation() {
    traps("ks[n]", TrapKind::OutOfBounds, "ks[n]");
    assert_eq!(run("ks[-1]").result.unwrap_err().2, Some((-1, 4)));
    assert_eq!(run("let s = ks[3..n];").result.unwrap_err().2, Some((5, 4)));
    assert_eq!(run("let s = ks[3..2];").result.unwrap_err().2, Some((2, 4)));
    assert_eq!(run("let s = ks[-2..9];").result.unwrap_err().2, Some((-2, 4)));
    traps("us[9] = 256;", TrapKind::BadCast, "us[9] = 256");
    traps("us[9] = 255;", TrapKind::OutOfBounds, "us[9]");
    traps("us[9] += div(1, 0);", TrapKind::OutOfBounds, "us[9] += div(1, 0)");
    traps("us[1] += 1;", TrapKind::BadCast, "us[1] += 1");
    traps("ks[div(1, n - 5)] = i64(0 / 0.0);", TrapKind::DivideByZero, "div(1, n - 5)");
    traps("1 + MAX_I64 * n * 2", TrapKind::IntegerOverflow, "MAX_I64 * n");
    traps("let a = [0; -1];", TrapKind::BadArgument, "[0; -1]");
    traps("let a: [u8] = [1, 2, 300];", TrapKind::BadCast, "300");
    traps("let a: [u8] = [n * 100; div(1, 0)];", TrapKind::BadCast, "n * 100");
    traps("let a = [0.0; MAX_I64];", TrapKind::OutOfMemory, "[0.0; MAX_I64]");
    traps("fn f(n: i64) -> i64 { f(n + 1) } f(0)", TrapKind::StackOverflow, "f(n + 1)");
    // A trap known beforehand still waits for its turn.
    traps("host(1); let z = div(1, 0); z", TrapKind::DivideByZero, "div(1, 0)");
    assert_eq!(run("host(1); let z = div(1, 0); z").host_calls.len(), 1);
    i("if n > 100 { div(1, 0) } else { 3 }", 3);
    i("let unused = n > 3; let k = ks[0]; 3", 3);
    traps("let unused = n * MAX_I64; 3", TrapKind::IntegerOverflow, "n * MAX_I64");
    traps("let unused = ks[9]; 3", TrapKind::OutOfBounds, "ks[9]");
}

#[test]
fn fuel_is_spent_where_the_language_says() {
    let used = |source: &str| run(source).fuel_used;
    assert_eq!(used("for k in 0..10 {}"), 10);
    assert_eq!(used("for k in 1..=n {}"), 5);
    assert_eq!(used("for k in ks {}"), 4);
    assert_eq!(used("var k = 0; while k < n { k += 1; if b { continue; } }"), 5);
    assert_eq!(used("for k in 0..10 { if k == 3 { break; } }"), 4);
    assert_eq!(used("fn g(x) = x; g(g(1)) + g(2)"), 3);
    assert_eq!(used("let a = [0; 65]; sum(a)"), 4);
    let run_short = |source: &str, fuel: u64| {
        let funcs = funcs(source, true);
        let mut machine = Machine::new(&funcs);
        machine.fuel = fuel;
        let result = machine.call(funcs.len() - 1, &[0; 9]);
        result.map_err(|(kind, span, _)| (kind, source[span.start as usize..span.end as usize].to_owned()))
    };
    let source = "for k in 0..10 { }";
    assert_eq!(run_short(source, 9), Err((TrapKind::OutOfFuel, "for k in 0..10".to_owned())));
    assert_eq!(run_short(source, 10), Ok(vec![]));
    let unmetered = funcs("fn g(x) = x; for k in 0..10 { g(1); }", false);
    let kinds: Vec<InstKind> = unmetered.iter().flat_map(|func| &func.insts).map(|inst| inst.kind).collect();
    assert!(!kinds.contains(&InstKind::MeterLoop));
    assert!(kinds.contains(&InstKind::EnterCall(1)));
}

#[test]
fn arrays_of_an_iteration_are_released() {
    let peak = |source: &str| {
        let funcs = funcs(source, true);
        let mut machine = Machine::new(&funcs);
        machine.call(funcs.len() - 1, &[0; 9]).unwrap();
        machine.peak
    };
    assert!(peak("for k in 0..100 { let a = [0; 10]; }") < 20);
    assert!(peak("for k in 0..100 { let a = [0; 10]; if k % 2 == 0 { continue; } let c = [k]; }") < 30);
    assert!(peak("for j in 0..100 { for k in 0..9 { let a = [0; 10]; if k == 3 { break; } } }") < 30);
    assert!(peak("var k = 0; while k < 100 { k += 1; let a = [0; 10]; if k % 2 == 0 { continue; } }") < 30);
    assert!(peak("fn f(n: i64) { let a = [0; 10]; if n > 3 { return a[1]; } a[0] } for k in 0..100 { f(k); }") < 30);
    assert!(peak("var a = [1]; for k in 0..100 { a = [0; 10]; }") > 1000);
    let kinds = |source: &str| funcs(source, true).iter().flat_map(|f| &f.insts).map(|i| i.kind).collect::<Vec<_>>();
    assert!(!kinds("fn g(n: i64) = n; for k in 0..9 { g(k); }").contains(&InstKind::ArenaMark));
}

/// Runs a long program once, optimised: what it gives, if that is whole numbers.
#[track_caller]
fn run_once(source: &str) -> Result<Vec<u64>, Stop> {
    let mut funcs = funcs(source, true);
    for func in &mut funcs {
        optimize(func, &Passes::ALL);
    }
    run_funcs(&funcs).result
}

/// How deep regions lie inside each other.
fn depth(func: &Func) -> usize {
    let index = crate::ir::index::Index::new(func);
    let depth_of = |mut region: crate::ir::func::RegionId| {
        let mut depth = 0;
        while let Some(owner) = index.owner[region.index()] {
            region = index.region[owner.index()];
            depth += 1;
        }
        depth
    };
    index.order.iter().map(|id| depth_of(index.region[id.index()])).max().unwrap_or(0)
}

#[test]
fn long_chains_stay_flat() {
    let arms: String = (0..20_000).map(|k| format!("if n=={k}{{t={k};}}else ")).collect();
    let source = format!("var t = -1; {arms} {{ }} t");
    let built = funcs(&source, true);
    assert_eq!(depth(&built[0]), 2);
    assert_eq!(run_once(&source), Ok(vec![5]));
    let ands: String = (0..20_000).map(|k| format!(" and ks[0] != {k}")).collect();
    assert_eq!(depth(&funcs(&format!("b{ands}"), true)[0]), 2);
    assert_eq!(run_once(&format!("i64(b{ands})")), Ok(vec![0]));
    let sums: String = (0..50_000).map(|k| format!(" + {k}")).collect();
    assert_eq!(run_once(&format!("n{sums}")), Ok(vec![5 + 49_999 * 25_000]));
    let compares: String = (0..20_000).map(|k| format!(" < {k} + ks[0]")).collect();
    assert_eq!(run_once(&format!("i64(n{compares})")), Ok(vec![1]));
}

#[test]
fn many_variables_take_linear_room() {
    let lets: String = (0..10_000).map(|k| format!("var v{k} = n;")).collect();
    let ifs: String = (0..10_000).map(|k| format!("if b {{ v{k} += 1; }}")).collect();
    let source = format!("{lets} for k in 0..2 {{ {ifs} }} v9999");
    let built = funcs(&source, true);
    assert!(built[0].value_lists.len() < 400_000, "{}", built[0].value_lists.len());
    assert_eq!(run_once(&source), Ok(vec![7]));
    // Each of many ways out carries each of many variables: that would be quadratic.
    let source = format!(
        "{lets} while true {{ {} }}",
        (0..10_000).map(|k| format!("v{k} += 1; if b {{ break; }}")).collect::<String>()
    );
    let hir = hir(&source);
    assert_eq!(build(&hir, FuncId(0), &BuildOptions { metering: true }).err(), Some(BuildError::TooManyJoins));
}

#[test]
fn the_deepest_nesting_needs_little_stack() {
    let nested = |open: &str, middle: &str, close: &str, levels: usize| {
        format!("{}{middle}{}", open.repeat(levels), close.repeat(levels))
    };
    let sources = [
        nested("if b { 1 + ", "n", "} else { 0 }", 190),
        nested("if b { for k in 0..n { ", "host(n);", "} }", 95),
        nested("-abs(", "n", ")", 95),
        nested("ks[", "n", "-n]", 190),
        nested("i64(b and 0 < ", "n", ")", 190),
    ];
    for source in sources {
        let body = move || {
            let (ast, errors) = parse(&source, &SourceLimits::default());
            assert!(errors.is_empty(), "{errors:?}");
            let Ok(hir) = analyze(&source, &ast, &env()) else { panic!("{source} is wrong") };
            let small = std::thread::Builder::new().stack_size(384 << 10);
            let built = std::thread::scope(|scope| {
                let work = || {
                    let mut func = build(&hir, FuncId(0), &BuildOptions { metering: true }).unwrap();
                    optimize(&mut func, &Passes::ALL);
                    func
                };
                small.spawn_scoped(scope, work).unwrap().join().unwrap()
            });
            verify(&built).unwrap();
        };
        std::thread::Builder::new().stack_size(16 << 20).spawn(body).unwrap().join().unwrap();
    }
}

#[test]
fn ir_prints_in_the_order_of_the_text() {
    let source =
        "fn f(xs: [f64], n: i64) -> f64 { var s = 0.0; for k in 0..n { if xs[k] < 0.0 { break; } s += xs[k]; } s } 0";
    let func = &funcs(source, true)[0];
    let want = "\
fn f(v0: ptr, v1: i64, v2: i64) -> f64 {
  v3: f64 = 0.0
  v4: i64 = 0
  v7: f64 = @0 loop (v5: i64, v6: f64 = v4, v3) {
    v8: bool = ilt v5, v2
    @1 if v8 {
      exit @1
    } else {
      exit @0 v6
    }
    meter_loop
    v9: i64 = bounds_check v5, v1
    v10: f64 = load.f64 v0, v9
    v11: f64 = 0.0
    v12: bool = flt v10, v11
    @2 if v12 {
      exit @0 v6
    } else {
      exit @2
    }
    v13: i64 = bounds_check v5, v1
    v14: f64 = load.f64 v0, v13
    v15: f64 = fadd v6, v14
    v16: i64 = 1
    v17: i64 = iadd.wrap v5, v16
    repeat @0 v17, v15
  }
  v18: f64 = fcanon v7
  return v18
}
";
    assert_eq!(print(func), want);
    let text = print_with_source(func, source);
    assert!(text.contains("; 65..70 xs[k]"), "{text}");
}
