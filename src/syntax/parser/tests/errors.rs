use super::*;

#[test]
fn operators_of_other_languages_are_named_with_ours() {
    for (source, help) in [
        ("a ** 2", "`^`"),
        ("a => 2", "`>=`"),
        ("a =< 2", "`<=`"),
        ("a <> 2", "`!=`"),
        ("a === 2", "`==`"),
        ("a !== 2", "`!=`"),
        ("a & b", "bit_and"),
        ("a | b", "bit_or"),
        ("a << 2", "shl"),
        ("a >> 2", "shr"),
        ("~a", "bit_not"),
        ("xs.len", "len(xs)"),
        ("a ? b : c", "if c"),
        ("xs[1...2]", "`..`"),
        ("xs[1..=2]", "b + 1"),
    ] {
        helped(source, "E0018", help);
    }
    assert_eq!(broken_tree("a ** b ** c"), "(^ a (^ b c))");
    assert_eq!(broken_tree("a & f(x)"), "(<error> * (call f x))");
}

#[test]
fn increments_are_assignments() {
    helped("x++;", "E0012", "x += 1");
    helped("x--;", "E0012", "x -= 1");
    helped("{ x++ }", "E0012", "x += 1");
    helped("++x;", "E0012", "unary `+`");
    helped("+1", "E0012", "leave it out");
}

#[test]
fn an_assignment_is_not_a_condition() {
    helped("if x = 1 { a } else { b }", "E0019", "`==`");
    helped("while x = 1 {}", "E0019", "`==`");
    helped("let y = x = 1;", "E0019", "statement of its own");
    helped("f(x = 1)", "E0019", "`==`");
    helped("f(x += 1)", "E0019", "statement of its own");
    assert_eq!(broken_tree("if x = 1 { a } else { b }"), "(if (x == 1) {a} {b})");
    assert_eq!(codes("if x = 1 { a } else { b }"), "E0019 5..6");
}

#[test]
fn unequal_does_not_chain() {
    helped("a != b != c", "E0020", "and");
    helped("a < b != c", "E0020", "and");
    helped("a != b < c", "E0020", "and");
    assert_eq!(codes("a != b != c"), "E0020 7..9");
}

#[test]
fn an_operator_behind_an_if_needs_parentheses() {
    helped("if a { 1 } else { 2 } - 1", "E0021", "} else { … }) - …`");
    helped("if a { 1 } else { 2 } + 1", "E0021", "}) + …`");
    helped("if a {} else {} * 2", "E0021", "}) * …`");
    helped("if a { xs } else { ys }[0]", "E0021", "}) [ …`");
    helped("{ x } == 1", "E0021", "({ … }) == …`");
    helped("fn f(x) { if x < 0 { 1 } else { 2 } * x }", "E0021", "}) * …`");
    assert_eq!(broken_tree("if a { 1 } else { 2 } - 1"), "((if a {1} {2}) - 1)");
    assert_eq!(codes("if a { 1 } else { 2 } - 1"), "E0021 22..23");
}

#[test]
fn a_missing_semicolon_is_told_where_it_belongs() {
    assert_eq!(codes("let x = 1\nlet y = 2;"), "E0014 9..9");
    assert_eq!(codes("x = 1\ny = 2;"), "E0014 5..5");
    assert_eq!(codes("f(x) g(y)"), "E0014 4..4");
    assert_eq!(codes("{ a b }"), "E0014 3..3");
    assert_eq!(codes("x + 1 fn f() = 1; y"), "E0014 5..5");
    assert_eq!(codes("break break;"), "E0014 5..5");
    assert_eq!(codes("{ x = 1 }"), "E0014 7..7");
    assert_eq!(codes("for i in 0..n { s += i } s"), "E0014 22..22");
    assert_eq!(codes("fn f(x) { return x }"), "E0014 18..18");
    assert_eq!(codes("let x = 1"), "E0014 9..9");
    assert_eq!(codes("fn f(x) = x"), "E0014 11..11");
    helped("let x = 1 let y = 2;", "E0014", "add `;`");
    helped("2 x", "E0014", "`*`");
    helped("a mod b", "E0014", "a % b");
    assert_eq!(broken_tree("let x = 1 let y = x; y"), "(let x 1) | (let y x) | y");
}

