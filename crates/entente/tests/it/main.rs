//! The program from outside: real processes, real sockets, real disks.

mod carry;
mod cli;
mod demo;
mod killed;
mod load;
mod real;
mod wire;
