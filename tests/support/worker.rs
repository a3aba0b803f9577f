//! The built Worker in a real workerd, on a port and in a folder of its own.
use super::{
    client::Request,
    config::{self, Settings},
    port::Port,
    secrets::Secrets,
};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};
use tempfile::TempDir;

const BUNDLE: [&str; 2] = ["index.js", "index_bg.wasm"];
const SOURCES: [&str; 5] = ["src", "scrub", "askama.toml", "Cargo.toml", "Cargo.lock"];
/// How long workerd may take to listen, and a line of the log to arrive, on a machine that is busy.
const START_LIMIT: Duration = Duration::from_mins(1);
const LOG_LIMIT: Duration = Duration::from_mins(1);

/// A running Worker. It ends when this value is dropped, and also when the test process is killed. Then, and whenever its log
/// is read, the log is searched for secrets.
pub struct Worker {
    folder: TempDir,
    settings: Settings,
    secrets: Arc<Secrets>,
    port: Port,
    process: Process,
}

impl Worker {
    /// Starts the Worker and waits until it listens.
    pub fn start(settings: &Settings) -> Self {
        Self::start_from("build", settings)
    }

    /// The same with a Worker that panics where a request asks for it.
    pub fn start_panicking(settings: &Settings) -> Self {
        Self::start_from("target/panicking", settings)
    }

    fn start_from(bundle: &str, settings: &Settings) -> Self {
        let bundle = config::project().join(bundle);
        check_bundle(&bundle);
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in BUNDLE {
            fs::copy(bundle.join(file), folder.path().join(file)).expect("the bundle");
        }
        fs::create_dir(folder.path().join("ledgers")).expect("a folder for the ledgers");
        let secrets = Arc::new(settings.secrets());
        let (port, process) = start_on_free_port(folder.path(), settings, &secrets);
        Self { folder, settings: settings.clone(), secrets, port, process }
    }

    /// Host and port.
    pub fn host(&self) -> String {
        self.port.host()
    }

    /// The Worker's own origin.
    pub fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// A GET request; `target` is sent as it is.
    pub fn get(&self, target: &str) -> Request {
        self.request("GET", target)
    }

    /// A request; `target` is sent as it is.
    pub fn request(&self, method: &str, target: &str) -> Request {
        self.door().request(method, target)
    }

    /// Where its requests go.
    pub fn door(&self) -> Door {
        Door { host: self.host(), hidden: self.settings.hidden(), secrets: Arc::clone(&self.secrets) }
    }

    /// The folder of the ledgers' databases.
    pub fn ledgers(&self) -> PathBuf {
        self.folder.path().join("ledgers")
    }

    /// workerd's process id.
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// What workerd and the Worker wrote so far. Panics if it shows a secret.
    pub fn log(&self) -> String {
        let log = self.process.log();
        self.secrets.check("the log", log.as_bytes());
        log
    }

