//! The forms of instructions that may stand in generated code: what is not here is refused.
//!
//! A row names one form as iced-x86 numbers them (mnemonic, operand kinds, widths), says which of its variants are made (a register, memory, a word of the pool …),
//! how it is encoded, and what it does. The tests hold the list against all that the emitter makes: no row may be missing, and none may be idle.

use super::super::step::Cond;
use iced_x86::Code;

/// What a form does, for [`super::translate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All of the first operand becomes the second; an immediate is as wide as the first operand.
    Move,
    /// 32 bits between registers.
    Move32,
    /// A number into 32 bits of a register; or the beginning of the loop that touches the pages of a large frame.
    Number32,
    /// One byte, zero-extended.
    Byte,
    /// 32 bits, sign-extended.
    Signed32,
    /// An address, computed.
    Address,
    /// A sum; or the end of a frame.
    Add,
    /// A difference; or the beginning of a frame.
    Sub,
    /// Bits of both, of 64.
    And,
    /// Bits of both, of 32.
    And32,
    /// Bits of either.
    Or,
    /// Bits of one of the two.
    Xor,
    /// Bits of one of the two, of 32: zero if both are one register.
    Xor32,
    /// Shifts by a number.
    ShiftLeft,
    /// Likewise.
    ShiftRight,
    /// Likewise, keeping the sign.
    ShiftRightSigned,
    /// The first operand becomes some value.
    Any,
    /// So it does, and so do the flags.
    AnyWithFlags,
    /// Only the flags change.
    Flags,
    /// Zero less the operand.
    Negate,
    /// All ones less the operand.
    Not,
    /// How many bits of a sort there are.
    Count,
    /// Shifts by a register.
    ShiftRightSome,
    /// Likewise, keeping the sign.
    ShiftRightSomeSigned,
    /// A product of 64 bits.
    Multiply,
    /// A product of 128 bits.
    Product,
    /// Quotient and remainder.
    Divide,
    /// The sign of rax in rdx.
    Sign,
    /// Flags of a difference.
    Compare,
    /// Flags of bits of both; or the touch of a stack's page.
    Test,
    /// To a place in the code where a condition holds.
    Branch(Cond),
    /// To a place in the code.
    Jump,
    /// A function of the same code.
    Call,
    /// A function whose address is a word of the pool.
    CallPool,
    /// Back to the caller.
    Return,
    /// The second operand where a condition holds.
    Select(Cond),
    /// Nothing.
    Nothing,

    /// A whole vector becomes another.
    MoveVector,
    /// Part of a vector to memory.
    StoreVector,
    /// A general register in the lowest lane; or, where the next instruction broadcasts that, in all of them.
    FromGeneral,
    /// A general register in all lanes.
    Splat,
    /// A word of the pool in all lanes.
    SplatPool,
    /// All ones, whatever the operands, if they are one register or the immediate says so.
    Ones,
    /// Bits of both.
    AndVectors,
    /// Bits of the third operand, but for those of the second.
    AndNotVectors,
    /// Bits of one of the two: zero if both are one register.
    XorVectors,
    /// Lanes in which the second operand is greater than the third.
    Greater,
    /// Lanes in which an immediate's comparison holds, as a mask.
    CompareMask,
    /// Flags of the lanes that are set.
    TestLanes,
    /// The lanes that are set as bits.
    Bits,
    /// A mask becomes another.
    MoveMask,
    /// The lanes of both.
    AndMasks,
    /// The lanes of the third operand, but for those of the second.
    AndNotMasks,
    /// The lanes that are not.
    NotMask,
    /// Elements from anywhere.
    Gather,
    /// The end of the use of vectors.
    ClearUpper,
}

/// How an instruction's prefixes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    Legacy,
    Vex,
    Evex,
    /// Compared as bytes.
    Exact,
}

