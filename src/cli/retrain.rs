//! `lobd retrain`: a training beside the running daemon, which it can neither slow nor harm.
//!
//! It is a process of its own, without keys, of the lowest priority, for a limited time. However it
//! ends, the model in charge stays there until another has passed its gates.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::app::DataFolder;
use crate::config;
use crate::store::atomic::write_atomically;

use super::{CommandError, Context, Exit};

/// The unit that `deploy/install.sh` installs.
const TRAIN_UNIT: &str = "/etc/systemd/system/lobd-train.path";

/// The data folder that unit watches.
const WATCHED_FOLDER: &str = "/var/lib/lobd";

const REMEDY: &str = "the model in charge stays; train on less with lobd train --from";

/// Trains anew on the tape and promotes the models that pass their gates.
///
/// Example: `lobd retrain --data-dir /var/lib/lobd`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Seconds after which the training is ended; under systemd the unit's own limit counts.
    #[arg(long, value_name = "N", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    limit_seconds: u64,
}

/// Runs `lobd retrain`: under systemd a request that `lobd-train.path` turns into a training, else
/// the training itself, niced so that it never competes with trading.
pub(super) async fn run(args: &Args, context: &Context) -> Result<(), CommandError> {
    let data_dir = context.data_dir()?;
    let is_watched = data_dir == Path::new(WATCHED_FOLDER) && Path::new(TRAIN_UNIT).exists();
    if is_watched {
        let path = DataFolder::new(&data_dir).retrain_request();
        let asked_at = context.clock().now().to_string();
        write_atomically(&path, asked_at.as_bytes())
            .map_err(|error| CommandError::new(Exit::InputOutput, error))?;
        return context.output().line("asked for; see journalctl -u lobd-train");
    }
    let fail = |error| CommandError::new(Exit::InputOutput, error);
    let mut training = training(&data_dir, context).map_err(fail)?.spawn().map_err(fail)?;
    let limit = Duration::from_secs(args.limit_seconds);
    let Ok(ended) = timeout(limit, training.wait()).await else {
        training.kill().await.map_err(fail)?;
        let message = format!("the training took more than {} s and was ended", limit.as_secs());
        return Err(CommandError::message(Exit::Timeout, message).remedy(REMEDY));
    };
    judge(ended.map_err(fail)?)
}

/// The process that trains. It inherits nothing that is secret.
fn training(data_dir: &Path, context: &Context) -> std::io::Result<Command> {
    let mut training = Command::new("nice");
    training.args(["-n", "19"]).arg(std::env::current_exe()?).args(["train", "--promote"]);
    training.arg("--data-dir").arg(data_dir);
    if let Some(file) = context.env_file_argument() {
        training.arg("--env-file").arg(file);
    }
    training.env_clear().envs(config::environment_without_secrets()).kill_on_drop(true);
    Ok(training)
}

/// What became of the training; it has said itself why it failed.
fn judge(ended: ExitStatus) -> Result<(), CommandError> {
    if let Some(signal) = ended.signal() {
        let message = format!("the training was killed by signal {signal}");
        return Err(CommandError::message(Exit::Failure, message).remedy(REMEDY));
    }
    let exit = match ended.code() {
        Some(0) => return Ok(()),
        Some(code) if code == Exit::VerificationFailed as i32 => Exit::VerificationFailed,
        Some(code) if code == Exit::AlreadyRunning as i32 => Exit::AlreadyRunning,
        Some(_) | None => Exit::Failure,
    };
    Err(CommandError::message(exit, "no model was promoted; the old one stays"))
}
