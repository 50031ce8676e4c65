// Package generated holds the files that take the place of files of the image because of the rules, such as lists without what is
// denied. Kinds make them (artifact.Filterer) each time the rules change; package server decides which are in force, and sends them.
//
//	artifact.Generated ──▶ Files.Add ──▶ File.Open ──▶ server
//
// A File is chunks of memory, which others may share, or pieces of a file of the image. Chunks are sent by sendfile(2), where the
// connection takes files: see memoryFile.
package generated

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/catalog"
)

// A File takes the place of the image's file of the same path. The caller may change Since; all else stays as it is.
type File struct {
	catalog.File
	Since time.Time // when it was made; zero: the clock is wrong

	chunks [][]byte         // its bytes, one chunk behind the other; other files may share them
	memory *memoryFile      // of the chunks
	pieces *artifact.Pieces // instead of chunks
	image  *image.Image     // that has the pieces
}

// Keeps returns how many bytes of memory the file keeps. Chunks in counted are not counted again; the file's own are added to it.
func (f *File) Keeps(counted map[*byte]bool) (size int64) {
	if f.pieces != nil {
		size = int64(len(f.pieces.Parts)) * 16
	}
	for _, c := range f.chunks {
		if len(c) > 0 && !counted[&c[0]] {
			counted[&c[0]] = true
			size += int64(len(c))
		}
	}
	return size
}

// Open opens the file for one reader. sendfile says whether that reader can send files by sendfile(2).
func (f *File) Open(sendfile bool) (io.ReadSeekCloser, error) {
	if f.pieces == nil {
		r := newChunkReader(f.chunks)
		if sendfile {
			r.memory = f.memory
		}
		return r, nil
	}
	section, err := f.image.OpenFile(f.pieces.Path)
	if err != nil {
		return nil, err
	}
	r := &pieceReader{section: section, parts: f.pieces.Parts, ends: make([]int64, len(f.pieces.Parts))}
	end := int64(0)
	for i, part := range r.parts {
		end += part.Size
		r.ends[i] = end
	}
	r.size = end
	return readSeekCloser{io.NewSectionReader(r, 0, end), section}, nil
}

// Drop says that the file is no longer in force. Those who still read it can do so, but without sendfile(2).
func (f *File) Drop() { f.memory.drop() }

// Files are files by their path.
type Files map[string]*File

// Add adds files that a kind has made at the time since. Pieces are those of files in img. A link may lead to one of these files, or
// to one that was added before.
func (all Files) Add(files []artifact.Generated, img *image.Image, since time.Time) error {
	for i := range files {
		f := &files[i]
		if f.Link != "" {
			continue
		}
		file := &File{File: catalog.File{Path: f.Path, Modified: f.Modified}, chunks: f.Chunks, pieces: f.Pieces, image: img, Since: since}
		if f.Pieces != nil {
			file.Size, file.SHA256 = f.Pieces.Size, f.Pieces.SHA256
		} else {
			file.memory = new(memoryFile)
			if f.Chunks == nil {
				file.chunks = [][]byte{f.Data}
			}
			hash := sha256.New()
			for _, c := range file.chunks {
				file.Size += int64(len(c))
				hash.Write(c)
			}
			file.SHA256 = hex.EncodeToString(hash.Sum(nil))
		}
		all[f.Path] = file
	}
	for _, f := range files {
		if f.Link == "" {
			continue
		}
		target := all[f.Link]
		if target == nil {
			return fmt.Errorf("%s is a link to %s, which is not made", f.Path, f.Link)
		}
		link := *target
		link.Path = f.Path
		all[f.Path] = &link
	}
	return nil
}
