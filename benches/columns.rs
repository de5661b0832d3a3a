//! Formulas over columns of 10^4 and 10^6 rows, one thread, beside gcc: `-O3 -march=native`, which contracts products and sums where it likes; the same without
//! contraction, which computes what Cresset does; `-ffast-math`, with elementary functions of 4 ULP. A loop in each row also beside intrinsics.

mod workloads;

use cresset::{Columns, CompiledKernel, Config, Cpu, Execution, InputType, columns};
use std::hint::black_box;
use workloads::clock::{Comparison, heading};
use workloads::native::NativeColumns;
use workloads::{C1, C2, C3, C4, C5, C5_FUSED, C6, S3, numbers};

/// What the C functions were compiled with.
const OPTIONS: [(&str, &[&str]); 3] =
    [("gcc -O3", &[]), ("gcc, no contraction", &["-ffp-contract=off"]), ("gcc -ffast-math", &["-ffast-math"])];

/// One workload: its kernel at each level of processors that runs here, and the C functions over the same columns.
macro_rules! workload {
    ($natives:expr, $title:literal, $rows:expr, $text:expr, $result:ty, $c:ident, ($($name:ident = $kind:expr),+)) => {{
        $(let $name: &[f64] = &column($rows, stringify!($name), $kind);)+
        let bound = columns! { $(stringify!($name) => $name),+ };
        let title = format!("{}, {} rows", $title, if $rows == 10_000 { "10^4" } else { "10^6" });
        let kernels = kernels($text, &bound);
        let mut outs: Vec<Vec<$result>> = vec![vec![Default::default(); $rows]; OPTIONS.len() + 1 + kernels.len()];
        let mut outs = outs.iter_mut();
        let mut comparison = Comparison::new(&title, $rows);
        for (name, native) in $natives {
            let out = outs.next().expect("an output").as_mut_ptr();
            // SAFETY: `columns.c` defines the function with these parameters, and the columns and the output have so many rows.
            comparison = comparison.add(name, move || unsafe { (black_box(native.$c))($rows as i64, $($name.as_ptr(),)+ out) });
        }
        workload!(@by_hand $c, $natives, comparison, outs, $rows, ($($name),+));
        for ((name, kernel), out) in kernels.iter().zip(outs) {
            let bound = &bound;
            comparison = comparison.add(name, move || kernel.map_into(bound, black_box(out)).expect("no trap"));
        }
        comparison.report(1.0);
    }};
    (@by_hand c6, $natives:expr, $comparison:ident, $outs:ident, $rows:expr, ($cx:ident, $cy:ident)) => {
        if let Some((_, native)) = $natives.first() {
            let out = $outs.next().expect("an output").as_mut_ptr();
            // SAFETY: as above.
            let run = move || unsafe { (black_box(native.c6_by_hand))($rows as i64, $cx.as_ptr(), $cy.as_ptr(), out) };
            $comparison = $comparison.add("gcc, intrinsics", run);
        }
    };
    (@by_hand $c:ident, $natives:expr, $comparison:ident, $outs:ident, $rows:expr, $columns:tt) => {};
}

/// A kernel for these columns at each level that runs here.
fn kernels(text: &str, columns: &Columns<'_>) -> Vec<(&'static str, CompiledKernel)> {
    let levels =
        [("cresset, AVX-512", Cpu::X86_64V4), ("cresset, AVX2", Cpu::X86_64V3), ("cresset, NEON", Cpu::AArch64)];
    let types: Vec<(&str, InputType)> = columns.entries().map(|(name, bound)| (name, bound.input_type())).collect();
    let compiled = |(name, cpu): (&'static str, Cpu)| {
        let engine = Config::new().cpu(cpu).execution(Execution::Jit).engine().ok()?;
        let kernel = engine.kernel(text).and_then(|kernel| kernel.for_types(&types)).expect("a kernel");
        assert_eq!(kernel.why_scalar(), None);
        Some((name, kernel))
    };
    levels.into_iter().filter_map(compiled).collect()
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Holds {
    /// Random numbers of this range.
    Between(f64, f64),
    /// A coordinate of the points of a square picture, line by line: along the lines, or from line to line.
    Across(f64, f64),
    Down(f64, f64),
}

fn column(rows: usize, name: &str, holds: Holds) -> Vec<f64> {
    let side = rows.isqrt();
    let grid = |low: f64, high: f64, at: &dyn Fn(usize) -> usize| {
        (0..rows).map(|row| low + (high - low) * at(row) as f64 / side as f64).collect()
    };
    match holds {
        Holds::Between(low, high) => numbers(rows, low, high, name.bytes().map(u64::from).sum()),
        Holds::Across(low, high) => grid(low, high, &|row| row % side),
        Holds::Down(low, high) => grid(low, high, &|row| row / side),
    }
}

fn main() {
    let natives: Vec<(&str, NativeColumns)> =
        OPTIONS.iter().filter_map(|(name, options)| Some((*name, NativeColumns::load(options)?))).collect();
    let natives = &natives;
    use Holds::{Across, Between, Down};
    heading("ns a row");
    for rows in [10_000, 1_000_000] {
        workload!(
            natives,
            "C1",
            rows,
            C1,
            f64,
            c1,
            (a = Between(-1.0, 1.0), b = Between(-1.0, 1.0), c = Between(-1.0, 1.0))
        );
        workload!(
            natives,
            "C2",
            rows,
            C2,
            f64,
            c2,
            (x = Between(-1.0, 1.0), y = Between(-1.0, 1.0), z = Between(-1.0, 1.0))
        );
        workload!(
            natives,
            "C3",
            rows,
            C3,
            f64,
            c3,
            (x = Between(-3.0, 3.0), y = Between(-2.0, 2.0), z = Between(-5.0, 5.0))
        );
        workload!(
            natives,
            "C4",
            rows,
            C4,
            f64,
            c4,
            (x = Between(0.0, 1.0), y = Between(-1.0, 1.0), z = Between(-1.0, 1.0))
        );
        workload!(natives, "C5", rows, C5, f64, c5, (x = Between(-1.0, 1.0)));
        workload!(natives, "C5, fma", rows, C5_FUSED, f64, c5, (x = Between(-1.0, 1.0)));
        workload!(natives, "C6", rows, C6, i64, c6, (cx = Across(-2.0, 1.0), cy = Down(-1.5, 1.5)));
        workload!(
            natives,
            "C7",
            rows,
            S3,
            f64,
            c7,
            (
                s = Between(80.0, 120.0),
                k = Between(80.0, 120.0),
                r = Between(0.01, 0.05),
                sigma = Between(0.1, 0.4),
                t = Between(0.2, 2.0)
            )
        );
    }
}
