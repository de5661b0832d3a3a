//! Memory of one check that a thread keeps for the next one: most code is short, and is checked in less time than its vectors would take to allocate.

use super::attempt::Bodies;
use super::graph::Graph;
use super::state::State;
use super::step::Reg;
use super::values::{Id, Values};
use crate::reuse::{self, Empty};

/// Memory for more than so many steps or values is given back.
const KEPT: usize = 2048;

/// States that are kept.
const STATES: usize = 32;

/// Empty, or with what the last check left.
#[derive(Default)]
pub(super) struct Room {
    pub graph: Graph,
    pub values: Values,
    pub saved: Vec<(Reg, Id)>,
    pub waiting: Vec<Option<Box<State>>>,
    pub bodies: Bodies,
    #[expect(clippy::vec_box, reason = "they are handed on")]
    pub spare: Vec<Box<State>>,
}

impl Empty for Room {
    fn empty(&mut self) {
        self.waiting.clear();
        self.spare.truncate(STATES);
        if self.graph.room().max(self.values.room()).max(self.waiting.capacity()) > KEPT {
            *self = Room::default();
        }
    }
}

reuse::kept!(Room);
