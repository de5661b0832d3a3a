//! Branches, memory, calls, frames, and what moves values about.

use super::*;

#[test]
fn far_branches() {
    let reg = |number, class| Allocation::reg(PReg::new(number, class));
    let branch = |kind, args: &[Arg], allocs: &[Allocation], when| {
        disassemble(|a64, cx| {
            cx.far = true;
            let located = Located { kind, span: Span::default(), defs: 0, args, allocs };
            let to = a64.asm().new_dynamic_label();
            a64.branch(&located, when, to, cx);
            a64.asm().dynamic_label(to);
        })
        .join("; ")
    };
    let (int, float) = (RegClass::Int, RegClass::Float);
    let ints = [Arg::Reg(VReg::new(0, int)), Arg::Reg(VReg::new(1, int))];
    let floats = [Arg::Reg(VReg::new(0, float)), Arg::Reg(VReg::new(1, float))];
    let in_ints = [reg(19, int), reg(25, int)];
    let in_floats = [reg(7, float), reg(30, float)];
    assert_eq!(branch(FlatKind::Branch, &ints[..1], &in_ints[..1], true), "cbz w19; b");
    assert_eq!(branch(FlatKind::Branch, &ints[..1], &in_ints[..1], false), "cbnz w19; b");
    assert_eq!(branch(FlatKind::BranchCmp(Op::ILt), &ints, &in_ints, true), "cmp x19, x25; b.ge; b");
    assert_eq!(branch(FlatKind::BranchCmp(Op::ILt), &ints, &in_ints, false), "cmp x19, x25; b.lt; b");
    // Unordered operands go where "not less" goes.
    assert_eq!(branch(FlatKind::BranchCmp(Op::FLt), &floats, &in_floats, true), "fcmp d7, d30; b.pl; b");
    assert_eq!(branch(FlatKind::BranchCmp(Op::FLt), &floats, &in_floats, false), "fcmp d7, d30; b.mi; b");
}

#[test]
fn checks_of_bounds() {
    let stub = |index: &str, len: &str| format!("{index}, [x28, #0x18]; {len}, [x28, #0x20]; {POOL}");
    check(FlatKind::BoundsCheck, "ar br", &format!("cmp a, b; b.hs; {}", stub("str a", "str b")));
    let nine = "mov x16, #0x9; str x16";
    check(FlatKind::BoundsCheck, "a#9 br", &format!("cmp b, #0x9; b.ls; {}", stub(nine, "str b")));
    check(FlatKind::BoundsCheck, "a#0 br", &format!("cmp b, #0x0; b.ls; {}", stub("str xzr", "str b")));
    check(FlatKind::BoundsCheck, "ar b#9", &format!("cmp a, #0x9; b.hs; {}", stub("str a", nine)));
    check(
        FlatKind::BoundsCheck,
        "ar b#4096",
        &format!("cmp a, #0x1, lsl #12; b.hs; {}", stub("str a", "mov x16, #0x1000; str x16")),
    );
    let (of_a, of_b, of_nine) = (stub("str a", "str c"), stub("str b", "str c"), stub(nine, "str c"));
    check(
        FlatKind::SliceCheck,
        "dr ar br cr",
        &format!("cmp a, c; b.hi; cmp b, c; b.hi; subs x16, b, a; b.lo; mov d, x16; {of_a}; {of_b}; {of_b}"),
    );
    check(FlatKind::SliceCheck, "dr a#0 br cr", &format!("cmp b, c; b.hi; mov d, b; {of_b}"));
    check(
        FlatKind::SliceCheck,
        "dr a#9 br cr",
        &format!("cmp c, #0x9; b.lo; cmp b, c; b.hi; subs x16, b, #0x9; b.lo; mov d, x16; {of_nine}; {of_b}; {of_b}"),
    );
    check(
        FlatKind::SliceCheck,
        "dr ar b#9 cr",
        &format!(
            "cmp a, c; b.hi; cmp c, #0x9; b.lo; mov x16, #0x9; subs x16, x16, a; b.lo; mov d, x16; \
             {of_a}; {of_nine}; {of_nine}"
        ),
    );
    check(
        FlatKind::SliceCheck,
        "dr a#8192 br cr",
        &format!(
            "cmp c, #0x2, lsl #12; b.lo; cmp b, c; b.hi; subs x16, b, #0x2, lsl #12; b.lo; mov d, x16; {}; {of_b}; {of_b}",
            stub("mov x16, #0x2000; str x16", "str c")
        ),
    );
}

