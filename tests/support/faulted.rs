//! Faults switched on at a loopback exchange, and a daemon that has to live with them.

use std::time::Duration;

use lobd::domain::Exposure;
use lobd::sandbox::faults::FaultReport;
use lobd::sandbox::{Control, RunningSandbox};
use lobd::sign::Signer;
use lobd::sim::{OrderRecord, StopRecord};
use serde_json::Value;

use super::constant_model;
use super::process::{DEADLINE, Home, Running, until};
use super::venue::{Venue, quiet_market};

/// Switches a fault on; its number.
pub(crate) async fn switch_on(control: &Control, spec: &str) -> u32 {
    control.add_fault(spec.parse().unwrap()).await.unwrap()
}

/// How often a fault has struck.
pub(crate) async fn fired(control: &Control, number: u32) -> u64 {
    report(control, number).await.fired
}

/// Where a fault stands.
pub(crate) async fn report(control: &Control, number: u32) -> FaultReport {
    let found = control.faults().await.into_iter().find(|fault| fault.number == number);
    found.unwrap()
}

/// A daemon that enters at its first prediction and holds, on an exchange in this process.
pub(crate) struct Daemon {
    pub(crate) venue: Venue,
    pub(crate) home: Home,
    process: Running,
}

impl Daemon {
    /// A daemon on an exchange where these faults are on from the start.
    pub(crate) async fn start(faults: &[&str]) -> Self {
        Self::start_with(faults, &[]).await
    }

    /// The same, with settings of its own.
    pub(crate) async fn start_with(faults: &[&str], settings: &[(&'static str, &str)]) -> Self {
        Self::start_prepared(faults, settings, |_, _| {}).await
    }

    /// The same, with something put into its home before.
    pub(crate) async fn start_prepared(
        faults: &[&str],
        settings: &[(&'static str, &str)],
        prepare: impl FnOnce(&Venue, &Home),
    ) -> Self {
        let venue = Venue::start(quiet_market()).await;
        for fault in faults {
            switch_on(&venue.sandbox.control, fault).await;
        }
        let mut variables = venue.variables();
        variables.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let home = Home::with(&variables);
        constant_model::promote(&home.data(), 50.0);
        prepare(&venue, &home);
        let process = home.spawn(&["run"]);
        Self { venue, home, process }
    }

    /// A daemon that holds a position under its stop.
    pub(crate) async fn holding() -> Self {
        let daemon = Self::start(&[]).await;
        daemon.is_protected().await;
        daemon
    }

    /// Stops the process where it is: nobody is there any more.
    pub(crate) fn freeze(&self) {
        self.process.stop_in_place();
    }

    /// Lets a frozen process go on.
    pub(crate) fn thaw(&self) {
        self.process.go_on();
    }

    /// Kills the process without a warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    pub(crate) const fn control(&self) -> &Control {
        &self.venue.sandbox.control
    }

    pub(crate) async fn switch_on(&self, fault: &str) -> u32 {
        switch_on(self.control(), fault).await
    }

    /// Waits until the fault has struck so often.
    pub(crate) async fn has_struck(&self, number: u32, times: u64) {
        let struck = until(async || (fired(self.control(), number).await >= times).then_some(()));
        let in_time = tokio::time::timeout(DEADLINE, struck).await;
        assert!(in_time.is_ok(), "fault {number} did not strike; log: {}", self.home.log());
    }

    pub(crate) async fn status_when(
        &self,
        what: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        self.home.status_when(what, is_wanted).await
    }

    /// Waits until a position is held, its stop acknowledged, and the ledger agreed (I3, I4).
    pub(crate) async fn is_protected(&self) -> Value {
        self.status_when("a position under its stop, agreed with the venue", |status| {
            let one = &status["symbols"][0];
            let is_held = one["phase"] == "holding" && !one["stop_price"].is_null();
            is_held && is_agreed(status)
        })
        .await
    }

    /// Closes what is held; no new entry follows.
    pub(crate) async fn flatten(&self) -> Value {
        self.home.succeeds(&["flatten"]);
        self.status_when("flat, and agreed with the venue", |status| {
            status["symbols"][0]["phase"] == "flat" && is_agreed(status)
        })
        .await
    }

    /// The orders that opened risk, as the venue has them.
    pub(crate) async fn entries(&self) -> Vec<OrderRecord> {
        let orders = self.venue.orders().await.into_iter();
        orders.filter(|order| !order.report.reduce_only && order.stop.is_none()).collect()
    }

    pub(crate) async fn exposure(&self) -> Exposure {
        self.venue.exposure().await
    }

    pub(crate) async fn stops(&self) -> Vec<StopRecord> {
        self.venue.stops().await
    }

    /// Ends the daemon well and starts it again on the same folder.
    pub(crate) async fn restart(&mut self) {
        self.process.terminate();
        assert_eq!(self.process.exit().await, Some(0), "{}", self.home.log());
        self.process = self.home.spawn(&["run"]);
    }

    /// Ends the daemon, which must end well and have told no secret (I9).
    pub(crate) async fn ends_well(mut self) {
        self.process.terminate();
        assert_eq!(self.process.exit().await, Some(0), "{}", self.home.log());
        let log = self.home.log();
        let sandbox = &self.venue.sandbox;
        let mut secrets: Vec<String> =
            (1..=LISTEN_KEYS).map(|at| listen_key(sandbox, at)).collect();
        secrets
            .extend([&sandbox.api_key, sandbox.api_secret.expose(), "signature="].map(Into::into));
        for secret in secrets {
            assert!(!log.contains(&secret), "{secret} is in the log: {log}");
        }
    }
}

/// More listen keys than a test's account is ever given.
const LISTEN_KEYS: u32 = 50;

/// The account's listen key of that number, as the exchange makes it from the account's secret.
pub(crate) fn listen_key(sandbox: &RunningSandbox, number: u32) -> String {
    Signer::new(&sandbox.api_secret).sign(&format!("listen key {number}"))
}

/// Whether the ledger and the venue agree.
pub(crate) fn is_agreed(status: &Value) -> bool {
    status["is_reconciled"] == true && status["discrepancies"] == serde_json::json!([])
}

/// The longest time without cover that a status tells of.
pub(crate) fn longest_naked(status: &Value) -> Duration {
    let told = &status["symbols"][0]["totals"]["longest_naked"];
    let (seconds, nanos) = (told["secs"].as_u64().unwrap(), told["nanos"].as_u64().unwrap());
    Duration::from_secs(seconds) + Duration::from_nanos(nanos)
}
