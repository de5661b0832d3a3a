//! Lanes to and from memory: widened, narrowed, gathered, looked up; what else is there stays as it was.

use crate::harness::{Builder, Column, compiled, elem_of, floats, levels, same};
use cresset::ir::eval::{eval_math, table_element};
use cresset::ir::func::{InstKind, Ty};
use cresset::ir::op::{Math, Op, Scalar, TableId, elem_scalar};
use cresset::{Arg, Elem, Slice, SliceMut};

/// An array of any element type, from words as a program sees them.
enum Raw {
    F64(Vec<f64>),
    F32(Vec<f32>),
    I64(Vec<i64>),
    I32(Vec<i32>),
    U8(Vec<u8>),
    Bool(Vec<bool>),
}

impl Raw {
    fn new(elem: Elem, words: &[u64]) -> Raw {
        let words = words.iter().copied();
        match elem {
            Elem::F64 => Raw::F64(words.map(f64::from_bits).collect()),
            Elem::F32 => Raw::F32(words.map(|word| f64::from_bits(word) as f32).collect()),
            Elem::I64 => Raw::I64(words.map(|word| word as i64).collect()),
            Elem::I32 => Raw::I32(words.map(|word| word as i32).collect()),
            Elem::U8 => Raw::U8(words.map(|word| word as u8).collect()),
            Elem::Bool => Raw::Bool(words.map(|word| word & 1 != 0).collect()),
        }
    }

    fn arg(&self) -> Arg<'_> {
        Arg::Slice(match self {
            Raw::F64(all) => Slice::F64(all),
            Raw::F32(all) => Slice::F32(all),
            Raw::I64(all) => Slice::I64(all),
            Raw::I32(all) => Slice::I32(all),
            Raw::U8(all) => Slice::U8(all),
            Raw::Bool(all) => Slice::Bool(all),
        })
    }

    fn arg_mut(&mut self) -> Arg<'_> {
        Arg::SliceMut(match self {
            Raw::F64(all) => SliceMut::F64(all),
            Raw::F32(all) => SliceMut::F32(all),
            Raw::I64(all) => SliceMut::I64(all),
            Raw::I32(all) => SliceMut::I32(all),
            Raw::U8(all) => SliceMut::U8(all),
            Raw::Bool(all) => SliceMut::Bool(all),
        })
    }

    fn word(&self, index: usize) -> u64 {
        match self {
            Raw::F64(all) => all[index].to_bits(),
            Raw::F32(all) => f64::from(all[index]).to_bits(),
            Raw::I64(all) => all[index] as u64,
            Raw::I32(all) => i64::from(all[index]) as u64,
            Raw::U8(all) => u64::from(all[index]),
            Raw::Bool(all) => u64::from(all[index]),
        }
    }
}

/// Words that the element type can hold.
fn words(elem: Elem, count: usize) -> Vec<u64> {
    let floats = floats();
    (0..count as u64)
        .map(|i| match elem {
            Elem::F64 => floats[i as usize % floats.len()].to_bits(),
            Elem::F32 => f64::from(floats[i as usize % floats.len()] as f32).to_bits(),
            Elem::I64 => i.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            Elem::I32 => i64::from(i.wrapping_mul(0x9E37_79B9) as i32) as u64,
            Elem::U8 => i.wrapping_mul(197) & 255,
            Elem::Bool => i.wrapping_mul(11) >> 2 & 1,
        })
        .collect()
}

