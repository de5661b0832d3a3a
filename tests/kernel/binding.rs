//! What is bound to a kernel's names, and what is said where it does not fit.

use super::each;
use cresset::{Columns, Elem, Engine, InputType, Reduction, Type, columns};

#[test]
fn names_are_the_inputs_in_the_order_of_their_use() {
    let engine = Engine::new().unwrap();
    let kernel = engine.kernel("const K = 2; fn f(t) = t + K; f(b) * a + b + PI").unwrap();
    let names: Vec<&str> = kernel.inputs().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
    let kernel = engine.kernel_outputs(&[("p", "x + y"), ("q", "z * x")]).unwrap();
    let names: Vec<&str> = kernel.inputs().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x", "y", "z"]);
}

#[test]
fn elements_widen_as_loads_do() {
    each(|engine| {
        let rows = Columns::new()
            .column("a", &[1.5_f32, -2.25])
            .column("b", &[i32::MIN, 7])
            .column("c", &[255_u8, 0])
            .column("d", &[i64::MAX, -1])
            .column("e", &[true, false]);
        let kernel = |text: &str| engine.kernel(text).unwrap();
        assert_eq!(kernel("a").map::<f64>(&rows).unwrap(), [1.5, -2.25]);
        assert_eq!(kernel("b - 1").map::<i64>(&rows).unwrap(), [i64::from(i32::MIN) - 1, 6]);
        assert_eq!(kernel("c + 1").map::<i64>(&rows).unwrap(), [256, 1]);
        assert_eq!(kernel("d").map::<i64>(&rows).unwrap(), [i64::MAX, -1]);
        assert_eq!(kernel("not e").map::<bool>(&rows).unwrap(), [false, true]);
        assert_eq!(kernel("if e { a } else { b }").map::<f64>(&rows).unwrap(), [1.5, 7.0]);
    });
}

#[test]
fn results_are_promoted_and_nothing_else() {
    each(|engine| {
        let rows = columns! { "n" => &[1_i64, 1 << 60] };
        assert_eq!(engine.kernel("n + 1").unwrap().map::<f64>(&rows).unwrap(), [2.0, 1.152921504606847e18]);
        let refused = |text: &str, outcome: Result<(), cresset::Error>| {
            assert_eq!(outcome.unwrap_err().to_string(), text);
        };
        let kernel = engine.kernel("n / 2").unwrap();
        refused("the kernel gives f64, which does not go to elements of i64", kernel.map::<i64>(&rows).map(drop));
        refused("the kernel gives f64, which does not go to elements of f32", kernel.map::<f32>(&rows).map(drop));
        refused("a filter is a bool, this is f64", kernel.filter(&rows).map(drop));
        refused("`any` does not take values of type f64", kernel.reduce(Reduction::Any, &rows).map(drop));
    });
}

#[test]
fn scalars_and_arrays_are_the_same_in_each_row() {
    each(|engine| {
        let table = [10.0, 20.0, 30.0];
        let rows = columns! { "k" => &[2_u8, 0, 1], "scale" => 2, "on" => true }.array("table", &table);
        let kernel = engine.kernel("if on { scale * table[k] + len(table) } else { 0 }").unwrap();
        assert_eq!(kernel.map::<f64>(&rows).unwrap(), [63.0, 23.0, 43.0]);
        let types = kernel.for_columns(&rows).unwrap();
        let inputs: Vec<(&str, InputType)> = types.inputs().collect();
        assert_eq!(inputs[0], ("on", InputType::Scalar(Type::Bool)));
        assert_eq!(inputs[2], ("table", InputType::Scalar(Type::Array(Elem::F64))));
        assert_eq!(inputs[3], ("k", InputType::Column(Elem::U8)));
    });
}

