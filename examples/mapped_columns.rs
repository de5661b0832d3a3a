//! A formula from file to file: two columns are mapped, and the results go to a third file that is mapped too. Nothing is copied, however large they are.

use cresset::{Config, Data, DataMut, Error, Reduction, columns};
use std::path::Path;

const ROWS: usize = 200_000;

/// Prints a few of the results.
pub fn run(folder: &Path, out: &mut dyn FnMut(String)) -> Result<(), Error> {
    let [power, hours, energy] = ["power.f64", "hours.i32", "energy.f64"].map(|name| folder.join(name));
    // What a measuring device might have left.
    DataMut::create(&power, ROWS)?.write(0, &(0..ROWS).map(|i| (i % 1000) as f64 / 8.0).collect::<Vec<f64>>())?;
    DataMut::create(&hours, ROWS)?.write(0, &(0..ROWS as i32).map(|i| i % 24).collect::<Vec<i32>>())?;

    // A file might become shorter under us; that is a trap then, with the row, not the end of the process.
    let engine = Config::new().catch_faults(true).engine()?;
    let (p, h) = (Data::<f64>::open(&power)?, Data::<i32>::open(&hours)?);
    let rows = columns! { "p" => &p, "h" => &h };
    let kernel = engine.kernel("p * h / 1000")?;
    let mut results = DataMut::<f64>::create(&energy, ROWS)?;
    kernel.map_into_data(&rows, &mut results)?;
    results.flush()?;

    out(format!("row 999: {}, all: {:?}", results.get(999)?, kernel.reduce(Reduction::Sum, &rows)?));
    drop((p, h, results));
    let _ = [power, hours, energy].map(|path| std::fs::remove_file(path).ok());
    Ok(())
}

fn main() -> Result<(), Error> {
    run(&std::env::temp_dir(), &mut |line| println!("{line}"))
}
