//! Emission, in the order that both machines share: blocks, one of them with the prologue, cold stubs; the table of sites and the pool.

use super::allocation::Allocated;
use super::blob::{CodeBlob, FuncCode, Origin, PoolEntry};
use super::flat::{Flat, FlatInst, FlatKind};
use super::frame::Frame;
use super::layout::{self, Layout};
use super::shrink::{Shrunk, shrink};
use super::target::{Context, Labels, Located, Target};
use super::{CodegenError, CodegenOptions, flatten, regalloc};
use crate::ir::func::{Func, InlinedCall};
use crate::ir::op::{Op, Scalar};
use crate::reuse::Keep;
use crate::sema::hir::FuncId;
use crate::span::Span;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use regalloc2::{Edit, Inst, InstRange, ProgPoint, RegClass};
use smallvec::SmallVec;

/// Bytes that one instruction may take, at the most but for its frame's size: for the question whether a branch may be too far.
const MAX_INST_BYTES: usize = 96;

/// Bytes that one cold stub may take, at the most.
const MAX_STUB_BYTES: usize = 48;

/// The most code of a program after which the assembler's memory is kept.
const MAX_KEPT: usize = 16 << 10;

/// Code offsets are 32 bits wide, and branches relative with a sign.
const MAX_CODE: usize = i32::MAX as usize / 2;

/// Compiles functions for one machine.
pub fn assemble<T: Target>(funcs: &[Func], options: &CodegenOptions) -> Result<CodeBlob, CodegenError> {
    #[cfg(debug_assertions)]
    super::planted::spoil_ir(funcs)?;
    let mut target = T::new(options.features);
    let entries = funcs.iter().map(|_| target.asm().new_dynamic_label()).collect();
    let mut cx = Context::new(entries, options.metering);
    let mut codes = SmallVec::with_capacity(funcs.len());
    for (func, id) in funcs.iter().zip(0..) {
        let flat = flatten::flatten(func, &target)?;
        let output = regalloc::allocate(&flat, &target, &func.name)?;
        #[cfg(debug_assertions)]
        let (flat, output) = super::planted::spoil(flat, output, &target)?;
        let layout = layout::order(&flat, &output);
        let needs = Needs::of(&flat);
        cx.frame = Frame::new(target.abi(), flat.outgoing, &output, needs.call);
        cx.frame.lanes = flat.lanes;
        #[cfg(debug_assertions)]
        super::planted::spoil_frame(&mut cx.frame);
        cx.far = flat.insts.len().saturating_add(output.edits.len()) > target.abi().branch_reach / MAX_INST_BYTES;
        // A far function's branches could not reach a return that all share.
        let shrunk = if cx.frame.size == 0 || cx.far { None } else { shrink(&flat, &output, &layout, target.abi()) };
        let shrunk = shrunk.unwrap_or_default();
        if shrunk.prologue.is_none() {
            cx.frame = Frame { lanes: flat.lanes, ..Frame::default() };
        }

        let entry = cx.entries[id as usize];
        cx.origin = 0;
        let start = offset(&mut target);
        target.asm().reserve_ops(8 * flat.insts.len());
        cx.source.push((start as u32, Origin::default()));
        target.asm().dynamic_label(entry);
        let mut body = Body {
            target: &mut target,
            cx: &mut cx,
            flat: &flat,
            output: &output,
            labels: Labels::new(),
            shrunk,
            bare_return: None,
            oldest_stub: None,
            inlined_before: 0,
        };
        body.inlined(func);
        body.emit(&layout)?;
        let end = offset(&mut target);
        if end > MAX_CODE {
            return Err(CodegenError::TooLarge(func.name.clone()));
        }
        let is_light = cx.frame.saved.is_empty() && !needs.helper;
        let (is_pure, is_bare) = (!needs.context, is_light && !needs.run);
        output.keep();
        flat.keep();
        codes.push(FuncCode {
            func: FuncId(id),
            start: start as u32,
            end: end as u32,
            frame_size: cx.frame.size,
            is_pure,
            is_light,
            is_bare,
            has_floats: needs.floats,
        });
    }
    let too_large = || CodegenError::TooLarge(funcs.last().map(|func| func.name.clone()).unwrap_or_default());
    let code = target.asm().take().map_err(|_| too_large())?;
    if code.len() <= MAX_KEPT {
        target.keep();
    }
    if !cx.pool.is_empty() {
        // A mask is read as 16 bytes, the last one too.
        cx.pool.push(PoolEntry::Bits(0));
    }
    let blob = CodeBlob {
        code,
        pool: cx.pool,
        pool_refs: cx.pool_refs,
        funcs: codes,
        sites: cx.sites,
        inlined: cx.inlined,
        source: cx.source,
        vector_bytes: u32::from(options.features.lanes()) * 8,
    };
    #[cfg(debug_assertions)]
    let blob = super::planted::spoil_blob(blob);
    Ok(blob)
}

