//! Somebody who asks over a connection of their own that stays open.

use std::{
    io::{BufReader, Write as _},
    net::TcpStream,
};

use serde_json::Value;

use crate::ADMIN;
use crate::support::{client::Answer, worker::Worker};

pub struct Client {
    host: String,
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn new(worker: &Worker) -> Self {
        let stream = TcpStream::connect(worker.host()).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self { host: worker.host(), stream: BufReader::new(stream) }
    }

    /// What comes of a request in the operator's name; panics unless it succeeds.
    pub fn ask(&mut self, method: &str, target: &str, body: &str) -> Answer {
        let (host, length) = (&self.host, body.len());
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ADMIN}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes()).expect("a request is taken");
        let answer = Answer::read(&mut self.stream, false).expect("an answer");
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer
    }

    pub fn get(&mut self, path: &str) -> Value {
        self.ask("GET", &format!("/api/v1/{path}"), "").json()
    }

    pub fn create(&mut self, number: usize) {
        let body = format!(
            r#"{{"amount":"25.00","currency":"USD","customer_email":"c{number:07}@shop.example","customer_name":"Jane Doe",
            "client_reference_id":"r{number:07}","metadata":{{"cart":"{number}"}},"success_url":"https://shop.example/thanks?o={number}",
            "callback":"https://shop.example/paid?o={number}"}}"#
        );
        self.ask("POST", "/api/v1/checkout-sessions", &body);
    }
}
