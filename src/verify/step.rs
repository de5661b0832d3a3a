//! What an instruction does, as far as the rules of [`super`] care: the language that the decoders of both machines translate to.
//!
//! An instruction becomes a few steps, done in order. What the rules do not follow (floating-point results, bits of integers) is *some value*: it is known only that
//! the register was written. A decoder that is in doubt says less, never more: to claim [`Step::Any`] for a register is always sound, to leave out a written register never is.

/// A register that a value can be in. Numbers are the machine's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reg {
    /// A general register of 64 bits. Never the stack pointer, nor the register that is always zero (a decoder gives [`Src::Const`] for it).
    Int(u8),
    /// A vector register, whole.
    Vector(u8),
    /// A mask register of AVX-512.
    Mask(u8),
}

/// What an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Src {
    /// All 64 bits of a general register.
    Reg(u8),
    /// A number.
    Const(i64),
}

/// The base of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// A general register.
    Reg(u8),
    /// The stack pointer.
    Stack,
}

/// An access to memory: `base + (index << shift) + disp`, so many bytes. The index is a 64-bit register, never extended from fewer bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it starts from.
    pub base: Base,
    /// The index register and how far it is shifted.
    pub index: Option<(u8, u8)>,
    /// Added to both.
    pub disp: i64,
    /// The bytes that are read or written, exactly.
    pub bytes: u32,
}

/// How flags set by [`Step::Compare`] are read: `a` stands to `b` like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cond {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less, signed.
    Lt,
    /// Less or equal, signed.
    Le,
    /// Greater, signed.
    Gt,
    /// Greater or equal, signed.
    Ge,
    /// Below, unsigned.
    Below,
    /// Below or equal, unsigned.
    BelowEq,
    /// Above, unsigned.
    Above,
    /// Above or equal, unsigned.
    AboveEq,
    /// `a - b`, wrapped to 64 bits, is negative: the flag of the sign.
    Negative,
    /// `a - b`, wrapped to 64 bits, is not negative.
    NotNegative,
    /// What the flags are of does not fit 64 bits with a sign.
    Overflow,
    /// It fits.
    NoOverflow,
    /// Any other condition: nothing is learned from it.
    Other,
}

/// A comparison of lanes of whole numbers, signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneCond {
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