/// What the instructions of a function need.
#[derive(Clone, Copy, Debug, Default)]
struct Needs {
    call: bool,
    context: bool,
    run: bool,
    helper: bool,
    floats: bool,
}

impl Needs {
    fn of(flat: &Flat) -> Needs {
        // Whatever takes a float or gives one has it in a register at least once: of two arguments at most one is a constant that the machine folds.
        let floats = flat.defs.iter().any(|def| def.class() != RegClass::Int)
            || flat.params.iter().chain(&flat.results).any(|scalar| *scalar == Scalar::F64);
        let mut needs = Needs { floats, ..Needs::default() };
        for &FlatInst { kind, .. } in &flat.insts {
            // AArch64 counts bits in a vector register.
            needs.floats |= matches!(kind, FlatKind::Op(Op::IPopcount));
            // Most operations need nothing of all this.
            if matches!(kind, FlatKind::Op(op) if op.traps().is_empty()) {
                continue;
            }
            needs.call |= kind.may_call();
            needs.context |= kind.needs_context();
            needs.run |= kind.needs_run();
            needs.helper |= matches!(kind, FlatKind::CallHelper(_));
        }
        needs
    }
}

fn offset<T: Target>(target: &mut T) -> usize {
    target.asm().offset().0
}

struct Body<'a, T> {
    target: &'a mut T,
    cx: &'a mut Context,
    flat: &'a Flat,
    output: &'a Allocated,
    labels: Labels,
    /// Where there is no frame.
    shrunk: Shrunk,
    /// A return without a frame, for branches.
    bare_return: Option<DynamicLabel>,
    /// Where the first of the pending cold stubs is jumped to from.
    oldest_stub: Option<usize>,
    /// Inlined calls of the functions before this one.
    inlined_before: u32,
}

