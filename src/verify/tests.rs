//! Each rule, with steps written by hand: what keeps to it is accepted, what does not is rejected for that reason.

use super::step::{Base, Cond, Decode, Decoded, Place, Refused, Reg, Src, Step, Value};
use super::{Contract, Loops, Reason, check};
use crate::codegen::Arch;
use crate::codegen::blob::{FuncCode, Origin, PoolEntry, Site, SiteKind};
use crate::runtime::helper::Helper;
use crate::runtime::program::FuncSignature;
use crate::sema::hir::FuncId;
use crate::trap::TrapKind;
use crate::types::{Elem, Type};

mod ends;
mod plain;

/// Instructions of one byte each.
struct Script(Vec<Vec<Step>>);

impl Decode for Script {
    fn decode_into(&self, _: &[u8], offset: u32, out: &mut Decoded) -> Result<(), Refused> {
        out.restart(1);
        let steps = self.0.get(offset as usize).ok_or(Refused::Invalid)?;
        if steps.iter().all(|step| out.push(*step)) { Ok(()) } else { Err(Refused::Form) }
    }
}

const XS: u8 = 7;
const LENGTH: u8 = 6;
const INDEX: u8 = 2;
const CONTEXT: u8 = 15;
const FUEL: u8 = 13;

/// Checks a function of a `[i64]` (written to if `mutable`) and an `i64`; a branch behind the last instruction goes to a trap.
fn outcome(mutable: bool, script: Vec<Vec<Step>>) -> Result<(), Reason> {
    outcome_where(mutable, Loops::Free, script)
}

/// The same, where these loops must take fuel.
fn outcome_where(mutable: bool, loops: Loops, script: Vec<Vec<Step>>) -> Result<(), Reason> {
    let mut script = script;
    let last = script.len() as u32;
    if script.iter().flatten().any(|step| matches!(step, Step::Branch { target, .. } if *target == last)) {
        script.push(vec![Step::CallPool { offset: 0 }]);
    }
    let end = script.len() as u32;
    let params = [(Type::Array(Elem::I64), mutable), (Type::I64, false)];
    let signatures = [FuncSignature::unnamed("f", &params, Type::I64)];
    let funcs = [FuncCode {
        func: FuncId(0),
        start: 0,
        end,
        frame_size: 8,
        is_pure: false,
        is_light: false,
        is_bare: false,
        has_floats: true,
    }];
    let sites = [Site { ret: end, kind: SiteKind::Trap(TrapKind::OutOfBounds), place: Origin::default() }];
    let pool = [PoolEntry::Helper(Helper::Trap), PoolEntry::Bits(5)];
    let contract = Contract {
        arch: Arch::X64,
        funcs: &funcs,
        signatures: &signatures,
        sites: &sites,
        pool: &pool,
        vector_bytes: 32,
        loops,
        recursive: false,
    };
    let code = vec![0; script.len()];
    check(&contract, &Script(script), &code).map(drop).map_err(|rejection| rejection.reason)
}

fn frame(by: i64) -> Vec<Step> {
    vec![Step::MoveStack { by }]
}

fn element(disp: i64, bytes: u32) -> Place {
    Place { base: Base::Reg(XS), index: Some((INDEX, 3)), disp, bytes }
}

fn load(from: Place) -> Vec<Step> {
    vec![Step::Load { to: Some(Reg::Int(0)), from, signed: false }]
}

fn store(to: Place, value: u8) -> Vec<Step> {
    vec![Step::Store { to, value: Some(Value::Reg(Reg::Int(value))) }]
}

fn compare(a: u8, b: Src) -> Vec<Step> {
    vec![Step::Compare { a: Src::Reg(a), b }]
}

fn branch(cond: Cond, target: u32) -> Vec<Step> {
    vec![Step::Branch { cond, target }]
}

fn stack(disp: i64) -> Place {
    Place { base: Base::Stack, index: None, disp, bytes: 8 }
}

/// With a frame, a check of the index and an instruction behind it.
fn checked(mutable: bool, cond: Cond, inst: Vec<Step>) -> Result<(), Reason> {
    let script = vec![frame(-8), compare(INDEX, Src::Reg(LENGTH)), branch(cond, 6), inst, frame(8), vec![Step::Return]];
    outcome(mutable, script)
}

