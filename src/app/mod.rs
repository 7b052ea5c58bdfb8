//! Wiring and whole jobs that several commands share: the daemon, history, training, demo.

pub mod account_check;
pub mod backtest_page;
pub mod candidate;
pub mod certified;
pub mod certify;
pub mod closing;
mod daemon;
pub mod demo;
mod folder;
mod folder_watch;
mod history;
mod holdings;
pub mod live_score;
mod machine;
pub mod manual;
pub mod simulation;
mod surroundings;
pub mod training;
pub mod trial;
mod turn;
mod watchdog;

pub use daemon::{Daemon, DaemonError, DaemonSettings, Mode};
pub use folder::DataFolder;
pub use history::{History, HistoryError, generate};
pub use machine::{Machine, Models};
pub use surroundings::rest_settings;
