//! Answers each frame with the predictions of the models in charge.
//!
//! A slow or broken model delays nothing but its own answers. When `current` points to another
//! model, that one is verified and takes over between two seconds; one that fails verification is
//! refused and the old one stays (I13).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::book::Frame;
use crate::domain::{Instrument, Rate, Symbol, Timestamp};
use crate::engine::{Event, ModelInCharge};
use crate::predict::{Artifact, ArtifactError, LinearPredictor, Predictor, Target};
use crate::store::StoreError;
use crate::store::models::ModelStore;

use super::pulse::Pulse;
use super::supervisor::{Actor, ActorFailure};
use super::trader::TraderHandle;

/// A predictor this far behind answers about the past, which nobody trades on.
const MAILBOX_CAPACITY: usize = 10;

/// The file of an artefact that holds the model.
const MODEL_FILE: &str = "model.json";

/// Why a model cannot take charge.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Its files cannot be had.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not what it says, or not for this instrument.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The folder holds no model.
    #[error("the model's folder holds no {MODEL_FILE}")]
    NoModel,
    /// The pointer's moment cannot be read.
    #[error("the pointer to the current model has no moment of promotion: {0}")]
    Pointer(#[from] crate::domain::TimeError),
}

/// A verified model, ready to answer, and what the engine must know of it.
pub struct Loaded {
    /// Answers frames.
    pub predictor: Box<dyn Predictor>,
    /// For the engine.
    pub in_charge: ModelInCharge,
}

/// Where an instrument's models are and how long one may be used.
#[derive(Debug, Clone)]
pub struct ModelSource {
    /// The instrument the model must be for.
    pub instrument: Instrument,
    /// Where its current model is found.
    pub shelf: ModelShelf,
    /// How long after its promotion a model may be used.
    pub max_age: Duration,
}

/// Where the current model of an instrument is found.
#[derive(Debug, Clone)]
pub enum ModelShelf {
    /// Among the models of a data folder.
    Store {
        /// All models.
        store: ModelStore,
        /// The instrument's folder among them.
        folder: String,
    },
    /// In memory, for a simulation: the bytes of an artefact and when it was promoted.
    Given(Arc<[u8]>, Timestamp),
}

impl ModelSource {
    /// Loads and verifies the current model; `None` if none was ever promoted.
    ///
    /// # Errors
    /// [`ModelError`] naming what is wrong with it.
    pub fn load(&self) -> Result<Option<Loaded>, ModelError> {
        let (artifact, promoted_at) = match &self.shelf {
            ModelShelf::Given(bytes, promoted_at) => (Artifact::parse(bytes)?, *promoted_at),
            ModelShelf::Store { store, folder } => {
                let Some(current) = store.current(folder)? else { return Ok(None) };
                let stored = store.load(folder, current.id)?;
                let bytes = stored.files.get(MODEL_FILE).ok_or(ModelError::NoModel)?;
                (Artifact::parse(bytes)?, current.promoted_at.parse()?)
            }
        };
        artifact.verify_target(Target {
            environment: self.instrument.environment,
            market: self.instrument.market,
            symbol: self.instrument.symbol,
        })?;
        let in_charge = ModelInCharge {
            model: artifact.id(),
            expires_at: (promoted_at + self.max_age).second(),
            spread_multiple: Rate::from_bps(artifact.model().signal_spread_multiple * 10_000.0),
        };
        let predictor = Box::new(LinearPredictor::new(&artifact)?);
        Ok(Some(Loaded { predictor, in_charge }))
    }

    /// When the pointer to the current model last changed.
    fn changed_at(&self) -> Option<SystemTime> {
        let ModelShelf::Store { store, folder } = &self.shelf else { return None };
        let path = store.pointer_path(folder);
        std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
    }
}

/// Address of a running [`PredictorActor`].
#[derive(Debug, Clone)]
pub struct PredictorHandle(mpsc::Sender<Frame>);

impl PredictorHandle {
    /// Hands a frame over; a predictor that is behind skips it.
    pub fn predict(&self, frame: Frame) {
        if self.0.try_send(frame).is_err() {
            tracing::warn!("the predictor is behind; a second goes without a prediction");
        }
    }
}

struct Slot {
    source: ModelSource,
    predictor: Option<Box<dyn Predictor>>,
    seen: Option<SystemTime>,
}

/// Runs one model an instrument over every frame.
pub struct PredictorActor {
    mailbox: mpsc::Receiver<Frame>,
    slots: Vec<Slot>,
    trader: TraderHandle,
    pulse: Pulse,
}

impl PredictorActor {
    /// A predictor of several instruments, with the models loaded so far.
    #[must_use]
    pub fn new(
        sources: Vec<(ModelSource, Option<Box<dyn Predictor>>)>,
        trader: TraderHandle,
    ) -> (PredictorHandle, Self) {
        let (sender, mailbox) = mpsc::channel(MAILBOX_CAPACITY);
        let slots = sources
            .into_iter()
            .map(|(source, predictor)| Slot { seen: source.changed_at(), source, predictor })
            .collect();
        let pulse = Pulse::default();
        (PredictorHandle(sender), Self { mailbox, slots, trader, pulse })
    }

    /// Whether it gets through the seconds.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    async fn answer(&mut self, frame: &Frame) -> Result<(), super::trader::TraderEnded> {
        for slot in &mut self.slots {
            if let Some((symbol, model)) = slot.reload_if_changed() {
                self.trader.tell(Event::Model { symbol, model: Some(model) }).await?;
            }
            let prediction = slot.predictor.as_mut().and_then(|model| model.push(frame));
            if let Some(prediction) = prediction {
                self.trader.tell(Event::Prediction(prediction)).await?;
            }
        }
        Ok(())
    }
}

impl Slot {
    fn reload_if_changed(&mut self) -> Option<(Symbol, ModelInCharge)> {
        let changed_at = self.source.changed_at();
        if changed_at == self.seen {
            return None;
        }
        self.seen = changed_at;
        let symbol = self.source.instrument.symbol;
        match self.source.load() {
            Ok(Some(loaded)) => {
                tracing::info!(%symbol, model = %loaded.in_charge.model, "model takes charge");
                self.predictor = Some(loaded.predictor);
                Some((symbol, loaded.in_charge))
            }
            Ok(None) => None,
            Err(error) => {
                tracing::error!(%symbol, %error, "the promoted model is refused; the old one stays");
                None
            }
        }
    }
}

impl Actor for PredictorActor {
    /// Runs until shut down or until the last handle is dropped.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), ActorFailure> {
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                received = self.mailbox.recv() => match received {
                    Some(frame) => {
                        if self.answer(&frame).await.is_err() {
                            return Ok(());
                        }
                        self.pulse.beat();
                    }
                    None => return Ok(()),
                },
            }
        }
    }
}