#[test]
fn an_access_is_inside_its_array_behind_a_check_of_its_index() {
    assert_eq!(checked(false, Cond::AboveEq, load(element(0, 8))), Ok(()));
    assert_eq!(checked(false, Cond::Above, load(element(0, 8))), Err(Reason::Bounds));
    assert_eq!(checked(false, Cond::Ge, load(element(0, 8))), Err(Reason::Bounds));
    assert_eq!(checked(false, Cond::AboveEq, load(element(8, 8))), Err(Reason::Bounds));
    assert_eq!(checked(false, Cond::AboveEq, load(element(0, 16))), Err(Reason::Bounds));
    assert_eq!(checked(false, Cond::AboveEq, load(element(-8, 8))), Err(Reason::Bounds));
    let narrow = Place { index: Some((INDEX, 2)), ..element(0, 8) };
    assert_eq!(checked(false, Cond::AboveEq, load(narrow)), Err(Reason::Address));
    let stranger = Place { base: Base::Reg(INDEX), index: None, disp: 0, bytes: 8 };
    assert_eq!(checked(false, Cond::AboveEq, load(stranger)), Err(Reason::Address));
}

#[test]
fn what_may_only_be_read_is_not_written() {
    assert_eq!(checked(true, Cond::AboveEq, store(element(0, 8), INDEX)), Ok(()));
    assert_eq!(checked(false, Cond::AboveEq, store(element(0, 8), INDEX)), Err(Reason::ReadOnly));
}

#[test]
fn a_check_of_a_register_that_was_written_since_is_none() {
    let script = |between: Vec<Step>| {
        vec![
            frame(-8),
            compare(INDEX, Src::Reg(LENGTH)),
            branch(Cond::AboveEq, 7),
            between,
            load(element(0, 8)),
            frame(8),
            vec![Step::Return],
        ]
    };
    assert_eq!(outcome(false, script(vec![Step::Any(Reg::Int(3))])), Err(Reason::Saved));
    assert_eq!(outcome(false, script(vec![Step::Any(Reg::Int(1))])), Ok(()));
    assert_eq!(outcome(false, script(vec![Step::Any(Reg::Int(INDEX))])), Err(Reason::Bounds));
    assert_eq!(outcome(false, script(vec![Step::Any(Reg::Int(XS))])), Err(Reason::Address));
    let more = Step::Add { to: INDEX, a: INDEX, b: Src::Const(1), shift: 0 };
    assert_eq!(outcome(false, script(vec![more])), Err(Reason::Bounds));
}

#[test]
fn the_frame_is_all_of_the_stack_that_is_written() {
    let script = |inst: Vec<Step>| vec![frame(-8), inst, frame(8), vec![Step::Return]];
    assert_eq!(outcome(false, script(store(stack(0), INDEX))), Ok(()));
    // The return address; what is below the stack pointer; half of each.
    assert_eq!(outcome(false, script(store(stack(8), INDEX))), Err(Reason::Frame));
    assert_eq!(outcome(false, script(store(stack(-8), INDEX))), Err(Reason::Frame));
    assert_eq!(outcome(false, script(store(stack(4), INDEX))), Err(Reason::Frame));
    assert_eq!(outcome(false, script(load(stack(8)))), Err(Reason::Frame));
}

#[test]
fn a_function_returns_with_the_stack_and_the_saved_registers_as_they_were() {
    assert_eq!(outcome(false, vec![frame(-8), frame(8), vec![Step::Return]]), Ok(()));
    assert_eq!(outcome(false, vec![frame(-8), vec![Step::Return]]), Err(Reason::Stack));
    assert_eq!(outcome(false, vec![frame(8), vec![Step::Return]]), Err(Reason::Stack));
    let saves = vec![
        frame(-8),
        store(stack(0), 3),
        vec![Step::Any(Reg::Int(3))],
        vec![Step::Load { to: Some(Reg::Int(3)), from: stack(0), signed: false }],
        frame(8),
        vec![Step::Return],
    ];
    assert_eq!(outcome(false, saves.clone()), Ok(()));
    let mut other = saves;
    other[1] = store(stack(0), 5);
    assert_eq!(outcome(false, other), Err(Reason::Saved));
    assert_eq!(outcome(false, vec![frame(-9000), frame(9000), vec![Step::Return]]), Err(Reason::Stack));
}

