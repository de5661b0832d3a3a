//! What the passes make of small programs. That they keep what programs do is tested with `ir::build`, under every set of passes.

use super::{Passes, optimize, optimize_program};
use crate::ir::build::tests::funcs;
use crate::ir::func::{Func, InstKind};
use crate::ir::print::print;

/// The body of an optimised program, without its head and its end.
#[track_caller]
pub(super) fn body(source: &str) -> String {
    let mut funcs = funcs(source, true);
    optimize_program(&mut funcs, &Passes::ALL);
    let func: Func = funcs.pop().expect("a program has a body");
    let text = print(&func);
    let lines: Vec<&str> = text.lines().collect();
    lines[1..lines.len() - 1].iter().map(|line| format!("{}\n", &line[2..])).collect()
}

/// The inputs are named v0 to v8, so new values begin at v9; x is v0, n is v1, b is v2.
#[track_caller]
fn becomes(source: &str, want: &[&str]) {
    let want: String = want.iter().map(|line| format!("{line}\n")).collect();
    let got = body(source);
    assert_eq!(got, want, "{source}");
}

#[test]
fn constants_fold() {
    becomes("1 + 2 * 3 - 2^3", &["v9: i64 = -1", "return v9"]);
    becomes("sqrt(2.0) * 0.5 / 0.0", &["v9: f64 = inf", "return v9"]);
    becomes("sin(0.0)", &["v9: f64 = 0.0", "return v9"]);
    becomes("if 1 < 2 { n } else { 0 }", &["return v1"]);
    becomes("let k = 3; var t = 1; if k > 2 { t = n; } t", &["return v1"]);
    becomes("gcd(12, 18) + leading_zeros(1)", &["v9: i64 = 69", "return v9"]);
}

#[test]
fn a_known_trap_stays_where_it_is() {
    becomes("div(1, 0)", &["v9: i64 = 1", "v10: i64 = 0", "v11: i64 = idiv v9, v10", "return v11"]);
    let text = body("if b { MAX_I64 + 1 } else { 0 }");
    assert!(text.contains("iadd") && text.contains("if v2"), "{text}");
}

#[test]
fn exact_identities_hold_and_others_do_not() {
    becomes("(x * 1.0 / 1.0 - 0.0 + -0.0)", &["v9: f64 = fcanon v0", "return v9"]);
    becomes("x / 4.0", &["v9: f64 = 0.25", "v10: f64 = fmul v0, v9", "v11: f64 = fcanon v10", "return v11"]);
    becomes("2 * x", &["v9: f64 = fadd v0, v0", "v10: f64 = fcanon v9", "return v10"]);
    becomes("- -x", &["v9: f64 = fcanon v0", "return v9"]);
    becomes("abs(-x)", &["v9: f64 = fabs v0", "v10: f64 = fcanon v9", "return v10"]);
    becomes("(n + 0) * 1", &["return v1"]);
    becomes("n - n", &["v9: i64 = 0", "return v9"]);
    becomes("n % 1", &["v9: i64 = 0", "return v9"]);
    becomes("not (n < 3)", &["v9: i64 = 3", "v10: bool = ile v9, v1", "return v10"]);
    // Each of these would be wrong for some x: a zero's sign, an infinity, a NaN, a rounding.
    for (source, op) in [
        ("x + 0.0", "fadd"),
        ("0.0 - x", "fsub"),
        ("x - -0.0", "fsub"),
        ("x * 0.0", "fmul"),
        ("x - x", "fsub"),
        ("x / x", "fdiv"),
        ("x / 3.0", "fdiv"),
        ("x / 1e-309", "fdiv"),
    ] {
        assert!(body(source).contains(op), "{source}");
    }
    assert!(body("x == x").contains("feq"));
    assert!(body("not (x < 3)").contains("bnot"));
}

#[test]
fn canonical_values_stay_as_they_are() {
    becomes("f64(n)", &["v9: f64 = itof v1", "return v9"]);
    becomes(
        "if b { 1.0 } else { f64(n) }",
        &["v9: f64 = 1.0", "v10: f64 = itof v1", "v11: f64 = select v2, v9, v10", "return v11"],
    );
    assert!(body("-f64(n)").contains("fcanon"));
    assert!(body("fs[0]").contains("fcanon"));
}

