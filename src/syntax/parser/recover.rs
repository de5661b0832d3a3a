//! Going on behind an error.

use super::*;

impl Parser<'_> {
    /// Drops what waits in this statement and goes on behind it. Names that it declares stay known.
    pub(super) fn recover(&mut self) -> State {
        let here = self.peek().span();
        loop {
            match self.open.frames.last() {
                None | Some(Frame::Block { .. }) => break,
                _ => {}
            }
            let Some(frame) = self.pop() else { break };
            match frame {
                Frame::Chain { links, .. } => self.open.links.truncate(links as usize),
                Frame::Compare { links, .. } => self.open.compares.truncate(links as usize),
                Frame::Logic { operands: list, .. }
                | Frame::Call { args: list, .. }
                | Frame::Array { elems: list, .. } => self.open.exprs.truncate(list as usize),
                Frame::Postfix { list, .. } => self.open.postfixes.truncate(list as usize),
                Frame::If { arms, .. } => self.open.arms.truncate(arms as usize),
                Frame::Let { start, mutable, name, ty } => {
                    let value = self.add(ExprKind::Error, here);
                    let span = Span::new(start, here.end.max(start));
                    self.add_stmt(StmtKind::Let { mutable, name, ty, value }, span);
                }
                Frame::Const { start, name, ty } => {
                    let value = self.add(ExprKind::Error, here);
                    let span = Span::new(start, here.end.max(start));
                    self.ast.consts.push(ConstDecl { name, ty, value, span });
                }
                Frame::Fn { start, name, params, result, head } => {
                    let value = Some(self.add(ExprKind::Error, here));
                    let body = self.add_block(Block { stmts: List::default(), value, span: here });
                    let span = Span::new(start, here.end.max(start));
                    self.add_fn(FnDecl { name, params, result, body, span, head });
                }
                _ => {}
            }
        }
        self.skip_statement();
        State::Statement
    }

    /// To behind the `;` or the block that ends this statement, or to before what surely starts another.
    fn skip_statement(&mut self) {
        let mut braces = 0usize;
        loop {
            let kind = self.peek().kind;
            match kind {
                Kind::Eof => return,
                Kind::Semicolon if braces == 0 && !self.is_inside_brackets() => {
                    self.advance();
                    return;
                }
                Kind::RBrace if braces == 0 => return,
                _ if braces == 0 && kind.starts_statement() => return,
                Kind::LBrace => braces += 1,
                Kind::RBrace => braces -= 1,
                _ => {}
            }
            self.advance();
            let next = self.peek().kind;
            let new_statement = next.starts_operand() || next.starts_statement() || next == Kind::RBrace;
            if kind == Kind::RBrace && braces == 0 && new_statement {
                return;
            }
        }
    }

    /// Whether this `;` is that of an `[e; n]`, or otherwise stands before the end of a bracket that opened before it.
    fn is_inside_brackets(&self) -> bool {
        // Short: it only has to be right where brackets are, and each `;` that is skipped looks again.
        const LOOK_AHEAD: usize = 64;
        let mut open = 0usize;
        for ahead in 1..LOOK_AHEAD {
            match self.peek_ahead(ahead).kind {
                Kind::LParen | Kind::LBracket => open += 1,
                Kind::RParen | Kind::RBracket if open == 0 => return true,
                Kind::RParen | Kind::RBracket => open -= 1,
                Kind::Semicolon if open == 0 => return false,
                // `if (a) b; else c;` is one statement, wrong as it is.
                Kind::Else if ahead == 1 => return true,
                Kind::LBrace | Kind::RBrace | Kind::Eof => return false,
                kind if kind.starts_statement() => return false,
                _ => {}
            }
        }
        false
    }
}
