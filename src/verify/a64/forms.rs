//! Every word that may stand in AArch64 code, as a table: what it is in assembly, its fixed bits and its fields, and what it means to the rules.
//!
//! A row is no more than what the emitter makes: registers that nobody may write are refused by `translate`, and so are immediates that would be
//! written otherwise. Where two rows fit, the first one is meant: what has a name of its own in the manual stands before what it is a case of.

use super::translate::{M, Meaning, N};
use Meaning::{AnyInt, AnyVector, Flags};

/// A row: words whose bits under `mask` are `bits`.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The assembly, by which tests know it. `X`, `W`, `D`, `S`, `H`, `B`, `Q`, `V` and a field are registers, `P` and a field one that may be the stack pointer;
    /// what is in braces is computed from several fields.
    pub name: &'static str,
    /// The fixed bits.
    pub mask: u32,
    /// What they are.
    pub bits: u32,
    pub(super) meaning: Meaning,
}

/// A row from its bits: `0` and `1` are fixed, letters are fields (`d`, `n`, `m`, `a` registers, `c` a condition, `i` an immediate), blanks for reading.
const fn form(name: &'static str, pattern: &str, meaning: Meaning) -> Form {
    let text = pattern.as_bytes();
    let (mut mask, mut bits, mut count, mut at) = (0u32, 0u32, 0, 0);
    while at < text.len() {
        if text[at] != b' ' {
            mask = mask << 1 | (text[at] == b'0' || text[at] == b'1') as u32;
            bits = bits << 1 | (text[at] == b'1') as u32;
            count += 1;
        }
        at += 1;
    }
    assert!(count == 32, "a word has 32 bits");
    Form { name, mask, bits, meaning }
}

/// The rows.
pub static FORMS: &[Form] = TABLE;

