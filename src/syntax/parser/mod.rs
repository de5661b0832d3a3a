//! Tokens to a tree: a machine with its own stack, so that no text can make it recurse.
//!
//! What waits for something to its right is a [`Frame`]; the [`State`] says what is read next. An operand ends at
//! [`Parser::after`], which knows operators and postfixes; an expression ends at [`Parser::done`], which gives it to the frame
//! that waits for it; a block's next statement starts at [`Parser::statement`]. An error tells itself, then
//! [`Parser::recover`] drops the frames up to the innermost block and goes on behind the statement.
//!
//! The scratch vectors hold the entries of lists that are still open, innermost last; a finished list moves to its pool in one
//! piece.

use super::ast::*;
use super::lexer;
use super::token::{Kind, Token};
use crate::diagnostic::{Diagnostic, Diagnostics, cut};
use crate::reuse::{Keep, kept};
use crate::span::Span;

mod block;
mod expr;
mod item;
mod operator;
mod recover;
mod stmt;
#[cfg(test)]
mod tests;

/// How large a source text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLimits {
    /// Bytes of text; at most [`SourceLimits::MAX_TEXT`].
    pub text: usize,
    /// Brackets, blocks, unary operators and exponents inside each other; at most [`SourceLimits::MAX_NESTING`].
    pub nesting: u32,
    /// Functions in a program; at most [`SourceLimits::MAX_FUNCTIONS`].
    pub functions: u32,
}

impl SourceLimits {
    /// No limit on the text counts for more than 64 MiB.
    pub const MAX_TEXT: usize = 64 << 20;
    /// No limit on the nesting counts for more than 1,000: later stages keep a little stack for each level.
    pub const MAX_NESTING: u32 = 1_000;
    /// No limit on the functions counts for more than 1,000,000.
    pub const MAX_FUNCTIONS: u32 = 1_000_000;

    fn capped(self) -> SourceLimits {
        SourceLimits {
            text: self.text.min(SourceLimits::MAX_TEXT),
            nesting: self.nesting.min(SourceLimits::MAX_NESTING),
            functions: self.functions.min(SourceLimits::MAX_FUNCTIONS),
        }
    }
}

impl Default for SourceLimits {
    fn default() -> SourceLimits {
        SourceLimits { text: 1 << 20, nesting: 200, functions: 10_000 }
    }
}

/// The tree of a text, and what is wrong with it.
///
/// With an error that ends the parse (a limit, or too many errors) the tree is empty; with others it has
/// [`ExprKind::Error`] in the place of what could not be read.
pub fn parse(source: &str, limits: &SourceLimits) -> (Box<Ast>, Diagnostics) {
    let limits = limits.capped();
    let mut errors = Diagnostics::new();
    if source.len() > limits.text {
        errors.push(too_long(source.len(), limits.text));
        return (Box::default(), errors);
    }
    let mut tokens = lexer::lex(source, &mut errors);
    if errors.is_full() {
        return (Box::default(), errors);
    }
    let mut ast = Ast::kept();
    ast.body = None;
    std::mem::swap(&mut ast.symbols, &mut tokens.symbols);
    let mut parser = Parser {
        source,
        tokens: &tokens.tokens,
        ints: &tokens.ints,
        floats: &tokens.floats,
        at: 0,
        ast,
        open: Open::kept(),
        nesting: 0,
        limits,
        errors: &mut errors,
        told_at: tokens.open_comment.then(|| tokens.tokens.len() - 1),
        gave_up: false,
    };
    parser.run();
    let Parser { mut ast, open, gave_up, .. } = parser;
    open.keep();
    tokens.keep();
    if gave_up {
        ast = Box::default();
    }
    (ast, errors)
}

