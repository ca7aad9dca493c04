//! `admin status`: what is set up for a user.

use crate::exit::Stop;
use crate::session::Session;
use crate::terminal::Terminal;
use crate::user;

pub fn run(session: &Session, terminal: &Terminal, json: bool) -> Result<(), Stop> {
    user::status::run(session, terminal, json)
}