#[test]
fn forms_of_other_languages() {
    helped("let mut x = 1;", "E0027", "`var`");
    helped("if a { 1 } elif b { 2 } else { 3 }", "E0027", "`else if`");
    helped("if a { 1 } elseif b { 2 } else { 3 }", "E0027", "`else if`");
    helped("function f(x) { x }", "E0027", "`fn f(x)");
    helped("def f(x) = x;", "E0027", "`fn f(x)");
    helped("int x = 1;", "E0027", "`let x");
    helped("double y = 1; y", "E0027", "`let y");
    helped("x := 1;", "E0027", "`let x");
    helped("x: f64 = 1; x", "E0027", "`let x: …");
    helped("for x of xs { }", "E0013", "for x in xs");
    helped("loop { }", "E0027", "while true");
    helped("for (i = 0; i < n; i += 1) { }", "E0027", "for i in 0..n");
    helped("for i = 0..n { }", "E0013", "for i in 0..n");
    helped("if a then b else c", "E0013", "if c { a }");
    helped("if (a) b; else c;", "E0013", "if c { a }");
    helped("while a do b", "E0013", "while c");
    helped("fn f(x) => x;", "E0018", "fn f(x) =");
    helped("fn f(x): f64 = x;", "E0013", "`->`");
    helped("fn f(f64 x) = x;", "E0013", "x: f64");
    helped("fn f(x f64) = x;", "E0013", "x: f64");
}

#[test]
fn text_in_quotes_stands_for_a_value() {
    assert_eq!(broken_tree("f('a', \"b c\", 1)"), "(call f <error> <error> 1)");
    assert_eq!(codes("f('a', \"b c\", 1)"), "E0009 2..5, E0009 7..12");
    assert_eq!(codes("f('a\n) + 1"), "E0009 2..4");
    assert_eq!(codes("“quoted” + 1"), "E0009 0..12");
}

#[test]
fn letters_beyond_ascii_are_named() {
    let (code, message, help) = the_error("let café = 1; 2");
    assert_eq!((code, message.as_str()), ("E0003", "the letter `é` cannot stand in a name"));
    assert!(help.contains("A to Z"));
    assert_eq!(codes("let café = 1;"), "E0003 7..9");
    assert_eq!(codes("α + 1"), "E0003 0..2");
    helped("2 * π", "E0003", "`PI`");
    assert_eq!(broken_tree("2 * π"), "(2 * PI)");
    assert_eq!(codes("変数 + 1"), "E0003 0..3");
    assert_eq!(codes("e\u{301} + 1"), "E0003 1..3");
}

#[test]
fn unusual_characters_are_taken_for_what_they_mean() {
    for (source, tree, help) in [
        ("a × b", "(a * b)", "`*`"),
        ("a − b", "(a - b)", "`-`"),
        ("a – b", "(a - b)", "`-`"),
        ("a ÷ b", "(a / b)", "`/`"),
        ("x²", "(^ x 2)", "`^2`"),
        ("2³", "(^ 2 3)", "`^3`"),
        ("a ≤ b", "(a <= b)", "`<=`"),
        ("a ≥ b", "(a >= b)", "`>=`"),
        ("a ≠ b", "(a != b)", "`!=`"),
        ("∞", "INF", "`INF`"),
        ("a ∧ b", "(and a b)", "`and`"),
        ("a;\u{37e}", "a;", "`;`"),
    ] {
        assert_eq!(broken_tree(source), tree, "{source}");
        helped(source, "E0004", help);
    }
    for (source, shown) in [
        ("a @ b", "`@`"),
        ("a \0 b", "U+0000"),
        ("a\u{200b} + b", "U+200B"),
        ("$x", "`$`"),
        ("a\u{feff}", "U+FEFF"),
        ("😀", "`😀`"),
    ] {
        let (code, message, _) = the_error(source);
        assert_eq!(code, "E0004", "{source}");
        assert!(message.contains(shown), "{message}");
    }
    helped("x # a comment", "E0004", "`//`");
    helped("√2", "E0004", "sqrt(…)");
}

