//! The encoder of vector instructions: VEX, EVEX, and the instructions on mask registers. [`super::vex_table`] has a row for each instruction.
//!
//! An instruction takes its VEX form where it has one and the operands let it, else EVEX (registers from 16 on, 512 bits, masks, broadcast operands).
//!
//! ABI: Intel SDM volume 2, 2.3 (VEX), 2.7 (EVEX, compressed displacements 2.7.5).

pub use super::vex_table::V;

/// The opcode map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the manual")]
pub enum Map {
    M0F = 1,
    M0F38 = 2,
    M0F3A = 3,
}

/// The mandatory prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the manual")]
pub enum Prefix {
    NP = 0,
    P66 = 1,
    PF3 = 2,
    PF2 = 3,
}

/// Which fields the operands stand in, in the order of the assembler's notation: `R` is ModRM.reg, `V` the field `vvvv`, `M` ModRM.rm, `I` an immediate byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Result, two sources, the last perhaps in memory.
    Rvm,
    /// The same with an immediate.
    Rvmi,
    /// The same, the fourth operand a register in the upper half of the immediate.
    Rvmr,
    /// Result and one source, perhaps in memory.
    Rm,
    /// Likewise, the result being half as long as the source.
    Narrow,
    /// As `Rm`, with an immediate.
    Rmi,
    /// The result perhaps in memory.
    Mr,
    /// The same with an immediate.
    Mri,
    /// The result in `vvvv`, ModRM.reg being part of the opcode.
    Vmi(u8),
    /// A mask of lanes is the result, else as `Rvm`.
    Kvm,
    /// The same with an immediate.
    Kvmi,
    /// A mask of lanes is the result of one source, with an immediate.
    Kmi,
    /// Three mask registers; the length is always the second one.
    Kkk,
    /// Two mask registers, or one from memory.
    Kk,
    /// A mask register to memory.
    Mk,
    /// A mask register from a general one.
    Kg,
    /// A general register from a mask register.
    Gk,
    /// A vector register from a mask register.
    Rk,
    /// A mask register from a vector register.
    Kr,
    /// A vector register from a general one.
    Rg,
    /// A general register from a vector register, which is in ModRM.rm.
    Gm,
    /// A general register, in ModRM.rm, from a vector register.
    Gr,
    /// Lanes from addresses: the result, the addresses with an index register of vectors, and as VEX the mask in `vvvv`.
    Gather,
    /// No operands.
    Nothing,
}

/// How much memory an operand is, for displacements that count in its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuple {
    /// The whole vector, or one element of it broadcast.
    Full,
    /// The whole vector.
    FullMem,
    /// Half of it, or one element broadcast.
    Half,
    /// Half of it.
    HalfMem,
    /// An eighth of it.
    EighthMem,
    /// One element.
    Scalar,
    /// 16 bytes.
    Mem128,
    /// 32 bytes.
    Mem256,
    /// One byte.
    Byte,
    /// No memory.
    NoMem,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The mnemonic and perhaps a word more.
    pub name: &'static str,
    /// The opcode map.
    pub map: Map,
    /// The mandatory prefix.
    pub prefix: Prefix,
    /// The opcode.
    pub opcode: u8,
    /// W of the VEX form, where there is one.
    pub vex: Option<bool>,
    /// W of the EVEX form, where there is one.
    pub evex: Option<bool>,
    /// The operands.
    pub shape: Shape,
    /// The memory operand.
    pub tuple: Tuple,
    /// The lengths it has, a bit each for 128, 256 and 512.
    pub lens: u8,
}

/// The length of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the number of bits")]
pub enum Len {
    L128 = 0,
    L256 = 1,
    L512 = 2,
}

impl Len {
    /// In bytes.
    pub const fn bytes(self) -> u32 {
        16 << self as u32
    }
}

