//! `lobd reconcile`: the journal's ledger against the venue's account.

use serde_json::json;

use crate::app::DataFolder;
use crate::app::account_check::{self, AccountCheckError};
use crate::binance::BinanceVenue;

use super::live::client;
use super::{CommandError, Context, Exit};

/// Compares the journal's positions and trades with the exchange's account; changes nothing.
///
/// Works while the daemon runs. Ends with code 8 if there is a discrepancy.
///
/// Example: `lobd reconcile --json`
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Runs `lobd reconcile`.
pub(super) async fn run(_args: &Args, context: &Context) -> Result<(), CommandError> {
    let settings = context.settings()?;
    let rest = client(context)?;
    // Fails with a code of its own if the key is refused or the venue cannot be reached.
    rest.account_configuration().await?;
    let folder = DataFolder::new(&settings.data_dir);
    let venue = BinanceVenue::new(rest);
    let clock = context.clock();
    let found = account_check::check(&folder.journal(), &venue, &settings.symbols, &clock).await?;
    let output = context.output();
    if output.is_json() {
        output.json(&json!({ "discrepancies": found }))?;
    } else if found.is_empty() {
        output.line("no discrepancy: the journal and the account agree")?;
    } else {
        for difference in &found {
            output.line(difference.to_string())?;
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let message = format!("{} discrepancies between journal and account", found.len());
    Err(CommandError::message(Exit::VerificationFailed, message).remedy(
        "a running daemon books missing trades by itself; see lobd status and lobd history",
    ))
}

impl From<AccountCheckError> for CommandError {
    fn from(error: AccountCheckError) -> Self {
        match error {
            AccountCheckError::Store(error) => error.into(),
            AccountCheckError::Venue(_) => Self::new(Exit::Unreachable, error),
        }
    }
}
