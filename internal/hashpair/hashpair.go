// Package hashpair adds bytes to two SHA-256 hashes at once. A processor with instructions for SHA-256 waits for the result of one before it begins the
// next: it does two independent hashes in little more than the time of one. Export and import need several digests of the same bytes: of a blob, and of
// a part in the clear and as it is carried.
package hashpair

import (
	"encoding"
	"encoding/binary"
	"hash"
)

// block is how many bytes SHA-256 takes at once.
const block = 64

// Write does what a.Write(p) and b.Write(q) do. It is faster if both hashes are those of crypto/sha256, and the processor is known; any others are
// accepted. a and b must not be the same.
func Write(a, b hash.Hash, p, q []byte) {
	if available && min(len(p), len(q)) >= least {
		p, q = both(a, b, p, q)
	}
	_, _ = a.Write(p)
	_, _ = b.Write(q)
}

// least is from how many bytes on it is worth the conversion of the states.
const least = 1024

// magic begins the state of a SHA-256 in the form of encoding.BinaryMarshaler, which has 4 bytes of this, 32 of the state, 64 of bytes that wait for
// a whole block, and 8 of the number of bytes so far.
const magic = "sha\x03"

const (
	waitingAt = len(magic) + 32
	countAt   = waitingAt + block
	savedSize = countAt + 8
)

// A saved is the state of a hash.
type saved struct {
	hash hash.Hash
	text []byte
}

// save fills up the block that waits with bytes of p, and returns the rest and the state. ok is false if the hash is not of crypto/sha256.
func save(h hash.Hash, p []byte) (s saved, rest []byte, ok bool) {
	appender, is := h.(encoding.BinaryAppender)
	if !is || h.Size() != 32 || h.BlockSize() != block {
		return s, p, false
	}
	s = saved{h, make([]byte, 0, savedSize)}
	var err error
	if s.text, err = appender.AppendBinary(s.text); err != nil || len(s.text) != savedSize || string(s.text[:len(magic)]) != magic {
		return s, p, false
	}
	waiting := int(binary.BigEndian.Uint64(s.text[countAt:]) % block)
	if waiting == 0 {
		return s, p, true
	}
	_, _ = h.Write(p[:block-waiting])
	s.text, err = appender.AppendBinary(s.text[:0])
	return s, p[block-waiting:], err == nil
}

// words are the state as the instructions have it: F E B A, H G D C.
func (s *saved) words() (w [8]uint32) {
	for i, at := range order {
		w[i] = binary.BigEndian.Uint32(s.text[len(magic)+4*at:])
	}
	return w
}

var order = [8]int{5, 4, 1, 0, 7, 6, 3, 2}

// restore gives the hash the state after n more bytes.
func (s *saved) restore(w *[8]uint32, n int) {
	for i, at := range order {
		binary.BigEndian.PutUint32(s.text[len(magic)+4*at:], w[i])
	}
	binary.BigEndian.PutUint64(s.text[countAt:], binary.BigEndian.Uint64(s.text[countAt:])+uint64(n)) //nolint:gosec // a length
	if err := s.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(s.text); err != nil {
		panic("hashpair: the state of a hash is not accepted: " + err.Error())
	}
}

// both adds as many whole blocks as both have, and returns what is left.
func both(a, b hash.Hash, p, q []byte) (restP, restQ []byte) {
	first, p, ok := save(a, p)
	if !ok {
		return p, q
	}
	second, q, ok := save(b, q)
	if !ok {
		return p, q
	}
	n := min(len(p), len(q)) / block
	v, w := first.words(), second.words()
	blocks(&v, &w, &p[0], &q[0], n)
	first.restore(&v, n*block)
	second.restore(&w, n*block)
	return p[n*block:], q[n*block:]
}
