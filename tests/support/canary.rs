//! Secrets that are looked for in everything that lobd lets out or leaves behind, and a tap on the
//! line to the venue, where alone they may be seen.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use lobd::sandbox::SandboxSettings;
use lobd::sign::Signer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// So much of a secret gives it away: a cut one is found as well.
const TELLTALE: usize = 16;
/// More listen keys than an account is ever given in a test.
const LISTEN_KEYS: u32 = 50;

/// What must be seen nowhere.
#[derive(Debug, Default, Clone)]
pub(crate) struct Canaries(BTreeSet<[u8; TELLTALE]>);

impl Canaries {
    /// The keys of an exchange's account, and every listen key that it may be given.
    pub(crate) fn of(settings: &SandboxSettings) -> Self {
        let mut canaries = Self::default();
        canaries.add(&settings.api_key);
        let secret = settings.api_secret.expose();
        canaries.add(secret);
        let signer = Signer::new(&settings.api_secret);
        for number in 1..=LISTEN_KEYS {
            canaries.add(&signer.sign(&format!("listen key {number}")));
        }
        canaries
    }

    /// One more; it must begin with letters and digits enough to be told from anything else.
    pub(crate) fn add(&mut self, secret: &str) {
        let telltale: [u8; TELLTALE] = secret.as_bytes()[..TELLTALE].try_into().unwrap();
        assert!(telltale.iter().all(u8::is_ascii_alphanumeric), "{secret}");
        self.0.insert(telltale);
    }

    /// Fails if one of them is among these bytes.
    #[track_caller]
    pub(crate) fn are_absent_from(&self, what: &str, bytes: &[u8]) {
        for window in bytes.windows(TELLTALE) {
            let Ok(window) = <[u8; TELLTALE]>::try_from(window) else { continue };
            if window[0].is_ascii_alphanumeric() && self.0.contains(&window) {
                let found = String::from_utf8_lossy(&window).into_owned();
                let text = String::from_utf8_lossy(bytes);
                let lines = text.lines().filter(|line| line.contains(&found)).take(3);
                panic!("{found}… is in {what}: {:?}", lines.collect::<Vec<_>>());
            }
        }
    }

    /// Fails if one of them is in the name or the bytes of a file anywhere below a folder; `.env`,
    /// where the operator wrote them, is left out. The number of files that were read.
    #[track_caller]
    pub(crate) fn are_absent_below(&self, folder: &Path) -> usize {
        let mut read = 0;
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            self.are_absent_from("a file's name", path.as_os_str().as_encoded_bytes());
            if kind.is_dir() {
                read += self.are_absent_below(&path);
            } else if kind.is_file() && entry.file_name() != ".env" {
                self.are_absent_from(&path.display().to_string(), &std::fs::read(&path).unwrap());
                read += 1;
            }
        }
        read
    }
}

/// Stands between a client and a server, and notes each signature that passes.
pub(crate) struct WireTap {
    /// Where the client is to go.
    pub(crate) address: String,
    heard: Arc<Mutex<Vec<u8>>>,
    _listening: AbortOnDropHandle<()>,
}

impl WireTap {
    /// On the line to an address like `127.0.0.1:1`.
    pub(crate) async fn on(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (log, server) = (Arc::clone(&heard), server.to_owned());
        let listening = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (log, server) = (Arc::clone(&log), server.clone());
                lines.spawn(async move {
                    if let Ok(server) = TcpStream::connect(&server).await {
                        carry(client, server, &log).await;
                    }
                });
            }
        });
        Self { address, heard, _listening: AbortOnDropHandle::new(listening) }
    }

    /// Every signature that has passed in a query.
    pub(crate) fn signatures(&self) -> BTreeSet<String> {
        let heard = self.heard.lock().unwrap();
        let text = String::from_utf8_lossy(&heard);
        let after = text.split("signature=").skip(1);
        after.map(|rest| rest.chars().take(64).collect()).collect()
    }
}

/// Carries bytes both ways until either side ends; notes what the client says.
async fn carry(client: TcpStream, server: TcpStream, log: &Mutex<Vec<u8>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = async {
        let mut bytes = vec![0; 1 << 14];
        let mut said = Vec::new();
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            said.extend_from_slice(&bytes[..read]);
            // Noted request by request, so that no other connection's words come in between.
            if said.ends_with(b"\r\n\r\n") {
                log.lock().unwrap().append(&mut said);
            }
            if to_server.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = there => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}
