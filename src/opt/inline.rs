//! Small functions in place of calls of them.
//!
//! A callee's body becomes a [`InstKind::Block`] in which `Return` is the way out, so nothing else of the caller changes. What a program can see of a call
//! stays: [`InstKind::EnterInlined`] takes the fuel and tests the depth where the call did, and each instruction tells which calls it lies in
//! ([`Func::origins`]), for the call stack of a trap. A level of depth is taken only where a call is left: the inner call takes that of the inlined ones too.
//!
//! Callees come before their callers, so what is copied is small already. Each function and the program may grow by so much and no more.

use super::ends;
use crate::ir::func::{Func, InlinedCall, Inst, InstId, InstKind, Region, RegionId, Value};
use crate::sema::hir::FuncId;

/// A function of at most so many instructions is inlined.
const SMALL: usize = 24;
/// And of so many where the call stands in a loop.
const SMALL_IN_LOOP: usize = 64;
/// A function that calls itself is put into itself where it has at most so many instructions.
const SMALL_RECURSIVE: usize = 24;
/// And its calls there likewise, down to so many levels: most calls of a recursion are its leaves, which then cost no frame.
const RECURSIVE_LEVELS: usize = 4;
/// A function may grow to this size, or to this many times its own.
const GROWTH: (usize, usize) = (400, 3);
/// So much larger than its callees' code may a callee's tables be: what was folded away still costs a copy.
const MAX_VALUES: usize = 1024;
/// Inlined calls around inlined calls.
const MAX_LEVELS: u32 = 12;
/// What a callee may have had inlined itself.
const MAX_INLINED: usize = 48;

/// The order in which callees come before their callers, but for recursion.
pub(super) fn callees_first(funcs: &[Func]) -> Vec<usize> {
    let calls: Vec<Vec<usize>> = funcs.iter().map(callees).collect();
    let mut seen = vec![false; funcs.len()];
    let mut order = Vec::with_capacity(funcs.len());
    let mut stack: Vec<(usize, usize)> = Vec::new();
    for root in 0..funcs.len() {
        if !std::mem::replace(&mut seen[root], true) {
            stack.push((root, 0));
        }
        while let Some((func, next)) = stack.last_mut() {
            match calls[*func].get(*next) {
                Some(&callee) => {
                    *next += 1;
                    if seen.get(callee) == Some(&false) {
                        seen[callee] = true;
                        stack.push((callee, 0));
                    }
                }
                None => {
                    order.push(*func);
                    stack.pop();
                }
            }
        }
    }
    order
}

fn callees(func: &Func) -> Vec<usize> {
    let callee = |inst: &Inst| if let InstKind::Call(callee) = inst.kind { Some(callee.0 as usize) } else { None };
    func.insts.iter().filter_map(callee).collect()
}

/// What is known of the functions that are optimized already, and how much larger the program may become.
pub(super) struct Inliner {
    /// How many instructions; `None` for what is not done yet or must not be inlined.
    sizes: Vec<Option<usize>>,
    left: usize,
}

impl Inliner {
    pub(super) fn new(funcs: &[Func]) -> Inliner {
        let total: usize = funcs.iter().map(|func| func.insts.len()).sum();
        Inliner { sizes: vec![None; funcs.len()], left: 2_000 + 2 * total }
    }

    /// Puts small callees into a function; whether any was.
    pub(super) fn expand(&mut self, funcs: &mut [Func], at: usize) -> bool {
        let mut func = std::mem::take(&mut funcs[at]);
        let is_small = |callee: usize, in_loop: bool| {
            let size = self.sizes.get(callee).copied().flatten()?;
            (size <= if in_loop { SMALL_IN_LOOP } else { SMALL }).then_some(size)
        };
        let sites = sites(&func, is_small);
        let expanded = self.splice_all(&mut func, &sites, |callee| &funcs[callee]);
        funcs[at] = func;
        expanded
    }

    /// Puts a function that is optimized into itself, some levels deep, if it is small and calls itself; whether it was.
    pub(super) fn expand_self(&mut self, funcs: &mut [Func], at: usize) -> bool {
        let Some(size) = self.sizes[at].filter(|&size| size <= SMALL_RECURSIVE) else { return false };
        let is_small = |callee: usize, _| (callee == at).then_some(size);
        let first = sites(&funcs[at], is_small);
        if first.is_empty() {
            return false;
        }
        let before = funcs[at].clone();
        let expanded = self.splice_all(&mut funcs[at], &first, |_| &before);
        for _ in 1..RECURSIVE_LEVELS {
            let next = sites(&funcs[at], is_small);
            self.splice_all(&mut funcs[at], &next, |_| &before);
        }
        expanded
    }

