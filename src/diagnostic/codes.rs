//! Every error code there is, each with what it means.
//!
//! `E0001` to `E0099` are what a text's form can get wrong, `E0100` and on what it means, `E0900` and on
//! what lies outside it. A code that was published keeps its
//! meaning for ever; one that falls out of use stays in the table.

/// What a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// `E0001` and on.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// One line on what is wrong and what is meant to stand there.
    pub explanation: &'static str,
}

const fn info(code: &'static str, title: &'static str, explanation: &'static str) -> CodeInfo {
    CodeInfo { code, title, explanation }
}

/// All codes, in order.
pub const CODES: &[CodeInfo] = &[
    // What the form of a text can get wrong.
    info(
        "E0001",
        "text too long",
        "A source text has at most as many bytes as the limit allows (1 MiB unless changed).",
    ),
    info("E0002", "not UTF-8", "A source text is UTF-8; the error names the first byte that is not."),
    info("E0003", "letter not allowed in names", "Names are made of the letters A to Z and a to z, digits and `_`."),
    info("E0004", "unexpected character", "This character means nothing outside a comment."),
    info("E0005", "unclosed comment", "Every `/*` needs its `*/`; such comments nest."),
    info(
        "E0006",
        "malformed number",
        "Numbers look like `42`, `1_000`, `0x2A`, `0b101`, `1.5`, `.5` and `1e-9`, and no letter follows them.",
    ),
    info(
        "E0007",
        "integer too large",
        "A whole number is an `i64`: at most 9223372036854775807, and 9223372036854775808 only right after a minus.",
    ),
    info("E0008", "float too large", "A number with a point or an exponent is an `f64`: less than about 1.8e308."),
    info("E0009", "text in quotes", "The language has numbers, booleans and arrays, but no strings."),
    info(
        "E0010",
        "nested too deep",
        "Brackets, blocks, unary operators and exponents nest at most as deep as the limit allows (200 unless changed).",
    ),
    info(
        "E0011",
        "too many functions",
        "A program has at most as many functions as the limit allows (10,000 unless changed).",
    ),
    info(
        "E0012",
        "expression expected",
        "Here a value has to stand: a number, a name, a call, an expression in parentheses, an `if` or a block.",
    ),
    info("E0013", "something else expected", "The sentence says what has to stand here."),
    info("E0014", "missing `;`", "A `;` ends every statement but the last of a block and those that end in a block."),
    info("E0015", "unclosed bracket", "Every `(`, `[` and `{` needs its counterpart."),
    info("E0016", "unexpected closing bracket", "This `)`, `]` or `}` closes nothing that is open here."),
    info("E0017", "keyword used as a name", "The words of the language itself cannot name anything else."),
    info("E0018", "unknown operator", "Other languages have this operator; the help says what to write here."),
    info("E0019", "`=` in an expression", "`=` assigns and is a statement of its own; `==` compares."),
    info(
        "E0020",
        "`!=` in a chain",
        "Comparisons chain as in mathematics, but `!=` does not: `a != b != c` would not say whether `a` and `c` differ.",
    ),
    info(
        "E0021",
        "parentheses needed",
        "An `if` or block at the start of a statement ends at its `}`; to go on with an operator, put parentheses around it.",
    ),
    info(
        "E0022",
        "declaration inside a block",
        "Functions and constants stand at the top level of a program; they do not nest.",
    ),
    info(
        "E0023",
        "unknown type",
        "The types are `f64`, `i64`, `bool`, and `[T]` with `T` one of `f64 f32 i64 i32 u8 bool`.",
    ),
    info(
        "E0024",
        "range without a place",
        "`a..b` stands after the `in` of a `for`, or in the brackets of a slice; it is not a value.",
    ),
    info(
        "E0025",
        "call of something without a name",
        "Only a function's name can stand before the parentheses of a call.",
    ),
    info("E0026", "name without a value", "`let`, `var` and `const` give their name a value at once."),
    info("E0027", "form of another language", "Other languages write this so; the help says how it is written here."),
    // What its meaning can get wrong.
    info(
        "E0100",
        "unknown name",
        "A name that is not called is a variable, an input or a constant that is seen from there.",
    ),
    info("E0101", "unknown function", "A name before `(` is a function of the program, of the host, or built in."),
    info("E0102", "two functions of one name", "Functions do not overload: each name belongs to one."),
    info("E0103", "two constants of one name", "Each constant has a name of its own."),
    info("E0104", "two parameters of one name", "Each parameter of a function has a name of its own."),
    info(
        "E0106",
        "variable of the program in a function",
        "A function sees its parameters, the functions and the constants, never the program's variables; nor does a constant.",
    ),
    info(
        "E0107",
        "function as a value, or value as a function",
        "A function can only be called, and only a function can be.",
    ),
    info(
        "E0110",
        "value of another type than stated",
        "The value has the type that stands behind the name, or is an `i64` where that is `f64`.",
    ),
    info(
        "E0111",
        "`i64` needed",
        "Indices, bounds and lengths are whole numbers; an `f64` becomes one by `i64(x)`, a quotient by `div(a, b)`.",
    ),
    info("E0112", "operator on the wrong type", "Arithmetic takes numbers; `not`, `and` and `or` take `bool`s."),
    info(
        "E0113",
        "arms of different types",
        "All arms of an `if` that gives a value have one type, up to `i64` turning into `f64`.",
    ),
    info(
        "E0114",
        "condition that is no `bool`",
        "What stands behind `if` and `while` is a `bool`, such as a comparison.",
    ),
    info("E0115", "comparison of different types", "Numbers compare with numbers; `==` and `!=` also compare `bool`s."),
    info(
        "E0116",
        "element of the wrong type",
        "All elements of an array have its type, up to `i64` turning into `f64`; arrays hold no arrays.",
    ),
    info(
        "E0117",
        "empty array of unknown type",
        "`[]` takes its type from the place it is written for; without one, nothing tells it.",
    ),
    info("E0118", "no value where one is needed", "`()` is no value; it cannot be named or passed."),
    info(
        "E0119",
        "wrong result",
        "All that a function gives, at its end and by `return`, has the type that it states, or one common type.",
    ),
    info("E0120", "unused value", "A value that is thrown away is a mistake, unless a call gives it."),
    info(
        "E0121",
        "recursive function without a result type",
        "A function that calls itself, directly or through others, states its result: `-> T`.",
    ),
    info("E0122", "wrong number of arguments", "A call gives one argument for each parameter."),
    info("E0123", "wrong argument", "Each argument has its parameter's type, or is an `i64` where that is `f64`."),
    info(
        "E0130",
        "not a variable",
        "Only a `var` can be assigned; a `let`, a parameter, a loop's name, an input and a constant cannot.",
    ),
    info("E0131", "not a place", "Only a variable or an element of an array stands on the left of `=`."),
    info(
        "E0132",
        "assigned value of another type",
        "A variable and an array's elements keep their type; an `i64` assigned to an `f64` is converted.",
    ),
    info(
        "E0133",
        "array that may not be written to",
        "Only arrays of `var` names, of `mut` parameters, and new ones can be written to, become a `var`, or be passed to `mut`.",
    ),
    info(
        "E0134",
        "`mut` on something that is no array",
        "`mut` says that a function writes to the elements of an array.",
    ),
    info(
        "E0140",
        "not constant",
        "A constant is a number or a `bool` made of literals, constants, scalar operators and built-in functions.",
    ),
    info("E0141", "constant that needs itself", "The constants that a constant is made of are not made of it."),
    info("E0150", "`break` or `continue` outside a loop", "They leave or go on with the innermost loop around them."),
    info("E0151", "not an array", "Only arrays have elements and slices; a `for` runs over a range or an array."),
    // What no text can mend.
    info(
        "E0900",
        "machine cannot run it",
        "The text is right, but the machine is out of memory or lacks what compiled code needs; the sentence says which.",
    ),
    info(
        "E0901",
        "wrong command line",
        "A file that cannot be read, or a value of a name that is none; only the command line gives it, as JSON.",
    ),
];

