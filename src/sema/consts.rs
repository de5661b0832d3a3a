//! The program's constants: their order, and their values, computed exactly as a run would.

use super::builtins::Constant;
use super::check::{Body, Checker, Ty, Val};
use super::errors::quote;
use super::graph::Graph;
use super::hir::{ExprId, ExprKind, Hir, StepKind};
use super::names::{Visit, Walker};
use crate::ir::eval::{eval, eval_math, powi};
use crate::ir::op::{Math, Op};
use crate::span::Span;
use crate::syntax::ast::Symbol;
use crate::trap::TrapKind;
use crate::types::Type;

/// What is known of a constant.
#[derive(Clone, Copy, Debug)]
pub enum ConstValue {
    /// Its value.
    Known(Constant),
    /// It has none: whoever reaches it traps, at the expression in its definition.
    Traps {
        /// How.
        kind: TrapKind,
        /// Where.
        span: Span,
        /// The type that it would have.
        ty: Type,
    },
}

/// Lengths of the pools of a tree.
struct Mark([usize; 7]);

impl Checker<'_> {
    /// Checks and computes all constants, each after those that it needs.
    pub fn constants(&mut self) {
        if self.ast.consts.is_empty() {
            return;
        }
        struct Uses<'c> {
            const_of: &'c [Option<u32>],
            graph: Graph,
        }
        impl Visit for Uses<'_> {
            fn name(&mut self, symbol: Symbol, _span: Span) {
                if let Some(&Some(to)) = self.const_of.get(symbol.0 as usize) {
                    self.graph.edge(to);
                }
            }
        }
        let visit = Uses { const_of: &self.const_of, graph: Graph::default() };
        let mut walker = Walker { ast: self.ast, visit };
        for decl in &self.ast.consts {
            walker.visit.graph.begin();
            walker.expr(decl.value);
        }
        let order = walker.visit.graph.order();
        self.in_const = true;
        for &index in &order.nodes {
            let index = index as usize;
            if order.cyclic[index] {
                let name = self.ast.consts[index].name;
                let message = format!("the constant {} needs its own value", quote(self.text(name.symbol)));
                self.errors.add("E0141", name.span, message);
                continue;
            }
            self.body = Body { index: self.ast.fns.len() + 1 + index, ..Body::default() };
            let mark = self.mark();
            self.const_values[index] = self.constant(index);
            self.reset(mark);
        }
        self.in_const = false;
    }

    fn constant(&mut self, index: usize) -> Option<ConstValue> {
        let decl = self.ast.consts[index];
        let name = self.text(decl.name.symbol);
        let val = self.expr(decl.value, None);
        let at = self.span(decl.value);
        let Ty::Known(ty) = val.ty else { return None };
        let wanted = decl.ty.map_or(ty, |t| t.ty);
        if matches!(wanted, Type::Unit | Type::Array(_)) {
            let message = format!("the constant {} has to be a number or a `bool`", quote(name));
            self.errors.add("E0140", decl.ty.map_or(at, |t| t.span), message);
            return None;
        }
        let Some(id) = self.fit(val, wanted) else {
            self.mismatch("E0110", Ty::Known(ty), wanted, at, Some(decl.value), &quote(name));
            return None;
        };
        match value(&self.hir, id) {
            Ok(bits) => Some(ConstValue::Known(match wanted {
                Type::I64 => Constant::I64(bits as i64),
                Type::Bool => Constant::Bool(bits != 0),
                _ => Constant::F64(f64::from_bits(bits)),
            })),
            Err((kind, span)) => Some(ConstValue::Traps { kind, span, ty: wanted }),
        }
    }

    /// What a constant that traps stands for: an operation that traps so wherever the constant is reached.
    pub fn trapping(&mut self, kind: TrapKind, span: Span, ty: Type) -> Val {
        let (op, args) = match kind {
            TrapKind::DivideByZero => (Op::IDiv, [ExprKind::I64(1), ExprKind::I64(0)]),
            TrapKind::IntegerOverflow => (Op::IAdd, [ExprKind::I64(i64::MAX), ExprKind::I64(1)]),
            TrapKind::BadCast => (Op::INarrowU8, [ExprKind::I64(-1), ExprKind::Unit]),
            _ => (Op::IPow, [ExprKind::I64(1), ExprKind::I64(-1)]),
        };
        let ids: Vec<ExprId> = args[..op.params().len()].iter().map(|&kind| self.push(kind, Type::I64, span)).collect();
        let list = self.expr_list(&ids);
        let whole = self.push(ExprKind::Op(op, list), Type::I64, span);
        let id = match ty {
            Type::F64 => self.unary(Op::IToF, whole, ty, span),
            Type::Bool => {
                let zero = self.push(ExprKind::I64(0), Type::I64, span);
                let list = self.expr_list(&[whole, zero]);
                self.push(ExprKind::Op(Op::IEq, list), ty, span)
            }
            _ => whole,
        };
        Val { id, ty: Ty::Known(ty), writable: false }
    }

    fn mark(&self) -> Mark {
        let hir = &self.hir;
        Mark([
            hir.exprs.len(),
            hir.stmts.len(),
            hir.expr_lists.len(),
            hir.stmt_lists.len(),
            hir.steps.len(),
            hir.links.len(),
            hir.arms.len(),
        ])
    }

    /// Drops the nodes since a mark: a constant stands as a literal wherever it is used.
    fn reset(&mut self, Mark(mark): Mark) {
        let hir = &mut self.hir;
        hir.exprs.truncate(mark[0]);
        hir.stmts.truncate(mark[1]);
        hir.expr_lists.truncate(mark[2]);
        hir.stmt_lists.truncate(mark[3]);
        hir.steps.truncate(mark[4]);
        hir.links.truncate(mark[5]);
        hir.arms.truncate(mark[6]);
    }
}

