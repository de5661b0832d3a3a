//! From a syntax tree to a typed one: names become variables, functions and constants, every expression gets its type, and every
//! implicit conversion is written out.
//!
//! Functions are checked in the order of their calls (callees first, [`graph`]), so that inferred results are known where they are
//! used; nothing recurses but over the nesting of the text, which the parser limits.

pub mod builtins;
mod call;
mod check;
mod consts;
mod errors;
mod expr;
mod graph;
pub mod hir;
mod names;
mod node;
mod operator;
mod place;
pub mod print;
mod stmt;
#[cfg(test)]
mod tests;

use crate::diagnostic::Diagnostics;
use crate::syntax::ast::Ast;
use crate::types::Type;
use hir::Hir;
pub use names::free_names;

/// What a program is compiled against.
#[derive(Clone, Debug, Default)]
pub struct Env<'a> {
    /// The names that its own statements may use without declaring them; they become its parameters, in this order.
    pub inputs: Vec<Input<'a>>,
    /// The functions that the host gives.
    pub hosts: Vec<HostSignature<'a>>,
}

/// A name that the host binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    /// Its name.
    pub name: &'a str,
    /// What is bound to it, never `()`.
    pub ty: Type,
    /// For an array: whether the program may write to it.
    pub mutable: bool,
}

/// A function that the host gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSignature<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it takes.
    pub params: &'a HostParams,
    /// What it gives.
    pub result: Type,
}

pub use crate::host::HostParams;

/// Checks a program and resolves it, or says all that is wrong with it, in the order of the text.
pub fn analyze(source: &str, ast: &Ast, env: &Env<'_>) -> Result<Box<Hir>, Diagnostics> {
    let mut checker = check::Checker::new(source, ast, env);
    checker.program();
    checker.finish()
}
