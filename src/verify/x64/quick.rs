//! Arithmetic on floats, moves and branches, which most code consists of, decoded at a tenth of what a general decoder takes. What is accepted here is what [`X64Decoder::listed`] accepts, and means
//! the same, byte for byte (`tests/decode/quick.rs` holds both against each other); all else is left to it.

use super::super::step::{Base, Cond, Decoded, Place, Reg, Src, Step, Value};
use super::X64Decoder;
use super::forms::{self, Kind, Row, flag};
use super::registers::RSP;
use iced_x86::Code;

/// A form's opcode: its map, the number of its mandatory prefix (none, 66, F3, F2), W, whether it is of 256 bits, the byte, and whether it has two operands instead of three.
type Opcode = (u8, u8, bool, bool, u8, bool);

const SCALAR: (u8, u8, bool, bool) = (1, 3, false, false);
const PACKED: (u8, u8, bool, bool) = (1, 1, false, true);
const FUSED: (u8, u8, bool, bool) = (2, 1, true, false);
const FUSED_PACKED: (u8, u8, bool, bool) = (2, 1, true, true);

const fn of(sort: (u8, u8, bool, bool), byte: u8, code: Code) -> (Opcode, Code) {
    ((sort.0, sort.1, sort.2, sort.3, byte, false), code)
}

/// Forms of VEX: three operands, the last a register or memory, and nothing known of the result.
const VEX: [(Opcode, Code); 34] = [
    ((1, 3, false, false, 0x10, true), Code::VEX_Vmovsd_xmm_m64),
    ((1, 1, false, false, 0x28, true), Code::VEX_Vmovapd_xmm_xmmm128),
    of(SCALAR, 0x51, Code::VEX_Vsqrtsd_xmm_xmm_xmmm64),
    of(SCALAR, 0x58, Code::VEX_Vaddsd_xmm_xmm_xmmm64),
    of(SCALAR, 0x59, Code::VEX_Vmulsd_xmm_xmm_xmmm64),
    of(SCALAR, 0x5C, Code::VEX_Vsubsd_xmm_xmm_xmmm64),
    of(SCALAR, 0x5D, Code::VEX_Vminsd_xmm_xmm_xmmm64),
    of(SCALAR, 0x5E, Code::VEX_Vdivsd_xmm_xmm_xmmm64),
    of(SCALAR, 0x5F, Code::VEX_Vmaxsd_xmm_xmm_xmmm64),
    of(FUSED, 0x99, Code::VEX_Vfmadd132sd_xmm_xmm_xmmm64),
    of(FUSED, 0xA9, Code::VEX_Vfmadd213sd_xmm_xmm_xmmm64),
    of(FUSED, 0x9B, Code::VEX_Vfmsub132sd_xmm_xmm_xmmm64),
    of(FUSED, 0xAB, Code::VEX_Vfmsub213sd_xmm_xmm_xmmm64),
    of(FUSED, 0x9D, Code::VEX_Vfnmadd132sd_xmm_xmm_xmmm64),
    of(FUSED, 0xAD, Code::VEX_Vfnmadd213sd_xmm_xmm_xmmm64),
    of(PACKED, 0x58, Code::VEX_Vaddpd_ymm_ymm_ymmm256),
    of(PACKED, 0x59, Code::VEX_Vmulpd_ymm_ymm_ymmm256),
    of(PACKED, 0x5C, Code::VEX_Vsubpd_ymm_ymm_ymmm256),
    of(PACKED, 0x5D, Code::VEX_Vminpd_ymm_ymm_ymmm256),
    of(PACKED, 0x5E, Code::VEX_Vdivpd_ymm_ymm_ymmm256),
    of(PACKED, 0x5F, Code::VEX_Vmaxpd_ymm_ymm_ymmm256),
    of(PACKED, 0x56, Code::VEX_Vorpd_ymm_ymm_ymmm256),
    of(PACKED, 0xD4, Code::VEX_Vpaddq_ymm_ymm_ymmm256),
    of(PACKED, 0xFB, Code::VEX_Vpsubq_ymm_ymm_ymmm256),
    of(PACKED, 0xEB, Code::VEX_Vpor_ymm_ymm_ymmm256),
    of(FUSED_PACKED, 0x98, Code::VEX_Vfmadd132pd_ymm_ymm_ymmm256),
    of(FUSED_PACKED, 0xA8, Code::VEX_Vfmadd213pd_ymm_ymm_ymmm256),
    of(FUSED_PACKED, 0xB8, Code::VEX_Vfmadd231pd_ymm_ymm_ymmm256),
    of(FUSED_PACKED, 0x9A, Code::VEX_Vfmsub132pd_ymm_ymm_ymmm256),
    of(FUSED_PACKED, 0xAA, Code::VEX_Vfmsub213pd_ymm_ymm_ymmm256),
    of(FUSED_PACKED, 0xBA, Code::VEX_Vfmsub231pd_ymm_ymm_ymmm256),
    of(FUSED_PACKED, 0x9C, Code::VEX_Vfnmadd132pd_ymm_ymm_ymmm256),
    of(FUSED_PACKED, 0xAC, Code::VEX_Vfnmadd213pd_ymm_ymm_ymmm256),
    of(FUSED_PACKED, 0xBC, Code::VEX_Vfnmadd231pd_ymm_ymm_ymmm256),
];

