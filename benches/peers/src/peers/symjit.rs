//! symjit: a tree, as it is set up by default (it contracts products and sums); a call by a bare pointer, columns by its vector kernel on one thread.

use crate::formula::{Binary, Build, Unary};
use crate::peer::{Formula, Map, Peer, Sum, sum_by_code};
use symjit::{Application, Compiler, Config, Expr, FastFunc, Matrix};

pub struct Symjit;

struct Lower;

fn tree(op: &str, args: Vec<Expr>) -> Expr {
    Expr::Tree { op: op.to_owned(), args }
}

impl Build for Lower {
    type Value = Expr;

    fn number(&mut self, x: f64) -> Expr {
        Expr::from(x)
    }

    fn unary(&mut self, op: Unary, operand: Expr) -> Expr {
        let op = match op {
            Unary::Neg => return operand.neg(),
            Unary::Abs => "abs",
            Unary::Sqrt => "root",
            Unary::Exp => "exp",
            Unary::Ln => "ln",
            Unary::Sin => "sin",
        };
        tree(op, vec![operand])
    }

    fn binary(&mut self, op: Binary, left: Expr, right: Expr) -> Expr {
        let op = match op {
            Binary::Add => "plus",
            Binary::Sub => "minus",
            Binary::Mul => "times",
            Binary::Div => "divide",
            Binary::Less => "lt",
            Binary::Greater => "gt",
            Binary::Equal => "eq",
            Binary::And => "and",
            Binary::Or => "or",
        };
        tree(op, vec![left, right])
    }

    fn choose(&mut self, condition: Expr, yes: Expr, no: Expr) -> Expr {
        tree("ifelse", vec![condition, yes, no])
    }
}

fn application(formula: &Formula, simd: bool) -> Option<Application> {
    let mut config = Config::default();
    config.set_simd(simd);
    config.set_threads(false);
    // It is for rows side by side in one array; here each column is an array.
    config.set_symbolica(false);
    let inputs: Vec<Expr> = formula.names.iter().map(|name| Expr::var(name)).collect();
    let value = formula.program.build(&inputs, &mut Lower);
    Compiler::with_config(config).compile(&inputs, &[value]).ok()
}

impl Peer for Symjit {
    fn name(&self) -> &'static str {
        "symjit"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum> {
        let mut application = application(formula, false)?;
        let code = match application.fast_func().ok()? {
            FastFunc::F1(f, _) => f as *const u8,
            FastFunc::F2(f, _) => f as _,
            FastFunc::F3(f, _) => f as _,
            FastFunc::F4(f, _) => f as _,
            FastFunc::F5(f, _) => f as _,
            _ => return None,
        };
        // SAFETY: it has a parameter for each input.
        unsafe { sum_by_code(code, formula.names.len(), application) }
    }

    /// Each takes four lines of the memory map and keeps them when dropped: as often as a clock asks, they run out.
    fn compile_many(&mut self, formula: &Formula, count: usize) -> Vec<Sum> {
        if count < 10_000 { Vec::new() } else { (0..count).map_while(|_| self.compile(formula)).collect() }
    }

    fn map<'a>(&mut self, formula: &Formula, columns: &'a [Vec<f64>]) -> Option<Map<'a>> {
        let mut application = application(formula, true)?;
        Some(Box::new(move |out| {
            let (mut states, mut results) = (Matrix::new(), Matrix::new());
            for column in columns {
                // SAFETY: states are read only; the columns live longer.
                unsafe { states.add_row(column.as_ptr().cast_mut(), column.len()) };
            }
            // SAFETY: the output lives longer.
            unsafe { results.add_row(out.as_mut_ptr(), out.len()) };
            application.exec_vectorized(&mut states, &mut results);
        }))
    }
}
