//! Values of two lanes of 64 bits. A mask is all ones or zeros in each lane.

use super::abi::{FTMP, SP, TMP, TMP2};
use super::immediates::is_float;
use super::{A64, asm};
use crate::codegen::CodegenError;
use crate::codegen::blob::PoolEntry;
use crate::codegen::flat::{Arg, Vector};
use crate::codegen::frame::Frame;
use crate::codegen::target::{Context, Loc, Located, Operands};
use crate::ir::op::{Math, Op, Scalar, TableId};
use crate::runtime::helper::Helper;
use crate::types::Elem;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi};
use regalloc2::{Allocation, RegClass, VReg};

/// Bytes of a vector.
const BYTES: u32 = 16;

/// Constants kept in registers, of 31.
pub(super) const HELD: usize = 14;

/// See [`crate::codegen::target::Target::folds`].
pub(super) fn folds(kind: Vector, arg: usize, bits: u64) -> bool {
    match (kind, arg) {
        (Vector::Op(Op::IShl | Op::IShr | Op::ISar | Op::IRotl | Op::IRotr), 1) => true,
        (Vector::Load(elem) | Vector::Store(elem), 1) => bits.saturating_mul(elem.size() as u64) < 1 << 12,
        _ => false,
    }
}

/// See [`crate::codegen::target::Target::operands`].
pub(super) fn operands(kind: Vector, defs: &[VReg], args: &[Arg], out: &mut Operands<'_>) {
    let constant = matches!(args, [_, Arg::Const(_)]);
    let shared = match kind {
        Vector::Op(Op::Fma | Op::Fms | Op::Fnma) | Vector::FmaInto(_) => Some(2),
        Vector::Op(Op::FCanon) | Vector::Select(_) => Some(0),
        _ => None,
    };
    for def in defs {
        match shared {
            Some(index) => out.reuse_def(*def, defs.len() + index),
            None => out.def(*def),
        }
    }
    for arg in args {
        out.arg(*arg);
    }
    let temps = match kind {
        Vector::Op(Op::FSign | Op::FCanon | Op::FIsFinite | Op::FIsInfinite) => 1,
        Vector::Op(Op::IRotl | Op::IRotr) if !constant => 2,
        Vector::Gather(Elem::F32) => 1,
        _ => 0,
    };
    (0..temps).for_each(|_| out.temp(RegClass::Float));
}

impl A64 {
    pub(super) fn copy_vector(&mut self, to: u8, from: u8) {
        if to != from {
            asm!(self, mov V(to).B16, V(from).B16);
        }
    }

    /// Moves between registers and spill slots.
    pub(super) fn copy_lanes(&mut self, from: Allocation, to: Allocation, frame: &Frame) {
        let number = |alloc: Allocation| alloc.as_reg().map(|reg| reg.hw_enc() as u8);
        let slot = |alloc: Allocation| alloc.as_stack().map(|slot| frame.slot(slot));
        match (number(from), number(to), slot(from), slot(to)) {
            (Some(from), Some(to), ..) => self.copy_vector(to, from),
            (Some(from), _, _, Some(to)) => self.store_vector(from, to),
            (_, Some(to), Some(from), _) => self.load_vector(to, from),
            _ => {}
        }
    }

    /// To the frame.
    fn store_vector(&mut self, from: u8, offset: u32) {
        if offset.is_multiple_of(BYTES) && offset < BYTES << 12 {
            asm!(self, str Q(from), [XSP(SP), offset]);
        } else {
            self.load_const(TMP2, i64::from(offset));
            asm!(self, str Q(from), [XSP(SP), X(TMP2)]);
        }
    }

    /// From the frame.
    fn load_vector(&mut self, to: u8, offset: u32) {
        if offset.is_multiple_of(BYTES) && offset < BYTES << 12 {
            asm!(self, ldr Q(to), [XSP(SP), offset]);
        } else {
            self.load_const(TMP2, i64::from(offset));
            asm!(self, ldr Q(to), [XSP(SP), X(TMP2)]);
        }
    }

