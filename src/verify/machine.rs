//! The conventions of each machine, stated anew: nothing here comes from what emits code.

use super::step::Reg;
use crate::types::Type;

/// What a machine's registers are for.
#[derive(Debug)]
pub struct Machine {
    /// Integers, truth values, addresses and lengths come in these, in this order; floats in the first eight vector registers.
    pub int_args: &'static [u8],
    /// An integer result; an array's address and length.
    pub int_results: [u8; 2],
    /// General registers that a function gives back as it found them.
    pub saved: &'static [u8],
    /// Vector registers whose low 64 bits it gives back.
    pub saved_floats: std::ops::Range<u8>,
    /// The context.
    pub context: u8,
    /// Units of fuel.
    pub fuel: u8,
    /// Levels of calls left.
    pub depth: u8,
    /// The return address, where it is in a register.
    pub link: Option<u8>,
    /// Never written.
    pub never: &'static [u8],
    /// General registers that code may not leave changed, of any function: bit by bit.
    pub kept: u32,
    /// What a call leaves undefined.
    pub clobbered: &'static [u8],
    /// What the poll leaves undefined besides.
    pub scratch: &'static [u8],
    /// What [`crate::runtime::helper::Helper::Rare`] calls.
    pub rare: u8,
    /// How far the stack pointer is above a multiple of 16 at a function's entry.
    pub entry_alignment: i64,
    /// Bytes above the stack pointer at the entry that are not the caller's outgoing area: the return address.
    pub pushed: i64,
}

/// Registers, bit by bit.
pub const fn set(regs: &[u8]) -> u32 {
    let (mut set, mut at) = (0, 0);
    while at < regs.len() {
        set |= 1 << (regs[at] & 31);
        at += 1;
    }
    set
}

/// x86-64.
pub static X64: Machine = Machine {
    int_args: &[7, 6, 2, 1, 8, 9],
    int_results: [0, 2],
    saved: &[3, 5, 12],
    saved_floats: 0..0,
    context: 15,
    fuel: 13,
    depth: 14,
    link: None,
    never: &[4],
    kept: set(&[3, 4, 5, 12, 13, 14, 15]),
    clobbered: &[0, 1, 2, 6, 7, 8, 9, 10, 11],
    scratch: &[11],
    rare: 11,
    entry_alignment: 8,
    pushed: 8,
};

/// AArch64.
pub static A64: Machine = Machine {
    int_args: &[0, 1, 2, 3, 4, 5, 6, 7],
    int_results: [0, 1],
    saved: &[19, 20, 21, 22, 23, 24, 25],
    saved_floats: 8..16,
    context: 28,
    fuel: 26,
    depth: 27,
    link: Some(30),
    never: &[18, 29, 31],
    kept: set(&[18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]),
    clobbered: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 30],
    scratch: &[16, 17, 30],
    rare: 17,
    entry_alignment: 0,
    pushed: 0,
};

/// Where a parameter of one word lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a register.
    Reg(Reg),
    /// In this word of the caller's outgoing area.
    Word(i64),
}

/// Where parameters lie, one after the other.
#[derive(Debug)]
pub struct Places<'m> {
    machine: &'m Machine,
    ints: usize,
    floats: u8,
    words: i64,
}

impl<'m> Places<'m> {
    /// Of a function.
    pub fn new(machine: &'m Machine) -> Places<'m> {
        Places { machine, ints: 0, floats: 0, words: 0 }
    }

    /// Of the next word that is no float.
    pub fn int(&mut self) -> Place {
        match self.machine.int_args.get(self.ints) {
            Some(&reg) => {
                self.ints += 1;
                Place::Reg(Reg::Int(reg))
            }
            None => self.word(),
        }
    }

    /// Of the next float.
    pub fn float(&mut self) -> Place {
        if self.floats < 8 {
            self.floats += 1;
            return Place::Reg(Reg::Vector(self.floats - 1));
        }
        self.word()
    }

    fn word(&mut self) -> Place {
        self.words += 1;
        Place::Word(self.words - 1)
    }

    /// Words of the caller's outgoing area that such parameters take.
    pub fn words_of<'t>(machine: &'m Machine, types: impl Iterator<Item = &'t Type>) -> i64 {
        let mut places = Places::new(machine);
        for ty in types {
            match ty {
                Type::F64 => {
                    places.float();
                }
                Type::Array(_) => {
                    places.int();
                    places.int();
                }
                _ => {
                    places.int();
                }
            }
        }
        places.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_is_saved_reserved_or_never_written() {
        for machine in [&X64, &A64] {
            let special = [machine.context, machine.fuel, machine.depth];
            let link = machine.link.map_or(0, |link| set(&[link]));
            assert_eq!(machine.kept, set(machine.saved) | set(machine.never) | set(&special) | link);
        }
    }
}
