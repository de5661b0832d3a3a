//! Every program and every Rust example runs, and says what is known to be true.

use cresset::host::{HostFn, HostParams, IntoHostFn};
use cresset::{Config, Error, Execution, HostError, Limits, Type, Value};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

type Printed = Arc<Mutex<String>>;

fn add(printed: &Printed, text: &str) {
    printed.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
}

/// The command line's host functions, writing into a string.
fn with_printing(execution: Execution, printed: &Printed) -> Config {
    // Far less than a call may use by default: these are small programs.
    let limits = Limits::default().fuel(100_000_000).memory(16 << 20);
    let mut config = Config::new().execution(execution).limits(limits);
    let out = printed.clone();
    let print = move |args: &[Value]| {
        let word = |value: &Value| match value {
            Value::F64(x) => format!("{x:?}"),
            Value::I64(n) => n.to_string(),
            Value::Bool(b) => b.to_string(),
            other => panic!("print takes scalars, not {}", other.ty()),
        };
        let words: Vec<String> = args.iter().map(word).collect();
        add(&out, &(words.join(" ") + "\n"));
        Ok(Value::Unit)
    };
    let params = HostParams::Scalars;
    config.add_host_fn(HostFn::new("print", params, Type::Unit, print));
    let out = printed.clone();
    let put = move |c: i64| -> Result<(), HostError> {
        let c = u32::try_from(c).ok().and_then(char::from_u32).ok_or(HostError::BadArgument)?;
        add(&out, c.encode_utf8(&mut [0; 4]));
        Ok(())
    };
    config.add_host_fn(put.into_host_fn("put"));
    let out = printed.clone();
    let put_number = move |x: f64, width: i64, digits: i64| {
        add(&out, &format!("{x:>width$.digits$}", width = width as usize, digits = digits as usize));
    };
    config.add_host_fn(put_number.into_host_fn("put_number"));
    config
}

#[track_caller]
fn run(name: &str, execution: Execution) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(format!("{name}.cresset"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let printed = Printed::default();
    let engine = with_printing(execution, &printed).engine().expect("an engine");
    let outcome = engine.compile(&text).and_then(|module| module.run(&mut []));
    assert_eq!(outcome.unwrap_or_else(|error| panic!("{name}: {error}")), Value::Unit, "{name}");
    let printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
    printed.clone()
}

/// What a program prints, the same both ways.
#[track_caller]
fn printed(name: &str) -> String {
    let fast = run(name, Execution::Auto);
    assert_eq!(fast, run(name, Execution::Interpreter), "{name}");
    fast
}

/// The numbers of each line; other words are left out.
fn numbers(text: &str) -> Vec<Vec<f64>> {
    text.lines().map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect()).collect()
}

#[track_caller]
fn close(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{got}, not {expected}");
}

#[test]
fn every_program_has_a_test() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let lines = std::fs::read_to_string(&path).expect("a text").lines().count();
        let tested = include_str!("examples.rs");
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("cresset") => {
                assert!(tested.contains(&format!("printed(\"{name}\")")), "{name} has no test");
                assert!(lines <= 80, "{name} has {lines} lines");
            }
            Some("rs") => {
                assert!(tested.contains(&format!("{name}::run")), "{name} has no test");
                assert!(lines <= 60, "{name} has {lines} lines");
            }
            other => panic!("{name} with {other:?} is no example"),
        }
        names.insert(name);
    }
    assert!(names.len() >= 17, "{names:?}");
}

#[test]
fn mandelbrot_draws_the_set_and_its_mirror_image() {
    let text = printed("mandelbrot");
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 30);
    assert!(rows.iter().all(|row| row.chars().count() == 78), "{text}");
    let mirrored: Vec<&str> = rows.iter().rev().copied().collect();
    assert_eq!(rows, mirrored, "the set is symmetric");
    // The area of the set is about 1.5066; a character stands for so much of the plane.
    let inside = text.chars().filter(|&c| c == '█').count() as f64;
    close(inside * (2.85 / 77.0) * (2.36 / 29.0), 1.5066, 0.08);
}

