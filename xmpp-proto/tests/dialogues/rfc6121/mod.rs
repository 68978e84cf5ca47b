//! The dialogues of RFC 6121 §2 to §5, word for word, against two routers: that of
//! example.net, where Romeo is, and that of example.com, where Juliet is. What goes between
//! them is checked as well as what the clients get. Ids of the servers' own making, and
//! versions, are compared by their presence elsewhere.

mod presence;
mod roster;
mod subscriptions;
mod verona;
