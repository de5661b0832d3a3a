//! Values of several lanes: what the IR accepts of them, and what they give when it is run.

use super::func::{Func, Inst, InstKind as K, Region, Ty, Value};
use super::interp::Machine;
use super::op::{Math, Op, Scalar, TableId};
use super::print::print;
use super::verify::verify;
use crate::span::Span;
use crate::types::Elem;

const L: usize = 4;
const F64: Ty = Ty { scalar: Scalar::F64, lanes: 4 };
const I64: Ty = Ty { scalar: Scalar::I64, lanes: 4 };
const MASK: Ty = Ty { scalar: Scalar::Bool, lanes: 4 };

/// A function of two arrays and a number, to be filled.
fn func() -> (Func, Vec<Value>) {
    let mut func = Func { regions: vec![Region::default()].into(), ..Func::default() };
    let types = [Scalar::Ptr, Scalar::I64, Scalar::Ptr, Scalar::I64, Scalar::F64];
    let params: Vec<Value> = types.iter().map(|&scalar| func.new_value(Ty::one(scalar))).collect();
    func.params = params.clone().into();
    func.regions[0].params = params.clone().into();
    (func, params)
}

fn push(func: &mut Func, kind: K, args: &[Value], result: Option<Ty>) -> Value {
    let args = func.new_values(args);
    let first_result = Value(func.values.len() as u32);
    let results = u32::from(result.is_some());
    func.values.extend(result);
    func.insts.push(Inst { kind, args, first_result, results, span: Span::default() });
    let id = super::func::InstId(func.insts.len() as u32 - 1);
    func.regions[0].insts.push(id);
    first_result
}

/// `out[i..i+4] = in[i..i+4] > x ? sqrt : table[…]`, in lanes; gives whether any was.
fn sample() -> Func {
    let (mut f, p) = func();
    f.results = vec![Scalar::Bool].into();
    let zero = push(&mut f, K::ConstI64(0), &[], Some(Ty::one(Scalar::I64)));
    let xs = push(&mut f, K::VectorLoad(Elem::F64), &[p[0], zero], Some(F64));
    let limit = push(&mut f, K::Splat, &[p[4]], Some(F64));
    let above = push(&mut f, K::Op(Op::FLt), &[limit, xs], Some(MASK));
    let index = push(&mut f, K::LaneIndex, &[], Some(I64));
    let whole = push(&mut f, K::TruncateLanes, &[xs], Some(I64));
    let both = push(&mut f, K::Op(Op::IWrappingAdd), &[whole, index], Some(I64));
    let gathered = push(&mut f, K::Gather(Elem::F64), &[p[0], index, above], Some(F64));
    let entry = push(&mut f, K::TableLoad(TableId::CbrtTurnHi), &[both], Some(F64));
    let cube = push(&mut f, K::MathLanes(Math::Cbrt), &[above, entry, gathered], Some(F64));
    let out = push(&mut f, K::Select, &[above, cube, xs], Some(F64));
    push(&mut f, K::VectorStore(Elem::F64), &[p[2], zero, out], None);
    let any = push(&mut f, K::AnyLane, &[above], Some(Ty::one(Scalar::Bool)));
    push(&mut f, K::Return, &[any], None);
    f
}

#[test]
fn lanes_run() {
    let funcs = [sample()];
    assert_eq!(verify(&funcs[0]), Ok(()));
    let run = |xs: [f64; L]| {
        let mut machine = Machine::new(&funcs);
        let input = machine.array(&xs.map(f64::to_bits));
        let output = machine.array(&[0; L]);
        let any = machine.call(0, &[input, 4, output, 4, 5_f64.to_bits()]).unwrap();
        let words: Vec<f64> = machine.memory[output as usize..][..L].iter().map(|&word| f64::from_bits(word)).collect();
        (any[0] != 0, words)
    };
    assert_eq!(run([8.0, 1.0, 27.0, -3.0]), (true, vec![2.0, 1.0, 3.0, -3.0]));
    assert_eq!(run([0.5, f64::INFINITY.recip(), -1.0, 5.0]), (false, vec![0.5, 0.0, -1.0, 5.0]));
}

#[test]
fn lanes_are_printed() {
    let text = print(&sample());
    assert!(text.contains("v6: f64x4 = vector_load.f64 v0, v5"), "{text}");
    assert!(text.contains("= gather.f64 v0, v9, v8"), "{text}");
    assert!(text.contains("= table.cbrt_turn_hi v11"), "{text}");
    assert!(text.contains("= cbrt.lanes v8, v13, v12"), "{text}");
}

#[test]
fn mixed_lanes_are_found() {
    #[track_caller]
    fn finds(message: &str, add: impl Fn(&mut Func, &[Value])) {
        let (mut f, p) = func();
        add(&mut f, &p);
        push(&mut f, K::Return, &[], None);
        let found = verify(&f).expect_err("it is well formed");
        assert!(found.contains(message), "{found}");
    }
    let one = Ty::one;
    let splat = |f: &mut Func, p: &[Value]| push(f, K::Splat, &[p[4]], Some(F64));
    finds("different lanes", |f, p| {
        let many = splat(f, p);
        push(f, K::Op(Op::FAdd), &[many, p[4]], Some(F64));
    });
    finds("different lanes", |f, p| {
        let many = splat(f, p);
        let two = push(f, K::Splat, &[p[4]], Some(Ty { scalar: Scalar::F64, lanes: 2 }));
        push(f, K::Op(Op::FAdd), &[many, two], Some(F64));
    });
    finds("different lanes", |f, p| {
        push(f, K::Splat, &[p[4]], Some(one(Scalar::F64)));
    });
    finds("different lanes", |f, p| {
        push(f, K::Splat, &[p[4]], Some(Ty { scalar: Scalar::F64, lanes: 3 }));
    });
    finds("different lanes", |f, p| {
        push(f, K::Splat, &[p[0]], Some(Ty { scalar: Scalar::Ptr, lanes: 4 }));
    });
    finds("several lanes", |f, p| {
        let many = push(f, K::Splat, &[p[1]], Some(I64));
        push(f, K::Op(Op::IAdd), &[many, many], Some(I64));
    });
    finds("several lanes", |f, p| {
        let many = push(f, K::Splat, &[p[1]], Some(I64));
        push(f, K::BoundsCheck, &[many, many], Some(I64));
    });
    finds("gives", |f, p| {
        push(f, K::VectorLoad(Elem::I32), &[p[0], p[1]], Some(F64));
    });
}
