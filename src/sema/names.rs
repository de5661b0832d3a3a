//! Which names a program uses: the scopes, the calls between functions, and the names that only a host can give.

use super::check::LocalInfo;
use crate::reuse::{Keep, kept};
use crate::span::Span;
use crate::syntax::ast::{Ast, BlockId, ExprId, ExprKind, ForIter, Ident, List, PostfixKind, StmtId, StmtKind, Symbol};

const NONE: u32 = u32::MAX;

/// What each name means here: lexical scopes over a table with one entry a symbol.
#[derive(Default)]
pub(super) struct Scopes {
    meaning: Vec<u32>,
    /// What each definition hid.
    hidden: Vec<(Symbol, u32)>,
    /// Lengths of `hidden` at the start of each open scope.
    open: Vec<usize>,
    /// What is known of the current function's locals.
    pub infos: Vec<LocalInfo>,
}

kept!(Scopes: meaning, hidden, open, infos);

impl Scopes {
    /// No scope and no name.
    pub fn new(symbols: usize) -> Box<Scopes> {
        let mut scopes = Scopes::kept();
        scopes.meaning.resize(symbols, NONE);
        scopes
    }

    /// Opens a scope.
    pub fn enter(&mut self) {
        self.open.push(self.hidden.len());
    }

    /// Closes the innermost scope: its names mean again what they meant before.
    pub fn leave(&mut self) {
        let start = self.open.pop().unwrap_or(0);
        for (symbol, before) in self.hidden.drain(start..).rev() {
            self.meaning[symbol.0 as usize] = before;
        }
    }

    /// Defines a name in the innermost scope.
    pub fn define(&mut self, symbol: Symbol, meaning: u32) {
        let entry = &mut self.meaning[symbol.0 as usize];
        self.hidden.push((symbol, std::mem::replace(entry, meaning)));
    }

    /// What a name means.
    pub fn get(&self, symbol: Symbol) -> Option<u32> {
        Some(self.meaning[symbol.0 as usize]).filter(|&m| m != NONE)
    }

    /// The symbols that mean something now.
    pub fn visible(&self) -> impl Iterator<Item = Symbol> {
        self.hidden.iter().map(|&(symbol, _)| symbol)
    }
}

/// What a [`Walker`] tells of.
pub(super) trait Visit {
    /// A name that is used, read or assigned.
    fn name(&mut self, _symbol: Symbol, _span: Span) {}
    /// A function that is called.
    fn call(&mut self, _name: Ident) {}
    /// A variable or loop name; it is seen from here to the end of the innermost scope.
    fn define(&mut self, _name: Ident) {}
    /// A block begins.
    fn enter(&mut self) {}
    /// A block ends.
    fn leave(&mut self) {}
}

/// Walks a tree in the order of the text.
pub(super) struct Walker<'a, V> {
    /// The tree.
    pub ast: &'a Ast,
    /// Who is told.
    pub visit: V,
}

