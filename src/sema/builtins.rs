//! The one table of built-in functions and constants: name, signatures, what each becomes, and what help and documentation say.
//!
//! A new built-in is one row here.

use crate::ir::op::{ArrayOp, Math, Op};
use crate::lazy::Lazy;
use crate::types::{Elem, Type};
use std::collections::HashMap;

/// A built-in function.
#[derive(Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// How a call looks, with names for the arguments.
    pub usage: &'static str,
    /// Its signatures; a call takes the first that fits without conversion, else the first that fits.
    pub forms: &'static [Form],
    /// One sentence.
    pub doc: &'static str,
    /// A formula that is true.
    pub example: &'static str,
}

/// One signature of a built-in.
#[derive(Debug)]
pub struct Form {
    /// Its parameters; where [`Lower::Fold`] is used, the last may be repeated.
    pub params: &'static [Param],
    /// What it gives.
    pub result: Gives,
    /// What a call becomes.
    pub lower: Lower,
}

/// What a built-in takes in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// An `f64`, or an `i64` converted.
    F64,
    /// An `i64`.
    I64,
    /// A `bool`.
    Bool,
    /// An array of numbers.
    Nums,
    /// A `[bool]`.
    Bools,
    /// Any array.
    Array,
    /// Any writable array.
    Mut,
    /// An array with the elements of the first argument.
    Same,
    /// A value that can be stored into the first argument.
    Elem,
}

impl Param {
    const fn text(self) -> &'static str {
        match self {
            Param::F64 => "f64",
            Param::I64 => "i64",
            Param::Bool => "bool",
            Param::Nums | Param::Array | Param::Same => "[T]",
            Param::Bools => "[bool]",
            Param::Mut => "mut [T]",
            Param::Elem => "T",
        }
    }

    /// Whether a value of this type fits, converted or not, where the first argument is an array of `first`.
    pub fn takes(self, ty: Type, first: Option<Elem>) -> bool {
        match self {
            Param::F64 => matches!(ty, Type::F64 | Type::I64),
            Param::Elem => match first.map(Elem::scalar) {
                Some(Type::F64) => matches!(ty, Type::F64 | Type::I64),
                scalar => scalar == Some(ty),
            },
            _ => self.is(ty, first),
        }
    }

    /// Whether a value of this type fits as it is.
    pub fn is(self, ty: Type, first: Option<Elem>) -> bool {
        match (self, ty) {
            (Param::F64, Type::F64) | (Param::I64, Type::I64) | (Param::Bool, Type::Bool) => true,
            (Param::Nums, Type::Array(elem)) => elem != Elem::Bool,
            (Param::Bools, Type::Array(elem)) => elem == Elem::Bool,
            (Param::Array | Param::Mut, Type::Array(_)) => true,
            (Param::Same, Type::Array(elem)) => first == Some(elem),
            (Param::Elem, _) => first.map(Elem::scalar) == Some(ty),
            _ => false,
        }
    }
}

/// What a built-in gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// An `f64`.
    F64,
    /// An `i64`.
    I64,
    /// A `bool`.
    Bool,
    /// Nothing.
    Unit,
    /// What an element of the first argument is once read.
    Elem,
}

/// What a call of a built-in becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lower {
    /// The operation.
    Op(Op),
    /// The operation, its last operand made canonical: it shows a sign or bits.
    Canon(Op),
    /// The elementary function.
    Math(Math),
    /// A chain of the operation over two or more arguments.
    Fold(Op),
    /// A chain of two operations, one for each argument after the first.
    Two(Op, Op),
    /// The argument multiplied by this.
    Times(f64),
    /// The argument itself.
    Same,
    /// The length.
    Len,
    /// A built-in over whole arrays.
    Array(ArrayOp),
}

