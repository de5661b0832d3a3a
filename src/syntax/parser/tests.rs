//! How texts are read, and what is said about those that cannot be.

use super::*;
use crate::syntax::ast::print;

/// The tree of a text without errors.
#[track_caller]
fn tree(source: &str) -> String {
    let (ast, errors) = parse(source, &SourceLimits::default());
    assert!(errors.is_empty(), "{source}: {:?}", errors.as_slice());
    print(&ast).trim_end().replace('\n', " | ")
}

/// Each error as `code start..end`.
#[track_caller]
fn codes(source: &str) -> String {
    let (_, errors) = parse(source, &SourceLimits::default());
    let told: Vec<_> = errors.iter().map(|e| format!("{} {}..{}", e.code, e.span.start, e.span.end)).collect();
    told.join(", ")
}

/// The help of the only error.
#[track_caller]
fn help(source: &str) -> String {
    let (_, errors) = parse(source, &SourceLimits::default());
    assert_eq!(errors.len(), 1, "{source}: {:?}", errors.as_slice());
    errors.as_slice()[0].help.clone().unwrap_or_default()
}

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
    assert_eq!(tree("0 <= x < 1 == y"), "(0 <= x < 1 == y)");
    assert_eq!(tree("a != b + 1"), "(a != (b + 1))");
    assert_eq!(tree("-a * b % c / d"), "((neg a) * b % c / d)");
    assert_eq!(tree("(1 + 2) * 3"), "((1 + 2) * 3)");
    assert_eq!(tree("--x"), "(neg (neg x))");
    assert_eq!(tree("a - -b"), "(a - (neg b))");
    assert_eq!(tree("a<-1"), "(a < (neg 1))");
    assert_eq!(tree("1 + if a { 1 } else { 2 } * 3"), "(1 + ((if a {1} {2}) * 3))");
    assert_eq!(tree("-xs[0]^2"), "(neg (^ xs[0] 2))");
}
