//! Every error code, with its place and its help.

use super::*;

#[test]
fn unknown_names() {
    error("velocity + 1", "E0100", "velocity", &["no variable, input or constant named `velocity`"]);
    error("let velocity = 1; velocty", "E0100", "velocty", &["did you mean `velocity`?"]);
    error("pi * 2", "E0100", "pi", &["did you mean `PI`?"]);
    error("inf", "E0100", "inf", &["`INF`"]);
    error("ouds + 1", "E0100", "ouds", &["did you mean `outs`?"]);
    error("fn f(radius) = raduis;", "E0100", "raduis", &["did you mean `radius`?"]);
    error("q = 3;", "E0100", "q", &["declare it: `var q = …;`"]);
    error("later; let later = 1;", "E0100", "later", &["declared in another block or after this"]);
    error("{ let a = 1; print(a); } a", "E0100", "a", &["declared in another block"]);
    error("gone + gone + gone", "E0100", "gone", &[]);
}

#[test]
fn unknown_functions() {
    error("sqroot(2)", "E0101", "sqroot", &["no function named `sqroot`"]);
    error("sqrtt(2)", "E0101", "sqrtt", &["did you mean `sqrt`?"]);
    error("log(2)", "E0101", "log", &["`ln`", "`log2`", "`log10`"]);
    error("fn area(r) = r; aera(2)", "E0101", "aera", &["did you mean `area`?"]);
    error("prnt(2)", "E0101", "prnt", &["did you mean `print`?"]);
    error("average([1])", "E0101", "average", &["`mean(xs)`"]);
    error("nope(1) + nope(2)", "E0101", "nope", &[]);
}

#[test]
fn names_twice() {
    error("fn f() = 1; fn f() = 2;", "E0102", "f", &["two functions named `f`"]);
    let errors = wrong("fn f() = 1; fn f() = 2;");
    assert_eq!(errors[0].span.start, 15);
    assert_eq!(errors[0].labels[0].0, crate::Span::new(3, 4));
    error("const A = 1; const A = 2;", "E0103", "A", &["two constants named `A`"]);
    error("fn f(a, a) = a;", "E0104", "a", &["two parameters named `a`"]);
}

#[test]
fn functions_do_not_see_the_program() {
    error("let k = 2; fn f(a) = a * k; f(1)", "E0106", "k", &["functions do not see", "parameter"]);
    error("fn f(a) = a * x; f(1)", "E0106", "x", &["functions do not see"]);
    error("fn f() { n = 1; } f()", "E0106", "n", &["functions do not see"]);
    error("let k = 2; const A = k; A", "E0106", "k", &["constants do not see"]);
}

#[test]
fn functions_are_no_values() {
    error("fn f(a) = a; f + 1", "E0107", "f", &["call it: `f(…)`"]);
    error("sqrt + 1", "E0107", "sqrt", &["call it"]);
    error("x(2)", "E0107", "x", &["`x * (…)`"]);
    error("PI(2)", "E0107", "PI", &["not a function"]);
}

#[test]
fn stated_types() {
    error("let a: i64 = 1.5;", "E0110", "1.5", &["`a` is an `i64`", "i64(1.5)"]);
    error("let a: i64 = 2.0;", "E0110", "2.0", &["write `2`"]);
    error("let a: i64 = n / 2;", "E0110", "n / 2", &["div(n, 2)"]);
    error("let a: i64 = (n + 1) / 2;", "E0110", "(n + 1) / 2", &["div(n + 1, 2)"]);
    error("let a: i64 = n / 2 + 1;", "E0110", "n / 2 + 1", &["div(a, b)"]);
    error("let a: bool = 1;", "E0110", "1", &["1 != 0"]);
    error("let a: f64 = true;", "E0110", "true", &["f64(true)"]);
    error("let a: [f64] = [1]; let b: [f32] = a;", "E0110", "a", &["arrays are not converted"]);
    error("const A: i64 = 1.5; A", "E0110", "1.5", &["`A` is an `i64`"]);
    error("let a: i64 = fill(outs, 1);", "E0110", "fill(outs, 1)", &["has no value"]);
}

