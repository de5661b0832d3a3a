//! Traps as they are shown: where, why, and on whose call.

use crate::{compare, engine};
use cresset::diagnostic::render_trap;
use cresset::{Engine, Execution, Limits};

const TRAPS: &[(&str, &str)] = &[
    ("overflow of a sum", "let n = MAX_I64;\nn + 1"),
    ("overflow of a negation", "fn f(n: i64) = -n;\nf(MIN_I64)"),
    ("overflow of a power", "10 ^ 19"),
    ("negative power of a whole number", "fn p(n: i64) = 2 ^ n;\np(-1)"),
    ("division by zero", "let total = 10;\nlet count = 0;\ndiv(total, count)"),
    ("remainder by zero", "5 % i64(false)"),
    ("conversion of what is no number", "i64(0.0 / 0)"),
    ("conversion of what is too large", "fn cents(price) = i64(price * 100);\ncents(1e300)"),
    ("store that does not fit", "var pixels: [u8] = [0, 0];\nfor i in 0..2 {\n    pixels[i] = 200 * (i + 1);\n}"),
    ("index past the end", "let xs = [1, 2, 3];\nvar s = 0;\nfor i in 0..=len(xs) { s += xs[i]; }\ns"),
    ("negative index", "let xs = [1, 2, 3];\nxs[-1]"),
    ("slice past the end", "let xs = [1, 2, 3];\nxs[1..5]"),
    ("slice turned around", "let xs = [1, 2, 3];\nxs[2..1]"),
    ("least of nothing", "let xs: [f64] = [];\nmin(xs)"),
    ("arrays of two lengths", "dot([1, 2], [3])"),
    ("length below zero", "fn zeros(n: i64) = [0.0; n];\nlen(zeros(-5))"),
    ("more calls than allowed", "fn down(n: i64) -> i64 { down(n + 1) }\ndown(0)"),
    ("two functions in turn", "fn a(n: i64) -> i64 { b(n + 1) }\nfn b(n: i64) -> i64 {\n    a(n + 1)\n}\n1 + a(0)"),
    ("no fuel for a loop", "var n = 0;\nwhile true {\n    n = wrapping_add(n, 1);\n}"),
    ("no fuel for a call", "fn fib(n: i64) -> i64 { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }\nfib(40)"),
    ("too much memory", "let big = [0.0; 10_000_000];\nbig[0]"),
    ("a host that refuses", "fn ask(n: i64) = fails(n) + 1;\nlet x = 2;\nask(x * 21)"),
    (
        "deep in calls",
        "fn inner(xs: [f64], i: i64) = xs[i];\nfn middle(xs: [f64]) = inner(xs, 7);\nfn outer() = middle([1, 2]);\nlet x = 1;\nx + outer()",
    ),
];

fn shown(engine: &Engine, text: &str) -> String {
    let limits = Limits::default().fuel(10_000).memory(1 << 20).depth(100);
    let mut sandbox = engine.sandbox(limits).unwrap();
    let module = engine.compile(text).unwrap_or_else(|error| panic!("{error}"));
    match module.run_in(&mut sandbox, &mut []) {
        Err(error) => match error.trap() {
            Some(trap) => render_trap("program", text, trap, false),
            None => panic!("{text}: {error}"),
        },
        Ok(value) => panic!("{text}: {value:?}"),
    }
}

#[test]
fn traps_say_where_and_why() {
    let interpreter = engine(Execution::Interpreter);
    let machine = engine(Execution::Auto);
    let mut out = String::new();
    for (name, text) in TRAPS {
        let told = shown(&interpreter, text);
        assert_eq!(shown(&machine, text), told, "{name}");
        out.push_str(&format!("{} {name}\n{told}\n", "-".repeat(20)));
    }
    compare("traps", "traps", &out);
}
