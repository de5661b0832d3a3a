//! wasmtime: text of WebAssembly; a store and an instance for each formula, called through its typed handle.

use crate::formula::{Binary, Build, Unary};
use crate::peer::{CHAINS, Formula, HOST_CALLS, Loop, Map, Peer, Run, SIEVED, SUMMED, Sum, half, summed};
use std::fmt::Write;
use wasmtime::{Config, Engine, Func, Instance, Module, Store};

pub struct Wasmtime {
    engine: Engine,
    /// Counts fuel and looks for interruption.
    metering: bool,
}

impl Wasmtime {
    pub fn all() -> impl Iterator<Item = Box<dyn Peer>> {
        [false, true].into_iter().map(|metering| {
            let mut config = Config::new();
            config.consume_fuel(metering).epoch_interruption(metering);
            Box::new(Wasmtime { engine: Engine::new(&config).expect("an engine"), metering }) as Box<dyn Peer>
        })
    }

    fn store(&self) -> Store<()> {
        let mut store = Store::new(&self.engine, ());
        if self.metering {
            store.set_fuel(u64::MAX / 2).expect("it counts fuel");
            store.set_epoch_deadline(1 << 40);
        }
        store
    }

    /// The only instance of a text, with those functions of the host that it asks for.
    fn instance(&self, text: &str) -> Option<(Store<()>, Instance)> {
        let module = Module::new(&self.engine, text).ok()?;
        let mut store = self.store();
        let mut imports = Vec::new();
        for import in module.imports() {
            let f: fn(f64) -> f64 = match import.name() {
                "exp" => f64::exp,
                "ln" => f64::ln,
                "sin" => f64::sin,
                _ => half,
            };
            imports.push(Func::wrap(&mut store, f).into());
        }
        let instance = Instance::new(&mut store, &module, &imports).ok()?;
        Some((store, instance))
    }
}

/// Makes text of WebAssembly.
struct Lower {
    text: String,
    locals: usize,
    params: usize,
}

impl Build for Lower {
    type Value = String;

    fn number(&mut self, x: f64) -> String {
        format!("(f64.const {x:?})")
    }

    fn unary(&mut self, op: Unary, operand: String) -> String {
        let op = match op {
            Unary::Neg => "f64.neg",
            Unary::Abs => "f64.abs",
            Unary::Sqrt => "f64.sqrt",
            Unary::Exp => "call $exp",
            Unary::Ln => "call $ln",
            Unary::Sin => "call $sin",
        };
        format!("({op} {operand})")
    }

    fn binary(&mut self, op: Binary, left: String, right: String) -> String {
        let op = match op {
            Binary::Add => "f64.add",
            Binary::Sub => "f64.sub",
            Binary::Mul => "f64.mul",
            Binary::Div => "f64.div",
            Binary::Less => "f64.lt",
            Binary::Greater => "f64.gt",
            Binary::Equal => "f64.eq",
            Binary::And => "i32.and",
            Binary::Or => "i32.or",
        };
        format!("({op} {left} {right})")
    }

    fn choose(&mut self, condition: String, yes: String, no: String) -> String {
        format!("(select {yes} {no} {condition})")
    }

    fn shared(&mut self, value: String) -> String {
        let local = self.params + self.locals;
        self.locals += 1;
        writeln!(self.text, "(local.set {local} {value})").expect("a string takes all");
        format!("(local.get {local})")
    }
}

fn imports(body: &str) -> String {
    let used = ["exp", "ln", "sin", "half"].into_iter().filter(|name| body.contains(&format!("call ${name} ")));
    used.map(|name| format!("(import \"host\" \"{name}\" (func ${name} (param f64) (result f64)))\n")).collect()
}

/// A module of one function of the formula.
fn text(formula: &Formula) -> String {
    let count = formula.names.len();
    let inputs: Vec<String> = (0..count).map(|i| format!("(local.get {i})")).collect();
    let mut lower = Lower { text: String::new(), locals: 0, params: count };
    let value = formula.program.build(&inputs, &mut lower);
    let body = format!("{}{value}", lower.text);
    let (params, locals) = ("f64 ".repeat(count), "f64 ".repeat(lower.locals));
    let imports = imports(&body);
    format!("(module {imports}(func (export \"f\") (param {params}) (result f64) (local {locals})\n{body}))")
}

/// A module that computes a column of so many rows; columns lie one after another, the result last.
fn text_of_map(formula: &Formula, rows: usize) -> String {
    let count = formula.names.len();
    let input = |i: usize| format!("(f64.load offset={} (local.get 0))", i * rows * 8);
    let inputs: Vec<String> = (0..count).map(input).collect();
    let mut lower = Lower { text: String::new(), locals: 0, params: 1 };
    let inputs: Vec<String> = inputs.into_iter().map(|input| lower.shared(input)).collect();
    let value = formula.program.build(&inputs, &mut lower);
    let imports = imports(&format!("{}{value}", lower.text));
    let (pages, end) = (((count + 1) * rows * 8).div_ceil(65536), rows * 8);
    format!(
        "(module {imports}(memory (export \"m\") {pages})
        (func (export \"f\") (local i32 {locals})
          (loop $rows
            {lets}
            (f64.store offset={out} (local.get 0) {value})
            (br_if $rows (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 8))) (i32.const {end}))))))",
        locals = "f64 ".repeat(lower.locals),
        lets = lower.text,
        out = count * rows * 8,
    )
}

