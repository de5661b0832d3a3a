//! Makes the nodes of the typed tree, conversions among them.

use super::check::{Checker, Ty, Val};
use super::hir::{Expr, ExprId, ExprKind, List, Stmt, StmtId, StmtKind};
use crate::ir::op::Op;
use crate::span::Span;
use crate::types::Type;
use smallvec::SmallVec;

/// The statements of a block: most have few.
pub(super) type Stmts = SmallVec<[StmtId; 8]>;

impl Checker<'_> {
    /// Adds a node.
    pub fn push(&mut self, kind: ExprKind, ty: Type, span: Span) -> ExprId {
        self.hir.exprs.push(Expr { kind, ty, span });
        ExprId(self.hir.exprs.len() as u32 - 1)
    }

    /// Adds a node and tells of it; its array is writable if `writable`.
    pub fn val(&mut self, kind: ExprKind, ty: Type, span: Span, writable: bool) -> Val {
        Val { id: self.push(kind, ty, span), ty: Ty::Known(ty), writable }
    }

    /// What stands for an expression that is wrong.
    pub fn error(&mut self, span: Span) -> Val {
        Val { id: self.push(ExprKind::Unit, Type::Unit, span), ty: Ty::Error, writable: true }
    }

    /// Adds a statement.
    pub fn push_stmt(&mut self, kind: StmtKind, span: Span, out: &mut Stmts) -> StmtId {
        self.hir.stmts.push(Stmt { kind, span });
        let id = StmtId(self.hir.stmts.len() as u32 - 1);
        out.push(id);
        id
    }

    /// Moves a list of expressions into its pool.
    pub fn expr_list(&mut self, items: &[ExprId]) -> List {
        let start = self.hir.expr_lists.len() as u32;
        self.hir.expr_lists.extend_from_slice(items);
        List { start, len: items.len() as u32 }
    }

    /// Moves a list of statements into its pool.
    pub fn stmt_list(&mut self, items: &[StmtId]) -> List {
        let start = self.hir.stmt_lists.len() as u32;
        self.hir.stmt_lists.extend_from_slice(items);
        List { start, len: items.len() as u32 }
    }

    /// An operation on one operand.
    pub fn unary(&mut self, op: Op, operand: ExprId, ty: Type, span: Span) -> ExprId {
        let list = self.expr_list(&[operand]);
        self.push(ExprKind::Op(op, list), ty, span)
    }

    /// An `i64` as an `f64`; a literal becomes one.
    pub fn widen(&mut self, mut id: ExprId) -> ExprId {
        let outer = id;
        loop {
            let expr = &mut self.hir.exprs[id.0 as usize];
            match expr.kind {
                ExprKind::I64(n) => {
                    expr.kind = ExprKind::F64(n as f64);
                    expr.ty = Type::F64;
                    return outer;
                }
                ExprKind::Block(stmts, Some(value)) => {
                    if let ExprKind::I64(_) | ExprKind::Block(..) = self.hir.exprs[value.0 as usize].kind {
                        self.hir.exprs[id.0 as usize].ty = Type::F64;
                        id = value;
                        continue;
                    }
                    let span = self.hir.exprs[value.0 as usize].span;
                    let converted = self.unary(Op::IToF, value, Type::F64, span);
                    let expr = &mut self.hir.exprs[id.0 as usize];
                    expr.kind = ExprKind::Block(stmts, Some(converted));
                    expr.ty = Type::F64;
                    return outer;
                }
                _ => {
                    let span = expr.span;
                    return self.unary(Op::IToF, id, Type::F64, span);
                }
            }
        }
    }

    /// A value converted to a type where it fits, and written out so that it has that type even where it is never given.
    pub fn fit(&mut self, val: Val, to: Type) -> Option<ExprId> {
        match val.ty {
            Ty::Error => Some(val.id),
            Ty::Never => Some(self.fit_never(val.id, to)),
            Ty::Known(ty) if ty == to => Some(val.id),
            Ty::Known(Type::I64) if to == Type::F64 => Some(self.widen(val.id)),
            Ty::Known(_) => None,
        }
    }

    /// An expression that leaves, as one of this type.
    fn fit_never(&mut self, id: ExprId, to: Type) -> ExprId {
        let span = self.hir.exprs[id.0 as usize].span;
        let kind = match to {
            Type::Unit => return id,
            Type::F64 => ExprKind::F64(0.0),
            Type::I64 => ExprKind::I64(0),
            Type::Bool => ExprKind::Bool(false),
            Type::Array(elem) => ExprKind::ArrayLit(elem, List::default()),
        };
        let value = self.push(kind, to, span);
        let mut stmts = Stmts::new();
        self.push_stmt(StmtKind::Expr(id), span, &mut stmts);
        let stmts = self.stmt_list(&stmts);
        self.push(ExprKind::Block(stmts, Some(value)), to, span)
    }
}