    /// An instruction on lanes.
    pub(super) fn emit_vector(
        &mut self,
        kind: Vector,
        inst: &Located<'_>,
        cx: &mut Context,
    ) -> Result<(), CodegenError> {
        match kind {
            Vector::Const(bits) => self.vector_const(inst.def(0), bits, cx),
            Vector::ConstMask(set) => self.vector_const(inst.def(0), if set { u64::MAX } else { 0 }, cx),
            Vector::Op(op) => return self.emit_vector_op(op, inst, cx),
            Vector::FmaInto(op) => self.fused_lanes(op, inst),
            // The result is in the register of the mask.
            Vector::Select(_) => {
                asm!(self, bsl V(inst.def(0)).B16, V(inst.reg(1)).B16, V(inst.reg(2)).B16);
            }
            Vector::Splat(scalar) => {
                let (to, from) = (inst.def(0), inst.reg(0));
                match scalar {
                    Scalar::F64 => asm!(self, dup V(to).D2, V(from).D[0]),
                    Scalar::Bool => asm!(self, neg X(TMP), X(from); dup V(to).D2, X(TMP)),
                    Scalar::I64 | Scalar::Ptr => asm!(self, dup V(to).D2, X(from)),
                }
            }
            Vector::LaneIndex => {
                self.load_const(TMP, 1);
                asm!(self, movi V(inst.def(0)).D2, 0; ins V(inst.def(0)).D[1], X(TMP));
            }
            Vector::AnyLane => {
                self.any_lane(inst.reg(0));
                asm!(self, cmp XSP(TMP), 0; cset X(inst.def(0)), ne);
            }
            Vector::Load(elem) => self.load_lanes(elem, inst),
            Vector::Store(elem) => self.store_lanes(elem, inst),
            Vector::Gather(elem) => self.gather(elem, inst),
            Vector::TableLoad(table) => self.table_lanes(table, inst, cx),
            Vector::MathLanes(math) => self.math_lanes(math, inst, cx),
            Vector::Truncate => asm!(self, fcvtzs V(inst.def(0)).D2, V(inst.reg(0)).D2),
        }
        Ok(())
    }

    pub(super) fn vector_const(&mut self, to: u8, bits: u64, cx: &mut Context) {
        if bits == 0 || bits == u64::MAX {
            asm!(self, movi V(to).D2, bits);
        } else if is_float(bits) {
            asm!(self, fmov V(to).D2, f64::from_bits(bits) as f32);
        } else {
            self.load_float_const(to, bits, cx);
            asm!(self, dup V(to).D2, V(to).D[0]);
        }
    }

    /// The scratch register is zero where no lane of the mask is set.
    fn any_lane(&mut self, mask: u8) {
        asm!(self, addp D(FTMP), V(mask).D2; fmov X(TMP), D(FTMP));
    }

    /// Goes to `to` where any lane is set, or where none is.
    pub(super) fn branch_lanes(&mut self, mask: u8, when: bool, to: DynamicLabel) {
        self.any_lane(mask);
        if when {
            asm!(self, cbnz X(TMP), =>to);
        } else {
            asm!(self, cbz X(TMP), =>to);
        }
    }

    /// The address of the elements from an index on, in the scratch register.
    fn place(&mut self, elem: Elem, inst: &Located<'_>) {
        let base = inst.reg(0);
        match (inst.arg(1), elem.size()) {
            (Loc::Const(index), size) => self.add_const(TMP, base, index as i64 * size as i64),
            (Loc::Reg(index), 8) => asm!(self, add X(TMP), X(base), X(index), lsl 3),
            (Loc::Reg(index), 4) => asm!(self, add X(TMP), X(base), X(index), lsl 2),
            (Loc::Reg(index), _) => asm!(self, add X(TMP), X(base), X(index)),
        }
    }

    fn load_lanes(&mut self, elem: Elem, inst: &Located<'_>) {
        let to = inst.def(0);
        self.place(elem, inst);
        match elem {
            Elem::F64 | Elem::I64 => asm!(self, ldr Q(to), [XSP(TMP)]),
            Elem::F32 => asm!(self, ldr D(to), [XSP(TMP)]; fcvtl V(to).D2, V(to).S2),
            Elem::I32 => asm!(self, ldr D(to), [XSP(TMP)]; sxtl V(to).D2, V(to).S2),
            Elem::U8 | Elem::Bool => {
                asm!(self, ldr H(to), [XSP(TMP)]; uxtl V(to).H8, V(to).B8; uxtl V(to).S4, V(to).H4; uxtl V(to).D2, V(to).S2);
                if elem == Elem::Bool {
                    asm!(self, neg V(to).D2, V(to).D2);
                }
            }
        }
    }

