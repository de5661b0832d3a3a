//! Instructions with VEX and EVEX.

use super::super::super::step::{Decoded, LaneCond, Lanes, Place, Reg, Step, Value};
use super::super::X64Decoder;
use super::super::forms::{self, Kind, Row, flag};
use super::super::registers::RSP;
use super::{Extension, Makers, is_relative, memory, number};
use Operands::{Register, Store, Three, ThreeAndByte, Two, TwoAndByte};
use iced_x86::Code;

/// What an instruction's operands are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operands {
    /// A register, and a register or memory.
    Two,
    /// The same, of which the first is a general register.
    Register,
    /// The same, and a byte.
    TwoAndByte,
    /// A register or memory, and a register.
    Store,
    /// A register, another one, and a register or memory.
    Three,
    /// The same, and a byte.
    ThreeAndByte,
}

/// A form: its map, the number of its mandatory prefix (none, 66, F3, F2), the opcode, and its operands. Rows say the rest.
type Opcode = (u8, u8, u8, Operands, Code);

const VEX: [Opcode; 69] = [
    (1, 1, 0x28, Two, Code::VEX_Vmovapd_xmm_xmmm128),
    (1, 3, 0x10, Two, Code::VEX_Vmovsd_xmm_m64),
    (1, 3, 0x11, Store, Code::VEX_Vmovsd_m64_xmm),
    (1, 1, 0x6E, Two, Code::VEX_Vmovq_xmm_rm64),
    (1, 3, 0x51, Three, Code::VEX_Vsqrtsd_xmm_xmm_xmmm64),
    (1, 3, 0x58, Three, Code::VEX_Vaddsd_xmm_xmm_xmmm64),
    (1, 3, 0x59, Three, Code::VEX_Vmulsd_xmm_xmm_xmmm64),
    (1, 3, 0x5C, Three, Code::VEX_Vsubsd_xmm_xmm_xmmm64),
    (1, 3, 0x5D, Three, Code::VEX_Vminsd_xmm_xmm_xmmm64),
    (1, 3, 0x5E, Three, Code::VEX_Vdivsd_xmm_xmm_xmmm64),
    (1, 3, 0x5F, Three, Code::VEX_Vmaxsd_xmm_xmm_xmmm64),
    (1, 3, 0xC2, ThreeAndByte, Code::VEX_Vcmpsd_xmm_xmm_xmmm64_imm8),
    (1, 3, 0x2A, Three, Code::VEX_Vcvtsi2sd_xmm_xmm_rm64),
    (1, 3, 0x2C, Register, Code::VEX_Vcvttsd2si_r64_xmmm64),
    (1, 1, 0x2E, Two, Code::VEX_Vucomisd_xmm_xmmm64),
    (1, 1, 0x54, Three, Code::VEX_Vandpd_xmm_xmm_xmmm128),
    (1, 1, 0x56, Three, Code::VEX_Vorpd_xmm_xmm_xmmm128),
    (1, 1, 0x57, Three, Code::VEX_Vxorpd_xmm_xmm_xmmm128),
    (1, 0, 0x57, Three, Code::VEX_Vxorps_xmm_xmm_xmmm128),
    (3, 1, 0x0B, ThreeAndByte, Code::VEX_Vroundsd_xmm_xmm_xmmm64_imm8),
    (3, 1, 0x4B, ThreeAndByte, Code::VEX_Vblendvpd_xmm_xmm_xmmm128_xmm),
    (2, 1, 0x99, Three, Code::VEX_Vfmadd132sd_xmm_xmm_xmmm64),
    (2, 1, 0xA9, Three, Code::VEX_Vfmadd213sd_xmm_xmm_xmmm64),
    (2, 1, 0x9B, Three, Code::VEX_Vfmsub132sd_xmm_xmm_xmmm64),
    (2, 1, 0xAB, Three, Code::VEX_Vfmsub213sd_xmm_xmm_xmmm64),
    (2, 1, 0x9D, Three, Code::VEX_Vfnmadd132sd_xmm_xmm_xmmm64),
    (2, 1, 0xAD, Three, Code::VEX_Vfnmadd213sd_xmm_xmm_xmmm64),
    // Lanes.
    (1, 1, 0x28, Two, Code::VEX_Vmovapd_ymm_ymmm256),
    (1, 1, 0x10, Two, Code::VEX_Vmovupd_ymm_ymmm256),
    (1, 1, 0x11, Store, Code::VEX_Vmovupd_ymmm256_ymm),
    (1, 1, 0x11, Store, Code::VEX_Vmovupd_xmmm128_xmm),
    // From a register, it is another form, of which nothing is known.
    (2, 1, 0x19, Two, Code::VEX_Vbroadcastsd_ymm_m64),
    (1, 1, 0x51, Two, Code::VEX_Vsqrtpd_ymm_ymmm256),
    (1, 1, 0x58, Three, Code::VEX_Vaddpd_ymm_ymm_ymmm256),
    (1, 1, 0x59, Three, Code::VEX_Vmulpd_ymm_ymm_ymmm256),
    (1, 1, 0x5C, Three, Code::VEX_Vsubpd_ymm_ymm_ymmm256),
    (1, 1, 0x5D, Three, Code::VEX_Vminpd_ymm_ymm_ymmm256),
    (1, 1, 0x5E, Three, Code::VEX_Vdivpd_ymm_ymm_ymmm256),
    (1, 1, 0x5F, Three, Code::VEX_Vmaxpd_ymm_ymm_ymmm256),
    (1, 1, 0xC2, ThreeAndByte, Code::VEX_Vcmppd_ymm_ymm_ymmm256_imm8),
    (3, 1, 0x09, TwoAndByte, Code::VEX_Vroundpd_ymm_ymmm256_imm8),
    (3, 1, 0x4B, ThreeAndByte, Code::VEX_Vblendvpd_ymm_ymm_ymmm256_ymm),
    (1, 1, 0x50, Register, Code::VEX_Vmovmskpd_r32_ymm),
    (2, 1, 0x0F, Two, Code::VEX_Vtestpd_ymm_ymmm256),
    (1, 1, 0x54, Three, Code::VEX_Vandpd_ymm_ymm_ymmm256),
    (1, 1, 0x55, Three, Code::VEX_Vandnpd_ymm_ymm_ymmm256),
    (1, 1, 0x56, Three, Code::VEX_Vorpd_ymm_ymm_ymmm256),
    (1, 1, 0x57, Three, Code::VEX_Vxorpd_ymm_ymm_ymmm256),
    (1, 1, 0x76, Three, Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256),
    (2, 1, 0x29, Three, Code::VEX_Vpcmpeqq_ymm_ymm_ymmm256),
    (2, 1, 0x37, Three, Code::VEX_Vpcmpgtq_ymm_ymm_ymmm256),
    (2, 1, 0x45, Three, Code::VEX_Vpsrlvq_ymm_ymm_ymmm256),
    (2, 1, 0x47, Three, Code::VEX_Vpsllvq_ymm_ymm_ymmm256),
    (1, 1, 0xD4, Three, Code::VEX_Vpaddq_ymm_ymm_ymmm256),
    (1, 1, 0xDB, Three, Code::VEX_Vpand_ymm_ymm_ymmm256),
    (1, 1, 0xEB, Three, Code::VEX_Vpor_ymm_ymm_ymmm256),
    (1, 1, 0xEF, Three, Code::VEX_Vpxor_ymm_ymm_ymmm256),
    (1, 1, 0xF4, Three, Code::VEX_Vpmuludq_ymm_ymm_ymmm256),
    (1, 1, 0xF6, Three, Code::VEX_Vpsadbw_ymm_ymm_ymmm256),
    (1, 1, 0xFB, Three, Code::VEX_Vpsubq_ymm_ymm_ymmm256),
    (2, 1, 0x98, Three, Code::VEX_Vfmadd132pd_ymm_ymm_ymmm256),
    (2, 1, 0xA8, Three, Code::VEX_Vfmadd213pd_ymm_ymm_ymmm256),
    (2, 1, 0xB8, Three, Code::VEX_Vfmadd231pd_ymm_ymm_ymmm256),
    (2, 1, 0x9A, Three, Code::VEX_Vfmsub132pd_ymm_ymm_ymmm256),
    (2, 1, 0xAA, Three, Code::VEX_Vfmsub213pd_ymm_ymm_ymmm256),
    (2, 1, 0xBA, Three, Code::VEX_Vfmsub231pd_ymm_ymm_ymmm256),
    (2, 1, 0x9C, Three, Code::VEX_Vfnmadd132pd_ymm_ymm_ymmm256),
    (2, 1, 0xAC, Three, Code::VEX_Vfnmadd213pd_ymm_ymm_ymmm256),
    (2, 1, 0xBC, Three, Code::VEX_Vfnmadd231pd_ymm_ymm_ymmm256),
];