impl<V: Visit> Walker<'_, V> {
    /// Walks a block.
    pub fn block(&mut self, id: BlockId) {
        let block = self.ast.blocks[id.0 as usize];
        self.visit.enter();
        for i in block.stmts.range() {
            self.stmt(self.ast.stmt_lists[i]);
        }
        self.optional(block.value);
        self.visit.leave();
    }

    fn optional(&mut self, id: Option<ExprId>) {
        if let Some(id) = id {
            self.expr(id);
        }
    }

    fn stmt(&mut self, id: StmtId) {
        match self.ast.stmts[id.0 as usize].kind {
            StmtKind::Let { name, value, .. } => {
                self.expr(value);
                self.visit.define(name);
            }
            StmtKind::Assign { target, value, .. } => {
                self.expr(target);
                self.expr(value);
            }
            StmtKind::Expr { expr, .. } => self.expr(expr),
            StmtKind::While { cond, body, .. } => {
                self.expr(cond);
                self.block(body);
            }
            StmtKind::For { name, iter, body, .. } => {
                match iter {
                    ForIter::Range { lo, hi, .. } => {
                        self.expr(lo);
                        self.expr(hi);
                    }
                    ForIter::Each(array) => self.expr(array),
                }
                self.visit.enter();
                self.visit.define(name);
                self.block(body);
                self.visit.leave();
            }
            StmtKind::Break | StmtKind::Continue => {}
            StmtKind::Return(value) => self.optional(value),
        }
    }

    fn list(&mut self, list: List) {
        for i in list.range() {
            self.expr(self.ast.expr_lists[i]);
        }
    }

    /// Walks an expression.
    pub fn expr(&mut self, id: ExprId) {
        let expr = self.ast.exprs[id.0 as usize];
        match expr.kind {
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Error => {}
            ExprKind::Name(symbol) => self.visit.name(symbol, expr.span),
            ExprKind::Unary(_, operand) => self.expr(operand),
            ExprKind::Power(a, b) | ExprKind::Fill(a, b) => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::Chain(first, links) => {
                self.expr(first);
                for i in links.range() {
                    self.expr(self.ast.chain_links[i].operand);
                }
            }
            ExprKind::Compare(first, links) => {
                self.expr(first);
                for i in links.range() {
                    self.expr(self.ast.compare_links[i].operand);
                }
            }
            ExprKind::Logic(_, operands) | ExprKind::Array(operands) => self.list(operands),
            ExprKind::Call(name, args) => {
                self.visit.call(name);
                self.list(args);
            }
            ExprKind::Postfix(base, postfixes) => self.postfixes(base, postfixes),
            ExprKind::If(arms, other) => self.arms(arms, other),
            ExprKind::Block(block) => self.block(block),
        }
    }

    fn postfixes(&mut self, base: ExprId, postfixes: List) {
        self.expr(base);
        for i in postfixes.range() {
            match self.ast.postfixes[i].kind {
                PostfixKind::Index(index) => self.expr(index),
                PostfixKind::Slice(lo, hi) => {
                    self.optional(lo);
                    self.optional(hi);
                }
            }
        }
    }

    fn arms(&mut self, arms: List, other: Option<BlockId>) {
        for i in arms.range() {
            self.expr(self.ast.arms[i].cond);
            self.block(self.ast.arms[i].body);
        }
        if let Some(other) = other {
            self.block(other);
        }
    }
}

/// The names of a program's own statements that are neither variables nor constants, in the order of their first use: its
/// inputs, which a host finds here before it knows their types.
pub fn free_names(ast: &Ast) -> Vec<(String, Span)> {
    struct Free {
        scopes: Box<Scopes>,
        known: Vec<bool>,
        found: Vec<(Symbol, Span)>,
    }
    impl Visit for Free {
        fn name(&mut self, symbol: Symbol, span: Span) {
            let known = &mut self.known[symbol.0 as usize];
            if !*known && self.scopes.get(symbol).is_none() {
                *known = true;
                self.found.push((symbol, span));
            }
        }
        fn define(&mut self, name: Ident) {
            self.scopes.define(name.symbol, 0);
        }
        fn enter(&mut self) {
            self.scopes.enter();
        }
        fn leave(&mut self) {
            self.scopes.leave();
        }
    }
    let Some(body) = ast.body else { return Vec::new() };
    let mut known: Vec<bool> = ast.symbols.iter().map(|s| super::builtins::constant(s).is_some()).collect();
    for constant in &ast.consts {
        known[constant.name.symbol.0 as usize] = true;
    }
    let visit = Free { scopes: Scopes::new(ast.symbols.len()), known, found: Vec::new() };
    let mut walker = Walker { ast, visit };
    walker.block(body);
    let text = |symbol: Symbol| ast.symbols[symbol.0 as usize].to_string();
    walker.visit.found.iter().map(|&(symbol, span)| (text(symbol), span)).collect()
}