#[test]
fn reserved_registers_keep_what_they_are_for() {
    let script = |inst: Vec<Step>| vec![inst, vec![Step::Return]];
    assert_eq!(outcome(false, script(vec![Step::Any(Reg::Int(CONTEXT))])), Err(Reason::Reserved));
    assert_eq!(outcome(false, script(vec![Step::Const { to: FUEL, value: 1 }])), Err(Reason::Fuel));
    assert_eq!(outcome(false, script(vec![Step::Const { to: 14, value: 1 }])), Err(Reason::Depth));
    // Fuel is taken only where it is looked at next.
    let take = |cond: Cond, by: i64| {
        let taken = vec![
            Step::Compare { a: Src::Reg(FUEL), b: Src::Const(by) },
            Step::Sub { to: FUEL, a: Src::Reg(FUEL), b: Src::Const(by) },
        ];
        vec![frame(-8), taken, branch(cond, 5), frame(8), vec![Step::Return]]
    };
    assert_eq!(outcome(false, take(Cond::Below, 1)), Ok(()));
    assert_eq!(outcome(false, take(Cond::Below, -1)), Err(Reason::Fuel));
    assert_eq!(outcome(false, take(Cond::Eq, 1)), Err(Reason::Fuel));
    // Where it was not there, only the poll gives more; and the flags are those of the subtraction.
    assert_eq!(outcome(false, take(Cond::AboveEq, 1)), Err(Reason::Fuel));
    let mut late = take(Cond::Below, 1);
    late[1].push(Step::AnyFlags);
    assert_eq!(outcome(false, late), Err(Reason::Fuel));
    let mut unseen = take(Cond::Below, 1);
    unseen[1].remove(0);
    assert_eq!(outcome(false, unseen), Err(Reason::Fuel));
    let context = |disp: i64| Place { base: Base::Reg(CONTEXT), index: None, disp, bytes: 8 };
    assert_eq!(outcome(false, script(load(context(16)))), Ok(()));
    assert_eq!(outcome(false, script(load(context(56)))), Err(Reason::Context));
    assert_eq!(outcome(false, script(store(context(16), INDEX))), Err(Reason::Context));
}

#[test]
fn control_stays_in_the_function() {
    assert_eq!(outcome(false, vec![vec![Step::Jump { target: 9 }]]), Err(Reason::Target));
    assert_eq!(outcome(false, vec![vec![Step::Call { target: 1 }], vec![Step::Return]]), Err(Reason::Target));
    assert_eq!(outcome(false, vec![vec![Step::CallPool { offset: 8 }], vec![Step::Return]]), Err(Reason::Callee));
    assert_eq!(outcome(false, vec![vec![Step::CallReg { reg: 0 }], vec![Step::Return]]), Err(Reason::Callee));
    let pool = |offset: i64| vec![vec![Step::LoadPool { to: Some(Reg::Int(0)), offset, bytes: 8 }], vec![Step::Return]];
    assert_eq!(outcome(false, pool(8)), Ok(()));
    assert_eq!(outcome(false, pool(16)), Err(Reason::Pool));
    assert_eq!(outcome(false, pool(-8)), Err(Reason::Pool));
}

#[test]
fn a_loop_keeps_its_index_below_the_length() {
    let script = |step: i64| {
        vec![
            frame(-8),
            vec![Step::Const { to: INDEX, value: 0 }],
            compare(INDEX, Src::Reg(LENGTH)),
            branch(Cond::Ge, 7),
            load(element(0, 8)),
            vec![Step::Add { to: INDEX, a: INDEX, b: Src::Const(step), shift: 0 }],
            vec![Step::Jump { target: 2 }],
            frame(8),
            vec![Step::Return],
        ]
    };
    assert_eq!(outcome(false, script(1)), Ok(()));
    assert_eq!(outcome(false, script(-1)), Err(Reason::Bounds));
    assert_eq!(outcome(false, script(i64::MAX)), Err(Reason::Bounds));
}