#[test]
fn a_result_that_no_row_decides_is_written_for_each() {
    each(|engine| {
        let kernel = engine.kernel("a + 1").unwrap();
        assert_eq!(kernel.map::<i64>(&columns! { "a" => 4, "x" => &[0.0; 3] }).unwrap(), [5, 5, 5]);
        assert_eq!(kernel.map::<i64>(&columns! { "a" => 4 }.with_rows(2)).unwrap(), [5, 5]);
        let mut out = [0_i64; 4];
        kernel.map_into(&columns! { "a" => 4 }, &mut out).unwrap();
        assert_eq!(out, [5; 4]);
        assert_eq!(
            kernel.map::<i64>(&columns! { "a" => 4 }).unwrap_err().to_string(),
            "no column says how many rows there are: bind one, or use `with_rows`"
        );
    });
}

#[test]
fn what_does_not_fit_is_told() {
    let engine = Engine::new().unwrap();
    let kernel = engine.kernel("price * count").unwrap();
    let says = |rows: &Columns<'_>, message: &str| {
        assert_eq!(kernel.map::<f64>(rows).unwrap_err().to_string(), message);
    };
    let prices = [1.5, 2.5];
    says(
        &columns! { "prize" => &prices, "count" => &[1_i64, 2] },
        "nothing is bound to `price`; did you mean `prize`?",
    );
    says(&columns! { "price" => &prices, "x" => 1 }, "nothing is bound to `count`");
    says(&columns! { "price" => &prices, "count" => &[1_i64] }, "the column `count` has 1 rows, not 2");
    let rows = columns! { "price" => &prices, "count" => &[1_i64, 2] };
    let mut short = [0.0; 1];
    assert_eq!(kernel.map_into(&rows, &mut short).unwrap_err().to_string(), "the output has 1 elements for 2 rows");
    let compiled = kernel.for_columns(&rows).unwrap();
    let other = columns! { "price" => &prices, "count" => 3 };
    assert_eq!(compiled.map::<f64>(&other).unwrap_err().to_string(), "`count` is a column of i64, not i64");
    // An `i64` goes where an `f64` was declared.
    let declared =
        kernel.for_types(&[("price", InputType::Scalar(Type::F64)), ("count", InputType::Column(Elem::I64))]).unwrap();
    assert_eq!(declared.map::<f64>(&columns! { "price" => 2, "count" => &[3_i64] }).unwrap(), [6.0]);
}

#[test]
fn a_kernel_needs_a_scalar() {
    let engine = Engine::new().unwrap();
    let rows = columns! { "x" => &[1.0] };
    let says = |text: &str, message: &str| {
        assert_eq!(engine.kernel(text).unwrap().map::<f64>(&rows).unwrap_err().to_string(), message);
    };
    says("let y = x;", "a kernel needs a value: its text must end in an expression without `;`");
    says("[x, 2 * x]", "a kernel gives one number or truth value a row, not an array");
    assert_eq!(engine.kernel("x +").unwrap_err().diagnostics().len(), 1);
    assert_eq!(engine.kernel("x and 1").unwrap().map::<f64>(&rows).unwrap_err().diagnostics().len(), 2);
    assert!(engine.kernel_outputs(&[]).is_err());
    assert_eq!(engine.kernel_outputs(&[("a", "x"), ("a", "y")]).unwrap_err().to_string(), "two outputs are named `a`");
    let two = engine.kernel_outputs(&[("a", "x"), ("b", "2 * x")]).unwrap();
    assert_eq!(two.map::<f64>(&rows).unwrap_err().to_string(), "the kernel has 2 outputs: use `map_all`");
}

#[test]
fn compiled_kernels_are_remembered_by_types() {
    let engine = Engine::new().unwrap();
    let kernel = engine.kernel("x + 1").unwrap();
    for _ in 0..2 {
        assert_eq!(kernel.map::<f64>(&columns! { "x" => &[1.0] }).unwrap(), [2.0]);
        assert_eq!(kernel.map::<i64>(&columns! { "x" => &[1_i64] }).unwrap(), [2]);
        assert_eq!(kernel.map::<i64>(&columns! { "x" => &[1_u8] }).unwrap(), [2]);
    }
    assert_eq!(kernel.for_columns(&columns! { "x" => 2.5 }).unwrap().output_types(), [(String::new(), Type::F64)]);
}