type Value = Result<u64, (TrapKind, Span)>;

/// The value of an expression without variables, as a word.
fn value(hir: &Hir, id: ExprId) -> Value {
    let expr = hir.exprs[id.0 as usize];
    match expr.kind {
        ExprKind::F64(x) => Ok(x.to_bits()),
        ExprKind::I64(n) => Ok(n as u64),
        ExprKind::Bool(b) => Ok(u64::from(b)),
        ExprKind::Op(op, list) => {
            let mut args = [0; 3];
            let ids = &hir.expr_lists[list.range()];
            for (arg, &id) in args.iter_mut().zip(ids) {
                *arg = value(hir, id)?;
            }
            eval(op, &args[..ids.len().min(3)]).map_err(|kind| (kind, expr.span))
        }
        ExprKind::Math(math, list) => {
            let mut args = [0.0; 2];
            let ids = &hir.expr_lists[list.range()];
            for (arg, &id) in args.iter_mut().zip(ids) {
                *arg = f64::from_bits(value(hir, id)?);
            }
            Ok(math_value(math, &args[..ids.len().min(2)]))
        }
        ExprKind::Powi(base, n) => Ok(powi(f64::from_bits(value(hir, base)?), n).to_bits()),
        ExprKind::Chain(first, steps) => {
            let mut acc = value(hir, first)?;
            for step in &hir.steps[steps.range()] {
                let arg = step.arg.map(|arg| value(hir, arg)).transpose()?;
                acc = match (step.kind, arg) {
                    (StepKind::Powi(n), _) => powi(f64::from_bits(acc), n).to_bits(),
                    (StepKind::Math(math), Some(arg)) => math_value(math, &[f64::from_bits(acc), f64::from_bits(arg)]),
                    (StepKind::Math(math), None) => math_value(math, &[f64::from_bits(acc)]),
                    (StepKind::Op(op), Some(arg)) => eval(op, &[acc, arg]).map_err(|kind| (kind, step.span))?,
                    (StepKind::Op(op), None) => eval(op, &[acc]).map_err(|kind| (kind, step.span))?,
                };
            }
            Ok(acc)
        }
        ExprKind::Compare(first, links) => {
            let mut left = value(hir, first)?;
            for link in &hir.links[links.range()] {
                let right = value(hir, link.operand)?;
                let as_f64 = |word: u64, convert: bool| if convert { (word as i64 as f64).to_bits() } else { word };
                let (a, b) = (as_f64(left, link.convert_left), as_f64(right, link.convert_right));
                let pair = if link.swapped { [b, a] } else { [a, b] };
                if eval(link.op, &pair).map_err(|kind| (kind, expr.span))? == 0 {
                    return Ok(0);
                }
                left = right;
            }
            Ok(1)
        }
        ExprKind::And(list) => logic(hir, &hir.expr_lists[list.range()], false),
        ExprKind::Or(list) => logic(hir, &hir.expr_lists[list.range()], true),
        // Nothing else passes the check of a constant.
        _ => Err((TrapKind::BadArgument, expr.span)),
    }
}

/// `and` stops at the first false, `or` at the first true.
fn logic(hir: &Hir, ids: &[ExprId], stop: bool) -> Value {
    for &id in ids {
        if (value(hir, id)? != 0) == stop {
            return Ok(u64::from(stop));
        }
    }
    Ok(u64::from(!stop))
}

fn math_value(math: Math, args: &[f64]) -> u64 {
    eval_math(math, args).to_bits()
}