/// Of 512 bits, three operands, and nothing known of the result.
const EVEX: [Opcode; 17] = [
    (1, 1, 0x58, Three, Code::EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er),
    (1, 1, 0x59, Three, Code::EVEX_Vmulpd_zmm_k1z_zmm_zmmm512b64_er),
    (1, 1, 0x5C, Three, Code::EVEX_Vsubpd_zmm_k1z_zmm_zmmm512b64_er),
    (1, 1, 0x5D, Three, Code::EVEX_Vminpd_zmm_k1z_zmm_zmmm512b64_sae),
    (1, 1, 0x5E, Three, Code::EVEX_Vdivpd_zmm_k1z_zmm_zmmm512b64_er),
    (1, 1, 0x5F, Three, Code::EVEX_Vmaxpd_zmm_k1z_zmm_zmmm512b64_sae),
    (1, 1, 0xD4, Three, Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64),
    (1, 1, 0xFB, Three, Code::EVEX_Vpsubq_zmm_k1z_zmm_zmmm512b64),
    (2, 1, 0x98, Three, Code::EVEX_Vfmadd132pd_zmm_k1z_zmm_zmmm512b64_er),
    (2, 1, 0xA8, Three, Code::EVEX_Vfmadd213pd_zmm_k1z_zmm_zmmm512b64_er),
    (2, 1, 0xB8, Three, Code::EVEX_Vfmadd231pd_zmm_k1z_zmm_zmmm512b64_er),
    (2, 1, 0x9A, Three, Code::EVEX_Vfmsub132pd_zmm_k1z_zmm_zmmm512b64_er),
    (2, 1, 0xAA, Three, Code::EVEX_Vfmsub213pd_zmm_k1z_zmm_zmmm512b64_er),
    (2, 1, 0xBA, Three, Code::EVEX_Vfmsub231pd_zmm_k1z_zmm_zmmm512b64_er),
    (2, 1, 0x9C, Three, Code::EVEX_Vfnmadd132pd_zmm_k1z_zmm_zmmm512b64_er),
    (2, 1, 0xAC, Three, Code::EVEX_Vfnmadd213pd_zmm_k1z_zmm_zmmm512b64_er),
    (2, 1, 0xBC, Three, Code::EVEX_Vfnmadd231pd_zmm_k1z_zmm_zmmm512b64_er),
];

