//! The gateway of the benchmark: answers that stand ready, one thread per connection, nothing computed.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

/// What a payment link carries: 64 bytes in Base64, percent-encoded.
pub fn address_in() -> String {
    format!("{}kw%3D%3D", "k%2B9%2F".repeat(21))
}

/// Where the provider's payment page is.
pub const PROVIDER: &str = "https://provider.example/buy?signature=8c5f%2Fa0&amount=25.00";
/// In each hosted page, at its end.
pub const PAGE_END: &str = "<!-- the page ends -->";
/// Marks a request for the large page.
pub const LARGE: &str = "amount=2500.00";
/// Sizes of the two pages, in bytes.
pub const SMALL_PAGE: usize = 50_000;
pub const LARGE_PAGE: usize = 1_000_000;

struct Replies {
    wallet: Vec<u8>,
    redirect: Vec<u8>,
    providers: Vec<u8>,
    rate: Vec<u8>,
    small_page: Vec<u8>,
    large_page: Vec<u8>,
    nothing: Vec<u8>,
}

/// Starts it; its URL. It ends with the process.
pub fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let replies = Arc::new(Replies::new());
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let replies = Arc::clone(&replies);
            thread::spawn(move || serve(connection, &replies));
        }
    });
    format!("http://{address}")
}

/// Answers the GET requests of one connection until it is closed.
fn serve(mut connection: TcpStream, replies: &Replies) {
    connection.set_nodelay(true).expect("a socket");
    let (mut buffer, mut filled) = ([0; 16 * 1024], 0);
    loop {
        let Ok(count @ 1..) = connection.read(&mut buffer[filled..]) else { return };
        filled += count;
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            let target = buffer[..filled].split(|byte| *byte == b' ').nth(1).unwrap_or_default();
            if connection.write_all(replies.to(target)).is_err() {
                return;
            }
            filled = 0;
        }
    }
}

impl Replies {
    fn new() -> Self {
        let providers = include_str!("../../sandbox/data/providers.json");
        let rate = r#"{"status":"success","value_coin":"1351.76","exchange_rate":"1.07427"}"#;
        Self {
            wallet: reply("200 OK", "Content-Type: application/json\r\n", &wallet()),
            redirect: reply("302 Found", &format!("Content-Type: text/html\r\nLocation: {PROVIDER}\r\n"), ""),
            providers: reply("200 OK", "Content-Type: application/json\r\n", providers),
            rate: reply("200 OK", "Content-Type: application/json\r\n", rate),
            small_page: reply("200 OK", "Content-Type: text/html; charset=utf-8\r\n", &page(SMALL_PAGE)),
            large_page: reply("200 OK", "Content-Type: text/html; charset=utf-8\r\n", &page(LARGE_PAGE)),
            nothing: reply("404 Not Found", "Content-Type: text/html\r\n", "<h1>404</h1>"),
        }
    }

    fn to(&self, target: &[u8]) -> &[u8] {
        let large = || target.windows(LARGE.len()).any(|part| part == LARGE.as_bytes());
        match target.split(|byte| *byte == b'?').next().unwrap_or_default() {
            b"/control/wallet.php" | b"/control/affiliate.php" => &self.wallet,
            b"/process-payment.php" => &self.redirect,
            b"/control/provider-status" => &self.providers,
            b"/control/convert.php" => &self.rate,
            b"/pay.php" if large() => &self.large_page,
            b"/pay.php" => &self.small_page,
            _ => &self.nothing,
        }
    }
}

fn reply(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let common = "Server: nginx\r\nX-Powered-By: PHP/8.3\r\nVary: Accept-Encoding\r\n";
    format!("HTTP/1.1 {status}\r\n{common}{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn wallet() -> String {
    let (address, token) = (address_in(), "dG9rZW4t".repeat(12));
    let receiving = "0xF977814e90dA44bFA03b6295A0616a897441aceC";
    let callback = "https://shop.example/orders.php?number=1";
    format!(
        r#"{{"address_in":"{address}","polygon_address_in":"{receiving}","callback_url":"{callback}","ipn_token":"{token}"}}"#
    )
}

/// A page of about this size, a hidden name in each of its lines of a kilobyte or so.
fn page(size: usize) -> String {
    let mut page = String::from("<!doctype html><html><head><title>Pay</title></head><body>\n");
    let filler = "<p class=\"row\">A line of ordinary text with an <b>element</b> &amp; an entity.</p>".repeat(12);
    while page.len() + PAGE_END.len() < size {
        page += "<a href=\"https://checkout.anexpay.net/process-payment.php?a=1&amp;b=2\">";
        page += &filler;
        page += "</a>\n";
    }
    page + PAGE_END
}
