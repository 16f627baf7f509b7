//! P.

#[cfg(test)]
mod tidy;