/// One thing that an instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Some value in a register.
    Any(Reg),
    /// `to = value`
    Const {
        /// A general register.
        to: u8,
        /// What it holds then.
        value: i64,
    },
    /// All of a register into another one of its class; 64 bits of a general one.
    Copy {
        /// Written.
        to: Reg,
        /// Read.
        from: Reg,
    },
    /// `to` = the stack pointer + `by`: an address in the frame, for a helper that reads its arguments there.
    StackAddress {
        /// A general register.
        to: u8,
        /// How far above the stack pointer.
        by: i64,
    },
    /// `to = from mod 2^bits`, the rest zero.
    ZeroExtend {
        /// A general register.
        to: u8,
        /// A general register.
        from: u8,
        /// So many low bits are kept.
        bits: u8,
    },
    /// `to = a + (b << shift)`, wrapping.
    Add {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// The other operand.
        b: Src,
        /// How far it is shifted.
        shift: u8,
    },
    /// `to = a - b`, wrapping. An instruction that sets the flags, too, has [`Step::Compare`] of the same operands before it.
    Sub {
        /// A general register.
        to: u8,
        /// The first operand.
        a: Src,
        /// The other one.
        b: Src,
    },
    /// `to = a & b`
    And {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// The other operand.
        b: Src,
    },
    /// `to = a | b`
    Or {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// The other operand.
        b: Src,
    },
    /// `to = a ^ b`
    Xor {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// The other operand.
        b: Src,
    },
    /// `to = a * b`, wrapping.
    Multiply {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// The other operand.
        b: Src,
    },
    /// `to` = the upper 64 of the 128 bits of a product with a sign.
    MultiplyHigh {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// A general register.
        b: u8,
    },
    /// `to = from - a * b`, wrapping.
    MultiplySubtract {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// A general register.
        b: u8,
        /// A general register.
        from: u8,
    },
    /// `to = a / b`, rounded towards zero. Some value where `b` is zero, and the least number where it is divided by -1.
    Divide {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// A general register.
        b: u8,
    },
    /// `quotient = a / b`, rounded towards zero, and `remainder` = what remains, where `a` is the number whose lower half is `low` and whose upper one is `high`.
    /// Control does not go on where `b` is zero, or the quotient does not fit.
    DivideDouble {
        /// A general register.
        quotient: u8,
        /// A general register.
        remainder: u8,
        /// A general register.
        low: u8,
        /// A general register.
        high: u8,
        /// A general register.
        b: u8,
    },
    /// `to = a + (b >> by)`, wrapping.
    AddPart {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// A general register.
        b: u8,
        /// Below 64, and not zero.
        by: u8,
        /// Whether the shift keeps the sign.
        signed: bool,
    },
    /// `to = a >> n`, where the low six bits of some register say how far.
    ShiftRightSome {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// Whether the shift keeps the sign.
        signed: bool,
    },
    /// Some number between these in a register.
    Between {
        /// A general register.
        to: u8,
        /// No less than this.
        lo: i64,
        /// No more than this.
        hi: i64,
    },
    /// `to = a >> by`, unsigned.
    ShiftRight {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// Below 64.
        by: u8,
    },
    /// `to = a >> by`, signed.
    ShiftRightSigned {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// Below 64.
        by: u8,
    },
    /// `to = a << by`
    ShiftLeft {
        /// A general register.
        to: u8,
        /// A general register.
        a: u8,
        /// Below 64.
        by: u8,
    },
    /// `to = yes` where the condition holds, else `no`.
    Select {
        /// A general register.
        to: u8,
        /// A general register or a number.
        yes: Src,
        /// A general register or a number.
        no: Src,
        /// Of the flags.
        cond: Cond,
    },
    /// Memory is read; what is read goes into a register, or is used up by an instruction whose result is another step's [`Step::Any`].
    Load {
        /// A general register if it is 8 bytes, zero-extended if fewer; or a whole vector register, the bytes past those read being zero or unfollowed.
        to: Option<Reg>,
        /// From where.
        from: Place,
        /// Whether the sign is extended: then the value is not followed.
        signed: bool,
    },
    /// A register's low bytes, or something not followed, go to memory.
    Store {
        /// To where.
        to: Place,
        /// What is stored: a general register (8 bytes: all of it), a number, or a vector register.
        value: Option<Value>,
    },
    /// A word of the read-only pool, by its offset from the pool's start, or several behind each other.
    LoadPool {
        /// A general register (8 bytes), a vector register, or none where an instruction uses it up.
        to: Option<Reg>,
        /// From the start of the pool.
        offset: i64,
        /// Bytes that are read.
        bytes: u32,
    },
    /// The flags now tell how `a` stands to `b`, 64 bits each (`cmp`, `sub`, `subs`; `test r, r` is a comparison with zero).
    Compare {
        /// The first operand.
        a: Src,
        /// The other one.
        b: Src,
    },
    /// The flags now tell whether `a & b` is zero (`Eq`) or not (`Ne`).
    Test {
        /// A general register.
        a: u8,
        /// The other operand.
        b: Src,
    },
    /// The flags tell, besides what else they do, whether the sum, difference or product that the step before left in a register fits 64 bits with a sign.
    Overflow {
        /// A general register.
        of: u8,
    },
    /// The flags now tell how `a` stands to `b >> by`, signed.
    ComparePart {
        /// A general register.
        a: u8,
        /// A general register.
        b: u8,
        /// Below 64, and not zero.
        by: u8,
    },
    /// Where the condition holds of the flags, they now tell how `a` stands to zero; else, that something is greater, as numbers with a sign.
    CompareZeroIf {
        /// A general register.
        a: u8,
        /// Of the flags before.
        cond: Cond,
    },
    /// The flags hold something else.
    AnyFlags,
    /// To `target`, an offset into the code, where the condition holds; else on.
    Branch {
        /// Of the flags.
        cond: Cond,
        /// Where to.
        target: u32,
    },
    /// To `target` where a whole register is zero (or is not); else on. The flags stay.
    BranchZero {
        /// A general register.
        reg: u8,
        /// Where it is zero, or where it is not.
        when_zero: bool,
        /// Where to.
        target: u32,
    },
    /// To `target`.
    Jump {
        /// Where to.
        target: u32,
    },
    /// A call of a function of the same program.
    Call {
        /// Its first byte.
        target: u32,
    },
    /// A call through a word of the pool (x86-64: `call [rip + d]`; AArch64: through the register that the word was just loaded to: [`Step::CallReg`]).
    CallPool {
        /// From the start of the pool.
        offset: i64,
    },
    /// A call through a register.
    CallReg {
        /// It must hold the word of the pool that names a runtime function.
        reg: u8,
    },
    /// Back to the caller: x86-64 through the word at the stack pointer, AArch64 through x30.
    Return,
    /// The stack pointer plus `by`.
    MoveStack {
        /// Negative where a frame is made.
        by: i64,
    },
    /// The whole unit that lowers the stack pointer by `bytes` and touches each page of 4096 bytes on the way (the loop of the prologue).
    Probe {
        /// A multiple of 4096.
        bytes: u64,
        /// The counter, which is zero afterwards.
        counter: u8,
    },
    /// An instruction that ends everything: `int3`, `ud2`, `brk`. Control does not come behind it.
    Stop,
    /// Nothing: a landing pad or padding.
    Nothing,
    /// `to = 0` in all lanes or all bits.
    ZeroVector {
        /// A vector register.
        to: u8,
    },
    /// Each lane of 64 bits is the general register `from`.
    Splat {
        /// A vector register.
        to: u8,
        /// A general register.
        from: u8,
    },
    /// `to` = that lane of 64 bits of a vector. AArch64 gathers lane by lane: a branch on a lane of the mask, then the lane of the indices.
    Lane {
        /// A general register.
        to: u8,
        /// A vector register.
        from: u8,
        /// From 0.
        lane: u8,
    },
    /// Each lane is this number of 64 bits (all ones, or a word of the pool splatted by an instruction: then [`Step::SplatPool`]).
    SplatConst {
        /// A vector register.
        to: u8,
        /// In each lane.
        value: i64,
    },
    /// Each lane is a word of the pool, as `vpbroadcastq` or an embedded broadcast reads it.
    SplatPool {
        /// A vector register.
        to: u8,
        /// From the start of the pool.
        offset: i64,
    },
    /// `to = a & b` in lanes, of whole vectors; of masks held in vectors (AVX2), too.
    AndLanes {
        /// A vector register.
        to: u8,
        /// A vector register.
        a: u8,
        /// The other operand.
        b: Lanes,
    },
    /// `to` = which lanes of `a` stand to those of `b` like this: bits of a mask register, or all ones in lanes of a vector register. `and` is a mask register that the
    /// result is combined with by "and" (the form with a write mask).
    CompareLanes {
        /// A mask or vector register.
        to: Reg,
        /// The first operand.
        a: Lanes,
        /// The other one.
        b: Lanes,
        /// How `a` stands to `b`.
        cond: LaneCond,
        /// Masks only.
        and: Option<u8>,
    },
    /// `to = a & b`, of mask registers.
    AndMasks {
        /// A mask register.
        to: u8,
        /// A mask register.
        a: u8,
        /// A mask register.
        b: u8,
    },
    /// `to = a & !b`, of mask registers or of masks in vector registers.
    AndNotMasks {
        /// Written.
        to: Reg,
        /// Those kept …
        a: Reg,
        /// … but for these.
        b: Reg,
    },
    /// Reads `bytes` at `base + (index << shift) + disp` for each lane whose mask is set. The destination is another step's [`Step::Any`], as is the mask's register afterwards.
    Gather {
        /// A general register.
        base: u8,
        /// A vector register of 64-bit indices.
        index: u8,
        /// How far the index is shifted.
        shift: u8,
        /// Added to each.
        disp: i64,
        /// Bytes a lane.
        bytes: u32,
        /// A mask register, or a vector register whose lanes are negative where set.
        mask: Reg,
    },
    /// `to = a ^ b` in lanes, of whole vectors: with all ones, the lanes that are not set.
    XorLanes {
        /// A vector register.
        to: u8,
        /// A vector register.
        a: u8,
        /// The other operand.
        b: Lanes,
    },
    /// `to` = the lanes that `from` has not, of mask registers.
    NotMask {
        /// A mask register.
        to: u8,
        /// A mask register.
        from: u8,
    },
    /// The flags now tell whether no lane of a mask is set (`Eq`) or any (`Ne`): a mask register, or a vector register whose lanes are negative where set.
    TestLanes {
        /// A mask or vector register.
        mask: Reg,
    },
    /// Some value in every vector register: the upper parts of them all are cleared.
    AnyVectors,
    /// Bits of a mask as a general register (`kmov`, `vmovmskpd`): bit i is lane i.
    MaskBits {
        /// A general register.
        to: u8,
        /// A mask or vector register.
        from: Reg,
    },
}

