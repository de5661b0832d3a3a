//! Values of several lanes: four of 64 bits in 256-bit registers with AVX2, eight in 512-bit ones with AVX-512.
//!
//! A mask is a register of all ones or zeros in each lane with AVX2, a mask register of eight bits with AVX-512. Between instructions its other bits
//! may not be anything: they are what the lanes say.

use super::abi::{KTMP, RDI, RSP, TMP, XTMP};
use super::emit::Cond;
use super::vex::{Len, Rm, Tuple, V, VexInst};
use super::{X64, asm};
use crate::codegen::CodegenError;
use crate::codegen::blob::PoolEntry;
use crate::codegen::flat::Vector;
use crate::codegen::frame::Frame;
use crate::codegen::target::{Context, Loc, Located};
use crate::ir::op::{Math, Op, Scalar};
use crate::runtime::helper::Helper;
use dynasmrt::DynasmApi;
use regalloc2::{Allocation, RegClass};

pub(super) const SIGN: u64 = 1 << 63;

/// `vpternlog` with this immediate is the complement of its last operand.
const TERNARY_NOT: u8 = 0x55;

impl X64 {
    /// Whether vectors are of 512 bits and masks have registers of their own.
    pub(super) fn is_wide(&self) -> bool {
        self.conventions.abi.registers.env.scratch_by_class[RegClass::Vector as usize].is_some()
    }

    pub(super) fn vector_len(&self) -> Len {
        if self.is_wide() { Len::L512 } else { Len::L256 }
    }

    pub(super) fn put(&mut self, inst: VexInst) {
        self.asm.extend(inst.encode().as_slice());
    }

    /// `to = op(a, b)`
    pub(super) fn rrr(&mut self, op: V, to: u8, a: u8, b: u8) {
        self.put(VexInst::new(op, self.vector_len(), to, a, Rm::Reg(b)));
    }

    /// `to = op(a, b)` with an immediate.
    pub(super) fn rrri(&mut self, op: V, to: u8, a: u8, b: u8, imm: u8) {
        self.put(VexInst { imm, ..VexInst::new(op, self.vector_len(), to, a, Rm::Reg(b)) });
    }

    /// `to = op(from)`
    pub(super) fn rr(&mut self, op: V, to: u8, from: u8) {
        self.rrr(op, to, 0, from);
    }

    /// A shift by a constant.
    pub(super) fn shift(&mut self, op: V, to: u8, from: u8, count: u8) {
        self.put(VexInst { imm: count, ..VexInst::new(op, self.vector_len(), 0, to, Rm::Reg(from)) });
    }

    /// `to = op(a, bits)`, the constant in each lane.
    pub(super) fn rrc(&mut self, op: V, to: u8, a: u8, bits: u64, cx: &mut Context) {
        self.put_pool(VexInst::new(op, self.vector_len(), to, a, Rm::Pool), bits, cx);
    }

    /// `to = op(a, b)`
    pub(super) fn rrl(&mut self, op: V, to: u8, a: u8, b: Loc, cx: &mut Context) {
        match b {
            Loc::Reg(b) => self.rrr(op, to, a, b),
            Loc::Const(bits) => self.rrc(op, to, a, bits, cx),
        }
    }

    /// `to = op(a, b)` with an immediate.
    pub(super) fn rrli(&mut self, op: V, to: u8, a: u8, b: Loc, imm: u8, cx: &mut Context) {
        let rm = match b {
            Loc::Reg(b) => Rm::Reg(b),
            Loc::Const(_) => Rm::Pool,
        };
        let inst = VexInst { imm, ..VexInst::new(op, self.vector_len(), to, a, rm) };
        match b {
            Loc::Reg(_) => self.put(inst),
            Loc::Const(bits) => self.put_pool(inst, bits, cx),
        }
    }

    /// An instruction whose operand in memory is a constant: broadcast from one word where it can be, else as many words.
    pub(super) fn put_pool(&mut self, mut inst: VexInst, bits: u64, cx: &mut Context) {
        let row = inst.op.row();
        inst.broadcast = row.evex.is_some() && self.is_wide() && matches!(row.tuple, Tuple::Full | Tuple::Half);
        self.put(inst);
        let at = self.offset() - 4 - usize::from(inst.has_imm());
        match inst.memory_bytes() / 8 {
            0 | 1 => cx.pool_ref(at, PoolEntry::Bits(bits)),
            words => cx.pool_row_ref(at, bits, words as u8),
        }
    }

    pub(super) fn zero_vector(&mut self, to: u8) {
        // The upper lanes too.
        let (op, len) = if to < 16 { (V::Vxorpd, Len::L128) } else { (V::Vpxorq, Len::L512) };
        self.put(VexInst::new(op, len, to, to, Rm::Reg(to)));
    }

    /// All ones in each lane of a vector register.
    pub(super) fn ones(&mut self, to: u8) {
        if self.is_wide() {
            self.rrri(V::Vpternlogq, to, to, to, 0xFF);
        } else {
            self.rrr(V::Vpcmpeqd, to, to, to);
        }
    }

