//! Reductions that take their values as they come, in constant memory, with the results of the library's.

use arrow_array::ArrayRef;
use cresset::arrow::ArrowColumn;
use cresset::{Reduction, Slice, TrapKind, Type, Value};

/// Rows of a block: those of a block are reduced, then the blocks' results, as `Kernel::reduce` does.
const BLOCK: u32 = 4096;

/// Eight running totals, the order of the language's `sum` and `product`.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    totals: [f64; 8],
    count: u64,
}

impl Totals {
    fn push(&mut self, value: f64, combine: fn(f64, f64) -> f64) {
        let total = &mut self.totals[(self.count % 8) as usize];
        *total = if self.count < 8 { value } else { combine(*total, value) };
        self.count += 1;
    }

    fn value(&self, combine: fn(f64, f64) -> f64) -> Option<f64> {
        let total = |at: u64| (at < self.count).then(|| self.totals[at as usize]);
        let both = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(combine(a, b)),
            (a, b) => a.or(b),
        };
        let [a, b, c, d] = [0, 2, 1, 3].map(|at| both(total(at), total(at + 4)));
        both(both(a, b), both(c, d))
    }
}

/// A reduction under way.
#[derive(Clone, Debug)]
pub struct Accumulator {
    reduction: Reduction,
    ty: Type,
    /// Values, and how many of them are true.
    count: u64,
    trues: u64,
    /// Of the block under way, and its rows; then of all blocks.
    block: Totals,
    rows: u32,
    blocks: Totals,
    int: Option<i64>,
    total: i128,
}

/// The lesser, a NaN if one is: -0 is less than 0.
fn least(a: f64, b: f64) -> f64 {
    match () {
        () if a.is_nan() || b.is_nan() => f64::NAN,
        () if a == b => {
            if a.is_sign_negative() {
                a
            } else {
                b
            }
        }
        () => {
            if a < b {
                a
            } else {
                b
            }
        }
    }
}

fn greatest(a: f64, b: f64) -> f64 {
    -least(-a, -b)
}

impl Accumulator {
    /// For values of a type that the reduction takes.
    pub fn new(reduction: Reduction, ty: Type) -> Accumulator {
        let (block, blocks) = (Totals::default(), Totals::default());
        Accumulator { reduction, ty, count: 0, trues: 0, block, rows: 0, blocks, int: None, total: 0 }
    }

    fn combine(&self) -> fn(f64, f64) -> f64 {
        match self.reduction {
            Reduction::Min => least,
            Reduction::Max => greatest,
            Reduction::Product => |a, b| a * b,
            _ => |a, b| a + b,
        }
    }

