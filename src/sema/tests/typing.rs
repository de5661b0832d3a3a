//! Types, conversions and what operators become.

use super::*;

#[test]
fn operators_take_the_operation_of_their_types() {
    assert_eq!(
        text("n + n * n - n % n"),
        "i64 { (chain n.1 (iadd (chain n.1 (imul n.1))) (isub (chain n.1 (irem n.1)))) }"
    );
    assert_eq!(
        text("x + x * x - x % x"),
        "f64 { (chain x.0 (fadd (chain x.0 (fmul x.0))) (fsub (chain x.0 (fmod x.0)))) }"
    );
    assert_eq!(text("n / n"), "f64 { (chain (itof n.1) (fdiv (itof n.1))) }");
    assert_eq!(text("-n"), "i64 { (ineg n.1) }");
    assert_eq!(text("-x"), "f64 { (fneg x.0) }");
    assert_eq!(text("not ok"), "bool { (bnot ok.2) }");
}

#[test]
fn a_chain_turns_to_f64_at_the_first_link_that_needs_it() {
    assert_eq!(text("n + n + x + n"), "f64 { (chain n.1 (iadd n.1) (itof) (fadd x.0) (fadd (itof n.1))) }");
    assert_eq!(text("n * 2 / 3 * 4"), "f64 { (chain n.1 (imul 2) (itof) (fdiv 3.0) (fmul 4.0)) }");
    assert_eq!(text("1 + x"), "f64 { (chain 1.0 (fadd x.0)) }");
    assert_eq!(text("n + x"), "f64 { (chain (itof n.1) (fadd x.0)) }");
}

#[test]
fn literals_are_converted_at_once() {
    assert_eq!(text("let y: f64 = 3; y"), "f64 { { y.5 = 3.0 y.5: f64 } }");
    assert_eq!(text("let y: f64 = -3; y"), "f64 { { y.5 = -3.0 y.5: f64 } }");
    assert_eq!(text("x + -0.0"), "f64 { (chain x.0 (fadd -0.0)) }");
    assert_eq!(text("let y: f64 = -0; y"), "f64 { { y.5 = 0.0 y.5: f64 } }");
    assert_eq!(text("let y: f64 = n; y"), "f64 { { y.5 = (itof n.1) y.5: f64 } }");
}

#[test]
fn powers_of_literal_exponents_are_powering() {
    assert_eq!(text("x ^ 2"), "f64 { (powi 2 x.0) }");
    assert_eq!(text("x ^ -64"), "f64 { (powi -64 x.0) }");
    assert_eq!(text("x ^ (-(3))"), "f64 { (powi -3 x.0) }");
    assert_eq!(text("x ^ 65"), "f64 { (pow x.0 65.0) }");
    assert_eq!(text("x ^ -65"), "f64 { (pow x.0 -65.0) }");
    assert_eq!(text("x ^ --2"), "f64 { (pow x.0 2.0) }");
    assert_eq!(text("x ^ 2.0"), "f64 { (pow x.0 2.0) }");
    assert_eq!(text("x ^ n"), "f64 { (pow x.0 (itof n.1)) }");
    assert_eq!(text("n ^ x"), "f64 { (pow (itof n.1) x.0) }");
    assert_eq!(text("n ^ 2"), "i64 { (ipow n.1 2) }");
    assert_eq!(text("n ^ -2"), "i64 { (ipow n.1 -2) }");
    assert_eq!(text("-x ^ 2"), "f64 { (fneg (powi 2 x.0)) }");
    assert_eq!(text("x ^ 2 ^ 3"), "f64 { (pow x.0 (itof (ipow 2 3))) }");
    assert_eq!(text("const K = 2; x ^ K"), "f64 { (pow x.0 2.0) }");
    assert_eq!(text("var s = x; s ^= 3; s"), "f64 { { s.5 = x.0 s.5 = (chain s.5 (powi 3)) s.5: f64 } }");
    assert_eq!(text("var s = n; s ^= 3; s"), "i64 { { s.5 = n.1 s.5 = (chain s.5 (ipow 3)) s.5: i64 } }");
}

#[test]
fn each_pair_of_a_comparison_converts_for_itself() {
    assert_eq!(text("n < x <= n"), "bool { (compare n.1 (flt itof-left x.0) (fle itof-right n.1)) }");
    assert_eq!(text("x > n >= n"), "bool { (compare x.0 (flt swapped itof-right n.1) (ile swapped n.1)) }");
    assert_eq!(text("n == n"), "bool { (compare n.1 (ieq n.1)) }");
    assert_eq!(text("x != n"), "bool { (compare x.0 (fne itof-right n.1)) }");
    assert_eq!(text("ok == true"), "bool { (compare ok.2 (beq true)) }");
    assert_eq!(text("ok != ok"), "bool { (compare ok.2 (bne ok.2)) }");
    assert_eq!(
        text("ok and x < 1 and n < 1"),
        "bool { (and ok.2 (compare x.0 (flt itof-right 1)) (compare n.1 (ilt 1))) }"
    );
}

