//! More values than registers, and values carried through branches and loops.

use crate::harness::{Builder, Column, Made, compiled, levels, same};
use arbitrary::Unstructured;
use cresset::codegen::CpuFeatures;
use cresset::ir::eval::eval;
use cresset::ir::func::{InstKind, Ty, Value};
use cresset::ir::op::{Effect, Op, Scalar};
use cresset::{Arg, Elem, Slice, SliceMut};

const INPUTS: usize = 3;
const OUTPUTS: usize = 4;

/// A straight line over vectors of all types, with calls between, and what each value is, lane by lane.
fn random(u: &mut Unstructured<'_>, features: CpuFeatures, xs: &[f64]) -> arbitrary::Result<(Made, Vec<Vec<u64>>)> {
    let lanes = usize::from(features.lanes());
    let mut b = Builder::new(features);
    let inputs: Vec<Value> = (0..INPUTS).map(|_| b.array(Elem::F64, false)).collect();
    let outputs: Vec<Value> = (0..OUTPUTS).map(|_| b.array(Elem::F64, true)).collect();
    let start = b.int(0);
    let float = b.wide(Scalar::F64);
    let mut values: Vec<(Value, Scalar, Vec<u64>)> = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let value = b.push(InstKind::VectorLoad(Elem::F64), &[*input, start], Some(float));
        let words = (0..lanes).map(|lane| xs[index * lanes + lane].to_bits()).collect();
        values.push((value, Scalar::F64, words));
    }
    let truth = b.push(InstKind::Op(Op::FLt), &[values[0].0, values[1].0], Some(b.wide(Scalar::Bool)));
    let word = |a: &[u64], lane: usize| f64::from_bits(a[lane]);
    let less = (0..lanes).map(|lane| u64::from(word(&values[0].2, lane) < word(&values[1].2, lane))).collect();
    values.push((truth, Scalar::Bool, less));
    let index = b.push(InstKind::LaneIndex, &[], Some(b.wide(Scalar::I64)));
    values.push((index, Scalar::I64, (0..lanes as u64).collect()));
    // Bits of NaNs are seen by nobody.
    let sees_bits = |op: &Op| matches!(op, Op::FBits | Op::FSign | Op::FCopysign);
    let ops: Vec<Op> = Op::ALL.iter().copied().filter(|op| op.effect() == Effect::Pure && !sees_bits(op)).collect();
    for _ in 0..u.int_in_range(40..=160)? {
        let op = *u.choose(&ops)?;
        let mut args = Vec::new();
        for scalar in op.params() {
            let of: Vec<usize> = (0..values.len()).filter(|value| values[*value].1 == *scalar).collect();
            args.push(*u.choose(&of)?);
        }
        let named: Vec<Value> = args.iter().map(|arg| values[*arg].0).collect();
        let ty = b.wide(op.result());
        let value = b.push(InstKind::Op(op), &named, Some(ty));
        let of_lane = |lane: usize| args.iter().map(|arg| values[*arg].2[lane]).collect::<Vec<u64>>();
        let words = (0..lanes).map(|lane| eval(op, &of_lane(lane)).expect("no trap")).collect();
        values.push((value, op.result(), words));
    }
    let mut results = Vec::new();
    for output in &outputs {
        // All of a type together, so that all of them live to the end.
        let mut floats = values.iter().filter(|(_, scalar, _)| *scalar == Scalar::F64);
        let (mut sum, _, mut words) = floats.next().cloned().expect("the inputs");
        for (value, _, of_value) in floats {
            sum = b.push(InstKind::Op(Op::FMax), &[sum, *value], Some(float));
            let of_lane = |lane: usize| eval(Op::FMax, &[words[lane], of_value[lane]]).expect("no trap");
            words = (0..lanes).map(of_lane).collect();
        }
        for (mask, _, of_mask) in values.iter().filter(|(_, scalar, _)| *scalar == Scalar::Bool) {
            let other = b.push(InstKind::Op(Op::FNeg), &[sum], Some(float));
            sum = b.push(InstKind::Select, &[*mask, other, sum], Some(float));
            let negated = |lane: usize| if of_mask[lane] != 0 { words[lane] ^ 1 << 63 } else { words[lane] };
            words = (0..lanes).map(negated).collect();
        }
        b.push(InstKind::VectorStore(Elem::F64), &[*output, start, sum], None);
        results.push(words);
        values.rotate_left(1);
    }
    Ok((b.finish(), results))
}

