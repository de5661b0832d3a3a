//! Arrays: what literals hold, who may write, and what is released.

use super::*;

#[test]
fn literals_hold_the_common_type_of_their_elements() {
    assert_eq!(text("[1, 2]"), "[i64] writable { (array i64 1 2) }");
    assert_eq!(text("[1, n, 2.5]"), "[f64] writable { (array f64 1.0 (itof n.1) 2.5) }");
    assert_eq!(text("[ok, true]"), "[bool] writable { (array bool ok.2 true) }");
    assert_eq!(text("[0; n]"), "[i64] writable { (fill i64 0 n.1) }");
    assert_eq!(text("[x; 3]"), "[f64] writable { (fill f64 x.0 3) }");
    assert_eq!(text("[ok; 3]"), "[bool] writable { (fill bool ok.2 3) }");
}

#[test]
fn literals_take_the_element_type_of_their_place() {
    assert!(text("let a: [u8] = [1, n]; a").contains("(array u8 1 n.1)"));
    assert!(text("let a: [f32] = [1, n]; a").contains("(array f32 1.0 (itof n.1))"));
    assert!(text("let a: [f64] = []; a").contains("(array f64)"));
    assert!(text("var a: [i32] = [0; 4]; a").contains("(fill i32 0 4)"));
    assert!(
        text("let a: [f32] = if ok { [1] } else { { [] } }; a").contains("(if ok.2 (array f32 1.0) else (array f32))")
    );
    assert!(text("var a = [1.5]; a = []; a").contains("a.5 = (array f64)"));
    assert!(text("fn f(a: [f32]) = a[0]; f([1])").contains("(call f (array f32 1.0))"));
    assert!(text("fn f() -> [u8] { return [1]; }").contains("return (array u8 1)"));
    assert!(text("fn f() -> [u8] = [2];").contains("(array u8 2)"));
    assert!(text("fn f(ok: bool) -> [f64] { if ok { return []; } [1] }").contains("(array f64 1.0)"));
    assert!(text("dot([1, 2], ins)").contains("(dot f64 (array f64 1.0 2.0) ins.3)"));
    assert!(text("dot(ins, [1, 2])").contains("(dot f64 ins.3 (array f64 1.0 2.0))"));
    assert!(text("copy(outs, [1, 2])").contains("(copy f64 outs.4 (array f64 1.0 2.0))"));
}

#[test]
fn elements_are_read_as_scalars() {
    assert_eq!(result("let a: [u8] = [1]; a[0]"), Type::I64);
    assert_eq!(result("let a: [f32] = [1]; a[0]"), Type::F64);
    assert_eq!(result("let a: [i32] = [1]; sum(a)"), Type::I64);
    assert_eq!(result("let a: [f32] = [1]; max(a)"), Type::F64);
    assert_eq!(result("mean([1, 2])"), Type::F64);
    assert_eq!(result("count([ok])"), Type::I64);
    assert_eq!(result("len(ins[1..])"), Type::I64);
    assert_eq!(result("var s = 0; let a: [u8] = [1]; for v in a { s += v; } s"), Type::I64);
    assert_eq!(text("ins[1..n][..2][0]"), "f64 { (index (slice (slice ins.3 1 n.1) _ 2) 0) }");
}

#[test]
fn stores_convert_and_narrow() {
    assert!(text("outs[n] = 1;").contains("(store f64 outs.4 n.1 1.0)"));
    assert!(text("outs[n] = n;").contains("(store f64 outs.4 n.1 (itof n.1))"));
    assert!(text("var a: [u8] = [1]; a[0] = n;").contains("(store u8 a.5 0 n.1)"));
    assert!(text("outs[0] += n;").contains("(update f64 outs.4 0) (fadd (itof n.1))"));
    assert!(text("outs[0] ^= 2;").contains("(update f64 outs.4 0) (powi 2)"));
    assert!(text("var a: [u8] = [1]; a[0] += 1;").contains("(update u8 a.5 0) (iadd 1)"));
    assert!(text("outs[1..][0] /= 2;").contains("(update f64 (slice outs.4 1 _) 0) (fdiv 2.0)"));
    assert!(text("fill(outs[1..], 2)").contains("(fill f64 (slice outs.4 1 _) 2.0)"));
    assert!(text("fill([0, 0], 2)").contains("(fill i64 (array i64 0 0) 2)"));
}

#[test]
fn what_is_writable() {
    for source in [
        "var a = [1]; var b = a; b[0] = 2;",
        "var a = [1]; var b = a[0..]; b[0] = 2;",
        "var a = if ok { [1] } else { [2] }; a[0] = 2;",
        "var a = { var b = [1]; b }; a[0] = 2;",
        "fn f(mut a: [f64]) { a[0] = 1; } f(outs); f([1]); f(outs[1..]);",
        "fn make() = [1.0]; var a = make(); a[0] = 2;",
        "fn same(mut a: [f64]) = a; var b = same(outs);",
        "fn a() = b(); fn b() = [1]; var c = a();",
        "fn f(ok: bool) { if ok { return [1]; } [2] } var a = f(true);",
        "var a = [1]; a = [2];",
        "copy(outs, ins)",
        "let a = ins; let b = a[1..];",
        "var a = if ok { [1] } else { return 3; }; 2",
    ] {
        checked(source);
    }
    let hir = checked(
        "fn make() = [1.0]; fn id(a: [f64]) = a; fn rec(n: i64) -> [f64] = if n == 0 { [1.0] } else { rec(n - 1) };",
    );
    assert!(func(&hir, "make").result_writable);
    assert!(!func(&hir, "id").result_writable);
    assert!(!func(&hir, "rec").result_writable);
}

