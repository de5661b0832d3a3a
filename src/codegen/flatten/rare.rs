//! Flattening of the fall-back of an elementary function that is in line, for single numbers.

use super::Flattener;
use crate::codegen::flat::{Arg, FlatKind};
use crate::codegen::target::Target;
use crate::ir::func::InstId;
use crate::ir::op::Math;
use crate::span::Span;
use smallvec::smallvec;

impl<T: Target> Flattener<'_, T> {
    /// One instruction that tests by itself, a comparison in it where that is only for it.
    pub(super) fn rare(&mut self, math: Math, id: InstId, span: Span) {
        let all = self.func.args(id);
        let (condition, negated) = self.look_through(all[0]);
        let (kind, mut args) = match self.fused_comparison(condition) {
            Some((op, left, right)) => {
                let kind = FlatKind::RareCmp(math, op, !negated);
                (kind, self.op_args(kind, op, &[left, right]))
            }
            None => (FlatKind::Rare(math, !negated), smallvec![Arg::Reg(self.reg(condition))]),
        };
        args.extend(all[1..].iter().map(|value| Arg::Reg(self.reg(*value))));
        let defs = self.results(id);
        // Its arguments lie there for the stub's call.
        self.flat.outgoing = self.flat.outgoing.max(2);
        self.push(kind, &args, &defs, span);
    }
}