    fn store_lanes(&mut self, elem: Elem, inst: &Located<'_>) {
        let mut value = inst.reg(2);
        self.place(elem, inst);
        if elem == Elem::Bool {
            asm!(self, ushr V(FTMP).D2, V(value).D2, 63);
            value = FTMP;
        }
        match elem {
            Elem::F64 | Elem::I64 => asm!(self, str Q(value), [XSP(TMP)]),
            Elem::F32 => asm!(self, fcvtn V(FTMP).S2, V(value).D2; str D(FTMP), [XSP(TMP)]),
            Elem::I32 => asm!(self, xtn V(FTMP).S2, V(value).D2; str D(FTMP), [XSP(TMP)]),
            Elem::U8 | Elem::Bool => {
                asm!(self, xtn V(FTMP).S2, V(value).D2; xtn V(FTMP).H4, V(FTMP).S4; xtn V(FTMP).B8, V(FTMP).H8);
                asm!(self, str H(FTMP), [XSP(TMP)]);
            }
        }
    }

    /// A lane of a vector in the scratch register.
    fn lane(&mut self, from: u8, lane: u32) {
        if lane == 0 {
            asm!(self, fmov X(TMP), D(from));
        } else {
            asm!(self, umov X(TMP), V(from).D[1]);
        }
    }

    fn gather(&mut self, elem: Elem, inst: &Located<'_>) {
        let (to, base, index, mask) = (inst.def(0), inst.reg(0), inst.reg(1), inst.reg(2));
        asm!(self, movi V(FTMP).D2, 0);
        for lane in 0..2 {
            let skip = self.label();
            self.lane(mask, lane);
            asm!(self, cbz X(TMP), =>skip);
            self.lane(index, lane);
            match elem {
                Elem::F64 | Elem::I64 => asm!(self, ldr X(TMP), [XSP(base), X(TMP), lsl 3]),
                Elem::I32 => asm!(self, ldrsw X(TMP), [XSP(base), X(TMP), lsl 2]),
                Elem::F32 => {
                    let wide = inst.temp(0);
                    asm!(self, ldr S(wide), [XSP(base), X(TMP), lsl 2]; fcvt D(wide), S(wide); fmov X(TMP), D(wide));
                }
                Elem::U8 | Elem::Bool => asm!(self, ldrb W(TMP), [XSP(base), X(TMP)]),
            }
            asm!(self, ins V(FTMP).D[lane], X(TMP));
            self.bind(skip);
        }
        if elem == Elem::Bool {
            asm!(self, neg V(to).D2, V(FTMP).D2);
        } else {
            self.copy_vector(to, FTMP);
        }
    }

    fn table_address(&mut self, to: u8, table: TableId, cx: &mut Context) {
        cx.pool_ref(self.offset(), PoolEntry::Table(table));
        asm!(self, adrp X(to), 0; ldr X(to), [XSP(to)]);
    }

    /// An element of a table, of one lane.
    pub(super) fn table_load(&mut self, table: TableId, inst: &Located<'_>, cx: &mut Context) {
        self.table_address(TMP2, table, cx);
        self.low_bits(inst.reg(0), table);
        asm!(self, ldr D(inst.def(0)), [XSP(TMP2), X(TMP), lsl 3]);
    }

    fn low_bits(&mut self, index: u8, table: TableId) {
        match table.len() as u64 - 1 {
            0 => asm!(self, movz X(TMP), 0),
            rest => asm!(self, and XSP(TMP), X(index), rest),
        }
    }

    fn table_lanes(&mut self, table: TableId, inst: &Located<'_>, cx: &mut Context) {
        let index = inst.reg(0);
        self.table_address(TMP2, table, cx);
        self.lane(index, 0);
        self.low_bits(TMP, table);
        asm!(self, ldr D(FTMP), [XSP(TMP2), X(TMP), lsl 3]);
        self.lane(index, 1);
        self.low_bits(TMP, table);
        asm!(self, ldr X(TMP), [XSP(TMP2), X(TMP), lsl 3]; ins V(FTMP).D[1], X(TMP));
        self.copy_vector(inst.def(0), FTMP);
    }

