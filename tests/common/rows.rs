//! A formula over columns, both ways, from bytes that may be anything.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use cresset::{Config, Engine, Execution, Limits, columns};

fn engines() -> [Engine; 2] {
    let limits = Limits::default().fuel(2_000).memory(1 << 16).depth(50);
    [Execution::Interpreter, Execution::Auto]
        .map(|execution| Config::new().execution(execution).limits(limits.clone()).engine().expect("an engine"))
}

/// The bytes up to the first zero are the formula, those behind it the columns `x` and `n`.
pub fn check(data: &[u8]) {
    thread_local!(static ENGINES: [Engine; 2] = engines());
    let (text, values) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[][..]),
    };
    let Ok(text) = str::from_utf8(text) else { return };
    let words: Vec<u64> =
        values.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight"))).collect();
    let (floats, ints) = words.split_at(words.len() / 2);
    let xs: Vec<f64> = floats.iter().map(|word| f64::from_bits(*word)).collect();
    let ns: Vec<i64> = ints.iter().take(xs.len()).map(|word| *word as i64).collect();
    let rows = columns! { "x" => &xs, "n" => &ns };
    let [expected, got] = ENGINES.with(|engines| {
        engines.each_ref().map(|engine| {
            let outcome = engine.kernel(text).and_then(|kernel| kernel.map::<f64>(&rows));
            let bits = outcome.map(|out| out.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
            bits.map_err(|error| (error.trap().map(|trap| (trap.kind, trap.row)), error.to_string()))
        })
    });
    assert_eq!(expected, got, "{text}");
}
