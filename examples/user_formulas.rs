//! Formulas that users type: none of them can harm the host, and each mistake is answered with what to write instead.

use cresset::diagnostic::render_trap;
use cresset::{Engine, Error, Limits, Type, Value};
use std::time::Duration;

/// What users typed for the price of an order.
const TYPED: [&str; 7] = [
    "if quantity >= 10 { price * quantity * 0.9 } else { price * quantity }",
    "price * quantity ** 2",
    "log(price) + prise",
    "price * [1.0, 0.95, 0.9][quantity]",
    "var total = 0.0; while true { total += price; } total",
    "fn f(n: i64) -> f64 { f(n + 1) } f(quantity)",
    "sum([price; 1_000_000_000])",
];

/// Prints what each formula gives, or what is wrong with it.
pub fn run(out: &mut dyn FnMut(String)) -> Result<(), Error> {
    let engine = Engine::new()?;
    let limits = Limits::default().fuel(100_000).memory(1 << 20).depth(8).deadline(Duration::from_millis(200));
    // One sandbox serves them all: every call starts with the full limits.
    let mut sandbox = engine.sandbox(limits)?;

    for text in TYPED {
        let compiled = engine.compile_with(text, &[("price", Type::F64), ("quantity", Type::I64)]);
        let answer = compiled.and_then(|module| module.run_in(&mut sandbox, &mut [2.5.into(), 12.into()]));
        out(match answer {
            Ok(Value::F64(total)) => format!("{text}\n  = {total}\n"),
            Ok(other) => format!("{text}\n  is {}, but a price is f64\n", other.ty()),
            Err(Error::Source(mistakes)) => mistakes.render("formula", false),
            Err(Error::Trap(trap)) => render_trap("formula", text, &trap, false),
            Err(refused) => return Err(refused),
        });
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    run(&mut |line| println!("{line}"))
}
