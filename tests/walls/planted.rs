//! Bugs planted in the code generator, each in a process of its own, and the wall that catches it; then the next one, with that wall down.
//!
//! A wrong value within the program's own arrays passes every wall at run time: it is no escape, and what catches it is the comparison of engines
//! (`tests/engines.rs`, `tests/differential.rs`), here called `comparison`.

use crate::apart;
use crate::process::{End, end_and_errors};
use cresset::codegen::planted::{Bug, plant, times};
use cresset::opt::Passes;
use cresset::walls::{Wall, take_down};
use cresset::{Arg, Buffer, Config, Engine, Error, Execution, Limits, columns};

/// An argument of a case's function `f`. The arrays end where their mapping does: what is behind is a guard.
#[derive(Clone, Copy)]
enum Given {
    Floats,
    Singles,
    Ints,
    Bytes,
    Int(i64),
    Float(f64),
}
use Given::{Bytes, Float, Floats, Int, Ints, Singles};

struct Case {
    bug: Bug,
    text: &'static str,
    given: &'static [Given],
    /// The walls that catch it: the first, then the next where that one is down, and so on.
    walls: &'static [&'static str],
}

const CLASSIFIER: &str = "trap classifier";
const PAGES: &str = "pages without access";
const COMPARISON: &str = "comparison";
const CHECKER: &str = "regalloc checker";
const VERIFY: &str = "ir::verify";
const VERIFIER: &str = "verifier";
const SITES: &str = "table of sites";
const PROCESSOR: &str = "the processor";
const TRAPS: &str = "trap bytes";
const HARMLESS: &str = "nothing: it does no harm";
/// Code that neither meters nor ends.
const HANGS: &str = "nothing: it hangs";

const AT: &str = "fn f(xs: [f64], i: i64) = xs[i];";
/// With two words in the pool: where traps go, and a number that as an address lies in the page at zero. What a processor does when it is
/// sent to an address that no page can have, as most numbers are, differs from maker to maker.
const AT_AND_A_LITTLE: &str = "fn f(xs: [f64], i: i64) = xs[i] + 5e-321;";
const SUM: &str = "fn f(xs: [f64]) -> f64 { var s = 0.0; for i in 0..len(xs) { s += xs[i]; } s }";
const FIB: &str = "fn f(n: i64) -> i64 { if n < 2 { n } else { f(n - 1) + f(n - 2) } }";
/// More values live across a call than there are registers.
const CROWD: &str = "fn g(n: i64) -> i64 { if n < 1 { 0 } else { wrapping_add(g(n - 1), n) } }
    fn f(n: i64) -> i64 {
        let a = wrapping_mul(n, 3); let b = wrapping_mul(n, 5); let c = wrapping_mul(n, 7); let d = wrapping_mul(n, 9);
        let e = wrapping_mul(n, 11); let h = wrapping_mul(n, 13); let i = wrapping_mul(n, 15); let j = wrapping_mul(n, 17);
        let k = if n < 1 { g(3) } else { f(n - 1) };
        wrapping_add(bit_xor(a, rotl(b, 3)), bit_xor(wrapping_sub(c, d), rotl(e, 9))) % 1000 + k % 1000 - bit_and(bit_xor(h, i), rotl(j, 5)) % 1000
    }";
/// Stands for [`large_frame`].
const LARGE_FRAME: &str = "a large frame";
const NARROW: &str = "fn f(mut ns: [i32], i: i64, n: i64) { ns[i] = n; }";

