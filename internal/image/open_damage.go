package image

import (
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/minimirror/minimirror/internal/artifact"
)

// damaged marks an error that only a modified or damaged image can cause: artifact.ErrVerify.
func damaged(err error) error {
	if err == nil || errors.Is(err, artifact.ErrVerify) {
		return err
	}
	return artifact.Verifyf("%w", err)
}

// missing is damaged for a part that the image lists but does not have.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return damaged(err)
	}
	return err
}

// copyAgain adds a hint to an error about a damaged image.
func copyAgain(err error) error {
	var hint *artifact.HintError
	if !errors.Is(err, artifact.ErrVerify) || errors.As(err, &hint) {
		return err
	}
	return artifact.Hint(err, "the image has changed since it was built: copy it again from its origin, or build it again with minimirror build")
}

// decode reads a JSON document of an image.
func decode(text []byte, document any) error {
	return damaged(json.Unmarshal(text, document))
}
