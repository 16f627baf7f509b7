//! The `triaxis` command: see [`triaxis::cli`].

fn main() -> std::process::ExitCode {
    triaxis::cli::main()
}
