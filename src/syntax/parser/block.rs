//! Blocks: where they open and close, and what then happens with them.

use super::*;

impl Parser<'_> {
    /// At a `{`.
    pub(super) fn open_block(&mut self, owner: Owner) {
        let start = self.advance().start;
        self.push(Frame::Block { owner, start, stmts: self.open.stmts.len() as u32, last: None, told_item: false });
    }

    /// The block that the innermost frame waits for.
    pub(super) fn expect_body(&mut self) -> State {
        if self.peek().kind == Kind::LBrace {
            self.open_block(Owner::Below);
            return State::Statement;
        }
        let token = self.peek();
        let message = format!("expected `{{`, found {}", self.found(token));
        let mut error = Diagnostic::new("E0013", self.place(token), message);
        let help = match self.open.frames.last() {
            Some(Frame::If { .. }) => Some("the parts of an `if` stand in braces: `if c { a } else { b }`"),
            _ if token.kind == Kind::Eof => None,
            Some(Frame::For { .. }) => Some("the body of a loop stands in braces: `for x in xs { … }`"),
            _ => Some("the body of a loop stands in braces: `while c { … }`"),
        };
        if let Some(help) = help {
            error = error.with_help(help);
        }
        if token.kind != Kind::Bad {
            self.error(error);
        }
        State::Recover
    }

    /// At the `}` of the innermost block, or at the end of the text.
    pub(super) fn close_block(&mut self) -> State {
        let Some(Frame::Block { owner, start, stmts, last, .. }) = self.pop() else { return State::Finished };
        let end = if owner == Owner::Program { self.len() } else { self.advance().end };
        let list = finish_list(&mut self.open.stmts, stmts, &mut self.ast.stmt_lists);
        let value = last.map(|last| last.value.expr);
        let span = Span::new(start, end);
        let block = self.add_block(Block { stmts: list, value, span });
        match owner {
            Owner::Program => {
                self.ast.body = Some(block);
                State::Finished
            }
            Owner::Operand => {
                let operand = self.operand_of(ExprKind::Block(block), span);
                self.end_block_like(operand)
            }
            Owner::Below => self.close_body(block),
        }
    }

    pub(super) fn add_block(&mut self, block: Block) -> BlockId {
        let id = BlockId(self.ast.blocks.len() as u32);
        self.ast.blocks.push(block);
        id
    }

    /// The innermost frame has the block it waited for.
    fn close_body(&mut self, body: BlockId) -> State {
        let end = self.last_end();
        match self.pop() {
            Some(Frame::If { start, arms, stage, in_head }) => match stage {
                IfStage::Then(cond) => {
                    self.open.arms.push(Arm { cond, body });
                    self.after_arm(start, arms, in_head)
                }
                _ => self.end_if(start, arms, Some(body)),
            },
            Some(Frame::While { start, parts: Some((cond, head)) }) => {
                self.add_stmt(StmtKind::While { cond, body, head }, Span::new(start, end));
                State::Statement
            }
            Some(Frame::For { start, name, stage: ForStage::Body { iter, head } }) => {
                self.add_stmt(StmtKind::For { name, iter, body, head }, Span::new(start, end));
                State::Statement
            }
            Some(Frame::Fn { start, name, params, result, head }) => {
                self.add_fn(FnDecl { name, params, result, body, span: Span::new(start, end), head });
                State::Statement
            }
            _ => State::Recover,
        }
    }

    /// Behind `if c { … }`: an `else`, or the end.
    fn after_arm(&mut self, start: u32, arms: u32, in_head: bool) -> State {
        let token = self.peek();
        let foreign = token.kind == Kind::Ident && matches!(self.text(token.span()), "elif" | "elsif" | "elseif");
        if foreign {
            let message = format!("there is no `{}`", self.text(token.span()));
            self.error(Diagnostic::new("E0027", token.span(), message).with_help("write `else if`"));
        }
        if !foreign && token.kind != Kind::Else {
            return self.end_if(start, arms, None);
        }
        self.advance();
        if foreign || self.eat(Kind::If) {
            self.push(Frame::If { start, arms, stage: IfStage::Cond, in_head });
            return State::Operand;
        }
        self.push(Frame::If { start, arms, stage: IfStage::Else, in_head });
        self.expect_body()
    }

    fn end_if(&mut self, start: u32, arms: u32, otherwise: Option<BlockId>) -> State {
        let arms = finish_list(&mut self.open.arms, arms, &mut self.ast.arms);
        let span = Span::new(start, self.last_end());
        let operand = self.operand_of(ExprKind::If(arms, otherwise), span);
        self.end_block_like(operand)
    }

    /// Behind the `}` of an `if` or a block that is an operand: it ends its statement if it started it.
    fn end_block_like(&mut self, operand: Operand) -> State {
        if !matches!(self.open.frames.last(), Some(Frame::ExprStmt { block_like: true })) {
            return State::After(operand);
        }
        self.pop();
        let token = self.peek();
        if self.eat(Kind::Semicolon) {
            let kind = StmtKind::Expr { expr: operand.expr, semicolon: true };
            self.add_stmt(kind, operand.outer);
            return State::Statement;
        }
        if self.goes_on(operand, token.kind) {
            let what = match self.ast.exprs.get(operand.expr.0 as usize).map(|expr| expr.kind) {
                Some(ExprKind::If(..)) => "an `if`",
                _ => "a block",
            };
            let next = self.text(token.span());
            let message = format!(
                "{what} at the start of a statement ends at its `}}`; parentheses are needed to go on with `{next}`"
            );
            let form = if what == "a block" { "{ … }" } else { "if … { … } else { … }" };
            let help = format!("write `({form}) {next} …`");
            let error = Diagnostic::new("E0021", token.span(), message).with_help(help);
            self.error(error.with_label(operand.outer, "this ends here"));
            self.push(Frame::ExprStmt { block_like: false });
            return State::After(operand);
        }
        if let Some(Frame::Block { last, .. }) = self.open.frames.last_mut() {
            *last = Some(Last { value: operand, block_like: true });
        }
        State::Statement
    }

    /// Whether what follows an `if` or block can only be meant to compute with it.
    fn goes_on(&self, operand: Operand, next: Kind) -> bool {
        use Kind::*;
        match next {
            Plus | Star | Slash | Percent | Caret | Lt | Le | Gt | Ge | EqEq | Ne | And | Or => true,
            StarStar | FatArrow | EqLt | LtGt | EqEqEq | NeEq | Amp | Pipe | Shl | Shr | Question | Dot => true,
            // These can start a statement too; but a value that would be thrown away is meant to be used.
            Minus | LBracket => self.has_plain_value(operand.expr),
            _ => false,
        }
    }

    /// Whether an `if` or block surely has a value: its (last) block ends in an expression that is neither a call (whose value
    /// may be thrown away) nor itself a block.
    fn has_plain_value(&self, expr: ExprId) -> bool {
        let expr = self.ast.exprs.get(expr.0 as usize).map(|expr| expr.kind);
        let Some(ExprKind::If(_, Some(block)) | ExprKind::Block(block)) = expr else { return false };
        let value = self.ast.blocks.get(block.0 as usize).and_then(|block| block.value);
        let value = value.and_then(|value| self.ast.exprs.get(value.0 as usize));
        value.is_some_and(|value| {
            !matches!(value.kind, ExprKind::Call(..) | ExprKind::If(..) | ExprKind::Block(_) | ExprKind::Error)
        })
    }
}
