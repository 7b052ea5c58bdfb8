//! SIGKILL while something is made durable: a second of the tape, a model in charge (promises I7 and
//! I13). The steps are fail points of the real binary.

use lobd::domain::Second;
use lobd::store::{Tape, tape_path};
use serde_json::Value;

use crate::support::constant_model;
use crate::support::process::{Home, eventually};
use crate::support::victim::Victim;

/// A second is on the tape once it is committed, whether or not anybody was told; before, it is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_is_on_the_tape_if_and_only_if_it_was_committed() {
    for (point, stored) in [("frame written:3", 2), ("frame durable:3", 3), ("frame reported:3", 3)]
    {
        let victim = Victim::new(&[]).await;
        let doomed = victim.start_armed(&["record"], point);
        victim.dies(doomed, point).await;
        let before = seconds(&victim.home);
        assert_eq!(before.len(), stored, "{point}: {before:?}");
        victim.home.succeeds(&["data", "check"]);
        let mut recorder = victim.home.spawn(&["record"]);
        eventually("it records again", async || seconds(&victim.home).len() > stored + 1).await;
        recorder.terminate();
        assert_eq!(recorder.exit().await, Some(0), "{}", victim.home.log());
        let after = seconds(&victim.home);
        assert_eq!(after[..stored], before, "{point}: what was stored stays as it was");
    }
}

/// M5: whoever is killed between writing the pointer and putting it in place has promoted nobody.
#[test]
fn a_promotion_that_was_killed_half_way_leaves_the_old_model_in_charge() {
    let home = Home::new();
    home.write_settings("LOBD_ENVIRONMENT=sandbox\n");
    let old = constant_model::promote(&home.data(), 10.0);
    let new = constant_model::save(&home.data(), 20.0);
    let mut command = home.lobd(&["models", "promote", new.as_str()]);
    let output = command.env("LOBD_FAIL_POINT", "current written").output().unwrap();
    assert_eq!(output.status.code(), None, "killed: {output:?}");
    let in_charge = || -> Value {
        let folder = constant_model::path(&home.data(), old);
        let text = std::fs::read_to_string(folder.with_file_name("current")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    assert_eq!(in_charge()["id"], old.as_str());
    home.succeeds(&["models", "promote", new.as_str()]);
    assert_eq!(in_charge()["id"], new.as_str());
    assert_eq!(in_charge()["previous"], old.as_str());
}

/// Every second on the tape, whatever it is worth.
fn seconds(home: &Home) -> Vec<Second> {
    let tape = Tape::open_read_only(&tape_path(&home.data())).unwrap();
    let Ok(key) = tape.resolve("BTCUSDT") else { return Vec::new() };
    let all = Second::from_unix(0)..Second::from_unix(i64::from(u32::MAX));
    tape.scan(&key, all).map(|row| row.unwrap().0).collect()
}