/// The operand that may be in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rm {
    /// A register.
    Reg(u8),
    /// `base + (index << scale) + disp`
    Mem {
        /// A general register.
        base: u8,
        /// The index, a vector register for gathers, and the logarithm of its factor.
        index: Option<(u8, u8)>,
        /// Bytes.
        disp: i32,
    },
    /// A place whose distance is yet to be added to the displacement, the last bytes but for an immediate.
    Pool,
}

/// An instruction with its operands.
#[derive(Clone, Copy, Debug)]
pub struct VexInst {
    /// Which.
    pub op: V,
    /// The length.
    pub len: Len,
    /// ModRM.reg.
    pub reg: u8,
    /// The field `vvvv`.
    pub vvvv: u8,
    /// ModRM.rm.
    pub rm: Rm,
    /// The mask register of the lanes that are written; 0 for all.
    pub mask: u8,
    /// Lanes outside the mask become zero, else they stay.
    pub zero: bool,
    /// The memory operand is one element, for all lanes.
    pub broadcast: bool,
    /// The immediate, for the shapes that have one.
    pub imm: u8,
}

/// The bytes of an instruction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes {
    bytes: [u8; 16],
    len: usize,
}

impl Bytes {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    /// All of them.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

const fn bit(number: u8, at: u8) -> u8 {
    number >> at & 1
}

impl VexInst {
    /// An instruction without masks and broadcasts.
    pub const fn new(op: V, len: Len, reg: u8, vvvv: u8, rm: Rm) -> VexInst {
        VexInst { op, len, reg, vvvv, rm, mask: 0, zero: false, broadcast: false, imm: 0 }
    }

    /// Whether it takes the EVEX form.
    pub fn is_evex(&self) -> bool {
        let row = self.op.row();
        if row.evex.is_none() {
            return false;
        }
        let high = |number: u8| number >= 16;
        let rm_high = match self.rm {
            Rm::Reg(number) => high(number),
            Rm::Mem { index: Some((index, _)), .. } => row.shape == Shape::Gather && high(index),
            _ => false,
        };
        row.vex.is_none()
            || self.len == Len::L512
            || self.mask != 0
            || self.broadcast
            || rm_high
            || high(self.reg)
            || high(self.vvvv)
            // Shifts of memory by an immediate are new with EVEX.
            || (matches!(row.shape, Shape::Vmi(_)) && !matches!(self.rm, Rm::Reg(_)))
    }

    /// Whether a byte stands behind the operands.
    pub fn has_imm(&self) -> bool {
        use Shape::{Kmi, Kvmi, Mri, Rmi, Rvmi, Rvmr, Vmi};
        matches!(self.op.row().shape, Rvmi | Rvmr | Rmi | Mri | Vmi(_) | Kvmi | Kmi)
    }

