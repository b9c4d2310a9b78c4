//! The headwater command.

fn main() -> ! {
    headwater_topologies::command::main()
}
