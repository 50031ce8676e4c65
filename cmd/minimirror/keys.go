package main

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/minimirror/minimirror/builder"
	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/image/signature"
	"github.com/minimirror/minimirror/internal/signing"
)

// verifyKeyFlag declares --verify-key.
func (c *command) verifyKeyFlag() *[]string {
	return c.flags.StringArray("verify-key", nil, "file with a public key (PEM) that must have signed the image; may be repeated: a signature by one of the keys is enough")
}

// verifySigned requires a signature of the image by one of the keys in the files, if there are any.
func (c *command) verifySigned(ctx context.Context, img *image.Reader, files []string, options registry.Options) error {
	keys, err := readVerifyKeys(ctx, files)
	if err != nil || len(keys) == 0 {
		return err
	}
	if _, err = img.VerifySignature(ctx, keys, image.Options{Registry: options}); err != nil {
		err = fmt.Errorf("%s: %w", img.Reference, err)
	}
	return err
}

func readVerifyKeys(ctx context.Context, files []string) ([]signature.Key, error) {
	keys := make([]signature.Key, len(files))
	for i, file := range files {
		data, err := artifact.ReadInput(ctx, file)
		if err != nil {
			return nil, fmt.Errorf("--verify-key: %w", err)
		}
		if keys[i], err = signature.ReadPublic(file, data); err != nil {
			return nil, fmt.Errorf("--verify-key: %w", err)
		}
	}
	return keys, nil
}

// pinned is the digest by which a kit names an image in a registry: that of the index of all platforms, unless the image alone is signed.
func (c *command) pinned(ctx context.Context, img *image.Reader, files []string, options registry.Options) (string, error) {
	keys, err := readVerifyKeys(ctx, files)
	if err != nil || img.IndexDigest() == "" {
		return img.Digest, err
	}
	if len(keys) == 0 {
		return img.IndexDigest(), nil
	}
	err = img.VerifyIndexSignature(ctx, keys, image.Options{Registry: options})
	if err == nil {
		return img.IndexDigest(), nil
	}
	if !errors.Is(err, artifact.ErrVerify) {
		return "", fmt.Errorf("%s: %w", img.Reference, err)
	}
	fmt.Fprintf(c.stderr, "warning: only the image for %s is signed, not the index: the kit names this image, which other machines cannot run\n", img.Platform())
	return img.Digest, nil
}

// imageKeys reads the private keys (PEM) that a flag names.
func imageKeys(ctx context.Context, files []string, flag string) (keys []crypto.Signer, err error) {
	for _, file := range files {
		data, err := artifact.ReadInput(ctx, file)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", flag, err)
		}
		key, err := signature.ReadPrivate(data, keyPassword)
		if err != nil {
			return nil, fmt.Errorf("--%s: %s: %w", flag, file, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// keyPassword is the password of an encrypted key.
func keyPassword() ([]byte, error) {
	if text, found := os.LookupEnv("MINIMIRROR_KEY_PASSWORD"); found {
		return []byte(text), nil
	}
	if file := os.Getenv("MINIMIRROR_KEY_PASSWORD_FILE"); file != "" {
		data, err := artifact.ReadFile(file)
		return bytes.TrimRight(data, "\r\n"), err
	}
	return nil, artifact.Hint(errors.New("it is encrypted"), "put its password into MINIMIRROR_KEY_PASSWORD, or the password's file into MINIMIRROR_KEY_PASSWORD_FILE")
}

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
