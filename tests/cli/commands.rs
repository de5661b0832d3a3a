//! `run`, `eval`, `check` and `emit`.

use crate::{fails, file, run, run_with, writes, writes_for};

#[test]
fn eval_writes_the_value() {
    for (expr, value) in [
        ("1 + 2", "3\n"),
        ("sqrt(2)", "1.4142135623730951\n"),
        ("1e300 * 1e300", "inf\n"),
        ("-1.0 / 0", "-inf\n"),
        ("0.0 / 0", "NaN\n"),
        ("-0.0", "-0.0\n"),
        ("1 < 2", "true\n"),
        ("[1, 2, 3]", "[1, 2, 3]\n"),
        ("[0.5, 1]", "[0.5, 1.0]\n"),
        ("{ let xs: [f32] = [0.1]; xs }", "[0.1]\n"),
        ("[true, false]", "[true, false]\n"),
        ("[1][1..]", "[]\n"),
        ("let x = 2;", ""),
        ("", ""),
        ("-2^2", "-4\n"),
        ("fn f(n: i64) -> i64 { if n < 2 { n } else { f(n - 1) + f(n - 2) } } f(20)", "6765\n"),
    ] {
        writes(&["eval", expr], value);
        writes(&["eval", "--engine", "interp", expr], value);
        writes_for(&["eval", "-"], expr, value);
    }
}

#[test]
fn values_are_given_by_name() {
    for (value, shown) in [
        ("x=1", "1"),
        ("x=-1", "-1"),
        ("x=1.5", "1.5"),
        ("x = 1e-9", "1e-9"),
        ("x=true", "true"),
        ("x=[1, 2]", "[1, 2]"),
        ("x=[0.5]", "[0.5]"),
        ("x=[true]", "[true]"),
        ("x:f64=2", "2.0"),
        ("x:[f64]=[1]", "[1.0]"),
        ("x:[f32]=[0.1]", "[0.1]"),
        ("x:[i64]=[]", "[]"),
        ("x:[i32]=[-5]", "[-5]"),
        ("x:[u8]=[255]", "[255]"),
        ("x:[bool]=[false]", "[false]"),
        ("x=PI/2", "1.5707963267948966"),
    ] {
        writes(&["eval", "-v", value, "x"], &format!("{shown}\n"));
        writes(&["eval", "--value", value, "x", "--engine", "interp"], &format!("{shown}\n"));
    }
    writes(&["eval", "a * x + b", "-v", "a=2", "-v", "x=1.5", "-v", "b=1"], "4.0\n");
    writes(&["eval", "x", "-v", "x=1", "-v", "x=2"], "2\n");
    writes(&["eval", "1", "-v", "unused=2"], "1\n");
    fails(&["eval", "x"], 1, &["E0100", "expression:1:1"]);
    fails(&["eval", "x", "-v", "x"], 2, &["cresset: `x`: write a value as NAME=VALUE, like x=1.5"]);
    fails(&["eval", "x", "-v", "x="], 2, &["cresset: the value of `x` is none"]);
    fails(&["eval", "x", "-v", "x=y"], 2, &["cresset: the value of `x` is wrong", "E0100", "value:1:1"]);
    fails(&["eval", "x", "-v", "x=[1][2]"], 2, &["the value of `x` is wrong", "OutOfBounds"]);
    fails(&["eval", "x", "-v", "é=1"], 2, &["before `=` stands a name"]);
}

