//! Tasks of a stream's own: a panic in one is a panic of the stream.

use tokio::task::JoinError;

/// What a task has brought. Its panic goes on in whoever waits for it: state is suspect wherever it
/// was, and it must not pass for a connection that failed.
///
/// # Errors
/// The task was ended before it was done.
pub(crate) fn panic_on<T>(joined: Result<T, JoinError>) -> Result<T, JoinError> {
    joined.map_err(|error| match error.try_into_panic() {
        Ok(payload) => std::panic::resume_unwind(payload),
        Err(cancelled) => cancelled,
    })
}
