//! What holds where a function is entered: its parameters, and what it must give back.

use super::check::{Checker, PROBE};
use super::machine::{Place, Places};
use super::step::Reg;
use super::values::{Def, Extent, Id, MAX_LENGTH, Value, Writable};
use crate::types::Type;

impl Checker<'_> {
    /// What is known at the function's entry.
    pub(super) fn enter(&mut self) {
        let machine = self.machine;
        self.param_words = Places::words_of(machine, self.func.signature.params.iter().map(|param| &param.ty));
        self.state.clear(machine.pushed + self.param_words * 8 - 8);
        self.saved.clear();
        let is_pure = self.func.code.is_pure;
        let special = [machine.context, machine.fuel, machine.depth];
        machine.saved.iter().for_each(|reg| self.keep(Reg::Int(*reg)));
        if is_pure {
            special.iter().for_each(|reg| self.keep(Reg::Int(*reg)));
        }
        machine.link.iter().for_each(|reg| self.keep(Reg::Int(*reg)));
        machine.saved_floats.clone().for_each(|reg| self.keep(Reg::Vector(reg)));
        if !is_pure {
            let context = self.values.add(Value::of(Def::Context));
            self.state.set_reg(Reg::Int(machine.context), context);
            // Levels left are never negative where a function is entered.
            self.depth = self.values.add(Value { lo: 0, ..Value::of(Def::Entry(Reg::Int(machine.depth))) });
            self.state.set_reg(Reg::Int(machine.depth), self.depth);
            self.saved.push((Reg::Int(machine.depth), self.depth));
        }
        let mut places = Places::new(machine);
        let signature = self.func.signature;
        for param in &signature.params {
            match param.ty {
                Type::F64 => {
                    places.float();
                }
                Type::Array(elem) => {
                    let length = self.values.add(Value { counts: true, ..Value::between(0, MAX_LENGTH) });
                    let writable = if param.mutable { Writable::YES } else { Writable::No };
                    let extent = Some(Extent::new(elem.size().trailing_zeros() as u8, length, writable));
                    let base = self.values.add(Value { extent, ..Value::of(Def::Opaque) });
                    let (base_place, length_place) = (places.int(), places.int());
                    self.put(base_place, base);
                    self.put(length_place, length);
                }
                _ => {
                    let id = self.values.add(Value::of(Def::Opaque));
                    let place = places.int();
                    self.put(place, id);
                }
            }
        }
        self.state.touched = if machine.pushed > 0 { 0 } else { PROBE - 8 };
    }

    /// A register must be given back as it is at the entry.
    fn keep(&mut self, reg: Reg) {
        let id = self.values.add(Value::of(Def::Entry(reg)));
        self.state.set_reg(reg, id);
        self.saved.push((reg, id));
    }

    fn put(&mut self, place: Place, id: Id) {
        match place {
            Place::Reg(reg) => self.state.set_reg(reg, id),
            Place::Word(word) => self.state.slots.set(self.machine.pushed + word * 8, id),
        }
    }
}
