//! The machine: stacks of values, pending tasks, frames and loops, and how control moves between them.
//!
//! An expression's evaluation leaves exactly one [`Val`] on the value stack, `()` included. What is to happen once an operand is there waits as a
//! [`Task`]. A frame's variables lie on the value stack too, its arguments being the first of them, so a call copies nothing.

use super::heap::{Buffer, Fuel, Heap, Mark};
use super::{InterpError, Run};
use crate::budget::{Budget, PollAt};
use crate::host::HostFn;
use crate::runtime::fpenv::FpEnv;
use crate::sema::hir::{ExprId, FuncId, Hir, LocalId, StmtId};
use crate::span::Span;
use crate::trap::{self, HostFailure, KEPT_FRAMES, Trap, TrapKind};
use crate::types::Type;
use crate::value::Value;

/// A scalar as a 64-bit word (an `f64` by its bits, a `bool` as 0 or 1), or an array: `word` is its first element's place in its buffer.
#[derive(Clone, Copy, Debug)]
pub struct Val {
    pub word: u64,
    pub len: u64,
    pub buffer: u32,
}

impl Val {
    pub const UNIT: Val = Val::word(0);

    #[inline]
    pub const fn word(word: u64) -> Val {
        Val { word, len: 0, buffer: 0 }
    }

    #[inline]
    pub fn f64(x: f64) -> Val {
        Val::word(x.to_bits())
    }

    #[inline]
    pub fn i64(n: i64) -> Val {
        Val::word(n as u64)
    }

    #[inline]
    pub fn bool(b: bool) -> Val {
        Val::word(u64::from(b))
    }

    pub fn array(buffer: u32, start: u64, len: u64) -> Val {
        Val { word: start, len, buffer }
    }
}

/// Why the machine stopped early. The index of an `OutOfBounds` and a host's failure are kept beside.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    Trap(TrapKind, Span),
    NoMemory,
    Inconsistent,
}

/// What to do when the task stack is next looked at.
#[derive(Clone, Copy, Debug)]
pub enum Task {
    /// So many operands of an expression are on the value stack.
    Operands(ExprId, u32),
    /// A chain's value so far and the operand of step `next` are there; steps go up to `end`.
    Step { next: u32, end: u32 },
    /// The left value and the operand of this link of a comparison are there.
    Link(ExprId, u32),
    /// This operand of an `and` is there.
    And(ExprId, u32),
    /// This operand of an `or` is there.
    Or(ExprId, u32),
    /// The condition of this arm of an `if` is there.
    Arm(ExprId, u32),
    /// The value of an array literal's element is there, the array below.
    Element(ExprId, u32),
    /// The value of `[value; count]` is there, not narrowed yet.
    FillValue(ExprId),
    /// Its count, too.
    FillCount(ExprId),
    /// A block goes on with this statement.
    Block(ExprId, u32),
    /// Throws a value away.
    Discard,
    /// Gives a variable its value.
    Set(LocalId),
    /// So many operands of a store or an update are there.
    Place(StmtId, u32),
    /// The array, the index and the new value of an update are there.
    Update(StmtId),
    /// The bounds of a range, or the array, of a `for` are there.
    Source(StmtId, u32),
    /// The condition of the innermost loop is there.
    Condition,
    /// The body of the innermost loop came to its end.
    IterationEnd,
    /// The function's result is there.
    Return,
}

/// The expression to go on with, if not the next task.
pub type Flow = Result<Option<ExprId>, Stop>;

/// A function under way.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    func: FuncId,
    call: Span,
    /// Where its variables begin on the value stack.
    base: u32,
    tasks: u32,
    loops: u32,
    mark: Mark,
}

/// A loop under way.
#[derive(Clone, Copy, Debug)]
pub struct Loop {
    pub stmt: StmtId,
    pub tasks: u32,
    pub values: u32,
    pub mark: Mark,
    /// Of a `for`: this iteration's number, or the element's index.
    pub at: i64,
    /// Of a range: its upper bound.
    pub end: i64,
    /// Of a `for` over an array.
    pub array: Val,
    /// Of a `while`: its condition is under way.
    pub testing: bool,
}

/// A stack that reports when it cannot grow.
#[derive(Debug)]
pub struct Stack<T>(Vec<T>);

/// The bytes that one of the machine's stacks may take: a bound for what a hostile program can make of its depth.
const STACK_BYTES: usize = 1 << 30;

