//! I/O tasks that carry events and commands. They decide nothing.
//!
//! An actor is a struct with a mailbox and `run`; its handle is another, cheap to clone. `new` does
//! not spawn, so that a test can run the loop to its end. Every mailbox is bounded:
//!
//! | mailbox | kind | when full |
//! |---|---|---|
//! | trader | every message counts | the sender waits |
//! | gateway | every message counts | never: each command is started at once |
//! | recorder | every message counts | a minute behind, seconds are lost and said to be |
//! | predictor | only the newest counts | the second goes without a prediction |
//! | market and user streams | every message counts | the socket waits |
//! | order socket | every message counts | the request goes by REST |
//! | engine status | only the newest counts | replaced |
//!
//! Order of ending: the trader first (it cancels entries and leaves the position protected or
//! flat), then everything else.

mod ack_watch;
mod backoff;
mod clock_offset;
mod gateway;
mod in_place;
mod inquiries;
mod market_data;
mod operator;
mod order_connection;
mod predictor;
mod pulse;
mod recorder;
mod rules;
mod snapshot_budget;
mod streams;
mod supervisor;
mod trader;
mod user_data;
mod wall_clock;

pub use ack_watch::Acknowledged;
pub use backoff::Backoff;
pub use clock_offset::ClockOffsetMeter;
pub use gateway::{Gateway, GatewayHandle, GatewayMailbox, gateway_mailbox};
pub use market_data::{FrameConsumers, MarketData, MarketFeed};
pub use operator::{ControlAnswer, ControlRequest, Operator, OperatorError, ask};
pub use predictor::{Loaded, ModelError, ModelShelf, ModelSource, PredictorActor, PredictorHandle};
pub use pulse::Pulse;
pub use recorder::{Recorder, RecorderHandle};
pub use rules::{RulesHandle, RulesNews, RulesReaders, RulesWatch};
pub use streams::{MarketStreamActor, UserStreamActor};
pub use supervisor::{Actor, ActorFailure, Supervisor, SupervisorError};
pub use trader::{Records, Trader, TraderEnded, TraderHandle, TraderMailbox, trader_mailbox};
pub use user_data::{UserData, UserFeed};
pub use wall_clock::WallClockWatch;
