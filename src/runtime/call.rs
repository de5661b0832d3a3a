//! One run of machine code: what it may use, and what became of it.

use super::context::Context;
use super::enter::enter;
use super::fpenv::FpEnv;
use super::program::Program;
use super::signals::{Fault, running, take_fault};
use crate::budget::{Budget, PollAt};
use crate::codegen::blob::SiteKind;
use crate::host::HostFn;
use crate::limits::{CancelHandle, Limits};
use crate::memory::{Arena, MemoryError, StackPool};
use crate::sema::hir::FuncId;
use crate::span::Span;
use crate::trap::{Frame, HostFailure, KEPT_FRAMES, Trap, TrapKind};
use std::ptr;

/// Stack that runtime functions called from generated code may use, below the code's own frames.
const HEADROOM: usize = 256 << 10;
/// Stack that generated code may use of the host's.
const HOST_STACK: usize = 16 << 10;

/// Bytes left free at the top of a mapped stack: on AArch64 a large frame's first probe reads at the stack pointer that it was entered with, and what
/// lies at the very top is the guard.
const STACK_MARGIN: usize = 16;

/// The runtime's own record of one run, behind `Context::activation`.
pub(super) struct Activation<'a> {
    pub program: &'a Program,
    pub hosts: &'a [HostFn],
    pub budget: Budget<'a>,
    pub arena: &'a mut Arena,
    pub fp: &'a FpEnv,
    pub depth_limit: u32,
    pub host_failure: Option<HostFailure>,
    pub trap: Option<Trap>,
}

/// What a host gives to a run.
pub struct Host<'a> {
    /// What it may use.
    pub limits: &'a Limits,
    /// How it is cancelled, if it can be.
    pub cancel: Option<&'a CancelHandle>,
    /// Where its arrays lie; they stay until the next reset.
    pub arena: &'a mut Arena,
    /// Receives what is left of the fuel, where it is limited.
    pub fuel_left: &'a mut Option<u64>,
    /// The host's functions.
    pub functions: &'a [HostFn],
    /// Where stacks come from.
    pub stacks: &'a StackPool,
    /// Whether faults in mapped files are caught.
    pub catch_faults: bool,
}

/// A run of one function.
pub(super) struct Run<'a> {
    pub program: &'a Program,
    pub func: FuncId,
    pub host: Host<'a>,
}

/// Why a run gave no result.
#[derive(Debug)]
pub enum RunError {
    /// The program trapped.
    Trap(Box<Trap>),
    /// So many nested calls as are allowed might take more stack than is allowed.
    Stack {
        /// Bytes that they might take.
        need: usize,
    },
    /// There was no memory for its stack.
    Memory(MemoryError),
    /// It has no such function.
    NoFunction,
}

impl Run<'_> {
    /// Runs it with these arguments: 64-bit words, arrays as address and length.
    ///
    /// # Safety
    /// `args` are what the function's signature asks for, and the arrays among them stay valid, the mutable ones not otherwise used, while it runs.
    pub(super) unsafe fn execute(&mut self, args: &[u64]) -> Result<[u64; 2], RunError> {
        let thunk = self.program.thunk(self.func).ok_or(RunError::NoFunction)?;
        let stack_need = self.program.stack_need(self.host.limits.depth);
        let stack = match stack_need {
            0..=HOST_STACK => None,
            need if need > self.host.limits.stack => return Err(RunError::Stack { need }),
            _ => Some(self.host.stacks.take(stack_need.saturating_add(HEADROOM)).map_err(RunError::Memory)?),
        };
        let fp = FpEnv::canonical();
        let (budget, fuel_slice) = Budget::start(self.host.limits, self.host.cancel);
        let arena_used = self.host.arena.used() as u64;
        let mut activation = Activation {
            program: self.program,
            hosts: self.host.functions,
            budget,
            arena: &mut *self.host.arena,
            fp: &fp,
            depth_limit: self.host.limits.depth,
            host_failure: None,
            trap: None,
        };
        let mut context = Context {
            fuel_slice,
            depth_left: i64::from(self.host.limits.depth),
            arena_top: arena_used,
            trap_index: 0,
            trap_len: 0,
            trap_kind: 0,
            result: 0,
            entry_sp: 0,
            host_sp: 0,
            stack_top: stack.as_ref().map_or(0, |stack| (stack.top() - STACK_MARGIN) as u64),
            helper_sp: 0,
            helper_ret: 0,
            activation: (&raw mut activation).cast(),
        };
        running(&raw mut context, self.program.code_range().start);
        let mut words = [0_u64; 2];
        // SAFETY: (R1) the thunk is that of sealed code of this program, made for this machine; the context is set up and outlives the run, as does the
        // activation, to which nothing else refers meanwhile; the caller vouches for the arguments; a thunk writes at most two results.
        // Defended by tests/engines.rs.
        let trapped = unsafe { enter(&raw mut context, thunk, args.as_ptr(), words.as_mut_ptr()) };
        *self.host.fuel_left = activation.budget.fuel_left(context.fuel_slice);
        activation.arena.release_to(context.arena_top as usize);
        if trapped == 0 {
            return Ok(words);
        }
        let mut trap = activation.trap.take().unwrap_or_else(|| Trap::new(TrapKind::HostError, Span::default()));
        trap.fuel_left = *self.host.fuel_left;
        Err(RunError::Trap(Box::new(trap)))
    }
}

