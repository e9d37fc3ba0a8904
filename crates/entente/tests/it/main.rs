//! The program from outside: real processes, real sockets, real disks.

mod cli;
mod demo;
mod exhibits;
mod killed;
