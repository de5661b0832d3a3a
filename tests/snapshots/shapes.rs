//! Memory, control and calls: the smallest programs that have them.

use crate::{all_forms, compare, forms_by, listed};
use cresset::listing::Stage;
use cresset::{Config, Cpu, Elem, Execution, Type};

#[test]
fn constructs() {
    let programs = [
        ("select", "fn f(c: bool, a, b) = if c { a } else { b };"),
        ("if", "fn f(c: bool, a) { var r = a; if c { r = exp(a); } r }"),
        ("else_if", "fn f(n: i64) = if n == 0 { 1 } else if n == 1 { gcd(n, 6) } else { n * n };"),
        ("and", "fn f(a, b) = a > 0 and 1 / a < b and b < 9;"),
        ("comparison_chain", "fn f(a, n: i64) = 0 <= a < n <= 100;"),
        ("while", "fn f(n: i64) { var i = n; while i > 1 { i = div(i, 2); } i }"),
        ("for", "fn f(n: i64) { var s = 0; for i in 0..n { s += i; } s }"),
        ("for_inclusive", "fn f(n: i64) { var s = 0; for i in 1..=n { s += i; } s }"),
        ("for_each", "fn f(xs: [f32]) { var s = 0.0; for x in xs { s += x; } s }"),
        (
            "break_continue",
            "fn f(n: i64) { var s = 0; for i in 0..n { if i == 3 { continue; } if i > 9 { break; } s += i; } s }",
        ),
        ("return", "fn f(n: i64) -> i64 { for i in 0..n { if i * i > n { return i; } } n }"),
        ("call", "fn g(a, n: i64) = a * n + exp(a); fn f(a) = g(a, 2) + 1;"),
        (
            "many_arguments",
            "fn g(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64, i: i64, j) = a + i + j; fn f(n: i64) = g(n, 2, 3, 4, 5, 6, 7, 8, n, 1.5);",
        ),
        ("host_call", "fn f(a, n: i64) = host(a, n, a > 0);"),
        (
            "load",
            "fn f(a: [f64], b: [f32], c: [i64], d: [i32], e: [u8], g: [bool], i: i64) = if g[i] { a[i] + b[i] } else { c[i] + d[i] + e[i] };",
        ),
        (
            "store",
            "fn f(mut a: [f64], mut b: [f32], mut c: [i64], mut g: [bool], i: i64, x) { a[i] = x; b[i] = x; c[i] = i; g[i] = true; }",
        ),
        ("update", "fn f(mut xs: [i32], i: i64) { xs[i] *= 3; }"),
        ("slice", "fn f(xs: [f64], a: i64, b: i64) = len(xs[a..b]);"),
        ("array_literal", "fn f(a) -> [f64] { [a, 2, a * 3] }"),
        ("array_fill", "fn f(n: i64) -> [u8] { [7; n] }"),
        ("release", "fn f(n: i64) { var s = 0.0; for i in 0..n { let xs = [0.5; i]; s += sum(xs); } s }"),
        ("power", "fn f(a) = a ^ 10 + a ^ -3;"),
        ("constant", "fn f(a) = 2 * PI * a + 0.1;"),
        ("unit", "fn f() { }"),
    ];
    for (name, text) in programs {
        compare("constructs", name, &all_forms(text, &[]));
    }
}

#[test]
fn loads_and_stores_of_every_element() {
    for elem in Elem::ALL {
        let scalar = elem.scalar();
        let text = format!(
            "fn load(xs: [{elem}], i: i64) = xs[i];\nfn store(mut xs: [{elem}], i: i64, v: {scalar}) {{ xs[i] = v; }}"
        );
        compare("memory", &format!("elements_of_{elem}"), &all_forms(&text, &[]));
    }
}

