//! Every pure operation over all pairs of values at which something happens, with each operand in a register or constant.

use crate::harness::{Builder, Column, Made, compiled, elem_of, floats, ints, levels, same, strange_nans};
use cresset::Arg;
use cresset::codegen::CpuFeatures;
use cresset::ir::eval::eval;
use cresset::ir::func::InstKind;
use cresset::ir::op::{Effect, Op, Scalar};

fn pure_ops() -> Vec<Op> {
    Op::ALL.iter().copied().filter(|op| op.effect() == Effect::Pure).collect()
}

/// The words that an operand may be.
fn words(op: Op, operand: usize) -> Vec<u64> {
    match op.params()[operand] {
        Scalar::F64 => {
            let mut all = floats();
            // These see bits, and are given canonical operands.
            if !matches!((op, operand), (Op::FBits | Op::FSign, _) | (Op::FCopysign, 1)) {
                all.extend(strange_nans());
            }
            all.into_iter().map(f64::to_bits).collect()
        }
        Scalar::Bool => vec![0, 1],
        _ => ints().into_iter().map(|n| n as u64).collect(),
    }
}

/// All combinations, in columns; with three operands some of them.
fn columns(op: Op, constant: Option<(usize, u64)>) -> Vec<Vec<u64>> {
    let choice = |operand| match constant {
        Some((at, word)) if at == operand => vec![word],
        _ => words(op, operand),
    };
    let choices: Vec<Vec<u64>> = (0..op.params().len()).map(choice).collect();
    let total: usize = choices.iter().map(Vec::len).product();
    let step = if choices.len() == 3 { 7 } else { 1 };
    let mut columns = vec![Vec::new(); choices.len()];
    for combination in (0..total).step_by(step) {
        let mut rest = combination;
        for (column, choice) in columns.iter_mut().zip(&choices) {
            column.push(choice[rest % choice.len()]);
            rest /= choice.len();
        }
    }
    // Whole blocks.
    while columns[0].len() % 8 != 0 {
        columns.iter_mut().for_each(|column| column.push(column[0]));
    }
    columns
}

/// `out[i..] = op(args[i..])`, an operand perhaps being a constant.
fn function(op: Op, features: CpuFeatures, constant: Option<(usize, u64)>) -> Made {
    let mut b = Builder::new(features);
    let arrays: Vec<_> = op.params().iter().map(|scalar| b.array(elem_of(*scalar), false)).collect();
    let out = b.array(elem_of(op.result()), true);
    let index = b.number();
    let mut args = Vec::new();
    for (operand, scalar) in op.params().iter().enumerate() {
        let ty = b.wide(*scalar);
        args.push(match constant {
            Some((at, word)) if at == operand => b.constant(*scalar, word, ty.lanes),
            _ => b.push(InstKind::VectorLoad(elem_of(*scalar)), &[arrays[operand], index], Some(ty)),
        });
    }
    let result = b.wide(op.result());
    let value = b.push(InstKind::Op(op), &args, Some(result));
    b.push(InstKind::VectorStore(elem_of(op.result())), &[out, index, value], None);
    b.finish()
}

fn check(op: Op, func: usize, code: &mut crate::harness::Compiled, constant: Option<(usize, u64)>, lanes: usize) {
    let inputs = columns(op, constant);
    let rows = inputs[0].len();
    let given: Vec<Column> =
        inputs.iter().zip(op.params()).map(|(words, scalar)| Column::new(*scalar, words.iter().copied())).collect();
    let mut out = Column::new(op.result(), std::iter::repeat_n(0, rows));
    for index in (0..rows).step_by(lanes) {
        let mut args: Vec<Arg<'_>> = given.iter().map(Column::arg).collect();
        args.push(out.arg_mut());
        args.push(Arg::I64(index as i64));
        code.run(func, &mut args);
    }
    for row in 0..rows {
        let args: Vec<u64> = inputs.iter().map(|column| column[row]).collect();
        let want = eval(op, &args).expect("no pure operation traps");
        let shown = || format!("{} {args:x?} (constant {constant:?}, {lanes} lanes)", op.name());
        assert!(same(op.result(), out.word(row), want), "{}: {:x} for {want:x}", shown(), out.word(row));
    }
}

#[test]
fn operations_mean_in_lanes_what_they_mean_alone() {
    for level in levels() {
        let ops = pure_ops();
        let made = ops.iter().map(|op| function(*op, level.1, None)).collect();
        let mut code = compiled(made, level);
        for (func, op) in ops.iter().enumerate() {
            check(*op, func, &mut code, None, level.1.lanes().into());
        }
    }
}

#[test]
fn operations_with_constants_mean_the_same() {
    let floats = [0.0, -0.0, 1.0, -2.5, f64::NAN, f64::INFINITY, 0.1].map(f64::to_bits);
    let ints = [0, 1, 7, 63, 64, -1, i64::MIN, i64::MAX, 1 << 40].map(|n: i64| n as u64);
    for level in levels() {
        let mut cases = Vec::new();
        for op in pure_ops().into_iter().filter(|op| op.params().len() > 1) {
            for (operand, scalar) in op.params().iter().enumerate() {
                let words: &[u64] = match scalar {
                    Scalar::F64 => &floats,
                    Scalar::Bool => &[0, 1],
                    _ => &ints,
                };
                cases.extend(words.iter().map(|word| (op, Some((operand, *word)))));
            }
        }
        // Held in a register, since there are few: so that they are folded too, the same with many constants besides.
        let held = cases.iter().map(|(op, constant)| function(*op, level.1, *constant));
        let folded = cases.iter().map(|(op, constant)| crowded(*op, level.1, *constant));
        let mut code = compiled(held.chain(folded).collect(), level);
        for (func, (op, constant)) in cases.iter().chain(&cases).enumerate() {
            check(*op, func, &mut code, *constant, level.1.lanes().into());
        }
    }
}

