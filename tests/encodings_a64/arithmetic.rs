//! What computes one value from others.

use super::*;

#[test]
fn float_arithmetic() {
    for (of, name) in [
        (Op::FAdd, "fadd"),
        (Op::FSub, "fsub"),
        (Op::FMul, "fmul"),
        (Op::FDiv, "fdiv"),
        (Op::FMin, "fmin"),
        (Op::FMax, "fmax"),
    ] {
        op(of, "dx ax bx", &format!("{name} d, a, b"));
    }
    op(Op::Fma, "dx ax bx cx", "fmadd d, a, b, c");
    op(Op::Fms, "dx ax bx cx", "fnmsub d, a, b, c");
    op(Op::Fnma, "dx ax bx cx", "fmsub d, a, b, c");
    for (of, name) in [
        (Op::FNeg, "fneg"),
        (Op::FAbs, "fabs"),
        (Op::FSqrt, "fsqrt"),
        (Op::FFloor, "frintm"),
        (Op::FCeil, "frintp"),
        (Op::FTrunc, "frintz"),
        (Op::FRound, "frinta"),
        (Op::FRoundEven, "frintn"),
    ] {
        op(of, "dx ax", &format!("{name} d, a"));
    }
    op(Op::FFract, "dx ax", "frintz d31, a; fsub d, a, d31");
    op(
        Op::FSign,
        "dx ax",
        "fmov x16, a; and x16, x16, #0x8000000000000000; orr x16, x16, #0x3ff0000000000000; fmov d31, x16; \
         fcmp a, #0.0; fcsel d31, a, d31, eq; fcsel d, a, d31, vs",
    );
    op(Op::FCopysign, "dx ax bx", "mov x16, #0x8000000000000000; fmov d31, x16; bsl v31.8b, bv.8b, av.8b; fmov d, d31");
    op(Op::FCanon, "d@a ax", "fcmp a, a; b.vs; mov x16, #0x7ff8000000000000; fmov a, x16; b");
    op(Op::FDemote, "dx ax", "fcvt s31, a; fcvt d, s31");
    op(Op::FBits, "dr ax", "fmov d, a");
    op(Op::FFromBits, "dx ar", "fmov d, a");
    op(Op::FIsFinite, "dr ax", "fsub d31, a, a; fcmp d31, d31; cset d32, vc");
    op(
        Op::FIsInfinite,
        "dr ax",
        "fmov x16, a; lsl x16, x16, #0x1; mov x17, #0xffe0000000000000; cmp x16, x17; cset d32, eq",
    );
    op(Op::FIsNan, "dr ax", "fcmp a, a; cset d32, vs");
}

/// Comparisons: operation, operands, the instruction that compares, the condition and its opposite.
const COMPARISONS: [(Op, &str, &str, &str, &str); 24] = [
    (Op::FEq, "ax bx", "fcmp a, b", "eq", "ne"),
    (Op::FNe, "ax bx", "fcmp a, b", "ne", "eq"),
    (Op::FLt, "ax bx", "fcmp a, b", "mi", "pl"),
    (Op::FLe, "ax bx", "fcmp a, b", "ls", "hi"),
    (Op::FEq, "ax b!0", "fcmp a, #0.0", "eq", "ne"),
    (Op::FNe, "ax b!-0", "fcmp a, #0.0", "ne", "eq"),
    (Op::FLt, "ax b!0", "fcmp a, #0.0", "mi", "pl"),
    (Op::FLe, "ax b!-0", "fcmp a, #0.0", "ls", "hi"),
    (Op::FLt, "a!0 bx", "fcmp b, #0.0", "gt", "le"),
    (Op::FLe, "a!0 bx", "fcmp b, #0.0", "ge", "lt"),
    (Op::IEq, "ar br", "cmp a, b", "eq", "ne"),
    (Op::INe, "ar br", "cmp a, b", "ne", "eq"),
    (Op::ILt, "ar br", "cmp a, b", "lt", "ge"),
    (Op::ILe, "ar br", "cmp a, b", "le", "gt"),
    (Op::BEq, "ar br", "cmp a, b", "eq", "ne"),
    (Op::IEq, "ar b#1", "cmp a, #0x1", "eq", "ne"),
    (Op::INe, "ar b#4095", "cmp a, #0xfff", "ne", "eq"),
    (Op::ILt, "ar b#4096", "cmp a, #0x1, lsl #12", "lt", "ge"),
    (Op::ILe, "ar b#16773120", "cmp a, #0xfff, lsl #12", "le", "gt"),
    (Op::ILt, "ar b#-1", "cmn a, #0x1", "lt", "ge"),
    (Op::ILe, "ar b#-8192", "cmn a, #0x2, lsl #12", "le", "gt"),
    (Op::ILt, "a#9 br", "cmp b, #0x9", "gt", "le"),
    (Op::ILe, "a#-9 br", "cmn b, #0x9", "ge", "lt"),
    (Op::ILt, "ar b#0", "cmp a, #0x0", "lt", "ge"),
];
#[test]
fn comparisons() {
    for (of, operands, compare, when, opposite) in COMPARISONS {
        op(of, &format!("dr {operands}"), &format!("{compare}; cset d32, {when}"));
        check(FlatKind::SelectCmp(of), &format!("dr {operands} er fr"), &format!("{compare}; csel d, e, f, {when}"));
        check(FlatKind::SelectCmp(of), &format!("dx {operands} ex fx"), &format!("{compare}; fcsel d, e, f, {when}"));
        let branches = format!("{compare}; b.{when}; {compare}; b.{opposite}");
        check(FlatKind::BranchCmp(of), operands, &branches);
    }
    check(FlatKind::BranchCmp(Op::BNe), "ar br", "cmp a, b; b.ne; cmp a, b; b.eq");
    check(FlatKind::BranchCmp(Op::IEq), "ar b#0", "cbz a; cbnz a");
    check(FlatKind::BranchCmp(Op::INe), "ar b#0", "cbnz a; cbz a");
    check(FlatKind::Branch, "ar", "cbnz a32; cbz a32");
    check(FlatKind::BranchBits(Op::IEq), "ar b#1", "tst a, #0x1; b.eq; tst a, #0x1; b.ne");
    check(
        FlatKind::BranchBits(Op::INe),
        "ar b#-2",
        "tst a, #0xfffffffffffffffe; b.ne; tst a, #0xfffffffffffffffe; b.eq",
    );
    check(FlatKind::Select, "dr cr ar br", "cmp c32, #0x0; csel d, a, b, ne");
    check(FlatKind::Select, "dx cr ax bx", "cmp c32, #0x0; fcsel d, a, b, ne");
}

