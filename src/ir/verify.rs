//! Checks that a function keeps the rules of the IR: run after building and after every pass, in debug builds and tests.
//!
//! It walks the regions with a stack of its own. A value is in scope from its definition to the end of its region, which is dominance.

use super::func::{Func, InstId, InstKind, MAX_LANES, RegionId, Ty, Value};
use super::op::{ArrayOp, Effect, Scalar, elem_scalar};
use crate::types::Elem;

/// Whether the function is well formed; else the first rule that it breaks, and where.
pub fn verify(func: &Func) -> Result<(), String> {
    let values = func.values.len();
    Verifier {
        func,
        in_scope: vec![false; values],
        defined_by: vec![None; values],
        ever_defined: vec![false; values],
        slice_start: vec![false; values],
        scope: Vec::new(),
        open: vec![false; func.insts.len()],
        exits: vec![0; func.insts.len()],
        seen_inst: vec![false; func.insts.len()],
        seen_region: vec![false; func.regions.len()],
    }
    .run()
}

/// What is known at the start of a region, taken back at its end.
enum Fact {
    Defined(Value),
    SliceStart(Value),
}

struct Frame {
    region: RegionId,
    next: usize,
    scope: usize,
    /// The structured instruction that it belongs to, and the regions of that one still to walk.
    owner: Option<(InstId, Option<RegionId>)>,
}

struct Verifier<'a> {
    func: &'a Func,
    in_scope: Vec<bool>,
    defined_by: Vec<Option<InstId>>,
    ever_defined: Vec<bool>,
    /// Values that a `SliceCheck` has passed as its lower bound.
    slice_start: Vec<bool>,
    scope: Vec<Fact>,
    open: Vec<bool>,
    exits: Vec<u32>,
    seen_inst: Vec<bool>,
    seen_region: Vec<bool>,
}

type Checked = Result<(), String>;