    /// Calls the runtime for the lanes of the mask: mask, usual values and arguments lie in the outgoing area, and the result where the usual values were.
    fn math_lanes(&mut self, math: Math, inst: &Located<'_>, cx: &mut Context) {
        for index in 0..inst.args.len() {
            self.store_vector(inst.reg(index), index as u32 * BYTES);
        }
        asm!(self, mov x0, sp);
        self.call_helper(Helper::MathLanes(math, 2), inst.span, cx);
        self.load_vector(inst.def(0), BYTES);
    }

    /// The result is in the register of the addend.
    fn fused_lanes(&mut self, op: Op, inst: &Located<'_>) {
        let (to, a, b) = (inst.def(0), inst.reg(0), inst.reg(1));
        match op {
            Op::Fma => asm!(self, fmla V(to).D2, V(a).D2, V(b).D2),
            Op::Fnma => asm!(self, fmls V(to).D2, V(a).D2, V(b).D2),
            // The addend is negated, not the sum: a sum of zero is 0.0. A factor that is the same value may be in its register.
            _ if a == to || b == to => {
                asm!(self, fneg V(FTMP).D2, V(to).D2; fmla V(FTMP).D2, V(a).D2, V(b).D2; mov V(to).B16, V(FTMP).B16)
            }
            _ => asm!(self, fneg V(to).D2, V(to).D2; fmla V(to).D2, V(a).D2, V(b).D2),
        }
    }