    fn splice_all<'a>(&mut self, func: &mut Func, sites: &[Site], callee: impl Fn(usize) -> &'a Func) -> bool {
        let own = func.insts.len();
        let most = GROWTH.0.max(own.saturating_mul(GROWTH.1));
        let mut size = own;
        let mut expanded = false;
        for site in sites {
            if size + site.size > most || site.size > self.left {
                continue;
            }
            size += site.size;
            self.left -= site.size;
            expanded = true;
            splice(func, callee(site.callee), site);
        }
        if expanded {
            drop_calls(func);
            settle_depth(func);
            // With its calls more can be known of a function than before, also that it never returns.
            ends::mark(func);
        }
        expanded
    }

    /// Notes that a function is done.
    pub(super) fn finish(&mut self, func: &Func, at: usize) {
        self.sizes[at] = size_to_inline(func);
    }
}

/// How many instructions a function has; `None` where it must not be inlined.
fn size_to_inline(func: &Func) -> Option<usize> {
    if func.values.len() > MAX_VALUES || func.inlined.len() > MAX_INLINED {
        return None;
    }
    let (mut size, mut returns) = (0, false);
    let mut regions = vec![func.body()];
    while let Some(region) = regions.pop() {
        for &id in &func.regions[region.index()].insts {
            let kind = func.inst(id).kind;
            regions.extend(kind.regions());
            match kind {
                InstKind::Return => returns = true,
                InstKind::EnterCall(levels) | InstKind::EnterInlined(levels) if levels >= MAX_LEVELS => return None,
                InstKind::ConstF64(_) | InstKind::ConstI64(_) | InstKind::ConstBool(_) => {}
                InstKind::Exit(_) | InstKind::AssumeInBounds => {}
                // What costs more than a call gains little.
                InstKind::Math(_) | InstKind::ArrayOp(..) | InstKind::Alloc(_) | InstKind::HostCall(_) => size += 5,
                InstKind::Call(_) => size += 4,
                _ => size += 1,
            }
        }
        if size > SMALL_IN_LOOP {
            return None;
        }
    }
    returns.then_some(size)
}

/// A call to be replaced.
struct Site {
    call: InstId,
    callee: usize,
    size: usize,
    levels: u32,
}

/// The calls of small functions, in the order of the text.
fn sites(func: &Func, is_small: impl Fn(usize, bool) -> Option<usize>) -> Vec<Site> {
    let mut sites = Vec::new();
    if !func.insts.iter().any(|inst| matches!(inst.kind, InstKind::Call(_))) {
        return sites;
    }
    let mut stack = vec![(func.body(), 0, false)];
    while let Some((region, next, in_loop)) = stack.last_mut() {
        let insts = &func.regions[region.index()].insts;
        let (at, in_loop) = (*next, *in_loop);
        *next += 1;
        let Some(&call) = insts.get(at) else {
            stack.pop();
            continue;
        };
        let kind = func.inst(call).kind;
        if let InstKind::Call(callee) = kind {
            let callee = callee.0 as usize;
            let around = [at.checked_sub(1), Some(at + 1)].map(|at| insts.get(at?).map(|&id| func.inst(id).kind));
            if let [Some(InstKind::EnterCall(levels)), Some(InstKind::LeaveCall(back))] = around
                && levels == back
                && levels < MAX_LEVELS
                && let Some(size) = is_small(callee, in_loop)
            {
                sites.push(Site { call, callee, size, levels });
            }
        }
        let in_loop = in_loop || matches!(kind, InstKind::Loop(_));
        stack.extend(kind.regions().rev().map(|region| (region, 0, in_loop)));
    }
    sites
}

/// Makes a call the block that its callee's body is.
fn splice(func: &mut Func, callee: &Func, site: &Site) {
    let args = func.args(site.call).to_vec();
    func.origins.resize(func.insts.len(), 0);
    let within = func.origin(site.call);
    let span = func.inst(site.call).span;
    func.inlined.push(InlinedCall { callee: FuncId(site.callee as u32), call: span, within });
    let own = func.inlined.len() as u32;
    let moved = |origin: u32| own + origin;
    func.inlined.extend(callee.inlined.iter().map(|inlined| InlinedCall { within: moved(inlined.within), ..*inlined }));

    let mut copy = Body {
        values: vec![Value(u32::MAX); callee.values.len()],
        insts: vec![InstId(u32::MAX); callee.insts.len()],
        func,
        callee,
    };
    for (param, &arg) in callee.params.iter().zip(&args) {
        copy.values[param.index()] = arg;
    }
    let top = copy.new_region();
    let block = &mut copy.func.insts[site.call.index()];
    block.kind = InstKind::Block(top);
    block.args.len = 0;
    let mut stack = vec![(callee.body(), top, 0)];
    while let Some((from, to, next)) = stack.last_mut() {
        let (from, to, at) = (*from, *to, *next);
        *next += 1;
        let Some(&id) = callee.regions[from.index()].insts.get(at) else {
            stack.pop();
            continue;
        };
        let new = copy.inst(id, site);
        copy.func.origins.push(moved(callee.origin(id)));
        copy.func.regions[to.index()].insts.push(new);
        let kinds = (callee.inst(id).kind, copy.func.inst(new).kind);
        let regions: Vec<_> = kinds.0.regions().zip(kinds.1.regions()).collect();
        stack.extend(regions.into_iter().rev().map(|(from, to)| (from, to, 0)));
    }
}

