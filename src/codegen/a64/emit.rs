//! Instructions other than scalar operations, branches and cold stubs.

use super::abi::{CTX, DEPTH, FTMP, FUEL, SP, TMP, TMP2, ZERO};
use super::{A64, asm};
use crate::codegen::CodegenError;
use crate::codegen::blob::{PoolEntry, SiteKind};
use crate::codegen::flat::FlatKind;
use crate::codegen::target::{Cold, Context, Loc, Located, Stub};
use crate::ir::arrays::CANONICAL_NAN;
use crate::ir::op::{Math, Op};
use crate::runtime::context::offset::{ARENA_TOP, FUEL_SLICE, RESULT, TRAP_INDEX, TRAP_LEN};
use crate::runtime::helper::Helper;
use crate::span::Span;
use crate::trap::TrapKind;
use crate::types::Elem;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use regalloc2::RegClass;

/// What the flags say after a comparison; after one of floats, only those marked do where the operands are unordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cond {
    /// Equal.
    Eq,
    /// Not equal; unordered.
    Ne,
    /// Less, unsigned.
    Lo,
    /// Greater or equal, unsigned; unordered.
    Hs,
    /// Less or equal, unsigned; of floats, less or equal.
    Ls,
    /// Greater, unsigned; unordered.
    Hi,
    /// Negative; of floats, less.
    Mi,
    /// Not negative; unordered.
    Pl,
    /// Less, signed; unordered.
    Lt,
    /// Greater or equal, signed.
    Ge,
    /// Less or equal, signed; unordered.
    Le,
    /// Greater, signed.
    Gt,
    /// Overflow; unordered.
    Vs,
    /// No overflow.
    Vc,
}

impl Cond {
    const fn negate(self) -> Cond {
        match self {
            Cond::Eq => Cond::Ne,
            Cond::Ne => Cond::Eq,
            Cond::Lo => Cond::Hs,
            Cond::Hs => Cond::Lo,
            Cond::Ls => Cond::Hi,
            Cond::Hi => Cond::Ls,
            Cond::Mi => Cond::Pl,
            Cond::Pl => Cond::Mi,
            Cond::Lt => Cond::Ge,
            Cond::Ge => Cond::Lt,
            Cond::Le => Cond::Gt,
            Cond::Gt => Cond::Le,
            Cond::Vs => Cond::Vc,
            Cond::Vc => Cond::Vs,
        }
    }
}

/// An instruction whose last operand is a condition known only now.
macro_rules! on_condition {
    ($a64:expr, $cond:expr, $($code:tt)*) => {
        match $cond {
            Cond::Eq => asm!($a64, $($code)*, eq),
            Cond::Ne => asm!($a64, $($code)*, ne),
            Cond::Lo => asm!($a64, $($code)*, lo),
            Cond::Hs => asm!($a64, $($code)*, hs),
            Cond::Ls => asm!($a64, $($code)*, ls),
            Cond::Hi => asm!($a64, $($code)*, hi),
            Cond::Mi => asm!($a64, $($code)*, mi),
            Cond::Pl => asm!($a64, $($code)*, pl),
            Cond::Lt => asm!($a64, $($code)*, lt),
            Cond::Ge => asm!($a64, $($code)*, ge),
            Cond::Le => asm!($a64, $($code)*, le),
            Cond::Gt => asm!($a64, $($code)*, gt),
            Cond::Vs => asm!($a64, $($code)*, vs),
            Cond::Vc => asm!($a64, $($code)*, vc),
        }
    };
}
pub(super) use on_condition;

