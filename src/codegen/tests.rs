//! From programs to code: that allocations are right, that the tables agree with the code, and that size costs no more than size.

use super::a64::A64;
use super::allocation::Allocated;
use super::blob::{CodeBlob, PoolEntry};
use super::flat::{Flat, FlatKind};
use super::regalloc::{Allocatable, check};
use super::target::Target;
use super::x64::X64;
use super::{Arch, CodegenError, CodegenOptions, CpuFeatures, compile, flatten, layout, listing, scan};
use crate::ir::build::{BuildOptions, build};
use crate::ir::emit::Emitter;
use crate::ir::func::{Func, Inst, InstId, InstKind, Region, Ty, Value};
use crate::ir::op::{Op, Scalar};
use crate::sema::hir::FuncId;
use crate::sema::{Env, analyze};
use crate::span::Span;
use crate::syntax::{SourceLimits, parse};
use crate::types::{Elem, Type};
use arbitrary::Unstructured;
use regalloc2::RegallocOptions;

const X64_V3: CodegenOptions = CodegenOptions { arch: Arch::X64, features: CpuFeatures::V3, metering: true };
const A64_NEON: CodegenOptions = CodegenOptions { arch: Arch::A64, features: CpuFeatures::Neon, metering: true };

/// The functions of a program, if it is one.
fn funcs(source: &str) -> Option<Vec<Func>> {
    let mut funcs = unoptimized(source)?;
    funcs.iter_mut().for_each(|func| drop(crate::opt::optimize(func, &crate::opt::Passes::ALL)));
    funcs.iter_mut().for_each(|func| crate::opt::finish(func, &crate::opt::Passes::ALL));
    Some(funcs)
}

fn unoptimized(source: &str) -> Option<Vec<Func>> {
    let limits = SourceLimits { text: 16 << 20, ..SourceLimits::default() };
    let (ast, errors) = parse(source, &limits);
    if !errors.is_empty() {
        return None;
    }
    let hir = analyze(source, &ast, &Env::default()).ok()?;
    (0..hir.funcs.len()).map(|i| build(&hir, FuncId(i as u32), &BuildOptions { metering: true }).ok()).collect()
}

/// The programs of the conformance cases.
fn programs() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");
    let mut programs = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the cases") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        for line in std::fs::read_to_string(path).expect("text").lines() {
            if let Some(first) = line.strip_prefix(">>> ") {
                programs.push(first.to_owned());
            } else if let (Some(rest), Some(program)) = (line.strip_prefix("... "), programs.last_mut()) {
                *program = format!("{program}\n{rest}");
            }
        }
    }
    programs
}

/// Allocates by both allocators, whatever the driver would choose, and checks each.
fn check_allocations<T: Target>(func: &Func, features: CpuFeatures) -> Box<Flat> {
    let target = T::new(features);
    let flat = flatten::flatten(func, &target).expect("blocks");
    let function = Allocatable::new(&flat, &target);
    let registers = target.registers(&flat);
    let env = &registers.env;
    let options = RegallocOptions { validate_ssa: true, ..RegallocOptions::default() };
    let full = regalloc2::run(&function, env, &options);
    for output in [full.map(Allocated::of), scan::allocate(&function, registers)] {
        let output = output.expect("registers");
        check(&function, env, &output);
        check_layout(&flat, &layout::order(&flat, &output));
    }
    flat
}

/// Every block is emitted once, or jumps go through it.
fn check_layout(flat: &Flat, layout: &layout::Layout) {
    let mut seen = vec![0; flat.blocks.len()];
    for block in &layout.order {
        seen[*block as usize] += 1;
    }
    assert_eq!(layout.order.first(), Some(&0));
    for (block, target) in layout.target.iter().enumerate() {
        assert_eq!(seen[block], u32::from(*target as usize == block), "{layout:?}");
        assert_eq!(layout.target[*target as usize], *target);
    }
}