#[test]
fn run_writes_what_is_printed_and_the_value() {
    let program = file("hello.cresset", "for i in 0..3 { print(i, i * 0.5, i == 1); }\nput(0x263A); put(10); n * 2\n");
    let printed = "0 0.0 false\n1 0.5 true\n2 1.0 false\n☺\n";
    writes(&["run", &program, "n=21"], &format!("{printed}42\n"));
    writes(&["run", &program, "-v", "n=21"], &format!("{printed}42\n"));
    writes(&["run", &program, "n=1", "-v", "n=2.5"], &format!("{printed}5.0\n"));
    let text = std::fs::read_to_string(&program).unwrap();
    writes_for(&["run", "-", "n=1"], &text, &format!("{printed}2\n"));
    writes_for(&["run", "-"], "put_number(PI, 8, 3); put(10); put_number(-1, 0, 0); print();", "   3.142\n-1\n");
    fails(&["run", &program], 1, &["E0100", "hello.cresset:2:23", "`n`"]);
    fails(&["run", "/nowhere/x.cresset"], 2, &["cresset: cannot read /nowhere/x.cresset"]);
    fails(&["run", "/"], 2, &["cresset: cannot read /"]);
}

#[test]
fn a_trap_comes_after_what_was_printed() {
    let done = run_with(&["run", "-"], b"print(1);\nput(50);\nfn f(n: i64) = div(1, n);\nf(0)");
    assert_eq!((done.stdout.as_str(), done.status), ("1\n2", Some(1)));
    assert_eq!(
        done.stderr,
        "error[DivideByZero]: division by zero\n  ┌─ standard input:3:16\n  │\n3 │ fn f(n: i64) = div(1, n);\n  │                ^^^^^^^^^\n  │\n  = in `f`, called at standard input:4:1\n"
    );
    fails(&["eval", "put(-1)"], 1, &["BadArgument"]);
    fails(&["eval", "put(0xD800)"], 1, &["BadArgument"]);
    fails(&["eval", "put_number(1, 1001, 0)"], 1, &["BadArgument"]);
    fails(&["eval", "put_number(1, 0, -1)"], 1, &["BadArgument"]);
}

#[test]
fn mistakes_come_with_their_lines() {
    let done = run(&["eval", "let x = 1;\nlet y = x ** 2;\nz"]);
    assert_eq!((done.stdout.as_str(), done.status), ("", Some(1)));
    assert!(done.stderr.starts_with("error[E0018]: "), "{}", done.stderr);
    assert!(done.stderr.contains("expression:2:11") && done.stderr.contains("2 │ let y = x ** 2;"), "{}", done.stderr);
    assert!(done.stderr.contains("error[E0100]: ") && done.stderr.contains("expression:3:1"), "{}", done.stderr);
    fails(&["eval", "--engine", "interp", "1 +"], 1, &["E0012"]);
}

#[test]
fn texts_that_are_none_are_refused() {
    for (text, code) in [(&b"\xff + 1"[..], "E0002"), (&b"\x00"[..], "E0004"), (&[b' '; (1 << 20) + 1], "E0001")] {
        let done = run_with(&["run", "-"], text);
        assert_eq!((done.stdout.as_str(), done.status), ("", Some(1)));
        assert!(done.stderr.contains(code), "{code}: {}", done.stderr);
    }
    // What never ends is not read to its end.
    fails(&["run", "/dev/zero"], 1, &["E0001"]);
}

#[test]
fn check_lists_functions_and_inputs() {
    let program = file("check.cresset", "const K = 2;\nfn f(x, mut ys: [f32]) { ys[0] = x; }\nfn g() = K;\na * b\n");
    let functions = "fn f(x: f64, mut ys: [f32])\nfn g() -> i64\n";
    writes(
        &["check", &program, "-v", "a=1", "-v", "b=[1.5][0]"],
        &format!("{functions}input a: i64\ninput b: f64\nno mistakes found\n"),
    );
    writes(
        &["check", &program, "-v", "a=1"],
        &format!(
            "{functions}input b\nno mistakes found so far; to check types, give each input a value, like -v b=1.0\n"
        ),
    );
    writes_for(&["check", "-"], "while true { print(1); }", "no mistakes found\n");
    writes_for(
        &["check", "-", "--json"],
        "fn f(x) = x; f(a)",
        "{\"ok\":{\"functions\":[\"fn f(x: f64) -> f64\"],\"inputs\":[],\"unbound\":[\"a\"]}}\n",
    );
    let done = run_with(&["check", "-"], b"1 + true");
    assert_eq!((done.stdout.as_str(), done.status), ("", Some(1)));
    assert!(done.stderr.contains("E0112") && done.stderr.contains("standard input:1:"), "{}", done.stderr);
    let done = run_with(&["check", "-", "--json"], b"1 + true");
    assert_eq!((done.stderr.as_str(), done.status), ("", Some(1)));
    assert!(done.stdout.starts_with("{\"errors\":[{\"code\":\"E0112\",\"message\":"), "{}", done.stdout);
}

