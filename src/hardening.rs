//! Which walls stand in this process for this engine, asked and not assumed.

use crate::memory::Publication;
use std::fmt;

/// The walls of an engine, as they stand now.
///
/// ```
/// let engine = cresset::Engine::new()?;
/// let walls = engine.hardening();
/// assert!(walls.write_xor_execute && walls.explicit_checks && walls.guard_bytes >= 65536);
/// println!("{walls}");
/// # Ok::<(), cresset::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hardening {
    /// Programs run as machine code; else the interpreter runs them, and the walls round code have nothing to guard.
    pub machine_code: bool,
    /// Every index, division, conversion and depth is checked by the program's own code. Always so.
    pub explicit_checks: bool,
    /// Loops and calls count fuel and can be interrupted.
    pub metering: bool,
    /// No page of code is ever writable and executable, nor ever writable again. Always so.
    pub write_xor_execute: bool,
    /// Bytes without access before and behind every mapping of code, stack, arrays and data.
    pub guard_bytes: usize,
    /// How code becomes executable: by a change of protection, or, where the system forbids that, through a sealed file.
    pub publication: Publication,
    /// Finished machine code is checked by a verifier before it can run.
    pub verifier: bool,
    /// The processor lets an indirect branch into code end only at a landing pad (BTI of AArch64).
    pub landing_pads: bool,
    /// Faults of memory in a running program are caught: a mapped file that became shorter is a trap, a stray access ends the process with a report.
    pub catch_faults: bool,
    /// The system forbids this process to make memory executable that was written (`PR_SET_MDWE`): it is published through sealed files.
    pub system_denies_new_code: bool,
    /// The system could seal mappings for ever (`mseal`).
    pub system_can_seal: bool,
    /// How many mappings are sealed: none, as none lives for ever. Each belongs to an engine, a program, an array or a thread's call and goes with it,
    /// guards included, which a sealed one could not; the ways in and out of generated code are part of the host's own executable.
    pub sealed_mappings: usize,
}

impl Hardening {
    /// Each wall with what it is called.
    pub fn walls(&self) -> [(&'static str, bool); 9] {
        [
            ("machine code", self.machine_code),
            ("explicit checks", self.explicit_checks),
            ("metering", self.metering),
            ("write xor execute", self.write_xor_execute),
            ("guards", self.guard_bytes > 0),
            ("verifier", self.verifier),
            ("landing pads", self.landing_pads),
            ("faults caught", self.catch_faults),
            ("system denies new code", self.system_denies_new_code),
        ]
    }
}

impl fmt::Display for Hardening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (wall, stands) in self.walls() {
            writeln!(f, "{wall:<24}{}", if stands { "yes" } else { "no" })?;
        }
        let publication = match self.publication {
            Publication::Protection => "protection",
            Publication::SealedFile => "sealed file",
            Publication::None => "none",
        };
        writeln!(f, "{:<24}{publication}", "publication")?;
        writeln!(f, "{:<24}{} (none lives for ever)", "sealed mappings", self.sealed_mappings)?;
        write!(f, "{:<24}{}", "guard bytes", self.guard_bytes)
    }
}