#[test]
fn what_nobody_uses_goes() {
    becomes("let a = sin(x); let c = x * x; n", &["return v1"]);
    becomes("var t = 1; if b { t = 2; } else { t = 3; } n", &["return v1"]);
    becomes("let a = if b { sin(x) } else { cos(x) }; n", &["return v1"]);
    becomes(
        "var t = 0; for k in 0..n { t = k; } 1",
        &[
            "v9: i64 = 0",
            "v10: i64 = 1",
            "@0 loop (v11: i64 = v9) {",
            "  v12: bool = ilt v11, v1",
            "  @1 if v12 {",
            "    exit @1",
            "  } else {",
            "    exit @0",
            "  }",
            "  meter_loop",
            "  v13: i64 = iadd.wrap v11, v10",
            "  repeat @0 v13",
            "}",
            "return v10",
        ],
    );
}

#[test]
fn what_can_trap_stays() {
    assert!(body("let a = n + 1; 3").contains("iadd"));
    assert!(body("let a = ks[n]; 3").contains("bounds_check"));
    assert!(!body("let a = ks[n]; 3").contains("load"));
    assert!(body("let a = [1]; 3").contains("alloc"));
    assert!(body("let a = host(1); 3").contains("host_call"));
}

#[test]
fn small_ifs_need_no_jump() {
    becomes(
        "if x < 0 { -x } else { x }",
        &[
            "v9: f64 = 0.0",
            "v10: bool = flt v0, v9",
            "v11: f64 = fneg v0",
            "v12: f64 = select v10, v11, v0",
            "v13: f64 = fcanon v12",
            "return v13",
        ],
    );
    becomes(
        "i64(if b { n > 3 } else { false })",
        &["v9: i64 = 3", "v10: bool = ilt v9, v1", "v11: bool = band v2, v10", "v12: i64 = btoi v11", "return v12"],
    );
    assert!(
        body("if b { n + 1 } else { n }").contains("if v2"),
        "an addition that may trap is not done on speculation"
    );
    assert!(body("if b { 1 / x } else { x }").contains("if v2"), "a division is not cheap");
}

#[test]
fn loops_that_end_at_once_are_none() {
    let text = body("var t = n; while b { t = 3; break; } 1");
    assert!(text.starts_with("@0 block {") && !text.contains("loop ("), "{text}");
    let text = body("for k in 0..n { return k; } 7");
    assert!(text.contains("meter_loop") && !text.contains("loop (") && !text.contains("repeat"), "{text}");
}

#[test]
fn unchanged_variables_are_not_carried() {
    let text = body("var a = n; var c = 0; for k in 0..9 { a = a; c += a; } c + a");
    assert!(text.contains("loop (v12: i64, v13: i64 ="), "{text}");
}

#[test]
fn control_that_never_comes_is_dropped() {
    becomes("if 2 > 1 { return n; } ks[99]", &["return v1"]);
    becomes("while true { return n; }", &["meter_loop", "return v1"]);
    let kinds = |source: &str| {
        let mut func = funcs(source, true).remove(0);
        optimize(&mut func, &Passes::ALL);
        func.regions.iter().flat_map(|r| &r.insts).map(|&id| func.inst(id).kind).collect::<Vec<_>>()
    };
    assert!(
        !kinds("fn f(n: i64) -> i64 { for k in 0..n { if true { return k; } } 0 } f(n)")
            .contains(&InstKind::Unreachable)
    );
}

#[test]
fn the_same_is_computed_once() {
    becomes(
        "x * x + x * x",
        &["v9: f64 = fmul v0, v0", "v10: f64 = fadd v9, v9", "v11: f64 = fcanon v10", "return v11"],
    );
    becomes("(n + 3) * (3 + n)", &["v9: i64 = 3", "v10: i64 = iadd v1, v9", "v11: i64 = imul v10, v10", "return v11"]);
    let count = |source: &str, what: &str| body(source).matches(what).count();
    assert_eq!(count("ks[n] * ks[n]", "bounds_check"), 1);
    assert_eq!(count("ks[n] * ks[n]", "load"), 1);
    assert_eq!(count("sin(x) / sin(x)", "= sin"), 1);
    assert_eq!(count("if b { host(sin(x)) } else { host(sin(x) + 1) }", "= sin"), 2, "neither comes before the other");
    assert_eq!(count("let a = n * 7; if b { n * 7 } else { a }", "imul"), 1);
}

#[test]
fn what_may_have_changed_is_read_again() {
    let loads = |source: &str| body(source).matches("load.i64").count();
    assert_eq!(loads("let a = ks[0]; ks[1] = 3; a + ks[0]"), 2);
    assert_eq!(loads("let a = ks[0]; fill(ks, 3); a + ks[0]"), 2);
    assert_eq!(loads("let a = ks[0]; host(1); a + ks[0]"), 2);
    assert_eq!(loads("let a = ks[0]; var t = 0; for k in 0..n { t += ks[0]; ks[0] = k; } a + t"), 2);
    assert_eq!(loads("let a = ks[0]; var t = 0; for k in 0..n { t += ks[0]; } a + t"), 1);
    assert_eq!(loads("let a = ks[0]; if b { ks[0] = 3; } a + ks[0]"), 2);
}