impl Verifier<'_> {
    fn run(mut self) -> Checked {
        let body = self.func.body();
        let params = self.func.regions.get(body.index()).map(|region| &region.params);
        if params != Some(&self.func.params) {
            return Err("the body's parameters are not the function's".to_owned());
        }
        let mut stack = vec![self.begin(body, None)?];
        while let Some(frame) = stack.last_mut() {
            let insts = &self.func.regions[frame.region.index()].insts;
            let Some(&id) = insts.get(frame.next) else {
                let Some(frame) = stack.pop() else { break };
                self.end(&frame)?;
                if let Some((owner, rest)) = frame.owner {
                    match rest {
                        Some(region) => stack.push(self.begin(region, Some((owner, None)))?),
                        None => self.close(owner)?,
                    }
                }
                continue;
            };
            frame.next += 1;
            let is_last = frame.next == insts.len();
            let before = frame.next.checked_sub(2).map(|i| insts[i]);
            self.inst(id, before, is_last).map_err(|message| format!("{id}: {message}"))?;
            let mut regions = self.func.insts[id.index()].kind.regions();
            let (Some(first), second) = (regions.next(), regions.next()) else { continue };
            self.open[id.index()] = true;
            let frame = self.begin(first, Some((id, second))).map_err(|message| format!("{id}: {message}"))?;
            stack.push(frame);
        }
        Ok(())
    }

    fn begin(&mut self, region: RegionId, owner: Option<(InstId, Option<RegionId>)>) -> Result<Frame, String> {
        let seen = self.seen_region.get_mut(region.index()).ok_or_else(|| format!("no region {region}"))?;
        if std::mem::replace(seen, true) {
            return Err(format!("{region} stands in two places"));
        }
        let scope = self.scope.len();
        let params = &self.func.regions[region.index()].params;
        match owner.map(|(inst, _)| (inst, self.func.insts[inst.index()].kind)) {
            None => {}
            Some((inst, InstKind::Loop(_))) => self.same_types(self.func.args(inst), params)?,
            Some(_) if params.is_empty() => {}
            Some(_) => return Err(format!("{region} has parameters")),
        }
        for &param in params {
            self.define(param, None)?;
        }
        Ok(Frame { region, next: 0, scope, owner })
    }

    fn end(&mut self, frame: &Frame) -> Checked {
        let last = self.func.regions[frame.region.index()].insts.last();
        if !last.is_some_and(|&id| self.func.insts[id.index()].kind.is_terminator()) {
            return Err(format!("{} does not end in a terminator", frame.region));
        }
        for fact in self.scope.drain(frame.scope..) {
            match fact {
                Fact::Defined(value) => self.in_scope[value.index()] = false,
                Fact::SliceStart(value) => self.slice_start[value.index()] = false,
            }
        }
        Ok(())
    }

    fn close(&mut self, id: InstId) -> Checked {
        self.open[id.index()] = false;
        self.define_results(id)
    }

    fn define(&mut self, value: Value, by: Option<InstId>) -> Checked {
        let seen = self.ever_defined.get_mut(value.index()).ok_or_else(|| format!("{value} has no type"))?;
        if std::mem::replace(seen, true) {
            return Err(format!("{value} is defined twice"));
        }
        self.in_scope[value.index()] = true;
        self.defined_by[value.index()] = by;
        self.scope.push(Fact::Defined(value));
        Ok(())
    }

    fn define_results(&mut self, id: InstId) -> Checked {
        self.func.results(id).try_for_each(|value| self.define(value, Some(id)))
    }

    fn same_types(&self, got: &[Value], want: &[Value]) -> Checked {
        let ty = |value: &Value| self.func.values.get(value.index());
        if got.len() == want.len() && got.iter().map(ty).eq(want.iter().map(ty)) {
            Ok(())
        } else {
            Err(format!("{} values of the wrong types for {}", got.len(), want.len()))
        }
    }

    fn inst(&mut self, id: InstId, before: Option<InstId>, is_last: bool) -> Checked {
        let Some(inst) = self.func.insts.get(id.index()) else { return Err("no such instruction".to_owned()) };
        if std::mem::replace(&mut self.seen_inst[id.index()], true) {
            return Err("stands in two places".to_owned());
        }
        if inst.kind.is_terminator() != is_last {
            return Err("a terminator inside a region, or none at its end".to_owned());
        }
        let list = inst.args.start as usize..inst.args.start as usize + inst.args.len as usize;
        let args = self.func.value_lists.get(list).ok_or("arguments outside the pool")?;
        for arg in args {
            if !self.in_scope.get(arg.index()).is_some_and(|&is| is) {
                return Err(format!("{arg} is not in scope"));
            }
        }
        let cut_off = before.is_some_and(|id| self.func.inst(id).kind.is_structured() && self.exits[id.index()] == 0);
        if cut_off != (inst.kind == InstKind::Unreachable) {
            return Err("unreachable, or not marked so".to_owned());
        }
        self.types(id, args)?;
        match inst.kind {
            InstKind::Exit(target) => {
                self.is_open(target)?;
                self.exits[target.index()] += 1;
                let results: Vec<Value> = self.func.results(target).collect();
                self.same_types(args, &results)
            }
            InstKind::Repeat(target) => {
                self.is_open(target)?;
                match self.func.inst(target).kind {
                    InstKind::Loop(region) => self.same_types(args, &self.func.regions[region.index()].params),
                    _ => Err(format!("{target} is no loop")),
                }
            }
            InstKind::Load(_) | InstKind::Store(_) => self.is_checked(args[0], args[1]),
            InstKind::ElemAddr(_) if self.slice_start[args[1].index()] => self.define_results(id),
            InstKind::ElemAddr(_) => self.is_checked(args[0], args[1]).and_then(|()| self.define_results(id)),
            InstKind::SliceCheck => {
                if !std::mem::replace(&mut self.slice_start[args[0].index()], true) {
                    self.scope.push(Fact::SliceStart(args[0]));
                }
                self.define_results(id)
            }
            kind if kind.is_structured() => Ok(()),
            _ => self.define_results(id),
        }?;
        if matches!(inst.kind, InstKind::Load(_)) { self.define_results(id) } else { Ok(()) }
    }

    fn is_open(&self, target: InstId) -> Checked {
        if self.open.get(target.index()).is_some_and(|&open| open) {
            Ok(())
        } else {
            Err(format!("{target} does not enclose it"))
        }
    }

    /// An index comes from a `BoundsCheck` or an `AssumeInBounds`, or is a constant below the constant length of the array made at this address.
    fn is_checked(&self, address: Value, index: Value) -> Checked {
        let kind = |value: Value| self.defined_by[value.index()].map(|id| self.func.inst(id).kind);
        let ok = match kind(index) {
            Some(InstKind::BoundsCheck | InstKind::AssumeInBounds) => true,
            Some(InstKind::ConstI64(index)) => match (kind(address), self.defined_by[address.index()]) {
                (Some(InstKind::Alloc(_)), Some(alloc)) => {
                    matches!(kind(self.func.args(alloc)[0]), Some(InstKind::ConstI64(len)) if (0..len).contains(&index))
                }
                _ => false,
            },
            _ => false,
        };
        if ok { Ok(()) } else { Err(format!("{index} is not checked")) }
    }

    fn types(&self, id: InstId, args: &[Value]) -> Checked {
        let inst = self.func.inst(id);
        let args: Vec<Ty> = args.iter().map(|&arg| self.func.ty(arg)).collect();
        let results: Vec<Ty> = self
            .func
            .results(id)
            .map(|value| self.func.values.get(value.index()).copied())
            .collect::<Option<_>>()
            .ok_or("a result without a type")?;
        check_lanes(inst.kind, &args, &results)?;
        let scalars = |tys: &[Ty]| tys.iter().map(|ty| ty.scalar).collect::<Vec<_>>();
        let (got_args, got_results) = (scalars(&args), scalars(&results));
        let ok = match inst.kind {
            InstKind::Call(_) | InstKind::HostCall(_) => results.len() <= 2,
            InstKind::Exit(_) | InstKind::Repeat(_) => results.is_empty(),
            InstKind::Return => got_args == self.func.results && results.is_empty(),
            InstKind::Loop(_) => true,
            InstKind::If(..) => got_args == [Scalar::Bool],
            InstKind::Block(_) => args.is_empty(),
            InstKind::Select => {
                matches!((&got_args[..], &got_results[..]), ([Scalar::Bool, a, b], [r]) if a == b && b == r)
            }
            InstKind::Splat => got_args.len() == 1 && got_args == got_results,
            kind => {
                let (want_args, want_results) = signature(kind);
                got_args == want_args && got_results == want_results
            }
        };
        if ok { Ok(()) } else { Err(format!("{:?} of {got_args:?} gives {got_results:?}", inst.kind)) }
    }
}