#[test]
fn what_is_not_writable() {
    error("let a = [1]; a[0] = 2;", "E0133", "a[0]", &["`a` is a `let`", "declare it with `var a"]);
    error("let a = [1]; a[0] += 2;", "E0133", "a[0]", &["`a` is a `let`"]);
    error("let a = [1]; a[0..][0] = 2;", "E0133", "a[0..][0]", &["`a` is a `let`"]);
    error("let a = [1]; var b = a;", "E0133", "a", &["write `let b = a;`", "var b = [0; len(a)]; copy(b, a);"]);
    error("let a: [f32] = [1]; var b = a;", "E0133", "a", &["var b: [f32] = [0.0; len(a)]; copy(b, a);"]);
    error(
        "fn g(a: [u8]) = a; g([1])[0] = 2;",
        "E0133",
        "g([1])[0]",
        &["var ys: [u8] = [0; len(g([1]))]; copy(ys, g([1]));"],
    );
    error(
        "fn g(a: [bool]) = a; g([true])[0] = false;",
        "E0133",
        "g([true])[0]",
        &["var ys = [false; len(g([true]))];"],
    );
    error(
        "fn f(mut a: [f32]) { } let b: [f32] = [1]; f(b);",
        "E0133",
        "b",
        &["var ys: [f32] = [0.0; len(b)]; copy(ys, b);"],
    );
    error("let a = [1]; var b = [2]; b = a;", "E0133", "a", &["write `let b = a;`"]);
    error("fn f(a: [f64]) { a[0] = 1; }", "E0133", "a[0]", &["plain parameter", "`mut a: [f64]`"]);
    error(
        "fn f(mut a: [f64]) { a[0] = 1; } let b = [1.5]; f(b);",
        "E0133",
        "b",
        &["`f` writes to this array", "copy(ys, b)"],
    );
    error("ins[0] = 1;", "E0133", "ins[0]", &["input", "copy"]);
    error("fill(ins, 1)", "E0133", "ins", &["`fill` writes"]);
    error("copy(ins, outs)", "E0133", "ins", &["`copy` writes"]);
    error("fn id(a: [f64]) = a; var b = id(outs);", "E0133", "id(outs)", &["let b = id(outs);"]);
    error("var b = if ok { outs } else { ins };", "E0133", "if ok { outs } else { ins }", &["let b"]);
    error("fn r(n: i64) -> [f64] = if n == 0 { [1.0] } else { r(n - 1) }; var b = r(1);", "E0133", "r(1)", &[]);
    error("fn f(ok: bool, a: [f64]) { if ok { return a; } [1.0] } var b = f(ok, ins);", "E0133", "f(ok, ins)", &[]);
}

#[test]
fn loops_release_what_no_outer_name_keeps() {
    assert!(text("for i in 0..3 { let t = [i]; print(t[0]); }").contains("releases {"));
    assert!(text("while ok { var t = [1]; t = [2]; }").contains("while ok.2 releases {"));
    assert!(text("var t = [1]; while ok { t = [2]; }").contains("while ok.2 { t"));
    assert!(text("var t = [1]; while ok { t[0] = 2; }").contains("while ok.2 releases {"));
    let nested = text("while ok { var t = [1]; while ok { t = [2]; } }");
    assert!(nested.starts_with("() { { while ok.2 releases { t.5 = (array i64 1) while ok.2 { t.5"), "{nested}");
    let outer = text("var t = [1]; while ok { while ok { t = [2]; } while ok { } }");
    assert!(outer.contains("while ok.2 { while ok.2 { t.5 = (array i64 2) } while ok.2 releases {} }"), "{outer}");
    assert!(
        text("var s = 0; for v in ins { s = 1; }")
            .contains("(each f64 ins.3) releases")
            .to_string()
            .parse::<bool>()
            .is_ok()
    );
}

#[test]
fn functions_release_unless_they_give_an_array() {
    let hir = checked("fn f() { let t = [1]; t[0] } fn g() = [1]; fn h(mut a: [f64]) { a[0] = 1; } 1");
    assert!(func(&hir, "f").releases && func(&hir, "h").releases && !func(&hir, "g").releases);
    assert!(!func(&hir, "").releases);
}

#[test]
fn assigned_variables_are_marked() {
    let hir = checked("var a = 1; var b = 2; let c = 3; a += b + c;");
    let main = func(&hir, "");
    let assigned: Vec<&str> = main.locals.iter().filter(|l| l.assigned).map(|l| hir.name(l)).collect();
    assert_eq!(assigned, ["a"]);
}

#[test]
fn many_postfixes_do_not_nest() {
    let source = format!("ins{}[0]", "[0..]".repeat(5000));
    let hir = checked(&source);
    assert!(hir.exprs.iter().all(|e| match e.kind {
        hir::ExprKind::Slice(base, ..) => !matches!(hir.exprs[base.0 as usize].kind, hir::ExprKind::Slice(..)),
        _ => true,
    }));
    assert_eq!(hir.exprs.iter().filter(|e| matches!(e.kind, hir::ExprKind::Slice(..))).count(), 5000);
}