/// The tree of a text that may not be UTF-8.
pub fn parse_bytes(source: &[u8], limits: &SourceLimits) -> (Box<Ast>, Diagnostics) {
    let cap = limits.capped().text;
    let mut errors = Diagnostics::new();
    if source.len() > cap {
        errors.push(too_long(source.len(), cap));
        return (Box::default(), errors);
    }
    match std::str::from_utf8(source) {
        Ok(text) => parse(text, limits),
        Err(error) => {
            let at = error.valid_up_to();
            let byte = source.get(at).copied().unwrap_or(0);
            let message = format!("the text is not UTF-8: byte {at} is 0x{byte:02X}");
            let span = Span::new(at as u32, at as u32 + 1);
            errors.push(Diagnostic::new("E0002", span, message).with_help("save it as UTF-8"));
            (Box::default(), errors)
        }
    }
}

fn too_long(len: usize, limit: usize) -> Diagnostic {
    Diagnostic::new("E0001", Span::new(0, 0), format!("the text has {len} bytes, but the limit is {limit}"))
}

/// Whether a text that has errors may have none once more lines follow: an open bracket or comment, or an end in the middle of
/// an expression. What a REPL asks before it complains.
pub fn is_incomplete(source: &str) -> bool {
    let mut errors = Diagnostics::new();
    let tokens = lexer::lex(source, &mut errors);
    if tokens.open_comment {
        return true;
    }
    let mut open = 0i64;
    let mut last = Kind::Eof;
    for token in &tokens.tokens {
        match token.kind {
            Kind::LParen | Kind::LBracket | Kind::LBrace => open += 1,
            Kind::RParen | Kind::RBracket | Kind::RBrace => open -= 1,
            Kind::Eof => break,
            _ => {}
        }
        last = token.kind;
    }
    let goes_on = last == Kind::Comma
        || last == Kind::Else
        || last.is_assignment()
        || matches!(last, Kind::Not | Kind::And | Kind::Or | Kind::Caret | Kind::Arrow | Kind::In)
        || (Kind::Plus as u8..=Kind::Ne as u8).contains(&(last as u8));
    open > 0 || (open == 0 && goes_on)
}

/// What is read next.
#[derive(Clone, Copy)]
enum State {
    /// A statement, an item, or the end of the innermost block.
    Statement,
    /// An operand: a value with what stands before it.
    Operand,
    /// An operator or a postfix behind this operand, or the end of the expression.
    After(Operand),
    /// What comes behind this whole expression, as the innermost frame has it.
    Done(Operand),
    /// Something is wrong here, and told.
    Recover,
    /// Nothing any more.
    Finished,
}

/// An expression with its enclosing parentheses.
#[derive(Clone, Copy)]
struct Operand {
    expr: ExprId,
    outer: Span,
}

/// Something that is open and waits for what is read next.
#[derive(Clone, Copy)]
enum Frame {
    /// Operators, each waiting for its right operand.
    Unary {
        op: UnaryOp,
        start: u32,
    },
    Power {
        base: Operand,
    },
    Chain {
        level: u8,
        first: ExprId,
        start: u32,
        links: u32,
        op: BinaryOp,
        op_span: Span,
    },
    Compare {
        first: ExprId,
        start: u32,
        links: u32,
        op: CompareOp,
        op_span: Span,
    },
    Logic {
        op: LogicOp,
        start: u32,
        operands: u32,
    },
    /// Brackets, each waiting for an expression and then a separator or its end.
    Paren {
        open: u32,
    },
    Call {
        name: Ident,
        open: u32,
        args: u32,
    },
    Array {
        open: u32,
        elems: u32,
    },
    Fill {
        open: u32,
        value: ExprId,
    },
    Postfix {
        base: ExprId,
        start: u32,
        open: u32,
        list: u32,
        lower: Lower,
    },
    /// An `if`: its condition, or one of its blocks.
    If {
        start: u32,
        arms: u32,
        stage: IfStage,
        in_head: bool,
    },
    /// A block that is not finished.
    Block {
        owner: Owner,
        start: u32,
        stmts: u32,
        last: Option<Last>,
        told_item: bool,
    },
    /// Statements and items, each waiting for an expression or a block.
    ExprStmt {
        block_like: bool,
    },
    Let {
        start: u32,
        mutable: bool,
        name: Ident,
        ty: Option<TypeName>,
    },
    Assign {
        target: Operand,
        op: Option<BinaryOp>,
    },
    Return {
        start: u32,
    },
    While {
        start: u32,
        parts: Option<(ExprId, Span)>,
    },
    For {
        start: u32,
        name: Ident,
        stage: ForStage,
    },
    Fn {
        start: u32,
        name: Ident,
        params: List,
        result: Option<TypeName>,
        head: Span,
    },
    Const {
        start: u32,
        name: Ident,
        ty: Option<TypeName>,
    },
}

