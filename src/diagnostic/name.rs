//! Names in messages: cut to a length that a screen holds, and the nearest one that exists.

/// Quoted names and source lines are cut to this many characters.
pub(super) const QUOTE_LEN: usize = 80;

/// Text as a message may quote it: at most 80 characters, none of which a terminal obeys.
pub fn cut(text: &str) -> String {
    let long = text.chars().nth(QUOTE_LEN).is_some();
    let kept = if long { QUOTE_LEN - 1 } else { QUOTE_LEN };
    let mut out: String = text.chars().take(kept).map(visible).collect();
    if long {
        out.push('…');
    }
    out
}

/// The character itself, or one that stands for it where a terminal would obey it or show nothing.
pub(super) fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() || is_format(c) => '\u{fffd}',
        c => c,
    }
}

/// Invisible characters that change how others are shown (bidirectional marks, joiners, separators).
pub(crate) fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Longer names get no suggestion: the work stays small and a near miss is unlikely.
const LONGEST: usize = 40;

/// So many candidates are looked at.
const MOST_CANDIDATES: usize = 2_000;

/// The candidate that is most likely meant by a misspelt name, if one is near enough.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let len = name.len();
    if len > LONGEST || len == 0 {
        return None;
    }
    // A third of the letters may be wrong; of one letter, only its case.
    let most = match len {
        1 => 0,
        2..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates.into_iter().take(MOST_CANDIDATES) {
        if candidate.len().abs_diff(len) > most || candidate == name {
            continue;
        }
        let limit = best.map_or(most + 1, |(distance, _)| distance);
        let distance = distance(name.as_bytes(), candidate.as_bytes());
        if distance < limit {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Letters to insert, leave out, replace or swap with their neighbour (optimal string alignment); case counts nothing.
fn distance(a: &[u8], b: &[u8]) -> usize {
    const WIDTH: usize = LONGEST + 4;
    let mut rows = [[0usize; WIDTH + 1]; 3];
    let width = b.len().min(WIDTH);
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    let (mut before, mut above, mut here) = (2, 0, 1);
    for (i, x) in a.iter().enumerate() {
        rows[here][0] = i + 1;
        for (j, y) in b[..width].iter().enumerate() {
            let replace = rows[above][j] + usize::from(!x.eq_ignore_ascii_case(y));
            let mut cost = replace.min(rows[above][j + 1] + 1).min(rows[here][j] + 1);
            if i > 0 && j > 0 && x.eq_ignore_ascii_case(&b[j - 1]) && a[i - 1].eq_ignore_ascii_case(y) {
                cost = cost.min(rows[before][j - 1] + 1);
            }
            rows[here][j + 1] = cost;
        }
        (before, above, here) = (above, here, before);
    }
    rows[above][width]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_keeps_eighty_characters() {
        assert_eq!(cut("abc"), "abc");
        let eighty = "é".repeat(80);
        assert_eq!(cut(&eighty), eighty);
        let long = cut(&"é".repeat(81));
        assert_eq!(long.chars().count(), 80);
        assert!(long.ends_with("é…"));
        assert_eq!(cut(&"x".repeat(1 << 20)).chars().count(), 80);
    }

    #[test]
    fn cut_shows_nothing_that_a_terminal_obeys() {
        assert_eq!(cut("a\u{1b}[2Jb\u{202e}\tc"), "a\u{fffd}[2Jb\u{fffd} c");
    }

    #[test]
    fn the_nearest_name_is_found() {
        let names = ["sqrt", "sin", "sinh", "asin", "floor", "floor_div", "popcount", "PI", "x", "lenght"];
        let near = |name| nearest(name, names);
        assert_eq!(near("sqr"), Some("sqrt"));
        assert_eq!(near("sqtr"), Some("sqrt"));
        assert_eq!(near("Sqrt"), Some("sqrt"));
        assert_eq!(near("flor"), Some("floor"));
        assert_eq!(near("flor_dvi"), Some("floor_div"));
        assert_eq!(near("pi"), Some("PI"));
        assert_eq!(near("X"), Some("x"));
        assert_eq!(near("y"), None);
        assert_eq!(near("gamma"), None);
        assert_eq!(near("sqrt"), None);
        assert_eq!(near(""), None);
        assert_eq!(near(&"s".repeat(100_000)), None);
    }

    #[test]
    fn distances_are_those_of_optimal_string_alignment() {
        assert_eq!(distance(b"ca", b"abc"), 3);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"abcd", b"abdc"), 1);
        assert_eq!(distance(b"same", b"SAME"), 0);
    }
}
