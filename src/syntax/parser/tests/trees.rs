use super::*;

#[test]
fn precedence_is_that_of_the_reference() {
    assert_eq!(tree("1 + 2 * 3 - 4"), "(1 + (2 * 3) - 4)");
    assert_eq!(tree("-2^2"), "(neg (^ 2 2))");
    assert_eq!(tree("2^-1"), "(^ 2 (neg 1))");
    assert_eq!(tree("2^-x^3"), "(^ 2 (neg (^ x 3)))");
    assert_eq!(tree("a^b^c"), "(^ a (^ b c))");
    assert_eq!(tree("2^-1*3"), "((^ 2 (neg 1)) * 3)");
    assert_eq!(tree("not a == b"), "((not a) == b)");
    assert_eq!(tree("!a && b || c and d or e"), "(or (and (not a) b) (and c d) e)");
    assert_eq!(tree("a or b and c < d + e * f ^ g"), "(or a (and b (c < (d + (e * (^ f g))))))");
    assert_eq!(tree("a ^ b * c + d < e and f or g"), "(or (and ((((^ a b) * c) + d) < e) f) g)");
    assert_eq!(tree("0 <= x < 1 == y"), "(0 <= x < 1 == y)");
    assert_eq!(tree("a != b + 1"), "(a != (b + 1))");
    assert_eq!(tree("(a != b) != c"), "((a != b) != c)");
    assert_eq!(tree("-a * b % c / d"), "((neg a) * b % c / d)");
    assert_eq!(tree("(1 + 2) * 3"), "((1 + 2) * 3)");
    assert_eq!(tree("a - (b - c) - d"), "(a - (b - c) - d)");
    assert_eq!(tree("--x"), "(neg (neg x))");
    assert_eq!(tree("a - -b"), "(a - (neg b))");
    assert_eq!(tree("a--b"), "(a - (neg b))");
    assert_eq!(tree("a<-1"), "(a < (neg 1))");
    assert_eq!(tree("not not a"), "(not (not a))");
    assert_eq!(tree("-not a"), "(neg (not a))");
    assert_eq!(tree("1 + if a { 1 } else { 2 } * 3"), "(1 + ((if a {1} {2}) * 3))");
    assert_eq!(tree("-xs[0]^2"), "(neg (^ xs[0] 2))");
}

#[test]
fn operators_have_two_spellings() {
    assert_eq!(tree("a and b or not c"), tree("a && b || !c"));
    assert_eq!(tree("a and b && c"), "(and a b c)");
}

#[test]
fn postfixes_are_one_node() {
    assert_eq!(tree("xs[1..][..n][2..3][i]"), "xs[1..][..n][2..3][i]");
    assert_eq!(tree("[1, 2, 3][0]"), "(array 1 2 3)[0]");
    assert_eq!(tree("f(x)[i + 1]"), "(call f x)[(i + 1)]");
    assert_eq!(tree("(xs)[ys[zs[0]]]"), "xs[ys[zs[0]]]");
    assert_eq!(tree("xs[a+1..b-1]"), "xs[(a + 1)..(b - 1)]");
    let (ast, _) = parsed("xs[0][1][2]");
    assert_eq!(ast.postfixes.len(), 3);
}

#[test]
fn calls_arrays_and_fills() {
    assert_eq!(tree("f()"), "(call f)");
    assert_eq!(tree("f(1, g(2,),)"), "(call f 1 (call g 2))");
    assert_eq!(tree("[]"), "(array)");
    assert_eq!(tree("[1, 2,]"), "(array 1 2)");
    assert_eq!(tree("[0.0; n + 1]"), "(fill 0.0 (n + 1))");
    assert_eq!(tree("f (x)"), "(call f x)");
}