#[test]
fn arms_of_an_if_have_their_common_type() {
    assert_eq!(text("if ok { 1 } else { 2.5 }"), "f64 { (if ok.2 1.0 else 2.5) }");
    assert_eq!(
        text("if ok { n } else if x < 0 { 2 } else { x }"),
        "f64 { (if ok.2 (itof n.1) (compare x.0 (flt itof-right 0)) 2.0 else x.0) }"
    );
    assert_eq!(result("if ok { let a = 1; a } else { 2.5 }"), Type::F64);
    assert_eq!(text("if ok { let a = 1; a } else { x }"), "f64 { (if ok.2 { a.5 = 1 (itof a.5): f64 } else x.0) }");
    assert_eq!(result("if ok { n } else { 1 }"), Type::I64);
    assert_eq!(result("if ok { true } else { false }"), Type::Bool);
}

#[test]
fn results_are_the_common_type_of_all_that_is_returned() {
    let hir =
        checked("fn f(n: i64) { if n > 0 { return n; } return 0.5; } fn g() = 1; fn h() { g(); } fn k() { return; }");
    assert_eq!(func(&hir, "f").result, Type::F64);
    assert_eq!(func(&hir, "g").result, Type::I64);
    assert_eq!(func(&hir, "h").result, Type::Unit);
    assert_eq!(func(&hir, "k").result, Type::Unit);
    assert!(text("fn f(n: i64) { if n > 0 { return n; } 0.5 }").contains("return (itof n.0)"));
    assert!(text("fn f(n: i64) { if n > 0 { return 0.5; } n }").contains("(itof n.0): f64"));
    assert!(text("fn f() -> f64 = 1;").contains("-> f64 releases { 1.0 }"));
    assert_eq!(result("if x < 0 { return 1; } 2.5"), Type::F64);
    assert_eq!(result("let a = 1;"), Type::Unit);
}

#[test]
fn results_are_known_in_any_order() {
    assert_eq!(result("fn a() = b(); fn b() = c(); fn c() = 7; a() + 1"), Type::I64);
    let hir = checked(
        "fn even(n: i64) -> bool = if n == 0 { true } else { odd(n - 1) }; fn odd(n: i64) -> bool = if n == 0 { false } else { even(n - 1) }; fn f(n: i64) = even(n);",
    );
    assert!(func(&hir, "even").recursive && func(&hir, "odd").recursive && !func(&hir, "f").recursive);
    assert_eq!(func(&hir, "f").result, Type::Bool);
}

#[test]
fn a_block_that_leaves_fits_any_type() {
    for body in [
        "return 1.5;",
        "while true { }",
        "while true { while true { break; } }",
        "if ok { return 1.5; } else { return 2.5; }",
        "{ return 1.5; }",
        "if ok { return 1.5; } else { while true { } }",
        "return 1.5; let after = 2;",
    ] {
        let hir = checked(&format!("fn f(ok: bool) -> f64 {{ {body} }}"));
        assert_eq!(func(&hir, "f").result, Type::F64, "{body}");
    }
    assert_eq!(
        result(
            "for i in 0..3 { let a = if ok { i } else { continue; }; print(a); } let b = if ok { 1.5 } else { return 2; }; b"
        ),
        Type::F64
    );
    assert_eq!(result("let a: bool = { return 3; }; 4"), Type::I64);
    assert_eq!(text("n + { return 1; }"), "i64 { (chain n.1 (iadd { { return 1 } 0: i64 })) }");
    assert_eq!(text("ok and { return true; }"), "bool { (and ok.2 { { return true } false: bool }) }");
}

#[test]
fn a_block_whose_end_can_be_reached_has_no_value() {
    error(
        "fn f(ok: bool) -> f64 { while true { if ok { break; } } }",
        "E0119",
        "{ while true { if ok { break; } } }",
        &["ends without one"],
    );
    error("fn f(ok: bool) -> f64 { while ok { } }", "E0119", "{ while ok { } }", &["ends without one"]);
    error("fn f(ok: bool) -> f64 { if ok { return 1; } }", "E0119", "if ok { return 1; }", &["ends without one"]);
    error("return 1.5; undefined;", "E0100", "undefined", &[]);
}

#[test]
fn arguments_are_converted() {
    assert_eq!(text("sqrt(2)"), "f64 { (fsqrt 2.0) }");
    assert_eq!(text("sqrt(n)"), "f64 { (fsqrt (itof n.1)) }");
    assert!(text("fn f(a, b: i64) = a; f(1, 2)").ends_with("f64 { (call f 1.0 2) }"));
    assert_eq!(text("print(1, x, ok)"), "() { (host 0 1 x.0 ok.2) }");
    assert_eq!(text("put(65)"), "() { (host 1 65) }");
}

