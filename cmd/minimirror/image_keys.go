package main

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
	"github.com/minimirror/minimirror/internal/image/registry"
	"github.com/minimirror/minimirror/internal/image/signature"
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
