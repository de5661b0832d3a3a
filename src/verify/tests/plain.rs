//! Code that needs no walk, and registers at heads of loops that nothing reads.

use super::*;

/// A register that any function may write, and one that it gives back.
const FREE: u8 = 0;
const KEPT: u8 = 3;

/// A script behind which a function returns.
fn returning(steps: Vec<Step>) -> Result<(), Reason> {
    outcome(false, steps.into_iter().map(|step| vec![step]).chain([vec![Step::Return]]).collect())
}

#[test]
fn what_changes_nothing_that_matters_is_accepted() {
    let any = |reg| Step::Any(Reg::Vector(reg));
    let word = Step::LoadPool { to: Some(Reg::Vector(1)), offset: 8, bytes: 8 };
    let shift = Step::ShiftLeft { to: FREE, a: FREE, by: 48 };
    assert_eq!(returning(vec![any(2), word, Step::AnyFlags, Step::Const { to: FREE, value: 5 }, shift]), Ok(()));
}

#[test]
fn what_must_be_given_back_is_not_written() {
    for step in [
        Step::Any(Reg::Int(KEPT)),
        Step::Const { to: KEPT, value: 1 },
        Step::Copy { to: Reg::Int(KEPT), from: Reg::Int(FREE) },
        Step::ShiftLeft { to: KEPT, a: KEPT, by: 1 },
        Step::Select { to: KEPT, yes: Src::Reg(FREE), no: Src::Const(0), cond: Cond::Eq },
        Step::LoadPool { to: Some(Reg::Int(KEPT)), offset: 8, bytes: 8 },
    ] {
        assert_eq!(returning(vec![step]), Err(Reason::Saved), "{step:?}");
    }
    assert_eq!(returning(vec![Step::Any(Reg::Int(CONTEXT))]), Err(Reason::Reserved));
    assert_eq!(returning(vec![Step::Any(Reg::Int(FUEL))]), Err(Reason::Fuel));
    assert_eq!(returning(vec![Step::Any(Reg::Int(4))]), Err(Reason::Reserved));
}

#[test]
fn nothing_outside_the_pool_is_read() {
    let read = |offset, bytes| returning(vec![Step::LoadPool { to: None, offset, bytes }]);
    assert_eq!((read(0, 16), read(8, 8)), (Ok(()), Ok(())));
    for (offset, bytes) in [(8, 16), (16, 8), (-8, 8), (9, 8), (i64::MAX, 8)] {
        assert_eq!(read(offset, bytes), Err(Reason::Pool), "{offset} {bytes}");
    }
}

#[test]
fn a_way_back_is_looked_at_however_plain_it_is() {
    let script =
        |loops| outcome_where(false, loops, vec![vec![Step::AnyFlags], branch(Cond::Eq, 0), vec![Step::Return]]);
    assert_eq!((script(Loops::Free), script(Loops::Metered)), (Ok(()), Err(Reason::Endless)));
}

#[test]
fn what_control_does_not_come_to_is_no_code_however_plain_it_is() {
    let script = |step| outcome(false, vec![vec![Step::Return], vec![step], vec![Step::Stop]]);
    assert_eq!(script(Step::Nothing), Ok(()));
    assert_eq!(script(Step::Any(Reg::Vector(0))), Err(Reason::Unreachable));
}

#[test]
fn the_stack_is_looked_at_wherever_a_branch_goes_to_a_trap() {
    let to_trap = |at| vec![compare(INDEX, Src::Reg(LENGTH)), branch(Cond::AboveEq, at)];
    let end = vec![Step::Return];
    assert_eq!(outcome(false, [to_trap(3), vec![end.clone()]].concat()), Err(Reason::CallStack));
    let framed = [vec![frame(-8)], to_trap(5), vec![frame(8), end.clone()]].concat();
    assert_eq!(outcome(false, framed), Ok(()));
    let freed = [vec![frame(-8), frame(8)], to_trap(5), vec![end]].concat();
    assert_eq!(outcome(false, freed), Err(Reason::CallStack));
}

/// Goes round while it counts up to the length, with the array's address in one more register at first; `body` is done each time.
fn round(body: Vec<Vec<Step>>) -> Result<(), Reason> {
    let behind = body.len() as u32 + 4;
    let copy = Step::Copy { to: Reg::Int(FREE), from: Reg::Int(XS) };
    let before = vec![vec![Step::Const { to: INDEX, value: 0 }, copy]];
    let head = vec![compare(INDEX, Src::Reg(LENGTH)), branch(Cond::Ge, behind)];
    let more = Step::Add { to: INDEX, a: INDEX, b: Src::Const(1), shift: 0 };
    let end = vec![vec![more, Step::Jump { target: 1 }], vec![Step::Return]];
    outcome(false, [before, head, body, end].concat())
}

#[test]
fn a_register_that_is_written_again_before_it_is_read_may_hold_anything() {
    let anew = vec![Step::Copy { to: Reg::Int(FREE), from: Reg::Int(XS) }];
    let by_copy = Place { base: Base::Reg(FREE), ..element(0, 8) };
    let read = |to| vec![Step::Load { to: Some(Reg::Int(to)), from: by_copy, signed: false }];
    assert_eq!(round(vec![read(1)]), Ok(()));
    assert_eq!(round(vec![anew.clone(), read(FREE)]), Ok(()));
    // Read first, it is what was left there the time before.
    assert_eq!(round(vec![read(FREE)]), Err(Reason::Address));
    assert_eq!(round(vec![read(1), anew, read(FREE)]), Err(Reason::Address));
}
