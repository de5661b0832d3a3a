//! A formula over millions of rows: map, filter, reduce, rows that are missing, and a row that traps.

use cresset::{Columns, Engine, Error, Reduction, Validity, Value, columns};

/// Rows of the example.
const ROWS: usize = 1_000_000;

/// Prints what came of a year's orders.
pub fn run(out: &mut dyn FnMut(String)) -> Result<(), Error> {
    let price: Vec<f64> = (0..ROWS).map(|i| 5.0 + (i % 100) as f64 / 4.0).collect();
    let quantity: Vec<i32> = (0..ROWS).map(|i| (i % 17) as i32).collect();
    let rows = columns! { "price" => &price, "quantity" => &quantity, "discount" => 0.1 };

    let engine = Engine::new()?;
    let total = engine.kernel(
        "let full = price * quantity;
         if quantity >= 10 { full * (1 - discount) } else { full }",
    )?;
    let totals = total.map::<f64>(&rows)?;
    out(format!("{} totals, the first {:?}", totals.len(), &totals[..3]));
    if let Value::F64(sum) = total.reduce(Reduction::Sum, &rows)? {
        out(format!("sum {sum}"));
    }

    let large = engine.kernel("price * quantity > 450")?.filter(&rows)?;
    out(format!(
        "{} of {} are large, the first is row {}",
        large.count(),
        large.len(),
        large.rows().next().unwrap_or(0)
    ));

    // Several outputs share loads and work; a missing input makes its row missing, and evaluates nothing in it.
    let known = vec![0b1111_1110; ROWS / 8];
    let rows =
        Columns::new().column_with_validity("quantity", &quantity, Validity::new(&known, 0)).column("price", &price);
    let both = engine.kernel_outputs(&[("each", "div(100, quantity)"), ("spent", "price * quantity")])?;
    match both.map_all(&rows) {
        Ok(columns) => out(format!("{} columns", columns.len())),
        // Row 0 is missing. The first row of no quantity that is known traps.
        Err(error) => out(error.to_string()),
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    run(&mut |line| println!("{line}"))
}