/// A load of the element whose index is in this register, behind a comparison with the length as numbers with a sign; then the end.
fn load_below_length(index: u8, trap: u32) -> Vec<Vec<Step>> {
    let place = Place { base: Base::Reg(XS), index: Some((index, 3)), disp: 0, bytes: 8 };
    vec![compare(index, Src::Reg(LENGTH)), branch(Cond::Ge, trap), load(place), frame(8), vec![Step::Return]]
}

#[test]
fn a_remainder_is_below_its_divisor_where_that_is_positive() {
    let (quotient, remainder) = (0, 1);
    let right = vec![
        frame(-8),
        compare(LENGTH, Src::Const(0)),
        branch(Cond::Eq, 11),
        vec![Step::Divide { to: quotient, a: INDEX, b: LENGTH }],
        vec![Step::MultiplySubtract { to: remainder, a: quotient, b: LENGTH, from: INDEX }],
        compare(remainder, Src::Const(0)),
        vec![Step::Select { to: 8, yes: Src::Reg(LENGTH), no: Src::Const(0), cond: Cond::Lt }],
        vec![Step::Add { to: INDEX, a: remainder, b: Src::Reg(8), shift: 0 }],
        load(element(0, 8)),
        frame(8),
        vec![Step::Return],
    ];
    assert_eq!(outcome(false, right.clone()), Ok(()));
    let wrong = [
        // The divisor may be zero.
        (2, branch(Cond::Lt, 11)),
        // Of something else, or by it, or none at all.
        (3, vec![Step::Divide { to: quotient, a: LENGTH, b: LENGTH }]),
        (3, vec![Step::Divide { to: quotient, a: INDEX, b: INDEX }]),
        (3, vec![Step::Any(Reg::Int(quotient))]),
        (4, vec![Step::MultiplySubtract { to: remainder, a: quotient, b: quotient, from: INDEX }]),
        (4, vec![Step::MultiplySubtract { to: remainder, a: quotient, b: LENGTH, from: LENGTH }]),
        // Made positive where it is not negative, or by something else.
        (5, compare(remainder, Src::Const(1))),
        (5, compare(INDEX, Src::Const(0))),
        (6, vec![Step::Select { to: 8, yes: Src::Reg(LENGTH), no: Src::Const(0), cond: Cond::Gt }]),
        (6, vec![Step::Select { to: 8, yes: Src::Reg(INDEX), no: Src::Const(0), cond: Cond::Lt }]),
        (6, vec![Step::Select { to: 8, yes: Src::Reg(LENGTH), no: Src::Const(1), cond: Cond::Lt }]),
        (7, vec![Step::Copy { to: Reg::Int(INDEX), from: Reg::Int(remainder) }]),
        (7, vec![Step::Add { to: INDEX, a: remainder, b: Src::Reg(LENGTH), shift: 0 }]),
    ];
    for (at, inst) in wrong {
        let mut script = right.clone();
        script[at] = inst;
        assert_eq!(outcome(false, script.clone()), Err(Reason::Bounds), "{script:?}");
    }
}

#[test]
fn the_sign_of_a_remainder_is_told_by_bits_too() {
    let script = |bits: Step, cond: Cond| {
        vec![
            frame(-8),
            compare(LENGTH, Src::Const(0)),
            branch(Cond::Eq, 13),
            vec![Step::Divide { to: 0, a: INDEX, b: LENGTH }],
            vec![Step::MultiplySubtract { to: 1, a: 0, b: LENGTH, from: INDEX }],
            compare(1, Src::Const(0)),
            vec![bits],
            vec![Step::CompareZeroIf { a: 8, cond }],
            vec![Step::Select { to: 8, yes: Src::Reg(LENGTH), no: Src::Const(0), cond: Cond::Negative }],
            vec![Step::Add { to: INDEX, a: 1, b: Src::Reg(8), shift: 0 }],
            load(element(0, 8)),
            frame(8),
            vec![Step::Return],
        ]
    };
    let bits = Step::Xor { to: 8, a: 1, b: Src::Reg(LENGTH) };
    assert_eq!(outcome(false, script(bits, Cond::Ne)), Ok(()));
    assert_eq!(outcome(false, script(bits, Cond::Eq)), Err(Reason::Bounds));
    assert_eq!(outcome(false, script(bits, Cond::Gt)), Err(Reason::Bounds));
    let others = Step::Xor { to: 8, a: INDEX, b: Src::Reg(LENGTH) };
    assert_eq!(outcome(false, script(others, Cond::Ne)), Err(Reason::Bounds));
}