#[test]
fn nbody_has_the_energies_of_the_benchmark() {
    assert_eq!(printed("nbody"), " -0.169075164 -0.169087605\n");
}

#[test]
fn sieve_finds_the_primes_below_100_000() {
    let last = " 99991 99989 99971 99961 99929 99923 99907 99901 99881 99877";
    assert_eq!(printed("sieve"), format!("9592\n{last}\n"));
}

#[test]
fn loan_is_paid_back() {
    let text = printed("loan");
    let lines = numbers(&text);
    assert_eq!(lines.len(), 13);
    assert_eq!(lines[0], [1.0, 856.07, 41.67, 814.40, 9185.60]);
    assert_eq!(lines[11][4], 0.0);
    let sum = |column: usize| lines[..12].iter().map(|line| line[column]).sum::<f64>();
    close(sum(3), 10_000.0, 1e-6);
    close(sum(2), 272.89, 1e-6);
    assert_eq!(lines[12], [272.89]);
}

#[test]
fn black_scholes_gives_the_textbook_prices() {
    let text = printed("black_scholes");
    let lines = numbers(&text);
    // At the money: call 10.4506, put 5.5735, delta 0.6368, gamma 0.01876, vega 0.3752.
    assert_eq!(lines[4], [100.0, 10.4506, 0.6368, -0.0176, 5.5735, -0.3632, -0.0045, 0.01876, 0.3752]);
    assert_eq!(lines.len(), 10);
    assert!(text.ends_with("\ntrue\n"), "put-call parity");
}

#[test]
fn lorenz_has_two_wings_and_order_four() {
    let text = printed("lorenz");
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 29);
    let drawn = |left: bool| {
        let marked = |row: &&str| row.chars().enumerate().filter(|&(i, c)| (i < 38) == left && c != ' ').count();
        rows[..28].iter().map(marked).sum::<usize>()
    };
    assert!(drawn(true) > 300 && drawn(false) > 300);
    close(numbers(&text)[28][0], 16.0, 0.5);
}

#[test]
fn sort_sorts() {
    let text = printed("sort");
    let lines = numbers(&text);
    assert!(lines[0][0] < 1_000.0 && lines[0][2] > 999_000.0, "{text}");
    close(lines[0][1], 500_000.0, 10_000.0);
    assert!(text.ends_with("\ntrue true\n"), "{text}");
}

#[test]
fn collatz_finds_the_longest_chain() {
    assert!(printed("collatz").starts_with("230631 443\n"));
}

#[test]
fn matrix_inverts_hilberts() {
    let text = printed("matrix");
    let inverse = [
        vec![16.0, -120.0, 240.0, -140.0],
        vec![-120.0, 1200.0, -2700.0, 1680.0],
        vec![240.0, -2700.0, 6480.0, -4200.0],
        vec![-140.0, 1680.0, -4200.0, 2800.0],
    ];
    assert_eq!(numbers(&text)[5..9], inverse);
    // 1 / 6048000 is the determinant, 1 + 1/3 + 1/5 + 1/7 the trace.
    assert!(text.ends_with("\n6048000.0 1.676190476190476 true\n"), "{text}");
}

#[test]
fn newton_finds_the_roots() {
    let text = printed("newton");
    let lines = numbers(&text);
    close(lines[0][0], 2.094551481542326_5, 2e-15);
    let outer = (5.0 + 2.0 * (10.0_f64 / 7.0).sqrt()).sqrt() / 3.0;
    let inner = (5.0 - 2.0 * (10.0_f64 / 7.0).sqrt()).sqrt() / 3.0;
    assert_eq!(lines.len(), 6);
    for (line, root) in lines[1..].iter().zip([-outer, -inner, 0.0, inner, outer]) {
        close(line[0], root, 1e-15);
    }
}

