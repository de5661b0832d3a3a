//! Runs a random program in every way that this machine has, and tells where two differ.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use crate::engines::{self, Outcome, ways};
use crate::generate::{Bytes, Program, program};
use cresset::opt::Passes;
use cresset::{Arg, CancelHandle, Engine, Error, Execution, Type, Value};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// What host functions were called with, in order.
    static CALLS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// What stops the program under way.
    static CANCEL: RefCell<CancelHandle> = RefCell::default();
}

fn called(call: String) {
    CALLS.with_borrow_mut(|calls| calls.push(call));
}

/// Everything that a program does which a host can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Of its statements, then of its function `entry`.
    pub outcomes: Vec<Outcome>,
    /// The calls of host functions.
    pub calls: Vec<String>,
    /// The arrays that were passed to `entry`, after it.
    pub arrays: Vec<String>,
}

/// How many programs were compiled, and how many of those the verifier refused.
pub struct Tally {
    pub compiled: AtomicU64,
    pub refused: AtomicU64,
}

/// With all passes, as is usual.
pub static USUAL: Tally = Tally { compiled: AtomicU64::new(0), refused: AtomicU64::new(0) };
/// With passes left out: longer code, of which less can be seen.
pub static UNUSUAL: Tally = Tally { compiled: AtomicU64::new(0), refused: AtomicU64::new(0) };

/// A way of running programs. Code that the verifier does not accept is run all the same, so that it is compared, too; how much that is, is counted.
struct Pair {
    verified: Engine,
    unverified: Engine,
    tally: &'static Tally,
}

impl Pair {
    fn new(config: cresset::Config) -> Pair {
        let engine = |config: cresset::Config| config.engine().expect("the way was tried before");
        let tally = if config.passes == Passes::ALL { &USUAL } else { &UNUSUAL };
        let [verified, unverified] = [true, false].map(|verify| engine(with_hosts(config.clone().verify(verify))));
        Pair { verified, unverified, tally }
    }

    fn compile(&self, program: &Program, types: &[(&str, Type)]) -> Result<cresset::Module, Error> {
        self.tally.compiled.fetch_add(1, Ordering::Relaxed);
        match self.verified.compile_with(&program.source, types) {
            Err(Error::Machine(error)) if error.starts_with("the code was refused") => {
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
                self.unverified.compile_with(&program.source, types)
            }
            outcome => outcome,
        }
    }
}

/// The engines of all ways, made once.
pub struct Harness {
    /// The reference first.
    ways: Vec<(&'static str, Pair)>,
    /// Machine code that counts no fuel.
    unmetered: Pair,
}

impl Harness {
    pub fn new() -> Harness {
        // Where the processor is an x86-64-v4, that is what is native.
        let ways: Vec<_> = ways().into_iter().filter(|way| way.name != "x86-64-v4").collect();
        let jit = ways.iter().find(|way| way.execution == Execution::Jit).expect("there is machine code");
        Harness {
            unmetered: Pair::new(jit.config().metering(false)),
            ways: ways.iter().map(|way| (way.name, Pair::new(way.config()))).collect(),
        }
    }

    /// What the reference sees, or what differs from it.
    pub fn check(&self, program: &Program) -> Result<Seen, String> {
        let (_, reference) = &self.ways[0];
        let expected = observe(reference, program)?;
        for (i, (name, engine)) in self.ways.iter().enumerate().skip(1) {
            // One of those that leave one pass out, in turn.
            if name.starts_with("without ")
                && program.source.len() % Passes::ALL_BUT_ONE.len() != i % Passes::ALL_BUT_ONE.len()
            {
                continue;
            }
            let seen = observe(engine, program)?;
            if seen != expected {
                return Err(format!("{name} differs from the reference\n  {seen:?}\nnot\n  {expected:?}"));
            }
        }
        // Without fuel only what needs none to end can be run, and its loops are not interrupted; some of it is enough.
        let starved = |outcome: &Outcome| matches!(outcome, Outcome::Trap { kind: "OutOfFuel" | "Interrupted", .. });
        if program.source.len().is_multiple_of(4) && !expected.outcomes.iter().any(starved) {
            let mut unlimited = program.clone();
            unlimited.limits.fuel = None;
            let (seen, expected) = (observe(&self.unmetered, &unlimited)?, observe(reference, &unlimited)?);
            if seen != expected {
                return Err(format!("unmetered code differs from the reference\n  {seen:?}\nnot\n  {expected:?}"));
            }
        }
        Ok(expected)
    }

