//! Services that do not answer, each in its own way, and clients of AWS that call them.

use std::{
    io::{self, Read, Write},
    iter,
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use tokio::net::TcpSocket;

use crate::{
    secrets::{SecretStore, StoredSecret},
    sqs::{Sqs, SqsQueue},
};

/// A way in which a service does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hang {
    /// It does not take the connection, as if no route led to it.
    NeverConnects,
    /// It takes the connection, and no more.
    NeverAnswers,
    /// It begins to answer, and sends a byte from time to time.
    NeverEnds,
    /// Nobody listens.
    Refuses,
    /// It answers what AWS does not.
    AnswersElse,
}

impl Hang {
    /// All ways.
    pub const ALL: [Self; 5] = [
        Self::NeverConnects,
        Self::NeverAnswers,
        Self::NeverEnds,
        Self::Refuses,
        Self::AnswersElse,
    ];

    /// Returns a queue called `TheQueue` of a service that hangs so.
    pub fn queue(self) -> SqsQueue {
        let url = self.serve();
        Sqs::new(&config(&url)).queue(format!("{url}/123456789012/TheQueue"))
    }

    /// Returns a secret called `TheSecret-AbCdEf` of a service that hangs so.
    pub fn secret(self) -> StoredSecret {
        let store = SecretStore::new(&config(&self.serve()));
        store.secret("arn:aws:secretsmanager:eu-west-1:123456789012:secret:TheSecret-AbCdEf")
    }

    /// Returns the URL of a service that hangs so, for as long as the process lives.
    fn serve(self) -> String {
        let Ok(listener) = listen() else {
            return String::new();
        };
        let address = listener.local_addr();
        let url = address
            .as_ref()
            .map(|address| format!("http://{address}"))
            .unwrap_or_default();
        match self {
            Self::Refuses => drop(listener),
            Self::NeverAnswers => std::mem::forget(listener),
            Self::NeverConnects => {
                // Connections that nobody takes fill the backlog; the system then leaves further ones without an answer.
                let waiting = || TcpStream::connect_timeout(&address.as_ref().ok().copied()?, A_MOMENT).ok();
                std::mem::forget(iter::from_fn(waiting).collect::<Vec<_>>());
                std::mem::forget(listener);
            }
            Self::NeverEnds | Self::AnswersElse => {
                thread::spawn(move || {
                    for connection in listener.incoming().flatten() {
                        thread::spawn(move || self.answer(connection));
                    }
                });
            }
        }
        url
    }

    fn answer(self, mut connection: TcpStream) {
        let _ = connection.read(&mut [0; 4_096]);
        if self == Self::AnswersElse {
            let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}");
            return;
        }
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
        while connection.write_all(b" ").is_ok() {
            thread::park_timeout(Duration::from_millis(20));
        }
    }
}

/// Listens on this machine, with a backlog that is soon full.
fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let listener = socket.listen(1)?.into_std()?;
    listener.set_nonblocking(false)?;
    Ok(listener)
}

/// How long a connection on this machine takes at the most.
const A_MOMENT: Duration = Duration::from_millis(100);

/// Returns the configuration of a client of AWS whose services are all at `url`.
pub(crate) fn config(url: &str) -> SdkConfig {
    let credentials = Credentials::new("id", "key", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(crate::aws::http_client())
        .build()
}