const CASES: &[Case] = &[
    Case { bug: Bug::UncheckedIndex, text: AT, given: &[Floats, Int(512)], walls: &[VERIFY] },
    Case { bug: Bug::UseBeforeDefinition, text: "fn f(x) = x * x + 1;", given: &[Float(2.0)], walls: &[VERIFY] },
    Case { bug: Bug::TypeConfusion, text: "fn f(x) = x * x + 1;", given: &[Float(2.0)], walls: &[VERIFY] },
    Case { bug: Bug::MissingBoundsCheck, text: AT, given: &[Floats, Int(512)], walls: &[VERIFIER, CLASSIFIER, PAGES] },
    Case { bug: Bug::MissingBoundsCheck, text: AT, given: &[Floats, Int(-1)], walls: &[VERIFIER, CLASSIFIER, PAGES] },
    Case {
        bug: Bug::MissingBoundsCheck,
        text: AT,
        given: &[Floats, Int(1 << 60)],
        walls: &[VERIFIER, CLASSIFIER, PAGES],
    },
    Case {
        bug: Bug::MissingSliceCheck,
        text: "fn f(xs: [f64], i: i64) -> f64 { let part = xs[i..]; part[0] }",
        given: &[Floats, Int(513)],
        walls: &[VERIFIER, CLASSIFIER, PAGES],
    },
    Case { bug: Bug::StaleLength, text: AT, given: &[Floats, Int(600)], walls: &[VERIFIER, CLASSIFIER, PAGES] },
    Case { bug: Bug::SwappedCheck, text: AT, given: &[Floats, Int(600)], walls: &[VERIFIER, CLASSIFIER, PAGES] },
    Case { bug: Bug::SwappedCheck, text: AT, given: &[Floats, Int(6)], walls: &[VERIFIER, COMPARISON] },
    Case {
        bug: Bug::MissingOverflowCheck,
        text: "fn f(n: i64) = n + n;",
        given: &[Int(i64::MAX)],
        walls: &[COMPARISON],
    },
    Case {
        bug: Bug::UncheckedDivisor,
        text: "fn f(n: i64, m: i64) = div(n, m);",
        given: &[Int(7), Int(0)],
        walls: &[VERIFIER, CLASSIFIER, PROCESSOR],
    },
    Case {
        bug: Bug::UncheckedDivisor,
        text: "fn f(n: i64, m: i64) = div(n, m);",
        given: &[Int(i64::MIN), Int(-1)],
        walls: &[VERIFIER, CLASSIFIER, PROCESSOR],
    },
    Case { bug: Bug::MissingFuel, text: SUM, given: &[Floats], walls: &[VERIFIER, COMPARISON] },
    Case { bug: Bug::WrongDepth, text: FIB, given: &[Int(150)], walls: &[VERIFIER, COMPARISON] },
    Case { bug: Bug::MissingLeave, text: FIB, given: &[Int(15)], walls: &[VERIFIER, COMPARISON] },
    Case {
        bug: Bug::MissingRelease,
        text: "fn f(n: i64) -> i64 { var s = 0; for i in 0..n { s += len([i; 50]); } s }",
        given: &[Int(9000)],
        walls: &[COMPARISON],
    },
    Case { bug: Bug::InvertedBranch, text: FIB, given: &[Int(10)], walls: &[COMPARISON] },
    Case { bug: Bug::WrongCondition, text: SUM, given: &[Floats], walls: &[VERIFIER, CLASSIFIER, PAGES] },
    Case {
        bug: Bug::WideLoad,
        text: "fn f(ys: [f32], i: i64) = ys[i];",
        given: &[Singles, Int(1023)],
        walls: &[VERIFIER, CLASSIFIER, PAGES],
    },
    Case {
        bug: Bug::WideLoad,
        text: "fn f(ys: [f32], i: i64) = ys[i];",
        given: &[Singles, Int(5)],
        walls: &[VERIFIER, COMPARISON],
    },
    Case {
        bug: Bug::WideStore,
        text: NARROW,
        given: &[Ints, Int(1023), Int(7)],
        walls: &[VERIFIER, CLASSIFIER, PAGES],
    },
    Case { bug: Bug::WideStore, text: NARROW, given: &[Ints, Int(5), Int(7)], walls: &[VERIFIER, COMPARISON] },
    Case { bug: Bug::WideLanes, text: "kernel: y + 1", given: &[], walls: &[VERIFIER, CLASSIFIER, PAGES] },
    Case { bug: Bug::SwappedLanes, text: "kernel: if y > 5 { sqrt(y) } else { y }", given: &[], walls: &[COMPARISON] },
    Case {
        bug: Bug::WrongScale,
        text: "fn f(bs: [u8], i: i64) -> i64 { let part = bs[i..]; part[3] }",
        given: &[Bytes, Int(4000)],
        walls: &[VERIFIER, CLASSIFIER, PAGES],
    },
    Case { bug: Bug::WrongBase, text: AT, given: &[Floats, Int(5)], walls: &[CHECKER, VERIFIER, CLASSIFIER, PAGES] },
    Case {
        bug: Bug::SwappedRegisters,
        text: "fn f(x, y) = x - y;",
        given: &[Float(2.0), Float(3.0)],
        walls: &[CHECKER, COMPARISON],
    },
    Case {
        bug: Bug::ClobberedContext,
        text: "fn f(n: i64) -> i64 { div(wrapping_add(n, 12345678901), n) }",
        given: &[Int(0)],
        walls: &[CHECKER, VERIFIER, PAGES],
    },
    Case { bug: Bug::LostMove, text: CROWD, given: &[Int(5)], walls: &[CHECKER, COMPARISON] },
    Case { bug: Bug::WrongSlot, text: CROWD, given: &[Int(5)], walls: &[CHECKER, COMPARISON] },
    Case { bug: Bug::MissingRestore, text: CROWD, given: &[Int(5)], walls: &[VERIFIER, COMPARISON] },
    Case { bug: Bug::WrongFrameOffset, text: CROWD, given: &[Int(5)], walls: &[VERIFIER, COMPARISON] },
    Case { bug: Bug::UnevenFrame, text: CROWD, given: &[Int(5)], walls: &[VERIFIER, PAGES] },
    Case {
        bug: Bug::MissingReturn,
        text: "fn f(n: i64) = wrapping_add(n, 1);",
        given: &[Int(2)],
        walls: &[VERIFIER, TRAPS],
    },
    // Behind the last instruction stands the function's cold stub, which goes back into it: an endless loop that no fuel is counted in.
    Case { bug: Bug::MissingReturn, text: "fn f(x) = x + 1;", given: &[Float(2.0)], walls: &[VERIFIER, HANGS] },
    // The stack has room for all frames that a call may have, whether they are touched in order or not.
    Case { bug: Bug::MissingProbe, text: LARGE_FRAME, given: &[Int(90)], walls: &[VERIFIER, HARMLESS] },
    Case { bug: Bug::UnderstatedFrame, text: LARGE_FRAME, given: &[Int(90)], walls: &[VERIFIER, CLASSIFIER, PAGES] },
    Case {
        bug: Bug::WrongConstant,
        text: "fn f(n: i64) = wrapping_mul(n, 1000003) + 12345678901;",
        given: &[Int(3)],
        walls: &[COMPARISON],
    },
    Case {
        bug: Bug::MissingCanonical,
        text: "fn f(x, y) = bits(x - y);",
        given: &[Float(f64::INFINITY), Float(f64::INFINITY)],
        walls: &[COMPARISON],
    },
    Case { bug: Bug::WrongTrap, text: AT, given: &[Floats, Int(512)], walls: &[COMPARISON] },
    Case { bug: Bug::WrongPlace, text: AT, given: &[Floats, Int(512)], walls: &[COMPARISON] },
    Case { bug: Bug::MissingSites, text: AT, given: &[Floats, Int(512)], walls: &[VERIFIER, SITES] },
    Case { bug: Bug::WrongPoolWord, text: AT_AND_A_LITTLE, given: &[Floats, Int(512)], walls: &[VERIFIER, PAGES] },
    Case { bug: Bug::FlippedBit, text: AT, given: &[Floats, Int(5)], walls: &[VERIFIER, CLASSIFIER, PAGES] },
];

