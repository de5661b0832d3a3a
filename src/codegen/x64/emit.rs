//! Instructions other than scalar operations, branches and cold stubs.

use super::abi::{CTX, DEPTH, FUEL, RDI, RSI, RSP, TMP, XTMP};
use super::{X64, asm};
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

/// What the flags say after a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cond {
    /// Equal, of integers.
    Eq,
    /// Not that.
    Ne,
    /// Less, signed.
    Lt,
    /// Less or equal, signed.
    Le,
    /// Greater, signed.
    Gt,
    /// Greater or equal, signed.
    Ge,
    /// Above: `vucomisd` says greater, and not unordered.
    Above,
    /// Above or equal, likewise.
    AboveEq,
    /// Below or equal, or unordered.
    NotAbove,
    /// Below, or unordered.
    NotAboveEq,
    /// Equal floats: zero and not unordered, two flags.
    FEq,
    /// Unequal floats or unordered, two flags.
    FNe,
}

impl Cond {
    const fn negate(self) -> Cond {
        match self {
            Cond::Eq => Cond::Ne,
            Cond::Ne => Cond::Eq,
            Cond::Lt => Cond::Ge,
            Cond::Le => Cond::Gt,
            Cond::Gt => Cond::Le,
            Cond::Ge => Cond::Lt,
            Cond::Above => Cond::NotAbove,
            Cond::AboveEq => Cond::NotAboveEq,
            Cond::NotAbove => Cond::Above,
            Cond::NotAboveEq => Cond::AboveEq,
            Cond::FEq => Cond::FNe,
            Cond::FNe => Cond::FEq,
        }
    }
}

