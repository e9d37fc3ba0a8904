//! Files of exhibits as streams, for the desk and the local API alike: bytes come and go, and no file is in memory whole.

use axum::body::{Body, Bytes};
use base::{CHUNK_BYTES, ExhibitId, chunk_count};
use futures_util::{Stream, StreamExt as _, stream};
use node::{FileIntake, NodeError, Reading, Shelves, Taken};
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::{JoinHandle, spawn_blocking};

/// Files that may come in at once.
const UPLOADS_MAX: usize = 4;
/// Files that may go out at once.
const DOWNLOADS_MAX: usize = 8;
/// Chunks that are read while those before them are sent.
const READ_AHEAD: usize = 2;

static UPLOADS: Semaphore = Semaphore::const_new(UPLOADS_MAX);
static DOWNLOADS: Semaphore = Semaphore::const_new(DOWNLOADS_MAX);

/// A file's place among those that are under way; free again when this is dropped.
pub struct Place(#[expect(dead_code, reason = "held, not read")] SemaphorePermit<'static>);

/// Finds a place for a file that comes in; refuses, for a minute or so, where too many are under way.
pub fn room_in() -> Result<Place, NodeError> {
    UPLOADS.try_acquire().map(Place).map_err(|_| NodeError::ExhibitBusy)
}

/// Finds a place for a file that goes out.
pub fn room_out() -> Result<Place, NodeError> {
    DOWNLOADS.try_acquire().map(Place).map_err(|_| NodeError::ExhibitBusy)
}

async fn joined<T>(work: JoinHandle<Result<T, NodeError>>) -> Result<T, NodeError> {
    work.await.unwrap_or(Err(NodeError::Bug))
}

/// Takes a file onto a shelf: while one chunk is sealed and written, the next comes in. What breaks off leaves nothing behind.
pub async fn take_in<E: Display>(shelves: Shelves, parts: impl Stream<Item = Result<Bytes, E>>) -> Result<Taken, NodeError> {
    let mut writing: JoinHandle<Result<FileIntake, NodeError>> = spawn_blocking(move || shelves.take_in());
    let mut parts = pin!(parts);
    let mut part = Vec::with_capacity(CHUNK_BYTES);
    while let Some(data) = parts.next().await {
        part.extend_from_slice(&data.map_err(|e| NodeError::Asked(format!("the file broke off ({e}); add it again")))?);
        if part.len() >= CHUNK_BYTES {
            let mut intake = joined(writing).await?;
            let full = std::mem::replace(&mut part, Vec::with_capacity(CHUNK_BYTES));
            writing = spawn_blocking(move || intake.write(&full).map(|()| intake));
        }
    }
    let mut intake = joined(writing).await?;
    joined(spawn_blocking(move || intake.write(&part).and_then(|()| intake.finish()))).await
}

/// Reads a file out from a byte on. Where a chunk cannot be read the answer breaks off, after `damaged` has been told which:
/// it is fetched again if anybody holds it.
pub fn read_out<D>(exhibit: ExhibitId, reading: Reading, from: u64, place: Place, damaged: impl Fn(u32) -> D + Send + 'static) -> Body
where
    D: Future<Output = ()> + Send + 'static,
{
    let chunk = CHUNK_BYTES as u64;
    let first = u32::try_from(from / chunk).unwrap_or(u32::MAX);
    let skip = usize::try_from(from % chunk).unwrap_or(0);
    let chunks = first..chunk_count(reading.size()).unwrap_or(0);
    let reading = Arc::new(reading);
    let read = move |index: u32| {
        let own = Arc::clone(&reading);
        async move { (index, joined(spawn_blocking(move || own.chunk(index))).await) }
    };
    let told = move |(index, chunk): (u32, Result<Vec<u8>, NodeError>)| {
        let _ = &place; // kept until the last byte went
        let damage = matches!(chunk, Err(NodeError::ExhibitDamaged { .. })).then(|| damaged(index));
        async move {
            if let Some(damage) = damage {
                tracing::error!(exhibit = %exhibit.short(), index, "a chunk cannot be read");
                damage.await;
            }
            let skip = if index == first { skip } else { 0 };
            chunk.map(|data| Bytes::from(data).slice(skip..)).map_err(io::Error::other)
        }
    };
    Body::from_stream(stream::iter(chunks).map(read).buffered(READ_AHEAD).then(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_files_and_no_more_are_under_way() {
        let held: Vec<Place> = (0..UPLOADS_MAX).map(|_| room_in().unwrap()).collect();
        assert_eq!(room_in().err().unwrap().code(), "refusal.exhibit.busy");
        drop(held);
        assert!(room_in().is_ok());
        let held: Vec<Place> = (0..DOWNLOADS_MAX).map(|_| room_out().unwrap()).collect();
        assert_eq!(room_out().err().unwrap().code(), "refusal.exhibit.busy");
        drop(held);
        assert!(room_out().is_ok());
    }
}
