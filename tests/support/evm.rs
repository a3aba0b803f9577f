//! A real EVM node (anvil) on loopback, with ERC-20 tokens at whatever address a test wants them.
//!
//! ```text
//! let node = Evm::start();
//! node.put_token(USDC);
//! let txid = node.transfer(USDC, receiving, 105_600_000);
//! let worker = Worker::start(&Settings::new().set("POLYGON_RPC_URL", &node.url()));
//! ```
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// The chain id that the node pretends to have: Polygon's.
const CHAIN: &str = "137";
/// Longest wait for the node to start, or for a transaction to be mined.
const LIMIT: Duration = Duration::from_mins(1);
/// Enough for a transfer. It is named so that the node does not try the transaction first and refuses one that fails.
const GAS: &str = "0x30000";
/// What everybody who sends tokens owns of them: 2^120 base units.
const OWNED: u128 = 1 << 120;

/// The least that is an ERC-20 token: `transfer(address,uint256)`, written by hand. It keeps the balance of each owner in the
/// storage slot that has the owner's address as its number, reverts where the balance is too small, and otherwise moves it,
/// emits `Transfer(from, to, amount)` and returns true. It takes every call for a transfer.
const TOKEN: &[&str] = &[
    "6024 35",                                                            // amount = calldata[0x24]
    "33 54",                                                              // balance = storage[caller]
    "81 81 10",                                                           // balance < amount
    "604e 57",                                                            //   → revert
    "81 90 03",                                                           // balance - amount
    "33 55",                                                              // storage[caller] = that
    "6004 35",                                                            // to = calldata[4]
    "80 54",                                                              // storage[to]
    "82 01",                                                              //   + amount
    "81 55",                                                              // storage[to] = that
    "90 6000 52",                                                         // memory[0] = amount
    "33",                                                                 // topics: to, the caller,
    "7fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef", // Transfer
    "6020 6000 a3",                                                       // log three topics and 32 bytes of data
    "6001 6000 52",                                                       // memory[0] = true
    "6020 6000 f3",                                                       // return it
    "5b 6000 80 fd",                                                      // revert
];

/// A running node. It ends when this value is dropped, and also when the test process is killed.
pub struct Evm {
    node: Child,
    host: String,
    sender: String,
}

impl Evm {
    /// Starts the node and waits until it listens.
    pub fn start() -> Self {
        let mut node = Command::new("sh")
            .arg(project().join("tools/tied.sh"))
            .arg(anvil())
            .args(["--host", "127.0.0.1", "--port", "0", "--chain-id", CHAIN])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh");
        let output = BufReader::new(node.stdout.take().expect("a piped stream"));
        let (listens, listening) = mpsc::channel();
        // Reads on to the end: the node would stop at a pipe that is full.
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(host) = line.strip_prefix("Listening on ") {
                    let _ = listens.send(host.to_owned());
                }
            }
        });
        let mut evm = Self { node, host: String::new(), sender: String::new() };
        evm.host = listening.recv_timeout(LIMIT).expect("anvil listens");
        evm.rpc("eth_accounts", &json!([]))[0].as_str().expect("an account").clone_into(&mut evm.sender);
        evm
    }

    /// Where it answers JSON-RPC.
    pub fn url(&self) -> String {
        format!("http://{}", self.host)
    }

    /// Calls a method; panics if the node answers with an error.
    pub fn rpc(&self, method: &str, parameters: &Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
        let reply: Value = serde_json::from_str(&self.post(&request.to_string())).expect("JSON");
        assert!(reply.get("error").is_none(), "{method}: {reply}");
        reply["result"].clone()
    }

    /// Posts a body to the node as it is; the body that it answers.
    pub fn post(&self, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).expect("the node");
        let (host, length) = (&self.host, body.len());
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).expect("the node takes it");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("the node answers");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200") && !head.to_lowercase().contains("chunked"), "{head}");
        body.to_owned()
    }

    /// Puts a token at that address, and makes the sender of all transactions rich in it.
    pub fn put_token(&self, address: &str) {
        let code: String = TOKEN.concat().replace(' ', "");
        self.rpc("anvil_setCode", &json!([address, format!("0x{code}")]));
        self.rpc("anvil_setStorageAt", &json!([address, word(&self.sender), format!("0x{OWNED:064x}")]));
    }

    /// Sends tokens; the transaction's hash.
    pub fn transfer(&self, token: &str, to: &str, amount: u128) -> String {
        let txid = self.transfer_unmined(token, to, amount);
        self.wait_until_mined(&txid);
        txid
    }

    /// The same without waiting for a block.
    pub fn transfer_unmined(&self, token: &str, to: &str, amount: u128) -> String {
        let data = format!("0xa9059cbb{}{amount:064x}", &word(to)[2..]);
        self.send(&json!({ "from": self.sender, "to": token, "gas": GAS, "data": data }))
    }

    /// Sends native coins, in units of 10⁻¹⁸; the transaction's hash.
    pub fn pay(&self, to: &str, value: u128) -> String {
        let txid = self.send(&json!({ "from": self.sender, "to": to, "gas": GAS, "value": format!("0x{value:x}") }));
        self.wait_until_mined(&txid);
        txid
    }

    /// How many base units of a token somebody owns.
    pub fn owned(&self, token: &str, owner: &str) -> u128 {
        let balance = self.rpc("eth_getStorageAt", &json!([token, word(owner), "latest"]));
        u128::from_str_radix(balance.as_str().expect("a word").trim_start_matches("0x"), 16).expect("what is owned of it")
    }

    /// Makes blocks.
    pub fn mine(&self, blocks: u64) {
        self.rpc("anvil_mine", &json!([format!("0x{blocks:x}")]));
    }

    fn send(&self, transaction: &Value) -> String {
        self.rpc("eth_sendTransaction", &json!([transaction])).as_str().expect("a hash").to_owned()
    }

    /// The node mines at once, but in another thread.
    fn wait_until_mined(&self, txid: &str) {
        let deadline = Instant::now() + LIMIT;
        while self.rpc("eth_getTransactionReceipt", &json!([txid])).is_null() {
            assert!(Instant::now() < deadline, "{txid} is not mined");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Evm {
    fn drop(&mut self) {
        // Both fail only when it has ended already, which is what is wanted.
        let _ = self.node.kill();
        let _ = self.node.wait();
    }
}

/// An address as a word of 32 bytes.
fn word(address: &str) -> String {
    format!("0x{:0>64}", address.trim_start_matches("0x"))
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The anvil that npm installed: package.json names the package for this kind of machine itself, not the one that chooses it,
/// because that one would also fetch a missing program by a script of its own.
fn anvil() -> PathBuf {
    let packages = fs::read_dir(project().join("node_modules/@foundry-rs")).into_iter().flatten().flatten();
    let mut binaries = packages.map(|package| package.path().join("bin/anvil"));
    binaries.find(|path| path.is_file()).expect("anvil, which is for Linux on x64, is missing: run `npm test`, or `npm ci`")
}
