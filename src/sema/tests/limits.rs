//! Large and deep programs: no stack, linear time.

use super::*;
use std::time::{Duration, Instant};

fn analyze_with(source: &str, stack: usize) -> Result<usize, String> {
    let limits = SourceLimits { nesting: 1000, ..SourceLimits::default() };
    let (ast, errors) = parse(source, &limits);
    assert!(errors.is_empty(), "{errors:?}");
    let work = || match analyze(source, &ast, &env()) {
        Ok(hir) => Ok(hir::print(&hir).len()),
        Err(errors) => Err(errors.as_slice()[0].to_string()),
    };
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, work).unwrap().join().unwrap()
    })
}

#[test]
fn the_deepest_nesting_fits_a_small_stack() {
    let deep = [
        ("-(", "1", ")", 490),
        ("abs(", "1", ")", 990),
        ("f(", "1", ")", 990),
        ("{ ", "1", " }", 990),
        ("{ let a = ", "1", "; a }", 990),
        ("{ var a = 1; a += ", "1", "; a }", 990),
        ("{ outs[0] = ", "1", "; 1 }", 990),
        ("if ok { ", "1", " } else { 2 }", 990),
        ("if ok { ", "", " }", 990),
        ("while ok { ", "", " }", 990),
        ("for i in 0..1 { ", "", " }", 990),
        ("for v in ins { ", "", " }", 990),
        ("if ", "ok", " { true } else { false }", 990),
        ("as[", "0", "]", 990),
        ("len(ins[", "0", "..])", 490),
        ("2 ^ ", "1", "", 990),
        ("not ", "ok", "", 990),
        ("(1 + ", "1", ")", 990),
        ("(ok and ", "ok", ")", 990),
        ("(ok == ", "ok", ")", 990),
        ("[", "1", "][0]", 990),
        ("[0; ", "1", "][0]", 990),
        ("min(1, ", "1", ")", 990),
        ("return { ", "1", " };", 990),
    ];
    for (open, middle, close, count) in deep {
        let source = format!("let as = [1]; fn f(x) = x; {}{middle}{}", open.repeat(count), close.repeat(count));
        let size = analyze_with(&source, 1 << 20);
        assert!(size.as_ref().is_ok_and(|&size| size > 0), "{open}: {size:?}");
    }
}

/// The time that a program takes, which has to be accepted.
fn time(source: &str) -> Duration {
    let (ast, errors) = parse(source, &SourceLimits::default());
    assert!(errors.is_empty(), "{errors:?}");
    let start = Instant::now();
    let _ = analyze(source, &ast, &env());
    start.elapsed()
}

/// Sixteen times the text takes far less than 256 times as long; what takes less than a millisecond tells nothing.
#[track_caller]
fn linear(make: impl Fn(usize) -> String, count: usize) {
    let (some, all) = (make(count / 16), make(count));
    let (mut small, mut large) = (Duration::MAX, Duration::MAX);
    // Other work may take the machine away in between, so that one look does not decide.
    for _ in 0..12 {
        small = small.min(time(&some).max(Duration::from_millis(1)));
        large = large.min(time(&all));
        if large < small * 100 {
            return;
        }
    }
    panic!("{small:?} for a sixteenth, {large:?} for all");
}

#[test]
fn time_is_linear() {
    linear(|n| "x + ".repeat(n) + "x", 40_000);
    linear(|n| "n + ".repeat(n) + "x", 40_000);
    linear(|n| "x < ".repeat(n) + "x", 40_000);
    linear(|n| "ok and ".repeat(n) + "ok", 40_000);
    linear(|n| format!("{} 1", "let a = x;".repeat(n)), 20_000);
    linear(|n| "{ let a = x; }".repeat(n), 20_000);
    linear(|n| format!("ins{}", "[0..]".repeat(n)), 40_000);
    linear(|n| format!("[{}]", "1,".repeat(n)), 80_000);
    linear(|n| format!("{} {{ 1 }}", "if ok { 1 } else ".repeat(n)), 20_000);
    linear(|n| format!("min({})", vec!["x"; n].join(",")), 80_000);
    linear(|n| (0..n).map(|i| format!("nope{i};")).collect(), 20_000);
    linear(
        |n| (0..n).map(|i| format!("const A{i} = A{} + 1;", i + 1)).collect::<String>() + &format!("const A{n} = 0;"),
        20_000,
    );
    linear(|n| (0..n).map(|i| format!("nope{i}();")).collect(), 20_000);
}

#[test]
fn ten_thousand_functions_in_any_order() {
    let forward: String = (0..9_999).map(|i| format!("fn f{i}() = f{}();", i + 1)).collect();
    assert_eq!(analyze_with(&(forward.clone() + "fn f9999() = 1; f0()"), 1 << 20).map(|n| n > 0), Ok(true));
    let backward: String = (1..10_000).map(|i| format!("fn f{i}() = f{}();", i - 1)).collect();
    assert_eq!(result(&(backward + "fn f0() = 1.5; f9999()")), Type::F64);
    let hir = checked(&(forward.replace("() =", "() -> i64 =") + "fn f9999() -> i64 = f0();"));
    assert!(hir.funcs.iter().take(10_000).all(|f| f.recursive));
}

#[test]
fn names_in_messages_are_cut() {
    let errors = wrong(&"a".repeat(500));
    assert!(errors[0].message.len() < 200 && errors[0].message.contains('…'));
}

#[test]
fn trees_with_errors_are_checked_too() {
    for source in
        ["let a = ; a + 1", "fn f( { } f(1)", "if { 1 }", "[1, ", "xs[", "1 +", "let = 3;", "fn f(a) = ; f(2)"]
    {
        let (ast, errors) = parse(source, &SourceLimits::default());
        assert!(!errors.is_empty(), "{source}");
        if let Ok(hir) = analyze(source, &ast, &env()) {
            assert!(hir.funcs.len() <= ast.fns.len() + 1);
        }
        free_names(&ast);
    }
}

#[test]
fn messages_stay_short_whatever_the_text() {
    let name = "n".repeat(5000);
    let params = format!("{name}1: i64, {name}2: i64");
    for source in [
        format!("let {name} = 1; {name} = 2;"),
        format!("var {name} = 1; {name} += 0.5;"),
        format!("let {name} = [1]; {name}[0] = 2; var b = {name}; fill({name}, 1);"),
        format!("fn {name}({params}) = 1; {name}(1); {name}(1, true); {name} + 1"),
        format!("fn f(mut {name}) = {name}; fn g({name}: [f64]) {{ {name}[0] = 1; }}"),
        format!("{name}(1); {name}; {name} = 1;"),
        format!("ins[{}]", "x + ".repeat(2000) + "x"),
        format!("let {name} = 1; {name}(2); fn f() = {name};"),
        format!("const {name} = {name};"),
        "ins[x /* \u{1b}[31m \u{202e} */ + 1]".to_string(),
    ] {
        for error in wrong(&source) {
            let told = format!("{} {}", error.message, error.help.unwrap_or_default());
            assert!(told.len() < 500, "{told}");
            assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
        }
    }
}
