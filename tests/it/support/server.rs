//! The real binary, serving a project.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A served project; killed with the test.
pub struct Server {
    pub process: Child,
    /// `http://…`, without a path.
    pub address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Serves a project on a free port.
pub fn serve(root: &Path, more: &[&str]) -> Server {
    let mut process = Command::new(env!("CARGO_BIN_EXE_upswell"))
        .args(["serve", "-p", root.to_str().unwrap(), "--listen", "127.0.0.1:0"])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().unwrap().contains("listens on")).unwrap().unwrap();
    let address = line.rsplit(' ').next().unwrap().to_owned();
    // Or the server would wait for room in its output one day.
    std::thread::spawn(move || lines.for_each(drop));
    Server { process, address }
}