#[test]
fn pid_holds_the_temperature() {
    let text = printed("pid");
    let lines = numbers(&text);
    let [highest, lowest, last] = lines.last().expect("a last line")[..] else { panic!("{text}") };
    assert!(180.0 < highest && highest < 190.0, "overshoot: {highest}");
    assert!(150.0 < lowest && lowest < 175.0, "the open door: {lowest}");
    close(last, 180.0, 1.0);
    assert_eq!(text.lines().count(), 23);
}

#[test]
fn monte_carlo_comes_near_pi() {
    let text = printed("monte_carlo");
    let lines = numbers(&text);
    assert!(text.starts_with("5180492295206395165\n"), "the generator's first number");
    let [thrown, estimate, error, expected] = lines.last().expect("a last line")[..] else { panic!("{text}") };
    assert_eq!(thrown, 200_000.0);
    close(estimate, std::f64::consts::PI, 3.0 * expected);
    close(estimate - std::f64::consts::PI, error, 1e-6);
}

#[test]
fn life_sends_a_glider_every_30_generations() {
    let text = printed("life");
    let counts: Vec<&str> = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(counts, ["0 36", "30 41", "60 46"]);
    // The gun itself is as before.
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows[..5], rows[15..20]);
    assert_eq!(rows[..5], rows[30..35]);
}

#[test]
fn statistics_describes_a_bell_curve() {
    let text = printed("statistics");
    let lines = numbers(&text);
    let [mean, deviation, skewness, kurtosis] = lines[0][..] else { panic!("{text}") };
    close(mean, 100.0, 0.5);
    close(deviation, 15.0, 0.3);
    close(skewness, 0.0, 0.06);
    close(kurtosis, 3.0, 0.15);
    let counted: f64 = lines[1..].iter().filter_map(|line| line.last()).sum();
    assert!(19_900.0 < counted && counted <= 20_000.0, "{counted}");
    // 100 is the middle of its bar: about 13.2 % of all measurements are in it.
    close(lines[11][1], 20_000.0 * 0.1322, 150.0);
}

#[test]
fn queens_are_counted_and_placed() {
    let text = printed("queens");
    assert!(text.starts_with("1 1\n2 0\n3 0\n4 2\n5 10\n6 4\n7 40\n8 92\n"), "{text}");
    assert_eq!(text.matches('♛').count(), 8);
}

#[test]
fn fft_finds_the_tones() {
    let text = printed("fft");
    let lines = numbers(&text);
    let tones: Vec<f64> = lines[..3].iter().map(|line| line[0]).collect();
    assert_eq!(tones, [50.0, 120.0, 301.0]);
    for (line, strength) in lines.iter().zip([1.0, 0.5, 0.25]) {
        close(line[1], strength, 0.03);
    }
    assert!(text.ends_with("\ntrue\n") && lines.len() == 4, "{text}");
}

#[path = "../examples/cancel.rs"]
#[allow(dead_code, reason = "its `main` is not called")]
mod cancel;
#[path = "../examples/columns.rs"]
#[allow(dead_code, reason = "its `main` is not called")]
mod columns;
#[path = "../examples/copy_file.rs"]
#[allow(dead_code, reason = "its `main` is not called")]
mod copy_file;
#[path = "../examples/hello.rs"]
#[allow(dead_code, reason = "its `main` is not called")]
mod hello;
#[path = "../examples/host_functions.rs"]
#[allow(dead_code, reason = "its `main` is not called")]
mod host_functions;
#[path = "../examples/mapped_columns.rs"]
#[allow(dead_code, reason = "its `main` is not called")]
mod mapped_columns;
#[path = "../examples/shared_column.rs"]
#[allow(dead_code, reason = "its `main` is not called")]
mod shared_column;
#[path = "../examples/sum_large_file.rs"]
#[allow(dead_code, reason = "its `main` is not called")]
mod sum_large_file;
#[path = "../examples/user_formulas.rs"]
#[allow(dead_code, reason = "its `main` is not called")]
mod user_formulas;