impl X64 {
    /// Any instruction but branches and returns.
    pub(super) fn emit_inst(&mut self, inst: &Located<'_>, cx: &mut Context) -> Result<(), CodegenError> {
        match inst.kind {
            FlatKind::Op(op) => return self.emit_op(op, inst, cx),
            FlatKind::Vector(kind) => return self.emit_vector(kind, inst, cx),
            FlatKind::Params | FlatKind::Jump | FlatKind::Return => {}
            FlatKind::Branch | FlatKind::BranchCmp(_) | FlatKind::BranchBits(_) | FlatKind::BranchAny => {}
            FlatKind::TableLoad(table) => self.table_load(table, inst, cx),
            FlatKind::Load(elem @ (Elem::F64 | Elem::F32)) if inst.def(0) > XTMP => self.load_float_at(elem, inst),
            FlatKind::StackParam(word) => {
                let from = cx.frame.param(word) as i32;
                match inst.def_class(0) {
                    RegClass::Float => self.load_float(inst.def(0), RSP, from),
                    _ => self.load(inst.def(0), RSP, from),
                }
            }
            FlatKind::ConstInt(value) => self.load_const(inst.def(0), value),
            FlatKind::ConstFloat(bits) => self.load_float_const(inst.def(0), bits, cx),
            FlatKind::Select => self.emit_select(inst),
            FlatKind::SelectCmp(op) => self.emit_select_cmp(op, inst, cx),
            FlatKind::SelectBits(op) => {
                // `to` is the register of the second value.
                let (to, yes) = (inst.def(0), inst.reg(2));
                self.test_bits(inst);
                match op {
                    Op::IEq => asm!(self, cmove Rq(to), Rq(yes)),
                    _ => asm!(self, cmovne Rq(to), Rq(yes)),
                }
            }
            FlatKind::Math(math) => self.call_helper(Helper::Math(math), inst.span, cx),
            FlatKind::Rare(math, when) | FlatKind::RareCmp(math, _, when) => self.emit_rare(math, when, inst, cx),
            FlatKind::BoundsCheck => {
                let (index, len) = (inst.arg(0), inst.arg(1));
                let out = self.label();
                match (index, len) {
                    (Loc::Const(index), Loc::Reg(len)) => {
                        self.compare_const(len, index as i32);
                        asm!(self, jbe =>out);
                    }
                    (Loc::Reg(index), Loc::Const(len)) => {
                        self.compare_const(index, len as i32);
                        asm!(self, jae =>out);
                    }
                    _ => asm!(self, cmp Rq(inst.reg(0)), Rq(inst.reg(1)); jae =>out),
                }
                cx.stub(out, None, Cold::Bounds(index, len), inst.span);
            }
            FlatKind::SliceCheck => self.emit_slice_check(inst, cx),
            FlatKind::ElemAddr(elem) => self.emit_elem_addr(elem, inst),
            FlatKind::Load(elem) => self.emit_load(elem, inst),
            FlatKind::Store(elem) => self.emit_store(elem, inst),
            FlatKind::StoreArg(word) => {
                let to = word as i32 * 8;
                match (inst.arg(0), inst.class(0)) {
                    (Loc::Const(bits), _) => self.store_const(bits as i32, RSP, to),
                    (Loc::Reg(from), Some(RegClass::Float)) => self.store_float(from, RSP, to),
                    (Loc::Reg(from), _) => self.store(from, RSP, to),
                }
            }
            FlatKind::CallHelper(helper) => {
                if helper.is_metered() {
                    self.store(FUEL, CTX, FUEL_SLICE);
                }
                self.copy_int(RDI, CTX);
                self.copy_int(RSI, RSP);
                self.call_helper(helper, inst.span, cx);
                if helper.is_metered() {
                    self.load_context(FUEL, FUEL_SLICE);
                }
                let failed = self.label();
                asm!(self, test rax, rax; jnz =>failed);
                cx.stub(failed, None, Cold::HelperTrap, inst.span);
                if inst.defs > 0 {
                    match inst.def_class(0) {
                        RegClass::Float => self.load_float(inst.def(0), CTX, RESULT),
                        _ => self.load_context(inst.def(0), RESULT),
                    }
                }
            }
            FlatKind::ArenaMark => self.load_context(inst.def(0), ARENA_TOP),
            FlatKind::ArenaRelease => self.store(inst.reg(0), CTX, ARENA_TOP),
            FlatKind::MeterLoop => self.emit_meter(SiteKind::PollLoop, inst.span, cx),
            FlatKind::EnterCall(levels) => {
                if cx.metering {
                    self.emit_meter(SiteKind::PollCall(levels), inst.span, cx);
                }
                let overflow = self.label();
                self.subtract_const(DEPTH, levels);
                asm!(self, jb =>overflow);
                cx.stub(overflow, None, Cold::Trap(TrapKind::StackOverflow), inst.span);
            }
            FlatKind::EnterInlined(levels) => {
                if cx.metering {
                    self.emit_meter(SiteKind::PollCall(levels), inst.span, cx);
                }
                if levels > 0 {
                    let overflow = self.label();
                    asm!(self, cmp Rq(DEPTH), levels as i32; jb =>overflow);
                    cx.stub(overflow, None, Cold::Trap(TrapKind::StackOverflow), inst.span);
                }
            }
            FlatKind::LeaveCall(levels) => match i8::try_from(levels) {
                Ok(levels) => asm!(self, add Rq(DEPTH), BYTE levels),
                Err(_) => asm!(self, add Rq(DEPTH), levels as i32),
            },
            FlatKind::Call(func) => {
                let Some(entry) = cx.entry(func) else {
                    return Err(CodegenError::Malformed(format!("no function {}", func.0)));
                };
                asm!(self, call =>entry);
                cx.site(self.offset(), SiteKind::Call(func), inst.span);
            }
            FlatKind::Trap(kind) => self.call_pool(Helper::Trap, SiteKind::Trap(kind), inst.span, cx),
        }
        Ok(())
    }

    fn subtract_const(&mut self, from: u8, number: u32) {
        match i8::try_from(number) {
            Ok(number) => asm!(self, sub Rq(from), BYTE number),
            Err(_) => asm!(self, sub Rq(from), number as i32),
        }
    }

    fn emit_meter(&mut self, kind: SiteKind, span: Span, cx: &mut Context) {
        let (empty, back) = (self.label(), self.label());
        // Never negative before; and unlike the sign, the carry makes one operation of the two instructions.
        asm!(self, sub Rq(FUEL), BYTE 1; jb =>empty);
        self.bind(back);
        cx.stub(empty, Some(back), Cold::Poll(kind), span);
    }

