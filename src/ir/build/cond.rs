//! Short circuit and `if`: exits of blocks, flat however long a chain is.
//!
//! `if a and b { x } else { y }` becomes a block that the failing of `a` or of `b` exits, and no truth value is made. Operands that cost
//! next to nothing and cannot trap are evaluated without a jump, up to [`GROUP`] at a time.

use super::super::func::{InstKind, Ty, Value};
use super::super::op::{Effect, Op, Scalar};
use super::vars::Slot;
use super::{Builder, Flow, Target, Tys, Val, tys_of};
use crate::sema::hir::{ExprId, ExprKind, Hir, Link, List, StepKind};
use crate::span::Span;
use crate::types::Type;
use smallvec::smallvec;

/// At most so many operands of a chain are evaluated between two jumps.
const GROUP: usize = 4;

/// An operand with at most so many nodes may be evaluated though its value does not matter.
const CHEAP_NODES: u32 = 12;

/// The operands of a chain with short circuit.
#[derive(Clone, Copy)]
enum Chain<'a> {
    And(&'a [ExprId]),
    Or(&'a [ExprId]),
    Compare(ExprId, &'a [Link]),
}

impl Chain<'_> {
    fn len(self) -> usize {
        match self {
            Chain::And(list) | Chain::Or(list) => list.len(),
            Chain::Compare(_, links) => links.len(),
        }
    }

    fn operand(self, i: usize) -> ExprId {
        match self {
            Chain::And(list) | Chain::Or(list) => list[i],
            Chain::Compare(_, links) => links[i].operand,
        }
    }

    /// The value of a link that decides the whole.
    fn decisive(self) -> bool {
        matches!(self, Chain::Or(_))
    }

    fn combine(self) -> Op {
        if self.decisive() { Op::BOr } else { Op::BAnd }
    }

    /// Whether the chain needs no jump.
    fn is_one_group(self, hir: &Hir) -> bool {
        self.len() <= GROUP && (1..self.len()).all(|i| is_cheap(hir, self.operand(i)))
    }
}

fn chain_of(hir: &Hir, id: ExprId) -> Option<Chain<'_>> {
    match hir.exprs[id.0 as usize].kind {
        ExprKind::And(list) => Some(Chain::And(&hir.expr_lists[list.range()])),
        ExprKind::Or(list) => Some(Chain::Or(&hir.expr_lists[list.range()])),
        ExprKind::Compare(first, links) => Some(Chain::Compare(first, &hir.links[links.range()])),
        _ => None,
    }
}

/// Whether an operand may be evaluated though its value does not matter: it can do nothing, and costs next to nothing.
fn is_cheap(hir: &Hir, id: ExprId) -> bool {
    let mut left = CHEAP_NODES;
    let mut work = vec![id];
    while let Some(id) = work.pop() {
        if left == 0 {
            return false;
        }
        left -= 1;
        let expr = &hir.exprs[id.0 as usize];
        match expr.kind {
            ExprKind::F64(_) | ExprKind::I64(_) | ExprKind::Bool(_) => {}
            ExprKind::Local(_) if !matches!(expr.ty, Type::Array(_)) => {}
            ExprKind::Len(array) if matches!(hir.exprs[array.0 as usize].kind, ExprKind::Local(_)) => {}
            ExprKind::Op(op, list) if is_cheap_op(op) => work.extend(&hir.expr_lists[list.range()]),
            ExprKind::Chain(first, steps) if steps.len < CHEAP_NODES => {
                work.push(first);
                for step in &hir.steps[steps.range()] {
                    if !matches!(step.kind, StepKind::Op(op) if is_cheap_op(op)) {
                        return false;
                    }
                    work.extend(step.arg);
                }
            }
            ExprKind::And(list) | ExprKind::Or(list) if list.len as usize <= GROUP => {
                work.extend(&hir.expr_lists[list.range()]);
            }
            ExprKind::Compare(first, links) if links.len as usize <= GROUP => {
                work.push(first);
                work.extend(hir.links[links.range()].iter().map(|link| link.operand));
            }
            _ => return false,
        }
    }
    true
}

