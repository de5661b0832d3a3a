//! Cresset beside its peers: the same work, one table. `cargo run --release`, or with a part of a workload's name to measure that alone.

mod formula;
#[macro_use]
mod peer;
mod memory;
mod peers;
mod table;
#[path = "../../workloads/mod.rs"]
mod workloads;

use peer::{Formula, Loop, Map, Peer};
use std::hint::black_box;
use table::{Clock, Table};

const ROWS: usize = 1024;
const BATCH: usize = 2000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, name] = &arguments[..]
        && memory::COMMANDS.contains(&command.as_str())
    {
        return memory::measure(name, command == memory::COMMANDS[1]);
    }
    // Some of them descend into long sums by recursion.
    let measure = || {
        let mut peers = peers::all();
        let mut table = Table::new(peers.iter().map(|peer| peer.name()).collect());
        calls(&mut peers, &mut table);
        loops(&mut peers, &mut table);
        columns(&mut peers, &mut table);
        if workloads::clock::wanted("memory") {
            let mut bytes: Vec<_> = peers.iter().map(|peer| memory::of(peer.name(), false)).collect();
            table.add("memory of each of 10,000 live S1", "bytes", bytes.clone());
            bytes[..2].copy_from_slice(&[0, 1].map(|i| memory::of(peers[i].name(), true)));
            table.add("the same, Cresset in one batch", "bytes", bytes);
        }
        table.print();
    };
    std::thread::Builder::new().stack_size(256 << 20).spawn(measure).expect("a thread").join().expect("measured");
}

/// A value beside what Cresset gives.
fn check(title: &str, name: &str, value: f64, expected: f64) {
    // fidget computes with `f32`.
    let tolerance = if name.starts_with("fidget") { 1e-4 } else { 1e-9 };
    let wrong = (value - expected).abs() / expected.abs();
    assert!(wrong < tolerance, "{name} gives {value} for {title}, not {expected}");
}

/// Small formulas: a call a row, and from the text or tree to something that can be called.
fn calls(peers: &mut [Box<dyn Peer>], table: &mut Table) {
    let formulas = Formula::all();
    for formula in &formulas {
        if !workloads::clock::wanted(formula.title) {
            continue;
        }
        let columns = formula.columns(ROWS);
        let mut compiled: Vec<_> = peers.iter_mut().map(|peer| peer.compile(formula)).collect();
        let expected = compiled[0].as_mut().map_or(f64::NAN, |sum| sum(&columns));
        let mut clock = Clock::new();
        for (place, (peer, sum)) in peers.iter().zip(&mut compiled).enumerate() {
            if let Some(sum) = sum {
                check(formula.title, peer.name(), sum(&columns), expected);
                clock.add(place, || _ = black_box(sum(&columns)));
            }
        }
        let times = clock.measure(peers.len(), ROWS as f64 * 1e-9);
        table.add(&format!("{}, a call", formula.title), "ns", times);

        if formula.title.starts_with("entry") {
            continue;
        }
        let can: Vec<bool> = compiled.iter().map(Option::is_some).collect();
        let mut clock = Clock::new();
        for (place, peer) in peers.iter_mut().enumerate() {
            if can[place] && peer.compiles() {
                clock.add(place, || drop(black_box(peer.compile(formula))));
            }
        }
        let times = clock.measure(can.len(), 1e-6);
        table.add(&format!("{}, text or tree to callable", formula.title), "µs", times);

        if formula.title == "S1" {
            let mut clock = Clock::new();
            for (place, peer) in peers.iter_mut().enumerate().filter(|(_, peer)| peer.compiles()) {
                if peer.compile_many(formula, BATCH).is_empty() {
                    continue;
                }
                clock.add(place, || drop(black_box(peer.compile_many(formula, BATCH))));
            }
            let times = clock.measure(can.len(), BATCH as f64 * 1e-6);
            table.add("S1, each of 2,000 live, Cresset in one batch", "µs", times);
        }
    }
}

/// Loops in the language, one call each; and calls of the host in a loop.
fn loops(peers: &mut [Box<dyn Peer>], table: &mut Table) {
    let measure = |which: Loop, peers: &mut [Box<dyn Peer>], unit: f64| {
        let mut runs: Vec<_> = peers.iter_mut().map(|peer| peer.program(which)).collect();
        let expected = runs[0].as_mut().map_or(f64::NAN, |run| run());
        let mut clock = Clock::new();
        for (place, (peer, run)) in peers.iter().zip(&mut runs).enumerate() {
            if let Some(run) = run {
                clock.add_checked(place, run, |value| check(which.title(), peer.name(), value, expected));
            }
        }
        clock.measure(peers.len(), unit)
    };
    for which in [Loop::L1, Loop::L2, Loop::L3, Loop::L4, Loop::L5] {
        if workloads::clock::wanted(which.title()) {
            table.add(which.title(), "ms", measure(which, peers, 1e-3));
        }
    }
    if workloads::clock::wanted("host") {
        for which in [Loop::Host, Loop::HostPointer, Loop::NoHost] {
            table.add(which.title(), "ns", measure(which, peers, peer::HOST_CALLS as f64 * 1e-9));
        }
    }
}

/// Formulas over columns.
fn columns(peers: &mut [Box<dyn Peer>], table: &mut Table) {
    for formula in &Formula::of_columns() {
        for (rows, name) in [(10_000, "10^4"), (1_000_000, "10^6")] {
            let title = format!("{}, {name} rows", formula.title);
            if !workloads::clock::wanted(&title) {
                continue;
            }
            let columns = formula.columns(rows);
            let mut maps: Vec<Option<Map>> = peers.iter_mut().map(|peer| peer.map(formula, &columns)).collect();
            let mut expected = vec![0.0; rows];
            if let Some(map) = &mut maps[0] {
                map(&mut expected);
            }
            let mut outs = vec![expected.clone(); peers.len()];
            let mut clock = Clock::new();
            for (place, ((peer, map), out)) in peers.iter().zip(&mut maps).zip(&mut outs).enumerate() {
                if let Some(map) = map {
                    out.fill(f64::NAN);
                    map(out);
                    let worst = out.iter().zip(&expected).map(|(a, b)| (a - b).abs() / (1.0 + b.abs()));
                    let worst = worst.fold(0.0, |worst, wrong| if wrong < worst { worst } else { wrong });
                    check(&title, peer.name(), 1.0 + worst, 1.0);
                    clock.add(place, || map(black_box(out)));
                }
            }
            table.add(&title, "ns a row", clock.measure(peers.len(), rows as f64 * 1e-9));
        }
    }
}
