//! The journal's events and commands for `lobd sql`: rows and packed days alike, as one table each.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::block::Block;

const VIEWS: &str = "
    CREATE TEMP VIEW events AS
        WITH found (seq, epoch, now_ns, kind, version, payload) AS (
            SELECT seq, epoch, now_ns, kind, version, payload FROM journal.events
            UNION ALL
            SELECT first_seq + key, epoch, value ->> 'now_ns', value ->> 'kind',
                value ->> 'version', unhex(value ->> 'payload')
            FROM journal.blocks, json_each(lobd_block(packed, raw_bytes)))
        SELECT seq, epoch,
            strftime('%Y-%m-%dT%H:%M:%fZ', now_ns / 1e9, 'unixepoch') AS time,
            now_ns, kind, version, payload
        FROM found;
    CREATE TEMP VIEW commands AS
        SELECT seq, position, kind, payload FROM journal.commands
        UNION ALL
        SELECT first_seq + event.key, command.key, command.value ->> 'kind',
            unhex(command.value ->> 'payload')
        FROM journal.blocks, json_each(lobd_block(packed, raw_bytes)) AS event,
            json_each(event.value, '$.commands') AS command;";

/// Makes the views on a connection that has the journal attached as `journal`.
pub(in crate::store) fn create(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("lobd_block", 2, flags, |context| {
        let raw_bytes = usize::try_from(context.get::<i64>(1)?).unwrap_or(usize::MAX);
        Block::to_json(context.get_raw(0).as_blob()?, raw_bytes)
            .map_err(|detail| rusqlite::Error::UserFunctionError(detail.into()))
    })?;
    connection.execute_batch(VIEWS)
}
