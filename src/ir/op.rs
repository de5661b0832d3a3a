//! The operations: one row each, with name, operand and result types and effects. `eval.rs` gives each its exact meaning.
//!
//! Typed program trees ([`crate::sema::hir`]) and the IR share these operations, so the interpreter, constant folding and both
//! back-ends speak of the same thing.
//!
//! NaN: a value inside a program may be any NaN; it is one value to the language. [`Op::FCanon`] turns it into the canonical one, and
//! stands before every place that can see bits (a store, `bits`, `copysign`'s sign, `sign`, a result, an argument of a host function).

pub use crate::math::table::TableId;
use crate::trap::TrapKind;
use crate::types::{Elem, Type};

/// The type of an IR value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// binary64.
    F64,
    /// 64-bit integer.
    I64,
    /// 0 or 1.
    Bool,
    /// The address of an array's first element; always goes with its length, an `I64`.
    Ptr,
}

/// What an operation does besides giving a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: may be duplicated, dropped, and moved anywhere its operands reach.
    Pure,
    /// May trap: may be dropped only if it cannot; moves only over pure ones.
    Trap,
    /// Reads memory.
    Read,
    /// Writes memory.
    Write,
    /// Anything: calls, metering, the arena.
    Any,
}

/// Elementary functions and the remainder: pure, called out of line by scalar code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the function of its name in crate::math")]
pub enum Math {
    Exp,
    Exp2,
    Expm1,
    Ln,
    Log2,
    Log10,
    Log1p,
    Cbrt,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Asinh,
    Acosh,
    Atanh,
    Erf,
    Erfc,
    Pow,
    Hypot,
    Atan2,
    Fmod,
}

impl Math {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Math; 26] = [
        Math::Exp,
        Math::Exp2,
        Math::Expm1,
        Math::Ln,
        Math::Log2,
        Math::Log10,
        Math::Log1p,
        Math::Cbrt,
        Math::Sin,
        Math::Cos,
        Math::Tan,
        Math::Asin,
        Math::Acos,
        Math::Atan,
        Math::Sinh,
        Math::Cosh,
        Math::Tanh,
        Math::Asinh,
        Math::Acosh,
        Math::Atanh,
        Math::Erf,
        Math::Erfc,
        Math::Pow,
        Math::Hypot,
        Math::Atan2,
        Math::Fmod,
    ];

    /// Its name in the language (and `fmod` for `%`).
    pub const fn name(self) -> &'static str {
        [
            "exp", "exp2", "expm1", "ln", "log2", "log10", "log1p", "cbrt", "sin", "cos", "tan", "asin", "acos",
            "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "pow", "hypot", "atan2", "fmod",
        ][self as usize]
    }

    /// 1 or 2.
    pub const fn arity(self) -> usize {
        match self {
            Math::Pow | Math::Hypot | Math::Atan2 | Math::Fmod => 2,
            _ => 1,
        }
    }
}

/// Operations on whole arrays, each a call into the runtime that charges fuel for every 64 elements begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the built-in of its name")]
pub enum ArrayOp {
    Sum,
    Product,
    Min,
    Max,
    Mean,
    Dot,
    Any,
    All,
    Count,
    Fill,
    Copy,
}

impl ArrayOp {
    /// All of them, in the order of their discriminants.
    pub const ALL: [ArrayOp; 11] = [
        ArrayOp::Sum,
        ArrayOp::Product,
        ArrayOp::Min,
        ArrayOp::Max,
        ArrayOp::Mean,
        ArrayOp::Dot,
        ArrayOp::Any,
        ArrayOp::All,
        ArrayOp::Count,
        ArrayOp::Fill,
        ArrayOp::Copy,
    ];

    /// Its name in the language.
    pub const fn name(self) -> &'static str {
        ["sum", "product", "min", "max", "mean", "dot", "any", "all", "count", "fill", "copy"][self as usize]
    }
}

