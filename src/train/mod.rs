//! Offline fitting and honest judgement. Never linked into a decision.
//!
//! [`fit`] takes a [`Dataset`](crate::features::Dataset), splits it by time, fits every transform
//! and the model on the training part alone, and judges it on the rest beside the zero forecast.
//! [`finish`] seals it with the signal threshold that simulated trading chose, and writes the card.
//!
//! The estimators are linfa's. It never centres its inputs, is silent about collinear columns and
//! has no path (`design` and `lasso::path` say what is done about that).
//!
//! Deliberately absent: files, clocks, trading. Promotion gates judge figures they are given.
//!
//! Invariants: **1** nothing of the test part reaches a transform, a coefficient or a choice (I14);
//! **2** same data, settings and seed give the same artefact, byte for byte (I15); **3** a fit that
//! is not finite is an error; **4** a column left out is named with the reason.

pub mod bootstrap;
mod card;
pub mod design;
pub mod evaluate;
pub mod gates;
pub mod lasso;
pub mod ols;
pub mod outliers;
pub mod plot;
mod procedure;
mod report;
pub mod threshold;

pub use evaluate::{Scored, evaluate};
pub use procedure::{Fitted, Progress, TrainError, TrainSettings, Trained, finish, fit, score};