impl<T: Target> Body<'_, T> {
    /// Adds a function's inlined calls to those of all.
    fn inlined(&mut self, func: &Func) {
        let before = self.cx.inlined.len() as u32;
        self.inlined_before = before;
        let moved = |origin: u32| if origin == 0 { 0 } else { before + origin };
        let calls = func.inlined.iter().map(|call| InlinedCall { within: moved(call.within), ..*call });
        self.cx.inlined.extend(calls);
    }

    fn emit(&mut self, layout: &Layout) -> Result<(), CodegenError> {
        for _ in &self.flat.blocks {
            self.labels.push(self.target.asm().new_dynamic_label());
        }
        self.target.entry();
        let heads = if self.flat.lanes > 1 { self.loop_heads(layout) } else { Vec::new() };
        for (at, block) in layout.order.iter().enumerate() {
            let next = layout.order.get(at + 1).copied();
            if heads.get(*block as usize) == Some(&true) {
                self.target.align_loop();
            }
            self.block(*block as usize, next, layout)?;
        }
        if let Some(label) = self.bare_return {
            self.target.asm().dynamic_label(label);
            self.target.epilogue(&Frame::default());
        }
        self.stubs();
        Ok(())
    }

    /// The blocks that are jumped back to.
    fn loop_heads(&self, layout: &Layout) -> Vec<bool> {
        let mut heads = vec![false; self.flat.blocks.len()];
        let mut emitted = vec![false; self.flat.blocks.len()];
        for block in &layout.order {
            emitted[*block as usize] = true;
            for succ in &self.flat.blocks[*block as usize].succs {
                let to = layout.target[succ.index()] as usize;
                heads[to] |= emitted[to];
            }
        }
        heads
    }

    fn block(&mut self, block: usize, next: Option<u32>, layout: &Layout) -> Result<(), CodegenError> {
        self.target.asm().dynamic_label(self.labels[block]);
        if self.shrunk.prologue == Some(block as u32) {
            self.target.prologue(&self.cx.frame);
        }
        let (flat, output) = (self.flat, self.output);
        let (start, end) = flat.blocks[block].insts;
        let range = InstRange::new(Inst::new(start as usize), Inst::new(end as usize));
        let first = output.edits.partition_point(|(point, _)| *point < ProgPoint::before(range.first()));
        let mut edits = output.edits[first..].iter().peekable();
        for id in range.iter() {
            let inst = &flat.insts[id.index()];
            while let Some((_, edit)) = edits.next_if(|(point, _)| *point <= ProgPoint::before(id)) {
                self.edit(edit);
                self.stubs_within_reach();
            }
            let before = offset(self.target);
            self.cx.origin = if inst.origin == 0 { 0 } else { self.inlined_before + inst.origin };
            self.note_source(inst.span);
            self.inst(inst, id, block, next, layout)?;
            if self.oldest_stub.is_none() && !self.cx.stubs.is_empty() {
                self.oldest_stub = Some(before);
            }
            self.stubs_within_reach();
            while let Some((_, edit)) = edits.next_if(|(point, _)| *point <= ProgPoint::after(id)) {
                self.edit(edit);
                self.stubs_within_reach();
            }
        }
        Ok(())
    }

    fn note_source(&mut self, span: Span) {
        let place = Origin { span, inlined: self.cx.origin };
        if self.cx.source.last().is_none_or(|(_, last)| *last != place) {
            self.cx.source.push((offset(self.target) as u32, place));
        }
    }

    fn edit(&mut self, Edit::Move { from, to }: &Edit) {
        if from == to {
            return;
        }
        // Spill slots do not tell the class; one of the two is a register.
        let class = from.as_reg().or(to.as_reg()).map_or(RegClass::Int, |reg| reg.class());
        self.target.copy(*from, *to, class, &self.cx.frame);
    }

    fn inst(
        &mut self,
        inst: &FlatInst,
        id: Inst,
        block: usize,
        next: Option<u32>,
        layout: &Layout,
    ) -> Result<(), CodegenError> {
        let located = Located {
            kind: inst.kind,
            span: inst.span,
            defs: self.flat.defs_of(inst).len(),
            args: self.flat.args_of(inst),
            allocs: self.output.of_inst(id),
        };
        let succ = |index: usize| layout.target[self.flat.blocks[block].succs[index].index()];
        let frameless = self.shrunk.frameless.get(block) == Some(&true);
        let returns = |to: u32| frameless && self.shrunk.returns[to as usize];
        match inst.kind {
            FlatKind::Jump if returns(succ(0)) => self.target.epilogue(&Frame::default()),
            FlatKind::Jump => {
                if next != Some(succ(0)) {
                    self.target.jump(self.labels[succ(0) as usize]);
                }
            }
            FlatKind::Branch | FlatKind::BranchCmp(_) | FlatKind::BranchBits(_) | FlatKind::BranchAny => {
                let (yes, no) = (succ(0), succ(1));
                if self.bare_return.is_none() && (returns(yes) || returns(no)) {
                    self.bare_return = Some(self.target.asm().new_dynamic_label());
                }
                let to =
                    |block: u32| self.bare_return.filter(|_| returns(block)).unwrap_or(self.labels[block as usize]);
                if next == Some(yes) && !returns(yes) {
                    self.target.branch(&located, false, to(no), self.cx);
                } else {
                    self.target.branch(&located, true, to(yes), self.cx);
                    if next != Some(no) || returns(no) {
                        self.target.jump(to(no));
                    }
                }
            }
            FlatKind::Return if frameless => self.target.epilogue(&Frame::default()),
            #[cfg(debug_assertions)]
            FlatKind::Return => self.target.epilogue(&super::planted::frame_left(&self.cx.frame)),
            #[cfg(not(debug_assertions))]
            FlatKind::Return => self.target.epilogue(&self.cx.frame),
            _ => self.target.inst(&located, self.cx)?,
        }
        Ok(())
    }

    /// The cold stubs asked for, in between, before a branch could not reach them.
    fn stubs_within_reach(&mut self) {
        let (Some(oldest), true) = (self.oldest_stub, self.cx.far) else { return };
        // The last of them is as far from its branch as all of them are long, at the most.
        let span = offset(self.target) - oldest + self.cx.stubs.len() * MAX_STUB_BYTES;
        if span > self.target.abi().branch_reach / 2 {
            let over = self.target.asm().new_dynamic_label();
            self.target.jump(over);
            self.stubs();
            self.target.asm().dynamic_label(over);
        }
    }

    fn stubs(&mut self) {
        self.oldest_stub = None;
        for stub in &self.cx.take_stubs() {
            self.cx.origin = stub.origin;
            self.note_source(stub.span);
            self.target.stub(stub, self.cx);
        }
    }
}
