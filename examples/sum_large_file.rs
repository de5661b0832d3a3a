//! Sums over a file far larger than memory, nearly all of it holes that take no disk: the program sees one array, and only what it touches is read.

use cresset::{Advice, Arg, Config, Data, Error, Value};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// How many numbers: 512 GiB of them.
const NUMBERS: u64 = 64 << 30;
/// How many are summed at each of the places that hold some.
const PIECE: usize = 1 << 16;

/// Prints the length of the file and the sum of what it holds.
pub fn run(folder: &Path, numbers: u64, out: &mut dyn FnMut(String)) -> Result<(), Error> {
    let told = |error: std::io::Error| Error::Machine(error.to_string());
    let path = folder.join("large.f64");
    let file = File::create(&path).map_err(told)?;
    file.set_len(8 * numbers).map_err(told)?;
    let places = [0, numbers / 3, numbers - PIECE as u64];
    for (place, number) in places.into_iter().zip([1.0_f64, 10.0, 100.0]) {
        file.write_all_at(&number.to_le_bytes(), 8 * (place + 7)).map_err(told)?;
    }

    let engine = Config::new().catch_faults(true).engine()?;
    let module = engine.compile("fn total(xs: [f64], from: i64, to: i64) = sum(xs[from..to]);")?;
    let mut all = Data::<f64>::open(&path)?;
    all.advise(Advice::Random)?;
    let mut sum = 0.0;
    for place in places {
        let (from, to) = (place as i64, place as i64 + PIECE as i64);
        match module.call("total", &mut [Arg::from(&all), Arg::from(from), Arg::from(to)])? {
            Value::F64(part) => sum += part,
            other => return Err(Error::Machine(format!("not a number: {other:?}"))),
        }
    }
    std::fs::remove_file(&path).map_err(told)?;
    out(format!("{} numbers, sum {sum}", all.len()));
    Ok(())
}

fn main() -> Result<(), Error> {
    run(&std::env::temp_dir(), NUMBERS, &mut |line| println!("{line}"))
}