/// A callee's body on its way into a function.
struct Body<'a> {
    func: &'a mut Func,
    callee: &'a Func,
    /// What each of the callee's values and structured instructions is in the caller.
    values: Vec<Value>,
    insts: Vec<InstId>,
}

impl Body<'_> {
    fn new_region(&mut self) -> RegionId {
        self.func.regions.push(Region::default());
        RegionId(self.func.regions.len() as u32 - 1)
    }

    fn new_value(&mut self, of: Value) -> Value {
        let new = self.func.new_value(self.callee.ty(of));
        self.values[of.index()] = new;
        new
    }

    fn inst(&mut self, id: InstId, site: &Site) -> InstId {
        let inst = *self.callee.inst(id);
        let args: Vec<Value> = self.callee.args(id).iter().map(|arg| self.values[arg.index()]).collect();
        let args = self.func.new_values(&args);
        let first_result = Value(self.func.values.len() as u32);
        for result in self.callee.results(id) {
            self.new_value(result);
        }
        let kind = match inst.kind {
            InstKind::Return => InstKind::Exit(site.call),
            InstKind::Exit(target) => InstKind::Exit(self.insts[target.index()]),
            InstKind::Repeat(target) => InstKind::Repeat(self.insts[target.index()]),
            InstKind::If(..) => InstKind::If(self.new_region(), self.new_region()),
            InstKind::Block(_) => InstKind::Block(self.new_region()),
            InstKind::Loop(of) => {
                let region = self.new_region();
                let callee = self.callee;
                let params = callee.regions[of.index()].params.iter().map(|&param| self.new_value(param)).collect();
                self.func.regions[region.index()].params = params;
                InstKind::Loop(region)
            }
            InstKind::EnterCall(levels) => InstKind::EnterCall(levels + site.levels),
            InstKind::LeaveCall(levels) => InstKind::LeaveCall(levels + site.levels),
            // One whose depth was seen to be there before needs no look in the caller either: the earlier one comes along.
            InstKind::EnterInlined(levels) if levels > 0 => InstKind::EnterInlined(levels + site.levels),
            kind => kind,
        };
        let new = InstId(self.func.insts.len() as u32);
        self.insts[id.index()] = new;
        self.func.insts.push(Inst { kind, args, first_result, results: inst.results, span: inst.span });
        new
    }
}

/// What stood around calls that are none any more.
fn drop_calls(func: &mut Func) {
    for region in 0..func.regions.len() {
        let insts = std::mem::take(&mut func.regions[region].insts);
        let mut kept: Vec<InstId> = Vec::with_capacity(insts.len());
        for (i, &id) in insts.iter().enumerate() {
            let kind = |at: Option<usize>| at.and_then(|at| insts.get(at)).map(|&id| func.insts[id.index()].kind);
            let is_block = |at| matches!(kind(at), Some(InstKind::Block(_)));
            match func.insts[id.index()].kind {
                InstKind::EnterCall(levels) if is_block(Some(i + 1)) => {
                    func.insts[id.index()].kind = InstKind::EnterInlined(levels);
                    kept.push(id);
                }
                InstKind::LeaveCall(_) if is_block(i.checked_sub(1)) => {}
                _ => kept.push(id),
            }
        }
        func.regions[region].insts = kept.into();
    }
}

/// Depth that was seen to be there is not looked for again.
fn settle_depth(func: &mut Func) {
    let mut stack = vec![(func.body(), 0, 0)];
    while let Some((region, next, seen)) = stack.last_mut() {
        let Some(&id) = func.regions[region.index()].insts.get(*next) else {
            stack.pop();
            continue;
        };
        *next += 1;
        let kind = &mut func.insts[id.index()].kind;
        match kind {
            InstKind::EnterInlined(levels) if *levels <= *seen => *levels = 0,
            InstKind::EnterInlined(levels) | InstKind::EnterCall(levels) => *seen = (*seen).max(*levels),
            _ => {}
        }
        let (kind, seen) = (*kind, *seen);
        stack.extend(kind.regions().rev().map(|region| (region, 0, seen)));
    }
}

/// The call stack of an instruction as far as it was inlined, innermost first: what is called, and where.
#[cfg(test)]
pub(super) fn call_stack(func: &Func, id: InstId) -> Vec<(u32, crate::span::Span)> {
    let mut stack = Vec::new();
    let mut origin = func.origin(id);
    while let Some(inlined) = (origin as usize).checked_sub(1).and_then(|at| func.inlined.get(at)) {
        stack.push((inlined.callee.0, inlined.call));
        origin = inlined.within;
    }
    stack
}
