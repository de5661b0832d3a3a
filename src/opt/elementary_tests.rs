//! Elementary functions in line give the bits that they give out of line, in any number of lanes.

use super::elementary::expand_all;
use super::{Passes, optimize};
use crate::ir::eval::eval_math;
use crate::ir::eval::math_of;
use crate::ir::func::{Func, Inst, InstId, InstKind as K, Region, Ty, Value};
use crate::ir::interp::Machine;
use crate::ir::op::{Math, Op, Scalar};
use crate::ir::verify::verify;
use crate::span::Span;
use crate::types::Elem;

/// How many rounds of arguments; `CRESSET_MATH_ROUNDS` for more.
fn rounds() -> usize {
    std::env::var("CRESSET_MATH_ROUNDS").map_or(60, |text| text.parse().expect("a number"))
}

fn push(func: &mut Func, kind: K, args: &[Value], result: Option<Ty>) -> Value {
    let args = func.new_values(args);
    let first_result = Value(func.values.len() as u32);
    func.values.extend(result);
    func.insts.push(Inst { kind, args, first_result, results: u32::from(result.is_some()), span: Span::default() });
    func.regions[0].insts.push(InstId(func.insts.len() as u32 - 1));
    first_result
}

/// A function of arrays that computes the elementary function of their first elements.
fn program(math: Math, lanes: u8) -> Func {
    let mut func = Func { regions: vec![Region::default()].into(), ..Func::default() };
    let number = Ty { scalar: Scalar::F64, lanes };
    let params: Vec<Value> = (0..=math.arity()).map(|_| func.new_value(Ty::one(Scalar::Ptr))).collect();
    func.params = params.clone().into();
    func.regions[0].params = params.clone().into();
    let zero = push(&mut func, K::ConstI64(0), &[], Some(Ty::one(Scalar::I64)));
    let one = push(&mut func, K::ConstI64(1), &[], Some(Ty::one(Scalar::I64)));
    let index = push(&mut func, K::BoundsCheck, &[zero, one], Some(Ty::one(Scalar::I64)));
    let load = if lanes == 1 { K::Load(Elem::F64) } else { K::VectorLoad(Elem::F64) };
    let args: Vec<Value> =
        params[1..].iter().map(|&param| push(&mut func, load, &[param, index], Some(number))).collect();
    let value = push(&mut func, K::Math(math), &args, Some(number));
    let store = if lanes == 1 { K::Store(Elem::F64) } else { K::VectorStore(Elem::F64) };
    push(&mut func, store, &[params[0], index, value], None);
    push(&mut func, K::Return, &[], None);
    func
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Any number; more of those that functions treat apart, and of their neighbours.
    fn number(&mut self) -> f64 {
        const APART: [f64; 40] = [
            0.0,
            1.0,
            2.0,
            0.5,
            0.25,
            3.0,
            10.0,
            40.0,
            707.0,
            708.0,
            709.782712893384,
            745.1332191019411,
            710.4758600739439,
            1021.0,
            1024.0,
            1074.0,
            1100.0,
            22.0,
            6.0,
            27.3,
            27.226017111108362,
            0.6875,
            1.375,
            0.703125,
            1.40625,
            0.984375,
            1.03125,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            f64::INFINITY,
            f64::NAN,
            1073741824.0,
            1048576.0,
            std::f64::consts::PI,
            std::f64::consts::FRAC_PI_2,
            std::f64::consts::FRAC_PI_4,
            1e-300,
            4503599627370496.0,
            0.03125,
        ];
        let sign = if self.next() & 1 == 0 { 1.0 } else { -1.0 };
        sign * match self.next() % 8 {
            0 => f64::from_bits(self.next()),
            1 => f64::from_bits(self.next() >> 1),
            2 => self.unit() * 10.0,
            3 => self.unit() * 1500.0,
            4 => 1.0 + (self.unit() - 0.5) * 2_f64.powi(-((self.next() % 50) as i32)),
            5 => (self.unit() * 4000.0).round() * 0.25,
            6 => APART[self.next() as usize % APART.len()],
            _ => {
                let near = APART[self.next() as usize % APART.len()].to_bits();
                f64::from_bits(near.wrapping_add_signed((self.next() % 5) as i64 - 2))
            }
        }
    }
}

