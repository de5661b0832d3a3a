//! One computation instead of several that are the same, where one of them comes before the others on every way.
//!
//! Dominance is nesting, so one walk with a table that forgets at a region's end what was entered in it finds all of them. An operation that may
//! trap counts too: the first of two has passed where the second stands. So does a read, unless something may have written in
//! between, and what was stored counts as read.

use super::fold::commutes;
use super::replace::Replace;
use crate::ir::func::{Func, InstId, InstKind, RegionId, Value};
use crate::ir::index::Index;
use crate::ir::op::{ArrayOp, Op, Scalar};
use crate::types::Elem;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// Removes what was computed before.
pub(super) fn number(func: &mut Func, has_loops: bool) {
    let writing_loops = if has_loops { writing_loops(func) } else { vec![false; func.insts.len()] };
    let replace = Replace::new(func);
    let index = (0..func.values.len() as u32).map(Value).collect();
    let mut numbering = Numbering {
        func,
        replace,
        writing_loops,
        table: HashMap::with_hasher(KeyHasher::new()),
        log: Vec::new(),
        epoch: 0,
        index,
    };
    numbering.walk();
    let Numbering { func, replace, .. } = numbering;
    replace.apply(func);
}

/// What a computation is: equal keys give equal values.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
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

/// Mixes the few numbers of a key, starting from one that nobody knows: a program's author chooses its constants.
#[derive(Clone, Copy)]
struct KeyHasher(u64);

impl KeyHasher {
    fn new() -> KeyHasher {
        KeyHasher(RandomState::new().build_hasher().finish())
    }
}

impl BuildHasher for KeyHasher {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        *self
    }
}

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u8(&mut self, byte: u8) {
        self.write_u64(u64::from(byte));
    }
}

/// A region in the middle of the walk.
struct Frame {
    region: RegionId,
    insts: std::vec::IntoIter<InstId>,
    kept: Vec<InstId>,
    /// How long the log was at its start.
    log: usize,
}

enum Work {
    Enter(RegionId),
    Resume(Frame),
}

struct Numbering<'a> {
    func: &'a mut Func,
    replace: Replace,
    /// For each loop, whether something in it may write.
    writing_loops: Vec<bool>,
    table: HashMap<Key, Value, KeyHasher>,
    /// What was entered, in order.
    log: Vec<Key>,
    epoch: u32,
    /// For each value that is a checked index, the index.
    index: Vec<Value>,
}

impl Numbering<'_> {
    fn walk(&mut self) {
        let mut work = vec![Work::Enter(self.func.body())];
        while let Some(next) = work.pop() {
            let frame = match next {
                Work::Resume(frame) => frame,
                Work::Enter(region) => {
                    let insts = std::mem::take(&mut self.func.regions[region.index()].insts);
                    let kept = Vec::with_capacity(insts.len());
                    Frame { region, insts: insts.into_iter(), kept, log: self.log.len() }
                }
            };
            self.resume(frame, &mut work);
        }
    }

    /// Goes on with a region up to the next structured instruction or its end.
    fn resume(&mut self, mut frame: Frame, work: &mut Vec<Work>) {
        while let Some(id) = frame.insts.next() {
            let kind = self.func.inst(id).kind;
            if kind.is_structured() {
                frame.kept.push(id);
                // What a later part of a loop writes is written before the next iteration reads.
                self.epoch += u32::from(self.writing_loops[id.index()]);
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
                frame.kept.push(id);
            }
        }
        self.func.regions[frame.region.index()].insts = frame.kept;
        for key in self.log.drain(frame.log..) {
            self.table.remove(&key);
        }
    }

    /// Whether its value was computed before; then that is used. Else it is entered.
    fn is_repeated(&mut self, id: InstId) -> bool {
        let Some(key) = self.key(id) else { return false };
        let result = self.func.inst(id).first_result;
        if let Some(&before) = self.table.get(&key) {
            self.replace.set(result, before);
            return true;
        }
        self.table.insert(key, result);
        self.log.push(key);
        false
    }

    /// The index that was checked.
    fn index_of(&mut self, checked: Value) -> Value {
        let checked = self.replace.resolve(checked);
        self.index[checked.index()]
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
        self.table.insert(key, value);
        self.log.push(key);
    }

    fn key(&mut self, id: InstId) -> Option<Key> {
        let inst = *self.func.inst(id);
        let (kind, what) = match inst.kind {
            InstKind::ConstF64(bits) => (0, bits),
            InstKind::ConstI64(n) => (1, n as u64),
            InstKind::ConstBool(b) => (2, u64::from(b)),
            // A comparison with one use needs no register; with two it does.
            InstKind::Op(op) if op.result() == Scalar::Bool => return None,
            InstKind::Op(op) => (3, op as u64),
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
        if matches!(inst.kind, InstKind::Op(op) if commutes(op) || matches!(op, Op::IMin | Op::IMax)) {
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
fn writing_loops(func: &Func) -> Vec<bool> {
    let index = Index::new(func);
    let mut writes = vec![false; func.insts.len()];
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