impl Form {
    /// `(f64, f64) -> f64`, after the name.
    fn text(&self) -> String {
        let mut params: Vec<&str> = self.params.iter().map(|p| p.text()).collect();
        if matches!(self.lower, Lower::Fold(_)) {
            params.push("…");
        }
        let result = match self.result {
            Gives::F64 => " -> f64",
            Gives::I64 => " -> i64",
            Gives::Bool => " -> bool",
            Gives::Unit => "",
            Gives::Elem => " -> T",
        };
        format!("({}){result}", params.join(", "))
    }

    /// Whether it can be called with so many arguments.
    pub fn takes_count(&self, count: usize) -> bool {
        if matches!(self.lower, Lower::Fold(_)) { count >= self.params.len() } else { count == self.params.len() }
    }

    /// The parameter that this argument is for; the last is repeated.
    pub fn param(&self, index: usize) -> Option<Param> {
        self.params.get(index).or(self.params.last()).copied()
    }
}

impl Builtin {
    /// `abs(i64) -> i64, abs(f64) -> f64`.
    pub fn signatures(&self) -> String {
        let forms: Vec<String> = self.forms.iter().map(|form| format!("{}{}", self.name, form.text())).collect();
        forms.join(", ")
    }
}

macro_rules! builtins {
    ($( $name:ident $usage:literal { $( ($($param:ident),*) -> $gives:ident = $lower:expr );+ } $doc:literal, $example:literal; )*) => {
        /// All built-in functions, grouped as in the language's reference.
        pub static BUILTINS: &[Builtin] = &[$(
            Builtin {
                name: stringify!($name),
                usage: concat!(stringify!($name), $usage),
                forms: &[$( Form { params: &[$(Param::$param),*], result: Gives::$gives, lower: $lower } ),+],
                doc: $doc,
                example: $example,
            },
        )*];
    };
}

use Lower::{Canon, Fold, Len, Same, Times, Two};