#[test]
fn an_if_at_the_start_of_a_statement_ends_at_its_brace() {
    assert_eq!(tree("if a { 1 } else { 2 }"), "(if a {1} {2})");
    assert_eq!(tree("if a { f(); } b"), "(if a {(call f);}) | b");
    assert_eq!(tree("if a { return; } -b"), "(if a {(return)}) | (neg b)");
    assert_eq!(tree("if a { f() } else { g() } -b"), "(if a {(call f)} {(call g)}) | (neg b)");
    assert_eq!(tree("{ f(); } [1]"), "{(call f);} | (array 1)");
    assert_eq!(tree("if a {} (b)"), "(if a {}) | b");
    assert_eq!(tree("if a {} ;"), "(if a {});");
    assert_eq!(tree("{ if a { 1 } else { 2 } }"), "{(if a {1} {2})}");
    assert_eq!(tree("{ if a {} if b {} }"), "{(if a {}) (if b {})}");
    assert_eq!(tree("{ 1 } { 2 }"), "{1} | {2}");
    assert_eq!(tree("(if a { 1 } else { 2 }) - 1"), "((if a {1} {2}) - 1)");
    assert_eq!(tree("let x = if a { 1 } else { 2 } - 1;"), "(let x ((if a {1} {2}) - 1))");
    assert_eq!(tree("if a {} else if b {} else if c {} else {}"), "(if a {} b {} c {} {})");
}

#[test]
fn statements() {
    assert_eq!(tree("let x = 1; var y: f64 = x;"), "(let x 1) | (var y: f64 1)".replace("f64 1", "f64 x"));
    assert_eq!(tree("x ^= 2; xs[0] -= 1; y = 3;"), "(^= x 2) | (-= xs[0] 1) | (= y 3)");
    assert_eq!(tree("a += 1; a *= 2; a /= 3; a %= 4;"), "(+= a 1) | (*= a 2) | (/= a 3) | (%= a 4)");
    assert_eq!(tree("for i in a..=b { continue; }"), "(for i a ..= b {(continue)})");
    assert_eq!(tree("for v in xs[1..] {}"), "(for v xs[1..] {})");
    assert_eq!(tree("while a < b { x; y; }"), "(while (a < b) {x; y;})");
    assert_eq!(tree(";;1;;"), "1;");
    assert_eq!(tree(""), "");
    assert_eq!(tree("return;"), "(return)");
    assert_eq!(tree("return 1;"), "(return 1)");
    assert_eq!(tree("{ { } }"), "{{}}");
}

#[test]
fn items_stand_anywhere_at_the_top() {
    assert_eq!(
        tree("fn f(a, mut xs: [f32], b: i64,) -> [u8] { xs[0] = a; xs } const G: f64 = 1.5; f(1, [2], 3)"),
        "(const G: f64 1.5) | (fn f (a mut xs: [f32] b: i64) -> [u8] {(= xs[0] a) xs}) | (call f 1 (array 2) 3)"
    );
    assert_eq!(tree("x + 1 fn f() = 1;"), "(fn f () {1}) | (x + 1)");
    assert_eq!(tree("if a { 1 } else { 2 } const C = 1;"), "(const C 1) | (if a {1} {2})");
    assert_eq!(tree("fn f() -> () {}"), "(fn f () -> () {})");
    assert_eq!(tree("fn f(b: bool) -> bool = not b;"), "(fn f (b: bool) -> bool {(not b)})");
    let (ast, _) = parsed("if a { 1 } else { 2 } fn f() = 1;");
    let body = ast.blocks[ast.body.unwrap().0 as usize];
    assert!(body.value.is_some() && body.stmts.len == 0);
}

#[test]
fn comments_and_white_space_separate() {
    assert_eq!(tree("1/* a /* b */ c */+// d\r\n2\t"), "(1 + 2)");
    assert_eq!(tree("\u{feff}1\u{a0}+\u{2003}2"), "(1 + 2)");
    assert_eq!(tree("1 // end"), "1");
    assert_eq!(tree("/**/1/***/"), "1");
    assert_eq!(tree("a\r\n+\rb"), "(a + b)");
}

#[test]
fn names_are_interned_once() {
    let (ast, _) = parsed("x + y + x + xy");
    assert_eq!(ast.symbols.iter().collect::<Vec<_>>(), ["x", "y", "xy"]);
}