#[test]
fn built_ins_take_the_form_of_their_types() {
    assert_eq!(text("abs(n)"), "i64 { (iabs n.1) }");
    assert_eq!(text("abs(x)"), "f64 { (fabs x.0) }");
    assert_eq!(text("min(n, 2, 3)"), "i64 { (chain n.1 (imin 2) (imin 3)) }");
    assert_eq!(text("max(n, 2, x)"), "f64 { (chain (itof n.1) (fmax 2.0) (fmax x.0)) }");
    assert_eq!(text("clamp(n, 0, 9)"), "i64 { (chain n.1 (imax 0) (imin 9)) }");
    assert_eq!(text("clamp(x, 0, 9)"), "f64 { (chain x.0 (fmax 0.0) (fmin 9.0)) }");
    assert_eq!(text("sign(n)"), "i64 { (isign n.1) }");
    assert_eq!(text("sign(x)"), "f64 { (fsign (fcanon x.0)) }");
    assert_eq!(text("bits(x)"), "i64 { (fbits (fcanon x.0)) }");
    assert_eq!(text("copysign(x, n)"), "f64 { (fcopysign x.0 (fcanon (itof n.1))) }");
    assert_eq!(text("f64(n)"), "f64 { (itof n.1) }");
    assert_eq!(text("f64(3)"), "f64 { 3.0 }");
    assert_eq!(text("f64(x)"), "f64 { x.0 }");
    assert_eq!(text("f64(ok)"), "f64 { (btof ok.2) }");
    assert_eq!(text("i64(x)"), "i64 { (ftoi x.0) }");
    assert_eq!(text("i64(ok)"), "i64 { (btoi ok.2) }");
    assert_eq!(text("i64(n)"), "i64 { n.1 }");
    assert_eq!(text("fract(x)"), "f64 { (ffract x.0) }");
    assert_eq!(text("radians(x)"), format!("f64 {{ (fmul x.0 {:?}) }}", std::f64::consts::PI / 180.0));
    assert_eq!(text("degrees(x)"), format!("f64 {{ (fmul x.0 {:?}) }}", 180.0 / std::f64::consts::PI));
    assert_eq!(text("atan2(n, x)"), "f64 { (atan2 (itof n.1) x.0) }");
    assert_eq!(text("div(n, 2)"), "i64 { (idiv n.1 2) }");
}

#[test]
fn every_example_of_a_built_in_is_a_bool() {
    for builtin in crate::sema::builtins::BUILTINS {
        assert_eq!(result(builtin.example), Type::Bool, "{}", builtin.example);
    }
}

#[test]
fn constants_are_computed_beforehand() {
    assert_eq!(text("const A = B * 2; const B = 2 ^ 10 + 1; A"), "i64 { 2050 }");
    assert_eq!(text("const H = PI / 2; H"), format!("f64 {{ {:?} }}", std::f64::consts::FRAC_PI_2));
    assert_eq!(text("const Y: f64 = 3; Y"), "f64 { 3.0 }");
    assert_eq!(text("const T = 1 < 2 <= 2.5 and not false; T"), "bool { true }");
    assert_eq!(text("const F = false and div(1, 0) == 1; F"), "bool { false }");
    assert_eq!(text("const Z = 1 / 0; Z"), "f64 { inf }");
    assert_eq!(text("const S = sqrt(2.25) + min(1, 2) + clamp(7, 0, 5) + 2.0 ^ -1; S"), "f64 { 8.0 }");
    assert_eq!(text("const C = copysign(1, -0.0); C"), "f64 { -1.0 }");
    assert_eq!(text("const PI = 3; PI"), "i64 { 3 }");
    assert_eq!(text("MIN_I64"), "i64 { -9223372036854775808 }");
    assert_eq!(text("fn f() = G; const G = 9.81; f()"), "f() -> f64 releases { 9.81 } f64 { (call f) }");
}

#[test]
fn trap_places_are_kept() {
    let source = "1 + (2 * n) - n";
    let hir = checked(source);
    let places: Vec<&str> = hir.steps.iter().map(|s| &source[s.span.start as usize..s.span.end as usize]).collect();
    assert_eq!(places, ["2 * n", "1 + (2 * n)", "1 + (2 * n) - n"]);
    let source = "var a = 0; a += n;";
    let hir = checked(source);
    assert_eq!(&source[hir.steps[0].span.start as usize..hir.steps[0].span.end as usize], "a += n");
    let source = "for i in 0..n { }";
    let hir = checked(source);
    assert_eq!(&source[hir.stmts[0].span.start as usize..hir.stmts[0].span.end as usize], "for i in 0..n");
}
