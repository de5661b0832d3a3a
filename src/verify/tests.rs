//! Each rule, with steps written by hand: what keeps to it is accepted, what does not is rejected for that reason.

use super::step::{Base, Cond, Decode, Decoded, Place, Refused, Reg, Src, Step, Value};
use super::{Contract, Reason, check};
use crate::codegen::Arch;
use crate::codegen::blob::{FuncCode, Origin, PoolEntry, Site, SiteKind};
use crate::runtime::helper::Helper;
use crate::runtime::program::FuncSignature;
use crate::sema::hir::FuncId;
use crate::trap::TrapKind;
use crate::types::{Elem, Type};

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
    let mut script = script;
    let last = script.len() as u32;
    if script.iter().flatten().any(|step| matches!(step, Step::Branch { target, .. } if *target == last)) {
        script.push(vec![Step::CallPool { offset: 0 }]);
    }
    let end = script.len() as u32;
    let params = [(Type::Array(Elem::I64), mutable), (Type::I64, false)];
    let signatures = [FuncSignature::unnamed("f", &params, Type::I64)];
    let funcs = [FuncCode { func: FuncId(0), start: 0, end, frame_size: 8, is_pure: false, is_light: false }];
    let sites = [Site { ret: end, kind: SiteKind::Trap(TrapKind::OutOfBounds), place: Origin::default() }];
    let pool = [PoolEntry::Helper(Helper::Trap), PoolEntry::Bits(5)];
    let contract = Contract {
        arch: Arch::X64,
        funcs: &funcs,
        signatures: &signatures,
        sites: &sites,
        pool: &pool,
        vector_bytes: 32,
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
