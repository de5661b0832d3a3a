//! From regions to a block graph ([`Flat`]).
//!
//! One walk with a stack of its own, so that nesting costs no stack. On the way, a constant moves into each instruction that can hold it, a comparison
//! into the one branch or selection that uses it, and the result of a bounds check becomes its index.

pub(super) mod args;
mod conditions;
mod detour;
mod finish;
mod rare;

use super::CodegenError;
use super::flat::{Arg, Flat, FlatBlock, FlatInst, FlatKind, Regs, class_of};
use super::flatten_vector::Held;
use super::target::{Place, Target};
use crate::hash::Map;
use crate::ir::func::{Func, Inst, InstId, InstKind, RegionId, Value};
use crate::ir::op::{Op, Scalar};
use crate::reuse::{Keep, kept, reusable};
use crate::runtime::helper::Helper;
use crate::span::Span;
use regalloc2::{Block, RegClass, VReg};
use smallvec::{SmallVec, smallvec};

/// Makes the block graph of a function.
pub fn flatten<T: Target>(func: &Func, target: &T) -> Result<Box<Flat>, CodegenError> {
    let lanes = super::flatten_vector::lanes_of(func, target.lanes())?;
    let in_line = func.regions.len() == 1;
    let mut flat = Flat::kept();
    (flat.vregs, flat.outgoing, flat.lanes) = (0, 0, lanes);
    let mut tables = Tables::kept();
    tables.known.resize(func.values.len(), Known::default());
    if !in_line {
        // Where there is no control nothing is looked up here.
        tables.behind.resize(func.insts.len(), NO_BLOCK);
        tables.header.resize(func.insts.len(), NO_BLOCK);
    }
    let mut flattener = Flattener {
        func,
        target,
        flat,
        tables,
        copies: lanes > 1,
        constants: false,
        held: Map::default(),
        current: None,
        depth: 0,
        origin: 0,
    };
    flattener.note_uses();
    flattener.body()?;
    flattener.finish();
    flattener.tables.keep();
    Ok(flattener.flat)
}

const NO_BLOCK: u32 = u32::MAX;

/// How often a value is used, and by whom last.
#[derive(Clone, Copy, Default)]
pub(super) struct Use {
    pub(super) count: u32,
    pub(super) user: Option<InstId>,
}

/// What is known of a value.
#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    /// The instruction that defines it, unless it is a region's parameter.
    pub(super) def: Option<InstId>,
    pub(super) uses: Use,
    /// Its virtual register.
    reg: Option<VReg>,
}

reusable!(Option<InstId>);

/// What is looked up.
#[derive(Default)]
pub(super) struct Tables {
    /// By value.
    pub(super) known: Vec<Known>,
    /// The block behind a structured instruction.
    behind: Vec<u32>,
    /// The head of a loop.
    header: Vec<u32>,
    /// Blocks in the order in which they were filled.
    filled: Vec<u32>,
    work: Vec<Work>,
}

kept!(Tables: known, behind, header, filled, work);

/// The arguments of an instruction.
pub(super) type Args = SmallVec<[Arg; 4]>;

/// The results of an instruction.
pub(super) type Defs = SmallVec<[VReg; 4]>;

/// What is left to do, innermost last.
enum Work {
    /// The instructions of a region from this one on.
    Region(RegionId, usize),
    /// This block becomes the current one, in so many loops.
    Open(u32, u32),
}

pub(super) struct Flattener<'a, T> {
    pub(super) func: &'a Func,
    pub(super) target: &'a T,
    pub(super) flat: Box<Flat>,
    pub(super) tables: Box<Tables>,
    /// Whether a value may lie in another one's register: see [`Flattener::resolve`].
    copies: bool,
    /// Whether any value is a constant.
    constants: bool,
    /// The registers of constants of several lanes that are kept from the entry on.
    pub(super) held: Map<Held, VReg>,
    /// The block being filled; none where control cannot be.
    current: Option<u32>,
    depth: u32,
    /// The inlined call that the instructions being made come from.
    origin: u32,
}

