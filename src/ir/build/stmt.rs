//! Statements and loops.

use super::super::func::{InstKind, Ty, Value};
use super::super::op::{Op, Scalar};
use super::vars::Part;
use super::{Builder, Flow, LoopTargets, Target, Tys, Val};
use crate::sema::hir::{ExprId, ExprKind, LocalId, StmtId, StmtKind};
use crate::span::Span;
use crate::types::Elem;

/// A loop's region while it is built.
#[derive(Clone, Copy)]
struct LoopBody {
    part: Part,
    body: ExprId,
    releases: bool,
    /// The loop's head.
    span: Span,
}

impl Builder<'_> {
    pub(super) fn stmt(&mut self, id: StmtId) -> Flow<()> {
        let hir = self.hir;
        let stmt = &hir.stmts[id.0 as usize];
        let span = stmt.span;
        match stmt.kind {
            StmtKind::Set(local, value) => {
                let value = self.expr(value)?;
                self.set(local, value)?;
            }
            StmtKind::Store { array, index, value, elem, place } => {
                let (address, len) = self.array(array)?;
                let index = self.scalar(index)?;
                let value = self.scalar(value)?;
                let value = self.narrow(elem, value, span);
                let checked = self.check(index, len, place);
                self.store(elem, address, checked, value, span);
            }
            StmtKind::Update { array, index, steps, elem, place } => {
                let (address, len) = self.array(array)?;
                let index = self.scalar(index)?;
                let checked = self.check(index, len, place);
                let before = self.load(elem, address, checked, place);
                let after = self.steps(before, steps)?;
                let after = self.narrow(elem, after, span);
                self.store(elem, address, checked, after, span);
            }
            StmtKind::Expr(value) => {
                self.expr(value)?;
            }
            StmtKind::While { cond, body, releases } => {
                let part = self.facts.of_loop(id);
                self.while_loop(cond, LoopBody { part, body, releases, span })?;
            }
            StmtKind::For { local, lo, hi, inclusive, body, releases } => {
                let part = self.facts.of_loop(id);
                self.for_range(local, (lo, hi, inclusive), LoopBody { part, body, releases, span })?;
            }
            StmtKind::ForEach { local, array, elem, body, releases } => {
                let part = self.facts.of_loop(id);
                self.for_each(local, array, elem, LoopBody { part, body, releases, span })?;
            }
            StmtKind::Break => return self.break_loop(span),
            StmtKind::Continue => return self.continue_loop(span),
            StmtKind::Return(value) => {
                let value = match value {
                    Some(value) => self.expr(value)?,
                    None => Val::Unit,
                };
                self.leave_function(value, span);
                return None;
            }
        }
        Some(())
    }

    fn set(&mut self, local: LocalId, value: Val) -> Flow<()> {
        let slots = self.vars.slots(local);
        match (value, slots.len()) {
            (Val::One(value), 1) => self.vars.set(slots.start, value),
            (Val::Array(address, len), 2) => {
                self.vars.set(slots.start, address);
                self.vars.set(slots.start + 1, len);
            }
            _ => return self.inconsistent(),
        }
        Some(())
    }

    /// Builds a `Loop` that carries `counter` (its first value) before the variables assigned in it. `fill` gets the loop and the counter's
    /// value in this iteration, and must lead control away.
    fn repeat_region(
        &mut self,
        counter: Option<Value>,
        part: Part,
        span: Span,
        fill: impl FnOnce(&mut Self, usize, Option<Value>) -> Flow<()>,
    ) -> Flow<()> {
        let slots = self.vars.merge_set(self.facts.assigned(part));
        let mut args: Vec<Value> = counter.into_iter().collect();
        args.extend(slots.iter().map(|&slot| self.vars.get(slot)));
        let mut params = Vec::with_capacity(args.len());
        let counter = counter.map(|_| self.func.new_value(Ty::one(Scalar::I64)));
        params.extend(counter);
        for &slot in &slots {
            params.push(self.func.new_value(self.vars.ty(slot)));
        }
        let carried = params[counter.iter().len()..].to_vec();
        let region = self.new_region(params);
        let open = self.enter(InstKind::Loop(region), &args, slots.clone(), Tys::new(), span);
        self.in_region(region, |b| {
            for (&slot, &value) in slots.iter().zip(&carried) {
                b.vars.set(slot, value);
            }
            fill(b, open, counter)
        });
        self.close(span)?;
        Some(())
    }

    /// The next iteration.
    fn repeat(&mut self, open: usize, counter: Option<Value>, span: Span) -> Flow<()> {
        let mut args: Vec<Value> = counter.into_iter().collect();
        args.extend(self.current_values(open));
        let inst = self.open[open].inst;
        self.inst(InstKind::Repeat(inst), &args, &[], span);
        None
    }

    /// What an iteration begins with, once its condition held.
    fn begin_iteration(&mut self, body: LoopBody) -> Option<Value> {
        if self.options.metering {
            self.inst(InstKind::MeterLoop, &[], &[], body.span);
        }
        let marks = body.releases && body.part.allocates;
        marks.then(|| self.one(InstKind::ArenaMark, &[], Scalar::I64, body.span))
    }

    fn release(&mut self, mark: Option<Value>, span: Span) {
        if let Some(mark) = mark {
            self.inst(InstKind::ArenaRelease, &[mark], &[], span);
        }
    }

    #[inline(never)]
    fn while_loop(&mut self, cond: ExprId, body: LoopBody) -> Flow<()> {
        self.repeat_region(None, body.part, body.span, |b, open, _| {
            b.jump(cond, false, Target { open, value: Val::Unit })?;
            let mark = b.begin_iteration(body);
            b.loops.push(LoopTargets { open, next: None, mark });
            let end = b.expr(body.body);
            b.loops.pop();
            end?;
            b.release(mark, body.span);
            b.repeat(open, None, body.span)
        })
    }

    /// An iteration of a counted loop: `bind` gives the loop's name its value, and a `continue` goes on with what comes behind.
    fn counted_body(&mut self, open: usize, body: LoopBody, bind: impl FnOnce(&mut Self) -> Flow<()>) -> Flow<()> {
        let mark = self.begin_iteration(body);
        bind(self)?;
        if body.part.continues {
            let slots = self.vars.merge_set(self.facts.assigned(body.part));
            self.block(slots, Tys::new(), body.span, |b, next| {
                b.loops.push(LoopTargets { open, next: Some(next), mark });
                let end = b.expr(body.body);
                b.loops.pop();
                end?;
                b.leave(next, Val::Unit, body.span)
            })?;
        } else {
            self.loops.push(LoopTargets { open, next: None, mark });
            let end = self.expr(body.body);
            self.loops.pop();
            end?;
        }
        self.release(mark, body.span);
        Some(())
    }

    #[inline(never)]
    fn for_range(&mut self, local: LocalId, range: (ExprId, ExprId, bool), body: LoopBody) -> Flow<()> {
        let (lo, hi, mut inclusive) = range;
        let span = body.span;
        let start = self.scalar(lo)?;
        let end = match self.hir.exprs[hi.0 as usize].kind {
            // `..=9` is `..10`, which needs one comparison an iteration instead of two.
            ExprKind::I64(n) if inclusive && n < i64::MAX => {
                inclusive = false;
                self.const_i64(n + 1, span)
            }
            _ => self.scalar(hi)?,
        };
        self.repeat_region(Some(start), body.part, span, |b, open, counter| {
            let Some(i) = counter else { return b.inconsistent() };
            let compare = if inclusive { Op::ILe } else { Op::ILt };
            b.go_on_if(compare, i, end, open, span);
            b.counted_body(open, body, |b| b.set(local, Val::One(i)))?;
            if inclusive {
                // There may be no number behind the last one.
                b.go_on_if(Op::ILt, i, end, open, span);
            }
            b.next_iteration(i, open, span)
        })
    }

    #[inline(never)]
    fn for_each(&mut self, local: LocalId, array: ExprId, elem: Elem, body: LoopBody) -> Flow<()> {
        let span = body.span;
        let (address, len) = self.array(array)?;
        let start = self.const_i64(0, span);
        self.repeat_region(Some(start), body.part, span, |b, open, counter| {
            let Some(i) = counter else { return b.inconsistent() };
            b.go_on_if(Op::ILt, i, len, open, span);
            b.counted_body(open, body, |b| {
                let checked = b.check(i, len, span);
                let value = b.load(elem, address, checked, span);
                b.set(local, Val::One(value))
            })?;
            b.next_iteration(i, open, span)
        })
    }

    /// Leaves the loop unless the comparison holds.
    #[inline(never)]
    fn go_on_if(&mut self, compare: Op, i: Value, end: Value, open: usize, span: Span) {
        let more = self.op(compare, &[i, end], span);
        self.jump_if(more, false, Target { open, value: Val::Unit }, span);
    }

    /// The next iteration of a counted loop. The counter is below some number, so it does not overflow.
    fn next_iteration(&mut self, i: Value, open: usize, span: Span) -> Flow<()> {
        let one = self.const_i64(1, span);
        let next = self.op(Op::IWrappingAdd, &[i, one], span);
        self.repeat(open, Some(next), span)
    }

    fn break_loop(&mut self, span: Span) -> Flow<()> {
        let Some(&LoopTargets { open, mark, .. }) = self.loops.last() else { return self.inconsistent() };
        self.release(mark, span);
        self.leave(open, Val::Unit, span)
    }

    fn continue_loop(&mut self, span: Span) -> Flow<()> {
        let Some(&LoopTargets { open, mark, next }) = self.loops.last() else { return self.inconsistent() };
        match next {
            // What comes behind the block releases.
            Some(next) => self.leave(next, Val::Unit, span),
            None => {
                self.release(mark, span);
                self.repeat(open, None, span)
            }
        }
    }
}
