//! What is not the venue, however encrypted, is told nothing: certificates that nobody trusts, that
//! are over or are somebody else's, and handshakes that break off (promise I9). The error is typed,
//! and names the cause.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use lobd::binance::{
    BinanceError, BinanceVenue, Dialer, UserMessage, UserStream, UserStreamSettings,
};
use lobd::clock::SystemClock;
use lobd::domain::Failure;
use lobd::venue::Venue;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::gateway::{KEY, SECRET, client, order, venue};
use crate::support::fake_venue::Reply;
use crate::support::loopback::wait_for;
use crate::support::process::Home;

const LISTEN_KEY: &str = "the-listen-key";

/// An authority that no machine trusts unless it is told to.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A server's certificate for a host, until the end of a year.
    fn certify(&self, host: &str, last_year: i32) -> TlsAcceptor {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.not_after = date_time_ymd(last_year, 12, 31);
        let key = KeyPair::generate().unwrap();
        let chain = vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let settings = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Arc::new(settings).into()
    }

    /// The certificate as a file, for whoever is to trust it.
    fn write_to(&self, home: &Home) -> PathBuf {
        let path = home.path().join("authority.pem");
        std::fs::write(&path, &self.certificate).unwrap();
        path
    }
}

/// A server that shakes hands, or breaks off, and remembers what it was told afterwards.
struct Impostor {
    address: String,
    seen: Arc<Mutex<Seen>>,
    _accepting: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    told: Vec<u8>,
}

impl Impostor {
    /// Shakes hands by `acceptor`; without one it breaks off in the middle.
    async fn start(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let record = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                record.lock().unwrap().connections += 1;
                let told = match &acceptor {
                    Some(acceptor) => hear(acceptor, socket).await,
                    None => break_off(socket).await,
                };
                record.lock().unwrap().told.extend(told);
            }
        });
        Self { address, seen, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// Somebody came, and told it nothing.
    #[track_caller]
    fn was_told_nothing(&self, name: &str) {
        let seen = self.seen.lock().unwrap();
        assert!(seen.connections > 0, "{name}: nobody came");
        assert!(seen.told.is_empty(), "{name}: {}", String::from_utf8_lossy(&seen.told));
    }
}

/// What is said after a handshake that succeeds.
async fn hear(acceptor: &TlsAcceptor, socket: TcpStream) -> Vec<u8> {
    let mut told = vec![0; 4_096];
    let Ok(mut socket) = acceptor.accept(socket).await else { return Vec::new() };
    let length = socket.read(&mut told).await.unwrap_or(0);
    told.truncate(length);
    told
}

/// Answers a greeting with the beginning of one.
async fn break_off(mut socket: TcpStream) -> Vec<u8> {
    let mut greeting = [0; 4_096];
    let _ = socket.read(&mut greeting).await;
    let _ = socket.write_all(&[0x16, 0x03, 0x03, 0x00, 0x7a, 0x02]).await;
    Vec::new()
}

/// Every kind of impostor, to whoever trusts none of their authorities.
async fn impostors() -> [(&'static str, Impostor); 4] {
    let authority = Authority::new();
    [
        ("untrusted", Impostor::start(Some(authority.certify("127.0.0.1", 2_100))).await),
        ("expired", Impostor::start(Some(authority.certify("127.0.0.1", 2_020))).await),
        ("another host's", Impostor::start(Some(authority.certify("example.com", 2_100))).await),
        ("broken off", Impostor::start(None).await),
    ]
}

fn shows_no_secret(name: &str, text: &str) {
    for secret in [KEY, SECRET, LISTEN_KEY, "signature"] {
        assert!(!text.contains(secret), "{name} shows {secret}: {text}");
    }
}

#[tokio::test]
async fn no_question_and_no_order_goes_to_whoever_cannot_prove_to_be_the_venue() {
    for (name, impostor) in impostors().await {
        let client = client(&format!("https://{}", impostor.address));
        let error = client.start_listen_key().await.unwrap_err();
        assert!(matches!(error, BinanceError::Unreachable { .. }), "{name}: {error:?}");
        shows_no_secret(name, &error.to_string());
        let failure = BinanceVenue::new(client).place(&order()).await.unwrap_err();
        assert!(matches!(failure, Failure::NotSent { .. }), "{name}: {failure:?}");
        shows_no_secret(name, &failure.to_string());
        impostor.was_told_nothing(name);
    }
}

#[tokio::test]
async fn no_listen_key_goes_to_whoever_cannot_prove_to_be_the_venue() {
    let rest = venue(|_| Reply::json(200, &format!(r#"{{"listenKey":"{LISTEN_KEY}"}}"#))).await;
    for (name, impostor) in impostors().await {
        let settings = UserStreamSettings::new(format!("wss://{}", impostor.address), 1);
        let dialer = Dialer::new(Arc::new(SystemClock::start()));
        let (stream, mut mailbox) = UserStream::new(client(&rest.url), settings, dialer);
        let running = tokio::spawn(async move { stream.run(&CancellationToken::new()).await });
        let _running = AbortOnDropHandle::new(running);
        let reason = wait_for(&mut mailbox, |message| match message {
            UserMessage::Disconnected { reason, .. } => Some(reason.clone()),
            UserMessage::Connected { .. }
            | UserMessage::Switched { .. }
            | UserMessage::Alive { .. }
            | UserMessage::Event { .. } => panic!("{name}: {message:?}"),
        });
        shows_no_secret(name, &reason.await);
        impostor.was_told_nothing(name);
    }
}

/// A machine that trusts the authority: only what else is wrong keeps the key from being sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_authority_does_not_excuse_a_certificate_that_is_over_or_somebody_elses() {
    let authority = Authority::new();
    for (host, last_year, cause) in [
        ("127.0.0.1", 2_100, None),
        ("127.0.0.1", 2_020, Some("expired")),
        ("example.com", 2_100, Some("not valid for")),
    ] {
        let impostor = Impostor::start(Some(authority.certify(host, last_year))).await;
        let home = Home::with(&[
            ("LOBD_ENVIRONMENT", "sandbox".to_owned()),
            ("LOBD_REST_URL", format!("https://{}", impostor.address)),
            ("LOBD_STREAM_URL", format!("wss://{}", impostor.address)),
            ("LOBD_SANDBOX_API_KEY", KEY.to_owned()),
            ("LOBD_SANDBOX_API_SECRET", SECRET.to_owned()),
        ]);
        let mut command = home.lobd(&["position"]);
        command.env("SSL_CERT_FILE", authority.write_to(&home)).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{text}");
        shows_no_secret(host, &text);
        if let Some(cause) = cause {
            assert!(text.contains(cause), "{cause}: {text}");
            impostor.was_told_nothing(cause);
        } else {
            let told = impostor.seen.lock().unwrap().told.clone();
            assert!(told.starts_with(b"GET /fapi/v1/time"), "it is trusted: {text}");
        }
    }
}
