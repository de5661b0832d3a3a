//! rhai: an interpreter of text.

use crate::peer::{CHAINS, Formula, HOST_CALLS, Loop, Peer, Run, SIEVED, Sum, half, summed};
use rhai::{AST, Dynamic, Engine, Scope};
use std::rc::Rc;

pub struct Rhai(Rc<Engine>);

impl Rhai {
    pub fn new() -> Rhai {
        let mut engine = Engine::new();
        engine.set_max_expr_depths(0, 0).set_max_call_levels(256);
        engine.register_fn("host_half", half);
        Rhai(Rc::new(engine))
    }
}

const S3: &str = "
fn cdf(x) {
    let z = abs(x) / sqrt(2.0);
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let erf = 1.0 - ((((1.061405429*t - 1.453152027)*t + 1.421413741)*t - 0.284496736)*t + 0.254829592) * t * exp(-z*z);
    if x < 0.0 { 0.5 * (1.0 - erf) } else { 0.5 * (1.0 + erf) }
}
let d1 = (ln(s / k) + (r + sigma*sigma/2.0)*t) / (sigma*sqrt(t));
let d2 = d1 - sigma*sqrt(t);
s*cdf(d1) - k*exp(-r*t)*cdf(d2)";
const S4: &str = "if (a > 0.5 && b < 10.0) || c == 3.0 { a*2.0 + b } else { c - a }";

const L1: &str = "
let total = 0;
for row in 0..256 {
    for column in 0..256 {
        let cx = -2.0 + 3.0 * column / 256.0;
        let cy = -1.5 + 3.0 * row / 256.0;
        let x = 0.0;
        let y = 0.0;
        let count = 0;
        while count < 256 && x*x + y*y <= 4.0 {
            let next = x*x - y*y + cx;
            y = 2.0*x*y + cy;
            x = next;
            count += 1;
        }
        total += count;
    }
}
total";
const L2: &str = "let total = 0.0; for x in xs { total += x*x; } total";
const L3: &str = "fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } } fib(32)";
const L4: &str = "
let composite = [];
composite.pad(size, false);
let count = 0;
for n in 2..size {
    if !composite[n] {
        count += 1;
        let multiple = n * n;
        while multiple < size {
            composite[multiple] = true;
            multiple += n;
        }
    }
}
count";
const L5: &str = "
let best = 0;
let best_start = 0;
for start in 1..below {
    let n = start;
    let steps = 0;
    while n != 1 {
        n = if n % 2 == 0 { n / 2 } else { 3*n + 1 };
        steps += 1;
    }
    if steps > best {
        best = steps;
        best_start = start;
    }
}
best_start";
const HOST: &str = "let s = 0.0; for i in 0..calls { s = host_half(s) + 1.0; } s";
const NO_HOST: &str = "let s = 0.0; for i in 0..calls { s = 0.5*s + 1.0; } s";

impl Peer for Rhai {
    fn name(&self) -> &'static str {
        "rhai"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum> {
        let text = match formula.title {
            "S3" => S3,
            "S4" => S4,
            // It has no mixed arithmetic of literals and names.
            title if title.starts_with("entry") => "x + 1.0",
            _ => &*formula.text,
        };
        let ast: AST = self.0.compile(text).ok()?;
        let engine = self.0.clone();
        let mut scope = Scope::new();
        formula.names.iter().for_each(|name| _ = scope.push(*name, 0.0_f64));
        let names = formula.names;
        Some(Box::new(move |columns| {
            let mut total = 0.0;
            for i in 0..columns[0].len() {
                for (name, column) in names.iter().zip(columns) {
                    scope.set_value(*name, column[i]);
                }
                total += engine.eval_ast_with_scope::<f64>(&mut scope, &ast).unwrap_or(f64::NAN);
                scope.rewind(names.len());
            }
            total
        }))
    }

    fn program(&mut self, which: Loop) -> Option<Run> {
        let text = match which {
            Loop::L1 => L1,
            Loop::L2 => L2,
            Loop::L3 => L3,
            Loop::L4 => L4,
            Loop::L5 => L5,
            Loop::Host => HOST,
            Loop::NoHost => NO_HOST,
            Loop::HostPointer => return None,
        };
        let mut scope = Scope::new();
        scope.push("size", SIEVED as i64).push("below", CHAINS).push("calls", HOST_CALLS);
        if which == Loop::L2 {
            let xs: Vec<Dynamic> = summed().into_iter().map(Dynamic::from).collect();
            scope.push("xs", xs);
        }
        let ast = self.0.compile_with_scope(&scope, text).expect("the loop");
        let (engine, depth) = (self.0.clone(), scope.len());
        Some(Box::new(move || {
            let value = engine.eval_ast_with_scope::<Dynamic>(&mut scope, &ast).expect("a number");
            scope.rewind(depth);
            value.as_float().unwrap_or_else(|_| value.as_int().map_or(f64::NAN, |value| value as f64))
        }))
    }
}
