//! Texts made to break a parser: limits, time, and texts that are cut or bent.

use super::*;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How long this thread ran, whatever else the machine did meanwhile; where the system does not tell, how long it is since some moment.
fn ran() -> Duration {
    static SOME: LazyLock<Instant> = LazyLock::new(Instant::now);
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| SOME.elapsed(), Duration::from_nanos)
}

/// Parses on a small stack, within a time that is linear on any machine.
fn quickly(source: String) -> (Box<Ast>, Diagnostics) {
    let run = move || {
        let start = ran();
        let parsed = parsed(&source);
        let limit = Duration::from_secs(5);
        let time = ran() - start;
        assert!(time < limit, "{time:?} for {}…", cut(&source));
        parsed
    };
    std::thread::Builder::new().stack_size(128 << 10).spawn(run).unwrap().join().unwrap()
}

fn repeated(prefix: &str, unit: &str, count: usize, suffix: &str) -> String {
    format!("{prefix}{}{suffix}", unit.repeat(count))
}

#[test]
fn the_text_has_a_limit() {
    let (ast, errors) = parsed(&" ".repeat((1 << 20) + 1));
    assert!(ast.body.is_none());
    assert_eq!(errors.as_slice()[0].code, "E0001");
    assert!(parsed(&" ".repeat(1 << 20)).1.is_empty());
    let small = SourceLimits { text: 4, ..SourceLimits::default() };
    assert_eq!(parse("1 + 1", &small).1.as_slice()[0].code, "E0001");
    assert_eq!(parse_bytes(&[0xff; 5], &small).1.as_slice()[0].code, "E0001");
}

#[test]
fn nesting_has_a_limit_and_counts_what_the_reference_says() {
    let deep = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("f(", ")"),
        ("-", ""),
        ("not ", ""),
        ("2^", ""),
        ("xs[", "]"),
        ("[0; ", "]"),
    ] {
        assert!(parsed(&deep(open, close, 200)).1.is_empty(), "{open}");
        let (ast, errors) = parsed(&deep(open, close, 201));
        assert_eq!(errors.len(), 1, "{open}");
        assert_eq!(errors.as_slice()[0].code, "E0010", "{open}");
        assert!(ast.exprs.is_empty());
        let limits = SourceLimits { nesting: 100_000, ..SourceLimits::default() };
        assert!(parse(&deep(open, close, 1000), &limits).1.is_empty(), "{open}");
        assert_eq!(parse(&deep(open, close, 1001), &limits).1.as_slice()[0].code, "E0010", "{open}");
    }
    let nested_ifs = format!("{}1{}", "if a { ".repeat(200), " } else { 2 }".repeat(200));
    assert!(parsed(&nested_ifs).1.is_empty());
    assert_eq!(codes(&repeated("", "if a { ", 201, "")), "E0010 1405..1406");
    assert_eq!(codes(&repeated("", "if ", 202, "")), "E0010 603..605");
}

#[test]
fn chains_are_not_nesting() {
    for source in [
        repeated("x", "+x", 500_000, ""),
        repeated("x", "*x", 500_000, ""),
        repeated("x", "<x", 500_000, ""),
        repeated("x", " or x", 200_000, ""),
        repeated("x", "&&x", 300_000, ""),
        repeated("x", "[0]", 300_000, ""),
        repeated("if a {}", "else if a {}", 80_000, ""),
        repeated("", "x;", 500_000, ""),
        repeated("f(", "1,", 500_000, ")"),
        repeated("[", "1,", 500_000, "]"),
        repeated("", "{}", 500_000, ""),
        repeated("", "a+b*c^2<d and ", 70_000, "e"),
        repeated("", "(a)+", 200_000, "1"),
        repeated("", "if a{}", 150_000, ""),
        repeated("", "while a{}", 110_000, ""),
        repeated("", "-a-", 300_000, "1"),
    ] {
        let (ast, errors) = quickly(source);
        assert!(errors.is_empty(), "{:?}", errors.as_slice());
        assert!(ast.body.is_some());
        drop(ast);
    }
}

#[test]
fn bombs_are_plain_errors() {
    for unit in [
        "(",
        "[",
        "{",
        "-",
        "!",
        "not ",
        "2^",
        "f(",
        "xs[",
        "if a {",
        "if ",
        "if a {} else { ",
        "fn f(x) {",
        "a+(",
        "a^-(",
        "while a {",
        "for i in {",
        "/*",
        "let x = {",
        ")",
        "]",
        "}",
        "};",
        ")(",
        "é",
        "π",
        "$",
        "'",
        "\"",
        "0x",
        "1.",
        "\0",
        "fn ",
        "let ",
        "for ",
        "if a else ",
        "..",
        "...",
        ",",
        ":",
        "=",
        "==",
        "**",
        "a b ",
        "1 2 ",
        "~",
        "+",
        "x=",
        "f(x)(",
        "[1](",
        "a?",
        "return ",
        "fn f(",
        "fn f(x",
        "fn f(x:[",
        "const ",
        "const x=",
        "\u{feff}",
        "😀",
        "if{",
        "a!=",
        "a.",
        "elif ",
        "[;",
        "[1;",
        "xs[..",
        "xs[1..",
    ] {
        let count = (1 << 20) / unit.len();
        let (_, errors) = quickly(unit.repeat(count));
        assert!(!errors.is_empty() && errors.len() <= 20, "{unit}");
    }
}