/// What a [`Step::Store`] stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A register.
    Reg(Reg),
    /// A number, its low bytes.
    Const(i64),
}

/// An operand of lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    /// A vector register.
    Reg(u8),
    /// A word of the pool in each lane, by its offset from the pool's start.
    Pool(i64),
    /// Words of the pool behind each other, one for each lane, by the offset of the first.
    PoolRow(i64),
}

/// An instruction decoded, and perhaps others before it.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// Its bytes.
    pub len: u32,
    /// What it does, in order, behind the steps of those before.
    steps: Vec<Step>,
    first: usize,
    /// Whether one of its steps is [`Step::is_way`].
    has_way: bool,
}

/// No instruction does more.
const STEPS: usize = 6;

impl PartialEq for Decoded {
    fn eq(&self, other: &Decoded) -> bool {
        self.len == other.len && self.as_slice() == other.as_slice()
    }
}

impl Eq for Decoded {}

impl Decoded {
    /// An instruction of so many bytes that does nothing yet.
    pub fn new(len: u32) -> Decoded {
        Decoded { len, ..Decoded::default() }
    }

    /// Nothing yet, in memory that is there.
    pub fn reusing(mut steps: Vec<Step>) -> Decoded {
        steps.clear();
        Decoded { steps, ..Decoded::default() }
    }

