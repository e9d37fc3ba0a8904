//! Sizes of exhibits: files are cut into chunks of one size, so that each can be checked, kept and sent on its own.

/// Bytes of every chunk of an exhibit but the last, which may be shorter.
pub const CHUNK_BYTES: usize = 1 << 20;
/// Bytes of an exhibit: 64 GiB, 65,536 chunks.
pub const EXHIBIT_BYTES_MAX: u64 = 64 << 30;

/// Returns how many chunks an exhibit of so many bytes has; none for a size that no exhibit has.
pub fn chunk_count(size: u64) -> Option<u32> {
    let fits = (1..=EXHIBIT_BYTES_MAX).contains(&size);
    fits.then(|| u32::try_from(size.div_ceil(CHUNK_BYTES as u64)).unwrap_or(u32::MAX))
}

/// Returns how many bytes a chunk has; none where the exhibit has no such chunk.
pub fn chunk_bytes(size: u64, index: u32) -> Option<usize> {
    let before = u64::from(index) * CHUNK_BYTES as u64;
    (index < chunk_count(size)?).then(|| usize::try_from(size - before).map_or(CHUNK_BYTES, |rest| rest.min(CHUNK_BYTES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_the_file_and_no_more() {
        let chunk = CHUNK_BYTES as u64;
        assert_eq!([0, 1, chunk, chunk + 1, EXHIBIT_BYTES_MAX, EXHIBIT_BYTES_MAX + 1].map(chunk_count), [None, Some(1), Some(1), Some(2), Some(65_536), None]);
        assert_eq!([0, 1, 2].map(|i| chunk_bytes(chunk + 7, i)), [Some(CHUNK_BYTES), Some(7), None]);
        assert_eq!((chunk_bytes(chunk, 0), chunk_bytes(chunk, 1), chunk_bytes(0, 0)), (Some(CHUNK_BYTES), None, None));
    }
}
