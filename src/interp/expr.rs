//! Expressions.

use super::heap::Fault;
use super::machine::{Flow, Machine, Stop, Task, Val};
use crate::host::{HostError, HostFn};
use crate::ir::eval::{canonical, eval, eval_math, powi};
use crate::ir::op::{ArrayOp, Op};
use crate::sema::hir::{ExprId, ExprKind, HostId, List, Step, StepKind};
use crate::span::Span;
use crate::trap::{HostFailure, TrapKind};
use crate::types::{Elem, Type};
use crate::value::Value;

fn at(span: Span) -> impl Fn(TrapKind) -> Stop {
    move |kind| Stop::Trap(kind, span)
}

fn fault(span: Span) -> impl Fn(Fault) -> Stop {
    move |fault| match fault {
        Fault::Trap(kind) => Stop::Trap(kind, span),
        Fault::NoSuchArray => Stop::Inconsistent,
    }
}

/// A value as an element can hold it.
pub fn narrow(elem: Elem, word: u64, span: Span) -> Result<u64, Stop> {
    match elem {
        Elem::I32 => eval(Op::INarrowI32, &[word]).map_err(at(span)),
        Elem::U8 => eval(Op::INarrowU8, &[word]).map_err(at(span)),
        Elem::F64 | Elem::F32 | Elem::I64 | Elem::Bool => Ok(word),
    }
}

fn item(list: List, i: u32) -> Option<usize> {
    (i < list.len).then(|| list.start as usize + i as usize)
}

