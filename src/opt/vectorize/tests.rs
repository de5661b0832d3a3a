//! Kernels in lanes give what their rows give one by one: run as IR, at every number of lanes.

mod random;

use super::{Source, vectorize};
use crate::ir::build::{BuildOptions, build};
use crate::ir::func::{Func, InstKind};
use crate::ir::interp::{Machine, Stop};
use crate::ir::print::print;
use crate::opt::{Passes, optimize};
use crate::sema::hir::FuncId;
use crate::sema::{Env, Input, analyze};
use crate::syntax::{SourceLimits, parse};
use crate::types::{Elem, Type};

/// What the kernels of these tests may use.
const INPUTS: [(&str, Source); 9] = [
    ("x", Source::Column(Elem::F64)),
    ("y", Source::Column(Elem::F64)),
    ("n", Source::Column(Elem::I64)),
    ("m", Source::Column(Elem::I64)),
    ("b", Source::Column(Elem::Bool)),
    ("u", Source::Same(Type::F64)),
    ("k", Source::Same(Type::I64)),
    ("fs", Source::Same(Type::Array(Elem::F64))),
    ("ks", Source::Same(Type::Array(Elem::I64))),
];
const COLUMNS: usize = 5;
const FS: [f64; 5] = [1.5, -2.0, 0.25, 8.0, -0.0];
const KS: [i64; 4] = [3, 0, -7, 100];
const FUEL: u64 = 2_000;

/// A kernel's functions, its row function last.
fn funcs(source: &str) -> Vec<Func> {
    let (ast, errors) = parse(source, &SourceLimits::default());
    assert!(errors.is_empty(), "{source}\n{errors:?}");
    let inputs = INPUTS.iter().map(|(name, from)| Input { name, ty: type_of(*from), mutable: false });
    let env = Env { inputs: inputs.collect(), hosts: Vec::new() };
    let hir = analyze(source, &ast, &env).unwrap_or_else(|errors| panic!("{source}\n{errors:?}"));
    let build = |i: usize| build(&hir, FuncId(i as u32), &BuildOptions { metering: true }).expect("it is built");
    (0..hir.funcs.len()).map(build).collect()
}

fn type_of(source: Source) -> Type {
    match source {
        Source::Column(elem) => elem.scalar(),
        Source::Same(ty) => ty,
    }
}

/// Values of the columns in one row.
type Row = [u64; COLUMNS];

fn row(x: f64, y: f64, n: i64, m: i64, b: bool) -> Row {
    [x.to_bits(), y.to_bits(), n as u64, m as u64, b.into()]
}

/// Ordinary and odd values.
fn rows(count: usize) -> Vec<Row> {
    let floats = [0.5, 2.0, -1.0, 0.0, 3.75, -0.0, 1e9, 7.0, f64::NAN, 0.1, f64::INFINITY, -250.5, 1.0];
    let ints = [3, 0, -1, 7, 2, 100, -8, 5, 1 << 40, 1, 64, -3, 12, i64::MAX, 4, 9, i64::MIN];
    (0..count)
        .map(|i| row(floats[i % 13], floats[(i * 5 + 3) % 13], ints[i % 17], ints[(i * 3 + 4) % 17], i % 3 == 0))
        .collect()
}

/// Rows whose values are small and plain.
fn plain(count: usize) -> Vec<Row> {
    let at = |i: usize| row(i as f64 * 0.25 - 3.0, 2.0 - i as f64, i as i64 % 7, i as i64 - 9, i.is_multiple_of(2));
    (0..count).map(at).collect()
}

struct Fixture<'f> {
    machine: Machine<'f>,
    same: Vec<u64>,
}

fn fixture(funcs: &[Func]) -> Fixture<'_> {
    let mut machine = Machine::new(funcs);
    machine.fuel = FUEL;
    let fs = machine.array(&FS.map(f64::to_bits));
    let ks = machine.array(&KS.map(|k| k as u64));
    Fixture { machine, same: vec![1.25_f64.to_bits(), 3, fs, FS.len() as u64, ks, KS.len() as u64] }
}

