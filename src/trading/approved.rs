//! Passing the risk check changes the type: an unchecked order does not compile.

use serde::Serialize;

/// A request that passed the risk check. Only this room can make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// Marks a request as checked.
    pub(in crate::trading) const fn new(request: T) -> Self {
        Self(request)
    }

    /// The request.
    pub const fn get(&self) -> &T {
        &self.0
    }
}