#[test]
fn integer_arithmetic() {
    for (of, name, opposite) in [(Op::IAdd, "adds", "subs"), (Op::ISub, "subs", "adds")] {
        op(of, "dr ar br", &format!("{name} d, a, b; b.vs; {POOL}"));
        op(of, "dr ar b#1", &format!("{name} d, a, #0x1; b.vs; {POOL}"));
        op(of, "dr ar b#4095", &format!("{name} d, a, #0xfff; b.vs; {POOL}"));
        op(of, "dr ar b#8192", &format!("{name} d, a, #0x2, lsl #12; b.vs; {POOL}"));
        op(of, "dr ar b#-7", &format!("{opposite} d, a, #0x7; b.vs; {POOL}"));
        op(of, "dr ar b#-16773120", &format!("{opposite} d, a, #0xfff, lsl #12; b.vs; {POOL}"));
    }
    for (of, name, opposite) in [(Op::IWrappingAdd, "add", "sub"), (Op::IWrappingSub, "sub", "add")] {
        op(of, "dr ar br", &format!("{name} d, a, b"));
        op(of, "dr ar b#1", &format!("{name} d, a, #0x1"));
        op(of, "dr ar b#4096", &format!("{name} d, a, #0x1, lsl #12"));
        op(of, "dr ar b#-4095", &format!("{opposite} d, a, #0xfff"));
        op(of, "dr ar b#-4096", &format!("{opposite} d, a, #0x1, lsl #12"));
    }
    // An operand and the result may share a register, so the upper half comes first.
    op(Op::IMul, "dr ar br", &format!("smulh x16, a, b; mul d, a, b; cmp x16, d, asr #63; b.ne; {POOL}"));
    op(Op::IMul, "dr ar b#2", &format!("lsl x16, a, #0x1; cmp a, x16, asr #1; mov d, x16; b.ne; {POOL}"));
    op(
        Op::IMul,
        "dr ar b#4611686018427387904",
        &format!("lsl x16, a, #0x3e; cmp a, x16, asr #62; mov d, x16; b.ne; {POOL}"),
    );
    op(Op::IWrappingMul, "dr ar br", "mul d, a, b");
    op(Op::IWrappingMul, "dr ar b#8", "lsl d, a, #0x3");
    op(Op::INeg, "dr ar", &format!("negs d, a; b.vs; {POOL}"));
    op(Op::IAbs, "dr ar", &format!("negs x16, a; b.vs; csel d, x16, a, pl; {POOL}"));
    for (of, name) in
        [(Op::IAnd, "and"), (Op::IOr, "orr"), (Op::IXor, "eor"), (Op::BAnd, "and"), (Op::BOr, "orr"), (Op::BNe, "eor")]
    {
        op(of, "dr ar br", &format!("{name} d, a, b"));
        op(of, "dr ar b#1", &format!("{name} d, a, #0x1"));
        op(of, "dr ar b#-2", &format!("{name} d, a, #0xfffffffffffffffe"));
        op(of, "dr ar b#255", &format!("{name} d, a, #0xff"));
        op(of, "dr ar b#6148914691236517205", &format!("{name} d, a, #0x5555555555555555"));
        op(of, "dr ar b#-4294967296", &format!("{name} d, a, #0xffffffff00000000"));
    }
    op(Op::INot, "dr ar", "mvn d, a");
    op(Op::BNot, "dr ar", "eor d32, a32, #0x1");
    op(Op::BToI, "d@a ar", "");
    op(Op::IMin, "dr ar br", "cmp a, b; csel d, a, b, lt");
    op(Op::IMax, "dr ar br", "cmp a, b; csel d, a, b, gt");
    op(Op::ISign, "dr ar", "cmp a, #0x0; cset x16, gt; csinv d, x16, xzr, ge");
}