#[test]
fn many_values_live_at_once() {
    for level in levels() {
        let lanes = usize::from(level.1.lanes());
        arbtest::arbtest(|u| {
            let mut xs = Vec::new();
            for _ in 0..INPUTS * lanes {
                xs.push(*u.choose(&[0.0, -0.0, 1.0, -1.5, 2.0, 1e10, -3e200, f64::INFINITY, f64::NAN, 0.3])?);
            }
            let (made, want) = random(u, level.1, &xs)?;
            let mut code = compiled(vec![made], level);
            let inputs = xs.chunks(lanes).map(|xs| Arg::Slice(Slice::F64(xs)));
            let mut out = vec![vec![0.0; lanes]; OUTPUTS];
            let outputs = out.iter_mut().map(|out| Arg::SliceMut(SliceMut::F64(out)));
            code.run(0, &mut inputs.chain(outputs).collect::<Vec<_>>());
            for (got, want) in out.iter().zip(&want) {
                for (got, want) in got.iter().zip(want) {
                    assert!(same(Scalar::F64, got.to_bits(), *want), "{got:e} for {:e}", f64::from_bits(*want));
                }
            }
            Ok(())
        })
        .size_min(2_000)
        .size_max(20_000)
        .budget_ms(4_000);
    }
}

/// How often `x = x^2 - y` stays within 4, at most 100 times, in each lane: a loop until no lane is active.
fn escape(features: CpuFeatures) -> Made {
    let mut b = Builder::new(features);
    let (starts, shifts, counts) = (b.array(Elem::F64, false), b.array(Elem::F64, false), b.array(Elem::I64, true));
    let begin = b.number();
    let (float, int, mask) = (b.wide(Scalar::F64), b.wide(Scalar::I64), b.wide(Scalar::Bool));
    let x = b.push(InstKind::VectorLoad(Elem::F64), &[starts, begin], Some(float));
    let y = b.push(InstKind::VectorLoad(Elem::F64), &[shifts, begin], Some(float));
    let none = b.constant(Scalar::I64, 0, int.lanes);
    let all = b.constant(Scalar::Bool, 1, int.lanes);
    let (body, carried) = b.open(&[float, int, mask, Ty::one(Scalar::I64)]);
    let round = b.int(0);
    let count = b.push_many(InstKind::Loop(body), &[x, none, all, round], &[int]);
    let the_loop = b.last();
    let outside = b.enter(body);
    let [x, n, active, round] = carried[..] else { panic!("four") };
    let square = b.push(InstKind::Op(Op::FMul), &[x, x], Some(float));
    let next = b.push(InstKind::Op(Op::FSub), &[square, y], Some(float));
    let size = b.push(InstKind::Op(Op::FAbs), &[next], Some(float));
    let four = b.constant(Scalar::F64, 4_f64.to_bits(), int.lanes);
    let stays = b.push(InstKind::Op(Op::FLe), &[size, four], Some(mask));
    let active = b.push(InstKind::Op(Op::BAnd), &[active, stays], Some(mask));
    let one = b.push(InstKind::Op(Op::BToI), &[active], Some(int));
    let n = b.push(InstKind::Op(Op::IWrappingAdd), &[n, one], Some(int));
    let step = b.int(1);
    let round = b.push(InstKind::Op(Op::IWrappingAdd), &[round, step], Some(Ty::one(Scalar::I64)));
    let end = b.int(100);
    let any = b.push(InstKind::AnyLane, &[active], Some(Ty::one(Scalar::Bool)));
    let more = b.push(InstKind::Op(Op::ILt), &[round, end], Some(Ty::one(Scalar::Bool)));
    let go_on = b.push(InstKind::Op(Op::BAnd), &[any, more], Some(Ty::one(Scalar::Bool)));
    let ((again, _), (done, _)) = (b.open(&[]), b.open(&[]));
    b.push(InstKind::If(again, done), &[go_on], None);
    b.push(InstKind::Unreachable, &[], None);
    b.enter(again);
    b.push(InstKind::Repeat(the_loop), &[next, n, active, round], None);
    b.enter(done);
    b.push(InstKind::Exit(the_loop), &[n], None);
    b.enter(outside);
    b.push(InstKind::VectorStore(Elem::I64), &[counts, begin, count], None);
    b.finish()
}

#[test]
fn loops_carry_vectors_and_masks() {
    for level in levels() {
        let lanes = usize::from(level.1.lanes());
        let mut code = compiled(vec![escape(level.1)], level);
        let xs: Vec<f64> = (0..64).map(|i| f64::from(i) * 0.07 - 2.0).collect();
        let ys: Vec<f64> = (0..64).map(|i| f64::from(i * 29 % 64) * 0.05 - 0.5).collect();
        let mut out = Column::new(Scalar::I64, (0..64).map(|_| 0));
        for begin in (0..64).step_by(lanes) {
            let given = [Arg::Slice(Slice::F64(&xs)), Arg::Slice(Slice::F64(&ys))];
            let mut args: Vec<Arg<'_>> = given.into_iter().collect();
            args.extend([out.arg_mut(), Arg::I64(begin as i64)]);
            code.run(0, &mut args);
        }
        for (row, (x, y)) in xs.iter().zip(&ys).enumerate() {
            let (mut x, mut count) = (*x, 0);
            while count < 100 {
                x = x * x - y;
                if x.is_nan() || x.abs() > 4.0 {
                    break;
                }
                count += 1;
            }
            assert_eq!(out.word(row), count, "row {row}");
        }
    }
}
