//! Reductions in their fixed order, and several outputs at once.

use super::{each, trap};
use cresset::{Array, Limits, Reduction, TrapKind, Value, columns};

fn sum(xs: &[f64]) -> f64 {
    let mut totals: Vec<f64> = xs.iter().take(8).copied().collect();
    for (i, x) in xs.iter().enumerate().skip(8) {
        totals[i % 8] += x;
    }
    let add = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b).or(a).or(b);
    let t = |k: usize| totals.get(k).copied();
    let even = add(add(t(0), t(4)), add(t(2), t(6)));
    add(even, add(add(t(1), t(5)), add(t(3), t(7)))).unwrap_or(0.0)
}

#[test]
fn sums_have_one_order() {
    each(|engine| {
        let x: Vec<f64> = (0..20_000).map(|i| 1.0 / (1.0 + f64::from(i))).collect();
        let rows = columns! { "x" => &x };
        let kernel = engine.kernel("x * 3").unwrap();
        let tripled: Vec<f64> = x.iter().map(|x| x * 3.0).collect();
        let blocks: Vec<f64> = tripled.chunks(4096).map(sum).collect();
        let total = sum(&blocks);
        assert_eq!(kernel.reduce(Reduction::Sum, &rows).unwrap(), Value::F64(total));
        assert_eq!(kernel.reduce(Reduction::Mean, &rows).unwrap(), Value::F64(total / 20_000.0));
        assert_eq!(kernel.reduce(Reduction::Min, &rows).unwrap(), Value::F64(tripled[19_999]));
        assert_eq!(kernel.reduce(Reduction::Max, &rows).unwrap(), Value::F64(3.0));
        assert_eq!(kernel.reduce(Reduction::Count, &rows).unwrap(), Value::I64(20_000));
        let above = engine.kernel("x > 0.001").unwrap();
        assert_eq!(above.reduce(Reduction::Count, &rows).unwrap(), Value::I64(999));
        assert_eq!(above.reduce(Reduction::Any, &rows).unwrap(), Value::Bool(true));
        assert_eq!(above.reduce(Reduction::All, &rows).unwrap(), Value::Bool(false));
    });
}

#[test]
fn whole_numbers_are_reduced_exactly() {
    each(|engine| {
        let kernel = engine.kernel("n").unwrap();
        let run = |reduction, n: &[i64]| kernel.reduce(reduction, &columns! { "n" => n });
        let mut n = vec![0_i64; 9000];
        (n[0], n[5000], n[8999]) = (i64::MAX, 5, -7);
        assert_eq!(run(Reduction::Sum, &n).unwrap(), Value::I64(i64::MAX - 2));
        assert_eq!(run(Reduction::Min, &n).unwrap(), Value::I64(-7));
        assert_eq!(run(Reduction::Max, &n).unwrap(), Value::I64(i64::MAX));
        n[8999] = 0;
        let found = trap(run(Reduction::Sum, &n));
        assert_eq!((found.kind, found.row), (TrapKind::IntegerOverflow, None));
        assert_eq!(run(Reduction::Mean, &[1, 2, 4]).unwrap(), Value::F64(7.0 / 3.0));
        assert_eq!(run(Reduction::Product, &[3, -4, 5]).unwrap(), Value::I64(-60));
        // In the order of the rows: what comes later does not help.
        assert_eq!(trap(run(Reduction::Product, &[i64::MAX, 2, 0])).kind, TrapKind::IntegerOverflow);
        assert_eq!(run(Reduction::Product, &[0, i64::MAX, 2]).unwrap(), Value::I64(0));
    });
}

#[test]
fn reductions_of_no_rows() {
    each(|engine| {
        let (none, no): ([f64; 0], [i64; 0]) = ([], []);
        let rows = columns! { "x" => &none, "n" => &no };
        let run = |text: &str, reduction| engine.kernel(text).unwrap().reduce(reduction, &rows);
        assert_eq!(run("x", Reduction::Product).unwrap(), Value::F64(1.0));
        assert_eq!(run("n", Reduction::Product).unwrap(), Value::I64(1));
        assert_eq!(run("n", Reduction::Sum).unwrap(), Value::I64(0));
        assert!(matches!(run("n", Reduction::Mean).unwrap(), Value::F64(mean) if mean.to_bits() == 0x7FF8 << 48));
        assert_eq!(run("x > 0", Reduction::All).unwrap(), Value::Bool(true));
        assert_eq!(run("x > 0", Reduction::Any).unwrap(), Value::Bool(false));
        for text in ["x", "n"] {
            assert_eq!(trap(run(text, Reduction::Min)).kind, TrapKind::BadArgument);
        }
    });
}

#[test]
fn outputs_share_their_inputs() {
    each(|engine| {
        let texts =
            [("sum", "fn f(t) = t + y0; const y0 = 1; f(x) + n"), ("product", "x * n"), ("y0", "y0"), ("n", "n")];
        let kernel = engine.kernel_outputs(&texts).unwrap();
        let rows = columns! { "x" => &[0.5, 1.5], "n" => &[4_i32, -1], "y0" => 7 };
        let outputs = kernel.map_all(&rows).unwrap();
        let data: Vec<&Array> = outputs.iter().map(|(_, column)| &column.data).collect();
        assert_eq!(data[0], &Array::F64(vec![5.5, 1.5]));
        assert_eq!(data[1], &Array::F64(vec![2.0, -1.5]));
        assert_eq!(data[2], &Array::I64(vec![7, 7]));
        assert_eq!(data[3], &Array::I64(vec![4, -1]));
        assert!(outputs.iter().all(|(_, column)| column.validity.is_none()));
        assert_eq!(outputs[2].0, "y0");
    });
}

#[test]
fn a_nan_that_comes_out_is_the_one_nan() {
    each(|engine| {
        let x = [f64::from_bits(0xFFF0_0000_0000_0001), f64::INFINITY];
        let rows = columns! { "x" => &x };
        let bits = |text: &str| -> Vec<u64> {
            let values = engine.kernel(text).unwrap().map::<f64>(&rows).unwrap();
            values.iter().map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits("x"), [0x7FF8 << 48, 0x7FF0 << 48]);
        assert_eq!(bits("x - x"), [0x7FF8 << 48; 2]);
    });
}

#[test]
fn a_kernel_that_always_traps_says_so() {
    each(|engine| {
        let kernel = engine.kernel("let a: [f64] = []; a[0] + x").unwrap();
        let found = trap(kernel.map::<f64>(&columns! { "x" => &[1.0, 2.0] }));
        assert_eq!((found.kind, found.row, found.bounds), (TrapKind::OutOfBounds, Some(0), Some((0, 0))));
        let kernel = engine.kernel("while true { } x").unwrap();
        let rows = columns! { "x" => &[1.0, 2.0] };
        let mut sandbox = engine.sandbox(Limits::default().fuel(1000)).unwrap();
        let found = trap(kernel.for_columns(&rows).unwrap().map_in::<f64>(&mut sandbox, &rows));
        assert_eq!((found.kind, found.row), (TrapKind::OutOfFuel, Some(0)));
    });
}
