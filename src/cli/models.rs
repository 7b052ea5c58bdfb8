//! `lobd models`: what is stored, what is in charge, and changing that.

use serde::Serialize;

use crate::app::training::{self, TrainingError};
use crate::domain::{Environment, Market, ModelId, Symbol};
use crate::store::models::ModelStore;
use crate::store::{InstrumentKey, models_path};

use super::{CommandError, Context};

/// Lists, shows, promotes and rolls back stored models.
///
/// Example: `lobd models promote ols-3fa92c51`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Every stored model with its skill; the promoted one is marked.
    ///
    /// Example: `lobd models list --json`
    List,
    /// A model's card.
    ///
    /// Example: `lobd models show 3f9a1c2b`
    Show {
        /// The model.
        id: ModelId,
    },
    /// Puts a verified model in charge.
    ///
    /// Example: `lobd models promote 3f9a1c2b`
    Promote {
        /// The model.
        id: ModelId,
    },
    /// Puts the model before the current one back in charge.
    ///
    /// Example: `lobd models rollback --symbol BTCUSDT`
    Rollback {
        /// Instrument, like BTCUSDT [default: the only one with models].
        #[arg(long, value_name = "S")]
        symbol: Option<String>,
    },
}

#[derive(Serialize)]
struct Listed {
    id: ModelId,
    instrument: String,
    current: bool,
    r2: Option<f64>,
    r2_vs_zero: Option<f64>,
    problem: Option<String>,
}

/// Runs `lobd models`.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let models = ModelStore::new(&models_path(&context.data_dir()?));
    let output = context.output();
    let now = context.clock().now();
    match &args.action {
        Action::List => list(&models, context),
        Action::Show { id } => {
            let key = owner(&models, *id)?;
            let artifact = training::load(&models, &key, Some(*id))?;
            if output.is_json() {
                return output.json(artifact.model());
            }
            let stored = models.load(&key.to_string(), *id).map_err(TrainingError::from)?;
            let card = stored.files.get("card.md").map_or(&[][..], Vec::as_slice);
            output.line(String::from_utf8_lossy(card))
        }
        Action::Promote { id } => {
            let key = owner(&models, *id)?;
            let current = training::promote(&models, &key, *id, now)?;
            if output.is_json() {
                output.json(&current)
            } else {
                output.line(format!("{id} is in charge"))
            }
        }
        Action::Rollback { symbol } => {
            let key = only(&models, symbol.as_deref())?;
            let current = models.roll_back(&key.to_string(), now).map_err(TrainingError::from)?;
            if output.is_json() {
                output.json(&current)
            } else {
                output.line(format!("{} is in charge again", current.id))
            }
        }
    }
}

fn list(models: &ModelStore, context: &Context) -> Result<(), CommandError> {
    let mut listed = Vec::new();
    for key in keys(models)? {
        let instrument = key.to_string();
        let current = models.current(&instrument).map_err(TrainingError::from)?;
        for id in models.list(&instrument).map_err(TrainingError::from)? {
            let is_current = current.as_ref().is_some_and(|current| current.id == id);
            let (r2, skill, problem) = match training::load(models, &key, Some(id)) {
                Ok(artifact) => {
                    let metrics = &artifact.model().evaluation.model;
                    (metrics.r2, metrics.r2_vs_zero, None)
                }
                Err(error) => (None, None, Some(error.to_string())),
            };
            let instrument = instrument.clone();
            let current = is_current;
            listed.push(Listed { id, instrument, current, r2, r2_vs_zero: skill, problem });
        }
    }
    let output = context.output();
    if output.is_json() {
        return output.json(&listed);
    }
    let rows = listed.into_iter().map(|model| {
        let figure = |figure: Option<f64>| figure.map_or_else(String::new, |f| format!("{f:.4}"));
        let state = if model.current { "in charge".to_owned() } else { String::new() };
        let state = model.problem.unwrap_or(state);
        vec![
            model.id.to_string(),
            model.instrument,
            figure(model.r2),
            figure(model.r2_vs_zero),
            state,
        ]
    });
    output.table(&["model", "instrument", "R²", "R² against zero", ""], rows)
}

/// The instruments that have models; a folder of another name is nobody's.
fn keys(models: &ModelStore) -> Result<Vec<InstrumentKey>, CommandError> {
    let folders = models.instruments().map_err(TrainingError::from)?;
    Ok(folders.iter().filter_map(|folder| parse_folder(folder)).collect())
}

/// Reads `sandbox-usdm-BTCUSDT` back.
fn parse_folder(folder: &str) -> Option<InstrumentKey> {
    let mut parts = folder.splitn(3, '-');
    let environment = [Environment::Sandbox, Environment::Testnet, Environment::Production];
    let market = [Market::Usdm, Market::Coinm, Market::Spot];
    let (first, second) = (parts.next()?, parts.next()?);
    Some(InstrumentKey {
        environment: environment.into_iter().find(|known| known.to_string() == first)?,
        market: market.into_iter().find(|known| known.to_string() == second)?,
        symbol: Symbol::new(parts.next()?).ok()?,
    })
}

fn owner(models: &ModelStore, id: ModelId) -> Result<InstrumentKey, CommandError> {
    for key in keys(models)? {
        if models.list(&key.to_string()).map_err(TrainingError::from)?.contains(&id) {
            return Ok(key);
        }
    }
    Err(TrainingError::UnknownModel(id).into())
}

fn only(models: &ModelStore, symbol: Option<&str>) -> Result<InstrumentKey, CommandError> {
    let mut keys = keys(models)?;
    let named = |key: &InstrumentKey, symbol: &str| {
        key.symbol.as_str() == symbol || key.to_string().ends_with(&format!(":{symbol}"))
    };
    keys.retain(|key| symbol.is_none_or(|symbol| named(key, symbol)));
    match keys[..] {
        [key] => Ok(key),
        _ => {
            Err(TrainingError::WhichInstrument(keys.iter().map(ToString::to_string).collect())
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_names_its_instrument() {
        let key = parse_folder("sandbox-usdm-BTCUSDT").unwrap();
        assert_eq!(key.to_string(), "sandbox:usdm:BTCUSDT");
        assert!(parse_folder("lost+found").is_none());
    }
}
