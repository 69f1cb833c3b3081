//! An AWS that refuses, breaks or hangs.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What happens to a request.
pub enum Reply {
    /// It is answered.
    Answer(u16, String),
    /// The connection is closed.
    Break,
    /// Nothing happens.
    Hang,
}

/// A server on this machine, and the requests that it got.
pub struct Fake {
    pub url: String,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Starts a server; `reply` gets the first line of each request, the action if a header names it, and the body.
    pub fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, reply) = (Arc::clone(&requests), Arc::new(reply));
        thread::spawn(move || {
            let mut hanging = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read(&stream) else { continue };
                seen.lock().unwrap().push(request.clone());
                match reply(&request) {
                    Reply::Answer(status, body) => {
                        let head = format!(
                            "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                            body.len()
                        );
                        let _ = stream.write_all((head + &body).as_bytes());
                    }
                    Reply::Break => drop(stream),
                    Reply::Hang => hanging.push(stream),
                }
            }
        });
        Self { url, requests }
    }

    /// Returns how many requests had this in their first line or body.
    pub fn count(&self, part: &str) -> usize {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .filter(|request| request.contains(part))
            .count()
    }
}

fn read(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.to_ascii_lowercase().starts_with("x-amz-target:") {
            first += &line;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(first + &String::from_utf8_lossy(&body))
}

/// Returns what CloudFormation says of a stack with these outputs.
pub fn stack(status: &str, outputs: &[(&str, &str)]) -> String {
    let outputs = outputs.iter().fold(String::new(), |all, (key, value)| {
        all + "<member><OutputKey>" + key + "</OutputKey><OutputValue>" + value + "</OutputValue></member>"
    });
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult><Stacks>\
         <member><StackName>graph-notifications</StackName><StackStatus>{status}</StackStatus>\
         <CreationTime>2026-01-01T00:00:00Z</CreationTime><Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult>\
         </DescribeStacksResponse>"
    )
}

/// Returns an error as CloudFormation writes it.
pub fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    )
}