builtins! {
    f64 "(v)" { (F64) -> F64 = Same; (I64) -> F64 = Lower::Op(Op::IToF); (Bool) -> F64 = Lower::Op(Op::BToF) }
        "The nearest f64; 0.0 or 1.0 for a bool.", "f64(7) / 2 == 3.5";
    i64 "(v)" { (I64) -> I64 = Same; (Bool) -> I64 = Lower::Op(Op::BToI); (F64) -> I64 = Lower::Op(Op::FToI) }
        "The number without its fraction; traps BadCast for NaN and out of range; 0 or 1 for a bool.", "i64(-2.7) == -2";

    div "(a, b)" { (I64, I64) -> I64 = Lower::Op(Op::IDiv) }
        "Whole-number quotient, toward zero; traps DivideByZero and IntegerOverflow.", "div(-7, 2) == -3";
    floor_div "(a, b)" { (I64, I64) -> I64 = Lower::Op(Op::IFloorDiv) }
        "Whole-number quotient, toward minus infinity; traps DivideByZero and IntegerOverflow.", "floor_div(-7, 2) == -4";
    floor_mod "(a, b)" { (I64, I64) -> I64 = Lower::Op(Op::IFloorMod) }
        "Remainder with the sign of the divisor; traps DivideByZero.", "floor_mod(-7, 3) == 2";
    gcd "(a, b)" { (I64, I64) -> I64 = Lower::Op(Op::IGcd) }
        "Greatest common divisor, never negative; traps IntegerOverflow where it is 2^63.", "gcd(12, -18) == 6";
    wrapping_add "(a, b)" { (I64, I64) -> I64 = Lower::Op(Op::IWrappingAdd) }
        "Sum modulo 2^64.", "wrapping_add(MAX_I64, 1) == MIN_I64";
    wrapping_sub "(a, b)" { (I64, I64) -> I64 = Lower::Op(Op::IWrappingSub) }
        "Difference modulo 2^64.", "wrapping_sub(MIN_I64, 1) == MAX_I64";
    wrapping_mul "(a, b)" { (I64, I64) -> I64 = Lower::Op(Op::IWrappingMul) }
        "Product modulo 2^64.", "wrapping_mul(MAX_I64, 2) == -2";
    bit_and "(a, b)" { (I64, I64) -> I64 = Lower::Op(Op::IAnd) }
        "Bits set in both.", "bit_and(0b1100, 0b1010) == 0b1000";
    bit_or "(a, b)" { (I64, I64) -> I64 = Lower::Op(Op::IOr) }
        "Bits set in either.", "bit_or(0b1100, 0b1010) == 0b1110";
    bit_xor "(a, b)" { (I64, I64) -> I64 = Lower::Op(Op::IXor) }
        "Bits set in one of the two.", "bit_xor(0b1100, 0b1010) == 0b0110";
    bit_not "(a)" { (I64) -> I64 = Lower::Op(Op::INot) }
        "Every bit flipped.", "bit_not(0) == -1";
    shl "(a, count)" { (I64, I64) -> I64 = Lower::Op(Op::IShl) }
        "Shifted left, the count modulo 64.", "shl(1, 10) == 1024";
    shr "(a, count)" { (I64, I64) -> I64 = Lower::Op(Op::IShr) }
        "Shifted right, zeros coming in, the count modulo 64.", "shr(-1, 60) == 15";
    sar "(a, count)" { (I64, I64) -> I64 = Lower::Op(Op::ISar) }
        "Shifted right, copies of the sign coming in, the count modulo 64.", "sar(-16, 2) == -4";
    rotl "(a, count)" { (I64, I64) -> I64 = Lower::Op(Op::IRotl) }
        "Rotated left, the count modulo 64.", "rotl(MIN_I64, 1) == 1";
    rotr "(a, count)" { (I64, I64) -> I64 = Lower::Op(Op::IRotr) }
        "Rotated right, the count modulo 64.", "rotr(1, 1) == MIN_I64";
    popcount "(a)" { (I64) -> I64 = Lower::Op(Op::IPopcount) }
        "How many bits are set.", "popcount(255) == 8";
    leading_zeros "(a)" { (I64) -> I64 = Lower::Op(Op::IClz) }
        "Zero bits above the highest set one; 64 for 0.", "leading_zeros(1) == 63";
    trailing_zeros "(a)" { (I64) -> I64 = Lower::Op(Op::ICtz) }
        "Zero bits below the lowest set one; 64 for 0.", "trailing_zeros(8) == 3";

    abs "(x)" { (I64) -> I64 = Lower::Op(Op::IAbs); (F64) -> F64 = Lower::Op(Op::FAbs) }
        "Magnitude; traps IntegerOverflow for MIN_I64.", "abs(-2.5) == 2.5";
    min "(a, b, …) or min(xs)" { (I64, I64) -> I64 = Fold(Op::IMin); (F64, F64) -> F64 = Fold(Op::FMin); (Nums) -> Elem = Lower::Array(ArrayOp::Min) }
        "The least of two or more numbers, or of an array; NaN if any is; traps BadArgument for an empty array.", "min(3, 1, 2) == 1";
    max "(a, b, …) or max(xs)" { (I64, I64) -> I64 = Fold(Op::IMax); (F64, F64) -> F64 = Fold(Op::FMax); (Nums) -> Elem = Lower::Array(ArrayOp::Max) }
        "The greatest of two or more numbers, or of an array; NaN if any is; traps BadArgument for an empty array.", "max([3, 1, 2]) == 3";
    clamp "(x, lo, hi)" { (I64, I64, I64) -> I64 = Two(Op::IMax, Op::IMin); (F64, F64, F64) -> F64 = Two(Op::FMax, Op::FMin) }
        "min(max(x, lo), hi).", "clamp(7, 0, 5) == 5";
    sign "(x)" { (I64) -> I64 = Lower::Op(Op::ISign); (F64) -> F64 = Canon(Op::FSign) }
        "-1, 0 or 1; for an f64 -1, 1, or the zero or NaN itself.", "sign(-2.5) == -1";

    floor "(x)" { (F64) -> F64 = Lower::Op(Op::FFloor) }
        "Toward minus infinity.", "floor(-1.5) == -2";
    ceil "(x)" { (F64) -> F64 = Lower::Op(Op::FCeil) }
        "Toward plus infinity.", "ceil(1.2) == 2";
    trunc "(x)" { (F64) -> F64 = Lower::Op(Op::FTrunc) }
        "Toward zero.", "trunc(-1.5) == -1";
    round "(x)" { (F64) -> F64 = Lower::Op(Op::FRound) }
        "To nearest, half away from zero.", "round(2.5) == 3";
    round_even "(x)" { (F64) -> F64 = Lower::Op(Op::FRoundEven) }
        "To nearest, half to even.", "round_even(2.5) == 2";
    fract "(x)" { (F64) -> F64 = Lower::Op(Op::FFract) }
        "x - trunc(x).", "fract(-1.25) == -0.25";

    bits "(x)" { (F64) -> I64 = Canon(Op::FBits) }
        "The IEEE 754 bits.", "bits(1.0) == 0x3FF0000000000000";
    from_bits "(n)" { (I64) -> F64 = Lower::Op(Op::FFromBits) }
        "The f64 with these bits.", "from_bits(0x3FF0000000000000) == 1";
    copysign "(x, s)" { (F64, F64) -> F64 = Canon(Op::FCopysign) }
        "The magnitude of x with the sign of s.", "copysign(3, -0.0) == -3";
    is_nan "(x)" { (F64) -> Bool = Lower::Op(Op::FIsNan) }
        "Whether it is not a number.", "is_nan(0 / 0)";
    is_finite "(x)" { (F64) -> Bool = Lower::Op(Op::FIsFinite) }
        "Whether it is neither infinite nor NaN.", "is_finite(1e308)";
    is_infinite "(x)" { (F64) -> Bool = Lower::Op(Op::FIsInfinite) }
        "Whether it is an infinity.", "is_infinite(1 / 0)";

    sqrt "(x)" { (F64) -> F64 = Lower::Op(Op::FSqrt) }
        "Square root.", "sqrt(2.25) == 1.5";
    fma "(a, b, c)" { (F64, F64, F64) -> F64 = Lower::Op(Op::Fma) }
        "a * b + c, rounded once.", "fma(2, 3, 4) == 10";

    exp "(x)" { (F64) -> F64 = Lower::Math(Math::Exp) } "E to the power x.", "exp(0) == 1";
    exp2 "(x)" { (F64) -> F64 = Lower::Math(Math::Exp2) } "2 to the power x.", "exp2(10) == 1024";
    expm1 "(x)" { (F64) -> F64 = Lower::Math(Math::Expm1) } "exp(x) - 1, exact near zero.", "expm1(0) == 0";
    ln "(x)" { (F64) -> F64 = Lower::Math(Math::Ln) } "Natural logarithm.", "ln(1) == 0";
    log2 "(x)" { (F64) -> F64 = Lower::Math(Math::Log2) } "Logarithm to base 2.", "log2(1024) == 10";
    log10 "(x)" { (F64) -> F64 = Lower::Math(Math::Log10) } "Logarithm to base 10.", "log10(1000) == 3";
    log1p "(x)" { (F64) -> F64 = Lower::Math(Math::Log1p) } "ln(1 + x), exact near zero.", "log1p(0) == 0";
    pow "(x, y)" { (F64, F64) -> F64 = Lower::Math(Math::Pow) } "x to the power y.", "pow(2, 0.5) == sqrt(2)";
    cbrt "(x)" { (F64) -> F64 = Lower::Math(Math::Cbrt) } "Cube root.", "cbrt(-27) == -3";
    hypot "(x, y)" { (F64, F64) -> F64 = Lower::Math(Math::Hypot) } "sqrt(x^2 + y^2), without overflow on the way.", "hypot(3, 4) == 5";
    sin "(x)" { (F64) -> F64 = Lower::Math(Math::Sin) } "Sine of an angle in radians.", "sin(0) == 0";
    cos "(x)" { (F64) -> F64 = Lower::Math(Math::Cos) } "Cosine of an angle in radians.", "cos(0) == 1";
    tan "(x)" { (F64) -> F64 = Lower::Math(Math::Tan) } "Tangent of an angle in radians.", "tan(0) == 0";
    asin "(x)" { (F64) -> F64 = Lower::Math(Math::Asin) } "Angle in radians whose sine it is.", "asin(1) == PI / 2";
    acos "(x)" { (F64) -> F64 = Lower::Math(Math::Acos) } "Angle in radians whose cosine it is.", "acos(1) == 0";
    atan "(x)" { (F64) -> F64 = Lower::Math(Math::Atan) } "Angle in radians whose tangent it is.", "atan(1) == PI / 4";
    atan2 "(y, x)" { (F64, F64) -> F64 = Lower::Math(Math::Atan2) } "Angle in radians of the point (x, y).", "atan2(1, 0) == PI / 2";
    sinh "(x)" { (F64) -> F64 = Lower::Math(Math::Sinh) } "Hyperbolic sine.", "sinh(0) == 0";
    cosh "(x)" { (F64) -> F64 = Lower::Math(Math::Cosh) } "Hyperbolic cosine.", "cosh(0) == 1";
    tanh "(x)" { (F64) -> F64 = Lower::Math(Math::Tanh) } "Hyperbolic tangent.", "tanh(INF) == 1";
    asinh "(x)" { (F64) -> F64 = Lower::Math(Math::Asinh) } "Inverse hyperbolic sine.", "asinh(0) == 0";
    acosh "(x)" { (F64) -> F64 = Lower::Math(Math::Acosh) } "Inverse hyperbolic cosine.", "acosh(1) == 0";
    atanh "(x)" { (F64) -> F64 = Lower::Math(Math::Atanh) } "Inverse hyperbolic tangent.", "atanh(1) == INF";
    erf "(x)" { (F64) -> F64 = Lower::Math(Math::Erf) } "Error function.", "erf(INF) == 1";
    erfc "(x)" { (F64) -> F64 = Lower::Math(Math::Erfc) } "1 - erf(x), exact where that is small.", "erfc(0) == 1";

    radians "(x)" { (F64) -> F64 = Times(std::f64::consts::PI / 180.0) } "x * (PI / 180).", "radians(180) == PI";
    degrees "(x)" { (F64) -> F64 = Times(180.0 / std::f64::consts::PI) } "x * (180 / PI).", "degrees(PI) == 180";

    len "(xs)" { (Array) -> I64 = Len } "How many elements an array has.", "len([1, 2, 3]) == 3";
    sum "(xs)" { (Nums) -> Elem = Lower::Array(ArrayOp::Sum) }
        "The sum of an array; 0 where it is empty; traps IntegerOverflow only if the total does not fit.", "sum([1, 2, 3]) == 6";
    product "(xs)" { (Nums) -> Elem = Lower::Array(ArrayOp::Product) }
        "The product of an array; 1 where it is empty; traps IntegerOverflow.", "product([2, 3, 4]) == 24";
    mean "(xs)" { (Nums) -> F64 = Lower::Array(ArrayOp::Mean) } "The sum over the length; NaN where it is empty.", "mean([1, 2]) == 1.5";
    dot "(xs, ys)" { (Nums, Same) -> Elem = Lower::Array(ArrayOp::Dot) }
        "The sum of the products of two arrays; traps BadArgument for unequal lengths.", "dot([1, 2], [3, 4]) == 11";
    any "(xs)" { (Bools) -> Bool = Lower::Array(ArrayOp::Any) } "Whether any element is true.", "any([false, true])";
    all "(xs)" { (Bools) -> Bool = Lower::Array(ArrayOp::All) } "Whether no element is false.", "not all([false, true])";
    count "(xs)" { (Bools) -> I64 = Lower::Array(ArrayOp::Count) } "How many elements are true.", "count([true, false, true]) == 2";
    fill "(xs, v)" { (Mut, Elem) -> Unit = Lower::Array(ArrayOp::Fill) }
        "Stores a value into every element.", "{ var xs = [1, 2]; fill(xs, 7); sum(xs) == 14 }";
    copy "(to, from)" { (Mut, Same) -> Unit = Lower::Array(ArrayOp::Copy) }
        "Copies the elements of an array of the same length; traps BadArgument for unequal lengths.",
        "{ var xs = [0, 0]; copy(xs, [3, 4]); sum(xs) == 7 }";
}