impl<T: Target> Flattener<'_, T> {
    fn note_uses(&mut self) {
        for id in self.func.regions.iter().flat_map(|region| &region.insts) {
            for result in self.func.results(*id) {
                self.tables.known[result.index()].def = Some(*id);
            }
            match self.func.inst(*id).kind {
                InstKind::BoundsCheck | InstKind::AssumeInBounds => self.copies = true,
                InstKind::ConstF64(_) | InstKind::ConstI64(_) | InstKind::ConstBool(_) => self.constants = true,
                _ => {}
            }
            for arg in self.func.args(*id) {
                let uses = &mut self.tables.known[arg.index()].uses;
                uses.count += 1;
                uses.user = Some(*id);
            }
        }
    }

    fn body(&mut self) -> Result<(), CodegenError> {
        let func = self.func;
        self.flat.params.extend(func.params.iter().map(|value| func.ty(*value).scalar));
        self.flat.results.extend_from_slice(&func.results);
        let entry = self.new_block();
        self.open(entry);
        self.params();
        self.hold_constants();
        self.tables.work.push(Work::Region(func.body(), 0));
        while let Some(next) = self.tables.work.pop() {
            match next {
                Work::Open(block, depth) => {
                    self.depth = depth;
                    if !self.flat.blocks[block as usize].preds.is_empty() {
                        self.open(block);
                    }
                }
                Work::Region(region, from) => self.region(region, from)?,
            }
        }
        Ok(())
    }

    fn params(&mut self) {
        let func = self.func;
        let (places, _) = self.target.abi().params(&self.flat.params);
        let (args, defs) = (self.flat.args.len() as u32, self.flat.defs.len() as u32);
        for (value, place) in func.params.iter().zip(&places) {
            if let Place::Reg(_) = place {
                let reg = self.reg(*value);
                self.flat.defs.push(reg);
            }
        }
        self.push_inst(FlatKind::Params, args, defs, func.span);
        for (value, place) in func.params.iter().zip(&places) {
            if let Place::Stack(word) = place {
                let reg = self.reg(*value);
                self.push(FlatKind::StackParam(*word), &[], &[reg], func.span);
            }
        }
    }

    fn region(&mut self, region: RegionId, from: usize) -> Result<(), CodegenError> {
        if self.current.is_none() {
            return Ok(());
        }
        let insts = &self.func.regions[region.index()].insts;
        for (index, id) in insts.iter().enumerate().skip(from) {
            let inst = self.func.inst(*id);
            self.origin = self.func.origin(*id);
            match inst.kind {
                InstKind::If(then, els) => {
                    let (then_block, else_block) = (self.new_block(), self.new_block());
                    self.branch(*id, then_block, else_block);
                    let join = self.join(*id);
                    self.tables.work.push(Work::Region(region, index + 1));
                    self.tables.work.push(Work::Open(join, self.depth));
                    self.tables.work.push(Work::Region(els, 0));
                    self.tables.work.push(Work::Open(else_block, self.depth));
                    self.tables.work.push(Work::Region(then, 0));
                    self.tables.work.push(Work::Open(then_block, self.depth));
                    return Ok(());
                }
                InstKind::Loop(body) => {
                    let header = self.new_block();
                    self.tables.header[id.index()] = header;
                    let params = &self.func.regions[body.index()].params;
                    self.flat.blocks[header as usize].params = params.iter().map(|value| self.reg(*value)).collect();
                    self.jump(header, self.func.args(*id), inst.span);
                    let join = self.join(*id);
                    self.tables.work.push(Work::Region(region, index + 1));
                    self.tables.work.push(Work::Open(join, self.depth));
                    self.tables.work.push(Work::Region(body, 0));
                    self.tables.work.push(Work::Open(header, self.depth + 1));
                    return Ok(());
                }
                InstKind::Block(body) => {
                    let join = self.join(*id);
                    self.tables.work.push(Work::Region(region, index + 1));
                    self.tables.work.push(Work::Open(join, self.depth));
                    self.tables.work.push(Work::Region(body, 0));
                    return Ok(());
                }
                InstKind::Exit(to) => {
                    let block = self.tables.behind[to.index()];
                    return self.leave(block, *id, inst.span);
                }
                InstKind::Repeat(to) => {
                    let block = self.tables.header[to.index()];
                    return self.leave(block, *id, inst.span);
                }
                InstKind::Return => {
                    let args = self.func.args(*id).iter().map(|value| self.fresh_arg(*value, inst.span));
                    let args: Args = args.collect();
                    self.push(FlatKind::Return, &args, &[], inst.span);
                    self.current = None;
                    return Ok(());
                }
                InstKind::Trap(kind) => {
                    self.push(FlatKind::Trap(kind), &[], &[], inst.span);
                    self.current = None;
                    return Ok(());
                }
                InstKind::Unreachable => break,
                _ => self.inst(*id, inst),
            }
        }
        Err(CodegenError::Malformed(format!("a region of `{}` has no end", self.func.name)))
    }

    fn leave(&mut self, block: u32, id: InstId, span: Span) -> Result<(), CodegenError> {
        if block == NO_BLOCK {
            return Err(CodegenError::Malformed(format!("`{}` leaves what it is not in", self.func.name)));
        }
        self.jump(block, self.func.args(id), span);
        Ok(())
    }

    /// The block behind a structured instruction, its results being the block's parameters.
    fn join(&mut self, id: InstId) -> u32 {
        let block = self.new_block();
        let params = self.func.results(id).map(|value| self.reg(value)).collect();
        self.flat.blocks[block as usize].params = params;
        self.tables.behind[id.index()] = block;
        block
    }

    /// An instruction that is not structured and no terminator.
    fn inst(&mut self, id: InstId, inst: &Inst) {
        let span = inst.span;
        let args = self.func.args(id);
        if self.flat.lanes > 1 && self.vector_inst(id, inst) {
            return;
        }
        match inst.kind {
            InstKind::ConstF64(bits) => self.simple(FlatKind::ConstFloat(bits), id, span),
            InstKind::ConstI64(bits) => self.simple(FlatKind::ConstInt(bits), id, span),
            InstKind::ConstBool(bit) => self.simple(FlatKind::ConstInt(i64::from(bit)), id, span),
            InstKind::Op(Op::IGcd) => self.helper(Helper::IGcd, args, id, span),
            InstKind::Op(Op::IPow) => self.helper(Helper::IPow, args, id, span),
            InstKind::Op(op) => {
                let is_elsewhere = match op {
                    Op::IAnd | Op::IRem | Op::IFloorMod => self.is_masked_by_its_branch(inst.first_result),
                    _ => op.result() == Scalar::Bool && self.is_fused(inst.first_result),
                };
                if !is_elsewhere {
                    self.simple(FlatKind::Op(op), id, span);
                }
            }
            InstKind::Math(math) => {
                let args: Args = args.iter().map(|value| self.fresh_arg(*value, span)).collect();
                let defs = self.results(id);
                self.push(FlatKind::Math(math), &args, &defs, span);
            }
            InstKind::Select => self.select(id, span),
            InstKind::MathLanes(math) => self.rare(math, id, span),
            InstKind::BoundsCheck => {
                let args = self.args(FlatKind::BoundsCheck, args);
                self.push(FlatKind::BoundsCheck, &args, &[], span);
            }
            InstKind::SliceCheck => self.simple(FlatKind::SliceCheck, id, span),
            InstKind::ElemAddr(elem) => self.simple(FlatKind::ElemAddr(elem), id, span),
            InstKind::Load(elem) => self.simple(FlatKind::Load(elem), id, span),
            InstKind::Store(elem) => self.simple(FlatKind::Store(elem), id, span),
            InstKind::Alloc(elem) => self.helper(Helper::Alloc(elem), args, id, span),
            InstKind::ArrayOp(op, elem) => self.helper(Helper::ArrayOp(op, elem), args, id, span),
            InstKind::ArenaMark => self.simple(FlatKind::ArenaMark, id, span),
            InstKind::ArenaRelease => self.simple(FlatKind::ArenaRelease, id, span),
            InstKind::MeterLoop => self.simple(FlatKind::MeterLoop, id, span),
            InstKind::EnterCall(levels) => self.simple(FlatKind::EnterCall(levels), id, span),
            InstKind::EnterInlined(levels) => self.simple(FlatKind::EnterInlined(levels), id, span),
            InstKind::LeaveCall(levels) => self.simple(FlatKind::LeaveCall(levels), id, span),
            InstKind::Call(func) => {
                let types: SmallVec<[Scalar; 8]> = args.iter().map(|value| self.func.ty(*value).scalar).collect();
                let (places, words) = self.target.abi().params(&types);
                self.flat.outgoing = self.flat.outgoing.max(words);
                for (value, place) in args.iter().zip(&places) {
                    if let Place::Stack(word) = place {
                        self.store_arg(*word, *value, span);
                    }
                }
                let in_regs = args.iter().zip(&places).filter(|(_, place)| matches!(place, Place::Reg(_)));
                let in_regs: Args = in_regs.map(|(value, _)| self.fresh_arg(*value, span)).collect();
                let defs = self.results(id);
                self.push(FlatKind::Call(func), &in_regs, &defs, span);
            }
            InstKind::HostCall(host) => {
                self.store_const(0, u64::from(host.0), span);
                self.store_const(1, args.len() as u64, span);
                for (value, word) in args.iter().zip((2..).step_by(2)) {
                    let tag = match self.func.ty(*value).scalar {
                        Scalar::F64 => 0,
                        Scalar::I64 | Scalar::Ptr => 1,
                        Scalar::Bool => 2,
                    };
                    self.store_const(word, tag, span);
                    self.store_arg(word + 1, *value, span);
                }
                self.buffered(Helper::HostCall, 2 + 2 * args.len() as u32, &[], id, span);
            }
            InstKind::TableLoad(table) => self.simple(FlatKind::TableLoad(table), id, span),
            // These have vectors.
            InstKind::Splat
            | InstKind::LaneIndex
            | InstKind::AnyLane
            | InstKind::VectorLoad(_)
            | InstKind::VectorStore(_)
            | InstKind::Gather(_)
            | InstKind::TruncateLanes => {}
            // Proved, and its result is its index.
            InstKind::AssumeInBounds => {}
            InstKind::If(..)
            | InstKind::Loop(_)
            | InstKind::Block(_)
            | InstKind::Exit(_)
            | InstKind::Repeat(_)
            | InstKind::Return
            | InstKind::Trap(_)
            | InstKind::Unreachable => {}
        }
    }

    fn simple(&mut self, kind: FlatKind, id: InstId, span: Span) {
        let func = self.func;
        let mut values = func.args(id);
        let pair;
        if let (FlatKind::Op(op), [a, b]) = (kind, values)
            && self.is_swapped(op, *a, *b)
        {
            pair = [*b, *a];
            values = &pair;
        }
        if self.flat.lanes > 1 {
            // A constant among them may be made here, by an instruction of its own.
            let args = self.args(kind, values);
            let defs = self.results(id);
            return self.push(kind, &args, &defs, span);
        }
        let folded = self.folded(kind, values);
        let (args, defs) = (self.flat.args.len() as u32, self.flat.defs.len() as u32);
        for (index, value) in values.iter().enumerate() {
            let arg = self.arg(folded, index, *value);
            self.flat.args.push(arg);
        }
        for value in func.results(id) {
            let reg = self.reg(value);
            self.flat.defs.push(reg);
        }
        self.push_inst(kind, args, defs, span);
    }

    fn select(&mut self, id: InstId, span: Span) {
        let args = self.func.args(id);
        let (mut yes, mut no) = (args[1], args[2]);
        let (condition, negated) = self.look_through(args[0]);
        if negated {
            std::mem::swap(&mut yes, &mut no);
        }
        let defs = self.results(id);
        let fused = self.fused_comparison(condition);
        let is_int = self.class(self.func.ty(yes)) == RegClass::Int;
        if let Some((op, left, right)) = fused.filter(|_| is_int)
            && let Some((value, mask)) = self.tested_bits(op, left, right)
        {
            let regs = [value, yes, no].map(|value| Arg::Reg(self.reg(value)));
            self.push(FlatKind::SelectBits(op), &[regs[0], Arg::Const(mask), regs[1], regs[2]], &defs, span);
        } else if let Some((op, left, right)) = fused {
            let kind = FlatKind::SelectCmp(op);
            let mut args = self.op_args(kind, op, &[left, right]);
            args.push(Arg::Reg(self.reg(yes)));
            args.push(Arg::Reg(self.reg(no)));
            self.push(kind, &args, &defs, span);
        } else {
            let args = [condition, yes, no].map(|value| Arg::Reg(self.reg(value)));
            self.push(FlatKind::Select, &args, &defs, span);
        }
    }

    /// Ends the block with a branch on a condition; one that is several joined by `and` or `or` becomes several branches.
    fn branch(&mut self, id: InstId, yes: u32, no: u32) {
        let span = self.func.inst(id).span;
        let mut is_compound = false;
        let mut work = vec![(self.func.args(id)[0], yes, no, self.current)];
        while let Some((condition, mut yes, mut no, block)) = work.pop() {
            match block {
                Some(block) if self.current != Some(block) => self.open(block),
                _ => {}
            }
            let (condition, negated) = self.look_through(condition);
            if negated {
                std::mem::swap(&mut yes, &mut no);
            }
            if let Some((op, left, right)) = self.fused_connective(condition) {
                is_compound = true;
                let second = self.new_block();
                work.push((right, yes, no, Some(second)));
                let (yes, no) = if op == Op::BAnd { (second, no) } else { (yes, second) };
                work.push((left, yes, no, self.current));
                continue;
            }
            let (kind, args) = match self.fused_comparison(condition) {
                Some((op, left, right)) => match self.tested_bits(op, left, right) {
                    Some((value, mask)) => {
                        (FlatKind::BranchBits(op), smallvec![Arg::Reg(self.reg(value)), Arg::Const(mask)])
                    }
                    None => (FlatKind::BranchCmp(op), self.op_args(FlatKind::BranchCmp(op), op, &[left, right])),
                },
                None if self.is_fused(condition) => (FlatKind::BranchAny, smallvec![self.mask_of(condition)]),
                None => (FlatKind::Branch, smallvec![Arg::Reg(self.reg(condition))]),
            };
            self.push(kind, &args, &[], span);
            // Where there are several branches, each goes to each of its targets through a block of its own: no edge is critical.
            let ways = [yes, no].map(|to| if is_compound { self.new_block() } else { to });
            ways.into_iter().for_each(|way| self.edge(way));
            self.current = None;
            for (way, to) in ways.into_iter().zip([yes, no]).filter(|(way, to)| way != to) {
                self.open(way);
                self.jump(to, &[], span);
            }
        }
    }

    fn jump(&mut self, to: u32, args: &[Value], span: Span) {
        let args: Regs = args.iter().map(|value| self.fresh_reg(*value, span)).collect();
        self.push(FlatKind::Jump, &[], &[], span);
        if let Some(current) = self.current {
            self.flat.blocks[current as usize].jump_args = args;
        }
        self.edge(to);
        self.current = None;
    }

    fn edge(&mut self, to: u32) {
        if let Some(current) = self.current {
            self.flat.blocks[current as usize].succs.push(Block::new(to as usize));
            self.flat.blocks[to as usize].preds.push(Block::new(current as usize));
        }
    }

    /// A buffered helper with these arguments alone.
    fn helper(&mut self, helper: Helper, args: &[Value], id: InstId, span: Span) {
        self.buffered(helper, 0, args, id, span);
    }

    fn buffered(&mut self, helper: Helper, first: u32, args: &[Value], id: InstId, span: Span) {
        for (value, word) in args.iter().zip(first..) {
            self.store_arg(word, *value, span);
        }
        // A helper is always given an address, also for no arguments.
        self.flat.outgoing = self.flat.outgoing.max(first + args.len() as u32).max(1);
        let defs = self.results(id);
        self.push(FlatKind::CallHelper(helper), &[], &defs, span);
    }

    fn store_arg(&mut self, word: u32, value: Value, span: Span) {
        let kind = FlatKind::StoreArg(word);
        let arg = match self.constant(value) {
            Some(bits) if self.target.folds(kind, 0, bits) => Arg::Const(bits),
            _ => self.fresh_arg(value, span),
        };
        self.push(kind, &[arg], &[], span);
    }

    fn store_const(&mut self, word: u32, bits: u64, span: Span) {
        let kind = FlatKind::StoreArg(word);
        let arg = if self.target.folds(kind, 0, bits) {
            Arg::Const(bits)
        } else {
            Arg::Reg(self.materialize(Scalar::I64, bits, span))
        };
        self.push(kind, &[arg], &[], span);
    }

    /// The value whose register holds this one: a bounds check's result is its index.
    #[inline]
    pub(super) fn resolve(&self, value: Value) -> Value {
        if self.copies { self.resolve_copies(value) } else { value }
    }

    #[inline(never)]
    fn resolve_copies(&self, mut value: Value) -> Value {
        while let Some(id) = self.tables.known[value.index()].def {
            match (self.func.inst(id).kind, self.func.args(id).first()) {
                (InstKind::BoundsCheck | InstKind::AssumeInBounds, Some(index)) => value = *index,
                // Lanes of words lie in registers of one class.
                (InstKind::Op(Op::FBits | Op::FFromBits), Some(word)) if self.func.ty(value).lanes > 1 => value = *word,
                _ => break,
            }
        }
        value
    }

    /// The bits of a constant.
    pub(super) fn constant(&self, value: Value) -> Option<u64> {
        if !self.constants {
            return None;
        }
        let id = self.tables.known[self.resolve(value).index()].def?;
        match self.func.inst(id).kind {
            InstKind::ConstF64(bits) => Some(bits),
            InstKind::ConstI64(number) => Some(number as u64),
            InstKind::ConstBool(bit) => Some(u64::from(bit)),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn reg(&mut self, value: Value) -> VReg {
        let value = self.resolve(value);
        match self.tables.known[value.index()].reg {
            Some(reg) => reg,
            None => self.first_reg(value),
        }
    }

    #[inline(never)]
    fn first_reg(&mut self, value: Value) -> VReg {
        if self.func.ty(value).lanes > 1 && self.constant(value).is_some() {
            return self.vector_constant(value, self.func.span);
        }
        let reg = self.new_reg(self.class(self.func.ty(value)));
        self.tables.known[value.index()].reg = Some(reg);
        reg
    }

    /// The value in a register; a constant in one of its own, made here, for a use that wants it in a certain place.
    fn fresh_reg(&mut self, value: Value, span: Span) -> VReg {
        match self.constant(value) {
            Some(_) if self.func.ty(value).lanes > 1 => self.vector_constant(value, span),
            Some(bits) => self.materialize(self.func.ty(value).scalar, bits, span),
            None => self.reg(value),
        }
    }

    pub(super) fn fresh_arg(&mut self, value: Value, span: Span) -> Arg {
        Arg::Reg(self.fresh_reg(value, span))
    }

    fn materialize(&mut self, scalar: Scalar, bits: u64, span: Span) -> VReg {
        let reg = self.new_reg(class_of(scalar));
        let kind = match scalar {
            Scalar::F64 => FlatKind::ConstFloat(bits),
            _ => FlatKind::ConstInt(bits as i64),
        };
        self.push(kind, &[], &[reg], span);
        reg
    }

    pub(super) fn new_reg(&mut self, class: RegClass) -> VReg {
        let reg = VReg::new(self.flat.vregs as usize, class);
        self.flat.vregs += 1;
        reg
    }

    pub(super) fn results(&mut self, id: InstId) -> Defs {
        let inst = self.func.inst(id);
        if inst.results == 1 {
            return smallvec![self.reg(inst.first_result)];
        }
        self.func.results(id).map(|value| self.reg(value)).collect()
    }

    fn new_block(&mut self) -> u32 {
        self.flat.blocks.push(FlatBlock::default());
        self.flat.blocks.len() as u32 - 1
    }

    fn open(&mut self, block: u32) {
        let start = self.flat.insts.len() as u32;
        self.tables.filled.push(block);
        let depth = self.depth;
        let block = &mut self.flat.blocks[block as usize];
        block.insts = (start, start);
        block.loop_depth = depth;
        self.current = self.tables.filled.last().copied();
    }

    pub(super) fn push(&mut self, kind: FlatKind, args: &[Arg], defs: &[VReg], span: Span) {
        let flat = &mut self.flat;
        let (args_start, defs_start) = (flat.args.len() as u32, flat.defs.len() as u32);
        // Most have so few that a call to copy them takes longer.
        args.iter().for_each(|arg| flat.args.push(*arg));
        defs.iter().for_each(|def| flat.defs.push(*def));
        self.push_inst(kind, args_start, defs_start, span);
    }

    /// An instruction whose arguments and results were pushed from these places on.
    fn push_inst(&mut self, kind: FlatKind, args: u32, defs: u32, span: Span) {
        let Some(current) = self.current else { return };
        let flat = &mut self.flat;
        flat.insts.push(FlatInst {
            kind,
            args: (args, flat.args.len() as u32),
            defs: (defs, flat.defs.len() as u32),
            span,
            origin: self.origin,
        });
        flat.blocks[current as usize].insts.1 = flat.insts.len() as u32;
    }
}
