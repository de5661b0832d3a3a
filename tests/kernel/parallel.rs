//! Several threads give the same bits and the same traps as one.

use super::{each, trap};
use cresset::{Array, Columns, Limits, Reduction, TrapKind, Validity, columns};

const ROWS: usize = 50_001;

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}

#[test]
fn values_are_the_same_whatever_the_threads() {
    let x: Vec<f64> = (0..ROWS).map(|i| (i as f64 * 0.7).sin() * 1e3).collect();
    let n: Vec<i64> = (0..ROWS as i64).collect();
    let bits: Vec<u8> = (0..ROWS.div_ceil(8)).map(|i| (i * 37 % 251) as u8 | 1).collect();
    each(|engine| {
        let rows = columns! { "x" => &x, "n" => &n };
        let kernel = engine.kernel("x * x + n").unwrap();
        let whole = engine.kernel("n % 1000").unwrap();
        let missing = Columns::new().column_with_validity("x", &x, Validity::new(&bits, 0)).column("n", &n);
        let (one, promoted) = (kernel.map::<f64>(&rows).unwrap(), whole.map::<f64>(&rows).unwrap());
        let all = kernel.map_all(&missing).unwrap();
        let filter = engine.kernel("x > n % 7").unwrap();
        let selected = filter.filter(&missing).unwrap();
        for threads in [1, 2, 3] {
            pool(threads).install(|| {
                assert_eq!(kernel.map_parallel::<f64>(&rows).unwrap(), one);
                assert_eq!(whole.map_parallel::<f64>(&rows).unwrap(), promoted);
                assert_eq!(kernel.map_all_parallel(&missing).unwrap(), all);
                assert_eq!(filter.filter_parallel(&missing).unwrap(), selected);
                for reduction in [Reduction::Sum, Reduction::Min, Reduction::Max, Reduction::Mean, Reduction::Count] {
                    for rows in [&rows, &missing] {
                        let expected = kernel.reduce(reduction, rows).unwrap();
                        assert_eq!(kernel.reduce_parallel(reduction, rows).unwrap(), expected);
                    }
                }
            });
        }
        let Array::F64(values) = &all[0].1.data else { panic!("{all:?}") };
        assert_eq!((values.len(), values[0], values[1]), (ROWS, one[0], 0.0));
    });
}

#[test]
fn the_lowest_row_that_traps_is_reported_whatever_the_threads() {
    let mut n = vec![1_i64; ROWS];
    for bad in [40_000, 20_000, 20_001, ROWS - 1] {
        n[bad] = 0;
    }
    each(|engine| {
        let kernel = engine.kernel("div(7, n)").unwrap();
        let rows = columns! { "n" => &n };
        for threads in [1, 2, 3] {
            pool(threads).install(|| {
                let found = trap(kernel.map_parallel::<i64>(&rows));
                assert_eq!((found.kind, found.row), (TrapKind::DivideByZero, Some(20_000)));
                assert_eq!(trap(kernel.reduce_parallel(Reduction::Product, &rows)).row, Some(20_000));
            });
        }
    });
}

#[test]
fn all_threads_are_cancelled() {
    each(|engine| {
        let n = vec![1_i64; ROWS];
        let rows = columns! { "n" => &n };
        let kernel = engine.kernel("while n > 0 { } n").unwrap().for_columns(&rows).unwrap();
        let mut sandbox = engine.sandbox(Limits::default().no_fuel_limit()).unwrap();
        let cancel = sandbox.cancel_handle();
        let waiting = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(20));
            cancel.cancel();
        });
        let found = trap(pool(2).install(|| kernel.map_parallel_in::<i64>(&mut sandbox, &rows)));
        assert_eq!((found.kind, found.row), (TrapKind::Interrupted, Some(0)));
        waiting.join().unwrap();
    });
}
