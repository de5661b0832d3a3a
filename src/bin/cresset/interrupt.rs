//! Ctrl-C: stops the program that runs, not the command line. SIGTERM ends the process, after what must not stay was taken away.

use cresset::CancelHandle;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

static RUNNING: Mutex<Option<CancelHandle>> = Mutex::new(None);
static SEEN: AtomicBool = AtomicBool::new(false);
static KEEP_ALIVE: AtomicBool = AtomicBool::new(false);
static INSTALL: Once = Once::new();
#[cfg(feature = "columns")]
static LAST_ACT: Mutex<Option<fn()>> = Mutex::new(None);

/// The exit status of a program that a signal ended, as shells count: 128 and SIGINT.
pub const STATUS: u8 = 130;

/// While this lives, Ctrl-C cancels the run; a second one ends the process.
pub struct Guard;

/// Lets Ctrl-C cancel this run.
pub fn cancels(handle: CancelHandle) -> Guard {
    let stopped = {
        // Under the lock: a Ctrl-C either finds this run or was seen before it.
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        *running = Some(handle.clone());
        if !KEEP_ALIVE.load(Ordering::Relaxed) {
            SEEN.store(false, Ordering::Relaxed);
        }
        SEEN.load(Ordering::Relaxed)
    };
    if stopped {
        handle.cancel();
    }
    install();
    Guard
}

fn install() {
    INSTALL.call_once(|| {
        // Without a handler, or a thread to serve it, either ends the process, which will do.
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
        let handle = signals.handle();
        let serve = move || {
            for signal in signals.forever() {
                if signal == SIGTERM { on_termination() } else { on_interrupt() }
            }
        };
        if std::thread::Builder::new().name("signals".to_owned()).spawn(serve).is_err() {
            handle.close();
        }
    });
}

/// From now on Ctrl-C ends the process after this was done; SIGTERM likewise.
#[cfg(feature = "columns")]
pub fn ends(last_act: fn()) {
    *LAST_ACT.lock().unwrap_or_else(PoisonError::into_inner) = Some(last_act);
    install();
}

/// From now on Ctrl-C never ends the process: a session would be lost by one that comes when its program has just ended.
pub fn keep_alive() {
    KEEP_ALIVE.store(true, Ordering::Relaxed);
}

/// A new entry of a session begins: one that comes from here on stops each of the runs that the entry is made of.
pub fn new_entry() {
    SEEN.store(false, Ordering::Relaxed);
}

/// Whether Ctrl-C was pressed since the last run, in a session the last entry, began.
pub fn seen() -> bool {
    SEEN.load(Ordering::Relaxed)
}

/// Does what was asked to be done last, and tells whether something was.
fn act_last() -> bool {
    #[cfg(feature = "columns")]
    if let Some(last_act) = *LAST_ACT.lock().unwrap_or_else(PoisonError::into_inner) {
        last_act();
        return true;
    }
    false
}

fn on_termination() {
    act_last();
    let _ = signal_hook::low_level::emulate_default_handler(SIGTERM);
}

fn on_interrupt() {
    if act_last() {
        std::process::exit(i32::from(STATUS));
    }
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let again = SEEN.swap(true, Ordering::Relaxed);
    let keep_alive = KEEP_ALIVE.load(Ordering::Relaxed);
    match &*running {
        Some(handle) if !again || keep_alive => handle.cancel(),
        None if keep_alive => {}
        _ => std::process::exit(i32::from(STATUS)),
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
