//! Which exit code a failure of stored data has.

use crate::store::StoreError;
use crate::store::import::ImportError;

use super::error::{CommandError, Exit};

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Io { .. }
            | StoreError::DiskFull { .. }
            | StoreError::Database { .. }
            | StoreError::Corrupt { .. }
            | StoreError::EmergencyFull { .. }
            | StoreError::Backlog { .. }
            | StoreError::Suspended { .. }
            | StoreError::Replaced { .. } => Exit::InputOutput,
            StoreError::CorruptRow { .. }
            | StoreError::CorruptEvent { .. }
            | StoreError::LedgerDiffers { .. }
            | StoreError::CheckpointDiffers { .. } => Exit::VerificationFailed,
            // A restart cannot help: the service manager must not try.
            StoreError::NewerVersion { .. } => Exit::Configuration,
            StoreError::Locked { .. }
            | StoreError::AccountInUse { .. }
            | StoreError::Training { .. } => Exit::AlreadyRunning,
            StoreError::UnknownSymbol { .. }
            | StoreError::Ambiguous { .. }
            | StoreError::WritingStatement
            | StoreError::Statement { .. } => Exit::Usage,
            StoreError::Absent { .. }
            | StoreError::OutOfOrder { .. }
            | StoreError::OffGrid { .. }
            | StoreError::Unregistered { .. }
            | StoreError::NoGrid { .. }
            | StoreError::NoBeginning { .. }
            | StoreError::NotReducing => Exit::Failure,
        };
        Self::new(exit, error)
    }
}

impl From<ImportError> for CommandError {
    fn from(error: ImportError) -> Self {
        let exit = match error {
            ImportError::Sink(source) => {
                return match source.downcast::<StoreError>() {
                    Ok(source) => (*source).into(),
                    Err(source) => Self::message(Exit::Failure, source.to_string()),
                };
            }
            ImportError::Open { .. } | ImportError::Truncated { .. } | ImportError::Read { .. } => {
                Exit::InputOutput
            }
            ImportError::NoFile | ImportError::SeveralSymbols { .. } => Exit::Usage,
            ImportError::Line { .. }
            | ImportError::Message { .. }
            | ImportError::NoDepth { .. } => Exit::Failure,
        };
        Self::new(exit, error)
    }
}
