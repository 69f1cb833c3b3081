//! A proxy through which containers reach a server on this machine's loopback interface.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Engine;
use crate as stack;

/// The name by which containers know this machine.
///
/// Docker Desktop resolves it by itself, to the loopback interface. A Docker engine on Linux resolves it to the gateway
/// of its network if `--add-host` says so, as the settings in `samconfig.toml` do.
pub(crate) const HOST: &str = "host.docker.internal";

/// A running proxy. It stops when it is dropped.
#[derive(Debug)]
pub(crate) struct ContainerProxy {
    task: Option<JoinHandle<()>>,
}

impl ContainerProxy {
    /// Lets containers reach the server with this base URL, at the same port of the gateway. Nobody else can, because
    /// MiniStack runs any code it is sent.
    ///
    /// # Errors
    ///
    /// The URL has no port, or another program uses the port.
    pub(crate) async fn open(engine: &Engine, url: &str) -> Result<Self, stack::Error> {
        let malformed = || stack::Error::Malformed(url.to_owned());
        let (_, port) = url.rsplit_once(':').ok_or_else(malformed)?;
        let port: u16 = port.parse().map_err(|_| malformed())?;
        let listener = match TcpListener::bind((engine.gateway, port)).await {
            // With Docker Desktop, the gateway is not an address of this machine, and containers reach the loopback
            // interface.
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => return Ok(Self { task: None }),
            other => other.map_err(stack::Error::io(format!(
                "listening on {}, port {port}, for containers",
                engine.gateway
            )))?,
        };
        let task = tokio::spawn(accept_from_containers(*engine, listener, port));
        Ok(Self { task: Some(task) })
    }
}

impl Drop for ContainerProxy {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Returns a loopback URL as containers have to write it.
pub(crate) fn url_in_containers(url: &str) -> String {
    url.replace("127.0.0.1", HOST)
}

/// Accepts connections from containers.
async fn accept_from_containers(engine: Engine, listener: TcpListener, port: u16) {
    loop {
        // A failure affects this connection only.
        let Ok((outside, peer)) = listener.accept().await else {
            continue;
        };
        if matches!(peer.ip(), IpAddr::V4(address) if engine.has(address)) {
            tokio::spawn(join(outside, port));
        }
    }
}

/// Connects a container's connection to the loopback interface.
async fn join(mut outside: TcpStream, port: u16) {
    if let Ok(mut inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        // Both ends notice by themselves that the connection has ended.
        let _ = copy_bidirectional(&mut outside, &mut inside).await;
    }
}
