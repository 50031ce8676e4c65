package deb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	magic      = "!<arch>\n"
	oldMagic   = "0.93" // deb-old(5)
	headerSize = 60
)

// An archive is what ar(1) makes, as deb(5) describes it, read from its beginning to its end.
type archive struct {
	r       io.Reader
	current *member
}

// A member is a file of an archive.
type member struct {
	name string
	size int64
	left int64 // not read yet
	r    io.Reader
}

func newArchive(r io.Reader) (*archive, error) {
	head := make([]byte, len(magic))
	n, err := io.ReadFull(r, head)
	switch {
	case err == io.EOF:
		return nil, errors.New("it is empty")
	case err != nil && err != io.ErrUnexpectedEOF:
		return nil, err
	case bytes.HasPrefix(head[:n], []byte(oldMagic)):
		return nil, errors.New("it is in the format of packages before 1996, which apt cannot read")
	case string(head[:n]) != magic:
		return nil, fmt.Errorf("it is not a Debian package: it begins with %q, not with %q", head[:n], magic)
	}
	return &archive{r: r}, nil
}

// next goes on to the next member; io.EOF: there is none.
func (a *archive) next() (*member, error) {
	if a.current != nil {
		if err := a.current.skip(); err != nil {
			return nil, a.current.wrap(err)
		}
		if a.current.size%2 == 1 { // members begin at even offsets
			if _, err := io.CopyN(io.Discard, a.r, 1); err != nil {
				return nil, err // also io.EOF: the padding after the last member is missing, too
			}
		}
	}
	head := make([]byte, headerSize)
	switch n, err := io.ReadFull(a.r, head); {
	case err == io.ErrUnexpectedEOF:
		return nil, fmt.Errorf("it is truncated, or damaged: the last member's header has %d bytes", n)
	case err != nil:
		return nil, err
	case string(head[58:]) != "`\n":
		return nil, errors.New("it is damaged: the header of a member does not end as it should")
	}
	name := strings.TrimSuffix(strings.TrimRight(string(head[:16]), " "), "/")
	size, err := strconv.ParseUint(strings.TrimRight(string(head[48:58]), " "), 10, 63)
	if err != nil {
		return nil, fmt.Errorf("it is damaged: the member %q has the size %q", name, head[48:58])
	}
	a.current = &member{name: name, size: int64(size), left: int64(size), r: a.r}
	return a.current, nil
}

// drain reads the rest of the file: dpkg ignores what follows data.tar.
func (a *archive) drain() error {
	if err := a.current.skip(); err != nil {
		return a.current.wrap(err)
	}
	_, err := io.Copy(io.Discard, a.r)
	return err
}

func (m *member) Read(p []byte) (int, error) {
	if m.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > m.left {
		p = p[:m.left]
	}
	n, err := m.r.Read(p)
	m.left -= int64(n)
	if err == io.EOF && m.left > 0 {
		err = fmt.Errorf("the file is truncated: %d of %d bytes are missing", m.left, m.size)
	} else if err == io.EOF {
		err = nil // of the file, not of the member: the next call says so
	}
	return n, err
}

func (m *member) skip() error {
	_, err := io.Copy(io.Discard, m)
	return err
}

func (m *member) wrap(err error) error { return fmt.Errorf("%s: %w", m.name, err) }
