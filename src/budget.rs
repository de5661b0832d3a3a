//! Fuel, deadline and cancellation of one run, counted the same way by every engine.
//!
//! The engine counts a *slice* down, one unit at each loop head and call, and asks here only when it falls below zero: so a deadline and a
//! cancellation cost nothing between polls, and are noticed within [`SLICE`] units.

use crate::limits::{CancelHandle, Limits};
use crate::trap::TrapKind;
use std::time::Instant;

/// Units between two polls of the clock and the cancel flag.
pub const SLICE: u64 = 1024;

/// Where a unit is spent, which decides the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollAt {
    /// A loop's head: `Interrupted`, then fuel.
    Loop,
    /// A call: fuel, then depth, then `Interrupted`; so many levels are left.
    Call {
        /// Levels of depth left before this call.
        depth_left: i64,
    },
}

/// What is left of one run.
#[derive(Debug)]
pub struct Budget<'a> {
    reserve: u64,
    limited: bool,
    deadline: Option<Instant>,
    cancel: Option<&'a CancelHandle>,
}

impl<'a> Budget<'a> {
    fn new(limits: &Limits, deadline: Option<Instant>, cancel: Option<&'a CancelHandle>) -> Budget<'a> {
        Budget { reserve: fuel(limits), limited: limits.fuel.is_some(), deadline, cancel }
    }

    /// The first slice of a run without a deadline that is not cancelled yet. [`Budget::resume`] makes the rest of its budget when it is needed.
    #[inline]
    pub fn first_slice(limits: &Limits) -> i64 {
        fuel(limits).min(SLICE) as i64
    }

    /// The budget of a run without a deadline that got its first slice before.
    pub fn resume(limits: &Limits, cancel: Option<&'a CancelHandle>) -> Budget<'a> {
        let mut budget = Budget::new(limits, None, cancel);
        budget.next_slice();
        budget
    }

    /// The budget of a run that starts now, and its first slice.
    pub fn start(limits: &Limits, cancel: Option<&'a CancelHandle>) -> (Budget<'a>, i64) {
        // A deadline beyond what the clock can tell is none.
        let deadline = limits.deadline.and_then(|time| Instant::now().checked_add(time));
        let mut budget = Budget::new(limits, deadline, cancel);
        // A run that is already over its time or cancelled must notice at its first unit.
        let slice = if budget.is_interrupted() { 0 } else { budget.next_slice() };
        (budget, slice)
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_some_and(CancelHandle::is_cancelled)
    }

    fn is_interrupted(&self) -> bool {
        self.is_cancelled() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn next_slice(&mut self) -> i64 {
        let slice = self.reserve.min(SLICE);
        self.reserve -= slice;
        slice as i64
    }

    /// Called when taking one unit made `slice` negative: either refills it, the unit taken, or says why not (the unit given back, unless
    /// `Interrupted` comes after fuel).
    pub fn poll(&mut self, slice: &mut i64, at: PollAt) -> Result<(), TrapKind> {
        *slice = 0;
        let interrupted = self.is_interrupted();
        if interrupted && at == PollAt::Loop {
            return Err(TrapKind::Interrupted);
        }
        if self.reserve == 0 {
            return Err(TrapKind::OutOfFuel);
        }
        *slice = self.next_slice() - 1;
        match at {
            PollAt::Call { depth_left } if interrupted => {
                // The next unit polls again, should this call fail for depth or be the last before another.
                self.give_back(slice);
                if depth_left > 0 { Err(TrapKind::Interrupted) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Takes units for the next pieces of an array built-in: as many as asked for or fewer, at least one.
    pub fn grant(&mut self, slice: &mut i64, pieces: u64) -> Result<u64, TrapKind> {
        if pieces == 0 {
            return Ok(0);
        }
        if *slice <= 0 {
            *slice = -1;
            self.poll(slice, PollAt::Loop)?;
            *slice += 1;
        }
        let granted = pieces.min(*slice as u64);
        *slice -= granted as i64;
        Ok(granted)
    }

    /// Makes the next unit poll, if the run was cancelled meanwhile: so that a host function that cancels is obeyed at once.
    pub fn notice_cancel(&mut self, slice: &mut i64) {
        if self.is_cancelled() {
            self.give_back(slice);
        }
    }

    fn give_back(&mut self, slice: &mut i64) {
        if *slice > 0 {
            self.reserve += *slice as u64;
            *slice = 0;
        }
    }

    /// What is left of the fuel after a run that took no more than its first slice, where it is limited.
    #[inline]
    pub fn left_of_first(limits: &Limits, slice: i64) -> Option<u64> {
        limits.fuel.map(|_| fuel(limits) - fuel(limits).min(SLICE) + slice.max(0) as u64)
    }

    /// All of the fuel, where it is limited.
    #[inline]
    pub fn whole(limits: &Limits) -> Option<u64> {
        limits.fuel.map(|_| fuel(limits))
    }

    /// What is left of the fuel, where it is limited.
    pub fn fuel_left(&self, slice: i64) -> Option<u64> {
        self.limited.then(|| self.reserve + slice.max(0) as u64)
    }
}

/// Without a limit the count still runs, from a number that no machine reaches.
#[inline]
fn fuel(limits: &Limits) -> u64 {
    limits.fuel.unwrap_or(u64::MAX >> 1).min(u64::MAX >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn take(budget: &mut Budget<'_>, slice: &mut i64) -> Result<(), TrapKind> {
        *slice -= 1;
        if *slice < 0 { budget.poll(slice, PollAt::Loop) } else { Ok(()) }
    }

    #[test]
    fn n_units_allow_n() {
        for fuel in [0, 1, 2, 1023, 1024, 1025, 5000] {
            let (mut budget, mut slice) = Budget::start(&Limits::default().fuel(fuel), None);
            for unit in 0..fuel {
                assert_eq!(budget.fuel_left(slice), Some(fuel - unit));
                assert_eq!(take(&mut budget, &mut slice), Ok(()), "unit {unit} of {fuel}");
            }
            assert_eq!(take(&mut budget, &mut slice), Err(TrapKind::OutOfFuel));
            assert_eq!(budget.fuel_left(slice), Some(0));
        }
    }

    #[test]
    fn grants_are_exact() {
        let (mut budget, mut slice) = Budget::start(&Limits::default().fuel(3000), None);
        let mut total = 0;
        while let Ok(granted) = budget.grant(&mut slice, 700) {
            assert!(granted >= 1);
            total += granted;
        }
        assert_eq!(total, 3000);
        assert_eq!(budget.fuel_left(slice), Some(0));
    }

    #[test]
    fn a_cancelled_or_late_run_stops_at_its_first_unit() {
        let cancel = CancelHandle::default();
        cancel.cancel();
        let (mut budget, mut slice) = Budget::start(&Limits::default(), Some(&cancel));
        assert_eq!(take(&mut budget, &mut slice), Err(TrapKind::Interrupted));
        let (mut budget, mut slice) = Budget::start(&Limits::default().deadline(Duration::ZERO), None);
        assert_eq!(take(&mut budget, &mut slice), Err(TrapKind::Interrupted));
        assert_eq!(budget.fuel_left(slice), Some(1_000_000_000));
    }

    #[test]
    fn a_call_checks_fuel_then_depth_then_interruption() {
        let cancel = CancelHandle::default();
        cancel.cancel();
        let poll = |fuel, depth_left| {
            let (mut budget, mut slice) = Budget::start(&Limits::default().fuel(fuel), Some(&cancel));
            slice -= 1;
            budget.poll(&mut slice, PollAt::Call { depth_left })
        };
        assert_eq!(poll(0, 5), Err(TrapKind::OutOfFuel));
        assert_eq!(poll(1, 0), Ok(()));
        assert_eq!(poll(1, 5), Err(TrapKind::Interrupted));
    }
}