/// How far the brackets of a postfix are read.
#[derive(Clone, Copy)]
enum Lower {
    /// The index or the lower bound comes.
    Next,
    /// The upper bound comes.
    Known(Option<ExprId>),
}

/// Which part of an `if` comes.
#[derive(Clone, Copy)]
enum IfStage {
    Cond,
    Then(ExprId),
    Else,
}

/// Which part of a `for` comes.
#[derive(Clone, Copy)]
enum ForStage {
    /// The array, or the first value.
    Iter,
    /// The bound.
    Bound { lo: ExprId, inclusive: bool },
    /// The body.
    Body { iter: ForIter, head: Span },
}

/// Whose a block is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The program's own statements: ends with the text.
    Program,
    /// It stands where a value stands.
    Operand,
    /// The frame below waits for it.
    Below,
}

/// An expression without `;` that is its block's value if nothing follows.
#[derive(Clone, Copy)]
struct Last {
    value: Operand,
    /// It is an `if` or a block: a statement of its own if something follows.
    block_like: bool,
}

impl Frame {
    /// How many levels of nesting it counts for.
    fn levels(&self) -> u32 {
        match self {
            Frame::Unary { .. }
            | Frame::Power { .. }
            | Frame::Paren { .. }
            | Frame::Call { .. }
            | Frame::Array { .. }
            | Frame::Fill { .. }
            | Frame::Postfix { .. }
            | Frame::Block { owner: Owner::Operand | Owner::Below, .. }
            | Frame::If { in_head: true, .. } => 1,
            _ => 0,
        }
    }

    /// The operator's level in the table of precedence, for operators.
    fn level(&self) -> Option<u8> {
        match self {
            Frame::Power { .. } => Some(2),
            Frame::Unary { .. } => Some(3),
            Frame::Chain { level, .. } => Some(*level),
            Frame::Compare { .. } => Some(6),
            Frame::Logic { op: LogicOp::And, .. } => Some(7),
            Frame::Logic { op: LogicOp::Or, .. } => Some(8),
            _ => None,
        }
    }
}

/// What is open: frames, innermost last, and the entries of their lists.
#[derive(Default)]
struct Open {
    frames: Vec<Frame>,
    exprs: Vec<ExprId>,
    links: Vec<ChainLink>,
    compares: Vec<CompareLink>,
    postfixes: Vec<Postfix>,
    arms: Vec<Arm>,
    stmts: Vec<StmtId>,
}

kept!(Open: frames, exprs, links, compares, postfixes, arms, stmts);

struct Parser<'a> {
    source: &'a str,
    tokens: &'a [Token],
    ints: &'a [u64],
    floats: &'a [f64],
    /// The next token.
    at: usize,
    ast: Box<Ast>,
    open: Box<Open>,
    nesting: u32,
    limits: SourceLimits,
    errors: &'a mut Diagnostics,
    /// The token at which the last error was told: a second one there would be its echo.
    told_at: Option<usize>,
    gave_up: bool,
}

impl<'a> Parser<'a> {
    fn run(&mut self) {
        self.open.frames.push(Frame::Block { owner: Owner::Program, start: 0, stmts: 0, last: None, told_item: false });
        let mut state = State::Statement;
        while !self.gave_up {
            state = match state {
                State::Statement => self.statement(),
                State::Operand => self.operand(),
                State::After(operand) => self.after(operand),
                State::Done(value) => self.done(value),
                State::Recover => self.recover(),
                State::Finished => return,
            };
        }
    }

