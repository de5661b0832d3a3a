//! Functions on values of several lanes, run on the machine at every level that it has and compared, lane by lane and bit by bit, with the meaning of each
//! operation on single values.

mod harness;
mod memory;
mod operations;
mod pressure;
