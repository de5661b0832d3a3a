//! Lanes from and to memory, widened and narrowed; looked up in tables; truncated.

use super::abi::{KTMP, RSP, TMP, XTMP};
use super::vex::{Len, Rm, V, VexInst};
use super::{X64, asm};
use crate::codegen::blob::PoolEntry;
use crate::codegen::target::{Context, Loc, Located};
use crate::ir::op::TableId;
use crate::types::Elem;
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// Picks the lowest byte of each of four words of 32 bits.
const LOW_BYTES: u64 = 0x0C08_0400;

/// Picks the even ones of four words of 32 bits each of two registers.
const EVEN: u8 = 0x88;

const TWO_POW_32: f64 = 4_294_967_296.0;
/// 2^52, in whose lowest bits a number below 2^32 counts ones.
const LOW_MAGIC: u64 = 0x4330_0000_0000_0000;
/// 2^52 + 2^51: likewise, of either sign.
const SIGNED_MAGIC: u64 = 0x4338_0000_0000_0000;

/// The place of the elements from an index on: the first two arguments.
fn place(elem: Elem, inst: &Located<'_>) -> Rm {
    let base = inst.reg(0);
    match inst.arg(1) {
        Loc::Reg(index) => Rm::Mem { base, index: Some((index, elem.size().trailing_zeros() as u8)), disp: 0 },
        Loc::Const(index) => Rm::Mem { base, index: None, disp: (index as i64 * elem.size() as i64) as i32 },
    }
}

impl X64 {
    fn read_lanes(&mut self, op: V, to: u8, from: Rm) {
        self.put(VexInst::new(op, self.vector_len(), to, 0, from));
    }

    fn write_lanes(&mut self, op: V, len: Len, from: u8, to: Rm) {
        self.put(VexInst::new(op, len, from, 0, to));
    }

    pub(super) fn load_lanes(&mut self, elem: Elem, inst: &Located<'_>) {
        let (to, from) = (inst.def(0), place(elem, inst));
        match elem {
            Elem::F64 | Elem::I64 => self.read_lanes(V::Vmovupd, to, from),
            Elem::F32 => self.read_lanes(V::Vcvtps2pd, to, from),
            Elem::I32 => self.read_lanes(V::Vpmovsxdq, to, from),
            Elem::U8 => self.read_lanes(V::Vpmovzxbq, to, from),
            Elem::Bool => {
                self.read_lanes(V::Vpmovzxbq, XTMP, from);
                self.mask_of_words(to, XTMP);
            }
        }
    }

    /// A mask of words that are 0 or 1; with AVX2, `to` is not `from`.
    fn mask_of_words(&mut self, to: u8, from: u8) {
        if self.is_wide() {
            self.rrr(V::Vptestmq, to, from, from);
        } else {
            self.zero_vector(to);
            self.rrr(V::Vpsubq, to, to, from);
        }
    }

    pub(super) fn store_lanes(&mut self, elem: Elem, inst: &Located<'_>, cx: &mut Context) {
        let (mut value, to) = (inst.reg(2), place(elem, inst));
        let len = self.vector_len();
        let half = if self.is_wide() { Len::L256 } else { Len::L128 };
        if elem == Elem::Bool {
            // Words of 0 and 1.
            if self.is_wide() {
                self.masked_const(XTMP, value, 1, cx);
            } else {
                self.shift(V::VpsrlqI, XTMP, value, 63);
            }
            value = XTMP;
        }
        match (elem, self.is_wide()) {
            (Elem::F64 | Elem::I64, _) => self.write_lanes(V::VmovupdStore, len, value, to),
            (Elem::F32, _) => {
                self.rr(V::Vcvtpd2ps, XTMP, value);
                self.write_lanes(V::VmovupdStore, half, XTMP, to);
            }
            (Elem::I32, true) => self.write_lanes(V::Vpmovqd, len, value, to),
            (Elem::U8 | Elem::Bool, true) => self.write_lanes(V::Vpmovqb, len, value, to),
            (Elem::I32, false) => {
                self.low_halves(value);
                self.write_lanes(V::VmovupdStore, half, XTMP, to);
            }
            (Elem::U8 | Elem::Bool, false) => {
                self.low_halves(value);
                let pick = VexInst::new(V::Vpshufb, half, XTMP, XTMP, Rm::Pool);
                self.put_pool(pick, LOW_BYTES, cx);
                self.write_lanes(V::VmovdStore, Len::L128, XTMP, to);
            }
        }
    }

