//! How many formulas can live at once: time, memory and lines of the memory map for 10,000 and for 1,000,000 of them.

mod workloads;

use cresset::{Engine, Module};
use std::time::Instant;
use workloads::{S1, XY};

/// Bytes of memory that the process really has, and the lines of its memory map.
fn footprint() -> (usize, usize) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    let lines = std::fs::read_to_string("/proc/self/maps").unwrap_or_default().lines().count();
    (pages * cresset::memory::page_size(), lines)
}

fn live(title: &str, count: usize, compile: impl Fn(&Engine) -> Vec<Module>) {
    if !workloads::clock::wanted(title) {
        return;
    }
    let engine = Engine::new().expect("an engine");
    let (bytes, lines) = footprint();
    let start = Instant::now();
    let modules = compile(&engine);
    let compiled = start.elapsed().as_secs_f64();
    let (more_bytes, more_lines) = footprint();
    let last = modules.last().and_then(|module| module.program::<fn(f64, f64) -> f64>().ok());
    let value = last.and_then(|formula| formula.call((3.0, 4.0)).ok());
    assert_eq!(value, Some(25.0));
    let start = Instant::now();
    drop(modules);
    let dropped = start.elapsed().as_secs_f64();
    let (left_bytes, left_lines) = footprint();
    println!(
        "| {title:<26} | {compiled:>9.3} | {:>9.1} | {:>10} | {:>11} | {dropped:>8.3} | {:>11.1} | {:>10} |",
        (more_bytes - bytes) as f64 / 1e6,
        (more_bytes - bytes) / count,
        more_lines.saturating_sub(lines),
        left_bytes.saturating_sub(bytes) as f64 / 1e6,
        left_lines.saturating_sub(lines),
    );
}

fn main() {
    println!(
        "| live formulas              | seconds   | MB        | bytes each | map lines   | drop, s  | MB left     | lines left |"
    );
    println!(
        "| -------------------------- | --------: | --------: | ---------: | ----------: | -------: | ----------: | ---------: |"
    );
    let batch = |engine: &Engine, count: usize| -> Vec<Module> {
        let modules = engine.compile_batch(std::iter::repeat_n((S1, XY), count));
        modules.into_iter().map(|module| module.expect(S1)).collect()
    };
    live("10,000 in a batch", 10_000, |engine| batch(engine, 10_000));
    live("10,000 one by one", 10_000, |engine| (0..10_000).map(|_| engine.compile_with(S1, XY).expect(S1)).collect());
    live("1,000,000 in batches", 1_000_000, |engine| (0..100).flat_map(|_| batch(engine, 10_000)).collect());
}