#[test]
fn shifts_and_bits() {
    for (of, name) in [(Op::IShl, "lsl"), (Op::IShr, "lsr"), (Op::ISar, "asr"), (Op::IRotr, "ror")] {
        op(of, "dr ar br", &format!("{name} d, a, b"));
        op(of, "dr ar b#7", &format!("{name} d, a, #0x7"));
        op(of, "dr ar b#63", &format!("{name} d, a, #0x3f"));
        op(of, "dr ar b#69", &format!("{name} d, a, #0x5"));
    }
    op(Op::IRotl, "dr ar br", "neg x16, b; ror d, a, x16");
    op(Op::IRotl, "dr ar b#5", "ror d, a, #0x3b");
    op(Op::IRotl, "dr ar b#-1", "ror d, a, #0x1");
    op(Op::IPopcount, "dr ar", "fmov d31, a; cnt v31.8b, v31.8b; addv b31, v31.8b; fmov d, d31");
    op(Op::IClz, "dr ar", "clz d, a");
    op(Op::ICtz, "dr ar", "rbit x16, a; clz d, x16");
}

#[test]
fn division() {
    let overflow = "cmn b, #0x1; ccmp a, #0x1, #0x0, eq; b.vs";
    op(Op::IDiv, "dr ar br", &format!("cbz b; {overflow}; sdiv d, a, b; {POOL}; {POOL}"));
    op(Op::IRem, "dr ar br", &format!("cbz b; sdiv x16, a, b; msub d, x16, b, a; {POOL}"));
    op(
        Op::IFloorDiv,
        "dr ar br",
        &format!(
            "cbz b; {overflow}; sdiv x16, a, b; msub x17, x16, b, a; cmp x17, #0x0; eor x17, x17, b; \
             ccmp x17, #0x0, #0x0, ne; cset x17, mi; sub d, x16, x17; {POOL}; {POOL}"
        ),
    );
    op(
        Op::IFloorMod,
        "dr ar br",
        &format!(
            "cbz b; sdiv x16, a, b; msub x16, x16, b, a; cmp x16, #0x0; eor x17, x16, b; \
             ccmp x17, #0x0, #0x0, ne; csel x17, b, xzr, mi; add d, x16, x17; {POOL}"
        ),
    );
    op(Op::IFloorDiv, "dr ar b#8", "asr d, a, #0x3");
    op(Op::IFloorMod, "dr ar b#8", "and d, a, #0x7");
    let halves = "asr x16, a, #0x3f; add x16, a, x16, lsr #61";
    op(Op::IDiv, "dr ar b#2", "add x16, a, a, lsr #63; asr d, x16, #0x1");
    op(Op::IDiv, "dr ar b#8", &format!("{halves}; asr d, x16, #0x3"));
    op(Op::IDiv, "dr ar b#-8", &format!("{halves}; asr d, x16, #0x3; neg d, d"));
    op(Op::IRem, "dr ar b#-8", &format!("{halves}; and x16, x16, #0xfffffffffffffff8; sub d, a, x16"));
    op(
        Op::IFloorDiv,
        "dr ar b#-8",
        &format!(
            "{halves}; asr x16, x16, #0x3; neg x16, x16; mov x17, #0xfffffffffffffff8; msub x17, x16, x17, a; \
             neg x17, x17; add d, x16, x17, asr #63"
        ),
    );
    let by_7 = "mov x16, #0x4925; movk x16, #0x2492, lsl #16; movk x16, #0x9249, lsl #32; movk x16, #0x4924, lsl #48; \
                smulh x16, a, x16; asr x16, x16, #0x1";
    op(Op::IDiv, "dr ar b#7", &format!("{by_7}; add d, x16, x16, lsr #63"));
    let by_7 = format!("{by_7}; add x16, x16, x16, lsr #63");
    op(Op::IRem, "dr ar b#7", &format!("{by_7}; mov x17, #0x7; msub d, x16, x17, a"));
    let rest = format!("{by_7}; mov x17, #0x7; msub x17, x16, x17, a");
    op(Op::IFloorDiv, "dr ar b#7", &format!("{rest}; add d, x16, x17, asr #63"));
    op(
        Op::IFloorMod,
        "dr ar b#7",
        &format!("{rest}; mov x16, #0x7; cmp x17, #0x0; csel x16, x16, xzr, lt; add d, x16, x17"),
    );
    // The multiplier does not fit: the dividend is added, or subtracted.
    op(
        Op::IDiv,
        "dr ar b#15",
        "mov x16, #0x8889; movk x16, #0x8888, lsl #16; movk x16, #0x8888, lsl #32; movk x16, #0x8888, lsl #48; \
         smulh x16, a, x16; add x16, x16, a; asr x16, x16, #0x3; add d, x16, x16, lsr #63",
    );
    let by_minus_15 = "mov x16, #0x7777777777777777; smulh x16, a, x16; sub x16, x16, a; asr x16, x16, #0x3";
    op(Op::IDiv, "dr ar b#-15", &format!("{by_minus_15}; add d, x16, x16, lsr #63"));
    let by_minus_15 = format!("{by_minus_15}; add x16, x16, x16, lsr #63");
    let minus_15 = "#0xfffffffffffffff1";
    op(
        Op::IFloorMod,
        "dr ar b#-15",
        &format!(
            "{by_minus_15}; mov x17, {minus_15}; msub x17, x16, x17, a; mov x16, {minus_15}; cmp x17, #0x0; \
             csel x16, x16, xzr, gt; add d, x16, x17"
        ),
    );
}

