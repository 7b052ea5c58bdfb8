//! What a daemon takes in hand when it starts: the account, the tape's instruments, the emergency
//! file.

use crate::config::{self, Settings};
use crate::domain::{Instrument, Second};
use crate::store::{
    AccountLease, AccountName, Disk, EmergencyFile, InstrumentKey, InstrumentVersion, Journal,
    StoreError, Tape,
};

use super::daemon::Mode;
use super::folder::DataFolder;

/// The right to trade on the account. Who only records needs none, and in a simulation nobody else
/// could have it.
pub(super) fn lease(
    disk: &Disk,
    settings: &Settings,
    mode: Mode,
) -> Result<Option<AccountLease>, StoreError> {
    let (Mode::Trade, Disk::Machine, Some(credentials)) = (mode, disk, &settings.credentials)
    else {
        return Ok(None);
    };
    let account = AccountName {
        environment: settings.environment,
        rest_url: &settings.urls.rest,
        api_key: &credentials.api_key,
    };
    AccountLease::acquire(&config::runtime_dir(), account, &settings.data_dir).map(Some)
}

/// Registers what is traded; the answer is each instrument on the grid its rows are counted in.
pub(super) fn register(
    tape: &mut Tape,
    instruments: &[Instrument],
    now: Second,
) -> Result<Vec<Instrument>, StoreError> {
    let on_its_grid = |instrument: &Instrument| {
        tape.register(instrument, now)?;
        let version = tape.newest_version(&InstrumentKey::of(instrument));
        Ok(version.map_or_else(|| instrument.clone(), InstrumentVersion::as_recorded))
    };
    instruments.iter().map(on_its_grid).collect()
}

/// Opens the emergency file for this run; what an earlier one left in it moves to the journal.
pub(super) fn open_emergency(
    disk: &Disk,
    folder: &DataFolder,
    journal: &mut Journal,
) -> Result<EmergencyFile, StoreError> {
    let (mut emergency, left) = EmergencyFile::open_on(disk, &folder.emergency())?;
    if !left.is_empty() {
        tracing::warn!(
            commands = left.len(),
            "an earlier run ended while its journal failed; what it sent by way of the emergency \
             file is kept in the journal, and the venue is asked what became of it"
        );
        journal.keep_emergencies(&left)?;
        emergency.clear()?;
    }
    Ok(emergency)
}
