//! The verifier: reads finished machine code, in the pages that it will run in, and accepts only what cannot leave its walls.
//!
//! It shares no code with what makes machine code. Decoders of each machine translate instructions to [`step::Step`]s; the rules are stated once, over those.

pub mod a64;
pub mod step;
pub mod x64;
