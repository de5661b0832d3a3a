//! One computation instead of several that are the same, where one of them comes before the others on every way.
//!
//! Dominance is nesting, so one walk with a table that forgets at a region's end what was entered in it finds all of them. An operation that may
//! trap counts too: the first of two has passed where the second stands. So does a read, unless something may have written in
//! between, and what was stored counts as read.

use super::replace::Replace;
use crate::hash::Keyed;
use crate::ir::func::{Func, InstId, InstKind, RegionId, Value};
use crate::ir::index::Index;
use crate::ir::op::{ArrayOp, Scalar};
use crate::reuse::{Buf, Keep, kept, reusable};
use crate::types::Elem;
use std::hash::{BuildHasher, Hasher};

/// Removes what was computed before.
pub(super) fn number(func: &mut Func, has_loops: bool) {
    let writing_loops = if has_loops { writing_loops(func) } else { Buf::empty() };
    let replace = Replace::new(func);
    let checks = func.insts.iter().any(|inst| matches!(inst.kind, InstKind::BoundsCheck | InstKind::AssumeInBounds));
    let values = if checks { func.values.len() as u32 } else { 0 };
    let index = if checks { (0..values).map(Value).collect() } else { Buf::empty() };
    let table = Table::new(func.insts.len());
    let mut numbering = Numbering { func, replace, writing_loops, table, epoch: 0, index };
    numbering.walk();
    let Numbering { func, replace, table, .. } = numbering;
    table.keep();
    replace.apply(func);
}

/// What a computation is: equal keys give equal values.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    /// Which kind.
    kind: u8,
    lanes: u8,
    /// The operation, the element or the constant.
    what: u64,
    args: [u32; 3],
    /// For a read, how many times something may have been written before it.
    epoch: u32,
}

/// What was computed, in order; the newest of several with one key counts.
#[derive(Default)]
struct Table {
    /// The newest entry of each list, counted from 1; a power of two of them.
    heads: Vec<u32>,
    entries: Vec<Entry>,
    keyed: Keyed,
}

kept!(Table: heads, entries);

/// So many entries are in one list.
const FEW: usize = 8;

#[derive(Clone, Copy)]
struct Entry {
    key: Key,
    value: Value,
    list: u32,
    /// The one before it in its list.
    next: u32,
}

impl Table {
    /// For about so many entries.
    fn new(entries: usize) -> Box<Table> {
        let mut table = Table::kept();
        // To compare a few takes less time than to hash one.
        table.heads.resize(if entries <= FEW { 1 } else { entries.next_power_of_two() }, 0);
        table
    }

    fn list(&self, key: &Key) -> usize {
        if self.heads.len() == 1 {
            return 0;
        }
        let [a, b, c] = key.args.map(u64::from);
        let mut hasher = self.keyed.build_hasher();
        hasher.write_u64(u64::from(key.kind) | u64::from(key.lanes) << 8 | u64::from(key.epoch) << 32);
        hasher.write_u64(key.what);
        hasher.write_u64(a | b << 32);
        hasher.write_u64(c);
        hasher.finish() as usize & (self.heads.len() - 1)
    }

    fn get(&self, key: &Key, list: usize) -> Option<Value> {
        let mut at = self.heads[list];
        while let Some(entry) = at.checked_sub(1).and_then(|at| self.entries.get(at as usize)) {
            if entry.key == *key {
                return Some(entry.value);
            }
            at = entry.next;
        }
        None
    }

    fn push(&mut self, key: Key, list: usize, value: Value) {
        self.entries.push(Entry { key, value, list: list as u32, next: self.heads[list] });
        self.heads[list] = self.entries.len() as u32;
    }

    /// Forgets all but the first so many.
    fn shrink(&mut self, len: usize) {
        while self.entries.len() > len {
            if let Some(entry) = self.entries.pop() {
                self.heads[entry.list as usize] = entry.next;
            }
        }
    }
}

reusable!(Work);

/// A region in the middle of the walk.
struct Frame {
    region: RegionId,
    insts: Buf<InstId>,
    /// Which of them comes next.
    at: usize,
    /// So many of those before are kept, at the start of the list.
    kept: usize,
    /// How many entries the table had at its start.
    known: usize,
}

impl Frame {
    /// Keeps the instruction that was come to last, or one before.
    fn keep(&mut self, id: InstId) {
        self.insts[self.kept] = id;
        self.kept += 1;
    }
}

enum Work {
    Enter(RegionId),
    Resume(Frame),
}

struct Numbering<'a> {
    func: &'a mut Func,
    replace: Replace,
    /// For each loop, whether something in it may write.
    writing_loops: Buf<bool>,
    table: Box<Table>,
    epoch: u32,
    /// For each value that is a checked index, the index; empty where none is checked.
    index: Buf<Value>,
}