#[test]
fn elements_are_widened_and_narrowed() {
    for level in levels() {
        let lanes = usize::from(level.1.lanes());
        // At a number that is known, and at one that is not.
        for constant in [Some(3), None] {
            let mut made = Vec::new();
            for elem in Elem::ALL {
                let mut b = Builder::new(level.1);
                let (from, to) = (b.array(elem, false), b.array(elem, true));
                let given = b.number();
                let index = constant.map_or(given, |index| b.int(index));
                let ty = b.wide(elem_scalar(elem));
                let value = b.push(InstKind::VectorLoad(elem), &[from, index], Some(ty));
                b.push(InstKind::VectorStore(elem), &[to, index, value], None);
                made.push(b.finish());
            }
            let mut code = compiled(made, level);
            for (func, elem) in Elem::ALL.into_iter().enumerate() {
                let words = words(elem, 64);
                let blank = vec![if elem == Elem::Bool { 1 } else { 77 }; 64];
                for start in constant.map_or(0..64 - lanes, |index| index as usize..index as usize + 1) {
                    let (from, mut to) = (Raw::new(elem, &words), Raw::new(elem, &blank));
                    code.run(func, &mut [from.arg(), to.arg_mut(), Arg::I64(start as i64)]);
                    let unchanged = Raw::new(elem, &blank);
                    for index in 0..64 {
                        let inside = (start..start + lanes).contains(&index);
                        let want = if inside { from.word(index) } else { unchanged.word(index) };
                        assert!(same(elem_scalar(elem), to.word(index), want), "{elem} from {start}: {index}");
                    }
                }
            }
        }
    }
}

#[test]
fn narrowed_integers_keep_their_low_bits() {
    for level in levels() {
        let lanes = usize::from(level.1.lanes());
        let elems = [Elem::I32, Elem::U8];
        let mut made = Vec::new();
        for elem in elems {
            let mut b = Builder::new(level.1);
            let (from, to) = (b.array(Elem::I64, false), b.array(elem, true));
            let (start, ty) = (b.int(0), b.wide(Scalar::I64));
            let value = b.push(InstKind::VectorLoad(Elem::I64), &[from, start], Some(ty));
            b.push(InstKind::VectorStore(elem), &[to, start, value], None);
            made.push(b.finish());
        }
        let mut code = compiled(made, level);
        for (func, elem) in elems.into_iter().enumerate() {
            let words: Vec<u64> = words(elem, 8);
            let mut to = Raw::new(elem, &vec![0; lanes]);
            code.run(func, &mut [Raw::new(Elem::I64, &words).arg(), to.arg_mut()]);
            assert!((0..lanes).all(|lane| to.word(lane) == words[lane]), "{elem}");
        }
    }
}

#[test]
fn gathers_touch_the_lanes_of_the_mask_alone() {
    for level in levels() {
        let lanes = usize::from(level.1.lanes());
        let mut made = Vec::new();
        for elem in Elem::ALL {
            let mut b = Builder::new(level.1);
            let scalar = elem_scalar(elem);
            let from = b.array(elem, false);
            let (indices, conditions) = (b.array(Elem::I64, false), b.array(Elem::Bool, false));
            let (to, seen) = (b.array(elem_of(scalar), true), b.array(Elem::Bool, true));
            let start = b.int(0);
            let (int, mask, ty) = (b.wide(Scalar::I64), b.wide(Scalar::Bool), b.wide(scalar));
            let index = b.push(InstKind::VectorLoad(Elem::I64), &[indices, start], Some(int));
            let condition = b.push(InstKind::VectorLoad(Elem::Bool), &[conditions, start], Some(mask));
            let value = b.push(InstKind::Gather(elem), &[from, index, condition], Some(ty));
            b.push(InstKind::VectorStore(elem_of(scalar)), &[to, start, value], None);
            // The mask is still what it was.
            let any = b.push(InstKind::AnyLane, &[condition], Some(Ty::one(Scalar::Bool)));
            let any = b.splat(any);
            b.push(InstKind::VectorStore(Elem::Bool), &[seen, start, any], None);
            made.push(b.finish());
        }
        let mut code = compiled(made, level);
        for (func, elem) in Elem::ALL.into_iter().enumerate() {
            let words = words(elem, 100);
            let from = Raw::new(elem, &words);
            for bits in 0..1u64 << lanes {
                let set = |lane: usize| bits >> lane & 1 != 0;
                // Where the mask is not set, an index far outside.
                let place = |lane: usize| if set(lane) { (lane as u64 * 37 + bits) % 100 } else { 1 << 60 };
                let indices = Column::new(Scalar::I64, (0..lanes).map(place));
                let conditions = Column::new(Scalar::Bool, (0..lanes).map(|lane| bits >> lane & 1));
                let mut to = Column::new(elem_scalar(elem), (0..lanes).map(|_| 1));
                let mut seen = [false; 8];
                let args = &mut [
                    from.arg(),
                    indices.arg(),
                    conditions.arg(),
                    to.arg_mut(),
                    Arg::SliceMut(SliceMut::Bool(&mut seen)),
                ];
                code.run(func, args);
                assert!(seen[..lanes].iter().all(|seen| *seen == (bits != 0)));
                for lane in 0..lanes {
                    let want = if set(lane) { from.word(place(lane) as usize) } else { 0 };
                    assert!(same(elem_scalar(elem), to.word(lane), want), "{elem} {bits:b} {lane}");
                }
            }
        }
    }
}