pub(super) const TABLE: &[Form] = &[
    // Control.
    form("hint #0x22", "11010101000000110010010001011111", Meaning::Nothing),
    form("brk #0x0", "11010100001000000000000000000000", Meaning::Stop),
    form("ret", "1101011001011111000000 11110 00000", Meaning::Return),
    form("blr x16", "1101011000111111000000 10000 00000", Meaning::CallReg),
    form("b", "000101 iiiiiiiiiiiiiiiiiiiiiiiiii", Meaning::Jump),
    form("bl", "100101 iiiiiiiiiiiiiiiiiiiiiiiiii", Meaning::Call),
    form("b.{c}", "01010100 iiiiiiiiiiiiiiiiiii 0 cccc", Meaning::Branch),
    form("cbz Wd", "00110100 iiiiiiiiiiiiiiiiiii ddddd", Meaning::BranchLowHalf),
    form("cbnz Wd", "00110101 iiiiiiiiiiiiiiiiiii ddddd", Meaning::BranchLowHalf),
    form("cbz Xd", "10110100 iiiiiiiiiiiiiiiiiii ddddd", Meaning::BranchZero { when_zero: true }),
    form("cbnz Xd", "10110101 iiiiiiiiiiiiiiiiiii ddddd", Meaning::BranchZero { when_zero: false }),
    // Addresses of the pool.
    form("adrp Xd", "1ii10000 iiiiiiiiiiiiiiiiiii ddddd", Meaning::PoolPage),
    // Sums with a number, and the stack pointer.
    form("add sp, sp, {imm12}", "1001000100 iiiiiiii0000 11111 11111", Meaning::MoveStack { down: false }),
    form("add sp, sp, {imm12}", "1001000101 iiiiiiiiiiii 11111 11111", Meaning::MoveStack { down: false }),
    form("mov Xd, sp", "1001000100 000000000000 11111 ddddd", Meaning::StackToReg),
    form("add Xd, Xn, {imm12}", "1001000100 iiiiiiiiiiii nnnnn ddddd", Meaning::AddConst),
    form("add Xd, Xn, {imm12}", "1001000101 iiiiiiiiiiii nnnnn ddddd", Meaning::AddConst),
    form("sub sp, sp, {imm12}", "1101000100 iiiiiiii0000 11111 11111", Meaning::MoveStack { down: true }),
    form("sub sp, sp, {imm12}", "1101000101 000000000001 11111 11111", Meaning::MoveStack { down: true }),
    form("sub Xd, Xn, {imm12}", "1101000100 iiiiiiiiiiii nnnnn ddddd", Meaning::SubConst),
    form("sub Xd, Xn, {imm12}", "1101000101 iiiiiiiiiiii nnnnn ddddd", Meaning::SubConst),
    form("cmn Xn, {imm12}", "1011000100 iiiiiiiiiiii nnnnn 11111", Meaning::CompareNegated),
    form("cmn Xn, {imm12}", "1011000101 iiiiiiiiiiii nnnnn 11111", Meaning::CompareNegated),
    form("adds Xd, Xn, {imm12}", "1011000100 iiiiiiiiiiii nnnnn ddddd", Meaning::AddsConst),
    form("adds Xd, Xn, {imm12}", "1011000101 iiiiiiiiiiii nnnnn ddddd", Meaning::AddsConst),
    form("cmp Xn, {imm12}", "1111000100 iiiiiiiiiiii nnnnn 11111", Meaning::CompareConst),
    form("cmp Xn, {imm12}", "1111000101 iiiiiiiiiiii nnnnn 11111", Meaning::CompareConst),
    form("subs Xd, Xn, {imm12}", "1111000100 iiiiiiiiiiii nnnnn ddddd", Meaning::SubsConst),
    form("subs Xd, Xn, {imm12}", "1111000101 iiiiiiiiiiii nnnnn ddddd", Meaning::SubsConst),
    form("cmp Wn, #0x0", "0111000100 000000000000 nnnnn 11111", Flags(N)),
    // Constants.
    form("mov Xd, {movz}", "110100101 ii iiiiiiiiiiiiiiii ddddd", Meaning::Wide { ones: false }),
    form("mov Xd, {movn}", "100100101 ii iiiiiiiiiiiiiiii ddddd", Meaning::Wide { ones: true }),
    form("movk Xd, {movk}", "111100101 ii iiiiiiiiiiiiiiii ddddd", Meaning::Keep),
    form("mov Xd, {mask}", "101100100 iiiiiiiiiiiii 11111 ddddd", Meaning::Bitmask),
    // Bits under a mask.
    form("tst Xn, {mask}", "111100100 iiiiiiiiiiiii nnnnn 11111", Meaning::TestConst),
    form("and Xd, Xn, {mask}", "100100100 iiiiiiiiiiiii nnnnn ddddd", Meaning::AndConst),
    form("orr Xd, Xn, {mask}", "101100100 iiiiiiiiiiiii nnnnn ddddd", Meaning::OrConst),
    form("eor Xd, Xn, {mask}", "110100100 iiiiiiiiiiiii nnnnn ddddd", Meaning::XorConst),
    form("eor Wd, Wn, #0x1", "010100100 0000000000000 nnnnn ddddd", AnyInt(N)),
    // Shifts by a number.
    form("lsr Xd, Xn, {right}", "1101001101 iiiiii 111111 nnnnn ddddd", Meaning::ShiftRight),
    form("lsl Xd, Xn, {left}", "1101001101 iiiiii iiiiii nnnnn ddddd", Meaning::ShiftLeft),
    form("asr Xd, Xn, {right}", "1001001101 iiiiii 111111 nnnnn ddddd", Meaning::ShiftRightSigned),
    form("ror Xd, Xn, {rotation}", "10010011110 mmmmm iiiiii nnnnn ddddd", Meaning::Rotate),
    // Two registers.
    form("add Xd, Xn, Xm", "10001011000 mmmmm 000000 nnnnn ddddd", Meaning::Add { shift: 0 }),
    form("add Xd, Xn, Xm, lsl #1", "10001011000 mmmmm 000001 nnnnn ddddd", Meaning::Add { shift: 1 }),
    form("add Xd, Xn, Xm, lsl #2", "10001011000 mmmmm 000010 nnnnn ddddd", Meaning::Add { shift: 2 }),
    form("add Xd, Xn, Xm, lsl #3", "10001011000 mmmmm 000011 nnnnn ddddd", Meaning::Add { shift: 3 }),
    form("add Xd, Xn, Xm, lsr {shift}", "10001011010 mmmmm iiiiii nnnnn ddddd", Meaning::AddPart { signed: false }),
    form("add Xd, Xn, Xm, asr #63", "10001011100 mmmmm 111111 nnnnn ddddd", Meaning::AddPart { signed: true }),
    form("add sp, sp, x17", "10001011001 10001 011000 11111 11111", Meaning::RaiseByConst),
    form("adds Xd, Xn, Xm", "10101011000 mmmmm 000000 nnnnn ddddd", Meaning::Adds),
    form("neg Xd, Xm", "11001011000 mmmmm 000000 11111 ddddd", Meaning::Sub { flags: false }),
    form("sub Xd, Xn, Xm", "11001011000 mmmmm 000000 nnnnn ddddd", Meaning::Sub { flags: false }),
    form("cmp Xn, Xm", "11101011000 mmmmm 000000 nnnnn 11111", Meaning::Compare),
    form("negs Xd, Xm", "11101011000 mmmmm 000000 11111 ddddd", Meaning::Sub { flags: true }),
    form("subs Xd, Xn, Xm", "11101011000 mmmmm 000000 nnnnn ddddd", Meaning::Sub { flags: true }),
    form("cmp Xn, Xm, asr {shift}", "11101011100 mmmmm iiiiii nnnnn 11111", Meaning::ComparePart),
    form("cmp Xn, Wm, sxtw", "11101011001 mmmmm 110000 nnnnn 11111", Meaning::CompareWithLowHalf),
    form("and Xd, Xn, Xm", "10001010000 mmmmm 000000 nnnnn ddddd", Meaning::And),
    form("mov Xd, Xm", "10101010000 mmmmm 000000 11111 ddddd", Meaning::Copy),
    form("orr Xd, Xn, Xm", "10101010000 mmmmm 000000 nnnnn ddddd", Meaning::Or),
    form("mvn Xd, Xm", "10101010001 mmmmm 000000 11111 ddddd", Meaning::Not),
    form("eor Xd, Xn, Xm", "11001010000 mmmmm 000000 nnnnn ddddd", Meaning::Xor),
    form("lsl Xd, Xn, Xm", "10011010110 mmmmm 001000 nnnnn ddddd", AnyInt(N | M)),
    form("lsr Xd, Xn, Xm", "10011010110 mmmmm 001001 nnnnn ddddd", Meaning::ShiftRightSome { signed: false }),
    form("asr Xd, Xn, Xm", "10011010110 mmmmm 001010 nnnnn ddddd", Meaning::ShiftRightSome { signed: true }),
    form("ror Xd, Xn, Xm", "10011010110 mmmmm 001011 nnnnn ddddd", AnyInt(N | M)),
    form("sdiv Xd, Xn, Xm", "10011010110 mmmmm 000011 nnnnn ddddd", Meaning::Divide),
    form("mul Xd, Xn, Xm", "10011011000 mmmmm 011111 nnnnn ddddd", Meaning::Multiply),
    form("msub Xd, Xn, Xm, Xa", "10011011000 mmmmm 1aaaaa nnnnn ddddd", Meaning::MultiplySubtract),
    form("smulh Xd, Xn, Xm", "10011011010 mmmmm 011111 nnnnn ddddd", Meaning::MultiplyHigh),
    form("rbit Xd, Xn", "1101101011000000000000 nnnnn ddddd", AnyInt(N)),
    form("clz Xd, Xn", "1101101011000000000100 nnnnn ddddd", Meaning::CountZeros),
    // Conditions.
    form("csel Xd, Xn, Xm, {c12}", "10011010100 mmmmm cccc 00 nnnnn ddddd", Meaning::Select),
    form("cset Wd, {not}", "00011010100 11111 cccc 01 11111 ddddd", Meaning::SelectOne),
    form("cset Xd, {not}", "10011010100 11111 cccc 01 11111 ddddd", Meaning::SelectOne),
    form("csinv Xd, Xn, xzr, ge", "11011010100 11111 1010 00 nnnnn ddddd", AnyInt(N)),
    form("ccmp Xn, #0x1, #0x0, eq", "11111010010 00001 0000 10 nnnnn 00000", Flags(N)),
    form("ccmp Xn, #0x0, #0x0, ne", "11111010010 00000 0001 10 nnnnn 00000", Meaning::CompareZeroIfNot),
    // Memory: at a base and a number.
    form("ldr xzr, [sp]", "11111001010000000000001111111111", Meaning::Touch),
    form("stp xzr, x30, [sp, #-0x10]!", "10101001101111110111101111111111", Meaning::PushLink),
    form("ldp xzr, x30, [sp], #0x10", "10101000110000010111101111111111", Meaning::PopLink),
    form("ldr Xd, [Pn{at}]", "1111100101 iiiiiiiiiiii nnnnn ddddd", Meaning::LoadWord),
    form("str Xd, [Pn{at}]", "1111100100 iiiiiiiiiiii nnnnn ddddd", Meaning::StoreWord),
    form("ldrsw Xd, [Xn{at}]", "1011100110 iiiiiiiiiiii nnnnn ddddd", Meaning::LoadInt { log: 2, signed: true }),
    form("str Wd, [Xn{at}]", "1011100100 iiiiiiiiiiii nnnnn ddddd", Meaning::StoreInt { log: 2 }),
    form("ldrb Wd, [Xn{at}]", "0011100101 iiiiiiiiiiii nnnnn ddddd", Meaning::LoadInt { log: 0, signed: false }),
    form("strb Wd, [Xn{at}]", "0011100100 iiiiiiiiiiii nnnnn ddddd", Meaning::StoreInt { log: 0 }),
    form("ldr Dd, [Pn{at}]", "1111110101 iiiiiiiiiiii nnnnn ddddd", Meaning::LoadVector { log: 3, frame: true }),
    form("str Dd, [Pn{at}]", "1111110100 iiiiiiiiiiii nnnnn ddddd", Meaning::StoreVector { log: 3, frame: true }),
    form("ldr Sd, [Xn{at}]", "1011110101 iiiiiiiiiiii nnnnn ddddd", Meaning::LoadVector { log: 2, frame: false }),
    form("str Sd, [Xn{at}]", "1011110100 iiiiiiiiiiii nnnnn ddddd", Meaning::StoreVector { log: 2, frame: false }),
    form("ldr Hd, [Xn]", "0111110101 000000000000 nnnnn ddddd", Meaning::LoadVector { log: 1, frame: false }),
    form("str Hd, [Xn]", "0111110100 000000000000 nnnnn ddddd", Meaning::StoreVector { log: 1, frame: false }),
    form("ldr Qd, [Pn{at}]", "0011110111 iiiiiiiiiiii nnnnn ddddd", Meaning::LoadVector { log: 4, frame: true }),
    form("str Qd, [Pn{at}]", "0011110110 iiiiiiiiiiii nnnnn ddddd", Meaning::StoreVector { log: 4, frame: true }),
    // Memory: in a frame so large that a register has the number.
    form("ldr Xd, [sp, x17]", "11111000011 10001 011010 11111 ddddd", Meaning::LoadWordFar),
    form("str Xd, [sp, x17]", "11111000001 10001 011010 11111 ddddd", Meaning::StoreWordFar),
    form("ldr Dd, [sp, x17]", "11111100011 10001 011010 11111 ddddd", Meaning::LoadVectorFar { log: 3 }),
    form("str Dd, [sp, x17]", "11111100001 10001 011010 11111 ddddd", Meaning::StoreVectorFar { log: 3 }),
    form("ldr Qd, [sp, x17]", "00111100111 10001 011010 11111 ddddd", Meaning::LoadVectorFar { log: 4 }),
    form("str Qd, [sp, x17]", "00111100101 10001 011010 11111 ddddd", Meaning::StoreVectorFar { log: 4 }),
    // Memory: elements of arrays.
    form(
        "ldr Xd, [Xn, Xm, lsl #3]",
        "11111000011 mmmmm 011110 nnnnn ddddd",
        Meaning::LoadElem { log: 3, signed: false },
    ),
    form("str Xd, [Xn, Xm, lsl #3]", "11111000001 mmmmm 011110 nnnnn ddddd", Meaning::StoreElem { log: 3 }),
    form(
        "ldrsw Xd, [Xn, Xm, lsl #2]",
        "10111000101 mmmmm 011110 nnnnn ddddd",
        Meaning::LoadElem { log: 2, signed: true },
    ),
    form("str Wd, [Xn, Xm, lsl #2]", "10111000001 mmmmm 011110 nnnnn ddddd", Meaning::StoreElem { log: 2 }),
    form("ldrb Wd, [Xn, Xm]", "00111000011 mmmmm 011010 nnnnn ddddd", Meaning::LoadElem { log: 0, signed: false }),
    form("strb Wd, [Xn, Xm]", "00111000001 mmmmm 011010 nnnnn ddddd", Meaning::StoreElem { log: 0 }),
    form("ldr Dd, [Xn, Xm, lsl #3]", "11111100011 mmmmm 011110 nnnnn ddddd", Meaning::LoadVectorElem { log: 3 }),
    form("str Dd, [Xn, Xm, lsl #3]", "11111100001 mmmmm 011110 nnnnn ddddd", Meaning::StoreVectorElem { log: 3 }),
    form("ldr Sd, [Xn, Xm, lsl #2]", "10111100011 mmmmm 011110 nnnnn ddddd", Meaning::LoadVectorElem { log: 2 }),
    form("str Sd, [Xn, Xm, lsl #2]", "10111100001 mmmmm 011110 nnnnn ddddd", Meaning::StoreVectorElem { log: 2 }),
    // Floats.
    form("fadd Dd, Dn, Dm", "00011110011 mmmmm 001010 nnnnn ddddd", AnyVector(0)),
    form("fsub Dd, Dn, Dm", "00011110011 mmmmm 001110 nnnnn ddddd", AnyVector(0)),
    form("fmul Dd, Dn, Dm", "00011110011 mmmmm 000010 nnnnn ddddd", AnyVector(0)),
    form("fdiv Dd, Dn, Dm", "00011110011 mmmmm 000110 nnnnn ddddd", AnyVector(0)),
    form("fmax Dd, Dn, Dm", "00011110011 mmmmm 010010 nnnnn ddddd", AnyVector(0)),
    form("fmin Dd, Dn, Dm", "00011110011 mmmmm 010110 nnnnn ddddd", AnyVector(0)),
    form("fmadd Dd, Dn, Dm, Da", "00011111010 mmmmm 0aaaaa nnnnn ddddd", AnyVector(0)),
    form("fmsub Dd, Dn, Dm, Da", "00011111010 mmmmm 1aaaaa nnnnn ddddd", AnyVector(0)),
    form("fnmsub Dd, Dn, Dm, Da", "00011111011 mmmmm 1aaaaa nnnnn ddddd", AnyVector(0)),
    form("fmov Dd, Dn", "0001111001100000010000 nnnnn ddddd", AnyVector(0)),
    form("fabs Dd, Dn", "0001111001100000110000 nnnnn ddddd", AnyVector(0)),
    form("fneg Dd, Dn", "0001111001100001010000 nnnnn ddddd", AnyVector(0)),
    form("fsqrt Dd, Dn", "0001111001100001110000 nnnnn ddddd", AnyVector(0)),
    form("fcvt Sd, Dn", "0001111001100010010000 nnnnn ddddd", AnyVector(0)),
    form("fcvt Dd, Sn", "0001111000100010110000 nnnnn ddddd", AnyVector(0)),
    form("frintn Dd, Dn", "0001111001100100010000 nnnnn ddddd", AnyVector(0)),
    form("frintp Dd, Dn", "0001111001100100110000 nnnnn ddddd", AnyVector(0)),
    form("frintm Dd, Dn", "0001111001100101010000 nnnnn ddddd", AnyVector(0)),
    form("frintz Dd, Dn", "0001111001100101110000 nnnnn ddddd", AnyVector(0)),
    form("frinta Dd, Dn", "0001111001100110010000 nnnnn ddddd", AnyVector(0)),
    form("fcmp Dn, Dm", "00011110011 mmmmm 001000 nnnnn 00000", Flags(0)),
    form("fcmp Dn, #0.0", "00011110011 00000 001000 nnnnn 01000", Flags(0)),
    form("fccmp Dn, Dm, #0x8, mi", "00011110011 mmmmm 0100 01 nnnnn 0 1000", Flags(0)),
    form("fcsel Dd, Dn, Dm, {c12}", "00011110011 mmmmm cccc 11 nnnnn ddddd", Meaning::SelectFloat),
    form("fmov Dd, {float13}", "00011110011 iiiiiiii 100 00000 ddddd", AnyVector(0)),
    form("movi Dd, #0x0", "0010111100000000111001 00000 ddddd", Meaning::ZeroVector),
    form("fmov Xd, Dn", "1001111001100110000000 nnnnn ddddd", Meaning::Lane { lane: 0 }),
    form("fmov Dd, Xn", "1001111001100111000000 nnnnn ddddd", AnyVector(N)),
    form("scvtf Dd, Xn", "1001111001100010000000 nnnnn ddddd", AnyVector(N)),
    form("fcvtzs Xd, Dn", "1001111001111000000000 nnnnn ddddd", AnyInt(0)),
    form("bsl Vd.8b, Vn.8b, Vm.8b", "00101110011 mmmmm 000111 nnnnn ddddd", AnyVector(0)),
    form("cnt Vd.8b, Vn.8b", "0000111000100000010110 nnnnn ddddd", AnyVector(0)),
    form("addv Bd, Vn.8b", "0000111000110001101110 nnnnn ddddd", AnyVector(0)),
    // Two lanes: floats.
    form("fadd Vd.2d, Vn.2d, Vm.2d", "01001110011 mmmmm 110101 nnnnn ddddd", AnyVector(0)),
    form("fsub Vd.2d, Vn.2d, Vm.2d", "01001110111 mmmmm 110101 nnnnn ddddd", AnyVector(0)),
    form("fmul Vd.2d, Vn.2d, Vm.2d", "01101110011 mmmmm 110111 nnnnn ddddd", AnyVector(0)),
    form("fdiv Vd.2d, Vn.2d, Vm.2d", "01101110011 mmmmm 111111 nnnnn ddddd", AnyVector(0)),
    form("fmax Vd.2d, Vn.2d, Vm.2d", "01001110011 mmmmm 111101 nnnnn ddddd", AnyVector(0)),
    form("fmin Vd.2d, Vn.2d, Vm.2d", "01001110111 mmmmm 111101 nnnnn ddddd", AnyVector(0)),
    form("fmla Vd.2d, Vn.2d, Vm.2d", "01001110011 mmmmm 110011 nnnnn ddddd", AnyVector(0)),
    form("fmls Vd.2d, Vn.2d, Vm.2d", "01001110111 mmmmm 110011 nnnnn ddddd", AnyVector(0)),
    form("fcmeq Vd.2d, Vn.2d, Vm.2d", "01001110011 mmmmm 111001 nnnnn ddddd", AnyVector(0)),
    form("fcmge Vd.2d, Vn.2d, Vm.2d", "01101110011 mmmmm 111001 nnnnn ddddd", AnyVector(0)),
    form("fcmgt Vd.2d, Vn.2d, Vm.2d", "01101110111 mmmmm 111001 nnnnn ddddd", AnyVector(0)),
    form("fcmgt Vd.2d, Vn.2d, #0.0", "0100111011100000110010 nnnnn ddddd", AnyVector(0)),
    form("fabs Vd.2d, Vn.2d", "0100111011100000111110 nnnnn ddddd", AnyVector(0)),
    form("fneg Vd.2d, Vn.2d", "0110111011100000111110 nnnnn ddddd", AnyVector(0)),
    form("fsqrt Vd.2d, Vn.2d", "0110111011100001111110 nnnnn ddddd", AnyVector(0)),
    form("frintn Vd.2d, Vn.2d", "0100111001100001100010 nnnnn ddddd", AnyVector(0)),
    form("frintm Vd.2d, Vn.2d", "0100111001100001100110 nnnnn ddddd", AnyVector(0)),
    form("frintp Vd.2d, Vn.2d", "0100111011100001100010 nnnnn ddddd", AnyVector(0)),
    form("frintz Vd.2d, Vn.2d", "0100111011100001100110 nnnnn ddddd", AnyVector(0)),
    form("frinta Vd.2d, Vn.2d", "0110111001100001100010 nnnnn ddddd", AnyVector(0)),
    form("fcvtzs Vd.2d, Vn.2d", "0100111011100001101110 nnnnn ddddd", AnyVector(0)),
    form("scvtf Vd.2d, Vn.2d", "0100111001100001110110 nnnnn ddddd", AnyVector(0)),
    form("fcvtn Vd.2s, Vn.2d", "0000111001100001011010 nnnnn ddddd", AnyVector(0)),
    form("fcvtl Vd.2d, Vn.2s", "0000111001100001011110 nnnnn ddddd", AnyVector(0)),
    form("fmov Vd.2d, {float16}", "0110111100000 iii 111101 iiiii ddddd", AnyVector(0)),
    // Two lanes: whole numbers, masks, bits.
    form("add Vd.2d, Vn.2d, Vm.2d", "01001110111 mmmmm 100001 nnnnn ddddd", AnyVector(0)),
    form("sub Vd.2d, Vn.2d, Vm.2d", "01101110111 mmmmm 100001 nnnnn ddddd", AnyVector(0)),
    form("sub Vd.16b, Vn.16b, Vm.16b", "01101110001 mmmmm 100001 nnnnn ddddd", AnyVector(0)),
    form("neg Vd.2d, Vn.2d", "0110111011100000101110 nnnnn ddddd", AnyVector(0)),
    form("neg Vd.16b, Vn.16b", "0110111000100000101110 nnnnn ddddd", AnyVector(0)),
    form("cmgt Vd.2d, Vn.2d, Vm.2d", "01001110111 mmmmm 001101 nnnnn ddddd", Meaning::CompareLanes { or_equal: false }),
    form("cmge Vd.2d, Vn.2d, Vm.2d", "01001110111 mmmmm 001111 nnnnn ddddd", Meaning::CompareLanes { or_equal: true }),
    form("cmeq Vd.2d, Vn.2d, Vm.2d", "01101110111 mmmmm 100011 nnnnn ddddd", AnyVector(0)),
    form("cmgt Vd.2d, Vn.2d, #0x0", "0100111011100000100010 nnnnn ddddd", AnyVector(0)),
    form("ushl Vd.2d, Vn.2d, Vm.2d", "01101110111 mmmmm 010001 nnnnn ddddd", AnyVector(0)),
    form("sshl Vd.2d, Vn.2d, Vm.2d", "01001110111 mmmmm 010001 nnnnn ddddd", AnyVector(0)),
    form("shl Vd.2d, Vn.2d, {lanes left}", "010011110 1iiiiii 010101 nnnnn ddddd", Meaning::ShiftLanes),
    form("sshr Vd.2d, Vn.2d, {lanes right}", "010011110 1iiiiii 000001 nnnnn ddddd", Meaning::ShiftLanes),
    form("ushr Vd.2d, Vn.2d, {lanes right}", "011011110 1iiiiii 000001 nnnnn ddddd", Meaning::ShiftLanes),
    form("and Vd.16b, Vn.16b, Vm.16b", "01001110001 mmmmm 000111 nnnnn ddddd", Meaning::AndLanes),
    form("orr Vd.16b, Vn.16b, Vm.16b", "01001110101 mmmmm 000111 nnnnn ddddd", Meaning::OrOrCopy),
    form("eor Vd.16b, Vn.16b, Vm.16b", "01101110001 mmmmm 000111 nnnnn ddddd", AnyVector(0)),
    form("bsl Vd.16b, Vn.16b, Vm.16b", "01101110011 mmmmm 000111 nnnnn ddddd", AnyVector(0)),
    form("bit Vd.16b, Vn.16b, Vm.16b", "01101110101 mmmmm 000111 nnnnn ddddd", AnyVector(0)),
    form("bif Vd.16b, Vn.16b, Vm.16b", "01101110111 mmmmm 000111 nnnnn ddddd", AnyVector(0)),
    form("mvn Vd.16b, Vn.16b", "0110111000100000010110 nnnnn ddddd", AnyVector(0)),
    form("cnt Vd.16b, Vn.16b", "0100111000100000010110 nnnnn ddddd", AnyVector(0)),
    form("uaddlp Vd.8h, Vn.16b", "0110111000100000001010 nnnnn ddddd", AnyVector(0)),
    form("uaddlp Vd.4s, Vn.8h", "0110111001100000001010 nnnnn ddddd", AnyVector(0)),
    form("uaddlp Vd.2d, Vn.4s", "0110111010100000001010 nnnnn ddddd", AnyVector(0)),
    form("addp Dd, Vn.2d", "0101111011110001101110 nnnnn ddddd", AnyVector(0)),
    form("movi Vd.2d, #0x0", "0110111100000 000 111001 00000 ddddd", Meaning::ZeroVector),
    form("movi Vd.2d, #0xffffffffffffffff", "0110111100000 111 111001 11111 ddddd", Meaning::SplatOnes),
    form("movi Vd.16b, #0x3f", "0100111100000 001 111001 11111 ddddd", AnyVector(0)),
    form("movi Vd.16b, #0x40", "0100111100000 010 111001 00000 ddddd", AnyVector(0)),
    // Two lanes: in and out of them, wider and narrower.
    form("mov Vd.2d, Vn.d[0]", "0100111000001000000001 nnnnn ddddd", AnyVector(0)),
    form("dup Vd.2d, Xn", "0100111000001000000011 nnnnn ddddd", Meaning::Splat),
    form("mov Vd.d[0], Xn", "0100111000001000000111 nnnnn ddddd", AnyVector(N)),
    form("mov Vd.d[1], Xn", "0100111000011000000111 nnnnn ddddd", AnyVector(N)),
    form("mov Xd, Vn.d[0]", "0100111000001000001111 nnnnn ddddd", Meaning::Lane { lane: 0 }),
    form("mov Xd, Vn.d[1]", "0100111000011000001111 nnnnn ddddd", Meaning::Lane { lane: 1 }),
    form("xtn Vd.2s, Vn.2d", "0000111010100001001010 nnnnn ddddd", AnyVector(0)),
    form("xtn Vd.4h, Vn.4s", "0000111001100001001010 nnnnn ddddd", AnyVector(0)),
    form("xtn Vd.8b, Vn.8h", "0000111000100001001010 nnnnn ddddd", AnyVector(0)),
    form("sshll Vd.2d, Vn.2s, #0x0", "000011110 0100000 101001 nnnnn ddddd", AnyVector(0)),
    form("ushll Vd.8h, Vn.8b, #0x0", "001011110 0001000 101001 nnnnn ddddd", AnyVector(0)),
    form("ushll Vd.4s, Vn.4h, #0x0", "001011110 0010000 101001 nnnnn ddddd", AnyVector(0)),
    form("ushll Vd.2d, Vn.2s, #0x0", "001011110 0100000 101001 nnnnn ddddd", AnyVector(0)),
];
