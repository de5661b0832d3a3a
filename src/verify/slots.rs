//! What words of the frame hold: in pieces that states share until one of them writes, so that a copy costs little however large the frame is, and that where
//! ways meet only what differs is looked at.

use super::values::{Id, UNKNOWN};
use std::rc::Rc;

/// Words of a piece.
const PIECE: usize = 64;

/// Words further down are not followed.
const FOLLOWED: usize = 1 << 16;

/// So many pieces are looked through where comparisons are tidied up.
const MANY: usize = 8;

type Piece = [Id; PIECE];

/// Words of the frame, by their place above the stack pointer at the function's entry.
#[derive(Debug, Default)]
pub struct Slots {
    /// The place of the highest word that can be followed: the caller's last outgoing one.
    top: i64,
    /// From there down.
    pieces: Vec<Option<Rc<Piece>>>,
}

impl Clone for Slots {
    fn clone(&self) -> Slots {
        Slots { top: self.top, pieces: self.pieces.clone() }
    }

    fn clone_from(&mut self, from: &Slots) {
        self.top = from.top;
        if !self.pieces.is_empty() || !from.pieces.is_empty() {
            self.pieces.clone_from(&from.pieces);
        }
    }
}

impl Slots {
    /// Forgets everything; `top` is the place of the highest word that will be followed.
    pub fn clear(&mut self, top: i64) {
        self.top = top;
        self.pieces.clear();
    }

    /// The number of a word from the top, if it is followed.
    fn number(&self, at: i64) -> Option<usize> {
        let below = usize::try_from(self.top.checked_sub(at)?).ok()?;
        Some(below / 8).filter(|number| below % 8 == 0 && *number < FOLLOWED)
    }

    fn place(&self, number: usize) -> i64 {
        self.top - number as i64 * 8
    }

    fn by_number(&self, number: usize) -> Id {
        let piece = self.pieces.get(number / PIECE).and_then(Option::as_deref);
        piece.map_or(UNKNOWN, |piece| piece[number % PIECE])
    }

    /// What a word holds.
    pub fn get(&self, at: i64) -> Id {
        self.number(at).map_or(UNKNOWN, |number| self.by_number(number))
    }

    /// Whether one of the topmost words holds this, where a function saves registers before all else.
    pub fn is_near_top(&self, id: Id) -> bool {
        self.pieces.first().and_then(Option::as_deref).is_some_and(|piece| piece.contains(&id))
    }

    /// A word holds this now.
    pub fn set(&mut self, at: i64, id: Id) {
        if let Some(number) = self.number(at) {
            self.set_by_number(number, id);
        }
    }

    fn set_by_number(&mut self, number: usize, id: Id) {
        let piece = number / PIECE;
        if self.pieces.len() <= piece {
            if id == UNKNOWN {
                return;
            }
            self.pieces.resize(piece + 1, None);
        }
        let Some(place) = self.pieces.get_mut(piece) else { return };
        match place {
            None if id == UNKNOWN => {}
            None => {
                let mut words = [UNKNOWN; PIECE];
                words[number % PIECE] = id;
                *place = Some(Rc::new(words));
            }
            Some(words) if words[number % PIECE] == id => {}
            Some(words) => Rc::make_mut(words)[number % PIECE] = id,
        }
    }

    /// So many bytes hold something else.
    pub fn forget(&mut self, at: i64, bytes: i64) {
        // The words that any of these bytes is in, from the highest.
        let last = at.saturating_add(bytes) - 1;
        let first = usize::try_from(self.top.saturating_sub(last - last.rem_euclid(8))).unwrap_or(0) / 8;
        let below = self.top.saturating_sub(at - at.rem_euclid(8));
        let Ok(below) = usize::try_from(below) else { return };
        let end = (below / 8 + 1).min(self.pieces.len() * PIECE);
        for number in first..end {
            self.set_by_number(number, UNKNOWN);
        }
    }

    /// Whether there are more words than can be looked through again and again.
    pub fn are_many(&self) -> bool {
        self.pieces.len() > MANY
    }

    /// Words of which something is known.
    pub fn iter(&self) -> impl Iterator<Item = (i64, Id)> + '_ {
        let pieces = self.pieces.iter().enumerate().filter_map(|(at, piece)| Some((at, piece.as_deref()?)));
        pieces.flat_map(move |(at, piece)| {
            let words = piece.iter().enumerate().filter(|(_, id)| **id != UNKNOWN);
            words.map(move |(word, id)| (self.place(at * PIECE + word), *id))
        })
    }

    /// Whether all words are shared with another state's.
    pub fn are_shared(&self, other: &Slots) -> bool {
        let is_shared = |(a, b): (&Option<Rc<Piece>>, &Option<Rc<Piece>>)| match (a, b) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        self.pieces.len() == other.pieces.len() && self.pieces.iter().zip(&other.pieces).all(is_shared)
    }

    /// Words of which something is known here, and that hold another value there.
    pub fn differing<'s>(&'s self, there: &'s Slots) -> impl Iterator<Item = (i64, Id, Id)> + 's {
        let pieces = self.pieces.iter().enumerate().filter_map(|(at, piece)| Some((at, piece.as_ref()?)));
        let pieces = pieces.filter(|(at, piece)| match there.pieces.get(*at) {
            Some(Some(other)) => !Rc::ptr_eq(piece, other),
            _ => true,
        });
        pieces.flat_map(move |(at, piece)| {
            (0..PIECE).filter_map(move |word| {
                let number = at * PIECE + word;
                let (here, other) = (piece[word], there.by_number(number));
                (here != UNKNOWN && here != other).then_some((self.place(number), here, other))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_has() {
        let mut slots = Slots::default();
        slots.clear(16);
        for word in 0..40 {
            slots.set(16 - word * 8, word as Id + 2);
        }
        let copy = slots.clone();
        assert_eq!(slots.differing(&copy).count(), 0);
        slots.set(-64, 99);
        slots.set(-72, UNKNOWN);
        slots.set(24, 7);
        slots.set(-65, 7);
        assert_eq!((slots.get(-64), copy.get(-64), slots.get(24), slots.get(-65)), (99, 12, UNKNOWN, UNKNOWN));
        assert_eq!(slots.differing(&copy).collect::<Vec<_>>(), [(-64, 99, 12)]);
        assert_eq!(copy.differing(&slots).collect::<Vec<_>>(), [(-64, 12, 99), (-72, 13, UNKNOWN)]);
        assert_eq!(copy.iter().count(), 40);
    }

    #[test]
    fn bytes_are_forgotten_with_the_words_that_they_are_in() {
        let mut slots = Slots::default();
        slots.clear(0);
        let fill = |slots: &mut Slots| (0..9).for_each(|word| slots.set(-word * 8, 2));
        let left = |slots: &Slots| slots.iter().map(|(at, _)| at).collect::<Vec<_>>();
        fill(&mut slots);
        slots.forget(-48, 40);
        assert_eq!(left(&slots), [0, -8, -56, -64]);
        fill(&mut slots);
        slots.forget(-44, 8);
        assert_eq!(left(&slots), [0, -8, -16, -24, -32, -56, -64]);
        fill(&mut slots);
        slots.forget(-60, 1);
        assert_eq!(left(&slots).len(), 8);
        slots.forget(-4096, 4096);
        assert_eq!(left(&slots), [0]);
        slots.forget(i64::MIN, i64::MAX);
        assert_eq!(left(&slots), [0]);
    }
}