impl Machine<'_> {
    /// The value of an expression that is one without any doing.
    #[inline]
    pub fn leaf(&self, id: ExprId) -> Option<Val> {
        match self.hir.exprs[id.0 as usize].kind {
            ExprKind::F64(x) => Some(Val::f64(canonical(x))),
            ExprKind::I64(n) => Some(Val::i64(n)),
            ExprKind::Bool(b) => Some(Val::bool(b)),
            ExprKind::Unit => Some(Val::UNIT),
            ExprKind::Local(local) => Some(self.local(local)),
            _ => None,
        }
    }

    /// Begins an expression; once it is done, its value is on top.
    pub fn expr(&mut self, id: ExprId) -> Flow {
        match self.hir.exprs[id.0 as usize].kind {
            ExprKind::F64(_) | ExprKind::I64(_) | ExprKind::Bool(_) | ExprKind::Unit | ExprKind::Local(_) => {
                let val = self.leaf(id).ok_or(Stop::Inconsistent)?;
                self.push(val)?;
                Ok(None)
            }
            ExprKind::Op(..)
            | ExprKind::Math(..)
            | ExprKind::Powi(..)
            | ExprKind::Call(..)
            | ExprKind::HostCall(..)
            | ExprKind::Index(..)
            | ExprKind::Slice(..)
            | ExprKind::Len(_)
            | ExprKind::ArrayOp(..) => self.operands(id, 0),
            ExprKind::Chain(first, steps) => match self.leaf(first) {
                Some(val) => {
                    self.push(val)?;
                    self.steps(steps.start, steps.start + steps.len)
                }
                None => {
                    self.tasks.push(Task::Operands(id, 1))?;
                    Ok(Some(first))
                }
            },
            ExprKind::Compare(first, _) => match self.leaf(first) {
                Some(val) => {
                    self.push(val)?;
                    self.next_link(id, 0)
                }
                None => {
                    self.tasks.push(Task::Operands(id, 1))?;
                    Ok(Some(first))
                }
            },
            ExprKind::And(list) => self.operand_of(list, 0, Task::And(id, 0), true),
            ExprKind::Or(list) => self.operand_of(list, 0, Task::Or(id, 0), false),
            ExprKind::If(arms, otherwise) => self.try_arm(id, arms, otherwise, 0),
            ExprKind::Block(..) => self.block(id, 0),
            ExprKind::ArrayLit(elem, list) => {
                let span = self.hir.exprs[id.0 as usize].span;
                let array = self.heap.zeroed(elem, u64::from(list.len)).map_err(at(span))?;
                self.push(array)?;
                self.elements(id, elem, list, 0)
            }
            ExprKind::ArrayFill(_, value, _) => {
                self.tasks.push(Task::FillValue(id))?;
                Ok(Some(value))
            }
        }
    }

    /// Operand `n` of an expression all of whose operands are evaluated before anything is done.
    #[inline]
    fn operand(&self, kind: ExprKind, n: u32) -> Option<ExprId> {
        match kind {
            ExprKind::Op(_, list)
            | ExprKind::Math(_, list)
            | ExprKind::Call(_, list)
            | ExprKind::HostCall(_, list)
            | ExprKind::ArrayOp(_, _, list) => item(list, n).map(|i| self.hir.expr_lists[i]),
            ExprKind::Powi(operand, _) | ExprKind::Len(operand) => (n == 0).then_some(operand),
            ExprKind::Index(array, index) => [array, index].get(n as usize).copied(),
            ExprKind::Slice(array, lo, hi) => match n {
                0 => Some(array),
                1 => lo.or(hi),
                2 => lo.and(hi),
                _ => None,
            },
            _ => None,
        }
    }

    /// So many operands are on the value stack: the others, then what is to be done with them.
    pub fn operands(&mut self, id: ExprId, count: u32) -> Flow {
        let kind = self.hir.exprs[id.0 as usize].kind;
        let mut count = count;
        while let Some(operand) = self.operand(kind, count) {
            count += 1;
            match self.leaf(operand) {
                Some(val) => self.push(val)?,
                None => {
                    self.tasks.push(Task::Operands(id, count))?;
                    return Ok(Some(operand));
                }
            }
        }
        self.apply(id, kind)
    }

    fn apply(&mut self, id: ExprId, kind: ExprKind) -> Flow {
        let span = self.hir.exprs[id.0 as usize].span;
        let result = match kind {
            ExprKind::Op(op, list) => Val::word(self.scalar_op(op, list.len, span)?),
            ExprKind::Math(math, list) => {
                let y = if list.len > 1 { f64::from_bits(self.values.pop()?.word) } else { 0.0 };
                let x = f64::from_bits(self.values.pop()?.word);
                Val::f64(if list.len > 1 { eval_math(math, &[x, y]) } else { eval_math(math, &[x]) })
            }
            ExprKind::Powi(_, n) => Val::f64(powi(f64::from_bits(self.values.pop()?.word), n)),
            ExprKind::Call(func, list) => return self.call(func, list.len, span),
            ExprKind::HostCall(host, list) => self.host_call(host, list, span)?,
            ExprKind::Index(..) => {
                let index = self.values.pop()?.word;
                let array = self.values.pop()?;
                self.check_index(index, array.len, span)?;
                Val::word(self.heap.load(array, index).ok_or(Stop::Inconsistent)?)
            }
            ExprKind::Slice(_, lo, hi) => self.slice(lo.is_some(), hi.is_some(), span)?,
            ExprKind::Len(_) => Val::word(self.values.pop()?.len),
            ExprKind::ArrayOp(op, elem, list) => self.array_op(op, elem, list, span)?,
            // Only the first operand is evaluated before these go on in their own way.
            ExprKind::Chain(_, steps) => return self.steps(steps.start, steps.start + steps.len),
            ExprKind::Compare(..) => return self.next_link(id, 0),
            _ => return Err(Stop::Inconsistent),
        };
        self.push(result)?;
        Ok(None)
    }

    fn scalar_op(&mut self, op: Op, arity: u32, span: Span) -> Result<u64, Stop> {
        let last = self.values.pop()?.word;
        let word = match arity {
            1 => eval(op, &[last]),
            2 => {
                let first = self.values.pop()?.word;
                eval(op, &[first, last])
            }
            3 => {
                let second = self.values.pop()?.word;
                let first = self.values.pop()?.word;
                eval(op, &[first, second, last])
            }
            _ => return Err(Stop::Inconsistent),
        };
        word.map_err(at(span))
    }

    /// Applies the steps `next..end` to the value on top.
    pub fn steps(&mut self, next: u32, end: u32) -> Flow {
        for i in next..end {
            let arg = match self.hir.steps[i as usize].arg {
                None => None,
                Some(arg) => match self.leaf(arg) {
                    None => {
                        self.tasks.push(Task::Step { next: i, end })?;
                        return Ok(Some(arg));
                    }
                    val => val,
                },
            };
            self.step(i, arg)?;
        }
        Ok(None)
    }

    /// Applies one step to the value on top.
    #[inline]
    pub fn step(&mut self, step: u32, arg: Option<Val>) -> Result<(), Stop> {
        let Step { kind, span, .. } = self.hir.steps[step as usize];
        let acc = self.values.last_mut()?;
        let left = acc.word;
        acc.word = match (kind, arg) {
            (StepKind::Op(op), Some(arg)) => eval(op, &[left, arg.word]).map_err(at(span))?,
            (StepKind::Op(op), None) => eval(op, &[left]).map_err(at(span))?,
            (StepKind::Math(math), Some(arg)) => {
                eval_math(math, &[f64::from_bits(left), f64::from_bits(arg.word)]).to_bits()
            }
            (StepKind::Math(math), None) => eval_math(math, &[f64::from_bits(left)]).to_bits(),
            (StepKind::Powi(n), _) => powi(f64::from_bits(left), n).to_bits(),
        };
        Ok(())
    }

    /// A comparison's left value is on top: goes on with this link.
    fn next_link(&mut self, id: ExprId, link: u32) -> Flow {
        let ExprKind::Compare(_, links) = self.hir.exprs[id.0 as usize].kind else { return Err(Stop::Inconsistent) };
        let Some(i) = item(links, link) else { return Err(Stop::Inconsistent) };
        let operand = self.hir.links[i].operand;
        match self.leaf(operand) {
            Some(val) => {
                self.push(val)?;
                self.link(id, link)
            }
            None => {
                self.tasks.push(Task::Link(id, link))?;
                Ok(Some(operand))
            }
        }
    }

    /// Compares the two values on top.
    pub fn link(&mut self, id: ExprId, link: u32) -> Flow {
        let expr = self.hir.exprs[id.0 as usize];
        let ExprKind::Compare(_, links) = expr.kind else { return Err(Stop::Inconsistent) };
        let mut link = link;
        loop {
            let Some(i) = item(links, link) else { return Err(Stop::Inconsistent) };
            let step = self.hir.links[i];
            let right = self.values.pop()?;
            let left = self.values.pop()?;
            let promoted = |val: Val, convert: bool| {
                if convert { eval(Op::IToF, &[val.word]).map_err(at(expr.span)) } else { Ok(val.word) }
            };
            let (l, r) = (promoted(left, step.convert_left)?, promoted(right, step.convert_right)?);
            let pair = if step.swapped { [r, l] } else { [l, r] };
            let holds = eval(step.op, &pair).map_err(at(expr.span))? != 0;
            link += 1;
            let Some(next) = item(links, link).filter(|_| holds) else {
                self.push(Val::bool(holds))?;
                return Ok(None);
            };
            self.push(right)?;
            let operand = self.hir.links[next].operand;
            match self.leaf(operand) {
                Some(val) => self.push(val)?,
                None => {
                    self.tasks.push(Task::Link(id, link))?;
                    return Ok(Some(operand));
                }
            }
        }
    }

    /// Goes on with an operand of `and` or `or`, or is done with what it is if none has decided.
    fn operand_of(&mut self, list: List, i: u32, task: Task, undecided: bool) -> Flow {
        match item(list, i) {
            Some(i) => {
                self.tasks.push(task)?;
                Ok(Some(self.hir.expr_lists[i]))
            }
            None => {
                self.push(Val::bool(undecided))?;
                Ok(None)
            }
        }
    }

    pub fn and(&mut self, id: ExprId, i: u32) -> Flow {
        let ExprKind::And(list) = self.hir.exprs[id.0 as usize].kind else { return Err(Stop::Inconsistent) };
        if self.values.pop()?.word == 0 {
            self.push(Val::bool(false))?;
            return Ok(None);
        }
        self.operand_of(list, i + 1, Task::And(id, i + 1), true)
    }

    pub fn or(&mut self, id: ExprId, i: u32) -> Flow {
        let ExprKind::Or(list) = self.hir.exprs[id.0 as usize].kind else { return Err(Stop::Inconsistent) };
        if self.values.pop()?.word != 0 {
            self.push(Val::bool(true))?;
            return Ok(None);
        }
        self.operand_of(list, i + 1, Task::Or(id, i + 1), false)
    }

    fn try_arm(&mut self, id: ExprId, arms: List, otherwise: Option<ExprId>, i: u32) -> Flow {
        match (item(arms, i), otherwise) {
            (Some(arm), _) => {
                self.tasks.push(Task::Arm(id, i))?;
                Ok(Some(self.hir.arms[arm].0))
            }
            (None, Some(otherwise)) => Ok(Some(otherwise)),
            (None, None) => {
                self.push(Val::UNIT)?;
                Ok(None)
            }
        }
    }

    pub fn arm(&mut self, id: ExprId, i: u32) -> Flow {
        let ExprKind::If(arms, otherwise) = self.hir.exprs[id.0 as usize].kind else { return Err(Stop::Inconsistent) };
        if self.values.pop()?.word == 0 {
            return self.try_arm(id, arms, otherwise, i + 1);
        }
        item(arms, i).map(|i| Some(self.hir.arms[i].1)).ok_or(Stop::Inconsistent)
    }

    /// Stores the elements of a literal from `i` on; its array is on top.
    fn elements(&mut self, id: ExprId, elem: Elem, list: List, i: u32) -> Flow {
        for i in i..list.len {
            let element = self.hir.expr_lists[list.start as usize + i as usize];
            match self.leaf(element) {
                Some(val) => self.store_element(elem, element, i, val)?,
                None => {
                    self.tasks.push(Task::Element(id, i))?;
                    return Ok(Some(element));
                }
            }
        }
        Ok(None)
    }

    fn store_element(&mut self, elem: Elem, element: ExprId, i: u32, val: Val) -> Result<(), Stop> {
        let span = self.hir.exprs[element.0 as usize].span;
        let word = narrow(elem, val.word, span)?;
        let array = *self.values.last_mut()?;
        self.heap.store(array, u64::from(i), word).ok_or(Stop::Inconsistent)
    }

    pub fn element(&mut self, id: ExprId, i: u32) -> Flow {
        let ExprKind::ArrayLit(elem, list) = self.hir.exprs[id.0 as usize].kind else {
            return Err(Stop::Inconsistent);
        };
        let val = self.values.pop()?;
        let element = self.hir.expr_lists[list.start as usize + i as usize];
        self.store_element(elem, element, i, val)?;
        self.elements(id, elem, list, i + 1)
    }

    pub fn fill_value(&mut self, id: ExprId) -> Flow {
        let ExprKind::ArrayFill(elem, value, count) = self.hir.exprs[id.0 as usize].kind else {
            return Err(Stop::Inconsistent);
        };
        let span = self.hir.exprs[value.0 as usize].span;
        let val = self.values.last_mut()?;
        val.word = narrow(elem, val.word, span)?;
        self.tasks.push(Task::FillCount(id))?;
        Ok(Some(count))
    }

    pub fn fill_count(&mut self, id: ExprId) -> Flow {
        let expr = self.hir.exprs[id.0 as usize];
        let ExprKind::ArrayFill(elem, ..) = expr.kind else { return Err(Stop::Inconsistent) };
        let count = self.values.pop()?.word as i64;
        let value = self.values.pop()?.word;
        let Ok(len) = u64::try_from(count) else { return Err(Stop::Trap(TrapKind::BadArgument, expr.span)) };
        let array = self.heap.filled(elem, len, value, &mut self.fuel).map_err(at(expr.span))?;
        self.push(array)?;
        Ok(None)
    }

    /// A view; its array and the bounds that it states are on the value stack.
    fn slice(&mut self, has_lo: bool, has_hi: bool, span: Span) -> Result<Val, Stop> {
        let hi = if has_hi { Some(self.values.pop()?.word) } else { None };
        let lo = if has_lo { self.values.pop()?.word } else { 0 };
        let array = self.values.pop()?;
        let hi = hi.unwrap_or(array.len);
        // Negative numbers are above every length here.
        if lo > array.len {
            return Err(self.out_of_bounds(lo, array.len, span));
        }
        if hi < lo || hi > array.len {
            return Err(self.out_of_bounds(hi, array.len, span));
        }
        Ok(Val::array(array.buffer, array.word + lo, hi - lo))
    }

    fn array_op(&mut self, op: ArrayOp, elem: Elem, list: List, span: Span) -> Result<Val, Stop> {
        match op {
            ArrayOp::Fill => {
                let value = self.values.pop()?.word;
                let array = self.values.pop()?;
                let value_span = match list.range().next_back() {
                    Some(i) => self.hir.exprs[self.hir.expr_lists[i].0 as usize].span,
                    None => span,
                };
                let value = narrow(elem, value, value_span)?;
                self.heap.fill(array, value, &mut self.fuel).map_err(fault(span))?;
                Ok(Val::UNIT)
            }
            ArrayOp::Copy => {
                let from = self.values.pop()?;
                let to = self.values.pop()?;
                self.heap.copy(to, from, &mut self.fuel).map_err(fault(span))?;
                Ok(Val::UNIT)
            }
            _ => {
                let second = if op == ArrayOp::Dot { Some(self.values.pop()?) } else { None };
                let array = self.values.pop()?;
                self.heap.reduce(op, elem, array, second, &mut self.fuel).map(Val::word).map_err(fault(span))
            }
        }
    }

    fn host_call(&mut self, host: HostId, list: List, span: Span) -> Result<Val, Stop> {
        let hosts = self.hosts;
        let host: &HostFn = hosts.get(host.0 as usize).ok_or(Stop::Inconsistent)?;
        self.host_args.clear();
        self.host_args.try_reserve(list.len as usize).map_err(|_| Stop::NoMemory)?;
        let base = self.values.height().checked_sub(list.len).ok_or(Stop::Inconsistent)?;
        for (&id, val) in self.hir.expr_lists[list.range()].iter().zip(self.values.above(base)) {
            self.host_args.push(match self.hir.exprs[id.0 as usize].ty {
                Type::F64 => Value::F64(f64::from_bits(val.word)),
                Type::I64 => Value::I64(val.word as i64),
                Type::Bool => Value::Bool(val.word != 0),
                Type::Unit | Type::Array(_) => return Err(Stop::Inconsistent),
            });
        }
        self.values.truncate(base);
        let args = &self.host_args;
        let outcome = self.fp.in_host(|| host.invoke(args));
        self.fuel.budget.notice_cancel(&mut self.fuel.slice);
        match outcome {
            Ok(Value::F64(x)) => Ok(Val::f64(canonical(x))),
            Ok(Value::I64(n)) => Ok(Val::i64(n)),
            Ok(Value::Bool(b)) => Ok(Val::bool(b)),
            Ok(Value::Unit) => Ok(Val::UNIT),
            Ok(Value::Array(_)) => Err(Stop::Inconsistent),
            Err(error) => {
                let kind = error.kind();
                self.host_failure = match error {
                    HostError::BadArgument => None,
                    HostError::Failed(message) => Some(HostFailure { message, panic: None }),
                    HostError::Panicked(failure) => Some(failure),
                };
                Err(Stop::Trap(kind, span))
            }
        }
    }
}