/// Shows a stage of a program.
fn emit(args: &[&str]) -> String {
    let done = run_with(&[&["emit", "-"], args].concat(), b"fn f(x) = x * 3;\nvar n = 0; while n < 9 { n += 1; } f(n)");
    assert_eq!((done.stderr.as_str(), done.status), ("", Some(0)), "{args:?}");
    done.stdout
}

#[test]
fn emit_shows_each_stage() {
    assert!(emit(&["--stage", "ast"]).contains("while"));
    assert!(emit(&["--stage", "hir"]).contains("f64"));
    let ir = emit(&["--stage", "ir"]);
    assert!(ir.contains("fn f(v0: f64) -> f64 {") && ir.contains("fmul v0") && ir.contains("meter_loop"), "{ir}");
    assert!(!emit(&["--stage", "ir", "--no-metering"]).contains("meter_loop"));
    let x64 = emit(&["--target", "x86-64"]);
    assert!(x64.contains("f:") && x64.contains("vmulsd") && x64.contains("x * 3"), "{x64}");
    assert_eq!(x64, emit(&["--stage", "asm", "--target", "x86-64-v3"]));
    assert!(emit(&["--target", "x86-64-v4"]).contains("f:"));
    let a64 = emit(&["--target", "aarch64"]);
    assert!(a64.contains("f:") && a64.contains("fmul d"), "{a64}");
    let native = if cfg!(target_arch = "aarch64") { a64 } else { x64 };
    assert!(native.lines().next() == emit(&[]).lines().next());
    let bytes = emit(&["--stage", "bytes", "--target", "aarch64"]);
    assert!(bytes.lines().any(|line| line == "f:") && bytes.contains("c0 03 5f d6"), "{bytes}");
    let json = emit(&["--stage", "ir", "--json"]);
    assert!(json.starts_with("{\"ok\":{\"stage\":\"ir\",\"text\":\"fn f(v0: f64) -> f64 {\\n"), "{json}");
    for stage in ["ast", "hir", "ir", "asm", "bytes"] {
        let done = run_with(&["emit", "-", "--stage", stage, "--target", "x86-64"], b"1 +");
        assert_eq!((done.stdout.as_str(), done.status), ("", Some(1)), "{stage}");
        assert!(done.stderr.contains("error[E0012]") && done.stderr.contains("standard input:1:"), "{}", done.stderr);
    }
    assert!(run_with(&["emit", "-", "-v", "x=1", "--stage", "ir"], b"x + 1").stdout.contains("iadd"));
}

#[test]
fn help_and_version_are_there() {
    writes(&["--version"], concat!("cresset ", env!("CARGO_PKG_VERSION"), "\n"));
    for args in [&["--help"][..], &["help"], &["run", "--help"], &["eval", "-h"], &["check", "--help"], &["emit", "-h"]]
    {
        let done = run(args);
        assert_eq!((done.stderr.as_str(), done.status), ("", Some(0)), "{args:?}");
        assert!(done.stdout.contains("Usage: cresset"), "{}", done.stdout);
    }
    for args in [
        &["frob"][..],
        &["run"],
        &["eval"],
        &["run", "x", "--frob"],
        &["emit", "-", "--stage", "x"],
        &["eval", "1", "--lines"],
    ] {
        fails(args, 2, &["error: ", "try '--help'"]);
    }
}
