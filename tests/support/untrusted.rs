//! A server with a certificate that nobody trusts: it signed itself. It answers 200 to whoever does not mind.
use super::config;
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// Made for this file, good for a hundred years, and worth nothing.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0I+FQwwXNIVa5jhX
yQj8BeAnwxgrZbhyBd1HO++Q+sKhRANCAATkzwgj0Q9jqd03KnuIiEvV4LKnSwr/
sbyGcKyObzNVWwwJBQVzBmtOr56Jf1Z2k2IbUXurr9NhAqbmAXF/T7s4
-----END PRIVATE KEY-----
";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBnzCCAUSgAwIBAgIUbrnAE2BMbpO+SOdA8i5HHTyVMs8wCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMc2hvcC5leGFtcGxlMCAXDTI2MTEyMTIyMjEyMFoYDzIxMjYx
MDI4MjIyMTIwWjAXMRUwEwYDVQQDDAxzaG9wLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAATkzwgj0Q9jqd03KnuIiEvV4LKnSwr/sbyGcKyObzNVWwwJ
BQVzBmtOr56Jf1Z2k2IbUXurr9NhAqbmAXF/T7s4o2wwajAdBgNVHQ4EFgQUAhzF
7jaIB3t6TJkP//f2Y0xWVSQwHwYDVR0jBBgwFoAUAhzF7jaIB3t6TJkP//f2Y0xW
VSQwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAwGA1UdEwEB/wQCMAAwCgYI
KoZIzj0EAwIDSQAwRgIhAPtRV4OpzfBPZ6NG4ONzx+4i9NFJ9/dz6V+aiaGP13aI
AiEA7AJ52TSgMs9wyu0f2Y9hHxyD6xMAXgsVEiiT/oO0/JY=
-----END CERTIFICATE-----
";

const SERVER: &str = "
const [key, cert] = process.argv.slice(-2);
const server = require('https').createServer({ key, cert }, (request, response) => response.end());
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();
";

/// A running one, which ends when this value is dropped, or when this process does.
pub struct Untrusted {
    child: Child,
    port: String,
}

impl Untrusted {
    pub fn start() -> Self {
        let mut child = Command::new(config::project().join("node_modules/node/bin/node"))
            .args(["-e", SERVER, "--", KEY, CERTIFICATE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node: run `npm test`, or `npm ci`");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut port).expect("its port");
        Self { child, port: port.trim().to_owned() }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}/hook", self.port)
    }
}

impl Drop for Untrusted {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
