//! Columns and results in mappings: of files, and of memory that processes share.

use super::trap;
use cresset::{
    AnyBits, Binding, Columns, Config, Data, DataMut, Engine, Error, Execution, InputType, MappedColumn, Reduction,
    TrapKind, Validity, columns,
};
use std::fs::OpenOptions;
use std::path::PathBuf;

const ROWS: usize = 10_007;

/// A file that goes when the test ends.
struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn file(name: &str) -> File {
    File(std::env::temp_dir().join(format!("cresset-kernel-{}-{name}", std::process::id())))
}

/// A new file with these elements.
fn written<T: AnyBits>(name: &str, values: &[T]) -> File {
    let file = file(name);
    DataMut::create(&file.0, values.len()).and_then(|mut data| data.write(0, values)).expect("a file");
    file
}

/// Machine code that catches faults, and the interpreter.
fn engines() -> [Engine; 2] {
    [Execution::Auto, Execution::Interpreter]
        .map(|execution| Config::new().execution(execution).catch_faults(true).engine().expect("an engine"))
}

fn floats() -> Vec<f64> {
    (0..ROWS).map(|i| i as f64 * 0.5 - 100.0).collect()
}

#[test]
fn mapped_columns_give_what_slices_give() {
    let xs = floats();
    let ys: Vec<f32> = (0..ROWS).map(|i| i as f32).collect();
    let ns: Vec<i32> = (0..ROWS as i32).map(|i| i % 100).collect();
    let files = [written("x", &xs), written("y", &ys), written("n", &ns)];
    let (x, y) = (Data::<f64>::open(&files[0].0).unwrap(), DataMut::<f32>::open_private(&files[1].0).unwrap());
    let n = Data::<i32>::open(&files[2].0).unwrap();
    let slices = columns! { "x" => &xs, "y" => &ys, "n" => &ns };
    let mapped = columns! { "x" => &x, "y" => &y, "n" => &n };
    assert_eq!(mapped.rows(), Some(ROWS));
    for engine in engines() {
        let kernel = engine.kernel("sqrt(abs(x)) + y * n").unwrap();
        assert_eq!(kernel.map::<f64>(&mapped).unwrap(), kernel.map::<f64>(&slices).unwrap());
        let sum = kernel.reduce(Reduction::Sum, &mapped).unwrap();
        assert_eq!(sum, kernel.reduce(Reduction::Sum, &slices).unwrap());
        let few = engine.kernel("x > y and n == 7").unwrap();
        assert_eq!(few.filter(&mapped).unwrap(), few.filter(&slices).unwrap());
        let compiled = kernel.for_columns(&mapped).unwrap();
        assert!(compiled.inputs().any(|input| input == ("y", InputType::Column(cresset::Elem::F32))));
    }
}

#[test]
fn missing_rows_of_mapped_columns_are_left_out() {
    let data = {
        let mut data = DataMut::<f64>::shared(ROWS).unwrap();
        data.write(0, &floats()).unwrap();
        data
    };
    let bits: Vec<u8> = (0..ROWS.div_ceil(8)).map(|i| i as u8).collect();
    let validity = Validity::new(&bits, 0);
    let mapped = Columns::new().bind("x", Binding::Mapped(MappedColumn::from(&data), Some(validity)));
    let xs = floats();
    let slices = Columns::new().column_with_validity("x", &xs, validity);
    for engine in engines() {
        let kernel = engine.kernel("exp(x / 100)").unwrap();
        assert_eq!(kernel.map_all(&mapped).unwrap(), kernel.map_all(&slices).unwrap());
    }
}

#[test]
fn results_go_to_mappings() {
    let xs = floats();
    let rows = columns! { "x" => &xs };
    for engine in engines() {
        let output = file("out");
        let mut out = DataMut::<f64>::create(&output.0, ROWS).unwrap();
        let kernel = engine.kernel("x * x + 1").unwrap();
        kernel.map_into_data(&rows, &mut out).unwrap();
        out.flush().unwrap();
        let bytes: Vec<u8> = kernel.map::<f64>(&rows).unwrap().into_iter().flat_map(f64::to_ne_bytes).collect();
        assert_eq!(std::fs::read(&output.0).unwrap(), bytes);
        // Promoted on the way.
        engine.kernel("i64(floor(x))").unwrap().map_into_data(&rows, &mut out).unwrap();
        assert_eq!(out.get(3).unwrap(), -99.0);
        // Rows before one that traps are there.
        let failing = engine.kernel("let t = [x]; t[if x < 1000 { 0 } else { 1 }] + 3").unwrap();
        let row = trap(failing.map_into_data(&rows, &mut out)).row;
        assert_eq!(row, Some(2_200));
        assert_eq!(out.get(2_199).unwrap(), 999.5 + 3.0);
        let error = kernel.map_into_data(&columns! { "x" => &[1.0] }, &mut out).unwrap_err();
        assert_eq!(error.to_string(), format!("the output has {ROWS} elements for 1 rows"));
    }
}

#[test]
fn files_are_refused_where_nobody_catches_what_they_lose() {
    let engine = Config::new().execution(Execution::Jit).catch_faults(false).engine().unwrap();
    let input = written("refused", &floats());
    let data = Data::<f64>::open(&input.0).unwrap();
    let error = engine.kernel("x + 1").unwrap().map::<f64>(&columns! { "x" => &data }).unwrap_err();
    let expected =
        "a mapped file may become shorter while a kernel reads it: turn `Config::catch_faults` on, or copy it";
    assert_eq!(error.to_string(), expected);
    let mut out = DataMut::<f64>::open(&input.0).unwrap();
    let error = engine.kernel("x + 1").unwrap().map_into_data(&columns! { "x" => &floats() }, &mut out).unwrap_err();
    assert_eq!(error.to_string(), expected);
    // What no file can take away needs no handlers.
    let mut shared = DataMut::<f64>::shared(ROWS).unwrap();
    engine.kernel("x + 1").unwrap().map_into_data(&columns! { "x" => &floats() }, &mut shared).unwrap();
    assert_eq!(shared.get(0).unwrap(), -99.0);
}

#[test]
fn a_file_that_became_shorter_is_the_trap_of_its_first_lost_row() {
    let input = written("shorter", &vec![1.0; 1 << 16]);
    let data = Data::<f64>::open(&input.0).unwrap();
    let page = 1 << 14;
    OpenOptions::new().write(true).open(&input.0).unwrap().set_len(3 * page).unwrap();
    for (engine, in_place) in engines().into_iter().zip([true, false]) {
        let outcome = engine.kernel("sqrt(x)").unwrap().map::<f64>(&columns! { "x" => &data });
        if in_place && engine.is_jit() {
            let trap = trap(outcome);
            assert_eq!((trap.kind, trap.row), (TrapKind::BusError, Some(3 * page / 8)));
        } else {
            assert!(
                matches!(&outcome, Err(error @ Error::Machine(_)) if error.to_string() == cresset::DataError::PageLost.to_string()),
                "{outcome:?}"
            );
        }
    }
}
