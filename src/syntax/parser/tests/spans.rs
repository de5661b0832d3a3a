use super::*;

/// The text that a span covers.
fn at(source: &str, span: Span) -> &str {
    &source[span.start as usize..span.end as usize]
}

/// The text of the program's value, and of what it is made of, outermost last.
fn exprs(source: &str) -> Vec<&str> {
    let (ast, errors) = parsed(source);
    assert!(errors.is_empty(), "{source}: {:?}", errors.as_slice());
    ast.exprs.iter().map(|expr| at(source, expr.span)).collect()
}

#[test]
fn parentheses_around_an_expression_are_not_part_of_it() {
    assert_eq!(exprs("( a )"), ["a"]);
    assert_eq!(exprs("((a + b))"), ["a", "b", "a + b"]);
    assert_eq!(exprs("(a + b) * (c)"), ["a", "b", "a + b", "c", "(a + b) * (c)"]);
    assert_eq!(exprs("-(a)"), ["a", "-(a)"]);
    assert_eq!(exprs("((a))^(b)"), ["a", "b", "((a))^(b)"]);
    assert_eq!(exprs("(a) < (b)"), ["a", "b", "(a) < (b)"]);
    assert_eq!(exprs("((a) and (b))"), ["a", "b", "(a) and (b)"]);
    let (ast, _) = parsed("(a) + b");
    assert!(ast.exprs[0].parenthesized && !ast.exprs[1].parenthesized && !ast.exprs[2].parenthesized);
}

#[test]
fn a_chain_knows_each_of_its_prefixes() {
    let source = "((a) + b - (c * (d))) + e";
    let (ast, _) = parsed(source);
    let spans: Vec<_> = ast.chain_links.iter().map(|link| at(source, link.span)).collect();
    assert_eq!(spans, ["c * (d)", "(a) + b", "(a) + b - (c * (d))", "((a) + b - (c * (d))) + e"]);
    let ops: Vec<_> = ast.chain_links.iter().map(|link| at(source, link.op_span)).collect();
    assert_eq!(ops, ["*", "+", "-", "+"]);
}

#[test]
fn a_postfix_knows_what_it_stands_behind() {
    let source = "(xs)[1][f(2)..]";
    let (ast, _) = parsed(source);
    let spans: Vec<_> = ast.postfixes.iter().map(|postfix| at(source, postfix.span)).collect();
    assert_eq!(spans, ["(xs)[1]", "(xs)[1][f(2)..]"]);
}

#[test]
fn statements_end_before_their_semicolon() {
    let source = "let x = (1) ; x += (2); (xs)[0] = 1; if a { 1; } return (x) ; f( ) ;";
    let (ast, errors) = parsed(source);
    assert!(errors.is_empty());
    let body = ast.blocks[ast.body.unwrap().0 as usize];
    let stmts = ast.stmt_lists[body.stmts.range()].iter();
    let spans: Vec<_> = stmts.map(|id| at(source, ast.stmts[id.0 as usize].span)).collect();
    assert_eq!(spans, ["let x = (1)", "x += (2)", "(xs)[0] = 1", "if a { 1; }", "return (x)", "f( )"]);
    assert_eq!(at(source, body.span), source);
}

#[test]
fn heads_end_before_the_brace() {
    let source = "while a < (b)  { } for i in 0..(n)\n{ } fn f(x) -> f64 { x } fn g(y) = y ; const C = 1 ;";
    let (ast, errors) = parsed(source);
    assert!(errors.is_empty(), "{:?}", errors.as_slice());
    let mut heads = Vec::new();
    for stmt in &ast.stmts {
        if let StmtKind::While { head, .. } | StmtKind::For { head, .. } = stmt.kind {
            heads.push((at(source, head), at(source, stmt.span)));
        }
    }
    assert_eq!(heads[0], ("while a < (b)", "while a < (b)  { }"));
    assert_eq!(heads[1], ("for i in 0..(n)", "for i in 0..(n)\n{ }"));
    let fns: Vec<_> = ast.fns.iter().map(|f| (at(source, f.head), at(source, f.span))).collect();
    assert_eq!(fns, [("fn f(x) -> f64", "fn f(x) -> f64 { x }"), ("fn g(y)", "fn g(y) = y ;")]);
    assert_eq!(at(source, ast.consts[0].span), "const C = 1 ;");
}
