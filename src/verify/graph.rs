//! A function's instructions, decoded once, and the blocks between its branches in an order in which whatever leads to a block but loops comes before it.

use super::Reason;
use super::step::{Decode, Decoded, Reg, Step};
use crate::codegen::blob::PoolEntry;
use crate::runtime::helper::Helper;

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub struct Inst {
    /// Its first byte.
    pub offset: u32,
    /// Its first step; those up to the next one's first are its.
    pub first: u32,
}

/// Instructions with one way in, at the first, and one way out, behind the last.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Its first instruction.
    pub first: u32,
    /// One past its last.
    pub end: u32,
    /// The block that a branch at its end goes to.
    pub target: Option<u32>,
    /// Whether control also comes to the next block.
    pub falls_through: bool,
    /// Whether it is nothing but a call through the pool that control does not come back from: a trap.
    pub is_trap: bool,
}

/// A function's code.
#[derive(Debug, Default)]
pub struct Graph {
    /// Its instructions, and one past the last.
    pub insts: Vec<Inst>,
    /// What they do.
    pub steps: Vec<Step>,
    /// Its blocks, by their place.
    pub blocks: Vec<Block>,
    /// Blocks in the order in which they are looked at.
    pub order: Vec<u32>,
    /// The place of each block in that order; `u32::MAX` where control never comes.
    pub rank: Vec<u32>,
    /// Of each instruction: whether a block begins with it.
    leads: Vec<bool>,
    ends: Vec<End>,
    work: Vec<(u32, u8)>,
}

/// An instruction that control does not simply go on behind.
#[derive(Clone, Copy, Debug)]
struct End {
    inst: u32,
    /// Where else it goes to: an offset, then an instruction.
    target: Option<u32>,
    falls_through: bool,
}

/// A block that control never comes to.
pub const NEVER: u32 = u32::MAX;

/// A block that it comes to, but which has no place yet.
const SEEN: u32 = u32::MAX - 1;

impl Graph {
    /// Decodes a function.
    ///
    /// # Errors
    /// Where it is and why.
    pub fn read(
        &mut self,
        decoder: &dyn Decode,
        code: &[u8],
        start: u32,
        end: u32,
        pool: &[PoolEntry],
    ) -> Result<(), (u32, Reason)> {
        self.insts.clear();
        self.blocks.clear();
        self.order.clear();
        self.rank.clear();
        self.ends.clear();
        let mut decoded = Decoded::reusing(std::mem::take(&mut self.steps));
        let result = self.decode(decoder, code, start, end, pool, &mut decoded);
        self.steps = decoded.into_steps();
        result?;
        self.insts.push(Inst { offset: end, first: self.steps.len() as u32 });
        self.split()?;
        self.sort();
        Ok(())
    }

    fn decode(
        &mut self,
        decoder: &dyn Decode,
        code: &[u8],
        start: u32,
        end: u32,
        pool: &[PoolEntry],
        decoded: &mut Decoded,
    ) -> Result<(), (u32, Reason)> {
        let mut at = start;
        // What the instruction before left in a register, of the pool.
        let mut named = None;
        while at < end {
            let refused = decoder.decode_into(code, at, decoded);
            refused.map_err(|refused| (at, Reason::Refused(refused)))?;
            let inst = self.insts.len() as u32;
            self.insts.push(Inst { offset: at, first: decoded.before() as u32 });
            let before = named.take();
            if decoded.has_way() {
                named = self.end(inst, decoded.as_slice(), before, pool).map_err(|reason| (at, reason))?;
            }
            decoded.keep();
            let next = at.checked_add(decoded.len).filter(|next| *next > at && *next <= end);
            at = next.ok_or((at, Reason::Straddles))?;
        }
        Ok(())
    }

    /// Notes where control goes behind an instruction, if not simply on. Gives the word of the pool that it loads to a register; `named` is that of the one before.
    fn end(
        &mut self,
        inst: u32,
        steps: &[Step],
        named: Option<(u8, i64)>,
        pool: &[PoolEntry],
    ) -> Result<Option<(u8, i64)>, Reason> {
        let mut name = None;
        let mut is_end = false;
        for step in steps {
            if is_end {
                return Err(Reason::Shape);
            }
            let (target, falls_through) = match *step {
                Step::Branch { target, .. } | Step::BranchZero { target, .. } => (Some(target), true),
                Step::Jump { target } => (Some(target), false),
                Step::Return | Step::Stop => (None, false),
                Step::CallPool { offset } if is_trap(pool, offset) => (None, false),
                Step::CallReg { reg } if named.is_some_and(|(to, at)| to == reg && is_trap(pool, at)) => (None, false),
                Step::LoadPool { to: Some(Reg::Int(to)), offset, .. } => {
                    name = Some((to, offset));
                    continue;
                }
                _ => continue,
            };
            is_end = true;
            self.ends.push(End { inst, target, falls_through });
        }
        Ok(name)
    }

