//! The REPL fed by a pipe: no prompt, answers in order, errors that keep the session.

use crate::{run_with, writes_for};

#[track_caller]
fn session(entries: &str, stdout: &str, stderr: &[&str]) {
    for args in [&["repl"][..], &[], &["repl", "--engine", "interp"]] {
        let done = run_with(args, entries.as_bytes());
        let status = if stderr.is_empty() { 0 } else { 1 };
        assert_eq!((done.stdout.as_str(), done.status), (stdout, Some(status)), "{}", done.stderr);
        assert_eq!(done.stderr.is_empty(), stderr.is_empty(), "{}", done.stderr);
        for word in stderr {
            assert!(done.stderr.contains(word), "{word}: {}", done.stderr);
        }
    }
}

#[test]
fn what_is_defined_stays() {
    session("let x = 2\nx^10\n", "1024\n", &[]);
    session("let x = 2;\nvar y = x * 1.5;\ny += 1\ny", "4.0\n", &[]);
    session("fn f(n: i64) = n * k\n", "", &["E0100"]);
    session("const k = 3\nfn f(n: i64) = n * k\nf(14)\nconst k = 1\nf(14)", "42\n14\n", &[]);
    session("var xs = [1, 2, 3]\nxs[1] = 20\nxs\nsum(xs)", "[1, 20, 3]\n24\n", &[]);
    session("var xs: [f32] = [0.1, 0.2]\nxs[0] *= 2\nxs", "[0.2, 0.2]\n", &[]);
}

#[test]
fn entries_go_on_over_lines() {
    session("fn f(\n  x\n) {\n  x +\n  1\n}\nf(1)\n", "2.0\n", &[]);
    session("/* one\n two */ 3\n", "3\n", &[]);
    session("1 +\n\n2\n4", "3\n4\n", &[]);
    session("[1,\n2]\n", "[1, 2]\n", &[]);
    session("1\n(2", "1\n", &["E0015"]);
}

#[test]
fn errors_keep_the_session() {
    session("let x = 1\nx + * 2\nx + 1", "2\n", &["E0012"]);
    session("var n = 1\nn = div(1, 0)\nn", "1\n", &["DivideByZero", "entry:1:5"]);
    session("let x = 1\nlet y = zzz\nx", "1\n", &["E0100"]);
    session("let x = 1\n:frob\nx", "1\n", &["there is no command :frob"]);
}

#[test]
fn commands_are_obeyed() {
    session("let x = 2\nfn f(x) = x;\n:list\n:clear\n:list\n", "fn f(x) = x;\nlet x: i64 = 2;\n", &[]);
    session("1\n:quit\n2", "1\n", &[]);
    session("1\nexit\n2", "1\n", &[]);
    let help = run_with(&["repl"], b":help");
    assert!(help.stdout.contains(":list") && help.stdout.contains("Ctrl-D"), "{}", help.stdout);
}

#[test]
fn programs_print_before_their_value() {
    session("print(1, true); put(65); put(10); 5", "1 true\nA\n5\n", &[]);
    session("fn hello() { print(42); }\nhello()\nhello();", "42\n42\n", &[]);
}

#[test]
fn long_arrays_are_cut() {
    let done = run_with(&["repl"], b"[0; 1_000_000]");
    assert!(done.stdout.ends_with(", 0, \u{2026} 999000 more]\n") && done.stdout.len() < 4_000);
}

#[test]
fn limits_hold_for_each_entry() {
    let args = ["repl", "--fuel", "1000"];
    let done = run_with(&args, b"let x = 1\nwhile true { }\nfor i in 0..900 { }\nfor i in 0..900 { }\nx");
    assert_eq!((done.stdout.as_str(), done.status), ("1\n", Some(1)));
    assert_eq!(done.stderr.matches("OutOfFuel").count(), 1, "{}", done.stderr);
}

#[test]
fn any_bytes_are_answered() {
    let done = run_with(&["repl"], b"1\n\xff\xfe\n2\r\n\r\n3");
    assert_eq!((done.stdout.as_str(), done.status), ("1\n2\n3\n", Some(1)));
    writes_for(&["repl"], "", "");
    let long = [&[b'1'; 3 << 20][..], b"\n4\n"].concat();
    let done = run_with(&["repl"], &long);
    assert_eq!((done.stdout.as_str(), done.status), ("4\n", Some(1)));
    assert!(done.stderr.contains("E0001") && done.stderr.len() < 1_000, "{:.300}", done.stderr);
}
