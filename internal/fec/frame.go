package fec

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/cespare/xxhash/v2"

	"github.com/minimirror/minimirror/internal/fec/erasure"
)

// A stream consists of windows, a window of frames. Each frame has all that is needed to use it, so that any others may be lost, the first ones too:
//
//	 0    8  "mmframe\x01"
//	 8    8  the stream, a random number
//	16    8  the place of the window's first byte in the stream; at the end: how many bytes the stream has
//	24    4  the window's number, from 0; at the end: how many windows there are
//	28    4  the frame's number in the window; at the end: in the repetition
//	32    2  codewords of the window
//	34    2  frames of data in a codeword
//	36    2  frames of parity in a codeword
//	38    1  1: the window is the last one; 2: the end of the stream
//	39    1  zero
//	40    4  how many bytes the window has
//	44    4  zero
//	48    8  the checksum of the payload
//	56    8  the checksum of the bytes before
//	64 1024  the payload
//
// Numbers are big-endian, checksums XXH64. Frame number f is of codeword f mod C, as its frame f/C, so that a burst of losses is divided among all. Data is in the
// frames in its order, filled up with zeros; frames that would have only these zeros are not sent. Parity follows. A frame with its header fits into one datagram of
// Ethernet.
//
// How many frames of parity there are, follows from the declared share: if each frame is lost with this probability, the codeword is lost with a probability below 1e-9,
// so that of a thousand windows all are restored with more than 0.999999.
const (
	frameMagic  = "mmframe\x01"
	frameHeader = 64
	payloadSize = 1024
	frameSize   = frameHeader + payloadSize

	windowWords = 3  // codewords of a window that is full: 10 MB
	endFrames   = 64 // the end of the stream is repeated as often

	lastWindow  = 1
	endOfStream = 2
)

// A frame is a frame's header.
type frame struct {
	stream  [8]byte
	offset  int64
	window  uint32
	index   uint32
	words   uint16
	data    uint16
	parity  uint16
	kind    byte
	length  uint32
	payload uint64 // its checksum
}

// put writes a frame, whose payload is in b already.
func (f *frame) put(b []byte) {
	clear(b[:frameHeader])
	copy(b, frameMagic)
	copy(b[8:], f.stream[:])
	binary.BigEndian.PutUint64(b[16:], uint64(f.offset)) //nolint:gosec // not negative
	binary.BigEndian.PutUint32(b[24:], f.window)
	binary.BigEndian.PutUint32(b[28:], f.index)
	binary.BigEndian.PutUint16(b[32:], f.words)
	binary.BigEndian.PutUint16(b[34:], f.data)
	binary.BigEndian.PutUint16(b[36:], f.parity)
	b[38] = f.kind
	binary.BigEndian.PutUint32(b[40:], f.length)
	binary.BigEndian.PutUint64(b[48:], xxhash.Sum64(b[frameHeader:frameSize]))
	binary.BigEndian.PutUint64(b[56:], xxhash.Sum64(b[:56]))
}

// parseFrame reads a frame's header. false: it is none, or damaged, or has values that cannot be.
func parseFrame(b []byte) (f frame, ok bool) {
	if len(b) < frameHeader || !bytes.HasPrefix(b, []byte(frameMagic)) || binary.BigEndian.Uint64(b[56:]) != xxhash.Sum64(b[:56]) {
		return f, false
	}
	f = frame{
		stream:  [8]byte(b[8:]),
		offset:  int64(binary.BigEndian.Uint64(b[16:])), //nolint:gosec // checked
		window:  binary.BigEndian.Uint32(b[24:]),
		index:   binary.BigEndian.Uint32(b[28:]),
		words:   binary.BigEndian.Uint16(b[32:]),
		data:    binary.BigEndian.Uint16(b[34:]),
		parity:  binary.BigEndian.Uint16(b[36:]),
		kind:    b[38],
		length:  binary.BigEndian.Uint32(b[40:]),
		payload: binary.BigEndian.Uint64(b[48:]),
	}
	if f.offset < 0 || f.offset > math.MaxInt64-math.MaxUint32 {
		return f, false
	}
	if f.kind == endOfStream {
		return f, true
	}
	frames := int(f.words) * (int(f.data) + int(f.parity))
	return f, f.kind <= lastWindow && f.words >= 1 && f.words <= windowWords && erasure.Fits(int(f.data), int(f.parity)) && int(f.index) < frames &&
		f.length > 0 && int64(f.length) <= int64(f.words)*int64(f.data)*payloadSize
}

// sent is how many frames of data a window has that are not only zeros behind its end.
func (f *frame) sent() int { return (int(f.length) + payloadSize - 1) / payloadSize }

// streamParity is how many frames of parity a codeword with so many of data needs: erasure.MaxPoints if no code has as many.
func streamParity(share Share, data int) int {
	const windows = 1000
	p := float64(share) / float64(whole)
	parity := 1
	for parity < erasure.MaxPoints && tail(data+parity, parity, p)*windows > unlikely {
		parity++
	}
	return parity
}

// IsStream reports whether there is a frame's header in the first bytes of something.
func IsStream(b []byte) bool {
	for {
		at := bytes.Index(b, []byte(frameMagic))
		if at < 0 {
			return false
		}
		if b = b[at:]; len(b) >= frameHeader {
			if _, ok := parseFrame(b); ok {
				return true
			}
		}
		b = b[1:]
	}
}