macro_rules! ops {
    ($( $(#[$doc:meta])+ $variant:ident $name:literal ($($arg:ident),*) -> $result:ident, $effect:ident; )*) => {
        /// An operation on scalars without immediate operands: one row each of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Op {
            $( $(#[$doc])+ $variant, )*
        }

        impl Op {
            /// All of them.
            pub const ALL: &'static [Op] = &[$(Op::$variant),*];

            /// As printed.
            pub const fn name(self) -> &'static str {
                match self { $(Op::$variant => $name,)* }
            }

            /// Operand types.
            pub const fn params(self) -> &'static [Scalar] {
                match self { $(Op::$variant => &[$(Scalar::$arg),*],)* }
            }

            /// Result type.
            pub const fn result(self) -> Scalar {
                match self { $(Op::$variant => Scalar::$result,)* }
            }

            /// What it does besides.
            pub const fn effect(self) -> Effect {
                match self { $(Op::$variant => Effect::$effect,)* }
            }
        }
    };
}

ops! {
    /// `a + b`, IEEE.
    FAdd "fadd" (F64, F64) -> F64, Pure;
    /// `a - b`, IEEE.
    FSub "fsub" (F64, F64) -> F64, Pure;
    /// `a * b`, IEEE.
    FMul "fmul" (F64, F64) -> F64, Pure;
    /// `a / b`, IEEE.
    FDiv "fdiv" (F64, F64) -> F64, Pure;
    /// `a * b + c`, rounded once.
    Fma "fma" (F64, F64, F64) -> F64, Pure;
    /// `a * b - c`, rounded once.
    Fms "fms" (F64, F64, F64) -> F64, Pure;
    /// `c - a * b`, rounded once.
    Fnma "fnma" (F64, F64, F64) -> F64, Pure;
    /// Sign flipped.
    FNeg "fneg" (F64) -> F64, Pure;
    /// Sign cleared.
    FAbs "fabs" (F64) -> F64, Pure;
    /// Square root.
    FSqrt "fsqrt" (F64) -> F64, Pure;
    /// The lesser; NaN if either is, -0.0 below 0.0.
    FMin "fmin" (F64, F64) -> F64, Pure;
    /// The greater; NaN if either is, -0.0 below 0.0.
    FMax "fmax" (F64, F64) -> F64, Pure;
    /// Toward minus infinity.
    FFloor "ffloor" (F64) -> F64, Pure;
    /// Toward plus infinity.
    FCeil "fceil" (F64) -> F64, Pure;
    /// Toward zero.
    FTrunc "ftrunc" (F64) -> F64, Pure;
    /// To nearest, half away from zero.
    FRound "fround" (F64) -> F64, Pure;
    /// To nearest, half to even.
    FRoundEven "fround_even" (F64) -> F64, Pure;
    /// `x - trunc(x)`.
    FFract "ffract" (F64) -> F64, Pure;
    /// -1, 1, or the zero or NaN itself; its operand is canonical.
    FSign "fsign" (F64) -> F64, Pure;
    /// Magnitude of the first, sign of the second, which is canonical.
    FCopysign "fcopysign" (F64, F64) -> F64, Pure;
    /// Any NaN becomes the canonical one.
    FCanon "fcanon" (F64) -> F64, Pure;
    /// Rounded to binary32 and back.
    FDemote "fdemote" (F64) -> F64, Pure;
    /// Bits of a canonical operand.
    FBits "fbits" (F64) -> I64, Pure;
    /// The number with these bits.
    FFromBits "ffrom_bits" (I64) -> F64, Pure;
    /// Neither infinite nor NaN.
    FIsFinite "fis_finite" (F64) -> Bool, Pure;
    /// An infinity.
    FIsInfinite "fis_infinite" (F64) -> Bool, Pure;
    /// A NaN.
    FIsNan "fis_nan" (F64) -> Bool, Pure;
    /// `a == b`.
    FEq "feq" (F64, F64) -> Bool, Pure;
    /// `a != b`; true where either is NaN.
    FNe "fne" (F64, F64) -> Bool, Pure;
    /// `a < b`.
    FLt "flt" (F64, F64) -> Bool, Pure;
    /// `a <= b`.
    FLe "fle" (F64, F64) -> Bool, Pure;

    /// `a + b`; traps `IntegerOverflow`.
    IAdd "iadd" (I64, I64) -> I64, Trap;
    /// `a - b`; traps `IntegerOverflow`.
    ISub "isub" (I64, I64) -> I64, Trap;
    /// `a * b`; traps `IntegerOverflow`.
    IMul "imul" (I64, I64) -> I64, Trap;
    /// `-a`; traps `IntegerOverflow`.
    INeg "ineg" (I64) -> I64, Trap;
    /// Magnitude; traps `IntegerOverflow`.
    IAbs "iabs" (I64) -> I64, Trap;
    /// Sum modulo 2^64.
    IWrappingAdd "iadd.wrap" (I64, I64) -> I64, Pure;
    /// Difference modulo 2^64.
    IWrappingSub "isub.wrap" (I64, I64) -> I64, Pure;
    /// Product modulo 2^64.
    IWrappingMul "imul.wrap" (I64, I64) -> I64, Pure;
    /// Truncated quotient; traps `DivideByZero`, then `IntegerOverflow`.
    IDiv "idiv" (I64, I64) -> I64, Trap;
    /// Quotient toward minus infinity; traps likewise.
    IFloorDiv "ifloor_div" (I64, I64) -> I64, Trap;
    /// Remainder with the dividend's sign; traps `DivideByZero`.
    IRem "irem" (I64, I64) -> I64, Trap;
    /// Remainder with the divisor's sign; traps `DivideByZero`.
    IFloorMod "ifloor_mod" (I64, I64) -> I64, Trap;
    /// Greatest common divisor, never negative; traps `IntegerOverflow` where it is 2^63.
    IGcd "igcd" (I64, I64) -> I64, Trap;
    /// `a ^ n`; traps `BadArgument` for negative `n`, `IntegerOverflow`.
    IPow "ipow" (I64, I64) -> I64, Trap;
    /// Bitwise and.
    IAnd "iand" (I64, I64) -> I64, Pure;
    /// Bitwise or.
    IOr "ior" (I64, I64) -> I64, Pure;
    /// Bitwise exclusive or.
    IXor "ixor" (I64, I64) -> I64, Pure;
    /// Bitwise complement.
    INot "inot" (I64) -> I64, Pure;
    /// Shift left, count modulo 64.
    IShl "ishl" (I64, I64) -> I64, Pure;
    /// Logical shift right, count modulo 64.
    IShr "ishr" (I64, I64) -> I64, Pure;
    /// Arithmetic shift right, count modulo 64.
    ISar "isar" (I64, I64) -> I64, Pure;
    /// Rotate left, count modulo 64.
    IRotl "irotl" (I64, I64) -> I64, Pure;
    /// Rotate right, count modulo 64.
    IRotr "irotr" (I64, I64) -> I64, Pure;
    /// Ones.
    IPopcount "ipopcount" (I64) -> I64, Pure;
    /// Leading zeros, 64 for 0.
    IClz "iclz" (I64) -> I64, Pure;
    /// Trailing zeros, 64 for 0.
    ICtz "ictz" (I64) -> I64, Pure;
    /// The lesser.
    IMin "imin" (I64, I64) -> I64, Pure;
    /// The greater.
    IMax "imax" (I64, I64) -> I64, Pure;
    /// -1, 0, 1.
    ISign "isign" (I64) -> I64, Pure;
    /// `a == b`.
    IEq "ieq" (I64, I64) -> Bool, Pure;
    /// `a != b`.
    INe "ine" (I64, I64) -> Bool, Pure;
    /// `a < b`.
    ILt "ilt" (I64, I64) -> Bool, Pure;
    /// `a <= b`.
    ILe "ile" (I64, I64) -> Bool, Pure;
    /// Itself; traps `BadCast` where it does not fit `i32`.
    INarrowI32 "inarrow.i32" (I64) -> I64, Trap;
    /// Itself; traps `BadCast` where it does not fit `u8`.
    INarrowU8 "inarrow.u8" (I64) -> I64, Trap;
    /// To the nearest `f64`, ties to even.
    IToF "itof" (I64) -> F64, Pure;
    /// Truncated; traps `BadCast` for NaN and out of range.
    FToI "ftoi" (F64) -> I64, Trap;
    /// 0 or 1.
    BToI "btoi" (Bool) -> I64, Pure;
    /// 0.0 or 1.0.
    BToF "btof" (Bool) -> F64, Pure;
    /// The opposite.
    BNot "bnot" (Bool) -> Bool, Pure;
    /// Both, without short circuit.
    BAnd "band" (Bool, Bool) -> Bool, Pure;
    /// Either, without short circuit.
    BOr "bor" (Bool, Bool) -> Bool, Pure;
    /// `a == b`.
    BEq "beq" (Bool, Bool) -> Bool, Pure;
    /// `a != b`.
    BNe "bne" (Bool, Bool) -> Bool, Pure;
}

impl Op {
    /// The traps it can raise, in the order in which they are tested.
    pub const fn traps(self) -> &'static [TrapKind] {
        match self {
            Op::IAdd | Op::ISub | Op::IMul | Op::INeg | Op::IAbs | Op::IGcd => &[TrapKind::IntegerOverflow],
            Op::IDiv | Op::IFloorDiv => &[TrapKind::DivideByZero, TrapKind::IntegerOverflow],
            Op::IRem | Op::IFloorMod => &[TrapKind::DivideByZero],
            Op::IPow => &[TrapKind::BadArgument, TrapKind::IntegerOverflow],
            Op::INarrowI32 | Op::INarrowU8 | Op::FToI => &[TrapKind::BadCast],
            _ => &[],
        }
    }
}

