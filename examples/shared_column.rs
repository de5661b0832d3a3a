//! A column that a parent shares with its child: the child fills it in by a program, the parent reads it. Nothing is copied, nothing is sent.

use cresset::{Arg, DataMut, Engine, Error};

/// Prints a few of the numbers that the child left.
pub fn run(out: &mut dyn FnMut(String)) -> Result<(), Error> {
    let engine = Engine::new()?;
    let module = engine.compile("fn fill_in(mut xs: [f64]) { for i in 0..len(xs) { xs[i] = sqrt(i); } }")?;
    let mut column = DataMut::<f64>::shared(100_000)?;

    // SAFETY: the child runs only what follows, and leaves without the parent's destructors.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let done = module.call("fill_in", &mut [Arg::from(&mut column)]).is_ok();
        // SAFETY: ends the child.
        unsafe { libc::_exit(i32::from(!done)) };
    }
    let mut status = -1;
    // SAFETY: waits for the child.
    if child < 0 || unsafe { libc::waitpid(child, &mut status, 0) } != child || status != 0 {
        return Err(Error::Machine("the child failed".to_owned()));
    }
    out(format!("{} {} {}", column.get(4)?, column.get(625)?, column.get(99_856)?));
    Ok(())
}

fn main() -> Result<(), Error> {
    run(&mut |line| println!("{line}"))
}
