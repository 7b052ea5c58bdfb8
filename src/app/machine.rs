//! What a daemon runs on besides its clock: a network, a disk, a shelf of models.
//!
//! This machine's own, or what a simulation puts in their place. Nothing above them differs.

use std::sync::Arc;

use crate::actors::ModelShelf;
use crate::binance::Network;
use crate::domain::{Instrument, Timestamp};
use crate::engine::CountdownProof;
use crate::store::models::ModelStore;
use crate::store::{Disk, InstrumentKey};

use super::folder::DataFolder;

/// What a daemon runs on.
#[derive(Clone, Default)]
pub struct Machine {
    /// The way to the venue.
    pub network: Network,
    /// Where journal and tape are.
    pub disk: Disk,
    /// Where models come from.
    pub models: Models,
    /// What is proven of the venue's countdown; `None` where certification has to show it.
    pub countdown: Option<CountdownProof>,
}

/// Where models come from.
#[derive(Debug, Clone, Default)]
pub enum Models {
    /// The data folder.
    #[default]
    Folder,
    /// Memory: the bytes of one artefact and when it was promoted.
    Given(Arc<[u8]>, Timestamp),
}

impl Machine {
    /// The shelf of an instrument's models.
    pub(super) fn shelf(&self, folder: &DataFolder, instrument: &Instrument) -> ModelShelf {
        match &self.models {
            Models::Given(bytes, promoted_at) => ModelShelf::Given(Arc::clone(bytes), *promoted_at),
            Models::Folder => ModelShelf::Store {
                store: ModelStore::new(&folder.models()),
                folder: InstrumentKey::of(instrument).to_string(),
            },
        }
    }
}
