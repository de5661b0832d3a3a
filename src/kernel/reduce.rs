//! Reductions: one value from a column, in one fixed order whatever the threads.
//!
//! Rows are taken in blocks of 4,096; in each, the values that are there are reduced as the language's built-in of that name does it, and so are then the
//! blocks' results.

use crate::error::Error;
use crate::ir::arrays::{Meter, reduce};
use crate::ir::op::ArrayOp;
use crate::runtime::fpenv::FpEnv;
use crate::trap::TrapKind;
use crate::types::Type;
use crate::value::{Slice, Value};

/// What is made of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The sum; of `i64` exact, it traps only where the total does not fit. Of no rows 0.
    Sum,
    /// The least; of no rows it traps `BadArgument`.
    Min,
    /// The greatest; likewise.
    Max,
    /// The sum divided by the number of values; of no rows NaN.
    Mean,
    /// How many rows are true, or, of numbers, how many are not missing.
    Count,
    /// The product, of no rows 1.
    Product,
    /// Whether any row is true.
    Any,
    /// Whether no row is false.
    All,
}

impl Reduction {
    /// All of them.
    pub const ALL: [Reduction; 8] = [
        Reduction::Sum,
        Reduction::Min,
        Reduction::Max,
        Reduction::Mean,
        Reduction::Count,
        Reduction::Product,
        Reduction::Any,
        Reduction::All,
    ];

    /// Its name, that of the built-in.
    pub const fn name(self) -> &'static str {
        match self {
            Reduction::Sum => "sum",
            Reduction::Min => "min",
            Reduction::Max => "max",
            Reduction::Mean => "mean",
            Reduction::Count => "count",
            Reduction::Product => "product",
            Reduction::Any => "any",
            Reduction::All => "all",
        }
    }

    /// The type that it has for values of this one, if it takes them.
    pub fn result(self, ty: Type) -> Option<Type> {
        match (self, ty) {
            (Reduction::Count, Type::F64 | Type::I64 | Type::Bool) => Some(Type::I64),
            (Reduction::Any | Reduction::All, Type::Bool) => Some(Type::Bool),
            (Reduction::Mean, Type::F64 | Type::I64) => Some(Type::F64),
            (Reduction::Sum | Reduction::Product | Reduction::Min | Reduction::Max, Type::F64 | Type::I64) => Some(ty),
            _ => None,
        }
    }
}

/// A reduction under way.
#[derive(Clone, Debug)]
pub(super) struct Fold {
    reduction: Reduction,
    ty: Type,
    /// Values so far.
    count: u64,
    /// True ones among them.
    trues: u64,
    /// The blocks' results.
    floats: Vec<f64>,
    /// The least or greatest, or the product, of the whole numbers so far.
    int: Option<i64>,
    total: i128,
}

/// What one block gives, computed anywhere in any order; [`Fold::add`] takes them in the blocks' order.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    count: usize,
    of: Of,
}

#[derive(Clone, Debug)]
enum Of {
    Nothing,
    Float(f64),
    Total(i128),
    Int(i64),
    /// A product of whole numbers traps in the order of the rows.
    Factors(Vec<i64>),
    Trues(usize),
}

/// Reductions are the host's and take no fuel.
struct Free;

impl Meter for Free {
    fn grant(&mut self, pieces: u64) -> Result<u64, TrapKind> {
        Ok(pieces)
    }
}

impl Fold {
    pub(super) fn new(reduction: Reduction, ty: Type) -> Result<Fold, Error> {
        match reduction.result(ty) {
            Some(_) => Ok(Fold { reduction, ty, count: 0, trues: 0, floats: Vec::new(), int: None, total: 0 }),
            None => Err(Error::Signature(format!("`{}` does not take values of type {ty}", reduction.name()))),
        }
    }

    fn op(&self) -> ArrayOp {
        match self.reduction {
            Reduction::Product => ArrayOp::Product,
            Reduction::Min => ArrayOp::Min,
            Reduction::Max => ArrayOp::Max,
            _ => ArrayOp::Sum,
        }
    }

    /// What the values of one block give.
    pub(super) fn block(&self, values: Slice<'_>) -> Result<Partial, TrapKind> {
        let _fp = FpEnv::canonical();
        self.block_in_canonical(values)
    }

    // Not inlined: the compiler does not know that arithmetic must not move out of the environment.
    #[inline(never)]
    fn block_in_canonical(&self, values: Slice<'_>) -> Result<Partial, TrapKind> {
        let count = values.len();
        let word = |op| reduce(op, values, None, &mut Free);
        let of = match (values, self.reduction) {
            (Slice::Bool(bools), _) => Of::Trues(bools.iter().filter(|b| **b).count()),
            (_, Reduction::Count) => Of::Nothing,
            _ if count == 0 => Of::Nothing,
            (Slice::F64(_), _) => Of::Float(f64::from_bits(word(self.op())?)),
            (Slice::I64(_), Reduction::Min | Reduction::Max) => Of::Int(word(self.op())? as i64),
            (Slice::I64(ints), Reduction::Product) => Of::Factors(ints.to_vec()),
            (Slice::I64(ints), _) => Of::Total(ints.iter().map(|n| i128::from(*n)).sum()),
            _ => Of::Nothing,
        };
        Ok(Partial { count, of })
    }

    /// Takes the next block.
    pub(super) fn add(&mut self, partial: Partial) -> Result<(), TrapKind> {
        self.count += partial.count as u64;
        match partial.of {
            Of::Nothing => {}
            Of::Float(x) => self.floats.push(x),
            Of::Total(total) => self.total += total,
            Of::Trues(trues) => self.trues += trues as u64,
            Of::Int(n) => {
                let best =
                    self.int.map_or(n, |best| if self.reduction == Reduction::Min { best.min(n) } else { best.max(n) });
                self.int = Some(best);
            }
            Of::Factors(factors) => {
                let mut product = self.int.unwrap_or(1);
                for factor in factors {
                    product = product.checked_mul(factor).ok_or(TrapKind::IntegerOverflow)?;
                }
                self.int = Some(product);
            }
        }
        Ok(())
    }

    /// The reduction's value.
    pub(super) fn finish(self) -> Result<Value, TrapKind> {
        let _fp = FpEnv::canonical();
        self.finish_in_canonical()
    }

    #[inline(never)]
    fn finish_in_canonical(self) -> Result<Value, TrapKind> {
        let float = || reduce(self.op(), Slice::F64(&self.floats), None, &mut Free).map(f64::from_bits);
        let count = self.count as f64;
        Ok(match (self.reduction, self.ty) {
            (Reduction::Any, _) => Value::Bool(self.trues > 0),
            (Reduction::All, _) => Value::Bool(self.trues == self.count),
            (Reduction::Count, Type::Bool) => Value::I64(self.trues as i64),
            (Reduction::Count, _) => Value::I64(self.count as i64),
            (Reduction::Mean, _) if self.count == 0 => Value::F64(f64::NAN.abs()),
            (Reduction::Mean, Type::I64) => Value::F64(self.total as f64 / count),
            (Reduction::Mean, _) => Value::F64(crate::ir::arrays::canonical(float()? / count)),
            (Reduction::Sum, Type::I64) => {
                Value::I64(i64::try_from(self.total).map_err(|_| TrapKind::IntegerOverflow)?)
            }
            (Reduction::Product, Type::I64) => Value::I64(self.int.unwrap_or(1)),
            (_, Type::I64) => Value::I64(self.int.ok_or(TrapKind::BadArgument)?),
            _ => Value::F64(float()?),
        })
    }
}