#[test]
fn memory() {
    let int = RegClass::Int;
    for (elem, load, store, shift, size, class) in [
        (Elem::I64, "ldr d", "str c", ", lsl #3", 8, int),
        (Elem::I32, "ldrsw d", "str c32", ", lsl #2", 4, int),
        (Elem::U8, "ldrb d32", "strb c32", "", 1, int),
        (Elem::Bool, "ldrb d32", "strb c32", "", 1, int),
        (Elem::F64, "ldr d", "str c", ", lsl #3", 8, RegClass::Float),
        (Elem::F32, "ldr d32", "str s31", ", lsl #2", 4, RegClass::Float),
    ] {
        let letter = if class == int { 'r' } else { 'x' };
        let (widen, narrow) = if elem == Elem::F32 { ("; fcvt d, d32", "fcvt s31, c; ") } else { ("", "") };
        let zero = match elem {
            Elem::F64 | Elem::I64 => "str xzr",
            Elem::F32 | Elem::I32 => "str wzr",
            Elem::U8 | Elem::Bool => "strb wzr",
        };
        check(FlatKind::Load(elem), &format!("d{letter} ar br"), &format!("{load}, [a, b{shift}]{widen}"));
        check(FlatKind::Store(elem), &format!("ar br c{letter}"), &format!("{narrow}{store}, [a, b{shift}]"));
        check(FlatKind::Store(elem), "ar br c#0", &format!("{zero}, [a, b{shift}]"));
        for index in [0, 1, 400, 4095] {
            let at = match index * size {
                0 => String::new(),
                at => format!(", #{at:#x}"),
            };
            check(FlatKind::Load(elem), &format!("d{letter} ar b#{index}"), &format!("{load}, [a{at}]{widen}"));
            check(FlatKind::Store(elem), &format!("ar b#{index} c{letter}"), &format!("{narrow}{store}, [a{at}]"));
        }
        let shift = if size == 1 { "" } else { shift };
        check(FlatKind::ElemAddr(elem), "dr ar br", &format!("add d, a, b{shift}"));
        check(FlatKind::ElemAddr(elem), "dr ar b#3", &format!("add d, a, #{:#x}", 3 * size));
        check(FlatKind::ElemAddr(elem), "dr ar b#4096", &format!("add d, a, #{size:#x}, lsl #12"));
    }
}

#[test]
fn calls_and_the_context() {
    check(FlatKind::StackParam(0), "dr", "ldr d, [sp, #0x20]");
    check(FlatKind::StackParam(20), "dx", "ldr d, [sp, #0xc0]");
    check(FlatKind::StackParam(4091), "dx", "ldr d, [sp, #0x7ff8]");
    check(FlatKind::StackParam(4092), "dr", "mov x17, #0x8000; ldr d, [sp, x17]");
    check(FlatKind::StackParam(4092), "dx", "mov x17, #0x8000; ldr d, [sp, x17]");
    check(FlatKind::StoreArg(0), "ar", "str a, [sp]");
    check(FlatKind::StoreArg(15), "ar", "str a, [sp, #0x78]");
    check(FlatKind::StoreArg(99), "ax", "str a, [sp, #0x318]");
    check(FlatKind::StoreArg(10000), "ar", "mov x17, #0x3880; movk x17, #0x1, lsl #16; str a, [sp, x17]");
    check(FlatKind::StoreArg(10000), "ax", "mov x17, #0x3880; movk x17, #0x1, lsl #16; str a, [sp, x17]");
    check(FlatKind::StoreArg(1), "a#0", "str xzr, [sp, #0x8]");
    check(FlatKind::StoreArg(1), "a#-7", "mov x16, #0xfffffffffffffff9; str x16, [sp, #0x8]");
    check(FlatKind::StoreArg(4096), "a#5", "mov x16, #0x5; mov x17, #0x8000; str x16, [sp, x17]");
    check(FlatKind::Math(Math::Sin), "", POOL);
    let address = POOL.replace("x16", "x17").replace("; blr x17", "");
    let call = format!("{address}; {POOL}; ldr d, [sp]; b");
    let one = format!("str c, [sp]; {call}");
    check(FlatKind::Rare(Math::Exp, true), "d@b ar bx cx", &format!("cbnz a32; {one}"));
    check(FlatKind::Rare(Math::Exp, false), "d@b ar bx cx", &format!("cbz a32; {one}"));
    let two = format!("str e, [sp]; str f, [sp, #0x8]; {call}");
    check(FlatKind::RareCmp(Math::Pow, Op::FLe, false), "d@c ax bx cx ex fx", &format!("fcmp a, b; b.hi; {two}"));
    check(FlatKind::RareCmp(Math::Pow, Op::ILt, true), "d@c ar br cx ex fx", &format!("cmp a, b; b.lt; {two}"));
    let helper = format!("mov x0, x28; mov x1, sp; {POOL}; cbnz x0");
    check(FlatKind::CallHelper(Helper::IGcd), "dr", &format!("{helper}; ldr d, [x28, #0x30]; {POOL}"));
    let helper = format!("str x26, [x28]; mov x0, x28; mov x1, sp; {POOL}; ldr x26, [x28]; cbnz x0");
    check(FlatKind::CallHelper(Helper::HostCall), "dx", &format!("{helper}; ldr d, [x28, #0x30]; {POOL}"));
    check(FlatKind::CallHelper(Helper::HostCall), "", &format!("{helper}; {POOL}"));
    check(FlatKind::ArenaMark, "dr", "ldr d, [x28, #0x10]");
    check(FlatKind::ArenaRelease, "ar", "str a, [x28, #0x10]");
    let fuel = "subs x26, x26, #0x1; b.mi";
    let depth = "subs x27, x27, #0x1; b.mi";
    check(FlatKind::MeterLoop, "", &format!("{fuel}; {POOL}; b"));
    check(FlatKind::EnterCall(1), "", &format!("{fuel}; {depth}; {POOL}; b; {POOL}"));
    check(FlatKind::LeaveCall(1), "", "add x27, x27, #0x1");
    let depth = "subs x27, x27, #0x3; b.mi";
    check(FlatKind::EnterCall(3), "", &format!("{fuel}; {depth}; {POOL}; b; {POOL}"));
    check(FlatKind::EnterInlined(2), "", &format!("{fuel}; cmp x27, #0x2; b.lt; {POOL}; b; {POOL}"));
    check(FlatKind::EnterInlined(0), "", &format!("{fuel}; {POOL}; b"));
    check(FlatKind::LeaveCall(3), "", "add x27, x27, #0x3");
    check(FlatKind::Call(FuncId(0)), "", "bl");
    check(FlatKind::Trap(TrapKind::BadArgument), "", POOL);
}

