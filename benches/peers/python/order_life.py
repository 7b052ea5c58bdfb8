"""The order life on `lobd exchange` by the venue's own Python client, over REST.

REST only: the package's stream addresses are fixed in its code and carry no route. The first line
of `lobd exchange` comes on standard input; every step asserts what the venue's documentation says.
"""
import json
import sys
import time
from decimal import Decimal

from binance.error import ClientError
from binance.um_futures import UMFutures

SYMBOL = "BTCUSDT"


def refused(code, ask, **parameters):
    """Asserts that a request is refused with a code."""
    try:
        ask(**parameters)
    except ClientError as error:
        assert error.error_code == code, (error.error_code, error.error_message)
    else:
        raise AssertionError(f"not refused with {code}")


def a_limit_order_is_placed_queried_and_cancelled(client):
    best_bid = Decimal(client.depth(SYMBOL, limit=5)["bids"][0][0])
    price = (best_bid * Decimal("0.99")).quantize(Decimal("1"))
    placed = client.new_order(
        symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01",
        price=str(price), newClientOrderId="python-limit",
    )
    assert placed["status"] == "NEW", placed
    found = client.query_order(SYMBOL, orderId=placed["orderId"])
    assert found["clientOrderId"] == "python-limit", found
    assert Decimal(found["price"]) == price, found
    assert [order["orderId"] for order in client.get_orders(symbol=SYMBOL)] == [placed["orderId"]]
    cancelled = client.cancel_order(SYMBOL, origClientOrderId="python-limit")
    assert cancelled["status"] == "CANCELED", cancelled
    refused(-2011, client.cancel_order, symbol=SYMBOL, origClientOrderId="python-limit")


def a_position_is_opened_and_closed(client):
    bought = client.new_order(
        symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.01", newOrderRespType="RESULT"
    )
    assert (bought["status"], Decimal(bought["executedQty"])) == ("FILLED", Decimal("0.01")), bought
    [position] = client.get_position_risk(symbol=SYMBOL)
    assert Decimal(position["positionAmt"]) == Decimal("0.01"), position
    sold = client.new_order(
        symbol=SYMBOL, side="SELL", type="MARKET", quantity="0.01", reduceOnly="true",
        newOrderRespType="RESULT",
    )
    assert sold["status"] == "FILLED", sold
    trades = client.get_account_trades(SYMBOL)
    assert {trade["orderId"] for trade in trades} == {bought["orderId"], sold["orderId"]}, trades
    refused(
        -2022, client.new_order, symbol=SYMBOL, side="SELL", type="MARKET", quantity="0.01",
        reduceOnly="true",
    )


def resting(client, **more):
    """The parameters of a buy that rests one percent below the market."""
    best_bid = Decimal(client.depth(SYMBOL, limit=5)["bids"][0][0])
    price = (best_bid * Decimal("0.99")).quantize(Decimal("1"))
    order = dict(
        symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01",
        price=str(price),
    )
    return {**order, **more}


def a_resting_order_is_amended(client):
    order = resting(client, newClientOrderId="python-amended")
    placed = client.new_order(**order)
    lower = str(Decimal(order["price"]) - 10)
    change = dict(
        symbol=SYMBOL, side="BUY", quantity=0.02, price=float(lower), orderId=placed["orderId"]
    )
    amended = client.modify_order(**change)
    assert Decimal(amended["price"]) == Decimal(lower), amended
    assert Decimal(amended["origQty"]) == Decimal("0.02"), amended
    refused(-5027, client.modify_order, **change)
    cancelled = client.cancel_order(SYMBOL, orderId=placed["orderId"])
    assert cancelled["status"] == "CANCELED", cancelled


def a_batch_is_placed_and_cancelled(client):
    names = ["python-batch-1", "python-batch-2"]
    orders = [resting(client, newClientOrderId=name) for name in names]
    orders.append(resting(client, reduceOnly="true"))
    first, second, third = client.new_batch_order(orders)
    assert [first["clientOrderId"], second["clientOrderId"]] == names, (first, second)
    assert third["code"] == -2022, third
    ended = client.cancel_batch_order(SYMBOL, [first["orderId"], second["orderId"]], [])
    assert [order["status"] for order in ended] == ["CANCELED", "CANCELED"], ended


