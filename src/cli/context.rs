//! What every command is given: where its data is, its settings, its clock, its output.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::{SharedClock, SystemClock};
use crate::config::{self, ConfigError, Settings, Variables};
use crate::domain::Environment;
use crate::trading::TradingSettings;

use super::GlobalArguments;
use super::error::{CommandError, Exit};
use super::output::Output;

/// The surroundings of one command.
pub struct Context {
    global: GlobalArguments,
    clock: SharedClock,
}

impl Context {
    pub(super) fn new(global: GlobalArguments) -> Self {
        Self { global, clock: Arc::new(SystemClock::start()) }
    }

    /// The machine's clock.
    #[must_use]
    pub fn clock(&self) -> SharedClock {
        Arc::clone(&self.clock)
    }

    /// Where to print.
    #[must_use]
    pub const fn output(&self) -> Output {
        Output::new(self.global.json)
    }

    /// The data folder named on the command line, if one was.
    #[must_use]
    pub const fn data_dir_argument(&self) -> Option<&PathBuf> {
        self.global.data_dir.as_ref()
    }

    /// The settings file named on the command line, if one was.
    #[must_use]
    pub const fn env_file_argument(&self) -> Option<&PathBuf> {
        self.global.env_file.as_ref()
    }

    /// The data folder: `--data-dir`, else `LOBD_DATA_DIR`, else `./data`. Needs no other setting.
    ///
    /// # Errors
    /// [`Exit::Configuration`] if the settings file cannot be read.
    pub fn data_dir(&self) -> Result<PathBuf, CommandError> {
        if let Some(folder) = &self.global.data_dir {
            return Ok(folder.clone());
        }
        Ok(config::data_dir(&self.variables()?))
    }

    /// The numbers of the trading cycle, for trading in simulation: no venue and no key is needed.
    ///
    /// # Errors
    /// [`Exit::Configuration`] naming every problem found among them.
    pub fn trading_settings(
        &self,
        environment: Environment,
    ) -> Result<TradingSettings, CommandError> {
        config::trading_settings(&self.variables()?, environment)
            .map_err(|error| configuration(&error))
    }

    /// All settings, checked.
    ///
    /// # Errors
    /// [`Exit::Configuration`] naming every problem found.
    pub fn settings(&self) -> Result<Settings, CommandError> {
        let mut settings =
            Settings::from_variables(&self.variables()?).map_err(|error| configuration(&error))?;
        if let Some(folder) = &self.global.data_dir {
            settings.data_dir.clone_from(folder);
        }
        Ok(settings)
    }

    /// Whether a setting is set to something.
    ///
    /// # Errors
    /// [`Exit::Configuration`] if the settings file cannot be read.
    pub fn has_variable(&self, name: &str) -> Result<bool, CommandError> {
        Ok(self.variables()?.get(name).is_some_and(|value| !value.is_empty()))
    }

    fn variables(&self) -> Result<Variables, CommandError> {
        config::read_variables(self.global.env_file.as_deref())
            .map_err(|error| configuration(&error))
    }
}

fn configuration(error: &ConfigError) -> CommandError {
    CommandError::new(Exit::Configuration, error)
        .remedy("see .env.example for every setting with its unit and default")
}

/// Whether systemd started this process and reads its log through the journal.
#[expect(clippy::disallowed_methods, reason = "systemd speaks through the environment")]
pub(super) fn is_under_systemd() -> bool {
    std::env::var("JOURNAL_STREAM").is_ok() && std::env::var("INVOCATION_ID").is_ok()
}
