// Package fec is forward error correction: it adds parity to what is carried, from which lost bytes are restored. It has two forms: files beside the parts of a
// bundle (Layout), and a stream for a pipe that loses some of its bytes (NewWriter, NewReader). It is used by internal/bundle.
//
//	parts of a bundle ──Encode──▶ fec-0001 … ──(carried)──▶ Survey ──Restore──▶ parts
//	one stream ──Writer──▶ frames ──(some are lost)──▶ Reader ──▶ the stream
//
// # Files
//
// The parts, as they are carried, are cut into blocks of 4096 bytes; the last one of each part is filled up with zeros. The blocks of all parts
// have consecutive numbers. There are C codewords: block b belongs to codeword b mod C, as its block number b/C. So a run of
// consecutive blocks, be it a damaged region or a whole part, takes an equal number of blocks from each codeword, but for one. C is one for small bundles, and else a prime
// number. A codeword has k blocks of data (behind the last part, they are zeros that are not stored) and m of parity: internal/fec/erasure.
// k and m are such that a codeword has at most 4096 blocks.
//
// Of a codeword, any m blocks can be restored. How many m must be, follows from the declared share of all blocks: those of parts, of parity and
// of checksums. With one codeword, m is that share of all blocks, and so any of them may be lost. With several, m is large enough for the loss of any
// whole files together with blocks at random, up to the declared share: with a probability of less than 1e-6 that one of the codewords loses more than m.
// For 10 %, the parity files are then about 16 % of the size of the parts; with one codeword, 11 %.
//
// The parity files fec-0001, fec-0002 … are one sequence of blocks, cut into equal pieces, the last one shorter: the first parity blocks of all codewords, then the second ones, and so on.
// Blocks of checksums are distributed evenly among them (checks.go). They have the checksum (XXH64) of each block of each codeword, by which damaged blocks are found.
// Checksums have parity, too: of a group of blocks of checksums, any third is enough. If more are lost, what is known to be intact is what has
// its digest as a whole. Checksums do not recognise what somebody changed on purpose: the digests of the repaired parts do, which are in the signed header.
//
// # Stream
//
// A stream is cut into windows, which are coded alone: see frame.go.
package fec
