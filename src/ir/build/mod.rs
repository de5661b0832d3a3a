//! From the typed tree to structured SSA, one function at a time.
//!
//! Variables never exist in the IR: each is a current value while the tree is walked ([`vars`]). A structured instruction gives back the
//! variables that are assigned in it; a loop's region also takes them as parameters. Conditions with short circuits become exits of blocks
//! ([`cond`]), flat however long the chain is. The walk recurses along the nesting of the tree only.

mod cond;
mod expr;
mod stmt;
mod vars;

#[cfg(test)]
mod cases;
#[cfg(test)]
pub(crate) mod tests;

use super::func::{Func, Inst, InstId, InstKind, Region, RegionId, Ty, Value, Values};
use super::op::{Op, Scalar, scalar_of};
use crate::reuse::{Buf, Keep};
use crate::sema::hir::{self, FuncId, Hir};
use crate::span::Span;
use crate::types::Type;
use smallvec::{SmallVec, smallvec};
use vars::{Facts, Slot, Vars};

/// Arguments of an instruction.
type Args = SmallVec<[Value; 4]>;

/// What is built in.
#[derive(Clone, Copy, Debug)]
pub struct BuildOptions {
    /// Whether loop heads are metered. `EnterCall` stands before every call of the program's own functions in any case, for the depth:
    /// that it costs no fuel in an unmetered program is the code generator's affair.
    pub metering: bool,
}

/// Why a function has no IR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// So many variables change on so many ways through it that their joins would take more than linear room. It can be interpreted.
    TooManyJoins,
    /// The tree contradicts itself: a defect of the stage before.
    Inconsistent,
}

/// Control goes on behind what was built, with this; or it never does.
type Flow<T> = Option<T>;

/// What an expression gave.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Val {
    Unit,
    One(Value),
    /// An array's address and length.
    Array(Value, Value),
}

/// A structured instruction under construction.
struct Open {
    inst: InstId,
    /// The variables that it gives back, before its value.
    slots: Vec<Slot>,
    /// The types of its value.
    value: Tys,
    /// How many terminators exit it.
    exits: u32,
}

/// Where to go if a condition fails: out of an open instruction, with this value.
#[derive(Clone, Copy)]
struct Target {
    open: usize,
    value: Val,
}

/// The innermost loop's ends.
struct LoopTargets {
    /// The loop.
    open: usize,
    /// What `continue` exits; `None` where it repeats the loop.
    next: Option<usize>,
    /// The arena's mark at the start of the iteration.
    mark: Option<Value>,
}

struct Builder<'a> {
    hir: &'a Hir,
    source: &'a hir::Func,
    options: BuildOptions,
    facts: Facts,
    func: &'a mut Func,
    region: RegionId,
    vars: Box<Vars>,
    open: Vec<Open>,
    loops: Vec<LoopTargets>,
    mark: Option<Value>,
    /// How long `func.value_lists` may grow.
    list_limit: usize,
    error: Option<BuildError>,
}

/// Builds one function.
#[cfg(test)]
pub fn build(hir: &Hir, id: FuncId, options: &BuildOptions) -> Result<Func, BuildError> {
    let mut func = Func::new();
    build_in(hir, id, options, &mut func)?;
    Ok(func)
}

/// Builds one function in an empty one.
pub fn build_in(hir: &Hir, id: FuncId, options: &BuildOptions, func: &mut Func) -> Result<(), BuildError> {
    let Some(source) = hir.funcs.get(id.0 as usize) else { return Err(BuildError::Inconsistent) };
    let facts = Facts::of(hir, source);
    func.name.push_str(&source.name);
    func.span = source.span;
    if func.regions.is_empty() {
        func.regions.push(Region { params: Buf::new(), insts: Buf::new() });
    }
    func.results.extend(tys_of(source.result).iter().map(|ty| ty.scalar));
    let mut vars = Vars::new(source);
    for slot in 0..vars.slots_of_params(source) {
        let value = func.new_value(vars.ty(slot));
        vars.set(slot, value);
        func.params.push(value);
        func.regions[0].params.push(value);
    }
    // Room for 64 arguments a node is linear, and more than any program has that was not written to need it.
    let list_limit = (1 << 18) + 64 * facts.nodes;
    let mut builder = Builder {
        hir,
        source,
        options: *options,
        facts,
        func,
        region: RegionId(0),
        vars,
        open: Vec::new(),
        loops: Vec::new(),
        mark: None,
        list_limit,
        error: None,
    };
    builder.body();
    builder.vars.keep();
    match builder.error {
        Some(error) => Err(error),
        None => {
            #[cfg(debug_assertions)]
            if let Err(message) = super::verify::verify(builder.func) {
                debug_assert!(false, "{message}\n{}", super::print::print(builder.func));
            }
            Ok(())
        }
    }
}

