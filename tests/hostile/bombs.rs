//! The texts: each grows with a size, and tells what it gives.

use super::{Bomb, Gives};
use cresset::Value;
use std::fmt::Write;

fn repeated(prefix: &str, unit: &str, count: usize, suffix: &str) -> String {
    format!("{prefix}{}{suffix}", unit.repeat(count))
}

/// `line` for every number below `count`.
fn numbered(prefix: &str, count: usize, suffix: &str, line: impl Fn(usize, &mut String)) -> String {
    let mut text = prefix.to_owned();
    for i in 0..count {
        line(i, &mut text);
    }
    text + suffix
}

fn int(n: usize) -> Gives {
    Gives::Value(Value::I64(n as i64))
}

fn float(n: usize) -> Gives {
    Gives::Value(Value::F64(n as f64))
}

/// Grow in length.
pub const BOMBS: &[Bomb] = &[
    Bomb {
        name: "open parentheses",
        size: 1_000_000,
        make: |n| "(".repeat(n),
        gives: |_| Gives::Error("E0010"),
        compiled: false,
    },
    Bomb {
        name: "a sum of integers, each addition checked",
        size: 100_000,
        make: |n| repeated("var x = 1; x", " + x", n, ""),
        gives: |n| int(n + 1),
        compiled: true,
    },
    Bomb {
        name: "a sum of floats",
        size: 100_000,
        make: |n| repeated("var x = 1.0; x", " + x", n, ""),
        gives: |n| float(n + 1),
        compiled: true,
    },
    Bomb {
        name: "a sum of constants",
        size: 100_000,
        make: |n| repeated("1", " + 1", n, ""),
        gives: |n| int(n + 1),
        compiled: true,
    },
    Bomb {
        name: "a mixed sum",
        size: 50_000,
        make: |n| repeated("var x = 1; var y = 0.0; y", " + x * x", n, ""),
        gives: |n| float(n),
        compiled: true,
    },
    Bomb {
        name: "else if",
        size: 20_000,
        make: |n| {
            let arms = |i: usize, t: &mut String| write!(t, "if x == {i} {{ {i} }} else ").unwrap();
            numbered("fn f(x: i64) -> i64 { ", n, "{ -1 } } f(17) + f(1000000)", arms)
        },
        gives: |_| int(16),
        compiled: true,
    },
    Bomb {
        name: "else if with loops inside",
        size: 5_000,
        make: |n| {
            let arms = |i: usize, t: &mut String| {
                write!(t, "if x == {i} {{ for k in 0..{i} {{ s += k; }} }} else ").unwrap();
            };
            numbered("fn f(x: i64) -> i64 { var s = 0; ", n, "{ s = 7; } s } f(10) + f(1000000)", arms)
        },
        gives: |_| int(52),
        compiled: true,
    },
    Bomb {
        name: "and",
        size: 100_000,
        make: |n| repeated("var x = true; x", " and x", n, ""),
        gives: |_| Gives::Value(Value::Bool(true)),
        compiled: true,
    },
    Bomb {
        name: "or",
        size: 100_000,
        make: |n| repeated("var x = false; x", " or x", n, ""),
        gives: |_| Gives::Value(Value::Bool(false)),
        compiled: true,
    },
    Bomb {
        name: "and, or in turn",
        size: 50_000,
        make: |n| repeated("var x = false; x", " or x and x", n, ""),
        gives: |_| Gives::Value(Value::Bool(false)),
        compiled: true,
    },
    Bomb {
        name: "a condition of many",
        size: 50_000,
        make: |n| repeated("var x = true; if x", " and x", n, " { 1 } else { 2 }"),
        gives: |_| int(1),
        compiled: true,
    },
    Bomb {
        name: "comparisons",
        size: 100_000,
        make: |n| repeated("var x = 1; x", " <= x", n, ""),
        gives: |_| Gives::Value(Value::Bool(true)),
        compiled: true,
    },
    Bomb {
        name: "comparisons of both types",
        size: 50_000,
        make: |n| repeated("var x = 1; var y = 1.0; x", " <= y == x", n, ""),
        gives: |_| Gives::Value(Value::Bool(true)),
        compiled: true,
    },
    Bomb {
        name: "slices of slices",
        size: 50_000,
        make: |n| repeated("let xs = [1, 2]; xs", "[0..]", n, "[1]"),
        gives: |_| int(2),
        compiled: true,
    },
    Bomb {
        name: "functions",
        size: 10_000,
        make: |n| {
            numbered("fn f0(x: i64) -> i64 = x; ", n, &format!("f{n}(1)"), |i, t| {
                writeln!(t, "fn f{}(x: i64) -> i64 = x + f{}(0);", i + 1, i / 2).unwrap();
            })
        },
        gives: |_| int(1),
        compiled: true,
    },
    Bomb {
        name: "functions that call each other in a row",
        size: 9_000,
        make: |n| {
            numbered("fn f0(x: i64) = x; ", n, &format!("f{n}(1)"), |i, t| {
                writeln!(t, "fn f{}(x: i64) = f{i}(x) + 1;", i + 1).unwrap();
            })
        },
        gives: |n| int(n + 1),
        compiled: true,
    },
    Bomb {
        name: "functions that call the next in circles",
        size: 9_000,
        make: |n| {
            numbered("", n, "f0(20000)", |i, t| {
                writeln!(t, "fn f{i}(x: i64) -> i64 = if x == 0 {{ 0 }} else {{ f{}(x - 1) }};", (i + 1) % n).unwrap();
            })
        },
        gives: |_| Gives::Trap("StackOverflow"),
        compiled: true,
    },
    Bomb {
        name: "functions that each call the one before twice",
        size: 60,
        make: |n| {
            numbered("fn f0(x: i64) = x; ", n, &format!("f{n}(1)"), |i, t| {
                writeln!(t, "fn f{}(x: i64) = f{i}(x) + f{i}(x);", i + 1).unwrap();
            })
        },
        gives: |_| Gives::Trap("OutOfFuel"),
        compiled: true,
    },
    Bomb {
        name: "integers all live",
        size: 10_000,
        make: |n| {
            let lets = numbered("var x = 1; ", n, "", |i, t| writeln!(t, "let v{i} = x + {i};").unwrap());
            numbered(&lets, n, "0", |i, t| write!(t, "v{i} + ").unwrap())
        },
        gives: |n| int(n + n * (n - 1) / 2),
        compiled: true,
    },
    Bomb {
        name: "floats all live",
        size: 10_000,
        make: |n| {
            let lets = numbered("var x = 1.0; ", n, "", |i, t| writeln!(t, "let v{i} = x + {i};").unwrap());
            numbered(&lets, n, "0", |i, t| write!(t, "v{i} + ").unwrap())
        },
        gives: |n| float(n + n * (n - 1) / 2),
        compiled: true,
    },
    Bomb {
        name: "variables all live through a loop",
        size: 8_000,
        make: |n| {
            let vars = numbered("", n, "for i in 0..2 { ", |i, t| writeln!(t, "var v{i} = {i};").unwrap());
            let body = numbered(&vars, n, "} ", |i, t| writeln!(t, "v{i} += 1;").unwrap());
            numbered(&body, n, "0", |i, t| write!(t, "v{i} + ").unwrap())
        },
        gives: |n| int(2 * n + n * (n - 1) / 2),
        compiled: true,
    },
    Bomb {
        name: "statements",
        size: 40_000,
        make: |n| repeated("var x = 0; ", "x += 1;\n", n, "x"),
        gives: int,
        compiled: true,
    },
    Bomb {
        name: "ifs in a row",
        size: 10_000,
        make: |n| repeated("var x = 0; ", "if x < 3 { x += 1; }\n", n, "x"),
        gives: |_| int(3),
        compiled: true,
    },
    Bomb {
        name: "ifs in a row, all variables assigned",
        size: 2_000,
        make: |n| {
            let vars = numbered("", 50, "", |i, t| write!(t, "var v{i} = 0; ").unwrap());
            numbered(&vars, n, "v0", |i, t| writeln!(t, "if v{} < 3 {{ v{} += 1; }}", i % 50, i * 7 % 50).unwrap())
        },
        gives: |_| int(3),
        compiled: true,
    },
    Bomb {
        name: "loops in a row",
        size: 5_000,
        make: |n| repeated("var x = 0; ", "for i in 0..2 { x += i; }\n", n, "x"),
        gives: int,
        compiled: true,
    },
    Bomb {
        name: "calls of one function",
        size: 10_000,
        make: |n| repeated("fn f(x: i64) = x + 1; var x = 0; ", "x = f(x);\n", n, "x"),
        gives: int,
        compiled: true,
    },
    Bomb {
        name: "calls of an elementary function",
        size: 5_000,
        make: |n| repeated("var x = 0.0; ", "x = sin(x);\n", n, "x"),
        gives: |_| float(0),
        compiled: true,
    },
    Bomb {
        name: "calls of checked built-ins",
        size: 10_000,
        make: |n| repeated("var x = 7; ", "x = div(x, 1);\n", n, "x"),
        gives: |_| int(7),
        compiled: true,
    },
    Bomb {
        name: "a literal of integers",
        size: 100_000,
        make: |n| format!("sum([{}])", repeated("1", ",1", n - 1, "")),
        gives: int,
        compiled: true,
    },
    Bomb {
        name: "a literal of variables",
        size: 50_000,
        make: |n| format!("var x = 1.0; sum([{}])", repeated("x", ",x", n - 1, "")),
        gives: float,
        compiled: true,
    },
    Bomb {
        name: "loads and stores",
        size: 10_000,
        make: |n| repeated("var xs = [0; 8]; ", "xs[3] += 1;\n", n, "xs[3]"),
        gives: int,
        compiled: true,
    },
    Bomb {
        name: "shadowing",
        size: 40_000,
        make: |n| repeated("let x = 0; ", "let x = x + 1;\n", n, "x"),
        gives: int,
        compiled: true,
    },
    Bomb {
        name: "arguments of min",
        size: 50_000,
        make: |n| repeated("let x = 5; min(x", ", x", n, ")"),
        gives: |_| int(5),
        compiled: true,
    },
    Bomb {
        name: "parameters",
        size: 5_000,
        make: |n| {
            let head = numbered("fn f(", n, "z: i64) = p0 + z; ", |i, t| write!(t, "p{i}: i64, ").unwrap());
            numbered(&head, n, "1)", |i, t| t.push_str(if i == 0 { "f(7, " } else { "3, " }))
        },
        gives: |_| int(8),
        compiled: true,
    },
    Bomb {
        name: "float parameters",
        size: 5_000,
        make: |n| {
            let head = numbered("fn f(", n, "z) = p0 + z; ", |i, t| write!(t, "p{i}, ").unwrap());
            numbered(&head, n, "1)", |i, t| t.push_str(if i == 0 { "f(7, " } else { "3, " }))
        },
        gives: |_| float(8),
        compiled: true,
    },
    Bomb {
        name: "constants of constants",
        size: 10_000,
        make: |n| {
            numbered("const C0 = 0; ", n, &format!("C{n}"), |i, t| writeln!(t, "const C{} = C{i} + 1;", i + 1).unwrap())
        },
        gives: int,
        compiled: true,
    },
    Bomb {
        name: "unknown names",
        size: 50_000,
        make: |n| numbered("", n, "1", |i, t| write!(t, "u{i} + ").unwrap()),
        gives: |_| Gives::Error("E0100"),
        compiled: false,
    },
    Bomb {
        name: "one long name",
        size: 1_000_000,
        make: |n| format!("let {0} = 1; {0}", "a".repeat(n / 2)),
        gives: |_| int(1),
        compiled: true,
    },
    Bomb {
        name: "comments",
        size: 200_000,
        make: |n| format!("{}{}1", "/*".repeat(n), "*/".repeat(n)),
        gives: |_| int(1),
        compiled: true,
    },
];