fn is_cheap_op(op: Op) -> bool {
    op.effect() == Effect::Pure && !matches!(op, Op::FDiv | Op::FSqrt)
}

/// Whether a condition makes no jumps of its own.
fn is_plain(hir: &Hir, mut id: ExprId) -> bool {
    while let ExprKind::Op(Op::BNot, list) = hir.exprs[id.0 as usize].kind {
        let [operand] = hir.expr_lists[list.range()] else { break };
        id = operand;
    }
    chain_of(hir, id).is_none_or(|chain| chain.is_one_group(hir))
}

impl<'a> Builder<'a> {
    /// `and`, `or` and comparisons, as a truth value.
    #[inline(never)]
    pub(super) fn logic(&mut self, id: ExprId) -> Flow<Val> {
        let (hir, span) = (self.hir, self.hir.exprs[id.0 as usize].span);
        let Some(chain) = chain_of(hir, id) else { return self.inconsistent() };
        if chain.is_one_group(hir) {
            return self.links(chain, None, span).map(Val::One);
        }
        let slots = self.assigned_in(id);
        let decided = self.const_bool(chain.decisive(), span);
        self.block(slots, smallvec![Ty::one(Scalar::Bool)], span, |b, open| {
            let last = b.links(chain, Some(Target { open, value: Val::One(decided) }), span)?;
            b.leave(open, Val::One(last), span)
        })
    }

    /// The variables that an expression with control flow inside gives back.
    fn assigned_in(&mut self, id: ExprId) -> Vec<Slot> {
        self.vars.merge_set(self.facts.assigned(self.facts.of_expr(id)))
    }

    /// Evaluates a chain's links in turn and goes to `target` at the first that decides; the value of the last group comes back.
    #[inline(never)]
    fn links(&mut self, chain: Chain<'a>, target: Option<Target>, span: Span) -> Flow<Value> {
        let hir = self.hir;
        let mut left = match chain {
            Chain::Compare(first, _) => Some(self.scalar(first)?),
            Chain::And(_) | Chain::Or(_) => None,
        };
        let mut group: Option<Value> = None;
        let mut size = 0;
        for i in 0..chain.len() {
            let operand = chain.operand(i);
            if let (Some(value), Some(target)) = (group, target)
                && (size == GROUP || !is_cheap(hir, operand))
            {
                self.jump_if(value, chain.decisive(), target, span);
                (group, size) = (None, 0);
            }
            let value = match (chain, left) {
                (Chain::Compare(_, links), Some(before)) => {
                    let right = self.scalar(operand)?;
                    left = Some(right);
                    self.compare(&links[i], before, right, span)
                }
                _ => {
                    if let (None, Some(target), false) = (group, target, i + 1 == chain.len() || is_plain(hir, operand))
                    {
                        self.jump(operand, chain.decisive(), target)?;
                        continue;
                    }
                    self.scalar(operand)?
                }
            };
            group = Some(match group {
                None => value,
                Some(before) => self.op(chain.combine(), &[before, value], span),
            });
            size += 1;
        }
        match group {
            Some(value) => Some(value),
            None => self.inconsistent(),
        }
    }

    #[inline(never)]
    fn compare(&mut self, link: &Link, left: Value, right: Value, span: Span) -> Value {
        let left = if link.convert_left { self.op(Op::IToF, &[left], span) } else { left };
        let right = if link.convert_right { self.op(Op::IToF, &[right], span) } else { right };
        let args = if link.swapped { [right, left] } else { [left, right] };
        self.op(link.op, &args, span)
    }

    /// Goes to `target` if `value` is `on`.
    #[inline(never)]
    pub(super) fn jump_if(&mut self, value: Value, on: bool, target: Target, span: Span) {
        let leave = move |b: &mut Self, own: usize, now: bool| {
            b.exit(if now { target } else { Target { open: own, value: Val::Unit } }, span);
            None
        };
        self.branch(value, Vec::new(), Tys::new(), span, |b, own| leave(b, own, on), |b, own| leave(b, own, !on));
    }