def orders_expire(client):
    order = resting(client, timeInForce="IOC", newOrderRespType="RESULT")
    expired = client.new_order(**order)
    assert (expired["status"], Decimal(expired["executedQty"])) == ("EXPIRED", 0), expired
    date = (int(time.time()) + 1_200) * 1_000
    refused(-5040, client.new_order, **resting(client, timeInForce="GTD", goodTillDate=1_000))
    dated = client.new_order(**resting(client, timeInForce="GTD", goodTillDate=date))
    assert (dated["status"], dated["goodTillDate"]) == ("NEW", date), dated
    client.cancel_order(SYMBOL, orderId=dated["orderId"])


def algo(client, method, **parameters):
    """The package is older than the algo service; it signs any path."""
    return client.sign_request(method, "/fapi/v1/algoOrder", parameters)


def stop(client, price, name):
    return algo(
        client, "POST", algoType="CONDITIONAL", symbol=SYMBOL, side="SELL", type="STOP_MARKET",
        quantity="0.01", triggerPrice=str(price), workingType="CONTRACT_PRICE", reduceOnly="true",
        clientAlgoId=name,
    )


def market(client, side, **more):
    return client.new_order(symbol=SYMBOL, side=side, type="MARKET", quantity="0.01", **more)


def a_stop_is_placed_and_cancelled(client):
    refused(-4120, client.new_order, symbol=SYMBOL, side="SELL", type="STOP_MARKET",
            quantity="0.01", stopPrice="1000")
    placed = stop(client, resting(client)["price"], "python-stop")
    assert placed["algoStatus"] == "NEW", placed
    open_ones = client.sign_request("GET", "/fapi/v1/openAlgoOrders", {"symbol": SYMBOL})
    assert [order["algoId"] for order in open_ones] == [placed["algoId"]], open_ones
    ended = algo(client, "DELETE", clientAlgoId="python-stop")
    assert ended["code"] == "200", ended
    found = algo(client, "GET", algoId=placed["algoId"])
    assert found["algoStatus"] == "CANCELED", found


def a_stop_is_triggered(client):
    market(client, "BUY")
    market(client, "BUY")
    name = None
    for ticks in (0, 1, 5, 20, 100):
        trigger = Decimal(client.depth(SYMBOL, limit=5)["bids"][0][0]) - ticks * Decimal("0.1")
        try:
            name = f"python-trigger-{ticks}"
            stop(client, trigger, name)
            break
        except ClientError as error:
            assert error.error_code == -2021, error.error_message
    # The sale prints at the bid, which touches the trigger; the market may need another.
    deadline = time.time() + 20
    sold = market(client, "SELL", reduceOnly="true")
    while (found := algo(client, "GET", clientAlgoId=name))["algoStatus"] != "FINISHED":
        assert time.time() < deadline, found
    child = client.query_order(SYMBOL, orderId=int(found["actualOrderId"]))
    assert (child["status"], child["origType"]) == ("FILLED", "STOP_MARKET"), child
    assert child["orderId"] != sold["orderId"]
    assert client.get_position_risk(symbol=SYMBOL) == [] or all(
        Decimal(row["positionAmt"]) == 0 for row in client.get_position_risk(symbol=SYMBOL)
    )


def main():
    ready = json.loads(sys.stdin.readline())
    client = UMFutures(key=ready["api_key"], secret=ready["api_secret"], base_url=ready["rest"])
    assert abs(client.time()["serverTime"]) > 0
    listed = {row["symbol"] for row in client.exchange_info()["symbols"]}
    assert SYMBOL in listed, listed
    a_limit_order_is_placed_queried_and_cancelled(client)
    a_resting_order_is_amended(client)
    a_batch_is_placed_and_cancelled(client)
    orders_expire(client)
    a_position_is_opened_and_closed(client)
    a_stop_is_placed_and_cancelled(client)
    a_stop_is_triggered(client)
    usdt = [row for row in client.balance() if row["asset"] == "USDT"]
    assert len(usdt) == 1, usdt
    stranger = UMFutures(key=ready["api_key"], secret="wrong", base_url=ready["rest"])
    refused(-1022, stranger.balance)
    print("served")


if __name__ == "__main__":
    main()