#[test]
fn whole_numbers_needed() {
    error("ins[floor(x)]", "E0111", "floor(x)", &["an index", "`i64(floor(x))`"]);
    error("ins[n / 2]", "E0111", "n / 2", &["div(n, 2)"]);
    error("ins[1.5..]", "E0111", "1.5", &["bound of a slice"]);
    error("[0; x]", "E0111", "x", &["length of an array"]);
    error("for i in 0..x { }", "E0111", "x", &["bound of a range"]);
    error("ins[ok]", "E0111", "ok", &["i64(ok)"]);
}

#[test]
fn operators() {
    error("x + ok", "E0112", "+", &["an `f64` and a `bool`", "f64(b)"]);
    error("ins * 2", "E0112", "*", &["loop"]);
    error("1 + print(2)", "E0112", "+", &["no value"]);
    error("-ok", "E0112", "-ok", &["`not a`"]);
    error("not x", "E0112", "not x", &["x == 0"]);
    error("ok and n", "E0112", "n", &["bit_and"]);
    error("ok or x", "E0112", "x", &["`or` takes `bool`s"]);
    error("x ^ ok", "E0112", "x ^ ok", &["`^` takes numbers"]);
}

#[test]
fn ifs() {
    error("if ok { 1 } else { true }", "E0113", "true", &["an `i64` and a `bool`"]);
    error("let a = if ok { 1 } else { print(2); };", "E0113", "{ print(2); }", &["no value"]);
    error("if n { }", "E0114", "n", &["n != 0"]);
    error("while x { }", "E0114", "x", &["x != 0"]);
    error("if ins { }", "E0114", "ins", &["an array"]);
}

#[test]
fn comparisons() {
    error("ok < true", "E0115", "<", &["no order"]);
    error("ok == 1", "E0115", "==", &["i64(b)"]);
    error("ins == ins", "E0115", "==", &["loop"]);
    error("(x < 1) < 2", "E0115", "<", &["`and`"]);
}

#[test]
fn array_elements() {
    error("[1, true]", "E0116", "true", &["a `bool` cannot stand in an array with an `i64`"]);
    error("[[1]]", "E0116", "[1]", &["cannot hold arrays"]);
    error("let a: [i64] = [1, 2.5];", "E0116", "2.5", &["i64(2.5)"]);
    error("let a: [u8] = [0.5; 3];", "E0116", "0.5", &["`[u8]`"]);
    error("[print(1); 3]", "E0116", "print(1)", &["no value"]);
    error("let a = [];", "E0117", "[]", &["let xs: [f64] = [];"]);
    error("len([])", "E0117", "[]", &[]);
}

#[test]
fn values_that_are_none() {
    error("let a = print(1);", "E0118", "print(1)", &["`a` needs a value"]);
    error("let a: () = print(1);", "E0118", "()", &[]);
    error("fn f(a: ()) = 1;", "E0118", "a", &[]);
}

#[test]
fn results() {
    error("fn f() -> f64 { 1; }", "E0119", "{ 1; }", &["leave out the last `;`", "1 }"]);
    error("fn f() -> f64 { sqrt(2); }", "E0119", "{ sqrt(2); }", &["leave out the last `;`", "sqrt(2) }"]);
    error("fn f() -> i64 = 1.5;", "E0119", "1.5", &["i64(1.5)"]);
    error("fn f(a: i64) -> i64 { return a / 2; }", "E0119", "a / 2", &["div(a, 2)"]);
    error("fn f() -> f64 { return; }", "E0119", "return", &["without one"]);
    error("fn f(ok: bool) { if ok { return 1; } true }", "E0119", "1", &["different types"]);
    error("fn f() -> () { 1 }", "E0119", "1", &["end it with `;`"]);
}

