//! Who is let in: keys, signatures, timestamps.

use super::super::came::{first, has, rows};
use super::super::case::{Case, Check, HOLDS, Shortfall, ensure, learned};
use super::super::facts::with;
use super::super::stage::Stage;
use crate::binance::{Access, Method, Tamper};

const BALANCE: &str = "/fapi/v3/balance";

pub(super) const CASES: &[Case] = &[
    Case::reads("C-050", "a signed question is answered", "3.1", |stage| Box::pin(signed(stage))),
    Case::reads("C-051", "without a key it is refused with 401", "7.1", |stage| {
        Box::pin(without_key(stage))
    }),
    Case::reads("C-052", "with a key that nobody has it is refused with -2015", "7.1", |stage| {
        Box::pin(foreign_key(stage))
    }),
    Case::reads("C-053", "a wrong signature is refused with -1022", "7.1", |stage| {
        Box::pin(wrong_signature(stage))
    }),
    Case::reads("C-054", "a timestamp 10 s late is refused with -1021", "3.1", |stage| {
        Box::pin(late(stage))
    }),
    Case::reads("C-055", "a timestamp 5 s ahead is refused with -1021", "3.1", |stage| {
        Box::pin(ahead(stage))
    }),
    Case::reads("C-056", "a missing signature is refused with -1102", "3.1", |stage| {
        Box::pin(unsigned(stage))
    }),
    Case::reads("C-057", "the signature covers the parameters in the order sent", "3.1", |stage| {
        Box::pin(any_order(stage))
    }),
    Case::trades("C-058", "parameters may come in the body", "3.1", |stage| {
        Box::pin(in_the_body(stage))
    }),
    Case::reads("C-059", "which code a refused key has without a signature", "7.1", |stage| {
        Box::pin(key_alone(stage))
    }),
];

async fn ask(stage: &mut Stage, access: Access) -> Result<super::super::came::Came, Shortfall> {
    stage.send(Method::GET, BALANCE, vec![], access).await
}

async fn signed(stage: &mut Stage) -> Check {
    let came = ask(stage, Access::Signed).await?.accepted()?;
    has(first(&came)?, &["asset", "balance", "availableBalance"])?;
    HOLDS
}

async fn without_key(stage: &mut Stage) -> Check {
    let came = ask(stage, Access::Tampered(Tamper::NoKey)).await?;
    came.refused(&[-2014, -2015])?;
    ensure(came.status == 401, || format!("status {}", came.status))?;
    HOLDS
}

async fn foreign_key(stage: &mut Stage) -> Check {
    ask(stage, Access::Tampered(Tamper::ForeignKey)).await?.refused(&[-2015, -2014])?;
    HOLDS
}

async fn wrong_signature(stage: &mut Stage) -> Check {
    ask(stage, Access::Tampered(Tamper::Signature)).await?.refused(&[-1022])?;
    HOLDS
}

async fn late(stage: &mut Stage) -> Check {
    ask(stage, Access::Tampered(Tamper::Timestamp(-10_000))).await?.refused(&[-1021])?;
    HOLDS
}

async fn ahead(stage: &mut Stage) -> Check {
    ask(stage, Access::Tampered(Tamper::Timestamp(5_000))).await?.refused(&[-1021])?;
    HOLDS
}

async fn unsigned(stage: &mut Stage) -> Check {
    ask(stage, Access::Key).await?.refused(&[-1102])?;
    HOLDS
}

async fn any_order(stage: &mut Stage) -> Check {
    let (path, symbol) = ("/fapi/v1/userTrades", stage.symbol_parameter());
    let forwards = with(symbol.clone(), "limit", 5);
    let backwards: Vec<_> = forwards.iter().rev().cloned().collect();
    for asked in [forwards, backwards] {
        rows(&stage.account(path, asked).await?.accepted()?)?;
    }
    HOLDS
}

async fn in_the_body(stage: &mut Stage) -> Check {
    let symbol = stage.symbol_parameter();
    let settings = stage.account("/fapi/v1/symbolConfig", symbol.clone()).await?.accepted()?;
    let leverage = first(&settings)?["leverage"].clone();
    let asked = with(symbol, "leverage", &leverage);
    let came = stage.send(Method::POST, "/fapi/v1/leverage", asked, Access::SignedBody).await?;
    let set = came.accepted()?;
    ensure(set["leverage"] == leverage, || format!("{set}"))?;
    HOLDS
}

async fn key_alone(stage: &mut Stage) -> Check {
    let access = Access::Tampered(Tamper::NoKey);
    let came = stage.send(Method::POST, "/fapi/v1/listenKey", vec![], access).await?;
    let code = came.refused(&[-2014, -2015])?;
    learned(format!("a listen key asked for without an API key is refused with {code}"))
}
