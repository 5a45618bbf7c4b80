//! The eos binary: hands the command line to the library and ends with its exit status.

fn main() -> std::process::ExitCode {
    eos::cli::main()
}