    /// Checks the program of these bytes; where it fails, tells the smallest one found that does.
    pub fn check_bytes(&self, mut bytes: Bytes) -> Result<Seen, String> {
        let first = program(&mut bytes);
        let error = match self.check(&first) {
            Ok(seen) => return Ok(seen),
            Err(error) => error,
        };
        let fails = |data: &[u8]| self.check(&program(&mut Bytes::given(data.to_vec()))).is_err();
        let small = shrink(bytes.taken().to_vec(), fails);
        let smallest = program(&mut Bytes::given(small));
        let again = self.check(&smallest).err().unwrap_or_default();
        Err(format!("{error}\n---- program\n{}\n---- smaller: {again}\n{}", show(&first), show(&smallest)))
    }
}

/// Panics with what differs where these bytes stand for a program that does not do the same in every way.
pub fn check_given(data: &[u8]) {
    thread_local!(static HARNESS: Harness = Harness::new());
    HARNESS.with(|harness| harness.check_bytes(Bytes::given(data.to_vec()))).unwrap_or_else(|error| panic!("{error}"));
}

fn show(program: &Program) -> String {
    let Program { source, inputs, entry, limits, cancelled } = program;
    format!("{source}\n-- inputs {inputs:?}\n-- entry {entry:?}\n-- {limits:?}, cancelled {cancelled}")
}

fn with_hosts(config: cresset::Config) -> cresset::Config {
    config
        .host_fn("probe", |x: f64, n: i64| {
            called(format!("probe {:x} {n}", x.to_bits()));
            // A NaN of other bits is none that a program sees.
            if x.is_nan() { f64::from_bits(0xFFF8_0000_0000_0123) } else { x * 0.5 + n as f64 }
        })
        .host_fn("ask", |n: i64, b: bool| {
            called(format!("ask {n} {b}"));
            n.wrapping_mul(3) ^ i64::from(b)
        })
        .host_fn("note", |x: f64| called(format!("note {:x}", x.to_bits())))
        .host_fn("refuse", |n: i64| {
            called(format!("refuse {n}"));
            if n % 11 == 7 {
                CANCEL.with_borrow(CancelHandle::cancel);
            }
            if n % 5 == 3 { Err("refused") } else { Ok(n > 0) }
        })
}

/// Compiles and runs a program; a panic is an error that tells its message.
fn observe(engine: &Pair, program: &Program) -> Result<Seen, String> {
    catch_unwind(AssertUnwindSafe(|| observe_calm(engine, program))).map_err(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!("a panic: {}", message.unwrap_or_default())
    })
}

fn observe_calm(engine: &Pair, program: &Program) -> Seen {
    CALLS.with_borrow_mut(Vec::clear);
    let mut seen = Seen { outcomes: Vec::new(), calls: Vec::new(), arrays: Vec::new() };
    let types: Vec<(&str, Type)> = program.inputs.iter().map(|(name, value)| (name.as_str(), value.ty())).collect();
    let module = match engine.compile(program, &types) {
        Ok(module) => module,
        Err(error) => {
            seen.outcomes.push(engines::failure(&error, None));
            return seen;
        }
    };
    let mut sandbox = engine.verified.sandbox(program.limits.clone()).expect("a sandbox needs nothing");
    let cancel = sandbox.cancel_handle();
    CANCEL.set(cancel.clone());
    if program.cancelled {
        cancel.cancel();
    }
    let outcome = |result: Result<Value, Error>, fuel_left| match result {
        Ok(value) => Outcome::Value { value: engines::bits(&value), fuel_left },
        Err(error) => engines::failure(&error, fuel_left),
    };
    let mut args: Vec<Arg<'_>> = program.inputs.iter().filter_map(|(_, value)| value.as_arg()).collect();
    let result = module.run_in(&mut sandbox, &mut args);
    seen.outcomes.push(outcome(result, sandbox.fuel_left()));
    if let Some(entry) = &program.entry {
        if !program.cancelled {
            cancel.reset();
        }
        let mut values = entry.clone();
        let mut args: Vec<Arg<'_>> = Vec::new();
        for (value, mutable) in &mut values {
            match (value, *mutable) {
                (Value::Array(array), true) => args.push(Arg::SliceMut(array.as_slice_mut())),
                (value, _) => args.extend(value.as_arg()),
            }
        }
        let result = module.call_in(&mut sandbox, "entry", &mut args);
        drop(args);
        seen.outcomes.push(outcome(result, sandbox.fuel_left()));
        seen.arrays = values.iter().filter(|(_, mutable)| *mutable).map(|(value, _)| engines::bits(value)).collect();
    }
    seen.calls = CALLS.with_borrow_mut(std::mem::take);
    seen
}

/// Cuts and zeroes bytes for as long as what they stand for fails and a fixed effort lasts.
fn shrink(mut data: Vec<u8>, fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut tries = 4_000;
    let mut attempt = |data: &mut Vec<u8>, smaller: Vec<u8>| {
        let better = tries > 0 && smaller != *data && fails(&smaller);
        tries = i32::max(tries - 1, 0);
        if better {
            *data = smaller;
        }
        better
    };
    let mut progress = true;
    while progress {
        progress = false;
        let mut chunk = data.len().max(1);
        while chunk > 0 {
            let mut at = 0;
            while at < data.len() {
                let end = (at + chunk).min(data.len());
                let cut = [&data[..at], &data[end..]].concat();
                if attempt(&mut data, cut) {
                    progress = true;
                    continue;
                }
                let mut zeroed = data.clone();
                zeroed[at..end].fill(0);
                progress |= attempt(&mut data, zeroed);
                at += chunk;
            }
            chunk /= 2;
        }
    }
    data
}
