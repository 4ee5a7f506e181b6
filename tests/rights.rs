//! Who may do what by `--allow`: principals × paths × spellings × operations × listeners. What comes out is one function,
//! and every cell is judged.

mod caller;
mod flags;
mod model;
mod shown;
mod stage;
mod table;
mod tftp;
mod uploads;