#[test]
fn unused_values() {
    error("x + 1; 2", "E0120", "x + 1", &["not used"]);
    error("x == 1; 2", "E0120", "x == 1", &["x = 1;"]);
    error("if ok { 3 }", "E0120", "3", &["add `else"]);
    error("while ok { 3 }", "E0120", "3", &[]);
    error("for i in 0..3 { i }", "E0120", "i", &[]);
    error("if ok { 3 } else { print(1); } 4", "E0120", "3", &[]);
    error("{ 3 } 4", "E0120", "3", &[]);
    checked("sqrt(2); 3");
    checked("if ok { sqrt(2) } 3");
    checked("if ok { sqrt(2) } else { print(1) } 3");
    checked("while ok { sqrt(2) }");
}

#[test]
fn recursion_states_its_result() {
    error("fn f(n: i64) = if n < 1 { 1 } else { f(n - 1) };", "E0121", "f", &["`-> T`"]);
    let errors = wrong("fn f(a) = g(a); fn g(a) = f(a); f(1) + true");
    assert_eq!(errors.iter().map(|e| e.code).collect::<Vec<_>>(), ["E0121", "E0121"]);
    error("fn f(a) -> f64 = g(a); fn g(a) = f(a);", "E0121", "g", &[]);
}

#[test]
fn arguments() {
    error(
        "fn f(a, b: i64) = a; f(1)",
        "E0122",
        "f(1)",
        &["takes 2 arguments, but is given 1", "f(a: f64, b: i64) -> f64"],
    );
    error("sqrt()", "E0122", "sqrt()", &["takes 1 argument, but is given none", "sqrt(x)"]);
    error("min(1)", "E0123", "1", &["an array of numbers"]);
    error("put(1, 2)", "E0122", "put(1, 2)", &["put(i64)"]);
    error("fn f(a, b: i64) = a; f(1, 2.5)", "E0123", "2.5", &["`b` of `f`", "i64(2.5)"]);
    error("fn f(a: i64) = a; f(n / 2)", "E0123", "n / 2", &["div(n, 2)"]);
    error("div(x, 2)", "E0123", "x", &["`div`", "i64(x)"]);
    error("sqrt(ok)", "E0123", "ok", &["`sqrt`", "f64(ok)"]);
    error("sum([true])", "E0123", "[true]", &["count"]);
    error("any([1])", "E0123", "[1]", &["`[bool]`"]);
    error("len(3)", "E0123", "3", &["an array"]);
    error("dot(ins, [true])", "E0116", "true", &[]);
    error("let a = [1]; dot(ins, a)", "E0123", "a", &["`dot`"]);
    error("fill(outs, ok)", "E0123", "ok", &["f64(ok)"]);
    error("print(ins)", "E0123", "ins", &["numbers and `bool`s"]);
    error("put(1.5)", "E0123", "1.5", &["i64(1.5)"]);
}

#[test]
fn assignments() {
    error("let a = 1; a = 2;", "E0130", "a = 2", &["`a` is a `let`", "var a = …;"]);
    error("let a = 1; a += 2;", "E0130", "a += 2", &["`a` is a `let`"]);
    error("fn f(a) { a = 1; }", "E0130", "a = 1", &["parameter", "var v = a;"]);
    error("for i in 0..3 { i = 1; }", "E0130", "i = 1", &["the name of a loop"]);
    error("x = 1;", "E0130", "x = 1", &["input"]);
    error("PI = 3;", "E0130", "PI = 3", &["constant"]);
    error("const K = 1; K = 3;", "E0130", "K = 3", &["constant"]);
    error("f(x) = 1;", "E0131", "f(x)", &["fn f(x) = …;"]);
    error("outs[0..2] = 1;", "E0131", "outs[0..2]", &["fill"]);
    error("var s = 0; s += 0.5; s", "E0132", "0.5", &["var s = 0.0;"]);
    assert_eq!(wrong("var s = 0; s += 0.5; s")[0].labels[0].0, crate::Span::new(4, 5));
    error("var s = n; s = 0.5;", "E0132", "0.5", &["var s: f64 = …;"]);
    error("var s: i64 = 0; s = 0.5;", "E0132", "0.5", &["s: f64", "i64(0.5)"]);
    error("var s = 8; s /= 2;", "E0132", "2", &["s = div(s, 2);"]);
    error("var s = 8; s = s / 2;", "E0132", "s / 2", &["div(s, 2)"]);
    error("var s = 8; s = true;", "E0132", "true", &["i64(true)"]);
    error("var s = [1]; s[0] = 0.5;", "E0132", "0.5", &["i64(0.5)"]);
    error("var s = [1]; s[0] /= 2;", "E0132", "s[0] /= 2", &["s[0] = div(s[0], 2);"]);
    error("var s = [1]; s[0] += 0.5;", "E0132", "s[0] += 0.5", &["s[0] = i64(s[0] + 0.5);"]);
    error("var s = [1]; s = [true];", "E0116", "true", &[]);
    error("fn f(mut a) = a;", "E0134", "a", &["mut a: [f64]"]);
    error("fn f(mut a: i64) = a;", "E0134", "a", &["var v = a;"]);
}

