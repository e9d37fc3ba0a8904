//! The program from outside: real processes, real sockets, real disks.

mod cli;
mod demo;
mod killed;
mod rotation;
mod trust;
