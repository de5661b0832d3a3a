//! Cresset: through the safe typed handles, everything checked; metered or not; and many formulas in one batch.

use crate::peer::{Formula, HOST_CALLS, Loop, Map, Peer, Run, SIEVED, Sum, half, summed};
use crate::workloads::{L1, L2, L3, L4, L5, engine};
use cresset::{Columns, Config, Engine, Limits, Module, Sandbox, Type};

pub struct Cresset {
    name: &'static str,
    engine: Engine,
}

const LOOPS_OF_HOST: &str = "
fn with(n: i64) { var s = 0.0; for i in 0..n { s = half(s) + 1; } s }
fn without(n: i64) { var s = 0.0; for i in 0..n { s = 0.5*s + 1; } s }";

impl Cresset {
    pub fn all() -> impl Iterator<Item = Box<dyn Peer>> {
        let variants = [("Cresset", true), ("Cresset, metering off", false)];
        let all = variants.into_iter().map(|(name, metering)| Cresset { name, engine: engine(metering) });
        all.map(|peer| Box::new(peer) as Box<dyn Peer>)
    }

    fn sandbox(&self) -> Sandbox {
        self.engine.sandbox(Limits { fuel: Some(u64::MAX / 2), ..Limits::default() }).expect("a sandbox")
    }
}

fn inputs(formula: &Formula) -> Vec<(&'static str, Type)> {
    formula.names.iter().map(|name| (*name, Type::F64)).collect()
}

fn callable(module: &Module, count: usize) -> Option<Sum> {
    macro_rules! handle {
        ($($x:ident),+) => {{
            let f = module.program::<fn($(handle!(@f64 $x)),+) -> f64>().ok()?;
            Box::new(move |columns: &[Vec<f64>]| {
                sum_rows!(columns; $($x),+ => f.call(handle!(@arguments $($x),+)).unwrap_or(f64::NAN))
            })
        }};
        (@f64 $x:ident) => { f64 };
        (@arguments $x:ident) => { $x };
        (@arguments $($x:ident),+) => { ($($x),+) };
    }
    Some(by_inputs!(count, handle))
}

impl Peer for Cresset {
    fn name(&self) -> &'static str {
        self.name
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum> {
        let module = self.engine.compile_with(&formula.text, &inputs(formula)).ok()?;
        callable(&module, formula.names.len())
    }

    fn compile_many(&mut self, formula: &Formula, count: usize) -> Vec<Sum> {
        let inputs = inputs(formula);
        let modules = self.engine.compile_batch(std::iter::repeat_n((formula.text.as_str(), &*inputs), count));
        modules.into_iter().map_while(|module| callable(&module.ok()?, inputs.len())).collect()
    }

    fn program(&mut self, which: Loop) -> Option<Run> {
        let mut sandbox = self.sandbox();
        let compile = |text| self.engine.compile(text).expect("the loop");
        macro_rules! integer {
            ($text:expr, $name:literal, $n:expr) => {{
                let f = compile($text).func::<fn(i64) -> i64>($name).ok()?;
                Box::new(move || f.call_in(&mut sandbox, $n).map_or(f64::NAN, |value| value as f64))
            }};
        }
        Some(match which {
            Loop::L1 => integer!(L1, "total", 256),
            Loop::L3 => integer!(L3, "fib", 32),
            Loop::L5 => integer!(L5, "longest", crate::peer::CHAINS),
            Loop::L2 => {
                let (f, xs) = (compile(L2).func::<fn(&[f64]) -> f64>("total").ok()?, summed());
                Box::new(move || f.call_in(&mut sandbox, &xs).unwrap_or(f64::NAN))
            }
            Loop::L4 => {
                let f = compile(L4).func::<fn(&mut [bool]) -> i64>("primes").ok()?;
                let mut composite = vec![false; SIEVED];
                Box::new(move || {
                    composite.fill(false);
                    f.call_in(&mut sandbox, &mut composite).map_or(f64::NAN, |value| value as f64)
                })
            }
            Loop::Host | Loop::HostPointer | Loop::NoHost => {
                let metering = self.name == "Cresset";
                let engine = Config::new().metering(metering).host_fn("half", half).engine().ok()?;
                let module = engine.compile(LOOPS_OF_HOST).expect("the loops");
                let f = module.func::<fn(i64) -> f64>(if which == Loop::NoHost { "without" } else { "with" }).ok()?;
                Box::new(move || f.call(HOST_CALLS).unwrap_or(f64::NAN))
            }
        })
    }

    fn map<'a>(&mut self, formula: &Formula, columns: &'a [Vec<f64>]) -> Option<Map<'a>> {
        if self.name != "Cresset" {
            return None;
        }
        let mut bound = Columns::new();
        for (name, column) in formula.names.iter().zip(columns) {
            bound = bound.column(name, column);
        }
        let kernel = self.engine.kernel(&formula.text).ok()?.for_columns(&bound).ok()?;
        Some(Box::new(move |out| kernel.map_into(&bound, out).expect("no trap")))
    }
}