/// What a code stands for, if there is such a code.
pub fn explain(code: &str) -> Option<&'static CodeInfo> {
    CODES.binary_search_by(|info| info.code.cmp(code)).ok().and_then(|at| CODES.get(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn codes_are_in_order_and_well_formed() {
        for pair in CODES.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} before {}", pair[0].code, pair[1].code);
        }
        for info in CODES {
            assert!(info.code.len() == 5 && info.code.starts_with('E'), "{}", info.code);
            assert!(!info.title.is_empty() && !info.title.ends_with('.'), "{}", info.code);
            assert!(info.explanation.ends_with('.') && !info.explanation.contains('\n'), "{}", info.code);
            assert_eq!(explain(info.code), Some(info));
        }
        assert_eq!(explain("E9999"), None);
    }

    fn codes_in(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes_in(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                // Tests may make up codes.
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                for (at, _) in text.match_indices("\"E0") {
                    if let Some(code) = text.get(at + 1..at + 6)
                        && text.get(at + 6..at + 7) == Some("\"")
                    {
                        found.insert(code.to_owned());
                    }
                }
            }
        }
    }

    #[test]
    fn every_code_that_the_sources_use_is_in_the_table() {
        let mut used = BTreeSet::new();
        codes_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
        let unknown: Vec<_> = used.iter().filter(|code| explain(code).is_none()).collect();
        assert!(unknown.is_empty(), "add these to CODES: {unknown:?}");
    }
}