/// Of how many lanes an operand or a result must be.
#[derive(Clone, Copy, PartialEq)]
enum Lanes {
    One,
    Many,
    /// As the others of its kind.
    Any,
}

/// Whether the operands and results have lanes as the kind wants them, and all of several lanes equally many.
fn check_lanes(kind: InstKind, args: &[Ty], results: &[Ty]) -> Checked {
    use Lanes::{Any, Many, One};
    let (wanted_args, wanted_result): (&[Lanes], Lanes) = match kind {
        InstKind::Exit(_) | InstKind::Repeat(_) | InstKind::Loop(_) | InstKind::Block(_) => return Ok(()),
        InstKind::If(..) => return if args.iter().all(|ty| ty.lanes == 1) { Ok(()) } else { Err("a mask".to_owned()) },
        InstKind::ConstF64(_)
        | InstKind::ConstI64(_)
        | InstKind::ConstBool(_)
        | InstKind::Select
        | InstKind::Math(_)
        | InstKind::TableLoad(_) => (&[Any, Any, Any], Any),
        InstKind::Op(op) if op.effect() == Effect::Pure => (&[Any, Any, Any], Any),
        InstKind::Splat => (&[One], Many),
        InstKind::LaneIndex => (&[], Many),
        InstKind::AnyLane => (&[Many], One),
        InstKind::VectorLoad(_) => (&[One, One], Many),
        InstKind::VectorStore(_) => (&[One, One, Many], One),
        InstKind::Gather(_) => (&[One, Many, Many], Many),
        InstKind::MathLanes(_) => (&[Any, Any, Any, Any], Any),
        InstKind::TruncateLanes => (&[Many], Many),
        _ if args.iter().chain(results).all(|ty| ty.lanes == 1) => return Ok(()),
        _ => return Err("of several lanes".to_owned()),
    };
    let mut many = None;
    let mut any = None;
    let wanted = args.iter().zip(wanted_args).chain(results.iter().zip(std::iter::repeat(&wanted_result)));
    for (ty, wanted) in wanted {
        let lanes = usize::from(ty.lanes);
        let known = match wanted {
            Any => *any.get_or_insert(ty.lanes) == ty.lanes,
            One => lanes == 1,
            Many => lanes > 1 && *many.get_or_insert(ty.lanes) == ty.lanes,
        };
        if !known || !lanes.is_power_of_two() || lanes > MAX_LANES || (lanes > 1 && ty.scalar == Scalar::Ptr) {
            return Err("operands of different lanes".to_owned());
        }
    }
    Ok(())
}