    fn emit_slice_check(&mut self, inst: &Located<'_>, cx: &mut Context) {
        let (lo, hi, len) = (inst.arg(0), inst.arg(1), inst.reg(2));
        // Unsigned, so that a negative bound is above every length.
        match lo {
            Loc::Const(0) => {}
            Loc::Const(lo_bits) => {
                let out = self.label();
                self.compare_const(len, lo_bits as i32);
                asm!(self, jb =>out);
                cx.stub(out, None, Cold::Bounds(lo, Loc::Reg(len)), inst.span);
            }
            Loc::Reg(lo_reg) => {
                let out = self.label();
                asm!(self, cmp Rq(lo_reg), Rq(len); ja =>out);
                cx.stub(out, None, Cold::Bounds(lo, Loc::Reg(len)), inst.span);
            }
        }
        let out = self.label();
        match hi {
            Loc::Const(hi) => {
                self.compare_const(len, hi as i32);
                asm!(self, jb =>out; mov Rq(TMP), DWORD hi as i32);
            }
            Loc::Reg(hi) => asm!(self, cmp Rq(hi), Rq(len); ja =>out; mov Rq(TMP), Rq(hi)),
        }
        match lo {
            Loc::Const(0) => {}
            Loc::Const(lo) => asm!(self, sub Rq(TMP), lo as i32; jb =>out),
            Loc::Reg(lo) => asm!(self, sub Rq(TMP), Rq(lo); jb =>out),
        }
        cx.stub(out, None, Cold::Bounds(hi, Loc::Reg(len)), inst.span);
        self.copy_int(inst.def(0), TMP);
    }

    fn emit_elem_addr(&mut self, elem: Elem, inst: &Located<'_>) {
        let (to, base) = (inst.def(0), inst.reg(0));
        match (inst.arg(1), elem.size()) {
            (Loc::Const(index), size) => {
                let offset = (index as i64 * size as i64) as i32;
                asm!(self, lea Rq(to), [Rq(base) + offset]);
            }
            (Loc::Reg(index), 8) => asm!(self, lea Rq(to), [Rq(base) + Rq(index) * 8]),
            (Loc::Reg(index), 4) => asm!(self, lea Rq(to), [Rq(base) + Rq(index) * 4]),
            (Loc::Reg(index), _) => asm!(self, lea Rq(to), [Rq(base) + Rq(index)]),
        }
    }

    fn emit_load(&mut self, elem: Elem, inst: &Located<'_>) {
        let (to, base) = (inst.def(0), inst.reg(0));
        match inst.arg(1) {
            Loc::Const(index) => {
                let at = (index as i64 * elem.size() as i64) as i32;
                match elem {
                    Elem::F64 => self.load_float(to, base, at),
                    Elem::F32 => {
                        asm!(self, vmovss Rx(to), DWORD [Rq(base) + at]; vcvtss2sd Rx(to), Rx(to), Rx(to));
                    }
                    Elem::I64 => self.load(to, base, at),
                    Elem::I32 => asm!(self, movsxd Rq(to), DWORD [Rq(base) + at]),
                    Elem::U8 | Elem::Bool => asm!(self, movzx Rd(to), BYTE [Rq(base) + at]),
                }
            }
            Loc::Reg(i) => match elem {
                Elem::F64 => asm!(self, vmovsd Rx(to), QWORD [Rq(base) + Rq(i) * 8]),
                Elem::F32 => {
                    asm!(self, vmovss Rx(to), DWORD [Rq(base) + Rq(i) * 4]; vcvtss2sd Rx(to), Rx(to), Rx(to));
                }
                Elem::I64 => asm!(self, mov Rq(to), [Rq(base) + Rq(i) * 8]),
                Elem::I32 => asm!(self, movsxd Rq(to), DWORD [Rq(base) + Rq(i) * 4]),
                Elem::U8 | Elem::Bool => asm!(self, movzx Rd(to), BYTE [Rq(base) + Rq(i)]),
            },
        }
    }