const L1: &str = r#"(module (func (export "f") (param $n i64) (result i64)
  (local $total i64) (local $row i64) (local $column i64) (local $count i64)
  (local $size f64) (local $cx f64) (local $cy f64) (local $x f64) (local $y f64) (local $xx f64) (local $yy f64)
  (local.set $size (f64.convert_i64_s (local.get $n)))
  (loop $rows
    (local.set $column (i64.const 0))
    (local.set $cy (f64.add (f64.const -1.5)
      (f64.div (f64.mul (f64.const 3) (f64.convert_i64_s (local.get $row))) (local.get $size))))
    (loop $columns
      (local.set $cx (f64.add (f64.const -2)
        (f64.div (f64.mul (f64.const 3) (f64.convert_i64_s (local.get $column))) (local.get $size))))
      (local.set $x (f64.const 0)) (local.set $y (f64.const 0)) (local.set $count (i64.const 0))
      (block $done (loop $points
        (local.set $xx (f64.mul (local.get $x) (local.get $x)))
        (local.set $yy (f64.mul (local.get $y) (local.get $y)))
        (br_if $done (i32.eqz (f64.le (f64.add (local.get $xx) (local.get $yy)) (f64.const 4))))
        (local.set $y (f64.add (f64.mul (f64.mul (f64.const 2) (local.get $x)) (local.get $y)) (local.get $cy)))
        (local.set $x (f64.add (f64.sub (local.get $xx) (local.get $yy)) (local.get $cx)))
        (br_if $points (i64.lt_s (local.tee $count (i64.add (local.get $count) (i64.const 1))) (i64.const 256)))))
      (local.set $total (i64.add (local.get $total) (local.get $count)))
      (br_if $columns
        (i64.lt_s (local.tee $column (i64.add (local.get $column) (i64.const 1))) (local.get $n))))
    (br_if $rows (i64.lt_s (local.tee $row (i64.add (local.get $row) (i64.const 1))) (local.get $n))))
  (local.get $total)))"#;

const L2: &str = r#"(module (memory (export "m") 123) (func (export "f") (param $len i64) (result f64)
  (local $at i32) (local $end i32) (local $total f64) (local $x f64)
  (local.set $end (i32.shl (i32.wrap_i64 (local.get $len)) (i32.const 3)))
  (loop $next
    (local.set $x (f64.load (local.get $at)))
    (local.set $total (f64.add (local.get $total) (f64.mul (local.get $x) (local.get $x))))
    (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end))))
  (local.get $total)))"#;

const L3: &str = r#"(module (func $f (export "f") (param $n i64) (result i64)
  (if (result i64) (i64.lt_s (local.get $n) (i64.const 2))
    (then (local.get $n))
    (else (i64.add
      (call $f (i64.sub (local.get $n) (i64.const 1)))
      (call $f (i64.sub (local.get $n) (i64.const 2))))))))"#;

const L4: &str = r#"(module (memory (export "m") 31) (func (export "f") (param $len i64) (result i64)
  (local $n i64) (local $multiple i64) (local $count i64)
  (local.set $n (i64.const 2))
  (loop $numbers
    (if (i32.eqz (i32.load8_u (i32.wrap_i64 (local.get $n)))) (then
      (local.set $count (i64.add (local.get $count) (i64.const 1)))
      (local.set $multiple (i64.mul (local.get $n) (local.get $n)))
      (if (i64.lt_s (local.get $multiple) (local.get $len)) (then (loop $multiples
        (i32.store8 (i32.wrap_i64 (local.get $multiple)) (i32.const 1))
        (br_if $multiples
          (i64.lt_s (local.tee $multiple (i64.add (local.get $multiple) (local.get $n))) (local.get $len))))))))
    (br_if $numbers (i64.lt_s (local.tee $n (i64.add (local.get $n) (i64.const 1))) (local.get $len))))
  (local.get $count)))"#;

/// The halves by shifts, as compilers to WebAssembly write them.
const L5: &str = r#"(module (func (export "f") (param $below i64) (result i64)
  (local $best i64) (local $best_start i64) (local $start i64) (local $n i64) (local $steps i64)
  (local.set $start (i64.const 1))
  (loop $starts
    (local.set $n (local.get $start))
    (local.set $steps (i64.const 0))
    (block $done (loop $chain
      (br_if $done (i64.eq (local.get $n) (i64.const 1)))
      (local.set $n (select
        (i64.add (i64.mul (local.get $n) (i64.const 3)) (i64.const 1))
        (i64.shr_s (i64.add (local.get $n) (i64.shr_u (local.get $n) (i64.const 63))) (i64.const 1))
        (i32.wrap_i64 (i64.and (local.get $n) (i64.const 1)))))
      (local.set $steps (i64.add (local.get $steps) (i64.const 1)))
      (br $chain)))
    (if (i64.gt_s (local.get $steps) (local.get $best)) (then
      (local.set $best (local.get $steps))
      (local.set $best_start (local.get $start))))
    (br_if $starts (i64.lt_s (local.tee $start (i64.add (local.get $start) (i64.const 1))) (local.get $below))))
  (local.get $best_start)))"#;

