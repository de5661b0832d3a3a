//! Map, filter and reduce in one pass: formulas in the rows alone in which a condition holds.

use super::lanes::{Data, levels};
use super::random_kernels::kernel;
use super::{each, trap};
use cresset::{Array, Columns, Config, DataMut, Engine, Error, Reduction, TrapKind, Validity, Value, columns};

const ROWS: usize = 20_011;

fn xs() -> Vec<f64> {
    (0..ROWS).map(|i| ((i * 7919) % 1000) as f64 / 8.0 - 60.0).collect()
}

fn ns() -> Vec<i64> {
    (0..ROWS as i64).map(|i| i % 23).collect()
}

#[test]
fn the_rows_where_the_condition_holds_are_mapped_and_reduced() {
    let (xs, ns) = (xs(), ns());
    let rows = columns! { "x" => &xs, "n" => &ns };
    let expected: Vec<f64> =
        xs.iter().zip(&ns).filter(|(x, n)| **x > 1.5 && **n != 3).map(|(x, n)| x * *n as f64).collect();
    each(|engine| {
        let all = engine.kernel("x * n").unwrap();
        let some = all.only_where("x > 1.5 and n != 3").unwrap();
        assert_eq!(some.map::<f64>(&rows).unwrap(), expected);
        assert_eq!(some.reduce(Reduction::Count, &rows).unwrap(), Value::I64(expected.len() as i64));
        let max = expected.iter().copied().fold(f64::MIN, f64::max);
        assert_eq!(some.reduce(Reduction::Max, &rows).unwrap(), Value::F64(max));
        // The sum of the rows that a filter and a map of everything would give.
        let selected = engine.kernel("x > 1.5 and n != 3").unwrap().filter(&rows).unwrap();
        let mapped = all.map::<f64>(&rows).unwrap();
        assert_eq!(selected.rows().map(|row| mapped[row]).collect::<Vec<_>>(), expected);
        let columns = some.map_all(&rows).unwrap();
        assert_eq!(columns.len(), 1);
        assert_eq!(columns[0].1.validity.as_deref(), Some(selected.bits()));
        let Array::F64(values) = &columns[0].1.data else { panic!("{columns:?}") };
        assert!((0..ROWS).all(|row| values[row] == if selected.contains(row) { mapped[row] } else { 0.0 }));
    });
}

#[test]
fn nothing_is_computed_where_the_condition_does_not_hold() {
    let ns = ns();
    let rows = columns! { "n" => &ns };
    let expected: Vec<i64> = ns.iter().filter(|n| **n > 0).map(|n| 100 / n).collect();
    each(|engine| {
        let kernel = engine.kernel("div(100, n)").unwrap();
        assert_eq!(trap(kernel.map::<i64>(&rows)).kind, TrapKind::DivideByZero);
        let some = kernel.only_where("n > 0").unwrap();
        assert_eq!(some.map::<i64>(&rows).unwrap(), expected);
        assert_eq!(some.reduce(Reduction::Sum, &rows).unwrap(), Value::I64(expected.iter().sum()));
        // Promoted on the way.
        assert_eq!(some.map::<f64>(&rows).unwrap()[2], f64::from(100 / 3));
    });
}

#[test]
fn traps_tell_whether_the_condition_failed() {
    let ns = ns();
    let rows = columns! { "n" => &ns };
    each(|engine| {
        let failing = engine.kernel("n").unwrap().only_where("div(10, 5 - n) > 0").unwrap();
        let trapped = trap(failing.reduce(Reduction::Sum, &rows));
        assert_eq!(
            (trapped.kind, trapped.row, trapped.output.as_deref()),
            (TrapKind::DivideByZero, Some(5), Some("where"))
        );
        assert_eq!(&failing.text(1).unwrap()[trapped.span.start as usize..trapped.span.end as usize], "div(10, 5 - n)");
        let failing = engine.kernel("div(10, 5 - n)").unwrap().only_where("n > 2").unwrap();
        let trapped = trap(failing.map_all(&rows));
        assert_eq!((trapped.row, trapped.output), (Some(5), None));
        assert_eq!((trapped.span.start, trapped.span.end), (0, 14));
    });
}

#[test]
fn missing_rows_are_left_out_too() {
    let (xs, ns) = (xs(), ns());
    let bits = vec![0b1010_1101; ROWS.div_ceil(8)];
    let validity = Validity::new(&bits, 0);
    let rows = Columns::new().column_with_validity("x", &xs, validity).column("n", &ns);
    let expected: Vec<f64> =
        (0..ROWS).filter(|&row| validity.is_valid(row) && ns[row] < 9).map(|row| xs[row] + 1.0).collect();
    each(|engine| {
        let kernel = engine.kernel("x + 1").unwrap().only_where("n < 9").unwrap();
        assert_eq!(kernel.map::<f64>(&rows).unwrap(), expected);
        assert_eq!(kernel.reduce(Reduction::Count, &rows).unwrap(), Value::I64(expected.len() as i64));
        let kernel = engine.kernel("x > 0").unwrap().only_where("n < 9").unwrap();
        let found: Vec<usize> = kernel.filter(&rows).unwrap().rows().collect();
        let by_hand = (0..ROWS).filter(|&row| validity.is_valid(row) && ns[row] < 9 && xs[row] > 0.0);
        assert_eq!(found, by_hand.collect::<Vec<_>>());
    });
}

