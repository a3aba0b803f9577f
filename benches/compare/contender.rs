//! Who is compared: each in a workerd process of its own, with the same settings.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use tempfile::TempDir;

use crate::support::config::{self, Settings};

/// Their numbers, in the order of the table.
pub const LIVERY: usize = 0;
pub const BARE: usize = 1;
pub const VENDOR: usize = 2;
pub const TIDY: usize = 3;

/// Their names.
pub const NAMES: [&str; 4] = ["Livery", "bare JS", "vendor's example", "tidy JS"];
/// Whether they hide the gateway.
pub const HIDES: [bool; 4] = [true, false, false, true];

const AFFILIATE: &str = "0x3c783c21a0383057D128bae431894a5C19F9Cf06";
/// Any loopback host: merchants may then be on loopback, and public URLs are `http`.
const OWN_HOST: &str = "127.0.0.1:8787";
const WASM: &str = r#"    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),"#;

/// A folder with what a contender consists of.
pub struct Contender {
    folder: TempDir,
    workerd: PathBuf,
}

/// A contender that runs. It ends when this is dropped, and also when the benchmark is killed (see tools/tied.sh).
pub struct Running {
    child: Child,
    pub port: u16,
}

impl Contender {
    /// Prepares one in front of this gateway.
    pub fn prepare(number: usize, gateway: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = Settings::new().gateway(gateway, gateway).set("AFFILIATE_WALLET", AFFILIATE);
        let config = config::workerd_config(
            &settings.set("ALLOW_UNSIGNED_LINKS", "true").set("RATE_LIMIT_PER_CLIENT", "1000000"),
            OWN_HOST,
        );
        let copy = |from: PathBuf, to: &str| {
            fs::copy(&from, folder.path().join(to)).unwrap_or_else(|e| panic!("{}: {e}", from.display()))
        };
        let config = if number == LIVERY {
            copy(config::project().join("build/index.js"), "index.js");
            copy(config::project().join("build/index_bg.wasm"), "index_bg.wasm");
            config
        } else {
            let file = ["", "bare.js", "vendor.js", "tidy.js"][number];
            copy(config::project().join("benches/contenders").join(file), "index.js");
            assert!(config.contains(WASM), "the configuration has changed: {config}");
            config.replace(WASM, "")
        };
        fs::write(folder.path().join("config.capnp"), config).expect("the configuration");
        fs::create_dir(folder.path().join("ledgers")).expect("a folder for the ledgers");
        Self { folder, workerd: workerd() }
    }

    /// Starts it, and returns when it listens.
    pub fn start(&self) -> Running {
        let mut child = self.command().spawn().expect("sh");
        let mut said = BufReader::new(child.stdout.take().expect("a piped stream"));
        let mut line = String::new();
        said.read_line(&mut line).expect("what workerd says");
        let port =
            line.split_once("\"port\":").and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        // Whatever it says later must not stop it.
        thread::spawn(move || io::copy(&mut said, &mut io::sink()));
        Running { child, port: port.unwrap_or_else(|| self.failed(&line)) }
    }

    fn failed(&self, said: &str) -> ! {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("workerd did not start: {said}{log}")
    }

    fn command(&self) -> Command {
        let mut command = Command::new("sh");
        command.arg(config::project().join("tools/tied.sh")).arg(&self.workerd);
        command.args(["serve", "config.capnp", "--control-fd=1", "-shttp=127.0.0.1:0"]).current_dir(self.folder.path());
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log(self.folder.path()));
        command
    }
}

impl Running {
    /// workerd's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The log goes to a file: a pipe that nobody reads would stop workerd.
fn log(folder: &Path) -> Stdio {
    fs::File::create(folder.join("log")).expect("a file").into()
}

/// The workerd that npm installed for this machine.
fn workerd() -> PathBuf {
    let packages = fs::read_dir(config::project().join("node_modules/@cloudflare")).into_iter().flatten().flatten();
    let mut binaries = packages.map(|package| package.path().join("bin/workerd"));
    binaries.find(|path| path.is_file()).expect("workerd is missing: run `npm run bench`")
}