/// What a row's letters mean.
pub(super) mod flag {
    /// The operand of ModRM.rm is a register.
    pub const REGISTER: u32 = 1;
    /// It is memory at a register.
    pub const MEMORY: u32 = 1 << 1;
    /// It is memory of the pool.
    pub const POOL: u32 = 1 << 2;
    /// It is one word of the pool for all lanes.
    pub const BROADCAST: u32 = 1 << 3;
    /// All lanes are written.
    pub const UNMASKED: u32 = 1 << 4;
    /// Lanes that a mask has not stay.
    pub const MERGED: u32 = 1 << 5;
    /// Lanes that a mask has not become zero.
    pub const ZEROED: u32 = 1 << 6;
    /// Made by dynasm for registers that it does not know.
    pub const DYNAMIC: u32 = 1 << 7;
    /// Made in the shortest encoding.
    pub const SHORTEST: u32 = 1 << 8;
    /// The bit W is set.
    pub const W: u32 = 1 << 9;
    /// A REX prefix without W.
    pub const REX: u32 = 1 << 10;
    /// A mandatory prefix.
    pub const F3: u32 = 1 << 11;
    /// Vectors of 256 bits, as far as the prefix says.
    pub const L256: u32 = 1 << 12;
    /// Of 512.
    pub const L512: u32 = 1 << 13;
    /// ModRM.reg is part of the opcode.
    pub const GROUP: u32 = 1 << 14;
    /// The processor ignores ModRM.reg.
    pub const REG_ZERO: u32 = 1 << 15;
    /// ModRM.reg is a mask register.
    pub const REG_IS_MASK: u32 = 1 << 16;
    /// ModRM.rm is a mask register.
    pub const RM_IS_MASK: u32 = 1 << 17;
    /// ModRM.rm is a general register.
    pub const RM_IS_GENERAL: u32 = 1 << 23;
    /// There is no ModRM.
    pub const NO_MODRM: u32 = 1 << 18;
    /// A register is part of the opcode.
    pub const OPCODE_REG: u32 = 1 << 19;
    /// A register in the upper half of an immediate.
    pub const IS4: u32 = 1 << 20;
    /// An index register of vectors.
    pub const GATHER: u32 = 1 << 21;
    /// Only where vectors are of 512 bits.
    pub const WIDE: u32 = 1 << 22;

    /// The letters of a row.
    pub(super) const fn of(letters: &str) -> u32 {
        let letters = letters.as_bytes();
        let (mut flags, mut i) = (0, 0);
        while i < letters.len() {
            flags |= match letters[i] {
                b'r' => REGISTER,
                b'm' => MEMORY,
                b'p' => POOL,
                b'b' => BROADCAST,
                b'u' => UNMASKED,
                b'k' => MERGED,
                b'z' => ZEROED,
                b'd' => DYNAMIC,
                b's' => SHORTEST,
                b'W' => W,
                b'x' => REX,
                b'3' => F3,
                b'Y' => L256,
                b'Z' => L512,
                b'G' => GROUP,
                b'0' => REG_ZERO,
                b'K' => REG_IS_MASK,
                b'M' => RM_IS_MASK,
                b'q' => RM_IS_GENERAL,
                b'n' => NO_MODRM,
                b'o' => OPCODE_REG | NO_MODRM,
                b'4' => IS4,
                b'g' => GATHER,
                b'w' => WIDE,
                _ => panic!("no such letter"),
            };
            i += 1;
        }
        flags
    }
}

/// A form.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// As iced-x86 numbers it.
    pub code: Code,
    pub(super) space: Space,
    flags: u32,
    pub(super) kind: Kind,
    /// Bytes of memory that it reads or writes, a gather for each lane.
    pub(super) bytes: u8,
}

impl Row {
    /// Whether any of these is set.
    pub(super) const fn has(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    /// Who makes it, of dynasm and the table of vector instructions.
    pub(super) const fn makers(&self) -> u32 {
        self.flags & (flag::DYNAMIC | flag::SHORTEST)
    }

    /// Whether it is for vectors of 512 bits only.
    pub(super) const fn is_wide(&self) -> bool {
        matches!(self.space, Space::Evex) || self.has(flag::WIDE)
    }

    /// The length as prefixes say it.
    pub(super) const fn length(&self) -> u8 {
        if self.has(flag::L512) { 2 } else { self.has(flag::L256) as u8 }
    }

    /// Which variants there are, each a letter as in the table: what the operand of ModRM.rm is (`r`, `m`, `p`, `b`), and which lanes are written (`u`, `k`, `z`).
    pub fn variants(&self) -> impl Iterator<Item = char> + '_ {
        "rmpbukz".chars().filter(|letter| self.has(flag::of(letter.encode_utf8(&mut [0; 4]))))
    }
}

const fn form(space: Space, code: Code, letters: &str, kind: Kind, bytes: u8) -> Row {
    Row { code, space, flags: flag::of(letters), kind, bytes }
}

/// Forms from before vectors.
const fn int(code: Code, letters: &str, kind: Kind, bytes: u8) -> Row {
    form(Space::Legacy, code, letters, kind, bytes)
}

const fn exact(code: Code) -> Row {
    form(Space::Exact, code, "", Kind::Nothing, 0)
}

const fn vex(code: Code, letters: &str, kind: Kind, bytes: u8) -> Row {
    form(Space::Vex, code, letters, kind, bytes)
}

const fn evex(code: Code, letters: &str, kind: Kind, bytes: u8) -> Row {
    form(Space::Evex, code, letters, kind, bytes)
}

/// The row of a form.
pub(super) fn row(code: Code) -> Option<&'static Row> {
    let at = *INDEX.get(code as usize)?;
    ROWS.get(usize::from(at))
}