    /// The next token; at the end of the text, that end for ever.
    fn peek(&self) -> Token {
        self.peek_ahead(0)
    }

    fn peek_ahead(&self, ahead: usize) -> Token {
        match self.tokens.get(self.at + ahead) {
            Some(token) => *token,
            None => Token { kind: Kind::Eof, start: self.len(), end: self.len(), payload: 0 },
        }
    }

    fn advance(&mut self) -> Token {
        let token = self.peek();
        if token.kind != Kind::Eof {
            self.at += 1;
        }
        token
    }

    /// Takes the next token if it is of this kind.
    fn eat(&mut self, kind: Kind) -> bool {
        let eaten = self.peek().kind == kind;
        if eaten {
            self.at += 1;
        }
        eaten
    }

    /// Where the last token that was read ends.
    fn last_end(&self) -> u32 {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(0, |token| token.end)
    }

    fn len(&self) -> u32 {
        self.source.len() as u32
    }

    fn text(&self, span: Span) -> &'a str {
        self.source.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// A token as a message names it.
    fn found(&self, token: Token) -> String {
        match token.kind {
            Kind::Eof => "the end of the text".to_owned(),
            _ => format!("`{}`", cut(self.text(token.span()))),
        }
    }

    /// Where an error about a token is: at the end of the text, that is behind the last token.
    fn place(&self, token: Token) -> Span {
        match token.kind {
            Kind::Eof => Span::new(self.last_end(), self.last_end()),
            _ => token.span(),
        }
    }

    /// Tells an error about what stands here, unless one is told already.
    fn error(&mut self, error: Diagnostic) {
        if self.told_at == Some(self.at) {
            return;
        }
        self.told_at = Some(self.at);
        self.errors.push(error);
        self.gave_up |= self.errors.is_full();
    }

    /// Tells that something else has to stand here.
    fn expected(&mut self, what: &str) -> State {
        let token = self.peek();
        if token.kind != Kind::Bad {
            let message = format!("expected {what}, found {}", self.found(token));
            self.error(Diagnostic::new("E0013", self.place(token), message));
        }
        State::Recover
    }

    fn push(&mut self, frame: Frame) {
        self.nesting += frame.levels();
        if self.nesting > self.limits.nesting {
            let limit = self.limits.nesting;
            let span = self.tokens.get(self.at.saturating_sub(1)).map_or(Span::default(), |token| token.span());
            let error = Diagnostic::new("E0010", span, format!("nested more than {limit} levels deep"));
            self.errors.push(error.with_help("name a part with `let`, or move it into a function"));
            self.gave_up = true;
        }
        self.open.frames.push(frame);
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.open.frames.pop()?;
        self.nesting -= frame.levels();
        Some(frame)
    }

    fn add(&mut self, kind: ExprKind, span: Span) -> ExprId {
        let id = ExprId(self.ast.exprs.len() as u32);
        self.ast.exprs.push(Expr { kind, span, parenthesized: false });
        id
    }

    /// An operand without parentheses.
    fn operand_of(&mut self, kind: ExprKind, span: Span) -> Operand {
        Operand { expr: self.add(kind, span), outer: span }
    }

    fn add_stmt(&mut self, kind: StmtKind, span: Span) {
        let id = StmtId(self.ast.stmts.len() as u32);
        self.ast.stmts.push(Stmt { kind, span });
        self.open.stmts.push(id);
    }
}

/// Moves the entries from `start` on from a scratch vector to their pool.
fn finish_list<T: Copy>(scratch: &mut Vec<T>, start: u32, pool: &mut Vec<T>) -> List {
    let entries = scratch.get(start as usize..).unwrap_or_default();
    let list = List { start: pool.len() as u32, len: entries.len() as u32 };
    pool.extend_from_slice(entries);
    scratch.truncate(start as usize);
    list
}
