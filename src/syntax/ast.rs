//! The syntax tree: flat vectors and indices, so that no walk and no drop recurses with the text.
//!
//! Chains of left-associative operators, comparisons, `and`/`or`, `else if` and postfixes are one n-ary node each; everything
//! else nests at most as deep as the parser's limit allows. Spans never include enclosing parentheses.

use crate::reuse::kept;
use crate::span::Span;

pub use super::intern::Symbols;
pub use super::print::print;

macro_rules! index {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);
    )*};
}

index! {
    /// An expression of [`Ast::exprs`].
    ExprId,
    /// A block of [`Ast::blocks`].
    BlockId,
    /// A statement of [`Ast::stmts`].
    StmtId,
    /// An interned identifier of [`Ast::symbols`].
    Symbol,
}

/// A run of entries in one of the pools of [`Ast`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Index of the first entry.
    pub start: u32,
    /// How many there are.
    pub len: u32,
}

impl List {
    /// The pool's indices.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

/// A name where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ident {
    /// What it says.
    pub symbol: Symbol,
    /// Where.
    pub span: Span,
}

/// A parsed program.
#[derive(Debug, Default)]
pub struct Ast {
    /// All expressions.
    pub exprs: Vec<Expr>,
    /// Pool of expression lists (arguments, elements, operands of `and`/`or`).
    pub expr_lists: Vec<ExprId>,
    /// Pool of the tails of `+ -` and `* / %` chains.
    pub chain_links: Vec<ChainLink>,
    /// Pool of the tails of comparison chains.
    pub compare_links: Vec<CompareLink>,
    /// Pool of postfixes.
    pub postfixes: Vec<Postfix>,
    /// Pool of `if` arms.
    pub arms: Vec<Arm>,
    /// All blocks.
    pub blocks: Vec<Block>,
    /// All statements.
    pub stmts: Vec<Stmt>,
    /// Pool of statement lists.
    pub stmt_lists: Vec<StmtId>,
    /// Functions in source order.
    pub fns: Vec<FnDecl>,
    /// Pool of parameters.
    pub params: Vec<Param>,
    /// Constants in source order.
    pub consts: Vec<ConstDecl>,
    /// The program's own statements and value.
    pub body: Option<BlockId>,
    /// The text of each [`Symbol`].
    pub symbols: Symbols,
}

kept!(Ast: exprs, expr_lists, chain_links, compare_links, postfixes, arms, blocks, stmts, stmt_lists, fns, params, consts, symbols);

/// An expression.
#[derive(Clone, Copy, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where, without enclosing parentheses.
    pub span: Span,
    /// Whether parentheses stand around it.
    pub parenthesized: bool,
}

/// The kinds of expressions.
#[derive(Clone, Copy, Debug)]
pub enum ExprKind {
    /// An integer literal; `-9223372036854775808` is one literal.
    Int(i64),
    /// A float literal.
    Float(f64),
    /// `true`, `false`.
    Bool(bool),
    /// A variable, input or constant.
    Name(Symbol),
    /// `-a`, `not a`.
    Unary(UnaryOp, ExprId),
    /// `base ^ exponent`.
    Power(ExprId, ExprId),
    /// `first op a op b …`, all of one precedence level, left-associative; links in [`Ast::chain_links`].
    Chain(ExprId, List),
    /// `first < a <= b …`; links in [`Ast::compare_links`].
    Compare(ExprId, List),
    /// `a and b and …`, operands in [`Ast::expr_lists`].
    Logic(LogicOp, List),
    /// `f(a, b)`, arguments in [`Ast::expr_lists`].
    Call(Ident, List),
    /// `base[i][a..b]…`; postfixes in [`Ast::postfixes`].
    Postfix(ExprId, List),
    /// `[a, b]`, elements in [`Ast::expr_lists`].
    Array(List),
    /// `[value; count]`.
    Fill(ExprId, ExprId),
    /// `if c { } else if d { } else { }`; arms in [`Ast::arms`].
    If(List, Option<BlockId>),
    /// `{ … }`.
    Block(BlockId),
    /// What could not be parsed; already reported.
    Error,
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `not`, `!`
    Not,
}

/// Arithmetic operators; also what stands before the `=` of `op=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `^`, only in [`StmtKind::Assign`]
    Pow,
}

impl BinaryOp {
    /// How it is written.
    pub const fn name(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Rem => "%",
            BinaryOp::Pow => "^",
        }
    }
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `==`
    Eq,
    /// `!=`
    Ne,
}

impl CompareOp {
    /// How it is written.
    pub const fn name(self) -> &'static str {
        match self {
            CompareOp::Lt => "<",
            CompareOp::Le => "<=",
            CompareOp::Gt => ">",
            CompareOp::Ge => ">=",
            CompareOp::Eq => "==",
            CompareOp::Ne => "!=",
        }
    }
}

/// `and`, `or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogicOp {
    /// `and`, `&&`
    And,
    /// `or`, `||`
    Or,
}