    /// INVARIANT: arguments are read before the result is written.
    fn emit_vector_op(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) -> Result<(), CodegenError> {
        let (to, a) = (inst.def(0), inst.reg(0));
        match op {
            Op::FAdd => asm!(self, fadd V(to).D2, V(a).D2, V(inst.reg(1)).D2),
            Op::FSub => asm!(self, fsub V(to).D2, V(a).D2, V(inst.reg(1)).D2),
            Op::FMul => asm!(self, fmul V(to).D2, V(a).D2, V(inst.reg(1)).D2),
            Op::FDiv => asm!(self, fdiv V(to).D2, V(a).D2, V(inst.reg(1)).D2),
            Op::Fma | Op::Fms | Op::Fnma => self.fused_lanes(op, inst),
            Op::FNeg => asm!(self, fneg V(to).D2, V(a).D2),
            Op::FAbs => asm!(self, fabs V(to).D2, V(a).D2),
            Op::FSqrt => asm!(self, fsqrt V(to).D2, V(a).D2),
            // These give a NaN for a NaN, and know -0.0 from 0.0.
            Op::FMin => asm!(self, fmin V(to).D2, V(a).D2, V(inst.reg(1)).D2),
            Op::FMax => asm!(self, fmax V(to).D2, V(a).D2, V(inst.reg(1)).D2),
            Op::FFloor => asm!(self, frintm V(to).D2, V(a).D2),
            Op::FCeil => asm!(self, frintp V(to).D2, V(a).D2),
            Op::FTrunc => asm!(self, frintz V(to).D2, V(a).D2),
            Op::FRound => asm!(self, frinta V(to).D2, V(a).D2),
            Op::FRoundEven => asm!(self, frintn V(to).D2, V(a).D2),
            Op::FFract => asm!(self, frintz V(FTMP).D2, V(a).D2; fsub V(to).D2, V(a).D2, V(FTMP).D2),
            Op::FSign => {
                // One with the operand's sign, where the operand is neither zero nor NaN: its magnitude is above zero.
                let pick = inst.temp(0);
                self.sign_bits(pick);
                asm!(self, fmov V(FTMP).D2, 1.0; bit V(FTMP).B16, V(a).B16, V(pick).B16);
                asm!(self, fabs V(pick).D2, V(a).D2; fcmgt V(pick).D2, V(pick).D2, 0.0);
                asm!(self, bsl V(pick).B16, V(FTMP).B16, V(a).B16; mov V(to).B16, V(pick).B16);
            }
            Op::FCopysign => {
                self.sign_bits(FTMP);
                asm!(self, bsl V(FTMP).B16, V(inst.reg(1)).B16, V(a).B16; mov V(to).B16, V(FTMP).B16);
            }
            Op::FCanon => {
                // `to` is the register of the operand.
                let canonical = inst.temp(0);
                self.vector_const(canonical, crate::ir::arrays::CANONICAL_NAN, cx);
                asm!(self, fcmeq V(FTMP).D2, V(to).D2, V(to).D2);
                asm!(self, bif V(to).B16, V(canonical).B16, V(FTMP).B16);
            }
            Op::FDemote => asm!(self, fcvtn V(FTMP).S2, V(a).D2; fcvtl V(to).D2, V(FTMP).S2),
            Op::FBits | Op::FFromBits => self.copy_vector(to, a),
            Op::FIsFinite | Op::FIsInfinite => {
                let infinity = inst.temp(0);
                self.vector_const(infinity, f64::INFINITY.to_bits(), cx);
                asm!(self, fabs V(FTMP).D2, V(a).D2);
                if op == Op::FIsFinite {
                    asm!(self, fcmgt V(to).D2, V(infinity).D2, V(FTMP).D2);
                } else {
                    asm!(self, fcmeq V(to).D2, V(infinity).D2, V(FTMP).D2);
                }
            }
            Op::FIsNan => asm!(self, fcmeq V(to).D2, V(a).D2, V(a).D2; mvn V(to).B16, V(to).B16),
            Op::FEq => asm!(self, fcmeq V(to).D2, V(a).D2, V(inst.reg(1)).D2),
            Op::FNe => asm!(self, fcmeq V(to).D2, V(a).D2, V(inst.reg(1)).D2; mvn V(to).B16, V(to).B16),
            Op::FLt => asm!(self, fcmgt V(to).D2, V(inst.reg(1)).D2, V(a).D2),
            Op::FLe => asm!(self, fcmge V(to).D2, V(inst.reg(1)).D2, V(a).D2),
            Op::BToI => asm!(self, ushr V(to).D2, V(a).D2, 63),
            Op::BToF => asm!(self, fmov V(FTMP).D2, 1.0; and V(to).B16, V(a).B16, V(FTMP).B16),
            Op::IToF => asm!(self, scvtf V(to).D2, V(a).D2),
            Op::INot | Op::BNot => asm!(self, mvn V(to).B16, V(a).B16),
            Op::IAnd | Op::BAnd => asm!(self, and V(to).B16, V(a).B16, V(inst.reg(1)).B16),
            Op::IOr | Op::BOr => asm!(self, orr V(to).B16, V(a).B16, V(inst.reg(1)).B16),
            Op::IXor | Op::BNe => asm!(self, eor V(to).B16, V(a).B16, V(inst.reg(1)).B16),
            Op::IEq | Op::BEq => asm!(self, cmeq V(to).D2, V(a).D2, V(inst.reg(1)).D2),
            Op::INe => asm!(self, cmeq V(to).D2, V(a).D2, V(inst.reg(1)).D2; mvn V(to).B16, V(to).B16),
            Op::ILt => asm!(self, cmgt V(to).D2, V(inst.reg(1)).D2, V(a).D2),
            Op::ILe => asm!(self, cmge V(to).D2, V(inst.reg(1)).D2, V(a).D2),
            Op::IWrappingAdd => asm!(self, add V(to).D2, V(a).D2, V(inst.reg(1)).D2),
            Op::IWrappingSub => asm!(self, sub V(to).D2, V(a).D2, V(inst.reg(1)).D2),
            Op::IMin | Op::IMax => {
                let b = inst.reg(1);
                asm!(self, cmgt V(FTMP).D2, V(a).D2, V(b).D2);
                let (greater, other) = if op == Op::IMin { (b, a) } else { (a, b) };
                asm!(self, bsl V(FTMP).B16, V(greater).B16, V(other).B16; mov V(to).B16, V(FTMP).B16);
            }
            Op::ISign => {
                asm!(self, cmgt V(FTMP).D2, V(a).D2, 0; sshr V(to).D2, V(a).D2, 63; sub V(to).D2, V(to).D2, V(FTMP).D2);
            }
            Op::IShl | Op::IShr | Op::ISar => self.shift_lanes(op, inst),
            Op::IRotl | Op::IRotr => self.rotate_lanes(op, inst),
            Op::IPopcount => {
                asm!(self, cnt V(to).B16, V(a).B16; uaddlp V(to).H8, V(to).B16; uaddlp V(to).S4, V(to).H8; uaddlp V(to).D2, V(to).S4);
            }
            Op::IWrappingMul | Op::IClz | Op::ICtz => {
                for lane in 0..2 {
                    self.lane(a, lane);
                    match op {
                        Op::IClz => asm!(self, clz X(TMP), X(TMP)),
                        Op::ICtz => asm!(self, rbit X(TMP), X(TMP); clz X(TMP), X(TMP)),
                        _ => asm!(self, umov X(TMP2), V(inst.reg(1)).D[lane]; mul X(TMP), X(TMP), X(TMP2)),
                    }
                    asm!(self, ins V(FTMP).D[lane], X(TMP));
                }
                self.copy_vector(to, FTMP);
            }
            _ => return Err(CodegenError::Malformed(format!("{} of several lanes", op.name()))),
        }
        Ok(())
    }