/// What is looked up.
#[derive(Clone, Copy)]
struct Form {
    row: Row,
    operands: Operands,
    /// How its prefix is written with registers, if nothing is known of the result, which is a vector; and whether the last operand may be in the pool then.
    simple: u8,
    is_simple_of_pool: bool,
    /// What is set in the prefix where it names no register.
    fixed: u8,
}

/// Opcodes of a map with a mandatory prefix, W and a length.
const OPCODES: usize = 256;

/// Of each of four maps, four prefixes, both lengths and both W.
const PAGES: usize = 4 << 4;

/// The place of an opcode in the tables: by the map, and the byte of the prefix that has the rest.
#[inline]
const fn key(map: u8, fields: u8, byte: u8) -> usize {
    (map as usize & 3) << 12 | (fields as usize & 7 | fields as usize >> 4 & 8) << 8 | byte as usize
}

/// How a prefix is written: the short one; the long one where the short one would do; the long one where it would not.
const SHORT: u8 = 1;
const LONG: u8 = 2;
const NEEDED: u8 = 4;

const fn forms<const N: usize>(opcodes: &[Opcode; N]) -> [Form; N] {
    let mut forms = [Form { row: forms::ROWS[0], operands: Two, simple: 0, is_simple_of_pool: false, fixed: 0 }; N];
    let mut i = 0;
    while i < N {
        let (_, _, _, operands, code) = opcodes[i];
        let row = forms::row_of(code);
        let is_simple = matches!(row.kind, Kind::Any) && matches!(operands, Two | Three);
        let dynamic = if row.has(flag::DYNAMIC) { LONG | NEEDED } else { 0 };
        let shortest = if row.has(flag::SHORTEST) { SHORT | NEEDED } else { 0 };
        forms[i] = Form {
            row,
            operands,
            simple: if is_simple && row.has(flag::REGISTER) { dynamic | shortest } else { 0 },
            is_simple_of_pool: is_simple && row.has(flag::POOL),
            fixed: if matches!(operands, Three | ThreeAndByte) { 0 } else { 0x78 },
        };
        i += 1;
    }
    forms
}

