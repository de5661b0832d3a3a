//! Statements.

use super::*;

impl Parser<'_> {
    /// Where a statement, an item or the end of the innermost block stands.
    pub(super) fn statement(&mut self) -> State {
        use Kind::*;
        let token = self.peek();
        let nested = !matches!(self.open.frames.last(), Some(Frame::Block { owner: Owner::Program, .. }));
        match token.kind {
            Eof => return self.end_of_text(),
            RBrace if nested => return self.close_block(),
            Fn => return self.item_fn(),
            Const => return self.item_const(),
            _ => {}
        }
        self.end_last();
        match token.kind {
            Semicolon => {
                self.advance();
                State::Statement
            }
            Let | Var => self.open_let(token.kind == Var),
            While => {
                let start = self.advance().start;
                self.push(Frame::While { start, parts: None });
                State::Operand
            }
            For => self.open_for(),
            Break | Continue => {
                self.advance();
                let kind = if token.kind == Break { StmtKind::Break } else { StmtKind::Continue };
                self.add_stmt(kind, token.span());
                self.end_statement()
            }
            Return => {
                self.advance();
                if matches!(self.peek().kind, Semicolon | RBrace | Eof) {
                    self.add_stmt(StmtKind::Return(None), token.span());
                    return self.end_statement();
                }
                self.push(Frame::Return { start: token.start });
                State::Operand
            }
            RParen | RBracket | RBrace => {
                let message = format!("this {} closes nothing", self.found(token));
                self.error(Diagnostic::new("E0016", token.span(), message).with_help("take it out"));
                if token.kind == RBrace {
                    self.advance();
                    return State::Statement;
                }
                State::Recover
            }
            Else => {
                let error = Diagnostic::new("E0013", token.span(), "this `else` belongs to no `if`");
                self.error(error.with_help("an `else` follows the `}` of its `if`, without a `;` between"));
                State::Recover
            }
            Ident => match self.foreign_statement(token) {
                Some(state) => state,
                None => self.expression_statement(false),
            },
            If | LBrace => self.expression_statement(true),
            _ => self.expression_statement(false),
        }
    }

    fn expression_statement(&mut self, block_like: bool) -> State {
        self.push(Frame::ExprStmt { block_like });
        State::Operand
    }

    /// Something follows the expression that would have been the block's value.
    fn end_last(&mut self) {
        let Some(Frame::Block { last, .. }) = self.open.frames.last_mut() else { return };
        let Some(Last { value, block_like }) = last.take() else { return };
        if !block_like {
            self.missing_semicolon(value.outer.end);
        }
        self.add_stmt(StmtKind::Expr { expr: value.expr, semicolon: !block_like }, value.outer);
    }

    fn missing_semicolon(&mut self, end: u32) {
        let error = Diagnostic::new("E0014", Span::new(end, end), "expected `;` at the end of this statement");
        self.error(error.with_help("add `;`"));
    }

    fn end_of_text(&mut self) -> State {
        let Some(&Frame::Block { owner, start, .. }) = self.open.frames.last() else { return State::Finished };
        if owner != Owner::Program {
            let error = Diagnostic::new("E0015", Span::new(start, start + 1), "this `{` is never closed");
            self.error(error.with_help("close it with `}`"));
        }
        self.close_block()
    }

    /// Forms of other languages that start with a name.
    fn foreign_statement(&mut self, token: Token) -> Option<State> {
        let next = self.peek_ahead(1);
        let third = self.peek_ahead(2).kind;
        let text = self.text(token.span());
        let (instead, help): (Kind, String) = match (text, next.kind) {
            ("function" | "def" | "func" | "fun" | "sub" | "proc", Kind::Ident) if third == Kind::LParen => {
                (Kind::Fn, "write `fn f(x) { … }` or `fn f(x) = …;`".to_owned())
            }
            ("loop" | "forever", Kind::LBrace) => (Kind::While, "write `while true { … }`".to_owned()),
            (_, Kind::Ident) if third == Kind::Assign => {
                let (ty, name) = (cut(text), cut(self.text(next.span())));
                (Kind::Var, format!("write `let {name} = …;`, or `var` if it changes, and not `{ty}`"))
            }
            (_, Kind::Colon) if third != Kind::Eof => {
                let name = Ident { symbol: Symbol(token.payload), span: token.span() };
                let error = Diagnostic::new("E0027", token.span(), "a declaration starts with `let` or `var`");
                self.error(error.with_help(format!("write `let {}: … = …;`", cut(text))));
                self.advance();
                self.advance();
                let ty = self.expect_type();
                return Some(self.expect_value(Frame::Let { start: token.start, mutable: true, name, ty }, "let"));
            }
            (_, Kind::ColonEq) => (Kind::Let, format!("write `let {} = …;`", cut(text))),
            _ => return None,
        };
        let what = if instead == Kind::Let { ":=" } else { text };
        let message = format!("`{}` is not part of this language", cut(what));
        let span = if instead == Kind::Let { next.span() } else { token.span() };
        self.error(Diagnostic::new("E0027", span, message).with_help(help));
        Some(match instead {
            // Where the declaration itself can be read, it is: its name is used further on.
            Kind::Fn => self.item_fn(),
            Kind::Var => self.open_let(true),
            Kind::Let => {
                let name = Ident { symbol: Symbol(token.payload), span: token.span() };
                self.advance();
                self.advance();
                self.push(Frame::Let { start: token.start, mutable: true, name, ty: None });
                State::Operand
            }
            _ => State::Recover,
        })
    }

    /// At `let` or `var`.
    fn open_let(&mut self, mutable: bool) -> State {
        let start = self.advance().start;
        let mut mutable = mutable;
        let token = self.peek();
        if token.kind == Kind::Mut {
            let error = Diagnostic::new("E0027", token.span(), "there is no `let mut`");
            self.error(error.with_help("write `var`"));
            self.advance();
            mutable = true;
        }
        let Some(name) = self.expect_name("a name") else { return State::Recover };
        let ty = if self.eat(Kind::Colon) { self.expect_type() } else { None };
        let frame = Frame::Let { start, mutable, name, ty };
        self.expect_value(frame, if mutable { "var" } else { "let" })
    }

    /// The `=` of a declaration.
    pub(super) fn expect_value(&mut self, frame: Frame, word: &str) -> State {
        let token = self.peek();
        if self.eat(Kind::Assign) {
            self.push(frame);
            return State::Operand;
        }
        // The name is known from here on, so that its uses are not mistakes too.
        let (name, state) = match frame {
            Frame::Let { name, .. } | Frame::Const { name, .. } => (cut(self.text(name.span)), State::Recover),
            _ => (String::new(), State::Recover),
        };
        self.push(frame);
        match token.kind {
            Kind::Bad => {}
            Kind::Semicolon | Kind::RBrace | Kind::Eof => {
                let message = format!("`{name}` has no value");
                let error = Diagnostic::new("E0026", Span::new(self.last_end(), self.last_end()), message);
                self.error(error.with_help(format!("give it one: `{word} {name} = …;`")));
            }
            Kind::ColonEq | Kind::EqEq => {
                let message = format!("expected `=`, found {}", self.found(token));
                self.error(Diagnostic::new("E0013", token.span(), message).with_help("write `=`"));
                self.advance();
                return State::Operand;
            }
            _ if token.kind.is_assignment() => {
                let message = format!("expected `=`, found {}", self.found(token));
                self.error(Diagnostic::new("E0013", token.span(), message).with_help("a new name starts with `=`"));
                self.advance();
                return State::Operand;
            }
            _ => {
                self.expected("`=`");
            }
        }
        state
    }

    /// At `for`.
    fn open_for(&mut self) -> State {
        let start = self.advance().start;
        let token = self.peek();
        if token.kind == Kind::LParen {
            let error = Diagnostic::new("E0027", token.span(), "a `for` has no parentheses around its head");
            self.error(error.with_help("write `for i in 0..n { … }`"));
            // The `;` in such a head end nothing.
            while !matches!(self.peek().kind, Kind::LBrace | Kind::RBrace | Kind::Eof) {
                self.advance();
            }
            return State::Recover;
        }
        let Some(name) = self.expect_name("the loop's name") else { return State::Recover };
        let token = self.peek();
        if token.kind == Kind::Assign {
            let error = Diagnostic::new("E0013", token.span(), "expected `in`, found `=`");
            self.error(error.with_help("write `for i in 0..n { … }`"));
            self.advance();
        } else if !self.eat(Kind::In) {
            let message = format!("expected `in`, found {}", self.found(token));
            let error = Diagnostic::new("E0013", self.place(token), message);
            if token.kind != Kind::Bad {
                self.error(error.with_help("write `for i in 0..n { … }` or `for x in xs { … }`"));
            }
            return State::Recover;
        }
        self.push(Frame::For { start, name, stage: ForStage::Iter });
        State::Operand
    }

    /// The expression that a statement or an item waits for is complete.
    pub(super) fn statement_value(&mut self, frame: Frame, value: Operand) -> State {
        let token = self.peek();
        match frame {
            Frame::ExprStmt { .. } => self.end_expression(value),
            Frame::Let { start, mutable, name, ty } => {
                let span = Span::new(start, value.outer.end);
                self.add_stmt(StmtKind::Let { mutable, name, ty, value: value.expr }, span);
                self.end_statement()
            }
            Frame::Assign { target, op } => {
                let kind = StmtKind::Assign { target: target.expr, op, value: value.expr };
                self.add_stmt(kind, target.outer.to(value.outer));
                self.end_statement()
            }
            Frame::Return { start } => {
                self.add_stmt(StmtKind::Return(Some(value.expr)), Span::new(start, value.outer.end));
                self.end_statement()
            }
            Frame::While { start, .. } => {
                let head = Span::new(start, self.last_end());
                self.push(Frame::While { start, parts: Some((value.expr, head)) });
                self.expect_body()
            }
            Frame::For { start, name, stage } => {
                let iter = match stage {
                    ForStage::Iter if matches!(token.kind, Kind::DotDot | Kind::DotDotEq | Kind::DotDotDot) => {
                        if token.kind == Kind::DotDotDot {
                            self.three_dots(token);
                        }
                        self.advance();
                        let stage = ForStage::Bound { lo: value.expr, inclusive: token.kind == Kind::DotDotEq };
                        self.push(Frame::For { start, name, stage });
                        return State::Operand;
                    }
                    ForStage::Bound { lo, inclusive } => ForIter::Range { lo, hi: value.expr, inclusive },
                    _ => ForIter::Each(value.expr),
                };
                let head = Span::new(start, self.last_end());
                self.push(Frame::For { start, name, stage: ForStage::Body { iter, head } });
                self.expect_body()
            }
            Frame::Fn { start, name, params, result, head } => {
                let block = Block { stmts: List::default(), value: Some(value.expr), span: value.outer };
                let body = self.add_block(block);
                let state = self.end_statement();
                self.add_fn(FnDecl { name, params, result, body, span: Span::new(start, self.last_end()), head });
                state
            }
            Frame::Const { start, name, ty } => {
                let state = self.end_statement();
                let span = Span::new(start, self.last_end());
                self.ast.consts.push(ConstDecl { name, ty, value: value.expr, span });
                state
            }
            _ => State::Recover,
        }
    }

    /// Behind an expression that started a statement.
    fn end_expression(&mut self, value: Operand) -> State {
        use Kind::*;
        let token = self.peek();
        let nested = !matches!(self.open.frames.last(), Some(Frame::Block { owner: Owner::Program, .. }));
        let op = match token.kind {
            Semicolon => {
                self.advance();
                self.add_stmt(StmtKind::Expr { expr: value.expr, semicolon: true }, value.outer);
                return State::Statement;
            }
            RBrace if !nested => return self.end_statement(),
            RBrace | Eof | Fn | Const => {
                if let Some(Frame::Block { last, .. }) = self.open.frames.last_mut() {
                    *last = Some(Last { value, block_like: false });
                }
                return State::Statement;
            }
            Assign => None,
            PlusAssign => Some(BinaryOp::Add),
            MinusAssign => Some(BinaryOp::Sub),
            StarAssign => Some(BinaryOp::Mul),
            SlashAssign => Some(BinaryOp::Div),
            PercentAssign => Some(BinaryOp::Rem),
            CaretAssign => Some(BinaryOp::Pow),
            _ => {
                // What this was meant to be is unknown: nothing is said about its value being thrown away.
                let expr = self.add(ExprKind::Error, value.outer);
                self.add_stmt(StmtKind::Expr { expr, semicolon: true }, value.outer);
                return self.end_statement();
            }
        };
        self.advance();
        self.push(Frame::Assign { target: value, op });
        State::Operand
    }

    /// Behind a statement that ends with `;`.
    pub(super) fn end_statement(&mut self) -> State {
        let token = self.peek();
        let nested = !matches!(self.open.frames.last(), Some(Frame::Block { owner: Owner::Program, .. }));
        match token.kind {
            Kind::Semicolon => {
                self.advance();
                State::Statement
            }
            Kind::Eof => {
                self.missing_semicolon(self.last_end());
                State::Statement
            }
            Kind::RBrace if nested => {
                self.missing_semicolon(self.last_end());
                State::Statement
            }
            Kind::Bad => State::Recover,
            Kind::RParen | Kind::RBracket | Kind::RBrace | Kind::Else => State::Statement,
            kind if kind.starts_statement() || kind.starts_operand() => {
                let end = self.last_end();
                let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map(|token| token.kind);
                let error = Diagnostic::new("E0014", Span::new(end, end), "expected `;` at the end of this statement");
                if kind == Kind::Ident && matches!(self.text(token.span()), "mod" | "div" | "xor") {
                    self.error(error.with_help("write `a % b`, `div(a, b)`, `bit_xor(a, b)` or `a != b`"));
                    return State::Recover;
                }
                let number = matches!(last, Some(Kind::Int | Kind::Float)) && kind == Kind::Ident;
                let gap = self.text(Span::new(end, token.start));
                let same_line = !kind.starts_statement() && !gap.contains('\n');
                self.error(error.with_help(if number {
                    "add `;`, or `*` to multiply"
                } else if same_line {
                    "add `;`, or an operator if both belong together"
                } else {
                    "add `;`"
                }));
                // On the same line it most likely is no statement.
                if same_line { State::Recover } else { State::Statement }
            }
            _ => self.expected("`;`"),
        }
    }
}
