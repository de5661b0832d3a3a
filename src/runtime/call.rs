//! One run of machine code: what it may use, and what became of it.

use super::context::Context;
use super::door::BareFrame;
use super::enter::enter;
use super::fpenv::FpEnv;
use super::program::Program;
use super::raw::Registers;
use super::signals::{Fault, running, take_fault};
use crate::budget::{Budget, PollAt};
use crate::codegen::blob::{Origin, Site, SiteKind};
use crate::host::HostFn;
use crate::limits::{CancelHandle, Limits};
use crate::memory::{Arena, MemoryError, StackPool};
use crate::span::Span;
use crate::trap::{Frame, HostFailure, KEPT_FRAMES, Trap, TrapKind};
use std::collections::VecDeque;
use std::ptr;
use std::sync::Arc;

/// Stack that runtime functions called from generated code may use, below the code's own frames.
const HEADROOM: usize = 256 << 10;
/// Stack that generated code may use of the host's.
pub(super) const HOST_STACK: usize = 16 << 10;

/// Bytes left free at the top of a mapped stack: on AArch64 a large frame's first probe reads at the stack pointer that it was entered with, and what
/// lies at the very top is the guard.
const STACK_MARGIN: usize = 16;

/// The environment of a run whose host set none of its own.
static HOST_HAS_THE_SAME: FpEnv = FpEnv::OF_THE_LANGUAGE;

/// The runtime's own record of one run. What most runs never need is made when they first do.
pub(super) struct Activation<'a> {
    pub program: &'a Program,
    pub hosts: &'a Hosts,
    pub limits: &'a Limits,
    pub cancel: Option<&'a CancelHandle>,
    /// Where its arrays lie, if the host lent it a place.
    lent_arena: Option<&'a mut Arena>,
    lazy: Option<Lazy<'a>>,
}

/// What a run needs once it polls, makes an array, calls the host in vain or traps, or where the host set a floating-point environment of its own.
struct Lazy<'a> {
    budget: Budget<'a>,
    fp: &'a FpEnv,
    own_arena: Arena,
    host_failure: Option<HostFailure>,
    trap: Option<Box<Trap>>,
}

impl<'a> Activation<'a> {
    fn lazy(&mut self) -> &mut Lazy<'a> {
        let (limits, cancel) = (self.limits, self.cancel);
        self.lazy.get_or_insert_with(|| Lazy {
            budget: Budget::resume(limits, cancel),
            fp: &HOST_HAS_THE_SAME,
            own_arena: Arena::new(limits.memory),
            host_failure: None,
            trap: None,
        })
    }

    fn has_trapped(&self) -> bool {
        self.lazy.as_ref().is_some_and(|lazy| lazy.trap.is_some())
    }

    /// The host's floating-point environment.
    pub(super) fn fp(&self) -> &'a FpEnv {
        self.lazy.as_ref().map_or(&HOST_HAS_THE_SAME, |lazy| lazy.fp)
    }

    /// Fuel, deadline and cancellation.
    pub(super) fn budget(&mut self) -> &mut Budget<'a> {
        &mut self.lazy().budget
    }

    /// Where its arrays lie.
    pub(super) fn arena(&mut self) -> &mut Arena {
        if self.lent_arena.is_none() {
            return &mut self.lazy().own_arena;
        }
        // The borrow checker does not see that a `match` above would end the borrow.
        match &mut self.lent_arena {
            Some(arena) => arena,
            None => unreachable!("it was lent"),
        }
    }

    /// Keeps what a host function said.
    pub(super) fn set_host_failure(&mut self, failure: Option<HostFailure>) {
        self.lazy().host_failure = failure;
    }

    #[inline]
    fn fuel_left(&self, slice: i64) -> Option<u64> {
        match &self.lazy {
            Some(lazy) => lazy.budget.fuel_left(slice),
            None => Budget::left_of_first(self.limits, slice),
        }
    }
}