/// Likewise of EVEX, all of 512 bits.
const EVEX: [(Opcode, Code); 17] = [
    of(WIDE, 0x58, Code::EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er),
    of(WIDE, 0x59, Code::EVEX_Vmulpd_zmm_k1z_zmm_zmmm512b64_er),
    of(WIDE, 0x5C, Code::EVEX_Vsubpd_zmm_k1z_zmm_zmmm512b64_er),
    of(WIDE, 0x5D, Code::EVEX_Vminpd_zmm_k1z_zmm_zmmm512b64_sae),
    of(WIDE, 0x5E, Code::EVEX_Vdivpd_zmm_k1z_zmm_zmmm512b64_er),
    of(WIDE, 0x5F, Code::EVEX_Vmaxpd_zmm_k1z_zmm_zmmm512b64_sae),
    of(WIDE, 0xD4, Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64),
    of(WIDE, 0xFB, Code::EVEX_Vpsubq_zmm_k1z_zmm_zmmm512b64),
    of(FUSED, 0x98, Code::EVEX_Vfmadd132pd_zmm_k1z_zmm_zmmm512b64_er),
    of(FUSED, 0xA8, Code::EVEX_Vfmadd213pd_zmm_k1z_zmm_zmmm512b64_er),
    of(FUSED, 0xB8, Code::EVEX_Vfmadd231pd_zmm_k1z_zmm_zmmm512b64_er),
    of(FUSED, 0x9A, Code::EVEX_Vfmsub132pd_zmm_k1z_zmm_zmmm512b64_er),
    of(FUSED, 0xAA, Code::EVEX_Vfmsub213pd_zmm_k1z_zmm_zmmm512b64_er),
    of(FUSED, 0xBA, Code::EVEX_Vfmsub231pd_zmm_k1z_zmm_zmmm512b64_er),
    of(FUSED, 0x9C, Code::EVEX_Vfnmadd132pd_zmm_k1z_zmm_zmmm512b64_er),
    of(FUSED, 0xAC, Code::EVEX_Vfnmadd213pd_zmm_k1z_zmm_zmmm512b64_er),
    of(FUSED, 0xBC, Code::EVEX_Vfnmadd231pd_zmm_k1z_zmm_zmmm512b64_er),
];
const WIDE: (u8, u8, bool, bool) = (1, 1, true, false);

