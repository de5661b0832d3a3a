//! Statements: declarations, loops and what leaves them. Assignments are in [`super::place`].

use super::check::{Checker, Loop, Origin, Return, Ty, Val, elem_of, ty_name};
use super::errors::quote;
use super::hir::{ExprId, List, LocalId, StmtKind};
use super::node::Stmts;
use crate::span::Span;
use crate::syntax::ast::{self, BlockId, ForIter, Ident, TypeName};
use crate::types::{Elem, Type};

/// What a loop runs over, checked.
enum Source {
    Range(ExprId, ExprId, bool),
    Each(ExprId, Elem),
}

impl Checker<'_> {
    /// Checks statements in turn. Tells whether their end cannot be reached.
    pub fn stmts(&mut self, list: List, out: &mut Stmts) -> bool {
        let mut leaves = false;
        for i in list.range() {
            leaves |= self.stmt(self.ast.stmt_lists[i], out);
        }
        leaves
    }

    fn stmt(&mut self, id: ast::StmtId, out: &mut Stmts) -> bool {
        let ast::Stmt { kind, span } = self.ast.stmts[id.0 as usize];
        match kind {
            ast::StmtKind::Let { mutable, name, ty, value } => self.declare(mutable, name, ty, value, span, out),
            ast::StmtKind::Assign { target, op, value } => {
                self.assign(target, op, value, span, out);
                false
            }
            ast::StmtKind::Expr { expr, .. } => self.discard(expr, false, out),
            ast::StmtKind::While { cond, body, head } => self.while_loop(cond, body, head, out),
            ast::StmtKind::For { name, iter, body, head } => {
                self.for_loop(name, iter, body, head, out);
                false
            }
            ast::StmtKind::Break => {
                self.leave_loop("break", StmtKind::Break, span, out);
                true
            }
            ast::StmtKind::Continue => {
                self.leave_loop("continue", StmtKind::Continue, span, out);
                true
            }
            ast::StmtKind::Return(value) => {
                self.return_stmt(value, span, out);
                true
            }
        }
    }

    #[inline(never)]
    fn declare(
        &mut self,
        mutable: bool,
        name: Ident,
        stated: Option<TypeName>,
        value: ast::ExprId,
        span: Span,
        out: &mut Stmts,
    ) -> bool {
        let val = self.expr(value, stated.and_then(|t| elem_of(t.ty)));
        self.declare_as(mutable, name, stated, value, val, span, out);
        val.ty == Ty::Never
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one statement")]
    #[inline(never)]
    fn declare_as(
        &mut self,
        mutable: bool,
        name: Ident,
        stated: Option<TypeName>,
        value: ast::ExprId,
        val: Val,
        span: Span,
        out: &mut Stmts,
    ) {
        let what = self.text(name.symbol);
        let (ty, id) = match (stated, val.ty) {
            (Some(stated), _) if stated.ty == Type::Unit => {
                self.errors.add("E0118", stated.span, format!("{} cannot be `()`: it would hold nothing", quote(what)));
                (Ty::Error, val.id)
            }
            (Some(stated), _) => match self.fit(val, stated.ty) {
                Some(id) => (Ty::Known(stated.ty), id),
                None => {
                    let at = self.span(value);
                    let error = self.mismatch("E0110", val.ty, stated.ty, at, Some(value), &quote(what));
                    error.labels.push((stated.span, "its type is stated here".into()));
                    (Ty::Known(stated.ty), val.id)
                }
            },
            (None, Ty::Known(Type::Unit)) => {
                let message = format!("{} needs a value, but this has none", quote(what));
                self.errors.add("E0118", self.span(value), message);
                (Ty::Error, val.id)
            }
            // What is never given may be anything.
            (None, Ty::Never) => (Ty::Known(Type::F64), self.fit(val, Type::F64).unwrap_or(val.id)),
            (None, ty) => (ty, val.id),
        };
        if let (true, Ty::Known(array @ Type::Array(_)), false) = (mutable, ty, val.writable || val.ty == Ty::Never) {
            self.unwritable_var(name, value, array);
        }
        let origin = if mutable { Origin::Var(stated.map(|t| t.ty), value) } else { Origin::Let };
        let local = self.define(name, ty, origin, mutable);
        self.push_stmt(StmtKind::Set(local, id), span, out);
    }

    fn open_loop(&mut self) {
        self.body.loops.push(Loop { breaks: false, oldest_assigned: u32::MAX });
    }

    /// Checks a loop's body. Tells whether it has a `break` of its own, and whether the arrays made in it are released.
    #[inline(never)]
    fn loop_body(&mut self, body: BlockId) -> (ExprId, bool, bool) {
        let inner = self.body.locals.len() as u32;
        self.open_loop();
        let val = self.unit_block(body, false);
        let Some(ended) = self.body.loops.pop() else { return (val.id, true, true) };
        if let Some(outer) = self.body.loops.last_mut() {
            outer.oldest_assigned = outer.oldest_assigned.min(ended.oldest_assigned);
        }
        (val.id, ended.breaks, ended.oldest_assigned >= inner)
    }

    #[inline(never)]
    fn while_loop(&mut self, cond: ast::ExprId, body: BlockId, head: Span, out: &mut Stmts) -> bool {
        let forever = matches!(self.ast.exprs[cond.0 as usize].kind, ast::ExprKind::Bool(true));
        let cond = self.condition(cond);
        let (body, breaks, releases) = self.loop_body(body);
        self.push_stmt(StmtKind::While { cond, body, releases }, head, out);
        forever && !breaks
    }

    #[inline(never)]
    fn for_loop(&mut self, name: Ident, iter: ForIter, body: BlockId, head: Span, out: &mut Stmts) {
        let source = self.loop_source(iter);
        self.scopes.enter();
        let ty = match source {
            Some(Source::Range(..)) => Ty::Known(Type::I64),
            Some(Source::Each(_, elem)) => Ty::Known(elem.scalar()),
            None => Ty::Error,
        };
        let local = self.define(name, ty, Origin::Loop, false);
        let (body, _, releases) = self.loop_body(body);
        self.scopes.leave();
        let kind = match source {
            Some(Source::Range(lo, hi, inclusive)) => StmtKind::For { local, lo, hi, inclusive, body, releases },
            Some(Source::Each(array, elem)) => StmtKind::ForEach { local, array, elem, body, releases },
            None => StmtKind::Expr(body),
        };
        self.push_stmt(kind, head, out);
    }

    #[inline(never)]
    fn loop_source(&mut self, iter: ForIter) -> Option<Source> {
        match iter {
            ForIter::Range { lo, hi, inclusive } => {
                let from = self.expr(lo, None);
                let from = self.expect_i64(from, lo, "a bound of a range");
                let to = self.expr(hi, None);
                let to = self.expect_i64(to, hi, "a bound of a range");
                Some(Source::Range(from, to, inclusive))
            }
            ForIter::Each(array) => {
                let val = self.expr(array, None);
                match val.ty {
                    Ty::Known(Type::Array(elem)) => Some(Source::Each(val.id, elem)),
                    Ty::Never => self.fit(val, Type::Array(Elem::F64)).map(|id| Source::Each(id, Elem::F64)),
                    Ty::Error => None,
                    Ty::Known(ty) => {
                        let message = format!("a `for` runs over a range or an array, but this is {}", ty_name(val.ty));
                        let text = self.expr_text(array).unwrap_or("n");
                        let help = (ty == Type::I64).then(|| format!("write `0..{text}`"));
                        self.errors.add("E0151", self.span(array), message).help = help;
                        None
                    }
                }
            }
        }
    }

    fn leave_loop(&mut self, word: &str, kind: StmtKind, span: Span, out: &mut Stmts) {
        match self.body.loops.last_mut() {
            Some(innermost) => innermost.breaks |= matches!(kind, StmtKind::Break),
            None => {
                self.errors.add("E0150", span, format!("`{word}` stands outside a loop"));
            }
        }
        self.push_stmt(kind, span, out);
    }

    #[inline(never)]
    fn return_stmt(&mut self, value: Option<ast::ExprId>, span: Span, out: &mut Stmts) {
        let declared = self.body.declared;
        let Some(value) = value else {
            let stmt = self.push_stmt(StmtKind::Return(None), span, out);
            match declared {
                Some((ty, stated)) if ty != Type::Unit => {
                    let message = format!("this function gives a value of type `{ty}`, but returns here without one");
                    let error = self.errors.add("E0119", span, message);
                    error.labels.push((stated, "the result is stated here".into()));
                }
                Some(_) => {}
                None => {
                    let val = Val { id: ExprId(0), ty: Ty::Known(Type::Unit), writable: false };
                    self.body.returns.push(Return { stmt, val, span });
                }
            }
            return;
        };
        let mut val = self.expr(value, declared.and_then(|(ty, _)| elem_of(ty)));
        let at = self.span(value);
        self.body.returns_writable &= val.writable || val.ty == Ty::Never;
        if let (Some((ty, stated)), false) = (declared, val.ty == Ty::Never) {
            match self.fit(val, ty) {
                Some(id) => val = Val { id, ty: Ty::Known(ty), ..val },
                None => {
                    let error = self.mismatch("E0119", val.ty, ty, at, Some(value), "this function's result");
                    error.labels.push((stated, "stated here".into()));
                }
            }
        }
        let stmt = match val.ty {
            Ty::Never => {
                self.push_stmt(StmtKind::Expr(val.id), span, out);
                return;
            }
            Ty::Known(Type::Unit) => {
                self.push_stmt(StmtKind::Expr(val.id), span, out);
                self.push_stmt(StmtKind::Return(None), span, out)
            }
            _ => self.push_stmt(StmtKind::Return(Some(val.id)), span, out),
        };
        if declared.is_none() {
            self.body.returns.push(Return { stmt, val, span: at });
        }
    }

    /// Notes that an array was assigned to a variable: it outlives the iterations of all loops that the variable outlives.
    pub fn note_assigned(&mut self, local: LocalId) {
        if let Some(innermost) = self.body.loops.last_mut() {
            innermost.oldest_assigned = innermost.oldest_assigned.min(local.0);
        }
    }
}
