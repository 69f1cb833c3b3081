//! https: an authority for one simulator, and its certificate for this machine's names.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// The parts that a server needs to serve https, and its clients to trust it.
pub(crate) struct Tls {
    /// The authority's certificate in PEM.
    pub(crate) authority: String,
    /// Answers handshakes.
    pub(crate) acceptor: TlsAcceptor,
}

impl Tls {
    /// Creates an authority and a certificate. The authority's key is not kept, and the authority is limited to this
    /// machine's names, so trusting it affects no other machine.
    ///
    /// # Errors
    ///
    /// A key cannot be generated or cannot sign.
    pub(crate) fn new() -> std::io::Result<Self> {
        let (authority, issuer) = authority().map_err(std::io::Error::other)?;
        let (certificate, key) = server(&issuer).map_err(std::io::Error::other)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(std::io::Error::other)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config
                    .with_no_client_auth()
                    .with_single_cert(vec![certificate.der().clone()], key)
            })
            .map_err(std::io::Error::other)?;
        Ok(Self {
            authority,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}

/// Returns an authority, and its certificate in PEM.
fn authority() -> Result<(String, Issuer<'static, KeyPair>), rcgen::Error> {
    let mut params = of("Graph simulator, for tests on this machine")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName(NAME.to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 1], [255, 255, 255, 255])),
        ],
        excluded_subtrees: Vec::new(),
    });
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), Issuer::new(params, key)))
}

/// Returns the certificate of the server and its key.
fn server(issuer: &Issuer<'_, KeyPair>) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
    let mut params = of("Graph simulator")?;
    params.subject_alt_names =
        CertificateParams::new([NAME.to_owned(), "127.0.0.1".to_owned()])?.subject_alt_names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, issuer)?, key))
}

/// Returns the parameters that both certificates share.
fn of(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 12, 31);
    Ok(params)
}

/// Accepts connections after their handshake. A slow handshake does not delay other connections.
pub(crate) struct TlsListener {
    address: std::io::Result<SocketAddr>,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    /// Starts to accept connections.
    pub(crate) fn new(listener: TcpListener, acceptor: TlsAcceptor) -> Self {
        let (sender, ready) = mpsc::channel(1);
        let address = listener.local_addr();
        tokio::spawn(async move {
            loop {
                let Ok((stream, client)) = listener.accept().await else {
                    // Probably no file handle is left.
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = sender.send((stream, client)).await;
                    }
                });
            }
        });
        Self { address, ready }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.address
            .as_ref()
            .map(|address| *address)
            .map_err(|error| error.kind().into())
    }
}

/// The name of this machine.
const NAME: &str = "localhost";

/// The pause after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);