/// The row of a form that has one, for tables that are made of rows.
pub(super) const fn row_of(code: Code) -> Row {
    ROWS[INDEX[code as usize] as usize]
}

/// How many forms there are room for.
const CODES: usize = 5120;

/// By form, which row it has; past the last: none.
static INDEX: [u16; CODES] = {
    let mut index = [u16::MAX; CODES];
    let mut i = 0;
    while i < ROWS.len() {
        let code = ROWS[i].code as usize;
        assert!(index[code] == u16::MAX, "a form has two rows");
        index[code] = i as u16;
        i += 1;
    }
    index
};

use Kind::{
    Add, Address, And, And32, AndMasks, AndNotMasks, AndNotVectors, AndVectors, Any, AnyWithFlags, Bits, Branch, Byte,
    Call, CallPool, ClearUpper, Compare, CompareMask, Count, Divide, Flags, FromGeneral, Gather, Greater, Jump, Move,
    Move32, MoveMask, MoveVector, Multiply, Negate, Not, NotMask, Number32, Ones, Or, Product, Return, Select,
    ShiftLeft, ShiftRight, ShiftRightSigned, ShiftRightSome, ShiftRightSomeSigned, Sign, Signed32, Splat, SplatPool,
    StoreVector, Sub, Test, TestLanes, Xor, Xor32, XorVectors,
};

