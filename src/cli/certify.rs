//! `lobd certify`: does the venue behave as its specification says?

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use indicatif::ProgressBar;

use crate::app::DataFolder;
use crate::app::certified::CertifiedFacts;
use crate::app::certify::{
    self, CaseReport, Effect, Ground, GroundError, Outcome, Report, Selection,
};
use crate::domain::{Environment, Symbol};
use crate::store::atomic::write_atomically;

use super::live::symbol;
use super::run::shutdown_on_signals;
use super::{CommandError, Context, Exit};

/// Tries numbered cases (C-001…) against a venue and writes a dated report: what was sent, what was
/// expected, what came. Exits 8 if a case failed or the run ended early; SIGINT and SIGTERM end it
/// after the request under way, clear away what it opened, and write the report all the same.
///
/// What decides something for the daemon is kept in the data folder as well: whether stops survive the
/// venue's dead-man's switch, without which `lobd run` leaves it off.
///
/// On the sandbox, without `LOBD_REST_URL`, it starts the exchange that lobd carries. With real
/// money only cases that change nothing are tried. Elsewhere the smallest orders there are will be
/// placed and cancelled, and the smallest position opened and closed again.
///
/// Examples: `lobd certify --environment sandbox`, `lobd certify --environment testnet --read-only`,
/// `lobd certify --environment sandbox --case C-106`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which venue; must be that of the settings unless it is the exchange that lobd carries.
    #[arg(long, value_enum)]
    environment: EnvironmentArgument,
    /// With which symbol.
    #[arg(long, value_parser = symbol, default_value = "BTCUSDT")]
    symbol: Symbol,
    /// Only these cases.
    #[arg(long = "case", value_name = "ID")]
    cases: Vec<String>,
    /// Only cases that change nothing.
    #[arg(long)]
    read_only: bool,
    /// Prints the cases without trying them.
    #[arg(long)]
    list: bool,
    /// The seed of the exchange that lobd carries.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the page is written; the same as JSON goes beside it [default:
    /// `<data-dir>/certify/<environment>-<time>.html`].
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EnvironmentArgument {
    Sandbox,
    Testnet,
    Production,
}

impl From<EnvironmentArgument> for Environment {
    fn from(argument: EnvironmentArgument) -> Self {
        match argument {
            EnvironmentArgument::Sandbox => Self::Sandbox,
            EnvironmentArgument::Testnet => Self::Testnet,
            EnvironmentArgument::Production => Self::Production,
        }
    }
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let selection = Selection { ids: args.cases.clone(), reads_only: args.read_only };
    let environment = args.environment.into();
    check_ids(&args.cases)?;
    if args.list {
        return list(&selection, environment, context);
    }
    let ground = ground(args, context).await?;
    let many = certify::all().iter().filter(|case| selection.holds(case, environment)).count();
    let progress = ProgressBar::new(u64::try_from(many).unwrap_or(0));
    let mut tell = |case: &CaseReport| {
        progress.inc(1);
        if case.outcome == Outcome::Failed {
            progress.println(format!("{} {}: failed", case.id, case.title));
        }
    };
    let stop = shutdown_on_signals()?;
    let report = certify::certify(&ground, &selection, &context.clock(), &stop, &mut tell).await?;
    progress.finish_and_clear();
    let path = write(&report, args, context)?;
    keep_facts(&report, context)?;
    show(&report, &path, context)?;
    let failed = report.totals.failed;
    let faults = match &report.ended_early {
        Some(why) => Some(format!("{why}; {failed} cases failed")),
        None => (failed > 0).then(|| format!("{failed} cases failed")),
    };
    if let Some(message) = faults {
        return Err(CommandError::message(Exit::VerificationFailed, message)
            .remedy(format!("{} shows what was sent, expected and came", path.display())));
    }
    Ok(())
}

fn check_ids(ids: &[String]) -> Result<(), CommandError> {
    let known = certify::all();
    let unknown = ids.iter().find(|id| !known.iter().any(|case| case.id == id.as_str()));
    unknown.map_or(Ok(()), |id| {
        Err(CommandError::message(Exit::Usage, format!("there is no case {id}"))
            .remedy("lobd certify --list names them"))
    })
}

