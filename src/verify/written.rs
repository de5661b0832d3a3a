//! Which registers a step writes.

use super::step::{Reg, Step};

impl Step {
    /// Registers that it writes, but for the stack pointer and those that a call leaves undefined. `tests/decode` holds it against iced-x86's account.
    pub fn written(&self, note: &mut dyn FnMut(Reg)) {
        self.each_written(note);
    }

    /// The same, where it is called for every step.
    #[inline]
    pub(super) fn each_written(&self, mut note: impl FnMut(Reg)) {
        match *self {
            Step::Any(reg) | Step::Copy { to: reg, .. } | Step::CompareLanes { to: reg, .. } => note(reg),
            Step::AndNotMasks { to: reg, .. } => note(reg),
            Step::Const { to, .. }
            | Step::StackAddress { to, .. }
            | Step::ZeroExtend { to, .. }
            | Step::Add { to, .. }
            | Step::Sub { to, .. }
            | Step::And { to, .. }
            | Step::Or { to, .. }
            | Step::Xor { to, .. }
            | Step::Multiply { to, .. }
            | Step::MultiplyHigh { to, .. }
            | Step::MultiplySubtract { to, .. }
            | Step::Divide { to, .. }
            | Step::AddPart { to, .. }
            | Step::ShiftRightSome { to, .. }
            | Step::Between { to, .. }
            | Step::ShiftRight { to, .. }
            | Step::ShiftRightSigned { to, .. }
            | Step::ShiftLeft { to, .. }
            | Step::Select { to, .. }
            | Step::Lane { to, .. }
            | Step::Probe { counter: to, .. }
            | Step::MaskBits { to, .. } => note(Reg::Int(to)),
            Step::DivideDouble { quotient, remainder, .. } => {
                [quotient, remainder].map(Reg::Int).into_iter().for_each(note)
            }
            Step::Load { to: Some(reg), .. } | Step::LoadPool { to: Some(reg), .. } => note(reg),
            Step::ZeroVector { to }
            | Step::Splat { to, .. }
            | Step::SplatConst { to, .. }
            | Step::SplatPool { to, .. }
            | Step::AndLanes { to, .. }
            | Step::XorLanes { to, .. } => note(Reg::Vector(to)),
            Step::AndMasks { to, .. } | Step::NotMask { to, .. } => note(Reg::Mask(to)),
            Step::AnyVectors => (0..32).map(Reg::Vector).for_each(note),
            Step::Load { to: None, .. }
            | Step::LoadPool { to: None, .. }
            | Step::Store { .. }
            | Step::Compare { .. }
            | Step::Test { .. }
            | Step::Overflow { .. }
            | Step::ComparePart { .. }
            | Step::CompareZeroIf { .. }
            | Step::AnyFlags
            | Step::Branch { .. }
            | Step::BranchZero { .. }
            | Step::Jump { .. }
            | Step::Call { .. }
            | Step::CallPool { .. }
            | Step::CallReg { .. }
            | Step::Return
            | Step::MoveStack { .. }
            | Step::Stop
            | Step::Nothing
            | Step::Gather { .. }
            | Step::TestLanes { .. } => {}
        }
    }
}
