//! Cresset beside its peers: the same formulas, one table. `cargo run --release [--features wasmtime,luajit]`

mod peers;
mod tree;
#[path = "../../workloads/mod.rs"]
mod workloads;

use std::time::{Duration, Instant};

const ROWS: usize = 1024;
const ROUNDS: usize = 21;

/// A formula of numbers in a form that all can read: literals, names, `+ - *`, parentheses.
pub struct Formula {
    title: &'static str,
    text: String,
    names: &'static [&'static str],
}

/// Sums the formula's values over the rows of columns.
pub type Sum<'a> = Box<dyn FnMut(&[Vec<f64>]) -> f64 + 'a>;

/// One way to evaluate formulas.
pub trait Peer {
    /// Its name, and what it is given.
    fn name(&self) -> &'static str;
    /// From the formula's text or tree to something that can be called; none where it cannot do it.
    fn compile(&mut self, formula: &Formula) -> Option<Sum<'static>>;
}

fn sample(calls: u32, mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(|_| run());
    start.elapsed().as_secs_f64() / f64::from(calls)
}

fn calibrate(mut run: impl FnMut()) -> u32 {
    let mut calls = 1;
    while Duration::from_secs_f64(sample(calls, &mut run) * f64::from(calls)) < Duration::from_millis(1) {
        calls *= 2;
    }
    calls
}

fn best(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

fn main() {
    let formulas = [
        Formula { title: "S1", text: workloads::S1.into(), names: &["x", "y"] },
        Formula { title: "S2", text: workloads::S2.into(), names: &["x"] },
        Formula { title: "T100", text: workloads::terms(100), names: &["x", "y", "d", "e"] },
        Formula { title: "T1000", text: workloads::terms(1000), names: &["x", "y", "d", "e"] },
    ];
    let mut peers = peers::all();
    println!("Least of {ROUNDS} rounds; each ratio is to Cresset in the same run.\n");
    println!("| by | formula | compile, µs | ratio | call, ns | ratio |");
    println!("| -- | ------- | ----------: | ----: | -------: | ----: |");
    for formula in &formulas {
        let columns: Vec<Vec<f64>> =
            (0..formula.names.len()).map(|i| workloads::numbers(ROWS, 0.1, 1.0, i as u64 + 1)).collect();
        let mut compiled: Vec<Option<Sum>> = peers.iter_mut().map(|peer| peer.compile(formula)).collect();
        let expected = compiled[0].as_mut().map_or(f64::NAN, |sum| sum(&columns));
        let mut lines: Vec<(Vec<f64>, Vec<f64>, u32, u32)> = Vec::new();
        for (peer, sum) in peers.iter_mut().zip(&mut compiled) {
            let (mut compiles, mut calls) = (1, 1);
            if let Some(sum) = sum {
                let value = sum(&columns);
                let wrong = (value - expected).abs() / expected.abs();
                // One of them computes with `f32`.
                assert!(wrong < 1e-4, "{} gives {value} for {}, not {expected}", peer.name(), formula.title);
                compiles = calibrate(|| drop(peer.compile(formula)));
                calls = calibrate(|| _ = std::hint::black_box(sum(&columns)));
            }
            lines.push((Vec::new(), Vec::new(), compiles, calls));
        }
        for _ in 0..ROUNDS {
            for ((peer, sum), line) in peers.iter_mut().zip(&mut compiled).zip(&mut lines) {
                let Some(sum) = sum else { continue };
                line.0.push(sample(line.2, || drop(peer.compile(formula))));
                line.1.push(sample(line.3, || _ = std::hint::black_box(sum(&columns))) / ROWS as f64);
            }
        }
        let (compile, call) = (best(&lines[0].0), best(&lines[0].1));
        for (peer, line) in peers.iter().zip(&lines).filter(|(_, line)| !line.0.is_empty()) {
            let (mine, calls) = (best(&line.0), best(&line.1));
            println!(
                "| {} | {} | {:.1} | {:.2} | {:.2} | {:.2} |",
                peer.name(),
                formula.title,
                mine * 1e6,
                mine / compile,
                calls * 1e9,
                calls / call
            );
        }
    }
}