/// The built-in function of this name.
pub fn builtin(name: &str) -> Option<&'static Builtin> {
    static BY_NAME: Lazy<HashMap<&'static str, &'static Builtin>> =
        Lazy::new(|| BUILTINS.iter().map(|b| (b.name, b)).collect());
    BY_NAME.get(name).copied()
}

/// A scalar that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constant {
    /// An `f64`.
    F64(f64),
    /// An `i64`.
    I64(i64),
    /// A `bool`.
    Bool(bool),
}

/// The built-in constants: name, value, one sentence.
pub static CONSTANTS: &[(&str, Constant, &str)] = &[
    ("PI", Constant::F64(std::f64::consts::PI), "Half a turn in radians."),
    ("TAU", Constant::F64(std::f64::consts::TAU), "A turn in radians, 2 * PI."),
    ("E", Constant::F64(std::f64::consts::E), "The base of natural logarithms."),
    ("INF", Constant::F64(f64::INFINITY), "Positive infinity."),
    ("NAN", Constant::F64(f64::from_bits(0x7FF8_0000_0000_0000)), "Not a number."),
    ("EPSILON", Constant::F64(f64::EPSILON), "The step from 1.0 to the next f64, 2^-52."),
    ("MAX_I64", Constant::I64(i64::MAX), "The greatest i64, 9223372036854775807."),
    ("MIN_I64", Constant::I64(i64::MIN), "The least i64, -9223372036854775808."),
];