/// What each row gives by itself.
fn one_by_one(funcs: &[Func], rows: &[Row]) -> Vec<Result<u64, Stop>> {
    let run = |row: &Row| {
        let Fixture { mut machine, same } = fixture(funcs);
        let args: Vec<u64> = row.iter().chain(&same).copied().collect();
        machine.call(funcs.len() - 1, &args).map(|results| results[0])
    };
    rows.iter().map(run).collect()
}

/// Runs the rows in lanes, and the blocks where it stops one by one: compares, and tells how many blocks were done in lanes, of how many.
#[track_caller]
fn compare(source: &str, func: &Func, block: usize, rows: &[Row], expected: &[Result<u64, Stop>]) -> (usize, usize) {
    let funcs = [func.clone()];
    let Fixture { mut machine, same } = fixture(&funcs);
    let mut args = Vec::new();
    for column in 0..COLUMNS {
        let words: Vec<u64> = rows.iter().map(|row| row[column]).collect();
        args.extend([machine.array(&words), rows.len() as u64]);
    }
    args.extend(same);
    let output = machine.array(&vec![0x5555; rows.len()]);
    args.extend([output, rows.len() as u64]);
    let (mut start, mut done) = (0, 0);
    while start + block <= rows.len() {
        let call: Vec<u64> = args.iter().copied().chain([FUEL, start as u64, rows.len() as u64]).collect();
        machine.fuel = FUEL;
        let stopped = match machine.call(0, &call) {
            Ok(stopped) => stopped[0] as usize,
            // What does not differ between rows may trap as it stands, even where no row gets to it: all rows of the call are done again.
            Err(_) => {
                machine.memory[output as usize..output as usize + rows.len()].fill(0x5555);
                start
            }
        };
        assert!(stopped >= start && (stopped - start) % block == 0, "{source}\nfrom {start} to {stopped}");
        for (row, expected) in expected.iter().enumerate().take(stopped).skip(start) {
            let got = machine.memory[output as usize + row];
            let place = format!("row {row} of {} in blocks of {block}: {got:#x}", rows.len());
            assert_eq!(&Ok(got), expected, "{source}\n{place}\n{}", print(func));
        }
        for row in stopped..rows.len() {
            assert_eq!(machine.memory[output as usize + row], 0x5555, "{source}\nrow {row} is written too early");
        }
        done += (stopped - start) / block;
        // One by one, and left as it was.
        start = stopped + block;
    }
    (done, rows.len() / block)
}

/// The kernel in lanes at each number of them: how many blocks were done so, of how many.
#[track_caller]
fn check(source: &str, rows: &[Row]) -> Result<(usize, usize), String> {
    let mut funcs = funcs(source);
    let last = funcs.len() - 1;
    for func in &mut funcs[..last] {
        optimize(func, &Passes::ALL);
    }
    let expected = one_by_one(&funcs, rows);
    let sources = INPUTS.map(|(_, source)| source);
    let output = match funcs[last].results[0] {
        crate::ir::op::Scalar::F64 => Elem::F64,
        crate::ir::op::Scalar::Bool => Elem::Bool,
        _ => Elem::I64,
    };
    let mut total = (0, 0);
    for lanes in [2, 4, 8] {
        for passes in [Passes::ALL, Passes::NONE] {
            let vectorized = vectorize(&funcs[last], &funcs, &sources, &[output], lanes, &passes)?;
            if let Err(message) = crate::ir::verify::verify(&vectorized.func) {
                panic!("{source}\n{message}\n{}", print(&vectorized.func));
            }
            let (done, of) = compare(source, &vectorized.func, vectorized.block.into(), rows, &expected);
            total = (total.0 + done, total.1 + of);
        }
    }
    Ok(total)
}

/// All of its blocks are done in lanes.
#[track_caller]
fn all(source: &str) {
    for count in [0, 1, 7, 8, 9, 40] {
        let (done, of) = check(source, &plain(count)).unwrap();
        assert_eq!(done, of, "{source}");
    }
    check(source, &rows(68)).unwrap();
}