/// The IR type that holds a value of a scalar type of the language.
pub fn scalar_of(ty: Type) -> Option<Scalar> {
    match ty {
        Type::F64 => Some(Scalar::F64),
        Type::I64 => Some(Scalar::I64),
        Type::Bool => Some(Scalar::Bool),
        Type::Array(_) | Type::Unit => None,
    }
}

/// The IR type of an element once it is read.
pub fn elem_scalar(elem: Elem) -> Scalar {
    match elem {
        Elem::F64 | Elem::F32 => Scalar::F64,
        Elem::I64 | Elem::I32 | Elem::U8 => Scalar::I64,
        Elem::Bool => Scalar::Bool,
    }
}

impl Op {
    /// Whether its operands may change places without any difference that a program can see.
    pub const fn commutes(self) -> bool {
        matches!(
            self,
            Op::FAdd
                | Op::FMul
                | Op::FEq
                | Op::FNe
                | Op::IAdd
                | Op::IMul
                | Op::IWrappingAdd
                | Op::IWrappingMul
                | Op::IAnd
                | Op::IOr
                | Op::IXor
                | Op::IMin
                | Op::IMax
                | Op::IEq
                | Op::INe
                | Op::BAnd
                | Op::BOr
                | Op::BEq
                | Op::BNe
        )
    }
}