#[test]
fn a_product_with_a_reciprocal_is_a_quotient_and_no_other_is() {
    let script = |factor: i64, by: u8| {
        let mut script = vec![
            frame(-8),
            compare(INDEX, Src::Const(0)),
            branch(Cond::Lt, 13),
            compare(LENGTH, Src::Const(3)),
            branch(Cond::Lt, 13),
            vec![Step::Const { to: 0, value: factor }],
            vec![Step::MultiplyHigh { to: 0, a: INDEX, b: 0 }],
            vec![Step::AddPart { to: 0, a: 0, b: 0, by, signed: false }],
            vec![Step::Const { to: 1, value: 3 }],
            vec![Step::MultiplySubtract { to: INDEX, a: 0, b: 1, from: INDEX }],
        ];
        script.extend([load(element(0, 8)), frame(8), vec![Step::Return]]);
        outcome(false, script)
    };
    let third = 0x5555_5555_5555_5556;
    assert_eq!(script(third, 63), Ok(()));
    assert_eq!(script(third - 1, 63), Err(Reason::Bounds));
    assert_eq!(script(third + 1, 63), Err(Reason::Bounds));
    assert_eq!(script(third, 62), Err(Reason::Bounds));
}

#[test]
fn upper_bits_are_not_negative_unless_they_are_all() {
    let script = |by: u8| {
        let script = vec![
            frame(-8),
            vec![Step::Const { to: 0, value: 0 }],
            vec![Step::AddPart { to: 0, a: 0, b: INDEX, by, signed: false }],
            vec![Step::Copy { to: Reg::Int(INDEX), from: Reg::Int(0) }],
            compare(INDEX, Src::Reg(LENGTH)),
            branch(Cond::Ge, 9),
            load(element(0, 8)),
            frame(8),
            vec![Step::Return],
        ];
        outcome(false, script)
    };
    assert_eq!(script(1), Ok(()));
    assert_eq!(script(0), Err(Reason::Bounds));
}

#[test]
fn a_sum_is_one_of_numbers_only_behind_the_branch_that_says_so() {
    let sum = |to: u8, a: u8, number: i64| {
        vec![Step::AnyFlags, Step::Add { to, a, b: Src::Const(number), shift: 0 }, Step::Overflow { of: to }]
    };
    let script = |first: Vec<Step>, second: Vec<Step>, cond: Cond| {
        let mut script = vec![frame(-8), compare(INDEX, Src::Const(0)), branch(Cond::Lt, 11), first, second];
        script.push(branch(cond, 11));
        script.extend(load_below_length(1, 11));
        outcome(false, script)
    };
    let nothing = || vec![Step::Nothing];
    assert_eq!(script(nothing(), sum(1, INDEX, 5), Cond::Overflow), Ok(()));
    assert_eq!(script(nothing(), sum(1, INDEX, 5), Cond::NoOverflow), Err(Reason::Bounds));
    assert_eq!(script(nothing(), sum(1, INDEX, 5), Cond::Other), Err(Reason::Bounds));
    assert_eq!(script(sum(1, INDEX, 5), vec![Step::AnyFlags], Cond::Overflow), Err(Reason::Bounds));
    // Of the sum with nothing the flags tell nothing of the sum before.
    assert_eq!(script(sum(0, INDEX, 5), sum(1, 0, 0), Cond::Overflow), Err(Reason::Bounds));
    assert_eq!(script(sum(1, INDEX, 5), sum(0, INDEX, 5), Cond::Overflow), Err(Reason::Bounds));
}