/// A function that calls itself with hundreds of values in its frame.
fn large_frame() -> String {
    let values = 0..700;
    let made: String = values.clone().map(|i| format!("let a{i} = bit_xor(rotl(n, {}), {i});\n", i % 63 + 1)).collect();
    let used: String = values.map(|i| format!("r = wrapping_add(rotl(r, 1), a{i});\n")).collect();
    format!("fn f(n: i64) -> i64 {{\n{made}var r = if n < 1 {{ 0 }} else {{ f(n - 1) }};\n{used}r }}")
}

fn filled<T: cresset::Plain>(values: impl Iterator<Item = T>) -> Result<Buffer<T>, Error> {
    let values: Vec<T> = values.collect();
    let mut buffer = Buffer::new(values.len())?;
    buffer.copy_from_slice(&values);
    Ok(buffer)
}

/// What a host sees of a call.
fn observe(engine: &Engine, case: &Case) -> Result<String, Error> {
    if let Some(formula) = case.text.strip_prefix("kernel: ") {
        let singles = filled::<f32>((0..1024).map(|i| i as f32 + 0.25))?;
        let results = engine.kernel(formula)?.map::<f64>(&columns! { "y" => &singles[..] })?;
        return Ok(format!("{results:?}"));
    }
    let large = large_frame();
    let module = engine.compile(if case.text == LARGE_FRAME { &large } else { case.text })?;
    let mut floats = filled::<f64>((0..512).map(|i| f64::from(i) * 0.5))?;
    let mut singles = filled::<f32>((0..1024).map(|i| i as f32 + 0.25))?;
    let mut ints = filled::<i32>((0..1024).map(|i| i * 7 - 99))?;
    let mut bytes = filled::<u8>((0..4096).map(|i| i as u8))?;
    let mut args = Vec::new();
    let (mut f, mut s, mut n, mut b) = (Some(&mut floats), Some(&mut singles), Some(&mut ints), Some(&mut bytes));
    for given in case.given {
        args.push(match *given {
            Given::Floats => Arg::from(f.take().unwrap()),
            Given::Singles => Arg::from(s.take().unwrap()),
            Given::Ints => Arg::from(n.take().unwrap()),
            Given::Bytes => Arg::from(b.take().unwrap()),
            Given::Int(n) => Arg::I64(n),
            Given::Float(x) => Arg::F64(x),
        });
    }
    let limits = Limits::default().fuel(1_000_000).depth(100).memory(1 << 20);
    let mut sandbox = engine.sandbox(limits)?;
    let outcome = module.call_in(&mut sandbox, "f", &mut args);
    drop(args);
    let outcome = match outcome {
        Ok(value) => format!("{value:?}"),
        Err(Error::Trap(trap)) => format!("{trap:?}"),
        Err(error) => return Err(error),
    };
    let contents: u64 = ints.iter().fold(0, |sum, n| sum.wrapping_mul(31).wrapping_add(*n as u64));
    Ok(format!("{outcome} {:?} {contents}", sandbox.fuel_left()))
}