/// The same, with more constants than are kept in registers that are used more.
fn crowded(op: Op, features: CpuFeatures, constant: Option<(usize, u64)>) -> Made {
    let mut b = Builder::new(features);
    let arrays: Vec<_> = op.params().iter().map(|scalar| b.array(elem_of(*scalar), false)).collect();
    let out = b.array(elem_of(op.result()), true);
    let index = b.number();
    let int = b.wide(Scalar::I64);
    let mut crowd = b.push(InstKind::Splat, &[index], Some(int));
    for number in 0..24 {
        let other = b.constant(Scalar::I64, 0x1234_5678 + number, int.lanes);
        for _ in 0..3 {
            crowd = b.push(InstKind::Op(Op::IWrappingAdd), &[crowd, other], Some(int));
        }
    }
    let mut args = Vec::new();
    for (operand, scalar) in op.params().iter().enumerate() {
        let ty = b.wide(*scalar);
        args.push(match constant {
            Some((at, word)) if at == operand => b.constant(*scalar, word, ty.lanes),
            _ => b.push(InstKind::VectorLoad(elem_of(*scalar)), &[arrays[operand], index], Some(ty)),
        });
    }
    let result = b.wide(op.result());
    let value = b.push(InstKind::Op(op), &args, Some(result));
    b.push(InstKind::VectorStore(elem_of(op.result())), &[out, index, value], None);
    b.finish()
}

/// Arithmetic on floats of one lane, in a function that has vectors.
#[test]
fn single_floats_beside_vectors_mean_the_same() {
    let ops: Vec<Op> =
        pure_ops().into_iter().filter(|op| op.params().iter().all(|scalar| *scalar == Scalar::F64)).collect();
    for level in levels() {
        let lanes = usize::from(level.1.lanes());
        let mut made = Vec::new();
        for op in &ops {
            let mut b = Builder::new(level.1);
            let args: Vec<_> = op.params().iter().map(|_| b.float()).collect();
            let out = b.array(elem_of(op.result()), true);
            let value = b.push(InstKind::Op(*op), &args, Some(cresset::ir::func::Ty::one(op.result())));
            let ty = b.wide(op.result());
            let wide = b.push(InstKind::Splat, &[value], Some(ty));
            let start = b.int(0);
            b.push(InstKind::VectorStore(elem_of(op.result())), &[out, start, wide], None);
            made.push(b.finish());
        }
        let mut code = compiled(made, level);
        for (func, op) in ops.iter().enumerate() {
            let inputs = columns(*op, None);
            for row in (0..inputs[0].len()).step_by(if inputs.len() == 3 { 29 } else { 1 }) {
                let words: Vec<u64> = inputs.iter().map(|column| column[row]).collect();
                let mut out = Column::new(op.result(), std::iter::repeat_n(0, lanes));
                let mut args: Vec<Arg<'_>> = words.iter().map(|word| Arg::F64(f64::from_bits(*word))).collect();
                args.push(out.arg_mut());
                code.run(func, &mut args);
                let want = eval(*op, &words).expect("no pure operation traps");
                for lane in 0..lanes {
                    assert!(same(op.result(), out.word(lane), want), "{} {words:x?}: {:x}", op.name(), out.word(lane));
                }
            }
        }
    }
}

#[test]
fn selections_take_each_lane_from_its_side() {
    for level in levels() {
        let lanes = usize::from(level.1.lanes());
        let scalars = [Scalar::F64, Scalar::I64, Scalar::Bool];
        let mut made = Vec::new();
        for scalar in scalars {
            let mut b = Builder::new(level.1);
            let elem = elem_of(scalar);
            let arrays =
                [b.array(cresset::Elem::Bool, false), b.array(elem, false), b.array(elem, false), b.array(elem, true)];
            let start = b.int(0);
            let (mask, ty) = (b.wide(Scalar::Bool), b.wide(scalar));
            let condition = b.push(InstKind::VectorLoad(cresset::Elem::Bool), &[arrays[0], start], Some(mask));
            let yes = b.push(InstKind::VectorLoad(elem), &[arrays[1], start], Some(ty));
            let no = b.push(InstKind::VectorLoad(elem), &[arrays[2], start], Some(ty));
            let value = b.push(InstKind::Select, &[condition, yes, no], Some(ty));
            b.push(InstKind::VectorStore(elem), &[arrays[3], start, value], None);
            made.push(b.finish());
        }
        let mut code = compiled(made, level);
        for (func, scalar) in scalars.into_iter().enumerate() {
            for bits in 0..1u64 << lanes {
                let of = |word: u64| if scalar == Scalar::Bool { word & 1 } else { word };
                let condition = Column::new(Scalar::Bool, (0..lanes).map(|lane| bits >> lane & 1));
                let yes = Column::new(scalar, (0..lanes as u64).map(|lane| of(100 + lane)));
                let no = Column::new(scalar, (0..lanes as u64).map(|lane| of(201 + lane)));
                let mut out = Column::new(scalar, std::iter::repeat_n(0, lanes));
                code.run(func, &mut [condition.arg(), yes.arg(), no.arg(), out.arg_mut()]);
                for lane in 0..lanes {
                    let want = if bits >> lane & 1 != 0 { &yes } else { &no };
                    assert_eq!(out.word(lane), want.word(lane), "{scalar:?} {bits:b} {lane}");
                }
            }
        }
    }
}
