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
    ($natives:expr, $title:literal, $rows:expr, $text:expr, $result:ty, $c:ident, ($($name:ident = $kind:tt),+)) => {{
        let mut seed = 0;
        $(seed += 1; let $name: &[f64] = &workload!(@column $rows, seed, $kind);)+
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
    (@column $rows:expr, $seed:ident, ($low:literal..$high:literal)) => { numbers($rows, $low, $high, $seed) };
    (@column $rows:expr, $seed:ident, [$low:literal..$high:literal; $axis:ident]) => { grid($rows, $low, $high, Axis::$axis) };
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

/// Along which side of a square picture a coordinate grows.
#[derive(Clone, Copy)]
enum Axis {
    Across,
    Down,
}

/// A coordinate of the points of a square picture, line by line.
fn grid(rows: usize, low: f64, high: f64, axis: Axis) -> Vec<f64> {
    let side = rows.isqrt();
    let at = |row: usize| match axis {
        Axis::Across => row % side,
        Axis::Down => row / side,
    };
    (0..rows).map(|row| low + (high - low) * at(row) as f64 / side as f64).collect()
}

fn main() {
    let natives: Vec<(&str, NativeColumns)> =
        OPTIONS.iter().filter_map(|(name, options)| Some((*name, NativeColumns::load(options)?))).collect();
    let natives = &natives;
    heading("ns a row");
    for rows in [10_000, 1_000_000] {
        workload!(natives, "C1", rows, C1, f64, c1, (a = (-1.0..1.0), b = (-1.0..1.0), c = (-1.0..1.0)));
        workload!(natives, "C2", rows, C2, f64, c2, (x = (-1.0..1.0), y = (-1.0..1.0), z = (-1.0..1.0)));
        workload!(natives, "C3", rows, C3, f64, c3, (x = (-3.0..3.0), y = (-2.0..2.0), z = (-5.0..5.0)));
        workload!(natives, "C4", rows, C4, f64, c4, (x = (0.0..1.0), y = (-1.0..1.0), z = (-1.0..1.0)));
        workload!(natives, "C5", rows, C5, f64, c5, (x = (-1.0..1.0)));
        workload!(natives, "C5, fma", rows, C5_FUSED, f64, c5, (x = (-1.0..1.0)));
        workload!(natives, "C6", rows, C6, i64, c6, (cx = [-2.0..1.0; Across], cy = [-1.5..1.5; Down]));
        workload!(
            natives,
            "C7",
            rows,
            S3,
            f64,
            c7,
            (s = (80.0..120.0), k = (80.0..120.0), r = (0.01..0.05), sigma = (0.1..0.4), t = (0.2..2.0))
        );
    }
}
