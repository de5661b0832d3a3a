//! Rows that trap, rows that are missing, and limits that hold for each row.

use super::{each, trap};
use cresset::{Array, Columns, Limits, Reduction, TrapKind, Validity, Value, columns};
use std::time::Duration;

const ROWS: usize = 10_000;

#[test]
fn the_lowest_row_that_traps_is_reported() {
    each(|engine| {
        let kernel = engine.kernel("fn half(n: i64) -> i64 { div(100, n) } 1 + half(n)").unwrap();
        for bad in [0, 1, 7, 8, 9, 4095, 4096, 9_999] {
            let mut n = vec![4_i64; ROWS];
            n[bad] = 0;
            n[ROWS - 1] = 0;
            let mut out = vec![-1_i64; ROWS];
            let trap = trap(kernel.map_into(&columns! { "n" => &n }, &mut out));
            assert_eq!((trap.kind, trap.row), (TrapKind::DivideByZero, Some(bad as u64)));
            assert_eq!(trap.span, cresset::Span::new(25, 36));
            assert_eq!((trap.stack.len(), trap.output), (1, None));
            assert_eq!(trap.stack[0].call, cresset::Span::new(43, 50));
            assert!(out[..bad].iter().all(|value| *value == 26), "rows before {bad} are written");
            // The fuel is that of the row alone.
            assert_eq!(trap.fuel_left, Some(999_999_999));
        }
    });
}

#[test]
fn the_output_that_trapped_is_named() {
    each(|engine| {
        let kernel = engine.kernel_outputs(&[("a", "n + 1"), ("b", "fn f(n: i64) = 3 + div(6, n); f(n)")]).unwrap();
        let trap = trap(kernel.map_all(&columns! { "n" => &[3_i64, 0, 1] }));
        assert_eq!((trap.kind, trap.row, trap.output.as_deref()), (TrapKind::DivideByZero, Some(1), Some("b")));
        assert_eq!((trap.span.start, trap.span.end), (19, 28));
        assert_eq!((trap.stack[0].call.start, trap.stack[0].call.end), (30, 34));
        let text = trap.to_string();
        assert_eq!(text, "DivideByZero at bytes 19..28 in `b` in row 1");
        // The first in the order of the outputs.
        let both = engine.kernel_outputs(&[("a", "div(1, n)"), ("b", "div(2, n)")]).unwrap();
        let found = super::trap(both.map_all(&columns! { "n" => &[0_i64] }));
        assert_eq!(found.output.as_deref(), Some("a"));
    });
}

#[test]
fn fuel_holds_for_each_row() {
    each(|engine| {
        let kernel = engine.kernel("var s = 0; for i in 0..n { s += i; } s").unwrap();
        let n: Vec<i64> = (0..5000).map(|i| i % 90).collect();
        let rows = columns! { "n" => &n };
        let compiled = kernel.for_columns(&rows).unwrap();
        let mut enough = engine.sandbox(Limits::default().fuel(89)).unwrap();
        let sums = compiled.map_in::<i64>(&mut enough, &rows).unwrap();
        assert!(sums.iter().zip(&n).all(|(sum, n)| *sum == n * (n - 1) / 2));
        let mut short = engine.sandbox(Limits::default().fuel(88)).unwrap();
        let trap = trap(compiled.map_in::<i64>(&mut short, &rows));
        assert_eq!((trap.kind, trap.row, trap.fuel_left), (TrapKind::OutOfFuel, Some(89), Some(0)));
        assert_eq!((trap.span.start, trap.span.end), (11, 24));
    });
}

#[test]
fn memory_and_depth_hold_for_each_row() {
    each(|engine| {
        let rows = columns! { "n" => &[1_i64, 100, 128, 129, 3] };
        let kernel = engine.kernel("let a = [1.5; n]; len(a)").unwrap();
        let compiled = kernel.for_columns(&rows).unwrap();
        let mut sandbox = engine.sandbox(Limits::default().memory(1024)).unwrap();
        let found = trap(compiled.map_in::<i64>(&mut sandbox, &rows));
        assert_eq!((found.kind, found.row), (TrapKind::OutOfMemory, Some(3)));
        let kernel = engine.kernel("fn down(n: i64) -> i64 { if n == 0 { 0 } else { down(n - 1) } } down(n)").unwrap();
        let compiled = kernel.for_columns(&rows).unwrap();
        let mut sandbox = engine.sandbox(Limits::default().depth(129)).unwrap();
        let found = trap(compiled.map_in::<i64>(&mut sandbox, &rows));
        assert_eq!((found.kind, found.row), (TrapKind::StackOverflow, Some(3)));
        sandbox.set_limits(Limits::default().depth(130));
        assert_eq!(compiled.map_in::<i64>(&mut sandbox, &rows).unwrap(), [0; 5]);
    });
}

#[test]
fn a_run_is_cancelled_and_ends_at_its_deadline() {
    each(|engine| {
        let x = vec![1.0; ROWS];
        let rows = columns! { "x" => &x };
        let kernel = engine.kernel("x + 1").unwrap().for_columns(&rows).unwrap();
        let mut sandbox = engine.sandbox(Limits::default()).unwrap();
        sandbox.cancel_handle().cancel();
        let found = trap(kernel.map_in::<f64>(&mut sandbox, &rows));
        assert_eq!((found.kind, found.row), (TrapKind::Interrupted, Some(0)));
        sandbox.cancel_handle().reset();
        assert_eq!(kernel.map_in::<f64>(&mut sandbox, &rows).unwrap(), vec![2.0; ROWS]);
        let endless = engine.kernel("while x > 0 { } x").unwrap().for_columns(&rows).unwrap();
        let mut sandbox =
            engine.sandbox(Limits::default().deadline(Duration::from_millis(20)).no_fuel_limit()).unwrap();
        let found = trap(endless.map_in::<f64>(&mut sandbox, &rows));
        assert_eq!((found.kind, found.row), (TrapKind::Interrupted, Some(0)));
    });
}

