//! Stories of a federation of nodes: what flows, what is refused at the doors, what survives.

extern crate entente_node as node;

mod across;
mod carried_exhibits;
mod carry;
mod desk;
mod disk;
mod doors;
mod exhibits;
mod failures;
mod faults;
mod fence;
mod fence_keys;
mod fence_machines;
mod fence_numbers;
mod forge;
mod forms;
mod hit_attacks;
mod hit_vectors;
mod hits;
mod hits_world;
mod keys;
mod law;
mod mechanisms;
mod older;
mod order;
mod pieces;
mod press;
mod rebuild;
mod restart;
mod retention;
mod stories;
mod tongues;
mod visits;
mod witness;
mod world;
