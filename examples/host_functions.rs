//! Functions of the host that programs can call: with a result, with a failure, and with a memory of their own.

use cresset::{Config, Error, TrapKind};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Prints what programs get from their host, and what the host gets from them.
pub fn run(out: &mut dyn FnMut(String)) -> Result<(), Error> {
    let rates = HashMap::from([(840, 1.08), (826, 0.85), (392, 161.0)]);
    let log = Arc::new(Mutex::new(Vec::new()));
    let kept = log.clone();

    let engine = Config::new()
        // An error becomes a `HostError` trap with this message, at the call in the program.
        .host_fn("rate", move |currency: i64| {
            rates.get(&currency).copied().ok_or_else(|| format!("no rate for currency {currency}"))
        })
        .host_fn("record", move |amount: f64| kept.lock().unwrap_or_else(|e| e.into_inner()).push(amount))
        .engine()?;

    let module = engine.compile(
        "fn convert(euros, currency: i64) -> f64 {
             let amount = round(euros * rate(currency) * 100) / 100;
             record(amount);
             amount
         }",
    )?;
    let convert = module.func::<fn(f64, i64) -> f64>("convert")?;
    out(format!("100 euros are {} dollars", convert.call((100.0, 840))?));
    out(format!("100 euros are {} pounds", convert.call((100.0, 826))?));

    let error = convert.call((100.0, 999)).expect_err("there is no such currency");
    assert_eq!(error.trap().map(|trap| trap.kind), Some(TrapKind::HostError));
    out(format!("100 euros are … {error}"));

    let recorded = log.lock().unwrap_or_else(|e| e.into_inner()).clone();
    out(format!("recorded: {recorded:?}"));
    Ok(())
}

fn main() -> Result<(), Error> {
    run(&mut |line| println!("{line}"))
}