/// By opcode: one more than the place of its form. Zero where there is none.
const fn places<const N: usize>(opcodes: &[Opcode; N]) -> [u8; PAGES * OPCODES] {
    let mut places = [0; PAGES * OPCODES];
    let mut i = 0;
    while i < N {
        let (map, prefix, byte, _, code) = opcodes[i];
        let row = forms::row_of(code);
        let fields = prefix | row.length() << 2 & 4 | if row.has(flag::W) { 0x80 } else { 0 };
        let at = key(map, fields, byte);
        assert!(places[at] == 0 && N < 256, "a form stands there twice, or there are too many");
        places[at] = i as u8 + 1;
        i += 1;
    }
    places
}

static FORMS_OF_VEX: [Form; VEX.len()] = forms(&VEX);
static OF_VEX: [u8; PAGES * OPCODES] = places(&VEX);
static FORMS_OF_EVEX: [Form; EVEX.len()] = forms(&EVEX);
static OF_EVEX: [u8; PAGES * OPCODES] = places(&EVEX);

/// The operand that ModRM.rm names.
#[derive(Clone, Copy)]
enum Rm {
    Register(u8),
    Place(Place),
    Pool(i64),
}

/// An instruction with its operands.
struct Inst<'f> {
    row: &'f Row,
    /// ModRM.reg, and the register that the prefix names.
    reg: u8,
    other: u8,
    rm: Rm,
    /// Whether it is of whole vectors.
    is_whole: bool,
}

pub(super) fn vex(decoder: &X64Decoder<'_>, bytes: &[u8], offset: usize, out: &mut Decoded) -> Option<()> {
    let [first, second, third, fourth, fifth, ..] = *bytes else { return None };
    let is_short = first == 0xC5;
    // The short prefix extends neither base nor index, and is of the first map.
    let (high, map, fields, byte, modrm) = match is_short {
        true => (second | 0x60, 1, second & 0x7F, third, fourth),
        false => (second, second & 31, third, fourth, fifth),
    };
    if map > 3 {
        return None;
    }
    let Some(place) = OF_VEX[key(map, fields, byte)].checked_sub(1) else {
        if [first, second, third] != [0xC5, 0xF8, 0x77] {
            return None;
        }
        out.restart(3);
        return out.push(Step::AnyVectors).then_some(());
    };
    let form = FORMS_OF_VEX.get(usize::from(place))?;
    if fields & form.fixed != form.fixed {
        return None;
    }
    let at = if is_short { 2 } else { 3 };
    let could_be_short = map == 1 && high & 0x60 == 0x60 && fields & 0x80 == 0;
    let how = match (is_short, could_be_short) {
        (true, _) => SHORT,
        (false, true) => LONG,
        (false, false) => NEEDED,
    };
    if modrm >= 0xC0 && form.simple & how != 0 && high & 0x40 != 0 {
        out.restart(at + 2);
        return out.push(Step::Any(Reg::Vector(modrm >> 3 & 7 | !high >> 4 & 8))).then_some(());
    }
    if is_relative(modrm) && form.is_simple_of_pool && how != LONG && high & 0x60 == 0x60 {
        let behind = at as usize + 6;
        let (distance, size) = (number(bytes, behind - 4)?, u32::from(form.row.bytes));
        let offset = decoder.pool_at(offset + behind, distance, size)?;
        out.restart(behind as u32);
        let read = Step::LoadPool { to: None, offset, bytes: size };
        return (out.push(read) && out.push(Step::Any(Reg::Vector(modrm >> 3 & 7 | !high >> 4 & 8)))).then_some(());
    }
    let high = Extension { reg: 1 - (high >> 7), index: 1 - (high >> 6 & 1), base: 1 - (high >> 5 & 1) };
    Prefixed { decoder, bytes, offset, at: at as usize, high, fields, how }.decode(form, modrm, out)
}