impl Numbering<'_> {
    fn walk(&mut self) {
        let body = self.func.body();
        if self.func.regions.len() == 1 {
            let frame = self.enter(body);
            return self.resume(frame, &mut Buf::empty());
        }
        let mut work = Buf::new();
        work.push(Work::Enter(body));
        while let Some(next) = work.pop() {
            let frame = match next {
                Work::Resume(frame) => frame,
                Work::Enter(region) => self.enter(region),
            };
            self.resume(frame, &mut work);
        }
    }

    fn enter(&mut self, region: RegionId) -> Frame {
        let insts = std::mem::take(&mut self.func.regions[region.index()].insts);
        Frame { region, insts, at: 0, kept: 0, known: self.table.entries.len() }
    }

    /// Goes on with a region up to the next structured instruction or its end.
    fn resume(&mut self, mut frame: Frame, work: &mut Buf<Work>) {
        while let Some(&id) = frame.insts.get(frame.at) {
            frame.at += 1;
            let kind = self.func.inst(id).kind;
            if kind.is_structured() {
                frame.keep(id);
                // What a later part of a loop writes is written before the next iteration reads.
                self.epoch += u32::from(self.writing_loops.get(id.index()) == Some(&true));
                work.push(Work::Resume(frame));
                work.extend(kind.regions().rev().map(Work::Enter));
                return;
            }
            self.epoch += u32::from(may_write(kind));
            match kind {
                InstKind::Store(elem) => self.remember_store(id, elem),
                InstKind::BoundsCheck | InstKind::AssumeInBounds => {
                    let index = self.func.args(id)[0];
                    let (index, result) = (self.index_of(index), self.func.inst(id).first_result);
                    self.index[result.index()] = index;
                }
                _ => {}
            }
            if !self.is_repeated(id) {
                frame.keep(id);
            }
        }
        frame.insts.truncate(frame.kept);
        self.func.regions[frame.region.index()].insts = frame.insts;
        self.table.shrink(frame.known);
    }

    /// Whether its value was computed before; then that is used. Else it is entered.
    fn is_repeated(&mut self, id: InstId) -> bool {
        let Some(key) = self.key(id) else { return false };
        let result = self.func.inst(id).first_result;
        let list = self.table.list(&key);
        if let Some(before) = self.table.get(&key, list) {
            self.replace.set(result, before);
            return true;
        }
        self.table.push(key, list, result);
        false
    }

    /// The index that was checked.
    fn index_of(&mut self, checked: Value) -> Value {
        let checked = self.replace.resolve(checked);
        self.index.get(checked.index()).copied().unwrap_or(checked)
    }

    /// What was stored is what a load of the same element gives until something else may write. An `f32` is rounded on the way.
    fn remember_store(&mut self, id: InstId, elem: Elem) {
        let &[address, index, value] = self.func.args(id) else { return };
        let lanes = self.func.ty(value).lanes;
        if elem == Elem::F32 || lanes != 1 {
            return;
        }
        let [address, value] = [address, value].map(|arg| self.replace.resolve(arg));
        let index = self.index_of(index);
        let key = Key { kind: 9, lanes, what: elem as u64, args: [address.0, index.0, u32::MAX], epoch: self.epoch };
        self.table.push(key, self.table.list(&key), value);
    }

    fn key(&mut self, id: InstId) -> Option<Key> {
        let inst = *self.func.inst(id);
        let mut symmetric = false;
        let (kind, what) = match inst.kind {
            InstKind::ConstF64(bits) => (0, bits),
            InstKind::ConstI64(n) => (1, n as u64),
            InstKind::ConstBool(b) => (2, u64::from(b)),
            // A comparison with one use needs no register; with two it does.
            InstKind::Op(op) if op.result() == Scalar::Bool => return None,
            InstKind::Op(op) => {
                symmetric = op.commutes();
                (3, op as u64)
            }
            InstKind::Math(math) => (4, math as u64),
            InstKind::Select => (5, 0),
            // Where one of them stands, the other would pass.
            InstKind::BoundsCheck | InstKind::AssumeInBounds => (6, 0),
            InstKind::SliceCheck => (7, 0),
            InstKind::ElemAddr(elem) => (8, elem as u64),
            InstKind::Load(elem) => (9, elem as u64),
            InstKind::TableLoad(table) => (10, table as u64),
            _ => return None,
        };
        let mut args = [u32::MAX; 3];
        for (i, slot) in args.iter_mut().enumerate().take(inst.args.len as usize) {
            let arg = self.func.args(id)[i];
            *slot = self.replace.resolve(arg).0;
        }
        if symmetric {
            args[..2].sort_unstable();
        }
        let is_load = matches!(inst.kind, InstKind::Load(_));
        if is_load {
            // Whichever check it passed.
            args[1] = self.index_of(self.func.args(id)[1]).0;
        }
        let epoch = if is_load { self.epoch } else { 0 };
        Some(Key { kind, lanes: self.func.ty(inst.first_result).lanes, what, args, epoch })
    }
}

/// Whether elements of arrays that are already there may change.
fn may_write(kind: InstKind) -> bool {
    matches!(
        kind,
        InstKind::Store(_)
            | InstKind::ArrayOp(ArrayOp::Fill | ArrayOp::Copy, _)
            | InstKind::ArenaRelease
            | InstKind::Call(_)
            | InstKind::HostCall(_)
    )
}

/// For each loop, whether something in it may write.
fn writing_loops(func: &Func) -> Buf<bool> {
    let index = Index::new(func);
    let mut writes = Buf::filled(false, func.insts.len());
    for &id in index.order.iter().filter(|&&id| may_write(func.inst(id).kind)) {
        let mut inner = id;
        // What is marked has everything around it marked.
        while let Some(owner) = index.owner[index.region[inner.index()].index()]
            && !std::mem::replace(&mut writes[owner.index()], true)
        {
            inner = owner;
        }
    }
    for (id, inst) in writes.iter_mut().zip(&func.insts) {
        *id &= matches!(inst.kind, InstKind::Loop(_));
    }
    writes
}