fn host_loop(half: &str) -> String {
    let body = format!(
        "(func (export \"f\") (param $n i64) (result f64) (local $i i64) (local $s f64)
          (loop $next
            (local.set $s (f64.add {half} (f64.const 1)))
            (br_if $next (i64.lt_s (local.tee $i (i64.add (local.get $i) (i64.const 1))) (local.get $n))))
          (local.get $s))"
    );
    format!("(module {}{body})", imports(&body))
}

impl Peer for Wasmtime {
    fn name(&self) -> &'static str {
        if self.metering { "wasmtime, fuel and epochs" } else { "wasmtime" }
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum> {
        let (mut store, instance) = self.instance(&formula.text_for(self.name(), text))?;
        macro_rules! handle {
            ($($x:ident),+) => {{
                let f = instance.get_typed_func::<handle!(@types $($x),+), f64>(&mut store, "f").ok()?;
                Box::new(move |columns: &[Vec<f64>]| {
                    sum_rows!(columns; $($x),+ => f.call(&mut store, handle!(@arguments $($x),+)).unwrap_or(f64::NAN))
                })
            }};
            (@f64 $x:ident) => { f64 };
            (@types $x:ident) => { f64 };
            (@types $($x:ident),+) => { ($(handle!(@f64 $x)),+) };
            (@arguments $x:ident) => { $x };
            (@arguments $($x:ident),+) => { ($($x),+) };
        }
        Some(by_inputs!(formula.names.len(), handle))
    }

    fn program(&mut self, which: Loop) -> Option<Run> {
        let half = match which {
            Loop::Host => host_loop("(call $half (local.get $s))"),
            _ => host_loop("(f64.mul (f64.const 0.5) (local.get $s))"),
        };
        let (text, n) = match which {
            Loop::L1 => (L1, 256),
            Loop::L2 => (L2, SUMMED as i64),
            Loop::L3 => (L3, 32),
            Loop::L4 => (L4, SIEVED as i64),
            Loop::L5 => (L5, CHAINS),
            Loop::Host | Loop::NoHost => (&*half, HOST_CALLS),
            Loop::HostPointer => return None,
        };
        let (mut store, instance) = self.instance(text).expect("the loop");
        if which == Loop::L2 {
            let memory = instance.get_memory(&mut store, "m")?;
            let bytes: Vec<u8> = summed().into_iter().flat_map(f64::to_le_bytes).collect();
            memory.write(&mut store, 0, &bytes).ok()?;
        }
        Some(match which {
            Loop::L2 | Loop::Host | Loop::NoHost => {
                let f = instance.get_typed_func::<i64, f64>(&mut store, "f").ok()?;
                Box::new(move || f.call(&mut store, n).unwrap_or(f64::NAN))
            }
            Loop::L4 => {
                let f = instance.get_typed_func::<i64, i64>(&mut store, "f").ok()?;
                let memory = instance.get_memory(&mut store, "m")?;
                Box::new(move || {
                    memory.data_mut(&mut store)[..SIEVED].fill(0);
                    f.call(&mut store, n).map_or(f64::NAN, |value| value as f64)
                })
            }
            _ => {
                let f = instance.get_typed_func::<i64, i64>(&mut store, "f").ok()?;
                Box::new(move || f.call(&mut store, n).map_or(f64::NAN, |value| value as f64))
            }
        })
    }

    /// Over columns that lie in its memory already, the result left there but for the first time.
    fn map<'a>(&mut self, formula: &Formula, columns: &'a [Vec<f64>]) -> Option<Map<'a>> {
        if self.metering {
            return None;
        }
        let rows = columns[0].len();
        let (mut store, instance) = self.instance(&text_of_map(formula, rows))?;
        let memory = instance.get_memory(&mut store, "m")?;
        for (i, column) in columns.iter().enumerate() {
            let bytes: Vec<u8> = column.iter().flat_map(|x| x.to_le_bytes()).collect();
            memory.write(&mut store, i * rows * 8, &bytes).ok()?;
        }
        let f = instance.get_typed_func::<(), ()>(&mut store, "f").ok()?;
        let (mut first, out_at) = (true, columns.len() * rows * 8);
        Some(Box::new(move |out| {
            f.call(&mut store, ()).expect("no trap");
            if std::mem::take(&mut first) {
                for (x, bytes) in out.iter_mut().zip(memory.data(&store)[out_at..].chunks_exact(8)) {
                    *x = f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
                }
            }
        }))
    }
}
