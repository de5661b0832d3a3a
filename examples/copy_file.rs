//! A file copied by two mappings: one to read, one that is written back. The program sees two arrays and no file.

use cresset::{Arg, Config, Data, DataMut, Error, Value};
use std::path::Path;

/// Prints how many bytes were copied and whether both files are the same.
pub fn run(folder: &Path, out: &mut dyn FnMut(String)) -> Result<(), Error> {
    let (from, to) = (folder.join("from.bin"), folder.join("to.bin"));
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|i| (i ^ (i >> 8)) as u8).collect();
    std::fs::write(&from, &bytes).map_err(|error| Error::Machine(error.to_string()))?;

    // The other file might become shorter under us; that is a trap then, not the end of the process.
    let engine = Config::new().catch_faults(true).engine()?;
    let module = engine.compile("fn copy_all(mut to: [u8], from: [u8]) -> i64 { copy(to, from); len(to) }")?;

    let source = Data::<u8>::open(&from)?;
    let mut target = DataMut::<u8>::create(&to, source.len())?;
    let copied = module.call("copy_all", &mut [Arg::from(&mut target), Arg::from(&source)])?;
    target.flush()?;

    let same = std::fs::read(&to).is_ok_and(|copy| copy == bytes);
    let _ = (std::fs::remove_file(&from), std::fs::remove_file(&to));
    let Value::I64(copied) = copied else { return Err(Error::Machine("not a number".to_owned())) };
    out(format!("copied {copied} bytes, the same: {same}"));
    Ok(())
}

fn main() -> Result<(), Error> {
    run(&std::env::temp_dir(), &mut |line| println!("{line}"))
}
