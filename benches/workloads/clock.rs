//! Times side by side: every candidate runs in each of several rounds, so that what disturbs one disturbs all.

use std::time::{Duration, Instant};

const ROUNDS: usize = 41;
const SAMPLE: Duration = Duration::from_millis(1);

/// Something to measure.
pub struct Candidate<'a> {
    name: &'a str,
    run: Box<dyn FnMut() + 'a>,
    /// Calls of `run` for one sample.
    calls: u32,
    samples: Vec<f64>,
}

/// Candidates for the same work.
pub struct Comparison<'a> {
    title: &'a str,
    /// How many units (calls, rows, programs) one run is.
    units: f64,
    candidates: Vec<Candidate<'a>>,
}

/// The heading of the table that [`Comparison::report`] adds lines to. Each time stands beside its ratio to the first candidate of its kind.
pub fn heading(unit: &str) {
    println!("| {:<22} | {:<22} | {:>14} | {:>8} |", "workload", "by", unit, "ratio");
    println!("| {:-<22} | {:-<22} | {:->13}: | {:->7}: |", "", "", "", "");
}

impl<'a> Comparison<'a> {
    /// Work whose run is so many units.
    pub fn new(title: &'a str, units: usize) -> Comparison<'a> {
        Comparison { title, units: units as f64, candidates: Vec::new() }
    }

    /// One way to do it; the first is the baseline.
    pub fn add(mut self, name: &'a str, run: impl FnMut() + 'a) -> Comparison<'a> {
        self.candidates.push(Candidate { name, run: Box::new(run), calls: 1, samples: Vec::new() });
        self
    }

    /// Measures in rounds and prints the least times, which other processes disturb least; in nanoseconds a unit where `scale` is 1.
    pub fn report(mut self, scale: f64) {
        if !wanted(self.title) {
            return;
        }
        for candidate in &mut self.candidates {
            candidate.calibrate();
        }
        for _ in 0..ROUNDS {
            for candidate in &mut self.candidates {
                candidate.sample();
            }
        }
        let times: Vec<f64> = self.candidates.iter().map(|candidate| candidate.best() / self.units).collect();
        for (candidate, time) in self.candidates.iter().zip(&times) {
            let (time, ratio) = (time * 1e9 / scale, time / times[0]);
            println!("| {:<22} | {:<22} | {time:>14.3} | {ratio:>7.2}x |", self.title, candidate.name);
        }
    }
}

impl Candidate<'_> {
    fn calibrate(&mut self) {
        loop {
            let start = Instant::now();
            (0..self.calls).for_each(|_| (self.run)());
            let time = start.elapsed();
            if time >= SAMPLE || self.calls > 1 << 24 {
                return;
            }
            self.calls *= 2;
        }
    }

    fn sample(&mut self) {
        let start = Instant::now();
        (0..self.calls).for_each(|_| (self.run)());
        self.samples.push(start.elapsed().as_secs_f64() / f64::from(self.calls));
    }

    fn best(&self) -> f64 {
        self.samples.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Whether the command line asks for this: `cargo bench --bench calls -- S1`.
pub fn wanted(title: &str) -> bool {
    let mut filters = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).peekable();
    filters.peek().is_none() || filters.any(|filter| title.contains(&filter))
}
