package repository

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"
	"runtime"
	"slices"
	"sort"

	"github.com/klauspost/compress/flate"
	"golang.org/x/sync/errgroup"

	"github.com/minimirror/minimirror/internal/artifact"
)

const (
	// filterLevel is as fast as any, and what it makes an eighth larger than by Plan: rules change more often than images.
	filterLevel = 2
	// packWindow is how much of the image's index makes a chunk of the packed one, in bytes.
	packWindow = 256 << 10
)

// gzipHeader is that of a file without a name and time (RFC 1952, section 2.3), and deflateEnd an empty last
// block (RFC 1951, section 3.2.6).
var (
	gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}
	deflateEnd = []byte{3, 0}
)

// pack reads what stays: its digest, and its bytes in gzip. The packed file is one gzip member of chunks; each is what stays of one
// window of the image's file, deflated by itself up to the next byte (RFC 1951, section 3.2.4). So chunks are made
// in parallel, and those of windows from which nothing else is absent than before are there already.
func (x *indexFilter) pack(ctx context.Context, req *artifact.FilterRequest, parts []artifact.Range, left int64, before map[string]*artifact.Generated) error {
	body, err := req.Open(x.path)
	if err != nil {
		return err
	}
	defer body.Close()
	windows := int((x.listed.Size + packWindow - 1) / packWindow)
	reuse := x.reusable(before, parts, windows)
	p := newPacker(windows, min(left, packWindow))
	reader, position := bufio.NewReaderSize(contextReader{ctx, body}, readBuffer), int64(0)
	hash, check := sha256.New(), crc32.NewIEEE()
	read := func(window int) error {
		job := <-p.idle
		job.text = job.text[:0]
		for _, part := range clip(parts, window) {
			if _, err := reader.Discard(int(part.Offset - position)); err != nil {
				return err
			}
			begin := len(job.text)
			job.text = job.text[:begin+int(part.Size)]
			if _, err := io.ReadFull(reader, job.text[begin:]); err != nil {
				return err
			}
			position = part.Offset + part.Size
		}
		hash.Write(job.text)
		check.Write(job.text)
		if p.chunks[window] = reuse[window]; reuse[window] != nil || len(job.text) == 0 {
			p.idle <- job
		} else {
			p.deflate(window, job)
		}
		return nil
	}
	for window := 0; window < windows && err == nil; window++ {
		err = read(window)
	}
	if waited := p.group.Wait(); err == nil {
		err = waited
	}
	if err != nil {
		return err
	}
	tail := binary.LittleEndian.AppendUint32(slices.Clone(deflateEnd), check.Sum32())
	tail = binary.LittleEndian.AppendUint32(tail, uint32(left))
	x.plainSum = artifact.Content{Size: left, SHA256: hex.EncodeToString(hash.Sum(nil))}
	x.plain = artifact.Generated{Path: x.path, Modified: req.Date,
		Pieces: &artifact.Pieces{Path: x.path, Parts: parts, Size: left, SHA256: x.plainSum.SHA256}}
	x.packed = artifact.Generated{Path: x.path + ".gz", Modified: req.Date,
		Chunks: slices.Concat([][]byte{gzipHeader}, p.chunks, [][]byte{tail})}
	hash.Reset()
	for _, chunk := range x.packed.Chunks {
		x.packedSum.Size += int64(len(chunk))
		hash.Write(chunk)
	}
	x.packedSum.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return nil
}

// reusable returns the chunks that can be taken over, by window.
func (x *indexFilter) reusable(before map[string]*artifact.Generated, parts []artifact.Range, windows int) [][]byte {
	chunks := make([][]byte, windows)
	plain, packed := before[x.path], before[x.path+".gz"]
	if plain == nil || plain.Pieces == nil || packed == nil || len(packed.Chunks) != windows+2 {
		return chunks
	}
	for i := range chunks {
		if slices.Equal(clip(parts, i), clip(plain.Pieces.Parts, i)) {
			chunks[i] = packed.Chunks[i+1]
		}
	}
	return chunks
}

// clip returns what of parts, which are in order, lies in a window.
func clip(parts []artifact.Range, window int) (within []artifact.Range) {
	from := int64(window) * packWindow
	to := from + packWindow
	first := sort.Search(len(parts), func(i int) bool { return parts[i].Offset+parts[i].Size > from })
	for _, part := range parts[first:] {
		begin, end := max(part.Offset, from), min(part.Offset+part.Size, to)
		if begin >= end {
			break
		}
		within = append(within, artifact.Range{Offset: begin, Size: end - begin})
	}
	return within
}

// A packer deflates chunks on all processors.
type packer struct {
	chunks [][]byte // by window; nil: nothing stays
	group  errgroup.Group
	idle   chan *packJob
}

// A packJob is the memory that one chunk takes while it is made.
type packJob struct {
	text   []byte
	packed bytes.Buffer
	zip    *flate.Writer // nil: not yet used
}

// newPacker returns a packer of texts of at most size bytes.
func newPacker(windows int, size int64) *packer {
	n := min(runtime.GOMAXPROCS(0), max(windows, 1))
	p := &packer{chunks: make([][]byte, windows), idle: make(chan *packJob, n)}
	for range n {
		p.idle <- &packJob{text: make([]byte, 0, size)}
	}
	return p
}

func (p *packer) deflate(window int, job *packJob) {
	p.group.Go(func() (err error) {
		defer func() { p.idle <- job }()
		if job.zip == nil {
			if job.zip, err = flate.NewWriter(nil, filterLevel); err != nil {
				return err
			}
		}
		job.packed.Reset()
		job.zip.Reset(&job.packed)
		if _, err := job.zip.Write(job.text); err != nil {
			return err
		}
		if err := job.zip.Flush(); err != nil {
			return err
		}
		p.chunks[window] = bytes.Clone(job.packed.Bytes())
		return nil
	})
}
