//! Faults: what goes wrong at the exchange when somebody asks for it.
//!
//! A fault is typed as one line (`lose-response:POST /fapi/v1/order:times=1`), read into a
//! [`FaultSpec`] and kept by the plan, which knows what is on, how often it struck, and draws all
//! chance from one seed. The plan is pure: it only says *whether*; what it means happens where it
//! would at the venue: a lost request before the floor, a lost answer behind it, a lost depth diff
//! in every stream. `journey` is the way of a request and back, over HTTP or as a call of the
//! WebSocket API, `effects` everything else.
//!
//! Invariants: **1** without a fault nothing is asked of the plan and no draw is made; **2** the
//! same faults, seed and calls strike the same; **3** reading what is written gives the same fault.

mod catalogue;
mod effects;
mod fault;
mod filter_change;
mod held_events;
mod hiding;
mod journey;
mod plan;
mod request_pattern;
mod span;
mod spec;

pub use catalogue::guide;
pub use fault::{Act, Fault, FaultFeed, Loss, Overload};
pub use filter_change::FilterChange;
pub use plan::{FaultRefused, FaultReport};
pub use request_pattern::RequestPattern;
pub use span::Span;
pub use spec::{FaultSpec, FaultSpecError, Probability};

pub(super) use held_events::HeldEvents;
pub(super) use journey::{Arrival, Asked, Delivery, Sent, Served};
pub(super) use plan::Plan;