/// As deep as the configured limit of 1,000, or as far as one is worth it.
pub const NESTED: &[Bomb] = &[
    Bomb {
        name: "nested parentheses",
        size: 980,
        make: |n| format!("let x = 1; {}x{}", "(1 + ".repeat(n), ")".repeat(n)),
        gives: |n| int(n + 1),
        compiled: true,
    },
    Bomb {
        name: "nested calls",
        size: 980,
        make: |n| format!("fn f(x) = x + 1; {}0{}", "f(".repeat(n), ")".repeat(n)),
        gives: float,
        compiled: true,
    },
    Bomb {
        name: "nested negations",
        size: 980,
        make: |n| format!("let x = 1; {}x", "- ".repeat(n)),
        gives: |n| Gives::Value(Value::I64(if n % 2 == 0 { 1 } else { -1 })),
        compiled: true,
    },
    Bomb {
        name: "nested powers",
        size: 980,
        make: |n| format!("let x = 1; {}x", "x ^ ".repeat(n)),
        gives: |_| int(1),
        compiled: true,
    },
    Bomb {
        name: "nested indices",
        size: 980,
        make: |n| format!("let xs = [0, 1]; {}1{}", "xs[".repeat(n), "]".repeat(n)),
        gives: |_| int(1),
        compiled: true,
    },
    Bomb {
        name: "nested blocks",
        size: 980,
        make: |n| format!("{}7{}", "{ let x = 1; ".repeat(n), "}".repeat(n)),
        gives: |_| int(7),
        compiled: true,
    },
    Bomb {
        name: "nested ifs",
        size: 980,
        make: |n| format!("let x = 1; {}x{}", "if x > 0 { ".repeat(n), " } else { 2 }".repeat(n)),
        gives: |_| int(1),
        compiled: true,
    },
    Bomb {
        name: "nested ifs in conditions",
        size: 490,
        make: |n| format!("var b = true; {}b{}", "if ".repeat(n), " { b } else { not b }".repeat(n)),
        gives: |_| Gives::Value(Value::Bool(true)),
        compiled: true,
    },
    Bomb {
        name: "nested ifs that assign",
        size: 980,
        make: |n| format!("var x = 1; var y = 0; {}x += 1;{} x + y", "if x > 0 { y += 1; ".repeat(n), " }".repeat(n)),
        gives: |n| int(n + 2),
        compiled: true,
    },
    Bomb {
        name: "nested and, or",
        size: 980,
        make: |n| format!("var x = true; {}x{}", "(x and (not x or ".repeat(n / 3), "))".repeat(n / 3)),
        gives: |_| Gives::Value(Value::Bool(true)),
        compiled: true,
    },
    Bomb {
        name: "nested loops",
        size: 980,
        make: |n| format!("var x = 0; {}x += 1;{} x", "for i in 0..1 { ".repeat(n), " }".repeat(n)),
        gives: |_| int(1),
        compiled: true,
    },
    Bomb {
        name: "nested whiles, each left in another way",
        size: 600,
        make: |n| {
            let open = numbered("var x = 0; ", n, "", |i, t| {
                let leave = ["break;", "if x > 0 { break; }", "if x < 0 { continue; }"][i % 3];
                write!(t, "while x < 1 {{ if x > 5 {{ {leave} }} ").unwrap();
            });
            format!("{open} x = 1; {} x", "}".repeat(n))
        },
        gives: |_| int(1),
        compiled: true,
    },
];

