package image

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/minimirror/minimirror/internal/atomicfile"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/image/signature"
)

// VerifySignature requires a signature of the image, or of the index that it was chosen from, by one of the keys. It keeps a valid signature beside the
// files of the cache: the registry is asked only if what is kept is not valid with the keys. The errors are those of Reader.VerifySignature.
func (m *Remote) VerifySignature(ctx context.Context, keys []signature.Key, o registry.Options) error {
	file := filepath.Join(m.cache.Dir(), keptFolder, signatureName(m.digests[0]))
	var kept signature.Found
	if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &kept) == nil {
		if _, err := signature.Verify(keys, m.digests, []signature.Found{kept}); err == nil {
			return nil
		}
	}
	verified, err := verifySignature(ctx, m.reference, keys, m.digests, Options{Registry: o})
	if err != nil {
		return fmt.Errorf("%s: %w", m.reference, err)
	}
	if text, err := json.Marshal(verified.Found); err == nil { // else it is read again at the next start
		_ = atomicfile.Write(file, text, 0o644)
	}
	return nil
}

// signatureName is the name of the file that keeps a signature of an image.
func signatureName(digest string) string { return "signature-" + strings.TrimPrefix(digest, "sha256:") }