impl<T: Copy> Stack<T> {
    fn new() -> Stack<T> {
        Stack(Vec::new())
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) -> Result<(), Stop> {
        let (len, most) = (self.0.len(), STACK_BYTES / size_of::<T>());
        let wanted = len.checked_add(more).filter(|wanted| *wanted <= most).ok_or(Stop::NoMemory)?;
        let wanted = wanted.max(len * 2).clamp(32, most);
        self.0.try_reserve_exact(wanted - len).map_err(|_| Stop::NoMemory)
    }

    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), Stop> {
        if self.0.len() == self.0.capacity() {
            self.grow(1)?;
        }
        self.0.push(item);
        Ok(())
    }

    fn push_many(&mut self, item: T, count: usize) -> Result<(), Stop> {
        if self.0.capacity() - self.0.len() < count {
            self.grow(count)?;
        }
        self.0.resize(self.0.len() + count, item);
        Ok(())
    }

    #[inline]
    pub fn pop(&mut self) -> Result<T, Stop> {
        self.0.pop().ok_or(Stop::Inconsistent)
    }

    #[inline]
    pub fn last_mut(&mut self) -> Result<&mut T, Stop> {
        self.0.last_mut().ok_or(Stop::Inconsistent)
    }

    /// How high it is; [`STACK_BYTES`] keeps it below 2^32.
    #[inline]
    pub fn height(&self) -> u32 {
        self.0.len() as u32
    }

    /// What lies from `height` up.
    pub fn above(&self, height: u32) -> &[T] {
        self.0.get(height as usize..).unwrap_or(&[])
    }

    #[inline]
    pub fn truncate(&mut self, height: u32) {
        self.0.truncate(height as usize);
    }
}

/// The state of one run.
pub struct Machine<'r> {
    pub hir: &'r Hir,
    pub hosts: &'r [HostFn],
    pub fp: &'r FpEnv,
    pub values: Stack<Val>,
    pub tasks: Stack<Task>,
    pub loops: Stack<Loop>,
    pub heap: Heap<'r>,
    pub fuel: Fuel<'r>,
    /// Arguments of a host call, kept for their room.
    pub host_args: Vec<Value>,
    pub host_failure: Option<HostFailure>,
    pub bounds: Option<(i64, i64)>,
    frames: Stack<Frame>,
    /// Where the innermost frame's variables begin.
    base: usize,
    depth_left: i64,
}