#[test]
fn a_product_fits_where_its_upper_half_is_its_sign() {
    let script = |a: u8, by: u8, cond: Cond| {
        let mut script = vec![frame(-8), compare(INDEX, Src::Const(0)), branch(Cond::Lt, 12)];
        script.push(vec![Step::Multiply { to: 1, a: INDEX, b: Src::Reg(INDEX) }]);
        script.push(vec![Step::MultiplyHigh { to: 0, a, b: INDEX }]);
        script.push(vec![Step::ComparePart { a: 0, b: 1, by }]);
        script.push(branch(cond, 12));
        script.extend(load_below_length(1, 12));
        outcome(false, script)
    };
    assert_eq!(script(INDEX, 63, Cond::Ne), Ok(()));
    assert_eq!(script(INDEX, 63, Cond::Eq), Err(Reason::Bounds));
    assert_eq!(script(INDEX, 62, Cond::Ne), Err(Reason::Bounds));
    assert_eq!(script(LENGTH, 63, Cond::Ne), Err(Reason::Bounds));
}

#[test]
fn no_frame_is_larger_than_told() {
    let script = |by: i64| vec![frame(-by), frame(by), vec![Step::Return]];
    assert_eq!(outcome(false, script(8)), Ok(()));
    assert_eq!(outcome(false, script(16)), Err(Reason::Stack));
}

/// The script is accepted, and with any of these instructions instead of its own it is not.
fn all_are_out_of_bounds(right: &[Vec<Step>], wrong: &[(usize, Step)]) {
    assert_eq!(outcome(false, right.to_vec()), Ok(()));
    for (at, step) in wrong {
        let mut script = right.to_vec();
        script[*at] = vec![*step];
        let reason = outcome(false, script);
        assert!(matches!(reason, Err(Reason::Bounds | Reason::Divisor)), "{reason:?}: {step:?} at {at}");
    }
}

#[test]
fn a_double_number_is_divided_as_a_single_one_where_its_upper_half_is_the_sign() {
    let (low, high) = (0, 1);
    let divide = |low, high, b| Step::DivideDouble { quotient: 0, remainder: INDEX, low, high, b };
    let right = [
        frame(-8),
        compare(INDEX, Src::Const(0)),
        branch(Cond::Lt, 11),
        compare(LENGTH, Src::Const(0)),
        branch(Cond::Eq, 11),
        vec![Step::Copy { to: Reg::Int(low), from: Reg::Int(INDEX) }],
        vec![Step::Const { to: high, value: 0 }],
        vec![divide(low, high, LENGTH)],
        load(element(0, 8)),
        frame(8),
        vec![Step::Return],
    ];
    all_are_out_of_bounds(
        &right,
        &[
            (2, Step::Branch { cond: Cond::Gt, target: 11 }),
            (4, Step::Branch { cond: Cond::Lt, target: 11 }),
            (6, Step::Const { to: high, value: 1 }),
            (6, Step::Const { to: high, value: -1 }),
            (6, Step::Any(Reg::Int(high))),
            (7, divide(low, low, LENGTH)),
            (7, divide(high, low, LENGTH)),
            (7, divide(low, high, INDEX)),
        ],
    );
}

