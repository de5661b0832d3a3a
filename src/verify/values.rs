//! Values by number: what made each, and what that says of it for good.
//!
//! A location (register, word of the frame) holds a value's number, so that what a check tells of a value holds for every copy. What holds only where control came
//! through a check is in [`super::state`].

use super::step::Reg;
use std::cell::Cell;

/// The number of a value.
pub type Id = u32;

/// Some value, of which nothing is known. Each location that holds it holds a different one.
pub const UNKNOWN: Id = 0;

/// Zero: what numbers are compared with.
pub const ZERO: Id = 1;

/// No array has more elements.
pub const MAX_LENGTH: i64 = 1 << 57;

/// What counts is within [`MAX_LENGTH`] at first and changes by at most this much with each addition, each of which waits for the one before: to get beyond
/// [`COUNTED`], a processor of 5 GHz adds for years.
pub const COUNT_STEP: u64 = 4;

/// No value that only counts is further from zero.
pub const COUNTED: i64 = 1 << 61;

/// What made a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Def {
    /// Something that is not followed.
    Opaque,
    /// A register at the function's entry: of a vector register, the low 64 bits.
    Entry(Reg),
    /// A number.
    Const(i64),
    /// Another value plus a number, modulo 2^64.
    Sum(Id, i64),
    /// One value minus another one, modulo 2^64.
    Difference(Id, Id),
    /// One value plus another one, modulo 2^64.
    Total(Id, Id),
    /// One value times another one, modulo 2^64.
    Product(Id, Id),
    /// The upper half of that.
    HighProduct(Id, Id),
    /// A value times a power of two, modulo 2^64.
    Shifted(Id, u8),
    /// A value times `multiplier + plus * 2^64`, without the lowest `64 + shift` bits: exact, and rounded down.
    Scaled {
        /// The value.
        of: Id,
        /// The factor's low bits, as a number with a sign.
        multiplier: i64,
        /// 1 or 0.
        plus: u8,
        /// Below 64.
        shift: u8,
    },
    /// One value divided by another one, rounded towards zero; something else by zero.
    Quotient(Id, Id),
    /// What remains of one value divided by another one, which is positive: it has the sign of the first.
    Remainder(Id, Id),
    /// Some number of the same sign as this one: negative where it is.
    SignOf(Id),
    /// A value without its lowest bits, shifted down.
    Part {
        /// The value.
        of: Id,
        /// How far it is shifted: not by nothing, below 64.
        by: u8,
        /// Whether the sign is kept.
        signed: bool,
    },
    /// The second value where the first is negative, else zero.
    WhereNegative(Id, Id),
    /// An address plus an index, shifted.
    Element {
        /// The address.
        base: Id,
        /// The index.
        index: Id,
        /// How far it is shifted.
        shift: u8,
    },
    /// The context record.
    Context,
    /// An address in the frame, so far above the stack pointer at the function's entry.
    Frame(i64),
    /// A word of the pool that names a runtime function; by its number in the pool.
    Helper(u32),
    /// How far the arena was used.
    Mark,
    /// A vector with this value in each lane.
    Splat(Id),
    /// A vector of the same bits as another one, but for a number that bounds its lanes: all are in `0..=n`.
    Bounded(i64),
    /// A mask; what is known of lanes by it has this number among all masks.
    Mask(u32),
    /// Bits of a mask.
    Bits(Id),
    /// A lane of a vector.
    Lane(Id, u8),
}

/// What is known of the lanes of vectors in some lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneFacts {
    /// A few of them.
    pub list: [Option<LaneFact>; 4],
}

/// Something known of a vector's lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneFact {
    /// Which vector.
    pub vector: Id,
    /// Not less than this; by the value in each lane of a vector, plus a number.
    pub at_least: Option<(Id, i64)>,
    /// Not greater than this.
    pub at_most: Option<(Id, i64)>,
}

impl LaneFacts {
    /// Adds one where there is room.
    pub fn add(&mut self, fact: LaneFact) {
        if !self.list.contains(&Some(fact))
            && let Some(free) = self.list.iter_mut().find(|place| place.is_none())
        {
            *free = Some(fact);
        }
    }

    /// These and those.
    pub fn and(mut self, others: &LaneFacts) -> LaneFacts {
        others.list.iter().flatten().for_each(|fact| self.add(*fact));
        self
    }
}

/// The memory that an address begins: so many elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The size of an element is 2 to this.
    pub shift: u8,
    /// How many there are.
    pub length: Id,
    /// There are no fewer than these, either.
    pub others: [Id; 3],
    /// Whether they may be written.
    pub writable: Writable,
}

impl Extent {
    /// So many elements.
    pub const fn new(shift: u8, length: Id, writable: Writable) -> Extent {
        Extent { shift, length, others: [UNKNOWN; 3], writable }
    }

    /// Numbers of elements that are there.
    pub fn lengths(&self) -> impl Iterator<Item = Id> + use<> {
        let [a, b, c] = self.others;
        [self.length, a, b, c].into_iter().filter(|length| *length != UNKNOWN)
    }
}

/// Whether elements may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    /// They may not.
    No,
    /// They may if none of these functions (bit by bit) gives an array that may not be written.
    If(u64),
}

impl Writable {
    /// They may.
    pub const YES: Writable = Writable::If(0);

    /// What holds of one of the two.
    pub const fn either(self, other: Writable) -> Writable {
        match (self, other) {
            (Writable::If(a), Writable::If(b)) => Writable::If(a | b),
            _ => Writable::No,
        }
    }
}

