//! Runs IR as it stands, for the tests of what makes and changes it. Memory is words; calls of helpers are modelled.
//!
//! A value is as many words as it has lanes.

use super::arrays::{self, Meter};
use super::eval::{canonical, eval, eval_math, table_element};
use super::func::{Func, InstId, InstKind, RegionId, Value};
use super::op::{ArrayOp, Math};
use crate::span::Span;
use crate::trap::TrapKind;
use crate::types::Elem;
use crate::value::Slice;

/// A trap: kind, span, and the numbers of an `OutOfBounds`.
pub(crate) type Stop = (TrapKind, Span, Option<(i64, i64)>);

/// Where control goes on behind a region.
enum Next {
    Exit(InstId, Vec<u64>),
    Repeat(InstId, Vec<u64>),
    Return(Vec<u64>),
}

/// The words of a function's values.
struct Frame {
    words: Vec<u64>,
    /// Where each value's words begin, and where the last one's end.
    starts: Vec<usize>,
}

impl Frame {
    fn new(func: &Func) -> Frame {
        let mut starts = vec![0];
        starts.extend(func.values.iter().scan(0, |end, ty| {
            *end += usize::from(ty.lanes);
            Some(*end)
        }));
        Frame { words: vec![0xBAD; starts[func.values.len()]], starts }
    }

    fn get(&self, value: Value) -> &[u64] {
        &self.words[self.starts[value.index()]..self.starts[value.index() + 1]]
    }

    /// The words of several values, one after the other.
    fn set(&mut self, to: impl Iterator<Item = Value>, words: &[u64]) {
        let mut rest = words;
        for value in to {
            let range = self.starts[value.index()]..self.starts[value.index() + 1];
            let (now, later) = rest.split_at(range.len());
            self.words[range].copy_from_slice(now);
            rest = later;
        }
        assert!(rest.is_empty(), "as many words as their places");
    }
}

/// A run of a program's functions.
pub(crate) struct Machine<'a> {
    pub(crate) funcs: &'a [Func],
    pub(crate) fuel: u64,
    pub(crate) depth: u64,
    /// Words; an address is an index, and each array is followed by a gap.
    pub(crate) memory: Vec<u64>,
    /// What the host functions were called with.
    pub(crate) host_calls: Vec<(u32, Vec<u64>)>,
    /// The most words in use at once.
    pub(crate) peak: usize,
}

struct Fuel<'m>(&'m mut u64);

impl Meter for Fuel<'_> {
    fn grant(&mut self, pieces: u64) -> Result<u64, TrapKind> {
        let granted = pieces.min(*self.0);
        *self.0 -= granted;
        if granted == 0 { Err(TrapKind::OutOfFuel) } else { Ok(granted) }
    }
}