/// One `op operand` of a chain. The prefix that ends with it spans from the chain's start to the operand's end
/// (closing parentheses of the operand included).
#[derive(Clone, Copy, Debug)]
pub struct ChainLink {
    /// The operator.
    pub op: BinaryOp,
    /// Where the operator stands.
    pub op_span: Span,
    /// Its right operand.
    pub operand: ExprId,
    /// The expression up to and with this operand.
    pub span: Span,
}

/// One `op operand` of a comparison chain.
#[derive(Clone, Copy, Debug)]
pub struct CompareLink {
    /// The comparison.
    pub op: CompareOp,
    /// Where the operator stands.
    pub op_span: Span,
    /// Its right operand.
    pub operand: ExprId,
}

/// `[i]` or `[a..b]` behind an expression.
#[derive(Clone, Copy, Debug)]
pub struct Postfix {
    /// Which.
    pub kind: PostfixKind,
    /// The expression up to and with this postfix.
    pub span: Span,
}

/// The two postfixes.
#[derive(Clone, Copy, Debug)]
pub enum PostfixKind {
    /// `[i]`
    Index(ExprId),
    /// `[a..b]`, `[a..]`, `[..b]`
    Slice(Option<ExprId>, Option<ExprId>),
}

/// `if cond { body }` or `else if cond { body }`.
#[derive(Clone, Copy, Debug)]
pub struct Arm {
    /// The condition.
    pub cond: ExprId,
    /// What runs where it holds.
    pub body: BlockId,
}

/// `{ s; s; e }`, or the program's own body.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Its statements, in [`Ast::stmt_lists`].
    pub stmts: List,
    /// The last expression without `;`.
    pub value: Option<ExprId>,
    /// With its braces.
    pub span: Span,
}

/// A statement.
#[derive(Clone, Copy, Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Where, without the `;` that ends it.
    pub span: Span,
}

/// The kinds of statements.
#[derive(Clone, Copy, Debug)]
pub enum StmtKind {
    /// `let name: T = value`, `var name = value`.
    Let {
        /// `var`.
        mutable: bool,
        /// The new name.
        name: Ident,
        /// The declared type.
        ty: Option<TypeName>,
        /// What it starts as.
        value: ExprId,
    },
    /// `target = value`, `target op= value`; the target is a `Name` or a `Postfix` expression (anything else is an error of sema).
    Assign {
        /// What is assigned to.
        target: ExprId,
        /// The operator before `=`, and the span of the operator with `=`.
        op: Option<BinaryOp>,
        /// The right side.
        value: ExprId,
    },
    /// An expression; `semicolon` tells `e;` from a statement-like `if`/block without one.
    Expr {
        /// The expression.
        expr: ExprId,
        /// Whether a `;` followed.
        semicolon: bool,
    },
    /// `while cond { }`; `head` spans from the keyword to before the `{`.
    While {
        /// The condition.
        cond: ExprId,
        /// The body.
        body: BlockId,
        /// Keyword to before the brace, trailing white space left out.
        head: Span,
    },
    /// `for name in iter { }`.
    For {
        /// The loop's name.
        name: Ident,
        /// What it runs over.
        iter: ForIter,
        /// The body.
        body: BlockId,
        /// Keyword to before the brace, trailing white space left out.
        head: Span,
    },
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `return e`, `return`
    Return(Option<ExprId>),
}

/// What a `for` runs over.
#[derive(Clone, Copy, Debug)]
pub enum ForIter {
    /// `lo..hi`, `lo..=hi`
    Range {
        /// First value.
        lo: ExprId,
        /// Bound.
        hi: ExprId,
        /// `..=`
        inclusive: bool,
    },
    /// The elements of an array.
    Each(ExprId),
}

/// A written type.
#[derive(Clone, Copy, Debug)]
pub struct TypeName {
    /// Which type it names. `f32`, `i32`, `u8` outside an array are the parser's errors.
    pub ty: crate::types::Type,
    /// Where.
    pub span: Span,
}

/// `fn name(params) -> result = expr;` or `{ block }`.
#[derive(Clone, Copy, Debug)]
pub struct FnDecl {
    /// Its name.
    pub name: Ident,
    /// In [`Ast::params`].
    pub params: List,
    /// The declared result.
    pub result: Option<TypeName>,
    /// The body; a body written `= expr;` is a block with a value only.
    pub body: BlockId,
    /// The whole declaration.
    pub span: Span,
    /// From `fn` to before the body.
    pub head: Span,
}

/// `mut name: T`.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// `mut`.
    pub mutable: bool,
    /// Its name.
    pub name: Ident,
    /// Its declared type; `f64` where none is.
    pub ty: Option<TypeName>,
}

/// `const NAME = expr;`
#[derive(Clone, Copy, Debug)]
pub struct ConstDecl {
    /// Its name.
    pub name: Ident,
    /// Declared type.
    pub ty: Option<TypeName>,
    /// Its value.
    pub value: ExprId,
    /// The whole declaration.
    pub span: Span,
}
