//! One merchant's dated receipts: how the shop is doing, and how it will do.
//!
//! The way of the data: transfers become [`Receipts`] (one merchant, possibly several codes) or, for everybody at once,
//! [`RowsByAccount`]; receipts become a [`DailySeries`], many of them a [`DailyPanel`].
//! An adjusted series is still a series: what [`Receipts::less_removed`] gives after suspicious money is taken out goes
//! through exactly the same verbs.
//!
//! | verb | question | one merchant | everybody |
//! |---|---|---|---|
//! | condition | how is it doing? | [`condition`], [`condition_of_series`] | [`condition_of_panel`], [`condition_of_transfers`] |
//! | forecast | what will come, and how sure is that? | [`ForecastModel::forecast_one`] | [`forecast`], or [`fit_forecast`] once and [`ForecastModel::forecast_panel`] |
//! | backtest | would the forecasts have been any good? | | [`backtest_forecast`] |
//!
//! # How the shop is doing
//! [`CONDITION_CATALOGUE`] names every measure with its meaning, unit and range; an [`Outlook`] says it in a word
//! (growing, steady, seasonal, declining, stopped, or thin where nobody could tell) and [`Condition::sentence`] adds the
//! numbers behind it.
//!
//! # What will come
//! A dozen methods, each a few lines of arithmetic ([`Method`]), are weighted for each class of history
//! ([`HistoryClass`]) by how well they did at weekly origins of the panel's own past. Totals over the horizon are forecast
//! as totals: errors of single days hang together, so daily quantiles do not add up to them. Intervals are conformal
//! quantiles of the errors made at those origins, scaled by each merchant's own. The season of the whole panel a year ago
//! is followed as far as it foretold the past. What was learnt is tried on merchants left out, and where it is no better
//! than seasonal-naive, seasonal-naive answers and [`Forecasts::is_baseline`] says so.
//!
//! What no method here can know is a shock that the panel never saw: intervals are honest on the average of dates, and on
//! a date when everybody's trade jumps together they miss together. [`backtest_forecast`] over several origins shows it.
//!
//! A café of a test panel, 120 days and the 30 that were to come, with the daily quantiles at 0.1, 0.25, 0.5, 0.75 and 0.9
//! (drawn by the example `forecast_receipts --plot`):
#![doc = include_str!("../../docs/receipts-fan.svg")]

mod by_account;
mod condition;
mod daily;
mod forecast;
mod receipt;

pub use by_account::RowsByAccount;
pub use condition::{
    CONDITION_CATALOGUE, Condition, ConditionConfig, ConditionEntry, ConditionTable, Outlook, SegmentNorms, condition,
    condition_column, condition_of_panel, condition_of_series, condition_of_transfers, segment_norms,
};
pub use daily::{DailyPanel, DailyPanelBuilder, DailySeries, Gaps};
pub use forecast::{
    Backtest, BacktestConfig, BacktestRow, ClassSummary, Forecast, ForecastConfig, ForecastModel, ForecastScratch,
    Forecasts, HistoryClass, LevelScore, Method, MethodWeight, SegmentPrior, backtest_forecast, fit_forecast, forecast,
    pinball,
};
pub use receipt::{Outflow, Receipt, Receipts};
