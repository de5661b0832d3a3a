//! Loops come to an end: each takes fuel, of which there is only so much, or counts towards a number that stays; and calls go round only where they may.

use super::check::Checker;
use super::graph::{Block, NEVER};
use super::join::{Head, Location};
use super::state::{Known, Limit, State};
use super::step::{Reg, Step};
use super::values::{Def, Id, UNKNOWN};
use super::{Loops, Reason};

/// How a value comes to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Up to one that stays.
    Up,
    /// Down to one that stays.
    Down,
    /// Down to zero.
    ToZero,
}

impl Count {
    const ALL: [Count; 3] = [Count::Up, Count::Down, Count::ToZero];
}

impl Checker<'_> {
    /// Groups of blocks that control can go round in without taking fuel, if loops of this function must take some.
    pub(super) fn find_meters(&mut self) {
        self.rounds.clear();
        if self.contract.loops == Loops::Free || self.heads.iter().all(Option::is_none) {
            return;
        }
        let (fuel, is_pure) = (self.machine.fuel, self.func.code.is_pure);
        let takes = |step: &Step| matches!(step, Step::Sub { to, .. } if *to == fuel);
        if is_pure || !self.graph.steps.iter().any(takes) {
            // All ways back close a round.
            self.rounds.resize(self.graph.blocks.len(), 0);
            return;
        }
        let takes = |block: &Block| self.graph.steps_in(block).iter().any(takes);
        let takes: Vec<bool> = self.graph.blocks.iter().map(takes).collect();
        self.rounds = rounds(&self.graph.blocks, &takes);
    }

    /// A way back to a loop's head: whatever goes round and round takes fuel each time, or counts.
    pub(super) fn comes_to_an_end(&self, head: &mut Head, from: u32, to: u32, state: &State) -> Result<(), Reason> {
        let round = |block: u32| self.rounds.get(block as usize).copied().unwrap_or(NEVER);
        // Each cycle has a way back within its group.
        if self.is_in_vain() || round(from) == NEVER || round(from) != round(to) {
            return Ok(());
        }
        match self.contract.loops {
            Loops::Rows(_) if self.may_count() && self.counts_on(head, state) => Ok(()),
            Loops::Free => Ok(()),
            _ => Err(Reason::Endless),
        }
    }

    /// Whether loops of this function may count instead of taking fuel.
    pub(super) fn may_count(&self) -> bool {
        matches!(self.contract.loops, Loops::Rows(first) if self.func.code.func >= first)
    }

    /// Whether a number at a loop's head is taken to be no greater than at first, until it is found to be: only where that may help a loop around it to count down.
    pub(super) fn may_fall(&self, head: &Head, first: &State, id: Id) -> bool {
        let is_number = self.values.number(id).is_none() && !self.values.is_address(id);
        head.is_counted && id != UNKNOWN && is_number && (Known { values: self.values, state: first }).least(id) >= 0
    }

    /// Whether something is greater than when control was here last, and still no greater than what was there before the loop; or less likewise. It must be the same
    /// on all ways back, since what one way counts another one may begin again.
    fn counts_on(&self, head: &mut Head, state: &State) -> bool {
        let all = || {
            let is_int = |location: &Location| matches!(location, Location::Reg(Reg::Int(_)) | Location::Slot(_));
            let locations = head.fresh.iter().map(|fresh| fresh.location).filter(is_int);
            locations.flat_map(|location| Count::ALL.map(|count| (location, count))).collect()
        };
        let mut counted = head.counted.take().unwrap_or_else(all);
        counted.retain(|(location, count)| self.counts(head, state, *location, *count));
        let is_any = !counted.is_empty();
        head.counted = Some(counted);
        is_any
    }

    fn counts(&self, head: &Head, state: &State, location: Location, count: Count) -> bool {
        let (before, now) = (head.inside.at(location), state.at(location));
        if before == UNKNOWN || now == UNKNOWN {
            return false;
        }
        if count == Count::ToZero {
            // Whatever it began with: once below that of before, it does not wrap around any more. Loops inside may have taken more of it.
            let known = Known { values: self.values, state };
            let is_less = |id: Id| matches!(self.values.def(id), Def::Sum(of, ..=-1) if of == before);
            let is_below = |limit: &Limit| is_less(limit.than) && known.le(now, limit.than, 0);
            let is_less = || is_less(now) || known.le(now, before, -1) || state.limits.iter().any(is_below);
            return known.least(now) >= 0 && is_less();
        }
        let ((root, off), (now, by)) = (self.values.root(before), self.values.root(now));
        let Some(step) = by.checked_sub(off).filter(|_| root == now) else { return false };
        // Values from before the loop stay as they are while it runs.
        let stays = |id: Id| id < head.values.start;
        state.limits.iter().any(|limit| match count {
            Count::Up => step > 0 && limit.less == root && stays(limit.than),
            _ => step < 0 && limit.than == root && stays(limit.less),
        })
    }

    /// Whether a function comes to call itself.
    pub(super) fn calls_go_round(&mut self) -> bool {
        if self.calls.is_empty() {
            return false;
        }
        let count = self.contract.funcs.len();
        let mut callers = vec![0_u32; count];
        self.calls.sort_unstable();
        self.calls.dedup();
        for (_, callee) in &self.calls {
            callers[*callee as usize] += 1;
        }
        // Those that nobody calls, then those that only they call, and so on.
        let mut ready: Vec<u32> = (0..count as u32).filter(|func| callers[*func as usize] == 0).collect();
        let mut done = 0;
        while let Some(func) = ready.pop() {
            done += 1;
            let from = self.calls.partition_point(|call| call.0 < func);
            for (_, callee) in self.calls[from..].iter().take_while(|call| call.0 == func) {
                callers[*callee as usize] -= 1;
                if callers[*callee as usize] == 0 {
                    ready.push(*callee);
                }
            }
        }
        done < count
    }
}

/// By block, which group it is in of those from each of which all others can be reached (Tarjan), by blocks that do not take fuel; `NEVER` for those that do.
fn rounds(blocks: &[Block], takes: &[bool]) -> Vec<u32> {
    let count = blocks.len();
    let (mut found, mut low) = (vec![NEVER; count], vec![NEVER; count]);
    let mut groups = vec![NEVER; count];
    let (mut open, mut work) = (Vec::new(), Vec::new());
    let mut next = 0;
    let free = |block: u32| takes.get(block as usize) == Some(&false);
    for start in (0..count as u32).filter(|block| free(*block)) {
        if found[start as usize] != NEVER {
            continue;
        }
        work.push((start, 0_u8));
        while let Some((block, way)) = work.last_mut() {
            let at = *block as usize;
            if *way == 0 {
                (found[at], low[at]) = (next, next);
                next += 1;
                open.push(at);
            }
            let to = match *way {
                0 => blocks[at].falls_through.then_some(at as u32 + 1),
                1 => blocks[at].target,
                _ => {
                    work.pop();
                    if low[at] == found[at] {
                        while let Some(inner) = open.pop() {
                            groups[inner] = at as u32;
                            if inner == at {
                                break;
                            }
                        }
                    }
                    if let Some((before, _)) = work.last() {
                        low[*before as usize] = low[*before as usize].min(low[at]);
                    }
                    continue;
                }
            };
            *way += 1;
            let Some(to) = to.filter(|to| free(*to)) else { continue };
            if found[to as usize] == NEVER {
                work.push((to, 0));
            } else if groups[to as usize] == NEVER {
                low[at] = low[at].min(found[to as usize]);
            }
        }
    }
    groups
}