    pub(super) fn copy_vector(&mut self, to: u8, from: u8) {
        if to != from {
            self.rr(V::Vmovapd, to, from);
        }
    }

    /// `to = !from`
    fn not(&mut self, to: u8, from: u8) {
        if self.is_wide() {
            self.rrri(V::Vpternlogq, to, from, from, TERNARY_NOT);
        } else {
            self.ones(XTMP);
            self.rrr(V::Vpxor, to, from, XTMP);
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
            Vector::ConstMask(set) => self.const_mask(inst.def(0), set),
            Vector::Op(op) => return self.emit_vector_op(op, inst, cx),
            Vector::FmaInto(op) => {
                let name = match op {
                    Op::Fma => V::Vfmadd231pd,
                    Op::Fms => V::Vfmsub231pd,
                    _ => V::Vfnmadd231pd,
                };
                self.rrl(name, inst.def(0), inst.reg(0), inst.arg(1), cx);
            }
            Vector::Select(scalar) => self.select_lanes(scalar, inst),
            Vector::Splat(scalar) => self.splat(scalar, inst.def(0), inst.reg(0)),
            Vector::LaneIndex => {
                // A byte for each lane.
                self.put(VexInst::new(V::Vpmovzxbq, self.vector_len(), inst.def(0), 0, Rm::Pool));
                cx.pool_ref(self.offset() - 4, PoolEntry::Bits(0x0706_0504_0302_0100));
            }
            Vector::AnyLane => {
                self.test_lanes(inst.reg(0));
                self.set(inst.def(0), Cond::Ne);
            }
            Vector::Load(elem) => self.load_lanes(elem, inst),
            Vector::Store(elem) => self.store_lanes(elem, inst, cx),
            Vector::Gather(elem) => self.gather(elem, inst),
            Vector::TableLoad(table) => self.table_lanes(table, inst, cx),
            Vector::MathLanes(math) => self.math_lanes(math, inst, cx),
            Vector::Truncate => self.truncate_lanes(inst, cx),
        }
        Ok(())
    }

    pub(super) fn vector_const(&mut self, to: u8, bits: u64, cx: &mut Context) {
        match bits {
            0 => self.zero_vector(to),
            u64::MAX => self.ones(to),
            _ => self.put_pool(VexInst::new(V::Vbroadcastsd, self.vector_len(), to, 0, Rm::Pool), bits, cx),
        }
    }

    fn const_mask(&mut self, to: u8, set: bool) {
        match (self.is_wide(), set) {
            (true, true) => self.mask_op(V::Kxnorb, to, to, to),
            (true, false) => self.mask_op(V::Kxorb, to, to, to),
            (false, true) => self.ones(to),
            (false, false) => self.zero_vector(to),
        }
    }

    /// On mask registers.
    pub(super) fn mask_op(&mut self, op: V, to: u8, a: u8, b: u8) {
        self.put(VexInst::new(op, Len::L256, to, a, Rm::Reg(b)));
    }

    pub(super) fn copy_mask(&mut self, to: u8, from: u8) {
        if to != from {
            self.put(VexInst::new(V::Kmovb, Len::L128, to, 0, Rm::Reg(from)));
        }
    }

    /// The flags say "not equal" where any lane is set.
    pub(super) fn test_lanes(&mut self, mask: u8) {
        if self.is_wide() {
            self.put(VexInst::new(V::Kortestb, Len::L128, mask, 0, Rm::Reg(mask)));
        } else {
            self.rr(V::Vtestpd, mask, mask);
        }
    }

    /// `to = mask ? yes : no`, of words.
    pub(super) fn blend(&mut self, to: u8, mask: u8, yes: u8, no: u8) {
        if self.is_wide() {
            self.put(VexInst { mask, ..VexInst::new(V::Vblendmpd, Len::L512, to, no, Rm::Reg(yes)) });
        } else {
            self.rrri(V::Vblendvpd, to, no, yes, mask);
        }
    }

    fn select_lanes(&mut self, scalar: Scalar, inst: &Located<'_>) {
        let (to, mask, yes, no) = (inst.def(0), inst.reg(0), inst.reg(1), inst.reg(2));
        if scalar == Scalar::Bool && self.is_wide() {
            self.mask_op(V::Kandb, KTMP, mask, yes);
            self.mask_op(V::Kandnb, to, mask, no);
            self.mask_op(V::Korb, to, to, KTMP);
        } else {
            self.blend(to, mask, yes, no);
        }
    }

    fn splat(&mut self, scalar: Scalar, to: u8, from: u8) {
        let len = self.vector_len();
        match (scalar, self.is_wide()) {
            (Scalar::F64, _) => self.rr(V::Vbroadcastsd, to, from),
            (Scalar::Bool, true) => {
                asm!(self, mov Rq(TMP), Rq(from); neg Rq(TMP));
                self.put(VexInst::new(V::KmovbKg, Len::L128, to, 0, Rm::Reg(TMP)));
            }
            (_, true) => self.put(VexInst::new(V::VpbroadcastqFrom, len, to, 0, Rm::Reg(from))),
            (_, false) => {
                let mut word = from;
                if scalar == Scalar::Bool {
                    asm!(self, mov Rq(TMP), Rq(from); neg Rq(TMP));
                    word = TMP;
                }
                self.put(VexInst::new(V::VmovqFrom, Len::L128, to, 0, Rm::Reg(word)));
                self.rr(V::Vpbroadcastq, to, to);
            }
        }
    }

