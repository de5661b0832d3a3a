//! How texts are read, and what is said about those that cannot be.

use super::*;
use crate::syntax::ast::print;

mod errors;
mod hostile;
mod literals;
mod spans;
mod trees;

fn parsed(source: &str) -> (Box<Ast>, Diagnostics) {
    parse(source, &SourceLimits::default())
}

/// The tree of a text without errors, its statements separated by ` | `.
#[track_caller]
fn tree(source: &str) -> String {
    let (ast, errors) = parsed(source);
    assert!(errors.is_empty(), "{source}: {:?}", errors.as_slice());
    print(&ast).trim_end().replace('\n', " | ")
}

/// The tree of a text with errors.
fn broken_tree(source: &str) -> String {
    let (ast, errors) = parsed(source);
    assert!(!errors.is_empty(), "{source}");
    print(&ast).trim_end().replace('\n', " | ")
}

/// Each error as `code start..end`.
fn codes(source: &str) -> String {
    let (_, errors) = parsed(source);
    let told: Vec<_> = errors.iter().map(|e| format!("{} {}..{}", e.code, e.span.start, e.span.end)).collect();
    told.join(", ")
}

/// The only error's code, sentence and help.
#[track_caller]
fn the_error(source: &str) -> (&'static str, String, String) {
    let (_, errors) = parsed(source);
    assert_eq!(errors.len(), 1, "{source}: {:?}", errors.as_slice());
    let error = &errors.as_slice()[0];
    (error.code, error.message.clone(), error.help.clone().unwrap_or_default())
}

/// Asserts that a text has one error, of this code, with this in its help.
#[track_caller]
fn helped(source: &str, code: &str, help: &str) {
    let (found, message, text) = the_error(source);
    assert_eq!(found, code, "{source}: {message}");
    assert!(text.contains(help), "{source}: {message} ({text})");
}
