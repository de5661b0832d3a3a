//! Operators behind an operand: precedence, chains and their spans.

use super::*;

/// Looser than any operator.
const ANY: u8 = u8::MAX;

impl Parser<'_> {
    /// Behind an operand: a postfix, an operator, or the end of the expression.
    pub(super) fn after(&mut self, lhs: Operand) -> State {
        use Kind::*;
        let token = self.peek();
        match token.kind {
            LBracket => self.open_postfix(lhs),
            LParen => self.call_of_no_name(lhs),
            Caret => self.power(lhs),
            Star => self.binary(lhs, 4, BinaryOp::Mul),
            Slash => self.binary(lhs, 4, BinaryOp::Div),
            Percent => self.binary(lhs, 4, BinaryOp::Rem),
            Plus => self.binary(lhs, 5, BinaryOp::Add),
            Minus => self.binary(lhs, 5, BinaryOp::Sub),
            Lt => self.compare(lhs, CompareOp::Lt),
            Le => self.compare(lhs, CompareOp::Le),
            Gt => self.compare(lhs, CompareOp::Gt),
            Ge => self.compare(lhs, CompareOp::Ge),
            EqEq => self.compare(lhs, CompareOp::Eq),
            Ne => self.compare(lhs, CompareOp::Ne),
            And => self.logic(lhs, LogicOp::And),
            Or => self.logic(lhs, LogicOp::Or),
            StarStar | FatArrow | EqLt | LtGt | EqEqEq | NeEq | Amp | Pipe | Shl | Shr | Dot | Question => {
                self.foreign_operator(lhs, token)
            }
            _ => State::Done(self.reduce(lhs, ANY)),
        }
    }

    /// Finishes the operators that bind tighter than `level` and wait for `rhs`.
    fn reduce(&mut self, mut rhs: Operand, level: u8) -> Operand {
        while self.open.frames.last().and_then(Frame::level).is_some_and(|waiting| waiting < level) {
            let Some(frame) = self.pop() else { break };
            let end = rhs.outer.end;
            rhs = match frame {
                Frame::Power { base } => {
                    self.operand_of(ExprKind::Power(base.expr, rhs.expr), Span::new(base.outer.start, end))
                }
                Frame::Unary { op, start } => self.operand_of(ExprKind::Unary(op, rhs.expr), Span::new(start, end)),
                Frame::Chain { first, start, links, op, op_span, .. } => {
                    let span = Span::new(start, end);
                    self.open.links.push(ChainLink { op, op_span, operand: rhs.expr, span });
                    let list = finish_list(&mut self.open.links, links, &mut self.ast.chain_links);
                    self.operand_of(ExprKind::Chain(first, list), span)
                }
                Frame::Compare { first, start, links, op, op_span } => {
                    self.open.compares.push(CompareLink { op, op_span, operand: rhs.expr });
                    let list = finish_list(&mut self.open.compares, links, &mut self.ast.compare_links);
                    self.operand_of(ExprKind::Compare(first, list), Span::new(start, end))
                }
                Frame::Logic { op, start, operands } => {
                    self.open.exprs.push(rhs.expr);
                    let list = finish_list(&mut self.open.exprs, operands, &mut self.ast.expr_lists);
                    self.operand_of(ExprKind::Logic(op, list), Span::new(start, end))
                }
                _ => rhs,
            };
        }
        rhs
    }

    fn power(&mut self, base: Operand) -> State {
        self.advance();
        self.push(Frame::Power { base });
        State::Operand
    }

    fn binary(&mut self, lhs: Operand, at_level: u8, next: BinaryOp) -> State {
        let lhs = self.reduce(lhs, at_level);
        let next_span = self.advance().span();
        match self.open.frames.last_mut() {
            Some(Frame::Chain { level, start, op, op_span, .. }) if *level == at_level => {
                let span = Span::new(*start, lhs.outer.end);
                self.open.links.push(ChainLink { op: *op, op_span: *op_span, operand: lhs.expr, span });
                (*op, *op_span) = (next, next_span);
            }
            _ => {
                let (links, start) = (self.open.links.len() as u32, lhs.outer.start);
                let (first, op, op_span) = (lhs.expr, next, next_span);
                self.push(Frame::Chain { level: at_level, first, start, links, op, op_span });
            }
        }
        State::Operand
    }

    pub(super) fn compare(&mut self, lhs: Operand, next: CompareOp) -> State {
        let lhs = self.reduce(lhs, 6);
        let token = self.peek();
        if let Some(Frame::Compare { op, .. }) = self.open.frames.last()
            && (*op == CompareOp::Ne || next == CompareOp::Ne)
        {
            let error = Diagnostic::new("E0020", token.span(), "`!=` does not chain with other comparisons");
            self.error(error.with_help("say which pairs are meant: `a != b and b != c`"));
        }
        self.advance();
        let next_span = token.span();
        match self.open.frames.last_mut() {
            Some(Frame::Compare { op, op_span, .. }) => {
                self.open.compares.push(CompareLink { op: *op, op_span: *op_span, operand: lhs.expr });
                (*op, *op_span) = (next, next_span);
            }
            _ => {
                let (links, start) = (self.open.compares.len() as u32, lhs.outer.start);
                self.push(Frame::Compare { first: lhs.expr, start, links, op: next, op_span: next_span });
            }
        }
        State::Operand
    }

    fn logic(&mut self, lhs: Operand, next: LogicOp) -> State {
        let at_level = if next == LogicOp::And { 7 } else { 8 };
        let lhs = self.reduce(lhs, at_level);
        self.advance();
        match self.open.frames.last() {
            Some(Frame::Logic { op, .. }) if *op == next => {}
            _ => {
                let operands = self.open.exprs.len() as u32;
                self.push(Frame::Logic { op: next, start: lhs.outer.start, operands });
            }
        }
        self.open.exprs.push(lhs.expr);
        State::Operand
    }

    /// An operator of another language: says what to write, and goes on as if that stood here where it can.
    fn foreign_operator(&mut self, lhs: Operand, token: Token) -> State {
        let help = match token.kind {
            Kind::StarStar => "write `^`",
            Kind::FatArrow => "write `>=`",
            Kind::EqLt => "write `<=`",
            Kind::LtGt | Kind::NeEq => "write `!=`",
            Kind::EqEqEq => "write `==`",
            Kind::Amp => "write `and` for booleans, `bit_and(a, b)` for whole numbers",
            Kind::Pipe => "write `or` for booleans, `bit_or(a, b)` for whole numbers",
            Kind::Shl => "write `shl(a, n)`",
            Kind::Shr => "write `shr(a, n)`, or `sar(a, n)` to keep the sign",
            Kind::Question => "write `if c { a } else { b }`",
            _ => "values have no fields or methods: write `f(x)`, `len(xs)`, `xs[i]`",
        };
        let text = self.text(token.span());
        let message = format!("there is no operator `{text}`");
        self.error(Diagnostic::new("E0018", token.span(), message).with_help(help));
        match token.kind {
            Kind::StarStar => self.power(lhs),
            Kind::FatArrow => self.compare(lhs, CompareOp::Ge),
            Kind::EqLt => self.compare(lhs, CompareOp::Le),
            Kind::LtGt | Kind::NeEq => self.compare(lhs, CompareOp::Ne),
            Kind::EqEqEq => self.compare(lhs, CompareOp::Eq),
            Kind::Amp | Kind::Pipe | Kind::Shl | Kind::Shr => {
                // What it would compute on is unknown, so that nothing is said about its operands' types.
                let unknown = self.operand_of(ExprKind::Error, lhs.outer);
                self.binary(unknown, 4, BinaryOp::Mul)
            }
            _ => State::Recover,
        }
    }

    /// `(f)(x)`, `xs[0](x)`, `2(x + 1)`.
    fn call_of_no_name(&mut self, lhs: Operand) -> State {
        let token = self.peek();
        let callee = self.ast.exprs.get(lhs.expr.0 as usize).map(|expr| expr.kind);
        let (is_number, named) = match callee {
            Some(ExprKind::Int(_) | ExprKind::Float(_)) => (true, false),
            Some(ExprKind::Name(_)) => (false, true),
            _ => (false, false),
        };
        let message = "only a function's name can be called";
        let error = Diagnostic::new("E0025", Span::new(lhs.outer.start, token.end), message);
        // What is wrong before the parentheses is told already.
        if !matches!(callee, Some(ExprKind::Error)) {
            self.error(if is_number {
                error.with_help("to multiply, write `*` between them")
            } else if named {
                error.with_help("leave the parentheses around the name out; to multiply, write `*`")
            } else {
                error.with_help("functions are not values; to multiply, write `*`")
            });
        }
        // Goes on as a product of something unknown: the arguments may have mistakes of their own.
        let unknown = self.operand_of(ExprKind::Error, lhs.outer);
        let lhs = self.reduce(unknown, 4);
        let (links, start) = (self.open.links.len() as u32, lhs.outer.start);
        let op_span = Span::new(token.start, token.start);
        self.push(Frame::Chain { level: 4, first: lhs.expr, start, links, op: BinaryOp::Mul, op_span });
        State::Operand
    }
}
