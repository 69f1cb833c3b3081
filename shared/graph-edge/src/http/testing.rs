//! A server on the loopback interface that gives prepared answers.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A server that gives one prepared answer after the other, then closes.
pub(crate) struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method and path with query.
    pub(crate) line: String,
    /// Header lines, names in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A prepared answer.
pub(crate) struct Reply {
    status: u16,
    headers: String,
    body: String,
    delay: Duration,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: String::new(),
            body: body.to_owned(),
            delay: Duration::ZERO,
        }
    }

    /// Has the server answer only after `delay`; it takes the next connection meanwhile.
    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.extend([name, ": ", value, "\r\n"]);
        self
    }
}

impl Server {
    /// Starts a server; `{base}` in a body stands for its own URL.
    pub(crate) fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let replies: Vec<Reply> = replies.into_iter().collect();
        let (base, seen) = (url.clone(), requests.clone());
        thread::spawn(move || {
            for reply in replies {
                let Ok((stream, _)) = listener.accept() else {
                    return;
                };
                let request = read(&stream);
                seen.lock().unwrap().push(request);
                if reply.delay.is_zero() {
                    answer(stream, &reply, &base);
                    continue;
                }
                let base = base.clone();
                thread::spawn(move || {
                    thread::sleep(reply.delay);
                    answer(stream, &reply, &base);
                });
            }
        });
        Self { url, requests }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns method and path of each request.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        // Only names are case-insensitive; values stay unchanged.
        let (name, value) = line.split_once(':').unwrap();
        head.extend([&name.to_lowercase(), ":", value]);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Request {
        line: first.trim().trim_end_matches(" HTTP/1.1").to_owned(),
        head,
        body: String::from_utf8(body).unwrap(),
    }
}

fn answer(mut stream: TcpStream, reply: &Reply, base: &str) {
    let body = reply.body.replace("{base}", base);
    let head = format!(
        "HTTP/1.1 {} Status\r\nconnection: close\r\ncontent-length: {}\r\n{}\r\n",
        reply.status,
        body.len(),
        reply.headers
    );
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()));
}