/// The context and the activation of one run: generated code has the address of the former.
#[repr(C)]
pub(super) struct Call<'a> {
    pub context: Context,
    pub activation: Activation<'a>,
}

/// A function to enter. A bare function's door finds it here, and a trap its program.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Target {
    /// Its first instruction.
    pub code: usize,
    /// Where it is from.
    pub program: Arc<Program>,
}

/// What runs of an engine's programs share.
#[derive(Debug, Default)]
pub struct Hosts {
    /// The host's functions.
    pub functions: Vec<HostFn>,
    /// Where stacks come from.
    pub stacks: StackPool,
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
    /// What it shares with others.
    pub hosts: &'a Hosts,
    /// Whether faults in mapped files are caught.
    pub catch_faults: bool,
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

impl<'a> Call<'a> {
    /// A run on the host's stack, without a deadline, of a host that set no other floating-point environment; with its first slice of fuel.
    #[inline]
    pub(super) fn new(
        program: &'a Program,
        hosts: &'a Hosts,
        limits: &'a Limits,
        cancel: Option<&'a CancelHandle>,
        fuel_slice: i64,
        lent_arena: Option<&'a mut Arena>,
    ) -> Call<'a> {
        let arena_top = lent_arena.as_ref().map_or(0, |arena| arena.used() as u64);
        Call {
            context: Context {
                fuel_slice,
                depth_left: i64::from(limits.depth),
                arena_top,
                trap_index: 0,
                trap_len: 0,
                trap_kind: 0,
                result: 0,
                entry_sp: 0,
                stack_top: 0,
                helper_sp: 0,
                helper_ret: 0,
            },
            activation: Activation { program, hosts, limits, cancel, lent_arena, lazy: None },
        }
    }

    /// The trap that ended the run.
    #[cold]
    pub(super) fn take_trap(&mut self) -> Box<Trap> {
        let fuel_left = self.fuel_left();
        let trap = self.activation.lazy().trap.take();
        let mut trap = trap.unwrap_or_else(|| Box::new(Trap::new(TrapKind::HostError, Span::default())));
        trap.fuel_left = fuel_left;
        trap
    }

    /// What is left of the fuel, where it is limited.
    #[inline]
    pub(super) fn fuel_left(&self) -> Option<u64> {
        self.activation.fuel_left(self.context.fuel_slice)
    }

    /// Whether it ended without a trap, and nothing was made for it that must be dropped.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.activation.lazy.is_none()
    }

    /// Whether a trap ended it.
    pub(super) fn has_trapped(&self) -> bool {
        self.activation.has_trapped()
    }

    /// What code releases of a lent arena it tells by its own copy of the height.
    #[inline]
    pub(super) fn release(&mut self) {
        if let Some(arena) = &mut self.activation.lent_arena {
            arena.release_to(self.context.arena_top as usize);
        }
    }
}

/// Runs a function of sealed code with any limits, and any number of arguments.
///
/// # Safety
/// `code` is that function of the program; `args` are what its signature asks for, and the arrays among them stay valid, the mutable ones not otherwise used,
/// while it runs.
pub(super) unsafe fn run(
    program: &Program,
    code: usize,
    host: Host<'_>,
    args: &Registers,
) -> Result<[u64; 3], RunError> {
    let stack_need = program.stack_need(host.limits.depth).saturating_add(args.words.saturating_mul(8));
    let stack = match stack_need {
        0..=HOST_STACK => None,
        need if need > host.limits.stack => return Err(RunError::Stack { need }),
        _ => Some(host.hosts.stacks.take(stack_need.saturating_add(HEADROOM)).map_err(RunError::Memory)?),
    };
    let fp = FpEnv::canonical();
    let (budget, fuel_slice) = Budget::start(host.limits, host.cancel);
    let mut call = Call::new(program, host.hosts, host.limits, host.cancel, fuel_slice, Some(host.arena));
    call.context.stack_top = stack.as_ref().map_or(0, |stack| (stack.top() - STACK_MARGIN) as u64);
    let lazy = call.activation.lazy();
    (lazy.budget, lazy.fp) = (budget, &fp);
    let outer = running((&raw mut call).cast(), program.code_range().start);
    let mut results = [0_u64; 3];
    // SAFETY: (R1) the code is a function of sealed code of this program, made for this machine; the context is set up and outlives the run, as does the
    // activation behind it, to which nothing else refers meanwhile; the caller vouches for the arguments; there are at most three words of results.
    // Defended by tests/engines.rs.
    unsafe { enter((&raw mut call).cast(), code, args, results.as_mut_ptr()) };
    running(outer, program.code_range().start);
    *host.fuel_left = call.fuel_left();
    call.release();
    if call.has_trapped() { Err(RunError::Trap(call.take_trap())) } else { Ok(results) }
}

