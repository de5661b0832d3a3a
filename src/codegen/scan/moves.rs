//! Moves that happen at once, in an order that does one after the other.

use super::{CLASSES, Scan, class_index};
use regalloc2::{Allocation, Edit, PReg, RegAllocError, RegClass, SpillSlot};

impl Scan<'_, '_> {
    /// Slots to slots, all at once, through the scratch register of the class; a slot of its own breaks cycles.
    pub(super) fn copy_slots(
        &mut self,
        mut copies: Vec<(Allocation, Allocation, RegClass)>,
    ) -> Result<(), RegAllocError> {
        let mut readers = crate::hash::Map::default();
        for (from, ..) in &copies {
            *readers.entry(*from).or_insert(0u32) += 1;
        }
        let mut into = crate::hash::Map::default();
        for (index, (_, to, _)) in copies.iter().enumerate() {
            into.insert(*to, index);
        }
        let mut done = vec![false; copies.len()];
        // Those whose target nobody reads any more, then those that this frees; what is left are cycles.
        let mut ready: Vec<usize> =
            (0..copies.len()).filter(|index| !readers.contains_key(&copies[*index].1)).collect();
        let mut next_cycle = 0;
        loop {
            while let Some(index) = ready.pop() {
                let (from, to, class) = copies[index];
                done[index] = true;
                self.copy_slot(from, to, class)?;
                if let Some(left) = readers.get_mut(&from) {
                    *left -= 1;
                    if *left == 0 {
                        ready.extend(into.get(&from).filter(|index| !done[**index]));
                    }
                }
            }
            let Some(index) = (next_cycle..copies.len()).find(|index| !done[*index]) else { return Ok(()) };
            next_cycle = index;
            // The target's old value is kept aside for its reader.
            let (_, to, class) = copies[index];
            self.slots += 1;
            let aside = Allocation::stack(SpillSlot::new((self.slots as usize - 1) * self.slot_size));
            self.copy_slot(to, aside, class)?;
            for (from, ..) in copies.iter_mut().filter(|(from, ..)| *from == to) {
                *from = aside;
            }
            readers.insert(aside, readers.get(&to).copied().unwrap_or(0));
            readers.insert(to, 0);
            ready.push(index);
        }
    }

    fn copy_slot(&mut self, from: Allocation, to: Allocation, class: RegClass) -> Result<(), RegAllocError> {
        let scratch = self.scratch[class_index(class)].ok_or(RegAllocError::TooManyLiveRegs)?;
        self.tables.before.push(Edit::Move { from, to: Allocation::reg(scratch) });
        self.tables.before.push(Edit::Move { from: Allocation::reg(scratch), to });
        Ok(())
    }
}

/// An order for moves that happen at once; the scratch register breaks cycles. There are no more of them than registers.
pub(super) fn in_parallel(moves: &[(PReg, PReg)], scratch: [Option<PReg>; CLASSES]) -> Vec<(PReg, PReg)> {
    let mut left = moves.to_vec();
    let mut ordered = Vec::with_capacity(left.len() + 1);
    while !left.is_empty() {
        if let Some(index) = (0..left.len()).find(|index| !left.iter().any(|(from, _)| *from == left[*index].1)) {
            ordered.push(left.swap_remove(index));
            continue;
        }
        // Every target is read: a cycle. Its first target's old value waits in the scratch register.
        let (_, to) = left[0];
        let Some(aside) = scratch[class_index(to.class())] else { return ordered };
        ordered.push((to, aside));
        for (from, _) in left.iter_mut().filter(|(from, _)| *from == to) {
            *from = aside;
        }
    }
    ordered
}