/// Offsets are in order and lie where they say.
fn check_blob(blob: &CodeBlob, arch: Arch) {
    let mut end = 0;
    for func in &blob.funcs {
        assert_eq!(func.start, end);
        assert!(func.start < func.end);
        assert_eq!(blob.func_at(func.start), Some(func));
        end = func.end;
    }
    assert_eq!(end as usize, blob.code.len());
    assert!(blob.sites.windows(2).all(|pair| pair[0].ret < pair[1].ret));
    assert!(blob.source.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    for site in &blob.sites {
        assert_eq!(blob.site(site.ret), Some(site));
    }
    for pool_ref in &blob.pool_refs {
        assert!((pool_ref.entry as usize) < blob.pool.len());
    }
    // Near enough for either machine.
    blob.clone().link(arch, 0x10_0000, 0x4000_0000).expect("a pool within reach");
    // Words of 16 bytes are read from each constant.
    assert!(blob.pool.is_empty() || blob.pool.last() == Some(&PoolEntry::Bits(0)));
}

#[test]
fn conformance_programs_get_right_allocations() {
    let mut compiled = 0;
    // Code for both machines is made here whatever the host is: an emulated one need not make all of it again.
    let (every, least) = if cfg!(target_arch = "x86_64") { (1, 500) } else { (8, 60) };
    for source in programs().into_iter().step_by(every) {
        let Some(funcs) = (if compiled % 2 == 0 { funcs(&source) } else { unoptimized(&source) }) else { continue };
        let names: Vec<&str> = funcs.iter().map(|func| func.name.as_str()).collect();
        for func in &funcs {
            check_allocations::<X64>(func, CpuFeatures::V3);
            check_allocations::<A64>(func, CpuFeatures::Neon);
        }
        for options in [X64_V3, A64_NEON] {
            let blob = compile(&funcs, &options).expect("code");
            check_blob(&blob, options.arch);
            let text = listing::listing(&blob, options.arch, &names, &source).expect("a listing");
            assert!(!text.contains("(bad)") && !text.contains(".word"), "{text}");
        }
        compiled += 1;
    }
    assert!(compiled > least, "{compiled}");
}

/// Formulas of a row whose inputs are `x`, `y` and `z`.
const ROWS: [&str; 6] = [
    "x * y + z",
    "if x > 0.5 { x * y } else { z - x }",
    "sin(x) * exp(-(y * y)) + ln(1 + z * z)",
    "var n = 0; var s = x; while n < 256 and s * s <= 4.0 { s = s * s + y; n += 1; } f64(n)",
    "let a = erf(x) + erf(y); let b = cbrt(z) / atan(a); pow(a, b) + tanh(x * b) - hypot(a, b)",
    "let i = i64(trunc(x * 3)); f64(shl(i * 7, 3) - sar(i, 2)) * y + f64(popcount(i)) + (if i == 3 or z < y { 1.5 } else { z })",
];

#[test]
fn kernels_in_lanes_get_right_allocations() {
    use crate::opt::{Passes, vectorize};
    let inputs = ["x", "y", "z"].map(|name| crate::sema::Input { name, ty: Type::F64, mutable: false });
    let env = Env { inputs: inputs.into(), ..Env::default() };
    for source in ROWS {
        let (ast, errors) = parse(source, &SourceLimits::default());
        assert!(errors.is_empty(), "{source}: {errors:?}");
        let hir = analyze(source, &ast, &env).expect("a program");
        let main = hir.main.expect("a body");
        let row = build(&hir, main, &BuildOptions { metering: true }).expect("IR");
        for (arch, features) in
            [(Arch::X64, CpuFeatures::V3), (Arch::X64, CpuFeatures::V4), (Arch::A64, CpuFeatures::Neon)]
        {
            let sources = [vectorize::Source::Column(Elem::F64); 3];
            let passes = Passes::ALL;
            let lanes = features.lanes();
            let kernel = vectorize::vectorize(&row, &[], &sources, &[Elem::F64], lanes, &passes).expect("lanes");
            match arch {
                Arch::X64 => check_allocations::<X64>(&kernel.func, features),
                Arch::A64 => check_allocations::<A64>(&kernel.func, features),
            };
            let options = CodegenOptions { arch, features, metering: true };
            let blob = compile(&[kernel.func], &options).expect("code");
            check_blob(&blob, arch);
            let text = listing::listing(&blob, arch, &["row"], source).expect("a listing");
            assert!(!text.contains("(bad)") && !text.contains(".word"), "{text}");
        }
    }
}

/// A function without branches over values of all types, more of them live than there are registers.
fn random_func(u: &mut Unstructured<'_>) -> arbitrary::Result<Func> {
    let mut func = Func { regions: vec![Region::default()].into(), ..Func::default() };
    let mut values: Vec<Value> = Vec::new();
    for _ in 0..u.int_in_range(1..=20)? {
        let scalar = *u.choose(&[Scalar::F64, Scalar::I64, Scalar::Bool])?;
        let value = func.new_value(Ty::one(scalar));
        func.params.push(value);
        values.push(value);
    }
    func.regions[0].params = func.params.clone();
    let of = |func: &Func, values: &[Value], scalar: Scalar| -> Vec<Value> {
        values.iter().copied().filter(|value| func.ty(*value).scalar == scalar).collect()
    };
    for _ in 0..u.int_in_range(1..=150)? {
        let (kind, params, result) = match u.int_in_range(0..=12)? {
            0 => (InstKind::ConstF64(u.arbitrary()?), &[][..], Scalar::F64),
            1 => (InstKind::ConstI64(*u.choose(&[0, 1, -1, 2, 8, 10, i64::MAX, i64::MIN])?), &[][..], Scalar::I64),
            2 => (InstKind::Select, &[Scalar::Bool, Scalar::I64, Scalar::I64][..], Scalar::I64),
            3 => (InstKind::Select, &[Scalar::Bool, Scalar::F64, Scalar::F64][..], Scalar::F64),
            4 => {
                let math = *u.choose(&crate::ir::op::Math::ALL)?;
                (InstKind::Math(math), &[Scalar::F64, Scalar::F64][..math.arity()], Scalar::F64)
            }
            5 => (InstKind::BoundsCheck, &[Scalar::I64, Scalar::I64][..], Scalar::I64),
            6 => (InstKind::SliceCheck, &[Scalar::I64, Scalar::I64, Scalar::I64][..], Scalar::I64),
            _ => {
                let op = *u.choose(Op::ALL)?;
                (InstKind::Op(op), op.params(), op.result())
            }
        };
        let mut args = Vec::new();
        for scalar in params {
            let choices = of(&func, &values, *scalar);
            if choices.is_empty() {
                break;
            }
            args.push(*u.choose(&choices)?);
        }
        if args.len() == params.len() {
            values.push(push(&mut func, kind, &args, &[result]));
        }
    }
    let result = *u.choose(&values)?;
    func.results = vec![func.ty(result).scalar].into();
    push(&mut func, InstKind::Return, &[result], &[]);
    Ok(func)
}

fn push(func: &mut Func, kind: InstKind, args: &[Value], results: &[Scalar]) -> Value {
    let args = func.new_values(args);
    let first_result = Value(func.values.len() as u32);
    for scalar in results {
        func.new_value(Ty::one(*scalar));
    }
    let id = InstId(func.insts.len() as u32);
    func.insts.push(Inst { kind, args, first_result, results: results.len() as u32, span: Span::default() });
    func.regions[0].insts.push(id);
    first_result
}

#[test]
fn random_functions_get_right_allocations() {
    arbtest::arbtest(|u| {
        let func = random_func(u)?;
        check_allocations::<X64>(&func, CpuFeatures::V3);
        check_allocations::<A64>(&func, CpuFeatures::Neon);
        for options in [X64_V3, A64_NEON] {
            check_blob(&compile(std::slice::from_ref(&func), &options).expect("code"), options.arch);
        }
        Ok(())
    })
    .budget_ms(2_000);
}

#[test]
fn comparisons_join_the_branch_that_uses_them() {
    let of = |source: &str| -> Vec<FlatKind> {
        let funcs = unoptimized(source).expect("a program");
        check_allocations::<X64>(&funcs[0], CpuFeatures::V3).insts.iter().map(|inst| inst.kind).collect()
    };
    let kinds = of("fn f(a, b) = if not (a < b) { 1.0 } else { 2.0 }; f(1, 2)");
    assert!(kinds.contains(&FlatKind::BranchCmp(Op::FLt)), "{kinds:?}");
    assert!(!kinds.contains(&FlatKind::Op(Op::FLt)) && !kinds.contains(&FlatKind::Op(Op::BNot)), "{kinds:?}");
    // So do those that `and` and `or` join.
    let kinds =
        of("fn f(a, b, n: i64) { var s = 0; while (a < b or n == 3) and not (a == 2) { s += n; } s } f(1, 2, 3)");
    let branches = |op| kinds.iter().filter(|kind| **kind == FlatKind::BranchCmp(op)).count();
    assert_eq!([Op::FLt, Op::IEq, Op::FEq].map(branches), [1, 1, 1], "{kinds:?}");
    assert!(!kinds.iter().any(|kind| matches!(kind, FlatKind::Op(Op::BAnd | Op::BOr | Op::BNot))), "{kinds:?}");
    // Used twice, it is computed.
    let kinds = of("fn f(a, b) { let c = a < b; if c { i64(c) } else { 2 } } f(1, 2)");
    assert!(kinds.contains(&FlatKind::Op(Op::FLt)) && kinds.contains(&FlatKind::Branch), "{kinds:?}");
}

/// A function that gives nothing, with a vector and this instruction in it.
fn with_vector(lanes: u8, kind: InstKind) -> Func {
    let mut emit = Emitter::new("f", Span::default());
    emit.value(InstKind::ConstF64(0), &[], Ty { scalar: Scalar::F64, lanes });
    let body = emit.new_region(&[]);
    emit.inst(InstKind::Loop(body), &[], &[]);
    emit.effect(InstKind::Unreachable, &[]);
    emit.enter(body);
    emit.effect(kind, &[]);
    emit.effect(InstKind::Return, &[]);
    emit.func
}

#[test]
fn vectors_of_another_machine_are_refused() {
    let of = |lanes| compile(&[with_vector(lanes, InstKind::LeaveCall(1))], &X64_V3).map(drop);
    assert_eq!(of(4), Ok(()));
    assert_eq!(of(8), Err(CodegenError::Malformed("`f` has vectors of 8 lanes".to_owned())));
}

#[test]
fn nothing_polls_among_vectors() {
    for kind in [InstKind::MeterLoop, InstKind::EnterCall(1), InstKind::EnterInlined(1)] {
        for (lanes, options) in [(4, X64_V3), (2, A64_NEON)] {
            assert!(compile(&[with_vector(1, kind)], &options).is_ok());
            let refused = Err(CodegenError::Malformed("`f` polls among vectors".to_owned()));
            assert_eq!(compile(&[with_vector(lanes, kind)], &options).map(drop), refused);
        }
    }
}

/// Large programs compile, in a time that a test can wait for.
#[test]
fn size_costs_no_more_than_size() {
    let sum = vec!["x"; 100_000].join(" * 1.5 + ");
    let many: String = (0..10_000).map(|i| format!("let a{i} = x * {i}.5; ")).collect();
    let uses = (0..10_000).map(|i| format!("a{i}")).collect::<Vec<_>>().join(" + ");
    let across: String = (0..2_000).map(|i| format!("if x > {i} {{ s += a{i}; }} ")).collect();
    let else_if: String = (0..5_000).map(|i| format!("if n == {i} {{ {i} }} else ")).collect();
    for source in [
        format!("fn f(x) = {sum}; f(1)"),
        format!("fn f(x) {{ {many} {uses} }} f(1)"),
        format!("fn f(x) {{ {many} var s = 0.0; {across} s + {uses} }} f(1)"),
        format!("fn f(x) {{ {many} var s = 0.0; var i = 0; while i < 10 {{ i += 1; {across} }} s + {uses} }} f(1)"),
        format!("fn f(n: i64) -> i64 {{ {else_if} {{ 0 }} }} f(1)"),
    ] {
        let funcs = funcs(&source).expect("a program");
        for options in [X64_V3, A64_NEON] {
            check_blob(&compile(&funcs, &options).expect("code"), options.arch);
        }
    }
}

#[test]
fn what_returns_early_has_no_frame_yet() {
    let listed = |source: &str| {
        let funcs = funcs(source).expect("a program");
        [X64_V3, A64_NEON].map(|options| {
            let blob = compile(&funcs, &options).expect("code");
            check_blob(&blob, options.arch);
            let names: Vec<&str> = funcs.iter().map(|func| func.name.as_str()).collect();
            let text = listing::listing(&blob, options.arch, &names, source).expect("a listing");
            let frame = text.find("sub rsp").or_else(|| text.find("sub sp")).or_else(|| text.find("[sp, #-0x10]!"));
            // Whether anything is compared before there is a frame.
            (frame.map(|frame| text[..frame].contains("cmp")), blob.funcs[0].frame_size)
        })
    };
    for (early, size) in listed("fn f(n: i64) -> i64 { if n < 2 { n } else { f(n - 1) } }") {
        assert!(early == Some(true) && size > 0, "{early:?} {size}");
    }
    // A division in the condition traps, an element could fault: both want the frame.
    for source in [
        "fn f(n: i64) -> i64 { if 7 % n == 3 { n } else { f(n - 1) } }",
        "fn f(xs: [f64], n: i64) -> f64 { if xs[n] < 2 { 1.0 } else { f(xs, n) } }",
    ] {
        for (early, _) in listed(source) {
            assert_eq!(early, Some(false), "{source}");
        }
    }
    for (early, size) in listed("fn f(x) { if x < 2 { x } else { x * x } }") {
        assert!(early.is_none() && size == 0, "{early:?} {size}");
    }
}

/// Where the branches of AArch64 code go, and how far a conditional one may be from there.
fn a64_branches(code: &[u8]) -> Vec<(usize, i64)> {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
    let distance = |word: u32, low: u32, bits: u32| i64::from((word << (32 - bits - low)) as i32 >> (32 - bits)) * 4;
    let branch = |(index, bytes): (usize, &[u8])| {
        let word = word(bytes);
        let by = match word >> 24 {
            0x54 | 0x34 | 0x35 | 0xB4 | 0xB5 => distance(word, 5, 19),
            0x14..=0x17 | 0x94..=0x97 => distance(word, 0, 26),
            _ => return None,
        };
        Some((index * 4, index as i64 * 4 + by))
    };
    code.chunks(4).enumerate().filter_map(branch).collect()
}

/// A function of hundreds of thousands of instructions, with cold stubs and blocks farther apart than a conditional branch reaches.
#[test]
fn branches_reach_across_large_functions() {
    let traps = "s += n; s -= n; ".repeat(20_000);
    let checks = "s = xs[n]; ".repeat(30_000);
    let moves: String = (0..3_000).map(|i| format!("var a{i} = n; ")).collect();
    let moved: String = (0..3_000).map(|i| format!("a{i} = a{} + 1; ", (i + 1) % 3_000)).collect();
    for (body, least) in [
        (format!("if n > 1 {{ {traps} }} else {{ while n > s {{ {traps} }} }}"), 400_000),
        (format!("let xs = [1, 2, 3]; for i in 0..3 {{ {checks} if s == i {{ break; }} }}"), 80_000),
        (format!("{moves} while s < n {{ s += 1; {moved} }} s += a7;"), 20_000),
    ] {
        let source = format!("fn f(n: i64) -> i64 {{ var s = 0; {body} s }} f(1)");
        let funcs = unoptimized(&source).expect("a program");
        let blob = compile(&funcs, &A64_NEON).expect("code");
        check_blob(&blob, Arch::A64);
        assert!(blob.code.len() / 4 > least, "{}", blob.code.len() / 4);
        let mut farthest = 0;
        for (at, to) in a64_branches(&blob.code) {
            let func = blob.func_at(at as u32).expect("a function");
            let is_call = blob.code[at + 3] >> 2 == 0x94 >> 2;
            let within = i64::from(func.start)..i64::from(func.end);
            assert!(within.contains(&to) || is_call, "{at:#x} to {to:#x}");
            farthest = farthest.max((to - at as i64).abs());
        }
        assert!(farthest < 1 << 27, "{farthest:#x}");
    }
}
