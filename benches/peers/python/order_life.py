"""The order life on `lobd exchange` by the venue's own Python client, over REST.

REST only: the package's stream addresses are fixed in its code and carry no route. The first line
of `lobd exchange` comes on standard input; every step asserts what the venue's documentation says.
"""
import json
import sys
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


def main():
    ready = json.loads(sys.stdin.readline())
    client = UMFutures(key=ready["api_key"], secret=ready["api_secret"], base_url=ready["rest"])
    assert abs(client.time()["serverTime"]) > 0
    listed = {row["symbol"] for row in client.exchange_info()["symbols"]}
    assert SYMBOL in listed, listed
    a_limit_order_is_placed_queried_and_cancelled(client)
    a_position_is_opened_and_closed(client)
    usdt = [row for row in client.balance() if row["asset"] == "USDT"]
    assert len(usdt) == 1, usdt
    stranger = UMFutures(key=ready["api_key"], secret="wrong", base_url=ready["rest"])
    refused(-1022, stranger.balance)
    print("served")


if __name__ == "__main__":
    main()
