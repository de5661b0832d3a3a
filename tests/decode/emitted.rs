//! What the emitter makes of each instruction that it is given, on registers low and high and on all sorts of constants: more than what programs ask it for.

use cresset::codegen::CpuFeatures;
use cresset::codegen::flat::{Arg, FlatKind, Vector};
use cresset::codegen::frame::Frame;
use cresset::codegen::target::{Context, Located, Target};
use cresset::codegen::x64::X64;
use cresset::ir::op::{Math, Op, Scalar, TableId};
use cresset::runtime::helper::Helper;
use cresset::sema::hir::FuncId;
use cresset::{Elem, Span, TrapKind};
use dynasmrt::DynasmLabelApi;
use regalloc2::{Allocation, PReg, RegClass, SpillSlot, VReg};

/// Constants at which other code is made.
const CONSTANTS: [i64; 19] = [
    0,
    1,
    -1,
    2,
    7,
    -7,
    8,
    -8,
    63,
    64,
    127,
    128,
    200,
    70_000,
    0x1234_5678,
    0xFFFF_FFFF,
    10_000_000_001,
    0x3FF8_0000_0000_0000,
    i64::MIN,
];

/// An instruction with the classes of its results and arguments.
struct Sort {
    kind: FlatKind,
    defs: Vec<RegClass>,
    args: Vec<RegClass>,
}

const INT: RegClass = RegClass::Int;
const FLOAT: RegClass = RegClass::Float;

fn class(scalar: Scalar) -> RegClass {
    if scalar == Scalar::F64 { FLOAT } else { INT }
}

/// Instructions on values of one lane.
fn scalar_sorts() -> Vec<Sort> {
    let mut sorts = Vec::new();
    let mut add = |kind, defs: &[RegClass], args: &[RegClass]| {
        sorts.push(Sort { kind, defs: defs.to_vec(), args: args.to_vec() });
    };
    let comparisons = [Op::FEq, Op::FNe, Op::FLt, Op::FLe, Op::IEq, Op::INe, Op::ILt, Op::ILe, Op::BEq, Op::BNe];
    for op in Op::ALL.iter().copied().filter(|op| !matches!(op, Op::IGcd | Op::IPow)) {
        let args: Vec<RegClass> = op.params().iter().map(|scalar| class(*scalar)).collect();
        add(FlatKind::Op(op), &[class(op.result())], &args);
    }
    for op in comparisons {
        let of = class(op.params()[0]);
        add(FlatKind::BranchCmp(op), &[], &[of, of]);
        for value in [INT, FLOAT] {
            add(FlatKind::SelectCmp(op), &[value], &[of, of, value, value]);
        }
        for when in [false, true] {
            add(FlatKind::RareCmp(Math::Pow, op, when), &[FLOAT], &[of, of, FLOAT, FLOAT, FLOAT]);
        }
    }
    for op in [Op::IEq, Op::INe] {
        add(FlatKind::BranchBits(op), &[], &[INT, INT]);
    }
    for elem in Elem::ALL {
        let value = if matches!(elem, Elem::F64 | Elem::F32) { FLOAT } else { INT };
        add(FlatKind::Load(elem), &[value], &[INT, INT]);
        add(FlatKind::Store(elem), &[], &[INT, INT, value]);
        add(FlatKind::ElemAddr(elem), &[INT], &[INT, INT]);
    }
    for value in [INT, FLOAT] {
        add(FlatKind::Select, &[value], &[INT, value, value]);
        add(FlatKind::StackParam(1), &[value], &[]);
        add(FlatKind::StackParam(100), &[value], &[]);
        add(FlatKind::StoreArg(1), &[], &[value]);
        add(FlatKind::StoreArg(100), &[], &[value]);
        add(FlatKind::CallHelper(Helper::HostCall), &[value], &[]);
    }
    for number in CONSTANTS {
        add(FlatKind::ConstInt(number), &[INT], &[]);
        add(FlatKind::ConstFloat(number as u64), &[FLOAT], &[]);
    }
    for table in TableId::ALL {
        add(FlatKind::TableLoad(*table), &[FLOAT], &[INT]);
    }
    add(FlatKind::Branch, &[], &[INT]);
    add(FlatKind::Rare(Math::Exp, true), &[FLOAT], &[INT, FLOAT, FLOAT]);
    add(FlatKind::Rare(Math::Exp, false), &[FLOAT], &[INT, FLOAT, FLOAT]);
    add(FlatKind::Math(Math::Sin), &[], &[]);
    add(FlatKind::CallHelper(Helper::IGcd), &[INT], &[]);
    add(FlatKind::BoundsCheck, &[], &[INT, INT]);
    add(FlatKind::SliceCheck, &[INT], &[INT, INT, INT]);
    add(FlatKind::ArenaMark, &[INT], &[]);
    add(FlatKind::ArenaRelease, &[], &[INT]);
    add(FlatKind::MeterLoop, &[], &[]);
    for levels in [1, 2, 127, 128, 300] {
        add(FlatKind::EnterCall(levels), &[], &[]);
        add(FlatKind::EnterInlined(levels), &[], &[]);
        add(FlatKind::LeaveCall(levels), &[], &[]);
    }
    add(FlatKind::Call(FuncId(0)), &[], &[]);
    add(FlatKind::Trap(TrapKind::BadArgument), &[], &[]);
    sorts
}

