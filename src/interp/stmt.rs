//! Statements, blocks and loops.

use super::expr::narrow;
use super::machine::{Flow, Loop, Machine, Stop, Task, Val};
use crate::budget::PollAt;
use crate::sema::hir::{ExprId, ExprKind, List, StmtId, StmtKind};
use crate::span::Span;
use crate::types::Elem;

impl Machine<'_> {
    /// A block from this statement on; at its end its value is on top.
    pub fn block(&mut self, id: ExprId, i: u32) -> Flow {
        let ExprKind::Block(stmts, value) = self.hir.exprs[id.0 as usize].kind else { return Err(Stop::Inconsistent) };
        if i < stmts.len {
            self.tasks.push(Task::Block(id, i + 1))?;
            return self.stmt(self.hir.stmt_lists[stmts.start as usize + i as usize]);
        }
        match value {
            Some(value) => Ok(Some(value)),
            None => {
                self.push(Val::UNIT)?;
                Ok(None)
            }
        }
    }

    fn stmt(&mut self, id: StmtId) -> Flow {
        match self.hir.stmts[id.0 as usize].kind {
            StmtKind::Set(local, value) => match self.leaf(value) {
                Some(val) => {
                    self.set_local(local, val);
                    Ok(None)
                }
                None => {
                    self.tasks.push(Task::Set(local))?;
                    Ok(Some(value))
                }
            },
            StmtKind::Store { .. } | StmtKind::Update { .. } => self.place(id, 0),
            StmtKind::Expr(value) => {
                self.tasks.push(Task::Discard)?;
                Ok(Some(value))
            }
            StmtKind::While { .. } => self.enter_loop(id, 0, 0, Val::UNIT),
            StmtKind::For { lo, .. } => {
                self.tasks.push(Task::Source(id, 1))?;
                Ok(Some(lo))
            }
            StmtKind::ForEach { array, .. } => {
                self.tasks.push(Task::Source(id, 1))?;
                Ok(Some(array))
            }
            StmtKind::Break => {
                self.leave_conditions()?;
                self.unwind()?;
                self.loops.pop()?;
                Ok(None)
            }
            StmtKind::Continue => {
                self.leave_conditions()?;
                self.next_iteration()
            }
            StmtKind::Return(Some(value)) => {
                self.tasks.push(Task::Return)?;
                Ok(Some(value))
            }
            StmtKind::Return(None) => {
                self.push(Val::UNIT)?;
                self.leave()
            }
        }
    }

    /// So many operands of a store or an update are on the value stack: the others, then the store, or the update's load.
    pub fn place(&mut self, id: StmtId, count: u32) -> Flow {
        let stmt = self.hir.stmts[id.0 as usize];
        let (operands, elem, place, steps) = match stmt.kind {
            StmtKind::Store { array, index, value, elem, place } => {
                ([Some(array), Some(index), Some(value)], elem, place, None)
            }
            StmtKind::Update { array, index, steps, elem, place } => {
                ([Some(array), Some(index), None], elem, place, Some(steps))
            }
            _ => return Err(Stop::Inconsistent),
        };
        let mut count = count;
        while let Some(operand) = operands.get(count as usize).copied().flatten() {
            count += 1;
            match self.leaf(operand) {
                Some(val) => self.push(val)?,
                None => {
                    self.tasks.push(Task::Place(id, count))?;
                    return Ok(Some(operand));
                }
            }
        }
        match steps {
            None => self.store(elem, stmt.span, place),
            Some(steps) => self.load_for_update(id, steps, place),
        }
    }

    /// `array[index] = value`, all three on the value stack.
    fn store(&mut self, elem: Elem, span: Span, place: Span) -> Flow {
        let value = self.values.pop()?.word;
        let index = self.values.pop()?.word;
        let array = self.values.pop()?;
        let value = narrow(elem, value, span)?;
        self.check_index(index, array.len, place)?;
        self.heap.store(array, index, value).ok_or(Stop::Inconsistent)?;
        Ok(None)
    }

    fn load_for_update(&mut self, id: StmtId, steps: List, place: Span) -> Flow {
        let index = self.values.pop()?;
        let array = *self.values.last_mut()?;
        self.check_index(index.word, array.len, place)?;
        let before = self.heap.load(array, index.word).ok_or(Stop::Inconsistent)?;
        self.push(index)?;
        self.push(Val::word(before))?;
        self.tasks.push(Task::Update(id))?;
        self.steps(steps.start, steps.start + steps.len)
    }

    /// The array, the index, which was checked, and the new value are on the value stack.
    pub fn update(&mut self, id: StmtId) -> Flow {
        let stmt = self.hir.stmts[id.0 as usize];
        let StmtKind::Update { elem, .. } = stmt.kind else { return Err(Stop::Inconsistent) };
        let value = self.values.pop()?.word;
        let index = self.values.pop()?.word;
        let array = self.values.pop()?;
        let value = narrow(elem, value, stmt.span)?;
        self.heap.store(array, index, value).ok_or(Stop::Inconsistent)?;
        Ok(None)
    }

    /// What a `for` runs over is on the value stack, or the first of its bounds.
    pub fn source(&mut self, id: StmtId, count: u32) -> Flow {
        match self.hir.stmts[id.0 as usize].kind {
            StmtKind::For { hi, .. } if count == 1 => {
                self.tasks.push(Task::Source(id, 2))?;
                Ok(Some(hi))
            }
            StmtKind::For { .. } => {
                let hi = self.values.pop()?.word as i64;
                let lo = self.values.pop()?.word as i64;
                self.enter_loop(id, lo, hi, Val::UNIT)
            }
            StmtKind::ForEach { .. } => {
                let array = self.values.pop()?;
                self.enter_loop(id, 0, array.len as i64, array)
            }
            _ => Err(Stop::Inconsistent),
        }
    }

    fn enter_loop(&mut self, stmt: StmtId, at: i64, end: i64, array: Val) -> Flow {
        let (tasks, values, mark) = (self.tasks.height(), self.values.height(), self.heap.mark());
        self.loops.push(Loop { stmt, tasks, values, mark, at, end, array, testing: false })?;
        self.head()
    }

    /// The innermost loop's head: tests whether there is another iteration, and begins it.
    fn head(&mut self) -> Flow {
        let innermost = self.loops.last_mut()?;
        let Loop { stmt, at, end, .. } = *innermost;
        match self.hir.stmts[stmt.0 as usize].kind {
            StmtKind::While { cond, .. } => {
                innermost.testing = true;
                self.tasks.push(Task::Condition)?;
                Ok(Some(cond))
            }
            StmtKind::For { inclusive, body, .. } if at < end || (inclusive && at == end) => self.iterate(body),
            StmtKind::ForEach { body, .. } if at < end => self.iterate(body),
            StmtKind::For { .. } | StmtKind::ForEach { .. } => {
                self.loops.pop()?;
                Ok(None)
            }
            _ => Err(Stop::Inconsistent),
        }
    }

    /// The condition of the innermost loop, a `while`, is on top.
    pub fn condition(&mut self) -> Flow {
        let holds = self.values.pop()?.word != 0;
        let innermost = self.loops.last_mut()?;
        innermost.testing = false;
        match self.hir.stmts[innermost.stmt.0 as usize].kind {
            StmtKind::While { body, .. } if holds => self.iterate(body),
            _ => {
                self.loops.pop()?;
                Ok(None)
            }
        }
    }

    /// Begins an iteration: pays for it, gives the loop's name its value.
    fn iterate(&mut self, body: ExprId) -> Flow {
        let mark = self.heap.mark();
        let innermost = self.loops.last_mut()?;
        innermost.mark = mark;
        let Loop { stmt, at, array, .. } = *innermost;
        let stmt = &self.hir.stmts[stmt.0 as usize];
        self.fuel.slice -= 1;
        if self.fuel.slice < 0 {
            let poll = self.fuel.budget.poll(&mut self.fuel.slice, PollAt::Loop);
            poll.map_err(|kind| Stop::Trap(kind, stmt.span))?;
        }
        match stmt.kind {
            StmtKind::For { local, .. } => self.set_local(local, Val::i64(at)),
            StmtKind::ForEach { local, .. } => {
                let element = self.heap.load(array, at as u64).ok_or(Stop::Inconsistent)?;
                self.set_local(local, Val::word(element));
            }
            _ => {}
        }
        self.tasks.push(Task::IterationEnd)?;
        Ok(Some(body))
    }

    /// Drops the loops whose condition is being tested: a `break` or `continue` there is of the loop around them.
    fn leave_conditions(&mut self) -> Result<(), Stop> {
        while self.loops.last_mut()?.testing {
            self.loops.pop()?;
        }
        Ok(())
    }

    /// Drops whatever the innermost loop's iteration left pending, and releases what it made.
    fn unwind(&mut self) -> Result<(), Stop> {
        let &mut Loop { stmt, tasks, values, mark, .. } = self.loops.last_mut()?;
        self.tasks.truncate(tasks);
        self.values.truncate(values);
        match self.hir.stmts[stmt.0 as usize].kind {
            StmtKind::While { releases: true, .. }
            | StmtKind::For { releases: true, .. }
            | StmtKind::ForEach { releases: true, .. } => self.heap.release(mark),
            _ => {}
        }
        Ok(())
    }

    /// Ends an iteration of the innermost loop, at its body's end or by `continue`.
    pub fn next_iteration(&mut self) -> Flow {
        self.unwind()?;
        let innermost = self.loops.last_mut()?;
        let Loop { stmt, at, end, .. } = *innermost;
        match self.hir.stmts[stmt.0 as usize].kind {
            // There may be no number behind the last one.
            StmtKind::For { inclusive: true, .. } if at == end => {
                self.loops.pop()?;
                Ok(None)
            }
            StmtKind::For { .. } | StmtKind::ForEach { .. } => {
                innermost.at = at.wrapping_add(1);
                self.head()
            }
            _ => self.head(),
        }
    }
}
