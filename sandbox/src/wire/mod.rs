//! How bytes get on and off the wire: ordinary answers by hyper, sabotaged ones by a plan of steps.

pub(crate) mod client;
pub(crate) mod plan;
pub(crate) mod reply;
pub(crate) mod sabotage;
pub(crate) mod server;
pub(crate) mod watch;
