//! BLAKE3 of a file whose pieces come in any order (pure).
//!
//! BLAKE3 is a tree: what is below an inner node can be hashed by itself. Each piece is cut into the
//! largest subtrees that lie in it whole; what is at its edges, and what an earlier process wrote, is
//! read at the end.

use crate::model::digest::Digest;
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root,
};
use blake3::{CHUNK_LEN, Hasher};
use std::collections::BTreeMap;
use std::io;

const CHUNK: u64 = CHUNK_LEN as u64;

/// Bytes read at a time of what nobody hashed yet.
const READ: usize = 256 << 10;

/// What is hashed of a file so far: inner nodes by where they begin.
#[derive(Debug)]
pub(super) struct Subtrees {
    size: u64,
    nodes: BTreeMap<u64, Node>,
}

/// A node over an aligned power of two of bytes; the last one of a file may hold fewer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    start: u64,
    span: u64,
    value: ChainingValue,
}

impl Subtrees {
    /// Nothing of a file of so many bytes.
    pub(super) fn new(size: u64) -> Self {
        Self { size, nodes: BTreeMap::new() }
    }

    /// Takes what [`nodes`] made of a piece.
    pub(super) fn add(&mut self, nodes: Vec<Node>) {
        for mut node in nodes {
            while let Some(parent) = self.with_sibling(&node) {
                node = parent;
            }
            self.nodes.insert(node.start, node);
        }
    }

    /// The parent of a node whose sibling is there, which is taken out; the root is made at the end.
    fn with_sibling(&mut self, node: &Node) -> Option<Node> {
        let start = node.start & !node.span;
        if start == 0 && node.span.saturating_mul(2) >= self.size {
            return None;
        }
        let sibling = self.nodes.get(&(node.start ^ node.span)).filter(|one| one.span == node.span)?;
        let (left, right) = if sibling.start == start { (sibling, node) } else { (node, sibling) };
        let value = merge_subtrees_non_root(&left.value, &right.value, Mode::Hash);
        let parent = Node { start, span: node.span * 2, value };
        self.nodes.remove(&(node.start ^ node.span));
        Some(parent)
    }

    /// The digest; `read` fills a buffer with what lies at an offset of the file.
    pub(super) fn digest(
        &self,
        read: &mut dyn FnMut(&mut [u8], u64) -> io::Result<()>,
    ) -> io::Result<Digest> {
        let root = if self.size <= CHUNK {
            let mut bytes = vec![0; self.size as usize];
            read(&mut bytes, 0)?;
            blake3::hash(&bytes)
        } else {
            let left = left_subtree_len(self.size);
            merge_subtrees_root(&self.value(0, left, read)?, &self.value(left, left, read)?, Mode::Hash)
        };
        Ok(Digest::from_bytes(*root.as_bytes()))
    }

    fn value(
        &self,
        start: u64,
        span: u64,
        read: &mut dyn FnMut(&mut [u8], u64) -> io::Result<()>,
    ) -> io::Result<ChainingValue> {
        if let Some(node) = self.nodes.get(&start).filter(|node| node.span == span) {
            return Ok(node.value);
        }
        let end = self.size.min(start.saturating_add(span));
        if self.nodes.range(start..end).next().is_none() {
            return hashed(start, end, read);
        }
        let half = span / 2;
        let left = self.value(start, half, read)?;
        if start + half >= self.size {
            return Ok(left);
        }
        Ok(merge_subtrees_non_root(&left, &self.value(start + half, half, read)?, Mode::Hash))
    }
}

/// The largest subtrees that lie whole in the bytes at this offset of a file of so many bytes.
pub(super) fn nodes(offset: u64, bytes: &[u8], size: u64) -> Vec<Node> {
    let (end, mut start, mut nodes) = (offset + bytes.len() as u64, offset.next_multiple_of(CHUNK), vec![]);
    if size <= CHUNK {
        return nodes;
    }
    while start < end {
        let aligned = if start == 0 { left_subtree_len(size) } else { 1 << start.trailing_zeros() };
        let span = if end == size && aligned >= size - start {
            (size - start).next_power_of_two().max(CHUNK)
        } else {
            aligned.min(1 << (end - start).ilog2())
        };
        if span < CHUNK {
            break;
        }
        let last = end.min(start + span);
        let within = &bytes[(start - offset) as usize..(last - offset) as usize];
        let value = Hasher::new().set_input_offset(start).update(within).finalize_non_root();
        nodes.push(Node { start, span, value });
        start = last;
    }
    nodes
}

fn hashed(
    start: u64,
    end: u64,
    read: &mut dyn FnMut(&mut [u8], u64) -> io::Result<()>,
) -> io::Result<ChainingValue> {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(start);
    let mut buffer = vec![0; READ.min(usize::try_from(end - start).unwrap_or(READ))];
    let mut at = start;
    while at < end {
        let most = buffer.len().min(usize::try_from(end - at).unwrap_or(READ));
        read(&mut buffer[..most], at)?;
        hasher.update(&buffer[..most]);
        at += most as u64;
    }
    Ok(hasher.finalize_non_root())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Hashes the pieces between the cuts in this order, but for those that are left out.
    fn by_pieces(bytes: &[u8], cuts: &[usize], order: &[usize], left_out: usize) -> (Digest, u64) {
        let mut edges: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        edges.extend([0, bytes.len()]);
        edges.sort_unstable();
        let mut pieces: Vec<_> = edges.windows(2).map(|pair| pair[0]..pair[1]).collect();
        for (one, other) in order.iter().enumerate() {
            let count = pieces.len();
            pieces.swap(one % count, other % count);
        }
        let size = bytes.len() as u64;
        let mut subtrees = Subtrees::new(size);
        for piece in pieces.into_iter().skip(left_out) {
            subtrees.add(nodes(piece.start as u64, &bytes[piece], size));
        }
        let mut read = 0;
        let digest = subtrees.digest(&mut |buffer, at| {
            read += buffer.len() as u64;
            buffer.copy_from_slice(&bytes[at as usize..at as usize + buffer.len()]);
            Ok(())
        });
        (digest.unwrap(), read)
    }

    fn noise(length: usize) -> Vec<u8> {
        (0..length as u64).map(|index| (index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
    }

    proptest! {
        #[test]
        fn pieces_in_any_order_give_the_digest_of_the_whole(
            length in prop_oneof![0usize..5000, 0usize..300_000, Just(1 << 17), Just(1024), Just(2048)],
            cuts in prop::collection::vec(any::<usize>(), 0..12),
            order in prop::collection::vec(any::<usize>(), 0..12),
            left_out in 0usize..3,
        ) {
            let bytes = noise(length);
            let (digest, _) = by_pieces(&bytes, &cuts, &order, left_out);
            prop_assert_eq!(digest, Digest::of(&bytes));
        }
    }

    #[test]
    fn only_the_edges_of_pieces_are_read_again() {
        let bytes = noise(1 << 20);
        let cuts = [300_001, 600_002, 900_003];
        let (digest, read) = by_pieces(&bytes, &cuts, &[3, 1, 0, 2], 0);
        assert_eq!(digest, Digest::of(&bytes));
        assert!(read <= 2 * 1024 * cuts.len() as u64, "{read}");
        assert_eq!(by_pieces(&bytes, &[512 << 10], &[1], 0).1, 0, "aligned pieces need nothing");
    }
}
