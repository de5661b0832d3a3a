//! From text to a syntax tree.
//!
//! Takes any bytes and gives a tree and the errors; never panics, never recurses, takes linear time. Knows nothing of types
//! beyond their names. Where there is an error, the tree has [`ExprKind::Error`](ast::ExprKind::Error) in the place of what
//! could not be read, so that the next stage can look for more mistakes in the rest.
//!
//! # Grammar
//!
//! ```text
//! program   = { item | statement } [ expr ]            (items may also follow the value)
//! item      = "fn" NAME "(" [ param { "," param } [ "," ] ] ")" [ "->" type ] ( "=" expr ";" | block )
//!           | "const" NAME [ ":" type ] "=" expr ";"
//! param     = [ "mut" ] NAME [ ":" type ]
//! type      = "f64" | "i64" | "bool" | "(" ")" | "[" element "]"
//! element   = "f64" | "f32" | "i64" | "i32" | "u8" | "bool"
//!
//! block     = "{" { statement } [ expr ] "}"
//! statement = ( "let" | "var" ) NAME [ ":" type ] "=" expr ";"
//!           | expr ( "=" | "+=" | "-=" | "*=" | "/=" | "%=" | "^=" ) expr ";"
//!           | "while" expr block
//!           | "for" NAME "in" ( expr ( ".." | "..=" ) expr | expr ) block
//!           | "break" ";" | "continue" ";" | "return" [ expr ] ";"
//!           | if | block                               (end at their "}" where they start a statement)
//!           | expr ";" | ";"
//!
//! expr      = and { ( "or" | "||" ) and }                                                  level 8
//! and       = compare { ( "and" | "&&" ) compare }                                         level 7
//! compare   = sum { ( "<" | "<=" | ">" | ">=" | "==" ) sum } | sum "!=" sum                level 6
//! sum       = product { ( "+" | "-" ) product }                                            level 5
//! product   = unary { ( "*" | "/" | "%" ) unary }                                          level 4
//! unary     = ( "-" | "not" | "!" ) unary | power                                          level 3
//! power     = postfix [ "^" unary ]                                                        level 2
//! postfix   = primary { "[" expr "]" | "[" [ expr ] ".." [ expr ] "]" }                    level 1
//! primary   = INT | FLOAT | "true" | "false" | NAME | NAME "(" [ exprs ] ")" | "(" expr ")"
//!           | "[" [ exprs ] "]" | "[" expr ";" expr "]" | if | block
//! if        = "if" expr block { "else" "if" expr block } [ "else" block ]
//! exprs     = expr { "," expr } [ "," ]
//! ```
//!
//! A program's own last expression without `;` is its value even where items follow it. `9223372036854775808` is a literal only
//! right behind a unary minus, with neither `^` nor a postfix behind it.

pub mod ast;
mod intern;
mod lexer;
mod number;
mod parser;
pub mod print;
mod token;
mod unusual;

pub use parser::{SourceLimits, is_incomplete, parse, parse_bytes};