    /// As [`Decoded::new`], in place of the last one.
    #[inline]
    pub fn restart(&mut self, len: u32) {
        self.len = len;
        self.steps.truncate(self.first);
        self.has_way = false;
    }

    /// And then this. Past the sixth, `false`: the caller refuses the instruction.
    #[must_use]
    #[inline]
    pub fn push(&mut self, step: Step) -> bool {
        self.has_way |= step.is_way();
        if self.steps.len() - self.first >= STEPS {
            return false;
        }
        self.steps.push(step);
        true
    }

    /// What it does, in order.
    pub fn as_slice(&self) -> &[Step] {
        self.steps.get(self.first..).unwrap_or_default()
    }

    /// What it does, in order.
    pub fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        self.as_slice().iter().copied()
    }

    /// Whether control may not simply go on behind it, or a word of the pool gets into a register, which it may go on through.
    pub fn has_way(&self) -> bool {
        self.has_way
    }

    /// The number of steps before it.
    pub fn before(&self) -> usize {
        self.first
    }

    /// It is kept: what is decoded next comes behind it.
    pub fn keep(&mut self) {
        self.first = self.steps.len();
    }

    /// The steps of all that were kept.
    pub fn into_steps(mut self) -> Vec<Step> {
        self.steps.truncate(self.first);
        self.steps
    }
}

impl Step {
    /// Whether control may not simply go on behind it, or it loads a word of the pool.
    #[inline]
    pub const fn is_way(&self) -> bool {
        matches!(
            self,
            Step::Branch { .. }
                | Step::BranchZero { .. }
                | Step::Jump { .. }
                | Step::Return
                | Step::Stop
                | Step::CallPool { .. }
                | Step::CallReg { .. }
                | Step::LoadPool { .. }
        )
    }
}

/// Why an instruction is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The bytes are no instruction, or end in the middle of one.
    Invalid,
    /// An instruction that no emitter makes.
    NotListed,
    /// A listed instruction, in a form (operands, width, prefixes, encoding) that no emitter makes.
    Form,
}

/// Decodes the instruction at `offset`.
pub trait Decode {
    /// Into memory that is there.
    ///
    /// # Errors
    /// It is not in the list of what may stand in generated code.
    fn decode_into(&self, code: &[u8], offset: u32, out: &mut Decoded) -> Result<(), Refused>;

    /// By itself.
    ///
    /// # Errors
    /// As [`Decode::decode_into`].
    fn decode(&self, code: &[u8], offset: u32) -> Result<Decoded, Refused> {
        let mut out = Decoded::default();
        self.decode_into(code, offset, &mut out)?;
        Ok(out)
    }
}
