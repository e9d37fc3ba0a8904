//! The program from outside: real processes, real sockets, real disks.

mod backups;
mod carry;
mod cli;
mod demo;
mod desk;
mod drill;
mod engine;
mod exhibits;
mod hits;
mod killed;
mod load;
mod real;
mod rotation;
mod stranger;
mod trust;
mod wire;
mod world;