/// Instructions on lanes; masks are of this class.
fn vector_sorts(mask: RegClass) -> Vec<Sort> {
    let mut sorts = Vec::new();
    let mut add = |kind, defs: &[RegClass], args: &[RegClass]| {
        sorts.push(Sort { kind: FlatKind::Vector(kind), defs: defs.to_vec(), args: args.to_vec() });
    };
    let of = |scalar| if scalar == Scalar::Bool { mask } else { FLOAT };
    for op in Op::ALL.iter().copied() {
        let args: Vec<RegClass> = op.params().iter().map(|scalar| of(*scalar)).collect();
        add(Vector::Op(op), &[of(op.result())], &args);
    }
    for op in [Op::Fma, Op::Fms, Op::Fnma] {
        add(Vector::FmaInto(op), &[FLOAT], &[FLOAT, FLOAT, FLOAT]);
    }
    for number in CONSTANTS {
        add(Vector::Const(number as u64), &[FLOAT], &[]);
    }
    for set in [false, true] {
        add(Vector::ConstMask(set), &[mask], &[]);
    }
    for scalar in [Scalar::F64, Scalar::I64, Scalar::Bool] {
        add(Vector::Select(scalar), &[of(scalar)], &[mask, of(scalar), of(scalar)]);
        add(Vector::Splat(scalar), &[of(scalar)], &[class(scalar)]);
    }
    for elem in Elem::ALL {
        let value = if elem == Elem::Bool { mask } else { FLOAT };
        add(Vector::Load(elem), &[value], &[INT, INT]);
        add(Vector::Store(elem), &[], &[INT, INT, value]);
        add(Vector::Gather(elem), &[value], &[INT, FLOAT, mask]);
    }
    for table in TableId::ALL {
        add(Vector::TableLoad(*table), &[FLOAT], &[FLOAT]);
    }
    add(Vector::LaneIndex, &[FLOAT], &[]);
    add(Vector::AnyLane, &[INT], &[mask]);
    add(Vector::Truncate, &[FLOAT], &[FLOAT]);
    add(Vector::MathLanes(Math::Sin), &[FLOAT], &[mask, FLOAT, FLOAT]);
    add(Vector::MathLanes(Math::Pow), &[FLOAT], &[mask, FLOAT, FLOAT, FLOAT]);
    sorts.push(Sort { kind: FlatKind::BranchAny, defs: Vec::new(), args: vec![mask] });
    for elem in [Elem::F64, Elem::F32] {
        sorts.push(Sort { kind: FlatKind::Load(elem), defs: vec![FLOAT], args: vec![INT, INT] });
    }
    for number in CONSTANTS {
        sorts.push(Sort { kind: FlatKind::ConstFloat(number as u64), defs: vec![FLOAT], args: Vec::new() });
    }
    sorts.push(Sort { kind: FlatKind::StackParam(3), defs: vec![FLOAT], args: Vec::new() });
    sorts
}

/// The register that the `place`th operand is in, one of several choices.
fn register(class: RegClass, place: usize, choice: usize, is_wide: bool) -> Allocation {
    const INTS: [usize; 11] = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 12];
    let at = choice * 5 + place * if choice.is_multiple_of(2) { 1 } else { 3 };
    let number = match class {
        RegClass::Int => INTS[at % INTS.len()],
        RegClass::Vector => 1 + at % 6,
        // All but the scratch register.
        RegClass::Float if is_wide => (at * 7 % 31) + usize::from(at * 7 % 31 >= 15),
        RegClass::Float => at % 15,
    };
    Allocation::reg(PReg::new(number, class))
}

fn emit(features: CpuFeatures, frame: Frame, work: impl FnOnce(&mut X64, &mut Context)) -> Vec<u8> {
    let mut x64 = X64::new(features);
    let entry = x64.asm().new_dynamic_label();
    let mut cx = Context::new(vec![entry].into(), true);
    cx.frame = frame;
    x64.asm().dynamic_label(entry);
    work(&mut x64, &mut cx);
    for stub in cx.take_stubs() {
        x64.stub(&stub, &mut cx);
    }
    x64.prologue(&cx.frame);
    x64.epilogue(&cx.frame);
    x64.asm().take().expect("all labels are bound")
}