#[test]
fn large_and_harmless_texts_are_read() {
    let (ast, errors) = quickly(" ".repeat(1 << 20));
    assert!(errors.is_empty() && ast.exprs.is_empty());
    let comments = (1 << 19) / 2;
    assert!(quickly(repeated("", "/*", comments, &"*/".repeat(comments))).1.is_empty());
    let (ast, errors) = quickly("x".repeat(1 << 20));
    assert!(errors.is_empty() && ast.symbols[0].len() == 1 << 20);
    let names: Vec<String> = (0..100_000).map(|i| format!("n{i}")).collect();
    let (ast, errors) = quickly(names.join("+"));
    assert!(errors.is_empty() && ast.symbols.len() == 100_000);
    assert!(quickly(format!("0.{}", "1".repeat(1_000_000))).1.is_empty());
    assert!(quickly(format!("1e-{}", "9".repeat(1_000_000))).1.is_empty());
}

#[test]
fn functions_have_a_limit() {
    assert!(parsed(&"fn f()=1;".repeat(10_000)).1.is_empty());
    let (ast, errors) = parsed(&"fn f()=1;".repeat(10_001));
    assert_eq!(errors.as_slice()[0].code, "E0011");
    assert!(ast.fns.is_empty());
}

const PROGRAM: &str = "
// Newton's method, and everything else that the grammar has.
const EPS: f64 = 1e-9; const N = 0x10 + 0b1 * 2_000;
fn sqrt2(x, mut xs: [f64], n: i64) -> f64 {
    var r = if x < 1.0 { 1.0 } else if x == 2 { 1.5 } else { x };
    for i in 0..=n { r = (r + x / r) / 2; if abs(r^2 - x) <= EPS and not (i > 3) { break; } }
    while 0 < r <= 1e9 && true { r += -r ^ 2 % 3; continue; }
    for v in xs[1..][..n - 1] { xs[0] *= v; }
    return r;
}
fn g(b: bool) -> [u8] = [1, 2, if b { 3 } else { 4 },]; /* nested /* comment */ */
let z = [0.0; 4]; { sqrt2(2, z, 3); }
let m = -9223372036854775808; ; var t = [];
g(a != false || !true)[0] + sqrt2(.5, z, m)
";

/// What must hold for any text: errors lie inside, are sorted, few, and known; the tree prints.
fn check(source: &str) {
    let (ast, errors) = parsed(source);
    print(&ast);
    assert!(errors.len() <= 20);
    let len = source.len() as u32;
    let mut last = Span::default();
    for error in &errors {
        assert!(error.span.start <= error.span.end && error.span.end <= len, "{error:?}");
        assert!(last <= error.span);
        last = error.span;
        assert!(crate::diagnostic::explain(error.code).is_some());
        assert!(source.is_char_boundary(error.span.start as usize) && source.is_char_boundary(error.span.end as usize));
    }
    for expr in &ast.exprs {
        assert!(expr.span.start <= expr.span.end && expr.span.end <= len);
    }
    let rendered = crate::diagnostic::render("test", source, errors.as_slice(), false);
    assert!(rendered.len() < 100_000);
}

#[test]
fn the_sample_program_is_right() {
    let (ast, errors) = parsed(PROGRAM);
    assert!(errors.is_empty(), "{:?}", errors.as_slice());
    assert_eq!((ast.fns.len(), ast.consts.len()), (2, 2));
}

#[test]
fn any_part_of_a_program_is_read_or_told() {
    for end in 0..=PROGRAM.len() {
        check(&PROGRAM[..end]);
        check(&PROGRAM[end..]);
    }
}

#[test]
fn any_bent_program_is_read_or_told() {
    let tokens: Vec<&str> =
        "( ) [ ] { } ; , : = == != ^ + - not if else fn let for in .. $ é ' /* 1. x".split(' ').collect();
    for at in 0..=PROGRAM.len() {
        // One byte left out, and one thing put in: a different one at each place, and all of them over the program.
        if at < PROGRAM.len() {
            check(&format!("{}{}", &PROGRAM[..at], &PROGRAM[at + 1..]));
        }
        for k in 0..4 {
            let token = tokens[(at + k * 7) % tokens.len()];
            check(&format!("{} {token} {}", &PROGRAM[..at], &PROGRAM[at..]));
        }
        for byte in [0, b'(', b'}', b';', b'"', 0x7f, 0xc3, 0xff] {
            let mut bytes = PROGRAM.as_bytes().to_vec();
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
            match std::str::from_utf8(&bytes) {
                Ok(text) => check(text),
                Err(_) => assert_eq!(parse_bytes(&bytes, &SourceLimits::default()).1.as_slice()[0].code, "E0002"),
            }
        }
    }
}

#[test]
fn any_soup_of_tokens_is_read_or_told() {
    let tokens: Vec<&str> =
        "( ) [ ] { } ; , : -> .. ..= = += + - * ^ < != and not if else while for in fn let var const return break mut \
         1 2.5 x f true $ ' 9223372036854775808 elif ** & ? . ~"
            .split_whitespace()
            .collect();
    let mut seed = 1u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..24 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            text.push_str(tokens[(seed >> 33) as usize % tokens.len()]);
            text.push(' ');
        }
        check(&text);
    }
}