    /// Whether the log contains `text`, now or soon: it arrives a little later than the answer.
    pub fn logs(&self, text: &str) -> bool {
        let deadline = Instant::now() + LOG_LIMIT;
        loop {
            if self.process.log().contains(text) {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills workerd as a power cut would.
    pub fn kill9(&mut self) {
        self.process.kill();
    }

    /// The same with other settings.
    pub fn restart_with(&mut self, settings: &Settings) {
        let config = config::workerd_config(settings, &self.host());
        fs::write(self.folder.path().join("config.capnp"), config).expect("the config");
        self.settings = settings.clone();
        self.restart();
    }

    /// Starts it again after [`Worker::kill9`], in the same folder and on the same port.
    pub fn restart(&mut self) {
        self.process = Process::start(self.folder.path(), &self.host(), &self.secrets).unwrap_or_else(|log| panic!("{log}"));
    }
}

/// The way in: it stays the same when the Worker is killed and started again.
#[derive(Clone, Debug)]
pub struct Door {
    host: String,
    hidden: Vec<String>,
    secrets: Arc<Secrets>,
}

impl Door {
    /// A request; `target` is sent as it is.
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.host.clone(), self.hidden.clone(), method, target).keeping(&self.secrets)
    }
}

/// The Worker's settings contain its own host, so the port is chosen before workerd starts. Where it cannot be kept free until
/// then, another process may take it: then the next one.
fn start_on_free_port(folder: &Path, settings: &Settings, secrets: &Arc<Secrets>) -> (Port, Process) {
    loop {
        let port = Port::free();
        fs::write(folder.join("config.capnp"), config::workerd_config(settings, &port.host())).expect("the config");
        match Process::start(folder, &port.host(), secrets) {
            Ok(process) => return (port, process),
            Err(log) if log.contains("Address already in use") => {}
            Err(log) => panic!("workerd did not start:\n{log}"),
        }
    }
}

/// A bundle that is missing or older than its sources would test something else.
fn check_bundle(bundle: &Path) {
    let built = modified(&bundle.join("stamp"));
    assert!(built.is_some(), "the Worker has not been built: run `npm run build` or `npm test`");
    let changed = SOURCES.iter().filter_map(|name| newest(&config::project().join(name))).max();
    assert!(changed <= built, "the Worker's bundle is older than its sources: run `npm run build`");
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

fn newest(path: &Path) -> Option<SystemTime> {
    let Ok(entries) = fs::read_dir(path) else { return modified(path) };
    entries.flatten().filter_map(|entry| newest(&entry.path())).max()
}

/// The workerd that npm installed for this machine.
fn workerd() -> PathBuf {
    let packages = fs::read_dir(config::project().join("node_modules/@cloudflare")).into_iter().flatten().flatten();
    let mut binaries = packages.map(|package| package.path().join("bin/workerd"));
    binaries.find(|path| path.is_file()).expect("workerd is missing: run `npm test`, or `npm ci`")
}

/// A workerd process that cannot outlive this one (see tools/tied.sh).
struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    collectors: [Option<JoinHandle<()>>; 2],
    secrets: Arc<Secrets>,
}

impl Process {
    /// Starts workerd and waits until it listens; otherwise its log.
    fn start(folder: &Path, host: &str, secrets: &Arc<Secrets>) -> Result<Self, String> {
        let mut child = Command::new("sh")
            .arg(config::project().join("tools/tied.sh"))
            .arg(workerd())
            .args(["serve", "config.capnp", "--control-fd=1", &format!("-shttp={host}")])
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh");
        let log = Arc::default();
        let (listens, listening) = mpsc::channel();
        let collectors = [collect(child.stderr.take(), &log, None), collect(child.stdout.take(), &log, Some(listens))];
        let mut process = Self { child, log, collectors: collectors.map(Some), secrets: Arc::clone(secrets) };
        let started = listening.recv_timeout(START_LIMIT);
        if started.is_ok() {
            return Ok(process);
        }
        process.kill();
        Err(process.log())
    }

    fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// Ends it; afterwards the log is complete.
    fn kill(&mut self) {
        // Both fail only when the process has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for collector in self.collectors.iter_mut().filter_map(Option::take) {
            collector.join().expect("whoever collects the log");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if !thread::panicking() {
            self.secrets.check("the log", self.log().as_bytes());
        }
    }
}

/// Copies a stream of lines into the log, and tells `listens` when workerd says that it is ready.
fn collect<R: Read + Send + 'static>(
    stream: Option<R>,
    log: &Arc<Mutex<String>>,
    listens: Option<mpsc::Sender<()>>,
) -> JoinHandle<()> {
    let lines = BufReader::new(stream.expect("a piped stream")).split(b'\n');
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            if let Some(listens) = listens.as_ref().filter(|_| line.starts_with(r#"{"event":"listen""#)) {
                // Nobody waits any more after a time-out.
                let _ = listens.send(());
            } else {
                let mut log = log.lock().expect("the log");
                log.push_str(&line);
                log.push('\n');
            }
        }
    })
}
