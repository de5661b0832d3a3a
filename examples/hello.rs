//! The shortest way in: a function from text, called as machine code, and a formula over inputs.

use cresset::{Engine, Error, Func, Type};

/// Prints what a few small programs give.
pub fn run(out: &mut dyn FnMut(String)) -> Result<(), Error> {
    let engine = Engine::new()?;

    // A text can define functions; each is called with Rust's own types, checked once, here.
    let module = engine.compile(
        "fn area(r) = PI * r^2;
         fn mean_of_squares(xs: [f64]) -> f64 = dot(xs, xs) / len(xs);",
    )?;
    let area: Func<fn(f64) -> f64> = module.func("area")?;
    out(format!("area(2) = {}", area.call(2.0)?));

    // Arrays are lent to the program, not copied.
    let mean_of_squares: Func<fn(&[f64]) -> f64> = module.func("mean_of_squares")?;
    out(format!("mean_of_squares = {}", mean_of_squares.call(&[1.0, 2.0, 3.0, 4.0])?));

    // Or it is a formula, whose free names are its inputs.
    let formula = engine.compile_with("sqrt(x^2 + y^2)", &[("x", Type::F64), ("y", Type::F64)])?;
    let distance = formula.program::<fn(f64, f64) -> f64>()?;
    out(format!("distance(3, 4) = {}", distance.call((3.0, 4.0))?));

    // Or it is run once and forgotten.
    out(format!("20! = {}", engine.eval::<i64>("var n = 1; for i in 1..=20 { n *= i; } n")?));
    Ok(())
}

fn main() -> Result<(), Error> {
    run(&mut |line| println!("{line}"))
}
