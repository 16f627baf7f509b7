//! Against a server of our own on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;

/// The weights of the tests, and their SHA-256 (of the three letters, from FIPS 180-2).
const BYTES: &[u8] = b"abc";
const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// What a server says of `model.safetensors`.
#[derive(Clone, Copy)]
struct Answer {
    /// The name that it gives the content.
    etag: &'static str,
    /// The size that it claims.
    size: usize,
    /// What it sends.
    bytes: &'static [u8],
}

const GOOD: Answer = Answer {
    etag: HASH,
    size: BYTES.len(),
    bytes: BYTES,
};

/// A stand-in for the Hub: its address, and how many requests it has had.
fn serve(answer: Answer) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    // It ends with the process.
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::Relaxed);
            // A client that hung up is no failure of the server's.
            let _ = reply(stream, answer);
        }
    });
    (address, asked)
}

fn reply(mut stream: TcpStream, answer: Answer) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let mut first_only = false;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        first_only |= line == "range: bytes=0-0";
        if line.is_empty() {
            break;
        }
    }
    if !request.starts_with("GET /timm/small/resolve/main/model.safetensors ") {
        return stream.write_all(
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        );
    }
    let Answer { etag, size, bytes } = answer;
    let (length, body) = match first_only {
        true => (1, &BYTES[..1]),
        false => (size, bytes),
    };
    let end = length.saturating_sub(1);
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\netag: \"{etag}\"\r\nx-repo-commit: 0123abcd\r\ncontent-length: {length}\r\n\
         content-range: bytes 0-{end}/{size}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}

fn fetch(endpoint: &str, cache: &Path) -> Result<PathBuf> {
    let cache = Cache::new(cache.into());
    let api = ApiBuilder::from_cache(cache.clone()).with_endpoint(endpoint.into());
    let address = Address::parse("timm/small").unwrap();
    Hub { cache, api }.fetch(Path::new("hf://timm/small"), address)
}

fn refusal(endpoint: &str, cache: &Path) -> String {
    let error = fetch(endpoint, cache).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    let text = error.to_string();
    for part in [
        "hf://timm/small: ",
        "model.safetensors of timm/small by other means",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    text
}

/// Files and links in the cache under the names that readers look for.
fn whole_files(cache: &Path) -> Vec<PathBuf> {
    let below = |kind: &str| cache.join("models--timm--small").join(kind);
    let list = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    let found = list(below("blobs")).chain(list(below("snapshots/0123abcd")));
    found
        .map(|entry| entry.path())
        // What was begun is gone on with the next time, and locks are empty.
        .filter(|path| !path.extension().is_some_and(|e| e == "part" || e == "lock"))
        .collect()
}

#[test]
fn weights_are_fetched_once_and_found_in_the_cache_without_a_network() {
    let place = tempfile::tempdir().unwrap();
    let (endpoint, asked) = serve(GOOD);
    let file = fetch(&endpoint, place.path()).unwrap();
    assert_eq!(fs::read(&file).unwrap(), BYTES);
    let requests = asked.load(Ordering::Relaxed);
    assert!(requests > 0);
    assert_eq!(fetch(&endpoint, place.path()).unwrap(), file);
    assert_eq!(asked.load(Ordering::Relaxed), requests, "it asked again");
    assert_eq!(fetch("http://127.0.0.1:1", place.path()).unwrap(), file);
}

#[test]
fn without_a_network_or_a_model_the_message_says_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    // Nobody listens on port 1.
    let text = refusal("http://127.0.0.1:1", place.path());
    assert!(text.contains("cannot be fetched"), "{text}");
    let (endpoint, _) = serve(GOOD);
    let cache = Cache::new(place.path().into());
    let api = ApiBuilder::from_cache(cache.clone()).with_endpoint(endpoint);
    let other = Address::parse("timm/other").unwrap();
    let error = Hub { cache, api }.fetch(Path::new("hf://timm/other"), other);
    let text = error.unwrap_err().to_string();
    assert!(text.contains("404"), "{text}");
    assert!(whole_files(place.path()).is_empty());
}

#[test]
fn what_is_cut_or_damaged_on_the_way_is_not_kept() {
    for (answer, part) in [
        // The connection ends early.
        (
            Answer {
                bytes: b"ab",
                ..GOOD
            },
            "cannot be fetched",
        ),
        // The server itself has lost the end.
        (
            Answer {
                size: 2,
                bytes: b"ab",
                ..GOOD
            },
            "damaged",
        ),
        (
            Answer {
                bytes: b"xyz",
                ..GOOD
            },
            "damaged",
        ),
    ] {
        let place = tempfile::tempdir().unwrap();
        let (endpoint, _) = serve(answer);
        let text = refusal(&endpoint, place.path());
        assert!(text.contains(part), "{part:?} is not in {text:?}");
        assert_eq!(whole_files(place.path()), [] as [PathBuf; 0]);
    }
}

#[test]
fn a_copy_that_was_damaged_in_the_cache_is_fetched_again() {
    let place = tempfile::tempdir().unwrap();
    let (endpoint, _) = serve(GOOD);
    let file = fetch(&endpoint, place.path()).unwrap();
    fs::write(file.canonicalize().unwrap(), "abX").unwrap();
    assert!(!is_whole(&file).unwrap());
    assert_eq!(fetch(&endpoint, place.path()).unwrap(), file);
    assert_eq!(fs::read(&file).unwrap(), BYTES);
}

#[test]
fn names_that_lead_out_of_the_cache_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let cache = place.path().join("cache");
    for etag in ["../../../../escaped", "a/b", "..", ""] {
        let (endpoint, _) = serve(Answer { etag, ..GOOD });
        let text = refusal(&endpoint, &cache);
        assert!(text.contains("a name that is none"), "{text}");
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().flatten().count(), 0);
}
