//! Standard output. A reader that stops reading (`| head`) ends the command; it is no fault to tell
//! of, and nothing is left to do.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stdout};

/// What shells report of a program that wrote into a closed pipe: 128 + SIGPIPE.
const CLOSED: i32 = 141;

pub fn print(text: Arguments<'_>) {
    let mut out = stdout().lock();
    let written = out.write_fmt(text).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(CLOSED),
        Err(error) => eprintln!("error: the output cannot be written: {error}"),
        Ok(()) => {}
    }
}

/// A line.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::out::print(format_args!("{}\n", format_args!($($text)*))) };
}

pub(super) use say;