    fn end_row(&mut self) {
        self.rows += 1;
        if self.rows == BLOCK {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        let combine = self.combine();
        if let Some(value) = self.block.value(combine) {
            self.blocks.push(value, combine);
        }
        (self.block, self.rows) = (Totals::default(), 0);
    }

    /// A row without a value.
    pub fn missing(&mut self) {
        self.end_row();
    }

    pub fn f64(&mut self, value: f64) {
        self.count += 1;
        self.block.push(value, self.combine());
        self.end_row();
    }

    pub fn bool(&mut self, value: bool) {
        self.count += 1;
        self.trues += u64::from(value);
        self.end_row();
    }

    /// An `i64`; the product of those so far may not fit.
    pub fn i64(&mut self, value: i64) -> Result<(), TrapKind> {
        self.count += 1;
        let known = self.int;
        match self.reduction {
            Reduction::Min => self.int = Some(known.map_or(value, |known| known.min(value))),
            Reduction::Max => self.int = Some(known.map_or(value, |known| known.max(value))),
            Reduction::Product => {
                self.int = Some(known.unwrap_or(1).checked_mul(value).ok_or(TrapKind::IntegerOverflow)?);
            }
            // 2^64 rows of any `i64`s have a total that fits.
            _ => self.total += i128::from(value),
        }
        self.end_row();
        Ok(())
    }

    /// What the values give.
    pub fn finish(mut self) -> Result<Value, TrapKind> {
        self.end_block();
        let combine = self.combine();
        let float = self.blocks.value(combine);
        let canonical = |x: f64| Value::F64(if x.is_nan() { f64::NAN } else { x });
        Ok(match (self.reduction, self.ty) {
            (Reduction::Any, _) => Value::Bool(self.trues > 0),
            (Reduction::All, _) => Value::Bool(self.trues == self.count),
            (Reduction::Count, Type::Bool) => Value::I64(self.trues as i64),
            (Reduction::Count, _) => Value::I64(self.count as i64),
            (Reduction::Mean, _) if self.count == 0 => Value::F64(f64::NAN),
            (Reduction::Mean, Type::I64) => Value::F64(self.total as f64 / self.count as f64),
            (Reduction::Mean, _) => canonical(float.unwrap_or(0.0) / self.count as f64),
            (Reduction::Sum, Type::I64) => {
                Value::I64(i64::try_from(self.total).map_err(|_| TrapKind::IntegerOverflow)?)
            }
            (Reduction::Product, Type::I64) => Value::I64(self.int.unwrap_or(1)),
            (_, Type::I64) => Value::I64(self.int.ok_or(TrapKind::BadArgument)?),
            (Reduction::Sum, _) => canonical(float.unwrap_or(0.0)),
            (Reduction::Product, _) => canonical(float.unwrap_or(1.0)),
            _ => canonical(float.ok_or(TrapKind::BadArgument)?),
        })
    }
}

/// Takes each row of a column into the accumulator of its group; the error is the row that trapped.
pub fn accumulate(
    column: &ArrayRef,
    groups: &[u32],
    all: &mut [Accumulator],
    failed: &[bool],
) -> Result<(), (usize, TrapKind)> {
    let Ok(data) = ArrowColumn::new(column) else { return Ok(()) };
    let nulls = data.nulls();
    for row in 0..column.len() {
        let group = groups.get(row).map_or(0, |group| *group as usize);
        let Some(to) = all.get_mut(group) else { continue };
        if failed.get(row).is_some_and(|failed| *failed) {
            continue;
        }
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            to.missing();
            continue;
        }
        match data.slice() {
            Slice::F64(values) => to.f64(values[row]),
            Slice::I64(values) => to.i64(values[row]).map_err(|kind| (row, kind))?,
            Slice::Bool(values) => to.bool(values[row]),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset::{Columns, Engine};

    fn reduced(reduction: Reduction, values: &[f64]) -> Result<Value, TrapKind> {
        let mut all = Accumulator::new(reduction, Type::F64);
        values.iter().for_each(|value| all.f64(*value));
        all.finish()
    }

    #[test]
    fn the_library_gives_the_same_bits() {
        let kernel = Engine::new().unwrap().kernel("x").unwrap();
        for rows in [0, 1, 2, 7, 8, 9, 100, 4095, 4096, 4097, 50_000] {
            let values: Vec<f64> = (0..rows).map(|i| 1.0 + 1.0 / (f64::from(i).powi(2) + 3.0)).collect();
            for reduction in [Reduction::Sum, Reduction::Mean, Reduction::Min, Reduction::Max, Reduction::Product] {
                let library = kernel.reduce(reduction, &Columns::new().column("x", &values));
                let bits = |value: &Value| format!("{value:?}");
                match (library, reduced(reduction, &values)) {
                    (Ok(a), Ok(b)) => assert_eq!(bits(&a), bits(&b), "{reduction:?} of {rows}"),
                    (Err(a), Err(b)) => assert_eq!(a.trap().map(|trap| trap.kind), Some(b)),
                    other => panic!("{reduction:?} of {rows}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn extremes_know_zeros_and_nans() {
        let value = |reduction, values: &[f64]| match reduced(reduction, values) {
            Ok(Value::F64(x)) => x.to_bits(),
            other => panic!("{other:?}"),
        };
        assert_eq!(value(Reduction::Min, &[0.0, -0.0]), (-0.0_f64).to_bits());
        assert_eq!(value(Reduction::Max, &[-0.0, 0.0]), 0.0_f64.to_bits());
        assert_eq!(value(Reduction::Max, &[1.0, f64::NAN, 2.0]), 0x7ff8_0000_0000_0000);
        assert_eq!(value(Reduction::Min, &[f64::NEG_INFINITY, 3.0]), f64::NEG_INFINITY.to_bits());
        assert_eq!(reduced(Reduction::Min, &[]), Err(TrapKind::BadArgument));
    }

    #[test]
    fn whole_numbers_are_exact() {
        let of = |reduction, values: &[i64]| {
            let mut all = Accumulator::new(reduction, Type::I64);
            values.iter().try_for_each(|value| all.i64(*value)).and_then(|()| all.finish())
        };
        assert_eq!(of(Reduction::Sum, &[i64::MAX, 1, -1]), Ok(Value::I64(i64::MAX)));
        assert_eq!(of(Reduction::Sum, &[i64::MAX, 1]), Err(TrapKind::IntegerOverflow));
        assert_eq!(of(Reduction::Product, &[i64::MAX, 2, 0]), Err(TrapKind::IntegerOverflow));
        assert_eq!(of(Reduction::Mean, &[i64::MAX, i64::MAX]), Ok(Value::F64(9_223_372_036_854_775_807.0)));
    }
}
