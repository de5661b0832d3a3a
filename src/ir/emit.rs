//! Writes functions instruction by instruction, for what makes IR other than from programs; and copies one function into another.

use super::func::{Func, Inst, InstId, InstKind, Region, RegionId, Ty, Value, Values};
use super::op::Scalar;
use crate::sema::hir::FuncId;
use crate::span::Span;

/// A function under construction, and the region that instructions go to.
#[derive(Debug)]
pub struct Emitter {
    /// What was written so far.
    pub func: Func,
    region: RegionId,
    /// Where the instructions to come stand in the source.
    pub span: Span,
}

impl Emitter {
    /// An empty function.
    pub fn new(name: &str, span: Span) -> Emitter {
        let func = Func { name: name.to_owned(), regions: vec![Region::default()].into(), span, ..Func::default() };
        Emitter { func, region: RegionId(0), span }
    }

    /// One more parameter.
    pub fn param(&mut self, scalar: Scalar) -> Value {
        let value = self.func.new_value(Ty::one(scalar));
        self.func.params.push(value);
        self.func.regions[0].params.push(value);
        value
    }

    /// The region that instructions go to.
    pub fn region(&self) -> RegionId {
        self.region
    }

    /// From now on instructions go to another region; gives the one before.
    pub fn enter(&mut self, region: RegionId) -> RegionId {
        std::mem::replace(&mut self.region, region)
    }

    /// A new region with parameters of these types.
    pub fn new_region(&mut self, params: &[Ty]) -> RegionId {
        let params = params.iter().map(|&ty| self.func.new_value(ty)).collect();
        self.func.regions.push(Region { params, insts: Vec::new().into() });
        RegionId(self.func.regions.len() as u32 - 1)
    }

    /// The parameters of a region.
    pub fn params_of(&self, region: RegionId) -> Vec<Value> {
        self.func.regions[region.index()].params.to_vec()
    }

    /// An instruction.
    pub fn inst(&mut self, kind: InstKind, args: &[Value], results: &[Ty]) -> InstId {
        let args = self.func.new_values(args);
        let first_result = Value(self.func.values.len() as u32);
        self.func.values.extend_from_slice(results);
        let id = InstId(self.func.insts.len() as u32);
        self.func.insts.push(Inst { kind, args, first_result, results: results.len() as u32, span: self.span });
        self.func.regions[self.region.index()].insts.push(id);
        id
    }

    /// An instruction of one result.
    pub fn value(&mut self, kind: InstKind, args: &[Value], ty: Ty) -> Value {
        let id = self.inst(kind, args, &[ty]);
        self.func.inst(id).first_result
    }

    /// An instruction of one result in one lane.
    pub fn one(&mut self, kind: InstKind, args: &[Value], scalar: Scalar) -> Value {
        self.value(kind, args, Ty::one(scalar))
    }

    /// An instruction without result.
    pub fn effect(&mut self, kind: InstKind, args: &[Value]) {
        self.inst(kind, args, &[]);
    }

    /// A constant.
    pub fn int(&mut self, n: i64) -> Value {
        self.one(InstKind::ConstI64(n), &[], Scalar::I64)
    }

    /// The results of an instruction.
    pub fn results(&self, id: InstId) -> Vec<Value> {
        self.func.results(id).collect()
    }

    /// A function's body as a `Block` with its results; `None` where it never returns, and the region has ended.
    pub fn embed(&mut self, callee: &Func, args: &[Value], calls: &dyn Fn(FuncId) -> FuncId) -> Option<Vec<Value>> {
        let results: Vec<Ty> = callee.results.iter().map(|&scalar| Ty::one(scalar)).collect();
        let block = self.inst(InstKind::Block(RegionId(0)), &[], &results);
        let (body, returns) = embed(&mut self.func, callee, args, block, calls);
        self.func.insts[block.index()].kind = InstKind::Block(body);
        if returns {
            return Some(self.results(block));
        }
        self.effect(InstKind::Unreachable, &[]);
        None
    }
}

/// Copies a function's regions into another one: parameters become `args`, returns become exits of `block`, the functions that it calls those that
/// `calls` names. Gives its body, and whether it returns at all.
pub fn embed(
    func: &mut Func,
    callee: &Func,
    args: &[Value],
    block: InstId,
    calls: &dyn Fn(FuncId) -> FuncId,
) -> (RegionId, bool) {
    let (values, insts, regions) = (func.values.len() as u32, func.insts.len() as u32, func.regions.len() as u32);
    let lists = func.value_lists.len() as u32;
    let mut renamed: Vec<Value> = (0..callee.values.len() as u32).map(|i| Value(values + i)).collect();
    for (&param, &arg) in callee.params.iter().zip(args) {
        renamed[param.index()] = arg;
    }
    let inst = |id: InstId| InstId(insts + id.0);
    let region = |id: RegionId| RegionId(regions + id.0);
    func.values.extend_from_slice(&callee.values);
    func.value_lists.extend(callee.value_lists.iter().map(|value| renamed[value.index()]));
    let mut returns = false;
    func.insts.extend(callee.insts.iter().map(|old| Inst {
        kind: match old.kind {
            InstKind::If(yes, no) => InstKind::If(region(yes), region(no)),
            InstKind::Loop(body) => InstKind::Loop(region(body)),
            InstKind::Block(body) => InstKind::Block(region(body)),
            InstKind::Exit(target) => InstKind::Exit(inst(target)),
            InstKind::Repeat(target) => InstKind::Repeat(inst(target)),
            InstKind::Return => InstKind::Exit(block),
            InstKind::Call(callee) => InstKind::Call(calls(callee)),
            kind => kind,
        },
        args: Values { start: lists + old.args.start, len: old.args.len },
        first_result: Value(values + old.first_result.0),
        ..*old
    }));
    func.regions.extend(callee.regions.iter().enumerate().map(|(i, old)| Region {
        params: if i == callee.body().index() {
            Vec::new().into()
        } else {
            old.params.iter().map(|p| renamed[p.index()]).collect()
        },
        insts: old.insts.iter().map(|&id| inst(id)).collect(),
    }));
    // Regions that passes have dropped may still hold a return.
    let mut stack = vec![callee.body()];
    while let Some(region) = stack.pop() {
        for &id in &callee.regions[region.index()].insts {
            let kind = callee.inst(id).kind;
            returns |= kind == InstKind::Return;
            stack.extend(kind.regions());
        }
    }
    (region(callee.body()), returns)
}

/// Moves the places of a function's instructions in the source.
pub fn shift_spans(func: &mut Func, by: u32) {
    let shift = |span: &mut Span| {
        span.start = span.start.saturating_add(by);
        span.end = span.end.saturating_add(by);
    };
    shift(&mut func.span);
    func.insts.iter_mut().for_each(|inst| shift(&mut inst.span));
}