    /// Evaluates a condition and goes to `target` if it is `on`.
    #[inline(never)]
    pub(super) fn jump(&mut self, cond: ExprId, on: bool, target: Target) -> Flow<()> {
        let hir = self.hir;
        let span = hir.exprs[cond.0 as usize].span;
        match hir.exprs[cond.0 as usize].kind {
            ExprKind::Bool(value) => {
                if value == on {
                    self.exit(target, span);
                    return None;
                }
                return Some(());
            }
            ExprKind::Op(Op::BNot, list) => {
                if let [operand] = hir.expr_lists[list.range()] {
                    return self.jump(operand, !on, target);
                }
            }
            _ => {}
        }
        match chain_of(hir, cond) {
            Some(chain) if !chain.is_one_group(hir) => {
                if chain.decisive() == on {
                    let last = self.links(chain, Some(target), span)?;
                    self.jump_if(last, on, target, span);
                    return Some(());
                }
                let slots = self.assigned_in(cond);
                self.block(slots, Tys::new(), span, |b, own| {
                    let last = b.links(chain, Some(Target { open: own, value: Val::Unit }), span)?;
                    b.jump_if(last, on, target, span);
                    b.leave(own, Val::Unit, span)
                })?;
                Some(())
            }
            _ => {
                let value = self.scalar(cond)?;
                self.jump_if(value, on, target, span);
                Some(())
            }
        }
    }

    /// `if … else if … else …`
    #[inline(never)]
    pub(super) fn if_expr(&mut self, id: ExprId, arms: List, otherwise: Option<ExprId>) -> Flow<Val> {
        let hir = self.hir;
        let expr = &hir.exprs[id.0 as usize];
        let (span, value) = (expr.span, tys_of(expr.ty));
        let slots = self.assigned_in(id);
        let arms = &hir.arms[arms.range()];
        if let &[(cond, body)] = arms
            && is_plain(hir, cond)
        {
            let cond = self.scalar(cond)?;
            return self.branch(
                cond,
                slots,
                value,
                span,
                |b, open| b.arm_value(Some(body), open, span),
                |b, open| b.arm_value(otherwise, open, span),
            );
        }
        self.block(slots, value, span, |b, open| {
            for &(cond, body) in arms {
                b.arm(cond, body, open, span)?;
            }
            b.arm_value(otherwise, open, span)
        })
    }

    /// One arm of a chain: its value leaves the whole, else control goes on.
    #[inline(never)]
    fn arm(&mut self, cond: ExprId, body: ExprId, open: usize, span: Span) -> Flow<()> {
        if is_plain(self.hir, cond) {
            let cond = self.scalar(cond)?;
            self.branch(
                cond,
                Vec::new(),
                Tys::new(),
                span,
                |b, _| b.arm_value(Some(body), open, span),
                |b, own| b.leave(own, Val::Unit, span),
            )?;
        } else {
            let slots = self.assigned_in(cond);
            self.block(slots, Tys::new(), span, |b, own| {
                b.jump(cond, false, Target { open: own, value: Val::Unit })?;
                b.arm_value(Some(body), open, span)
            })?;
        }
        Some(())
    }

    fn arm_value(&mut self, body: Option<ExprId>, open: usize, span: Span) -> Flow<()> {
        let value = match body {
            Some(body) => self.expr(body)?,
            None => Val::Unit,
        };
        self.leave(open, value, span)
    }

    /// Traps if `cond` holds.
    pub(super) fn trap_if(&mut self, cond: Value, kind: crate::trap::TrapKind, span: Span) {
        self.branch(
            cond,
            Vec::new(),
            Tys::new(),
            span,
            |b, _| {
                b.inst(InstKind::Trap(kind), &[], &[], span);
                None
            },
            |b, own| b.leave(own, Val::Unit, span),
        );
    }
}
