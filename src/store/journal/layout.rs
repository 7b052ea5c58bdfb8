//! The journal's tables, and how they came to be.
//!
//! What was journalled on a day that has not ended stands in `events` and `commands`, a row each; what
//! older days hold stands compressed in `blocks`; what was dropped is vouched for by `anchor`. Each
//! event is in exactly one of these places. Orders, fills, income and discrepancies stay for
//! ever.

use crate::store::schema::Schema;

pub(in crate::store) const SCHEMA: Schema = Schema {
    what: "journal",
    application_id: 0x6c6f_626a, // "lobj"
    migrations: &[
        "
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE runs (
            epoch INTEGER PRIMARY KEY,
            started_ns INTEGER NOT NULL,
            version TEXT NOT NULL
        ) STRICT;
        CREATE TABLE events (
            seq INTEGER PRIMARY KEY,
            epoch INTEGER NOT NULL REFERENCES runs (epoch),
            now_ns INTEGER NOT NULL,
            kind TEXT NOT NULL,
            version INTEGER NOT NULL,
            payload BLOB NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE INDEX events_by_run ON events (epoch, seq);
        CREATE TABLE commands (
            seq INTEGER NOT NULL REFERENCES events (seq),
            position INTEGER NOT NULL,
            kind TEXT NOT NULL,
            payload BLOB NOT NULL,
            PRIMARY KEY (seq, position)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE orders (
            client_order_id TEXT PRIMARY KEY,
            symbol TEXT NOT NULL,
            side TEXT NOT NULL,
            kind TEXT NOT NULL,
            price_e8 INTEGER,
            quantity_e8 INTEGER,
            reduce_only INTEGER NOT NULL,
            status TEXT NOT NULL,
            filled_e8 INTEGER NOT NULL,
            order_id INTEGER,
            first_seq INTEGER NOT NULL,
            last_seq INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE fills (
            symbol TEXT NOT NULL,
            trade_id INTEGER NOT NULL,
            order_id INTEGER NOT NULL,
            client_order_id TEXT,
            side TEXT NOT NULL,
            price_e8 INTEGER NOT NULL,
            quantity_e8 INTEGER NOT NULL,
            commission_e8 INTEGER NOT NULL,
            commission_asset TEXT NOT NULL,
            realized_pnl_e8 INTEGER NOT NULL,
            is_maker INTEGER NOT NULL,
            time_ns INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (symbol, trade_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE discrepancies (
            id INTEGER PRIMARY KEY,
            detected_ns INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            symbol TEXT,
            text TEXT NOT NULL
        ) STRICT;",
        "
        CREATE TABLE takeovers (
            symbol TEXT NOT NULL,
            seq INTEGER NOT NULL REFERENCES events (seq),
            exposure_e8 INTEGER NOT NULL,
            trade_id INTEGER,
            PRIMARY KEY (symbol, seq)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE emergencies (
            id INTEGER PRIMARY KEY,
            found_by_epoch INTEGER NOT NULL REFERENCES runs (epoch),
            decided_ns INTEGER NOT NULL,
            command BLOB NOT NULL
        ) STRICT;",
        "
        CREATE TABLE resolutions (
            client_order_id TEXT NOT NULL,
            seq INTEGER NOT NULL,
            symbol TEXT NOT NULL,
            outcome TEXT NOT NULL,
            proof TEXT NOT NULL,
            unknown_since_ns INTEGER NOT NULL,
            questions INTEGER NOT NULL,
            first_asked_ns INTEGER,
            last_asked_ns INTEGER,
            denials INTEGER NOT NULL,
            last_denied_ns INTEGER,
            resolved_ns INTEGER NOT NULL,
            PRIMARY KEY (client_order_id, seq)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE income (
            kind TEXT NOT NULL,
            transaction_id INTEGER NOT NULL,
            symbol TEXT NOT NULL,
            asset TEXT NOT NULL,
            time_ns INTEGER NOT NULL,
            amount_e8 INTEGER NOT NULL,
            trade_id INTEGER,
            seq INTEGER NOT NULL,
            PRIMARY KEY (time_ns, kind, transaction_id, symbol, asset)
        ) STRICT, WITHOUT ROWID;",
        // A venue that is reset numbers its trades anew: each numbering is a life of the account.
        "
        CREATE TABLE fills_of_lives (
            symbol TEXT NOT NULL,
            life INTEGER NOT NULL,
            trade_id INTEGER NOT NULL,
            order_id INTEGER NOT NULL,
            client_order_id TEXT,
            side TEXT NOT NULL,
            price_e8 INTEGER NOT NULL,
            quantity_e8 INTEGER NOT NULL,
            commission_e8 INTEGER NOT NULL,
            commission_asset TEXT NOT NULL,
            realized_pnl_e8 INTEGER NOT NULL,
            is_maker INTEGER NOT NULL,
            time_ns INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (symbol, life, trade_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO fills_of_lives SELECT symbol, 0, trade_id, order_id, client_order_id, side,
            price_e8, quantity_e8, commission_e8, commission_asset, realized_pnl_e8, is_maker,
            time_ns, seq FROM fills;
        DROP TABLE fills;
        ALTER TABLE fills_of_lives RENAME TO fills;
        ALTER TABLE takeovers ADD COLUMN life INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE takeovers ADD COLUMN asked_ns INTEGER NOT NULL DEFAULT 0;",
        // A takeover outlives the row of its event. An event's run follows from where runs begin.
        "
        CREATE TABLE kept (
            symbol TEXT NOT NULL,
            seq INTEGER NOT NULL,
            exposure_e8 INTEGER NOT NULL,
            trade_id INTEGER,
            life INTEGER NOT NULL,
            asked_ns INTEGER NOT NULL,
            PRIMARY KEY (symbol, seq)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO kept SELECT symbol, seq, exposure_e8, trade_id, life, asked_ns FROM takeovers;
        DROP TABLE takeovers;
        ALTER TABLE kept RENAME TO takeovers;
        ALTER TABLE runs ADD COLUMN first_seq INTEGER NOT NULL DEFAULT 1;
        UPDATE runs SET first_seq =
            coalesce((SELECT min(seq) FROM events WHERE events.epoch = runs.epoch), 0);
        UPDATE runs SET first_seq = coalesce(
            (SELECT later.first_seq FROM runs AS later
                WHERE later.epoch > runs.epoch AND later.first_seq > 0 ORDER BY later.epoch LIMIT 1),
            (SELECT max(seq) + 1 FROM events), 1) WHERE first_seq = 0;
        DROP INDEX events_by_run;
        CREATE TABLE blocks (
            first_seq INTEGER PRIMARY KEY,
            last_seq INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            day INTEGER NOT NULL,
            commands INTEGER NOT NULL,
            hash_before BLOB NOT NULL,
            hash_after BLOB NOT NULL,
            raw_bytes INTEGER NOT NULL,
            checksum BLOB NOT NULL,
            packed BLOB NOT NULL
        ) STRICT;
        CREATE TABLE anchor (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            seq INTEGER NOT NULL,
            hash BLOB NOT NULL,
            day INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE checkpoints (
            seq INTEGER PRIMARY KEY,
            epoch INTEGER NOT NULL REFERENCES runs (epoch),
            day INTEGER NOT NULL,
            layout INTEGER NOT NULL,
            chain_hash BLOB NOT NULL,
            state_hash BLOB NOT NULL,
            state BLOB NOT NULL
        ) STRICT;",
    ],
    has_upkeep: true,
    origin: "`lobd run` writes one",
};