#[test]
fn frames() {
    // `bti c` is hint 34.
    let (int, float) = (RegClass::Int, RegClass::Float);
    let frame = |size, saved: &[(usize, RegClass, u32)]| Frame {
        size,
        saved: saved.iter().map(|(reg, class, at)| (PReg::new(*reg, *class), *at)).collect(),
        ..Frame::default()
    };
    let entry = |frame: &Frame| {
        let text = disassemble(|a64, _| {
            a64.entry();
            a64.prologue(frame);
        })
        .join("; ");
        text.strip_prefix("hint #0x22; ").expect("a landing pad").to_owned()
    };
    let exit = |frame: &Frame| disassemble(|a64, _| a64.epilogue(frame)).join("; ");
    assert_eq!(exit(&frame(0, &[])), "ret");
    assert_eq!(entry(&frame(16, &[])), "stp xzr, x30, [sp, #-0x10]!");
    assert_eq!(exit(&frame(16, &[])), "ldp xzr, x30, [sp], #0x10; ret");
    assert_eq!(entry(&frame(16, &[(19, int, 0)])), "stp xzr, x30, [sp, #-0x10]!; str x19, [sp]");
    assert_eq!(exit(&frame(16, &[(19, int, 0)])), "ldr x19, [sp]; ldp xzr, x30, [sp], #0x10; ret");
    let medium = frame(48, &[(19, int, 16), (27, int, 24), (8, float, 32)]);
    assert_eq!(
        entry(&medium),
        "sub sp, sp, #0x30; str x30, [sp, #0x28]; str x19, [sp, #0x10]; str x27, [sp, #0x18]; str d8, [sp, #0x20]"
    );
    assert_eq!(
        exit(&medium),
        "ldr x19, [sp, #0x10]; ldr x27, [sp, #0x18]; ldr d8, [sp, #0x20]; ldr x30, [sp, #0x28]; \
         add sp, sp, #0x30; ret"
    );
    // Every page is touched on the way down.
    let page = "sub sp, sp, #0x1, lsl #12; ldr xzr, [sp]";
    assert_eq!(entry(&frame(4112, &[])), format!("ldr xzr, [sp]; {page}; sub sp, sp, #0x10; str x30, [sp, #0x1008]"));
    assert_eq!(exit(&frame(4112, &[])), "ldr x30, [sp, #0x1008]; add sp, sp, #0x1, lsl #12; add sp, sp, #0x10; ret");
    assert_eq!(
        entry(&frame(2 * 4096 + 992, &[])),
        format!("ldr xzr, [sp]; {page}; {page}; sub sp, sp, #0x3e0; str x30, [sp, #0x23d8]")
    );
    let far = "movk x17, #0x6, lsl #16";
    assert_eq!(
        entry(&frame(100 * 4096 + 16, &[(20, int, 100 * 4096)])),
        format!(
            "ldr xzr, [sp]; mov x16, #0x64; {page}; subs x16, x16, #0x1; b.ne; sub sp, sp, #0x10; \
             mov x17, #0x4008; {far}; str x30, [sp, x17]; mov x17, #0x4000; {far}; str x20, [sp, x17]"
        )
    );
    assert_eq!(
        exit(&frame(0x1234_5670, &[])),
        "mov x17, #0x5668; movk x17, #0x1234, lsl #16; ldr x30, [sp, x17]; mov x17, #0x5670; \
         movk x17, #0x1234, lsl #16; add sp, sp, x17; ret"
    );
}