#[test]
fn tables_are_looked_up_by_low_bits() {
    for level in levels() {
        let lanes = usize::from(level.1.lanes());
        let mut made = Vec::new();
        for table in TableId::ALL {
            let mut b = Builder::new(level.1);
            let (indices, to, alone) = (b.array(Elem::I64, false), b.array(Elem::F64, true), b.array(Elem::F64, true));
            let (start, int, float) = (b.int(0), b.wide(Scalar::I64), b.wide(Scalar::F64));
            let index = b.push(InstKind::VectorLoad(Elem::I64), &[indices, start], Some(int));
            let value = b.push(InstKind::TableLoad(*table), &[index], Some(float));
            b.push(InstKind::VectorStore(Elem::F64), &[to, start, value], None);
            let number = b.number();
            let one = b.push(InstKind::TableLoad(*table), &[number], Some(Ty::one(Scalar::F64)));
            let first = b.splat(one);
            b.push(InstKind::VectorStore(Elem::F64), &[alone, start, first], None);
            made.push(b.finish());
        }
        let mut code = compiled(made, level);
        for (func, table) in TableId::ALL.iter().enumerate() {
            for start in (-300..300).chain([i64::MIN, i64::MAX - 8]) {
                let indices =
                    Column::new(Scalar::I64, (0..lanes as i64).map(|lane| start.wrapping_add(lane * 3) as u64));
                let mut to = Column::new(Scalar::F64, (0..lanes).map(|_| 0));
                let mut alone = Column::new(Scalar::F64, (0..lanes).map(|_| 0));
                code.run(func, &mut [indices.arg(), to.arg_mut(), alone.arg_mut(), Arg::I64(start)]);
                for lane in 0..lanes {
                    let want = table_element(*table, indices.word(lane) as i64).to_bits();
                    assert_eq!(to.word(lane), want, "{} {start}", table.name());
                    assert_eq!(alone.word(lane), table_element(*table, start).to_bits(), "{}", table.name());
                }
            }
        }
    }
}

#[test]
fn floats_are_truncated_where_they_fit() {
    for level in levels() {
        let lanes = usize::from(level.1.lanes());
        let mut b = Builder::new(level.1);
        let (from, to) = (b.array(Elem::F64, false), b.array(Elem::I64, true));
        let (start, float, int) = (b.number(), b.wide(Scalar::F64), b.wide(Scalar::I64));
        let value = b.push(InstKind::VectorLoad(Elem::F64), &[from, start], Some(float));
        let whole = b.push(InstKind::TruncateLanes, &[value], Some(int));
        b.push(InstKind::VectorStore(Elem::I64), &[to, start, whole], None);
        let mut code = compiled(vec![b.finish()], level);
        let fits = |x: &f64| (-9223372036854775808.0..9223372036854775808.0).contains(x);
        let mut xs: Vec<f64> = floats().into_iter().filter(fits).collect();
        for exponent in 0..63 {
            let power = f64::from(exponent).exp2();
            for x in [power, power - 0.5, power + 0.5, power * 1.9999999999999998, power * 1.3] {
                xs.extend([x, -x]);
            }
        }
        while !xs.len().is_multiple_of(8) {
            xs.push(0.0);
        }
        let mut out = vec![0; xs.len()];
        for start in (0..xs.len()).step_by(lanes) {
            let out = Arg::SliceMut(SliceMut::I64(&mut out));
            code.run(0, &mut [Arg::Slice(Slice::F64(&xs)), out, Arg::I64(start as i64)]);
        }
        for (x, n) in xs.iter().zip(&out) {
            assert_eq!(*n, *x as i64, "{x:e}");
        }
    }
}