    fn emit_store(&mut self, elem: Elem, inst: &Located<'_>) {
        let base = inst.reg(0);
        if let (Elem::F32, Loc::Reg(value)) = (elem, inst.arg(2)) {
            asm!(self, vcvtsd2ss Rx(XTMP), Rx(value), Rx(value));
        }
        match (inst.arg(1), inst.arg(2)) {
            (Loc::Const(index), Loc::Reg(value)) => {
                let at = (index as i64 * elem.size() as i64) as i32;
                match elem {
                    Elem::F64 => self.store_float(value, base, at),
                    Elem::F32 => asm!(self, vmovss DWORD [Rq(base) + at], Rx(XTMP)),
                    Elem::I64 => self.store(value, base, at),
                    Elem::I32 => asm!(self, mov[Rq(base) + at], Rd(value)),
                    Elem::U8 | Elem::Bool => asm!(self, mov[Rq(base) + at], Rb(value)),
                }
            }
            (Loc::Reg(i), Loc::Reg(value)) => match elem {
                Elem::F64 => asm!(self, vmovsd QWORD [Rq(base) + Rq(i) * 8], Rx(value)),
                Elem::F32 => asm!(self, vmovss DWORD [Rq(base) + Rq(i) * 4], Rx(XTMP)),
                Elem::I64 => asm!(self, mov[Rq(base) + Rq(i) * 8], Rq(value)),
                Elem::I32 => asm!(self, mov[Rq(base) + Rq(i) * 4], Rd(value)),
                Elem::U8 | Elem::Bool => asm!(self, mov[Rq(base) + Rq(i)], Rb(value)),
            },
            (Loc::Reg(i), Loc::Const(bits)) => match elem {
                Elem::F64 | Elem::I64 => asm!(self, mov QWORD [Rq(base) + Rq(i) * 8], bits as i32),
                Elem::F32 => {
                    let bits = (f64::from_bits(bits) as f32).to_bits();
                    asm!(self, mov DWORD [Rq(base) + Rq(i) * 4], bits as i32);
                }
                Elem::I32 => asm!(self, mov DWORD [Rq(base) + Rq(i) * 4], bits as i32),
                Elem::U8 | Elem::Bool => asm!(self, mov BYTE [Rq(base) + Rq(i)], bits as i8),
            },
            (Loc::Const(_), Loc::Const(_)) => {} // Only one argument is ever folded.
        }
    }

    fn emit_select(&mut self, inst: &Located<'_>) {
        let (to, bit, yes, no) = (inst.def(0), inst.reg(0), inst.reg(1), inst.reg(2));
        if inst.def_class(0) == RegClass::Float {
            asm!(self, mov Rq(TMP), Rq(bit); shl Rq(TMP), BYTE 63; vmovq Rx(XTMP), Rq(TMP));
            asm!(self, vblendvpd Rx(to), Rx(no), Rx(yes), Rx(XTMP));
        } else {
            // `to` is the register of `no`.
            asm!(self, test Rd(bit), Rd(bit); cmovnz Rq(to), Rq(yes));
        }
    }

    fn emit_select_cmp(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let (to, yes, no) = (inst.def(0), inst.reg(2), inst.reg(3));
        if inst.def_class(0) != RegClass::Float {
            // `to` is the register of the value that is not moved.
            match self.compare(op, inst, cx) {
                Cond::FEq => asm!(self, cmovne Rq(to), Rq(no); cmovp Rq(to), Rq(no)),
                Cond::FNe => asm!(self, cmovne Rq(to), Rq(yes); cmovp Rq(to), Rq(yes)),
                Cond::Eq => asm!(self, cmove Rq(to), Rq(yes)),
                Cond::Ne => asm!(self, cmovne Rq(to), Rq(yes)),
                Cond::Lt => asm!(self, cmovl Rq(to), Rq(yes)),
                Cond::Le => asm!(self, cmovle Rq(to), Rq(yes)),
                Cond::Gt => asm!(self, cmovg Rq(to), Rq(yes)),
                Cond::Ge => asm!(self, cmovge Rq(to), Rq(yes)),
                Cond::Above => asm!(self, cmova Rq(to), Rq(yes)),
                Cond::AboveEq => asm!(self, cmovae Rq(to), Rq(yes)),
                Cond::NotAbove => asm!(self, cmovbe Rq(to), Rq(yes)),
                Cond::NotAboveEq => asm!(self, cmovb Rq(to), Rq(yes)),
            }
            return;
        }
        if matches!(op, Op::FEq | Op::FNe | Op::FLt | Op::FLe) {
            self.compare_mask(op, inst, cx);
        } else {
            let cond = self.compare(op, inst, cx);
            self.set(TMP, cond);
            asm!(self, shl Rq(TMP), BYTE 63; vmovq Rx(XTMP), Rq(TMP));
        }
        asm!(self, vblendvpd Rx(to), Rx(no), Rx(yes), Rx(XTMP));
    }