/// The operand and result types of the kinds that have fixed ones.
fn signature(kind: InstKind) -> (Vec<Scalar>, Vec<Scalar>) {
    use Scalar::{Bool, F64, I64, Ptr};
    match kind {
        InstKind::ConstF64(_) => (vec![], vec![F64]),
        InstKind::ConstI64(_) | InstKind::ArenaMark => (vec![], vec![I64]),
        InstKind::ConstBool(_) => (vec![], vec![Bool]),
        InstKind::Op(op) => (op.params().to_vec(), vec![op.result()]),
        InstKind::Math(math) => (vec![F64; math.arity()], vec![F64]),
        InstKind::BoundsCheck | InstKind::AssumeInBounds => (vec![I64, I64], vec![I64]),
        InstKind::SliceCheck => (vec![I64, I64, I64], vec![I64]),
        InstKind::ElemAddr(_) => (vec![Ptr, I64], vec![Ptr]),
        InstKind::Load(elem) => (vec![Ptr, I64], vec![elem_scalar(elem)]),
        InstKind::Store(elem) => (vec![Ptr, I64, elem_scalar(elem)], vec![]),
        InstKind::Alloc(_) => (vec![I64], vec![Ptr]),
        InstKind::ArrayOp(op, elem) => array_signature(op, elem),
        InstKind::ArenaRelease => (vec![I64], vec![]),
        InstKind::MeterLoop
        | InstKind::EnterCall(_)
        | InstKind::EnterInlined(_)
        | InstKind::LeaveCall(_)
        | InstKind::Trap(_)
        | InstKind::Unreachable => (vec![], vec![]),
        InstKind::LaneIndex => (vec![], vec![I64]),
        InstKind::AnyLane => (vec![Bool], vec![Bool]),
        InstKind::VectorLoad(elem) => (vec![Ptr, I64], vec![elem_scalar(elem)]),
        InstKind::VectorStore(elem) => (vec![Ptr, I64, elem_scalar(elem)], vec![]),
        InstKind::Gather(elem) => (vec![Ptr, I64, Bool], vec![elem_scalar(elem)]),
        InstKind::TableLoad(_) => (vec![I64], vec![F64]),
        InstKind::MathLanes(math) => ([vec![Bool], vec![F64; math.arity() + 1]].concat(), vec![F64]),
        InstKind::TruncateLanes => (vec![F64], vec![I64]),
        InstKind::Splat
        | InstKind::Select
        | InstKind::Call(_)
        | InstKind::HostCall(_)
        | InstKind::If(..)
        | InstKind::Loop(_)
        | InstKind::Block(_)
        | InstKind::Exit(_)
        | InstKind::Repeat(_)
        | InstKind::Return => (vec![], vec![]),
    }
}

