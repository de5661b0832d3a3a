//! Times in turns, and the table.

/// Seconds that this thread has had a processor for: on a machine that others use too, samples longer than a turn are as good as short ones.
fn seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes the time to a local.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(failed, 0);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

const ROUNDS: usize = 21;
/// Seconds of one sample at least, and of all samples of one candidate at most.
const SAMPLE: f64 = 1e-3;
const BUDGET: f64 = 1.0;

struct Candidate<'a> {
    place: usize,
    run: Box<dyn FnMut() + 'a>,
    calls: u32,
    best: f64,
    spent: f64,
}

impl Candidate<'_> {
    fn sample(&mut self) {
        let start = seconds();
        (0..self.calls).for_each(|_| (self.run)());
        let time = seconds() - start;
        self.best = self.best.min(time / f64::from(self.calls));
        self.spent += time;
    }
}

/// Candidates for the same work, which take turns: what disturbs one disturbs all.
pub struct Clock<'a>(Vec<Candidate<'a>>);

impl<'a> Clock<'a> {
    pub fn new() -> Clock<'a> {
        Clock(Vec::new())
    }

    /// The candidate of the peer at this place.
    pub fn add(&mut self, place: usize, run: impl FnMut() + 'a) {
        self.0.push(Candidate { place, run: Box::new(run), calls: 1, best: f64::INFINITY, spent: 0.0 });
    }

    /// As [`Clock::add`]; the first run's result is checked. That run counts, lest the slowest run twice.
    pub fn add_checked(&mut self, place: usize, run: &'a mut (dyn FnMut() -> f64 + 'static), check: impl FnOnce(f64)) {
        let start = seconds();
        check(run());
        let time = seconds() - start;
        self.add(place, move || _ = std::hint::black_box(run()));
        if time > BUDGET {
            let last = self.0.last_mut().expect("one was added");
            (last.best, last.spent) = (time, time);
        }
    }

    /// The least time of each peer in so many seconds; none for those that are no candidates.
    pub fn measure(mut self, peers: usize, unit: f64) -> Vec<Option<f64>> {
        for candidate in self.0.iter_mut().filter(|candidate| candidate.spent == 0.0) {
            loop {
                candidate.sample();
                if candidate.best * f64::from(candidate.calls) >= SAMPLE {
                    break;
                }
                candidate.calls *= 2;
            }
        }
        for _ in 0..ROUNDS {
            self.0.iter_mut().filter(|candidate| candidate.spent < BUDGET).for_each(Candidate::sample);
        }
        let mut times = vec![None; peers];
        self.0.iter().for_each(|candidate| times[candidate.place] = Some(candidate.best / unit));
        times
    }
}

/// What was measured: a line a workload, a column a peer.
pub struct Table {
    names: Vec<&'static str>,
    lines: Vec<(String, String, Vec<Option<f64>>)>,
}

impl Table {
    pub fn new(names: Vec<&'static str>) -> Table {
        Table { names, lines: Vec::new() }
    }

    pub fn add(&mut self, title: &str, unit: &str, values: Vec<Option<f64>>) {
        self.lines.push((title.to_owned(), unit.to_owned(), values));
        eprintln!("{title}");
    }

    /// The first peer's values as they are, the others' as ratios to them: above 1 is more than the first.
    pub fn print(&self) {
        println!("| workload | {} |", self.names.join(" | "));
        println!("| --- |{}", " ---: |".repeat(self.names.len()));
        for (title, unit, values) in &self.lines {
            print!("| {title} |");
            let first = values[0].unwrap_or(f64::NAN);
            for (place, value) in values.iter().enumerate() {
                match value {
                    None => print!(" |"),
                    Some(value) if place == 0 => print!(" {} {unit} |", digits(*value)),
                    Some(value) => print!(" {} |", digits(value / first)),
                }
            }
            println!();
        }
    }
}

/// Three digits that count.
fn digits(x: f64) -> String {
    match x.abs() {
        a if a < 10.0 => format!("{x:.2}"),
        a if a < 100.0 => format!("{x:.1}"),
        _ => format!("{x:.0}"),
    }
}
