//! A client that knows nothing but HTTP/1.1, for the simulator's servers: one request per connection, an answer read to its end or line by line.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a server that cannot be reached is a failed test")]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// No server here is silent for so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a server is, `127.0.0.1:1234`, and the token that it wants; empty for none.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: String,
    pub(crate) token: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Peer {
    /// The answer to a question, which must be a good one.
    pub(crate) fn get(&self, path: &str) -> Value {
        let reply = self.send("GET", path, "", None);
        assert_eq!(reply.status, 200, "GET {path}: {}", reply.body);
        reply.body
    }

    /// Changes something, which must succeed.
    pub(crate) fn change(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Value {
        let reply = self.send(method, path, content_type, Some(body));
        assert!((200..300).contains(&reply.status), "{method} {path}: {} {}", reply.status, reply.body);
        reply.body
    }

    /// Any request, any answer. A body that is no JSON is a string.
    pub(crate) fn send(&self, method: &str, path: &str, content_type: &str, body: Option<&Value>) -> Reply {
        let (status, mut reader) = self.ask(method, path, content_type, body);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// The first lines of an answer that goes on, empty ones left out.
    pub(crate) fn lines(&self, path: &str, count: usize) -> Vec<String> {
        let (status, reader) = self.ask("GET", path, "", None);
        assert_eq!(status, 200, "GET {path}");
        reader.lines().map(Result::unwrap).filter(|line| !line.is_empty()).take(count).collect()
    }

    fn ask(&self, method: &str, path: &str, content_type: &str, body: Option<&Value>) -> (u16, Box<dyn std::io::BufRead>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nUser-Agent: tests\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        for (name, value) in [("Content-Type", content_type.to_owned()), ("Authorization", format!("Bearer {}", self.token))] {
            if !value.is_empty() && value != "Bearer " {
                let _ = write!(head, "{name}: {value}\r\n");
            }
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let status = line(&mut reader).split(' ').nth(1).unwrap().parse().unwrap();
        let mut is_chunked = false;
        loop {
            let header = line(&mut reader).to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            is_chunked |= header.starts_with("transfer-encoding:") && header.ends_with("chunked");
        }
        if is_chunked { (status, Box::new(BufReader::new(Chunks { reader, left: 0 }))) } else { (status, Box::new(reader)) }
    }
}

fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// A body in chunks, without their frames.
struct Chunks {
    reader: BufReader<TcpStream>,
    left: usize,
}

impl std::io::Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            let mut size = String::new();
            // Behind each chunk is an empty line.
            while size.trim().is_empty() {
                size.clear();
                if self.reader.read_line(&mut size)? == 0 {
                    return Ok(0);
                }
            }
            self.left = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            if self.left == 0 {
                return Ok(0);
            }
        }
        let most = self.left.min(buffer.len());
        let count = self.reader.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left -= count;
        Ok(count)
    }
}
