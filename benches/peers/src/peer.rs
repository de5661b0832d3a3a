//! What is asked of a peer.

use crate::formula::Program;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::workloads::{self, C1, C2, C3, C4, C5, S1, S2, S3, S4};

/// A formula of numbers.
pub struct Formula {
    pub title: &'static str,
    /// In Cresset's language.
    pub text: String,
    pub names: &'static [&'static str],
    /// The same, for those that read no text of ours.
    pub program: Program,
    /// From where to where each input goes.
    ranges: &'static [(f64, f64)],
    /// The same in other languages, by who reads them: written once, as their users would have them.
    texts: RefCell<HashMap<&'static str, Rc<str>>>,
}

/// Sums the formula's values over the rows of columns.
pub type Sum = Box<dyn FnMut(&[Vec<f64>]) -> f64>;
/// Runs a loop and gives its result.
pub type Run = Box<dyn FnMut() -> f64>;
/// Computes a column.
pub type Map<'a> = Box<dyn FnMut(&mut [f64]) + 'a>;

/// How often a loop calls the host.
pub const HOST_CALLS: i64 = 10_000;
/// Elements of L2 and of L4, and below what L5 looks for a chain.
pub const SUMMED: usize = 1_000_000;
pub const SIEVED: usize = 2_000_000;
pub const CHAINS: i64 = 300_000;

/// A loop in a language.
#[derive(Clone, Copy, PartialEq)]
pub enum Loop {
    L1,
    L2,
    L3,
    L4,
    L5,
    /// `s = 0.5*s + 1` in a loop, the product by a closure of the host; by a C function behind a pointer; in the language.
    Host,
    HostPointer,
    NoHost,
}

impl Loop {
    pub fn title(self) -> &'static str {
        match self {
            Loop::L1 => "L1 Mandelbrot set",
            Loop::L2 => "L2 sum of squares",
            Loop::L3 => "L3 `fib(32)`",
            Loop::L4 => "L4 sieve",
            Loop::L5 => "L5 Collatz",
            Loop::Host => "`s = half(s) + 1`, `half` a closure of the host",
            Loop::HostPointer => "the same, `half` a bare pointer",
            Loop::NoHost => "the same without a call",
        }
    }
}

/// One way to evaluate formulas.
pub trait Peer {
    /// Its name.
    fn name(&self) -> &'static str;
    /// From the formula's text or tree to something that can be called; none where it cannot do it.
    fn compile(&mut self, formula: &Formula) -> Option<Sum>;
    /// Whether compiling is to be measured.
    fn compiles(&self) -> bool {
        true
    }
    /// The same formula many times, all of them live; at once, where it can.
    fn compile_many(&mut self, formula: &Formula, count: usize) -> Vec<Sum> {
        (0..count).map_while(|_| self.compile(formula)).collect()
    }
    /// A loop, ready to run.
    fn program(&mut self, _which: Loop) -> Option<Run> {
        None
    }
    /// The formula over columns, ready to run.
    fn map<'a>(&mut self, _formula: &Formula, _columns: &'a [Vec<f64>]) -> Option<Map<'a>> {
        None
    }
}

/// What [`Loop::Host`] calls.
pub fn half(x: f64) -> f64 {
    0.5 * x
}

/// What [`Loop::HostPointer`] calls.
pub extern "C" fn half_in_c(x: f64) -> f64 {
    0.5 * x
}

/// What [`Loop::L2`] sums.
pub fn summed() -> Vec<f64> {
    workloads::numbers(SUMMED, -1.0, 1.0, 1)
}

const ONE: (f64, f64) = (-1.0, 1.0);
const OPTION: &[&str] = &["s", "k", "r", "sigma", "t"];
const OPTIONS: &[(f64, f64)] = &[(80.0, 120.0), (80.0, 120.0), (0.01, 0.05), (0.1, 0.4), (0.2, 2.0)];

