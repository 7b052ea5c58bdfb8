//! The calm terminal view of live trading: book, prediction, position, orders, profit.

use std::io::Stdout;
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::demo::LiveView;
use crate::domain::{Amount, Rate};
use crate::engine::{EngineStatus, SymbolStatus};
use crate::sim::default_fees;

use ratatui::crossterm;

/// How often the view is redrawn.
const REDRAW: Duration = Duration::from_millis(500);

/// Lines of the view.
const HEIGHT: u16 = 20;

/// The lower part of a terminal, taken over until it is closed.
pub(super) struct Screen {
    task: JoinHandle<()>,
    closed: CancellationToken,
}

impl Screen {
    /// Takes those lines over; `q` or Ctrl-C asks the demo to end.
    pub(super) fn open(view: LiveView, interrupted: CancellationToken) -> Self {
        let closed = CancellationToken::new();
        let token = closed.clone();
        let task = tokio::spawn(async move {
            let viewport = Viewport::Inline(HEIGHT);
            let mut terminal = ratatui::init_with_options(TerminalOptions { viewport });
            while !token.is_cancelled() {
                draw(&mut terminal, &view, interrupted.is_cancelled());
                if tokio::task::block_in_place(is_leaving) {
                    interrupted.cancel();
                }
            }
            // The view stays in the scrollback, under the tables printed before it.
            let _ = crossterm::terminal::disable_raw_mode();
            let _ = terminal.show_cursor();
        });
        Self { task, closed }
    }

    /// Gives the terminal back.
    pub(super) async fn close(self) {
        self.closed.cancel();
        // A view that panicked has already restored the terminal.
        let _ = self.task.await;
    }
}

/// Waits for a key until the next redraw; says whether it asks to leave.
fn is_leaving() -> bool {
    let Ok(true) = event::poll(REDRAW) else { return false };
    let Ok(Event::Key(KeyEvent { code, modifiers, .. })) = event::read() else { return false };
    let is_interrupt = code == KeyCode::Char('c') && modifiers.contains(KeyModifiers::CONTROL);
    code == KeyCode::Char('q') || is_interrupt
}

fn draw(terminal: &mut Terminal<CrosstermBackend<Stdout>>, view: &LiveView, is_ending: bool) {
    let status = view.status.borrow().clone();
    let recorded = view.durable.borrow().map_or("-".to_owned(), |second| second.to_string());
    // A terminal that cannot be drawn on is no reason to stop trading.
    let _ = terminal.draw(|frame| paint(frame, &status, &recorded, is_ending));
}

fn paint(frame: &mut Frame<'_>, status: &EngineStatus, recorded: &str, is_ending: bool) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(12), Constraint::Length(1)])
            .areas(frame.area());
    let state = match (&status.halted, is_ending) {
        (_, true) => "closing the position and reconciling …".to_owned(),
        (Some(reason), false) => format!("halted: {reason}"),
        (None, false) => "trading on the embedded exchange".to_owned(),
    };
    frame.render_widget(Line::from(format!(" lobd demo · {state}")).bold(), head);
    if let Some(symbol) = status.symbols.first() {
        paint_symbol(frame, body, status, symbol);
    }
    let keys = format!(" q or Ctrl-C: close and summarise · recorded up to {recorded}");
    frame.render_widget(Line::from(keys).style(Style::new().fg(Color::DarkGray)), foot);
}

fn paint_symbol(frame: &mut Frame<'_>, area: Rect, status: &EngineStatus, symbol: &SymbolStatus) {
    let halves = Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]);
    let [left, right] = halves.areas(area);
    let rows = Layout::vertical([Constraint::Percentage(50), Constraint::Percentage(50)]);
    let [market, orders] = rows.areas(left);
    let [position, money] = rows.areas(right);
    panel(frame, market, symbol.symbol.as_str(), market_lines(symbol));
    panel(frame, orders, "orders", order_lines(symbol));
    panel(frame, position, "position", position_lines(symbol));
    panel(frame, money, "profit and loss, USDT", money_lines(status, symbol));
}

fn panel(frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<Line<'static>>) {
    let block = Block::bordered().title(format!(" {title} ")).border_style(Color::DarkGray);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn market_lines(symbol: &SymbolStatus) -> Vec<Line<'static>> {
    let prediction = symbol.prediction.map_or("-".to_owned(), |prediction| {
        format!(
            "{:+.2} bps in 10 s (± {:.2})",
            prediction.expected_move.bps(),
            prediction.error.bps()
        )
    });
    vec![
        Line::from(format!("best ask    {}", shown(symbol.best_ask))).fg(Color::Red),
        Line::from(format!("best bid    {}", shown(symbol.best_bid))).fg(Color::Green),
        Line::from(format!("mark price  {}", shown(symbol.mark_price))),
        Line::from(format!("prediction  {prediction}")).bold(),
        Line::from(format!(
            "no entry    {}",
            symbol.why_not.map_or("-".to_owned(), |why| why.to_string())
        )),
    ]
}

fn order_lines(symbol: &SymbolStatus) -> Vec<Line<'static>> {
    if symbol.working_orders.is_empty() {
        return vec![Line::from("none").fg(Color::DarkGray)];
    }
    let line = |order: &crate::engine::WorkingOrder| {
        Line::from(format!(
            "{:<12} {:<4} {} @ {} ({})",
            order.purpose,
            order.side,
            order.quantity,
            order.price.map_or("market".to_owned(), |price| price.to_string()),
            order.state,
        ))
    };
    symbol.working_orders.iter().map(line).collect()
}

fn position_lines(symbol: &SymbolStatus) -> Vec<Line<'static>> {
    let phase = format!("{:?}", symbol.phase).to_lowercase();
    vec![
        Line::from(format!("phase        {phase}")),
        Line::from(format!("exposure     {}", symbol.exposure)).bold(),
        Line::from(format!("entry        {}", shown(symbol.entry_price))),
        Line::from(format!("take-profit  {}", shown(symbol.take_profit_price))),
        Line::from(format!("venue stop   {}", shown(symbol.stop_price))),
        Line::from(format!("unrealised   {}", shown(symbol.unrealized_pnl))),
    ]
}

fn money_lines(status: &EngineStatus, symbol: &SymbolStatus) -> Vec<Line<'static>> {
    let totals = &symbol.totals;
    let fee = |notional: Amount, rate: Rate| notional.times(rate).unwrap_or(Amount::ZERO);
    let rates = default_fees();
    let default = fee(totals.maker_notional, rates.maker)
        .saturating_add(fee(totals.taker_notional, rates.taker));
    let before = totals.realized_pnl;
    vec![
        Line::from(format!("before fees       {:.2}", before.to_f64())).bold(),
        Line::from(format!(
            "with demo fees    {:.2}",
            before.saturating_add(-totals.fees).to_f64()
        )),
        Line::from(format!("at default fees   {:.2}", before.saturating_add(-default).to_f64())),
        Line::from(format!("round trips       {}", totals.round_trips)),
        Line::from(format!("stop-losses       {}", totals.stop_losses)),
        Line::from(format!("without a stop    {:.2} s", totals.naked.as_secs_f64())),
        Line::from(format!("discrepancies     {}", status.discrepancies_total)),
    ]
}

fn shown<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}
