//! Work that blocks, done where it stands: a commit must be over before anything else is decided.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does what blocks; other tasks of this thread go to another meanwhile, where there is one.
pub(super) fn in_place<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        Ok(RuntimeFlavor::CurrentThread | _) | Err(_) => work(),
    }
}