    /// The low 32 bits of four lanes, in the lower half of the scratch register. The value may be there already.
    fn low_halves(&mut self, value: u8) {
        if value == XTMP {
            // The upper half takes the place of the odd words of the lower one, which are zero.
            self.put(VexInst { imm: EVEN, ..VexInst::new(V::Vshufps, Len::L256, XTMP, XTMP, Rm::Reg(XTMP)) });
            self.put(VexInst { imm: 0x08, ..VexInst::new(V::Vpermq, Len::L256, XTMP, 0, Rm::Reg(XTMP)) });
            return;
        }
        self.put(VexInst { imm: 1, ..VexInst::new(V::Vextracti128, Len::L256, value, 0, Rm::Reg(XTMP)) });
        self.put(VexInst { imm: EVEN, ..VexInst::new(V::Vshufps, Len::L128, XTMP, value, Rm::Reg(XTMP)) });
    }

    /// `to` differs from all arguments.
    pub(super) fn gather(&mut self, elem: Elem, inst: &Located<'_>) {
        let (to, base, index, mask) = (inst.def(0), inst.reg(0), inst.reg(1), inst.reg(2));
        let scale = elem.size().trailing_zeros() as u8;
        let from = Rm::Mem { base, index: Some((index, scale)), disp: 0 };
        match (elem, self.is_wide()) {
            (Elem::F64 | Elem::I64, wide) => {
                self.zero_vector(to);
                if wide {
                    self.copy_mask(KTMP, mask);
                    self.gather_wide(V::Vgatherqpd, to, from);
                } else {
                    self.copy_vector(XTMP, mask);
                    self.put(VexInst::new(V::Vgatherqpd, Len::L256, to, XTMP, from));
                }
            }
            (Elem::F32 | Elem::I32, true) => {
                self.zero_vector(XTMP);
                self.copy_mask(KTMP, mask);
                let (op, widen) = match elem {
                    Elem::F32 => (V::Vgatherqps, V::Vcvtps2pd),
                    _ => (V::Vpgatherqd, V::Vpmovsxdq),
                };
                self.gather_wide(op, XTMP, from);
                self.rr(widen, to, XTMP);
            }
            _ => self.gather_one_by_one(elem, inst),
        }
    }

    fn gather_wide(&mut self, op: V, to: u8, from: Rm) {
        self.put(VexInst { mask: KTMP, ..VexInst::new(op, Len::L512, to, 0, from) });
    }

    /// Through the outgoing area: indices, then results.
    fn gather_one_by_one(&mut self, elem: Elem, inst: &Located<'_>) {
        let (base, word) = (inst.reg(0), inst.temp(0));
        let len = self.vector_len();
        let bytes = len.bytes() as i32;
        let area = |disp: i32| Rm::Mem { base: RSP, index: None, disp };
        self.write_lanes(V::VmovupdStore, len, inst.reg(1), area(0));
        self.zero_vector(XTMP);
        self.write_lanes(V::VmovupdStore, len, XTMP, area(bytes));
        let mask = inst.reg(2);
        if self.is_wide() {
            self.put(VexInst::new(V::KmovbGk, Len::L128, TMP, 0, Rm::Reg(mask)));
        } else {
            self.rr(V::Vmovmskpd, TMP, mask);
        }
        for lane in 0..bytes / 8 {
            let skip = self.label();
            asm!(self, test Rd(TMP), 1 << lane; je =>skip);
            self.load(word, RSP, lane * 8);
            match elem {
                Elem::F32 => {
                    let from = Rm::Mem { base, index: Some((word, 2)), disp: 0 };
                    self.put(VexInst::new(V::Vcvtss2sd, Len::L128, XTMP, XTMP, from));
                    self.write_lanes(V::VmovsdStore, Len::L128, XTMP, area(bytes + lane * 8));
                }
                _ => {
                    match elem {
                        Elem::F64 | Elem::I64 => asm!(self, mov Rq(word), [Rq(base) + Rq(word) * 8]),
                        Elem::I32 => asm!(self, movsxd Rq(word), DWORD [Rq(base) + Rq(word) * 4]),
                        _ => asm!(self, movzx Rd(word), BYTE [Rq(base) + Rq(word)]),
                    }
                    self.store(word, RSP, bytes + lane * 8);
                }
            }
            self.bind(skip);
        }
        let to = inst.def(0);
        if elem == Elem::Bool {
            self.read_lanes(V::Vmovupd, XTMP, area(bytes));
            self.mask_of_words(to, XTMP);
        } else {
            self.read_lanes(V::Vmovupd, to, area(bytes));
        }
    }