/// One for a scalar, two for an array.
type Tys = SmallVec<[Ty; 2]>;

/// The IR types of a value of the language: none for `()`, two for an array.
fn tys_of(ty: Type) -> Tys {
    match (scalar_of(ty), ty) {
        (Some(scalar), _) => smallvec![Ty::one(scalar)],
        (None, Type::Array(_)) => smallvec![Ty::one(Scalar::Ptr), Ty::one(Scalar::I64)],
        (None, _) => Tys::new(),
    }
}

impl Builder<'_> {
    fn body(&mut self) {
        let span = self.source.span;
        if self.source.releases && self.facts.allocates {
            self.mark = Some(self.one(InstKind::ArenaMark, &[], Scalar::I64, span));
        }
        let body = self.source.body;
        if let Some(value) = self.expr(body) {
            let span = self.hir.exprs[body.0 as usize].span;
            self.leave_function(value, span);
        }
    }

    /// Returns from the function.
    #[inline(never)]
    fn leave_function(&mut self, value: Val, span: Span) {
        let values = match (value, self.source.result) {
            (_, Type::Unit) => Args::new(),
            (Val::One(value), Type::F64) => smallvec![self.op(Op::FCanon, &[value], span)],
            (Val::One(value), _) => smallvec![value],
            (Val::Array(address, len), _) => smallvec![address, len],
            (Val::Unit, _) => {
                self.fail(BuildError::Inconsistent);
                Args::new()
            }
        };
        if let Some(mark) = self.mark {
            self.inst(InstKind::ArenaRelease, &[mark], &[], span);
        }
        self.inst(InstKind::Return, &values, &[], span);
    }

    fn fail(&mut self, error: BuildError) {
        self.error.get_or_insert(error);
    }

    /// Appends an instruction to the current region.
    #[inline(never)]
    fn inst(&mut self, kind: InstKind, args: &[Value], results: &[Ty], span: Span) -> InstId {
        let room = self.func.value_lists.len() + args.len() <= self.list_limit;
        let args = if room {
            self.func.new_values(args)
        } else {
            self.fail(BuildError::TooManyJoins);
            Values::default()
        };
        let id = InstId(self.func.insts.len() as u32);
        let first_result = Value(self.func.values.len() as u32);
        results.iter().for_each(|ty| self.func.values.push(*ty));
        self.func.insts.push(Inst { kind, args, first_result, results: results.len() as u32, span });
        self.func.regions[self.region.index()].insts.push(id);
        id
    }

    /// Appends an instruction with one result.
    fn one(&mut self, kind: InstKind, args: &[Value], result: Scalar, span: Span) -> Value {
        let id = self.inst(kind, args, &[Ty::one(result)], span);
        self.func.inst(id).first_result
    }

    /// Appends an operation, its operands made canonical where it sees their bits.
    #[inline(never)]
    fn op(&mut self, op: Op, args: &[Value], span: Span) -> Value {
        let seen = match op {
            Op::FBits | Op::FSign => 0,
            Op::FCopysign => 1,
            _ => return self.one(InstKind::Op(op), args, op.result(), span),
        };
        let mut args = Args::from_slice(args);
        if let Some(arg) = args.get_mut(seen) {
            *arg = self.one(InstKind::Op(Op::FCanon), &[*arg], Scalar::F64, span);
        }
        self.one(InstKind::Op(op), &args, op.result(), span)
    }

    fn const_i64(&mut self, n: i64, span: Span) -> Value {
        self.one(InstKind::ConstI64(n), &[], Scalar::I64, span)
    }

    fn const_bool(&mut self, b: bool, span: Span) -> Value {
        self.one(InstKind::ConstBool(b), &[], Scalar::Bool, span)
    }

    #[inline(never)]
    fn new_region(&mut self, params: Vec<Value>) -> RegionId {
        self.func.regions.push(Region { params: params.into(), insts: Buf::new() });
        RegionId(self.func.regions.len() as u32 - 1)
    }

    /// Begins a structured instruction that gives back these variables and a value of these types. Its kind's regions are built, then it
    /// is closed.
    #[inline(never)]
    fn enter(&mut self, kind: InstKind, args: &[Value], slots: Vec<Slot>, value: Tys, span: Span) -> usize {
        let inst = self.inst(kind, args, &[], span);
        self.open.push(Open { inst, slots, value, exits: 0 });
        self.open.len() - 1
    }

    /// Builds a region of an open instruction with `fill`, and goes back to the current one. Assignments inside are undone.
    fn in_region(&mut self, region: RegionId, fill: impl FnOnce(&mut Self) -> Flow<()>) {
        let outer = std::mem::replace(&mut self.region, region);
        let mark = self.vars.mark();
        // Control that reaches the end was to be led away by `fill`; it says `None` then.
        if fill(self).is_some() {
            self.fail(BuildError::Inconsistent);
        }
        self.vars.undo_to(mark);
        self.region = outer;
    }

    /// Ends a structured instruction: its results, or `None` if nothing exits it.
    #[inline(never)]
    fn close(&mut self, span: Span) -> Flow<Val> {
        let Open { inst, slots, value, exits } = self.open.pop()?;
        if exits == 0 {
            self.inst(InstKind::Unreachable, &[], &[], span);
            return None;
        }
        let first = self.func.values.len() as u32;
        self.func.values.extend(slots.iter().map(|&slot| self.vars.ty(slot)));
        self.func.values.extend_from_slice(&value);
        let node = &mut self.func.insts[inst.index()];
        node.first_result = Value(first);
        node.results = (slots.len() + value.len()) as u32;
        for (i, &slot) in slots.iter().enumerate() {
            self.vars.set(slot, Value(first + i as u32));
        }
        let first = first + slots.len() as u32;
        Some(match value.len() {
            0 => Val::Unit,
            1 => Val::One(Value(first)),
            _ => Val::Array(Value(first), Value(first + 1)),
        })
    }

    /// Goes on behind an open instruction.
    #[inline(never)]
    fn exit(&mut self, target: Target, span: Span) {
        let inst = self.open[target.open].inst;
        let mut args = self.current_values(target.open);
        if !self.open[target.open].value.is_empty() {
            match target.value {
                Val::Unit => self.fail(BuildError::Inconsistent),
                Val::One(value) => args.push(value),
                Val::Array(address, len) => args.extend([address, len]),
            }
        }
        self.open[target.open].exits += 1;
        self.inst(InstKind::Exit(inst), &args, &[], span);
    }

    /// What the variables that an open instruction gives back are now; nothing once there is no room.
    fn current_values(&mut self, open: usize) -> Vec<Value> {
        let slots = &self.open[open].slots;
        if self.func.value_lists.len() + slots.len() > self.list_limit {
            self.fail(BuildError::TooManyJoins);
            return Vec::new();
        }
        slots.iter().map(|&slot| self.vars.get(slot)).collect()
    }

    /// A `Block` whose region `fill` builds; `fill` gets its index among the open instructions.
    fn block(
        &mut self,
        slots: Vec<Slot>,
        value: Tys,
        span: Span,
        fill: impl FnOnce(&mut Self, usize) -> Flow<()>,
    ) -> Flow<Val> {
        let region = self.new_region(Vec::new());
        let open = self.enter(InstKind::Block(region), &[], slots, value, span);
        self.in_region(region, |b| fill(b, open));
        self.close(span)
    }

    /// An `If` whose arms `then` and `otherwise` build.
    fn branch(
        &mut self,
        cond: Value,
        slots: Vec<Slot>,
        value: Tys,
        span: Span,
        then: impl FnOnce(&mut Self, usize) -> Flow<()>,
        otherwise: impl FnOnce(&mut Self, usize) -> Flow<()>,
    ) -> Flow<Val> {
        let (yes, no) = (self.new_region(Vec::new()), self.new_region(Vec::new()));
        let open = self.enter(InstKind::If(yes, no), &[cond], slots, value, span);
        self.in_region(yes, |b| then(b, open));
        self.in_region(no, |b| otherwise(b, open));
        self.close(span)
    }

    /// Ends the current region behind an open instruction; for the ends of `fill`s.
    fn leave(&mut self, open: usize, value: Val, span: Span) -> Flow<()> {
        self.exit(Target { open, value }, span);
        None
    }
}