/// Bits of which every third is missing, from an offset on.
fn thirds(rows: usize, offset: usize) -> Vec<u8> {
    let mut bits = vec![0xFF; (rows + offset).div_ceil(8)];
    for row in (0..rows).step_by(3) {
        bits[(row + offset) / 8] &= !(1 << ((row + offset) % 8));
    }
    bits
}

#[test]
fn missing_rows_are_not_evaluated() {
    each(|engine| {
        // A missing row would trap.
        let n: Vec<i64> = (0..ROWS as i64).map(|i| i % 3).collect();
        let m: Vec<i64> = (0..ROWS as i64).collect();
        let bits = thirds(ROWS, 5);
        let validity = Validity::new(&bits, 5);
        assert!(!validity.is_valid(0) && validity.is_valid(1) && !validity.is_valid(3));
        let rows = Columns::new().column_with_validity("n", &n, validity).column("m", &m);
        let kernel = engine.kernel_outputs(&[("q", "div(m, n)"), ("odd", "m > 100")]).unwrap();
        let outputs = kernel.map_all(&rows).unwrap();
        let Array::I64(q) = &outputs[0].1.data else { panic!("{outputs:?}") };
        let expected: Vec<i64> = n.iter().zip(&m).map(|(n, m)| if *n == 0 { 0 } else { m / n }).collect();
        assert_eq!(q, &expected);
        let valid = outputs[0].1.validity.as_deref().unwrap();
        assert!((0..ROWS).all(|row| Validity::new(valid, 0).is_valid(row) == (row % 3 != 0)));
        assert_eq!(outputs[1].1.validity.as_deref(), Some(valid));

        let one = engine.kernel("div(m, n)").unwrap();
        let message = one.map::<i64>(&rows).unwrap_err().to_string();
        assert_eq!(message, "row 0 is missing: use `map_all`, which tells which rows are");
        let there: Vec<i64> = expected.iter().enumerate().filter(|(i, _)| i % 3 != 0).map(|(_, q)| *q).collect();
        assert_eq!(one.reduce(Reduction::Sum, &rows).unwrap(), Value::I64(there.iter().sum()));
        assert_eq!(one.reduce(Reduction::Count, &rows).unwrap(), Value::I64(there.len() as i64));
        let selected = engine.kernel("div(m, n) == 100").unwrap().filter(&rows).unwrap();
        assert_eq!(selected.rows().collect::<Vec<_>>(), [100, 200]);
        assert_eq!((selected.count(), selected.len()), (2, ROWS));
    });
}

#[test]
fn a_trap_behind_missing_rows_has_its_own_row() {
    each(|engine| {
        let mut n = vec![1_i64; ROWS];
        n[5002] = 0;
        n[5003] = 0;
        let bits = thirds(ROWS, 0);
        let rows = Columns::new().column_with_validity("n", &n, Validity::new(&bits, 0));
        let found = trap(engine.kernel("div(1, n)").unwrap().map_all(&rows));
        // 5001 is missing.
        assert_eq!((found.kind, found.row), (TrapKind::DivideByZero, Some(5002)));
        let none = [0_u8; ROWS / 8];
        let rows = Columns::new().column_with_validity("n", &n, Validity::new(&none, 0));
        let outputs = engine.kernel("div(1, n)").unwrap().map_all(&rows).unwrap();
        assert_eq!(outputs[0].1.data, Array::I64(vec![0; ROWS]));
        let short = Columns::new().column_with_validity("n", &n, Validity::new(&none, 1));
        let message = engine.kernel("div(1, n)").unwrap().map_all(&short).unwrap_err().to_string();
        assert_eq!(message, "the validity of `n` speaks of 9999 rows, not 10000");
    });
}

#[test]
fn no_rows_are_fine() {
    each(|engine| {
        let empty: [f64; 0] = [];
        let rows = columns! { "x" => &empty };
        assert_eq!(engine.kernel("x + 1").unwrap().map::<f64>(&rows).unwrap(), []);
        assert!(engine.kernel("x > 1").unwrap().filter(&rows).unwrap().is_empty());
        assert_eq!(engine.kernel("x").unwrap().reduce(Reduction::Sum, &rows).unwrap(), Value::F64(0.0));
    });
}

#[test]
fn host_functions_see_each_row_once() {
    use std::sync::atomic::{AtomicI64, Ordering};
    static CALLS: AtomicI64 = AtomicI64::new(0);
    let count = |n: i64| {
        CALLS.fetch_add(n, Ordering::Relaxed);
        2 * n
    };
    let engine = cresset::Config::new().host_fn("twice", count).engine().unwrap();
    let kernel = engine.kernel("var s = 0; for i in 0..n { s += 1; } twice(n)").unwrap();
    let n: Vec<i64> = (0..50).collect();
    let rows = columns! { "n" => &n };
    let compiled = kernel.for_columns(&rows).unwrap();
    assert_eq!(compiled.why_scalar(), Some("it calls host functions"));
    let mut sandbox = engine.sandbox(Limits::default().fuel(49)).unwrap();
    let doubled = compiled.map_in::<i64>(&mut sandbox, &rows).unwrap();
    assert_eq!((doubled[49], CALLS.load(Ordering::Relaxed)), (98, 49 * 50 / 2));
}