#[test]
fn all_rows_or_none() {
    let xs = xs();
    let rows = columns! { "x" => &xs };
    each(|engine| {
        let kernel = engine.kernel("x * 2").unwrap();
        let all = kernel.only_where("true").unwrap();
        assert_eq!(all.map::<f64>(&rows).unwrap(), kernel.map::<f64>(&rows).unwrap());
        assert_eq!(all.map_all(&rows).unwrap(), kernel.map_all(&rows).unwrap());
        let none = kernel.only_where("x > 1e9").unwrap();
        assert!(none.map::<f64>(&rows).unwrap().is_empty());
        assert_eq!(none.reduce(Reduction::Sum, &rows).unwrap(), Value::F64(0.0));
        assert_eq!(trap(none.reduce(Reduction::Min, &rows)).kind, TrapKind::BadArgument);
        let empty: [f64; 0] = [];
        assert!(all.map::<f64>(&columns! { "x" => &empty }).unwrap().is_empty());
    });
}

#[test]
fn what_cannot_be_filtered_is_refused() {
    let engine = Engine::new().unwrap();
    let xs = xs();
    let rows = columns! { "x" => &xs };
    let message = |error: Error| error.to_string();
    let kernel = engine.kernel("x").unwrap();
    let error = kernel.only_where("x + 1").unwrap().map::<f64>(&rows).unwrap_err();
    assert_eq!(message(error), "a condition is a bool, this is f64");
    let error = kernel.only_where("let y = x;").unwrap().map::<f64>(&rows).unwrap_err();
    assert_eq!(message(error), "the condition needs a value: its text must end in an expression without `;`");
    assert!(matches!(kernel.only_where("x >"), Err(Error::Source(_))));
    let some = kernel.only_where("x > 0").unwrap();
    assert_eq!(message(some.only_where("x > 1").unwrap_err()), "the kernel has a condition: join the two with `and`");
    let refused = "the kernel leaves rows out: use `map`, or `map_all`";
    assert_eq!(message(some.map_into(&rows, &mut vec![0.0; ROWS]).unwrap_err()), refused);
    let mut out = DataMut::<f64>::shared(ROWS).unwrap();
    assert_eq!(message(some.map_into_data(&rows, &mut out).unwrap_err()), refused);
}

#[test]
fn host_functions_are_called_for_the_rows_that_are_left() {
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = calls.clone();
    let count = move |x: f64| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        x
    };
    let engine = Config::new().host_fn("count", count).engine().unwrap();
    let xs: Vec<f64> = (0..100).map(f64::from).collect();
    let kernel = engine.kernel("count(x)").unwrap().only_where("x >= 90").unwrap();
    assert_eq!(kernel.map::<f64>(&columns! { "x" => &xs }).unwrap(), xs[90..]);
    assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 10);
}

/// Random formulas under random conditions, at every level, as the interpreter does them.
#[test]
fn random_conditions_give_the_same_at_every_level() {
    let interpreter = Config::new().execution(cresset::Execution::Interpreter).engine().unwrap();
    let mut left = 0;
    // Functions cannot stand in a block.
    let conditions = (1_000..).map(kernel).filter(|text| !text.contains("fn "));
    for (seed, condition) in (0..60).zip(conditions) {
        let (text, condition) = (kernel(seed), format!("let c = {{ {condition} }}; f64(c) > 0.5"));
        let data = if seed % 3 == 0 { Data::odd(40) } else { Data::plain(40) };
        let columns = data.columns();
        let run = |engine: &Engine| {
            let kernel = engine.kernel(&text).unwrap().only_where(&condition).unwrap();
            let result = kernel.map_all(&columns);
            match result {
                Ok(columns) => Ok(columns
                    .into_iter()
                    .map(|(_, column)| (column.validity, format!("{:?}", column.data)))
                    .collect::<Vec<_>>()),
                Err(Error::Trap(trap)) => Err((trap.kind, trap.row, trap.span, trap.output.clone())),
                Err(error) => panic!("{error}\n{text}\n{condition}"),
            }
        };
        let expected = run(&interpreter);
        left += usize::from(expected.as_ref().is_ok_and(|columns| columns[0].0.is_some()));
        for (cpu, engine) in levels() {
            assert_eq!(run(&engine), expected, "seed {seed}, {cpu:?}\n{text}\n{condition}");
        }
    }
    assert!(left > 10, "{left}");
}

#[cfg(feature = "rayon")]
#[test]
fn threads_give_the_same_bits() {
    let (xs, ns) = (xs(), ns());
    let rows = columns! { "x" => &xs, "n" => &ns };
    each(|engine| {
        let kernel = engine.kernel("exp(x / 50) * n").unwrap().only_where("n % 5 != 0 and x < 40").unwrap();
        let sum = kernel.reduce(Reduction::Sum, &rows).unwrap();
        let values = kernel.map::<f64>(&rows).unwrap();
        let columns = kernel.map_all(&rows).unwrap();
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                assert_eq!(kernel.reduce_parallel(Reduction::Sum, &rows).unwrap(), sum);
                assert_eq!(kernel.map_parallel::<f64>(&rows).unwrap(), values);
                assert_eq!(kernel.map_all_parallel(&rows).unwrap(), columns);
            });
        }
    });
}
