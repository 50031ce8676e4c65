package artifact

import "time"

// A Generated is a generated file of the mirror.
type Generated struct {
	Path     string // below the mirror's root; begins with the source's name
	Data     []byte
	Link     string   // instead of Data: the path of another file with the same content
	Pieces   *Pieces  // instead of Data, of a Filter: parts of a file that the image has
	Chunks   [][]byte // instead of Data, of a Filter: its bytes, one chunk behind the other
	Modified time.Time
}

// Pieces are consecutive parts of a file.
type Pieces struct {
	Path   string  // of the file
	Parts  []Range // in order
	Size   int64   // bytes in all
	SHA256 string  // of all
}

// A Range is a part of a file.
type Range struct{ Offset, Size int64 }

// A Signer signs the metadata of a mirror. Its signatures depend only on the
// key, the Signer's time and the text.
type Signer interface {
	ClearSign(text []byte) ([]byte, error)  // RFC 9580, section 7: cleartext signature
	DetachSign(text []byte) ([]byte, error) // armored detached signature
	PublicKey() []byte                      // armored
}
