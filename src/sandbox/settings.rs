//! What a loopback exchange is told when it starts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::sign::Secret;
use crate::sim::{AccountSettings, Rules};

use super::faults::FaultSpec;
use super::tape::Tape;
pub use super::windows::RateLimits;

/// What a loopback exchange is told when it starts.
#[derive(Debug, Clone)]
pub struct SandboxSettings {
    /// Where REST is served; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where streams are served; port 0 picks a free one.
    pub listen_streams: SocketAddr,
    /// Whether addresses outside loopback may be listened on. The keys are no secrets: anyone who
    /// reaches the exchange can trade on it.
    pub allow_remote: bool,
    /// The account's API key.
    pub api_key: String,
    /// The account's API secret; printed by `lobd exchange`, so no secret of anyone's.
    pub api_secret: Secret,
    /// What the account begins with.
    pub account: AccountSettings,
    /// More accounts beside it, each with keys of its own.
    pub others: Vec<SandboxAccount>,
    /// The limits on requests and orders.
    pub limits: RateLimits,
    /// How long sockets live and how they are kept alive.
    pub sockets: SocketRules,
    /// The same for sockets of the spot market.
    pub spot_sockets: SocketRules,
    /// What the venue leaves undocumented or does with a delay.
    pub rules: Rules,
    /// The recording that is the market, for instruments whose liquidity is a tape.
    pub tape: Option<Tape>,
    /// What goes wrong from the start.
    pub faults: Vec<FaultSpec>,
    /// The root of the faults' chance.
    pub fault_seed: u64,
}

/// One more account of a loopback exchange.
#[derive(Debug, Clone)]
pub struct SandboxAccount {
    /// Its API key.
    pub api_key: String,
    /// Its API secret; no secret of anyone's.
    pub api_secret: Secret,
    /// What it begins with.
    pub account: AccountSettings,
}

/// How long sockets live and how they are kept alive (exchange-api.md 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketRules {
    /// How often the exchange pings.
    pub ping_every: Duration,
    /// A client that has not answered a ping for so long is dropped.
    pub pong_within: Duration,
    /// No socket lives longer.
    pub longest_life: Duration,
    /// Messages of a client in one second; more end its socket. Calls have limits of their own.
    pub messages_per_second: u32,
}

impl SocketRules {
    /// Those of the spot market (exchange-api.md 10).
    #[must_use]
    pub fn spot() -> Self {
        Self {
            ping_every: Duration::from_secs(20),
            pong_within: Duration::from_mins(1),
            messages_per_second: 5,
            ..Self::default()
        }
    }
}

impl Default for SocketRules {
    /// Those of the venue.
    fn default() -> Self {
        Self {
            ping_every: Duration::from_mins(3),
            pong_within: Duration::from_mins(10),
            longest_life: Duration::from_hours(24),
            messages_per_second: 10,
        }
    }
}

impl SandboxSettings {
    /// Loopback, free ports, keys derived from a seed, the default account and limits.
    #[must_use]
    pub fn for_seed(seed: u64) -> Self {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Self {
            listen: loopback,
            listen_streams: loopback,
            allow_remote: false,
            api_key: derive(seed, "key"),
            api_secret: Secret::new(derive(seed, "secret")),
            account: AccountSettings::default(),
            others: Vec::new(),
            limits: RateLimits::default(),
            sockets: SocketRules::default(),
            spot_sockets: SocketRules::spot(),
            rules: Rules::recorded(),
            tape: None,
            faults: Vec::new(),
            fault_seed: fault_seed(seed),
        }
    }

    /// As many accounts as that, with keys derived from a seed: the others begin as the first does.
    #[must_use]
    pub fn with_accounts(mut self, seed: u64, count: usize) -> Self {
        let other = |number: usize| SandboxAccount {
            api_key: derive(seed, &format!("key {number}")),
            api_secret: Secret::new(derive(seed, &format!("secret {number}"))),
            account: self.account,
        };
        self.others = (1..count).map(other).collect();
        self
    }
}

/// A key that is the same for the same seed and no secret of anyone's.
fn derive(seed: u64, what: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(format!("lobd exchange {what} {seed}")))
}

/// The faults' chance is another than the market's, so that no fault changes the market.
const fn fault_seed(seed: u64) -> u64 {
    seed ^ u64::from_be_bytes(*b"a fault!")
}
