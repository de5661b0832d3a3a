//! Every operation of the IR: a function around it, and its code for both machines.

use crate::{all_forms, compare};
use cresset::ir::op::{ArrayOp, Math, Op};

/// A function whose body is little more than the operation.
fn program_of(op: Op) -> Option<&'static str> {
    Some(match op {
        Op::FAdd => "fn f(a, b) = a + b;",
        Op::FSub => "fn f(a, b) = a - b;",
        Op::FMul => "fn f(a, b) = a * b;",
        Op::FDiv => "fn f(a, b) = a / b;",
        Op::Fma => "fn f(a, b, c) = fma(a, b, c);",
        Op::Fms => "fn f(a, b, c) = fma(a, b, -c);",
        Op::Fnma => "fn f(a, b, c) = fma(-a, b, c);",
        Op::FNeg => "fn f(a) = -a;",
        Op::FAbs => "fn f(a) = abs(a);",
        Op::FSqrt => "fn f(a) = sqrt(a);",
        Op::FMin => "fn f(a, b) = min(a, b);",
        Op::FMax => "fn f(a, b) = max(a, b);",
        Op::FFloor => "fn f(a) = floor(a);",
        Op::FCeil => "fn f(a) = ceil(a);",
        Op::FTrunc => "fn f(a) = trunc(a);",
        Op::FRound => "fn f(a) = round(a);",
        Op::FRoundEven => "fn f(a) = round_even(a);",
        Op::FFract => "fn f(a) = fract(a);",
        Op::FSign => "fn f(a) = sign(a);",
        Op::FCopysign => "fn f(a, b) = copysign(a, b);",
        Op::FCanon => "fn f(mut xs: [f64], a) { xs[0] = a; }",
        // A store into an `f32` array rounds by itself.
        Op::FDemote => return None,
        Op::FBits => "fn f(a) = bits(a);",
        Op::FFromBits => "fn f(n: i64) = from_bits(n);",
        Op::FIsFinite => "fn f(a) = is_finite(a);",
        Op::FIsInfinite => "fn f(a) = is_infinite(a);",
        Op::FIsNan => "fn f(a) = is_nan(a);",
        Op::FEq => "fn f(a, b) = a == b;",
        Op::FNe => "fn f(a, b) = a != b;",
        Op::FLt => "fn f(a, b) = a < b;",
        Op::FLe => "fn f(a, b) = a <= b;",
        Op::IAdd => "fn f(a: i64, b: i64) = a + b;",
        Op::ISub => "fn f(a: i64, b: i64) = a - b;",
        Op::IMul => "fn f(a: i64, b: i64) = a * b;",
        Op::INeg => "fn f(a: i64) = -a;",
        Op::IAbs => "fn f(a: i64) = abs(a);",
        Op::IWrappingAdd => "fn f(a: i64, b: i64) = wrapping_add(a, b);",
        Op::IWrappingSub => "fn f(a: i64, b: i64) = wrapping_sub(a, b);",
        Op::IWrappingMul => "fn f(a: i64, b: i64) = wrapping_mul(a, b);",
        Op::IDiv => "fn f(a: i64, b: i64) = div(a, b);",
        Op::IFloorDiv => "fn f(a: i64, b: i64) = floor_div(a, b);",
        Op::IRem => "fn f(a: i64, b: i64) = a % b;",
        Op::IFloorMod => "fn f(a: i64, b: i64) = floor_mod(a, b);",
        Op::IGcd => "fn f(a: i64, b: i64) = gcd(a, b);",
        Op::IPow => "fn f(a: i64, b: i64) = a ^ b;",
        Op::IAnd => "fn f(a: i64, b: i64) = bit_and(a, b);",
        Op::IOr => "fn f(a: i64, b: i64) = bit_or(a, b);",
        Op::IXor => "fn f(a: i64, b: i64) = bit_xor(a, b);",
        Op::INot => "fn f(a: i64) = bit_not(a);",
        Op::IShl => "fn f(a: i64, b: i64) = shl(a, b);",
        Op::IShr => "fn f(a: i64, b: i64) = shr(a, b);",
        Op::ISar => "fn f(a: i64, b: i64) = sar(a, b);",
        Op::IRotl => "fn f(a: i64, b: i64) = rotl(a, b);",
        Op::IRotr => "fn f(a: i64, b: i64) = rotr(a, b);",
        Op::IPopcount => "fn f(a: i64) = popcount(a);",
        Op::IClz => "fn f(a: i64) = leading_zeros(a);",
        Op::ICtz => "fn f(a: i64) = trailing_zeros(a);",
        Op::IMin => "fn f(a: i64, b: i64) = min(a, b);",
        Op::IMax => "fn f(a: i64, b: i64) = max(a, b);",
        Op::ISign => "fn f(a: i64) = sign(a);",
        Op::IEq => "fn f(a: i64, b: i64) = a == b;",
        Op::INe => "fn f(a: i64, b: i64) = a != b;",
        Op::ILt => "fn f(a: i64, b: i64) = a < b;",
        Op::ILe => "fn f(a: i64, b: i64) = a <= b;",
        Op::INarrowI32 => "fn f(mut xs: [i32], a: i64) { xs[0] = a; }",
        Op::INarrowU8 => "fn f(mut xs: [u8], a: i64) { xs[0] = a; }",
        Op::IToF => "fn f(a: i64) = f64(a);",
        Op::FToI => "fn f(a) = i64(a);",
        Op::BToI => "fn f(a: bool) = i64(a);",
        Op::BToF => "fn f(a: bool) = f64(a);",
        Op::BNot => "fn f(a: bool) = not a;",
        Op::BAnd => "fn f(a: bool, b: bool) = a and b;",
        Op::BOr => "fn f(a: bool, b: bool) = a or b;",
        Op::BEq => "fn f(a: bool, b: bool) = a == b;",
        Op::BNe => "fn f(a: bool, b: bool) = a != b;",
    })
}

#[test]
fn operations() {
    for op in Op::ALL {
        let Some(program) = program_of(*op) else { continue };
        let text = all_forms(program, &[]);
        assert!(text.contains(op.name()), "{} is not in\n{text}", op.name());
        compare("operations", op.name(), &text);
    }
    for math in Math::ALL {
        let program = match (math, math.arity()) {
            (Math::Fmod, _) => "fn f(a, b) = a % b;".to_owned(),
            (_, 1) => format!("fn f(a) = {}(a);", math.name()),
            _ => format!("fn f(a, b) = {}(a, b);", math.name()),
        };
        let text = all_forms(&program, &[]);
        assert!(text.contains(math.name()));
        compare("operations", &format!("math.{}", math.name()), &text);
    }
    for op in ArrayOp::ALL {
        let program = match op {
            ArrayOp::Dot => "fn f(xs: [f64], ys: [f64]) = dot(xs, ys);".to_owned(),
            ArrayOp::Any | ArrayOp::All | ArrayOp::Count => format!("fn f(xs: [bool]) = {}(xs);", op.name()),
            ArrayOp::Fill => "fn f(mut xs: [f32], v) { fill(xs, v); }".to_owned(),
            ArrayOp::Copy => "fn f(mut xs: [i32], ys: [i32]) { copy(xs, ys); }".to_owned(),
            _ => format!("fn f(xs: [f64]) = {}(xs);", op.name()),
        };
        let text = all_forms(&program, &[]);
        assert!(text.contains(op.name()));
        compare("operations", &format!("array.{}", op.name()), &text);
    }
}