    /// The sign bit of each lane.
    fn sign_bits(&mut self, to: u8) {
        asm!(self, movi V(to).D2, 0; fneg V(to).D2, V(to).D2);
    }

    /// Shifts by a register heed the lowest byte of each lane, as a number with a sign.
    fn shift_lanes(&mut self, op: Op, inst: &Located<'_>) {
        let (to, a) = (inst.def(0), inst.reg(0));
        match inst.arg(1) {
            Loc::Const(count) => match (op, count as u32 & 63) {
                (_, 0) => self.copy_vector(to, a),
                (Op::IShl, count) => asm!(self, shl V(to).D2, V(a).D2, count),
                (Op::IShr, count) => asm!(self, ushr V(to).D2, V(a).D2, count),
                (_, count) => asm!(self, sshr V(to).D2, V(a).D2, count),
            },
            Loc::Reg(count) => {
                asm!(self, movi V(FTMP).B16, 63; and V(FTMP).B16, V(FTMP).B16, V(count).B16);
                match op {
                    Op::IShl => asm!(self, ushl V(to).D2, V(a).D2, V(FTMP).D2),
                    Op::IShr => asm!(self, neg V(FTMP).B16, V(FTMP).B16; ushl V(to).D2, V(a).D2, V(FTMP).D2),
                    _ => asm!(self, neg V(FTMP).B16, V(FTMP).B16; sshl V(to).D2, V(a).D2, V(FTMP).D2),
                }
            }
        }
    }

    fn rotate_lanes(&mut self, op: Op, inst: &Located<'_>) {
        let (to, a) = (inst.def(0), inst.reg(0));
        let left = op == Op::IRotl;
        match inst.arg(1) {
            Loc::Const(count) => match if left { count } else { count.wrapping_neg() } as u32 & 63 {
                0 => self.copy_vector(to, a),
                up => {
                    asm!(self, shl V(FTMP).D2, V(a).D2, up; ushr V(to).D2, V(a).D2, 64 - up);
                    asm!(self, orr V(to).B16, V(to).B16, V(FTMP).B16);
                }
            },
            Loc::Reg(count) => {
                let (up, width) = (inst.temp(0), inst.temp(1));
                asm!(self, movi V(FTMP).B16, 63);
                if left {
                    asm!(self, and V(FTMP).B16, V(FTMP).B16, V(count).B16);
                } else {
                    asm!(self, neg V(up).B16, V(count).B16; and V(FTMP).B16, V(FTMP).B16, V(up).B16);
                }
                // Down by the rest of 64: all of the bits, where the count is zero.
                asm!(self, ushl V(up).D2, V(a).D2, V(FTMP).D2; movi V(width).B16, 64);
                asm!(self, sub V(FTMP).B16, V(FTMP).B16, V(width).B16; ushl V(FTMP).D2, V(a).D2, V(FTMP).D2);
                asm!(self, orr V(to).B16, V(up).B16, V(FTMP).B16);
            }
        }
    }
}