impl Formula {
    fn new(
        title: &'static str,
        text: impl Into<String>,
        names: &'static [&'static str],
        ranges: &'static [(f64, f64)],
    ) -> Formula {
        let text = text.into();
        let program = Program::parse(&text, names);
        Formula { title, text, names, program, ranges, texts: RefCell::default() }
    }

    /// Those that are called row by row.
    pub fn all() -> Vec<Formula> {
        const TERM: (f64, f64) = (0.1, 1.0);
        vec![
            Formula::new("S1", S1, &["x", "y"], &[ONE, ONE]),
            Formula::new("S2", S2, &["x"], &[ONE]),
            Formula::new("S3", S3, OPTION, OPTIONS),
            Formula::new("S4", S4, &["a", "b", "c"], &[(0.0, 1.0), (0.0, 20.0), (0.0, 5.0)]),
            Formula::new("T100", workloads::terms(100), &["x", "y", "d", "e"], &[TERM; 4]),
            Formula::new("T1000", workloads::terms(1000), &["x", "y", "d", "e"], &[TERM; 4]),
            Formula::new("entry, `x + 1`", "x + 1", &["x"], &[ONE]),
        ]
    }

    /// Those that are computed over columns.
    pub fn of_columns() -> Vec<Formula> {
        vec![
            Formula::new("C1", C1, &["a", "b", "c"], &[ONE; 3]),
            Formula::new("C2", C2, &["x", "y", "z"], &[ONE; 3]),
            Formula::new("C3", C3, &["x", "y", "z"], &[(-3.0, 3.0), (-2.0, 2.0), (-5.0, 5.0)]),
            Formula::new("C4", C4, &["x", "y", "z"], &[(0.0, 1.0), ONE, ONE]),
            Formula::new("C5", C5, &["x"], &[ONE]),
            Formula::new("C7", S3, OPTION, OPTIONS),
        ]
    }

    /// The formula in the language of a peer.
    pub fn text_for(&self, peer: &'static str, write: impl FnOnce(&Formula) -> String) -> Rc<str> {
        self.texts.borrow_mut().entry(peer).or_insert_with(|| write(self).into()).clone()
    }

    /// So many rows of its inputs.
    pub fn columns(&self, rows: usize) -> Vec<Vec<f64>> {
        let ranges = self.ranges.iter().zip(1..);
        ranges.map(|((low, high), seed)| workloads::numbers(rows, *low, *high, seed)).collect()
    }
}

/// Sums a call over rows, each argument from its column.
macro_rules! sum_rows {
    ($columns:ident; $($x:ident),+ => $call:expr) => {{
        let [$($x),+] = $columns else { unreachable!("a column for each input") };
        let rows = $columns[0].len();
        let mut total = 0.0;
        for row in 0..rows {
            $(let $x = $x[row];)+
            total += $call;
        }
        total
    }};
}

/// Uses a macro with as many names as there are inputs.
macro_rules! by_inputs {
    ($count:expr, $macro:ident) => {
        match $count {
            1 => $macro!(a),
            2 => $macro!(a, b),
            3 => $macro!(a, b, c),
            4 => $macro!(a, b, c, d),
            5 => $macro!(a, b, c, d, e),
            _ => return None,
        }
    };
}

/// Sums by code behind a pointer, which lives as long as its owner.
///
/// # Safety
/// The code takes so many `f64` as C does, and gives one.
pub unsafe fn sum_by_code(code: *const u8, inputs: usize, owner: impl Sized + 'static) -> Option<Sum> {
    macro_rules! code {
        ($($x:ident),+) => {{
            // SAFETY: the caller says so.
            let f: extern "C" fn($(code!(@f64 $x)),+) -> f64 = unsafe { std::mem::transmute(code) };
            Box::new(move |columns: &[Vec<f64>]| {
                let _alive = &owner;
                sum_rows!(columns; $($x),+ => f($($x),+))
            })
        }};
        (@f64 $x:ident) => { f64 };
    }
    Some(by_inputs!(inputs, code))
}
