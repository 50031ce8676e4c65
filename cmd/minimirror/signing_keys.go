package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/signing"
)

// knownKeys reads the keys of --sign-key, or this user's own if there is one, and refuses those that the definition does not
// want. None: the user's own key has to be made.
func (c *command) knownKeys(d *builder.Definition, files []string) (signing.Keys, error) {
	if len(files) == 0 {
		own, err := signing.OwnFile()
		if err == nil {
			_, err = os.Stat(own)
		}
		switch {
		case err == nil:
			files = []string{own}
		case d.PinsSigningKey() && errors.Is(err, fs.ErrNotExist):
			return nil, artifact.Hint(fmt.Errorf("the definition requires a signing key, and there is none: %w", err), "name the file of the key with --sign-key")
		default:
			return nil, nil // signing.Own makes it, or reports the error
		}
	}
	keys, err := signing.ReadAll(files, c.now())
	if err != nil {
		return nil, err
	}
	signing.Warn(c.log(), keys.Infos(), c.now())
	return keys, d.CheckSigningKeys(keys)
}

// ownKey returns the keys, or if there are none makes this user's own.
func (c *command) ownKey(keys signing.Keys) (signing.Keys, error) {
	if keys != nil {
		return keys, nil
	}
	key, made, err := signing.Own(c.now())
	if err != nil {
		return nil, err
	}
	if made != "" {
		fmt.Fprintf(c.stderr, "created a signing key: %s (keep a copy: clients trust what it signs)\n", made)
	}
	return signing.Keys{key}, nil
}

// imageKeys describes the keys of an image's keyring, and warns of those that have expired or will soon.
func (c *command) imageKeys(public []byte) ([]signing.Info, error) {
	infos, err := signing.ReadPublic(public)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", layout.KeyPath, err)
	}
	signing.Warn(c.log(), infos, c.now())
	return infos, nil
}
