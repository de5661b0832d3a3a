//! Numbers that find mistakes, as values and as literals.

use super::{Bytes, Writer};
use cresset::{Elem, Type, Value};

const INTS: [i64; 32] = [
    0,
    1,
    -1,
    2,
    3,
    -2,
    7,
    10,
    31,
    32,
    63,
    64,
    65,
    100,
    127,
    128,
    255,
    256,
    -128,
    1 << 31,
    (1 << 31) - 1,
    -(1 << 31),
    -(1 << 31) - 1,
    (1 << 53) - 1,
    1 << 53,
    (1 << 53) + 1,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
    i64::MIN + 1,
    0x5555_5555_5555_5555,
    3_037_000_500,
];

const FLOATS: [f64; 30] = [
    0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -0.0,
    3.0,
    -0.5,
    0.1,
    1.5,
    2.5,
    -2.5,
    0.499_999_999_999_999_94,
    std::f64::consts::PI,
    1e10,
    -1e10,
    5e-324,
    -1e-310,
    f64::MIN_POSITIVE,
    f64::MAX,
    -f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    9_007_199_254_740_991.0,
    9_007_199_254_740_992.0,
    9_223_372_036_854_775_808.0,
    -9_223_372_036_854_775_808.0,
    1e22,
    1e308,
];

fn int(bytes: &mut Bytes) -> i64 {
    match bytes.below(20) {
        0..=16 => bytes.below(20) as i64 - if bytes.chance(30) { 10 } else { 0 },
        19 if bytes.chance(50) => bytes.word() as i64,
        _ => bytes.pick(&INTS),
    }
}

fn float(bytes: &mut Bytes) -> f64 {
    match bytes.below(10) {
        0..=5 => bytes.below(64) as f64 / 8.0 - if bytes.chance(40) { 4.0 } else { 0.0 },
        9 if bytes.chance(50) => f64::from_bits(bytes.word()),
        _ => bytes.pick(&FLOATS),
    }
}

/// What a host binds or passes: NaNs of any bits too.
pub fn value(bytes: &mut Bytes, ty: Type) -> Value {
    match ty {
        Type::F64 => Value::F64(float(bytes)),
        Type::I64 => Value::I64(int(bytes)),
        Type::Bool => Value::Bool(bytes.chance(50)),
        Type::Unit => Value::Unit,
        Type::Array(elem) => {
            let len = match bytes.below(12) {
                0 => 0,
                11 => 60 + bytes.below(80),
                n => n + bytes.below(10),
            };
            match elem {
                Elem::F64 => Value::from((0..len).map(|_| float(bytes)).collect::<Vec<f64>>()),
                Elem::F32 => {
                    let single = |bytes: &mut Bytes| match bytes.below(12) {
                        11 => f32::from_bits(bytes.word() as u32),
                        _ => float(bytes) as f32,
                    };
                    Value::from((0..len).map(|_| single(bytes)).collect::<Vec<f32>>())
                }
                Elem::I64 => Value::from((0..len).map(|_| int(bytes)).collect::<Vec<i64>>()),
                Elem::I32 => Value::from((0..len).map(|_| int(bytes) as i32).collect::<Vec<i32>>()),
                Elem::U8 => Value::from((0..len).map(|_| int(bytes) as u8).collect::<Vec<u8>>()),
                Elem::Bool => Value::from((0..len).map(|_| bytes.chance(50)).collect::<Vec<bool>>()),
            }
        }
    }
}

impl Writer<'_> {
    /// A literal of exactly this scalar type, in parentheses where it has a sign.
    pub fn literal(&mut self, ty: Type) -> String {
        match ty {
            Type::F64 => match float(self.bytes) {
                x if x.is_nan() => "NAN".to_owned(),
                x if x.is_infinite() => if x > 0.0 { "INF" } else { "(-INF)" }.to_owned(),
                x if x.is_sign_negative() => format!("({x:?})"),
                x => format!("{x:?}"),
            },
            Type::I64 => match int(self.bytes) {
                i64::MIN if self.bytes.chance(50) => "MIN_I64".to_owned(),
                n if n < 0 => format!("({n})"),
                n if n > 255 && self.bytes.chance(30) => format!("{n:#x}"),
                n => n.to_string(),
            },
            _ => if self.bytes.chance(50) { "true" } else { "false" }.to_owned(),
        }
    }

    /// A whole number that an element of this type can hold.
    pub fn fitting_literal(&mut self, elem: Elem) -> String {
        match elem {
            Elem::I32 => (int(self.bytes) as i32 / 2).abs().to_string(),
            Elem::U8 => (int(self.bytes) as u8).to_string(),
            _ => self.literal(elem.scalar()),
        }
    }
}