fn instruction(x64: &mut X64, cx: &mut Context, located: &Located<'_>) {
    if located.kind.is_branch() {
        let to = x64.asm().new_dynamic_label();
        x64.branch(located, true, to, cx);
        x64.branch(located, false, to, cx);
        x64.jump(to);
        x64.asm().dynamic_label(to);
        return;
    }
    // What is not made of lanes is refused.
    let _ = x64.inst(located, cx);
}

fn sort(sort: &Sort, features: CpuFeatures, lanes: u8, see: &mut impl FnMut(&str, Vec<u8>, bool)) {
    let is_wide = features == CpuFeatures::V4;
    let x64 = X64::new(features);
    let frame = Frame { size: 1000, outgoing: 8, incoming: 1008, lanes, ..Frame::default() };
    for choice in 0..12 {
        // All registers, or a constant in one place.
        let folds = std::iter::once(None)
            .chain((0..sort.args.len()).flat_map(|arg| CONSTANTS.iter().map(move |number| Some((arg, *number as u64)))))
            .filter(|fold| fold.is_none_or(|(arg, bits)| x64.folds(sort.kind, arg, bits)));
        for fold in folds {
            // The constant's own place is no register.
            let constant = |arg: usize| fold.filter(|(at, _)| *at == arg).map(|(_, bits)| bits);
            let args: Vec<Arg> = sort
                .args
                .iter()
                .enumerate()
                .map(|(i, class)| constant(i).map_or(Arg::Reg(VReg::new(0, *class)), Arg::Const))
                .collect();
            let mut classes = sort.defs.clone();
            classes
                .extend(sort.args.iter().enumerate().filter(|(i, _)| constant(*i).is_none()).map(|(_, class)| *class));
            let temp = if matches!(sort.kind, FlatKind::TableLoad(_) | FlatKind::Vector(Vector::Gather(_))) {
                INT
            } else {
                FLOAT
            };
            classes.extend([temp, temp]);
            let is_wide = is_wide && lanes > 1;
            let allocs: Vec<Allocation> =
                classes.iter().enumerate().map(|(place, class)| register(*class, place, choice, is_wide)).collect();
            let located =
                Located { kind: sort.kind, span: Span::default(), defs: sort.defs.len(), args: &args, allocs: &allocs };
            let code = emit(features, frame.clone(), |x64, cx| instruction(x64, cx, &located));
            see(&format!("{:?} {args:?} {allocs:?}", sort.kind), code, is_wide);
        }
    }
}

/// Prologues and epilogues, spill slots, padding.
fn frames(features: CpuFeatures, see: &mut impl FnMut(&str, Vec<u8>, bool)) {
    let is_wide = features == CpuFeatures::V4;
    for size in [0, 8, 24, 120, 136, 1000, 4096, 4104, 9000, 4 * 4096 + 8, 5 * 4096, 100 * 4096 + 8, 0x7FFF_F008] {
        for lanes in [1, if is_wide { 8 } else { 4 }] {
            let saved = [3, 5, 12].map(|reg| (PReg::new(reg, RegClass::Int), (size / 2 + 8) & !7)).to_vec();
            let frame = Frame { size, outgoing: 16, lanes, saved, ..Frame::default() };
            let mut classes = vec![RegClass::Int, RegClass::Float];
            if is_wide && lanes > 1 {
                classes.push(RegClass::Vector);
            }
            let code = emit(features, frame.clone(), |x64, _| {
                for class in classes {
                    for (slot, choice) in [(0, 0), (13, 1), (14, 2), (1000, 3), (9000, 4)] {
                        let slot = Allocation::stack(SpillSlot::new(slot));
                        let [one, other] = [0, 1].map(|place| register(class, place, choice, is_wide && lanes > 1));
                        x64.copy(one, other, class, &frame);
                        x64.copy(one, slot, class, &frame);
                        x64.copy(slot, other, class, &frame);
                        x64.align_loop();
                    }
                }
            });
            see(&format!("a frame of {size}, {lanes} lanes"), code, is_wide);
        }
    }
}

/// Gives all of it to `see`, and whether it may use vectors of 512 bits. Words of the pool are addressed from where the code is.
pub fn each(mut see: impl FnMut(&str, Vec<u8>, bool)) {
    for features in [CpuFeatures::V3, CpuFeatures::V4] {
        let x64 = X64::new(features);
        let (lanes, mask) = (x64.lanes(), x64.mask_class());
        scalar_sorts().iter().for_each(|of| sort(of, features, 1, &mut see));
        vector_sorts(mask).iter().for_each(|of| sort(of, features, lanes, &mut see));
        frames(features, &mut see);
    }
}