    /// Encodes it.
    pub fn encode(&self) -> Bytes {
        let mut out = Bytes::default();
        let row = self.op.row();
        let shape = row.shape;
        let evex = self.is_evex();
        let reg = if let Shape::Vmi(extension) = shape { extension } else { self.reg };
        // The fields that the shape leaves unused are zero, so that their complements are ones.
        let has_vvvv = match shape {
            Shape::Rvm | Shape::Rvmi | Shape::Rvmr | Shape::Vmi(_) | Shape::Kvm | Shape::Kvmi => true,
            Shape::Kkk => true,
            Shape::Gather => !evex,
            _ => false,
        };
        let vvvv = if has_vvvv { self.vvvv } else { 0 };
        let (base, index) = match self.rm {
            Rm::Reg(number) => (number, number >> 4 << 3),
            Rm::Mem { base, index, .. } => (base, index.map_or(0, |(index, _)| index)),
            Rm::Pool => (0, 0),
        };
        let len = if shape == Shape::Kkk { 1 } else { self.len as u8 };
        let (map, prefix) = (row.map as u8, row.prefix as u8);
        if evex {
            // The fifth bit of a gather's index takes the place of that of `vvvv`.
            let high_v = if shape == Shape::Gather { bit(index, 4) } else { bit(vvvv, 4) };
            let w = u8::from(row.evex == Some(true));
            out.push(0x62);
            out.push(
                (1 - bit(reg, 3)) << 7
                    | (1 - bit(index, 3)) << 6
                    | (1 - bit(base, 3)) << 5
                    | (1 - bit(reg, 4)) << 4
                    | map,
            );
            out.push(w << 7 | (!vvvv & 15) << 3 | 1 << 2 | prefix);
            let zero = u8::from(self.zero && self.mask != 0);
            out.push(zero << 7 | len << 5 | u8::from(self.broadcast) << 4 | (1 - high_v) << 3 | self.mask);
        } else {
            let w = u8::from(row.vex == Some(true));
            let tail = (!vvvv & 15) << 3 | len << 2 | prefix;
            if row.map == Map::M0F && w == 0 && bit(base, 3) == 0 && bit(index, 3) == 0 {
                out.push(0xC5);
                out.push((1 - bit(reg, 3)) << 7 | tail);
            } else {
                out.push(0xC4);
                out.push((1 - bit(reg, 3)) << 7 | (1 - bit(index, 3)) << 6 | (1 - bit(base, 3)) << 5 | map);
                out.push(w << 7 | tail);
            }
        }
        out.push(row.opcode);
        if shape == Shape::Nothing {
            return out;
        }
        self.address(&mut out, reg, evex);
        if shape == Shape::Rvmr {
            out.push(self.imm << 4);
        } else if self.has_imm() {
            out.push(self.imm);
        }
        out
    }

    /// ModRM, SIB and displacement.
    fn address(&self, out: &mut Bytes, reg: u8, evex: bool) {
        let modrm = |mode: u8, rm: u8| mode << 6 | (reg & 7) << 3 | rm & 7;
        match self.rm {
            Rm::Reg(number) => out.push(modrm(3, number)),
            Rm::Pool => {
                out.push(modrm(0, 5));
                // From the end of the instruction on, which may be an immediate further.
                let to_end = if self.has_imm() { 0xFF } else { 0 };
                (0..4).for_each(|_| out.push(to_end));
            }
            Rm::Mem { base, index, disp } => {
                let unit = if evex { self.memory_bytes() as i32 } else { 1 };
                let short = (disp % unit == 0).then(|| i8::try_from(disp / unit).ok()).flatten();
                // Without a displacement, rbp and r13 as a base mean something else.
                let mode = match short {
                    Some(0) if base & 7 != 5 => 0,
                    Some(_) => 1,
                    None => 2,
                };
                match index {
                    Some((index, scale)) => {
                        out.push(modrm(mode, 4));
                        out.push(scale << 6 | (index & 7) << 3 | base & 7);
                    }
                    // rsp and r12 as a base are the escape to an index byte.
                    None if base & 7 == 4 => {
                        out.push(modrm(mode, 4));
                        out.push(4 << 3 | base & 7);
                    }
                    None => out.push(modrm(mode, base)),
                }
                match (mode, short) {
                    (1, Some(short)) => out.push(short as u8),
                    (2, _) => disp.to_le_bytes().into_iter().for_each(|byte| out.push(byte)),
                    _ => {}
                }
            }
        }
    }

    /// How many bytes of memory it reads or writes, or a gather for each lane.
    pub fn memory_bytes(&self) -> u32 {
        let row = self.op.row();
        let element = if row.evex == Some(true) || (row.evex.is_none() && row.vex == Some(true)) { 8 } else { 4 };
        if self.broadcast {
            return element;
        }
        let full = self.len.bytes();
        match row.tuple {
            Tuple::Full | Tuple::FullMem => full,
            Tuple::Half | Tuple::HalfMem => full / 2,
            Tuple::EighthMem => full / 8,
            Tuple::Scalar => element,
            Tuple::Mem128 => 16,
            Tuple::Mem256 => 32,
            Tuple::Byte | Tuple::NoMem => 1,
        }
    }
}