    /// Operations on masks.
    pub(super) fn emit_mask_op(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        let wide = self.is_wide();
        match (op, wide) {
            (Op::BNot, true) => self.put(VexInst::new(V::Knotb, Len::L128, to, 0, Rm::Reg(a))),
            (Op::BNot, false) => self.not(to, a),
            (Op::BAnd, true) => self.mask_op(V::Kandb, to, a, inst.reg(1)),
            (Op::BAnd, false) => self.rrr(V::Vandpd, to, a, inst.reg(1)),
            (Op::BOr, true) => self.mask_op(V::Korb, to, a, inst.reg(1)),
            (Op::BOr, false) => self.rrr(V::Vorpd, to, a, inst.reg(1)),
            (Op::BNe, true) => self.mask_op(V::Kxorb, to, a, inst.reg(1)),
            (Op::BNe, false) => self.rrr(V::Vxorpd, to, a, inst.reg(1)),
            (Op::BEq, true) => self.mask_op(V::Kxnorb, to, a, inst.reg(1)),
            (Op::BEq, false) => self.rrr(V::Vpcmpeqq, to, a, inst.reg(1)),
            (Op::BToI, true) => self.masked_const(to, a, 1, cx),
            (Op::BToI, false) => self.shift(V::VpsrlqI, to, a, 63),
            (Op::BToF, true) => self.masked_const(to, a, 1.0f64.to_bits(), cx),
            _ => self.rrc(V::Vandpd, to, a, 1.0f64.to_bits(), cx),
        }
    }

    /// The constant where the mask is set, else 0.
    pub(super) fn masked_const(&mut self, to: u8, mask: u8, bits: u64, cx: &mut Context) {
        let inst = VexInst::new(V::Vbroadcastsd, Len::L512, to, 0, Rm::Pool);
        self.put_pool(VexInst { mask, zero: true, ..inst }, bits, cx);
    }

    /// Moves between registers and spill slots.
    pub(super) fn copy_lanes(&mut self, from: Allocation, to: Allocation, class: RegClass, frame: &Frame) {
        let slot = |alloc: Allocation| {
            let offset = frame.slot(alloc.as_stack()?) as i32;
            Some(Rm::Mem { base: RSP, index: None, disp: offset })
        };
        let number = |alloc: Allocation| alloc.as_reg().map(|reg| reg.hw_enc() as u8);
        let is_mask = class == RegClass::Vector;
        let (load, store, len) = match is_mask {
            true => (V::Kmovb, V::KmovbStore, Len::L128),
            false => (V::Vmovupd, V::VmovupdStore, self.vector_len()),
        };
        match (number(from), number(to), slot(from), slot(to)) {
            (Some(from), Some(to), ..) if is_mask => self.copy_mask(to, from),
            (Some(from), Some(to), ..) => self.copy_vector(to, from),
            (Some(from), _, _, Some(to)) => self.put(VexInst::new(store, len, from, 0, to)),
            (_, Some(to), Some(from), _) => self.put(VexInst::new(load, len, to, 0, from)),
            _ => {}
        }
    }

    /// Calls the runtime for the lanes of the mask: mask, usual values and arguments lie in the outgoing area, a word for each lane, and the result where
    /// the usual values were.
    fn math_lanes(&mut self, math: Math, inst: &Located<'_>, cx: &mut Context) {
        let bytes = self.vector_len().bytes() as i32;
        let at = |index: i32| Rm::Mem { base: RSP, index: None, disp: index * bytes };
        for index in (1..inst.args.len()).rev() {
            let from = inst.reg(index);
            self.put(VexInst::new(V::VmovupdStore, self.vector_len(), from, 0, at(index as i32)));
        }
        let mut mask = inst.reg(0);
        if self.is_wide() {
            self.put(VexInst::new(V::Vpmovm2q, Len::L512, XTMP, 0, Rm::Reg(mask)));
            mask = XTMP;
        }
        self.put(VexInst::new(V::VmovupdStore, self.vector_len(), mask, 0, at(0)));
        self.copy_int(RDI, RSP);
        self.call_helper(Helper::MathLanes(math, (bytes / 8) as u8), inst.span, cx);
        self.put(VexInst::new(V::Vmovupd, self.vector_len(), inst.def(0), 0, at(1)));
    }

    /// What was held in upper halves is done with; without this, code of others that does not know of them is slow.
    pub(super) fn leave_vectors(&mut self, frame: &Frame) {
        if frame.lanes > 1 {
            self.put(VexInst::new(V::Vzeroupper, Len::L128, 0, 0, Rm::Reg(0)));
        }
    }
}
