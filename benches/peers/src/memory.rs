//! What a live formula takes: each peer in a process of its own, which holds 10,000 of them.

use crate::peer::{Formula, Sum};
use crate::peers;
use std::process::Command;

/// The argument before the peer's name: compiled one by one, or at once where it can.
pub const COMMANDS: [&str; 2] = ["memory-of", "memory-at-once-of"];
const COUNT: usize = 10_000;

/// Bytes a formula, measured in another process; none where the peer cannot say.
pub fn of(name: &str, at_once: bool) -> Option<f64> {
    let output =
        Command::new(std::env::current_exe().ok()?).args([COMMANDS[usize::from(at_once)], name]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    eprintln!("{name}: {}", text.trim());
    text.split_whitespace().next()?.parse().ok()
}

/// Prints the bytes that each of the formulas takes, and how many lines longer the memory map is.
pub fn measure(name: &str, at_once: bool) {
    let formulas = Formula::all();
    let mut all = peers::all();
    let Some(peer) = all.iter_mut().find(|peer| peer.name() == name && peer.compiles()) else { return };
    // What the first one sets up is not of one formula.
    let first = peer.compile(&formulas[0]);
    let before = footprint();
    let live: Vec<Sum> = match at_once || name == "LuaJIT" {
        true => peer.compile_many(&formulas[0], COUNT),
        false => (0..COUNT).map_while(|_| peer.compile(&formulas[0])).collect(),
    };
    let after = footprint();
    assert_eq!(live.len(), COUNT);
    let columns = vec![vec![3.0], vec![4.0]];
    let value = live.into_iter().next_back().map(|mut sum| sum(&columns));
    assert_eq!(value, Some(25.0));
    drop(first);
    println!("{} bytes each, {} more lines", (after.0 - before.0) / COUNT, after.1.saturating_sub(before.1));
}

/// Bytes of memory that the process really has, and the lines of its memory map.
fn footprint() -> (usize, usize) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    let lines = std::fs::read_to_string("/proc/self/maps").unwrap_or_default().lines().count();
    (pages * cresset::memory::page_size(), lines)
}