impl A64 {
    /// Any instruction but branches and returns.
    pub(super) fn emit_inst(&mut self, inst: &Located<'_>, cx: &mut Context) -> Result<(), CodegenError> {
        match inst.kind {
            FlatKind::Op(op) => return self.emit_op(op, inst, cx),
            FlatKind::Vector(kind) => return self.emit_vector(kind, inst, cx),
            FlatKind::Params | FlatKind::Jump | FlatKind::Return => {}
            FlatKind::Branch | FlatKind::BranchCmp(_) | FlatKind::BranchBits(_) | FlatKind::BranchAny => {}
            FlatKind::TableLoad(table) => self.table_load(table, inst, cx),
            FlatKind::StackParam(word) => {
                let from = cx.frame.param(word);
                match inst.def_class(0) {
                    RegClass::Float => self.load_float(inst.def(0), SP, from),
                    _ => self.load(inst.def(0), SP, from),
                }
            }
            FlatKind::ConstInt(value) => self.load_const(inst.def(0), value),
            FlatKind::ConstFloat(bits) => self.load_float_const(inst.def(0), bits, cx),
            FlatKind::Select => {
                asm!(self, cmp WSP(inst.reg(0)), 0);
                self.select(Cond::Ne, inst, 1);
            }
            FlatKind::SelectCmp(op) => {
                let cond = self.compare(op, inst);
                self.select(cond, inst, 2);
            }
            FlatKind::SelectBits(op) => {
                self.test_bits(inst);
                self.select(if op == Op::IEq { Cond::Eq } else { Cond::Ne }, inst, 2);
            }
            FlatKind::Math(math) => self.call_helper(Helper::Math(math), inst.span, cx),
            FlatKind::Rare(math, when) | FlatKind::RareCmp(math, _, when) => self.emit_rare(math, when, inst, cx),
            FlatKind::BoundsCheck => {
                let (index, len) = (inst.arg(0), inst.arg(1));
                // Unsigned, so that a negative index is above every length.
                let out_of_bounds = match (index, len) {
                    (Loc::Const(index), Loc::Reg(len)) => {
                        self.compare_const(len, index as i64);
                        Cond::Ls
                    }
                    (Loc::Reg(index), Loc::Const(len)) => {
                        self.compare_const(index, len as i64);
                        Cond::Hs
                    }
                    _ => {
                        asm!(self, cmp X(inst.reg(0)), X(inst.reg(1)));
                        Cond::Hs
                    }
                };
                self.bounds_trap(out_of_bounds, index, len, inst.span, cx);
            }
            FlatKind::SliceCheck => self.emit_slice_check(inst, cx),
            FlatKind::ElemAddr(elem) => self.emit_elem_addr(elem, inst),
            FlatKind::Load(elem) => self.emit_load(elem, inst),
            FlatKind::Store(elem) => self.emit_store(elem, inst),
            FlatKind::StoreArg(word) => match (inst.arg(0), inst.class(0)) {
                (Loc::Const(bits), _) => self.store_const(bits as i64, SP, word * 8),
                (Loc::Reg(from), Some(RegClass::Float)) => self.store_float(from, SP, word * 8),
                (Loc::Reg(from), _) => self.store(from, SP, word * 8),
            },
            FlatKind::CallHelper(helper) => {
                if helper.is_metered() {
                    self.store_context(FUEL, FUEL_SLICE);
                }
                self.copy_int(0, CTX);
                asm!(self, mov x1, sp);
                self.call_helper(helper, inst.span, cx);
                if helper.is_metered() {
                    self.load_context(FUEL, FUEL_SLICE);
                }
                let failed = self.label();
                asm!(self, cbnz x0, =>failed);
                cx.stub(failed, None, Cold::HelperTrap, inst.span);
                if inst.defs > 0 {
                    match inst.def_class(0) {
                        RegClass::Float => self.load_float(inst.def(0), CTX, RESULT as u32),
                        _ => self.load_context(inst.def(0), RESULT),
                    }
                }
            }
            FlatKind::ArenaMark => self.load_context(inst.def(0), ARENA_TOP),
            FlatKind::ArenaRelease => self.store_context(inst.reg(0), ARENA_TOP),
            FlatKind::MeterLoop => self.emit_meter(SiteKind::PollLoop, inst.span, cx),
            FlatKind::EnterCall(levels) => {
                if cx.metering {
                    self.emit_meter(SiteKind::PollCall(levels), inst.span, cx);
                }
                let overflow = self.label();
                self.count_down(DEPTH, levels, overflow);
                cx.stub(overflow, None, Cold::Trap(TrapKind::StackOverflow), inst.span);
            }
            FlatKind::EnterInlined(levels) => {
                if cx.metering {
                    self.emit_meter(SiteKind::PollCall(levels), inst.span, cx);
                }
                if levels > 0 {
                    let overflow = self.label();
                    asm!(self, cmp XSP(DEPTH), levels; b.lt =>overflow);
                    cx.stub(overflow, None, Cold::Trap(TrapKind::StackOverflow), inst.span);
                }
            }
            FlatKind::LeaveCall(levels) => self.add_const(DEPTH, DEPTH, i64::from(levels)),
            FlatKind::Call(func) => {
                let Some(entry) = cx.entry(func) else {
                    return Err(CodegenError::Malformed(format!("no function {}", func.0)));
                };
                asm!(self, bl =>entry);
                cx.site(self.offset(), SiteKind::Call(func), inst.span);
            }
            FlatKind::Trap(kind) => self.call_pool(Helper::Trap, SiteKind::Trap(kind), inst.span, cx),
        }
        Ok(())
    }

