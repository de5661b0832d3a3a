//! The tables of the elementary functions by name, so that an instruction can tell which it reads.

use super::{erf_tables as erf, inverse_trig as angles, lane_tables as lanes, tables};

macro_rules! tables {
    ($($name:ident $printed:literal $values:path;)*) => {
        /// A table of constants whose length is a power of two.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each is documented where its entries are")]
        pub enum TableId { $($name,)* }

        impl TableId {
            /// All of them, in the order of their discriminants.
            pub const ALL: &'static [TableId] = &[$(TableId::$name),*];

            /// As printed.
            pub const fn name(self) -> &'static str {
                match self { $(TableId::$name => $printed,)* }
            }

            /// Its entries.
            #[inline(always)]
            pub fn values(self) -> &'static [f64] {
                match self { $(TableId::$name => &$values,)* }
            }

            /// How many entries it has.
            pub const fn len(self) -> usize {
                match self { $(TableId::$name => $values.len(),)* }
            }
        }

        $(const _: () = assert!($values.len().is_power_of_two());)*
    };
}

tables! {
    Power "power" lanes::POWER;
    PowerTail "power_tail" lanes::POWER_TAIL;
    Inverse "inverse" lanes::INVERSE;
    InverseLn "inverse_ln" lanes::INVERSE_LN;
    InverseLnTail "inverse_ln_tail" lanes::INVERSE_LN_TAIL;
    Sine "sine" lanes::SINE;
    SineTail "sine_tail" lanes::SINE_TAIL;
    Cosine "cosine" lanes::COSINE;
    Exp2Hi "exp2_hi" tables::EXP2_HI;
    Exp2Lo "exp2_lo" tables::EXP2_LO;
    LogInverse "log_inverse" tables::LOG_INVERSE;
    LnHi "ln_hi" tables::LN_HI;
    LnLo "ln_lo" tables::LN_LO;
    Log2Hi "log2_hi" tables::LOG2_HI;
    Log2Lo "log2_lo" tables::LOG2_LO;
    Log10Hi "log10_hi" tables::LOG10_HI;
    Log10Lo "log10_lo" tables::LOG10_LO;
    CbrtHi "cbrt_hi" tables::CBRT_HI;
    CbrtLo "cbrt_lo" tables::CBRT_LO;
    CbrtTurnHi "cbrt_turn_hi" tables::CBRT_TURN_HI;
    CbrtTurnLo "cbrt_turn_lo" tables::CBRT_TURN_LO;
    AtanHi "atan_hi" angles::ATAN_HI;
    AtanLo "atan_lo" angles::ATAN_LO;
    ErfHi "erf_hi" erf::ERF_HI;
    ErfLo "erf_lo" erf::ERF_LO;
    ErfSlopeHi "erf_slope_hi" erf::SLOPE_HI;
    ErfSlopeLo "erf_slope_lo" erf::SLOPE_LO;
}

impl TableId {
    /// Whether it has no entries: none is so.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The entry at `index` modulo the length.
    #[inline(always)]
    pub fn at(self, index: i64) -> f64 {
        let values = self.values();
        values[index as usize & (values.len() - 1)]
    }
}
