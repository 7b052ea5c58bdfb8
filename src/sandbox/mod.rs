//! The server side of the venue's protocol: `sim::Exchange` as a Binance on loopback.
//!
//! Real HTTP and WebSocket sockets, signatures, limits and error codes, written from
//! `exchange-api.md` and sharing nothing with the client in `binance` but `sign`: one misreading
//! must not be made twice. Does not decide, remember or fake anything: whatever is answered, the
//! simulated exchange did, unless somebody switched a fault on.
//!
//! One task owns the exchange (`mailbox`); the protocol itself is sans I/O (`floor`, `rest`,
//! `streams`, `faults`) and tested so. Invariants: **1** a socket or request outside loopback is possible
//! only where the operator said so; **2** queues, sockets and bodies are bounded.

mod admin;
mod calls;
mod card;
pub mod faults;
mod floor;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gate;
mod in_process;
mod listen_key;
pub mod listings;
mod mailbox;
mod parameters;
mod refusal;
mod rest;
mod server;
mod settings;
mod streams;
mod tape;
mod underway;
mod windows;
mod words;

pub use admin::{AdminError, AdminSocket};
pub use in_process::{Arrived, InProcess, Outcome, Port};
pub use server::{Control, RunningSandbox, SandboxError, Server};
pub use settings::{RateLimits, SandboxAccount, SandboxSettings, SocketRules};
pub use tape::{Tape, TapeError};