    /// Whether the bits that the second argument says are all zero.
    fn test_bits(&mut self, inst: &Located<'_>) {
        match inst.arg(1) {
            Loc::Const(mask @ 0..=0x7F) => asm!(self, test Rb(inst.reg(0)), BYTE mask as i8),
            Loc::Const(mask @ 0..=0x7FFF_FFFF) => asm!(self, test Rd(inst.reg(0)), DWORD mask as i32),
            Loc::Const(mask) => asm!(self, test Rq(inst.reg(0)), DWORD mask as i32),
            Loc::Reg(mask) => asm!(self, test Rq(inst.reg(0)), Rq(mask)),
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

    /// Goes to `to` where the condition is `when`.
    pub(super) fn emit_branch(&mut self, inst: &Located<'_>, when: bool, to: DynamicLabel, cx: &mut Context) {
        let cond = match inst.kind {
            FlatKind::BranchAny => {
                self.test_lanes(inst.reg(0));
                Cond::Ne
            }
            FlatKind::BranchCmp(op) | FlatKind::RareCmp(_, op, _) => self.compare(op, inst, cx),
            FlatKind::BranchBits(op) => {
                self.test_bits(inst);
                if op == Op::IEq { Cond::Eq } else { Cond::Ne }
            }
            _ => {
                asm!(self, test Rd(inst.reg(0)), Rd(inst.reg(0)));
                Cond::Ne
            }
        };
        match if when { cond } else { cond.negate() } {
            Cond::FEq => {
                let unordered = self.label();
                asm!(self, jp =>unordered; je =>to);
                self.bind(unordered);
            }
            Cond::FNe => asm!(self, jne =>to; jp =>to),
            Cond::Eq => asm!(self, je =>to),
            Cond::Ne => asm!(self, jne =>to),
            Cond::Lt => asm!(self, jl =>to),
            Cond::Le => asm!(self, jle =>to),
            Cond::Gt => asm!(self, jg =>to),
            Cond::Ge => asm!(self, jge =>to),
            Cond::Above => asm!(self, ja =>to),
            Cond::AboveEq => asm!(self, jae =>to),
            Cond::NotAbove => asm!(self, jbe =>to),
            Cond::NotAboveEq => asm!(self, jb =>to),
        }
    }

    /// Calls a helper from the hot path.
    pub(super) fn call_helper(&mut self, helper: Helper, span: Span, cx: &mut Context) {
        self.leave_vectors(&cx.frame);
        self.call_pool(helper, SiteKind::Helper, span, cx);
    }

    fn call_pool(&mut self, helper: Helper, kind: SiteKind, span: Span, cx: &mut Context) {
        asm!(self, call QWORD [rip + 0]);
        self.pool_ref(PoolEntry::Helper(helper), cx);
        cx.site(self.offset(), kind, span);
    }

    /// The instruction just emitted ends in its displacement to a word of the pool.
    pub(super) fn pool_ref(&mut self, entry: PoolEntry, cx: &mut Context) {
        cx.pool_ref(self.offset() - 4, entry);
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
                self.store_float(args[0], RSP, 0);
                if math.arity() == 2 {
                    self.store_float(args[1], RSP, 8);
                }
                asm!(self, mov Rq(TMP), [rip + 0]);
                self.pool_ref(PoolEntry::Helper(Helper::Math(math)), cx);
                self.call_pool(Helper::Rare, SiteKind::Helper, stub.span, cx);
                self.load_float(to, RSP, 0);
            }
            // Without the pool: most formulas need none but for this.
            Cold::Canonical(reg) if reg <= XTMP => {
                const { assert!(CANONICAL_NAN == 0x7FF8 << 48) };
                asm!(self, mov Rd(TMP), 0x7FF8; shl Rq(TMP), BYTE 48; vmovq Rx(reg), Rq(TMP));
            }
            Cold::Canonical(reg) => self.load_float_const(reg, CANONICAL_NAN, cx),
        }
        if let Some(back) = stub.back {
            asm!(self, jmp =>back);
        }
    }

    fn store_loc(&mut self, loc: Loc, offset: i32) {
        match loc {
            Loc::Reg(reg) => self.store(reg, CTX, offset),
            Loc::Const(bits) => self.store_const(bits as i32, CTX, offset),
        }
    }
}
