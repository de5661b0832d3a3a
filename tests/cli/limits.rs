//! Limits and engines chosen on the command line.

use crate::{fails, run, writes};
use std::time::Instant;

#[test]
fn fuel_is_exact() {
    writes(&["eval", "--fuel", "10", "var n = 0; for i in 0..10 { n += i; } n"], "45\n");
    fails(&["eval", "--fuel", "9", "var n = 0; for i in 0..10 { n += i; } n"], 1, &["OutOfFuel", "for i in 0..10"]);
    writes(&["eval", "--fuel", "1_000", "--engine", "interp", "for i in 0..1000 { }"], "");
    writes(&["eval", "--fuel", "none", "for i in 0..1000 { }"], "");
    for wrong in ["-1", "x", "", "1.5", "_"] {
        fails(&["eval", &format!("--fuel={wrong}"), "1"], 2, &["write a whole number, or `none`"]);
    }
}

#[test]
fn time_is_bounded() {
    for engine in ["jit", "interp"] {
        let start = Instant::now();
        fails(&["eval", "--timeout", "50ms", "--engine", engine, "while true { }"], 1, &["Interrupted", "while true"]);
        assert!(start.elapsed() < crate::PATIENCE);
    }
    for right in ["1s", "1.5s", "2m", "1min", "1h", "none", "10 s", "900000us", "5µs"] {
        writes(&["eval", "--timeout", right, "1"], "1\n");
    }
    for wrong in ["50", "-1s", "x", "infs", "1e300h"] {
        fails(&["eval", &format!("--timeout={wrong}"), "1"], 2, &["write a time as `50ms`"]);
    }
}

#[test]
fn memory_is_bounded() {
    writes(&["eval", "--memory", "8000", "len([0.0; 1000])"], "1000\n");
    fails(&["eval", "--memory", "7999", "len([0.0; 1000])"], 1, &["OutOfMemory", "[0.0; 1000]"]);
    fails(&["eval", "len([0.0; MAX_I64])"], 1, &["OutOfMemory"]);
    writes(&["eval", "--memory", "1MiB", "len([0.0; 1 ^ 2])"], "1\n");
    writes(&["eval", "--memory", "0", "1"], "1\n");
    for wrong in ["-1", "x", "", "1.5GB", "99999999999GiB", "1 XB"] {
        fails(&["eval", &format!("--memory={wrong}"), "1"], 2, &["write a size as `64MiB`"]);
    }
}

#[test]
fn depth_is_exact() {
    let program = "fn f(n: i64) -> i64 { if n == 0 { 0 } else { 1 + f(n - 1) } } f(99)";
    writes(&["eval", "--depth", "100", program], "99\n");
    fails(&["eval", "--depth", "99", program], 1, &["StackOverflow", "more calls", "in `f`, called at expression:1:"]);
    fails(&["eval", "fn f(n: i64) -> i64 { f(n + 1) } f(0)"], 1, &["StackOverflow", "… 9968 more calls"]);
    fails(&["eval", "--depth", "x", "1"], 2, &["invalid value 'x'"]);
}

#[test]
fn engines_and_processors_agree() {
    let program = "var s = 0.0; for i in 1..100 { s += sin(i) / i; } s";
    let expected = run(&["eval", "--engine", "interp", program]).stdout;
    assert_eq!(run(&["eval", program]).stdout, expected);
    assert_eq!(run(&["eval", "--engine", "jit", program]).stdout, expected);
    if cfg!(target_arch = "x86_64") {
        assert_eq!(run(&["eval", "--cpu", "x86-64-v3", program]).stdout, expected);
    } else {
        fails(&["eval", "--cpu", "x86-64-v3", program], 2, &["cresset: "]);
    }
    fails(&["eval", "--engine", "x", "1"], 2, &["[possible values: jit, interp]"]);
}