#[test]
fn comments_are_closed() {
    assert_eq!(codes("1 + /* a /* b */ c"), "E0005 4..6");
    assert_eq!(codes("{ f(1, /*"), "E0005 7..9");
    assert_eq!(codes("1 */ 2"), "E0012 3..4");
}

#[test]
fn expressions_are_expected() {
    assert_eq!(codes("1 +"), "E0012 3..3");
    assert_eq!(codes("1 + ;"), "E0012 4..5");
    assert_eq!(codes("1 + \n\n"), "E0012 3..3");
    assert_eq!(codes("f(, 1)"), "E0012 2..3");
    assert_eq!(codes("let x = ;"), "E0012 8..9");
    assert_eq!(codes("()"), "E0012 0..1");
    assert_eq!(codes("1 + return 2;"), "E0012 4..10");
    assert_eq!(codes("xs[]"), "E0012 3..4");
    assert_eq!(codes("mut + 1"), "E0012 0..3");
    assert_eq!(codes("1 * / 2"), "E0012 4..5");
}

#[test]
fn brackets_match() {
    assert_eq!(codes("f(1, 2"), "E0015 1..2");
    assert_eq!(codes("{ f(); "), "E0015 0..1");
    assert_eq!(codes("fn f() { if a { 1 "), "E0015 14..15");
    assert_eq!(codes("1)"), "E0016 1..2");
    assert_eq!(codes("1; }"), "E0016 3..4");
    assert_eq!(codes("1 } 2"), "E0016 2..3");
    assert_eq!(codes("(1 + 2]"), "E0013 6..7");
    assert_eq!(codes("[(1, 2]"), "E0013 3..4");
    assert_eq!(codes("[(1]"), "E0013 3..4");
    assert_eq!(broken_tree("[(1] + 2"), "((array 1) + 2)");
    assert_eq!(codes("f(1; let y = 2;"), "E0013 3..4");
    assert_eq!(codes("f(1 2)"), "E0013 4..5");
    assert_eq!(codes("{ f(1 } + 2"), "E0013 6..7, E0021 8..9");
}

#[test]
fn names_and_types() {
    helped("let if = 1;", "E0017", "another name");
    helped("fn while(x) = x;", "E0017", "another name");
    helped("for in in 0..1 {}", "E0017", "another name");
    helped("fn f(let) = 1;", "E0017", "another name");
    helped("let x: f32 = 1;", "E0023", "`f64`");
    helped("let x: u8 = 1;", "E0023", "`i64`");
    helped("fn f(x: int) = x;", "E0023", "`i64`");
    helped("fn f(x: [float]) = x;", "E0023", "`f64`");
    helped("fn f(x: [[f64]]) = x;", "E0023", "index");
    helped("fn f(x: [f64; 3]) = x;", "E0013", "length");
    helped("fn f() -> double = 1;", "E0023", "`f64`");
    helped("let x;", "E0026", "let x = …;");
    helped("var x: f64;", "E0026", "var x = …;");
    helped("const C;", "E0026", "const C = …;");
    assert_eq!(broken_tree("let x; x"), "(let x <error>) | x");
    assert_eq!(codes("let 1 = 2;"), "E0013 4..5");
}

#[test]
fn functions_do_not_nest() {
    helped("fn f() { fn g() = 1; g() }", "E0022", "top level");
    helped("{ const C = 1; C }", "E0022", "top level");
    assert_eq!(broken_tree("fn f() { fn g() = 1; g() }"), "(fn g () {1}) | (fn f () {(call g)})");
    // A block that was forgotten to be closed makes one error for what follows it, and one for itself.
    assert_eq!(codes("fn f() { 1 \n fn g() = 2; fn h() = 3; "), "E0015 7..8, E0022 13..15");
}

#[test]
fn a_function_with_a_broken_head_stays_known() {
    assert_eq!(broken_tree("fn f(x { x } f(1)"), "(fn f (x) {x}) | (call f 1)");
    assert_eq!(broken_tree("fn f(int x, f64 y, z f64) = x;"), "(fn f (x y z) {x})");
    assert_eq!(broken_tree("fn f(1, y) { y }"), "(fn f (y) {y})");
    assert_eq!(broken_tree("fn f(xs [f64], y) = y;"), "(fn f (xs y) {y})");
    assert_eq!(broken_tree("fn f(x) y; f(1)"), "(fn f (x) {<error>}) | (call f 1)");
    assert_eq!(codes("fn f(int x, int y) = x;"), "E0013 9..10, E0013 16..17");
}