/// The built-in constant of this name.
pub fn constant(name: &str) -> Option<Constant> {
    CONSTANTS.iter().find(|(n, _, _)| *n == name).map(|&(_, value, _)| value)
}

/// What to write for a function that other languages call so.
pub fn known_elsewhere(name: &str) -> Option<&'static str> {
    Some(match name {
        "log" => "write `ln` for the natural logarithm, `log2` or `log10` for those to base 2 and 10",
        "log_e" | "loge" | "lg" => "write `ln`, `log2` or `log10`",
        "power" | "powi" | "powf" => "write `a ^ b`, or `pow(a, b)`",
        "mod" | "modulo" | "fmod" | "rem" => "write `a % b`, or `floor_mod(a, b)`",
        "int" | "integer" | "long" | "to_i64" | "as_i64" => "write `i64(x)`",
        "float" | "double" | "to_f64" | "as_f64" => "write `f64(x)`",
        "f32" | "i32" | "u8" => "`f32`, `i32` and `u8` are only what arrays hold; write `f64(x)` or `i64(x)`",
        "ceiling" => "write `ceil(x)`",
        "truncate" | "fix" => "write `trunc(x)`",
        "frac" => "write `fract(x)`",
        "fabs" | "magnitude" => "write `abs(x)`",
        "fmin" | "minimum" => "write `min(a, b)`",
        "fmax" | "maximum" => "write `max(a, b)`",
        "sqr" | "square" => "write `x^2`; the square root is `sqrt(x)`",
        "sgn" | "signum" => "write `sign(x)`",
        "arcsin" => "write `asin(x)`",
        "arccos" => "write `acos(x)`",
        "arctan" => "write `atan(x)`",
        "arctan2" => "write `atan2(y, x)`",
        "isnan" => "write `is_nan(x)`",
        "isinf" => "write `is_infinite(x)`",
        "isfinite" => "write `is_finite(x)`",
        "length" | "size" => "write `len(xs)`",
        "avg" | "average" => "write `mean(xs)`",
        "total" => "write `sum(xs)`",
        "prod" => "write `product(xs)`",
        "deg" | "rad2deg" => "write `degrees(x)`",
        "rad" | "deg2rad" => "write `radians(x)`",
        "idiv" | "intdiv" => "write `div(a, b)`",
        "band" => "write `bit_and(a, b)`",
        "xor" | "bxor" => "write `bit_xor(a, b)`",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::op::{Scalar, scalar_of};
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_usages_start_with_them() {
        let mut seen = HashSet::new();
        for b in BUILTINS {
            assert!(seen.insert(b.name), "{} twice", b.name);
            assert!(b.usage.starts_with(&format!("{}(", b.name)), "{}", b.usage);
            assert!(b.doc.ends_with('.') && b.example.contains(b.name), "{}", b.name);
            assert!(known_elsewhere(b.name).is_none(), "{}", b.name);
            assert!(std::ptr::eq(builtin(b.name).unwrap(), b));
        }
    }

    #[test]
    fn every_elementary_function_and_array_operation_has_a_row() {
        let lowers: Vec<Lower> = BUILTINS.iter().flat_map(|b| b.forms).map(|f| f.lower).collect();
        for math in Math::ALL {
            assert!(math == Math::Fmod || lowers.contains(&Lower::Math(math)), "{}", math.name());
        }
        for op in ArrayOp::ALL {
            assert!(lowers.contains(&Lower::Array(op)), "{}", op.name());
        }
    }

    #[test]
    fn forms_agree_with_what_they_become() {
        let scalar = |p: Param| match p {
            Param::F64 => Scalar::F64,
            Param::I64 => Scalar::I64,
            Param::Bool => Scalar::Bool,
            other => panic!("{other:?} is no scalar"),
        };
        for b in BUILTINS {
            for form in b.forms {
                let params = || form.params.iter().map(|&p| scalar(p)).collect::<Vec<_>>();
                let result = match form.result {
                    Gives::F64 => scalar_of(Type::F64),
                    Gives::I64 => scalar_of(Type::I64),
                    Gives::Bool => scalar_of(Type::Bool),
                    Gives::Unit | Gives::Elem => None,
                };
                match form.lower {
                    Lower::Op(op) | Canon(op) | Fold(op) => {
                        assert_eq!(op.params(), params(), "{}", b.name);
                        assert_eq!(Some(op.result()), result, "{}", b.name);
                    }
                    Lower::Math(math) => {
                        assert_eq!(math.arity(), form.params.len(), "{}", b.name);
                        assert_eq!(math.name(), b.name);
                    }
                    Two(first, second) => {
                        assert_eq!(first.params(), &params()[1..], "{}", b.name);
                        assert_eq!(second.params(), &params()[1..], "{}", b.name);
                    }
                    Times(_) | Same | Len => assert_eq!(form.params.len(), 1, "{}", b.name),
                    Lower::Array(op) => assert_eq!(op.name(), b.name),
                }
            }
        }
    }

    #[test]
    fn signatures_read_well() {
        assert_eq!(builtin("abs").unwrap().signatures(), "abs(i64) -> i64, abs(f64) -> f64");
        assert_eq!(builtin("fill").unwrap().signatures(), "fill(mut [T], T)");
        assert!(builtin("min").unwrap().signatures().starts_with("min(i64, i64, …) -> i64"));
    }

    #[test]
    fn constants_are_found() {
        assert_eq!(constant("TAU"), Some(Constant::F64(std::f64::consts::TAU)));
        assert_eq!(constant("MIN_I64"), Some(Constant::I64(i64::MIN)));
        assert_eq!(constant("pi"), None);
    }
}
