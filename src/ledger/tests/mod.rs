//! The ledger as a whole, natively: with a clock, and surroundings that do as a test says.

mod acts;
mod golden;
mod idempotency;
mod life;
mod live;
mod live_limits;
mod live_reader;
mod model;
mod plans;
mod schedules;
mod storm;
mod webhook_choices;
mod webhook_late;
mod webhook_storm;
mod webhook_watch;
mod webhooks;