fn check(lanes: u8, passes: Option<Passes>) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for math in Math::ALL {
        let mut func = program(math, lanes);
        assert_eq!(verify(&func), Ok(()), "{}", math.name());
        expand_all(&mut func);
        if let Some(passes) = &passes {
            optimize(&mut func, passes);
        }
        if let Err(message) = verify(&func) {
            panic!("{}: {message}\n{}", math.name(), crate::ir::print::print(&func));
        }
        let calls = func.regions[0].insts.iter().any(|&id| matches!(func.inst(id).kind, K::Math(_)));
        assert!(!calls, "{} is still called on the usual way", math.name());
        let funcs = [func];
        for _ in 0..rounds() * 8 / usize::from(lanes) {
            let columns: Vec<Vec<f64>> =
                (0..math.arity()).map(|_| (0..lanes).map(|_| random.number()).collect()).collect();
            let mut machine = Machine::new(&funcs);
            let output = machine.array(&vec![0; lanes.into()]);
            let mut args = vec![output];
            for column in &columns {
                let words: Vec<u64> = column.iter().map(|x| x.to_bits()).collect();
                args.push(machine.array(&words));
            }
            machine.call(0, &args).expect("nothing traps");
            for lane in 0..usize::from(lanes) {
                let args: Vec<f64> = columns.iter().map(|column| column[lane]).collect();
                let expected = eval_math(math, &args);
                let got = f64::from_bits(machine.memory[output as usize + lane]);
                assert_eq!(
                    got.to_bits(),
                    expected.to_bits(),
                    "{}{args:?} in {lanes} lanes: {got:e}, not {expected:e}",
                    math.name()
                );
            }
        }
    }
}

#[test]
fn one_lane_gives_the_same_bits() {
    check(1, None);
}

#[test]
fn lanes_give_the_same_bits() {
    for lanes in [2, 4, 8] {
        check(lanes, None);
    }
}

#[test]
fn passes_keep_the_bits() {
    check(1, Some(Passes::ALL));
    check(8, Some(Passes::ALL));
}

/// What the usual way costs in lanes: the functions that formulas use most stay short.
#[test]
fn common_functions_are_short() {
    for (math, most) in [(Math::Exp, 21), (Math::Ln, 31), (Math::Sin, 36), (Math::Cos, 36)] {
        let mut func = program(math, 8);
        expand_all(&mut func);
        optimize(&mut func, &Passes::ALL);
        // The bits of a number are in the register that it is in.
        let free = |kind| matches!(kind, K::Op(Op::FBits | Op::FFromBits));
        let counts = |kind| matches!(kind, K::Op(_) | K::Select | K::TableLoad(_) | K::AnyLane) && !free(kind);
        let operations = func.regions[0].insts.iter().filter(|&&id| counts(func.inst(id).kind));
        let count = operations.count();
        assert!(count <= most, "{} takes {count} operations\n{}", math.name(), crate::ir::print::print(&func));
    }
}

/// What the machine's code calls gives the canonical NaN by itself.
#[test]
fn values_are_canonical() {
    let nans = [f64::NAN, -f64::NAN, f64::from_bits(0x7FF0_0000_0000_0001), f64::from_bits(0xFFF8_0000_0000_1234)];
    let mut random = Random(0x1234_5678_9ABC_DEF1);
    for math in Math::ALL {
        for round in 0..2_000 {
            let mut args = [random.number(), random.number()];
            if round < 400 {
                args[round % 2] = nans[round / 2 % 4];
            }
            if round < 100 {
                args = [nans[round % 4], nans[round / 4 % 4]];
            }
            let value = math_of::<f64>(math, |i| args[i]);
            assert_eq!(value.to_bits(), eval_math(math, &args[..math.arity()]).to_bits(), "{}{args:?}", math.name());
        }
    }
}