#[test]
fn constants() {
    error("const A = if true { 1 } else { 2 }; A", "E0140", "if true { 1 } else { 2 }", &["`if`"]);
    error("const A = [1]; A", "E0140", "[1]", &["an array"]);
    error("const A = { 1 }; A", "E0140", "{ 1 }", &["a block"]);
    error("fn f() = 1; const A = f(); A", "E0140", "f()", &["not built in"]);
    error("const A = print(1); A", "E0140", "print(1)", &[]);
    error("const A = A + 1; A", "E0141", "A", &["needs its own value"]);
    let errors = wrong("const A = B; const B = A; const C = A; C");
    assert_eq!(errors.iter().map(|e| e.code).collect::<Vec<_>>(), ["E0141", "E0141"]);
    error("const A = nope; A", "E0100", "nope", &[]);
}

#[test]
fn loops_and_arrays() {
    error("break;", "E0150", "break", &[]);
    error("if ok { continue; }", "E0150", "continue", &[]);
    error("fn f() { break; } while ok { f(); }", "E0150", "break", &[]);
    error("x[0]", "E0151", "x", &["only arrays have elements"]);
    error("ins[0][1]", "E0151", "ins[0]", &["only arrays have elements"]);
    error("for i in n { }", "E0151", "n", &["0..n"]);
    error("var a = 1; a[0] = 2;", "E0151", "a", &[]);
}

#[test]
fn one_mistake_is_told_once() {
    for source in [
        "let a = true + 1; let b = a * 2; b + a[0]; if a { } for v in a { print(v); }",
        "let a = nope; let b: i64 = a; print(-a, not a, a and ok, a < 1, sqrt(a), [a], [a; 3], a ^ 2, ins[a]);",
        "fn f() = nope; let a = f(); var b = a; b += 1; b[0] = 2;",
        "const A = nope; const B = A + 1; print(A, B);",
        "let a = [nope]; var b = a; fill(b, 1); b[0] = 2; dot(b, b);",
        "var s = nope; s = 1; s += true;",
        "let q = if ok { nope } else { 1 }; q and ok;",
    ] {
        let errors = wrong(source);
        let mut codes: Vec<&str> = errors.iter().map(|e| e.code).collect();
        // What is thrown away is a mistake of its own.
        codes.retain(|&code| code != "E0120");
        assert_eq!(codes.len(), 1, "{source}: {errors:#?}");
    }
}

#[test]
fn independent_mistakes_come_together() {
    let errors = wrong("let a: i64 = 1.5; let b = nope; fn f() -> i64 = 2.5; if 3 { }");
    assert_eq!(errors.iter().map(|e| e.code).collect::<Vec<_>>(), ["E0110", "E0100", "E0119", "E0114"]);
    let many = "let a: i64 = 1.5;".repeat(50);
    assert_eq!(wrong(&many).len(), 20);
}

#[test]
fn every_code_has_a_test_here() {
    let tests = [include_str!("errors.rs"), include_str!("arrays.rs"), include_str!("typing.rs")].concat();
    for info in crate::diagnostic::CODES.iter().filter(|info| info.code.starts_with("E01")) {
        assert!(tests.contains(&format!("\"{}\"", info.code)), "{} has no test", info.code);
    }
}
