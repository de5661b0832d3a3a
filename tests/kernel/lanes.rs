//! Vector code gives what the reference interpreter gives row by row, at each level of processors that runs here.

use super::random_kernels::kernel;
use cresset::{Array, Columns, Config, Cpu, Engine, Error, Execution, Kernel, Limits, OutputColumn, TrapKind, columns};

const FS: [f64; 5] = [1.5, -2.0, 0.25, 8.0, -0.0];
const KS: [i64; 4] = [3, 0, -7, 100];

/// An engine for each level of processors that runs here.
pub(super) fn levels() -> Vec<(Cpu, Engine)> {
    let levels = [Cpu::X86_64V3, Cpu::X86_64V4, Cpu::AArch64];
    let engine = |cpu| Some((cpu, Config::new().cpu(cpu).execution(Execution::Jit).engine().ok()?));
    let found: Vec<(Cpu, Engine)> = levels.into_iter().filter_map(engine).collect();
    assert!(!found.is_empty());
    found
}

fn interpreter() -> Engine {
    Config::new().execution(Execution::Interpreter).engine().expect("the interpreter")
}

/// The columns that random kernels use.
pub(super) struct Data {
    x: Vec<f64>,
    y: Vec<f64>,
    n: Vec<i64>,
    m: Vec<i64>,
    b: Vec<bool>,
}

impl Data {
    pub(super) fn plain(rows: usize) -> Data {
        Data {
            x: (0..rows).map(|i| i as f64 * 0.25 - 3.0).collect(),
            y: (0..rows).map(|i| 2.0 - i as f64).collect(),
            n: (0..rows).map(|i| i as i64 % 7).collect(),
            m: (0..rows).map(|i| i as i64 - 9).collect(),
            b: (0..rows).map(|i| i % 2 == 0).collect(),
        }
    }

    pub(super) fn odd(rows: usize) -> Data {
        let floats = [0.5, 2.0, -1.0, 0.0, 3.75, -0.0, 1e9, 7.0, f64::NAN, 0.1, f64::INFINITY, -250.5, 1.0];
        let ints = [3, 0, -1, 7, 2, 100, -8, 5, 1 << 40, 1, 64, -3, 12, i64::MAX, 4, 9, i64::MIN];
        Data {
            x: (0..rows).map(|i| floats[i % 13]).collect(),
            y: (0..rows).map(|i| floats[(i * 5 + 3) % 13]).collect(),
            n: (0..rows).map(|i| ints[i % 17]).collect(),
            m: (0..rows).map(|i| ints[(i * 3 + 4) % 17]).collect(),
            b: (0..rows).map(|i| i % 3 == 0).collect(),
        }
    }

    pub(super) fn columns(&self) -> Columns<'_> {
        columns! { "x" => &self.x, "y" => &self.y, "n" => &self.n, "m" => &self.m, "b" => &self.b, "u" => 1.25, "k" => 3 }
            .array("fs", &FS)
            .array("ks", &KS)
    }
}

/// What a run gives, to be compared: values by their bits, or the trap.
fn outcome(result: Result<Vec<(String, OutputColumn)>, Error>) -> Result<Vec<u64>, String> {
    match result {
        Ok(outputs) => Ok(outputs
            .iter()
            .flat_map(|(_, column)| match &column.data {
                Array::F64(values) => values.iter().map(|value| value.to_bits()).collect::<Vec<u64>>(),
                Array::I64(values) => values.iter().map(|value| *value as u64).collect(),
                Array::Bool(values) => values.iter().map(|value| u64::from(*value)).collect(),
                other => panic!("{other:?}"),
            })
            .collect()),
        Err(Error::Trap(trap)) => {
            let stack: Vec<_> = trap.stack.iter().map(|frame| (frame.function.to_string(), frame.call)).collect();
            Err(format!(
                "{:?} {:?} {:?} {:?} {stack:?} {:?}",
                trap.kind, trap.span, trap.row, trap.bounds, trap.fuel_left
            ))
        }
        Err(error) => panic!("{error}"),
    }
}

fn run(engine: &Engine, kernel: &Kernel, columns: &Columns<'_>, fuel: u64) -> Result<Vec<u64>, String> {
    let mut sandbox = engine.sandbox(Limits::default().fuel(fuel).depth(20)).unwrap();
    outcome(kernel.for_columns(columns).unwrap().map_all_in(&mut sandbox, columns))
}