#[test]
fn a_remainder_is_raised_where_its_sign_is_not_that_of_the_divisor() {
    let (low, high) = (0, 1);
    // As one machine does it: the remainder is in `INDEX`, `8` tells its sign.
    let right = [
        frame(-8),
        compare(LENGTH, Src::Const(0)),
        branch(Cond::Eq, 13),
        vec![Step::Copy { to: Reg::Int(low), from: Reg::Int(INDEX) }],
        vec![Step::ShiftRightSigned { to: high, a: low, by: 63 }],
        vec![Step::DivideDouble { quotient: low, remainder: INDEX, low, high, b: LENGTH }],
        vec![Step::Xor { to: 8, a: INDEX, b: Src::Reg(LENGTH) }],
        compare(8, Src::Const(0)),
        branch(Cond::NotNegative, 10),
        vec![Step::Add { to: INDEX, a: INDEX, b: Src::Reg(LENGTH), shift: 0 }],
        load(element(0, 8)),
        frame(8),
        vec![Step::Return],
    ];
    all_are_out_of_bounds(
        &right,
        &[
            (2, Step::Branch { cond: Cond::Lt, target: 13 }),
            (4, Step::ShiftRightSigned { to: high, a: low, by: 62 }),
            (4, Step::ShiftRight { to: high, a: low, by: 63 }),
            (4, Step::ShiftRightSigned { to: high, a: LENGTH, by: 63 }),
            (5, Step::DivideDouble { quotient: INDEX, remainder: low, low, high, b: LENGTH }),
            (5, Step::DivideDouble { quotient: low, remainder: INDEX, low, high, b: XS }),
            (6, Step::Xor { to: 8, a: low, b: Src::Reg(LENGTH) }),
            (6, Step::Xor { to: 8, a: INDEX, b: Src::Reg(low) }),
            (6, Step::Or { to: 8, a: INDEX, b: Src::Reg(LENGTH) }),
            (7, Step::Compare { a: Src::Reg(8), b: Src::Const(1) }),
            (8, Step::Branch { cond: Cond::Negative, target: 10 }),
            (8, Step::Branch { cond: Cond::Below, target: 10 }),
            (9, Step::Add { to: INDEX, a: INDEX, b: Src::Reg(8), shift: 0 }),
            (9, Step::Add { to: INDEX, a: INDEX, b: Src::Const(1), shift: 0 }),
            (9, Step::Sub { to: INDEX, a: Src::Reg(INDEX), b: Src::Reg(LENGTH) }),
        ],
    );
}

#[test]
fn a_remainder_of_a_product_is_raised_by_the_divisor_under_its_sign() {
    let third = 0x5555_5555_5555_5556;
    let right = [
        frame(-8),
        compare(LENGTH, Src::Const(3)),
        branch(Cond::Lt, 17),
        vec![Step::Const { to: 0, value: third }],
        vec![Step::MultiplyHigh { to: 1, a: 0, b: INDEX }],
        vec![Step::ShiftRight { to: 0, a: 1, by: 63 }],
        vec![Step::Add { to: 1, a: 1, b: Src::Reg(0), shift: 0 }],
        vec![Step::Multiply { to: 8, a: 1, b: Src::Const(3) }],
        vec![Step::Sub { to: 8, a: Src::Const(0), b: Src::Reg(8) }],
        vec![Step::Add { to: 8, a: 8, b: Src::Reg(INDEX), shift: 0 }],
        vec![Step::ShiftRightSigned { to: 0, a: 8, by: 63 }],
        vec![Step::Const { to: 1, value: 3 }],
        vec![Step::And { to: 1, a: 1, b: Src::Reg(0) }],
        vec![Step::Add { to: INDEX, a: 1, b: Src::Reg(8), shift: 0 }],
        load(element(0, 8)),
        frame(8),
        vec![Step::Return],
    ];
    all_are_out_of_bounds(
        &right,
        &[
            (2, Step::Branch { cond: Cond::Gt, target: 17 }),
            (3, Step::Const { to: 0, value: third + 1 }),
            (5, Step::ShiftRight { to: 0, a: 1, by: 62 }),
            (5, Step::ShiftRightSigned { to: 0, a: 1, by: 63 }),
            (5, Step::ShiftRight { to: 0, a: INDEX, by: 63 }),
            (6, Step::Sub { to: 1, a: Src::Reg(1), b: Src::Reg(0) }),
            (7, Step::Multiply { to: 8, a: 1, b: Src::Const(4) }),
            (8, Step::Sub { to: 8, a: Src::Const(1), b: Src::Reg(8) }),
            (8, Step::Nothing),
            (9, Step::Add { to: 8, a: 8, b: Src::Reg(LENGTH), shift: 0 }),
            (10, Step::ShiftRight { to: 0, a: 8, by: 63 }),
            (10, Step::ShiftRightSigned { to: 0, a: 8, by: 62 }),
            (10, Step::ShiftRightSigned { to: 0, a: INDEX, by: 63 }),
            (11, Step::Const { to: 1, value: 4 }),
            (11, Step::Const { to: 1, value: 1 }),
            (12, Step::Or { to: 1, a: 1, b: Src::Reg(0) }),
            (13, Step::Sub { to: INDEX, a: Src::Reg(8), b: Src::Reg(1) }),
        ],
    );
}