    /// Takes some from a register; goes to `below` where it falls below zero.
    fn count_down(&mut self, count: u8, by: u32, below: DynamicLabel) {
        asm!(self, subs X(count), XSP(count), by);
        self.branch_where(Cond::Mi, below);
    }

    fn emit_meter(&mut self, kind: SiteKind, span: Span, cx: &mut Context) {
        let (empty, back) = (self.label(), self.label());
        self.count_down(FUEL, 1, empty);
        self.bind(back);
        cx.stub(empty, Some(back), Cold::Poll(kind), span);
    }

    fn bounds_trap(&mut self, cond: Cond, index: Loc, len: Loc, span: Span, cx: &mut Context) {
        let out = self.label();
        self.branch_where(cond, out);
        cx.stub(out, None, Cold::Bounds(index, len), span);
    }

    fn emit_slice_check(&mut self, inst: &Located<'_>, cx: &mut Context) {
        let (to, lo, hi, len) = (inst.def(0), inst.arg(0), inst.arg(1), inst.reg(2));
        // Unsigned, so that a negative bound is above every length.
        for bound in [lo, hi] {
            match bound {
                Loc::Const(0) => {}
                Loc::Const(bits) => {
                    self.compare_const(len, bits as i64);
                    self.bounds_trap(Cond::Lo, bound, Loc::Reg(len), inst.span, cx);
                }
                Loc::Reg(reg) => {
                    asm!(self, cmp X(reg), X(len));
                    self.bounds_trap(Cond::Hi, bound, Loc::Reg(len), inst.span, cx);
                }
            }
        }
        match (lo, hi) {
            (Loc::Const(0), Loc::Const(hi)) => return self.load_const(to, hi as i64),
            (Loc::Const(0), Loc::Reg(hi)) => return self.copy_int(to, hi),
            (Loc::Const(lo), Loc::Reg(hi)) => self.subtract_with_flags(hi, lo),
            (Loc::Reg(lo), Loc::Const(hi)) => {
                self.load_const(TMP, hi as i64);
                asm!(self, subs X(TMP), X(TMP), X(lo));
            }
            _ => asm!(self, subs X(TMP), X(inst.reg(1)), X(inst.reg(0))),
        }
        self.bounds_trap(Cond::Lo, hi, Loc::Reg(len), inst.span, cx);
        self.copy_int(to, TMP);
    }

    /// `TMP = from - number`
    fn subtract_with_flags(&mut self, from: u8, number: u64) {
        let (high, low) = ((number >> 12) as u32, number as u32 & 0xFFF);
        if number < 1 << 12 {
            asm!(self, subs X(TMP), XSP(from), low);
        } else {
            asm!(self, subs X(TMP), XSP(from), high, lsl 12);
        }
    }

    fn emit_elem_addr(&mut self, elem: Elem, inst: &Located<'_>) {
        let (to, base) = (inst.def(0), inst.reg(0));
        match (inst.arg(1), elem.size()) {
            (Loc::Const(index), size) => self.add_const(to, base, index as i64 * size as i64),
            (Loc::Reg(index), 8) => asm!(self, add X(to), X(base), X(index), lsl 3),
            (Loc::Reg(index), 4) => asm!(self, add X(to), X(base), X(index), lsl 2),
            (Loc::Reg(index), _) => asm!(self, add X(to), X(base), X(index)),
        }
    }

    fn emit_load(&mut self, elem: Elem, inst: &Located<'_>) {
        let (to, base) = (inst.def(0), inst.reg(0));
        match inst.arg(1) {
            Loc::Const(index) => {
                let at = index as u32 * elem.size() as u32;
                match elem {
                    Elem::F64 => asm!(self, ldr D(to), [XSP(base), at]),
                    Elem::F32 => asm!(self, ldr S(to), [XSP(base), at]; fcvt D(to), S(to)),
                    Elem::I64 => asm!(self, ldr X(to), [XSP(base), at]),
                    Elem::I32 => asm!(self, ldrsw X(to), [XSP(base), at]),
                    Elem::U8 | Elem::Bool => asm!(self, ldrb W(to), [XSP(base), at]),
                }
            }
            Loc::Reg(i) => match elem {
                Elem::F64 => asm!(self, ldr D(to), [XSP(base), X(i), lsl 3]),
                Elem::F32 => asm!(self, ldr S(to), [XSP(base), X(i), lsl 2]; fcvt D(to), S(to)),
                Elem::I64 => asm!(self, ldr X(to), [XSP(base), X(i), lsl 3]),
                Elem::I32 => asm!(self, ldrsw X(to), [XSP(base), X(i), lsl 2]),
                Elem::U8 | Elem::Bool => asm!(self, ldrb W(to), [XSP(base), X(i)]),
            },
        }
    }