#[test]
fn conversions() {
    op(Op::INarrowI32, "d@a ar", &format!("cmp a, a32, sxtw; b.ne; {POOL}"));
    op(Op::INarrowU8, "d@a ar", &format!("cmp a, #0xff; b.hi; {POOL}"));
    op(Op::IToF, "dx ar", "scvtf d, a");
    op(Op::BToF, "dx ar", "scvtf d, a");
    op(
        Op::FToI,
        "dr ax",
        &format!(
            "mov x16, #0x43e0000000000000; fmov d31, x16; fcmp a, d31; fneg d31, d31; fccmp a, d31, #0x8, mi; b.lt; \
             fcvtzs d, a; {POOL}"
        ),
    );
}

#[test]
fn constants() {
    let int = |value: i64, expected: &str| check(FlatKind::ConstInt(value), "dr", expected);
    int(0, "mov d, #0x0");
    int(7, "mov d, #0x7");
    int(0xFFFF, "mov d, #0xffff");
    int(0x10000, "mov d, #0x10000");
    int(0x1234_0000_0000, "mov d, #0x123400000000");
    int(i64::MIN, "mov d, #0x8000000000000000");
    int(-1, "mov d, #0xffffffffffffffff");
    int(-2, "mov d, #0xfffffffffffffffe");
    int(-0x10000, "mov d, #0xffffffffffff0000");
    int(-0x12340001, "mov d, #0xffffffffedcbffff");
    int(0x00FF_00FF_00FF_00FF, "mov d, #0xff00ff00ff00ff");
    int(0x7FFF_FFFF, "mov d, #0x7fffffff");
    int(i64::MAX, "mov d, #0x7fffffffffffffff");
    int(100_000, "mov d, #0x86a0; movk d, #0x1, lsl #16");
    int(-100_000, "mov d, #0xffffffffffff7960; movk d, #0xfffe, lsl #16");
    int(
        0x1234_5678_9ABC_DEF0,
        "mov d, #0xdef0; movk d, #0x9abc, lsl #16; movk d, #0x5678, lsl #32; movk d, #0x1234, lsl #48",
    );
    int(0x1234_0000_9ABC_0000, "mov d, #0x9abc0000; movk d, #0x1234, lsl #48");
    let float = |value: f64, expected: &str| check(FlatKind::ConstFloat(value.to_bits()), "dx", expected);
    float(0.0, "movi d, #0x0");
    float(1.0, "fmov d, #1.0");
    float(-2.5, "fmov d, #-2.5");
    float(31.0, "fmov d, #31.0");
    float(0.125, "fmov d, #0.125");
    float(-0.0, "mov x16, #0x8000000000000000; fmov d, x16");
    float(100.0, "mov x16, #0x4059000000000000; fmov d, x16");
    float(f64::INFINITY, "mov x16, #0x7ff0000000000000; fmov d, x16");
    float(0.1, "adrp x16; ldr d, [x16]");
}