#[test]
fn straight_lines() {
    all("x * y + u");
    all("sqrt(x * x + y * y) < 2");
    all("n * 3 + m - k");
    all("n * m + abs(m) - -n");
    all("if x > 0.5 { x * y } else { u - x }");
    all("b or x < y");
    all("not b");
    all("min(x, y) + f64(n) + f64(b)");
    all("u * 2");
    all("k > 2");
    all("if b { n } else { k }");
    all("if b { x > 1 } else { y > 1 }");
    all("n ^ 3 + m ^ 2");
}

#[test]
fn divisions_and_casts() {
    all("div(m, n + 1)");
    all("floor_div(m, n + 1) + floor_mod(m, 5) - m % (n + 2)");
    all("i64(x * 4) + i64(b)");
    all("div(m, 3) * 2 + floor_div(m, -3)");
    all("m % 7 == 0");
}

#[test]
fn whole_numbers_are_exact_near_the_ends() {
    let large = [
        1 << 53,
        (1 << 53) - 1,
        -(1 << 53),
        i64::MAX,
        i64::MIN,
        3_037_000_500,
        3_037_000_499,
        -3_037_000_500,
        1 << 31,
        7,
        1,
        2,
    ];
    let rows: Vec<Row> =
        large.iter().flat_map(|&n| large.iter().map(move |&m| row(n as f64, m as f64, n, m, n > m))).collect();
    for source in [
        "n * m",
        "n + m",
        "n - m",
        "n * 1000003",
        "n * -3",
        "n + 17",
        "n - 17",
        "n + -17",
        "n - -17",
        "-n",
        "abs(n)",
        "n ^ 2",
        "div(n, m)",
        "floor_div(n, m)",
        "n % m",
        "floor_mod(n, m)",
        "i64(x)",
        "i64(x / 2)",
        "n * -1",
        "n * 0",
    ] {
        let (done, of) = check(source, &rows).unwrap();
        assert!(done * 20 > of, "{source}: {done} of {of}");
    }
}

#[test]
fn conditions_nest() {
    all("if x > 0 { if y > 0 { x + y } else if b { x - y } else { 0 } } else { exp(x) }");
    all("(if x > 0 { sqrt(x) } else { ln(1 - x) }) * (if b and y < 0 or n > 3 { 2 } else { 3 })");
    all("var s = x; if b { s += 1; if n > 2 { s *= y; } } else { s = u; } s");
    all("if k > 2 { if b { x } else { y } } else { x * y }");
    all("if b { if k > 2 { x } else { y } } else { x * y }");
}

#[test]
fn loops() {
    all("var s = 0.0; for i in 0..4 { s = s * x + f64(i); } s");
    all("var s = 0; for i in 0..n { s += i * m; } s");
    all("var s = 0; for i in 0..n { if i % 2 == 0 { continue; } s += i; } s");
    all("var i = 0; var z = x; while i < 20 and z < 100 { z = z * z + u; i += 1; } i");
    all("var s = 0; for i in 0..n { for j in 0..i { if j == 3 { break; } s += j; } } s");
    all("var s = 0.0; for i in 0..k { if x > f64(i) { s += y; } else { break; } } s");
    all("var i = n; while true { i += 1; if i > 10 { break; } } i");
    all("var s = 0.0; for f in fs { s = s * x + f; } s");
    all("if b { var s = 0; for i in 0..n { s += k; } s } else { m }");
    all("if b { var s = 0.0; for i in 0..5 { s += x; } s } else { y }");
}