/// An instruction whose prefix was read.
struct Prefixed<'a, 'c> {
    decoder: &'a X64Decoder<'c>,
    bytes: &'a [u8],
    offset: usize,
    /// Where its opcode is.
    at: usize,
    high: Extension,
    fields: u8,
    how: u8,
}

impl Prefixed<'_, '_> {
    #[inline(never)]
    fn decode(&self, form: &Form, modrm: u8, out: &mut Decoded) -> Option<()> {
        let Prefixed { decoder, bytes, offset, at, high, fields, how } = *self;
        let Form { row, operands, .. } = form;
        let makers = Makers {
            dynamic: row.has(flag::DYNAMIC) && how != SHORT,
            shortest: row.has(flag::SHORTEST) && how != LONG,
        };
        // dynasm takes the shorter prefix only where ModRM.rm is no register at all.
        let relative = is_relative(modrm);
        if relative && how == LONG || !relative && !makers.dynamic && !makers.shortest {
            return None;
        }
        let has_byte = matches!(operands, ThreeAndByte | TwoAndByte);
        let mut end = at + 2;
        let rm = if modrm >= 0xC0 {
            if high.index != 0 || !row.has(flag::REGISTER) {
                return None;
            }
            Rm::Register(modrm & 7 | high.base << 3)
        } else if relative {
            if high.index != 0 || high.base != 0 || !row.has(flag::POOL) {
                return None;
            }
            let distance = number(bytes, end)?;
            end += 4;
            Rm::Pool(decoder.pool_at(offset + end + usize::from(has_byte), distance, row.bytes.into())?)
        } else {
            if !row.has(flag::MEMORY) {
                return None;
            }
            let (place, behind) = memory(bytes, at + 1, high, row.bytes.into(), makers)?;
            end = behind;
            Rm::Place(place)
        };
        if has_byte {
            let byte = *bytes.get(end)?;
            if row.has(flag::IS4) && byte & 15 != 0 {
                return None;
            }
            end += 1;
        }
        out.restart(end as u32);
        let is_whole = fields & 4 != 0 && !decoder.is_wide;
        let reg = modrm >> 3 & 7 | high.reg << 3;
        let other = fields >> 3 & 15 ^ 15;
        Inst { row, reg, other, rm, is_whole }.translate(*operands, bytes.get(end..)?, out)
    }
}