#[test]
fn copies() {
    let frame = Frame { outgoing: 16, ..Frame::default() };
    let copy =
        |from: Allocation, to: Allocation, class| disassemble(|a64, _| a64.copy(from, to, class, &frame)).join("; ");
    let reg = |number: u8, class| Allocation::reg(PReg::new(number as usize, class));
    for (class, numbers, name, prefix) in
        [(RegClass::Int, &INT[..], "mov", 'x'), (RegClass::Float, &FLOAT[..], "fmov", 'd')]
    {
        // The allocator moves through the scratch registers too.
        let numbers: Vec<u8> = numbers.iter().copied().chain([if class == RegClass::Int { 16 } else { 31 }]).collect();
        for (a, b) in numbers.iter().flat_map(|a| numbers.iter().map(move |b| (*a, *b))) {
            let want = if a == b { String::new() } else { format!("{name} {prefix}{b}, {prefix}{a}") };
            assert_eq!(copy(reg(a, class), reg(b, class), class), want);
        }
        for (slot, before, at) in [
            (0, "", "#0x10"),
            (1000, "", "#0x1f50"),
            (4093, "", "#0x7ff8"),
            (4094, "mov x17, #0x8000; ", "x17"),
            (20000, "mov x17, #0x7110; movk x17, #0x2, lsl #16; ", "x17"),
        ] {
            let slot = Allocation::stack(SpillSlot::new(slot));
            for number in &numbers {
                let text = format!("{prefix}{number}, [sp, {at}]");
                assert_eq!(copy(reg(*number, class), slot, class), format!("{before}str {text}"));
                assert_eq!(copy(slot, reg(*number, class), class), format!("{before}ldr {text}"));
            }
        }
    }
}

/// The page and the offset within it, from the instructions as they lie in memory.
#[test]
fn references_to_the_pool() {
    let code = || {
        assemble(|a64, cx| {
            let alloc = [Allocation::reg(PReg::new(30, RegClass::Float))];
            let kind = FlatKind::ConstFloat(0.1f64.to_bits());
            let located = Located { kind, span: Span::default(), defs: 1, args: &[], allocs: &alloc };
            a64.inst(&located, cx).expect("an instruction");
        })
    };
    let text = |code: &[u8]| {
        let decoder = InstDecoder::default();
        let line = |word| decoder.decode(&mut U8Reader::new(word)).expect("an instruction").to_string();
        code.chunks(4).map(line).collect::<Vec<_>>()
    };
    for (code_at, pool_at, page, offset) in [
        (0x10000u64, 0x10000u64, "+0x0", ""),
        (0x10000, 0x11008, "+0x1000", ", #0x8"),
        (0x10ffc, 0x20ff8, "+0x10000", ", #0xff8"),
        (0x5000_0000, 0x5000_0000 + (1 << 32) - 4096, "+0xfffff000", ""),
        (0x2_0000_0000, 0x1_0000_0010, "-0x100000000", ", #0x10"),
    ] {
        let mut bytes = code();
        A64::patch_pool_ref(&mut bytes, 0, code_at, pool_at).expect("within reach");
        assert_eq!(text(&bytes), [format!("adrp x16, ${page}"), format!("ldr d30, [x16{offset}]")]);
        // A second time, to another place.
        A64::patch_pool_ref(&mut bytes, 0, 0x10000, 0x11008).expect("within reach");
        assert_eq!(text(&bytes), ["adrp x16, $+0x1000", "ldr d30, [x16, #0x8]"]);
    }
    for (code_at, pool_at) in [(0, 1 << 32), (1 << 32, 0xff8 - 1), (0x10000, 0x20004), (0x2_0000_1000, 0)] {
        assert!(A64::patch_pool_ref(&mut code(), 0, code_at, pool_at).is_err(), "{code_at:#x} {pool_at:#x}");
    }
    assert!(A64::patch_pool_ref(&mut code(), 8, 0x10000, 0x20000).is_err());
}
