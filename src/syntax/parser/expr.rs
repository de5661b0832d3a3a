//! Operands, brackets and `if`: where expressions start, and what follows one that is complete.

use super::*;
use crate::syntax::number;

impl Parser<'_> {
    /// Where a value has to stand.
    pub(super) fn operand(&mut self) -> State {
        use Kind::*;
        let token = self.peek();
        let span = token.span();
        let kind = match token.kind {
            Ident if self.peek_ahead(1).kind == LParen => return self.open_call(token),
            // A name with a letter that names do not have is told: nobody asks what it stands for.
            Ident if !self.is_plain(token) => ExprKind::Error,
            Ident => ExprKind::Name(Symbol(token.payload)),
            Int => return self.int(token),
            Float => ExprKind::Float(self.floats.get(token.payload as usize).copied().unwrap_or(0.0)),
            True => ExprKind::Bool(true),
            False => ExprKind::Bool(false),
            BadOperand => ExprKind::Error,
            Minus => return self.unary(UnaryOp::Neg),
            Not => return self.unary(UnaryOp::Not),
            LParen => {
                if self.peek_ahead(1).kind == RParen {
                    return self.expected_operand();
                }
                self.advance();
                self.push(Frame::Paren { open: token.start });
                return State::Operand;
            }
            LBracket => return self.open_array(),
            LBrace => {
                self.open_block(Owner::Operand);
                return State::Statement;
            }
            If => return self.open_if(),
            _ => return self.expected_operand(),
        };
        self.advance();
        let operand = self.operand_of(kind, span);
        State::After(operand)
    }

    fn is_plain(&self, name: Token) -> bool {
        self.ast.symbols.get(name.payload as usize).is_some_and(|name| !name.as_bytes().iter().any(|&b| b >= 0x80))
    }

    /// `9223372036854775808` stands only right behind a minus that nothing between binds tighter than.
    fn int(&mut self, token: Token) -> State {
        let value = self.ints.get(token.payload as usize).copied().unwrap_or(0);
        self.advance();
        if let Ok(value) = i64::try_from(value) {
            let operand = self.operand_of(ExprKind::Int(value), token.span());
            return State::After(operand);
        }
        let next = self.peek().kind;
        let tighter = matches!(next, Kind::Caret | Kind::StarStar | Kind::LBracket | Kind::LParen);
        if let Some(&Frame::Unary { op: UnaryOp::Neg, start }) = self.open.frames.last()
            && !tighter
        {
            self.pop();
            let operand = self.operand_of(ExprKind::Int(i64::MIN), Span::new(start, token.end));
            return State::After(operand);
        }
        self.errors.push(number::too_large(token.span(), self.text(token.span()), 10));
        self.gave_up |= self.errors.is_full();
        let operand = self.operand_of(ExprKind::Error, token.span());
        State::After(operand)
    }

    fn unary(&mut self, op: UnaryOp) -> State {
        let start = self.advance().start;
        self.push(Frame::Unary { op, start });
        State::Operand
    }

    fn expected_operand(&mut self) -> State {
        let token = self.peek();
        let found = self.found(token);
        let place = self.place(token);
        let error = |help: &str| {
            let error = Diagnostic::new("E0012", place, format!("expected an expression, found {found}"));
            if help.is_empty() { error } else { error.with_help(help) }
        };
        match token.kind {
            Kind::Bad => return State::Recover,
            Kind::Plus => {
                let doubled = self.at > 0
                    && self
                        .tokens
                        .get(self.at - 1)
                        .is_some_and(|last| last.kind == Kind::Plus && last.end == token.start);
                self.error(error(if doubled {
                    "there is no `++`; write `x += 1`"
                } else {
                    "there is no unary `+`; leave it out"
                }));
                self.advance();
                return if self.peek().kind.starts_operand() { State::Operand } else { State::Recover };
            }
            Kind::Tilde => {
                let message = "there is no operator `~`";
                self.error(Diagnostic::new("E0018", token.span(), message).with_help("write `bit_not(x)`"));
                self.advance();
                return State::Operand;
            }
            Kind::Semicolon | Kind::RBrace if self.ends_in_two_minus() => {
                self.error(error("there is no `--`; write `x -= 1`"));
            }
            Kind::DotDot | Kind::DotDotEq | Kind::DotDotDot => {
                self.error(error("a range has both its ends, and stands after `in` or in the brackets of a slice"));
            }
            Kind::LParen => self.error(error("`()` is not a value that can be written")),
            Kind::Else => self.error(error("an `else` follows the `}` of its `if`")),
            kind if kind.starts_statement() => self.error(error("a statement is not a value")),
            kind if kind.is_keyword() => self.error(error("this word belongs to the language and cannot be a name")),
            _ => self.error(error("")),
        }
        State::Recover
    }

    /// Whether the two tokens before this one are `--`.
    fn ends_in_two_minus(&self) -> bool {
        match self.at.checked_sub(2).and_then(|at| self.tokens.get(at..at + 2)) {
            Some([a, b]) => a.kind == Kind::Minus && b.kind == Kind::Minus && a.end == b.start,
            _ => false,
        }
    }

    fn open_call(&mut self, token: Token) -> State {
        let name = Ident { symbol: Symbol(token.payload), span: token.span() };
        self.advance();
        let open = self.advance().start;
        if self.peek().kind == Kind::RParen {
            let end = self.advance().end;
            let call = ExprKind::Call(name, List::default());
            return State::After(self.operand_of(call, Span::new(token.start, end)));
        }
        self.push(Frame::Call { name, open, args: self.open.exprs.len() as u32 });
        State::Operand
    }

    fn open_array(&mut self) -> State {
        let open = self.advance().start;
        if self.peek().kind == Kind::RBracket {
            let end = self.advance().end;
            return State::After(self.operand_of(ExprKind::Array(List::default()), Span::new(open, end)));
        }
        self.push(Frame::Array { open, elems: self.open.exprs.len() as u32 });
        State::Operand
    }

    pub(super) fn open_postfix(&mut self, base: Operand) -> State {
        let list = self.open.postfixes.len() as u32;
        self.next_postfix(base.expr, base.outer.start, list)
    }

    /// From its `[` on.
    fn next_postfix(&mut self, base: ExprId, start: u32, list: u32) -> State {
        loop {
            let open = self.advance().start;
            let mut lower = Lower::Next;
            if self.eat_slice_dots() {
                lower = Lower::Known(None);
            }
            self.push(Frame::Postfix { base, start, open, list, lower });
            if !matches!(lower, Lower::Known(_)) || self.peek().kind != Kind::RBracket {
                return State::Operand;
            }
            self.pop();
            let bound = Diagnostic::new("E0012", self.peek().span(), "a slice needs a bound");
            self.error(bound.with_help("write `xs[0..]`, or the array without `[..]`"));
            // A loop, not a call: `xs[..][..][..]` goes on for as long as the text does.
            if let Some(state) = self.close_postfix(base, start, open, list, PostfixKind::Slice(None, None)) {
                return state;
            }
        }
    }

    /// The `..` of a slice; `..=` and `...` are told and taken for it.
    fn eat_slice_dots(&mut self) -> bool {
        let token = self.peek();
        match token.kind {
            Kind::DotDot => {}
            Kind::DotDotEq => {
                let error = Diagnostic::new("E0018", token.span(), "a slice has no `..=`");
                self.error(error.with_help("the upper bound is not part of the slice: write `a..b + 1`"));
            }
            Kind::DotDotDot => self.three_dots(token),
            _ => return false,
        }
        self.advance();
        true
    }

    pub(super) fn three_dots(&mut self, token: Token) {
        let error = Diagnostic::new("E0018", token.span(), "there is no operator `...`");
        self.error(error.with_help("write `..`"));
    }

    /// At the `]`.
    fn end_postfix(&mut self, base: ExprId, start: u32, open: u32, list: u32, kind: PostfixKind) -> State {
        self.close_postfix(base, start, open, list, kind).unwrap_or_else(|| self.next_postfix(base, start, list))
    }

    /// At the `]`; no state where another `[` follows.
    fn close_postfix(&mut self, base: ExprId, start: u32, open: u32, list: u32, kind: PostfixKind) -> Option<State> {
        let Some(end) = self.close(Kind::RBracket, open) else { return Some(State::Recover) };
        let span = Span::new(start, end);
        self.open.postfixes.push(Postfix { kind, span });
        if self.peek().kind == Kind::LBracket {
            return None;
        }
        let list = finish_list(&mut self.open.postfixes, list, &mut self.ast.postfixes);
        Some(State::After(self.operand_of(ExprKind::Postfix(base, list), span)))
    }

    /// An expression is complete: what waits for it says what follows.
    pub(super) fn done(&mut self, value: Operand) -> State {
        let token = self.peek();
        let Some(frame) = self.pop() else { return State::Finished };
        if token.kind.is_assignment() && !matches!(frame, Frame::ExprStmt { .. }) {
            self.push(frame);
            return self.assignment_inside(value, token);
        }
        if matches!(token.kind, Kind::DotDot | Kind::DotDotEq | Kind::DotDotDot)
            && !matches!(frame, Frame::Postfix { lower: Lower::Next, .. } | Frame::For { stage: ForStage::Iter, .. })
        {
            let error = Diagnostic::new("E0024", token.span(), "a range cannot stand here");
            self.error(error.with_help("ranges stand after the `in` of a `for` and in the brackets of a slice"));
            self.push(frame);
            return State::Recover;
        }
        match frame {
            Frame::Paren { open } => {
                let Some(end) = self.close(Kind::RParen, open) else { return State::Recover };
                if let Some(expr) = self.ast.exprs.get_mut(value.expr.0 as usize) {
                    expr.parenthesized = true;
                }
                State::After(Operand { expr: value.expr, outer: Span::new(open, end) })
            }
            Frame::Call { name, open, args } => {
                self.open.exprs.push(value.expr);
                if self.eat(Kind::Comma) && self.peek().kind != Kind::RParen {
                    self.push(frame);
                    return State::Operand;
                }
                let Some(end) = self.close(Kind::RParen, open) else { return State::Recover };
                let list = finish_list(&mut self.open.exprs, args, &mut self.ast.expr_lists);
                State::After(self.operand_of(ExprKind::Call(name, list), Span::new(name.span.start, end)))
            }
            Frame::Array { open, elems } => {
                if token.kind == Kind::Semicolon && self.open.exprs.len() as u32 == elems {
                    self.advance();
                    self.push(Frame::Fill { open, value: value.expr });
                    return State::Operand;
                }
                self.open.exprs.push(value.expr);
                if self.eat(Kind::Comma) && self.peek().kind != Kind::RBracket {
                    self.push(frame);
                    return State::Operand;
                }
                let Some(end) = self.close(Kind::RBracket, open) else { return State::Recover };
                let list = finish_list(&mut self.open.exprs, elems, &mut self.ast.expr_lists);
                State::After(self.operand_of(ExprKind::Array(list), Span::new(open, end)))
            }
            Frame::Fill { open, value: filler } => {
                let Some(end) = self.close(Kind::RBracket, open) else { return State::Recover };
                State::After(self.operand_of(ExprKind::Fill(filler, value.expr), Span::new(open, end)))
            }
            Frame::Postfix { base, start, open, list, lower } => match lower {
                Lower::Next if self.eat_slice_dots() => {
                    let lower = Lower::Known(Some(value.expr));
                    if self.peek().kind == Kind::RBracket {
                        return self.end_postfix(base, start, open, list, PostfixKind::Slice(Some(value.expr), None));
                    }
                    self.push(Frame::Postfix { base, start, open, list, lower });
                    State::Operand
                }
                Lower::Next => self.end_postfix(base, start, open, list, PostfixKind::Index(value.expr)),
                Lower::Known(lo) => self.end_postfix(base, start, open, list, PostfixKind::Slice(lo, Some(value.expr))),
            },
            Frame::If { start, arms, in_head, .. } => {
                self.push(Frame::If { start, arms, stage: IfStage::Then(value.expr), in_head });
                self.expect_body()
            }
            frame => self.statement_value(frame, value),
        }
    }

    /// `if x = 1`, `f(x = 1)`, `y = x = 1`: told, and taken for a comparison.
    fn assignment_inside(&mut self, lhs: Operand, token: Token) -> State {
        if token.kind != Kind::Assign {
            let message = format!("`{}` is a statement, not a value", self.text(token.span()));
            self.error(Diagnostic::new("E0019", token.span(), message).with_help("assign in a statement of its own"));
            return State::Recover;
        }
        let condition = matches!(self.open.frames.last(), Some(Frame::If { .. } | Frame::While { .. }));
        let error = Diagnostic::new("E0019", token.span(), "`=` assigns and is not a value");
        self.error(error.with_help(if condition {
            "to compare, write `==`"
        } else {
            "to compare, write `==`; to assign, make it a statement of its own"
        }));
        self.compare(lhs, CompareOp::Eq)
    }

    /// The end of a bracket. Another closing bracket that something further out waits for leaves this one to be thought of.
    fn close(&mut self, kind: Kind, open: u32) -> Option<u32> {
        let token = self.peek();
        if token.kind == kind {
            return Some(self.advance().end);
        }
        let (opening, closing) = match kind {
            Kind::RParen => ("(", ")"),
            _ => ("[", "]"),
        };
        let opened = Span::new(open, open + 1);
        match token.kind {
            Kind::Eof => {
                let error = Diagnostic::new("E0015", opened, format!("this `{opening}` is never closed"));
                self.error(error.with_help(format!("close it with `{closing}`")));
                None
            }
            Kind::RParen | Kind::RBracket => {
                let message = format!("expected `{closing}`, found {}", self.found(token));
                self.error(Diagnostic::new("E0013", token.span(), message).with_label(opened, "opened here"));
                if !self.waits_for(token.kind) {
                    self.advance();
                }
                Some(self.last_end())
            }
            Kind::Bad => None,
            _ => {
                let list = matches!(self.text(opened), "[") || self.is_call(open);
                let comma = if list { "`,` or " } else { "" };
                let message = format!("expected {comma}`{closing}`, found {}", self.found(token));
                self.error(Diagnostic::new("E0013", token.span(), message).with_label(opened, "opened here"));
                None
            }
        }
    }

    /// Whether the `(` at this byte follows a name, as that of a call does.
    fn is_call(&self, open: u32) -> bool {
        let at = self.tokens.partition_point(|token| token.start < open);
        at.checked_sub(1).and_then(|at| self.tokens.get(at)).is_some_and(|token| token.kind == Kind::Ident)
    }

    /// Whether a bracket that is open in this statement ends with this.
    fn waits_for(&self, kind: Kind) -> bool {
        for frame in self.open.frames.iter().rev() {
            match frame {
                Frame::Block { .. } => return false,
                Frame::Paren { .. } | Frame::Call { .. } if kind == Kind::RParen => return true,
                Frame::Array { .. } | Frame::Fill { .. } | Frame::Postfix { .. } if kind == Kind::RBracket => {
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    fn open_if(&mut self) -> State {
        let start = self.advance().start;
        // `if if if …` opens no bracket, and yet each waits for the next.
        let head = self.open.frames.iter().rev().find(|frame| frame.level().is_none());
        let in_head = match head {
            Some(Frame::If { stage: IfStage::Cond, .. } | Frame::While { parts: None, .. }) => true,
            Some(Frame::For { stage, .. }) => !matches!(stage, ForStage::Body { .. }),
            _ => false,
        };
        self.push(Frame::If { start, arms: self.open.arms.len() as u32, stage: IfStage::Cond, in_head });
        State::Operand
    }
}
