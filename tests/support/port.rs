//! A port on loopback that stays one server's own, also while that server is dead.
use rustix::{
    io::{FdFlags, fcntl_setfd},
    net::{AddressFamily, SocketType, bind, getsockname, socket, sockopt::set_socket_reuseaddr},
};
use std::{
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::OwnedFd,
};

/// As long as this lives, Linux gives the port to nobody who wants any port, for a server or for a connection. A server that
/// names it can listen there all the same, as nobody does yet. Other systems would refuse that, so there it is merely free.
pub struct Port {
    pub number: u16,
    _bound: Option<OwnedFd>,
}

impl Port {
    /// One that is free.
    pub fn free() -> Self {
        let bound = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        fcntl_setfd(&bound, FdFlags::CLOEXEC).expect("a socket of our own");
        set_socket_reuseaddr(&bound, true).expect("a socket that is not bound yet");
        bind(&bound, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = SocketAddrV4::try_from(getsockname(&bound).expect("its address")).expect("one of version 4");
        Self { number: address.port(), _bound: cfg!(target_os = "linux").then_some(bound) }
    }

    /// Host and port.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}