/// A value.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// What made it.
    pub def: Def,
    /// No less than this, as a signed number.
    pub lo: i64,
    /// No more than this.
    pub hi: i64,
    /// It only counts: see [`COUNT_STEP`].
    pub counts: bool,
    /// A sum or difference is that of the signed numbers, too: it did not wrap around.
    pub fits: bool,
    /// What lies at this address.
    pub extent: Option<Extent>,
}

impl Value {
    /// One that can be anything.
    pub const fn of(def: Def) -> Value {
        Value { def, lo: i64::MIN, hi: i64::MAX, counts: false, fits: false, extent: None }
    }

    /// A number between these.
    pub const fn between(lo: i64, hi: i64) -> Value {
        Value { lo, hi, ..Value::of(Def::Opaque) }
    }
}

/// All values of a function.
#[derive(Debug, Default)]
pub struct Values {
    list: Vec<Value>,
    masks: Vec<[LaneFacts; 2]>,
    /// Vectors that were stored, in ascending order, and the first of the values that are their lanes.
    stored: Vec<(Id, Id)>,
    /// Values that others are compared with though they may be nowhere any more.
    pub pinned: Vec<Id>,
    /// What was looked at so far in proofs and where ways meet.
    pub effort: Cell<u64>,
}

impl Values {
    /// Forgets all but the two that are always there.
    pub fn clear(&mut self) {
        self.list.clear();
        self.masks.clear();
        self.stored.clear();
        self.pinned.clear();
        self.list.push(Value::of(Def::Opaque));
        self.list.push(Value { counts: true, fits: true, ..Value { lo: 0, hi: 0, ..Value::of(Def::Const(0)) } });
    }

    /// So much more was looked at.
    pub fn spend(&self, effort: usize) {
        self.effort.set(self.effort.get().saturating_add(effort as u64));
    }

    /// Values that there is memory for.
    pub fn room(&self) -> usize {
        self.list.capacity().max(self.masks.capacity())
    }

    /// The number that the next one will have.
    pub fn next(&self) -> Id {
        self.list.len() as Id
    }

    /// One more.
    pub fn add(&mut self, value: Value) -> Id {
        let id = self.list.len() as Id;
        self.list.push(value);
        id
    }

    /// A mask: what holds of lanes where it is set, and where it is not.
    pub fn mask(&mut self, set: LaneFacts, clear: LaneFacts) -> Id {
        let number = self.masks.len() as u32;
        self.masks.push([set, clear]);
        self.add(Value::of(Def::Mask(number)))
    }

    /// What holds of lanes where a mask is set, and where it is not.
    pub fn lanes_of(&self, id: Id) -> (LaneFacts, LaneFacts) {
        let facts = match self.def(id) {
            Def::Mask(number) => self.masks.get(number as usize),
            _ => None,
        };
        facts.map_or_else(Default::default, |[set, clear]| (*set, *clear))
    }

    /// The first of the values that are the lanes of a vector, one behind the other: the same whenever it is stored.
    pub fn lanes(&mut self, vector: Id, count: u32) -> Id {
        match self.stored.binary_search_by_key(&vector, |stored| stored.0) {
            Ok(at) => self.stored.get(at).map_or(UNKNOWN, |stored| stored.1),
            Err(at) => {
                let first = self.next();
                for lane in 0..count {
                    self.add(Value::of(Def::Lane(vector, lane as u8)));
                }
                self.stored.insert(at, (vector, first));
                first
            }
        }
    }

    /// A value between these, of which is known how it was made.
    pub fn made(&mut self, def: Def, lo: i64, hi: i64) -> Id {
        if lo == hi {
            return self.constant(lo);
        }
        let counts = lo >= -MAX_LENGTH && hi <= MAX_LENGTH;
        self.add(Value { counts, lo, hi, ..Value::of(def) })
    }

    /// Whether two values are the same number.
    pub fn is_same(&self, a: Id, b: Id) -> bool {
        self.root(a) == self.root(b)
    }

    /// A number.
    pub fn constant(&mut self, number: i64) -> Id {
        if number == 0 {
            return ZERO;
        }
        let counts = number.unsigned_abs() <= MAX_LENGTH as u64;
        self.add(Value { counts, fits: true, ..Value { lo: number, hi: number, ..Value::of(Def::Const(number)) } })
    }

    /// One that is known by its number.
    pub fn get(&self, id: Id) -> &Value {
        // Numbers come from `add`; the first stands for what is not there.
        self.list.get(id as usize).unwrap_or(&NOTHING)
    }

    /// To add to what is known of it.
    pub fn get_mut(&mut self, id: Id) -> Option<&mut Value> {
        self.list.get_mut(id as usize)
    }

    /// What made it.
    pub fn def(&self, id: Id) -> Def {
        self.get(id).def
    }

    /// The number that it is.
    pub fn number(&self, id: Id) -> Option<i64> {
        match self.get(id).def {
            Def::Const(number) => Some(number),
            _ => None,
        }
    }

    /// The value as another one plus a number, so that sums with numbers are compared by what they are sums of.
    pub fn root(&self, id: Id) -> (Id, i64) {
        let value = self.get(id);
        match value.def {
            Def::Const(number) => (ZERO, number),
            Def::Sum(root, number) if value.fits => (root, number),
            _ => (id, 0),
        }
    }

    /// Whether it is made from the address of an array.
    pub fn is_address(&self, id: Id) -> bool {
        let mut id = id;
        for _ in 0..ADDRESS_PARTS {
            let value = self.get(id);
            id = match value.def {
                _ if value.extent.is_some() => return true,
                Def::Sum(base, _) | Def::Element { base, .. } => base,
                _ => return false,
            };
        }
        false
    }
}

/// At most so many sums make an address.
pub const ADDRESS_PARTS: usize = 4;

const NOTHING: Value = Value::of(Def::Opaque);