#[test]
fn mandelbrot() {
    all("var a = 0.0; var c = 0.0; var i = 0;
        while i < 50 and a * a + c * c <= 4 { let t = a * a - c * c + x; c = 2 * a * c + y; a = t; i += 1; } i");
}

#[test]
fn functions_return_early() {
    all(
        "fn f(t, n: i64) -> f64 { if t < 0 { return 0; } for i in 0..n { if f64(i) > t { return f64(i); } } t } f(x, n) + f(y, 3)",
    );
    all("fn g(t) -> i64 { if t > 1 { return 1; } if t > 0 { return 2; } if t > -1 { return 3; } 4 } g(x) * 10 + g(y)");
    all("fn h(n: i64) = n * 2; fn g(n: i64) = h(n) + h(n + 1); if b { g(n) } else { h(m) }");
}

#[test]
fn tables() {
    all("fs[n % 5]");
    all("ks[k] + m");
    all("fs[0] * x + fs[len(fs) - 1]");
    all("if 0 <= m < len(ks) { ks[m] } else { -1 }");
    all("var s = 0.0; for i in 0..len(fs) { s += fs[i] * x; } s");
    check("ks[n]", &rows(68)).unwrap();
    let (done, of) = check("let i = if m > 40 { 9 } else { 2 }; ks[i]", &plain(68)).unwrap();
    assert!(done > 0 && done < of);
}

#[test]
fn functions_of_mathematics() {
    all("sin(x) * exp(-(y * y)) + ln(1 + u * u)");
    all("if b { exp(x) } else { atan2(x, y) }");
    all("exp(u) * x");
    all("x % 1.5 + hypot(x, y)");
}

#[test]
fn many_functions_of_mathematics_are_called_by_lanes() {
    let source = format!("var s = x; {} s", "s = exp(s * 0.01); ".repeat(300));
    all(&source);
    let mut funcs = funcs(&source);
    let row = funcs.remove(0);
    let vectorized = vectorize(&row, &funcs, &INPUTS.map(|(_, source)| source), &[Elem::F64], 4, &Passes::ALL).unwrap();
    let order = crate::ir::index::Index::new(&vectorized.func).order;
    let calls = order.iter().filter(|&&id| matches!(vectorized.func.inst(id).kind, InstKind::MathLanes(_))).count();
    // Each that is written out has a call for rare arguments.
    assert_eq!(calls, 300);
    assert!(vectorized.func.insts.len() < 40_000);
}

#[test]
fn rows_that_never_end_do_not_hold_others_up() {
    let (done, of) = check("while n == 5 { } m", &plain(40)).unwrap();
    assert!(done < of, "{done} of {of}");
    let (done, of) = check("if n == 50 { while k == 3 { } } m", &plain(40)).unwrap();
    assert_eq!(done, of);
    let (done, of) = check("if n == 50 { while true { } } m", &plain(40)).unwrap();
    assert_eq!(done, of);
    let (done, of) = check("if n == 5 { while true { } } m", &plain(40)).unwrap();
    assert!(done < of, "{done} of {of}");
}

#[test]
fn what_stays_scalar_says_why() {
    let why = |source: &str| check(source, &plain(9)).unwrap_err();
    assert_eq!(why("let a = [x, y]; a[n % 2]"), "it makes or writes arrays");
    assert_eq!(
        why("fn f(n: i64) -> i64 { if n < 1 { 0 } else { f(n - 1) } } f(n)"),
        "its functions call each other too deep, or themselves"
    );
    assert_eq!(why("sum(fs[n..])"), "it slices arrays");
    assert_eq!(why("sum(fs) * x"), "it computes with whole arrays");
    assert_eq!(why("gcd(n, m)"), "`igcd` has no vector form");
    assert_eq!(why("let a = if b { fs } else { fs[1..] }; a[0]"), "it chooses among arrays");
    assert_eq!(why("var i = 0; while true { i += 1; } i"), "it never gives a value");
    assert_eq!(why("fn f() -> i64 { while true { } } fn g() -> i64 { f() } g() + n"), "it never gives a value");
}

#[test]
fn what_is_the_same_is_computed_once() {
    let mut funcs = funcs("exp(u) * x + sqrt(u)");
    let last = funcs.len() - 1;
    let row = funcs.remove(last);
    let sources = INPUTS.map(|(_, source)| source);
    let vectorized = vectorize(&row, &funcs, &sources, &[Elem::F64], 4, &Passes::ALL).unwrap().func;
    let blocks = vectorized.insts.iter().find_map(|inst| match inst.kind {
        InstKind::Loop(region) => Some(region),
        _ => None,
    });
    let region = &vectorized.regions[blocks.expect("a loop").index()];
    let kinds: Vec<InstKind> = region.insts.iter().map(|&id| vectorized.inst(id).kind).collect();
    let floats = kinds.iter().filter(|kind| matches!(kind, InstKind::Op(op) if op.name().starts_with('f'))).count();
    // The product, the sum and the one NaN, of two vectors.
    assert_eq!(floats, 6, "{}", print(&vectorized));
}
