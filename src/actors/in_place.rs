//! Work that blocks, done where it stands: a commit must be over before anything else is decided.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does what blocks; other tasks of this thread go to another meanwhile, where there is one.
pub(super) fn in_place<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        RuntimeFlavor::CurrentThread | _ => work(),
    }
}
