package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/attached"
)

func newKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"ECDSA": ec, "Ed25519": ed}
}

func foundIn(t *testing.T, artifacts []attached.Artifact) (found []Found) {
	t.Helper()
	for _, a := range artifacts {
		for _, l := range a.Layers {
			found = append(found, Found{l.MediaType, l.Annotations, l.Data})
		}
	}
	return found
}

func TestVerify(t *testing.T) {
	image, other := digest.FromString("image"), digest.FromString("other")
	for name, key := range newKeys(t) {
		t.Run(name, func(t *testing.T) {
			signer := Signer{Key: key, Name: "minimirror.local/x", Date: time.Unix(1e9, 0), Image: image}
			made, err := signer.Sign()
			if err != nil {
				t.Fatal(err)
			}
			again, err := signer.Sign()
			if err != nil {
				t.Fatal(err)
			}
			stated, err := signer.Attest(Provenance, map[string]string{"a": "b"})
			if err != nil {
				t.Fatal(err)
			}
			found := foundIn(t, made)
			if len(found) != 2 || !bytes.Equal(found[1].Data, again[1].Layers[0].Data) || found[0].Annotations[annotation] != again[0].Layers[0].Annotations[annotation] {
				t.Fatalf("%d forms, or the same image has another signature", len(found))
			}
			own, strange := Key{"own.pub", key.Public()}, Key{"strange.pub", newKeys(t)[name].Public()}
			is := func(what string, keys []Key, digests []string, found []Found, want string) {
				t.Helper()
				_, err := Verify(keys, digests, found)
				if want == "" && err != nil || want != "" && (!errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), want)) {
					t.Errorf("%s: %v, want %q", what, err, want)
				}
			}
			for i := range found {
				form := found[i : i+1]
				is("own key", []Key{strange, own}, []string{image.String()}, form, "")
				is("of the index", []Key{own}, []string{other.String(), image.String()}, form, "")
				is("other key", []Key{strange}, []string{image.String()}, form, "none is valid with the key in strange.pub")
				is("other image", []Key{own}, []string{other.String()}, form, "about another image")
				changed := Found{form[0].MediaType, form[0].Annotations, bytes.Replace(form[0].Data, []byte(image.Encoded()), []byte(other.Encoded()), 1)}
				if i == 0 {
					is("changed", []Key{own}, []string{other.String()}, []Found{changed}, "none is valid")
				}
			}
			is("none", []Key{own}, []string{image.String()}, nil, "not signed")
			is("provenance alone", []Key{own}, []string{image.String()}, foundIn(t, stated), "not signed")
			is("rubbish", []Key{own}, []string{image.String()}, []Found{{BundleType, nil, []byte("{")}, {payloadType, map[string]string{annotation: "?"}, []byte("{}")}}, "not signed")
		})
	}
}

func TestReadKeys(t *testing.T) {
	none := func() ([]byte, error) { return nil, errors.New("no password is known") }
	encode := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	for name, key := range newKeys(t) {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ReadPrivate(encode("PRIVATE KEY", der), none); err != nil || got.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) == false {
			t.Errorf("%s: %v", name, err)
		}
		hidden, err := encrypted.Encrypt(der, []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		for kind := range encryptedTypes {
			if _, err := ReadPrivate(encode(kind, hidden), func() ([]byte, error) { return []byte("secret"), nil }); err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			if _, err := ReadPrivate(encode(kind, hidden), func() ([]byte, error) { return []byte("wrong"), nil }); err == nil || !strings.Contains(err.Error(), "password is wrong") {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			if _, err := ReadPrivate(encode(kind, hidden), none); err == nil || !strings.Contains(err.Error(), "no password") {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
		}
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPublic("x", encode("PUBLIC KEY", public)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ReadPublic("x", encode("PRIVATE KEY", der)); err == nil {
			t.Errorf("%s: a private key is taken for a public one", name)
		}
	}
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(large)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{string(encode("EC PRIVATE KEY", der)): "P-384", "": "not a private key", string(encode("PGP", nil)): `has "PGP"`} {
		if _, err := ReadPrivate([]byte(text), none); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want %q", text, err, want)
		}
	}
}

// reworded is a bundle whose statement was changed after it was signed, and still is a statement.
func reworded(t *testing.T, f Found) Found {
	t.Helper()
	var b bundle
	if err := json.Unmarshal(f.Data, &b); err != nil {
		t.Fatal(err)
	}
	b.Envelope.Payload = bytes.Replace(b.Envelope.Payload, []byte(`"predicate":"a"`), []byte(`"predicate":"b"`), 1)
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return Found{f.MediaType, f.Annotations, text}
}

// Provenance is about this image and signed with this key, in both of its forms; what is not is refused, and none is not an error.
func TestVerifyProvenance(t *testing.T) {
	keys := newKeys(t)
	image, other := digest.FromString("image"), digest.FromString("other")
	attest := func(key string, about digest.Digest, kind, predicate string) []Found {
		made, err := Signer{Key: keys[key], Name: "minimirror.local/x", Date: time.Unix(1e9, 0), Image: about}.Attest(kind, predicate)
		if err != nil {
			t.Fatal(err)
		}
		return foundIn(t, made)
	}
	own := Key{"own.pub", keys["ECDSA"].Public()}
	good, foreign, elsewhere := attest("ECDSA", image, Provenance, "a"), attest("Ed25519", image, Provenance, "a"), attest("ECDSA", other, Provenance, "a")
	changed := slices.Clone(good)
	for i := range changed { // the payload is base64: one letter of it
		at := bytes.Index(changed[i].Data, []byte(`"payload":"`)) + 200
		changed[i].Data = bytes.Clone(changed[i].Data)
		changed[i].Data[at] ^= 1
	}
	for name, test := range map[string]struct {
		found []Found
		want  string
	}{
		"one":            {good, "a"},
		"each form":      {good[:1], "a"},
		"bundle":         {good[1:], "a"},
		"two":            {append(attest("ECDSA", image, Provenance, "b"), good...), "b a"},
		"foreign, too":   {append(slices.Clone(foreign), good...), "a"},
		"none":           {nil, ""},
		"signature":      {attest("ECDSA", image, signPredicate, "a"), ""},
		"foreign":        {foreign, "is not valid with the key in own.pub"},
		"another's":      {elsewhere, "is about another image, " + other.String() + ": this one is " + image.String()},
		"damaged":        {[]Found{{BundleType, nil, []byte("{")}}, "is damaged"},
		"changed bundle": {changed[1:], "is damaged"},
		"changed":        {[]Found{reworded(t, good[1])}, "is not valid with the key"},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := VerifyProvenance([]Key{own}, []string{image.String()}, test.found)
			if err != nil {
				if !errors.Is(err, artifact.ErrVerify) || !strings.Contains(err.Error(), test.want) || test.want == "" {
					t.Errorf("%v, want %q", err, test.want)
				}
				return
			}
			var got []string
			for _, s := range all {
				got = append(got, strings.Trim(string(s.Predicate), `"`))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// A file with two keys is refused: it would be unclear which of them counts.
func TestTwoKeys(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	one := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if _, err := ReadPublic("one.pub", one); err != nil {
		t.Error(err)
	}
	if _, err := ReadPublic("two.pub", append(one, one...)); err == nil || !strings.Contains(err.Error(), "two.pub: it has more than one key") {
		t.Errorf("%v", err)
	}
}