#[test]
fn what_was_stored_is_not_read() {
    let loads = |source: &str| body(source).matches("load.").count();
    assert_eq!(loads("ks[n] = 7; ks[n]"), 0);
    assert_eq!(loads("ks[n] = 7; ks[n] += 1; ks[n]"), 0);
    assert_eq!(loads("us[n] = 7; us[n]"), 0);
    assert_eq!(loads("fs[n] = x; fs[n]"), 0);
    assert_eq!(loads("let a = [0.5, x]; a[0] + a[1]"), 1, "what the first is may have changed with the second");
    assert_eq!(loads("let a: [f32] = [x]; a[0]"), 1, "it was rounded");
    assert_eq!(loads("ks[n] = 7; ks[0] = 8; ks[n]"), 1, "they may be the same");
    assert_eq!(loads("ks[n] = 7; host(1); ks[n]"), 1);
    assert_eq!(loads("if b { ks[n] = 7; } ks[n]"), 1);
    assert_eq!(loads("ks[0] = 7; var t = 0; for k in 0..n { t += ks[0]; ks[0] = k; } t"), 1);
}

#[test]
fn each_selection_compares() {
    let text = body("var a = n; var c = 1; if n > 3 { a = 2; c = 3; } wrapping_add(a, c)");
    assert_eq!((text.matches("ilt").count(), text.matches("select").count()), (2, 2), "{text}");
}

#[test]
fn what_is_the_same_in_every_iteration_moves_out() {
    let text = body("var s = 0.0; for k in 0..n { for m in 0..k { s += x * 3.0 + f64(k) * 0.5; } } s");
    let outer = text.find("loop (").expect("there is a loop");
    let inner = outer + 1 + text[outer + 1..].find("loop (").expect("there are two");
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what} in {text}"));
    assert!(at("3.0") < outer && at("fmul v0") < outer, "{text}");
    assert!((outer..inner).contains(&at("itof")), "{text}");
    assert!(!text[inner..].contains("fmul"), "{text}");
    // What costs much moves only from where every iteration does it.
    let is_inside = |source: &str, what: &str| {
        let text = body(source);
        text.find(what).expect(source) > text.find("loop (").expect(source)
    };
    assert!(!is_inside("var s = 0.0; for k in 0..n { s += sin(x); } s", "= sin"));
    assert!(is_inside("var s = 0.0; for k in 0..n { if k == 3 { s += sin(x); } } s", "= sin"));
    assert!(is_inside("var s = 0; for k in 0..9 { s += n * n; } s", "imul"), "it may trap, or not be reached");
}

#[test]
fn an_arm_that_may_overflow_needs_no_jump_in_a_loop() {
    let text = body("var k = max(n, 1); while k != 1 { k = if k % 2 == 0 { div(k, 2) } else { 3*k + 1 }; } k");
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what} in {text}"));
    // One comparison, as the number is never negative; its bound lies before the loop.
    assert!(at("= 3074457345618258602") < at("loop ("), "{text}");
    assert!(at("trap IntegerOverflow") < at("imul.wrap") && at("iadd.wrap") < at("= select"), "{text}");
    assert_eq!(text.matches(" if ").count(), 2, "the loop's condition and the test: {text}");
    // Not outside loops, nor where both operands vary, nor where it would be much to do for nothing.
    for source in [
        "if n < 3 { n * 3 } else { n - 1 }",
        "var k = n; for i in 0..9 { k = if k < i { k * n } else { k }; } k",
        "var k = n; for i in 0..9 { k = if k < i { k * 3 + 5 } else { k * 7 - 2 }; } k",
    ] {
        assert!(!body(source).contains("trap IntegerOverflow"), "{source}");
    }
}

#[test]
fn passes_take_linear_time_on_long_and_deep_functions() {
    let mut source = String::from("var t = 0; ");
    for k in 0..10_000 {
        source += &format!("for k in 0..n {{ t += ks[k] * {k}; }} ");
    }
    source += "for k in 0..n { ";
    for k in 0..10_000 {
        source += &format!("t = if k < {k} {{ t * 3 }} else {{ 5 }}; ");
    }
    source += "} ";
    source += "t";
    let mut funcs = funcs(&source, true);
    optimize_program(&mut funcs, &Passes::ALL);
    let func = funcs.remove(0);
    let loops =
        func.regions.iter().flat_map(|r| &r.insts).filter(|&&id| matches!(func.inst(id).kind, InstKind::Loop(_)));
    assert_eq!(loops.count(), 10_001);
}
