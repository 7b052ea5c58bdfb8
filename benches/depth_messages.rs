//! Depth messages for benches: always the same, of a perpetual's shape, levels near the best.

/// So many combined `@depth@100ms` frames of so many levels, chained by their update ids.
pub(crate) fn depth_messages(count: usize, levels: usize) -> Vec<String> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    let message = |index: usize| {
        let mut side = |sign: i64| {
            let mut level = || {
                let near = draw(40) * draw(25);
                let tick = 618_000 + sign * (1 + near.cast_signed());
                let steps = if draw(5) == 0 { 0 } else { draw(30_000) };
                let (whole, rest) = (steps / 1_000, steps % 1_000);
                format!("[\"{}.{}0\",\"{whole}.{rest:03}\"]", tick / 10, tick % 10)
            };
            (0..levels / 2).map(|_| level()).collect::<Vec<_>>().join(",")
        };
        let (first, last) = (1 + 2 * index, 2 + 2 * index);
        format!(
            "{{\"stream\":\"btcusdt@depth@100ms\",\"data\":{{\"e\":\"depthUpdate\",\
             \"E\":1723161256299,\"T\":1723161256298,\"s\":\"BTCUSDT\",\"ps\":\"BTCUSDT\",\
             \"st\":1,\"U\":{first},\"u\":{last},\"pu\":{},\"b\":[{}],\"a\":[{}]}}}}",
            last - 2,
            side(-1),
            side(1),
        )
    };
    (0..count).map(message).collect()
}