fn array_signature(op: ArrayOp, elem: Elem) -> (Vec<Scalar>, Vec<Scalar>) {
    use Scalar::{Bool, F64, I64, Ptr};
    let one = vec![Ptr, I64];
    let two = vec![Ptr, I64, Ptr, I64];
    match op {
        ArrayOp::Sum | ArrayOp::Product | ArrayOp::Min | ArrayOp::Max => (one, vec![elem_scalar(elem)]),
        ArrayOp::Mean => (one, vec![F64]),
        ArrayOp::Dot => (two, vec![elem_scalar(elem)]),
        ArrayOp::Any | ArrayOp::All => (one, vec![Bool]),
        ArrayOp::Count => (one, vec![I64]),
        ArrayOp::Fill => (vec![Ptr, I64, elem_scalar(elem)], vec![]),
        ArrayOp::Copy => (two, vec![]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::build::tests::funcs;
    use crate::ir::func::InstKind as K;
    use crate::ir::op::Op;

    const SOURCE: &str = "var s = 0; for k in 0..n { if ks[k] > 3 { s += ks[k]; } } let a = [1, 2]; s + a[0]";

    /// A mistake made in good IR is found.
    #[track_caller]
    fn finds(message: &str, spoil: impl Fn(&mut Func)) {
        let mut func = funcs(SOURCE, true).remove(0);
        assert_eq!(verify(&func), Ok(()));
        spoil(&mut func);
        let found = verify(&func).expect_err("it is well formed");
        assert!(found.contains(message), "{found}");
    }

    /// The first instruction of this kind, in the order of the pool.
    fn find(func: &Func, is: impl Fn(K) -> bool) -> InstId {
        InstId(func.insts.iter().position(|inst| is(inst.kind)).expect("there is one") as u32)
    }

    fn set_arg(func: &mut Func, id: InstId, i: u32, value: Value) {
        let at = func.inst(id).args.start + i;
        func.value_lists[at as usize] = value;
    }

    #[test]
    fn mistakes_are_found() {
        let add = |f: &Func| find(f, |kind| kind == K::Op(Op::IAdd));
        let load = |f: &Func| find(f, |kind| matches!(kind, K::Load(_)));
        finds("gives", |f| {
            let id = add(f);
            f.insts[id.index()].kind = K::Op(Op::FAdd);
        });
        finds("gives", |f| {
            let id = add(f);
            f.insts[id.index()].args.len = 1;
        });
        finds("gives", |f| {
            let id = load(f);
            f.insts[id.index()].kind = K::Load(Elem::F64);
        });
        finds("terminator", |f| f.regions[0].insts.truncate(2));
        finds("terminator", |f| {
            let repeat = find(f, |kind| matches!(kind, K::Repeat(_)));
            f.regions[0].insts.insert(0, repeat);
        });
        finds("two places", |f| {
            let first = f.regions[0].insts[0];
            f.regions[0].insts.insert(0, first);
        });
        finds("is not checked", |f| {
            let check = find(f, |kind| kind == K::BoundsCheck);
            let (load, index) = (load(f), f.args(check)[0]);
            set_arg(f, load, 1, index);
        });
        finds("not in scope", |f| {
            // The sum's operand is defined inside the loop only.
            let (add, last) = (add(f), *f.regions[0].insts.last().expect("a return"));
            let inside = f.inst(add).first_result;
            set_arg(f, last, 0, inside);
        });
        finds("wrong types", |f| {
            let repeat = find(f, |kind| matches!(kind, K::Repeat(_)));
            f.insts[repeat.index()].args.len -= 1;
        });
        finds("does not enclose", |f| {
            let inner = find(f, |kind| matches!(kind, K::If(..)));
            let outer = find(f, |kind| matches!(kind, K::Repeat(_)));
            f.insts[outer.index()].kind = K::Exit(inner);
        });
        finds("unreachable", |f| {
            let repeat = find(f, |kind| matches!(kind, K::Repeat(_)));
            f.insts[repeat.index()].kind = K::Unreachable;
        });
        finds("parameters", |f| f.params.truncate(1));
    }

    #[test]
    fn a_constant_index_must_lie_in_its_array() {
        let mut func = funcs(SOURCE, true).remove(0);
        let two = find(&func, |kind| kind == K::ConstI64(2));
        func.insts[two.index()].kind = K::ConstI64(1);
        assert!(verify(&func).expect_err("the second element is outside").contains("is not checked"));
    }
}
