//! Operations that may trap, in lanes: what each gives, and the mask of the rows that would trap, or might.

use super::widen::Widener;
use crate::ir::func::{InstKind as K, Value};
use crate::ir::op::{Op, Scalar};

/// Doubles from here on are not next to each other's whole numbers.
const EXACT: i64 = 1 << 53;

impl Widener<'_> {
    fn int(&mut self, n: i64) -> Value {
        let ty = self.ty(Scalar::I64);
        self.constant(ty, n as u64)
    }

    fn float(&mut self, x: f64) -> Value {
        let ty = self.ty(Scalar::F64);
        self.constant(ty, x.to_bits())
    }

    /// Outside of these bounds.
    fn outside(&mut self, x: Value, lo: i64, hi: i64) -> Value {
        let (lo, hi) = (self.int(lo), self.int(hi));
        let below = self.op(Op::ILt, &[x, lo]);
        let above = self.op(Op::ILt, &[hi, x]);
        self.op(Op::BOr, &[below, above])
    }

    /// What a trapping operation gives where it does not trap; the rows where it may fail. `None` for one without a vector form.
    pub(super) fn checked(&mut self, op: Op, args: &[Value], constants: &[Option<i64>]) -> Option<Value> {
        let a = args[0];
        Some(match op {
            Op::IAdd => match constants {
                [Some(c), _] => self.add_constant(args[1], *c),
                [_, Some(c)] => self.add_constant(a, *c),
                _ => {
                    let sum = self.op(Op::IWrappingAdd, args);
                    let (x, y) = (self.op(Op::IXor, &[a, sum]), self.op(Op::IXor, &[args[1], sum]));
                    self.fail_where_both_negative(x, y);
                    sum
                }
            },
            Op::ISub => {
                let difference = self.op(Op::IWrappingSub, args);
                if let Some(c) = constants[1] {
                    let order = if c < 0 { [difference, a] } else { [a, difference] };
                    let wrong = self.op(Op::ILt, &order);
                    self.fail(wrong);
                } else {
                    let (x, y) = (self.op(Op::IXor, &[a, args[1]]), self.op(Op::IXor, &[a, difference]));
                    self.fail_where_both_negative(x, y);
                }
                difference
            }
            Op::INeg | Op::IAbs => {
                let (zero, least) = (self.int(0), self.int(i64::MIN));
                let wrong = self.op(Op::IEq, &[a, least]);
                self.fail(wrong);
                let negated = self.op(Op::IWrappingSub, &[zero, a]);
                if op == Op::INeg { negated } else { self.op(Op::IMax, &[a, negated]) }
            }
            Op::IMul => match constants {
                [Some(c), _] => self.mul_constant(args[1], *c),
                [_, Some(c)] => self.mul_constant(a, *c),
                _ => self.mul(a, args[1]),
            },
            Op::IPow => self.power(a, constants[1].filter(|n| (0..64).contains(n))?),
            Op::IDiv | Op::IFloorDiv | Op::IRem | Op::IFloorMod => self.divide(op, a, args[1], constants[1]),
            Op::INarrowI32 => {
                let wrong = self.outside(a, i32::MIN.into(), i32::MAX.into());
                self.fail(wrong);
                a
            }
            Op::INarrowU8 => {
                let wrong = self.outside(a, 0, u8::MAX.into());
                self.fail(wrong);
                a
            }
            Op::FToI => {
                // -2^63 and 2^63 are doubles; NaN is below neither.
                let (lo, hi) = (self.float(-9_223_372_036_854_775_808.0), self.float(9_223_372_036_854_775_808.0));
                let (from, to) = (self.op(Op::FLe, &[lo, a]), self.op(Op::FLt, &[a, hi]));
                let fits = self.op(Op::BAnd, &[from, to]);
                let wrong = self.op(Op::BNot, &[fits]);
                self.fail(wrong);
                self.truncate(a)
            }
            _ => return None,
        })
    }

    fn truncate(&mut self, x: Value) -> Value {
        let ty = self.ty(Scalar::I64);
        self.emit.value(K::TruncateLanes, &[x], ty)
    }

    fn fail_where_both_negative(&mut self, x: Value, y: Value) {
        let zero = self.int(0);
        let both = self.op(Op::IAnd, &[x, y]);
        let wrong = self.op(Op::ILt, &[both, zero]);
        self.fail(wrong);
    }

    fn add_constant(&mut self, a: Value, c: i64) -> Value {
        let constant = self.int(c);
        let sum = self.op(Op::IWrappingAdd, &[a, constant]);
        let order = if c < 0 { [a, sum] } else { [sum, a] };
        let wrong = self.op(Op::ILt, &order);
        self.fail(wrong);
        sum
    }

    fn mul_constant(&mut self, a: Value, c: i64) -> Value {
        let constant = self.int(c);
        let product = self.op(Op::IWrappingMul, &[a, constant]);
        let (lo, hi) = match c {
            0 | 1 => return product,
            -1 => (-i64::MAX, i64::MAX),
            2.. => (i64::MIN / c, i64::MAX / c),
            _ => (i64::MAX / c, i64::MIN / c),
        };
        let wrong = self.outside(a, lo, hi);
        self.fail(wrong);
        product
    }

    fn mul(&mut self, a: Value, b: Value) -> Value {
        let product = self.op(Op::IWrappingMul, &[a, b]);
        // The product of the nearest doubles is off by three roundings at most: what is this far below 2^63 fits.
        let (x, y) = (self.op(Op::IToF, &[a]), self.op(Op::IToF, &[b]));
        let near = self.op(Op::FMul, &[x, y]);
        let near = self.op(Op::FAbs, &[near]);
        let limit = self.float(9_223_372_036_854_759_424.0);
        let fits = self.op(Op::FLt, &[near, limit]);
        let wrong = self.op(Op::BNot, &[fits]);
        self.fail(wrong);
        product
    }

    fn power(&mut self, base: Value, mut bits: i64) -> Value {
        let mut result = None;
        let mut factor = base;
        while bits != 0 {
            if bits & 1 != 0 {
                result = Some(match result {
                    Some(result) => self.mul(result, factor),
                    None => factor,
                });
            }
            bits >>= 1;
            if bits != 0 {
                factor = self.mul(factor, factor);
            }
        }
        match result {
            Some(result) => result,
            None => self.int(1),
        }
    }

    /// Through doubles: below 2^53 the quotient's rounding does not reach the next whole number.
    fn divide(&mut self, op: Op, a: Value, b: Value, divisor: Option<i64>) -> Value {
        let large = self.outside(a, -EXACT + 1, EXACT - 1);
        self.fail(large);
        if divisor.is_none_or(|b| b == 0 || !(-EXACT + 1..EXACT).contains(&b)) {
            let zero = self.int(0);
            let large = self.outside(b, -EXACT + 1, EXACT - 1);
            let none = self.op(Op::IEq, &[b, zero]);
            let wrong = self.op(Op::BOr, &[large, none]);
            self.fail(wrong);
        }
        let (x, y) = (self.op(Op::IToF, &[a]), self.op(Op::IToF, &[b]));
        let quotient = self.op(Op::FDiv, &[x, y]);
        let whole = match op {
            Op::IDiv | Op::IRem => self.op(Op::FTrunc, &[quotient]),
            _ => self.op(Op::FFloor, &[quotient]),
        };
        match op {
            Op::IDiv | Op::IFloorDiv => self.truncate(whole),
            _ => {
                // Less than the divisor, so exact.
                let rest = self.op(Op::Fnma, &[whole, y, x]);
                self.truncate(rest)
            }
        }
    }
}
