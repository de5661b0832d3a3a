//! What is only done on a terminal: the REPL's editing, history and Ctrl-C; colours; how far a command is.

use crate::{PATIENCE, cresset, file, scratch};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A command on a terminal of its own.
struct Terminal {
    child: Child,
    keys: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn new(mut command: Command) -> Terminal {
        let (mut master, mut slave) = (0, 0);
        let size = libc::winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        let null = std::ptr::null_mut();
        // SAFETY: gives two new descriptors, which are owned from here.
        let (keys, terminal) = unsafe {
            assert_eq!(libc::openpty(&mut master, &mut slave, null, null.cast(), &size), 0);
            (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
        };
        let stream = || terminal.try_clone().expect("a descriptor");
        command.stdin(stream()).stdout(stream()).stderr(stream());
        // SAFETY: all calls are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                // Where the tests run in the background, SIGINT comes ignored.
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY as _, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().expect("starts");
        drop((command, terminal));
        let (send, screen) = channel();
        let mut master = keys.try_clone().expect("a descriptor");
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = master.read(&mut piece) {
                if send.send(piece[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { child, keys, screen, shown: String::new() }
    }

    fn repl(state: &str) -> Terminal {
        let mut command = cresset();
        command.arg("repl").env("XDG_STATE_HOME", scratch(state));
        let mut terminal = Terminal::new(command);
        terminal.wait_for("> ");
        terminal
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("typed");
    }

    /// Waits until this is shown; what was shown before it counts no more.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return;
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(piece) => self.shown.push_str(&String::from_utf8_lossy(&piece)),
                Err(error) => panic!("{error}: {text:?} is not in {:?}", self.shown),
            }
        }
    }

    /// Ctrl-D at the next prompt: typed before the line editor has the terminal, it would be taken for an end of file that nobody reads.
    #[track_caller]
    fn ends_the_session(mut self) {
        self.wait_for("> ");
        self.press("\u{4}");
        self.exits(0);
    }

    #[track_caller]
    fn exits(mut self, status: i32) {
        let start = Instant::now();
        let ended = loop {
            match self.child.try_wait().expect("a child") {
                Some(ended) => break ended,
                None if start.elapsed() > PATIENCE => {
                    drop(self.child.kill());
                    panic!("does not end; shown last: {:?}", self.screen.try_iter().collect::<Vec<_>>().concat());
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        assert_eq!(ended.code(), Some(status));
    }
}

#[test]
fn entries_are_answered_and_history_is_kept() {
    let mut terminal = Terminal::repl("history-test");
    terminal.press("let x = 2\r");
    terminal.wait_for("> ");
    terminal.press("x^10 + 7\r");
    terminal.wait_for("1031");
    // Up: the entry before; End and a few letters more.
    terminal.press("\u{1b}[A");
    terminal.wait_for("x^10 + 7");
    terminal.press("000\r");
    terminal.wait_for("8024");
    terminal.press("fn half(\r");
    terminal.press("x) = x / 2\r");
    terminal.wait_for("x / 2");
    terminal.wait_for("> ");
    terminal.press("half(24691)\r");
    terminal.wait_for("12345.5");
    terminal.ends_the_session();
    let kept = std::fs::read_to_string(scratch("history-test").join("cresset/history")).unwrap();
    assert!(kept.contains("x^10 + 7000") && kept.contains("half(24691)"), "{kept}");

    let mut terminal = Terminal::repl("history-test");
    terminal.press("\u{1b}[A");
    terminal.wait_for("half(24691)");
    terminal.press("\u{3}");
    terminal.wait_for("> ");
    terminal.press(":quit\r");
    terminal.exits(0);
}

#[test]
fn ctrl_c_stops_the_program_and_not_the_session() {
    let mut terminal = Terminal::repl("interrupt-test");
    terminal.press("let kept = 6\r");
    terminal.wait_for("> ");
    for _ in 0..2 {
        terminal.press("print(6 * 111111); while true { }\r");
        // More digits than any column has: the editor's own cursor movements do not match.
        terminal.wait_for("666666");
        terminal.press("\u{3}");
        terminal.wait_for("Interrupted");
        terminal.wait_for("stopped by Ctrl-C");
        terminal.wait_for("> ");
    }
    terminal.press("kept * 1000007\r");
    terminal.wait_for("6000042");
    terminal.ends_the_session();
}

#[test]
fn errors_are_coloured_unless_no_colour_is_wanted() {
    for (no_color, coloured) in [("", true), ("1", false)] {
        let mut command = cresset();
        command.args(["eval", "1 + zz"]).env("NO_COLOR", no_color);
        let mut terminal = Terminal::new(command);
        terminal.wait_for("error");
        let before = terminal.shown.clone();
        terminal.wait_for("zz");
        assert_eq!(before.contains('\u{1b}') || terminal.shown.contains('\u{1b}'), coloured, "{:?}", terminal.shown);
        terminal.exits(1);
    }
}

#[test]
fn how_far_a_command_is_stands_on_the_terminal() {
    let rows: String = (0..200_000).map(|i| format!("{i}\n")).collect();
    let input = file("far.csv", &format!("x\n{rows}"));
    let to = scratch("far-out").join("out.csv");
    std::fs::create_dir_all(scratch("far-out")).expect("a folder");
    let command = |input: &str, args: &[&str]| {
        let mut command = cresset();
        command.args(["map", "x * 2", "-i", input, "-o"]).arg(&to).args(args);
        Terminal::new(command)
    };
    let mut terminal = command(&input, &[]);
    // A part of a file whose size is known.
    terminal.wait_for("%  ");
    terminal.wait_for("200,000 rows in ");
    terminal.exits(0);

    // Of a pipe it is known how many rows came, while it waits for more.
    let pipe = scratch("far-out").join("pipe.csv");
    let _ = std::fs::remove_file(&pipe);
    let name = std::ffi::CString::new(pipe.to_str().expect("a path")).expect("a path");
    // SAFETY: the name ends in a zero byte.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let mut terminal = command(pipe.to_str().expect("a path"), &[]);
    let mut end = std::fs::OpenOptions::new().write(true).open(&pipe).expect("a pipe");
    let (seen, wait) = channel();
    let writer = std::thread::spawn(move || {
        end.write_all(format!("x\n{rows}").as_bytes()).expect("read");
        wait.recv().expect("the bar");
        end.write_all(b"1\n").expect("read");
    });
    terminal.wait_for(" rows  ");
    seen.send(()).expect("waits");
    terminal.wait_for("200,001 rows in ");
    terminal.exits(0);
    writer.join().expect("written");

    // Who wants no progress gets none.
    let mut terminal = command(&input, &["-q"]);
    let ended = terminal.child.wait().expect("a child");
    assert_eq!(ended.code(), Some(0));
    let shown = terminal.screen.iter().flatten().collect::<Vec<u8>>();
    assert!(shown.is_empty(), "{:?}", String::from_utf8_lossy(&shown));
}
