//! Scopes, and which names are free.

use super::*;

fn free(source: &str) -> Vec<String> {
    let (ast, errors) = parse(source, &SourceLimits::default());
    assert!(errors.is_empty(), "{errors:?}");
    free_names(&ast).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn free_names_are_the_inputs() {
    assert_eq!(free("sqrt(vx^2 + vy^2)"), ["vx", "vy"]);
    assert_eq!(free("let a = b; a + c + b"), ["b", "c"]);
    assert_eq!(free("let a = a; a"), ["a"]);
    assert_eq!(free("({ let a = 1; a }) + a"), ["a"]);
    assert_eq!(free("for i in 0..n { xs[i] += i; } i"), ["n", "xs", "i"]);
    assert_eq!(free("const K = 2; K * PI + TAU + e"), ["e"]);
    assert_eq!(free("fn f(a) = a + b; f(q)"), ["q"]);
    assert_eq!(free("total += 1;"), ["total"]);
    assert!(free("fn f(a) = a;").is_empty());
}

#[test]
fn a_free_name_tells_where_it_stands() {
    let (ast, _) = parse("1 + speed * speed", &SourceLimits::default());
    let found = free_names(&ast);
    assert_eq!(found, [("speed".to_string(), crate::Span::new(4, 9))]);
}

#[test]
fn names_shadow_lexically() {
    assert!(text("let a = 1; let a = a + 0.5; a").ends_with("a.6: f64 } }"));
    assert_eq!(
        text("let a = 1; { let a = true; print(a); } a"),
        "i64 { { a.5 = 1 { a.6 = true (host 0 a.6) } a.5: i64 } }"
    );
    assert_eq!(result("let x = true; x"), Type::Bool);
    assert_eq!(result("let n = n + 0.5; n"), Type::F64);
    assert!(text("for n in 0..n { print(n); }").contains("for n.5( in.. 0 n.1)"));
}

#[test]
fn calls_and_values_are_looked_up_apart() {
    assert_eq!(result("let sqrt = 4; sqrt(sqrt)"), Type::F64);
    assert!(text("fn sqrt(a) = a + 1; sqrt(2)").ends_with("f64 { (call sqrt 2.0) }"));
    assert!(text("fn print(a) = a; print(2)").ends_with("f64 { (call print 2.0) }"));
    assert_eq!(text("let PI = 3; PI"), "i64 { { PI.5 = 3 PI.5: i64 } }");
    assert_eq!(result("const x = true; x"), Type::F64);
}

#[test]
fn the_program_is_the_last_function() {
    let hir = checked("fn a() = 1; 2; fn b() = 3;".replace("2; ", "a(); ").as_str());
    assert_eq!(hir.main, Some(hir::FuncId(2)));
    let names: Vec<&str> = hir.funcs.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["a", "b", ""]);
    let main = func(&hir, "");
    assert_eq!(main.params.len(), 5);
    assert_eq!(hir.params(main).last().map(|(name, param)| (name, param.mutable)), Some(("outs", true)));
    assert_eq!(main.span, crate::Span::new(0, 28));
}
