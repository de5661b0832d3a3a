//! The typed, resolved program: what the interpreter walks and the IR is built from.
//!
//! Every name is a [`LocalId`], [`FuncId`] or value; every implicit conversion is written out; every operator is an [`Op`]. As flat as
//! the syntax tree: chains are n-ary, so no walk recurses deeper than the nesting limit (times a small constant).

use crate::ir::op::{ArrayOp, Math, Op};
use crate::reuse::{Buf, kept, reusable};
use crate::span::Span;
use crate::types::{Elem, Type};
use smallvec::SmallVec;

pub use super::print::print;
pub use crate::syntax::ast::{ExprId, List, StmtId};

/// Index into [`Hir::funcs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FuncId(pub u32);

/// Index into [`Func::locals`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalId(pub u32);

/// Index into the list of host functions that the program was compiled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostId(pub u32);

/// A whole program.
#[derive(Debug, Default)]
pub struct Hir {
    /// The functions in source order; the last is the program's own statements, named `main`-less ([`Hir::main`]), its parameters the inputs.
    pub funcs: Vec<Func>,
    /// The program's own body.
    pub main: Option<FuncId>,
    /// All expressions.
    pub exprs: Vec<Expr>,
    /// All statements.
    pub stmts: Vec<Stmt>,
    /// Pool of expression lists.
    pub expr_lists: Vec<ExprId>,
    /// Pool of statement lists.
    pub stmt_lists: Vec<StmtId>,
    /// Pool of chain steps.
    pub steps: Vec<Step>,
    /// Pool of comparison links.
    pub links: Vec<Link>,
    /// Pool of `if` arms: condition and body.
    pub arms: Vec<(ExprId, ExprId)>,
    /// The names of variables, one behind the other.
    pub names: String,
}

kept!(Hir: funcs, exprs, stmts, expr_lists, stmt_lists, steps, links, arms, names);
reusable!(Local);

impl Hir {
    /// A variable's name.
    pub fn name(&self, local: &Local) -> &str {
        self.names.get(local.name.range()).unwrap_or_default()
    }

    /// A function's parameters with their names.
    pub fn params<'a>(&'a self, func: &'a Func) -> impl ExactSizeIterator<Item = (&'a str, ParamType)> {
        func.params.iter().zip(&func.locals).map(|(param, local)| (self.name(local), *param))
    }

    /// Whether the program's own body does nothing: its text has functions only.
    pub fn main_is_empty(&self) -> bool {
        let last = self.funcs.len().wrapping_sub(1);
        let body = self.funcs.last().and_then(|func| self.exprs.get(func.body.0 as usize));
        let does_nothing = |expr: &Expr| match expr.kind {
            ExprKind::Block(stmts, None) => stmts.len == 0,
            ExprKind::Unit => true,
            _ => false,
        };
        self.main == Some(FuncId(last as u32)) && body.is_some_and(does_nothing)
    }
}

/// A function.
#[derive(Debug)]
pub struct Func {
    /// Its name; empty for the program's own body.
    pub name: String,
    /// The declaration's head, or the whole text.
    pub span: Span,
    /// The first so many locals are its parameters.
    pub params: ParamTypes,
    /// Parameters, variables, loop names and temporaries.
    pub locals: Buf<Local>,
    /// What it returns.
    pub result: Type,
    /// For an array result: whether all that it can return is writable.
    pub result_writable: bool,
    /// The body; its value is the result (unless it never gets there).
    pub body: ExprId,
    /// Whether it can reach itself through calls.
    pub recursive: bool,
    /// Arrays made in it are released when it returns (its result is no array, and it is not the program's own body).
    pub releases: bool,
}

/// A parameter of a function; its name is the local's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamType {
    /// Its type.
    pub ty: Type,
    /// `mut`.
    pub mutable: bool,
}

/// The parameters of a function: most have few.
pub type ParamTypes = SmallVec<[ParamType; 4]>;

/// A parameter, as a signature shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// `mut`.
    pub mutable: bool,
}

/// A variable.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    /// Its name ([`Hir::name`]); empty for a temporary.
    pub name: List,
    /// Its type, never `()`.
    pub ty: Type,
    /// Whether anything but its definition assigns it.
    pub assigned: bool,
    /// Where it is declared.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Copy, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type. `()` where it never gives a value because it leaves (`return`, `break`, …) on every path; such an
    /// expression stands only as an arm of an `if`, as a value or statement of a block, and as a body.
    pub ty: Type,
    /// Where a trap of it is reported.
    pub span: Span,
}

