use super::*;

#[track_caller]
fn float(source: &str) -> f64 {
    let (ast, errors) = parsed(source);
    assert!(errors.is_empty(), "{source}: {:?}", errors.as_slice());
    match ast.exprs[0].kind {
        ExprKind::Float(value) => value,
        other => panic!("{source}: {other:?}"),
    }
}

#[track_caller]
fn int(source: &str) -> i64 {
    let (ast, errors) = parsed(source);
    assert!(errors.is_empty(), "{source}: {:?}", errors.as_slice());
    assert_eq!(ast.exprs.len(), 1, "{source}");
    match ast.exprs[0].kind {
        ExprKind::Int(value) => value,
        other => panic!("{source}: {other:?}"),
    }
}

#[test]
fn integers() {
    for (source, value) in [
        ("42", 42),
        ("1_000", 1000),
        ("0x2A", 42),
        ("0xff", 255),
        ("0xF_F", 255),
        ("0b1010", 10),
        ("0b1_0", 2),
        ("0", 0),
        ("007", 7),
        ("9223372036854775807", i64::MAX),
        ("0x7fff_ffff_ffff_ffff", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("-9_223_372_036_854_775_808", i64::MIN),
        ("-0x8000000000000000", i64::MIN),
        ("- 9223372036854775808", i64::MIN),
    ] {
        assert_eq!(int(source), value, "{source}");
    }
}

#[test]
fn floats_are_correctly_rounded() {
    for (source, value) in [
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e-9", 1e-9),
        ("1E+9", 1e9),
        ("1_000.25", 1000.25),
        ("1.2_5", 1.25),
        ("1e1_0", 1e10),
        ("0.1", 0.1),
        ("1.7976931348623157e308", f64::MAX),
        ("4.9e-324", 5e-324),
        ("2e-324", 0.0),
        ("9007199254740993.0", 9007199254740992.0),
        ("9007199254740993.00000000000000000000000000000000000000001", 9007199254740994.0),
    ] {
        assert_eq!(float(source).to_bits(), value.to_bits(), "{source}");
    }
    let digits = "1".repeat(100_000);
    assert_eq!(float(&format!("0.{digits}")), 1.0 / 9.0);
}

#[test]
fn the_smallest_integer_needs_its_minus() {
    assert_eq!(tree("-9223372036854775808 + 1"), "(-9223372036854775808 + 1)");
    assert_eq!(tree("--9223372036854775808"), "(neg -9223372036854775808)");
    assert_eq!(tree("2^-9223372036854775808"), "(^ 2 -9223372036854775808)");
    assert_eq!(codes("9223372036854775808"), "E0007 0..19");
    assert_eq!(codes("-9223372036854775808^2"), "E0007 1..20");
    assert_eq!(codes("-(9223372036854775808)"), "E0007 2..21");
    assert_eq!(codes("-9223372036854775808[0]"), "E0007 1..20");
    assert_eq!(codes("1 - 9223372036854775808"), "E0007 4..23");
    assert_eq!(codes("not 9223372036854775808"), "E0007 4..23");
    assert_eq!(codes("-9223372036854775809"), "E0007 1..20");
    let (ast, _) = parsed("- 9223372036854775808");
    assert_eq!(ast.exprs[0].span, Span::new(0, 21));
}

#[test]
fn numbers_that_are_too_large() {
    helped("18446744073709551616", "E0007", "1e20");
    helped("0xFFFF_FFFF_FFFF_FFFF", "E0007", "`-1`");
    helped("0x1_0000_0000_0000_0000", "E0007", "float");
    helped("1e309", "E0008", "INF");
    helped("1e99999999999999999999", "E0008", "INF");
    assert_eq!(codes(&"9".repeat(1_000_000)), "E0007 0..1000000");
}

#[test]
fn malformed_numbers_are_told_once_with_the_way_to_write_them() {
    helped("1.", "E0006", "`1.0`");
    helped("1. + 2", "E0006", "`1.0`");
    helped("2x", "E0006", "`2 * x`");
    helped("1.5y", "E0006", "`1.5 * y`");
    helped("2pi + 1", "E0006", "`2 * pi`");
    helped("2é", "E0006", "`2 * é`");
    helped("0X1F", "E0006", "`0x1f`");
    helped("1f64", "E0006", "`1.0`");
    helped("1.5f", "E0006", "`1.5`");
    helped("0o17", "E0006", "0x");
    helped("1e + 2", "E0006", "`1e0`");
    for source in [
        "1__0", "1_", "1_.5", "1._5", "1e1_", "0x", "0x_F", "0xF_", "0b", "0b12", "0xG", "1.2.3", "0x1.5", "1.e5",
        "1.max(2)",
    ] {
        let (code, message, _) = the_error(source);
        assert_eq!(code, "E0006", "{source}: {message}");
    }
}

#[test]
fn a_range_is_not_a_number() {
    assert_eq!(tree("for i in 0..5 {}"), "(for i 0 .. 5 {})");
    assert_eq!(tree("for i in 0..=5 {}"), "(for i 0 ..= 5 {})");
    assert_eq!(tree("xs[1..]"), "xs[1..]");
    assert_eq!(tree("xs[..5]"), "xs[..5]");
    assert_eq!(tree("for i in 0x1..0b1 {}"), "(for i 1 .. 1 {})");
    assert_eq!(tree("for i in 1.5..2.5 {}"), "(for i 1.5 .. 2.5 {})");
}
