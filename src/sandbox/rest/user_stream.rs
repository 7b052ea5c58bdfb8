//! The listen key of the user stream.

use super::super::floor::Floor;
use super::super::parameters::Parameters;
use super::Answer;

pub(super) fn open(floor: &mut Floor, _: &Parameters) -> Answer {
    let now = floor.now();
    Ok(format!(r#"{{"listenKey":"{}"}}"#, floor.own_keys()?.open(now)))
}

pub(super) fn keep_alive(floor: &mut Floor, _: &Parameters) -> Answer {
    let now = floor.now();
    Ok(format!(r#"{{"listenKey":"{}"}}"#, floor.own_keys()?.keep_alive(now)?))
}

pub(super) fn close(floor: &mut Floor, _: &Parameters) -> Answer {
    if let Some(key) = floor.own_keys()?.close() {
        floor.tell_expired(&key);
    }
    Ok("{}".to_owned())
}
