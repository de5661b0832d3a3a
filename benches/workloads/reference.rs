//! The workloads in Rust, as `rustc` compiles them for this crate.

pub fn s1(x: f64, y: f64) -> f64 {
    x * x + y * y
}

#[allow(clippy::suboptimal_flops, reason = "the same operations as the others")]
pub fn s2(x: f64) -> f64 {
    ((((((((0.1 * x + 0.2) * x - 0.3) * x + 0.4) * x - 0.5) * x + 0.6) * x - 0.7) * x + 0.8) * x - 0.9) * x + 1.0
}

fn cdf(x: f64) -> f64 {
    let z = x.abs() / 2f64.sqrt();
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let sum = (((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592;
    let erf = 1.0 - sum * t * (-z * z).exp();
    if x < 0.0 { 0.5 * (1.0 - erf) } else { 0.5 * (1.0 + erf) }
}

pub fn s3(s: f64, k: f64, r: f64, sigma: f64, t: f64) -> f64 {
    let d1 = ((s / k).ln() + (r + sigma * sigma / 2.0) * t) / (sigma * t.sqrt());
    let d2 = d1 - sigma * t.sqrt();
    s * cdf(d1) - k * (-r * t).exp() * cdf(d2)
}

pub fn s4(a: f64, b: f64, c: f64) -> f64 {
    if (a > 0.5 && b < 10.0) || c == 3.0 { a * 2.0 + b } else { c - a }
}

pub fn l1(n: i64) -> i64 {
    let mut total = 0;
    for row in 0..n {
        for column in 0..n {
            let cx = -2.0 + 3.0 * column as f64 / n as f64;
            let cy = -1.5 + 3.0 * row as f64 / n as f64;
            let (mut x, mut y, mut count) = (0.0, 0.0, 0);
            while count < 256 && x * x + y * y <= 4.0 {
                (x, y) = (x * x - y * y + cx, 2.0 * x * y + cy);
                count += 1;
            }
            total += count;
        }
    }
    total
}

pub fn l2(xs: &[f64]) -> f64 {
    xs.iter().fold(0.0, |total, x| total + x * x)
}

pub fn l3(n: i64) -> i64 {
    if n < 2 { n } else { l3(n - 1) + l3(n - 2) }
}

pub fn l4(composite: &mut [bool]) -> i64 {
    let mut count = 0;
    for n in 2..composite.len() {
        if !composite[n] {
            count += 1;
            let mut multiple = n * n;
            while multiple < composite.len() {
                composite[multiple] = true;
                multiple += n;
            }
        }
    }
    count
}

pub fn l5(below: i64) -> i64 {
    let (mut best, mut best_start) = (0, 0);
    for start in 1..below {
        let (mut n, mut steps) = (start, 0);
        while n != 1 {
            n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
            steps += 1;
        }
        if steps > best {
            (best, best_start) = (steps, start);
        }
    }
    best_start
}
