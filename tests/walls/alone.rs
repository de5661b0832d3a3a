//! Each wall taken down by itself: what tries to escape then meets another one.

use crate::process::{End, end_and_errors};
use crate::{apart, process::in_child};
use cresset::memory::GUARD_SIZE;
use cresset::walls::{Wall, take_down};
use cresset::{Arg, Buffer, Config, Engine, Error, Execution, Limits, TrapKind, Value};

const REPORT: &str = "generated code faulted where it must not";

fn engine() -> Engine {
    let limits = Limits::default().fuel(100_000).memory(16 << 20);
    let verify = cfg!(target_arch = "x86_64");
    Config::new().execution(Execution::Jit).catch_faults(true).verify(verify).limits(limits).engine().unwrap()
}

/// What became of a text, as `tests/evil/EXPECTED.txt` says it.
fn fate(engine: &Engine, text: &[u8]) -> String {
    match engine.compile_bytes(text, &[]).and_then(|module| module.run(&mut [])) {
        Ok(Value::Unit) => "value ()".to_owned(),
        Ok(Value::I64(n)) => format!("value {n}"),
        Ok(Value::F64(x)) => format!("value {x:?}"),
        Ok(other) => format!("value {other:?}"),
        Err(Error::Source(error)) => format!("error {}", error.diagnostics[0].code),
        Err(Error::Trap(trap)) => format!("trap {}", trap.kind),
        Err(other) => format!("other {other}"),
    }
}

/// The hostile texts and their fates.
fn evil() -> Vec<(String, Vec<u8>, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evil");
    let table = std::fs::read_to_string(folder.join("EXPECTED.txt")).unwrap();
    let lines = table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once(' ').unwrap());
    let text = |name: &str| std::fs::read(folder.join(format!("{name}.cresset"))).unwrap();
    lines.map(|(name, fate)| (name.to_owned(), text(name), fate.trim().to_owned())).collect()
}

#[test]
fn hostile_texts_meet_their_fates_though_a_wall_is_down() {
    if !apart("alone::hostile_texts_meet_their_fates_though_a_wall_is_down") {
        return;
    }
    let texts = evil();
    assert!(texts.len() >= 40);
    for wall in Wall::ALL.into_iter().filter(|wall| *wall != Wall::BoundsChecks) {
        in_child(|| {
            take_down(wall);
            let engine = engine();
            for (name, text, expected) in &texts {
                assert_eq!(&fate(&engine, text), expected, "{name} without {wall:?}");
            }
        });
    }
}

/// Indices past either end of an array in a mapping of its own: near, and far.
const WILD: [i64; 9] = [512, 513, 1000, 8000, -1, -8000, 1 << 40, i64::MAX, i64::MIN];

/// Reads or writes at an index; the trap, if it is the right one.
fn reach(engine: &Engine, index: i64, writes: bool) -> bool {
    let text = "fn get(xs: [f64], i: i64) = xs[i]; fn set(mut xs: [f64], i: i64) { xs[i] = 1; }";
    let module = engine.compile(text).unwrap();
    let mut buffer = Buffer::<f64>::new(512).unwrap();
    let name = if writes { "set" } else { "get" };
    let outcome = module.call(name, &mut [Arg::from(&mut buffer), Arg::I64(index)]);
    outcome.err().and_then(|error| error.trap().map(|trap| (trap.kind, trap.bounds)))
        == Some((TrapKind::OutOfBounds, Some((index, 512))))
}

#[test]
fn without_checks_the_pages_and_the_classifier_hold() {
    if !apart("alone::without_checks_the_pages_and_the_classifier_hold") {
        return;
    }
    // Eight times the least index is 0, an element of the array: the comparison of engines tells.
    let wild = WILD.iter().filter(|index| **index != i64::MIN);
    for (index, writes) in wild.flat_map(|index| [(*index, false), (*index, true)]) {
        let (end, told) = end_and_errors(|| {
            take_down(Wall::Verifier);
            take_down(Wall::BoundsChecks);
            reach(&engine(), index, writes);
        });
        assert!(end == End::Signal(libc::SIGABRT) && told.contains(REPORT), "{index} {writes}: {end:?} {told}");
    }
    // Between arrays of one program there is no page without access: what is read there is the program's own, and the comparison of engines tells.
    for (name, text, expected) in evil().into_iter().filter(|(.., fate)| fate == "trap OutOfBounds") {
        let (end, told) = end_and_errors(|| {
            take_down(Wall::Verifier);
            take_down(Wall::BoundsChecks);
            let got = fate(&engine(), &text);
            assert_ne!(got, expected, "the check was not taken down");
        });
        let reported = end == End::Signal(libc::SIGABRT) && told.contains(REPORT);
        let is_slice = name.starts_with("slice");
        assert!(reported || end == End::Exit(0) || is_slice, "{name}: {end:?} {told}");
    }
}