    fn emit_store(&mut self, elem: Elem, inst: &Located<'_>) {
        let base = inst.reg(0);
        // The one constant is zero, of whatever type.
        let (int_elem, value) = match (inst.arg(2), elem) {
            (Loc::Reg(value), _) => (elem, value),
            (Loc::Const(_), Elem::F64) => (Elem::I64, ZERO),
            (Loc::Const(_), Elem::F32) => (Elem::I32, ZERO),
            (Loc::Const(_), _) => (elem, ZERO),
        };
        if int_elem == Elem::F32 {
            asm!(self, fcvt S(FTMP), D(value));
        }
        match inst.arg(1) {
            Loc::Const(index) => {
                let at = index as u32 * elem.size() as u32;
                match int_elem {
                    Elem::F64 => asm!(self, str D(value), [XSP(base), at]),
                    Elem::F32 => asm!(self, str S(FTMP), [XSP(base), at]),
                    Elem::I64 => asm!(self, str X(value), [XSP(base), at]),
                    Elem::I32 => asm!(self, str W(value), [XSP(base), at]),
                    Elem::U8 | Elem::Bool => asm!(self, strb W(value), [XSP(base), at]),
                }
            }
            Loc::Reg(i) => match int_elem {
                Elem::F64 => asm!(self, str D(value), [XSP(base), X(i), lsl 3]),
                Elem::F32 => asm!(self, str S(FTMP), [XSP(base), X(i), lsl 2]),
                Elem::I64 => asm!(self, str X(value), [XSP(base), X(i), lsl 3]),
                Elem::I32 => asm!(self, str W(value), [XSP(base), X(i), lsl 2]),
                Elem::U8 | Elem::Bool => asm!(self, strb W(value), [XSP(base), X(i)]),
            },
        }
    }

    /// The result is the argument `yes` where the flags say so, else the one after it.
    fn select(&mut self, cond: Cond, inst: &Located<'_>, yes: usize) {
        let (to, yes, no) = (inst.def(0), inst.reg(yes), inst.reg(yes + 1));
        if inst.def_class(0) == RegClass::Float {
            on_condition!(self, cond, fcsel D(to), D(yes), D(no));
        } else {
            on_condition!(self, cond, csel X(to), X(yes), X(no));
        }
    }

    /// Goes to `to` where the flags say so.
    pub(super) fn branch_where(&mut self, cond: Cond, to: DynamicLabel) {
        match cond {
            Cond::Eq => asm!(self, b.eq =>to),
            Cond::Ne => asm!(self, b.ne =>to),
            Cond::Lo => asm!(self, b.lo =>to),
            Cond::Hs => asm!(self, b.hs =>to),
            Cond::Ls => asm!(self, b.ls =>to),
            Cond::Hi => asm!(self, b.hi =>to),
            Cond::Mi => asm!(self, b.mi =>to),
            Cond::Pl => asm!(self, b.pl =>to),
            Cond::Lt => asm!(self, b.lt =>to),
            Cond::Ge => asm!(self, b.ge =>to),
            Cond::Le => asm!(self, b.le =>to),
            Cond::Gt => asm!(self, b.gt =>to),
            Cond::Vs => asm!(self, b.vs =>to),
            Cond::Vc => asm!(self, b.vc =>to),
        }
    }

