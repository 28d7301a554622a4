//! Servers of others that tests talk to: installed once below the target folder, started on a free
//! port, ended with the test. A tool that cannot be had fails the test.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

/// A running server, killed when dropped.
pub struct Tool(Child);

impl Tool {
    /// Starts a server and waits until it accepts connections.
    pub async fn start(name: &str, mut command: Command, port: u16) -> Self {
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut tool = Self(child.unwrap_or_else(|error| panic!("{name} does not start: {error}")));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let deadline = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = tool.0.try_wait().unwrap() {
                panic!("{name} ended at once: {status}");
            }
            assert!(Instant::now() < deadline, "{name} does not listen after a minute");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tool
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Tests run beside each other: who comes second finds what the first one installed.
static INSTALLING: Mutex<()> = Mutex::new(());

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tools").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A program of a Python package in an environment of its own.
pub fn python_tool(name: &str, package: &str, program: &str) -> Command {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = folder(name);
    let installed = folder.join("installed").join(package);
    if !installed.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", package]));
        fs::create_dir_all(&installed).unwrap();
    }
    Command::new(folder.join("bin").join(program))
}

/// A program of an npm package in a folder of its own.
pub fn node_tool(name: &str, package: &str, program: &str) -> Command {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = folder(name);
    let program = folder.join("node_modules/.bin").join(program);
    if !program.exists() {
        let flags = ["install", "--no-audit", "--no-fund", "--no-save", "--prefix"];
        run(Command::new("npm").args(flags).arg(&folder).arg(package));
    }
    let mut command = Command::new(program);
    command.current_dir(folder);
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