impl<'a> Machine<'a> {
    pub(crate) fn new(funcs: &'a [Func]) -> Machine<'a> {
        Machine { funcs, fuel: 1 << 40, depth: 300, memory: Vec::new(), host_calls: Vec::new(), peak: 0 }
    }

    /// Makes an array of these words; its address.
    pub(crate) fn array(&mut self, words: &[u64]) -> u64 {
        let address = self.memory.len() as u64;
        self.memory.extend_from_slice(words);
        self.memory.push(0xDEAD);
        self.peak = self.peak.max(self.memory.len());
        address
    }

    pub(crate) fn call(&mut self, func: usize, args: &[u64]) -> Result<Vec<u64>, Stop> {
        let func = &self.funcs[func];
        let mut values = Frame::new(func);
        values.set(func.params.iter().copied(), args);
        match self.region(func, &mut values, func.body())? {
            Next::Return(results) => Ok(results),
            Next::Exit(..) | Next::Repeat(..) => panic!("{} leaves its body", func.name),
        }
    }

    fn region(&mut self, func: &Func, values: &mut Frame, region: RegionId) -> Result<Next, Stop> {
        for &id in &func.regions[region.index()].insts {
            let inst = func.inst(id);
            let args: Vec<u64> = func.args(id).iter().flat_map(|&arg| values.get(arg)).copied().collect();
            match inst.kind {
                InstKind::Exit(target) => return Ok(Next::Exit(target, args)),
                InstKind::Repeat(target) => return Ok(Next::Repeat(target, args)),
                InstKind::Return => return Ok(Next::Return(args)),
                InstKind::Trap(kind) => return Err((kind, inst.span, None)),
                InstKind::Unreachable => panic!("unreachable code of {} was reached", func.name),
                kind if kind.is_structured() => match self.structured(func, values, id, args)? {
                    Next::Exit(target, args) if target == id => values.set(func.results(id), &args),
                    next => return Ok(next),
                },
                _ => {
                    let lanes = func.results(id).chain(func.args(id).iter().copied()).map(|value| func.ty(value).lanes);
                    let results = match lanes.max() {
                        Some(lanes @ 2..) => self.lanes(func, id, &args, lanes.into()),
                        _ => self.simple(func, id, &args)?,
                    };
                    values.set(func.results(id), &results);
                }
            }
        }
        panic!("a region of {} has no end", func.name)
    }

    fn structured(&mut self, func: &Func, values: &mut Frame, id: InstId, args: Vec<u64>) -> Result<Next, Stop> {
        match func.inst(id).kind {
            InstKind::If(yes, no) => self.region(func, values, if args[0] != 0 { yes } else { no }),
            InstKind::Loop(region) => {
                let mut carried = args;
                loop {
                    values.set(func.regions[region.index()].params.iter().copied(), &carried);
                    match self.region(func, values, region)? {
                        Next::Repeat(target, args) if target == id => carried = args,
                        next => return Ok(next),
                    }
                }
            }
            InstKind::Block(region) => self.region(func, values, region),
            _ => unreachable!("not structured"),
        }
    }

    fn simple(&mut self, func: &Func, id: InstId, args: &[u64]) -> Result<Vec<u64>, Stop> {
        let span = func.inst(id).span;
        let trap = |kind| (kind, span, None);
        Ok(match func.inst(id).kind {
            InstKind::ConstF64(bits) => vec![bits],
            InstKind::ConstI64(n) => vec![n as u64],
            InstKind::ConstBool(b) => vec![u64::from(b)],
            InstKind::Op(op) => vec![eval(op, args).map_err(trap)?],
            InstKind::Math(math) => vec![math_word(math, args)],
            InstKind::TableLoad(table) => vec![table_element(table, args[0] as i64).to_bits()],
            InstKind::Select => vec![if args[0] != 0 { args[1] } else { args[2] }],
            InstKind::MathLanes(math) => vec![if args[0] != 0 { math_word(math, &args[2..]) } else { args[1] }],
            InstKind::BoundsCheck => {
                let (index, len) = (args[0] as i64, args[1] as i64);
                if !(0..len).contains(&index) {
                    return Err((TrapKind::OutOfBounds, span, Some((index, len))));
                }
                vec![args[0]]
            }
            InstKind::AssumeInBounds => {
                let (index, len) = (args[0] as i64, args[1] as i64);
                assert!((0..len).contains(&index), "{index} was taken to be below {len}");
                vec![args[0]]
            }
            InstKind::SliceCheck => {
                let (lo, hi, len) = (args[0] as i64, args[1] as i64, args[2] as i64);
                if !(0..=len).contains(&lo) {
                    return Err((TrapKind::OutOfBounds, span, Some((lo, len))));
                }
                if !(lo..=len).contains(&hi) {
                    return Err((TrapKind::OutOfBounds, span, Some((hi, len))));
                }
                vec![(hi - lo) as u64]
            }
            InstKind::ElemAddr(_) => vec![args[0] + args[1]],
            InstKind::Load(_) => vec![self.memory[(args[0] + args[1]) as usize]],
            InstKind::Store(elem) => {
                let word = stored(elem, args[2]);
                assert_eq!(word, canonical_word(elem, word), "a NaN is stored that is not canonical");
                self.memory[(args[0] + args[1]) as usize] = word;
                vec![]
            }
            InstKind::Alloc(_) => {
                assert!(args[0] as i64 >= 0, "an array of negative length");
                if args[0] > 1 << 20 {
                    return Err(trap(TrapKind::OutOfMemory));
                }
                vec![self.array(&vec![0xBAD; args[0] as usize])]
            }
            InstKind::ArrayOp(op, elem) => self.array_op(op, elem, args).map_err(trap)?,
            InstKind::ArenaMark => vec![self.memory.len() as u64],
            InstKind::ArenaRelease => {
                self.memory.truncate(args[0] as usize);
                vec![]
            }
            InstKind::MeterLoop => {
                self.fuel = self.fuel.checked_sub(1).ok_or(trap(TrapKind::OutOfFuel))?;
                vec![]
            }
            InstKind::EnterCall(levels) => {
                self.fuel = self.fuel.checked_sub(1).ok_or(trap(TrapKind::OutOfFuel))?;
                self.depth = self.depth.checked_sub(u64::from(levels)).ok_or(trap(TrapKind::StackOverflow))?;
                vec![]
            }
            InstKind::EnterInlined(levels) => {
                self.fuel = self.fuel.checked_sub(1).ok_or(trap(TrapKind::OutOfFuel))?;
                if self.depth < u64::from(levels) {
                    return Err(trap(TrapKind::StackOverflow));
                }
                vec![]
            }
            InstKind::LeaveCall(levels) => {
                self.depth += u64::from(levels);
                vec![]
            }
            InstKind::Call(callee) => self.call(callee.0 as usize, args)?,
            InstKind::HostCall(host) => {
                self.host_calls.push((host.0, args.to_vec()));
                vec![7.5_f64.to_bits(); func.inst(id).results as usize]
            }
            _ => unreachable!("not simple"),
        })
    }

    /// An instruction on values of several lanes.
    fn lanes(&mut self, func: &Func, id: InstId, args: &[u64], lanes: usize) -> Vec<u64> {
        let inst = func.inst(id);
        // The words of one lane, for what works on each by itself.
        let of_lane = |lane: usize| args.chunks(lanes).map(|words| words[lane]).collect::<Vec<u64>>();
        let each = |f: &dyn Fn(Vec<u64>) -> u64| (0..lanes).map(|lane| f(of_lane(lane))).collect();
        let address = |lane: usize, index: u64| args[0].wrapping_add(index).wrapping_add(lane as u64) as usize;
        match inst.kind {
            InstKind::ConstF64(bits) => vec![bits; lanes],
            InstKind::ConstI64(n) => vec![n as u64; lanes],
            InstKind::ConstBool(b) => vec![u64::from(b); lanes],
            InstKind::Op(op) => each(&|args| eval(op, &args).expect("no operation of several lanes traps")),
            InstKind::Math(math) => each(&|args| math_word(math, &args)),
            InstKind::TableLoad(table) => each(&|args| table_element(table, args[0] as i64).to_bits()),
            InstKind::Select => each(&|args| if args[0] != 0 { args[1] } else { args[2] }),
            InstKind::MathLanes(math) => each(&|args| if args[0] != 0 { math_word(math, &args[2..]) } else { args[1] }),
            InstKind::TruncateLanes => each(&|args| f64::from_bits(args[0]) as i64 as u64),
            InstKind::Splat => vec![args[0]; lanes],
            InstKind::LaneIndex => (0..lanes as u64).collect(),
            InstKind::AnyLane => vec![u64::from(args.iter().any(|&word| word != 0))],
            InstKind::VectorLoad(_) => (0..lanes).map(|lane| self.memory[address(lane, args[1])]).collect(),
            InstKind::VectorStore(elem) => {
                for (lane, &word) in args[2..].iter().enumerate() {
                    assert_eq!(word, canonical_word(elem, word), "a NaN is stored that is not canonical");
                    self.memory[address(lane, args[1])] = stored(elem, word);
                }
                vec![]
            }
            InstKind::Gather(_) => {
                let (indices, mask) = args[1..].split_at(lanes);
                let element = |(&index, &set)| if set != 0 { self.memory[address(0, index)] } else { 0 };
                indices.iter().zip(mask).map(element).collect()
            }
            kind => unreachable!("{kind:?} of several lanes"),
        }
    }

    fn array_op(&mut self, op: ArrayOp, elem: Elem, args: &[u64]) -> Result<Vec<u64>, TrapKind> {
        let range = |at: usize| args[at] as usize..(args[at] + args[at + 1]) as usize;
        if op == ArrayOp::Copy {
            let from = self.memory[range(2)].to_vec();
            let to = &mut self.memory[range(0)];
            if to.len() != from.len() {
                return Err(TrapKind::BadArgument);
            }
            return pay(&mut self.fuel, from.len(), |range| to[range.clone()].copy_from_slice(&from[range]));
        }
        if op == ArrayOp::Fill {
            let to = &mut self.memory[range(0)];
            return pay(&mut self.fuel, to.len(), |range| to[range].fill(stored(elem, args[2])));
        }
        let typed: Vec<Typed> = (0..args.len() / 2).map(|i| Typed::of(elem, &self.memory[range(2 * i)])).collect();
        let second = typed.get(1).map(Typed::slice);
        arrays::reduce(op, typed[0].slice(), second, &mut Fuel(&mut self.fuel)).map(|word| vec![word])
    }
}

fn math_word(math: Math, args: &[u64]) -> u64 {
    let args: Vec<f64> = args.iter().map(|&arg| f64::from_bits(arg)).collect();
    eval_math(math, &args).to_bits()
}

/// The word with the one NaN, if it is a float.
fn canonical_word(elem: Elem, word: u64) -> u64 {
    match elem {
        Elem::F64 | Elem::F32 => canonical(f64::from_bits(word)).to_bits(),
        _ => word,
    }
}

/// What an element is after a store.
fn stored(elem: Elem, word: u64) -> u64 {
    match elem {
        Elem::F32 => f64::from(f64::from_bits(word) as f32).to_bits(),
        _ => word,
    }
}

/// Does the elements that there is fuel for.
fn pay(fuel: &mut u64, len: usize, each: impl FnOnce(std::ops::Range<usize>)) -> Result<Vec<u64>, TrapKind> {
    let pieces = len.div_ceil(arrays::PIECE) as u64;
    let granted = pieces.min(*fuel);
    *fuel -= granted;
    each(0..len.min(granted as usize * arrays::PIECE));
    if granted < pieces { Err(TrapKind::OutOfFuel) } else { Ok(vec![]) }
}

/// An array's elements as the whole-array operations want them.
enum Typed {
    Floats(Vec<f64>),
    Ints(Vec<i64>),
    Bools(Vec<bool>),
}

impl Typed {
    fn of(elem: Elem, words: &[u64]) -> Typed {
        match elem {
            Elem::F64 | Elem::F32 => Typed::Floats(words.iter().map(|&word| f64::from_bits(word)).collect()),
            Elem::I64 | Elem::I32 | Elem::U8 => Typed::Ints(words.iter().map(|&word| word as i64).collect()),
            Elem::Bool => Typed::Bools(words.iter().map(|&word| word != 0).collect()),
        }
    }

    fn slice(&self) -> Slice<'_> {
        match self {
            Typed::Floats(xs) => Slice::F64(xs),
            Typed::Ints(xs) => Slice::I64(xs),
            Typed::Bools(xs) => Slice::Bool(xs),
        }
    }
}
