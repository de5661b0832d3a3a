//! How far a command is, and how fast it was.

use super::args::DataArgs;
use super::table::{Extent, Source};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// What a command did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Rows read.
    pub rows: u64,
    /// Rows left out because they could not be read, or trapped.
    pub skipped: u64,
    /// Cells or results that are missing because they could not be read, or trapped.
    pub nulled: u64,
    /// Rows that a filter let through.
    pub kept: Option<u64>,
}

/// A bar on a terminal.
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    started: Instant,
}

impl Progress {
    /// For reading this source.
    pub fn new(args: &DataArgs, source: &dyn Source) -> Progress {
        let quiet = args.quiet || args.output.json;
        let to_terminal = args.outputs.is_empty() && std::io::stdout().is_terminal();
        let wanted = !quiet && !to_terminal && std::io::stderr().is_terminal();
        let bar = wanted.then(|| {
            let (bar, style) = match source.extent() {
                Some(Extent::Rows(rows)) => {
                    (ProgressBar::new(rows), "{bar:30} {percent}%  {human_pos}/{human_len} rows  {eta} left")
                }
                Some(Extent::Bytes(bytes)) => {
                    (ProgressBar::new(bytes), "{bar:30} {percent}%  {bytes}/{total_bytes}  {eta} left")
                }
                None => (ProgressBar::no_length(), "{spinner}  {human_pos} rows  {elapsed}"),
            };
            bar.set_draw_target(ProgressDrawTarget::stderr());
            match ProgressStyle::with_template(style) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Progress { bar, quiet, started: Instant::now() }
    }

    /// When reading began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The source has come so far.
    pub fn at(&self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    /// Takes the bar away and says how fast it was.
    pub fn finish(self, totals: &Totals) {
        self.clear();
        if self.quiet {
            return;
        }
        crate::program::to_stderr(&summary(totals, self.started.elapsed()));
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn summary(totals: &Totals, time: Duration) -> String {
    let Totals { rows, skipped, nulled, kept } = *totals;
    let seconds = time.as_secs_f64().max(1e-9);
    let mut text = format!("{} rows in {seconds:.3} s, {}", grouped(rows), rate(rows as f64 / seconds));
    if let Some(kept) = kept {
        text.push_str(&format!("; {} kept", grouped(kept)));
    }
    if skipped > 0 {
        text.push_str(&format!("; {} bad, left out", grouped(skipped)));
    }
    if nulled > 0 {
        text.push_str(&format!("; {} bad values, made missing", grouped(nulled)));
    }
    text
}

fn rate(rows: f64) -> String {
    match rows {
        r if r >= 1e6 => format!("{:.1} million rows/s", r / 1e6),
        r if r >= 1e3 => format!("{:.1} thousand rows/s", r / 1e3),
        r => format!("{r:.0} rows/s"),
    }
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_readable() {
        let totals = Totals { rows: 1_234_567, skipped: 1, nulled: 0, kept: Some(12) };
        let text = summary(&totals, Duration::from_millis(500));
        assert_eq!(text, "1,234,567 rows in 0.500 s, 2.5 million rows/s; 12 kept; 1 bad, left out");
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1000), "1,000");
    }
}
