//! Operations on lanes of 64-bit integers.

use super::X64;
use super::abi::XTMP;
use super::vector::SIGN;
use super::vex::V;
use crate::codegen::target::{Context, Loc, Located};
use crate::ir::op::Op;

/// Predicates of AVX-512's integer comparisons.
const EQ: u8 = 0;
const LT: u8 = 1;
const LE: u8 = 2;
const NE: u8 = 4;

/// Bits of a count that shifts heed.
const COUNT: u64 = 63;

/// Every second bit, every second two, every second four.
const ODD: u64 = 0x5555_5555_5555_5555;
const PAIRS: u64 = 0x3333_3333_3333_3333;
const NIBBLES: u64 = 0x0F0F_0F0F_0F0F_0F0F;

impl X64 {
    pub(super) fn integer_lanes(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let wide = self.is_wide();
        let either = |narrow: V, of_wide: V| if wide { of_wide } else { narrow };
        let to = inst.def(0);
        match op {
            Op::IWrappingAdd => self.rrl(V::Vpaddq, to, inst.reg(0), inst.arg(1), cx),
            Op::IWrappingSub => self.rrl(V::Vpsubq, to, inst.reg(0), inst.arg(1), cx),
            Op::IWrappingMul if wide => self.rrl(V::Vpmullq, to, inst.reg(0), inst.arg(1), cx),
            Op::IWrappingMul => self.multiply_lanes(inst),
            Op::IAnd => self.rrl(either(V::Vpand, V::Vpandq), to, inst.reg(0), inst.arg(1), cx),
            Op::IOr => self.rrl(either(V::Vpor, V::Vporq), to, inst.reg(0), inst.arg(1), cx),
            Op::IXor => self.rrl(either(V::Vpxor, V::Vpxorq), to, inst.reg(0), inst.arg(1), cx),
            Op::INot => {
                self.ones(XTMP);
                self.rrr(either(V::Vpxor, V::Vpxorq), to, inst.reg(0), XTMP);
            }
            Op::IShl | Op::IShr | Op::ISar => self.shift_lanes(op, inst, cx),
            Op::IRotl | Op::IRotr => self.rotate_lanes(op, inst, cx),
            Op::IPopcount => self.count_ones(to, inst.reg(0), inst.temp(0), cx),
            Op::IClz if wide => self.rr(V::Vplzcntq, to, inst.reg(0)),
            Op::IClz => {
                // Ones from the highest bit down: the others are the leading zeros.
                let rest = inst.temp(0);
                self.copy_vector(rest, inst.reg(0));
                for count in [1, 2, 4, 8, 16, 32] {
                    self.shift(V::VpsrlqI, XTMP, rest, count);
                    self.rrr(V::Vpor, rest, rest, XTMP);
                }
                self.ones(XTMP);
                self.rrr(V::Vpxor, rest, rest, XTMP);
                self.count_ones(to, rest, rest, cx);
            }
            Op::ICtz => {
                // The ones below the lowest one.
                let (a, below) = (inst.reg(0), inst.temp(0));
                self.ones(XTMP);
                self.rrr(V::Vpaddq, below, a, XTMP);
                self.rrr(V::Vandnpd, below, a, below);
                self.count_ones(to, below, below, cx);
            }
            Op::IMin if wide => self.rrl(V::Vpminsq, to, inst.reg(0), inst.arg(1), cx),
            Op::IMax if wide => self.rrl(V::Vpmaxsq, to, inst.reg(0), inst.arg(1), cx),
            Op::IMin | Op::IMax => {
                let (a, b) = (inst.reg(0), inst.reg(1));
                self.rrr(V::Vpcmpgtq, XTMP, a, b);
                let (greater, other) = if op == Op::IMin { (b, a) } else { (a, b) };
                self.blend(to, XTMP, greater, other);
            }
            Op::ISign if wide => {
                self.rrc(V::Vpminsq, to, inst.reg(0), 1, cx);
                self.rrc(V::Vpmaxsq, to, to, u64::MAX, cx);
            }
            Op::ISign => {
                let (a, below) = (inst.reg(0), inst.temp(0));
                self.zero_vector(XTMP);
                self.rrr(V::Vpcmpgtq, below, XTMP, a);
                self.rrr(V::Vpcmpgtq, XTMP, a, XTMP);
                self.rrr(V::Vpsubq, to, below, XTMP);
            }
            Op::IEq | Op::INe | Op::ILt | Op::ILe => self.compare_integers(op, inst, cx),
            _ => {} // `emit_vector_op` sends only integers here.
        }
    }

    /// Three products of halves.
    fn multiply_lanes(&mut self, inst: &Located<'_>) {
        let (to, a, b, cross) = (inst.def(0), inst.reg(0), inst.reg(1), inst.temp(0));
        self.shift(V::VpsrlqI, XTMP, a, 32);
        self.rrr(V::Vpmuludq, XTMP, XTMP, b);
        self.shift(V::VpsrlqI, cross, b, 32);
        self.rrr(V::Vpmuludq, cross, cross, a);
        self.rrr(V::Vpaddq, XTMP, XTMP, cross);
        self.shift(V::VpsllqI, XTMP, XTMP, 32);
        self.rrr(V::Vpmuludq, cross, a, b);
        self.rrr(V::Vpaddq, to, cross, XTMP);
    }