#[track_caller]
fn said(run: fn(&mut dyn FnMut(String)) -> Result<(), Error>) -> Vec<String> {
    let mut said = Vec::new();
    run(&mut |text| said.push(text)).expect("the example runs");
    said
}

#[test]
fn hello_calls_functions_and_formulas() {
    let expected =
        ["area(2) = 12.566370614359172", "mean_of_squares = 7.5", "distance(3, 4) = 5", "20! = 2432902008176640000"];
    assert_eq!(said(hello::run), expected);
}

#[test]
fn columns_are_mapped_filtered_and_reduced() {
    let said = said(columns::run);
    assert_eq!(said[0], "1000000 totals, the first [0.0, 5.25, 11.0]");
    assert!(said[1].starts_with("sum 129698"), "{}", said[1]);
    assert!(
        said[2].starts_with("4116 of 1000000") && said[2].ends_with("are large, the first is row 594"),
        "{}",
        said[2]
    );
    assert_eq!(said[3], "DivideByZero at bytes 0..18 in `each` in row 17");
}

#[test]
fn user_formulas_answers_each_mistake() {
    let said = said(user_formulas::run);
    let has = |i: usize, parts: &[&str]| {
        for part in parts {
            assert!(said[i].contains(part), "{} lacks {part}", said[i]);
        }
    };
    has(0, &["= 27"]);
    has(1, &["E0018", "^^", "write `^`"]);
    has(2, &["E0101", "`ln`", "E0100", "did you mean `price`?"]);
    has(3, &["OutOfBounds", "12 is outside an array of 3"]);
    has(4, &["OutOfFuel"]);
    has(5, &["StackOverflow", "in `f`, called at"]);
    has(6, &["OutOfMemory"]);
    assert_eq!(said.len(), 7);
}

#[test]
fn host_functions_give_results_and_failures() {
    let said = said(host_functions::run);
    assert_eq!(said[..2], ["100 euros are 108 dollars", "100 euros are 85 pounds"]);
    assert!(said[2].contains("HostError") && said[2].ends_with("no rate for currency 999"), "{}", said[2]);
    assert_eq!(said[3..], ["recorded: [108.0, 85.0]"]);
}

#[test]
fn cancel_stops_what_would_run_for_ever() {
    assert_eq!(
        said(cancel::run),
        ["cancelled: Interrupted", "again: Interrupted", "reset: 1000", "deadline: Interrupted"]
    );
}

/// A folder of this test's own.
fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("cresset-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

#[test]
fn a_file_is_copied_by_two_mappings() {
    let folder = folder("copy");
    let mut said = Vec::new();
    copy_file::run(&folder, &mut |text| said.push(text)).expect("the example runs");
    assert_eq!(said, ["copied 1000003 bytes, the same: true"]);
    std::fs::remove_dir(&folder).expect("the example leaves nothing");
}

#[test]
fn a_formula_runs_from_file_to_file() {
    let folder = folder("mapped");
    let mut said = Vec::new();
    mapped_columns::run(&folder, &mut |text| said.push(text)).expect("the example runs");
    assert_eq!(said, ["row 999: 1.873125, all: F64(143732.15999999997)"]);
    std::fs::remove_dir(&folder).expect("the example leaves nothing");
}

#[test]
fn a_file_larger_than_memory_is_summed_in_place() {
    let folder = folder("sum");
    let mut said = Vec::new();
    // An emulator keeps a record of every page that is mapped.
    let numbers = if cfg!(target_arch = "x86_64") { 64 << 30 } else { 1 << 20 };
    sum_large_file::run(&folder, numbers, &mut |text| said.push(text)).expect("the example runs");
    assert_eq!(said, [format!("{numbers} numbers, sum 111")]);
    std::fs::remove_dir(&folder).expect("the example leaves nothing");
}

#[test]
fn a_child_fills_in_what_its_parent_reads() {
    assert_eq!(said(shared_column::run), ["2 25 316"]);
}
