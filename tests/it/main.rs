//! One executable for every test that needs more than one room, a socket or another program.

mod object_storage;
