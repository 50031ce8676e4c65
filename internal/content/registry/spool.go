package registry

import (
	"errors"
	"os"
	"sync"

	"github.com/opencontainers/go-digest"
)

// A stored manifest.
type stored struct {
	digest    digest.Digest
	mediaType string
	data      []byte
}

// A spool keeps manifests in a temporary file, so that each is read once from the registry, however many there are.
type spool struct {
	mu    sync.Mutex
	file  *os.File
	named bool // the file has a name
	end   int64
	at    map[digest.Digest]place
}

type place struct {
	mediaType    string
	offset, size int64
}

func newSpool() (*spool, error) {
	file, err := os.CreateTemp("", "minimirror-manifests-")
	if err != nil {
		return nil, err
	}
	s := &spool{file: file, at: map[digest.Digest]place{}}
	s.named = os.Remove(file.Name()) != nil // where it works, the file ends with the process
	return s, nil
}

func (s *spool) put(m stored) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, is := s.at[m.digest]; is {
		return nil
	}
	if _, err := s.file.WriteAt(m.data, s.end); err != nil {
		return err
	}
	s.at[m.digest] = place{m.mediaType, s.end, int64(len(m.data))}
	s.end += int64(len(m.data))
	return nil
}

func (s *spool) get(d digest.Digest) (m stored, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, found := s.at[d]
	if !found {
		return stored{}, false, nil
	}
	m = stored{d, p.mediaType, make([]byte, p.size)}
	_, err = s.file.ReadAt(m.data, p.offset)
	return m, true, err
}

// Close removes the file.
func (s *spool) Close() error {
	err := s.file.Close()
	if s.named {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}
