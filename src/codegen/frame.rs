//! The stack frame: fixed size, no frame pointer.
//!
//! | from the stack pointer up | |
//! | --- | --- |
//! | outgoing area | arguments of calls past the registers, arguments of buffered helpers |
//! | spill slots | 8 bytes each, or whole vectors |
//! | saved registers | those callee-saved ones that the function uses |
//! | padding | so that the stack pointer is 16-byte aligned |
//! | return address | AArch64: the frame's highest word; x86-64: just above the frame, pushed by the call |
//! | the caller's outgoing area | parameters past the registers |
//!
//! The prologue may stand at the head of another block than the entry: see [`super::shrink`].

use super::allocation::Allocated;
use super::target::Abi;
use regalloc2::{PReg, SpillSlot};

/// The layout of one function's frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Bytes of it, as in [`super::blob::FuncCode::frame_size`].
    pub size: u32,
    /// Bytes of the outgoing area.
    pub outgoing: u32,
    /// How many words the spill slot of a float or vector has.
    pub lanes: u8,
    /// Saved registers and their offsets from the stack pointer.
    pub saved: Vec<(PReg, u32)>,
    /// Offset of the first parameter that lies in the caller's outgoing area.
    pub incoming: u32,
}

/// The distance of stack probes: no frame is entered past a page that was not touched.
pub const PROBE: u32 = 4096;

impl Frame {
    /// The frame of a function with so many words of outgoing area, after its allocation. `calls`: it contains a call, in a cold stub at least.
    pub fn new(abi: &Abi, outgoing: u32, output: &Allocated, calls: bool) -> Frame {
        let mut frame = Frame { outgoing: outgoing * 8, ..Frame::default() };
        let mut top = frame.outgoing + output.spill_words as u32 * 8;
        // Clobbers are left out: a callee gives callee-saved registers back.
        for reg in abi.callee_saved.into_iter().filter(|reg| output.uses(*reg)) {
            frame.saved.push((reg, top));
            top += 8;
        }
        frame.size = if abi.pushes_return_address {
            // The call pushed 8 bytes on an aligned stack.
            if top == 0 && !calls { 0 } else { (top + 8).next_multiple_of(16) - 8 }
        } else {
            (top + 8).next_multiple_of(16)
        };
        frame.incoming = frame.size + if abi.pushes_return_address { 8 } else { 0 };
        frame
    }

    /// The offset of a spill slot from the stack pointer.
    pub fn slot(&self, slot: SpillSlot) -> u32 {
        self.outgoing + slot.index() as u32 * 8
    }

    /// The offset of a parameter in the caller's outgoing area.
    pub fn param(&self, word: u32) -> u32 {
        self.incoming + word * 8
    }
}