/// The place of an opcode in the tables.
const fn key(map: u8, prefix: u8, w: bool, is_256: bool, byte: u8) -> usize {
    (map as usize & 3) << 12 | (prefix as usize & 3) << 10 | (w as usize) << 9 | (is_256 as usize) << 8 | byte as usize
}

/// By opcode: the form's number, and whether it has two operands. Zero where there is none.
const fn table(forms: &[(Opcode, Code)]) -> [u16; 1 << 14] {
    let mut table = [0; 1 << 14];
    let mut i = 0;
    while i < forms.len() {
        let ((map, prefix, w, is_256, byte, is_move), code) = forms[i];
        assert!((code as u16) < TWO_OPERANDS, "a form's number is too large");
        table[key(map, prefix, w, is_256, byte)] = code as u16 | if is_move { TWO_OPERANDS } else { 0 };
        i += 1;
    }
    table
}

const TWO_OPERANDS: u16 = 1 << 15;

static OF_VEX: [u16; 1 << 14] = table(&VEX);
static OF_EVEX: [u16; 1 << 14] = table(&EVEX);

/// The form at a place of a table.
fn row(entry: u16) -> Option<&'static Row> {
    let code = Code::try_from(usize::from(entry & !TWO_OPERANDS)).ok()?;
    forms::row(code).filter(|row| row.kind == Kind::Any)
}

/// Decodes the instruction, if it is one of these.
pub(super) fn decode(decoder: &X64Decoder<'_>, code: &[u8], offset: usize, out: &mut Decoded) -> Option<()> {
    let bytes = code.get(offset..)?;
    match *bytes {
        [0xC5, fields, byte, modrm, ..] => {
            let entry = OF_VEX[key(1, fields & 3, false, fields & 4 != 0, byte)];
            if entry == 0 || entry & TWO_OPERANDS != 0 && fields & 0x78 != 0x78 {
                return None;
            }
            let row = row(entry)?;
            let is_listed =
                if modrm >= 0xC0 { row.has(flag::REGISTER) && row.has(flag::SHORTEST) } else { row.has(flag::POOL) };
            let high = (fields >> 7 ^ 1) << 3;
            if is_listed { finish(decoder, bytes, offset, 3, high, u32::from(row.bytes), out) } else { None }
        }
        [0xC4, high, 0x7B, byte @ (0x10 | 0x11), 0..0xC0, ..] if high & 31 == 1 => {
            move_double(bytes, high, byte == 0x10, out)
        }
        [0xC4, high, fields, byte, modrm, ..] => {
            let map = high & 31;
            // No index is extended.
            if !matches!(map, 1 | 2) || high & 0x40 == 0 {
                return None;
            }
            let w = fields & 0x80 != 0;
            let entry = OF_VEX[key(map, fields & 3, w, fields & 4 != 0, byte)];
            if entry == 0 || entry & TWO_OPERANDS != 0 && fields & 0x78 != 0x78 {
                return None;
            }
            let row = row(entry)?;
            let could_be_short = map == 1 && high & 0x20 != 0 && !w;
            let is_listed = match modrm {
                0xC0.. => row.has(flag::REGISTER) && (!could_be_short || row.has(flag::DYNAMIC)),
                _ => row.has(flag::POOL) && !could_be_short && high & 0x20 != 0,
            };
            let reg = (high >> 7 ^ 1) << 3;
            if is_listed { finish(decoder, bytes, offset, 4, reg, u32::from(row.bytes), out) } else { None }
        }
        // Of 512 bits, without a mask.
        [0x62, p0, p1, p2, byte, modrm, ..] if decoder.is_wide && p0 & 8 == 0 && p1 & 4 != 0 => {
            let (map, is_register) = (p0 & 7, modrm >= 0xC0);
            let broadcast = if is_register { 0x40 } else { 0x50 };
            if !matches!(map, 1 | 2) || p2 & 0xF7 != broadcast || !is_register && p0 & 0x60 != 0x60 {
                return None;
            }
            let entry = OF_EVEX[key(map, p1 & 3, p1 & 0x80 != 0, false, byte)];
            if entry == 0 {
                return None;
            }
            let row = row(entry)?;
            let is_listed =
                row.has(flag::UNMASKED) && row.has(if is_register { flag::REGISTER } else { flag::BROADCAST });
            let high = (p0 >> 7 ^ 1) << 3 | (p0 >> 4 & 1 ^ 1) << 4;
            if is_listed { finish(decoder, bytes, offset, 5, high, 8, out) } else { None }
        }
        _ => integers(bytes, offset, code.len(), out),
    }
}

