//! A function's instructions, decoded once, and the blocks between its branches in an order in which whatever leads to a block but loops comes before it.

use super::Reason;
use super::step::{Decode, Reg, Step};
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
    leaders: Vec<bool>,
    targets: Vec<u32>,
    work: Vec<(u32, u8)>,
}

/// A block that control never comes to.
pub const NEVER: u32 = u32::MAX;

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
        self.steps.clear();
        self.blocks.clear();
        self.order.clear();
        self.rank.clear();
        self.leaders.clear();
        self.targets.clear();
        let mut at = start;
        while at < end {
            let decoded = decoder.decode(code, at).map_err(|refused| (at, Reason::Refused(refused)))?;
            self.insts.push(Inst { offset: at, first: self.steps.len() as u32 });
            self.steps.extend(decoded.steps());
            let next = at.checked_add(decoded.len).filter(|next| *next > at && *next <= end);
            at = next.ok_or((at, Reason::Straddles))?;
        }
        self.insts.push(Inst { offset: end, first: self.steps.len() as u32 });
        self.split(pool)?;
        self.sort();
        Ok(())
    }

    /// The steps of an instruction.
    pub fn steps_of(&self, inst: u32) -> &[Step] {
        let at = |inst: u32| self.insts.get(inst as usize).map_or(self.steps.len(), |inst| inst.first as usize);
        self.steps.get(at(inst)..at(inst + 1)).unwrap_or_default()
    }

    /// The first byte of an instruction.
    pub fn offset(&self, inst: u32) -> u32 {
        self.insts.get(inst as usize).map_or(0, |inst| inst.offset)
    }

    fn count(&self) -> u32 {
        self.insts.len() as u32 - 1
    }

    fn split(&mut self, pool: &[PoolEntry]) -> Result<(), (u32, Reason)> {
        let count = self.count();
        self.leaders.resize(count as usize + 1, false);
        // How each instruction ends: whether control comes to the next, and where else.
        let mut ends: Vec<(u32, Option<u32>, bool)> = Vec::new();
        let mut named = None;
        for inst in 0..count {
            let mut end = None;
            let mut name = None;
            for step in self.steps_of(inst) {
                if end.is_some() {
                    return Err((self.offset(inst), Reason::Shape));
                }
                end = match *step {
                    Step::Branch { target, .. } | Step::BranchZero { target, .. } => Some((Some(target), true)),
                    Step::Jump { target } => Some((Some(target), false)),
                    Step::Return | Step::Stop => Some((None, false)),
                    Step::CallPool { offset } if is_trap(pool, offset) => Some((None, false)),
                    Step::CallReg { reg } if named.is_some_and(|(to, at)| to == reg && is_trap(pool, at)) => {
                        Some((None, false))
                    }
                    Step::LoadPool { to: Some(Reg::Int(to)), offset, .. } => {
                        name = Some((to, offset));
                        None
                    }
                    _ => None,
                };
            }
            named = name;
            if let Some((target, falls)) = end {
                self.leaders[inst as usize + 1] = true;
                ends.push((inst, target, falls));
                self.targets.extend(target);
            }
        }
        if count == 0 {
            return Ok(());
        }
        self.leaders[0] = true;
        for target in std::mem::take(&mut self.targets) {
            match self.insts.binary_search_by_key(&target, |inst| inst.offset) {
                Ok(inst) if (inst as u32) < count => self.leaders[inst] = true,
                _ => return Err((target, Reason::Target)),
            }
        }
        let mut ends = ends.into_iter().peekable();
        let mut first = 0;
        for inst in 0..count {
            if !self.leaders[inst as usize + 1] && inst + 1 < count {
                continue;
            }
            let end = ends.next_if(|end| end.0 == inst);
            let (target, falls_through) = end.map_or((None, true), |(_, target, falls)| (target, falls));
            self.blocks.push(Block { first, end: inst + 1, target, falls_through });
            first = inst + 1;
        }
        for at in 0..self.blocks.len() {
            let Some(target) = self.blocks[at].target else { continue };
            let found = self.blocks.binary_search_by_key(&target, |block| self.insts[block.first as usize].offset);
            self.blocks[at].target = Some(found.map_err(|_| (target, Reason::Target))? as u32);
        }
        if self.blocks.last().is_some_and(|last| last.falls_through) {
            return Err((self.offset(count), Reason::FallsOff));
        }
        Ok(())
    }

    /// Reverse post-order: what a branch goes to comes right behind it where nothing else leads there.
    fn sort(&mut self) {
        self.rank.resize(self.blocks.len(), NEVER);
        if self.blocks.is_empty() {
            return;
        }
        let mut seen = vec![false; self.blocks.len()];
        seen[0] = true;
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
                && let Some(seen @ false) = seen.get_mut(next as usize)
            {
                *seen = true;
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