    /// Goes to `to` where the condition is `when`.
    pub(super) fn emit_branch(&mut self, inst: &Located<'_>, when: bool, to: DynamicLabel, cx: &mut Context) {
        // Where `to` may be out of a conditional branch's reach, that goes over an unconditional one.
        let over = self.label();
        let (when, near) = if cx.far { (!when, over) } else { (when, to) };
        match inst.kind {
            FlatKind::BranchCmp(op) | FlatKind::RareCmp(_, op, _) => self.branch_comparison(op, inst, when, near),
            FlatKind::BranchAny => self.branch_lanes(inst.reg(0), when, near),
            FlatKind::BranchBits(op) => {
                self.test_bits(inst);
                self.branch_where(if (op == Op::IEq) == when { Cond::Eq } else { Cond::Ne }, near);
            }
            _ if when => asm!(self, cbnz W(inst.reg(0)), =>near),
            _ => asm!(self, cbz W(inst.reg(0)), =>near),
        }
        if cx.far {
            asm!(self, b =>to);
        }
        self.bind(over);
    }

    /// Whether the bits that the second argument says are all zero.
    fn test_bits(&mut self, inst: &Located<'_>) {
        match inst.arg(1) {
            Loc::Const(mask) => asm!(self, tst X(inst.reg(0)), mask),
            Loc::Reg(mask) => asm!(self, tst X(inst.reg(0)), X(mask)),
        }
    }

    /// The result is in the register of the usual value, before the function's arguments.
    fn emit_rare(&mut self, math: Math, when: bool, inst: &Located<'_>, cx: &mut Context) {
        let (rare, back) = (self.label(), self.label());
        self.emit_branch(inst, when, rare, cx);
        self.bind(back);
        let last = inst.args.len() - 1;
        let first = last + 1 - math.arity();
        cx.stub(rare, Some(back), Cold::Rare(math, [inst.reg(first), inst.reg(last)], inst.def(0)), inst.span);
    }

    fn branch_comparison(&mut self, op: Op, inst: &Located<'_>, when: bool, to: DynamicLabel) {
        if let (Op::IEq | Op::INe, Loc::Reg(a), Loc::Const(0)) = (op, inst.arg(0), inst.arg(1)) {
            if (op == Op::IEq) == when {
                asm!(self, cbz X(a), =>to);
            } else {
                asm!(self, cbnz X(a), =>to);
            }
            return;
        }
        let cond = self.compare(op, inst);
        self.branch_where(if when { cond } else { cond.negate() }, to);
    }

    /// Calls a helper from the hot path.
    pub(super) fn call_helper(&mut self, helper: Helper, span: Span, cx: &mut Context) {
        self.call_pool(helper, SiteKind::Helper, span, cx);
    }

    fn call_pool(&mut self, helper: Helper, kind: SiteKind, span: Span, cx: &mut Context) {
        cx.pool_ref(self.offset(), PoolEntry::Helper(helper));
        asm!(self, adrp X(TMP), 0; ldr X(TMP), [XSP(TMP)]; blr X(TMP));
        cx.site(self.offset(), kind, span);
    }

    pub(super) fn emit_stub(&mut self, stub: &Stub, cx: &mut Context) {
        self.bind(stub.label);
        match stub.cold {
            Cold::Trap(kind) => self.call_pool(Helper::Trap, SiteKind::Trap(kind), stub.span, cx),
            Cold::Bounds(index, len) => {
                self.store_loc(index, TRAP_INDEX);
                self.store_loc(len, TRAP_LEN);
                self.call_pool(Helper::Trap, SiteKind::Trap(TrapKind::OutOfBounds), stub.span, cx);
            }
            Cold::HelperTrap => self.call_pool(Helper::Trap, SiteKind::HelperTrap, stub.span, cx),
            Cold::Poll(kind) => {
                self.call_pool(Helper::Poll, kind, stub.span, cx);
            }
            Cold::Rare(math, args, to) => {
                self.store_float(args[0], SP, 0);
                if math.arity() == 2 {
                    self.store_float(args[1], SP, 8);
                }
                cx.pool_ref(self.offset(), PoolEntry::Helper(Helper::Math(math)));
                asm!(self, adrp X(TMP2), 0; ldr X(TMP2), [XSP(TMP2)]);
                self.call_pool(Helper::Rare, SiteKind::Helper, stub.span, cx);
                self.load_float(to, SP, 0);
            }
            Cold::Canonical(reg) => self.load_float_const(reg, CANONICAL_NAN, cx),
        }
        if let Some(back) = stub.back {
            asm!(self, b =>back);
        }
    }

    fn store_loc(&mut self, loc: Loc, offset: i32) {
        match loc {
            Loc::Reg(reg) => self.store_context(reg, offset),
            Loc::Const(bits) => self.store_const(bits as i64, CTX, offset as u32),
        }
    }
}