#[test]
fn bits_of_small_numbers_are_small_with_their_sign() {
    let right = [
        frame(-8),
        compare(LENGTH, Src::Const(8)),
        branch(Cond::Lt, 10),
        vec![Step::Between { to: 0, lo: -4, hi: 3 }],
        vec![Step::Between { to: 1, lo: -2, hi: 1 }],
        vec![Step::Xor { to: 0, a: 0, b: Src::Reg(1) }],
        vec![Step::Add { to: INDEX, a: 0, b: Src::Const(4), shift: 0 }],
        load(element(0, 8)),
        frame(8),
        vec![Step::Return],
    ];
    let and = |b: u8| Step::And { to: 0, a: 0, b: Src::Reg(b) };
    for same in [Step::Or { to: 0, a: 0, b: Src::Reg(1) }, and(1)] {
        let mut script = right.to_vec();
        script[5] = vec![same];
        assert_eq!(outcome(false, script), Ok(()));
    }
    all_are_out_of_bounds(
        &right,
        &[
            (2, Step::Branch { cond: Cond::Eq, target: 10 }),
            (3, Step::Between { to: 0, lo: -5, hi: 3 }),
            (3, Step::Between { to: 0, lo: -4, hi: 4 }),
            (5, and(LENGTH)),
            (6, Step::Add { to: INDEX, a: 0, b: Src::Const(3), shift: 0 }),
            (6, Step::Add { to: INDEX, a: 0, b: Src::Const(5), shift: 0 }),
        ],
    );
}

#[test]
fn a_product_fits_behind_the_branch_on_its_overflow() {
    let script = |cond: Cond, product: Vec<Step>| {
        let mut script = vec![frame(-8), compare(INDEX, Src::Const(0)), branch(Cond::Lt, 10), product];
        script.push(branch(cond, 10));
        script.extend(load_below_length(1, 10));
        outcome(false, script)
    };
    let product =
        |to: u8| vec![Step::AnyFlags, Step::Multiply { to, a: INDEX, b: Src::Const(5) }, Step::Overflow { of: to }];
    assert_eq!(script(Cond::Overflow, product(1)), Ok(()));
    assert_eq!(script(Cond::NoOverflow, product(1)), Err(Reason::Bounds));
    assert_eq!(script(Cond::Lt, product(1)), Err(Reason::Bounds));
    let mut late = product(1);
    late.push(Step::AnyFlags);
    assert_eq!(script(Cond::Overflow, late), Err(Reason::Bounds));
}

#[test]
fn a_quotient_is_one_that_the_processor_can_give() {
    let (low, high) = (0, 1);
    let right = [
        frame(-8),
        compare(INDEX, Src::Const(0)),
        branch(Cond::Eq, 9),
        compare(INDEX, Src::Const(-1)),
        branch(Cond::Eq, 9),
        vec![Step::Any(Reg::Int(low)), Step::ShiftRightSigned { to: high, a: low, by: 63 }],
        vec![Step::DivideDouble { quotient: low, remainder: high, low, high, b: INDEX }],
        frame(8),
        vec![Step::Return],
    ];
    assert_eq!(outcome(false, right.to_vec()), Ok(()));
    let sign = |by| Step::ShiftRightSigned { to: high, a: low, by };
    let wrong = [
        (1, compare(INDEX, Src::Const(1))),
        (2, branch(Cond::Ne, 9)),
        (3, compare(INDEX, Src::Const(-2))),
        (4, branch(Cond::Lt, 9)),
        (5, vec![Step::Any(Reg::Int(low)), sign(62)]),
        (5, vec![Step::Any(Reg::Int(low)), Step::Any(Reg::Int(high))]),
        (5, vec![sign(63), Step::Any(Reg::Int(low))]),
        (5, vec![sign(63), Step::Any(Reg::Int(INDEX))]),
    ];
    for (at, steps) in wrong {
        let mut script = right.to_vec();
        script[at] = steps;
        assert_eq!(outcome(false, script.clone()), Err(Reason::Divisor), "{script:?}");
    }
}