    fn table_address(&mut self, to: u8, table: TableId, cx: &mut Context) {
        asm!(self, mov Rq(to), [rip + 0]);
        self.pool_ref(PoolEntry::Table(table), cx);
    }

    /// An element of a table, of one lane.
    pub(super) fn table_load(&mut self, table: TableId, inst: &Located<'_>, cx: &mut Context) {
        let address = inst.temp(0);
        self.table_address(address, table, cx);
        asm!(self, mov Rd(TMP), Rd(inst.reg(0)); and Rd(TMP), table.len() as i32 - 1);
        asm!(self, vmovsd Rx(inst.def(0)), QWORD [Rq(address) + Rq(TMP) * 8]);
    }

    pub(super) fn table_lanes(&mut self, table: TableId, inst: &Located<'_>, cx: &mut Context) {
        let (to, index) = (inst.def(0), inst.reg(0));
        if self.is_wide() && matches!(table.len(), 8 | 16) {
            // Permutations heed the lowest bits only.
            let len = Len::L512;
            if table.len() == 8 {
                self.put(VexInst::new(V::Vpermpd, len, to, index, Rm::Pool));
                return cx.pool_table_ref(self.offset() - 4, table, 0);
            }
            self.put(VexInst::new(V::Vmovupd, len, to, 0, Rm::Pool));
            cx.pool_table_ref(self.offset() - 4, table, 0);
            self.put(VexInst::new(V::Vpermt2pd, len, to, index, Rm::Pool));
            return cx.pool_table_ref(self.offset() - 4, table, 8);
        }
        self.table_address(TMP, table, cx);
        let rest = table.len() as u64 - 1;
        let from = |index: u8| Rm::Mem { base: TMP, index: Some((index, 3)), disp: 0 };
        if self.is_wide() {
            self.rrc(V::Vpandq, XTMP, index, rest, cx);
            self.mask_op(V::Kxnorb, KTMP, KTMP, KTMP);
            self.zero_vector(to);
            self.gather_wide(V::Vgatherqpd, to, from(XTMP));
        } else {
            let place = inst.temp(0);
            self.rrc(V::Vpand, place, index, rest, cx);
            self.ones(XTMP);
            self.zero_vector(to);
            self.put(VexInst::new(V::Vgatherqpd, Len::L256, to, XTMP, from(place)));
        }
    }

    pub(super) fn truncate_lanes(&mut self, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        if self.is_wide() {
            return self.rr(V::Vcvttpd2qq, to, a);
        }
        // High and low half as floats, both exact, each moved to the lowest bits of a large one.
        let high = inst.temp(0);
        self.round_lanes(XTMP, a, 11);
        self.rrc(V::Vmulpd, high, XTMP, (1.0 / TWO_POW_32).to_bits(), cx);
        self.round_lanes(high, high, 9);
        self.rrc(V::Vfnmadd231pd, XTMP, high, TWO_POW_32.to_bits(), cx);
        self.rrc(V::Vaddpd, high, high, SIGNED_MAGIC, cx);
        self.shift(V::VpsllqI, high, high, 32);
        self.rrc(V::Vaddpd, XTMP, XTMP, LOW_MAGIC, cx);
        self.rrc(V::Vpxor, XTMP, XTMP, LOW_MAGIC, cx);
        self.rrr(V::Vpor, to, high, XTMP);
    }

    /// A float of one lane in any of the registers, from memory.
    pub(super) fn load_any_float(&mut self, elem: Elem, to: u8, from: Rm) {
        match elem {
            Elem::F32 => self.put(VexInst::new(V::Vcvtss2sd, Len::L128, to, to, from)),
            _ => self.put(VexInst::new(V::Vmovsd, Len::L128, to, 0, from)),
        }
    }

    /// The load of a float of one lane.
    pub(super) fn load_float_at(&mut self, elem: Elem, inst: &Located<'_>) {
        self.load_any_float(elem, inst.def(0), place(elem, inst));
    }
}
