//! fasteval: an interpreter of text, which has neither `let` nor `if` (S3 is left out, S4 has products of conditions instead).

use crate::peer::{Formula, Peer, Sum};
use fasteval::{Compiler, Evaler, Parser, Slab};

pub struct Fasteval;

const S4: &str = "((a > 0.5 && b < 10) || c == 3) * (a*2 + b) + !((a > 0.5 && b < 10) || c == 3) * (c - a)";

impl Peer for Fasteval {
    fn name(&self) -> &'static str {
        "fasteval"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum> {
        let text = match formula.title {
            "S3" => return None,
            "S4" => S4,
            _ => &*formula.text,
        };
        let mut slab = Slab::with_capacity((text.len() / 8).max(64));
        let parser = Parser { expr_len_limit: 1 << 20, expr_depth_limit: 1 << 10 };
        let compiled = parser.parse(text, &mut slab.ps).ok()?.from(&slab.ps).compile(&slab.ps, &mut slab.cs);
        let names = formula.names;
        Some(Box::new(move |columns| {
            let row = |i: usize| {
                let mut lookup = |name: &str, _: Vec<f64>| Some(columns[names.iter().position(|n| *n == name)?][i]);
                compiled.eval(&slab, &mut lookup).unwrap_or(f64::NAN)
            };
            (0..columns[0].len()).map(row).sum()
        }))
    }
}
