//! What the emitter does not make is refused.