    fn shift_lanes(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        let wide = self.is_wide();
        let count = match inst.arg(1) {
            Loc::Const(count) => {
                let count = (count & COUNT) as u8;
                match op {
                    Op::IShl => self.shift(V::VpsllqI, to, a, count),
                    Op::IShr => self.shift(V::VpsrlqI, to, a, count),
                    _ if wide => self.shift(V::VpsraqI, to, a, count),
                    _ if count == 0 => self.copy_vector(to, a),
                    _ if count == 63 => {
                        self.zero_vector(XTMP);
                        self.rrr(V::Vpcmpgtq, to, XTMP, a);
                    }
                    _ => {
                        // Where the sign bit came to lie: flipping it and taking it away again copies it upwards.
                        self.shift(V::VpsrlqI, to, a, count);
                        self.rrc(V::Vpxor, to, to, SIGN >> count, cx);
                        self.rrc(V::Vpsubq, to, to, SIGN >> count, cx);
                    }
                }
                return;
            }
            Loc::Reg(count) => count,
        };
        let and = if wide { V::Vpandq } else { V::Vpand };
        self.rrc(and, XTMP, count, COUNT, cx);
        match op {
            Op::IShl => self.rrr(V::Vpsllvq, to, a, XTMP),
            Op::IShr => self.rrr(V::Vpsrlvq, to, a, XTMP),
            _ if wide => self.rrr(V::Vpsravq, to, a, XTMP),
            _ => {
                let (shifted, sign) = (inst.temp(0), inst.temp(1));
                self.rrr(V::Vpsrlvq, shifted, a, XTMP);
                self.load_lanes_const(sign, SIGN, cx);
                self.rrr(V::Vpsrlvq, sign, sign, XTMP);
                self.rrr(V::Vpxor, shifted, shifted, sign);
                self.rrr(V::Vpsubq, to, shifted, sign);
            }
        }
    }

    fn rotate_lanes(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let (to, a) = (inst.def(0), inst.reg(0));
        let left = op == Op::IRotl;
        match (inst.arg(1), self.is_wide()) {
            (Loc::Const(count), true) => {
                self.shift(if left { V::VprolqI } else { V::VprorqI }, to, a, (count & COUNT) as u8);
            }
            (Loc::Reg(count), true) => self.rrr(if left { V::Vprolvq } else { V::Vprorvq }, to, a, count),
            (Loc::Const(count), false) => {
                let up = (if left { count } else { count.wrapping_neg() } & COUNT) as u8;
                if up == 0 {
                    return self.copy_vector(to, a);
                }
                self.shift(V::VpsllqI, XTMP, a, up);
                self.shift(V::VpsrlqI, to, a, 64 - up);
                self.rrr(V::Vpor, to, to, XTMP);
            }
            (Loc::Reg(count), false) => {
                let there = inst.temp(0);
                let (one, other) = if left { (V::Vpsllvq, V::Vpsrlvq) } else { (V::Vpsrlvq, V::Vpsllvq) };
                // The other way by the rest of 64; by nothing both ways, where the count is a multiple of that.
                self.rrc(V::Vpand, there, count, COUNT, cx);
                self.rrr(one, there, a, there);
                self.zero_vector(XTMP);
                self.rrr(V::Vpsubq, XTMP, XTMP, count);
                self.rrc(V::Vpand, XTMP, XTMP, COUNT, cx);
                self.rrr(other, XTMP, a, XTMP);
                self.rrr(V::Vpor, to, there, XTMP);
            }
        }
    }

    /// `to` = the ones of `from`, which may be `temp`.
    fn count_ones(&mut self, to: u8, from: u8, temp: u8, cx: &mut Context) {
        let and = if self.is_wide() { V::Vpandq } else { V::Vpand };
        self.shift(V::VpsrlqI, XTMP, from, 1);
        self.rrc(and, XTMP, XTMP, ODD, cx);
        self.rrr(V::Vpsubq, temp, from, XTMP);
        self.rrc(and, XTMP, temp, PAIRS, cx);
        self.shift(V::VpsrlqI, temp, temp, 2);
        self.rrc(and, temp, temp, PAIRS, cx);
        self.rrr(V::Vpaddq, temp, temp, XTMP);
        self.shift(V::VpsrlqI, XTMP, temp, 4);
        self.rrr(V::Vpaddq, temp, temp, XTMP);
        self.rrc(and, temp, temp, NIBBLES, cx);
        self.zero_vector(XTMP);
        self.rrr(V::Vpsadbw, to, temp, XTMP);
    }

    fn compare_integers(&mut self, op: Op, inst: &Located<'_>, cx: &mut Context) {
        let to = inst.def(0);
        if self.is_wide() {
            let predicate = match op {
                Op::IEq => EQ,
                Op::INe => NE,
                Op::ILt => LT,
                _ => LE,
            };
            return self.rrli(V::Vpcmpq, to, inst.reg(0), inst.arg(1), predicate, cx);
        }
        let a = inst.reg(0);
        match op {
            Op::IEq => return self.rrl(V::Vpcmpeqq, to, a, inst.arg(1), cx),
            Op::ILt => return self.rrr(V::Vpcmpgtq, to, inst.reg(1), a),
            Op::INe => self.rrl(V::Vpcmpeqq, to, a, inst.arg(1), cx),
            _ => self.rrl(V::Vpcmpgtq, to, a, inst.arg(1), cx),
        }
        self.ones(XTMP);
        self.rrr(V::Vpxor, to, to, XTMP);
    }
}
