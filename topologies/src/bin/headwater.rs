//! The headwater command.

fn main() -> std::process::ExitCode {
    headwater_topologies::command::main()
}