/// Code without checks, no page without access, nobody who reports faults: the verifier lets none of it become executable, so that the interpreter runs it or nothing does.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_verifier_alone_holds() {
    if !apart("alone::the_verifier_alone_holds") {
        return;
    }
    let others = Wall::ALL.into_iter().filter(|wall| !matches!(wall, Wall::Verifier | Wall::ForkGate));
    in_child(|| {
        others.clone().for_each(take_down);
        let text = "fn get(xs: [f64], i: i64) = xs[i]; fn set(mut xs: [f64], i: i64) { xs[i] = 1; }";
        let refused = engine().compile(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("the code was refused"), "{refused}");
        let before = cresset::verify::rejections();
        assert!(before > 0);
        let limits = Limits::default().fuel(100_000).memory(16 << 20);
        let auto = Config::new().verify(true).limits(limits).engine().unwrap();
        assert!(WILD.iter().all(|index| reach(&auto, *index, false) && reach(&auto, *index, true)));
        assert!(cresset::verify::rejections() > before);
        for (name, text, expected) in evil() {
            assert_eq!(fate(&auto, &text), expected, "{name}");
        }
    });
    // And without it, the same is no trap.
    let (end, told) = end_and_errors(|| {
        others.clone().for_each(take_down);
        take_down(Wall::Verifier);
        let limits = Limits::default().fuel(100_000).memory(16 << 20);
        let auto = Config::new().verify(true).limits(limits).engine().unwrap();
        let holds = WILD.iter().all(|index| reach(&auto, *index, false) && reach(&auto, *index, true));
        assert!(!holds);
    });
    assert!(end == End::Exit(0) || end == End::Signal(libc::SIGSEGV), "{end:?} {told}");
}

#[test]
fn without_guards_the_checks_hold() {
    in_child(|| {
        take_down(Wall::Guards);
        let buffer = Buffer::<f64>::new(512).unwrap();
        let [before, behind] = buffer.guards();
        for address in [before.start, before.end - 8, behind.start, behind.start + GUARD_SIZE - 8] {
            crate::process::assert_read_write(address);
        }
        let engine = Config::new().execution(Execution::Jit).engine().unwrap();
        assert!(WILD.iter().all(|index| reach(&engine, *index, false) && reach(&engine, *index, true)));
    });
}

#[test]
fn without_the_classifier_checks_hold_and_the_pages_end_the_process() {
    if !apart("alone::without_the_classifier_checks_hold_and_the_pages_end_the_process") {
        return;
    }
    in_child(|| {
        take_down(Wall::Classifier);
        let engine = engine();
        assert!(WILD.iter().all(|index| reach(&engine, *index, false) && reach(&engine, *index, true)));
    });
    let (end, told) = end_and_errors(|| {
        take_down(Wall::Classifier);
        take_down(Wall::Verifier);
        take_down(Wall::BoundsChecks);
        reach(&engine(), 512, true);
    });
    assert!(end == End::Signal(libc::SIGSEGV) && !told.contains(REPORT), "{end:?} {told}");
}

/// Rounding upward: the comparison of engines sees it. Exceptions that are not masked: the first one is a fault of our code.
#[cfg(target_arch = "x86_64")]
#[test]
fn without_the_check_of_floating_point_control_others_tell() {
    if !apart("alone::without_the_check_of_floating_point_control_others_tell") {
        return;
    }
    let set = |word: u32| {
        // SAFETY: a word without reserved bits.
        unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &word) };
    };
    let third = |engine: &Engine| {
        let f = engine.compile("fn f(x, y) = x / y;").unwrap().func::<fn(f64, f64) -> f64>("f").unwrap();
        move |x, y| f.call((x, y)).unwrap()
    };
    in_child(|| {
        let engine = engine();
        let divide = third(&engine);
        let expected = divide(1.0, 3.0);
        set(0x1F80 | 0x4000);
        assert_eq!(divide(1.0, 3.0), expected);
        take_down(Wall::FpEnvironment);
        assert_ne!(divide(1.0, 3.0), expected);
        cresset::walls::put_up();
        assert_eq!(divide(1.0, 3.0), expected);
        set(0x1F80);
    });
    let (end, told) = end_and_errors(|| {
        let engine = engine();
        let divide = third(&engine);
        set(0x1F80 & !0x0200);
        assert_eq!(divide(1.0, 0.0), f64::INFINITY);
        take_down(Wall::FpEnvironment);
        divide(1.0, 0.0);
    });
    assert!(end == End::Signal(libc::SIGABRT) && told.contains(REPORT), "{end:?} {told}");
}
