//! The gateway and the merchant: they answer from memory, and note when the merchant is called.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

/// Longer than anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where the first order is paid.
pub const FIRST_ADDRESS: usize = 0xabc_0000;
/// By which transaction it is paid; the next pays the merchant.
pub const FIRST_TXID: usize = 0xffff_0000_0000;

#[derive(Default)]
struct Notes {
    /// Our callback URLs, decoded, by order.
    callbacks: Vec<String>,
    /// When the merchant was called about an order.
    calls: HashMap<usize, Instant>,
}

#[derive(Default)]
struct Shared {
    notes: Mutex<Notes>,
    called: Condvar,
}

pub struct Outside {
    /// Where the gateway is.
    pub gateway: String,
    /// Where the merchant is.
    pub shop: String,
    shared: Arc<Shared>,
}

/// Starts both. They end with the process.
pub fn start() -> Outside {
    let shared: Arc<Shared> = Arc::default();
    Outside { gateway: listen(&shared), shop: listen(&shared), shared }
}

fn listen(shared: &Arc<Shared>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let for_all = Arc::clone(shared);
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let shared = Arc::clone(&for_all);
            thread::spawn(move || serve(connection, &shared));
        }
    });
    url
}

/// Where an order is paid.
fn receiving(order: usize) -> String {
    format!("0x{:040x}", FIRST_ADDRESS + order)
}

fn txid(number: usize) -> String {
    format!("0x{number:064x}")
}

impl Outside {
    /// The path of the gateway's report of the order with that receiving address, and the order.
    pub fn report(&self, address: &str) -> (String, usize) {
        let order = usize::from_str_radix(&address[2..], 16).expect("an address") - FIRST_ADDRESS;
        let callback = self.shared.notes.lock().expect("the notes").callbacks[order].clone();
        let path = callback.split_once("//").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()));
        let (txid_in, txid_out) = (txid(FIRST_TXID + 2 * order), txid(FIRST_TXID + 2 * order + 1));
        let path = path.expect("a URL");
        let query = format!("value_coin=25&coin=polygon_usdc&txid_in={txid_in}&txid_out={txid_out}&address_in={address}");
        (format!("{path}&{query}"), order)
    }

    /// When the merchant was called about that order, as soon as that happened.
    pub fn called(&self, order: usize) -> Instant {
        let notes = self.shared.notes.lock().expect("the notes");
        let waited = self.shared.called.wait_timeout_while(notes, PATIENCE, |notes| !notes.calls.contains_key(&order));
        waited.expect("the notes").0.calls[&order]
    }
}

fn serve(connection: TcpStream, shared: &Shared) {
    connection.set_nodelay(true).expect("a socket");
    let mut reader = BufReader::new(connection);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).map_or(0, |count| count) == 0 {
            return;
        }
        let came = Instant::now();
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while line.trim() != "" {
            line.clear();
            if reader.read_line(&mut line).is_err() {
                return;
            }
        }
        let text = reply(&target, came, shared);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn reply(target: &str, came: Instant, shared: &Shared) -> String {
    let value = |name: &str| {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default().to_owned()
    };
    if target.starts_with("/paid") {
        let receiving = value("address_in");
        let order = usize::from_str_radix(&receiving[2..], 16).expect("an address") - FIRST_ADDRESS;
        shared.notes.lock().expect("the notes").calls.entry(order).or_insert(came);
        shared.called.notify_all();
        return String::new();
    }
    if target.starts_with("/control/payment-status.php") {
        let order: usize = value("ipn_token").trim_start_matches("ipn").parse().expect("a token");
        let txid_out = txid(FIRST_TXID + 2 * order + 1);
        return format!(r#"{{"status":"paid","value_coin":"25","txid_out":"{txid_out}","coin":"polygon_usdc"}}"#);
    }
    let callback = value("callback").replace("%3A", ":").replace("%2F", "/").replace("%3F", "?").replace("%3D", "=");
    let mut notes = shared.notes.lock().expect("the notes");
    notes.callbacks.push(callback);
    let order = notes.callbacks.len() - 1;
    format!(
        r#"{{"address_in":"in{order}","polygon_address_in":"{}","callback_url":"x","ipn_token":"ipn{order}"}}"#,
        receiving(order)
    )
}