/// The wall that catches a bug, with some of them down.
fn caught_by(case: &Case, down: &[Wall]) -> String {
    let (end, told) = end_and_errors(|| {
        // SAFETY: ends a child that hangs.
        unsafe { libc::alarm(4) };
        let say = |text: &str| {
            let text = format!("caught by {text}.");
            // SAFETY: writes the text and ends the child.
            unsafe {
                libc::write(2, text.as_ptr().cast(), text.len());
                libc::_exit(0)
            }
        };
        let reference = Config::new().execution(Execution::Interpreter).engine().unwrap();
        let expected = observe(&reference, case).unwrap();
        let mut config = Config::new().execution(Execution::Jit).catch_faults(true).verify(true);
        config.passes = Passes { inline: false, ..Passes::ALL };
        let engine = config.engine().unwrap();
        assert_eq!(observe(&engine, case).unwrap(), expected, "without a bug");
        down.iter().for_each(|wall| take_down(*wall));
        plant(Some(case.bug));
        let rejections = cresset::verify::rejections();
        assert_eq!(rejections, 0, "without a bug");
        match observe(&engine, case) {
            Ok(_) if times() == 0 => say("nobody: it was not planted"),
            // It was made again with every check, which may meet the bug in its turn, or row by row.
            Ok(_) if cresset::verify::rejections() > rejections => say(VERIFIER),
            Ok(got) if got == expected => say(HARMLESS),
            Ok(_) => say(COMPARISON),
            Err(error) => match error.to_string() {
                text if text.contains("ir::verify") => say(VERIFY),
                text if text.contains("regalloc checker") => say(CHECKER),
                text if text.contains("the code was refused") => say(VERIFIER),
                text => say(&text),
            },
        }
    });
    match end {
        End::Exit(0) => {
            told.rsplit_once("caught by ").map_or(told.as_str(), |(_, wall)| wall.trim_end_matches('.')).to_owned()
        }
        End::Signal(libc::SIGABRT) if told.contains("generated code faulted where it must not") => {
            CLASSIFIER.to_owned()
        }
        End::Signal(libc::SIGABRT) => SITES.to_owned(),
        End::Signal(libc::SIGTRAP) => TRAPS.to_owned(),
        End::Signal(libc::SIGALRM) => HANGS.to_owned(),
        End::Signal(libc::SIGFPE) => PROCESSOR.to_owned(),
        End::Signal(libc::SIGSEGV | libc::SIGBUS | libc::SIGILL) => PAGES.to_owned(),
        end => format!("{end:?}: {told}"),
    }
}

/// The wall by its name, where a test can take it down.
fn wall_of(name: &str) -> Option<Wall> {
    match name {
        CLASSIFIER => Some(Wall::Classifier),
        CHECKER => Some(Wall::AllocationChecker),
        VERIFIER => Some(Wall::Verifier),
        _ => None,
    }
}

#[test]
fn each_planted_bug_meets_its_walls() {
    if !apart("planted::each_planted_bug_meets_its_walls") {
        return;
    }
    let (mut table, mut wrong) = (String::new(), Vec::new());
    for case in CASES {
        let mut down = Vec::new();
        let mut found = Vec::new();
        loop {
            let wall = caught_by(case, &down);
            let next = wall_of(&wall).filter(|wall| !down.contains(wall));
            found.push(wall);
            match next {
                Some(wall) => down.push(wall),
                None => break,
            }
        }
        table += &format!("{:?} · {}\n", case.bug, found.join(" > "));
        if found != case.walls {
            wrong.push(format!("{:?} {}: {}, not {}", case.bug, case.text, found.join(" > "), case.walls.join(" > ")));
        }
    }
    println!("planted bug · caught by > with that wall down\n{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let untested: Vec<_> = Bug::ALL.iter().filter(|bug| CASES.iter().all(|case| case.bug != **bug)).collect();
    assert!(untested.is_empty(), "{untested:?}");
}
