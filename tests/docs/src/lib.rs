//! Pages of the documentation that are made from code.

pub mod resources;