#[test]
fn random_kernels_give_the_same_at_every_level() {
    let count = std::env::var("CRESSET_RANDOM_KERNELS").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    let first = std::env::var("CRESSET_RANDOM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let (interpreter, levels) = (interpreter(), levels());
    let (mut in_lanes, mut values, mut refused) = (0, 0, 0);
    for seed in first..first + count {
        let text = kernel(seed);
        let rows = [0, 1, 7, 8, 9, 17, 40, 3][seed as usize % 8];
        let data = if seed % 3 == 0 { Data::odd(rows) } else { Data::plain(rows) };
        let fuel = if seed % 7 == 0 { 30 } else { 2_000 };
        let columns = data.columns();
        let expected = run(&interpreter, &interpreter.kernel(&text).unwrap(), &columns, fuel);
        values += usize::from(expected.is_ok());
        for (cpu, engine) in &levels {
            let mut engine = engine.clone();
            let mut kernel = engine.kernel(&text).unwrap();
            // What the verifier does not accept even row by row is run all the same, so that it is compared, too.
            if let Err(Error::Machine(error)) = kernel.for_columns(&columns)
                && error.starts_with("the code was refused")
            {
                refused += 1;
                engine = Config::new().cpu(*cpu).execution(Execution::Jit).verify(false).engine().unwrap();
                kernel = engine.kernel(&text).unwrap();
            }
            let got = run(&engine, &kernel, &columns, fuel);
            assert!(got == expected, "seed {seed}, {cpu:?}, {rows} rows\n{text}\n{got:x?}\n{expected:x?}");
            in_lanes += usize::from(kernel.for_columns(&columns).unwrap().is_vectorized());
        }
    }
    eprintln!("of {count} at each level, {in_lanes} are in lanes, the verifier refused {refused}");
    assert!(refused * 500 <= count as usize * levels.len() + 500, "{refused} refused");
    assert!(in_lanes * 10 > count as usize * levels.len() * 9, "{in_lanes} of {count} at each level are in lanes");
    assert!(values * 4 > count as usize, "{values} of {count} give values");
}

#[test]
fn kernels_are_vectorized_or_say_why_not() {
    let data = Data::plain(20);
    for (_, engine) in levels() {
        let why = |text: &str| {
            let compiled = engine.kernel(text).unwrap().for_columns(&data.columns()).unwrap();
            compiled.why_scalar().map(str::to_owned)
        };
        assert_eq!(why("sin(x) * exp(-(y * y)) + ln(1 + u * u)"), None);
        assert_eq!(why("if b { div(n, 2) } else { ks[n % 4] }"), None);
        assert_eq!(why("var s = 0.0; while s < x { s += 1; } s"), None);
        assert_eq!(why("let a = [x, y]; a[n % 2]").as_deref(), Some("it makes or writes arrays"));
    }
    let compiled = interpreter().kernel("x").unwrap().for_columns(&data.columns()).unwrap();
    assert_eq!(compiled.why_scalar(), Some("it runs by the interpreter"));
}

#[test]
fn every_number_of_rows_is_done() {
    let texts = ["x * y + u", "n + m", "b or x < y", "var s = 0; for i in 0..n { s += i; } s", "fs[n % 5] * exp(x)"];
    for (_, engine) in levels() {
        for text in texts {
            let kernel = engine.kernel(text).unwrap();
            let long = Data::plain(70_001);
            let all = run(&engine, &kernel, &long.columns(), 1_000).unwrap();
            for rows in (0..40).chain([4095, 4096, 4097, 8191, 8200, 65_535, 65_537, 70_001]) {
                let some = run(&engine, &kernel, &Data::plain(rows).columns(), 1_000).unwrap();
                assert!(some == all[..rows], "{text}: {rows} rows");
            }
        }
        let interpreter = interpreter();
        for text in texts {
            let data = Data::plain(300);
            let expected = run(&interpreter, &interpreter.kernel(text).unwrap(), &data.columns(), 1_000);
            assert_eq!(run(&engine, &engine.kernel(text).unwrap(), &data.columns(), 1_000), expected, "{text}");
        }
    }
}

#[test]
fn nothing_past_a_column_is_written() {
    for (_, engine) in levels() {
        let kernel = engine.kernel("x + 1").unwrap();
        for rows in 0..20 {
            let x = vec![2.0; rows];
            let mut out = vec![-1.0; rows + 9];
            kernel.map_into(&columns! { "x" => &x }, &mut out[..rows]).unwrap();
            assert!(out[..rows].iter().all(|value| *value == 3.0) && out[rows..].iter().all(|value| *value == -1.0));
        }
    }
}

#[test]
fn elements_of_every_type_are_read_in_lanes() {
    let rows = 27;
    let a: Vec<f32> = (0..rows).map(|i| i as f32 * 0.5 - 3.0).collect();
    let c: Vec<i32> = (0..rows).map(|i| i * 1_000_003 - 20_000_000).collect();
    let d: Vec<u8> = (0..rows).map(|i| (i * 37 % 256) as u8).collect();
    let e: Vec<bool> = (0..rows).map(|i| i % 5 < 2).collect();
    let rows = columns! { "a" => &a, "c" => &c, "d" => &d, "e" => &e }
        .array("fa", &a)
        .array("fc", &c)
        .array("fd", &d)
        .array("fe", &e);
    let interpreter = interpreter();
    for (cpu, engine) in levels() {
        for text in [
            "a * 2",
            "c + 1",
            "d - 300",
            "not e",
            "if e { a } else { c }",
            "fa[d % 20]",
            "fc[d % 20] + 1",
            "fd[d % 20] * 2",
            "fe[d % 20] == e",
            "c * d",
            "f64(d) / 3 + a",
            "i64(a) + d",
        ] {
            let expected = run(&interpreter, &interpreter.kernel(text).unwrap(), &rows, 100);
            let kernel = engine.kernel(text).unwrap();
            assert_eq!(run(&engine, &kernel, &rows, 100), expected, "{text} {cpu:?}");
            assert_eq!(kernel.for_columns(&rows).unwrap().why_scalar(), None, "{text}");
        }
    }
}

#[test]
fn a_long_run_can_be_cancelled_from_another_thread() {
    for (_, engine) in levels() {
        let kernel = engine.kernel("var s = x; for i in 0..1000000000 { s = s * 0.5 + f64(i); } s").unwrap();
        let x = vec![1.0; 100];
        let columns = columns! { "x" => &x };
        let compiled = kernel.for_columns(&columns).unwrap();
        assert!(compiled.is_vectorized());
        let mut sandbox = engine.sandbox(Limits::default().no_fuel_limit()).unwrap();
        let cancel = sandbox.cancel_handle();
        let waiting = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(30));
            cancel.cancel();
        });
        let error = compiled.map_in::<f64>(&mut sandbox, &columns).unwrap_err();
        assert_eq!(error.trap().map(|trap| (trap.kind, trap.row)), Some((TrapKind::Interrupted, Some(0))));
        waiting.join().unwrap();
    }
}
