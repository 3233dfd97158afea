//! The server around the doors: how often somebody may knock, and HTTPS.

mod limits;
mod tls;