#[test]
fn ranges_are_not_values() {
    helped("let r = 0..5;", "E0024", "for");
    helped("f(1..2)", "E0024", "slice");
    helped("1..2", "E0024", "for");
    helped("for i in 0..1..2 {}", "E0024", "for");
}

#[test]
fn only_names_are_called() {
    helped("2(3)", "E0025", "`*`");
    helped("(f)(3)", "E0025", "parentheses");
    helped("xs[0](3)", "E0025", "not values");
    helped("f(1)(2)", "E0025", "not values");
    assert_eq!(broken_tree("2(x + 1)"), "(<error> * (x + 1))");
}

#[test]
fn an_else_has_its_if() {
    assert_eq!(codes("if a { 1 }; else { 2 }"), "E0013 12..16");
    assert_eq!(codes("else { 1 } 2"), "E0013 0..4");
}

#[test]
fn independent_errors_come_in_one_go() {
    let source =
        "let a = 1 +;\nlet b = (2;\nfn f(x { x }\nlet c = a ** 2;\nif a = b { 1; } else 2\nlet d = 'x';\nf(1))";
    assert_eq!(
        codes(source),
        "E0012 11..12, E0013 23..24, E0013 32..33, E0018 48..50, E0019 59..60, E0013 75..76, E0009 85..88, E0016 94..95"
    );
    assert_eq!(codes("f($); let b = 1 +; c"), "E0004 2..3, E0012 17..18");
}

#[test]
fn one_mistake_makes_one_error() {
    for source in [
        "f(1, [0; 5], $, [0; 6], (2; 3), 4); x",
        "if a $ b { x; y; } else { z; } w",
        "while f( { g(); h(); } i()",
        "let x = { a; b; $ } + 1; x",
        "for i in 0.. { s += i; } s",
        "fn f(x,, y) { x } f(1, 2)",
        "let x: = 1; x",
        "xs[1, 2] = 3; x",
        "x = = 2; y",
        "(a, b)",
        "let (a, b) = c;",
        "a.b.c(d).e",
        "return return;",
    ] {
        let (_, errors) = parsed(source);
        assert_eq!(errors.len(), 1, "{source}: {:#?}", errors.as_slice());
    }
}

#[test]
fn at_most_twenty_errors_are_kept() {
    let (ast, errors) = parsed(&"let x = ;".repeat(1000));
    assert_eq!(errors.len(), 20);
    assert!(ast.exprs.is_empty());
    assert_eq!(parsed(&"é ".repeat(1000)).1.len(), 20);
}

#[test]
fn messages_quote_at_most_eighty_characters() {
    let long = "x".repeat(10_000);
    for source in [format!("let x: {long} = 1;"), format!("f(1 {long})"), format!("2{long}"), format!("'{long}'")] {
        let (_, message, help) = the_error(&source);
        assert!(message.chars().count() < 200 && help.chars().count() < 200, "{message}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_told_with_their_place() {
    let (ast, errors) = parse_bytes(b"1 + \xff", &SourceLimits::default());
    assert!(ast.body.is_none());
    let error = &errors.as_slice()[0];
    assert_eq!((error.code, error.span), ("E0002", Span::new(4, 5)));
    assert!(error.message.contains("byte 4 is 0xFF"), "{}", error.message);
    assert!(parse_bytes(b"1 + 2", &SourceLimits::default()).1.is_empty());
}

#[test]
fn a_repl_knows_what_is_incomplete() {
    for source in
        ["f(1,", "{", "fn f(x) {", "1 +", "let x =", "/* a", "[1,\n", "if a { b } else", "a and", "x ^", "fn f() ->"]
    {
        assert!(is_incomplete(source), "{source}");
    }
    for source in ["", "1", "f(1)", "1 + 2;", "f(1))", "x y", "}", "let x = 1"] {
        assert!(!is_incomplete(source), "{source}");
    }
}