/// From ModRM on: a register, or `size` bytes of the pool.
fn finish(
    decoder: &X64Decoder<'_>,
    bytes: &[u8],
    offset: usize,
    at: usize,
    high: u8,
    size: u32,
    out: &mut Decoded,
) -> Option<()> {
    let modrm = *bytes.get(at)?;
    let to = Step::Any(Reg::Vector(modrm >> 3 & 7 | high));
    if modrm >= 0xC0 {
        out.restart(at as u32 + 1);
        return out.push(to).then_some(());
    }
    if modrm & 0xC7 != 5 {
        return None;
    }
    let distance = i32::from_le_bytes(*bytes.get(at + 1..)?.first_chunk()?);
    let end = at + 5;
    let target = (offset + end) as i64 + i64::from(distance);
    let from = target.wrapping_sub(decoder.pool_at);
    let behind = u64::try_from(from).ok()?.checked_add(u64::from(size))?;
    if behind > decoder.pool_len {
        return None;
    }
    out.restart(end as u32);
    (out.push(Step::LoadPool { to: None, offset: from, bytes: size }) && out.push(to)).then_some(())
}

/// Moves, sums and comparisons of 64 bits between registers, or between one and memory as dynasm writes it; branches.
fn integers(bytes: &[u8], offset: usize, len: usize, out: &mut Decoded) -> Option<()> {
    match *bytes {
        [rex @ 0x48..=0x4F, byte, modrm, ..] => {
            let high = Extension { reg: rex >> 2 & 1, index: rex >> 1 & 1, base: rex & 1 };
            let reg = modrm >> 3 & 7 | high.reg << 3;
            if modrm < 0xC0 {
                if !matches!(byte, 0x8B | 0x89) || reg == RSP {
                    return None;
                }
                let (place, end) = memory(bytes, 2, high, 8)?;
                out.restart(end as u32);
                let value = Reg::Int(reg);
                let step = match byte {
                    0x8B => Step::Load { to: Some(value), from: place, signed: false },
                    _ => Step::Store { to: place, value: Some(Value::Reg(value)) },
                };
                return out.push(step).then_some(());
            }
            let rm = modrm & 7 | high.base << 3;
            // No index is extended; the stack pointer is for the general decoder.
            if high.index != 0 || rm == RSP {
                return None;
            }
            let immediate = |at: usize| Some(i64::from(i32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)));
            let (steps, end): ([Option<Step>; 3], u32) = match (byte, modrm >> 3 & 7) {
                (0x89, _) if reg != RSP => {
                    ([Some(Step::Copy { to: Reg::Int(rm), from: Reg::Int(reg) }), None, None], 3)
                }
                (0x01, _) if reg != RSP => (sum(rm, Src::Reg(reg)), 3),
                (0x83, 0) if high.reg == 0 => (sum(rm, Src::Const(i64::from(*bytes.get(3)? as i8))), 4),
                (0x85, _) if reg == rm => ([Some(Step::Compare { a: Src::Reg(rm), b: Src::Const(0) }), None, None], 3),
                // The first operand of this one is that of ModRM.reg.
                (0x3B, _) if reg != RSP => ([Some(Step::Compare { a: Src::Reg(reg), b: Src::Reg(rm) }), None, None], 3),
                (0x81, 7) if high.reg == 0 => {
                    ([Some(Step::Compare { a: Src::Reg(rm), b: Src::Const(immediate(3)?) }), None, None], 7)
                }
                _ => return None,
            };
            out.restart(end);
            steps.into_iter().flatten().all(|step| out.push(step)).then_some(())
        }
        [0x0F, byte @ 0x80..=0x8F, a, b, c, d, ..] => {
            let cond = match byte & 15 {
                0 => Cond::Overflow,
                2 => Cond::Below,
                3 => Cond::AboveEq,
                4 => Cond::Eq,
                5 => Cond::Ne,
                6 => Cond::BelowEq,
                7 => Cond::Above,
                12 => Cond::Lt,
                13 => Cond::Ge,
                14 => Cond::Le,
                15 => Cond::Gt,
                _ => return None,
            };
            let target = target(offset + 6, [a, b, c, d], len)?;
            out.restart(6);
            out.push(Step::Branch { cond, target }).then_some(())
        }
        [0xE9, a, b, c, d, ..] => {
            let target = target(offset + 5, [a, b, c, d], len)?;
            out.restart(5);
            out.push(Step::Jump { target }).then_some(())
        }
        _ => None,
    }
}