/// All rows.
pub static ROWS: &[Row] = &[
    int(Code::Mov_rm64_r64, "rmdW", Move, 8),
    int(Code::Mov_r64_rm64, "mpdW", Move, 8),
    int(Code::Mov_rm64_imm32, "rmdWG", Move, 8),
    int(Code::Mov_r64_imm64, "oW", Move, 0),
    int(Code::Mov_r32_imm32, "ox", Number32, 0),
    int(Code::Mov_rm32_r32, "rmdx", Move32, 4),
    int(Code::Mov_rm32_imm32, "mdxG", Move, 4),
    int(Code::Mov_rm8_r8, "mdx", Move, 1),
    int(Code::Mov_rm8_imm8, "mdxG", Move, 1),
    int(Code::Movsxd_r64_rm32, "rmdW", Signed32, 4),
    int(Code::Movzx_r32_rm8, "rmdx", Byte, 1),
    int(Code::Lea_r64_m, "mdW", Address, 0),
    int(Code::Add_rm64_r64, "rdW", Add, 0),
    int(Code::Add_rm64_imm8, "rdWG", Add, 0),
    int(Code::Add_rm64_imm32, "rdWG", Add, 0),
    int(Code::Sub_rm64_r64, "rdW", Sub, 0),
    int(Code::Sub_rm64_imm8, "rdWG", Sub, 0),
    int(Code::Sub_rm64_imm32, "rdWG", Sub, 0),
    int(Code::And_rm64_r64, "rdW", And, 0),
    int(Code::And_rm64_imm8, "rdWG", And, 0),
    int(Code::And_rm64_imm32, "rdWG", And, 0),
    int(Code::And_rm32_imm8, "rdxG", And32, 0),
    int(Code::And_rm32_imm32, "rdxG", And32, 0),
    int(Code::Or_rm64_r64, "rdW", Or, 0),
    int(Code::Or_rm64_imm8, "rdWG", Or, 0),
    int(Code::Or_rm64_imm32, "rdWG", Or, 0),
    int(Code::Xor_rm64_r64, "rdW", Xor, 0),
    int(Code::Xor_rm64_imm8, "rdWG", Xor, 0),
    int(Code::Xor_rm64_imm32, "rdWG", Xor, 0),
    int(Code::Xor_rm32_r32, "rdx", Xor32, 0),
    int(Code::Xor_rm32_imm8, "rdxG", AnyWithFlags, 0),
    int(Code::Neg_rm64, "rdWG", Negate, 0),
    int(Code::Not_rm64, "rdWG", Not, 0),
    int(Code::Shl_rm64_imm8, "rdWG", ShiftLeft, 0),
    int(Code::Shr_rm64_imm8, "rdWG", ShiftRight, 0),
    int(Code::Sar_rm64_imm8, "rdWG", ShiftRightSigned, 0),
    int(Code::Imul_r64_rm64, "rdW", Multiply, 0),
    int(Code::Imul_r64_rm64_imm32, "rdW", Multiply, 0),
    int(Code::Imul_rm64, "rdWG", Product, 0),
    int(Code::Idiv_rm64, "rdWG", Divide, 0),
    int(Code::Cqo, "nW", Sign, 0),
    int(Code::Popcnt_r64_rm64, "3rdW", Count, 0),
    int(Code::Lzcnt_r64_rm64, "3rdW", Count, 0),
    int(Code::Tzcnt_r64_rm64, "3rdW", Count, 0),
    vex(Code::VEX_Rorx_r64_rm64_imm8, "rdW", Any, 0),
    vex(Code::VEX_Sarx_r64_rm64_r64, "rdW", ShiftRightSomeSigned, 0),
    vex(Code::VEX_Shlx_r64_rm64_r64, "rdW", Any, 0),
    vex(Code::VEX_Shrx_r64_rm64_r64, "rdW", ShiftRightSome, 0),
    int(Code::Cmp_r64_rm64, "rdW", Compare, 0),
    int(Code::Cmp_rm64_imm32, "rdWG", Compare, 0),
    int(Code::Test_rm64_r64, "rmsW", Test, 8),
    int(Code::Test_rm64_imm32, "rdWG", Test, 0),
    int(Code::Test_rm32_r32, "rdx", Test, 0),
    int(Code::Test_rm32_imm32, "rdxG", Test, 0),
    int(Code::Test_rm8_imm8, "rdxG", Test, 0),
    int(Code::Cmove_r64_rm64, "rdW", Select(Cond::Eq), 0),
    int(Code::Cmovne_r64_rm64, "rdW", Select(Cond::Ne), 0),
    int(Code::Cmovl_r64_rm64, "rdW", Select(Cond::Lt), 0),
    int(Code::Cmovle_r64_rm64, "rdW", Select(Cond::Le), 0),
    int(Code::Cmovg_r64_rm64, "rdW", Select(Cond::Gt), 0),
    int(Code::Cmovge_r64_rm64, "rdW", Select(Cond::Ge), 0),
    int(Code::Cmova_r64_rm64, "rdW", Select(Cond::Above), 0),
    int(Code::Cmovae_r64_rm64, "rdW", Select(Cond::AboveEq), 0),
    int(Code::Cmovp_r64_rm64, "rdW", Select(Cond::Other), 0),
    int(Code::Cmovs_r64_rm64, "rdW", Select(Cond::Negative), 0),
    int(Code::Sete_rm8, "rdxG0", Any, 0),
    int(Code::Setne_rm8, "rdxG0", Any, 0),
    int(Code::Setl_rm8, "rdxG0", Any, 0),
    int(Code::Setle_rm8, "rdxG0", Any, 0),
    int(Code::Setg_rm8, "rdxG0", Any, 0),
    int(Code::Setge_rm8, "rdxG0", Any, 0),
    int(Code::Seta_rm8, "rdxG0", Any, 0),
    int(Code::Setae_rm8, "rdxG0", Any, 0),
    int(Code::Setp_rm8, "rdxG0", Any, 0),
    int(Code::Setnp_rm8, "rdxG0", Any, 0),
    int(Code::Je_rel32_64, "n", Branch(Cond::Eq), 0),
    int(Code::Jne_rel32_64, "n", Branch(Cond::Ne), 0),
    int(Code::Jl_rel32_64, "n", Branch(Cond::Lt), 0),
    int(Code::Jle_rel32_64, "n", Branch(Cond::Le), 0),
    int(Code::Jg_rel32_64, "n", Branch(Cond::Gt), 0),
    int(Code::Jge_rel32_64, "n", Branch(Cond::Ge), 0),
    int(Code::Jb_rel32_64, "n", Branch(Cond::Below), 0),
    int(Code::Jbe_rel32_64, "n", Branch(Cond::BelowEq), 0),
    int(Code::Ja_rel32_64, "n", Branch(Cond::Above), 0),
    int(Code::Jae_rel32_64, "n", Branch(Cond::AboveEq), 0),
    int(Code::Jo_rel32_64, "n", Branch(Cond::Overflow), 0),
    int(Code::Jno_rel32_64, "n", Branch(Cond::NoOverflow), 0),
    int(Code::Jp_rel32_64, "n", Branch(Cond::Other), 0),
    int(Code::Jns_rel32_64, "n", Branch(Cond::NotNegative), 0),
    int(Code::Jmp_rel32_64, "n", Jump, 0),
    int(Code::Call_rel32_64, "n", Call, 0),
    int(Code::Call_rm64, "pG", CallPool, 8),
    int(Code::Retnq, "n", Return, 0),
    exact(Code::Nopd),
    exact(Code::Nopw),
    exact(Code::Nop_rm32),
    exact(Code::Nop_rm16),
    // Floats of one lane.
    vex(Code::VEX_Vmovapd_xmm_xmmm128, "rd", Any, 0),
    vex(Code::VEX_Vmovsd_xmm_m64, "mpds", Any, 8),
    vex(Code::VEX_Vmovsd_m64_xmm, "mds", StoreVector, 8),
    vex(Code::VEX_Vmovss_xmm_m32, "md", Any, 4),
    vex(Code::VEX_Vmovss_m32_xmm, "md", StoreVector, 4),
    vex(Code::VEX_Vmovq_rm64_xmm, "rdW", Any, 0),
    vex(Code::VEX_Vmovq_xmm_rm64, "rdW", FromGeneral, 0),
    vex(Code::VEX_Vaddsd_xmm_xmm_xmmm64, "rpd", Any, 8),
    vex(Code::VEX_Vsubsd_xmm_xmm_xmmm64, "rpd", Any, 8),
    vex(Code::VEX_Vmulsd_xmm_xmm_xmmm64, "rpd", Any, 8),
    vex(Code::VEX_Vdivsd_xmm_xmm_xmmm64, "rpd", Any, 8),
    vex(Code::VEX_Vminsd_xmm_xmm_xmmm64, "rd", Any, 0),
    vex(Code::VEX_Vmaxsd_xmm_xmm_xmmm64, "rd", Any, 0),
    vex(Code::VEX_Vsqrtsd_xmm_xmm_xmmm64, "rd", Any, 0),
    vex(Code::VEX_Vroundsd_xmm_xmm_xmmm64_imm8, "rd", Any, 0),
    vex(Code::VEX_Vfmadd132sd_xmm_xmm_xmmm64, "pdW", Any, 8),
    vex(Code::VEX_Vfmadd213sd_xmm_xmm_xmmm64, "rpdW", Any, 8),
    vex(Code::VEX_Vfmsub132sd_xmm_xmm_xmmm64, "pdW", Any, 8),
    vex(Code::VEX_Vfmsub213sd_xmm_xmm_xmmm64, "rpdW", Any, 8),
    vex(Code::VEX_Vfnmadd132sd_xmm_xmm_xmmm64, "pdW", Any, 8),
    vex(Code::VEX_Vfnmadd213sd_xmm_xmm_xmmm64, "rpdW", Any, 8),
    vex(Code::VEX_Vandpd_xmm_xmm_xmmm128, "pd", Any, 16),
    vex(Code::VEX_Vorpd_xmm_xmm_xmmm128, "rpd", Any, 16),
    vex(Code::VEX_Vxorpd_xmm_xmm_xmmm128, "rpds", XorVectors, 16),
    vex(Code::VEX_Vxorps_xmm_xmm_xmmm128, "rd", XorVectors, 0),
    vex(Code::VEX_Vblendvpd_xmm_xmm_xmmm128_xmm, "rd4", Any, 0),
    vex(Code::VEX_Vcmpsd_xmm_xmm_xmmm64_imm8, "rd", Any, 0),
    vex(Code::VEX_Vucomisd_xmm_xmmm64, "rpd", Flags, 8),
    vex(Code::VEX_Vcvtsi2sd_xmm_xmm_rm64, "rdW", Any, 0),
    vex(Code::VEX_Vcvttsd2si_r64_xmmm64, "rdW", Any, 0),
    vex(Code::VEX_Vcvtsd2ss_xmm_xmm_xmmm64, "rd", Any, 0),
    vex(Code::VEX_Vcvtss2sd_xmm_xmm_xmmm32, "rmds", Any, 4),
    // Lanes of 256 bits.
    vex(Code::VEX_Vmovapd_ymm_ymmm256, "rsY", MoveVector, 0),
    vex(Code::VEX_Vmovupd_ymm_ymmm256, "msY", MoveVector, 32),
    vex(Code::VEX_Vmovupd_ymmm256_ymm, "msY", MoveVector, 32),
    vex(Code::VEX_Vmovupd_xmmm128_xmm, "ms", StoreVector, 16),
    vex(Code::VEX_Vmovd_rm32_xmm, "ms", StoreVector, 4),
    vex(Code::VEX_Vbroadcastsd_ymm_m64, "psY", SplatPool, 8),
    vex(Code::VEX_Vbroadcastsd_ymm_xmm, "rsY", Any, 0),
    vex(Code::VEX_Vpbroadcastq_ymm_xmmm64, "rsY", Any, 0),
    vex(Code::VEX_Vaddpd_ymm_ymm_ymmm256, "rpsY", Any, 32),
    vex(Code::VEX_Vsubpd_ymm_ymm_ymmm256, "rpsY", Any, 32),
    vex(Code::VEX_Vmulpd_ymm_ymm_ymmm256, "rpsY", Any, 32),
    vex(Code::VEX_Vdivpd_ymm_ymm_ymmm256, "rpsY", Any, 32),
    vex(Code::VEX_Vminpd_ymm_ymm_ymmm256, "rsY", Any, 0),
    vex(Code::VEX_Vmaxpd_ymm_ymm_ymmm256, "rsY", Any, 0),
    vex(Code::VEX_Vsqrtpd_ymm_ymmm256, "rsY", Any, 0),
    vex(Code::VEX_Vroundpd_ymm_ymmm256_imm8, "rsY", Any, 0),
    vex(Code::VEX_Vfmadd132pd_ymm_ymm_ymmm256, "psYW", Any, 32),
    vex(Code::VEX_Vfmadd213pd_ymm_ymm_ymmm256, "rpsYW", Any, 32),
    vex(Code::VEX_Vfmadd231pd_ymm_ymm_ymmm256, "rpsYW", Any, 32),
    vex(Code::VEX_Vfmsub132pd_ymm_ymm_ymmm256, "psYW", Any, 32),
    vex(Code::VEX_Vfmsub213pd_ymm_ymm_ymmm256, "rpsYW", Any, 32),
    vex(Code::VEX_Vfmsub231pd_ymm_ymm_ymmm256, "rpsYW", Any, 32),
    vex(Code::VEX_Vfnmadd132pd_ymm_ymm_ymmm256, "psYW", Any, 32),
    vex(Code::VEX_Vfnmadd213pd_ymm_ymm_ymmm256, "rpsYW", Any, 32),
    vex(Code::VEX_Vfnmadd231pd_ymm_ymm_ymmm256, "rpsYW", Any, 32),
    vex(Code::VEX_Vandpd_ymm_ymm_ymmm256, "rpsY", AndVectors, 32),
    vex(Code::VEX_Vandnpd_ymm_ymm_ymmm256, "rsY", AndNotVectors, 0),
    vex(Code::VEX_Vorpd_ymm_ymm_ymmm256, "rpsY", Any, 32),
    vex(Code::VEX_Vxorpd_ymm_ymm_ymmm256, "rpsY", XorVectors, 32),
    vex(Code::VEX_Vblendvpd_ymm_ymm_ymmm256_ymm, "rpsY4", Any, 32),
    vex(Code::VEX_Vcmppd_ymm_ymm_ymmm256_imm8, "rpsY", Any, 32),
    vex(Code::VEX_Vmovmskpd_r32_ymm, "rsY", Bits, 0),
    vex(Code::VEX_Vtestpd_ymm_ymmm256, "rsY", TestLanes, 0),
    vex(Code::VEX_Vcvtps2pd_ymm_xmmm128, "rmsY", Any, 16),
    vex(Code::VEX_Vcvtpd2ps_xmm_ymmm256, "rsY", Any, 0),
    vex(Code::VEX_Vextracti128_xmmm128_ymm_imm8, "rsY", Any, 0),
    vex(Code::VEX_Vpermq_ymm_ymmm256_imm8, "rsYW", Any, 0),
    vex(Code::VEX_Vshufps_ymm_ymm_ymmm256_imm8, "rsY", Any, 0),
    vex(Code::VEX_Vshufps_xmm_xmm_xmmm128_imm8, "rs", Any, 0),
    vex(Code::VEX_Vpshufb_xmm_xmm_xmmm128, "ps", Any, 16),
    vex(Code::VEX_Vpaddq_ymm_ymm_ymmm256, "rpsY", Any, 32),
    vex(Code::VEX_Vpsubq_ymm_ymm_ymmm256, "rpsY", Any, 32),
    vex(Code::VEX_Vpmuludq_ymm_ymm_ymmm256, "rsY", Any, 0),
    vex(Code::VEX_Vpand_ymm_ymm_ymmm256, "rpsY", AndVectors, 32),
    vex(Code::VEX_Vpor_ymm_ymm_ymmm256, "rpsY", Any, 32),
    vex(Code::VEX_Vpxor_ymm_ymm_ymmm256, "rpsY", XorVectors, 32),
    vex(Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256, "rsY", Ones, 0),
    vex(Code::VEX_Vpcmpeqq_ymm_ymm_ymmm256, "rpsY", Any, 32),
    vex(Code::VEX_Vpcmpgtq_ymm_ymm_ymmm256, "rpsY", Greater, 32),
    vex(Code::VEX_Vpsadbw_ymm_ymm_ymmm256, "rsY", Any, 0),
    vex(Code::VEX_Vpsllvq_ymm_ymm_ymmm256, "rsYW", Any, 0),
    vex(Code::VEX_Vpsrlvq_ymm_ymm_ymmm256, "rsYW", Any, 0),
    vex(Code::VEX_Vpsllq_ymm_ymm_imm8, "rsYG", Any, 0),
    vex(Code::VEX_Vpsrlq_ymm_ymm_imm8, "rsYG", Any, 0),
    vex(Code::VEX_Vpblendd_ymm_ymm_ymmm256_imm8, "psY", Any, 32),
    vex(Code::VEX_Vpmovsxdq_ymm_xmmm128, "msY", Any, 16),
    vex(Code::VEX_Vpmovzxbq_ymm_xmmm32, "mpsY", Any, 4),
    vex(Code::VEX_Vgatherqpd_ymm_vm64y_ymm, "msYWg", Gather, 8),
    vex(Code::VEX_Vzeroupper, "ns", ClearUpper, 0),
    // Lanes of 512 bits, and masks.
    evex(Code::EVEX_Vmovapd_zmm_k1z_zmmm512, "ruWZs", MoveVector, 0),
    evex(Code::EVEX_Vmovupd_zmm_k1z_zmmm512, "mpuWZs", MoveVector, 64),
    evex(Code::EVEX_Vmovupd_zmmm512_k1z_zmm, "muWZs", MoveVector, 64),
    evex(Code::EVEX_Vmovsd_xmm_k1z_m64, "muWs", Any, 8),
    evex(Code::EVEX_Vbroadcastsd_zmm_k1z_xmmm64, "rpukzWZs", SplatPool, 8),
    evex(Code::EVEX_Vpbroadcastq_zmm_k1z_r64, "rquWZs", Splat, 0),
    evex(Code::EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er, "rbukWZs", Any, 64),
    evex(Code::EVEX_Vsubpd_zmm_k1z_zmm_zmmm512b64_er, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vmulpd_zmm_k1z_zmm_zmmm512b64_er, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vdivpd_zmm_k1z_zmm_zmmm512b64_er, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vminpd_zmm_k1z_zmm_zmmm512b64_sae, "ruWZs", Any, 0),
    evex(Code::EVEX_Vmaxpd_zmm_k1z_zmm_zmmm512b64_sae, "ruWZs", Any, 0),
    evex(Code::EVEX_Vrangepd_zmm_k1z_zmm_zmmm512b64_imm8_sae, "ruWZs", Any, 0),
    evex(Code::EVEX_Vsqrtpd_zmm_k1z_zmmm512b64_er, "ruWZs", Any, 0),
    evex(Code::EVEX_Vrndscalepd_zmm_k1z_zmmm512b64_imm8_sae, "ruWZs", Any, 0),
    evex(Code::EVEX_Vfmadd132pd_zmm_k1z_zmm_zmmm512b64_er, "buWZs", Any, 64),
    evex(Code::EVEX_Vfmadd213pd_zmm_k1z_zmm_zmmm512b64_er, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vfmadd231pd_zmm_k1z_zmm_zmmm512b64_er, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vfmsub132pd_zmm_k1z_zmm_zmmm512b64_er, "buWZs", Any, 64),
    evex(Code::EVEX_Vfmsub213pd_zmm_k1z_zmm_zmmm512b64_er, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vfmsub231pd_zmm_k1z_zmm_zmmm512b64_er, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vfnmadd132pd_zmm_k1z_zmm_zmmm512b64_er, "buWZs", Any, 64),
    evex(Code::EVEX_Vfnmadd213pd_zmm_k1z_zmm_zmmm512b64_er, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vfnmadd231pd_zmm_k1z_zmm_zmmm512b64_er, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vandpd_zmm_k1z_zmm_zmmm512b64, "buWZs", AndVectors, 64),
    evex(Code::EVEX_Vandnpd_zmm_k1z_zmm_zmmm512b64, "ruWZs", AndNotVectors, 0),
    evex(Code::EVEX_Vorpd_zmm_k1z_zmm_zmmm512b64, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vxorpd_zmm_k1z_zmm_zmmm512b64, "buWZs", XorVectors, 64),
    evex(Code::EVEX_Vblendmpd_zmm_k1z_zmm_zmmm512b64, "rkWZs", Any, 0),
    evex(Code::EVEX_Vcmppd_kr_k1_zmm_zmmm512b64_imm8_sae, "rbuWZKs", Any, 64),
    evex(Code::EVEX_Vfpclasspd_kr_k1_zmmm512b64_imm8, "ruWZKs", Any, 0),
    evex(Code::EVEX_Vcvtps2pd_zmm_k1z_ymmm256b32_sae, "rmuZs", Any, 32),
    evex(Code::EVEX_Vcvtpd2ps_ymm_k1z_zmmm512b64_er, "ruWZs", Any, 0),
    evex(Code::EVEX_Vcvtss2sd_xmm_k1z_xmm_xmmm32_sae, "mus", Any, 4),
    evex(Code::EVEX_Vcvtqq2pd_zmm_k1z_zmmm512b64_er, "ruWZs", Any, 0),
    evex(Code::EVEX_Vcvttpd2qq_zmm_k1z_zmmm512b64_sae, "ruWZs", Any, 0),
    evex(Code::EVEX_Vpermpd_zmm_k1z_zmm_zmmm512b64, "puWZs", Any, 64),
    evex(Code::EVEX_Vpermt2pd_zmm_k1z_zmm_zmmm512b64, "puWZs", Any, 64),
    evex(Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vpsubq_zmm_k1z_zmm_zmmm512b64, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vpmullq_zmm_k1z_zmm_zmmm512b64, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vpminsq_zmm_k1z_zmm_zmmm512b64, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vpmaxsq_zmm_k1z_zmm_zmmm512b64, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vpandq_zmm_k1z_zmm_zmmm512b64, "rbuWZs", AndVectors, 64),
    evex(Code::EVEX_Vporq_zmm_k1z_zmm_zmmm512b64, "rbuWZs", Any, 64),
    evex(Code::EVEX_Vpxorq_zmm_k1z_zmm_zmmm512b64, "rbuWZs", XorVectors, 64),
    evex(Code::EVEX_Vpternlogq_zmm_k1z_zmm_zmmm512b64_imm8, "ruWZs", Ones, 0),
    evex(Code::EVEX_Vpcmpq_kr_k1_zmm_zmmm512b64_imm8, "rbuWZKs", CompareMask, 64),
    evex(Code::EVEX_Vptestmq_kr_k1_zmm_zmmm512b64, "ruWZKs", Any, 0),
    evex(Code::EVEX_Vplzcntq_zmm_k1z_zmmm512b64, "ruWZs", Any, 0),
    evex(Code::EVEX_Vpsadbw_zmm_zmm_zmmm512, "ruZs", Any, 0),
    evex(Code::EVEX_Vpsllvq_zmm_k1z_zmm_zmmm512b64, "ruWZs", Any, 0),
    evex(Code::EVEX_Vpsrlvq_zmm_k1z_zmm_zmmm512b64, "ruWZs", Any, 0),
    evex(Code::EVEX_Vpsravq_zmm_k1z_zmm_zmmm512b64, "ruWZs", Any, 0),
    evex(Code::EVEX_Vprolvq_zmm_k1z_zmm_zmmm512b64, "ruWZs", Any, 0),
    evex(Code::EVEX_Vprorvq_zmm_k1z_zmm_zmmm512b64, "ruWZs", Any, 0),
    evex(Code::EVEX_Vpsllq_zmm_k1z_zmmm512b64_imm8, "ruWZGs", Any, 0),
    evex(Code::EVEX_Vpsrlq_zmm_k1z_zmmm512b64_imm8, "ruWZGs", Any, 0),
    evex(Code::EVEX_Vpsraq_zmm_k1z_zmmm512b64_imm8, "ruWZGs", Any, 0),
    evex(Code::EVEX_Vprolq_zmm_k1z_zmmm512b64_imm8, "ruWZGs", Any, 0),
    evex(Code::EVEX_Vprorq_zmm_k1z_zmmm512b64_imm8, "ruWZGs", Any, 0),
    evex(Code::EVEX_Vpmovsxdq_zmm_k1z_ymmm256, "rmuZs", Any, 32),
    evex(Code::EVEX_Vpmovzxbq_zmm_k1z_xmmm64, "mpuZs", Any, 8),
    evex(Code::EVEX_Vpmovqd_ymmm256_k1z_zmm, "muZs", StoreVector, 32),
    evex(Code::EVEX_Vpmovqb_xmmm64_k1z_zmm, "muZs", StoreVector, 8),
    evex(Code::EVEX_Vgatherqpd_zmm_k1_vm64z, "mkWZgs", Gather, 8),
    evex(Code::EVEX_Vgatherqps_ymm_k1_vm64z, "mkZgs", Gather, 4),
    evex(Code::EVEX_Vpgatherqd_ymm_k1_vm64z, "mkZgs", Gather, 4),
    evex(Code::EVEX_Vpmovm2q_zmm_kr, "ruWZMs", Any, 0),
    vex(Code::VEX_Kmovb_kr_km8, "rmswKM", MoveMask, 1),
    vex(Code::VEX_Kmovb_m8_kr, "mswK", MoveMask, 1),
    vex(Code::VEX_Kmovb_kr_r32, "rswK", Any, 0),
    vex(Code::VEX_Kmovb_r32_kr, "rswM", Bits, 0),
    vex(Code::VEX_Kandb_kr_kr_kr, "rsYwKM", AndMasks, 0),
    vex(Code::VEX_Kandnb_kr_kr_kr, "rsYwKM", AndNotMasks, 0),
    vex(Code::VEX_Korb_kr_kr_kr, "rsYwKM", Any, 0),
    vex(Code::VEX_Kxorb_kr_kr_kr, "rsYwKM", Any, 0),
    vex(Code::VEX_Kxnorb_kr_kr_kr, "rsYwKM", Any, 0),
    vex(Code::VEX_Knotb_kr_kr, "rswKM", NotMask, 0),
    vex(Code::VEX_Kortestb_kr_kr, "rswKM", TestLanes, 0),
];