impl Inst<'_> {
    /// Memory, if it is read and used up.
    fn reads(&self, out: &mut Decoded) -> bool {
        match self.rm {
            Rm::Register(_) => true,
            Rm::Place(from) => out.push(Step::Load { to: None, from, signed: false }),
            Rm::Pool(offset) => out.push(Step::LoadPool { to: None, offset, bytes: self.row.bytes.into() }),
        }
    }

    /// Lanes of registers or of words of the pool.
    fn lanes(&self) -> Option<Lanes> {
        match self.rm {
            Rm::Register(reg) => Some(Lanes::Reg(reg)),
            Rm::Pool(offset) => Some(Lanes::PoolRow(offset)),
            Rm::Place(_) => None,
        }
    }

    /// What it does, `behind` being what follows it.
    fn translate(&self, operands: Operands, behind: &[u8], out: &mut Decoded) -> Option<()> {
        let Inst { reg, other, rm, is_whole, .. } = *self;
        let to = match operands {
            Register if reg == RSP => return None,
            Register => Reg::Int(reg),
            _ => Reg::Vector(reg),
        };
        let is_one_register = matches!(rm, Rm::Register(rm) if rm == other);
        let step = match (self.row.kind, rm) {
            (Kind::Flags, _) => {
                return (self.reads(out) && out.push(Step::AnyFlags)).then_some(());
            }
            (Kind::MoveVector | Kind::StoreVector, Rm::Place(place)) if operands == Store => {
                let is_followed = is_whole && self.row.kind == Kind::MoveVector;
                Step::Store { to: place, value: is_followed.then_some(Value::Reg(to)) }
            }
            (Kind::MoveVector, Rm::Place(from)) if is_whole => Step::Load { to: Some(to), from, signed: false },
            (Kind::MoveVector, Rm::Register(from)) if is_whole => Step::Copy { to, from: Reg::Vector(from) },
            (Kind::FromGeneral, Rm::Register(from)) => {
                // Of a broadcast behind it, the general decoder makes one.
                if from == RSP || behind.first() == Some(&0xC4) && behind.get(3) == Some(&0x59) {
                    return None;
                }
                Step::Any(to)
            }
            (Kind::SplatPool, Rm::Pool(offset)) if is_whole => Step::SplatPool { to: reg, offset },
            (Kind::Ones, _) if is_one_register && is_whole => Step::SplatConst { to: reg, value: -1 },
            (Kind::XorVectors, _) if is_one_register => Step::ZeroVector { to: reg },
            (Kind::AndVectors, _) if is_whole => Step::AndLanes { to: reg, a: other, b: self.lanes()? },
            (Kind::XorVectors, _) if is_whole => Step::XorLanes { to: reg, a: other, b: self.lanes()? },
            (Kind::AndNotVectors, Rm::Register(kept)) if is_whole => {
                Step::AndNotMasks { to, a: Reg::Vector(kept), b: Reg::Vector(other) }
            }
            (Kind::Greater, _) if is_whole => {
                Step::CompareLanes { to, a: self.lanes()?, b: Lanes::Reg(other), cond: LaneCond::Lt, and: None }
            }
            (Kind::TestLanes, Rm::Register(mask)) => match is_whole && mask == reg {
                true => Step::TestLanes { mask: to },
                false => Step::AnyFlags,
            },
            (Kind::Bits, Rm::Register(from)) if is_whole && operands == Register => {
                let Reg::Int(to) = to else { return None };
                Step::MaskBits { to, from: Reg::Vector(from) }
            }
            (
                Kind::Any
                | Kind::MoveVector
                | Kind::SplatPool
                | Kind::Ones
                | Kind::AndVectors
                | Kind::XorVectors
                | Kind::AndNotVectors
                | Kind::Greater
                | Kind::Bits,
                _,
            ) if operands != Store => return (self.reads(out) && out.push(Step::Any(to))).then_some(()),
            _ => return None,
        };
        out.push(step).then_some(())
    }
}

/// Of 512 bits, without a mask.
pub(super) fn evex(decoder: &X64Decoder<'_>, bytes: &[u8], offset: usize, out: &mut Decoded) -> Option<()> {
    let [_, p0, p1, p2, byte, modrm, ..] = *bytes else { return None };
    let (map, is_register) = (p0 & 7, modrm >= 0xC0);
    let broadcast = if is_register { 0x40 } else { 0x50 };
    if p0 & 8 != 0 || p1 & 4 == 0 || !matches!(map, 1 | 2) || p2 & 0xF7 != broadcast {
        return None;
    }
    let place = OF_EVEX[key(map, p1 & 0x83, byte)];
    let Form { row, .. } = FORMS_OF_EVEX.get(usize::from(place.checked_sub(1)?))?;
    if !row.has(flag::UNMASKED) {
        return None;
    }
    let to = Step::Any(Reg::Vector(modrm >> 3 & 7 | (p0 >> 7 ^ 1) << 3 | (p0 >> 4 & 1 ^ 1) << 4));
    if is_register {
        if !row.has(flag::REGISTER) {
            return None;
        }
        out.restart(6);
        return out.push(to).then_some(());
    }
    if !is_relative(modrm) || p0 & 0x60 != 0x60 || !row.has(flag::BROADCAST) {
        return None;
    }
    let distance = number(bytes, 6)?;
    let from = decoder.pool_at(offset + 10, distance, 8)?;
    out.restart(10);
    (out.push(Step::LoadPool { to: None, offset: from, bytes: 8 }) && out.push(to)).then_some(())
}