impl<'r> Machine<'r> {
    pub fn new(run: &Run<'r>) -> Machine<'r> {
        let (budget, slice) = Budget::start(run.limits, run.cancel);
        Machine {
            hir: run.hir,
            hosts: run.hosts,
            fp: run.fp,
            values: Stack::new(),
            tasks: Stack::new(),
            loops: Stack::new(),
            heap: Heap::new(run.limits.memory),
            fuel: Fuel { budget, slice },
            host_args: Vec::new(),
            host_failure: None,
            bounds: None,
            frames: Stack::new(),
            base: 0,
            depth_left: i64::from(run.limits.depth),
        }
    }

    /// A host's array as a value.
    pub fn adopt(&mut self, buffer: Buffer<'r>) -> Result<Val, Stop> {
        self.heap.adopt(buffer).ok_or(Stop::NoMemory)
    }

    #[inline]
    pub fn push(&mut self, val: Val) -> Result<(), Stop> {
        self.values.push(val)
    }

    /// Runs a function whose arguments are the whole value stack.
    pub fn run(&mut self, func: FuncId) -> Result<Val, Stop> {
        let mut next = Some(self.enter(func, 0, Span::default())?);
        loop {
            next = match next {
                Some(expr) => self.expr(expr)?,
                None => match self.tasks.0.pop() {
                    Some(task) => self.task(task)?,
                    None => break,
                },
            };
        }
        self.values.pop()
    }

    /// A frame for a function whose arguments lie on the value stack from `base` on. Gives its body.
    fn enter(&mut self, func: FuncId, base: u32, call: Span) -> Result<ExprId, Stop> {
        let callee = &self.hir.funcs[func.0 as usize];
        let args = (self.values.height() - base) as usize;
        let rest = callee.locals.len().checked_sub(args).ok_or(Stop::Inconsistent)?;
        let (tasks, loops, mark) = (self.tasks.height(), self.loops.height(), self.heap.mark());
        self.frames.push(Frame { func, call, base, tasks, loops, mark })?;
        self.tasks.push(Task::Return)?;
        self.values.push_many(Val::UNIT, rest)?;
        self.base = base as usize;
        Ok(callee.body)
    }

    /// Calls a function of the program; its arguments are on the value stack.
    pub fn call(&mut self, func: FuncId, args: u32, span: Span) -> Flow {
        self.fuel.slice -= 1;
        if self.fuel.slice < 0 {
            let at = PollAt::Call { depth_left: self.depth_left };
            self.fuel.budget.poll(&mut self.fuel.slice, at).map_err(|kind| Stop::Trap(kind, span))?;
        }
        if self.depth_left <= 0 {
            return Err(Stop::Trap(TrapKind::StackOverflow, span));
        }
        let base = self.values.height().checked_sub(args).ok_or(Stop::Inconsistent)?;
        let body = self.enter(func, base, span)?;
        self.depth_left -= 1;
        Ok(Some(body))
    }

    /// Leaves the innermost function with the value on top.
    pub fn leave(&mut self) -> Flow {
        let result = self.values.pop()?;
        let frame = self.frames.pop()?;
        self.values.truncate(frame.base);
        self.tasks.truncate(frame.tasks);
        self.loops.truncate(frame.loops);
        if self.hir.funcs[frame.func.0 as usize].releases {
            self.heap.release(frame.mark);
        }
        if let Some(caller) = self.frames.0.last() {
            self.base = caller.base as usize;
            self.depth_left += 1;
        }
        self.push(result)?;
        Ok(None)
    }

    #[inline]
    pub fn local(&self, local: LocalId) -> Val {
        // A frame has room for all variables of its function.
        self.values.0[self.base + local.0 as usize]
    }

    #[inline]
    pub fn set_local(&mut self, local: LocalId, val: Val) {
        self.values.0[self.base + local.0 as usize] = val;
    }

    /// `Ok` if the index is inside; else the trap.
    #[inline]
    pub fn check_index(&mut self, index: u64, len: u64, span: Span) -> Result<(), Stop> {
        if index < len { Ok(()) } else { Err(self.out_of_bounds(index, len, span)) }
    }

    #[cold]
    pub fn out_of_bounds(&mut self, index: u64, len: u64, span: Span) -> Stop {
        self.bounds = Some((index as i64, len as i64));
        Stop::Trap(TrapKind::OutOfBounds, span)
    }

    fn task(&mut self, task: Task) -> Flow {
        match task {
            Task::Operands(expr, count) => self.operands(expr, count),
            Task::Step { next, end } => {
                let arg = self.values.pop()?;
                self.step(next, Some(arg))?;
                self.steps(next + 1, end)
            }
            Task::Link(expr, link) => self.link(expr, link),
            Task::And(expr, at) => self.and(expr, at),
            Task::Or(expr, at) => self.or(expr, at),
            Task::Arm(expr, at) => self.arm(expr, at),
            Task::Element(expr, at) => self.element(expr, at),
            Task::FillValue(expr) => self.fill_value(expr),
            Task::FillCount(expr) => self.fill_count(expr),
            Task::Block(expr, at) => self.block(expr, at),
            Task::Discard => {
                self.values.pop()?;
                Ok(None)
            }
            Task::Set(local) => {
                let val = self.values.pop()?;
                self.set_local(local, val);
                Ok(None)
            }
            Task::Place(stmt, count) => self.place(stmt, count),
            Task::Update(stmt) => self.update(stmt),
            Task::Source(stmt, count) => self.source(stmt, count),
            Task::Condition => self.condition(),
            Task::IterationEnd => self.next_iteration(),
            Task::Return => self.leave(),
        }
    }

    /// What is left of the fuel.
    pub fn fuel_left(&self) -> Option<u64> {
        self.fuel.budget.fuel_left(self.fuel.slice)
    }

    /// The function's result for the host.
    pub fn result(&mut self, val: Val, ty: Type) -> Result<Value, Stop> {
        Ok(match ty {
            Type::Unit => Value::Unit,
            Type::F64 => Value::F64(f64::from_bits(val.word)),
            Type::I64 => Value::I64(val.word as i64),
            Type::Bool => Value::Bool(val.word != 0),
            Type::Array(elem) => Value::Array(self.heap.take(val, elem).ok_or(Stop::NoMemory)?),
        })
    }

    /// The error that the host sees, with all that is known about a trap.
    pub fn error(&mut self, stop: Stop) -> InterpError {
        let Stop::Trap(kind, span) = stop else { return stop.into() };
        let mut trap = Trap::new(kind, span);
        trap.bounds = self.bounds.take();
        trap.host = self.host_failure.take();
        trap.fuel_left = self.fuel_left();
        // The first frame is the host's own call.
        let calls = self.frames.0.get(1..).unwrap_or(&[]);
        let kept = calls.len().min(2 * KEPT_FRAMES);
        let outermost = kept / 2;
        let left_out = calls.len() - kept;
        let innermost_first = calls.iter().rev();
        let innermost = innermost_first.clone().take(kept - outermost);
        trap.stack =
            innermost.chain(innermost_first.skip(kept - outermost + left_out)).map(|f| self.frame(f)).collect();
        trap.frames_left_out = left_out as u64;
        InterpError::Trap(Box::new(trap))
    }

    fn frame(&self, frame: &Frame) -> trap::Frame {
        trap::Frame { function: self.hir.funcs[frame.func.0 as usize].name.as_str().into(), call: frame.call }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_without_end_is_refused() {
        let mut stack = Stack::<u64>::new();
        let most = STACK_BYTES / 8;
        assert!(matches!(stack.push_many(0, most + 1), Err(Stop::NoMemory)));
        assert!(matches!(stack.push_many(0, usize::MAX), Err(Stop::NoMemory)));
        stack.push(7).unwrap();
        assert!(matches!(stack.grow(most), Err(Stop::NoMemory)));
        assert!(stack.grow(most - 1).is_ok());
        assert_eq!((stack.height(), stack.0.capacity()), (1, most));
        assert!(matches!(InterpError::from(Stop::NoMemory), InterpError::NoMemory));
    }
}