/// The context and the activation of a run.
///
/// # Safety
/// `ctx` is the context of a run that is under way on this thread, and no other reference to it or its activation lives.
pub(super) unsafe fn parts<'a>(ctx: *mut Context) -> (&'a mut Context, &'a mut Activation<'a>) {
    // SAFETY: the caller vouches for it: the address that code is entered with is that of a whole `Call`, which is not touched while code runs.
    let call = unsafe { &mut *ctx.cast::<Call<'a>>() };
    (&mut call.context, &mut call.activation)
}

/// Called by the trap exit with the return address of the cold stub's call and the stack pointer of its frame.
pub(super) extern "C" fn record_trap(ctx: *mut Context, pc: usize, sp: usize) {
    // SAFETY: only the trap exit calls this, in a run (R1).
    let (context, activation) = unsafe { parts(ctx) };
    let site = activation.program.site(pc);
    let fault = take_fault();
    let (kind, place) = match site.map(|site| (site.kind, site.place)) {
        // The instruction that faulted may be one behind a call.
        _ if fault == Some(Fault::InCode) => (TrapKind::BusError, activation.program.place_at(pc)),
        Some((_, place)) if fault == Some(Fault::InHelper) => (TrapKind::BusError, place),
        Some((SiteKind::Trap(kind), place)) => (kind, place),
        Some((SiteKind::HelperTrap, place)) => (kind_from_word(context.trap_kind), place),
        // Not a site of ours: generated code is broken. The process cannot be trusted to go on.
        _ => std::process::abort(),
    };
    finish_trap(context, activation, kind, place, pc, sp);
}

/// Called by the poll thunk likewise. Returns 0 to go on, 1 after recording a trap.
pub(super) extern "C" fn poll_from_code(ctx: *mut Context, pc: usize, sp: usize) -> u64 {
    // SAFETY: only the poll thunk calls this, in a run (R1).
    let (context, activation) = unsafe { parts(ctx) };
    let (at, place) = match activation.program.site(pc).map(|site| (site.kind, site.place)) {
        Some((SiteKind::PollLoop, place)) => (PollAt::Loop, place),
        Some((SiteKind::PollCall(levels), place)) => {
            // The levels of the inlined calls around it are not taken yet, but are there; for none, so are they all.
            let depth_left = if levels == 0 { 1 } else { context.depth_left - i64::from(levels - 1) };
            (PollAt::Call { depth_left }, place)
        }
        _ => std::process::abort(),
    };
    match activation.budget().poll(&mut context.fuel_slice, at) {
        Ok(()) => 0,
        Err(kind) => {
            finish_trap(context, activation, kind, place, pc, sp);
            1
        }
    }
}

/// Called by the trap exit where a bare function trapped: what its door's caller gets.
pub(super) extern "C" fn record_bare_trap(frame: *const BareFrame, pc: usize, sp: usize) -> *mut Trap {
    // SAFETY: (R1) only the trap exit calls this, with the frame that a door made for the target that it was given, which its caller borrows.
    let program = unsafe { &(*(*frame).target).program };
    // Nothing but its own checks can end a bare function.
    let Some(&Site { kind: SiteKind::Trap(kind), place, .. }) = program.site(pc) else { std::process::abort() };
    let mut trap = Trap::new(kind, place.span);
    if kind == TrapKind::OutOfBounds {
        // SAFETY: (R1) as above; code that traps for an index stores both words before it comes here, and any bits are a number. Defended by tests/api/doors.rs.
        trap.bounds = Some(unsafe { ((*frame).context.trap_index, (*frame).context.trap_len) });
    }
    collect_frames(program, 0, place, pc, sp, &mut trap);
    Box::into_raw(Box::new(trap))
}

fn finish_trap(
    context: &Context,
    activation: &mut Activation<'_>,
    kind: TrapKind,
    place: Origin,
    pc: usize,
    sp: usize,
) {
    let mut trap = Trap::new(kind, place.span);
    if kind == TrapKind::OutOfBounds {
        trap.bounds = Some((context.trap_index, context.trap_len));
    }
    if kind == TrapKind::HostError {
        trap.host = activation.lazy().host_failure.take();
    }
    collect_frames(activation.program, activation.limits.depth, place, pc, sp, &mut trap);
    activation.lazy().trap = Some(Box::new(trap));
}

/// Walks the frames from the trap outward by their fixed sizes, innermost first; there are at most as many more than one as calls were allowed.
fn collect_frames(program: &Program, depth: u32, place: Origin, pc: usize, sp: usize, trap: &mut Trap) {
    let mut frames = Frames::default();
    let (mut pc, mut sp) = (pc, sp);
    frames.push_inlined(program, place);
    for _ in 0..=u64::from(depth) {
        let Some(func) = program.func_at(pc) else { break };
        let saved = sp.wrapping_add(func.frame_size as usize);
        let (slot, caller_sp) =
            if cfg!(target_arch = "aarch64") { (saved.wrapping_sub(8), saved) } else { (saved, saved.wrapping_add(8)) };
        // SAFETY: (R2) `sp` is the stack pointer of a frame of `func`, whose size is fixed: the word holds its return address. It started as the trapping
        // frame's and moves outward frame by frame, and the entry's return address, which is no site, ends the walk. Defended by tests/engines.rs (call stacks).
        let ret = unsafe { ptr::with_exposed_provenance::<usize>(slot).read() };
        let Some(site) = program.site(ret) else { break };
        let SiteKind::Call(callee) = site.kind else { break };
        frames.push(Frame { function: program.name(callee), call: site.place.span });
        frames.push_inlined(program, site.place);
        (pc, sp) = (ret, caller_sp);
    }
    trap.frames_left_out = frames.left_out;
    trap.stack = frames.innermost;
    trap.stack.extend(frames.outermost);
}

/// A call stack from the inside out, without its middle where it is long.
#[derive(Default)]
struct Frames {
    innermost: Vec<Frame>,
    outermost: VecDeque<Frame>,
    left_out: u64,
}

impl Frames {
    fn push(&mut self, frame: Frame) {
        if self.innermost.len() < KEPT_FRAMES {
            self.innermost.push(frame);
            return;
        }
        if self.outermost.len() == KEPT_FRAMES {
            self.outermost.pop_front();
            self.left_out += 1;
        }
        self.outermost.push_back(frame);
    }

    /// The calls around a place that have no frame on the machine's stack.
    fn push_inlined(&mut self, program: &Program, place: Origin) {
        for inlined in program.inlined_around(place) {
            self.push(Frame { function: program.name(inlined.callee), call: inlined.call });
        }
    }
}

/// A trap kind as helpers leave it in `Context::trap_kind`.
pub(super) fn word_of_kind(kind: TrapKind) -> u64 {
    kind as u64 + 1
}

fn kind_from_word(word: u64) -> TrapKind {
    TrapKind::ALL.get((word as usize).wrapping_sub(1)).copied().unwrap_or(TrapKind::HostError)
}