#[test]
fn arrays() {
    for (name, text) in [
        ("literal", "fn f(a, b) = [a, b, 3];"),
        ("literal_of_bytes", "fn f(n: i64) { let xs: [u8] = [n, 255]; xs[1] }"),
        ("repeated", "fn f(n: i64) = len([0.0; n]);"),
        ("slice", "fn f(xs: [f64], a: i64, b: i64) = xs[a..b];"),
        ("slice_from", "fn f(xs: [f64], a: i64) = xs[a..];"),
        ("slice_of_slice", "fn f(xs: [i64], a: i64, b: i64) = xs[a..b][1..][0];"),
        ("add_in_place", "fn f(mut xs: [f64], i: i64) { xs[i] += 1; }"),
        ("two_checks_of_one_index", "fn f(mut xs: [f64], i: i64) { xs[i] = xs[i] * xs[i]; }"),
        ("released_by_each_iteration", "fn f(n: i64) { var s = 0; for i in 0..n { let xs = [i, i]; s += xs[1]; } s }"),
        ("released_by_the_function", "fn g(n: i64) = sum([1; n]); fn f(n: i64) = g(n) + g(n);"),
        ("returned", "fn g(n: i64) = [1; n]; fn f(n: i64) = g(n)[0];"),
        ("passed_on", "fn g(mut xs: [f64], k) { xs[0] = k; } fn f(mut xs: [f64]) { g(xs[2..], 3); }"),
        ("either_of_two", "fn f(xs: [f64], ys: [f64], c: bool) = sum(if c { xs } else { ys });"),
    ] {
        compare("memory", name, &all_forms(text, &[]));
    }
}

#[test]
fn control() {
    for (name, text) in [
        ("if_value", "fn f(a, b) = if a < b { a } else { b / a };"),
        ("if_of_pure_arms", "fn f(a, b) = if a < b { a } else { b };"),
        ("else_if", "fn f(n: i64) = if n < 0 { -1 } else if n == 0 { 0 } else { 1 };"),
        ("if_without_else", "fn f(mut xs: [i64], c: bool) { if c { xs[0] = 1; } }"),
        ("chain_of_comparisons", "fn f(a, b, c) = 0 <= a < b <= c;"),
        ("and_or", "fn f(xs: [f64], i: i64) = i >= 0 and i < len(xs) and xs[i] > 0 or i == -1;"),
        ("while_loop", "fn f(n: i64) { var k = n; while k > 1 { k = div(k, 2); } k }"),
        ("for_range", "fn f(n: i64) { var s = 0; for i in 0..n { s += i; } s }"),
        ("for_inclusive", "fn f(a: i64, b: i64) { var s = 0.0; for i in a..=b { s += 1 / i; } s }"),
        ("for_array", "fn f(xs: [f32]) { var s = 0.0; for x in xs { s += x; } s }"),
        ("nested_loops", "fn f(n: i64) { var s = 0; for i in 0..n { for j in 0..i { s += i * j; } } s }"),
        (
            "break_and_continue",
            "fn f(n: i64) { var s = 0; for i in 0..n { if i % 3 == 0 { continue; } if s > 100 { break; } s += i; } s }",
        ),
        ("return_from_a_loop", "fn f(xs: [i64], x: i64) { for i in 0..len(xs) { if xs[i] == x { return i; } } -1 }"),
        ("endless", "fn f() { while true { } }"),
        ("trap_known_beforehand", "fn f(c: bool) = if c { div(1, 0) } else { 2 };"),
        ("sum_over_an_index", "fn f(xs: [f64]) { var s = 0.0; for i in 0..len(xs) { s += xs[i]; } s }"),
        ("invariant_of_a_loop", "fn f(n: i64, a) { var s = 0.0; for i in 0..n { s += sqrt(a) * i; } s }"),
    ] {
        compare("control", name, &all_forms(text, &[]));
    }
}

#[test]
fn calls() {
    for (name, text) in [
        ("two_calls", "fn g(x) = x * x + 1; fn f(x) = g(x) + g(x + 1);"),
        (
            "mutual_recursion",
            "fn even(n: i64) -> bool { if n == 0 { true } else { odd(n - 1) } } fn odd(n: i64) -> bool { if n == 0 { false } else { even(n - 1) } }",
        ),
        (
            "eight_parameters",
            "fn f(a, b: i64, c: bool, d, e: i64, g: bool, h, i: i64) = if c and g { a + b + d } else { e + h + i };",
        ),
        (
            "arrays_and_scalars",
            "fn g(mut ys: [f64], a, xs: [f64]) -> i64 { ys[0] = a * xs[0]; len(xs) } fn f(mut ys: [f64], xs: [f64]) = g(ys, 2, xs);",
        ),
        ("host_function", "fn f(n: i64) { put(n + 1); }"),
        ("host_function_of_any_number", "fn f(n: i64, x, b: bool) { print(n, x, b, 1.5); print(); }"),
        ("elementary_in_a_loop", "fn f(n: i64) { var s = 0.0; for i in 0..n { s += sin(i) * exp(s); } s }"),
        (
            "values_across_a_call",
            "fn g(x) -> f64 { if x < 0 { 0 } else { g(x - 1) } } fn f(a, b, c, d) = g(a) + b * c + d;",
        ),
        ("result_of_nothing", "fn g() { } fn f() { g(); g(); }"),
    ] {
        compare("calls", name, &all_forms(text, &[]));
    }
}