/// Numbers of lanes; a function of the runtime for some of them, around which vectors and masks stay what they were.
#[test]
fn elementary_functions_are_called_for_the_lanes_of_the_mask() {
    for level in levels() {
        let lanes = usize::from(level.1.lanes());
        let mut made = Vec::new();
        for math in Math::ALL {
            let mut b = Builder::new(level.1);
            let (xs, conditions) = (b.array(Elem::F64, false), b.array(Elem::Bool, false));
            let (to, rest) = (b.array(Elem::F64, true), b.array(Elem::F64, true));
            let start = b.int(0);
            let (float, int, mask) = (b.wide(Scalar::F64), b.wide(Scalar::I64), b.wide(Scalar::Bool));
            let x = b.push(InstKind::VectorLoad(Elem::F64), &[xs, start], Some(float));
            let condition = b.push(InstKind::VectorLoad(Elem::Bool), &[conditions, start], Some(mask));
            let lane = b.push(InstKind::LaneIndex, &[], Some(int));
            let usual = b.push(InstKind::Op(Op::IToF), &[lane], Some(float));
            let args = [condition, usual, x, usual];
            let value = b.push(InstKind::MathLanes(math), &args[..2 + math.arity()], Some(float));
            b.push(InstKind::VectorStore(Elem::F64), &[to, start, value], None);
            // What lived across the call.
            let kept = b.push(InstKind::Select, &[condition, x, usual], Some(float));
            let all = b.push(InstKind::Math(math), &[x, usual][..math.arity()], Some(float));
            let both = b.push(InstKind::Select, &[condition, kept, all], Some(float));
            b.push(InstKind::VectorStore(Elem::F64), &[rest, start, both], None);
            made.push(b.finish());
        }
        let mut code = compiled(made, level);
        let xs = [0.5, 1.0, -0.25, 3.0, 0.0, 100.0, -2.5, f64::NAN];
        for (func, math) in Math::ALL.into_iter().enumerate() {
            for bits in [0, 1, 2, 0b1010, 0b0101_1101, 0xFF] {
                let set = |lane: usize| bits >> lane & 1 != 0;
                let conditions = Column::new(Scalar::Bool, (0..lanes).map(|lane| bits >> lane & 1));
                let mut to = Column::new(Scalar::F64, (0..lanes).map(|_| 0));
                let mut rest = Column::new(Scalar::F64, (0..lanes).map(|_| 0));
                let given = Arg::Slice(Slice::F64(&xs));
                code.run(func, &mut [given, conditions.arg(), to.arg_mut(), rest.arg_mut()]);
                for (lane, x) in xs.into_iter().enumerate().take(lanes) {
                    let value = eval_math(math, &[x, lane as f64][..math.arity()]).to_bits();
                    let want = if set(lane) { value } else { (lane as f64).to_bits() };
                    assert!(same(Scalar::F64, to.word(lane), want), "{} {bits:b} {lane}", math.name());
                    let want = if set(lane) { x.to_bits() } else { value };
                    assert!(same(Scalar::F64, rest.word(lane), want), "{} {bits:b} {lane}", math.name());
                }
            }
        }
    }
}
