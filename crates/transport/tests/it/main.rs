//! The courier over real sockets on 127.0.0.1: who gets in, what it may cost, what happens when the other end is away.

mod admission;
mod attacks;
mod delivery;
mod limits;
mod pumping;
mod support;