    /// Instructions or steps that there is memory for.
    pub fn room(&self) -> usize {
        self.insts.capacity().max(self.steps.capacity())
    }

    /// The steps of an instruction.
    pub fn steps_of(&self, inst: u32) -> &[Step] {
        let at = |inst: u32| self.insts.get(inst as usize).map_or(self.steps.len(), |inst| inst.first as usize);
        self.steps.get(at(inst)..at(inst + 1)).unwrap_or_default()
    }

    /// The steps of a block.
    pub fn steps_in(&self, block: &Block) -> &[Step] {
        let at = |inst: u32| self.insts.get(inst as usize).map_or(self.steps.len(), |inst| inst.first as usize);
        self.steps.get(at(block.first)..at(block.end)).unwrap_or_default()
    }

    /// The first byte of an instruction.
    pub fn offset(&self, inst: u32) -> u32 {
        self.insts.get(inst as usize).map_or(0, |inst| inst.offset)
    }

    fn count(&self) -> u32 {
        self.insts.len() as u32 - 1
    }

    fn split(&mut self) -> Result<(), (u32, Reason)> {
        let count = self.count();
        if count == 0 {
            return Ok(());
        }
        if let [End { inst, target: None, falls_through: false }] = self.ends[..]
            && inst + 1 == count
        {
            self.blocks.push(Block { first: 0, end: count, target: None, falls_through: false, is_trap: false });
            return Ok(());
        }
        // The first instruction of each block: behind the last one of another, or where a branch goes.
        self.leads.clear();
        self.leads.resize(count as usize + 1, false);
        self.leads[0] = true;
        for end in &mut self.ends {
            self.leads[end.inst as usize + 1] = true;
            let Some(target) = end.target else { continue };
            match self.insts.binary_search_by_key(&target, |inst| inst.offset) {
                Ok(inst) if (inst as u32) < count => {
                    self.leads[inst] = true;
                    end.target = Some(inst as u32);
                }
                _ => return Err((target, Reason::Target)),
            }
        }
        self.leads[count as usize] = true;
        let (mut first, mut ends) = (0, self.ends.iter().peekable());
        for (behind, _) in self.leads.iter().enumerate().skip(1).filter(|(_, leads)| **leads) {
            let end = ends.next_if(|end| end.inst as usize + 1 == behind);
            let (target, falls_through) = end.map_or((None, true), |end| (end.target, end.falls_through));
            let behind = behind as u32;
            let is_trap = first + 1 == behind
                && target.is_none()
                && !falls_through
                && matches!(self.steps_of(first), [Step::CallPool { .. }]);
            self.blocks.push(Block { first, end: behind, target, falls_through, is_trap });
            first = behind;
        }
        for at in 0..self.blocks.len() {
            let Some(target) = self.blocks[at].target else { continue };
            let found = self.blocks.binary_search_by_key(&target, |block| block.first);
            self.blocks[at].target = Some(found.map_err(|_| (self.offset(target), Reason::Target))? as u32);
        }
        if self.blocks.last().is_some_and(|last| last.falls_through) {
            return Err((self.offset(count), Reason::FallsOff));
        }
        Ok(())
    }

    /// Reverse post-order: what a branch goes to comes right behind it where nothing else leads there.
    fn sort(&mut self) {
        self.rank.resize(self.blocks.len(), NEVER);
        if self.blocks.len() < 2 {
            self.order.extend(self.blocks.first().map(|_| 0));
            self.rank.iter_mut().for_each(|rank| *rank = 0);
            return;
        }
        self.rank[0] = SEEN;
        self.work.clear();
        self.work.push((0, 0));
        while let Some((block, step)) = self.work.last_mut() {
            let at = *block as usize;
            let Block { target, falls_through, .. } = self.blocks[at];
            let next = match step {
                0 => falls_through.then_some(at as u32 + 1),
                1 => target,
                _ => {
                    self.order.push(at as u32);
                    self.work.pop();
                    continue;
                }
            };
            *step += 1;
            if let Some(next) = next
                && let Some(rank @ &mut NEVER) = self.rank.get_mut(next as usize)
            {
                *rank = SEEN;
                self.work.push((next, 0));
            }
        }
        self.order.reverse();
        for (rank, block) in self.order.iter().enumerate() {
            self.rank[*block as usize] = rank as u32;
        }
    }
}

fn is_trap(pool: &[PoolEntry], offset: i64) -> bool {
    let entry =
        usize::try_from(offset).ok().filter(|offset| offset.is_multiple_of(8)).and_then(|offset| pool.get(offset / 8));
    entry == Some(&PoolEntry::Helper(Helper::Trap))
}
