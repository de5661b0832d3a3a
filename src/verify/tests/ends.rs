//! Loops come to an end.

use super::*;

#[test]
fn loops_take_fuel_or_count_to_an_end() {
    let script = |step: i64, bound: Src| {
        vec![
            frame(-8),
            vec![Step::Const { to: 0, value: 0 }],
            compare(0, bound),
            branch(Cond::Ge, 6),
            vec![Step::Add { to: 0, a: 0, b: Src::Const(step), shift: 0 }],
            vec![Step::Jump { target: 2 }],
            frame(8),
            vec![Step::Return],
        ]
    };
    let rows = Loops::Rows(FuncId(0));
    assert_eq!(outcome_where(false, Loops::Free, script(1, Src::Reg(LENGTH))), Ok(()));
    assert_eq!(outcome_where(false, Loops::Metered, script(1, Src::Reg(LENGTH))), Err(Reason::Endless));
    assert_eq!(outcome_where(false, rows, script(1, Src::Reg(LENGTH))), Ok(()));
    assert_eq!(outcome_where(false, Loops::Rows(FuncId(1)), script(1, Src::Reg(LENGTH))), Err(Reason::Endless));
    assert_eq!(outcome_where(false, rows, script(0, Src::Reg(LENGTH))), Err(Reason::Endless));
    assert_eq!(outcome_where(false, rows, script(-1, Src::Reg(LENGTH))), Err(Reason::Endless));
    // The bound is another one each time.
    let mut moving = script(1, Src::Reg(INDEX));
    moving[4].push(Step::Any(Reg::Int(INDEX)));
    assert_eq!(outcome_where(false, rows, moving), Err(Reason::Endless));
    // Two ways back, each of which begins again what the other one counts.
    let back = |counts: u8, again: u8| {
        vec![Step::Add { to: counts, a: counts, b: Src::Const(1), shift: 0 }, Step::Const { to: again, value: 0 }]
    };
    let alternating = |other: Vec<Step>| {
        vec![
            frame(-8),
            vec![Step::Const { to: 0, value: 0 }, Step::Const { to: 1, value: 0 }],
            compare(0, Src::Reg(LENGTH)),
            branch(Cond::Ge, 11),
            compare(1, Src::Reg(LENGTH)),
            branch(Cond::Ge, 11),
            branch(Cond::Other, 9),
            back(0, 1),
            vec![Step::Jump { target: 2 }],
            other,
            vec![Step::Jump { target: 2 }],
            frame(8),
            vec![Step::Return],
        ]
    };
    assert_eq!(outcome_where(false, rows, alternating(back(0, 1))), Ok(()));
    assert_eq!(outcome_where(false, rows, alternating(back(1, 0))), Err(Reason::Endless));
    let taken = vec![
        Step::Compare { a: Src::Reg(FUEL), b: Src::Const(1) },
        Step::Sub { to: FUEL, a: Src::Reg(FUEL), b: Src::Const(1) },
    ];
    let metered = vec![frame(-8), taken, branch(Cond::Below, 4), vec![Step::Jump { target: 1 }]];
    assert_eq!(outcome_where(false, Loops::Metered, metered), Ok(()));
}

#[test]
fn a_loop_within_another_one_may_take_more_of_what_that_counts_down() {
    // INDEX is what is left. `inner` is what the inner loop takes of it, `outer` the outer one; both leave where nothing is left.
    let script = |outer: i64, inner: i64| {
        vec![
            frame(-8),
            // The outer loop.
            vec![Step::Add { to: INDEX, a: INDEX, b: Src::Const(-outer), shift: 0 }],
            compare(INDEX, Src::Const(0)),
            branch(Cond::Lt, 10),
            // The inner one.
            branch(Cond::Other, 9),
            vec![Step::Add { to: INDEX, a: INDEX, b: Src::Const(-inner), shift: 0 }],
            compare(INDEX, Src::Const(0)),
            branch(Cond::Lt, 10),
            vec![Step::Jump { target: 4 }],
            vec![Step::Jump { target: 1 }],
            frame(8),
            vec![Step::Return],
        ]
    };
    let rows = Loops::Rows(FuncId(0));
    assert_eq!(outcome_where(false, rows, script(1, 1)), Ok(()));
    assert_eq!(outcome_where(false, rows, script(3, 2)), Ok(()));
    assert_eq!(outcome_where(false, Loops::Metered, script(1, 1)), Err(Reason::Endless));
    // One of them takes nothing, or gives back.
    for (outer, inner) in [(0, 1), (1, 0), (1, -1), (-1, 1), (0, 0)] {
        assert_eq!(outcome_where(false, rows, script(outer, inner)), Err(Reason::Endless), "{outer} {inner}");
    }
    // What is left may be less than nothing where the outer loop begins again.
    for at in [3, 7] {
        let mut unchecked = script(1, 1);
        unchecked[at].clear();
        unchecked[at].push(Step::Nothing);
        assert_eq!(outcome_where(false, rows, unchecked), Err(Reason::Endless), "{at}");
    }
}