/// Where each of many places needs each of many variables: their product has a limit, past which the interpreter runs them.
pub const SQUARE: &[Bomb] = &[
    Bomb {
        name: "else if that each assign another variable",
        size: 200,
        make: |n| {
            let vars = numbered("", n, "", |i, t| write!(t, "var v{i} = {i}; ").unwrap());
            let arms = numbered("", n, "{ }", |i, t| write!(t, "if x == {i} {{ v{i} += 1; }} else ").unwrap());
            numbered(&format!("fn f(x: i64) -> i64 {{ {vars} {arms} "), n, "0 } f(3)", |i, t| {
                write!(t, "{}v{i} + ", if i % 50 == 0 { "0 + " } else { "" }).unwrap();
            })
        },
        gives: |n| int(n * (n - 1) / 2 + 1),
        compiled: true,
    },
    Bomb {
        name: "nested loops, each with a variable that all assign",
        size: 120,
        make: |n| {
            let open = numbered("", n, "", |i, t| write!(t, "var v{i} = 0; for i{i} in 0..1 {{ ").unwrap());
            let body = numbered(&open, n, "", |i, t| write!(t, "v{i} += 1; ").unwrap());
            format!("{body}{} v0", "}".repeat(n))
        },
        gives: |_| int(1),
        compiled: true,
    },
    Bomb {
        name: "nested loops that all use all of 50 variables",
        size: 120,
        make: |n| {
            let vars = numbered("", 50, "", |i, t| write!(t, "var v{i} = 0; ").unwrap());
            let open = numbered(&vars, n, "", |i, t| {
                write!(t, "for i in 0..1 {{ v{} += v{}; ", i % 50, (i + 1) % 50).unwrap();
            });
            format!("{open} v0 += 1; {} v0", "}".repeat(n))
        },
        gives: |_| int(1),
        compiled: true,
    },
];