fn sum(to: u8, b: Src) -> [Option<Step>; 3] {
    [Some(Step::AnyFlags), Some(Step::Add { to, a: to, b, shift: 0 }), Some(Step::Overflow { of: to })]
}

/// Where a branch goes to: into the code.
fn target(behind: usize, distance: [u8; 4], len: usize) -> Option<u32> {
    let target = (behind as i64).checked_add(i32::from_le_bytes(distance).into())?;
    u32::try_from(target).ok().filter(|target| (*target as usize) < len)
}

/// What prefixes add to ModRM's registers.
#[derive(Clone, Copy)]
struct Extension {
    reg: u8,
    index: u8,
    base: u8,
}

/// Memory with an index byte and a displacement, as dynasm writes it, and where it ends.
fn memory(bytes: &[u8], at: usize, high: Extension, size: u32) -> Option<(Place, usize)> {
    let (modrm, sib) = (*bytes.get(at)?, *bytes.get(at + 1)?);
    if modrm & 7 != 4 {
        return None;
    }
    let (disp, end) = match modrm >> 6 {
        1 => (i64::from(*bytes.get(at + 2)? as i8), at + 3),
        2 => (i64::from(i32::from_le_bytes(*bytes.get(at + 2..)?.first_chunk()?)), at + 6),
        _ => return None,
    };
    let (base, index) = (sib & 7 | high.base << 3, sib >> 3 & 7 | high.index << 3);
    let place = match (base, index) {
        (RSP, RSP) if sib >> 6 == 0 => (Base::Stack, None),
        (RSP, _) => return None,
        (_, RSP) if sib >> 6 == 0 => (Base::Reg(base), None),
        (_, RSP) => return None,
        _ => (Base::Reg(base), Some((index, sib >> 6))),
    };
    Some((Place { base: place.0, index: place.1, disp, bytes: size }, end))
}

/// A load or store of a double, from ModRM on.
fn move_double(bytes: &[u8], high: u8, is_load: bool, out: &mut Decoded) -> Option<()> {
    let high = Extension { reg: 1 - (high >> 7), index: 1 - (high >> 6 & 1), base: 1 - (high >> 5 & 1) };
    let reg = Reg::Vector(bytes.get(4)? >> 3 & 7 | high.reg << 3);
    let (place, end) = memory(bytes, 4, high, 8)?;
    out.restart(end as u32);
    let is_said = match is_load {
        true => out.push(Step::Load { to: None, from: place, signed: false }) && out.push(Step::Any(reg)),
        false => out.push(Step::Store { to: place, value: None }),
    };
    is_said.then_some(())
}