#[test]
fn expressions() {
    let many: Vec<String> = (0..24).map(|i| format!("(a + {i}) * (b - {i})")).collect();
    let many = format!("fn f(a, b) {{ let s = {}; s / sqrt(s) }}", many.join(" + "));
    let held: String = (0..20).map(|i| format!("let x{i} = a / (b + {i}); ")).collect();
    let used: Vec<String> = (0..20).rev().map(|i| format!("x{i}")).collect();
    let held = format!("fn f(a, b) {{ {held}max({}) }}", used.join(", "));
    for (name, text) in [
        ("polynomial", "fn f(x) = ((2 * x - 3) * x + 5) * x - 7;"),
        ("power_by_a_literal", "fn f(x) = x^2 + x^3 + x^-1 + x^0 + x^13;"),
        ("division_by_a_literal", "fn f(n: i64) = div(n, 10) + n % 8 + floor_mod(n, 7) + floor_div(n, 16);"),
        ("constants", "const K = 2 * PI; fn f(x) = K * x + sqrt(2) + 0.1;"),
        ("promotion", "fn f(n: i64, x) = n * x + n / 2;"),
        ("common_parts", "fn f(x, y) = (x + y) * (x + y) + sqrt(x + y);"),
        ("dates", "fn f(y: i64) = y % 4 == 0 and (y % 100 != 0 or y % 400 == 0);"),
        ("hash", "fn f(n: i64) = bit_xor(wrapping_mul(n, 0x9E3779B97F4A7C1), shr(rotl(n, 13), 7));"),
        ("much_work", many.as_str()),
        ("more_values_than_registers", held.as_str()),
    ] {
        compare("expressions", name, &all_forms(text, &[]));
    }
}

#[test]
fn inputs_and_no_metering() {
    let inputs = [("x", Type::F64), ("n", Type::I64), ("xs", Type::Array(Elem::F32)), ("on", Type::Bool)];
    compare("constructs", "inputs", &all_forms("if on { sum(xs) * x } else { f64(n) }", &inputs));
    let text = "fn f(n: i64) { var s = 0.0; for i in 0..n { s += 0.5; } s }";
    let unmetered = Config::new().execution(Execution::Interpreter).metering(false).engine().expect("an engine");
    compare("constructs", "without_metering", &forms_by(&unmetered, text, &[]));
}

#[test]
fn every_stage() {
    let text = "const K = 3;\nfn area(r) = PI * r^2;\nfn total(xs: [f64]) -> f64 {\n    var s = 0.0;\n    for x in xs { if x < 0 { continue; } s += area(x) / K; }\n    s\n}\nlet xs = [1, 2.5, -x];\ntotal(xs[0..2])\n";
    let inputs = [("x", Type::I64)];
    let stages = [
        ("syntax tree", Stage::Ast, Cpu::X86_64V3),
        ("typed tree", Stage::Hir, Cpu::X86_64V3),
        ("IR", Stage::Ir, Cpu::X86_64V3),
        ("x86-64-v3", Stage::Asm, Cpu::X86_64V3),
        ("x86-64-v4", Stage::Asm, Cpu::X86_64V4),
        ("AArch64", Stage::Asm, Cpu::AArch64),
        ("x86-64-v3, bytes", Stage::Bytes, Cpu::X86_64V3),
        ("AArch64, bytes", Stage::Bytes, Cpu::AArch64),
    ];
    let listed: Vec<String> =
        stages.map(|(name, stage, cpu)| format!("=== {name}\n{}", listed(text, &inputs, stage, cpu))).into();
    compare("stages", "every_stage", &format!("{text}\n{}", listed.join("\n")));
}