fn list(
    selection: &Selection,
    environment: Environment,
    context: &Context,
) -> Result<(), CommandError> {
    let cases = certify::all().into_iter().filter(|case| selection.holds(case, environment));
    let output = context.output();
    let rows = cases.map(|case| {
        let effect = if case.effect == Effect::Trades { "trades" } else { "reads" };
        [case.id, case.title, case.source, effect].map(ToOwned::to_owned)
    });
    if output.is_json() {
        return rows.into_iter().try_for_each(|[id, title, section, effect]| {
            output.json(&serde_json::json!({
                "id": id, "title": title, "section": section, "effect": effect
            }))
        });
    }
    output.table(&["case", "claim", "section", "effect"], rows.map(Vec::from))
}

/// The venue of the settings, or the exchange that lobd carries.
async fn ground(args: &Args, context: &Context) -> Result<Ground, CommandError> {
    let wanted: Environment = args.environment.into();
    if wanted == Environment::Sandbox && !context.has_variable("LOBD_REST_URL")? {
        return Ok(Ground::carry(args.symbol, args.seed, context.clock()).await?);
    }
    let settings = context.settings()?;
    if settings.environment != wanted {
        let message = format!("the settings are those of {:?}", settings.environment);
        return Err(CommandError::message(Exit::Configuration, message.to_lowercase())
            .remedy("set LOBD_ENVIRONMENT to the venue to be certified"));
    }
    Ok(Ground::reach(&settings, args.symbol, context.clock()).await?)
}

impl From<GroundError> for CommandError {
    fn from(error: GroundError) -> Self {
        match error {
            GroundError::Venue(error) => error.into(),
            GroundError::NotAtRest { .. } => Self::new(Exit::RefusedByRisk, error),
            GroundError::NotListed(_) => Self::new(Exit::Usage, error),
            GroundError::Sandbox(_) | GroundError::Exchange(_) => Self::new(Exit::Failure, error),
        }
    }
}

/// Writes the page and the JSON beside it; the page's path.
fn write(report: &Report, args: &Args, context: &Context) -> Result<PathBuf, CommandError> {
    let path = match &args.report {
        Some(path) => path.clone(),
        None => default_path(report, context)?,
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|error| CommandError::new(Exit::InputOutput, error))?;
    }
    let json = serde_json::to_vec_pretty(report)
        .map_err(|error| CommandError::new(Exit::Failure, error))?;
    write_file(&path, certify::page(report).as_bytes())?;
    write_file(&path.with_extension("json"), &json)?;
    Ok(path)
}

/// Keeps for the daemon what the report has shown.
fn keep_facts(report: &Report, context: &Context) -> Result<(), CommandError> {
    let Some(facts) = CertifiedFacts::of(report) else { return Ok(()) };
    let folder = context.data_dir()?;
    std::fs::create_dir_all(&folder)
        .map_err(|error| CommandError::new(Exit::InputOutput, error))?;
    Ok(facts.write(&DataFolder::new(&folder))?)
}

fn default_path(report: &Report, context: &Context) -> Result<PathBuf, CommandError> {
    let is_kept = |character: &char| character.is_ascii_alphanumeric();
    let time: String = report.started.chars().take(19).filter(is_kept).collect();
    let environment = format!("{:?}", report.environment).to_lowercase();
    Ok(context.data_dir()?.join("certify").join(format!("{environment}-{time}.html")))
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    write_atomically(path, bytes).map_err(CommandError::from)
}

fn show(report: &Report, path: &Path, context: &Context) -> Result<(), CommandError> {
    let output = context.output();
    if output.is_json() {
        return output.json(report);
    }
    let notable = report.cases.iter().filter(|case| case.outcome != Outcome::Passed);
    let rows = notable.map(|case| {
        let detail = case.detail.clone().unwrap_or_default();
        vec![case.id.to_owned(), case.title.to_owned(), case.outcome.as_str().to_owned(), detail]
    });
    output.table(&["case", "claim", "outcome", "what"], rows)?;
    let totals = report.totals;
    output.line(format!(
        "{} passed, {} learned, {} not tried, {} failed; {}",
        totals.passed,
        totals.learned,
        totals.not_tried,
        totals.failed,
        path.display()
    ))
}
