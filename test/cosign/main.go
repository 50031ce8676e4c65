// Command cosign verifies an image in a registry with cosign's own library and a public key, without a network beyond the registry:
//
//	cosign HOST/NAME@sha256:DIGEST KEY
//
// It prints a line for each signature: "tag"; for each statement at a tag, "attested" with the type of the predicate and the predicate; and for each
// bundle, "bundle" with the same. It is a module of its own, so that its dependencies stay out of miniMirror's.
package main

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, image, key string) error {
	ref, err := name.ParseReference(image)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(key)
	if err != nil {
		return err
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey(text)
	if err != nil {
		return err
	}
	verifier, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		return err
	}
	options := cosign.CheckOpts{SigVerifier: verifier, IgnoreTlog: true, IgnoreSCT: true, ClaimVerifier: cosign.SimpleClaimVerifier}
	signed, _, err := cosign.VerifyImageSignatures(ctx, ref, &options)
	if err != nil {
		return fmt.Errorf("tag: %w", err)
	}
	for range signed {
		fmt.Println("tag")
	}
	options.ClaimVerifier = cosign.IntotoSubjectClaimVerifier
	if err := print(ctx, "attested", ref, &options); err != nil {
		return err
	}
	options.NewBundleFormat = true
	options.TrustedMaterial = &root.BaseTrustedMaterial{} // no authority: the key alone
	return print(ctx, "bundle", ref, &options)
}

// print verifies statements in one form, and prints them.
func print(ctx context.Context, form string, ref name.Reference, options *cosign.CheckOpts) error {
	stated, _, err := cosign.VerifyImageAttestations(ctx, ref, options)
	if err != nil {
		return fmt.Errorf("%s: %w", form, err)
	}
	for _, s := range stated {
		if s == nil {
			return fmt.Errorf("%s: one of %d does not verify", form, len(stated))
		}
		payload, err := s.Payload()
		if err != nil {
			return err
		}
		var envelope struct{ Payload string }
		if err := json.Unmarshal(payload, &envelope); err != nil {
			return err
		}
		text, err := base64.StdEncoding.DecodeString(envelope.Payload)
		if err != nil {
			return err
		}
		var statement struct {
			PredicateType string
			Predicate     json.RawMessage
		}
		if err := json.Unmarshal(text, &statement); err != nil {
			return err
		}
		fmt.Println(form, statement.PredicateType, string(statement.Predicate))
	}
	return nil
}