/// The kinds of expressions. Operands are evaluated left to right; checks come after all of them.
#[derive(Clone, Copy, Debug)]
pub enum ExprKind {
    /// An `f64`.
    F64(f64),
    /// An `i64`.
    I64(i64),
    /// A `bool`.
    Bool(bool),
    /// `()`.
    Unit,
    /// A variable's value; an array's is the reference.
    Local(LocalId),
    /// An operation on scalars; operands in [`Hir::expr_lists`].
    Op(Op, List),
    /// An elementary function.
    Math(Math, List),
    /// `base ^ n` by binary powering; |n| <= 64 (language reference, "a ^ n").
    Powi(ExprId, i32),
    /// `first`, then each of [`Hir::steps`] applied to what is there: a chain of operators, with the conversions between.
    Chain(ExprId, List),
    /// `first < a <= b …`, short-circuit; [`Hir::links`].
    Compare(ExprId, List),
    /// All of these, short-circuit.
    And(List),
    /// Any of these, short-circuit.
    Or(List),
    /// The first arm whose condition holds, in [`Hir::arms`]; else the last, or `()`.
    If(List, Option<ExprId>),
    /// Statements, then a value (or `()`).
    Block(List, Option<ExprId>),
    /// A call of the program's own function.
    Call(FuncId, List),
    /// A call of a host function.
    HostCall(HostId, List),
    /// `array[index]`.
    Index(ExprId, ExprId),
    /// `array[lo..hi]`; `lo` absent is 0, `hi` absent the length.
    Slice(ExprId, Option<ExprId>, Option<ExprId>),
    /// `len(array)`.
    Len(ExprId),
    /// A new array with these elements: memory first, then each element evaluated, narrowed (`BadCast` at the element's span) and stored.
    ArrayLit(Elem, List),
    /// `[value; count]`: value, narrowing, count; then `BadArgument` for a negative count, memory, and fuel for each 64 elements before they are filled.
    ArrayFill(Elem, ExprId, ExprId),
    /// A built-in over whole arrays. `Fill`'s value is narrowed first. `Min`/`Max` here are those of one array.
    ArrayOp(ArrayOp, Elem, List),
}

/// One step of a chain: `acc = op(acc)` or `acc = op(acc, arg)`.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What is done.
    pub kind: StepKind,
    /// The right operand, converted to what the operation takes.
    pub arg: Option<ExprId>,
    /// Where a trap of it is reported: the chain up to and with this operand, or the `op=` statement.
    pub span: Span,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepKind {
    /// An operation.
    Op(Op),
    /// An elementary function of two arguments, or `%` of floats.
    Math(Math),
    /// Binary powering with a literal exponent.
    Powi(i32),
}

/// One `op operand` of a comparison chain; the operand keeps its own type for the next pair.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// `FEq FNe FLt FLe`, `IEq …`, `BEq …`.
    pub op: Op,
    /// The operation takes (right, left): `a > b` is `b < a`.
    pub swapped: bool,
    /// The left value is an `i64` and the operation takes `f64`s.
    pub convert_left: bool,
    /// The right value is an `i64` and the operation takes `f64`s.
    pub convert_right: bool,
    /// The right operand.
    pub operand: ExprId,
}

/// A statement.
#[derive(Clone, Copy, Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// The statement; for loops from the keyword to before the `{`: where `OutOfFuel` and `Interrupted` are reported.
    pub span: Span,
}

/// The kinds of statements.
#[derive(Clone, Copy, Debug)]
pub enum StmtKind {
    /// Defines or assigns a variable (`x += e` is an assignment of a chain whose step has the statement's span).
    Set(LocalId, ExprId),
    /// `array[index] = value`: array, index, value, narrowing (`BadCast`, the statement's span), bounds check (`place`), store.
    Store {
        /// The array.
        array: ExprId,
        /// The index.
        index: ExprId,
        /// The value, of the element's scalar type.
        value: ExprId,
        /// What the array holds.
        elem: Elem,
        /// `array[index]`.
        place: Span,
    },
    /// `array[index] op= …`: array, index, bounds check (`place`), load, the steps on the loaded value, narrowing (the statement's span), store.
    Update {
        /// The array.
        array: ExprId,
        /// The index.
        index: ExprId,
        /// In [`Hir::steps`].
        steps: List,
        /// What the array holds.
        elem: Elem,
        /// Where the bounds check is reported: the statement.
        place: Span,
    },
    /// An expression for what it does.
    Expr(ExprId),
    /// `while`.
    While {
        /// The condition.
        cond: ExprId,
        /// A block.
        body: ExprId,
        /// Arrays made in the body are released at the end of each iteration, also one that leaves by `break` or `continue` (not by
        /// `return`: the array may be the result, and the function releases the rest).
        releases: bool,
    },
    /// `for local in lo..hi`.
    For {
        /// The loop's name.
        local: LocalId,
        /// First value.
        lo: ExprId,
        /// Bound.
        hi: ExprId,
        /// `..=`
        inclusive: bool,
        /// A block.
        body: ExprId,
        /// As for `While`.
        releases: bool,
    },
    /// `for local in array`.
    ForEach {
        /// The loop's name.
        local: LocalId,
        /// The array, evaluated once.
        array: ExprId,
        /// What it holds.
        elem: Elem,
        /// A block.
        body: ExprId,
        /// As for `While`.
        releases: bool,
    },
    /// Leaves the innermost loop.
    Break,
    /// Goes on with the innermost loop's next iteration.
    Continue,
    /// Leaves the function; the value already has the result's type.
    Return(Option<ExprId>),
}