/// The activation of a context.
///
/// # Safety
/// `ctx` is the context of a run that is under way on this thread, and no other reference to its activation lives.
pub(super) unsafe fn activation<'a>(ctx: *mut Context) -> &'a mut Activation<'a> {
    // SAFETY: the caller vouches for it: `Run::execute` made both and does not touch them while code runs.
    unsafe { &mut *(*ctx).activation.cast::<Activation<'a>>() }
}

/// Called by the trap exit with the return address of the cold stub's call and the stack pointer of its frame.
pub(super) extern "C" fn record_trap(ctx: *mut Context, pc: usize, sp: usize) {
    // SAFETY: only the trap exit calls this, under `enter` (R1).
    let (context, activation) = unsafe { (&mut *ctx, activation(ctx)) };
    let site = activation.program.site(pc);
    let fault = take_fault();
    let (kind, span) = match site.map(|site| (site.kind, site.span)) {
        // The instruction that faulted may be one behind a call.
        _ if fault == Some(Fault::InCode) => (TrapKind::BusError, activation.program.span_at(pc)),
        Some((_, span)) if fault == Some(Fault::InHelper) => (TrapKind::BusError, span),
        Some((SiteKind::Trap(kind), span)) => (kind, span),
        Some((SiteKind::HelperTrap, span)) => (kind_from_word(context.trap_kind), span),
        // Not a site of ours: generated code is broken. The process cannot be trusted to go on.
        _ => std::process::abort(),
    };
    finish_trap(context, activation, kind, span, pc, sp);
}

/// Called by the poll thunk likewise. Returns 0 to go on, 1 after recording a trap.
pub(super) extern "C" fn poll_from_code(ctx: *mut Context, pc: usize, sp: usize) -> u64 {
    // SAFETY: only the poll thunk calls this, under `enter` (R1).
    let (context, activation) = unsafe { (&mut *ctx, activation(ctx)) };
    let (at, span) = match activation.program.site(pc).map(|site| (site.kind, site.span)) {
        Some((SiteKind::PollLoop, span)) => (PollAt::Loop, span),
        Some((SiteKind::PollCall, span)) => (PollAt::Call { depth_left: context.depth_left }, span),
        _ => std::process::abort(),
    };
    match activation.budget.poll(&mut context.fuel_slice, at) {
        Ok(()) => 0,
        Err(kind) => {
            finish_trap(context, activation, kind, span, pc, sp);
            1
        }
    }
}

fn finish_trap(context: &Context, activation: &mut Activation<'_>, kind: TrapKind, span: Span, pc: usize, sp: usize) {
    let mut trap = Trap::new(kind, span);
    if kind == TrapKind::OutOfBounds {
        trap.bounds = Some((context.trap_index, context.trap_len));
    }
    if kind == TrapKind::HostError {
        trap.host = activation.host_failure.take();
    }
    collect_frames(activation, pc, sp, &mut trap);
    activation.trap = Some(trap);
}

/// Walks the frames from the trap outward by their fixed sizes, innermost first.
fn collect_frames(activation: &Activation<'_>, pc: usize, sp: usize, trap: &mut Trap) {
    let program = activation.program;
    let mut outermost: std::collections::VecDeque<Frame> = std::collections::VecDeque::with_capacity(KEPT_FRAMES);
    let (mut pc, mut sp) = (pc, sp);
    // A walk visits at most as many frames as calls were allowed.
    for _ in 0..=u64::from(activation.depth_limit) {
        let Some(func) = program.func_at(pc) else { break };
        let saved = sp.wrapping_add(func.frame_size as usize);
        let (slot, caller_sp) =
            if cfg!(target_arch = "aarch64") { (saved.wrapping_sub(8), saved) } else { (saved, saved.wrapping_add(8)) };
        // SAFETY: (R2) `sp` is the stack pointer of a frame of `func`, whose size is fixed: the word holds its return address. It started as the trapping
        // frame's and moves outward frame by frame, and the thunk's site ends the walk before `enter`'s own frame. Defended by tests/engines.rs (call stacks).
        let ret = unsafe { ptr::with_exposed_provenance::<usize>(slot).read() };
        let Some(site) = program.site(ret) else { break };
        let SiteKind::Call(callee) = site.kind else { break };
        let frame = Frame { function: program.name(callee), call: site.span };
        if trap.stack.len() < KEPT_FRAMES {
            trap.stack.push(frame);
        } else {
            if outermost.len() == KEPT_FRAMES {
                outermost.pop_front();
                trap.frames_left_out += 1;
            }
            outermost.push_back(frame);
        }
        (pc, sp) = (ret, caller_sp);
    }
    trap.stack.extend(outermost);
}

/// A trap kind as helpers leave it in `Context::trap_kind`.
pub(super) fn word_of_kind(kind: TrapKind) -> u64 {
    kind as u64 + 1
}

fn kind_from_word(word: u64) -> TrapKind {
    TrapKind::ALL.get((word as usize).wrapping_sub(1)).copied().unwrap_or(TrapKind::HostError)
}
