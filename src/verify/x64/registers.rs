//! The registers that generated code may name.

use super::super::step::{Refused, Reg};
use iced_x86::Register;

/// The stack pointer.
pub(super) const RSP: u8 = 4;

/// Which registers, and how much of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    General64,
    General32,
    General8,
    Vector128,
    Vector256,
    Vector512,
    Mask,
}

/// Each class, its first register and how many follow each other from there, and the number of the first.
const CLASSES: [(Class, Register, u8, u8); 8] = [
    (Class::General64, Register::RAX, 16, 0),
    (Class::Vector128, Register::XMM0, 32, 0),
    (Class::Vector256, Register::YMM0, 32, 0),
    (Class::Vector512, Register::ZMM0, 32, 0),
    (Class::General32, Register::EAX, 16, 0),
    (Class::Mask, Register::K0, 8, 0),
    // Those between are the second bytes of registers.
    (Class::General8, Register::AL, 4, 0),
    (Class::General8, Register::SPL, 12, 4),
];

/// By register, as iced-x86 numbers them.
static REGISTERS: [Option<(Class, u8)>; 256] = {
    let mut table = [None; 256];
    let mut i = 0;
    while i < CLASSES.len() {
        let (class, first, count, number) = CLASSES[i];
        let mut at = 0;
        while at < count {
            table[first as usize + at as usize] = Some((class, number + at));
            at += 1;
        }
        i += 1;
    }
    table
};

/// A register's class and number.
pub(super) fn class(register: Register) -> Option<(Class, u8)> {
    REGISTERS.get(register as usize).copied().flatten()
}

/// A register that values can be in: not the stack pointer.
pub(super) fn any(register: Register) -> Result<Reg, Refused> {
    match class(register) {
        Some((Class::General64 | Class::General32 | Class::General8, number)) if number != RSP => Ok(Reg::Int(number)),
        Some((Class::Vector128 | Class::Vector256 | Class::Vector512, number)) => Ok(Reg::Vector(number)),
        Some((Class::Mask, number)) => Ok(Reg::Mask(number)),
        _ => Err(Refused::Form),
    }
}

/// A register of an address, of 64 bits.
pub(super) fn address(register: Register) -> Result<u8, Refused> {
    match class(register) {
        Some((Class::General64, number)) if number != RSP => Ok(number),
        _ => Err(Refused::Form),
    }
}
