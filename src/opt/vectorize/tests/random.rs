//! Random kernels in lanes, as IR.

#[path = "../../../../tests/common/kernels.rs"]
mod kernels;

use super::{check, plain, rows};
use kernels::kernel;

#[test]
fn random_kernels_give_what_their_rows_give() {
    let count = std::env::var("CRESSET_RANDOM_KERNELS").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    let first = std::env::var("CRESSET_RANDOM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let (mut done, mut of, mut scalar) = (0, 0, 0);
    for seed in first..first + count {
        let source = kernel(seed);
        let counts = [0, 1, 3, 8, 17, 40];
        let count = counts[seed as usize % counts.len()];
        let outcome = check(&source, &if seed % 3 == 0 { rows(count) } else { plain(count) });
        match outcome {
            Ok((blocks, total)) => (done, of) = (done + blocks, of + total),
            Err(_) => scalar += 1,
        }
    }
    eprintln!("{done} of {of} blocks in lanes, {scalar} kernels scalar");
    assert!(done * 3 > of, "{done} of {of} blocks were done in lanes");
    assert!(scalar * 10 < count, "{scalar} of {count} kernels stayed scalar");
}
