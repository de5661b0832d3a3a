//! Random programs through every way of running them, compared with the reference in everything that a host can see.
//!
//! `CRESSET_RANDOM_PROGRAMS` sets how many, `CRESSET_RANDOM_SEED` the first seed: what fails tells its own.

#[path = "common/engines.rs"]
mod engines;
#[path = "common/generate.rs"]
mod generate;
#[path = "common/harness.rs"]
mod harness;

use engines::Outcome;
use generate::Bytes;
use harness::Harness;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// What came of a program's statements.
fn class(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Value { .. } => "value".to_owned(),
        Outcome::Trap { kind, .. } => (*kind).to_owned(),
        Outcome::Errors(_) => "errors".to_owned(),
    }
}

#[test]
fn random_programs_do_the_same_in_every_way() {
    let count = setting("CRESSET_RANDOM_PROGRAMS", 4_000);
    let first = setting("CRESSET_RANDOM_SEED", 1 << 32);
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    let classes: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
    let show_errors = std::env::var_os("CRESSET_RANDOM_ERRORS").is_some();
    let work = || {
        let harness = Harness::new();
        let mut own: BTreeMap<String, u64> = BTreeMap::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= count || failures.lock().unwrap().len() >= 5 {
                break;
            }
            let seed = first.wrapping_add(i);
            match harness.check_bytes(Bytes::seeded(seed)) {
                Ok(seen) => {
                    for outcome in &seen.outcomes {
                        *own.entry(class(outcome)).or_default() += 1;
                        if let (Outcome::Errors(error), true) = (outcome, show_errors) {
                            eprintln!("seed {seed}: {error}");
                        }
                    }
                }
                Err(error) => failures.lock().unwrap().push(format!("seed {seed}: {error}")),
            }
        }
        let mut classes = classes.lock().unwrap();
        for (class, n) in own {
            *classes.entry(class).or_default() += n;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} programs differ\n{}", failures.len(), failures.join("\n\n"));
    let classes = classes.into_inner().unwrap();
    eprintln!("{classes:?}");
    // Right code that is not proved even with every check in place is rare.
    for (what, tally, one_in) in [("all", &harness::USUAL, 500), ("not all", &harness::UNUSUAL, 100)] {
        let [compiled, refused] = [&tally.compiled, &tally.refused].map(|count| count.load(Ordering::Relaxed));
        eprintln!("of {compiled} compiled with {what} passes, the verifier refused {refused}");
        assert!(refused * one_in <= compiled + 4 * one_in, "{refused} of {compiled} refused");
    }
    if count < 4_000 {
        return;
    }
    // The programs are worth running: few are refused, most end in a value, and every trap happens.
    let total: u64 = classes.values().sum();
    let share = |class: &str| classes.get(class).copied().unwrap_or(0) * 100 / total;
    assert!(share("errors") < 5, "{classes:?}");
    assert!(share("value") >= 50, "{classes:?}");
    for kind in [
        "IntegerOverflow",
        "DivideByZero",
        "BadCast",
        "BadArgument",
        "OutOfBounds",
        "StackOverflow",
        "OutOfFuel",
        "OutOfMemory",
        "HostError",
        "Interrupted",
    ] {
        assert!(classes.contains_key(kind), "no {kind}: {classes:?}");
    }
}
